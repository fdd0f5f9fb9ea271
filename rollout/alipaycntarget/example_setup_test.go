package alipaycntarget_test

import (
	"crypto/x509"
	"encoding/pem"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

func readLogo() (*alipaycn.File, error) { return picture("logo.png", 180, 180), nil }

// atAlipayCN is a mini program with a version in development, at a stand-in for
// AlipayCN that approves at once, and the mini program's own client.
func atAlipayCN() (client *alipaycn.Client, app string) {
	app = "2021000000000002"
	gateway, err := alipaycntest.New(alipaycntest.WithKey(testkey.Key()), alipaycntest.WithAutoReview(0))
	check(err)
	public, err := x509.MarshalPKIXPublicKey(testkey.Client().Public())
	check(err)
	check(gateway.AddApp(alipaycntest.App{
		ID: app, PublicKey: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		BaseInfo: alipaycn.BaseInfo{
			AppName: "BlueLakeTea", AppEnglishName: "BlueLakeTea", AppSlogan: "Tea from the blue lake",
			AppDescription: "Order tea from the blue lake, and drink it there.", CategoryNames: "Food", ServicePhone: "13110101010",
		},
	}))
	check(gateway.AddVersion(app, "1.2.0"))
	client, err = alipaycn.New(
		alipaycn.WithAppID(app), alipaycn.WithSigner(testkey.Client()), alipaycn.WithAlipayPublicKeyText(gateway.AlipayPublicKey()),
		alipaycn.WithHTTPClient(gateway.HTTPClient()),
	)
	check(err)
	return client, app
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
