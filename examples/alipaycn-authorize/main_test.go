package main

import (
	"bytes"
	"context"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const program, thirdParty = "2021000000000007", "2021000000000008"

func TestMain(m *testing.M) {
	testkey.ClearEnv("ALIPAYCN_")
	os.Exit(m.Run())
}

// served serves a gateway with a mini program and a third-party app, for which it sets the environment.
func served(t *testing.T) *alipaycntest.Gateway {
	t.Helper()
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()))
	require.NoError(t, err)
	require.NoError(t, g.AddApp(alipaycntest.App{ID: program}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: thirdParty, PublicKey: testkey.ClientPublicPEM(), ThirdParty: true}))
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	folder := testkey.Folder(t, map[string][]byte{"private.pem": testkey.ClientPEM(), "public.pem": g.AlipayPublicKey()})
	t.Setenv("ALIPAYCN_ENDPOINT", server.URL)
	t.Setenv("ALIPAYCN_APP_ID", thirdParty)
	t.Setenv("ALIPAYCN_PRIVATE_KEY_FILE", filepath.Join(folder, "private.pem"))
	t.Setenv("ALIPAYCN_PUBLIC_KEY_FILE", filepath.Join(folder, "public.pem"))
	return g
}

func execute(t *testing.T, opts options) (status int, stdout, stderr string) {
	t.Helper()
	var out, progress bytes.Buffer
	status = run(t.Context(), opts, nil, &out, log.New(&progress, "", 0))
	return status, out.String(), progress.String()
}

const redirect = "https://example.com/authorized"

func TestAgainstTheStandInInProcess(t *testing.T) {
	status, stdout, stderr := execute(t, options{credentials: t.TempDir(), redirect: redirect})
	require.Equal(t, 0, status, stderr)
	require.Regexp(t, `^authorized for 2021000000000001: export ALIPAYCN_APP_AUTH_TOKEN_FILE=\S+\n$`, stdout)
	require.Contains(t, stderr, "https://b.alipay.com/page/message/tasksDetail?bizData=")
}

func TestWithoutACodeTheLinkIsShown(t *testing.T) {
	g := served(t)
	status, stdout, stderr := execute(t, options{redirect: redirect})
	require.Equal(t, 0, status, stderr)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "https://b.alipay.com/page/message/tasksDetail?bizData=")
	require.Contains(t, stderr, "run this with -code CODE")
	require.Empty(t, g.Effects(thirdParty))
}

func TestTheTokenOfACodeIsKept(t *testing.T) {
	// Given a merchant who has authorized two calls
	g := served(t)
	code, err := g.AuthorizationCode(thirdParty, program, "alipay.open.mini.version.detail.query", "alipay.open.mini.version.online")
	require.NoError(t, err)
	opts := options{code: code, credentials: filepath.Join(t.TempDir(), "credentials"), redirect: redirect}

	// When the code, which works once, is given twice
	status, first, stderr := execute(t, opts)
	require.Equal(t, 0, status, stderr)
	status, second, stderr := execute(t, opts)
	require.Equal(t, 0, status, stderr)

	// Then its token is found again, and it is said what is missing
	require.Equal(t, first, second)
	require.Equal(t, map[string]int{"authorization.token": 1}, g.Effects(thirdParty))
	require.Contains(t, stderr, "not authorized: ")
	require.Contains(t, stderr, "alipay.open.mini.version.audit.apply")
	file := regexp.MustCompile(`^authorized for ` + program + `: export ALIPAYCN_APP_AUTH_TOKEN_FILE=(\S+)\n$`).FindStringSubmatch(first)
	require.Len(t, file, 2, first)
	token, err := os.ReadFile(file[1])
	require.NoError(t, err)
	require.NotContains(t, first+stderr, strings.TrimSpace(string(token)))
	if runtime.GOOS != "windows" { // it keeps no such permissions
		info, err := os.Stat(file[1])
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestWhatIsWrongIsOneLine(t *testing.T) {
	served(t)
	for _, tt := range []struct {
		name string
		opts options
		says string
	}{
		{"a wrong code", options{code: "abc", credentials: t.TempDir(), redirect: redirect}, "error: alipaycn: authorization.token: AUTH_CODE_NOT_EXIST: "},
		{"a wrong address", options{redirect: "ftp://example.com"}, "error: "},
		{"a file for a folder", options{code: "abc", credentials: os.Getenv("ALIPAYCN_PUBLIC_KEY_FILE"), redirect: redirect}, "error: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := execute(t, tt.opts)
			require.Equal(t, 1, status)
			require.Empty(t, stdout)
			require.Contains(t, stderr, tt.says)
			require.Equal(t, 1, strings.Count(stderr, "error: "))
		})
	}
	t.Setenv("ALIPAYCN_PRIVATE_KEY_FILE", "/nowhere")
	status, _, stderr := execute(t, options{redirect: redirect})
	require.Equal(t, 1, status)
	require.Contains(t, stderr, "ALIPAYCN_PRIVATE_KEY_FILE")
}

func TestHowItEnds(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Equal(t, 2, run(t.Context(), options{}, []string{"now"}, &stdout, log.New(&stderr, "", 0)))
	require.Equal(t, "error: there are flags only, and \"now\" is none\n", stderr.String())

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, 130, run(ctx, options{credentials: t.TempDir(), redirect: redirect}, nil, &stdout, log.New(&stderr, "", 0)))
	require.Contains(t, stderr.String(), "The stand-in in this process has forgotten everything: the next start begins anew.")
	require.Empty(t, stdout.String())
}
