package alipaycntest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// The statuses of an order besides [alipaycn.OrderMerchantOrdered]. AlipayCN documents no
// other; these are made up.
const (
	orderAccepted alipaycn.OrderStatus = "ISV_ACCEPTED"
	orderRejected alipaycn.OrderStatus = "ISV_REJECTED"
)

// order is an order of AlipayCN's service market.
type order struct {
	id       string
	isv      *app   // whose service was ordered
	merchant string // who ordered
	service  string
	status   alipaycn.OrderStatus
	items    []*orderItem
}

type orderItem struct {
	app    *app
	status alipaycn.OrderItemStatus // empty until the order is accepted or turned down
}

// PlaceOrder orders the service of a third-party app for mini programs, one or more of the same
// merchant, as the merchant does in AlipayCN's service market, and returns the order's id. Send
// the message about it as an [alipaycn.OrderPlaced].
func (g *Gateway) PlaceOrder(thirdPartyID string, appIDs ...string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(appIDs) == 0 {
		return "", errors.New("alipaycntest: place order: at least one mini program is needed")
	}
	o := &order{status: alipaycn.OrderMerchantOrdered, service: "AM" + thirdPartyID}
	for _, appID := range appIDs {
		isv, a, err := g.parties(thirdPartyID, appID)
		if err != nil {
			return "", fmt.Errorf("alipaycntest: place order: %w", err)
		}
		if o.isv == nil {
			o.isv, o.merchant = isv, a.merchant
		}
		if a.merchant != o.merchant {
			return "", fmt.Errorf("alipaycntest: place order: mini program %.32q is another merchant's", appID)
		}
		o.items = append(o.items, &orderItem{app: a})
	}
	return g.addOrder(o), nil
}

func (g *Gateway) addOrder(o *order) string {
	o.id = fmt.Sprintf("%s%08d", time.Now().Format("20060102"), g.next())
	g.orders[o.id] = o
	return o.id
}

// AdvanceOrderItem brings the item of an order that is for a mini program to a status, as time,
// the merchant and AlipayCN do: to [alipaycn.OrderItemDoing] from TO_DO, to
// [alipaycn.OrderItemConfirmed] and [alipaycn.OrderItemMerchantRejected] from TO_CONFIRM, to
// [alipaycn.OrderItemDone] from TO_CONFIRM and CONFIRMED, and to
// [alipaycn.OrderItemMerchantCancelled] before it is confirmed.
func (g *Gateway) AdvanceOrderItem(orderID, appID string, to alipaycn.OrderItemStatus) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.orders[orderID]
	if o == nil {
		return fmt.Errorf("alipaycntest: advance order item: there is no order %.32q", orderID)
	}
	i := slices.IndexFunc(o.items, func(i *orderItem) bool { return i.app.id == appID })
	if i < 0 {
		return fmt.Errorf("alipaycntest: advance order item: order %.32q is not for mini program %.32q", orderID, appID)
	}
	if item := o.items[i]; !slices.Contains(advances(to), item.status) {
		return fmt.Errorf("alipaycntest: advance order item: it cannot be brought from %q to %q", item.status, to)
	}
	o.items[i].status = to
	return nil
}

// advances are the statuses from which an item comes to a status without the third-party app.
func advances(to alipaycn.OrderItemStatus) []alipaycn.OrderItemStatus {
	switch to {
	case alipaycn.OrderItemDoing:
		return []alipaycn.OrderItemStatus{alipaycn.OrderItemToDo}
	case alipaycn.OrderItemConfirmed, alipaycn.OrderItemMerchantRejected:
		return []alipaycn.OrderItemStatus{alipaycn.OrderItemToConfirm}
	case alipaycn.OrderItemDone:
		return []alipaycn.OrderItemStatus{alipaycn.OrderItemToConfirm, alipaycn.OrderItemConfirmed}
	case alipaycn.OrderItemMerchantCancelled:
		return append(openItem(), "")
	default:
		return nil
	}
}

// openItem are the statuses of an item that is worked on, or waits for the merchant.
func openItem() []alipaycn.OrderItemStatus {
	return []alipaycn.OrderItemStatus{alipaycn.OrderItemToDo, alipaycn.OrderItemDoing, alipaycn.OrderItemToConfirm}
}

