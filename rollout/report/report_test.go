package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

var update = flag.Bool("update", false, "write the files in testdata again")

func TestReportsAreAsWrittenDown(t *testing.T) {
	for name, r := range reports(t) {
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, report.Encode(r), "", "  "))
		for file, got := range map[string]string{
			name + ".json": indented.String() + "\n", name + ".xml": string(r.JUnit()), name + ".md": r.Markdown(),
			name + ".txt": r.Text(), name + ".annotation": r.Annotation(),
		} {
			file = filepath.Join("testdata", file)
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got, file)
		}
	}
}

// hidden is text that nobody sees as it is: it turns what follows around.
const hidden = "approved\u202e\u2066 on\u200b hold\U000e0041"

func TestTextThatNobodySeesIsShownNowhere(t *testing.T) {
	r := stopped(t, rollout.Stop{Cause: rollout.CauseGate, Gate: "errors", Reason: hidden, By: hidden})
	folder := t.TempDir()
	require.NoError(t, r.WriteGitHub(func(name string) string { return filepath.Join(folder, name) }))
	outputs, err := os.ReadFile(filepath.Join(folder, "GITHUB_OUTPUT"))
	require.NoError(t, err)
	for name, text := range map[string]string{
		"JSON": string(report.Encode(r)), "annotation": r.Annotation(), "outputs": string(outputs), "summary": r.Markdown(),
		"JUnit": string(r.JUnit()), "text": r.Text(),
	} {
		require.False(t, strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Cf, r) }), name)
		require.Contains(t, text, "approved", name)
	}
	var got report.Report
	require.NoError(t, json.Unmarshal(report.Encode(r), &got))
	require.Equal(t, hidden, got.Stop.Reason, "JSON says it as it is, by escapes")
	require.Equal(t, "approved on hold", report.OneLine(hidden))
}

func TestTextFitsTheScreen(t *testing.T) {
	for name, r := range reports(t) {
		for line := range strings.Lines(r.Text()) {
			require.LessOrEqual(t, len([]rune(line)), 81, name)
		}
	}
	require.Equal(t, "why: a b\n     cc\n", report.Wrap("why: ", "a b cc", 9))
	require.Equal(t, "why: https://metrics.example/errors\n     cc\n", report.Wrap("why: ", "https://metrics.example/errors cc", 9), "an address stays whole")
	require.Equal(t, "why: a b cc\n", report.Wrap("why: ", "a b cc", 0))
	require.Equal(t, "蓝湖茶\n蓝湖茶\n", report.Wrap("", "蓝湖茶 蓝湖茶", 12), "Chinese characters take two columns")
}
