package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// processEnv turns the test binary into the program.
const processEnv = "ALIPAYPLUS_TEST_PROCESS"

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(initEnv) != "":
		os.Exit(runInit())
	case os.Getenv(processEnv) != "":
		main()
	}
	testscript.Main(withoutCredentials{m}, map[string]func(){"alipayplus": main})
}

// withoutCredentials are the tests, without what a CI system, or a developer, has set.
type withoutCredentials struct{ *testing.M }

func (m withoutCredentials) Run() int {
	testkey.ClearEnv("ALIPAYPLUS_", "ALIPAYCN_", "GITHUB_")
	return m.M.Run()
}

// TestScripts runs the command lines of testdata/script, each in a folder of its own, by the
// program itself. See [scriptCommands] for what scripts can use besides.
func TestScripts(t *testing.T) {
	t.Parallel()

	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, Cmds: scriptCommands(), Setup: scriptSetup, Condition: scriptCondition,
	})
}

// A machine with zone files cannot show by a rollout that the program needs none.
func TestTheTimeZonesAreLinkedIn(t *testing.T) {
	t.Parallel()

	packages, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()

	require.NoError(t, err)
	require.True(t, slices.Contains(strings.Fields(string(packages)), "time/tzdata"))
}

// place is a platform on loopback, a release on it that was not applied for, and a
// folder with a spec. The environment holds the credentials.
type place struct {
	*testing.T
	p         *platform.Platform
	workspace string
	owner     *alipayplus.Client
	program   string
	release   string
	folder    string
	url       string
	// before is called before each call of the platform.
	before atomic.Pointer[func(r *http.Request)]
}

const stepwise = `
version: 1
steps: [{ratio: 1}, {ratio: 10}, {ratio: 100}]
`

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

func approving(alipayplus.Party, *alipayplus.Request) platform.Decision {
	return platform.ApproveAfter(0)
}

func newPlace(t *testing.T, spec string, review platform.AutoReview) *place {
	t.Helper()
	p, err := platform.New(platform.WithSigner(testkey.Key()), platform.WithAutoReview(review))
	require.NoError(t, err)
	s := &place{T: t, p: p, folder: t.TempDir()}
	s.workspace, err = p.AddWorkspace(t.Context(), company())
	require.NoError(t, err)
	require.NoError(t, p.PutMember(t.Context(), platform.Member{WorkspaceID: s.workspace, Name: "owner", Role: alipayplus.RoleOwner}))
	s.owner, err = p.Client(t.Context(), s.workspace, "owner")
	require.NoError(t, err)
	s.serve(p)
	s.credentials()
	s.prepare()
	s.flags(spec)
	t.Setenv("ALIPAYPLUS_ROLLOUT_RELEASE", s.release)
	return s
}

// serve serves what is called on loopback.
func (s *place) serve(called http.Handler) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before := s.before.Load(); before != nil {
			(*before)(r)
		}
		called.ServeHTTP(w, r)
	}))
	s.Cleanup(server.Close)
	s.url = server.URL
}

// flags gives the flags that all calls have in common.
func (s *place) flags(spec string) {
	s.Helper()
	s.write("release.yaml", spec)
	s.Setenv("ALIPAYPLUS_ROLLOUT_SPEC", s.path("release.yaml"))
	s.Setenv("ALIPAYPLUS_ROLLOUT_STATE", s.path("state"))
	s.Setenv("ALIPAYPLUS_ROLLOUT_INTERVAL", "20ms")
	s.Setenv("ALIPAYPLUS_ROLLOUT_BY", "mei")
}

func (s *place) path(name string) string { return filepath.Join(s.folder, name) }

func (s *place) write(name, content string) {
	s.Helper()
	require.NoError(s, os.WriteFile(s.path(name), []byte(content), 0o600))
}

func (s *place) read(name string) string {
	s.Helper()
	content, err := os.ReadFile(s.path(name))
	require.NoError(s, err)
	return string(content)
}

