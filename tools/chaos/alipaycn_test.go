package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPlatformOverAlipayCNIsKilledToo(t *testing.T) {
	temporary(t)
	kills := "6"
	if testing.Short() {
		kills = "1"
	}
	var out bytes.Buffer
	status := run(t.Context(), []string{"-alipaycn", "-kills", kills, "-within", "2s", "-seed", "1"}, &out)
	require.Zero(t, status, out.String())
	require.Regexp(t, `\d+ kills of the rollout and \d+ of the platform, \d+ releases to all users of AlipayCN, each effect there once; seed 1, `, out.String())
}
