package sim

import (
	"fmt"
)

// rules judge what happens in a world. They are written anew from the product documents, and call nothing of what they
// judge: they read requests and answers on the wire, and records as they are stored.
type rules struct {
	w         *world
	members   map[string]*member // by client id
	checked   map[string]int
	violation *Violation

	platform platformRules
}

func newRules(w *world) *rules {
	r := &rules{w: w, members: map[string]*member{}, checked: map[string]int{}}
	r.platform = newPlatformRules(r)
	return r
}

// judge holds an event against all rules.
func (r *rules) judge(e event) {
	switch about := e.about.(type) {
	case *exchange:
		if about.host == platformHost {
			r.platform.exchange(about)
		}
	case *commit:
		r.platform.commit(about)
	}
}

// must counts a rule, and notes that it does not hold.
func (r *rules) must(rule string, holds bool, format string, args ...any) {
	r.checked[rule]++
	if !holds && r.violation == nil {
		r.violation = &Violation{Rule: rule, What: r.w.history.normalize(fmt.Sprintf(format, args...)), Event: r.w.history.n}
	}
}
