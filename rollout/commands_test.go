package rollout_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// The last observation before a raise takes a while. A pause meanwhile is executed before the
// raise, and not after it; who approves does not stop it.
func TestACommandDuringTheObservationBeforeAChangeComesFirst(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		command func(context.Context, *rollout.Runner) error
		is      error
	}{
		"a pause": {func(ctx context.Context, r *rollout.Runner) error {
			return errOf(r.Pause(ctx, "lin", "the icon is wrong"))
		}, rollout.ErrPaused},
		"an abort": {func(ctx context.Context, r *rollout.Runner) error {
			return errOf(r.Abort(ctx, "lin", "the icon is wrong"))
		}, rollout.ErrAborted},
		"an approval": {func(ctx context.Context, r *rollout.Runner) error { return errOf(r.Approve(ctx, "lin", "", 100)) }, nil},
	} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			s.spec.Steps[2].Approval = true
			s.fake.ApproveAfter(0)
			posted := false
			s.fake.Before(func(ctx context.Context, c rollouttest.Call) error {
				if c.Op == rollouttest.OpObserve && !posted && time.Since(s.began) >= time.Hour {
					posted = true
					require.NoError(t, tt.command(ctx, s.runner(rollout.WithHost("b"))))
					time.Sleep(time.Minute)
				}
				return nil
			})
			state, err := s.runner().Run(t.Context())
			require.True(t, posted)
			if tt.is == nil {
				s.requireDone(state, err)
				return
			}
			require.ErrorIs(t, err, tt.is)
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			require.Nil(t, s.state().Intent)
			s.requireNoCommands()
		})
	}
}

// A raise waits behind the calls of others. A pause meanwhile is executed.
func TestACommandThatComesWhileAChangeIsQueuedComesFirst(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 1)
		require.NoError(t, h.fakes[0].ApplyAs("pat"))
		require.NoError(t, h.fakes[0].Approve())
		// It observes at 0 s, and would raise at 60 s.
		fleet := h.fleet(rollout.FleetOptions{Limiter: rate.NewLimiter(rate.Every(time.Minute), 1)})
		r, err := fleet.Runner("release 0")
		require.NoError(t, err)
		h.at(30*time.Second, func() {
			receipt, err := r.Pause(t.Context(), "lin", "")
			require.NoError(t, err)
			require.False(t, receipt.Handled)
		})
		summary, err := fleet.Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.Equal(t, "1 PAUSED", summary.String())
		require.Empty(t, h.fakes[0].Ratios())
	})
}

func TestACommandNeedsNoSpec(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		stored := s.spec.Hash()
		s.spec = hourly()
		other := s.runner()
		for _, command := range []struct {
			do     func(context.Context, string, string) (*rollout.Receipt, error)
			status rollout.Status
		}{{other.Pause, rollout.Paused}, {other.Resume, rollout.Running}, {other.Abort, rollout.Aborted}} {
			receipt, err := command.do(t.Context(), "lin", "")
			require.NoError(t, err)
			require.True(t, receipt.Handled)
			require.Equal(t, command.status, receipt.State.Status)
			require.Equal(t, stored, receipt.State.Spec.Hash())
		}
	})
}

func TestACommandThatIsRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do func(*stage) error
		is error
	}{
		"through a runner of another target": {func(s *stage) error {
			other := rollouttest.NewFake("release 2", alipayplus.DefaultLadder())
			_, err := s.runnerOf(other, s.store, rollout.WithName("release 1")).Pause(s.Context(), "lin", "")
			return err
		}, alipayplus.ErrConflict},
		"after its context ended": {func(s *stage) error {
			over, cancel := context.WithCancel(s.Context())
			cancel()
			_, err := s.runner().Pause(over, "lin", "")
			return err
		}, context.Canceled},
		"by nobody":             {func(s *stage) error { return errOf(s.runner().Abort(s.Context(), "", "")) }, alipayplus.ErrInvalid},
		"because it is running": {func(s *stage) error { return errOf(s.runner().Resume(s.Context(), "lin", "")) }, alipayplus.ErrConflict},
	} {
		runOnStageAtTen(t, name, plain(), func(t *testing.T, s *stage) {
			require.ErrorIs(t, tt.do(s), tt.is)
			s.requireNoCommands()
			s.requireDone(s.runner().Run(t.Context()))
		})
	}
}

