package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// deployment is a release that jobs on several machines drive, and that operators give commands about.
type deployment struct {
	name string
	// plan is somebody's own; nil for one that the world makes up.
	plan *Plan
	// spec is what jobs are started with, the last of those that somebody has given.
	spec  rollout.Spec
	given []rollout.Spec
	// dice are for what not every plan has, and what people seldom do.
	dice   *rand.Rand
	target func(p *process) rollout.Target
	// over are the machines that it runs on, and disk where it is kept: that of the only machine, or a database.
	over []*machine
	disk *volume
	// bad is when the version begins to make trouble, and mended when that ends.
	bad, mended time.Time
	// ladder are the ratios of its target below 100; direct says that no platform is asked, and release is the
	// platform's otherwise.
	ladder       []alipayplus.Ratio
	direct       bool
	release, app string
	// ended says that its rollout has come to an end.
	ended atomic.Bool
	// inTheWay says that its last run ended because of something that only a person can clear away, such as a higher
	// version that all users have meanwhile.
	inTheWay atomic.Bool
}

// What is outside, and answers badly.
const (
	metricsHost = "metrics.example"
	chatHost    = "chat.example"
	hookSecret  = "TOPSECRETHOOK"
)

// startRollouts starts the jobs of some deployments, and their operators.
func (w *world) startRollouts() {
	for i := range 3 {
		w.machines = append(w.machines, &machine{name: fmt.Sprintf("machine %d", i+1), offset: skew(w.random), disk: newVolume(false), exact: w.config.Plan != nil})
	}
	measuring := w.source(7000)
	w.network.hosts[metricsHost] = w.outside("metrics", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.metrics(measuring, rw, r) }))
	w.network.hosts[chatHost] = w.outside("chat", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "ok") }))
	database := newVolume(true)
	for i, d := range w.deployments {
		random := w.source(2000 + uint64(i))
		if d.dice = w.source(6000 + uint64(i)); d.plan != nil {
			d.spec = d.plan.spec()
			d.given = []rollout.Spec{d.spec}
		} else {
			w.plan(d, random)
		}
		d.over, d.disk = w.machines, database
		if random.IntN(3) == 0 {
			d.over = w.machines[:1]
			d.disk = d.over[0].disk
		}
		if random.IntN(3) == 0 && d.plan == nil {
			d.bad = w.began.Add(time.Duration(random.Int64N(int64(w.trouble))))
			d.mended = d.bad.Add(time.Duration(random.Int64N(int64(day))))
		}
		jobs := 1 + random.IntN(2)
		for job := range jobs {
			go w.supervise(d, fmt.Sprintf("job %d of %s", job+1, d.name), w.source(3000+10*uint64(i)+uint64(job)))
		}
		go w.operate(d, w.source(4000+uint64(i)))
	}
}

// skew is how far a clock is off: two differ by less than a spec tolerates.
func skew(random *rand.Rand) time.Duration {
	const most = 2 * time.Minute
	return time.Duration(random.Int64N(int64(2*most))) - most
}

// supervise starts a job until its rollout has ended: again after it was killed or canceled, perhaps on another machine.
func (w *world) supervise(d *deployment, name string, random *rand.Rand) {
	for !d.ended.Load() {
		m := d.over[random.IntN(len(d.over))]
		p := newProcess(w.ctx, name+" on "+m.name, false)
		ctx, cancel := p.ctx, context.CancelFunc(func() {})
		if random.IntN(2) == 0 {
			ctx, cancel = context.WithTimeout(ctx, time.Duration(random.Int64N(int64(12*time.Hour))))
		}
		if _, err := w.scheduler.pass(ctx, p, decision, "start"); err == nil {
			if m.running.Load() == 0 && !w.faults.over() && random.IntN(4) == 0 {
				m.offset = skew(random)
				w.history.add(m.name, "the clock is set", m.offset.String(), nil)
			}
			m.running.Add(1)
			w.drive(ctx, p, m, d, random)
			m.running.Add(-1)
		}
		cancel()
		if p.dead() {
			w.history.add(p.name, "run", "killed", nil)
		}
		if p.dead() && !d.disk.shared && random.IntN(3) == 0 {
			w.history.add(m.name, "the power fails", "", d.disk.losePower())
		}
		p.kill()
		if !w.sleep(time.Duration(random.Int64N(int64(4*time.Hour)) + int64(10*time.Minute))) {
			return
		}
	}
}

// sleep waits in virtual time; false says that the world has ended.
func (w *world) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.ctx.Done():
		return false
	}
}

