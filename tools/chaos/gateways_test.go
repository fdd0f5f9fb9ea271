package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/postgres/postgrestest"
)

func TestGatewaysOverOneDatabaseAreKilled(t *testing.T) {
	if _, err := postgrestest.Programs(); errors.Is(err, postgrestest.ErrNotInstalled) {
		t.Skip(err)
	}
	temporary(t)
	var out bytes.Buffer
	status := run(t.Context(), []string{"-postgres", "-clients", "8", "-for", "3s", "-every", "500ms", "-seed", "1"}, &out)
	require.Zero(t, status, out.String())
	require.Regexp(t, `\d+ kills of 3 gateways, \d+ writes of 8 clients acknowledged, each recorded exactly once, .*; seed 1, `, out.String())
}
