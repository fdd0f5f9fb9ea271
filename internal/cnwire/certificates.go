package cnwire

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the platform names certificates by it; nothing is trusted because of it
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// maxCertText is far above any certificate file, so that a wrong file is named
// as such instead of being worked through.
const maxCertText = 256 << 10

// Certificate is an app certificate or Alipay's certificate.
type Certificate struct {
	SN        string         // the platform's serial for it, see [CertSN]
	PublicKey *rsa.PublicKey // of at least 2048 bits

	leaf    *x509.Certificate
	issuers []*x509.Certificate // that came with it, as far as Go can read them
}

// ParseCertificate reads a certificate file of the console (appCertPublicKey….crt,
// alipayCertPublicKey_RSA2.crt) in PEM, or its certificate in bare base64. The
// first certificate counts, and those after it are its issuers; but each must be
// whole.
//
// Neither issuer nor dates are looked at: the file comes from the console, and the
// certificates of all apps are issued under the same roots as Alipay's own, so a
// good chain would not say whose it is. The error says what was found instead,
// and never contains any part of text.
func ParseCertificate(text []byte) (*Certificate, error) {
	blocks, err := decodeCertText(text)
	if err != nil {
		return nil, fmt.Errorf("certificate %w", err)
	}
	leaf, err := x509.ParseCertificate(blocks[0])
	if err != nil {
		return nil, fmt.Errorf("certificate cannot be read (damaged, cut off, or of a kind such as SM2): %w; give the RSA2 certificate from the console", err)
	}
	key, err := signing.CheckPublicKey(leaf.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("certificate has a wrong key: %w", err)
	}
	certificate := &Certificate{SN: CertSN(leaf), PublicKey: key, leaf: leaf}
	for _, der := range blocks[1:] {
		if issuer, err := x509.ParseCertificate(der); err == nil {
			certificate.issuers = append(certificate.issuers, issuer)
		}
	}
	return certificate, nil
}

// VerifyDownloaded reads what alipay.open.app.alipaycert.download answered, which
// is not signed, and checks that it is Alipay's certificate of that serial: it
// leads to the roots at that time, by the issuers that came with it or with the
// given certificates of Alipay, and has the organization of one of these, because
// the certificates of all apps lead to the same roots. The latter is this project's
// own rule. The error says what does not fit.
func (r *Roots) VerifyDownloaded(content, serial string, given []*Certificate, now time.Time) (*Certificate, error) {
	text, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), ""))
	if err != nil || len(text) == 0 {
		return nil, errors.New("the downloaded certificate is no base64")
	}
	got, err := ParseCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("the downloaded %w", err)
	}
	if got.SN != serial {
		return nil, fmt.Errorf("the downloaded certificate has the serial %q, and not the one that was asked for", got.SN)
	}
	between := x509.NewCertPool()
	known := false
	for _, c := range append([]*Certificate{got}, given...) {
		for _, issuer := range c.issuers {
			between.AddCert(issuer)
		}
		known = known || c != got && c.leaf != nil && slices.Equal(c.leaf.Subject.Organization, got.leaf.Subject.Organization)
	}
	_, err = got.leaf.Verify(x509.VerifyOptions{
		Roots: r.pool, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("the chain of the downloaded certificate was checked, and does not lead to the root certificates: %w", err)
	case !known:
		return nil, errors.New("the downloaded certificate is of another organization than Alipay's that was given")
	}
	return got, nil
}

// Keys are the keys of Alipay's that signatures are verified with: its public key,
// or its certificates, of which there are two while it changes them.
type Keys struct {
	Public       *rsa.PublicKey // nil where certificates are used
	Certificates []*Certificate
}

// For returns the keys that a signature may be made with which names a
// certificate by its serial, or none (""). There are none where nothing but other
// certificates is known.
func (k Keys) For(serial string) []*rsa.PublicKey {
	var all []*rsa.PublicKey
	for _, c := range k.Certificates {
		if c.SN == serial {
			return []*rsa.PublicKey{c.PublicKey}
		}
		all = append(all, c.PublicKey)
	}
	switch {
	case k.Public != nil:
		return []*rsa.PublicKey{k.Public}
	case serial == "":
		return all
	default:
		return nil
	}
}

// serials are those of the certificates, for an error.
func (k Keys) serials() string {
	var all []string
	for _, c := range k.Certificates {
		all = append(all, c.SN)
	}
	return strings.Join(all, ", ")
}

