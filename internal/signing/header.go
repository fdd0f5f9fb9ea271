package signing

import (
	"encoding/base64"
	"errors"
	"fmt"
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
	var stack [1024]byte // enough for a key of 6144 bits
	text := base64.StdEncoding.AppendEncode(stack[:0], h.Signature)

	const algorithm, keyVersion, signature = "algorithm=", ", keyVersion=", ", signature="
	name := h.Algorithm
	if name == "" {
		name = RSA256
	}
	var b strings.Builder
	b.Grow(len(algorithm) + len(name) + len(keyVersion) + len(h.KeyVersion) + len(signature) + escapedLen(text))
	b.WriteString(algorithm)
	b.WriteString(name)
	if h.KeyVersion != "" {
		b.WriteString(keyVersion)
		b.WriteString(h.KeyVersion)
	}
	b.WriteString(signature)
	writeEscaped(&b, text)
	return b.String()
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
	var stack [maxHeader]byte
	text, ok := appendUnescaped(stack[:0], p.value)
	if !ok {
		return nil, fmt.Errorf("%w: a %% sign is not followed by two hexadecimal digits", ErrEncoding)
	}
	signature := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(signature, text)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not standard base64 with padding, plain or percent-encoded", ErrEncoding)
	}
	if n == 0 {
		return nil, fmt.Errorf("%w: the signature parameter holds only line breaks", ErrNoSignature)
	}
	return signature[:n], nil
}

// appendUnescaped is percent-decoding alone. The query decoding of net/url
// would turn the + of plain base64 into a space.
func appendUnescaped(dst []byte, s string) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			dst = append(dst, s[i])
			continue
		}
		if i+2 >= len(s) {
			return nil, false
		}
		high, ok1 := hexDigit(s[i+1])
		low, ok2 := hexDigit(s[i+2])
		if !ok1 || !ok2 {
			return nil, false
		}
		dst = append(dst, high<<4|low)
		i += 2
	}
	return dst, true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func escapedLen(text []byte) int {
	n := len(text)
	for _, c := range text {
		if escape(c) != "" {
			n += 2
		}
	}
	return n
}

func writeEscaped(b *strings.Builder, text []byte) {
	start := 0
	for i, c := range text {
		if e := escape(c); e != "" {
			b.Write(text[start:i])
			b.WriteString(e)
			start = i + 1
		}
	}
	b.Write(text[start:])
}

// escape returns "" for a character of base64 that stays as it is.
func escape(c byte) string {
	switch c {
	case '+':
		return "%2B"
	case '/':
		return "%2F"
	case '=':
		return "%3D"
	}
	return ""
}
