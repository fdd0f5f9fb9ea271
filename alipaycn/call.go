package alipaycn

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/transport"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

const (
	jsonContent = "application/json"
	// encryptedContent is the content type of encrypted content.
	encryptedContent = "text/plain"
)

// outgoing is one call as it goes over the wire.
type outgoing struct {
	// target is everything of the URL after the host, percent-encoded.
	target      string
	contentType string
	// body is what is signed of the body; it is all of it unless open is set.
	body []byte
	// open and size are the whole body where it is read in pieces.
	open func() (io.ReadCloser, error)
	size int64
	// encrypted says that body is encrypted.
	encrypted bool
	// withoutToken says that the app calls for itself, whomever the client acts for:
	// the calls about tokens and orders.
	withoutToken bool
	// unwrapped says that the call is not one of the wrapped operations, and repeatable
	// that it may be sent again after an unknown outcome.
	unwrapped, repeatable bool
	// input is the input, with which an answer that repeats a part of it is compared.
	input any
	// response takes what came; may be nil.
	response *Response
	// secrets are what no error may quote, besides the client's token.
	secrets []string
}

// fileInput is an input with files.
type fileInput interface{ files() []filePart }

// secretInput is an input with secrets that an answer could quote.
type secretInput interface{ secrets() []string }

type validator interface{ Validate() error }

// read makes a call that changes nothing and returns its answer.
func read[T any](ctx context.Context, c *Client, op cnwire.Operation, in any) (*T, error) {
	got := new(T)
	if err := c.call(ctx, op, in, got); err != nil {
		return nil, err
	}
	return got, nil
}

// call checks the input and sends it until an answer is final or the attempts are used up.
// A success is in got, a pointer; nil where nothing is answered.
func (c *Client) call(ctx context.Context, op cnwire.Operation, in, got any) error {
	if err := c.check(op, in); err != nil {
		return err
	}
	out, err := c.encode(op, in)
	if err != nil {
		return notSent(op, err)
	}
	return c.exchange(ctx, op, out, got)
}

// check refuses what AlipayCN would refuse, and a client that cannot send.
func (c *Client) check(op cnwire.Operation, in any) error {
	if c == nil || c.settings == nil {
		return notSent(op, fmt.Errorf("%w: the client was not made; make it with New or NewFromEnv", alipayplus.ErrInvalid))
	}
	if v, ok := in.(validator); ok {
		if err := v.Validate(); err != nil {
			return notSent(op, err)
		}
	}
	return nil
}

func (c *Client) encode(op cnwire.Operation, in any) (outgoing, error) {
	out := outgoing{target: op.Path(), withoutToken: isWithoutToken(op), input: in}
	if s, ok := in.(secretInput); ok {
		out.secrets = s.secrets()
	}
	if op.Kind == cnwire.Query {
		return c.encodeQuery(out, in)
	}
	if op.Kind != cnwire.Multipart {
		return c.encodeBody(out, op, in, nil)
	}
	files, ok := in.(fileInput)
	if !ok {
		return out, fmt.Errorf("%s: the input has no files", op.Name)
	}
	return c.encodeBody(out, op, in, files.files())
}

// encodeBody makes the body from the input and, for a multipart call, the files.
func (c *Client) encodeBody(out outgoing, op cnwire.Operation, in any, files []filePart) (outgoing, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return outgoing{}, err
	}
	out.body, out.contentType = data, jsonContent
	if c.aes != nil {
		out.body, out.contentType, out.encrypted = c.aes.Encrypt(data), encryptedContent, true
	}
	if op.Kind == cnwire.Multipart {
		return out.multipart(files), nil
	}
	return out, nil
}

// isWithoutToken says that an app makes the call for itself, whomever it acts for.
func isWithoutToken(op cnwire.Operation) bool {
	switch op {
	case cnwire.AuthorizationToken, cnwire.AuthorizationGet, cnwire.CertificateDownload,
		cnwire.OrderCreate, cnwire.OrderGet, cnwire.OrderAccept, cnwire.OrderReject, cnwire.OrderCompleteItem, cnwire.OrderCancelItem:
		return true
	default:
		return false
	}
}

