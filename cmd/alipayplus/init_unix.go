//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// asInit runs a program as a child, and does what the first process of a container must do
// besides: it passes signals on, and reaps the processes whose parents have ended, which
// the gates of a rollout may leave behind. It returns the child's exit status.
func asInit(path string, args []string) (status int) {
	const signaled = 128 // as shells report a program that a signal ended
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, ending()...)
	child, err := os.StartProcess(path, args, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}}) //nolint:gosec // this program itself
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "error: start the program as the first process of a container: %v\n", err)
		return 1
	}
	go func() {
		for s := range signals {
			_ = child.Signal(s) // it may have ended
		}
	}()
	for {
		var end syscall.WaitStatus
		switch pid, err := syscall.Wait4(-1, &end, 0, nil); {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			_, _ = fmt.Fprintf(os.Stderr, "error: wait for the program: %v\n", err)
			return 1
		case pid == child.Pid && end.Exited():
			return end.ExitStatus()
		case pid == child.Pid && end.Signaled():
			return signaled + int(end.Signal())
		}
	}
}
