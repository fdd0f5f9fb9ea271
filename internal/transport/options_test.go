package transport

import (
	"errors"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/validation"
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
		"no observer":          {func(*Options) error { return NoFunction("observer") }, "observer must not be nil"},
		"no round tripper":     {func(o *Options) error { return RoundTripper(o, nil) }, "round tripper must not be nil"},
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

// The options of a client that does not exist. They write down what they are given.
type (
	settings struct{ given []string }
	option   func(*settings) error
)

func text(s string) option {
	return func(cfg *settings) error {
		if s == "bad" {
			return &validation.Problem{Path: "text", Message: "is bad"}
		}
		cfg.given = append(cfg.given, s)
		return nil
	}
}

func secret(content []byte) option { return text("secret " + string(content)) }

func duration(d time.Duration) option { return text(d.String()) }

// applied are the settings that the options make, and all that is wrong with them.
func applied(env Environment[settings, option]) ([]string, error) {
	var cfg settings
	var wrong []error
	for _, o := range env.Options {
		wrong = append(wrong, o(&cfg))
	}
	return cfg.given, errors.Join(wrong...)
}

func TestVariablesBecomeOptionsInTheOrderOfTheCalls(t *testing.T) {
	t.Setenv("A_TEXT", "hello")
	t.Setenv("A_SECRET", "hush")
	t.Setenv("A_DURATION", "1m30s")
	t.Setenv("AN_EMPTY_ONE", "")
	env := Environment[settings, option]{}

	require.True(t, env.Text("A_TEXT", text))
	require.False(t, env.Text("AN_EMPTY_ONE", text))
	require.False(t, env.Text("ONE_THAT_IS_NOT_SET", text))
	env.Secret("A_SECRET", "secret", secret)
	env.Secret("ANOTHER_SECRET_THAT_IS_NOT_SET", "secret", secret)
	env.Duration("A_DURATION", "limit", duration)
	env.Duration("A_DURATION_THAT_IS_NOT_SET", "limit", duration)
	given, err := applied(env)

	require.NoError(t, err)
	require.Equal(t, []string{"hello", "secret hush", "1m30s"}, given)
}

func TestASecretThatIsGivenTwiceIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte("from the file\n"), 0o600))
	t.Setenv("A_SECRET_FILE", path)
	t.Setenv("A_SECRET", "from the variable")
	env := Environment[settings, option]{}

	env.Secret("A_SECRET", "secret", secret)
	_, err := applied(env)

	require.EqualError(t, err, "secret is given twice: unset A_SECRET or A_SECRET_FILE")
}

func TestAFileIsReadWhenItsOptionIsApplied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	t.Setenv("A_SECRET_FILE", path)
	env := Environment[settings, option]{}

	env.Secret("A_SECRET", "secret", secret)
	require.NoError(t, os.WriteFile(path, []byte("later"), 0o600))
	given, err := applied(env)

	require.NoError(t, err)
	require.Equal(t, []string{"secret later"}, given)
}

// What is wrong with one option does not hide what is wrong with the next.
func TestEveryVariableThatIsWrongIsNamed(t *testing.T) {
	folder := t.TempDir()
	bad := filepath.Join(folder, "bad")
	require.NoError(t, os.WriteFile(bad, []byte("bad"), 0o600))
	for variable, value := range map[string]string{
		"A_TEXT": "bad", "A_FOLDER_FILE": folder, "A_LOST_SECRET_FILE": filepath.Join(folder, "none"), "A_BAD_SECRET_FILE": bad,
		"A_DURATION": "45", "A_BAD_DURATION": "0s", "A_GOOD_TEXT": "good",
	} {
		t.Setenv(variable, value)
	}
	env := Environment[settings, option]{}

	env.Text("A_TEXT", text)
	env.Secret("A_FOLDER", "key", secret)
	env.Secret("A_LOST_SECRET", "key", secret)
	env.Secret("A_BAD_SECRET", "key", func(content []byte) option { return text(string(content)) })
	env.Duration("A_DURATION", "limit", duration)
	env.Duration("A_BAD_DURATION", "limit", func(time.Duration) option { return text("bad") })
	env.Text("A_GOOD_TEXT", text)
	given, err := applied(env)

	require.EqualError(t, err, strings.Join([]string{
		"text is bad (from A_TEXT)",
		`key cannot be read from the file "` + folder + `": is a directory (from A_FOLDER_FILE)`,
		"key cannot be read: no such file or directory; give the name of a file; the content itself goes into A_LOST_SECRET (from A_LOST_SECRET_FILE)",
		"text is bad (from A_BAD_SECRET_FILE)",
		"limit is not a duration such as 45s (from A_DURATION)",
		"text is bad (from A_BAD_DURATION)",
	}, "\n"))
	require.Equal(t, []string{"good"}, given)
	_, ours := errors.AsType[validation.Problems](err)
	require.True(t, ours)
}

// A secret that was put where its file's name belongs stays a secret, however
// short it is.
func TestASecretInPlaceOfAFileNameIsNotQuoted(t *testing.T) {
	for name, value := range map[string]string{
		"a token":             "202109BB1234567890abcdef",
		"an AES key":          "c2hhcmVkLWFlcy1rZXktMQ==",
		"one that is a path":  "/2hhcmVkLWFlcy1rZXktMQ==",
		"a key in PEM":        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
		"a key without lines": strings.Repeat("MIIEvQIBADANBg", 100),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadFile(value, "A_SECRET", "key")

			require.ErrorContains(t, err, "the content itself goes into A_SECRET")
			require.NotContains(t, err.Error(), value[1:12])
		})
	}
	_, err := ReadFile("none", "", "certificates")
	require.EqualError(t, err, "certificates cannot be read: no such file or directory; give the name of a file, not what is in it")
}
