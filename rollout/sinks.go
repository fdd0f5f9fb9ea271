package rollout

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// NDJSONSink writes each event as one JSON object in a line of its own, in a single
// Write. It is safe for concurrent use; its error is that of the writer.
func NDJSONSink(w io.Writer) Sink {
	var mu sync.Mutex
	return func(_ context.Context, e Event) error {
		mu.Lock()
		defer mu.Unlock()
		if err := json.NewEncoder(w).Encode(e); err != nil { // one Write; a kept encoder would keep an error too
			return fmt.Errorf("rollout: write the event %s: %w", e.Kind, err)
		}
		return nil
	}
}

// SlogSink logs events: as warnings what stops or delays a rollout
// (PAUSED, ABORTED, ENDED, RETRYING, REFUSED), as debug lines WAITING, all others as
// information. The message is Event.What, the time Event.At. It is safe for
// concurrent use; its error is that of the logger's handler.
func SlogSink(logger *slog.Logger) Sink {
	return func(ctx context.Context, e Event) error {
		level := e.Kind.level()
		if !logger.Enabled(ctx, level) {
			return nil
		}
		record := slog.NewRecord(e.At, level, e.What, 0)
		record.AddAttrs(e.attrs()...)
		return logger.Handler().Handle(ctx, record)
	}
}

