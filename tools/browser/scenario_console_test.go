package browser_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/console"
)

// signIn signs somebody in, as the address that `alipayplus console` prints does.
func (b *browser) signIn(who *alipayplus.Client) {
	b.Helper()
	address, err := who.Sessions.Begin(b.Context(), alipayplus.BeginSessionInput{})
	require.NoError(b, err)
	b.visit(address.URL)
	b.press("Sign in")
	b.sees("Sessions")
}

// picture writes a picture of a service into a folder.
func (w *fixture) picture() string {
	w.Helper()
	canvas := image.NewRGBA(image.Rect(0, 0, 360, 240))
	for i := range canvas.Pix {
		canvas.Pix[i] = []uint8{0x1b, 0x8a, 0x5a, 0xff}[i%4]
	}
	for x := 60; x < 300; x++ {
		canvas.Set(x, 120, color.White)
	}
	var out bytes.Buffer
	require.NoError(w, png.Encode(&out, canvas))
	return w.file("service.png", out.Bytes())
}

func (w *fixture) file(name string, content []byte) string {
	w.Helper()
	path := filepath.Join(w.TempDir(), name)
	require.NoError(w, os.WriteFile(path, content, 0o600))
	return path
}

func zipFile(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	_, err := z.Create("app.json")
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

// withConsole is a platform with a console, and reviewers who are people.
func withConsole(t *testing.T, opts ...platform.Option) *fixture {
	t.Helper()
	return listen(t, append(opts, platform.WithConsole(console.New()))...)
}

// merchant gives the owner of another company, with a mini program.
func (w *fixture) merchant(name string) *alipayplus.Client {
	w.Helper()
	theirs := company()
	theirs.CompanyName = name
	owner, err := w.p.AddOwner(w.Context(), theirs, "ravi")
	require.NoError(w, err)
	_, err = owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en-US", Name: "Red Hill Coffee"}}})
	require.NoError(w, err)
	return owner
}

// TestReleaseServices goes through "Release services" step by step, each in the browser: by the
// provider, the reviewer, and the merchant for whom it is available to order then.
func TestReleaseServices(t *testing.T) {
	w := withConsole(t)
	provider, reviewer, merchant := open(t, wide), open(t, wide), open(t, narrow)
	provider.signIn(w.owner)

	// Step 1: Navigate to Services. Step 2: Enter information.
	provider.follow("Services")
	provider.follow("+ Create Service")
	provider.sees("Enter information")
	provider.write("input[name=name]", "Tea shop in a week")
	provider.write("input[name=industry]", "Food and beverage")
	provider.write("textarea[name=description]", "We build your mini program, and bring your tea to more people.")
	provider.attach(`input[name="imageFileId.file"]`, w.picture())
	provider.click("input[name=applicableApps][value=ALIPAY_CN]")
	provider.write(`textarea[name="paymentInformation.0.text"]`, "Half now, half at release.")
	provider.leave(`button[value="tutorial.text"]`)
	provider.write(`textarea[name="tutorial.0.text"]`, "Order, confirm, approve.")
	provider.press("Preview")
	provider.sees("Half now, half at release.")
	provider.press("Save")
	provider.sees("Draft")
	provider.isAccessible()

	// Step 3: Wait for approval.
	provider.press("Submit")
	provider.sees("Pending Review")
	provider.follow("My Requests")
	provider.sees("Under review")
	party, err := w.p.ReviewerClient(t.Context(), alipayplus.PartyAlipayPlus)
	require.NoError(t, err)
	reviewer.signIn(party)
	reviewer.follow("Reviews")
	reviewer.follow("Release service Tea shop in a week")
	reviewer.sees("Half now, half at release.")
	reviewer.isAccessible()
	reviewer.press("Approve")
	reviewer.sees("This review does not wait for you.")

	// Step 4: Service released. The page of the provider is still open, and says so by itself.
	provider.sees("Approved")
	provider.write("input[name=title]", "tea")
	provider.pick("select[name=status]", "APPROVED")
	provider.press("Filter")
	provider.follow("Release service Tea shop in a week")
	provider.sees("Alipay+")
	provider.follow("Services")
	provider.sees("Online")

	// "… available for merchants to order."
	ravi := w.merchant("Red Hill Coffee Pte. Ltd.")
	merchant.signIn(ravi)
	merchant.follow("Service Market")
	merchant.sees("Tea shop in a week")
	merchant.isAccessible()
	merchant.follow("Tea shop in a week")
	merchant.write("textarea[name=note]", "With matcha, please.")
	merchant.isAccessible()
	merchant.press("Place the order")
	merchant.sees("New Order")
	merchant.isAccessible()

	// Both sides follow the order.
	provider.follow("Orders")
	provider.sees("Red Hill Coffee")
	provider.isAccessible()
	provider.leave(`//tbody//th/a`)
	provider.press("Accept")
	merchant.sees("Pending Confirmation")
	merchant.press("Confirm")
	merchant.sees("In Development")
	provider.sees("may configure, upload and release")
	provider.press("Submit for approval")
	merchant.sees("Under Approval")
	merchant.press("Approve")
	provider.sees("Completed")
}

// TestReleaseMiniPrograms goes through "Release mini programs" from the package to all users, to the app that
// the platform simulates: all of it in the browser.
func TestReleaseMiniPrograms(t *testing.T) {
	w := withConsole(t)
	b, alipayPlus, alipayCN := open(t, wide), open(t, narrow), open(t, wide)
	b.signIn(w.owner)
	b.follow("Mini programs")
	b.write("input[name=language]", "en-US")
	b.write("main input[name=name]", "Blue Lake Tea")
	b.press("Create a mini program")
	b.sees("Target apps")
	b.unfold("Upload a version")
	b.write("input[name=version]", "1.0.0")
	b.attach("input[name=package]", w.file("app.zip", zipFile(t)))
	b.press("Upload a version")
	b.sees("Release this version")

	// Step 1: "You might see an indicator guiding you to add languages first."
	b.press("Release this version")
	b.sees("zh-CN")
	b.unfold("Add a language")
	b.write(`form[action$="/languages"] input[name=name]`, "蓝湖茶")
	b.press("Add a language")
	b.sees("蓝湖茶")
	// "A pop-up window might appear indicating that you need to authorize the platform to call AlipayCN's APIs."
	b.press("Release this version")
	b.sees("must be authorized first")
	b.isAccessible()
	b.follow("Mini programs")
	b.leave(`//tbody//th/a`)
	b.press("Authorize")
	b.follow("Open the page that authorizes")
	b.sees("1 / 2")
	b.press("确认选择")
	b.sees("2 / 2")
	b.press("确认授权")
	b.sees("The authorization is complete.")
	b.signIn(w.owner)
	b.follow("Mini programs")
	b.leave(`//tbody//th/a`)
	b.sees("Authorized")
	b.press("Release this version")
	b.sees("New version created")
	b.isAccessible()
	// "Confirm your basic information. … You can update the information."
	b.write("input[name=address]", "2 Lake Road, Singapore")
	b.press("Apply to release")
	b.sees("Under review")

	// Step 2: "After the approval of Alipay+ and AlipayCN".
	for party, reviewer := range map[alipayplus.Party]*browser{alipayplus.PartyAlipayPlus: alipayPlus, alipayplus.PartyAlipayCN: alipayCN} {
		client, err := w.p.ReviewerClient(t.Context(), party)
		require.NoError(t, err)
		reviewer.signIn(client)
		reviewer.follow("Reviews")
		reviewer.leave(`//tbody//th/a`)
		reviewer.sees("2 Lake Road, Singapore")
		reviewer.isAccessible()
		reviewer.press("Approve")
		reviewer.sees("This review does not wait for you.")
	}

	// Step 3: "seven options to choose from"; the open page shows by itself that there are reviews no more.
	b.sees("Release preparation")
	b.pick("select[name=ratio]", "1")
	b.press("Grayscale release")
	b.sees("Grayscale release")
	b.pick("select[name=ratio]", "20")
	b.press("Grayscale release")
	b.sees("20%")
	b.isAccessible()
	b.pick("select[name=ratio]", "100")
	b.press("Grayscale release")
	b.sees("Full release")
	b.isAccessible()
	r, err := w.owner.Releases.List(t.Context(), alipayplus.ListReleasesInput{})
	require.NoError(t, err)
	require.Equal(t, alipayplus.ReleaseFull, r.Items[0].Status)
	for _, page := range []string{"Audit log", "Sessions", "Releases"} {
		b.follow(page)
		b.sees(page)
		b.isAccessible()
	}
}

// TestAnOpenPageLeavesAloneWhatIsUsed: what others do appears around what somebody is about to press, and not in a form
// before they leave it.
func TestAnOpenPageLeavesAloneWhatIsUsed(t *testing.T) {
	w := withConsole(t)
	b := open(t, narrow)
	w.create("en-US", "Green tea")
	b.signIn(w.owner)
	b.follow("Mini programs")
	b.sees("Green tea")
	b.until("remember it", `window.row = document.querySelector('tbody tr'); return window.row !== null;`)
	w.create("en-US", "Black tea")
	b.sees("Black tea")
	b.sees("The page has been brought up to date.")
	b.until("find it where it was", `return document.contains(window.row) && window.row.innerText.includes('Green tea');`)

	b.write("main input[name=name]", "White")
	w.create("en-US", "Red tea")
	b.sees("Something has changed.")
	b.seesNot("Red tea")
	b.write("main input[name=name]", "")
	b.seesNot("Red tea")
	b.until("leave it", `document.activeElement.blur(); return true;`)
	b.sees("Red tea")
	b.seesNot("Something has changed.")
}

// TestWhatChangedMeanwhileIsNotForgotten: what somebody changes while the page asks for a change before it is shown once
// the form is left.
func TestWhatChangedMeanwhileIsNotForgotten(t *testing.T) {
	w := withConsole(t)
	b := open(t, wide)
	b.signIn(w.owner)
	b.follow("Mini programs")
	b.until("hold the next answer", `
		const fetched = window.fetch;
		window.fetch = async (...of) => {
			const answer = await fetched(...of);
			window.fetch = fetched;
			Math.random = () => 3; // the page waits longer before it asks again
			new MutationObserver(() => window.go()).observe(document.body, { attributeFilter: ['data-live'] });
			new MutationObserver((_, observer) => { observer.disconnect(); document.querySelector('main input[name=name]').focus(); })
				.observe(document.querySelector('[data-part=page]'), { childList: true, subtree: true });
			await new Promise((go) => { window.go = go; });
			return answer;
		};
		return true;`)
	w.create("en-US", "Green tea")
	b.until("have the answer", `return window.go !== undefined;`)
	w.create("en-US", "Black tea")
	b.sees("Green tea")
	b.sees("Something has changed.")
	b.seesNot("Black tea")
	b.until("leave it", `document.activeElement.blur(); document.dispatchEvent(new Event('pointerup')); return true;`)
	b.sees("Black tea")
}

// TestAFieldThatWasLeftAsItWasShowsWhatOthersEnter: and sends that, not what was there before.
func TestAFieldThatWasLeftAsItWasShowsWhatOthersEnter(t *testing.T) {
	w := withConsole(t)
	b := open(t, wide)
	program := w.create("en-US", "Green tea")
	b.signIn(w.owner)
	b.follow("Mini programs")
	b.follow("Green tea")
	b.write("textarea[name=serverDomains]", "old.example")
	b.write("textarea[name=serverDomains]", "")
	b.until("leave it", `document.activeElement.blur(); return true;`)
	_, err := w.owner.Programs.UpdateConfiguration(t.Context(), alipayplus.UpdateProgramConfigurationInput{
		ProgramID: program.ID, Configuration: alipayplus.Configuration{ServerDomains: []string{"new.example"}},
	})
	require.NoError(t, err)
	b.until("see it", `return document.querySelector('textarea[name=serverDomains]').value === 'new.example';`)
}

// TestAKeyThatWasHeldIsLetGo: what changed while somebody pressed something by a key is shown then.
func TestAKeyThatWasHeldIsLetGo(t *testing.T) {
	w := withConsole(t)
	b := open(t, wide)
	program := w.create("en-US", "Green tea")
	b.signIn(w.owner)
	b.follow("Mini programs")
	b.follow("Green tea")
	b.until("go to what can be unfolded", `const summary = find('summary'); if (summary) summary.focus(); return summary !== null;`)
	press := func(kind input.DispatchKeyEventType) {
		_, err := chromedp.Call(b.page, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: kind, Key: " ", Code: "Space", WindowsVirtualKeyCode: 32})
		require.NoError(t, err)
	}
	press("rawKeyDown")
	b.until("press it", `return document.querySelector('summary:active') !== null;`)
	_, err := w.owner.Programs.UpdateConfiguration(t.Context(), alipayplus.UpdateProgramConfigurationInput{
		ProgramID: program.ID, Configuration: alipayplus.Configuration{ServerDomains: []string{"new.example"}},
	})
	require.NoError(t, err)
	b.sees("Something has changed.")
	press("keyUp")
	b.sees("The page has been brought up to date.")
	b.until("find it unfolded", `return document.querySelectorAll('details[open]').length === 1;`)
}

