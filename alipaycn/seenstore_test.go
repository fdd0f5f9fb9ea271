package alipaycn

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMemorySeenStoreKeepsIDsUntilTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewMemorySeenStore(0)
		requireAdded(t, s, "a", time.Hour, true)
		requireAdded(t, s, "a", 2*time.Hour, false)
		time.Sleep(time.Hour - time.Nanosecond)
		requireSeen(t, s, "a", true)
		requireSeen(t, s, "b", false)

		time.Sleep(time.Nanosecond)
		requireSeen(t, s, "a", false)
		requireAdded(t, s, "a", time.Hour, true)
		requireSeen(t, s, "a", true)
	})
}

func TestMemorySeenStoreDropsTheFirstWhenFull(t *testing.T) {
	s := NewMemorySeenStore(3)
	for i := range 5 {
		requireAdded(t, s, strconv.Itoa(i), time.Hour, true)
	}
	for i := range 5 {
		requireSeen(t, s, strconv.Itoa(i), i >= 2)
	}
	require.Len(t, s.queue, 3)
	require.Len(t, s.until, 3)
}

func TestMemorySeenStoreDropsWhatHasExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewMemorySeenStore(0)
		for i := range 10 {
			requireAdded(t, s, strconv.Itoa(i), time.Minute, true)
		}
		time.Sleep(time.Minute)
		requireAdded(t, s, "later", time.Minute, true)
		require.Len(t, s.queue, 1)
		require.Len(t, s.until, 1)
	})
}

func TestMemorySeenStoreKeepsAnIDThatCameAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewMemorySeenStore(3)
		requireAdded(t, s, "long", time.Hour, true)
		requireAdded(t, s, "again", time.Minute, true)
		time.Sleep(time.Minute)
		requireAdded(t, s, "again", time.Hour, true)
		requireAdded(t, s, "x", time.Hour, true) // "long" goes, then the first "again", which has expired
		requireSeen(t, s, "long", false)
		requireSeen(t, s, "again", true)
	})
}

func requireAdded(t *testing.T, s *MemorySeenStore, id string, life time.Duration, want bool) {
	t.Helper()
	added, err := s.Add(t.Context(), id, time.Now().Add(life))
	require.NoError(t, err)
	require.Equal(t, want, added, id)
}

func requireSeen(t *testing.T, s *MemorySeenStore, id string, want bool) {
	t.Helper()
	seen, err := s.Seen(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, want, seen, id)
}
