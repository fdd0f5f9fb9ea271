package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

const (
	cnProgram    = "2021000000000007"
	cnThirdParty = "2021000000000008"
	cnTarget     = "AlipayCN app " + cnProgram + " version 0.0.1"
)

const cnStepwise = `
version: 1
steps: [{ratio: 10}, {ratio: 30}, {ratio: 50}, {ratio: 100}]
`

// cnPatient is a spec that stays at 10%.
const cnPatient = `
version: 1
steps: [{ratio: 10, bake: 1h}, {ratio: 100}]
`

// newCNPlace is a stand-in for AlipayCN on loopback, with a mini program whose version
// 0.0.1 is in development, and a folder with a spec. The environment holds the
// credentials of the mini program, and what its version is applied for with.
func newCNPlace(t *testing.T, spec string, opts ...alipaycntest.Option) (*place, *alipaycntest.Gateway) {
	t.Helper()
	g, err := alipaycntest.New(append([]alipaycntest.Option{alipaycntest.WithKey(testkey.Key())}, opts...)...)
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(testkey.Client().Public())
	require.NoError(t, err)
	key := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	require.NoError(t, g.AddApp(alipaycntest.App{ID: cnProgram, PublicKey: key}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: cnThirdParty, PublicKey: key, ThirdParty: true}))
	require.NoError(t, g.AddVersion(cnProgram, "0.0.1"))

	s := &place{T: t, folder: t.TempDir()}
	s.serve(g)
	s.flags(spec)
	s.write("private-key.pem", string(testkey.ClientPEM()))
	t.Setenv("ALIPAYCN_ENDPOINT", s.url)
	t.Setenv("ALIPAYCN_APP_ID", cnProgram)
	t.Setenv("ALIPAYCN_PRIVATE_KEY_FILE", s.path("private-key.pem"))
	t.Setenv("ALIPAYCN_PUBLIC_KEY", string(g.AlipayPublicKey()))
	t.Setenv("ALIPAYPLUS_ROLLOUT_ALIPAYCN_VERSION", "0.0.1")
	t.Setenv("ALIPAYPLUS_ROLLOUT_APPLICATION", "samples/application.yaml")
	return s, g
}

// forMerchant lets the third-party app call, with the merchant's token.
func (s *place) forMerchant(g *alipaycntest.Gateway) {
	s.Helper()
	token, err := g.Authorize(cnThirdParty, cnProgram)
	require.NoError(s, err)
	s.Setenv("ALIPAYCN_APP_ID", cnThirdParty)
	s.write("token", token.AppAuthToken+"\n")
	s.Setenv("ALIPAYCN_APP_AUTH_TOKEN_FILE", s.path("token"))
}

// cnClimbed are the changes that a whole climb makes: each once.
func cnClimbed() map[string]int {
	return map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1}
}

func TestAVersionGoesToAllUsersOfAlipayCN(t *testing.T) {
	for name, caller := range map[string]func(*place, *alipaycntest.Gateway){
		"the mini program calls":  func(*place, *alipaycntest.Gateway) {},
		"a third-party app calls": (*place).forMerchant,
	} {
		t.Run(name, func(t *testing.T) {
			s, g := newCNPlace(t, cnStepwise, alipaycntest.WithAutoReview(0))
			caller(s, g)
			for range 2 {
				got, stderr := s.run()
				require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
				require.Equal(t, rollout.Done, got.Status)
				require.Equal(t, cnTarget, got.Target)
				require.Equal(t, cnTarget, got.Rollout)
				require.Equal(t, "review done, 10% done, 30% done, 50% done, 100% done", stepsOf(got))
				require.Empty(t, got.GoOn)
			}
			require.Equal(t, cnClimbed(), g.Effects(cnProgram))
			require.Equal(t, alipaycn.StatusRelease, g.Status(cnProgram, "0.0.1"))
		})
	}
}

func TestTheSpecToTryIsOneForAlipayCN(t *testing.T) {
	s, g := newCNPlace(t, cnStepwise)
	var stdout, stderr bytes.Buffer
	require.Zero(t, call(t.Context(), []string{"plan", "--spec", "samples/try-alipaycn.yaml"}, &stdout, &stderr), stderr.String())
	require.True(t, strings.HasPrefix(stdout.String(), cnTarget+" is NEW_VERSION_CREATED at 0%; plan "))
	require.Contains(t, stdout.String(), "set 50%, after approval")
	require.Empty(t, g.Effects(cnProgram))

	got, _ := s.run("plan", "--spec", "samples/try.yaml")
	require.Equal(t, report.ExitUsage, got.ExitStatus)
	require.Contains(t, got.Message, "steps[0].ratio is 1%, which the target does not offer")
}

