package alipayplus_test

import (
	"context"
	"crypto"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// Every attempt carries its own time and a signature over it; everything else,
// the idempotency key before all, is the same.
func TestEveryAttemptIsSignedAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newGateway(t, page(502), fails(errReset), signed(500, result("U", "UNKNOWN_EXCEPTION", "")), done())

		require.NoError(t, write(t.Context(), given.client(alipayplus.WithRetry(4, time.Second, time.Minute))))

		seen := given.attempts()
		require.Len(t, seen, 4)
		for i, a := range seen {
			signedAt, err := signing.ParseTime(a.header.Get("Request-Time"))
			require.NoError(t, err)
			require.Equal(t, a.at.Truncate(time.Millisecond), signedAt.Local())
			require.Equal(t, string(seen[0].body), string(a.body))
			require.NotEmpty(t, a.requestID())
			for _, before := range seen[:i] {
				require.GreaterOrEqual(t, a.at.Sub(before.at), time.Second)
				require.NotEqual(t, before.header.Get("Signature"), a.header.Get("Signature"))
			}
		}
	})
}

func TestIdempotencyKey(t *testing.T) {
	cancelWith := func(t *testing.T, c *alipayplus.Client, id string) error {
		_, err := c.Releases.Cancel(t.Context(), alipayplus.ReleaseInput{ReleaseID: "rel_1", RequestID: id})
		return err
	}
	t.Run("each call has its own", func(t *testing.T) {
		given := newGateway(t, done())
		c := given.client()
		ids := map[string]bool{}
		for range 10 {
			require.NoError(t, write(t.Context(), c))
		}
		for _, a := range given.attempts() {
			require.GreaterOrEqual(t, len(a.requestID()), 26, "128 bits of chance")
			ids[a.requestID()] = true
		}
		require.Len(t, ids, 10)
	})
	t.Run("the caller's is kept, also for the next call", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			given := newGateway(t, page(502), page(502), page(502), page(502), done())
			c := given.client()
			own := strings.Repeat("k", 64)

			err := cancelWith(t, c, own)
			require.Equal(t, own, failure(t, err).RequestID)
			require.NoError(t, cancelWith(t, c, failure(t, err).RequestID))

			for _, a := range given.attempts() {
				require.Equal(t, own, a.requestID())
			}
			require.Len(t, given.attempts(), 5)
		})
	})
	t.Run("one that is too long is not sent", func(t *testing.T) {
		given := newGateway(t, done())

		err := cancelWith(t, given.client(), strings.Repeat("k", 65))

		e := failure(t, err)
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.Equal(t, []alipayplus.FieldError{{Path: "requestId", Message: "must have at most 64 characters"}}, e.Fields)
		require.Zero(t, e.Attempts)
		require.False(t, e.OutcomeUnknown)
		require.False(t, e.Retryable)
		require.Empty(t, given.attempts())
	})
	t.Run("a strange one does not break the line", func(t *testing.T) {
		failure(t, cancelWith(t, newGateway(t, refuses(409, "STATE_CONFLICT")).client(), "a\nb\tc"))
	})
}

func TestWhatIsNotValidIsNotSent(t *testing.T) {
	given := newGateway(t, done())

	_, err := given.client().Releases.Create(t.Context(), alipayplus.CreateReleaseInput{})

	e := failure(t, err)
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	require.Len(t, e.Fields, 3)
	require.Zero(t, e.Attempts)
	require.Empty(t, given.attempts())
}

// The wait that the platform asks for is kept, up to the longest wait, whatever
// the number; the error says what was asked for.
func TestRetryAfter(t *testing.T) {
	for _, tt := range []struct {
		header        string
		atLeast, most time.Duration
		asked         time.Duration
	}{
		{"7", 7 * time.Second, 8 * time.Second, 7 * time.Second},
		{"86400", 30 * time.Second, 31 * time.Second, 24 * time.Hour},
		{"9223372036854775807", 30 * time.Second, 31 * time.Second, 9223372036 * time.Second},
		{"-5", 500 * time.Millisecond, 30 * time.Second, 0},
		{"soon", 500 * time.Millisecond, 30 * time.Second, 0},
	} {
		retryAfter := func(a *answer) { a.header = []string{"Retry-After", tt.header} }
		for name, reply := range map[string]reply{
			"signed":   refuses(429, "REQUEST_TRAFFIC_EXCEED_LIMIT", retryAfter),
			"unsigned": page(429, "Retry-After", tt.header),
			"503":      page(503, "Retry-After", tt.header),
		} {
			t.Run(name+" "+tt.header, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					given := newGateway(t, reply)

					err := write(t.Context(), given.client())

					seen := given.attempts()
					require.Len(t, seen, 4)
					for i := range seen[1:] {
						waited := seen[i+1].at.Sub(seen[i].at)
						require.GreaterOrEqual(t, waited, tt.atLeast)
						require.LessOrEqual(t, waited, tt.most)
					}
					require.Equal(t, tt.asked, failure(t, err).RetryAfter)
				})
			})
		}
	}
}

