package alipayplus

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// The price of a call, without cryptography and without a network: what is left
// is what this library can influence. Beside each call stands its floor, the
// same exchange written with net/http and encoding/json alone, with the same
// limit of time.

const (
	answerJSON = `{"result":{"resultStatus":"S","resultCode":"SUCCESS","resultMessage":"success"},"requestId":"k","data":` +
		`{"id":"rel_1","programId":"mp_1","version":"1.2.3","targetApp":"ALIPAY_CN","status":"UNDER_REVIEW",` +
		`"configuration":{"serverDomains":["api.bluelake.example"]},"grayscale":{"ratio":0,"ladder":[1,5,10,20,30,50,100]},` +
		`"createdBy":"olga","createdAt":"2026-11-21T10:11:12Z","updatedBy":"olga","updatedAt":"2026-11-21T10:11:12Z"}}`
	benchURL = "https://gateway.example.com"
)

// noSignature has the length of a real one.
func noSignature() []byte { return bytes.Repeat([]byte{0x6b, 0xf5, 0x1c, 0x02}, 64) }

// idle is a signer that does no work.
type idle struct{ signature []byte }

func (idle) Public() crypto.PublicKey { return testkey.Key().Public() }

func (s idle) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return s.signature, nil }

// memory answers every request at once and alike.
type memory struct{ header http.Header }

func newMemory() memory {
	return memory{http.Header{
		"Content-Type":  {jsonContent},
		"Client-Id":     {"me"},
		"Response-Time": {time.Now().Format(isoTime)},
		"Trace-Id":      {"trace"},
		"Signature":     {signing.Header{KeyVersion: "1", Signature: noSignature()}.String()},
	}}
}

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	_ = r.Body.Close()
	return &http.Response{
		StatusCode: http.StatusOK, Header: m.header,
		Body: io.NopCloser(strings.NewReader(answerJSON)), ContentLength: int64(len(answerJSON)),
	}, nil
}

func benchClient(tb testing.TB) *Client {
	tb.Helper()
	c, err := New(
		WithBaseURL(benchURL), WithClientID("me"), WithSigner(idle{noSignature()}),
		WithPlatformKey("1", testkey.PublicPEM()), WithHTTPClient(&http.Client{Transport: newMemory()}),
		WithMaxClockSkew(24*time.Hour),
	)
	require.NoError(tb, err)
	c.verifySignature = func(*rsa.PublicKey, []byte, []byte) error { return nil }
	return c
}

func application() ApplyInput {
	return ApplyInput{
		ReleaseID: "rel_1", RequestID: "k",
		BasicInfo: &BusinessRegistration{
			CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
			Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
		},
	}
}

// exchanges are a read and a write, by this library and by the floor.
func exchanges(tb testing.TB) map[string][2]func(context.Context) error {
	tb.Helper()
	c := benchClient(tb)
	plain := &http.Client{Transport: newMemory(), Timeout: 30 * time.Second}
	signature := signing.Header{KeyVersion: "1", Signature: noSignature()}.String()
	return map[string][2]func(context.Context) error{
		"read": {
			func(ctx context.Context) error {
				_, err := c.Releases.Get(ctx, "rel_1")
				return err
			},
			func(ctx context.Context) error {
				return floor(ctx, plain, "/api/open/v2/release/query", ReleaseInput{ReleaseID: "rel_1"}, signature)
			},
		},
		"write": {
			func(ctx context.Context) error {
				_, err := c.Releases.Apply(ctx, application())
				return err
			},
			func(ctx context.Context) error {
				return floor(ctx, plain, "/api/open/v2/release/apply", application(), signature)
			},
		},
	}
}

// floor sends the same headers, reads the whole answer and decodes it.
func floor(ctx context.Context, client *http.Client, path string, in any, signature string) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, benchURL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", jsonContent)
	req.Header.Set("User-Agent", "alipayplus-go")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Client-Id", "me")
	req.Header.Set("Request-Time", time.Now().Format(isoTime))
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
	var got struct {
		Result struct {
			ResultStatus, ResultCode, ResultMessage string
		}
		RequestID string
		Data      *Release
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK || got.Result.ResultStatus != "S" {
		return fmt.Errorf("HTTP %d, %s", resp.StatusCode, got.Result.ResultCode)
	}
	return nil
}

func BenchmarkCallInMemory(b *testing.B) {
	for kind, both := range exchanges(b) {
		for i, name := range []string{"client", "floor"} {
			b.Run(kind+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := both[i](b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// A call costs at most 35 allocations more than its floor. Allocations are the
// same on every machine; times are for the benchmark.
func TestPriceInAllocations(t *testing.T) {
	for kind, both := range exchanges(t) {
		count := func(exchange func(context.Context) error) float64 {
			require.NoError(t, exchange(t.Context()))
			return testing.AllocsPerRun(100, func() { _ = exchange(t.Context()) })
		}

		ours, theirs := count(both[0]), count(both[1])

		require.LessOrEqual(t, ours, theirs+35, kind)
		t.Logf("%s: %v allocations, floor %v", kind, ours, theirs)
	}
}
