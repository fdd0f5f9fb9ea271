package console

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

// counted are marks that a test changes, and how often they were asked for.
type counted struct {
	mark  atomic.Int64
	asked atomic.Int64
}

func (c *counted) marks(_ context.Context, of []*platform.Session) ([]string, error) {
	c.asked.Add(1)
	out := make([]string, len(of))
	for i := range out {
		out[i] = strconv.FormatInt(c.mark.Load(), 10)
	}
	return out, nil
}

// 200 open pages cost one poll of the store, and an event reaches all within a second.
func TestAnEventReachesAllPagesWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pages = 200
		store := &counted{}
		l := newLive(store.marks)
		var told [pages]atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		var open sync.WaitGroup
		for i := range pages {
			open.Go(func() {
				_ = l.follow(ctx, nil, &platform.Session{}, "0", func(string) error { told[i].Add(1); return nil })
			})
		}
		synctest.Wait()
		before := store.asked.Load()
		for event := int64(1); event <= 5; event++ {
			store.mark.Add(1)
			time.Sleep(time.Second)
			synctest.Wait()
			for i := range told {
				require.Equal(t, event, told[i].Load())
			}
		}
		require.Equal(t, before+10, store.asked.Load(), "twice a second, for all")
		cancel()
		open.Wait()
		store.mark.Add(1)
		asked := store.asked.Load()
		time.Sleep(time.Minute)
		require.Equal(t, asked, store.asked.Load(), "nobody is there")
		require.Empty(t, l.open)
	})
}

// When the page that asks for all is closed, another one goes on.
func TestAnotherPageGoesOnAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counted{}
		l := newLive(store.marks)
		var told [3]atomic.Int64
		stop := map[int]context.CancelFunc{}
		var open sync.WaitGroup
		for i := range told {
			ctx, cancel := context.WithCancel(t.Context())
			stop[i] = cancel
			open.Go(func() {
				_ = l.follow(ctx, nil, &platform.Session{}, "0", func(string) error { told[i].Add(1); return nil })
			})
			synctest.Wait()
		}
		for i := range 2 {
			stop[i]()
			synctest.Wait()
			store.mark.Add(1)
			time.Sleep(time.Second)
			require.EqualValues(t, i+1, told[2].Load())
		}
		stop[2]()
		open.Wait()
		require.Zero(t, told[0].Load())
		require.EqualValues(t, 1, told[1].Load())
	})
}

// What changed between the making of a page and its first question is not missed, and a
// page is told the newest state alone, however slow it is.
func TestNoChangeIsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &counted{}
		store.mark.Store(7)
		l := newLive(store.marks)
		ctx, cancel := context.WithCancel(t.Context())
		var marks []string
		var open sync.WaitGroup
		open.Go(func() {
			_ = l.follow(ctx, nil, &platform.Session{}, "7", func(string) error { return nil }) // asks for both
		})
		synctest.Wait()
		open.Go(func() {
			_ = l.follow(ctx, nil, &platform.Session{}, "6", func(mark string) error {
				marks = append(marks, mark)
				time.Sleep(2100 * time.Millisecond)
				return nil
			})
		})
		time.Sleep(750 * time.Millisecond)
		for range 3 {
			store.mark.Add(1)
			time.Sleep(500 * time.Millisecond)
		}
		time.Sleep(5 * time.Second)
		cancel()
		open.Wait()
		require.Equal(t, []string{"7", "10"}, marks)
	})
}

func TestShutdownEndsOpenPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLive((&counted{}).marks)
		stopping := make(chan struct{})
		var open sync.WaitGroup
		for range 3 {
			open.Go(func() {
				_ = l.follow(t.Context(), stopping, &platform.Session{}, "0", func(string) error { return nil })
			})
		}
		synctest.Wait()
		close(stopping)
		open.Wait()
	})
}

// newServer serves a platform with a console on a socket, and signs somebody in.
func newServer(t testing.TB) (server *httptest.Server, owner *alipayplus.Client, cookie *http.Cookie) {
	t.Helper()
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithConsole(New()))
	require.NoError(t, err)
	owner, err = p.AddOwner(t.Context(), alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "1", Country: "SG", Address: "1 Lake Road", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}, "olga")
	require.NoError(t, err)
	address, err := owner.Sessions.Begin(t.Context(), alipayplus.BeginSessionInput{})
	require.NoError(t, err)
	_, token, _ := strings.Cut(address.URL, "?token=")
	_, secret, err := p.SignIn(t.Context(), token)
	require.NoError(t, err)
	server = httptest.NewUnstartedServer(nil)
	server.Config = p.Server("")
	server.Start()
	t.Cleanup(server.Close)
	return server, owner, &http.Cookie{Name: sessionCookie, Value: secret}
}

// events opens the stream of a page, and reads its first lines.
func events(t testing.TB, server *httptest.Server, cookie *http.Cookie, mark string) *bufio.Scanner {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/console/live?mark="+mark, nil)
	require.NoError(t, err)
	req.AddCookie(cookie)
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "text/event-stream", resp.Header.Get("Content-Type"))
	lines := bufio.NewScanner(resp.Body)
	require.True(t, lines.Scan())
	require.Equal(t, "retry: 1000", lines.Text())
	return lines
}

// next is the mark of the next event.
func next(t testing.TB, lines *bufio.Scanner) string {
	t.Helper()
	mark := ""
	for lines.Scan() {
		switch id, is := strings.CutPrefix(lines.Text(), "id: "); {
		case is:
			mark = id
		case lines.Text() == "" && mark != "":
			return mark
		}
	}
	require.NoError(t, lines.Err())
	require.Fail(t, "the stream ended")
	return ""
}

func TestThePageIsToldOverHTTP(t *testing.T) {
	server, owner, cookie := newServer(t)
	stream := events(t, server, cookie, "")
	first := next(t, stream)
	_, err := owner.Programs.Create(t.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en", Name: "Tea"}}})
	require.NoError(t, err)
	require.NotEqual(t, first, next(t, stream))
	require.NoError(t, server.Config.Shutdown(t.Context()), "an open page does not hold it up")
	for stream.Scan() {
		require.Empty(t, stream.Text())
	}

	other, _, _ := newServer(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, other.URL+"/console/live", nil)
	require.NoError(t, err)
	req.AddCookie(cookie)
	resp, err := other.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
}

// BenchmarkOpenPages reports what an open page costs the process, with its client's share
// of goroutines taken off.
func BenchmarkOpenPages(b *testing.B) {
	const pages = 200
	for b.Loop() {
		server, owner, cookie := newServer(b)
		conns := make([]*bufio.Scanner, pages)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		goroutines := runtime.NumGoroutine()
		for i := range conns {
			conns[i] = events(b, server, cookie, "")
		}
		for _, c := range conns {
			next(b, c)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		const clients = 2 // the goroutines of a client's connection
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/pages-clients, "goroutines/page")
		b.ReportMetric(float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/pages/1000, "kB/page")
		_, err := owner.Programs.Create(b.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en", Name: "Tea"}}})
		require.NoError(b, err)
		begun := time.Now()
		for _, c := range conns {
			next(b, c)
		}
		b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms/event")
		server.CloseClientConnections()
		server.Close()
	}
}
