package locks

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOneHolderOfANameAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k Keyed
		unlock, err := k.Lock(t.Context(), "a")
		require.NoError(t, err)
		other, err := k.Lock(t.Context(), "b")
		require.NoError(t, err, "another name is another lock")
		other()

		var second func()
		go func() { second, _ = k.Lock(t.Context(), "a") }()
		synctest.Wait()
		require.Nil(t, second)
		unlock()
		synctest.Wait()
		require.NotNil(t, second, "it was waiting")
		second()
		require.Empty(t, k.locks, "a lock without users is forgotten")
	})
}

func TestWaitingForANameEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k Keyed
		unlock, err := k.Lock(t.Context(), "a")
		require.NoError(t, err)
		why := errors.New("too late")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		_, err = k.Lock(ctx, "a")
		require.ErrorIs(t, err, context.DeadlineExceeded, "whatever its cause")
		unlock()
		require.Empty(t, k.locks)
	})
}
