package alipaycn_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Orders of the service market in an order that nobody thought of, with faults in between, beside
// a model that shares no code with the stand-in.
func TestRandomSequencesOfOrdersAgreeWithAModel(t *testing.T) {
	t.Parallel()
	const short = 10 // sequences with -short; otherwise there are 100
	sequences := 0
	rapid.Check(t, func(rt *rapid.T) {
		if sequences++; testing.Short() && sequences > short {
			return
		}
		s := newOrderSequence(t, rt)
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			s.take(rapid.SampledFrom(s.steps()).Draw(rt, "step"))
		}
	})
}

// modelOrder is an order as the names of AlipayCN's statuses and codes describe it.
type modelOrder struct {
	id       string
	answered bool
	items    map[string]alipaycn.OrderItemStatus // by mini program
}

// orderSequence is one random sequence of orders for the mini programs of one merchant.
type orderSequence struct {
	*gatewayFixture
	rt      *rapid.T
	orders  []*modelOrder
	effects map[string]int
}

// The mini programs that are ordered for.
const (
	secondMiniID = "2021000000000012"
	thirdMiniID  = "2021000000000013"
)

func newOrderSequence(t *testing.T, rt *rapid.T) *orderSequence {
	const merchant = "2088000000000077"
	w := newGatewayFixture(t)
	require.NoError(rt, w.g.AddApp(alipaycntest.App{ID: secondMiniID, MerchantID: merchant}))
	require.NoError(rt, w.g.AddApp(alipaycntest.App{ID: thirdMiniID, MerchantID: merchant}))
	token, err := w.g.Authorize(isvID, secondMiniID)
	require.NoError(rt, err)
	w.token = token.AppAuthToken
	w.c = w.client(alipaycn.WithRetry(4, 0, 0))
	return &orderSequence{gatewayFixture: w, rt: rt, effects: map[string]int{}}
}

// orderStep is something that can be tried: a write of the client, or something that happens at AlipayCN.
type orderStep struct {
	operation string // empty for what happens at AlipayCN
	text      string
	do        func(context.Context) error
	refused   alipaycn.Code // empty: it takes effect
	effect    func()
	// wanted says that the state is what the write leads to.
	wanted bool
}

// GoString is for the log of a sequence that failed.
func (s orderStep) GoString() string { return s.text }

func (s *orderSequence) steps() []orderStep {
	all := []orderStep{s.place(secondMiniID), s.place(secondMiniID, thirdMiniID)}
	for _, o := range s.orders {
		all = append(all, s.answers(o)...)
		for _, app := range []string{secondMiniID, thirdMiniID} {
			all = append(all, s.itemSteps(o, app)...)
		}
	}
	return all
}

func (s *orderSequence) place(apps ...string) orderStep {
	o := &modelOrder{items: map[string]alipaycn.OrderItemStatus{}}
	return orderStep{
		text: fmt.Sprintf("place %v", apps),
		do: func(context.Context) (err error) {
			o.id, err = s.g.PlaceOrder(isvID, apps...)
			return err
		},
		effect: func() {
			for _, app := range apps {
				o.items[app] = ""
			}
			s.orders = append(s.orders, o)
		},
	}
}

func (s *orderSequence) answers(o *modelOrder) []orderStep {
	answer := func(name string, to alipaycn.OrderItemStatus, do func(context.Context) error) orderStep {
		step := orderStep{operation: "orders." + name, text: name + " " + o.id, do: do, effect: func() {
			o.answered = true
			for app, status := range o.items {
				if status == "" {
					o.items[app] = to
				}
			}
		}}
		if o.answered {
			step.refused = alipaycn.CodeCommodityOrderStatusInvalid
		}
		return step
	}
	c := s.c.Orders
	accept := answer("accept", alipaycn.OrderItemToDo, func(ctx context.Context) error { return c.Accept(ctx, alipaycn.OrderInput{OrderID: o.id}) })
	reject := answer("reject", alipaycn.OrderItemISVRejected, func(ctx context.Context) error {
		return c.Reject(ctx, alipaycn.RejectOrderInput{OrderID: o.id})
	})
	accept.wanted, reject.wanted = o.answered, o.answered
	for _, status := range o.items {
		reject.wanted = reject.wanted && status == alipaycn.OrderItemISVRejected
	}
	return []orderStep{accept, reject}
}

