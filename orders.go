package alipayplus

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/polling"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// OrderStatus is the status of an order. It is open to unknown values.
type OrderStatus string

// The six order statuses that Alipay+ documents ("ISV orders").
const (
	// OrderNew: placed by the merchant; the provider accepts or rejects it.
	OrderNew OrderStatus = "NEW_ORDER"
	// OrderPendingConfirmation: accepted; the merchant confirms or rejects it.
	OrderPendingConfirmation OrderStatus = "PENDING_CONFIRMATION"
	// OrderInDevelopment: confirmed; the provider works on the mini program.
	OrderInDevelopment OrderStatus = "IN_DEVELOPMENT"
	// OrderUnderApproval: submitted by the provider; the merchant approves it or turns it down.
	OrderUnderApproval OrderStatus = "UNDER_APPROVAL"
	// OrderCompleted: approved by the merchant.
	OrderCompleted OrderStatus = "COMPLETED"
	// OrderCanceled: ended before it was completed.
	OrderCanceled OrderStatus = "CANCELED"
)

// OrderSide is whose an order is: who placed it, or who offers the service. It is open to
// unknown values; the names are not documented.
type OrderSide string

// The sides.
const (
	// SideMerchant ordered the service.
	SideMerchant OrderSide = "MERCHANT"
	// SideProvider offers it: the ISV.
	SideProvider OrderSide = "PROVIDER"
)

// OrderAction is what a side does with an order. It is open to unknown values; the
// actions are documented ("ISV manage orders", "Merchant manage orders"), their names are not.
type OrderAction string

// The actions.
const (
	// OrderAccept takes a new order on.
	OrderAccept OrderAction = "ACCEPT"
	// OrderReject declines a new order, or one that was accepted.
	OrderReject OrderAction = "REJECT"
	// OrderConfirm confirms an order that was accepted, which authorizes the provider.
	OrderConfirm OrderAction = "CONFIRM"
	// OrderSubmit submits what was developed for approval.
	OrderSubmit OrderAction = "SUBMIT"
	// OrderApprove approves it, which completes the order.
	OrderApprove OrderAction = "APPROVE"
	// OrderTurnDown declines it.
	OrderTurnDown OrderAction = "TURN_DOWN"
	// OrderCancel ends an order early.
	OrderCancel OrderAction = "CANCEL"
)

// orderRule is one line of the transition table: who does what with an order.
type orderRule struct {
	from   OrderStatus
	side   OrderSide
	action OrderAction
	to     OrderStatus
	// own says that no document gives the line: the status that an order gets by
	// a rejection is not documented, nor is it whether a merchant cancels.
	own bool
}

// orderRules is the transition table. Where an action leads to several statuses, an
// [OrderPolicy] chooses; the first one is the default.
func orderRules() []orderRule {
	return []orderRule{
		{OrderNew, SideProvider, OrderAccept, OrderPendingConfirmation, false},
		{OrderNew, SideProvider, OrderReject, OrderCanceled, true},
		{OrderNew, SideMerchant, OrderCancel, OrderCanceled, true},
		{OrderPendingConfirmation, SideMerchant, OrderConfirm, OrderInDevelopment, false},
		{OrderPendingConfirmation, SideMerchant, OrderReject, OrderCanceled, true},
		{OrderPendingConfirmation, SideMerchant, OrderReject, OrderNew, true},
		{OrderInDevelopment, SideProvider, OrderSubmit, OrderUnderApproval, false},
		{OrderInDevelopment, SideProvider, OrderCancel, OrderCanceled, false},
		{OrderInDevelopment, SideMerchant, OrderCancel, OrderCanceled, true},
		{OrderUnderApproval, SideMerchant, OrderApprove, OrderCompleted, false},
		{OrderUnderApproval, SideMerchant, OrderTurnDown, OrderInDevelopment, true},
		{OrderUnderApproval, SideMerchant, OrderTurnDown, OrderCanceled, true},
	}
}

func orderTransitions() []transition[OrderStatus] {
	var table []transition[OrderStatus]
	for _, r := range orderRules() {
		by := r.side.name() + ": " + r.action.name()
		if r.own {
			by += " (own)"
		}
		table = append(table, transition[OrderStatus]{r.from, by, r.to})
	}
	return table
}

// name is the side as sentences have it.
func (s OrderSide) name() string { return strings.ToLower(string(s)) }

// name is the action as sentences have it.
func (a OrderAction) name() string { return strings.ToLower(strings.ReplaceAll(string(a), "_", " ")) }

