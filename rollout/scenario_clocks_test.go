package rollout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// atDay is plain with a day of bake time.
func atDay() rollout.Spec {
	spec := plain()
	spec.Steps[0].Bake, spec.Steps[1].Bake = rollout.Duration(day), rollout.Duration(day)
	return spec
}

// clockOff is atTen where the machine that set 10 % had a clock that was off, and everything
// stored is by it.
func clockOff(t *testing.T, spec rollout.Spec, off time.Duration) *stage {
	t.Helper()
	s := liveAtTen(t, spec)
	s.shiftClock(off)
	s.rewrite(func(state map[string]any) { delete(state, "liveAt") })
	return s
}

func TestAStartThatIsStillToComeIsReplacedOnce(t *testing.T) {
	for host, text := range map[string]string{"a": "the clock of this machine was set", "b": "another machine goes on"} {
		runInVirtualTime(t, text, func(t *testing.T) {
			s := clockOff(t, hourly(), 365*day)
			began := time.Now()
			s.runUntil(30*time.Minute, rollout.WithHost(host))
			require.Equal(t, []string{"10% is live since 2000-12-31T00:00:00Z, which is still to come by the clock of this machine: its bake time counts from now"},
				shortened(s.all(rollout.EventClock), 1))
			require.Contains(t, s.audit(), "CLOCK 10-10")
			require.WithinDuration(t, began, s.state().Since, time.Second, "it is stored")
			emitted := len(s.all(rollout.EventClock))

			s.finish(rollout.WithHost(host))

			require.Len(t, s.all(rollout.EventClock), emitted, "it is emitted once")
			require.InDelta(t, float64(time.Hour+time.Minute), float64(liveFor(s.fake)[10]), float64(3*time.Minute))
		})
	}
}

// shortened are the first lines with the minute of the day cut off.
func shortened(lines []string, n int) []string {
	lines = append([]string(nil), lines[:min(n, len(lines))]...)
	for i, line := range lines {
		if at := len("10% is live since 2000-12-31T00:00:"); len(line) > at+2 {
			lines[i] = line[:at] + "00" + line[at+2:]
		}
	}
	return lines
}

func TestAStartBeforeTheTargetsOwnTimeDoesNotCount(t *testing.T) {
	for _, host := range []string{"a", "b"} {
		runInVirtualTime(t, host, func(t *testing.T) {
			s := clockOff(t, atDay(), -2*day)
			s.runUntil(20*time.Hour, rollout.WithHost(host))
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			require.Len(t, s.all(rollout.EventClock), 1)
			require.Contains(t, s.all(rollout.EventClock)[0], "by the target's clock, not since 1999-12-30T")
			s.finish(rollout.WithHost(host))
			require.GreaterOrEqual(t, liveFor(s.fake)[10], day)
			require.Less(t, liveFor(s.fake)[10], day+10*time.Minute)
			require.Len(t, s.all(rollout.EventClock), 1)
		})
	}
}

func TestAPauseOfAnotherMachineDoesNotKeepAWrongStart(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		s := liveAtTen(t, atDay())
		s.runUntil(2 * time.Minute) // the target's own time is stored
		s.shiftClock(-2 * day)
		s.pause(rollout.WithHost("b"))
		require.Less(t, s.state().Stop.Baked.Std(), time.Hour)
		time.Sleep(time.Hour)
		s.resume(rollout.WithHost("b"))
		s.finish(rollout.WithHost("b"))
		require.GreaterOrEqual(t, liveFor(s.fake)[10], day+time.Hour)
	})
}

// Where nobody knows how long a ratio was watched before a pause, it is watched for its whole time after it.
func TestAPauseAfterAWrongStartDoesNotCount(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		s := clockOff(t, atDay(), -2*day)
		s.pause()
		time.Sleep(10 * time.Hour)
		s.resume()
		s.finish()
		require.InDelta(t, day+10*time.Hour, liveFor(s.fake)[10], float64(10*time.Minute))
		require.Contains(t, s.all(rollout.EventClock)[0], "its bake time counts from the resumption at 2000-01-01T10:")
	})
}

// A verdict of a clock that was ahead neither counts nor keeps the gate from being asked.
func TestAVerdictThatIsStillToComeIsObtainedAgain(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		s := clockOff(t, hourly(), 365*day)
		s.began = time.Now()
		asked := s.countQuestions()
		s.runUntil(30 * time.Minute)
		require.GreaterOrEqual(t, *asked, 25)
	})
}