func (s *orderSequence) itemSteps(o *modelOrder, app string) []orderStep {
	const toDo, doing, toConfirm, confirmed, done = alipaycn.OrderItemToDo, alipaycn.OrderItemDoing, alipaycn.OrderItemToConfirm, alipaycn.OrderItemConfirmed, alipaycn.OrderItemDone
	status, there := o.items[app]
	set := func(to alipaycn.OrderItemStatus) func() { return func() { o.items[app] = to } }
	write := func(name string, to alipaycn.OrderItemStatus, do func(context.Context) error, from ...alipaycn.OrderItemStatus) orderStep {
		step := orderStep{operation: "orders." + name, text: fmt.Sprintf("%s %s %s", name, o.id, app), do: do, effect: set(to), wanted: status == to}
		switch {
		case !there:
			step.refused = alipaycn.CodeCommodityOrderItemNotExist
		case !slices.Contains(from, status):
			step.refused = alipaycn.CodeItemStatusNotAllow
		}
		return step
	}
	in := alipaycn.OrderItemInput{OrderID: o.id, MiniAppID: app}
	c := s.c.Orders
	complete := write("completeItem", toConfirm, func(ctx context.Context) error { return c.CompleteItem(ctx, in) }, toDo, doing)
	confirm := write("confirmItem", confirmed, func(ctx context.Context) error { return c.ConfirmItem(ctx, in) }, toConfirm)
	cancel := write("cancelItem", alipaycn.OrderItemISVCancelled, func(ctx context.Context) error {
		return c.CancelItem(ctx, alipaycn.CancelOrderItemInput{OrderID: o.id, MiniAppID: app})
	}, toDo, doing, toConfirm)
	complete.wanted = complete.wanted || status == confirmed || status == done
	confirm.wanted = confirm.wanted || status == done
	all := []orderStep{complete, confirm, cancel}
	for to, from := range map[alipaycn.OrderItemStatus][]alipaycn.OrderItemStatus{
		doing: {toDo}, confirmed: {toConfirm}, done: {toConfirm, confirmed}, alipaycn.OrderItemMerchantRejected: {toConfirm},
		alipaycn.OrderItemMerchantCancelled: {"", toDo, doing, toConfirm},
	} {
		if there && slices.Contains(from, status) {
			all = append(all, orderStep{
				text: fmt.Sprintf("%s %s -> %s", o.id, app, to), effect: set(to),
				do: func(context.Context) error { return s.g.AdvanceOrderItem(o.id, app, to) },
			})
		}
	}
	slices.SortFunc(all, func(a, b orderStep) int { return cmp.Compare(a.text, b.text) }) // the same each time that it is drawn
	return all
}

// take tries a step and compares all that there is to compare.
func (s *orderSequence) take(step orderStep) {
	if step.operation == "" {
		require.NoError(s.rt, step.do(s.t.Context()), step.text)
		step.effect()
	} else {
		s.write(step)
	}
	got := s.g.Effects(isvID)
	if n := s.g.Effects(secondMiniID)["orders.confirmItem"]; n > 0 {
		got["orders.confirmItem"] = n
	}
	require.Equal(s.rt, s.effects, got, step.text)
	for _, o := range s.orders {
		s.check(o)
	}
}

func (s *orderSequence) write(step orderStep) {
	fault := rapid.SampledFrom(sequenceFaults()).Draw(s.rt, "fault")
	if fault.fault != (alipaycntest.Fault{}) {
		fault.fault.Operation = step.operation
		s.g.Inject(fault.fault)
	}

	err := step.do(s.t.Context())

	text := fmt.Sprintf("%s, fault %s: %v", step.text, fault.name, err)
	switch {
	case step.refused == "":
		// An order that the merchant cancelled as a whole shows nothing of an answer to it.
		if err != nil {
			require.True(s.rt, fault.lost, text)
			require.ErrorIs(s.rt, err, alipayplus.ErrOutcomeUnknown, text)
			require.True(s.rt, fault.after, text)
		}
		s.effects[step.operation]++
		step.effect()
	case fault.lost && (err == nil && step.wanted || errors.Is(err, alipayplus.ErrOutcomeUnknown)):
	default:
		failure, ok := errors.AsType[*alipaycn.Error](err)
		require.True(s.rt, ok, text)
		require.Equal(s.rt, step.refused, failure.Code, text)
	}
}

// check compares an order as the client sees it.
func (s *orderSequence) check(o *modelOrder) {
	order, err := s.c.Orders.Get(s.t.Context(), alipaycn.GetOrderInput{OrderID: o.id})
	require.NoError(s.rt, err)
	require.Equal(s.rt, o.answered, order.Status != alipaycn.OrderMerchantOrdered)
	items := map[string]alipaycn.OrderItemStatus{}
	for _, item := range order.Items {
		items[item.MiniAppID] = item.Status
	}
	require.Equal(s.rt, o.items, items)
}
