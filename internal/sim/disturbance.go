package sim

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

// disturbance lets goroutines of a world go on in another order than they would by themselves, as other processors and other
// load do. It draws from no seed, and what happens in the world must not show it.
type disturbance bool

// busy keeps a processor busy, with what is not optimized away.
var busy atomic.Uint64

// disturb holds the goroutine up, mostly not.
func (d disturbance) disturb() {
	if !d {
		return
	}
	switch rand.IntN(4) {
	case 0:
		for range rand.IntN(6) {
			runtime.Gosched()
		}
	case 1:
		for range rand.IntN(20_000) {
			busy.Add(1)
		}
	}
}