func (k EventKind) level() slog.Level {
	switch k {
	case EventPaused, EventAborted, EventEnded, EventRetrying, EventRefused, EventFailed:
		return slog.LevelWarn
	case EventWaiting:
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

// attrs are the fields of the event that are not empty, except its text and time.
func (e Event) attrs() []slog.Attr {
	attrs := []slog.Attr{
		slog.String("event", string(e.Kind)),
		slog.String("rollout", e.Rollout),
		slog.String("target", e.Target),
		slog.String("status", string(e.Status)),
		slog.Int("ratio", int(e.Ratio)),
	}
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	text("program", cmp.Or(e.Subject.Name, e.Subject.Program))
	text("version", e.Subject.Version)
	if e.From != 0 || e.To != 0 {
		attrs = append(attrs, slog.Int("from", int(e.From)), slog.Int("to", int(e.To)))
	}
	text("change", string(e.Change))
	text("gate", e.Gate)
	if e.Verdict != nil {
		text("decision", string(e.Verdict.Decision))
	}
	if !e.Until.IsZero() {
		attrs = append(attrs, slog.String("until", e.Until.UTC().Format(time.RFC3339)))
	}
	text("by", e.By)
	if !strings.Contains(e.What, e.Error) { // the message has it already
		text("error", e.Error)
	}
	return attrs
}

// repeatEvery is how often [LineSink] repeats a line that says nothing new.
const repeatEvery = 10 * time.Minute

// LineSink writes each event as one line of text, in a single Write: time, rollout, kind,
// and what happened. What repeats itself (WAITING, RETRYING, and a gate's decision) is
// written when it says something new, and every ten minutes as a sign of life. Text of
// others cannot steer a terminal. It is safe for concurrent use; its error is that of the
// writer.
func LineSink(w io.Writer) Sink {
	var mu sync.Mutex
	written := make(map[string]map[string]repeated)
	return func(_ context.Context, e Event) error {
		mu.Lock()
		defer mu.Unlock()
		if !isNews(written, e) {
			return nil
		}
		text := e.What
		if e.By != "" && !strings.Contains(text, " by "+e.By) {
			text += " (by " + e.By + ")"
		}
		if !e.Until.IsZero() {
			text += ", until " + e.Until.UTC().Format(time.RFC3339)
		}
		line := printable(fmt.Sprintf("%s %s: %s: %s", e.At.UTC().Format(time.RFC3339), titleOf(e.Rollout, e.Target, e.Subject), e.Kind, text))
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			delete(written, e.Rollout) // it may not have been read
			return fmt.Errorf("rollout: write the event %s: %w", e.Kind, err)
		}
		return nil
	}
}

// repeated is a line that may come again.
type repeated struct {
	text string
	at   time.Time
}

// isNews says whether an event is to be written, and remembers it: by its rollout, then by its gate.
func isNews(written map[string]map[string]repeated, e Event) bool {
	gate, text := "", e.What // without a gate, what is waited for: the target, or another try after a failure
	switch e.Kind {
	case EventWaiting, EventRetrying:
	case EventGate:
		gate = e.Gate
		if e.Verdict != nil && e.Verdict.Decision == Pass {
			text = string(Pass) // its figures differ each time
		}
	default:
		delete(written, e.Rollout)
		return true
	}
	before, known := written[e.Rollout][gate]
	if known && before.text == text && e.At.Sub(before.at) < repeatEvery {
		return false
	}
	if written[e.Rollout] == nil {
		written[e.Rollout] = make(map[string]repeated)
	}
	written[e.Rollout][gate] = repeated{text: text, at: e.At}
	return true
}

// printable is text in one line of valid UTF-8 without what controls a terminal and what
// nobody sees.
func printable(text string) string {
	return validation.Visible(validation.OneLine(strings.ToValidUTF8(text, "?")))
}

const (
	// sinkLimit is how long a sink may take for one event.
	sinkLimit = 30 * time.Second
	// sinkTimeout is how long a run waits for its sinks at most before it goes on, and how
	// long a failure may take that is no reason to give a sink up.
	sinkTimeout = time.Second
	// closeTimeout is how long it waits for them when it ends.
	closeTimeout = 5 * time.Second
	// firstGiveUp is how long a sink is given up for that did not answer. It doubles with each
	// further time, up to lastGiveUp.
	firstGiveUp = time.Minute
	lastGiveUp  = time.Hour
	// maxQueue is how many events wait for a sink at most; the oldest are dropped.
	maxQueue = 4096
)

// delivery hands events to one sink: in order, one at a time, and in the background, so that
// no pause, abort or stop waits for a sink. A sink that does not answer is given up for a
// while, which is logged once; the events wait for it. It is safe for concurrent use: the
// rollouts of a fleet share it.
type delivery struct {
	sink   Sink
	logger *slog.Logger

	mu    sync.Mutex
	queue []delivered
	// working says that a goroutine empties the queue; stuck that the sink has not returned
	// from a call that was given up.
	working, stuck bool
	// cancel ends the present call; nil for none. interrupted says that it was called, so that
	// what waits is left in the queue.
	cancel      context.CancelFunc
	interrupted bool
	// retryAt is until when the sink is given up, and failures how often that was in a row.
	retryAt  time.Time
	failures int
	// lastError is the one that was logged last, and lost how many events did not reach the
	// sink since it answered last.
	lastError string
	lost      int
}

// delivered is an event for a sink, or a mark that is closed when all before it are done.
type delivered struct {
	ctx   context.Context //nolint:containedctx // it goes with the event, and carries values alone
	event Event
	mark  chan struct{}
}

// add hands an event over. It does not block.
func (d *delivery) add(ctx context.Context, e Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) == maxQueue {
		d.lost++
		d.queue = d.queue[1:]
	}
	d.queue = append(d.queue, delivered{ctx: context.WithoutCancel(ctx), event: e})
	d.start()
}

// start begins to empty the queue, unless that goes on already or the sink is given up. The
// caller holds the lock.
func (d *delivery) start() {
	if !d.working && !d.stuck && !time.Now().Before(d.retryAt) {
		d.working = true
		go d.work()
	}
}

// done is closed when the sink has got the events so far, or was given up.
func (d *delivery) done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	mark := make(chan struct{})
	if d.working {
		d.queue = append(d.queue, delivered{mark: mark})
	} else {
		close(mark)
	}
	return mark
}

// undelivered is how many events wait for the sink.
func (d *delivery) undelivered() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.queue)
}

// work empties the queue, or gives the sink up.
func (d *delivery) work() {
	for {
		next, ok := d.next()
		if !ok {
			return
		}
		if next.mark != nil {
			close(next.mark)
			continue
		}
		began := time.Now()
		err := d.call(next.ctx, next.event)
		if !d.record(next, err, time.Since(began)) {
			return
		}
	}
}

