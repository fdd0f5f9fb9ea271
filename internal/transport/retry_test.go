package transport

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
	"pgregory.net/rapid"
)

// What each fault comes to, for a call that may be repeated and one that may not: attempts, success, what is known.
func TestFaults(t *testing.T) {
	ok := answers(200, "fine")
	truncated := func(*http.Request) (*http.Response, error) {
		return response(200, io.MultiReader(strings.NewReader("fi"), brokenReader{}), 4), nil
	}
	tests := []struct {
		name       string
		repeatable bool
		replies    []reply
		err        error // nil: success
		unknown    bool
	}{
		{"success at once", false, []reply{ok}, nil, false},
		{"refused for good", true, []reply{answers(400, "")}, statusError(400), false},
		{"redirect is an answer", true, []reply{answers(302, "", "Location", "https://elsewhere.example.com/?token=s3cret")}, statusError(302), false},
		{"redirect to nonsense is an answer", true, []reply{answers(307, "", "Location", "https://[s3cret")}, statusError(307), false},

		{"dial error, then success", false, []reply{fails(errDial), ok}, nil, false},
		{"no such host, then success", false, []reply{fails(&net.DNSError{Err: "no such host", Name: "gateway.example.com"}), ok}, nil, false},
		{"dial errors to the end", false, []reply{fails(errDial), fails(errDial), fails(errDial), fails(errDial)}, errDial, false},

		{"connection cut, write", false, []reply{fails(errReset)}, errReset, true},
		{"connection cut, repeatable", true, []reply{fails(errReset), ok}, nil, false},
		{"truncated, write", false, []reply{truncated}, io.ErrUnexpectedEOF, true},
		{"truncated, repeatable", true, []reply{truncated, ok}, nil, false},

		{"503, write", false, []reply{answers(503, "")}, statusError(503), true},
		{"503, repeatable", true, []reply{answers(503, ""), ok}, nil, false},
		{"503 to the end", true, []reply{answers(503, ""), answers(502, ""), answers(503, ""), answers(500, "")}, statusError(500), true},
		{"429, write", false, []reply{answers(429, ""), ok}, nil, false},
		{"429 to the end", false, []reply{answers(429, ""), answers(429, ""), answers(429, ""), answers(429, "")}, statusError(429), false},

		{"unknown stays, though the last attempt had no effect", true, []reply{answers(503, ""), fails(errDial), answers(429, ""), fails(errDial)}, errDial, true},
		{"unknown stays, though the last attempt was refused", true, []reply{fails(errReset), answers(409, "")}, statusError(409), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(t, tt.replies...)
				c := write()
				c.Repeatable = tt.repeatable

				answer, err := New(patient(p.client())).Do(t.Context(), c)

				require.Len(t, p.seen, len(tt.replies))
				if tt.err == nil {
					require.NoError(t, err)
					require.Equal(t, "fine", string(answer.Body))
					require.Equal(t, len(tt.replies), answer.Attempt)
					return
				}
				require.Nil(t, answer)
				f := failure(t, err)
				require.ErrorIs(t, err, tt.err)
				require.Equal(t, tt.unknown, f.OutcomeUnknown)
				require.Equal(t, len(tt.replies), f.Attempts)
				require.NoError(t, f.Stopped)
				require.True(t, strings.HasPrefix(err.Error(), "things.create: "), err.Error())
				require.Equal(t, tt.unknown, strings.Contains(err.Error(), "not known"), err.Error())
			})
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A classification that says nothing of the effect is taken to the safe side, whatever the status: somebody else may have put
// it there.
func TestAClassificationWithoutAnEffectLeavesItUnknown(t *testing.T) {
	for _, status := range []int{404, 429} {
		c := write()
		c.Classify = func(a *Answer) Classification { return Classification{Err: statusError(a.Status), Retry: true} }

		_, err := New(patient(newPeer(t, answers(status, "")).client())).Do(t.Context(), c)

		require.True(t, failure(t, err).OutcomeUnknown)
	}
}

// A call may be sent less often than others, whatever its attempts end with, and never more often.
func TestACallHasItsOwnNumberOfAttempts(t *testing.T) {
	for most, sent := range map[int]int{0: 4, 1: 1, 3: 3, 9: 4} {
		for _, reply := range []reply{answers(503, ""), fails(errDial), fails(errReset)} {
			synctest.Test(t, func(t *testing.T) {
				c := repeatable()
				c.Attempts = most
				_, err := New(patient(newPeer(t, reply, reply, reply, reply).client())).Do(t.Context(), c)
				require.Equal(t, sent, failure(t, err).Attempts)
			})
		}
	}
}

func TestLastAnswerIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, answers(503, "why", "Retry-After", "7200", "Trace-Id", "abc"), fails(errDial), fails(errDial), fails(errDial))

		_, err := New(patient(p.client())).Do(t.Context(), repeatable())

		f := failure(t, err)
		require.ErrorIs(t, err, errDial)
		require.Equal(t, 503, f.Answer.Status)
		require.Equal(t, "why", string(f.Answer.Body))
		require.Equal(t, "abc", f.Answer.Header.Get("Trace-Id"))
		require.Equal(t, 1, f.Answer.Attempt)
		require.Equal(t, 2*time.Hour, f.RetryAfter, "as the peer said it")
		require.Equal(t, "things.create: POST https://gateway.example.com/api/open/v2/things: dial tcp: connection refused "+
			"(after 4 attempts); it is not known whether the call took effect", err.Error())
	})
}

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
			name: "signing, without asking the context",
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
func TestContextEndsWhileClassifying(t *testing.T) {
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
		c.Classify = func(a *Answer) Classification { cancel(); return byStatus(a) }

		_, err := New(patient(newPeer(t, answers(tt.status, "")).client())).Do(ctx, c)

		require.Equal(t, tt.canceled, errors.Is(err, context.Canceled), "%d", tt.status)
		require.Equal(t, tt.ok, err == nil, "%d", tt.status)
		if !tt.ok {
			require.Equal(t, statusError(tt.status), failure(t, err).Err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		value string
		want  time.Duration
	}{
		{"", 0},
		{"0", 0},
		{"120", 2 * time.Minute},
		{" 120 ", 2 * time.Minute},
		{"-1", 0},
		{"1.5", 0},
		{"soon", 0},
		{"9223372036", 9223372036 * time.Second},
		{"9223372037", 9223372036 * time.Second},
		{"9223372036854775807", 9223372036 * time.Second},
		{"99999999999999999999999999", 9223372036 * time.Second},
		{"Sun, 01 Mar 2026 12:00:30 GMT", 30 * time.Second},
		{"Sunday, 01-Mar-26 12:00:30 GMT", 30 * time.Second},
		{"Sun, 01 Mar 2026 11:59:59 GMT", 0},
		{"Sun, 01 Mar 9999 12:00:00 GMT", math.MaxInt64},
	}
	for _, tt := range tests {
		t.Run(tt.value, func(t *testing.T) {
			require.Equal(t, tt.want, retryAfter(http.Header{"Retry-After": {tt.value}}, now))
		})
	}
	require.Zero(t, retryAfter(nil, now))
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "9223372036854775807", "18446744073709551616", "Sun, 01 Mar 2026 12:00:30 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		require.GreaterOrEqual(t, retryAfter(http.Header{"Retry-After": {value}}, time.Now()), time.Duration(0))
	})
}

