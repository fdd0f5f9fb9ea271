package rollouttest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Self is who the fake says made a change that came through the [rollout.Target];
// those of the controls name the given person.
const Self = "runner"

// Fake is a target in memory that keeps the documented rules of a release: both
// parties review, a ratio of the ladder goes live, no ratio falls, 100 % is final. A
// change with the RequestID of one that was made before has no second effect, as on
// the platform. It implements [rollout.Withdrawer] and [rollout.Batched], takes the
// time from package time, and is safe for concurrent use.
type Fake struct {
	id    string
	group *Fakes

	mu         sync.Mutex
	seen       rollout.Observation
	revoked    bool
	approving  bool
	approveIn  time.Duration
	appliedAt  time.Time
	applied    int
	made       []made
	effects    []Effect
	calls      [len(ops)]int32
	total      int
	faults     map[Op][]fault
	beforeHook Hook
	afterHook  Hook
}

// made is a change that was made.
type made struct {
	requestID string
	op        Op
	from, to  alipayplus.Ratio
	other     string
	aftermath string
}

// Effect is one change that the fake has undergone.
type Effect struct {
	// Kind is what was done. Verdicts are no effects: see [rollout.Observation].
	Kind rollout.ChangeKind
	// From is the ratio before, in percent.
	From alipayplus.Ratio
	// To is the ratio after, in percent.
	To alipayplus.Ratio
	// At is when.
	At time.Time
	// By is who did it: [Self], or the person given to a control.
	By string
	// RequestID is the change's; empty for a control.
	RequestID string
}

// NewFake makes a target in NEW_VERSION_CREATED, authorized, with nothing in its way.
// Its parties are ALIPAY_PLUS and ALIPAY_CN. With the zero ladder it reports none, and
// allows every ratio.
func NewFake(id string, ladder alipayplus.Ladder) *Fake { return NewFakes().New(id, ladder) }

// ID implements [rollout.Target].
func (f *Fake) ID() string { return f.id }

// Batch implements [rollout.Batched]: the [Fakes] that made it.
func (f *Fake) Batch() rollout.Batch { return f.group }

