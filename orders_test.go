package alipayplus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// What each side can do in each status ("ISV manage orders", "Merchant manage orders"), and what
// the order becomes by default.
func TestWhatEachSideDoesWithAnOrder(t *testing.T) {
	type moves map[alipayplus.OrderAction]alipayplus.OrderStatus
	table := map[alipayplus.OrderStatus]map[alipayplus.OrderSide]moves{
		"NEW_ORDER": {
			"PROVIDER": {"ACCEPT": "PENDING_CONFIRMATION", "REJECT": "CANCELED"},
			"MERCHANT": {"CANCEL": "CANCELED"},
		},
		"PENDING_CONFIRMATION": {"MERCHANT": {"CONFIRM": "IN_DEVELOPMENT", "REJECT": "CANCELED"}},
		"IN_DEVELOPMENT": {
			"PROVIDER": {"SUBMIT": "UNDER_APPROVAL", "CANCEL": "CANCELED"},
			"MERCHANT": {"CANCEL": "CANCELED"},
		},
		"UNDER_APPROVAL": {"MERCHANT": {"APPROVE": "COMPLETED", "TURN_DOWN": "IN_DEVELOPMENT"}},
		"COMPLETED":      {},
		"CANCELED":       {},
		"ON_HOLD":        {},
	}
	actions := []alipayplus.OrderAction{"ACCEPT", "REJECT", "CONFIRM", "SUBMIT", "APPROVE", "TURN_DOWN", "CANCEL", "", "OTHER"}
	for status, sides := range table {
		for _, side := range []alipayplus.OrderSide{"PROVIDER", "MERCHANT", "", "OTHER"} {
			var can []alipayplus.OrderAction
			for _, action := range actions {
				want, allowed := sides[side][action]
				next, ok := alipayplus.OrderPolicy{}.Next(status, side, action)
				require.Equal(t, allowed, ok, "%s: %s by %q", status, action, side)
				require.Equal(t, want, next, "%s: %s by %q", status, action, side)
				if allowed {
					can = append(can, action)
					require.True(t, side.Can(action))
					require.True(t, status.CanBecome(next))
				}
			}
			require.ElementsMatch(t, can, status.Actions(side), "%s: %q", status, side)
		}
		require.Equal(t, status == "IN_DEVELOPMENT" || status == "UNDER_APPROVAL", status.GivesAccess(), "%s", status)
	}
	require.False(t, alipayplus.SideMerchant.Can(alipayplus.OrderAccept))
	require.False(t, alipayplus.SideProvider.Can(alipayplus.OrderConfirm))
}

func TestAnOrderPolicyChoosesWhereTheTableHasAChoice(t *testing.T) {
	for status, policy := range map[alipayplus.OrderStatus]alipayplus.OrderPolicy{
		alipayplus.OrderNew:      {Rejected: alipayplus.OrderNew},
		alipayplus.OrderCanceled: {Rejected: alipayplus.OrderCompleted, TurnedDown: alipayplus.OrderNew}, // which is no choice
	} {
		next, ok := policy.Next(alipayplus.OrderPendingConfirmation, alipayplus.SideMerchant, alipayplus.OrderReject)
		require.True(t, ok)
		require.Equal(t, status, next)
	}
	policy := alipayplus.OrderPolicy{Rejected: alipayplus.OrderNew, TurnedDown: alipayplus.OrderCanceled}
	next, _ := policy.Next(alipayplus.OrderUnderApproval, alipayplus.SideMerchant, alipayplus.OrderTurnDown)
	require.Equal(t, alipayplus.OrderCanceled, next)
	next, _ = policy.Next(alipayplus.OrderNew, alipayplus.SideProvider, alipayplus.OrderReject)
	require.Equal(t, alipayplus.OrderCanceled, next, "a provider's rejection leaves no choice")
	require.NoError(t, policy.Validate())
	require.ErrorIs(t, alipayplus.OrderPolicy{Rejected: alipayplus.OrderInDevelopment}.Validate(), alipayplus.ErrInvalid)
}

