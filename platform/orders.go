package platform

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

func placeOrder(c *call, in alipayplus.PlaceOrderInput) (*alipayplus.Order, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	program, err := c.program(in.ProgramID)
	if err == nil {
		err = c.may(alipayplus.ActionManageOrders, program.ID)
	}
	if err != nil {
		return nil, err
	}
	service, err := c.marketService(in.ServiceID)
	if err != nil {
		return nil, err
	}
	if service.Workspace == c.workspace() {
		return nil, conflict("service %s is this workspace's own; merchants of other workspaces order it", service.ID)
	}
	merchant, err := c.company()
	if err != nil {
		return nil, err
	}
	r := &orderRecord{
		Workspace: c.workspace(), ProviderWorkspace: service.Workspace, Sort: c.p.sortKey(c.at),
		Order: alipayplus.Order{
			ID: newID("ord_"), Status: alipayplus.OrderNew,
			ServiceID: service.ID, ServiceName: service.Name, ProgramID: program.ID, ProgramName: program.Name(),
			Merchant: merchant.Company.CompanyName, Provider: service.Company.CompanyName,
			Note: in.Note, CreatedBy: c.who(), CreatedAt: c.at, UpdatedAt: c.at,
		},
	}
	c.save(nil, r)
	c.auditOrder(r, alipayplus.SideMerchant, "", "")
	return r.seenBy(alipayplus.SideMerchant), nil
}

// seenBy is the order as a side sees it.
func (r *orderRecord) seenBy(side alipayplus.OrderSide) *alipayplus.Order {
	out := r.Order
	out.Side = side
	return &out
}

// sideOf is the side of a workspace that the order is about.
func (r *orderRecord) sideOf(workspace string) alipayplus.OrderSide {
	if workspace == r.ProviderWorkspace {
		return alipayplus.SideProvider
	}
	return alipayplus.SideMerchant
}

// orderFor reads an order that the caller's workspace is a side of, for an action that the
// caller may do.
func (c *call) orderFor(action alipayplus.Action, id string) (*orderRecord, alipayplus.OrderSide, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, "", err
	}
	at, found, err := c.tx.Get(orderIDKey(c.home(), id))
	if err != nil {
		return nil, "", err
	}
	if !found {
		return nil, "", notFound("order", id)
	}
	r, err := resolve[orderRecord](c.tx, string(at))
	if err != nil {
		return nil, "", err
	}
	return r, r.sideOf(c.home()), c.may(action, r.ProgramID)
}

// changeOrder saves what a side changed, and records it for both.
func (c *call) changeOrder(before, r *orderRecord, side alipayplus.OrderSide, note string) *alipayplus.Order {
	r.UpdatedAt = c.at
	c.save(before, r)
	c.auditOrder(r, side, string(before.Status), note)
	return r.seenBy(side)
}

// auditOrder stages an entry in the logs of both sides about what one of them does.
func (c *call) auditOrder(r *orderRecord, by alipayplus.OrderSide, from, note string) {
	c.stage(func(c *call) error {
		for _, side := range []alipayplus.OrderSide{alipayplus.SideMerchant, alipayplus.SideProvider} {
			who := c.caller.member.Name
			if side != by {
				who = foreignMember(r.companyOf(by), who)
			}
			if err := c.auditWriterAt(r.workspaceOf(side), who).add("order", r.ID, from, string(r.Status), note); err != nil {
				return err
			}
		}
		return nil
	})
}

// move changes the status by the root's transition table.
func (r *orderRecord) move(policy alipayplus.OrderPolicy, side alipayplus.OrderSide, action alipayplus.OrderAction) error {
	if !side.Can(action) {
		return refuse(alipayplus.CodeAccessDenied, "%s is not for the %s of an order; order %s is %s: %s",
			action, strings.ToLower(string(side)), r.ID, r.Status, r.Status.WayOut())
	}
	to, ok := policy.Next(r.Status, side, action)
	if !ok {
		return conflict("order %s is %s, which allows no %s by the %s: %s",
			r.ID, r.Status, action, strings.ToLower(string(side)), r.Status.WayOut())
	}
	r.Status = to
	return nil
}

// actOnOrder moves an order, by whoever may.
func (c *call) actOnOrder(id string, action alipayplus.OrderAction) (before, r *orderRecord, side alipayplus.OrderSide, err error) {
	r, side, err = c.orderFor(alipayplus.ActionManageOrders, id)
	if err != nil {
		return nil, nil, "", err
	}
	if action == alipayplus.OrderConfirm && side == alipayplus.SideMerchant {
		if err := c.mayGiveAccess(r.ProgramID); err != nil {
			return nil, nil, "", err
		}
	}
	before = new(*r)
	if err := r.move(c.p.cfg.orders, side, action); err != nil {
		return nil, nil, "", err
	}
	r.Refusal = nil
	if r.Status.Terminal() {
		r.FinishedAt = c.at
	}
	return before, r, side, nil
}

// moveOrder leads on with an order.
func (c *call) moveOrder(in alipayplus.OrderInput, action alipayplus.OrderAction) (*alipayplus.Order, error) {
	before, r, side, err := c.actOnOrder(in.OrderID, action)
	if err != nil {
		return nil, err
	}
	return c.changeOrder(before, r, side, ""), nil
}

func acceptOrder(c *call, in alipayplus.OrderInput) (*alipayplus.Order, error) {
	return c.moveOrder(in, alipayplus.OrderAccept)
}

func confirmOrder(c *call, in alipayplus.OrderInput) (*alipayplus.Order, error) {
	return c.moveOrder(in, alipayplus.OrderConfirm)
}

