package platform_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// "ISV orders" and "Merchant manage orders": the merchant places an order, the ISV accepts it, the
// merchant confirms it, the ISV submits it for approval, the merchant approves it.
func TestAnOrderFromItsPlacingToItsCompletion(t *testing.T) {
	withFixture(t, func(w *fixture) {
		merchant, provider := w, w.neighbour()
		service, program := provider.online(), merchant.program()
		began := time.Now().UTC()

		placed := succeeds(w, merchant.owner.Orders.Place, alipayplus.PlaceOrderInput{ServiceID: service.ID, ProgramID: program.ID, Note: "in green, please"})
		want := alipayplus.Order{
			ID: placed.ID, Side: alipayplus.SideMerchant, Status: alipayplus.OrderNew, ServiceID: service.ID, ServiceName: "Tea shop in a week",
			ProgramID: program.ID, ProgramName: "蓝湖茶", Merchant: "Blue Lake Tea", Provider: "Red Hill Coffee", Note: "in green, please",
			CreatedBy: "olga", CreatedAt: began, UpdatedAt: began,
		}
		require.Equal(w, &want, placed)

		in := alipayplus.OrderInput{OrderID: placed.ID}
		for _, step := range []struct {
			side   alipayplus.OrderSide
			do     func(context.Context, alipayplus.OrderInput) (*alipayplus.Order, error)
			status alipayplus.OrderStatus
		}{
			{alipayplus.SideProvider, provider.owner.Orders.Accept, alipayplus.OrderPendingConfirmation},
			{alipayplus.SideMerchant, merchant.owner.Orders.Confirm, alipayplus.OrderInDevelopment},
			{alipayplus.SideProvider, provider.owner.Orders.Submit, alipayplus.OrderUnderApproval},
			{alipayplus.SideMerchant, merchant.owner.Orders.Approve, alipayplus.OrderCompleted},
		} {
			time.Sleep(time.Hour)
			got := succeeds(w, step.do, in)
			want.Side, want.Status, want.UpdatedAt = step.side, step.status, time.Now().UTC()
			if step.status == alipayplus.OrderCompleted {
				want.FinishedAt = time.Now().UTC()
			}
			require.Equal(w, &want, got)
			for _, side := range []*fixture{merchant, provider} {
				seen := succeeds(w, side.owner.Orders.Get, placed.ID)
				want.Side = seen.Side
				require.Equal(w, &want, seen, "both sides see the same")
				require.Equal(w, side == provider, seen.Side == alipayplus.SideProvider)
			}
		}
	})
}

// refusal is a way to say no.
type refusal struct {
	from   alipayplus.OrderStatus
	side   alipayplus.OrderSide
	action alipayplus.OrderAction
	to     alipayplus.OrderStatus
}

// The reason is optional, as documented; what the order becomes is not documented, and
// a policy changes it where the table has a choice.
func TestSayingNo(t *testing.T) {
	merchant, provider := alipayplus.SideMerchant, alipayplus.SideProvider
	fixed := []refusal{
		{alipayplus.OrderNew, provider, alipayplus.OrderReject, alipayplus.OrderCanceled},
		{alipayplus.OrderNew, merchant, alipayplus.OrderCancel, alipayplus.OrderCanceled},
		{alipayplus.OrderInDevelopment, provider, alipayplus.OrderCancel, alipayplus.OrderCanceled},
		{alipayplus.OrderInDevelopment, merchant, alipayplus.OrderCancel, alipayplus.OrderCanceled},
	}
	for policy, cases := range map[alipayplus.OrderPolicy][]refusal{
		{}: append(
			fixed,
			refusal{alipayplus.OrderPendingConfirmation, merchant, alipayplus.OrderReject, alipayplus.OrderCanceled},
			refusal{alipayplus.OrderUnderApproval, merchant, alipayplus.OrderTurnDown, alipayplus.OrderInDevelopment},
		),
		{Rejected: alipayplus.OrderNew, TurnedDown: alipayplus.OrderCanceled}: append(
			fixed,
			refusal{alipayplus.OrderPendingConfirmation, merchant, alipayplus.OrderReject, alipayplus.OrderNew},
			refusal{alipayplus.OrderUnderApproval, merchant, alipayplus.OrderTurnDown, alipayplus.OrderCanceled},
		),
	} {
		for _, tt := range cases {
			sentence(t, string(tt.from+" "+alipayplus.OrderStatus(tt.action)+" "+tt.to), func(w *fixture) {
				other := w.neighbour()
				o := w.orderIn(tt.from, other, w.program().ID)
				who := map[alipayplus.OrderSide]*fixture{merchant: w, provider: other}[tt.side]
				say := map[alipayplus.OrderAction]func(context.Context, alipayplus.RefuseOrderInput) (*alipayplus.Order, error){
					alipayplus.OrderReject: who.owner.Orders.Reject, alipayplus.OrderTurnDown: who.owner.Orders.TurnDown, alipayplus.OrderCancel: who.owner.Orders.Cancel,
				}[tt.action]

				got := succeeds(w, say, alipayplus.RefuseOrderInput{OrderID: o.ID, Reason: "no time"})

				name := map[alipayplus.OrderSide]string{merchant: "olga", provider: "ravi"}[tt.side]
				require.Equal(w, tt.to, got.Status)
				require.Equal(w, &alipayplus.OrderRefusal{Side: tt.side, By: name, Action: tt.action, From: tt.from, Reason: "no time", At: time.Now().UTC()}, got.Refusal)
				require.Equal(w, tt.to.Terminal(), !got.FinishedAt.IsZero())
				require.Equal(w, got.Refusal, succeeds(w, w.owner.Orders.Get, o.ID).Refusal)
			}, platform.WithOrderPolicy(policy))
		}
	}
}

