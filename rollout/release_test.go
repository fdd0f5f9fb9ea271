package rollout_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAReleaseIsGivenUpThoughItsReviewEndsMeanwhile(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		given := newFixture(t)
		release := given.release(given.program(), "1.0.0")
		client, way := given.watchedClient()
		r, err := rollout.New(rollout.ForRelease(client, release.ID), plain(), rollout.NewMemoryStore(), rollout.WithHost("a"))
		require.NoError(t, err)
		_, err = r.Step(t.Context())
		require.NoError(t, err)
		require.Equal(t, alipayplus.ReleaseUnderReview, given.read(release.ID).Status)

		// The last approval comes right before the application is withdrawn.
		withdrawals := 0
		way.onRequest = func(path string) {
			if strings.HasSuffix(path, "withdraw") {
				if withdrawals++; withdrawals == 1 {
					given.approve()
				}
			}
		}
		receipt, err := r.Abort(t.Context(), "lin", "no")

		require.NoError(t, err)
		require.Equal(t, 1, withdrawals)
		require.Equal(t, rollout.Aborted, receipt.State.Status)
		require.Equal(t, "nobody has the version; it is canceled and cannot go to this target again", receipt.State.Stop.Aftermath)
		require.Equal(t, alipayplus.ReleaseCanceled, given.read(release.ID).Status)
	})
}

func TestARolloutEndsWithTheReleaseThatWasDeleted(t *testing.T) {
	for name, end := range map[string]struct {
		by     func(ctx context.Context, r *rollout.Runner) error
		status rollout.Status
		why    string
	}{
		"in its next run": {
			func(ctx context.Context, r *rollout.Runner) error { return errOf(r.Run(ctx)) },
			rollout.Ended, "the selection of the version for the target app was deleted by pat",
		},
		"when it is aborted": {
			func(ctx context.Context, r *rollout.Runner) error { return errOf(r.Abort(ctx, "lin", "no")) },
			rollout.Aborted, "no",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T) {
				given := newFixture(t)
				release := given.release(given.program(), "1.0.0")
				r, err := rollout.New(rollout.ForRelease(given.owner, release.ID), plain(), rollout.NewMemoryStore(), rollout.WithHost("a"))
				require.NoError(t, err)
				require.NoError(t, errOf(r.Step(t.Context())))
				require.Equal(t, alipayplus.ReleaseUnderReview, given.read(release.ID).Status)
				pat := given.member("pat", alipayplus.RoleDeveloper)
				in := alipayplus.ReleaseInput{ReleaseID: release.ID}
				require.NoError(t, errOf(pat.Releases.Withdraw(t.Context(), in)))
				require.NoError(t, errOf(pat.Releases.Delete(t.Context(), in)))

				err = end.by(t.Context(), r)

				state, statusErr := r.Status(t.Context())
				require.NoError(t, statusErr)
				require.Equal(t, end.status, state.Status, "%v", err)
				require.Equal(t, end.why, state.Stop.Reason)
				require.NotEmpty(t, state.Subject.Program, "what it was is known")
			})
		})
	}
}

func TestAReleaseThatNeverWasIsNotFound(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		given := newFixture(t)
		target := rollout.ForRelease(given.owner, "rel_NOWHERE")
		require.ErrorIs(t, errOf(target.Observe(t.Context())), alipayplus.ErrNotFound)
		require.ErrorIs(t, errOf(target.Abort(t.Context(), rollout.Change{RequestID: "1"})), alipayplus.ErrNotFound)
	})
}

func TestAReleaseTellsWhichRatiosWereSet(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		given := newFixture(t, approving())
		target := rollout.ForRelease(given.owner, given.release(given.program(), "1.0.0").ID)
		r, err := rollout.New(target, plain(), rollout.NewMemoryStore(), rollout.WithHost("a"))
		require.NoError(t, err)
		require.NoError(t, errOf(r.Run(t.Context())))
		o, err := target.Observe(t.Context())
		require.NoError(t, err)
		var set []alipayplus.Ratio
		for _, step := range o.Raises {
			set = append(set, step.Ratio)
		}
		require.Equal(t, ratiosOf(plain()), set)
	})
}

func TestAReleaseGoesBackToALowerVersionOnlyWhenThatIsMeant(t *testing.T) {
	atOnce := plain()
	atOnce.Steps = []rollout.StepSpec{{Ratio: alipayplus.FullRatio}}
	for name, spec := range map[string]rollout.Spec{"step by step": plain(), "at once": atOnce} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(t *testing.T) {
				w := newFixture(t, approving())
				program := w.program()
				lower, higher := w.release(program, "1.0.0"), w.release(program, "2.0.0")
				run := func(r *alipayplus.Release, opts ...rollout.ReleaseOption) error {
					runner, err := rollout.New(rollout.ForRelease(w.owner, r.ID, opts...), spec, rollout.NewMemoryStore(), rollout.WithHost("a"))
					require.NoError(t, err)
					return errOf(runner.Run(t.Context()))
				}
				require.NoError(t, run(higher))

				refused, ok := errors.AsType[*alipayplus.DowngradeError](run(lower))
				require.True(t, ok)
				require.Equal(t, higher.Version, refused.Live)

				require.NoError(t, run(lower, rollout.WithDowngrade()))
				require.Equal(t, alipayplus.ReleaseFull, w.read(lower.ID).Status)
			})
		})
	}
}

