package alipaycn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/locks"
)

// tokenInput is the input of authorization.token (alipay.open.auth.token.app),
// which is called by the third-party app for itself, without an app_auth_token.
// Code and RefreshToken are secrets.
type tokenInput struct {
	GrantType    string `json:"grant_type,omitempty"`
	Code         string `json:"code,omitempty"`
	RefreshToken string `json:"refresh_token,omitempty"`
}

// The grant types.
const (
	grantAuthorizationCode = "authorization_code"
	grantRefreshToken      = "refresh_token"
)

func (in tokenInput) Validate() error {
	const most = 40
	var p problems
	if in.GrantType == grantAuthorizationCode {
		p.required("code", in.Code)
	} else {
		p.required("refresh_token", in.RefreshToken)
	}
	p.length("code", in.Code, 0, most)
	p.length("refresh_token", in.RefreshToken, 0, most)
	return p.of(in, "token")
}

func (in tokenInput) secrets() []string { return []string{in.Code, in.RefreshToken} }

// Token lets a third-party app act for a merchant's app. AppAuthToken and
// AppRefreshToken are secrets; String and LogValue leave them out.
type Token struct {
	// AppAuthToken goes with each call.
	AppAuthToken string `json:"app_auth_token,omitempty"`
	// AppRefreshToken gets a new token.
	AppRefreshToken string `json:"app_refresh_token,omitempty"`
	// AuthAppID is the merchant's app.
	AuthAppID string `json:"auth_app_id,omitempty"`
	// UserID is the merchant's Alipay user id.
	UserID string `json:"user_id,omitempty"`
	// ExpiresIn is obsolete: AlipayCN documents that the token is permanent and
	// that this must not be used. It ends when the merchant withdraws or renews
	// the authorization.
	ExpiresIn TextInt `json:"expires_in,omitempty"`
	// RefreshExpiresIn is how long the refresh token lives, in seconds from the call.
	RefreshExpiresIn TextInt `json:"re_expires_in,omitempty"`
}

// LogValue implements [slog.LogValuer] without the secrets.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(slog.String("auth_app_id", t.AuthAppID), slog.String("user_id", t.UserID))
}

// String describes the token without the secrets.
func (t Token) String() string { return "token for app " + t.AuthAppID }

// GoString is String: %#v keeps the secrets too.
func (t Token) GoString() string { return t.String() }

// Tokens is the answer of authorization.token: the token, and one for each app
// where the merchant authorized several.
type Tokens struct {
	Answer
	Token
	// Tokens are the tokens, one for each app.
	Tokens []Token `json:"tokens,omitempty"`
}

// All returns the tokens, one for each app: Tokens or, when AlipayCN sent no
// list, the token itself. Give each to [TokenStore.Put].
func (t Tokens) All() []Token {
	if len(t.Tokens) > 0 {
		return slices.Clone(t.Tokens)
	}
	return []Token{t.Token}
}

// usable says whether every token can be called with.
func (t Tokens) usable() bool {
	return !slices.ContainsFunc(t.All(), func(one Token) bool { return one.AppAuthToken == "" })
}

// TokenStatus is the state of a token. It is open to unknown values.
type TokenStatus string

// The states that AlipayCN documents.
const (
	// TokenValid: calls with it are accepted.
	TokenValid TokenStatus = "valid"
	// TokenInvalid: the merchant must authorize again.
	TokenInvalid TokenStatus = "invalid"
)

// Known says whether AlipayCN documents the state.
func (s TokenStatus) Known() bool { return s == TokenValid || s == TokenInvalid }

// tokenInfoInput is the input of authorization.get
// (alipay.open.auth.token.app.query). The token, a secret, travels in the query string.
type tokenInfoInput struct {
	AppAuthToken string `json:"app_auth_token,omitempty"`
}

func (in tokenInfoInput) Validate() error {
	var p problems
	p.required("app_auth_token", in.AppAuthToken)
	return p.of(in, "token")
}

func (in tokenInfoInput) secrets() []string { return []string{in.AppAuthToken} }

