package alipaycntest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// answer is what is sent, before it is signed.
type answer struct {
	status int
	body   []byte
	code   alipaycn.Code  // of an error
	html   bool           // a page of a proxy: never signed
	aes    *cnwire.AESKey // encrypts a success; may be nil
}

// refusal is why a call is not carried out.
type refusal struct {
	code    alipaycn.Code
	message string
}

func (r *refusal) Error() string { return string(r.code) + ": " + r.message }

func refuse(code alipaycn.Code, format string, args ...any) error {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

// done is the answer to a call that was carried out; nil stands for {}.
func done(out any) (answer, error) {
	if out == nil {
		out = struct{}{}
	}
	body, err := json.Marshal(out)
	return answer{status: http.StatusOK, body: body}, err
}

type errorBody struct {
	Code    alipaycn.Code `json:"code"`
	Message string        `json:"message"`
	Links   []errorLink   `json:"links"`
}

type errorLink struct {
	Link string `json:"link"`
	Desc string `json:"desc"`
}

// refused is the answer to a call that was not carried out.
func refused(err error) answer {
	r, ok := errors.AsType[*refusal](err)
	if !ok {
		r = &refusal{alipaycn.CodeSystemError, err.Error()}
	}
	body, marshalErr := json.Marshal(errorBody{r.code, r.message, []errorLink{{
		Link: "https://open.alipay.com/support?code=" + string(r.code), Desc: "solution",
	}}})
	if marshalErr != nil {
		panic(marshalErr) // texts can be written
	}
	return answer{status: statusOf(r.code), body: body, code: r.code}
}

// statusOf returns the HTTP status that goes with a code: by the documented
// meaning of the statuses. A code of an operation comes with 400 in the recorded
// answers; that no other comes with one is inferred.
func statusOf(code alipaycn.Code) int {
	class := code.Class()
	gateway := code == alipaycn.Code(strings.ToLower(string(code)))
	switch {
	case errors.Is(class, alipayplus.ErrRateLimited):
		return http.StatusTooManyRequests
	case errors.Is(class, alipayplus.ErrOutcomeUnknown):
		return http.StatusInternalServerError
	case !gateway:
		return http.StatusBadRequest
	case errors.Is(class, alipayplus.ErrUnauthenticated), errors.Is(class, alipayplus.ErrAuthorizationRequired):
		return http.StatusUnauthorized
	case errors.Is(class, alipayplus.ErrPermission):
		return http.StatusForbidden
	default:
		return http.StatusBadRequest
	}
}

// send signs an answer and writes it.
func (g *Gateway) send(w http.ResponseWriter, a answer, trace string, fault Fault) {
	h := w.Header()
	h.Set("Alipay-Trace-Id", trace)
	h.Set("Content-Type", "application/json;charset=UTF-8")
	body := a.body
	if a.aes != nil {
		body = a.aes.Encrypt(body)
		h.Set("Content-Type", "text/plain;charset=UTF-8")
		h.Set("Alipay-Encrypt-Type", "AES")
	}
	if a.html {
		h.Set("Content-Type", "text/html")
	} else if a.status < http.StatusBadRequest || !g.cfg.unsignedErrors {
		g.sign(h, body, trace)
	}
	body = fault.tamper(h, body)
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

func (g *Gateway) sign(h http.Header, body []byte, nonce string) {
	at := strconv.FormatInt(time.Now().UnixMilli(), 10)
	signature, err := cnwire.SignResponse(g.key, at, nonce, body)
	if err != nil {
		panic(fmt.Errorf("alipaycntest: %w", err)) // the key was checked; a signer that fails is its owner's
	}
	h.Set(cnwire.HeaderTimestamp, at)
	h.Set(cnwire.HeaderNonce, nonce)
	h.Set(cnwire.HeaderSignature, signature)
	if g.cfg.certificate != nil {
		h.Set(cnwire.HeaderSN, g.cfg.certificate.SN)
	}
}
