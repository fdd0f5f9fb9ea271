package alipaycn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/lockedfile"
)

// FileTokenStore is a [TokenStore] in one JSON file that only its owner can
// read (mode 0600); make it with [NewFileTokenStore].
//
// A write replaces the file as a whole: after a crash at any moment the file
// holds what it held before or what was written, and nothing else. Several
// FileTokenStores and several processes on one machine can use one file; they
// take turns by a lock on the file's name with .lock added, which the operating
// system releases when a process ends. Network file systems that do not know
// such locks are not suitable.
//
// Every call reads the file anew. A file that others can read, that is damaged,
// or that a newer version of this library wrote is refused with an error, never
// taken for an empty one and never overwritten. A missing file is an empty
// store. On Windows the file's permissions are not looked at.
type FileTokenStore struct {
	path string
	writeLock chan struct{} // holds one element while a call of this store writes
}

// The file's schema, and what a file of tokens cannot exceed: about a hundred
// thousand tokens.
const (
	tokenFileSchema = 1
	tokenFileMax    = 32 << 20
)

// lockRetry is how often a process looks whether another is done, which takes
// a few milliseconds.
const lockRetry = 10 * time.Millisecond

// tokenFile is the content of the file.
type tokenFile struct {
	Schema int              `json:"schema"`
	Tokens map[string]Token `json:"tokens"` // by AuthAppID
}

// NewFileTokenStore returns a store in the file. It does not look at the disk:
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
	if ctx.Err() != nil { // a select between a free turn and an ended context would toss a coin
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
	return lockedfile.Write(s.path, append(data, '\n'))
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
func lockTokenFile(ctx context.Context, path string) (*lockedfile.Lock, error) {
	for {
		lock, err := lockedfile.Acquire(path)
		if err == nil || !errors.Is(err, lockedfile.ErrLocked) {
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
