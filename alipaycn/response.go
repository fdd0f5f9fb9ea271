package alipaycn

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	utf16 "golang.org/x/text/encoding/unicode"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/transport"
)

const traceHeader = "Alipay-Trace-Id"

// classify says whether an answer can be trusted, whether it is a success, and
// whether the call may be sent again. A success is in got.
func (c *Client) classify(ctx context.Context, op cnwire.Operation, out outgoing, a *transport.Answer, got any) transport.Classification {
	if out.response != nil {
		out.response.take(a.Status, a.Header, a.Body, a.Attempt)
	}
	v := c.classifyAnswer(ctx, op, out, a, got)
	v.TraceID = shortened(a.Header.Get(traceHeader), longestQuote)
	if e, ok := errors.AsType[*Error](v.Err); ok {
		e.Operation, e.HTTPStatus, e.TraceID = op.Name, a.Status, v.TraceID
		if e.Code != "" { // otherwise the words are ours
			e.Message = a.Redact(e.Message)
		}
		for i := range e.Details {
			e.Details[i].Description, e.Details[i].Issue = a.Redact(e.Details[i].Description), a.Redact(e.Details[i].Issue)
		}
		c.redact(out, e)
		v.ResultCode = string(e.Code)
	}
	return v
}

func (c *Client) classifyAnswer(ctx context.Context, op cnwire.Operation, out outgoing, a *transport.Answer, got any) transport.Classification {
	signature, err := c.verify(ctx, op, a)
	if err != nil && signature != cnwire.SignatureMissing {
		return transport.Classification{Err: c.untrusted(a, signature, err)}
	}
	body, notDecrypted := c.content(op, a) // which is a refusal's too, signed or not
	if notDecrypted != nil && err == nil && a.Status < http.StatusBadRequest {
		return transport.Classification{Err: unreadable(a)}
	}
	// A refusal is believed without a signature, whatever the HTTP status: nothing
	// follows from it that would need one.
	if e, ok := parseRefusal(op, a.Status, body); ok && (err != nil || out.isRefusal(a.Status, body)) {
		if hint := timestampHint(e.Code, a.Header, c.now()); hint != "" {
			e.Hint = hint
		}
		return classifyRefusal(e)
	}
	if err != nil && a.Status < http.StatusMultipleChoices {
		return transport.Classification{Err: c.untrusted(a, signature, err)}
	}
	if err != nil || a.Status >= http.StatusBadRequest {
		return foreignAnswer(op, a) // such as a redirect: nothing of AlipayCN's
	}
	return c.classifySuccess(op, out, a, body, got)
}

// classifySuccess is classifyAnswer for a signed answer that is no refusal.
func (c *Client) classifySuccess(op cnwire.Operation, out outgoing, a *transport.Answer, body []byte, got any) transport.Classification {
	if a.Status == http.StatusAccepted {
		return classifyRefusal(notProcessed(op))
	}
	if e := c.stale(a.Header); e != nil {
		return transport.Classification{Err: e}
	}
	return readSuccess(op, out, a, body, got)
}

// content is what an answer says, as JSON in UTF-8: decrypted, without a byte order
// mark, and without the envelope of AlipayCN's older protocol.
func (c *Client) content(op cnwire.Operation, a *transport.Answer) ([]byte, error) {
	body, err := c.decrypt(withoutMark(a.Body))
	if err != nil {
		return nil, err
	}
	body = withoutMark(inUTF8(body, a.Header.Get("Content-Type")))
	return withoutEnvelope(op, repaired(body)), nil
}

// withoutMark takes a byte order mark away.
func withoutMark(text []byte) []byte {
	if trimmed, found := bytes.CutPrefix(bytes.TrimSpace(text), []byte("\ufeff")); found {
		return trimmed
	}
	return text
}

