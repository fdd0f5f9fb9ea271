package alipayplus_test

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

const (
	checkBaseURL = "check the base URL (WithBaseURL, ALIPAYPLUS_BASE_URL)"
	checkVersion = "check the version of the platform"
	gatewayHint  = "the gateway in front of the platform has a problem; try later"
)

// came is what a call came to. unknown is that of a write: a read has no effect.
type came struct {
	attempts   int
	text       string // within Error()
	is         error
	code       alipayplus.Code
	status     int
	result     alipayplus.ResultStatus
	hint       string
	body       string
	retryable  bool
	unknown    bool
	distrusted bool // there is a *SignatureError
}

// What every kind of answer comes to, for a read and for a write.
func TestAnswers(t *testing.T) {
	at := func(age time.Duration) func(*answer) {
		return func(a *answer) { a.at = time.Now().Add(-age).Format(time.RFC3339Nano) }
	}
	header := func(name, value string) func(*http.Response) {
		return func(r *http.Response) { r.Header.Set(name, value) }
	}
	// What cannot be trusted is neither a success nor a refusal, and asking again would not help.
	distrust := func(status int, text, hint string) came {
		return came{attempts: 1, status: status, text: "the answer cannot be trusted: " + text, hint: hint, unknown: true, distrusted: true}
	}
	tests := []struct {
		name  string
		reply reply
		want  came
	}{
		{"unsigned success", plain(200, "application/json", result("S", "SUCCESS", `,"data":{"id":"rel_1"}`)), func() came {
			c := distrust(200, `it is not signed (content type "application/json")`, checkBaseURL)
			c.body = `{"result":`
			return c
		}()},
		{"signature of something else", altered(done(), header("Signature", "algorithm=RSA256, keyVersion=1, signature=QUJD")), distrust(200, "the signature does not fit; check the platform's public key (WithPlatformKey)", "")},
		{"signature with another key", done(func(a *answer) { a.key = platformKey("2") }), distrust(200, "the signature does not fit", "")},
		{"signature that is no base64", altered(done(), header("Signature", "algorithm=RSA256, keyVersion=1, signature=*")), distrust(200, "signature is wrongly encoded", "")},
		{"another algorithm", altered(done(), header("Signature", "algorithm=ECC224, keyVersion=1, signature=QUJD")), distrust(200, "signature algorithm is not supported", "")},
		{"header without a signature", altered(done(), header("Signature", "keyVersion=1")), distrust(200, "signature is missing", "")},
		{"body changed under way", altered(done(), func(r *http.Response) {
			text, _ := io.ReadAll(r.Body)
			changed := strings.Replace(string(text), "UNDER_REVIEW", "FULL_RELEASE", 1)
			setBody(r, strings.NewReader(changed), len(changed))
		}), distrust(200, "the signature does not fit", "")},
		{"time changed under way", altered(done(), header("Response-Time", "2000-01-01T00:01:00Z")), distrust(200, "the signature does not fit", "")},
		{"refusal changed under way", altered(refuses(404, "NOT_FOUND"), header("Response-Time", "2000-01-01T00:00:01Z")), distrust(404, "the signature does not fit", "")},
		{"for another client id", done(func(a *answer) { a.clientID = "2021550000000002" }), distrust(200, "it is made out to another client id", "")},
		{"for no client id", done(func(a *answer) { a.clientID = "" }), distrust(200, "it is made out to another client id", "")},
		{"of another operation", done(func(a *answer) { a.path = "/api/open/v2/release/apply" }), distrust(200, "the signature does not fit", "")},
		{"unknown key version", done(func(a *answer) { a.keyVersion, a.key = "7", platformKey("2") }), distrust(200, `it is signed with key version "7", for which there is no platform key; give WithPlatformKey for it`, "")},
		{"no time", done(func(a *answer) { a.at = "" }), distrust(200, "its Response-Time is not a time", "")},
		{"no whole time", done(func(a *answer) { a.at = "2000-01-01T00:00:00" }), distrust(200, "its Response-Time is not a time", "")},
		{"old success", done(at(301 * time.Second)), distrust(200, "it was made 5m1s away from this machine's time; set the clock, or somebody replays old answers", "")},
		{"success of the future", done(at(-301 * time.Second)), distrust(200, "it was made 5m1s away from this machine's time", "")},
		{"old refusal", refuses(409, "STATE_CONFLICT", at(301*time.Second)), distrust(409, "it was made 5m1s away from this machine's time", "")},
		{"old request for patience", signed(500, result("U", "UNKNOWN_EXCEPTION", ""), at(time.Hour)), distrust(500, "it was made 1h0m0s away from this machine's time", "")},

		{"signed text", signed(200, "hello"), came{attempts: 1, status: 200, text: "the answer is signed but cannot be read", hint: checkVersion, body: "hello", unknown: true}},
		{"signed nothing", signed(200, ""), came{attempts: 1, status: 200, text: "the answer is signed but cannot be read", hint: checkVersion, unknown: true}},
		{"signed JSON of another shape", signed(200, `{"result":"S"}`), came{attempts: 1, status: 200, text: "the answer is signed but cannot be read", hint: checkVersion, body: `{"result":"S"}`, unknown: true}},
		{"no result", signed(200, `{"data":{"id":"rel_1"}}`), came{attempts: 1, status: 200, text: "the answer has no result", hint: checkVersion, unknown: true}},
		{"success without data", signed(200, result("S", "SUCCESS", `,"requestId":"$ID"`)), came{attempts: 1, status: 200, text: "the answer has no data", hint: checkVersion, code: "", result: "", unknown: true}},

		{"HTML 502", page(502), came{attempts: 4, status: 502, text: `the answer is not the platform's: unsigned, content type "text/html" (HTTP 502, 4 attempts`, hint: gatewayHint, body: "<html>Bad Gateway</html>", retryable: true, unknown: true}},
		{"unsigned 500 that looks like the platform's", plain(500, "application/json", result("F", "STATE_CONFLICT", "")), came{attempts: 4, status: 500, text: `unsigned, content type "application/json"`, hint: gatewayHint, body: `{"result":`, retryable: true, unknown: true}},
		{"HTML 404", page(404), came{attempts: 1, status: 404, text: `the answer is not the platform's: unsigned, content type "text/html"`, hint: checkBaseURL, body: "<html>"}},
		{"unsigned 401 that looks like the platform's", plain(401, "application/json", result("F", "ACCESS_DENIED", "")), came{attempts: 1, status: 401, text: `unsigned, content type "application/json"`, hint: checkBaseURL, body: `{"result":`}},
		{"redirect", page(302, "Location", "https://login.example.com/?token=s3cret"), came{attempts: 1, status: 302, text: "the answer is not the platform's", hint: checkBaseURL, body: "<html>"}},
		{"redirect that keeps the method", page(307, "Location", gatewayURL+"/elsewhere"), came{attempts: 1, status: 307, text: "the answer is not the platform's", hint: checkBaseURL, body: "<html>"}},
		{"unsigned 429", page(429), came{attempts: 4, status: 429, text: "too many calls: a proxy or gateway in front of the platform refuses them", is: alipayplus.ErrRateLimited, body: "<html>", retryable: true}},
		{"signed 429", refuses(429, "REQUEST_TRAFFIC_EXCEED_LIMIT"), came{attempts: 4, status: 429, code: "REQUEST_TRAFFIC_EXCEED_LIMIT", result: "F", text: "REQUEST_TRAFFIC_EXCEED_LIMIT: says the platform", is: alipayplus.ErrRateLimited, hint: "call less often (WithRateLimit) and repeat it later", retryable: true}},

		{"outcome unknown to the platform", signed(500, result("U", "UNKNOWN_EXCEPTION", "")), came{attempts: 4, status: 500, code: "UNKNOWN_EXCEPTION", result: "U", text: "UNKNOWN_EXCEPTION: says the platform", hint: "repeat it with the same RequestID", retryable: true, unknown: true}},
		{"outcome unknown, with HTTP 200", signed(200, result("U", "UNKNOWN_EXCEPTION", "")), came{attempts: 4, status: 200, code: "UNKNOWN_EXCEPTION", result: "U", hint: "repeat it with the same RequestID", retryable: true, unknown: true}},
		{"accepted", signed(200, result("A", "ACCEPT", "")), came{attempts: 1, status: 200, code: "ACCEPT", result: "A", text: "accepted, but not done yet; read the state to learn what came of it. says the platform", unknown: true}},
		{"refused", refuses(409, "STATE_CONFLICT"), came{attempts: 1, status: 409, code: "STATE_CONFLICT", result: "F", text: "STATE_CONFLICT: says the platform", is: alipayplus.ErrConflict}},
		{"refused, with HTTP 200", refuses(200, "STATE_CONFLICT"), came{attempts: 1, status: 200, code: "STATE_CONFLICT", result: "F", is: alipayplus.ErrConflict}},
		{"refused, with HTTP 500", refuses(500, "PROCESS_FAIL"), came{attempts: 1, status: 500, code: "PROCESS_FAIL", result: "F", hint: "do not repeat it; contact the platform's support with the trace id"}},
		{"refused for now", refuses(503, "SERVICE_UNAVAILABLE"), came{attempts: 4, status: 503, code: "SERVICE_UNAVAILABLE", result: "F", hint: "repeat it with the same RequestID", retryable: true}},
		{"result status of the future", signed(200, result("X", "SOMETHING", "")), came{attempts: 1, status: 200, code: "SOMETHING", result: "X", text: "SOMETHING: says the platform", unknown: true}},
		{"code of the future", refuses(400, "BRAND_NEW"), came{attempts: 1, status: 400, code: "BRAND_NEW", result: "F", text: "BRAND_NEW: says the platform"}},

		{"no connection", fails(errRefused), came{attempts: 4, text: "connection refused", is: errRefused, hint: checkBaseURL + ", the network, and that the platform runs", retryable: true}},
		{"connection cut", fails(errReset), came{attempts: 4, text: "connection reset by peer", is: errReset, retryable: true, unknown: true}},
		{"cut in the middle of the answer", truncated(done()), came{attempts: 4, text: "HTTP 200: the answer broke off after", is: io.ErrUnexpectedEOF, retryable: true, unknown: true}},
		{"no answer in time", hangs, came{attempts: 4, text: "no complete answer within 30s", retryable: true, unknown: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				given := newGateway(t, tt.reply)

				err := write(t.Context(), given.client())
				e := tt.want.check(t, err)
				require.Equal(t, "releases.cancel", e.Operation)
				require.Equal(t, given.attempts()[0].requestID(), e.RequestID)
				require.Equal(t, tt.want.unknown, e.OutcomeUnknown)
				require.Len(t, given.attempts(), tt.want.attempts)

				err = read(t.Context(), given.client())
				e = tt.want.check(t, err)
				require.Equal(t, "releases.get", e.Operation)
				require.Empty(t, e.RequestID)
				require.False(t, e.OutcomeUnknown, "a read has no effect")
			})
		})
	}
}

