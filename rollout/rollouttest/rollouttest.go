// Package rollouttest helps to test what is built on package rollout.
//
// [Fake] is a target in memory, for tests of programs that drive rollouts. Reviewers,
// people at the console, refusals, failures and lost answers are a call each, and it
// reads the time from package time, so that a climb of days takes milliseconds inside
// testing/synctest.
//
// [TestTarget] and [TestStore] check that a [rollout.Target] or a [rollout.Store] of
// your own keeps the contract of its interface.
package rollouttest

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// contractCase checks one rule of an interface. It takes no *testing.T, so that a
// test can watch it fail.
type contractCase[H any] struct {
	name  string
	check func(ctx context.Context, t require.TestingT, h H)
}

// CheckOption changes how [TestTarget] and [TestStore] check.
type CheckOption func(*checkOptions)

type checkOptions struct{ virtual bool }

// InVirtualTime runs each case inside testing/synctest, so that waiting costs nothing.
// The harness is made inside.
func InVirtualTime() CheckOption { return func(c *checkOptions) { c.virtual = true } }

func runCases[H any](t *testing.T, newHarness func(*testing.T) H, cases []contractCase[H], opts []CheckOption) {
	t.Helper()
	var how checkOptions
	for _, set := range opts {
		set(&how)
	}
	for _, p := range cases {
		t.Run(p.name, func(t *testing.T) {
			if !how.virtual {
				p.check(t.Context(), t, newHarness(t))
				return
			}
			synctest.Test(t, func(t *testing.T) { p.check(t.Context(), t, newHarness(t)) })
		})
	}
}
