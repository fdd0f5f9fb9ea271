package rollout_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// delivery is a request that a receiver got.
type delivery struct {
	at     time.Time
	url    string
	header http.Header
	body   []byte
}

// webhookReceiver answers deliveries in memory: with the statuses one after the other, the
// last again and again. 0 is no answer at all, -1 one that never comes.
type webhookReceiver struct {
	statuses []int
	header   http.Header
	got      []delivery
}

func (r *webhookReceiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	_ = req.Body.Close()
	status := r.statuses[min(len(r.got), len(r.statuses)-1)]
	r.got = append(r.got, delivery{at: time.Now(), url: req.URL.String(), header: req.Header.Clone(), body: body})
	switch status {
	case 0:
		return nil, errors.New("connection reset by " + req.URL.String())
	case -1:
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	return &http.Response{StatusCode: status, Header: r.header, Body: io.NopCloser(strings.NewReader("secret answer")), Request: req}, nil
}

var webhookSecret = []byte("a secret of two")

// webhookTo is a webhook to the webhookReceiver.
func webhookTo(r *webhookReceiver) rollout.WebhookOptions {
	return rollout.WebhookOptions{URL: "https://hooks.example/T0/hush?token=hush", Secret: webhookSecret, Client: &http.Client{Transport: r}}
}

// webhook makes a sink of options that are valid.
func webhook(t *testing.T, options rollout.WebhookOptions) rollout.Sink {
	t.Helper()
	sink, err := rollout.WebhookSink(options)
	require.NoError(t, err)
	return sink
}

func TestAWebhookIsSignedForItsReceiver(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		to := &webhookReceiver{statuses: []int{204}}
		given := happened(rollout.EventRaised, "raised from 5% to 10%")

		require.NoError(t, webhook(t, webhookTo(to))(t.Context(), given))

		require.Len(t, to.got, 1)
		got := to.got[0]
		require.Equal(t, "application/json", got.header.Get("Content-Type"))
		var event rollout.Event
		require.NoError(t, json.Unmarshal(got.body, &event))
		require.Equal(t, given, event)

		// As the documentation of the headers says it.
		mac := hmac.New(sha256.New, webhookSecret)
		mac.Write([]byte(got.header.Get("Rollout-Timestamp") + "." + string(got.body)))
		require.Equal(t, "sha256="+hex.EncodeToString(mac.Sum(nil)), got.header.Get("Rollout-Signature"))
		require.Equal(t, "946684800", got.header.Get("Rollout-Timestamp"), "the bubble begins in 2000")

		require.NoError(t, rollout.VerifyWebhook(got.header, got.body, webhookSecret, time.Minute))
	})
}

func TestAWebhookThatWasNotSentSoIsRefused(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		to := &webhookReceiver{statuses: []int{200}}
		require.NoError(t, webhook(t, webhookTo(to))(t.Context(), happened(rollout.EventRaised, "raised")))
		sent := to.got[0]
		with := func(name string, values ...string) http.Header {
			h := sent.header.Clone()
			h[name] = values
			return h
		}
		signature := sent.header.Get(rollout.WebhookSignature)
		for _, tt := range []struct {
			name   string
			header http.Header
			body   []byte
			secret []byte
			want   string
		}{
			{"another body", sent.header, append([]byte(" "), sent.body...), webhookSecret, "does not fit"},
			{"no body", sent.header, nil, webhookSecret, "does not fit"},
			{"another secret", sent.header, sent.body, []byte("another"), "does not fit"},
			{"no secret", sent.header, sent.body, nil, "there is no secret"},
			{"another time", with(rollout.WebhookTimestamp, "946684801"), sent.body, webhookSecret, "does not fit"},
			{"no time", with(rollout.WebhookTimestamp), sent.body, webhookSecret, "Rollout-Timestamp must be there once; there are 0"},
			{"two times", with(rollout.WebhookTimestamp, "946684800", "946684801"), sent.body, webhookSecret, "there are 2"},
			{"no signature", with(rollout.WebhookSignature), sent.body, webhookSecret, "Rollout-Signature must be there once; there are 0"},
			{"an empty signature", with(rollout.WebhookSignature, ""), sent.body, webhookSecret, "is not \"sha256=\" and hexadecimal digits"},
			{"half a signature", with(rollout.WebhookSignature, signature[:47]), sent.body, webhookSecret, "does not fit"},
			{"a signature of nothing", with(rollout.WebhookSignature, "sha256="), sent.body, webhookSecret, "does not fit"},
			{"a signature without its kind", with(rollout.WebhookSignature, signature[7:]), sent.body, webhookSecret, "is not \"sha256=\""},
			{"a signature of another kind", with(rollout.WebhookSignature, "md5="+signature[7:]), sent.body, webhookSecret, "is not \"sha256=\""},
			{"no digits", with(rollout.WebhookSignature, "sha256=xyz"), sent.body, webhookSecret, "hexadecimal digits"},
		} {
			err := rollout.VerifyWebhook(tt.header, tt.body, tt.secret, time.Minute)

			require.ErrorContains(t, err, tt.want, tt.name)
			require.NotContains(t, err.Error(), string(webhookSecret), tt.name)
		}
	})
}

