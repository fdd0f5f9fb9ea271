package transport

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter reads the wait that an answer's Retry-After header asks for, in either of its forms (RFC 9110, section
// 10.2.3: seconds, or an HTTP date compared with now). It is never negative; 0 means that no wait is asked for, be it that
// the header is absent, unreadable or in the past. A number too large for a Duration gives the largest Duration.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	seconds, err := strconv.ParseUint(value, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(math.MaxInt64/time.Second))) * time.Second
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return max(date.Sub(now), 0)
}

// pause is the wait after the attempt of that number (from 1). What the peer asked for counts, up to MaxWait and spread
// over a further MinWait; otherwise the wait is random between a value that doubles with each attempt, starting at
// MinWait, and twice that value, never above MaxWait.
func (t *Transport) pause(attempt int, asked time.Duration) time.Duration {
	low, high := t.options.MinWait, t.options.MaxWait
	if asked > 0 {
		return min(asked, high) + t.part(low)
	}
	for n := 1; n < attempt && low < high/2; n++ {
		low *= 2
	}
	low = min(low, max(high/2, t.options.MinWait))
	return low + t.part(min(2*low, high)-low)
}

// part is a random part of a span.
func (t *Transport) part(span time.Duration) time.Duration {
	return time.Duration(t.random() * float64(span))
}

// ended gives the context's error, and the reason if whoever ended it left one.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", err, cause)
}