func (c *Client) encodeQuery(out outgoing, in any) (outgoing, error) {
	if in == nil {
		return out, nil
	}
	values, err := queryValues(in)
	if err != nil {
		return outgoing{}, err
	}
	if len(values) > 0 {
		out.target += "?" + values.Encode()
	}
	return out, nil
}

// exchange sends a call until an answer is final or the attempts are used up; a success is in got.
func (c *Client) exchange(ctx context.Context, op cnwire.Operation, out outgoing, got any) (err error) {
	ctx, end := c.begin(ctx, op)
	defer func() { end(err) }()
	return c.exchangeOf(ctx, c.attempts, op, out, got)
}

// begin begins an operation: what follows has its context, and end is called with what it came to.
func (c *Client) begin(ctx context.Context, op cnwire.Operation) (of context.Context, end func(error)) {
	return c.operations.Begin(ctx, Operation{Name: op.Name, API: op.API})
}

// exchangeOf is exchange within an operation that has begun, when the call is sent less often than usual.
func (c *Client) exchangeOf(ctx context.Context, attempts int, op cnwire.Operation, out outgoing, got any) error {
	id := rand.Text()
	call := transport.Call{
		Operation: op.Name, RequestID: id, Attempts: attempts, Method: op.Method, URL: c.origin + out.target,
		ContentType: out.contentType, Body: out.body, Open: out.open, Size: out.size,
		Repeatable: !op.Write || out.repeatable, // AlipayCN has no idempotency key
		Sign:       func(_ context.Context, h http.Header) error { return c.sign(op, out, id, h) },
		Classify: func(a *transport.Answer) transport.Classification {
			v := c.classify(ctx, op, out, a, got)
			v.Retry = v.Retry || out.repeatable && errors.Is(v.Err, alipayplus.ErrOutcomeUnknown)
			return v
		},
	}
	if _, err := c.transport.Do(ctx, &call); err != nil {
		return c.callError(ctx, op, out, err)
	}
	return nil
}

// sign adds the headers of one attempt.
func (c *Client) sign(op cnwire.Operation, out outgoing, id string, h http.Header) error {
	token := *c.token
	if out.withoutToken {
		token = ""
	}
	authorization, err := cnwire.Request{
		AppID: c.appID, AppCertSN: c.trust.appCertSN, Nonce: c.nonce(), Timestamp: c.now().UnixMilli(), ExpiredSeconds: c.expiredSeconds,
		Method: op.Method, PathAndQuery: out.target, Body: out.body, AppAuthToken: token,
	}.Authorization(c.signer)
	if err != nil {
		return &localError{err}
	}
	h.Set("Authorization", authorization)
	h.Set("Alipay-Request-Id", id)
	h.Set("Accept", jsonContent)
	if token != "" {
		h.Set("Alipay-App-Auth-Token", token)
	}
	if c.trust.rootSN != "" {
		h.Set("Alipay-Root-Cert-Sn", c.trust.rootSN)
	}
	if out.encrypted {
		h.Set("Alipay-Encrypt-Type", "AES")
	}
	return nil
}

// localError is the failure to sign a call, not the network's. Nothing was sent.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }

func (e *localError) Unwrap() error { return e.err }

