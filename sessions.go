package alipayplus

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// SignIn is an address by which a person opens the platform's console in a browser.
type SignIn struct {
	// URL is the page that signs in: once, and until ExpiresAt. Whoever has it can sign in,
	// so it is shown to the person alone. A platform that does not know its public address
	// serves the page at the client's base URL.
	URL string `json:"url"`
	// ExpiresAt is until when the page can be used.
	ExpiresAt time.Time `json:"expiresAt"`
}

// BeginSessionInput is what [SessionsClient.Begin] takes. Its zero value is complete.
type BeginSessionInput struct {
	// TokenHash is the SHA-256, in hexadecimal, of the secret that the address ends with,
	// by which the platform knows it again. Empty: the client makes a secret and adds it to
	// the address. Who sets it adds the secret, as the parameter token: 26 characters or more.
	TokenHash string `json:"tokenHash" validate:"required,sha256"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in BeginSessionInput) Validate() error { return validate("session", in, nil) }

// SessionsClient opens the platform's console for the caller. It is safe for concurrent
// use. Sessions are this project's own: Alipay+ does not document how its console knows
// who is there.
type SessionsClient struct{ client *Client }

// Begin returns an address by which a person signs in to the console as the member, or as
// the reviewing party, whose key signs the call. The secret in it is made here: the
// platform gets its hash, and the secret itself only from the browser. Errors: [ErrConflict]
// when the platform serves no console.
func (c *SessionsClient) Begin(ctx context.Context, in BeginSessionInput) (*SignIn, error) {
	secret := ""
	if in.TokenHash == "" {
		token := rand.Text()
		hash := sha256.Sum256([]byte(token))
		in.TokenHash, secret = hex.EncodeToString(hash[:]), "?token="+token
	}
	out, err := sendWrite[SignIn](ctx, c.client, contract.SessionBegin, &in, &in.RequestID)
	if err != nil {
		return nil, err
	}
	out.URL = c.client.endpoint.resolve(out.URL) + secret
	return out, nil
}
