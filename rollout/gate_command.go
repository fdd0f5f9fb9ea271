package rollout

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// CommandGate asks a program: exit status 0 passes, the WaitStatus waits, any
// other fails. The last line that it writes, to whichever of its outputs, is the
// reason, as a terminal would show it.
//
// The program finds the environment of the runner, and in it ROLLOUT_NAME,
// ROLLOUT_TARGET, ROLLOUT_VERSION (empty when the target does not say it), ROLLOUT_STEP (its
// place in the spec, from 0), ROLLOUT_RATIO (in percent, "10"), ROLLOUT_SINCE (when it went
// live, by RFC 3339) and ROLLOUT_LIVE_SECONDS (how long ago that is, at least 1). When it takes longer than the gate's timeout
// it is asked to end, by SIGTERM, and killed 3 seconds later. What it started, and has not
// taken out of its process group, ends with it in the same way, also when it ends by itself.
type CommandGate struct {
	// Args are the program and its arguments; no shell reads them.
	Args []string `json:"args" yaml:"args" validate:"min=1,max=1000"`
	// WaitStatus is the exit status that says "too early to say"; 0: 75, which
	// sysexits.h calls a temporary failure.
	WaitStatus int `json:"waitStatus,omitempty" yaml:"waitStatus,omitempty" validate:"omitempty,min=1,max=255"`
}

const (
	defaultWaitStatus = 75
	// maxLine is how much of the beginning of a line is kept, in bytes.
	maxLine = 8 << 10
	// maxReason is how much of the last line is shown, in characters.
	maxReason = 500
	// commandGrace is how long a program may take to end, from being asked to being killed.
	commandGrace = 3 * time.Second
)

func (g *CommandGate) check(path string, add report) {
	if len(g.Args) > 0 && g.Args[0] == "" {
		add(path+".args[0]", "must name a program")
	}
}

// preflight returns what can be found wrong without running the program.
func (g *CommandGate) preflight() error { return checkProgram(g.Args[0]) }

// Gate makes the gate. A program that cannot be started, was killed, or did not end
// in time gave no verdict: that is an error.
func (g *CommandGate) Gate() Gate {
	args, wait := slices.Clone(g.Args), cmp.Or(g.WaitStatus, defaultWaitStatus)
	return func(ctx context.Context, step Step) (Verdict, error) {
		if len(args) == 0 {
			return Verdict{}, errors.New("the command gate names no program")
		}
		status, line, err := runCommand(ctx, args, step)
		if err != nil {
			return Verdict{}, fmt.Errorf("command %s: %w", validation.OneLine(args[0]), err)
		}
		return commandVerdict(status, wait, line), nil
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

// runCommand runs a program to its end, and returns its exit status and the last line that it
// wrote. The error says why it has none. What it started, and did not take out of its process
// group, ends with it.
func runCommand(ctx context.Context, args []string, step Step) (status int, line string, err error) {
	output, writer, err := os.Pipe()
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = output.Close() }()
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // to run it is what the spec asks for; it is ended below
	cmd.Env = append(os.Environ(), step.environment()...)
	cmd.Stdout, cmd.Stderr = writer, writer // a file, so that Wait does not wait for who else has it open
	group, err := startGroup(cmd)
	_ = writer.Close()
	if err != nil {
		return 0, "", cmp.Or(checkProgram(args[0]), fmt.Errorf("it cannot be started: %w", err))
	}
	defer group.release()
	kept, copied := new(tellingLine), make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(kept, output)
	}()
	exited, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-exited:
		case <-ctx.Done():
			group.terminate()
			select {
			case <-exited:
			case <-time.After(commandGrace):
				group.kill()
			}
		}
	}()
	err = cmd.Wait()
	close(exited)
	<-watched
	group.endRest()
	select {
	case <-copied:
	case <-time.After(commandGrace): // somebody else still has the output open
		_ = output.SetReadDeadline(time.Now())
		<-copied
	}
	switch {
	case ctx.Err() != nil:
		return 0, "", fmt.Errorf("it did not end in time and was killed: %w", ctx.Err())
	case cmd.ProcessState == nil || !cmd.ProcessState.Exited():
		return 0, "", fmt.Errorf("it did not end by itself: %w", err)
	default:
		return cmd.ProcessState.ExitCode(), kept.String(), nil
	}
}

// tellingLine keeps the beginning of the last line that says something.
type tellingLine struct {
	line []byte
	last string
}

