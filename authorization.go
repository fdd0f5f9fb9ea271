package alipayplus

import (
	"context"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/polling"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// AuthorizationStatus says whether the platform may call the target app's APIs
// for a mini program. It is open to unknown values. The names are not documented.
type AuthorizationStatus string

// The authorization statuses.
const (
	// AuthorizationNone: never asked for, or not completed in time.
	AuthorizationNone AuthorizationStatus = "NOT_AUTHORIZED"
	// AuthorizationPending: begun; somebody must visit the page.
	AuthorizationPending AuthorizationStatus = "PENDING"
	// AuthorizationGranted: the platform may call the APIs.
	AuthorizationGranted AuthorizationStatus = "AUTHORIZED"
	// AuthorizationDeclined: somebody visited the page and declined.
	AuthorizationDeclined AuthorizationStatus = "DECLINED"
	// AuthorizationRevoked: the authorization was taken back.
	AuthorizationRevoked AuthorizationStatus = "REVOKED"
)

func authorizationTransitions() []transition[AuthorizationStatus] {
	return []transition[AuthorizationStatus]{
		{AuthorizationNone, "begin", AuthorizationPending},
		{AuthorizationPending, "begin again", AuthorizationPending},
		{AuthorizationPending, "confirm on the target app's page", AuthorizationGranted},
		{AuthorizationPending, "decline on the target app's page", AuthorizationDeclined},
		{AuthorizationPending, "let it expire", AuthorizationNone},
		{AuthorizationGranted, "revoke", AuthorizationRevoked},
		{AuthorizationDeclined, "begin", AuthorizationPending},
		{AuthorizationRevoked, "begin", AuthorizationPending},
	}
}

// Known says whether this version of the library knows the status.
func (s AuthorizationStatus) Known() bool { return known(authorizationTransitions(), s) }

// Terminal says whether nothing leads out of the status; no status is terminal.
func (s AuthorizationStatus) Terminal() bool { return terminal(authorizationTransitions(), s) }

// CanBecome says whether the rules lead from s to next in one step.
func (s AuthorizationStatus) CanBecome(next AuthorizationStatus) bool {
	return canBecome(authorizationTransitions(), s, next)
}

// Authorization is the workspace's permission for the platform to call the
// target app's APIs for one mini program.
type Authorization struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId"`
	// TargetApp is the app whose APIs are called.
	TargetApp TargetApp `json:"targetApp"`
	// Status says whether it is granted.
	Status AuthorizationStatus `json:"status"`
	// URL is the page that a person must visit, logged in to the target app,
	// while the status is PENDING; empty otherwise. A platform that does not know its
	// public address serves the page at the client's base URL.
	URL string `json:"url,omitempty"`
	// PhoneURL is the same page for a phone, to be shown as a QR code or opened there; empty
	// where the target app has none of its own.
	PhoneURL string `json:"phoneUrl,omitempty"`
	// State is the one-time value that ties the visit to this authorization;
	// it is part of URL and is shown back when the visit ends.
	State string `json:"state,omitempty"`
	// ExpiresAt is until when the page can be used; zero unless PENDING.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// GrantedAt is when it was granted; zero before.
	GrantedAt time.Time `json:"grantedAt,omitzero"`
	// TargetProgramID is the mini program that was chosen on the page, by the target
	// app's own id; empty before, and where the target app has no ids of its own.
	TargetProgramID string `json:"targetProgramId,omitempty"`
	// MissingMethods are the target app's APIs that a release needs and that were not
	// authorized on the page: while the status is PENDING, visit it again.
	MissingMethods []string `json:"missingMethods,omitempty"`
}

// AuthorizationInput names an authorization.
type AuthorizationInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required,max=64"`
	// TargetApp is the app whose APIs are called.
	TargetApp TargetApp `json:"targetApp" validate:"required,max=64"`
}

// Validate checks the fields.
func (in AuthorizationInput) Validate() error { return validate("authorization", in, nil) }

