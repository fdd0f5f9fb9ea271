package alipaycn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// publishing plays publishing a version: answers to the attempts to publish, and
// the statuses that are read between them. The last of each is repeated. Before,
// the version is in WAIT_RELEASE.
func publishing(t *testing.T, attempts []stubAnswer, statuses []VersionStatus) (published int, err error) {
	t.Helper()
	read := 0
	_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
		if r.URL.Path == cnwire.VersionPublish.Path() {
			published++
			return attempts[min(published, len(attempts))-1]
		}
		status := StatusWaitRelease
		if published > 0 {
			read++
			status = statuses[min(read, len(statuses))-1]
		}
		return stubAnswer{status: 200, body: fmt.Sprintf(`{"app_version":"0.0.1","status":%q}`, status)}
	})
	err = c.Versions.Publish(t.Context(), PublishInput{Version: versionOne()})
	return published, err
}

func TestAnUnknownOutcomeIsReconciled(t *testing.T) {
	lost := stubAnswer{err: io.ErrUnexpectedEOF}
	refused := func(code Code) stubAnswer { return stubAnswer{status: 400, body: fmt.Sprintf(`{"code":%q}`, code)} }
	for _, tt := range []struct {
		name      string
		attempts  []stubAnswer
		statuses  []VersionStatus
		published int
		succeeds  bool
		unknown   bool
	}{
		{"done at once", []stubAnswer{lost}, []VersionStatus{StatusRelease}, 1, true, false},
		{"not done, then done", []stubAnswer{lost, {status: 200}}, []VersionStatus{StatusWaitRelease}, 2, true, false},
		{"the first arrives late", []stubAnswer{lost, refused(CodeCanNotOnlineNotGrayOrWaitRelease)}, []VersionStatus{StatusWaitRelease, StatusRelease}, 2, true, false},
		{"refused as a repetition, the state lags", []stubAnswer{lost, refused(CodeCanNotOnlineNotGrayOrWaitRelease)}, []VersionStatus{StatusWaitRelease}, 2, false, true},
		{"refused for a reason of its own", []stubAnswer{lost, refused(CodeCanNotOnlineWithoutRegistration)}, []VersionStatus{StatusWaitRelease}, 2, false, false},
		{"somebody else was at work", []stubAnswer{lost}, []VersionStatus{StatusInit}, 1, false, true},
		{"a status that is not known", []stubAnswer{lost}, []VersionStatus{"NEW"}, 1, false, true},
		{"refused at once", []stubAnswer{refused(CodeCanNotOnlineWithoutRegistration)}, []VersionStatus{StatusRelease}, 1, false, false},
		{"never", []stubAnswer{lost}, []VersionStatus{StatusWaitRelease}, 4, false, true},
	} {
		t.Run(tt.name, InVirtualTime(func(t *testing.T) {
			published, err := publishing(t, tt.attempts, tt.statuses)
			require.Equal(t, tt.published, published)
			require.Equal(t, tt.succeeds, err == nil, "%v", err)
			require.Equal(t, tt.unknown, errors.Is(err, alipayplus.ErrOutcomeUnknown))
			if !tt.succeeds {
				require.Equal(t, tt.published, failureOf(t, err).Attempts)
				require.False(t, failureOf(t, err).Retryable)
			}
		}))
	}
}

// A write is sent as often as any call at most, however its attempts end.
func TestAllAttemptsOfAWriteCount(t *testing.T) {
	lost := stubAnswer{err: io.ErrUnexpectedEOF}
	busy := stubAnswer{status: 429, body: `{"code":"app-call-limited","message":"slow down"}`}
	for _, tt := range []struct {
		name     string
		attempts []stubAnswer
		sent     int
		unknown  bool
	}{
		{"refused, then lost", []stubAnswer{busy, busy, busy, lost, {status: 200}}, 4, true},
		{"lost between refusals", []stubAnswer{busy, lost, busy, busy, busy}, 4, true},
		{"lost, then refused", []stubAnswer{lost, busy}, 4, true},
		{"refused", []stubAnswer{busy}, 4, false},
	} {
		t.Run(tt.name, InVirtualTime(func(t *testing.T) {
			sent, err := publishing(t, tt.attempts, []VersionStatus{StatusWaitRelease})
			require.Error(t, err)
			require.Equal(t, tt.sent, sent)
			require.Equal(t, tt.sent, failureOf(t, err).Attempts)
			require.Equal(t, tt.unknown, errors.Is(err, alipayplus.ErrOutcomeUnknown), "what was too much says nothing about the attempt before")
			require.Equal(t, !tt.unknown, failureOf(t, err).Retryable)
			if tt.unknown {
				require.ErrorContains(t, err, "look at versions.get before you call again")
			}
		}))
	}
}

