package platform_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// written makes a store as a version before the Service Market wrote it: with what is online,
// under review and released, and without the indexes that came with the market and orders.
func written(t *testing.T, services int) (store storage.Store, online []*alipayplus.Service, release *alipayplus.Release) {
	t.Helper()
	store = storage.NewMemory()
	w := newFixture(t, platform.WithStore(store))
	for range services {
		online = append(online, w.online())
	}
	w.submitted()
	release = w.release(w.authorizedProgram().ID, "1.0.0")
	forget(t, store)
	return store, online, release
}

// forget removes what an earlier version did not write.
func forget(t *testing.T, store storage.Store) {
	t.Helper()
	require.NoError(t, store.Update(t.Context(), func(tx storage.Tx) error {
		var later []string
		for entry, err := range tx.Scan("", "", false) {
			if err != nil {
				return err
			}
			for _, prefix := range []string{"indexes", "i/market/", "i/market-by-id/", "i/release-by-id/"} {
				if strings.HasPrefix(entry.Key, prefix) {
					later = append(later, entry.Key)
				}
			}
		}
		require.NotEmpty(t, later)
		for _, at := range later {
			if err := tx.Delete(at); err != nil {
				return err
			}
		}
		return nil
	}))
}

func TestAStoreOfAnEarlierVersionShowsItsServicesInTheMarket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, online, release := written(t, 3)
		before := keys(t, store)
		p, err := platform.New(platform.WithStore(store), platform.WithSigner(testkey.FastKey()))
		require.NoError(t, err)
		merchant, err := p.AddOwner(t.Context(), company(), "ravi")
		require.NoError(t, err)

		var found []string
		for service, err := range merchant.Market.All(t.Context(), alipayplus.ListMarketInput{}) {
			require.NoError(t, err)
			found = append(found, service.ID)
		}
		require.Equal(t, []string{online[2].ID, online[1].ID, online[0].ID}, found, "newest first, and none that is under review")
		one, err := merchant.Market.Get(t.Context(), online[1].ID)
		require.NoError(t, err)
		require.Equal(t, online[1].ServiceDescription, one.ServiceDescription)
		require.Subset(t, keys(t, store), append(before, "i/release-by-id/"+release.ID, "i/market-by-id/"+online[0].ID))
	})
}

// TestAnEarlierVersionBesideTakesAServiceOffTheMarket: it knows none of the market's indexes, and leaves them.
func TestAnEarlierVersionBesideTakesAServiceOffTheMarket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, online, _ := written(t, 2)
		p, err := platform.New(platform.WithStore(store), platform.WithSigner(testkey.FastKey()))
		require.NoError(t, err)
		merchant, err := p.AddOwner(t.Context(), company(), "ravi")
		require.NoError(t, err)
		listed := func() int {
			page, err := merchant.Market.List(t.Context(), alipayplus.ListMarketInput{})
			require.NoError(t, err)
			return len(page.Items)
		}
		require.Equal(t, 2, listed())
		require.NoError(t, store.Update(t.Context(), func(tx storage.Tx) error {
			at, _, err := tx.Get("i/market-by-id/" + online[0].ID)
			if err != nil {
				return err
			}
			record, _, err := tx.Get(string(at))
			if err != nil {
				return err
			}
			return tx.Put(string(at), []byte(strings.Replace(string(record), `"status":"ONLINE"`, `"status":"ARCHIVED"`, 1)))
		}))
		require.Equal(t, 1, listed())
		_, err = merchant.Market.Get(t.Context(), online[0].ID)
		require.ErrorIs(t, err, alipayplus.ErrNotFound)
	})
}

// TestIndexingGoesOnWhereItWasInterrupted: what a call has begun, a later one ends, also in another process.
func TestIndexingGoesOnWhereItWasInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, online, _ := written(t, 501) // one more than are indexed in a transaction
		hung := &fullDisk{Store: store, after: 1}
		for _, s := range []storage.Store{hung, store} {
			p, err := platform.New(platform.WithStore(s), platform.WithSigner(testkey.FastKey()))
			require.NoError(t, err)
			merchant, err := p.AddOwner(t.Context(), company(), "ravi")
			require.NoError(t, err)
			hung.armed = true
			list, err := merchant.Market.List(t.Context(), alipayplus.ListMarketInput{ListOptions: alipayplus.ListOptions{Limit: 1}})
			hung.armed = false
			if s != store {
				require.Error(t, err)
				require.Contains(t, strings.Join(keys(t, store), " "), "i/market/all/", "some are indexed")
				continue
			}
			require.NoError(t, err)
			require.Equal(t, online[500].ID, list.Items[0].ID)
			all := 0
			for _, at := range keys(t, store) {
				if strings.HasPrefix(at, "i/market/all/") {
					all++
				}
			}
			require.Equal(t, 501, all)
		}
	})
}

// fullDisk fails after some writes, once it is armed.
type fullDisk struct {
	storage.Store
	after int
	armed bool
}

func (s *fullDisk) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if s.armed {
		if s.after--; s.after < 0 {
			return errors.New("the disk is full")
		}
	}
	return s.Store.Update(ctx, fn)
}

func keys(t *testing.T, store storage.Store) (all []string) {
	t.Helper()
	require.NoError(t, store.View(t.Context(), func(tx storage.Tx) error {
		all = nil
		for entry, err := range tx.Scan("", "", false) {
			if err != nil {
				return err
			}
			all = append(all, entry.Key)
		}
		return nil
	}))
	return all
}
