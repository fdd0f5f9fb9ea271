package rollouttest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestFakeIsATarget(t *testing.T) {
	for name, ladder := range map[string]alipayplus.Ladder{"with a ladder": alipayplus.DefaultLadder(), "without one": {}} {
		t.Run(name, func(t *testing.T) {
			TestTarget(t, func(t *testing.T) TargetHarness {
				fake := NewFake("release 1", ladder)
				down := rollout.Transient(errors.New("down"))
				return TargetHarness{
					Target:  fake,
					Approve: func() { require.NoError(t, fake.Approve()) },
					Reject:  func(reason string) { require.NoError(t, fake.Reject(alipayplus.PartyAlipayCN, reason)) },
					Raise:   func(to alipayplus.Ratio) { require.NoError(t, fake.SetRatio("pat", to)) },
					Lose:    func() { fake.LoseNext(OpAny, 1, down) },
					Break:   func() { fake.FailNext(OpAny, 1, down) },
					Ratios:  []alipayplus.Ratio{5, 10, 30},
				}
			})
		})
	}
}

func TestTheCallsOfAMethodAreCounted(t *testing.T) {
	fake := NewFake("release 1", alipayplus.DefaultLadder())
	_, err := fake.Observe(t.Context())
	require.NoError(t, err)
	require.NoError(t, fake.Apply(t.Context(), rollout.Change{RequestID: "1"}))

	require.Equal(t, 1, fake.Calls(OpApply))
	require.Zero(t, fake.Calls(OpAbort))
	require.Equal(t, 2, fake.Calls(OpAny))
	require.Zero(t, fake.Calls("no method"))
}

// watched keeps what a check says when it fails.
type watched struct{ said []string }

// Errorf implements require.TestingT.
func (w *watched) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

// FailNow implements require.TestingT.
func (*watched) FailNow() { runtime.Goexit() }

// careless is a fake that does something wrong.
type careless struct {
	*Fake

	raise func(ctx context.Context, c rollout.Change) error
	see   func(o *rollout.Observation)
}

// Raise implements [rollout.Target].
func (c *careless) Raise(ctx context.Context, change rollout.Change) error {
	if c.raise != nil {
		return c.raise(ctx, change)
	}
	return c.Fake.Raise(ctx, change)
}

// Observe implements [rollout.Target].
func (c *careless) Observe(ctx context.Context) (*rollout.Observation, error) {
	o, err := c.Fake.Observe(ctx)
	if err == nil && c.see != nil {
		c.see(o)
	}
	return o, err
}

// Whoever reads that a target fails reads what was asked of it.
func TestAFailureSaysWhatIsAskedOfATarget(t *testing.T) {
	for name, tt := range map[string]struct {
		rule string
		make func(c *careless)
		want string
	}{
		"a raise after an abort": {
			"a version that some users have is given up",
			func(c *careless) {
				c.raise = func(ctx context.Context, change rollout.Change) error {
					if strings.Contains(change.RequestID, "after the end") {
						return nil
					}
					return c.Fake.Raise(ctx, change)
				}
			},
			"after an abort, Raise must be refused",
		},
		"a raise on stale knowledge": {
			"who believes another ratio live raises nothing",
			func(c *careless) {
				c.raise = func(ctx context.Context, change rollout.Change) error {
					if err := c.Fake.Raise(ctx, change); err == nil || change.From == 0 {
						return err
					}
					return nil
				}
			},
			"while no ratio is live, Raise from 1% must be refused",
		},
		"a refusal of no class": {
			"who believes another ratio live raises nothing",
			func(c *careless) {
				c.raise = func(ctx context.Context, change rollout.Change) error {
					if err := c.Fake.Raise(ctx, change); err != nil {
						return errors.New(err.Error())
					}
					return nil
				}
			},
			"while no ratio is live, Raise from 1% must be refused by an error that matches alipayplus.ErrConflict",
		},
		"a repetition that fails otherwise": {
			"a repeated raise has no second effect",
			func(c *careless) {
				made := make(map[string]bool)
				c.raise = func(ctx context.Context, change rollout.Change) error {
					if made[change.RequestID] {
						return errors.New("no")
					}
					made[change.RequestID] = true
					return c.Fake.Raise(ctx, change)
				}
			},
			"a repeated Raise may succeed, or must be refused by an error that matches",
		},
		"another ratio": {
			"a ratio goes live, one after another",
			func(c *careless) {
				c.see = func(o *rollout.Observation) { o.Ratio *= 2 }
			},
			"after Raise from 0%, Observe must report that 1% is live",
		},
		"a ratio that falls": {
			"a ratio never falls",
			func(c *careless) {
				c.raise = func(ctx context.Context, change rollout.Change) error {
					if err := c.Fake.Raise(ctx, change); err == nil || change.To != 1 {
						return err
					}
					return nil
				}
			},
			"while 5% is live, Raise to 1% (lower",
		},
		"a ratio that is not offered": {
			"a ratio that is not offered is refused",
			func(c *careless) {
				c.raise = func(context.Context, rollout.Change) error { return alipayplus.ErrOutcomeUnknown }
			},
			"Raise to -1%, which is not on the ladder, must be refused",
		},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &careless{Fake: NewFake("release 1", alipayplus.DefaultLadder())}
			tt.make(fake)
			all := targetCases()
			at := slices.IndexFunc(all, func(p contractCase[TargetHarness]) bool { return p.name == tt.rule })
			require.GreaterOrEqual(t, at, 0)
			var w watched
			over := make(chan struct{})
			go func() {
				defer close(over)
				all[at].check(t.Context(), &w, TargetHarness{Target: fake, Approve: func() { _ = fake.Approve() }})
			}()
			<-over
			require.NotEmpty(t, w.said, "it must fail")
			require.Contains(t, w.said[0], tt.want)
		})
	}
}
