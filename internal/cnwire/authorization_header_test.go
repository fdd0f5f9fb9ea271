package cnwire_test

import (
	"cmp"
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

func grayOnline() cnwire.Request {
	return cnwire.Request{
		AppID:        "2021009900000101",
		Nonce:        "1f0c3a52-7d1e-4b8e-9a55-0b6de0a1c001",
		Timestamp:    1767225600000,
		Method:       "POST",
		PathAndQuery: "/v3/alipay/open/mini/version/gray/online",
		Body:         []byte(`{"app_version":"0.0.1","gray_strategy":"p10"}`),
		AppAuthToken: "202611BBsecret",
	}
}

func TestRequestVectors(t *testing.T) {
	v := load[requestVectors](t, "v3-request.json")
	key, publicKey := private(t, v.Keys.Private), public(t, v.Keys.Public)
	require.Len(t, v.Cases, 12)
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			in := c.Input
			expired, err := strconv.Atoi(cmp.Or(in.ExpiredSeconds, "0"))
			require.NoError(t, err)
			body := []byte(in.SignedBody)
			if in.AES != nil {
				aes, err := cnwire.ParseAESKey([]byte(v.Keys.AES))
				require.NoError(t, err)
				body = aes.Encrypt([]byte(in.AES.Plaintext))
			}
			request := cnwire.Request{
				AppID:          in.AppID,
				AppCertSN:      in.AppCertSN,
				Nonce:          in.Nonce,
				Timestamp:      in.Timestamp,
				ExpiredSeconds: expired,
				Method:         in.Method,
				PathAndQuery:   in.PathAndQuery,
				Body:           body,
				AppAuthToken:   in.AppAuthToken,
			}

			header, err := request.Authorization(key)

			require.NoError(t, err)
			require.Equal(t, c.Expected.Authorization, header)
			require.Equal(t, c.Expected.AuthString, request.AuthString())
			require.Equal(t, c.Expected.StringToSign, request.StringToSign())

			// The server's side of it, on what the official SDK sent.
			wire := c.Wire
			if wire.Method == "" { // made by the signing function alone
				wire.Method, wire.Target = in.Method, in.PathAndQuery
				wire.Headers = map[string]string{"authorization": c.Expected.Authorization, "alipay-app-auth-token": in.AppAuthToken}
			}
			a, err := cnwire.ParseAuthorization(wire.Headers["authorization"])
			require.NoError(t, err)
			require.Equal(t, c.Expected.AuthString, a.AuthString)
			require.Equal(t, in.AppID, a.AppID)
			require.Equal(t, in.AppCertSN, a.AppCertSN)
			require.Equal(t, in.Nonce, a.Nonce)
			require.Equal(t, in.Timestamp, a.Timestamp)
			require.Equal(t, expired, a.ExpiredSeconds)
			token := wire.Headers["alipay-app-auth-token"]
			require.NoError(t, cnwire.VerifyRequest(publicKey, a, wire.Method, wire.Target, body, token))
		})
	}
}

// A multipart body without a data part, and no token: nothing of the body is
// signed, and its line stays.
func TestStringToSignWithoutBody(t *testing.T) {
	r := grayOnline()
	r.Body = nil
	r.AppAuthToken = ""

	require.Equal(t, "app_id=2021009900000101,nonce=1f0c3a52-7d1e-4b8e-9a55-0b6de0a1c001,timestamp=1767225600000\n"+
		"POST\n/v3/alipay/open/mini/version/gray/online\n\n", r.StringToSign())
}