// createOrder orders for a merchant, who gets a new mini program.
func (g *Gateway) createOrder(c *call) (any, error) {
	var in alipaycn.CreateOrderInput
	if err := json.Unmarshal(c.data, &in); err != nil {
		return nil, refuse("INVALID_PARAMETER", "a field cannot be read: %v", err)
	}
	in.AppLogo = c.files["app_logo"]
	if err := in.Validate(); err != nil {
		return nil, fieldRefusal(err, map[string]fieldCodes{
			"app_name":          {"APP_NAME_IS_BLANK", "INVALID_MINI_APP_NAME_LENGTH", "INVALID_MINI_APP_NAME"},
			"app_english_name":  {"ENGLISH_NAME_IS_BLANK", "INVALID_MINI_APP_EN_NAME_LENGTH", "INVALID_MINI_APP_EN_NAME"},
			"app_category_ids":  {"INVALID_CATEGORY", "INVALID_CATEGORY", "INVALID_CATEGORY"},
			"mini_category_ids": {"INVALID_CATEGORY", "INVALID_CATEGORY", "INVALID_CATEGORY"},
		})
	}
	switch {
	case !c.caller.thirdParty:
		return nil, refuse("NOT_SUPPORT_ORDER_BY_OPENAPI", "only a third-party app orders for merchants")
	case in.MiniAppID != "":
		return nil, refuse("APP_ID_ILLEGAL", "mini_app_id is for callers of AlipayCN's own")
	case in.ServiceID == "" || in.MerchantPID == "":
		return nil, refuse("INVALID_PARAMETER", "merchandise_id and merchant_pid are needed")
	case !strings.HasPrefix(in.MerchantPID, "2088"):
		return nil, refuse("USER_NOT_EXIST", "there is no merchant %.32q", in.MerchantPID)
	}
	for _, id := range slices.Concat(in.OldCategories, in.Categories) {
		if _, known := g.categoryPath(id); !known && g.cfg.closedList {
			return nil, refuse("INVALID_CATEGORY", "there is no category %.64q", id)
		}
	}
	if err := g.checkNames(nil, in.AppName, in.AppEnglishName); err != nil {
		return nil, err
	}
	a := g.orderedApp(in)
	o := &order{
		isv: c.caller, merchant: in.MerchantPID, service: in.ServiceID, status: orderAccepted,
		items: []*orderItem{{app: a, status: alipaycn.OrderItemToDo}},
	}
	return alipaycn.CreatedOrder{OrderID: g.addOrder(o), MiniAppID: a.id}, nil
}

// orderedApp adds the mini program that comes with an order.
func (g *Gateway) orderedApp(in alipaycn.CreateOrderInput) *app {
	a := &app{
		id: fmt.Sprintf("2029%012d", g.next()), merchant: in.MerchantPID, logons: map[string]string{}, effects: map[string]int{},
		base: alipaycn.BaseInfo{
			AppName: in.AppName, AppEnglishName: in.AppEnglishName, AppSlogan: in.AppSlogan, AppDescription: in.AppDescription,
			ServicePhone: in.ServicePhone, ServiceEmail: in.ServiceEmail,
		},
		region: alipaycn.RegionChina,
	}
	if in.AppLogo != nil {
		a.base.AppLogo = g.picture("logo")
	}
	g.saveCategories(a, in.OldCategories, in.Categories)
	g.apps[a.id] = a
	return a
}

// getOrder answers with a page of an order.
func (g *Gateway) getOrder(c *call) (any, error) {
	page := 1
	if text := c.text("start_page"); text != "" {
		var err error
		if page, err = strconv.Atoi(text); err != nil || page < 1 {
			return nil, refuse("QUERY_FAILD", "start_page begins at 1")
		}
	}
	o := g.orders[c.text("commodity_order_id")]
	switch {
	case o == nil:
		return nil, refuse("QUERY_FAILD", "there is no order %.64q", c.text("commodity_order_id"))
	case o.isv != c.caller:
		return nil, refuse("NOPERMISSION_QUERY", "another app's service was ordered")
	}
	out := alipaycn.Order{Status: o.status, ServiceID: o.service, Page: alipaycn.Int(page), Total: alipaycn.Int(len(o.items))}
	const pageSize = 100
	for _, item := range pageOf(o.items, page, pageSize) {
		out.Items = append(out.Items, alipaycn.OrderItem{
			Status: item.status, OrderStatus: o.status, ServiceID: o.service,
			MiniAppID: item.app.id, MiniAppName: item.app.base.AppName, MerchantPID: o.merchant,
		})
	}
	return out, nil
}

