package platform

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/validation"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// AutoReview decides reviews without a person. It is called once for each party
// when a release or service is submitted, but for the parties of a [TargetObserver], possibly again when that has to be
// repeated, and must not block. The request has its Submission, which must not be
// changed. The verdict takes effect after Decision.After;
// [LeaveOpen] leaves it to [Platform.Reviews].
type AutoReview func(party alipayplus.Party, request *alipayplus.Request) Decision

// Decision is what an [AutoReview] decides.
type Decision struct {
	// Verdict is APPROVED, REJECTED, or PENDING to leave it open.
	Verdict alipayplus.ReviewStatus
	// Reason is required for a rejection.
	Reason string
	// After is how long the review takes.
	After time.Duration
}

// ApproveAfter is a decision to approve after some time.
func ApproveAfter(d time.Duration) Decision {
	return Decision{Verdict: alipayplus.ReviewApproved, After: d}
}

// RejectAfter is a decision to reject after some time.
func RejectAfter(d time.Duration, reason string) Decision {
	return Decision{Verdict: alipayplus.ReviewRejected, Reason: reason, After: d}
}

// LeaveOpen is the decision that a person decides.
func LeaveOpen() Decision { return Decision{Verdict: alipayplus.ReviewPending} }

// autoReview asks the AutoReview, if there is one, what a party will say and when.
func (p *Platform) autoReview(r *requestRecord, submission alipayplus.Submission, party alipayplus.Party, at time.Time) {
	if p.cfg.review == nil || p.decidesItself(r, party) {
		return
	}
	shown := r.Request
	shown.Reviews = slices.Clone(r.Reviews)
	shown.Submission = &submission
	d := p.cfg.review(party, &shown)
	d.Reason = plainReason(d)
	if d.Verdict == alipayplus.ReviewApproved || d.Verdict == alipayplus.ReviewRejected {
		after := min(max(d.After, 0), longestReview)
		r.Due[party] = dueVerdict{At: at.Add(after), Status: d.Verdict, Reason: d.Reason}
	}
}

// plainReason is the reason as a reviewer could have given it.
func plainReason(d Decision) string {
	in := alipayplus.DecideInput{ID: "id", Approve: d.Verdict != alipayplus.ReviewRejected, Reason: d.Reason}
	if in.Validate() == nil {
		return in.Reason
	}
	const longest = 2000
	in.Reason = cut(validation.OneLine(strings.ToValidUTF8(in.Reason, "?")), longest)
	if in.Validate() != nil {
		in.Reason = "no reason was given"
	}
	return in.Reason
}

// longestReview keeps a Decision.After within what a time can hold.
const longestReview = 100 * 365 * 24 * time.Hour

// settle applies the verdicts whose time has come. That nobody sees the platform
// between two calls lets it do without a goroutine.
func (p *Platform) settle(ctx context.Context) error {
	return p.upToDate(ctx, noLock, p.cfg.store.View, func(storage.Tx) error { return nil })
}

// errVerdictDue ends a transaction that must not begin before a verdict is applied.
var errVerdictDue = errors.New("a verdict is due")

// noLock is the lock of who has none.
func noLock() string { return "" }

// upToDate runs fn in a transaction in which no verdict is due, but for those that
// wait for another call: one that has another lock than held. When none is due, that
// costs no transaction of its own.
func (p *Platform) upToDate(ctx context.Context, held func() string, transaction func(context.Context, func(storage.Tx) error) error, fn func(storage.Tx) error) error {
	if p.cfg.review == nil {
		return transaction(ctx, fn)
	}
	for {
		var due *storage.Entry
		var lock string
		err := transaction(ctx, func(tx storage.Tx) (err error) {
			if due, lock, err = p.nextDue(tx, held()); err != nil {
				return err
			}
			if due != nil {
				return errVerdictDue
			}
			return fn(tx)
		})
		if !errors.Is(err, errVerdictDue) {
			return err
		}
		unlock := func() {}
		if lock == "" || lock != held() {
			var free bool
			if unlock, free = p.busy.TryLock(lock); !free {
				continue // the verdict now comes after the call that has the lock
			}
		}
		err = p.settleDue(ctx, due)
		unlock()
		if err != nil {
			return err
		}
	}
}

// nextDue finds the first verdict that is due and need wait neither for another call
// than that with the lock held nor for an outcome at the target app, and the lock of
// what it is about.
func (p *Platform) nextDue(tx storage.Tx, held string) (due *storage.Entry, lock string, err error) {
	for entry, err := range tx.Scan("i/due/", dueKey(now().Add(1), "", ""), false) {
		if err != nil {
			return nil, "", err
		}
		r, err := load[requestRecord](tx, string(entry.Value))
		if err != nil && !errors.Is(err, storage.ErrDamaged) { // what is damaged is dropped
			return nil, "", err
		}
		waits, err := r.waits(tx)
		if err != nil {
			return nil, "", err
		}
		if waits {
			continue
		}
		lock = ""
		if r != nil {
			lock = r.lock()
		}
		if lock != "" && lock == held || p.busy.Free(lock) {
			return &entry, lock, nil
		}
	}
	return nil, "", nil
}

// settleDue applies one verdict, or drops it when it can never be applied: it
// must not stop everything else.
func (p *Platform) settleDue(ctx context.Context, due *storage.Entry) error {
	err := p.cfg.store.Update(ctx, func(tx storage.Tx) error { return p.settleOne(tx, due) })
	if err == nil {
		return nil
	}
	if codeOf(err) == alipayplus.CodeUnknownException && !errors.Is(err, storage.ErrDamaged) {
		return err // the store's failure, which passes; the verdict stays due
	}
	p.cfg.logger.ErrorContext(ctx, "an automatic verdict could not be applied and is dropped", "request", string(due.Value), "error", err)
	return p.cfg.store.Update(ctx, func(tx storage.Tx) error { return tx.Delete(due.Key) })
}

// lock is the name under which one call at a time works on what the request is
// about.
func (r *requestRecord) lock() string { return programLock(r.Workspace, r.ProgramID) }

// waits says whether verdicts on the request wait until it is known what the target
// app has done with its release.
func (r *requestRecord) waits(tx storage.Tx) (bool, error) {
	if r == nil || r.ReleaseID == "" {
		return false, nil
	}
	release, err := load[releaseRecord](tx, releaseKey(r.Workspace, r.ReleaseID))
	if errors.Is(err, storage.ErrDamaged) {
		return false, nil // the verdict can never be applied
	}
	return release != nil && release.Unresolved != "", err
}

// settleOne applies one verdict, unless another call was quicker.
func (p *Platform) settleOne(tx storage.Tx, due *storage.Entry) error {
	_, still, err := tx.Get(due.Key)
	if err != nil || !still {
		return err
	}
	r, err := load[requestRecord](tx, string(due.Value))
	if err != nil {
		return err
	}
	if r == nil {
		return tx.Delete(due.Key)
	}
	if waits, err := r.waits(tx); err != nil || waits {
		return err
	}
	party := alipayplus.Party(due.Key[strings.LastIndex(due.Key, "/")+1:])
	_, err = p.decide(tx, r.key(), party, r.Due[party], source{operation: contract.ReviewDecide.Name})
	return err
}
