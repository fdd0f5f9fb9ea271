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

	lease   Lease
	renewal renewal
}

// renewal renews a lease in the background until it is stopped. It begins when the first renewal
// is due, for most sessions are over by then.
type renewal struct {
	timer *time.Timer

	mu      sync.Mutex
	stopped bool
	// cancel ends the renewing, and ended is closed then; nil before it begins.
	cancel context.CancelFunc
	ended  chan struct{}
	// failed gets why the lease could not be renewed; see failure.
	failed chan error
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
		err = joinErrors(err, s.persist(ctx, err))
		if err != nil || !s.yielded {
			return err
		}
	}
}

// persist stores what the session came to, emits its events, and forgets the commands that were
// executed. failed is the error that the session came to; nil for none.
func (s *leasedSession) persist(ctx context.Context, failed error) error {
	t, err := s.transition(failed)
	if err == nil && t.Checkpoint != nil {
		err = s.lease.Save(context.WithoutCancel(ctx), t.Checkpoint, t.Audit)
	}
	if err != nil {
		return err
	}
	s.runner.emit(ctx, t.Events)
	if len(t.Forget) > 0 {
		if err := s.lease.Forget(context.WithoutCancel(ctx), t.Forget); err != nil {
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
	lost := s.renewal.failure()
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
		case err := <-lost:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-s.runner.wakes():
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
	s := &leasedSession{session: r.newSession(lease), lease: lease}
	s.unheard = len(r.deliveries) == 0
	s.renewal.start(ctx, lease)
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

// start renews the lease however long a call, a gate or a wait takes, and after the context has
// ended too.
func (r *renewal) start(ctx context.Context, lease Lease) {
	if every := lease.RenewEvery(); every > 0 {
		r.timer = time.AfterFunc(every, func() { r.renew(ctx, lease, every) })
	}
}

func (r *renewal) renew(ctx context.Context, lease Lease, every time.Duration) {
	r.mu.Lock()
	if r.stopped {
		r.mu.Unlock()
		return
	}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.ended = make(chan struct{})
	r.mu.Unlock()
	defer close(r.ended)
	due := time.NewTicker(every)
	defer due.Stop()
	for {
		if err := lease.Renew(ctx); err != nil {
			r.failure() <- err // ends a wait; anything else fails when it saves
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-due.C:
		}
	}
}

// failure receives why the lease could not be renewed.
func (r *renewal) failure() chan error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == nil {
		r.failed = make(chan error, 1)
	}
	return r.failed
}

// stop returns when nothing is being renewed any more.
func (r *renewal) stop() {
	if r.timer == nil || r.timer.Stop() {
		return
	}
	r.mu.Lock()
	r.stopped = true
	cancel, ended := r.cancel, r.ended
	r.mu.Unlock()
	if cancel != nil {
		cancel()
		<-ended
	}
}

// close releases the lease. One that cannot be released expires.
func (s *leasedSession) close(ctx context.Context) {
	s.renewal.stop()
	ctx = context.WithoutCancel(ctx)
	if err := s.lease.Release(ctx); err != nil {
		s.runner.logger.LogAttrs(ctx, slog.LevelWarn, "the lease of a rollout could not be released",
			slog.String("rollout", s.runner.name), slog.Any("error", err))
	}
}
