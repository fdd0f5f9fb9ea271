package console_test

import (
	"archive/zip"
	"bytes"
	"context"
	"html"
	"image"
	"image/png"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/console"
)

// fixture is a platform with a console, one workspace, and its owner.
type fixture struct {
	*testing.T
	p         *platform.Platform
	workspace string
	owner     *alipayplus.Client
}

const origin = "https://gateway.example.com"

// withFixture runs a check on a new platform, in virtual time.
func withFixture(t *testing.T, check func(w *fixture), opts ...platform.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		p, err := platform.New(append([]platform.Option{
			platform.WithSigner(testkey.FastKey()), platform.WithPublicURL(origin + "/release"), platform.WithConsole(console.New()),
		}, opts...)...)
		require.NoError(t, err)
		w := &fixture{T: t, p: p}
		w.workspace, err = p.AddWorkspace(t.Context(), company())
		require.NoError(t, err)
		w.owner = w.member("olga", alipayplus.RoleOwner)
		check(w)
	})
}

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

func (w *fixture) member(name string, role alipayplus.Role) *alipayplus.Client {
	w.Helper()
	require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: name, Role: role}))
	c, err := w.p.Client(w.Context(), w.workspace, name)
	require.NoError(w, err)
	return c
}

func (w *fixture) reviewer(party alipayplus.Party) *alipayplus.Client {
	w.Helper()
	c, err := w.p.ReviewerClient(w.Context(), party)
	require.NoError(w, err)
	return c
}

func picture(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, image.NewRGBA(image.Rect(0, 0, 240, 240))))
	return out.Bytes()
}

func (w *fixture) offer() alipayplus.ServiceDescription {
	w.Helper()
	content := picture(w)
	file, err := w.owner.Files.Upload(w.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(content), Size: int64(len(content))})
	require.NoError(w, err)
	return alipayplus.ServiceDescription{
		Name: "Tea shop in a week", Industry: "Food and beverage", Type: alipayplus.ServiceMiniProgramDevelopment,
		Description: "We build your mini program.", ImageFileID: file.ID, ApplicableApps: []alipayplus.TargetApp{alipayplus.TargetAlipayCN},
		PaymentInformation: alipayplus.Content{
			alipayplus.TextBlock("Half now, half at release."), alipayplus.ImageBlock(file.ID, "A plan"),
			alipayplus.TableBlock([]string{"When", "Share"}, []string{"Now", "50 %"}),
		},
	}
}

// submitted gives a service that waits for its review.
func (w *fixture) submitted() *alipayplus.Service {
	w.Helper()
	s, err := w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: w.offer()})
	require.NoError(w, err)
	s, err = w.owner.Services.Submit(w.Context(), alipayplus.ServiceInput{ServiceID: s.ID})
	require.NoError(w, err)
	return s
}

