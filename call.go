package alipayplus

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/transport"
)

const (
	jsonContent = "application/json; charset=UTF-8"
	isoTime     = "2006-01-02T15:04:05.000Z07:00"
)

// answer is the outside of every answer: the documented result object, and what
// this contract adds to it.
type answer[T any] struct {
	answerHead
	Data *T `json:"data"`
}

func (a *answer[T]) reset() { *a = answer[T]{} }

func (a *answer[T]) empty() bool { return a.Data == nil }

// envelope is an answer of any operation.
type envelope interface {
	reset()
	head() *answerHead
	// empty says that the answer holds nothing besides its head.
	empty() bool
}

type answerHead struct {
	Result struct {
		Status  ResultStatus `json:"resultStatus"`
		Code    Code         `json:"resultCode"`
		Message string       `json:"resultMessage"`
	} `json:"result"`
	// RequestID repeats that of a write, so that an answer cannot be taken for
	// another call's.
	RequestID string `json:"requestId"`
	// Question names the attempt that is answered; empty in the kept answer of a
	// write, and where the platform does not say.
	Question string        `json:"inReplyTo"`
	Details  *errorDetails `json:"details"`
}

func (h *answerHead) head() *answerHead { return h }

// errorDetails are the machine-readable part of a refusal.
type errorDetails struct {
	Fields        []FieldError                `json:"fields"`
	Limit         *LimitError                 `json:"limit"`
	Ratio         *RatioError                 `json:"ratio"`
	Authorization *AuthorizationRequiredError `json:"authorization"`
	Permission    *PermissionError            `json:"permission"`
	Downgrade     *DowngradeError             `json:"downgrade"`
}

// send makes one logical call: it checks the input, sends it, repeatedly if need
// be, and returns the data of the answer.
func send[T any](ctx context.Context, c *Client, op contract.Operation, requestID string, in any) (*T, error) {
	var got answer[T]
	if err := sendTo(ctx, c, op, requestID, in, &got); err != nil {
		return nil, err
	}
	return got.Data, nil
}

// sendWrite is send for a write: requestID is the field of in that holds its
// idempotency key, which is made where the caller gave none.
func sendWrite[T any](ctx context.Context, c *Client, op contract.Operation, in any, requestID *string) (*T, error) {
	if *requestID == "" {
		*requestID = rand.Text()
	}
	return send[T](ctx, c, op, *requestID, in)
}

// sendTo is send for an answer of any shape.
func sendTo(ctx context.Context, c *Client, op contract.Operation, requestID string, in any, got envelope) error {
	if err := checkInput(in); err != nil {
		return notSent(op, err)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return notSent(op, err)
	}
	return c.exchange(ctx, op, requestID, &transport.Call{ContentType: jsonContent, Body: body}, got)
}

// exchange makes the attempts of a call and decodes the answer of a success into got.
func (c *Client) exchange(ctx context.Context, op contract.Operation, requestID string, call *transport.Call, got envelope) (err error) {
	if c == nil || c.transport == nil {
		return notSent(op, errNotMade)
	}
	ctx, end := c.operations.Begin(ctx, Operation{Name: op.Name, RequestID: requestID})
	defer func() { end(err) }()
	call.Operation, call.RequestID = op.Name, requestID
	call.Method, call.URL = http.MethodPost, c.endpoint.address+op.Path
	call.Repeatable = true // every write carries the key under which it is done once
	stream := call.Sign
	expected := expectation{requestID: requestID}
	call.Sign = func(ctx context.Context, h http.Header) (err error) {
		if stream == nil {
			err = c.sign(op, h, call.Body)
		} else {
			err = stream(ctx, h)
		}
		expected.signature = h.Get("Signature")
		return err
	}
	call.Classify = func(a *transport.Answer) transport.Classification { return c.classify(op, expected, a, got) }
	if _, err := c.transport.Do(ctx, call); err != nil {
		return callError(ctx, op, requestID, err)
	}
	return nil
}

// expectation is what an answer must be the answer to.
type expectation struct {
	// requestID is that of the write; empty for a read.
	requestID string
	// signature is the Signature header of the attempt.
	signature string
}

// sign adds the documented headers of one attempt.
func (c *Client) sign(op contract.Operation, h http.Header, body []byte) error {
	at := c.now()
	digest := signing.Digest(http.MethodPost, c.endpoint.path+op.Path, c.clientID, at, body)
	return c.setHeaders(h, at, digest[:])
}

