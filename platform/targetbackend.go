package platform

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// TargetBackend is an app that mini programs are released to. Its methods must be
// safe for concurrent use. Those that change something there may be called
// again with the same arguments, after a failure or a crash, and must be idempotent:
// another call has no further effect. They must end when their context does, at the latest 40 seconds after
// they were called: from then on another call about the mini program may begin, which one
// at a time has to itself.
//
// An error that matches one of [alipayplus.ErrInvalid], [alipayplus.ErrNotFound],
// [alipayplus.ErrPermission], [alipayplus.ErrConflict], [alipayplus.ErrLimit],
// [alipayplus.ErrRateLimited] and [alipayplus.ErrAuthorizationRequired] is a
// refusal: nothing happened there, and its text is answered to the caller. Any
// other error leaves the outcome unknown: the answer asks the caller to repeat the
// call, and the text is only logged. A refusal after a part of what was asked for matches
// [alipayplus.ErrOutcomeUnknown] too: its text is answered, but for that of
// [alipayplus.ErrRateLimited], and the outcome is unknown all the same. Until the call is
// repeated no verdict on the release is applied (this project's own rule); see
// [Platform.DiscardEffect].
//
// A platform gets it by [WithTargetBackends]; package alipaycnapp is one.
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
	// it, which nobody can guess and which is valid base64. base is the platform's own
	// address, see [WithPublicURL]; without it the page cannot be begun over a network. The
	// visit must end at base + CallbackPath with the query parameter state and what Exchange
	// needs, or state and error for one that was declined. A target app that serves the page
	// itself, because it is also an [http.Handler], returns only the query, beginning with
	// "?", with the state as its parameter "state"; the platform puts its address before it,
	// and shows the page only for a state that it waits for, see [VisitOf].
	AuthorizationPage(base, state string, program *alipayplus.Program) string
	// Exchange redeems what came back with the state; what is not genuine is a refusal,
	// whose text is shown on the page.
	Exchange(ctx context.Context, visit TargetVisit) (*TargetAuthorization, error)

	// Submit sends a release to the app's review.
	Submit(ctx context.Context, call TargetCall) error
	// Withdraw takes a submitted release back, because the applicant did. A
	// rejection by Alipay+ is not reported: the next Submit of the mini program takes
	// the place of the former.
	Withdraw(ctx context.Context, call TargetCall) error
	// SetRatio makes a release live for a share of the users, in percent below 100.
	SetRatio(ctx context.Context, call TargetCall, ratio alipayplus.Ratio) error
	// Publish makes a release live for all users.
	Publish(ctx context.Context, call TargetCall) error
	// Cancel takes a release back.
	Cancel(ctx context.Context, call TargetCall) error
}

// TargetCall is what a target app is called about.
type TargetCall struct {
	// WorkspaceID is whose the mini program is.
	WorkspaceID string
	// Program is the mini program.
	Program *alipayplus.Program
	// Release is the release as it will be when the call has succeeded; for Observe, as
	// it is. It is a copy.
	Release *alipayplus.Release
	// From is the ratio in percent that was live before the call, as far as the platform knows;
	// zero before the first. Where SetRatio or Publish finds less, people took the release away
	// from users meanwhile: it changes nothing, and its error matches [alipayplus.ErrConflict].
	From alipayplus.Ratio
	// GoesBackTo is the version that takes the place of the release's; zero but for RollBack.
	GoesBackTo alipayplus.VersionNumber
	// File reads a file that the workspace has uploaded. The error matches
	// [alipayplus.ErrInvalid] when there is none of that id.
	File func(ctx context.Context, id string) (*alipayplus.File, []byte, error)

	// grantedAt is when the authorization was given with which the call is made; zero: none is.
	grantedAt time.Time
}

// TargetVisit is the end of the visit of an authorization page.
type TargetVisit struct {
	// WorkspaceID is whose the mini program is.
	WorkspaceID string
	// ProgramID is the mini program for which the page was begun.
	ProgramID string
	// State is the state of the page.
	State string
	// Query is what came back with it.
	Query url.Values
}

// TargetAuthorization is what was authorized on a page.
type TargetAuthorization struct {
	// TargetProgramID is the mini program that was chosen, by the target app's own id;
	// empty where it has none of its own.
	TargetProgramID string
	// MissingMethods are the target app's APIs that a release needs and that were not
	// authorized. With any, the authorization is not granted.
	MissingMethods []string
}

