package temporal

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

var discard = slog.New(slog.DiscardHandler)

var (
	allRatios  = []alipayplus.Ratio{1, 5, 10, 20, 30, 50, 100}
	wholeAudit = []string{
		"STARTED 0-0", "APPLIED 0-0", "RAISED 0-1", "RAISED 1-5", "RAISED 5-10", "RAISED 10-20",
		"APPROVED 20-30", "RAISED 20-30", "RAISED 30-50", "RAISED 50-100", "DONE 100-100",
	}
	approval = rollout.Command{ID: "approval", Kind: rollout.CommandApprove, Ratio: 30}
)

func TestAWorkflowClimbsTheWholeLadder(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		s.after(5*time.Hour+30*time.Minute, func() {
			_, state := s.standing()
			require.Equal(t, alipayplus.Ratio(20), state.Ratio)
			require.Equal(t, rollout.Running, state.Status)
		})
		s.command(6*time.Hour, approval)

		state := s.run()

		require.Equal(t, rollout.Done, state.Status)
		require.Equal(t, allRatios, s.fake.Ratios())
		require.Equal(t, wholeAudit, s.audit())
		at, _ := s.standing()
		require.Equal(t, []answer{{ID: "approval"}}, at.Answers)
		require.Equal(t, []string{
			"STARTED 0", "CHANGING 0", "APPLIED 0", "CHANGING 0", "RAISED 1", "CHANGING 1", "RAISED 5", "CHANGING 5", "RAISED 10",
			"CHANGING 10", "RAISED 20", "APPROVED 20", "CHANGING 20", "RAISED 30", "CHANGING 30", "RAISED 50", "CHANGING 50", "RAISED 100", "DONE 100",
		}, s.news())
		require.True(t, slices.IsSortedFunc(s.events, func(a, b rollout.Event) int { return a.At.Compare(b.At) }))
	})
}

// A change costs two steps, of which the first notes it; hours of waiting and of gates that pass
// cost none.
func TestWaitingAddsNothingToTheHistory(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		s.command(30*time.Hour, approval)
		s.run()
		require.Equal(t, map[string]int{activityStep: 2*8 + 1, activityEmit: 8}, s.starts, "8 changes and an approval")
		require.Greater(t, s.attempts, 500)
	})
}

func TestAPausedRolloutGoesOnWhenItIsResumed(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		s.command(90*time.Minute, rollout.Command{ID: "c1", Kind: rollout.CommandPause, Reason: "an incident"})
		s.after(9*time.Hour, func() {
			at, state := s.standing()
			require.Equal(t, rollout.Paused, state.Status)
			require.Equal(t, "an incident", state.Stop.Reason)
			require.True(t, at.Next.Over)
			require.Equal(t, []alipayplus.Ratio{1}, s.fake.Ratios())
		})
		s.command(10*time.Hour, rollout.Command{ID: "c2", Kind: rollout.CommandResume})
		s.command(20*time.Hour, approval)

		state := s.run()

		require.Equal(t, rollout.Done, state.Status)
		require.Equal(t, allRatios, s.fake.Ratios())
		effects := s.fake.Effects()
		require.Equal(t, alipayplus.Ratio(5), effects[2].To)
		require.InDelta(t, (9*time.Hour + 30*time.Minute).Seconds(), effects[2].At.Sub(effects[1].At).Seconds(), 600, "the pause is no bake time")
	})
}

func TestAnAbortGivesTheVersionUp(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		s.command(2*time.Hour, rollout.Command{ID: "c1", Kind: rollout.CommandPause})
		s.command(3*time.Hour, rollout.Command{ID: "c2", Kind: rollout.CommandAbort, Reason: "it crashes"})

		state := s.run()

		require.Equal(t, rollout.Aborted, state.Status)
		require.Equal(t, "it crashes", state.Stop.Reason)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		at, _ := s.standing()
		require.Equal(t, []answer{{ID: "c1"}, {ID: "c2"}}, at.Answers)
		require.Equal(t, "ABORTED 1", s.news()[len(s.news())-1])
	})
}

