package rollouttest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Self is who the fake says made a change that came through the [rollout.Target];
// those of the controls name who they are told.
const Self = "runner"

// Fake is a target in memory that obeys the documented rules of a release: both
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
	made       map[string]made
	effects    []Effect
	calls      map[Op]int
	total      int
	faults     map[Op][]fault
	beforeHook Hook
	afterHook  Hook
}

// made is a change that was made, by its RequestID.
type made struct {
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
	// By is who did it: [Self], or who a control was told.
	By string
	// RequestID is the change's; empty for a control.
	RequestID string
}

// NewFake makes a target in NEW_VERSION_CREATED, authorized, with nothing in its way.
// Its parties are ALIPAY_PLUS and ALIPAY_CN. With the zero ladder it tells none, and
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

// observation is a copy of where the fake stands, which is locked.
func (f *Fake) observation() *rollout.Observation {
	o := f.seen
	o.Reviews = slices.Clone(o.Reviews)
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
	_, err := f.change(ctx, OpRaise, c, func() (string, error) {
		if err := f.mayRaise(c.From, c.To); err != nil {
			return "", err
		}
		f.setRatio(Self, c.To, c.RequestID)
		return "", nil
	})
	return err
}

// Publish implements [rollout.Target].
func (f *Fake) Publish(ctx context.Context, c rollout.Change) error {
	_, err := f.change(ctx, OpPublish, c, func() (string, error) {
		if err := f.mayRaise(c.From, alipayplus.FullRatio); err != nil {
			return "", err
		}
		f.setRatio(Self, alipayplus.FullRatio, c.RequestID)
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
	now := made{op: op, from: c.From, to: c.To}
	if c.Other != nil {
		now.other = c.Other.ID
	}
	err = f.call(ctx, op, c, func() error {
		if before, ok := f.made[c.RequestID]; ok {
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
			f.made[c.RequestID] = now
		}
		return nil
	})
	return aftermath, err
}

func (f *Fake) conflict(format string, args ...any) error {
	return fmt.Errorf("%s is %s at %v: %s: %w", f.id, f.seen.Status, f.seen.Ratio, fmt.Sprintf(format, args...), alipayplus.ErrConflict)
}
