package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestTheOthersBeginWhenAllCanariesAreThrough(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 6)
		h.fakes[1].ApproveAfter(3 * day) // the slower canary
		queued := 0
		stand := make(map[string]rollout.FleetStatus)
		for i, fake := range h.fakes {
			stand[fake.ID()] = "RUNNING"
			if i >= 2 {
				stand[fake.ID()] = rollout.FleetQueued
			}
		}
		summary, err := h.fleet(rollout.FleetOptions{Canaries: 0.3, OnProgress: func(p rollout.FleetProgress) {
			stand[p.Member.Target] = p.Member.Status
			if stand["release 0"] == "DONE" && stand["release 1"] == "DONE" {
				for target, status := range stand {
					if status == rollout.FleetQueued {
						stand[target] = "RUNNING"
					}
				}
			}
			counts := make(map[rollout.FleetStatus]int)
			for _, status := range stand {
				counts[status]++
			}
			require.Equal(t, counts, p.Counts)
			queued = max(queued, p.Counts[rollout.FleetQueued])
			total := 0
			for status, n := range p.Counts {
				require.Positive(t, n, status)
				total += n
			}
			require.Equal(t, 6, total)
		}}).Run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "6 DONE", summary.String())
		require.Equal(t, 4, queued)
		through := h.fakes[1].Now().ChangedAt
		require.True(t, h.fakes[0].Now().ChangedAt.Before(through))
		for _, other := range h.fakes[2:] {
			require.False(t, other.Effects()[0].At.Before(through))
		}
		require.Equal(t, time.Since(h.began), summary.Elapsed)
	})
}

func TestACanaryThatIsNotReleasedStopsTheRest(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do     func(*fleetFixture)
		status rollout.FleetStatus
		is     error
	}{
		"rejected": {func(h *fleetFixture) {
			h.at(30*time.Minute, func() { require.NoError(h, h.fakes[0].Reject(alipayplus.PartyAlipayCN, "no")) })
		}, "PAUSED", rollout.ErrRejected},
		"canceled in the console": {func(h *fleetFixture) {
			h.at(90*time.Minute, func() { require.NoError(h, h.fakes[0].Cancel("pat")) })
		}, "ENDED", alipayplus.ErrConflict},
		"failed": {func(h *fleetFixture) {
			h.fakes[0].FailNext(rollouttest.OpRaise, 1, alipayplus.ErrPermission)
		}, "FAILED", alipayplus.ErrPermission},
		"a gate failed": {func(h *fleetFixture) {
			h.spec = hourly()
			h.spec.OnGateFailure = rollout.FailureAbort
			h.opts = append(h.opts, rollout.WithGate("errors", func(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
				if step.Target == "release 0" && step.Ratio == 50 {
					return rollout.Failed("too many"), nil
				}
				return rollout.Passed("fine"), nil
			}))
		}, "ABORTED", rollout.ErrGateFailed},
	} {
		runInVirtualTime(t, name, func(t *testing.T) {
			h := newFleetFixture(t, 5)
			tt.do(h)

			var last map[rollout.FleetStatus]int
			summary, err := h.fleet(rollout.FleetOptions{Canaries: 0.4, OnProgress: func(p rollout.FleetProgress) { last = p.Counts }}).Run(t.Context())

			require.Equal(t, summary.Counts(), last)
			require.ErrorIs(t, err, tt.is)
			require.NotErrorIs(t, err, rollout.ErrPending)
			require.Equal(t, tt.status, summary.Members[0].Status)
			require.Equal(t, rollout.FleetStatus(rollout.Done), summary.Members[1].Status, "the other canary goes on")
			for i, target := range summary.Members[2:] {
				require.Equal(t, rollout.FleetMember{Target: fmt.Sprint("release ", i+2), Status: rollout.FleetSkipped, What: "a canary was not released"}, target)
				require.Zero(t, h.fakes[i+2].Calls(rollouttest.OpAny), "it is not touched")
			}
			require.Contains(t, summary.String(), "3 SKIPPED")
		})
	}
}

