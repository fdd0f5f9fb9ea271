package sim

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is something that happened in a world.
type event struct {
	at time.Time
	// who did it, what it was, and what it came to; in few words, the same in each run.
	who, what, outcome string
	// raw is what it came to with the ids themselves in it, which have names elsewhere.
	raw string
	// about is what the rules judge: an *exchange, a *commit, a *checkpoint; nil for what is only told.
	about any
}

// history is what happened, in order.
type history struct {
	disturbance

	began time.Time
	// keep says that the events are kept to be shown; the hash is made of all in any case.
	keep   bool
	events []event
	n      int
	hash   hash.Hash
	names  map[string]string
	counts map[string]int

	mu sync.Mutex
	// recent happened since all goroutines were blocked.
	recent []event
}

func newHistory(began time.Time, c Config) *history {
	return &history{disturbance: disturbance(c.Disturbed), began: began, keep: c.Keep, hash: sha256.New(), names: map[string]string{}, counts: map[string]int{}}
}

func (h *history) add(who, what, outcome string, about any) {
	h.disturb()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.recent = append(h.recent, event{at: time.Now(), who: who, what: what, outcome: outcome, raw: outcome, about: about})
}

// logger logs what a process says as events, until it is killed.
func (h *history) logger(by *process) *slog.Logger {
	return slog.New(slog.NewTextHandler(said{h, by}, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

type said struct {
	history *history
	by      *process
}

// Write implements [io.Writer].
func (s said) Write(line []byte) (int, error) {
	if !s.by.dead() {
		s.history.add(s.by.name, "log", strings.TrimSpace(string(line)), nil)
	}
	return len(line), nil
}

// settle puts what happened since the last time in an order that does not depend on which of several processors was
// faster, and returns it.
func (h *history) settle() []event {
	h.mu.Lock()
	defer h.mu.Unlock()
	events := h.recent
	h.recent = nil
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.who, b.who)) })
	for i := range events {
		e := &events[i]
		e.what, e.outcome = h.normalize(e.what), h.normalize(e.outcome)
		h.n++
		fmt.Fprintln(h.hash, e.at.Sub(h.began), e.who, e.what, e.outcome)
	}
	if h.keep {
		h.events = append(h.events, events...)
	}
	return events
}

// sum is a hash of the history so far.
func (h *history) sum() string { return hex.EncodeToString(h.hash.Sum(nil))[:16] }

// normalize gives ids names by the order in which they appear.
func (h *history) normalize(text string) string {
	var b strings.Builder
	done := 0
	for begin, end := range ids(text) {
		b.WriteString(text[done:begin])
		b.WriteString(h.nameOf(text[begin:end]))
		done = end
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

func (h *history) nameOf(id string) string {
	name, known := h.names[id]
	if !known {
		of, _, found := strings.Cut(id, "_")
		switch {
		case !found && len(id) == 16:
			of = "program"
		case !found:
			of = "id"
		}
		h.counts[of]++
		name = fmt.Sprintf("%s-%d", of, h.counts[of])
		h.names[id] = name
	}
	return name
}

// String is the history as a table.
func (h *history) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-17s %-40s %-90s %s\n", "time", "who", "what", "came to")
	for _, e := range h.events {
		fmt.Fprintf(&b, "%-17s %-40s %-90s %s\n", stamp(e.at.Sub(h.began)), e.who, e.what, e.outcome)
	}
	return b.String()
}

// stamp is a time as days and the time of day.
func stamp(d time.Duration) string {
	const day = 24 * time.Hour
	rest := d % day
	return fmt.Sprintf("%dd %02d:%02d:%06.3f", d/day, rest/time.Hour, rest%time.Hour/time.Minute, (rest % time.Minute).Seconds())
}

// table is the history, where it is kept.
func (h *history) table() string {
	if !h.keep {
		return ""
	}
	return h.String()
}
