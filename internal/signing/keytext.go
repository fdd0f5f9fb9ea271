package signing

import (
	"bytes"
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
	"strings"
	"unicode/utf8"
)

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
	case bytes.Contains(text, []byte("-----BEGIN")):
		return decodePEM(text)
	}
	return decodeBare(text)
}

func decodePEM(text []byte) ([]foundKey, error) {
	var found []foundKey
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		found = append(found, foundKey{block.Type, decodeBlock(block)})
	}
	if len(found) == 0 {
		return nil, errors.New(`begins as PEM but holds no whole block: it was cut off, or its line breaks got lost or were written as \n; give the whole file with its line breaks`)
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
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return k
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return k
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		return k
	}
	if k, err := x509.ParsePKIXPublicKey(der); err == nil {
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
