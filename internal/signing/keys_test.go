package signing_test

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

const (
	howToMakePrivate = "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem"
	howToMakePublic  = "openssl pkey -in private.pem -pubout -out public.pem"
)

func TestParsePrivateKeyAccepts(t *testing.T) {
	m := newMaterial(t)
	other := pemText("PRIVATE KEY", m.pkcs8(m.other))
	for name, text := range map[string]string{
		"PKCS#8 PEM":                      m.privatePEM,
		"PKCS#1 PEM":                      pemText("RSA PRIVATE KEY", m.pkcs1),
		"a PEM label that does not fit":   pemText("RSA PRIVATE KEY", m.pkcs8(m.key)),
		"bare base64 of PKCS#8":           base64.StdEncoding.EncodeToString(m.pkcs8(m.key)),
		"bare base64 of PKCS#1":           base64.StdEncoding.EncodeToString(m.pkcs1),
		"bare base64 with line breaks":    strings.ReplaceAll(pemBody(m.privatePEM), "\n", "\r\n"),
		"bare base64 with indented lines": "  " + strings.ReplaceAll(pemBody(m.privatePEM), "\n", "\n\t  "),
		"Windows line ends":               strings.ReplaceAll(m.privatePEM, "\n", "\r\n"),
		"a byte order mark":               "\ufeff" + m.privatePEM,
		"indented PEM":                    "key: |\n\t  " + strings.ReplaceAll(m.privatePEM, "\n", "\n\t  "),
		"PEM on one line":                 strings.ReplaceAll(m.privatePEM, "\n", " "),
		"words around the block":          "Bag Attributes\n    friendlyName: x\n" + m.privatePEM + "\nthe end",
		"a certificate first":             m.certificatePEM + m.privatePEM,
		"a public key first":              m.publicPEM + m.privatePEM,
		"two private keys":                m.privatePEM + other,
	} {
		t.Run(name, func(t *testing.T) {
			key, err := signing.ParsePrivateKey([]byte(text))

			require.NoError(t, err)
			require.True(t, m.key.Equal(key))
			require.NotNil(t, key.Precomputed.Dp)
		})
	}
}

// refusal is a text that is no key of the kind, and what is said of it.
type refusal struct {
	text string
	says []string
}

// requireRefusals requires that each error begins with the kind of the key, and holds nothing of a key.
func requireRefusals[K any](t *testing.T, kind string, parse func([]byte) (*K, error), cases map[string]refusal) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			key, err := parse([]byte(c.text))

			require.Nil(t, key)
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), kind), err.Error())
			for _, words := range c.says {
				require.ErrorContains(t, err, words)
			}
			requireShortLine(t, err)
			requireNoKeyMaterial(t, c.text, err)
		})
	}
}

