package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// killer drives releases by a program that it kills.
type killer struct {
	*deployment
	program string
	within  time.Duration
	random  *rand.Rand
}

// job is what the program is started for, again and again.
type job struct {
	// name is for people.
	name string
	// args are the command line.
	args []string
	// calls is in which of its first calls of the platform a process is killed.
	calls int
	// release is the id of the release; empty as long as there is none.
	release func(ctx context.Context) (id string, err error)
}

// drive starts the program, kills it and starts it again, until it says that the
// release has reached all users. It kills it a number of times at most, and adds what
// it did to the tally.
func (k *killer) drive(ctx context.Context, j job, most int, done *tally) error {
	for last := done.kills + most; ; {
		m := moment{}
		if done.kills < last {
			m = k.moment(j.calls)
		}
		status, killed, err := k.life(ctx, j, m)
		switch {
		case err != nil:
			return err
		case !killed && status == 0:
			return nil
		case !killed:
			return fmt.Errorf("the program ended with status %d, for which there is no reason; its output is in %s", status, k.path(logFile))
		}
		early, changing, err := k.checkKilled(ctx, j)
		if err != nil {
			return fmt.Errorf("after it was killed: %w", err)
		}
		done.add(m, early, changing)
	}
}

// moment is when a process is killed: some time after its start, or in a call of the
// platform. The zero moment is never.
type moment struct {
	after time.Duration
	// call counts the calls of the process from 1; 0 for a kill by time.
	call int
	// done says that the call has its effect, and its answer is lost.
	done bool
}

// moment chooses one: by time, often soon after the start, or in one of the first calls.
func (k *killer) moment(often int) moment {
	switch k.random.IntN(5) {
	case 0:
		return moment{after: k.until(k.within / 20)}
	case 1:
		return moment{call: 1 + k.random.IntN(often)}
	case 2:
		return moment{call: 1 + k.random.IntN(often), done: true}
	default:
		return moment{after: k.until(k.within)}
	}
}

// until is a random time up to most, but not 0.
func (k *killer) until(most time.Duration) time.Duration {
	return 1 + time.Duration(k.random.Int64N(int64(most)))
}

// life is one process, from its start to its end.
func (k *killer) life(ctx context.Context, j job, m moment) (status int, killed bool, err error) {
	log, err := os.OpenFile(k.path(logFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, fileMode)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = log.Close() }() // its lines are for people
	_, _ = fmt.Fprintf(log, "--- %s, to be killed %+v\n", j.name, m)
	cmd := exec.CommandContext(ctx, k.program, j.args...) //nolint:gosec // what is tested
	cmd.Env, cmd.Stdout, cmd.Stderr = append(inherited(), k.environment...), log, log
	kill := func() { _ = cmd.Process.Kill() } // it may have ended by itself
	ready := make(chan struct{})
	k.inCall(m, func() { <-ready; kill() })
	if err := cmd.Start(); err != nil {
		return 0, false, err
	}
	close(ready)
	if m.after > 0 {
		timer := time.AfterFunc(m.after, kill)
		defer timer.Stop()
	}
	_ = cmd.Wait() // its state says more
	k.inCall(moment{}, nil)
	if err := ctx.Err(); err != nil {
		return 0, false, err
	}
	status = cmd.ProcessState.ExitCode()
	return status, m != (moment{}) && wasKilled(cmd.ProcessState), nil
}

// inherited is the environment of this process without what the program reads: that of
// a platform in earnest, or of a CI job.
func inherited() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "ALIPAYPLUS_") || strings.HasPrefix(variable, "ALIPAYCN_") || strings.HasPrefix(variable, "GITHUB_")
	})
}

// wasKilled says whether a process did not end by itself. Windows does not say: there a
// killed process has ended with status 1.
func wasKilled(state *os.ProcessState) bool {
	return !state.Exited() || runtime.GOOS == "windows" && state.ExitCode() == 1
}
