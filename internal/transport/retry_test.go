package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What each fault comes to, for a call that may be repeated and one that may not: attempts, success, what is known.
func TestFaults(t *testing.T) {
	ok := answers(200, "fine")
	truncated := func(*http.Request) (*http.Response, error) {
		return response(200, io.MultiReader(strings.NewReader("fi"), brokenReader{}), 4), nil
	}
	tests := []struct {
		name       string
		repeatable bool
		replies    []reply
		err        error // nil: success
		unknown    bool
	}{
		{"success at once", false, []reply{ok}, nil, false},
		{"refused for good", true, []reply{answers(400, "")}, statusError(400), false},
		{"redirect is an answer", true, []reply{answers(302, "", "Location", "https://elsewhere.example.com/?token=s3cret")}, statusError(302), false},
		{"redirect to nonsense is an answer", true, []reply{answers(307, "", "Location", "https://[s3cret")}, statusError(307), false},

		{"dial error, then success", false, []reply{fails(errDial), ok}, nil, false},
		{"no such host, then success", false, []reply{fails(&net.DNSError{Err: "no such host", Name: "gateway.example.com"}), ok}, nil, false},
		{"dial errors to the end", false, []reply{fails(errDial), fails(errDial), fails(errDial), fails(errDial)}, errDial, false},

		{"connection cut, write", false, []reply{fails(errReset)}, errReset, true},
		{"connection cut, repeatable", true, []reply{fails(errReset), ok}, nil, false},
		{"truncated, write", false, []reply{truncated}, io.ErrUnexpectedEOF, true},
		{"truncated, repeatable", true, []reply{truncated, ok}, nil, false},

		{"503, write", false, []reply{answers(503, "")}, statusError(503), true},
		{"503, repeatable", true, []reply{answers(503, ""), ok}, nil, false},
		{"503 to the end", true, []reply{answers(503, ""), answers(502, ""), answers(503, ""), answers(500, "")}, statusError(500), true},
		{"429, write", false, []reply{answers(429, ""), ok}, nil, false},
		{"429 to the end", false, []reply{answers(429, ""), answers(429, ""), answers(429, ""), answers(429, "")}, statusError(429), false},

		{"unknown stays, though the last attempt had no effect", true, []reply{answers(503, ""), fails(errDial), answers(429, ""), fails(errDial)}, errDial, true},
		{"a final answer clears what was unknown", true, []reply{fails(errReset), answers(409, "")}, statusError(409), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPeer(t, tt.replies...)
				c := write()
				c.Repeatable = tt.repeatable

				answer, err := New(patient(p.client())).Do(t.Context(), c)

				require.Len(t, p.seen, len(tt.replies))
				if tt.err == nil {
					require.NoError(t, err)
					require.Equal(t, "fine", string(answer.Body))
					require.Equal(t, len(tt.replies), answer.Attempt)
					require.Equal(t, p.seen[len(p.seen)-1].at, answer.Sent)
					return
				}
				require.Nil(t, answer)
				f := failure(t, err)
				require.ErrorIs(t, err, tt.err)
				require.Equal(t, tt.unknown, f.OutcomeUnknown)
				require.Equal(t, len(tt.replies), f.Attempts)
				require.NoError(t, f.Stopped)
				require.True(t, strings.HasPrefix(err.Error(), "things.create: "), err.Error())
				require.Equal(t, tt.unknown, strings.Contains(err.Error(), "not known"), err.Error())
			})
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A Judge that forgets the outcome of a 429 does no harm; one that forgets it elsewhere errs on the safe side.
func TestForgottenOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forgetful := func(a *Answer) Verdict {
			if a.Status == 200 {
				return Verdict{}
			}
			return Verdict{Err: statusError(a.Status), Retry: true}
		}
		c := write()
		c.Judge = forgetful

		_, err := New(patient(newPeer(t, answers(429, ""), answers(200, "")).client())).Do(t.Context(), c)
		require.NoError(t, err)

		_, err = New(patient(newPeer(t, answers(404, "")).client())).Do(t.Context(), c)
		require.True(t, failure(t, err).OutcomeUnknown)
	})
}

