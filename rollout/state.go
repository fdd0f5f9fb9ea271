package rollout

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// stateSchema is the version of the form in which a [State] is stored.
const stateSchema = 1

// Status says whether a rollout goes on.
type Status string

// The statuses of a rollout.
const (
	// Running: it goes on at the next step.
	Running Status = "RUNNING"
	// Paused: it waits for [Runner.Resume] or [Runner.Abort]. What is live stays live.
	Paused Status = "PAUSED"
	// Done: all users have the version. Final.
	Done Status = "DONE"
	// Aborted: the version was given up by this rollout. Final.
	Aborted Status = "ABORTED"
	// Ended: somebody else ended it: the version was canceled, its release deleted, or a
	// later one took its place. Final.
	Ended Status = "ENDED"
)

// Final says whether nothing leads out of the status.
func (s Status) Final() bool { return s == Done || s == Aborted || s == Ended }

// State is the state of a rollout: all that another process, on another machine, needs to go
// on. It is stored before every change of the target, and before every wait.
type State struct {
	// Rollout is the rollout's name.
	Rollout string `json:"rollout"`
	// Target is the id of the target.
	Target string `json:"target"`
	// Subject is the mini program and its version; zero before the target was observed.
	Subject Subject `json:"subject,omitzero"`
	// Spec is what is carried out.
	Spec Spec `json:"spec"`
	// Status says whether it goes on.
	Status Status `json:"status"`
	// Stop is why it does not; nil while it runs and when it is done.
	Stop *Stop `json:"stop,omitempty"`
	// Began is when the first run began, or the last resumption: the deadline
	// counts from here.
	Began time.Time `json:"began"`
	// Applied says that an application is the rollout's: made by it, or adopted.
	Applied bool `json:"applied,omitempty"`
	// Application is that application, as the target names it.
	Application string `json:"application,omitempty"`
	// Observed says that the target was read at least once.
	Observed bool `json:"observed,omitempty"`
	// Ratio is live, in percent, as last observed or set.
	Ratio alipayplus.Ratio `json:"ratio"`
	// LastEmitted is the status of the target and the verdicts in the last OBSERVED event.
	LastEmitted string `json:"seen,omitempty"`
	// Since is when the ratio went live, as far as the runner knows: the bake time counts
	// from here. A pause moves it by the length of the pause.
	Since time.Time `json:"since,omitzero"`
	// Clock names the machine whose clock Since and WaitingSince are of.
	Clock string `json:"clock,omitempty"`
	// LiveAt is when the ratio was set by the target's clock, as it was last seen; zero when
	// the target does not say it.
	LiveAt time.Time `json:"liveAt,omitzero"`
	// WaitingSince is when the present wait began: the deadlines of the review and of the
	// step count from here.
	WaitingSince time.Time `json:"watched"`
	// Gates are the last results of the gates of the live step, by name.
	Gates map[string]GateState `json:"gates,omitempty"`
	// Approvals are those given so far and not revoked. [State.Approval] says which are valid.
	Approvals []Approval `json:"approvals,omitempty"`
	// Voided is what made the approvals void that were given before it; nil for nothing.
	Voided *Voided `json:"voided,omitempty"`
	// Changes are the ratios that went live, oldest first.
	Changes []RatioChange `json:"changes,omitempty"`
	// Intent is a change whose outcome is unknown; nil for none.
	Intent *Intent `json:"intent,omitempty"`
	// Handled are the ids of stored commands that were executed already.
	Handled []string `json:"handled,omitempty"`
	// Seq counts the stored states of the rollout.
	Seq uint64 `json:"seq"`
	// UpdatedAt is when the state was stored.
	UpdatedAt time.Time `json:"updatedAt"`
	// UpdatedBy is the runner that stored it.
	UpdatedBy string `json:"updatedBy"`

	// specHash is the hash of Spec.
	specHash string
}

// Cause is why a rollout stopped.
type Cause string

// The causes.
const (
	// CausePerson: somebody asked for it.
	CausePerson Cause = "PERSON"
	// CauseGate: a gate failed.
	CauseGate Cause = "GATE"
	// CauseRejected: a reviewing party rejected the version.
	CauseRejected Cause = "REJECTED"
	// CauseWithdrawn: the application was withdrawn.
	CauseWithdrawn Cause = "WITHDRAWN"
	// CauseDeadline: it took longer than the spec allows.
	CauseDeadline Cause = "DEADLINE"
	// CauseOutside: somebody changed the target in a way that the rollout does not
	// reverse.
	CauseOutside Cause = "OUTSIDE"
)