func TestAWebhookOfAnotherTimeIsRefused(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		to := &webhookReceiver{statuses: []int{200}}
		require.NoError(t, webhook(t, webhookTo(to))(t.Context(), happened(rollout.EventRaised, "raised")))
		sent := to.got[0]
		verify := func(tolerance time.Duration) error {
			return rollout.VerifyWebhook(sent.header, sent.body, webhookSecret, tolerance)
		}
		time.Sleep(time.Minute)
		require.NoError(t, verify(time.Minute))
		time.Sleep(time.Second)
		require.ErrorContains(t, verify(time.Minute), "it was signed 1m1s from now; at most 1m0s are accepted")
		require.NoError(t, verify(0), "5 minutes by default")
		time.Sleep(4 * time.Minute)
		require.Error(t, verify(0))
		require.Error(t, verify(-time.Hour))
	})
	synctest.Test(t, func(t *testing.T) {
		// Signed with the secret, but by the clock of years to come, as seen from this bubble, or
		// by none.
		for timestamp, want := range map[string]string{
			"4102444800": "from now", "9223372036854775807": "from now", "-9223372036854775808": "from now",
			"9223372036854775808": "is not a number of seconds", "noon": "is not a number of seconds", "": "is not a number of seconds",
		} {
			mac := hmac.New(sha256.New, webhookSecret)
			mac.Write([]byte(timestamp + ".{}"))
			header := http.Header{}
			header.Set(rollout.WebhookTimestamp, timestamp)
			header.Set(rollout.WebhookSignature, "sha256="+hex.EncodeToString(mac.Sum(nil)))
			require.ErrorContains(t, rollout.VerifyWebhook(header, []byte("{}"), webhookSecret, time.Hour), want, timestamp)
		}
	})
}

func TestAWebhookIsSentAgainWhereThatMayHelp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		statuses []int
		want     int
		err      string
	}{
		{"received", []int{200}, 1, ""},
		{"after failures of the server", []int{500, 503, 202}, 3, ""},
		{"after too many requests", []int{429, 200}, 2, ""},
		{"after a time-out", []int{408, 200}, 2, ""},
		{"after no answer", []int{0, 200}, 2, ""},
		{"never", []int{503}, 4, "HTTP 503 (after 4 attempts)"},
		{"no answer ever", []int{0}, 4, "connection reset"},
		{"not for a refusal", []int{400}, 1, "HTTP 400"},
		{"not for a receiver that does not know the secret", []int{401}, 1, "HTTP 401"},
		{"not elsewhere", []int{307}, 1, "HTTP 307"},
	} {
		runInVirtualTime(t, tt.name, func(t *testing.T) {
			to := &webhookReceiver{statuses: tt.statuses, header: http.Header{"Location": {"https://elsewhere.example/hush"}}}
			begun := time.Now()

			err := webhook(t, webhookTo(to))(t.Context(), happened(rollout.EventRaised, "raised"))

			require.Len(t, to.got, tt.want)
			for i, got := range to.got {
				require.Equal(t, "https://hooks.example/T0/hush?token=hush", got.url)
				require.Equal(t, to.got[0].body, got.body)
				require.NoError(t, rollout.VerifyWebhook(got.header, got.body, webhookSecret, time.Minute))
				if i > 0 {
					require.Greater(t, got.at, to.got[i-1].at, "it is waited in between")
				}
			}
			require.LessOrEqual(t, time.Since(begun), 10*time.Second)
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "rollout: webhook to https://hooks.example: ")
			require.ErrorContains(t, err, tt.err)
			require.NotContains(t, err.Error(), "hush", "the address may be a secret")
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestAWebhookHoldsTheRolloutUpNoLongerThanItsTimeout(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		for timeout, want := range map[time.Duration]time.Duration{0: 10 * time.Second, 3 * time.Second: 3 * time.Second} {
			to := &webhookReceiver{statuses: []int{-1}}
			options := webhookTo(to)
			options.Timeout = timeout
			begun := time.Now()

			err := webhook(t, options)(t.Context(), happened(rollout.EventRaised, "raised"))

			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotContains(t, err.Error(), "hush")
			require.Equal(t, want, time.Since(begun))
		}
		// The receiver asks for more time than there is: it is not waited for.
		to := &webhookReceiver{statuses: []int{503}, header: http.Header{"Retry-After": {"3600"}}}
		options := webhookTo(to)
		options.Timeout = 2 * time.Second
		begun := time.Now()
		require.ErrorContains(t, webhook(t, options)(t.Context(), happened(rollout.EventRaised, "raised")), "HTTP 503")
		require.Zero(t, time.Since(begun))
	})
}

