package sim

import (
	"context"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
)

// trade does one step of some order, of either side, also one that is not its turn; and sometimes what an order lets a
// provider do with a merchant's mini program, also when it does not.
func (p *person) trade(ctx context.Context, ws *workspace) {
	page, err := p.client.Orders.List(ctx, alipayplus.ListOrdersInput{ListOptions: alipayplus.ListOptions{Limit: 50}})
	if err != nil {
		p.did("list orders", err)
		return
	}
	if len(page.Items) == 0 || p.random.IntN(4) == 0 {
		p.order(ctx, ws)
		return
	}
	o := page.Items[p.random.IntN(len(page.Items))]
	if o.Side == alipayplus.SideProvider && (o.GivesAccess() && p.random.IntN(5) > 0 || p.random.IntN(4) == 0) {
		p.actForMerchant(ctx, o)
		return
	}
	what := p.next(o)
	if len(what) == 0 || p.random.IntN(4) == 0 {
		what = []alipayplus.OrderAction{
			alipayplus.OrderAccept, alipayplus.OrderReject, alipayplus.OrderConfirm, alipayplus.OrderSubmit,
			alipayplus.OrderApprove, alipayplus.OrderTurnDown, alipayplus.OrderCancel, revokeAccess,
		}
	}
	p.lead(ctx, o, what[p.random.IntN(len(what))])
}

// revokeAccess takes back what an order gave, and is no step of it.
const revokeAccess alipayplus.OrderAction = "REVOKE"

// next is what the person's side may do with an order, what leads on most of all.
func (p *person) next(o *alipayplus.Order) []alipayplus.OrderAction {
	type turn struct {
		side   alipayplus.OrderSide
		status alipayplus.OrderStatus
	}
	return map[turn][]alipayplus.OrderAction{
		{alipayplus.SideProvider, alipayplus.OrderNew}:                 {alipayplus.OrderAccept, alipayplus.OrderAccept, alipayplus.OrderAccept, alipayplus.OrderReject},
		{alipayplus.SideMerchant, alipayplus.OrderPendingConfirmation}: {alipayplus.OrderConfirm, alipayplus.OrderConfirm, alipayplus.OrderConfirm, alipayplus.OrderReject},
		{alipayplus.SideProvider, alipayplus.OrderInDevelopment}:       {alipayplus.OrderSubmit},
		{alipayplus.SideMerchant, alipayplus.OrderUnderApproval}:       {alipayplus.OrderApprove, alipayplus.OrderTurnDown, revokeAccess},
	}[turn{o.Side, o.Status}]
}

// lead does something with an order.
func (p *person) lead(ctx context.Context, o *alipayplus.Order, what alipayplus.OrderAction) {
	in, no := alipayplus.OrderInput{OrderID: o.ID}, alipayplus.RefuseOrderInput{OrderID: o.ID}
	var err error
	switch what {
	case alipayplus.OrderAccept:
		_, err = p.client.Orders.Accept(ctx, in)
	case alipayplus.OrderConfirm:
		_, err = p.client.Orders.Confirm(ctx, in)
	case alipayplus.OrderSubmit:
		_, err = p.client.Orders.Submit(ctx, in)
	case alipayplus.OrderApprove:
		_, err = p.client.Orders.Approve(ctx, in)
	case alipayplus.OrderReject:
		_, err = p.client.Orders.Reject(ctx, no)
	case alipayplus.OrderTurnDown:
		_, err = p.client.Orders.TurnDown(ctx, no)
	case alipayplus.OrderCancel:
		_, err = p.client.Orders.Cancel(ctx, no)
	default:
		_, err = p.client.Orders.RevokeAccess(ctx, in)
	}
	p.did(fmt.Sprintf("%s %s", what, o.ID), err)
}

// order orders a service of the market for a mini program.
func (p *person) order(ctx context.Context, ws *workspace) {
	page, err := p.client.Market.List(ctx, alipayplus.ListMarketInput{})
	if err != nil || len(page.Items) == 0 {
		p.did("list market", err)
		return
	}
	service := page.Items[p.random.IntN(len(page.Items))].ID
	_, err = p.client.Orders.Place(ctx, alipayplus.PlaceOrderInput{ServiceID: service, ProgramID: ws.programs[p.random.IntN(len(ws.programs))]})
	p.did("order "+service, err)
}

// actForMerchant does with the mini program of an order what the order may give access to.
func (p *person) actForMerchant(ctx context.Context, o *alipayplus.Order) {
	page, err := p.client.Releases.List(ctx, alipayplus.ListReleasesInput{ProgramID: o.ProgramID})
	if err != nil || len(page.Items) == 0 {
		p.did("list releases of "+o.ProgramID, err)
		return
	}
	for _, r := range page.Items {
		p.w.seen[p.workspace] = append(p.w.seen[p.workspace][:min(len(p.w.seen[p.workspace]), 9)], r.ID)
	}
	p.forMerchants = repeatable(p.forMerchants, p.step(ctx, page.Items[p.random.IntN(len(page.Items))]))
}

// actWithoutOrder does something with a release that an order gave access to once.
func (p *person) actWithoutOrder(ctx context.Context) {
	if p.random.IntN(2) == 0 {
		p.repeat(p.forMerchants)
		return
	}
	seen := p.w.seen[p.workspace]
	if len(seen) == 0 {
		return
	}
	id := seen[p.random.IntN(len(seen))]
	r, err := p.client.Releases.Get(ctx, id)
	p.did("get "+id, err)
	if err == nil {
		p.step(ctx, r)
		return
	}
	_, err = p.client.Releases.Withdraw(ctx, alipayplus.ReleaseInput{ReleaseID: id})
	p.did("withdraw "+id, err)
}

// finish leads the orders of the workspace to their end.
func (p *person) finish(ctx context.Context) {
	for o, err := range p.client.Orders.All(ctx, alipayplus.ListOrdersInput{}) {
		if err != nil {
			return
		}
		if what := p.next(o); len(what) > 0 && what[0] != revokeAccess {
			p.lead(ctx, o, what[0])
		}
	}
}