func (c *Client) setHeaders(h http.Header, at string, digest []byte) error {
	signature, err := signing.Sign(c.signer, digest)
	if err != nil {
		return &localError{err: err, hint: "check the signer that the client was given (WithSigner)", signer: true}
	}
	header := signing.Header{KeyVersion: c.keyVersion, Signature: signature}.String()
	h.Set("Client-Id", c.clientID)
	h.Set("Request-Time", at)
	h.Set("Signature", header)
	return nil
}

// localError is a failure on this side of the network: the caller's signer failed,
// or its content could not be read. Nothing was sent.
type localError struct {
	err  error
	hint string
	// signer says that it was the signer, which may be a remote service: the failure
	// may pass.
	signer bool
}

func (e *localError) Error() string { return e.err.Error() }

func (e *localError) Unwrap() error { return e.err }

// signStream is sign for a body that is read in pieces.
func (c *Client) signStream(op contract.Operation, h http.Header, body io.Reader) error {
	at := c.now()
	hash := signing.NewDigest(http.MethodPost, c.endpoint.path+op.Path, c.clientID, at)
	if _, err := io.Copy(hash, body); err != nil {
		return &localError{err: fmt.Errorf("read the content: %w", err)}
	}
	return c.setHeaders(h, at, hash.Sum(nil))
}

func (c *Client) now() string {
	if c.timeFormat == TimeUnixMilli {
		return strconv.FormatInt(time.Now().UnixMilli(), 10)
	}
	return time.Now().Format(isoTime)
}

// classify says whether an answer can be trusted, whether it is a success, and
// whether the call may be sent again.
func (c *Client) classify(op contract.Operation, expected expectation, a *transport.Answer, got envelope) transport.Classification {
	trace := a.Header.Get("Trace-Id")
	fail := func(e *Error) *Error {
		e.Operation, e.RequestID, e.TraceID, e.HTTPStatus = op.Name, expected.requestID, trace, a.Status
		return e
	}
	if a.Header.Get("Signature") == "" {
		return classifyUnsigned(a, fail)
	}
	answered, err := c.verify(op, a)
	if err != nil {
		return transport.Classification{Err: fail(untrusted(err)), TraceID: trace}
	}
	got.reset()
	if err := json.Unmarshal(a.Body, got); err != nil {
		return transport.Classification{Err: fail(notJSON(a)), TraceID: trace}
	}
	head := got.head()
	if d := head.Details; d != nil && d.Authorization != nil {
		d.Authorization.URL = c.endpoint.resolve(d.Authorization.URL)
	}
	cl := transport.Classification{ResultCode: string(head.Result.Code), ResultStatus: string(head.Result.Status), TraceID: trace}
	if err := c.matchesRequest(head, expected, answered); err != nil {
		cl.Err = fail(untrusted(err))
		return cl
	}
	switch {
	case head.Result.Status == "":
		cl.Err = fail(incomplete("the answer has no result"))
	case head.Result.Status != ResultSuccess:
		e := fail(resultError(head, a))
		e.Hint = hintFor(e.Code, answered)
		cl.Err, cl.Retry, cl.NoEffect = e, e.Retryable, e.ResultStatus == ResultFailed || e.Code == CodeTrafficExceedLimit
	case got.empty():
		cl.Err = fail(incomplete("the answer has no data"))
	}
	return cl
}

// get is send for a read of one thing, which is refused when it is not the one that
// was asked for.
func get[T any](ctx context.Context, c *Client, op contract.Operation, in any, isAsked func(*T) bool) (*T, error) {
	got, err := send[T](ctx, c, op, "", in)
	if err == nil && !isAsked(got) {
		return nil, unexpectedAnswer(op)
	}
	return got, err
}

// list is send for a page of a list, which is refused when something in it was not
// asked for, or when there is more than was asked for.
func list[T any](ctx context.Context, c *Client, op contract.Operation, in any, limit int, isAsked func(*T) bool) (*Page[T], error) {
	got, err := send[Page[T]](ctx, c, op, "", in)
	if err != nil {
		return nil, err
	}
	notAsked := func(item *T) bool { return item == nil || !isAsked(item) }
	if limit > 0 && len(got.Items) > limit || slices.ContainsFunc(got.Items, notAsked) {
		return nil, unexpectedAnswer(op)
	}
	return got, nil
}

