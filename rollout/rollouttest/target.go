package rollouttest

import (
	"slices"
	"testing"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// TargetHarness is a target to check, and what its surroundings can do to it.
type TargetHarness struct {
	// Target is in NEW_VERSION_CREATED, was never applied for, and has nothing in
	// its way.
	Target rollout.Target
	// Approve makes every party approve the application that is under review.
	Approve func()
	// Reject makes one party reject it, with the reason.
	Reject func(reason string)
	// Raise sets a ratio below 100 as somebody else does, in a console; nil: that is
	// not possible.
	Raise func(to alipayplus.Ratio)
	// Lose makes the next change fail after it had its effect; nil: that is not
	// possible.
	Lose func()
	// Break makes the next call fail before it has an effect, as when the network is
	// down; nil: that is not possible.
	Break func()
	// Ratios are three ratios below 100 that may be set one after another; nil:
	// those of the ladder that Observe tells.
	Ratios []alipayplus.Ratio
}

// TestTarget checks that a target keeps the promises of [rollout.Target], and of
// [rollout.Withdrawer] and [rollout.Batched] where it is one. It calls newHarness once
// for each case; what is to be cleaned up newHarness registers on its t.
func TestTarget(t *testing.T, newHarness func(t *testing.T) TargetHarness, opts ...CheckOption) {
	t.Helper()
	check(t, newHarness, targetPromises(), opts)
}

func targetPromises() []promise[TargetHarness] {
	return slices.Concat(readingPromises(), reviewPromises(), ladderPromises(), abortPromises(), failurePromises())
}