func TestAuthorizationNamesTheWrongField(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*cnwire.Request)
		reason string
	}{
		"no app id":                {func(r *cnwire.Request) { r.AppID = "" }, "app id is empty"},
		"app id with comma":        {func(r *cnwire.Request) { r.AppID = "1,nonce" }, "app id may hold"},
		"app id with space":        {func(r *cnwire.Request) { r.AppID = "1 2" }, "app id may hold"},
		"serial with equals sign":  {func(r *cnwire.Request) { r.AppCertSN = "a=b" }, "app certificate serial may hold"},
		"no nonce":                 {func(r *cnwire.Request) { r.Nonce = "" }, "nonce is empty"},
		"nonce with line feed":     {func(r *cnwire.Request) { r.Nonce = "a\nb" }, "nonce may hold"},
		"nonce outside ASCII":      {func(r *cnwire.Request) { r.Nonce = "é" }, "nonce may hold"},
		"no timestamp":             {func(r *cnwire.Request) { r.Timestamp = 0 }, "timestamp is not positive"},
		"negative expiry":          {func(r *cnwire.Request) { r.ExpiredSeconds = -1 }, "expired seconds are negative"},
		"no method":                {func(r *cnwire.Request) { r.Method = "" }, "method is not made of capital letters"},
		"method in lower case":     {func(r *cnwire.Request) { r.Method = "post" }, "method is not made of capital letters"},
		"method with line feed":    {func(r *cnwire.Request) { r.Method = "PO\nST" }, "method is not made of capital letters"},
		"whole URL":                {func(r *cnwire.Request) { r.PathAndQuery = "https://x/v3" }, "path does not begin with a slash"},
		"path not encoded":         {func(r *cnwire.Request) { r.PathAndQuery = "/v3/图" }, "path has a character at position 4"},
		"path with space":          {func(r *cnwire.Request) { r.PathAndQuery = "/v3/a b" }, "path has a character at position 5"},
		"path with delete":         {func(r *cnwire.Request) { r.PathAndQuery = "/v3/\x7f" }, "path has a character at position 4"},
		"token with line feed":     {func(r *cnwire.Request) { r.AppAuthToken = "secret\n" }, "app auth token has a character at position 6"},
		"token with leading space": {func(r *cnwire.Request) { r.AppAuthToken = " secret" }, "app auth token has a character at position 0"},
	} {
		t.Run(name, func(t *testing.T) {
			r := grayOnline()
			c.change(&r)

			header, err := r.Authorization(testkey.Key())

			require.ErrorContains(t, err, c.reason)
			require.Empty(t, header)
			require.NotContains(t, err.Error(), "secret")
			requireOneLine(t, err)
		})
	}
}

func TestAuthorizationGivesTheSignersError(t *testing.T) {
	_, err := grayOnline().Authorization(brokenSigner{testkey.Key()})

	require.ErrorIs(t, err, errStore)
	require.ErrorContains(t, err, "sign request")
}

func TestRequestsOfAnyLengthVerify(t *testing.T) {
	for _, size := range []int{0, 1, 3900, 4096, 100_000} {
		r := grayOnline()
		r.Body = []byte(strings.Repeat("x", size))
		header, err := r.Authorization(testkey.Key())
		require.NoError(t, err)
		a, err := cnwire.ParseAuthorization(header)
		require.NoError(t, err)

		require.NoError(t, cnwire.VerifyRequest(&testkey.Key().PublicKey, a, r.Method, r.PathAndQuery, r.Body, r.AppAuthToken))
		r.Body = append(r.Body, 'x')
		require.ErrorIs(t, cnwire.VerifyRequest(&testkey.Key().PublicKey, a, r.Method, r.PathAndQuery, r.Body, r.AppAuthToken), signing.ErrMismatch)
	}
}

