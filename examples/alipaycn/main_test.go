package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const program = "2021000000000007"

// served serves a gateway with a mini program that calls for itself, and sets
// the environment for it.
func served(t *testing.T) *alipaycntest.Gateway {
	t.Helper()
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.Key()), alipaycntest.WithAutoReview(0))
	require.NoError(t, err)
	public, err := x509.MarshalPKIXPublicKey(testkey.Client().Public())
	require.NoError(t, err)
	require.NoError(t, g.AddApp(alipaycntest.App{ID: program, PublicKey: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})}))
	require.NoError(t, g.AddVersion(program, "0.0.1"))
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)

	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "private.pem"), testkey.ClientPEM(), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "public.pem"), g.AlipayPublicKey(), 0o600))
	t.Setenv("ALIPAYCN_ENDPOINT", server.URL)
	t.Setenv("ALIPAYCN_APP_ID", program)
	t.Setenv("ALIPAYCN_PRIVATE_KEY_FILE", filepath.Join(folder, "private.pem"))
	t.Setenv("ALIPAYCN_PUBLIC_KEY_FILE", filepath.Join(folder, "public.pem"))
	return g
}

func execute(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, progress bytes.Buffer
	status = run(t.Context(), append([]string{"-observe", "1ms"}, args...), &out, &progress)
	return status, out.String(), progress.String()
}

func TestAgainstTheStandInInProcess(t *testing.T) {
	status, stdout, stderr := execute(t, "-version", "1.2.3")
	require.Equal(t, exitDone, status, stderr)
	require.Equal(t, "published "+standInProgram+" 1.2.3\n", stdout)
	require.Contains(t, stderr, "https://b.alipay.com/page/message/tasksDetail?bizData=")
	require.Contains(t, stderr, "authorized for "+standInProgram)
	require.Contains(t, stderr, "a logo and 2 screenshots")
	require.Contains(t, stderr, "(50)")
	require.Contains(t, stderr, "QR code: https://")
}

func TestAgainstAGatewayThatIsServed(t *testing.T) {
	g := served(t)
	status, stdout, stderr := execute(t)
	require.Equal(t, exitDone, status, stderr)
	require.Equal(t, "published "+program+" 0.0.1\n", stdout)
	require.Contains(t, stderr, "the app calls for itself")
	require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1, "qrcodes.create": 1}, g.Effects(program))

	// When it runs again, nothing is released twice
	status, _, stderr = execute(t)
	require.Equal(t, exitDone, status, stderr)
	require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1, "qrcodes.create": 2}, g.Effects(program))
}

func TestCallsThatTheReleaseDoesNotNeedMayBeUnknown(t *testing.T) {
	g := served(t)
	for _, operation := range []string{"versions.list", "baseInfo.get", "qrcodes.create"} {
		g.Inject(alipaycntest.Fault{Operation: operation, Code: alipaycn.GatewayInvalidMethod})
	}
	status, stdout, stderr := execute(t)
	require.Equal(t, exitDone, status, stderr)
	require.Equal(t, "published "+program+" 0.0.1\n", stdout)
	require.Contains(t, stderr, "could not list the versions")
	require.Contains(t, stderr, "could not read the saved information")
	require.Contains(t, stderr, "could not make a QR code")
}

func TestACallThatTheReleaseNeedsEndsIt(t *testing.T) {
	g := served(t)
	g.Inject(alipaycntest.Fault{Operation: "versions.publish", Code: alipaycn.GatewayInvalidMethod})
	status, stdout, stderr := execute(t)
	require.Equal(t, exitFailed, status)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "error: ")
	require.Equal(t, alipaycn.StatusGray, g.Status(program, "0.0.1"))
}

func TestInterrupted(t *testing.T) {
	served(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-ctx.Done()
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitInterrupted, run(ctx, nil, &stdout, &stderr))
	require.Contains(t, stderr.String(), "not done twice")
}

func TestWrongUse(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		status int
	}{
		{[]string{"-nope"}, exitUsage},
		{[]string{"-h"}, exitDone},
		{[]string{"-version", "one"}, exitFailed},
		{[]string{"-files", t.TempDir()}, exitFailed},
		{[]string{"-redirect", "http://example.com"}, exitFailed},
	} {
		status, stdout, _ := execute(t, tt.args...)
		require.Equal(t, tt.status, status, tt.args)
		require.Empty(t, stdout)
	}
	t.Setenv("ALIPAYCN_ENDPOINT", "http://127.0.0.1:1")
	status, _, stderr := execute(t)
	require.Equal(t, exitFailed, status)
	require.Contains(t, stderr, "app")
}
