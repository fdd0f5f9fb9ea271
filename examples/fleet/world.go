package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/examples/internal/sample"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// perWorkspace is how many mini programs may go to AlipayCN from one workspace, as
// Alipay+ documents it.
const perWorkspace = 10

// world is the embedded platform, what is released on it, and what will go wrong.
type world struct {
	platform *platform.Platform
	targets  []rollout.Target
	canaries int
	// rejected is the target that a reviewer rejects, faulty the one that a gate
	// stops; empty: none.
	rejected, faulty string
	// bar shows how many targets there are already.
	bar  *console.Bar
	lock sync.Mutex
	made int
}

// prepare makes a platform and the releases on it, ready to be applied for.
func prepare(ctx context.Context, opts options, bar *console.Bar) (*world, error) {
	w := &world{
		targets:  make([]rollout.Target, opts.programs),
		canaries: int(math.Ceil(opts.canaries * float64(opts.programs))), bar: bar,
	}
	var err error
	if w.platform, err = platform.New(platform.WithAutoReview(w.review)); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var begun atomic.Int64
	var workers sync.WaitGroup
	for range opts.workers {
		workers.Go(func() {
			for first := w.next(&begun); first < len(w.targets) && ctx.Err() == nil; first = w.next(&begun) {
				if err := w.workspace(ctx, first); err != nil {
					cancel(err)
				}
			}
		})
	}
	workers.Wait()
	bar.End()
	return w, context.Cause(ctx)
}

// next is the first mini program of the next workspace.
func (w *world) next(begun *atomic.Int64) int { return int(begun.Add(1)-1) * perWorkspace }

// workspace makes a workspace with its mini programs.
func (w *world) workspace(ctx context.Context, first int) error {
	id, err := w.platform.AddWorkspace(ctx, setup.Company())
	if err != nil {
		return err
	}
	session, err := setup.Enter(ctx, w.platform, id)
	if err != nil {
		return err
	}
	// The releases of one workspace are read together. Each would ask for the company
	// that applies, if it were not told.
	releases := rollout.NewReleases(session.Client, rollout.WithBasicInfo(setup.Company()))
	for i := first; i < min(first+perWorkspace, len(w.targets)); i++ {
		release, err := program(ctx, session, i)
		if err != nil {
			return err
		}
		w.add(i, releases.Release(release.ID))
	}
	return nil
}

// program makes a mini program with a release of its first version.
func program(ctx context.Context, s *setup.Session, i int) (*alipayplus.Release, error) {
	p, err := sample.Create(ctx, s, fmt.Sprintf("Blue Lake Tea %d", i+1))
	if err != nil {
		return nil, err
	}
	if err := sample.Authorize(ctx, s, p.ID); err != nil {
		return nil, err
	}
	first := alipayplus.VersionNumber{Major: 1}
	if err := sample.Upload(ctx, s, p.ID, first); err != nil {
		return nil, err
	}
	return sample.Select(ctx, s, p.ID, first)
}

// add adds a target. Nothing goes wrong with a canary: nothing else would begin.
func (w *world) add(i int, target rollout.Target) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.targets[i] = target
	switch last := len(w.targets) - 1; {
	case i < w.canaries:
	case i == last:
		w.rejected = target.ID()
	case i == last-1:
		w.faulty = target.ID()
	}
	w.made++
	w.bar.Show(w.made, counted(w.made, "mini program"))
}

// review approves after a second, but for one release.
func (w *world) review(party alipayplus.Party, r *alipayplus.Request) platform.Decision {
	if party == alipayplus.PartyAlipayCN && "release "+r.ReleaseID == w.rejected {
		return platform.RejectAfter(time.Second, "the privacy page is missing")
	}
	return platform.ApproveAfter(time.Second)
}

// judge is the gate: a made-up rate of errors, which is too high for one release.
func (w *world) judge(_ context.Context, step rollout.Step) (rollout.Verdict, error) {
	const most = 0.01
	rate := 0.002
	if step.Target == w.faulty {
		rate = 0.031
	}
	return rollout.Bound{Max: new(most)}.Evaluate("error rate", rate)
}

// check makes sure that every release ended as it should: one rejected, one stopped by
// its gate, and all others done. Else the error is that of the fleet.
func (w *world) check(summary *rollout.FleetSummary, err error) error {
	for _, t := range summary.Members {
		asItShould := t.Status == rollout.FleetStatus(rollout.Done)
		switch t.Target {
		case w.rejected:
			asItShould = errors.Is(t.Err, rollout.ErrRejected)
		case w.faulty:
			asItShould = errors.Is(t.Err, rollout.ErrGateFailed)
		}
		if !asItShould {
			return cmp.Or(err, fmt.Errorf("%s ended as %s, which it should not", t.Target, t.Status))
		}
	}
	return nil
}
