package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

func TestTheThirdPartyAppIsToldUntilItListens(t *testing.T) {
	// Given a third-party app that fails once, and a gateway that is to tell it
	folder := t.TempDir()
	events := make(chan alipaycn.Notification, 10)
	server := httptest.NewUnstartedServer(nil)
	address := "http://" + server.Listener.Addr().String()
	endpoint := start(t, folder, "-notify", address, "-auto-review", "0s")

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

	// And when it applies for the version, it hears of the verdict
	client, err := alipaycn.New(
		alipaycn.WithEndpoint(endpoint), alipaycn.WithAppID(thirdParty), alipaycn.WithAppAuthToken(granted.Token.AppAuthToken),
		alipaycn.WithPrivateKey([]byte(read(t, folder, "third-party", "app-private-key.pem"))),
		alipaycn.WithAlipayPublicKey([]byte(read(t, folder, "alipay-public-key.pem"))),
	)
	require.NoError(t, err)
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
