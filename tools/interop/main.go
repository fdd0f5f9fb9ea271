// Command interop releases a mini program through a platform over package alipaycnapp, from its upload to all users, and each of
// the calls to AlipayCN through a gateway that signs and verifies with Alipay's own SDK for Node:
//
//	platform -> gateway.mjs, which the SDK verifies and signs for -> the stand-in for AlipayCN
//
// run.sh installs the SDK and runs it.
package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

const (
	isv, mini, template = "2021000000000001", "2021000000000002", "2021000000000004"
	publicURL           = "https://gateway.example"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: interop FOLDER, where gateway.mjs and the SDK are")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1], os.Stdout)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, folder string, stdout io.Writer) error {
	backend, err := alipaycntest.New(alipaycntest.WithBuildDelay(time.Second))
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: backend, ReadHeaderTimeout: 10 * time.Second}
	defer func() { _ = server.Close() }()
	go func() { _ = server.Serve(listener) }()
	signer, gatewayKey, err := credentials(backend, folder, "http://"+listener.Addr().String())
	if err != nil {
		return err
	}
	gateway, err := start(ctx, folder)
	if err != nil {
		return err
	}
	defer gateway.kill()
	client, err := alipaycn.New(
		alipaycn.WithAppID(isv), alipaycn.WithSigner(signer), alipaycn.WithAlipayPublicKey(gatewayKey), alipaycn.WithEndpoint(gateway.address),
	)
	if err != nil {
		return err
	}
	if err := release(ctx, backend, client); err != nil {
		return err
	}
	effects := backend.Effects(mini)
	if want := map[string]int{"versions.upload": 1, "versions.apply": 1, "versions.gray": 3, "versions.publish": 1}; !maps.Equal(effects, want) {
		return fmt.Errorf("AlipayCN was asked for %v, not for %v", effects, want)
	}
	if err := orders(ctx, backend, client); err != nil {
		return err
	}
	if err := strangers(ctx, gateway.address, signer, gatewayKey); err != nil {
		return err
	}
	return gateway.report(stdout)
}

// credentials makes the keys, and writes what the gateway needs: the platform trusts the gateway's key, the gateway the
// platform's and the stand-in's, and the stand-in that of the SDK.
func credentials(backend *alipaycntest.Gateway, folder, address string) (platformKey *rsa.PrivateKey, gatewayPublic []byte, err error) {
	var keys [3]*rsa.PrivateKey
	var private, public [3][]byte
	for i := range keys {
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return nil, nil, err
		}
		der, err1 := x509.MarshalPKCS8PrivateKey(keys[i])
		publicDER, err2 := x509.MarshalPKIXPublicKey(keys[i].Public())
		if err := cmp.Or(err1, err2); err != nil {
			return nil, nil, err
		}
		private[i] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		public[i] = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})
	}
	const ofPlatform, ofGateway, ofSDK = 0, 1, 2
	if err := cmp.Or(
		backend.AddApp(alipaycntest.App{ID: isv, ThirdParty: true, PublicKey: public[ofSDK]}),
		backend.AddApp(alipaycntest.App{ID: mini}),
		backend.AddTemplate(isv, template, "1.0.0"),
	); err != nil {
		return nil, nil, err
	}
	for name, content := range map[string][]byte{
		"backend": []byte(address), "app-id": []byte(isv), "app-private-key.pem": private[ofSDK], "alipay-public-key.pem": backend.AlipayPublicKey(),
		"caller-public-key.pem": public[ofPlatform], "gateway-private-key.pem": private[ofGateway],
	} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil { //nolint:gosec // the folder is the caller's own
			return nil, nil, err
		}
	}
	return keys[ofPlatform], public[ofGateway], nil
}

// sdkGateway is gateway.mjs while it runs.
type sdkGateway struct {
	address string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func start(ctx context.Context, folder string) (*sdkGateway, error) {
	g := &sdkGateway{cmd: exec.CommandContext(ctx, "node", filepath.Join(folder, "gateway.mjs"), folder)} //nolint:gosec // the folder is the caller's own
	g.cmd.Stderr = os.Stderr
	out, err1 := g.cmd.StdoutPipe()
	in, err2 := g.cmd.StdinPipe()
	if err := cmp.Or(err1, err2); err != nil {
		return nil, err
	}
	if err := g.cmd.Start(); err != nil {
		return nil, err
	}
	g.in, g.out = in, bufio.NewReader(out)
	line, err := g.out.ReadString('\n')
	if err != nil {
		g.kill()
		return nil, fmt.Errorf("the gateway did not start: %w", err)
	}
	g.address = strings.TrimSpace(line)
	return g, nil
}

func (g *sdkGateway) kill() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait()
}

