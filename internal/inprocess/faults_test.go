package inprocess_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/inprocess"
)

func TestWithoutFaultNothingGoesWrong(t *testing.T) {
	var none inprocess.Fault
	header := http.Header{"Signature": {"right"}}
	require.Zero(t, none.Before(t.Context()))
	require.Zero(t, none.After())
	require.Equal(t, "body", string(none.Tamper(header, []byte("body"), "Signature", "wrong")))
	require.Equal(t, http.Header{"Signature": {"right"}}, header)
}

func TestAPageComesBeforeOrAfterProcessing(t *testing.T) {
	before, after := inprocess.Fault{Status: 503}, inprocess.Fault{StatusAfter: 429}
	require.Equal(t, []int{503, 0}, []int{before.Before(t.Context()), before.After()})
	require.Equal(t, []int{0, 429}, []int{after.Before(t.Context()), after.After()})
	require.Equal(t, "<html><body><h1>503 Service Unavailable</h1></body></html>", string(inprocess.Page(503)))
}

func TestTheConnectionIsCutBeforeOrAfterProcessing(t *testing.T) {
	cut := func(f func()) { require.PanicsWithValue(t, http.ErrAbortHandler, f) }
	before := inprocess.Fault{CutBefore: true, Status: 503}
	cut(func() { before.Before(t.Context()) })
	require.Zero(t, before.After())
	after := inprocess.Fault{CutAfter: true, StatusAfter: 503}
	require.Zero(t, after.Before(t.Context()))
	cut(func() { after.After() })
}

func TestTheDelayIsWaitedForFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := inprocess.Fault{Delay: time.Minute, Status: 503}
		began := time.Now()
		require.Equal(t, 503, slow.Before(t.Context()))
		require.Equal(t, time.Minute, time.Since(began))

		// A caller who does not wait that long has no answer
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.PanicsWithValue(t, http.ErrAbortHandler, func() { slow.Before(ctx) })
		require.Equal(t, time.Minute+time.Second, time.Since(began))
	})
}

func TestAnswersAreTamperedWith(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  inprocess.Fault
		header http.Header
		body   string
	}{
		"unsigned":        {inprocess.Fault{Unsigned: true}, http.Header{}, "body"},
		"wrong signature": {inprocess.Fault{WrongSignature: true}, http.Header{"Signature": {"wrong"}}, "body"},
		"corrupt":         {inprocess.Fault{Corrupt: true}, http.Header{"Signature": {"right"}}, "body "},
	} {
		header, body := http.Header{"Signature": {"right"}}, []byte("body and more")[:4]
		require.Equal(t, tt.body, string(tt.fault.Tamper(header, body, "Signature", "wrong")), name)
		require.Equal(t, tt.header, header, name)
		require.Equal(t, "body and more", string(body[:13]), "%s: the server's own answer stays as it is", name)
	}
}

func TestRetryAfterIsInWholeSeconds(t *testing.T) {
	header := http.Header{}
	inprocess.RetryAfter(header, 0)
	require.Empty(t, header)
	inprocess.RetryAfter(header, 3500*time.Millisecond)
	require.Equal(t, http.Header{"Retry-After": {"3"}}, header)
}

func TestFaultsAreUsedUpInTheirOrder(t *testing.T) {
	var q inprocess.Queue[string]
	require.Empty(t, q.Take("read"))
	q.Add("write", 2, "first")
	q.Add("", 0, "any")
	q.Add("read", 1, "last")
	var got []string
	for _, operation := range []string{"read", "write", "other", "write", "write", "read", "read"} {
		got = append(got, q.Take(operation))
	}
	require.Equal(t, []string{"any", "first", "", "first", "", "last", ""}, got)
}

func TestAFaultIsUsedUpOnce(t *testing.T) {
	const times = 100
	var q inprocess.Queue[int]
	var taken atomic.Int64
	var callers sync.WaitGroup
	for range 2 * times {
		callers.Go(func() { q.Add("write", 1, 1) })
		callers.Go(func() { taken.Add(int64(q.Take("write"))) })
	}
	callers.Wait()
	for fault := q.Take("write"); fault != 0; fault = q.Take("write") {
		taken.Add(int64(fault))
	}
	require.EqualValues(t, 2*times, taken.Load())
}
