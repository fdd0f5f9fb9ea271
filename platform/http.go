package platform

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/inprocess"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

const (
	jsonContent = "application/json; charset=UTF-8"
	isoTime     = "2006-01-02T15:04:05.000Z07:00"
	maxClientID = 64
)

// reply is an answer before it is signed.
type reply struct {
	status int
	body   []byte
	// retryAfter is how long the caller is asked to wait; 0: not at all.
	retryAfter time.Duration
	// unsigned says that the answer, a refusal, is not worth a signature.
	unsigned bool
}

// Refusals of callers who are not authenticated are signed up to a rate, because
// a signature costs some thousand times what forging a call does. Who gets none
// is told to come back, which any client understands without trusting it.
const (
	signedRefusalsPerSecond = 25
	signedRefusalsAtOnce    = 100
	unsignedWait            = time.Second
)

// ServeHTTP answers the operations of the contract, signed, and the pages that a
// person visits to authorize the platform.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = paceBody(w, r)
	path, isOperation := strings.CutPrefix(strings.TrimPrefix(r.URL.Path, p.cfg.prefix), contract.Prefix)
	if !isOperation {
		p.pages.ServeHTTP(w, r)
		return
	}
	trace := newTraceID()
	fault := p.faults.Take(p.operations[path].Name)
	if !fault.before(w, r) {
		return
	}
	answer := p.answer(r, path, trace, fault)
	if !fault.after(w) {
		return
	}
	p.write(w, r, trace, answer, fault)
}

// answer authenticates and carries out one call. What costs little comes first:
// the headers, before a byte of the body is read, and the signature, before the
// body is kept or decoded.
func (p *Platform) answer(r *http.Request, path, trace string, fault Fault) reply {
	in, done, err := p.authenticate(r, path)
	if err != nil {
		out := p.answerError(r, trace, "", "", err)
		out.unsigned = !p.refusals.Allow()
		return out
	}
	defer done()
	answer := p.execute(r.Context(), in)
	if fault.Twice {
		answer = p.execute(r.Context(), in)
	}
	if answer.err != nil {
		return p.answerError(r, trace, answer.requestID, in.inReplyTo, answer.err)
	}
	return answer.reply
}

// authenticate reads a call and checks who signed it. What the call holds is given
// back by done.
func (p *Platform) authenticate(r *http.Request, path string) (in incoming, done func(), err error) {
	op, known := p.operations[path]
	if !known || r.Method != http.MethodPost || r.URL.EscapedPath() != r.URL.Path {
		return in, nil, refuse(alipayplus.CodeInvalidAPI, "there is no operation %s %s", shorten(r.Method), shorten(r.URL.Path))
	}
	signed, err := p.checkHeaders(r)
	if err != nil {
		return in, nil, err
	}
	who, err := p.findCaller(r.Context(), r.Header.Get("Client-Id"))
	if err != nil {
		return in, nil, err
	}
	signer, ok := who.keyOf(signed.KeyVersion)
	if !ok {
		return in, nil, refuse(alipayplus.CodeInvalidSignature, "the client has no key of version %q", shorten(signed.KeyVersion))
	}
	public, err := signing.ParsePublicKey(signer.PublicKey)
	if err != nil {
		return in, nil, err
	}
	limit, held := p.cfg.maxBody, p.calls
	if op.Operation == contract.FileUpload {
		limit, held = p.cfg.maxFile, p.uploads
	}
	digest := signing.NewDigest(r.Method, p.signedPath(r), who.ClientID, r.Header.Get("Request-Time"))
	body, done, err := receive(r, limit, held, who.ClientID, digest)
	if err != nil {
		return in, nil, err
	}
	message := digest.Sum(nil)
	if err := signing.Verify(public, message, signed.Signature); err != nil {
		done()
		return in, nil, refuse(alipayplus.CodeInvalidSignature, "the signature does not fit the request")
	}
	who.key = signer
	in = incoming{
		op: op, caller: who, body: body, contentType: r.Header.Get("Content-Type"),
		base: p.base(r.Context()), inReplyTo: signing.Question(r.Header.Get("Signature")),
	}
	if !who.InProcess {
		in.message = hex.EncodeToString(message)
	}
	return in, done, nil
}

