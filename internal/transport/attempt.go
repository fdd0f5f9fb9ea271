package transport

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// prepare makes the next attempt ready to be sent.
func (r *run) prepare(req *http.Request) error {
	r.attempt++
	r.waiting = false
	r.sent = time.Time{}
	if err := r.ready(req); err != nil {
		r.stop(err)
		r.report(req.Context(), Verdict{Err: err}, 0, false)
		return err
	}
	r.sent = time.Now()
	r.flight = takeOff(req.Context(), r.options.AttemptTimeout)
	return nil
}

// ready waits for the attempt's turn, signs it and opens its body; the body comes last, so that nothing is left open.
func (r *run) ready(req *http.Request) error {
	ctx := req.Context()
	if err := r.turn(ctx); err != nil {
		return err
	}
	req.Header = r.header()
	if r.call.Sign != nil {
		if err := r.call.Sign(ctx, req.Header); err != nil {
			return fmt.Errorf("sign the request: %w", err)
		}
	}
	if err := checkHeader(req.Header); err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if err := r.body(req); err != nil {
		return fmt.Errorf("open the request's body: %w", err)
	}
	return nil
}

// turn waits for the rate limiter. A turn that would come after the deadline is not waited for.
func (r *run) turn(ctx context.Context) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	limiter := r.options.Limiter
	if limiter == nil {
		return nil
	}
	err := limiter.Wait(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("wait for the rate limiter: %w", ended(ctx))
	case limiter.Burst() < 1:
		return fmt.Errorf("wait for the rate limiter: its burst must be at least 1: %w", err)
	}
	return fmt.Errorf("the rate limiter's next turn would come too late: %w", context.DeadlineExceeded)
}

// header makes the map that one attempt is signed in. The attempt before may still be read by net/http, so it is never
// shared. Accept-Encoding is set because net/http would otherwise decompress, and signatures cover the bytes sent.
func (r *run) header() http.Header {
	h := make(http.Header, 8)
	if r.call.ContentType != "" {
		h["Content-Type"] = r.fixed[0:1:1]
	}
	if r.options.UserAgent != "" {
		h["User-Agent"] = r.fixed[1:2:2]
	}
	h["Accept-Encoding"] = r.fixed[2:3:3]
	return h
}

// body gives the attempt a body that starts at its beginning, and net/http the means to start again when a connection of
// the pool turns out to be closed before anything was written.
func (r *run) body(req *http.Request) error {
	open, size := r.call.Open, r.call.Size
	if open == nil {
		open, size = r.bytes, int64(len(r.call.Body))
	}
	if size == 0 {
		req.Body = http.NoBody
		return nil
	}
	body, err := open()
	if err != nil {
		return err
	}
	req.Body, req.GetBody, req.ContentLength = body, open, size
	return nil
}

func (r *run) bytes() (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(r.call.Body)), nil
}

// RoundTrip hands one attempt to the network. That it is a method of the run also hides the pool's CloseIdleConnections,
// which go-retryablehttp calls after each failed call.
func (r *run) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.pool.RoundTrip(req.WithContext(r.flight.ctx))
	if err != nil {
		return nil, err
	}
	if location := resp.Header.Get("Location"); location != "" {
		if _, err := req.URL.Parse(location); err != nil {
			resp.Header.Del("Location") // net/http would quote it in an error, and lose the answer
		}
	}
	return resp, nil
}