func (t *tellingLine) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		end := bytes.IndexAny(rest, "\r\n")
		part := rest
		if end >= 0 {
			part = rest[:end]
		}
		t.line = append(t.line, part[:min(len(part), maxLine-len(t.line))]...)
		if end < 0 {
			break
		}
		t.endLine()
		rest = rest[end+1:]
	}
	return len(p), nil
}

func (t *tellingLine) endLine() {
	if text := plainLine(t.line); text != "" {
		t.last = text
	}
	t.line = t.line[:0]
}

// String is the line.
func (t *tellingLine) String() string {
	t.endLine()
	return t.last
}

// escapeSequence is what a program writes to steer a terminal (ECMA-48): strings that end in
// BEL or ST, such as titles and links, then colours and movements, then all others.
var escapeSequence = regexp.MustCompile("(?:\x1b[\\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\x07\x1b\u009c]*(?:\x07|\x1b\\\\|\u009c)?" +
	"|(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]?" +
	"|\x1b[ -/]*[0-~]?")

// plainLine is what a terminal would show of a line, at most maxReason characters of it.
func plainLine(line []byte) string {
	text := escapeSequence.ReplaceAllString(strings.ToValidUTF8(string(line), "?"), "")
	text = strings.TrimSpace(validation.OneLine(text))
	if len(text) <= maxReason {
		return text
	}
	if runes := []rune(text); len(runes) > maxReason {
		text = string(runes[:maxReason]) + "..."
	}
	return text
}

// checkProgram says in plain words why a program cannot be started; nil when nothing
// is seen. What the operating system says of it names the script where its interpreter is
// missing.
func checkProgram(name string) error {
	path, err := exec.LookPath(name)
	shown := validation.OneLine(name)
	switch {
	case errors.Is(err, exec.ErrDot):
		return fmt.Errorf("%s is in the working directory, and not named so; write ./%s", shown, shown)
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s is a folder, and no program", shown)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s is not executable; chmod +x makes it so", shown)
	case err != nil && filepath.Base(name) == name:
		if info, err := os.Stat(name); err == nil && !info.IsDir() {
			return fmt.Errorf("%s is no program in PATH; for the one in the working directory write ./%s", shown, shown)
		}
		return fmt.Errorf("%s is no program in PATH", shown)
	case err != nil && filepath.IsAbs(name):
		return fmt.Errorf("%s is not there", shown)
	case err != nil:
		return fmt.Errorf("%s is not there; it is looked for from the working directory %s", shown, workingDirectory())
	case runtime.GOOS == "windows":
		return nil
	}
	return scriptFault(shown, path)
}

func workingDirectory() string {
	dir, err := os.Getwd()
	if err != nil {
		return "of the runner"
	}
	return validation.OneLine(dir)
}

// scriptFault says what is wrong with the first line of a script; nil for another program.
func scriptFault(shown, path string) error {
	first, err := firstLine(path)
	if err != nil {
		return nil //nolint:nilerr // who may execute a program need not be allowed to read it
	}
	if bytes.HasPrefix(first, []byte("\xef\xbb\xbf#!")) {
		return fmt.Errorf("%s begins with a byte order mark, before #!; save it without", shown)
	}
	line, isScript := bytes.CutPrefix(first, []byte("#!"))
	if !isScript {
		return nil
	}
	if bytes.HasSuffix(line, []byte("\r")) {
		return fmt.Errorf("the first line of %s ends in a carriage return, so its interpreter is not found; save it with the line ends of Unix", shown)
	}
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return fmt.Errorf("the first line of %s names no interpreter", shown)
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return fmt.Errorf("the interpreter of %s, %s, is not there or not executable", shown, validation.OneLine(words[0]))
	}
	if filepath.Base(words[0]) == "env" && len(words) > 1 && !strings.HasPrefix(words[1], "-") && !strings.Contains(words[1], "=") {
		if _, err := exec.LookPath(words[1]); err != nil {
			return fmt.Errorf("the interpreter of %s, %s, is no program in PATH", shown, validation.OneLine(words[1]))
		}
	}
	return nil
}

// firstLine is the beginning of a file up to its first line feed.
func firstLine(path string) ([]byte, error) {
	const most = 256 // of it the kernel reads
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	line, err := bufio.NewReader(io.LimitReader(file, most)).ReadBytes('\n')
	return bytes.TrimSuffix(line, []byte("\n")), errIfNotEnd(err)
}

func errIfNotEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