func TestWhatHasNotBegunCannotBeApprovedPausedOrResumed(t *testing.T) {
	onStage(t, approved(), func(t *testing.T, s *stage) {
		folder := t.TempDir()
		for verb, command := range map[string]func(*rollout.Runner) error{
			"pause":   func(r *rollout.Runner) error { return errOf(r.Pause(t.Context(), "lin", "")) },
			"resume":  func(r *rollout.Runner) error { return errOf(r.Resume(t.Context(), "lin", "")) },
			"approve": func(r *rollout.Runner) error { return errOf(r.Approve(t.Context(), "lin", "", 50)) },
			"revoke":  func(r *rollout.Runner) error { return errOf(r.RevokeApproval(t.Context(), "lin", "", 50)) },
		} {
			err := command(s.runner())
			require.EqualError(t, err, "rollout release 1: it has not begun: no rollout of this name is stored, so there is nothing to "+verb+"; check the name and the place")
			require.ErrorIs(t, err, alipayplus.ErrConflict)
			require.ErrorContains(t, command(s.runnerOf(s.fake, rollout.NewFileStore(folder))), "is stored in "+folder)
		}
		s.requireNotBegun()
		s.requireNoCommands()
		left, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Empty(t, left, "a mistyped folder stays as it is")
	})
}

func TestAnAbortIsExecutedThoughARaiseIsStillToBeRepeated(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.fake.ApproveAfter(0)
		s.fake.FailNext(rollouttest.OpRaise, 1, alipayplus.ErrOutcomeUnknown)
		s.runUntil(time.Second)
		require.Equal(t, rollout.ChangeRaise, s.state().Intent.Kind)

		receipt, err := s.runner().Abort(t.Context(), "lin", "no")

		require.NoError(t, err)
		require.True(t, receipt.Handled)
		require.Equal(t, rollout.Aborted, receipt.State.Status)
		require.Nil(t, receipt.State.Intent)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		require.Empty(t, s.fake.Ratios())
		s.requireNoCommands()
	})
}

// What is not live yet is not watched: a pause during the review is none of a bake time.
func TestAPauseDuringTheReviewCountsNothingAsWatched(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.runUntil(30 * time.Minute)
		for _, command := range []func(context.Context, string, string) (*rollout.Receipt, error){s.runner().Pause, s.runner().Resume} {
			_, err := command(t.Context(), "lin", "")
			require.NoError(t, err)
			require.Zero(t, s.state().Since)
		}
		s.requireDone(s.runner().Run(t.Context()))
		require.GreaterOrEqual(t, s.fake.Effects()[2].At.Sub(s.fake.Effects()[1].At), time.Hour)
	})
}

func TestACommandThatFailedIsKeptAndSaysSo(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpAbort, 1, unavailable())

		receipt, err := s.runner().Abort(t.Context(), "lin", "no")

		require.EqualError(t, err, unavailable().Error()+"; the command is stored, and the next run executes it")
		require.True(t, alipayplus.IsRetryable(err))
		require.False(t, receipt.Handled)
		require.Equal(t, rollout.Running, receipt.State.Status)
		state, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, "lin", state.Stop.By)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		s.requireNoCommands()
	})
}

// A store whose leases announce no command is checked every three seconds.
func TestACommandFromElsewhereIsExecutedWithinThreeSeconds(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		var asked time.Time
		s.at(90*time.Minute+500*time.Millisecond, func() {
			asked = time.Now()
			_, err := s.runner(rollout.WithHost("b")).Pause(t.Context(), "lin", "lunch")
			require.NoError(t, err)
		})
		state, err := s.runnerOf(s.fake, lasting(s.store, new(int), new(int)), rollout.WithInterval(day)).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.LessOrEqual(t, state.UpdatedAt.Sub(asked), 3*time.Second)
	})
}

// Somebody may want it to stop.
func TestARunThatCannotListCommandsDoesNotAct(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		time.Sleep(2 * time.Hour) // 50 % are due
		calls, gone := s.fake.Calls(rollouttest.OpAny), errors.New("stale file handle")
		require.ErrorIs(t, errOf(s.runnerOf(s.fake, storeFailingFrom(s.store, "Commands", s.began, gone)).Step(t.Context())), gone)
		require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny))
	})
}

