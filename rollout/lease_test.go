package rollout_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestALeaseIsKeptHoweverLongAGateOrACallTakes(t *testing.T) {
	const long = 100 * time.Second // the lease would end after 30 seconds
	for name, slow := range map[string]func(*stage, func()){
		"a gate": func(s *stage, during func()) {
			s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
				during()
				return rollout.Passed("fine"), nil
			}
		},
		"a reading": func(s *stage, during func()) { s.between(rollouttest.OpObserve, during) },
		"a change":  func(s *stage, during func()) { s.between(rollouttest.OpRaise, during) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spec := hourly()
				spec.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(30 * time.Minute), Timeout: rollout.Duration(2 * long)}
				s := newStage(t, spec)
				tried := 0
				slow(s, func() {
					for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(10 * time.Second) {
						tried++
						_, err := s.store.Acquire(t.Context(), "release 1", "another")
						require.ErrorIs(t, err, rollout.ErrLeased)
					}
				})
				s.requireDone(s.runner().Run(t.Context()))
				require.GreaterOrEqual(t, tried, 10)
			})
		})
	}
}

// unrenewable is a store whose leases cannot be renewed from some time on; all else of
// them still works.
type unrenewable struct {
	rollout.Store
	from time.Time
}

func (s unrenewable) Acquire(ctx context.Context, name, holder string) (rollout.Lease, error) {
	lease, err := s.Store.Acquire(ctx, name, holder)
	return unrenewableLease{lease, s.from}, err
}

type unrenewableLease struct {
	rollout.Lease
	from time.Time
}

func (l unrenewableLease) Renew(ctx context.Context) error {
	if time.Now().Before(l.from) {
		return l.Lease.Renew(ctx)
	}
	return rollout.ErrLeaseLost
}

func TestALeaseThatIsLostWhileWaitingEndsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		lost := s.began.Add(90 * time.Minute)
		_, err := s.runnerOf(s.fake, unrenewable{s.store, lost}).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrLeaseLost)
		require.NotErrorIs(t, err, rollout.ErrPending)
		require.LessOrEqual(t, time.Since(lost), 10*time.Second, "it is renewed so often")
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

// sticky is a store whose leases cannot be given back.
type sticky struct{ rollout.Store }

func (s sticky) Acquire(ctx context.Context, name, holder string) (rollout.Lease, error) {
	lease, err := s.Store.Acquire(ctx, name, holder)
	return stickyLease{lease}, err
}

type stickyLease struct{ rollout.Lease }

func (stickyLease) Release(context.Context) error { return errors.New("unplugged") }

func TestALeaseThatCannotBeGivenBackIsLoggedAndNoFailure(t *testing.T) {
	for name, do := range map[string]func(*stage, *rollout.Runner) error{
		"a run": func(s *stage, r *rollout.Runner) error {
			_, err := r.Run(s.Context())
			return err
		},
		"a step": func(s *stage, r *rollout.Runner) error {
			next, err := r.Step(s.Context())
			require.NotNil(s, next)
			return err
		},
		"an order": func(s *stage, r *rollout.Runner) error {
			receipt, err := r.Pause(s.Context(), "lin", "")
			require.True(s, receipt.Handled)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := liveAtTen(t, plain())
				var log bytes.Buffer
				r := s.runnerOf(s.fake, sticky{s.store}, rollout.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
				require.NoError(t, do(s, r))
				require.Contains(t, log.String(), `level=WARN msg="the lease of a rollout could not be given back" rollout="release 1" error=unplugged`)
				time.Sleep(time.Minute)
				_, err := s.store.Acquire(t.Context(), "release 1", "another")
				require.NoError(t, err, "it ended as if its holder had died")
			})
		})
	}
}

func TestAStoreInMemoryNeedsNoMaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, approved())
		s.store = new(rollout.MemoryStore)
		require.Empty(t, s.audit())
		data, err := s.store.Read(t.Context(), "release 1")
		require.NoError(t, err)
		require.Nil(t, data)
		s.store = new(rollout.MemoryStore)
		_, err = s.store.Acquire(t.Context(), "release 1", "another")
		require.NoError(t, err)
		s.store = new(rollout.MemoryStore)
		require.NoError(t, s.store.Post(t.Context(), "release 1", rollout.Command{ID: "1", Order: rollout.OrderApprove, Ratio: 50, By: "lin", At: time.Now()}))
		s.requireDone(s.runner().Run(t.Context()))
	})
}
