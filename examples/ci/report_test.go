package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// standing is a job whose rollout of a made-up release stands somewhere: 1% and 5% are
// behind, somebody else set 10%, and 10% is live for an hour.
func standing(t *testing.T, stop *rollout.Stop) *job {
	t.Helper()
	content, err := os.ReadFile("release.yaml")
	require.NoError(t, err)
	spec, err := rollout.ParseSpec(content)
	require.NoError(t, err)
	at := func(hours int) time.Time {
		return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
	}
	state := &rollout.State{
		Rollout: "release rel_1", Target: "release rel_1", Spec: *spec, Status: rollout.Running, Stop: stop,
		Applied: true, Observed: true, Ratio: 10, Since: at(30), WaitingSince: at(30),
		Changes: []rollout.RatioChange{
			{From: 0, To: 1, At: at(0)}, {From: 1, To: 5, At: at(12)}, {From: 5, To: 10, Outside: true, By: "olga", At: at(30)},
		},
		Gates:     map[string]rollout.GateState{"errors": {Verdict: rollout.Passed("data.rate is 0.002"), At: at(31)}},
		Approvals: []rollout.Approval{{Ratio: 30, By: "mei", At: at(2)}},
	}
	if stop != nil {
		state.Status, stop.Ratio, stop.At = rollout.Paused, 10, at(32)
	}
	return &job{
		opts:   &options{command: commandRun, given: []given{{"spec", "release.yaml"}, {"state", "my state"}}},
		stderr: new(bytes.Buffer), stdout: new(bytes.Buffer), applied: at(-30),
		spec: spec, state: state, found: &result{Schema: resultSchema, Command: commandRun, Rollout: "release rel_1", Target: "release rel_1"},
		seen: &rollout.Observation{Status: alipayplus.ReleaseGrayscale, Ratio: 10, Ladder: alipayplus.DefaultLadder()},
		next: rollout.Next{What: "watching 10% until 2026-03-04T15:00:00Z", At: at(54)},
	}
}

// ends are the ends that are written down in testdata.
func ends(t *testing.T) map[string]*job {
	t.Helper()
	pending := standing(t, nil)
	pending.conclude(t.Context(), &rollout.PendingError{Rollout: "release rel_1", Next: pending.next, Err: errOutOfTime})

	failed := standing(t, &rollout.Stop{
		Cause: rollout.CauseGate, Gate: "errors",
		Reason: "gate errors failed: data.rate is 0.02, above 0.01 <b>|`x`",
	})
	failed.conclude(t.Context(), &rollout.StoppedError{Rollout: "release rel_1", Target: "release rel_1", Status: rollout.Paused, Stop: *failed.state.Stop})

	refused := standing(t, nil)
	refused.state = nil
	refused.conclude(t.Context(), &alipayplus.Error{Operation: "releases.get", Code: alipayplus.CodeNotFound, Message: "no such release", HTTPStatus: 404})
	return map[string]*job{"pending": pending, "gate_failed": failed, "not_found": refused}
}

// unnamed leaves out how the program is called, which differs from run to run.
func unnamed(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "go run ./examples/ci", "ci"), quoted(os.Args[0]), "ci")
}

func TestReportsAreAsWrittenDown(t *testing.T) {
	for name, j := range ends(t) {
		t.Run(name, func(t *testing.T) {
			junit := filepath.Join(t.TempDir(), "junit.xml")
			require.NoError(t, j.writeJUnit(junit))
			content, err := os.ReadFile(junit)
			require.NoError(t, err)
			for file, got := range map[string]string{
				name + ".xml": string(content),
				name + ".md":  j.found.markdown(),
				name + ".json": func() string {
					var indented bytes.Buffer
					require.NoError(t, json.Indent(&indented, j.stdout.(*bytes.Buffer).Bytes(), "", "  "))
					return indented.String()
				}(),
				name + ".outputs": j.found.outputs("END"),
				name + ".stderr":  j.stderr.(*bytes.Buffer).String() + j.found.annotation(),
			} {
				want, err := os.ReadFile(filepath.Join("testdata", file))
				require.NoError(t, err)
				require.Equal(t, string(want), unnamed(got), file)
			}
		})
	}
}

