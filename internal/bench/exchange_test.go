package bench_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// exchange is a method of a client, and beside it its floor: the same calls written with
// net/http, crypto/rsa and encoding/json alone. Same requests, same headers, same
// limit of time; the whole answer is read, verified and decoded.
type exchange struct {
	name string
	// calls is how many calls it makes: a write that reads the state before makes two.
	calls         int
	client, floor func(context.Context) error
}

// api is what one of the two clients calls.
type api struct {
	name string
	// answers are the bodies of successes, by path.
	answers map[string]string
	// signed are the headers of an answer.
	signed func(tb testing.TB, path, body string) http.Header
	// exchanges are reads and writes.
	exchanges func(tb testing.TB, base string, via *http.Client) []exchange
}

func apis() []api { return []api{alipayPlus(), alipayCN()} }

// peer answers every request with what was signed beforehand, so that it costs
// next to nothing beside the client.
type peer map[string]reply

type reply struct {
	header http.Header
	body   string
}

func (a api) peer(tb testing.TB) peer {
	tb.Helper()
	p := peer{}
	for path, body := range a.answers {
		p[path] = reply{a.signed(tb, path, body), body}
	}
	return p
}

func (p peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	answer, h := p[r.URL.Path], w.Header()
	maps.Copy(h, answer.header)
	_, _ = io.WriteString(w, answer.body)
}

// RoundTrip answers without a network.
func (p peer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	answer := p[r.URL.Path]
	return &http.Response{
		StatusCode: http.StatusOK, Header: answer.header,
		Body: io.NopCloser(strings.NewReader(answer.body)), ContentLength: int64(len(answer.body)),
	}, nil
}

func memory(_ testing.TB, p peer) (base string, via *http.Client) {
	return "https://gateway.example.com", &http.Client{Transport: p, Timeout: 30 * time.Second}
}

func loopback(tb testing.TB, p peer) (base string, via *http.Client) {
	tb.Helper()
	server := httptest.NewServer(p)
	tb.Cleanup(server.Close)
	via = &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	tb.Cleanup(via.CloseIdleConnections)
	return server.URL, via
}

// each runs every call of every API both ways, named so that benchstat can put
// them side by side.
func each[T interface {
	testing.TB
	Run(name string, f func(T)) bool
}](tb T, do func(T, exchange),
) {
	for _, a := range apis() {
		for _, over := range []struct {
			name    string
			connect func(testing.TB, peer) (string, *http.Client)
		}{{"memory", memory}, {"loopback", loopback}} {
			base, via := over.connect(tb, a.peer(tb))
			for _, e := range a.exchanges(tb, base, via) {
				tb.Run(fmt.Sprintf("api=%s/over=%s/call=%s", a.name, over.name, e.name), func(tb T) { do(tb, e) })
			}
		}
	}
}

// fetched sends a request of the floor and reads the whole answer.
func fetched(via *http.Client, req *http.Request) (http.Header, []byte, error) {
	resp, err := via.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return resp.Header, text, err
}

func signature(key *rsa.PrivateKey, content []byte) (string, error) {
	sum := sha256.Sum256(content)
	raw, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	return base64.StdEncoding.EncodeToString(raw), err
}

func verify(key *rsa.PublicKey, content []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw)
}

// platformSignature is made with the key of the side that answers.
func platformSignature(tb testing.TB, content string) string {
	tb.Helper()
	text, err := signature(testkey.Key(), []byte(content))
	require.NoError(tb, err)
	return text
}
