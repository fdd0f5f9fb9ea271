package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() { // of a platform in earnest, which no test may call
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "ALIPAYPLUS_") {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

// served is a platform on loopback whose calls can be watched.
type served struct {
	*platform.Platform
	workspace   string
	url         string
	credentials string
	// before is called before each call, with the number of calls so far.
	before atomic.Pointer[func(calls int)]
	calls  atomic.Int64
}

func serve(t *testing.T) *served {
	t.Helper()
	p, err := platform.New(platform.WithSigner(testkey.Key()), platform.WithAutoReview(
		func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }))
	require.NoError(t, err)
	s := &served{Platform: p, credentials: t.TempDir()}
	s.workspace, err = p.AddWorkspace(t.Context(), setup.Company())
	require.NoError(t, err)
	require.NoError(t, p.PutMember(t.Context(), platform.Member{WorkspaceID: s.workspace, Name: "owner", Role: alipayplus.RoleOwner}))
	id, err := p.AddClient(t.Context(), s.workspace, "owner", testkey.Client().Public())
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"client-id":               []byte(id + "\n"),
		"private-key.pem":         testkey.ClientPEM(),
		"platform-public-key.pem": p.PublicKeyPEM(),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(s.credentials, name), content, 0o600))
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(s.calls.Add(1))
		if before := s.before.Load(); before != nil {
			(*before)(n)
		}
		p.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// run runs the example against the platform.
func (s *served) run(ctx context.Context, more ...string) (status int, stdout, stderr string) {
	var out, progress bytes.Buffer
	args := append([]string{
		"-base-url", s.url, "-credentials", s.credentials, "-confirm-authorization",
		"-file", "sample/release.json", "-qr", "", "-observe", "0s",
	}, more...)
	status = run(ctx, args, &out, &progress)
	return status, out.String(), progress.String()
}

// ratios are those that were set, by the audit log, in order.
func (s *served) ratios(t *testing.T) []string {
	t.Helper()
	var set []string
	for e, err := range s.Audit(t.Context(), s.workspace) {
		require.NoError(t, err)
		if e.Kind == "release" && (strings.HasPrefix(e.To, "GRAYSCALE_RELEASE") || e.To == "FULL_RELEASE") {
			set = append(set, e.To)
		}
	}
	return set
}

func wholeLadder() []string {
	return []string{
		"GRAYSCALE_RELEASE 1%", "GRAYSCALE_RELEASE 5%", "GRAYSCALE_RELEASE 10%", "GRAYSCALE_RELEASE 20%",
		"GRAYSCALE_RELEASE 30%", "GRAYSCALE_RELEASE 50%", "FULL_RELEASE",
	}
}

func TestReleaseGoesToAllUsersAndASecondRunFindsItDone(t *testing.T) {
	s := serve(t)
	for range 2 {
		status, stdout, stderr := s.run(t.Context())
		require.Zero(t, status, stderr)
		require.Regexp(t, `^released \d{16} 1\.0\.0 to ALIPAY_CN at 100%\n$`, stdout)
	}
	require.Equal(t, wholeLadder(), s.ratios(t))
}

func TestJSONPrintsOneObject(t *testing.T) {
	s := serve(t)
	status, stdout, stderr := s.run(t.Context(), "-json", "-final")
	require.Zero(t, status, stderr)
	var got outcome
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.Equal(t, alipayplus.ReleaseFull, got.Status)
	require.Equal(t, alipayplus.FullRatio, got.Ratio)
	require.Equal(t, []string{"FULL_RELEASE"}, s.ratios(t))
}

// Another program may drive the release from there, by the id that is the only line.
func TestUntilCreatedPrintsTheReleaseAndAppliesForNothing(t *testing.T) {
	s := serve(t)
	status, first, stderr := s.run(t.Context(), "-until", "created")
	require.Zero(t, status, stderr)
	require.Regexp(t, `^rel_\w+\n$`, first)
	status, second, stderr := s.run(t.Context(), "-until", "created")
	require.Zero(t, status, stderr)
	require.Equal(t, first, second)

	status, stdout, stderr := s.run(t.Context(), "-until", "created", "-json")
	require.Zero(t, status, stderr)
	var got outcome
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.Equal(t, strings.TrimSpace(first), got.ReleaseID)
	require.Equal(t, alipayplus.ReleaseNewVersionCreated, got.Status)
	require.Empty(t, s.ratios(t))

	status, stdout, stderr = s.run(t.Context(), "-until", "released")
	require.Zero(t, status, stderr)
	require.Contains(t, stdout, "at 100%")
}

// Stopped before or after any call, and started again, it comes to the same end.
func TestStoppedAnywhereAndStartedAgainNothingIsDoneTwice(t *testing.T) {
	whole := serve(t)
	status, _, stderr := whole.run(t.Context())
	require.Zero(t, status, stderr)
	const stride = 4
	for stop := 1; stop < int(whole.calls.Load()); stop += stride {
		s := serve(t)
		ctx, cancel := context.WithCancel(t.Context())
		interrupt := func(calls int) {
			if calls == stop {
				cancel()
			}
		}
		s.before.Store(&interrupt)
		status, stdout, stderr := s.run(ctx)
		require.Equal(t, command.Interrupted, status, stderr)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "Run the same command again")

		status, stdout, stderr = s.run(t.Context())
		require.Zero(t, status, "stopped at call %d: %s", stop, stderr)
		require.Contains(t, stdout, "at 100%")
		require.Equal(t, wholeLadder(), s.ratios(t), "stopped at call %d", stop)
	}
}

func TestBadUseIsOneLineThatSaysWhatToDo(t *testing.T) {
	s := serve(t)
	empty := t.TempDir()
	broken := filepath.Join(empty, "broken.json")
	require.NoError(t, os.WriteFile(broken, []byte(`{"version": "1.2"}`), 0o600))
	unknown, twice, bare := filepath.Join(empty, "unknown.json"), filepath.Join(empty, "twice.json"), filepath.Join(empty, "bare.json")
	require.NoError(t, os.WriteFile(unknown, []byte(`{"archive": "package.zip"}`), 0o600))
	require.NoError(t, os.WriteFile(twice, []byte(`{} {}`), 0o600))
	require.NoError(t, os.WriteFile(bare, []byte(`{"program": {"languages": [{"language": "en-US", "name": "Tea"}]}}`), 0o600))
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"unknown flag", []string{"-nope"}, command.Usage, "flag provided but not defined"},
		{"unknown end", []string{"-until", "reviewed"}, command.Usage, "must be created or released"},
		{"credentials for nothing", []string{"-base-url", ""}, command.Usage, "give -base-url too"},
		{"unknown field", []string{"-file", unknown}, command.Failed, `unknown field "archive"`},
		{"two descriptions", []string{"-file", twice}, command.Failed, "there is more behind the object"},
		{"no package", []string{"-file", bare}, command.Failed, "package must name a zip file"},
		{"no description", []string{"-file", "none.json"}, command.Failed, "release description: open none.json"},
		{"wrong version", []string{"-file", broken}, command.Failed, `"1.2" is not of the form x.y.z`},
		{"no credentials", []string{"-credentials", empty}, command.Failed, "credentials: open"},
		{"wrong port", []string{"-base-url", "http://127.0.0.1:1"}, command.Failed, "check the base URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := s.run(t.Context(), tt.args...)
			require.Equal(t, tt.status, status)
			require.Empty(t, stdout)
			require.Contains(t, stderr, tt.want)
		})
	}
	require.Empty(t, s.ratios(t))
}
