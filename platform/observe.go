package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// outside is who did what somebody did at the target app.
const outside = "outside"

// The intervals at which a release is observed while nothing changes, and how long one
// observation may take.
const (
	shortestObservation = 2 * time.Second
	longestObservation  = time.Minute
	observationTimeout  = 10 * time.Second
)

// observations are when each release is observed next.
type observations struct {
	mu sync.Mutex
	of map[string]observation
}

type observation struct {
	next     time.Time
	interval time.Duration
}

func (o *observations) due(release string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !time.Now().Before(o.of[release].next)
}

// done notes an observation. The interval grows unless something had changed.
func (o *observations) done(release string, changed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	interval := min(max(2*o.of[release].interval, shortestObservation), longestObservation)
	if changed {
		interval = shortestObservation
	}
	if o.of == nil {
		o.of = map[string]observation{}
	}
	o.of[release] = observation{time.Now().Add(interval), interval}
}

// forget lets a release be observed by the next call about it.
func (o *observations) forget(release string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.of, release)
}

// observer returns the target app of the release when it is to be observed; nil when
// the record alone says how the release stands, or what was last asked for has no known
// outcome. A version whose application is over may be at the target app still.
func (p *Platform) observer(r *releaseRecord) TargetObserver {
	appliedFor := r.ReleaseRequestID != "" || r.AppliedFor
	open := r.Status.BlocksApply() || r.Status == alipayplus.ReleaseFull || r.Status == alipayplus.ReleaseNewVersionCreated && appliedFor
	if !open || r.Unresolved != "" {
		return nil
	}
	target, _ := p.target(r.TargetApp)
	observer, _ := target.(TargetObserver)
	return observer
}

// decidesItself says whether a party's verdict on a request comes from the target app.
func (p *Platform) decidesItself(r *requestRecord, party alipayplus.Party) bool {
	target, _ := p.target(r.TargetApp)
	observer, is := target.(TargetObserver)
	return is && slices.Contains(observer.Parties(), party)
}

// unobservedError ends a transaction that must not begin before a release is observed.
type unobservedError struct{ workspace, program, release string }

func (e *unobservedError) Error() string { return "release " + e.release + " is to be observed" }

func (e *unobservedError) key() string { return releaseKey(e.workspace, e.release) }

// checkObserved makes sure that a release is observed before it is answered about, when
// that is due, and before it is changed.
func (c *call) checkObserved(r *releaseRecord) error {
	if c.in.observed == r.key() || c.p.observer(r) == nil && c.p.tester(r) == nil || c.session == nil && !c.p.observed.due(r.key()) {
		return nil
	}
	return &unobservedError{r.Workspace, r.ProgramID, r.ID}
}

// observe reads what has become of a release at its target app, and records it. A failure
// is logged. While a call has the mini program to itself, nothing is observed.
func (p *Platform) observe(ctx context.Context, at *unobservedError) {
	ctx, cancel := context.WithTimeout(ctx, observationTimeout)
	defer cancel()
	changed, err := p.adoptNow(ctx, at)
	if _, is := errors.AsType[*leasedError](err); is {
		return
	}
	if err != nil {
		p.cfg.logger.WarnContext(ctx, "a release could not be observed at its target app", "release", at.release, "error", err)
	}
	p.observed.done(at.key(), changed)
}

// adoptNow reads what has become of a release and of its compatibility test at the target app,
// and records it.
func (p *Platform) adoptNow(ctx context.Context, at *unobservedError) (changed bool, err error) {
	tested, testErr := p.adoptResults(ctx, at)
	changed, err = p.adoptState(ctx, at)
	return tested || changed, errors.Join(testErr, err)
}