func TestVerifyRequestSeesEveryChange(t *testing.T) {
	sent := grayOnline()
	header, err := sent.Authorization(testkey.Key())
	require.NoError(t, err)

	for name, change := range map[string]func(*cnwire.Request, *cnwire.Authorization){
		"auth string": func(_ *cnwire.Request, a *cnwire.Authorization) { a.AuthString += "0" },
		"signature":   func(_ *cnwire.Request, a *cnwire.Authorization) { a.Signature[7] ^= 1 },
		"short":       func(_ *cnwire.Request, a *cnwire.Authorization) { a.Signature = a.Signature[1:] },
		"method":      func(r *cnwire.Request, _ *cnwire.Authorization) { r.Method = "PUT" },
		"path": func(r *cnwire.Request, _ *cnwire.Authorization) {
			r.PathAndQuery = "/v3/alipay/open/mini/version/online"
		},
		"query": func(r *cnwire.Request, _ *cnwire.Authorization) { r.PathAndQuery += "?x" },
		"body": func(r *cnwire.Request, _ *cnwire.Authorization) {
			r.Body = []byte(`{"app_version":"0.0.1","gray_strategy":"p50"}`)
		},
		"token":    func(r *cnwire.Request, _ *cnwire.Authorization) { r.AppAuthToken = "202611BBother" },
		"no token": func(r *cnwire.Request, _ *cnwire.Authorization) { r.AppAuthToken = "" },
	} {
		t.Run(name, func(t *testing.T) {
			a, err := cnwire.ParseAuthorization(header)
			require.NoError(t, err)
			r := sent
			change(&r, &a)

			err = cnwire.VerifyRequest(&testkey.Key().PublicKey, a, r.Method, r.PathAndQuery, r.Body, r.AppAuthToken)

			require.ErrorIs(t, err, signing.ErrMismatch)
			require.NotContains(t, err.Error(), "202611BB")
		})
	}
}

func TestParseAuthorizationAcceptsAnyOrder(t *testing.T) {
	a, err := cnwire.ParseAuthorization("ALIPAY-SHA256withRSA expired_seconds=600,timestamp=1,app_cert_sn=ab,nonce=n-1,app_id=7,sign=AAA=")

	require.NoError(t, err)
	require.Equal(t, cnwire.Authorization{
		AuthString:     "expired_seconds=600,timestamp=1,app_cert_sn=ab,nonce=n-1,app_id=7",
		AppID:          "7",
		AppCertSN:      "ab",
		Nonce:          "n-1",
		Timestamp:      1,
		ExpiredSeconds: 600,
		Signature:      []byte{0, 0},
	}, a)
}

func TestParseAuthorizationAcceptsFurtherParameters(t *testing.T) {
	a, err := cnwire.ParseAuthorization("ALIPAY-SHA256withRSA app_id=7,x=y,nonce=n-1,timestamp=1,zone=cn,sign=AAA=")

	require.NoError(t, err)
	require.Equal(t, cnwire.Authorization{
		AuthString: "app_id=7,x=y,nonce=n-1,timestamp=1,zone=cn", AppID: "7", Nonce: "n-1", Timestamp: 1, Signature: []byte{0, 0},
	}, a)
}