func (want came) check(t *testing.T, err error) *alipayplus.Error {
	t.Helper()
	e := failure(t, err)
	require.Equal(t, want.attempts, e.Attempts)
	require.Contains(t, e.Error(), want.text)
	require.Equal(t, want.code, e.Code)
	require.Equal(t, want.status, e.HTTPStatus)
	require.Equal(t, want.result, e.ResultStatus)
	require.Equal(t, want.hint, e.Hint)
	require.True(t, strings.HasPrefix(e.Body, want.body), e.Body)
	require.Equal(t, want.body == "", e.Body == "")
	require.Equal(t, want.retryable, e.Retryable)
	if want.is != nil {
		require.ErrorIs(t, err, want.is)
	}
	_, distrusted := errors.AsType[*alipayplus.SignatureError](err)
	require.Equal(t, want.distrusted, distrusted)
	return e
}

// What the platform refuses is of the class that its code has, and of no other.
func TestEveryCodeHasItsClass(t *testing.T) {
	all := []error{
		alipayplus.ErrNotFound, alipayplus.ErrPermission, alipayplus.ErrUnauthenticated, alipayplus.ErrConflict,
		alipayplus.ErrLimit, alipayplus.ErrRateLimited, alipayplus.ErrInvalid, alipayplus.ErrAuthorizationRequired,
		alipayplus.ErrOutcomeUnknown,
	}
	for _, code := range alipayplus.Codes() {
		err := write(t.Context(), newGateway(t, refuses(400, code)).client(alipayplus.WithRetry(1, 0, 0)))

		for _, class := range all {
			want := class == code.Class() //nolint:errorlint // the very same one
			require.Equal(t, want, errors.Is(err, class), "%s is %v", code, class)
		}
	}
}

