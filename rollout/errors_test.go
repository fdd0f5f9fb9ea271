package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAFailureHasOneLine(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		// Nothing can be written: neither the state nor the end of the lease.
		readOnly := hookedStore{Store: s.store, hook: func(_ context.Context, c storeCall, do func() error) error {
			if c.method == "Save" || c.method == "Release" {
				return fmt.Errorf("%s: %w", strings.ToLower(c.method), syscall.EROFS)
			}
			return do()
		}}
		_, err := s.runnerOf(s.fake, readOnly).Run(t.Context())
		require.ErrorIs(t, err, syscall.EROFS)
		require.NotContains(t, err.Error(), "\n")
	})
}

// What a run that is stopped in the middle of a change has done is not reported as what it waits for.
func TestAChangeThatIsDoneIsNotPending(t *testing.T) {
	t.Parallel()
	for op, tt := range map[rollouttest.Op]struct {
		line string
		live alipayplus.Ratio
	}{
		rollouttest.OpApply:   {"apply for review", 0},
		rollouttest.OpRaise:   {"raise from 0% to 10%", 10},
		rollouttest.OpPublish: {"release to all users, from 50%", 100},
	} {
		runOnStage(t, string(op), plain(), func(t *testing.T, s *stage) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s.between(op, cancel)

			state, err := s.runner().Run(ctx)

			require.ErrorIs(t, err, rollout.ErrPending)
			require.EqualError(t, err, "rollout release 1 is still pending: the next observation of the target, after: "+tt.line+"; run it again to go on")
			require.Equal(t, tt.live, state.Ratio)
		})
	}
}

func TestARefusalThatCannotBeStoredGivesBothErrors(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		time.Sleep(2 * time.Hour)
		s.fake.FailNext(rollouttest.OpRaise, 1, alipayplus.ErrPermission)
		full := errors.New("disk full")
		_, err := s.runnerOf(s.fake, fullStore(s.store, new(int), 2, full)).Run(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrPermission)
		require.ErrorIs(t, err, full)
		require.Equal(t, 2, s.fake.Calls(rollouttest.OpRaise), "to 10 %, and the refused one")
	})
}
