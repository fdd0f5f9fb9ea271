package platform_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// TestWaitersOfThreeDays: many programs wait for one verdict over a weekend, get
// it soon after it came, and leave nothing behind: a goroutine that outlives the
// test would keep its bubble from ending.
func TestWaitersOfThreeDays(t *testing.T) {
	const waiters, weekend = 12, 72 * time.Hour
	withFixture(t, func(w *fixture) {
		w.Helper()
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		began := time.Now()
		var all sync.WaitGroup
		for range waiters {
			client := w.as("olga")
			all.Go(func() {
				seen := 0
				approved, err := client.Releases.WaitReviewed(w.Context(), r.ID, alipayplus.ReleaseWait{
					Interval: time.Hour, MaxInterval: 4 * time.Hour,
					OnChange: func(*alipayplus.Release) { seen++ },
				})
				require.NoError(w, err)
				require.Equal(w, alipayplus.ReleasePreparation, approved.Status)
				require.Equal(w, 2, seen, "as it was first, and as it ended: both verdicts came at once")
				require.Equal(w, began.Add(weekend), approved.UpdatedAt.Local(), "the verdict's own time, whenever it was seen")
				require.LessOrEqual(w, time.Since(began), weekend+4*time.Hour)
			})
		}
		all.Wait()
		require.Len(w, gather(w, w.owner.Requests.All(w.Context(), alipayplus.ListRequestsInput{Status: alipayplus.RequestApproved})), 1)
		var verdicts int
		for _, e := range w.auditLog() {
			if strings.HasPrefix(e.Who, "ALIPAY") && e.Kind == "request" {
				verdicts++
			}
		}
		require.Equal(w, 2, verdicts, "each is settled once, although all waiters settle")
	}, platform.WithAutoReview(approveIn(weekend)))
}

// TestWaitersThatGiveUp: whoever stops waiting gets an error, with what was last
// seen, and is gone.
func TestWaitersThatGiveUp(t *testing.T) {
	withFixture(t, func(w *fixture) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		before := len(goroutinesOfBubble(w))
		ctx, cancel := context.WithTimeout(w.Context(), 72*time.Hour)
		defer cancel()
		var all sync.WaitGroup
		for range 4 {
			client := w.as("olga")
			all.Go(func() {
				last, err := client.Releases.WaitReviewed(ctx, r.ID, alipayplus.ReleaseWait{Interval: time.Hour, MaxInterval: 9 * time.Hour})
				require.ErrorIs(w, err, context.DeadlineExceeded)
				require.Equal(w, alipayplus.ReleaseUnderReview, last.Status)
			})
		}
		all.Wait()
		synctest.Wait()
		require.Len(w, goroutinesOfBubble(w), before)
	})
}

// goroutinesOfBubble gives the stacks of the goroutines of the caller's bubble.
// Unlike runtime.NumGoroutine it counts none that has ended and is still being
// cleared away, and none of the rest of the process.
func goroutinesOfBubble(t require.TestingT) []string {
	stacks := make([]byte, 1<<20)
	all := strings.Split(strings.TrimSpace(string(stacks[:runtime.Stack(stacks, true)])), "\n\n")
	bubble := regexp.MustCompile(`synctest bubble \d+`).FindString(all[0])
	require.NotEmpty(t, bubble, "the caller runs in no bubble")
	return slices.DeleteFunc(all, func(stack string) bool {
		head, _, _ := strings.Cut(stack, "\n")
		return !strings.Contains(head, bubble+"]") && !strings.Contains(head, bubble+",")
	})
}

// TestACallLeavesNoGoroutine: not when it succeeds, is refused, is cut, or is
// given up.
func TestACallLeavesNoGoroutine(t *testing.T) {
	withFixture(t, func(w *fixture) {
		w.owner = w.as("olga", alipayplus.WithRetry(4, 0, 0))
		before := len(goroutinesOfBubble(w))
		for i := range 20 {
			if i%2 == 1 {
				w.p.Inject(platform.Fault{CutAfter: true})
			}
			_, err := w.owner.Programs.Get(w.Context(), "1")
			require.ErrorIs(w, err, alipayplus.ErrNotFound)
			canceled, cancel := context.WithCancel(w.Context())
			cancel()
			_, err = w.owner.Programs.Get(canceled, "1")
			require.ErrorIs(w, err, context.Canceled)
		}
		synctest.Wait()
		require.Len(w, goroutinesOfBubble(w), before)
	})
}

