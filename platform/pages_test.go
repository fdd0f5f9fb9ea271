package platform_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

// Whoever has the page can give the authorization, so who may not release does
// not see it.
func TestThePageIsShownToThoseWhoMayRelease(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program().ID
		begun := w.begin(program)
		in := alipayplus.AuthorizationInput{ProgramID: program, TargetApp: cn}
		w.member("max", alipayplus.RoleMaster)
		w.member("ann", alipayplus.RoleDeveloper, program)
		w.member("dan", alipayplus.RoleDeveloper, w.program().ID)
		for name, sees := range map[string]bool{"olga": true, "max": true, "ann": true, "dan": false} {
			got := w.rawClient(name).call(contract.AuthorizationQuery, in)
			require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, name)
			require.Equal(w, sees, strings.Contains(got.Body, begun.State), "%s: %s", name, got.Body)
			require.Equal(w, sees, strings.Contains(got.Body, "/authorize"), "%s: %s", name, got.Body)
			var a alipayplus.Authorization
			require.NoError(w, json.Unmarshal(got.Data, &a))
			require.Equal(w, alipayplus.AuthorizationPending, a.Status, "%s may know how it stands", name)
			require.Equal(w, sees, a.State != "" && a.URL != "", name)
		}
	}, platform.WithPermissionPolicy(alipayplus.PolicyAssignedDevelopersRelease))
}

// foreignPage is an AlipayCN with its page elsewhere, as the real one.
type foreignPage struct{ *platform.SimulatedAlipayCN }

func (foreignPage) AuthorizationPage(base, state string, _ *alipayplus.Program) string {
	return "https://alipay.example/authorize?back=" + url.QueryEscape(base+platform.CallbackPath) + "&state=" + state
}

// The Host of a call, which no signature covers, is nobody's word: no address that the
// platform gives out is made of it.
func TestNoAddressIsMadeOfTheHostOfACall(t *testing.T) {
	begin := func(w *fixture, opts ...alipayplus.Option) (program, answer string) {
		server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
			r.Host = "evil.example"
			for _, name := range []string{"X-Forwarded-Host", "X-Original-Host", "Forwarded"} {
				r.Header.Set(name, "host=evil.example")
			}
			w.p.ServeHTTP(answer, r)
		}))
		w.Cleanup(server.Close)
		program = w.program().ID
		client := w.remote(server.URL, append(opts, alipayplus.WithHTTPClient(server.Client()))...)
		got, err := client.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: cn})
		if err != nil {
			return program, err.Error()
		}
		require.NotContains(w, got.URL, "evil", "%s", got.URL)
		return program, strings.Replace(got.URL, server.URL, "SERVER", 1)
	}
	w := newFixture(t)
	_, link := begin(w)
	require.True(t, strings.HasPrefix(link, "SERVER/targets/ALIPAY_CN/authorize?state="), link)

	w = newFixture(t, platform.WithTargetBackends(foreignPage{platform.NewSimulatedAlipayCN()}))
	program, refused := begin(w)
	require.Contains(t, refused, "PROCESS_FAIL: the page of ALIPAY_CN must lead back to this platform, which was not told its public address; its operator sets WithPublicURL")
	require.Equal(t, alipayplus.AuthorizationNone, w.authorization(program).Status)
	require.Contains(t, w.begin(program).URL, url.QueryEscape("http://platform.invalid/authorization/callback"), "in process it knows its address")

	w = newFixture(t, platform.WithPublicURL("https://gateway.example"), platform.WithTargetBackends(foreignPage{platform.NewSimulatedAlipayCN()}))
	_, link = begin(w)
	require.True(t, strings.HasPrefix(link, "https://alipay.example/authorize?back="+url.QueryEscape("https://gateway.example/authorization/callback")), link)
}

