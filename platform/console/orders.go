package console

import (
	"context"
	"errors"
	"slices"

	"github.com/alipayplus-go/alipayplus"
)

// orders are Service Management > Orders, as provider, and Service Orders, as merchant.
func (v *visit) orders() error {
	query := v.r.URL.Query()
	in := alipayplus.ListOrdersInput{
		ListOptions: v.options(), Side: alipayplus.OrderSide(query.Get("side")), Status: alipayplus.OrderStatus(query.Get("status")), Number: query.Get("number"),
	}
	found, err := v.client.Orders.List(v.ctx(), in)
	if err != nil {
		return err
	}
	return v.show("orders", "orders.title", struct {
		In       alipayplus.ListOrdersInput
		Sides    []alipayplus.OrderSide
		Statuses []alipayplus.OrderStatus
		Orders   []*alipayplus.Order
		Next     string
	}{
		in,
		[]alipayplus.OrderSide{alipayplus.SideProvider, alipayplus.SideMerchant},
		[]alipayplus.OrderStatus{
			alipayplus.OrderNew, alipayplus.OrderPendingConfirmation, alipayplus.OrderInDevelopment,
			alipayplus.OrderUnderApproval, alipayplus.OrderCompleted, alipayplus.OrderCanceled,
		},
		found.Items, v.next(found.NextCursor),
	})
}

// order shows an order, and what the side that looks at it can do.
func (v *visit) order() error {
	order, err := v.client.Orders.Get(v.ctx(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	type action struct {
		Action alipayplus.OrderAction
		// Refuses says that it may have a reason.
		Refuses bool
	}
	var actions []action
	for _, a := range order.Status.Actions(order.Side) {
		_, refuses := v.refusals()[a]
		actions = append(actions, action{a, refuses})
	}
	developers, err := v.developersFor(order)
	if err != nil {
		return err
	}
	return v.show("order", "order.title", struct {
		*alipayplus.Order
		Actions    []action
		Developers []string
		Chosen     func(string) bool
	}{order, actions, developers, func(name string) bool { return slices.Contains(order.Members, name) }})
}

// developersFor are those whom the caller can assign to an order: none for who may not.
func (v *visit) developersFor(order *alipayplus.Order) (names []string, err error) {
	if order.Side != alipayplus.SideProvider || order.Status.Terminal() {
		return nil, nil
	}
	if err := v.session.May(v.ctx(), alipayplus.ActionAssignMembers, ""); err != nil {
		if errors.Is(err, alipayplus.ErrPermission) {
			err = nil
		}
		return nil, err
	}
	members, err := v.platform.Members(v.ctx(), v.session.WorkspaceID)
	for _, m := range members {
		if m.Role == alipayplus.RoleDeveloper {
			names = append(names, m.Name)
		}
	}
	return names, err
}

// act does with an order what a button says.
func (v *visit) act() error {
	id, action := v.r.PathValue("id"), alipayplus.OrderAction(v.r.PathValue("action"))
	var err error
	if do, has := v.steps()[action]; has {
		_, err = do(v.ctx(), alipayplus.OrderInput{OrderID: id, RequestID: v.requestID()})
	} else if refuse, has := v.refusals()[action]; has {
		_, err = refuse(v.ctx(), alipayplus.RefuseOrderInput{OrderID: id, Reason: v.posted("reason"), RequestID: v.requestID()})
	} else if action == assign {
		_, err = v.client.Orders.Assign(v.ctx(), alipayplus.AssignMembersInput{OrderID: id, Members: v.r.PostForm["members"], RequestID: v.requestID()})
	} else {
		return alipayplus.ErrNotFound
	}
	return v.done(err, "orders/"+id, v.order)
}

// revokeAccess is the address below an order at which its merchant takes access back.
const revokeAccess alipayplus.OrderAction = "REVOKE_ACCESS"

// assign is the address below an order at which its provider assigns developers.
const assign alipayplus.OrderAction = "ASSIGN"

// steps are the actions that need nothing but the order.
func (v *visit) steps() map[alipayplus.OrderAction]func(context.Context, alipayplus.OrderInput) (*alipayplus.Order, error) {
	o := v.client.Orders
	return map[alipayplus.OrderAction]func(context.Context, alipayplus.OrderInput) (*alipayplus.Order, error){
		alipayplus.OrderAccept: o.Accept, alipayplus.OrderConfirm: o.Confirm, alipayplus.OrderSubmit: o.Submit,
		alipayplus.OrderApprove: o.Approve, revokeAccess: o.RevokeAccess,
	}
}

// refusals are the actions that say no, and may say why.
func (v *visit) refusals() map[alipayplus.OrderAction]func(context.Context, alipayplus.RefuseOrderInput) (*alipayplus.Order, error) {
	o := v.client.Orders
	return map[alipayplus.OrderAction]func(context.Context, alipayplus.RefuseOrderInput) (*alipayplus.Order, error){
		alipayplus.OrderReject: o.Reject, alipayplus.OrderTurnDown: o.TurnDown, alipayplus.OrderCancel: o.Cancel,
	}
}
