package signing

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"reflect"
)

// MinBits is the shortest RSA modulus that is accepted, in bits. The
// documents ask for RSA with 2048 bits.
const MinBits = 2048

// maxBits bounds the work of one verification, because a platform verifies
// with keys that its users hand in. Not documented; crypto/tls has the same.
const maxBits = 8192

// What to type, so that a refusal ends in a key that works.
const (
	makePrivate = "make one with: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem"
	makePublic  = "make one with: openssl pkey -in private.pem -pubout -out public.pem"
)

// ParsePrivateKey reads an RSA private key of at least [MinBits] bits from
// PEM, or from bare base64 with or without line breaks. Both PKCS#1 and PKCS#8
// will do. Of several PEM blocks the first private key counts; what else is in
// the file is ignored.
//
// The error says what was found instead and how to make a good key. It never
// contains any part of data.
//
// Parse once and keep the key: it holds precomputed values that make signing
// faster.
func ParsePrivateKey(data []byte) (*rsa.PrivateKey, error) {
	found, err := decodeKeyText(data)
	if err != nil {
		return nil, fmt.Errorf("private key %w; %s", err, makePrivate)
	}
	chosen := found[0]
	for _, k := range found {
		if k.private() {
			chosen = k
			break
		}
	}
	key, ok := chosen.value.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("private key must be an RSA private key, but this is %s; %s", chosen.describe(), chosen.wayToPrivate())
	}
	if err := checkRSA(&key.PublicKey); err != nil {
		return nil, fmt.Errorf("private key %w; %s", err, makePrivate)
	}
	return key, nil
}

// ParsePublicKey reads an RSA public key of at least [MinBits] bits from PEM
// or from bare base64 with or without line breaks. It takes PKIX ("PUBLIC
// KEY"), PKCS#1 ("RSA PUBLIC KEY") and the key of a certificate, whose dates
// and issuer are not looked at. Of several PEM blocks the first with an RSA public
// key counts, but a private key anywhere in data is refused, because
// it does not belong where public keys are kept.
//
// The error says what was found instead and how to make a good key. It never
// contains any part of data.
func ParsePublicKey(data []byte) (*rsa.PublicKey, error) {
	found, err := decodeKeyText(data)
	if err != nil {
		return nil, fmt.Errorf("public key %w; %s", err, makePublic)
	}
	for _, k := range found {
		if k.private() {
			return nil, fmt.Errorf("public key expected, but this is %s, which must stay with its owner; %s", k.describe(), makePublic)
		}
	}
	for _, k := range found {
		key := k.public()
		if key == nil {
			continue
		}
		if err := checkRSA(key); err != nil {
			return nil, fmt.Errorf("public key %w; %s", err, makePublic)
		}
		return key, nil
	}
	return nil, fmt.Errorf("public key must be an RSA public key, but this is %s; %s", found[0].describe(), makePublic)
}

// PublicKeyPEM returns the key as PEM (PKIX), as [ParsePublicKey] reads it. The key
// is one that this package returned.
func PublicKeyPEM(key *rsa.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic("signing: marshal an RSA public key: " + err.Error()) // it fails for other kinds of key only
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// CheckSigner reports whether s can make signatures for [Sign], and returns
// its public half. It refuses nil, a nil pointer inside the interface, a key
// that is not RSA, and one shorter than [MinBits]. It does not sign anything, so
// a signer backed by a remote key store is asked only for its public key.
func CheckSigner(s crypto.Signer) (*rsa.PublicKey, error) {
	if isNil(s) {
		return nil, fmt.Errorf("signer is nil: give an *rsa.PrivateKey or another crypto.Signer with an RSA key; %s", makePrivate)
	}
	public := s.Public()
	if isNil(public) {
		return nil, fmt.Errorf("signer of type %T has no public key: its Public method must return an *rsa.PublicKey", s)
	}
	key, ok := public.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("signer of type %T must hold an RSA key, but its public key is of type %T; %s", s, public, makePrivate)
	}
	if err := checkRSA(key); err != nil {
		return nil, fmt.Errorf("signer of type %T %w; %s", s, err, makePrivate)
	}
	return key, nil
}

// CheckPublicKey reports whether k can verify signatures with [Verify], and
// returns it as what it is. It refuses nil, a nil pointer inside the interface,
// anything but *rsa.PublicKey, and a key shorter than [MinBits].
func CheckPublicKey(k crypto.PublicKey) (*rsa.PublicKey, error) {
	if isNil(k) {
		return nil, fmt.Errorf("public key is nil: give an *rsa.PublicKey; %s", makePublic)
	}
	key, ok := k.(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("public key must be an *rsa.PublicKey, not a value of type %T; %s", k, makePublic)
	}
	if err := checkRSA(key); err != nil {
		return nil, fmt.Errorf("public key %w; %s", err, makePublic)
	}
	return key, nil
}

// checkRSA holds the rules that every key has to keep, however it came in.
func checkRSA(k *rsa.PublicKey) error {
	if k.N == nil || k.N.Sign() <= 0 {
		return errors.New("has no RSA modulus: it was not filled in")
	}
	if bits := k.N.BitLen(); bits < MinBits || bits > maxBits {
		return fmt.Errorf("has %d bits, where %d to %d are accepted", bits, MinBits, maxBits)
	}
	if k.N.Bit(0) == 0 || k.E < 3 || k.E%2 == 0 || k.E > math.MaxInt32 {
		return errors.New("has an RSA modulus or exponent that no key can have: it is damaged")
	}
	return nil
}

// isNil also sees the nil pointer inside an interface, which would panic later
// and far from the mistake.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}