func (s *place) credentials() {
	s.Helper()
	id, err := s.p.AddClient(s.Context(), s.workspace, "owner", testkey.Client().Public())
	require.NoError(s, err)
	s.write("private-key.pem", string(testkey.ClientPEM()))
	s.Setenv("ALIPAYPLUS_BASE_URL", s.url)
	s.Setenv("ALIPAYPLUS_CLIENT_ID", id)
	s.Setenv("ALIPAYPLUS_PRIVATE_KEY_FILE", s.path("private-key.pem"))
	s.Setenv("ALIPAYPLUS_PLATFORM_PUBLIC_KEY", string(s.p.PublicKeyPEM()))
}

// prepare makes an authorized mini program and a release of its version 1.0.0.
func (s *place) prepare() {
	s.Helper()
	program, err := s.owner.Programs.Create(s.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{
		{Language: "en-US", Name: "Blue Lake Tea"}, {Language: "zh-CN", Name: "蓝湖茶"},
	}})
	require.NoError(s, err)
	s.program = program.ID
	require.NoError(s, s.p.GrantAuthorization(s.Context(), s.workspace, s.program, alipayplus.TargetAlipayCN))
	s.release = s.version(alipayplus.VersionNumber{Major: 1})
}

// version makes a release of a version.
func (s *place) version(number alipayplus.VersionNumber) (release string) {
	s.Helper()
	var build bytes.Buffer
	archive := zip.NewWriter(&build)
	_, err := archive.Create(number.String())
	require.NoError(s, err)
	require.NoError(s, archive.Close())
	_, err = s.owner.Programs.UploadVersion(s.Context(), alipayplus.UploadVersionInput{
		ProgramID: s.program, Version: number, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	require.NoError(s, err)
	made, err := s.owner.Releases.Create(s.Context(), alipayplus.CreateReleaseInput{
		ProgramID: s.program, Version: number, TargetApp: alipayplus.TargetAlipayCN,
	})
	require.NoError(s, err)
	return made.ID
}

// run runs the program. What it prints must be one JSON object.
func (s *place) run(args ...string) (got report.Report, stderr string) {
	s.Helper()
	return s.runUntil(s.Context(), args...)
}

func (s *place) runUntil(ctx context.Context, args ...string) (got report.Report, stderr string) {
	s.Helper()
	var out, progress bytes.Buffer
	status := call(ctx, args, &out, &progress)
	require.NoError(s, json.Unmarshal(out.Bytes(), &got), "%s\n%s", out.String(), progress.String())
	require.Equal(s, got.ExitStatus, status, progress.String())
	require.Equal(s, 1, strings.Count(out.String(), "\n"))
	return got, progress.String()
}

// call calls a rollout command as its process would: "run" where none is named.
func call(ctx context.Context, args []string, stdout, stderr io.Writer) report.Exit {
	return report.Exit(run(ctx, command(args), stdout, stderr))
}

// command is the command line of a rollout command, which may stand anywhere among args.
func command(args []string) []string {
	commands := []string{commandPlan, commandRun, commandStep, commandStatus, commandHistory, commandPause, commandResume, commandApprove, commandRevoke, commandAbort}
	for i, arg := range args {
		if slices.Contains(commands, arg) {
			return slices.Concat([]string{"rollout", arg}, args[:i], args[i+1:])
		}
	}
	return append([]string{"rollout", commandRun}, args...)
}

// changes are those that the platform made, in order.
func (s *place) changes() []string {
	s.Helper()
	var all []string
	for e, err := range s.p.Audit(s.Context(), s.workspace) {
		require.NoError(s, err)
		if e.Kind == "release" && e.From != "" {
			all = append(all, e.To)
		}
	}
	return all
}

func climbed(ratios ...int) []string {
	all := []string{"UNDER_REVIEW", "RELEASE_PREPARATION"}
	for _, ratio := range ratios {
		all = append(all, fmt.Sprintf("GRAYSCALE_RELEASE %d%%", ratio))
	}
	return all
}

func climbedToTheEnd(ratios ...int) []string { return append(climbed(ratios...), "FULL_RELEASE") }