func TestACommandThatIsRefusedSaysWhy(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		s.command(2*time.Hour, rollout.Command{ID: "c1", Kind: rollout.CommandResume})
		s.command(2*time.Hour, rollout.Command{ID: "c2", Kind: rollout.CommandApprove, Ratio: 50})
		s.command(6*time.Hour, approval)
		s.run()
		at, _ := s.standing()
		require.Len(t, at.Answers, 3)
		require.Equal(t, answer{ID: "c1", Refused: "it is running; only a paused rollout can be resumed"}, at.Answers[0])
		require.Contains(t, at.Answers[1].Refused, "it asks for approval of: 30%")
		require.Equal(t, answer{ID: "approval"}, at.Answers[2])
	})
}

func TestACommandThatComesTooLateIsRefused(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		s.command(2*time.Hour, rollout.Command{ID: "c1", Kind: rollout.CommandAbort})
		s.command(2*time.Hour, rollout.Command{ID: "c2", Kind: rollout.CommandPause})
		s.command(2*time.Hour, rollout.Command{ID: "c3", Kind: rollout.CommandAbort})
		require.Equal(t, rollout.Aborted, s.run().Status)
		at, _ := s.standing()
		require.Equal(t, []answer{
			{ID: "c1"},
			{ID: "c2", Refused: "it is ABORTED; nothing is left to pause"},
			{ID: "c3", Refused: "it is ABORTED; nothing is left to do"},
		}, at.Answers)
	})
}

// What a run hands on to the next is one payload, and these have a limit of 2 MB.
func TestTheAuditLogHasRoomInAPayload(t *testing.T) {
	t.Parallel()
	r := new(run)
	for n := range uint64(2 * maxAudit) {
		r.apply(transition{Audit: []rollout.AuditEntry{{Seq: n, Action: rollout.EventRefused, By: "lin", Why: strings.Repeat("why ", 500)}}})
	}
	all, err := json.Marshal(r.carried)
	require.NoError(t, err)
	require.Less(t, len(all), 3<<19)
	require.Greater(t, len(all), 1<<19)
	require.Equal(t, uint64(2*maxAudit-1), r.Audit[len(r.Audit)-1].Seq)
}

// Whoever sends signals by hand, with Temporal's own tool, names no id and no time.
func TestACommandThatWasSentByHandIsExecuted(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		byHand := rollout.Command{Kind: rollout.CommandApprove, Ratio: 30, By: "lin"}
		s.after(6*time.Hour, func() { s.env.SignalWorkflow(signalCommand, byHand) })
		require.Equal(t, rollout.Done, s.run().Status)
		require.Equal(t, wholeAudit, s.audit())
	})
}

func TestAGateThatFailsPausesTheRollout(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		broken := true
		s.gate = func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
			if step.Ratio == 10 && broken {
				return rollout.Failed("too many errors"), nil
			}
			return rollout.Passed("no errors"), nil
		}
		s.after(9*time.Hour, func() {
			_, state := s.standing()
			require.Equal(t, rollout.Paused, state.Status)
			require.Equal(t, rollout.CauseGate, state.Stop.Cause)
			broken = false
		})
		s.command(10*time.Hour, rollout.Command{ID: "c1", Kind: rollout.CommandResume})
		s.command(20*time.Hour, approval)
		require.Equal(t, rollout.Done, s.run().Status)
		require.Equal(t, allRatios, s.fake.Ratios())
	})
}

// Verdicts to fail that the spec tolerates are counted, although Temporal ends the wait for a
// command, and the activity's heartbeat is lost then.
func TestACommandDoesNotMakeAFailureForgotten(t *testing.T) {
	spec := ladder()
	spec.Gates["errors"] = rollout.GateSpec{FailAfter: 3, OfLast: 20}
	onStage(t, spec, func(s *stage) {
		asked := 0
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			if asked++; asked%5 == 0 {
				return rollout.Failed("an error"), nil
			}
			return rollout.Passed("no errors"), nil
		}
		for i := range 12 { // in the bake time of the first ratio; none of them changes anything
			s.command(65*time.Minute+time.Duration(i)*2*time.Minute, rollout.Command{Kind: rollout.CommandResume})
		}
		s.after(2*time.Hour, func() {
			_, state := s.standing()
			require.Equal(t, rollout.Paused, state.Status)
			require.Contains(t, state.Stop.Reason, "3 of the last 20 times")
		})
		s.command(3*time.Hour, rollout.Command{ID: "c2", Kind: rollout.CommandAbort})
		require.Equal(t, rollout.Aborted, s.run().Status)
	})
}

