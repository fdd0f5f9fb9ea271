package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const program = "2021000000000007"

const thirdParty = "2021000000000008"

// served serves a gateway with a mini program that calls for itself, and sets
// the environment for it.
func served(t *testing.T) *alipaycntest.Gateway {
	t.Helper()
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.Key()), alipaycntest.WithAutoReview(0))
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(testkey.Client().Public())
	require.NoError(t, err)
	key := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	require.NoError(t, g.AddApp(alipaycntest.App{ID: program, PublicKey: key}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: thirdParty, PublicKey: key, ThirdParty: true}))
	require.NoError(t, g.AddVersion(program, "0.0.1"))
	serve(t, g)

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "private.pem"), testkey.ClientPEM(), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "public.pem"), g.AlipayPublicKey(), 0o600))
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

func execute(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, progress bytes.Buffer
	status = run(t.Context(), append([]string{"-observe", "1ms"}, args...), &out, &progress)
	return status, out.String(), progress.String()
}

func TestAgainstTheStandInInProcess(t *testing.T) {
	status, stdout, stderr := execute(t, "-version", "1.2.3")
	require.Equal(t, command.Done, status, stderr)
	require.Equal(t, "published "+standInProgram+" 1.2.3\n", stdout)
	require.Contains(t, stderr, "https://b.alipay.com/page/message/tasksDetail?bizData=")
	require.Contains(t, stderr, "authorized for "+standInProgram)
	require.Contains(t, stderr, "a logo and 2 screenshots")
	require.Contains(t, stderr, "(50)")
	require.Contains(t, stderr, "QR code: https://")
}

func TestAgainstAGatewayThatIsServed(t *testing.T) {
	g := served(t)
	status, stdout, stderr := execute(t)
	require.Equal(t, command.Done, status, stderr)
	require.Equal(t, "published "+program+" 0.0.1\n", stdout)
	require.Contains(t, stderr, "the app calls for itself")
	require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1, "qrcodes.create": 1}, g.Effects(program))

	// When it runs again, nothing is released twice
	status, _, stderr = execute(t)
	require.Equal(t, command.Done, status, stderr)
	require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1, "qrcodes.create": 2}, g.Effects(program))
}

func TestCallsThatTheReleaseDoesNotNeedMayBeUnknown(t *testing.T) {
	g := served(t)
	for _, operation := range []string{"versions.list", "baseInfo.get", "qrcodes.create"} {
		g.Inject(alipaycntest.Fault{Operation: operation, Code: alipaycn.GatewayInvalidMethod})
	}
	status, stdout, stderr := execute(t)
	require.Equal(t, command.Done, status, stderr)
	require.Equal(t, "published "+program+" 0.0.1\n", stdout)
	require.Contains(t, stderr, "going on without the list of versions: ")
	require.Contains(t, stderr, "going on without the information that AlipayCN has saved: ")
	require.Contains(t, stderr, "going on without a QR code: ")
}

func TestACallThatTheReleaseNeedsEndsIt(t *testing.T) {
	g := served(t)
	g.Inject(alipaycntest.Fault{Operation: "versions.publish", Code: alipaycn.GatewayInvalidMethod})
	status, stdout, stderr := execute(t)
	require.Equal(t, command.Failed, status)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "error: ")
	require.Equal(t, alipaycn.StatusGray, g.Status(program, "0.0.1"))
}