func TestWhatFollowsARefusalTakesItsPlace(t *testing.T) {
	withFixture(t, func(w *fixture) {
		provider := w.neighbour()
		o := w.orderIn(alipayplus.OrderUnderApproval, provider, w.program().ID)
		turnedDown := succeeds(w, w.owner.Orders.TurnDown, alipayplus.RefuseOrderInput{OrderID: o.ID})
		require.Empty(w, turnedDown.Refusal.Reason)
		require.Nil(w, succeeds(w, provider.owner.Orders.Submit, alipayplus.OrderInput{OrderID: o.ID}).Refusal)
	})
}

func TestAnOrderPolicyIsAnnouncedAndChecked(t *testing.T) {
	policy := alipayplus.OrderPolicy{Rejected: alipayplus.OrderNew}
	withFixture(t, func(w *fixture) {
		workspace, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err)
		require.Equal(w, policy, workspace.OrderPolicy)
	}, platform.WithOrderPolicy(policy))
	_, err := platform.New(platform.WithOrderPolicy(alipayplus.OrderPolicy{Rejected: alipayplus.OrderCompleted, TurnedDown: "LATER"}))
	require.ErrorContains(t, err, `rejected must be one of [CANCELED NEW_ORDER]; got "COMPLETED"`)
	require.ErrorContains(t, err, `turnedDown must be one of [IN_DEVELOPMENT CANCELED]; got "LATER"`)
}

// TestOnlyTheTableMovesAnOrder tries every action of both sides in every status.
func TestOnlyTheTableMovesAnOrder(t *testing.T) {
	for _, status := range []alipayplus.OrderStatus{
		alipayplus.OrderNew, alipayplus.OrderPendingConfirmation, alipayplus.OrderInDevelopment,
		alipayplus.OrderUnderApproval, alipayplus.OrderCompleted, alipayplus.OrderCanceled,
	} {
		sentence(t, string(status), func(w *fixture) {
			provider := w.neighbour()
			o := w.orderIn(status, provider, w.program().ID)
			logs := len(w.auditLog()) + len(provider.auditLog())
			for side, who := range map[alipayplus.OrderSide]*fixture{alipayplus.SideMerchant: w, alipayplus.SideProvider: provider} {
				orders := who.owner.Orders
				for action, do := range map[alipayplus.OrderAction]func() (*alipayplus.Order, error){
					alipayplus.OrderAccept: func() (*alipayplus.Order, error) {
						return orders.Accept(w.Context(), alipayplus.OrderInput{OrderID: o.ID})
					},
					alipayplus.OrderConfirm: func() (*alipayplus.Order, error) {
						return orders.Confirm(w.Context(), alipayplus.OrderInput{OrderID: o.ID})
					},
					alipayplus.OrderSubmit: func() (*alipayplus.Order, error) {
						return orders.Submit(w.Context(), alipayplus.OrderInput{OrderID: o.ID})
					},
					alipayplus.OrderApprove: func() (*alipayplus.Order, error) {
						return orders.Approve(w.Context(), alipayplus.OrderInput{OrderID: o.ID})
					},
					alipayplus.OrderReject: func() (*alipayplus.Order, error) {
						return orders.Reject(w.Context(), alipayplus.RefuseOrderInput{OrderID: o.ID})
					},
					alipayplus.OrderTurnDown: func() (*alipayplus.Order, error) {
						return orders.TurnDown(w.Context(), alipayplus.RefuseOrderInput{OrderID: o.ID})
					},
					alipayplus.OrderCancel: func() (*alipayplus.Order, error) {
						return orders.Cancel(w.Context(), alipayplus.RefuseOrderInput{OrderID: o.ID})
					},
				} {
					if _, allowed := (alipayplus.OrderPolicy{}).Next(status, side, action); allowed {
						continue // TestSayingNo and TestAnOrderFromItsPlacingToItsCompletion
					}
					_, err := do()
					if side.Can(action) {
						require.ErrorIs(w, err, alipayplus.ErrConflict, "%s by %s", action, side)
					} else {
						require.ErrorIs(w, err, alipayplus.ErrPermission, "%s by %s", action, side)
					}
					require.ErrorContains(w, err, status.WayOut(), "the way out")
				}
			}
			require.Equal(w, o, succeeds(w, w.owner.Orders.Get, o.ID))
			require.Len(w, append(w.auditLog(), provider.auditLog()...), logs)
		})
	}
}