// adoptState reads what has become of a release at its target app, and records it.
func (p *Platform) adoptState(ctx context.Context, at *unobservedError) (changed bool, err error) {
	before, about, err := p.toObserve(ctx, at, func(r *releaseRecord) bool { return p.observer(r) != nil })
	if err != nil || before == nil {
		return false, err
	}
	target := p.observer(before)
	state, observeErr := target.Observe(ctx, about)
	if observeErr != nil && !errors.Is(observeErr, alipayplus.ErrAuthorizationRequired) {
		return false, unexpected(before, observeErr)
	}
	cameBack := false
	if observeErr == nil {
		if cameBack, err = p.cameBack(ctx, target, before, state.Status); err != nil {
			return false, err
		}
	}
	err = p.cfg.store.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		changed = false
		if observeErr != nil {
			return p.lostAuthorization(tx, before, about)
		}
		if err := checkLease(tx, leaseKey(at.workspace, at.program)); err != nil {
			return err
		}
		r, err := load[releaseRecord](tx, at.key())
		if err != nil || r == nil || r.Unresolved != "" || r.Status != before.Status || !r.UpdatedAt.Equal(before.UpdatedAt) {
			return err // another process was faster: the next observation sees what came of it
		}
		changed, err = p.adopt(tx, r, target, state, cameBack)
		return err
	})
	return changed, errors.Join(observeErr, err)
}

// unexpected is why a release could not be observed; nil when nobody has brought it there yet.
func unexpected(r *releaseRecord, err error) error {
	if r.Status == alipayplus.ReleaseNewVersionCreated && errors.Is(err, alipayplus.ErrNotFound) {
		return nil
	}
	return err
}

// toObserve reads a release and what its target app is asked with; nil when it is not to be
// observed.
func (p *Platform) toObserve(ctx context.Context, at *unobservedError, due func(*releaseRecord) bool) (r *releaseRecord, about TargetCall, err error) {
	err = p.cfg.store.View(ctx, func(tx storage.Tx) (err error) {
		if r, err = resolve[releaseRecord](tx, at.key()); err != nil {
			return err
		}
		if !due(r) {
			r = nil
			return nil
		}
		if busy, err := leased(tx, leaseKey(at.workspace, at.program)); err != nil || busy {
			return cmp.Or(err, error(&leasedError{}))
		}
		about, err = p.targetCall(tx, r)
		return err
	})
	return r, about, err
}

// receiver is what serves the messages of a target app, and where.
func (p *Platform) receiver(sender TargetSender) (path string, handler http.Handler, err error) {
	path, handler, err = sender.Receiver(func(ctx context.Context, workspace, program string) error {
		return p.observeProgram(ctx, sender, workspace, program)
	})
	if err == nil && (!strings.HasPrefix(path, "/") || strings.ContainsAny(path, " {}") || handler == nil) {
		err = fmt.Errorf("receiver of %s: needs a handler and a path such as /alipaycn/notify", sender.App())
	}
	return path, handler, err
}

