package rollout_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"regexp"
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

func TestARunWhoseLeaseIsGivenBackLogsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		var log bytes.Buffer
		s.requireDone(s.runner(rollout.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).Run(t.Context()))
		require.Empty(t, log.String())
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

func TestARunnerIsNamedAfterItsMachineUnlessItIsTold(t *testing.T) {
	machine, err := os.Hostname()
	require.NoError(t, err)
	for want, opts := range map[string][]rollout.Option{machine: nil, "ci 7": {rollout.WithHost("ci 7")}} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, plain())
			r, err := rollout.New(s.fake, s.spec, s.store, opts...)
			require.NoError(t, err)
			next, err := r.Step(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, next.State.Clock)
			require.Regexp(t, "^"+regexp.QuoteMeta(want)+` process \d+ run [A-Z2-7]{6}$`, next.State.UpdatedBy)
		})
	}
}

// numbered is a store that checks how states and their entries are numbered.
type numbered struct {
	rollout.Store
	*testing.T
	last *uint64
}

func (s numbered) Acquire(ctx context.Context, name, holder string) (rollout.Lease, error) {
	lease, err := s.Store.Acquire(ctx, name, holder)
	return numberedLease{lease, s}, err
}

type numberedLease struct {
	rollout.Lease
	store numbered
}

func (l numberedLease) Save(ctx context.Context, data []byte, audit []rollout.AuditEntry) error {
	var stored struct {
		State rollout.State `json:"state"`
	}
	require.NoError(l.store, json.Unmarshal(data, &stored))
	*l.store.last++
	require.Equal(l.store, *l.store.last, stored.State.Seq)
	require.Equal(l.store, time.Now().UTC(), stored.State.UpdatedAt.UTC())
	for _, e := range audit {
		require.Equal(l.store, stored.State.Seq, e.Seq, e.Why)
	}
	return l.Lease.Save(ctx, data, audit)
}

// By the number an entry is found that belongs to a state, over many processes.
func TestEachStoredStateHasTheNextNumberAndItsEntriesHaveTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		s.store = numbered{s.store, t, new(uint64)}
		s.runUntil(90 * time.Minute)
		_, err := s.runner().Pause(t.Context(), "lin", "")
		require.NoError(t, err)
		_, err = s.runner().Resume(t.Context(), "lin", "")
		require.NoError(t, err)
		state, err := s.runner().Run(t.Context())
		s.requireDone(state, err)
		require.Greater(t, state.Seq, uint64(10))
	})
}

// punctual is a store over a network that is slow to renew a lease, and does nothing for a context that has
// ended.
type punctual struct {
	rollout.Store
	*testing.T
	renewing, released *int
}

func (s punctual) Acquire(ctx context.Context, name, holder string) (rollout.Lease, error) {
	lease, err := s.Store.Acquire(ctx, name, holder)
	return punctualLease{lease, s}, err
}

type punctualLease struct {
	rollout.Lease
	store punctual
}

func (l punctualLease) Save(ctx context.Context, data []byte, audit []rollout.AuditEntry) error {
	require.NoError(l.store, ctx.Err())
	return l.Lease.Save(ctx, data, audit)
}

func (l punctualLease) Renew(ctx context.Context) error {
	*l.store.renewing++
	time.Sleep(5 * time.Second)
	*l.store.renewing--
	return l.Lease.Renew(ctx)
}

func (l punctualLease) Release(ctx context.Context) error {
	require.NoError(l.store, ctx.Err())
	require.Zero(l.store, *l.store.renewing, "it is being renewed")
	*l.store.released++
	return l.Lease.Release(ctx)
}

func TestALeaseIsGivenBackInOrderWhenARunIsStopped(t *testing.T) {
	for name, op := range map[string]rollouttest.Op{"in a reading": rollouttest.OpObserve, "in a change": rollouttest.OpRaise} {
		for _, after := range []time.Duration{9 * time.Second, 12 * time.Second} { // it is renewed every 10
			t.Run(name+" of "+after.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newStage(t, plain())
					s.fake.ApproveAfter(0)
					ctx, cancel := context.WithCancel(t.Context())
					s.between(op, func() {
						time.Sleep(after)
						cancel()
					})
					store := punctual{s.store, t, new(int), new(int)}
					_, err := s.runnerOf(s.fake, store).Run(ctx)
					require.ErrorIs(t, err, rollout.ErrPending)
					require.Equal(t, 1, *store.released)
					_, err = s.store.Acquire(t.Context(), "release 1", "another")
					require.NoError(t, err)
				})
			})
		}
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
		require.NoError(t, s.store.Post(t.Context(), "release 1", rollout.Command{ID: "1", Kind: rollout.CommandApprove, Ratio: 50, By: "lin", At: time.Now()}))
		s.requireDone(s.runner().Run(t.Context()))
	})
}