// releases gives new releases as targets, so many of each of so many mini programs, over
// a client whose requests are watched.
func (w *fixture) releases(programs, each int) (*rollout.Releases, []rollout.Target, *watchedTransport) {
	w.Helper()
	client, way := w.watchedClient()
	releases := rollout.NewReleases(client)
	var targets []rollout.Target
	for range programs {
		program := w.program()
		for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"}[:each] {
			targets = append(targets, releases.Release(w.release(program, version).ID))
		}
	}
	return releases, targets, way
}

func TestALimiterCountsEachCallThatReadsReleases(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		programs, each int
		// calls is how many are needed: one of each release, one of each mini program's name, one
		// list of each mini program's releases, and, from three releases on, two lists of those that
		// are on their way and one of mini programs, in place of one of each.
		calls int
	}{
		"two mini programs":                  {2, 1, 2 + 2 + 2},
		"three releases of one mini program": {1, 3, 3 + 1 + 2 + 1},
		"five releases":                      {2, 2, 4 + 2 + 2 + 1},
	} {
		runInVirtualTime(t, name, func(t *testing.T) {
			releases, targets, way := newFixture(t).releases(tt.programs, tt.each)
			var calls []string
			way.onRequest = func(path string) { calls = append(calls, "call "+path[strings.LastIndex(path, "/")+1:]) }
			wait := func(context.Context) error {
				calls = append(calls, "wait")
				return nil
			}

			all := releases.ObserveAll(t.Context(), targets, wait)

			for i, seen := range all {
				require.NoError(t, seen.Err)
				require.Equal(t, alipayplus.ReleaseNewVersionCreated, seen.Observation.Status, targets[i].ID())
			}
			require.Len(t, calls, 2*tt.calls, "%v", calls)
			for i := 0; i < len(calls); i += 2 {
				require.Equal(t, "wait", calls[i])
				require.NotEqual(t, "wait", calls[i+1])
			}
		})
	}
}

func TestReleasesAreNotReadWithoutTheLimiter(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		releases, targets, way := newFixture(t).releases(3, 1)
		way.onRequest = func(path string) { require.Fail(t, "a call without a wait", path) }
		ended := func(context.Context) error { return context.Canceled }
		for _, seen := range releases.ObserveAll(t.Context(), targets, ended) {
			require.ErrorIs(t, seen.Err, context.Canceled)
			require.Nil(t, seen.Observation)
		}
	})
}

func TestReleasesReadNoneButTheirOwn(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		given := newFixture(t)
		releases, targets, _ := given.releases(1, 1)
		others, foreign, _ := given.releases(1, 1)
		wait := func(context.Context) error { return nil }
		all := releases.ObserveAll(t.Context(), []rollout.Target{foreign[0], targets[0], rollouttest.NewFake("a fake", alipayplus.DefaultLadder())}, wait)
		require.Len(t, all, 3)
		require.EqualError(t, all[0].Err, "rollout: "+foreign[0].ID()+" is not one of these releases")
		require.NoError(t, all[1].Err)
		require.NotNil(t, all[1].Observation)
		require.EqualError(t, all[2].Err, "rollout: a fake is not one of these releases")
		require.NoError(t, others.ObserveAll(t.Context(), foreign, wait)[0].Err)
	})
}

func TestAReleaseOfThePlatformIsATarget(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	rollouttest.TestTarget(t, func(t *testing.T) rollouttest.TargetHarness {
		given := newFixture(t)
		release := given.release(given.program(), "1.0.0").ID
		console := given.member("pat", alipayplus.RoleDeveloper)
		return rollouttest.TargetHarness{
			Target:  rollout.ForRelease(given.owner, release),
			Approve: given.approve,
			Reject: func(reason string) {
				reviews, err := given.p.Reviews(t.Context())
				require.NoError(t, err)
				for _, r := range reviews {
					require.NoError(t, r.Reject(t.Context(), alipayplus.PartyAlipayCN, reason))
				}
			},
			Raise: func(to alipayplus.Ratio) {
				now := given.read(release)
				set := console.Releases.Raise
				if now.Grayscale.Ratio == 0 {
					set = console.Releases.StartGrayscale
				}
				_, err := set(t.Context(), now.GrayscaleTo(to))
				require.NoError(t, err)
			},
			Lose: func() { given.p.Inject(platform.Fault{CutAfter: true}) },
			// As often as the client asks before it gives up.
			Break: func() { given.p.Inject(platform.Fault{Status: http.StatusServiceUnavailable, Times: 4}) },
		}
	}, rollouttest.InVirtualTime())
}

func TestAReleaseSaysWhichMiniProgramItIsOf(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		_, targets, way := newFixture(t).releases(1, 1)
		names := 0
		way.onRequest = func(path string) {
			if strings.HasSuffix(path, "/miniprogram/query") {
				names++
			}
		}
		for range 2 {
			seen, err := targets[0].Observe(t.Context())
			require.NoError(t, err)
			require.Equal(t, "蓝湖茶", seen.Subject.Name)
			require.Equal(t, "1.0.0", seen.Subject.Version)
			require.NotEmpty(t, seen.Subject.Program)
		}
		require.Equal(t, 1, names, "a name is read once")
	})
}
