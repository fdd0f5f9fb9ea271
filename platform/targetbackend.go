package platform

import (
	"context"

	"github.com/alipayplus-go/alipayplus"
)

// TargetBackend is an app that mini programs are released to. Its methods must be
// safe for concurrent use. Those that change something there may be called
// again with the same arguments, after a failure or a crash, and must come to
// the same then.
//
// An error that matches one of [alipayplus.ErrInvalid], [alipayplus.ErrNotFound],
// [alipayplus.ErrPermission], [alipayplus.ErrConflict], [alipayplus.ErrLimit],
// [alipayplus.ErrRateLimited] and [alipayplus.ErrAuthorizationRequired] is a
// refusal: nothing happened there, and its text is answered to the caller. Any
// other error leaves the outcome unknown: the answer asks the caller to repeat the
// call, and the text is only logged. Until it is repeated no verdict on the release is
// applied (this project's own rule); see [Platform.DiscardEffect].
type TargetBackend interface {
	// App is the app's name.
	App() alipayplus.TargetApp
	// Ladder are the grayscale ratios that it offers.
	Ladder() alipayplus.Ladder
	// Languages are those that a mini program must have.
	Languages() []string
	// Limits are how much a workspace may have.
	Limits() alipayplus.Limits
	// Parties are who reviews, besides Alipay+.
	Parties() []alipayplus.Party

	// NeedsAuthorization says whether the platform must be authorized to call
	// the app's APIs for a mini program.
	NeedsAuthorization() bool
	// AuthorizationPage is the page that a person must visit, with the state in
	// it, which nobody can guess. base is the platform's own address, see
	// [WithPublicURL]; without it the page cannot be begun over a network. The visit must
	// end at base + CallbackPath with the query parameters state and code, or state and
	// error for one that was declined. A target app that serves the page itself, because
	// it is also an [http.Handler], returns only the query, beginning with "?", with the
	// state as its parameter "state"; the platform puts its address before it, and shows
	// the page only for a state that it waits for, see [VisitOf].
	AuthorizationPage(base, state string, program *alipayplus.Program) string
	// Exchange redeems the code that came back with the state; a code that is not
	// genuine is a refusal.
	Exchange(ctx context.Context, state, code string) error

	// Submit sends a release to the app's review.
	Submit(ctx context.Context, release *alipayplus.Release) error
	// Withdraw takes a submitted release back, because the applicant did. A
	// rejection by Alipay+ is not reported: the next Submit of the mini program takes
	// the place of the former.
	Withdraw(ctx context.Context, release *alipayplus.Release) error
	// SetRatio makes a release live for a share of the users, in percent below 100.
	SetRatio(ctx context.Context, release *alipayplus.Release, ratio alipayplus.Ratio) error
	// Publish makes a release live for all users.
	Publish(ctx context.Context, release *alipayplus.Release) error
	// Cancel takes a release back.
	Cancel(ctx context.Context, release *alipayplus.Release) error
}

// target returns a target app by name.
func (p *Platform) target(app alipayplus.TargetApp) (TargetBackend, error) {
	for _, t := range p.targets {
		if t.App() == app {
			return t, nil
		}
	}
	return nil, invalid("targetApp", "is no app that this platform releases to; see Workspace.Get")
}
