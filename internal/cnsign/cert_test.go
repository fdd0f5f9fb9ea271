package cnsign_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/cnsign"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

var (
	inForce  = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	serialRE = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

func TestCertSNVectors(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	require.Len(t, v.Certificates, 9)
	require.Len(t, v.Edge, 5)
	for _, c := range append(v.Certificates, v.Edge...) {
		t.Run(c.Name, func(t *testing.T) {
			block, _ := pem.Decode([]byte(c.PEM))
			leaf, err := x509.ParseCertificate(block.Bytes)
			require.NoError(t, err)
			require.Equal(t, c.SN, cnsign.CertSN(leaf))

			got, err := cnsign.ParseCertificate([]byte(c.PEM))

			if c.Name == "ecroot" { // its serial counts, but no answer is signed with it
				require.ErrorContains(t, err, "wrong key: public key must be an *rsa.PublicKey, not a value of type *ecdsa.PublicKey")
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.SN, got.SN)
			spki, err := x509.MarshalPKIXPublicKey(got.PublicKey)
			require.NoError(t, err)
			require.Equal(t, c.PublicKey, spki)
		})
	}
}

func TestRootSNVectors(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	require.Len(t, v.Roots, 5)
	for _, c := range v.Roots {
		t.Run(c.Name, func(t *testing.T) {
			roots, err := cnsign.ParseRoots([]byte(c.PEM))

			require.NoError(t, err)
			require.Equal(t, c.Expected, roots.SN)
		})
	}
}

func TestChainVectors(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	require.Len(t, v.Chains, 4)
	for _, c := range v.Chains {
		for _, year := range []int{2021, 2026, 2048} {
			t.Run(c.Leaf, func(t *testing.T) {
				file := []byte(v.pem(t, c.Leaf))
				for _, name := range c.Intermediates {
					file = append(file, v.pem(t, name)...)
				}
				certificate, err := cnsign.ParseCertificate(file)
				require.NoError(t, err)

				err = v.roots(t, c.Roots).Verify(certificate, time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC))

				require.Equal(t, c.Trusted, err == nil, "%v", err)
				if err != nil {
					require.ErrorContains(t, err, "certificate "+certificate.SN+" is not trusted")
					requireOneLine(t, err)
				}
			})
		}
	}
}

func TestVerifyNeedsTheIssuersAndTheRoots(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	whole, err := cnsign.ParseCertificate([]byte(v.pem(t, "alipay_cert_then_intermediate")))
	require.NoError(t, err)
	alone, err := cnsign.ParseCertificate([]byte(v.pem(t, "alipay_cert")))
	require.NoError(t, err)

	require.NoError(t, v.roots(t, "rsa_ec_rsa").Verify(whole, inForce))
	require.ErrorAs(t, v.roots(t, "rsa_ec_rsa").Verify(alone, inForce), new(x509.UnknownAuthorityError))
	require.ErrorAs(t, v.roots(t, "single_root").Verify(whole, inForce), new(x509.UnknownAuthorityError), "another root only")

	var invalid x509.CertificateInvalidError
	require.ErrorAs(t, v.roots(t, "rsa_ec_rsa").Verify(whole, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)), &invalid)
	require.Equal(t, x509.Expired, invalid.Reason)
}

// A chain may go through the ECDSA root, though its serial is in no header.
func TestVerifyTrustsEveryReadableRoot(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	block, _ := pem.Decode([]byte(v.pem(t, "ecroot")))
	ecroot, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	// The root's own key is not in the vectors, so the roots' presence shows in
	// what is reported: a candidate that did not sign.
	leaf := make509(t, &x509.Certificate{SerialNumber: big.NewInt(5), NotAfter: inForce.AddDate(1, 0, 0)}, &x509.Certificate{Subject: ecroot.Subject, SubjectKeyId: ecroot.SubjectKeyId, RawSubject: ecroot.RawSubject}, &testkey.Key().PublicKey)
	certificate, err := cnsign.ParseCertificate(leaf)
	require.NoError(t, err)

	require.ErrorContains(t, v.roots(t, "rsa_ec_rsa").Verify(certificate, inForce), "while trying to verify candidate authority certificate")
	require.NotContains(t, v.roots(t, "single_root").Verify(certificate, inForce).Error(), "candidate")
}