// The back-off is exponential between MinWait and MaxWait, with luck in each step.
func TestPause(t *testing.T) {
	tr := New(Options{MinWait: time.Second, MaxWait: 10 * time.Second})
	tests := []struct {
		attempt   int
		asked     time.Duration
		low, high time.Duration
	}{
		{1, 0, 1 * time.Second, 2 * time.Second},
		{2, 0, 2 * time.Second, 4 * time.Second},
		{3, 0, 4 * time.Second, 8 * time.Second},
		{4, 0, 5 * time.Second, 10 * time.Second},
		{1000, 0, 5 * time.Second, 10 * time.Second},
		{1, 3 * time.Second, 3 * time.Second, 4 * time.Second},
		{4, time.Second, time.Second, 2 * time.Second},
		{1, 10 * time.Second, 10 * time.Second, 11 * time.Second},
		{1, math.MaxInt64, 10 * time.Second, 11 * time.Second},
	}
	for _, tt := range tests {
		tr.random = func() float64 { return 0 }
		require.Equal(t, tt.low, tr.pause(tt.attempt, tt.asked), "attempt %d, asked %s: shortest", tt.attempt, tt.asked)
		tr.random = func() float64 { return 1 }
		require.Equal(t, tt.high, tr.pause(tt.attempt, tt.asked), "attempt %d, asked %s: longest", tt.attempt, tt.asked)
	}
}

func TestPauseKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := New(Options{
			MinWait: time.Duration(rapid.Int64Range(-1, int64(time.Hour)).Draw(t, "min")),
			MaxWait: time.Duration(rapid.Int64Range(-1, int64(48*time.Hour)).Draw(t, "max")),
		})
		tr.random = func() float64 { return rapid.Float64Range(0, 1).Draw(t, "random") }
		asked := time.Duration(rapid.Int64().Draw(t, "asked"))

		wait := tr.pause(rapid.IntRange(1, 100).Draw(t, "attempt"), asked)

		require.Positive(t, wait)
		if asked > 0 {
			require.GreaterOrEqual(t, wait, min(asked, tr.options.MaxWait), "never earlier than asked, but for MaxWait")
			require.LessOrEqual(t, wait, tr.options.MaxWait+tr.options.MinWait)
			return
		}
		require.GreaterOrEqual(t, wait, tr.options.MinWait)
		require.LessOrEqual(t, wait, tr.options.MaxWait)
	})
}

