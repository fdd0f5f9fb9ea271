package sim

import (
	"context"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// call is a call of a client of the platforms or of AlipayCN, over all its attempts.
type call struct {
	process, operation, requestID string
	// toAlipayCN says that AlipayCN is called, and not a platform.
	toAlipayCN bool
	// replayed says that the last attempt got the answer to another request.
	replayed bool
	// err is what the caller was told.
	err error

	// by is the call that a platform makes it for; nil for none.
	by *call

	// effect is what it has changed, and refused that the caller was told that it has changed nothing, as far as the rules
	// have seen.
	effect  string
	refused bool
	// undone says whether people have taken that back since; nil where they cannot.
	undone func() bool
}

type callKey struct{}

// callOf is the call that a context is of; nil for none.
func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// attempt is an attempt of a call that got the answer to another request, and what the client made of it.
type attempt struct {
	call *call
	err  error
}

// calling lets the rules know what the calls of a process to the platforms come to.
func (w *world) calling(p *process) []alipayplus.Option {
	attempted := alipayplus.WithObserver(func(ctx context.Context, a alipayplus.Attempt) { w.attempted(ctx, p, a.Err) })
	return []alipayplus.Option{attempted, alipayplus.WithOperationObserver(func(ctx context.Context, op alipayplus.Operation) (context.Context, func(error)) {
		return w.begin(ctx, p, &call{process: p.name, operation: op.Name, requestID: op.RequestID})
	})}
}

// callingAlipayCN is calling for calls to AlipayCN.
func (w *world) callingAlipayCN(p *process) []alipaycn.Option {
	attempted := alipaycn.WithObserver(func(ctx context.Context, a alipaycn.Attempt) { w.attempted(ctx, p, a.Err) })
	return []alipaycn.Option{attempted, alipaycn.WithOperationObserver(func(ctx context.Context, op alipaycn.Operation) (context.Context, func(error)) {
		return w.begin(ctx, p, &call{process: p.name, operation: op.Name, toAlipayCN: true, by: callOf(ctx)})
	})}
}

func (w *world) begin(ctx context.Context, p *process, c *call) (context.Context, func(error)) {
	return context.WithValue(ctx, callKey{}, c), func(err error) {
		if c.err = err; err != nil && c.writes() && !p.dead() {
			w.history.add(p.name, c.operation, errorOf(err), c)
		}
	}
}

// attempted lets the rules know of an attempt that got the answer to another request.
func (w *world) attempted(ctx context.Context, p *process, err error) {
	if c := callOf(ctx); c != nil && c.replayed && !p.dead() {
		w.history.add(p.name, c.operation, errorOf(err), &attempt{c, err})
	}
}

// writes says whether the call may change something.
func (c *call) writes() bool { return c.requestID != "" || c.toAlipayCN }
