// Package inprocess is what the embedded platform and the stand-in for AlipayCN share: calls without a socket, so that whole
// flows run in a testing/synctest bubble, and faults that make calls fail as networks and proxies do.
package inprocess

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Transport is an [http.RoundTripper] that calls a handler in the caller's
// goroutine, whatever the host of a request.
type Transport struct {
	// Handler answers the requests.
	Handler http.Handler
}

// RoundTrip answers a request. A handler that aborts looks like a cut connection;
// any other panic of it goes through to the caller.
func (t Transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
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
	out := recorder{header: http.Header{}, status: http.StatusOK}
	t.Handler.ServeHTTP(&out, received(r))
	return out.response(r), nil
}

// received is a request as a server would have it; the client's own stays as it is.
func received(r *http.Request) *http.Request {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	switch {
	case in.Body == nil:
		in.Body = http.NoBody
	case in.Body != http.NoBody && in.ContentLength == 0:
		in.ContentLength = -1 // of unknown length, as a client's request says it
	}
	return in
}

// recorder keeps what a handler answers.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
	wrote  bool
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if !w.wrote {
		w.status, w.wrote = status, true
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.wrote = true
	return w.body.Write(p)
}

func (w *recorder) response(r *http.Request) *http.Response {
	return &http.Response{
		Status:     fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}
}