func TestParseAuthorizationRefuses(t *testing.T) {
	const head = "ALIPAY-SHA256withRSA "
	for name, c := range map[string]struct {
		value  string
		is     error
		reason string
	}{
		"nothing":                 {"", signing.ErrNoSignature, "no Authorization header"},
		"another scheme":          {"ALIPAY-SHA1withRSA app_id=1,nonce=2,timestamp=3,sign=AAAA", signing.ErrAlgorithm, "must begin with"},
		"scheme in lower case":    {"alipay-sha256withrsa app_id=1,nonce=2,timestamp=3,sign=AAAA", signing.ErrAlgorithm, "must begin with"},
		"scheme alone":            {head, signing.ErrNoSignature, "must end in"},
		"no sign":                 {head + "app_id=1,nonce=2,timestamp=3", signing.ErrNoSignature, "must end in"},
		"empty sign":              {head + "app_id=1,nonce=2,timestamp=3,sign=", signing.ErrNoSignature, "is empty"},
		"sign not last":           {head + "app_id=1,nonce=2,timestamp=3,sign=AAAA,expired_seconds=4", signing.ErrEncoding, "not standard base64"},
		"sign twice":              {head + "app_id=1,nonce=2,timestamp=3,sign=AAAA,sign=AAAA", signing.ErrHeader, `"sign" is not a parameter`},
		"sign first":              {head + "sign=AAAA,app_id=1,nonce=2,timestamp=3,sign=AAAA", signing.ErrHeader, `"sign" is not a parameter`},
		"not base64":              {head + "app_id=1,nonce=2,timestamp=3,sign=!", signing.ErrEncoding, "not standard base64"},
		"URL-safe base64":         {head + "app_id=1,nonce=2,timestamp=3,sign=__--", signing.ErrEncoding, "not standard base64"},
		"base64 without padding":  {head + "app_id=1,nonce=2,timestamp=3,sign=AAA", signing.ErrEncoding, "not standard base64"},
		"base64 with stray bits":  {head + "app_id=1,nonce=2,timestamp=3,sign=AAB=", signing.ErrEncoding, "not standard base64"},
		"base64 with line break":  {head + "app_id=1,nonce=2,timestamp=3,sign=AA\nAA", signing.ErrEncoding, "not standard base64"},
		"line break and base64":   {head + "app_id=1,nonce=2,timestamp=3,sign=\nAAAA", signing.ErrEncoding, "not standard base64"},
		"base64 with space":       {head + "app_id=1,nonce=2,timestamp=3,sign=AA AA", signing.ErrEncoding, "decoded once too often"},
		"no app id":               {head + "nonce=2,timestamp=3,sign=AAAA", signing.ErrHeader, "are required"},
		"no nonce":                {head + "app_id=1,timestamp=3,sign=AAAA", signing.ErrHeader, "are required"},
		"no timestamp":            {head + "app_id=1,nonce=2,sign=AAAA", signing.ErrHeader, "are required"},
		"no parameters":           {head + ",sign=AAAA", signing.ErrHeader, `"" is not a parameter`},
		"empty part":              {head + "app_id=1,,nonce=2,timestamp=3,sign=AAAA", signing.ErrHeader, `"" is not a parameter`},
		"empty value":             {head + "app_id=1,app_cert_sn=,nonce=2,timestamp=3,sign=AAAA", signing.ErrHeader, "app_cert_sn is empty"},
		"no equals sign":          {head + "app_id=1,nonce,timestamp=3,sign=AAAA", signing.ErrHeader, "nonce is empty"},
		"further, twice":          {head + "app_id=1,nonce=2,timestamp=3,more=4,more=4,sign=AAAA", signing.ErrHeader, "more is given twice"},
		"further, empty":          {head + "app_id=1,nonce=2,timestamp=3,more=,sign=AAAA", signing.ErrHeader, "more is empty"},
		"further, strange":        {head + "app_id=1,nonce=2,timestamp=3,more=a=b,sign=AAAA", signing.ErrHeader, "more may hold visible ASCII"},
		"further, long":           {head + strings.Repeat("m", 99) + " =4,sign=AAAA", signing.ErrHeader, `"` + strings.Repeat("m", 32) + `" is not a parameter`},
		"further alone":           {head + "more=4,sign=AAAA", signing.ErrHeader, "are required"},
		"space behind comma":      {head + "app_id=1, nonce=2,timestamp=3,sign=AAAA", signing.ErrHeader, `" nonce" is not a parameter`},
		"name in capitals":        {head + "App_Id=1,nonce=2,timestamp=3,sign=AAAA", signing.ErrHeader, "are required"},
		"twice":                   {head + "app_id=1,app_id=1,nonce=2,timestamp=3,sign=AAAA", signing.ErrHeader, "app_id is given twice"},
		"timestamp twice":         {head + "app_id=1,nonce=2,timestamp=3,timestamp=4,sign=AAAA", signing.ErrHeader, "timestamp is given twice"},
		"value with equals sign":  {head + "app_id=1=2,nonce=2,timestamp=3,sign=AAAA", signing.ErrHeader, "app_id may hold"},
		"value with space":        {head + "app_id=1 2,nonce=2,timestamp=3,sign=AAAA", signing.ErrHeader, "app_id may hold"},
		"value after space":       {head + "app_id= 1,nonce=2,timestamp=3,sign=AAAA", signing.ErrHeader, "app_id may hold"},
		"timestamp of text":       {head + "app_id=1,nonce=2,timestamp=now,sign=AAAA", signing.ErrHeader, "timestamp is not a number"},
		"timestamp zero":          {head + "app_id=1,nonce=2,timestamp=0,sign=AAAA", signing.ErrHeader, "timestamp is not a number"},
		"timestamp negative":      {head + "app_id=1,nonce=2,timestamp=-3,sign=AAAA", signing.ErrHeader, "timestamp is not a number"},
		"timestamp with plus":     {head + "app_id=1,nonce=2,timestamp=+3,sign=AAAA", signing.ErrHeader, "timestamp is not a number"},
		"timestamp with zeros":    {head + "app_id=1,nonce=2,timestamp=03,sign=AAAA", signing.ErrHeader, "timestamp is not a number"},
		"timestamp too large":     {head + "app_id=1,nonce=2,timestamp=9223372036854775808,sign=AAAA", signing.ErrHeader, "timestamp is not a number"},
		"expiry of text":          {head + "app_id=1,nonce=2,timestamp=3,expired_seconds=1h,sign=AAAA", signing.ErrHeader, "expired_seconds is not a positive number"},
		"expiry zero":             {head + "app_id=1,nonce=2,timestamp=3,expired_seconds=0,sign=AAAA", signing.ErrHeader, "expired_seconds is not a positive number"},
		"expiry beyond 32 bits":   {head + "app_id=1,nonce=2,timestamp=3,expired_seconds=2147483648,sign=AAAA", signing.ErrHeader, "expired_seconds is not a positive number"},
		"one byte over the limit": {head + "app_id=1,nonce=2,timestamp=3,sign=" + strings.Repeat("A", 4097-len(head)-len("app_id=1,nonce=2,timestamp=3,sign=")), signing.ErrHeader, "it has 4097 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := cnwire.ParseAuthorization(c.value)

			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.reason)
			require.Zero(t, a)
			requireOneLine(t, err)
		})
	}
}