// What is between a client and AlipayCN may deliver a write twice, and pass on the second answer.
func TestARefusalOfARepetitionThatTheNetworkMadeIsASuccess(t *testing.T) {
	const twice = CodeCanNotOnlineNotGrayOrWaitRelease
	for _, tt := range []struct {
		name     string
		code     Code
		after    VersionStatus
		succeeds bool
	}{
		{"it took effect", twice, StatusRelease, true},
		{"it took none", twice, StatusWaitRelease, false},
		{"somebody else was at work", twice, StatusInit, false},
		{"a refusal that no repetition gets", CodeCanNotOnlineWithoutRegistration, StatusRelease, false},
	} {
		t.Run(tt.name, InVirtualTime(func(t *testing.T) {
			sent, err := publishing(t, []stubAnswer{{status: 400, body: fmt.Sprintf(`{"code":%q}`, tt.code)}}, []VersionStatus{tt.after})
			require.Equal(t, 1, sent)
			require.Equal(t, tt.succeeds, err == nil, "%v", err)
			require.NotErrorIs(t, err, alipayplus.ErrOutcomeUnknown, "it is a refusal for all that is known")
		}))
	}
}

// What was so before is not what a write did.
func TestARefusalOfWhatWasDoneBeforeIsOne(t *testing.T) {
	_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
		if r.Method == http.MethodGet {
			return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"GRAY","gray_strategy":"p30"}`}
		}
		return stubAnswer{status: 400, body: `{"code":"` + string(CodeGrayStrategyNotAllowReduce) + `"}`}
	})
	require.ErrorIs(t, c.Versions.StartGray(t.Context(), GrayInput{Version: versionOne(), Strategy: GrayP30}), alipayplus.ErrConflict)
}

// A refusal that proves an earlier attempt had no effect is as any other.
func TestARefusalAfterALostAnswerMayPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, err := publishing(t, []stubAnswer{{err: io.ErrUnexpectedEOF}, {status: 400, body: `{"code":"CAN_NOT_DELETE_WITH_SCANNING"}`}}, []VersionStatus{StatusWaitRelease})
		require.Equal(t, 2, sent)
		require.NotErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.ErrorIs(t, err, ErrNotReady)
		require.True(t, failureOf(t, err).Retryable)
	})
}

// A second attempt is refused because of the first, and the state lags behind: it
// is not said that the write had no effect.
func TestARefusalThatTheFirstAttemptCausedIsNotTheLastWord(t *testing.T) {
	in := VersionInput{Version: versionOne()}
	for _, tt := range []struct {
		op     cnwire.Operation
		code   Code
		status string
		do     func(*testing.T, *VersionsClient) error
	}{
		{cnwire.VersionTakeOffline, CodeMiniAppNotOnline, `RELEASE"`, func(t *testing.T, v *VersionsClient) error { return v.TakeOffline(t.Context(), in) }},
		{cnwire.VersionRollback, CodeCanNotContinuousRollback, `RELEASE"`, func(t *testing.T, v *VersionsClient) error { return v.Rollback(t.Context(), in) }},
		{cnwire.VersionCancelGray, CodeMiniAppVersionStatusIllegal, `GRAY","gray_strategy":"p10"`, func(t *testing.T, v *VersionsClient) error { return v.CancelGray(t.Context(), in) }},
		{cnwire.VersionGray, CodeCanNotGrayWithoutAuditPass, `WAIT_RELEASE"`, func(t *testing.T, v *VersionsClient) error {
			return v.StartGray(t.Context(), GrayInput{Version: versionOne(), Strategy: GrayP10})
		}},
	} {
		t.Run(tt.op.Name, InVirtualTime(func(t *testing.T) {
			sent := 0
			_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
				if r.Method == http.MethodGet {
					return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"` + tt.status + `}`}
				}
				if sent++; sent == 1 {
					return stubAnswer{err: io.ErrUnexpectedEOF}
				}
				return stubAnswer{status: 400, body: `{"code":"` + string(tt.code) + `"}`}
			})

			err := tt.do(t, &c.Versions)

			require.Equal(t, 2, sent)
			require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		}))
	}
}

// What AlipayCN's code says is kept, and which operation to call is added, unless the code says it too.
func TestTheHintOfAnUnknownOutcome(t *testing.T) {
	const check = "look at versions.get before you call again"
	for _, tt := range []struct {
		op   cnwire.Operation
		code Code
		hint string
		want string
	}{
		{cnwire.VersionGray, "", "", check},
		{cnwire.VersionGray, "", "wait a minute", "wait a minute; " + check},
		{cnwire.VersionGray, CodeSystemError, "it may have been done", "it may have been done"},
		{cnwire.QRCodeCreate, "", "wait a minute", "wait a minute; call again: at worst there is a QR code that nobody uses"},
		{cnwire.QRCodeCreate, CodeSystemError, "look at it", "call again: at worst there is a QR code that nobody uses"},
	} {
		require.Equal(t, tt.want, unknownOutcomeHint(tt.op, tt.code, tt.hint), "%s %s %q", tt.op.Name, tt.code, tt.hint)
	}
}

