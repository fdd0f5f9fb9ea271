package platform_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// listing answers every call with an empty page, signed as the platform does,
// whose cursor is that of its place.
func (w *fixture) listing(cursors func(n int) string) (*alipayplus.Client, *int) {
	w.Helper()
	calls := new(int)
	answer := through(func(r *http.Request) (*http.Response, error) {
		*calls++
		id, at := r.Header.Get("Client-Id"), time.Now().Format(time.RFC3339Nano)
		body := fmt.Appendf(nil, `{"result":{"resultStatus":"S","resultCode":"SUCCESS","resultMessage":""},"data":{"items":[],"nextCursor":%q}}`, cursors(*calls))
		signature := signedHeader(w, testkey.FastKey(), r.Method, r.URL.EscapedPath(), id, at, body).Get("Signature")
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Header: http.Header{
			"Client-Id": {id}, "Response-Time": {at}, "Signature": {signature},
		}}, nil
	})
	return w.as("olga", alipayplus.WithHTTPClient(&http.Client{Transport: answer})), calls
}

// A platform in which two pages lead to each other does not keep a program for
// ever. One with many pages is read to its end.
func TestAListWhosePagesGoRoundEnds(t *testing.T) {
	const most, long = 20, 100
	withFixture(t, func(w *fixture) {
		client, calls := w.listing(func(n int) string {
			if n > most {
				return "" // so that the test ends
			}
			return []string{"A", "B"}[n%2]
		})
		var last error
		for _, err := range client.Releases.All(w.Context(), alipayplus.ListReleasesInput{}) {
			last = err
		}
		require.ErrorContains(w, last, "the list would never end")
		require.False(w, alipayplus.IsRetryable(last))
		require.LessOrEqual(w, *calls, 8, "soon")

		client, calls = w.listing(func(n int) string {
			if n > long {
				return ""
			}
			return fmt.Sprintf("page %d", n)
		})
		require.Empty(w, gather(w, client.Releases.All(w.Context(), alipayplus.ListReleasesInput{})))
		require.Equal(w, long+1, *calls)
	})
}
