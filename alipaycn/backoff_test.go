package alipaycn

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

func TestAPauseBeforeTheStateIsReadGrowsUpToTheLongest(t *testing.T) {
	const s = time.Second
	for name, tt := range map[string]struct {
		attempt     int
		asked, want time.Duration
	}{
		"the first":                        {1, 0, s},
		"the second":                       {2, 0, 2 * s},
		"the third":                        {3, 0, 4 * s},
		"the fourth":                       {4, 0, 8 * s},
		"above the longest":                {5, 0, 10 * s},
		"far above the longest":            {1000, 0, 10 * s},
		"as AlipayCN asked":                {1, 5 * s, 5 * s},
		"less was asked":                   {4, 5 * s, 8 * s},
		"more was asked than is waited":    {1, time.Hour, 10 * s},
		"asked for something in the past":  {1, -time.Hour, s},
		"as long as the longest was asked": {1, 10 * s, 10 * s},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				latest := time.Duration(0)
				for range 100 {
					start := time.Now()
					require.True(t, backoff{s, 10 * s}.pause(t.Context(), tt.attempt, tt.asked))
					waited := time.Since(start)
					require.GreaterOrEqual(t, waited, tt.want)
					require.Less(t, waited, tt.want+s)
					latest = max(latest, waited)
				}
				require.Greater(t, latest, tt.want+s/10, "many that wait do not come back at once")
			})
		})
	}
}

func TestAPauseThatWouldPassTheDeadlineIsNotBegun(t *testing.T) {
	for left, paused := range map[time.Duration]time.Duration{
		5*time.Second - 1: 0, 5 * time.Second: 0, 5*time.Second + 1: 5 * time.Second,
	} {
		t.Run(left.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), left)
				defer cancel()

				begun := backoff{0, time.Minute}.pause(ctx, 1, 5*time.Second)

				require.Equal(t, paused, time.Since(start))
				require.Equal(t, paused > 0, begun)
			})
		})
	}
	t.Run("cancelled meanwhile", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.False(t, backoff{0, time.Minute}.pause(ctx, 1, 5*time.Second))
	})
}

// The state is read later after each attempt whose answer was lost.
func TestEachLookWaitsLongerThanTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lost time.Time
		var pauses []time.Duration
		_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
			if r.URL.Path == cnwire.VersionPublish.Path() {
				lost = time.Now()
				return stubAnswer{err: io.ErrUnexpectedEOF}
			}
			if !lost.IsZero() { // not the look before
				pauses = append(pauses, time.Since(lost))
			}
			return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"WAIT_RELEASE"}`}
		}, WithRetry(4, time.Second, time.Minute))

		require.Error(t, c.Versions.Publish(t.Context(), PublishInput{Version: versionOne()}))

		require.Len(t, pauses, 4)
		for i, least := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
			require.GreaterOrEqual(t, pauses[i], least)
			require.Less(t, pauses[i], least+time.Second)
		}
	})
}
