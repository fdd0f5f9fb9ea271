package gateway_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/gateway"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// open opens a gateway until the test ends.
func open(t *testing.T, opts gateway.Options) *gateway.Gateway {
	t.Helper()
	g, err := gateway.Open(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	return g
}

// serve serves a gateway until stop is called, and returns its address.
func serve(t *testing.T, g *gateway.Gateway) (address string, stop func()) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- g.Serve(ctx, listener) }()
	return "http://" + listener.Addr().String(), func() {
		cancel()
		require.NoError(t, <-served)
	}
}

func TestEveryCredentialCallsThePlatformUntilItEnds(t *testing.T) {
	t.Parallel()
	g, folder := open(t, gateway.Options{}), t.TempDir()
	release, err := g.WriteCredentials(folder, "http://gateway.example")
	require.NoError(t, err)
	defer release()
	address, stop := serve(t, g)
	for who, role := range map[string]alipayplus.Role{
		gateway.Owner: alipayplus.RoleOwner, gateway.Master: alipayplus.RoleMaster,
		gateway.Developer: alipayplus.RoleDeveloper, gateway.OtherOwner: alipayplus.RoleOwner,
	} {
		w, err := client(t, g, address, folder, who).Workspace.Get(t.Context())
		require.NoError(t, err, who)
		require.Equal(t, role, w.Role)
		require.Equal(t, who == gateway.OtherOwner, strings.HasPrefix(w.Name, "Red Hill"))
	}
	for _, who := range []string{gateway.ReviewerAlipayPlus, gateway.ReviewerAlipayCN} {
		_, err := client(t, g, address, folder, who).Reviews.List(t.Context(), alipayplus.ListReviewsInput{})
		require.NoError(t, err, who)
	}
	program, err := client(t, g, address, folder, gateway.Developer).Programs.Get(t.Context(), g.Program())
	require.NoError(t, err)
	require.Equal(t, "Blue Lake Tea", program.Languages[0].Name)

	stop()
	_, err = client(t, g, address, folder, gateway.Owner).Workspace.Get(t.Context())
	require.Error(t, err)
}

// client is one that the variables of the gateway make.
func client(t *testing.T, g *gateway.Gateway, address, folder, who string) *alipayplus.Client {
	t.Helper()
	variables := g.Variables(address, folder, who)
	id, err := os.ReadFile(filepath.Join(folder, who, "client-id"))
	require.NoError(t, err)
	require.Equal(t, variables["ALIPAYPLUS_CLIENT_ID"]+"\n", string(id))
	key := variables["ALIPAYPLUS_PRIVATE_KEY_FILE"]
	info, err := os.Stat(key)
	require.NoError(t, err)
	if runtime.GOOS != "windows" { // it keeps no such permissions
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	private, err := os.ReadFile(key)
	require.NoError(t, err)
	public, err := os.ReadFile(variables["ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE"])
	require.NoError(t, err)
	c, err := alipayplus.New(
		alipayplus.WithBaseURL(variables["ALIPAYPLUS_BASE_URL"]), alipayplus.WithClientID(variables["ALIPAYPLUS_CLIENT_ID"]),
		alipayplus.WithPrivateKey(private), alipayplus.WithPlatformKey("1", public), alipayplus.WithRetry(1, 0, 0),
	)
	require.NoError(t, err)
	return c
}

func TestTheNextStartContinuesWithTheRecords(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first, err := gateway.Open(t.Context(), gateway.Options{Data: data})
	require.NoError(t, err)
	_, err = gateway.Open(t.Context(), gateway.Options{Data: data})
	require.ErrorContains(t, err, "it is open in another process")
	require.NoError(t, first.Close())

	second := open(t, gateway.Options{Data: data})

	require.Equal(t, first.Workspace(), second.Workspace())
	require.Equal(t, first.Program(), second.Program())
	require.Equal(t, first.Credentials(gateway.Owner), second.Credentials(gateway.Owner))
	c, err := alipayplus.New(append(second.Credentials(gateway.Owner).Options(),
		alipayplus.WithBaseURL("http://platform.invalid"), alipayplus.WithHTTPClient(second.HTTPClient()))...)
	require.NoError(t, err)
	_, err = c.Programs.Get(t.Context(), first.Program())
	require.NoError(t, err)
}

func TestAFolderOfCredentialsIsOfOnePlatformAtATime(t *testing.T) {
	t.Parallel()
	g, folder := open(t, gateway.Options{}), t.TempDir()
	release, err := g.WriteCredentials(folder, "http://gateway.example")
	require.NoError(t, err)
	private := filepath.Join(folder, gateway.Owner, "private-key.pem")
	require.NoError(t, os.Remove(private))

	_, err = g.WriteCredentials(folder, "http://gateway.example")

	require.EqualError(t, err, "a platform runs already with the credentials in "+folder)
	require.NoFileExists(t, private)
	release()
	release, err = g.WriteCredentials(folder, "http://gateway.example")
	require.NoError(t, err)
	release()
	require.FileExists(t, private)
}

// The whole way to AlipayCN over its stand-in, up to where the rollout begins.
func TestAPlatformOverTheStandIn(t *testing.T) {
	t.Parallel()
	in, err := gateway.NewStandIn(0)
	require.NoError(t, err)
	require.NoError(t, in.AddVersion("1.0.0"))
	g := open(t, gateway.Options{AlipayCN: in.Client, PublicURL: "http://platform.invalid", AutoReview: time.Nanosecond})
	owner, err := g.Client(t.Context(), g.Workspace(), gateway.Owner)
	require.NoError(t, err)
	at := alipayplus.AuthorizationInput{ProgramID: g.Program(), TargetApp: alipayplus.TargetAlipayCN}
	begun, err := owner.Authorizations.Begin(t.Context(), alipayplus.BeginAuthorizationInput{ProgramID: at.ProgramID, TargetApp: at.TargetApp})
	require.NoError(t, err)

	require.NoError(t, in.Authorize(t.Context(), g.Platform, begun))

	granted, err := owner.Authorizations.Get(t.Context(), at)
	require.NoError(t, err)
	require.Equal(t, alipayplus.AuthorizationGranted, granted.Status)
	require.Equal(t, gateway.MiniProgram, granted.TargetProgramID)
}

func TestTokensAreKeptUnderAKeyThatIsKeptApart(t *testing.T) {
	t.Parallel()
	in, err := gateway.NewStandIn(0)
	require.NoError(t, err)
	opts := gateway.Options{AlipayCN: in.Client, PublicURL: "http://platform.invalid", Data: t.TempDir()}
	_, err = gateway.Open(t.Context(), opts)
	require.ErrorContains(t, err, "encryption key")
	opts.EncryptionKey = bytes.Repeat([]byte("k"), 32)
	open(t, opts)
}

// Processes that begin on one store at the same moment are one platform.
func TestGatewaysThatBeginTogetherOnOneStoreAreOnePlatform(t *testing.T) {
	t.Parallel()
	store := storage.NewMemory()
	gateways := make([]*gateway.Gateway, 3)
	var all sync.WaitGroup
	for i := range gateways {
		all.Go(func() {
			var err error
			if gateways[i], err = gateway.Open(t.Context(), gateway.Options{Store: store}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, g := range gateways {
		require.Equal(t, gateways[0].Workspace(), g.Workspace())
		require.Equal(t, gateways[0].Program(), g.Program())
		require.Equal(t, gateways[0].Credentials(gateway.Owner), g.Credentials(gateway.Owner))
		require.Equal(t, gateways[0].PublicKeyPEM(), g.PublicKeyPEM())
	}
}
