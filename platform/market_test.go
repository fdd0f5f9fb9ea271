package platform_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// "Now your service is updated to Online, which means the service is released to Service
// Market and available for merchants to order."
func TestOnlineMeansReleasedToTheServiceMarket(t *testing.T) {
	withFixture(t, func(w *fixture) {
		merchant := w.neighbour()
		market := &merchant.owner.Market
		service := w.submitted()

		_, err := market.Get(w.Context(), service.ID)
		require.ErrorIs(w, err, alipayplus.ErrNotFound, "under review")
		require.ErrorContains(w, err, "Market.List shows those that are online")
		w.approve()

		want := &alipayplus.MarketService{ID: service.ID, ServiceDescription: service.ServiceDescription, Company: service.Company, CreatedAt: service.CreatedAt}
		require.Equal(w, want, succeeds(w, market.Get, service.ID))
		require.Equal(w, []*alipayplus.MarketService{want}, gather(w, market.All(w.Context(), alipayplus.ListMarketInput{})))
		require.Equal(w, want, succeeds(w, w.owner.Market.Get, service.ID), "also to its own workspace")
		image := succeeds(w, market.File, alipayplus.MarketFileInput{ServiceID: service.ID, FileID: service.ImageFileID})
		require.Equal(w, pngImage(w), image.Content)

		revised := service.ServiceDescription
		revised.Name = "Tea shop in a day"
		succeeds(w, w.owner.Services.Update, alipayplus.UpdateServiceInput{ServiceID: service.ID, ServiceDescription: revised})
		require.Equal(w, want, succeeds(w, market.Get, service.ID), "a revision is not approved yet")

		succeeds(w, w.owner.Services.Archive, alipayplus.ServiceInput{ServiceID: service.ID})
		_, err = market.Get(w.Context(), service.ID)
		require.ErrorIs(w, err, alipayplus.ErrNotFound)
		_, err = market.File(w.Context(), alipayplus.MarketFileInput{ServiceID: service.ID, FileID: service.ImageFileID})
		require.ErrorIs(w, err, alipayplus.ErrNotFound)
		require.Empty(w, gather(w, market.All(w.Context(), alipayplus.ListMarketInput{})))
	})
}

func TestTheMarketShowsNoOtherFile(t *testing.T) {
	withFixture(t, func(w *fixture) {
		service := w.online()
		w.upload(w.program().ID, "1.0.0")
		build, err := alipayplus.DescribeFile(zipPackage(w, "1.0.0"))
		require.NoError(w, err)
		_, err = w.neighbour().owner.Market.File(w.Context(), alipayplus.MarketFileInput{ServiceID: service.ID, FileID: build.ID})
		require.ErrorIs(w, err, alipayplus.ErrNotFound)
		require.ErrorContains(w, err, "shows no picture")
	})
}

func TestTheMarketIsSearched(t *testing.T) {
	withFixture(t, func(w *fixture) {
		offer := func(name, industry string, apps ...alipayplus.TargetApp) {
			d := w.offer()
			d.Name, d.Industry, d.ApplicableApps = name, industry, apps
			s := succeeds(w, w.owner.Services.Create, alipayplus.CreateServiceInput{ServiceDescription: d})
			succeeds(w, w.owner.Services.Submit, alipayplus.ServiceInput{ServiceID: s.ID})
			w.approve()
		}
		offer("Tea shop", "Food", cn)
		offer("Coffee shop", "Food", "ALIPAY_HK")
		offer("Taxi", "Transport", cn, "ALIPAY_HK")
		w.draft()
		for _, tt := range []struct {
			in   alipayplus.ListMarketInput
			want []string
		}{
			{alipayplus.ListMarketInput{}, []string{"Taxi", "Coffee shop", "Tea shop"}},
			{alipayplus.ListMarketInput{ListOptions: alipayplus.ListOptions{Order: alipayplus.OldestFirst, Limit: 1}}, []string{"Tea shop", "Coffee shop", "Taxi"}},
			{alipayplus.ListMarketInput{Name: "SHOP"}, []string{"Coffee shop", "Tea shop"}},
			{alipayplus.ListMarketInput{Industry: "Food", App: cn}, []string{"Tea shop"}},
			{alipayplus.ListMarketInput{App: "ALIPAY_HK"}, []string{"Taxi", "Coffee shop"}},
			{alipayplus.ListMarketInput{Type: "TEMPLATE"}, []string{}},
			{alipayplus.ListMarketInput{Type: alipayplus.ServiceMiniProgramDevelopment, Name: "tea"}, []string{"Tea shop"}},
		} {
			found := gather(w, w.neighbour().owner.Market.All(w.Context(), tt.in))
			require.Equal(w, tt.want, ids(found, func(s *alipayplus.MarketService) string { return s.Name }), "%+v", tt.in)
		}
		first := succeeds(w, w.owner.Market.List, alipayplus.ListMarketInput{Name: "shop", ListOptions: alipayplus.ListOptions{Limit: 1}})
		_, err := w.owner.Market.List(w.Context(), alipayplus.ListMarketInput{Name: "taxi", ListOptions: alipayplus.ListOptions{Cursor: first.NextCursor}})
		require.ErrorContains(w, err, "does not belong to this list")
	})
}
