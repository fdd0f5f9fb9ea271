package rollout_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// gateProgram is a command gate that runs this test binary as the program that
// TestProgramOfTheCommandGates is.
func gateProgram(args ...string) *rollout.CommandGate {
	return &rollout.CommandGate{Args: append([]string{os.Args[0], "-test.run=^TestProgramOfTheCommandGates$", "--"}, args...)}
}

// TestProgramOfTheCommandGates is no test but, with arguments, the program that the
// gates of the tests below run.
func TestProgramOfTheCommandGates(t *testing.T) {
	args := flag.Args()
	if len(args) == 0 {
		return
	}
	defer os.Exit(0) //nolint:forbidigo // it is the program that the gate asks
	switch what, rest := args[0], args[1:]; what {
	case "exit":
		status, err := strconv.Atoi(rest[0])
		require.NoError(t, err)
		fmt.Print(strings.Join(rest[1:], " ")) //nolint:forbidigo // it is the program that the gate asks
		os.Exit(status)                        //nolint:forbidigo // it is the program that the gate asks
	case "environment":
		for _, name := range []string{"NAME", "TARGET", "RATIO", "STEP"} {
			fmt.Print(os.Getenv("ROLLOUT_"+name), " ") //nolint:forbidigo // it is the program that the gate asks
		}
		fmt.Print(os.Getenv("GIVEN_BY_TEST")) //nolint:forbidigo // it is the program that the gate asks
	case "live":
		fmt.Print(os.Getenv("ROLLOUT_VERSION"), " ", os.Getenv("ROLLOUT_SINCE"), " ", os.Getenv("ROLLOUT_LIVE_SECONDS")) //nolint:forbidigo // it is the program that the gate asks
	case "flood":
		for i := range 1 << 17 {
			fmt.Println("line", i) //nolint:forbidigo // it is the program that the gate asks
		}
		fmt.Fprintln(os.Stderr, "the last line")
		fmt.Println() //nolint:forbidigo // it is the program that the gate asks
	case "parent": // starts a child with its own outputs, and stays or goes
		child := exec.Command(os.Args[0], slices.Concat(os.Args[1:3], []string{"child"}, rest[1:])...)
		started, starting, err := os.Pipe()
		require.NoError(t, err)
		child.Stdout, child.Stderr, child.ExtraFiles = os.Stdout, os.Stderr, []*os.File{starting}
		require.NoError(t, child.Start())
		require.NoError(t, starting.Close())
		if rest[0] == "stays" {
			_ = child.Wait()
		}
		_, err = started.Read(make([]byte, 1))
		require.NoError(t, err)
		fmt.Println("the parent went") //nolint:forbidigo // it is the program that the gate asks
	case "child": // reports to the test that it lives, and again when it lived on
		conn, err := net.Dial("tcp", rest[0])
		require.NoError(t, err)
		fmt.Fprint(conn, "born")
		_, _ = os.NewFile(3, "born").Write([]byte{1}) // to the parent, if there is one
		time.Sleep(time.Minute)
		fmt.Fprint(conn, "alive")
	}
}

