package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serve starts a server on loopback and counts its connections.
func serve(t *testing.T, h http.HandlerFunc) (url string, client *http.Client, connections *atomic.Int32) {
	t.Helper()
	connections = new(atomic.Int32)
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, s.Client(), connections
}

func quick(c *http.Client) Options {
	return Options{HTTPClient: c, Attempts: 5, MinWait: time.Millisecond, MaxWait: time.Millisecond}
}

// Large error bodies, a call that gives up and one that is canceled while it waits cost no connection. (That
// nothing is left running shows in every test in virtual time: its bubble does not end before its goroutines.)
func TestConnectionsAreKept(t *testing.T) {
	large := strings.Repeat("x", 400<<10)
	url, client, connections := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, large)
	})
	tr := New(quick(client))
	c := repeatable()
	c.URL = url

	_, err := tr.Do(t.Context(), c)
	require.Equal(t, 5, failure(t, err).Attempts)
	require.Len(t, failure(t, err).Answer.Body, len(large))

	waiting := *c
	ctx, cancel := context.WithCancel(t.Context())
	waiting.Classify = func(a *Answer) Classification {
		time.AfterFunc(0, cancel)
		v := byStatus(a)
		v.RetryAfter = time.Hour
		return v
	}
	o := quick(client)
	o.MaxWait = time.Hour
	_, err = New(o).Do(ctx, &waiting)
	require.ErrorIs(t, err, context.Canceled)

	_, err = tr.Do(t.Context(), c)
	require.Error(t, err)
	require.EqualValues(t, 1, connections.Load())
}

// A connection that the peer closed while it lay idle does not make a write fail.
func TestStaleConnectionOfThePool(t *testing.T) {
	url, client, connections := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})
	pool := client.Transport.(*http.Transport)
	var last net.Conn
	pool.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if last == nil {
			last = &dying{Conn: conn}
			return last, err
		}
		return conn, err
	}
	tr := New(Options{HTTPClient: client})
	c := write()
	c.URL = url
	_, err := tr.Do(t.Context(), c)
	require.NoError(t, err)

	last.(*dying).dead.Store(true)
	answer, err := tr.Do(t.Context(), c)

	require.NoError(t, err)
	require.Equal(t, `{"a":1}`, string(answer.Body), "the body went out again, whole")
	require.Equal(t, 1, answer.Attempt)
	require.EqualValues(t, 2, connections.Load())
}

// dying is a connection on which nothing can be written any more.
type dying struct {
	net.Conn
	dead atomic.Bool
}

func (d *dying) Write(b []byte) (int, error) {
	if d.dead.Load() {
		return 0, syscall.EPIPE
	}
	return d.Conn.Write(b)
}

// Signatures cover the bytes sent: an answer is not decompressed before it is classified.
func TestAnswerIsRaw(t *testing.T) {
	url, client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") || r.Header.Get("X-Insist") != "" {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, "signed")
			_ = z.Close()
			return
		}
		_, _ = io.WriteString(w, "signed")
	})
	c := write()
	c.URL = url

	answer, err := New(Options{HTTPClient: client}).Do(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, "signed", string(answer.Body))

	c.Sign = func(_ context.Context, h http.Header) error { h.Set("X-Insist", "1"); return nil }
	answer, err = New(Options{HTTPClient: client}).Do(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, "gzip", answer.Header.Get("Content-Encoding"))
	require.Equal(t, "\x1f\x8b", string(answer.Body[:2]), "as it came")
}

func TestStreamHasItsLengthOnTheWire(t *testing.T) {
	url, client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 6 || r.TransferEncoding != nil {
			w.WriteHeader(http.StatusLengthRequired)
		}
		_, _ = io.Copy(w, r.Body)
	})
	c := write()
	c.URL, c.Body, c.Size = url, nil, 6
	c.Open = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("upload")), nil }

	answer, err := New(Options{HTTPClient: client}).Do(t.Context(), c)

	require.NoError(t, err)
	require.Equal(t, "upload", string(answer.Body))
}

// The usual mistakes in a base URL say what they are, and code can ask.
func TestWrongBaseURL(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	plain, _, _ := serve(t, func(http.ResponseWriter, *http.Request) {})
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()

	do := func(url string) error {
		c := write()
		c.URL = url + "?code=s3cret"
		_, err := New(Options{}).Do(t.Context(), c)
		require.False(t, failure(t, err).OutcomeUnknown, err)
		return err
	}

	require.ErrorIs(t, do("http://"+closed.Addr().String()), syscall.ECONNREFUSED)

	require.ErrorIs(t, do("https"+strings.TrimPrefix(plain, "http")), http.ErrSchemeMismatch)

	err = do(secure.URL)
	require.ErrorAs(t, err, new(x509.UnknownAuthorityError))
	require.ErrorAs(t, err, new(*tls.CertificateVerificationError))
}

