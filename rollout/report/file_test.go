package report_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

func TestAFileThatWasCutOffIsContinuedOnALineOfItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "reports", "events.ndjson")
	for _, before := range []string{"", `{"kind":"APPLIED"}` + "\n", `{"kind":"APP`} {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(before), 0o600))
		file, err := report.OpenAppend(path)
		require.NoError(t, err)
		require.NoError(t, rollout.NDJSONSink(file)(t.Context(), rollout.Event{At: time.Unix(0, 0).UTC(), Kind: rollout.EventRaised}))
		require.NoError(t, file.Close())
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		if before != "" && before[len(before)-1] != '\n' {
			before += "\n"
		}
		require.Regexp(t, `^\{[^\n]*"kind":"RAISED"[^\n]*\}\n$`, string(content[len(before):]))
	}
}

func TestLinesAreAddedToAFileInANewFolder(t *testing.T) {
	file, err := report.OpenAppend(filepath.Join(t.TempDir(), "a", "b", "events.ndjson"))
	require.NoError(t, err)
	require.NoError(t, file.Close())
}
