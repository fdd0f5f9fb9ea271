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

// Verdict is what became of the signature of an answer.
type Verdict string

// The three verdicts.
const (
	Valid   Verdict = "valid"   // made with the given key
	Invalid Verdict = "invalid" // there, but wrong or unreadable
	Missing Verdict = "missing" // not there
)

// SerialError says that an answer was signed with another certificate of Alipay
// than the loaded one.
type SerialError struct {
	Loaded   string // serial of the certificate that was given for checking
	Received string // serial that the answer names; from outside and not verified
}

// Error names both serials, in one line.
func (e *SerialError) Error() string {
	return fmt.Sprintf("answer names the Alipay certificate %.64q, but the loaded one is %.64q", e.Received, e.Loaded)
}

// JudgeSignature looks at the signature of a whole answer. An answer may be used
// when the error is nil, and is to be refused otherwise:
//
//   - a status below 400 needs a valid signature;
//   - a status of 400 and above may lack one, because it is not documented
//     whether errors are always signed, and proxies answer as well. If it has
//     one, that must be valid, as the official SDK for PHP has it (the one for
//     Node never looks);
//   - if it is signed and certSN is not "", the header alipay-sn must be absent
//     or the same.
//
// Body holds the exact bytes on the wire, so ciphertext where AES is used.
// CertSN is the serial of the certificate that key comes from, "" when
// certificates are not used. The header's names are in their canonical form, as
// net/http delivers them.
//
// The error is a [SerialError], or one of signing.ErrNoSignature,
// signing.ErrEncoding, signing.ErrHeader and signing.ErrMismatch.
func JudgeSignature(status int, header http.Header, body []byte, key *rsa.PublicKey, certSN string) (Verdict, error) {
	verdict, err := judge(header, body, key)
	received := header.Get(HeaderSN)
	switch {
	case verdict == Missing && status >= http.StatusBadRequest:
		return Missing, nil
	case verdict != Missing && certSN != "" && received != "" && received != certSN:
		return verdict, &SerialError{Loaded: certSN, Received: received}
	}
	return verdict, err
}

// VerifyResponse checks the signature of an answer with Alipay's public key,
// which is not the app's own. Timestamp, nonce and signature are the values of
// the headers [HeaderTimestamp], [HeaderNonce] and [HeaderSignature], and body
// holds the exact bytes on the wire. What is signed is
//
//	<timestamp>\n<nonce>\n<body>\n
//
// An error is one of signing.ErrNoSignature, signing.ErrEncoding,
// signing.ErrHeader (no timestamp or nonce) and signing.ErrMismatch.
func VerifyResponse(key *rsa.PublicKey, timestamp, nonce string, body []byte, signature string) error {
	raw, err := decodeSignature(signature)
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	if timestamp == "" || nonce == "" {
		return fmt.Errorf("answer: %w: %s and %s are needed to check the signature", signing.ErrHeader, HeaderTimestamp, HeaderNonce)
	}
	digest := responseDigest(timestamp, nonce, body)
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
	digest := responseDigest(timestamp, nonce, body)
	signature, err := signing.Sign(s, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign answer: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

func judge(header http.Header, body []byte, key *rsa.PublicKey) (Verdict, error) {
	// Which of two values counts, two readers could see differently.
	for _, name := range []string{HeaderSignature, HeaderTimestamp, HeaderNonce, HeaderSN} {
		if len(header.Values(name)) > 1 {
			return Invalid, fmt.Errorf("answer: %w: %s is given twice", signing.ErrHeader, name)
		}
	}
	signature := header.Get(HeaderSignature)
	if signature == "null" { // the official SDK for PHP takes it for none
		signature = ""
	}
	err := VerifyResponse(key, header.Get(HeaderTimestamp), header.Get(HeaderNonce), body, signature)
	switch {
	case err == nil:
		return Valid, nil
	case errors.Is(err, signing.ErrNoSignature):
		return Missing, err
	}
	return Invalid, err
}

func responseDigest(timestamp, nonce string, body []byte) [sha256.Size]byte {
	var stack [smallMessage]byte
	message := append(stack[:0], timestamp...)
	message = append(message, '\n')
	message = append(message, nonce...)
	message = append(message, '\n')
	message = append(message, body...)
	return sha256.Sum256(append(message, '\n'))
}
