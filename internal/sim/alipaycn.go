package sim

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/alipaycntarget"
)

const (
	cnHost = "openapi.alipay.com"
	// thirdParty is the app that the platforms, and jobs without a platform, call AlipayCN as.
	thirdParty = "2021000000000001"
)

// startAlipayCN makes AlipayCN, where everything is reliable but the way there.
func (w *world) startAlipayCN() {
	w.alipaycn = &server{process: newProcess(w.ctx, "AlipayCN", true), signature: cnwire.HeaderSignature}
	g, err := alipaycntest.New(alipaycntest.WithKey(w.keys.server), alipaycntest.WithNotificationClient(w.network.client(w.alipaycn.process)))
	w.ok(err)
	w.ok(g.AddApp(alipaycntest.App{ID: thirdParty, PublicKey: w.keys.clientPEM, ThirdParty: true}))
	w.gateway, w.alipaycn.handler = g, careless{g, w, w.source(5004)}
	w.network.hosts[cnHost] = func(uint64) *server { return w.alipaycn }
}

// careless is AlipayCN, which refuses some calls for reasons of its own and repeats what was sent: also a token.
type careless struct {
	http.Handler

	w      *world
	random *rand.Rand
}

// ServeHTTP implements [http.Handler].
func (c careless) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	const seldom = 80
	token := r.Header.Get("Alipay-App-Auth-Token")
	if token == "" || c.w.faults.over() || c.random.IntN(seldom) > 0 {
		c.Handler.ServeHTTP(rw, r)
		return
	}
	code := []string{"SYSTEM_ERROR", "TOKEN_CHECK_ABNORMAL"}[c.random.IntN(2)]
	body := fmt.Appendf(nil, `{"code":%q,"message":"app_auth_token %s cannot be checked now"}`, code, token)
	at, nonce := strconv.FormatInt(time.Now().UnixMilli(), 10), crand.Text()
	signature, err := cnwire.SignResponse(c.w.keys.server, at, nonce, body)
	c.w.ok(err)
	rw.Header().Set("Content-Type", "application/json;charset=UTF-8")
	rw.Header().Set("Alipay-Trace-Id", nonce)
	rw.Header().Set(cnwire.HeaderTimestamp, at)
	rw.Header().Set(cnwire.HeaderNonce, nonce)
	rw.Header().Set(cnwire.HeaderSignature, signature)
	rw.WriteHeader(http.StatusBadRequest)
	_, _ = rw.Write(body)
}

// versionAtCN is a version of a mini program at AlipayCN.
type versionAtCN struct {
	app    string
	number string
	// platform says that it is released by a platform.
	platform bool
}

// addMiniProgram adds a mini program with versions to AlipayCN.
func (w *world) addMiniProgram(platform bool, name string, versions int) (app string) {
	app = fmt.Sprintf("20210000000%05d", 10+len(w.versions))
	w.names[app] = name
	w.ok(w.gateway.AddApp(alipaycntest.App{ID: app, PublicKey: w.keys.clientPEM}))
	for n := range versions {
		number := fmt.Sprintf("%d.0.0", n+1)
		w.ok(w.gateway.AddVersion(app, number))
		w.versions = append(w.versions, versionAtCN{app, number, platform})
	}
	return app
}

// cnClient calls AlipayCN as an app.
func (w *world) cnClient(app string, by *http.Client) *alipaycn.Client {
	opts := []alipaycn.Option{
		alipaycn.WithAppID(app), alipaycn.WithSigner(w.keys.client), alipaycn.WithAlipayPublicKey(w.gateway.AlipayPublicKey()),
		alipaycn.WithHTTPClient(by),
	}
	if way, is := by.Transport.(wire); is {
		opts = append(opts, w.callingAlipayCN(way.from)...)
	}
	c, err := alipaycn.New(opts...)
	w.ok(err)
	return c
}