// checkHeaders checks what the headers of a call say by themselves: their syntax
// and the time. A header that is there twice is refused: whoever forwards the call
// may read the other one.
func (p *Platform) checkHeaders(r *http.Request) (signing.Header, error) {
	for _, name := range []string{"Client-Id", "Request-Time", "Signature", "Content-Type"} {
		if len(r.Header.Values(name)) > 1 {
			return signing.Header{}, refuse(alipayplus.CodeInvalidSignature, "the header %s is there more than once", name)
		}
	}
	signed, err := signing.ParseHeader(r.Header.Get("Signature"))
	if err != nil {
		return signing.Header{}, refuse(alipayplus.CodeInvalidSignature, "the Signature header cannot be used: %v", err)
	}
	return signed, p.checkTime(r.Header.Get("Request-Time"))
}

// signedPath is the path that the caller sent and signed, with the query if there
// is one: a mounting handler may have stripped the prefix.
func (p *Platform) signedPath(r *http.Request) string {
	path := r.URL.EscapedPath()
	if p.cfg.prefix != "" && !strings.HasPrefix(path, p.cfg.prefix+"/") {
		path = p.cfg.prefix + path
	}
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		path += "?" + r.URL.RawQuery
	}
	return path
}

func (p *Platform) checkTime(text string) error {
	at, err := signing.ParseTime(text)
	if err != nil {
		return refuse(alipayplus.CodeTimestampInvalid, "Request-Time is neither an ISO 8601 time nor milliseconds")
	}
	if off := time.Since(at).Abs(); off > p.cfg.window {
		return refuse(alipayplus.CodeTimestampInvalid, "Request-Time is %v away from the platform's time; at most %v is allowed", off.Round(time.Second), p.cfg.window)
	}
	return nil
}

// answerBody is what every answer looks like but the documented QR code's.
type answerBody struct {
	Result    result   `json:"result"`
	RequestID string   `json:"requestId,omitempty"`
	Question  string   `json:"inReplyTo,omitempty"`
	Data      any      `json:"data,omitempty"`
	Details   *details `json:"details,omitempty"`
}

// qrBody is the answer that Alipay+ documents for qrcode/create.
type qrBody struct {
	Result result `json:"result"`
	*alipayplus.QRCode
}

// result is the documented result object.
type result struct {
	Status  alipayplus.ResultStatus `json:"resultStatus"`
	Code    alipayplus.Code         `json:"resultCode"`
	Message string                  `json:"resultMessage"`
}

// successReply makes the answer to a call. That of a write is kept for its
// repetitions, which carry other signatures: its requestId alone says what it answers.
func successReply(in incoming, data any) (reply, error) {
	done := result{Status: alipayplus.ResultSuccess, Code: alipayplus.CodeSuccess, Message: "success"}
	answer := answerBody{Result: done, RequestID: in.requestID, Data: data}
	if in.requestID == "" {
		answer.Question = in.inReplyTo
	}
	var body any = answer
	list, isList := data.(*page)
	switch data := data.(type) {
	case *alipayplus.QRCode:
		body = qrBody{Result: done, QRCode: data}
	case *page:
		answer.Data = nil
		body = answer
	}
	raw, err := json.Marshal(body)
	if isList && err == nil { // it is JSON already
		raw = append(list.appendTo(append(raw[:len(raw)-1], `,"data":`...)), '}')
	}
	return reply{status: http.StatusOK, body: raw}, err
}

// errorReply makes an answer of an error. The text of a failure of the platform
// itself is logged and not answered.
func errorReply(requestID, inReplyTo string, err error) reply {
	code := codeOf(err)
	err = bounded(err)
	res := result{Status: alipayplus.ResultFailed, Code: code, Message: err.Error()}
	if isUnknown(err) {
		res.Status = alipayplus.ResultUnknown
	}
	if code == alipayplus.CodeUnknownException {
		res.Message = errUnavailable.Error()
		if failure, is := errors.AsType[*targetFailure](err); is {
			res.Message = failure.unavailable()
		}
	}
	const documented = 256 // "resultMessage (up to 256)"
	res.Message = cut(res.Message, documented)
	raw, marshalErr := json.Marshal(answerBody{Result: res, RequestID: requestID, Question: inReplyTo, Details: detailsOf(err)})
	if marshalErr != nil {
		raw = []byte(`{"result":{"resultStatus":"U","resultCode":"UNKNOWN_EXCEPTION","resultMessage":""}}`)
	}
	out := reply{status: httpStatus(code), body: raw}
	if r, ok := errors.AsType[*refusal](err); ok {
		out.retryAfter = r.retryAfter
	}
	return out
}