func (d *delivery) next() (delivered, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) == 0 {
		d.working, d.queue = false, nil
		return delivered{}, false
	}
	next := d.queue[0]
	d.queue = d.queue[1:]
	return next, true
}

// call calls the sink, and leaves it alone when it does not return in time. A panic counts as
// an error: a sink must not end the rollout.
func (d *delivery) call(ctx context.Context, e Event) error {
	ctx, cancel := context.WithTimeout(ctx, sinkLimit)
	defer d.calling(nil)
	d.calling(cancel)
	returned := make(chan error, 1)
	go func() {
		defer cancel()
		defer func() {
			if p := recover(); p != nil {
				returned <- fmt.Errorf("the sink panicked: %v", p)
			}
		}()
		returned <- d.sink(ctx, e)
	}()
	select {
	case err := <-returned:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-returned:
		return err
	case <-time.After(sinkTimeout):
	}
	d.mu.Lock()
	d.stuck = true
	d.mu.Unlock()
	go func() {
		<-returned //nolint:errcheck // too late to be of use
		d.mu.Lock()
		d.stuck = false
		d.mu.Unlock()
	}()
	return fmt.Errorf("it has not returned: %w", ctx.Err())
}

func (d *delivery) calling(cancel context.CancelFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cancel = cancel
}

// interrupt ends the present call, and leaves the rest in the queue.
func (d *delivery) interrupt() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		d.interrupted = true
		d.cancel()
	}
}

// record logs what became of an event, and says whether to go on with the next one.
func (d *delivery) record(of delivered, err error, elapsed time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	log := func(level slog.Level, message string, attrs ...slog.Attr) {
		d.logger.LogAttrs(of.ctx, level, message, append(attrs, slog.String("rollout", of.event.Rollout), slog.String("event", string(of.event.Kind)))...)
	}
	interrupted := d.interrupted
	d.interrupted = false
	if err == nil {
		if d.lastError != "" {
			log(slog.LevelInfo, "a sink of rollout events answers again", slog.Int("lost", d.lost))
		}
		d.failures, d.lost, d.lastError = 0, 0, ""
		return d.goOn(!interrupted)
	}
	d.lost++
	said := d.lastError == err.Error() || d.failures > 0
	d.lastError = err.Error()
	if elapsed < sinkTimeout && !interrupted { // it delays nothing
		if !said {
			log(slog.LevelWarn, "a sink of rollout events failed; the audit log has what the rollout did", slog.Any("error", err))
		}
		return true
	}
	pause := min(firstGiveUp<<min(d.failures, 10), lastGiveUp)
	d.failures++
	d.retryAt = time.Now().Add(pause)
	if !said {
		log(slog.LevelWarn, "a sink of rollout events does not answer, and is given up for a while; the audit log has what the rollout did",
			slog.Any("error", err), slog.Duration("for", pause))
	}
	return d.goOn(false)
}

// goOn stops emptying the queue unless it is to go on, and lets those go on who wait for that.
// The caller holds the lock.
func (d *delivery) goOn(on bool) bool {
	if on {
		return true
	}
	d.working = false
	var events []delivered
	for _, next := range d.queue {
		if next.mark != nil {
			close(next.mark)
			continue
		}
		events = append(events, next)
	}
	d.queue = events
	return false
}

// settle waits until the sinks have got the events so far, but no longer than the timeout.
func (c *config) settle(timeout time.Duration) {
	if len(c.deliveries) == 0 {
		return
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for _, d := range c.deliveries {
		select {
		case <-d.done():
		case <-timer.C:
			return
		}
	}
}

// closeSinks is settle at the end of a run. Events that still wait are lost with the process.
func (c *config) closeSinks(ctx context.Context) {
	c.settle(closeTimeout)
	for _, d := range c.deliveries {
		d.interrupt()
	}
	c.settle(sinkTimeout)
	for _, d := range c.deliveries {
		if n := d.undelivered(); n > 0 {
			c.logger.LogAttrs(context.WithoutCancel(ctx), slog.LevelWarn, "a sink has not got the last events of a run; the audit log has what the rollout did", slog.Int("events", n))
		}
	}
}
