package alipaycnapp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// Where records are kept. What of them comes from elsewhere is an id of AlipayCN, of the
// platform, or a version.
const (
	keyCheck      = "alipaycn/key"
	tokenPrefix   = "alipaycn/token/"
	programPrefix = "alipaycn/program/"
)

func programKey(workspace, program string) string {
	return programPrefix + workspace + "/" + program
}
func appKey(app string) string                 { return "alipaycn/app/" + app }
func submissionKey(app, version string) string { return "alipaycn/submission/" + app + "/" + version }

// ErrEncryptionKey says that tokens were kept under another key than that of
// [WithEncryptionKey]. Start with the former key, or call [App.ForgetTokens].
var ErrEncryptionKey = errors.New("the tokens are encrypted under another key (WithEncryptionKey); start with that one, or forget the tokens (ForgetTokens) and let the merchants authorize again")

// TokenStore is the app's [alipaycn.TokenStore] over the platform's store.
type TokenStore struct{ app *App }

// Tokens returns where the tokens of merchants are.
func (a *App) Tokens() *TokenStore { return &TokenStore{a} }

// Get returns the token of an app. The error matches [alipaycn.ErrNoToken] when there is
// none, and [ErrEncryptionKey] when it was kept under another key.
func (s *TokenStore) Get(ctx context.Context, authAppID string) (token alipaycn.Token, err error) {
	err = s.app.store.View(ctx, func(tx storage.Tx) (err error) {
		token, err = s.app.getToken(tx, authAppID)
		return err
	})
	return token, err
}

// Put stores a token under its AuthAppID, in place of an earlier one.
func (s *TokenStore) Put(ctx context.Context, token alipaycn.Token) error {
	return s.app.store.Update(ctx, func(tx storage.Tx) error { return s.app.putToken(tx, token) })
}

// Delete removes the token of an app; it is no error when there is none.
func (s *TokenStore) Delete(ctx context.Context, authAppID string) error {
	return s.app.store.Update(ctx, func(tx storage.Tx) error { return tx.Delete(tokenPrefix + authAppID) })
}

// List returns the ids of the apps that have a token, in ascending order.
func (s *TokenStore) List(ctx context.Context) (authAppIDs []string, err error) {
	err = s.app.store.View(ctx, func(tx storage.Tx) error {
		authAppIDs = nil
		for entry, err := range tx.Scan(tokenPrefix, storage.PrefixEnd(tokenPrefix), false) {
			if err != nil {
				return err
			}
			authAppIDs = append(authAppIDs, strings.TrimPrefix(entry.Key, tokenPrefix))
		}
		return nil
	})
	return authAppIDs, err
}

// ForgetTokens removes all tokens, because the key that they were encrypted under is lost.
// Every merchant must authorize again; the releases stay as they are.
func (a *App) ForgetTokens(ctx context.Context) error {
	return a.store.Update(ctx, func(tx storage.Tx) error {
		keys := []string{keyCheck}
		for entry, err := range tx.Scan(tokenPrefix, storage.PrefixEnd(tokenPrefix), false) {
			if err != nil {
				return err
			}
			keys = append(keys, entry.Key)
		}
		for _, at := range keys {
			if err := tx.Delete(at); err != nil {
				return err
			}
		}
		return nil
	})
}

// authorized does something with the token of a mini program, in order to call for its merchant. When AlipayCN refuses the
// token, which may have been replaced elsewhere, that is refreshed, and the same done again: do must be such that it can be
// repeated. The error matches [alipayplus.ErrAuthorizationRequired] when the merchant must authorize again.
func (a *App) authorized(ctx context.Context, workspace, program string, do func(app string, client *alipaycn.Client) error) error {
	app, err := a.appOf(ctx, workspace, program)
	if err != nil {
		return err
	}
	const most = 3 // others may refresh it too
	for n := 1; ; n++ {
		token, err := a.token(ctx, app)
		if err != nil {
			return err
		}
		err = do(app, a.client.For(token.AppAuthToken))
		if !errors.Is(err, alipayplus.ErrAuthorizationRequired) {
			return err
		}
		if n == most {
			return a.refusedAgain(ctx, token, err)
		}
		if err := a.refresh(ctx, token); err != nil {
			return err
		}
	}
}