// decrypt decrypts content that is encrypted: base64, perhaps as a JSON text.
func (c *Client) decrypt(body []byte) ([]byte, error) {
	text := bytes.Trim(bytes.TrimSpace(body), `"`)
	if c.aes == nil || len(text) == 0 || bytes.ContainsFunc(text, notInBase64) {
		return body, nil
	}
	return c.aes.Decrypt(text)
}

func notInBase64(r rune) bool {
	return !isDigit(r) && !isASCIILetter(r) && !strings.ContainsRune("+/= \t\r\n", r)
}

// inUTF8 decodes GBK and its relatives, in which AlipayCN writes some messages, and UTF-16.
// Each text of the JSON is looked at for itself, because a gateway puts messages of others
// into its own. What counts is the charset of the content type, unless the bytes are UTF-8
// with Chinese in it, which a text in GBK is by accident only; without a charset, whether
// they are UTF-8.
func inUTF8(body []byte, contentType string) []byte {
	if text, ok := fromUTF16(body); ok {
		return text
	}
	charset := ""
	if strings.Contains(contentType, ";") { // parsing allocates
		_, params, _ := mime.ParseMediaType(contentType)
		charset = strings.ToLower(params["charset"])
	}
	gb := strings.HasPrefix(charset, "gb") || charset == "cp936" || charset == "ms936"
	if !gb && utf8.Valid(body) {
		return body
	}
	gb = gb || !utf8.Valid(body)
	texts := bytes.Split(body, []byte(`"`)) // which is no part of a character in GBK
	for i, text := range texts {
		if !isUTF8Text(text, gb) {
			if decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(text); err == nil { // which holds GBK and GB2312
				texts[i] = decoded
			}
		}
	}
	return bytes.ToValidUTF8(bytes.Join(texts, []byte(`"`)), []byte("\ufffd"))
}

// isUTF8Text says whether a text is UTF-8, perhaps with a character that was cut. Without
// Chinese in it, it may be GBK.
func isUTF8Text(text []byte, mayBeGB bool) bool {
	const longestCut = 3
	han, bad, other := 0, 0, 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			bad++
		case unicode.Is(unicode.Han, r):
			han++
		case r > unicode.MaxASCII:
			other++
		}
		text = text[size:]
	}
	return bad == 0 && (han > 0 || other == 0 || !mayBeGB) || bad <= longestCut && han > bad
}

// fromUTF16 decodes UTF-16 with a byte order mark, or such that begins like JSON.
func fromUTF16(body []byte) (text []byte, ok bool) {
	order := utf16.LittleEndian
	switch {
	case len(body) < 2 || len(body)%2 != 0:
		return nil, false
	case bytes.HasPrefix(body, []byte("\xfe\xff")), bytes.HasPrefix(body, []byte("\x00{")):
		order = utf16.BigEndian
	case !bytes.HasPrefix(body, []byte("\xff\xfe")) && !bytes.HasPrefix(body, []byte("{\x00")):
		return nil, false
	}
	text, err := utf16.UTF16(order, utf16.UseBOM).NewDecoder().Bytes(body)
	return text, err == nil
}

// repaired makes JSON of what is almost JSON: with control characters in its texts, with a
// backslash before what needs none, or with NUL bytes behind it. Anything else stays as it is.
func repaired(body []byte) []byte {
	if json.Valid(body) {
		return body
	}
	var fixed []byte
	inText := false
	trimmed := bytes.Trim(body, "\x00 \t\r\n")
	for i := 0; i < len(trimmed); i++ {
		b := trimmed[i]
		switch {
		case inText && b == '\\' && i+1 < len(trimmed):
			i++
			if bytes.IndexByte([]byte(`"\/bfnrtu`), trimmed[i]) >= 0 {
				fixed = append(fixed, b)
			}
			b = trimmed[i]
		case inText && b < ' ':
			fixed = fmt.Appendf(fixed, `\u%04x`, b)
			continue
		case b == '"':
			inText = !inText
		}
		fixed = append(fixed, b)
	}
	if !json.Valid(fixed) {
		return body
	}
	return fixed
}