func TestARunThatCannotListCommandsAnyMoreEnds(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		gone := errors.New("stale file handle")
		from := s.began.Add(90*time.Minute + 500*time.Millisecond)
		require.ErrorIs(t, errOf(s.runnerOf(s.fake, storeFailingFrom(s.store, "Commands", from, gone), rollout.WithInterval(day)).Run(t.Context())), gone)
		require.LessOrEqual(t, time.Since(from), 3*time.Second)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

// It would be executed again by a run that does not know that it was.
func TestACommandThatCannotBeRemovedEndsTheRunAndIsExecutedOnce(t *testing.T) {
	onStageAtTen(t, approved(), func(t *testing.T, s *stage) {
		command := rollout.Command{ID: "1", Kind: rollout.CommandApprove, Ratio: 50, By: "lin", At: time.Now()}
		require.NoError(t, s.store.Post(t.Context(), "release 1", command))
		full := errors.New("read-only")
		for range 3 {
			require.ErrorIs(t, errOf(s.runnerOf(s.fake, storeFailing(s.store, "Forget", full)).Run(t.Context())), full)
			require.Equal(t, []string{"1"}, s.state().Handled)
		}
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		s.requireDone(s.runner().Run(t.Context()))
		require.Len(t, s.emitted(rollout.EventApproved), 1)
		require.Empty(t, s.state().Handled, "what is removed need not be remembered")
		s.requireNoCommands()
	})
}

func TestACommandThatIsNotStoredIsNotExecuted(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, approved())
		approve := func() {
			receipt, err := s.runnerOf(s.fake, storeFailing(s.store, "Post", full)).Approve(t.Context(), "lin", "", 50)
			require.ErrorIs(t, err, full)
			require.Nil(t, receipt)
		}
		approve() // what nobody drives
		s.lease("another")
		approve() // what another runner drives
	})
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		stored := s.state()
		receipt, err := s.runnerOf(s.fake, storeFailing(s.store, "Post", full)).Abort(t.Context(), "lin", "")
		require.ErrorIs(t, err, full)
		require.Nil(t, receipt)
		require.Equal(t, stored, s.state())
		require.Zero(t, s.fake.Calls(rollouttest.OpAbort))
	})
}

func TestAnApprovalIsWaitedFor(t *testing.T) {
	onStage(t, approved(), func(t *testing.T, s *stage) {
		s.at(8*time.Hour, func() {
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			receipt := s.approve(50, rollout.WithHost("b"))
			require.False(t, receipt.Handled, "the runner that has the lease does it")
			require.Regexp(t, `^a process \d+ run \w{6}$`, receipt.Holder)
			require.Nil(t, receipt.State)
		})
		state, err := s.runner().Run(t.Context())
		s.requireDone(state, err)
		require.Contains(t, s.emitted(rollout.EventWaiting), "waiting for approval of 50%")
		require.Equal(t, []string{"50% is approved"}, s.emitted(rollout.EventApproved))
		require.Equal(t, []rollout.Approval{{Ratio: 50, By: "lin", At: state.Approvals[0].At, Seq: state.Approvals[0].Seq}}, state.Approvals)
		raised := s.fake.Effects()[2].At.Sub(s.began)
		require.GreaterOrEqual(t, raised, 8*time.Hour)
		require.Less(t, raised, 8*time.Hour+10*time.Second, "a run that waits checks for commands often")
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "APPROVED 10-50", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
	})
}

func TestAnApprovalMayComeBeforeItsStep(t *testing.T) {
	onStage(t, approved(), func(t *testing.T, s *stage) {
		s.runUntil(10 * time.Minute)
		require.Empty(t, s.fake.Ratios())
		requireNoApproval(t, s.state(), 50)
		s.approve(50)
		valid, _ := s.state().Approval(50, time.Now())
		require.NotNil(t, valid)
		s.requireDone(s.runner().Run(t.Context()))
		require.NotContains(t, s.emitted(rollout.EventWaiting), "waiting for approval of 50%")
	})
}

