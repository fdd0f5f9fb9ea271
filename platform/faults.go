package platform

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/inprocess"
)

// Fault is something that goes wrong with the next calls of an operation, for
// testing what a program makes of it; see [Platform.Inject]. Its fields add up.
type Fault struct {
	// Operation is what it concerns, as errors and events call it, for example
	// "releases.create"; empty: any. The bytes of an upload go up as
	// "files.upload", those of a version too.
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
	// processing the call; 0: none.
	Status int
	// StatusAfter is Status after the call is processed; 0: none.
	StatusAfter int
	// RetryAfter goes into the Retry-After header of such an answer; 0: none.
	RetryAfter time.Duration
	// Twice processes the call twice, as a repeating proxy would.
	Twice bool
	// Corrupt changes the answer after it was signed.
	Corrupt bool
	// Unsigned leaves the signature out of the answer.
	Unsigned bool
	// WrongSignature gives the answer a signature that does not fit.
	WrongSignature bool
}

// Inject makes the next calls that fit the fault go wrong. Faults are used up in
// the order in which they were injected. It panics when there is no operation of
// that name: a test whose fault never happens would prove nothing.
func (p *Platform) Inject(f Fault) {
	known := f.Operation == "" || slices.ContainsFunc(contract.Operations(), func(op contract.Operation) bool { return op.Name == f.Operation })
	if !known {
		panic("platform: Inject: there is no operation " + strconv.Quote(f.Operation))
	}
	p.faults.Add(f.Operation, f.Times, f)
}

// common is what any server's calls may suffer.
func (f Fault) common() inprocess.Fault {
	return inprocess.Fault{
		Delay: f.Delay, CutBefore: f.CutBefore, CutAfter: f.CutAfter, Status: f.Status, StatusAfter: f.StatusAfter,
		Corrupt: f.Corrupt, Unsigned: f.Unsigned, WrongSignature: f.WrongSignature,
	}
}

// before does what goes wrong before processing; false: the call ends here.
func (f Fault) before(w http.ResponseWriter, r *http.Request) bool {
	return f.goesOn(w, f.common().Before(r.Context()))
}

// after does what goes wrong after processing; false: the call ends here.
func (f Fault) after(w http.ResponseWriter) bool {
	return f.goesOn(w, f.common().After())
}

// goesOn answers with a page of the status, unless that is 0: then the call goes on.
func (f Fault) goesOn(w http.ResponseWriter, status int) bool {
	if status == 0 {
		return true
	}
	inprocess.RetryAfter(w.Header(), f.RetryAfter)
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = w.Write(inprocess.Page(status)) //nolint:gosec // a page about the status alone
	return false
}

// tamper changes a signed answer.
func (f Fault) tamper(h http.Header, body []byte) []byte {
	return f.common().Tamper(h, body, "Signature", "algorithm=RSA256, keyVersion=1, signature=AAAA")
}
