package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
)

// putRequests writes n decided requests as they would be after years of work.
func putRequests(b *testing.B, p *Platform, workspace string, n int) {
	b.Helper()
	const atOnce = 10_000
	began := now().Add(-time.Duration(n) * time.Minute)
	for first := 0; first < n; first += atOnce {
		require.NoError(b, p.cfg.store.Update(b.Context(), func(tx storage.Tx) error {
			for i := first; i < min(first+atOnce, n); i++ {
				at := began.Add(time.Duration(i) * time.Minute)
				if err := save(tx, nil, pastRequest(p, workspace, i, at)); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func pastRequest(p *Platform, workspace string, i int, at time.Time) *requestRecord {
	review := func(party alipayplus.Party) alipayplus.Review {
		return alipayplus.Review{Party: party, Status: alipayplus.ReviewApproved, StartedAt: at, DecidedAt: at.Add(time.Hour)}
	}
	return &requestRecord{Workspace: workspace, Sort: p.sortKey(at), Request: alipayplus.Request{
		ID: fmt.Sprintf("req_%012d", i), Title: fmt.Sprintf("Release Tea 1.%d.0 to ALIPAY_CN", i),
		Category: alipayplus.CategoryProgramRelease, Status: alipayplus.RequestApproved, Applicant: "olga",
		ReleaseID: fmt.Sprintf("rel_%012d", i), ProgramID: "2100000000000001",
		Version: alipayplus.VersionNumber{Major: 1, Minor: int32(i)}, TargetApp: alipayplus.TargetAlipayCN,
		Reviews:   []alipayplus.Review{review(alipayplus.PartyAlipayPlus), review(alipayplus.PartyAlipayCN)},
		CreatedAt: at, FinishedAt: at.Add(time.Hour),
	}}
}

// BenchmarkListPage: a page costs the same however many requests there are, at
// the beginning of the list, in its middle, and filtered by status.
func BenchmarkListPage(b *testing.B) {
	b.Run("memory", func(b *testing.B) { benchmarkListPage(b, func() storage.Store { return storage.NewMemory() }) })
	b.Run("bolt", func(b *testing.B) {
		benchmarkListPage(b, func() storage.Store {
			store, err := bolt.Open(b.TempDir())
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, store.Close()) })
			return store
		})
	})
}

func benchmarkListPage(b *testing.B, newStore func() storage.Store) {
	for _, n := range []int{1_000, 1_000_000} {
		p, owner := ownedPlatform(b, WithStore(newStore()))
		putRequests(b, p, owner.WorkspaceID, n)
		by := memberCaller(b, p, owner)
		list := func(in alipayplus.ListRequestsInput) *alipayplus.Page[alipayplus.Request] {
			page, err := benchList(b.Context(), p, by, in)
			require.NoError(b, err)
			return page
		}
		middle := list(alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Limit: 100}}).NextCursor
		for _, bc := range []struct {
			name string
			in   alipayplus.ListRequestsInput
		}{
			{"first", alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Limit: 20}}},
			{"later", alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Limit: 20, Cursor: middle}}},
			{"by status", alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Limit: 20}, Status: alipayplus.RequestApproved}},
		} {
			b.Run(fmt.Sprintf("%s/%d", bc.name, n), func(b *testing.B) {
				b.ReportAllocs()
				var durations []time.Duration
				for b.Loop() {
					began := time.Now()
					require.Len(b, list(bc.in).Items, 20)
					durations = append(durations, time.Since(began))
				}
				slices.Sort(durations)
				b.ReportMetric(float64(durations[len(durations)/2].Microseconds()), "p50-µs")
				b.ReportMetric(float64(durations[len(durations)*99/100].Microseconds()), "p99-µs")
			})
		}
	}
}

// benchList lists past authentication: signatures cost the same everywhere.
func benchList(ctx context.Context, p *Platform, owner caller, in alipayplus.ListRequestsInput) (*alipayplus.Page[alipayplus.Request], error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	done := executeAs(ctx, p, owner, contract.RequestList, "", body)
	var got struct {
		Data alipayplus.Page[alipayplus.Request] `json:"data"`
	}
	err = json.Unmarshal(done.body, &got)
	return &got.Data, err
}

// BenchmarkAllRequests ranges over a million requests with a client, in process
// and signed. The metric live-MiB is the most that the heap has grown by on the
// way: it must not depend on how many there are.
func BenchmarkAllRequests(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p, owner := ownedPlatform(b)
			putRequests(b, p, owner.WorkspaceID, n)
			client, err := p.Client(b.Context(), owner.WorkspaceID, owner.Name)
			require.NoError(b, err)
			before, most := liveHeap(), uint64(0)
			for b.Loop() {
				seen := 0
				for _, err := range client.Requests.All(b.Context(), alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Limit: 100}}) {
					require.NoError(b, err)
					if seen++; seen%(n/5) == 0 {
						most = max(most, liveHeap())
					}
				}
				require.Equal(b, n, seen)
			}
			b.ReportMetric(float64(most-min(most, before))/(1<<20), "live-MiB")
		})
	}
}

// liveHeap is what is in use right after a garbage collection, in bytes.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkWrites changes configurations, past authentication: one member after
// another, and all at the same time on mini programs of their own. The store
// runs one update at a time, so both take as long.
func BenchmarkWrites(b *testing.B) {
	for _, bc := range []struct {
		name string
		run  func(b *testing.B, write func(worker, i int))
	}{
		{"serial", func(b *testing.B, write func(worker, i int)) {
			i := 0
			for b.Loop() {
				write(0, i)
				i++
			}
		}},
		{"parallel", func(b *testing.B, write func(worker, i int)) {
			var workers atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				worker := int(workers.Add(1))
				for i := 0; pb.Next(); i++ {
					write(worker, i)
				}
			})
		}},
	} {
		b.Run(bc.name, func(b *testing.B) {
			p, owner := ownedPlatform(b)
			programs := benchPrograms(b, p, owner, 1+4*runtime.GOMAXPROCS(0))
			by := memberCaller(b, p, owner)
			b.ReportAllocs()
			bc.run(b, func(worker, i int) {
				body := fmt.Appendf(nil, `{"programId":%q,"configuration":{"serverDomains":["api%d.bluelake.example"]},"requestId":"call-%d-%d"}`,
					programs[worker], i, worker, i)
				done := executeAs(context.Background(), p, by, contract.ProgramConfigure, "", body)
				if done.status != http.StatusOK {
					b.Errorf("%s", done.body)
				}
			})
		})
	}
}

func benchPrograms(b *testing.B, p *Platform, owner Member, n int) []string {
	b.Helper()
	ids := make([]string, n)
	require.NoError(b, p.cfg.store.Update(b.Context(), func(tx storage.Tx) error {
		for i := range ids {
			r := &programRecord{Workspace: owner.WorkspaceID, Sort: p.sortKey(now()), Program: alipayplus.Program{
				ID: newProgramID(), DefaultLanguage: "zh-CN", Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "Tea"}},
			}}
			if err := save(tx, nil, r); err != nil {
				return err
			}
			ids[i] = r.ID
		}
		return nil
	}))
	return ids
}
