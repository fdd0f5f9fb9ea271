package alipaycnapp_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// failing is a store one of whose accesses fails, or whose commit is not heard of.
type failing struct {
	storage.Store
	// left is how many accesses go well; negative: all do.
	left int
	// accesses is how many there were.
	accesses int
}

var errStore = errors.New("the store fails")

func (f *failing) fails() error {
	f.accesses++
	if f.left--; f.left == -1 {
		return errStore
	}
	return nil
}

func (f *failing) View(ctx context.Context, fn func(storage.Tx) error) error {
	return f.Store.View(ctx, func(tx storage.Tx) error { return fn(failingTx{tx, f}) })
}

func (f *failing) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if err := f.Store.Update(ctx, func(tx storage.Tx) error { return fn(failingTx{tx, f}) }); err != nil {
		return err
	}
	return f.fails() // it is committed all the same
}

type failingTx struct {
	storage.Tx
	f *failing
}

func (t failingTx) Get(key string) ([]byte, bool, error) {
	if err := t.f.fails(); err != nil {
		return nil, false, err
	}
	return t.Tx.Get(key)
}

func (t failingTx) Put(key string, value []byte) error {
	return errors.Join(t.f.fails(), t.Tx.Put(key, value))
}

func (t failingTx) Delete(key string) error { return errors.Join(t.f.fails(), t.Tx.Delete(key)) }

func (t failingTx) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		if err := t.f.fails(); err != nil {
			yield(storage.Entry{}, err)
			return
		}
		t.Tx.Scan(from, to, descending)(yield)
	}
}

// wholeWay goes from the authorization to 100 % and back offline. Each call is repeated, with its request id, until it succeeds.
func (w *fixture) wholeWay() {
	w.Helper()
	again := func(do func() (*alipayplus.Release, error)) (r *alipayplus.Release) {
		w.Helper()
		var err error
		for range 4 {
			if r, err = do(); err == nil {
				return r
			}
		}
		require.NoError(w, err)
		return nil
	}
	for range 4 {
		if status, _ := w.authorize(w.program, mini); status == http.StatusOK {
			break
		}
	}
	require.Equal(w, alipayplus.AuthorizationGranted, w.authorization(w.program).Status)
	application := w.application()
	application.Template = &alipayplus.AlipayCNTemplate{ID: template}
	r := w.created("1.0.0", application)
	r = again(func() (*alipayplus.Release, error) {
		return w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company()), RequestID: "apply"})
	})
	require.NoError(w, w.g.Approve(mini, "1.0.0"))
	for range 4 { // an observation may fail
		if r = w.later(r); r.Status == alipayplus.ReleasePreparation {
			break
		}
	}
	step := r.GrayscaleTo(10)
	step.RequestID = "gray"
	r = again(func() (*alipayplus.Release, error) { return w.owner.Releases.StartGrayscale(w.Context(), step) })
	last := r.GrayscaleTo(100)
	last.RequestID = "publish"
	r = again(func() (*alipayplus.Release, error) { return w.owner.Releases.Raise(w.Context(), last) })
	require.Equal(w, alipayplus.ReleaseFull, r.Status)
	again(func() (*alipayplus.Release, error) {
		return w.owner.Releases.TakeOffline(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: "offline"})
	})
	require.Equal(w, alipayplus.ReleaseArchived, w.later(r).Status)
	require.Equal(w, alipaycn.StatusOffline, w.g.Status(mini, "1.0.0"))
	require.Equal(w, map[string]int{
		"versions.upload": 1, "versions.apply": 1, "versions.gray": 1, "versions.publish": 1, "versions.takeOffline": 1,
	}, w.g.Effects(mini))
}

// overStore starts the platform with an app that keeps its records in another store than the platform.
func (w *fixture) overStore(store storage.Store) {
	w.Helper()
	var err error
	w.app, err = alipaycnapp.New(store, w.client(isv), alipaycnapp.WithEncryptionKey(key(1)))
	require.NoError(w, err)
	w.p, err = platform.New(
		platform.WithSigner(testkey.FastKey()), platform.WithStore(w.store), platform.WithPublicURL(address), platform.WithTargetBackends(w.app),
		platform.WithAutoReview(approvedAtOnce),
	)
	require.NoError(w, err)
	w.owner, err = w.p.Client(w.Context(), w.workspace, "olga", alipayplus.WithRetry(1, 0, 0))
	require.NoError(w, err)
}

// stride leaves some of the places out in a short run.
func stride() int {
	if testing.Short() {
		return 7
	}
	return 1
}

// TestEachAccessToTheStoreMayFail: what is repeated then comes to the same, also when an answer of AlipayCN was lost.
func TestEachAccessToTheStoreMayFail(t *testing.T) {
	for name, fault := range map[string]alipaycntest.Fault{"alone": {Operation: "versions.apply"}, "after a lost answer": {Operation: "versions.apply", CutAfter: true}} {
		t.Run(name, func(t *testing.T) {
			most := 1
			for n := 0; n < most; n += stride() {
				given(t, func(w *fixture) {
					store := &failing{Store: w.store, left: n}
					w.overStore(store)
					w.g.Inject(fault)
					w.wholeWay()
					most = max(most, min(store.accesses, 200))
				})
			}
			require.Greater(t, most, 20)
		})
	}
}

// TestEachCallToAlipayCNMayFail, before it is processed and after.
func TestEachCallToAlipayCNMayFail(t *testing.T) {
	for name, fault := range map[string]alipaycntest.Fault{"cut before": {CutBefore: true}, "cut after": {CutAfter: true}} {
		t.Run(name, func(t *testing.T) {
			most := 1
			for n := 0; n < most; n += stride() {
				given(t, func(w *fixture) {
					if n > 0 {
						w.g.Inject(alipaycntest.Fault{Times: n, Delay: time.Nanosecond})
					}
					w.g.Inject(fault)
					w.wholeWay()
					most = max(most, min(len(w.g.Calls()), 200))
				})
			}
			require.Greater(t, most, 20)
		})
	}
}
