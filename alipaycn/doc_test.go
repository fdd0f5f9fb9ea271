package alipaycn

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// effectTable renders the table of safe writes as the package's documentation
// shows it.
func effectTable() string {
	var b strings.Builder
	line := func(name, text string) {
		if text != "" {
			b.WriteString("//\t    " + name + strings.Repeat(" ", 10-len(name)) + text + "\n")
		}
	}
	for _, p := range proofs() {
		b.WriteString("//\t" + p.op.Name + "\n")
		line("done", statusNames(p.done))
		line("not done", statusNames(p.notDone))
		line("only if", p.when)
	}
	return b.String()
}

func statusNames(statuses []VersionStatus) string {
	if slices.Equal(statuses, append(VersionStatuses(), absent)) {
		return "(any status), " + string(absent)
	}
	names := make([]string, len(statuses))
	for i, s := range statuses {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

func TestThePackageDocumentationShowsTheTableOfSafeWrites(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	require.Contains(t, string(text), effectTable())
}

func TestEveryWriteIsInTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for _, op := range cnwire.Operations() {
		if op.Write {
			require.Contains(t, string(text), op.Name)
		}
	}
}