func zipPackage(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	f, err := z.Create("app.json")
	require.NoError(t, err)
	_, err = f.Write([]byte(`{"pages":["pages/index/index"]}`))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

// browser is a person's browser.
type browser struct {
	*fixture
	http *http.Client
	// at is the address of the page that is shown, status its status, and page its HTML.
	at     string
	status int
	header http.Header
	page   string
}

// browser gives one that knows nothing yet.
func (w *fixture) browser() *browser {
	w.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(w, err)
	client := w.p.HTTPClient()
	client.Jar = jar
	return &browser{fixture: w, http: client}
}

// signedIn gives a browser in which somebody has signed in.
func (w *fixture) signedIn(who *alipayplus.Client) *browser {
	w.Helper()
	address, err := who.Sessions.Begin(w.Context(), alipayplus.BeginSessionInput{})
	require.NoError(w, err)
	b := w.browser()
	b.get(address.URL)
	require.Equal(w, http.StatusOK, b.status, b.page)
	b.submit("sign-in", nil)
	require.Equal(w, http.StatusOK, b.status, b.page)
	return b
}

// get opens an address; one that is not absolute is below the console.
func (b *browser) get(address string) *browser {
	b.Helper()
	b.do(http.MethodGet, address, nil, nil)
	return b
}

func (b *browser) do(method, address string, form url.Values, header map[string]string) {
	b.Helper()
	if !strings.Contains(address, "://") && !strings.HasPrefix(address, "/") {
		address = origin + "/release/console/" + address
	} else if strings.HasPrefix(address, "/") {
		address = origin + address
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(b.Context()), method, address, strings.NewReader(form.Encode()))
	require.NoError(b, err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	b.send(req)
}

func (b *browser) send(req *http.Request) {
	b.Helper()
	resp, err := b.http.Do(req)
	require.NoError(b, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	require.NoError(b, resp.Body.Close())
	b.at, b.status, b.header, b.page = resp.Request.URL.String(), resp.StatusCode, resp.Header, string(body)
}

var (
	formTag   = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`<input[^>]*>`)
	areaTag   = regexp.MustCompile(`(?s)<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>`)
	selectTag = regexp.MustCompile(`(?s)<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>`)
	optionTag = regexp.MustCompile(`<option(?: value="([^"]*)")?([^>]*)>([^<]*)`)
	attrs     = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// form reads the fields of the form of the page that is sent to an address below the
// console.
func (b *browser) form(action string) url.Values {
	b.Helper()
	for _, found := range formTag.FindAllStringSubmatch(b.page, -1) {
		if found[1] != "/release/console/"+action {
			continue
		}
		values := url.Values{}
		for _, input := range inputTag.FindAllString(found[2], -1) {
			of := map[string]string{}
			for _, attr := range attrs.FindAllStringSubmatch(input, -1) {
				of[attr[1]] = html.UnescapeString(attr[2])
			}
			if of["type"] != "checkbox" && of["type"] != "radio" || strings.Contains(input, " checked") {
				values.Add(of["name"], of["value"])
			}
		}
		for _, area := range areaTag.FindAllStringSubmatch(found[2], -1) {
			values.Add(area[1], html.UnescapeString(area[2]))
		}
		for _, choice := range selectTag.FindAllStringSubmatch(found[2], -1) {
			chosen := ""
			for i, option := range optionTag.FindAllStringSubmatch(choice[2], -1) {
				if i == 0 || strings.Contains(option[2], " selected") {
					chosen = html.UnescapeString(option[1])
					if !strings.Contains(option[0], " value=") {
						chosen = html.UnescapeString(option[3])
					}
				}
			}
			values.Add(choice[1], chosen)
		}
		return values
	}
	require.Failf(b, "no such form", "%s in %s", action, b.page)
	return nil
}

// submit sends a form of the page, with what a person enters.
func (b *browser) submit(action string, entered url.Values) *browser {
	b.Helper()
	values := b.form(action)
	maps.Copy(values, entered)
	b.post(action, values)
	return b
}

// attach is submit for a form with a file.
func (b *browser) attach(action, field string, content []byte, entered url.Values) *browser {
	b.Helper()
	values := b.form(action)
	maps.Copy(values, entered)
	values.Del(field)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, all := range values {
		for _, value := range all {
			require.NoError(b, form.WriteField(name, value))
		}
	}
	part, err := form.CreateFormFile(field, "file")
	require.NoError(b, err)
	_, err = part.Write(content)
	require.NoError(b, err)
	require.NoError(b, form.Close())
	req, err := http.NewRequestWithContext(context.WithoutCancel(b.Context()), http.MethodPost, origin+"/release/console/"+action, &body)
	require.NoError(b, err)
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	b.send(req)
	return b
}

func (b *browser) post(action string, values url.Values) {
	b.Helper()
	b.do(http.MethodPost, action, values, nil)
}

// shows checks that the page holds texts, as a person reads them.
func (b *browser) shows(texts ...string) *browser {
	b.Helper()
	for _, text := range texts {
		require.Contains(b, html.UnescapeString(b.page), text)
	}
	return b
}

func (b *browser) hides(texts ...string) *browser {
	b.Helper()
	for _, text := range texts {
		require.NotContains(b, html.UnescapeString(b.page), text)
	}
	return b
}