func (p *Platform) answerError(r *http.Request, trace, requestID, inReplyTo string, err error) reply {
	if codeOf(err) == alipayplus.CodeUnknownException && !errors.Is(err, context.Canceled) {
		p.cfg.logger.ErrorContext(r.Context(), "the platform failed", "path", r.URL.Path, "trace_id", trace, "error", err)
	}
	return errorReply(requestID, inReplyTo, err)
}

// write signs an answer and sends it.
func (p *Platform) write(w http.ResponseWriter, r *http.Request, trace string, answer reply, fault Fault) {
	if answer.unsigned {
		p.writeUnsigned(w, trace)
		return
	}
	id := r.Header.Get("Client-Id")
	if len(id) > maxClientID {
		id = ""
	}
	at := time.Now().Format(isoTime)
	digest := signing.Digest(r.Method, p.signedPath(r), id, at, answer.body)
	signature, err := signing.Sign(p.signer, digest[:])
	if err != nil {
		p.cfg.logger.ErrorContext(r.Context(), "an answer could not be signed", "trace_id", trace, "error", err)
		http.Error(w, errUnavailable.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", jsonContent)
	h.Set("Client-Id", id)
	h.Set("Response-Time", at)
	h.Set("Trace-Id", trace)
	inprocess.RetryAfter(h, answer.retryAfter)
	h.Set("Signature", signing.Header{KeyVersion: p.cfg.keyVersion, Signature: signature}.String())
	answer.body = fault.tamper(h, answer.body)
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body) //nolint:gosec // JSON, and said to be
}

// writeUnsigned answers a caller who is not authenticated when many of them call. It
// says nothing of the call, because nothing vouches for it.
func (p *Platform) writeUnsigned(w http.ResponseWriter, trace string) {
	out := errorReply("", "", refuse(alipayplus.CodeTrafficExceedLimit, "too many calls that cannot be authenticated; send it again later"))
	h := w.Header()
	h.Set("Content-Type", jsonContent)
	h.Set("Trace-Id", trace)
	inprocess.RetryAfter(h, unsignedWait)
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body)
}

// base is the address of the platform, as far as the platform knows it: nothing
// vouches for the Host of a call. Empty when it was not set.
func (p *Platform) base(ctx context.Context) string {
	if p.cfg.publicURL == "" && isInProcess(ctx) {
		return inProcessURL
	}
	return p.cfg.publicURL
}

// Server returns an HTTP server of the platform for an address such as
// "127.0.0.1:8480", with the limits that keep slow, idle and large callers from
// slowing down the others: a header of 16 KiB that arrives within 10 seconds, a
// minute for a connection that is idle, and as long for an answer as the largest
// body may take plus a minute. How fast a body has to arrive, and how much may be
// held at once, the platform itself limits, on any server; see [WithMaxInFlight].
// None of the limits is documented by Alipay+.
//
// The caller starts and stops it, and may change it first: its Handler, to serve
// the platform beside others, its TLSConfig, or its ErrorLog. Pages that stay open end
// when it is shut down, see [Stopping].
func (p *Platform) Server(address string) *http.Server {
	slowest := bodyGrace + time.Duration(max(p.cfg.maxFile, p.cfg.maxBody)/minBodyRate)*time.Second
	stopping := make(chan struct{})
	var handler http.Handler = p
	for _, wrap := range p.cfg.middleware {
		handler = wrap(handler)
	}
	server := &http.Server{
		Addr:              address,
		Handler:           handler,
		MaxHeaderBytes:    16 << 10,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		WriteTimeout:      slowest + time.Minute,
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), stoppingKey{}, (<-chan struct{})(stopping))
		},
	}
	server.RegisterOnShutdown(sync.OnceFunc(func() { close(stopping) }))
	return server
}

type stoppingKey struct{}

// Stopping returns a channel that is closed when the server of a request, one of
// [Platform.Server], is shut down; nil, which never is, for any other server. An answer that
// has no end of its own ends then.
func Stopping(ctx context.Context) <-chan struct{} {
	stopping, _ := ctx.Value(stoppingKey{}).(<-chan struct{})
	return stopping
}
