package main

import (
	"bytes"
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

func TestMain(m *testing.M) {
	testkey.ClearEnv("ALIPAYCN_")
	os.Exit(m.Run())
}

const program, thirdParty = "2021000000000007", "2021000000000008"

// served serves a gateway with a mini program that calls for itself, and sets
// the environment for it.
func served(t *testing.T) *alipaycntest.Gateway {
	t.Helper()
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()), alipaycntest.WithAutoReview(0))
	require.NoError(t, err)
	require.NoError(t, g.AddApp(alipaycntest.App{ID: program, PublicKey: testkey.ClientPublicPEM()}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: thirdParty, PublicKey: testkey.ClientPublicPEM(), ThirdParty: true}))
	require.NoError(t, g.AddVersion(program, "0.0.1"))
	serve(t, g)
	folder := testkey.Folder(t, map[string][]byte{"private.pem": testkey.ClientPEM(), "public.pem": g.AlipayPublicKey()})
	t.Setenv("ALIPAYCN_APP_ID", program)
	t.Setenv("ALIPAYCN_PRIVATE_KEY_FILE", filepath.Join(folder, "private.pem"))
	t.Setenv("ALIPAYCN_PUBLIC_KEY_FILE", filepath.Join(folder, "public.pem"))
	return g
}

// serve makes a handler the endpoint.
func serve(t *testing.T, h http.Handler) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Setenv("ALIPAYCN_ENDPOINT", server.URL)
}

// servedForMerchant is served, for a third-party app that has the merchant's token.
func servedForMerchant(t *testing.T) (g *alipaycntest.Gateway, token string) {
	t.Helper()
	g = served(t)
	granted, err := g.Authorize(thirdParty, program)
	require.NoError(t, err)
	t.Setenv("ALIPAYCN_APP_ID", thirdParty)
	t.Setenv("ALIPAYCN_APP_AUTH_TOKEN", granted.AppAuthToken)
	return g, granted.AppAuthToken
}

// execute runs the example with options changed.
func execute(t *testing.T, change ...func(*options)) (status int, stdout, stderr string) {
	t.Helper()
	var out, progress bytes.Buffer
	opts := options{version: alipayplus.VersionNumber{Patch: 1}, observe: time.Millisecond}
	for _, change := range change {
		change(&opts)
	}
	status = run(t.Context(), opts, nil, &out, log.New(&progress, "", 0))
	return status, out.String(), progress.String()
}

func version(text string) func(*options) {
	return func(opts *options) { opts.version, _ = alipayplus.ParseVersion(text) }
}

func TestAgainstTheStandInInProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	synctest.Test(t, func(t *testing.T) {
		status, stdout, stderr := execute(t, version("1.2.3"))
		require.Equal(t, 0, status, stderr)
		require.Equal(t, "published 2021000000000001 1.2.3\n", stdout)
		require.Contains(t, stderr, "GRAY at 50%")
		require.Contains(t, stderr, "QR code: https://")
	})
}

func TestAgainstAGatewayThatIsServed(t *testing.T) {
	g := served(t)
	status, stdout, stderr := execute(t)
	require.Equal(t, 0, status, stderr)
	require.Equal(t, "published "+program+" 0.0.1\n", stdout)
	require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1, "qrcodes.create": 1}, g.Effects(program))

	// When it runs again, nothing is released twice
	status, _, stderr = execute(t)
	require.Equal(t, 0, status, stderr)
	require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1, "qrcodes.create": 2}, g.Effects(program))
}

func TestTheReleaseDoesNotNeedTheQRCode(t *testing.T) {
	g := served(t)
	g.Inject(alipaycntest.Fault{Operation: "qrcodes.create", Code: alipaycn.GatewayInvalidMethod})
	status, stdout, stderr := execute(t)
	require.Equal(t, 0, status, stderr)
	require.Equal(t, "published "+program+" 0.0.1\n", stdout)
	require.Contains(t, stderr, "going on without a QR code: ")
}

func TestACallThatTheReleaseNeedsEndsIt(t *testing.T) {
	g := served(t)
	g.Inject(alipaycntest.Fault{Operation: "versions.publish", Code: alipaycn.GatewayInvalidMethod})
	status, stdout, stderr := execute(t)
	require.Equal(t, 1, status)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "error: ")
	require.Equal(t, alipaycn.StatusGray, g.Status(program, "0.0.1"))
}

func TestInterrupted(t *testing.T) {
	served(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, 130, run(ctx, options{version: alipayplus.VersionNumber{Patch: 1}}, nil, &stdout, log.New(&stderr, "", 0)))
	require.Empty(t, stdout.String())
	require.Contains(t, stderr.String(), "not done twice")
}

