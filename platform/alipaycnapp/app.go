// Package alipaycnapp puts AlipayCN itself behind a platform: a
// [platform.TargetObserver] over package alipaycn. What a platform with it releases
// reaches the users of AlipayCN.
//
// # Over AlipayCN
//
// The platform's operator has a third-party app at AlipayCN, and each merchant authorizes
// it for one mini program on AlipayCN's own page. A release of version x.y.z needs
// version x.y.z there in development, or a template in its configuration
// ([alipayplus.AlipayCNApplication]) that it is built from. How the states of the two
// correspond is not documented; what follows is this project's own, as is
// [alipaycn.VersionStatus.ReleaseStatus], which says what each status there is here:
//
//	here               at AlipayCN
//	apply              both reviews begin at once: audit.apply. A version that AlipayCN has rejected, or
//	                   that Alipay+ has while AlipayCN had not, is returned to development first
//	apply, unchanged   after a rejection by Alipay+ alone: AlipayCN's review goes on, or its approval holds
//	withdraw           audit.cancel; when its review has ended: audited.cancel
//	AlipayCN rejects   the release is rejected, whatever Alipay+ says
//	admitted, but not  approved, with the reasons; AlipayCN has no grayscale for such a version
//	promoted
//	Alipay+ rejects    nothing, until the mini program is applied for again or the version is published there
//	grayscale          gray.online with p10, p30, p50
//	100 %              online
//	take offline       offline
//	roll back          rollback, and the version that came back is checked to be the one before it here
//	cancel             gray.cancel, and then audited.cancel: the version is in development there
//
// What somebody does in AlipayCN's console is found by [App.Observe], and recorded as
// the documentation of [platform.TargetObserver] says. AlipayCN lets one version at a time
// be under review, passed, rejected or in grayscale. One that the platform applied for and
// gave up gives way; for one that somebody applied for elsewhere the refusal names it. An
// application is the platform's when version_desc is the one that it sent: of another one no
// verdict is adopted, and the release is as if the version were in development again.
//
// # Messages
//
// AlipayCN's messages come to [NotifyPath] of the platform: a verdict is adopted at once, and an
// authorization that was taken back is revoked. A message is a hint to look, not the state: its
// signature stays valid for ever, and it may come late, twice and out of order, so what it is
// about is read from AlipayCN and adopted as [App.Observe] says. For want of a message nothing is lost,
// it only takes longer. No message about builds is documented: a build is polled.
//
// # Exactly once
//
// AlipayCN has no idempotency key. Each call reads the version first and does only what is
// not done yet, so that it can be repeated after any failure; see "Safe writes" in package
// alipaycn for a lost answer.
//
// # What is kept
//
// Tokens, and which mini program here is which there, are kept in the platform's store,
// under keys that begin with "alipaycn/". Tokens are encrypted, see [WithEncryptionKey].
package alipaycnapp

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// App is AlipayCN as a target app of a platform. It is safe for concurrent use.
type App struct {
	client *alipaycn.Client
	store  storage.Store
	aead   cipher.AEAD
	logger *slog.Logger
	page   string
	// refreshLocks are held while a token is refreshed.
	refreshLocks locks
}

// Option configures an [App].
type Option func(*App) error

// WithEncryptionKey sets the key of 32 bytes under which tokens are encrypted (AES-256-GCM).
// It is required. Keep it apart from the store, and give the same at each start: with
// another one the tokens cannot be read, see [App.ForgetTokens].
func WithEncryptionKey(key []byte) Option {
	return func(a *App) error {
		const size = 32
		if len(key) != size {
			return fmt.Errorf("encryption key: must have %d bytes, has %d; make one with: openssl rand %d", size, len(key), size)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return err
		}
		a.aead, err = cipher.NewGCM(block)
		return err
	}
}

// WithLogger sets where messages of AlipayCN that were refused or failed are logged; nothing
// is by default.
func WithLogger(logger *slog.Logger) Option {
	return func(a *App) error {
		if logger == nil {
			return errors.New("logger: must not be nil")
		}
		a.logger = logger
		return nil
	}
}

// WithAuthorizationEndpoint sets the address of a stand-in that serves the authorization
// page, such as package alipaycntest. Without it the page is AlipayCN's own or, when the client's
// endpoint is without TLS, which is a stand-in, served there.
func WithAuthorizationEndpoint(address string) Option {
	return func(a *App) error {
		a.page = address
		_, err := a.authorizationLinks("https://platform.invalid", "")
		return err
	}
}

// New makes an app that calls AlipayCN by the client of a third-party app, and keeps its
// records in the store of the platform. It does no I/O. The error says which option is
// wrong or missing.
func New(store storage.Store, client *alipaycn.Client, opts ...Option) (*App, error) {
	if store == nil || client == nil {
		return nil, errors.New("alipaycnapp: the store of the platform and a client of AlipayCN are required")
	}
	a := &App{client: client, store: store}
	if at := client.Endpoint(); strings.HasPrefix(at, "http://") {
		a.page = at
	}
	for _, set := range opts {
		if err := set(a); err != nil {
			return nil, fmt.Errorf("alipaycnapp: %w", err)
		}
	}
	if a.aead == nil {
		return nil, errors.New("alipaycnapp: give WithEncryptionKey: tokens are never kept in clear")
	}
	return a, nil
}

