package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/postgres"
	"github.com/alipayplus-go/alipayplus/postgres/postgrestest"
)

// gateways are processes that serve one platform over a PostgreSQL database and are killed, and the writers that call them
// through a balancer.
type gateways struct {
	*options

	folder    string
	database  string
	workspace string
	log       *os.File
	processes []*gatewayProcess
	balancer  *balancer
	writers   []*writer
	kills     int
	elapsed   time.Duration
}

// driveGateways lets the writers write while gateways are killed, and compares then with what is recorded.
func (o *options) driveGateways(ctx context.Context, folder string, out io.Writer) (g *gateways, err error) {
	if o.program == "" {
		if o.program, err = build(ctx, folder); err != nil {
			return nil, err
		}
	}
	server, err := postgrestest.Start(ctx, postgrestest.WithSync())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	g = &gateways{options: o, folder: folder, balancer: &balancer{transport: new(http.Transport)}}
	if g.database, err = server.CreateDatabase(ctx); err != nil {
		return g, err
	}
	if g.log, err = os.Create(filepath.Join(folder, logFile)); err != nil {
		return g, err
	}
	defer func() { _ = g.log.Close() }() // its lines are for people
	_, _ = fmt.Fprintf(out, "seed %d: %d gateways, %d clients for %v, every %v a gateway is killed\n", o.seed, o.gateways, o.clients, o.lasting, o.every)
	if err := g.run(ctx); err != nil {
		return g, err
	}
	return g, g.check(ctx)
}

// String is what was done.
func (g *gateways) String() string {
	var times []time.Duration
	var cpu time.Duration
	repeated := 0
	for _, w := range g.writers {
		times, repeated = append(times, w.times...), repeated+w.repeated
	}
	for _, p := range g.processes {
		cpu += p.cpu
	}
	slices.Sort(times)
	n := max(1, len(times))
	return fmt.Sprintf("%d kills of %d gateways, %d writes of %d clients acknowledged, each recorded exactly once, "+
		"%d of them by a client that had given up before; %.0f writes/s, p50 %v, p99 %v, %v of CPU per write in the gateways",
		g.kills, g.gateways, len(times), g.clients, repeated, float64(n)/g.elapsed.Seconds(),
		times[n/2].Round(time.Millisecond), times[n*99/100].Round(time.Millisecond), (cpu / time.Duration(n)).Round(10*time.Microsecond))
}

// run starts the gateways, and kills some while the writers write.
func (g *gateways) run(ctx context.Context) (err error) {
	defer func() {
		for _, p := range g.processes {
			p.kill()
		}
	}()
	for n := range g.options.gateways {
		p, err := g.newProcess(ctx, n)
		if err != nil {
			return err
		}
		g.processes = append(g.processes, p)
		g.balancer.hosts = append(g.balancer.hosts, p.host)
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	for n := range g.clients {
		client, err := alipayplus.New(alipayplus.WithBaseURL("http://gateway.invalid"), alipayplus.WithCredentials(filepath.Join(g.processes[0].credentials, "owner")),
			alipayplus.WithHTTPClient(&http.Client{Transport: g.balancer}))
		if err != nil {
			return err
		}
		g.writers = append(g.writers, &writer{name: fmt.Sprint("client ", n), client: client})
	}
	w, err := g.writers[0].client.Workspace.Get(ctx)
	if err != nil {
		return err
	}
	g.workspace = w.ID
	began := time.Now()
	over, stop := context.WithTimeout(ctx, g.lasting)
	defer stop()
	errs := make([]error, len(g.writers)+1)
	var all sync.WaitGroup
	for n, w := range g.writers {
		all.Go(func() {
			if errs[n] = w.write(ctx, over); errs[n] != nil {
				stop()
			}
		})
	}
	all.Go(func() { errs[len(g.writers)] = g.killSome(ctx, over) })
	all.Wait()
	g.elapsed = time.Since(began)
	return errors.Join(errors.Join(errs...), ctx.Err())
}

// killSome kills a gateway again and again, and starts it again.
func (g *gateways) killSome(ctx, over context.Context) error {
	random := rand.New(rand.NewPCG(g.seed, 0)) //nolint:gosec // a choice, not a secret
	for {
		select {
		case <-over.Done():
			return nil
		case <-time.After(g.every):
		}
		p := g.processes[random.IntN(len(g.processes))]
		p.kill()
		g.kills++
		if err := p.start(ctx); err != nil {
			return err
		}
	}
}

// gatewayProcess is one gateway: a process after another.
type gatewayProcess struct {
	*gateways

	host, credentials string
	cmd               *exec.Cmd
	// cpu is what those that have ended have used.
	cpu time.Duration
}

func (g *gateways) newProcess(ctx context.Context, n int) (*gatewayProcess, error) {
	listener, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	return &gatewayProcess{
		gateways: g, host: listener.Addr().String(), credentials: filepath.Join(g.folder, fmt.Sprint("credentials", n)),
	}, listener.Close()
}

// start starts a process, and waits until it is ready.
func (p *gatewayProcess) start(ctx context.Context) error {
	p.cmd = exec.CommandContext(ctx, p.program, "serve", "--postgres", p.database, "--listen", p.host, "--credentials", p.credentials, "--auto-review", "0s") //nolint:gosec // what is tested
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = inherited(), p.log, p.log
	if err := p.cmd.Start(); err != nil {
		return err
	}
	client := http.Client{Timeout: 5 * time.Second}
	for range 600 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.host+"/readyz", nil)
		if err != nil {
			return err
		}
		if resp, err := client.Do(req); err == nil {
			_ = resp.Body.Close() // nothing is read of it
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("the gateway on %s does not start; its output is in %s", p.host, p.log.Name())
}

func (p *gatewayProcess) kill() {
	if p.cmd == nil || p.cmd.Process == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // its state says more
	p.cpu += p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	p.cmd = nil
}

// balancer passes each call on to the next gateway that can be connected to.
type balancer struct {
	transport http.RoundTripper
	hosts     []string
	calls     atomic.Uint64
}

// RoundTrip implements [http.RoundTripper].
func (b *balancer) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	var body []byte
	if r.Body != nil {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close() // it was read
	}
	for range b.hosts {
		one := r.Clone(r.Context())
		one.URL.Host = b.hosts[b.calls.Add(1)%uint64(len(b.hosts))]
		one.Body = io.NopCloser(bytes.NewReader(body))
		resp, err = b.transport.RoundTrip(one)
		if failed, is := errors.AsType[*net.OpError](err); !is || failed.Op != "dial" {
			return resp, err
		}
	}
	return nil, err
}