// drive is a job.
func (w *world) drive(ctx context.Context, p *process, m *machine, d *deployment, random *rand.Rand) {
	runner := w.runner(p, m, d)
	if random.IntN(3) > 0 {
		state, err := runner.Run(ctx)
		w.ran(p, d, state, err)
		return
	}
	for !p.dead() && ctx.Err() == nil {
		next, err := runner.Step(ctx)
		var state *rollout.State
		if next != nil {
			state = next.State
		}
		if stopped, is := errors.AsType[*rollout.StoppedError](err); is && stopped.Status.Final() || next != nil && next.Over {
			w.ran(p, d, state, err)
			return
		}
		if err != nil {
			w.ran(p, d, nil, err)
		}
		pause := 30 * time.Minute
		if err != nil {
			pause = 4 * time.Hour
		}
		if !sleep(p, time.Duration(random.Int64N(int64(pause)))) {
			return
		}
	}
}

// ran records what a run came to.
func (w *world) ran(p *process, d *deployment, state *rollout.State, err error) {
	if p.dead() {
		return
	}
	stopped, is := errors.AsType[*rollout.StoppedError](err)
	if is && stopped.Status.Final() || err == nil && state != nil && state.Status.Final() {
		d.ended.Store(true)
	}
	d.inTheWay.Store(!is && errors.Is(err, alipayplus.ErrConflict))
	w.history.add(p.name, "run", errorOf(err), nil)
}

// runner drives a deployment in a process.
func (w *world) runner(p *process, m *machine, d *deployment) *rollout.Runner {
	own := []rollout.Option{rollout.WithName(d.name), rollout.WithHost(m.name), rollout.WithLogger(w.history.logger(p))}
	if d.plan != nil {
		r, err := rollout.New(skewed{d.target(p), m}, asOn(m, d.spec), store{w, m, d.disk, p}, append(d.plan.options(w, d, p), own...)...)
		w.ok(err)
		return r
	}
	chat, err := rollout.ChatSink(rollout.ChatOptions{Service: rollout.ChatSlack, URL: "https://" + chatHost + "/" + hookSecret, Client: w.network.client(p)})
	w.ok(err)
	if len(d.given) > 1 {
		own = append(own, rollout.WithNewSpec())
	}
	opts := append(own, rollout.WithInterval(30*time.Minute), rollout.WithSink(chat))
	for _, name := range slices.Sorted(maps.Keys(d.spec.Gates)) {
		opts = append(opts, rollout.WithGate(name, w.watched(p, d, name, w.gate(p, d, name))))
	}
	r, err := rollout.New(skewed{d.target(p), m}, asOn(m, d.spec), store{w, m, d.disk, p}, opts...)
	w.ok(err)
	return r
}

// skewed is a target as a machine sees it whose clock is off.
type skewed struct {
	rollout.Target

	machine *machine
}

// Observe implements [rollout.Target].
func (t skewed) Observe(ctx context.Context) (*rollout.Observation, error) {
	o, err := t.Target.Observe(ctx)
	if o != nil && !o.ChangedAt.IsZero() {
		o.ChangedAt = o.ChangedAt.Add(-t.machine.offset)
	}
	return o, err
}

// Withdraw implements [rollout.Withdrawer].
func (t skewed) Withdraw(ctx context.Context, c rollout.Change) error {
	withdrawer, ok := t.Target.(rollout.Withdrawer)
	if !ok {
		return alipayplus.ErrInvalid
	}
	return withdrawer.Withdraw(ctx, c)
}

// judged is what a gate said to a job, or that it said nothing, or that there is nothing to be said yet.
type judged struct {
	rollout, process, gate string
	ratio                  int
	verdict                rollout.Decision
	noAnswer, noData       bool
	at                     time.Time
}

// gate asks for a figure of a version, such as its error rate.
func (w *world) gate(p *process, d *deployment, name string) rollout.Gate {
	client := w.network.client(p)
	return func(ctx context.Context, _ rollout.Step) (rollout.Verdict, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+metricsHost+"/"+name+"/"+strings.ReplaceAll(d.name, " ", "_"), http.NoBody)
		if err != nil {
			return rollout.Verdict{}, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return rollout.Verdict{}, err
		}
		text, err := readAll(resp.Body)
		if string(text) == "" && err == nil && resp.StatusCode == http.StatusOK {
			return rollout.Verdict{}, rollout.ErrNoData
		}
		v := rollout.Verdict{Decision: rollout.Decision(text), Reason: "as measured"}
		if err != nil || resp.StatusCode != http.StatusOK {
			return rollout.Verdict{}, errors.Join(err, errors.New("no figure"))
		}
		return v, nil
	}
}