func TestOrdersOverAlipayCN(t *testing.T) {
	s, g := newCNPlace(t, cnPatient+"reviewDeadline: 1h\n")
	ask := func(status report.Exit, args ...string) report.Report {
		t.Helper()
		got, stderr := s.run(args...)
		require.Equal(t, status, got.ExitStatus, stderr)
		return got
	}
	require.Equal(t, "the rollout has not begun; "+cnTarget+" is NEW_VERSION_CREATED at 0%", ask(report.ExitDone, "status").Message)
	require.Equal(t, "under review: ALIPAY_CN pending", ask(report.ExitPending, "step", "--program", cnProgram).WaitingFor)
	require.NoError(t, g.Approve(cnProgram, "0.0.1"))
	got := ask(report.ExitPending, "step", "--alipaycn-version", "0.0.1")
	require.Equal(t, "review done, 10% live, 100% todo", stepsOf(got))
	require.Regexp(t, " rollout step --alipaycn-version 0.0.1$", got.GoOn)
	require.Equal(t, rollout.Paused, ask(report.ExitDone, "pause").Status)
	require.Equal(t, rollout.Running, ask(report.ExitDone, "resume").Status)
	got = ask(report.ExitDone, "abort", "--reason", "wrong logo")
	require.Equal(t, rollout.Aborted, got.Status)
	require.Contains(t, got.Message, "wrong logo; the grayscale release is ended and nobody has the version any more")
	require.Equal(t, alipaycn.StatusInit, g.Status(cnProgram, "0.0.1"))
}

// After a rejection the application is read anew; what is wrong with it then changes nothing.
func TestAVersionThatAlipayCNRejectsIsAppliedForAnew(t *testing.T) {
	s, g := newCNPlace(t, cnStepwise)
	_, _ = s.run("step")
	require.NoError(t, g.Reject(cnProgram, "0.0.1", alipaycntest.Verdict{Reason: "the icon is too small"}))
	got, stderr := s.run()
	require.Equal(t, report.ExitRejected, got.ExitStatus, stderr)
	require.Contains(t, got.Message, "ALIPAY_CN rejected it: the icon is too small")
	require.Equal(t, "review failed, 10% todo, 30% todo, 50% todo, 100% todo", stepsOf(got))
	require.Contains(t, got.GoOn, " resume")

	_, _ = s.run("resume")
	require.Zero(t, call(t.Context(), []string{"plan", "--application", ""}, new(bytes.Buffer), new(bytes.Buffer)), "what is begun can be planned without it")
	s.write("mended.yaml", "version_desc: A first version, whose icon is larger now.\nlogo: none.png\n")
	got, stderr = s.run("--application", s.path("mended.yaml"))
	require.Equal(t, report.ExitUsage, got.ExitStatus, stderr)
	require.Contains(t, got.Message, s.path("mended.yaml")+": line 2: field logo is not known in application")
	require.Equal(t, rollout.Running, got.Status)
	require.Equal(t, alipaycn.StatusAuditReject, g.Status(cnProgram, "0.0.1"))

	s.write("mended.yaml", "version_desc: A first version, whose icon is larger now.\n")
	got, stderr = s.run("step", "--application", s.path("mended.yaml"))
	require.Equal(t, report.ExitPending, got.ExitStatus, stderr)
	require.NoError(t, g.Approve(cnProgram, "0.0.1"))
	got, stderr = s.run("--application", "") // which nobody needs any more
	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	require.Equal(t, 2, g.Effects(cnProgram)["versions.apply"])
}

func TestWithoutAnApplicationOnlyAVersionThatNeedsOneStops(t *testing.T) {
	s, g := newCNPlace(t, cnStepwise)
	t.Setenv("ALIPAYPLUS_ROLLOUT_APPLICATION", "")
	for _, command := range []string{"run", "step", "plan"} {
		got, stderr := s.run(command)
		require.Equal(t, report.ExitUsage, got.ExitStatus, stderr)
		require.Equal(t, "error: version 0.0.1 must be applied for review: give --application, the file with what AlipayCN reviews\n", stderr)
		require.NoDirExists(t, s.path("state"))
	}
	require.Empty(t, g.Effects(cnProgram))

	_, _ = s.run("step", "--name", "somebody else's", "--application", "samples/application.yaml")
	s.write("release.yaml", cnStepwise+"review: adopt\n")
	got, stderr := s.run("step")
	require.Equal(t, report.ExitPending, got.ExitStatus, stderr)
	require.NoError(t, g.Approve(cnProgram, "0.0.1"))
	got, stderr = s.run("--name", "approved by now")
	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	require.Equal(t, cnClimbed(), g.Effects(cnProgram))
}

