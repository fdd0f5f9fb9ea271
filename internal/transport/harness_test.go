package transport

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const address = "https://gateway.example.com/api/open/v2/things?code=s3cret"

// reply is what the peer does with one attempt.
type reply func(*http.Request) (*http.Response, error)

// seen is what the peer saw of one attempt.
type seen struct {
	at     time.Time
	header http.Header
	body   string
	length int64
}

// peer is a scripted RoundTripper in memory: one reply for each attempt, in order.
type peer struct {
	t       *testing.T
	mu      sync.Mutex
	replies []reply
	seen    []seen
}

func newPeer(t *testing.T, replies ...reply) *peer { return &peer{t: t, replies: replies} }

func (p *peer) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		_ = req.Body.Close()
	}
	p.mu.Lock()
	n := len(p.seen)
	p.seen = append(p.seen, seen{at: time.Now(), header: req.Header, body: string(body), length: req.ContentLength})
	p.mu.Unlock()
	if n >= len(p.replies) {
		p.t.Errorf("attempt %d was not expected", n+1)
		return nil, io.ErrUnexpectedEOF
	}
	return p.replies[n](req)
}

func (p *peer) client() *http.Client { return &http.Client{Transport: p} }

// answers replies with a status, a body and headers given as name, value.
func answers(status int, body string, headers ...string) reply {
	return func(*http.Request) (*http.Response, error) {
		return response(status, strings.NewReader(body), int64(len(body)), headers...), nil
	}
}

func fails(err error) reply {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// hangs replies when the attempt's context ends, as a peer that never answers.
func hangs(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func response(status int, body io.Reader, length int64, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(body), ContentLength: length}
}

var (
	errDial  = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	errReset = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
)

// statusError is what byStatus finds wrong with an answer.
type statusError int

func (e statusError) Error() string { return "refused with " + strconv.Itoa(int(e)) }

// byStatus is a plain classification: 2xx is a success, 5xx and 429 are worth another try, and what is no 5xx had no effect.
func byStatus(a *Answer) Classification {
	v := Classification{Err: statusError(a.Status), ResultCode: "CODE_" + strconv.Itoa(a.Status), ResultStatus: "F", TraceID: a.Header.Get("Trace-Id")}
	switch {
	case a.Status < 300:
		v.Err, v.ResultStatus = nil, "S"
	case a.Status == http.StatusTooManyRequests:
		v.Retry, v.NoEffect = true, true
	case a.Status >= 500:
		v.Retry = true
	default:
		v.NoEffect = true
	}
	return v
}

func write() *Call {
	return &Call{
		Operation: "things.create", Method: http.MethodPost, URL: address, ContentType: "application/json",
		Body: []byte(`{"a":1}`), Classify: byStatus, RequestID: "request-1",
	}
}

func repeatable() *Call {
	c := write()
	c.Repeatable = true
	return c
}

func patient(c *http.Client) Options {
	return Options{HTTPClient: c, Attempts: 4, MinWait: time.Second, MaxWait: 30 * time.Second}
}

// steady makes a Transport without jitter.
func steady(o Options) *Transport {
	t := New(o)
	t.random = func() float64 { return 0 }
	return t
}

func failure(t *testing.T, err error) *Failure {
	t.Helper()
	var f *Failure
	require.ErrorAs(t, err, &f)
	require.NotContains(t, err.Error(), "s3cret")
	require.NotContains(t, err.Error(), "\n")
	return f
}

// wire gives a client whose connections are pipes; serve plays the peer on each of them, counted from 1.
func wire(t *testing.T, serve func(conn net.Conn, n int)) *http.Client {
	t.Helper()
	var mu sync.Mutex
	n := 0
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		n++
		ours, theirs := net.Pipe()
		go func(n int) {
			defer theirs.Close()
			serve(theirs, n)
		}(n)
		return ours, nil
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// readRequest reads one request off a connection, body included.
func readRequest(conn net.Conn) (*http.Request, []byte) {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return nil, nil
	}
	var body bytes.Buffer
	_, _ = body.ReadFrom(req.Body)
	return req, body.Bytes()
}

// overWire is a call that goes over a pipe, where there is no TLS.
func overWire(c *Call) *Call {
	c.URL = "http" + strings.TrimPrefix(address, "https")
	return c
}
