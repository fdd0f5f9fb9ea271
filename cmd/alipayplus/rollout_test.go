package main

import (
	"bytes"
	"os/user"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// What was about one call alone is not asked for again by the command line that goes on.
func TestGoingOnLeavesOutWhatWasForOneCall(t *testing.T) {
	s := newPlace(t, patient, approving)
	got, _ := s.run("step")
	require.Equal(t, report.ExitPending, got.ExitStatus)

	got, _ = s.run("pause", "--by", "olga", "--reason", "lunch", "--call-timeout", "1m")
	require.Regexp(t, " resume --call-timeout 1m$", got.GoOn)
	got, _ = s.run("resume", "--by", "olga", "--reason", "back again", "--call-timeout", "1m")
	require.Equal(t, rollout.Running, got.Status)
	require.Regexp(t, " rollout run --call-timeout 1m$", got.GoOn)
}

func TestWhatIsWrongWithAFlagIsOneLine(t *testing.T) {
	s := newPlace(t, stepwise, approving)
	got, stderr := s.run("plan", "--nope", "--by", "mei")
	require.Equal(t, report.ExitUsage, got.ExitStatus)
	require.Equal(t, commandPlan, got.Command, "the result tells which command it was")
	require.Equal(t, "error: there is no flag --nope; --help shows all flags\n", stderr)
}

func TestAnOrderIsGivenByTheAccountWhereTheEnvironmentNamesNobody(t *testing.T) {
	s := newPlace(t, patient, approving)
	_, _ = s.run("step")
	for _, variable := range []string{"ALIPAYPLUS_ROLLOUT_BY", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "USERNAME"} {
		t.Setenv(variable, "")
	}
	account, err := user.Current()
	require.NoError(t, err)
	got, stderr := s.run("pause")
	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	require.Equal(t, account.Username, got.Stop.By)
	require.Contains(t, stderr, "pause: release "+s.release+" is paused at 1%", "nothing is done but the pause")
}

// The name of a rollout of something else tells nothing about this release.
func TestARolloutOfAnotherReleaseIsNotShown(t *testing.T) {
	s := newPlace(t, patient, approving)
	got, _ := s.run("step", "--name", "tea")
	require.EqualValues(t, 1, got.Ratio)
	for _, command := range []string{"run", "step", "plan", "status", "pause"} {
		got, stderr := s.run(command, "--name", "tea", "--release", "rel_other")
		require.Equal(t, report.ExitConflict, got.ExitStatus, stderr)
		require.Contains(t, got.Message, "the stored state is of release "+s.release+", not of release rel_other", command)
		require.Contains(t, got.Message, "--name", command)
		require.NotContains(t, stderr, "WithName", command)
		require.Zero(t, got.Ratio, command)
		require.Empty(t, got.Status, command)
		require.Empty(t, got.Steps, command)
		require.Nil(t, got.Stop, command)
		require.Empty(t, got.GoOn, command)
	}
}

// full is a device on which no space is left.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

type fullError struct{}

func (fullError) Error() string { return "no space left on device" }

var errFull = fullError{}

func TestAResultThatCannotBePrintedIsNoSuccess(t *testing.T) {
	s := newPlace(t, stepwise, approving)
	for _, args := range [][]string{{"plan"}, {"run"}, {"status"}} {
		var stderr bytes.Buffer
		require.Equal(t, report.ExitInternal, call(t.Context(), args, full{}, &stderr))
		require.Contains(t, stderr.String(), "no space left on device\n")
		require.Contains(t, stderr.String(), "error: print the ")
	}
	require.Equal(t, climbedToTheEnd(1, 10), s.changes())

	var stderr bytes.Buffer
	require.Equal(t, report.ExitConflict, call(t.Context(), []string{"pause"}, full{}, &stderr), "what is worse than that stays")
	require.Equal(t, 1, strings.Count(stderr.String(), "no space left"))
}
