package console

import (
	"github.com/alipayplus-go/alipayplus"
)

// market is the Service Market: the services of all workspaces that are online.
func (v *visit) market() error {
	query := v.r.URL.Query()
	in := alipayplus.ListMarketInput{
		ListOptions: v.options(), Name: query.Get("name"), Industry: query.Get("industry"),
		Type: alipayplus.ServiceType(query.Get("type")), App: alipayplus.TargetApp(query.Get("app")),
	}
	found, err := v.client.Market.List(v.ctx(), in)
	if err != nil {
		return err
	}
	workspace, err := v.client.Workspace.Get(v.ctx())
	if err != nil {
		return err
	}
	return v.show("market", "market.title", struct {
		In       alipayplus.ListMarketInput
		Types    []alipayplus.ServiceType
		Targets  []alipayplus.TargetAppInfo
		Services []*alipayplus.MarketService
		Next     string
	}{in, workspace.ServicePolicy.Types, workspace.Targets, found.Items, v.next(found.NextCursor)})
}

// marketService shows a service of the market, and takes an order.
func (v *visit) marketService() error {
	service, err := v.client.Market.Get(v.ctx(), v.r.PathValue("id"))
	if err != nil {
		return err
	}
	var programs []*alipayplus.Program
	for program, err := range v.client.Programs.All(v.ctx(), alipayplus.ListProgramsInput{}) {
		if err != nil {
			return err
		}
		if programs = append(programs, program); len(programs) == maxChoices {
			break
		}
	}
	return v.show("marketService", "market.service", struct {
		*alipayplus.MarketService
		Registration *alipayplus.BusinessRegistration
		Programs     []*alipayplus.Program
	}{service, &service.Company, programs})
}

// maxChoices is how many mini programs a form offers; more than a workspace has by the limits
// for AlipayCN.
const maxChoices = 200

func (v *visit) placeOrder() error {
	id := v.r.PathValue("id")
	order, err := v.client.Orders.Place(v.ctx(), alipayplus.PlaceOrderInput{
		ServiceID: id, ProgramID: v.posted("programId"), Note: v.posted("note"), RequestID: v.requestID(),
	})
	if err != nil {
		return v.done(err, "", v.marketService)
	}
	return v.done(nil, "orders/"+order.ID, nil)
}

func (v *visit) marketFile() error {
	file, err := v.client.Market.File(v.ctx(), alipayplus.MarketFileInput{ServiceID: v.r.PathValue("id"), FileID: v.r.PathValue("file")})
	if err != nil {
		return err
	}
	return v.picture(file)
}
