package polling

import (
	"crypto/rand"
	"encoding/binary"
)

// Jitter returns a number in [0, 1) that spreads waits, so that many who wait do not come back at once. It draws from
// [crypto/rand.Reader]: a test that replaces this one source of randomness has the waits in hand as well as the ids. It is
// safe for concurrent use.
func Jitter() float64 {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails
	return float64(binary.BigEndian.Uint64(raw[:])>>11) / (1 << 53)
}
