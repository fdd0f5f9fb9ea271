package sim

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

const job = "job 1 of rollout 1 on machine 1"

// stored is a checkpoint by the plan of a deployment.
func stored(d *deployment, state string) *saved {
	return &saved{d.name, job, fmt.Appendf(nil, `{"state": {"spec": {"steps": [{"ratio": 10}, {"ratio": 100}]}, %s}}`, state), 0, 0, nil}
}

func plans() []rollout.Spec {
	return []rollout.Spec{{Steps: []rollout.StepSpec{{Ratio: 10}, {Ratio: 100}}}}
}

// TestAnAbortThatWasRefused is followed by a raise only when a person resumes the rollout, which then applies anew.
func TestAnAbortThatWasRefused(t *testing.T) {
	for what, resumed := range map[string]bool{"and resumed by a person": true, "and went on by itself": false, "while it was paused, and resumed by a person": true, "while it was paused, and resumed before": false} {
		t.Run(what, func(t *testing.T) {
			paused := strings.Contains(what, "while")
			d := &deployment{name: "rollout 1", direct: true, app: "2021000000000010", given: plans()}
			r := newRules(&world{history: newHistory(time.Now(), Config{}), deployments: []*deployment{d}})
			r.rollouts.begin()
			at := time.Now()
			save := func(state string) {
				at = at.Add(time.Hour)
				r.rollouts.saved(at, stored(d, state))
			}
			begun := `"status": "RUNNING", "intent": {"kind": "ABORT", "requestId": "1"}`
			if paused {
				begun = strings.Replace(begun, "RUNNING", "PAUSED", 1)
				save(`"status": "PAUSED", "stop": {"cause": "PERSON"}`)
			}
			r.rollouts.posted(at, &posted{d.name, rollout.Command{Kind: rollout.CommandAbort}})
			save(begun)
			if strings.Contains(what, "before") {
				r.rollouts.posted(at, &posted{d.name, rollout.Command{Kind: rollout.CommandResume}})
			}
			r.alipaycn.given(r.rollouts.by(job))
			save(`"status": "PAUSED", "stop": {"cause": "PERSON", "seq": 3}`)
			if resumed {
				at = at.Add(time.Hour)
				r.rollouts.posted(at, &posted{d.name, rollout.Command{Kind: rollout.CommandResume}})
			}
			save(`"status": "RUNNING"`)
			save(`"status": "RUNNING", "intent": {"kind": "RAISE", "requestId": "2", "to": 10}`)
			r.rollouts.wentLive(at, r.rollouts.of[d.name], job, 10)
			require.Equal(t, resumed, r.violation == nil, r.violation)
		})
	}
	d := &deployment{name: "rollout 1", given: plans()}
	r := newRules(&world{history: newHistory(time.Now(), Config{}), deployments: []*deployment{d}})
	r.rollouts.begin()
	r.rollouts.saved(time.Now(), stored(d, `"status": "RUNNING", "intent": {"kind": "ABORT", "requestId": "1"}`))
	r.alipaycn.given(r.rollouts.by(job))
	r.rollouts.saved(time.Now(), stored(d, `"status": "RUNNING", "intent": {"kind": "RAISE", "requestId": "2", "to": 10}`))
	r.rollouts.wentLive(time.Now(), r.rollouts.of[d.name], job, 10)
	require.NotNil(t, r.violation)
}