// Two callers that fail together do not come back together.
func TestWaitsHaveJitter(t *testing.T) {
	tr := New(Options{MinWait: time.Second, MaxWait: time.Minute})
	waits := map[time.Duration]bool{}
	for range 100 {
		waits[tr.pause(1, 0)] = true
	}
	require.Greater(t, len(waits), 90)
}

// The waits that a peer sees, in virtual time and without luck.
func TestWaitsOnTheWire(t *testing.T) {
	tests := []struct {
		name    string
		replies []reply
		want    []time.Duration
	}{
		{"exponential", []reply{answers(503, ""), answers(503, ""), answers(503, "")}, []time.Duration{1e9, 2e9, 4e9}},
		{"Retry-After on 429", []reply{answers(429, "", "Retry-After", "7")}, []time.Duration{7e9}},
		{"Retry-After on 503", []reply{answers(503, "", "Retry-After", "7")}, []time.Duration{7e9}},
		{"Retry-After on 500", []reply{answers(500, "", "Retry-After", "7")}, []time.Duration{7e9}},
		{"Retry-After 0", []reply{answers(429, "", "Retry-After", "0")}, []time.Duration{1e9}},
		{"Retry-After of a day", []reply{answers(429, "", "Retry-After", "86400")}, []time.Duration{30e9}},
		{"Retry-After that overflows", []reply{answers(429, "", "Retry-After", "9223372036854775807")}, []time.Duration{30e9}},
		{"Retry-After in words", []reply{answers(429, "", "Retry-After", "soon")}, []time.Duration{1e9}},
		{"Retry-After as a date", []reply{answers(429, "", "Retry-After", "Sat, 01 Jan 2000 00:00:09 GMT")}, []time.Duration{9e9}}, // the bubble starts at midnight
		{"the wait asked for is forgotten", []reply{answers(429, "", "Retry-After", "7"), fails(errDial)}, []time.Duration{7e9, 2e9}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(t, append(tt.replies, answers(200, ""))...)

				_, err := steady(patient(p.client())).Do(t.Context(), repeatable())

				require.NoError(t, err)
				var waits []time.Duration
				for i := range p.seen[1:] {
					waits = append(waits, p.seen[i+1].at.Sub(p.seen[i].at))
				}
				require.Equal(t, tt.want, waits)
			})
		})
	}
}

// A classification goes before a header: some protocols ask for a wait in the body.
func TestClassificationAsksForAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, answers(429, "", "Retry-After", "7"), answers(200, ""))
		c := write()
		c.Classify = func(a *Answer) Classification {
			v := byStatus(a)
			v.RetryAfter = 3 * time.Second
			return v
		}

		_, err := steady(patient(p.client())).Do(t.Context(), c)

		require.NoError(t, err)
		require.Equal(t, 3*time.Second, p.seen[1].at.Sub(p.seen[0].at))
	})
}

func TestWaitThatWouldPassTheDeadlineIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		p := newPeer(t, answers(429, "", "Retry-After", "60"))
		var events []Attempt
		o := patient(p.client())
		o.Observe = func(_ context.Context, e Attempt) { events = append(events, e) }

		_, err := steady(o).Do(ctx, write())

		f := failure(t, err)
		require.Zero(t, time.Since(start), "it fails at once")
		require.Equal(t, statusError(429), f.Err)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "refused with 429; then a retry in 30s would come too late, 10s before the deadline")
		require.Equal(t, 429, f.Answer.Status)
		require.Equal(t, time.Minute, f.RetryAfter)
		require.False(t, f.OutcomeUnknown)
		require.Len(t, events, 1)
		require.Zero(t, events[0].RetryIn, "no retry follows")
	})
}

// The deadline itself is too late; a moment before is not.
func TestWaitUpToTheDeadline(t *testing.T) {
	for left, sends := range map[time.Duration]int{time.Second: 1, time.Second + 1: 2} {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), left)
			defer cancel()
			p := newPeer(t, answers(503, ""), answers(200, ""))

			_, err := steady(patient(p.client())).Do(ctx, repeatable())

			require.Len(t, p.seen, sends)
			require.Equal(t, sends == 1, err != nil)
			require.Equal(t, sends == 2, time.Since(start) == time.Second)
		})
	}
}
