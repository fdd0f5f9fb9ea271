package alipaycntest

import (
	"crypto/rand"
	"io"
	"net/http"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// maxBody is the largest body that is read. A body of 150 MB is known to be
// refused with 413; the limit is not documented.
const maxBody = 100 << 20

// Call is one call that reached the gateway, for [Gateway.Calls].
type Call struct {
	// Operation is the operation, for example "versions.apply"; empty when the
	// gateway knows none with that method and path.
	Operation string
	// AppID is the app that called; empty when that was not clear.
	AppID string
	// MiniAppID is the mini program that the call was about; empty when that was
	// not clear, and for operations that are about none.
	MiniAppID string
	// RequestID is the header alipay-request-id.
	RequestID string
	// TraceID is the trace id of the answer.
	TraceID string
	// At is when the call came in.
	At time.Time
	// Status is the HTTP status of the answer; 0 when the connection was cut.
	Status int
	// Code is the error code of the answer; empty for a success and a page.
	Code alipaycn.Code
}

// Calls returns what was called, in the order in which the calls came in.
func (g *Gateway) Calls() []Call {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]Call(nil), g.calls...)
}

// ServeHTTP answers one call.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	trace := rand.Text()
	route := g.routes[r.Method+" "+r.URL.Path]
	entry := g.log(Call{Operation: route.op.Name, RequestID: r.Header.Get("Alipay-Request-Id"), TraceID: trace, At: time.Now()})
	fault := g.faults.Take(route.op.Name)
	a := fault.before(r)
	if a == nil {
		processed := g.process(r, route, entry)
		a = fault.after()
		if a == nil {
			a = &processed
		}
	}
	g.amend(entry, func(c *Call) { c.Status, c.Code = a.status, a.code })
	g.send(w, *a, trace, fault)
}

// process verifies and carries out a call.
func (g *Gateway) process(r *http.Request, route route, entry int) answer {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		panic(http.ErrAbortHandler) // the caller hung up
	case len(body) > maxBody:
		return *page(http.StatusRequestEntityTooLarge)
	}
	c, err := g.verify(r, route, body)
	if c != nil {
		g.amend(entry, func(e *Call) { e.AppID, e.MiniAppID = c.caller.id, c.miniID() })
	}
	if err != nil {
		return refused(err)
	}
	a, err := g.carryOut(route, c)
	if err != nil {
		return refused(err)
	}
	a.aes = c.aes
	return a
}

// carryOut does what the call asks for. What it changes, it changes as a whole.
func (g *Gateway) carryOut(route route, c *call) (answer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.now = time.Now()
	if c.app != nil {
		g.settle(c.app, c.now)
	}
	out, err := route.handle(g, c)
	if err != nil {
		return answer{}, err
	}
	if route.op.Write {
		c.owner().effects[route.op.Name]++
	}
	return done(out)
}

// Effects returns how often each write took effect on an app, by operation, for
// example {"versions.apply": 1}. Those of authorization.token count for the
// third-party app, all others for the mini program. It is nil for an unknown app.
func (g *Gateway) Effects(appID string) map[string]int {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.apps[appID]
	if a == nil {
		return nil
	}
	effects := map[string]int{}
	for _, op := range cnwire.Operations() {
		if n := a.effects[op.Name]; n > 0 {
			effects[op.Name] = n
		}
	}
	return effects
}

func (g *Gateway) log(c Call) (entry int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, c)
	return len(g.calls) - 1
}

func (g *Gateway) amend(entry int, change func(*Call)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(&g.calls[entry])
}
