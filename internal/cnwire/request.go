// Package cnwire is the wire protocol of AlipayCN's OpenAPI V3, for the client and the stand-in gateway alike: the list of
// operations, so that neither knows one that the other lacks, the signatures of requests, answers and notifications, the serials and chains
// of certificates, and AES. It does no I/O. RSA is done by the package signing:
// a signer is one that signing.CheckSigner accepted, and a public key one that
// signing.ParsePublicKey, signing.CheckPublicKey or [ParseCertificate] returned.
//
// What it says of the documents is checked against vectors made with the
// official SDK for Node, which lie in testdata.
package cnwire

import (
	"crypto"
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

// smallMessage is the length up to which a message to sign is put together on
// the stack.
const smallMessage = 4096

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
	return string(r.appendAuthString(nil))
}

// StringToSign returns the text under the signature, for looking into a
// signature that was refused: auth string, method, path and query, body, and
// the app auth token if there is one, each followed by a line feed. It contains
// that token, so keep it out of logs.
func (r Request) StringToSign() string {
	return string(appendRest(r.appendAuthString(nil), r.Method, r.PathAndQuery, r.Body, r.AppAuthToken))
}

// Authorization signs r and returns the value of its Authorization header.
//
// An error names the field of r that could not stand in the header or in the
// signed text, where a separator inside a value would change the meaning, or is
// the signer's own. It never contains AppAuthToken.
func (r Request) Authorization(s crypto.Signer) (string, error) {
	if err := r.check(); err != nil {
		return "", fmt.Errorf("sign request: %w", err)
	}
	var stack [1024]byte // enough for a key of 4096 bits; the documents give the header that length
	header := r.appendAuthString(append(stack[:0], scheme...))
	digest := requestDigest(header[len(scheme):], r.Method, r.PathAndQuery, r.Body, r.AppAuthToken)
	signature, err := signing.Sign(s, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign request: %w", err)
	}
	header = append(header, signParameter...)
	return string(base64.StdEncoding.AppendEncode(header, signature)), nil
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

func (r Request) appendAuthString(dst []byte) []byte {
	dst = append(dst, "app_id="...)
	dst = append(dst, r.AppID...)
	if r.AppCertSN != "" {
		dst = append(dst, ",app_cert_sn="...)
		dst = append(dst, r.AppCertSN...)
	}
	dst = append(dst, ",nonce="...)
	dst = append(dst, r.Nonce...)
	dst = append(dst, ",timestamp="...)
	dst = strconv.AppendInt(dst, r.Timestamp, 10)
	if r.ExpiredSeconds != 0 {
		dst = append(dst, ",expired_seconds="...)
		dst = strconv.AppendInt(dst, int64(r.ExpiredSeconds), 10)
	}
	return dst
}

func requestDigest(auth []byte, method, pathAndQuery string, body []byte, token string) [sha256.Size]byte {
	var stack [smallMessage]byte
	return sha256.Sum256(appendRest(append(stack[:0], auth...), method, pathAndQuery, body, token))
}

// appendRest adds to an auth string what else is signed.
func appendRest(message []byte, method, pathAndQuery string, body []byte, token string) []byte {
	message = append(message, '\n')
	message = append(message, method...)
	message = append(message, '\n')
	message = append(message, pathAndQuery...)
	message = append(message, '\n')
	message = append(message, body...)
	message = append(message, '\n')
	if token != "" {
		message = append(message, token...)
		message = append(message, '\n')
	}
	return message
}
