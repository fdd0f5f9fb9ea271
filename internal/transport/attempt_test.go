package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

func TestEveryAttemptIsMadeAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, answers(503, ""), answers(503, ""), answers(200, ""))
		c := repeatable()
		var maps []http.Header
		c.Sign = func(_ context.Context, h http.Header) error {
			require.Empty(t, h.Get("Request-Time"), "the map of the attempt before is not used again")
			require.Equal(t, "application/json", h.Get("Content-Type"), "there to be signed")
			h.Set("Request-Time", time.Now().String())
			h.Add("Content-Type", "second")
			maps = append(maps, h)
			return nil
		}
		o := patient(p.client())
		o.UserAgent = "alipayplus-go/1"

		_, err := New(o).Do(t.Context(), c)

		require.NoError(t, err)
		require.Len(t, maps, 3)
		for i, s := range p.seen {
			require.Equal(t, s.at.String(), s.header.Get("Request-Time"), "attempt %d carries its own time", i+1)
			require.Equal(t, []string{"application/json", "second"}, s.header.Values("Content-Type"))
			require.Equal(t, []string{"alipayplus-go/1"}, s.header.Values("User-Agent"))
			require.Equal(t, []string{"identity"}, s.header.Values("Accept-Encoding"))
			require.Equal(t, `{"a":1}`, s.body)
			require.EqualValues(t, 7, s.length)
		}
	})
}

func TestHeadersThatAreNotGivenAreNotSent(t *testing.T) {
	p := newPeer(t, answers(200, ""))
	c := write()
	c.ContentType, c.Body = "", nil

	_, err := New(Options{HTTPClient: p.client()}).Do(t.Context(), c)

	require.NoError(t, err)
	require.Equal(t, http.Header{"Accept-Encoding": {"identity"}}, p.seen[0].header)
	require.Zero(t, p.seen[0].length)
}

func TestStreamIsOpenedForEachAttemptAndClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, answers(503, ""), fails(errReset), answers(200, ""))
		var streams []*stream
		c := repeatable()
		c.Body, c.Size = nil, 6
		c.Open = func() (io.ReadCloser, error) {
			streams = append(streams, &stream{Reader: strings.NewReader("upload")})
			return streams[len(streams)-1], nil
		}

		_, err := New(patient(p.client())).Do(t.Context(), c)

		require.NoError(t, err)
		require.Len(t, streams, 3)
		for i, s := range p.seen {
			require.Equal(t, "upload", s.body)
			require.EqualValues(t, 6, s.length)
			require.Equal(t, 1, streams[i].closed)
		}
	})
}

type stream struct {
	io.Reader
	closed int
}

func (s *stream) Close() error { s.closed++; return nil }

func TestEmptyStreamIsNotOpened(t *testing.T) {
	c := write()
	c.Open = func() (io.ReadCloser, error) { return nil, errors.New("opened") }

	_, err := New(Options{HTTPClient: newPeer(t, answers(200, "")).client()}).Do(t.Context(), c)

	require.NoError(t, err)
}

// What fails before anything is sent ends the call, with a known outcome and no attempt at the peer.
func TestNotSent(t *testing.T) {
	broken := errors.New("key store is closed")
	tests := []struct {
		name  string
		spoil func(*Call)
		want  string
	}{
		{"signing", func(c *Call) { c.Sign = func(context.Context, http.Header) error { return broken } }, "sign the request: key store is closed"},
		{"opening", func(c *Call) {
			c.Size, c.Open = 1, func() (io.ReadCloser, error) { return nil, broken }
		}, "open the request's body: key store is closed"},
		{"line break in a header", func(c *Call) {
			c.Sign = func(_ context.Context, h http.Header) error { h.Set("Client-Id", "s3cret\n"); return nil }
		}, "header Client-Id holds a line break"},
		{"address without a scheme", func(c *Call) { c.URL = "gateway.example.com/x?s3cret" }, `needs http:// or https:// and a host`},
		{"address of another scheme", func(c *Call) { c.URL = "ftp://u:s3cret@gateway.example.com/" }, `"ftp://gateway.example.com/" needs`},
		{"address without a host", func(c *Call) { c.URL = "https:///x" }, `needs http:// or https:// and a host`},
		{"method that is none", func(c *Call) { c.Method = "S E N D" }, `not valid: net/http: invalid method "S E N D"`},
		{"address that is none", func(c *Call) { c.URL = "https://exa mple.com/?s3cret" }, "not valid: invalid character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := repeatable()
			tt.spoil(c)

			_, err := New(patient(newPeer(t).client())).Do(t.Context(), c)

			f := failure(t, err)
			require.ErrorContains(t, err, tt.want)
			require.False(t, f.OutcomeUnknown)
			require.Nil(t, f.Answer)
		})
	}
}

