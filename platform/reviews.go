package platform

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/validation"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// PendingReview is a request that waits for at least one verdict.
type PendingReview struct {
	// Request is what waits, as it was when it was listed, with what was submitted.
	Request alipayplus.Request
	// WorkspaceID is whose it is.
	WorkspaceID string

	p *Platform
}

// Reviews lists the requests of all workspaces that wait for a verdict, oldest
// first.
func (p *Platform) Reviews(ctx context.Context) ([]*PendingReview, error) {
	if err := p.settle(ctx); err != nil {
		return nil, err
	}
	waiting := map[string]*requestRecord{}
	err := p.cfg.store.View(ctx, func(tx storage.Tx) error {
		clear(waiting)
		for entry, err := range tx.Scan("i/waiting/", storage.PrefixEnd("i/waiting/"), false) {
			if err != nil {
				return err
			}
			r, err := resolve[requestRecord](tx, string(entry.Value))
			if err != nil {
				return err
			}
			if r.Submission, err = r.submission(tx); err != nil {
				return err
			}
			waiting[r.Sort] = r
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]*PendingReview, 0, len(waiting))
	for _, sort := range slices.Sorted(maps.Keys(waiting)) {
		r := waiting[sort]
		out = append(out, &PendingReview{Request: r.Request, WorkspaceID: r.Workspace, p: p})
	}
	return out, nil
}

// File reads a picture that the submission shows, see
// [alipayplus.Submission.Pictures]. The error matches [alipayplus.ErrNotFound] for any
// other file.
func (r *PendingReview) File(ctx context.Context, id string) (file *alipayplus.FileContent, err error) {
	if r.p == nil {
		return nil, fmt.Errorf("platform: review file: %w", errNoReview())
	}
	err = r.p.cfg.store.View(ctx, func(tx storage.Tx) error {
		request, err := resolve[requestRecord](tx, requestKey(r.WorkspaceID, r.Request.ID))
		if err != nil {
			return err
		}
		file, err = request.file(tx, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("platform: review file: %w", err)
	}
	return file, nil
}

// Approve gives a party's approval. Errors: [alipayplus.ErrConflict] when the party has
// decided before, the request is closed, or another call about the mini program takes
// long, [alipayplus.ErrNotFound] for a party that does
// not review it.
func (r *PendingReview) Approve(ctx context.Context, party alipayplus.Party) error {
	if err := r.decide(ctx, party, alipayplus.DecideInput{Approve: true}); err != nil {
		return fmt.Errorf("platform: approve: %w", err)
	}
	return nil
}

// Reject gives a party's rejection with its reason. Errors: those of Approve, and
// [alipayplus.ValidationError] for a reason that [alipayplus.DecideInput] refuses.
func (r *PendingReview) Reject(ctx context.Context, party alipayplus.Party, reason string) error {
	if err := r.decide(ctx, party, alipayplus.DecideInput{Reason: reason}); err != nil {
		return fmt.Errorf("platform: reject: %w", err)
	}
	return nil
}

func (r *PendingReview) decide(ctx context.Context, party alipayplus.Party, in alipayplus.DecideInput) error {
	if r.p == nil {
		return errNoReview()
	}
	in.ID = r.Request.ID
	if err := in.Validate(); err != nil {
		return err
	}
	return r.p.decideNow(ctx, r.WorkspaceID, r.Request.ProgramID, in.ID, party, verdict(in))
}

// errNoReview is that of a PendingReview that the platform did not make.
func errNoReview() error {
	return refuse(alipayplus.CodeParamIllegal, "the review is not one that Platform.Reviews listed")
}

func verdict(in alipayplus.DecideInput) dueVerdict {
	if in.Approve {
		return dueVerdict{Status: alipayplus.ReviewApproved, Reason: in.Reason}
	}
	return dueVerdict{Status: alipayplus.ReviewRejected, Reason: in.Reason}
}

func (p *Platform) decideNow(ctx context.Context, workspace, program, id string, party alipayplus.Party, v dueVerdict) error {
	if err := p.settle(ctx); err != nil {
		return err
	}
	return whenFree(ctx, func() error {
		return p.upToDate(ctx, p.cfg.store.Update, func(tx storage.Tx) error {
			if err := checkLease(tx, leaseKey(workspace, program)); err != nil {
				return err
			}
			v.At = now()
			_, err := p.decide(tx, requestKey(workspace, id), party, v, source{operation: contract.ReviewDecide.Name})
			return err
		})
	})
}

// decide is one party's verdict, and all that follows from it.
func (p *Platform) decide(tx storage.Tx, at string, party alipayplus.Party, v dueVerdict, by source) (*requestRecord, error) {
	r, err := load[requestRecord](tx, at)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, errNoRequest()
	}
	i := slices.IndexFunc(r.Reviews, func(review alipayplus.Review) bool { return review.Party == party })
	if i < 0 {
		return nil, errNoRequest()
	}
	if r.Reviews[i].Status != alipayplus.ReviewPending {
		return nil, conflict("the review of request %s by %s is %s already", r.ID, party, r.Reviews[i].Status)
	}
	if !v.observed && p.decidesItself(r, party) {
		return nil, conflict("the verdict of %s comes from %s itself, and is found there", party, r.TargetApp)
	}
	before := r.copy()
	r.Reviews[i].Status, r.Reviews[i].Reason, r.Reviews[i].DecidedAt = v.Status, v.Reason, v.At
	r.Reviews[i].Pictures = v.Pictures
	delete(r.Due, party)
	if outcome := alipayplus.ReviewOutcome(r.Reviews); outcome != alipayplus.RequestUnderReview {
		if err := r.move(outcome, v.At); err != nil {
			return nil, err
		}
	}
	if err := save(tx, before, r); err != nil {
		return nil, err
	}
	w := auditWriter{p: p, tx: tx, workspace: r.Workspace, at: v.At, who: string(party), source: by, verdict: v}
	entry, err := w.put("request", r.ID, string(before.Status), string(r.Status), string(party)+" "+string(v.Status))
	if err != nil {
		return nil, err
	}
	return r, w.follow(r, entry)
}

// follow brings the release or service in line with its request; verdict is the entry
// about that.
func (w auditWriter) follow(r *requestRecord, verdict string) error {
	if r.ReleaseID != "" {
		return w.followRelease(r, verdict)
	}
	return w.followService(r)
}

func (w auditWriter) followRelease(r *requestRecord, verdict string) error {
	release, err := resolve[releaseRecord](w.tx, releaseKey(r.Workspace, r.ReleaseID))
	if err != nil {
		return fmt.Errorf("release of request %s: %w", r.ID, err)
	}
	if err := release.checkResolved(); err != nil {
		return err
	}
	before := new(*release)
	release.Reviews, release.UpdatedAt, release.UpdatedBy = r.Reviews, w.at, w.who
	switch r.Status {
	case alipayplus.RequestApproved:
		if err = release.move(alipayplus.ReleasePreparation, "approved"); err == nil && r.BasicInfoChanged {
			err = w.changeCompany(release)
		}
	case alipayplus.RequestRejected:
		err = release.move(alipayplus.ReleaseNewVersionCreated, "rejected")
	}
	if err != nil {
		return err
	}
	if err := save(w.tx, before, release); err != nil {
		return err
	}
	if before.Status == release.Status {
		return w.toHistory(release.ID, verdict)
	}
	return w.add("release", release.ID, string(before.Status), string(release.Status), "")
}

// changeCompany makes the approved basic information of a release the company's.
func (w auditWriter) changeCompany(release *releaseRecord) error {
	before, err := resolve[workspaceRecord](w.tx, workspaceKey(release.Workspace))
	if err != nil {
		return err
	}
	after := new(*before)
	after.Company = *release.BasicInfo
	if err := save(w.tx, before, after); err != nil {
		return err
	}
	return w.add("workspace", after.ID, "CREATED", "CREATED", "registration changed with release "+release.ID)
}

func (w auditWriter) followService(r *requestRecord) error {
	if r.Status == alipayplus.RequestUnderReview {
		return nil
	}
	service, err := resolve[serviceRecord](w.tx, serviceKey(r.Workspace, r.ServiceID))
	if err != nil {
		return fmt.Errorf("service of request %s: %w", r.ID, err)
	}
	before := new(*service)
	note := ""
	if service.hasRevision() {
		note = "revision " + strings.ToLower(string(r.Status))
		err = w.followRevision(service, r)
	} else {
		to, what := alipayplus.ServiceOnline, "approved"
		if r.Status == alipayplus.RequestRejected {
			to, what = alipayplus.ServiceTurnedDown, "turned down"
		}
		err = service.move(to, what)
	}
	if err == nil && r.Status == alipayplus.RequestApproved {
		err = w.offeredBy(service, r)
	}
	if err != nil {
		return err
	}
	service.UpdatedAt = w.at
	if err := save(w.tx, before, service); err != nil {
		return err
	}
	return w.add("service", service.ID, string(before.Status), string(service.Status), note)
}

// offeredBy shows the company as it was reviewed: its registration may have changed
// since the service was written.
func (w auditWriter) offeredBy(service *serviceRecord, r *requestRecord) error {
	submission, err := r.submission(w.tx)
	if err == nil && submission != nil && submission.Company != nil {
		service.Company = *submission.Company
	}
	return err
}

// followRevision puts an approved revision in the place of the text that is online; one
// that was rejected leaves it as it is.
func (w auditWriter) followRevision(service *serviceRecord, r *requestRecord) error {
	if r.Status == alipayplus.RequestRejected {
		return service.moveRevision(alipayplus.ServiceTurnedDown, "turned down", w.at)
	}
	if err := service.moveRevision(alipayplus.ServiceOnline, "approved", w.at); err != nil {
		return err
	}
	service.ServiceDescription = service.Revision.ServiceDescription
	service.ReleaseRequestID, service.Revision = r.ID, nil
	return nil
}

// errNoRequest is the same for a request that does not exist and for one that
// the party has nothing to do with.
func errNoRequest() error {
	return refuse(alipayplus.CodeNotFound, "there is no such request for you to review")
}

// reviewer is the caller's party.
func (c *call) reviewer() (alipayplus.Party, error) {
	if c.caller.Party == "" {
		return "", refuse(alipayplus.CodeAccessDenied, "only a reviewer may do this; members of a workspace see their requests with Requests")
	}
	return c.caller.Party, nil
}

func listReviews(c *call, in alipayplus.ListReviewsInput) (*page, error) {
	party, err := c.reviewer()
	if err != nil {
		return nil, err
	}
	return listing{
		prefix: key("i/waiting", string(party), "all") + "/", opts: in.ListOptions,
		order: alipayplus.OldestFirst,
		show: func(to []byte, r stored) ([]byte, error) {
			to, err := r.appendShown(to, "workspace")
			if err != nil {
				return nil, err
			}
			submission, found, err := c.tx.Get(submissionKey(r.text("workspace"), r.text("id")))
			if err != nil || !found {
				return to, err
			}
			shown, err := stored(submission).appendShown(nil, "key")
			return appendMember(to, "submission", shown), err
		},
	}.page(c.tx)
}

// reviewed reads a request that the caller's party reviews.
func (c *call) reviewed(id string) (*requestRecord, error) {
	party, err := c.reviewer()
	if err != nil {
		return nil, err
	}
	at, found, err := c.tx.Get(requestIDKey(id))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNoRequest()
	}
	r, err := resolve[requestRecord](c.tx, string(at))
	if err != nil {
		return nil, fmt.Errorf("request %s: %w", id, err)
	}
	if !slices.ContainsFunc(r.Reviews, func(review alipayplus.Review) bool { return review.Party == party }) {
		return nil, errNoRequest()
	}
	return r, nil
}

func queryReview(c *call, in alipayplus.RequestInput) (*alipayplus.Request, error) {
	r, err := c.reviewed(in.ID)
	if err != nil {
		return nil, err
	}
	r.Submission, err = r.submission(c.tx)
	return &r.Request, err
}

func readReviewFile(c *call, in alipayplus.ReviewFileInput) (*alipayplus.FileContent, error) {
	r, err := c.reviewed(in.ID)
	if err != nil {
		return nil, err
	}
	return r.file(c.tx, in.FileID)
}

// file reads a picture that the submission shows, and no other file of the workspace.
func (r *requestRecord) file(tx storage.Tx, id string) (*alipayplus.FileContent, error) {
	submission, err := r.submission(tx)
	if err != nil {
		return nil, err
	}
	if submission == nil || !slices.Contains(submission.Pictures(), id) {
		return nil, refuse(alipayplus.CodeNotFound, "request %s shows no picture %q", r.ID, shorten(id))
	}
	file, err := fileContent(tx, r.Workspace, id)
	if err == nil && file == nil { // nothing but a request that is over named it
		err = refuse(alipayplus.CodeNotFound, "picture %q of request %s is no longer kept", shorten(id), r.ID)
	}
	return file, err
}

func decideReview(c *call, in alipayplus.DecideInput) (*alipayplus.Request, error) {
	reviewed, err := c.reviewed(in.ID)
	if err != nil {
		return nil, err
	}
	if err := checkLease(c.tx, leaseKey(reviewed.Workspace, reviewed.ProgramID)); err != nil {
		return nil, err
	}
	v := verdict(in)
	v.At = c.at
	r, err := c.p.decide(c.tx, reviewed.key(), c.caller.Party, v, c.source())
	if err != nil {
		return nil, err
	}
	return &r.Request, nil
}

// AutoReview decides reviews without a person. It is called once for each party
// when a release or service is submitted, but for the parties of a [TargetObserver], possibly again when that has to be
// repeated, and must not block. The request has its Submission, which must not be
// changed. The verdict takes effect after Decision.After;
// [LeaveOpen] leaves it to [Platform.Reviews].
type AutoReview func(party alipayplus.Party, request *alipayplus.Request) Decision

// Decision is what an [AutoReview] decides.
type Decision struct {
	// Verdict is APPROVED, REJECTED, or PENDING to leave it open.
	Verdict alipayplus.ReviewStatus
	// Reason is required for a rejection.
	Reason string
	// After is how long the review takes.
	After time.Duration
}

// ApproveAfter is a decision to approve after some time.
func ApproveAfter(d time.Duration) Decision {
	return Decision{Verdict: alipayplus.ReviewApproved, After: d}
}

// RejectAfter is a decision to reject after some time.
func RejectAfter(d time.Duration, reason string) Decision {
	return Decision{Verdict: alipayplus.ReviewRejected, Reason: reason, After: d}
}

// LeaveOpen is the decision that a person decides.
func LeaveOpen() Decision { return Decision{Verdict: alipayplus.ReviewPending} }

// autoReview asks the AutoReview, if there is one, what a party will say and when.
func (p *Platform) autoReview(r *requestRecord, submission alipayplus.Submission, party alipayplus.Party, at time.Time) {
	if p.cfg.review == nil || p.decidesItself(r, party) {
		return
	}
	shown := r.Request
	shown.Reviews = slices.Clone(r.Reviews)
	shown.Submission = &submission
	d := p.cfg.review(party, &shown)
	d.Reason = plainReason(d)
	if d.Verdict == alipayplus.ReviewApproved || d.Verdict == alipayplus.ReviewRejected {
		after := min(max(d.After, 0), longestReview)
		r.Due[party] = dueVerdict{At: at.Add(after), Status: d.Verdict, Reason: d.Reason}
	}
}

// plainReason is the reason as a reviewer could have given it.
func plainReason(d Decision) string {
	in := alipayplus.DecideInput{ID: "id", Approve: d.Verdict != alipayplus.ReviewRejected, Reason: d.Reason}
	if in.Validate() == nil {
		return in.Reason
	}
	const longest = 2000
	in.Reason = cut(validation.OneLine(strings.ToValidUTF8(in.Reason, "?")), longest)
	if in.Validate() != nil {
		in.Reason = "no reason was given"
	}
	return in.Reason
}

// longestReview keeps a Decision.After within what a time can hold.
const longestReview = 100 * 365 * 24 * time.Hour

// settle applies the verdicts whose time has come. That nobody sees the platform
// between two calls lets it do without a goroutine.
func (p *Platform) settle(ctx context.Context) error {
	return p.upToDate(ctx, p.cfg.store.View, func(storage.Tx) error { return nil })
}

// errVerdictDue ends a transaction that must not begin before a verdict is applied.
var errVerdictDue = errors.New("a verdict is due")

// upToDate runs fn in a transaction in which no verdict is due, but for those that
// wait for a call. When none is due, that costs no transaction of its own.
func (p *Platform) upToDate(ctx context.Context, transaction func(context.Context, func(storage.Tx) error) error, fn func(storage.Tx) error) error {
	if p.cfg.review == nil {
		return transaction(ctx, fn)
	}
	for {
		var due *storage.Entry
		err := transaction(ctx, func(tx storage.Tx) (err error) {
			if due, err = nextDue(tx); err != nil {
				return err
			}
			if due != nil {
				return errVerdictDue
			}
			return fn(tx)
		})
		if !errors.Is(err, errVerdictDue) {
			return err
		}
		if err := p.settleDue(ctx, due); err != nil {
			return err
		}
	}
}

// nextDue finds the first verdict that is due and need not wait; nil when there is none.
func nextDue(tx storage.Tx) (due *storage.Entry, err error) {
	for entry, err := range tx.Scan("i/due/", dueKey(now().Add(1), "", ""), false) {
		if err != nil {
			return nil, err
		}
		r, err := load[requestRecord](tx, string(entry.Value))
		if err != nil && !errors.Is(err, storage.ErrDamaged) { // what is damaged is dropped
			return nil, err
		}
		waits, err := r.waits(tx)
		if err != nil {
			return nil, err
		}
		if !waits {
			return &entry, nil
		}
	}
	return nil, nil //nolint:nilnil // none is no error
}

// settleDue applies one verdict, or drops it when it can never be applied: it
// must not stop everything else.
func (p *Platform) settleDue(ctx context.Context, due *storage.Entry) error {
	err := p.cfg.store.Update(ctx, func(tx storage.Tx) error { return p.settleOne(tx, due) })
	if err == nil {
		return nil
	}
	if codeOf(err) == alipayplus.CodeUnknownException && !errors.Is(err, storage.ErrDamaged) {
		return err // the store's failure, which passes; the verdict stays due
	}
	p.cfg.logger.ErrorContext(ctx, "an automatic verdict could not be applied and is dropped", "request", string(due.Value), "error", err)
	return p.cfg.store.Update(ctx, func(tx storage.Tx) error { return tx.Delete(due.Key) })
}

// waits says whether verdicts on the request wait until a call about the mini program is
// over, and it is known what the target app has done with the release.
func (r *requestRecord) waits(tx storage.Tx) (bool, error) {
	if r == nil || r.ReleaseID == "" {
		return false, nil
	}
	if waits, err := leased(tx, leaseKey(r.Workspace, r.ProgramID)); err != nil || waits {
		return waits, err
	}
	release, err := load[releaseRecord](tx, releaseKey(r.Workspace, r.ReleaseID))
	if errors.Is(err, storage.ErrDamaged) {
		return false, nil // the verdict can never be applied
	}
	return release != nil && release.Unresolved != "", err
}

// settleOne applies one verdict, unless another call was quicker.
func (p *Platform) settleOne(tx storage.Tx, due *storage.Entry) error {
	_, still, err := tx.Get(due.Key)
	if err != nil || !still {
		return err
	}
	r, err := load[requestRecord](tx, string(due.Value))
	if err != nil {
		return err
	}
	if r == nil {
		return tx.Delete(due.Key)
	}
	if waits, err := r.waits(tx); err != nil || waits {
		return err
	}
	if err := checkLease(tx, leaseKey(r.Workspace, r.ProgramID)); err != nil {
		return err
	}
	party := alipayplus.Party(due.Key[strings.LastIndex(due.Key, "/")+1:])
	_, err = p.decide(tx, r.key(), party, r.Due[party], source{operation: contract.ReviewDecide.Name})
	return err
}