// report ends the gateway, and says what it did.
func (g *sdkGateway) report(stdout io.Writer) error {
	if err := g.in.Close(); err != nil {
		return err
	}
	var did struct {
		Verified, Refused int
		Calls             map[string]int
	}
	if err := json.NewDecoder(g.out).Decode(&did); err != nil {
		return err
	}
	if did.Refused != 1 || did.Verified == 0 {
		return fmt.Errorf("the SDK verified %d requests and refused %d; only that of a stranger should be refused", did.Verified, did.Refused)
	}
	for _, name := range slices.Sorted(maps.Keys(did.Calls)) {
		if _, err := fmt.Fprintf(stdout, "%3d %s\n", did.Calls[name], name); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(stdout, "interop: %d calls verified by the SDK, from the upload to 100%%, and of orders\n", did.Verified)
	return err
}

// release goes from the authorization to 100 %.
func release(ctx context.Context, backend *alipaycntest.Gateway, client *alipaycn.Client) error {
	p, owner, programID, err := newPlatform(ctx, client)
	if err != nil {
		return err
	}
	if err := authorize(ctx, p, owner, backend, programID); err != nil {
		return err
	}
	r, err := applied(ctx, owner, programID)
	if err != nil {
		return err
	}
	if err := backend.Approve(mini, r.Version.String()); err != nil {
		return err
	}
	if r, err = owner.Releases.WaitReviewed(ctx, r.ID, alipayplus.ReleaseWait{}); err != nil {
		return err
	}
	if r, err = owner.Releases.StartGrayscale(ctx, r.GrayscaleTo(10)); err != nil {
		return err
	}
	for _, ratio := range []alipayplus.Ratio{30, 50, 100} {
		if r, err = owner.Releases.Raise(ctx, r.GrayscaleTo(ratio)); err != nil {
			return err
		}
	}
	if r.Status != alipayplus.ReleaseFull || backend.Status(mini, r.Version.String()) != alipaycn.StatusRelease {
		return fmt.Errorf("the release is %s here and %s at AlipayCN", r.Status, backend.Status(mini, r.Version.String()))
	}
	return nil
}

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

// newPlatform makes a platform over AlipayCN with one member and a mini program.
func newPlatform(ctx context.Context, client *alipaycn.Client) (p *platform.Platform, owner *alipayplus.Client, programID string, err error) {
	store := storage.NewMemory()
	app, err := alipaycnapp.New(store, client, alipaycnapp.WithEncryptionKey(bytes.Repeat([]byte("k"), 32)))
	if err != nil {
		return nil, nil, "", err
	}
	approve := func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }
	p, err = platform.New(platform.WithStore(store), platform.WithTargetBackends(app), platform.WithPublicURL(publicURL), platform.WithAutoReview(approve))
	if err != nil {
		return nil, nil, "", err
	}
	if owner, err = p.AddOwner(ctx, company(), "owner"); err != nil {
		return nil, nil, "", err
	}
	program, err := owner.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}})
	if err != nil {
		return nil, nil, "", err
	}
	return p, owner, program.ID, nil
}

// authorize comes back from AlipayCN's page.
func authorize(ctx context.Context, p *platform.Platform, owner *alipayplus.Client, backend *alipaycntest.Gateway, programID string) error {
	begun, err := owner.Authorizations.Begin(ctx, alipayplus.BeginAuthorizationInput{ProgramID: programID, TargetApp: alipayplus.TargetAlipayCN})
	if err != nil {
		return err
	}
	return backend.Confirm(ctx, p.HTTPClient(), begun.URL, mini)
}

