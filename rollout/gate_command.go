package rollout

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// CommandGate asks a program: exit status 0 passes, the WaitStatus waits, any
// other fails. The last line that it writes, to whichever of its outputs, is the
// reason.
//
// The program finds the environment of the runner, and in it ROLLOUT_NAME,
// ROLLOUT_TARGET, ROLLOUT_VERSION (empty when the target does not say it), ROLLOUT_STEP (its
// place in the spec, from 0), ROLLOUT_RATIO (in percent, "10"), ROLLOUT_SINCE (when it went
// live, by RFC 3339) and ROLLOUT_LIVE_SECONDS (how long ago that is, at least 1). When it takes longer than the gate's timeout it is killed; on Unix
// with all that it started, unless they left its process group.
type CommandGate struct {
	// Args are the program and its arguments; no shell reads them.
	Args []string `json:"args" yaml:"args" validate:"min=1,max=1000"`
	// WaitStatus is the exit status that says "too early to say"; 0: 75, which
	// sysexits.h calls a temporary failure.
	WaitStatus int `json:"waitStatus,omitempty" yaml:"waitStatus,omitempty" validate:"omitempty,min=1,max=255"`
}

const (
	defaultWaitStatus = 75
	// maxCommandOutput is how much of the end of the output is kept, in bytes.
	maxCommandOutput = 4 << 10
	// maxReason is how much of the last line is shown, in characters.
	maxReason = 500
	// commandGrace is how long the outputs of a program that is over may stay open,
	// by what it started.
	commandGrace = time.Second
)

func (g *CommandGate) check(path string, add report) {
	if len(g.Args) > 0 && g.Args[0] == "" {
		add(path+".args[0]", "must name a program")
	}
}

// fault is what can be found wrong without running the program.
func (g *CommandGate) fault() error { return programFault(g.Args[0]) }

// Gate makes the gate. A program that cannot be started, was killed, or did not end
// in time gave no verdict: that is an error.
func (g *CommandGate) Gate() Gate {
	args, wait := slices.Clone(g.Args), cmp.Or(g.WaitStatus, defaultWaitStatus)
	return func(ctx context.Context, step Step) (Verdict, error) {
		if len(args) == 0 {
			return Verdict{}, errors.New("the command gate names no program")
		}
		status, output, err := runCommand(ctx, args, step)
		if err != nil {
			return Verdict{}, fmt.Errorf("command %s: %w", validation.OneLine(args[0]), err)
		}
		return commandVerdict(status, wait, lastLine(output)), nil
	}
}

func commandVerdict(status, wait int, line string) Verdict {
	reason := cmp.Or(line, fmt.Sprintf("exit status %d", status))
	switch status {
	case 0:
		return Passed("%s", reason)
	case wait:
		return Waiting("%s", reason)
	}
	if line != "" {
		reason = fmt.Sprintf("exit status %d: %s", status, line)
	}
	return Failed("%s", reason)
}

// runCommand runs a program to its end, and returns its exit status and the end of
// what it wrote. The error says why it has none.
func runCommand(ctx context.Context, args []string, step Step) (status int, output []byte, err error) {
	var kept tail
	cmd := exec.CommandContext(ctx, args[0], args[1:]...) //nolint:gosec // to run it is what the spec asks for
	cmd.Env = append(os.Environ(), step.environment()...)
	cmd.Stdout, cmd.Stderr = &kept, &kept // the same writer, so that os/exec serializes the writes
	cmd.WaitDelay = commandGrace
	setProcessGroup(cmd)
	if err := cmd.Start(); err != nil {
		return 0, nil, fmt.Errorf("it cannot be started: %w", err)
	}
	err = cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		_ = killProcessGroup(cmd) // a child still holds its output
	}
	switch {
	case ctx.Err() != nil:
		return 0, nil, fmt.Errorf("it did not end in time and was killed: %w", ctx.Err())
	case cmd.ProcessState == nil || !cmd.ProcessState.Exited():
		return 0, nil, fmt.Errorf("it did not end by itself: %w", err)
	default:
		return cmd.ProcessState.ExitCode(), kept.end, nil
	}
}

// tail keeps the end of what is written to it.
type tail struct{ end []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.end = append(t.end, p[max(0, len(p)-maxCommandOutput):]...)
	if more := len(t.end) - maxCommandOutput; more > 0 {
		t.end = slices.Delete(t.end, 0, more)
	}
	return len(p), nil
}

// lastLine is the last line that says something.
func lastLine(output []byte) string {
	output = bytes.TrimSpace(output)
	line := output[bytes.LastIndexAny(output, "\r\n")+1:]
	text := []rune(strings.TrimSpace(validation.OneLine(strings.ToValidUTF8(string(line), "?"))))
	if len(text) > maxReason {
		text = append(text[:maxReason], []rune("...")...)
	}
	return string(text)
}