func clip(text string) string { return text[:min(len(text), 8)] }

// metrics answers how a version does, not always.
func (w *world) metrics(random *rand.Rand, rw http.ResponseWriter, r *http.Request) {
	name := strings.ReplaceAll(path.Base(r.URL.Path), "_", " ")
	answer := "pass"
	for _, d := range w.deployments {
		if d.name == name && (Health{d}).Bad() {
			answer = "fail"
		}
	}
	if !w.faults.over() {
		switch random.IntN(20) {
		case 0:
			answer = "wait"
		case 1:
			answer = "<html>"
		case 2:
			rw.WriteHeader(http.StatusInternalServerError)
		case 3:
			answer = ""
		case 4, 5, 6:
			if strings.HasPrefix(r.URL.Path, "/latency/") {
				answer = "fail"
			}
		}
	}
	_, _ = io.WriteString(rw, answer)
}

// outside is a server that is never killed.
func (w *world) outside(name string, handler http.Handler) func(uint64) *server {
	s := &server{process: newProcess(w.ctx, name, true), handler: handler}
	return func(uint64) *server { return s }
}

// operate lets a person give commands about a deployment: any at any moment, until the trouble is over; then what lets it
// come to an end.
func (w *world) operate(d *deployment, random *rand.Rand) {
	for !d.ended.Load() {
		if !w.sleep(pauseOf(random, time.Hour)) {
			return
		}
		if seldom := random.IntN(3) > 0; seldom && !w.faults.cutOff() { // they look more often while nothing works
			continue
		}
		m := w.machines[random.IntN(len(w.machines))]
		if !d.disk.shared {
			m = d.over[0]
		}
		p := newProcess(w.ctx, "operator of "+d.name, false)
		if _, err := w.scheduler.pass(p.ctx, p, decision, ""); err == nil {
			m.running.Add(1)
			w.command(p, m, d, random)
			m.running.Add(-1)
		}
		p.kill()
	}
}

// command gives one command.
func (w *world) command(p *process, m *machine, d *deployment, random *rand.Rand) {
	runner := w.runner(p, m, d)
	ctx := p.ctx
	state, err := runner.Status(ctx)
	if err != nil || state == nil {
		w.history.add(p.name, "status", errorOf(err), nil)
		return
	}
	var wanted []alipayplus.Ratio
	for _, step := range state.Spec.Steps {
		if valid, _ := state.Approval(step.Ratio, time.Now()); step.Approval && step.Ratio > state.Ratio && valid == nil {
			wanted = append(wanted, step.Ratio)
		}
	}
	const by, why = "op", "seen"
	var what string
	switch {
	case !w.faults.over() && d.dice.IntN(4) == 0 && d.plan == nil: // any of them, for any state that there was, or once more
		ratio := state.Spec.Steps[d.dice.IntN(len(state.Spec.Steps))].Ratio
		what = fmt.Sprintf("approve %v", ratio)
		_, err = runner.Approve(ctx, by, why, ratio, rollout.ApprovedState(state.Seq-min(state.Seq, d.dice.Uint64N(6))))
	case w.faults.cutOff() && random.IntN(4) == 0: // so they stop it
		what = "abort"
		_, err = runner.Abort(ctx, by, why)
	case state.Status == rollout.Paused && (w.faults.over() || random.IntN(2) == 0):
		what = "resume"
		_, err = runner.Resume(ctx, by, why)
	case len(wanted) > 0 && (w.faults.over() || random.IntN(3) > 0):
		what = fmt.Sprintf("approve %v", wanted[0])
		_, err = runner.Approve(ctx, by, why, wanted[0])
	case w.faults.over() && d.inTheWay.Load():
		what = "abort"
		_, err = runner.Abort(ctx, by, why)
	case w.faults.over():
		return
	case random.IntN(4) == 0:
		what = "pause"
		_, err = runner.Pause(ctx, by, why)
	case random.IntN(8) == 0 && len(state.Spec.Steps) > 1:
		what = "revoke"
		_, err = runner.RevokeApproval(ctx, by, why, state.Spec.Steps[random.IntN(len(state.Spec.Steps))].Ratio)
	case d.plan == nil && random.IntN(8) == 0: // for the jobs that are started from now on
		what = "plan anew"
		w.plan(d, random)
	case random.IntN(20) == 0:
		what = "abort"
		_, err = runner.Abort(ctx, by, why)
	default:
		return
	}
	if !p.dead() {
		w.history.add(p.name, what, errorOf(err), nil)
	}
}