// A final refusal that says "try later" is no reason to send a write without a key again.
func TestFinalRefusalOfAWriteIsNotRepeated(t *testing.T) {
	c := write()
	c.Judge = func(*Answer) Verdict { return Verdict{Err: statusError(409), Retry: true, Outcome: Final} }

	_, err := New(patient(newPeer(t, answers(409, "")).client())).Do(t.Context(), c)

	require.Equal(t, 1, failure(t, err).Attempts)
}

func TestLastAnswerIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, answers(503, "why", "Retry-After", "7200", "Trace-Id", "abc"), fails(errDial), fails(errDial), fails(errDial))

		_, err := New(patient(p.client())).Do(t.Context(), repeatable())

		f := failure(t, err)
		require.ErrorIs(t, err, errDial)
		require.Equal(t, 503, f.Answer.Status)
		require.Equal(t, "why", string(f.Answer.Body))
		require.Equal(t, "abc", f.Answer.Header.Get("Trace-Id"))
		require.Equal(t, 1, f.Answer.Attempt)
		require.Equal(t, 2*time.Hour, f.RetryAfter, "as the peer said it")
		require.Equal(t, "things.create: POST https://gateway.example.com/api/open/v2/things: dial tcp: connection refused "+
			"(after 4 attempts); it is not known whether the call took effect", err.Error())
	})
}

func TestEveryAttemptIsMadeAfresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, answers(503, ""), answers(503, ""), answers(200, ""))
		c := repeatable()
		var maps []http.Header
		c.Sign = func(_ context.Context, h http.Header) error {
			require.Empty(t, h.Get("Request-Time"), "the map of the attempt before is not used again")
			require.Equal(t, "application/json", h.Get("Content-Type"), "there to be signed")
			h.Set("Request-Time", time.Now().String())
			h.Add("Content-Type", "second")
			maps = append(maps, h)
			return nil
		}
		o := patient(p.client())
		o.UserAgent = "alipayplus-go/1"

		_, err := New(o).Do(t.Context(), c)

		require.NoError(t, err)
		require.Len(t, maps, 3)
		for i, s := range p.seen {
			require.Equal(t, s.at.String(), s.header.Get("Request-Time"), "attempt %d carries its own time", i+1)
			require.Equal(t, []string{"application/json", "second"}, s.header.Values("Content-Type"))
			require.Equal(t, []string{"alipayplus-go/1"}, s.header.Values("User-Agent"))
			require.Equal(t, []string{"identity"}, s.header.Values("Accept-Encoding"))
			require.Equal(t, `{"a":1}`, s.body)
			require.EqualValues(t, 7, s.length)
		}
	})
}

func TestHeadersThatAreNotGivenAreNotSent(t *testing.T) {
	p := newPeer(t, answers(200, ""))
	c := write()
	c.ContentType, c.Body = "", nil

	_, err := New(Options{HTTPClient: p.client()}).Do(t.Context(), c)

	require.NoError(t, err)
	require.Equal(t, http.Header{"Accept-Encoding": {"identity"}}, p.seen[0].header)
	require.Zero(t, p.seen[0].length)
}

func TestStreamIsOpenedForEachAttemptAndClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPeer(t, answers(503, ""), fails(errReset), answers(200, ""))
		var streams []*stream
		c := repeatable()
		c.Body, c.Size = nil, 6
		c.Open = func() (io.ReadCloser, error) {
			streams = append(streams, &stream{Reader: strings.NewReader("upload")})
			return streams[len(streams)-1], nil
		}

		_, err := New(patient(p.client())).Do(t.Context(), c)

		require.NoError(t, err)
		require.Len(t, streams, 3)
		for i, s := range p.seen {
			require.Equal(t, "upload", s.body)
			require.EqualValues(t, 6, s.length)
			require.Equal(t, 1, streams[i].closed)
		}
	})
}