// A signature that fails on a later attempt hides neither itself nor what came before.
func TestSigningFailsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("key store is closed")
		c := repeatable()
		signed := 0
		c.Sign = func(context.Context, http.Header) error {
			if signed++; signed == 2 {
				return broken
			}
			return nil
		}

		var events []Attempt
		o := patient(newPeer(t, answers(503, "")).client())
		o.Observe = func(_ context.Context, e Attempt) { events = append(events, e) }

		_, err := New(o).Do(t.Context(), c)

		f := failure(t, err)
		require.Len(t, events, 2)
		require.Zero(t, events[1].Duration, "it was never sent")
		require.Equal(t, statusError(503), f.Err)
		require.ErrorIs(t, f.Stopped, broken)
		require.True(t, f.OutcomeUnknown, "the first attempt may have taken effect")
		require.Equal(t, "things.create: refused with 503; then sign the request: key store is closed (after 2 attempts); "+
			"it is not known whether the call took effect", err.Error())
	})
}

func TestGiantAnswer(t *testing.T) {
	tests := []struct {
		name   string
		length int64 // announced
		body   int
		ok     bool
	}{
		{"announced", 1001, 0, false},
		{"not announced", -1, 1001, false},
		{"at the limit", 1000, 1000, true},
		{"at the limit, not announced", -1, 1000, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := &stream{Reader: strings.NewReader(strings.Repeat("x", tt.body))}
			giant := func(*http.Request) (*http.Response, error) {
				r := response(200, nil, tt.length)
				r.Body = body
				return r, nil
			}
			o := patient(newPeer(t, giant).client())
			o.MaxAnswerBytes = 1000

			answer, err := New(o).Do(t.Context(), repeatable())

			require.Equal(t, 1, body.closed)
			if tt.ok {
				require.NoError(t, err)
				require.Len(t, answer.Body, tt.body)
				return
			}
			require.ErrorContains(t, err, "HTTP 200: the answer is larger than the limit of 1000 bytes")
			f := failure(t, err)
			require.True(t, f.OutcomeUnknown)
			require.Equal(t, 1, f.Attempts, "it would be as large again")
		})
	}
}

// What a peer announces is not allocated before it comes.
func TestAnnouncedLengthIsNotBelieved(t *testing.T) {
	boast := func(*http.Request) (*http.Response, error) {
		return response(200, strings.NewReader("small"), 10<<20), nil
	}

	answer, err := New(Options{HTTPClient: newPeer(t, boast).client()}).Do(t.Context(), write())

	require.NoError(t, err)
	require.Equal(t, "small", string(answer.Body))
	require.LessOrEqual(t, cap(answer.Body), 64<<10+1)
}

// A panic of the caller's functions is theirs; nothing stays open behind it.
func TestPanicIsNotRecovered(t *testing.T) {
	body := &stream{Reader: strings.NewReader("x")}
	reply := func(*http.Request) (*http.Response, error) {
		r := response(200, nil, 1)
		r.Body = body
		return r, nil
	}
	c := write()
	c.Classify = func(*Answer) Classification { panic("classify") }
	require.PanicsWithValue(t, "classify", func() {
		_, _ = New(Options{HTTPClient: newPeer(t, reply).client()}).Do(t.Context(), c)
	})
	require.Equal(t, 1, body.closed)

	c.Sign = func(context.Context, http.Header) error { panic("sign") }
	require.PanicsWithValue(t, "sign", func() {
		_, _ = New(Options{HTTPClient: newPeer(t).client()}).Do(t.Context(), c)
	})
}

