package report_test

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// suites is what readers of JUnit files take from one.
type suites struct {
	Suite struct {
		Name     string  `xml:"name,attr"`
		Tests    int     `xml:"tests,attr"`
		Failures int     `xml:"failures,attr"`
		Errors   int     `xml:"errors,attr"`
		Skipped  int     `xml:"skipped,attr"`
		Time     float64 `xml:"time,attr"`
		Cases    []struct {
			Class   string   `xml:"classname,attr"`
			Name    string   `xml:"name,attr"`
			Time    float64  `xml:"time,attr"`
			Failure *problem `xml:"failure"`
			Error   *problem `xml:"error"`
			Skipped *problem `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type problem struct {
	Message string `xml:"message,attr"`
	Body    string `xml:",chardata"`
}

func readJUnit(t *testing.T, content []byte) (got suites) {
	t.Helper()
	require.NoError(t, xml.Unmarshal(content, &got))
	return got
}

func TestJUnitCountsItsCases(t *testing.T) {
	for name, r := range reports(t) {
		suite := readJUnit(t, r.JUnit()).Suite
		var failures, problems, skipped int
		var seconds float64
		for _, c := range suite.Cases {
			seconds += c.Time
			for count, found := range map[*int]*problem{&failures: c.Failure, &problems: c.Error, &skipped: c.Skipped} {
				if found != nil {
					*count++
				}
			}
		}
		require.Equal(t, []int{len(suite.Cases), failures, problems, skipped}, []int{suite.Tests, suite.Failures, suite.Errors, suite.Skipped}, name)
		require.InDelta(t, seconds, suite.Time, 0.001)
	}
}

// GitLab and Azure show the body of a failure, Jenkins and GitHub's reporters the attribute.
func TestJUnitSaysWhatIsWrongInBodiesToo(t *testing.T) {
	r := reports(t)["gate_failed"]
	for _, c := range readJUnit(t, r.JUnit()).Suite.Cases {
		if c.Failure == nil {
			continue
		}
		require.NotEmpty(t, c.Failure.Message)
		require.Contains(t, c.Failure.Body, c.Failure.Message)
		require.Contains(t, c.Failure.Body, "to continue: alipayplus rollout resume")
	}
	for _, c := range readJUnit(t, pending(t).JUnit()).Suite.Cases {
		if c.Skipped != nil {
			require.Contains(t, c.Skipped.Body, c.Skipped.Message)
		}
	}
}

// Jenkins splits classes at dots, and readers replace what cannot stand in an address or the
// name of a file. The version is in the suite's name alone, so that cases have a history.
func TestNamesInJUnitSurviveTheirReaders(t *testing.T) {
	in := standing(t, nil)
	in.State.Subject.Name = "Tea: 1.5 l / \"50%\" <b>"
	in.State.Spec.Steps[0].Gates = []string{"errors.5xx", "p99<1s", "line\nfeed"}
	suite := readJUnit(t, report.New(in).JUnit()).Suite
	require.Equal(t, `rollout Tea: 1.5 l / "50%" <b> 1.2.0`, suite.Name)
	names := make(map[string]bool)
	for _, c := range suite.Cases {
		require.Equal(t, "rollout.Tea- 1-5 l - -50-- -b-", c.Class)
		require.False(t, strings.ContainsAny(c.Name, `./\:?#%<>&"*|`+"\n"), c.Name)
		names[c.Name] = true
	}
	require.Len(t, names, len(suite.Cases), "each name once")
	require.True(t, names["ratio 1 gate errors-5xx"])
	require.True(t, names["ratio 100"])
}

func TestJUnitHoldsWhatXMLCannot(t *testing.T) {
	r := stopped(t, rollout.Stop{Cause: rollout.CauseGate, Gate: "errors", Reason: "gate errors failed: \x1b[31m\x00 red \uffff"})
	require.NotEmpty(t, readJUnit(t, r.JUnit()).Suite.Cases)
}

func TestJUnitMakesItsFolders(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "reports", "junit", "rollout.xml")
	for range 2 {
		require.NoError(t, pending(t).WriteJUnit(path))
	}
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(pending(t).JUnit()), string(content))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left of the writing")

	require.Error(t, pending(t).WriteJUnit(filepath.Join(path, "rollout.xml")), "a file is no folder")
	require.NoError(t, pending(t).WriteJUnit(os.DevNull), "what is no file is written to")
}
