// Command alipayplus-rollouts drives releases of a platform on Temporal: its worker, and the
// commands of the people who release.
//
//	alipayplus-rollouts worker                            drives them; as many as you like, on any machine
//	alipayplus-rollouts start -spec release.yaml rel_...  starts one
//	alipayplus-rollouts status rel_...                    what it waits for
//	alipayplus-rollouts approve -ratio 50 -by lin rel_... approves a ratio
//	alipayplus-rollouts pause | resume | abort -by lin -reason "..." rel_...
//	alipayplus-rollouts retry rel_...                     goes on after a failure
//	alipayplus-rollouts audit rel_...                     what happened, one JSON object a line
//	alipayplus-rollouts wait rel_...                      until it is over; it fails unless all users have the version
//	alipayplus-rollouts attributes                        adds the search attributes to the namespace
//
// Temporal is found by the variables of its own tools, TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and so
// on; the worker finds the platform by ALIPAYPLUS_BASE_URL and so on, see [alipayplus.NewFromEnv]. It sends
// spans of its calls, metrics and logs to where OpenTelemetry's own variables say, OTEL_EXPORTER_OTLP_ENDPOINT
// and so on.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"runtime/debug"
	"slices"
	"syscall"
	"time"
	_ "time/tzdata" // the zones of freeze windows, for machines and images that have no zone files

	"go.opentelemetry.io/otel"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/otel/export"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/prometheus"
	"github.com/alipayplus-go/alipayplus/rollout/temporal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp): // it was asked for
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// options are the flags of all commands.
type options struct {
	queue, spec, by, reason string
	ratio                   int
	limit                   float64
	attributes              bool
}

const usage = "say what to do: worker, start, status, approve, pause, resume, abort, retry, audit, wait or attributes"

// commands are what usage lists.
func commands() []string {
	return []string{"worker", "start", "status", "approve", "pause", "resume", "abort", "retry", "audit", "wait", "attributes"}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	switch {
	case len(args) == 0:
		return errors.New(usage)
	case slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]):
		_, err := fmt.Fprintln(stderr, usage)
		return errors.Join(err, flag.ErrHelp)
	case !slices.Contains(commands(), args[0]):
		return fmt.Errorf("there is no command %s; %s", args[0], usage)
	}
	var o options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.queue, "task-queue", "rollouts", "task queue of the workers")
	flags.StringVar(&o.spec, "spec", "release.yaml", "start: file with the spec of the rollout")
	flags.StringVar(&o.by, "by", account(), "commands: who asks for it")
	flags.StringVar(&o.reason, "reason", "", "commands: why")
	flags.IntVar(&o.ratio, "ratio", 0, "approve: what is approved, in percent")
	flags.Float64Var(&o.limit, "limit", 0, "worker: steps in a second of all workers together; 0: no limit")
	flags.BoolVar(&o.attributes, "attributes", false, "start: keep search attributes, see the command attributes")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if ofOne := args[0] != "worker" && args[0] != "attributes"; ofOne && flags.NArg() != 1 {
		return fmt.Errorf("%s needs the id of one release", args[0])
	}
	found, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	var sent *export.Export // the commands are not worth it
	if args[0] == "worker" {
		if sent, err = export.FromEnv(ctx, export.Service{Name: "alipayplus-rollouts", Version: version(), Instance: true}); err != nil {
			return err
		}
		defer sent.Shutdown(ctx)
		otel.SetErrorHandler(&export.Warnings{Say: func(err error) { logger.Warn("OpenTelemetry", "error", err) }})
		logger = slog.New(sent.Logs(logger.Handler()))
	}
	found.Logger = sdklog.NewStructuredLogger(logger)
	c, err := client.DialContext(ctx, found)
	if err != nil {
		return err
	}
	defer c.Close()
	rollouts := temporal.NewClient(c, o.queue)
	switch args[0] {
	case "worker":
		return work(ctx, c, o, sent, stdout, logger)
	case "attributes":
		namespace := found.Namespace
		if namespace == "" {
			namespace = client.DefaultNamespace
		}
		return rollouts.AddSearchAttributes(ctx, namespace)
	}
	return command(ctx, rollouts, args[0], targetOf(flags.Arg(0)), o, stdout)
}

// account is who runs the program, as far as that is known.
func account() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// targetOf is the id of the target that drives a release, which may be given as that, too.
func targetOf(release string) string {
	return rollout.ForRelease(nil, cmp.Or(rollout.ReleaseID(release), release)).ID()
}

