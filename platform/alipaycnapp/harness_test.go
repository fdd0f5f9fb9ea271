package alipaycnapp_test

import (
	"archive/zip"
	"bytes"
	"context"
	"image"
	"image/png"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

const (
	isv      = "2021000000000001"
	mini     = "2021000000000002"
	other    = "2021000000000003"
	template = "2021000000000004"
	address  = "https://gateway.example"
)

// fixture is AlipayCN's gateway and a platform over it, with a mini program that is there too.
type fixture struct {
	testing.TB
	g         *alipaycntest.Gateway
	store     *storage.Memory
	app       *alipaycnapp.App
	p         *platform.Platform
	workspace string
	owner     *alipayplus.Client
	program   string
	log       bytes.Buffer // of the platform that again has started
	down      atomic.Bool  // nothing comes through to AlipayCN from that platform
}

// given runs a test in virtual time. Alipay+ approves at once; AlipayCN decides in the test.
func given(t *testing.T, test func(w *fixture), opts ...alipaycntest.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newFixture(t, opts...)) })
}

// newFixture is what given gives.
func newFixture(t testing.TB, opts ...alipaycntest.Option) *fixture {
	t.Helper()
	g, err := alipaycntest.New(append(opts, alipaycntest.WithKey(testkey.FastKey()))...)
	require.NoError(t, err)
	require.NoError(t, g.AddApp(alipaycntest.App{ID: isv, PublicKey: testkey.FastClient().PublicPEM(), ThirdParty: true}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: mini, PublicKey: testkey.FastClient().PublicPEM()}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: other}))
	require.NoError(t, g.AddTemplate(isv, template, "1.0.0"))
	w := &fixture{TB: t, g: g, store: storage.NewMemory()}
	w.start(key(1), platform.WithAutoReview(approvedAtOnce))
	w.workspace, err = w.p.AddWorkspace(t.Context(), company())
	require.NoError(t, err)
	require.NoError(t, w.p.PutMember(t.Context(), platform.Member{WorkspaceID: w.workspace, Name: "olga", Role: alipayplus.RoleOwner}))
	w.owner, err = w.p.Client(t.Context(), w.workspace, "olga", alipayplus.WithRetry(1, 0, 0))
	require.NoError(t, err)
	w.program = w.newProgram("蓝湖茶")
	return w
}

func key(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

// start makes a platform over the store.
func (w *fixture) start(key []byte, opts ...platform.Option) {
	w.Helper()
	w.app = w.newApp(key)
	var err error
	w.p, err = platform.New(append([]platform.Option{
		platform.WithSigner(testkey.FastKey()), platform.WithStore(w.store), platform.WithPublicURL(address), platform.WithTargetBackends(w.app),
	}, opts...)...)
	require.NoError(w, err)
}

func (w *fixture) newApp(key []byte, opts ...alipaycnapp.Option) *alipaycnapp.App {
	w.Helper()
	app, err := alipaycnapp.New(w.store, w.client(isv), append(opts, alipaycnapp.WithEncryptionKey(key))...)
	require.NoError(w, err)
	return app
}

// client calls AlipayCN once, without repetitions that take time.
func (w *fixture) client(app string) *alipaycn.Client {
	w.Helper()
	c, err := alipaycn.New(
		alipaycn.WithAppID(app), alipaycn.WithSigner(testkey.FastClient()), alipaycn.WithAlipayPublicKey(w.g.AlipayPublicKey()),
		alipaycn.WithHTTPClient(w.g.HTTPClient()), alipaycn.WithRetry(1, time.Millisecond, time.Millisecond),
	)
	require.NoError(w, err)
	return c
}

// console is the mini program's own people at AlipayCN.
func (w *fixture) console() *alipaycn.Client { return w.client(mini) }

func (w *fixture) newProgram(name string) string {
	w.Helper()
	p, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: name}}})
	require.NoError(w, err)
	return p.ID
}

// authorize visits AlipayCN's page and chooses a mini program there.
func (w *fixture) authorize(program, chosen string, methods ...string) (status int, page string) {
	w.Helper()
	a, err := w.owner.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(w, err)
	require.True(w, strings.HasPrefix(a.URL, "https://b.alipay.com/page/message/tasksDetail?bizData="), a.URL)
	require.True(w, strings.HasPrefix(a.PhoneURL, "alipays://platformapi/startapp?"), a.PhoneURL)
	require.Contains(w, a.PhoneURL, a.State)
	code, err := w.g.AuthorizationCode(isv, chosen, methods...)
	require.NoError(w, err)
	return w.callback(url.Values{"app_id": {isv}, "app_auth_code": {code}, "state": {a.State}, "source": {"alipay_app_auth"}})
}

func (w *fixture) callback(query url.Values) (status int, page string) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, address+platform.CallbackPath+"?"+query.Encode(), nil)
	require.NoError(w, err)
	resp, err := w.p.HTTPClient().Do(req)
	require.NoError(w, err)
	defer func() { require.NoError(w, resp.Body.Close()) }()
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	require.NoError(w, err)
	return resp.StatusCode, body.String()
}

