package signing

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// RSA256 names the one supported algorithm, RSA PKCS#1 v1.5 with SHA-256. The
// documents also name ECC224 but not its curve or encoding.
const RSA256 = "RSA256"

// maxHeader is the longest Signature header that is read, in bytes: a key of
// 2048 bits makes about 400, one of maxBits about 1500. Not documented.
const maxHeader = 4096

// maxKeyVersion is the longest key version, in bytes. Not documented.
const maxKeyVersion = 64

// Reasons why [ParseHeader] refuses a Signature header.
var (
	// ErrNoSignature: the header is absent or empty, or its signature is.
	ErrNoSignature = errors.New("signature is missing")
	// ErrAlgorithm: the header names an algorithm other than [RSA256].
	ErrAlgorithm = errors.New("signature algorithm is not supported")
	// ErrEncoding: the signature is not standard base64, plain or percent-encoded.
	ErrEncoding = errors.New("signature is wrongly encoded")
	// ErrHeader: the header as a whole is too long, ambiguous or malformed.
	ErrHeader = errors.New("signature header is malformed")
)

// Header is the content of a Signature header.
type Header struct {
	Algorithm  string // [RSA256]; "" stands for it
	KeyVersion string // names a key of the Client-Id; "" means the latest one
	Signature  []byte // the raw signature
}

// String returns the header's value as the documents show it:
// "algorithm=RSA256, keyVersion=1, signature=" and the signature in standard
// base64, percent-encoded. (They call that base64UrlEncode, but every sample
// holds escapes of the standard alphabet.) An empty KeyVersion is left out. The
// KeyVersion is one that [CheckKeyVersion] accepts.
func (h Header) String() string {
	text := "algorithm=" + cmp.Or(h.Algorithm, RSA256)
	if h.KeyVersion != "" {
		text += ", keyVersion=" + h.KeyVersion
	}
	return text + ", signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(h.Signature))
}

// Question names the request that carries the header: the SHA-256 of the header's
// value, in hexadecimal. An answer that repeats it belongs to that request.
func Question(header string) string {
	sum := sha256.Sum256([]byte(header))
	return hex.EncodeToString(sum[:])
}

// CheckKeyVersion reports whether v can stand in a Signature header: 1 to 64
// visible ASCII characters without a comma. Only 0, 1 and 2 appear in the
// documents; the rule is not documented.
func CheckKeyVersion(v string) error {
	if v == "" || len(v) > maxKeyVersion {
		return fmt.Errorf("key version has %d characters, where 1 to %d are accepted", len(v), maxKeyVersion)
	}
	for i := range len(v) {
		if v[i] <= ' ' || v[i] > '~' || v[i] == ',' {
			return fmt.Errorf("key version has a character at position %d that is a comma or not visible ASCII: use one such as 1", i)
		}
	}
	return nil
}

// ParseHeader reads the value of a Signature header of at most 4096 bytes.
//
// Documented: the algorithm is compared without regard to case and is RSA256
// when absent; keyVersion may be absent and is then "", which means the latest
// key of the Client-Id. Not documented, but accepted: any order, any spaces
// around names and values, names in any case, further parameters, and a
// signature that is base64 without percent-encoding, in which a + stays a +.
//
// The returned Algorithm is always [RSA256]. An error is one of
// [ErrNoSignature], [ErrAlgorithm], [ErrEncoding] and [ErrHeader] with a reason;
// a parameter given twice is an ErrHeader, since two readers could differ on it.
func ParseHeader(value string) (Header, error) {
	p, err := splitHeader(value)
	if err != nil {
		return Header{}, err
	}
	if p.algorithm.given && !strings.EqualFold(p.algorithm.value, RSA256) {
		return Header{}, fmt.Errorf("%w: the header says %.32q, use %s", ErrAlgorithm, p.algorithm.value, RSA256)
	}
	if v := p.keyVersion.value; v != "" {
		if err := CheckKeyVersion(v); err != nil {
			return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
		}
	}
	signature, err := decodeSignature(p.signature)
	if err != nil {
		return Header{}, err
	}
	return Header{Algorithm: RSA256, KeyVersion: p.keyVersion.value, Signature: signature}, nil
}

type parameter struct {
	value string
	given bool
}

type parameters struct{ algorithm, keyVersion, signature parameter }

func splitHeader(value string) (parameters, error) {
	var p parameters
	if len(value) > maxHeader {
		return p, fmt.Errorf("%w: it has %d bytes, more than %d", ErrHeader, len(value), maxHeader)
	}
	for part := range strings.SplitSeq(value, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, text, ok := strings.Cut(part, "=")
		if !ok {
			return p, fmt.Errorf("%w: a part has no = sign; write it as name=value", ErrHeader)
		}
		field := p.named(strings.TrimSpace(name))
		if field == nil {
			continue
		}
		if field.given {
			return p, fmt.Errorf("%w: %.32q is given twice", ErrHeader, name)
		}
		*field = parameter{value: strings.TrimSpace(text), given: true}
	}
	return p, nil
}

func (p *parameters) named(name string) *parameter {
	switch {
	case strings.EqualFold(name, "algorithm"):
		return &p.algorithm
	case strings.EqualFold(name, "keyVersion"):
		return &p.keyVersion
	case strings.EqualFold(name, "signature"):
		return &p.signature
	}
	return nil
}

func decodeSignature(p parameter) ([]byte, error) {
	if !p.given {
		return nil, fmt.Errorf("%w: there is no Signature header with a signature parameter", ErrNoSignature)
	}
	if p.value == "" {
		return nil, fmt.Errorf("%w: the signature parameter is empty", ErrNoSignature)
	}
	// Not the decoding of a query, which would turn the + of plain base64 into a space.
	text, err := url.PathUnescape(p.value)
	if err != nil {
		return nil, fmt.Errorf("%w: a %% sign is not followed by two hexadecimal digits", ErrEncoding)
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not standard base64 with padding, plain or percent-encoded", ErrEncoding)
	}
	if len(signature) == 0 {
		return nil, fmt.Errorf("%w: the signature parameter holds only line breaks", ErrNoSignature)
	}
	return signature, nil
}
