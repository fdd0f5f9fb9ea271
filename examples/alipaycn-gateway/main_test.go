package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
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
func start(t *testing.T, folder string, args ...string) (address string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var stderr lockedBuffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, append([]string{"-listen", "127.0.0.1:0", "-credentials", folder}, args...), &stderr)
	}()
	t.Cleanup(func() {
		cancel()
		require.Equal(t, command.Done, <-done)
		require.Contains(t, stderr.String(), "calls in flight may finish")
	})
	at := regexp.MustCompile(`gateway on (http://\S+),`)
	require.Eventually(t, func() bool { return at.MatchString(stderr.String()) }, time.Minute, time.Millisecond, "it never served")
	return at.FindStringSubmatch(stderr.String())[1]
}

func read(t *testing.T, parts ...string) string {
	t.Helper()
	name := filepath.Join(parts...)
	info, err := os.Stat(name)
	require.NoError(t, err)
	if runtime.GOOS != "windows" { // it has no such permissions
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return strings.TrimSpace(string(text))
}

func TestBothCredentialsWork(t *testing.T) {
	folder := t.TempDir()
	// Given files of an earlier run that everybody can read
	require.NoError(t, os.WriteFile(filepath.Join(folder, "app-private-key.pem"), []byte("old"), 0o644))
	address := start(t, folder)
	for _, who := range []string{"", "third-party"} {
		key, err := signing.ParsePrivateKey([]byte(read(t, folder, who, "app-private-key.pem")))
		require.NoError(t, err)
		alipay, err := signing.ParsePublicKey([]byte(read(t, folder, who, "alipay-public-key.pem")))
		require.NoError(t, err)
		call := cnwire.Request{
			AppID: read(t, folder, who, "app-id"), Nonce: rand.Text(), Timestamp: time.Now().UnixMilli(),
			Method: http.MethodGet, PathAndQuery: cnwire.VersionList.Path() + "?version_status=INIT",
		}
		if who != "" {
			call.AppAuthToken = read(t, folder, who, "app-auth-token")
		}
		// When the app lists its versions in development
		authorization, err := call.Authorization(key)
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(t.Context(), call.Method, address+call.PathAndQuery, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", authorization)
		if who != "" {
			req.Header.Set("Alipay-App-Auth-Token", call.AppAuthToken)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		// Then there is 0.0.1, in an answer that Alipay signed
		_, err = cnwire.VerifyResponse(resp.StatusCode, resp.Header, body, alipay, "")
		require.NoError(t, err)
		var list struct {
			Versions []struct {
				Version string `json:"app_version"`
			} `json:"app_version_infos"`
		}
		require.NoError(t, json.Unmarshal(body, &list))
		require.Len(t, list.Versions, 1)
		require.Equal(t, version, list.Versions[0].Version)
	}
}

func TestAnAddressInUseIsOneLine(t *testing.T) {
	address := start(t, t.TempDir())
	var stderr lockedBuffer
	folder := t.TempDir()
	status := run(t.Context(), []string{"-listen", strings.TrimPrefix(address, "http://"), "-credentials", folder}, &stderr)
	require.Equal(t, command.Failed, status)
	require.Contains(t, stderr.String(), "address already in use")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestWrongUse(t *testing.T) {
	var stderr lockedBuffer
	require.Equal(t, command.Usage, run(t.Context(), []string{"-nope"}, &stderr))
	require.Equal(t, command.Done, run(t.Context(), []string{"-h"}, &stderr))
	require.Equal(t, command.Failed, run(t.Context(), []string{"-auto-review", "-1s"}, &stderr))
}

// An address that nothing can be posted to would be tried for ever.
func TestAWrongAddressForNotificationsIsOneLine(t *testing.T) {
	for _, address := range []string{"nowhere", "127.0.0.1:8482", "ftp://127.0.0.1", "http:///path", "http://%zz"} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // where it is taken, it is served to
		var stderr lockedBuffer
		folder := t.TempDir()
		require.Equal(t, command.Failed, run(ctx, []string{"-listen", "127.0.0.1:0", "-credentials", folder, "-notify", address}, &stderr), address)
		cancel()
		require.Equal(t, "error: -notify must be an address that begins with http:// or https://, such as http://127.0.0.1:8482\n", stderr.String())
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Empty(t, entries)
	}
}