// The machine-readable part of a refusal comes out as the error it describes.
func TestDetailsOfARefusal(t *testing.T) {
	refusal := func(code alipayplus.Code, details string) error {
		body := result("F", code, `,"requestId":"$ID","details":`+details)
		return write(t.Context(), newGateway(t, signed(400, body)).client())
	}

	err := refusal("PARAM_ILLEGAL", `{"fields":[{"path":"a","message":"is bad"},{"path":"b[1]","message":"is worse"}]}`)
	invalid, ok := errors.AsType[*alipayplus.ValidationError](err)
	require.True(t, ok)
	require.Equal(t, []alipayplus.FieldError{{Path: "a", Message: "is bad"}, {Path: "b[1]", Message: "is worse"}}, invalid.Fields)
	require.Equal(t, invalid.Fields, failure(t, err).Fields)

	limit, ok := errors.AsType[*alipayplus.LimitError](refusal("LIMIT_EXCEEDED", `{"limit":{"scope":"versions","limit":20,"used":20}}`))
	require.True(t, ok)
	require.Equal(t, alipayplus.LimitError{Scope: "versions", Limit: 20, Used: 20}, *limit)

	ratio, ok := errors.AsType[*alipayplus.RatioError](refusal("RATIO_NOT_ALLOWED", `{"ratio":{"from":10,"to":5,"allowed":[20,100]}}`))
	require.True(t, ok)
	require.Equal(t, []alipayplus.Ratio{20, 100}, ratio.Allowed)

	needed, ok := errors.AsType[*alipayplus.AuthorizationRequiredError](refusal("AUTHORIZATION_REQUIRED", `{"authorization":{"programId":"mp_1","targetApp":"ALIPAY_CN"}}`))
	require.True(t, ok)
	require.Equal(t, "mp_1", needed.ProgramID)
}

