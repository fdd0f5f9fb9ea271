package alipaycntest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// inProcess is a round tripper that calls a handler in the caller's goroutine.
type inProcess struct {
	handler http.Handler
}

// RoundTrip answers a request. A handler that aborts looks like a cut connection.
func (t inProcess) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	defer func() {
		switch failure := recover(); {
		case failure == nil:
		case failure == http.ErrAbortHandler: //nolint:errorlint // net/http compares alike
			resp, err = nil, errors.Join(io.ErrUnexpectedEOF, r.Context().Err())
		default:
			panic(failure)
		}
	}()
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	out := recorder{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(&out, in)
	return out.response(r), nil
}

// recorder keeps what the gateway answers.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) { w.status = status }

func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }

func (w *recorder) response(r *http.Request) *http.Response {
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}
}