func TestAnAuthorizationThatIsRevokedAtTenPercent(t *testing.T) {
	s, g := newCNPlace(t, cnPatient, alipaycntest.WithAutoReview(0))
	s.forMerchant(g)
	got, stderr := s.run("step")
	require.EqualValues(t, 10, got.Ratio, stderr)
	require.NoError(t, g.RevokeAuthorization(cnProgram))
	for _, args := range [][]string{nil, {"step"}} {
		got, stderr = s.run(args...)
		require.Equal(t, report.ExitAuthentication, got.ExitStatus, stderr)
		require.Contains(t, got.Message, "let the merchant authorize again")
		require.Equal(t, rollout.Running, got.Status)
	}
	for _, command := range []string{"status", "pause", "resume"} { // what is stored can be told and changed all the same
		got, stderr = s.run(command)
		require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	}

	s.forMerchant(g)
	s.write("release.yaml", "version: 1\nsteps: [{ratio: 10}, {ratio: 100}]\n")
	got, stderr = s.run("--new-spec")
	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
}

func TestTheMerchantsTokenSaysWhoseVersionItIs(t *testing.T) {
	s, g := newCNPlace(t, cnStepwise)
	got, _ := s.run("step", "--program", cnThirdParty)
	require.Equal(t, report.ExitUsage, got.ExitStatus)
	require.Contains(t, got.Message, "--program is "+cnThirdParty+", but AlipayCN would be called for "+cnProgram)
	s.forMerchant(g)
	got, _ = s.run("plan", "--program", cnThirdParty)
	require.Equal(t, report.ExitUsage, got.ExitStatus)
	require.Contains(t, got.Message, "--program is "+cnThirdParty+", but AlipayCN would be called for "+cnProgram)
	require.Empty(t, g.Effects(cnProgram))

	// Where AlipayCN does not tell, --program does; for what is stored it is not asked.
	g.Inject(alipaycntest.Fault{Operation: "authorization.get", Times: 2, Code: alipaycn.GatewayInvalidAppAuthToken})
	got, _ = s.run("step")
	require.Equal(t, report.ExitAuthentication, got.ExitStatus)
	require.Contains(t, got.Message, "ask whose token ALIPAYCN_APP_AUTH_TOKEN is: alipaycn: authorization.get: invalid-app-auth-token: ")
	got, stderr := s.run("step", "--program", cnProgram)
	require.Equal(t, report.ExitPending, got.ExitStatus, stderr)
	called := func(r *http.Request) { t.Errorf("%s was called", r.URL.Path) }
	s.before.Store(&called)
	for _, command := range []string{"status", "pause"} {
		got, stderr = s.run(command, "--program", cnProgram)
		require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
		require.Equal(t, cnTarget, got.Target)
	}
}

func TestFailuresOfAlipayCNHaveTheirExitStatus(t *testing.T) {
	s, g := newCNPlace(t, cnStepwise)
	for _, tt := range []struct {
		fault  alipaycntest.Fault
		status report.Exit
	}{
		{alipaycntest.Fault{Code: alipaycn.GatewayInvalidSignature}, report.ExitAuthentication},
		{alipaycntest.Fault{Code: alipaycn.GatewayInvalidAppID}, report.ExitAuthentication},
		{alipaycntest.Fault{Code: alipaycn.GatewayInvalidAppAuthToken}, report.ExitAuthentication},
		{alipaycntest.Fault{Code: alipaycn.GatewayInvalidAppAuthTokenNoAPI}, report.ExitAuthentication},
		{alipaycntest.Fault{Code: alipaycn.GatewayInsufficientISVPermissions}, report.ExitAuthentication},
		{alipaycntest.Fault{WrongSignature: true}, report.ExitAuthentication},
		{alipaycntest.Fault{Code: alipaycn.CodeVersionIsBlank}, report.ExitNotFound},
		{alipaycntest.Fault{Code: alipaycn.CodeMiniAppVersionNotExist}, report.ExitNotFound},
		{alipaycntest.Fault{Code: alipaycn.CodeMiniAppVersionIterationExist}, report.ExitConflict},
		{alipaycntest.Fault{Code: alipaycn.GatewayExceedAPIBalance}, report.ExitConflict},
		{alipaycntest.Fault{Code: alipaycn.GatewayInvalidMethod}, report.ExitUsage},
		{alipaycntest.Fault{Code: "SOMETHING_NEW"}, report.ExitInternal},
		{alipaycntest.Fault{Status: http.StatusNotFound}, report.ExitInternal},
	} {
		tt.fault.Operation = "versions.get"
		g.Inject(tt.fault)
		for _, command := range []string{"plan", "status"} {
			if command == "status" {
				g.Inject(tt.fault)
			}
			got, stderr := s.run(command)
			require.Equal(t, tt.status, got.ExitStatus, "%+v: %s", tt.fault, stderr)
			require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
		}
	}
	require.NoDirExists(t, s.path("state"))
}

