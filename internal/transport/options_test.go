package transport

import (
	"log/slog"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOptionsTakeWhatIsRight(t *testing.T) {
	client, logger := new(http.Client), slog.New(slog.DiscardHandler)
	for name, tt := range map[string]struct {
		set  func(*Options) error
		want func(*Options)
	}{
		"HTTP client": {
			func(o *Options) error { return HTTPClient(o, client) },
			func(o *Options) { o.HTTPClient = client },
		},
		"retry": {
			func(o *Options) error { return Retry(o, 7, time.Second, time.Minute) },
			func(o *Options) { o.Attempts, o.MinWait, o.MaxWait = 7, time.Second, time.Minute },
		},
		"one attempt without a wait": {
			func(o *Options) error { return Retry(o, 1, 0, 0) },
			func(o *Options) { o.Attempts, o.MinWait, o.MaxWait = 1, 0, 0 },
		},
		"attempt timeout": {
			func(o *Options) error { return AttemptTimeout(o, 1) },
			func(o *Options) { o.AttemptTimeout = 1 },
		},
		"logger": {
			func(o *Options) error { return Logger(o, logger) },
			func(o *Options) { o.Logger = logger },
		},
		"no logger": {
			func(o *Options) error { return Logger(o, nil) },
			func(*Options) {},
		},
		"user agent from the first printable character to the last": {
			func(o *Options) error { return UserAgent(o, "tool/1 ~") },
			func(o *Options) { o.UserAgent = "tool/1 ~" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, want := Default(), Default()
			require.NoError(t, tt.set(&got))
			tt.want(&want)
			require.Equal(t, want, got)
		})
	}
}

func TestARateLimitIsThatOfItsNumbers(t *testing.T) {
	var o Options
	require.NoError(t, RateLimit(&o, 0.5, 1))
	require.InDelta(t, 0.5, float64(o.Limiter.Limit()), 0)
	require.Equal(t, 1, o.Limiter.Burst())
}

func TestOptionsRefuseWhatIsWrongAndChangeNothing(t *testing.T) {
	const retry = "retry needs at least 1 attempt and 0 <= shortest wait <= longest wait"
	const limit = "rate limit must be above 0 a second with a burst of at least 1"
	for name, tt := range map[string]struct {
		set  func(*Options) error
		want string
	}{
		"no HTTP client":       {func(o *Options) error { return HTTPClient(o, nil) }, "HTTP client must not be nil"},
		"no attempt":           {func(o *Options) error { return Retry(o, 0, 1, 2) }, retry},
		"a wait below 0":       {func(o *Options) error { return Retry(o, 1, -1, 2) }, retry},
		"bounds the wrong way": {func(o *Options) error { return Retry(o, 1, 2, 1) }, retry},
		"no rate":              {func(o *Options) error { return RateLimit(o, 0, 1) }, limit},
		"a rate below 0":       {func(o *Options) error { return RateLimit(o, -1, 1) }, limit},
		"a rate of no number":  {func(o *Options) error { return RateLimit(o, math.NaN(), 1) }, limit},
		"no burst":             {func(o *Options) error { return RateLimit(o, 1, 0) }, limit},
		"no time":              {func(o *Options) error { return AttemptTimeout(o, 0) }, "attempt timeout must be above 0"},
		"a time below 0":       {func(o *Options) error { return AttemptTimeout(o, -1) }, "attempt timeout must be above 0"},
		"a line break":         {func(o *Options) error { return UserAgent(o, "a\r\nX: y") }, "user agent must be printable ASCII"},
		"DEL":                  {func(o *Options) error { return UserAgent(o, "a\x7f") }, "user agent must be printable ASCII"},
		"another alphabet":     {func(o *Options) error { return UserAgent(o, "é") }, "user agent must be printable ASCII"},
		"no observer":          {func(*Options) error { return NoObserver() }, "observer must not be nil"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Default()
			require.EqualError(t, tt.set(&got), tt.want)
			require.Equal(t, Default(), got)
		})
	}
}

// They are part of what the clients document.
func TestDefaults(t *testing.T) {
	require.Equal(t, Options{
		UserAgent: "alipayplus-go", Attempts: 4, MinWait: 500 * time.Millisecond, MaxWait: 30 * time.Second,
		AttemptTimeout: 30 * time.Second, MaxAnswerBytes: 16 << 20,
	}, Default())
}

func TestAddress(t *testing.T) {
	for _, right := range []string{"https://gateway.example.com", "http://127.0.0.1:8480/release"} {
		u, err := Address("base URL", right, "https://x.example")
		require.NoError(t, err)
		require.Equal(t, right, u.String())
	}
	for wrong, message := range map[string]string{
		"":                           "endpoint must be an http or https address with a host, such as https://x.example",
		"x.example":                  "endpoint must be an http or https address with a host, such as https://x.example",
		"ftp://x.example":            "endpoint must be an http or https address with a host, such as https://x.example",
		"https:///path":              "endpoint must be an http or https address with a host, such as https://x.example",
		"https://a b":                "endpoint must be an http or https address with a host, such as https://x.example",
		"127.0.0.1:8481":             "endpoint must be an http or https address with a host, such as https://x.example",
		"https://ann:s3cret@x.y":     "endpoint must not have user, query or fragment",
		"https://x.y/?token=s3cret":  "endpoint must not have user, query or fragment",
		"https://x.y/#s3cret":        "endpoint must not have user, query or fragment",
		"https://ann:s3cret@x.y/%zz": "endpoint must be an http or https address with a host, such as https://x.example",
	} {
		u, err := Address("endpoint", wrong, "https://x.example")
		require.EqualError(t, err, message, wrong)
		require.Nil(t, u)
	}
}