// BeginAuthorizationInput is what [AuthorizationsClient.Begin] takes.
type BeginAuthorizationInput struct {
	// ProgramID is the mini program.
	ProgramID string `json:"programId" validate:"required,max=64"`
	// TargetApp is the app whose APIs are called.
	TargetApp TargetApp `json:"targetApp" validate:"required,max=64"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in BeginAuthorizationInput) Validate() error { return validate("authorization", in, nil) }

// authorizationAttended is how long after its page was first seen an authorization
// is asked for often.
const authorizationAttended = 15 * time.Minute

// AuthorizationsClient asks for and follows authorizations. It is safe for
// concurrent use.
type AuthorizationsClient struct{ client *Client }

// Begin returns the page that a person must visit to authorize the platform,
// and the state that protects the round trip. Beginning anew makes the former
// page useless; one that is granted already is returned as it is. Errors:
// [ErrNotFound], [ErrPermission].
func (c *AuthorizationsClient) Begin(ctx context.Context, in BeginAuthorizationInput) (*Authorization, error) {
	return c.resolved(sendWrite[Authorization](ctx, c.client, contract.AuthorizationBegin, &in, &in.RequestID))
}

// Get reads the authorization of a mini program; one that was never begun is
// NOT_AUTHORIZED, not an error. Errors: [ErrNotFound] for the mini program.
func (c *AuthorizationsClient) Get(ctx context.Context, in AuthorizationInput) (*Authorization, error) {
	return c.resolved(get(ctx, c.client, contract.AuthorizationQuery, in, func(a *Authorization) bool {
		return a.ProgramID == in.ProgramID && a.TargetApp == in.TargetApp
	}))
}

func (c *AuthorizationsClient) resolved(a *Authorization, err error) (*Authorization, error) {
	if a != nil {
		a.URL = c.client.endpoint.resolve(a.URL)
	}
	return a, err
}

// WaitGranted waits until a begun authorization is AUTHORIZED and returns it.
// When it is declined or revoked or expires instead, or was never begun, the error is
// a [WaitError] with an [AuthorizationRequiredError] in it, whose Status says which,
// and the authorization is returned all the same. The context is the deadline.
//
// For 15 minutes, as long as a page can be used by default, the time between polls
// stays at opts.Interval, because somebody may be sitting in front of the page;
// after that it grows as [WaitOptions] says.
func (c *AuthorizationsClient) WaitGranted(ctx context.Context, in AuthorizationInput, opts AuthorizationWait) (*Authorization, error) {
	return wait(ctx, "authorizations.waitGranted", in.ProgramID, opts, polling.Condition[Authorization]{
		Poll:     func(ctx context.Context) (*Authorization, error) { return c.Get(ctx, in) },
		State:    func(a *Authorization) string { return string(a.Status) },
		Attended: authorizationAttended,
		Done: func(_ context.Context, a *Authorization) (bool, error) {
			switch a.Status {
			case AuthorizationGranted:
				return true, nil
			case AuthorizationNone, AuthorizationDeclined, AuthorizationRevoked:
				return false, &AuthorizationRequiredError{ProgramID: in.ProgramID, TargetApp: in.TargetApp, Status: a.Status}
			default:
				return false, nil
			}
		},
	})
}

// AuthorizationRequiredError says that the workspace must first allow the
// platform to call AlipayCN's APIs for a mini program ("Release mini programs",
// Complete authorization). It matches [ErrAuthorizationRequired].
type AuthorizationRequiredError struct {
	// ProgramID is the mini program that lacks the authorization.
	ProgramID string `json:"programId"`
	// TargetApp is the app that asks for it.
	TargetApp TargetApp `json:"targetApp"`
	// URL is the page to visit, when the authorization was begun already and its
	// page can still be used; otherwise it is empty, and
	// [AuthorizationsClient.Begin] gives one.
	URL string `json:"url,omitempty"`
	// Status is how the authorization stands: DECLINED, REVOKED, PENDING or
	// NOT_AUTHORIZED; empty: not known.
	Status AuthorizationStatus `json:"status,omitempty"`
	// Live is the share of users, in percent, for which the release stays live, or
	// may be when what came of a former call is not known; 0: none. It is set where
	// the refused call would have changed it.
	Live Ratio `json:"live,omitempty"`
}

// Error names the mini program, the share of users for which its release stays
// live, and the call that gives the page to visit. It does not show URL, because
// whoever has that page can give the authorization.
func (e *AuthorizationRequiredError) Error() string {
	text := fmt.Sprintf("mini program %s is not authorized for %s", e.ProgramID, e.TargetApp)
	if e.Status == AuthorizationDeclined {
		text += ": it was declined on the page"
	}
	text += "; call Authorizations.Begin and visit the page it returns"
	if e.Live > 0 {
		text += fmt.Sprintf("; until then its release stays live for %v of users", e.Live)
	}
	return validation.OneLine(text)
}

// Unwrap returns [ErrAuthorizationRequired].
func (e *AuthorizationRequiredError) Unwrap() error { return ErrAuthorizationRequired }
