package alipaycn

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

// The third-party app calls for itself, whomever the client acts for, but confirms for the merchant.
func TestOnlyAConfirmationCarriesTheMerchantsToken(t *testing.T) {
	s, c := newStub(t, always(200, `{"commodity_order_id":"1","mini_app_id":"2"}`))
	s.token = ""
	created, err := c.Orders.Create(t.Context(), CreateOrderInput{AppName: "茶", AppEnglishName: "Tea"})
	require.NoError(t, err)
	require.Equal(t, []string{"1", "2"}, []string{created.OrderID, created.MiniAppID})
	_, err = c.Orders.Get(t.Context(), GetOrderInput{OrderID: "1"})
	require.NoError(t, err)
	require.NoError(t, c.Orders.Accept(t.Context(), OrderInput{OrderID: "1"}))
	require.NoError(t, c.Orders.Reject(t.Context(), RejectOrderInput{OrderID: "1"}))
	require.NoError(t, c.Orders.CompleteItem(t.Context(), OrderItemInput{OrderID: "1"}))
	require.NoError(t, c.Orders.CancelItem(t.Context(), CancelOrderItemInput{OrderID: "1"}))
	s.token = stubToken
	require.NoError(t, c.Orders.ConfirmItem(t.Context(), OrderItemInput{OrderID: "1"}))
	require.Len(t, s.seen, 7)
}

// TestEveryOrderProvesWhatItShows goes through every write and every status.
func TestEveryOrderProvesWhatItShows(t *testing.T) {
	statuses := append(OrderItemStatuses(), "", "FROZEN")
	order := func(status OrderStatus, items ...OrderItemStatus) *Order {
		o := &Order{Status: status}
		for _, item := range items {
			o.Items = append(o.Items, OrderItem{Status: item})
		}
		return o
	}
	for _, tt := range []struct {
		name          string
		prove         func(OrderItemStatus) evidence
		done, notDone []OrderItemStatus
	}{
		{
			"accept", func(s OrderItemStatus) evidence { return evidenceOfAccepting(order("ANSWERED", s)) },
			[]OrderItemStatus{OrderItemToDo, OrderItemDoing, OrderItemToConfirm, OrderItemConfirmed, OrderItemDone},
			nil,
		},
		{
			"accept, before", func(s OrderItemStatus) evidence { return evidenceOfAccepting(order(OrderMerchantOrdered, s)) },
			nil, statuses,
		},
		{
			"accept, status not shown", func(s OrderItemStatus) evidence { return evidenceOfAccepting(order("", s)) },
			nil, nil,
		},
		{
			"reject", func(s OrderItemStatus) evidence {
				return evidenceOfRejecting(order("ANSWERED", OrderItemISVRejected, s))
			},
			[]OrderItemStatus{OrderItemISVRejected},
			nil,
		},
		{
			"reject, before", func(s OrderItemStatus) evidence { return evidenceOfRejecting(order(OrderMerchantOrdered, s)) },
			nil, statuses,
		},
		{
			"complete", func(s OrderItemStatus) evidence { return evidenceOfItem(cnwire.OrderCompleteItem, s) },
			[]OrderItemStatus{OrderItemToConfirm, OrderItemConfirmed, OrderItemDone},
			[]OrderItemStatus{OrderItemToDo, OrderItemDoing},
		},
		{
			"confirm", func(s OrderItemStatus) evidence { return evidenceOfItem(cnwire.OrderConfirmItem, s) },
			[]OrderItemStatus{OrderItemConfirmed, OrderItemDone},
			[]OrderItemStatus{OrderItemToConfirm},
		},
		{
			"cancel", func(s OrderItemStatus) evidence { return evidenceOfItem(cnwire.OrderCancelItem, s) },
			[]OrderItemStatus{OrderItemISVCancelled},
			[]OrderItemStatus{OrderItemToDo, OrderItemDoing, OrderItemToConfirm},
		},
	} {
		for _, status := range statuses {
			want := evidenceNone
			if slices.Contains(tt.done, status) {
				want = evidenceDone
			} else if slices.Contains(tt.notDone, status) {
				want = evidenceNotDone
			}
			require.Equal(t, want, tt.prove(status), "%s, item in %q", tt.name, status)
		}
	}
	require.Equal(t, evidenceNone, evidenceOfAccepting(order("ANSWERED")), "without items")
	require.Equal(t, evidenceNone, evidenceOfRejecting(order("ANSWERED")), "without items")
}