// withoutEnvelope takes {"alipay_open_…_response":{…},"sign":"…"} apart.
func withoutEnvelope(op cnwire.Operation, body []byte) []byte {
	inside := body
	if bytes.Contains(body, []byte(`_response"`)) && json.Valid(body) && bytes.TrimSpace(body)[0] == '{' {
		for rest := insideOf(bytes.TrimSpace(body)); len(rest) > 0; {
			var name, value []byte
			name, rest = nextValue(rest)
			value, rest = nextValue(rest)
			if of := textOf(name); (of == "error_response" || of == strings.ReplaceAll(op.API, ".", "_")+"_response") && value[0] == '{' {
				inside = value
			}
		}
	}
	return inside
}

// readSuccess reads a verified success, which may be empty. A write is done, whatever
// of its answer can be read; a read must have answered something.
func readSuccess(op cnwire.Operation, out outgoing, a *transport.Answer, body []byte, got any) transport.Classification {
	answer := Answer{}
	if len(bytes.TrimSpace(body)) > 0 {
		var err error
		valid := json.Valid(body)
		if valid {
			answer.Raw = body
		}
		switch {
		case got != nil && valid:
			answer.Odd, err = readValidJSON(body, got)
		case got != nil:
			err = errNotRead
		}
		switch {
		case err != nil && !op.Write:
			return transport.Classification{Err: unreadable(a)}
		case err != nil && len(answer.Odd) == 0:
			answer.Odd = []OddField{{Problem: "is no JSON"}}
		}
	}
	if bound, ok := got.(boundAnswer); ok {
		if another := bound.differs(out.input); another != "" {
			return transport.Classification{Err: anotherAnswer(another)}
		}
	}
	answer.Odd = append(answer.Odd, besideInput(got, out.input, answer.Odd)...)
	if described, ok := got.(interface{ set(answer Answer) }); ok {
		described.set(answer)
	}
	if out.response != nil {
		out.response.Answer = answer
	}
	return transport.Classification{Detail: withoutValues(answer.Odd)}
}

// besideInput are the fields that are odd beside the input, and not odd for themselves.
func besideInput(got, input any, known []OddField) (odd []OddField) {
	if answer, ok := got.(besideAnswer); ok {
		for _, o := range answer.beside(input) {
			if !slices.ContainsFunc(known, func(k OddField) bool { return k.Path == o.Path }) {
				odd = append(odd, o)
			}
		}
	}
	return odd
}

// anotherAnswer is the error of a success that is about something else than was asked for.
func anotherAnswer(about string) *Error {
	cause := &alipayplus.SignatureError{Reason: "it is about something else than was asked for: " + about}
	return &Error{
		Message: cause.Error(), cause: cause, another: true,
		Hint: "somebody may exchange answers: check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine",
	}
}

// withoutValues are odd fields as an observer gets them; nil when there are none.
func withoutValues(odd []OddField) any {
	if len(odd) == 0 {
		return nil
	}
	shown := slices.Clone(odd)
	for i := range shown {
		shown[i].Value = nil
	}
	return shown
}

// classifyRefusal is the verdict on AlipayCN's refusal.
func classifyRefusal(e *Error) transport.Classification {
	soon := e.Retryable && !errors.Is(e, ErrNotReady) // which takes minutes: not for the waits between attempts
	return transport.Classification{Err: e, NoEffect: !e.OutcomeUnknown, Retry: soon && !e.OutcomeUnknown}
}

// notProcessed is the error of HTTP 202 without a code. AlipayCN documents it as
// "accepted, not processed: repeat with the same parameters".
func notProcessed(op cnwire.Operation) *Error {
	e := &Error{HTTPStatus: http.StatusAccepted, Message: "accepted, but not processed"}
	e.classify(op)
	return e
}

