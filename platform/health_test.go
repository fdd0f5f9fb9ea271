package platform_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// awayStore is a store that can be away.
type awayStore struct {
	storage.Store

	away error
}

func (s *awayStore) View(ctx context.Context, fn func(storage.Tx) error) error {
	if s.away != nil {
		return s.away
	}
	return s.Store.View(ctx, fn)
}

// TestHealth: the process serves, and is ready while its store answers.
func TestHealth(t *testing.T) {
	store := &awayStore{Store: storage.NewMemory()}
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithStore(store), platform.WithPublicURL("https://gateway.example/release"))
	require.NoError(t, err)
	get := func(method, path string) (int, string) {
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
		body, err := io.ReadAll(w.Body)
		require.NoError(t, err)
		return w.Code, string(body)
	}
	for _, prefix := range []string{"", "/release"} {
		for _, away := range []error{nil, errors.New("the disk is gone: /var/lib/secret")} {
			store.away = away
			status, body := get(http.MethodGet, prefix+"/healthz")
			require.Equal(t, http.StatusOK, status)
			require.Equal(t, "ok\n", body)
			status, body = get(http.MethodGet, prefix+"/readyz")
			if away == nil {
				require.Equal(t, http.StatusOK, status)
				require.Equal(t, "ready\n", body)
			} else {
				require.Equal(t, http.StatusServiceUnavailable, status)
				require.Equal(t, "the store does not answer; the log says why\n", body)
			}
		}
	}
	status, _ := get(http.MethodPost, "/readyz")
	require.Equal(t, http.StatusMethodNotAllowed, status)
}
