package alipaycn

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/polling"
)

// safeWrite is a write that is never sent twice blindly.
type safeWrite struct {
	op cnwire.Operation
	in any
	// got takes the answer; nil where nothing is answered.
	got any
	// before reads the state that prove compares with; may be nil. After an error the write is not sent.
	before func(context.Context) error
	// wasPending says whether the write had yet to be done in the state that before read; nil where none says so.
	wasPending func() bool
	// prove reads the state and returns what it proves, and a description of it.
	// Nil: no state proves anything.
	prove func(context.Context) (seen evidence, observed string, err error)
}

// prover makes the function that proves a write: it reads the state, and conclude says
// what that proves and describes it.
func prover[S any](read func(context.Context) (S, error), conclude func(after S) (seen evidence, observed string)) func(context.Context) (evidence, string, error) {
	return func(ctx context.Context) (evidence, string, error) {
		after, err := read(ctx)
		if err != nil {
			return evidenceNone, "", err
		}
		seen, observed := conclude(after)
		return seen, observed, nil
	}
}

// write makes a write. After an unknown outcome the state decides: a write that
// took effect is a success, one that did not is sent again, as often as calls
// are sent at all, and anything else is an error that matches
// [alipayplus.ErrOutcomeUnknown].
func (c *Client) write(ctx context.Context, w safeWrite) (err error) {
	if err := c.check(w.op, w.in); err != nil {
		return err
	}
	ctx, end := c.begin(ctx, w.op)
	defer func() { end(err) }()
	if w.before != nil {
		if err := w.before(ctx); err != nil {
			return err
		}
	}
	out, err := c.encode(w.op, w.in)
	if err != nil {
		return notSent(w.op, err)
	}
	sent, unknown := 0, false
	for attempt := 1; ; attempt++ {
		err := c.exchangeOf(ctx, c.attempts-sent, w.op, out, w.got)
		e, failed := errors.AsType[*Error](err)
		if !failed {
			return err
		}
		sent += e.Attempts
		e.Attempts = sent
		unknown = unknown || e.OutcomeUnknown
		switch {
		case !unknown && c.arrivedTwice(ctx, w, e):
			return nil
		case !unknown || w.prove == nil:
			return e
		}
		again, err := c.reconcile(ctx, w, e, attempt)
		if !again {
			return err
		}
	}
}

// arrivedTwice says whether a refusal is that of a repetition, made by something in between, of a write that took effect.
func (c *Client) arrivedTwice(ctx context.Context, w safeWrite, e *Error) bool {
	if w.wasPending == nil || !mayBeDone(w.op, e.Code) || !w.wasPending() || !c.reconcileBackoff.pause(ctx, 1, 0) {
		return false
	}
	seen, _, err := w.prove(ctx)
	return err == nil && seen == evidenceDone
}

// reconcile reads the state after an unknown outcome. e is what the last attempt
// came to; it may be a refusal, when an earlier attempt's outcome was unknown.
func (c *Client) reconcile(ctx context.Context, w safeWrite, e *Error, attempt int) (again bool, err error) {
	outcomeUnknown, retryable := e.OutcomeUnknown, e.Retryable
	e.OutcomeUnknown, e.Retryable = true, false
	noTimeLeft := !c.reconcileBackoff.pause(ctx, attempt, e.RetryAfter)
	seen, observed, err := w.prove(ctx)
	switch {
	case err != nil:
		e.since += "; what became of it could not be read: " + err.Error()
		e.cause = errors.Join(e.cause, ctx.Err())
		if missing, ok := errors.AsType[*AuthorizationError](err); ok {
			e.cause = errors.Join(e.cause, missing)
		}
		return false, e
	case seen == evidenceDone:
		return false, nil
	case seen == evidenceNotDone && outcomeUnknown && !noTimeLeft && e.Attempts < c.attempts:
		return true, nil
	case seen == evidenceNotDone && !outcomeUnknown && e.isFinalRefusal() && !mayBeDone(w.op, e.Code):
		e.OutcomeUnknown, e.Retryable = false, retryable // refused, and the state agrees
	case !outcomeUnknown:
		e.Hint = unknownOutcomeHint(w.op, e.Code, e.Hint)
	}
	e.since += "; afterwards " + observed
	return false, e
}

