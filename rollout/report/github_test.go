package report_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// foreign is what somebody may write who wants to give commands to GitHub.
const foreign = "50% of it, \r\n::set-output name=x::y\nEND\nratio=100 ##[error]no"

func TestAnnotationsAreEscaped(t *testing.T) {
	for exit, want := range map[report.Exit]string{
		report.ExitDone:        "",
		report.ExitPending:     "::notice title=Tea%3A 5%25%2C 1.0.0%3A pending::50%25 of it, %0D%0A::set-output name=x::y%0AEND%0Aratio=100 ##[error]no\n",
		report.ExitInterrupted: "::warning title=Tea%3A 5%25%2C 1.0.0%3A interrupted::50%25",
		report.ExitGateFailed:  "::error title=Tea%3A 5%25%2C 1.0.0%3A gate failed::50%25",
	} {
		r := report.New(report.Input{State: &rollout.State{Subject: rollout.Subject{Name: "Tea: 5%,", Version: "1.0.0"}}})
		r.SetExit(exit)
		r.Message = foreign
		require.True(t, strings.HasPrefix(r.Annotation(), want))
		require.Equal(t, want == "", r.Annotation() == "")
	}
}

// parseOutputs reads outputs as GitHub does.
func parseOutputs(t *testing.T, text string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	lines := strings.Split(text, "\n")
	for len(lines) > 0 {
		line := lines[0]
		lines = lines[1:]
		name, delimiter, several := strings.Cut(line, "<<")
		if !several || strings.Contains(name, "=") {
			if name, value, ok := strings.Cut(line, "="); ok {
				all[name] = value
			} else {
				require.Empty(t, line)
			}
			continue
		}
		var value []string
		for {
			require.NotEmpty(t, lines, "the delimiter %s is not found", delimiter)
			require.NotEmpty(t, delimiter)
			line, lines = lines[0], lines[1:]
			if line == delimiter {
				break
			}
			value = append(value, line)
		}
		all[name] = strings.Join(value, "\n")
	}
	return all
}

// Whatever a step wrote before, and wherever it was cut off, GitHub reads what is added.
func TestOutputsAreAddedToWhateverIsThere(t *testing.T) {
	r := stopped(t, rollout.Stop{Cause: rollout.CauseRejected, Reason: foreign})
	for _, before := range []string{
		"", "earlier=1\n", "earlier=1", "earlier<<X\n1\nX\n", "earlier<<X\n1\nX", "earlier=1\nlog<<X\nline\nli", "earlier=1\nlog<<X", "earlier=a<<b", "earlier=1\r\n",
		"earlier=1\nlo", "earlier=1\nlog<", "earlier=1\nlog<<", "earlier=1\nlog=", "earlier=1\nlog<<X\n", "earlier=1\nlog<<X\na=b", "earlier=1\n\n",
	} {
		folder := t.TempDir()
		output, summary := filepath.Join(folder, "output"), filepath.Join(folder, "new", "summary.md")
		if before != "" {
			require.NoError(t, os.WriteFile(output, []byte(before), 0o600))
		}
		variables := map[string]string{"GITHUB_OUTPUT": output, "GITHUB_STEP_SUMMARY": summary}
		require.NoError(t, r.WriteGitHub(func(name string) string { return variables[name] }))
		content, err := os.ReadFile(output)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(content), before), "what others wrote stays")
		got := parseOutputs(t, string(content))
		if before != "" {
			require.Contains(t, []string{"1", "1\r", "a<<b"}, got["earlier"], before)
		}
		require.Equal(t, "rejected", got["outcome"], before)
		require.Equal(t, "7", got["exit-status"])
		require.Equal(t, "10", got["ratio"])
		require.Equal(t, "Blue Lake Tea", got["program"])
		require.Equal(t, "1.2.0", got["version"])
		var inside report.Report
		require.NoError(t, json.Unmarshal([]byte(got["result"]), &inside))
		require.Equal(t, got["message"], inside.Message)
		require.FileExists(t, summary)
	}
}

func TestASummaryIsAddedBehindCodeThatWasCutOff(t *testing.T) {
	summary := filepath.Join(t.TempDir(), "summary.md")
	require.NoError(t, os.WriteFile(summary, []byte("# tests\n```text\nok 1\nok"), 0o600))
	require.NoError(t, pending(t).WriteGitHub(func(name string) string {
		if name == "GITHUB_STEP_SUMMARY" {
			return summary
		}
		return ""
	}))
	content, err := os.ReadFile(summary)
	require.NoError(t, err)
	require.Contains(t, string(content), "ok\n```\n### Rollout `Blue Lake Tea 1.2.0`: pending\n")
}

func TestFilesThatCannotBeWrittenAreNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	err := pending(t).WriteGitHub(func(string) string { return filepath.Join(file, "output") })
	require.ErrorContains(t, err, "GITHUB_OUTPUT: ")
	require.ErrorContains(t, err, "GITHUB_STEP_SUMMARY: ")
	require.ErrorContains(t, err, file)
}