func TestInterrupted(t *testing.T) {
	served(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	var stdout, stderr bytes.Buffer
	require.Equal(t, command.Interrupted, run(ctx, nil, &stdout, &stderr))
	require.Contains(t, stderr.String(), "not done twice")
}

func TestWrongUse(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		status int
	}{
		{[]string{"-nope"}, command.Usage},
		{[]string{"-h"}, command.Done},
		{[]string{"-version", "one"}, command.Failed},
		{[]string{"-files", t.TempDir()}, command.Failed},
		{[]string{"-redirect", "ftp://example.com"}, command.Failed},
	} {
		status, stdout, _ := execute(t, tt.args...)
		require.Equal(t, tt.status, status, tt.args)
		require.Empty(t, stdout)
	}
	t.Setenv("ALIPAYCN_ENDPOINT", "http://127.0.0.1:1")
	status, _, stderr := execute(t)
	require.Equal(t, command.Failed, status)
	require.Contains(t, stderr, "app")
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
			// Given a gateway that knows five calls
			g, _ := servedForMerchant(t)
			serve(t, onlyVersionCalls(t, os.Getenv("ALIPAYCN_ENDPOINT"), unknown))

			// When a version is released
			status, stdout, stderr := execute(t)

			// Then it is published, and each unknown call is one line
			require.Equal(t, command.Done, status, stderr)
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
			require.Equal(t, []string{"a look at what the token allows", "the information that AlipayCN has saved", "a QR code"}, without)
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
	for _, call := range []string{"list/query", "detail/query", "audit/apply", "gray/online", "online"} {
		mux.Handle(family+call, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	}
	mux.HandleFunc("/", unknown)
	return mux
}

func TestWhatIsWrongIsSaidOnce(t *testing.T) {
	const first = "error: alipaycn: versions.get: "
	for name, tt := range map[string]struct {
		env  map[string]string
		args []string
		says []string
	}{
		"a wrong token": {
			map[string]string{"ALIPAYCN_APP_AUTH_TOKEN": "nonsense"},
			nil,
			[]string{first + "invalid-app-auth-token: ", "let the merchant authorize again"},
		},
		"no token": {
			map[string]string{"ALIPAYCN_APP_AUTH_TOKEN": ""},
			nil,
			[]string{first + "self-invoke-forbidden: ", "call it with the app_auth_token of the merchant's mini program"},
		},
		"a wrong code": {
			map[string]string{"ALIPAYCN_APP_AUTH_TOKEN": ""},
			[]string{"-code", "abc", "-credentials", t.TempDir()},
			[]string{"error: alipaycn: authorization.token: AUTH_CODE_NOT_EXIST: ", "let the merchant authorize again"},
		},
		"a wrong app":         {map[string]string{"ALIPAYCN_APP_ID": "2021000000000999"}, nil, []string{first + "invalid-app-id: ", "check the app id"}},
		"no private key":      {map[string]string{"ALIPAYCN_PRIVATE_KEY_FILE": "/nowhere"}, nil, []string{"error: client options: ", "ALIPAYCN_PRIVATE_KEY_FILE"}},
		"a version too many":  {nil, []string{"-version", "9.9.9"}, []string{first + "VERSION_IS_BLANK: ", "9.9.9"}},
		"no token in a file":  {map[string]string{"ALIPAYCN_APP_AUTH_TOKEN_FILE": "/nowhere"}, nil, []string{"error: client options: ", "ALIPAYCN_APP_AUTH_TOKEN_FILE"}},
		"a folder without it": {nil, []string{"-files", "/nowhere"}, []string{`error: folder "/nowhere" of -files: `, "application.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := servedForMerchant(t)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			status, stdout, stderr := execute(t, tt.args...)
			require.Equal(t, command.Failed, status)
			require.Empty(t, stdout)
			require.Empty(t, g.Effects(program))
			require.Equal(t, 1, strings.Count(stderr, "alipaycn: ")+strings.Count(stderr, "error: client options")+strings.Count(stderr, "error: folder"), stderr)
			last := stderr[strings.LastIndex(strings.TrimSuffix(stderr, "\n"), "\n")+1:]
			for _, text := range tt.says {
				require.Contains(t, last, text)
			}
		})
	}
}

func TestAVersionThatIsNotThereShowsThoseThatAre(t *testing.T) {
	served(t)
	_, _, stderr := execute(t, "-version", "9.9.9")
	require.Contains(t, stderr, "0.0.1 INIT\nerror: ")
}

// stopAt is a console that ends a context when a text is written.
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
	for at, says := range map[string]string{
		"calling":     "interrupted: ",
		"applied for": "interrupted: ",
		"(10)":        "interrupted: version 0.0.1 is at 10%: ",
		"(50)":        "interrupted: version 0.0.1 is at 50%: ",
		"(100)":       "interrupted: ",
	} {
		t.Run(at, func(t *testing.T) {
			g, _ := servedForMerchant(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var stdout bytes.Buffer
			stderr := &stopAt{text: at, stop: cancel}

			require.Equal(t, command.Interrupted, run(ctx, []string{"-observe", "1ms"}, &stdout, stderr), stderr.String())

			require.Empty(t, stdout.String())
			require.Contains(t, stderr.String(), says)
			require.True(t, strings.HasSuffix(stderr.String(), "\nRun the same command again: what is done is not done twice.\n"))

			status, out, again := execute(t)
			require.Equal(t, command.Done, status, again)
			require.Equal(t, "published "+program+" 0.0.1\n", out)
			require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1, "qrcodes.create": 1}, g.Effects(program))
		})
	}
}

