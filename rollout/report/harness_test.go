package report_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// spec is a spec with gates and approvals.
const spec = `
version: 1
gates:
  errors: {http: {url: "https://metrics.example/errors", field: data.rate, max: 0.01}}
  smoke: {command: {args: [./smoke-test.sh]}}
steps:
  - {ratio: 1, bake: 12h, gates: [errors, smoke]}
  - {ratio: 5, bake: 1d, gates: [errors]}
  - {ratio: 10, bake: 1d, gates: [errors]}
  - {ratio: 30, bake: 1d, gates: [errors], approval: true}
  - {ratio: 100, approval: true}
`

func at(hours int) time.Time {
	return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
}

// standing is a rollout that stands somewhere: 1% and 5% are behind, somebody else set 10%,
// and 10% is live for an hour.
func standing(t *testing.T, stop *rollout.Stop) report.Input {
	t.Helper()
	parsed, err := rollout.ParseSpec([]byte(spec))
	require.NoError(t, err)
	state := &rollout.State{
		Rollout: "release rel_1", Target: "release rel_1", Spec: *parsed, Status: rollout.Running,
		Subject: rollout.Subject{Program: "2171020000000001", Name: "Blue Lake Tea", Version: "1.2.0"}, Stop: stop,
		Applied: true, Observed: true, Ratio: 10, Since: at(30), WaitingSince: at(30),
		Changes: []rollout.RatioChange{
			{From: 0, To: 1, At: at(0)}, {From: 1, To: 5, At: at(12)}, {From: 5, To: 10, Outside: true, By: "olga", At: at(30)},
		},
		Gates:     map[string]rollout.GateState{"errors": {Verdict: rollout.Passed("data.rate is 0.002"), At: at(31)}},
		Approvals: []rollout.Approval{{Ratio: 30, By: "mei", At: at(2)}},
	}
	if stop != nil {
		state.Status, stop.Ratio, stop.At = rollout.Paused, 10, at(32)
	}
	return report.Input{
		Command: "run", State: state,
		Observation: &rollout.Observation{Status: alipayplus.ReleaseGrayscale, Ratio: 10, Ladder: alipayplus.DefaultLadder()},
		Audit:       []rollout.AuditEntry{{Action: rollout.EventApplied, At: at(-30)}},
	}
}

// pending is a rollout that is not over.
func pending(t *testing.T) *report.Report {
	t.Helper()
	in := standing(t, nil)
	in.Err = &rollout.PendingError{Rollout: "release rel_1", Next: rollout.Next{What: "watching 10% until 2026-03-04T15:00:00Z", At: at(54)}, Err: os.ErrDeadlineExceeded}
	r := report.New(in)
	r.GoOn = "alipayplus rollout run --spec release.yaml --state 'my state'"
	return r
}

// stopped is a rollout that was paused for a reason.
func stopped(t *testing.T, stop rollout.Stop) *report.Report {
	t.Helper()
	in := standing(t, &stop)
	in.Err = &rollout.StoppedError{Rollout: "release rel_1", Target: "release rel_1", Status: rollout.Paused, Stop: stop}
	return report.New(in)
}

// reports are those that are written down in testdata.
func reports(t *testing.T) map[string]*report.Report {
	t.Helper()
	failed := stopped(t, rollout.Stop{Cause: rollout.CauseGate, Gate: "errors", Reason: "gate errors failed: data.rate is 0.02, above 0.01 <b>|`x`"})
	failed.GoOn = "alipayplus rollout resume --state 'my state'"
	return map[string]*report.Report{
		"pending":     pending(t),
		"gate_failed": failed,
		"not_found": report.New(report.Input{
			Command: "run", Rollout: "release rel_1", Target: "release rel_1",
			Err: &alipayplus.Error{Operation: "releases.get", Code: alipayplus.CodeNotFound, Message: "no such release", HTTPStatus: 404},
		}),
	}
}
