package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/terminal"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// sinks says where events go: to what is told at the end, to people or to a file.
func (j *job) sinks(ctx context.Context) (all []rollout.Option, closeAll func(), err error) {
	all = []rollout.Option{
		rollout.WithLogger(slog.New(slog.NewTextHandler(j.stderr, nil))),
		rollout.WithSink(func(_ context.Context, e rollout.Event) error {
			j.seen = e.Observation
			if e.Kind == rollout.EventWaiting && j.opts.leaves(e.Wait) {
				j.leave(fmt.Errorf("%s, which --wait does not name", e.What))
			}
			return nil
		}),
	}
	for _, sink := range j.opts.app.telemetry.Sinks() {
		all = append(all, rollout.WithSink(sink))
	}
	if !j.opts.drives() {
		return all, func() {}, nil
	}
	notified, err := j.opts.notifySinks()
	if err != nil {
		return nil, nil, err
	}
	all = append(all, notified...)
	if j.opts.ndjson == toStderr {
		return append(all, rollout.WithSink(rollout.NDJSONSink(j.stderr))), func() {}, nil
	}
	closeFile := func() {}
	if j.opts.ndjson != "" {
		file, err := report.OpenAppend(j.opts.ndjson)
		if err != nil {
			return nil, nil, misused("--ndjson: %w", err)
		}
		all = append(all, rollout.WithSink(rollout.NDJSONSink(file)))
		closeFile = func() { j.warn("--ndjson", file.Close()) }
	}
	stop := j.show.Ticking(ctx) // CI systems end jobs that say nothing
	return append(all, rollout.WithSink(j.show.sink)), func() { stop(); closeFile() }, nil
}

// view shows events to people.
type view struct {
	*terminal.View
	mu sync.Mutex
	// last is the newest event, nil before the first.
	last *rollout.Event
}

// sink shows an event, with the flags of this program for the options of the library.
func (v *view) sink(ctx context.Context, e rollout.Event) error {
	e.What, e.Error = flagNames(e.What), flagNames(e.Error)
	v.mu.Lock()
	v.last = &e
	v.mu.Unlock()
	return v.Sink()(ctx, e)
}

// say shows a line of this program's own, and says whether it could: a line that comes
// from elsewhere would spoil what is painted over.
func (v *view) say(ctx context.Context, kind rollout.EventKind, what string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.last == nil {
		return false
	}
	e := *v.last
	e.At, e.Kind, e.What, e.By, e.Until, e.Error = time.Now(), kind, what, "", time.Time{}, ""
	return v.Sink()(ctx, e) == nil
}

// oneAtATime is a writer for several goroutines.
type oneAtATime struct {
	mu sync.Mutex
	to io.Writer
}

func (w *oneAtATime) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// onGitHub says whether the program runs in a job of GitHub Actions.
func onGitHub() bool { return os.Getenv("GITHUB_ACTIONS") == "true" }

// publish writes what a CI system reads besides the result. What fails here is told
// and changes nothing: how the rollout stands is worth more.
func (j *job) publish() {
	if j.opts.junit != "" {
		j.warn("--junit", j.result.WriteJUnit(j.opts.junit))
	}
	if onGitHub() {
		_, _ = fmt.Fprint(j.stderr, j.result.Annotation())
		j.warn("GitHub Actions", j.result.WriteGitHub(os.Getenv))
	}
}

// quiet keeps GitHub from taking orders from progress, in which there is foreign
// text, until resume is called.
func (j *job) quiet() (resume func()) {
	if !onGitHub() {
		return func() {}
	}
	token := rand.Text()
	_, _ = fmt.Fprintf(j.stderr, "::stop-commands::%s\n", token)
	return func() { _, _ = fmt.Fprintf(j.stderr, "::%s::\n", token) }
}

// warn tells of a failure that must not hide how the rollout stands.
func (j *job) warn(what string, err error) {
	if err != nil {
		_, _ = fmt.Fprintf(j.stderr, "warning: %s: %v\n", what, err)
	}
}

// hint is the command line by which a person approves what an event waits for.
func (o *options) hint(e rollout.Event) string {
	if e.Kind != rollout.EventWaiting || e.Wait != rollout.WaitApproval {
		return ""
	}
	return "to approve: " + o.approveCommand(e.To)
}
