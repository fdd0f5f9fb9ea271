// Package testkey holds RSA keys for tests, one for a platform and one for a
// client, so that they need not be made each time. Nothing but tests may use it: everybody has it.
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

var parsedClient = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := signing.ParsePrivateKey(clientPEM)
	if err != nil {
		panic(err) // the key above is wrong
	}
	return key
})

var parsed = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := signing.ParsePrivateKey(pem)
	if err != nil {
		panic(err) // the key above is wrong
	}
	return key
})