// A link leads to where its reader calls the platform.
func TestALinkIsMadeOfTheReadersOwnAddress(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program().ID
		w.member("max", alipayplus.RoleMaster)
		olga, maxim := w.as("olga", alipayplus.WithBaseURL("http://evil.example")), w.as("max", alipayplus.WithBaseURL("http://max.example:8080"))
		begun, err := olga.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: cn})
		require.NoError(w, err)
		require.True(w, strings.HasPrefix(begun.URL, "http://evil.example/targets/"), begun.URL)

		read, err := maxim.Authorizations.Get(w.Context(), alipayplus.AuthorizationInput{ProgramID: program, TargetApp: cn})
		require.NoError(w, err)
		require.True(w, strings.HasPrefix(read.URL, "http://max.example:8080/targets/ALIPAY_CN/authorize?"), read.URL)
		require.Equal(w, begun.State, read.State)

		_, err = maxim.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{
			ProgramID: program, Version: w.upload(program, "1.0.0"), TargetApp: cn,
		})
		needed, ok := errors.AsType[*alipayplus.AuthorizationRequiredError](err)
		require.True(w, ok, "%v", err)
		require.Equal(w, read.URL, needed.URL)
	})
}

func TestThePublicURLGoesBeforeEveryLink(t *testing.T) {
	for given, want := range map[string]string{
		"https://gateway.example":                "https://gateway.example",
		"https://gateway.example/":               "https://gateway.example",
		"https://gateway.example/release/":       "https://gateway.example/release",
		"http://gateway.example:8443/release":    "http://gateway.example:8443/release",
		"https://gateway.example/team/release//": "https://gateway.example/team/release",
	} {
		sentence(t, given, func(w *fixture) {
			program := w.program().ID
			begun := w.begin(program)
			require.True(w, strings.HasPrefix(begun.URL, want+"/targets/ALIPAY_CN/authorize?"), begun.URL)
			u, err := url.Parse(want)
			require.NoError(w, err)
			read, err := w.as("olga", alipayplus.WithBaseURL("http://evil.example"+u.Path)).Authorizations.Get(w.Context(), alipayplus.AuthorizationInput{ProgramID: program, TargetApp: cn})
			require.NoError(w, err)
			require.Equal(w, begun.URL, read.URL)
		}, platform.WithPublicURL(given))
	}
	for _, wrong := range []string{
		"", "gateway.example", "//gateway.example", "/release", "https://", "https:///release", "ftp://gateway.example",
		"mailto:olga@gateway.example", "https://gateway.example/?tenant=1", "https://gateway.example/#top", "https://gateway.example/%zz",
		"https://user:secret@gateway.example", "https://gateway.example/a%20b", "https://gateway.example/#",
	} {
		_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithPublicURL(wrong))
		require.ErrorContains(t, err, "public URL: must be an http or https address without user, query or escapes", wrong)
	}
}

// A platform below a path does all that one at the root does, whether the handler
// that mounts it strips the path or not: the signature covers the path that was
// sent, and the way back from the page is relative.
func TestAWholeReleaseBelowAPath(t *testing.T) {
	for name, mount := range map[string]func(http.Handler) http.Handler{
		"stripped": func(p http.Handler) http.Handler { return http.StripPrefix("/gw", p) },
		"as it is": func(p http.Handler) http.Handler { return p },
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			server := httptest.NewServer(mux)
			defer server.Close()
			w := newFixture(t, platform.WithPublicURL(server.URL+"/gw/"))
			mux.Handle("/gw/", mount(w.p))
			w.owner = w.remote(server.URL+"/gw", alipayplus.WithHTTPClient(server.Client()))

			program := w.program().ID
			page := w.begin(program).URL
			require.True(t, strings.HasPrefix(page, server.URL+"/gw/targets/ALIPAY_CN/authorize?"), page)
			person := browser{t, server.Client()}
			first := person.get(page)
			require.Equal(t, http.StatusOK, first.status)
			second := person.click(page, first.html, "确认选择")
			require.Equal(t, http.StatusOK, second.status)
			redirect := person.click(page, second.html, "确认授权")
			require.Equal(t, http.StatusSeeOther, redirect.status)
			back := person.follow(page, redirect)
			require.Equal(t, server.URL+"/gw"+platform.CallbackPath, back.Scheme+"://"+back.Host+back.Path)
			require.Equal(t, http.StatusOK, person.get(back.String()).status)
			require.Equal(t, alipayplus.AuthorizationGranted, w.authorization(program).Status)

			r := w.grayscale(program, "1.0.0", 10)
			r, err := w.owner.Releases.Raise(t.Context(), r.GrayscaleTo(alipayplus.FullRatio))
			require.NoError(t, err)
			require.Equal(t, alipayplus.ReleaseFull, r.Status)
			require.Equal(t, r, w.read(r.ID))
		})
	}
}

