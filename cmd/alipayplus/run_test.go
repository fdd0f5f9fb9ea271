package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

func rejecting(party alipayplus.Party, _ *alipayplus.Request) platform.Decision {
	if party == alipayplus.PartyAlipayCN {
		return platform.RejectAfter(0, "the privacy page is missing")
	}
	return platform.ApproveAfter(0)
}

func leavingOpen(alipayplus.Party, *alipayplus.Request) platform.Decision {
	return platform.LeaveOpen()
}

// patient is a spec that stays at 1%.
const patient = `
version: 1
steps: [{ratio: 1, bake: 1h}, {ratio: 100}]
`

// gated is a spec whose gate at 10% asks for the figure that is served.
func gated(t *testing.T, figure string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"rate": ` + figure + `}`))
	}))
	t.Cleanup(server.Close)
	return `
version: 1
gates: {errors: {http: {url: ` + server.URL + `, field: rate, max: 0.01}}}
steps: [{ratio: 1}, {ratio: 10, gates: [errors]}, {ratio: 100}]
`
}

// stepsOf are the states of the steps and their gates: "1% done, 10% live (errors failed)".
func stepsOf(r report.Report) string {
	var all []string
	for _, s := range r.Steps {
		parts := []string{s.Name, string(s.State)}
		for _, g := range s.Gates {
			parts = append(parts, "("+g.Name, string(g.State)+")")
		}
		all = append(all, strings.Join(parts, " "))
	}
	return strings.Join(all, ", ")
}

func TestAReleaseGoesToAllUsersAndASecondRunFindsItDone(t *testing.T) {
	s := newPlace(t, gated(t, "0.001"), approving)
	for range 2 {
		got, stderr := s.run()
		require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
		require.Equal(t, "done", got.Outcome)
		require.Equal(t, rollout.Done, got.Status)
		require.Equal(t, alipayplus.FullRatio, got.Ratio)
		require.Equal(t, "release "+s.release, got.Target)
		require.Empty(t, got.GoOn)
		require.Equal(t, "review done, 1% done, 10% done (errors done), 100% done", stepsOf(got))
		require.Contains(t, stderr, "done: release "+s.release+" is done at 100%")
	}
	require.Equal(t, climbedToTheEnd(1, 10), s.changes())
}

func TestTheReleaseIsFoundByProgramAndVersion(t *testing.T) {
	s := newPlace(t, stepwise, approving)
	t.Setenv("ALIPAYPLUS_ROLLOUT_RELEASE", "")
	got, stderr := s.run("--program", s.program, "--version", "1.0.0")
	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	require.Equal(t, "release "+s.release, got.Target)

	got, _ = s.run("--program", s.program, "--version", "1.0.1")
	require.Equal(t, report.ExitNotFound, got.ExitStatus)
	require.Contains(t, got.Message, "has no release of version 1.0.1 to ALIPAY_CN; create it first")
}

func TestEveryEndHasItsExitStatus(t *testing.T) {
	for _, tt := range []struct {
		name    string
		spec    string
		review  platform.AutoReview
		prepare func(t *testing.T, s *place)
		args    []string
		status  report.Exit
		outcome string
		stands  rollout.Status
		message string
		goOn    string
		changes []string
	}{
		{
			name: "3, who calls is not known", prepare: func(t *testing.T, _ *place) { t.Setenv("ALIPAYPLUS_CLIENT_ID", "nobody") },
			status: report.ExitAuthentication, outcome: "authentication", message: "UNKNOWN_CLIENT",
		},
		{
			name: "3, the answers are another platform's", prepare: func(_ *testing.T, s *place) { s.p.Inject(platform.Fault{WrongSignature: true, Times: 100}) },
			status: report.ExitAuthentication, outcome: "authentication", message: "the answer cannot be trusted",
		},
		{
			name: "3, the authorization was revoked", prepare: func(t *testing.T, s *place) {
				require.NoError(t, s.p.RevokeAuthorization(t.Context(), s.workspace, s.program, alipayplus.TargetAlipayCN))
			},
			status: report.ExitAuthentication, outcome: "authentication", message: "is not authorized for ALIPAY_CN", stands: rollout.Running,
		},
		{
			name: "4, no such release", args: []string{"--release", "rel_none"},
			status: report.ExitNotFound, outcome: "not_found", message: "NOT_FOUND",
		},
		{
			name: "5, another version is in the way", review: leavingOpen, prepare: func(t *testing.T, s *place) {
				other := s.version(alipayplus.VersionNumber{Major: 1, Patch: 1})
				company := company()
				_, err := s.owner.Releases.Apply(t.Context(), alipayplus.ApplyInput{ReleaseID: other, BasicInfo: &company})
				require.NoError(t, err)
			},
			status: report.ExitConflict, outcome: "conflict", message: "version 1.0.1 is UNDER_REVIEW", stands: rollout.Running,
		},
		{
			name: "5, somebody canceled it", spec: patient, prepare: func(t *testing.T, s *place) {
				got, _ := s.run("step")
				require.Equal(t, report.ExitPending, got.ExitStatus)
				_, err := s.owner.Releases.Cancel(t.Context(), alipayplus.ReleaseInput{ReleaseID: s.release})
				require.NoError(t, err)
			},
			status: report.ExitConflict, outcome: "conflict", message: "the release was canceled by owner", stands: rollout.Ended,
			changes: append(climbed(1), "CANCELED"),
		},
		{
			name: "6, a gate failed", spec: gated(t, "0.5"), review: approving,
			status: report.ExitGateFailed, outcome: "gate_failed", message: "gate errors failed: rate is 0.5, above 0.01", stands: rollout.Paused,
			goOn: " resume", changes: climbed(1, 10),
		},
		{
			name: "6, a gate failed and the version is given up", spec: gated(t, "0.5") + "onGateFailure: abort\n", review: approving,
			status: report.ExitGateFailed, outcome: "gate_failed", message: "is canceled and cannot go to this target again", stands: rollout.Aborted,
			changes: append(climbed(1, 10), "CANCELED"),
		},
		{
			name: "7, rejected", review: rejecting,
			status: report.ExitRejected, outcome: "rejected", message: "ALIPAY_CN rejected it: the privacy page is missing", stands: rollout.Paused,
			goOn: " resume", changes: []string{"UNDER_REVIEW", "NEW_VERSION_CREATED"},
		},
		{
			name: "8, the time is up", review: leavingOpen, prepare: func(_ *testing.T, s *place) { _, _ = s.run("step") }, args: []string{"--max-time", "300ms"},
			status: report.ExitPending, outcome: "pending", message: "the time of --max-time is up; release ", stands: rollout.Running,
			goOn: " --max-time 300ms", changes: []string{"UNDER_REVIEW"},
		},
		{
			name: "8, one step", spec: patient, review: approving, args: []string{"step"},
			status: report.ExitPending, outcome: "pending", message: " is running at 1%; waiting: watching 1%", stands: rollout.Running,
			goOn: " step", changes: climbed(1),
		},
		{
			name: "8, a person paused it", review: leavingOpen, prepare: func(t *testing.T, s *place) {
				_, _ = s.run("step")
				got, _ := s.run("pause", "--reason", "the hotline is closed")
				require.Equal(t, report.ExitDone, got.ExitStatus)
				require.Equal(t, rollout.Paused, got.Status)
			},
			status: report.ExitPending, outcome: "pending", message: "the hotline is closed (by mei)", stands: rollout.Paused, goOn: " resume",
			changes: []string{"UNDER_REVIEW"},
		},
		{
			name: "9, the deadline passed", spec: stepwise + "deadline: 1ns\n", review: leavingOpen,
			status: report.ExitTimeout, outcome: "timeout", message: "the rollout took longer than 1ns", stands: rollout.Paused, goOn: " resume",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.spec == "" {
				tt.spec = stepwise
			}
			if tt.review == nil {
				tt.review = approving
			}
			s := newPlace(t, tt.spec, tt.review)
			if tt.prepare != nil {
				tt.prepare(t, s)
			}
			got, stderr := s.run(tt.args...)
			require.Equal(t, tt.status, got.ExitStatus, stderr)
			require.Equal(t, tt.outcome, got.Outcome)
			require.Equal(t, tt.stands, got.Status)
			require.Contains(t, got.Message, tt.message)
			require.Contains(t, stderr, ": "+got.Message+"\n")
			require.NotContains(t, got.Message, "\n")
			if tt.goOn == "" {
				require.Empty(t, got.GoOn)
			} else {
				require.Contains(t, got.GoOn+" ", tt.goOn+" ")
				require.Contains(t, stderr, "to continue: "+got.GoOn+"\n")
			}
			if tt.changes != nil {
				require.Equal(t, tt.changes, s.changes())
			}
		})
	}
}

func TestWrongUseIsStatusTwo(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
		want string
	}{
		{"an unknown flag", nil, []string{"--nope"}, "there is no flag --nope; --help shows all flags"},
		{"an unknown command", nil, []string{"go"}, `"alipayplus rollout run" takes flags only, not "go"`},
		{"two commands", nil, []string{"pause", "--reason", "x", "resume"}, `"alipayplus rollout pause" takes flags only, not "resume"`},
		{"no state", map[string]string{"ALIPAYPLUS_ROLLOUT_STATE": ""}, nil, "give --state: the folder"},
		{"no release", map[string]string{"ALIPAYPLUS_ROLLOUT_RELEASE": ""}, nil, "give --release, or --program and --version"},
		{"two releases", nil, []string{"--program", "1"}, "give either --release, or --program and --version"},
		{"a variable", map[string]string{"ALIPAYPLUS_ROLLOUT_MAX_TIME": "5"}, nil, `ALIPAYPLUS_ROLLOUT_MAX_TIME: "5" is not a duration`},
		{"a format", nil, []string{"plan", "--output", "html"}, "--output must be text, json or markdown"},
		{"no ratio", nil, []string{"approve"}, "give --ratio"},
		{"a number", nil, []string{"approve", "--ratio", "50.5"}, `--ratio: "50.5" is not a whole number such as 50`},
		{"a number in a variable", map[string]string{"ALIPAYPLUS_ROLLOUT_RATIO": "x"}, []string{"revoke"}, `ALIPAYPLUS_ROLLOUT_RATIO: "x" is not a whole number such as 50`},
		{"true or false", nil, []string{"--new-spec=maybe"}, `--new-spec: "maybe" is neither true nor false`},
		{"a state that is no folder", map[string]string{"ALIPAYPLUS_ROLLOUT_STATE": os.DevNull}, nil, "--state: " + os.DevNull + " is a file; give the folder"},
		{"nobody", nil, []string{"pause", "--by", ""}, "give --by: who sends the command"},
		{"no time for a call", nil, []string{"--call-timeout", "0s"}, "--call-timeout must be above 0s"},
		{"no spec", nil, []string{"--spec", "none.yaml"}, "spec: open none.yaml"},
		{"a version", map[string]string{"ALIPAYPLUS_ROLLOUT_RELEASE": ""}, []string{"--program", "1", "--version", "1.0"}, "--version: "},
		{"no endpoint and no credentials", map[string]string{
			"ALIPAYPLUS_BASE_URL": "", "ALIPAYPLUS_CLIENT_ID": "", "ALIPAYPLUS_PRIVATE_KEY_FILE": "", "ALIPAYPLUS_PLATFORM_PUBLIC_KEY": "",
		}, nil, "set ALIPAYPLUS_BASE_URL, ALIPAYPLUS_CLIENT_ID, ALIPAYPLUS_PRIVATE_KEY_FILE (or ALIPAYPLUS_PRIVATE_KEY), ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE (or ALIPAYPLUS_PLATFORM_PUBLIC_KEY)"},
		{"no key", map[string]string{"ALIPAYPLUS_PRIVATE_KEY_FILE": ""}, []string{"status"}, "are not known: set ALIPAYPLUS_PRIVATE_KEY_FILE (or ALIPAYPLUS_PRIVATE_KEY)"},
		{"a wrong address", map[string]string{"ALIPAYPLUS_BASE_URL": "ftp://x"}, nil, "base URL must be an http or https address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newPlace(t, stepwise, approving)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			got, stderr := s.run(tt.args...)
			require.Equal(t, report.ExitUsage, got.ExitStatus, stderr)
			require.Equal(t, "usage", got.Outcome)
			require.Contains(t, got.Message, tt.want)
			require.Empty(t, got.GoOn)
			require.Empty(t, s.changes())
			require.NoDirExists(t, s.path("state"))
		})
	}
	t.Run("a spec", func(t *testing.T) {
		s := newPlace(t, "version: 1\nsteps: [{ratio: 1}, {ratio: 50}]\n", approving)
		got, _ := s.run()
		require.Equal(t, report.ExitUsage, got.ExitStatus)
		require.Contains(t, got.Message, s.path("release.yaml")+": rollout spec: 1 field not valid: steps[1].ratio must be 100")
	})
	t.Run("a ratio that the target does not offer", func(t *testing.T) {
		s := newPlace(t, "version: 1\nsteps: [{ratio: 2}, {ratio: 100}]\n", approving)
		got, _ := s.run()
		require.Equal(t, report.ExitUsage, got.ExitStatus)
		require.Contains(t, got.Message, "steps[0].ratio is 2%, which the target does not offer")
		require.Empty(t, s.changes(), "nothing is applied for that cannot go on")
	})
}

func TestHelpFitsTheScreenAndNamesEveryExitStatus(t *testing.T) {
	help := func(args ...string) string {
		var stdout, stderr bytes.Buffer
		require.Zero(t, run(t.Context(), append(args, "--help"), &stdout, &stderr))
		require.Empty(t, stderr.String())
		for line := range strings.Lines(stdout.String()) {
			require.LessOrEqual(t, len(line), 81, line)
		}
		return stdout.String()
	}
	for _, exit := range report.Exits() {
		require.Contains(t, strings.Join(strings.Fields(help()), " "), fmt.Sprintf("%d %v %s", int(exit), exit, exit.Meaning()))
	}
	require.Contains(t, help("rollout"), "ALIPAYPLUS_ROLLOUT_MAX_TIME for --max-time")
	for _, command := range []string{"plan", "run", "step", "status", "history", "pause", "resume", "approve", "revoke", "abort"} {
		require.Contains(t, help("rollout"), "\n  "+command+" ")
		require.Contains(t, help("rollout", command), "\n      --state folder ")
	}
	require.Contains(t, help("rollout", "gates"), "\n  check ")
	require.Contains(t, help("rollout", "gates", "check"), "\n      --spec file ")
}

func TestAFlagGoesBeforeItsVariable(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	t.Setenv("ALIPAYPLUS_ROLLOUT_MAX_TIME", "1h")
	got, _ := s.run("--max-time", "1ns")
	require.Equal(t, report.ExitPending, got.ExitStatus)
}

func TestAnAddressWhereNoPlatformIsShowsBeforeTheRolloutBegins(t *testing.T) {
	s := newPlace(t, stepwise, approving)
	other := httptest.NewServer(http.NotFoundHandler()) // what refuses a connection is tried four times
	t.Cleanup(other.Close)
	t.Setenv("ALIPAYPLUS_BASE_URL", other.URL)
	got, _ := s.run()
	require.Equal(t, report.ExitInternal, got.ExitStatus)
	require.Contains(t, got.Message, "check the base URL")
	require.NoDirExists(t, s.path("state"))
}

func TestInterruptedItSaysHowToGoOn(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	ctx, interrupt := context.WithCancelCause(t.Context())
	defer interrupt(nil)
	reads := 0
	before := func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "release/query") {
			if reads++; reads == 5 {
				interrupt(errInterrupted)
			}
		}
	}
	s.before.Store(&before)
	got, stderr := s.runUntil(ctx, "--name", "it's tea")
	require.Equal(t, report.ExitInterrupted, got.ExitStatus, stderr)
	require.Equal(t, "interrupted", got.Outcome)
	require.Equal(t, rollout.Running, got.Status)
	require.Equal(t, "it's tea", got.Rollout)
	require.Equal(t, thisProgram()+` rollout run --name 'it'\''s tea'`, got.GoOn)
	require.Contains(t, got.Message, "interrupted; release "+s.release+" is running at 0%")
}

