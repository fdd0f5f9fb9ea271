package transport

import (
	"context"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

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
			require.Equal(t, tt.want, RetryAfter(http.Header{"Retry-After": {tt.value}}, now))
		})
	}
	require.Zero(t, RetryAfter(nil, now))
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "9223372036854775807", "18446744073709551616", "Sun, 01 Mar 2026 12:00:30 GMT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		require.GreaterOrEqual(t, RetryAfter(http.Header{"Retry-After": {value}}, time.Now()), time.Duration(0))
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

// A verdict knows better than a header: some protocols ask for a wait in the body.
func TestVerdictAsksForAWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, answers(429, "", "Retry-After", "7"), answers(200, ""))
		c := write()
		c.Judge = func(a *Answer) Verdict {
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
		require.Zero(t, time.Since(start), "told at once")
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
