package cnwire_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const (
	answerTime  = "1767225700000"
	answerNonce = "93571423494978479733178324ccdab0"
	answerBody  = `{"speed_up":"true"}`
)

func TestResponseVectors(t *testing.T) {
	v := load[responseVectors](t, "v3-response.json")
	cert, err := cnwire.ParseCertificate([]byte(v.Keys.CertPEM))
	require.NoError(t, err)
	require.True(t, cert.PublicKey.Equal(public(t, v.Keys.Public)))
	require.Len(t, v.Cases, 17)
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			keys := cnwire.Keys{Public: cert.PublicKey}
			if c.CertMode {
				keys = cnwire.Keys{Certificates: []*cnwire.Certificate{cert}}
			}

			signature, err := cnwire.VerifyResponse(c.Status, c.header(), c.Body, keys)

			require.Equal(t, c.Expected.Signature, signature)
			switch c.Expected.Client {
			case "accept":
				require.NoError(t, err)
				require.Less(t, c.Status, 400)
			case "reject":
				require.Error(t, err)
				requireOneLine(t, err)
			case "api_error":
				require.NoError(t, err)
				require.GreaterOrEqual(t, c.Status, 400)
			case "api_error_or_reject": // the choice here is to refuse
				require.ErrorIs(t, err, signing.ErrMismatch)
			default:
				require.Fail(t, "unknown expectation", c.Expected.Client)
			}
			if c.Encrypted {
				key, err := cnwire.ParseAESKey([]byte(v.Keys.AES))
				require.NoError(t, err)
				plain, err := key.Decrypt(c.Body)
				require.NoError(t, err)
				require.Equal(t, byte('{'), plain[0])
			}
		})
	}
}

// An answer that the stand-in signs is the one that the official SDK would read.
func TestSignResponseMakesTheVectors(t *testing.T) {
	v := load[responseVectors](t, "v3-response.json")
	key := private(t, v.Keys.Private)
	made := 0
	for _, c := range v.Cases {
		if c.Expected.Signature != cnwire.SignatureValid {
			continue
		}
		signature, err := cnwire.SignResponse(key, c.Headers["alipay-timestamp"], c.Headers["alipay-nonce"], c.Body)
		require.NoError(t, err)
		require.Equal(t, c.Headers["alipay-signature"], signature, c.Name)
		made++
	}
	require.Equal(t, 9, made)
}

func TestVerifyResponse(t *testing.T) {
	const loaded = "5e820094e3aaff43881a20f197ec8df0"
	key := &testkey.Key().PublicKey
	for name, c := range map[string]struct {
		status    int
		change    func(http.Header)
		body      string
		serial    string
		signature cnwire.SignatureStatus
		is        error
		reason    string
	}{
		"good":                                  {status: 200, signature: cnwire.SignatureValid},
		"good, no content":                      {status: 204, signature: cnwire.SignatureValid},
		"good error":                            {status: 400, signature: cnwire.SignatureValid},
		"unsigned success":                      {status: 200, change: without(cnwire.HeaderSignature), signature: cnwire.SignatureMissing, is: signing.ErrNoSignature},
		"unsigned, accepted but not processed":  {status: 202, change: without(cnwire.HeaderSignature), signature: cnwire.SignatureMissing, is: signing.ErrNoSignature},
		"unsigned redirect":                     {status: 399, change: without(cnwire.HeaderSignature), signature: cnwire.SignatureMissing, is: signing.ErrNoSignature},
		"unsigned error":                        {status: 400, change: without(cnwire.HeaderSignature), signature: cnwire.SignatureMissing},
		"unsigned error of a proxy":             {status: 502, change: without(cnwire.HeaderSignature), body: "<html>", signature: cnwire.SignatureMissing},
		"empty signature":                       {status: 200, change: with(cnwire.HeaderSignature, ""), signature: cnwire.SignatureMissing, is: signing.ErrNoSignature},
		"signature null on an error":            {status: 400, change: with(cnwire.HeaderSignature, "null"), signature: cnwire.SignatureMissing},
		"signature null on a success":           {status: 200, change: with(cnwire.HeaderSignature, "null"), signature: cnwire.SignatureMissing, is: signing.ErrNoSignature},
		"signature not base64":                  {status: 200, change: with(cnwire.HeaderSignature, "*"), signature: cnwire.SignatureInvalid, is: signing.ErrEncoding},
		"signature not base64 on an error":      {status: 500, change: with(cnwire.HeaderSignature, "*"), signature: cnwire.SignatureInvalid, is: signing.ErrEncoding},
		"signature too short":                   {status: 200, change: with(cnwire.HeaderSignature, "AAAA"), signature: cnwire.SignatureInvalid, is: signing.ErrMismatch},
		"other body":                            {status: 200, body: answerBody + " ", signature: cnwire.SignatureInvalid, is: signing.ErrMismatch, reason: "app's own public key"},
		"other body of an error":                {status: 400, body: answerBody + " ", signature: cnwire.SignatureInvalid, is: signing.ErrMismatch},
		"other time":                            {status: 200, change: with(cnwire.HeaderTimestamp, "1767225700001"), signature: cnwire.SignatureInvalid, is: signing.ErrMismatch},
		"no time":                               {status: 200, change: without(cnwire.HeaderTimestamp), signature: cnwire.SignatureInvalid, is: signing.ErrHeader, reason: "are needed"},
		"no nonce":                              {status: 200, change: without(cnwire.HeaderNonce), signature: cnwire.SignatureInvalid, is: signing.ErrHeader, reason: "are needed"},
		"two signatures":                        {status: 200, change: and(cnwire.HeaderSignature, "AAAA"), signature: cnwire.SignatureInvalid, is: signing.ErrHeader, reason: "given twice"},
		"two times":                             {status: 200, change: and(cnwire.HeaderTimestamp, "1"), signature: cnwire.SignatureInvalid, is: signing.ErrHeader, reason: "given twice"},
		"two nonces":                            {status: 200, change: and(cnwire.HeaderNonce, "1"), signature: cnwire.SignatureInvalid, is: signing.ErrHeader, reason: "given twice"},
		"two serials":                           {status: 200, change: func(h http.Header) { h[cnwire.HeaderSN] = []string{loaded, "other"} }, serial: loaded, signature: cnwire.SignatureInvalid, is: signing.ErrHeader, reason: "given twice"},
		"same serial":                           {status: 200, change: with(cnwire.HeaderSN, loaded), serial: loaded, signature: cnwire.SignatureValid},
		"serial absent":                         {status: 200, serial: loaded, signature: cnwire.SignatureValid},
		"serial without certificates":           {status: 200, change: with(cnwire.HeaderSN, "any"), signature: cnwire.SignatureValid},
		"unsigned error with another serial":    {status: 400, change: func(h http.Header) { h.Del(cnwire.HeaderSignature); h.Set(cnwire.HeaderSN, "other") }, serial: loaded, signature: cnwire.SignatureMissing},
		"unsigned success with another serial":  {status: 200, change: func(h http.Header) { h.Del(cnwire.HeaderSignature); h.Set(cnwire.HeaderSN, "other") }, serial: loaded, signature: cnwire.SignatureMissing, is: signing.ErrNoSignature},
		"other serial, though the key is right": {status: 200, change: with(cnwire.HeaderSN, "new"), serial: loaded, signature: cnwire.SignatureValid, reason: `answer names the Alipay certificate "new"`},
		"other serial and key":                  {status: 200, change: with(cnwire.HeaderSN, "new"), body: "x", serial: loaded, signature: cnwire.SignatureInvalid, reason: `the loaded one is "5e82`},
		"other serial and key on an error":      {status: 500, change: with(cnwire.HeaderSN, "new"), body: "x", serial: loaded, signature: cnwire.SignatureInvalid, reason: "names the Alipay certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			header := signedAnswer(t, []byte(answerBody))
			body := answerBody
			if c.change != nil {
				c.change(header)
			}
			if c.body != "" {
				body = c.body
			}

			keys := cnwire.Keys{Public: key}
			if c.serial != "" {
				keys = cnwire.Keys{Certificates: []*cnwire.Certificate{{SN: c.serial, PublicKey: key}}}
			}

			signature, err := cnwire.VerifyResponse(c.status, header, []byte(body), keys)

			require.Equal(t, c.signature, signature)
			if c.is == nil && c.reason == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.reason)
			requireOneLine(t, err)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
				return
			}
			serial, ok := errors.AsType[*cnwire.SerialError](err)
			require.True(t, ok)
			require.Equal(t, &cnwire.SerialError{Loaded: loaded, Received: "new"}, serial)
		})
	}
}

