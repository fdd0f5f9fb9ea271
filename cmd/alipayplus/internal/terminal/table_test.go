package terminal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATableThatIsTooWideLosesWordsAndThenColumns(t *testing.T) {
	id := strings.Repeat("x", 30)
	titles := []string{"ID", "STATUS", "TITLE", "UPDATED AT"}
	rows := [][]string{{id, "UNDER_REVIEW", "Release of Blue Lake Tea", "2026-01-02T03:04:05Z"}}

	wide := Table(titles, rows, Options{})
	cut := Table(titles, rows, Options{Width: 80})
	left := Table(titles, rows, Options{Width: 60})
	narrow := Table(titles, rows, Options{Width: 20})

	require.Equal(t, id+"  UNDER_REVIEW  Release of Blue Lake Tea  2026-01-02T03:04:05Z", strings.Split(wide, "\n")[1])
	require.Equal(t, id+"  UNDER_REVIEW  Release o...  2026-01-02T03:04:05Z", strings.Split(cut, "\n")[1])
	require.Equal(t, "ID                              STATUS        TITLE      ...\n"+id+"  UNDER_REVIEW  Releas...\n", left)
	require.Equal(t, "ID                              ...\n"+id+"\n", narrow)
}

func TestForeignTextsOfATableAreInert(t *testing.T) {
	got := Table([]string{"ID", "NAME"}, [][]string{{"1", "a\nb\x1b[31m\u202ec"}}, Options{})

	require.Equal(t, "ID  NAME\n1   a b [31m c\n", got)
}