// NewFromEnv makes an app from environment variables, then applies opts over them. It reads
// the files they name. Those of [alipaycn.NewFromEnv] say who calls AlipayCN, which is the
// third-party app; besides them:
//
//	ALIPAYCN_ENCRYPTION_KEY_FILE     file with the 32 bytes of WithEncryptionKey; make it with: openssl rand -out FILE 32
//	ALIPAYCN_AUTHORIZATION_ENDPOINT  address of a stand-in that serves the authorization page (default: see
//	                                 WithAuthorizationEndpoint)
//
// The error names every variable that is missing or wrong, and never a secret.
func NewFromEnv(store storage.Store, opts ...Option) (*App, error) {
	client, clientErr := alipaycn.NewFromEnv()
	var with []Option
	key, keyErr := encryptionKeyFromEnv()
	if keyErr == nil {
		with = append(with, WithEncryptionKey(key))
	}
	if page := os.Getenv("ALIPAYCN_AUTHORIZATION_ENDPOINT"); page != "" {
		with = append(with, WithAuthorizationEndpoint(page))
	}
	if err := errors.Join(clientErr, keyErr); err != nil {
		return nil, fmt.Errorf("alipaycnapp: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return New(store, client, append(with, opts...)...)
}

func encryptionKeyFromEnv() ([]byte, error) {
	const variable = "ALIPAYCN_ENCRYPTION_KEY_FILE"
	file := os.Getenv(variable)
	if file == "" {
		return nil, errors.New("encryption key is missing: set " + variable + " to a file of 32 bytes; make one with: openssl rand -out FILE 32")
	}
	key, err := os.ReadFile(file) //nolint:gosec // the path is the user's own
	if err != nil {
		return nil, fmt.Errorf("encryption key (from %s): %w", variable, err)
	}
	return key, nil
}

// App returns ALIPAY_CN.
func (*App) App() alipayplus.TargetApp { return alipayplus.TargetAlipayCN }

// Ladder returns 10, 30, 50 and 100, which are all that AlipayCN's API offers.
func (*App) Ladder() alipayplus.Ladder { return alipaycn.GrayLadder() }

// Languages returns zh-CN; which languages AlipayCN requires is not documented.
func (*App) Languages() []string { return []string{"zh-CN"} }

// Limits returns the documented limits.
func (*App) Limits() alipayplus.Limits { return alipayplus.DefaultLimits() }

// Parties returns AlipayCN.
func (*App) Parties() []alipayplus.Party { return []alipayplus.Party{alipayplus.PartyAlipayCN} }

// NeedsAuthorization returns true.
func (*App) NeedsAuthorization() bool { return true }

// AuthorizationPage returns AlipayCN's own page for a browser; empty without a base that
// it can lead back to. base + [platform.CallbackPath] must be the callback address that is
// configured for the third-party app.
func (a *App) AuthorizationPage(base, state string, _ *alipayplus.Program) string {
	links, err := a.authorizationLinks(base, state)
	if err != nil {
		return ""
	}
	return links.PC
}

// PhoneAuthorizationPage returns the link that opens the page in the Alipay app.
func (a *App) PhoneAuthorizationPage(base, state string, _ *alipayplus.Program) string {
	links, err := a.authorizationLinks(base, state)
	if err != nil {
		return ""
	}
	return links.Phone
}

func (a *App) authorizationLinks(base, state string) (alipaycn.AuthorizationLinks, error) {
	return alipaycn.AuthorizationURL(alipaycn.AuthorizationInput{
		ISVAppID: a.client.AppID(), RedirectURL: base + platform.CallbackPath, State: state, Endpoint: a.page,
	})
}

// Exchange redeems the code and keeps the token. It is refused when another mini program
// was chosen than is released here, or one that belongs to another.
func (a *App) Exchange(ctx context.Context, visit platform.TargetVisit) (*platform.TargetAuthorization, error) {
	callback, err := alipaycn.ParseCallback(&http.Request{Method: http.MethodGet, URL: &url.URL{RawQuery: visit.Query.Encode()}})
	if errors.Is(err, alipaycn.ErrNoAuthCode) {
		return nil, fmt.Errorf("%w: %w", alipayplus.ErrInvalid, err)
	}
	if err != nil {
		return nil, err
	}
	if callback.AppID != a.client.AppID() {
		return nil, refuse(alipayplus.ErrConflict, "the callback is for the third-party app %.32q, which is not the platform's", callback.AppID)
	}
	tokens, err := a.client.Authorization.Exchange(ctx, callback.AppAuthCode)
	if err != nil {
		return nil, certain(err)
	}
	if len(tokens.All()) != 1 {
		return nil, refuse(alipayplus.ErrConflict, "%d mini programs were chosen; choose the one that is released here", len(tokens.All()))
	}
	token := tokens.All()[0]
	info, err := a.client.Authorization.Query(ctx, token.AppAuthToken)
	if err != nil {
		return nil, certain(err)
	}
	given := &platform.TargetAuthorization{TargetProgramID: token.AuthAppID, MissingMethods: info.MissingMethods()}
	if len(given.MissingMethods) > 0 {
		return given, nil
	}
	return given, a.store.Update(ctx, func(tx storage.Tx) error {
		if err := a.bind(tx, visit.WorkspaceID, visit.ProgramID, token.AuthAppID); err != nil {
			return err
		}
		return a.putToken(tx, token)
	})
}

var (
	_ platform.TargetSender    = (*App)(nil)
	_ platform.TargetQRCodes   = (*App)(nil)
	_ platform.TargetPhonePage = (*App)(nil)
	_ platform.TargetReverter  = (*App)(nil)
	_ alipaycn.TokenStore      = (*TokenStore)(nil)
)
