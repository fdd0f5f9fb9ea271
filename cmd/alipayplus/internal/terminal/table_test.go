package terminal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheFirstColumnOfATableIsNeverCut(t *testing.T) {
	got := Table([]string{"ID", "STATUS", "TITLE"}, [][]string{{strings.Repeat("x", 40), "UNDER_REVIEW", "Release of Blue Lake Tea 1.0.0 to ALIPAY_CN"}}, Options{Width: 80})

	lines := strings.Split(got, "\n")
	require.True(t, strings.HasPrefix(lines[1], strings.Repeat("x", 40)+"  UNDER_REVIEW  Release"), got)
	require.Len(t, lines[1], 80)
	require.NotContains(t, got, "\x1b")
}

func TestForeignTextsOfATableAreInert(t *testing.T) {
	got := Table([]string{"ID", "NAME"}, [][]string{{"1", "a\nb\x1b[31m\u202ec"}}, Options{})

	require.Equal(t, "ID  NAME\n1   a b [31m c\n", got)
}
