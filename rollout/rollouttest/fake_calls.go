package rollouttest

import (
	"context"

	"github.com/alipayplus-go/alipayplus/rollout"
)

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
	return f.calls[op]
}

// call runs one call: what goes wrong before it, its effect, what goes wrong after it.
func (f *Fake) call(ctx context.Context, op Op, c rollout.Change, effect func() error) error {
	f.mu.Lock()
	f.total++
	f.calls[op]++
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
