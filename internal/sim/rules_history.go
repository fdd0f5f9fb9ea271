package sim

import (
	"encoding/json"
	"time"
)

// historyRules: a release's history is all that the audit log of its workspace has about it, whoever asks.
type historyRules struct {
	*rules

	// entries are when there was an entry, by workspace and release.
	entries map[[2]string][]time.Time
}

func newHistoryRules(r *rules) historyRules { return historyRules{r, map[[2]string][]time.Time{}} }

// told learns of an entry.
func (r *historyRules) told(at time.Time, workspace, release string) {
	of := [2]string{workspace, release}
	r.entries[of] = append(r.entries[of], at)
}

// answered judges a history that was answered, unless it has several pages.
func (r *historyRules) answered(e *exchange, release string) {
	var in struct {
		Cursor string `json:"cursor"`
	}
	var out struct {
		Data struct {
			Items      []json.RawMessage `json:"items"`
			NextCursor string            `json:"nextCursor"`
		} `json:"data"`
	}
	if json.Unmarshal(e.request, &in) != nil || json.Unmarshal(e.answer, &out) != nil || in.Cursor != "" || out.Data.NextCursor != "" {
		return
	}
	were := 0
	for _, at := range r.entries[[2]string{r.platform.owners[release], release}] {
		if at.Before(e.arrived) {
			were++
		}
	}
	r.must("a history tells all that happened", len(out.Data.Items) >= were, "that of release %s has %d of %d entries", release, len(out.Data.Items), were)
}