// Whatever went wrong before, a good answer in the end is a success.
func TestFailuresThatPass(t *testing.T) {
	for name, first := range map[string]reply{
		"HTML 502": page(502), "unsigned 429": page(429), "signed 429": refuses(429, "REQUEST_TRAFFIC_EXCEED_LIMIT"),
		"outcome unknown": signed(500, result("U", "UNKNOWN_EXCEPTION", "")), "no connection": fails(errRefused),
		"cut": fails(errReset), "truncated": truncated(done()), "no answer": hangs,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				given := newGateway(t, first, done())

				require.NoError(t, write(t.Context(), given.client()))
				require.Len(t, given.attempts(), 2)
			})
		})
	}
}

// Nothing of an answer that was not taken is left in the one that is.
func TestAttemptsDoNotMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newGateway(t,
			signed(500, result("U", "UNKNOWN_EXCEPTION", `,"data":{"id":"rel_old","createdBy":"olga"}`)),
			signed(200, result("S", "SUCCESS", `,"data":{"id":"rel_1"}`)),
			signed(500, result("U", "UNKNOWN_EXCEPTION", `,"data":{"id":"rel_old"}`)),
			signed(200, result("S", "SUCCESS", "")),
		)

		release, err := given.client().Releases.Get(t.Context(), "rel_1")
		require.NoError(t, err)
		require.Equal(t, alipayplus.Release{ID: "rel_1"}, *release)

		require.ErrorContains(t, read(t.Context(), given.client()), "the answer has no data")
	})
}

// An answer made within the allowed skew is taken, in either form of time.
func TestFreshAnswers(t *testing.T) {
	tests := []struct {
		skew, age time.Duration
		fresh     bool
	}{
		{0, 5 * time.Minute, true},
		{0, -5 * time.Minute, true},
		{0, 5*time.Minute + time.Millisecond, false},
		{time.Second, time.Second, true},
		{time.Second, 2 * time.Second, false},
		{time.Hour, -time.Hour, true},
	}
	forms := map[string]func(time.Time) string{
		"ISO 8601":        func(at time.Time) string { return at.Format("2006-01-02T15:04:05.000Z07:00") },
		"of another zone": func(at time.Time) string { return at.In(time.FixedZone("", -7*3600)).Format(time.RFC3339Nano) },
		"milliseconds":    unixMilli,
	}
	for _, tt := range tests {
		for name, form := range forms {
			synctest.Test(t, func(t *testing.T) {
				given := newGateway(t, done(func(a *answer) { a.at = form(time.Now().Add(-tt.age)) }))
				c := given.client(alipayplus.WithMaxClockSkew(cmp.Or(tt.skew, 5*time.Minute)))

				require.Equal(t, tt.fresh, read(t.Context(), c) == nil, "%v old, %v allowed, %s", tt.age, tt.skew, name)
			})
		}
	}
}

