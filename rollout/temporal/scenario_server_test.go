package temporal_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	batch "go.temporal.io/api/batch/v1"
	"go.temporal.io/api/enums/v1"
	history "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
	"github.com/alipayplus-go/alipayplus/rollout/temporal"
)

var (
	kills    = flag.Int("kills", 12, "how many processes are killed")
	releases = flag.Int("releases", 6, "how many releases are driven meanwhile")
	record   = flag.String("record", "", "folder that histories are written to, as those in testdata")
)

// Workers and the server are killed at random moments; each release gets each ratio once.
func TestEachRatioIsSetOnceWhateverIsKilled(t *testing.T) {
	d := deployWithPlatform(t)
	spec := seconds(2*time.Second + time.Duration(*kills)*time.Second/8) // so that they are under way until the last kill
	var targets []string
	for n := range *releases {
		target := d.release(n)
		targets = append(targets, target)
		d.eventually("it is started", func(ctx context.Context) error {
			return d.rollouts.Start(ctx, temporal.Rollout{Target: target, Spec: spec})
		})
	}
	require.ErrorIs(t, d.rollouts.Start(t.Context(), temporal.Rollout{Target: targets[0], Spec: spec}), alipayplus.ErrConflict)
	t.Log("approving while no worker lives")
	receipt, err := d.rollouts.Approve(t.Context(), targets[0], "lin", "before anybody drives it", 30)
	require.NoError(t, err)
	require.False(t, receipt.Handled)

	d.workers = []*exec.Cmd{d.startWorker(), d.startWorker()}
	d.killAtRandom(targets)

	for _, target := range targets {
		d.eventually("it is over", func(ctx context.Context) error { return d.approveUntilDone(ctx, target) })
		d.requireOneClimb(target)
		audit, err := d.rollouts.Audit(t.Context(), target)
		require.NoError(t, err)
		raised := slices.DeleteFunc(audit, func(e rollout.AuditEntry) bool { return e.Action != rollout.EventRaised })
		require.Len(t, raised, 7)
		t.Log(target, d.events(target), "events")
	}
	d.recordHistory(targets[1], "climb.json")
}

// killAtRandom kills a worker again and again, at times the server, and starts what was killed.
func (d *deployment) killAtRandom(targets []string) {
	d.Helper()
	for n := range *kills {
		time.Sleep(500*time.Millisecond + time.Duration(rand.Int64N(int64(2*time.Second))))
		if n%4 == 3 {
			kill(d.server)
			d.startServer()
			continue
		}
		at := rand.IntN(len(d.workers))
		kill(d.workers[at])
		d.workers[at] = d.startWorker()
		ctx, cancel := context.WithTimeout(d.Context(), time.Second)
		_ = d.approveUntilDone(ctx, targets[n%len(targets)]) // where it is waited for
		cancel()
	}
}

// approveUntilDone approves 30 % when that is waited for. The error says what is waited for.
func (d *deployment) approveUntilDone(ctx context.Context, target string) error {
	status, err := d.rollouts.Status(ctx, target)
	switch {
	case err != nil:
		return err
	case status.Failure != "":
		return errors.New(status.Failure)
	case status.Next.State != nil && status.Next.State.Status == rollout.Done:
		return nil
	case status.Next.Wait == rollout.WaitApproval:
		if _, err := d.rollouts.Approve(ctx, target, "lin", "", status.Next.Ratio); err != nil {
			return err
		}
	}
	return errors.New(status.Next.What)
}

// events is how long the history is.
func (d *deployment) events(target string) int64 {
	described, err := d.sdk.DescribeWorkflow(d.Context(), temporal.WorkflowID(target), "")
	require.NoError(d, err)
	return described.RawResponse.GetWorkflowExecutionInfo().GetHistoryLength()
}

// recordHistory writes the history of a workflow as the replay test reads it.
func (d *deployment) recordHistory(target, name string) {
	if *record == "" {
		return
	}
	var all history.History
	events := d.sdk.GetWorkflowHistory(d.Context(), temporal.WorkflowID(target), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(d, err)
		all.Events = append(all.Events, event)
	}
	text, err := protojson.Marshal(&all)
	require.NoError(d, err)
	text = regexp.MustCompile(`"identity":\s*"[^"]*"`).ReplaceAll(text, []byte(`"identity":"worker"`)) // which machine it was is nobody's business
	require.NoError(d, os.WriteFile(filepath.Join(*record, name), append(text, '\n'), 0o600))
}

// pauseAll pauses the rollouts of the namespace at once, as the README does by Temporal's own tool.
func (d *deployment) pauseAll() {
	d.Helper()
	input, err := converter.GetDefaultDataConverter().ToPayloads(json.RawMessage(`{"order":"PAUSE","by":"lin","reason":"a freeze"}`))
	require.NoError(d, err)
	_, err = d.sdk.WorkflowService().StartBatchOperation(d.Context(), &workflowservice.StartBatchOperationRequest{
		Namespace: client.DefaultNamespace, JobId: "freeze", Reason: "a freeze",
		VisibilityQuery: `WorkflowType = "Rollout" AND ExecutionStatus = "Running"`,
		Operation: &workflowservice.StartBatchOperationRequest_SignalOperation{
			SignalOperation: &batch.BatchOperationSignal{Signal: "command", Input: input, Identity: "lin"},
		},
	})
	require.NoError(d, err)
}