func TestParsePrivateKeyRefuses(t *testing.T) {
	m := newMaterial(t)
	requireRefusals(t, "private key ", signing.ParsePrivateKey, map[string]refusal{
		"nothing":                     {"", []string{"is empty", howToMakePrivate}},
		"only spaces":                 {" \r\n\t", []string{"is empty", howToMakePrivate}},
		"something huge":              {strings.Repeat("A", 64<<10+1), []string{"longer than 64 KiB"}},
		"binary DER":                  {string(m.pkcs1), []string{"is not text", "openssl pkey -inform DER"}},
		"a file name":                 {"/etc/alipayplus/private-key.pem", []string{"neither PEM nor base64", "contents of the key file", "not its name"}},
		"base64 cut off":              {pemBody(m.privatePEM)[:1001], []string{"neither PEM nor base64", "whole"}},
		"base64 cut off between four": {strings.Join(strings.Fields(pemBody(m.privatePEM)), "")[:1000], []string{"cannot be read", "cut off", howToMakePrivate}},
		"base64 of something else":    {"aGVsbG8gd29ybGQh", []string{"something that cannot be read", howToMakePrivate}},
		"PEM encoded once more":       {base64.StdEncoding.EncodeToString([]byte(m.privatePEM)), []string{"base64 once more", "base64 -d"}},
		"PEM without its end":         {m.privatePEM[:1000], []string{"has no END line for its PEM block 1 (PRIVATE KEY)", "cut off"}},
		"a block that was cut off":    {m.privatePEM + m.privatePEM[:1000], []string{"has no END line for its PEM block 2 (PRIVATE KEY)"}},
		`PEM with \n in two letters`:  {strings.ReplaceAll(m.privatePEM, "\n", `\n`), []string{"PEM block 1 (PRIVATE KEY)", `written as \n`}},
		"a damaged PEM body":          {pemText("PRIVATE KEY", m.pkcs8(m.key)[:900]), []string{"a private key that cannot be read", howToMakePrivate}},
		"a PEM block of no key":       {pemText("DH PARAMETERS", []byte("0")), []string{"something that cannot be read"}},
		"PKCS#8 encrypted":            {m.encryptedPEM, []string{"is an encrypted private key", "openssl pkey -in encrypted.pem -out private.pem"}},
		"PKCS#8 encrypted, no PEM":    {pemBody(m.encryptedPEM), []string{"is an encrypted private key", "decrypt it first"}},
		"encrypted in the older way":  {m.oldEncryptedPEM(), []string{"is an encrypted private key", "decrypt it first"}},
		"OpenSSH":                     {pemText("OPENSSH PRIVATE KEY", []byte("openssh-key-v1\x00")), []string{"OpenSSH", "ssh-keygen -p -m PEM"}},
		"a public key":                {m.publicPEM, []string{"is an RSA public key", "the private key that belongs to it", howToMakePrivate}},
		"a bare public key":           {pemBody(m.publicPEM), []string{"is an RSA public key"}},
		"a PKCS#1 public key":         {pemText("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&m.key.PublicKey)), []string{"is an RSA public key"}},
		"a certificate":               {m.certificatePEM, []string{"is a certificate", "the private key that belongs to it"}},
		"a signing request":           {m.requestPEM, []string{"is a certificate signing request", "the private key that belongs to it"}},
		"an EC key":                   {pemText("PRIVATE KEY", m.pkcs8(m.ec)), []string{"must be an RSA private key", "elliptic curve (EC) private key", howToMakePrivate}},
		"an EC key with parameters":   {m.openSSLEC(t), []string{"elliptic curve (EC) private key", howToMakePrivate}},
		"an X25519 key":               {pemText("PRIVATE KEY", m.x25519(t)), []string{"elliptic curve (EC) private key"}},
		"an Ed25519 key":              {pemText("PRIVATE KEY", m.pkcs8(m.ed)), []string{"Ed25519 private key", howToMakePrivate}},
		"an EC public key":            {pemText("PUBLIC KEY", m.pkix(t, m.ec.Public())), []string{"a public key of another kind"}},
		"first an EC, then an RSA":    {pemText("PRIVATE KEY", m.pkcs8(m.ec)) + m.privatePEM, []string{"elliptic curve (EC) private key"}},
		"RSA with 1024 bits":          {pemText("PRIVATE KEY", m.pkcs8(m.short)), []string{"has 1024 bits, where 2048 to 8192", howToMakePrivate}},
		"RSA with 512 bits":           {m.tinyPEM, []string{"has 512 bits, where 2048 to 8192", howToMakePrivate}},
	})
}

func TestParsePublicKeyAccepts(t *testing.T) {
	m := newMaterial(t)
	pkcs1 := x509.MarshalPKCS1PublicKey(&m.key.PublicKey)
	for name, text := range map[string]string{
		"PKIX PEM":                            m.publicPEM,
		"PKCS#1 PEM":                          pemText("RSA PUBLIC KEY", pkcs1),
		"a certificate":                       m.certificatePEM,
		"bare base64 of PKIX":                 strings.Join(strings.Fields(pemBody(m.publicPEM)), ""),
		"bare base64 of PKCS#1":               base64.StdEncoding.EncodeToString(pkcs1),
		"bare base64 with line breaks":        pemBody(m.publicPEM),
		"bare base64 of a certificate":        pemBody(m.certificatePEM),
		"Windows line ends":                   strings.ReplaceAll(m.publicPEM, "\n", "\r\n"),
		"two public keys":                     m.publicPEM + pemText("PUBLIC KEY", m.pkix(t, m.other.Public())),
		"a PEM label that does not fit":       pemText("RSA PRIVATE KEY", m.pkix(t, m.key.Public())),
		"an EC key first":                     pemText("PUBLIC KEY", m.pkix(t, m.ec.Public())) + m.publicPEM,
		"a certificate signing request first": m.requestPEM + m.publicPEM,
	} {
		t.Run(name, func(t *testing.T) {
			key, err := signing.ParsePublicKey([]byte(text))

			require.NoError(t, err)
			require.True(t, m.key.PublicKey.Equal(key))
		})
	}
}

func TestParsePublicKeyRefuses(t *testing.T) {
	m := newMaterial(t)
	requireRefusals(t, "public key ", signing.ParsePublicKey, map[string]refusal{
		"nothing":                   {"", []string{"is empty", howToMakePublic}},
		"something huge":            {strings.Repeat("A", 64<<10+1), []string{"longer than 64 KiB"}},
		"binary DER":                {string(m.pkix(t, m.key.Public())), []string{"is not text"}},
		"a file name":               {"public-key.pem", []string{"neither PEM nor base64", "not its name"}},
		"OpenSSH":                   {"ssh-rsa AAAAB3NzaC1yc2E= me@host", []string{"neither PEM nor base64"}},
		"PEM without its end":       {m.publicPEM[:300], []string{"has no END line"}},
		"PEM encoded once more":     {base64.StdEncoding.EncodeToString([]byte(m.publicPEM)), []string{"base64 once more"}},
		"a damaged PEM body":        {pemText("PUBLIC KEY", m.pkix(t, m.key.Public())[:200]), []string{"something that cannot be read", howToMakePublic}},
		"a private key":             {m.privatePEM, []string{"an RSA private key", "must stay with its owner", howToMakePublic}},
		"a PKCS#1 private key":      {pemText("RSA PRIVATE KEY", m.pkcs1), []string{"an RSA private key", "must stay with its owner"}},
		"a bare private key":        {pemBody(m.privatePEM), []string{"an RSA private key", "must stay with its owner"}},
		"a bare PKCS#1 private key": {base64.StdEncoding.EncodeToString(m.pkcs1), []string{"an RSA private key"}},
		"an encrypted private key":  {m.encryptedPEM, []string{"an encrypted private key", "must stay with its owner"}},
		"a damaged private key":     {pemText("PRIVATE KEY", []byte("0")), []string{"a private key that cannot be read", "must stay with its owner"}},
		"an EC private key":         {pemText("PRIVATE KEY", m.pkcs8(m.ec)), []string{"(EC) private key", "must stay with its owner"}},
		"an X25519 private key":     {pemText("PRIVATE KEY", m.x25519(t)), []string{"(EC) private key", "must stay with its owner"}},
		"an Ed25519 private key":    {pemText("PRIVATE KEY", m.pkcs8(m.ed)), []string{"an Ed25519 private key", "must stay with its owner"}},
		"an OpenSSH private key":    {pemText("OPENSSH PRIVATE KEY", []byte("openssh-key-v1\x00")), []string{"OpenSSH", "must stay with its owner"}},
		"a private key at the end":  {m.publicPEM + m.privatePEM, []string{"an RSA private key", "must stay with its owner"}},
		"an EC key":                 {pemText("PUBLIC KEY", m.pkix(t, m.ec.Public())), []string{"must be an RSA public key", "another kind"}},
		"an Ed25519 key":            {pemText("PUBLIC KEY", m.pkix(t, m.ed.Public())), []string{"must be an RSA public key", "another kind"}},
		"an EC certificate":         {pemText("CERTIFICATE", certificate(t, m.ec)), []string{"a certificate for a key of type ECDSA"}},
		"a signing request":         {m.requestPEM, []string{"a certificate signing request"}},
		"RSA with 1024 bits":        {pemText("PUBLIC KEY", m.pkix(t, m.short.Public())), []string{"has 1024 bits, where 2048 to 8192", howToMakePublic}},
	})
}

func TestCheckSigner(t *testing.T) {
	m := newMaterial(t)

	t.Run("takes any signer with an RSA key", func(t *testing.T) {
		for _, s := range []crypto.Signer{m.key, remoteSigner{key: m.key}, &remoteSigner{key: m.key}} {
			key, err := signing.CheckSigner(s)
			require.NoError(t, err)
			require.True(t, m.key.PublicKey.Equal(key))
		}
	})

	for name, c := range map[string]struct {
		signer crypto.Signer
		says   string
	}{
		"nil":                 {nil, "signer is nil"},
		"a nil private key":   {(*rsa.PrivateKey)(nil), "signer is nil"},
		"a nil remote signer": {(*remoteSigner)(nil), "signer is nil"},
		"no public key":       {publicOnly{nil}, "signer of type signing_test.publicOnly has no public key"},
		"a nil public key":    {publicOnly{(*rsa.PublicKey)(nil)}, "has no public key"},
		"an empty public key": {publicOnly{new(rsa.PublicKey)}, "has no RSA modulus"},
		"an EC key":           {m.ec, "signer of type *ecdsa.PrivateKey must hold an RSA key, but its public key is of type *ecdsa.PublicKey"},
		"an Ed25519 key":      {m.ed, "its public key is of type ed25519.PublicKey"},
		"a public key value":  {publicOnly{m.key.PublicKey}, "its public key is of type rsa.PublicKey"},
		"RSA with 1024 bits":  {m.short, "has 1024 bits, where 2048 to 8192"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			key, err := signing.CheckSigner(c.signer)

			require.Nil(t, key)
			require.ErrorContains(t, err, c.says)
			requireShortLine(t, err)
		})
	}
}

func TestCheckPublicKey(t *testing.T) {
	m := newMaterial(t)
	n := m.key.N

	for name, c := range map[string]struct {
		key  crypto.PublicKey
		says string // "" when accepted
	}{
		"a good key":         {&m.key.PublicKey, ""},
		"2048 bits":          {&rsa.PublicKey{N: odd(2048), E: 65537}, ""},
		"8192 bits":          {&rsa.PublicKey{N: odd(8192), E: 65537}, ""},
		"exponent 3":         {&rsa.PublicKey{N: n, E: 3}, ""},
		"nil":                {nil, "public key is nil"},
		"a nil pointer":      {(*rsa.PublicKey)(nil), "public key is nil"},
		"no modulus":         {&rsa.PublicKey{E: 65537}, "has no RSA modulus"},
		"modulus zero":       {&rsa.PublicKey{N: new(big.Int), E: 65537}, "has no RSA modulus"},
		"a negative modulus": {&rsa.PublicKey{N: new(big.Int).Neg(n), E: 65537}, "has no RSA modulus"},
		"2047 bits":          {&rsa.PublicKey{N: odd(2047), E: 65537}, "has 2047 bits, where 2048 to 8192 are accepted"},
		"8193 bits":          {&rsa.PublicKey{N: odd(8193), E: 65537}, "has 8193 bits"},
		"an even modulus":    {&rsa.PublicKey{N: new(big.Int).Add(n, big.NewInt(1)), E: 65537}, "no key can have"},
		"exponent 1":         {&rsa.PublicKey{N: n, E: 1}, "no key can have"},
		"an even exponent":   {&rsa.PublicKey{N: n, E: 65536}, "no key can have"},
		"a huge exponent":    {&rsa.PublicKey{N: n, E: 1<<31 + 1}, "no key can have"},
		"a private key":      {m.key, "must be an *rsa.PublicKey, not a value of type *rsa.PrivateKey"},
		"a value":            {m.key.PublicKey, "not a value of type rsa.PublicKey"},
		"an EC key":          {m.ec.Public(), "not a value of type *ecdsa.PublicKey"},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := signing.CheckPublicKey(c.key)

			if c.says == "" {
				require.NoError(t, err)
				require.Same(t, c.key, key)
				return
			}
			require.Nil(t, key)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, howToMakePublic)
			requireShortLine(t, err)
		})
	}
}

