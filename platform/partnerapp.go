package platform

import (
	"context"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// PartnerApp is a ready-made Alipay+ partner app ("Release to target app"): it needs no
// authorization, is asked for its review beside Alipay+, tests compatibility, and offers a
// grayscale release from 1 % to 100 %. That much is documented; all figures are
// [PartnerAppOptions]. It accepts whatever the platform asks of it and calls nobody: embed it
// in a type of your own that has the methods which call the app, see the example. Another
// platform over the same store gives the same answers.
type PartnerApp struct {
	accepting

	app  alipayplus.TargetApp
	opts PartnerAppOptions
}

// PartnerAppOptions say what a partner app has of its own. None of it is documented, but
// for what the fields say.
type PartnerAppOptions struct {
	// Ladder are the grayscale ratios; the zero Ladder: the default one. "1% to 100%" is
	// documented.
	Ladder alipayplus.Ladder
	// Languages are those that a mini program must have; empty: any.
	Languages []string
	// Limits are how much a workspace may have; a limit of 0 is none.
	Limits alipayplus.Limits
	// Party is who reviews for the app, which is documented without a name; empty: the name
	// of the app.
	Party alipayplus.Party
	// TestDevices are what versions are tested on: systems, networks and devices, as
	// documented; empty: the app has no compatibility test.
	TestDevices []alipayplus.TestDevice
	// TestTime is how long a test takes on each device, one after the other; 0: it is over
	// at once.
	TestTime time.Duration
	// Test says which problem a release has on a device; empty: none. nil: none has any. It
	// may be called repeatedly, must always say the same of a release, and must not block.
	Test func(release *alipayplus.Release, on alipayplus.TestDevice) (problem string)
}

var _ TargetTester = (*PartnerApp)(nil)

// NewPartnerApp makes a partner app of that name, for example "LAKE_WALLET". What is not
// valid is refused by [WithTargetBackends].
func NewPartnerApp(app alipayplus.TargetApp, opts PartnerAppOptions) *PartnerApp {
	if opts.Ladder.IsZero() {
		opts.Ladder = alipayplus.DefaultLadder()
	}
	if opts.Party == "" {
		opts.Party = alipayplus.Party(app)
	}
	return &PartnerApp{app: app, opts: opts}
}

// App returns the app's name.
func (a *PartnerApp) App() alipayplus.TargetApp { return a.app }

// Ladder returns the ladder of the options.
func (a *PartnerApp) Ladder() alipayplus.Ladder { return a.opts.Ladder }

// Languages returns those of the options.
func (a *PartnerApp) Languages() []string { return a.opts.Languages }

// Limits returns those of the options.
func (a *PartnerApp) Limits() alipayplus.Limits { return a.opts.Limits }

// Parties returns who reviews for the app.
func (a *PartnerApp) Parties() []alipayplus.Party { return []alipayplus.Party{a.opts.Party} }

// NeedsAuthorization returns false: an authorization is documented for AlipayCN alone.
func (a *PartnerApp) NeedsAuthorization() bool { return false }

// AuthorizationPage returns nothing, because there is no page.
func (a *PartnerApp) AuthorizationPage(string, string, *alipayplus.Program) string { return "" }

// Exchange refuses, because there is no page.
func (a *PartnerApp) Exchange(context.Context, TargetVisit) (*TargetAuthorization, error) {
	return nil, fmt.Errorf("%w: %s needs no authorization", alipayplus.ErrConflict, a.app)
}

// TestDevices returns those of the options.
func (a *PartnerApp) TestDevices() []alipayplus.TestDevice { return a.opts.TestDevices }

// TestCompatibility accepts any test.
func (a *PartnerApp) TestCompatibility(context.Context, TargetCall) error { return nil }

// CompatibilityResults returns the results that there are after the time since the test began.
func (a *PartnerApp) CompatibilityResults(_ context.Context, call TargetCall) ([]alipayplus.CompatibilityResult, error) {
	report := call.Release.Compatibility
	elapsed := time.Since(report.StartedAt)
	var results []alipayplus.CompatibilityResult
	for _, r := range report.Results {
		if elapsed -= a.opts.TestTime; elapsed < 0 {
			break
		}
		r.Status, r.Problem = alipayplus.CompatibilityPassed, ""
		if a.opts.Test != nil {
			r.Problem = a.opts.Test(call.Release, r.TestDevice)
		}
		if r.Problem != "" {
			r.Status = alipayplus.CompatibilityFailed
		}
		results = append(results, r)
	}
	return results, nil
}