// callError makes the error of this package from that of the transport.
func (c *Client) callError(ctx context.Context, op cnwire.Operation, out outgoing, err error) error {
	failure, ok := errors.AsType[*transport.Failure](err)
	if !ok {
		return notSent(op, err)
	}
	e := &Error{Operation: op.Name, Message: failure.Err.Error(), cause: failure.Err}
	if classified, ok := errors.AsType[*Error](failure.Err); ok {
		copied := *classified
		e = &copied
	} else {
		_, signer := errors.AsType[*cnwire.SignerError](failure.Err)
		e.Retryable = ctx.Err() == nil && (failure.Retry || signer)
		if ctx.Err() == nil {
			e.Hint = localHint(failure)
		}
		e.Message = c.redacted(out, unanswered(failure.Err))
		if last := failure.Answer; last != nil {
			e.HTTPStatus, e.TraceID = last.Status, last.Header.Get(traceHeader)
		}
	}
	e.Attempts, e.RetryAfter = failure.Attempts, failure.RetryAfter
	e.OutcomeUnknown = op.Write && failure.OutcomeUnknown
	if e.OutcomeUnknown {
		e.Retryable = false
		e.Hint = unknownOutcomeHint(op, e.Code, e.Hint)
	}
	if failure.Stopped != nil {
		e.since += "; " + c.redacted(out, failure.Stopped.Error())
		e.cause = errors.Join(e.cause, failure.Stopped)
	}
	return e
}

// unanswered describes why there is no answer.
func unanswered(err error) string {
	text := strings.TrimSuffix(err.Error(), ": "+os.ErrDeadlineExceeded.Error()) // how long it was is said
	for _, eof := range []error{io.ErrUnexpectedEOF, io.EOF} {
		if cut, ended := strings.CutSuffix(text, ": "+eof.Error()); ended {
			return cut + ": the connection ended before the answer did"
		}
	}
	return text
}

// redact removes secrets from what an answer says.
func (c *Client) redact(out outgoing, e *Error) {
	e.Message = c.redacted(out, e.Message)
	for i := range e.Details {
		d := &e.Details[i]
		d.Issue, d.Description = c.redacted(out, d.Issue), c.redacted(out, d.Description)
	}
	e.Body = c.redacted(out, e.Body)
	if out.withoutToken {
		e.Body = "" // it may be tokens
	}
}

// redacted removes secrets from a text that is not ours.
func (c *Client) redacted(out outgoing, text string) string {
	const shortest = 4 // shorter ones are part of ordinary text
	for _, secret := range append([]string{*c.token}, out.secrets...) {
		if len(secret) >= shortest {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	return text
}

// localHint is about what can be wrong on this side of the network.
func localHint(f *transport.Failure) string {
	if _, ok := errors.AsType[*localError](f.Err); ok {
		return "check the signer and the token that the client was given (WithSigner, For)"
	}
	if f.OutcomeUnknown || f.Answer != nil || f.Attempts == 0 {
		return ""
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](f.Err); ok && invalid.Reason == x509.Expired {
		return "check this machine's clock, at which the gateway's certificate is not valid, and the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT)"
	}
	return "check the network, and the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT)"
}

// notSent is the error of a call that was not sent.
func notSent(op cnwire.Operation, err error) error {
	e := &Error{Operation: op.Name, Message: err.Error(), cause: err}
	if invalid, ok := errors.AsType[*alipayplus.ValidationError](err); ok {
		for _, f := range invalid.Fields {
			e.Details = append(e.Details, Detail{Field: f.Path, Description: f.Message})
		}
		e.Message = invalid.Subject + " is not valid"
	}
	return e
}

// multipart makes the body a form: the part "data" with what was the body, which
// alone is signed, and the files. The files are read in pieces when the form is
// sent, anew for each attempt; only the headers of the parts are in memory.
func (out outgoing) multipart(files []filePart) outgoing {
	boundary := "alipayplus-" + rand.Text()
	pieces := []piece{textPiece("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + cnwire.DataPart + "\"\r\n" +
		"Content-Type: " + out.contentType + "\r\n\r\n"), bytesPiece(out.body)}
	for _, f := range files {
		pieces = append(pieces, textPiece("\r\n--"+boundary+"\r\nContent-Disposition: form-data; name=\""+f.name+
			"\"; filename=\""+f.file.Name+"\"\r\nContent-Type: "+contentType(f.file.Name)+"\r\n\r\n"))
		pieces = append(pieces, piece{f.file.Content, f.file.Size})
	}
	pieces = append(pieces, textPiece("\r\n--"+boundary+"--\r\n"))

	out.contentType = "multipart/form-data; boundary=" + boundary
	for _, p := range pieces {
		out.size += p.size
	}
	out.open = func() (io.ReadCloser, error) {
		readers := make([]io.Reader, len(pieces))
		for i, p := range pieces {
			readers[i] = io.NewSectionReader(p.content, 0, p.size)
		}
		return io.NopCloser(io.MultiReader(readers...)), nil
	}
	return out
}

// piece is a part of a form that can be read again from its beginning.
type piece struct {
	content io.ReaderAt
	size    int64
}

func bytesPiece(b []byte) piece { return piece{bytes.NewReader(b), int64(len(b))} }

func textPiece(text string) piece { return piece{strings.NewReader(text), int64(len(text))} }

// contentType is that of a file whose name was checked to fit its content.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".zip":
		return "application/zip"
	default:
		return "application/octet-stream"
	}
}

