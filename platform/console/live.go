package console

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/platform"
)

const (
	// pollEvery is how often the store is asked what has changed while pages are open.
	pollEvery = 500 * time.Millisecond
	// streamTime is how long a page is told of changes before it has to ask again, with a
	// session that is still good.
	streamTime = time.Minute
	// writeTime is how long a page may take to read an event.
	writeTime = 5 * time.Second
)

// live tells open pages that something has changed. One of the requests of open pages asks
// the store for all of them; when it ends, another one goes on.
type live struct {
	marks func(context.Context, []*platform.Session) ([]string, error)
	// polling is held by the request that asks the store, and guards the marks of streams.
	polling chan struct{}
	mu      sync.Mutex
	open    map[*stream]struct{}
}

// stream is one open page.
type stream struct {
	session *platform.Session
	// mark is what the page knows, see [platform.Platform.Marks].
	mark string
	// changed holds the newest mark that the page was not told of yet.
	changed chan string
	// send tells the page.
	send func(mark string) error
}

func newLive(marks func(context.Context, []*platform.Session) ([]string, error)) *live {
	return &live{marks: marks, polling: make(chan struct{}, 1), open: map[*stream]struct{}{}}
}

// follow tells a page of each change after mark that its session may see, until the context
// ends, stopping is closed, or it cannot be told any more.
func (l *live) follow(ctx context.Context, stopping <-chan struct{}, session *platform.Session, mark string, send func(mark string) error) error {
	s := &stream{session: session, mark: mark, changed: make(chan string, 1), send: send}
	l.mu.Lock()
	l.open[s] = struct{}{}
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		delete(l.open, s)
		l.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-stopping:
			return nil
		case mark := <-s.changed:
			if err := s.send(mark); err != nil {
				return err
			}
		case l.polling <- struct{}{}:
			err := l.poll(ctx, stopping, s)
			<-l.polling
			return err
		}
	}
}

// poll asks the store for all open pages, as long as its own one is open.
func (l *live) poll(ctx context.Context, stopping <-chan struct{}, own *stream) error {
	every := time.NewTicker(pollEvery)
	defer every.Stop()
	l.ask(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-stopping:
			return nil
		case mark := <-own.changed:
			if err := own.send(mark); err != nil {
				return err
			}
		case <-every.C:
			l.ask(ctx)
		}
	}
}

// ask asks the store once, and wakes the pages for which something has changed. A store
// that does not answer is asked again.
func (l *live) ask(ctx context.Context) {
	l.mu.Lock()
	streams := slices.Collect(maps.Keys(l.open))
	l.mu.Unlock()
	sessions := make([]*platform.Session, len(streams))
	for i, s := range streams {
		sessions[i] = s.session
	}
	marks, err := l.marks(ctx, sessions)
	if err != nil {
		return
	}
	for i, s := range streams {
		if s.mark == marks[i] {
			continue
		}
		s.mark = marks[i]
		select {
		case <-s.changed: // it was not told of the former change yet
		default:
		}
		s.changed <- s.mark
	}
}

// follow answers an open page with an event for each change that it may show. The page says
// what it knows: the mark it was made at, or after a pause the last event.
func (v *visit) follow() error {
	ctx, cancel := context.WithTimeout(v.ctx(), streamTime)
	defer cancel()
	to := http.NewResponseController(v.w)
	write := func(event string) error {
		_ = to.SetWriteDeadline(time.Now().Add(writeTime)) // a writer without deadlines has none to pass
		if _, err := v.w.Write([]byte(event)); err != nil {
			return err
		}
		return to.Flush()
	}
	v.w.Header().Set("Content-Type", "text/event-stream")
	v.w.Header().Set("X-Accel-Buffering", "no") // or a proxy may keep the events
	if write("retry: 1000\n\n") != nil {
		return nil // the browser has left
	}
	known := cmp.Or(v.r.Header.Get("Last-Event-ID"), v.r.URL.Query().Get("mark"))
	_ = v.live.follow(ctx, platform.Stopping(v.ctx()), v.session, known, func(mark string) error {
		return write("id: " + mark + "\nevent: change\ndata:\n\n")
	})
	return nil
}
