package transport

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEventPerAttempt(t *testing.T) {
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

// An attempt that ended before it was sent is told too, so that an announced retry never just vanishes.
func TestEventOfAnAttemptThatWasNotSent(t *testing.T) {
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
