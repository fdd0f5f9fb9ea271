package testkey

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/big"
	"math/bits"
	"sync"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// Signer is an RSA key of 2048 bits that signs some twenty times as fast as [Key],
// because its modulus is the product of 64 small primes, which anybody can find. It
// is for tests of many calls, where signing would take most of the time.
type Signer struct {
	rsa.PublicKey

	factors [primes]factor
}

// factor is a prime of the modulus, with what a signature modulo this prime needs.
type factor struct {
	prime, exponent uint64
	// inverse is 2^64 divided by the prime, by which a remainder takes two multiplications.
	inverse uint64
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

// primes is how many a modulus has.
const primes = 64

// newSigner makes a key of the 64 highest primes below *next, and lowers that.
func newSigner(next *uint64) *Signer {
	const e = 3
	s := &Signer{PublicKey: rsa.PublicKey{N: big.NewInt(1), E: e}}
	found := 0
	for p := *next; found < primes; p -= 2 {
		prime := new(big.Int).SetUint64(p)
		exponent := new(big.Int).ModInverse(big.NewInt(e), new(big.Int).SetUint64(p-1))
		if exponent != nil && prime.ProbablyPrime(0) { // certain for numbers of 64 bits
			s.factors[found] = factor{prime: p, exponent: exponent.Uint64(), inverse: math.MaxUint64 / p}
			found++
			s.N.Mul(s.N, prime)
		}
		*next = p - 2
	}
	before := padded(make([]byte, sha256.Size), s.Size())
	for i, f := range s.factors {
		s.factors[i].padding = f.remainder(0, before[:len(before)-sha256.Size])
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
	for i, root := range s.roots(digest) {
		word.SetUint64(root)
		sum.Add(sum, product.Mul(word, s.factors[i].unit))
	}
	return sum.Mod(sum, s.N).FillBytes(make([]byte, s.Size())), nil
}

// remainder is a message of whole words of 32 bits modulo the prime; before is that of what comes before it.
func (f *factor) remainder(before uint64, message []byte) uint64 {
	r := before
	for ; len(message) > 0; message = message[4:] {
		r = f.reduce(r<<32 | uint64(binary.BigEndian.Uint32(message)))
	}
	return r
}

// roots are the padded digest to the exponent modulo each prime. They are raised together, so that the processor need not
// wait for one multiplication to begin the next.
func (s *Signer) roots(digest []byte) (results [primes]uint64) {
	var powers [primes]uint64
	for i := range s.factors {
		results[i], powers[i] = 1, s.factors[i].remainder(s.factors[i].padding, digest)
	}
	for bit := range 32 {
		for i := range s.factors {
			f := &s.factors[i]
			set := f.exponent >> bit & 1
			results[i] = f.reduce(results[i] * (1 + set*(powers[i]-1)))
			powers[i] = f.reduce(powers[i] * powers[i])
		}
	}
	return results
}

// reduce is a number modulo the prime, by Barrett: the quotient is right, or one too small.
func (f *factor) reduce(n uint64) uint64 {
	quotient, _ := bits.Mul64(n, f.inverse)
	n -= quotient * f.prime
	if n >= f.prime {
		n -= f.prime
	}
	return n
}

// padded is the encoded message of a SHA-256 digest (RFC 8017, section 9.2).
func padded(digest []byte, size int) []byte {
	const prefix = "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
	fill := bytes.Repeat([]byte{0xff}, size-len(digest)-len(prefix)-3)
	return bytes.Join([][]byte{{0, 1}, fill, {0}, []byte(prefix), digest}, nil)
}