type stream struct {
	io.Reader
	closed int
}

func (s *stream) Close() error { s.closed++; return nil }

func TestEmptyStreamIsNotOpened(t *testing.T) {
	c := write()
	c.Open = func() (io.ReadCloser, error) { return nil, errors.New("opened") }

	_, err := New(Options{HTTPClient: newPeer(t, answers(200, "")).client()}).Do(t.Context(), c)

	require.NoError(t, err)
}

// What fails before anything is sent ends the call, with a known outcome and no attempt at the peer.
func TestNotSent(t *testing.T) {
	broken := errors.New("key store is closed")
	tests := []struct {
		name  string
		spoil func(*Call)
		want  string
	}{
		{"signing", func(c *Call) { c.Sign = func(context.Context, http.Header) error { return broken } }, "sign the request: key store is closed"},
		{"opening", func(c *Call) {
			c.Size, c.Open = 1, func() (io.ReadCloser, error) { return nil, broken }
		}, "open the request's body: key store is closed"},
		{"line break in a header", func(c *Call) {
			c.Sign = func(_ context.Context, h http.Header) error { h.Set("Client-Id", "s3cret\n"); return nil }
		}, "header Client-Id holds a line break"},
		{"address without a scheme", func(c *Call) { c.URL = "gateway.example.com/x?s3cret" }, `needs http:// or https:// and a host`},
		{"address of another scheme", func(c *Call) { c.URL = "ftp://u:s3cret@gateway.example.com/" }, `"ftp://gateway.example.com/" needs`},
		{"address without a host", func(c *Call) { c.URL = "https:///x" }, `needs http:// or https:// and a host`},
		{"method that is none", func(c *Call) { c.Method = "S E N D" }, `not valid: net/http: invalid method "S E N D"`},
		{"address that is none", func(c *Call) { c.URL = "https://exa mple.com/?s3cret" }, "not valid: invalid character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := repeatable()
			tt.spoil(c)

			_, err := New(patient(newPeer(t).client())).Do(t.Context(), c)

			f := failure(t, err)
			require.ErrorContains(t, err, tt.want)
			require.False(t, f.OutcomeUnknown)
			require.Nil(t, f.Answer)
		})
	}
}

// A signature that fails on a later attempt hides neither itself nor what came before.
func TestSigningFailsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("key store is closed")
		c := repeatable()
		signed := 0
		c.Sign = func(context.Context, http.Header) error {
			if signed++; signed == 2 {
				return broken
			}
			return nil
		}

		var events []Attempt
		o := patient(newPeer(t, answers(503, "")).client())
		o.Observe = func(_ context.Context, e Attempt) { events = append(events, e) }

		_, err := New(o).Do(t.Context(), c)

		f := failure(t, err)
		require.Len(t, events, 2)
		require.Zero(t, events[1].Duration, "it was never sent")
		require.Equal(t, statusError(503), f.Err)
		require.ErrorIs(t, f.Stopped, broken)
		require.True(t, f.OutcomeUnknown, "the first attempt may have taken effect")
		require.Equal(t, "things.create: refused with 503; then sign the request: key store is closed (after 2 attempts); "+
			"it is not known whether the call took effect", err.Error())
	})
}

func TestControlCharactersInAHeader(t *testing.T) {
	for value, ok := range map[string]bool{"a b\tc": true, "日本": true, "a\n": false, "\ra": false, "\x00": false, "\x7f": false} {
		err := checkHeader(http.Header{"Client-Id": {"fine", value}})
		require.Equal(t, ok, err == nil, "%q", value)
	}
}