// A machine whose clock is ahead stores that a gate has failed, and ends; the next one does not ask a second time.
func TestAFailureThatIsStillToComeStopsTheRollout(t *testing.T) {
	for name, spec := range map[string]rollout.GateSpec{"once": {}, "twice in a row": {FailAfter: 2}} {
		runInVirtualTime(t, name, func(t *testing.T) {
			all := hourly()
			all.Gates["errors"] = spec
			s := liveAtTen(t, all)
			s.rewrite(func(state map[string]any) {
				state["gates"] = map[string]any{"errors": map[string]any{
					"verdict": map[string]any{"decision": "fail", "reason": "5 % fail"}, "at": time.Now().Add(20 * time.Second), "recent": []string{"fail", "fail"},
				}}
			})
			asked := s.countQuestions()
			_, err := s.runner(rollout.WithHost("b")).Run(t.Context())
			require.ErrorIs(t, err, rollout.ErrGateFailed)
			require.ErrorContains(t, err, "5 % fail")
			require.Zero(t, *asked)
			require.Empty(t, s.all(rollout.EventClock))
		})
	}
}

// An approval of a clock that was ahead does not outlive its expiry.
func TestAnApprovalThatIsStillToComeExpiresAllTheSame(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		spec := hourly()
		spec.Steps[1].Approval, spec.ApprovalExpiry = true, rollout.Duration(30*time.Minute) // 10 % are watched for an hour
		s := liveAtTen(t, spec)
		s.approve(50)
		s.rewrite(func(state map[string]any) {
			for _, a := range state["approvals"].([]any) {
				approval := a.(map[string]any)
				approval["at"] = shifted(s.T, approval["at"], 365*day)
			}
		})
		s.runUntil(6 * time.Hour)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		require.Contains(t, s.all(rollout.EventClock)[0], "the approval of 50% by lin is of 20")
		_, why := s.state().Approval(50, time.Now())
		require.Contains(t, why, "that of lin expired at 2000-01-01T")
	})
}

func TestSmallDifferencesOfClocksChangeNothing(t *testing.T) {
	for _, off := range []time.Duration{-4 * time.Minute, 0} {
		runInVirtualTime(t, off.String(), func(t *testing.T) {
			s := clockOff(t, plain(), off)
			s.finish(rollout.WithHost("b"))
			require.Empty(t, s.all(rollout.EventClock))
		})
	}
}

// Who resumes saw the stop, whatever the clocks of the two machines say.
func TestAResumptionIsOrderedByWhatWasSeen(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		s.pause()
		require.NoError(t, s.store.Post(t.Context(), s.fake.ID(), rollout.Command{
			ID: "1", Kind: rollout.CommandResume, By: "lin", At: time.Now().Add(-365 * day), Seen: s.state().Seq,
		}))
		s.finish()
	})
}

func TestAResumptionOfAnEarlierStateIsRefused(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		seen := s.state().Seq
		s.pause()
		require.NoError(t, s.store.Post(t.Context(), s.fake.ID(), rollout.Command{
			ID: "1", Kind: rollout.CommandResume, By: "lin", At: time.Now().Add(365 * day), Seen: seen,
		}))
		_, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
	})
}

// Commands of machines whose clocks disagree are executed in the order in which they were posted.
func TestCommandsKeepTheirOrderWhateverTheClocksSay(t *testing.T) {
	store := rollout.NewFileStore(t.TempDir())
	post := func(t *testing.T, id string) {
		t.Helper()
		require.NoError(t, store.Post(t.Context(), "tea", rollout.Command{ID: id, Kind: rollout.CommandPause, By: "lin", At: time.Now()}))
	}
	runInVirtualTime(t, "ahead", func(t *testing.T) {
		time.Sleep(365 * day)
		post(t, "2")
		post(t, "1")
	})
	runInVirtualTime(t, "right", func(t *testing.T) {
		post(t, "0")
		lease, err := store.Acquire(t.Context(), "tea", "test")
		require.NoError(t, err)
		commands, err := lease.Commands(t.Context())
		require.NoError(t, err)
		require.Len(t, commands, 3)
		require.Equal(t, []string{"2", "1", "0"}, []string{commands[0].ID, commands[1].ID, commands[2].ID})
		require.NoError(t, lease.Release(t.Context()))
	})
}
