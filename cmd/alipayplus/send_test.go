package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// elsewhere gives an order while a run waits for the reviews, does what ends the run, and
// returns both results.
func (s *place) elsewhere(then func(), args ...string) (driving, order report.Report) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	ordered := make(chan report.Report, 1)
	reads := 0
	before := func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "release/query") {
			if reads++; reads == 5 {
				go func() {
					got, _ := s.run(args...)
					then()
					ordered <- got
				}()
			}
		}
	}
	s.before.Store(&before)
	driving, _ = s.runUntil(ctx)
	return driving, <-ordered
}

func TestAnAbortTellsTheAftermathThoughARunElsewhereCarriesItOut(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	driving, order := s.elsewhere(func() {}, "abort", "--reason", "wrong logo")
	require.Equal(t, report.ExitConflict, driving.ExitStatus)
	require.Equal(t, report.ExitDone, order.ExitStatus, order.Message)
	require.Equal(t, rollout.Aborted, order.Status)
	require.Contains(t, order.Message, "wrong logo; nobody has the version")
}

func TestAnOrderThatARunElsewhereRefusesFails(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	_, order := s.elsewhere(func() { _, _ = s.run("pause") }, "resume")
	require.Equal(t, report.ExitConflict, order.ExitStatus)
	require.Contains(t, order.Message, "it is running; only a paused rollout can be resumed")
}

// A run that does not get to it in time leaves the order where it is.
func TestAnOrderThatIsNotCarriedOutInTimeIsLeft(t *testing.T) {
	s := newPlace(t, stepwise, leavingOpen)
	_, _ = s.run("step")
	store := rollout.NewFileStore(s.path("state"))
	lease, err := store.Acquire(t.Context(), "release "+s.release, "the other job")
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var stdout, stderr bytes.Buffer
		require.Equal(t, report.ExitDone, call(t.Context(), []string{"pause"}, &stdout, &stderr))
		require.Equal(t, sendWait, time.Since(began))
		var got report.Report
		require.NoError(t, json.Unmarshal(stdout.Bytes(), &got))
		require.Equal(t, "the command is left for the other job, which drives the rollout and has not executed it yet; see status", got.Message)
		require.Equal(t, rollout.Running, got.Status)
	})
	require.NoError(t, lease.Release(t.Context()))
	got, _ := s.run()
	require.Equal(t, rollout.Paused, got.Status, "and is carried out by the next run")
}

func TestWhatCameOfAnOrder(t *testing.T) {
	at := func(status rollout.Status) *rollout.State {
		return &rollout.State{Rollout: "tea", Seq: 1, Status: status, Stop: &rollout.Stop{Cause: rollout.CausePerson, Reason: "giving the version up was refused"}}
	}
	entry := func(action rollout.EventKind, by string) rollout.AuditEntry {
		return rollout.AuditEntry{Action: action, By: by, Why: "why"}
	}
	for _, tt := range []struct {
		name    string
		command string
		status  rollout.Status
		log     []rollout.AuditEntry
		done    bool
		err     string
	}{
		{"nothing yet", commandPause, rollout.Running, nil, false, ""},
		{"somebody else's", commandPause, rollout.Paused, []rollout.AuditEntry{entry(rollout.EventPaused, "olga")}, false, ""},
		{"what the run did", commandPause, rollout.Running, []rollout.AuditEntry{entry(rollout.EventRaised, "mei")}, false, ""},
		{"paused", commandPause, rollout.Paused, []rollout.AuditEntry{entry(rollout.EventPaused, "mei")}, true, ""},
		{"approved", commandApprove, rollout.Running, []rollout.AuditEntry{entry(rollout.EventApproved, "mei")}, true, ""},
		{"resumed", commandResume, rollout.Running, []rollout.AuditEntry{entry(rollout.EventResumed, "mei")}, true, ""},
		{"aborted", commandAbort, rollout.Aborted, []rollout.AuditEntry{entry(rollout.EventAborted, "mei")}, true, ""},
		{"an abort that the target refuses", commandAbort, rollout.Paused, []rollout.AuditEntry{entry(rollout.EventPaused, "mei")}, true, "giving the version up was refused"},
		{"refused", commandResume, rollout.Running, []rollout.AuditEntry{entry(rollout.EventRefused, "mei")}, true, "why"},
		{"over before", commandPause, rollout.Done, []rollout.AuditEntry{entry(rollout.EventDone, "a run")}, true, "it is DONE; nothing is left to pause"},
		{"the checkpoint was stored, and its part of the log is not yet", commandAbort, rollout.Aborted, nil, false, ""},
		{"the log was read after the next checkpoint was stored", commandPause, rollout.Running, []rollout.AuditEntry{{Seq: 2, Action: rollout.EventPaused, By: "mei"}}, false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := newJob(&options{command: tt.command, by: "mei"}, new(bytes.Buffer), new(bytes.Buffer))
			log := append([]rollout.AuditEntry{entry(rollout.EventPaused, "mei")}, tt.log...)
			done, err := j.answer(at(tt.status), log, 1)
			require.Equal(t, tt.done, done)
			if tt.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tt.err)
			}
		})
	}
}
