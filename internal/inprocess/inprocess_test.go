package inprocess_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/inprocess"
)

func send(t *testing.T, r *http.Request, handle http.HandlerFunc) (*http.Response, error) {
	t.Helper()
	resp, err := inprocess.Transport{Handler: handle}.RoundTrip(r)
	if resp != nil {
		t.Cleanup(func() { _ = resp.Body.Close() })
	}
	return resp, err
}

func request(t *testing.T, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://any.example/a/b?c=d", body)
	require.NoError(t, err)
	return r
}

// tracked notes that it was closed.
type tracked struct {
	io.Reader
	closed bool
}

func (b *tracked) Close() error {
	b.closed = true
	return nil
}

func TestTheHandlerGetsWhatAServerWouldGet(t *testing.T) {
	body := &tracked{Reader: strings.NewReader("question")}
	sent := request(t, body)
	sent.Host = "" // as in a request that was made by hand
	var got *http.Request
	var question []byte
	resp, err := send(t, sent, func(w http.ResponseWriter, r *http.Request) {
		got = r
		question, _ = io.ReadAll(r.Body)
		r.Header.Set("Added", "by the handler")
		w.WriteHeader(http.StatusNoContent)
	})
	require.NoError(t, err)
	require.Equal(t, "/a/b?c=d", got.RequestURI)
	require.Equal(t, "any.example", got.Host)
	require.Equal(t, "question", string(question))
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	require.True(t, body.closed)
	require.Same(t, sent, resp.Request)
	require.Empty(t, sent.RequestURI)
	require.Empty(t, sent.Header)
}

func TestTheClientGetsWhatAServerWouldSend(t *testing.T) {
	for name, tt := range map[string]struct {
		handle  http.HandlerFunc
		status  string
		content string
	}{
		"nothing at all": {func(http.ResponseWriter, *http.Request) {}, "200 OK", ""},
		"a body": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("two "))
			_, _ = w.Write([]byte("pieces"))
		}, "200 OK", "two pieces"},
		"the first status": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			w.WriteHeader(http.StatusOK)
		}, "404 Not Found", ""},
		"no status after the body": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("body"))
			w.WriteHeader(http.StatusNotFound)
		}, "200 OK", "body"},
		"a request without a body": {func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }, "200 OK", ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp, err := send(t, request(t, nil), tt.handle)
			require.NoError(t, err)
			content, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, tt.status, resp.Status)
			require.Equal(t, tt.content, string(content))
			require.EqualValues(t, len(content), resp.ContentLength)
		})
	}
}

func TestACutConnection(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := request(t, nil).WithContext(ctx)
	abort := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half an answer"))
		panic(http.ErrAbortHandler)
	}
	resp, err := send(t, asked, abort)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NotErrorIs(t, err, context.Canceled)
	require.Nil(t, resp)

	// A caller who gave up meanwhile sees that too
	_, err = send(t, asked, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		abort(w, r)
	})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorIs(t, err, context.Canceled)
}

func TestWhoHasGivenUpSendsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	body := &tracked{Reader: strings.NewReader("question")}
	_, err := send(t, request(t, body).WithContext(ctx), func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, body.closed)
}

func TestABugInAHandlerReachesItsTest(t *testing.T) {
	require.PanicsWithValue(t, "a bug", func() {
		_, _ = send(t, request(t, nil), func(http.ResponseWriter, *http.Request) { panic("a bug") })
	})
}
