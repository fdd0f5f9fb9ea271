package browser_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// The apps at AlipayCN, and the merchant whose mini programs two of them are.
const (
	isv      = "2021000000000001"
	mini     = "2021000000000002"
	other    = "2021000000000003"
	merchant = "2088000000000001"
)

// pageTimeout is how long a page may take to show something, and pollEvery how often it is looked for.
const (
	pageTimeout = 30 * time.Second
	pollEvery   = 50 * time.Millisecond
)

// chromium is where a Chromium is; the test is skipped where there is none.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium is installed here; on Debian: apt-get install chromium")
	return ""
}

// browser is a Chromium with one page.
type browser struct {
	*testing.T
	page  context.Context
	width int64
	shots int
}

// open starts a Chromium whose window has a width in pixels.
func open(t *testing.T, width int64) *browser {
	t.Helper()
	opts := []chromedp.ExecAllocatorOption{chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(t.TempDir())}
	for _, flag := range []string{
		"headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking", "disable-component-update",
		"disable-sync", "disable-dev-shm-usage", "hide-scrollbars",
	} {
		opts = append(opts, chromedp.Flag(flag, true))
	}
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	page, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &browser{T: t, page: page, width: width}
	require.NoError(t, chromedp.Do(page, chromedp.EmulateViewport(width, 2*width)), "start Chromium") // not by do: its deadline would end Chromium
	require.NoError(t, chromedp.Listen(page, func(event any) {
		if entry, is := event.(*log.EventEntryAdded); is && entry.Entry.Source == log.EntrySourceSecurity {
			t.Errorf("the browser refuses something of %s: %s", entry.Entry.URL, entry.Entry.Text)
		}
	}))
	return b
}

// until lets the page look, and act, until what a script says is true. What the script does it does in one go: the page
// does not change meanwhile. When the page is left, the next one goes on.
func (b *browser) until(what, script string) {
	b.Helper()
	script = fmt.Sprintf(scripts, script)
	for deadline := time.Now().Add(pageTimeout); ; {
		_, err := chromedp.Run(b.page, chromedp.Poll[bool](script, chromedp.WithPollingInterval(pollEvery), chromedp.WithPollingTimeout(time.Until(deadline))))
		if err == nil {
			return
		}
		if time.Now().After(deadline) || b.page.Err() != nil {
			text, _ := chromedp.Run(b.page, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
			require.NoError(b, err, "%s; the page says: %s", what, text)
		}
	}
}

// scripts are what a script may use: find gives the first element of a selector or an XPath expression that is visible and
// over which nothing lies.
const scripts = `(() => {
	const all = function* (where) {
		if (!/^[/(]/.test(where)) { yield* document.querySelectorAll(where); return; }
		const found = document.evaluate(where, document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE, null);
		for (let i = 0; i < found.snapshotLength; i++) yield found.snapshotItem(i);
	};
	const find = (where) => {
		if (document.readyState !== 'complete') return null;
		for (const element of all(where)) {
			element.scrollIntoView({ block: 'center', behavior: 'instant' });
			const box = element.getClientRects()[0];
			const top = box && document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
			if (top && (element.contains(top) || top.closest('label')?.control === element)) return element;
		}
		return null;
	};
	%s
})()`

// visit opens an address.
func (b *browser) visit(address string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.page, pageTimeout)
	defer cancel()
	require.NoError(b, chromedp.Do(ctx, chromedp.Navigate(address)), "visit %s", address)
}

// click clicks what a selector or an XPath expression finds.
func (b *browser) click(where string) {
	b.Helper()
	b.until("click "+where, fmt.Sprintf(`const element = find(%q); if (element) element.click(); return element !== null;`, where))
}

// leave clicks what leads to another page, and waits until that is there.
func (b *browser) leave(where string) {
	b.Helper()
	b.until("click "+where, fmt.Sprintf(`const element = find(%q); if (element) { window.left = true; element.click(); } return element !== null;`, where))
	b.until("leave the page by "+where, `return !window.left && document.readyState === 'complete';`)
}

// press presses a button by its text.
func (b *browser) press(text string) {
	b.Helper()
	b.leave(fmt.Sprintf(`//button[normalize-space()=%q]`, text))
}

