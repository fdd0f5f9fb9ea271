package rollout

import (
	"fmt"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

const (
	// heartbeat is how often a plain line that says nothing new is written at most.
	heartbeat = time.Minute
	// passedAgain is the same for a gate that passes as it did before, though its
	// figures differ.
	passedAgain = 10 * time.Minute
)

// tell writes the plain lines of an event.
func (t *Terminal) tell(v *view, e Event) {
	switch e.Kind {
	case EventWaiting, EventRetrying, EventGate:
		t.tellAgain(v, e, e.At)
		return
	}
	clear(v.told) // what comes after this is news, whatever it says
	var text strings.Builder
	text.WriteString(t.line(e, e.At))
	switch e.Kind {
	case EventStarted:
		text.WriteString(indented(e.ladder() + ladderLegend))
	case EventAdopted, EventRaised, EventPaused, EventAborted, EventEnded, EventDone, EventFailed:
		text.WriteString(indented(e.ladder()))
	case EventObserved:
		for i, review := range e.reviews() {
			if e.Observation.Reviews[i].Status == alipayplus.ReviewRejected {
				text.WriteString(indented(review))
			}
		}
	}
	t.write(text.String())
}

// tellAgain writes a line that comes again and again when it says something new, and
// as a sign of life.
func (t *Terminal) tellAgain(v *view, e Event, now time.Time) {
	of, news, pause := string(EventWaiting), e.What, heartbeat // either kind is what is waited for
	if e.Kind == EventGate {
		of = "gate " + e.Gate
		if e.Verdict != nil && e.Verdict.Decision == Pass {
			news, pause = string(Pass), passedAgain
		}
	}
	before, known := v.told[of]
	if known && before.news == news && now.Sub(before.at) < pause {
		return
	}
	v.told[of] = told{news: news, at: now}
	t.write(t.line(e, now))
}

// line is the line of an event.
func (t *Terminal) line(e Event, now time.Time) string {
	kind := t.colored(fmt.Sprintf("%-9s", harmless(string(e.Kind))), colorOf(e))
	name := ""
	if len(t.views) > 1 {
		name = e.name() + ": "
	}
	return fmt.Sprintf("%s  %s  %s%s\n", clockTime(now), kind, name, e.words(now))
}

// indented is a line that belongs to the one above.
func indented(text string) string {
	return strings.Repeat(" ", len(clockTime(time.Time{}))+len("  REPLANNED  ")) + text + "\n"
}
