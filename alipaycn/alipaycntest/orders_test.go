package alipaycntest_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

func (w *harness) placed(appIDs ...string) fields {
	w.t.Helper()
	id, err := w.g.PlaceOrder(isv, appIDs...)
	require.NoError(w.t, err)
	return fields{"commodity_order_id": id}
}

// order is an order as its provider reads it.
func (w *harness) order(in fields) alipaycn.Order {
	w.t.Helper()
	return as[alipaycn.Order](w.t, w.ok(cnwire.OrderGet, fields{"commodity_order_id": in["commodity_order_id"]}))
}

func (w *harness) item(in fields) alipaycn.OrderItemStatus {
	w.t.Helper()
	return w.order(in).Items[0].Status
}

func TestAnOrderFromTheMarketToItsConfirmation(t *testing.T) {
	w := newHarness(t)
	in := w.placed(mini)
	order := w.order(in)
	require.Equal(t, alipaycn.OrderMerchantOrdered, order.Status)
	require.Equal(t, []alipaycn.Int{1, 1}, []alipaycn.Int{order.Page, order.Total})
	require.Equal(t, mini, order.Items[0].MiniAppID)
	require.Empty(t, order.Items[0].Status)

	w.refused(alipaycn.CodeItemStatusNotAllow, cnwire.OrderCompleteItem, in)
	w.ok(cnwire.OrderAccept, in)
	require.False(t, w.order(in).Status.Known())
	w.refused(alipaycn.CodeCommodityOrderStatusInvalid, cnwire.OrderAccept, in)
	w.refused(alipaycn.CodeCommodityOrderStatusInvalid, cnwire.OrderReject, in)
	require.Equal(t, alipaycn.OrderItemToDo, w.item(in))
	w.refused(alipaycn.CodeItemStatusNotAllow, cnwire.OrderConfirmItem, in)
	id := in["commodity_order_id"].(string)
	require.NoError(t, w.g.AdvanceOrderItem(id, mini, alipaycn.OrderItemDoing))
	w.ok(cnwire.OrderCompleteItem, in)
	require.Equal(t, alipaycn.OrderItemToConfirm, w.item(in))
	w.ok(cnwire.OrderConfirmItem, in)
	require.Equal(t, alipaycn.OrderItemConfirmed, w.item(in))
	w.refused(alipaycn.CodeItemStatusNotAllow, cnwire.OrderCancelItem, in)
	require.NoError(t, w.g.AdvanceOrderItem(id, mini, alipaycn.OrderItemDone))
	require.ErrorContains(t, w.g.AdvanceOrderItem(id, mini, alipaycn.OrderItemMerchantRejected), `from "DONE" to "MERCHANT_REJECTED"`)

	require.Equal(t, map[string]int{"orders.accept": 1, "orders.completeItem": 1}, w.g.Effects(isv))
	require.Equal(t, map[string]int{"orders.confirmItem": 1}, w.g.Effects(mini))
}

func TestAnOrderThatComesToNothing(t *testing.T) {
	w := newHarness(t)
	rejected := w.placed(mini)
	w.ok(cnwire.OrderReject, rejected)
	require.Equal(t, alipaycn.OrderItemISVRejected, w.item(rejected))

	cancelled := w.placed(mini)
	w.ok(cnwire.OrderAccept, cancelled)
	w.ok(cnwire.OrderCancelItem, cancelled)
	require.Equal(t, alipaycn.OrderItemISVCancelled, w.item(cancelled))

	// A merchant that cancels before the order is accepted stays with it.
	early := w.placed(mini)
	require.NoError(t, w.g.AdvanceOrderItem(early["commodity_order_id"].(string), mini, alipaycn.OrderItemMerchantCancelled))
	w.ok(cnwire.OrderAccept, early)
	require.Equal(t, alipaycn.OrderItemMerchantCancelled, w.item(early))
}

func TestAnOrderOfSeveralItemsIsPaged(t *testing.T) {
	w := newHarness(t)
	var ids []string
	for n := range 101 {
		id := fmt.Sprintf("2021100000000%03d", n)
		require.NoError(t, w.g.AddApp(alipaycntest.App{ID: id, MerchantID: "2088000000000009"}))
		ids = append(ids, id)
	}
	in := w.placed(ids...)
	require.Len(t, w.order(in).Items, 100)
	in["start_page"] = "2"
	last := as[alipaycn.Order](t, w.ok(cnwire.OrderGet, in))
	require.Equal(t, ids[100], last.Items[0].MiniAppID)
	require.Equal(t, alipaycn.Int(101), last.Total)
	delete(in, "start_page")
	w.ok(cnwire.OrderAccept, in)
	w.refused("PARAMS_ERROR", cnwire.OrderCompleteItem, in)
	in["mini_app_id"] = ids[100]
	w.ok(cnwire.OrderCompleteItem, in)
	in["shop_id"] = "1"
	w.refused(alipaycn.CodeCommodityOrderItemNotExist, cnwire.OrderCompleteItem, in)
}

