package rollout_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// watchedBatch tells how many targets it reads, and then calls after.
type watchedBatch struct {
	group *rollouttest.Fakes
	read  func(n int)
	after func()
}

func (b *watchedBatch) ObserveAll(ctx context.Context, targets []rollout.Target, turn func(context.Context) error) []rollout.BatchResult {
	inner := make([]rollout.Target, len(targets))
	for i, target := range targets {
		inner[i] = target.(inWatchedBatch).Fake
	}
	b.read(len(targets))
	all := b.group.ObserveAll(ctx, inner, turn)
	b.after()
	return all
}

type inWatchedBatch struct {
	*rollouttest.Fake
	batch *watchedBatch
}

func (t inWatchedBatch) Batch() rollout.Batch { return t.batch }

// watched are the targets of the harbor in one watched batch.
func (h *harbor) watched(read func(n int), after func()) []rollout.Target {
	batch := &watchedBatch{h.group, read, after}
	var all []rollout.Target
	for _, fake := range h.fakes {
		all = append(all, inWatchedBatch{fake, batch})
	}
	return all
}

// Between the reading of many and the acting on one of them, another process raises that
// one. What was read is lower than what is stored then, and nothing fell.
func TestAReadingFromBeforeWhatIsStoredDoesNotPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 2)
		for _, fake := range h.fakes {
			require.NoError(t, fake.ApplyAs("pat"))
			require.NoError(t, fake.Approve())
		}
		readings := 0
		targets := h.watched(func(int) {}, func() {
			if readings++; readings == 1 {
				r, err := rollout.New(h.fakes[0], h.spec, h.store, rollout.WithHost("b"))
				require.NoError(t, err)
				next, err := r.Step(t.Context())
				require.NoError(t, err)
				require.Equal(t, alipayplus.Ratio(10), next.State.Ratio)
			}
		})
		fleet, err := rollout.NewFleet(targets, h.spec, h.store, rollout.FleetOptions{}, rollout.WithHost("a"))
		require.NoError(t, err)

		summary, err := fleet.Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, "2 DONE", summary.String())
		require.Positive(t, readings)
		require.Equal(t, []alipayplus.Ratio{10, 50, 100}, h.fakes[0].Ratios())
	})
}

func TestAHundredTargetsAreTheMostThatAreReadInOneGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 250)
		var mu sync.Mutex
		var sizes []int
		targets := h.watched(func(n int) {
			mu.Lock()
			sizes = append(sizes, n)
			mu.Unlock()
		}, func() {})
		fleet, err := rollout.NewFleet(targets, h.spec, h.store, rollout.FleetOptions{Workers: 1})
		require.NoError(t, err)
		_, err = fleet.Run(deadline(t, time.Second))
		require.ErrorIs(t, err, rollout.ErrPending)
		require.Equal(t, []int{100, 100, 50}, sizes)
	})
}

// Reading many takes longer than reading one, and is given the time of all of them.
func TestTargetsThatAreReadTogetherHaveTheTimeOfAllOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarbor(t, 30)
		retried := 0
		for _, fake := range h.fakes {
			fake.Before(func(ctx context.Context, _ rollouttest.Call) error {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(time.Second):
					return nil
				}
			})
		}
		h.opts = []rollout.Option{rollout.WithCallTimeout(5 * time.Second), rollout.WithSink(func(_ context.Context, e rollout.Event) error {
			if e.Kind == rollout.EventRetrying {
				retried++
			}
			return nil
		})}
		_, err := h.fleet(rollout.FleetOptions{}).Run(deadline(t, 10*time.Minute))
		require.ErrorIs(t, err, rollout.ErrPending)
		require.Zero(t, retried)
		for _, fake := range h.fakes {
			require.Equal(t, alipayplus.ReleaseUnderReview, fake.Now().Status)
		}
	})
}

