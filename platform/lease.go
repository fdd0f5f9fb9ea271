package platform

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/polling"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// What a target app is asked for about a mini program, and what is recorded of it, come
// in the same order, whichever process on the store serves the calls: a call that asks
// has the mini program to itself by a lease in the store. It is taken in the transaction
// that reserves and given back in the one that commits; whatever else changes a release
// does so in one transaction, in which nobody has the lease.
//
// A call stops asking targetCallTimeout after it took the lease. What remains until the lease
// ends is for a message that is still on its way, and for the clocks of two processes,
// which may differ by half of it. So the next holder may read what the former one did,
// and the former one can commit nothing any more.
const (
	leaseTime         = time.Minute
	targetCallTimeout = 40 * time.Second
	// longestLeaseWait is how long a call waits for the lease of another one. It is less
	// than what a client waits for an answer.
	longestLeaseWait = 20 * time.Second
	shortestPause    = 5 * time.Millisecond
	longestPause     = 500 * time.Millisecond
)

// leaseRecord says which call has a mini program to itself.
type leaseRecord struct {
	At     string    `json:"key"`
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
}

func leaseKey(workspace, program string) string { return key("lease", workspace, program) }
func (r *leaseRecord) key() string              { return r.At }
func (r *leaseRecord) indexes() []string        { return nil }

// leased says whether a call has the mini program to itself.
func leased(tx storage.Tx, at string) (bool, error) {
	lease, err := load[leaseRecord](tx, at)
	return lease != nil && now().Before(lease.Until), err
}

// leasedError ends a transaction that must not begin while another call has the mini
// program to itself.
type leasedError struct{ until time.Time }

func (e *leasedError) Error() string { return "another call about the mini program is under way" }

// checkLease makes sure that nobody has the mini program to itself. A lease that has ended
// is removed, so that its holder cannot commit any more.
func checkLease(tx storage.Tx, at string) error {
	lease, err := load[leaseRecord](tx, at)
	switch {
	case err != nil || lease == nil:
		return err
	case now().Before(lease.Until):
		return &leasedError{lease.Until}
	default:
		return remove(tx, lease)
	}
}

// whenFree tries again, at growing intervals, while another call has the mini program to
// itself. When that takes too long, the call can be repeated later.
func whenFree(ctx context.Context, try func() error) error {
	deadline := time.Now().Add(longestLeaseWait)
	if ends, has := ctx.Deadline(); has && ends.Before(deadline) {
		deadline = ends
	}
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		err := try()
		other, is := errors.AsType[*leasedError](err)
		if !is {
			return err
		}
		if time.Now().Add(pause).After(deadline) {
			return &refusal{
				code: alipayplus.CodeUnavailable, class: alipayplus.ErrConflict, message: other.Error() + "; repeat this one in a moment",
				retryAfter: min(max(time.Until(other.until), time.Second), leaseTime),
			}
		}
		polling.Sleep(ctx, pause)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// takeLease reserves the mini program for the session. The handler has made sure that it is free.
func (s *writeSession) takeLease(tx storage.Tx, at string) error {
	lease := &leaseRecord{At: at, Holder: rand.Text(), Until: now().Add(leaseTime)}
	if err := save(tx, nil, lease); err != nil {
		return err
	}
	s.lease = lease
	return nil
}

// holdsLease says whether the session's lease was not taken over.
func (s *writeSession) holdsLease(tx storage.Tx) (bool, error) {
	lease, err := load[leaseRecord](tx, s.lease.At)
	return lease != nil && lease.Holder == s.lease.Holder, err
}

// giveBack ends the session's lease when what came of the call is not recorded, so that
// the next call need not wait.
func (s *writeSession) giveBack(ctx context.Context) {
	if s.lease == nil {
		return
	}
	err := s.p.cfg.store.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		holds, err := s.holdsLease(tx)
		if err != nil || !holds {
			return err
		}
		return remove(tx, s.lease)
	})
	if err != nil {
		s.p.cfg.logger.WarnContext(ctx, "a lease could not be given back, and ends by itself", "lease", s.lease.At, "until", s.lease.Until, "error", err)
	}
}
