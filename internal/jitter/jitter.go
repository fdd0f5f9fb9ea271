// Package jitter spreads waits, so that many who wait do not come back at once. It draws from [crypto/rand.Reader], so that
// a test that replaces this one source of randomness has the waits in hand as well as the ids.
package jitter

import (
	"crypto/rand"
	"encoding/binary"
)

// Float64 returns a number in [0, 1). It is safe for concurrent use.
func Float64() float64 {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails
	return float64(binary.BigEndian.Uint64(raw[:])>>11) / (1 << 53)
}
