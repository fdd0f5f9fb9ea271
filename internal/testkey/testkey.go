// Package testkey holds an RSA key for tests, so that they need not make one
// each time. Nothing but tests may use it: everybody has it.
package testkey

import (
	"crypto/rsa"
	_ "embed" // the key
	"sync"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

//go:embed TEST-ONLY-key.pem
var pem []byte

// PEM returns the key as PEM (PKCS#8).
func PEM() []byte { return append([]byte(nil), pem...) }

// Key returns the key, parsed once.
func Key() *rsa.PrivateKey { return parsed() }

var parsed = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := signing.ParsePrivateKey(pem)
	if err != nil {
		panic(err) // the key above is wrong
	}
	return key
})
