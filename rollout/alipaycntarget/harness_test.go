package alipaycntarget_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/alipaycntarget"
	"github.com/stretchr/testify/require"
)

const (
	isv  = "2021000000000001"
	mini = "2021000000000002"
	// version is the one that is released.
	version = "1.2.0"
	// attempts is how often the client sends a call.
	attempts = 2
)

// harness is AlipayCN with a third-party app that acts for a mini program, which has one
// version in development.
type harness struct {
	*testing.T
	g      *alipaycntest.Gateway
	wire   *wire
	tokens alipaycn.TokenStore
	// client is the third-party app; console is the mini program's own people.
	client  *alipaycn.Client
	console *alipaycn.Client
	// applications counts how often an application was made up.
	applications int
	events       []rollout.Event
	store        rollout.Store
}

// given runs a test in virtual time.
func given(t *testing.T, test func(t *testing.T, w *harness), opts ...alipaycntest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newHarness(t, opts...)) })
}

func newHarness(t *testing.T, opts ...alipaycntest.Option) *harness {
	t.Helper()
	g, err := alipaycntest.New(append([]alipaycntest.Option{alipaycntest.WithKey(testkey.FastKey())}, opts...)...)
	require.NoError(t, err)
	require.NoError(t, g.AddApp(alipaycntest.App{ID: isv, PublicKey: testkey.FastClient().PublicPEM(), ThirdParty: true}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: mini, PublicKey: testkey.FastClient().PublicPEM()}))
	require.NoError(t, g.AddVersion(mini, version))
	w := &harness{T: t, g: g, tokens: alipaycn.NewMemoryTokenStore(), store: rollout.NewMemoryStore()}
	w.wire = &wire{to: g.HTTPClient().Transport}
	w.client, w.console = w.newClient(isv), w.newClient(mini)
	w.grant()
	return w
}

func (w *harness) newClient(app string) *alipaycn.Client {
	w.Helper()
	c, err := alipaycn.New(
		alipaycn.WithAppID(app), alipaycn.WithSigner(testkey.FastClient()), alipaycn.WithAlipayPublicKey(w.g.AlipayPublicKey()),
		alipaycn.WithHTTPClient(&http.Client{Transport: w.wire}), alipaycn.WithRetry(attempts, time.Second, time.Minute),
	)
	require.NoError(w, err)
	return c
}

// grant lets the merchant authorize the third-party app.
func (w *harness) grant() {
	w.Helper()
	token, err := w.g.Authorize(isv, mini)
	require.NoError(w, err)
	require.NoError(w, w.tokens.Put(w.Context(), token))
}

// wire is the way to AlipayCN. Each call takes a second of it.
type wire struct {
	to http.RoundTripper

	mu sync.Mutex
	// drop is the path after whose nth call the way is broken until then; empty: none.
	drop   string
	nth    int
	broken time.Time
	// ahead is done right before the next call to a path; nil: nothing.
	ahead     func()
	aheadPath string
	calls     int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(time.Second)
	w.mu.Lock()
	w.calls++
	broken := time.Now().Before(w.broken)
	if w.drop != "" && strings.HasSuffix(r.URL.Path, w.drop) {
		w.nth--
	}
	dropped := w.drop != "" && w.nth == 0
	if dropped {
		const outage = 10 * time.Minute
		w.drop, w.broken = "", time.Now().Add(outage)
	}
	var ahead func()
	if w.ahead != nil && strings.HasSuffix(r.URL.Path, w.aheadPath) {
		ahead, w.ahead = w.ahead, nil
	}
	w.mu.Unlock()
	if ahead != nil {
		ahead()
	}
	if broken {
		return nil, errors.New("the network is down")
	}
	resp, err := w.to.RoundTrip(r)
	if dropped && err == nil {
		_ = resp.Body.Close()
		return nil, errors.New("the network went down")
	}
	return resp, err
}