// What AlipayCN refuses of an application is for those to mend who wrote it.
func TestAnApplicationThatAlipayCNRefuses(t *testing.T) {
	s, g := newCNPlace(t, cnStepwise, alipaycntest.WithAutoReview(0))
	g.Inject(alipaycntest.Fault{Operation: "versions.apply", Code: alipaycn.CodeMiniAppNameSensitive})
	got, stderr := s.run()
	require.Equal(t, report.ExitUsage, got.ExitStatus, stderr)
	require.Contains(t, got.Message, "MINI_APP_NAME_SENSITIVE")
	require.Empty(t, got.GoOn)
	got, stderr = s.run()
	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
}

func TestWrongUseOverAlipayCNIsStatusTwo(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"a release too", nil, []string{"--release", "rel_1"}, "give either --alipaycn-version, or a release by --release or --version, not both"},
		{"a version of the platform too", nil, []string{"--version", "1.0.0"}, "give either --alipaycn-version, or a release"},
		{"no number", nil, []string{"--alipaycn-version", "1.0"}, `--alipaycn-version: version number: 1 field not valid: version "1.0"`},
		{"zero", nil, []string{"--alipaycn-version", "0.0.0"}, "app_version is required"},
		{"an application of a release", map[string]string{"ALIPAYPLUS_ROLLOUT_ALIPAYCN_VERSION": ""}, []string{"--release", "rel_1"}, "--application is what AlipayCN reviews: give --alipaycn-version too"},
		{"nothing", map[string]string{"ALIPAYPLUS_ROLLOUT_ALIPAYCN_VERSION": "", "ALIPAYPLUS_ROLLOUT_APPLICATION": ""}, nil, "for AlipayCN's own API --alipaycn-version"},
		{
			"no credentials",
			map[string]string{"ALIPAYCN_APP_ID": "", "ALIPAYCN_PRIVATE_KEY_FILE": "", "ALIPAYCN_PUBLIC_KEY": ""},
			nil,
			"who calls AlipayCN is not known: set ALIPAYCN_APP_ID, ALIPAYCN_PRIVATE_KEY_FILE (or ALIPAYCN_PRIVATE_KEY), ALIPAYCN_PUBLIC_KEY_FILE (or ALIPAYCN_PUBLIC_KEY)",
		},
		{"one certificate", map[string]string{"ALIPAYCN_PUBLIC_KEY": "", "ALIPAYCN_ALIPAY_CERT_FILE": "x.crt"}, nil, "ALIPAYCN_APP_CERT_FILE is not set"},
		{"a key that is none", map[string]string{"ALIPAYCN_PUBLIC_KEY": "MIIB"}, nil, "(from ALIPAYCN_PUBLIC_KEY)"},
		{"a wrong address", map[string]string{"ALIPAYCN_ENDPOINT": "ftp://x"}, nil, "endpoint must be an http or https address"},
		{"a token that is not there", map[string]string{"ALIPAYCN_APP_AUTH_TOKEN_FILE": "none"}, nil, "(from ALIPAYCN_APP_AUTH_TOKEN_FILE)"},
		{"no application of that name", nil, []string{"--application", "none.yaml"}, "--application: open none.yaml: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, g := newCNPlace(t, cnStepwise)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			got, stderr := s.run(tt.args...)
			require.Equal(t, report.ExitUsage, got.ExitStatus, stderr)
			require.Contains(t, got.Message, tt.want)
			require.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
			require.Empty(t, g.Effects(cnProgram))
			require.NoDirExists(t, s.path("state"))
		})
	}
}
