package bench_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// A whole call: marshal, sign, send, read, verify, unmarshal. To see client and
// floor side by side:
//
//	go test -run '^$' -bench Calls -count 6 ./internal/bench | tee calls.txt
//	go tool -modfile=tools/go.mod benchstat -col /by calls.txt
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
// side's count too, the same ones for both.
func TestACallCostsLittleMoreThanItsFloor(t *testing.T) {
	const most = 35
	each(t, func(t *testing.T, e exchange) {
		count := func(call func(context.Context) error) float64 {
			require.NoError(t, call(t.Context()))
			var err error
			n := testing.AllocsPerRun(20, func() { err = call(t.Context()) })
			require.NoError(t, err)
			return n
		}

		client, floor := count(e.client), count(e.floor)

		require.LessOrEqual(t, client, floor+most*float64(e.calls))
		t.Logf("%.0f allocations, floor %.0f", client, floor)
	})
}
