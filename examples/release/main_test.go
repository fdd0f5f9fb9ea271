package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp/alipaycnapptest"
)

// processEnv holds the command line of a test binary that is to be the example.
const processEnv = "RELEASE_TEST_ARGS"

func TestMain(m *testing.M) {
	testkey.ClearEnv("ALIPAYPLUS_")
	if line, ok := os.LookupEnv(processEnv); ok {
		os.Args = append(os.Args[:1], strings.Fields(line)...)
		main()
	}
	os.Exit(m.Run())
}

// served is a platform on loopback that counts its calls.
type served struct {
	*platform.Platform
	workspace   string
	url         string
	credentials string
	// before is called before each call, which is counted then.
	before atomic.Pointer[func(*http.Request)]
	calls  atomic.Int64
	// serving is held by each call that is being answered, also when nobody waits for the answer any more.
	serving sync.RWMutex
}

func serve(t *testing.T) *served {
	t.Helper()
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithAutoReview(
		func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }))
	require.NoError(t, err)
	s := &served{Platform: p}
	s.workspace, err = p.AddWorkspace(t.Context(), alipayplus.BusinessRegistration{
		CompanyName: "Red Hill Coffee", RegistrationNumber: "1", Country: "SG", Address: "2 Hill Road", ContactName: "Pat", ContactEmail: "pat@redhill.example",
	})
	require.NoError(t, err)
	require.NoError(t, p.PutMember(t.Context(), platform.Member{WorkspaceID: s.workspace, Name: "owner", Role: alipayplus.RoleOwner}))
	id, err := p.AddClient(t.Context(), s.workspace, "owner", testkey.Client().Public())
	require.NoError(t, err)
	s.credentials = testkey.Folder(t, map[string][]byte{
		"client-id": []byte(id + "\n"), "private-key.pem": testkey.ClientPEM(), "platform-public-key.pem": testkey.FastKey().PublicPEM(),
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.serving.RLock()
		defer s.serving.RUnlock()
		s.calls.Add(1)
		if before := s.before.Load(); before != nil {
			(*before)(r)
		}
		p.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// run runs the example against the platform, with options changed.
func (s *served) run(ctx context.Context, change ...func(*options)) (status int, stdout, stderr string) {
	var out, progress bytes.Buffer
	opts := options{baseURL: s.url, credentials: s.credentials, confirm: true, version: alipayplus.VersionNumber{Major: 1}, until: "released"}
	for _, change := range change {
		change(&opts)
	}
	status = run(ctx, opts, nil, &out, log.New(&progress, "", 0))
	return status, out.String(), progress.String()
}

// finishCalls waits until each call is over, also the interrupted one.
func (s *served) finishCalls() {
	s.serving.Lock()
	defer s.serving.Unlock()
}

func asJSON(opts *options)       { opts.json = true }
func final(opts *options)        { opts.final = true }
func untilCreated(opts *options) { opts.until = "created" }

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

// outcome is what -json prints.
type outcome struct {
	ProgramID string
	Version   alipayplus.VersionNumber
	TargetApp alipayplus.TargetApp
	ReleaseID string
	Status    alipayplus.ReleaseStatus
	Ratio     alipayplus.Ratio
}

func TestJSONPrintsOneObject(t *testing.T) {
	s := serve(t)
	status, stdout, stderr := s.run(t.Context(), asJSON, final)
	require.Zero(t, status, stderr)
	var got outcome
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.Len(t, got.ProgramID, 16)
	require.NotEmpty(t, got.ReleaseID)
	got.ProgramID, got.ReleaseID = "", ""
	require.Equal(t, outcome{Version: alipayplus.VersionNumber{Major: 1}, TargetApp: alipayplus.TargetAlipayCN, Status: alipayplus.ReleaseFull, Ratio: alipayplus.FullRatio}, got)
	require.Equal(t, []string{"FULL_RELEASE"}, s.ratios(t))
}

// With -alipaycn the whole way is AlipayCN's, and each call of it is shown.
func TestReleaseToAlipayCNItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, progress bytes.Buffer
		opts := options{alipayCN: true, template: alipaycnapptest.Template, version: alipayplus.VersionNumber{Major: 1}, until: "released"}
		status := run(t.Context(), opts, nil, &out, log.New(&progress, "", 0))
		require.Zero(t, status, progress.String())
		require.Regexp(t, `^released \d{16} 1\.0\.0 to ALIPAY_CN at 100%\n$`, out.String())
		var writes []string
		for _, call := range regexp.MustCompile(`AlipayCN was asked for (\S+), trace \w+\n`).FindAllStringSubmatch(progress.String(), -1) {
			if !strings.HasSuffix(call[1], ".query") {
				writes = append(writes, strings.TrimPrefix(call[1], "alipay.open."))
			}
		}
		require.Equal(t, []string{
			"auth.token.app", "mini.version.upload", "mini.version.audit.apply",
			"mini.version.gray.online", "mini.version.gray.online", "mini.version.gray.online", "mini.version.online",
			"app.qrcode.create",
		}, writes)
		require.Contains(t, progress.String(), "GRAYSCALE_RELEASE at 30% of 10%, 30%, 50%, 100%")
	})
}

