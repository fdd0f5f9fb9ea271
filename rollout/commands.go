package rollout

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// Pause stops the rollout where it is, until [Runner.Resume]. What is live stays live.
// by is who asks for it and is required; the reason may be empty.
func (r *Runner) Pause(ctx context.Context, by, reason string) (*Receipt, error) {
	return r.sendCommand(ctx, Command{Kind: CommandPause, By: by, Reason: reason})
}

// Resume lets a paused rollout go on: from what is live, with new deadlines and new
// verdicts of its gates. The time of the pause does not count as bake time. After a
// rejection it applies again. Unless a person had paused it, approvals that were given before
// the pause have to be given again, see [Voided]. A [ConflictError]: it is not paused, or it
// stopped only after that was asked, as when an abort is refused then.
func (r *Runner) Resume(ctx context.Context, by, reason string) (*Receipt, error) {
	return r.sendCommand(ctx, Command{Kind: CommandResume, By: by, Reason: reason})
}

// Abort gives the version up at the target, whether the rollout runs, is paused, or has
// not begun. When the target fails, the error says so, and the command is kept for the next
// run. Stop.Aftermath of the state says what it means for users who have the version.
func (r *Runner) Abort(ctx context.Context, by, reason string) (*Receipt, error) {
	return r.sendCommand(ctx, Command{Kind: CommandAbort, By: by, Reason: reason})
}

// Approve approves that the ratio, in percent, is set. It may be given before the rollout
// reaches that step. It is for what has happened so far, or up to what [ApprovedState] says:
// when a gate fails afterwards, or something else of [Voided] happens, or
// [Spec].ApprovalExpiry is over, it has to be given again. The stored spec counts. An error
// that matches [alipayplus.ErrInvalid]: no step asks for approval of the ratio; it lists those
// that do. [ConflictError]: the rollout has not begun, the ratio is live already, or something
// of [Voided] has happened after the state that was approved.
func (r *Runner) Approve(ctx context.Context, by, reason string, ratio alipayplus.Ratio, opts ...ApproveOption) (*Receipt, error) {
	c := Command{Kind: CommandApprove, By: by, Reason: reason, Ratio: ratio}
	for _, set := range opts {
		set(&c)
	}
	return r.sendCommand(ctx, c)
}

// ApproveOption changes an approval.
type ApproveOption func(*Command)

// ApprovedState says which state of the rollout the person has looked at, by State.Seq; the
// default is the present one.
func ApprovedState(seq uint64) ApproveOption { return func(c *Command) { c.Seq = seq } }

// RevokeApproval revokes all approvals of a ratio, in percent, that is not live yet. A
// [ConflictError]: there is none, or the ratio is live.
func (r *Runner) RevokeApproval(ctx context.Context, by, reason string, ratio alipayplus.Ratio) (*Receipt, error) {
	return r.sendCommand(ctx, Command{Kind: CommandRevoke, By: by, Reason: reason, Ratio: ratio})
}

// Receipt is what became of a command.
type Receipt struct {
	// Handled says that the command was executed. Otherwise it waits in the store for Holder.
	Handled bool
	// Holder is the runner that drives the rollout now, and will execute the command at
	// its next step; empty when the command was executed.
	Holder string
	// State is the state of the rollout; nil when it is not handled.
	State *State
}

