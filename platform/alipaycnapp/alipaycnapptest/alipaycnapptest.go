// Package alipaycnapptest puts a stand-in for AlipayCN behind a platform, in one process: for
// tests and trials of what releases to AlipayCN through a platform.
package alipaycnapptest

import (
	"cmp"
	"context"
	"crypto/rand"
	"net/http"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// What [New] adds to its gateway.
const (
	// ThirdParty is the third-party app, which the platform calls AlipayCN as.
	ThirdParty = "2021000000000002"
	// MiniProgram is the mini program, which has no version yet.
	MiniProgram = "2021000000000001"
	// Template is the third-party app's template; its version is 1.0.0.
	Template = "2021000000000003"
)

// New makes a gateway with a third-party app, a template of it and a mini program, and
// the target app for a platform over the store that calls it. Tokens are encrypted by a
// key that is forgotten with the process. opts are those of the client that calls the
// gateway. It makes keys, which takes a moment.
func New(store storage.Store, gateway []alipaycntest.Option, opts ...alipaycn.Option) (*alipaycnapp.App, *alipaycntest.Gateway, error) {
	g, err := alipaycntest.New(gateway...)
	if err != nil {
		return nil, nil, err
	}
	client, err := g.Client(alipaycntest.App{ID: ThirdParty, ThirdParty: true}, opts...)
	if err := cmp.Or(err, g.AddApp(alipaycntest.App{ID: MiniProgram}), g.AddTemplate(ThirdParty, Template, "1.0.0")); err != nil {
		return nil, nil, err
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	app, err := alipaycnapp.New(store, client, alipaycnapp.WithEncryptionKey(key))
	return app, g, err
}

// Confirm returns what does on an authorization page what the merchant of [MiniProgram]
// does; see [alipaycntest.Gateway.Confirm]. browser is the platform's
// [platform.Platform.HTTPClient].
func Confirm(g *alipaycntest.Gateway) func(ctx context.Context, browser *http.Client, page string) error {
	return func(ctx context.Context, browser *http.Client, page string) error {
		return g.Confirm(ctx, browser, page, MiniProgram)
	}
}
