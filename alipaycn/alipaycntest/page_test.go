package alipaycntest_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const (
	merchant = "2088000000000001"
	callback = "https://isv.example/callback"
	second   = "2021000000000005" // a second mini program of the merchant
)

// browser visits the gateway's pages, and stops where a page leads elsewhere.
type browser struct {
	*testing.T
	http *http.Client
}

// page is what a browser shows, or where it was led.
type page struct {
	status int
	text   string
	back   *url.URL // where it was led outside of the gateway; nil: nowhere
}

func newBrowser(t *testing.T, g *alipaycntest.Gateway) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := g.HTTPClient()
	client.Jar = jar
	client.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &browser{t, client}
}

func (b *browser) open(link string) page {
	b.Helper()
	return b.do(http.MethodGet, link, nil)
}

// press presses a button of the page behind a link.
func (b *browser) press(link, step string, form url.Values) page {
	b.Helper()
	sent := url.Values{"step": {step}}
	maps.Copy(sent, form)
	return b.do(http.MethodPost, link, sent)
}

func (b *browser) do(method, link string, form url.Values) page {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, link, strings.NewReader(form.Encode()))
	require.NoError(b, err)
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := b.http.Do(req)
	require.NoError(b, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	out := page{status: resp.StatusCode, text: string(text)}
	if location := resp.Header.Get("Location"); location != "" {
		out.back, err = url.Parse(location)
		require.NoError(b, err)
	}
	return out
}

func links(t *testing.T, change func(*alipaycn.AuthorizationInput)) alipaycn.AuthorizationLinks {
	t.Helper()
	in := alipaycn.AuthorizationInput{ISVAppID: isv, RedirectURL: callback, State: "c3RhdGU+Pz8=", Endpoint: "http://gateway.invalid"}
	if change != nil {
		change(&in)
	}
	links, err := alipaycn.AuthorizationURL(in)
	require.NoError(t, err)
	return links
}

// withMerchant is a gateway where a merchant has two mini programs.
func withMerchant(t *testing.T) *alipaycntest.Gateway {
	t.Helper()
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()))
	require.NoError(t, err)
	for _, app := range []alipaycntest.App{
		{ID: isv, PublicKey: testkey.FastClient().PublicPEM(), ThirdParty: true, MerchantID: merchant, RedirectURL: callback},
		{ID: second, MerchantID: merchant},
		{ID: mini, MerchantID: merchant, BaseInfo: alipaycn.BaseInfo{AppName: "蓝湖<茶>"}},
		{ID: self, PublicKey: testkey.FastClient().PublicPEM(), MerchantID: "2088000000000002"},
	} {
		require.NoError(t, g.AddApp(app))
	}
	return g
}

// TestAMerchantAuthorizesOnThePage: on a PC and on a phone, to a token for the chosen mini program.
func TestAMerchantAuthorizesOnThePage(t *testing.T) {
	for name, link := range map[string]string{"on a PC": links(t, nil).PC, "on a phone": links(t, nil).Phone} {
		t.Run(name, func(t *testing.T) {
			g := withMerchant(t)
			b := newBrowser(t, g)
			require.Contains(t, b.open(link).text, "登录支付宝")
			shown := b.press(link, "login", url.Values{"account": {" " + merchant + " "}})
			require.Equal(t, http.StatusOK, shown.status)
			require.Contains(t, shown.text, "蓝湖&lt;茶&gt;")
			require.Less(t, strings.Index(shown.text, mini), strings.Index(shown.text, second), "by their ids")
			require.NotContains(t, shown.text, self, "another merchant's")
			require.Contains(t, b.open(link).text, "确认选择", "logged in from now on")

			shown = b.press(link, "select", url.Values{"program": {mini}})
			require.Contains(t, shown.text, "确认授权")
			require.Nil(t, shown.back)
			back := b.press(link, "confirm", url.Values{"program": {mini}}).back
			require.Equal(t, callback, back.Scheme+"://"+back.Host+back.Path)
			require.Equal(t, isv, back.Query().Get("app_id"))
			require.Equal(t, "c3RhdGU+Pz8=", back.Query().Get("state"))
			require.Len(t, back.Query(), 4, back)

			w := &harness{t: t, g: g}
			tokens := as[alipaycn.Tokens](t, w.ok(cnwire.AuthorizationToken, fields{"grant_type": "authorization_code", "code": back.Query().Get("app_auth_code")}))
			require.Equal(t, mini, tokens.AuthAppID)
			require.Equal(t, merchant, tokens.UserID)
			require.Len(t, g.Calls(), 1, "a page is no call")
		})
	}
}