func TestSerialErrorIsOneLineWhateverWasReceived(t *testing.T) {
	err := &cnwire.SerialError{Loaded: "a", Received: "b\r\n" + strings.Repeat("c", 1000)}

	requireOneLine(t, err)
	require.Less(t, len(err.Error()), 250)
}

func TestSignResponseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ timestamp, nonce string }{
		"no timestamp":             {"", "n"},
		"no nonce":                 {"1", ""},
		"timestamp with line feed": {"1\n", "n"},
		"nonce with line feed":     {"1", "n\n"},
		"timestamp after space":    {" 1", "n"},
		"nonce after space":        {"1", " n"},
	} {
		t.Run(name, func(t *testing.T) {
			signature, err := cnwire.SignResponse(testkey.Key(), c.timestamp, c.nonce, nil)

			require.ErrorContains(t, err, "visible ASCII")
			require.Empty(t, signature)
		})
	}

	_, err := cnwire.SignResponse(brokenSigner{testkey.Key()}, answerTime, answerNonce, nil)
	require.ErrorIs(t, err, errStore)
}

func TestAnswersOfAnyLengthVerify(t *testing.T) {
	key := &testkey.Key().PublicKey
	for _, size := range []int{0, 4000, 4096, 100_000} {
		body := []byte(strings.Repeat("x", size))
		header := signedAnswer(t, body)

		signature, err := cnwire.VerifyResponse(http.StatusOK, header, body, cnwire.Keys{Public: key})
		require.NoError(t, err)
		require.Equal(t, cnwire.SignatureValid, signature)
		signature, err = cnwire.VerifyResponse(http.StatusOK, header, append(body, 'x'), cnwire.Keys{Public: key})
		require.ErrorIs(t, err, signing.ErrMismatch)
		require.Equal(t, cnwire.SignatureInvalid, signature)
	}
}

func signedAnswer(tb testing.TB, body []byte) http.Header {
	tb.Helper()
	signature, err := cnwire.SignResponse(testkey.Key(), answerTime, answerNonce, body)
	require.NoError(tb, err)
	header := http.Header{}
	header.Set(cnwire.HeaderTimestamp, answerTime)
	header.Set(cnwire.HeaderNonce, answerNonce)
	header.Set(cnwire.HeaderSignature, signature)
	return header
}

func without(name string) func(http.Header) { return func(h http.Header) { h.Del(name) } }

func with(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }

func and(name, value string) func(http.Header) { return func(h http.Header) { h.Add(name, value) } }

func (c responseCase) header() http.Header {
	header := http.Header{}
	for name, value := range c.Headers {
		header.Set(name, value)
	}
	return header
}