// readBefore reads the state before a write. When AlipayCN cannot be asked that costs one attempt, and
// the error says that the write was not sent: it would most likely be lost too, and less would be proven
// then. Where AlipayCN says that it does not show the state, known is false, and whether the write is
// possible, AlipayCN says.
func readBefore[S any](ctx context.Context, c *Client, op cnwire.Operation, read func(context.Context, *Client) (S, error)) (state S, known bool, err error) {
	once := *c.settings
	once.attempts = 1
	state, err = read(ctx, once.client(*c.token))
	e, failed := errors.AsType[*Error](err)
	if failed && (errors.Is(err, alipayplus.ErrRateLimited) || errors.Is(err, ErrRetryLater)) && c.reconcileBackoff.pause(ctx, 1, e.RetryAfter) {
		state, err = read(ctx, c) // it is busy, not down
		e, failed = errors.AsType[*Error](err)
	}
	if !failed || e.Attempts == 0 || isRefusal(err) {
		return state, err == nil, nil
	}
	return state, false, e.notBegun(op)
}

// notBegun is the error of a write that was not sent because e was the end of the read before it.
func (e *Error) notBegun(op cnwire.Operation) *Error {
	hint := e.Hint
	if errors.Is(e.Code.Class(), alipayplus.ErrOutcomeUnknown) {
		hint = "call again later"
	}
	return &Error{
		Operation: op.Name, HTTPStatus: e.HTTPStatus, TraceID: e.TraceID, Foreign: e.Foreign,
		Message: "nothing happened: it was not sent, because the state before it could not be read: " + e.Operation + ": " +
			strings.TrimSpace(string(e.Code)+" "+e.text().Message),
		Hint: hint, Retryable: e.Retryable, RetryAfter: e.RetryAfter, Body: e.Body, cause: e.cause,
	}
}

// isFinalRefusal says whether AlipayCN processed the call before it refused it, so
// that the refusal depends on what an earlier attempt did.
func (e *Error) isFinalRefusal() bool {
	return e.Code != "" && !errors.Is(e, alipayplus.ErrRateLimited) && !errors.Is(e, ErrRetryLater)
}

// unknownOutcomeHint is the hint about a write whose outcome is not known: what the
// hint said before, and which operation shows the outcome.
func unknownOutcomeHint(op cnwire.Operation, code Code, hint string) string {
	saysSo := errors.Is(code.Class(), alipayplus.ErrOutcomeUnknown)
	check, unprovable := whereToCheck(op)
	switch {
	case hint == "", unprovable && saysSo:
		return check
	case saysSo:
		return hint
	default:
		return hint + "; " + check
	}
}

// whereToCheck says how to find out whether a write took effect; unprovable: no
// operation shows it.
func whereToCheck(op cnwire.Operation) (hint string, unprovable bool) {
	switch op {
	case cnwire.MemberAdd:
		return "call again: AlipayCN refuses it when the person was invited", true
	case cnwire.QRCodeCreate:
		return "call again: at worst there is a QR code that nobody uses", true
	case cnwire.OrderCreate:
		return "wait for the order's message before you call again: another call may make another order and another mini program", true
	case cnwire.AuthorizationToken:
		return "call again with the same code or refresh token; when AlipayCN refuses it, let the merchant authorize again", true
	}
	read := cnwire.VersionGet
	switch op {
	case cnwire.VersionUpload:
		read = cnwire.VersionList
	case cnwire.BaseInfoModify, cnwire.SafeDomainAdd, cnwire.SafeDomainRemove:
		read = cnwire.BaseInfoGet
	case cnwire.ExperienceCreate, cnwire.ExperienceCancel:
		read = cnwire.ExperienceGet
	case cnwire.MemberRemove:
		read = cnwire.MemberList
	case cnwire.QRCodeBind, cnwire.QRCodeUnbind:
		read = cnwire.QRCodeList
	case cnwire.OrderAccept, cnwire.OrderReject, cnwire.OrderCompleteItem, cnwire.OrderConfirmItem, cnwire.OrderCancelItem:
		read = cnwire.OrderGet
	}
	return "look at " + read.Name + " before you call again", false
}

// backoff is the wait before the state is read, so that a write that is
// still being processed can end.
type backoff struct{ shortest, longest time.Duration }

// pause waits longer with each attempt, and at least as long as AlipayCN asked,
// up to the longest wait. A pause that would pass the deadline is not begun, and
// the answer is false: what is left is for reading.
func (b backoff) pause(ctx context.Context, attempt int, asked time.Duration) bool {
	wait := b.shortest
	for n := 1; n < attempt && wait < b.longest; n++ {
		wait *= 2
	}
	wait = min(max(wait, asked), b.longest)
	wait += time.Duration(polling.Jitter() * float64(b.shortest))
	if deadline, limited := ctx.Deadline(); limited && time.Until(deadline) <= wait {
		return false
	}
	polling.Sleep(ctx, wait)
	return ctx.Err() == nil
}

