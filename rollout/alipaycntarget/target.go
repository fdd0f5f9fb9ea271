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
// [rollout.Withdrawer]. Make one with [New]. It is safe for concurrent use; its changes
// wait for each other.
type Target struct {
	client      *alipaycn.Client
	app         string
	version     alipayplus.VersionNumber
	bundle      alipaycn.BundleID
	tokens      alipaycn.TokenStore
	application func(context.Context) (alipaycn.ApplyInput, error)
	publishing  alipaycn.PublishInput

	// changing is held by the change at hand.
	changing chan struct{}
	// made are the changes that succeeded, by their request ids, and what each means
	// for users.
	made map[string]string
}

// Option changes how a version is driven.
type Option func(*Target)

// WithApplication sets what to apply for review with: at least Description, and for a
// first application what AlipayCN knows about the mini program, with its logo and
// screenshots. It is called anew for each application, so read the files in it: after a
// rejection the next application has the mended ones. Version and BundleID are filled
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
		changing: make(chan struct{}, 1), made: make(map[string]string),
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

// versions is the client for one call.
func (t *Target) versions(ctx context.Context) (*alipaycn.VersionsClient, error) {
	if t.tokens == nil {
		return t.client.Versions, nil
	}
	client, err := t.client.ForApp(ctx, t.tokens, t.app)
	if errors.Is(err, alipaycn.ErrNoToken) {
		return nil, fmt.Errorf("%w: %w", err, alipayplus.ErrAuthorizationRequired)
	}
	if err != nil {
		return nil, err
	}
	return client.Versions, nil
}

// this names the version to AlipayCN.
func (t *Target) this() alipaycn.VersionInput {
	return alipaycn.VersionInput{Version: t.version, BundleID: t.bundle}
}

// read reads the version.
func (t *Target) read(ctx context.Context, versions *alipaycn.VersionsClient) (*alipaycn.VersionDetail, error) {
	detail, err := versions.Get(ctx, t.this())
	if err != nil {
		return nil, err
	}
	if !detail.Version.Is(t.version) { // what AlipayCN answers about one that is not there is not documented
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
