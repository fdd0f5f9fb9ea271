package sim

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"
)

// randomness stands in for [crypto/rand.Reader]. What it gives depends on the seed, the virtual time and the functions that
// ask, and not on who asked before, so that two goroutines that run at once get the same in either order. Those that ask by
// the same functions must not run at once: a scheduler lets each of them go on at an instant of its own.
type randomness struct {
	disturbance

	seed uint64

	mu    sync.Mutex
	at    time.Time
	drawn map[uint64]uint64 // at this time, by who asks
	names map[uintptr]uint64
}

func newRandomness(seed uint64, d disturbance) *randomness {
	return &randomness{disturbance: d, seed: seed, drawn: map[uint64]uint64{}, names: map[uintptr]uint64{}}
}

// Read implements [io.Reader].
func (r *randomness) Read(b []byte) (int, error) {
	r.disturb()
	var callers [24]uintptr
	n := runtime.Callers(2, callers[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); !now.Equal(r.at) {
		r.at = now
		clear(r.drawn)
	}
	asks := uint64(0)
	for _, pc := range callers[:n] {
		asks = asks*1_099_511_628_211 + r.name(pc)
	}
	r.drawn[asks]++
	source := rand.NewPCG(r.seed^asks, uint64(r.at.UnixNano())^r.drawn[asks]<<32)
	var word [8]byte
	for i := 0; i < len(b); i += len(word) {
		binary.LittleEndian.PutUint64(word[:], source.Uint64())
		copy(b[i:], word[:])
	}
	return len(b), nil
}

// name is a hash of the function's name: it stays the same when others are compiled anew.
func (r *randomness) name(pc uintptr) uint64 {
	hash, known := r.names[pc]
	if !known {
		hash = 14_695_981_039_346_656_037
		for _, c := range []byte(runtime.FuncForPC(pc - 1).Name()) {
			hash = (hash ^ uint64(c)) * 1_099_511_628_211
		}
		r.names[pc] = hash
	}
	return hash
}
