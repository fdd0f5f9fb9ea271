// Command chaos kills the tool again and again, and shows that no release suffers:
//
//	go run ./tools/chaos -kills 200
//	go run ./tools/chaos -ship
//
// It serves a platform whose records are on disk, lets cmd/alipayplus drive one release
// after another, kills it with SIGKILL at random moments, at the start of the process
// and in the middle of its calls too, and starts it again until the release has
// reached all users. Then it compares the records of the platform and of the rollout:
// each ratio was set once, in rising order, after its time, and both agree. With -ship the
// program begins with a package and a file instead of a release: then there is one mini
// program, one version and one release of it besides, however often it was killed.
//
// With -alipaycn it serves a stand-in for AlipayCN instead, and kills cmd/alipayplus both as
// the rollout and as the platform between the two: each effect took place at AlipayCN once.
//
// With -postgres it serves a platform by several processes over a PostgreSQL database, lets clients write through a
// balancer, and kills one process after another: each acknowledged write is recorded exactly once, the next read sees it,
// and no call is refused that repeating it would not have saved. It needs a PostgreSQL server to start:
//
//	go run ./tools/chaos -postgres -for 3m
//
// The seed that it prints repeats the same choices; their effect depends on the
// machine too. When something is wrong the exit status is 1, and the folder is kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// driven is the package of the program that is killed.
const driven = "github.com/alipayplus-go/alipayplus/cmd/alipayplus"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // else the program would live on
	status := run(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(status)
}

type options struct {
	kills   int
	seed    uint64
	program string
	within  time.Duration
	ship    bool
	// alipayCN says that the platform releases to AlipayCN, and is killed too.
	alipayCN bool
	// postgres says that several platforms over one database are killed.
	postgres bool
	// gateways and clients are how many there are with postgres, lasting is how long they work, and every how often one
	// is killed.
	gateways, clients int
	lasting, every    time.Duration
}

// run returns the exit status: 0 when all held, 1 when something did not, 2 for flags
// that cannot be used.
func run(ctx context.Context, args []string, out io.Writer) int {
	var o options
	set := flag.NewFlagSet("chaos", flag.ContinueOnError)
	set.SetOutput(out)
	set.IntVar(&o.kills, "kills", 200, "how often the program is killed at least")
	set.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "the seed of the random moments")
	set.StringVar(&o.program, "program", "", "the `path` of alipayplus; empty: it is built")
	set.DurationVar(&o.within, "within", time.Second, "the longest time that a process lives before it is killed")
	set.BoolVar(&o.ship, "ship", false, "let the program ship: begin with a package and no mini program")
	set.BoolVar(&o.alipayCN, "alipaycn", false, "kill the platform too, which releases to a stand-in for AlipayCN")
	set.BoolVar(&o.postgres, "postgres", false, "kill one of several platforms over a PostgreSQL database")
	set.IntVar(&o.gateways, "gateways", 3, "how many platforms there are, with -postgres")
	set.IntVar(&o.clients, "clients", 64, "how many clients write, with -postgres")
	set.DurationVar(&o.lasting, "for", 20*time.Second, "how long the clients write, with -postgres")
	set.DurationVar(&o.every, "every", 2*time.Second, "how often a platform is killed, with -postgres")
	switch err := set.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil || set.NArg() > 0 || o.kills < 0 || o.within <= 0 || o.gateways < 1 || o.clients < 1 || o.every <= 0:
		_, _ = fmt.Fprintln(out, "chaos: give nothing but flags that can be used, see -h")
		return 2
	}
	began := time.Now()
	folder, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		_, _ = fmt.Fprintf(out, "chaos: %v\n", err)
		return 1
	}
	var done fmt.Stringer
	switch {
	case o.alipayCN:
		done, err = o.driveAlipayCN(ctx, folder, out)
	case o.postgres:
		done, err = o.driveGateways(ctx, folder, out)
	default:
		done, err = o.drive(ctx, folder, out)
	}
	if err != nil {
		_, _ = fmt.Fprintf(out, "chaos: %v\nseed %d; what was written is kept in %s\n", err, o.seed, folder)
		return 1
	}
	_ = os.RemoveAll(folder) // nothing in it is needed any more
	_, _ = fmt.Fprintf(out, "%v; seed %d, %v\n", done, o.seed, time.Since(began).Round(time.Second))
	return 0
}

// tally is what was done.
type tally struct {
	kills, releases int
	// early counts the kills before the first checkpoint, inCalls those in a call of the
	// platform, and changing those between a stored intent and its stored outcome.
	early, inCalls, changing int
}

func (t *tally) add(m moment, early, changing bool) {
	t.kills++
	if early {
		t.early++
	}
	if m.call > 0 {
		t.inCalls++
	}
	if changing {
		t.changing++
	}
}

func (t *tally) String() string {
	return fmt.Sprintf("%d kills (%d before the first checkpoint, %d in a call, %d with a change half done), %d releases to all users, each ratio set exactly once",
		t.kills, t.early, t.inCalls, t.changing, t.releases)
}

// drive lets the program release one version after another until it was killed often
// enough.
func (o *options) drive(ctx context.Context, folder string, out io.Writer) (done *tally, err error) {
	done = new(tally)
	if o.program == "" {
		if o.program, err = build(ctx, folder); err != nil {
			return done, err
		}
	}
	w, err := newDeployment(ctx, folder)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	k := &killer{
		deployment: w, program: o.program, within: o.within,
		random: rand.New(rand.NewPCG(o.seed, 0)), //nolint:gosec // moments, not secrets
	}
	_, _ = fmt.Fprintf(out, "seed %d, platform on %s\n", o.seed, w.address)
	for done.releases == 0 || done.kills < o.kills {
		j, err := o.job(ctx, w, done.releases)
		if err != nil {
			return done, fmt.Errorf("prepare a release: %w", err)
		}
		before := done.kills
		err = k.drive(ctx, j, o.kills-done.kills, done)
		if err == nil {
			err = w.checkDone(ctx, j)
		}
		if err != nil {
			return done, fmt.Errorf("%s, after %d kills: %w", j.name, done.kills-before, err)
		}
		done.releases++
		_, _ = fmt.Fprintf(out, "%s reached all users after %d kills; %d of %d\n", j.name, done.kills-before, done.kills, o.kills)
	}
	return done, nil
}

// job prepares the nth thing that the program is started for.
func (o *options) job(ctx context.Context, w *deployment, n int) (job, error) {
	if o.ship {
		return w.shipment(n)
	}
	id, err := w.release(ctx, n)
	return job{
		name: "release " + id, args: []string{"rollout", "run", "--release", id}, calls: callsOfRun,
		release: func(context.Context) (string, error) { return id, nil },
	}, err
}

// The first calls of a process in which it is killed.
const (
	callsOfRun  = 8
	callsOfShip = 24
)

// build builds the program that is killed.
func build(ctx context.Context, folder string) (program string, err error) {
	program = filepath.Join(folder, "alipayplus.exe")                                                                 // a name that runs everywhere
	output, err := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, driven).CombinedOutput() //nolint:gosec // its own name
	if err != nil {
		return "", fmt.Errorf("build %s: %w: %s", driven, err, output)
	}
	return program, nil
}
