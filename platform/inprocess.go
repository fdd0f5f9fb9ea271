package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/alipayplus-go/alipayplus"
)

// inProcessURL is where in-process clients think that the platform is.
const inProcessURL = "http://platform.invalid"

// Client returns a client for a member that calls the platform in process,
// without a socket: whole flows can so run in a testing/synctest bubble. The
// calls are signed and verified as over the network. opts come last, so they
// may replace the retries or add an observer.
func (p *Platform) Client(ctx context.Context, workspaceID, member string, opts ...alipayplus.Option) (*alipayplus.Client, error) {
	return p.inProcess(ctx, clientRecord{Workspace: workspaceID, Member: member}, opts)
}

// ReviewerClient is [Platform.Client] for a reviewing party.
func (p *Platform) ReviewerClient(ctx context.Context, party alipayplus.Party, opts ...alipayplus.Option) (*alipayplus.Client, error) {
	return p.inProcess(ctx, clientRecord{Party: party}, opts)
}

// inProcess signs with the platform's own key, which spares making another one.
// That is safe only because such a client id is refused to anything that comes
// over a network.
func (p *Platform) inProcess(ctx context.Context, r clientRecord, opts []alipayplus.Option) (*alipayplus.Client, error) {
	r.InProcess = true
	clientID, err := p.addClient(ctx, r, p.public)
	if err != nil {
		return nil, err
	}
	wired := []alipayplus.Option{
		alipayplus.WithBaseURL(inProcessURL + p.cfg.prefix),
		alipayplus.WithClientID(clientID),
		alipayplus.WithSigner(p.signer),
		alipayplus.WithPlatformKey(p.cfg.keyVersion, p.public),
		alipayplus.WithHTTPClient(p.HTTPClient()),
	}
	return alipayplus.New(append(wired, opts...)...)
}

// inProcessCall marks the context of a call that did not come over a network.
type inProcessCall struct{}

func isInProcess(ctx context.Context) bool { return ctx.Value(inProcessCall{}) != nil }

// HTTPClient returns an HTTP client whose every request goes to the platform in
// process, whatever its host.
func (p *Platform) HTTPClient() *http.Client {
	return &http.Client{Transport: inProcess{p}}
}

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
	in := r.Clone(context.WithValue(r.Context(), inProcessCall{}, true))
	in.RequestURI = r.URL.RequestURI()
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	out := recorder{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(&out, in)
	return out.response(r), nil
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
