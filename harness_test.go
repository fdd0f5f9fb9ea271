package alipayplus_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const (
	gatewayURL = "https://gateway.example.com"
	myClientID = "2021550000000001"
)

// clientKey is the key of every client of the gateway; the programs that read a key
// from the environment have [testkey.PEM].
func clientKey() *testkey.Signer { return testkey.FastClient() }

// platformKey is a key of the platform, by version: "1" and "2" are two that
// have nothing in common with each other or with the client's.
func platformKey(version string) *testkey.Signer {
	if version == "1" {
		return testkey.FastKey()
	}
	return testkey.FastOther()
}

// platformKeyPEM is the public half of a key of the platform.
func platformKeyPEM(version string) []byte { return platformKey(version).PublicPEM() }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// gateway plays the platform in memory: one reply for each attempt, in order;
// the last holds for all that follow. It insists that every request is signed
// as documented.
type gateway struct {
	*testing.T
	// clientKey verifies the requests; those that [gateway.client] signs, if it is not set otherwise.
	clientKey *rsa.PublicKey
	mu        sync.Mutex
	replies   []reply
	seen      []attempt
}

// reply is what the gateway does with one attempt.
type reply func(attempt) (*http.Response, error)

// attempt is what the gateway saw of one attempt.
type attempt struct {
	at      time.Time
	request *http.Request
	header  http.Header
	body    []byte
}

func (a attempt) requestID() string {
	var carrier struct {
		RequestID string `json:"requestId"`
	}
	_ = json.Unmarshal(a.body, &carrier) // an upload is no JSON and has no id
	return carrier.RequestID
}

// newGateway gives a client of a gateway that replies as scripted.
func newGateway(t *testing.T, replies ...reply) *gateway {
	return &gateway{T: t, replies: replies, clientKey: &clientKey().PublicKey}
}

// client is a client of the gateway. opts come last.
func (g *gateway) client(opts ...alipayplus.Option) *alipayplus.Client {
	g.Helper()
	wired := []alipayplus.Option{
		alipayplus.WithBaseURL(gatewayURL),
		alipayplus.WithClientID(myClientID),
		alipayplus.WithSigner(clientKey()),
		alipayplus.WithPlatformKey("1", platformKeyPEM("1")),
		alipayplus.WithHTTPClient(&http.Client{Transport: g}),
	}
	c, err := alipayplus.New(append(wired, opts...)...)
	require.NoError(g, err)
	return c
}

func (g *gateway) RoundTrip(r *http.Request) (*http.Response, error) {
	got := attempt{at: time.Now(), request: r, header: r.Header}
	if r.Body != nil {
		got.body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	g.checkSignature(got)
	return g.next(got)(got)
}

func (g *gateway) next(got attempt) reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = append(g.seen, got)
	return g.replies[min(len(g.seen), len(g.replies))-1]
}

// checkSignature verifies what was signed against what is sent. It may run in
// any goroutine.
func (g *gateway) checkSignature(a attempt) {
	signed, err := signing.ParseHeader(a.header.Get("Signature"))
	if err != nil {
		g.Errorf("the request's signature: %v", err)
	}
	digest := signing.Digest(a.request.Method, a.request.URL.RequestURI(), a.header.Get("Client-Id"), a.header.Get("Request-Time"), a.body)
	if err := signing.Verify(g.clientKey, digest[:], signed.Signature); err != nil {
		g.Errorf("the request's signature: %v", err)
	}
}

// attempts gives all that was seen so far.
func (g *gateway) attempts() []attempt {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen
}

// answer is a signed answer of the platform; a test changes what it is about.
type answer struct {
	status     int
	body       string
	key        crypto.Signer
	keyVersion string // "": the Signature header names none
	clientID   string
	path       string // "": that of the request
	at         string
	header     []string // further names and values
}