// A platform that finds the clock wrong is believed, whatever the difference is,
// and the error says by how much to set it.
func TestWrongClock(t *testing.T) {
	for off, hint := range map[time.Duration]string{
		time.Hour:  "set this machine's clock: it is 1h0m0s ahead of the platform's",
		-time.Hour: "set this machine's clock: it is 1h0m0s behind the platform's",
	} {
		synctest.Test(t, func(t *testing.T) {
			given := newGateway(t, refuses(401, "TIMESTAMP_INVALID", func(a *answer) {
				a.at = time.Now().Add(-off).Format(time.RFC3339Nano)
			}))

			err := write(t.Context(), given.client())

			require.ErrorIs(t, err, alipayplus.ErrUnauthenticated)
			require.Equal(t, hint, failure(t, err).Hint)
			require.False(t, failure(t, err).OutcomeUnknown, "nothing was done")
			require.Len(t, given.attempts(), 1)
		})
	}
}

// An answer says for which request it is; another's is not taken, be it a
// success or a refusal.
func TestAnswerOfAnotherRequest(t *testing.T) {
	for name, body := range map[string]string{
		"success":          result("S", "SUCCESS", `,"requestId":"another","data":{"id":"rel_1"}`),
		"success of none":  result("S", "SUCCESS", `,"data":{"id":"rel_1"}`),
		"refusal":          result("F", "STATE_CONFLICT", `,"requestId":"another"`),
		"outcome not sure": result("U", "UNKNOWN_EXCEPTION", `,"requestId":"another"`),
	} {
		t.Run(name, func(t *testing.T) {
			for _, status := range []int{200, 429} {
				given := newGateway(t, signed(status, body))

				err := write(t.Context(), given.client())

				require.ErrorContains(t, err, "the answer cannot be trusted: it belongs to another request")
				require.True(t, failure(t, err).OutcomeUnknown)
				require.Len(t, given.attempts(), 1)
			}
		})
	}
	t.Run("a refusal before the request was read names none", func(t *testing.T) {
		given := newGateway(t, signed(401, result("F", "UNKNOWN_CLIENT", "")))
		require.ErrorIs(t, write(t.Context(), given.client()), alipayplus.ErrUnauthenticated)
	})
}

// What an earlier attempt left open stays open: a refusal of a later one says how things are then, and an earlier attempt may
// have made them so, or be on its way still.
func TestOutcomeOfAllAttempts(t *testing.T) {
	limited := refuses(429, "REQUEST_TRAFFIC_EXCEED_LIMIT")
	tests := []struct {
		name    string
		replies []reply
		unknown bool
	}{
		{"cut, then refused", []reply{fails(errReset), refuses(409, "STATE_CONFLICT")}, true},
		{"cut, then not let in", []reply{fails(errReset), limited}, true},
		{"cut, then no connection", []reply{fails(errReset), fails(errRefused)}, true},
		{"cut, then a page from in between", []reply{fails(errReset), page(404)}, true},
		{"cut, then no longer known", []reply{fails(errReset), refuses(401, "UNKNOWN_CLIENT")}, true},
		{"cut, then a wrong clock", []reply{fails(errReset), refuses(401, "TIMESTAMP_INVALID")}, true},
		{"cut, then a key that was changed", []reply{fails(errReset), refuses(401, "INVALID_SIGNATURE")}, true},
		{"cut, then no longer permitted", []reply{fails(errReset), refuses(403, "ACCESS_DENIED")}, true},
		{"cut, then no longer to be seen", []reply{fails(errReset), refuses(404, "NOT_FOUND")}, true},
		{"not let in, then not permitted", []reply{limited, refuses(403, "ACCESS_DENIED")}, false},
		{"cut, then not available", []reply{fails(errReset), refuses(503, "SERVICE_UNAVAILABLE")}, true},
		{"not let in, then refused", []reply{limited, refuses(409, "STATE_CONFLICT")}, false},
		{"no connection, then not let in", []reply{fails(errRefused), limited}, false},
		{"unavailable, outcome unknown", []reply{signed(503, result("U", "SERVICE_UNAVAILABLE", ""))}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := write(t.Context(), newGateway(t, tt.replies...).client())

				require.Equal(t, tt.unknown, failure(t, err).OutcomeUnknown, err)
				require.Equal(t, tt.unknown, strings.Contains(err.Error(), "it is not known whether the call took effect"))
			})
		})
	}
}