// applied is a release whose version is built from the template, and applied for with a logo.
func applied(ctx context.Context, owner *alipayplus.Client, programID string) (*alipayplus.Release, error) {
	version := alipayplus.VersionNumber{Major: 1}
	var build, picture bytes.Buffer
	z := zip.NewWriter(&build)
	_, err := z.Create("app.json")
	if err := cmp.Or(err, z.Close(), png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 180, 180)))); err != nil {
		return nil, err
	}
	if _, err := owner.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
		ProgramID: programID, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	}); err != nil {
		return nil, err
	}
	logo, err := owner.Files.Upload(ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(picture.Bytes()), Size: int64(picture.Len())})
	if err != nil {
		return nil, err
	}
	r, err := owner.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: programID, Version: version, TargetApp: alipayplus.TargetAlipayCN})
	if err != nil {
		return nil, err
	}
	if _, err := owner.Releases.UpdateConfiguration(ctx, alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID, Configuration: alipayplus.Configuration{
		AlipayCN: &alipayplus.AlipayCNApplication{
			Description: "The first version: order tea from the lake, and have it brought to your door.",
			Name:        "蓝湖茶", EnglishName: "BlueLakeTea", Slogan: "湖畔好茶送到家门口", Introduction: "蓝湖茶把湖畔的好茶送到你的家门口，随时下单。",
			Categories: []string{"XS1001_XS2001_XS3002"}, ServicePhone: "13110101010", RegionType: "CHINA", LogoFileID: logo.ID,
			Template: &alipayplus.AlipayCNTemplate{ID: template, Ext: `{"extEnable":true}`},
		},
	}}); err != nil {
		return nil, err
	}
	return owner.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())})
}

// orders works on what the merchant orders in AlipayCN's service market, and on an order that it makes for the merchant.
func orders(ctx context.Context, backend *alipaycntest.Gateway, client *alipaycn.Client) error {
	token, err1 := backend.Authorize(isv, mini)
	accepted, err2 := backend.PlaceOrder(isv, mini)
	rejected, err3 := backend.PlaceOrder(isv, mini)
	if err := cmp.Or(err1, err2, err3); err != nil {
		return err
	}
	item := alipaycn.OrderItemInput{OrderID: accepted, MiniAppID: mini}
	for _, step := range []func() error{
		func() error { return client.Orders.Accept(ctx, alipaycn.OrderInput{OrderID: accepted}) },
		func() error { return client.Orders.CompleteItem(ctx, item) },
		func() error { return client.For(token.AppAuthToken).Orders.ConfirmItem(ctx, item) },
		func() error {
			return client.Orders.Reject(ctx, alipaycn.RejectOrderInput{OrderID: rejected, Reason: "没有时间"})
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 180, 180))); err != nil {
		return err
	}
	order, err := client.Orders.Get(ctx, alipaycn.GetOrderInput{OrderID: accepted, Page: 1})
	if err != nil {
		return err
	}
	made, err := client.Orders.Create(ctx, alipaycn.CreateOrderInput{
		ServiceID: "AM01", MerchantPID: order.Items[0].MerchantPID, AppName: "绿湖茶", AppEnglishName: "GreenLakeTea",
		AppLogo: &alipaycn.File{Name: "logo.png", Content: bytes.NewReader(picture.Bytes()), Size: int64(picture.Len())},
	})
	if err != nil {
		return err
	}
	if err := client.Orders.CancelItem(ctx, alipaycn.CancelOrderItemInput{OrderID: made.OrderID}); err != nil {
		return err
	}
	if order.Items[0].Status != alipaycn.OrderItemConfirmed || backend.Effects(isv)["orders.cancelItem"] != 1 {
		return fmt.Errorf("the item is in %s, and AlipayCN was asked for %v", order.Items[0].Status, backend.Effects(isv))
	}
	return nil
}

// strangers shows that signatures are checked at all: a request that another key signed is refused by the SDK, and an
// answer that another key signed by the platform's client.
func strangers(ctx context.Context, address string, signer *rsa.PrivateKey, gatewayKey []byte) error {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(other.Public())
	if err != nil {
		return err
	}
	query := func(opts ...alipaycn.Option) error {
		client, err := alipaycn.New(append(opts, alipaycn.WithAppID(isv), alipaycn.WithEndpoint(address))...)
		if err != nil {
			return err
		}
		_, err = client.Authorization.Query(ctx, "none")
		return err
	}
	err = query(alipaycn.WithSigner(other), alipaycn.WithAlipayPublicKey(gatewayKey))
	if !errors.Is(err, alipayplus.ErrUnauthenticated) {
		return fmt.Errorf("a request of a stranger should be refused: %w", err)
	}
	err = query(alipaycn.WithSigner(signer), alipaycn.WithAlipayPublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	if e, is := errors.AsType[*alipaycn.Error](err); !is || e.Code != "" {
		return fmt.Errorf("an answer of a stranger should not be trusted: %w", err)
	}
	return nil
}
