// Package testkey holds RSA keys for tests, one for a platform and one for a
// client, because making a key takes longer than most tests. Nothing but tests
// may use them: everybody has them. It also runs programs for their tests.
package testkey

import (
	"crypto/rsa"
	_ "embed" // the key
	"sync"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

var (
	//go:embed TEST-ONLY-key.pem
	pem []byte
	//go:embed TEST-ONLY-client-key.pem
	clientPEM []byte
)

// PEM returns the key as PEM (PKCS#8).
func PEM() []byte { return append([]byte(nil), pem...) }

// Key returns the key, parsed once.
func Key() *rsa.PrivateKey { return parsed() }

// ClientPEM returns the client's key as PEM (PKCS#8).
func ClientPEM() []byte { return append([]byte(nil), clientPEM...) }

// Client returns the client's key, parsed once.
func Client() *rsa.PrivateKey { return parsedClient() }

// PublicPEM returns the public half of [Key] as PEM (PKIX).
func PublicPEM() []byte { return signing.PublicKeyPEM(&Key().PublicKey) }

// ClientPublicPEM returns the public half of [Client] as PEM (PKIX).
func ClientPublicPEM() []byte { return signing.PublicKeyPEM(&Client().PublicKey) }

var (
	parsed       = sync.OnceValue(func() *rsa.PrivateKey { return parse(pem) })
	parsedClient = sync.OnceValue(func() *rsa.PrivateKey { return parse(clientPEM) })
)

func parse(text []byte) *rsa.PrivateKey {
	key, err := signing.ParsePrivateKey(text)
	if err != nil {
		panic(err) // an embedded key is wrong
	}
	return key
}