// What a certificate's key may be used for besides is no matter of this API.
func TestVerifyTakesAnyExtendedKeyUsage(t *testing.T) {
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, NotAfter: inForce.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotAfter: inForce.AddDate(1, 0, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	roots, err := cnsign.ParseRoots(make509(t, root, root, &testkey.Key().PublicKey))
	require.NoError(t, err)
	certificate, err := cnsign.ParseCertificate(make509(t, leaf, root, &testkey.Key().PublicKey))
	require.NoError(t, err)

	require.NoError(t, roots.Verify(certificate, inForce))
}

func TestParseCertificateSkipsIssuersItCannotRead(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	sm2, _ := pem.Decode([]byte(v.bundle(t, "with_sm2")))
	text := v.pem(t, "alipay_cert") + string(pem.EncodeToMemory(sm2)) + v.pem(t, "intermediate")

	certificate, err := cnsign.ParseCertificate([]byte(text))

	require.NoError(t, err)
	require.NoError(t, v.roots(t, "rsa_ec_rsa").Verify(certificate, inForce))
}

func TestParseCertificateTakesWhatEditorsLeave(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	text := v.pem(t, "app_cert")
	for name, text := range map[string]string{
		"byte order mark":         "\ufeff" + text,
		"CRLF":                    strings.ReplaceAll(text, "\n", "\r\n"),
		"text before":             "Subject: CN=x\n\n" + text,
		"no line break at end":    strings.TrimSpace(text),
		"public key block before": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n" + text,
	} {
		t.Run(name, func(t *testing.T) {
			certificate, err := cnsign.ParseCertificate([]byte(text))

			require.NoError(t, err)
			require.Equal(t, "6145101a03574b262c8ce09322969484", certificate.SN)
		})
	}
}

func TestParseCertificateRefuses(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	good := v.pem(t, "app_cert")
	block, _ := pem.Decode([]byte(good))
	sm2, _ := pem.Decode([]byte(v.bundle(t, "with_sm2")))
	weak := make509(t, &x509.Certificate{SerialNumber: big.NewInt(5)}, &x509.Certificate{}, &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537})

	for name, c := range map[string]struct{ text, reason string }{
		"nothing":            {" \n", "certificate text is empty"},
		"file name":          {"appCertPublicKey_2021009900000101.crt", "not its name"},
		"DER":                {string(block.Bytes), "openssl x509 -inform DER"},
		"base64 of the PEM":  {base64.StdEncoding.EncodeToString([]byte(good)), "no whole CERTIFICATE block"},
		"cut off":            {good[:len(good)-40], "no whole CERTIFICATE block"},
		"public key":         {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no whole CERTIFICATE block"},
		"private key":        {string(testkey.PEM()), "holds a private key"},
		"private key too":    {good + string(testkey.PEM()), "holds a private key"},
		"damaged":            {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes[:200]})), "cannot be read"},
		"SM2":                {string(pem.EncodeToMemory(sm2)), "of a kind such as SM2"},
		"short key":          {string(weak), "has 1024 bits"},
		"longer than 256 KB": {good + strings.Repeat("x", 256<<10), "longer than 256 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate, err := cnsign.ParseCertificate([]byte(c.text))

			require.ErrorContains(t, err, c.reason)
			require.Nil(t, certificate)
			requireOneLine(t, err)
			require.NotContains(t, err.Error(), "MII")
		})
	}
}

func TestParseRootsRefuses(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	sm2, _ := pem.Decode([]byte(v.bundle(t, "with_sm2")))
	for name, c := range map[string]struct{ text, reason string }{
		"nothing":       {"", "root certificates: text is empty"},
		"private key":   {string(testkey.PEM()), "holds a private key"},
		"only SM2":      {string(pem.EncodeToMemory(sm2)), "none of the 1 in the text"},
		"SM2 and ECDSA": {string(pem.EncodeToMemory(sm2)) + v.pem(t, "ecroot"), "none of the 2 in the text"},
	} {
		t.Run(name, func(t *testing.T) {
			roots, err := cnsign.ParseRoots([]byte(c.text))

			require.ErrorContains(t, err, c.reason)
			require.Nil(t, roots)
			requireOneLine(t, err)
		})
	}
}

// The rule goes by the signature, not by the key: a root with an RSA key that an
// ECDSA key signed would not count. RSA-PSS is of the same family.
func TestRootSNCountsEveryRSASignature(t *testing.T) {
	for name, algorithm := range map[string]x509.SignatureAlgorithm{
		"SHA-1": x509.SHA1WithRSA, "SHA-256": x509.SHA256WithRSA, "SHA-512": x509.SHA512WithRSA, "PSS": x509.SHA256WithRSAPSS,
	} {
		t.Run(name, func(t *testing.T) {
			text := make509(t, &x509.Certificate{SerialNumber: big.NewInt(5), SignatureAlgorithm: algorithm}, &x509.Certificate{}, &testkey.Key().PublicKey)

			roots, err := cnsign.ParseRoots(text)

			require.NoError(t, err)
			require.Regexp(t, serialRE, roots.SN)
		})
	}
}

// Attributes without a short name here show as the number of their type. The
// sum was made by: printf '2.5.4.5=7,CN=a5' | md5sum
func TestCertSNOfOtherAttributes(t *testing.T) {
	text := make509(t, &x509.Certificate{SerialNumber: big.NewInt(5)}, &x509.Certificate{Subject: pkix.Name{CommonName: "a", SerialNumber: "7"}}, &testkey.Key().PublicKey)

	certificate, err := cnsign.ParseCertificate(text)

	require.NoError(t, err)
	require.Equal(t, "34c2eca6f6bd5f36d99894f371ceb6d2", certificate.SN)
}