// Another program may drive the release from there, by the id that is the only line.
func TestUntilCreatedPrintsTheReleaseAndAppliesForNothing(t *testing.T) {
	s := serve(t)
	status, first, stderr := s.run(t.Context(), untilCreated)
	require.Zero(t, status, stderr)
	require.Regexp(t, `^rel_\w+\n$`, first)
	status, second, stderr := s.run(t.Context(), untilCreated)
	require.Zero(t, status, stderr)
	require.Equal(t, first, second)

	status, stdout, stderr := s.run(t.Context(), untilCreated, asJSON)
	require.Zero(t, status, stderr)
	var got outcome
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.Equal(t, strings.TrimSpace(first), got.ReleaseID)
	require.Equal(t, alipayplus.ReleaseNewVersionCreated, got.Status)
	require.Empty(t, s.ratios(t))

	status, stdout, stderr = s.run(t.Context())
	require.Zero(t, status, stderr)
	require.Contains(t, stdout, "at 100%")
}

// A person confirms at a platform that is served, unless the program is to do it.
func TestTheAuthorizationPageIsShown(t *testing.T) {
	s := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	asked := func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/authorization/query") {
			cancel()
		}
	}
	s.before.Store(&asked)
	status, stdout, stderr := s.run(ctx, func(opts *options) { opts.confirm = false })
	require.Equal(t, 130, status, stderr)
	require.Empty(t, stdout)
	require.Regexp(t, `open this page, press 确认选择 and then 确认授权: http://\S+state=`, stderr)
}

// Stopped before or after any call, and started again, it comes to the same end.
func TestStoppedAnywhereAndStartedAgainNothingIsDoneTwice(t *testing.T) {
	whole := serve(t)
	status, _, stderr := whole.run(t.Context())
	require.Zero(t, status, stderr)
	stride := 4
	if testing.Short() {
		stride = 12
	}
	for stop := 1; stop < int(whole.calls.Load()); stop += stride {
		s := serve(t)
		ctx, cancel := context.WithCancel(t.Context())
		interrupt := func(*http.Request) {
			if int(s.calls.Load()) == stop {
				cancel()
			}
		}
		s.before.Store(&interrupt)
		status, stdout, stderr := s.run(ctx)
		require.Equal(t, 130, status, stderr)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "Run the same command again")
		s.finishCalls()

		status, stdout, stderr = s.run(t.Context())
		require.Zero(t, status, "stopped at call %d: %s", stop, stderr)
		require.Contains(t, stdout, "at 100%")
		require.Equal(t, wholeLadder(), s.ratios(t), "stopped at call %d", stop)
	}
}

func TestBadUseIsOneLineThatSaysWhatToDo(t *testing.T) {
	s := serve(t)
	empty := t.TempDir()
	wrong := t.TempDir()
	require.NoError(t, os.CopyFS(wrong, os.DirFS(s.credentials)))
	require.NoError(t, os.WriteFile(filepath.Join(wrong, "private-key.pem"), testkey.PEM(), 0o600))
	for _, tt := range []struct {
		name   string
		change func(*options)
		status int
		want   string
	}{
		{"unknown end", func(opts *options) { opts.until = "reviewed" }, 2, "must be created or released"},
		{"credentials for nothing", func(opts *options) { opts.baseURL = "" }, 2, "-credentials need a -base-url"},
		{"no credentials", func(opts *options) { opts.credentials = empty }, 1, "credentials cannot be read: open"},
		{"no variables", func(opts *options) { opts.credentials = "" }, 1, "ALIPAYPLUS_CLIENT_ID"},
		{"wrong key", func(opts *options) { opts.credentials = wrong }, 1, "check that the private key belongs to the client id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := s.run(t.Context(), tt.change)
			require.Equal(t, tt.status, status)
			require.Empty(t, stdout)
			require.Contains(t, stderr, tt.want)
			require.Equal(t, 1, strings.Count(stderr, "\n"))
		})
	}
	require.Empty(t, s.ratios(t))
}

func TestNobodyAtTheAddressIsOneLine(t *testing.T) {
	s := serve(t)
	synctest.Test(t, func(t *testing.T) { // the waits between attempts
		status, stdout, stderr := s.run(t.Context(), func(opts *options) { opts.baseURL = "http://127.0.0.1:1" })
		require.Equal(t, 1, status)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "check the base URL")
		require.Equal(t, 1, strings.Count(stderr, "\n"))
	})
}

func TestTheCommandLine(t *testing.T) {
	for line, want := range map[string]struct {
		status         int
		stdout, stderr string
	}{
		"-until created -observe 1s":          {0, `^rel_\w+\n$`, `has version 1\.0\.0`},
		"-until created -version 2.3.4 -json": {0, `^\{.*"version":"2\.3\.4"\}\n$`, ""},
		"-h":                                  {0, `^$`, "-confirm-authorization"},
		"-nope":                               {2, `^$`, "flag provided but not defined"},
		"-version 1.2":                        {2, `^$`, `"1\.2" is not of the form x\.y\.z`},
		"-final please":                       {2, `^$`, "there are flags only"},
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			program, err := os.Executable()
			require.NoError(t, err)
			cmd := exec.CommandContext(t.Context(), program)
			cmd.Env = append(os.Environ(), processEnv+"="+line)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run()
			require.Equal(t, want.status, cmd.ProcessState.ExitCode(), stderr.String())
			require.Regexp(t, want.stdout, stdout.String())
			require.Regexp(t, want.stderr, stderr.String())
		})
	}
}