func TestPlanChangesNothing(t *testing.T) {
	for format, want := range map[string]string{
		"text":     "todo     set 10%\n  todo     release to all users\n",
		"markdown": "| todo | `set 10%` |  |\n| todo | `release to all users` |  |\n",
		"json":     `{"state":"TODO","what":"set 10%","ratio":10}`,
	} {
		s := newPlace(t, stepwise, approving)
		var stdout, stderr bytes.Buffer
		require.Zero(t, call(t.Context(), []string{"plan", "--output", format}, &stdout, &stderr))
		require.Contains(t, stdout.String(), want)
		require.NotContains(t, stdout.String(), "exitStatus")
		require.Empty(t, s.changes())
		require.NoDirExists(t, s.path("state"))
	}
}

func TestOrders(t *testing.T) {
	s := newPlace(t, `
version: 1
steps: [{ratio: 1}, {ratio: 10, approval: true}, {ratio: 100}]
`, approving)
	ask := func(status report.Exit, args ...string) report.Report {
		t.Helper()
		got, stderr := s.run(args...)
		require.Equal(t, status, got.ExitStatus, stderr)
		return got
	}

	got := ask(report.ExitDone, "status")
	require.Equal(t, "the rollout has not begun; release "+s.release+" is NEW_VERSION_CREATED at 0%", got.Message)
	require.Empty(t, got.Status)

	got = ask(report.ExitPending, "step")
	require.Equal(t, "waiting for approval of 10%", got.WaitingFor)
	require.Equal(t, thisProgram()+" rollout approve --ratio 10", got.Approve)
	for _, wait := range []string{"bake", "reviews,gates", "none"} { // of the rest, nothing is waited for
		left, stderr := s.run("--wait", wait)
		require.Equal(t, report.ExitPending, left.ExitStatus, stderr)
		require.Contains(t, left.Message, "waiting for approval of 10%, which --wait does not name; release "+s.release+" is running at 1%")
		require.Contains(t, left.GoOn, " --wait "+wait)
		require.Contains(t, stderr, "to approve: "+got.Approve+"\n")
	}
	require.Contains(t, ask(report.ExitUsage, "--wait", "review").Message, `did you mean "reviews"?`)
	require.Equal(t, got.Approve, ask(report.ExitDone, "status").Approve)
	require.Equal(t, "needs approval", got.Steps[2].Why)
	require.Equal(t, "review done, 1% live, 10% todo, 100% todo", stepsOf(got))

	require.Equal(t, rollout.Paused, ask(report.ExitDone, "--reason", "lunch", "pause").Status)
	require.Contains(t, ask(report.ExitConflict, "pause").Message, "it is paused already")
	require.Contains(t, ask(report.ExitPending, "step").Message, "lunch (by mei)")
	got = ask(report.ExitDone, "resume")
	require.Equal(t, rollout.Running, got.Status)
	require.NotEmpty(t, got.GoOn)
	require.Contains(t, ask(report.ExitConflict, "resume").Message, "only a paused rollout can be resumed")

	require.NotContains(t, ask(report.ExitUsage, "approve", "--ratio", "30").Message, "invalid input", "the exit status says that")
	require.Contains(t, ask(report.ExitConflict, "revoke", "--ratio", "10").Message, "10% is not approved; nothing is left to revoke")
	ask(report.ExitDone, "approve", "--ratio", "10")
	require.Equal(t, "the approval of 10% is revoked; release "+s.release+" is running at 1%", ask(report.ExitDone, "revoke", "--ratio", "10", "--reason", "too early").Message)
	require.Equal(t, "waiting for approval of 10%", ask(report.ExitPending, "step").WaitingFor)
	got = ask(report.ExitDone, "approve", "--ratio", "10", "--by", "olga")
	require.Equal(t, "approved by olga", got.Steps[2].Why)
	require.Equal(t, "10% is approved; release "+s.release+" is running at 1%", got.Message)
	require.Equal(t, rollout.Running, ask(report.ExitDone, "status").Status)
	require.Equal(t, climbed(1), s.changes())
	require.Equal(t, rollout.Done, ask(report.ExitDone).Status)
	require.Contains(t, ask(report.ExitConflict, "abort").Message, "it is DONE; nothing is left to abort")
	require.Equal(t, climbedToTheEnd(1, 10), s.changes())
}

