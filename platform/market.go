package platform

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// marketService reads a service that is ONLINE, of whichever workspace.
func (c *call) marketService(id string) (*serviceRecord, error) {
	at, found, err := c.tx.Get(marketIDKey(id))
	if err != nil {
		return nil, err
	}
	if found { // the index only finds: an earlier version beside this one does not change it
		r, err := resolve[serviceRecord](c.tx, string(at))
		if err != nil || r.Status == alipayplus.ServiceOnline {
			return r, err
		}
	}
	return nil, refuse(alipayplus.CodeNotFound, "there is no service %q in the Service Market; Market.List shows those that are online", shorten(id))
}

// forSale is what the Service Market shows of a service.
func (r *serviceRecord) forSale() *alipayplus.MarketService {
	return &alipayplus.MarketService{ID: r.ID, ServiceDescription: r.ServiceDescription, Company: r.Company, CreatedAt: r.CreatedAt}
}

func queryMarket(c *call, in alipayplus.ServiceInput) (*alipayplus.MarketService, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	r, err := c.marketService(in.ServiceID)
	if err != nil {
		return nil, err
	}
	return r.forSale(), nil
}

func listMarket(c *call, in alipayplus.ListMarketInput) (*page, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	name := strings.ToLower(in.Name)
	return listing{
		prefix: marketPrefix, opts: in.ListOptions,
		filter: fmt.Sprintf("%q %q %q %q", name, in.Industry, in.Type, in.App),
		keep: func(r stored) bool {
			return r.matches("status", string(alipayplus.ServiceOnline)) && r.matches("industry", in.Industry) && r.matches("type", string(in.Type)) && supports(r, in.App) &&
				(name == "" || strings.Contains(strings.ToLower(r.text("name")), name))
		},
		show: showForSale,
	}.page(c.tx)
}

// supports says whether a service supports an app; empty: any.
func supports(r stored, app alipayplus.TargetApp) bool {
	var apps []alipayplus.TargetApp
	return app == "" || json.Unmarshal(r.member("applicableApps"), &apps) == nil && slices.Contains(apps, app)
}

func showForSale(to []byte, r stored) ([]byte, error) {
	var service serviceRecord
	if err := json.Unmarshal(r, &service); err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrDamaged, err)
	}
	shown, err := json.Marshal(service.forSale())
	return append(to, shown...), err
}

func readMarketFile(c *call, in alipayplus.MarketFileInput) (*alipayplus.FileContent, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	r, err := c.marketService(in.ServiceID)
	if err != nil {
		return nil, err
	}
	for _, shown := range r.Images() {
		if shown != in.FileID {
			continue
		}
		file, err := fileContent(c.tx, r.Workspace, shown)
		if file != nil || err != nil {
			return file, err
		}
	}
	return nil, refuse(alipayplus.CodeNotFound, "service %s shows no picture %q", r.ID, shorten(in.FileID))
}