func TestAMerchantDeclines(t *testing.T) {
	b := newBrowser(t, withMerchant(t))
	link := links(t, func(in *alipaycn.AuthorizationInput) { in.State = "" }).PC
	require.Nil(t, b.press(link, "decline", nil).back, "nobody is logged in")
	b.press(link, "login", url.Values{"account": {merchant}})
	back := b.press(link, "decline", nil).back
	require.Equal(t, callback+"?app_id="+isv+"&error=access_denied&source=alipay_app_auth", back.String())
	require.Contains(t, b.press(link, "logout", nil).text, "登录支付宝")
	require.Contains(t, b.open(link).text, "登录支付宝")
}

// TestNothingIsAuthorizedBy what is not the merchant's own confirmation.
func TestNothingIsAuthorizedBy(t *testing.T) {
	b := newBrowser(t, withMerchant(t))
	link := links(t, nil).PC
	wrong := b.press(link, "login", url.Values{"account": {"2088000000000009"}})
	require.Equal(t, http.StatusForbidden, wrong.status)
	require.Contains(t, wrong.text, "账号不存在")
	require.Equal(t, http.StatusForbidden, b.press(link, "login", nil).status)
	require.Contains(t, b.press(link, "confirm", url.Values{"program": {mini}}).text, "登录支付宝", "nobody is logged in")
	b.press(link, "login", url.Values{"account": {merchant}})
	for name, form := range map[string]url.Values{"nothing chosen": nil, "another merchant's": {"program": {self}}, "a third-party app": {"program": {isv}}} {
		for _, step := range []string{"select", "confirm"} {
			shown := b.press(link, step, form)
			require.Equal(t, http.StatusBadRequest, shown.status, name)
			require.Contains(t, shown.text, "请选择一个小程序", name)
			require.Nil(t, shown.back, name)
		}
	}
	require.Nil(t, b.open(link+"&step=confirm&program="+mini).back, "a GET confirms nothing")
	require.Nil(t, b.press(link, "", url.Values{"program": {mini}}).back)
}

func TestALinkThatThePageRefuses(t *testing.T) {
	b := newBrowser(t, withMerchant(t))
	changed := func(change func(*alipaycn.AuthorizationInput)) string { return links(t, change).PC }
	asked := func(change func(*cnwire.AgentOpParam)) string {
		r := cnwire.NewAuthorizationRequest(cnwire.AgentOpParam{RedirectURI: callback, AppTypes: []string{"TINYAPP"}, ISVAppID: isv})
		change(&r.AgentOpParam)
		text, err := json.Marshal(r)
		require.NoError(t, err)
		return "http://gateway.invalid" + cnwire.AuthorizePC + url.QueryEscape(string(text))
	}
	for link, want := range map[string]string{
		"http://gateway.invalid" + cnwire.AuthorizePCPath:                                                        "The link is not complete",
		changed(func(in *alipaycn.AuthorizationInput) { in.ISVAppID = mini }):                                    "There is no third-party app",
		changed(func(in *alipaycn.AuthorizationInput) { in.RedirectURL = "https://elsewhere.example" }):          "授权回调地址",
		changed(func(in *alipaycn.AuthorizationInput) { in.AppTypes = []alipaycn.AppType{alipaycn.AppTypeWeb} }): "appTypes must name TINYAPP",
		asked(func(in *cnwire.AgentOpParam) { in.State = "not base64" }):                                         "state must be base64",
		asked(func(in *cnwire.AgentOpParam) { in.RedirectURI = "javascript:alert(1)" }):                          "redirectUri must be",
		asked(func(in *cnwire.AgentOpParam) { in.ISVAppID = "" }):                                                "isvAppId is required",
	} {
		shown := b.open(link)
		require.Equal(t, http.StatusBadRequest, shown.status, link)
		require.Contains(t, shown.text, want)
	}
	require.Equal(t, http.StatusBadRequest, b.press(links(t, nil).PC, "login", url.Values{"account": {strings.Repeat("1", 70<<10)}}).status)
}
