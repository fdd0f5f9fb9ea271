package cnsign

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Roots are the root certificates that Alipay hands out as alipayRootCert.crt.
type Roots struct {
	// SN is the value of the header alipay-root-cert-sn: the serials, see
	// [CertSN], of the certificates signed with RSA, in the order of the file,
	// joined by _.
	SN string

	pool *x509.CertPool
}

// ParseRoots reads the root certificates in PEM. Certificates that cannot be
// read are skipped: the official file begins with one for SM2, which Go does not
// know. An error says that no certificate signed with RSA is left.
func ParseRoots(text []byte) (*Roots, error) {
	blocks, err := decodeCertText(text)
	if err != nil {
		return nil, fmt.Errorf("root certificates: %w", err)
	}
	roots := &Roots{pool: x509.NewCertPool()}
	var serials []string
	for _, der := range blocks {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			continue
		}
		roots.pool.AddCert(c)
		if signedWithRSA(c) {
			serials = append(serials, CertSN(c))
		}
	}
	if len(serials) == 0 {
		return nil, fmt.Errorf("root certificates: none of the %d in the text is readable and signed with RSA: give the whole alipayRootCert.crt from the console", len(blocks))
	}
	roots.SN = strings.Join(serials, "_")
	return roots, nil
}

// Verify checks that c was issued under one of the roots, by way of the issuers
// in its file, and that all of the chain is valid at the given time; the zero
// time stands for now. The error wraps that of x509.Certificate.Verify.
//
// The certificates of all apps are issued under the same roots as Alipay's own,
// so a good chain says that the platform issued a certificate, and not to whom.
func (r *Roots) Verify(c *Certificate, at time.Time) error {
	issuers := x509.NewCertPool()
	for _, issuer := range c.issuers {
		issuers.AddCert(issuer)
	}
	_, err := c.leaf.Verify(x509.VerifyOptions{
		Roots:         r.pool,
		Intermediates: issuers,
		CurrentTime:   at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return fmt.Errorf("certificate %s is not trusted: %w; get the current certificates and the root file from the console", c.SN, err)
	}
	return nil
}

// OpenDownload reads the alipay_cert_content that alipay.open.app.alipaycert.download
// answered for the serial sn: a PEM text in base64. That answer is not signed, so
// the certificate must have the serial that was asked for, and a chain that
// [Roots.Verify] accepts at the given time; read there what this does not prove.
func OpenDownload(content, sn string, roots *Roots, at time.Time) (*Certificate, error) {
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(content))
	if err != nil {
		return nil, errors.New("downloaded certificate is not standard base64: download it again")
	}
	c, err := ParseCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("downloaded %w", err)
	}
	if c.SN != sn {
		return nil, fmt.Errorf("downloaded certificate has the serial %s, but %.64q was asked for", c.SN, sn)
	}
	if err := roots.Verify(c, at); err != nil {
		return nil, fmt.Errorf("downloaded %w", err)
	}
	return c, nil
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