func TestLimiter(t *testing.T) {
	t.Run("spaces attempts, retries included", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newPeer(t, answers(503, ""), answers(503, ""), answers(200, ""))
			o := patient(p.client())
			o.Limiter = rate.NewLimiter(rate.Every(10*time.Second), 1)

			_, err := steady(o).Do(t.Context(), repeatable())

			require.NoError(t, err)
			require.Equal(t, 10*time.Second, p.seen[1].at.Sub(p.seen[0].at).Round(time.Microsecond)) // the limiter reckons in floats
			require.Equal(t, 10*time.Second, p.seen[2].at.Sub(p.seen[1].at).Round(time.Microsecond))
		})
	})
	t.Run("a wait beyond the deadline is not begun", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			o := patient(newPeer(t, answers(503, "")).client())
			o.Limiter = rate.NewLimiter(rate.Every(10*time.Second), 1)

			_, err := steady(o).Do(ctx, repeatable())

			require.Equal(t, time.Second, time.Since(start))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorContains(t, err, "refused with 503; then the rate limiter's next turn would come too late")
		})
	})
	t.Run("that lets nobody through is a mistake, not a time-out", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := New(Options{HTTPClient: newPeer(t).client(), Limiter: rate.NewLimiter(1, 0)}).Do(ctx, write())

		require.ErrorContains(t, err, "burst must be at least 1")
		require.NotErrorIs(t, err, context.DeadlineExceeded)
	})
}

// AttemptTimeout ends an attempt, not the call, wherever the attempt hangs; it is not mistaken for the caller's deadline.
func TestAttemptTimeout(t *testing.T) {
	for name, slow := range map[string]reply{"no answer": hangs, "slow body": slowBody} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				p := newPeer(t, slow, slow, answers(200, "fine"))
				o := patient(p.client())
				o.AttemptTimeout = 10 * time.Second

				_, err := steady(o).Do(t.Context(), repeatable())
				require.NoError(t, err)
				require.Equal(t, 23*time.Second, time.Since(start))

				_, err = New(Options{HTTPClient: newPeer(t, slow).client(), AttemptTimeout: 10 * time.Second}).Do(t.Context(), write())
				require.ErrorContains(t, err, "no complete answer within 10s: i/o timeout")
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.NotErrorIs(t, err, context.DeadlineExceeded)
				require.True(t, failure(t, err).OutcomeUnknown)
			})
		})
	}
}

// A timer of AttemptTimeout does not run on after its attempt.
func TestAttemptIsOverWhenTheCallIs(t *testing.T) {
	var attempt context.Context
	reply := func(req *http.Request) (*http.Response, error) {
		attempt = req.Context()
		return answers(200, "")(req)
	}

	_, err := New(Options{HTTPClient: newPeer(t, reply).client(), AttemptTimeout: time.Hour}).Do(t.Context(), write())

	require.NoError(t, err)
	require.ErrorIs(t, attempt.Err(), context.Canceled)
}

// The same faults through net/http itself, over pipes.
func TestOverTheWire(t *testing.T) {
	processed := 0
	tests := []struct {
		name    string
		serve   func(conn net.Conn, n int)
		unknown bool
		want    string
		is      error
	}{
		{"cut before the request was read", func(net.Conn, int) {}, true, "POST http://gateway.example.com/api/open/v2/things: ", nil},
		{"cut after processing", func(conn net.Conn, _ int) { readRequest(conn); processed++ }, true, "EOF", io.EOF},
		{"cut within the answer", func(conn net.Conn, _ int) {
			readRequest(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour")
		}, true, "HTTP 200: the answer broke off after 4 bytes: unexpected EOF", io.ErrUnexpectedEOF},
		{"answer that does not end", func(conn net.Conn, _ int) {
			readRequest(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour")
			_, _ = conn.Read(make([]byte, 1))
		}, true, "no complete answer within 10s", os.ErrDeadlineExceeded},
		{"no answer", func(conn net.Conn, _ int) {
			readRequest(conn)
			_, _ = conn.Read(make([]byte, 1))
		}, true, "no complete answer within 10s", os.ErrDeadlineExceeded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := Options{HTTPClient: wire(t, tt.serve), AttemptTimeout: 10 * time.Second}

				_, err := New(o).Do(t.Context(), overWire(write()))

				require.Equal(t, tt.unknown, failure(t, err).OutcomeUnknown)
				require.ErrorContains(t, err, tt.want)
				if tt.is != nil {
					require.ErrorIs(t, err, tt.is)
				}
			})
		})
	}
	require.Equal(t, 1, processed)
}