func FuzzParsePrivateKey(f *testing.F) {
	addKeySeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		key, err := signing.ParsePrivateKey(data)
		require.Equal(t, before, data)
		if err != nil {
			require.Nil(t, key)
			requireShortLine(t, err)
			requireNoKeyMaterial(t, string(data), err)
			return
		}
		_, err = signing.CheckSigner(key)
		require.NoError(t, err)
		require.NoError(t, key.Validate())
	})
}

func FuzzParsePublicKey(f *testing.F) {
	addKeySeeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		key, err := signing.ParsePublicKey(data)
		require.Equal(t, before, data)
		if err != nil {
			require.Nil(t, key)
			requireShortLine(t, err)
			requireNoKeyMaterial(t, string(data), err)
			return
		}
		_, err = signing.CheckPublicKey(key)
		require.NoError(t, err)
		require.ErrorIs(t, signing.Verify(key, make([]byte, 32), make([]byte, key.Size())), signing.ErrMismatch)
	})
}

func addKeySeeds(f *testing.F) {
	m := newMaterial(f)
	for _, text := range []string{
		m.privatePEM, m.publicPEM, m.certificatePEM, m.requestPEM, m.encryptedPEM, m.tinyPEM, m.oldEncryptedPEM(),
		pemBody(m.privatePEM), pemBody(m.publicPEM), pemText("RSA PRIVATE KEY", m.pkcs1), m.certificatePEM + m.privatePEM,
		m.privatePEM[:500], "", "\ufeff", "-----BEGIN", "MIIB",
	} {
		f.Add([]byte(text))
	}
}