// TokenInfo is the answer of authorization.get: what a merchant has authorized.
type TokenInfo struct {
	Answer

	// Status says whether the token is valid.
	Status TokenStatus `json:"status,omitempty"`
	// AuthAppID is the merchant's app.
	AuthAppID string `json:"auth_app_id,omitempty"`
	// UserID is the merchant's Alipay user id.
	UserID string `json:"user_id,omitempty"`
	// Methods are the operations that may be called, by AlipayCN's names:
	// "alipay.open.mini.version.online".
	Methods []string `json:"auth_methods,omitempty"`
	// StartsAt is when the authorization began.
	StartsAt Time `json:"auth_start,omitzero"`
	// EndsAt is when it ends.
	EndsAt Time `json:"auth_end,omitzero"`
	// ExpiresIn is the life of the token in seconds.
	ExpiresIn Int `json:"expires_in,omitempty"`
	// Full says that the merchant authorized everything.
	Full Bool `json:"is_by_app_auth,omitempty"`
}

// MissingMethods returns the operations of a version's life, by AlipayCN's names,
// that the merchant has not authorized, in ascending order: those of
// alipay.open.mini.version. Without them a release stops half-way. All are
// missing when the token is not valid, none when the merchant authorized everything.
func (t TokenInfo) MissingMethods() []string {
	const family = "alipay.open.mini.version."
	var missing []string
	for _, op := range cnwire.Operations() {
		granted := t.Status == TokenValid && (bool(t.Full) || slices.Contains(t.Methods, op.API))
		if strings.HasPrefix(op.API, family) && !granted {
			missing = append(missing, op.API)
		}
	}
	slices.Sort(missing)
	return missing
}

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

// FileTokenStore is a [TokenStore] in one JSON file that only its owner can
// read (mode 0600); make it with [NewFileTokenStore].
//
// A write replaces the file as a whole: after a crash at any moment the file
// holds what it held before or what was written, and nothing else. Several
// FileTokenStores and several processes on one machine can use one file; they
// exclude each other by a lock on the file's name with .lock added, which the
// operating system releases when a process ends. Network file systems that do not know
// such locks are not suitable.
//
// Every call reads the file anew. A file that others can read, that is damaged,
// or that a newer version of this library wrote is refused with an error, never
// taken for an empty one and never overwritten. A missing file is an empty
// store. On Windows the file's permissions are not checked.
type FileTokenStore struct {
	path      string
	writeLock chan struct{} // holds one element while a call of this store writes
}

// The file's schema, and what a file of tokens cannot exceed: about a hundred
// thousand tokens.
const (
	tokenFileSchema = 1
	tokenFileMax    = 32 << 20
)

// lockRetry is how long a process waits before it tries the lock again; another
// process holds it for a few milliseconds.
const lockRetry = 10 * time.Millisecond

// tokenFile is the content of the file.
type tokenFile struct {
	Schema int              `json:"schema"`
	Tokens map[string]Token `json:"tokens"` // by AuthAppID
}

// NewFileTokenStore returns a store in the file. It does no I/O:
// the file need not exist, its folder must by the first Put.
func NewFileTokenStore(path string) *FileTokenStore {
	return &FileTokenStore{path: path, writeLock: make(chan struct{}, 1)}
}

// Get returns the token of an app. The error matches [ErrNoToken] when the
// file is sound and has none.
func (s *FileTokenStore) Get(_ context.Context, authAppID string) (Token, error) {
	tokens, err := s.load()
	if err != nil {
		return Token{}, fmt.Errorf("alipaycn: get token of app %q: %w", authAppID, err)
	}
	token, found := tokens[authAppID]
	if !found {
		return Token{}, noToken(authAppID)
	}
	return token, nil
}

// Put stores a token under its AuthAppID, in place of an earlier one, and
// returns when it is on the disk. It refuses a token without AuthAppID or
// AppAuthToken. While another process writes, it waits until the context ends;
// with a context that has ended nothing is written.
//
// After an error from syncing the folder the token is in the file, but may not
// survive a power failure; repeat the Put.
func (s *FileTokenStore) Put(ctx context.Context, token Token) error {
	if err := storable(token); err != nil {
		return err
	}
	err := s.change(ctx, func(tokens map[string]Token) { tokens[token.AuthAppID] = token })
	if err != nil {
		return fmt.Errorf("alipaycn: put token of app %q: %w", token.AuthAppID, err)
	}
	return nil
}

