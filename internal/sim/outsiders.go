package sim

import (
	"maps"
	"slices"

	"github.com/alipayplus-go/alipayplus"
)

// foundOutsider makes a workspace that has nothing, and one person who has seen the ids of others.
func (w *world) foundOutsider() {
	p, ws := w.platform(w.store, w.direct()), &workspace{}
	var err error
	ws.id, err = p.AddWorkspace(w.ctx, company(len(w.workspaces)))
	w.ok(err)
	w.outsider = w.enroll(p, ws, &member{name: "outsider", role: alipayplus.RoleOwner})
}

// pry does something with what others have.
func (p *person) pry() {
	if p.w.faults.over() {
		return
	}
	rules := p.w.rules
	one := func(ids []string) string {
		if len(ids) == 0 {
			return "none"
		}
		return ids[p.random.IntN(len(ids))]
	}
	order, release, service, request := one(slices.Sorted(maps.Keys(rules.orders.of))), one(slices.Sorted(maps.Keys(rules.platform.releases))),
		one(slices.Sorted(maps.Keys(rules.platform.services))), one(slices.Sorted(maps.Keys(rules.platform.requests)))
	c, ctx := p.client, p.ctx
	tries := []struct {
		what string
		do   func() error
	}{
		{"get " + order, func() error { _, err := c.Orders.Get(ctx, order); return err }},
		{"cancel " + order, func() error { _, err := c.Orders.Cancel(ctx, alipayplus.RefuseOrderInput{OrderID: order}); return err }},
		{"confirm " + order, func() error { _, err := c.Orders.Confirm(ctx, alipayplus.OrderInput{OrderID: order}); return err }},
		{"revoke access of " + order, func() error { _, err := c.Orders.RevokeAccess(ctx, alipayplus.OrderInput{OrderID: order}); return err }},
		{"get " + release, func() error { _, err := c.Releases.Get(ctx, release); return err }},
		{"withdraw " + release, func() error {
			_, err := c.Releases.Withdraw(ctx, alipayplus.ReleaseInput{ReleaseID: release})
			return err
		}},
		{"history of " + release, func() error {
			for _, err := range c.Releases.AllHistory(ctx, alipayplus.ListHistoryInput{ReleaseID: release}) {
				return err
			}
			return nil
		}},
		{"get " + service, func() error { _, err := c.Services.Get(ctx, service); return err }},
		{"archive " + service, func() error {
			_, err := c.Services.Archive(ctx, alipayplus.ServiceInput{ServiceID: service})
			return err
		}},
		{"get " + request, func() error { _, err := c.Requests.Get(ctx, request); return err }},
		{"list orders", func() error { _, err := c.Orders.List(ctx, alipayplus.ListOrdersInput{}); return err }},
		{"list releases", func() error { _, err := c.Releases.List(ctx, alipayplus.ListReleasesInput{}); return err }},
	}
	try := tries[p.random.IntN(len(tries))]
	p.did(try.what, try.do())
}