// queryValues returns an input as the parameters of a query string, under the
// names of its JSON.
func queryValues(in any) (url.Values, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	if kind := kindOfJSON(data[0]); kind != kindObject {
		return nil, fmt.Errorf("make a query string: the input is %s, not an object", kind)
	}
	values := url.Values{}
	for rest := insideOf(data); len(rest) > 0; {
		var member, value []byte
		member, rest = nextValue(rest)
		value, rest = nextValue(rest)
		name := textOf(member)
		if value[0] == '"' {
			values.Set(name, textOf(value)) // as it is given: what is compared with an answer, or hidden in it, is the same
			continue
		}
		text, err := scalarText(value)
		if err != nil {
			return nil, fmt.Errorf("make a query string: %s %w", name, err)
		}
		values.Set(name, text)
	}
	return values, nil
}

// Request is a call of any operation of OpenAPI V3, for [Client.Do].
type Request struct {
	// Method is the HTTP method of AlipayCN's documents. Required.
	Method string
	// Path is the path of AlipayCN's documents, "/v3/alipay/open/mini/version/list/query",
	// or the operation's name, "alipay.open.mini.version.list.query". It may have a query
	// string, percent-encoded. Required.
	Path string
	// Input is what is sent; may be nil. For GET, HEAD and DELETE it is the query string:
	// [url.Values], or a struct or map that is a flat object in JSON. Otherwise it is
	// anything that is JSON, [json.RawMessage] included. One with a Validate method is
	// checked before it is sent.
	Input any
	// Files make the call multipart/form-data, with Input as its part "data".
	Files []FilePart
	// Repeatable says that sending the call twice does no harm. Without it only GET and HEAD
	// are repeated after an unknown outcome.
	Repeatable bool
	// WithoutToken calls for the app itself, whomever the client acts for: without app_auth_token.
	WithoutToken bool
}

// FilePart is a file of a [Request].
type FilePart struct {
	// Name is the name of the part in AlipayCN's documents, for example "app_logo".
	Name string
	// File is the file. Its content is not checked.
	File *File
}

// Response is what AlipayCN answered to [Client.Do].
type Response struct {
	Answer
	// HTTPStatus is the status of the last answer.
	HTTPStatus int
	// Header are its headers. They are not signed.
	Header http.Header
	// TraceID names the call in AlipayCN's log; may be empty.
	TraceID string
	// Attempts is how often the call was sent.
	Attempts int
	// Body holds the bytes as they came, which are those that the signature covers:
	// encrypted where AES is used. Whether they can be trusted, the error says.
	Body []byte
}

// Do makes a call that this package does not wrap: signed, verified, decrypted, traced and
// repeated as all calls are, and with the same errors. A success is in out, a pointer
// to what the answer's JSON is read into, as tolerantly as the answers of this package;
// a [json.RawMessage] takes it as it is, and nil ignores it.
//
// No answer is compared with the input: where it repeats an id, compare that yourself.
//
// A call that may change something is not repeated when its outcome is unknown, unless
// the request says so, and no state proves what became of it: the error matches
// [alipayplus.ErrOutcomeUnknown].
//
// The response is nil only when there was no answer; with an error it is that of the
// refusal, or of what cannot be trusted. The error is an [Error] with the operation's
// name by AlipayCN.
func (c *Client) Do(ctx context.Context, r Request, out any) (*Response, error) {
	op, target, err := r.operation()
	if err != nil {
		return nil, notSent(op, err)
	}
	if err := c.check(op, r.Input); err != nil {
		return nil, err
	}
	call, err := c.encodeRequest(op, target, r)
	if err != nil {
		return nil, notSent(op, err)
	}
	response := new(Response)
	call.response = response
	err = c.exchange(ctx, op, call, out)
	if response.HTTPStatus == 0 {
		return nil, err
	}
	return response, err
}

