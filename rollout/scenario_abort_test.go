package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// The target cannot be reached when the version is to be given up, and meanwhile the
// deadline passes. What was to be given up must not stay live because of that.
func TestADeadlineDoesNotEndAnAbort(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		given func(*stage)
		cause rollout.Cause
	}{
		"asked for by a gate": {func(s *stage) { s.gate = failing(10, new(bool)) }, rollout.CauseGate},
		"asked for by a person while it is paused": {func(s *stage) {
			s.pause()
			require.ErrorContains(s, errOf(s.runner().Abort(s.Context(), "lin", "no")), "the command is stored")
		}, rollout.CausePerson},
	} {
		runInVirtualTime(t, name, func(t *testing.T) {
			spec := aborting()
			spec.Deadline = rollout.Duration(3 * time.Hour)
			s := liveAtTen(t, spec)
			s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
				if c.Op == rollouttest.OpAbort && time.Since(s.began) < 5*time.Hour {
					return unavailable()
				}
				return nil
			})
			tt.given(s)

			state, err := s.runner().Run(t.Context())

			require.ErrorIs(t, err, rollout.ErrAborted)
			require.NotErrorIs(t, err, rollout.ErrDeadline)
			require.Equal(t, tt.cause, state.Stop.Cause)
			require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		})
	}
}

// A raise may be half done, so that an abort has to wait until the target can be read, and
// meanwhile the deadline passes.
func TestADeadlineDoesNotEndACommandToAbort(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.spec.Deadline = rollout.Duration(3 * time.Hour)
		s.fake.ApproveAfter(0)
		raising := false
		s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
			raising = raising || c.Op == rollouttest.OpRaise && c.Change.To == 50
			if raising && time.Since(s.began) < 5*time.Hour {
				return alipayplus.ErrOutcomeUnknown
			}
			return nil
		})
		s.at(2*time.Hour, func() { s.abort(rollout.WithHost("b")) })

		state, err := s.runner().Run(t.Context())

		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, "lin", state.Stop.By)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		s.requireNoCommands()
	})
}

func TestAnAbortThatIsRefusedStaysStoppedWhereverTheProcessDies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		abort func(context.Context, *rollout.Runner) error
		class error
		// known says whether the command is known when the process died at that access.
		known func(*process) bool
	}{
		"asked for by a person": {
			func(ctx context.Context, r *rollout.Runner) error { return errOf(r.Abort(ctx, "lin", "a broken icon")) },
			rollout.ErrPaused,
			func(p *process) bool { return p.diesAt > 3 || p.diesAt == 3 && p.after }, // the third is to post it
		},
		"asked for by a gate": {
			func(ctx context.Context, r *rollout.Runner) error { return errOf(r.Run(ctx)) },
			rollout.ErrGateFailed,
			func(*process) bool { return true }, // the gate says it again
		},
	} {
		t.Run(name, func(t *testing.T) {
			deaths := 0
			atEachAccess(t, func(t *testing.T, p *process) {
				s := liveAtTen(t, aborting())
				if errors.Is(tt.class, rollout.ErrGateFailed) {
					s.gate = failing(10, new(bool))
				}
				s.fake.FailNext(rollouttest.OpAbort, 100, alipayplus.ErrPermission)
				err := tt.abort(t.Context(), s.mortal(p))
				if !p.dead {
					require.ErrorIs(t, err, tt.class)
				}
				time.Sleep(time.Minute)

				state, err := s.runner().Run(t.Context())

				if !tt.known(p) {
					s.requireDone(state, err)
					return
				}
				deaths++
				require.ErrorIs(t, err, tt.class)
				require.ErrorContains(t, err, "giving the version up was refused: permission denied")
				require.Equal(t, rollout.Paused, state.Status)
				require.Nil(t, state.Intent)
				require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios(), "it does not climb on")
				require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "PAUSED 10-10"}, s.audit())
			})
			require.Greater(t, deaths, 10)
		})
	}
}

