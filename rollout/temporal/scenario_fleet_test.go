package temporal_test

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
	"github.com/alipayplus-go/alipayplus/rollout/temporal"
)

var (
	sizes = flag.String("sizes", "10,30", "how many releases the fleets have that are compared")
	bake  = flag.Duration("bake", 2*time.Second, "how long their ratios are live")
)

// workspace counts the calls of a platform by which the releases of one workspace are read.
type workspace struct{ calls atomic.Int64 }

// ObserveAll implements [rollout.Batch].
func (w *workspace) ObserveAll(ctx context.Context, targets []rollout.Target, _ func(context.Context) error) []rollout.BatchResult {
	w.calls.Add(1)
	all := make([]rollout.BatchResult, len(targets))
	for i, t := range targets {
		all[i].Observation, all[i].Err = t.(*member).Fake.Observe(ctx)
	}
	return all
}

// member is a release of a workspace.
type member struct {
	*rollouttest.Fake

	of *workspace
}

// Batch implements [rollout.Batched].
func (m *member) Batch() rollout.Batch { return m.of }

// Observe implements [rollout.Target].
func (m *member) Observe(ctx context.Context) (*rollout.Observation, error) {
	m.of.calls.Add(1)
	return m.Fake.Observe(ctx)
}

// cost is what a release of a fleet cost, on average.
type cost struct {
	// events are in its history, steps calls of the activity, and reads calls of the platform.
	events, steps, reads float64
}

// Each release has its own history, its own waits and its share of the reads of its workspace,
// however many others there are.
func TestWhatAReleaseCostsDoesNotGrowWithTheFleet(t *testing.T) {
	var first *cost
	for text := range strings.SplitSeq(*sizes, ",") {
		size, err := strconv.Atoi(text)
		require.NoError(t, err)
		t.Run(text, func(t *testing.T) {
			got := costOf(t, size)
			if first == nil {
				first = got
			}
			require.LessOrEqual(t, got.events, first.events*1.1)
			require.LessOrEqual(t, got.steps, first.steps*1.2)
			require.LessOrEqual(t, got.reads, first.reads*1.2)
		})
	}
}

// costOf releases a fleet on a server of its own, and requires that each ratio is set once.
func costOf(t *testing.T, size int) *cost {
	t.Helper()
	const inWorkspace = 10 // mini programs, as a platform has it
	d := deploy(t)
	members := make(map[string]*member, size)
	var workspaces []*workspace
	f := temporal.Fleet{Name: "spring", Spec: seconds(*bake), Canaries: max(1, size/100)}
	for i := range f.Spec.Steps {
		f.Spec.Steps[i].Approval = false
	}
	for i := range size {
		if i%inWorkspace == 0 {
			workspaces = append(workspaces, new(workspace))
		}
		m := &member{rollouttest.NewFake(fmt.Sprintf("release %d", i), alipayplus.DefaultLadder()), workspaces[len(workspaces)-1]}
		m.ApproveAfter(time.Second)
		members[m.ID()] = m
		f.Targets = append(f.Targets, m.ID())
	}
	var steps atomic.Int64
	w := worker.New(d.sdk, taskQueue, worker.Options{MaxConcurrentActivityTaskPollers: 8, MaxConcurrentWorkflowTaskPollers: 8})
	require.NoError(t, temporal.Register(w, temporal.Options{Target: func(_ context.Context, id string) (rollout.Target, error) {
		steps.Add(1)
		return members[id], nil
	}}))
	require.NoError(t, w.Start())
	defer w.Stop()
	began := time.Now()
	require.NoError(t, d.rollouts.StartFleet(t.Context(), f))

	result, err := d.rollouts.WaitFleet(t.Context(), f.Name)

	took := time.Since(began)
	require.NoError(t, err)
	require.Equal(t, &temporal.FleetResult{Started: size}, result)
	var events, reads int64
	for id, m := range members {
		require.Equal(t, alipayplus.DefaultLadder().Ratios(), m.Ratios(), id)
		events += d.events(id)
	}
	for _, of := range workspaces {
		reads += of.calls.Load()
	}
	per := func(n int64) float64 { return float64(n) / float64(size) }
	got := &cost{events: per(events), steps: per(steps.Load()), reads: per(reads)}
	hours := took.Hours()
	t.Logf("%d releases in %v: %.1f events, %.1f steps and %.2f reads a release; %.0f, %.0f and %.0f a release and hour; %.0f events in a second",
		size, took.Round(time.Second), got.events, got.steps, got.reads, got.events/hours, got.steps/hours, got.reads/hours,
		float64(events)/took.Seconds())
	return got
}