// A connection that was never made sent nothing, whatever ended the attempt.
func TestNoConnection(t *testing.T) {
	dials := map[string]struct {
		dial func(ctx context.Context, network, addr string) (net.Conn, error)
		want string
	}{
		"dialing takes too long": {func(ctx context.Context, _, _ string) (net.Conn, error) {
			select { // net/http lets a dial go on when its attempt is over, for the next one to use
			case <-ctx.Done():
			case <-time.After(20 * time.Second):
			}
			return nil, context.DeadlineExceeded
		}, "no connection within 10s"},
		"a dialer with errors of its own": {func(context.Context, string, string) (net.Conn, error) {
			return nil, errInterrupted
		}, "interrupted by the user"},
	}
	for name, tt := range dials {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := patient(&http.Client{Transport: &http.Transport{DialContext: tt.dial}})
				o.AttemptTimeout = 10 * time.Second

				_, err := New(o).Do(t.Context(), overWire(write()))

				f := failure(t, err)
				require.ErrorContains(t, err, tt.want)
				require.False(t, f.OutcomeUnknown)
				require.Equal(t, 4, f.Attempts, "safe to repeat even for a write")
				time.Sleep(time.Minute) // in virtual time: the last dial ends
			})
		})
	}
	t.Run("canceled while dialing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			dial := dials["dialing takes too long"].dial

			_, err := New(Options{HTTPClient: &http.Client{Transport: &http.Transport{DialContext: dial}}}).Do(ctx, overWire(write()))

			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.False(t, failure(t, err).OutcomeUnknown)
			time.Sleep(time.Minute)
		})
	})
}

func TestEachAttemptIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := answers(200, "fine", "Trace-Id", "trace-3")
		p := newPeer(t, answers(503, "s3cret", "Retry-After", "7", "Trace-Id", "trace-1"), fails(errDial),
			func(req *http.Request) (*http.Response, error) { time.Sleep(40 * time.Millisecond); return slow(req) })
		var events []Attempt
		type key struct{}
		o := patient(p.client())
		o.Observe = func(ctx context.Context, e Attempt) {
			require.Equal(t, "caller's", ctx.Value(key{}))
			events = append(events, e)
		}

		_, err := steady(o).Do(context.WithValue(t.Context(), key{}, "caller's"), repeatable())

		require.NoError(t, err)
		require.Len(t, events, 3)
		require.Equal(t, Attempt{
			Operation: "things.create", RequestID: "request-1", Number: 1, HTTPStatus: 503, ResultCode: "CODE_503",
			ResultStatus: "F", TraceID: "trace-1", RetryIn: 7 * time.Second, Err: statusError(503),
		}, events[0])
		require.ErrorIs(t, events[1].Err, errDial)
		require.Equal(t, 2*time.Second, events[1].RetryIn)
		require.Zero(t, events[1].HTTPStatus)
		require.Equal(t, Attempt{
			Operation: "things.create", RequestID: "request-1", Number: 3, Duration: 40 * time.Millisecond, HTTPStatus: 200,
			ResultCode: "CODE_200", ResultStatus: "S", TraceID: "trace-3",
		}, events[2])
	})
}

// An attempt that ended before it was sent is reported too, so that an announced retry never just vanishes.
func TestAnAttemptThatWasNotSentIsObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := repeatable()
		c.Sign = func(context.Context, http.Header) error { time.Sleep(time.Second); return errInterrupted }
		var events []Attempt
		o := patient(newPeer(t).client())
		o.Observe = func(_ context.Context, e Attempt) { events = append(events, e) }

		_, err := New(o).Do(t.Context(), c)

		require.Error(t, err)
		require.Len(t, events, 1)
		require.ErrorIs(t, events[0].Err, errInterrupted)
		require.Zero(t, events[0].Duration)
	})
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newPeer(t, answers(503, "s3cret body", "Trace-Id", "trace-1", "Token", "s3cret"), answers(200, "s3cret body"))
		c := repeatable()
		c.Sign = func(_ context.Context, h http.Header) error { h.Set("Signature", "s3cret"); return nil }
		o := patient(p.client())
		o.Logger = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
			Level: slog.LevelDebug,
			ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			},
		}))

		_, err := steady(o).Do(t.Context(), c)

		require.NoError(t, err)
		require.Equal(t, `level=DEBUG msg=attempt operation=things.create attempt=1 status=503 duration=0s request_id=request-1 trace_id=trace-1 retry_in=1s
level=WARN msg=retry operation=things.create attempt=1 status=503 duration=0s request_id=request-1 trace_id=trace-1 retry_in=1s
level=DEBUG msg=attempt operation=things.create attempt=2 status=200 duration=0s request_id=request-1 trace_id="" retry_in=0s
`, out.String())
	})
}