// dropAfter breaks the way for ten minutes after the nth call to a path had its effect.
func (w *wire) dropAfter(path string, nth int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop, w.nth = path, nth
}

// before does something right before the next call to a path arrives.
func (w *wire) before(path string, do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead, w.aheadPath = do, path
}

// always is an AlipayCN that answers the same to every call, well signed.
type always string

func (body always) RoundTrip(r *http.Request) (*http.Response, error) {
	at := strconv.FormatInt(time.Now().UnixMilli(), 10)
	signature, err := cnwire.SignResponse(testkey.FastKey(), at, "nonce", []byte(body))
	if err != nil {
		return nil, err
	}
	h := http.Header{}
	h.Set(cnwire.HeaderSignature, signature)
	h.Set(cnwire.HeaderTimestamp, at)
	h.Set(cnwire.HeaderNonce, "nonce")
	return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(strings.NewReader(string(body))), Request: r}, nil
}

func parse(text string) alipayplus.VersionNumber {
	n, err := alipayplus.ParseVersion(text)
	if err != nil {
		panic(err)
	}
	return n
}

// application is what to apply with the first time.
func (w *harness) application(context.Context) (alipaycn.ApplyInput, error) {
	w.applications++
	return alipaycn.ApplyInput{
		Description: fmt.Sprintf("Order ahead and skip the queue. Application %d.", w.applications),
		AppName:     "BlueLakeTea", AppEnglishName: "BlueLakeTea", AppSlogan: "Tea from the blue lake",
		AppDescription: "Order tea from the blue lake, and drink it there.", Categories: alipaycn.CategoryIDs{"XS1001_XS2001_XS3002"},
		ServicePhone: "13110101010", RegionType: alipaycn.RegionChina,
		AppLogo: picture("logo.png", 180, 180), ScreenShots: []alipaycn.File{*picture("menu.png", 108, 192)},
	}, nil
}

func picture(name string, width, height int) *alipaycn.File {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		panic(err)
	}
	return &alipaycn.File{Name: name, Content: bytes.NewReader(out.Bytes()), Size: int64(out.Len())}
}

// change is one of its own each time.
func change() rollout.Change { return rollout.Change{RequestID: time.Now().String()} }

// with changes a good application.
func with(change func(*alipaycn.ApplyInput) error) alipaycntarget.Option {
	return alipaycntarget.WithApplication(func(ctx context.Context) (alipaycn.ApplyInput, error) {
		in, err := new(harness).application(ctx)
		return in, errors.Join(err, change(&in))
	})
}

// target is the version.
func (w *harness) target(opts ...alipaycntarget.Option) *alipaycntarget.Target {
	return alipaycntarget.New(w.client, mini, parse(version), append([]alipaycntarget.Option{
		alipaycntarget.WithApplication(w.application), alipaycntarget.WithTokens(w.tokens),
	}, opts...)...)
}

// watching is the whole ladder, each ratio watched that long.
func watching(bake time.Duration) rollout.Spec {
	spec := rollout.Spec{Version: rollout.SpecVersion}
	for _, ratio := range []alipayplus.Ratio{10, 30, 50} {
		spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: ratio, Bake: rollout.Duration(bake)})
	}
	spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: alipayplus.FullRatio})
	return spec
}

// atOnce watches nothing.
func atOnce() rollout.Spec { return watching(0) }

// watchingAt watches one ratio, for an hour: each reading costs signatures.
func watchingAt(ratio alipayplus.Ratio) rollout.Spec {
	spec := atOnce()
	for i := range spec.Steps {
		if spec.Steps[i].Ratio == ratio {
			spec.Steps[i].Bake = rollout.Duration(time.Hour)
		}
	}
	return spec
}

