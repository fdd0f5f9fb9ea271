package storage

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommitLogKnowsTheKeysSinceAVersion(t *testing.T) {
	for _, before := range []int{0, 1, logCapacity - 2, logCapacity, logCapacity + 5, 3*logCapacity - 1} {
		t.Run(fmt.Sprint(before, " earlier keys"), func(t *testing.T) {
			var log commitLog
			for i := range before {
				log.add(uint64(i+1), "earlier")
			}
			last := uint64(before)
			log.add(last+1, "a")
			log.add(last+2, "b")
			log.add(last+2, "c")

			require.True(t, log.touched(last, keys("a")))
			require.True(t, log.touched(last, keys("x", "b")))
			require.True(t, log.touched(last+1, keys("b")))
			require.True(t, log.touched(last+1, keys("c")))
			require.False(t, log.touched(last+1, keys("a")), "a was written before")
			require.False(t, log.touched(last+2, keys("a", "b", "c")), "nothing came after")
			require.False(t, log.touched(last, keys("earlier")), "it was written before")
			require.False(t, log.touched(last, keys("x")), "nobody wrote it")
		})
	}
}

func TestCommitLogSaysYesAboutWhatItForgot(t *testing.T) {
	var log commitLog
	for i := range logCapacity + 10 {
		log.add(uint64(i+1), "a")
	}
	require.True(t, log.touched(9, keys("x")), "the key of version 10 is forgotten")
	require.False(t, log.touched(10, keys("x")), "all keys since are known")
	require.Len(t, log.ring, logCapacity)
}

// One commit may write more than the log holds.
func TestCommitLogForgetsPartOfACommit(t *testing.T) {
	var log commitLog
	log.add(1, "a")
	for range logCapacity + 1 {
		log.add(2, "b")
	}
	require.True(t, log.touched(1, keys("x")))
	require.False(t, log.touched(2, keys("x")))
}

func keys(keys ...string) *footprint {
	var f footprint
	for _, key := range keys {
		f.addKey(key)
	}
	return &f
}