// TestNothingElseIsUnfolded: what was about to be confirmed does not become something else to confirm.
func TestNothingElseIsUnfolded(t *testing.T) {
	w := withConsole(t)
	program := w.create("zh-CN", "蓝湖茶")
	w.program = program.ID
	require.NoError(t, w.p.GrantAuthorization(t.Context(), w.space, w.program, alipayplus.TargetAlipayCN))
	one := alipayplus.VersionNumber{Major: 1}
	w.upload(one)
	r, err := w.owner.Releases.Create(t.Context(), alipayplus.CreateReleaseInput{ProgramID: w.program, Version: one, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(t, err)
	r, err = w.owner.Releases.Apply(t.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())})
	require.NoError(t, err)
	b := open(t, wide)
	b.signIn(w.owner)
	b.visit(w.address + "/console/releases/" + r.ID)
	b.unfold("Withdraw the application")
	b.until("see it", `return document.querySelectorAll('details[open]').length === 1;`)
	for _, party := range []alipayplus.Party{alipayplus.PartyAlipayPlus, alipayplus.PartyAlipayCN} {
		reviewer, err := w.p.ReviewerClient(t.Context(), party)
		require.NoError(t, err)
		_, err = reviewer.Reviews.Decide(t.Context(), alipayplus.DecideInput{ID: r.ReleaseRequestID, Approve: true})
		require.NoError(t, err)
	}
	b.sees("Release preparation")
	b.sees("Cancel the release")
	b.until("see nothing unfolded", `return document.querySelectorAll('details[open]').length === 0;`)
}