func TestOpenDownload(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	roots := v.roots(t, "with_sm2")
	whole := v.pem(t, "alipay_cert_then_intermediate")
	const serial = "5e820094e3aaff43881a20f197ec8df0"
	content := base64.StdEncoding.EncodeToString([]byte(whole))

	certificate, err := cnsign.OpenDownload(" "+content+"\n", serial, roots, inForce)

	require.NoError(t, err)
	require.Equal(t, serial, certificate.SN)
	require.True(t, certificate.PublicKey.Equal(public(t, load[responseVectors](t, "v3-response.json").Keys.Public)))

	for name, c := range map[string]struct{ content, serial, reason string }{
		"no base64":           {whole, serial, "downloaded certificate is not standard base64"},
		"no certificate":      {base64.StdEncoding.EncodeToString([]byte("x")), serial, "downloaded certificate text has no whole CERTIFICATE block"},
		"another certificate": {content, strings.Repeat("0", 32), "has the serial " + serial},
		"no serial":           {content, "", "but \"\" was asked for"},
		"not under the roots": {base64.StdEncoding.EncodeToString([]byte(v.pem(t, "alipay_cert_untrusted") + v.pem(t, "intermediate"))), "8022e8b215ffdeacb9f774a8e8e60f21", "is not trusted"},
		"expired":             {base64.StdEncoding.EncodeToString([]byte(v.pem(t, "alipay_cert_expired") + v.pem(t, "intermediate"))), "e0b187e650bcafc0083825ea3d8bdac9", "has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate, err := cnsign.OpenDownload(c.content, c.serial, roots, inForce)

			require.ErrorContains(t, err, c.reason)
			require.Nil(t, certificate)
			requireOneLine(t, err)
		})
	}
}

func FuzzParseCertificate(f *testing.F) {
	v := load[certVectors](f, "cert.json")
	roots := v.roots(f, "rsa_ec_rsa")
	for _, c := range append(v.Certificates, v.Edge...) {
		f.Add([]byte(c.PEM))
		f.Add(der(c.PEM))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// Few mutations of PEM are still base64 of anything, so DER goes in as well.
		for _, text := range [][]byte{data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: data})} {
			certificate, err := cnsign.ParseCertificate(text)
			if err != nil {
				requireOneLine(t, err)
				require.Nil(t, certificate)
				continue
			}
			require.Regexp(t, serialRE, certificate.SN)
			require.GreaterOrEqual(t, certificate.PublicKey.N.BitLen(), signing.MinBits)
			if err := roots.Verify(certificate, inForce); err != nil {
				requireOneLine(t, err)
			}
		}
	})
}

func FuzzParseRoots(f *testing.F) {
	v := load[certVectors](f, "cert.json")
	for _, c := range v.Roots {
		f.Add([]byte(c.PEM), 0)
		f.Add(der(c.PEM), 1)
	}
	root1 := v.pem(f, "root1")
	f.Fuzz(func(t *testing.T, data []byte, copies int) {
		if roots, err := cnsign.ParseRoots(data); err != nil {
			requireOneLine(t, err)
		} else {
			for serial := range strings.SplitSeq(roots.SN, "_") {
				require.Regexp(t, serialRE, serial)
			}
		}
		// Whatever else is in the file, a readable root is found.
		other := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: data})
		text := append(bytes.Repeat(other, min(max(copies, 0), 2)), root1...)
		if len(text) < 200<<10 {
			roots, err := cnsign.ParseRoots(text)
			require.NoError(t, err)
			require.True(t, strings.HasSuffix(roots.SN, "25689109c272e210e04546e589b48c3b"))
		}
	})
}

// make509 returns a certificate in PEM, signed with the test key in the name of
// the issuer.
func make509(tb testing.TB, template, issuer *x509.Certificate, key crypto.PublicKey) []byte {
	tb.Helper()
	data, err := x509.CreateCertificate(rand.Reader, template, issuer, key, testkey.Key())
	require.NoError(tb, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: data})
}

func der(text string) []byte {
	block, _ := pem.Decode([]byte(text))
	return block.Bytes
}

func (v certVectors) pem(tb testing.TB, name string) string {
	tb.Helper()
	for _, c := range v.Certificates {
		if c.Name == name {
			return c.PEM
		}
	}
	require.Fail(tb, "no such certificate", name)
	return ""
}

func (v certVectors) bundle(tb testing.TB, name string) string {
	tb.Helper()
	for _, c := range v.Roots {
		if c.Name == name {
			return c.PEM
		}
	}
	require.Fail(tb, "no such bundle", name)
	return ""
}

func (v certVectors) roots(tb testing.TB, name string) *cnsign.Roots {
	tb.Helper()
	roots, err := cnsign.ParseRoots([]byte(v.bundle(tb, name)))
	require.NoError(tb, err)
	return roots
}