func TestAReleaseThatSomebodyElseDrivesIsWaitedFor(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 3)
		lease, err := h.store.Acquire(t.Context(), "release 1", "lin's shell")
		require.NoError(t, err)
		h.at(0, func() {
			for time.Since(h.began) < 10*time.Hour {
				require.NoError(t, lease.Renew(t.Context()))
				time.Sleep(lease.RenewEvery())
			}
			require.NoError(t, lease.Release(t.Context()))
		})

		summary, err := h.fleet(rollout.FleetOptions{}).Run(deadline(t, 5*time.Hour))

		require.ErrorIs(t, err, rollout.ErrPending)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "fleet: 2 DONE, 1 RUNNING; run it again to go on")
		require.Equal(t, "rollout release 1 is driven by lin's shell; let it end or stop it first", summary.Members[1].What)
		require.Empty(t, h.fakes[1].Effects())
		h.finish(h.fleet(rollout.FleetOptions{}))
		require.False(t, h.fakes[1].Effects()[0].At.Before(h.began.Add(10*time.Hour)))
	})
}

func TestAFleetThatIsStoppedFinishesWhatItBeganAndGoesOnLater(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 4)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var stopped atomic.Bool
		for _, fake := range h.fakes {
			fake.Before(func(_ context.Context, c rollouttest.Call) error {
				if c.Op == rollouttest.OpRaise && c.Change.To == 50 && !stopped.Swap(true) {
					cancel()
					time.Sleep(time.Minute)
				}
				return nil
			})
		}

		summary, err := h.fleet(rollout.FleetOptions{}).Run(ctx)

		require.ErrorIs(t, err, rollout.ErrPending)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, "4 RUNNING", summary.String())
		raised := 0
		for i, fake := range h.fakes {
			if fake.Now().Ratio == 50 {
				raised++
			}
			state, err := rollout.New(fake, h.spec, h.store)
			require.NoError(t, err)
			now, err := state.Status(t.Context())
			require.NoError(t, err)
			require.Equal(t, fake.Now().Ratio, now.Ratio, "release %d", i)
			require.Nil(t, now.Intent)
		}
		require.Positive(t, raised)

		time.Sleep(time.Hour)
		h.finish(h.fleet(rollout.FleetOptions{}))
		for _, fake := range h.fakes {
			require.Equal(t, []alipayplus.Ratio{10, 50, 100}, fake.Ratios())
		}

		// What is done stays so, and nobody is asked anything.
		calls := h.fakes[0].Calls(rollouttest.OpAny)
		summary = h.finish(h.fleet(rollout.FleetOptions{}))
		require.Equal(t, "all users have the version", summary.Members[0].What)
		require.LessOrEqual(t, h.fakes[0].Calls(rollouttest.OpAny), calls+1)
	})
}

func TestAFleetReportsEachOfManyEnds(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 8)
		h.fakes[1].FailNext(rollouttest.OpObserve, 3, unavailable()) // passes
		h.at(30*time.Minute, func() { require.NoError(t, h.fakes[2].Reject(alipayplus.PartyAlipayCN, "a | b")) })
		h.at(90*time.Minute, func() { require.NoError(t, h.fakes[3].Cancel("pat")) })
		h.fakes[4].Revoke()
		h.fakes[5].FailNext(rollouttest.OpObserve, 1, fmt.Errorf("no such release: %w", alipayplus.ErrNotFound))
		h.fakes[6].Edit("pat", func(o *rollout.Observation) {
			o.Blocker = &rollout.Blocker{ID: "release x", Version: "0.9.0", Status: alipayplus.ReleaseGrayscale}
		})

		summary, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())

		require.Equal(t, "3 DONE, 1 ENDED, 3 FAILED, 1 PAUSED", summary.String())
		require.Equal(t, map[rollout.FleetStatus]int{"DONE": 3, "ENDED": 1, "FAILED": 3, "PAUSED": 1}, summary.Counts())
		for _, class := range []error{rollout.ErrRejected, alipayplus.ErrConflict, alipayplus.ErrAuthorizationRequired, alipayplus.ErrNotFound} {
			require.ErrorIs(t, err, class)
		}
		require.NotErrorIs(t, err, rollout.ErrPending)
		require.NotErrorIs(t, err, rollout.ErrGateFailed)
		var fleet *rollout.FleetError
		require.ErrorAs(t, err, &fleet)
		require.Same(t, summary, fleet.Summary)
		require.EqualError(t, err, "fleet: 3 DONE, 1 ENDED, 3 FAILED, 1 PAUSED"+
			"; rollout release 2 is paused at 0%: ALIPAY_CN rejected it: a | b; correct what the reviewers found, then resume, which applies again"+
			"; rollout release 3 is ended at 10%: the release was canceled by pat; it is over; release a later version"+
			"; rollout release 4: mini program release 4 is not authorized for ALIPAY_CN; call Authorizations.Begin and visit the page it returns"+
			"; and 2 more")
		for i, target := range summary.Members {
			require.Equal(t, i == 0 || i == 1 || i == 7, target.Err == nil)
			if target.Err != nil {
				require.ErrorContains(t, target.Err, target.What)
			}
		}
		require.Equal(t, strings.ReplaceAll(`8 targets: 3 DONE, 1 ENDED, 3 FAILED, 1 PAUSED

| target | status | live | why |
|---|---|---|---|
| "release 2" | PAUSED | 0% | "ALIPAY_CN rejected it: a ¦ b" |
| "release 3" | ENDED | 10% | "the release was canceled by pat" |
| "release 4" | FAILED | 0% | "rollout release 4: mini program release 4 is not authorized for ALIPAY_CN; call Authorizations.Begin and visit the page it returns" |
| "release 5" | FAILED | 0% | "no such release: not found" |
| "release 6" | FAILED | 0% | "rollout release 6: version 0.9.0 is GRAYSCALE_RELEASE and must be out of the way before this one can be applied for; finish, withdraw or cancel it first" |
`, `"`, "`"), summary.Markdown())

		// Once each was mended, a later run releases what can be.
		h.fakes[4].Grant()
		h.fakes[6].Edit("pat", func(o *rollout.Observation) { o.Blocker = nil })
		summary, err = h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.Equal(t, "6 DONE, 1 ENDED, 1 PAUSED", summary.String())
		require.ErrorIs(t, err, rollout.ErrRejected)
	})
}

