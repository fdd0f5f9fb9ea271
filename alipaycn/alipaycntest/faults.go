package alipaycntest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnapi"
	"github.com/alipayplus-go/alipayplus/internal/cnsign"
)

// Fault is something that goes wrong with the next calls of an operation; see
// [Gateway.Inject]. Its fields add up.
type Fault struct {
	// Operation is what it concerns, as errors of package alipaycn call it, for
	// example "versions.apply"; empty: any.
	Operation string
	// Times is for how many calls it holds; 0: one.
	Times int
	// Delay is waited for before anything else.
	Delay time.Duration
	// CutBefore cuts the connection before the call is processed.
	CutBefore bool
	// CutAfter cuts the connection after the call is processed.
	CutAfter bool
	// Status is answered, with an unsigned HTML page as proxies send, instead of
	// processing the call, for example 429 or 503; 0: none.
	Status int
	// StatusAfter is Status after the call is processed; 0: none.
	StatusAfter int
	// Code is answered, signed, instead of processing the call; empty: none.
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
	known := f.Operation == "" || slices.ContainsFunc(cnapi.Operations(), func(op cnapi.Operation) bool { return op.Name == f.Operation })
	if !known {
		panic("alipaycntest: Inject: there is no operation " + strconv.Quote(f.Operation))
	}
	g.faults.mu.Lock()
	defer g.faults.mu.Unlock()
	f.Times = max(f.Times, 1)
	g.faults.waiting = append(g.faults.waiting, f)
}

type faults struct {
	mu      sync.Mutex
	waiting []Fault
}

// take uses up the first fault that concerns the operation.
func (f *faults) take(op cnapi.Operation) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.waiting, func(w Fault) bool { return w.Operation == "" || w.Operation == op.Name })
	if i < 0 {
		return Fault{}
	}
	found := f.waiting[i]
	if f.waiting[i].Times--; f.waiting[i].Times == 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
	}
	return found
}

// before does what goes wrong before processing. It returns a page to answer
// with, or nil.
func (f Fault) before(r *http.Request) *answer {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	if f.CutBefore {
		panic(http.ErrAbortHandler)
	}
	return f.instead(f.Status, f.Code)
}

// after does what goes wrong after processing.
func (f Fault) after() *answer {
	if f.CutAfter {
		panic(http.ErrAbortHandler)
	}
	return f.instead(f.StatusAfter, f.CodeAfter)
}

func (f Fault) instead(status int, code alipaycn.Code) *answer {
	switch {
	case status != 0:
		return page(status)
	case code != "":
		refused := refused(refuse(code, "injected"))
		return &refused
	default:
		return nil
	}
}

// page is what a proxy would answer.
func page(status int) *answer {
	return &answer{
		status: status, html: true,
		body: fmt.Appendf(nil, "<html><body><h1>%d %s</h1></body></html>", status, http.StatusText(status)),
	}
}

// tamper changes an answer that is ready to be sent.
func (f Fault) tamper(h http.Header, body []byte) []byte {
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	if f.Unsigned {
		h.Del(cnsign.HeaderSignature)
	}
	if f.WrongSignature {
		h.Set(cnsign.HeaderSignature, "AAAA")
	}
	if f.Corrupt {
		body = append(slices.Clone(body), ' ')
	}
	return body
}