func TestAPauseBeforeTheStateIsReadGrowsUpToTheLongest(t *testing.T) {
	const s = time.Second
	for name, tt := range map[string]struct {
		attempt     int
		asked, want time.Duration
	}{
		"the first":                        {1, 0, s},
		"the second":                       {2, 0, 2 * s},
		"the third":                        {3, 0, 4 * s},
		"the fourth":                       {4, 0, 8 * s},
		"above the longest":                {5, 0, 10 * s},
		"far above the longest":            {1000, 0, 10 * s},
		"as AlipayCN asked":                {1, 5 * s, 5 * s},
		"less was asked":                   {4, 5 * s, 8 * s},
		"more was asked than is waited":    {1, time.Hour, 10 * s},
		"asked for something in the past":  {1, -time.Hour, s},
		"as long as the longest was asked": {1, 10 * s, 10 * s},
	} {
		t.Run(name, InVirtualTime(func(t *testing.T) {
			latest := time.Duration(0)
			for range 100 {
				start := time.Now()
				require.True(t, backoff{s, 10 * s}.pause(t.Context(), tt.attempt, tt.asked))
				waited := time.Since(start)
				require.GreaterOrEqual(t, waited, tt.want)
				require.Less(t, waited, tt.want+s)
				latest = max(latest, waited)
			}
			require.Greater(t, latest, tt.want+s/10, "many that wait do not come back at once")
		}))
	}
}

func TestAPauseThatWouldPassTheDeadlineIsNotBegun(t *testing.T) {
	for left, paused := range map[time.Duration]time.Duration{
		5*time.Second - 1: 0, 5 * time.Second: 0, 5*time.Second + 1: 5 * time.Second,
	} {
		t.Run(left.String(), InVirtualTime(func(t *testing.T) {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), left)
			defer cancel()

			begun := backoff{0, time.Minute}.pause(ctx, 1, 5*time.Second)

			require.Equal(t, paused, time.Since(start))
			require.Equal(t, paused > 0, begun)
		}))
	}
	t.Run("cancelled meanwhile", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.False(t, backoff{0, time.Minute}.pause(ctx, 1, 5*time.Second))
	})
}

