package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Plan is a release plan of somebody's own, which a world tries in place of those that it makes up: one version, released
// at AlipayCN.
type Plan struct {
	// Spec is the plan. Its gates are those of Gates.
	Spec rollout.Spec
	// Gates and Sinks make what a process of a rollout has, and Options what else its runner gets; nil: none.
	Gates   func(Process) map[string]rollout.Gate
	Sinks   func(Process) []rollout.Sink
	Options []rollout.Option
	// Servers are what gates and sinks talk to, by host.
	Servers map[string]func(Health) http.Handler
	// Unnoticed is how long a version may make trouble before no more users may get it.
	Unnoticed time.Duration
}

// Process is where a rollout runs.
type Process struct {
	// Client reaches the servers of the plan over the network of the world.
	Client *http.Client
}

// Health is how a version does that is being released.
type Health struct{ of *deployment }

// Bad says whether the version makes trouble at this moment.
func (h Health) Bad() bool { return !h.of.badSince(time.Now()).IsZero() }

// Check says what keeps a plan from being tried.
func (p *Plan) Check() error {
	if err := p.Spec.Validate(); err != nil {
		return err
	}
	for _, step := range p.Spec.Steps {
		if step.Ratio != alipayplus.FullRatio && !slices.Contains(alipaycn.GrayLadder().Ratios(), step.Ratio) {
			return fmt.Errorf("%w: AlipayCN offers %v and 100%%, and a step wants %v", alipayplus.ErrInvalid, alipaycn.GrayLadder(), step.Ratio)
		}
	}
	if len(p.Spec.Gates) > 0 && p.Gates == nil {
		return fmt.Errorf("%w: the spec has gates, give them by Gates", alipayplus.ErrInvalid)
	}
	return nil
}

// spec is the spec with gates that are made in Go.
func (p *Plan) spec() rollout.Spec {
	s := p.Spec
	s.Gates = maps.Clone(s.Gates)
	for name, gate := range s.Gates {
		gate.HTTP, gate.Prometheus, gate.Command, gate.Compatibility = nil, nil, nil, nil
		s.Gates[name] = gate
	}
	return s
}

// lasts is how long the plan takes when nothing is wrong, but for the review.
func (p *Plan) lasts() (d time.Duration) {
	for _, step := range p.Spec.Steps {
		d += step.Bake.Std()
	}
	return d
}

// options are those of a runner in a process.
func (p *Plan) options(w *world, d *deployment, in *process) (opts []rollout.Option) {
	at := Process{Client: w.network.client(in)}
	opts = slices.Clone(p.Options)
	if p.Gates != nil {
		gates := p.Gates(at)
		for _, name := range slices.Sorted(maps.Keys(gates)) {
			opts = append(opts, rollout.WithGate(name, w.watched(in, d, name, gates[name])))
		}
	}
	if p.Sinks != nil {
		for i, sink := range p.Sinks(at) {
			opts = append(opts, rollout.WithSink(func(ctx context.Context, e rollout.Event) error {
				if _, err := w.scheduler.pass(ctx, in, decision, fmt.Sprintf("sink %d", i+1)); err != nil {
					return err
				}
				return sink(ctx, e)
			}))
		}
	}
	return opts
}

// watched is a gate whose verdicts the rules hear of. Gates are asked side by side, and each begins at an instant of its own,
// and ends at one when its time is over: also where its process was stopped meanwhile, and never asked it.
func (w *world) watched(p *process, d *deployment, name string, gate rollout.Gate) rollout.Gate {
	return func(ctx context.Context, step rollout.Step) (v rollout.Verdict, err error) {
		if _, err = w.scheduler.pass(ctx, p, decision, "gate "+name); err == nil {
			v, err = gate(ctx, step)
		}
		err = errors.Join(err, ctx.Err())
		if errors.Is(err, context.DeadlineExceeded) {
			if _, killed := w.scheduler.pass(p.ctx, p, decision, "gate "+name); killed != nil {
				return rollout.Verdict{}, killed
			}
		}
		j := &judged{rollout: d.name, process: p.name, gate: name, ratio: int(step.Ratio), verdict: v.Decision}
		if j.noData = errors.Is(err, rollout.ErrNoData); err != nil {
			j.verdict = ""
		}
		if !errors.Is(err, context.Canceled) {
			w.history.add(p.name, fmt.Sprintf("gate %s at %v", name, step.Ratio), errorOf(err)+" "+clip(string(v.Decision)), j)
		}
		return v, err
	}
}

// addPlan adds the deployment of the plan.
func (w *world) addPlan(random *rand.Rand) {
	w.addDirectDeployment()
	d := w.deployments[0]
	d.plan = w.config.Plan
	if random.IntN(4) > 0 {
		d.bad = w.began.Add(time.Duration(random.Int64N(int64(w.trouble))))
		d.mended = d.bad.Add(time.Duration(random.Int64N(int64(w.trouble))))
	}
}

// startServers starts what the gates and sinks of the plan talk to. While the version makes trouble, half of what is asked
// of them does not get there: such a version takes with it what watches it.
func (w *world) startServers() {
	d := w.deployments[0]
	for _, host := range slices.Sorted(maps.Keys(d.plan.Servers)) {
		reached := w.outside(host, d.plan.Servers[host](Health{d}))
		w.network.hosts[host] = func(choice uint64) *server {
			if choice%2 == 0 && (Health{d}).Bad() {
				return nil
			}
			return reached(choice)
		}
	}
}

// badSince is since when the version makes trouble; zero when it does not.
func (d *deployment) badSince(now time.Time) time.Time {
	if d.bad.IsZero() || now.Before(d.bad) || !now.Before(d.mended) {
		return time.Time{}
	}
	return d.bad
}
