package sim

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
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
	w.gateway, w.alipaycn.handler = g, g
	w.network.hosts[cnHost] = func(uint64) *server { return w.alipaycn }
}

// versionAtCN is a version of a mini program at AlipayCN.
type versionAtCN struct {
	app    string
	number string
	// platform says that it is released by a platform.
	platform bool
}

// addMiniProgram adds a mini program with versions to AlipayCN.
func (w *world) addMiniProgram(platform bool, versions int) (app string) {
	app = fmt.Sprintf("20210000000%05d", 10+len(w.versions))
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
	c, err := alipaycn.New(
		alipaycn.WithAppID(app), alipaycn.WithSigner(w.keys.client), alipaycn.WithAlipayPublicKey(w.gateway.AlipayPublicKey()),
		alipaycn.WithHTTPClient(by),
	)
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
	app := w.addMiniProgram(false, 1)
	token, err := w.gateway.Authorize(thirdParty, app)
	w.ok(err)
	w.secrets = append(w.secrets, token.AppAuthToken)
	w.rules.alipaycn.apps[token.AppAuthToken] = app
	application := applicationAtCN(w.name())
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

// decided is what people did at AlipayCN's console.
type decided struct {
	app, version, what string
}

// watchConsole is the people at AlipayCN: those who review, and those of the mini programs, who interfere while there is
// trouble.
func (w *world) watchConsole(random *rand.Rand) {
	for w.sleep(time.Duration(random.ExpFloat64() * float64(2*time.Hour))) {
		if _, err := w.scheduler.pass(w.ctx, w.alipaycn.process, decision, ""); err != nil {
			return
		}
		for _, v := range w.versions {
			what, err := w.atConsole(v, random)
			if what == "" {
				continue
			}
			w.history.add("console", what+" "+v.app+" "+v.number, errorOf(err), &decided{v.app, v.number, what})
			if v.platform && random.IntN(2) == 0 {
				w.notify(v, what)
			}
		}
	}
}

// atConsole does what somebody does about a version now; nothing mostly.
func (w *world) atConsole(v versionAtCN, random *rand.Rand) (what string, err error) {
	status := w.gateway.Status(v.app, v.number)
	interferes := !w.faults.over() && random.IntN(w.meddling) == 0
	number, err := alipayplus.ParseVersion(v.number)
	if err != nil {
		return "", err
	}
	own := w.cnClient(v.app, w.gateway.HTTPClient()).Versions
	in := alipaycn.VersionInput{Version: number}
	switch {
	case status == alipaycn.StatusAuditing && interferes:
		return "cancel audit", own.CancelAudit(w.ctx, alipaycn.CancelAuditInput{Version: number})
	case status == alipaycn.StatusAuditing && !w.faults.over() && random.IntN(4) == 0:
		return "reject", w.gateway.Reject(v.app, v.number, alipaycntest.Verdict{Reason: "the logo is blurred"})
	case status == alipaycn.StatusAuditing:
		return "approve", w.gateway.Approve(v.app, v.number)
	case status == alipaycn.StatusGray && (interferes && random.IntN(3) == 0 || w.faults.over() && w.unknown(v)):
		return "cancel gray", own.CancelGray(w.ctx, in)
	case status == alipaycn.StatusGray && interferes && random.IntN(2) == 0:
		return "publish", own.Publish(w.ctx, alipaycn.PublishInput{Version: number})
	case status == alipaycn.StatusWaitRelease && interferes && random.IntN(3) == 0:
		return "publish", own.Publish(w.ctx, alipaycn.PublishInput{Version: number})
	case status == alipaycn.StatusWaitRelease && interferes:
		return "gray 10", own.StartGray(w.ctx, alipaycn.GrayInput{Version: number, Strategy: "p10"})
	case status == alipaycn.StatusRelease && interferes:
		return "offline", own.TakeOffline(w.ctx, in)
	default:
		return "", nil
	}
}

// unknown says that a platform has another opinion about a version that is in grayscale: somebody has begun that here.
func (w *world) unknown(v versionAtCN) bool {
	id := w.rules.alipaycn.releaseOf(v.app, v.number)
	return v.platform && (id == "" || w.rules.platform.releases[id].Status == created)
}

// notify sends AlipayCN's message about a review to the platforms.
func (w *world) notify(v versionAtCN, what string) {
	about := alipaycn.AuditedVersion{MiniAppID: v.app, Version: alipaycn.Version(v.number), BundleID: alipaycn.BundleAlipay}
	info := alipaycn.NotificationInfo{AppID: thirdParty}
	var message alipaycn.Notification
	switch what {
	case "approve":
		message = &alipaycn.AuditPassed{NotificationInfo: info, AuditedVersion: about}
	case "reject":
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
	l.rules.alipaycn.learn(content)
	resp.Body = io.NopCloser(bytes.NewReader(content))
	return resp, err
}

// direct is an HTTP client that reaches AlipayCN at once.
func (w *world) direct() *http.Client {
	return &http.Client{Transport: learning{w.gateway.HTTPClient().Transport, w.rules}}
}
