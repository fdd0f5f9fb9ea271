package cnwire

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// scheme opens every Authorization header. It names the one algorithm of V3:
// RSA PKCS#1 v1.5 with SHA-256.
const scheme = "ALIPAY-SHA256withRSA "

// signParameter stands between the auth string and the signature.
const signParameter = ",sign="

// Request is what the signature of one V3 request covers.
type Request struct {
	AppID     string // of the app that calls
	AppCertSN string // serial of the app's certificate; "" unless certificates are used
	Nonce     string // new for each attempt
	Timestamp int64  // when it is sent, in milliseconds since 1970 UTC

	// ExpiredSeconds is how long the request may be accepted after Timestamp,
	// in seconds (examples in documents: 120, 600). 0 leaves it out; what then
	// applies is not documented.
	ExpiredSeconds int

	Method string // in capitals: GET, POST

	// PathAndQuery is everything of the URL after the host, byte for byte as it
	// goes over the wire, so percent-encoded.
	PathAndQuery string

	// Body is what is signed of the body: all of it, as it goes over the wire
	// (with AES the ciphertext); of a multipart body only the content of the
	// part named data, and nothing when there is no such part.
	Body []byte

	// AppAuthToken is the value of the header alipay-app-auth-token, "" when it
	// is not sent. It is a secret.
	AppAuthToken string
}

// AuthString returns the parameters that the Authorization header shows, in the
// order of the official SDKs:
//
//	app_id=…[,app_cert_sn=…],nonce=…,timestamp=…[,expired_seconds=…]
func (r Request) AuthString() string {
	var certificate, expired string
	if r.AppCertSN != "" {
		certificate = ",app_cert_sn=" + r.AppCertSN
	}
	if r.ExpiredSeconds != 0 {
		expired = ",expired_seconds=" + strconv.Itoa(r.ExpiredSeconds)
	}
	return "app_id=" + r.AppID + certificate + ",nonce=" + r.Nonce + ",timestamp=" + strconv.FormatInt(r.Timestamp, 10) + expired
}

// StringToSign returns the text under the signature, for finding out why a
// signature was refused: auth string, method, path and query, body, and the app
// auth token if there is one, each followed by a line feed. It contains that
// token, so keep it out of logs.
func (r Request) StringToSign() string {
	return string(requestMessage(r.AuthString(), r.Method, r.PathAndQuery, r.Body, r.AppAuthToken))
}

// Authorization signs r and returns the value of its Authorization header.
//
// An error names the field of r that could not stand in the header or in the
// signed text, where a separator inside a value would change the meaning, or is
// a [SignerError]. It never contains AppAuthToken.
func (r Request) Authorization(s crypto.Signer) (string, error) {
	if err := r.check(); err != nil {
		return "", fmt.Errorf("sign request: %w", err)
	}
	authString := r.AuthString()
	digest := sha256.Sum256(requestMessage(authString, r.Method, r.PathAndQuery, r.Body, r.AppAuthToken))
	signature, err := signing.Sign(s, digest[:])
	if err != nil {
		return "", &SignerError{err}
	}
	return scheme + authString + signParameter + base64.StdEncoding.EncodeToString(signature), nil
}

// SignerError is the failure of a signer. It may be a service, whose failure may pass.
type SignerError struct{ err error }

func (e *SignerError) Error() string { return "sign request: " + e.err.Error() }

// Unwrap returns the signer's own error.
func (e *SignerError) Unwrap() error { return e.err }

// requestMessage is the text that is signed for a request.
func requestMessage(authString, method, pathAndQuery string, body []byte, token string) []byte {
	message := signedText(body, authString, method, pathAndQuery)
	if token != "" {
		message = append(append(message, token...), '\n')
	}
	return message
}

// signedText is the text under every signature of V3: some lines, then the body, each with a line feed behind it.
func signedText(body []byte, lines ...string) []byte {
	text := make([]byte, 0, 1024+len(body))
	for _, line := range lines {
		text = append(append(text, line...), '\n')
	}
	return append(append(text, body...), '\n')
}

func (r Request) check() error {
	for _, p := range []struct {
		name, value string
		optional    bool
	}{
		{"app id", r.AppID, false},
		{"app certificate serial", r.AppCertSN, true},
		{"nonce", r.Nonce, false},
	} {
		if p.value == "" && !p.optional {
			return fmt.Errorf("%s is empty: it is required", p.name)
		}
		if i := firstNotPlain(p.value); i >= 0 || strings.ContainsAny(p.value, ",=") {
			return fmt.Errorf("%s may hold visible ASCII characters without comma and equals sign only", p.name)
		}
	}
	switch {
	case r.Timestamp <= 0:
		return errors.New("timestamp is not positive: give milliseconds since 1970")
	case r.ExpiredSeconds < 0:
		return errors.New("expired seconds are negative: give 0 to leave them out")
	case r.Method == "" || strings.Trim(r.Method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return errors.New("method is not made of capital letters: give one such as GET or POST")
	case !strings.HasPrefix(r.PathAndQuery, "/"):
		return errors.New("path does not begin with a slash: give everything of the URL after the host")
	}
	if i := firstNotPlain(r.PathAndQuery); i >= 0 {
		return fmt.Errorf("path has a character at position %d that cannot be on the wire: percent-encode it", i)
	}
	if i := firstNotPlain(r.AppAuthToken); i >= 0 {
		return fmt.Errorf("app auth token has a character at position %d that is not visible ASCII: give the token as it was received", i)
	}
	return nil
}

// firstNotPlain returns the index of the first byte of s that is not visible
// ASCII, or -1.
func firstNotPlain(s string) int {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return i
		}
	}
	return -1
}