func TestTheWayOutOfEachStatus(t *testing.T) {
	for status, want := range map[alipayplus.OrderStatus]string{
		alipayplus.OrderNew:                 "the provider can accept or reject, the merchant can cancel",
		alipayplus.OrderPendingConfirmation: "the merchant can confirm or reject",
		alipayplus.OrderInDevelopment:       "the provider can submit or cancel, the merchant can cancel",
		alipayplus.OrderUnderApproval:       "the merchant can approve or turn down",
		alipayplus.OrderCompleted:           "the merchant can place another order",
		alipayplus.OrderCanceled:            "the merchant can place another order",
	} {
		require.Equal(t, want, status.WayOut())
	}
}

func TestAccessEndsWithTheOrderOrWhenItIsTakenBack(t *testing.T) {
	order := alipayplus.Order{Status: alipayplus.OrderInDevelopment}
	require.True(t, order.GivesAccess())
	order.AccessRevokedAt = time.Now()
	require.False(t, order.GivesAccess())
	require.False(t, (&alipayplus.Order{Status: alipayplus.OrderCompleted}).GivesAccess())
}

// orderIs is an order, as its provider sees it; refused says from which status it came by a refusal.
func orderIs(status, refused alipayplus.OrderStatus) reply {
	refusal := ""
	if refused != "" {
		refusal = fmt.Sprintf(`,"refusal":{"side":"MERCHANT","action":"TURN_DOWN","from":%q,"reason":"no logo"}`, refused)
	}
	return has(fmt.Sprintf(`{"id":"ord_1","side":"PROVIDER","status":%q%s}`, status, refusal))
}

func TestWaitingForAnOrder(t *testing.T) {
	const (
		placed      = alipayplus.OrderNew
		accepted    = alipayplus.OrderPendingConfirmation
		development = alipayplus.OrderInDevelopment
		approval    = alipayplus.OrderUnderApproval
		completed   = alipayplus.OrderCompleted
	)
	for goal, cases := range map[alipayplus.OrderStatus][]waitCase{
		development: {
			{name: "confirmed", replies: []reply{orderIs(placed, ""), orderIs(accepted, ""), orderIs(development, "")}, state: "IN_DEVELOPMENT"},
			{name: "further already", replies: []reply{orderIs(completed, "")}, state: "COMPLETED"},
			{name: "a state of tomorrow", replies: []reply{orderIs("ON_HOLD", ""), orderIs(development, "")}, state: "IN_DEVELOPMENT"},
			{
				name: "rejected", replies: []reply{orderIs(accepted, ""), orderIs("CANCELED", accepted)}, state: "CANCELED",
				text: "order ord_1 is CANCELED, turned down by the merchant: no logo; the merchant can place another order",
			},
			{name: "canceled, without a reason", replies: []reply{orderIs("CANCELED", "")}, state: "CANCELED", text: "order ord_1 is CANCELED; the merchant"},
			{name: "rejected, and new again", replies: []reply{orderIs(placed, accepted)}, state: "NEW_ORDER", text: "order ord_1 is NEW_ORDER, turned down"},
			{name: "no such order", replies: []reply{refuses(200, alipayplus.CodeNotFound)}, is: alipayplus.ErrNotFound, text: "last state none"},
		},
		approval: {
			{
				name: "turned down, and submitted again", replies: []reply{orderIs(development, approval), orderIs(approval, "")}, state: "UNDER_APPROVAL",
			},
		},
		completed: {
			{name: "approved", replies: []reply{orderIs(approval, ""), orderIs(completed, "")}, state: "COMPLETED"},
			{
				name: "turned down", replies: []reply{orderIs(approval, ""), orderIs(development, approval)}, state: "IN_DEVELOPMENT",
				text: "order ord_1 is IN_DEVELOPMENT, turned down by the merchant: no logo; the provider can submit or cancel",
			},
		},
		"CANCELED": {
			{name: "not on the way", is: alipayplus.ErrInvalid, text: "status must be one of [NEW_ORDER PENDING_CONFIRMATION IN_DEVELOPMENT UNDER_APPROVAL COMPLETED]"},
		},
	} {
		for _, c := range cases {
			c.check(t, func(ctx context.Context, client *alipayplus.Client) waited {
				o, err := client.Orders.Wait(ctx, "ord_1", goal, alipayplus.OrderWait{Interval: time.Minute})
				if o == nil {
					return waited{"", err}
				}
				return waited{string(o.Status), err}
			})
		}
	}
}