func unexpectedAnswer(op contract.Operation) error {
	err := untrusted(&SignatureError{Reason: "it is about something else than was asked for; somebody may exchange answers"})
	err.Operation = op.Name
	return err
}

// anything matches every item of a list that was asked for without a filter.
func anything[T any](*T) bool { return true }

// matchesFilter says whether a filter lets a value through; one that is empty lets all, and
// a value that the platform leaves out does not count as another one.
func matchesFilter[S ~string](filter, value S) bool {
	return filter == "" || value == "" || filter == value
}

// verify checks the signature over the raw bytes and returns when the answer
// was made.
func (c *Client) verify(op contract.Operation, a *transport.Answer) (time.Time, error) {
	for _, name := range []string{"Signature", "Client-Id", "Response-Time"} {
		if len(a.Header.Values(name)) > 1 {
			return time.Time{}, &SignatureError{Reason: "it has the header " + name + " more than once"}
		}
	}
	signed, err := signing.ParseHeader(a.Header.Get("Signature"))
	if err != nil {
		return time.Time{}, &SignatureError{Reason: err.Error()}
	}
	if id := a.Header.Get("Client-Id"); id != c.clientID {
		return time.Time{}, &SignatureError{Reason: "it is made out to another client id"}
	}
	key, ok := c.platform.find(signed.KeyVersion)
	if !ok {
		return time.Time{}, &SignatureError{Reason: fmt.Sprintf("it is signed with key version %q, for which there is no platform key; give WithPlatformKey for it", signed.KeyVersion)}
	}
	at := a.Header.Get("Response-Time")
	digest := signing.Digest(http.MethodPost, c.endpoint.path+op.Path, c.clientID, at, a.Body)
	if err := signing.Verify(key, digest[:], signed.Signature); err != nil {
		return time.Time{}, &SignatureError{Reason: "the signature does not fit; check the platform's public key (WithPlatformKey)"}
	}
	answered, err := signing.ParseTime(at)
	if err != nil {
		return time.Time{}, &SignatureError{Reason: "its Response-Time is not a time"}
	}
	return answered, nil
}

// matchesRequest finds a replayed answer: one of another time, or to another
// request. The answer that this machine's clock is wrong may be of any time, and a
// refusal need not name the request, because it may come before the request was
// read.
func (c *Client) matchesRequest(head *answerHead, expected expectation, answered time.Time) error {
	if head.Result.Code != CodeTimestampInvalid {
		if err := c.checkAge(answered); err != nil {
			return err
		}
	}
	unnamed := head.RequestID == "" && head.Result.Status != ResultSuccess
	if expected.requestID != "" && head.RequestID != expected.requestID && !unnamed || head.Question != "" && head.Question != signing.Question(expected.signature) {
		return &SignatureError{Reason: "it belongs to another request"}
	}
	return nil
}

// checkAge finds an answer that was made too long ago, or in the future.
func (c *Client) checkAge(answered time.Time) error {
	if skew := time.Since(answered).Abs(); skew > c.maxSkew {
		return &SignatureError{Reason: fmt.Sprintf("it was made %v away from this machine's time; set the clock, or somebody replays old answers", skew.Round(time.Second))}
	}
	return nil
}

func untrusted(err error) *Error {
	return &Error{Message: err.Error(), cause: err}
}

// classifyUnsigned classifies an answer without a signature: the platform signs all
// its answers, so this is one of something in between, and no success.
func classifyUnsigned(a *transport.Answer, fail func(*Error) *Error) transport.Classification {
	e := fail(&Error{Body: a.Excerpt(), Foreign: true})
	kind := a.Header.Get("Content-Type")
	switch {
	case a.Status == http.StatusTooManyRequests:
		e.Message, e.Retryable, e.cause = "too many calls: a proxy or gateway in front of the platform refuses them", true, ErrRateLimited
		return transport.Classification{Err: e, Retry: true, NoEffect: true}
	case a.Status >= http.StatusInternalServerError:
		e.Message, e.Retryable = fmt.Sprintf("the answer is not the platform's: unsigned, content type %q", kind), true
		e.Hint = "the gateway in front of the platform has a problem; try later"
		return transport.Classification{Err: e, Retry: true}
	case a.Status >= http.StatusMultipleChoices:
		e.Message = fmt.Sprintf("the answer is not the platform's: unsigned, content type %q", kind)
		e.Hint = "check the base URL (WithBaseURL, ALIPAYPLUS_BASE_URL)"
		return transport.Classification{Err: e, NoEffect: true}
	default:
		err := &SignatureError{Reason: fmt.Sprintf("it is not signed (content type %q)", kind)}
		e.Message, e.cause = err.Error(), err
		e.Hint = "check the base URL (WithBaseURL, ALIPAYPLUS_BASE_URL)"
		return transport.Classification{Err: e}
	}
}

