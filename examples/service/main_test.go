package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

func TestMain(m *testing.M) {
	testkey.ClearEnv("ALIPAYPLUS_")
	os.Exit(m.Run())
}

func TestServiceGoesOnline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), options{}, nil, &stdout, log.New(&stderr, "", 0))
		require.Zero(t, status, stderr.String())
		require.Regexp(t, `^service svc_\w+ ONLINE\n$`, stdout.String())
		require.Contains(t, stderr.String(), "UNDER_REVIEW: ALIPAY_PLUS PENDING")
		require.Contains(t, stderr.String(), "APPROVED: ALIPAY_PLUS APPROVED")
		require.Regexp(t, `order ord_\w+ by Red Hill Coffee Pte\. Ltd\.: NEW_ORDER\n`, stderr.String())
		require.Regexp(t, `order ord_\w+: IN_DEVELOPMENT; the provider may release mini program \d+ \(红山咖啡\)\n$`, stderr.String())
	})
}

func TestJSONPrintsTheService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), options{json: true}, nil, &stdout, log.New(&stderr, "", 0))
		require.Zero(t, status, stderr.String())
		var got alipayplus.Service
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &got))
		require.Equal(t, alipayplus.ServiceOnline, got.Status)
		require.Len(t, got.Tutorial, 2)
	})
}

// A second run against a platform that is served finds the service there.
func TestAtAPlatformThatIsServed(t *testing.T) {
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithAutoReview(
		func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }))
	require.NoError(t, err)
	workspace, err := p.AddWorkspace(t.Context(), alipayplus.BusinessRegistration{CompanyName: "Red Hill Coffee", RegistrationNumber: "1", Country: "SG", Address: "2 Hill Road", ContactName: "Pat", ContactEmail: "pat@redhill.example"})
	require.NoError(t, err)
	require.NoError(t, p.PutMember(t.Context(), platform.Member{WorkspaceID: workspace, Name: "dev", Role: alipayplus.RoleDeveloper}))
	id, err := p.AddClient(t.Context(), workspace, "dev", testkey.Client().Public())
	require.NoError(t, err)
	credentials := testkey.Folder(t, map[string][]byte{
		"client-id": []byte(id + "\n"), "private-key.pem": testkey.ClientPEM(), "platform-public-key.pem": testkey.FastKey().PublicPEM(),
	})
	server := httptest.NewServer(p)
	defer server.Close()

	var first, second, stderr bytes.Buffer
	opts, progress := options{baseURL: server.URL, credentials: credentials}, log.New(&stderr, "", 0)
	require.Zero(t, run(t.Context(), opts, nil, &first, progress), stderr.String())
	require.Zero(t, run(t.Context(), opts, nil, &second, progress), stderr.String())
	require.Equal(t, first.String(), second.String())
	require.Contains(t, stderr.String(), "is there: ONLINE")
	require.NotContains(t, stderr.String(), "order ord_", "merchants are others there")

	// The wrong key is one line that says what to check.
	require.NoError(t, os.WriteFile(filepath.Join(credentials, "private-key.pem"), testkey.PEM(), 0o600))
	stderr.Reset()
	require.Equal(t, 1, run(t.Context(), opts, nil, &first, progress))
	require.Regexp(t, `^error: alipayplus: workspace\.get: .*check .*key.*\n$`, stderr.String())
}

func TestInterruptedSaysHowToGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, 130, run(ctx, options{}, nil, &stdout, log.New(&stderr, "", 0)))
	require.Empty(t, stdout.String())
	require.Contains(t, stderr.String(), "The embedded platform has forgotten everything: the next start begins anew.")
}

func TestWrongUse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		opts   options
		args   []string
		status int
		want   string
	}{
		{"a word too many", options{}, []string{"now"}, 2, "there are flags only"},
		{"credentials for nothing", options{credentials: "."}, nil, 2, "-credentials need a -base-url"},
		{"no credentials", options{baseURL: "http://127.0.0.1:1", credentials: t.TempDir()}, nil, 1, "credentials cannot be read: open "},
		{"no variables", options{baseURL: "http://127.0.0.1:1"}, nil, 1, "ALIPAYPLUS_CLIENT_ID"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, tt.status, run(t.Context(), tt.opts, tt.args, &stdout, log.New(&stderr, "", 0)))
			require.Empty(t, stdout.String())
			require.Contains(t, stderr.String(), tt.want)
		})
	}
}
