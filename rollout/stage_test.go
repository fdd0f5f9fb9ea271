package rollout_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// stage is a release in memory, which both parties approve after an hour, the store of
// its rollout, and what was told of it.
type stage struct {
	*testing.T
	fake  *rollouttest.Fake
	store rollout.Store
	spec  rollout.Spec
	began time.Time
	// gate answers for every gate of the spec; nil: each passes.
	gate rollout.Gate
	// heard is called with every event; may be nil.
	heard func(rollout.Event)

	mu     sync.Mutex
	events []rollout.Event
}

func newStage(t *testing.T, spec rollout.Spec) *stage {
	t.Helper()
	s := &stage{T: t, fake: rollouttest.NewFake("release 1", alipayplus.DefaultLadder()), store: rollout.NewMemoryStore(), spec: spec, began: time.Now()}
	s.fake.ApproveAfter(time.Hour)
	return s
}

// hourly watches 10 % and 50 % for an hour each, judged by one gate.
func hourly() rollout.Spec {
	const hour = rollout.Duration(time.Hour)
	return rollout.Spec{
		Version: rollout.SpecVersion,
		Gates:   map[string]rollout.GateSpec{"errors": {}},
		Steps: []rollout.StepSpec{
			{Ratio: 10, Bake: hour, Gates: []string{"errors"}},
			{Ratio: 50, Bake: hour, Gates: []string{"errors"}},
			{Ratio: 100},
		},
	}
}

// plain is hourly without gates.
func plain() rollout.Spec {
	spec := hourly()
	spec.Gates = nil
	for i := range spec.Steps {
		spec.Steps[i].Gates = nil
	}
	return spec
}

func (s *stage) runner(opts ...rollout.Option) *rollout.Runner {
	s.Helper()
	return s.runnerOf(s.fake, s.store, opts...)
}

func (s *stage) runnerOf(target rollout.Target, store rollout.Store, opts ...rollout.Option) *rollout.Runner {
	s.Helper()
	all := []rollout.Option{rollout.WithHost("a"), rollout.WithSink(s.hear), rollout.WithGates(func(string, rollout.GateSpec) (rollout.Gate, error) {
		return s.judge, nil
	})}
	r, err := rollout.New(target, s.spec, store, append(all, opts...)...)
	require.NoError(s, err)
	return r
}

func (s *stage) judge(ctx context.Context, step rollout.Step) (rollout.Verdict, error) {
	if s.gate == nil {
		return rollout.Passed("no errors"), nil
	}
	return s.gate(ctx, step)
}

func (s *stage) hear(_ context.Context, e rollout.Event) error {
	s.mu.Lock()
	s.events = append(s.events, e)
	s.mu.Unlock()
	if s.heard != nil {
		s.heard(e)
	}
	return nil
}

// told are the lines that a user saw of the kinds, the same line in a row once.
func (s *stage) told(kinds ...rollout.EventKind) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, e := range s.events {
		for _, kind := range kinds {
			if e.Kind == kind && (len(lines) == 0 || lines[len(lines)-1] != e.What) {
				lines = append(lines, e.What)
			}
		}
	}
	return lines
}

// at calls do in a goroutine that long after the stage was made.
func (s *stage) at(d time.Duration, do func()) {
	go func() {
		time.Sleep(time.Until(s.began.Add(d)))
		do()
	}()
}

// audit is the audit log in short: who, what, from, to.
func (s *stage) audit() []string {
	s.Helper()
	var lines []string
	var seq uint64
	for e, err := range s.store.Audit(context.WithoutCancel(s.Context()), s.fake.ID()) {
		require.NoError(s, err)
		require.GreaterOrEqual(s, e.Seq, seq, "the audit log goes back")
		seq = e.Seq
		lines = append(lines, fmt.Sprintf("%s %d-%d", e.Action, e.From, e.To))
	}
	return lines
}

// state is the stored one.
func (s *stage) state() *rollout.State {
	s.Helper()
	state, err := s.runner(rollout.WithNewSpec()).Status(s.Context())
	require.NoError(s, err)
	require.NotNil(s, state)
	return state
}

// requireDone checks that all users have the version and every ratio of the spec was
// set once, in order.
func (s *stage) requireDone(state *rollout.State, err error) {
	s.Helper()
	require.NoError(s, err)
	require.Equal(s, rollout.Done, state.Status)
	require.Equal(s, alipayplus.FullRatio, state.Ratio)
	require.Equal(s, alipayplus.ReleaseFull, s.fake.Now().Status)
	require.Equal(s, ratiosOf(s.spec), s.fake.Ratios())
	s.requireStored(state)
}

// requireStored checks that the state is the stored one.
func (s *stage) requireStored(state *rollout.State) {
	s.Helper()
	want, err := json.Marshal(state)
	require.NoError(s, err)
	got, err := json.Marshal(s.state())
	require.NoError(s, err)
	require.JSONEq(s, string(want), string(got))
}

func ratiosOf(spec rollout.Spec) []alipayplus.Ratio {
	var all []alipayplus.Ratio
	for _, step := range spec.Steps {
		all = append(all, step.Ratio)
	}
	return all
}
