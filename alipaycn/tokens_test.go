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

	"github.com/alipayplus-go/alipayplus/internal/locks"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAllTokensAreThoseOfTheListOrTheOneOutsideIt(t *testing.T) {
	one, two := merchantToken("2021009900000202"), merchantToken("2021009900000303")
	require.Equal(t, []Token{one}, Tokens{Token: one}.All())
	require.Equal(t, []Token{one, two}, Tokens{Token: one, Tokens: []Token{one, two}}.All())

	tokens := Tokens{Token: one, Tokens: []Token{one, two}}
	tokens.All()[0].AppAuthToken = "changed"
	require.Equal(t, one, tokens.Tokens[0], "a copy")
}

func TestTokensAreInNoText(t *testing.T) {
	token := Token{AppAuthToken: "SECRET-1", AppRefreshToken: "SECRET-2", AuthAppID: "2021", UserID: "2088"}
	for _, value := range []any{
		token, &token,
		Tokens{Token: token, Tokens: []Token{token}},
	} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			require.NotContains(t, fmt.Sprintf(format, value), "SECRET", format)
		}
	}
	require.Equal(t, "[auth_app_id=2021 user_id=2088]", token.LogValue().String())
}

const (
	secretToken   = "202611BBx+/=secret-token"
	secretRefresh = "202611CBy+/=secret-refresh"
)

func merchantToken(authAppID string) Token {
	return Token{
		AppAuthToken: secretToken, AppRefreshToken: secretRefresh, AuthAppID: authAppID,
		UserID: "2088000000000001", ExpiresIn: 31536000, RefreshExpiresIn: 32140800,
	}
}

// eachTokenStore runs a test against every store.
func eachTokenStore(t *testing.T, test func(t *testing.T, store TokenStore)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { test(t, NewMemoryTokenStore()) })
	t.Run("file", func(t *testing.T) { test(t, NewFileTokenStore(filepath.Join(t.TempDir(), "tokens.json"))) })
}

func TestTokenStoreKeepsOneTokenPerApp(t *testing.T) {
	eachTokenStore(t, func(t *testing.T, store TokenStore) {
		// Given an empty store
		_, err := store.Get(t.Context(), "2021009900000202")
		require.ErrorIs(t, err, ErrNoToken)
		require.ErrorContains(t, err, "2021009900000202")
		requireApps(t, store)

		// When tokens of two apps are put, one of them twice
		require.NoError(t, store.Put(t.Context(), Token{AuthAppID: "2021009900000303", AppAuthToken: "old"}))
		require.NoError(t, store.Put(t.Context(), merchantToken("2021009900000303")))
		require.NoError(t, store.Put(t.Context(), merchantToken("2021009900000202")))

		// Then each app has its last
		requireApps(t, store, "2021009900000202", "2021009900000303")
		got, err := store.Get(t.Context(), "2021009900000303")
		require.NoError(t, err)
		require.Equal(t, merchantToken("2021009900000303"), got)

		// When one is deleted, twice
		require.NoError(t, store.Delete(t.Context(), "2021009900000303"))
		require.NoError(t, store.Delete(t.Context(), "2021009900000303"))

		// Then the other is still there
		requireApps(t, store, "2021009900000202")
		_, err = store.Get(t.Context(), "2021009900000303")
		require.ErrorIs(t, err, ErrNoToken)
	})
}

func requireApps(t require.TestingT, store TokenStore, want ...string) {
	got, err := store.List(tokenContext(t))
	require.NoError(t, err)
	require.Equal(t, append([]string{}, want...), append([]string{}, got...))
}

func TestTokenStoreRefusesHalfATokenOnly(t *testing.T) {
	eachTokenStore(t, func(t *testing.T, store TokenStore) {
		err := store.Put(t.Context(), Token{AppAuthToken: secretToken})
		require.ErrorContains(t, err, "AuthAppID is empty")
		require.NotContains(t, err.Error(), secretToken)

		err = store.Put(t.Context(), Token{AuthAppID: "2021009900000202", AppRefreshToken: secretRefresh})
		require.ErrorContains(t, err, `app "2021009900000202": AppAuthToken is empty`)
		require.NotContains(t, err.Error(), secretRefresh)
		requireApps(t, store)
	})
}

func TestTokenStoreIsSafeForConcurrentUse(t *testing.T) {
	eachTokenStore(t, func(t *testing.T, store TokenStore) {
		var callers sync.WaitGroup
		failures := make(chan error, 64)
		for i := range 8 {
			callers.Go(func() {
				app := fmt.Sprintf("app-%d", i)
				_, _ = store.Get(t.Context(), app)
				failures <- store.Put(t.Context(), merchantToken(app))
				_, err := store.Get(t.Context(), app)
				failures <- err
				_, err = store.List(t.Context())
				failures <- err
				if i%2 == 1 {
					failures <- store.Delete(t.Context(), app)
				}
			})
		}
		callers.Wait()
		close(failures)
		for err := range failures {
			require.NoError(t, err)
		}
		requireApps(t, store, "app-0", "app-2", "app-4", "app-6")
	})
}

func TestTokenStoreKeepsItsSecrets(t *testing.T) {
	eachTokenStore(t, func(t *testing.T, store TokenStore) {
		require.NoError(t, store.Put(t.Context(), merchantToken("2021009900000202")))
		token, err := store.Get(t.Context(), "2021009900000202")
		require.NoError(t, err)
		for _, text := range append(written(store), written(token)...) {
			require.NotContains(t, text, "secret")
		}
	})
}

func TestTokenStoresAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	folder := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		path := filepath.Join(folder, fmt.Sprintf("tokens-%d.json", run))
		memory := NewMemoryTokenStore()
		ctx := tokenContext(t)
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			file := NewFileTokenStore(path) // as if the program began anew
			app := rapid.SampledFrom([]string{"a", "b", "ключ", "<&>\u2028"}).Draw(t, "app")
			if rapid.Bool().Draw(t, "delete") {
				require.NoError(t, memory.Delete(ctx, app))
				require.NoError(t, file.Delete(ctx, app))
			} else {
				token := Token{
					AuthAppID: app, AppAuthToken: "t" + strings.ToValidUTF8(rapid.String().Draw(t, "token"), ""),
					RefreshExpiresIn: TextInt(rapid.Int64().Draw(t, "expiry")),
				}
				require.NoError(t, memory.Put(ctx, token))
				require.NoError(t, file.Put(ctx, token))
			}
			for _, app := range []string{"a", "b", "ключ", "<&>\u2028"} {
				want, wantErr := memory.Get(ctx, app)
				got, gotErr := file.Get(ctx, app)
				require.Equal(t, want, got)
				require.Equal(t, wantErr == nil, gotErr == nil)
			}
		}
		apps, err := memory.List(ctx)
		require.NoError(t, err)
		requireApps(t, NewFileTokenStore(path), apps...)
	})
}

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
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
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
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
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
	lock, err := locks.AcquireFile(path + ".lock")
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
		_, err := locks.AcquireFile(path + ".lock")
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
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
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
	_, err = locks.AcquireFile(path + ".lock")
	require.ErrorIs(t, err, locks.ErrLocked)

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
