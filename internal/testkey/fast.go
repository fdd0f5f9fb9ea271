package testkey

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"io"
	"math/big"
	"math/bits"
	"sync"
)

// FastKey returns another key for a platform, which signs ten times as fast as
// [Key]. Most of the time of tests that make many calls is spent on signing.
//
// Its signatures are ordinary ones: crypto/rsa verifies them. But its modulus of
// 2048 bits is a product of 32 primes of 64 bits, so that anybody can find the
// private key.
func FastKey() crypto.Signer { return fastKey() }

// FastClient is [FastKey] for a client.
func FastClient() crypto.Signer { return fastClient() }

var (
	fastKey    = sync.OnceValue(func() *fastSigner { return newFastSigner(0) })
	fastClient = sync.OnceValue(func() *fastSigner { return newFastSigner(1) })
)

const primesPerKey = 32

type fastSigner struct {
	public rsa.PublicKey
	parts  [primesPerKey]part
}

// part is a prime with what the Chinese remainder theorem needs.
type part struct {
	prime    uint64
	exponent uint64   // the private exponent for this prime
	basis    *big.Int // 1 modulo this prime, 0 modulo every other
}

// newFastSigner takes the highest primes below 2^64 for the first key, and the next
// ones for the second. With all bits above the 48th set, their product has 2048 bits.
func newFastSigner(nth int) *fastSigner {
	const e = 65537
	s := &fastSigner{public: rsa.PublicKey{N: big.NewInt(1), E: e}}
	skip := nth * primesPerKey
	candidate := new(big.Int).SetUint64(1<<64 - 1)
	for i := 0; i < primesPerKey; candidate.Sub(candidate, big.NewInt(2)) {
		order := new(big.Int).Sub(candidate, big.NewInt(1))
		exponent := new(big.Int).ModInverse(big.NewInt(e), order)
		switch {
		case exponent == nil || !candidate.ProbablyPrime(0):
		case skip > 0:
			skip--
		default:
			s.parts[i] = part{prime: candidate.Uint64(), exponent: exponent.Uint64()}
			s.public.N.Mul(s.public.N, candidate)
			i++
		}
	}
	for i := range s.parts {
		prime := new(big.Int).SetUint64(s.parts[i].prime)
		others := new(big.Int).Div(s.public.N, prime)
		s.parts[i].basis = others.Mul(others, new(big.Int).ModInverse(others, prime))
	}
	return s
}

// Public implements [crypto.Signer] with an [*rsa.PublicKey].
func (s *fastSigner) Public() crypto.PublicKey { return &s.public }

// Sign implements [crypto.Signer] by RSA PKCS#1 v1.5 with SHA-256.
func (s *fastSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != crypto.SHA256 || len(digest) != sha256.Size {
		return nil, errors.New("testkey: only digests of SHA-256 are signed")
	}
	message := new(big.Int).SetBytes(pad(digest, s.public.Size()))
	sum, term, rest := new(big.Int), new(big.Int), new(big.Int)
	for _, p := range s.parts {
		prime := new(big.Int).SetUint64(p.prime)
		root := power(rest.Mod(message, prime).Uint64(), p.exponent, p.prime)
		sum.Add(sum, term.Mul(p.basis, prime.SetUint64(root)))
	}
	return sum.Mod(sum, s.public.N).FillBytes(make([]byte, s.public.Size())), nil
}

// pad is the encoding of PKCS #1 v1.5 (RFC 8017, section 9.2).
func pad(digest []byte, size int) []byte {
	info := append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, digest...)
	message := make([]byte, size)
	message[1] = 1
	for i := 2; i < size-len(info)-1; i++ {
		message[i] = 0xff
	}
	copy(message[size-len(info):], info)
	return message
}

// power is base to the power of exponent, modulo a modulus above base.
func power(base, exponent, modulus uint64) uint64 {
	result := uint64(1)
	for ; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			result = multiply(result, base, modulus)
		}
		base = multiply(base, base, modulus)
	}
	return result
}

func multiply(a, b, modulus uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return bits.Rem64(high, low, modulus)
}
