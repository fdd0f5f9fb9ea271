package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
)

// lockedBuffer can be read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// start runs the example until the test ends, and returns its address.
func start(t *testing.T, folder string, more ...string) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var stderr lockedBuffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, append([]string{"-listen", "127.0.0.1:0", "-credentials", folder}, more...), &stderr)
	}()
	t.Cleanup(func() {
		cancel()
		require.Equal(t, exitDone, <-done)
		require.Contains(t, stderr.String(), "calls in flight may finish")
	})
	at := regexp.MustCompile(`platform on (http://\S+),`)
	require.Eventually(t, func() bool { return at.MatchString(stderr.String()) }, time.Minute, time.Millisecond, "it never served")
	return at.FindStringSubmatch(stderr.String())[1]
}

func open(t *testing.T, address, folder, who string) *alipayplus.Client {
	t.Helper()
	flags := setup.Flags{BaseURL: address, Credentials: filepath.Join(folder, who)}
	session, err := flags.Open(t.Context())
	require.NoError(t, err)
	return session.Client
}

func TestEveryCredentialWorks(t *testing.T) {
	folder := t.TempDir()
	address := start(t, folder)
	for who, role := range map[string]alipayplus.Role{
		"owner": alipayplus.RoleOwner, "master": alipayplus.RoleMaster,
		"developer": alipayplus.RoleDeveloper, "other-owner": alipayplus.RoleOwner,
	} {
		w, err := open(t, address, folder, who).Workspace.Get(t.Context())
		require.NoError(t, err, who)
		require.Equal(t, role, w.Role)
		require.Equal(t, who == "other-owner", strings.HasPrefix(w.Name, "Red Hill"))
		info, err := os.Stat(filepath.Join(folder, who, "private-key.pem"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	for _, who := range []string{"reviewer-alipay-plus", "reviewer-alipay-cn"} {
		page, err := open(t, address, folder, who).Reviews.List(t.Context(), alipayplus.ListReviewsInput{})
		require.NoError(t, err, who)
		require.Empty(t, page.Items)
	}
}

func TestAnAddressInUseIsOneLine(t *testing.T) {
	folder := t.TempDir()
	address := start(t, folder, "-auto-review", "0")
	var stderr lockedBuffer
	status := run(t.Context(), []string{"-listen", strings.TrimPrefix(address, "http://"), "-credentials", t.TempDir()}, &stderr)
	require.Equal(t, exitFailed, status)
	require.Contains(t, stderr.String(), "address already in use")
}

func TestWrongUse(t *testing.T) {
	var stderr lockedBuffer
	require.Equal(t, exitUsage, run(t.Context(), []string{"-nope"}, &stderr))
	require.Equal(t, exitDone, run(t.Context(), []string{"-h"}, &stderr))
}
