package alipaycn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/lockedfile"
)

// tokenContext is the test's context where the test has one.
func tokenContext(t require.TestingT) context.Context {
	if t, ok := t.(interface{ Context() context.Context }); ok {
		return t.Context()
	}
	return context.Background()
}

func tokenPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "tokens.json")
}

func TestTokenFileIsReadableByItsOwnerAlone(t *testing.T) {
	path := tokenPath(t)
	require.NoError(t, NewFileTokenStore(path).Put(t.Context(), merchantToken("2021009900000202")))
	requireOwnerOnly(t, path)
	requireOwnerOnly(t, path+".lock")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.JSONEq(t, `{"schema":1,"tokens":{"2021009900000202":{
		"app_auth_token":"`+secretToken+`","app_refresh_token":"`+secretRefresh+`","auth_app_id":"2021009900000202",
		"user_id":"2088000000000001","expires_in":"31536000","re_expires_in":"32140800"}}}`, string(text))
}

// requireRefused requires that no call works, that none takes the file for an
// empty one, and that it stays as it is.
func requireRefused(t *testing.T, path, says string) {
	t.Helper()
	before, readErr := os.ReadFile(path)
	store := NewFileTokenStore(path)
	_, getErr := store.Get(t.Context(), "2021009900000202")
	_, listErr := store.List(t.Context())
	for operation, err := range map[string]error{
		"get token of app": getErr, "list tokens": listErr,
		"put token of app":    store.Put(t.Context(), merchantToken("2021009900000303")),
		"delete token of app": store.Delete(t.Context(), "2021009900000202"),
	} {
		require.ErrorContains(t, err, operation)
		require.ErrorContains(t, err, says)
		require.NotErrorIs(t, err, ErrNoToken)
		require.NotContains(t, err.Error(), "secret")
		require.NotContains(t, err.Error(), "\n")
	}
	if readErr == nil {
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, before, after)
	}
}

func TestDamagedTokenFileIsRefused(t *testing.T) {
	good := `{"schema":1,"tokens":{"2021009900000202":{"app_auth_token":"secret","auth_app_id":"2021009900000202"}}}`
	path := tokenPath(t)
	require.NoError(t, os.WriteFile(path, []byte(good), 0o600))
	requireApps(t, NewFileTokenStore(path), "2021009900000202")

	for name, c := range map[string]struct{ text, says string }{
		"empty":              {"", "is damaged"},
		"cut":                {good[:len(good)-3], "is damaged"},
		"two":                {good + good, "is damaged"},
		"another file":       {`"secret"`, "is damaged"},
		"null":               {`null`, "is damaged"},
		"no schema":          {`{"tokens":{}}`, "is damaged"},
		"schema 0":           {strings.Replace(good, `:1`, `:0`, 1), "is damaged"},
		"no tokens":          {`{"schema":1}`, "is damaged"},
		"a further field":    {strings.Replace(good, `"tokens"`, `"more":"secret","tokens"`, 1), "is damaged"},
		"a further property": {strings.Replace(good, `"auth_app_id"`, `"more":"secret","auth_app_id"`, 1), "is damaged"},
		"no token":           {strings.Replace(good, `"secret"`, `""`, 1), "is damaged"},
		"a number":           {strings.Replace(good, `"secret"`, `12345`, 1), "is damaged"},
		"mixed up":           {strings.Replace(good, `"auth_app_id":"2021009900000202"`, `"auth_app_id":"2021009900000303"`, 1), "is damaged"},
		"no app":             {strings.ReplaceAll(good, `2021009900000202`, ``), "is damaged"},
		"newer":              {`{"schema":2,"tokens":["secret"]}`, "has schema 2, this version of the library knows 1: update the library"},
	} {
		t.Run(name, func(t *testing.T) {
			path := tokenPath(t)
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			requireRefused(t, path, path+" "+c.says)
		})
	}
}

func TestHugeTokenFileIsRefused(t *testing.T) {
	path := tokenPath(t)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, tokenFileMax+1))
	_, err := NewFileTokenStore(path).Get(t.Context(), "a")
	require.ErrorContains(t, err, "at most 33554432 are read")
}

func TestTokenFileDoesNotGrowBeyondWhatIsRead(t *testing.T) {
	path := tokenPath(t)
	store := NewFileTokenStore(path)
	require.NoError(t, store.Put(t.Context(), merchantToken("a")))
	huge := Token{AuthAppID: "b", AppAuthToken: strings.Repeat("x", tokenFileMax)}
	require.ErrorContains(t, store.Put(t.Context(), huge), "use a database")
	requireApps(t, store, "a")
}

func TestFolderInPlaceOfTheTokenFileIsRefused(t *testing.T) {
	path := tokenPath(t)
	require.NoError(t, os.Mkdir(path, 0o700))
	requireRefused(t, path, "not a regular file")
}

func TestMissingFolderIsAnError(t *testing.T) {
	store := NewFileTokenStore(filepath.Join(t.TempDir(), "missing", "tokens.json"))
	_, err := store.Get(t.Context(), "a")
	require.ErrorIs(t, err, ErrNoToken)
	require.ErrorIs(t, store.Put(t.Context(), merchantToken("a")), fs.ErrNotExist)
}

