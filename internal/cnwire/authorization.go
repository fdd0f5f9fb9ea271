package cnwire

import (
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// signParameter stands between the auth string and the signature.
const signParameter = ",sign="

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
// It is strict, so that a mistake shows where it is made: exactly the documented
// parameters, each at most once, app_id, nonce and timestamp present, in any
// order (the documents leave it free) but with sign at the end, no spaces but
// the one behind the scheme. What the real gateway tolerates is not documented.
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
	digest := requestDigest([]byte(a.AuthString), method, pathAndQuery, body, appAuthToken)
	if signing.Verify(key, digest[:], a.Signature) != nil {
		return fmt.Errorf("%w: the auth string, method, path, query, body or app auth token differ from what was signed, or another key was used", signing.ErrMismatch)
	}
	return nil
}

func (a *Authorization) readParameters() error {
	var timestamp, expired string
	for part := range strings.SplitSeq(a.AuthString, ",") {
		name, text, _ := strings.Cut(part, "=")
		var field *string
		switch name {
		case "app_id":
			field = &a.AppID
		case "app_cert_sn":
			field = &a.AppCertSN
		case "nonce":
			field = &a.Nonce
		case "timestamp":
			field = &timestamp
		case "expired_seconds":
			field = &expired
		default:
			return fmt.Errorf("%w: %.32q is not a parameter that belongs before the signature", signing.ErrHeader, name)
		}
		switch {
		case *field != "":
			return fmt.Errorf("%w: %s is given twice", signing.ErrHeader, name)
		case text == "":
			return fmt.Errorf("%w: %s is empty", signing.ErrHeader, name)
		case firstNotPlain(text) >= 0 || strings.Contains(text, "="):
			return fmt.Errorf("%w: %s may hold visible ASCII characters without comma and equals sign only", signing.ErrHeader, name)
		}
		*field = text
	}
	if a.AppID == "" || a.Nonce == "" || timestamp == "" {
		return fmt.Errorf("%w: app_id, nonce and timestamp are required", signing.ErrHeader)
	}
	return a.readNumbers(timestamp, expired)
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