func TestATargetThatIsAwayIsWaitedFor(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		s.after(2*time.Hour, func() {
			s.fake.FailNext(rollouttest.OpAny, 20, rollout.Transient(errors.New("maintenance")))
		})
		s.command(20*time.Hour, approval)
		require.Equal(t, rollout.Done, s.run().Status)
		require.Equal(t, wholeAudit, s.audit())
		require.Equal(t, map[string]int{activityStep: 2*8 + 1, activityEmit: 8}, s.starts, "an outage adds nothing")
	})
}

func TestAFailureWaitsForAPerson(t *testing.T) {
	for name, goOn := range map[string]func(s *stage){
		"who says so": func(s *stage) { s.env.SignalWorkflow(signalRetry, nil) },
		"who gives a command": func(s *stage) {
			s.env.SignalWorkflow(signalCommand, rollout.Command{ID: "c1", Kind: rollout.CommandApprove, Ratio: 30, By: "lin"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			onStage(t, ladder(), func(s *stage) {
				s.fake.FailNext(rollouttest.OpApply, 1, alipayplus.ErrPermission)
				s.after(time.Hour, func() {
					at, _ := s.standing()
					require.Contains(t, at.Failure, "permission")
					goOn(s)
				})
				s.command(20*time.Hour, approval)
				require.Equal(t, rollout.Done, s.run().Status)
				require.Equal(t, allRatios, s.fake.Ratios())
				require.Contains(t, s.news(), "FAILED 0")
			})
		})
	}
}

func TestATargetThatNobodyMakesWaitsForAPerson(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		s.after(time.Minute, func() {
			at, _ := s.standing()
			require.Contains(t, at.Failure, "there is no release 2")
			s.env.CancelWorkflow()
		})
		s.env.ExecuteWorkflow(workflowName, carried{Rollout: Rollout{Target: "release 2", Spec: s.spec}})
		require.True(t, s.env.IsWorkflowCompleted())
		require.ErrorContains(t, s.env.GetWorkflowError(), "canceled")
	})
}

// The worker dies right after the target has made a change: another one makes the call again, under
// the key in the history.
func TestAWorkerThatIsLostAfterAChangeChangesNothing(t *testing.T) {
	onStage(t, ladder(), func(s *stage) {
		died := 0
		s.lost = func(int) bool { died++; return true }
		s.command(6*time.Hour, approval)
		require.Equal(t, rollout.Done, s.run().Status)
		require.Equal(t, wholeAudit, s.audit())
		require.Equal(t, allRatios, s.fake.Ratios())
		require.Equal(t, 6, died, "in each raise, which is not made again")
	})
}

func TestAWorkflowContinuesAsNew(t *testing.T) {
	var left carried
	onStage(t, ladder(), func(s *stage) {
		s.after(3*time.Hour, func() { s.env.SetContinueAsNewSuggested(true) })
		s.env.ExecuteWorkflow(workflowName, carried{Rollout: Rollout{Target: s.fake.ID(), Spec: s.spec}})
		next, ok := errors.AsType[*workflow.ContinueAsNewError](s.env.GetWorkflowError())
		require.True(t, ok, "%v", s.env.GetWorkflowError())
		require.Equal(t, workflowName, next.WorkflowType.Name)
		require.NoError(t, fromPayloads(next.Input, &left))
		ratios := s.fake.Ratios()
		require.Equal(t, allRatios[:len(ratios)], ratios)
		require.Less(t, len(ratios), 4)

		after := newStage(t, ladder())
		after.fake, after.events = s.fake, s.events
		after.command(9*time.Hour, approval)
		after.env.ExecuteWorkflow(workflowName, left)
		require.NoError(t, after.env.GetWorkflowError())
		require.Equal(t, allRatios, s.fake.Ratios())
		require.Equal(t, wholeAudit, after.audit())
	})
}

// Histories of releases that real servers and workers drove, with processes that were killed: a
// change of the workflow that does not replay them would break releases that are under way. To record
// others, as for a new path of the workflow beside these: go test -run 'Server|People|EachRatio' -args -record testdata
func TestTheWorkflowReplaysRecordedHistories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflowWithOptions(drive, workflow.RegisterOptions{Name: workflowName})
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(sdklog.NewStructuredLogger(discard), file))
		})
	}
}
