package testkey

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"sync"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// Signer is an RSA key of 2048 bits that signs some twenty times as fast as [Key],
// because its modulus is the product of 64 small primes, which anybody can find. It
// is for tests of many calls, where signing would take most of the time.
type Signer struct {
	rsa.PublicKey

	factors []factor
}

// factor is a prime of the modulus, with what a signature modulo this prime needs.
type factor struct {
	prime, exponent uint64
	// padding is what all messages have before their digest, modulo this prime.
	padding uint64
	// unit is 1 modulo this prime and 0 modulo the others.
	unit *big.Int
}

// FastKey returns a fast key for a platform or a gateway.
func FastKey() *Signer { return fastSigners()[0] }

// FastClient returns another fast key, for a client.
func FastClient() *Signer { return fastSigners()[1] }

// FastOther returns a third fast key, which is neither side's.
func FastOther() *Signer { return fastSigners()[2] }

var fastSigners = sync.OnceValue(func() [3]*Signer {
	next := uint64(1<<32 - 1)
	return [3]*Signer{newSigner(&next), newSigner(&next), newSigner(&next)}
})

// newSigner makes a key of the 64 highest primes below *next, and lowers that.
func newSigner(next *uint64) *Signer {
	const e, primes = 3, 64
	s := &Signer{PublicKey: rsa.PublicKey{N: big.NewInt(1), E: e}}
	for p := *next; len(s.factors) < primes; p -= 2 {
		prime := new(big.Int).SetUint64(p)
		exponent := new(big.Int).ModInverse(big.NewInt(e), new(big.Int).SetUint64(p-1))
		if exponent != nil && prime.ProbablyPrime(0) { // certain for numbers of 64 bits
			s.factors = append(s.factors, factor{prime: p, exponent: exponent.Uint64()})
			s.N.Mul(s.N, prime)
		}
		*next = p - 2
	}
	before := padded(make([]byte, sha256.Size), s.Size())
	for i, f := range s.factors {
		s.factors[i].padding = remainder(0, before[:len(before)-sha256.Size], f.prime)
		prime := new(big.Int).SetUint64(f.prime)
		others := new(big.Int).Div(s.N, prime)
		s.factors[i].unit = others.Mul(others, new(big.Int).ModInverse(others, prime))
	}
	return s
}

// Public implements [crypto.Signer].
func (s *Signer) Public() crypto.PublicKey { return &s.PublicKey }

// PublicPEM returns the public key as PEM (PKIX).
func (s *Signer) PublicPEM() []byte { return signing.PublicKeyPEM(&s.PublicKey) }

// Sign implements [crypto.Signer] for SHA-256 by PKCS #1 v1.5.
func (s *Signer) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, errors.New("testkey: a fast key signs SHA-256 only")
	}
	sum, word, product := new(big.Int), new(big.Int), new(big.Int)
	for _, f := range s.factors {
		word.SetUint64(power(remainder(f.padding, digest, f.prime), f.exponent, f.prime))
		sum.Add(sum, product.Mul(word, f.unit))
	}
	return sum.Mod(sum, s.N).FillBytes(make([]byte, s.Size())), nil
}

// remainder is a message of whole words of 32 bits modulo a prime below 2^32; before is that of
// what comes before it.
func remainder(before uint64, message []byte, prime uint64) uint64 {
	r := before
	for ; len(message) > 0; message = message[4:] {
		r = (r<<32 | uint64(binary.BigEndian.Uint32(message))) % prime
	}
	return r
}

// power is base to the exponent modulo a prime below 2^32.
func power(base, exponent, prime uint64) uint64 {
	result := uint64(1)
	for ; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			result = result * base % prime
		}
		base = base * base % prime
	}
	return result
}

// padded is the encoded message of a SHA-256 digest (RFC 8017, section 9.2).
func padded(digest []byte, size int) []byte {
	const prefix = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
	fill := bytes.Repeat([]byte{0xff}, size-len(digest)-len(prefix)-3)
	return bytes.Join([][]byte{{0, 1}, fill, {0}, []byte(prefix), digest}, nil)
}
