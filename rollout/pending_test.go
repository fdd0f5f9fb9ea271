package rollout_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// What a run that is stopped in the middle of a change has done is not told as what it waits for.
func TestAChangeThatIsDoneIsNotPending(t *testing.T) {
	for op, tt := range map[rollouttest.Op]struct {
		line string
		live alipayplus.Ratio
	}{
		rollouttest.OpApply:   {"apply for review", 0},
		rollouttest.OpRaise:   {"raise from 0% to 10%", 10},
		rollouttest.OpPublish: {"release to all users, from 50%", 100},
	} {
		t.Run(string(op), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, plain())
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s.between(op, cancel)

				state, err := s.runner().Run(ctx)

				require.ErrorIs(t, err, rollout.ErrPending)
				require.EqualError(t, err, "rollout release 1 is still pending: a look at the target, after: "+tt.line+"; run it again to go on")
				require.Equal(t, tt.live, state.Ratio)
			})
		})
	}
}
