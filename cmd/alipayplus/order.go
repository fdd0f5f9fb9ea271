package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus"
)

// market is the group of commands about the Service Market.
func (a *app) market() *cobra.Command {
	type client = *alipayplus.MarketClient
	dial := atPlatform(a, func(c *alipayplus.Client) client { return &c.Market })
	return group("market", "Look for services in the Service Market", "Look for services of all workspaces that are online, to order them.",
		listing(a, dial, client.All, spec{
			use: "list", short: "List the services that are online",
			columns: []string{"id", "name", "industry", "provider=company.companyName", "applicableApps"},
			example: []string{"market list --name tea --app ALIPAY_CN"},
		}),
		returning(a, dial, client.Get, spec{
			use: "get SERVICE", short: "Show a service: what it does, costs and who offers it", example: []string{"market get svc_1"},
		}),
		writingFile(a, dial, client.File, spec{
			use: "file SERVICE FILE-ID TO", short: "Write a picture of a service to the file TO", args: []string{"serviceId", "fileId"},
			example: []string{"market file svc_1 0f…9a picture.png"},
		}),
	)
}

// orders is the group of commands about orders.
func (a *app) orders() *cobra.Command {
	type client = *alipayplus.OrdersClient
	dial := atPlatform(a, func(c *alipayplus.Client) client { return &c.Orders })
	one := []string{"orderId"}
	return group("order", "Order services, and take orders on", `Order services of the Service Market as a merchant, and take orders on as their
provider. An order that the merchant has confirmed lets the provider's members
release the merchant's mini program, by the same commands as their own.`,
		listing(a, dial, client.All, spec{
			use: "list", short: "List the orders of the workspace, on both sides",
			columns: []string{"id", "side", "status", "serviceName", "programId", "merchant", "provider", "createdAt"},
			example: []string{"order list --side PROVIDER --status NEW_ORDER"},
		}),
		returning(a, dial, client.Get, spec{
			use: "get ORDER", short: "Show an order", example: []string{"order get ord_1"},
		}),
		returning(a, dial, client.Place, spec{
			use: "place SERVICE PROGRAM", short: "Order a service for a mini program", args: []string{"serviceId", "programId"},
			example: []string{"order place svc_1 2171000000000001 --note 'With our menu'"},
		}),
		returning(a, dial, client.Accept, spec{
			use: "accept ORDER", short: "Take a new order on, as its provider", args: one, example: []string{"order accept ord_1"},
		}),
		returning(a, dial, client.Confirm, spec{
			use: "confirm ORDER", short: "Confirm an order that was accepted, as its merchant", args: one,
			long: `Confirm an order that was accepted, as its merchant. From then on the provider's
owner and masters, and the developers whom they "assign",
upload, configure and release it, until the order ends or "revoke-access".`,
			warning: "The provider can release the mini program from then on.", example: []string{"order confirm ord_1"},
		}),
		returning(a, dial, client.Assign, spec{
			use: "assign ORDER", short: "Say which developers work by an order, as its provider", args: one,
			long: `Say, as owner or master of the provider, which of its developers work on the
merchant's mini program while the order gives access: all of them at once, in
place of those who did. Owner and masters need no assignment.`,
			example: []string{"order assign ord_1 --members ann,ben"},
		}),
		returning(a, dial, client.Submit, spec{
			use: "submit ORDER", short: "Submit what was developed for approval, as its provider", args: one, example: []string{"order submit ord_1"},
		}),
		returning(a, dial, client.Approve, spec{
			use: "approve ORDER", short: "Approve what was submitted, as its merchant", args: one, example: []string{"order approve ord_1"},
		}),
		returning(a, dial, client.Reject, spec{
			use: "reject ORDER", short: "Decline a new order as its provider, or an accepted one as its merchant", args: one,
			example: []string{"order reject ord_1 --reason 'No time before May'"},
		}),
		returning(a, dial, client.TurnDown, spec{
			use: "turn-down ORDER", short: "Decline what was submitted, as its merchant", args: one,
			example: []string{"order turn-down ord_1 --reason 'The menu is missing'"},
		}),
		returning(a, dial, client.Cancel, spec{
			use: "cancel ORDER", short: "End an order early", args: one,
			warning: "The order ends for good.", example: []string{"order cancel ord_1"},
		}),
		returning(a, dial, client.RevokeAccess, spec{
			use: "revoke-access ORDER", short: "Take the mini program back from the provider, as the merchant", args: one,
			warning: "The provider cannot get at the mini program any more by this order.", example: []string{"order revoke-access ord_1"},
		}),
		waiting(a, dial, func(c client, ctx context.Context, in awaitedOrder, opts alipayplus.OrderWait) (*alipayplus.Order, error) {
			return c.Wait(ctx, in.OrderID, in.Status, opts)
		}, spec{
			use: "wait ORDER STATUS", short: "Wait until an order has a status, or has gone further", args: []string{"orderId", "status"},
			columns: []string{"id", "status", "refusal.reason"},
			example: []string{"order wait ord_1 UNDER_APPROVAL --timeout 24h"}, calls: []any{client.Wait},
		}),
	)
}

// awaitedOrder is what "order wait" takes.
type awaitedOrder struct {
	OrderID string                 `json:"orderId"`
	Status  alipayplus.OrderStatus `json:"status"`
}