// follow follows a link by its text.
func (b *browser) follow(text string) {
	b.Helper()
	b.leave(fmt.Sprintf(`//a[normalize-space()=%q]`, text))
}

// unfold opens what is closed until it is needed, by its summary.
func (b *browser) unfold(text string) {
	b.Helper()
	b.click(fmt.Sprintf(`//summary[normalize-space()=%q]`, text))
}

// pick picks a value of a select box.
func (b *browser) pick(selector, value string) {
	b.Helper()
	b.until("pick "+value, fmt.Sprintf(`const box = find(%q); if (!box) return false;
		box.value = %q; box.dispatchEvent(new Event('change', { bubbles: true })); return box.value === %[2]q;`, selector, value))
}

// attach chooses a file.
func (b *browser) attach(selector, path string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.page, pageTimeout)
	defer cancel()
	require.NoError(b, chromedp.Do(ctx, chromedp.SetUploadFiles(chromedp.CSS(selector), []string{path})), "attach %s", path)
}

// write puts a text into a field, in place of what is there.
func (b *browser) write(selector, text string) {
	b.Helper()
	b.until("go to "+selector, fmt.Sprintf(`const field = find(%q); if (field) { field.focus(); field.select(); } return field !== null;`, selector))
	_, err := chromedp.Call(b.page, input.InsertText, input.InsertTextParams{Text: text})
	require.NoError(b, err)
}

// sees waits until the page shows a text, not only to choose, and checks that nothing of the page lies beside the window.
func (b *browser) sees(text string) {
	b.Helper()
	b.until("see "+text, fmt.Sprintf(`
		const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		while (texts.nextNode()) {
			const { data, parentElement: at } = texts.currentNode;
			if (data.includes(%q) && at.tagName !== 'OPTION' && at.getClientRects().length > 0) return true;
		}
		return false;`, text))
	b.fits(text)
	b.shoot()
}