func TestAnApprovalIsOfOneRatioOfTheStoredSpec(t *testing.T) {
	onStage(t, approved(), func(t *testing.T, s *stage) {
		s.spec.Steps[2].Approval = true
		s.runUntil(10 * time.Minute)
		stored := s.spec
		s.spec = approvedFirst() // the file in the repository has changed since
		for _, ratio := range []alipayplus.Ratio{10, 20} {
			_, err := s.runner().Approve(t.Context(), "lin", "", ratio)
			require.EqualError(t, err, "rollout release 1: the stored spec does not ask for approval of "+ratio.String()+"; it asks for approval of: 50% 100%: invalid input")
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
		}
		s.approve(100)
		s.spec = stored
		s.runUntil(day)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

// requireAsksAgain runs until the approval of 50 % is waited for, and checks what the waiting
// says.
func (s *stage) requireAsksAgain(why string) {
	s.Helper()
	s.runUntil(time.Since(s.began) + 12*time.Hour)
	require.Equal(s, alipayplus.Ratio(10), s.fake.Now().Ratio)
	require.Contains(s, s.emitted(rollout.EventWaiting), "waiting for approval of 50%; "+why)
	valid, said := s.state().Approval(50, time.Now())
	require.Nil(s, valid)
	require.Equal(s, why, said)
}

func TestAnApprovalCoversNothingThatFailedSince(t *testing.T) {
	resume := func(s *stage) { s.resume() }
	for name, tt := range map[string]struct {
		fail, mend func(s *stage)
		why        string
	}{
		"a gate": {
			func(s *stage) {
				s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
					return rollout.Failed("too many errors"), nil
				}
				require.ErrorIs(s, errOf(s.runner().Run(s.Context())), rollout.ErrGateFailed)
			},
			func(s *stage) { s.gate = nil; s.resume() },
			"that of lin is void: gate errors failed: too many errors",
		},
		"a gate that gives no answer": {
			func(s *stage) {
				s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
					return rollout.Verdict{}, errors.New("no route")
				}
				require.ErrorIs(s, errOf(s.runner().Run(s.Context())), rollout.ErrGateFailed)
			},
			func(s *stage) { s.gate = nil; s.resume() },
			"that of lin is void: gate errors did not answer 4 times in a row, which counts as failed: no route",
		},
		"the deadline": {
			func(s *stage) {
				time.Sleep(40 * day)
				require.ErrorIs(s, errOf(s.runner().Run(s.Context())), rollout.ErrDeadline)
			},
			resume, "that of lin is void: the rollout took longer than 30d",
		},
		"the spec": {
			func(*stage) {},
			func(s *stage) {
				s.spec.Steps[0].Bake = rollout.Duration(time.Minute)
				_, err := s.runner(rollout.WithNewSpec()).Step(s.Context())
				require.NoError(s, err)
			},
			"that of lin is void: the spec is another since",
		},
	} {
		runOnStageAtTen(t, name, approved(), func(t *testing.T, s *stage) {
			s.approve(50)
			tt.fail(s)
			tt.mend(s)
			s.requireAsksAgain(tt.why)

			s.approve(50)
			s.requireDone(s.runner().Run(t.Context()))
		})
	}
}

func TestAnApprovalOutlivesAPauseByAPerson(t *testing.T) {
	onStageAtTen(t, approved(), func(t *testing.T, s *stage) {
		s.approve(50)
		require.NoError(t, errOf(s.runner().Pause(t.Context(), "lin", "lunch")))
		s.resume()
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestAnApprovalExpires(t *testing.T) {
	spec := approved()
	spec.ApprovalExpiry = rollout.Duration(30 * time.Minute) // 10 % are watched for longer
	onStageAtTen(t, spec, func(t *testing.T, s *stage) {
		given := time.Now()
		s.approve(50)
		s.requireAsksAgain("that of lin expired at " + given.Add(30*time.Minute).UTC().Format(time.RFC3339))
		s.approve(50)
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestAnApprovalIsForTheStateThatWasLookedAt(t *testing.T) {
	onStageAtTen(t, approved(), func(t *testing.T, s *stage) {
		looked := s.state().Seq
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Failed("too many errors"), nil
		}
		require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrGateFailed)
		s.gate = nil

		_, err := s.runner().Approve(t.Context(), "lin", "", 50, rollout.ApprovedState(looked))
		require.EqualError(t, err, "rollout release 1: gate errors failed: too many errors after the state that was approved; check it, and approve 50% again")
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		_, err = s.runner().Approve(t.Context(), "lin", "", 50, rollout.ApprovedState(s.state().Seq+10))
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		requireNoApproval(t, s.state(), 50)

		_, err = s.runner().Approve(t.Context(), "lin", "a false alarm", 50, rollout.ApprovedState(s.state().Seq))
		require.NoError(t, err)
		s.resume()
		s.requireDone(s.runner().Run(t.Context()))
	})
}

// A command may wait for the runner that drives the rollout, while its gate fails.
func TestAnApprovalThatWasPostedBeforeAGateFailedIsRefused(t *testing.T) {
	onStageAtTen(t, approved(), func(t *testing.T, s *stage) {
		late := rollout.Command{ID: "1", Kind: rollout.CommandApprove, Ratio: 50, By: "lin", Seq: s.state().Seq, At: time.Now()}
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Failed("too many errors"), nil
		}
		require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrGateFailed)
		require.NoError(t, s.store.Post(t.Context(), "release 1", late))
		s.gate = nil
		s.resume()
		require.Len(t, s.emitted(rollout.EventRefused), 1)
		requireNoApproval(t, s.state(), 50)
	})
}

func TestAnApprovalCanBeRevoked(t *testing.T) {
	onStageAtTen(t, approved(), func(t *testing.T, s *stage) {
		revoke := func(ratio alipayplus.Ratio) error {
			return errOf(s.runner().RevokeApproval(t.Context(), "mei", "the icon is wrong", ratio))
		}
		require.ErrorIs(t, revoke(20), alipayplus.ErrInvalid)
		require.ErrorContains(t, revoke(50), "50% is not approved; nothing is left to revoke")
		s.approve(50)
		require.NoError(t, revoke(50))
		require.Equal(t, []string{"the approval of 50% is revoked: the icon is wrong"}, s.emitted(rollout.EventRevoked))
		s.runUntil(day)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())

		s.approve(50)
		s.requireDone(s.runner().Run(t.Context()))
		require.ErrorIs(t, revoke(50), alipayplus.ErrConflict)
		require.Contains(t, s.audit(), "REVOKED 10-50")
	})
}

func TestWhatIsLiveCannotBeApprovedOrRevoked(t *testing.T) {
	onStageAtTen(t, approved(), func(t *testing.T, s *stage) {
		s.approve(50)
		s.runUntil(90 * time.Minute)
		require.Equal(t, alipayplus.Ratio(50), s.fake.Now().Ratio)
		require.ErrorContains(t, errOf(s.runner().Approve(t.Context(), "lin", "", 50)), "50% is live already; nothing is left to approve")
		require.ErrorContains(t, errOf(s.runner().RevokeApproval(t.Context(), "lin", "", 50)), "50% is live already; pause the rollout or abort it")
	})
}

func TestWhatIsWaitedForIsTyped(t *testing.T) {
	onStage(t, approved(), func(t *testing.T, s *stage) {
		step := func() *rollout.Next {
			next, err := s.runner().Step(t.Context())
			require.NoError(t, err)
			return next
		}
		require.Equal(t, rollout.WaitReview, step().Wait)
		time.Sleep(90 * time.Minute)
		require.Equal(t, rollout.WaitBake, step().Wait)
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) { return rollout.Waiting("few users"), nil }
		time.Sleep(2 * time.Hour)
		next := step()
		require.Equal(t, rollout.WaitGate, next.Wait)
		require.Equal(t, "errors", next.Gate)
		s.gate = nil
		time.Sleep(2 * time.Hour)
		next = step()
		require.Equal(t, rollout.WaitApproval, next.Wait)
		require.Equal(t, alipayplus.Ratio(50), next.Ratio)
		s.fake.FailNext(rollouttest.OpObserve, 1, unavailable())
		time.Sleep(time.Hour)
		require.Equal(t, rollout.WaitRetry, step().Wait)
	})
}

func TestWhoAsksMustBeSaid(t *testing.T) {
	t.Parallel()
	s := newStage(t, approved())
	_, err := s.runner().Pause(t.Context(), "", "because")
	require.EqualError(t, err, "rollout release 1: say who asks for it: invalid input")
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	require.ErrorIs(t, errOf(s.runner().Approve(t.Context(), "", "", 50)), alipayplus.ErrInvalid)
}

func TestAnotherRunnerPausesResumesAndAbortsOneThatRuns(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		other := s.runner(rollout.WithHost("b"))
		s.at(90*time.Minute, func() {
			receipt, err := other.Pause(t.Context(), "lin", "lunch")
			require.NoError(t, err)
			require.False(t, receipt.Handled)
		})

		state, err := s.runner().Run(t.Context())

		require.EqualError(t, err, "rollout release 1 is paused at 10%: lunch (by lin); resume or abort")
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.Equal(t, rollout.Paused, state.Status)
		require.Less(t, time.Since(s.began), 91*time.Minute)

		// Nothing happens for a day, and nobody needs to run for it to be resumed.
		time.Sleep(day)
		receipt, err := other.Resume(t.Context(), "lin", "")
		require.NoError(t, err)
		require.True(t, receipt.Handled)
		require.Equal(t, rollout.Running, receipt.State.Status)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())

		s.at(time.Since(s.began)+time.Minute, func() { require.NoError(t, errOf(other.Abort(t.Context(), "lin", "a broken icon"))) })
		state, err = s.runner().Run(t.Context())
		require.EqualError(t, err, "rollout release 1 is aborted at 10%: a broken icon (by lin); the version is canceled; 10% of the users have it; it is over; the next attempt is a rollout under another name")
		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, rollout.Aborted, state.Status)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		require.Equal(t, []string{
			"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "PAUSED 10-10", "RESUMED 10-10", "ABORTED 10-10",
		}, s.audit())
	})
}

