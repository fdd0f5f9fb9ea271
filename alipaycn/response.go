package alipaycn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/transport"
)

const traceHeader = "Alipay-Trace-Id"

// classify says whether an answer can be trusted, whether it is a success, and
// whether the call may be sent again. A success is in got.
func (c *Client) classify(ctx context.Context, op cnwire.Operation, out outgoing, a *transport.Answer, got any) transport.Classification {
	v := c.classifyAnswer(ctx, op, a, got)
	v.TraceID = a.Header.Get(traceHeader)
	if e, ok := errors.AsType[*Error](v.Err); ok {
		e.Operation, e.HTTPStatus, e.TraceID = op.Name, a.Status, v.TraceID
		c.redact(out, e)
		v.ResultCode = string(e.Code)
	}
	return v
}

func (c *Client) classifyAnswer(ctx context.Context, op cnwire.Operation, a *transport.Answer, got any) transport.Classification {
	signature, err := c.verify(ctx, op, a)
	switch {
	case err != nil && signature == cnwire.SignatureMissing && a.Status >= http.StatusMultipleChoices:
		return foreignAnswer(op, a) // a redirect: nothing of AlipayCN's
	case err != nil:
		return transport.Classification{Err: c.untrusted(a, signature, err)}
	}
	body := a.Body
	if signature == cnwire.SignatureValid {
		if body, err = c.decrypt(body); err != nil {
			return transport.Classification{Err: unreadable(a)}
		}
	}
	e, ok := parseRefusal(op, a.Status, body)
	switch {
	case ok:
		if hint := timestampHint(e.Code, a.Header, c.now()); hint != "" {
			e.Hint = hint
		}
		return classifyRefusal(e)
	case a.Status == http.StatusAccepted:
		return classifyRefusal(notProcessed(op))
	case a.Status >= http.StatusBadRequest:
		return foreignAnswer(op, a)
	}
	if e := c.stale(a.Header); e != nil {
		return transport.Classification{Err: e}
	}
	return readSuccess(a, body, got)
}

// decrypt decrypts content that is encrypted: base64, which never begins like JSON.
// It must have been verified before.
func (c *Client) decrypt(body []byte) ([]byte, error) {
	text := bytes.TrimSpace(body)
	if c.aes == nil || len(text) == 0 || text[0] == '{' {
		return body, nil
	}
	return c.aes.Decrypt(text)
}

// readSuccess reads a verified success, which may be empty.
func readSuccess(a *transport.Answer, body []byte, got any) transport.Classification {
	if got == nil || len(bytes.TrimSpace(body)) == 0 {
		return transport.Classification{}
	}
	if err := readJSON(body, got); err != nil {
		return transport.Classification{Err: unreadable(a)}
	}
	return transport.Classification{}
}

// classifyRefusal is the verdict on AlipayCN's refusal.
func classifyRefusal(e *Error) transport.Classification {
	v := transport.Classification{Err: e, Outcome: transport.Final}
	switch {
	case e.OutcomeUnknown:
		v.Outcome = transport.Unknown
	case errors.Is(e, ErrNotReady): // takes minutes: not for the waits between attempts
	case e.Retryable:
		v.Outcome, v.Retry = transport.NotProcessed, true
	}
	return v
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
		reason = fmt.Sprintf("it is not signed (content type %q)", a.Header.Get("Content-Type"))
		hint = "check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine"
	case len(c.trust.keys.Certificates) > 0:
		hint = "check Alipay's certificate (WithCertificates, ALIPAYCN_ALIPAY_CERT_FILE), which is not the app's own"
	case a.Header.Get(cnwire.HeaderSN) != "":
		hint = "the answer names a certificate, so the app may be in certificate mode: then give the certificates in place of Alipay's public key (WithCertificates, ALIPAYCN_ALIPAY_CERT_FILE)"
	}
	cause := &alipayplus.SignatureError{Reason: reason}
	e := &Error{Message: cause.Error(), Hint: hint, cause: cause}
	if signature == cnwire.SignatureMissing {
		e.Body = a.Excerpt()
	}
	return e
}

// unreadable is the error of a success that is signed, but no JSON of ours.
func unreadable(a *transport.Answer) *Error {
	return &Error{
		Message: fmt.Sprintf("the answer is signed but cannot be read (content type %q)", a.Header.Get("Content-Type")),
		Hint:    "check the AES key (WithAESKey), and the version of this library", Body: a.Excerpt(),
	}
}

// foreignAnswer is the verdict on an answer that is not AlipayCN's, such as a
// proxy's page.
func foreignAnswer(op cnwire.Operation, a *transport.Answer) transport.Classification {
	e := &Error{
		HTTPStatus: a.Status, Body: a.Excerpt(),
		Message: fmt.Sprintf("the answer is not AlipayCN's: no code, content type %q", a.Header.Get("Content-Type")),
	}
	switch {
	case a.Status == http.StatusTooManyRequests:
		e.Message = "too many calls, says something between this machine and AlipayCN"
		e.Hint, e.Retryable = "call less often (WithRateLimit), and repeat it later", true
		return transport.Classification{Err: e, Retry: true, Outcome: transport.NotProcessed}
	case a.Status >= http.StatusInternalServerError, a.Status == http.StatusRequestTimeout:
		e.Retryable, e.OutcomeUnknown = !op.Write, op.Write
		e.Hint = "something between this machine and AlipayCN has a problem"
		if !op.Write {
			e.Hint += "; try later"
		}
		return transport.Classification{Err: e, Retry: true, Outcome: transport.Unknown}
	case a.Status == http.StatusRequestEntityTooLarge:
		e.Hint = "the call with its files is too large; make the files smaller, or send fewer"
		return transport.Classification{Err: e, Outcome: transport.NotProcessed}
	default:
		e.Hint = "check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine"
		return transport.Classification{Err: e, Outcome: transport.NotProcessed}
	}
}

// successCode is that of a success in AlipayCN's older protocol. In this one a
// success has no code.
const successCode = "10000"

// parseRefusal makes the error of an answer from its body: JSON with code and message,
// whatever the HTTP status. It returns false when the body is something else,
// such as a success or a proxy's page.
func parseRefusal(op cnwire.Operation, status int, body []byte) (*Error, bool) {
	var b errorBody
	if !bytes.Contains(body, []byte(`"code"`)) || json.Unmarshal(body, &b) != nil || b.Code == "" || b.Code == successCode {
		return nil, false //nolint:nilerr // another body is an answer too, and the caller's business
	}
	code := Code(b.Code)
	if code == GatewayUnknownSubCode {
		if named, found := findCode(string(b.Message)); found {
			code = named
		}
	}
	e := &Error{
		Operation: op.Name, Code: code, HTTPStatus: status, Message: string(b.Message),
		Details: b.Details, Links: b.Links, Hint: code.Hint(),
	}
	e.classify(op)
	return e, true
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
	Code    scalar  `json:"code"`
	Message scalar  `json:"message"`
	Links   links   `json:"links"`
	Details details `json:"details"`
}

// scalar is a text; anything else is kept as its JSON. It is cut where no text of
// AlipayCN's is that long.
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