// material is every sort of key that people hand in. All of it is TEST-ONLY.
type material struct {
	key, other *rsa.PrivateKey // 2048 bits
	short      *rsa.PrivateKey // 1024 bits
	ec         *ecdsa.PrivateKey
	ed         ed25519.PrivateKey

	pkcs1                                 []byte
	privatePEM, publicPEM                 string
	certificatePEM, requestPEM            string
	encryptedPEM /* of PKCS#8 */, tinyPEM string
}

func newMaterial(tb testing.TB) material {
	tb.Helper()
	v := loadVectors(tb, vectorFiles[0])
	m := material{
		key: v.private(tb, "1"), privatePEM: v.Keys.ByVersion["1"].Private, publicPEM: v.Keys.ByVersion["1"].Public,
		other: v.private(tb, "2"), encryptedPEM: fixture(tb, "TEST-ONLY-rsa-encrypted-pkcs8.pem"), tinyPEM: fixture(tb, "TEST-ONLY-rsa-512.pem"),
	}
	var err error
	m.short, err = rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(tb, err)
	m.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	_, m.ed, err = ed25519.GenerateKey(rand.Reader)
	require.NoError(tb, err)
	request, err := x509.CreateCertificateRequest(rand.Reader, new(x509.CertificateRequest), m.key)
	require.NoError(tb, err)
	m.pkcs1 = x509.MarshalPKCS1PrivateKey(m.key)
	m.requestPEM = pemText("CERTIFICATE REQUEST", request)
	m.certificatePEM = pemText("CERTIFICATE", certificate(tb, m.key))
	return m
}