// targetBehind is AlipayCN behind a platform that calls it by an HTTP client.
func (w *world) targetBehind(store storage.Store, by *http.Client) *alipaycnapp.App {
	app, err := alipaycnapp.New(store, w.cnClient(thirdParty, by), alipaycnapp.WithEncryptionKey(bytes.Repeat([]byte{7}, 32)))
	w.ok(err)
	return app
}

// addDirectDeployment adds a version that goes to AlipayCN without a platform.
func (w *world) addDirectDeployment() {
	name := w.name()
	app := w.addMiniProgram(false, name, 1)
	token, err := w.gateway.Authorize(thirdParty, app)
	w.ok(err)
	w.rules.tokens.learn(token.AppAuthToken, token.AppRefreshToken, app)
	application := applicationAtCN(name)
	w.deployments = append(w.deployments, &deployment{
		name: w.nextRollout(), app: app, ladder: []alipayplus.Ratio{10, 30, 50}, direct: true,
		target: func(p *process) rollout.Target {
			return alipaycntarget.New(w.cnClient(thirdParty, w.network.client(p)).For(token.AppAuthToken), app, alipayplus.VersionNumber{Major: 1},
				alipaycntarget.WithApplication(application))
		},
	})
}

// applicationAtCN is what a job applies with.
func applicationAtCN(name string) func(context.Context) (alipaycn.ApplyInput, error) {
	return func(context.Context) (alipaycn.ApplyInput, error) {
		return alipaycn.ApplyInput{
			Description: "Order ahead and skip the queue.", AppName: name, AppEnglishName: name, AppSlogan: "Tea from the blue lake",
			AppDescription: "Order tea from the blue lake, and drink it there.", Categories: alipaycn.CategoryIDs{"XS1001_XS2001_XS3002"},
			ServicePhone: "13110101010", RegionType: alipaycn.RegionChina,
			AppLogo: pictureFile("logo.png", 180, 180), ScreenShots: []alipaycn.File{*pictureFile("menu.png", 108, 192)},
		}, nil
	}
}

func pictureFile(name string, width, height int) *alipaycn.File {
	content := picture(width, height)
	return &alipaycn.File{Name: name, Content: bytes.NewReader(content), Size: int64(len(content))}
}

func picture(width, height int) []byte {
	var out bytes.Buffer
	_ = png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height)))
	return out.Bytes()
}

// notify sends AlipayCN's message about a review to the platforms.
func (w *world) notify(v versionAtCN, what string) {
	about := alipaycn.AuditedVersion{MiniAppID: v.app, Version: alipaycn.Version(v.number), BundleID: alipaycn.BundleAlipay}
	info := alipaycn.NotificationInfo{AppID: thirdParty}
	var message alipaycn.Notification
	switch what {
	case approves:
		message = &alipaycn.AuditPassed{NotificationInfo: info, AuditedVersion: about}
	case rejects:
		message = &alipaycn.AuditRejected{NotificationInfo: info, AuditedVersion: about}
	default:
		return
	}
	err := w.gateway.SendNotification(w.ctx, "https://"+platformHost+alipaycnapp.NotifyPath, message)
	w.history.add("AlipayCN", "message about "+v.app, failed(err), nil)
}

// failed says only whether.
func failed(err error) string {
	if err != nil {
		return "failed"
	}
	return "done"
}

// learning is the way to AlipayCN before anything goes wrong: it shows the rules whose tokens are whose.
type learning struct {
	http.RoundTripper

	rules *rules
}

// RoundTrip implements [http.RoundTripper].
func (l learning) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	content, err := readAll(resp.Body)
	if app, _ := l.rules.tokens.read(content); app != "" {
		l.rules.tokens.given[app] = time.Now()
	}
	resp.Body = io.NopCloser(bytes.NewReader(content))
	return resp, err
}

// direct is an HTTP client that reaches AlipayCN at once.
func (w *world) direct() *http.Client {
	return &http.Client{Transport: learning{w.gateway.HTTPClient().Transport, w.rules}}
}