func TestAbortGivesTheVersionUp(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	got, _ := s.run("step")
	require.Equal(t, report.ExitPending, got.ExitStatus)

	got, stderr := s.run("abort", "--reason", "wrong logo")
	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	require.Equal(t, rollout.Aborted, got.Status)
	require.Contains(t, got.Message, "wrong logo; nobody has the version")

	got, _ = s.run()
	require.Equal(t, report.ExitConflict, got.ExitStatus)
	require.Contains(t, got.Message, "wrong logo")
	require.Empty(t, got.GoOn)
}

func TestAnOrderReachesTheRunThatDrives(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	got, order := s.elsewhere(func() {}, "pause", "--reason", "from elsewhere")
	require.Equal(t, report.ExitPending, got.ExitStatus)
	require.Contains(t, got.Message, "from elsewhere (by mei)")
	require.Equal(t, report.ExitDone, order.ExitStatus)
	require.Equal(t, rollout.Paused, order.Status)
	require.Equal(t, "release "+s.release+" is paused at 0%: from elsewhere", order.Message)

	// Two runs do not drive one release.
	lease, err := rollout.NewFileStore(s.path("state")).Acquire(t.Context(), "release "+s.release, "the other job")
	require.NoError(t, err)
	got, _ = s.run()
	require.Equal(t, report.ExitConflict, got.ExitStatus)
	require.Contains(t, got.Message, "is driven by the other job")
	require.NoError(t, lease.Release(t.Context()))
}