// Stop is why a rollout does not go on.
type Stop struct {
	// Cause is the kind of reason.
	Cause Cause `json:"cause"`
	// Reason describes it in one line.
	Reason string `json:"reason"`
	// By is who stopped it; empty when the runner did.
	By string `json:"by,omitempty"`
	// At is when.
	At time.Time `json:"at"`
	// Seq is the stored state that it began with.
	Seq uint64 `json:"seq,omitempty"`
	// Gate is the gate that failed; empty for other causes.
	Gate string `json:"gate,omitempty"`
	// Ratio was live then, in percent.
	Ratio alipayplus.Ratio `json:"ratio"`
	// Baked is how much of the bake time was over: it goes on from there when the rollout
	// is resumed.
	Baked Duration `json:"watched,omitempty"`
	// Reviews are the verdicts, for CauseRejected and CauseWithdrawn.
	Reviews []alipayplus.Review `json:"reviews,omitempty"`
	// Aftermath says what an abort means for users who have the version.
	Aftermath string `json:"aftermath,omitempty"`
}

// GateState is the last result of a gate for the live step.
type GateState struct {
	// Verdict is the last one; its decision is empty when the gate gave an error.
	Verdict Verdict `json:"verdict"`
	// At is when the last of the gates that were evaluated together was done; zero before
	// the first time.
	At time.Time `json:"at,omitzero"`
	// Errors is how many errors the gate gave in a row.
	Errors int `json:"errors,omitempty"`
	// Error is the last one; empty after a verdict.
	Error string `json:"error,omitempty"`
	// Recent are the last verdicts to pass or to fail, oldest first, where more than one
	// failure stops the rollout: see [GateSpec].FailAfter.
	Recent []Decision `json:"recent,omitempty"`
}

// Approval is a person's consent to a ratio.
type Approval struct {
	// Ratio may be set, in percent.
	Ratio alipayplus.Ratio `json:"ratio"`
	// By is who approved.
	By string `json:"by"`
	// Reason says why; may be empty.
	Reason string `json:"reason,omitempty"`
	// At is when.
	At time.Time `json:"at"`
	// Seq is the stored state that the approval is for, as in State.Seq.
	Seq uint64 `json:"seq,omitempty"`
}

// Voided is something after which approvals have to be given again: a gate failed, a review
// ended without approval, a deadline passed, somebody else changed the target, or the spec
// is another.
type Voided struct {
	// Seq is the first stored state in which it had happened: approvals for earlier ones are
	// void.
	Seq uint64 `json:"seq"`
	// Why says in one line what happened.
	Why string `json:"why"`
	// At is when.
	At time.Time `json:"at"`
}

// RatioChange is a ratio that went live.
type RatioChange struct {
	// From was live before, in percent.
	From alipayplus.Ratio `json:"from"`
	// To went live, in percent.
	To alipayplus.Ratio `json:"to"`
	// Outside says that somebody else set it, or that it was live before the
	// rollout began.
	Outside bool `json:"outside,omitempty"`
	// By is who set it, as far as the target reports that.
	By string `json:"by,omitempty"`
	// At is when the runner knew.
	At time.Time `json:"at"`
}

// ChangeKind is a kind of change that a runner makes.
type ChangeKind string

// The kinds of change.
const (
	// ChangeApply applies for review.
	ChangeApply ChangeKind = "APPLY"
	// ChangeWithdraw withdraws an application, by [ReviewReplace].
	ChangeWithdraw ChangeKind = "WITHDRAW"
	// ChangeRaise sets a ratio below 100.
	ChangeRaise ChangeKind = "RAISE"
	// ChangePublish releases to all users.
	ChangePublish ChangeKind = "PUBLISH"
	// ChangeAbort gives the version up.
	ChangeAbort ChangeKind = "ABORT"
)