// Observe implements [rollout.Target].
func (f *Fake) Observe(ctx context.Context) (*rollout.Observation, error) {
	var o *rollout.Observation
	err := f.call(ctx, OpObserve, rollout.Change{}, func() error {
		o = f.observation()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// observation is a copy of the state of the fake, which is locked.
func (f *Fake) observation() *rollout.Observation {
	o := f.seen
	o.Reviews, o.Raises = slices.Clone(o.Reviews), slices.Clip(o.Raises)
	if o.Blocker != nil {
		o.Blocker = new(*o.Blocker)
	}
	return &o
}

// Apply implements [rollout.Target].
func (f *Fake) Apply(ctx context.Context, c rollout.Change) error {
	_, err := f.change(ctx, OpApply, c, func() (string, error) {
		if f.seen.Status != alipayplus.ReleaseNewVersionCreated {
			return "", f.conflict("only a new version can be applied for")
		}
		if b := f.seen.Blocker; b != nil {
			return "", f.conflict("version %s is in the way", b.Version)
		}
		f.apply(Self, c.RequestID)
		return "", nil
	})
	return err
}

// Raise implements [rollout.Target].
func (f *Fake) Raise(ctx context.Context, c rollout.Change) error {
	return f.raise(ctx, OpRaise, c, c.To)
}

// Publish implements [rollout.Target].
func (f *Fake) Publish(ctx context.Context, c rollout.Change) error {
	return f.raise(ctx, OpPublish, c, alipayplus.FullRatio)
}

func (f *Fake) raise(ctx context.Context, op Op, c rollout.Change, to alipayplus.Ratio) error {
	_, err := f.change(ctx, op, c, func() (string, error) {
		if err := f.mayRaise(c.From, to); err != nil {
			return "", err
		}
		f.setRatio(Self, to, c.RequestID)
		return "", nil
	})
	return err
}

// mayRaise checks a step of the ladder against what is live.
func (f *Fake) mayRaise(from, to alipayplus.Ratio) error {
	if f.seen.Status != alipayplus.ReleasePreparation && f.seen.Status != alipayplus.ReleaseGrayscale {
		return f.conflict("its ratio cannot be set")
	}
	if from != f.seen.Ratio {
		return f.conflict("the call believes that %v is live", from)
	}
	if f.seen.Ladder.IsZero() && to > from && to <= alipayplus.FullRatio {
		return nil
	}
	return f.seen.Ladder.CheckRaise(from, to)
}

// Withdraw implements [rollout.Withdrawer].
func (f *Fake) Withdraw(ctx context.Context, c rollout.Change) error {
	_, err := f.change(ctx, OpWithdraw, c, func() (string, error) {
		if c.Other != nil {
			return "", f.withdrawOther(c)
		}
		if f.seen.Status != alipayplus.ReleaseUnderReview {
			return "", f.conflict("nothing is under review")
		}
		f.withdraw(Self, c.RequestID)
		return "", nil
	})
	return err
}

func (f *Fake) withdrawOther(c rollout.Change) error {
	b := f.seen.Blocker
	if b == nil || b.ID != c.Other.ID || b.Status != alipayplus.ReleaseUnderReview {
		return f.conflict("version %s is not under review", c.Other.Version)
	}
	f.seen.Blocker = nil
	f.log(rollout.ChangeWithdraw, f.seen.Ratio, Self, c.RequestID)
	return nil
}

// Abort implements [rollout.Target]: it withdraws what is under review, and cancels
// what is in preparation or in grayscale.
func (f *Fake) Abort(ctx context.Context, c rollout.Change) (string, error) {
	return f.change(ctx, OpAbort, c, func() (string, error) {
		switch f.seen.Status {
		case alipayplus.ReleaseNewVersionCreated:
			return "nobody has the version", nil
		case alipayplus.ReleaseUnderReview:
			f.withdraw(Self, c.RequestID)
			return "nobody has the version; its application is withdrawn", nil
		case alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale:
			f.cancel(Self, c.RequestID)
			return fmt.Sprintf("the version is canceled; %v of the users have it", f.seen.Ratio), nil
		case alipayplus.ReleaseCanceled:
			return "the version was canceled already", nil
		default:
			return "", f.conflict("it cannot be aborted")
		}
	})
}

// change makes a change once for each RequestID.
func (f *Fake) change(ctx context.Context, op Op, c rollout.Change, effect func() (string, error)) (aftermath string, err error) {
	now := made{requestID: c.RequestID, op: op, from: c.From, to: c.To}
	if c.Other != nil {
		now.other = c.Other.ID
	}
	err = f.call(ctx, op, c, func() error {
		if at := slices.IndexFunc(f.made, func(m made) bool { return m.requestID == c.RequestID }); at >= 0 {
			before := f.made[at]
			aftermath = before.aftermath
			if before.aftermath = ""; before != now {
				return f.conflict("request %s was used before, for something else", c.RequestID)
			}
			return nil
		}
		if f.revoked {
			return &alipayplus.AuthorizationRequiredError{ProgramID: f.id, TargetApp: alipayplus.TargetAlipayCN}
		}
		done, err := effect()
		if err != nil {
			return err
		}
		aftermath = done
		if c.RequestID != "" {
			now.aftermath = done
			f.made = append(f.made, now)
		}
		return nil
	})
	return aftermath, err
}

func (f *Fake) conflict(format string, args ...any) error {
	return fmt.Errorf("%s is %s at %v: %s: %w", f.id, f.seen.Status, f.seen.Ratio, fmt.Sprintf(format, args...), alipayplus.ErrConflict)
}

// Op is a method of a target that calls it.
type Op string

// The methods.
const (
	// OpObserve is [rollout.Target].Observe.
	OpObserve Op = "Observe"
	// OpApply is [rollout.Target].Apply.
	OpApply Op = "Apply"
	// OpRaise is [rollout.Target].Raise.
	OpRaise Op = "Raise"
	// OpPublish is [rollout.Target].Publish.
	OpPublish Op = "Publish"
	// OpAbort is [rollout.Target].Abort.
	OpAbort Op = "Abort"
	// OpWithdraw is [rollout.Withdrawer].Withdraw.
	OpWithdraw Op = "Withdraw"
	// OpAny stands for all of them, for faults and counts.
	OpAny Op = ""
)

// ops are the methods.
var ops = [...]Op{OpObserve, OpApply, OpRaise, OpPublish, OpAbort, OpWithdraw}

// Call is one call of a fake.
type Call struct {
	// Op is the method.
	Op Op
	// Change is what is to be changed; zero for OpObserve.
	Change rollout.Change
	// N counts the calls of the fake, from 1.
	N int
	// Err is what the call came to, for a hook after it; nil: it succeeded.
	Err error
}

// Hook is called with a call of the fake. It may use the fake's controls, wait, or
// panic. An error takes the place of the call's own outcome.
type Hook func(ctx context.Context, c Call) error

// fault makes a call fail.
type fault struct {
	err   error
	after bool
}

// Before sets what is called before each call has its effect; nil: nothing. An error
// keeps the effect away.
func (f *Fake) Before(hook Hook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beforeHook = hook
}

// After sets what is called after each call; nil: nothing. An error makes the answer
// get lost: the effect stays.
func (f *Fake) After(hook Hook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.afterHook = hook
}

// FailNext makes the next n calls of the method fail before they have an effect.
// Faults of one method come in the order in which they were set, and before those of
// [OpAny].
func (f *Fake) FailNext(op Op, n int, err error) { f.addFaults(op, n, fault{err: err}) }

// LoseNext makes the next n calls of the method fail after they had their effect: the
// caller cannot know that.
func (f *Fake) LoseNext(op Op, n int, err error) { f.addFaults(op, n, fault{err: err, after: true}) }

func (f *Fake) addFaults(op Op, n int, one fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults == nil {
		f.faults = make(map[Op][]fault)
	}
	for range n {
		f.faults[op] = append(f.faults[op], one)
	}
}

// Calls returns how often the method was called, in a batch or alone; [OpAny]: how
// often any was.
func (f *Fake) Calls(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if op == OpAny {
		return f.total
	}
	if at := slices.Index(ops[:], op); at >= 0 {
		return int(f.calls[at])
	}
	return 0
}

// call runs one call: what goes wrong before it, its effect, what goes wrong after it.
func (f *Fake) call(ctx context.Context, op Op, c rollout.Change, effect func() error) error {
	f.mu.Lock()
	f.total++
	f.calls[slices.Index(ops[:], op)]++
	this := Call{Op: op, Change: c, N: f.total}
	before, after := f.beforeHook, f.afterHook
	f.mu.Unlock()
	if before != nil {
		if err := before(ctx, this); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	this.Err = f.locked(op, effect)
	if after != nil {
		if err := after(ctx, this); err != nil {
			return err
		}
	}
	return this.Err
}

// locked runs the effect of a call, unless a fault is due.
func (f *Fake) locked(op Op, effect func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.catchUp()
	due, ok := f.fault(op)
	if ok && !due.after {
		return due.err
	}
	err := effect()
	if ok && err == nil {
		return due.err
	}
	return err
}

func (f *Fake) fault(op Op) (due fault, ok bool) {
	for _, key := range []Op{op, OpAny} {
		if queue := f.faults[key]; len(queue) > 0 {
			f.faults[key] = queue[1:]
			return queue[0], true
		}
	}
	return fault{}, false
}

// What follows changes the fake, which is locked. The callers have checked that it may.

func (f *Fake) apply(by, requestID string) {
	now := time.Now()
	f.applied++
	f.appliedAt = now
	f.seen.Status = alipayplus.ReleaseUnderReview
	f.seen.Application = fmt.Sprintf("application %d", f.applied)
	f.seen.Reviews = []alipayplus.Review{
		{Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewPending, StartedAt: now},
		{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewPending, StartedAt: now},
	}
	f.log(rollout.ChangeApply, f.seen.Ratio, by, requestID)
}

func (f *Fake) withdraw(by, requestID string) {
	f.seen.Status = alipayplus.ReleaseNewVersionCreated
	f.closeReviews()
	f.log(rollout.ChangeWithdraw, f.seen.Ratio, by, requestID)
}

func (f *Fake) cancel(by, requestID string) {
	f.seen.Status = alipayplus.ReleaseCanceled
	f.log(rollout.ChangeAbort, f.seen.Ratio, by, requestID)
}

func (f *Fake) setRatio(by string, to alipayplus.Ratio, requestID string) {
	kind := rollout.ChangeRaise
	f.seen.Status = alipayplus.ReleaseGrayscale
	if to == alipayplus.FullRatio {
		kind, f.seen.Status = rollout.ChangePublish, alipayplus.ReleaseFull
	}
	f.log(kind, to, by, requestID)
	f.seen.Ratio = to
	f.seen.Raises = append(f.seen.Raises, alipayplus.GrayscaleStep{Ratio: to, By: by, At: f.seen.ChangedAt})
}

// log records a change that ends at a ratio.
func (f *Fake) log(kind rollout.ChangeKind, to alipayplus.Ratio, by, requestID string) {
	now := time.Now()
	f.effects = append(f.effects, Effect{Kind: kind, From: f.seen.Ratio, To: to, At: now, By: by, RequestID: requestID})
	f.touched(by, now)
}

func (f *Fake) touched(by string, now time.Time) { f.seen.ChangedBy, f.seen.ChangedAt = by, now }

// catchUp gives the verdicts whose time has come.
func (f *Fake) catchUp() {
	due := f.appliedAt.Add(f.approveIn)
	if f.approving && f.seen.Status == alipayplus.ReleaseUnderReview && !time.Now().Before(due) {
		f.approve(due)
	}
}

// approve gives the approval of the parties; none: of all.
func (f *Fake) approve(at time.Time, parties ...alipayplus.Party) {
	for i := range f.seen.Reviews {
		r := &f.seen.Reviews[i]
		if r.Status == alipayplus.ReviewPending && (len(parties) == 0 || slices.Contains(parties, r.Party)) {
			r.Status, r.DecidedAt = alipayplus.ReviewApproved, at
			f.touched(string(r.Party), at)
		}
	}
	if alipayplus.ReviewOutcome(f.seen.Reviews) == alipayplus.RequestApproved {
		f.seen.Status = alipayplus.ReleasePreparation
	}
}

// closeReviews ends the reviews that no verdict is needed of any more.
func (f *Fake) closeReviews() {
	for i := range f.seen.Reviews {
		if r := &f.seen.Reviews[i]; r.Status == alipayplus.ReviewPending {
			r.Status = alipayplus.ReviewClosed
		}
	}
}

// Fakes are fakes that can be read together, as the releases of one workspace can. It
// implements [rollout.Batch], and is safe for concurrent use.
type Fakes struct{ reads atomic.Int64 }

// NewFakes makes a group without members.
func NewFakes() *Fakes { return new(Fakes) }

// New makes a member of the group, see [NewFake].
func (g *Fakes) New(id string, ladder alipayplus.Ladder) *Fake {
	return &Fake{
		id: id, group: g,
		seen: rollout.Observation{Status: alipayplus.ReleaseNewVersionCreated, Ladder: ladder},
	}
}

// ObserveAll implements [rollout.Batch]. Faults and hooks of a member concern its own
// part of the answer. All is one call.
func (g *Fakes) ObserveAll(ctx context.Context, targets []rollout.Target, wait func(context.Context) error) []rollout.BatchResult {
	all := make([]rollout.BatchResult, len(targets))
	if err := wait(ctx); err != nil {
		for i := range all {
			all[i].Err = err
		}
		return all
	}
	g.reads.Add(1)
	for i, t := range targets {
		f, ok := t.(*Fake)
		if !ok || f.group != g {
			all[i].Err = fmt.Errorf("%s is not one of these fakes: %w", t.ID(), alipayplus.ErrInvalid)
			continue
		}
		all[i].Observation, all[i].Err = f.Observe(ctx)
	}
	return all
}

// Reads returns how often members were read together.
func (g *Fakes) Reads() int { return int(g.reads.Load()) }