func TestJUnitCountsItsCases(t *testing.T) {
	for name, j := range ends(t) {
		suite := j.found.junit().Suite
		var failures, problems, skipped int
		for _, c := range suite.Cases {
			if c.Failure != nil {
				failures++
			}
			if c.Error != nil {
				problems++
			}
			if c.Skipped != nil {
				skipped++
			}
		}
		require.Equal(t, []int{len(suite.Cases), failures, problems, skipped}, []int{suite.Tests, suite.Failures, suite.Errors, suite.Skipped}, name)
	}
}

// hidden is text that nobody sees as it is: it turns what follows around.
const hidden = "approved\u202e\u2066 on\u200b hold\U000e0041"

func TestTextThatNobodySeesIsShownNowhere(t *testing.T) {
	j := standing(t, &rollout.Stop{Cause: rollout.CauseGate, Gate: "errors", Reason: hidden, By: hidden})
	j.state.Approvals[0].By = hidden
	j.next.What = hidden
	j.conclude(t.Context(), &rollout.StoppedError{Rollout: "tea", Status: rollout.Paused, Stop: *j.state.Stop})
	junit := filepath.Join(t.TempDir(), "junit.xml")
	require.NoError(t, j.writeJUnit(junit))
	content, err := os.ReadFile(junit)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"result": j.stdout.(*bytes.Buffer).String(), "lines": j.stderr.(*bytes.Buffer).String(), "annotation": j.found.annotation(),
		"outputs": j.found.outputs("END"), "summary": j.found.markdown(), "JUnit": string(content),
	} {
		require.NotContains(t, text, "\u202e", name)
		require.False(t, strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cf, r) }), name)
		require.Contains(t, text, "approved", name)
	}
	var got result
	require.NoError(t, json.Unmarshal(j.stdout.(*bytes.Buffer).Bytes(), &got))
	require.Equal(t, hidden, got.Stop.Reason, "JSON says it as it is, by escapes")
	require.Equal(t, "approved on hold", oneLine(hidden))
}

func TestSecondsAreWholeMilliseconds(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, ms := range []int64{1, 1001, 4097, 8203, 43_200_017} {
		text, err := json.Marshal(seconds(at, at.Add(time.Duration(ms)*time.Millisecond+400*time.Microsecond)))
		require.NoError(t, err)
		require.LessOrEqual(t, len(text), len("43200.017"))
	}
	require.Zero(t, seconds(time.Time{}, at))
	require.Zero(t, seconds(at, at.Add(-time.Second)))
}

func TestJUnitIsWrittenByARunAlone(t *testing.T) {
	s := newPlace(t, stepwise, rejecting)
	t.Setenv("ALIPAYPLUS_CI_JUNIT", s.path("junit.xml"))
	_, _ = s.run("status")
	require.NoFileExists(t, s.path("junit.xml"))
	_, _ = s.run()
	var got junitSuites
	require.NoError(t, xml.Unmarshal([]byte(s.read("junit.xml")), &got))
	require.Equal(t, "review", got.Suite.Cases[0].Name)
	require.Equal(t, "ALIPAY_CN rejected it: the privacy page is missing", got.Suite.Cases[0].Failure.Message)

	got2, stderr := s.run("-junit", s.path("none/junit.xml"))
	require.Equal(t, exitRejected, got2.ExitStatus, "a report that cannot be written hides nothing")
	require.Contains(t, stderr, "warning: -junit: open ")
}

// onGitHub lets the program believe that it runs in a job of GitHub Actions.
func (s *place) onGitHub() {
	s.Setenv("GITHUB_ACTIONS", "true")
	s.Setenv("GITHUB_OUTPUT", s.path("output"))
	s.Setenv("GITHUB_STEP_SUMMARY", s.path("summary.md"))
	s.write("output", "earlier=1\n")
}

// foreign is what somebody may write who wants to give orders to GitHub.
const foreign = "50% of it, \r\n::set-output name=x::y\nEND\nratio=100 ##[error]no"

func foreignReason(alipayplus.Party, *alipayplus.Request) platform.Decision {
	return platform.RejectAfter(0, foreign)
}