// submit sends a body of any kind to a page.
func (b browser) submit(method, address, contentType string, body []byte) shown {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, address, bytes.NewReader(body))
	require.NoError(b, err)
	req.Header.Set("Content-Type", contentType)
	resp, err := b.client.Do(req)
	require.NoError(b, err)
	defer resp.Body.Close()
	html, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	return shown{resp.StatusCode, resp.Header, string(html)}
}

func inParts(t testing.TB, form url.Values) (contentType string, body []byte) {
	t.Helper()
	var buf bytes.Buffer
	parts := multipart.NewWriter(&buf)
	for name := range form {
		require.NoError(t, parts.WriteField(name, form.Get(name)))
	}
	require.NoError(t, parts.Close())
	return parts.FormDataContentType(), buf.Bytes()
}

// The confirmation is a small form that was posted, and nothing else is one.
func TestOnlyASmallPostedFormConfirms(t *testing.T) {
	const encoded = "application/x-www-form-urlencoded"
	withFixture(t, func(w *fixture) {
		program := w.program().ID
		address, query, _ := strings.Cut(w.begin(program).URL, "?")
		form, err := url.ParseQuery(query)
		require.NoError(w, err)
		form.Set("step", "select")
		require.Equal(w, http.StatusOK, w.browser().post(address, form).status)
		form.Set("step", "confirm")
		w.Log("What is confirmed leads back with a code; this client would follow it, and be authorized.")
		padded := func(n int) []byte {
			with := url.Values{"padding": {strings.Repeat("x", n)}}
			return []byte(form.Encode() + "&" + with.Encode())
		}
		multipartType, parts := inParts(w, form)
		for _, tt := range []struct {
			name, method, address, contentType string
			body                               []byte
			want                               int
		}{
			{"a form of 1 MB", http.MethodPost, address, encoded, padded(1 << 20), http.StatusBadRequest},
			{"a form that is a little too long", http.MethodPost, address, encoded, padded(64 << 10), http.StatusBadRequest},
			{"a multipart body", http.MethodPost, address, multipartType, parts, http.StatusBadRequest},
			{"a post of the address", http.MethodPost, address + "?" + form.Encode(), encoded, nil, http.StatusBadRequest},
			{"a GET with the form in the address", http.MethodGet, address + "?" + form.Encode(), "", nil, http.StatusOK},
			{"a HEAD with the form in the address", http.MethodHead, address + "?" + form.Encode(), "", nil, http.StatusOK},
			{"a GET with the form in the body", http.MethodGet, address + "?" + query, encoded, padded(0), http.StatusOK},
			{"a HEAD with the form in the body", http.MethodHead, address + "?" + query, encoded, padded(0), http.StatusOK},
		} {
			got := w.browser().submit(tt.method, tt.address, tt.contentType, tt.body)
			require.Equal(w, tt.want, got.status, tt.name)
			require.NotContains(w, got.html, "The authorization is complete.", tt.name)
			require.Equal(w, alipayplus.AuthorizationPending, w.authorization(program).Status, tt.name)
		}
		got := w.browser().submit(http.MethodPost, address, encoded, padded(60<<10))
		require.Contains(w, got.html, "The authorization is complete.")
		require.Equal(w, alipayplus.AuthorizationGranted, w.authorization(program).Status)
	})
}
