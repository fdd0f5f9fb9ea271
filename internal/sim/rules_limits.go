package sim

import (
	"encoding/json"
	"time"
)

// limitRules are those of what the limits leave: "you can release up to 10 mini programs", and who has fewer may.
type limitRules struct {
	*rules

	// versions and programs are until when no further version of a mini program, and no further mini program of a
	// workspace, could be selected for a target; the zero time: still.
	versions, programs map[[2]string]time.Time
}

func newLimitRules(r *rules) limitRules {
	return limitRules{r, map[[2]string]time.Time{}, map[[2]string]time.Time{}}
}

// counted learns what is used, once releases have changed.
func (r *limitRules) counted(at time.Time, changed []string) {
	for _, id := range changed {
		of := r.platform.releases[id]
		programs, waiting, reviewed := r.platform.used(of)
		note(at, r.versions, [2]string{of.ProgramID, of.TargetApp}, reviewed || waiting >= mostWaiting(of.TargetApp))
		note(at, r.programs, [2]string{of.Workspace, of.TargetApp}, len(programs) >= mostPrograms)
	}
}

// note keeps until when something was full.
func note(at time.Time, until map[[2]string]time.Time, of [2]string, full bool) {
	end, was := until[of]
	switch {
	case full:
		until[of] = time.Time{}
	case was && end.IsZero():
		until[of] = at
	}
}

// refused judges a refusal for a limit.
func (r *limitRules) refused(m *member, e *exchange) {
	var in struct {
		ProgramID string `json:"programId"`
		TargetApp string `json:"targetApp"`
	}
	if json.Unmarshal(e.request, &in) != nil {
		return
	}
	wasFull := func(until map[[2]string]time.Time, of string) bool {
		end, was := until[[2]string{of, in.TargetApp}]
		return was && (end.IsZero() || !end.Before(e.arrived))
	}
	owner := r.platform.owners[in.ProgramID]
	r.must("a limit refuses nothing that is below it", wasFull(r.versions, in.ProgramID) || wasFull(r.programs, owner), "%s of %s may select %s for a version of %s", m.name, m.workspace, in.TargetApp, in.ProgramID)
}