func TestAFleetExecutesCommandsToOneOfItsRollouts(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 3)
		h.at(90*time.Minute, func() {
			r, err := rollout.New(h.fakes[1], h.spec, h.store, rollout.WithHost("b"))
			require.NoError(t, err)
			_, err = r.Pause(t.Context(), "lin", "lunch")
			require.NoError(t, err)
		})
		summary, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		require.Equal(t, "2 DONE, 1 PAUSED", summary.String())
		require.Equal(t, alipayplus.Ratio(10), summary.Members[1].Ratio)
	})
}

func TestATargetThatFailsAloneDoesNotHoldUpTheOthers(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 3)
		h.fakes[1].FailNext(rollouttest.OpObserve, 10_000, rollout.Transient(errors.New("reset by peer")))
		h.spec.Deadline = rollout.Duration(day)
		var others time.Time
		summary, err := h.fleet(rollout.FleetOptions{OnProgress: func(p rollout.FleetProgress) {
			if p.Counts["DONE"] == 2 && others.IsZero() {
				others = time.Now()
			}
		}}).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrDeadline)
		require.Equal(t, "2 DONE, 1 PAUSED", summary.String())
		require.Less(t, others.Sub(h.began), 4*time.Hour)
	})
}

func TestPeopleSendCommandsThroughTheRunnersOfAFleet(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		h := newFleetFixture(t, 3)
		h.spec.Steps[1].Approval = true
		fleet := h.fleet(rollout.FleetOptions{})
		command := func(target string, do func(*rollout.Runner) error) {
			r, err := fleet.Runner(target)
			require.NoError(t, err)
			require.Equal(t, target, r.Name())
			require.NoError(t, do(r))
		}
		h.at(90*time.Minute, func() {
			command("release 0", func(r *rollout.Runner) error { _, err := r.Pause(t.Context(), "lin", "lunch"); return err })
			command("release 1", func(r *rollout.Runner) error { _, err := r.Approve(t.Context(), "lin", "", 50); return err })
			command("release 2", func(r *rollout.Runner) error { _, err := r.Abort(t.Context(), "lin", "no"); return err })
		})

		summary, err := fleet.Run(t.Context())

		require.ErrorIs(t, err, rollout.ErrPaused)
		require.ErrorIs(t, err, rollout.ErrAborted)
		for i, status := range []rollout.FleetStatus{"PAUSED", "DONE", "ABORTED"} {
			require.Equal(t, status, summary.Members[i].Status)
			command(summary.Members[i].Target, func(r *rollout.Runner) error {
				state, err := r.Status(t.Context())
				require.Equal(t, status, rollout.FleetStatus(state.Status))
				return err
			})
		}
		_, err = fleet.Runner("release 3")
		require.EqualError(t, err, `rollout: "release 3" is not in the fleet: not found`)
		require.ErrorIs(t, err, alipayplus.ErrNotFound)
	})
}
