package alipaycnapp_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// A platform over a stand-in of AlipayCN. In production the client has the keys of a
// third-party app (alipaycn.NewFromEnv), the store is a file or a database, and the
// merchant visits the page.
func Example() {
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	gateway, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()))
	must(err)
	must(gateway.AddApp(alipaycntest.App{ID: "2021000000000001", PublicKey: testkey.FastClient().PublicPEM(), ThirdParty: true}))
	must(gateway.AddApp(alipaycntest.App{ID: "2021000000000002"}))
	client, err := alipaycn.New(
		alipaycn.WithAppID("2021000000000001"), alipaycn.WithSigner(testkey.FastClient()),
		alipaycn.WithAlipayPublicKey(gateway.AlipayPublicKey()), alipaycn.WithHTTPClient(gateway.HTTPClient()),
	)
	must(err)

	store := storage.NewMemory()
	app, err := alipaycnapp.New(store, client, alipaycnapp.WithEncryptionKey(bytes.Repeat([]byte("k"), 32)))
	must(err)
	p, err := platform.New(
		platform.WithSigner(testkey.FastKey()), platform.WithStore(store), platform.WithTargetBackends(app),
		platform.WithPublicURL("https://gateway.example"), // AlipayCN's page leads back to it
	)
	must(err)
	workspace, err := p.AddWorkspace(ctx, company())
	must(err)
	must(p.PutMember(ctx, platform.Member{WorkspaceID: workspace, Name: "olga", Role: alipayplus.RoleOwner}))
	owner, err := p.Client(ctx, workspace, "olga")
	must(err)
	program, err := owner.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}})
	must(err)

	begun, err := owner.Authorizations.Begin(ctx, alipayplus.BeginAuthorizationInput{ProgramID: program.ID, TargetApp: alipayplus.TargetAlipayCN})
	must(err)
	code, err := gateway.AuthorizationCode("2021000000000001", "2021000000000002") // what the merchant does on begun.URL
	must(err)
	back := url.Values{"app_id": {"2021000000000001"}, "app_auth_code": {code}, "state": {begun.State}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://gateway.example"+platform.CallbackPath+"?"+back.Encode(), nil)
	must(err)
	resp, err := p.HTTPClient().Do(req)
	must(err)
	must(resp.Body.Close())

	granted, err := owner.Authorizations.Get(ctx, alipayplus.AuthorizationInput{ProgramID: program.ID, TargetApp: alipayplus.TargetAlipayCN})
	must(err)
	fmt.Println(granted.Status, granted.TargetProgramID, app.Ladder())
	// Output: AUTHORIZED 2021000000000002 10%, 30%, 50%, 100%
}
