package alipaycntest

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/inprocess"
)

// Fault is a failure of the next calls of an operation; see [Gateway.Inject]. Its
// fields add up.
type Fault struct {
	// Operation is the operation that fails, by its name in the errors of package
	// alipaycn, for example "versions.apply"; empty: any.
	Operation string
	// Times is the number of calls that fail; 0: one.
	Times int
	// Delay is the time that passes before anything else happens.
	Delay time.Duration
	// CutBefore cuts the connection before the call is processed.
	CutBefore bool
	// CutAfter cuts the connection after the call is processed.
	CutAfter bool
	// Status answers with this HTTP status and an unsigned HTML page, as proxies do,
	// instead of processing the call, for example 429 or 503; 0: none.
	Status int
	// StatusAfter is Status after the call is processed; 0: none.
	StatusAfter int
	// Code answers with this error code, signed, instead of processing the call;
	// empty: none.
	Code alipaycn.Code
	// CodeAfter is Code after the call is processed; empty: none.
	CodeAfter alipaycn.Code
	// RetryAfter goes, in whole seconds, into the Retry-After header of the answer; 0: none.
	RetryAfter time.Duration
	// Corrupt changes the body after it was signed.
	Corrupt bool
	// Unsigned leaves the signature out of the answer.
	Unsigned bool
	// WrongSignature gives the answer a signature that does not fit.
	WrongSignature bool
}

// Inject makes the next calls that fit the fault go wrong. Faults are used up in
// the order in which they were injected. It panics when there is no operation of
// that name: a test whose fault never happens would prove nothing.
func (g *Gateway) Inject(f Fault) {
	known := f.Operation == "" || f.Operation == cnwire.CertificateDownload.Name || slices.ContainsFunc(cnwire.Operations(), func(op cnwire.Operation) bool { return op.Name == f.Operation })
	if !known {
		panic("alipaycntest: Inject: there is no operation " + strconv.Quote(f.Operation))
	}
	g.faults.Add(f.Operation, f.Times, f)
}

// common is the part of the fault that every server knows.
func (f Fault) common() inprocess.Fault {
	return inprocess.Fault{
		Delay: f.Delay, CutBefore: f.CutBefore, CutAfter: f.CutAfter, Status: f.Status, StatusAfter: f.StatusAfter,
		Corrupt: f.Corrupt, Unsigned: f.Unsigned, WrongSignature: f.WrongSignature,
	}
}

// before applies the fault ahead of processing. It returns the answer to send
// instead of processing, or nil.
func (f Fault) before(r *http.Request) *answer {
	return instead(f.common().Before(r.Context()), f.Code)
}

// after applies the fault after processing. It returns the answer to send instead
// of the real one, or nil.
func (f Fault) after() *answer {
	return instead(f.common().After(), f.CodeAfter)
}

func instead(status int, code alipaycn.Code) *answer {
	switch {
	case status != 0:
		return pageAnswer(status)
	case code != "":
		answer := errorAnswer(refuse(code, "injected"))
		return &answer
	default:
		return nil
	}
}

// pageAnswer is the answer of a proxy.
func pageAnswer(status int) *answer {
	return &answer{status: status, html: true, body: inprocess.Page(status)}
}

// tamper changes an answer that is signed already.
func (f Fault) tamper(h http.Header, body []byte) []byte {
	inprocess.RetryAfter(h, f.RetryAfter)
	return f.common().Tamper(h, body, cnwire.HeaderSignature, "AAAA")
}
