package alipaycn

import (
	"cmp"
	"context"
	"slices"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// OrdersClient works on what merchants order in AlipayCN's service market (服务市场): a
// third-party app (ISV) offers a service there, a merchant orders it for a mini program, the
// app accepts, does the work and says that it is complete, and the merchant confirms. It is
// another market than Alipay+'s, whose orders are those of package alipayplus: no id and no
// status of the one means anything in the other.
//
// The third-party app calls for itself: whomever the client acts for, the calls carry no
// app_auth_token, but for [OrdersClient.ConfirmItem]. That is inferred. The product
// 服务市场管理 must be bound to it. A new order comes as an [OrderPlaced]; AlipayCN has no
// message for what happens to it afterwards, so read it now and then.
//
// Every error is an [Error]. Writes are never repeated blindly: see "Safe writes" in the
// package's documentation.
type OrdersClient struct{ c *Client }

// Create orders a service for a merchant, who gets a new mini program with it that is under
// the third-party app's care (alipay.open.servicemarket.order.create). After a lost answer
// nothing proves what became of it, because only an order's id leads to it: the error matches
// [alipayplus.ErrOutcomeUnknown], and the order's message, if one comes, shows that it was
// made. Whether AlipayCN refuses a second one with the same OutBizNo is not documented.
func (o *OrdersClient) Create(ctx context.Context, in CreateOrderInput) (*CreatedOrder, error) {
	got := new(CreatedOrder)
	if err := o.c.write(ctx, safeWrite{op: cnwire.OrderCreate, in: in, got: got}); err != nil {
		return nil, err
	}
	return got, nil
}

// Get reads an order, a page of its items at a time (alipay.open.servicemarket.order.query).
func (o *OrdersClient) Get(ctx context.Context, in GetOrderInput) (*Order, error) {
	return read[Order](ctx, o.c, cnwire.OrderGet, in)
}

// Accept takes an order on (alipay.open.servicemarket.order.accept). Its status must be
// [OrderMerchantOrdered].
func (o *OrdersClient) Accept(ctx context.Context, in OrderInput) error {
	return o.write(ctx, cnwire.OrderAccept, in, in.OrderID, func(after *Order) (evidence, string) {
		return evidenceOfAccepting(after), after.describe()
	})
}

// Reject turns an order down (alipay.open.servicemarket.order.reject). Its status must be
// [OrderMerchantOrdered].
func (o *OrdersClient) Reject(ctx context.Context, in RejectOrderInput) error {
	return o.write(ctx, cnwire.OrderReject, in, in.OrderID, func(after *Order) (evidence, string) {
		return evidenceOfRejecting(after), after.describe()
	})
}

// CompleteItem says that the work on an item is done (alipay.open.servicemarket.order.item.complete):
// it waits for the merchant then. It must be in [OrderItemDoing] or, perhaps, in [OrderItemToDo];
// that is inferred.
func (o *OrdersClient) CompleteItem(ctx context.Context, in OrderItemInput) error {
	return o.writeItem(ctx, cnwire.OrderCompleteItem, in, in)
}

// ConfirmItem confirms an item for the merchant (alipay.open.servicemarket.order.item.confirm),
// who must have authorized the third-party app: the client acts for the merchant, see
// [Client.For]. It must be in [OrderItemToConfirm]. An item that was paid for perhaps only the
// merchant can confirm; both are inferred.
func (o *OrdersClient) ConfirmItem(ctx context.Context, in OrderItemInput) error {
	return o.writeItem(ctx, cnwire.OrderConfirmItem, in, in)
}

// CancelItem ends the work on an item that is not confirmed yet
// (alipay.open.servicemarket.order.item.cancel).
func (o *OrdersClient) CancelItem(ctx context.Context, in CancelOrderItemInput) error {
	return o.writeItem(ctx, cnwire.OrderCancelItem, in, OrderItemInput{OrderID: in.OrderID, MiniAppID: in.MiniAppID, ShopID: in.ShopID})
}

// writeItem makes a write about an item, which the order proves.
func (o *OrdersClient) writeItem(ctx context.Context, op cnwire.Operation, in any, item OrderItemInput) error {
	return o.write(ctx, op, in, item.OrderID, func(after *Order) (evidence, string) {
		status, found := item.statusIn(after)
		if !found {
			return evidenceNone, "orders.get does not show which item it is about"
		}
		return evidenceOfItem(op, status), "the item is in " + string(status)
	})
}

func (o *OrdersClient) write(ctx context.Context, op cnwire.Operation, in any, orderID string, conclude func(after *Order) (evidence, string)) error {
	read := func(ctx context.Context) (*Order, error) { return o.all(ctx, orderID) }
	return o.c.write(ctx, safeWrite{op: op, in: in, prove: prover(read, conclude)})
}

// all reads an order with the items of all pages. AlipayCN documents at most 100 records and
// not whether on a page or in all, so one that goes on beyond ten pages is not believed.
func (o *OrdersClient) all(ctx context.Context, orderID string) (*Order, error) {
	const most = 10
	var items []OrderItem
	for page := range most {
		order, err := whole(o.Get(ctx, GetOrderInput{OrderID: orderID, Page: TextInt(page + 1)}))
		if err != nil {
			return nil, err
		}
		items = append(items, order.Items...)
		if len(order.Items) == 0 || len(items) >= int(order.Total) {
			order.Items = items
			return order, nil
		}
	}
	return nil, inconclusive(cnwire.OrderGet, "the items do not end")
}

// OrderStatus is where an order as a whole stands. It is open: AlipayCN names only one.
type OrderStatus string

// OrderMerchantOrdered says that the merchant has ordered, and nobody has accepted yet (spelt so on
// the wire).
const OrderMerchantOrdered OrderStatus = "MERCHANT_ORDED"

// Known says whether AlipayCN documents the status.
func (s OrderStatus) Known() bool { return s == OrderMerchantOrdered }

// OrderItemStatus is where an item of an order stands. It is open to unknown values. Which
// steps there are between the statuses is not documented.
type OrderItemStatus string

// The statuses of an item that AlipayCN documents.
const (
	// OrderItemToDo: the work has not begun.
	OrderItemToDo OrderItemStatus = "TO_DO"
	// OrderItemDoing: the work is under way.
	OrderItemDoing OrderItemStatus = "DOING"
	// OrderItemToConfirm: the work is complete, and waits for the merchant.
	OrderItemToConfirm OrderItemStatus = "TO_CONFIRM"
	// OrderItemConfirmed: the merchant has confirmed.
	OrderItemConfirmed OrderItemStatus = "CONFIRMED"
	// OrderItemDone: it is finished.
	OrderItemDone OrderItemStatus = "DONE"
	// OrderItemMerchantRejected: the merchant turned it down.
	OrderItemMerchantRejected OrderItemStatus = "MERCHANT_REJECTED"
	// OrderItemMerchantCancelled: the merchant cancelled it.
	OrderItemMerchantCancelled OrderItemStatus = "MERCHANT_CANCELLED"
	// OrderItemISVRejected: the third-party app turned it down.
	OrderItemISVRejected OrderItemStatus = "ISV_REJECTED"
	// OrderItemISVCancelled: the third-party app cancelled it.
	OrderItemISVCancelled OrderItemStatus = "ISV_CANCELLED"
)

// OrderItemStatuses returns the statuses that AlipayCN documents.
func OrderItemStatuses() []OrderItemStatus {
	return []OrderItemStatus{
		OrderItemToDo, OrderItemDoing, OrderItemToConfirm, OrderItemConfirmed, OrderItemDone,
		OrderItemMerchantRejected, OrderItemMerchantCancelled, OrderItemISVRejected, OrderItemISVCancelled,
	}
}

// Known says whether AlipayCN documents the status.
func (s OrderItemStatus) Known() bool { return slices.Contains(OrderItemStatuses(), s) }

// ShopStatus is the state of a shop that an item is about. It is open to unknown values.
type ShopStatus string

// The states of a shop that AlipayCN documents.
const (
	// ShopOnline: it is up.
	ShopOnline ShopStatus = "ONLINE"
	// ShopOffline: it is not up.
	ShopOffline ShopStatus = "OFFLINE"
	// ShopAvailable: it is activated.
	ShopAvailable ShopStatus = "AVAILABLE"
	// ShopInit: it is not activated.
	ShopInit ShopStatus = "INIT"
	// ShopExpired: it has expired.
	ShopExpired ShopStatus = "EXPIRED"
)

// Known says whether AlipayCN documents the state.
func (s ShopStatus) Known() bool {
	return slices.Contains([]ShopStatus{ShopOnline, ShopOffline, ShopAvailable, ShopInit, ShopExpired}, s)
}

// CreateOrderInput is the input of orders.create (alipay.open.servicemarket.order.create).
// That the names are required follows from the error codes; of the other fields AlipayCN
// documents neither that nor lengths here.
type CreateOrderInput struct {
	// ServiceID names the service in the market that is ordered (merchandise_id); what it is is inferred.
	ServiceID string `json:"merchandise_id,omitempty"`
	// MerchantPID is the merchant's Alipay user id; it begins with 2088. That it is the one who orders is inferred.
	MerchantPID string `json:"merchant_pid,omitempty"`
	// MarketCode is the value that AlipayCN assigns; new callers need it.
	MarketCode string `json:"market_code,omitempty"`
	// AppOrigin says where the call comes from; a value must be applied for.
	AppOrigin string `json:"app_origin,omitempty"`
	// OutBizNo is the merchant's own number of the order.
	OutBizNo string `json:"out_biz_no,omitempty"`

	// AppName is the new mini program's name. Required unless MiniAppID is given.
	AppName string `json:"app_name,omitempty"`
	// AppEnglishName is its English name. Required unless MiniAppID is given.
	AppEnglishName string `json:"app_english_name,omitempty"`
	// AppSlogan says in one line what it does.
	AppSlogan string `json:"app_slogan,omitempty"`
	// AppDescription is its description.
	AppDescription string `json:"app_desc,omitempty"`
	// OldCategories are its categories of the old tree; AlipayCN does not read them when Categories are given.
	OldCategories CategoryIDs `json:"app_category_ids,omitempty"`
	// Categories are its categories, see categories.list.
	Categories CategoryIDs `json:"mini_category_ids,omitempty"`
	// ServicePhone is the phone number of its customer service.
	ServicePhone string `json:"service_phone,omitempty"`
	// ServiceEmail is the e-mail address of its customer service.
	ServiceEmail string `json:"service_email,omitempty"`
	// MiniAppID is an existing mini program, for callers of AlipayCN's own only; empty: a new one.
	MiniAppID string `json:"mini_app_id,omitempty"`
	// AppLogo is the logo: PNG or JPEG; 180 x 180 pixels are advised. May be nil.
	AppLogo *File `json:"-"`
}

// Validate checks the fields and the logo, which it reads in part.
func (in CreateOrderInput) Validate() error {
	var p problems
	if in.MiniAppID == "" {
		p.required("app_name", in.AppName)
		p.required("app_english_name", in.AppEnglishName)
	}
	p.categories("app_category_ids", in.OldCategories)
	p.categories("mini_category_ids", in.Categories)
	if in.ServiceEmail != "" && !isEmail(in.ServiceEmail) {
		p.Add("service_email", "must be an e-mail address")
	}
	p.file("app_logo", in.AppLogo, fileRule{types: imageTypes(), describes: "png, jpg or jpeg"})
	return p.of(in, "order")
}

func (in CreateOrderInput) files() []filePart {
	if in.AppLogo == nil {
		return nil
	}
	return []filePart{{"app_logo", in.AppLogo}}
}

// CreatedOrder is the answer of orders.create.
type CreatedOrder struct {
	Answer

	// OrderID names the order.
	OrderID string `json:"commodity_order_id,omitempty"`
	// MiniAppID is the new mini program.
	MiniAppID string `json:"mini_app_id,omitempty"`
}

// GetOrderInput is the input of orders.get (alipay.open.servicemarket.order.query).
type GetOrderInput struct {
	// OrderID names the order. Required.
	OrderID string `json:"commodity_order_id,omitempty"`
	// Page is the page of items, counted from 1; 0: the first.
	Page TextInt `json:"start_page,omitempty"`
}

// Validate checks the fields.
func (in GetOrderInput) Validate() error {
	var p problems
	p.required("commodity_order_id", in.OrderID)
	if in.Page < 0 {
		p.Add("start_page", "must be at least 1")
	}
	return p.of(in, "order")
}

// OrderInput is the input of orders.accept (alipay.open.servicemarket.order.accept). It
// answers nothing.
type OrderInput struct {
	// OrderID names the order. Required.
	OrderID string `json:"commodity_order_id,omitempty"`
}

// Validate checks that the order is named.
func (in OrderInput) Validate() error { return validateOrder(in, in.OrderID) }

func validateOrder(in any, orderID string) error {
	var p problems
	p.required("commodity_order_id", orderID)
	return p.of(in, "order")
}

// RejectOrderInput is the input of orders.reject (alipay.open.servicemarket.order.reject). It
// answers nothing.
type RejectOrderInput struct {
	// OrderID names the order. Required.
	OrderID string `json:"commodity_order_id,omitempty"`
	// Reason says why; may be empty.
	Reason string `json:"reject_reason,omitempty"`
}

// Validate checks that the order is named.
func (in RejectOrderInput) Validate() error { return validateOrder(in, in.OrderID) }

// OrderItemInput is the input of orders.completeItem and orders.confirmItem
// (alipay.open.servicemarket.order.item.complete and .confirm). They answer nothing.
type OrderItemInput struct {
	// OrderID names the order. Required.
	OrderID string `json:"commodity_order_id,omitempty"`
	// MiniAppID is the mini program that the item is for; needed when one was ordered for.
	MiniAppID string `json:"mini_app_id,omitempty"`
	// ShopID is the shop that the item is for; optional for services of the market.
	ShopID string `json:"shop_id,omitempty"`
}

// Validate checks that the order is named.
func (in OrderItemInput) Validate() error { return validateOrder(in, in.OrderID) }

// CancelOrderItemInput is the input of orders.cancelItem
// (alipay.open.servicemarket.order.item.cancel). It answers nothing.
type CancelOrderItemInput struct {
	// OrderID names the order. Required.
	OrderID string `json:"commodity_order_id,omitempty"`
	// MiniAppID is the mini program that the item is for; needed when one was ordered for.
	MiniAppID string `json:"mini_app_id,omitempty"`
	// ShopID is the shop that the item is for; optional for services of the market.
	ShopID string `json:"shop_id,omitempty"`
	// Reason says why; may be empty.
	Reason string `json:"cancel_reason,omitempty"`
}

// Validate checks that the order is named.
func (in CancelOrderItemInput) Validate() error { return validateOrder(in, in.OrderID) }

// Order is the answer of orders.get.
type Order struct {
	Answer

	// Status is where the order stands.
	Status OrderStatus `json:"status,omitempty"`
	// Items are the items of the page.
	Items []OrderItem `json:"order_items,omitempty"`
	// Page is the page.
	Page Int `json:"current_page,omitempty"`
	// Total is the number of items on all pages; that it counts items is inferred.
	Total Int `json:"total_size,omitempty"`
	// ServiceID names the service that was ordered (commodity_id).
	ServiceID string `json:"commodity_id,omitempty"`
	// Edition is the edition of the service that was ordered (specifications).
	Edition string `json:"specifications,omitempty"`
	// AutoUpgrade says that the mini program gets new versions of the service by itself.
	AutoUpgrade Bool `json:"auto_upgrade,omitempty"`
}

// OrderItem is one mini program or shop that a service was ordered for.
type OrderItem struct {
	// Status is where the item stands (order_status).
	Status OrderItemStatus `json:"order_status,omitempty"`
	// OrderStatus is that of the order (status), perhaps with a text behind it.
	OrderStatus OrderStatus `json:"status,omitempty"`
	// ServiceID names the service (commodity_id).
	ServiceID string `json:"commodity_id,omitempty"`

	// MiniAppID is the mini program that the service was ordered for; empty when it was none.
	MiniAppID string `json:"mini_app_id,omitempty"`
	// MiniAppName is its name.
	MiniAppName string `json:"mini_app_name,omitempty"`
	// OpenIDModel says how it names users, for example "UID"; others are not documented.
	OpenIDModel string `json:"open_id_model,omitempty"`
	// ShopID is the shop that the service was ordered for; empty when it was none.
	ShopID string `json:"shop_id,omitempty"`
	// ShopName is the shop's name.
	ShopName string `json:"shop_name,omitempty"`
	// ShopStatus is the shop's state.
	ShopStatus ShopStatus `json:"shop_status,omitempty"`
	// BrandName is the shop's brand.
	BrandName string `json:"brand_name,omitempty"`
	// Category is what kind of shop it is.
	Category string `json:"category,omitempty"`
	// Province is where the shop is.
	Province string `json:"province,omitempty"`
	// City is where the shop is.
	City string `json:"city,omitempty"`
	// CityCode is the city's code.
	CityCode string `json:"city_code,omitempty"`
	// Address is where the shop is.
	Address string `json:"address,omitempty"`

	// MerchantPID is the merchant's Alipay user id.
	MerchantPID string `json:"merchant_pid,omitempty"`
	// MerchantName is the merchant's name.
	MerchantName string `json:"merchant_name,omitempty"`
	// Contact is the person whom the merchant named; empty when it named none.
	Contact string `json:"contacts,omitempty"`
	// Phone is the phone number.
	Phone string `json:"phone_no,omitempty"`
	// Creator is no longer filled.
	Creator string `json:"creator,omitempty"`

	// OnlineAt is when it went up.
	OnlineAt Time `json:"online_time,omitzero"`
	// ExpiresAt is when it ends.
	ExpiresAt Time `json:"expire_date,omitzero"`
	// ServiceBegins is when the time begins for which the service was ordered.
	ServiceBegins Time `json:"service_effect_date,omitzero"`
	// ServiceEnds is when that time ends.
	ServiceEnds Time `json:"service_expire_date,omitzero"`
}

// describe returns the order for an error message.
func (o *Order) describe() string { return "the order is in " + cmp.Or(string(o.Status), "no status") }

// evidenceOfAccepting decides orders.accept by the order afterwards.
func evidenceOfAccepting(after *Order) evidence {
	worked := []OrderItemStatus{OrderItemToDo, OrderItemDoing, OrderItemToConfirm, OrderItemConfirmed, OrderItemDone}
	switch {
	case after.Status == OrderMerchantOrdered:
		return evidenceNotDone
	case after.Status != "" && slices.ContainsFunc(after.Items, func(i OrderItem) bool { return slices.Contains(worked, i.Status) }):
		return evidenceDone
	default:
		return evidenceNone
	}
}

// evidenceOfRejecting decides orders.reject by the order afterwards.
func evidenceOfRejecting(after *Order) evidence {
	switch {
	case after.Status == OrderMerchantOrdered:
		return evidenceNotDone
	case len(after.Items) > 0 && !slices.ContainsFunc(after.Items, func(i OrderItem) bool { return i.Status != OrderItemISVRejected }):
		return evidenceDone
	default:
		return evidenceNone
	}
}

// evidenceOfItem decides a write about an item by its status afterwards.
func evidenceOfItem(op cnwire.Operation, status OrderItemStatus) evidence {
	open := []OrderItemStatus{OrderItemToDo, OrderItemDoing}
	var done, notDone []OrderItemStatus
	switch op {
	case cnwire.OrderCompleteItem:
		done, notDone = []OrderItemStatus{OrderItemToConfirm, OrderItemConfirmed, OrderItemDone}, open
	case cnwire.OrderConfirmItem:
		done, notDone = []OrderItemStatus{OrderItemConfirmed, OrderItemDone}, []OrderItemStatus{OrderItemToConfirm}
	case cnwire.OrderCancelItem:
		done, notDone = []OrderItemStatus{OrderItemISVCancelled}, append(open, OrderItemToConfirm)
	}
	switch {
	case slices.Contains(done, status):
		return evidenceDone
	case slices.Contains(notDone, status):
		return evidenceNotDone
	default:
		return evidenceNone
	}
}

// statusIn is the status of the item in an order; false when the order shows none that
// fits, or several in different statuses.
func (in OrderItemInput) statusIn(o *Order) (status OrderItemStatus, found bool) {
	for _, item := range o.Items {
		if in.MiniAppID != "" && item.MiniAppID != in.MiniAppID || in.ShopID != "" && item.ShopID != in.ShopID {
			continue
		}
		if found && item.Status != status {
			return "", false
		}
		status, found = item.Status, true
	}
	return status, found
}
