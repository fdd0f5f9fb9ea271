package browser_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/console"
	"github.com/alipayplus-go/alipayplus/platform/console/consolerollouts"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// mode is how a page is looked at.
type mode struct {
	scheme, language string
	width            int64
}

// modes have each two of light and dark, English and Chinese, a phone and a desk together.
func modes() []mode {
	return []mode{{"light", "en", wide}, {"dark", "zh", wide}, {"dark", "en", narrow}, {"light", "zh", narrow}}
}

// TestEveryPageInEveryMode visits every page of the console in light and dark, English and Chinese, on a phone and
// on a desk: nothing lies beside the window, nothing is left in the other language, and axe-core finds nothing.
func TestEveryPageInEveryMode(t *testing.T) {
	store := rollout.NewMemoryStore()
	w := listen(t, platform.WithConsole(console.New(console.WithRollouts(consolerollouts.New(store)))))
	_, err := w.owner.Programs.Create(t.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en-US", Name: "Blue Lake Tea"}, {Language: "zh-CN", Name: "蓝湖茶"}}})
	require.NoError(t, err)
	w.everyField("Tea shop in a week")
	require.NoError(t, w.p.PutMember(t.Context(), platform.Member{WorkspaceID: w.space, Name: "dan", Role: alipayplus.RoleDeveloper}))
	live := w.rollingOut(store)

	member := []string{"requests", "services", "services/new", "market", "orders", "programs", "releases", "releases/" + live, "rollouts", "audit", "sessions", "programs/none"}
	member = append(member, w.firstOfEach()...)
	reviewer, err := w.p.ReviewerClient(t.Context(), alipayplus.PartyAlipayPlus)
	require.NoError(t, err)
	waiting, err := reviewer.Reviews.List(t.Context(), alipayplus.ListReviewsInput{})
	require.NoError(t, err)

	b := open(t, wide)
	b.in(w.address + "/console/requests")
	b.signIn(w.owner)
	for _, path := range member {
		b.in(w.address + "/console/" + path)
	}
	b.signIn(reviewer)
	for _, path := range []string{"reviews", "reviews/" + waiting.Items[0].ID} {
		b.in(w.address + "/console/" + path)
	}
}

// in visits a page in every mode.
func (b *browser) in(address string) {
	b.Helper()
	b.visit(address)
	for _, m := range modes() {
		b.width = m.width
		require.NoError(b, chromedp.Do(b.page, chromedp.EmulateViewport(m.width, 2*m.width), scheme(m.scheme), speak(m.language)))
		b.visit(address)
		b.until("be in "+m.language, fmt.Sprintf(`return document.readyState === 'complete' && document.documentElement.lang.startsWith(%q);`, m.language))
		b.shoot()
		b.Logf("picture %d: %s %v", b.shots, address, m)
		b.fits(address)
		if m.language == "en" {
			shown, err := chromedp.Run(b.page, chromedp.Evaluate[string](`document.body.innerText`))
			require.NoError(b, err)
			rest := strings.NewReplacer("中文", "", "蓝湖茶", "").Replace(shown)
			require.False(b, strings.ContainsFunc(rest, func(r rune) bool { return unicode.Is(unicode.Han, r) }), "%s: %s", address, rest)
		}
		b.isAccessible()
	}
	require.NoError(b, chromedp.Do(b.page, speak("en")))
}

// firstOfEach are the pages of the first entry of each list.
func (w *fixture) firstOfEach() (pages []string) {
	w.Helper()
	ctx := w.Context()
	services, err := w.owner.Services.List(ctx, alipayplus.ListServicesInput{})
	require.NoError(w, err)
	offered, err := w.owner.Market.List(ctx, alipayplus.ListMarketInput{})
	require.NoError(w, err)
	requests, err := w.owner.Requests.List(ctx, alipayplus.ListRequestsInput{})
	require.NoError(w, err)
	releases, err := w.owner.Releases.List(ctx, alipayplus.ListReleasesInput{Status: alipayplus.ReleaseNewVersionCreated})
	require.NoError(w, err)
	orders, err := w.owner.Orders.List(ctx, alipayplus.ListOrdersInput{Status: alipayplus.OrderInDevelopment})
	require.NoError(w, err)
	for _, s := range services.Items {
		pages = append(pages, "services/"+s.ID)
		if s.Status == alipayplus.ServiceOnline {
			pages = append(pages, "services/"+s.ID+"/edit")
		}
	}
	return append(pages, "market/"+offered.Items[0].ID, "requests/"+requests.Items[len(requests.Items)-1].ID,
		"releases/"+releases.Items[0].ID, "programs/"+w.program, "orders/"+orders.Items[0].ID)
}

// rollingOut has a release at 20 %, which a rollout drives, and gives its id; and an order that is being worked on.
func (w *fixture) rollingOut(store rollout.Store) string {
	w.Helper()
	ctx := w.Context()
	two := alipayplus.VersionNumber{Major: 2}
	w.upload(two)
	r, err := w.owner.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: w.program, Version: two, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(w, err)
	r, err = w.owner.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())})
	require.NoError(w, err)
	for _, party := range []alipayplus.Party{alipayplus.PartyAlipayPlus, alipayplus.PartyAlipayCN} {
		reviewer, err := w.p.ReviewerClient(ctx, party)
		require.NoError(w, err)
		_, err = reviewer.Reviews.Decide(ctx, alipayplus.DecideInput{ID: r.ReleaseRequestID, Approve: true})
		require.NoError(w, err)
	}
	errors := func(context.Context, rollout.Step) (rollout.Verdict, error) {
		return rollout.Passed("error rate 0.004 is below 0.01"), nil
	}
	spec := rollout.Spec{
		Version: rollout.SpecVersion, Review: rollout.ReviewAdopt, Gates: map[string]rollout.GateSpec{"errors": {}},
		Steps: []rollout.StepSpec{{Ratio: 5, Gates: []string{"errors"}}, {Ratio: 20, Gates: []string{"errors"}}, {Ratio: 100, Approval: true}},
	}
	runner, err := rollout.New(rollout.ForRelease(w.owner, r.ID), spec, store, rollout.WithGate("errors", errors), rollout.WithName("tea 2.0.0"))
	require.NoError(w, err)
	for range 5 {
		_, err = runner.Step(ctx)
		require.NoError(w, err)
	}

	ravi := w.merchant("Green Hill Cakes")
	services, err := w.owner.Services.List(ctx, alipayplus.ListServicesInput{Status: alipayplus.ServiceOnline})
	require.NoError(w, err)
	programs, err := ravi.Programs.List(ctx, alipayplus.ListProgramsInput{})
	require.NoError(w, err)
	o, err := ravi.Orders.Place(ctx, alipayplus.PlaceOrderInput{ServiceID: services.Items[0].ID, ProgramID: programs.Items[0].ID, Note: "In green, please."})
	require.NoError(w, err)
	_, err = w.owner.Orders.Accept(ctx, alipayplus.OrderInput{OrderID: o.ID})
	require.NoError(w, err)
	_, err = ravi.Orders.Confirm(ctx, alipayplus.OrderInput{OrderID: o.ID})
	require.NoError(w, err)
	return r.ID
}

// speak has the console speak a language.
func speak(language string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.cookie = "alipayplus_console_language=%s; path=/console/"; 0`, language))
}

// scheme makes the browser prefer light or dark colours.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	})
}