// fits says that nothing of the page lies beside the window.
func (b *browser) fits(what string) {
	b.Helper()
	wide, err := chromedp.Run(b.page, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > window.innerWidth`))
	require.NoError(b, err)
	require.False(b, wide, "%q has to be scrolled sideways at %d pixels", what, b.width)
}

// seesNot says that the page, which is complete, does not show a text.
func (b *browser) seesNot(text string) {
	b.Helper()
	shown, err := chromedp.Run(b.page, chromedp.Evaluate[string](`document.body.innerText`))
	require.NoError(b, err)
	require.NotContains(b, shown, text)
}

func (b *browser) shoot() {
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	b.Helper()
	picture, err := chromedp.Run(b.page, chromedp.FullScreenshot(100))
	require.NoError(b, err)
	b.shots++
	name := fmt.Sprintf("%s-%d-%d.png", strings.ReplaceAll(b.Name(), "/", "-"), b.width, b.shots)
	require.NoError(b, os.MkdirAll(folder, 0o750))
	require.NoError(b, os.WriteFile(filepath.Join(folder, name), picture, 0o600))
}

// fixture is a platform on a port of this machine, with a company and its mini program.
type fixture struct {
	*testing.T
	g       *alipaycntest.Gateway // nil without AlipayCN
	p       *platform.Platform
	address string
	gateway string // the address of g
	owner   *alipayplus.Client
	program string
	space   string
}

// overAlipayCN is a platform that releases to AlipayCN: the stand-in, on a port too.
func overAlipayCN(t *testing.T) *fixture {
	t.Helper()
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()))
	require.NoError(t, err)
	gateway := httptest.NewServer(g)
	t.Cleanup(gateway.Close)
	client, err := alipaycn.New(
		alipaycn.WithAppID(isv), alipaycn.WithSigner(testkey.FastClient()), alipaycn.WithAlipayPublicKey(g.AlipayPublicKey()),
		alipaycn.WithEndpoint(gateway.URL),
	)
	require.NoError(t, err)
	store := storage.NewMemory()
	app, err := alipaycnapp.New(store, client, alipaycnapp.WithEncryptionKey(bytes.Repeat([]byte("k"), 32)), alipaycnapp.WithAuthorizationEndpoint(gateway.URL))
	require.NoError(t, err)
	w := serve(t, platform.WithStore(store), platform.WithTargetBackends(app))
	w.g, w.gateway = g, gateway.URL
	for _, app := range []alipaycntest.App{
		{ID: isv, ThirdParty: true, PublicKey: testkey.FastClient().PublicPEM(), RedirectURL: w.address + platform.CallbackPath},
		{ID: mini, MerchantID: merchant, BaseInfo: alipaycn.BaseInfo{AppName: "蓝湖茶"}},
		{ID: other, MerchantID: merchant, BaseInfo: alipaycn.BaseInfo{AppName: "一个名字很长很长很长很长很长很长很长很长的小程序"}},
	} {
		require.NoError(t, g.AddApp(app))
	}
	return w
}

// serve serves a platform whose reviewers approve at once.
func serve(t *testing.T, opts ...platform.Option) *fixture {
	t.Helper()
	w := listen(t, append(opts, platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }))...)
	w.program = w.create("en-US", "Blue Lake Tea").ID
	return w
}

// create creates a mini program with a name in one language.
func (w *fixture) create(language, name string) *alipayplus.Program {
	w.Helper()
	program, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: language, Name: name}}})
	require.NoError(w, err)
	return program
}

// listen serves a platform, with a company and its owner.
func listen(t *testing.T, opts ...platform.Option) *fixture {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w := &fixture{T: t, address: "http://" + listener.Addr().String()}
	w.p, err = platform.New(append(opts, platform.WithSigner(testkey.FastKey()), platform.WithPublicURL(w.address))...)
	require.NoError(t, err)
	server := w.p.Server("")
	t.Cleanup(func() { _ = server.Close() })
	go func() { _ = server.Serve(listener) }()
	company := company()
	w.space, err = w.p.AddWorkspace(t.Context(), company)
	require.NoError(t, err)
	require.NoError(t, w.p.PutMember(t.Context(), platform.Member{WorkspaceID: w.space, Name: "olga", Role: alipayplus.RoleOwner}))
	w.owner, err = w.p.Client(t.Context(), w.space, "olga")
	require.NoError(t, err)
	return w
}

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

// begin begins the authorization.
func (w *fixture) begin() *alipayplus.Authorization {
	w.Helper()
	a, err := w.owner.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: w.program, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(w, err)
	return a
}

// phone is the link for phones to the page with a state.
func (w *fixture) phone(state string) string {
	w.Helper()
	links, err := alipaycn.AuthorizationURL(alipaycn.AuthorizationInput{
		ISVAppID: isv, RedirectURL: w.address + platform.CallbackPath, State: state, Endpoint: w.gateway,
	})
	require.NoError(w, err)
	return links.Phone
}

func (w *fixture) authorization() *alipayplus.Authorization {
	w.Helper()
	a, err := w.owner.Authorizations.Get(w.Context(), alipayplus.AuthorizationInput{ProgramID: w.program, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(w, err)
	return a
}

// upload uploads a version to the platform.
func (w *fixture) upload(version alipayplus.VersionNumber) {
	w.Helper()
	build := zipFile(w.T)
	_, err := w.owner.Programs.UploadVersion(w.Context(), alipayplus.UploadVersionInput{
		ProgramID: w.program, Version: version, Package: bytes.NewReader(build), Size: int64(len(build)),
	})
	require.NoError(w, err)
}

// configuration is what AlipayCN's reviewers see.
func (w *fixture) configuration() alipayplus.Configuration {
	w.Helper()
	var picture bytes.Buffer
	require.NoError(w, png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 180, 180))))
	logo, err := w.owner.Files.Upload(w.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(picture.Bytes()), Size: int64(picture.Len())})
	require.NoError(w, err)
	return alipayplus.Configuration{AlipayCN: &alipayplus.AlipayCNApplication{
		Description: "The first version: order tea from the lake, and have it brought to your door.",
		Name:        "蓝湖茶", EnglishName: "BlueLakeTea", Slogan: "湖畔好茶送到家门口", Introduction: "蓝湖茶把湖畔的好茶送到你的家门口，随时下单。",
		Categories: []string{"XS1001_XS2001_XS3002"}, ServicePhone: "13110101010", RegionType: "CHINA", LogoFileID: logo.ID,
	}}
}