func TestAnotherSpecIsAConflictUntilItIsWanted(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	_, _ = s.run("step")
	s.write("release.yaml", "version: 1\nsteps: [{ratio: 5}, {ratio: 100}]\n")
	got, _ := s.run("step")
	require.Equal(t, report.ExitConflict, got.ExitStatus)
	require.Contains(t, got.Message, "the spec is another than the stored one")
	require.Contains(t, got.Message, "go on by the new one (--new-spec)")
	require.Regexp(t, " step --new-spec$", got.GoOn)
	got, _ = s.run("plan")
	require.Regexp(t, " plan --new-spec$", got.GoOn)

	// A pause changes nothing about it: there is nothing to go on by until the spec is chosen.
	_, _ = s.run("pause")
	got, stderr := s.run()
	require.Equal(t, report.ExitConflict, got.ExitStatus)
	require.NotContains(t, stderr, "WithNewSpec")
	require.Regexp(t, " rollout run --new-spec$", got.GoOn)
	got, _ = s.run("--new-spec")
	require.Regexp(t, " resume$", got.GoOn, "it has had its effect")
	_, _ = s.run("resume")
	got, _ = s.run("step", "--new-spec")
	require.Equal(t, report.ExitPending, got.ExitStatus)
	require.Regexp(t, " step$", got.GoOn)
	require.Equal(t, "review todo, 5% todo, 100% todo", stepsOf(got))
}

func TestADamagedCheckpointIsNoFreshStart(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	_, _ = s.run("step")
	files, err := filepath.Glob(s.path("state/*/checkpoint.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NoError(t, os.WriteFile(files[0], []byte(`{"checkpoint": 7}`), 0o600))
	got, _ := s.run()
	require.Equal(t, report.ExitInternal, got.ExitStatus)
	require.Contains(t, got.Message, "the stored state cannot be used")
}

func TestNDJSONIsAddedToAFileOrGoesToStandardError(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	for range 2 {
		_, stderr := s.run("step", "--ndjson", s.path("events.ndjson"))
		require.Contains(t, stderr, "WAITING", "people see it too")
	}
	require.Equal(t, 1, strings.Count(s.read("events.ndjson"), `"kind":"APPLIED"`))
	require.Equal(t, 2, strings.Count(s.read("events.ndjson"), `"kind":"WAITING"`))

	_, stderr := s.run("step", "--ndjson", "-")
	require.True(t, strings.HasPrefix(stderr, `{"schema":1,`), stderr)

	got, _ := s.run("--ndjson", s.path("release.yaml/events"))
	require.Equal(t, report.ExitUsage, got.ExitStatus)
	require.Contains(t, got.Message, "--ndjson: ")
}
