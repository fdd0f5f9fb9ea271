package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// A server in a container listens on all addresses, and [::] is none that a client of each system can call.
func TestAServerOnAllAddressesIsReachedUnderOneOfThem(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	status := make(chan int, 1)
	folder := t.TempDir()
	go func() {
		status <- run(ctx, []string{"serve", "--listen", ":0", "--credentials", folder, "-o", "json"}, in, io.Discard)
	}()
	var got served
	err := json.NewDecoder(out).Decode(&got)
	config, unread := os.ReadFile(filepath.Join(folder, "developer", "alipayplus.yaml"))
	stop()
	<-status

	require.NoError(t, err)
	require.NoError(t, unread)
	require.Regexp(t, `^http://localhost:\d+$`, got.Address)
	require.Contains(t, string(config), got.Address)
	require.Equal(t, report.Schema, got.Schema)
}
