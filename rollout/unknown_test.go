package rollout_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// The first attempt is on its way for long, the second one is refused, and then the first
// arrives. That is the rollout's own change, whoever runs it by then.
func TestAChangeThatArrivesAfterItsRepetitionWasRefusedIsTheRollouts(t *testing.T) {
	for name, tt := range map[string]struct {
		op      rollouttest.Op
		arrives func(*rollouttest.Fake) error
	}{
		"an application": {rollouttest.OpApply, func(f *rollouttest.Fake) error { return f.ApplyAs("olga") }},
		"a raise":        {rollouttest.OpRaise, func(f *rollouttest.Fake) error { return f.SetRatio("olga", 10) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, plain())
				answers := []error{alipayplus.ErrOutcomeUnknown, alipayplus.ErrPermission}
				var keys []string
				s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
					if c.Op != tt.op || len(keys) == len(answers) {
						return nil
					}
					keys = append(keys, c.Change.RequestID)
					return answers[len(keys)-1]
				})
				_, err := s.runner().Run(t.Context())
				require.EqualError(t, err, "rollout release 1: permission denied")
				require.Equal(t, keys[0], keys[1])
				require.NoError(t, tt.arrives(s.fake))
				time.Sleep(time.Minute)

				s.requireDone(s.runner().Run(t.Context()))

				require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
			})
		})
	}
}

// The answer to an abort gets lost, or the process dies before it stored it. Who repeats
// it finds the version canceled, and must still say what that means for its users.
func TestAnAbortThatIsRepeatedStillSaysWhatItMeansForUsers(t *testing.T) {
	for name, tt := range map[string]struct {
		spec  rollout.Spec
		after time.Duration
		want  string
	}{
		"in grayscale":   {plain(), 10 * time.Minute, "the version is canceled and cannot go to this target again; what the 10% of users who have it will see is not documented"},
		"in preparation": {approvedFirst(), 10 * time.Minute, "nobody has the version; it is canceled and cannot go to this target again"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				given := newWorld(t, approving())
				release := given.release(given.program(), "1.0.0")
				store, target := rollout.NewMemoryStore(), rollout.ForRelease(given.owner, release.ID)
				first, err := rollout.New(target, tt.spec, store, rollout.WithHost("a"))
				require.NoError(t, err)
				_, err = first.Run(deadline(t, tt.after))
				require.ErrorIs(t, err, rollout.ErrPending)
				dying, err := rollout.New(lostAbort{target}, tt.spec, store, rollout.WithHost("a"))
				require.NoError(t, err)
				_, err = dying.Abort(t.Context(), "lin", "no")
				require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
				require.Equal(t, alipayplus.ReleaseCanceled, given.read(release.ID).Status)

				state, err := first.Run(t.Context())

				require.ErrorIs(t, err, rollout.ErrAborted)
				require.Equal(t, tt.want, state.Stop.Aftermath)
			})
		})
	}
}

// lostAbort is a target whose answers to an abort get lost.
type lostAbort struct{ rollout.Target }

func (l lostAbort) Abort(ctx context.Context, c rollout.Change) (string, error) {
	if _, err := l.Target.Abort(ctx, c); err != nil {
		return "", err
	}
	return "", alipayplus.ErrOutcomeUnknown
}

// approvedFirst is plain, where the first ratio waits for an approval.
func approvedFirst() rollout.Spec {
	spec := plain()
	spec.Steps[0].Approval = true
	return spec
}