func incomplete(message string) *Error {
	return &Error{Message: message, Hint: "check the version of the platform"}
}

func notJSON(a *transport.Answer) *Error {
	return &Error{
		Message: fmt.Sprintf("the answer is signed but cannot be read (content type %q)", a.Header.Get("Content-Type")),
		Hint:    "check the version of the platform", Body: a.Excerpt(),
	}
}

// resultError turns a result that is no success into an error.
func resultError(head *answerHead, a *transport.Answer) *Error {
	e := &Error{Code: head.Result.Code, ResultStatus: head.Result.Status, Message: head.Result.Message}
	switch {
	case e.Code == CodeTrafficExceedLimit, e.Code == CodeUnavailable:
		e.Retryable = true
	case e.ResultStatus == ResultFailed:
		// a definite refusal
	case e.ResultStatus == ResultAccepted:
		e.Message = strings.TrimSpace("accepted, but not done yet; read the state to learn what came of it. " + e.Message)
	default:
		e.Retryable = e.ResultStatus == ResultUnknown || a.Status >= http.StatusInternalServerError
	}
	if d := head.Details; d != nil {
		e.Fields, e.cause = d.Fields, d.cause()
	}
	return e
}

func (d *errorDetails) cause() error {
	switch {
	case d.Limit != nil:
		return d.Limit
	case d.Ratio != nil:
		return d.Ratio
	case d.Authorization != nil:
		return d.Authorization
	case d.Permission != nil:
		return d.Permission
	case d.Downgrade != nil:
		return d.Downgrade
	case len(d.Fields) > 0:
		return &ValidationError{Subject: "input", Fields: d.Fields}
	default:
		return nil
	}
}

// hintFor is the code's hint; for a wrong clock it says by how much.
func hintFor(code Code, answered time.Time) string {
	if code != CodeTimestampInvalid {
		return code.info().hint
	}
	off := time.Since(answered).Round(time.Second)
	if off < 0 {
		return fmt.Sprintf("set this machine's clock: it is %v behind the platform's", -off)
	}
	return fmt.Sprintf("set this machine's clock: it is %v ahead of the platform's", off)
}

// callError turns a failure of the transport into the one error of this package.
func callError(ctx context.Context, op contract.Operation, requestID string, err error) error {
	failure, ok := errors.AsType[*transport.Failure](err)
	if !ok {
		return notSent(op, err)
	}
	e := &Error{Operation: op.Name, RequestID: requestID, Message: failure.Err.Error(), cause: failure.Err}
	if classified, ok := errors.AsType[*Error](failure.Err); ok {
		copied := *classified
		e = &copied
	} else {
		e.Retryable = ctx.Err() == nil && (failure.Retry || isSigner(failure.Err))
		if ctx.Err() == nil {
			e.Hint = localHint(failure)
		}
		if last := failure.Answer; last != nil {
			e.HTTPStatus, e.TraceID = last.Status, last.Header.Get("Trace-Id")
		}
	}
	e.Attempts = failure.Attempts
	e.OutcomeUnknown = op.Write && failure.OutcomeUnknown
	e.RetryAfter = failure.RetryAfter
	if failure.Stopped != nil {
		e.Message += "; " + failure.Stopped.Error()
		e.cause = errors.Join(e.cause, failure.Stopped)
	}
	return e
}

func isSigner(err error) bool {
	local, ok := errors.AsType[*localError](err)
	return ok && local.signer
}

// localHint names what can be wrong on this side of the network.
func localHint(f *transport.Failure) string {
	if local, ok := errors.AsType[*localError](f.Err); ok {
		return local.hint
	}
	if f.OutcomeUnknown || f.Answer != nil || f.Attempts == 0 {
		return ""
	}
	return "check the base URL (WithBaseURL, ALIPAYPLUS_BASE_URL), the network, and that the platform runs"
}

// notSent is the error of a call that was not sent.
func notSent(op contract.Operation, err error) error {
	e := &Error{Operation: op.Name, Message: err.Error(), cause: err}
	if invalid, ok := errors.AsType[*ValidationError](err); ok {
		e.Fields = invalid.Fields
	}
	return e
}