// By the runner itself whatever the store is, and by others where the store announces it.
func TestACommandIsExecutedAtOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ silent, another bool }{
		"of the runner":                      {},
		"of the runner, over a silent store": {silent: true},
		"of another one":                     {another: true},
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
			if tt.silent { // its leases announce no command
				s.store = lasting(s.store, new(int), new(int))
			}
			r := s.runner()
			by := r
			if tt.another {
				by = s.runner(rollout.WithHost("b"))
			}
			var asked time.Time
			s.at(90*time.Minute+500*time.Millisecond, func() {
				asked = time.Now()
				receipt, err := by.Pause(t.Context(), "lin", "")
				require.NoError(t, err)
				require.False(t, receipt.Handled)
			})
			state, err := r.Run(t.Context())
			require.ErrorIs(t, err, rollout.ErrPaused)
			require.ErrorContains(t, err, ": paused by hand (by lin); ")
			require.Zero(t, time.Since(asked))
			require.Equal(t, asked, state.UpdatedAt)
		})
	}
}

func TestCommandsWhileNobodyRuns(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.runUntil(90 * time.Minute)
		r := s.runner(rollout.WithHost("b"))
		calls := s.fake.Calls(rollouttest.OpAny)

		receipt, err := r.Pause(t.Context(), "lin", "lunch")
		require.NoError(t, err)
		require.True(t, receipt.Handled)
		require.Equal(t, rollout.Paused, receipt.State.Status)
		require.Equal(t, rollout.Stop{Cause: rollout.CausePerson, Reason: "lunch", By: "lin", At: receipt.State.Stop.At, Seq: receipt.State.Seq, Ratio: 10, Baked: receipt.State.Stop.Baked}, *receipt.State.Stop)
		require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny))
		require.InDelta(t, 20*time.Minute, receipt.State.Stop.Baked.Std(), float64(10*time.Minute), "on another machine a part is not certain")

		_, err = r.Pause(t.Context(), "mei", "")
		require.EqualError(t, err, "rollout release 1: it is paused already")
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		_, err = r.Resume(t.Context(), "mei", "")
		require.NoError(t, err)
		_, err = r.Resume(t.Context(), "mei", "")
		require.EqualError(t, err, "rollout release 1: it is running; only a paused rollout can be resumed")

		receipt, err = r.Abort(t.Context(), "lin", "")
		require.NoError(t, err)
		require.True(t, receipt.Handled)
		require.Equal(t, "the version is canceled; 10% of the users have it", receipt.State.Stop.Aftermath)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		for command, do := range map[string]func(context.Context, string, string) (*rollout.Receipt, error){"abort": r.Abort, "pause": r.Pause, "resume": r.Resume} {
			_, err = do(t.Context(), "mei", "")
			require.EqualError(t, err, "rollout release 1: it is ABORTED; nothing is left to "+command)
		}
		require.Equal(t, []string{
			"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "PAUSED 10-10", "REFUSED 10-10", "RESUMED 10-10", "REFUSED 10-10", "ABORTED 10-10",
			"REFUSED 10-10", "REFUSED 10-10", "REFUSED 10-10",
		}, s.audit())
	})
}

