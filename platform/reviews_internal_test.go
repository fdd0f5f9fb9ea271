package platform

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// reviewedAt is a platform whose release r1 has two verdicts that are due now.
func reviewedAt(t *testing.T, opts ...Option) *Platform {
	t.Helper()
	p := fuzzPlatform(t)
	for _, opt := range append(opts, WithAutoReview(func(alipayplus.Party, *alipayplus.Request) Decision { return ApproveAfter(0) })) {
		require.NoError(t, opt(&p.cfg))
	}
	body, err := json.Marshal(goodBodies()[contract.ReleaseApply])
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, executeAs(t.Context(), p, fuzzCaller(contract.ReleaseApply), contract.ReleaseApply, "", body).status)
	return p
}

func queryRelease1(t *testing.T, p *Platform) reply {
	t.Helper()
	return executeAs(t.Context(), p, fuzzCaller(contract.ReleaseQuery), contract.ReleaseQuery, "", []byte(`{"releaseId":"r1"}`))
}

// TestAVerdictIsNotLostWhenTheStoreFails at any access while it is applied.
func TestAVerdictIsNotLostWhenTheStoreFails(t *testing.T) {
	for failAt := 1; ; failAt++ {
		p := reviewedAt(t)
		store := &failingStore{Store: p.cfg.store, failAt: failAt}
		p.cfg.store = store
		out := queryRelease1(t, p)
		if store.accesses < failAt {
			require.Equal(t, http.StatusOK, out.status)
			require.Greater(t, failAt, 20, "both verdicts were applied")
			return
		}
		require.Equal(t, http.StatusInternalServerError, out.status, "access %d", failAt)
		require.Contains(t, string(queryRelease1(t, p).body), `"status":"RELEASE_PREPARATION"`, "after access %d", failAt)
	}
}

// TestAVerdictThatCanNeverBeAppliedStopsNothingElse: it is dropped, and logged.
func TestAVerdictThatCanNeverBeAppliedStopsNothingElse(t *testing.T) {
	for name, damage := range map[string]func(storage.Tx) error{
		"the release cannot be read": func(tx storage.Tx) error { return tx.Put(releaseKey("ws", "r1"), []byte("{")) },
		"the release is gone":        func(tx storage.Tx) error { return tx.Delete(releaseKey("ws", "r1")) },
		"the release has moved": func(tx storage.Tx) error {
			return tx.Put(releaseKey("ws", "r1"), []byte(`{"workspace":"ws","id":"r1","status":"CANCELED","version":"1.0.0"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			p := reviewedAt(t, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			require.NoError(t, p.cfg.store.Update(t.Context(), damage))
			query := func() {
				out := executeAs(t.Context(), p, fuzzCaller(contract.ReleaseQuery), contract.ReleaseQuery, "", []byte(`{"releaseId":"r3"}`))
				require.Equal(t, http.StatusOK, out.status)
			}
			query()
			require.Contains(t, log.String(), "is dropped")
			log.Reset()
			query()
			require.Empty(t, log.String(), "once and for all")
		})
	}
}
