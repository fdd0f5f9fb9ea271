package platform_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
)

// everyStore runs a test in virtual time over each store, with two platforms on it.
func everyStore(t *testing.T, test func(w *fixture, store storage.Store, app *fakeApp)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T) storage.Store{
		"memory": func(*testing.T) storage.Store { return storage.NewMemory() },
		"bolt": func(t *testing.T) storage.Store {
			t.Helper()
			store, err := bolt.Open(t.TempDir())
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, store.Close()) })
			return store
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, app := open(t), newFakeApp()
				test(newFixture(t, platform.WithStore(store), platform.WithTargetBackends(app)), store, app)
			})
		})
	}
}

// TestTwoPlatformsOnOneStoreAskOneAfterTheOther, whoever is asked for what.
func TestTwoPlatformsOnOneStoreAskOneAfterTheOther(t *testing.T) {
	everyStore(t, func(w *fixture, store storage.Store, app *fakeApp) {
		r := w.prepared(w.program().ID, "1.0.0")
		var asking, most atomic.Int32
		app.will(func(asked) error {
			most.Store(max(most.Load(), asking.Add(1)))
			time.Sleep(time.Second)
			asking.Add(-1)
			return nil
		})
		var done atomic.Int32
		var all sync.WaitGroup
		for _, client := range []*alipayplus.Client{w.owner, w.onSameStore(store, app)} {
			all.Go(func() {
				for _, ratio := range []alipayplus.Ratio{1, 5, 10, 100} {
					if _, err := setRatio(w, client, w.read(r.ID), ratio); err == nil {
						done.Add(1)
					} else {
						require.NotErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
					}
				}
			})
		}
		all.Wait()
		require.EqualValues(w, 1, most.Load())
		live := w.read(r.ID)
		require.Len(w, live.Grayscale.Steps, int(done.Load()), "each call that was answered is one step")
		app.requireAgreement(w, live)
	})
}

// mortalStore refuses everything once its process has died.
type mortalStore struct {
	storage.Store
	dead atomic.Bool
}

var errDied = errors.New("the process died")

func (s *mortalStore) View(ctx context.Context, fn func(storage.Tx) error) error {
	if s.dead.Load() {
		return errDied
	}
	return s.Store.View(ctx, fn)
}

func (s *mortalStore) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if s.dead.Load() {
		return errDied
	}
	return s.Store.Update(ctx, fn)
}

// TestAPlatformThatDiesWhileItAsks: others wait until its lease has ended, say so, and then
// go on by what the target app does.
func TestAPlatformThatDiesWhileItAsks(t *testing.T) {
	everyStore(t, func(w *fixture, store storage.Store, app *fakeApp) {
		r := w.prepared(w.program().ID, "1.0.0")
		mortal := &mortalStore{Store: store}
		dying := w.onSameStore(mortal, app)
		app.during = func() { mortal.dead.Store(true) }
		step := r.GrayscaleTo(5)
		step.RequestID = "step"
		_, err := dying.Releases.StartGrayscale(w.Context(), step)
		require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
		app.during = nil
		died := time.Now()

		once := w.as("olga", alipayplus.WithRetry(1, 0, 0))
		_, err = once.Releases.StartGrayscale(w.Context(), step)
		require.True(w, alipayplus.IsRetryable(err))
		require.NotErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
		require.ErrorContains(w, err, "another call about the mini program is under way; repeat this one in a moment")
		require.InDelta(w, 20*time.Second, time.Since(died), float64(time.Second), "it waits a while")
		short, cancel := context.WithTimeout(w.Context(), 3*time.Second)
		defer cancel()
		_, err = once.Releases.StartGrayscale(short, step)
		require.True(w, alipayplus.IsRetryable(err))
		require.NoError(w, short.Err(), "not longer than its caller, who gets the answer")
		require.Equal(w, r.Status, w.read(r.ID).Status, "what is read need not wait")

		live, err := w.owner.Releases.StartGrayscale(w.Context(), step)
		require.NoError(w, err, "a client that waits as long as it is told to")
		require.InDelta(w, time.Minute, time.Since(died), float64(2*time.Second), "the lease has ended")
		require.Equal(w, alipayplus.Ratio(5), live.Grayscale.Ratio)
		app.requireAgreement(w, live)
	})
}

// TestACallStopsAskingBeforeItsLeaseEnds, however long its caller would wait.
func TestACallStopsAskingBeforeItsLeaseEnds(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		r := w.prepared(w.program().ID, "1.0.0")
		app.expect(hangsBefore)
		began := time.Now()
		_, err := w.as("olga", alipayplus.WithRetry(1, 0, 0), alipayplus.WithAttemptTimeout(time.Hour)).Releases.StartGrayscale(w.Context(), r.GrayscaleTo(5))
		require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
		require.Equal(w, 40*time.Second, time.Since(began))
		_, err = w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(5))
		require.NoError(w, err)
		require.Equal(w, 40*time.Second, time.Since(began), "the lease was given back")
	}, platform.WithTargetBackends(app))
}

// TestACallThatTookLongerThanItsLease: what it was refused or did in the end changes nothing
// of what came after.
func TestACallThatTookLongerThanItsLease(t *testing.T) {
	for name, outcome := range map[string]error{"done": nil, "refused": alipayplus.ErrConflict} {
		t.Run(name, func(t *testing.T) {
			app := newFakeApp()
			withFixture(t, func(w *fixture) {
				r := w.prepared(w.program().ID, "1.0.0")
				app.will(func(a asked) error {
					if a.ratio != 5 {
						return nil
					}
					time.Sleep(5 * time.Minute) // it does not heed the context
					return outcome
				})
				var late sync.WaitGroup
				late.Go(func() {
					_, err := w.as("olga", alipayplus.WithRetry(1, 0, 0), alipayplus.WithAttemptTimeout(time.Hour)).Releases.StartGrayscale(w.Context(), r.GrayscaleTo(5))
					require.Error(w, err)
				})
				time.Sleep(2 * time.Minute)
				live, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
				require.NoError(w, err)
				late.Wait()
				require.Equal(w, live, w.read(r.ID))
			}, platform.WithTargetBackends(app))
		})
	}
}

// TestAVerdictWaitsForALease: the person who gives it, and the automatic one.
func TestAVerdictWaitsForALease(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		r := w.underReview(w.program().ID, "1.0.0")
		waiting, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		app.will(func(asked) error { time.Sleep(10 * time.Second); return nil })
		var withdrawal sync.WaitGroup
		withdrawal.Go(func() { w.withdraw(r) })
		time.Sleep(time.Second)
		began := time.Now()
		require.ErrorIs(w, waiting[0].Approve(w.Context(), alipayplus.PartyAlipayPlus), alipayplus.ErrConflict, "it came too late")
		require.InDelta(w, 9*time.Second, time.Since(began), float64(time.Second))
		withdrawal.Wait()
		r = w.apply(r.ID)
		waiting, err = w.p.Reviews(w.Context())
		require.NoError(w, err)
		app.will(func(asked) error { time.Sleep(30 * time.Second); return nil })
		withdrawal.Go(func() { w.withdraw(r) })
		time.Sleep(time.Second)
		err = waiting[0].Approve(w.Context(), alipayplus.PartyAlipayPlus)
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "another call about the mini program is under way")
		withdrawal.Wait()
	}, platform.WithTargetBackends(app))
}
