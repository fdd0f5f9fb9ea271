package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

func TestACallHasTheExitStatusOfItsError(t *testing.T) {
	t.Parallel()
	interrupted, cancel := context.WithCancelCause(t.Context())
	cancel(errInterrupted)

	for _, test := range []struct {
		ctx  context.Context
		err  error
		want report.Exit
	}{
		{t.Context(), failure{wrongUse{errors.New("no such file")}}, report.ExitUsage},
		{t.Context(), failure{&alipayplus.WaitError{Err: &alipaycn.RejectedError{}}}, report.ExitRejected},
		{t.Context(), failure{&alipaycn.Error{Code: alipaycn.CodeVersionIsBlank}}, report.ExitNotFound},
		{t.Context(), failure{fmt.Errorf("release: %w", alipayplus.ErrLimit)}, report.ExitConflict},
		{t.Context(), failure{context.DeadlineExceeded}, report.ExitPending},
		{t.Context(), failure{errors.New("the disk is full")}, report.ExitInternal},
		{interrupted, failure{context.Canceled}, report.ExitInterrupted},
	} {
		require.Equal(t, test.want, exitOf(test.ctx, test.err), "%v", test.err)
	}
}

func TestWhatCannotBeTakenBackIsAsked(t *testing.T) {
	t.Parallel()

	for answer, agreed := range map[string]bool{"y\n": true, "YES\n": true, "n\n": false, "\n": false, "": false, "yesterday\n": false} {
		var stderr bytes.Buffer
		a := newApp(io.Discard, &stderr)
		a.stdin = strings.NewReader(answer)

		err := a.ask("All users get the release.")

		require.Equal(t, "All users get the release. Continue? [y/N] ", stderr.String())
		require.Equal(t, agreed, err == nil, "%q", answer)
		if !agreed {
			require.Equal(t, report.ExitUsage, exitOf(t.Context(), err))
		}
	}
}
