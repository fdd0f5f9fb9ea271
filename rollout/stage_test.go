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

// storeCall is a call of a [rollout.Store] or [rollout.Lease] and what was given to it.
type storeCall struct {
	method string
	data   []byte
	audit  []rollout.AuditEntry
	ids    []string
}

// hookedStore calls hook instead of each method; do calls the method of the store itself.
// The method returns the error of the hook.
type hookedStore struct {
	rollout.Store
	hook func(ctx context.Context, c storeCall, do func() error) error
	// lasting: its leases need no renewal. listens: its leases announce commands.
	lasting, listens bool
}

func (s hookedStore) Acquire(ctx context.Context, name, holder string) (lease rollout.Lease, err error) {
	err = s.hook(ctx, storeCall{method: "Acquire"}, func() error { lease, err = s.Store.Acquire(ctx, name, holder); return err })
	if err != nil {
		return nil, err
	}
	hooked := hookedLease{lease, s}
	if s.listens {
		return listeningLease{hooked}, nil
	}
	return hooked, nil
}

func (s hookedStore) Read(ctx context.Context, name string) (data []byte, err error) {
	err = s.hook(ctx, storeCall{method: "Read"}, func() error { data, err = s.Store.Read(ctx, name); return err })
	return data, err
}

func (s hookedStore) Post(ctx context.Context, name string, c rollout.Command) error {
	return s.hook(ctx, storeCall{method: "Post"}, func() error { return s.Store.Post(ctx, name, c) })
}

// hookedLease is a lease of a hookedStore. It hides that the lease announces commands.
type hookedLease struct {
	rollout.Lease
	store hookedStore
}

func (l hookedLease) Load(ctx context.Context) (data []byte, err error) {
	err = l.store.hook(ctx, storeCall{method: "Load"}, func() error { data, err = l.Lease.Load(ctx); return err })
	return data, err
}

func (l hookedLease) Save(ctx context.Context, data []byte, audit []rollout.AuditEntry) error {
	return l.store.hook(ctx, storeCall{method: "Save", data: data, audit: audit}, func() error { return l.Lease.Save(ctx, data, audit) })
}

func (l hookedLease) Commands(ctx context.Context) (all []rollout.Command, err error) {
	err = l.store.hook(ctx, storeCall{method: "Commands"}, func() error { all, err = l.Lease.Commands(ctx); return err })
	return all, err
}

func (l hookedLease) Forget(ctx context.Context, ids []string) error {
	return l.store.hook(ctx, storeCall{method: "Forget", ids: ids}, func() error { return l.Lease.Forget(ctx, ids) })
}

func (l hookedLease) RenewEvery() time.Duration {
	if l.store.lasting {
		return 0
	}
	return l.Lease.RenewEvery()
}

func (l hookedLease) Renew(ctx context.Context) error {
	return l.store.hook(ctx, storeCall{method: "Renew"}, func() error { return l.Lease.Renew(ctx) })
}

func (l hookedLease) Release(ctx context.Context) error {
	return l.store.hook(ctx, storeCall{method: "Release"}, func() error { return l.Lease.Release(ctx) })
}

type listeningLease struct{ hookedLease }

func (l listeningLease) Posted() <-chan struct{} { return l.Lease.(rollout.Listener).Posted() }

// storeHooked is a store whose method does do instead.
func storeHooked(store rollout.Store, method string, instead func(ctx context.Context, c storeCall, do func() error) error) hookedStore {
	return hookedStore{Store: store, hook: func(ctx context.Context, c storeCall, do func() error) error {
		if c.method != method {
			return do()
		}
		return instead(ctx, c, do)
	}}
}

// storeFailing is a store whose method fails.
func storeFailing(store rollout.Store, method string, err error) hookedStore {
	return storeHooked(store, method, func(context.Context, storeCall, func() error) error { return err })
}

// storeFailingFrom is a store whose method fails from a point in time on.
func storeFailingFrom(store rollout.Store, method string, from time.Time, err error) hookedStore {
	return storeHooked(store, method, func(_ context.Context, _ storeCall, do func() error) error {
		if time.Now().Before(from) {
			return do()
		}
		return err
	})
}

// fullStore is a store that cannot save from its n-th saving on. saves counts them.
func fullStore(store rollout.Store, saves *int, n int, err error) hookedStore {
	return storeHooked(store, "Save", func(_ context.Context, _ storeCall, do func() error) error {
		if *saves++; *saves >= n {
			return err
		}
		return do()
	})
}