// refusedAgain is why a token is refused that was refreshed before, so that the authorization holds: when the token is good,
// the authorization does not cover the call, and the refusal stands. When it is not, something else has replaced it since.
func (a *App) refusedAgain(ctx context.Context, token alipaycn.Token, refusal error) error {
	info, err := a.client.Authorization.Query(ctx, token.AppAuthToken)
	switch {
	case err != nil && !errors.Is(err, alipayplus.ErrAuthorizationRequired):
		return certain(err)
	case err == nil && info.Status != alipaycn.TokenInvalid:
		return refusal
	}
	return fmt.Errorf("the token of mini program %.32q is replaced by something else as often as it is refreshed: %s", token.AuthAppID, refusal.Error())
}

// token reads the token of a mini program at AlipayCN. The error matches [alipayplus.ErrAuthorizationRequired] when there is
// none.
func (a *App) token(ctx context.Context, app string) (alipaycn.Token, error) {
	token, err := a.Tokens().Get(ctx, app)
	if errors.Is(err, alipaycn.ErrNoToken) {
		return token, fmt.Errorf("%w: %w", alipayplus.ErrAuthorizationRequired, err)
	}
	return token, err
}

// refresh gets a new token in place of one that AlipayCN refuses, which works when it was
// replaced elsewhere, and not when it was taken back. AlipayCN documents that tokens are
// permanent, so they are refreshed at no other time. One call of this process at a time does it: each refresh ends the token
// of the one before. A token that is kept meanwhile stays. The error matches [alipayplus.ErrAuthorizationRequired] when the
// merchant must authorize again.
func (a *App) refresh(ctx context.Context, refused alipaycn.Token) error {
	lock := a.refreshLocks.of(refused.AuthAppID)
	select {
	case lock <- struct{}{}:
		defer func() { <-lock }()
	case <-ctx.Done():
		return ctx.Err()
	}
	kept, err := a.token(ctx, refused.AuthAppID)
	if err != nil || kept.AppAuthToken != refused.AppAuthToken {
		return err
	}
	fresh, err := a.refreshed(ctx, refused)
	if errors.Is(err, alipayplus.ErrAuthorizationRequired) {
		if kept, keptErr := a.token(ctx, refused.AuthAppID); keptErr == nil && kept.AppAuthToken != refused.AppAuthToken {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return a.store.Update(ctx, func(tx storage.Tx) error {
		kept, err := a.getToken(tx, refused.AuthAppID)
		if err != nil || kept.AppAuthToken != refused.AppAuthToken {
			return err
		}
		return a.putToken(tx, fresh)
	})
}

// locks are one for each mini program at AlipayCN: a channel of one place, which is full while the lock is held.
type locks struct {
	mu    sync.Mutex
	byApp map[string]chan struct{}
}

func (l *locks) of(app string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byApp == nil {
		l.byApp = map[string]chan struct{}{}
	}
	if l.byApp[app] == nil {
		l.byApp[app] = make(chan struct{}, 1)
	}
	return l.byApp[app]
}

// refreshed asks AlipayCN for a token in place of another one.
func (a *App) refreshed(ctx context.Context, token alipaycn.Token) (fresh alipaycn.Token, err error) {
	if token.AppRefreshToken == "" {
		return fresh, refuse(alipayplus.ErrAuthorizationRequired, "the token of mini program %.32q is not valid any more", token.AuthAppID)
	}
	tokens, err := a.client.Authorization.Refresh(ctx, token.AppRefreshToken)
	if err != nil {
		return fresh, certain(err)
	}
	for _, fresh := range tokens.All() {
		if fresh.AuthAppID == token.AuthAppID {
			return fresh, nil
		}
	}
	return fresh, refuse(alipayplus.ErrAuthorizationRequired, "AlipayCN refreshed the token of mini program %.32q for another one", token.AuthAppID)
}

// getToken reads a token, as [TokenStore.Get] does.
func (a *App) getToken(tx storage.Tx, app string) (token alipaycn.Token, err error) {
	at := tokenPrefix + app
	sealed, found, err := tx.Get(at)
	if err != nil {
		return token, err
	}
	if !found {
		return token, fmt.Errorf("alipaycnapp: app %.32q: %w", app, alipaycn.ErrNoToken)
	}
	text, err := a.open(at, sealed)
	if err != nil {
		return token, err
	}
	return token, json.Unmarshal(text, &token)
}

// putToken stores a token. It is refused under another key than the others, so that all
// tokens can be read by one.
func (a *App) putToken(tx storage.Tx, token alipaycn.Token) error {
	if token.AuthAppID == "" || token.AppAuthToken == "" {
		return fmt.Errorf("alipaycnapp: %w: a token needs AuthAppID and AppAuthToken", alipayplus.ErrInvalid)
	}
	check, found, err := tx.Get(keyCheck)
	switch {
	case err != nil:
		return err
	case found:
		if _, err := a.open(keyCheck, check); err != nil {
			return err
		}
	default:
		if err := tx.Put(keyCheck, a.seal(keyCheck, nil)); err != nil {
			return err
		}
	}
	text, _ := json.Marshal(token) // texts and numbers always marshal
	at := tokenPrefix + token.AuthAppID
	return tx.Put(at, a.seal(at, text))
}

// seal encrypts what is kept at a key, so that it can be read only there.
func (a *App) seal(at string, text []byte) []byte {
	nonce := make([]byte, a.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return a.aead.Seal(nonce, nonce, text, []byte(at))
}

func (a *App) open(at string, sealed []byte) ([]byte, error) {
	if len(sealed) < a.aead.NonceSize() {
		return nil, fmt.Errorf("alipaycnapp: record %s: %w", at, storage.ErrDamaged)
	}
	nonce, text := sealed[:a.aead.NonceSize()], sealed[a.aead.NonceSize():]
	out, err := a.aead.Open(nil, nonce, text, []byte(at))
	if err != nil {
		return nil, fmt.Errorf("alipaycnapp: %w", ErrEncryptionKey)
	}
	return out, nil
}

// bind notes which mini program at AlipayCN a mini program here is. Each is one of the
// other for good.
func (a *App) bind(tx storage.Tx, workspace, program, app string) error {
	bound, found, err := tx.Get(programKey(workspace, program))
	if err != nil {
		return err
	}
	if found && string(bound) != app {
		return refuse(alipayplus.ErrConflict, "%.32s was chosen, and mini program %s is %s at AlipayCN; choose %s", app, program, bound, bound)
	}
	owner, found, err := tx.Get(appKey(app))
	if err != nil {
		return err
	}
	if found && string(owner) != programKey(workspace, program) {
		return refuse(alipayplus.ErrConflict, "%.32s at AlipayCN is another mini program of this platform already; choose that of mini program %s", app, program)
	}
	if err := tx.Put(programKey(workspace, program), []byte(app)); err != nil {
		return err
	}
	return tx.Put(appKey(app), []byte(programKey(workspace, program)))
}

// submission is what a version was applied for with last.
type submission struct {
	// RequestID is the platform's release request.
	RequestID string `json:"requestId"`
	// Content is the hash of what was applied with.
	Content string `json:"content"`
	// Before is gmt_apply_audit as it was before.
	Before string `json:"before"`
	// Description is the version_desc that was sent; empty: not known.
	Description string `json:"description,omitempty"`
}

// fits says whether AlipayCN shows the description that was sent, whatever it made of spaces and line breaks. Another one
// is that of somebody else's application. One that is not known or not shown says nothing.
func (s submission) fits(shown string) bool {
	return s.Description == "" || shown == "" || slices.Equal(strings.Fields(shown), strings.Fields(s.Description))
}

// submission reads what the version was applied for with; zero: it was not from here.
func (a *App) submission(ctx context.Context, app, version string) (s submission, err error) {
	err = a.store.View(ctx, func(tx storage.Tx) error {
		text, found, err := tx.Get(submissionKey(app, version))
		if err != nil || !found {
			return err
		}
		s = submission{}
		return json.Unmarshal(text, &s)
	})
	return s, err
}

func (a *App) putSubmission(ctx context.Context, app, version string, s submission) error {
	text, _ := json.Marshal(s) // texts always marshal
	return a.store.Update(ctx, func(tx storage.Tx) error { return tx.Put(submissionKey(app, version), text) })
}