// The limiter lets a call through every ten seconds. What an abort needs of them is not
// there yet when the run is stopped.
func TestAnAbortThatIsInterruptedInTheQueueStaysAnAbort(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		given func(*fleetFixture)
		// stopped is when the run ends: after the last observation, before the abort.
		stopped time.Duration
		class   error
	}{
		"asked for by a person": {
			func(h *fleetFixture) {
				require.NoError(h, h.store.Post(h.Context(), "release 0", rollout.Command{ID: "1", Kind: rollout.CommandAbort, By: "lin", Reason: "no", At: time.Now()}))
			},
			5 * time.Second, nil,
		},
		"asked for by a gate": {
			func(h *fleetFixture) {
				h.opts = []rollout.Option{rollout.WithGate("errors", failing(10, new(bool)))}
			},
			15 * time.Second, rollout.ErrGateFailed, // it observes again after the gate
		},
	} {
		runInVirtualTime(t, name, func(t *testing.T) {
			h := newFleetFixture(t, 1)
			h.spec = aborting()
			h.fakes[0].ApproveAfter(0)
			h.opts = []rollout.Option{rollout.WithGate("errors", failing(0, new(bool)))}
			_, err := h.fleet(rollout.FleetOptions{}).Run(deadline(t, 2*time.Minute))
			require.ErrorIs(t, err, rollout.ErrPending)
			require.Equal(t, []alipayplus.Ratio{10}, h.fakes[0].Ratios())
			tt.given(h)
			time.Sleep(time.Minute) // a question is due
			observed := h.fakes[0].Calls(rollouttest.OpObserve)

			limiter := rate.NewLimiter(rate.Every(10*time.Second), 1)
			_, err = h.fleet(rollout.FleetOptions{Limiter: limiter}).Run(deadline(t, tt.stopped))

			require.ErrorIs(t, err, rollout.ErrPending)
			require.Greater(t, h.fakes[0].Calls(rollouttest.OpObserve), observed)
			require.Zero(t, h.fakes[0].Calls(rollouttest.OpAbort))
			require.Equal(t, alipayplus.ReleaseGrayscale, h.fakes[0].Now().Status)

			summary, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())
			require.ErrorIs(t, err, rollout.ErrAborted)
			if tt.class != nil {
				require.ErrorIs(t, err, tt.class)
			}
			require.Equal(t, "1 ABORTED", summary.String())
			require.Equal(t, alipayplus.ReleaseCanceled, h.fakes[0].Now().Status)
		})
	}
}

// strict refuses to be given up by somebody who believes that another ratio is live.
type strict struct{ *rollouttest.Fake }

func (s strict) Abort(ctx context.Context, c rollout.Change) (string, error) {
	if now := s.Now().Ratio; now != c.From {
		return "", fmt.Errorf("%v is live, not %v: %w", now, c.From, alipayplus.ErrConflict)
	}
	return s.Fake.Abort(ctx, c)
}

func TestAnAbortObservesFirstWhatOthersDid(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		require.NoError(t, s.fake.SetRatio("pat", 30))

		receipt, err := s.runnerOf(strict{s.fake}, s.store).Abort(t.Context(), "lin", "no")

		require.NoError(t, err)
		require.Equal(t, rollout.Aborted, receipt.State.Status)
		require.Equal(t, alipayplus.Ratio(30), receipt.State.Stop.Ratio)
		require.Equal(t, "the version is canceled; 30% of the users have it", receipt.State.Stop.Aftermath)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "ADOPTED 10-30", "ABORTED 30-30"}, s.audit())
	})
}

func TestATargetThatCannotBeReadIsGivenUpAllTheSame(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpObserve, 1, unavailable())
		require.Equal(t, rollout.Aborted, s.abort().State.Status)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
	})
}

// While it is not known whether a raise took effect, that is found out first: the audit log would lack it otherwise.
func TestAnAbortOfAHalfDoneRaiseWaitsUntilTheTargetCanBeRead(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(0)
		s.fake.LoseNext(rollouttest.OpRaise, 1, alipayplus.ErrOutcomeUnknown)
		s.fake.After(func(_ context.Context, c rollouttest.Call) error {
			if c.Op == rollouttest.OpRaise {
				s.fake.FailNext(rollouttest.OpObserve, 10, rollout.Transient(errors.New("out of order")))
			}
			return nil
		})
		s.runUntil(time.Minute)
		require.NotNil(t, s.state().Intent)

		_, err := s.runner().Abort(t.Context(), "lin", "no")

		require.EqualError(t, err, "out of order; the command is stored, and the next run executes it")
		require.Zero(t, s.fake.Calls(rollouttest.OpAbort))

		state, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, alipayplus.Ratio(10), state.Ratio)
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "ABORTED 10-10"}, s.audit())
	})
}

