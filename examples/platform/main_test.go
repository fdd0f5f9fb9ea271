package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() { // of a platform in earnest, which no test may call
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "ALIPAYPLUS_") {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

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
	address, stop := startAndStop(t, folder, more...)
	t.Cleanup(stop)
	return address
}

// startAndStop runs the example until stop is called.
func startAndStop(t *testing.T, folder string, more ...string) (address string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var stderr lockedBuffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, append([]string{"-listen", "127.0.0.1:0", "-credentials", folder}, more...), &stderr)
	}()
	stop = func() {
		cancel()
		require.Equal(t, command.Done, <-done)
		require.Contains(t, stderr.String(), "calls in flight may finish")
	}
	at := regexp.MustCompile(`platform on (http://\S+),`)
	require.Eventually(t, func() bool { return at.MatchString(stderr.String()) }, time.Minute, time.Millisecond, "it never served")
	return at.FindStringSubmatch(stderr.String())[1], stop
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
	folder, data := t.TempDir(), filepath.Join(t.TempDir(), "data")

	address, stop := startAndStop(t, folder, "-data", data)
	owner := open(t, address, folder, "owner")
	before, err := owner.Workspace.Get(t.Context())
	require.NoError(t, err)
	made, err := owner.Programs.Create(t.Context(), alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "en-US", Name: "Kept"}},
	})
	require.NoError(t, err)
	stop()

	address, stop = startAndStop(t, folder, "-data", data)
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

	// Nobody else makes the credentials anew while these records are there, nor does a start without any.
	requireFails(t, "belong to the records in "+data+", which are lost without them", "-credentials", folder)
	requireFails(t, "belong to the records in "+data+", which are lost without them", "-credentials", folder, "-data", t.TempDir())
	_, stop = startAndStop(t, folder, "-data", data)
	stop()
	requireFails(t, "do not belong to the records in "+data, "-credentials", t.TempDir(), "-data", data)
}

func TestCredentialsAreMadeAnewWhenTheirRecordsAreGone(t *testing.T) {
	folder, data := t.TempDir(), t.TempDir()
	kept, others, memory := &records{folder: data}, &records{folder: t.TempDir()}, &records{}
	require.NoError(t, memory.checkUnused(folder), "of nobody")
	require.NoError(t, memory.mark(folder))
	require.NoError(t, others.checkUnused(folder), "of records in memory")

	require.NoError(t, kept.mark(folder))
	require.ErrorContains(t, memory.checkUnused(folder), "belong to the records in "+data)
	require.ErrorContains(t, others.checkUnused(folder), "belong to the records in "+data)
	require.NoError(t, kept.checkUnused(folder), "its own, which are made anew")

	require.NoError(t, kept.mark(folder))
	require.NoError(t, os.Remove(data))
	require.NoError(t, memory.checkUnused(folder), "the records are gone")
	require.NoError(t, os.Mkdir(data, 0o700))
	require.NoError(t, others.checkUnused(folder), "and are others when there are some again")
}

// One folder may be for both, or the records' in that of the credentials, whatever it is called.
func TestCredentialsAndRecordsInOneFolder(t *testing.T) {
	for _, data := range []string{".", "records", "lock", "journal"} {
		folder := t.TempDir()
		for range 2 {
			address, stop := startAndStop(t, folder, "-data", filepath.Join(folder, data))
			_, err := open(t, address, folder, "owner").Workspace.Get(t.Context())
			require.NoError(t, err)
			stop()
		}
	}
}

// killed is a store whose process is killed right after it committed.
type killed struct{ storage.Store }

func (k killed) Update(ctx context.Context, fn func(storage.Tx) error) error {
	if err := k.Store.Update(ctx, fn); err != nil {
		return err
	}
	return errors.New("killed")
}

func TestAKillLeavesNoRecordsWhoseCredentialsAreOverwritten(t *testing.T) {
	folder, data := t.TempDir(), t.TempDir()
	kept, err := openRecords(t.Context(), data)
	require.NoError(t, err)
	kept.store = killed{kept.store}
	require.EqualError(t, kept.seed(t.Context(), folder), "killed")
	require.NoError(t, kept.close())

	requireFails(t, "belong to the records in "+data, "-credentials", folder)
	_, stop := startAndStop(t, folder, "-data", data)
	stop()
}

// A folder that cannot be looked at is not one that is gone.
func TestCredentialsOfRecordsThatCannotBeLookedAtStay(t *testing.T) {
	folder, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	require.NoError(t, (&records{folder: strings.Repeat("long", 1000)}).mark(folder))
	require.ErrorContains(t, (&records{folder: file}).checkUnused(folder), "which are lost without them")
}

// Two that run would take each other's credentials away.
func TestOnePlatformHasAFolderOfCredentials(t *testing.T) {
	folder := t.TempDir()
	address := start(t, folder)
	requireFails(t, "a platform runs already with the credentials in "+folder, "-credentials", folder)
	_, err := open(t, address, folder, "owner").Workspace.Get(t.Context())
	require.NoError(t, err)
}

func TestOneProgramInAFolder(t *testing.T) {
	data := t.TempDir()
	start(t, t.TempDir(), "-data", data)
	requireFails(t, "it is open in another process", "-credentials", t.TempDir(), "-data", data)
}

func requireFails(t *testing.T, says string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // one that does not fail serves until it is stopped
	defer cancel()
	var stderr lockedBuffer
	require.Equal(t, command.Failed, run(ctx, append([]string{"-listen", "127.0.0.1:0"}, args...), &stderr))
	require.Contains(t, stderr.String(), says)
	require.Equal(t, 1, strings.Count(stderr.String(), "\n"))
}

func TestAnAddressInUseIsOneLine(t *testing.T) {
	folder := t.TempDir()
	address := start(t, folder, "-auto-review", "0")
	var stderr lockedBuffer
	status := run(t.Context(), []string{"-listen", strings.TrimPrefix(address, "http://"), "-credentials", t.TempDir()}, &stderr)
	require.Equal(t, command.Failed, status)
	require.Contains(t, stderr.String(), "address already in use")
}

func TestWrongUse(t *testing.T) {
	var stderr lockedBuffer
	require.Equal(t, command.Usage, run(t.Context(), []string{"-nope"}, &stderr))
	require.Equal(t, command.Usage, run(t.Context(), []string{"-auto-review", "-1s"}, &stderr))
	require.Equal(t, command.Usage, run(t.Context(), []string{"-credentials", ""}, &stderr))
	require.Equal(t, command.Done, run(t.Context(), []string{"-h"}, &stderr))
}