// TargetReverter is a [TargetBackend] that can take a release back that is live for all
// users, as AlipayCN's own API can (this project's own here). Without it
// [alipayplus.ReleasesClient.TakeOffline] and RollBack are refused.
type TargetReverter interface {
	TargetBackend
	// TakeOffline takes the release away from all users.
	TakeOffline(ctx context.Context, call TargetCall) error
	// RollBack takes the release away, and makes version call.GoesBackTo live for all users,
	// which was before it. When another one would come back, that is a refusal.
	RollBack(ctx context.Context, call TargetCall) error
}

// TargetObserver is a [TargetBackend] that says itself what has become of a release. Its
// parties' verdicts come from there and from nobody else: no [AutoReview] is asked for
// them, and no reviewer can give them. What somebody did at the target app outside of
// the platform is recorded by [AuditEntry] Who "outside", and never undone. How a state
// there becomes one here is this project's own:
//
//	NEW_VERSION_CREATED  there live for all users, after an application that is over or was
//	                     refused there: FULL_RELEASE
//	UNDER_REVIEW         there APPROVED or REJECTED, the party's verdict
//	UNDER_REVIEW         there taken back or taken down: the party's rejection
//	RELEASE_PREPARATION  there live: GRAYSCALE_RELEASE or FULL_RELEASE
//	RELEASE_PREPARATION  there in development again: NEW_VERSION_CREATED
//	GRAYSCALE_RELEASE    there another ratio, or 100 %: the same here
//	GRAYSCALE_RELEASE    there not live any more: RELEASE_PREPARATION or NEW_VERSION_CREATED
//	either               there taken down: CANCELED
//	FULL_RELEASE         there offline or taken down: ARCHIVED; and when the version before it
//	                     is live there again, that one FULL_RELEASE
//
// The platform observes a release before it answers about it or changes it: one that was
// applied for, is neither canceled nor archived, and whose last outcome is known, at intervals
// that grow from 2 seconds to a minute while nothing changes. An observation that fails
// is logged, and the record is taken as it is.
type TargetObserver interface {
	TargetBackend
	// Observe reads what has become of the release; it changes nothing.
	Observe(ctx context.Context, call TargetCall) (*TargetState, error)
}

// TargetSender is a [TargetObserver] whose app sends messages to the platform. A message
// is a hint to look, and never the state itself: it may come late, twice, and after one that
// was sent later, and whoever has seen it can send it again, for its signature stays valid.
// So the platform asks the app, and adopts what that says as it does whenever it observes.
type TargetSender interface {
	TargetObserver
	// Receiver returns where on the platform the app sends its messages, a path such as
	// "/alipaycn/notify", and what serves them there. The handler must verify who sent a
	// message, call look for the mini program that it is about, and answer such that the
	// message is sent again when that fails. look returns when the mini program's authorization
	// and releases are as the app says.
	Receiver(look func(ctx context.Context, workspaceID, programID string) error) (path string, handler http.Handler, err error)
	// CheckAuthorization asks the app whether the platform may still call it for a mini
	// program that was authorized. The error matches [alipayplus.ErrAuthorizationRequired] when
	// it may not.
	CheckAuthorization(ctx context.Context, workspaceID, programID string) error
}

// TargetPhonePage is a [TargetBackend] whose authorization page has another address on a phone.
type TargetPhonePage interface {
	TargetBackend
	// PhoneAuthorizationPage is AuthorizationPage for a phone; empty without a base.
	PhoneAuthorizationPage(base, state string, program *alipayplus.Program) string
}

// TargetQRCodes is a [TargetBackend] that makes the QR codes of what is live there itself.
// Those of any other the platform draws.
type TargetQRCodes interface {
	TargetBackend
	// CreateQRCode makes a code for a mini program that is live there. The platform keeps
	// it, and asks for another only for another type, page or parameters.
	CreateQRCode(ctx context.Context, workspaceID string, program *alipayplus.Program, in alipayplus.CreateQRCodeInput) (*alipayplus.QRCode, error)
}

// TargetState is what a target app says about a release.
type TargetState struct {
	// Status is where it stands there.
	Status alipayplus.ReleaseStatus
	// Ratio is the share of users who have it.
	Ratio alipayplus.Ratio
	// Review is the app's own verdict on the newest application; nil: none.
	Review *alipayplus.Review
	// Detail is the status in the app's own words, for the history.
	Detail string
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
