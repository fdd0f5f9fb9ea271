// Package alipaycntarget makes a version of a mini program at AlipayCN a
// [rollout.Target], so that a [rollout.Runner] takes it through AlipayCN's review and
// up its ratios to all users, by AlipayCN's own API and nothing else.
//
// # Over AlipayCN
//
// The version must exist and be built ([alipaycn.VersionsClient.WaitBuilt]); the rollout
// begins with the application for review. These are AlipayCN's statuses, and the
// [alipayplus.ReleaseStatus] that the target reports for each:
//
//	INIT                         NEW_VERSION_CREATED
//	AUDITING                     UNDER_REVIEW
//	AUDIT_REJECT                 NEW_VERSION_CREATED, rejected; an application returns it to development first
//	PROMOTE_AUDIT_REJECT         the same, or RELEASE_PREPARATION when can_release says so
//	WAIT_RELEASE                 RELEASE_PREPARATION
//	BASE_AUDIT_PASS              RELEASE_PREPARATION
//	GRAY                         GRAYSCALE_RELEASE with its ratio
//	RELEASE                      FULL_RELEASE
//	OFFLINE                      ARCHIVED
//	AUDIT_OFFLINE                CANCELED
//	anything else                an error that names it: a rollout does not go on by a guess
//
// The ratios are 10, 30 and 50 percent, and then 100, which is publishing
// ([alipaycn.GrayLadder]); a spec with another is refused. Whether a version in
// BASE_AUDIT_PASS may go into grayscale is not documented: if not, AlipayCN refuses it.
//
// # One version at a time
//
// AlipayCN lets one version of a mini program be under review, passed, rejected or in
// grayscale. Another one that is, is reported as a [rollout.Blocker]. For the same reason a
// Target is not [rollout.Batched]: of all versions in a list, one at most is being
// released, and the list shows neither its ratio nor its application.
//
// # What keeps a change from being made twice
//
// AlipayCN has no idempotency key, and no parameter for the ratio that the caller expects
// to be live. A Target reads the version right before each change and refuses the change with
// [alipayplus.ErrConflict] when it is not as expected. Somebody else may still change it
// between that reading and the change: AlipayCN refuses a ratio that is not above the
// live one, but a grayscale release that was ended in that moment begins anew at the
// requested ratio. After an answer that got lost, package alipaycn reads
// what became of the change (see "Safe writes" there); where even that is not known, the
// error matches [alipayplus.ErrOutcomeUnknown], and the runner reads the state again before it
// continues.
//
// An application is named by the second in which it was made (gmt_apply_audit).
package alipaycntarget

import (
	"context"
	"errors"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Target is a version of a mini program at AlipayCN as a [rollout.Target] and a
// [rollout.Withdrawer]. Make one with [New]. It is safe for concurrent use; it makes one
// change at a time.
type Target struct {
	client      *alipaycn.Client
	app         string
	version     alipayplus.VersionNumber
	bundle      alipaycn.BundleID
	tokens      alipaycn.TokenStore
	application func(context.Context) (alipaycn.ApplyInput, error)
	publishing  alipaycn.PublishInput

	// changeLock holds a value while a change is made.
	changeLock chan struct{}
	// completed has the aftermath of each change that succeeded, by its request id.
	completed map[string]string
}

// Option changes how a version is driven.
type Option func(*Target)

// WithApplication sets what to apply for review with: at least Description, and for a
// first application what AlipayCN knows about the mini program, with its logo and
// screenshots. It is called anew for each application, so read the files in it: after a
// rejection the next application has the corrected ones. Version and BundleID are filled
// in. AutoOnline must not be set, because it is the rollout that publishes. An error
// ends the run unless it is made by [rollout.Transient].
//
// Without this option a version that is not applied for yet cannot be released.
func WithApplication(application func(context.Context) (alipaycn.ApplyInput, error)) Option {
	return func(t *Target) { t.application = application }
}

// WithTokens takes the merchant's app_auth_token from the store, by the id of the mini
// program, anew for each call: a token that was refreshed, or granted again after it
// was revoked, is used from then on. Without it the client's own token is.
func WithTokens(tokens alipaycn.TokenStore) Option {
	return func(t *Target) { t.tokens = tokens }
}

// WithBundle sets the client (bundle_id) that the version runs in; the default is the
// Alipay wallet.
func WithBundle(bundle alipaycn.BundleID) Option {
	return func(t *Target) { t.bundle = bundle }
}

// WithPublishing sets how the version is published: Downgrade, and
// PermitRegistrationLimitRelease for a first release before the ICP filing is done.
// Version and BundleID are filled in.
func WithPublishing(in alipaycn.PublishInput) Option {
	return func(t *Target) { t.publishing = in }
}

// New returns a version of the mini program with the app id. The client acts for its
// merchant ([alipaycn.Client.For], or [WithTokens]), or is the mini program's own. It does
// no I/O.
func New(client *alipaycn.Client, app string, version alipayplus.VersionNumber, opts ...Option) *Target {
	t := &Target{
		client: client, app: app, version: version,
		changeLock: make(chan struct{}, 1), completed: make(map[string]string),
	}
	for _, set := range opts {
		set(t)
	}
	return t
}

// ID implements [rollout.Target], for example "AlipayCN app 2021000000000002 version 1.2.0".
func (t *Target) ID() string {
	id := fmt.Sprintf("AlipayCN app %s version %v", t.app, t.version)
	if t.bundle != "" && t.bundle != alipaycn.BundleAlipay {
		id += " for " + string(t.bundle)
	}
	return id
}

// versions is the client for one observation or change: it has the newest token.
func (t *Target) versions(ctx context.Context) (*alipaycn.VersionsClient, error) {
	if t.tokens == nil {
		return &t.client.Versions, nil
	}
	client, err := t.client.ForApp(ctx, t.tokens, t.app)
	if errors.Is(err, alipaycn.ErrNoToken) {
		return nil, fmt.Errorf("%w: %w", err, alipayplus.ErrAuthorizationRequired)
	}
	if err != nil { // of the store: AlipayCN was not asked
		return nil, rollout.Outage(err)
	}
	return &client.Versions, nil
}

// input names the version, and what is known of it: nil where nothing was read.
func (t *Target) input(known *alipaycn.VersionDetail) alipaycn.VersionInput {
	return alipaycn.VersionInput{Version: t.version, BundleID: t.bundle, Known: known}
}

// read reads the version.
func (t *Target) read(ctx context.Context, versions *alipaycn.VersionsClient) (*alipaycn.VersionDetail, error) {
	detail, err := versions.Get(ctx, t.input(nil))
	if err != nil {
		return nil, err
	}
	if !detail.Version.Is(t.version) { // what AlipayCN answers about a missing version is not documented
		return nil, fmt.Errorf("%s: %w at AlipayCN: wait until it is built (versions.build)", t.ID(), alipayplus.ErrNotFound)
	}
	return detail, nil
}

func (t *Target) conflict(format string, args ...any) error {
	return fmt.Errorf("%w: %s %s", alipayplus.ErrConflict, t.ID(), fmt.Sprintf(format, args...))
}

var (
	_ rollout.Target     = (*Target)(nil)
	_ rollout.Withdrawer = (*Target)(nil)
)
