package sim

import (
	"errors"

	"github.com/alipayplus-go/alipayplus"
)

// callRules are what clients promise about their calls: "OutcomeUnknown says that the write may or may not have taken effect",
// so that without it the write has taken none, unless people took that back since. And that the answer to another request is
// not trusted.
type callRules struct{ *rules }

// attempted judges what a client made of the answer to another request.
func (r *callRules) attempted(a *attempt) {
	_, found := errors.AsType[*alipayplus.SignatureError](a.err)
	r.must("the answer to another request is not trusted", found, "%s: %s took one: %v", a.call.process, a.call.operation, a.err)
}

// ended judges what a caller was told.
func (r *callRules) ended(c *call) {
	if c.err == nil || errors.Is(c.err, alipayplus.ErrOutcomeUnknown) || !c.writes() {
		return
	}
	c.refused = true
	if c.undone != nil && c.undone() { // AlipayCN shows how things are, and not how they were
		return
	}
	r.must("a call that certainly had no effect had none", c.effect == "", "%s: %s did %s, and ended with %v", c.process, c.operation, c.effect, c.err)
}

// took learns that a call has changed something, and with it the one that it was made for. What is taken back to make room for
// an application is no part of it.
func (r *callRules) took(c *call, effect string, undone func() bool) {
	for ; c != nil; c = c.by {
		c.effect, c.undone = effect, undone
		r.must("a call that certainly had no effect had none", !c.refused, "%s: %s ended with %v, and did %s", c.process, c.operation, c.err, effect)
		if c.by != nil && c.by.operation == "releases.apply" && c.operation != "versions.apply" {
			return
		}
	}
}

// exchange learns what a server did for a call.
func (r *callRules) exchange(e *exchange) {
	c := e.call
	if e.begun || c == nil || c.toAlipayCN != (e.host == cnHost) {
		return
	}
	switch {
	case c.toAlipayCN && e.status == 200 && e.changesVersion():
		at, _ := r.alipaycn.about(e)
		v := r.alipaycn.version(at.app, at.number)
		before := v.takenBack
		r.took(c, "what AlipayCN answered", func() bool { return v.takenBack > before })
	case !c.toAlipayCN && c.requestID != "" && outcomeOf(e.status, e.answer) == "SUCCESS":
		r.took(c, "what the platform answered", nil)
	}
}

// committed learns what a platform stored for a call. What else it finds out by the way has no request id.
func (r *callRules) committed(c *call, entries []auditLine) {
	for _, a := range entries {
		if c != nil && c.requestID != "" && a.RequestID == c.requestID && a.Kind != "call" && a.From != a.To {
			r.took(c, a.Kind+" "+a.ID+" "+a.To, nil)
		}
	}
}