func TestAnItemIsFoundByWhatNamesIt(t *testing.T) {
	o := &Order{Items: []OrderItem{
		{MiniAppID: "a", Status: OrderItemDoing},
		{MiniAppID: "b", Status: OrderItemDone},
		{ShopID: "s", Status: OrderItemToDo},
		{MiniAppID: "twice", Status: OrderItemDone},
		{MiniAppID: "twice", Status: OrderItemDone},
	}}
	for _, tt := range []struct {
		in   OrderItemInput
		want OrderItemStatus // empty: not found
	}{
		{OrderItemInput{MiniAppID: "a"}, OrderItemDoing},
		{OrderItemInput{ShopID: "s"}, OrderItemToDo},
		{OrderItemInput{MiniAppID: "twice"}, OrderItemDone},
		{OrderItemInput{MiniAppID: "a", ShopID: "s"}, ""},
		{OrderItemInput{MiniAppID: "c"}, ""},
		{OrderItemInput{}, ""},
	} {
		got, found := tt.in.statusIn(o)
		require.Equal(t, tt.want, got, "%+v", tt.in)
		require.Equal(t, tt.want != "", found, "%+v", tt.in)
	}
}

// A write whose item stands on a later page, or on none that is read.
func TestALostAnswerIsLookedForOnAllPages(t *testing.T) {
	page := func(total int, ids ...string) string {
		var items []string
		for _, id := range ids {
			items = append(items, fmt.Sprintf(`{"mini_app_id":%q,"order_status":"TO_CONFIRM"}`, id))
		}
		return fmt.Sprintf(`{"status":"x","total_size":%d,"order_items":[%s]}`, total, strings.Join(items, ","))
	}
	for _, tt := range []struct {
		name  string
		pages map[string]string
		reads int
		says  string // of the unknown outcome; empty: it is proven
	}{
		{"on the second page", map[string]string{"1": page(2, "a"), "2": page(2, "b")}, 2, ""},
		{"on no page", map[string]string{"1": page(1, "a")}, 1, "orders.get does not show which item it is about"},
		{"the total counts pages", map[string]string{"1": page(1, "a"), "2": page(1, "b")}, 1, "orders.get does not show which item it is about"},
		{"a page is missing", map[string]string{"1": page(5, "a"), "2": page(5)}, 2, "orders.get does not show which item it is about"},
		{"without an end", map[string]string{"1": page(99, "b")}, 10, "the items do not end"},
	} {
		t.Run(tt.name, InVirtualTime(func(t *testing.T) {
			reads := 0
			s, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
				if r.Method == http.MethodPost {
					return stubAnswer{err: io.ErrUnexpectedEOF}
				}
				reads++
				body, found := tt.pages[r.URL.Query().Get("start_page")]
				if !found {
					body = tt.pages["1"]
				}
				return stubAnswer{status: 200, body: body}
			})
			s.token = ""

			err := c.Orders.CompleteItem(t.Context(), OrderItemInput{OrderID: "1", MiniAppID: "b"})

			require.Equal(t, tt.reads, reads)
			if tt.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
			require.ErrorContains(t, err, tt.says)
			require.ErrorContains(t, err, "look at orders.get before you call again")
		}))
	}
}

func TestWhatIsKnownAfterALostOrder(t *testing.T) {
	InVirtualTime(func(t *testing.T) {
		s, c := newStub(t, func(int, *http.Request, []byte) stubAnswer { return stubAnswer{err: io.ErrUnexpectedEOF} })
		s.token = ""
		_, err := c.Orders.Create(t.Context(), CreateOrderInput{AppName: "茶", AppEnglishName: "Tea"})
		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "wait for the order's message before you call again")
		require.Len(t, s.seen, 1)
	})(t)
}
