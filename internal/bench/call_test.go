package bench_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// A whole call over loopback: marshal, sign, send, read, verify, unmarshal.
// Beside it stands its floor, the same exchange written with net/http,
// crypto/rsa and encoding/json alone: same request, same headers, same limit of
// time, whole answer read and verified.

const (
	path     = "/api/open/v2/release/apply"
	clientID = "2021550000000001"
	answer   = `{"result":{"resultStatus":"S","resultCode":"SUCCESS","resultMessage":"success"},"requestId":"k","data":` +
		`{"id":"rel_1","programId":"mp_1","version":"1.2.3","targetApp":"ALIPAY_CN","status":"UNDER_REVIEW",` +
		`"configuration":{"serverDomains":["api.bluelake.example"]},"grayscale":{"ratio":0,"ladder":[1,5,10,20,30,50,100]},` +
		`"createdBy":"olga","createdAt":"2026-11-21T10:11:12Z","updatedBy":"olga","updatedAt":"2026-11-21T10:11:12Z"}}`
)

func application() alipayplus.ApplyInput {
	return alipayplus.ApplyInput{
		ReleaseID: "rel_1", RequestID: "k",
		BasicInfo: &alipayplus.BusinessRegistration{
			CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
			Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
		},
	}
}

// server answers every request with the same signed answer, so that it costs
// next to nothing beside the client.
func server(tb testing.TB) *httptest.Server {
	tb.Helper()
	at := time.Now().Format(time.RFC3339Nano)
	signature, err := sign(at, []byte(answer))
	require.NoError(tb, err)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h := w.Header()
		h["Content-Type"] = []string{"application/json; charset=UTF-8"}
		h["Client-Id"] = []string{clientID}
		h["Response-Time"] = []string{at}
		h["Signature"] = []string{signature}
		_, _ = io.WriteString(w, answer)
	}))
	tb.Cleanup(s.Close)
	return s
}

// calls are the call by this library and by the floor.
func calls(tb testing.TB) map[string]func(context.Context) error {
	tb.Helper()
	base := server(tb).URL
	c, err := alipayplus.New(
		alipayplus.WithBaseURL(base), alipayplus.WithClientID(clientID), alipayplus.WithSigner(testkey.Key()),
		alipayplus.WithPlatformKey("1", testkey.Key().Public()), alipayplus.WithMaxClockSkew(24*time.Hour),
	)
	require.NoError(tb, err)
	plain := &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second}
	tb.Cleanup(plain.CloseIdleConnections)
	return map[string]func(context.Context) error{
		"client": func(ctx context.Context) error {
			_, err := c.Releases.Apply(ctx, application())
			return err
		},
		"floor": func(ctx context.Context) error { return floor(ctx, plain, base) },
	}
}

func digest(at string, body []byte) [sha256.Size]byte {
	message := append([]byte("POST "+path+"\n"+clientID+"."+at+"."), body...)
	return sha256.Sum256(message)
}

func sign(at string, body []byte) (string, error) {
	sum := digest(at, body)
	signature, err := rsa.SignPKCS1v15(nil, testkey.Key(), crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return "algorithm=RSA256, keyVersion=1, signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature)), nil
}

func verify(header, at string, body []byte) error {
	_, escaped, _ := strings.Cut(header, "signature=")
	text, err := url.PathUnescape(escaped)
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	sum := digest(at, body)
	return rsa.VerifyPKCS1v15(&testkey.Key().PublicKey, crypto.SHA256, sum[:], signature)
}

func floor(ctx context.Context, client *http.Client, base string) error {
	body, err := json.Marshal(application())
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	at := time.Now().Format("2006-01-02T15:04:05.000Z07:00")
	signature, err := sign(at, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json; charset=UTF-8")
	req.Header.Set("User-Agent", "alipayplus-go")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Client-Id", clientID)
	req.Header.Set("Request-Time", at)
	req.Header.Set("Signature", signature)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if err := verify(resp.Header.Get("Signature"), resp.Header.Get("Response-Time"), text); err != nil {
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
		return fmt.Errorf("HTTP %d, %s", resp.StatusCode, got.Result.ResultCode)
	}
	return nil
}

func BenchmarkCallOverLoopback(b *testing.B) {
	for name, call := range calls(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := call(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The two do the same, or comparing them would mean nothing.
func TestBothCallsSucceed(t *testing.T) {
	for name, call := range calls(t) {
		require.NoError(t, call(t.Context()), name)
	}
}