// hostileTexts are what names and texts may hold where somebody wants to do harm, or does not care.
func hostileTexts() map[string]string {
	return map[string]string{
		"html":          `<img src=x onerror="document.title='taken'"><b>`,
		"bidirectional": "Tea \u202egnissim eht\u202c\u2066 and \u05ea\u05d4",
		"long":          strings.Repeat("LongTea", 9),
		"endless":       strings.Repeat("0123456789", 1000),
		"emoji":         "🍵👩‍👩‍👧‍👦🇸🇬 tea ̷̧̛ ﷽",
	}
}

// TestHostileTexts: whatever a field holds, it is a text, in its place, and nothing moves. What cannot be
// shown as it is meant, or has no end, is refused before.
func TestHostileTexts(t *testing.T) {
	for name, text := range hostileTexts() {
		t.Run(name, func(t *testing.T) {
			w := withConsole(t)
			b := open(t, narrow)
			b.signIn(w.owner)
			b.follow("Mini programs")
			b.write("main input[name=name]", text)
			b.press("Create a mini program")
			switch name {
			case "bidirectional":
				b.sees("must not hold the control U+202E")
				return
			case "endless":
				b.sees("must have at most")
				return
			}
			b.sees("Target apps")
			w.everyField(text)
			reviewer, err := w.p.ReviewerClient(t.Context(), alipayplus.PartyAlipayPlus)
			require.NoError(t, err)
			widths := []int64{narrow}
			if name == "html" {
				widths = append(widths, wide)
			}
			for _, width := range widths {
				b, r := open(t, width), open(t, width)
				b.signIn(w.owner)
				for _, page := range []string{"My Requests", "Services", "Service Market", "Orders", "Mini programs", "Releases", "Audit log", "Sessions"} {
					b.follow(page)
					b.sees(page)
				}
				for _, page := range []string{"My Requests", "Services", "Service Market", "Orders", "Mini programs", "Releases"} {
					b.follow(page)
					b.sees(page)
					b.leave(`(//main//tbody//th/a | //main//h2/a)[1]`)
					b.sees("Sessions")
					if name == "html" {
						b.isAccessible()
					}
				}
				r.signIn(reviewer)
				r.leave(`(//tbody//th/a)[1]`)
				r.sees("Your verdict")
				for _, of := range []*browser{b, r} {
					title, err := chromedp.Run(of.page, chromedp.Title())
					require.NoError(t, err)
					require.NotContains(t, title, "taken")
				}
			}
		})
	}
}