// TestManyMembersAtOnce: members do all they can at the same time, on few mini
// programs. What each is answered holds, and no rule is broken in between.
func TestManyMembersAtOnce(t *testing.T) {
	const members, calls = 6, 25
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		var programs []string
		for range 2 {
			p := w.program().ID
			for v := range 4 {
				w.upload(p, fmt.Sprintf("1.%d.0", v+1))
			}
			programs = append(programs, p)
		}
		var refused, done atomic.Int32
		var all sync.WaitGroup
		for i := range members {
			client := w.member(fmt.Sprintf("member-%d", i), alipayplus.RoleMaster)
			random := rand.New(rand.NewPCG(uint64(i), 7))
			all.Go(func() {
				for range calls {
					err := anything(w.Context(), client, random, programs)
					if err == nil {
						done.Add(1)
						continue
					}
					refused.Add(1)
					require.False(w, alipayplus.IsRetryable(err), "a clash of two members is no failure: %v", err)
					require.NotErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
				}
			})
		}
		all.Wait()
		require.Positive(w, done.Load())
		require.Positive(w, refused.Load())
		w.requireOrder(app, programs)
	}, platform.WithTargetBackends(app), platform.WithAutoReview(approveIn(0)))
}

// anything does one thing that a member may want to do.
func anything(ctx context.Context, c *alipayplus.Client, random *rand.Rand, programs []string) error {
	program := programs[random.IntN(len(programs))]
	if random.IntN(4) == 0 {
		_, err := c.Releases.Create(ctx, alipayplus.CreateReleaseInput{
			ProgramID: program, TargetApp: cn, Version: alipayplus.VersionNumber{Major: 1, Minor: int32(1 + random.IntN(4))},
		})
		return err
	}
	page, err := c.Releases.List(ctx, alipayplus.ListReleasesInput{ProgramID: program})
	if err != nil || len(page.Items) == 0 {
		return err
	}
	r := page.Items[random.IntN(len(page.Items))]
	named := alipayplus.ReleaseInput{ReleaseID: r.ID}
	switch random.IntN(7) {
	case 0:
		_, err = c.Releases.UpdateConfiguration(ctx, alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID, Configuration: teaDomains()})
	case 1, 2:
		_, err = c.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())})
	case 3:
		_, err = c.Releases.Finalize(ctx, alipayplus.FinalizeInput{ReleaseID: r.ID})
	case 4:
		switch random.IntN(4) {
		case 0:
			_, err = c.Releases.Cancel(ctx, named)
		case 1:
			_, err = c.Releases.Delete(ctx, named)
		}
	default:
		next, more := r.Grayscale.Ladder.Next(r.Grayscale.Ratio)
		if !more {
			return nil
		}
		in := alipayplus.GrayscaleInput{ReleaseID: r.ID, From: r.Grayscale.Ratio, Ratio: next}
		if in.From == 0 {
			_, err = c.Releases.StartGrayscale(ctx, in)
		} else {
			_, err = c.Releases.Raise(ctx, in)
		}
	}
	return err
}

// requireOrder checks what must hold whatever happened: the rules of a mini
// program, the target app in step with the records, and the audit log telling
// the story without a gap.
func (w *fixture) requireOrder(app *fakeApp, programs []string) {
	w.Helper()
	last := map[string]string{}
	for _, e := range w.auditLog() {
		if e.Kind != "release" {
			continue
		}
		require.Equal(w, last[e.ID], e.From, "release %s: each change begins where the one before ended", e.ID)
		last[e.ID] = e.To
	}
	for _, p := range programs {
		full, onTheWay := 0, 0
		versions := map[alipayplus.VersionNumber]bool{}
		for _, r := range gather(w, w.owner.Releases.All(w.Context(), alipayplus.ListReleasesInput{ProgramID: p})) {
			require.False(w, versions[r.Version], "version %v went to the target twice", r.Version)
			versions[r.Version] = true
			require.True(w, strings.HasPrefix(last[r.ID], string(r.Status)))
			if r.Status == alipayplus.ReleaseFull {
				full++
			}
			if r.Status.BlocksApply() {
				onTheWay++
			}
			app.requireAgreement(w, r)
		}
		require.LessOrEqual(w, full, 1)
		require.LessOrEqual(w, onTheWay, 1)
	}
}