// observeProgram observes at once a mini program's authorization and its releases that are open.
func (p *Platform) observeProgram(ctx context.Context, sender TargetSender, workspace, program string) error {
	granted, err := p.checkAuthorization(ctx, sender, workspace, program)
	if err != nil || !granted {
		return err
	}
	var open []*unobservedError
	err = p.cfg.store.View(ctx, func(tx storage.Tx) error {
		open = nil
		c := &call{p: p, tx: tx}
		of := &releaseRecord{Workspace: workspace, Release: alipayplus.Release{ProgramID: program, TargetApp: sender.App()}}
		for _, status := range alipayplus.ReleaseStatuses() {
			if !status.BlocksApply() && status != alipayplus.ReleaseFull {
				continue
			}
			r, err := c.firstInStatus(of, status)
			if err != nil {
				return err
			}
			if r != nil {
				open = append(open, &unobservedError{r.Workspace, r.ProgramID, r.ID})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, at := range open {
		p.observed.forget(at.key())
		err := whenFree(ctx, func() error {
			_, err := p.adoptNow(ctx, at)
			return err
		})
		if err != nil && !errors.Is(err, alipayplus.ErrAuthorizationRequired) { // that it was taken back is recorded
			return fmt.Errorf("observe release %s: %w", at.release, err)
		}
	}
	return nil
}

// checkAuthorization says whether the platform is authorized, and records that it is not any
// more when the target app says so.
func (p *Platform) checkAuthorization(ctx context.Context, sender TargetSender, workspace, program string) (granted bool, err error) {
	at := authorizationKey(workspace, program, sender.App())
	var before *authorizationRecord
	err = p.cfg.store.View(ctx, func(tx storage.Tx) (err error) {
		before, err = load[authorizationRecord](tx, at)
		return err
	})
	if err != nil || before == nil || before.Status != alipayplus.AuthorizationGranted {
		return false, err
	}
	err = sender.CheckAuthorization(ctx, workspace, program)
	if err == nil || !errors.Is(err, alipayplus.ErrAuthorizationRequired) {
		return err == nil, err
	}
	return false, p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		r, err := load[authorizationRecord](tx, at)
		if err != nil || r == nil || r.Status != before.Status || !r.GrantedAt.Equal(before.GrantedAt) {
			return err // given again meanwhile
		}
		return p.moveAuthorization(tx, r, alipayplus.AuthorizationRevoked, string(r.TargetApp))
	})
}

// cameBack says whether the release that r replaced is live again: somebody rolled r back,
// whose status was observed to be another now.
func (p *Platform) cameBack(ctx context.Context, target TargetObserver, r *releaseRecord, now alipayplus.ReleaseStatus) (bool, error) {
	if r.Replaced == "" || r.Status != alipayplus.ReleaseFull || now != alipayplus.ReleaseArchived {
		return false, nil
	}
	var about TargetCall
	err := p.cfg.store.View(ctx, func(tx storage.Tx) error {
		former, err := resolve[releaseRecord](tx, r.Replaced)
		if err != nil {
			return err
		}
		about, err = p.targetCall(tx, former)
		return err
	})
	if err != nil {
		return false, err
	}
	state, err := target.Observe(ctx, about)
	return err == nil && state.Status == alipayplus.ReleaseFull, err
}

// lostAuthorization records that the target app refused a call for want of an authorization
// that was given: somebody took it back there. One that was given again meanwhile holds.
func (p *Platform) lostAuthorization(tx storage.Tx, r *releaseRecord, refused TargetCall) error {
	a, err := load[authorizationRecord](tx, authorizationKey(r.Workspace, r.ProgramID, r.TargetApp))
	if err != nil || a == nil || a.Status != alipayplus.AuthorizationGranted || !a.GrantedAt.Equal(refused.grantedAt) {
		return err
	}
	return p.moveAuthorization(tx, a, alipayplus.AuthorizationRevoked, string(r.TargetApp))
}

// adopt brings the record of a release in line with what the target app says about it.
func (p *Platform) adopt(tx storage.Tx, r *releaseRecord, target TargetObserver, state *TargetState, cameBack bool) (changed bool, err error) {
	if r.Status == alipayplus.ReleaseUnderReview {
		return p.adoptVerdict(tx, r, target, state)
	}
	status, ratio := adopted(&r.Release, state)
	if status == r.Status && ratio == r.Grayscale.Ratio {
		return false, nil
	}
	c := &call{p: p, tx: tx, at: now(), caller: caller{member: Member{WorkspaceID: r.Workspace, Name: outside}}}
	before := new(*r)
	r.Status = status // not by move: somebody may have made several steps
	if ratio != r.Grayscale.Ratio {
		r.Grayscale.Ratio, r.RequestedRatio = ratio, ratio
		if ratio > 0 {
			r.Grayscale.Steps = append(slices.Clone(r.Grayscale.Steps), alipayplus.GrayscaleStep{Ratio: ratio, By: outside, At: c.at})
		}
	}
	if status == alipayplus.ReleaseFull {
		r.ReleasedAt = c.at
		former, err := c.firstInStatus(r, alipayplus.ReleaseFull)
		if err != nil {
			return false, err
		}
		if err := c.replace(former, r); err != nil {
			return false, err
		}
	}
	c.changeRelease(before, r, fmt.Sprintf("found at %s: %s", r.TargetApp, state.Detail))
	if cameBack {
		former, err := resolve[releaseRecord](tx, r.Replaced)
		if err != nil {
			return false, err
		}
		if err := c.moveAlong(new(*former), former, alipayplus.ReleaseFull, fmt.Sprintf("found at %s: version %v was rolled back", r.TargetApp, r.Version)); err != nil {
			return false, err
		}
	}
	for _, write := range c.staged {
		if err := write(c); err != nil {
			return false, err
		}
	}
	return true, nil
}

// adopted is the status and the live ratio that follow from the target app's; see
// [TargetObserver].
func adopted(r *alipayplus.Release, s *TargetState) (alipayplus.ReleaseStatus, alipayplus.Ratio) {
	full := r.Status == alipayplus.ReleaseFull
	if r.Status == alipayplus.ReleaseNewVersionCreated && s.Status != alipayplus.ReleaseFull {
		return r.Status, r.Grayscale.Ratio // it is not released by this platform
	}
	switch s.Status {
	case alipayplus.ReleaseFull:
		return alipayplus.ReleaseFull, alipayplus.FullRatio
	case alipayplus.ReleaseArchived:
		return alipayplus.ReleaseArchived, r.Grayscale.Ratio
	case alipayplus.ReleaseCanceled:
		if full {
			return alipayplus.ReleaseArchived, r.Grayscale.Ratio
		}
		return alipayplus.ReleaseCanceled, r.Grayscale.Ratio
	case alipayplus.ReleaseGrayscale:
		if !full {
			return alipayplus.ReleaseGrayscale, s.Ratio
		}
	case alipayplus.ReleasePreparation:
		if !full {
			return alipayplus.ReleasePreparation, 0
		}
	case alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseUnderReview:
		if !full {
			return alipayplus.ReleaseNewVersionCreated, 0
		}
	}
	return r.Status, r.Grayscale.Ratio
}

// adoptVerdict records the verdict of the target app's parties, once.
func (p *Platform) adoptVerdict(tx storage.Tx, r *releaseRecord, target TargetObserver, s *TargetState) (decided bool, err error) {
	v, is := verdictOf(r.TargetApp, s)
	if !is {
		return false, nil
	}
	for _, party := range target.Parties() {
		request, err := resolve[requestRecord](tx, requestKey(r.Workspace, r.ReleaseRequestID))
		if err != nil {
			return false, err
		}
		waits := func(review alipayplus.Review) bool {
			return review.Party == party && review.Status == alipayplus.ReviewPending
		}
		if !slices.ContainsFunc(request.Reviews, waits) {
			continue
		}
		if _, err := p.decide(tx, request.key(), party, v, source{operation: contract.ReviewDecide.Name}); err != nil {
			return false, err
		}
		decided = true
	}
	return decided, nil
}

// verdictOf is what the state of a release that was submitted says about its review.
func verdictOf(app alipayplus.TargetApp, s *TargetState) (v dueVerdict, is bool) {
	v = dueVerdict{At: now(), observed: true}
	switch {
	case s.Review != nil && s.Review.Status != alipayplus.ReviewPending:
		v.Status, v.Reason, v.Pictures = s.Review.Status, s.Review.Reason, s.Review.Pictures
		return v, true
	case s.Status == alipayplus.ReleaseNewVersionCreated, s.Status == alipayplus.ReleaseCanceled, s.Status == alipayplus.ReleaseArchived:
		v.Status, v.Reason = alipayplus.ReviewRejected, fmt.Sprintf("it was taken back at %s outside of this platform (%s)", app, s.Detail)
		return v, true
	default:
		return v, false
	}
}

// targetCall is what the target app of a release is called about.
func (p *Platform) targetCall(tx storage.Tx, r *releaseRecord) (TargetCall, error) {
	program, err := resolve[programRecord](tx, programKey(r.Workspace, r.ProgramID))
	if err != nil {
		return TargetCall{}, err
	}
	release, err := r.forTarget()
	if err != nil {
		return TargetCall{}, err
	}
	file := func(ctx context.Context, id string) (*alipayplus.File, []byte, error) {
		return p.readFile(ctx, r.Workspace, id)
	}
	about := TargetCall{WorkspaceID: r.Workspace, Program: &program.Program, Release: release, File: file}
	a, err := load[authorizationRecord](tx, authorizationKey(r.Workspace, r.ProgramID, r.TargetApp))
	if a != nil {
		about.grantedAt = a.GrantedAt
	}
	return about, err
}

// readFile reads an uploaded file.
func (p *Platform) readFile(ctx context.Context, workspace, id string) (file *alipayplus.File, content []byte, err error) {
	err = p.cfg.store.View(ctx, func(tx storage.Tx) error {
		r, err := load[fileRecord](tx, fileKey(workspace, id))
		if err != nil {
			return err
		}
		var found bool
		if content, found, err = tx.Get(contentKey(workspace, id)); err != nil {
			return err
		}
		if r == nil || !found {
			return invalid("fileId", "%q names no uploaded file; upload it first", shorten(id))
		}
		file = &r.File
		return nil
	})
	return file, content, err
}
