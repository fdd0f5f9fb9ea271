// Package terminal shows rollouts to people who sit before a terminal or read the log
// of a job.
package terminal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// Options say how a [View] shows rollouts. See [Detect].
type Options struct {
	// Redraw paints a small block over and over in its place, by ANSI sequences;
	// nothing else may write to the terminal meanwhile. Without it there is a line for
	// each event; what is waited for is repeated once a minute at most while it stays
	// the same, and that a gate passes every ten minutes.
	Redraw bool
	// Width is the number of columns of the block; 0: 80. Plain lines are not cut.
	Width int
	// Hint says what a person can do about an event, such as the command that approves; nil,
	// or an empty text: nothing.
	Hint func(rollout.Event) string
	// Pause is the command that pauses the rollout, which the block shows while it runs; nil,
	// or an empty text: none is shown.
	Pause func() string
	// Color colors what is good and what is not, by ANSI sequences.
	Color bool
}

// View shows rollouts to people: their state, both reviews, the ladder, the
// time that is left to watch, the gates, what happened last. With Redraw it shows the
// one of the newest event; plain lines show all, by name when there are several.
// Times are UTC. Text of others cannot steer the terminal. It starts nothing by
// itself; it is safe for concurrent use.
type View struct {
	options Options

	mu    sync.Mutex
	out   io.Writer
	views map[string]*progress
	// shown is the view of the newest event, nil before the first.
	shown *progress
	// lines is the height of the block on the screen.
	lines int
	// failed is what the last writing came to.
	failed error
}

// New makes a view that writes to w.
func New(w io.Writer, options Options) *View {
	if options.Width <= 0 {
		options.Width = defaultWidth
	}
	return &View{out: w, options: options, views: make(map[string]*progress)}
}

// Sink returns the function to give the runner, see [rollout.WithSink]. Its error is that of
// the writer.
func (t *View) Sink() rollout.Sink {
	return func(_ context.Context, e rollout.Event) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		v := t.progressOf(e.Rollout)
		t.shown = v
		v.add(e)
		if t.options.Redraw {
			t.paint(e.At)
		} else {
			t.writeEvent(v, e)
		}
		err := t.failed
		t.failed = nil
		return err
	}
}

// Tick shows the time now: call it every second, or as often as the countdown should
// move, because events come seldom. With plain lines it repeats what is waited for
// once a minute. What writing comes to, the sink returns at the next event.
func (t *View) Tick(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.options.Redraw {
		t.paint(now)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(t.views)) {
		if v := t.views[name]; v.waiting != nil && v.waiting.Kind != rollout.EventChanging {
			t.writeRepeating(v, *v.waiting, now)
		}
	}
}

