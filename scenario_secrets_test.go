package alipayplus_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// The result of each attempt is passed to the observer, in the calling goroutine.
func TestEvents(t *testing.T) {
	type key struct{}
	synctest.Test(t, func(t *testing.T) {
		after := func(d time.Duration, r reply) reply {
			return func(got attempt) (*http.Response, error) {
				time.Sleep(d)
				return r(got)
			}
		}
		given := newGateway(t,
			after(3*time.Second, refuses(429, "REQUEST_TRAFFIC_EXCEED_LIMIT")),
			after(4*time.Second, fails(errReset)), after(5*time.Second, done()))
		var events []alipayplus.Attempt
		c := given.client(alipayplus.WithObserver(func(ctx context.Context, e alipayplus.Attempt) {
			require.Equal(t, "mine", ctx.Value(key{}))
			events = append(events, e)
		}))

		require.NoError(t, write(context.WithValue(t.Context(), key{}, "mine"), c))

		require.Len(t, events, 3)
		seen := given.attempts()
		for i, e := range events {
			require.Equal(t, "releases.cancel", e.Operation)
			require.Equal(t, seen[0].requestID(), e.RequestID)
			require.Equal(t, i+1, e.Number)
			require.Equal(t, time.Duration(3+i)*time.Second, e.Duration)
			if i < 2 {
				require.Equal(t, seen[i+1].at.Sub(seen[i].at), e.Duration+e.RetryIn)
			}
		}
		first, second, third := events[0], events[1], events[2]
		require.Equal(t, []any{429, "REQUEST_TRAFFIC_EXCEED_LIMIT", "F", "trace-1"}, []any{first.HTTPStatus, first.ResultCode, first.ResultStatus, first.TraceID})
		require.ErrorIs(t, first.Err, alipayplus.ErrRateLimited)
		require.Zero(t, second.HTTPStatus)
		require.ErrorIs(t, second.Err, errReset)
		require.Equal(t, []any{200, "SUCCESS", "S", "trace-1"}, []any{third.HTTPStatus, third.ResultCode, third.ResultStatus, third.TraceID})
		require.NoError(t, third.Err)
		require.Zero(t, third.RetryIn)
	})
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))

		require.NoError(t, read(t.Context(), newGateway(t, page(502), done()).client(alipayplus.WithLogger(logger))))

		var levels []string
		for line := range strings.Lines(out.String()) {
			var entry map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &entry))
			require.Equal(t, "releases.get", entry["operation"])
			levels = append(levels, entry["level"].(string))
		}
		require.Equal(t, []string{"DEBUG", "WARN", "DEBUG"}, levels)
	})
}

// Nothing that a call says to anybody (errors in any form, log lines, events)
// holds the key, a signature, a body, a query or what a proxy wrote.
func TestNothingSecretIsShown(t *testing.T) {
	const inRequest, inAnswer = "s3cret-of-the-request", "s3cret-of-the-answer"
	leaky := func(got attempt) (*http.Response, error) {
		return nil, fmt.Errorf("proxy said no to %s", got.request.URL)
	}
	replies := map[string]reply{
		"success":           signed(200, result("S", "SUCCESS", `,"requestId":"$ID","data":{"id":"`+inAnswer+`"}`)),
		"refusal":           signed(400, result("F", "PARAM_ILLEGAL", `,"data":{"id":"`+inAnswer+`"}`)),
		"proxy's page":      plain(502, "text/html", inAnswer),
		"page of a login":   plain(302, "text/html", inAnswer, "Location", "https://login.example.com/?token="+inAnswer),
		"redirect nonsense": plain(307, "text/html", inAnswer, "Location", "https://["+inAnswer),
		"unsigned success":  plain(200, "application/json", inAnswer),
		"no JSON":           signed(200, inAnswer),
		"half JSON":         signed(200, `{"result":"`+inAnswer),
		"wrong signature":   altered(done(), func(r *http.Response) { r.Header.Set("Signature", "keyVersion=1, signature="+inAnswer) }),
		"wrong algorithm":   altered(done(), func(r *http.Response) { r.Header.Set("Signature", "algorithm=x,"+inAnswer) }),
		"wrong time":        done(func(a *answer) { a.at = inAnswer }),
		"connection cut":    fails(errReset),
		"leaky transport":   leaky,
	}
	for name, reply := range replies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var shown bytes.Buffer
				logger := slog.New(slog.NewTextHandler(&shown, &slog.HandlerOptions{Level: slog.LevelDebug}))
				given := newGateway(t, reply)
				given.clientKey = &testkey.Key().PublicKey
				c := given.client(
					alipayplus.WithPrivateKey(testkey.PEM()),
					alipayplus.WithLogger(logger),
					alipayplus.WithObserver(func(_ context.Context, e alipayplus.Attempt) {
						fmt.Fprintf(&shown, "%v %+v\n", e, e)
						logger.Info("event", "event", e, "error", e.Err)
					}),
				)

				company := business()
				company.CompanyName, company.Address, company.ContactName = inRequest, inRequest, inRequest
				_, err := c.Releases.Apply(t.Context(), alipayplus.ApplyInput{ReleaseID: "rel_1", BasicInfo: &company})

				fmt.Fprintf(&shown, "%v %+v\n", err, err)
				logger.Error("failed", "error", err)
				require.NotContains(t, shown.String(), inRequest)
				require.NotContains(t, shown.String(), inAnswer)
				requireNoKey(t, shown.String())
				for _, a := range given.attempts() {
					_, signature, _ := strings.Cut(a.header.Get("Signature"), "signature=")
					require.NotContains(t, shown.String(), signature[:16])
				}
			})
		})
	}
}

// A library prints nothing, also while it fails: no logger was given.
func TestNothingIsPrinted(t *testing.T) {
	printed, err := os.Create(filepath.Join(t.TempDir(), "printed"))
	require.NoError(t, err)
	defer printed.Close()
	stdout, stderr, standard := os.Stdout, os.Stderr, log.Writer()
	os.Stdout, os.Stderr = printed, printed
	log.SetOutput(printed)
	defer func() {
		os.Stdout, os.Stderr = stdout, stderr
		log.SetOutput(standard)
	}()

	given := newGateway(t, page(502), fails(errReset), page(404))
	err = read(t.Context(), given.client(alipayplus.WithRetry(3, 0, 0)))

	require.Error(t, err)
	require.Len(t, given.attempts(), 3)
	size, err := printed.Seek(0, io.SeekEnd)
	require.NoError(t, err)
	require.Zero(t, size)
}
