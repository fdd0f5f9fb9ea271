package alipaycnapp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// BenchmarkRaise sets the first ratio of a release that both have approved: through a platform, and by AlipayCN's own API. It
// counts the calls to AlipayCN too; keys are those that cost next to nothing.
func BenchmarkRaise(b *testing.B) {
	b.Run("platform", func(b *testing.B) {
		raise(b, func(w *fixture, _ *alipaycn.Client, r *alipayplus.Release) error {
			_, err := w.owner.Releases.StartGrayscale(b.Context(), r.GrayscaleTo(10))
			return err
		})
	})
	b.Run("direct", func(b *testing.B) {
		raise(b, func(_ *fixture, client *alipaycn.Client, r *alipayplus.Release) error {
			return client.Versions.RaiseGray(b.Context(), alipaycn.GrayInput{Version: r.Version, Strategy: alipaycn.GrayP10})
		})
	})
}

// raise measures one change, each time of another release.
func raise(b *testing.B, change func(*fixture, *alipaycn.Client, *alipayplus.Release) error) {
	b.ReportAllocs()
	calls := 0
	for b.Loop() {
		b.StopTimer()
		w, client, r := approved(b)
		before := len(w.g.Calls())
		b.StartTimer()
		require.NoError(b, change(w, client, r))
		b.StopTimer()
		calls += len(w.g.Calls()) - before
		b.StartTimer()
	}
	b.ReportMetric(float64(calls)/float64(b.N), "calls/op")
}

// approved is a release that both have approved, and the client that acts for its mini program.
func approved(b *testing.B) (*fixture, *alipaycn.Client, *alipayplus.Release) {
	b.Helper()
	w := newFixture(b)
	r := w.applied()
	require.NoError(b, w.g.Approve(mini, "1.0.0"))
	r, err := w.owner.Releases.Get(b.Context(), r.ID)
	require.NoError(b, err)
	require.Equal(b, alipayplus.ReleasePreparation, r.Status)
	client, err := w.client(isv).ForApp(b.Context(), w.app.Tokens(), mini)
	require.NoError(b, err)
	return w, client, r
}