// writer makes one write after another.
type writer struct {
	name   string
	client *alipayplus.Client
	// requests are the ids of the writes that were acknowledged, times how long each took, and repeated how many of them
	// the client had given up before.
	requests []string
	times    []time.Duration
	repeated int
}

// write writes until it is over, and reads what it wrote. What was begun is finished.
func (w *writer) write(ctx, over context.Context) error {
	for n := 0; over.Err() == nil; n++ {
		var program *alipayplus.Program
		name := fmt.Sprintf("%s, %d", w.name, n)
		err := w.save(name+" a", func(id string) (err error) {
			program, err = w.client.Programs.Create(ctx, alipayplus.CreateProgramInput{
				Languages: []alipayplus.Localization{{Language: "en-US", Name: name}}, RequestID: id,
			})
			return err
		})
		if err == nil {
			err = w.save(name+" b", func(id string) error {
				_, err := w.client.Programs.AddLanguages(ctx, alipayplus.AddLanguagesInput{
					ProgramID: program.ID, Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}, RequestID: id,
				})
				return err
			})
		}
		if err == nil {
			_, err = w.repeat(func() error {
				program, err = w.client.Programs.Get(ctx, program.ID)
				return err
			})
		}
		if err != nil {
			return err
		}
		if len(program.Languages) != 2 || program.Languages[0].Name != name {
			return fmt.Errorf("%s: what was acknowledged is not read by the next gateway: %v", name, program.Languages)
		}
	}
	return nil
}

// save makes one write, and notes it.
func (w *writer) save(id string, do func(id string) error) error {
	began := time.Now()
	times, err := w.repeat(func() error { return do(id) })
	if err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	if times > 1 {
		w.repeated++
	}
	w.requests, w.times = append(w.requests, id), append(w.times, time.Since(began))
	return nil
}

// repeat calls until it succeeds, as the error of a call says that it can be. An error of another kind is one that no
// repetition would have saved.
func (*writer) repeat(call func() error) (times int, err error) {
	const patience = time.Minute
	for began := time.Now(); ; {
		times++
		if err = call(); err == nil {
			return times, nil
		}
		if !alipayplus.IsRetryable(err) && !errors.Is(err, alipayplus.ErrOutcomeUnknown) {
			return times, fmt.Errorf("refused for good: %w", err)
		}
		if time.Since(began) > patience {
			return times, fmt.Errorf("no answer within %v: %w", patience, err)
		}
	}
}

// check compares what was acknowledged with the audit log, by a platform over the same records.
func (g *gateways) check(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, g.database)
	if err != nil {
		return err
	}
	defer pool.Close()
	p, err := platform.New(platform.WithStore(postgres.NewStore(pool)))
	if err != nil {
		return err
	}
	recorded := map[string]int{}
	for entry, err := range p.Audit(ctx, g.workspace) {
		if err != nil {
			return err
		}
		if entry.Kind == "mini program" {
			recorded[entry.RequestID]++
		}
	}
	for id, count := range recorded {
		if count != 1 {
			return fmt.Errorf("write %q is recorded %d times", id, count)
		}
	}
	for _, w := range g.writers {
		for _, id := range w.requests {
			if recorded[id] == 0 {
				return fmt.Errorf("write %q was acknowledged and is not recorded", id)
			}
		}
	}
	return nil
}