// maxAuthorization is the longest Authorization header that is read, in bytes.
// The documents say up to 1024; keys longer than 4096 bits make more.
const maxAuthorization = 4096

// Authorization is what an Authorization header says, for who receives one.
type Authorization struct {
	AuthString     string // the exact text of the parameters, as it was signed
	AppID          string
	AppCertSN      string // "" when absent
	Nonce          string
	Timestamp      int64  // milliseconds since 1970 UTC, positive
	ExpiredSeconds int    // 0 when absent
	Signature      []byte // the raw signature
}

// ParseAuthorization reads the value of an Authorization header.
//
// It is strict, so that a mistake shows where it is made: each parameter at most
// once, app_id, nonce and timestamp present, in any order (the documents leave it
// free) but with sign at the end, no spaces but the one behind the scheme. Further
// parameters are signed like the others, and mean nothing. What the real gateway
// tolerates is not documented.
//
// An error is one of signing.ErrNoSignature, signing.ErrAlgorithm (another
// scheme), signing.ErrEncoding and signing.ErrHeader, with a reason.
func ParseAuthorization(value string) (Authorization, error) {
	if value == "" {
		return Authorization{}, fmt.Errorf("%w: there is no Authorization header", signing.ErrNoSignature)
	}
	if len(value) > maxAuthorization {
		return Authorization{}, fmt.Errorf("%w: it has %d bytes, more than %d", signing.ErrHeader, len(value), maxAuthorization)
	}
	rest, ok := strings.CutPrefix(value, scheme)
	if !ok {
		return Authorization{}, fmt.Errorf("%w: the Authorization header must begin with %q", signing.ErrAlgorithm, scheme)
	}
	end := strings.LastIndex(rest, signParameter)
	if end < 0 {
		return Authorization{}, fmt.Errorf("%w: the Authorization header must end in %q and a signature", signing.ErrNoSignature, signParameter)
	}
	a := Authorization{AuthString: rest[:end]}
	if err := a.readParameters(); err != nil {
		return Authorization{}, err
	}
	signature, err := decodeSignature(rest[end+len(signParameter):])
	if err != nil {
		return Authorization{}, err
	}
	a.Signature = signature
	return a, nil
}

// VerifyRequest checks that a was signed, by the key's owner, for a request
// with this method, path and query, body and app auth token; for what they are
// see [Request]. In an http.Handler, pathAndQuery is the RequestURI of the
// request, since its URL may be encoded in another way than on the wire.
//
// Any error is a signing.ErrMismatch. Whether the time is near, the nonce new
// and the app id known to belong to key is for the caller to check.
func VerifyRequest(key *rsa.PublicKey, a Authorization, method, pathAndQuery string, body []byte, appAuthToken string) error {
	digest := sha256.Sum256(requestMessage(a.AuthString, method, pathAndQuery, body, appAuthToken))
	if signing.Verify(key, digest[:], a.Signature) != nil {
		return fmt.Errorf("%w: the auth string, method, path, query, body or app auth token differ from what was signed, or another key was used", signing.ErrMismatch)
	}
	return nil
}

func (a *Authorization) readParameters() error {
	fields := map[string]*string{"app_id": &a.AppID, "app_cert_sn": &a.AppCertSN, "nonce": &a.Nonce, "timestamp": new(string), "expired_seconds": new(string)}
	for part := range strings.SplitSeq(a.AuthString, ",") {
		name, text, _ := strings.Cut(part, "=")
		if fields[name] == nil { // signed as well, and without a meaning here
			if name == "" || name == "sign" || firstNotPlain(name) >= 0 {
				return fmt.Errorf("%w: %.32q is not a parameter that belongs before the signature", signing.ErrHeader, name)
			}
			fields[name] = new(string)
		}
		switch {
		case *fields[name] != "":
			return fmt.Errorf("%w: %.32s is given twice", signing.ErrHeader, name)
		case text == "":
			return fmt.Errorf("%w: %.32s is empty", signing.ErrHeader, name)
		case firstNotPlain(text) >= 0 || strings.Contains(text, "="):
			return fmt.Errorf("%w: %.32s may hold visible ASCII characters without comma and equals sign only", signing.ErrHeader, name)
		}
		*fields[name] = text
	}
	timestamp := *fields["timestamp"]
	if a.AppID == "" || a.Nonce == "" || timestamp == "" {
		return fmt.Errorf("%w: app_id, nonce and timestamp are required", signing.ErrHeader)
	}
	return a.readNumbers(timestamp, *fields["expired_seconds"])
}

func (a *Authorization) readNumbers(timestamp, expired string) error {
	var ok bool
	if a.Timestamp, ok = positive(timestamp, 64); !ok {
		return fmt.Errorf("%w: timestamp is not a number of milliseconds since 1970", signing.ErrHeader)
	}
	if expired == "" {
		return nil
	}
	seconds, ok := positive(expired, 32)
	if !ok {
		return fmt.Errorf("%w: expired_seconds is not a positive number", signing.ErrHeader)
	}
	a.ExpiredSeconds = int(seconds)
	return nil
}

// positive reads a number in its one spelling: no sign, no leading zero.
func positive(text string, bits int) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, bits)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == text
}

func decodeSignature(text string) ([]byte, error) {
	if text == "" {
		return nil, fmt.Errorf("%w: it is empty", signing.ErrNoSignature)
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(text)
	switch {
	case err != nil && strings.Contains(text, " "):
		return nil, fmt.Errorf("%w: it has spaces, which were + before a form was decoded once too often", signing.ErrEncoding)
	case err != nil || firstNotPlain(text) >= 0: // the decoder skips line breaks
		return nil, fmt.Errorf("%w: it is not standard base64 with padding", signing.ErrEncoding)
	}
	return signature, nil
}