// Intent is a change that is about to be made. It is stored before the target is called, so
// that a later process knows what may have happened.
type Intent struct {
	// Kind is the kind of change.
	Kind ChangeKind `json:"kind"`
	// RequestID is the idempotency key of the call.
	RequestID string `json:"requestId"`
	// From is the ratio that was live, in percent.
	From alipayplus.Ratio `json:"from"`
	// To is the ratio to be set, in percent.
	To alipayplus.Ratio `json:"to,omitempty"`
	// Application was the newest one before the change.
	Application string `json:"application,omitempty"`
	// Raises is how many ratios had been set before the change.
	Raises int `json:"raises,omitempty"`
	// Other is the version in the way that is withdrawn; nil for others.
	Other *Blocker `json:"other,omitempty"`
	// At is when it was decided.
	At time.Time `json:"at"`
	// Stop is why the version is given up; nil for other kinds.
	Stop *Stop `json:"stop,omitempty"`

	// unknown says that the change may have been made.
	unknown bool
}

// storedState is a state as it is stored.
type storedState struct {
	Schema int             `json:"schema"`
	SHA256 string          `json:"sha256"`
	State  json.RawMessage `json:"state"`
}

// encode returns the bytes to store.
func (state *State) encode() ([]byte, error) {
	data, err := json.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("rollout %s: encode the state: %w", state.Rollout, err)
	}
	return fmt.Appendf(make([]byte, 0, len(data)+128), `{"schema":%d,"sha256":"%x","state":%s}`, stateSchema, sha256.Sum256(data), data), nil
}

// decodeState reads what encode wrote, of a rollout or, for the empty name, of any. Anything
// else, an empty file too, is a [CheckpointError].
func decodeState(rollout string, data []byte) (*State, error) {
	var c storedState
	whose := func() string {
		var of struct{ Rollout string }
		_ = json.Unmarshal(c.State, &of) // as far as it can be read
		return cmp.Or(rollout, of.Rollout)
	}
	bad := func(format string, args ...any) error {
		return &CheckpointError{Rollout: whose(), Reason: fmt.Sprintf(format, args...)}
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, bad("it is damaged: %v", err)
	}
	if c.Schema > stateSchema {
		return nil, &CheckpointError{Rollout: whose(), Newer: true, Reason: fmt.Sprintf(
			"it has schema version %d, made by a newer version of the library; this one reads up to %d", c.Schema, stateSchema)}
	}
	if c.Schema < 1 {
		return nil, bad("it is damaged: it has no schema version")
	}
	sum := sha256.Sum256(c.State)
	if hex.EncodeToString(sum[:]) != c.SHA256 {
		return nil, bad("it is damaged or was changed by hand: its checksum does not fit")
	}
	state := new(State)
	if err := json.Unmarshal(c.State, state); err != nil {
		return nil, bad("it is damaged: %v", err)
	}
	if rollout != "" && state.Rollout != rollout {
		return nil, bad("it is of the rollout %s", state.Rollout)
	}
	if state.Intent != nil {
		state.Intent.unknown = true
	}
	state.specHash = state.Spec.Hash()
	return state, nil
}

// clone is the state as decodeState would read it. What is never changed in place is shared.
func (state *State) clone() State {
	c := *state
	c.Gates = maps.Clone(state.Gates)
	c.Approvals, c.Changes, c.Handled = slices.Clone(state.Approvals), slices.Clone(state.Changes), slices.Clone(state.Handled)
	c.Stop = state.Stop.clone()
	if in := state.Intent; in != nil {
		c.Intent = new(*in)
		c.Intent.Stop, c.Intent.unknown = in.Stop.clone(), true
	}
	return c
}

func (stop *Stop) clone() *Stop {
	if stop == nil {
		return nil
	}
	return new(*stop)
}

// Approval returns the valid approval of a ratio that was given last; nil when there is
// none. why then says what became of the one that was given: it expired, or something
// happened after it, see [Voided]; empty when none was given.
func (state *State) Approval(ratio alipayplus.Ratio, now time.Time) (valid *Approval, why string) {
	for _, a := range slices.Backward(state.Approvals) {
		if a.Ratio != ratio {
			continue
		}
		if why = state.whyVoid(a, now); why == "" {
			return &a, ""
		}
		return nil, why
	}
	return nil, ""
}

// whyVoid says why an approval is not valid; empty when it is.
func (state *State) whyVoid(a Approval, now time.Time) string {
	expires := a.At.Add(state.Spec.ApprovalExpiry.Std())
	switch {
	case state.Voided != nil && a.Seq < state.Voided.Seq:
		return fmt.Sprintf("that of %s is void: %s", a.By, state.Voided.Why)
	case state.Spec.ApprovalExpiry > 0 && !now.Before(expires):
		return fmt.Sprintf("that of %s expired at %s", a.By, expires.UTC().Format(time.RFC3339))
	default:
		return ""
	}
}