// CertSN returns the serial by which the platform names a certificate: MD5, in
// lower-case hexadecimal, of the issuer's distinguished name followed by the
// decimal serial number. The name is CN=…,OU=…,O=…,C=…: the attributes in the
// reverse of their order in the certificate, not escaped.
//
// Not documented: attributes other than CN, OU, O, L, ST and C, which are
// written with the number of their type (2.5.4.5=…), and values with a comma,
// which other official SDKs escape. Alipay's certificates have neither.
func CertSN(c *x509.Certificate) string {
	parts := make([]string, 0, len(c.Issuer.Names))
	for _, attribute := range slices.Backward(c.Issuer.Names) {
		parts = append(parts, fmt.Sprint(shortName(attribute), "=", attribute.Value))
	}
	sum := md5.Sum([]byte(strings.Join(parts, ",") + c.SerialNumber.String())) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

func shortName(attribute pkix.AttributeTypeAndValue) string {
	switch number := attribute.Type.String(); number {
	case "2.5.4.3":
		return "CN"
	case "2.5.4.6":
		return "C"
	case "2.5.4.7":
		return "L"
	case "2.5.4.8":
		return "ST"
	case "2.5.4.10":
		return "O"
	case "2.5.4.11":
		return "OU"
	default:
		return number
	}
}

// Roots are the root certificates that Alipay hands out as alipayRootCert.crt.
type Roots struct {
	// SN is the value of the header alipay-root-cert-sn: the serials, see
	// [CertSN], of the certificates signed with RSA, in the order of the file,
	// joined by _.
	SN string

	pool *x509.CertPool
}

// ParseRoots reads the root certificates in PEM. Certificates that are not signed
// with RSA do not count: the official file begins with one for SM2, which Go
// cannot read. An error names a block that cannot be read, or says that no
// certificate signed with RSA is left.
func ParseRoots(text []byte) (*Roots, error) {
	found, err := decodeCertText(text)
	if err != nil {
		return nil, fmt.Errorf("root certificates %w", err)
	}
	roots := &Roots{pool: x509.NewCertPool()}
	var serials []string
	for i, der := range found {
		if !signedWithRSA(der) {
			continue
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("root certificates: number %d of %d cannot be read: %w; give the whole alipayRootCert.crt from the console", i+1, len(found), err)
		}
		roots.pool.AddCert(c)
		serials = append(serials, CertSN(c))
	}
	if len(serials) == 0 {
		return nil, fmt.Errorf("root certificates: none of the %d in the text is signed with RSA: give the whole alipayRootCert.crt from the console", len(found))
	}
	roots.SN = strings.Join(serials, "_")
	return roots, nil
}

// signedWithRSA applies the platform's rule: an algorithm of the family
// 1.2.840.113549.1.1, whether or not crypto/x509 knows it.
func signedWithRSA(der []byte) bool {
	var outer outerCertificate
	_, err := asn1.Unmarshal(der, &outer)
	return err == nil && strings.HasPrefix(outer.Algorithm.Algorithm.String(), "1.2.840.113549.1.1.")
}

// decodeCertText returns the certificates of a text, at least one, or an error
// that goes on after words such as "certificate".
func decodeCertText(text []byte) ([][]byte, error) {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	switch {
	case len(text) == 0:
		return nil, errors.New("text is empty: give the content of the .crt file")
	case len(text) > maxCertText:
		return nil, errors.New("text is longer than 256 KiB: this is not a certificate file")
	}
	blocks, err := signing.DecodePEM(text)
	switch {
	case bytes.Contains(text, []byte("PRIVATE KEY-----")):
		return nil, errors.New("text holds a private key, which must stay with its owner: give the certificate alone")
	case err != nil:
		return nil, fmt.Errorf("text %w; give the whole .crt file from the console", err)
	case len(blocks) == 0:
		return decodeBareCert(text)
	}
	var found [][]byte
	for i, block := range blocks {
		if block.Type != "CERTIFICATE" && block.Type != "X509 CERTIFICATE" {
			continue
		}
		if !isCertificate(block.Bytes) {
			return nil, fmt.Errorf("text has a PEM block %d (%s) that is no whole certificate: it was cut off or changed; give the whole .crt file from the console", i+1, block.Type)
		}
		found = append(found, block.Bytes)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("text has no CERTIFICATE block: its PEM block 1 is a %.32s", blocks[0].Type)
	}
	return found, nil
}

// decodeBareCert reads a certificate that has no BEGIN and END lines.
func decodeBareCert(text []byte) ([][]byte, error) {
	der, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
	switch {
	case err != nil:
		return nil, errors.New("text is neither PEM nor base64: give the content of the .crt file, not its name; convert a binary (DER) file with: openssl x509 -inform DER -in cert.cer -out cert.crt")
	case bytes.HasPrefix(der, []byte("-----BEGIN")):
		return nil, errors.New("text is a PEM text encoded in base64 once more: decode it first with: base64 -d")
	case !isCertificate(der):
		return nil, errors.New("text is base64 of no whole certificate: it was cut off, or is something else; give the whole .crt file from the console")
	}
	return [][]byte{der}, nil
}

// outerCertificate is what every X.509 certificate is, whatever its algorithms.
type outerCertificate struct {
	Signed    asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

func isCertificate(der []byte) bool {
	var outer outerCertificate
	rest, err := asn1.Unmarshal(der, &outer)
	return err == nil && len(rest) == 0
}