// The state is read later after each attempt whose answer was lost.
func TestEachReadWaitsLongerThanTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lost time.Time
		var pauses []time.Duration
		_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
			if r.URL.Path == cnwire.VersionPublish.Path() {
				lost = time.Now()
				return stubAnswer{err: io.ErrUnexpectedEOF}
			}
			if !lost.IsZero() { // not the read before
				pauses = append(pauses, time.Since(lost))
			}
			return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"WAIT_RELEASE"}`}
		}, WithRetry(4, time.Second, time.Minute))

		require.Error(t, c.Versions.Publish(t.Context(), PublishInput{Version: versionOne()}))

		require.Len(t, pauses, 4)
		for i, least := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
			require.GreaterOrEqual(t, pauses[i], least)
			require.Less(t, pauses[i], least+time.Second)
		}
	})
}

func minuteTime(minute int) Time { return Time{time.Date(2026, 1, 2, 3, minute, 0, 0, beijing())} }

// versionIn is version 0.0.1 in a status; changes follow.
func versionIn(status VersionStatus, changes ...func(*versionState)) *versionState {
	s := &versionState{detail: &VersionDetail{Version: "0.0.1", Status: status}}
	for _, change := range changes {
		change(s)
	}
	return s
}

func appliedAt(minute int) func(*versionState) {
	return func(s *versionState) { s.detail.AppliedAt = minuteTime(minute) }
}

func createdAt(minute int) func(*versionState) {
	return func(s *versionState) { s.detail.CreatedAt = minuteTime(minute) }
}

func described(text string) func(*versionState) {
	return func(s *versionState) { s.detail.Description = text }
}

func gray(strategy GrayStrategy) func(*versionState) {
	return func(s *versionState) { s.detail.GrayStrategy = strategy }
}

func online(v Version) func(*versionState) { return func(s *versionState) { s.online = v } }

func gone() *versionState { return &versionState{} }

func neverBuilt() *versionState { return &versionState{noBuild: true} }

// step is a write where AlipayCN allows it: the state before and what it leads to.
type step struct {
	w             versionWrite
	before, after *versionState
}

// steps are all writes from all states in which they are possible, without
// anybody else at work.
func steps() []step {
	w := func(op cnwire.Operation) versionWrite { return versionWrite{op: op, version: versionOne()} }
	all := []step{
		{w(cnwire.VersionUpload), neverBuilt(), versionIn(StatusInit)},
		{w(cnwire.VersionApply), versionIn(StatusInit), versionIn(StatusAuditing, appliedAt(1))},
		{w(cnwire.VersionApply), versionIn(StatusInit, appliedAt(1)), versionIn(StatusAuditing, appliedAt(2))},
		{w(cnwire.VersionCancelAudit), versionIn(StatusAuditing, appliedAt(1)), versionIn(StatusInit, appliedAt(1))},
		{w(cnwire.VersionDelete), versionIn(StatusInit), gone()},
		{w(cnwire.VersionTakeOffline), versionIn(StatusRelease, online("0.0.1")), versionIn(StatusOffline)},
		{w(cnwire.VersionRollback), versionIn(StatusRelease, online("0.0.1")), versionIn(StatusOffline, online("0.0.0"))},
	}
	for _, reviewed := range []VersionStatus{StatusWaitRelease, StatusBaseAuditPass, StatusPromoteAuditReject, StatusAuditReject} {
		all = append(all, step{w(cnwire.VersionReturnToDevelopment), versionIn(reviewed, appliedAt(1)), versionIn(StatusInit, appliedAt(1))})
		if reviewed != StatusAuditReject {
			all = append(all, step{w(cnwire.VersionPublish), versionIn(reviewed), versionIn(StatusRelease)})
		}
		// The verdict came before the state was read.
		all = append(all, step{w(cnwire.VersionApply), versionIn(StatusInit, appliedAt(1)), versionIn(reviewed, appliedAt(2))})
	}
	for i, strategy := range []GrayStrategy{GrayP10, GrayP30, GrayP50} {
		raise := w(cnwire.VersionGray)
		raise.strategy = strategy
		all = append(
			all,
			step{raise, versionIn(StatusWaitRelease), versionIn(StatusGray, gray(strategy))},
			step{w(cnwire.VersionCancelGray), versionIn(StatusGray, gray(strategy)), versionIn(StatusWaitRelease)},
			step{w(cnwire.VersionPublish), versionIn(StatusGray, gray(strategy)), versionIn(StatusRelease)},
		)
		for _, lower := range []GrayStrategy{GrayP10, GrayP30}[:i] {
			all = append(all, step{raise, versionIn(StatusGray, gray(lower)), versionIn(StatusGray, gray(strategy))})
		}
	}
	return all
}

func TestEveryWriteIsProvenByItsState(t *testing.T) {
	seen := map[cnwire.Operation]bool{}
	for _, s := range steps() {
		seen[s.w.op] = true
		name := s.w.op.Name + " from " + string(s.before.status())
		require.Equal(t, evidenceDone, evidenceOf(s.w, s.before, s.after), "%s, done", name)
		require.Equal(t, evidenceNotDone, evidenceOf(s.w, s.before, s.before), "%s, not done", name)
	}
	require.Len(t, seen, len(proofs()))
	for _, op := range cnwire.Operations() {
		isAboutAVersion := op.Write && len(op.Name) > 9 && op.Name[:9] == "versions."
		require.Equal(t, isAboutAVersion, seen[op], op.Name)
	}
}

func TestWithoutTheStateBeforeNothingFalseIsProven(t *testing.T) {
	for _, s := range steps() {
		name := s.w.op.Name + " from " + string(s.before.status())
		require.NotEqual(t, evidenceNotDone, evidenceOf(s.w, nil, s.after), "%s, done", name)
		require.NotEqual(t, evidenceDone, evidenceOf(s.w, nil, s.before), "%s, not done", name)
	}
}

func TestWhatAnApplicationsStateProvesAlone(t *testing.T) {
	w := versionWrite{op: cnwire.VersionApply, version: versionOne()}
	require.Equal(t, evidenceDone, evidenceOf(w, nil, versionIn(StatusAuditing, appliedAt(1))))
	require.Equal(t, evidenceNone, evidenceOf(w, nil, versionIn(StatusInit, appliedAt(1))), "it may have been applied for and returned since")
}

// A write that was undone since leaves the state as if it had not been done, unless it is
// known how things were before.
func TestWithoutTheStateBeforeNothingIsSentAgain(t *testing.T) {
	for _, s := range steps() {
		want := evidenceNone
		if !s.w.readsBefore() || s.w.op == cnwire.VersionUpload || s.w.op == cnwire.VersionCancelGray { // a number cannot be taken back, and a stop is not held up
			want = evidenceNotDone
		}
		require.Equal(t, want, evidenceOf(s.w, nil, s.before), "%s from %s", s.w.op.Name, s.before.status())
	}
}

func TestWhenSomebodyElseWasAtWorkNothingIsProven(t *testing.T) {
	w := func(op cnwire.Operation) versionWrite {
		return versionWrite{op: op, version: versionOne(), strategy: GrayP30}
	}
	for _, tt := range []struct {
		name          string
		w             versionWrite
		before, after *versionState
	}{
		{"the version existed before the upload", w(cnwire.VersionUpload), versionIn(StatusInit), versionIn(StatusInit)},
		{"it is not known whether the version existed before the upload", w(cnwire.VersionUpload), nil, versionIn(StatusInit)},
		{"the version may still be being built", w(cnwire.VersionUpload), neverBuilt(), gone()},
		{"a build of the number was known before the upload", w(cnwire.VersionUpload), &versionState{build: &Build{CreateStatus: BuildRunning}}, versionIn(StatusInit)},
		{"applied for by somebody else", versionWrite{op: cnwire.VersionApply, version: versionOne(), description: "ours"}, versionIn(StatusInit), versionIn(StatusAuditing, appliedAt(1), described("theirs"))},
		{"applied for by somebody else, and it is not known how it was before", versionWrite{op: cnwire.VersionApply, version: versionOne(), description: "ours"}, nil, versionIn(StatusAuditing, appliedAt(1), described("theirs"))},
		{"applied for, and cancelled since", w(cnwire.VersionApply), versionIn(StatusInit, appliedAt(1)), versionIn(StatusInit, appliedAt(2))},
		{"under review before", w(cnwire.VersionApply), versionIn(StatusAuditing, appliedAt(1)), versionIn(StatusAuditing, appliedAt(1))},
		{"a verdict on an earlier application", w(cnwire.VersionApply), versionIn(StatusInit, appliedAt(1)), versionIn(StatusAuditReject, appliedAt(1))},
		{"a verdict, and it is not known on which application", w(cnwire.VersionApply), nil, versionIn(StatusWaitRelease, appliedAt(1))},
		{"deleted since it was applied for", w(cnwire.VersionApply), versionIn(StatusInit), gone()},
		{"was not there before it was applied for", w(cnwire.VersionApply), gone(), versionIn(StatusInit)},
		{"cancelled, and applied for anew", w(cnwire.VersionCancelAudit), versionIn(StatusAuditing, appliedAt(1)), versionIn(StatusAuditing, appliedAt(2))},
		{"cancelled, applied for anew, and rejected", w(cnwire.VersionCancelAudit), versionIn(StatusAuditing, appliedAt(1)), versionIn(StatusAuditReject, appliedAt(2))},
		{"cancelled, and deleted", w(cnwire.VersionCancelAudit), versionIn(StatusAuditing), gone()},
		{"returned, applied for anew, and rejected", w(cnwire.VersionReturnToDevelopment), versionIn(StatusAuditReject, appliedAt(1)), versionIn(StatusAuditReject, appliedAt(2))},
		{"returned, and applied for anew", w(cnwire.VersionReturnToDevelopment), versionIn(StatusAuditReject, appliedAt(1)), versionIn(StatusAuditing, appliedAt(2))},
		{"in grayscale, and ended since", w(cnwire.VersionGray), versionIn(StatusGray, gray(GrayP10)), versionIn(StatusWaitRelease)},
		{"in grayscale at a lower share than asked for and than before", w(cnwire.VersionGray), versionIn(StatusGray, gray(GrayP30)), versionIn(StatusGray, gray(GrayP10))},
		{"raised further", w(cnwire.VersionGray), versionIn(StatusGray, gray(GrayP10)), versionIn(StatusGray, gray(GrayP50))},
		{"a share that cannot be read", w(cnwire.VersionGray), versionIn(StatusGray, gray(GrayP10)), versionIn(StatusGray, gray("some"))},
		{"a share that is missing", w(cnwire.VersionGray), versionIn(StatusWaitRelease), versionIn(StatusGray)},
		{"published since", w(cnwire.VersionGray), versionIn(StatusGray, gray(GrayP10)), versionIn(StatusRelease)},
		{"no share was asked for", versionWrite{op: cnwire.VersionGray, version: versionOne()}, versionIn(StatusWaitRelease), versionIn(StatusWaitRelease)},
		{"grayscale ended, and begun anew", w(cnwire.VersionCancelGray), versionIn(StatusGray, gray(GrayP30)), versionIn(StatusGray, gray(GrayP10))},
		{"grayscale ended by publishing", w(cnwire.VersionCancelGray), versionIn(StatusGray, gray(GrayP30)), versionIn(StatusRelease)},
		{"grayscale ended instead of published", w(cnwire.VersionPublish), versionIn(StatusGray, gray(GrayP30)), versionIn(StatusWaitRelease)},
		{"raised by somebody instead of published", w(cnwire.VersionPublish), versionIn(StatusGray, gray(GrayP30)), versionIn(StatusGray, gray(GrayP50))},
		{"published, and rolled back", w(cnwire.VersionPublish), versionIn(StatusWaitRelease), versionIn(StatusOffline)},
		{"published, or returned to development", w(cnwire.VersionPublish), versionIn(StatusWaitRelease), versionIn(StatusInit)},
		{"taken down by AlipayCN", w(cnwire.VersionTakeOffline), versionIn(StatusRelease), versionIn(StatusAuditOffline)},
		{"offline, and nothing is online", w(cnwire.VersionRollback), versionIn(StatusRelease), versionIn(StatusOffline)},
		{"offline, because a later version is online", w(cnwire.VersionRollback), versionIn(StatusRelease), versionIn(StatusOffline, online("0.0.2"))},
		{"offline, and online again?", w(cnwire.VersionRollback), versionIn(StatusRelease), versionIn(StatusOffline, online("0.0.1"))},
		{"offline, and a strange version is online", w(cnwire.VersionRollback), versionIn(StatusRelease), versionIn(StatusOffline, online("0.0.1.2"))},
		{"deleted, and the number used again", w(cnwire.VersionDelete), versionIn(StatusInit, createdAt(1)), versionIn(StatusInit, createdAt(2))},
		{"used again after it was not there", w(cnwire.VersionDelete), gone(), versionIn(StatusInit)},
		{"applied for instead of deleted", w(cnwire.VersionDelete), versionIn(StatusInit), versionIn(StatusAuditing)},

		{"a status that is not known", w(cnwire.VersionPublish), versionIn(StatusWaitRelease), versionIn("FROZEN")},
		{"no state", w(cnwire.VersionPublish), versionIn(StatusWaitRelease), nil},
		{"no version was named", versionWrite{op: cnwire.VersionCancelAudit}, versionIn(StatusAuditing), versionIn(StatusInit)},
		{"the state of another version", versionWrite{op: cnwire.VersionPublish, version: alipayplus.VersionNumber{Patch: 2}}, nil, versionIn(StatusRelease)},
		{"a read", w(cnwire.VersionGet), nil, versionIn(StatusRelease)},
		{"a write about something else", w(cnwire.SafeDomainAdd), nil, versionIn(StatusRelease)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, evidenceNone, evidenceOf(tt.w, tt.before, tt.after))
		})
	}
}

// AlipayCN may show a description with other spaces, or not at all.
func TestAnApplicationIsKnownByItsDescription(t *testing.T) {
	w := versionWrite{op: cnwire.VersionApply, version: versionOne(), description: " what is  new\n"}
	for shown, want := range map[string]evidence{"": evidenceDone, "what is new": evidenceDone, "what is newer": evidenceNone} {
		require.Equal(t, want, evidenceOf(w, versionIn(StatusInit), versionIn(StatusAuditing, described(shown))), shown)
	}
}

func TestAVerdictBeforeTheCancellationMeansThatItWasNotCancelled(t *testing.T) {
	w := versionWrite{op: cnwire.VersionCancelAudit, version: versionOne()}
	for _, verdict := range []VersionStatus{StatusWaitRelease, StatusBaseAuditPass, StatusAuditReject} {
		require.Equal(t, evidenceNotDone, evidenceOf(w, versionIn(StatusAuditing, appliedAt(1)), versionIn(verdict, appliedAt(1))))
	}
}

// TestNothingIsProvenBothWays: the order in which the rules are tried does not
// matter.
func TestNothingIsProvenBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := func(label string) *versionState {
			if rapid.Bool().Draw(t, label+" exists") {
				return versionIn(
					rapid.SampledFrom(VersionStatuses()).Draw(t, label+" status"),
					appliedAt(rapid.IntRange(0, 2).Draw(t, label+" applied")),
					gray(rapid.SampledFrom([]GrayStrategy{"", GrayP10, GrayP30, GrayP50, "p70", "x"}).Draw(t, label+" gray")),
					online(rapid.SampledFrom([]Version{"", "0.0.0", "0.0.1", "0.0.2"}).Draw(t, label+" online")),
				)
			}
			return &versionState{noBuild: rapid.Bool().Draw(t, label+" build")}
		}
		w := versionWrite{
			op: rapid.SampledFrom(cnwire.Operations()).Draw(t, "op"), version: versionOne(),
			strategy: rapid.SampledFrom([]GrayStrategy{"", GrayP10, GrayP30, GrayP50}).Draw(t, "strategy"),
		}
		before, after := state("before"), state("after")
		i := slices.IndexFunc(proofs(), func(p proof) bool { return p.op == w.op })
		if i < 0 {
			require.Equal(t, evidenceNone, evidenceOf(w, before, after))
			return
		}
		p := proofs()[i]
		done := slices.Contains(p.done, after.status()) && (p.condition == nil || p.condition(w, before, after, evidenceDone))
		notDone := slices.Contains(p.notDone, after.status()) && (p.condition == nil || p.condition(w, before, after, evidenceNotDone))
		require.False(t, done && notDone)
	})
}

func TestARepeatedWriteIsRefusedWithADocumentedCode(t *testing.T) {
	d := readDescription(t)
	for _, op := range cnwire.Operations() {
		for _, code := range repeatCodes(op) {
			require.Contains(t, d.of(t, op).Codes, string(code), op.Name)
			require.True(t, mayBeDone(op, code))
			require.True(t, op.Write)
		}
		require.False(t, mayBeDone(op, CodeSystemError))
	}
	for _, p := range proofs() {
		require.NotEmpty(t, repeatCodes(p.op), p.op.Name)
	}
	require.False(t, mayBeDone(cnwire.VersionPublish, CodeSubmitRepeat), "another write's code")
}

func TestOtherWritesAreProvenByWhatListsShow(t *testing.T) {
	tried := Experience{Status: "expVersionPackged", QRCodeURL: "https://example.com"}
	packaging := Experience{Status: "packaging"}
	none := Experience{Status: ExperienceNone}
	domains := BaseInfo{SafeDomains: []string{"a.example.com", "b.example.com"}}
	listing := func(listed ...string) BaseInfo { return BaseInfo{SafeDomains: listed} }
	members := MemberList{Members: []Member{{UserID: "2088", Role: RoleDeveloper}, {OpenID: "074a", Role: RoleExperiencer}}}
	rules := []QRCodeRule{{Mode: RouteExact, RouteURL: "https://a", RouteGroup: "1"}, {Mode: RouteFuzzy, RouteURL: "https://b", RouteGroup: "2"}}
	bind := func(in BindQRCodeInput) evidence { e, _ := evidenceOfBinding(in, rules); return e }
	saved := BaseInfo{AppName: "shop", AppEnglishName: "Shop", AppSlogan: "slogan", AppDescription: "text", ServicePhone: "95188", ServiceEmail: "a@b"}
	for _, tt := range []struct {
		name string
		got  evidence
		want evidence
	}{
		{"trial made", evidenceOfExperience(cnwire.ExperienceCreate, tried), evidenceDone},
		{"trial not made", evidenceOfExperience(cnwire.ExperienceCreate, none), evidenceNotDone},
		{"trial being made", evidenceOfExperience(cnwire.ExperienceCreate, packaging), evidenceNone},
		{"trial ended", evidenceOfExperience(cnwire.ExperienceCancel, none), evidenceDone},
		{"trial not ended", evidenceOfExperience(cnwire.ExperienceCancel, tried), evidenceNotDone},
		{"trial being ended", evidenceOfExperience(cnwire.ExperienceCancel, packaging), evidenceNone},

		{"domain added", evidenceOfSafeDomains(cnwire.SafeDomainAdd, SafeDomainInput{"b.example.com"}, domains), evidenceDone},
		{"domain not added", evidenceOfSafeDomains(cnwire.SafeDomainAdd, SafeDomainInput{"example.com"}, domains), evidenceNotDone},
		{"domain removed", evidenceOfSafeDomains(cnwire.SafeDomainRemove, SafeDomainInput{"example.com"}, domains), evidenceDone},
		{"domain added, listed in another form", evidenceOfSafeDomains(cnwire.SafeDomainAdd, SafeDomainInput{"https://B.example.com/"}, domains), evidenceDone},
		{"domain not removed, in another form", evidenceOfSafeDomains(cnwire.SafeDomainRemove, SafeDomainInput{"http://a.example.com"}, domains), evidenceNotDone},
		{"domain not removed", evidenceOfSafeDomains(cnwire.SafeDomainRemove, SafeDomainInput{"a.example.com"}, domains), evidenceNotDone},

		{"member removed", evidenceOfMembers(RemoveMemberInput{UserID: "2089", Role: RoleDeveloper}, members), evidenceDone},
		{"member has another role", evidenceOfMembers(RemoveMemberInput{UserID: "2088", OpenID: "074b", Role: RoleExperiencer}, members), evidenceDone},
		{"members are listed by the other id only", evidenceOfMembers(RemoveMemberInput{UserID: "2088", Role: RoleExperiencer}, members), evidenceNone},
		{"members are listed by the other id only, open id", evidenceOfMembers(RemoveMemberInput{OpenID: "074a", Role: RoleDeveloper}, members), evidenceNone},
		{"nobody is left", evidenceOfMembers(RemoveMemberInput{UserID: "2088", Role: RoleDeveloper}, MemberList{}), evidenceDone},
		{"member not removed", evidenceOfMembers(RemoveMemberInput{UserID: "2088", Role: RoleDeveloper}, members), evidenceNotDone},
		{"member by open id not removed", evidenceOfMembers(RemoveMemberInput{OpenID: "074a", Role: RoleExperiencer}, members), evidenceNotDone},
		{"member by open id removed", evidenceOfMembers(RemoveMemberInput{OpenID: "074b", Role: RoleExperiencer}, members), evidenceDone},

		{"bound", bind(BindQRCodeInput{RouteURL: "https://b", Mode: RouteFuzzy}), evidenceDone},
		{"bound in another mode", bind(BindQRCodeInput{RouteURL: "https://b", Mode: RouteExact}), evidenceNotDone},
		{"not bound", bind(BindQRCodeInput{RouteURL: "https://c", Mode: RouteFuzzy}), evidenceNotDone},
		{"perhaps bound by a pattern", bind(BindQRCodeInput{RouteURL: "https://c", Mode: RouteFuzzy, RoutePattern: "https://c/{0}"}), evidenceNone},
		{"unbound", evidenceOfUnbinding(UnbindQRCodeInput{"3"}, rules), evidenceDone},
		{"not unbound", evidenceOfUnbinding(UnbindQRCodeInput{"2"}, rules), evidenceNotDone},

		{"one text changed", evidenceOfBaseInfo(ModifyBaseInfoInput{AppName: "shop"}, saved), evidenceDone},
		{"all texts changed", evidenceOfBaseInfo(ModifyBaseInfoInput{
			AppName: "shop", AppEnglishName: "Shop", AppSlogan: "slogan", AppDescription: "text", ServicePhone: "95188", ServiceEmail: "a@b",
		}, saved), evidenceDone},
		{"name not changed", evidenceOfBaseInfo(ModifyBaseInfoInput{AppName: "x", AppSlogan: "slogan"}, saved), evidenceNotDone},
		{"English name not changed", evidenceOfBaseInfo(ModifyBaseInfoInput{AppEnglishName: "x"}, saved), evidenceNotDone},
		{"slogan not changed", evidenceOfBaseInfo(ModifyBaseInfoInput{AppSlogan: "x"}, saved), evidenceNotDone},
		{"description not changed", evidenceOfBaseInfo(ModifyBaseInfoInput{AppDescription: "x"}, saved), evidenceNotDone},
		{"phone not changed", evidenceOfBaseInfo(ModifyBaseInfoInput{ServicePhone: "x"}, saved), evidenceNotDone},
		{"e-mail not changed", evidenceOfBaseInfo(ModifyBaseInfoInput{ServiceEmail: "x"}, saved), evidenceNotDone},
		{"text not changed, logo sent", evidenceOfBaseInfo(ModifyBaseInfoInput{AppName: "x", AppLogo: &File{}}, saved), evidenceNotDone},
		{"text as asked, logo sent", evidenceOfBaseInfo(ModifyBaseInfoInput{AppName: "shop", AppLogo: &File{}}, saved), evidenceNone},
		{"text as asked, categories sent", evidenceOfBaseInfo(ModifyBaseInfoInput{AppName: "shop", Categories: CategoryIDs{"a_b"}}, saved), evidenceNone},
		{"text as asked, old categories sent", evidenceOfBaseInfo(ModifyBaseInfoInput{AppName: "shop", OldCategories: CategoryIDs{"1_2"}}, saved), evidenceNone},
		{"nothing to compare", evidenceOfBaseInfo(ModifyBaseInfoInput{}, saved), evidenceNone},

		// What lists leave open is not proven.
		{"a member without a role", evidenceOfMembers(RemoveMemberInput{UserID: "2088", Role: RoleDeveloper}, MemberList{Members: []Member{{UserID: "2088"}}}), evidenceNone},
		{"a member with a role that is not known", evidenceOfMembers(RemoveMemberInput{OpenID: "074a", Role: RoleDeveloper}, MemberList{Members: []Member{{OpenID: "074a", Role: "developer"}}}), evidenceNone},
		{"somebody else without a role", evidenceOfMembers(RemoveMemberInput{UserID: "2088", Role: RoleDeveloper}, MemberList{Members: []Member{{UserID: "2089"}}}), evidenceDone},

		{"added, and listed with another scheme", evidenceOfSafeDomains(cnwire.SafeDomainAdd, SafeDomainInput{"http://a.example"}, listing("https://a.example")), evidenceNone},
		{"added, and listed with another scheme and without", evidenceOfSafeDomains(cnwire.SafeDomainAdd, SafeDomainInput{"wss://a.example"}, listing("https://a.example", "a.example")), evidenceDone},
		{"added, and listed with a scheme", evidenceOfSafeDomains(cnwire.SafeDomainAdd, SafeDomainInput{"a.example"}, listing("https://a.example")), evidenceDone},
		{"removed, and listed with another scheme", evidenceOfSafeDomains(cnwire.SafeDomainRemove, SafeDomainInput{"wss://a.example"}, listing("https://a.example")), evidenceNone},
		{"removed, and listed without a scheme", evidenceOfSafeDomains(cnwire.SafeDomainRemove, SafeDomainInput{"wss://a.example"}, listing("a.example")), evidenceNotDone},
		{"removed, and others are listed", evidenceOfSafeDomains(cnwire.SafeDomainRemove, SafeDomainInput{"a.example"}, listing("b.example")), evidenceDone},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, tt.got) })
	}

	_, rule := evidenceOfBinding(BindQRCodeInput{RouteURL: "https://b", Mode: RouteFuzzy}, rules)
	require.Equal(t, rules[1], rule)
}