func TestAnOrderIsItsProvidersAndItsMerchants(t *testing.T) {
	const other, foreign = "2021000000000011", "2021000000000012"
	w := newHarness(t)
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: other, PublicKey: testkey.FastClient().PublicPEM(), ThirdParty: true}))
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: foreign}))
	id, err := w.g.PlaceOrder(other, mini)
	require.NoError(t, err)
	theirs := fields{"commodity_order_id": id}
	w.refused("NOPERMISSION_QUERY", cnwire.OrderGet, theirs)
	w.refused("NO_PERMISSION_ACCETP_ORDER", cnwire.OrderAccept, theirs)
	w.refused("NO_PERMISSION_REJECT_ORDER", cnwire.OrderReject, theirs)
	w.refused("NO_PERMISSION_OPERATION", cnwire.OrderCompleteItem, theirs)
	w.refused("NO_PERMISSION_CANCEL_ORDER_ITEM", cnwire.OrderCancelItem, theirs)
	w.refused("NO_PERMISSION_COMFIRM_ORDERITEM", cnwire.OrderConfirmItem, theirs)
	w.refused("NO_PERMISSION_COMFIRM_ORDERITEM", cnwire.OrderConfirmItem, w.placed(foreign)) // with the token of another merchant

	for _, op := range []cnwire.Operation{cnwire.OrderAccept, cnwire.OrderReject} {
		w.refused(alipaycn.CodeOrderNotExist, op, fields{"commodity_order_id": "none"})
		w.refused("PARAMS_ERROR", op, nil)
	}
	for _, op := range []cnwire.Operation{cnwire.OrderCompleteItem, cnwire.OrderConfirmItem, cnwire.OrderCancelItem} {
		w.refused(alipaycn.CodeCommodityOrderItemNotExist, op, fields{"commodity_order_id": "none"})
		w.refused("PARAMS_ERROR", op, nil)
	}
	w.refused("QUERY_FAILD", cnwire.OrderGet, fields{"commodity_order_id": "none"})
	w.refused("QUERY_FAILD", cnwire.OrderGet, fields{"commodity_order_id": id, "start_page": "0"})

	w.token = ""
	w.refused("self-invoke-forbidden", cnwire.OrderConfirmItem, w.placed(mini))
}

func TestAnOrderThatTheProviderMakes(t *testing.T) {
	w := newHarness(t)
	in := func(change fields) fields {
		out := fields{
			"merchandise_id": "AM01", "merchant_pid": "2088000000000009", "app_name": "BlueLakeTea", "app_english_name": "BlueLakeTea",
			"mini_category_ids": "XS1001_XS2001_XS3002", "app_slogan": "Tea from the blue lake",
		}
		maps.Copy(out, change)
		return out
	}
	for code, change := range map[alipaycn.Code]fields{
		"APP_NAME_IS_BLANK":     {"app_name": ""},
		"ENGLISH_NAME_IS_BLANK": {"app_english_name": ""},
		"INVALID_CATEGORY":      {"mini_category_ids": "XS1001"},
		"INVALID_PARAMETER":     {"merchandise_id": ""},
		"USER_NOT_EXIST":        {"merchant_pid": "me"},
		"APP_ID_ILLEGAL":        {"mini_app_id": mini},
	} {
		w.refused(code, cnwire.OrderCreate, in(change))
	}
	w.refused("INVALID_PARAMETER", cnwire.OrderCreate, in(fields{"app_name": []int{1}}))
	w.refused("INVALID_PARAMETER", cnwire.OrderCreate, in(nil), map[string][]byte{"app_logo": []byte("GIF89a")})
	require.Empty(t, w.g.Effects(isv))

	made := as[alipaycn.CreatedOrder](t, w.ok(cnwire.OrderCreate, in(nil), map[string][]byte{"app_logo": picture(t, 180, 180)}))
	w.refused(alipaycn.CodeMiniAppNameDuplicate, cnwire.OrderCreate, in(nil))
	order := w.order(fields{"commodity_order_id": made.OrderID})
	require.Equal(t, []string{made.MiniAppID, "BlueLakeTea", "2088000000000009"}, []string{order.Items[0].MiniAppID, order.Items[0].MiniAppName, order.Items[0].MerchantPID})

	// The new mini program is worked on as any other, with the token that the merchant granted.
	token, err := w.g.Authorize(isv, made.MiniAppID)
	require.NoError(t, err)
	w.token = token.AppAuthToken
	w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.1"})
	w.ok(cnwire.OrderCompleteItem, fields{"commodity_order_id": made.OrderID, "mini_app_id": made.MiniAppID})
	w.ok(cnwire.OrderConfirmItem, fields{"commodity_order_id": made.OrderID, "mini_app_id": made.MiniAppID})

	w = newHarness(t, alipaycntest.WithCategories())
	w.refused("INVALID_CATEGORY", cnwire.OrderCreate, in(nil))
}

func TestOrdersThatCannotBePlaced(t *testing.T) {
	w := newHarness(t)
	for says, place := range map[string]func() (string, error){
		"at least one mini program":     func() (string, error) { return w.g.PlaceOrder(isv) },
		`no third-party app "none"`:     func() (string, error) { return w.g.PlaceOrder("none", mini) },
		`no mini program "` + isv + `"`: func() (string, error) { return w.g.PlaceOrder(isv, isv) },
		"is another merchant's":         func() (string, error) { return w.g.PlaceOrder(isv, mini, self) },
	} {
		_, err := place()
		require.ErrorContains(t, err, says)
	}
	id := w.placed(mini)["commodity_order_id"].(string)
	require.ErrorContains(t, w.g.AdvanceOrderItem("none", mini, alipaycn.OrderItemDone), `no order "none"`)
	require.ErrorContains(t, w.g.AdvanceOrderItem(id, self, alipaycn.OrderItemDone), "is not for mini program")
	require.ErrorContains(t, w.g.AdvanceOrderItem(id, mini, alipaycn.OrderItemISVCancelled), "cannot be brought")
}