// untrusted is the error of an answer with a signature that is missing or wrong.
func (c *Client) untrusted(a *transport.Answer, signature cnwire.SignatureStatus, err error) *Error {
	reason := strings.TrimPrefix(err.Error(), "answer: ")
	if errors.Is(err, signing.ErrMismatch) {
		reason = "its signature does not fit: it was changed on its way, or the key for checking it is not Alipay's for this app"
	}
	hint := "check Alipay's public key (WithAlipayPublicKey, ALIPAYCN_PUBLIC_KEY_FILE), which is not the app's own"
	_, otherCertificate := errors.AsType[*cnwire.SerialError](err)
	switch {
	case otherCertificate:
		reason = strings.Replace(reason, "answer names", "it names", 1)
		hint = "get Alipay's current certificate from the console and give it (WithCertificates, ALIPAYCN_ALIPAY_CERT_FILE)"
		if !c.trust.download {
			hint += ", or let the client fetch it (WithCertificateDownload)"
		}
	case signature == cnwire.SignatureMissing:
		reason = fmt.Sprintf("it is not signed (content type %q)", contentTypeOf(a))
		hint = "check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine"
	case len(c.trust.keys.Certificates) > 0:
		hint = "check Alipay's certificate (WithCertificates, ALIPAYCN_ALIPAY_CERT_FILE), which is not the app's own"
	case a.Header.Get(cnwire.HeaderSN) != "":
		hint = "the answer names a certificate, so the app may be in certificate mode: then give the certificates in place of Alipay's public key (WithCertificates, ALIPAYCN_ALIPAY_CERT_FILE)"
	}
	cause := &alipayplus.SignatureError{Reason: reason}
	e := &Error{Message: cause.Error(), Hint: hint, cause: cause}
	if signature == cnwire.SignatureMissing {
		e.Body, e.Foreign = excerpt(a), true
	}
	return e
}

// unreadable is the error of a success that is signed, but no JSON of ours.
func unreadable(a *transport.Answer) *Error {
	return &Error{
		Message: fmt.Sprintf("the answer is signed but cannot be read (content type %q)", contentTypeOf(a)),
		Hint:    "check the AES key (WithAESKey), and the version of this library", Body: excerpt(a),
	}
}

// longestQuote is how many characters an error quotes of a text from outside.
const longestQuote = 200

func contentTypeOf(a *transport.Answer) string {
	return shortened(a.Header.Get("Content-Type"), longestQuote)
}

// excerpt is the beginning of an answer that cannot be used, in UTF-8.
func excerpt(a *transport.Answer) string {
	readable := *a
	readable.Body = inUTF8(a.Body, a.Header.Get("Content-Type"))
	return readable.Excerpt()
}

// foreignAnswer is the verdict on an answer that is not AlipayCN's, such as a
// proxy's page.
func foreignAnswer(op cnwire.Operation, a *transport.Answer) transport.Classification {
	e := &Error{
		HTTPStatus: a.Status, Body: excerpt(a), Foreign: true,
		Message: fmt.Sprintf("the answer is not AlipayCN's: no code, content type %q", contentTypeOf(a)),
	}
	switch {
	case a.Status == http.StatusTooManyRequests:
		e.Message = "too many calls: a proxy or gateway between this machine and AlipayCN refuses them"
		e.Hint, e.Retryable = "call less often (WithRateLimit), and repeat it later", true
		return transport.Classification{Err: e, Retry: true, NoEffect: true}
	case a.Status >= http.StatusInternalServerError, a.Status == http.StatusRequestTimeout:
		e.Retryable, e.OutcomeUnknown = !op.Write, op.Write
		e.Hint = "something between this machine and AlipayCN has a problem"
		if !op.Write {
			e.Hint += "; try later"
		}
		return transport.Classification{Err: e, Retry: true}
	case a.Status == http.StatusRequestEntityTooLarge:
		e.Hint = "the call with its files is too large; make the files smaller, or send fewer"
		return transport.Classification{Err: e, NoEffect: true}
	default:
		e.Hint = "check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine"
		return transport.Classification{Err: e, NoEffect: true}
	}
}