// everyField makes one of everything, with a text in every field that takes one: services that are online, under
// review and ordered, and a release that was rejected.
func (w *fixture) everyField(text string) {
	w.Helper()
	ctx := w.Context()
	content, err := os.ReadFile(w.picture())
	require.NoError(w, err)
	sum := sha256.Sum256(content)
	picture := hex.EncodeToString(sum[:])
	all := alipayplus.Content{alipayplus.TextBlock(text), alipayplus.ImageBlock(picture, text), alipayplus.TableBlock([]string{text, text}, []string{text, text})}
	description := alipayplus.ServiceDescription{
		Name: text, Industry: text, Type: alipayplus.ServiceMiniProgramDevelopment, Description: text, ImageFileID: picture,
		ApplicableApps: []alipayplus.TargetApp{alipayplus.TargetAlipayCN}, PaymentInformation: all, Details: all, Tutorial: all, SuccessStory: all,
	}
	reviews := map[alipayplus.Party]*alipayplus.Client{}
	for _, party := range []alipayplus.Party{alipayplus.PartyAlipayPlus, alipayplus.PartyAlipayCN} {
		reviews[party], err = w.p.ReviewerClient(ctx, party)
		require.NoError(w, err)
	}
	submit := func(of *alipayplus.Client) *alipayplus.Service {
		_, err := of.Files.Upload(ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(content), Size: int64(len(content))})
		require.NoError(w, err)
		s, err := of.Services.Create(ctx, alipayplus.CreateServiceInput{ServiceDescription: description})
		require.NoError(w, err)
		s, err = of.Services.Submit(ctx, alipayplus.ServiceInput{ServiceID: s.ID})
		require.NoError(w, err)
		return s
	}
	approve := func(id string) {
		_, err := reviews[alipayplus.PartyAlipayPlus].Reviews.Decide(ctx, alipayplus.DecideInput{ID: id, Approve: true})
		require.NoError(w, err)
	}
	merchant := w.merchant(text)
	for provider, other := range map[*alipayplus.Client]*alipayplus.Client{w.owner: merchant, merchant: w.owner} {
		s := submit(provider)
		approve(s.ReleaseRequestID)
		programs, err := other.Programs.List(ctx, alipayplus.ListProgramsInput{})
		require.NoError(w, err)
		o, err := other.Orders.Place(ctx, alipayplus.PlaceOrderInput{ServiceID: s.ID, ProgramID: programs.Items[0].ID, Note: text})
		require.NoError(w, err)
		_, err = provider.Orders.Reject(ctx, alipayplus.RefuseOrderInput{OrderID: o.ID, Reason: text})
		require.NoError(w, err)
	}

	programs, err := w.owner.Programs.List(ctx, alipayplus.ListProgramsInput{})
	require.NoError(w, err)
	w.program = programs.Items[0].ID
	_, err = w.owner.Programs.AddLanguages(ctx, alipayplus.AddLanguagesInput{ProgramID: w.program, Languages: []alipayplus.Localization{{Language: "en-US", Name: text}}})
	require.NoError(w, err)
	require.NoError(w, w.p.GrantAuthorization(ctx, w.space, w.program, alipayplus.TargetAlipayCN))
	build := zipFile(w.T)
	version := alipayplus.VersionNumber{Major: 1}
	_, err = w.owner.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
		ProgramID: w.program, Version: version, Description: text, Package: bytes.NewReader(build), Size: int64(len(build)),
	})
	require.NoError(w, err)
	r, err := w.owner.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: w.program, Version: version, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(w, err)
	theirs := company()
	theirs.CompanyName, theirs.Address, theirs.ContactName = text, text, text
	r, err = w.owner.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &theirs})
	require.NoError(w, err)
	_, err = reviews[alipayplus.PartyAlipayCN].Reviews.Decide(ctx, alipayplus.DecideInput{ID: r.ReleaseRequestID, Reason: text})
	require.NoError(w, err)
	submit(w.owner) // and waits
}

// isAccessible says that axe-core, whose folder is AXE in the environment, finds nothing wrong with the page.
func (b *browser) isAccessible() {
	b.Helper()
	folder := os.Getenv("AXE")
	if folder == "" {
		return // .ci/run says that there is no npm
	}
	source, err := os.ReadFile(filepath.Join(folder, "axe.min.js"))
	require.NoError(b, err)
	require.NoError(b, chromedp.Do(b.page, chromedp.Evaluate[chromedp.Void](string(source)+";0")))
	found, err := chromedp.Run(b.page, chromedp.Evaluate[string](
		`axe.run().then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.map(n => n.html).join(" ")))) `, chromedp.EvalAwaitPromise))
	require.NoError(b, err)
	var violations []string
	require.NoError(b, json.Unmarshal([]byte(found), &violations))
	require.Empty(b, violations, "at %d pixels", b.width)
}
