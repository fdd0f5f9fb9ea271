package cnwire_test

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

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

var serialRE = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestCertSNVectors(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	require.Len(t, v.Certificates, 9)
	require.Len(t, v.Edge, 5)
	for _, c := range append(v.Certificates, v.Edge...) {
		t.Run(c.Name, func(t *testing.T) {
			block, _ := pem.Decode([]byte(c.PEM))
			leaf, err := x509.ParseCertificate(block.Bytes)
			require.NoError(t, err)
			require.Equal(t, c.SN, cnwire.CertSN(leaf))

			got, err := cnwire.ParseCertificate([]byte(c.PEM))

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
			roots, err := cnwire.ParseRoots([]byte(c.PEM))

			require.NoError(t, err)
			require.Equal(t, c.Expected, roots.SN)
		})
	}
}

func TestParseCertificateSkipsIssuersItCannotRead(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	sm2, _ := pem.Decode([]byte(v.bundle(t, "with_sm2")))
	text := v.pem(t, "alipay_cert") + string(pem.EncodeToMemory(sm2)) + v.pem(t, "intermediate")

	certificate, err := cnwire.ParseCertificate([]byte(text))

	require.NoError(t, err)
	alone, err := cnwire.ParseCertificate([]byte(v.pem(t, "alipay_cert")))
	require.NoError(t, err)
	require.Equal(t, alone.SN, certificate.SN)
	require.Equal(t, alone.PublicKey, certificate.PublicKey)
}

func TestParseCertificateTakesWhatEditorsLeave(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	text := v.pem(t, "app_cert")
	bare := strings.TrimSpace(text)
	for name, text := range map[string]string{
		"as long as it may be":    strings.Repeat("x", 256<<10-len(bare)-1) + "\n" + bare,
		"byte order mark":         "\ufeff" + text,
		"CRLF":                    strings.ReplaceAll(text, "\n", "\r\n"),
		"text before":             "Subject: CN=x\n\n" + text,
		"no line break at end":    bare,
		"public key block before": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n" + text,
	} {
		t.Run(name, func(t *testing.T) {
			certificate, err := cnwire.ParseCertificate([]byte(text))

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
		"base64 of the PEM":  {base64.StdEncoding.EncodeToString([]byte(good)), "base64 once more"},
		"cut off":            {good[:len(good)-40], "has no END line for its PEM block 1 (CERTIFICATE)"},
		"public key":         {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "its PEM block 1 is a PUBLIC KEY"},
		"private key":        {string(testkey.PEM()), "holds a private key"},
		"private key too":    {good + string(testkey.PEM()), "holds a private key"},
		"damaged":            {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes[:200]})), "is no whole certificate"},
		"SM2":                {string(pem.EncodeToMemory(sm2)), "of a kind such as SM2"},
		"short key":          {string(weak), "has 1024 bits"},
		"longer than 256 KB": {strings.Repeat("x", 256<<10-len(strings.TrimSpace(good))) + "\n" + good, "longer than 256 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate, err := cnwire.ParseCertificate([]byte(c.text))

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
		"nothing":       {"", "root certificates text is empty"},
		"private key":   {string(testkey.PEM()), "holds a private key"},
		"only SM2":      {string(pem.EncodeToMemory(sm2)), "none of the 1 in the text"},
		"SM2 and ECDSA": {string(pem.EncodeToMemory(sm2)) + v.pem(t, "ecroot"), "none of the 2 in the text"},
	} {
		t.Run(name, func(t *testing.T) {
			roots, err := cnwire.ParseRoots([]byte(c.text))

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

			roots, err := cnwire.ParseRoots(text)

			require.NoError(t, err)
			require.Regexp(t, serialRE, roots.SN)
		})
	}
}

// Attributes without a short name here show as the number of their type. The
// sum was made by: printf '2.5.4.5=7,CN=a5' | md5sum
func TestCertSNOfOtherAttributes(t *testing.T) {
	text := make509(t, &x509.Certificate{SerialNumber: big.NewInt(5)}, &x509.Certificate{Subject: pkix.Name{CommonName: "a", SerialNumber: "7"}}, &testkey.Key().PublicKey)

	certificate, err := cnwire.ParseCertificate(text)

	require.NoError(t, err)
	require.Equal(t, "34c2eca6f6bd5f36d99894f371ceb6d2", certificate.SN)
}

