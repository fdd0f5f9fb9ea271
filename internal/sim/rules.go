package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// rules judge what happens in a world. They are written anew from the product documents, and call nothing of what they
// judge: they read requests and answers on the wire, and records as they are stored.
type rules struct {
	w         *world
	members   map[string]*member // by client id
	checked   map[string]int
	violation *Violation

	platform platformRules
	orders   orderRules
	rollouts rolloutRules
	alipaycn alipaycnRules
	room     limitRules
	logs     rolloutLogRules
	company  companyRules
	past     historyRules

	merchants merchantRules
	tokens    tokenRules
	calls     callRules
}

func newRules(w *world) *rules {
	r := &rules{w: w, members: map[string]*member{}, checked: map[string]int{}}
	r.platform, r.orders, r.rollouts, r.alipaycn = newPlatformRules(r), newOrderRules(r), newRolloutRules(r), newAlipayCNRules(r)
	r.room, r.logs, r.company, r.past = newLimitRules(r), newRolloutLogRules(r), newCompanyRules(r), newHistoryRules(r)
	r.merchants, r.tokens = newMerchantRules(r), newTokenRules(r)
	r.calls = callRules{r}
	return r
}

// judge holds an event against all rules.
func (r *rules) judge(e event) {
	shown := slices.ContainsFunc(r.w.secrets, func(secret string) bool { return strings.Contains(e.raw, secret) })
	r.must("secrets are in no text", !shown, "%s %s", e.who, e.what)
	r.tokens.kept(e)
	switch about := e.about.(type) {
	case *call:
		r.calls.ended(about)
	case *attempt:
		r.calls.attempted(about)
	case *exchange:
		r.rollouts.exchange(about)
		r.calls.exchange(about)
		switch about.host {
		case platformHost:
			r.platform.exchange(about)
		case cnHost:
			r.alipaycn.exchange(e.at, about)
		}
	case *commit:
		r.platform.commit(e.at, about)
	case *decided:
		r.alipaycn.decided(e.at, about, e.outcome)
	case *authorized:
		r.tokens.changed(e.at, about, e.outcome)
	case nil:
		r.merchants.heard(e)
	case *saved:
		r.merchants.gets(e.at, about.process)
		r.rollouts.saved(e.at, about)
		r.logs.saved(about)
	case lost:
		r.rollouts.lost(e.at, about)
		r.logs.lost(about)
	case *posted:
		r.rollouts.posted(e.at, about)
		r.logs.posted(about)
	case *loaded:
		r.rollouts.loaded(about)
	case *judged:
		r.rollouts.judgedBy(e.at, about)
	}
}

// begin learns what there is before anything happens.
func (r *rules) begin() {
	c := &commit{}
	r.w.ok(r.w.store.View(r.w.ctx, func(tx storage.Tx) error {
		for e, err := range tx.Scan("", "", false) {
			if err != nil {
				return err
			}
			c.writes = append(c.writes, write{e.Key, e.Value})
		}
		return nil
	}))
	r.platform.commit(r.w.began, c)
	r.alipaycn.begin()
	clear(r.checked)
	r.violation = nil // what was founded had steps that nobody has seen
	r.rollouts.begin()
}

// atRest judges the world once it has come to rest, or should have.
func (r *rules) atRest(waiting []*deployment) {
	r.must("every rollout comes to an end", len(waiting) == 0, "%s and %d more have not", first(waiting), len(waiting)-1)
	for _, id := range slices.Sorted(maps.Keys(r.platform.requests)) {
		r.must("every request is decided", r.platform.requests[id].Status != underReview || r.platform.unresolved(id), "%s is not", id)
	}
	r.must("every order comes to an end", r.orders.open() == "", "%s has not", r.orders.open())
	r.alipaycn.atRest()
	r.rollouts.atRest()
}

func first(waiting []*deployment) string {
	if len(waiting) == 0 {
		return "none"
	}
	return waiting[0].name
}

// must counts a rule, and notes that it does not hold.
func (r *rules) must(rule string, holds bool, format string, args ...any) {
	r.checked[rule]++
	if !holds && r.violation == nil {
		const most = 400
		what := r.w.history.normalize(fmt.Sprintf(format, args...))
		r.violation = &Violation{Rule: rule, What: what[:min(len(what), most)], Event: r.w.history.n}
	}
}
