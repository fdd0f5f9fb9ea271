package rollouttest

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// promise is one thing that an implementation keeps. It takes no *testing.T, so that a
// test can watch it fail.
type promise[H any] struct {
	name  string
	check func(ctx context.Context, t require.TestingT, h H)
}

// CheckOption changes how [TestTarget] and [TestStore] check.
type CheckOption func(*checks)

type checks struct{ virtual bool }

// InVirtualTime runs each case inside testing/synctest, so that waiting costs nothing.
// The harness is made inside.
func InVirtualTime() CheckOption { return func(c *checks) { c.virtual = true } }

func check[H any](t *testing.T, newHarness func(*testing.T) H, promises []promise[H], opts []CheckOption) {
	t.Helper()
	var how checks
	for _, set := range opts {
		set(&how)
	}
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			if !how.virtual {
				p.check(t.Context(), t, newHarness(t))
				return
			}
			synctest.Test(t, func(t *testing.T) { p.check(t.Context(), t, newHarness(t)) })
		})
	}
}
