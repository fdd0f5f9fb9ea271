package alipaycn

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/transport"
)

const (
	traceHeader = "Alipay-Trace-Id"
	// excerptBytes is how much of an answer that is not AlipayCN's an error keeps.
	excerptBytes = 512
)

// judge decides what an answer is worth: whether it can be trusted, whether it
// is a success, and whether the call may be sent again. A success is in got.
func (c *Client) judge(op cnwire.Operation, out outgoing, a *transport.Answer, got any) transport.Classification {
	v := c.weigh(op, a, got)
	v.TraceID = a.Header.Get(traceHeader)
	if e, ok := errors.AsType[*Error](v.Err); ok {
		e.Operation, e.HTTPStatus, e.TraceID = op.Name, a.Status, v.TraceID
		c.cover(out, e)
		v.ResultCode = string(e.Code)
	}
	return v
}

func (c *Client) weigh(op cnwire.Operation, a *transport.Answer, got any) transport.Classification {
	signature, err := cnwire.JudgeSignature(a.Status, a.Header, a.Body, c.trust.key, c.trust.certSN)
	switch {
	case err != nil && signature == cnwire.Missing && a.Status >= http.StatusMultipleChoices:
		return stranger(op, a) // a redirect: nothing of AlipayCN's
	case err != nil:
		return transport.Classification{Err: c.untrusted(a, signature, err)}
	}
	body := a.Body
	if signature == cnwire.Valid {
		if body, err = c.opened(body); err != nil {
			return transport.Classification{Err: unreadable(a)}
		}
	}
	e, ok := refusal(op, a.Status, body)
	switch {
	case ok:
		if hint := timestampHint(e.Code, a.Header, c.now()); hint != "" {
			e.Hint = hint
		}
		return refused(e)
	case a.Status == http.StatusAccepted:
		return refused(notProcessed(op))
	case a.Status >= http.StatusBadRequest:
		return stranger(op, a)
	}
	if e := c.stale(a.Header); e != nil {
		return transport.Classification{Err: e}
	}
	return accepted(a, body, got)
}

// opened decrypts content that is encrypted: base64, which never begins like JSON.
// It must have been verified before.
func (c *Client) opened(body []byte) ([]byte, error) {
	text := bytes.TrimSpace(body)
	if c.aes == nil || len(text) == 0 || text[0] == '{' {
		return body, nil
	}
	return c.aes.Decrypt(text)
}

// accepted reads a verified success, which may be empty.
func accepted(a *transport.Answer, body []byte, got any) transport.Classification {
	if got == nil || len(bytes.TrimSpace(body)) == 0 {
		return transport.Classification{}
	}
	if err := readJSON(body, got); err != nil {
		return transport.Classification{Err: unreadable(a)}
	}
	return transport.Classification{}
}

// refused is the verdict on AlipayCN's refusal.
func refused(e *Error) transport.Classification {
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
	e.judge(op)
	return e
}

// untrusted is the error of an answer with a signature that is missing or wrong.
func (c *Client) untrusted(a *transport.Answer, signature cnwire.Verdict, err error) *Error {
	reason := strings.TrimPrefix(err.Error(), "answer: ")
	if errors.Is(err, signing.ErrMismatch) {
		reason = "its signature does not fit: it was changed on its way, or the key for checking it is not Alipay's for this app"
	}
	hint := "check Alipay's public key (WithAlipayPublicKeyText, ALIPAYCN_PUBLIC_KEY_FILE), which is not the app's own"
	_, otherCertificate := errors.AsType[*cnwire.SerialError](err)
	switch {
	case otherCertificate:
		reason = strings.Replace(reason, "answer names", "it names", 1)
		hint = "get Alipay's current certificate from the console and give it (WithCertificates, ALIPAYCN_ALIPAY_CERT_FILE)"
	case signature == cnwire.Missing:
		reason = fmt.Sprintf("it is not signed (content type %q)", a.Header.Get("Content-Type"))
		hint = "check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine"
	case c.trust.certSN != "":
		hint = "check Alipay's certificate (WithCertificates, ALIPAYCN_ALIPAY_CERT_FILE), which is not the app's own"
	case a.Header.Get(cnwire.HeaderSN) != "":
		hint = "the answer names a certificate, so the app may be in certificate mode: then give the certificates in place of Alipay's public key (WithCertificates, ALIPAYCN_ALIPAY_CERT_FILE)"
	}
	cause := &alipayplus.SignatureError{Reason: reason}
	e := &Error{Message: cause.Error(), Hint: hint, cause: cause}
	if signature == cnwire.Missing {
		e.Body = excerpt(a.Body)
	}
	return e
}

// unreadable is the error of a success that is signed, but no JSON of ours.
func unreadable(a *transport.Answer) *Error {
	return &Error{
		Message: fmt.Sprintf("the answer is signed but cannot be read (content type %q)", a.Header.Get("Content-Type")),
		Hint:    "check the AES key (WithAESKey), and the version of this library", Body: excerpt(a.Body),
	}
}

// stranger is the verdict on an answer that is not AlipayCN's, such as a page of
// a proxy.
func stranger(op cnwire.Operation, a *transport.Answer) transport.Classification {
	e := &Error{
		HTTPStatus: a.Status, Body: excerpt(a.Body),
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

func excerpt(body []byte) string {
	return strings.ToValidUTF8(string(body[:min(len(body), excerptBytes)]), "?")
}
