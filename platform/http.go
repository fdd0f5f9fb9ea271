package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
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
}

// ServeHTTP answers the operations of the contract, signed, and the pages that a
// person visits to authorize the platform.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
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

// answer authenticates and carries out one call.
func (p *Platform) answer(r *http.Request, path, trace string, fault Fault) reply {
	op, known := p.operations[path]
	limit := p.cfg.maxBody
	if op.Operation == contract.FileUpload {
		limit = p.cfg.maxFile
	}
	if !known || r.Method != http.MethodPost {
		return p.answerError(r, trace, "", refuse(alipayplus.CodeInvalidAPI, "there is no operation %s %s", r.Method, shorten(r.URL.Path)))
	}
	who, err := p.findCaller(r.Context(), r.Header.Get("Client-Id"))
	if err != nil {
		return p.answerError(r, trace, "", err)
	}
	body, err := readBody(r.Body, limit)
	if err != nil {
		return p.answerError(r, trace, "", err)
	}
	if err := p.authenticate(r, who.clientRecord, body); err != nil {
		return p.answerError(r, trace, "", err)
	}
	in := incoming{op: op, caller: who, body: body, contentType: r.Header.Get("Content-Type"), base: p.base(r)}
	answer := p.execute(r.Context(), in)
	if fault.Twice {
		answer = p.execute(r.Context(), in)
	}
	if answer.err != nil {
		return p.answerError(r, trace, answer.requestID, answer.err)
	}
	return answer.reply
}

// readBody reads a body of at most limit bytes. What is too large is read to the
// end of a further allowance all the same, so that the caller gets the answer
// and not a broken connection.
func readBody(r io.Reader, limit int64) ([]byte, error) {
	const allowance = 64 << 20
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(r, limit+1))
	if err != nil {
		return nil, refuse(alipayplus.CodeUnavailable, "the body could not be read to its end; send it again")
	}
	if n > limit {
		_, _ = io.Copy(io.Discard, io.LimitReader(r, allowance))
		return nil, refuse(alipayplus.CodePayloadTooLarge, "the body is larger than %d bytes", limit)
	}
	return buf.Bytes(), nil
}

// signedPath is the path that the caller sent and signed: a mounting handler may
// have stripped the prefix.
func (p *Platform) signedPath(r *http.Request) string {
	path := r.URL.EscapedPath()
	if p.cfg.prefix == "" || strings.HasPrefix(path, p.cfg.prefix+"/") {
		return path
	}
	return p.cfg.prefix + path
}

// authenticate checks who signed the call. The signature is verified on the raw
// bytes before anything is read out of them.
func (p *Platform) authenticate(r *http.Request, credential clientRecord, body []byte) error {
	signed, err := signing.ParseHeader(r.Header.Get("Signature"))
	if err != nil {
		return refuse(alipayplus.CodeInvalidSignature, "the Signature header cannot be used: %v", err)
	}
	if signed.KeyVersion != "" && signed.KeyVersion != credential.KeyVersion {
		return refuse(alipayplus.CodeInvalidSignature, "the client has no key of version %q", shorten(signed.KeyVersion))
	}
	public, err := signing.ParsePublicKey(credential.PublicKey)
	if err != nil {
		return err
	}
	at := r.Header.Get("Request-Time")
	digest := signing.Digest(r.Method, p.signedPath(r), credential.ClientID, at, body)
	if err := signing.Verify(public, digest[:], signed.Signature); err != nil {
		return refuse(alipayplus.CodeInvalidSignature, "the signature does not fit the request")
	}
	return p.checkTime(at)
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

func successReply(requestID string, data any) (reply, error) {
	done := result{Status: alipayplus.ResultSuccess, Code: alipayplus.CodeSuccess, Message: "success"}
	var body any = answerBody{Result: done, RequestID: requestID, Data: data}
	if code, ok := data.(*alipayplus.QRCode); ok {
		body = qrBody{Result: done, QRCode: code}
	}
	raw, err := json.Marshal(body)
	return reply{status: http.StatusOK, body: raw}, err
}

// errorReply makes an answer of an error. The text of a failure of the platform
// itself is logged and not answered.
func errorReply(requestID string, err error) reply {
	code := codeOf(err)
	res := result{Status: alipayplus.ResultFailed, Code: code, Message: err.Error()}
	if code == alipayplus.CodeUnknownException {
		res.Status, res.Message = alipayplus.ResultUnknown, errUnavailable.Error()
	}
	const documented = 256 // "resultMessage (up to 256)"
	if runes := []rune(res.Message); len(runes) > documented {
		res.Message = string(runes[:documented-3]) + "..."
	}
	raw, marshalErr := json.Marshal(answerBody{Result: res, RequestID: requestID, Details: detailsOf(err)})
	if marshalErr != nil {
		raw = []byte(`{"result":{"resultStatus":"U","resultCode":"UNKNOWN_EXCEPTION","resultMessage":""}}`)
	}
	return reply{status: httpStatus(code), body: raw}
}

func (p *Platform) answerError(r *http.Request, trace, requestID string, err error) reply {
	if codeOf(err) == alipayplus.CodeUnknownException && !errors.Is(err, context.Canceled) {
		p.cfg.logger.ErrorContext(r.Context(), "the platform failed", "path", r.URL.Path, "trace_id", trace, "error", err)
	}
	return errorReply(requestID, err)
}

// write signs an answer and sends it.
func (p *Platform) write(w http.ResponseWriter, r *http.Request, trace string, answer reply, fault Fault) {
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
	h.Set("Signature", signing.Header{KeyVersion: p.cfg.keyVersion, Signature: signature}.String())
	answer.body = fault.tamper(h, answer.body)
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body) //nolint:gosec // JSON, and said to be
}

// base is the address of the platform as its caller sees it.
func (p *Platform) base(r *http.Request) string {
	if p.cfg.publicURL != "" {
		return p.cfg.publicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