// runner is a new process over the same store.
func (w *harness) runner(spec rollout.Spec, opts ...rollout.Option) *rollout.Runner {
	w.Helper()
	r, err := rollout.New(w.target(), spec, w.store, append([]rollout.Option{
		rollout.WithName("tea"), rollout.WithHost("here"), rollout.WithInterval(20 * time.Minute),
		rollout.WithSink(func(_ context.Context, e rollout.Event) error {
			w.events = append(w.events, e)
			return nil
		}),
	}, opts...)...)
	require.NoError(w, err)
	return r
}

// aClimb are the effects of a rollout in which nothing goes wrong.
func aClimb() map[string]int {
	return map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1}
}

func requireClimbed(w *harness, state *rollout.State, err error) {
	w.Helper()
	require.NoError(w, err)
	require.Equal(w, rollout.Done, state.Status)
	w.requireStatus(alipaycn.StatusRelease)
}

func ratios(state *rollout.State) []alipayplus.Ratio {
	var all []alipayplus.Ratio
	for _, c := range state.Changes {
		all = append(all, c.To)
	}
	return all
}

// eventTexts are the texts of the events of a kind.
func (w *harness) eventTexts(kind rollout.EventKind) []string {
	var all []string
	for _, e := range w.events {
		if e.Kind == kind {
			all = append(all, e.What)
		}
	}
	return all
}

// at does something while the test waits.
func (w *harness) at(after time.Duration, do func()) {
	time.AfterFunc(after, do)
}

// bring brings the version to a status, by other hands than the target's.
func (w *harness) bring(number string, status alipaycn.VersionStatus) {
	w.Helper()
	ctx := w.Context()
	this := alipaycn.VersionInput{Version: parse(number)}
	if status == alipaycn.StatusInit {
		return
	}
	in, err := w.application(ctx)
	require.NoError(w, err)
	in.Version = this.Version
	_, err = w.console.Versions.Apply(ctx, in)
	require.NoError(w, err)
	switch status {
	case alipaycn.StatusAuditing:
		return
	case alipaycn.StatusAuditReject:
		require.NoError(w, w.g.Reject(mini, number, alipaycntest.Verdict{Reason: "the icon is too small"}))
		return
	case alipaycn.StatusBaseAuditPass:
		require.NoError(w, w.g.ApproveAdmission(mini, number, true, alipaycntest.Verdict{Reason: "dull"}))
		return
	}
	require.NoError(w, w.g.Approve(mini, number))
	switch status {
	case alipaycn.StatusGray:
		w.gray(number, alipaycn.GrayP30)
	case alipaycn.StatusRelease, alipaycn.StatusOffline:
		require.NoError(w, w.console.Versions.Publish(ctx, alipaycn.PublishInput{Version: this.Version}))
		if status == alipaycn.StatusOffline {
			require.NoError(w, w.console.Versions.TakeOffline(ctx, this))
		}
	case alipaycn.StatusAuditOffline:
		require.NoError(w, w.g.TakeDown(mini, number))
	}
	require.Equal(w, status, w.g.Status(mini, number))
}

// gray sets a ratio in the console.
func (w *harness) gray(number string, to alipaycn.GrayStrategy) {
	w.Helper()
	require.NoError(w, w.console.Versions.RaiseGray(w.Context(), alipaycn.GrayInput{Version: parse(number), Strategy: to}))
}

func (w *harness) approve() { require.NoError(w, w.g.Approve(mini, version)) }

func (w *harness) reject(reason string) {
	require.NoError(w, w.g.Reject(mini, version, alipaycntest.Verdict{Reason: reason}))
}

func (w *harness) requireStatus(status alipaycn.VersionStatus) {
	w.Helper()
	require.Equal(w, status, w.g.Status(mini, version))
}

// swap makes room for a lower version: numbers only rise.
func (w *harness) swap(lower string) {
	w.Helper()
	require.NoError(w, w.console.Versions.Delete(w.Context(), alipaycn.VersionInput{Version: parse(version)}))
	require.NoError(w, w.g.AddVersion(mini, lower))
	require.NoError(w, w.g.AddVersion(mini, version))
}