// Ticking calls [View.Tick] every second until stop is called or the context ends. It
// has ended when stop returns.
func (t *View) Ticking(ctx context.Context) (stop func()) {
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

func (t *View) progressOf(name string) *progress {
	v := t.views[name]
	if v == nil {
		v = &progress{written: make(map[string]written)}
		t.views[name] = v
	}
	return v
}

// write writes a text at once.
func (t *View) write(text string) {
	if _, err := io.WriteString(t.out, text); err != nil {
		t.failed = errors.Join(t.failed, fmt.Errorf("rollout: write to the terminal: %w", err))
	}
}

// progress is what is known of one rollout.
type progress struct {
	// last is the newest event.
	last rollout.Event
	// seen is when the target was read last, as far as events say.
	seen time.Time
	// message is the newest that is neither a verdict of a gate nor waiting.
	message rollout.Event
	// waiting is what is waited for, or being done; nil for neither.
	waiting *rollout.Event
	// gates are the newest verdicts on the live ratio, by name of the gate.
	gates map[string]rollout.Event
	// written are the plain lines that may repeat, by what they are of.
	written map[string]written
}

// written is what a plain line said, and when.
type written struct {
	news string
	at   time.Time
}

// add remembers an event.
func (v *progress) add(e rollout.Event) {
	if e.Ratio != v.last.Ratio || e.Kind == rollout.EventResumed || e.Kind == rollout.EventReplanned {
		v.gates = nil
	}
	if e.Kind != rollout.EventRetrying && e.Kind != rollout.EventFailed || v.seen.IsZero() {
		v.seen = e.At // those two say that it could not be read
	}
	v.last = e
	switch e.Kind {
	case rollout.EventWaiting, rollout.EventRetrying, rollout.EventChanging:
		v.waiting = &e
		return
	case rollout.EventGate:
		if v.gates == nil {
			v.gates = make(map[string]rollout.Event)
		}
		v.gates[e.Gate] = e
		return
	case rollout.EventObserved, rollout.EventAdopted, rollout.EventPaused, rollout.EventAborted, rollout.EventEnded, rollout.EventDone, rollout.EventFailed, rollout.EventApplied, rollout.EventWithdrawn, rollout.EventRaised, rollout.EventResumed:
		v.waiting = nil // what comes next is another thing, or is reported anew
	}
	v.message = e
}

// message is what the event says, with who did it and how much time is left.
func message(e rollout.Event, now time.Time) string {
	text := e.What
	if e.By != "" && !strings.Contains(text, e.By) {
		text += " (by " + e.By + ")"
	}
	if !e.Until.IsZero() {
		text += "; " + left(e.Until, now)
	}
	return harmless(text)
}

// nameOf is the rollout, and its target where that has another name.
func nameOf(e rollout.Event) string {
	if e.Rollout == e.Target || e.Target == "" {
		return harmless(e.Rollout)
	}
	return harmless(e.Rollout + " of " + e.Target)
}

// ladderOf is the bar of the ladder as the target reports it.
func ladderOf(e rollout.Event) string {
	if e.Status == "" {
		return "it is not known what is live"
	}
	var ladder alipayplus.Ladder
	if e.Observation != nil {
		ladder = e.Observation.Ladder
	}
	return report.LadderBar(ladder, e.Steps, e.Ratio)
}

// reviewsOf says how each party's review stands, a line each.
func reviewsOf(e rollout.Event) []string {
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
func (v *progress) sortedGates() []rollout.Event {
	all := make([]rollout.Event, 0, len(v.gates))
	for _, name := range slices.Sorted(maps.Keys(v.gates)) {
		all = append(all, v.gates[name])
	}
	slices.SortStableFunc(all, func(a, b rollout.Event) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

func rank(e rollout.Event) int {
	if e.Verdict != nil && e.Verdict.Decision == rollout.Pass {
		return 1
	}
	return 0
}

const (
	// heartbeat is how often a plain line that says nothing new is written at most.
	heartbeat = time.Minute
	// passedAgain is the same for a gate that passes as it did before, though its
	// figures differ.
	passedAgain = 10 * time.Minute
)

// writeEvent writes the plain lines of an event.
func (t *View) writeEvent(v *progress, e rollout.Event) {
	switch e.Kind {
	case rollout.EventWaiting, rollout.EventRetrying, rollout.EventGate:
		t.writeRepeating(v, e, e.At)
		return
	}
	clear(v.written) // what comes after this is news, whatever it says
	var text strings.Builder
	text.WriteString(t.line(e, e.At))
	switch e.Kind {
	case rollout.EventStarted:
		text.WriteString(indented(ladderOf(e) + ladderLegend))
	case rollout.EventAdopted, rollout.EventRaised, rollout.EventPaused, rollout.EventAborted, rollout.EventEnded, rollout.EventDone, rollout.EventFailed:
		text.WriteString(indented(ladderOf(e)))
	case rollout.EventObserved:
		for i, review := range reviewsOf(e) {
			if e.Observation.Reviews[i].Status == alipayplus.ReviewRejected {
				text.WriteString(indented(review))
			}
		}
	}
	t.write(text.String())
}

// writeRepeating writes a line that comes again and again when it says something new, and
// as a sign of life.
func (t *View) writeRepeating(v *progress, e rollout.Event, now time.Time) {
	of, news, pause := string(rollout.EventWaiting), e.What, heartbeat // either kind is what is waited for
	if e.Kind == rollout.EventGate {
		of = "gate " + e.Gate
		if e.Verdict != nil && e.Verdict.Decision == rollout.Pass {
			news, pause = string(rollout.Pass), passedAgain
		}
	}
	before, known := v.written[of]
	if known && before.news == news && now.Sub(before.at) < pause {
		return
	}
	v.written[of] = written{news: news, at: now}
	t.write(t.line(e, now))
}

// line is the line of an event.
func (t *View) line(e rollout.Event, now time.Time) string {
	kind := t.colored(fmt.Sprintf("%-9s", harmless(string(e.Kind))), colorOf(e))
	name := ""
	if len(t.views) > 1 {
		name = nameOf(e) + ": "
	}
	text := message(e, now)
	if hint := t.hint(&e); hint != "" {
		text += "; " + hint
	}
	return fmt.Sprintf("%s  %s  %s%s\n", clockTime(now), kind, name, text)
}

// hint is what a person can do about an event; the event may be nil.
func (t *View) hint(e *rollout.Event) string {
	if t.options.Hint == nil || e == nil {
		return ""
	}
	return harmless(t.options.Hint(*e))
}

// pause is the command that pauses a rollout that waits for something but a person.
func (t *View) pause(v *progress) string {
	if t.options.Pause == nil || v.waiting == nil || v.last.Status != rollout.Running || t.hint(v.waiting) != "" {
		return ""
	}
	return harmless(t.options.Pause())
}

// indented is a line that belongs to the one above.
func indented(text string) string {
	return strings.Repeat(" ", len(clockTime(time.Time{}))+len("  REPLANNED  ")) + text + "\n"
}