// Known says whether this version of the library knows the status.
func (s OrderStatus) Known() bool { return known(orderTransitions(), s) }

// Terminal says whether nothing leads out of the status.
func (s OrderStatus) Terminal() bool { return terminal(orderTransitions(), s) }

// CanBecome says whether the rules lead from s to next in one step, by either side and
// under any [OrderPolicy].
func (s OrderStatus) CanBecome(next OrderStatus) bool { return canBecome(orderTransitions(), s, next) }

// GivesAccess says whether the provider may work on the merchant's mini program while an
// order has this status: from the confirmation, which "authorizes the ISV" as documented,
// until the order ends (not documented).
func (s OrderStatus) GivesAccess() bool { return s == OrderInDevelopment || s == OrderUnderApproval }

// Actions are what a side can do with an order in this status, by the transition table.
func (s OrderStatus) Actions(side OrderSide) []OrderAction {
	var all []OrderAction
	for _, r := range orderRules() {
		if r.from == s && r.side == side && !slices.Contains(all, r.action) {
			all = append(all, r.action)
		}
	}
	return all
}

// Can says whether an action is ever a side's: accepting is the provider's,
// confirming the merchant's.
func (s OrderSide) Can(action OrderAction) bool {
	return slices.ContainsFunc(orderRules(), func(r orderRule) bool { return r.side == s && r.action == action })
}

// OrderPolicy is what an order becomes where the documents leave it open. A platform
// announces its own, see [Workspace]. The zero OrderPolicy is the default.
type OrderPolicy struct {
	// Rejected is what an order becomes that the merchant rejects instead of confirming it: CANCELED,
	// or NEW_ORDER, which the provider can accept anew; empty: CANCELED. Not documented.
	Rejected OrderStatus `json:"rejected,omitempty"`
	// TurnedDown is what an order becomes that the merchant turns down instead of approving it:
	// IN_DEVELOPMENT, or CANCELED; empty: IN_DEVELOPMENT. Not documented.
	TurnedDown OrderStatus `json:"turnedDown,omitempty"`
}

// Validate checks that the table knows what the policy chooses.
func (p OrderPolicy) Validate() error {
	return validate("order policy", p, func(problems *problems) {
		oneOf(problems, "rejected", p.Rejected, orderChoices(OrderPendingConfirmation, SideMerchant, OrderReject))
		oneOf(problems, "turnedDown", p.TurnedDown, orderChoices(OrderUnderApproval, SideMerchant, OrderTurnDown))
	})
}

// Next is the rule for what an order becomes when a side does something with it; ok is
// false when the side cannot do that in this status.
func (p OrderPolicy) Next(from OrderStatus, side OrderSide, action OrderAction) (next OrderStatus, ok bool) {
	choices := orderChoices(from, side, action)
	if len(choices) == 0 {
		return "", false
	}
	chosen := map[OrderAction]OrderStatus{OrderReject: p.Rejected, OrderTurnDown: p.TurnedDown}[action]
	if slices.Contains(choices, chosen) {
		return chosen, true
	}
	return choices[0], true
}

// orderChoices are the statuses that an action leads to.
func orderChoices(from OrderStatus, side OrderSide, action OrderAction) []OrderStatus {
	var choices []OrderStatus
	for _, r := range orderRules() {
		if r.from == from && r.side == side && r.action == action {
			choices = append(choices, r.to)
		}
	}
	return choices
}

// Order is a merchant's order of a service for one of its mini programs. Both sides see
// the same, but for Side. The mini program stays the merchant's.
type Order struct {
	// ID is the order number.
	ID string `json:"id"`
	// Side is the side of the caller's workspace.
	Side OrderSide `json:"side"`
	// Status is its present status.
	Status OrderStatus `json:"status"`
	// ServiceID is the service that was ordered.
	ServiceID string `json:"serviceId"`
	// ServiceName is the service's name as it was ordered.
	ServiceName string `json:"serviceName"`
	// ProgramID is the merchant's mini program that the service is for.
	ProgramID string `json:"programId"`
	// ProgramName is the mini program's name as it was ordered for.
	ProgramName string `json:"programName"`
	// Merchant is the name of the company that ordered.
	Merchant string `json:"merchant"`
	// Provider is the name of the company that offers the service.
	Provider string `json:"provider"`
	// Note is what the merchant wrote with the order; may be empty.
	Note string `json:"note,omitempty"`
	// Refusal is the rejection, turning down or cancellation that the order has its status
	// by; nil when it has it by anything else.
	Refusal *OrderRefusal `json:"refusal,omitempty"`
	// Members are the developers of the provider who are assigned to the order, see
	// [OrdersClient.Assign]; owner and masters need no assignment.
	Members []string `json:"members,omitempty"`
	// AccessRevokedAt is when the merchant took back what it had confirmed, see
	// [OrdersClient.RevokeAccess]; zero: not taken back.
	AccessRevokedAt time.Time `json:"accessRevokedAt,omitzero"`
	// CreatedBy is the merchant's member who placed it.
	CreatedBy string `json:"createdBy"`
	// CreatedAt is when it was placed.
	CreatedAt time.Time `json:"createdAt"`
	// UpdatedAt is when it last changed.
	UpdatedAt time.Time `json:"updatedAt"`
	// FinishedAt is when it was completed or canceled; zero until then.
	FinishedAt time.Time `json:"finishedAt,omitzero"`
}