func TestWrongAddressIsToldAtOnceAndKeepsItsCause(t *testing.T) {
	authority := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	plain := tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}
	copy(plain.RecordHeader[:], "HTTP/")
	ssh := tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}
	tests := []struct {
		name  string
		cause error
		want  error
	}{
		{"unknown authority", authority, authority},
		{"no TLS", plain, http.ErrSchemeMismatch},
		{"neither TLS nor HTTP", ssh, ssh},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(patient(newPeer(t, fails(tt.cause)).client())).Do(t.Context(), repeatable())

			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, "POST https://gateway.example.com/api/open/v2/things: ")
			require.Equal(t, 1, failure(t, err).Attempts)
		})
	}
}

func TestQueryNeverShows(t *testing.T) {
	inner := errors.New("socket fell over")
	tests := []error{
		&url.Error{Op: "Post", URL: address, Err: inner},
		fmt.Errorf("proxy: %w", &url.Error{Op: "Post", URL: address, Err: inner}),
		fmt.Errorf("%w\nwhile sending %s", inner, address),
	}
	for _, cause := range tests {
		var events []Attempt
		o := Options{HTTPClient: newPeer(t, fails(cause)).client(), Observe: func(_ context.Context, e Attempt) { events = append(events, e) }}

		_, err := New(o).Do(t.Context(), write())

		failure(t, err)
		require.ErrorIs(t, err, inner)
		require.NotContains(t, events[0].Err.Error(), "s3cret")
	}
}

func TestGiantAnswer(t *testing.T) {
	tests := []struct {
		name   string
		length int64 // announced
		body   int
		ok     bool
	}{
		{"announced", 1001, 0, false},
		{"not announced", -1, 1001, false},
		{"at the limit", 1000, 1000, true},
		{"at the limit, not announced", -1, 1000, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := &stream{Reader: strings.NewReader(strings.Repeat("x", tt.body))}
			giant := func(*http.Request) (*http.Response, error) {
				r := response(200, nil, tt.length)
				r.Body = body
				return r, nil
			}
			o := patient(newPeer(t, giant).client())
			o.MaxAnswerBytes = 1000

			answer, err := New(o).Do(t.Context(), repeatable())

			require.Equal(t, 1, body.closed)
			if tt.ok {
				require.NoError(t, err)
				require.Len(t, answer.Body, tt.body)
				return
			}
			require.ErrorContains(t, err, "HTTP 200: the answer is larger than the limit of 1000 bytes")
			f := failure(t, err)
			require.True(t, f.OutcomeUnknown)
			require.Equal(t, 1, f.Attempts, "it would be as large again")
		})
	}
}

// What a peer announces is not allocated before it comes.
func TestAnnouncedLengthIsNotBelieved(t *testing.T) {
	boast := func(*http.Request) (*http.Response, error) {
		return response(200, strings.NewReader("small"), 10<<20), nil
	}

	answer, err := New(Options{HTTPClient: newPeer(t, boast).client()}).Do(t.Context(), write())

	require.NoError(t, err)
	require.Equal(t, "small", string(answer.Body))
	require.LessOrEqual(t, cap(answer.Body), firstBuffer+1)
}

// A panic of the caller's functions is theirs; nothing stays open behind it.
func TestPanicIsNotSwallowed(t *testing.T) {
	body := &stream{Reader: strings.NewReader("x")}
	reply := func(*http.Request) (*http.Response, error) {
		r := response(200, nil, 1)
		r.Body = body
		return r, nil
	}
	c := write()
	c.Judge = func(*Answer) Verdict { panic("judge") }
	require.PanicsWithValue(t, "judge", func() {
		_, _ = New(Options{HTTPClient: newPeer(t, reply).client()}).Do(t.Context(), c)
	})
	require.Equal(t, 1, body.closed)

	c.Sign = func(context.Context, http.Header) error { panic("sign") }
	require.PanicsWithValue(t, "sign", func() {
		_, _ = New(Options{HTTPClient: newPeer(t).client()}).Do(t.Context(), c)
	})
}
