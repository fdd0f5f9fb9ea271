package alipaycn_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

// gatewayFixture is a gateway with a third-party app that acts for a mini program.
type gatewayFixture struct {
	t *testing.T
	g *alipaycntest.Gateway
	c *alipaycn.Client
	// token is the mini program's.
	token string
}

func newGatewayFixture(t *testing.T, opts ...alipaycntest.Option) *gatewayFixture {
	t.Helper()
	g, err := alipaycntest.New(append([]alipaycntest.Option{alipaycntest.WithKey(testkey.FastKey())}, opts...)...)
	require.NoError(t, err)
	require.NoError(t, g.AddApp(alipaycntest.App{ID: isvID, PublicKey: testkey.FastClient().PublicPEM(), ThirdParty: true}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: miniID}))
	require.NoError(t, g.AddTemplate(isvID, templateID, "1.0.0"))
	token, err := g.Authorize(isvID, miniID)
	require.NoError(t, err)
	w := &gatewayFixture{t: t, g: g, token: token.AppAuthToken}
	w.c = w.client()
	return w
}

// client is a client of the third-party app; opts go over the right ones.
func (w *gatewayFixture) client(opts ...alipaycn.Option) *alipaycn.Client {
	w.t.Helper()
	c, err := alipaycn.New(append([]alipaycn.Option{
		alipaycn.WithAppID(isvID), alipaycn.WithSigner(testkey.FastClient()), alipaycn.WithAlipayPublicKey(w.g.AlipayPublicKey()),
		alipaycn.WithAppAuthToken(w.token), alipaycn.WithHTTPClient(w.g.HTTPClient()),
	}, opts...)...)
	require.NoError(w.t, err)
	return c
}

// bring brings the version 0.1.0 to a status.
func (w *gatewayFixture) bring(status alipaycn.VersionStatus) {
	w.t.Helper()
	ctx := w.t.Context()
	require.NoError(w.t, w.g.AddVersion(miniID, "0.1.0"))
	if status == alipaycn.StatusInit {
		return
	}
	_, err := w.c.Versions.Apply(ctx, firstApplication())
	require.NoError(w.t, err)
	if status == alipaycn.StatusAuditing {
		return
	}
	require.NoError(w.t, w.g.Approve(miniID, "0.1.0"))
	switch status {
	case alipaycn.StatusGray:
		require.NoError(w.t, w.c.Versions.StartGray(ctx, alipaycn.GrayInput{Version: number(1), Strategy: alipaycn.GrayP10}))
	case alipaycn.StatusRelease:
		require.NoError(w.t, w.c.Versions.Publish(ctx, alipaycn.PublishInput{Version: number(1)}))
	}
	require.Equal(w.t, status, w.g.Status(miniID, "0.1.0"))
}

func number(minor int32) alipayplus.VersionNumber { return alipayplus.VersionNumber{Minor: minor} }

func firstVersion() alipaycn.VersionInput { return alipaycn.VersionInput{Version: number(1)} }

func firstApplication() alipaycn.ApplyInput {
	return alipaycn.ApplyInput{
		Version: number(1), Description: "A first version, with a menu and a way to order tea.",
		AppName: "BlueLakeTea", AppEnglishName: "BlueLakeTea", AppSlogan: "Tea from the blue lake",
		AppDescription: "Order tea from the blue lake, and drink it there.", Categories: alipaycn.CategoryIDs{"XS1001_XS2001_XS3002"},
		ServicePhone: "13110101010", RegionType: alipaycn.RegionChina, AppLogo: squarePNG(180),
	}
}

// later lets a time pass that times on the wire show.
func later(t *testing.T) {
	t.Helper()
	time.Sleep(2 * time.Second)
}

func publish(ctx context.Context, c *alipaycn.Client) error {
	return c.Versions.Publish(ctx, alipaycn.PublishInput{Version: number(1)})
}

// squarePNG is a picture of that many pixels in both directions.
func squarePNG(side int) *alipaycn.File {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		panic(err)
	}
	return &alipaycn.File{Name: "logo.png", Content: bytes.NewReader(out.Bytes()), Size: int64(out.Len())}
}