// TestARatioThatWasPausedIsWatchedForItsTime less what clocks that were set show too much: once more after each pause.
func TestARatioThatWasPausedIsWatchedForItsTime(t *testing.T) {
	for _, c := range []struct {
		pauses int
		early  time.Duration
		holds  bool
	}{{0, 4 * time.Minute, true}, {0, 6 * time.Minute, false}, {1, 9 * time.Minute, true}, {1, 11 * time.Minute, false}} {
		spec := rollout.Spec{Steps: []rollout.StepSpec{{Ratio: 10, Bake: rollout.Duration(5 * time.Hour)}, {Ratio: 100}}}
		d := &deployment{name: "rollout 1", direct: true, given: []rollout.Spec{spec}}
		r := newRules(&world{history: newHistory(time.Now(), Config{}), deployments: []*deployment{d}})
		r.rollouts.begin()
		at := time.Now()
		save := func(after time.Duration, state string) {
			at = at.Add(after)
			s := stored(d, state)
			s.checkpoint = bytes.Replace(s.checkpoint, []byte(`"ratio": 10}`), []byte(`"ratio": 10, "bake": "5h"}`), 1)
			r.rollouts.saved(at, s)
		}
		save(0, `"status": "RUNNING"`)
		r.rollouts.wentLive(at, r.rollouts.of[d.name], "a person", 10)
		save(0, `"status": "RUNNING", "ratio": 10`)
		left := 5 * time.Hour
		for range c.pauses {
			left -= time.Hour
			save(time.Hour, `"status": "PAUSED", "ratio": 10, "stop": {"cause": "PERSON"}`)
			at = at.Add(3 * time.Hour)
			r.rollouts.posted(at, &posted{d.name, rollout.Command{Kind: rollout.CommandResume}})
			save(0, `"status": "RUNNING", "ratio": 10`)
		}
		save(left-c.early, `"status": "RUNNING", "ratio": 10, "intent": {"kind": "PUBLISH", "requestId": "1", "from": 10, "to": 100, "at": "2000-01-01T00:00:00Z"}`)
		require.Equal(t, c.holds, r.violation == nil, "%+v: %v", c, r.violation)
	}
}

// TestARatioThatWasNotLiveMeanwhile is watched anew by a rollout that can know it: AlipayCN does not say since when a ratio is live.
func TestARatioThatWasNotLiveMeanwhile(t *testing.T) {
	for _, direct := range []bool{true, false} {
		d := &deployment{name: "rollout 1", direct: direct, given: plans()}
		r := newRules(&world{history: newHistory(time.Now(), Config{}), deployments: []*deployment{d}})
		r.rollouts.begin()
		at := time.Now()
		save := func(state string) {
			s := stored(d, state)
			s.checkpoint = bytes.Replace(s.checkpoint, []byte(`"ratio": 10}`), []byte(`"ratio": 10, "bake": "5h"}`), 1)
			r.rollouts.saved(at, s)
		}
		d.given[0].Steps[0].Bake = rollout.Duration(5 * time.Hour)
		save(`"status": "RUNNING"`)
		for _, ratio := range []int{10, 50, 10} {
			r.rollouts.wentLive(at, r.rollouts.of[d.name], "a person", ratio)
			save(`"status": "RUNNING", "ratio": 10`)
			at = at.Add(2 * time.Hour)
		}
		save(`"status": "RUNNING", "ratio": 10, "intent": {"kind": "PUBLISH", "requestId": "1", "from": 10, "to": 100, "at": "2000-01-01T00:00:00Z"}`)
		require.Equal(t, direct, r.violation == nil, r.violation)
	}
}

// TestAnAbortByAGate is decided when it begins: it may be made when the rollout has another plan, whose gates said nothing yet.
func TestAnAbortByAGate(t *testing.T) {
	for _, verdict := range []rollout.Decision{rollout.Fail, rollout.Pass} {
		spec := plans()[0]
		spec.Gates = map[string]rollout.GateSpec{"errors": {}}
		spec.Steps[0].Gates = []string{"errors"}
		d := &deployment{name: "rollout 1", direct: true, given: append(plans(), spec)}
		r := newRules(&world{history: newHistory(time.Now(), Config{}), deployments: []*deployment{d}})
		r.rollouts.begin()
		save := func(spec, state string) {
			s := stored(d, state)
			s.checkpoint = fmt.Appendf(nil, `{"state": {"spec": %s, "ratio": 10, %s}}`, spec, state)
			r.rollouts.saved(time.Now(), s)
		}
		gated := `{"steps": [{"ratio": 10, "gates": ["errors"]}, {"ratio": 100}], "gates": {"errors": {}}}`
		save(gated, `"status": "RUNNING"`)
		r.rollouts.judgedBy(time.Now(), &judged{rollout: d.name, process: job, gate: "errors", ratio: 10, verdict: verdict})
		save(gated, `"status": "RUNNING", "gates": {"errors": {"at": "2000-01-01T00:00:00Z"}}, "intent": {"kind": "ABORT", "requestId": "1", "stop": {"cause": "GATE"}}`)
		save(`{"steps": [{"ratio": 10}, {"ratio": 100}]}`, `"status": "ABORTED", "stop": {"cause": "GATE"}`)
		require.Equal(t, verdict == rollout.Fail, r.violation == nil, r.violation)
	}
}
