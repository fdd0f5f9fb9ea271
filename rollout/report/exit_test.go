package report_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

func TestEveryEndHasItsExitStatus(t *testing.T) {
	stopped := func(status rollout.Status, cause rollout.Cause) error {
		return &rollout.StoppedError{Status: status, Stop: rollout.Stop{Cause: cause}}
	}
	for _, tt := range []struct {
		err  error
		want report.Exit
	}{
		{nil, report.ExitDone},
		{errors.New("the disk is full"), report.ExitInternal},
		{&rollout.CheckpointError{}, report.ExitInternal},
		{alipayplus.ErrInvalid, report.ExitUsage},
		{alipayplus.ErrUnauthenticated, report.ExitAuthentication},
		{alipayplus.ErrPermission, report.ExitAuthentication},
		{alipayplus.ErrAuthorizationRequired, report.ExitAuthentication},
		{&alipayplus.SignatureError{}, report.ExitAuthentication},
		{alipayplus.ErrNotFound, report.ExitNotFound},
		{&rollout.LeasedError{}, report.ExitConflict},
		{&rollout.ConflictError{}, report.ExitConflict},
		{rollout.ErrLeaseLost, report.ExitConflict},
		{rollout.ErrStalePlan, report.ExitConflict},
		{alipayplus.ErrLimit, report.ExitConflict},
		{stopped(rollout.Aborted, rollout.CausePerson), report.ExitConflict},
		{stopped(rollout.Ended, rollout.CauseOutside), report.ExitConflict},
		{stopped(rollout.Paused, rollout.CauseGate), report.ExitGateFailed},
		{stopped(rollout.Aborted, rollout.CauseGate), report.ExitGateFailed},
		{stopped(rollout.Paused, rollout.CauseRejected), report.ExitRejected},
		{stopped(rollout.Paused, rollout.CauseWithdrawn), report.ExitRejected},
		{&alipayplus.WaitError{Err: &alipayplus.ReviewError{Outcome: alipayplus.RequestRejected}}, report.ExitRejected},
		{&alipayplus.WaitError{Err: &alipayplus.OrderError{Status: alipayplus.OrderCanceled}}, report.ExitRejected},
		{stopped(rollout.Paused, rollout.CauseDeadline), report.ExitTimeout},
		{stopped(rollout.Paused, rollout.CausePerson), report.ExitPending},
		{&rollout.PendingError{Err: context.Canceled}, report.ExitPending},
		{context.DeadlineExceeded, report.ExitPending},
	} {
		require.Equal(t, tt.want, report.ExitOf(tt.err), "%v", tt.err)
		if tt.err != nil {
			require.Equal(t, tt.want, report.ExitOf(fmt.Errorf("the job: %w", tt.err)), "wrapped")
		}
	}
}

func TestEveryExitStatusIsDescribed(t *testing.T) {
	words := make(map[string]bool)
	for _, exit := range report.Exits() {
		require.NotEmpty(t, exit.Meaning())
		require.Equal(t, exit == report.ExitDone, exit.WayOut() == "")
		words[exit.String()] = true
	}
	require.Len(t, words, len(report.Exits()))
	require.Equal(t, "unknown", report.Exit(77).String())
}
