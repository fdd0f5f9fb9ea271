package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// start runs the example until the test ends, and returns its address.
func start(t *testing.T, opts options) (address string) {
	t.Helper()
	opts.listen = "127.0.0.1:0"
	address, _, stop := testkey.Serve(t, "gateway", func(ctx context.Context, stderr io.Writer) int {
		return run(ctx, opts, nil, log.New(stderr, "", 0))
	})
	t.Cleanup(stop)
	return address
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
	address := start(t, options{credentials: folder})
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
		_, err = cnwire.VerifyResponse(resp.StatusCode, resp.Header, body, cnwire.Keys{Public: alipay})
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
	address := start(t, options{credentials: t.TempDir()})
	var stderr bytes.Buffer
	folder := t.TempDir()
	status := run(t.Context(), options{listen: strings.TrimPrefix(address, "http://"), credentials: folder}, nil, log.New(&stderr, "", 0))
	require.Equal(t, 1, status)
	require.Contains(t, stderr.String(), "address already in use")
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestWrongUse(t *testing.T) {
	var stderr bytes.Buffer
	progress := log.New(&stderr, "", 0)
	require.Equal(t, 2, run(t.Context(), options{}, []string{"now"}, progress))
	require.Equal(t, 1, run(t.Context(), options{listen: "127.0.0.1:0", autoReview: -time.Second}, nil, progress))
}

// An address that nothing can be posted to would be tried for ever.
func TestAWrongAddressForNotificationsIsOneLine(t *testing.T) {
	for _, address := range []string{"nowhere", "127.0.0.1:8482", "ftp://127.0.0.1", "http:///path", "http://%zz"} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // where it is taken, it is served to
		var stderr bytes.Buffer
		folder := t.TempDir()
		require.Equal(t, 1, run(ctx, options{listen: "127.0.0.1:0", credentials: folder, notify: address}, nil, log.New(&stderr, "", 0)), address)
		cancel()
		require.Equal(t, "error: -notify must be an address that begins with http:// or https://, such as http://127.0.0.1:8482\n", stderr.String())
		entries, err := os.ReadDir(folder)
		require.NoError(t, err)
		require.Empty(t, entries)
	}
}

func TestTheThirdPartyAppIsNotifiedUntilItListens(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	// Given a third-party app that fails once, and a gateway that is to notify it
	folder := t.TempDir()
	events := make(chan alipaycn.Notification, 10)
	server := httptest.NewUnstartedServer(nil)
	address := "http://" + server.Listener.Addr().String()
	endpoint := start(t, options{credentials: folder, notify: address})

	failed := false
	handler, err := alipaycn.NewNotificationHandler(alipaycn.NotificationOptions{
		AppID: thirdParty, AlipayPublicKey: []byte(read(t, folder, "alipay-public-key.pem")),
		Handle: func(_ context.Context, event alipaycn.Notification) error {
			if !failed {
				failed = true
				return errors.New("not yet")
			}
			events <- event
			return nil
		},
	})
	require.NoError(t, err)
	server.Config.Handler = handler
	server.Start()
	t.Cleanup(server.Close)

	// Then it hears of its authorization, with the token that the folder has
	granted, ok := (<-events).(*alipaycn.AuthorizationGranted)
	require.True(t, ok)
	require.Equal(t, read(t, folder, "third-party", "app-auth-token"), granted.Token.AppAuthToken)
	require.Equal(t, miniProgram, granted.Token.AuthAppID)

	// And of the merchant's order, which it reads
	placed, ok := (<-events).(*alipaycn.OrderPlaced)
	require.True(t, ok)
	require.Equal(t, read(t, folder, "third-party", "order-id"), placed.OrderID)

	// And when it applies for the version, it hears of the verdict
	client, err := alipaycn.New(
		alipaycn.WithEndpoint(endpoint), alipaycn.WithAppID(thirdParty), alipaycn.WithAppAuthToken(granted.Token.AppAuthToken),
		alipaycn.WithPrivateKey([]byte(read(t, folder, "third-party", "app-private-key.pem"))),
		alipaycn.WithAlipayPublicKey([]byte(read(t, folder, "alipay-public-key.pem"))),
	)
	require.NoError(t, err)
	order, err := client.Orders.Get(t.Context(), alipaycn.GetOrderInput{OrderID: placed.OrderID})
	require.NoError(t, err)
	require.Equal(t, alipaycn.OrderMerchantOrdered, order.Status)
	_, err = client.Versions.Apply(t.Context(), application(t))
	require.NoError(t, err)
	passed, ok := (<-events).(*alipaycn.AuditPassed)
	require.True(t, ok)
	require.Equal(t, alipaycn.AuditedVersion{MiniAppID: miniProgram, Version: version, BundleID: alipaycn.BundleAlipay}, passed.AuditedVersion)
	require.Empty(t, events)
}

// application is what the sample of examples/alipaycn applies with.
func application(t *testing.T) alipaycn.ApplyInput {
	t.Helper()
	sample := filepath.Join("..", "alipaycn", "sample")
	text, err := os.ReadFile(filepath.Join(sample, "application.json"))
	require.NoError(t, err)
	var in alipaycn.ApplyInput
	require.NoError(t, json.Unmarshal(text, &in))
	logo, err := os.ReadFile(filepath.Join(sample, "logo.png"))
	require.NoError(t, err)
	in.AppLogo = &alipaycn.File{Name: "logo.png", Content: bytes.NewReader(logo), Size: int64(len(logo))}
	in.Version, err = alipayplus.ParseVersion(version)
	require.NoError(t, err)
	return in
}
