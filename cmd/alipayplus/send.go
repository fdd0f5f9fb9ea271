package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// How long, and how often, it is looked for what another run made of a command.
const (
	sendWait     = 10 * time.Second
	sendInterval = 200 * time.Millisecond
)

// sendCommand sends a command to the rollout: to the run that drives it now, or to the
// next one.
func (j *job) sendCommand(ctx context.Context, runner *rollout.Runner) error {
	before := len(j.audit(ctx))
	receipt, err := j.send(ctx, runner)
	if receipt != nil {
		j.state = receipt.State
		switch {
		case err != nil || receipt.Handled:
		case receipt.Holder == "":
			j.message = "the command is left for the first run"
		default:
			err = j.await(ctx, receipt.Holder, before)
		}
	}
	return j.known(ctx, err)
}

func (j *job) send(ctx context.Context, runner *rollout.Runner) (*rollout.Receipt, error) {
	switch by, reason := j.opts.by, j.opts.reason; j.opts.command {
	case commandPause:
		return runner.Pause(ctx, by, reason)
	case commandResume:
		return runner.Resume(ctx, by, reason)
	case commandAbort:
		return runner.Abort(ctx, by, reason)
	case commandRevoke:
		return runner.RevokeApproval(ctx, by, reason, j.opts.ratio())
	default:
		return runner.Approve(ctx, by, reason, j.opts.ratio())
	}
}

// await waits a while until the run that drives the rollout has executed the command,
// and says what came of it. before is how long the audit log was before the command.
func (j *job) await(ctx context.Context, holder string, before int) error {
	ctx, cancel := context.WithTimeout(ctx, sendWait)
	defer cancel()
	for ctx.Err() == nil {
		state, err := rollout.ReadState(ctx, j.store, j.name)
		if err == nil && state != nil {
			if done, err := j.answer(state, j.audit(ctx), before); done {
				j.state = state
				return err
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(sendInterval):
		}
	}
	j.message = fmt.Sprintf("the command is left for %s, which drives the rollout and has not executed it yet; see status", holder)
	return nil
}

// answer looks for what came of the command in what the audit log has more than before. The
// log may be a checkpoint ahead of the state, which was read first, or behind it: a store
// need not write both at once. Then it is too early to tell.
func (j *job) answer(state *rollout.State, log []rollout.AuditEntry, before int) (done bool, err error) {
	for _, entry := range log[min(before, len(log)):] {
		if entry.By != j.opts.by {
			continue
		}
		if entry.Seq > state.Seq {
			return false, nil
		}
		switch entry.Action {
		case rollout.EventRefused:
			return true, &rollout.ConflictError{Rollout: state.Rollout, Reason: entry.Why}
		case rollout.EventPaused:
			if j.opts.command == commandAbort && state.Stop != nil { // the target refused to give the version up
				return true, &rollout.StoppedError{Rollout: state.Rollout, Target: state.Target, Status: state.Status, Stop: *state.Stop}
			}
			return true, nil
		case rollout.EventResumed, rollout.EventAborted, rollout.EventApproved, rollout.EventRevoked:
			return true, nil
		}
	}
	if state.Status.Final() && slices.ContainsFunc(log, isEnd) {
		return true, &rollout.ConflictError{Rollout: state.Rollout, Reason: fmt.Sprintf("it is %s; nothing is left to %s", state.Status, j.opts.command)}
	}
	return false, nil
}

// isEnd says whether an entry of the audit log is the end of a rollout.
func isEnd(entry rollout.AuditEntry) bool {
	return slices.Contains([]rollout.EventKind{rollout.EventDone, rollout.EventAborted, rollout.EventEnded}, entry.Action)
}

// audit is the audit log, as far as it can be read.
func (j *job) audit(ctx context.Context) (all []rollout.AuditEntry) {
	for entry, err := range j.store.Audit(ctx, j.name) {
		if err != nil {
			break
		}
		all = append(all, entry)
	}
	return all
}