func TestWhatCannotBeOrdered(t *testing.T) {
	withFixture(t, func(w *fixture) {
		provider := w.neighbour()
		service, program := provider.online(), w.program()
		_, err := w.owner.Orders.Place(w.Context(), alipayplus.PlaceOrderInput{ServiceID: w.online().ID, ProgramID: program.ID})
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "is this workspace's own; merchants of other workspaces order it")
		_, err = w.owner.Orders.Place(w.Context(), alipayplus.PlaceOrderInput{ServiceID: provider.draft().ID, ProgramID: program.ID})
		require.ErrorIs(w, err, alipayplus.ErrNotFound, "not online")
		_, err = w.owner.Orders.Place(w.Context(), alipayplus.PlaceOrderInput{ServiceID: service.ID, ProgramID: provider.program().ID})
		require.ErrorIs(w, err, alipayplus.ErrNotFound, "another workspace's mini program")
		require.Empty(w, gather(w, w.owner.Orders.All(w.Context(), alipayplus.ListOrdersInput{})))
	})
}

// "Filter by order status and search by order number": Service Management > Orders for the
// ISV, Service Management > Service Orders for the merchant.
func TestBothListsOfOrders(t *testing.T) {
	withFixture(t, func(w *fixture) {
		other := w.neighbour()
		program, theirs := w.program().ID, other.program().ID
		first := w.orderIn(alipayplus.OrderInDevelopment, other, program)
		second := w.orderIn(alipayplus.OrderNew, other, program)
		taken := other.orderIn(alipayplus.OrderNew, w, theirs)
		for _, tt := range []struct {
			in   alipayplus.ListOrdersInput
			want []string
		}{
			{alipayplus.ListOrdersInput{}, []string{taken.ID, second.ID, first.ID}},
			{alipayplus.ListOrdersInput{ListOptions: alipayplus.ListOptions{Limit: 1, Order: alipayplus.OldestFirst}}, []string{first.ID, second.ID, taken.ID}},
			{alipayplus.ListOrdersInput{Side: alipayplus.SideMerchant}, []string{second.ID, first.ID}},
			{alipayplus.ListOrdersInput{Side: alipayplus.SideProvider}, []string{taken.ID}},
			{alipayplus.ListOrdersInput{Status: alipayplus.OrderNew}, []string{taken.ID, second.ID}},
			{alipayplus.ListOrdersInput{Status: alipayplus.OrderNew, Side: alipayplus.SideMerchant}, []string{second.ID}},
			{alipayplus.ListOrdersInput{Status: alipayplus.OrderCompleted}, []string{}},
			{alipayplus.ListOrdersInput{Number: first.ID[6:]}, []string{first.ID}},
			{alipayplus.ListOrdersInput{Number: "ORD_"}, []string{taken.ID, second.ID, first.ID}},
			{alipayplus.ListOrdersInput{Number: "nothing"}, []string{}},
		} {
			found := gather(w, w.owner.Orders.All(w.Context(), tt.in))
			require.Equal(w, tt.want, ids(found, func(o *alipayplus.Order) string { return o.ID }), "%+v", tt.in)
		}
		require.Len(w, gather(w, other.owner.Orders.All(w.Context(), alipayplus.ListOrdersInput{Side: alipayplus.SideProvider})), 2)
		require.Empty(w, gather(w, w.neighbour().owner.Orders.All(w.Context(), alipayplus.ListOrdersInput{})), "nobody else's")
	})
}

func TestTheLogsOfBothSidesTellOfAnOrder(t *testing.T) {
	withFixture(t, func(w *fixture) {
		provider := w.neighbour()
		service, program := provider.online(), w.program()
		before, there := len(w.auditLog()), len(provider.auditLog())
		o := w.place(service, program.ID)
		succeeds(w, provider.owner.Orders.Reject, alipayplus.RefuseOrderInput{OrderID: o.ID, Reason: "no time"})

		line := func(e platform.AuditEntry) [6]string { return [6]string{e.Who, e.Kind, e.ID, e.From, e.To, e.Note} }
		log, theirs := w.auditLog()[before:], provider.auditLog()[there:]
		require.Len(w, log, 2)
		require.Equal(w, [6]string{"olga", "order", o.ID, "", "NEW_ORDER", ""}, line(log[0]))
		require.Equal(w, [6]string{"Red Hill Coffee/ravi", "order", o.ID, "NEW_ORDER", "CANCELED", "rejected by the provider: no time"}, line(log[1]))
		require.Len(w, theirs, 2)
		require.Equal(w, [6]string{"Blue Lake Tea/olga", "order", o.ID, "", "NEW_ORDER", ""}, line(theirs[0]))
		require.Equal(w, [6]string{"ravi", "order", o.ID, "NEW_ORDER", "CANCELED", "rejected by the provider: no time"}, line(theirs[1]))
	})
}