// When the network ends what an answer began, the error keeps that answer.
func TestLastAnswerIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newGateway(t, refuses(429, "REQUEST_TRAFFIC_EXCEED_LIMIT", func(a *answer) {
			a.header = []string{"Retry-After", "7"}
		}), fails(errRefused))

		e := failure(t, write(t.Context(), given.client()))

		require.ErrorIs(t, e, errRefused)
		require.Equal(t, 429, e.HTTPStatus)
		require.Equal(t, "trace-1", e.TraceID)
		require.Equal(t, 7*time.Second, e.RetryAfter)
		require.Empty(t, e.Hint, "the platform was there")
	})
}

// An error keeps 512 bytes of an answer that is not the platform's, and they are text.
func TestExcerpt(t *testing.T) {
	err := read(t.Context(), newGateway(t, plain(404, "text/html", "\xff"+strings.Repeat("é", 1000))).client())

	e := failure(t, err)
	require.Equal(t, "?"+strings.Repeat("é", 255)+"?", e.Body)
	require.NotContains(t, e.Error(), "é")
}

// Keys change without a stop: an answer is checked with the key it names, and
// with the one given last when it names none.
func TestRotationOfThePlatformsKey(t *testing.T) {
	both := []alipayplus.Option{
		alipayplus.WithPlatformKey("1", platformKeyPEM("1")),
		alipayplus.WithPlatformKey("2", platformKeyPEM("2")),
	}
	by := func(key, version string) reply {
		return done(func(a *answer) { a.key, a.keyVersion = platformKey(key), version })
	}
	require.NoError(t, read(t.Context(), newGateway(t, by("1", "1")).client(both...)))
	require.NoError(t, read(t.Context(), newGateway(t, by("2", "2")).client(both...)))
	require.NoError(t, read(t.Context(), newGateway(t, by("2", "")).client(both...)), "the newest")
	require.Error(t, read(t.Context(), newGateway(t, by("1", "")).client(both...)), "not the newest")
	require.Error(t, read(t.Context(), newGateway(t, by("1", "2")).client(both...)))
}

// Both ways in which the signature is seen on the wire are taken: base64 in
// percent-encoding, and as it is, with its + and /.
func TestSignatureInEitherEncoding(t *testing.T) {
	decode := strings.NewReplacer("%2B", "+", "%2F", "/", "%3D", "=")
	synctest.Test(t, func(t *testing.T) { // where time, and so the signature, is always the same
		asItIs := altered(done(), func(r *http.Response) {
			signature := decode.Replace(r.Header.Get("Signature"))
			require.Contains(t, signature, "+")
			require.Contains(t, signature, "/")
			r.Header.Set("Signature", signature)
		})

		require.NoError(t, read(t.Context(), newGateway(t, asItIs).client()))
	})
}

// An answer that does not end is not read to its end, nor asked for again.
func TestEndlessAnswer(t *testing.T) {
	given := newGateway(t, altered(done(), func(r *http.Response) {
		setBody(r, readerFunc(func(b []byte) (int, error) { return len(b), nil }), -1)
	}))

	err := write(t.Context(), given.client())

	require.ErrorContains(t, err, "the answer is larger than the limit of 16777216 bytes")
	require.True(t, failure(t, err).OutcomeUnknown)
	require.False(t, failure(t, err).Retryable, "it will be too large again")
	require.Len(t, given.attempts(), 1)
}