func TestAnUnknownCommandIsRefused(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		require.NoError(t, s.store.Post(t.Context(), "release 1", rollout.Command{ID: "1", Kind: "REWIND", By: "lin"}))
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{`this version of the library does not know the command "REWIND"`}, s.emitted(rollout.EventRefused))

		// When all is over, nothing is left to do.
		for id, command := range map[string]rollout.CommandKind{"2": rollout.CommandApprove, "3": "REWIND"} {
			require.NoError(t, s.store.Post(t.Context(), "release 1", rollout.Command{ID: id, Kind: command, By: "lin"}))
			_, err := s.runner().Run(t.Context())
			require.NoError(t, err)
		}
		require.ElementsMatch(t, []string{
			`this version of the library does not know the command "REWIND"`, "it is DONE; nothing is left to approve", "it is DONE; nothing is left to do",
		}, s.emitted(rollout.EventRefused))
	})
}

func TestAPausedRolloutCanBeAborted(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.gate = failing(10, new(bool))
		require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrGateFailed)
		receipt := s.abort()
		require.Equal(t, rollout.Aborted, receipt.State.Status)
		require.Equal(t, rollout.CausePerson, receipt.State.Stop.Cause)
	})
}

func TestPostedCommandsAreExecutedInTheirSequence(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		for _, c := range []rollout.Command{
			{ID: "1", Kind: rollout.CommandPause, By: "lin", Reason: "lunch"},
			{ID: "2", Kind: rollout.CommandResume, By: "mei"},
		} {
			require.NoError(t, s.store.Post(t.Context(), "release 1", c))
		}
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{"STARTED 0-0", "PAUSED 0-0", "RESUMED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
	})
}

