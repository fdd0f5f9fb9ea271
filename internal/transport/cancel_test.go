package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

var errInterrupted = errors.New("interrupted by the user")

// slowBody never ends before its attempt does.
func slowBody(req *http.Request) (*http.Response, error) {
	return response(200, readerFunc(func([]byte) (int, error) {
		<-req.Context().Done()
		return 0, req.Context().Err()
	}), -1), nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// Whatever the call is doing when its context ends, it returns at that moment and knows what it knows.
func TestCancelInEachPhase(t *testing.T) {
	tests := []struct {
		name    string
		replies []reply
		spoil   func(*Options, *Call)
		before  error // the failure that was seen before
		unknown bool
		want    string
	}{
		{
			name: "waiting for the limiter",
			spoil: func(o *Options, _ *Call) {
				o.Limiter = rate.NewLimiter(rate.Every(time.Hour), 1)
				o.Limiter.Allow()
			},
			want: "things.create: wait for the rate limiter: context canceled: interrupted by the user",
		},
		{
			name: "signing",
			spoil: func(_ *Options, c *Call) {
				c.Sign = func(ctx context.Context, _ http.Header) error { <-ctx.Done(); return ctx.Err() }
			},
			want: "things.create: sign the request: context canceled",
		},
		{
			name: "signing, without looking at the context",
			spoil: func(_ *Options, c *Call) {
				c.Sign = func(ctx context.Context, _ http.Header) error { <-ctx.Done(); return nil }
			},
			want: "things.create: context canceled: interrupted by the user",
		},
		{
			name: "sending", replies: []reply{hangs}, unknown: true,
			want: "things.create: POST https://gateway.example.com/api/open/v2/things: context canceled: interrupted by the user; " +
				"it is not known whether the call took effect",
		},
		{
			name: "reading the answer", replies: []reply{slowBody}, unknown: true,
			want: "things.create: POST https://gateway.example.com/api/open/v2/things: context canceled: interrupted by the user; " +
				"it is not known whether the call took effect",
		},
		{
			name: "backing off", replies: []reply{answers(429, "", "Retry-After", "20")}, before: statusError(429),
			want: "things.create: refused with 429; then wait 20s for the next attempt: context canceled: interrupted by the user",
		},
		{
			name: "sending again", replies: []reply{answers(429, ""), hangs}, before: statusError(429), unknown: true,
			want: "things.create: refused with 429; then POST https://gateway.example.com/api/open/v2/things: context canceled: " +
				"interrupted by the user (after 2 attempts); it is not known whether the call took effect",
		},
		{
			name: "signing again", replies: []reply{answers(503, "")}, before: statusError(503), unknown: true,
			spoil: func(_ *Options, c *Call) {
				signed := 0
				c.Sign = func(ctx context.Context, _ http.Header) error {
					if signed++; signed == 2 {
						<-ctx.Done()
					}
					return ctx.Err()
				}
			},
			want: "things.create: refused with 503; then sign the request: context canceled (after 2 attempts); " +
				"it is not known whether the call took effect",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(5*time.Second, func() { cancel(errInterrupted) })
				p := newPeer(t, tt.replies...)
				o, c := patient(p.client()), repeatable()
				if tt.spoil != nil {
					tt.spoil(&o, c)
				}

				_, err := steady(o).Do(ctx, c)

				f := failure(t, err)
				require.Equal(t, 5*time.Second, time.Since(start))
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, tt.want, err.Error())
				require.Equal(t, tt.unknown, f.OutcomeUnknown)
				require.Len(t, p.seen, len(tt.replies))
				if tt.before != nil {
					require.Equal(t, tt.before, f.Err)
				}
			})
		})
	}
}

func TestContextThatEndedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	c := write()
	c.Sign = func(context.Context, http.Header) error { t.Error("signed for nobody"); return nil }
	_, err := New(patient(newPeer(t).client())).Do(ctx, c)

	require.ErrorIs(t, err, context.Canceled)
	require.EqualError(t, err, "things.create: context canceled")
	require.False(t, failure(t, err).OutcomeUnknown)
}

// A definite answer is worth more than a context that ended while it arrived.
func TestContextEndsWhileJudging(t *testing.T) {
	tests := []struct {
		status   int
		canceled bool
		ok       bool
	}{
		{200, false, true},
		{400, false, false},
		{503, true, false}, // a retry was due
	}
	for _, tt := range tests {
		ctx, cancel := context.WithCancel(t.Context())
		c := repeatable()
		c.Judge = func(a *Answer) Verdict { cancel(); return byStatus(a) }

		_, err := New(patient(newPeer(t, answers(tt.status, "")).client())).Do(ctx, c)

		require.Equal(t, tt.canceled, errors.Is(err, context.Canceled), "%d", tt.status)
		require.Equal(t, tt.ok, err == nil, "%d", tt.status)
		if !tt.ok {
			require.Equal(t, statusError(tt.status), failure(t, err).Err)
		}
	}
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
	t.Run("a turn after the deadline is not waited for", func(t *testing.T) {
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
		{"cut after processing", func(conn net.Conn, _ int) { take(conn); processed++ }, true, "EOF", io.EOF},
		{"cut within the answer", func(conn net.Conn, _ int) {
			take(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour")
		}, true, "HTTP 200: the answer broke off after 4 bytes: unexpected EOF", io.ErrUnexpectedEOF},
		{"answer that does not end", func(conn net.Conn, _ int) {
			take(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour")
			_, _ = conn.Read(make([]byte, 1))
		}, true, "no complete answer within 10s", os.ErrDeadlineExceeded},
		{"no answer", func(conn net.Conn, _ int) {
			take(conn)
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