func TestACommandGateDecidesByExitStatus(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	for _, tt := range []struct {
		name string
		wait int
		args []string
		want rollout.Verdict
	}{
		{"0", 0, []string{"exit", "0"}, rollout.Verdict{Decision: rollout.Pass, Reason: "exit status 0"}},
		{"0 with words", 0, []string{"exit", "0", "all\nis well\n\n"}, rollout.Verdict{Decision: rollout.Pass, Reason: "is well"}},
		{"1", 0, []string{"exit", "1"}, rollout.Verdict{Decision: rollout.Fail, Reason: "exit status 1"}},
		{"2 with words", 0, []string{"exit", "2", "too", "slow"}, rollout.Verdict{Decision: rollout.Fail, Reason: "exit status 2: too slow"}},
		{"75", 0, []string{"exit", "75", "no data yet"}, rollout.Verdict{Decision: rollout.Wait, Reason: "no data yet"}},
		{"another to wait", 3, []string{"exit", "3"}, rollout.Verdict{Decision: rollout.Wait, Reason: "exit status 3"}},
		{"75 where another waits", 3, []string{"exit", "75"}, rollout.Verdict{Decision: rollout.Fail, Reason: "exit status 75"}},
		{"words that would steer", 0, []string{"exit", "1", "a\rb\x1b[2Jc\td"}, rollout.Verdict{Decision: rollout.Fail, Reason: "exit status 1: bc d"}},
		{"colours last", 0, []string{"exit", "1", "\x1b[31;1mtoo slow\x1b[0m\n\x1b[0m\n\x1b[?25h\n"}, rollout.Verdict{Decision: rollout.Fail, Reason: "exit status 1: too slow"}},
		{"a title", 0, []string{"exit", "1", "\x1b]0;smoke\atoo slow\n\x1b]0;done\x1b\\\n"}, rollout.Verdict{Decision: rollout.Fail, Reason: "exit status 1: too slow"}},
		{"a link", 0, []string{"exit", "0", "see \x1b]8;;https://a.example\x1b\\the page\x1b]8;;\x1b\\"}, rollout.Verdict{Decision: rollout.Pass, Reason: "see the page"}},
		{"other sequences", 0, []string{"exit", "0", "\x1b(B\x1b7\x1bPq#0\x1b\\a\u009b1mb\u009d0;x\u009cc\x1b["}, rollout.Verdict{Decision: rollout.Pass, Reason: "abc"}},
		{"a line too long", 0, []string{"exit", "0", "begin " + strings.Repeat("x", 20_000)}, rollout.Verdict{Decision: rollout.Pass, Reason: "begin " + strings.Repeat("x", 494) + "..."}},
		{"words without end", 0, []string{"exit", "0", strings.Repeat("é", 600)}, rollout.Verdict{Decision: rollout.Pass, Reason: strings.Repeat("é", 500) + "..."}},
		{"a flood", 0, []string{"flood"}, rollout.Verdict{Decision: rollout.Pass, Reason: "the last line"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			gate := gateProgram(tt.args...)
			gate.WaitStatus = tt.wait

			verdict, err := gate.Gate()(t.Context(), rollout.Step{})

			require.NoError(t, err)
			require.Equal(t, tt.want, verdict)
		})
	}
}

func TestACommandGateKnowsTheStepThatItEvaluates(t *testing.T) {
	t.Setenv("GIVEN_BY_TEST", "inherited")
	t.Setenv("ROLLOUT_RATIO", "of another time")

	verdict, err := gateProgram("environment").Gate()(t.Context(), rollout.Step{Rollout: "tea", Target: "release rel_1", Ratio: 10, Index: 2})

	require.NoError(t, err)
	require.Equal(t, rollout.Passed("tea release rel_1 10 2 inherited"), verdict)
}

func TestACommandThatCannotBeStartedGivesNoVerdict(t *testing.T) {
	t.Parallel()
	for _, gate := range []*rollout.CommandGate{
		{},
		{Args: []string{"there-is-no-such-program", "--token=secret"}},
		{Args: []string{t.TempDir(), "secret"}},
		{Args: []string{os.Args[0], "secret\x00"}},
	} {
		verdict, err := gate.Gate()(t.Context(), rollout.Step{})

		require.ErrorContains(t, err, "command")
		require.NotContains(t, err.Error(), "secret")
		require.Zero(t, verdict)
	}
}

// acceptChild accepts the child of a program.
func acceptChild(t *testing.T) (address string, accept func() net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String(), func() net.Conn {
		conn, err := listener.Accept()
		require.NoError(t, err)
		born := make([]byte, len("born"))
		_, err = io.ReadFull(conn, born)
		require.NoError(t, err)
		return conn
	}
}

func TestACommandThatTakesTooLongIsKilled(t *testing.T) {
	t.Parallel()
	address, accept := acceptChild(t)
	ctx, cancel := context.WithCancel(t.Context())
	var verdict rollout.Verdict
	ended := make(chan error, 1)
	go func() {
		var err error
		verdict, err = gateProgram("child", address).Gate()(ctx, rollout.Step{})
		ended <- err
	}()
	child := accept()

	cancel()

	rest, _ := io.ReadAll(child)
	require.Empty(t, rest, "the program did not live on")
	err := <-ended
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "did not end in time and was killed")
	require.Zero(t, verdict)
}