func TestAbortGivesUpAVersionInAnyStatus(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		at     time.Duration
		status alipayplus.ReleaseStatus
		after  string
	}{
		"before it began": {0, alipayplus.ReleaseNewVersionCreated, "nobody has the version"},
		"under review":    {30 * time.Minute, alipayplus.ReleaseNewVersionCreated, "nobody has the version; its application is withdrawn"},
		"live":            {90 * time.Minute, alipayplus.ReleaseCanceled, "the version is canceled; 10% of the users have it"},
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
			if tt.at > 0 {
				s.runUntil(tt.at)
			}
			receipt := s.abort()
			require.Equal(t, rollout.Aborted, receipt.State.Status)
			require.Equal(t, tt.after, receipt.State.Stop.Aftermath)
			require.Equal(t, tt.status, s.fake.Now().Status)
			require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrAborted)
		})
	}
}

func TestAFullReleaseCannotBeAborted(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.runUntil(90 * time.Minute)
		require.NoError(t, s.fake.SetRatio("pat", 100))
		receipt, err := s.runner().Abort(t.Context(), "lin", "no")
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.ErrorContains(t, err, "giving the version up was refused: ")
		require.Equal(t, rollout.Paused, receipt.State.Status)
		// It is all users' already: resuming says so.
		s.resume()
		s.finish()
	})
}

func TestAnAbortIsRepeatedUntilItIsKnown(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*rollouttest.Fake, error){
		"before its effect": func(f *rollouttest.Fake, err error) { f.FailNext(rollouttest.OpAbort, 5, err) },
		"after its effect":  func(f *rollouttest.Fake, err error) { f.LoseNext(rollouttest.OpAbort, 5, err) },
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
			fail(s.fake, rollout.Transient(errors.New("reset by peer")))
			s.at(90*time.Minute, func() { s.abort(rollout.WithHost("b")) })
			state, err := s.runner().Run(t.Context())
			require.ErrorIs(t, err, rollout.ErrAborted)
			require.Equal(t, "the version is canceled; 10% of the users have it", state.Stop.Aftermath)
			require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "ABORTED 10-10"}, s.audit())
			require.Equal(t, 6, s.fake.Calls(rollouttest.OpAbort))
		})
	}
}

func TestAnAbortSettlesFirstWhatWasBegun(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		// The answer to the raise gets lost, and the process dies of it.
		p := new(process)
		s.between(rollouttest.OpRaise, func() {})
		s.fake.After(func(_ context.Context, c rollouttest.Call) error {
			if c.Op == rollouttest.OpRaise {
				p.dead = true
			}
			return nil
		})
		require.ErrorIs(t, errOf(s.mortal(p).Run(t.Context())), errDead)
		s.fake.After(nil)
		require.Equal(t, alipayplus.Ratio(0), s.state().Ratio)
		time.Sleep(time.Minute)

		receipt, err := s.runner().Abort(t.Context(), "lin", "no")

		require.NoError(t, err)
		require.Equal(t, alipayplus.Ratio(10), receipt.State.Ratio)
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "ABORTED 10-10"}, s.audit())
	})
}

func TestACrashWhileAbortingAborts(t *testing.T) {
	t.Parallel()
	atEachAccess(t, func(t *testing.T, p *process) {
		s := newStage(t, hourly())
		s.runUntil(90 * time.Minute)
		_, err := s.mortal(p).Abort(t.Context(), "lin", "no")
		if !p.dead {
			require.NoError(t, err)
		}
		time.Sleep(time.Minute)
		state, err := s.runner().Run(t.Context())
		if p.diesAt < 3 || p.diesAt == 3 && !p.after { // it died before anybody was asked
			s.requireDone(state, err)
			return
		}
		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "ABORTED 10-10"}, s.audit())
		require.Equal(t, "the version is canceled; 10% of the users have it", state.Stop.Aftermath)
	})
}

// The answer to an abort gets lost, or the process dies before it stored it. Who repeats
// it finds the version canceled, and must still say what that means for its users.
func TestAnAbortThatIsRepeatedStillSaysWhatItMeansForUsers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spec  rollout.Spec
		after time.Duration
		want  string
	}{
		"in grayscale":   {plain(), 10 * time.Minute, "the version is canceled and cannot go to this target again; what the 10% of users who have it will see is not documented"},
		"in preparation": {approvedFirst(), 10 * time.Minute, "nobody has the version; it is canceled and cannot go to this target again"},
	} {
		runInVirtualTime(t, name, func(t *testing.T) {
			given := newFixture(t, approving())
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
