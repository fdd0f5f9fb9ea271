package alipaycn

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// ErrNoToken says that a [TokenStore] holds no token for an app: its merchant
// has not authorized yet, or has withdrawn it.
var ErrNoToken = errors.New("no token is stored for the app")

// TokenStore keeps the tokens that merchants have granted, one for each app,
// by the app's id (auth_app_id). A token acts for the merchant until the
// merchant withdraws it: keep it as you keep a private key.
//
// Its methods are called concurrently.
type TokenStore interface {
	// Get returns the token of an app. The error matches [ErrNoToken] when there
	// is none, and only then.
	Get(ctx context.Context, authAppID string) (Token, error)
	// Put stores a token under its AuthAppID, in place of an earlier one.
	Put(ctx context.Context, token Token) error
	// Delete removes the token of an app. It is no error when there is none.
	Delete(ctx context.Context, authAppID string) error
	// List returns the ids of the apps that have a token, in ascending order.
	List(ctx context.Context) (authAppIDs []string, err error)
}

// MemoryTokenStore is a [TokenStore] in the memory of one process, for tests
// and for programs that get their tokens from elsewhere at each start; make it
// with [NewMemoryTokenStore].
type MemoryTokenStore struct {
	mu     sync.RWMutex
	tokens map[string]Token
}

// NewMemoryTokenStore returns an empty store.
func NewMemoryTokenStore() *MemoryTokenStore {
	return &MemoryTokenStore{tokens: map[string]Token{}}
}

// Get returns the token of an app, or an error that matches [ErrNoToken].
func (s *MemoryTokenStore) Get(_ context.Context, authAppID string) (Token, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	token, found := s.tokens[authAppID]
	if !found {
		return Token{}, noToken(authAppID)
	}
	return token, nil
}

// Put stores a token under its AuthAppID, in place of an earlier one. It
// refuses a token without AuthAppID or AppAuthToken.
func (s *MemoryTokenStore) Put(_ context.Context, token Token) error {
	if err := storable(token); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token.AuthAppID] = token
	return nil
}

// Delete removes the token of an app. The error is always nil.
func (s *MemoryTokenStore) Delete(_ context.Context, authAppID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, authAppID)
	return nil
}

// List returns the ids of the apps that have a token, in ascending order. The
// error is always nil.
func (s *MemoryTokenStore) List(context.Context) (authAppIDs []string, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Sorted(maps.Keys(s.tokens)), nil
}

// String keeps the tokens out of texts.
func (s *MemoryTokenStore) String() string { return "token store in memory" }

// GoString is String: %#v keeps the tokens too.
func (s *MemoryTokenStore) GoString() string { return s.String() }

func noToken(authAppID string) error {
	return fmt.Errorf("alipaycn: get token of app %q: %w; ask its merchant to authorize (AuthorizationURL)", authAppID, ErrNoToken)
}

func storable(token Token) error {
	switch {
	case token.AuthAppID == "":
		return errors.New("alipaycn: put token: AuthAppID is empty: it names the app that the token is for")
	case token.AppAuthToken == "":
		return fmt.Errorf("alipaycn: put token of app %q: AppAuthToken is empty", token.AuthAppID)
	default:
		return nil
	}
}
