package platform

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
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
	p.faults.mu.Lock()
	defer p.faults.mu.Unlock()
	f.Times = max(f.Times, 1)
	p.faults.waiting = append(p.faults.waiting, f)
}

type faults struct {
	mu      sync.Mutex
	waiting []Fault
}

// take uses up the first fault that concerns the operation.
func (f *faults) take(op contract.Operation) Fault {
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

// before does what goes wrong before processing; false: the call ends here.
func (f Fault) before(w http.ResponseWriter, r *http.Request) bool {
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
	return f.status(w, f.Status)
}

// after does what goes wrong after processing; false: the call ends here.
func (f Fault) after(w http.ResponseWriter) bool {
	if f.CutAfter {
		panic(http.ErrAbortHandler)
	}
	return f.status(w, f.StatusAfter)
}

func (f Fault) status(w http.ResponseWriter, status int) bool {
	if status == 0 {
		return true
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter.Seconds())))
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html><body><h1>%d %s</h1></body></html>", status, http.StatusText(status))
	return false
}

// tamper changes a signed answer.
func (f Fault) tamper(h http.Header, body []byte) []byte {
	if f.Unsigned {
		h.Del("Signature")
	}
	if f.WrongSignature {
		h.Set("Signature", "algorithm=RSA256, keyVersion=1, signature="+"AAAA")
	}
	if f.Corrupt {
		body = append(slices.Clone(body), ' ')
	}
	return body
}
