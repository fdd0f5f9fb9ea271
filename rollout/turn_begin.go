package rollout

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// begin takes the lease, keeps it until end, and reads what is stored.
func (r *Runner) begin(ctx context.Context) (*turn, error) {
	lease, err := r.store.Acquire(ctx, r.config.name, r.config.holder)
	if err != nil {
		return nil, err
	}
	t := &turn{r: r, lease: lease, refused: make(map[string]error), last: notBegun(), lost: make(chan error, 1)}
	t.keep(ctx)
	if err := t.read(ctx); err != nil {
		t.end(ctx)
		return nil, err
	}
	return t, nil
}

// keep renews the lease, however long a call, a gate or a wait takes, until end.
func (t *turn) keep(ctx context.Context) {
	ctx, t.release = context.WithCancel(context.WithoutCancel(ctx))
	every := t.lease.RenewEvery()
	if every <= 0 {
		return
	}
	t.keeping.Go(func() {
		due := time.NewTicker(every)
		defer due.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-due.C:
			}
			if err := t.lease.Renew(ctx); err != nil {
				t.lost <- err // a wait ends by it; what is at hand fails by itself when it stores
				return
			}
		}
	})
}

// end gives the lease back. One that cannot be given back ends by itself.
func (t *turn) end(ctx context.Context) {
	t.release()
	t.keeping.Wait()
	ctx = context.WithoutCancel(ctx)
	if err := t.lease.Release(ctx); err != nil {
		t.r.config.logger.LogAttrs(ctx, slog.LevelWarn, "the lease of a rollout could not be given back",
			slog.String("rollout", t.r.config.name), slog.Any("error", err))
	}
}

// read reads what is stored. The state stays nil when the rollout has not begun.
func (t *turn) read(ctx context.Context) error {
	data, err := t.lease.Load(ctx)
	if err != nil || data == nil {
		return err
	}
	t.stored = true
	if t.state, err = decodeState(t.r.config.name, data); err != nil {
		return err
	}
	return t.r.checkTarget(t.state)
}

// start begins the rollout, unless it has begun.
func (t *turn) start() {
	if t.state == nil {
		t.state = t.r.newState(time.Now())
		t.note(EventStarted, AuditEntry{Why: "the rollout begins"}, Event{})
	}
}

// newState is where a rollout stands before its first step.
func (r *Runner) newState(now time.Time) *State {
	return &State{
		Rollout: r.config.name, Target: r.target.ID(), Spec: r.spec,
		Status: Running, Began: now, Watched: now, Clock: r.config.clock,
	}
}

func (r *Runner) checkTarget(s *State) error {
	if s.Target == r.target.ID() {
		return nil
	}
	return r.conflict("the stored state is of %s, not of %s; give the rollout another name (WithName)", s.Target, r.target.ID())
}

// checkSpec says whether the stored spec is the runner's. Another one is an error unless the
// runner may go on by its own.
func (r *Runner) checkSpec(s *State) (same bool, err error) {
	stored, own := s.Spec.Hash(), r.config.spec
	if stored == own || r.config.newSpec {
		return stored == own, nil
	}
	return false, r.conflict("the spec is another than the stored one (%s, stored %s); take the stored one, or go on by the new one (WithNewSpec)", own, stored)
}

// replan goes on by the runner's spec.
func (t *turn) replan(ctx context.Context) error {
	if same, err := t.r.checkSpec(t.state); err != nil || same {
		return err
	}
	t.state.Spec, t.state.Gates, t.state.Watched = t.r.spec, nil, time.Now()
	t.note(EventReplanned, AuditEntry{From: t.state.Ratio, To: t.state.Ratio, Why: "the rollout goes on by a new spec"}, Event{})
	return t.store(ctx)
}

// takenUp tells that a run goes on with what another began.
func (t *turn) takenUp() {
	if t.stored {
		t.note(EventStarted, AuditEntry{}, Event{What: fmt.Sprintf("going on: %s at %v", t.state.Status, t.state.Ratio)})
	}
}