// evidence is what a state proves about a write whose outcome is unknown.
type evidence uint8

const (
	// evidenceNone: the state proves nothing. The write must not be repeated.
	evidenceNone evidence = iota
	// evidenceDone: the state is what the write leads to.
	evidenceDone
	// evidenceNotDone: the state is what it was; the write may be repeated. Should
	// it arrive late after all, AlipayCN refuses the second of the two, because
	// no write of this table is possible in the state to which it leads.
	evidenceNotDone
)

func doneIf(asAsked bool) evidence {
	if asAsked {
		return evidenceDone
	}
	return evidenceNotDone
}

// absent marks a version that does not exist.
const absent VersionStatus = "(no such version)"

// proof is one line of the table in the package's documentation: the statuses
// that prove that a write took effect, and those that prove that it did not.
type proof struct {
	op      cnwire.Operation
	done    []VersionStatus
	notDone []VersionStatus
	// when says what else must hold; the text is for the documentation.
	when      string
	condition func(w versionWrite, before, after *versionState, e evidence) bool
}

// proofs is the table for the writes about versions.
func proofs() []proof {
	passed := []VersionStatus{StatusWaitRelease, StatusBaseAuditPass, StatusPromoteAuditReject}
	reviewed := append(slices.Clone(passed), StatusAuditReject)
	return []proof{
		{cnwire.VersionUpload, append(VersionStatuses(), absent), []VersionStatus{absent}, "done: neither it nor a build of it existed before, and one does now; not done: versions.build knows no build of it", uploaded},
		{cnwire.VersionApply, slices.Concat([]VersionStatus{StatusAuditing}, reviewed, []VersionStatus{StatusGray, StatusRelease}), []VersionStatus{StatusInit}, "done: AUDITING is new, or gmt_apply_audit changed, and version_desc is the one sent; not done: gmt_apply_audit did not change", applied},
		{cnwire.VersionCancelAudit, []VersionStatus{StatusInit}, append([]VersionStatus{StatusAuditing}, reviewed...), "not done: gmt_apply_audit did not change", sameApplication},
		{cnwire.VersionReturnToDevelopment, []VersionStatus{StatusInit}, reviewed, "not done: gmt_apply_audit did not change", sameApplication},
		{cnwire.VersionGray, []VersionStatus{StatusGray}, []VersionStatus{StatusWaitRelease, StatusGray}, "done: gray_strategy is the one asked for; not done: it is as before", grayAsAsked},
		{cnwire.VersionCancelGray, []VersionStatus{StatusWaitRelease}, []VersionStatus{StatusGray}, "not done: gray_strategy did not shrink", grayNotRestarted},
		{cnwire.VersionPublish, []VersionStatus{StatusRelease}, append(slices.Clone(passed), StatusGray), "not done: the status and gray_strategy are as before", sameStatus},
		{cnwire.VersionTakeOffline, []VersionStatus{StatusOffline}, []VersionStatus{StatusRelease}, "done: no version is in RELEASE", noneOnline},
		{cnwire.VersionRollback, []VersionStatus{StatusOffline}, []VersionStatus{StatusRelease}, "done: an earlier version is in RELEASE", earlierOnline},
		{cnwire.VersionDelete, []VersionStatus{absent}, []VersionStatus{StatusInit}, "done: it was there before; not done: gmt_create did not change", sameVersion},
	}
}

// versionWrite is a write about a version whose outcome is unknown.
type versionWrite struct {
	op      cnwire.Operation
	version alipayplus.VersionNumber
	bundle  BundleID
	// strategy is what versions.gray asked for.
	strategy GrayStrategy
	// description is that of versions.apply.
	description string
	// known is the version as the caller read it right before; may be nil.
	known *VersionDetail
}

// readsBefore says whether the state before a write is needed. It is not for taking
// offline and rolling back: what they name is online before, and is so again only when
// a later version was published and rolled back.
func (w versionWrite) readsBefore() bool {
	return w.op != cnwire.VersionTakeOffline && w.op != cnwire.VersionRollback
}

