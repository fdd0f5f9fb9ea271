package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// sinks says where events go: to what is told at the end, to people or to a file.
func (j *job) sinks(ctx context.Context) (all []rollout.Option, closeAll func(), err error) {
	all = []rollout.Option{
		rollout.WithLogger(slog.New(slog.NewTextHandler(j.stderr, nil))),
		rollout.WithSink(func(_ context.Context, e rollout.Event) error {
			j.seen = e.Seen
			return nil
		}),
	}
	if j.opts.ndjson == toStderr {
		return append(all, rollout.WithSink(rollout.NDJSONSink(j.stderr))), func() {}, nil
	}
	closeFile := func() {}
	if j.opts.ndjson != "" {
		file, err := openToAppend(j.opts.ndjson)
		if err != nil {
			return nil, nil, misused("-ndjson: %w", err)
		}
		all = append(all, rollout.WithSink(rollout.NDJSONSink(file)))
		closeFile = func() { j.warn("-ndjson", file.Close()) }
	}
	file, _ := j.stderr.(*os.File)
	view := rollout.NewTerminal(j.stderr, rollout.DetectTerminal(file))
	stop := view.Ticking(ctx) // CI systems end jobs that say nothing
	return append(all, rollout.WithSink(view.Sink())), func() { stop(); closeFile() }, nil
}

func openToAppend(name string) (*os.File, error) {
	const mode = 0o600
	return os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, mode) //nolint:gosec // the caller, or GitHub, says where
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