// releases gives new releases as targets, so many of each of so many mini programs, over
// a client whose requests are heard.
func (w *world) releases(programs, each int) (*rollout.Releases, []rollout.Target, *overheard) {
	w.Helper()
	client, way := w.overhearing()
	releases := rollout.NewReleases(client)
	var targets []rollout.Target
	for range programs {
		program := w.program()
		for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"}[:each] {
			targets = append(targets, releases.Release(w.release(program, version).ID))
		}
	}
	return releases, targets, way
}

func TestALimiterCountsEachCallThatReadsReleases(t *testing.T) {
	for name, tt := range map[string]struct {
		programs, each int
		// calls is how many are needed: one of each release, one list of each mini program's,
		// and, from three releases on, two of those that are on their way.
		calls int
	}{
		"two mini programs":                  {2, 1, 2 + 2},
		"three releases of one mini program": {1, 3, 3 + 1 + 2},
		"five releases":                      {2, 2, 4 + 2 + 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				releases, targets, way := newWorld(t).releases(tt.programs, tt.each)
				var told []string
				way.hear = func(path string) { told = append(told, "call "+path[strings.LastIndex(path, "/")+1:]) }
				turn := func(context.Context) error {
					told = append(told, "turn")
					return nil
				}

				all := releases.ObserveAll(t.Context(), targets, turn)

				for i, seen := range all {
					require.NoError(t, seen.Err)
					require.Equal(t, alipayplus.ReleaseNewVersionCreated, seen.Observation.Status, targets[i].ID())
				}
				require.Len(t, told, 2*tt.calls, "%v", told)
				for i := 0; i < len(told); i += 2 {
					require.Equal(t, "turn", told[i])
					require.NotEqual(t, "turn", told[i+1])
				}
			})
		})
	}
}

func TestReleasesAreNotReadWithoutATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		releases, targets, way := newWorld(t).releases(3, 1)
		way.hear = func(path string) { require.Fail(t, "a call without a turn", path) }
		ended := func(context.Context) error { return context.Canceled }
		for _, seen := range releases.ObserveAll(t.Context(), targets, ended) {
			require.ErrorIs(t, seen.Err, context.Canceled)
			require.Nil(t, seen.Observation)
		}
	})
}

func TestReleasesReadNoneButTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newWorld(t)
		releases, targets, _ := given.releases(1, 1)
		others, foreign, _ := given.releases(1, 1)
		turn := func(context.Context) error { return nil }
		all := releases.ObserveAll(t.Context(), []rollout.Target{foreign[0], targets[0], rollouttest.NewFake("a fake", alipayplus.DefaultLadder())}, turn)
		require.Len(t, all, 3)
		require.EqualError(t, all[0].Err, "rollout: "+foreign[0].ID()+" is not one of these releases")
		require.NoError(t, all[1].Err)
		require.NotNil(t, all[1].Observation)
		require.EqualError(t, all[2].Err, "rollout: a fake is not one of these releases")
		require.NoError(t, others.ObserveAll(t.Context(), foreign, turn)[0].Err)
	})
}

func TestAFleetOverThePlatformKeepsToItsLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, targets, way := newWorld(t).releases(4, 1)
		var calls []time.Time
		way.hear = func(path string) {
			if !strings.Contains(path, "workspace") && !strings.Contains(path, "apply") {
				calls = append(calls, time.Now())
			}
		}
		limiter := rate.NewLimiter(rate.Every(10*time.Second), 1)
		fleet, err := rollout.NewFleet(targets, plain(), rollout.NewMemoryStore(), rollout.FleetOptions{Limiter: limiter, Workers: 1})
		require.NoError(t, err)
		_, err = fleet.Run(deadline(t, 90*time.Second))
		require.ErrorIs(t, err, rollout.ErrPending)
		require.GreaterOrEqual(t, len(calls), 8)
		for i := range calls[1:] {
			require.GreaterOrEqual(t, calls[i+1].Sub(calls[i]), 9*time.Second, "call %d", i+1)
		}
	})
}