// operation checks a request and returns what it calls, and where.
func (r Request) operation() (cnwire.Operation, string, error) {
	path := r.Path
	if path != "" && !strings.Contains(path, "/") {
		path = cnwire.Operation{API: path}.Path()
	}
	at, err := url.ParseRequestURI(path)
	op := cnwire.Operation{Name: "do", Method: r.Method, Kind: cnwire.JSON, Write: r.Method != http.MethodGet && r.Method != http.MethodHead}
	var p problems
	switch {
	case r.Path == "":
		p.Add("path", "is required")
	case err != nil || at.Host != "" || strings.Contains(path, "#") || !strings.HasPrefix(path, "/v3/"):
		p.Add("path", "must be a path of OpenAPI V3 such as /v3/alipay/open/mini/version/list/query, or an operation's name")
	default:
		op.API = strings.ReplaceAll(strings.Trim(strings.TrimPrefix(at.Path, "/v3"), "/"), "/", ".")
		op.Name = op.API
	}
	r.checkMethod(&op, &p)
	r.checkFiles(&p)
	p.Problems = append(p.Problems, validation.Texts(r.Input)...)
	if err := p.err("request"); err != nil {
		return op, "", err
	}
	return op, at.RequestURI(), nil
}

// checkMethod says how the input travels.
func (r Request) checkMethod(op *cnwire.Operation, p *problems) {
	methods := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if !slices.Contains(methods, r.Method) {
		p.Add("method", fmt.Sprintf("must be one of %v", methods))
	}
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodDelete}, r.Method) {
		op.Kind = cnwire.Query
	}
	if len(r.Files) > 0 {
		if op.Kind == cnwire.Query {
			p.Add("files", "cannot be sent with "+r.Method)
		}
		op.Kind = cnwire.Multipart
	}
}

func (r Request) checkFiles(p *problems) {
	for i, part := range r.Files {
		path := fmt.Sprintf("files[%d]", i)
		if part.Name == "" || strings.ContainsAny(part.Name, "\"\r\n") {
			p.Add(path+".name", "must be the name of a part")
		}
		if part.File == nil {
			p.Add(path+".file", "is required")
			continue
		}
		p.file(path+".file", part.File, fileRule{})
	}
}

func (c *Client) encodeRequest(op cnwire.Operation, target string, r Request) (outgoing, error) {
	call := outgoing{target: target, withoutToken: r.WithoutToken, unwrapped: true, repeatable: r.Repeatable}
	if op.Kind != cnwire.Query {
		if r.Input == nil && op.Kind == cnwire.JSON {
			return call, nil
		}
		return c.encodeBody(call, op, r.Input, r.parts())
	}
	values, given := r.Input.(url.Values)
	if !given && r.Input != nil {
		var err error
		if values, err = queryValues(r.Input); err != nil {
			return outgoing{}, err
		}
	}
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	if len(values) > 0 {
		call.target += separator + values.Encode()
	}
	return call, nil
}

func (r Request) parts() []filePart {
	parts := make([]filePart, len(r.Files))
	for i, part := range r.Files {
		parts[i] = filePart{part.Name, part.File}
	}
	return parts
}

// take keeps what came.
func (r *Response) take(status int, header http.Header, body []byte, attempt int) {
	*r = Response{HTTPStatus: status, Header: header, TraceID: shortened(header.Get(traceHeader), longestQuote), Attempts: attempt, Body: body}
}