// A file that lost something gives an error that names the block, never fewer
// serials.
func TestABlockThatBeginsIsReadOrNamed(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	root1, root2 := v.pem(t, "root1"), v.pem(t, "root2")
	both, err := cnwire.ParseRoots([]byte(root1 + root2))
	require.NoError(t, err)
	indent := func(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }
	for name, c := range map[string]struct{ damaged, says string }{
		"cut off":                       {root2[:len(root2)/2], "has no END line for its PEM block 2 (CERTIFICATE)"},
		"cut off in the END line":       {strings.TrimRight(root2, "-\n"), "damaged END line at its PEM block 2 (CERTIFICATE)"},
		"no END line":                   {strings.Replace(root2, "-----END CERTIFICATE-----", "", 1), "has no END line for its PEM block 2"},
		"no BEGIN line":                 {strings.Replace(root2, "-----BEGIN CERTIFICATE-----", "", 1), "has no BEGIN line for its PEM block 2"},
		"END of another type":           {strings.Replace(root2, "END CERTIFICATE", "END PUBLIC KEY", 1), `says "PUBLIC KEY" for its PEM block 2 (CERTIFICATE)`},
		"BEGIN of another type":         {strings.Replace(root2, "BEGIN CERTIFICATE", "BEGIN PUBLIC KEY", 1), `says "CERTIFICATE" for its PEM block 2 (PUBLIC KEY)`},
		"base64 cut":                    {strings.Replace(root2, "\n-----END", "x\n-----END", 1), "PEM block 2 (CERTIFICATE) whose content is no base64"},
		"a line lost":                   {withoutLine(root2, 3), "PEM block 2 (CERTIFICATE) that is no whole certificate"},
		"a hyphen of BEGIN lost":        {root2[1:], "damaged BEGIN or END line at its PEM block 2"},
		"a hyphen of END lost":          {strings.Replace(root2, "-----END", "----END", 1), "damaged END line at its PEM block 2"},
		"small letters":                 {strings.ToLower(root2), "damaged BEGIN or END line"},
		`line breaks written as \n`:     {strings.ReplaceAll(root2, "\n", `\n`), `written as \n`},
		"nothing between BEGIN and END": {"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "PEM block 2 (CERTIFICATE)"},
	} {
		for surrounding, around := range map[string]func(string) string{
			"nothing": strings.Clone,
			"text":    func(text string) string { return "subject=CN = x\n\n" + text + "the end\n" },
			"CRLF":    func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") },
			"BOM":     func(text string) string { return "\ufeff" + text },
			"indent":  indent,
		} {
			t.Run(name+" in "+surrounding, func(t *testing.T) {
				text := []byte(around(root1 + c.damaged))

				_, err := cnwire.ParseRoots(text)
				require.ErrorContains(t, err, "root certificates")
				require.ErrorContains(t, err, c.says)
				requireOneLine(t, err)
				require.NotContains(t, err.Error(), "MII")

				_, err = cnwire.ParseCertificate(text)
				require.ErrorContains(t, err, c.says)
			})
		}
	}
	for name, text := range map[string]string{
		"indented":                root1 + indent(root2),
		"indented by tabs":        strings.ReplaceAll(root1+root2, "\n", "\r\n\t"),
		"no line break between":   strings.TrimSpace(root1) + root2,
		"on one line":             strings.ReplaceAll(root1+root2, "\n", " "),
		"a byte order mark twice": "\ufeff" + root1 + "\ufeff" + root2,
		"as a value":              `roots: "` + strings.TrimSpace(root1) + `"` + "\n" + root2,
	} {
		t.Run(name, func(t *testing.T) {
			roots, err := cnwire.ParseRoots([]byte(text))
			require.NoError(t, err)
			require.Equal(t, both.SN, roots.SN)
		})
	}
	t.Run("cut anywhere", func(t *testing.T) {
		for n := range len(root2) {
			roots, err := cnwire.ParseRoots([]byte(root1 + root2[:n]))
			if err == nil && n > len("-----BEGI") && n < len(root2)-1 {
				require.Equal(t, both.SN, roots.SN, "cut at %d", n)
			}
		}
	})
}

// withoutLine leaves a line out.
func withoutLine(text string, line int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(append(lines[:line:line], lines[line+1:]...), "\n")
}

func TestBareBase64IsACertificateToo(t *testing.T) {
	v := load[certVectors](t, "cert.json")
	text := v.pem(t, "app_cert")
	bare := strings.ReplaceAll(strings.TrimSpace(text[len("-----BEGIN CERTIFICATE-----"):]), "-----END CERTIFICATE-----", "")
	for name, text := range map[string]string{
		"with line breaks": bare,
		"on one line":      strings.Join(strings.Fields(bare), ""),
		"indented":         "\t" + strings.ReplaceAll(bare, "\n", "\r\n\t"),
	} {
		t.Run(name, func(t *testing.T) {
			certificate, err := cnwire.ParseCertificate([]byte(text))
			require.NoError(t, err)
			require.Equal(t, "6145101a03574b262c8ce09322969484", certificate.SN)
		})
	}
	_, err := cnwire.ParseCertificate([]byte(strings.Join(strings.Fields(bare), "")[:1000]))
	require.ErrorContains(t, err, "base64 of no whole certificate")
}

func FuzzParseCertificate(f *testing.F) {
	v := load[certVectors](f, "cert.json")
	for _, c := range append(v.Certificates, v.Edge...) {
		f.Add([]byte(c.PEM))
		f.Add(der(c.PEM))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		// Few mutations of PEM are still base64 of anything, so DER goes in as well.
		for _, text := range [][]byte{data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: data})} {
			certificate, err := cnwire.ParseCertificate(text)
			if err != nil {
				requireOneLine(t, err)
				require.Nil(t, certificate)
				continue
			}
			require.Regexp(t, serialRE, certificate.SN)
			require.GreaterOrEqual(t, certificate.PublicKey.N.BitLen(), signing.MinBits)
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
		if roots, err := cnwire.ParseRoots(data); err != nil {
			requireOneLine(t, err)
		} else {
			for serial := range strings.SplitSeq(roots.SN, "_") {
				require.Regexp(t, serialRE, serial)
			}
		}
		// Whatever else is in the file, a readable root is found, or the error says
		// what cannot be read.
		other := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: data})
		text := append(bytes.Repeat(other, min(max(copies, 0), 2)), root1...)
		if len(text) > 200<<10 {
			return
		}
		roots, err := cnwire.ParseRoots(text)
		if err != nil {
			requireOneLine(t, err)
			return
		}
		require.True(t, strings.HasSuffix(roots.SN, "25689109c272e210e04546e589b48c3b"))
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