// People pause, resume and abort a release that real workers drive.
func TestPeopleCommandAReleaseThatWorkersDrive(t *testing.T) {
	d := deployWithPlatform(t)
	sent := d.collect()
	d.workers = []*exec.Cmd{d.startWorker()}
	require.NoError(t, d.rollouts.AddSearchAttributes(t.Context(), client.DefaultNamespace))
	spec := seconds(time.Hour)
	target := d.release(1)
	d.eventually("it is started", func(ctx context.Context) error {
		return d.rollouts.Start(ctx, temporal.Rollout{Target: target, Spec: spec, SearchAttributes: true})
	})
	d.eventually("1 % is live", func(ctx context.Context) error {
		status, err := d.rollouts.Status(ctx, target)
		if err == nil && status.Next.Wait != rollout.WaitBake {
			err = errors.New(status.Next.What)
		}
		return err
	})
	waiting := d.events(target)
	paused, err := d.rollouts.Pause(t.Context(), target, "lin", "an incident")
	require.NoError(t, err)
	require.True(t, paused.Handled)
	require.Equal(t, rollout.Paused, paused.State.Status)
	_, err = d.rollouts.Pause(t.Context(), target, "lin", "")
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	require.ErrorContains(t, err, "it is paused already")
	resumed, err := d.rollouts.Resume(t.Context(), target, "lin", "")
	require.NoError(t, err)
	require.Equal(t, rollout.Running, resumed.State.Status)
	_, err = d.rollouts.Approve(t.Context(), target, "lin", "", 50)
	require.ErrorContains(t, err, "it asks for approval of: 30%")
	require.LessOrEqual(t, d.events(target)-waiting, int64(4*19), "four commands, and an event to the sink for each")
	d.pauseAll()
	d.eventually("it is paused with all others", func(ctx context.Context) error {
		status, err := d.rollouts.Status(ctx, target)
		if err == nil && status.Next.State.Status != rollout.Paused {
			err = errors.New(status.Next.What)
		}
		return err
	})
	beside := make(chan error, 1)
	go func() {
		_, err := d.rollouts.Pause(t.Context(), target, "mei", "another incident")
		beside <- err
	}()
	aborted, err := d.rollouts.Abort(t.Context(), target, "lin", "it crashes")
	require.NoError(t, err)
	require.Equal(t, rollout.Aborted, aborted.State.Status)
	require.ErrorIs(t, <-beside, alipayplus.ErrConflict)
	state, err := d.rollouts.Wait(t.Context(), target)
	require.NoError(t, err)
	require.Equal(t, "it crashes", state.Stop.Reason)
	_, err = d.rollouts.Resume(t.Context(), target, "lin", "")
	require.ErrorContains(t, err, "it is ABORTED")
	wait := exec.CommandContext(t.Context(), d.program, "wait", target)
	wait.Env = d.environment
	output, err := wait.CombinedOutput()
	require.ErrorAs(t, err, new(*exec.ExitError), "a pipeline does not go on")
	require.Contains(t, string(output), "is aborted at 1%: it crashes")
	described, err := d.sdk.DescribeWorkflow(t.Context(), temporal.WorkflowID(target), "")
	require.NoError(t, err)
	var status string
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(described.RawResponse.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()["RolloutStatus"], &status))
	require.Equal(t, "ABORTED", status)
	d.recordHistory(target, "commands.json")
	require.NoError(t, d.workers[0].Process.Signal(syscall.SIGTERM))
	require.NoError(t, d.workers[0].Wait())
	require.Contains(t, sent("/v1/traces"), "alipayplus releases.grayscale")
	require.Contains(t, sent("/v1/traces"), "alipayplus-rollouts")
	require.Contains(t, sent("/v1/metrics"), "alipayplus.rollout.ratio")
}

// A workflow that was terminated drives nothing any more. Its rollout is started again under its name, and goes on
// from what is live; one that is done is not.
func TestATerminatedRolloutIsStartedAgain(t *testing.T) {
	d := deploy(t)
	fake := rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
	fake.ApproveAfter(time.Second)
	w := worker.New(d.sdk, taskQueue, worker.Options{})
	require.NoError(t, temporal.Register(w, temporal.Options{Target: func(context.Context, string) (rollout.Target, error) { return fake, nil }}))
	require.NoError(t, w.Start())
	defer w.Stop()
	spec := rollout.Spec{Version: rollout.SpecVersion, Steps: []rollout.StepSpec{{Ratio: 1, Bake: rollout.Duration(time.Hour)}, {Ratio: 100}}}
	start := temporal.Rollout{Name: "tea", Target: "release 1", Spec: spec}
	require.NoError(t, d.rollouts.Start(t.Context(), start))
	d.eventually("1 % is live", func(ctx context.Context) error {
		status, err := d.rollouts.Status(ctx, "tea")
		if err == nil && status.Next.Wait != rollout.WaitBake {
			err = errors.New(status.Next.What)
		}
		return err
	})

	require.NoError(t, d.sdk.TerminateWorkflow(t.Context(), temporal.WorkflowID("tea"), "", "by mistake"))

	status, err := d.rollouts.Status(t.Context(), "tea")
	require.NoError(t, err)
	require.Contains(t, status.Failure, "Terminated")
	_, err = d.rollouts.Pause(t.Context(), "tea", "lin", "")
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	require.ErrorContains(t, err, "start the rollout again")
	start.Spec.Steps[0].Bake = 0
	require.NoError(t, d.rollouts.Start(t.Context(), start))
	state, err := d.rollouts.Wait(t.Context(), "tea")
	require.NoError(t, err)
	require.Equal(t, rollout.Done, state.Status)
	require.Equal(t, []alipayplus.Ratio{1, 100}, fake.Ratios())
	require.ErrorIs(t, d.rollouts.Start(t.Context(), start), alipayplus.ErrConflict)
}
