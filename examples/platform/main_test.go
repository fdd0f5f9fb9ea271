package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
)

func TestMain(m *testing.M) {
	testkey.ClearEnv("ALIPAYPLUS_", "ALIPAYCN_")
	status := m.Run()
	if folder, err := earlier(); err == nil {
		_ = os.RemoveAll(folder)
	}
	os.Exit(status)
}

// kept returns a folder with records that an earlier start made. They are made once: keys take their time.
func kept(t *testing.T) (data string) {
	t.Helper()
	folder, err := earlier()
	require.NoError(t, err)
	data = t.TempDir()
	require.NoError(t, os.CopyFS(data, os.DirFS(folder)))
	return data
}

var earlier = sync.OnceValues(func() (folder string, err error) {
	if folder, err = os.MkdirTemp("", "platform-test-"); err != nil {
		return "", err
	}
	store, err := bolt.Open(folder)
	if err != nil {
		return "", err
	}
	if _, err := seed(context.Background(), store); err != nil {
		return "", err
	}
	return folder, store.Close()
})

// start runs the example until the test ends, and returns its address.
func start(t *testing.T, opts options) (address string) {
	t.Helper()
	address, stop := startAndStop(t, opts)
	t.Cleanup(stop)
	return address
}

// startAndStop runs the example until stop is called.
func startAndStop(t *testing.T, opts options) (address string, stop func()) {
	t.Helper()
	opts.listen = "127.0.0.1:0"
	address, _, stop = testkey.Serve(t, "platform", func(ctx context.Context, stderr io.Writer) int {
		return run(ctx, opts, nil, log.New(stderr, "", 0))
	})
	return address, stop
}

func open(t *testing.T, address, folder, who string) *alipayplus.Client {
	t.Helper()
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(folder, who, name))
		require.NoError(t, err)
		return content
	}
	client, err := alipayplus.New(
		alipayplus.WithBaseURL(address), alipayplus.WithClientID(strings.TrimSpace(string(read("client-id")))),
		alipayplus.WithPrivateKey(read("private-key.pem")), alipayplus.WithPlatformKey("1", read("platform-public-key.pem")),
	)
	require.NoError(t, err)
	return client
}

func TestEveryCredentialWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	folder := t.TempDir()
	address := start(t, options{credentials: folder})
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
		if runtime.GOOS != "windows" { // it keeps no such permissions
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		}
	}
	for _, who := range []string{"reviewer-alipay-plus", "reviewer-alipay-cn"} {
		page, err := open(t, address, folder, who).Reviews.List(t.Context(), alipayplus.ListReviewsInput{})
		require.NoError(t, err, who)
		require.Empty(t, page.Items)
	}
}

// With -data the next start goes on with the records: the same credentials, the same workspace, and what was made in it.
func TestRecordsAreKept(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	folder, data := t.TempDir(), filepath.Join(t.TempDir(), "data")

	address, stop := startAndStop(t, options{credentials: folder, data: data})
	owner := open(t, address, folder, "owner")
	before, err := owner.Workspace.Get(t.Context())
	require.NoError(t, err)
	made, err := owner.Programs.Create(t.Context(), alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "en-US", Name: "Kept"}},
	})
	require.NoError(t, err)
	stop()

	address, stop = startAndStop(t, options{credentials: folder, data: data})
	owner = open(t, address, folder, "owner")
	after, err := owner.Workspace.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	still, err := owner.Programs.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, made, still)
	page, err := owner.Programs.List(t.Context(), alipayplus.ListProgramsInput{})
	require.NoError(t, err)
	require.Len(t, page.Items, 2, "the one that the first start made, and this one")
	stop()

	// In another folder they are written, too.
	other := t.TempDir()
	address, stop = startAndStop(t, options{credentials: other, data: data})
	defer stop()
	again, err := open(t, address, other, "owner").Workspace.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, again)
}

