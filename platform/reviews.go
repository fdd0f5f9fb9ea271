package platform

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
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
			if r.Submission, _, err = r.submission(tx); err != nil {
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
// decided before or the request is closed, [alipayplus.ErrNotFound] for a party that does
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
	unlock, err := p.busy.Lock(ctx, programLock(workspace, program))
	if err != nil {
		return err
	}
	defer unlock()
	lock := func() string { return programLock(workspace, program) }
	return p.upToDate(ctx, lock, p.cfg.store.Update, func(tx storage.Tx) error {
		v.At = now()
		_, err := p.decide(tx, requestKey(workspace, id), party, v, source{operation: contract.ReviewDecide.Name})
		return err
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
	submission, _, err := r.submission(w.tx)
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

func listReviews(c *call, in alipayplus.ListReviewsInput) (*alipayplus.Page[alipayplus.Request], error) {
	party, err := c.reviewer()
	if err != nil {
		return nil, err
	}
	return listing[requestRecord, alipayplus.Request]{
		prefix: key("i/waiting", string(party), "all") + "/", opts: in.ListOptions,
		order: alipayplus.OldestFirst,
		show:  func(r *requestRecord) *alipayplus.Request { return &r.Request },
		more: func(r *requestRecord, shown *alipayplus.Request) (size int, err error) {
			shown.Submission, size, err = r.submission(c.tx)
			return size, err
		},
	}.page(c.tx)
}

// reviewed reads a request that the caller's party reviews.
func (c *call) reviewed(id string) (*requestRecord, error) {
	party, err := c.reviewer()
	if err != nil {
		return nil, err
	}
	at, found, err := c.tx.Get(key("i/request-by-id", id))
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
	r.Submission, _, err = r.submission(c.tx)
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
	submission, _, err := r.submission(tx)
	if err != nil {
		return nil, err
	}
	if submission == nil || !slices.Contains(submission.Pictures(), id) {
		return nil, refuse(alipayplus.CodeNotFound, "request %s shows no picture %q", r.ID, shorten(id))
	}
	file, err := load[fileRecord](tx, fileKey(r.Workspace, id))
	if err != nil {
		return nil, err
	}
	if file == nil { // nothing but a request that is over named it
		return nil, refuse(alipayplus.CodeNotFound, "picture %q of request %s is no longer kept", shorten(id), r.ID)
	}
	content, found, err := tx.Get(contentKey(r.Workspace, id))
	if err == nil && !found {
		err = fmt.Errorf("%w: the content of file %s is missing", storage.ErrDamaged, id)
	}
	return &alipayplus.FileContent{File: file.File, Content: content}, err
}

func decideReview(c *call, in alipayplus.DecideInput) (*alipayplus.Request, error) {
	reviewed, err := c.reviewed(in.ID)
	if err != nil {
		return nil, err
	}
	if err := c.lockProgram(reviewed.lock()); err != nil {
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
