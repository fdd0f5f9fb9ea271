package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"
)

// MinBits is the shortest RSA modulus that is accepted, in bits. The
// documents ask for RSA with 2048 bits.
const MinBits = 2048

// maxBits bounds the work of one verification, because a platform verifies
// with keys that its users give. Not documented; crypto/tls has the same.
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
// and issuer do not matter. Of several PEM blocks the first with an RSA public
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

// maxKeyText is far above any key or certificate chain, so that a wrong file is
// named as such instead of being worked through.
const maxKeyText = 64 << 10

// Kinds of private key that no parser of the standard library gives a value.
type (
	encryptedKey struct{}
	opensshKey   struct{}
)

// foundKey is what one PEM block, or the bare base64, turned out to hold.
type foundKey struct {
	label string // of the PEM block, "" for bare base64
	value any    // nil when it cannot be read
}

// decodeKeyText returns at least one foundKey, or an error that goes on after
// the words "private key" or "public key".
func decodeKeyText(data []byte) ([]foundKey, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	switch {
	case len(text) == 0:
		return nil, errors.New("is empty: give PEM or base64")
	case len(text) > maxKeyText:
		return nil, errors.New("is longer than 64 KiB: this is not a key file")
	case !utf8.Valid(text):
		return nil, errors.New("is not text: convert a binary (DER) file with: openssl pkey -inform DER -in key.der -out key.pem")
	}
	blocks, err := DecodePEM(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w; give the whole file with its line breaks", err)
	case len(blocks) == 0:
		return decodeBare(text)
	}
	found := make([]foundKey, len(blocks))
	for i, block := range blocks {
		found[i] = foundKey{block.Type, decodeBlock(block)}
	}
	return found, nil
}

func decodeBlock(block *pem.Block) any {
	switch {
	case block.Headers["DEK-Info"] != "": // the older encryption, RFC 1421
		return encryptedKey{}
	case block.Type == "OPENSSH PRIVATE KEY":
		return opensshKey{}
	}
	return decodeDER(block.Bytes)
}

func decodeBare(text []byte) ([]foundKey, error) {
	der, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
	if err != nil {
		return nil, errors.New("is neither PEM nor base64: give the contents of the key file, whole, and not its name")
	}
	if bytes.HasPrefix(der, []byte("-----BEGIN")) {
		return nil, errors.New("is a PEM text encoded in base64 once more: decode it first with: base64 -d")
	}
	return []foundKey{{value: decodeDER(der)}}, nil
}

// decodeDER goes by the content, not by a PEM label: labels are often wrong,
// and bare base64 has none.
func decodeDER(der []byte) any {
	if k, err := x509.ParsePKIXPublicKey(der); err == nil { // first, because a platform reads one at every call
		return k
	}
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return k
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k
	}
	if k, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return k
	}
	if c, err := x509.ParseCertificate(der); err == nil {
		return c
	}
	if r, err := x509.ParseCertificateRequest(der); err == nil {
		return r
	}
	if isEncryptedPKCS8(der) {
		return encryptedKey{}
	}
	return nil
}

// isEncryptedPKCS8 knows the structure EncryptedPrivateKeyInfo of RFC 5958.
func isEncryptedPKCS8(der []byte) bool {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	_, err := asn1.Unmarshal(der, &info)
	return err == nil
}

func (k foundKey) private() bool {
	switch k.value.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey, *ecdh.PrivateKey, encryptedKey, opensshKey:
		return true
	}
	return k.value == nil && strings.HasSuffix(k.label, "PRIVATE KEY")
}

// public returns the RSA public key that k is or certifies, else nil.
func (k foundKey) public() *rsa.PublicKey {
	value := k.value
	if c, ok := value.(*x509.Certificate); ok {
		value = c.PublicKey
	}
	key, _ := value.(*rsa.PublicKey)
	return key
}

func (k foundKey) describe() string {
	switch v := k.value.(type) {
	case *rsa.PrivateKey:
		return "an RSA private key"
	case *ecdsa.PrivateKey, *ecdh.PrivateKey:
		return "an elliptic curve (EC) private key"
	case ed25519.PrivateKey:
		return "an Ed25519 private key"
	case *rsa.PublicKey:
		return "an RSA public key"
	case *x509.Certificate:
		return "a certificate for a key of type " + v.PublicKeyAlgorithm.String()
	case *x509.CertificateRequest:
		return "a certificate signing request"
	case encryptedKey:
		return "an encrypted private key"
	case opensshKey:
		return "a private key in OpenSSH's own format"
	case nil:
		return k.describeUnreadable()
	}
	return "a public key of another kind"
}

func (k foundKey) describeUnreadable() string {
	if k.private() {
		return "a private key that cannot be read (damaged, cut off, or of another kind)"
	}
	return "something that cannot be read (damaged, cut off, or of another kind)"
}

// wayToPrivate is what to do when a private key was wanted and k was given.
func (k foundKey) wayToPrivate() string {
	switch k.value.(type) {
	case encryptedKey:
		return "decrypt it first with: openssl pkey -in encrypted.pem -out private.pem"
	case opensshKey:
		return "convert a copy of it with: ssh-keygen -p -m PEM -f copy-of-key"
	case *rsa.PublicKey, *x509.Certificate, *x509.CertificateRequest:
		return "give the private key that belongs to it, or " + makePrivate
	}
	return makePrivate
}
