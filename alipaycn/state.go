package alipaycn

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Why a state is not accepted, for errors.Is.
var (
	// ErrStateMalformed: the text is no state of this library; it may be cut short.
	ErrStateMalformed = errors.New("the state is malformed")
	// ErrStateForged: the state was not made with this key.
	ErrStateForged = errors.New("the state was not made with this key")
	// ErrStateExpired: the state is older than it may be; start the authorization again.
	ErrStateExpired = errors.New("the state has expired; start the authorization again")
	// ErrStateUsed: the state came back before; start the authorization again.
	ErrStateUsed = errors.New("the state was used before; start the authorization again")
)

// errNoStateKey keeps a signer without a key from making states that anybody
// could make.
var errNoStateKey = errors.New("the signer has no key; make it with NewStateSigner")

// MaxStateValue is how many bytes of the caller's own fit into a state. It
// follows from the 100 base64 characters that AlipayCN allows.
const MaxStateValue = 42

// A state is base64 of: version, expiry (Unix seconds), nonce, value, and the
// first half of an HMAC-SHA256 over all that comes before.
const (
	stateVersion    = 1
	stateExpirySize = 4
	stateNonceSize  = 12
	stateMACSize    = sha256.Size / 2
	stateHeaderSize = 1 + stateExpirySize + stateNonceSize
	minStateKey     = 32
)

// stateDomain keeps a MAC made here from meaning anything where the same key
// is used for something else.
const stateDomain = "alipaycn authorization state\x00"

// StateSigner makes and checks the state parameter of an authorization URL. A
// state carries a short value of the caller, a random nonce and an expiry; it
// is signed, but not encrypted: whoever sees the URL can read the value.
//
// Make it with [NewStateSigner]; one without a key signs and accepts nothing. A
// StateSigner is safe for concurrent use.
type StateSigner struct {
	key []byte
}

// NewStateSigner returns a signer with an HMAC key of at least 32 random bytes.
// Every process that takes callbacks needs the same key. The key is copied.
func NewStateSigner(key []byte) (*StateSigner, error) {
	if len(key) < minStateKey {
		return nil, fmt.Errorf("alipaycn: state signer: the key has %d bytes, at least %d are needed; make one with: openssl rand -hex %d",
			len(key), minStateKey, minStateKey)
	}
	return &StateSigner{key: append([]byte(nil), key...)}, nil
}

// String keeps the key out of texts.
func (*StateSigner) String() string { return "state signer" }

// GoString is String: %#v keeps the key too.
func (s *StateSigner) GoString() string { return s.String() }

// Sign returns a state that carries value, at most [MaxStateValue] bytes, and
// is good until expires, which is cut to whole seconds. The value should name
// who was asked to authorize, such as a workspace: it is what ties the code that
// comes back to them. The state is base64 and has at most 100 characters.
func (s *StateSigner) Sign(value string, expires time.Time) (string, error) {
	if len(s.key) < minStateKey {
		return "", fmt.Errorf("alipaycn: sign state: %w", errNoStateKey)
	}
	if len(value) > MaxStateValue {
		return "", fmt.Errorf("alipaycn: sign state: the value has %d bytes, at most %d fit", len(value), MaxStateValue)
	}
	seconds := expires.Unix()
	if seconds <= 0 || seconds > 1<<(8*stateExpirySize)-1 {
		return "", errors.New("alipaycn: sign state: the expiry must lie between 1970 and 2106")
	}
	state := make([]byte, stateHeaderSize, stateHeaderSize+len(value)+stateMACSize)
	state[0] = stateVersion
	binary.BigEndian.PutUint32(state[1:], uint32(seconds))
	_, _ = rand.Read(state[1+stateExpirySize:]) // never fails, by its documentation
	state = append(state, value...)
	return base64.StdEncoding.EncodeToString(append(state, s.mac(state)...)), nil
}

// Verify returns the value of a state that was made with the same key and is
// not expired at now. A state made elsewhere, changed or expired is refused with
// [ErrStateMalformed], [ErrStateForged] or [ErrStateExpired]. The comparison
// takes the same time whatever the difference.
//
// Verify accepts the same state again and again; use [StateSigner.VerifyOnce]
// where that matters.
func (s *StateSigner) Verify(state string, now time.Time) (value string, err error) {
	opened, err := s.open(state, now)
	if err != nil {
		return "", fmt.Errorf("alipaycn: verify state: %w", err)
	}
	return opened.value, nil
}

// VerifyOnce is [StateSigner.Verify] that accepts each state once: it records
// the state in seen until it expires, and refuses it with [ErrStateUsed] from
// then on. An error of seen is returned; the state is then not accepted.
func (s *StateSigner) VerifyOnce(ctx context.Context, state string, now time.Time, seen SeenStore) (value string, err error) {
	opened, err := s.open(state, now)
	if err != nil {
		return "", fmt.Errorf("alipaycn: verify state: %w", err)
	}
	added, err := seen.Add(ctx, "state:"+opened.nonce, opened.expires)
	if err != nil {
		return "", fmt.Errorf("alipaycn: verify state: record that it was used: %w", err)
	}
	if !added {
		return "", fmt.Errorf("alipaycn: verify state: %w", ErrStateUsed)
	}
	return opened.value, nil
}

type openedState struct {
	value   string
	nonce   string
	expires time.Time
}

func (s *StateSigner) open(state string, now time.Time) (openedState, error) {
	if len(s.key) < minStateKey {
		return openedState{}, errNoStateKey
	}
	if len(state) > maxStateLength || strings.ContainsAny(state, "\r\n") { // the decoder skips line breaks
		return openedState{}, ErrStateMalformed
	}
	raw, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(plusRestored(state), "="))
	if err != nil || len(raw) < stateHeaderSize+stateMACSize || raw[0] != stateVersion {
		return openedState{}, ErrStateMalformed
	}
	signed, mac := raw[:len(raw)-stateMACSize], raw[len(raw)-stateMACSize:]
	if !hmac.Equal(mac, s.mac(signed)) {
		return openedState{}, ErrStateForged
	}
	opened := openedState{
		value:   string(signed[stateHeaderSize:]),
		nonce:   hex.EncodeToString(signed[1+stateExpirySize : stateHeaderSize]),
		expires: time.Unix(int64(binary.BigEndian.Uint32(signed[1:])), 0),
	}
	if !now.Before(opened.expires) {
		return openedState{}, ErrStateExpired
	}
	return opened, nil
}

func (s *StateSigner) mac(signed []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(stateDomain))
	h.Write(signed)
	return h.Sum(nil)[:stateMACSize]
}
