package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// TerminalOptions say how a [Terminal] shows a rollout. See [DetectTerminal].
type TerminalOptions struct {
	// Redraw paints a small block over and over in its place, by ANSI sequences;
	// nothing else may write to the terminal meanwhile. Without it there is a line for
	// each event; what is waited for is repeated once a minute at most while it stays
	// the same, and that a gate passes every ten minutes.
	Redraw bool
	// Width is the number of columns of the block; 0: 80. Plain lines are not cut.
	Width int
	// Color colors what is good and what is not, by ANSI sequences.
	Color bool
}

// Terminal shows rollouts to people: where they stand, both reviews, the ladder, the
// time that is left to watch, the gates, what happened last. With Redraw it shows the
// one of the newest event; plain lines tell of all, by name when there are several.
// Times are UTC. Text of others cannot steer the terminal. It starts nothing by
// itself; it is safe for concurrent use.
type Terminal struct {
	options TerminalOptions

	mu    sync.Mutex
	out   io.Writer
	views map[string]*view
	// shown is the view of the newest event, nil before the first.
	shown *view
	// lines is the height of the block on the screen.
	lines int
	// failed is what the last writing came to.
	failed error
}

// NewTerminal makes a view that writes to w.
func NewTerminal(w io.Writer, options TerminalOptions) *Terminal {
	if options.Width <= 0 {
		options.Width = defaultWidth
	}
	return &Terminal{out: w, options: options, views: make(map[string]*view)}
}

// TerminalSink shows events as [Terminal] does, for who needs no countdown between
// them.
func TerminalSink(w io.Writer, options TerminalOptions) Sink { return NewTerminal(w, options).Sink() }

// Sink returns the function to give the runner, see [WithSink]. Its error is that of
// the writer.
func (t *Terminal) Sink() Sink {
	return func(_ context.Context, e Event) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		v := t.view(e.Rollout)
		t.shown = v
		v.take(e)
		if t.options.Redraw {
			t.paint(e.At)
		} else {
			t.tell(v, e)
		}
		err := t.failed
		t.failed = nil
		return err
	}
}

// Tick shows the time now: call it every second, or as often as the countdown should
// move, because events come seldom. With plain lines it repeats what is waited for
// once a minute. What writing comes to, the sink returns at the next event.
func (t *Terminal) Tick(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.options.Redraw {
		t.paint(now)
		return
	}
	for _, name := range sortedKeys(t.views) {
		if v := t.views[name]; v.waiting != nil && v.waiting.Kind != EventChanging {
			t.tellAgain(v, *v.waiting, now)
		}
	}
}

// Ticking calls [Terminal.Tick] every second until stop is called or the context ends. It
// has ended when stop returns.
func (t *Terminal) Ticking(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var ticking sync.WaitGroup
	ticking.Go(func() {
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-second.C:
				t.Tick(now)
			}
		}
	})
	return func() { cancel(); ticking.Wait() }
}

func (t *Terminal) view(rollout string) *view {
	v := t.views[rollout]
	if v == nil {
		v = &view{told: make(map[string]told)}
		t.views[rollout] = v
	}
	return v
}

// write writes a text at once.
func (t *Terminal) write(text string) {
	if _, err := io.WriteString(t.out, text); err != nil {
		t.failed = errors.Join(t.failed, fmt.Errorf("rollout: write to the terminal: %w", err))
	}
}

// view is what is known of one rollout.
type view struct {
	// last is the newest event.
	last Event
	// seen is when the target was read last, as far as events tell.
	seen time.Time
	// message is the newest that is neither a verdict of a gate nor waiting.
	message Event
	// waiting is what is waited for, or being done; nil for neither.
	waiting *Event
	// gates are the newest verdicts on the live ratio, by name of the gate.
	gates map[string]Event
	// told are the plain lines that may repeat, by what they are of.
	told map[string]told
}

// told is what a plain line said, and when.
type told struct {
	news string
	at   time.Time
}

// take remembers an event.
func (v *view) take(e Event) {
	if e.Ratio != v.last.Ratio || e.Kind == EventResumed || e.Kind == EventReplanned {
		v.gates = nil
	}
	if e.Kind != EventRetrying && e.Kind != EventFailed || v.seen.IsZero() {
		v.seen = e.At // those two tell that it could not be read
	}
	v.last = e
	switch e.Kind {
	case EventWaiting, EventRetrying, EventChanging:
		v.waiting = &e
		return
	case EventGate:
		if v.gates == nil {
			v.gates = make(map[string]Event)
		}
		v.gates[e.Gate] = e
		return
	case EventObserved, EventAdopted, EventPaused, EventAborted, EventEnded, EventDone, EventFailed, EventApplied, EventWithdrawn, EventRaised, EventResumed:
		v.waiting = nil // what comes next is another thing, or is told anew
	}
	v.message = e
}

// words are the event in words, with who did it and how much time is left.
func (e Event) words(now time.Time) string {
	text := e.What
	if e.By != "" && !strings.Contains(text, e.By) {
		text += " (by " + e.By + ")"
	}
	if !e.Until.IsZero() {
		text += "; " + left(e.Until, now)
	}
	return harmless(text)
}

func (e Event) name() string { return harmless(titleOf(e.Rollout, e.Target)) }

// ladder is the bar of the ladder as the target tells it.
func (e Event) ladder() string {
	if e.Status == "" {
		return "it is not known what is live"
	}
	var ladder alipayplus.Ladder
	if e.Observation != nil {
		ladder = e.Observation.Ladder
	}
	return LadderBar(ladder, e.Steps, e.Ratio)
}

// reviews says how each party's review stands, a line each.
func (e Event) reviews() []string {
	if e.Observation == nil {
		return nil
	}
	lines := make([]string, len(e.Observation.Reviews))
	for i, r := range e.Observation.Reviews {
		lines[i] = fmt.Sprintf("%s %s", r.Party, strings.ToLower(string(r.Status)))
		if !r.DecidedAt.IsZero() {
			lines[i] += " " + clockTime(r.DecidedAt)
		}
		if r.Reason != "" {
			lines[i] += ": " + r.Reason
		}
		lines[i] = harmless(lines[i])
	}
	return lines
}

// sortedGates are the newest verdicts by name, those that do not pass first.
func (v *view) sortedGates() []Event {
	all := make([]Event, 0, len(v.gates))
	for _, name := range sortedKeys(v.gates) {
		all = append(all, v.gates[name])
	}
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Compare(a.rank(), b.rank()) })
	return all
}

func (e Event) rank() int {
	if e.Verdict != nil && e.Verdict.Decision == Pass {
		return 1
	}
	return 0
}