// sendCommand executes a command or, when another runner drives the rollout, posts it for
// that one. It uses the stored spec, not the runner's. A command that is in the store is
// never lost; one that failed before has had no effect.
func (r *Runner) sendCommand(ctx context.Context, c Command) (*Receipt, error) {
	if c.By == "" {
		return nil, fmt.Errorf("rollout %s: say who asks for it: %w", r.name, alipayplus.ErrInvalid)
	}
	c.ID, c.At = rand.Text(), time.Now()
	if c.Kind != CommandAbort { // which may come before the first run
		if err := r.checkCommand(ctx, &c); err != nil {
			return nil, err
		}
	}
	defer r.closeSinks(ctx)
	s, err := r.openSession(ctx)
	if leased, ok := errors.AsType[*LeasedError](err); ok {
		return r.postCommand(ctx, c, leased.Holder)
	}
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	s.startIfNew()
	s.commandID = c.ID
	s.correctClock()
	if err := r.store.Post(ctx, r.name, c); err != nil {
		return nil, err
	}
	if err := s.transact(ctx, func() error { return s.executeCommands(ctx) }); err != nil {
		return &Receipt{State: s.state}, fmt.Errorf("%w; the command is stored, and the next run executes it", err)
	}
	refused := s.refusal
	if refused == nil && c.Kind == CommandAbort && s.state.Status != Aborted {
		refused = s.state.stopped()
	}
	return &Receipt{Handled: true, State: s.state}, refused
}

// checkCommand refuses a command of a rollout that has not begun, and an approval of a ratio
// for which the stored spec wants none, before anything is written. Otherwise it says which
// state the command is for.
func (r *Runner) checkCommand(ctx context.Context, c *Command) error {
	state, err := r.Status(ctx)
	switch {
	case err != nil:
		return err
	case state == nil:
		return r.notBegun(c.Kind)
	case c.Kind == CommandResume:
		c.Seen = state.Seq
		return nil
	case c.Kind != CommandApprove && c.Kind != CommandRevoke:
		return nil
	case !state.Spec.needsApproval(c.Ratio):
		return fmt.Errorf("rollout %s: %s: %w", r.name, noApprovalWanted(&state.Spec, c.Ratio), alipayplus.ErrInvalid)
	}
	c.Seq = cmp.Or(c.Seq, state.Seq)
	return nil
}

// notBegun says that the store has nothing under the name, which may be mistyped, as may the
// store's place.
func (r *Runner) notBegun(kind CommandKind) error {
	where := ""
	if place, ok := r.store.(fmt.Stringer); ok {
		where = " in " + place.String()
	}
	return r.conflict("it has not begun: no rollout of this name is stored%s, so there is nothing to %s; check the name and the place", where, kind.verb())
}

// noApprovalWanted says that no step asks for approval of the ratio, and which do.
func noApprovalWanted(spec *Spec, ratio alipayplus.Ratio) string {
	wanted := "no ratio"
	if all := spec.approvals(); len(all) > 0 {
		wanted = strings.Trim(fmt.Sprint(all), "[]")
	}
	return fmt.Sprintf("the stored spec does not ask for approval of %v; it asks for approval of: %s", ratio, wanted)
}

// postCommand stores a command for whoever drives the rollout, and wakes a run of this
// runner.
func (r *Runner) postCommand(ctx context.Context, c Command, holder string) (*Receipt, error) {
	if err := r.store.Post(ctx, r.name, c); err != nil {
		return nil, err
	}
	select {
	case r.wakes() <- struct{}{}:
	default: // a run is being woken already
	}
	return &Receipt{Holder: holder}, nil
}