// successCode is that of a success in AlipayCN's older protocol. In this one a
// success has no code.
const successCode = "10000"

// parseRefusal makes the error of an answer from its body: JSON with code and message,
// whatever the HTTP status. It returns false when the body is something else,
// such as a success or a proxy's page.
func parseRefusal(op cnwire.Operation, status int, body []byte) (*Error, bool) {
	b, code, ok := readErrorBody(body)
	if !ok {
		return nil, false // another body is an answer too, and the caller's business
	}
	message := b.message()
	e := &Error{
		Operation: op.Name, Code: code, HTTPStatus: status, Message: message,
		Details: b.Details, Links: b.Links, Hint: code.Hint(),
	}
	e.classify(op)
	return e, true
}

// readErrorBody finds a refusal in a body, where it is in a text, in a list, or a part of
// an object too, and returns its code.
func readErrorBody(body []byte) (b errorBody, code Code, ok bool) {
	const deepest = 4
	if !b.mayBeIn(body) || len(bytes.TrimSpace(body)) == 0 {
		return b, "", false
	}
	if !json.Valid(body) { // there is more behind it
		if body, _ = nextValue(body); !json.Valid(body) {
			return b, "", false
		}
	}
	value, _ := nextValue(body)
	return findErrorBody(value, deepest)
}

func findErrorBody(value []byte, depth int) (b errorBody, code Code, ok bool) {
	if depth == 0 {
		return b, "", false
	}
	var inner [][]byte
	switch kindOfJSON(value[0]) {
	case kindText:
		if text := []byte(textOf(value)); json.Valid(text) {
			text, _ = nextValue(text)
			inner = [][]byte{text}
		}
	case kindList:
		if rest := insideOf(value); len(rest) > 0 {
			first, _ := nextValue(rest)
			inner = [][]byte{first}
		}
	case kindObject:
		if json.Unmarshal(value, &b) != nil {
			return b, "", false
		}
		if code, ok = b.statedCode(); ok {
			return b, code, true
		}
		inner = b.inner
	}
	for _, part := range inner {
		if b, code, ok = findErrorBody(part, depth-1); ok {
			return b, code, true
		}
	}
	return errorBody{}, "", false
}

// mayBeIn says quickly whether a body can be a refusal.
func (errorBody) mayBeIn(body []byte) bool {
	for _, name := range []string{`ode"`, `ODE"`, `essage"`, `ESSAGE"`, `ode\"`, `essage\"`} {
		if bytes.Contains(body, []byte(name)) {
			return true
		}
	}
	return false
}

// statedCode is the code that a body states; false when it is no refusal.
func (b errorBody) statedCode() (Code, bool) {
	texts := []string{b.message()}
	for _, d := range b.Details {
		texts = append(texts, d.Issue, d.Description)
	}
	code, ok := statedCode(string(cmp.Or(b.SubCode, b.Code)), strings.Join(texts, "\n"))
	return code, ok && code != successCode
}

func (b errorBody) message() string { return string(cmp.Or(b.SubMessage, b.Message)) }

// isRefusal says whether what can be read as a refusal is one. The answers of wrapped
// operations have no code; another's success may have one, but then no message with it.
func (out outgoing) isRefusal(status int, body []byte) bool {
	if !out.unwrapped || status >= http.StatusBadRequest {
		return true
	}
	var b errorBody
	return json.Unmarshal(body, &b) == nil && b.Code+b.SubCode != "" && b.message() != ""
}

// classify says from code and status whether the call may be repeated, and whether
// a write may have taken effect.
func (e *Error) classify(op cnwire.Operation) {
	class := e.Code.Class()
	if class == nil {
		class = statusClass(e.HTTPStatus)
	}
	switch {
	case errors.Is(class, alipayplus.ErrRateLimited), errors.Is(class, ErrRetryLater), errors.Is(class, ErrNotReady):
		e.Retryable = true
	case errors.Is(class, alipayplus.ErrOutcomeUnknown):
		e.OutcomeUnknown, e.Retryable = op.Write, !op.Write
	case errors.Is(class, alipayplus.ErrAuthorizationRequired):
		e.cause = &AuthorizationError{API: op.API, Code: e.Code}
	}
}