func TestACommandWhoseEffectWasNotStoredIsNotForgotten(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.runUntil(90 * time.Minute)
		full := errors.New("disk full")
		require.ErrorIs(t, errOf(s.runnerOf(s.fake, fullStore(s.store, new(int), 1, full)).Pause(t.Context(), "lin", "lunch")), full)
		require.Equal(t, rollout.Running, s.state().Status)
		require.ErrorIs(t, errOf(s.runner().Run(t.Context())), rollout.ErrPaused)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

// raisedAt is when the last ratio went live.
func (s *stage) raisedAt() time.Time {
	s.Helper()
	effects := s.fake.Effects()
	require.NotEmpty(s, effects)
	return effects[len(effects)-1].At
}

func TestAPauseIsNotWatchedTime(t *testing.T) {
	t.Parallel()
	const (
		bake, tolerance = time.Hour, 5 * time.Minute
		half            = 30 * time.Minute
	)
	for name, tt := range map[string]struct {
		// watched is how long 10 % had been live before the pause.
		watched time.Duration
		// The first run is on machine a.
		pauses, resumes, runs string
		// live is how long 10 % has to be live, the pause apart.
		live time.Duration
	}{
		"all on one machine":                           {half, "a", "a", "a", bake},
		"paused on another machine":                    {half, "b", "b", "b", bake + tolerance},
		"paused on the first one, resumed on another":  {half, "a", "b", "b", bake},
		"resumed on another, and run on the first":     {half, "a", "b", "a", bake + tolerance},
		"paused and resumed on another":                {half, "b", "b", "a", bake + 2*tolerance},
		"paused elsewhere before the tolerance passed": {2 * time.Minute, "b", "b", "b", bake + 2*time.Minute},
		"paused after it was watched long enough":      {bake - time.Second, "a", "a", "a", bake},
	} {
		runOnStageAtTen(t, name, plain(), func(t *testing.T, s *stage) {
			raised := s.raisedAt()
			time.Sleep(time.Until(raised.Add(tt.watched)))
			receipt := s.pause(rollout.WithHost(tt.pauses))
			require.LessOrEqual(t, receipt.State.Stop.Baked.Std(), tt.watched)
			require.GreaterOrEqual(t, receipt.State.Stop.Baked, rollout.Duration(0))

			time.Sleep(2 * day)
			s.resume(rollout.WithHost(tt.resumes))
			s.requireDone(s.runner(rollout.WithHost(tt.runs)).Run(t.Context()))

			live := liveFor(s.fake)[10] - 2*day
			require.GreaterOrEqual(t, live, tt.live)
			require.Less(t, live, tt.live+time.Second)
		})
	}
}

// A paused rollout whose abort could not be carried out yet is not over: by steps too, the abort is repeated.
func TestAnAbortOfAPausedRolloutIsRepeatedByTheNextSteps(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		s.pause()
		s.fake.FailNext(rollouttest.OpAbort, 2, unavailable())
		_, err := s.runner().Abort(t.Context(), "lin", "no")
		require.ErrorContains(t, err, "the next run executes it")

		next, err := s.runner().Step(t.Context())
		require.NoError(t, err)
		require.False(t, next.Over)
		time.Sleep(time.Until(next.At))

		next, err = s.runner().Step(t.Context())
		require.ErrorIs(t, err, rollout.ErrAborted)
		require.True(t, next.Over)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		require.Equal(t, 3, s.fake.Calls(rollouttest.OpAbort))
	})
}

// An answer that cannot be trusted is no refusal: the version is still to be given up, and the next run does it.
func TestAnAbortWhoseAnswerCannotBeTrustedIsRepeatedByTheNextRun(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		s.fake.FailNext(rollouttest.OpAbort, 1, &alipayplus.SignatureError{Reason: "the signature does not fit"})
		_, err := s.runner().Abort(t.Context(), "lin", "no")
		require.ErrorAs(t, err, new(*alipayplus.SignatureError))
		require.ErrorContains(t, err, "the next run executes it")
		require.Equal(t, rollout.ChangeAbort, s.state().Intent.Kind)

		_, err = s.runner().Run(t.Context())

		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
	})
}

// What answers in the target's place refuses nothing: an abort that it got is repeated too, also before the target was
// observed, when the address may be wrong.
func TestAnAbortThatSomethingElseAnsweredIsRepeatedByTheNextRun(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		page := rollout.Outage(errors.New("a page of another address"))
		s.fake.FailNext(rollouttest.OpObserve, 1, page)
		s.fake.FailNext(rollouttest.OpAbort, 1, page)
		_, err := s.runner().Abort(t.Context(), "lin", "no")
		require.ErrorIs(t, err, page)
		require.ErrorContains(t, err, "the next run executes it")
		require.Equal(t, rollout.Running, s.state().Status)
		require.Equal(t, rollout.ChangeAbort, s.state().Intent.Kind)

		_, err = s.runner().Run(t.Context())

		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, 2, s.fake.Calls(rollouttest.OpAbort))
		require.Zero(t, s.fake.Calls(rollouttest.OpApply))
	})
}

func TestWhateverStoppedItIsNotWatchedTime(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*stage) error{
		"a gate that failed": func(s *stage) error {
			s.gate = failing(10, new(bool))
			defer func() { s.gate = nil }()
			_, err := s.runner().Run(s.Context())
			return err
		},
		"an abort that was refused": func(s *stage) error {
			s.fake.FailNext(rollouttest.OpAbort, 1, alipayplus.ErrPermission)
			_, err := s.runner().Abort(s.Context(), "lin", "")
			return err
		},
	} {
		runOnStageAtTen(t, name, hourly(), func(t *testing.T, s *stage) {
			require.ErrorAs(t, stop(s), new(*rollout.StoppedError))
			watched := time.Since(s.raisedAt())
			require.Equal(t, rollout.Duration(watched), s.state().Stop.Baked)
			time.Sleep(2 * day)
			s.resume()
			s.requireDone(s.runner().Run(t.Context()))
			live := liveFor(s.fake)[10] - 2*day
			require.GreaterOrEqual(t, live, time.Hour)
			require.Less(t, live, time.Hour+time.Second)
		})
	}
}