func TestAWebhookGetsTheEventsThatItAsksFor(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kinds []rollout.EventKind
		want  []rollout.EventKind
	}{
		{nil, []rollout.EventKind{rollout.EventRaised, rollout.EventGate, rollout.EventPaused}},
		{[]rollout.EventKind{rollout.EventPaused, rollout.EventWaiting}, []rollout.EventKind{rollout.EventWaiting, rollout.EventPaused}},
	} {
		to := &webhookReceiver{statuses: []int{200}}
		options := webhookTo(to)
		options.Kinds = tt.kinds
		sink := webhook(t, options)
		for _, kind := range []rollout.EventKind{rollout.EventRaised, rollout.EventWaiting, rollout.EventGate, rollout.EventPaused} {
			require.NoError(t, sink(t.Context(), happened(kind, "something")))
		}
		var got []rollout.EventKind
		for _, sent := range to.got {
			var e rollout.Event
			require.NoError(t, json.Unmarshal(sent.body, &e))
			got = append(got, e.Kind)
		}
		require.Equal(t, tt.want, got)
	}
}

func TestOptionsOfAWebhookAreCheckedAndNotShown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		options rollout.WebhookOptions
		want    string
	}{
		{rollout.WebhookOptions{Secret: webhookSecret}, "url must be an http or https address"},
		{rollout.WebhookOptions{URL: "nope", Secret: webhookSecret}, "url must be an http or https address"},
		{rollout.WebhookOptions{URL: "https://hooks.example", Secret: []byte{}}, "secret is required"},
		{rollout.WebhookOptions{URL: "ftp://hush.example", Secret: webhookSecret}, "url must be"},
		{rollout.WebhookOptions{URL: "https://a:hush@hooks.example", Secret: webhookSecret}, "url must be"},
		{rollout.WebhookOptions{URL: "https://hooks.example/%zz-hush", Secret: webhookSecret}, "url must be"},
		{rollout.WebhookOptions{URL: "https://hooks.example"}, "secret is required"},
		{rollout.WebhookOptions{URL: "https://hooks.example", Secret: webhookSecret, Timeout: -1}, "timeout must be at least 0"},
	} {
		err := tt.options.Validate()

		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.ErrorContains(t, err, tt.want)
		require.NotContains(t, err.Error(), "hush")
		sink, made := rollout.WebhookSink(tt.options)
		require.Nil(t, sink)
		require.Equal(t, err, made, "it is found when the sink is made")
	}
	require.NoError(t, webhookTo(new(webhookReceiver)).Validate())
}

func TestAWebhookOverTheNetworkLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	refused := make(chan error, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		refused <- errors.Join(err, rollout.VerifyWebhook(r.Header, body, webhookSecret, 0))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	options := rollout.WebhookOptions{URL: server.URL + "/hook", Secret: append([]byte(nil), webhookSecret...)}
	sink := webhook(t, options)
	clear(options.Secret) // the sink has its own

	require.NoError(t, sink(t.Context(), happened(rollout.EventRaised, "raised")))

	require.NoError(t, <-refused)
	<-closed // or the test would never end
}