func TestParseAuthorizationReadsUpToItsLimit(t *testing.T) {
	const head = "ALIPAY-SHA256withRSA app_id=1,nonce=2,timestamp=3,app_cert_sn="
	for size, good := range map[int]bool{4096: true, 4097: false} {
		_, err := cnwire.ParseAuthorization(head + strings.Repeat("a", size-len(head)-len(",sign=AAAA")) + ",sign=AAAA")
		require.Equal(t, good, err == nil, "%d bytes: %v", size, err)
	}
}

func FuzzParseAuthorization(f *testing.F) {
	for _, c := range load[requestVectors](f, "v3-request.json").Cases {
		f.Add(c.Expected.Authorization)
	}
	f.Add("ALIPAY-SHA256withRSA app_id=1,nonce=2,timestamp=3,sign=AA\nAA,sign=")
	f.Fuzz(func(t *testing.T, value string) {
		a, err := cnwire.ParseAuthorization(value)
		if err != nil {
			known := errors.Is(err, signing.ErrNoSignature) || errors.Is(err, signing.ErrAlgorithm) ||
				errors.Is(err, signing.ErrEncoding) || errors.Is(err, signing.ErrHeader)
			require.True(t, known, "unknown error %v", err)
			requireOneLine(t, err)
			require.Zero(t, a)
			return
		}
		// Nothing was dropped or rewritten, and nothing is left to interpretation.
		require.Equal(t, value, "ALIPAY-SHA256withRSA "+a.AuthString+",sign="+base64.StdEncoding.EncodeToString(a.Signature))
		parts := strings.Split(a.AuthString, ",")
		require.Contains(t, parts, "app_id="+a.AppID)
		require.Contains(t, parts, "nonce="+a.Nonce)
		require.Contains(t, parts, "timestamp="+strconv.FormatInt(a.Timestamp, 10))
		require.NotEmpty(t, a.AppID)
		require.NotEmpty(t, a.Nonce)
		require.Positive(t, a.Timestamp)
		require.GreaterOrEqual(t, a.ExpiredSeconds, 0)
	})
}

// fixedSigner takes the RSA out of what is measured.
type fixedSigner struct {
	*rsa.PrivateKey
	signature []byte
}

func (s fixedSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return s.signature, nil
}

// What a call costs beside RSA.
func BenchmarkAuthorization(b *testing.B) {
	request := grayOnline()
	for name, signer := range map[string]crypto.Signer{
		"RSA":         testkey.Key(),
		"without RSA": fixedSigner{testkey.Key(), make([]byte, 256)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = request.Authorization(signer)
			}
		})
	}
}
