package rollout

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// begin takes the lease, keeps it until end, and reads what is stored.
func (r *Runner) openSession(ctx context.Context) (*session, error) {
	lease, err := r.store.Acquire(ctx, r.config.name, r.config.holder)
	if err != nil {
		return nil, err
	}
	s := &session{runner: r, lease: lease, refusals: make(map[string]error), lastNext: nothingDoneYet(), leaseLost: make(chan error, 1)}
	s.renewLease(ctx)
	if err := s.loadState(ctx); err != nil {
		s.close(ctx)
		return nil, err
	}
	return s, nil
}

// keep renews the lease, however long a call, a gate or a wait takes, until end.
func (s *session) renewLease(ctx context.Context) {
	ctx, s.stopRenewing = context.WithCancel(context.WithoutCancel(ctx))
	every := s.lease.RenewEvery()
	if every <= 0 {
		return
	}
	s.renewing.Go(func() {
		due := time.NewTicker(every)
		defer due.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-due.C:
			}
			if err := s.lease.Renew(ctx); err != nil {
				s.leaseLost <- err // a wait ends by it; what is at hand fails by itself when it stores
				return
			}
		}
	})
}

// end gives the lease back. One that cannot be given back ends by itself.
func (s *session) close(ctx context.Context) {
	s.stopRenewing()
	s.renewing.Wait()
	ctx = context.WithoutCancel(ctx)
	if err := s.lease.Release(ctx); err != nil {
		s.runner.config.logger.LogAttrs(ctx, slog.LevelWarn, "the lease of a rollout could not be given back",
			slog.String("rollout", s.runner.config.name), slog.Any("error", err))
	}
}

// read reads what is stored. The state stays nil when the rollout has not begun.
func (s *session) loadState(ctx context.Context) error {
	data, err := s.lease.Load(ctx)
	if err != nil || data == nil {
		return err
	}
	s.resumed = true
	if s.state, err = decodeState(s.runner.config.name, data); err != nil {
		return err
	}
	return s.runner.checkTarget(s.state)
}

// start begins the rollout, unless it has begun.
func (s *session) startIfNew() {
	if s.state == nil {
		s.state = s.runner.newState(time.Now())
		s.record(EventStarted, AuditEntry{Why: "the rollout begins"}, Event{})
	}
}

// newState is where a rollout stands before its first step.
func (r *Runner) newState(now time.Time) *State {
	return &State{
		Rollout: r.config.name, Target: r.target.ID(), Spec: r.spec,
		Status: Running, Began: now, WaitingSince: now, Clock: r.config.clock,
	}
}

func (r *Runner) checkTarget(state *State) error {
	if state.Target == r.target.ID() {
		return nil
	}
	return r.conflict("the stored state is of %s, not of %s; give the rollout another name (WithName)", state.Target, r.target.ID())
}

// checkSpec says whether the stored spec is the runner's. Another one is an error unless the
// runner may go on by its own.
func (r *Runner) checkSpec(state *State) (same bool, err error) {
	stored, own := state.Spec.Hash(), r.config.spec
	if stored == own || r.config.newSpec {
		return stored == own, nil
	}
	return false, r.conflict("the spec is another than the stored one (%s, stored %s); take the stored one, or go on by the new one (WithNewSpec)", own, stored)
}

// replan goes on by the runner's spec.
func (s *session) adoptSpec(ctx context.Context) error {
	if same, err := s.runner.checkSpec(s.state); err != nil || same {
		return err
	}
	s.state.Spec, s.state.Gates, s.state.WaitingSince = s.runner.spec, nil, time.Now()
	s.record(EventReplanned, AuditEntry{From: s.state.Ratio, To: s.state.Ratio, Why: "the rollout goes on by a new spec"}, Event{})
	return s.save(ctx)
}

// takenUp tells that a run goes on with what another began.
func (s *session) recordContinued() {
	if s.resumed {
		s.record(EventStarted, AuditEntry{}, Event{What: fmt.Sprintf("going on: %s at %v", s.state.Status, s.state.Ratio)})
	}
}
