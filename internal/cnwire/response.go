package cnwire

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// Headers of an answer that its signature needs.
const (
	HeaderSignature = "Alipay-Signature" // standard base64
	HeaderTimestamp = "Alipay-Timestamp" // milliseconds since 1970 UTC
	HeaderNonce     = "Alipay-Nonce"     // any text
	HeaderSN        = "Alipay-Sn"        // serial of Alipay's certificate, when certificates are used
)

// SignatureStatus is what the signature of an answer proved to be.
type SignatureStatus string

// What a signature can be.
const (
	SignatureValid   SignatureStatus = "valid"   // made with the given key
	SignatureInvalid SignatureStatus = "invalid" // there, but wrong or unreadable
	SignatureMissing SignatureStatus = "missing" // not there
)

// SerialError says that an answer was signed with another certificate of Alipay
// than the loaded ones.
type SerialError struct {
	Loaded   string // serials of the certificates that were given for checking
	Received string // serial that the answer names; from outside and not verified
}

// Error names the serials, in one line.
func (e *SerialError) Error() string {
	return fmt.Sprintf("answer names the Alipay certificate %.64q, but the loaded one is %.256q", e.Received, e.Loaded)
}

// VerifyResponse verifies the signature of a whole answer. An answer may be used
// when the error is nil, and must be refused otherwise:
//
//   - a status below 400 needs a valid signature;
//   - a status of 400 and above may lack one, because it is not documented
//     whether errors are always signed, and proxies answer as well. If it has
//     one, that must be valid, as the official SDK for PHP has it (the one for
//     Node does not verify errors at all);
//   - where certificates are used and it is signed, the header alipay-sn must be
//     absent or name one of them.
//
// What is signed is
//
//	<timestamp>\n<nonce>\n<body>\n
//
// Body holds the exact bytes on the wire, so ciphertext where AES is used. Keys are
// Alipay's, not the app's own. The header's names are in their canonical form, as
// net/http delivers them.
//
// The error is a [SerialError], or one of signing.ErrNoSignature,
// signing.ErrEncoding, signing.ErrHeader and signing.ErrMismatch.
func VerifyResponse(status int, header http.Header, body []byte, keys Keys) (SignatureStatus, error) {
	signature, err := verifyHeader(header, body, keys)
	if signature == SignatureMissing && status >= http.StatusBadRequest {
		return SignatureMissing, nil
	}
	return signature, err
}

func verifyHeader(header http.Header, body []byte, keys Keys) (SignatureStatus, error) {
	// Two readers could choose differently between two values.
	for _, name := range []string{HeaderSignature, HeaderTimestamp, HeaderNonce, HeaderSN} {
		if len(header.Values(name)) > 1 {
			return SignatureInvalid, fmt.Errorf("answer: %w: %s is given twice", signing.ErrHeader, name)
		}
	}
	signature, serial := header.Get(HeaderSignature), header.Get(HeaderSN)
	if signature == "" || signature == "null" { // which the official SDK for PHP takes for none
		return SignatureMissing, fmt.Errorf("answer: %w", signing.ErrNoSignature)
	}
	meant := keys.For(serial)
	if len(meant) == 0 {
		status, _ := verifyWithAny(keys.For(""), header, body)
		return status, &SerialError{Loaded: keys.serials(), Received: serial}
	}
	return verifyWithAny(meant, header, body)
}

func verifyWithAny(keys []*rsa.PublicKey, header http.Header, body []byte) (status SignatureStatus, err error) {
	for _, key := range keys {
		err = verifySignature(key, header.Get(HeaderTimestamp), header.Get(HeaderNonce), body, header.Get(HeaderSignature))
		if err == nil {
			return SignatureValid, nil
		}
	}
	return SignatureInvalid, err
}

func verifySignature(key *rsa.PublicKey, timestamp, nonce string, body []byte, signature string) error {
	raw, err := decodeSignature(signature)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if timestamp == "" || nonce == "" {
		return fmt.Errorf("answer: %w: %s and %s are needed to check the signature", signing.ErrHeader, HeaderTimestamp, HeaderNonce)
	}
	digest := sha256.Sum256(signedText(body, timestamp, nonce))
	if signing.Verify(key, digest[:], raw) != nil {
		return fmt.Errorf("answer: %w: the time, nonce or body differ from what was signed, or the key is not Alipay's (the app's own public key is another)", signing.ErrMismatch)
	}
	return nil
}

// SignResponse makes the value of [HeaderSignature] for an answer, which
// [VerifyResponse] accepts. An error is the signer's own, or says that timestamp
// or nonce is no text for a header.
func SignResponse(s crypto.Signer, timestamp, nonce string, body []byte) (string, error) {
	if timestamp == "" || nonce == "" || firstNotPlain(timestamp) >= 0 || firstNotPlain(nonce) >= 0 {
		return "", errors.New("sign answer: timestamp and nonce must be visible ASCII characters, at least one each")
	}
	digest := sha256.Sum256(signedText(body, timestamp, nonce))
	signature, err := signing.Sign(s, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign answer: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}
