// Package signing makes and checks the signatures of Alipay+ messages, version
// 2 of the message structure, and reads the RSA keys for it.
//
// The sender of a request or an answer signs
//
//	<HTTP method> <path>\n
//	<Client-Id>.<time>.<body>
//
// by RSA PKCS#1 v1.5 with SHA-256 and puts the result into the Signature
// header. There is no line break at the end. The path is everything of the URL
// after the host; whether a query string belongs to it is not documented. An
// answer is signed with the method and path of its request.
package signing

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"time"
)

// ErrMismatch says that a signature was not made by the given key over the
// given digest: something was changed under way, or another key was used.
var ErrMismatch = errors.New("signature does not match")

// Digest returns the SHA-256 of the message to sign, for a body in memory.
// Body holds the exact bytes on the wire. For an answer, method and path are
// those of its request, and clientID and timestamp come from the headers of
// the answer.
//
// The format does not mark where one part ends, so that a dot in timestamp and
// one in body can change roles. Who verifies must therefore insist that clientID
// is one it knows and that timestamp is a complete time.
func Digest(method, path, clientID, timestamp string, body []byte) [sha256.Size]byte {
	h := NewDigest(method, path, clientID, timestamp)
	h.Write(body)
	return [sha256.Size]byte(h.Sum(nil))
}

// NewDigest returns a SHA-256 to which everything but the body is already
// written, for a body that is streamed: write the body, then Sum is what
// [Digest] would return. The parameters are those of Digest.
func NewDigest(method, path, clientID, timestamp string) hash.Hash {
	h := sha256.New()
	h.Write([]byte(method + " " + path + "\n" + clientID + "." + timestamp + "."))
	return h
}

// Sign signs a digest made by [Digest] or [NewDigest] with RSA PKCS#1 v1.5. The
// signer is one that [CheckSigner] accepted. An error is the signer's own, or says
// that digest is no SHA-256.
func Sign(s crypto.Signer, digest []byte) ([]byte, error) {
	if len(digest) != sha256.Size {
		return nil, fmt.Errorf("sign: digest has %d bytes, a SHA-256 has %d", len(digest), sha256.Size)
	}
	signature, err := s.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return signature, nil
}

// Verify checks a signature over a digest made by [Digest] or [NewDigest]. The
// key is one that [CheckPublicKey] or [ParsePublicKey] returned. Any error is an
// [ErrMismatch].
func Verify(k *rsa.PublicKey, digest, signature []byte) error {
	if len(signature) != k.Size() {
		return fmt.Errorf("%w: it has %d bytes, where this key makes %d: another key was used", ErrMismatch, len(signature), k.Size())
	}
	if rsa.VerifyPKCS1v15(k, crypto.SHA256, digest, signature) != nil {
		return fmt.Errorf("%w: method, path, client id, time or body differ from what was signed, or another key was used", ErrMismatch)
	}
	return nil
}

// ParseTime reads a Request-Time or Response-Time in either form that is in use:
// ISO 8601 with a zone, or milliseconds since 1970. Nothing less than a whole
// time is accepted: the string to sign is ambiguous at its dots, see [Digest].
func ParseTime(text string) (time.Time, error) {
	if strings.Contains(text, "T") {
		return time.Parse(time.RFC3339Nano, text)
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(ms), err
}
