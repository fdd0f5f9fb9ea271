package postgres_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/postgres"
)

// While the database is away the platform says so, a write is answered so that it is repeated, and then it is done once.
func TestAPlatformWhoseDatabaseIsAway(t *testing.T) {
	t.Parallel()
	server, at := ownServer(t)
	pool := connect(t, at)
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	p, err := platform.New(platform.WithStore(postgres.NewStore(pool)))
	require.NoError(t, err)
	workspace, err := p.AddWorkspace(t.Context(), company())
	require.NoError(t, err)
	require.NoError(t, p.PutMember(t.Context(), platform.Member{WorkspaceID: workspace, Name: "owner", Role: alipayplus.RoleOwner}))
	owner, err := p.Client(t.Context(), workspace, "owner", alipayplus.WithRetry(1, time.Millisecond, time.Millisecond))
	require.NoError(t, err)
	write := func() error {
		_, err := owner.Programs.Create(t.Context(), alipayplus.CreateProgramInput{
			Languages: []alipayplus.Localization{{Language: "en-US", Name: "Tea"}}, RequestID: "once",
		})
		return err
	}
	require.Equal(t, http.StatusOK, ready(t, p))

	require.NoError(t, server.Stop())
	require.Equal(t, http.StatusServiceUnavailable, ready(t, p))
	err = write()
	require.True(t, alipayplus.IsRetryable(err), "%v", err)

	require.NoError(t, server.Start(t.Context()))
	require.Equal(t, http.StatusOK, ready(t, p))
	require.NoError(t, write())
	require.NoError(t, write())
	programs, err := owner.Programs.List(t.Context(), alipayplus.ListProgramsInput{})
	require.NoError(t, err)
	require.Len(t, programs.Items, 1)
}

func ready(t testing.TB, p *platform.Platform) (status int) {
	t.Helper()
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
	return answer.Code
}
