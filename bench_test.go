package alipayplus_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// A whole call: marshal, sign, send, read, verify, unmarshal. To see client and
// floor side by side:
//
//	go test -run '^$' -bench Calls -count 6 . | tee calls.txt
//	GOWORK=off go tool -modfile=tools/pinned/go.mod benchstat -col /by calls.txt
func BenchmarkCalls(b *testing.B) {
	each(b, func(b *testing.B, e exchange) {
		for _, by := range []struct {
			name string
			call func(context.Context) error
		}{{"client", e.client}, {"floor", e.floor}} {
			b.Run("by="+by.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := by.call(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// A call costs at most 35 allocations more than its floor. Allocations are the
// same on every machine; times are for the benchmark. Over loopback the other
// side's count too, and so does now and then one that is neither's: the fewest of
// up to twenty measurements count.
func TestACallCostsLittleMoreThanItsFloor(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	if info, ok := debug.ReadBuildInfo(); ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" || s.Key == "GOEXPERIMENT" }) {
		t.Skip("the race detector empties pools at random, and the floor decodes by encoding/json, which an experiment changes")
	}
	const most = 35
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties the pools, which are filled again by allocations
	each(t, func(t *testing.T, e exchange) {
		require.NoError(t, errors.Join(e.client(t.Context()), e.floor(t.Context())))
		client, floor := math.Inf(1), math.Inf(1)
		for range 20 {
			var err error
			client = min(client, testing.AllocsPerRun(7, func() { err = errors.Join(err, e.client(t.Context())) }))
			floor = min(floor, testing.AllocsPerRun(7, func() { err = errors.Join(err, e.floor(t.Context())) }))
			require.NoError(t, err)
			if client <= floor+most*float64(e.calls) {
				break
			}
		}

		require.LessOrEqual(t, client, floor+most*float64(e.calls))
		t.Logf("%.0f allocations, floor %.0f", client, floor)
	})
}

// An application with three screenshots from disk, in all of the given size. The
// bytes allocated for one are to be the same for all sizes.
func BenchmarkApplyWithScreenshots(b *testing.B) {
	for _, kilobytes := range []int64{30, 300, 3_000, 10_000} {
		b.Run(fmt.Sprintf("files=%dkB", kilobytes), func(b *testing.B) {
			c := cnClientOverLoopback(b)
			in := cnApplication(b, kilobytes*1000)
			b.SetBytes(kilobytes * 1000)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Versions.Apply(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func cnClientOverLoopback(tb testing.TB) *alipaycn.Client {
	tb.Helper()
	base, via := overLoopback(tb, alipayCN().peer(tb))
	return cnClient(tb, base, via)
}

func cnApplication(tb testing.TB, size int64) alipaycn.ApplyInput {
	tb.Helper()
	in := alipaycn.ApplyInput{Version: alipayplus.VersionNumber{Patch: 1}, Description: "signing in every day, and paying mended"}
	for i := range 3 {
		in.ScreenShots = append(in.ScreenShots, screenshot(tb, fmt.Sprintf("shot%d.png", i), size/3))
	}
	return in
}

// screenshot is a file on disk: a picture, and zeros behind its end.
func screenshot(tb testing.TB, name string, size int64) alipaycn.File {
	tb.Helper()
	file, err := os.Create(filepath.Join(tb.TempDir(), name))
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = file.Close() })
	require.NoError(tb, png.Encode(file, image.NewGray(image.Rect(0, 0, 100, 200))))
	require.NoError(tb, file.Truncate(size))
	return alipaycn.File{Name: name, Content: file, Size: size}
}

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
type peer map[string]signedReply

type signedReply struct {
	header http.Header
	body   string
}

func (a api) peer(tb testing.TB) peer {
	tb.Helper()
	p := peer{}
	for path, body := range a.answers {
		p[path] = signedReply{a.signed(tb, path, body), body}
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

func inMemory(_ testing.TB, p peer) (base string, via *http.Client) {
	return "https://gateway.example.com", &http.Client{Transport: p, Timeout: 30 * time.Second}
}

func overLoopback(tb testing.TB, p peer) (base string, via *http.Client) {
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
		}{{"memory", inMemory}, {"loopback", overLoopback}} {
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

const (
	clientID    = "2021550000000001"
	queryPath   = "/api/open/v2/release/query"
	applyPath   = "/api/open/v2/release/apply"
	jsonUTF8    = "application/json; charset=UTF-8"
	plusRelease = `{"result":{"resultStatus":"S","resultCode":"SUCCESS","resultMessage":"success"},"requestId":"k","data":` +
		`{"id":"rel_1","programId":"mp_1","version":"1.2.3","targetApp":"ALIPAY_CN","status":"UNDER_REVIEW",` +
		`"configuration":{"serverDomains":["api.bluelake.example"]},"grayscale":{"ratio":0,"ladder":[1,5,10,20,30,50,100]},` +
		`"createdBy":"olga","createdAt":"2026-11-21T10:11:12Z","updatedBy":"olga","updatedAt":"2026-11-21T10:11:12Z"}}`
)

func alipayPlus() api {
	return api{
		name:    "alipayplus",
		answers: map[string]string{queryPath: plusRelease, applyPath: plusRelease},
		signed: func(tb testing.TB, path, body string) http.Header {
			tb.Helper()
			at := time.Now().Format(time.RFC3339Nano)
			return http.Header{
				"Content-Type": {jsonUTF8}, "Client-Id": {clientID}, "Response-Time": {at},
				"Signature": {plusHeader(platformSignature(tb, string(plusContent(path, at, []byte(body)))))},
			}
		},
		exchanges: func(tb testing.TB, base string, via *http.Client) []exchange {
			tb.Helper()
			c, err := alipayplus.New(
				alipayplus.WithBaseURL(base), alipayplus.WithClientID(clientID), alipayplus.WithSigner(testkey.Client()),
				alipayplus.WithPlatformKey("1", testkey.PublicPEM()), alipayplus.WithMaxClockSkew(24*time.Hour),
				alipayplus.WithHTTPClient(via),
			)
			require.NoError(tb, err)
			return []exchange{
				{"read", 1, func(ctx context.Context) error {
					_, err := c.Releases.Get(ctx, "rel_1")
					return err
				}, func(ctx context.Context) error {
					return plusFloor(ctx, via, base, queryPath, alipayplus.ReleaseInput{ReleaseID: "rel_1"})
				}},
				{"write", 1, func(ctx context.Context) error {
					_, err := c.Releases.Apply(ctx, plusApplication())
					return err
				}, func(ctx context.Context) error { return plusFloor(ctx, via, base, applyPath, plusApplication()) }},
			}
		},
	}
}

func plusApplication() alipayplus.ApplyInput {
	return alipayplus.ApplyInput{ReleaseID: "rel_1", RequestID: "k", BasicInfo: new(business())}
}

func plusFloor(ctx context.Context, via *http.Client, base, path string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	at := time.Now().Format("2006-01-02T15:04:05.000Z07:00")
	signed, err := signature(testkey.Client(), plusContent(path, at, body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", jsonUTF8)
	req.Header.Set("User-Agent", "alipayplus-go")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Client-Id", clientID)
	req.Header.Set("Request-Time", at)
	req.Header.Set("Signature", plusHeader(signed))
	h, text, err := fetched(via, req)
	if err != nil {
		return err
	}
	_, escaped, _ := strings.Cut(h.Get("Signature"), "signature=")
	given, err := url.PathUnescape(escaped)
	if err != nil {
		return err
	}
	if err := verify(&testkey.Key().PublicKey, plusContent(path, h.Get("Response-Time"), text), given); err != nil {
		return err
	}
	var got struct {
		Result struct{ ResultStatus, ResultCode, ResultMessage string }
		Data   *alipayplus.Release
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return err
	}
	if got.Result.ResultStatus != "S" {
		return fmt.Errorf("refused: %s", got.Result.ResultCode)
	}
	return nil
}

// plusContent is what is signed of a request or an answer.
func plusContent(path, at string, body []byte) []byte {
	return append([]byte("POST "+path+"\n"+clientID+"."+at+"."), body...)
}

func plusHeader(signature string) string {
	return "algorithm=RSA256, keyVersion=1, signature=" + url.QueryEscape(signature)
}

const (
	appID       = "2021009900000101"
	appToken    = "202611BBshared"
	detailPath  = "/v3/alipay/open/mini/version/detail/query"
	grayPath    = "/v3/alipay/open/mini/version/gray/online"
	offlinePath = "/v3/alipay/open/mini/version/offline"
	auditPath   = "/v3/alipay/open/mini/version/audit/apply"
	jsonOnly    = "application/json"
	cnDetail    = `{"app_version":"0.0.1","status":"WAIT_RELEASE","version_desc":"the first one","scan_result":"True",` +
		`"gmt_create":"2026-11-21 10:11:12","gmt_apply_audit":"2026-11-21 11:11:12","gmt_audit_end":"2026-11-21 12:11:12",` +
		`"app_name":"Blue Lake Tea","app_slogan":"tea by the lake","app_desc":"orders tea","service_phone":"0571-12345678"}`
)

func alipayCN() api {
	return api{
		name:    "alipaycn",
		answers: map[string]string{detailPath: cnDetail, grayPath: "{}", offlinePath: "{}", auditPath: "{}"},
		signed: func(tb testing.TB, _, body string) http.Header {
			tb.Helper()
			at := strconv.FormatInt(time.Now().UnixMilli(), 10)
			return http.Header{
				"Content-Type": {jsonOnly}, "Alipay-Timestamp": {at}, "Alipay-Nonce": {"n"}, "Alipay-Trace-Id": {"trace"},
				"Alipay-Signature": {platformSignature(tb, at+"\nn\n"+body+"\n")},
			}
		},
		exchanges: func(tb testing.TB, base string, via *http.Client) []exchange {
			tb.Helper()
			c := cnClient(tb, base, via)
			version := alipayplus.VersionNumber{Patch: 1}
			gray := alipaycn.GrayInput{Version: version, Strategy: alipaycn.GrayP10}
			read := func(ctx context.Context) error {
				target := detailPath + "?" + url.Values{"app_version": {version.String()}}.Encode()
				return cnFloor(ctx, via, http.MethodGet, base, target, nil, new(alipaycn.VersionDetail))
			}
			write := func(ctx context.Context, path string, in any) error {
				body, err := json.Marshal(in)
				if err != nil {
					return err
				}
				return cnFloor(ctx, via, http.MethodPost, base, path, body, new(struct{}))
			}
			return []exchange{
				{"read", 1, func(ctx context.Context) error {
					_, err := c.Versions.Get(ctx, alipaycn.VersionInput{Version: version})
					return err
				}, read},
				{"write", 1, func(ctx context.Context) error {
					return c.Versions.TakeOffline(ctx, alipaycn.VersionInput{Version: version})
				}, func(ctx context.Context) error {
					return write(ctx, offlinePath, alipaycn.VersionInput{Version: version})
				}},
				{"write-after-read", 2, func(ctx context.Context) error { return c.Versions.StartGray(ctx, gray) }, func(ctx context.Context) error {
					if err := read(ctx); err != nil {
						return err
					}
					return write(ctx, grayPath, gray)
				}},
			}
		},
	}
}

func cnClient(tb testing.TB, base string, via *http.Client) *alipaycn.Client {
	tb.Helper()
	c, err := alipaycn.New(
		alipaycn.WithEndpoint(base), alipaycn.WithAppID(appID), alipaycn.WithAppAuthToken(appToken),
		alipaycn.WithSigner(testkey.Client()), alipaycn.WithAlipayPublicKey(testkey.PublicPEM()), alipaycn.WithHTTPClient(via),
	)
	require.NoError(tb, err)
	return c
}

// cnFloor is one call of AlipayCN's V3. body is nil for a read.
func cnFloor(ctx context.Context, via *http.Client, method, base, target string, body []byte, got any) error {
	var sent io.Reader
	if body != nil {
		sent = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, base+target, sent)
	if err != nil {
		return err
	}
	auth := "app_id=" + appID + ",nonce=" + rand.Text() + ",timestamp=" + strconv.FormatInt(time.Now().UnixMilli(), 10)
	signed, err := signature(testkey.Client(), []byte(auth+"\n"+method+"\n"+target+"\n"+string(body)+"\n"+appToken+"\n"))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "ALIPAY-SHA256withRSA "+auth+",sign="+signed)
	if body != nil {
		req.Header.Set("Content-Type", jsonOnly)
	}
	req.Header.Set("Accept", jsonOnly)
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "alipayplus-go")
	req.Header.Set("Alipay-Request-Id", rand.Text())
	req.Header.Set("Alipay-App-Auth-Token", appToken)
	h, text, err := fetched(via, req)
	if err != nil {
		return err
	}
	content := h.Get("Alipay-Timestamp") + "\n" + h.Get("Alipay-Nonce") + "\n" + string(text) + "\n"
	if err := verify(&testkey.Key().PublicKey, []byte(content), h.Get("Alipay-Signature")); err != nil {
		return err
	}
	return json.Unmarshal(text, got)
}