func (m material) pkcs8(key crypto.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return der
}

func (m material) pkix(tb testing.TB, key crypto.PublicKey) []byte {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(tb, err)
	return der
}

// openSSLEC is what "openssl ecparam -genkey" writes.
func (m material) openSSLEC(tb testing.TB) string {
	tb.Helper()
	der, err := x509.MarshalECPrivateKey(m.ec)
	require.NoError(tb, err)
	return pemText("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}) + pemText("EC PRIVATE KEY", der)
}

func (m material) x25519(tb testing.TB) []byte {
	tb.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(tb, err)
	return m.pkcs8(key)
}

// oldEncryptedPEM has the headers of RFC 1421; its bytes stay unread.
func (m material) oldEncryptedPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{
		Type:    "RSA PRIVATE KEY",
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00112233445566778899AABBCCDDEEFF"},
		Bytes:   m.pkcs1,
	}))
}

func certificate(tb testing.TB, key crypto.Signer) []byte {
	tb.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(tb, err)
	return der
}

func fixture(tb testing.TB, name string) string {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(tb, err)
	return string(data)
}

func pemText(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// pemBody is the base64 between the first BEGIN line and its END line.
func pemBody(text string) string {
	_, text, _ = strings.Cut(text, "-----BEGIN ")
	_, text, _ = strings.Cut(text, "-----\n")
	text, _, _ = strings.Cut(text, "\n-----END")
	return text
}

// odd returns an odd number of that many bits.
func odd(bits int) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return n.SetBit(n, 0, 1)
}

var base64Run = regexp.MustCompile(`[A-Za-z0-9+/]{12,}`)

// requireNoKeyMaterial looks for any 12 characters in a row from the base64 of
// the input. The lines around PEM blocks are no secret.
func requireNoKeyMaterial(t *testing.T, input string, err error) {
	t.Helper()
	for line := range strings.Lines(input) {
		if strings.Contains(line, "-----") {
			continue
		}
		for _, run := range base64Run.FindAllString(line, -1) {
			for i := range len(run) - 11 {
				if strings.Contains(err.Error(), run[i:i+12]) {
					require.Fail(t, "the error repeats the input", "%q in %q", run[i:i+12], err)
				}
			}
		}
	}
}

// publicOnly is a signer of which only Public is ever asked.
type publicOnly struct{ key crypto.PublicKey }

func (s publicOnly) Public() crypto.PublicKey { return s.key }

func (s publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	panic("CheckSigner must not sign")
}

func TestPublicKeyPEMIsReadAgain(t *testing.T) {
	key := &loadVectors(t, vectorFiles[0]).private(t, "1").PublicKey
	got, err := signing.ParsePublicKey(signing.PublicKeyPEM(key))
	require.NoError(t, err)
	require.Equal(t, key, got)
}