func TestWrongUse(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Equal(t, 2, run(t.Context(), options{}, []string{"now"}, &stdout, log.New(&stderr, "", 0)))
	require.Equal(t, "error: there are flags only, and \"now\" is none\n", stderr.String())
	require.Empty(t, stdout.String())

	t.Setenv("ALIPAYCN_ENDPOINT", "http://127.0.0.1:1")
	status, _, said := execute(t)
	require.Equal(t, 1, status)
	require.Contains(t, said, "ALIPAYCN_APP_ID")
}

// Another gateway may know fewer calls than the release makes.
func TestAgainstAGatewayThatKnowsOnlyWhatTheReleaseNeeds(t *testing.T) {
	for name, unknown := range map[string]http.HandlerFunc{
		"a refusal": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"code":"unknown-method","message":"no such method"}`)
		},
		"a page": http.NotFound,
	} {
		t.Run(name, func(t *testing.T) {
			// Given a gateway that knows four calls
			g, _ := servedForMerchant(t)
			serve(t, onlyVersionCalls(t, os.Getenv("ALIPAYCN_ENDPOINT"), unknown))

			// When a version is released
			status, stdout, stderr := execute(t)

			// Then it is published, and each unknown call is one line
			require.Equal(t, 0, status, stderr)
			require.True(t, strings.HasSuffix(stdout, "published "+thirdParty+" 0.0.1\n"), stdout)
			require.Equal(t, alipaycn.StatusRelease, g.Status(program, "0.0.1"))
			require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1}, g.Effects(program))
			var without []string
			for line := range strings.Lines(stderr) {
				if _, what, found := strings.Cut(line, "going on without "); found {
					what, why, _ := strings.Cut(what, ": ")
					require.Contains(t, why, "HTTP 404")
					without = append(without, what)
				}
			}
			require.Equal(t, []string{"knowing what the token allows", "a QR code"}, without)
		})
	}
}

// onlyVersionCalls passes on what a release needs, and answers unknown otherwise.
func onlyVersionCalls(t *testing.T, endpoint string, unknown http.HandlerFunc) http.Handler {
	t.Helper()
	target, err := url.Parse(endpoint)
	require.NoError(t, err)
	const family = "/v3/alipay/open/mini/version/"
	mux := http.NewServeMux()
	for _, call := range []string{"detail/query", "audit/apply", "gray/online", "online"} {
		mux.Handle(family+call, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	}
	mux.HandleFunc("/", unknown)
	return mux
}

func TestWhatIsWrongIsSaidOnce(t *testing.T) {
	const first = "error: alipaycn: versions.get: "
	for name, tt := range map[string]struct {
		env    map[string]string
		change func(*options)
		says   []string
	}{
		"a wrong token": {
			map[string]string{"ALIPAYCN_APP_AUTH_TOKEN": "nonsense"},
			version("0.0.1"),
			[]string{first + "invalid-app-auth-token: ", "let the merchant authorize again"},
		},
		"no token": {
			map[string]string{"ALIPAYCN_APP_AUTH_TOKEN": ""},
			version("0.0.1"),
			[]string{first + "self-invoke-forbidden: ", "call it with the app_auth_token of the merchant's mini program"},
		},
		"a wrong app":         {map[string]string{"ALIPAYCN_APP_ID": "2021000000000999"}, version("0.0.1"), []string{first + "invalid-app-id: ", "check the app id"}},
		"no private key":      {map[string]string{"ALIPAYCN_PRIVATE_KEY_FILE": "/nowhere"}, version("0.0.1"), []string{"error: client options: ", "ALIPAYCN_PRIVATE_KEY_FILE"}},
		"a version too many":  {nil, version("9.9.9"), []string{first + "VERSION_IS_BLANK: ", "9.9.9"}},
		"no token in a file":  {map[string]string{"ALIPAYCN_APP_AUTH_TOKEN_FILE": "/nowhere"}, version("0.0.1"), []string{"error: client options: ", "ALIPAYCN_APP_AUTH_TOKEN_FILE"}},
		"a folder without it": {nil, func(opts *options) { opts.files = "/nowhere" }, []string{"error: -files: open /nowhere/application.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := servedForMerchant(t)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			status, stdout, stderr := execute(t, tt.change)
			require.Equal(t, 1, status)
			require.Empty(t, stdout)
			require.Empty(t, g.Effects(program))
			require.Equal(t, 1, strings.Count(stderr, "alipaycn: ")+strings.Count(stderr, "error: client options")+strings.Count(stderr, "error: -files"), stderr)
			last := stderr[strings.LastIndex(strings.TrimSuffix(stderr, "\n"), "\n")+1:]
			for _, text := range tt.says {
				require.Contains(t, last, text)
			}
		})
	}
}

// stopAt ends a context when a text is written.
type stopAt struct {
	bytes.Buffer

	text string
	stop context.CancelFunc
}

func (s *stopAt) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.text) {
		s.stop()
	}
	return s.Buffer.Write(p)
}

func TestInterruptedAnywhereAndRunAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for at, says := range map[string]string{
		"INIT":          "interrupted: ",
		"WAIT_RELEASE":  "interrupted: ",
		"GRAY at 10%":   "interrupted: version 0.0.1 is at 10%: ",
		"GRAY at 50%":   "interrupted: version 0.0.1 is at 50%: ",
		"RELEASE at 0%": "interrupted: ",
	} {
		t.Run(at, func(t *testing.T) {
			g, _ := servedForMerchant(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var stdout bytes.Buffer
			stderr := &stopAt{text: at, stop: cancel}

			require.Equal(t, 130, run(ctx, options{version: alipayplus.VersionNumber{Patch: 1}, observe: 10 * time.Millisecond}, nil, &stdout, log.New(stderr, "", 0)), stderr.String())

			require.Empty(t, stdout.String())
			require.Contains(t, stderr.String(), says)
			require.True(t, strings.HasSuffix(stderr.String(), "\nRun the same command again: what is done is not done twice.\n"))

			status, out, again := execute(t)
			require.Equal(t, 0, status, again)
			require.Equal(t, "published "+program+" 0.0.1\n", out)
			require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1, "qrcodes.create": 1}, g.Effects(program))
		})
	}
}

func TestWhatTheMerchantHasNotAuthorizedIsSaidBeforeTheApplication(t *testing.T) {
	g := served(t)
	t.Setenv("ALIPAYCN_APP_ID", thirdParty)
	const family = "alipay.open.mini.version."
	token, err := g.Authorize(thirdParty, program, family+"detail.query", family+"audit.apply", family+"gray.online")
	require.NoError(t, err)
	t.Setenv("ALIPAYCN_APP_AUTH_TOKEN", token.AppAuthToken)

	status, _, stderr := execute(t)
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "error: the merchant has not authorized alipay.open.mini.version.online; let the merchant authorize again\n")
	require.Empty(t, g.Effects(program))

	// No more than that is needed
	token, err = g.Authorize(thirdParty, program, family+"detail.query", family+"audit.apply", family+"gray.online", family+"online")
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "token"), []byte(token.AppAuthToken+"\n"), 0o600))
	t.Setenv("ALIPAYCN_APP_AUTH_TOKEN", "")
	t.Setenv("ALIPAYCN_APP_AUTH_TOKEN_FILE", filepath.Join(folder, "token"))
	status, stdout, stderr := execute(t)
	require.Equal(t, 0, status, stderr)
	require.Equal(t, "published "+program+" 0.0.1\n", stdout)
}

func TestTheSampleIsNotForAlipayCN(t *testing.T) {
	g := served(t)
	for _, endpoint := range []string{"", alipaycn.Production} {
		t.Setenv("ALIPAYCN_ENDPOINT", endpoint)
		status, _, stderr := execute(t)
		require.Equal(t, 1, status)
		require.Contains(t, stderr, "give -files FOLDER")
	}
	require.Empty(t, g.Effects(program))
}

func TestFilesOfOnesOwn(t *testing.T) {
	g := served(t)
	status, _, stderr := execute(t, func(opts *options) { opts.files = "sample" })
	require.Equal(t, 0, status, stderr)
	require.Equal(t, 1, g.Effects(program)["versions.apply"])

	in, err := readApplication(options{files: "sample", version: alipayplus.VersionNumber{Minor: 1}})
	require.NoError(t, err)
	require.Equal(t, "logo.png", in.AppLogo.Name)
	require.Len(t, in.ScreenShots, 2)
	require.Equal(t, alipayplus.VersionNumber{Minor: 1}, in.Version)

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "application.json"), []byte(`{"app_slogn":"tea"}`), 0o600))
	_, err = readApplication(options{files: folder})
	require.ErrorContains(t, err, folder)
	require.ErrorContains(t, err, "app_slogn")

	require.NoError(t, os.WriteFile(filepath.Join(folder, "application.json"), []byte(`{}`), 0o600))
	_, err = readApplication(options{files: folder})
	require.ErrorContains(t, err, "logo.png")
}
