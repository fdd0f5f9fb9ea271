package otel_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
)

// A page's address may hold a secret, and anybody may ask for any: neither becomes a name.
func TestARequestIsNamedByItsRoute(t *testing.T) {
	r := record(t)
	w := r.world(t)
	r.spans.Reset()
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/readyz", "GET /readyz"},
		{"GET", "/console/sign-in?token=s3cret", "GET /console/"},
		{"GET", "/authorization/callback?app_auth_code=s3cret", "GET /authorization/callback"},
		{"GET", "/s3cret", "GET"},
		{"POST", "/api/open/v2/s3cret", "POST"},
		{"S3CRET", "/readyz", "_OTHER /readyz"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), tt.method, w.address+tt.path, nil)
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		require.Eventually(t, func() bool { return len(r.spans.GetSpans()) == 1 }, time.Minute, time.Millisecond)

		spans := r.spans.GetSpans()
		require.Equal(t, tt.want, spans[0].Name)
		for _, a := range spans[0].Attributes {
			require.NotContains(t, a.Value.String(), "s3cret")
			require.NotContains(t, a.Value.String(), "S3CRET")
		}
		r.spans.Reset()
	}
}

func TestAnAnswerIsThatOfTheHandler(t *testing.T) {
	r := record(t)
	handler := r.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
		_, err := io.WriteString(w, "short and stout")
		if err = errors.Join(err, http.NewResponseController(w).Flush()); err != nil {
			t.Error(err)
		}
	}))
	server := httptest.NewServer(handler)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/readyz", nil)
	require.NoError(t, err)

	resp, err := http.DefaultClient.Do(req)

	require.NoError(t, err)
	require.Equal(t, http.StatusTeapot, resp.StatusCode)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	server.Close() // which waits for the handler
	require.Equal(t, "short and stout", string(text))
	require.InDelta(t, 1, r.metrics(t)["http.server.request.duration{http.request.method=GET,http.response.status_code=418,http.route=/readyz,url.scheme=http}"], 0)
}

// A handler that panics has not answered: its caller sees the connection end.
func TestAHandlerThatPanicsIsAnError(t *testing.T) {
	r := record(t)
	handler := r.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))

	require.PanicsWithValue(t, http.ErrAbortHandler, func() {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
	})

	spans := r.spans.GetSpans()
	require.Len(t, spans, 1)
	require.Equal(t, codes.Error, spans[0].Status.Code)
	require.InDelta(t, 1, r.metrics(t)["http.server.request.duration{error.type=500,http.request.method=GET,http.response.status_code=500,http.route=/readyz,url.scheme=http}"], 0)
}