// The time of the pause before an abort that is refused is none in which the ratio was watched.
func TestAnAbortOfAPausedRolloutThatIsRefusedIsNotWatchedTime(t *testing.T) {
	onStageAtTen(t, hourly(), func(t *testing.T, s *stage) {
		time.Sleep(10 * time.Minute)
		s.pause()
		watched := time.Since(s.raisedAt())
		time.Sleep(2 * day)
		s.fake.FailNext(rollouttest.OpAbort, 1, alipayplus.ErrPermission)
		_, err := s.runner().Abort(t.Context(), "lin", "")
		require.ErrorContains(t, err, "refused")

		require.Equal(t, rollout.Duration(watched), s.state().Stop.Baked)
		s.resume()
		s.requireDone(s.runner().Run(t.Context()))
		require.GreaterOrEqual(t, liveFor(s.fake)[10]-2*day, time.Hour)
	})
}

// Somebody resumes what is running, because of what was shown a moment ago; then it stops.
func TestAResumptionFromBeforeTheStopIsRefused(t *testing.T) {
	onStageAtTen(t, hourly(), func(t *testing.T, s *stage) {
		failed := false
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			if failed {
				return rollout.Passed("for now"), nil
			}
			failed = true
			// Right before the rollout stops because of it, it observes once more.
			s.between(rollouttest.OpObserve, func() {
				receipt, err := s.runner(rollout.WithHost("b")).Resume(t.Context(), "pat", "")
				require.NoError(t, err)
				require.False(t, receipt.Handled)
				time.Sleep(time.Second)
			})
			return rollout.Failed("bad"), nil
		}
		_, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrGateFailed)

		time.Sleep(time.Hour)
		_, again := s.runner().Run(t.Context())

		require.EqualError(t, again, err.Error())
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		require.Equal(t, []string{"it stopped after that was asked: gate errors failed: bad; check it, and resume it again"}, s.emitted(rollout.EventRefused))
		s.requireNoCommands()

		_, err = s.runner().Resume(t.Context(), "pat", "")
		require.NoError(t, err)
		s.requireDone(s.runner().Run(t.Context()))
	})
}

// Somebody resumes what is paused while it is not known whether the version was given up: a refusal of that is news.
func TestAResumptionFromBeforeTheRefusalOfAnAbortIsRefused(t *testing.T) {
	t.Parallel()
	resumes := func(s *stage) error { return errOf(s.runner().Resume(s.Context(), "pat", "")) }
	for name, tt := range map[string]struct {
		// outages is how many calls the target does not answer before it refuses.
		outages int
		resume  func(*stage) error
		fails   string
	}{
		"refused by the time that it is resumed": {1, resumes, "it stopped after that was asked"},
		"refused to the next run":                {2, resumes, "the next run executes it"},
		"resumed by somebody who saw no state": {1, func(s *stage) error {
			c := rollout.Command{ID: "1", Kind: rollout.CommandResume, By: "pat", At: time.Now()}
			defer time.Sleep(time.Second)
			return s.store.Post(s.Context(), s.fake.ID(), c)
		}, ""},
	} {
		runOnStageAtTen(t, name, plain(), func(t *testing.T, s *stage) {
			s.pause()
			s.fake.FailNext(rollouttest.OpAbort, tt.outages, unavailable())
			s.fake.FailNext(rollouttest.OpAbort, 1, alipayplus.ErrPermission)
			require.Error(t, errOf(s.runner().Abort(t.Context(), "lin", "no")))

			if err := tt.resume(s); tt.fails != "" {
				require.ErrorContains(t, err, tt.fails)
			}
			_, err := s.runner().Run(t.Context())

			require.ErrorIs(t, err, rollout.ErrPaused)
			require.ErrorContains(t, err, "giving the version up was refused")
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			require.Len(t, s.emitted(rollout.EventRefused), 1)
			s.requireNoCommands()
			s.resume()
			s.finish()
		})
	}
}

// The clock of the machine that paused is four minutes ahead; somebody resumes a minute later.
func TestAResumptionIsNotRefusedBecauseTwoClocksDisagree(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		s.pause(rollout.WithHost("b"))
		s.rewrite(func(state map[string]any) {
			stop := state["stop"].(map[string]any)
			stop["at"] = shifted(t, stop["at"], 4*time.Minute)
		})
		time.Sleep(time.Minute)
		s.resume()
	})
}