// Delete removes the token of an app and returns when that is on the disk. It
// is no error when there is none. While another process writes, it waits until
// the context ends.
func (s *FileTokenStore) Delete(ctx context.Context, authAppID string) error {
	err := s.change(ctx, func(tokens map[string]Token) { delete(tokens, authAppID) })
	if err != nil {
		return fmt.Errorf("alipaycn: delete token of app %q: %w", authAppID, err)
	}
	return nil
}

// List returns the ids of the apps that have a token, in ascending order.
func (s *FileTokenStore) List(context.Context) (authAppIDs []string, err error) {
	tokens, err := s.load()
	if err != nil {
		return nil, fmt.Errorf("alipaycn: list tokens: %w", err)
	}
	return slices.Sorted(maps.Keys(tokens)), nil
}

// String names the file.
func (s *FileTokenStore) String() string { return "token store in " + s.path }

// change lets one writer after another read, change and replace the file.
func (s *FileTokenStore) change(ctx context.Context, change func(map[string]Token)) error {
	if ctx.Err() != nil { // with both channels ready, select would pick one at random
		return context.Cause(ctx)
	}
	select {
	case s.writeLock <- struct{}{}:
		defer func() { <-s.writeLock }()
	case <-ctx.Done():
		return fmt.Errorf("wait for another write: %w", context.Cause(ctx))
	}
	lock, err := lockTokenFile(ctx, s.path+".lock")
	if err != nil {
		return err
	}
	defer func() { _ = lock.Release() }() // nothing was written to its file
	tokens, err := s.load()
	if err != nil {
		return err
	}
	change(tokens)
	return s.save(tokens)
}

func (s *FileTokenStore) load() (map[string]Token, error) {
	data, err := readTokenFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Token{}, nil
	}
	if err != nil {
		return nil, err
	}
	tokens, err := decodeTokenFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s %w", s.path, err)
	}
	return tokens, nil
}

// save replaces the file, durably. The lock is held.
func (s *FileTokenStore) save(tokens map[string]Token) error {
	data, err := json.MarshalIndent(tokenFile{Schema: tokenFileSchema, Tokens: tokens}, "", "  ")
	if err != nil {
		return err
	}
	if len(data) > tokenFileMax {
		return fmt.Errorf("%s would have %d bytes, at most %d are read again; use a database", s.path, len(data), tokenFileMax)
	}
	return locks.WriteFile(s.path, append(data, '\n'))
}

// decodeTokenFile accepts exactly what save writes. Its errors quote nothing
// of the file and complete the sentence "<path> …".
func decodeTokenFile(data []byte) (map[string]Token, error) {
	var version struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, errDamaged
	}
	if version.Schema > tokenFileSchema {
		return nil, fmt.Errorf("has schema %d, this version of the library knows %d: update the library, or use another file",
			version.Schema, tokenFileSchema)
	}
	var file tokenFile
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&file); err != nil || file.Schema != tokenFileSchema || file.Tokens == nil {
		return nil, errDamaged
	}
	for id, token := range file.Tokens {
		if storable(token) != nil || token.AuthAppID != id {
			return nil, errDamaged
		}
	}
	return file.Tokens, nil
}

var errDamaged = errors.New("is damaged, or no token file at all: restore it from a backup, or move it away and let the merchants authorize again")

// lockTokenFile waits until no other process holds the lock.
func lockTokenFile(ctx context.Context, path string) (*locks.File, error) {
	for {
		lock, err := locks.AcquireFile(path)
		if err == nil || !errors.Is(err, locks.ErrLocked) {
			return lock, err
		}
		select {
		case <-time.After(lockRetry):
		case <-ctx.Done():
			return nil, fmt.Errorf("another process holds %s: %w", path, context.Cause(ctx))
		}
	}
}

// readTokenFile reads the file if its size, its kind and its permissions are as
// they should be.
func readTokenFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows":
		return nil, fmt.Errorf("%s can be used by others (mode %#o), so its tokens may be known: run chmod 600 on it, and think of letting the merchants authorize again", path, info.Mode().Perm())
	case info.Size() > tokenFileMax:
		return nil, fmt.Errorf("%s has %d bytes, at most %d are read", path, info.Size(), tokenFileMax)
	}
	return io.ReadAll(io.LimitReader(f, tokenFileMax))
}