// work drives rollouts until the context ends.
func work(ctx context.Context, c client.Client, o options, sent *export.Export, stdout io.Writer, logger *slog.Logger) error {
	platform, err := alipayplus.NewFromEnv(sent.Client()...)
	if err != nil {
		return err
	}
	releases := rollout.NewReleases(platform)
	w := worker.New(c, o.queue, worker.Options{TaskQueueActivitiesPerSecond: o.limit, WorkerStopTimeout: 30 * time.Second})
	err = temporal.Register(w, temporal.Options{
		Target: func(_ context.Context, id string) (rollout.Target, error) {
			release := rollout.ReleaseID(id)
			if release == "" {
				return nil, fmt.Errorf("this worker drives releases of a platform, not %q: %w", id, alipayplus.ErrNotFound)
			}
			return releases.Release(release), nil
		},
		Runner: []rollout.Option{rollout.WithGates(prometheus.Maker(prometheus.Options{}))},
		Sink:   all(append(sent.Sinks(), rollout.LineSink(stdout))),
		Logger: logger,
	})
	if err != nil {
		return err
	}
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	_, err = fmt.Fprintf(stdout, "driving rollouts of the task queue %s\n", o.queue)
	<-ctx.Done()
	return err
}

// all are several sinks as one. The error of one keeps no event from the others.
func all(sinks []rollout.Sink) rollout.Sink {
	return func(ctx context.Context, e rollout.Event) error {
		var errs []error
		for _, sink := range sinks {
			errs = append(errs, sink(ctx, e))
		}
		return errors.Join(errs...)
	}
}

// version is that of the module which the program was installed from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return ""
}

// command executes one command of a person.
func command(ctx context.Context, c *temporal.Client, name, target string, o options, stdout io.Writer) error {
	var receipt *rollout.Receipt
	var err error
	switch name {
	case "start":
		return start(ctx, c, target, o)
	case "status":
		return status(ctx, c, target, stdout)
	case "audit":
		return audit(ctx, c, target, stdout)
	case "retry":
		return c.Retry(ctx, target)
	case "wait":
		state, err := c.Wait(ctx, target)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(stdout, "%s %s at %v\n", target, state.Status, state.Ratio)
		return errors.Join(err, ended(state))
	case "pause":
		receipt, err = c.Pause(ctx, target, o.by, o.reason)
	case "resume":
		receipt, err = c.Resume(ctx, target, o.by, o.reason)
	case "abort":
		receipt, err = c.Abort(ctx, target, o.by, o.reason)
	case "approve":
		receipt, err = c.Approve(ctx, target, o.by, o.reason, alipayplus.Ratio(o.ratio))
	}
	if err != nil {
		return err
	}
	done := "it is kept, and executed as soon as a worker is there"
	if receipt.Handled {
		done = fmt.Sprintf("%s at %v", receipt.State.Status, receipt.State.Ratio)
	}
	_, err = fmt.Fprintf(stdout, "%s: %s\n", target, done)
	return err
}

// ended is the error of a rollout that was over before all users had the version.
func ended(s *rollout.State) error {
	if s.Status == rollout.Done || s.Stop == nil {
		return nil
	}
	return &rollout.StoppedError{Rollout: s.Rollout, Target: s.Target, Subject: s.Subject, Status: s.Status, Stop: *s.Stop}
}

func start(ctx context.Context, c *temporal.Client, target string, o options) error {
	content, err := os.ReadFile(o.spec)
	if err != nil {
		return err
	}
	spec, err := rollout.ParseSpec(content)
	if err != nil {
		return fmt.Errorf("%s: %w", o.spec, err)
	}
	return c.Start(ctx, temporal.Rollout{Target: target, Spec: *spec, SearchAttributes: o.attributes})
}

func status(ctx context.Context, c *temporal.Client, target string, stdout io.Writer) error {
	at, err := c.Status(ctx, target)
	if err != nil {
		return err
	}
	text := target + ": nothing was done yet"
	if s := at.Next.State; s != nil {
		text = fmt.Sprintf("%s %s at %v: %s", target, s.Status, s.Ratio, at.Next.What)
	}
	if at.Failure != "" {
		text += "; it waits for a person, who says retry: " + at.Failure
	}
	_, err = fmt.Fprintln(stdout, text)
	return err
}

func audit(ctx context.Context, c *temporal.Client, target string, stdout io.Writer) error {
	entries, err := c.Audit(ctx, target)
	out := json.NewEncoder(stdout)
	for _, e := range entries {
		err = errors.Join(err, out.Encode(e))
	}
	return err
}