func TestTheTokenOfACodeIsKept(t *testing.T) {
	g := served(t)
	t.Setenv("ALIPAYCN_APP_ID", thirdParty)
	code, err := g.AuthorizationCode(thirdParty, program)
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "credentials")

	// Given a run with a code that ends early
	status, _, stderr := execute(t, "-code", code, "-credentials", folder, "-version", "9.9.9")
	require.Equal(t, command.Failed, status)
	require.Contains(t, stderr, "give it in ALIPAYCN_APP_AUTH_TOKEN_FILE from now on")

	// When the same code, which works once, is given again
	status, stdout, stderr := execute(t, "-code", code, "-credentials", folder)

	// Then its token is used, and no other
	require.Equal(t, command.Done, status, stderr)
	require.Equal(t, "published "+program+" 0.0.1\n", stdout)
	require.Equal(t, map[string]int{"authorization.token": 1}, g.Effects(thirdParty))

	// And so it is by its file
	files, err := filepath.Glob(filepath.Join(folder, "app-auth-token-*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	t.Setenv("ALIPAYCN_APP_AUTH_TOKEN_FILE", files[0])
	status, stdout, stderr = execute(t)
	require.Equal(t, command.Done, status, stderr)
	require.Equal(t, "published "+program+" 0.0.1\n", stdout)
	require.NotContains(t, stderr, "no token")
}

func TestWhatTheMerchantHasNotAuthorizedIsSaidBeforeTheApplication(t *testing.T) {
	g := served(t)
	t.Setenv("ALIPAYCN_APP_ID", thirdParty)
	const family = "alipay.open.mini.version."
	token, err := g.Authorize(thirdParty, program, family+"detail.query", family+"audit.apply", family+"gray.online")
	require.NoError(t, err)
	t.Setenv("ALIPAYCN_APP_AUTH_TOKEN", token.AppAuthToken)

	status, _, stderr := execute(t)
	require.Equal(t, command.Failed, status)
	require.Contains(t, stderr, "error: the merchant has not authorized alipay.open.mini.version.online; let the merchant authorize again\n")
	require.Empty(t, g.Effects(program))

	// A list is not needed
	token, err = g.Authorize(thirdParty, program, family+"detail.query", family+"audit.apply", family+"gray.online", family+"online")
	require.NoError(t, err)
	t.Setenv("ALIPAYCN_APP_AUTH_TOKEN", token.AppAuthToken)
	status, _, stderr = execute(t)
	require.Equal(t, command.Done, status, stderr)
	require.Contains(t, stderr, "going on without the list of versions: ")
}

func TestTheSampleIsNotForAlipayCN(t *testing.T) {
	r := releaser{production: true}
	require.ErrorContains(t, r.apply(t.Context()), "give -files FOLDER")
}

func TestAMisspeltFieldIsAnError(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "application.json"), []byte(`{"app_slogn":"tea"}`), 0o600))
	_, err := readApplication(folder, alipayplus.VersionNumber{Patch: 1})
	require.ErrorContains(t, err, folder)
	require.ErrorContains(t, err, "app_slogn")
}