// GivesAccess says whether members of the provider may work on the merchant's mini
// program: the status gives access, see [OrderStatus.GivesAccess], and the merchant has not
// taken it back. Which of its members, [PermissionPolicy.CanForMerchant] says.
func (o *Order) GivesAccess() bool { return o.Status.GivesAccess() && o.AccessRevokedAt.IsZero() }

// OrderRefusal is who said no to an order, and why.
type OrderRefusal struct {
	// Side is whose member it was.
	Side OrderSide `json:"side"`
	// By is the member.
	By string `json:"by"`
	// Action is REJECT, TURN_DOWN or CANCEL.
	Action OrderAction `json:"action"`
	// From is the status that the order had.
	From OrderStatus `json:"from"`
	// Reason is why; optional, so that it may be empty.
	Reason string `json:"reason,omitempty"`
	// At is when.
	At time.Time `json:"at"`
}

// String says in one line who said no, and why: "turned down by the merchant: the logo is missing".
func (r OrderRefusal) String() string {
	text := map[OrderAction]string{OrderReject: "rejected", OrderTurnDown: "turned down", OrderCancel: "canceled"}[r.Action]
	text += " by the " + r.Side.name()
	if r.Reason != "" {
		text += ": " + r.Reason
	}
	return validation.OneLine(text)
}