// executeCommands executes the posted commands, oldest first, after an abort that was begun.
// The state that a command leads to records its ID before the command is removed, so that it is
// executed once.
func (s *session) executeCommands(ctx context.Context) error {
	commands, err := s.posted.Commands(ctx)
	if err != nil {
		return err
	}
	s.state.Handled = slices.DeleteFunc(s.state.Handled, func(id string) bool { // those that were removed since
		return !slices.ContainsFunc(commands, func(c Command) bool { return c.ID == id })
	})
	if s.abortStarted() {
		if err := s.abort(ctx, s.state.Intent.Stop); err != nil {
			return err
		}
	}
	for _, c := range commands {
		if s.yielded {
			return nil
		}
		if s.isHandled(c) {
			continue
		}
		if err := s.executeCommand(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) isHandled(c Command) bool { return slices.Contains(s.state.Handled, c.ID) }

// hasCommands says whether there are commands that were not executed.
func (s *session) hasCommands(ctx context.Context) (bool, error) {
	commands, err := s.posted.Commands(ctx)
	return slices.ContainsFunc(commands, func(c Command) bool { return !s.isHandled(c) }), err
}

func (s *session) executeCommand(ctx context.Context, c Command) error {
	if c.Kind == CommandAbort && !s.state.Status.Final() {
		return s.executeAbort(ctx, c)
	}
	s.state.Handled = append(s.state.Handled, c.ID)
	if why := s.refusalOf(c); why != "" {
		if c.ID == s.commandID {
			s.refusal = s.runner.conflict("%s", why)
		}
		s.recordAudited(EventRefused, Event{What: why, By: c.By})
		s.markChanged()
		return nil
	}
	switch c.Kind {
	case CommandPause:
		s.pause(c)
	case CommandResume:
		s.resume(c)
	case CommandApprove:
		s.approve(c)
	case CommandRevoke:
		s.state.Approvals = slices.DeleteFunc(s.state.Approvals, func(a Approval) bool { return a.Ratio == c.Ratio })
		what := fmt.Sprintf("the approval of %v is revoked", c.Ratio)
		s.recordAudited(EventRevoked, Event{What: withReason(what, c.Reason), By: c.By, To: c.Ratio})
	}
	s.markChanged()
	return nil
}

// approve records an approval. It counts from when it was given, but not from the future of
// a machine whose clock is ahead.
func (s *session) approve(c Command) {
	a := Approval{Ratio: c.Ratio, By: c.By, Reason: c.Reason, At: c.At, Seq: cmp.Or(c.Seq, s.state.Seq)}
	if now := time.Now(); a.At.After(now) {
		a.At = now
	}
	s.state.Approvals = append(s.state.Approvals, a)
	s.recordAudited(EventApproved, Event{What: withReason(fmt.Sprintf("%v is approved", c.Ratio), c.Reason), By: c.By, To: c.Ratio})
}

func withReason(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// refusalOf says why a command cannot be executed; empty when it can.
func (s *session) refusalOf(c Command) string {
	status := s.state.Status
	switch {
	case status.Final():
		return fmt.Sprintf("it is %s; nothing is left to %s", status, c.Kind.verb())
	case c.Kind == CommandResume && status != Paused:
		return "it is running; only a paused rollout can be resumed"
	case c.Kind == CommandResume && c.before(s.state.Stop):
		return "it stopped after that was asked: " + s.state.Stop.Reason + "; check it, and resume it again"
	case c.Kind == CommandPause && status == Paused:
		return "it is paused already"
	case !c.Kind.known():
		return fmt.Sprintf("this version of the library does not know the command %q", c.Kind)
	case c.Kind == CommandApprove || c.Kind == CommandRevoke:
		return s.refusalOfApproval(c)
	default:
		return ""
	}
}

// refusalOfApproval says why a ratio cannot be approved, or its approval not be revoked;
// empty when it can.
func (s *session) refusalOfApproval(c Command) string {
	void := s.state.Voided
	revokes := c.Kind == CommandRevoke
	switch {
	case c.Ratio <= s.state.Ratio && revokes:
		return fmt.Sprintf("%v is live already; pause the rollout or abort it", s.state.Ratio)
	case c.Ratio <= s.state.Ratio:
		return fmt.Sprintf("%v is live already; nothing is left to approve", s.state.Ratio)
	case !revokes && !s.state.Spec.needsApproval(c.Ratio):
		return noApprovalWanted(&s.state.Spec, c.Ratio)
	case revokes && !slices.ContainsFunc(s.state.Approvals, func(a Approval) bool { return a.Ratio == c.Ratio }):
		return fmt.Sprintf("%v is not approved; nothing is left to revoke", c.Ratio)
	case !revokes && void != nil && (c.Seq != 0 && c.Seq < void.Seq || c.Seq == 0 && c.At.Before(void.At)):
		return fmt.Sprintf("%s after the state that was approved; check it, and approve %v again", void.Why, c.Ratio)
	case c.Seq > s.state.Seq:
		return fmt.Sprintf("state %d cannot be approved: the last one is %d", c.Seq, s.state.Seq)
	default:
		return ""
	}
}

// before says whether a command was given before the rollout stopped: by the states that
// were stored, where they are known, for two machines may have given the times.
func (c Command) before(stop *Stop) bool {
	if c.Seen > 0 && stop.Seq > 0 {
		return c.Seen < stop.Seq
	}
	return c.At.Before(stop.At)
}

// known says whether this version of the library has the kind; a later one may post others.
func (k CommandKind) known() bool {
	return slices.Contains([]CommandKind{CommandPause, CommandResume, CommandAbort, CommandApprove, CommandRevoke}, k)
}

func (k CommandKind) verb() string {
	if !k.known() {
		return "do"
	}
	return strings.ToLower(string(k))
}

func (s *session) pause(c Command) {
	s.stop(Paused, &Stop{
		Cause: CausePerson, Reason: cmp.Or(c.Reason, "paused by hand"), By: c.By, At: c.At, Ratio: s.state.Ratio, Baked: s.bakedSoFar(),
	})
}

// resume lets a rollout go on from whatever is live. The time of the pause does not count
// as bake time.
func (s *session) resume(c Command) {
	state, now := s.state, time.Now()
	why := state.Stop
	state.Status, state.Stop, state.Gates = Running, nil, nil
	state.Began, state.WaitingSince = now, now
	if state.Ratio > 0 {
		state.Since, state.Clock = now.Add(-why.Baked.Std()), s.runner.host
	}
	switch why.Cause {
	case CauseRejected, CauseWithdrawn:
		state.Applied, state.Application = false, ""
	case CauseOutside:
		state.Observed, state.Ratio = false, 0
		state.Applied, state.Application = false, ""
	case CausePerson, CauseGate, CauseDeadline:
	}
	s.recordAudited(EventResumed, Event{What: cmp.Or(c.Reason, "resumed by hand"), By: c.By})
}

// bakedSoFar is the bake time of the live ratio so far, less what two clocks may differ. It
// does not grow while the rollout is paused.
func (s *session) bakedSoFar() Duration {
	state := s.state
	switch {
	case state.Since.IsZero():
		return 0
	case state.Status == Paused && state.Stop.Ratio == state.Ratio:
		return state.Stop.Baked
	case state.Status == Paused:
		return 0
	}
	d := time.Since(state.Since)
	if state.Clock != s.runner.host {
		d -= state.Spec.clockTolerance()
	}
	return Duration(max(0, d))
}

// executeAbort observes the target first, so that the audit log shows what became of a
// change that was begun, and what others did. A target that cannot be read is aborted all
// the same, unless the outcome of a change is unknown.
func (s *session) executeAbort(ctx context.Context, c Command) error {
	if err := s.observe(ctx, nil); err != nil {
		if s.state.Intent != nil || ctx.Err() != nil {
			return err
		}
	}
	s.state.Handled = append(s.state.Handled, c.ID)
	why := &Stop{Cause: CausePerson, Reason: cmp.Or(c.Reason, "aborted by hand"), By: c.By, At: c.At, Ratio: s.state.Ratio}
	return s.abort(ctx, why)
}

func (s *session) abortStarted() bool {
	return s.state.Intent != nil && s.state.Intent.Kind == ChangeAbort
}

// abortPending says whether the version is to be given up: by an abort whose outcome is
// unknown, or by a command that could not be executed yet.
func (s *session) abortPending(ctx context.Context) bool {
	commands, err := s.posted.Commands(ctx)
	return s.abortStarted() || err == nil && slices.ContainsFunc(commands, func(c Command) bool { return c.Kind == CommandAbort && !s.isHandled(c) })
}