// urgent says whether the read of the state before must be short: the write may end a
// release that goes wrong.
func (w versionWrite) urgent() bool {
	return w.op != cnwire.VersionUpload && w.op != cnwire.VersionApply
}

// versionState is what is known about a version at one time.
type versionState struct {
	// detail is the version; nil: there is no such version.
	detail *VersionDetail
	// noBuild says that versions.build knows no build of the version. It is
	// needed for an upload.
	noBuild bool
	// build is what versions.build knows about the version; nil: nothing, or it
	// was not asked. It is needed for an upload.
	build *Build
	// online is the version in RELEASE; empty: none, or not known. It is needed
	// for a rollback, and for taking offline.
	online Version
}

// describe returns the state for an error message.
func (s *versionState) describe() string {
	if s.detail == nil {
		return "there is no such version"
	}
	return strings.TrimSpace("the version is in " + string(s.detail.Status) + " " + string(s.detail.GrayStrategy))
}

func (s *versionState) status() VersionStatus {
	if s.detail == nil {
		return absent
	}
	return s.detail.Status
}

// knownBuild is the build after an upload whose answer was lost.
func (s *versionState) knownBuild() Build {
	if s.build != nil {
		return *s.build
	}
	return Build{VersionCreated: s.detail != nil}
}

// evidenceOf says what the state after a write proves. before is the state before
// it, or nil where it was not read: then less is proven. A state of another
// version proves nothing.
func evidenceOf(w versionWrite, before, after *versionState) evidence {
	if after == nil || w.version.IsZero() || after.detail != nil && !after.detail.Version.Is(w.version) {
		return evidenceNone
	}
	for _, p := range proofs() {
		if p.op == w.op {
			return p.evidence(w, before, after)
		}
	}
	return evidenceNone
}

func (p proof) evidence(w versionWrite, before, after *versionState) evidence {
	holds := func(e evidence, statuses []VersionStatus) bool {
		return slices.Contains(statuses, after.status()) && (p.condition == nil || p.condition(w, before, after, e))
	}
	switch {
	case holds(evidenceDone, p.done):
		return evidenceDone
	case holds(evidenceNotDone, p.notDone):
		return evidenceNotDone
	default:
		return evidenceNone
	}
}

// The conditions report what must hold beside the status. Their comments say what else the
// state could come from.

// uploaded: a version that existed before may have another content, and so may
// one whose build was known before: it appears when that build is done.
func uploaded(_ versionWrite, before, after *versionState, e evidence) bool {
	if e == evidenceNotDone {
		return after.noBuild
	}
	return before != nil && before.detail == nil && before.noBuild && (after.detail != nil || after.build != nil)
}

// applied: a review or a verdict may be that of an earlier application, or of
// somebody else's, and a version in INIT may have been applied for and returned since.
func applied(w versionWrite, before, after *versionState, e evidence) bool {
	if e == evidenceNotDone {
		return sameApplication(w, before, after, e)
	}
	if !w.describedBy(after.detail) {
		return false
	}
	if before == nil {
		return after.status() == StatusAuditing
	}
	return !sameAppliedAt(before, after) || after.status() == StatusAuditing && before.status() != StatusAuditing
}

// describedBy says whether a version shows the description that was sent, whatever
// AlipayCN made of spaces and line breaks. One that shows none says nothing.
func (w versionWrite) describedBy(d *VersionDetail) bool {
	return d.Description == "" || slices.Equal(strings.Fields(d.Description), strings.Fields(w.description))
}

// sameApplication: a version that was applied for anew had been returned before.
func sameApplication(_ versionWrite, before, after *versionState, e evidence) bool {
	return e == evidenceDone || before != nil && sameAppliedAt(before, after)
}

func sameAppliedAt(before, after *versionState) bool {
	return before.detail != nil && before.detail.AppliedAt.Equal(after.detail.AppliedAt.Time)
}

// sameStatus: somebody changed it since, perhaps in order to stop the release, or gave it to more users.
func sameStatus(_ versionWrite, before, after *versionState, e evidence) bool {
	return e == evidenceDone || before != nil && before.status() == after.status() && grayRatio(before) == grayRatio(after)
}

// sameVersion: one that is being built may not show yet, and a number may be used
// again after a version was deleted.
func sameVersion(_ versionWrite, before, after *versionState, e evidence) bool {
	wasThere := before != nil && before.detail != nil
	return wasThere && (e == evidenceDone || before.detail.CreatedAt.Equal(after.detail.CreatedAt.Time))
}