// What another start has overwritten, or everybody may read, is written again.
func TestCredentialsOfKeptRecordsAreNotLost(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	folder := t.TempDir()
	private := filepath.Join(folder, "owner", "private-key.pem")
	require.NoError(t, os.Mkdir(filepath.Dir(private), 0o700))
	require.NoError(t, os.WriteFile(private, []byte("another"), 0o644))
	address := start(t, options{credentials: folder, data: kept(t)})
	_, err := open(t, address, folder, "owner").Workspace.Get(t.Context())
	require.NoError(t, err)
	if runtime.GOOS != "windows" { // it keeps no such permissions
		info, err := os.Stat(private)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

// One folder may be for both, or the records' in that of the credentials, whatever it is called.
func TestCredentialsAndRecordsInOneFolder(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	for _, data := range []string{".", "records", "lock", "journal"} {
		folder := t.TempDir()
		if data != "." { // begins without records
			require.NoError(t, os.CopyFS(filepath.Join(folder, data), os.DirFS(kept(t))))
		}
		for range 2 {
			address, stop := startAndStop(t, options{credentials: folder, data: filepath.Join(folder, data)})
			_, err := open(t, address, folder, "owner").Workspace.Get(t.Context())
			require.NoError(t, err)
			stop()
		}
	}
}

// killed is a store whose process is killed right after it committed.
type killed struct {
	storage.Store

	commits int
}

func (k *killed) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if err := k.Store.Update(ctx, fn); err != nil {
		return err
	}
	k.commits++
	return errors.New("killed")
}

func TestAKillLeavesAllRecordsWithTheirCredentialsOrNone(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	folder, data := t.TempDir(), t.TempDir()
	store, err := bolt.Open(data)
	require.NoError(t, err)
	dies := &killed{Store: store}
	_, err = seed(t.Context(), dies)
	require.EqualError(t, err, "killed")
	require.Equal(t, 1, dies.commits)
	require.NoError(t, store.Close())

	address := start(t, options{credentials: folder, data: data})
	page, err := open(t, address, folder, "owner").Programs.List(t.Context(), alipayplus.ListProgramsInput{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
}

// Two that run would take each other's credentials away.
func TestOnePlatformHasAFolderOfCredentials(t *testing.T) {
	folder := t.TempDir()
	address := start(t, options{credentials: folder, data: kept(t)})
	requireFails(t, "a platform runs already with the credentials in "+folder, options{credentials: folder})
	_, err := open(t, address, folder, "owner").Workspace.Get(t.Context())
	require.NoError(t, err)
}

func TestOneProgramInAFolder(t *testing.T) {
	data := kept(t)
	start(t, options{credentials: t.TempDir(), data: data})
	requireFails(t, "it is open in another process", options{credentials: t.TempDir(), data: data})
}

func requireFails(t *testing.T, says string, opts options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // one that does not fail serves until it is stopped
	defer cancel()
	var stderr bytes.Buffer
	opts.listen = "127.0.0.1:0"
	require.Equal(t, 1, run(ctx, opts, nil, log.New(&stderr, "", 0)))
	require.Contains(t, stderr.String(), says)
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"))
}

func TestAnAddressInUseIsOneLine(t *testing.T) {
	folder := t.TempDir()
	address := start(t, options{credentials: folder, data: kept(t)})
	var stderr bytes.Buffer
	status := run(t.Context(), options{listen: strings.TrimPrefix(address, "http://"), credentials: folder}, nil, log.New(&stderr, "", 0))
	require.Equal(t, 1, status)
	require.Contains(t, stderr.String(), "address already in use")
	_, err := open(t, address, folder, "owner").Workspace.Get(t.Context())
	require.NoError(t, err, "its credentials stay")
}

func TestWrongUse(t *testing.T) {
	for _, tt := range []struct {
		opts   options
		args   []string
		status int
		want   string
	}{
		{options{credentials: "x", listen: "nowhere"}, []string{"now"}, 2, "there are flags only"},
		{options{credentials: "x", autoReview: -time.Second}, nil, 2, "-auto-review must not be below 0"},
		{options{}, nil, 2, "-credentials must name a folder"},
		{options{credentials: t.TempDir(), data: kept(t), listen: "127.0.0.1:0", publicURL: "nowhere"}, nil, 1, "public URL"},
		{options{credentials: os.DevNull, listen: "127.0.0.1:0"}, nil, 1, os.DevNull},
	} {
		var stderr bytes.Buffer
		require.Equal(t, tt.status, run(t.Context(), tt.opts, tt.args, log.New(&stderr, "", 0)))
		require.Contains(t, stderr.String(), tt.want)
	}
}

// gateway is a stand-in for AlipayCN on loopback; the variables say how to call it.
func gateway(t *testing.T) *alipaycntest.Gateway {
	t.Helper()
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()), alipaycntest.WithAutoReview(0), alipaycntest.WithAnyTemplate())
	require.NoError(t, err)
	require.NoError(t, g.AddApp(alipaycntest.App{ID: "2021000000000002", PublicKey: testkey.ClientPublicPEM(), ThirdParty: true}))
	require.NoError(t, g.AddApp(alipaycntest.App{ID: "2021000000000001"}))
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	files := testkey.Folder(t, map[string][]byte{
		"private-key.pem": testkey.ClientPEM(), "alipay-public-key.pem": g.AlipayPublicKey(), "encryption-key": bytes.Repeat([]byte("k"), 32),
	})
	for name, value := range map[string]string{
		"ENDPOINT": server.URL, "APP_ID": "2021000000000002", "PRIVATE_KEY_FILE": filepath.Join(files, "private-key.pem"),
		"PUBLIC_KEY_FILE": filepath.Join(files, "alipay-public-key.pem"), "ENCRYPTION_KEY_FILE": filepath.Join(files, "encryption-key"),
	} {
		t.Setenv("ALIPAYCN_"+name, value)
	}
	return g
}

// With -alipaycn a release is AlipayCN's, Alipay+'s reviewers alone approve by themselves, and what is kept is used again.
func TestAReleaseAtAlipayCN(t *testing.T) {
	g, folder, data := gateway(t), t.TempDir(), kept(t)
	opts := options{credentials: folder, data: data, autoReview: time.Nanosecond, alipayCN: true}
	address, stop := startAndStop(t, opts)
	owner := open(t, address, folder, "owner")
	var program *alipayplus.Program
	for p, err := range owner.Programs.All(t.Context(), alipayplus.ListProgramsInput{}) {
		require.NoError(t, err)
		program = p
	}
	begun, err := owner.Authorizations.Begin(t.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program.ID, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(begun.URL, os.Getenv("ALIPAYCN_ENDPOINT")+"/page/"), begun.URL)
	require.NoError(t, g.Confirm(t.Context(), http.DefaultClient, begun.URL, "2021000000000001"))
	stop()

	address, stop = startAndStop(t, opts)
	defer stop()
	owner = open(t, address, folder, "owner")
	granted, err := owner.Authorizations.Get(t.Context(), alipayplus.AuthorizationInput{ProgramID: program.ID, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(t, err)
	require.Equal(t, alipayplus.AuthorizationGranted, granted.Status)
	require.Equal(t, "2021000000000001", granted.TargetProgramID)
	w, err := owner.Workspace.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, "10%, 30%, 50%, 100%", w.Targets[0].Ladder.String())
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		resp, err := http.Get(address + path)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, string(body))
	}
}

func TestAlipayCNNeedsItsVariables(t *testing.T) {
	data := kept(t)
	requireFails(t, "set ALIPAYCN_ENCRYPTION_KEY_FILE", options{credentials: t.TempDir(), data: data, alipayCN: true})
	gateway(t)
	t.Setenv("ALIPAYCN_ENCRYPTION_KEY_FILE", os.DevNull)
	requireFails(t, "must have 32 bytes, has 0", options{credentials: t.TempDir(), data: data, alipayCN: true})
}
