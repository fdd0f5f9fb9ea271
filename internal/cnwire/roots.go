package cnwire

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
)

// Roots are the root certificates that Alipay hands out as alipayRootCert.crt.
type Roots struct {
	// SN is the value of the header alipay-root-cert-sn: the serials, see
	// [CertSN], of the certificates signed with RSA, in the order of the file,
	// joined by _.
	SN string
}

// ParseRoots reads the root certificates in PEM. Certificates that cannot be
// read are skipped: the official file begins with one for SM2, which Go does not
// know. An error says that no certificate signed with RSA is left.
func ParseRoots(text []byte) (*Roots, error) {
	blocks, err := decodeCertText(text)
	if err != nil {
		return nil, fmt.Errorf("root certificates: %w", err)
	}
	var serials []string
	for _, der := range blocks {
		c, err := x509.ParseCertificate(der)
		if err == nil && signedWithRSA(c) {
			serials = append(serials, CertSN(c))
		}
	}
	if len(serials) == 0 {
		return nil, fmt.Errorf("root certificates: none of the %d in the text is readable and signed with RSA: give the whole alipayRootCert.crt from the console", len(blocks))
	}
	return &Roots{SN: strings.Join(serials, "_")}, nil
}

// signedWithRSA applies the platform's rule: an algorithm of the family
// 1.2.840.113549.1.1, whether or not crypto/x509 knows it.
func signedWithRSA(c *x509.Certificate) bool {
	var outer struct {
		Signed    asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	_, err := asn1.Unmarshal(c.Raw, &outer)
	return err == nil && strings.HasPrefix(outer.Algorithm.Algorithm.String(), "1.2.840.113549.1.1.")
}
