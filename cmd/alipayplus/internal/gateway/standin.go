package gateway

import (
	"context"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/platform"
)

// The apps of a [StandIn].
const (
	// ThirdParty is the app of the platform's operator.
	ThirdParty = "2021000000000002"
	// MiniProgram is the merchant's.
	MiniProgram = "2021000000000001"
)

// StandIn is a stand-in for AlipayCN's gateway, in memory, that a platform calls by
// AlipayCN's own protocol: give its Client as [Options.AlipayCN].
type StandIn struct {
	*alipaycntest.Gateway

	// Client calls it as the third-party app.
	Client *alipaycn.Client
}

// NewStandIn makes a stand-in that approves a version this long after it was applied for.
func NewStandIn(autoReview time.Duration) (*StandIn, error) {
	g, err := alipaycntest.New(alipaycntest.WithAutoReview(autoReview), alipaycntest.WithAnyTemplate())
	if err != nil {
		return nil, err
	}
	client, err := g.Client(alipaycntest.App{ID: ThirdParty, ThirdParty: true})
	if err != nil {
		return nil, err
	}
	if err := g.AddApp(alipaycntest.App{ID: MiniProgram}); err != nil {
		return nil, err
	}
	return &StandIn{Gateway: g, Client: client}, nil
}

// AddVersion uploads a version of the mini program to AlipayCN, as its own tools do.
func (s *StandIn) AddVersion(version string) error { return s.Gateway.AddVersion(MiniProgram, version) }

// Authorize does what the merchant does on AlipayCN's page: it lets the platform call
// AlipayCN for the mini program. The page is that of the authorization that was begun on the
// platform.
func (s *StandIn) Authorize(ctx context.Context, p *platform.Platform, begun *alipayplus.Authorization) error {
	return s.Confirm(ctx, p.HTTPClient(), begun.URL, MiniProgram)
}
