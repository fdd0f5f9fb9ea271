package alipaycntarget_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log"
	"os"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/alipaycntarget"
)

// A version goes through AlipayCN's review and over 10, 30 and 50 percent to all users.
// At work each step has a bake time and gates, the store is a [rollout.FileStore], and
// the client is one of [alipaycn.NewFromEnv].
func Example() {
	const app = "2021000000000002"
	client, err := standIn(app, "1.2.0") // at work: alipaycn.NewFromEnv()
	if err != nil {
		log.Fatal(err)
	}
	version := alipayplus.VersionNumber{Major: 1, Minor: 2}
	target := alipaycntarget.New(client, app, version, alipaycntarget.WithApplication(application))
	spec := rollout.Spec{
		Version: rollout.SpecVersion,
		Steps:   []rollout.StepSpec{{Ratio: 10}, {Ratio: 30}, {Ratio: 50}, {Ratio: 100}},
	}
	runner, err := rollout.New(target, spec, rollout.NewMemoryStore())
	if err != nil {
		log.Fatal(err)
	}
	state, err := runner.Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state.Target, "is", state.Status)
	for _, change := range state.Changes {
		fmt.Println(change.From, "to", change.To)
	}
	// Output:
	// AlipayCN app 2021000000000002 version 1.2.0 is DONE
	// 0% to 10%
	// 10% to 30%
	// 30% to 50%
	// 50% to 100%
}

// application is what to apply for review with. It is asked for anew for each
// application, so the logo is read in it: after a rejection the mended one goes along.
func application(context.Context) (alipaycn.ApplyInput, error) {
	logo, err := os.ReadFile("testdata/logo.png")
	if err != nil {
		return alipaycn.ApplyInput{}, err
	}
	return alipaycn.ApplyInput{
		Description: "Order ahead and skip the queue, in all shops of the city.",
		AppLogo:     &alipaycn.File{Name: "logo.png", Content: bytes.NewReader(logo), Size: int64(len(logo))},
	}, nil
}

// standIn is a client of a mini program with a version in development, at a stand-in for
// AlipayCN that approves at once.
func standIn(app, version string) (*alipaycn.Client, error) {
	gateway, err := alipaycntest.New(alipaycntest.WithAutoReview(0))
	if err != nil {
		return nil, err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	err = gateway.AddApp(alipaycntest.App{
		ID: app, PublicKey: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		BaseInfo: alipaycn.BaseInfo{
			AppName: "BlueLakeTea", AppEnglishName: "BlueLakeTea", AppSlogan: "Tea from the blue lake",
			AppDescription: "Order tea from the blue lake, and drink it there.", CategoryNames: "Food", ServicePhone: "13110101010",
		},
	})
	if err != nil {
		return nil, err
	}
	if err := gateway.AddVersion(app, version); err != nil {
		return nil, err
	}
	return alipaycn.New(
		alipaycn.WithAppID(app), alipaycn.WithSigner(key), alipaycn.WithAlipayPublicKey(gateway.AlipayPublicKey()),
		alipaycn.WithHTTPClient(gateway.HTTPClient()),
	)
}