// Many calls at once through one Transport: each gets its own answer, and retries of one do not disturb another.
func TestConcurrentCalls(t *testing.T) {
	var sends atomic.Int32
	url, client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if sends.Add(1)%3 == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		_, _ = io.WriteString(w, r.Header.Get("Name"))
	})
	o := quick(client)
	o.Attempts = 100
	o.AttemptTimeout = time.Minute
	tr := New(o)
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			name := strings.Repeat("n", n)
			c := write()
			c.URL = url
			c.Sign = func(_ context.Context, h http.Header) error { h.Set("Name", name); return nil }

			answer, err := tr.Do(t.Context(), c)

			if err != nil || string(answer.Body) != name {
				t.Errorf("call %d: %v", n, err)
			}
		})
	}
	wg.Wait()
}

// Without a client of the caller's, the pool is our own and sized for one host; with one, its pool is used as it is.
func TestWhoseConnections(t *testing.T) {
	own := New(Options{}).pool.(*http.Transport)
	require.NotSame(t, http.DefaultTransport, own)
	require.NotNil(t, own.Proxy, "the environment's proxy is respected")
	require.Equal(t, own.MaxIdleConns, own.MaxIdleConnsPerHost)
	require.Positive(t, own.MaxIdleConns)

	require.Same(t, http.DefaultTransport, New(Options{HTTPClient: &http.Client{}}).pool)

	p := newPeer(t)
	require.Same(t, http.RoundTripper(p), New(Options{HTTPClient: p.client()}).pool)
}

// go-retryablehttp empties the pool after a failed call if it can.
func TestPoolIsOutOfReach(t *testing.T) {
	p := &closable{peer: newPeer(t, fails(errReset))}

	_, err := New(Options{HTTPClient: &http.Client{Transport: p}}).Do(t.Context(), write())

	require.Error(t, err)
	require.False(t, p.emptied)
}

type closable struct {
	*peer
	emptied bool
}

func (c *closable) CloseIdleConnections() { c.emptied = true }

func TestTimeoutOfTheCallersClient(t *testing.T) {
	tests := []struct{ client, attempt, want time.Duration }{
		{5 * time.Second, 0, 5 * time.Second},
		{5 * time.Second, 10 * time.Second, 5 * time.Second},
		{10 * time.Second, 5 * time.Second, 5 * time.Second},
		{0, 5 * time.Second, 5 * time.Second},
		{0, -1, 0},
	}
	for _, tt := range tests {
		given := &http.Client{Transport: newPeer(t), Timeout: tt.client}
		tr := New(Options{HTTPClient: given, AttemptTimeout: tt.attempt})
		require.Equal(t, tt.want, tr.options.AttemptTimeout)
		require.Zero(t, tr.client.Timeout)
		require.Equal(t, tt.client, given.Timeout, "the caller's client is not changed")
		require.Nil(t, given.CheckRedirect)
	}
}

// memory answers at once, with 191 bytes.
type memory struct{}

var answer191 = strings.Repeat("a", 191)

func (memory) RoundTrip(req *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, req.Body)
	_ = req.Body.Close()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer191)), ContentLength: 191}, nil
}

var body949 = bytes.Repeat([]byte("b"), 949)

// The same request and answer with net/http alone and with this package; the difference is what the layer costs.
func BenchmarkDo(b *testing.B) {
	for _, limit := range []time.Duration{0, time.Minute} {
		b.Run("net/http/timeout="+limit.String(), func(b *testing.B) {
			client := &http.Client{Transport: memory{}, Timeout: limit}
			b.ReportAllocs()
			for b.Loop() {
				if err := plain(b.Context(), client); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("transport/timeout="+limit.String(), func(b *testing.B) {
			tr := New(Options{HTTPClient: &http.Client{Transport: memory{}}, UserAgent: "agent", Attempts: 4, AttemptTimeout: limit})
			c := &Call{Operation: "things.create", Method: http.MethodPost, URL: address, ContentType: "application/json", Body: body949, Classify: byStatus}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tr.Do(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func plain(ctx context.Context, client *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body949))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "agent")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

// The layer's price is counted in allocations, which are the same on every machine.
func TestPriceInAllocations(t *testing.T) {
	client := &http.Client{Transport: memory{}}
	tr := New(Options{HTTPClient: client, UserAgent: "agent", Attempts: 4})
	c := &Call{Operation: "things.create", Method: http.MethodPost, URL: address, ContentType: "application/json", Body: body949, Classify: func(*Answer) Classification { return Classification{} }}

	alone := testing.AllocsPerRun(100, func() { _ = plain(t.Context(), client) })
	ours := testing.AllocsPerRun(100, func() { _, _ = tr.Do(t.Context(), c) })

	if ours > alone+16 {
		t.Errorf("net/http alone: %v allocations, with transport: %v", alone, ours)
	}
}