// A wait that would pass the deadline is not begun, and the answer that asked
// for it is not lost.
func TestRetryAfterBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newGateway(t, refuses(429, "REQUEST_TRAFFIC_EXCEED_LIMIT", func(a *answer) {
			a.header = []string{"Retry-After", "20"}
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()

		err := write(ctx, given.client())

		e := failure(t, err)
		require.Zero(t, time.Since(start))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, alipayplus.ErrRateLimited)
		require.Equal(t, alipayplus.CodeTrafficExceedLimit, e.Code)
		require.Equal(t, 20*time.Second, e.RetryAfter)
		require.True(t, e.Retryable, "later")
		require.False(t, e.OutcomeUnknown)
		require.Contains(t, e.Error(), "would come too late")
		require.Len(t, given.attempts(), 1)
	})
}

// stuckSigner signs when the context ends, as a remote key store might.
type stuckSigner struct {
	crypto.Signer
	ctx context.Context
}

func (s stuckSigner) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	<-s.ctx.Done()
	return s.Signer.Sign(r, digest, o)
}

// stuckBody answers well, but for the body that does not come.
func stuckBody(got attempt) (*http.Response, error) {
	resp, err := done()(got)
	setBody(resp, readerFunc(func([]byte) (int, error) {
		<-got.request.Context().Done()
		return 0, got.request.Context().Err()
	}), -1)
	return resp, err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// Whatever a call is doing when its context ends, it returns at that moment and
// says whether something may have happened.
func TestCancelInEachPhase(t *testing.T) {
	stuck := func(ctx context.Context) alipayplus.Option {
		return alipayplus.WithSigner(stuckSigner{clientKey(), ctx})
	}
	seldom := func(context.Context) alipayplus.Option { return alipayplus.WithRateLimit(0.001, 1) }
	standard := func(context.Context) alipayplus.Option { return alipayplus.WithKeyVersion("1") }
	tests := []struct {
		name    string
		option  func(context.Context) alipayplus.Option
		replies []reply
		unknown bool
		before  error
	}{
		{"signing", stuck, nil, false, nil},
		{"sending", standard, []reply{hangs}, true, nil},
		{"reading the answer", standard, []reply{stuckBody}, true, nil},
		{"waiting to try again", standard, []reply{page(429, "Retry-After", "20")}, false, alipayplus.ErrRateLimited},
		{"waiting to try again, outcome unknown", standard, []reply{page(502, "Retry-After", "20")}, true, nil},
		{"waiting for the rate limit", seldom, []reply{page(429)}, false, alipayplus.ErrRateLimited},
		{"trying again", standard, []reply{page(429), hangs}, true, alipayplus.ErrRateLimited},
	}
	calls := map[string]func(context.Context, *alipayplus.Client) error{"read": read, "write": write}
	for _, tt := range tests {
		for kind, call := range calls {
			t.Run(tt.name+", "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, interrupt := context.WithCancelCause(t.Context())
					time.AfterFunc(5*time.Second, func() { interrupt(errors.New("interrupted by the user")) })
					given := newGateway(t, tt.replies...)
					c := given.client(alipayplus.WithRetry(4, time.Second, time.Minute), tt.option(ctx))
					start := time.Now()

					err := call(ctx, c)

					e := failure(t, err)
					require.ErrorIs(t, err, context.Canceled)
					require.Equal(t, 5*time.Second, time.Since(start))
					require.Len(t, given.attempts(), len(tt.replies))
					require.Equal(t, tt.unknown && kind == "write", e.OutcomeUnknown)
					require.Contains(t, e.Error(), "interrupted by the user")
					require.NotContains(t, e.Error(), checkBaseURL, "it was not the network")
					if tt.before != nil {
						require.ErrorIs(t, err, tt.before)
					}
				})
			})
		}
	}
}

func TestContextThatEndedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	given := newGateway(t, done())

	e := failure(t, write(ctx, given.client()))

	require.ErrorIs(t, e, context.Canceled)
	require.False(t, e.OutcomeUnknown)
	require.False(t, e.Retryable)
	require.Empty(t, e.Hint)
	require.Empty(t, given.attempts())
}

// A key store that fails is not the network's fault, and nothing was sent.
func TestSignerThatFails(t *testing.T) {
	given := newGateway(t, done())
	broken := brokenSigner{clientKey(), errors.New("the key store is closed")}

	e := failure(t, write(t.Context(), given.client(alipayplus.WithSigner(broken))))

	require.ErrorIs(t, e, broken.err)
	require.Equal(t, 1, strings.Count(e.Error(), "sign the request"), e.Error())
	require.Equal(t, "check the signer that the client was given (WithSigner)", e.Hint)
	require.False(t, e.OutcomeUnknown)
	require.Empty(t, given.attempts())
}

type brokenSigner struct {
	crypto.Signer
	err error
}

func (s brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, s.err }