// voidApprovals makes the approvals void that were given so far. The caller stores the state.
func (state *State) voidApprovals(why string) {
	state.Voided = &Voided{Seq: state.Seq + 1, Why: why, At: time.Now()}
}

// targetClock stands in State.Clock for the target's own clock, which is no machine's.
const targetClock = "(target)"

// liveSince records when the ratio was set by the target's clock; zero for unknown. One that was taken back and set again
// since it was observed last is live anew: what was watched before a pause does not count, which it says; empty where
// nothing changes. Without a pause since then, correctStarts sees to it.
func (state *State) liveSince(at time.Time) string {
	known := state.LiveAt
	if n := len(state.Changes); known.IsZero() && n > 0 {
		known = state.Changes[n-1].At.Add(state.Spec.clockTolerance())
	}
	if at.After(state.LiveAt) {
		state.LiveAt = at
	}
	stopped := state.Status == Paused && state.Stop.Ratio == state.Ratio
	switch {
	case !at.After(known):
		return ""
	case stopped && state.Stop.Baked > 0:
		state.Stop.Baked = 0
	case state.Status == Running && state.Since.Before(state.Began) && !at.After(state.Began):
		state.Since = state.Began
	default:
		return ""
	}
	return fmt.Sprintf("%v was set again at %s by the target's clock: its bake time counts from the resumption", state.Ratio, clockTime(at))
}

// correctStarts replaces stored times that cannot be right, and says which; empty when all
// can. What another machine, or this one before its clock was set, stored as a time that is
// still to come would never be over: it counts from now. What it stored as earlier than the
// target's own time of the change would be over too soon: it counts from that.
func (state *State) correctStarts(now time.Time, host string) []string {
	if state.Status != Running {
		return nil
	}
	var corrected []string
	note := func(format string, args ...any) { corrected = append(corrected, fmt.Sprintf(format, args...)) }
	live := state.LiveAt
	switch behind := !live.IsZero() && !live.After(now) && state.Since.Before(live.Add(-state.Spec.clockTolerance())); {
	case state.Ratio == 0 || state.Since.IsZero():
	case state.Since.After(now):
		note("%v is live since %s, which is still to come by the clock of this machine: its bake time counts from now", state.Ratio, clockTime(state.Since))
		state.Since, state.Clock = now, host
	case behind && state.Began.After(live): // how long it was watched before the pause, nobody knows
		note("%v is live since %s by the target's clock, not since %s: its bake time counts from the resumption at %s", state.Ratio, clockTime(live), clockTime(state.Since), clockTime(state.Began))
		state.Since = state.Began
	case behind:
		note("%v is live since %s by the target's clock, not since %s: its bake time counts from then", state.Ratio, clockTime(live), clockTime(state.Since))
		if state.WaitingSince.Before(live) {
			state.WaitingSince = live
		}
		state.Since, state.Clock = live, targetClock
	}
	if state.WaitingSince.After(now) {
		note("the wait began at %s, which is still to come: it counts from now", clockTime(state.WaitingSince))
		state.WaitingSince = now
	}
	if state.Began.After(now) {
		note("the rollout began at %s, which is still to come: its deadline counts from now", clockTime(state.Began))
		state.Began = now
	}
	state.correctAnswers(now, note)
	return corrected
}

// correctAnswers is correctStarts for what people approved and gates said.
func (state *State) correctAnswers(now time.Time, note func(format string, args ...any)) {
	for i, a := range state.Approvals {
		if state.Spec.ApprovalExpiry > 0 && a.At.After(now) {
			note("the approval of %v by %s is of %s, which is still to come: it expires as if it were given now", a.Ratio, a.By, clockTime(a.At))
			state.Approvals[i].At = now
		}
	}
	if len(state.Gates) == 0 { // sorting none costs more than all else here
		return
	}
	for _, name := range slices.Sorted(maps.Keys(state.Gates)) {
		g := state.Gates[name]
		if g.At.After(now) && !g.hasFailed(state.Spec.gate(name)) { // what has failed has, whatever the clock
			note("gate %s is asked again, its answer is of %s, which is still to come", name, clockTime(g.At))
			g.At, g.Verdict = time.Time{}, Verdict{}
			state.Gates[name] = g
		}
	}
}

func clockTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }
