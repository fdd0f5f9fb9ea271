package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestItPrintsSpansAndMetricsOfBothSides(t *testing.T) {
	var out bytes.Buffer

	require.NoError(t, run(t.Context(), &out))

	text := out.String()
	for _, want := range []string{
		`"Name":"job"`, `"Name":"alipayplus releases.create"`, `"Name":"POST /api/open/v2/release/create"`,
		"alipayplus.rollout.step.duration", "http.server.request.duration",
	} {
		require.Contains(t, text, want)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	require.Regexp(t, `^rolled out rel_\w+ 100%, traced$`, lines[len(lines)-1])
}
