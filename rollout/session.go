package rollout

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// leasedSession is a session under one lease: what it comes to is stored there.
type leasedSession struct {
	session

	lease Lease
	// leaseLost gets why the lease could not be renewed.
	leaseLost    chan error
	stopRenewing context.CancelFunc
	renewing     sync.WaitGroup
}

// commandInterval is how often a waiting run checks for commands of other processes, in a
// store that does not announce them.
const commandInterval = 3 * time.Second

// step advances the rollout until something has to be waited for. observed is an observation
// that was just made; nil for none.
func (s *leasedSession) step(ctx context.Context, observed *BatchResult) (next *Next, err error) {
	err = s.transact(ctx, func() (err error) {
		next, err = s.advance(ctx, observed)
		observed = nil
		return err
	})
	if err != nil {
		return nil, err
	}
	return next, nil
}

// transact calls do and stores what it came to, again as long as it yields.
func (s *leasedSession) transact(ctx context.Context, do func() error) error {
	for {
		s.yielded = false
		err := do()
		err = joinErrors(err, s.store(ctx, err))
		if err != nil || !s.yielded {
			return err
		}
	}
}

// store stores what the session came to, emits its events, and forgets the commands that were
// executed. failed is the error that the session came to; nil for none.
func (s *leasedSession) store(ctx context.Context, failed error) error {
	ctx = context.WithoutCancel(ctx)
	t, err := s.transition(failed)
	if err == nil && t.Checkpoint != nil {
		err = s.lease.Save(ctx, t.Checkpoint, t.Audit)
	}
	if err != nil {
		return err
	}
	s.runner.emit(ctx, t.Events)
	if len(t.Forget) > 0 {
		if err := s.lease.Forget(ctx, t.Forget); err != nil {
			if isTransient(err) { // the state says which were executed; they are forgotten later
				return nil
			}
			return err
		}
		s.state.Handled = nil
	}
	return nil
}

// wait sleeps until something is due, a command is posted, the lease is lost or the context
// ends.
func (s *leasedSession) wait(ctx context.Context, until time.Time) error {
	s.fresh = false
	listener, listens := s.lease.(Listener)
	var posted <-chan struct{}
	if listens {
		posted = listener.Posted()
	}
	for {
		pause := time.Until(until)
		if pause <= 0 {
			return nil
		}
		if !listens {
			pause = min(pause, commandInterval)
		}
		select {
		case err := <-s.leaseLost:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-s.runner.posted:
			return nil
		case <-posted:
			return nil
		case <-time.After(pause):
		}
		if found, err := s.hasCommands(ctx); err != nil || found {
			return err
		}
	}
}

// openSession acquires the lease, keeps it renewed until close, and loads the state.
func (r *Runner) openSession(ctx context.Context) (*leasedSession, error) {
	lease, err := r.store.Acquire(ctx, r.name, r.holder)
	if err != nil {
		return nil, err
	}
	s := &leasedSession{session: r.newSession(lease.Commands), lease: lease, leaseLost: make(chan error, 1)}
	s.renewLease(ctx)
	checkpoint, err := lease.Load(ctx)
	if err == nil {
		err = s.load(checkpoint)
	}
	if err != nil {
		s.close(ctx)
		return nil, err
	}
	return s, nil
}

// renewLease renews the lease in the background until close, however long a call, a gate
// or a wait takes.
func (s *leasedSession) renewLease(ctx context.Context) {
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
				s.leaseLost <- err // ends a wait; anything else fails when it saves
				return
			}
		}
	})
}

// close releases the lease. One that cannot be released expires.
func (s *leasedSession) close(ctx context.Context) {
	s.stopRenewing()
	s.renewing.Wait()
	ctx = context.WithoutCancel(ctx)
	if err := s.lease.Release(ctx); err != nil {
		s.runner.logger.LogAttrs(ctx, slog.LevelWarn, "the lease of a rollout could not be released",
			slog.String("rollout", s.runner.name), slog.Any("error", err))
	}
}