func (w *fixture) authorization(program string) *alipayplus.Authorization {
	w.Helper()
	a, err := w.owner.Authorizations.Get(w.Context(), alipayplus.AuthorizationInput{ProgramID: program, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(w, err)
	return a
}

// square is a picture that nobody changes: it is made once.
var square = sync.OnceValue(func() []byte {
	var buf bytes.Buffer
	_ = png.Encode(&buf, image.NewGray(image.Rect(0, 0, 180, 180))) // a buffer takes all
	return buf.Bytes()
})

func logo(t testing.TB) *alipaycn.File {
	t.Helper()
	picture := square()
	return &alipaycn.File{Name: "logo.png", Content: bytes.NewReader(picture), Size: int64(len(picture))}
}

// application is a complete one.
func (w *fixture) application() *alipayplus.AlipayCNApplication {
	w.Helper()
	picture := square()
	logo, err := w.owner.Files.Upload(w.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(picture), Size: int64(len(picture))})
	require.NoError(w, err)
	return &alipayplus.AlipayCNApplication{
		Description: "The first version: order tea from the lake, and have it brought to your door.",
		Name:        "蓝湖茶", EnglishName: "BlueLakeTea", Slogan: "湖畔好茶送到家门口", Introduction: "蓝湖茶把湖畔的好茶送到你的家门口，随时下单。",
		Categories: []string{"XS1001_XS2001_XS3002"}, ServicePhone: "13110101010", RegionType: "CHINA", LogoFileID: logo.ID, TwoStageReview: true,
	}
}

// upload uploads a version here.
func (w *fixture) upload(number string) alipayplus.VersionNumber {
	w.Helper()
	version, err := alipayplus.ParseVersion(number)
	require.NoError(w, err)
	var build bytes.Buffer
	z := zip.NewWriter(&build)
	_, err = z.Create(number)
	require.NoError(w, err)
	require.NoError(w, z.Close())
	_, err = w.owner.Programs.UploadVersion(w.Context(), alipayplus.UploadVersionInput{
		ProgramID: w.program, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	require.NoError(w, err)
	return version
}

// created makes the release of a version that is uploaded here.
func (w *fixture) created(number string, application *alipayplus.AlipayCNApplication) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: w.program, Version: w.upload(number), TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(w, err)
	return w.configure(r, application)
}

func (w *fixture) configure(r *alipayplus.Release, application *alipayplus.AlipayCNApplication) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.UpdateConfiguration(w.Context(), alipayplus.UpdateReleaseConfigurationInput{
		ReleaseID: r.ID, Configuration: alipayplus.Configuration{AlipayCN: application},
	})
	require.NoError(w, err)
	return r
}

func (w *fixture) apply(r *alipayplus.Release) (*alipayplus.Release, error) {
	w.Helper()
	c := company()
	return w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &c})
}

// applied is an authorized mini program whose version 1.0.0 is under review.
func (w *fixture) applied() *alipayplus.Release {
	w.Helper()
	status, page := w.authorize(w.program, mini)
	require.Equal(w, http.StatusOK, status, page)
	require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
	r, err := w.apply(w.created("1.0.0", w.application()))
	require.NoError(w, err)
	require.Equal(w, alipaycn.StatusAuditing, w.g.Status(mini, "1.0.0"))
	return r
}

// prepared is approved by both.
func (w *fixture) prepared() *alipayplus.Release {
	w.Helper()
	r := w.applied()
	require.NoError(w, w.g.Approve(mini, "1.0.0"))
	r = w.later(r)
	require.Equal(w, alipayplus.ReleasePreparation, r.Status)
	return r
}

// full is released to all users.
func (w *fixture) full(number string) *alipayplus.Release {
	w.Helper()
	if w.authorization(w.program).Status != alipayplus.AuthorizationGranted {
		w.authorize(w.program, mini)
	}
	require.NoError(w, w.g.AddVersion(mini, number))
	r, err := w.apply(w.created(number, w.application()))
	require.NoError(w, err)
	require.NoError(w, w.g.Approve(mini, number))
	r = w.later(r)
	r, err = w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
	require.NoError(w, err)
	return r
}

// as is a member's client, who calls once.
func (w *fixture) as(member string) *alipayplus.Client {
	w.Helper()
	c, err := w.p.Client(w.Context(), w.workspace, member, alipayplus.WithRetry(1, 0, 0))
	require.NoError(w, err)
	return c
}

// waiting are the requests that wait for a verdict.
func (w *fixture) waiting() []*platform.PendingReview {
	w.Helper()
	waiting, err := w.p.Reviews(w.Context())
	require.NoError(w, err)
	return waiting
}

func (w *fixture) rejectForAlipayPlus() {
	w.Helper()
	for _, review := range w.waiting() {
		require.NoError(w, review.Reject(w.Context(), alipayplus.PartyAlipayPlus, "no privacy policy"))
	}
}

// later reads a release when it is observed again.
func (w *fixture) later(r *alipayplus.Release) *alipayplus.Release {
	w.Helper()
	time.Sleep(time.Minute)
	r, err := w.owner.Releases.Get(w.Context(), r.ID)
	require.NoError(w, err)
	return r
}

func (w *fixture) version() alipaycn.VersionInput {
	return alipaycn.VersionInput{Version: alipayplus.VersionNumber{Major: 1}}
}

func (w *fixture) lastAudit() platform.AuditEntry {
	w.Helper()
	var last platform.AuditEntry
	for e, err := range w.p.Audit(context.WithoutCancel(w.Context()), w.workspace) {
		require.NoError(w, err)
		last = e
	}
	return last
}
