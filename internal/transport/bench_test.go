package transport

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// memory answers at once, with 191 bytes.
type memory struct{}

var answer191 = strings.Repeat("a", 191)

func (memory) RoundTrip(req *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, req.Body)
	_ = req.Body.Close()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer191)), ContentLength: 191}, nil
}

var body949 = bytes.Repeat([]byte("b"), 949)

// The same request and answer with net/http alone and with this package; the difference is what the layer costs.
func BenchmarkDo(b *testing.B) {
	for _, limit := range []time.Duration{0, time.Minute} {
		b.Run("net/http/timeout="+limit.String(), func(b *testing.B) {
			client := &http.Client{Transport: memory{}, Timeout: limit}
			b.ReportAllocs()
			for b.Loop() {
				if err := plain(b.Context(), client); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("transport/timeout="+limit.String(), func(b *testing.B) {
			tr := New(Options{HTTPClient: &http.Client{Transport: memory{}}, UserAgent: "agent", Attempts: 4, AttemptTimeout: limit})
			c := &Call{Operation: "things.create", Method: http.MethodPost, URL: address, ContentType: "application/json", Body: body949, Judge: byStatus}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tr.Do(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func plain(ctx context.Context, client *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body949))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "agent")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

// The layer's price is counted in allocations, which are the same on every machine.
func TestPriceInAllocations(t *testing.T) {
	client := &http.Client{Transport: memory{}}
	tr := New(Options{HTTPClient: client, UserAgent: "agent", Attempts: 4})
	c := &Call{Operation: "things.create", Method: http.MethodPost, URL: address, ContentType: "application/json", Body: body949, Judge: func(*Answer) Verdict { return Verdict{} }}

	alone := testing.AllocsPerRun(100, func() { _ = plain(t.Context(), client) })
	ours := testing.AllocsPerRun(100, func() { _, _ = tr.Do(t.Context(), c) })

	if ours > alone+12 {
		t.Errorf("net/http alone: %v allocations, with transport: %v", alone, ours)
	}
}