// signed replies with a body in which $ID stands for that of the request.
func signed(status int, body string, change ...func(*answer)) reply {
	return func(got attempt) (*http.Response, error) {
		a := answer{
			status: status, body: strings.ReplaceAll(body, "$ID", got.requestID()),
			key: platformKey("1"), keyVersion: "1", clientID: got.header.Get("Client-Id"),
			path: got.request.URL.EscapedPath(), at: time.Now().Format(time.RFC3339Nano),
		}
		for _, c := range change {
			c(&a)
		}
		digest := signing.Digest(got.request.Method, a.path, a.clientID, a.at, []byte(a.body))
		signature, err := signing.Sign(a.key, digest[:])
		must(err)
		h := []string{
			"Content-Type", "application/json; charset=UTF-8", "Client-Id", a.clientID, "Response-Time", a.at,
			"Trace-Id", "trace-1", "Signature", signing.Header{KeyVersion: a.keyVersion, Signature: signature}.String(),
		}
		return response(a.status, a.body, append(h, a.header...)...), nil
	}
}

// result is the body of an answer, with what stands beside the result object.
func result(status alipayplus.ResultStatus, code alipayplus.Code, rest string) string {
	return fmt.Sprintf(`{"result":{"resultStatus":%q,"resultCode":%q,"resultMessage":"says the platform"}%s}`, status, code, rest)
}

// done is the success of every operation that gives a release.
func done(change ...func(*answer)) reply {
	return signed(200, result("S", "SUCCESS", `,"requestId":"$ID","data":{"id":"rel_1","status":"UNDER_REVIEW"}`), change...)
}

func refuses(status int, code alipayplus.Code, change ...func(*answer)) reply {
	return signed(status, result("F", code, `,"requestId":"$ID"`), change...)
}

// plain replies unsigned, as something in between does.
func plain(status int, contentType, body string, header ...string) reply {
	return func(attempt) (*http.Response, error) {
		return response(status, body, append(header, "Content-Type", contentType)...), nil
	}
}

// page is a proxy's unsigned HTML page.
func page(status int, header ...string) reply {
	return plain(status, "text/html", "<html>"+http.StatusText(status)+"</html>", header...)
}

func response(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// altered changes a reply after it was signed.
func altered(r reply, change func(*http.Response)) reply {
	return func(got attempt) (*http.Response, error) {
		resp, err := r(got)
		change(resp)
		return resp, err
	}
}

// setBody replaces the body of a response.
func setBody(resp *http.Response, body io.Reader, length int) {
	resp.Body, resp.ContentLength = io.NopCloser(body), int64(length)
}

// truncated breaks off in the middle of the body.
func truncated(r reply) reply {
	return altered(r, func(resp *http.Response) {
		half, _ := io.ReadAll(io.LimitReader(resp.Body, resp.ContentLength/2))
		setBody(resp, io.MultiReader(bytes.NewReader(half), failingReader{io.ErrUnexpectedEOF}), int(resp.ContentLength))
	})
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// fails breaks the connection.
func fails(err error) reply {
	return func(attempt) (*http.Response, error) { return nil, err }
}

var (
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
)

// hangs does not answer before the attempt is given up.
func hangs(got attempt) (*http.Response, error) {
	ctx := got.request.Context()
	<-ctx.Done()
	return nil, ctx.Err()
}

// read and write are one call each, of the kind that their names say.
func read(ctx context.Context, c *alipayplus.Client) error {
	_, err := c.Releases.Get(ctx, "rel_1")
	return err
}

func write(ctx context.Context, c *alipayplus.Client) error {
	_, err := c.Releases.Cancel(ctx, alipayplus.ReleaseInput{ReleaseID: "rel_1"})
	return err
}

// failure is the *Error of a call, which keeps what every error promises.
func failure(t *testing.T, err error) *alipayplus.Error {
	t.Helper()
	e, ok := errors.AsType[*alipayplus.Error](err)
	require.True(t, ok, "%T: %v", err, err)
	require.NotContains(t, e.Error(), "\n")
	require.NotContains(t, e.Error(), "\r")
	require.True(t, strings.HasPrefix(e.Error(), "alipayplus: "+e.Operation+": "), e.Error())
	require.NotEmpty(t, e.Message)
	require.Equal(t, e.OutcomeUnknown, errors.Is(err, alipayplus.ErrOutcomeUnknown))
	require.Equal(t, e.Retryable, alipayplus.IsRetryable(err))
	return e
}

func unixMilli(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