// statusClass is the class of an answer whose code has none, by the statuses
// that AlipayCN documents. 400 has no class: refusals of every kind come with it.
// 202 is "accepted, not processed: repeat with the same parameters"; as there is
// no idempotency key, that is an unknown outcome here.
func statusClass(status int) error {
	switch {
	case status == http.StatusUnauthorized:
		return alipayplus.ErrUnauthenticated
	case status == http.StatusForbidden:
		return alipayplus.ErrPermission
	case status == http.StatusNotFound:
		return alipayplus.ErrNotFound
	case status == http.StatusTooManyRequests:
		return alipayplus.ErrRateLimited
	case status == http.StatusAccepted || status >= http.StatusInternalServerError:
		return alipayplus.ErrOutcomeUnknown
	default:
		return nil
	}
}

// errorBody is the body of an error answer. What is unusual in it is kept as
// well as can be: an error that can be read in part is better than none.
type errorBody struct {
	Code    scalar
	Message scalar
	Links   links
	Details details

	// SubCode and SubMessage are of the older protocol.
	SubCode    scalar
	SubMessage scalar

	// inner are the parts in which the refusal may be instead.
	inner [][]byte
}

// UnmarshalJSON reads the fields by their names in whatever letters, and by those that
// gateways use for them besides.
func (b *errorBody) UnmarshalJSON(data []byte) error {
	if value, _ := nextValue(data); len(value) == 0 || kindOfJSON(value[0]) != kindObject {
		return errNotRead
	}
	*b = errorBody{}
	for rest := insideOf(bytes.TrimSpace(data)); len(rest) > 0; {
		var name, value []byte
		name, rest = nextValue(rest)
		value, rest = nextValue(rest)
		plain := strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(textOf(name)))
		var err error
		switch plain {
		case "code", "errorcode", "errcode":
			err = json.Unmarshal(value, &b.Code)
		case "subcode":
			err = json.Unmarshal(value, &b.SubCode)
		case "message", "msg", "errormessage", "errormsg", "errmsg":
			err = json.Unmarshal(value, &b.Message)
		case "submessage", "submsg":
			err = json.Unmarshal(value, &b.SubMessage)
		case "links":
			err = json.Unmarshal(value, &b.Links)
		case "details":
			err = json.Unmarshal(value, &b.Details)
		case "error", "errors", "response", "errorresponse":
			b.inner = append(b.inner, value)
		default:
			if strings.HasPrefix(plain, "alipay") && strings.HasSuffix(plain, "response") {
				b.inner = append(b.inner, value)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// scalar is a text, perhaps in a list; anything else is kept as its JSON. It is cut where
// no text of AlipayCN's is that long.
type scalar string

const (
	longestScalar = 2000
	// mostEntries is how many links and details are kept.
	mostEntries = 50
)

func (s *scalar) UnmarshalJSON(data []byte) error {
	text, err := scalarText(data)
	if err != nil {
		text = string(data)
		if value, _ := nextValue(data); kindOfJSON(value[0]) == kindList && len(insideOf(value)) > 0 {
			first, rest := nextValue(insideOf(value))
			if only, err := scalarText(first); err == nil && len(rest) == 0 {
				text = only
			}
		}
	}
	*s = scalar(strings.ToValidUTF8(text[:min(len(text), longestScalar)], ""))
	return nil
}

// links is a text by the documents, and an array of {link, desc} in real
// answers.
type links []Link

func (l *links) UnmarshalJSON(data []byte) error {
	*l = nil
	if url, err := scalarText(data); err == nil {
		if url != "" {
			*l = links{{URL: url}}
		}
		return nil
	}
	type entry struct {
		Link scalar `json:"link"`
		Desc scalar `json:"desc"`
	}
	for _, e := range readList[entry](data) {
		*l = append(*l, Link{URL: string(e.Link), Description: string(e.Desc)})
	}
	return nil
}

// details is an array of {field, value, location, issue, description}.
type details []Detail

func (d *details) UnmarshalJSON(data []byte) error {
	*d = nil
	type entry struct {
		Field       scalar `json:"field"`
		Value       scalar `json:"value"`
		Location    scalar `json:"location"`
		Issue       scalar `json:"issue"`
		Description scalar `json:"description"`
	}
	for _, e := range readList[entry](data) {
		*d = append(*d, Detail{string(e.Field), string(e.Value), string(e.Location), string(e.Issue), string(e.Description)})
	}
	return nil
}

// readList reads an array of objects, or one object, and nothing from anything else.
func readList[E any](data []byte) []E {
	var all []E
	if json.Unmarshal(data, &all) == nil {
		return all[:min(len(all), mostEntries)]
	}
	var one E
	if json.Unmarshal(data, &one) == nil {
		return []E{one}
	}
	return nil
}

const (
	// defaultMaxSkew is not documented by AlipayCN.
	defaultMaxSkew = 30 * time.Minute
	// clockNoise is the difference that the way of an answer may make.
	clockNoise = time.Minute
)

// clockAhead is how far this machine's clock is ahead of the one that answered;
// below 0: behind. It is taken from the Date header, or else from the signed time.
func clockAhead(h http.Header, now time.Time) (offset time.Duration, known bool) {
	if offset, known = dateAhead(h, now); known {
		return offset, true
	}
	return signedAhead(h, now)
}

func dateAhead(h http.Header, now time.Time) (offset time.Duration, known bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0, false
	}
	return now.Sub(date), true
}

func signedAhead(h http.Header, now time.Time) (offset time.Duration, known bool) {
	milliseconds, err := strconv.ParseInt(h.Get(cnwire.HeaderTimestamp), 10, 64)
	if err != nil {
		return 0, false
	}
	return now.Sub(time.UnixMilli(milliseconds)), true
}

// stale is the error of a success that was signed at another time; nil when the
// time fits, or cannot be read. The Date header, which is not signed,
// distinguishes a wrong clock from an old answer.
func (c *Client) stale(h http.Header) *Error {
	now := c.now()
	offset, known := signedAhead(h, now)
	if !known || offset.Abs() <= c.maxSkew {
		return nil
	}
	reason, hint := "it was signed "+durationText(offset)+" before this machine's time", clockHint(offset)
	if offset < 0 {
		reason = "it was signed " + durationText(offset) + " after this machine's time"
	}
	if byDate, known := dateAhead(h, now); known && byDate.Abs() <= c.maxSkew {
		reason += ", which is right by the answer's Date"
		hint = "somebody may be replaying old answers: check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine"
	}
	cause := &alipayplus.SignatureError{Reason: reason}
	return &Error{Message: cause.Error(), Hint: hint, cause: cause}
}

// timestampHint is what to do when AlipayCN refuses the time of a request; empty
// for other codes, and when the answer has no time.
func timestampHint(code Code, h http.Header, now time.Time) string {
	if code != GatewayIllegalTimestamp && code != GatewayInvalidTimestamp {
		return ""
	}
	offset, known := clockAhead(h, now)
	switch {
	case !known:
		return ""
	case offset.Abs() <= clockNoise:
		return "this machine's clock is right by AlipayCN's answer, so the request was held up on its way; check what is between this machine and AlipayCN"
	default:
		return clockHint(offset)
	}
}

func clockHint(offset time.Duration) string {
	direction := "ahead of"
	if offset < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("set this machine's clock: it seems to be %s %s AlipayCN's", durationText(offset), direction)
}

// durationText is the length of a duration, whatever its sign.
func durationText(d time.Duration) string {
	d = d.Abs()
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if n := d.Round(unit.size) / unit.size; n >= 2 {
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
