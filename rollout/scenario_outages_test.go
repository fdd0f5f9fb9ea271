package rollout_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// maintained is a way to the platform at whose end something else answers for a while.
type maintained struct {
	http.RoundTripper
	mu sync.Mutex
	// answer answers in the platform's place; nil: the platform does.
	answer func() (*http.Response, error)
	// only are the calls it answers, by what their path contains.
	only  string
	calls int
}

func (m *maintained) RoundTrip(r *http.Request) (*http.Response, error) {
	m.mu.Lock()
	given := m.answer
	if given == nil || !strings.Contains(r.URL.Path, m.only) {
		m.mu.Unlock()
		return m.RoundTripper.RoundTrip(r)
	}
	m.calls++
	m.mu.Unlock()
	answer, err := given()
	if answer != nil {
		answer.Request = r
	}
	return answer, err
}

// set says what answers calls whose path contains only.
func (m *maintained) set(only string, answer func() (*http.Response, error)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.only, m.answer = only, answer
}

func page(status int, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		h := http.Header{"Content-Type": {"text/html"}}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader("<h1>Back soon</h1>"))}, nil
	}
}

func content(status int, body string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

func breaksOff() (*http.Response, error) {
	body := io.MultiReader(strings.NewReader(`{"result":`), iotest.ErrReader(io.ErrUnexpectedEOF))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(body)}, nil
}

func fails(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

// outages are what answers in the platform's place.
func outages() map[string]func() (*http.Response, error) {
	return map[string]func() (*http.Response, error){
		"a maintenance page":            page(200),
		"a page that refuses":           page(403),
		"a page that is not found":      page(404),
		"no content":                    page(204),
		"a page that asks for a login":  page(401, "WWW-Authenticate", "Basic"),
		"a redirect to nowhere":         page(302),
		"a page that is gone":           page(410),
		"a page that was not asked for": page(405),
		"JSON of somebody else":         content(200, `{"status":"maintenance"}`),
		"JSON that refuses":             content(403, `{"error":"blocked","result":null}`),
		"an answer without a signature": content(200, `{"result":{"resultStatus":"S","resultCode":"SUCCESS"}}`),
		"an empty object":               content(200, `{}`),
		"nothing":                       content(200, ""),
		"an answer that breaks off":     breaksOff,
		"a gateway":                     page(502),
		"a gateway that asks to wait":   page(503, "Retry-After", "120"),
		"a redirect":                    page(302, "Location", "https://status.example/"),
		"a permanent redirect":          page(308, "Location", "https://status.example/"),
		"a captive portal":              page(511),
		"a certificate of another name": fails(&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "platform.example"}}),
		"no TLS":                        fails(tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}),
	}
}

func (w *fixture) maintainedRunner(spec rollout.Spec) (*rollout.Runner, *maintained, *alipayplus.Release) {
	w.Helper()
	way := w.p.HTTPClient()
	m := &maintained{RoundTripper: way.Transport}
	way.Transport = m
	client, err := w.p.Client(w.Context(), w.workspace, "olga", alipayplus.WithHTTPClient(way))
	require.NoError(w, err)
	release := w.release(w.program(), "1.0.0")
	runner, err := rollout.New(rollout.ForRelease(client, release.ID), spec, rollout.NewMemoryStore(), rollout.WithHost("a"))
	require.NoError(w, err)
	return runner, m, release
}

func TestAnOutageInTheMiddleOfARolloutPasses(t *testing.T) {
	t.Parallel()
	for _, only := range []string{"", "/grayscale"} { // all calls, of which none but observations are made meanwhile; the changes
		if only != "" && testing.Short() {
			continue // the failures are the same, and are told apart in the same place
		}
		for name, answer := range outages() {
			runInVirtualTime(t, name+" of "+only, func(t *testing.T) {
				w := newFixture(t, approving())
				runner, m, release := w.maintainedRunner(plain())
				began := time.Now()
				go func() {
					time.Sleep(30 * time.Minute)
					m.set(only, answer)
					time.Sleep(3 * time.Hour)
					m.set("", nil)
				}()
				state, err := runner.Run(t.Context())
				require.NoError(t, err)
				require.Equal(t, rollout.Done, state.Status)
				require.Equal(t, []alipayplus.Ratio{10, 50, 100}, ratios(w.read(release.ID)))
				require.Less(t, time.Since(began), 6*time.Hour)
				require.Less(t, m.calls, 200, "the pauses grow")
			})
		}
	}
}

func TestAnOutageThatDoesNotPassPausesAtTheDeadline(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		spec := plain()
		spec.Deadline = rollout.Duration(day)
		runner, m, _ := newFixture(t, approving()).maintainedRunner(spec)
		go func() {
			time.Sleep(30 * time.Minute)
			m.set("", page(200))
		}()
		_, err := runner.Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrDeadline)
		require.ErrorContains(t, err, "the target does not answer")
	})
}

func TestAnAbortInAnOutageIsMadeWhenThatHasPassed(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newFixture(t, approving())
		runner, m, release := w.maintainedRunner(plain())
		go func() {
			time.Sleep(30 * time.Minute)
			m.set("", page(403))
			_, err := runner.Abort(t.Context(), "lin", "it crashes")
			assert.NoError(t, err)
			time.Sleep(time.Hour)
			m.set("", nil)
		}()
		_, err := runner.Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrAborted)
		require.ErrorContains(t, err, "it crashes")
		require.Equal(t, alipayplus.ReleaseCanceled, w.read(release.ID).Status)
	})
}

// Before the platform has answered once, its address may be wrong.
func TestAWrongAddressIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	for name, answer := range outages() {
		if strings.Contains(name, "gateway") || strings.Contains(name, "portal") || strings.Contains(name, "breaks off") {
			continue // a server or a network that has trouble is one
		}
		runInVirtualTime(t, name, func(t *testing.T) {
			runner, m, _ := newFixture(t, approving()).maintainedRunner(plain())
			m.set("", answer)
			began := time.Now()
			_, err := runner.Run(t.Context())
			require.Error(t, err)
			require.Regexp(t, `check the base URL \(WithBaseURL, ALIPAYPLUS_BASE_URL\)|POST http://platform\.invalid/`, err.Error())
			require.Less(t, time.Since(began), time.Minute)
		})
	}
}

// Whoever knows a key and signs wrongly is no maintenance page.
func TestAnAnswerWithAWrongSignatureIsNoOutage(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		runner, m, _ := newFixture(t, approving()).maintainedRunner(plain())
		go func() {
			time.Sleep(30 * time.Minute)
			m.set("", page(200, "Signature", "algorithm=RSA256,keyVersion=1,signature=AAAA"))
		}()
		_, err := runner.Run(t.Context())
		var forged *alipayplus.SignatureError
		require.ErrorAs(t, err, &forged)
	})
}