func TestLeftoverOfACrashDoesNotLendItsPermissions(t *testing.T) {
	path := tokenPath(t)
	require.NoError(t, os.WriteFile(path+".new", []byte("half"), 0o644))
	require.NoError(t, NewFileTokenStore(path).Put(t.Context(), merchantToken("a")))
	requireOwnerOnly(t, path)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 2, "the file and its lock")
}

func TestAFailedWriteTellsNoSecret(t *testing.T) {
	path := tokenPath(t)
	require.NoError(t, os.MkdirAll(filepath.Join(path+".new", "in the way"), 0o700))
	err := NewFileTokenStore(path).Put(t.Context(), merchantToken("a"))
	require.ErrorContains(t, err, path)
	require.NotContains(t, err.Error(), "secret")
}

func TestTwoStoresOnOneFileLoseNothing(t *testing.T) {
	path := tokenPath(t)
	var writers sync.WaitGroup
	failures := make(chan error, 40)
	for w := range 4 {
		store := NewFileTokenStore(path)
		writers.Go(func() {
			for i := range 10 {
				failures <- store.Put(t.Context(), merchantToken(fmt.Sprintf("%d-%d", w, i)))
			}
		})
	}
	writers.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	apps, err := NewFileTokenStore(path).List(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 40)
}

func TestPutWaitsForTheLockUntilTheContextEnds(t *testing.T) {
	path := tokenPath(t)
	lock, err := lockedfile.Acquire(path + ".lock")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*lockRetry)
	defer cancel()

	err = NewFileTokenStore(path).Put(ctx, merchantToken("a"))

	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "another process holds "+path+".lock")
	require.NoError(t, lock.Release())
	require.NoError(t, NewFileTokenStore(path).Put(t.Context(), merchantToken("a")))
}

func TestNothingIsWrittenWithAContextThatHasEnded(t *testing.T) {
	store := NewFileTokenStore(tokenPath(t))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("going home"))
	for range 100 { // not now and then
		require.ErrorContains(t, store.Put(ctx, merchantToken("a")), "going home")
		require.ErrorContains(t, store.Delete(ctx, "a"), "going home")
	}
	requireApps(t, store)
}

func TestPutWaitsForItsTurnUntilTheContextEnds(t *testing.T) {
	store := NewFileTokenStore(tokenPath(t))
	store.writeLock <- struct{}{} // another call writes
	ctx, cancel := context.WithTimeout(t.Context(), 3*lockRetry)
	defer cancel()
	err := store.Delete(ctx, "a")
	require.ErrorContains(t, err, "wait for another write: ")
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// tokenProcessRole is the environment variable that turns a test into a process
// of its own.
const tokenProcessRole = "ALIPAYCN_TEST_TOKEN_PROCESS"

// TestTokenProcess does nothing unless another test starts it as a process, in
// the folder of the file.
func TestTokenProcess(t *testing.T) {
	const path = "tokens.json"
	switch role := os.Getenv(tokenProcessRole); role {
	case "":
	case "hold":
		_, err := lockedfile.Acquire(path + ".lock")
		require.NoError(t, err)
		_, _ = os.Stdout.WriteString("holding\n")
		time.Sleep(time.Hour) // until it is killed
	default:
		for i := range 20 {
			require.NoError(t, NewFileTokenStore(path).Put(t.Context(), merchantToken(fmt.Sprintf("%s-%d", role, i))))
		}
	}
}

func tokenProcess(t *testing.T, path, role string) *exec.Cmd {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTokenProcess$")
	process.Dir = filepath.Dir(path)
	process.Env = append(os.Environ(), tokenProcessRole+"="+role)
	return process
}

func TestTwoProcessesOnOneFileLoseNothing(t *testing.T) {
	path := tokenPath(t)
	first, second := tokenProcess(t, path, "first"), tokenProcess(t, path, "second")
	require.NoError(t, first.Start())
	require.NoError(t, second.Start())
	require.NoError(t, first.Wait())
	require.NoError(t, second.Wait())
	apps, err := NewFileTokenStore(path).List(t.Context())
	require.NoError(t, err)
	require.Len(t, apps, 40)
}

func TestKilledProcessLeavesNoLock(t *testing.T) {
	path := tokenPath(t)
	holder := tokenProcess(t, path, "hold")
	output, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "holding\n", line)
	_, err = lockedfile.Acquire(path + ".lock")
	require.ErrorIs(t, err, lockedfile.ErrLocked)

	require.NoError(t, holder.Process.Kill())
	require.Error(t, holder.Wait())

	require.NoError(t, NewFileTokenStore(path).Put(t.Context(), merchantToken("a")))
}

func FuzzTokenFile(f *testing.F) {
	f.Add([]byte(`{"schema":1,"tokens":{"a":{"app_auth_token":"t","auth_app_id":"a","expires_in":1}}}`))
	f.Add([]byte(`{"schema":2}`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, data []byte) {
		tokens, err := decodeTokenFile(data)
		if err != nil {
			require.Nil(t, tokens)
			return
		}
		require.NotNil(t, tokens)
		for id, token := range tokens {
			require.Equal(t, id, token.AuthAppID)
			require.NoError(t, storable(token))
		}
	})
}