func TestOnGitHub(t *testing.T) {
	s := newPlace(t, stepwise, foreignReason)
	s.onGitHub()
	_, stderr := s.run()

	require.Contains(t, s.read("summary.md"), "### Rollout `release "+s.release+"`: rejected\n")
	require.Contains(t, s.read("summary.md"), "[..............................]   0%   1* 5 10* 20 30 50 100*")
	outputs := s.read("output")
	require.True(t, strings.HasPrefix(outputs, "earlier=1\noutcome<<"), "what others wrote stays")
	got := parseOutputs(t, strings.TrimPrefix(outputs, "earlier=1\n"))
	require.Equal(t, "rejected", got["outcome"])
	require.Equal(t, "7", got["exit-status"])
	require.Equal(t, "0", got["ratio"])
	require.Equal(t, "PAUSED", got["status"])
	require.Contains(t, got["message"], "50% of it")
	var inside result
	require.NoError(t, json.Unmarshal([]byte(got["result"]), &inside))
	require.Equal(t, got["message"], inside.Message)

	// What foreign text is in, is printed while GitHub takes no orders, or is escaped.
	stopped := regexp.MustCompile(`(?s)^::stop-commands::(\w+)\n(.*)\n::(\w+)::\n::error title=rollout%3A rejected::([^\n]*)\n$`).FindStringSubmatch(stderr)
	require.NotNil(t, stopped, stderr)
	require.Equal(t, stopped[1], stopped[3])
	require.NotContains(t, stopped[2], stopped[1])
	require.Contains(t, stopped[4], "50%25 of it")
	_, again := s.run("status")
	require.NotContains(t, again, stopped[1], "nobody can guess it")
}

// parseOutputs reads outputs as GitHub does.
func parseOutputs(t *testing.T, text string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for text != "" {
		head, rest, ok := strings.Cut(text, "\n")
		require.True(t, ok)
		name, delimiter, ok := strings.Cut(head, "<<")
		require.True(t, ok)
		value, rest, ok := strings.Cut(rest, "\n"+delimiter+"\n")
		require.True(t, ok)
		all[name], text = value, rest
	}
	return all
}

func TestElsewhereNothingIsWrittenForGitHub(t *testing.T) {
	s := newPlace(t, stepwise, rejecting)
	s.onGitHub()
	t.Setenv("GITHUB_ACTIONS", "")
	_, stderr := s.run()
	require.NotContains(t, stderr, "::")
	require.NoFileExists(t, s.path("summary.md"))
	require.Equal(t, "earlier=1\n", s.read("output"))
}

func TestAnnotationsAreEscaped(t *testing.T) {
	for _, tt := range []struct {
		status int
		want   string
	}{
		{exitDone, ""},
		{exitPending, "::notice title=rollout%3A pending::50%25 of it, %0D%0A::set-output name=x::y%0AEND%0Aratio=100 ##[error]no\n"},
		{exitInterrupted, "::warning title=rollout%3A interrupted::50%25"},
		{exitGateFailed, "::error title=rollout%3A gate failed::50%25"},
	} {
		r := result{ExitStatus: tt.status, Outcome: outcome(tt.status), Message: foreign}
		require.True(t, strings.HasPrefix(r.annotation(), tt.want))
		require.Equal(t, tt.want == "", r.annotation() == "")
	}
	require.Equal(t, "a%3Ab%2Cc%25%0A", asProperty("a:b,c%\n"))
}

func TestASummaryIsTextAndNothingElse(t *testing.T) {
	r := result{
		Rollout: "a|b`c", Message: "```\n# big", Outcome: "conflict",
		Steps: []stepResult{{Name: "1%", State: stateLive, Why: "![](https://x.example/i.png)|" + strings.Repeat("x", 3000)}},
	}
	text := r.markdown()
	require.NotContains(t, text, "\n# big")
	require.Equal(t, 1, strings.Count(text, "`a\\|b'c`"))
	require.Contains(t, text, "`![](https://x.example/i.png)\\|xxx", "as code, not as an image")
	require.Less(t, len(text), 2500)
}

func TestWordsAreQuotedForAShell(t *testing.T) {
	for word, want := range map[string]string{
		"-max-time=5h50m": "-max-time=5h50m", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "*": "'*'",
	} {
		require.Equal(t, want, quoted(word))
	}
	require.Equal(t, "go run ./examples/ci", programName("/var/go-build123/b001/exe/ci"))
	require.Equal(t, "'/opt/my tools/ci'", programName("/opt/my tools/ci"))
}