func (g *Gateway) acceptOrder(c *call) (any, error) {
	return nil, g.answerOrder(c, "NO_PERMISSION_ACCETP_ORDER", orderAccepted, alipaycn.OrderItemToDo)
}

func (g *Gateway) rejectOrder(c *call) (any, error) {
	return nil, g.answerOrder(c, "NO_PERMISSION_REJECT_ORDER", orderRejected, alipaycn.OrderItemISVRejected)
}

// answerOrder brings an order that nobody has answered yet, and its items, to a status.
func (g *Gateway) answerOrder(c *call, foreign alipaycn.Code, to alipaycn.OrderStatus, each alipaycn.OrderItemStatus) error {
	id := c.text("commodity_order_id")
	o := g.orders[id]
	switch {
	case id == "":
		return refuse("PARAMS_ERROR", "commodity_order_id is missing")
	case o == nil:
		return refuse(alipaycn.CodeOrderNotExist, "there is no order %.64q", id)
	case o.isv != c.caller:
		return refuse(foreign, "another app's service was ordered")
	case o.status != alipaycn.OrderMerchantOrdered:
		return refuse(alipaycn.CodeCommodityOrderStatusInvalid, "the order is in %s", o.status)
	}
	o.status = to
	for _, item := range o.items {
		if item.status == "" { // the merchant may have cancelled it
			item.status = each
		}
	}
	return nil
}

func (g *Gateway) completeItem(c *call) (any, error) {
	return nil, g.changeItem(c, "NO_PERMISSION_OPERATION", alipaycn.OrderItemToConfirm, alipaycn.OrderItemToDo, alipaycn.OrderItemDoing)
}

// confirmItem is called for the merchant, with the token of any of its mini programs.
func (g *Gateway) confirmItem(c *call) (any, error) {
	return nil, g.changeItem(c, "NO_PERMISSION_COMFIRM_ORDERITEM", alipaycn.OrderItemConfirmed, alipaycn.OrderItemToConfirm)
}

func (g *Gateway) cancelItem(c *call) (any, error) {
	return nil, g.changeItem(c, "NO_PERMISSION_CANCEL_ORDER_ITEM", alipaycn.OrderItemISVCancelled, openItem()...)
}

// changeItem brings the item that a call names to a status from one of others.
func (g *Gateway) changeItem(c *call, foreign alipaycn.Code, to alipaycn.OrderItemStatus, from ...alipaycn.OrderItemStatus) error {
	o := g.orders[c.text("commodity_order_id")]
	switch {
	case c.text("commodity_order_id") == "":
		return refuse("PARAMS_ERROR", "commodity_order_id is missing")
	case o == nil:
		return refuse(alipaycn.CodeCommodityOrderItemNotExist, "there is no order %.64q", c.text("commodity_order_id"))
	case o.isv != c.caller || c.app != nil && c.app.merchant != o.merchant:
		return refuse(foreign, "another app's service was ordered, or another merchant ordered it")
	}
	item, err := o.item(c.text("mini_app_id"), c.text("shop_id"))
	if err != nil {
		return err
	}
	if !slices.Contains(from, item.status) {
		return refuse(alipaycn.CodeItemStatusNotAllow, "the item is in %q", item.status)
	}
	item.status = to
	return nil
}

// item finds the item that is named; the only one needs no name. No item is for a shop.
func (o *order) item(appID, shopID string) (*orderItem, error) {
	var found []*orderItem
	for _, item := range o.items {
		if shopID == "" && (appID == "" || item.app.id == appID) {
			found = append(found, item)
		}
	}
	switch len(found) {
	case 0:
		return nil, refuse(alipaycn.CodeCommodityOrderItemNotExist, "the order has no such item")
	case 1:
		return found[0], nil
	default:
		return nil, refuse("PARAMS_ERROR", "the order has %d items: mini_app_id says which", len(found))
	}
}