func submitOrder(c *call, in alipayplus.OrderInput) (*alipayplus.Order, error) {
	return c.moveOrder(in, alipayplus.OrderSubmit)
}

func approveOrder(c *call, in alipayplus.OrderInput) (*alipayplus.Order, error) {
	return c.moveOrder(in, alipayplus.OrderApprove)
}

// mayGiveAccess refuses to give others what the caller may not do.
func (c *call) mayGiveAccess(programID string) error {
	for _, action := range []alipayplus.Action{alipayplus.ActionUpload, alipayplus.ActionConfigureProgram, alipayplus.ActionRelease} {
		if err := c.may(action, programID); err != nil {
			return err
		}
	}
	return nil
}

// refuseOrder says no to an order.
func (c *call) refuseOrder(in alipayplus.RefuseOrderInput, action alipayplus.OrderAction) (*alipayplus.Order, error) {
	before, r, side, err := c.actOnOrder(in.OrderID, action)
	if err != nil {
		return nil, err
	}
	r.Refusal = &alipayplus.OrderRefusal{
		Side: side, By: c.who(), Action: action, From: before.Status, Reason: in.Reason, At: c.at,
	}
	return c.changeOrder(before, r, side, r.Refusal.String()), nil
}

func rejectOrder(c *call, in alipayplus.RefuseOrderInput) (*alipayplus.Order, error) {
	return c.refuseOrder(in, alipayplus.OrderReject)
}

func turnDownOrder(c *call, in alipayplus.RefuseOrderInput) (*alipayplus.Order, error) {
	return c.refuseOrder(in, alipayplus.OrderTurnDown)
}

func cancelOrder(c *call, in alipayplus.RefuseOrderInput) (*alipayplus.Order, error) {
	return c.refuseOrder(in, alipayplus.OrderCancel)
}

func revokeAccess(c *call, in alipayplus.OrderInput) (*alipayplus.Order, error) {
	r, side, err := c.orderFor(alipayplus.ActionManageOrders, in.OrderID)
	if err != nil {
		return nil, err
	}
	if side != alipayplus.SideMerchant {
		return nil, refuse(alipayplus.CodeAccessDenied, "the mini program is the merchant's, who alone takes back the access by order %s", r.ID)
	}
	if !r.GivesAccess() {
		return nil, conflict("order %s is %s and gives no access; nothing is to be taken back", r.ID, r.Status)
	}
	before := new(*r)
	r.AccessRevokedAt = c.at
	return c.changeOrder(before, r, side, "access to mini program "+r.ProgramID+" taken back"), nil
}

func assignMembers(c *call, in alipayplus.AssignMembersInput) (*alipayplus.Order, error) {
	r, side, err := c.orderFor(alipayplus.ActionAssignMembers, in.OrderID)
	if err != nil {
		return nil, err
	}
	if side != alipayplus.SideProvider {
		return nil, refuse(alipayplus.CodeAccessDenied, "who works by order %s, its provider says", r.ID)
	}
	if r.Status.Terminal() {
		return nil, conflict("order %s is %s, so nobody works by it: %s", r.ID, r.Status, r.Status.WayOut())
	}
	before := new(*r)
	r.Members, r.Enrolled = in.Members, make(map[string]string, len(in.Members))
	for i, name := range in.Members {
		path := fmt.Sprintf("members[%d]", i)
		if err := checkName(path, name, maxMemberName); err != nil {
			return nil, err
		}
		m, err := load[memberRecord](c.tx, memberKey(c.home(), name))
		if err != nil {
			return nil, err
		}
		if m == nil || m.Role != alipayplus.RoleDeveloper {
			return nil, invalid(path, "%s is no developer of this workspace; owner and masters need no assignment", quote(name))
		}
		r.Enrolled[name] = m.Enrolled
	}
	return c.changeOrder(before, r, side, "assigned: "+cmp.Or(strings.Join(in.Members, ", "), "nobody")), nil
}

// assigns says whether the caller is assigned to the order.
func (r *orderRecord) assigns(who caller) bool {
	enrolled, has := r.Enrolled[who.member.Name]
	return has && enrolled == who.enrolled
}

func queryOrder(c *call, in alipayplus.OrderInput) (*alipayplus.Order, error) {
	r, side, err := c.orderFor(alipayplus.ActionView, in.OrderID)
	if err != nil {
		return nil, err
	}
	return r.seenBy(side), nil
}

func listOrders(c *call, in alipayplus.ListOrdersInput) (*page, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	by := "all"
	switch {
	case in.Status != "":
		by = "status=" + string(in.Status)
	case in.Side != "":
		by = "side=" + string(in.Side)
	}
	number := strings.ToLower(in.Number)
	return listing{
		prefix: key("i/order", c.home(), by) + "/", opts: in.ListOptions,
		filter: key(string(in.Side), string(in.Status), number),
		keep: func(r stored) bool {
			return matches(in.Side, c.sideOf(r)) && r.matches("status", string(in.Status)) && strings.Contains(strings.ToLower(r.text("id")), number)
		},
		show: func(to []byte, r stored) ([]byte, error) {
			to, err := r.appendShown(to, "workspace")
			if err != nil {
				return nil, err
			}
			return appendMember(to, "side", strconv.AppendQuote(nil, string(c.sideOf(r)))), nil
		},
	}.page(c.tx)
}

// sideOf is the side of the caller's workspace.
func (c *call) sideOf(r stored) alipayplus.OrderSide {
	if r.text("providerWorkspace") == c.home() {
		return alipayplus.SideProvider
	}
	return alipayplus.SideMerchant
}