// PlaceOrderInput is what [OrdersClient.Place] takes.
type PlaceOrderInput struct {
	// ServiceID is a service of the Service Market, see [MarketClient].
	ServiceID string `json:"serviceId" validate:"required,max=64"`
	// ProgramID is the mini program of the caller's workspace that it is for.
	ProgramID string `json:"programId" validate:"required,max=64"`
	// Note tells the provider what is wanted; may be empty. Not documented.
	Note string `json:"note,omitempty" validate:"max=2000" text:"lines"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in PlaceOrderInput) Validate() error { return validate("order", in, nil) }

// OrderInput names an order for an operation that needs nothing else.
type OrderInput struct {
	// OrderID is the order number.
	OrderID string `json:"orderId" validate:"required,max=64"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks that the number is there.
func (in OrderInput) Validate() error { return validate("order", in, nil) }

// AssignMembersInput is what [OrdersClient.Assign] takes.
type AssignMembersInput struct {
	// OrderID is the order number.
	OrderID string `json:"orderId" validate:"required,max=64"`
	// Members are the names of all developers who are to be assigned, in place of those
	// who are; empty: nobody.
	Members []string `json:"members,omitempty" validate:"max=100,unique,dive,required,max=256"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in AssignMembersInput) Validate() error { return validate("order", in, nil) }

// RefuseOrderInput is what [OrdersClient.Reject], [OrdersClient.TurnDown] and
// [OrdersClient.Cancel] take.
type RefuseOrderInput struct {
	// OrderID is the order number.
	OrderID string `json:"orderId" validate:"required,max=64"`
	// Reason tells the other side why; optional, as documented for a rejection.
	Reason string `json:"reason,omitempty" validate:"max=2000" text:"lines"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in RefuseOrderInput) Validate() error { return validate("order", in, nil) }

// ListOrdersInput chooses orders ("ISV orders": filter by status, search by order number).
type ListOrdersInput struct {
	ListOptions
	// Side keeps orders of which the caller's workspace is this side: PROVIDER lists Service
	// Management > Orders, MERCHANT lists Service Management > Service Orders; empty: both.
	Side OrderSide `json:"side,omitempty" validate:"max=64"`
	// Status keeps orders in this status; empty: all.
	Status OrderStatus `json:"status,omitempty" validate:"max=64"`
	// Number keeps orders whose number contains the text, upper and lower case alike;
	// empty: all.
	Number string `json:"number,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in ListOrdersInput) Validate() error { return validate("orders", in, nil) }

// OrdersClient works on the orders of the workspace: those that it placed, as merchant,
// and those of its services, as provider. Which roles may do so at Alipay+ is not
// documented; here [PermissionPolicy.Can] says, for [ActionManageOrders]. It is safe for
// concurrent use.
type OrdersClient struct{ client *Client }

// Place orders a service of the Service Market for a mini program of the caller's
// workspace. Errors: [ErrNotFound] for a service that is not ONLINE and for the mini
// program, [ErrConflict] for a service of the same workspace, [ErrPermission].
func (c *OrdersClient) Place(ctx context.Context, in PlaceOrderInput) (*Order, error) {
	return sendWrite[Order](ctx, c.client, contract.OrderPlace, &in, &in.RequestID)
}

// Accept takes a new order on, as provider: it becomes PENDING_CONFIRMATION. Errors:
// [ErrConflict], [ErrNotFound], [ErrPermission] also for the merchant.
func (c *OrdersClient) Accept(ctx context.Context, in OrderInput) (*Order, error) {
	return sendWrite[Order](ctx, c.client, contract.OrderAccept, &in, &in.RequestID)
}

// Confirm confirms an order that was accepted, as merchant: it becomes IN_DEVELOPMENT, and
// the provider is authorized for the mini program, see [Order.GivesAccess]. So it takes
// a member who may configure and release that. Errors: [ErrConflict], [ErrNotFound],
// [ErrPermission] also for the provider.
func (c *OrdersClient) Confirm(ctx context.Context, in OrderInput) (*Order, error) {
	return sendWrite[Order](ctx, c.client, contract.OrderConfirm, &in, &in.RequestID)
}

// Submit submits what was developed for approval, as provider: the order becomes
// UNDER_APPROVAL. Errors: [ErrConflict], [ErrNotFound], [ErrPermission] also for the merchant.
func (c *OrdersClient) Submit(ctx context.Context, in OrderInput) (*Order, error) {
	return sendWrite[Order](ctx, c.client, contract.OrderSubmit, &in, &in.RequestID)
}

// Approve approves what was submitted, as merchant: the order becomes COMPLETED, and the
// provider's access ends. Errors: [ErrConflict], [ErrNotFound], [ErrPermission] also for the provider.
func (c *OrdersClient) Approve(ctx context.Context, in OrderInput) (*Order, error) {
	return sendWrite[Order](ctx, c.client, contract.OrderApprove, &in, &in.RequestID)
}

// Reject declines a new order, as provider, or one that was accepted, as merchant. What it
// becomes is not documented: CANCELED, unless an [OrderPolicy] says otherwise. Errors:
// [ErrConflict], [ErrNotFound], [ErrPermission].
func (c *OrdersClient) Reject(ctx context.Context, in RefuseOrderInput) (*Order, error) {
	return sendWrite[Order](ctx, c.client, contract.OrderReject, &in, &in.RequestID)
}

// TurnDown declines what was submitted for approval, as merchant. What the order becomes is
// not documented: IN_DEVELOPMENT again, unless an [OrderPolicy] says otherwise. Errors:
// [ErrConflict], [ErrNotFound], [ErrPermission] also for the provider.
func (c *OrdersClient) TurnDown(ctx context.Context, in RefuseOrderInput) (*Order, error) {
	return sendWrite[Order](ctx, c.client, contract.OrderTurnDown, &in, &in.RequestID)
}

// Cancel ends an order early: one that is IN_DEVELOPMENT, as either side, and a new one, as
// merchant. It is documented for the provider alone. The provider's access ends. Errors:
// [ErrConflict], [ErrNotFound], [ErrPermission].
func (c *OrdersClient) Cancel(ctx context.Context, in RefuseOrderInput) (*Order, error) {
	return sendWrite[Order](ctx, c.client, contract.OrderCancel, &in, &in.RequestID)
}

// Assign says, as owner or master of the provider, which of its developers work for the
// merchant by the order, once and as long as it gives access: the ISV "adds its developers to the
// members of the mini program" as documented. It can be changed until the order ends.
// Errors: [ErrInvalid] for who is no developer of the workspace, [ErrConflict],
// [ErrNotFound], [ErrPermission] also for the merchant.
func (c *OrdersClient) Assign(ctx context.Context, in AssignMembersInput) (*Order, error) {
	return sendWrite[Order](ctx, c.client, contract.OrderAssign, &in, &in.RequestID)
}

// RevokeAccess takes back, as merchant, what [OrdersClient.Confirm] gave: from the next
// call on no member of the provider reaches the mini program. The order keeps its status, and
// access does not come back by it. Alipay+ documents no way to take it back. Errors:
// [ErrConflict] for an order that gives no access, [ErrNotFound], [ErrPermission] also for the provider.
func (c *OrdersClient) RevokeAccess(ctx context.Context, in OrderInput) (*Order, error) {
	return sendWrite[Order](ctx, c.client, contract.OrderRevokeAccess, &in, &in.RequestID)
}

// Get reads an order, as either side. Errors: [ErrNotFound].
func (c *OrdersClient) Get(ctx context.Context, id string) (*Order, error) {
	return get(ctx, c.client, contract.OrderQuery, OrderInput{OrderID: id}, func(o *Order) bool { return o.ID == id })
}

// List reads a page of orders, newest first unless in.Order says otherwise.
func (c *OrdersClient) List(ctx context.Context, in ListOrdersInput) (*Page[Order], error) {
	return list(ctx, c.client, contract.OrderList, in, in.Limit, func(o *Order) bool {
		return matchesFilter(in.Side, o.Side) && matchesFilter(in.Status, o.Status)
	})
}

// All ranges over all orders that in chooses, page by page as they are needed. It
// ends after the first error, which it yields.
func (c *OrdersClient) All(ctx context.Context, in ListOrdersInput) iter.Seq2[*Order, error] {
	return all(ctx, contract.OrderList, in, c.List)
}

// orderProgress is the way of an order from its placing to its completion.
func orderProgress() []OrderStatus {
	return []OrderStatus{OrderNew, OrderPendingConfirmation, OrderInDevelopment, OrderUnderApproval, OrderCompleted}
}

// Wait waits until an order has a status on its way to COMPLETED, or has gone further,
// and returns it: a merchant waits for UNDER_APPROVAL, a provider for IN_DEVELOPMENT. When it
// is canceled instead, or somebody said no to what would have led there, the error is a
// [WaitError] with an [OrderError] in it, and the order is returned all the same. The
// context is the deadline.
func (c *OrdersClient) Wait(ctx context.Context, id string, status OrderStatus, opts OrderWait) (*Order, error) {
	goal := slices.Index(orderProgress(), status)
	return wait(ctx, "orders.wait", id, opts, polling.Condition[Order]{
		Poll: func(ctx context.Context) (*Order, error) {
			if goal < 0 {
				return nil, &ValidationError{Subject: "order", Fields: []FieldError{
					{Path: "status", Message: fmt.Sprintf("must be one of %v; got %.40q", orderProgress(), status)},
				}}
			}
			return c.Get(ctx, id)
		},
		State: func(o *Order) string { return string(o.Status) },
		Done: func(_ context.Context, o *Order) (bool, error) {
			at := slices.Index(orderProgress(), o.Status)
			refused := o.Refusal != nil && slices.Index(orderProgress(), o.Refusal.From) < goal
			switch {
			case o.Status == OrderCanceled || at >= 0 && at < goal && refused:
				return false, &OrderError{ID: o.ID, Status: o.Status, Refusal: o.Refusal}
			default:
				return at >= goal, nil
			}
		},
	})
}

// OrderError says that an order did not become what was waited for. It is not transient:
// waiting longer does not help.
type OrderError struct {
	// ID is the order number.
	ID string
	// Status is what it became instead.
	Status OrderStatus
	// Refusal is who said no, and why; nil when the platform does not say.
	Refusal *OrderRefusal
}

// Error gives the status, who said no and why, and what to do.
func (e *OrderError) Error() string {
	text := fmt.Sprintf("order %s is %s", e.ID, e.Status)
	if e.Refusal != nil {
		text += ", " + e.Refusal.String()
	}
	return validation.OneLine(text + "; " + e.Status.WayOut())
}

// WayOut says in words what each side can do with an order in this status: "the provider
// can accept or reject, the merchant can cancel".
func (s OrderStatus) WayOut() string {
	if s.Terminal() {
		return "the merchant can place another order"
	}
	var sides []string
	for _, side := range []OrderSide{SideProvider, SideMerchant} {
		var names []string
		for _, action := range s.Actions(side) {
			names = append(names, action.name())
		}
		if len(names) > 0 {
			sides = append(sides, "the "+side.name()+" can "+strings.Join(names, " or "))
		}
	}
	return strings.Join(sides, ", ")
}