// grayAsAsked: a share that is neither the one asked for nor the one before was
// set by somebody else, perhaps after this write took effect.
func grayAsAsked(w versionWrite, before, after *versionState, e evidence) bool {
	was, is := grayRatio(before), grayRatio(after)
	asked, ok := w.strategy.Ratio()
	if e == evidenceDone {
		return ok && is == asked
	}
	return ok && is < asked && before != nil && is == was
}

// grayNotRestarted: a share can only grow, so one that shrank was ended and begun anew.
// Where it is not known what was before, the end of a release that goes wrong is worth
// more than what somebody else may have begun since.
func grayNotRestarted(_ versionWrite, before, after *versionState, e evidence) bool {
	return e == evidenceDone || before == nil || grayRatio(after) >= grayRatio(before)
}

// grayRatio is the share of users who have a version in grayscale; 0 for none.
// One that cannot be read is above all others, so that nothing is proven by it.
func grayRatio(s *versionState) alipayplus.Ratio {
	if s == nil || s.status() != StatusGray {
		return 0
	}
	ratio, ok := s.detail.GrayStrategy.Ratio()
	if !ok {
		return alipayplus.FullRatio + 1
	}
	return ratio
}

// noneOnline: a version goes offline also when another is published or comes back.
func noneOnline(_ versionWrite, _, after *versionState, e evidence) bool {
	return e == evidenceNotDone || after.online == ""
}

// earlierOnline: a version goes offline also when it is taken offline, or when a
// later one is published.
func earlierOnline(w versionWrite, _, after *versionState, e evidence) bool {
	if e == evidenceNotDone {
		return true
	}
	online, err := after.online.Number()
	return err == nil && online.Compare(w.version) < 0
}

// mayBeDone says whether a refusal may mean that an earlier call of the same
// write took effect. It proves nothing: the state must be read.
func mayBeDone(op cnwire.Operation, code Code) bool {
	return slices.Contains(repeatCodes(op), code)
}

// repeatCodes are the codes with which AlipayCN may refuse the second of two
// equal writes; inferred from their descriptions.
func repeatCodes(op cnwire.Operation) []Code {
	return map[cnwire.Operation][]Code{
		cnwire.VersionUpload:              {CodeVersionHasExisted},
		cnwire.VersionApply:               {CodeSubmitRepeat, CodeCanNotSubmitWithAudit, CodeCanNotSubmitWithoutInit},
		cnwire.VersionCancelAudit:         {CodeAuditingVersionNotExist, CodeInvalidVersionStatus},
		cnwire.VersionReturnToDevelopment: {CodeCanNotBackDevWithoutAudit},
		cnwire.VersionGray:                {CodeGrayStrategyNotAllowReduce, CodeCanNotGrayWithoutAuditPass},
		cnwire.VersionCancelGray:          {CodeCanNotEndGrayWithoutGray, CodeMiniAppVersionStatusIllegal},
		cnwire.VersionPublish:             {CodeCanNotOnlineNotGrayOrWaitRelease, CodeCanNotOnlineWithoutAudit},
		cnwire.VersionTakeOffline:         {CodeCanNotOfflineWithoutOnline, CodeMiniAppNotOnline},
		cnwire.VersionRollback:            {CodeCanNotRollbackWithoutOnline, CodeCanNotContinuousRollback},
		cnwire.VersionDelete:              {CodeMiniAppPackageInfoNotExist},
		cnwire.ExperienceCreate:           {CodeCanNotSetExpRepeat},
		cnwire.ExperienceCancel:           {CodeCanNotCancelExpWithInvalidStatus},
		cnwire.SafeDomainAdd:              {CodeSafeDomainExist},
		cnwire.MemberAdd:                  {CodeDeveloperAlreadyExist, CodeExperiencerAlreadyExist},
		cnwire.MemberRemove:               {CodeRoleNotExist},
		cnwire.QRCodeBind:                 {CodeRouteRuleConflict},
		cnwire.QRCodeUnbind:               {CodeRouteGroupNotExist},
		cnwire.OrderAccept:                {CodeCommodityOrderStatusInvalid},
		cnwire.OrderReject:                {CodeCommodityOrderStatusInvalid},
		cnwire.OrderCompleteItem:          {CodeItemStatusNotAllow},
		cnwire.OrderConfirmItem:           {CodeItemStatusNotAllow},
		cnwire.OrderCancelItem:            {CodeItemStatusNotAllow},
	}[op]
}
