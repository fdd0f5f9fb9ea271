package rollout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/alipayplus-go/alipayplus"
)

// Releases are the releases of a platform's workspace as targets. A [Fleet] observes those of
// one Releases together. It is safe for concurrent use.
type Releases struct {
	client *alipayplus.Client
	info   *alipayplus.BusinessRegistration
	// downgrade allows what [WithDowngrade] says.
	downgrade bool

	mu sync.Mutex
	// names are the names of mini programs by their ids, as read once; empty where that failed.
	names map[string]string
}

// ReleaseOption changes how releases are driven.
type ReleaseOption func(*Releases)

// WithBasicInfo sets the business registration to apply with; the default is the
// company's own, unchanged.
func WithBasicInfo(info alipayplus.BusinessRegistration) ReleaseOption {
	return func(r *Releases) { r.info = &info }
}

// WithDowngrade lets versions go live that are lower than the one that is fully
// released; by default the platform refuses them, see [alipayplus.DowngradeError].
func WithDowngrade() ReleaseOption {
	return func(r *Releases) { r.downgrade = true }
}

// NewReleases returns the client's releases as targets. It does no I/O.
func NewReleases(client *alipayplus.Client, opts ...ReleaseOption) *Releases {
	r := &Releases{client: client, names: make(map[string]string)}
	for _, set := range opts {
		set(r)
	}
	return r
}

// ForRelease returns one release of the platform as a target. The release must
// exist; the runner applies, raises and publishes it. It does no I/O.
func ForRelease(client *alipayplus.Client, releaseID string, opts ...ReleaseOption) *ReleaseTarget {
	return NewReleases(client, opts...).Release(releaseID)
}

// Release returns one of the releases.
func (r *Releases) Release(id string) *ReleaseTarget { return &ReleaseTarget{of: r, id: id} }

// ObserveAll implements [Batch]. It lists the releases that are under review or in grayscale,
// and reads one by one those that are not among them.
func (r *Releases) ObserveAll(ctx context.Context, targets []Target, wait func(context.Context) error) []BatchResult {
	all := make([]BatchResult, len(targets))
	reader := r.reader(wait)
	listed, err := reader.onTheirWay(ctx, len(targets))
	reader.nameAll(ctx, len(targets))
	for i, t := range targets {
		target, ok := t.(*ReleaseTarget)
		switch {
		case !ok || target.of != r:
			all[i].Err = fmt.Errorf("rollout: %s is not one of these releases", t.ID())
		case err != nil:
			all[i].Err = err
		case listed[target.id] != nil:
			all[i].Observation = reader.observation(ctx, listed[target.id])
		default:
			all[i].Observation, all[i].Err = reader.observe(ctx, target.id)
		}
	}
	return all
}

// releaseReader reads releases once. It lists those of a mini program once.
type releaseReader struct {
	of       *Releases
	wait     func(context.Context) error
	siblings map[alipayplus.ListReleasesInput][]*alipayplus.Release
}

func (r *Releases) reader(wait func(context.Context) error) *releaseReader {
	return &releaseReader{of: r, wait: wait, siblings: make(map[alipayplus.ListReleasesInput][]*alipayplus.Release)}
}

// manyReleases are so many that lists are cheaper than one call for each.
const manyReleases = 3

// onTheirWay lists the releases that a runner waits for, when so many are wanted that
// lists are cheaper.
func (r *releaseReader) onTheirWay(ctx context.Context, wanted int) (map[string]*alipayplus.Release, error) {
	found := make(map[string]*alipayplus.Release)
	if wanted < manyReleases {
		return found, nil
	}
	for _, status := range []alipayplus.ReleaseStatus{alipayplus.ReleaseUnderReview, alipayplus.ReleaseGrayscale} {
		releases, err := r.list(ctx, alipayplus.ListReleasesInput{Status: status})
		if err != nil {
			return nil, err
		}
		for _, release := range releases {
			found[release.ID] = release
		}
	}
	return found, nil
}

// nameAll reads the names of all mini programs of the workspace before the first of many
// releases are observed. The name is a courtesy: what fails here is read one by one.
func (r *releaseReader) nameAll(ctx context.Context, wanted int) {
	if wanted < manyReleases || r.of.knowsNames() {
		return
	}
	in := alipayplus.ListProgramsInput{ListOptions: alipayplus.ListOptions{Limit: 100}}
	for more := true; more && r.wait(ctx) == nil; {
		page, err := r.of.client.Programs.List(ctx, in)
		if err != nil {
			return
		}
		for _, program := range page.Items {
			r.of.setName(program.ID, program.Name())
		}
		in.Cursor, more = page.NextCursor, page.NextCursor != ""
	}
}

// name reads the name of a mini program, once; empty where it cannot be read, which is no
// reason to hold a rollout up.
func (r *releaseReader) name(ctx context.Context, program string) string {
	name, known := r.of.knownName(program)
	if known || r.wait(ctx) != nil {
		return name
	}
	if p, err := r.of.client.Programs.Get(ctx, program); err == nil {
		name = p.Name()
	}
	if ctx.Err() == nil {
		r.of.setName(program, name)
	}
	return name
}

func (r *Releases) knowsNames() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.names) > 0
}

func (r *Releases) knownName(program string) (name string, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name, known = r.names[program]
	return name, known
}

func (r *Releases) setName(program, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names[program] = name
}

// list reads all pages.
func (r *releaseReader) list(ctx context.Context, in alipayplus.ListReleasesInput) (all []*alipayplus.Release, err error) {
	in.Limit = 100
	for {
		if err := r.wait(ctx); err != nil {
			return nil, err
		}
		page, err := r.of.client.Releases.List(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.NextCursor == "" {
			return all, nil
		}
		in.Cursor = page.NextCursor
	}
}

// observe reads one release, and what may block it.
func (r *releaseReader) observe(ctx context.Context, id string) (*Observation, error) {
	release, err := r.get(ctx, id)
	if err != nil {
		return nil, err
	}
	if release.Status == alipayplus.ReleaseDeleted {
		return &Observation{Status: release.Status, ChangedBy: release.UpdatedBy, ChangedAt: release.UpdatedAt}, nil
	}
	o := r.observation(ctx, release)
	if release.Status != alipayplus.ReleaseNewVersionCreated {
		return o, nil
	}
	of := alipayplus.ListReleasesInput{ProgramID: release.ProgramID, TargetApp: release.TargetApp}
	siblings, known := r.siblings[of]
	if !known {
		if siblings, err = r.list(ctx, of); err != nil {
			return nil, err
		}
		r.siblings[of] = siblings
	}
	if other := release.BlockedBy(siblings); other != nil {
		o.Blocker = &Blocker{ID: other.ID, Version: other.Version.String(), Status: other.Status}
	}
	return o, nil
}

// get reads a release. One that is not there, and was deleted by what its history says last, is that: a release of
// another workspace has no history here.
func (r *releaseReader) get(ctx context.Context, id string) (*alipayplus.Release, error) {
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	release, notFound := r.of.client.Releases.Get(ctx, id)
	if !errors.Is(notFound, alipayplus.ErrNotFound) {
		return release, notFound
	}
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	history, err := r.of.client.Releases.History(ctx, alipayplus.ListHistoryInput{
		ReleaseID: id, ListOptions: alipayplus.ListOptions{Limit: 1, Order: alipayplus.NewestFirst},
	})
	if err != nil && !errors.Is(err, alipayplus.ErrNotFound) {
		return nil, err
	}
	if err != nil || len(history.Items) == 0 || history.Items[0].To != alipayplus.ReleaseDeleted {
		return nil, notFound
	}
	last := history.Items[0]
	return &alipayplus.Release{ID: id, Status: last.To, UpdatedBy: last.By, UpdatedAt: last.At}, nil
}

// ReleaseTarget is a release of the platform as a [Target].
type ReleaseTarget struct {
	of *Releases
	id string
}

const releasePrefix = "release "

// ID implements [Target].
func (t *ReleaseTarget) ID() string { return releasePrefix + t.id }

// ReleaseID returns the release that the target of an id drives, see [ReleaseTarget.ID] and
// [State].Target; empty for the id of any other target.
func ReleaseID(target string) string {
	id, is := strings.CutPrefix(target, releasePrefix)
	if !is {
		return ""
	}
	return id
}

// Batch implements [Batched].
func (t *ReleaseTarget) Batch() Batch { return t.of }

// Observe implements [Target].
func (t *ReleaseTarget) Observe(ctx context.Context) (*Observation, error) {
	return t.reader().observe(ctx, t.id)
}

// reader reads without a limiter.
func (t *ReleaseTarget) reader() *releaseReader {
	return t.of.reader(func(context.Context) error { return nil })
}

// observation is what a release says, with the name of its mini program.
func (r *releaseReader) observation(ctx context.Context, release *alipayplus.Release) *Observation {
	o := observationOf(release)
	o.Subject.Name = r.name(ctx, release.ProgramID)
	return o
}

func observationOf(r *alipayplus.Release) *Observation {
	o := &Observation{
		Subject: Subject{Program: r.ProgramID, Version: r.Version.String()},
		Status:  r.Status, Ratio: r.Grayscale.Ratio, Raises: r.Grayscale.Steps, Ladder: r.Grayscale.Ladder,
		Application: r.ReleaseRequestID, Reviews: r.Reviews, Compatibility: compatibilityOf(r), ChangedBy: r.UpdatedBy, ChangedAt: r.UpdatedAt,
	}
	if r.Status == alipayplus.ReleaseFull {
		o.Ratio = alipayplus.FullRatio
	}
	return o
}

// Apply implements [Target].
func (t *ReleaseTarget) Apply(ctx context.Context, c Change) error {
	info := t.of.info
	if info == nil {
		workspace, err := t.of.client.Workspace.Get(ctx)
		if err != nil {
			return err
		}
		info = &workspace.Company
	}
	_, err := t.of.client.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: t.id, BasicInfo: info, RequestID: c.RequestID})
	return err
}

// Withdraw implements [Withdrawer]. Of another version it withdraws only an application that
// is under review: a version in preparation or in grayscale would have to be canceled for
// good, which a person must decide.
func (t *ReleaseTarget) Withdraw(ctx context.Context, c Change) error {
	id := t.id
	if c.Other != nil {
		id = c.Other.ID
	}
	_, err := t.of.client.Releases.Withdraw(ctx, alipayplus.ReleaseInput{ReleaseID: id, RequestID: c.RequestID})
	return err
}

// Raise implements [Target].
func (t *ReleaseTarget) Raise(ctx context.Context, c Change) error {
	in := alipayplus.GrayscaleInput{ReleaseID: t.id, From: c.From, Ratio: c.To, RequestID: c.RequestID, AllowDowngrade: t.of.downgrade}
	set := t.of.client.Releases.Raise
	if c.From == 0 {
		set = t.of.client.Releases.StartGrayscale
	}
	_, err := set(ctx, in)
	if refused, ok := errors.AsType[*alipayplus.RatioError](err); ok && refused.From != c.From {
		// The platform names the ratio first, and not that another one is live.
		return fmt.Errorf("%w: %w", alipayplus.ErrConflict, err)
	}
	return err
}

// Publish implements [Target]: a final release from preparation, and the ratio
// 100 from grayscale.
func (t *ReleaseTarget) Publish(ctx context.Context, c Change) error {
	if c.From > 0 {
		c.To = alipayplus.FullRatio
		return t.Raise(ctx, c)
	}
	_, err := t.of.client.Releases.Finalize(ctx, alipayplus.FinalizeInput{ReleaseID: t.id, RequestID: c.RequestID, AllowDowngrade: t.of.downgrade})
	return err
}

// Abort implements [Target]: it withdraws what is under review, and cancels what is in
// preparation or in grayscale. It reads the release again when a verdict or a person was
// faster.
func (t *ReleaseTarget) Abort(ctx context.Context, c Change) (aftermath string, err error) {
	const most = 3 // from review to preparation to grayscale
	for range most {
		aftermath, err = t.abortOnce(ctx, c)
		if !errors.Is(err, alipayplus.ErrConflict) {
			break
		}
	}
	return aftermath, err
}

func (t *ReleaseTarget) abortOnce(ctx context.Context, c Change) (string, error) {
	release, err := t.reader().get(ctx, t.id)
	if err != nil {
		return "", err
	}
	// The platform wants another request id for another operation.
	withdraw := alipayplus.ReleaseInput{ReleaseID: t.id, RequestID: c.RequestID + "-withdraw"}
	cancel := alipayplus.ReleaseInput{ReleaseID: t.id, RequestID: c.RequestID + "-cancel"}
	switch release.Status {
	case alipayplus.ReleaseNewVersionCreated:
		return "nobody has the version; it can be applied for again", nil
	case alipayplus.ReleaseUnderReview:
		_, err := t.of.client.Releases.Withdraw(ctx, withdraw)
		return "nobody has the version; its application is withdrawn and it can be applied for again", err
	case alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale:
		_, err := t.of.client.Releases.Cancel(ctx, cancel)
		return aftermathOfCancel(release.Grayscale.Ratio), err
	case alipayplus.ReleaseDeleted:
		return "nobody has the version; the selection of it for the target app was deleted", nil
	case alipayplus.ReleaseCanceled: // by somebody else, or by a call whose answer was lost
		return aftermathOfCancel(release.Grayscale.Ratio), nil
	default:
		return "", fmt.Errorf("%w: the release is %s and cannot be aborted; release a later version", alipayplus.ErrConflict, release.Status)
	}
}

// aftermathOfCancel says what canceling a version means for users who have it.
func aftermathOfCancel(live alipayplus.Ratio) string {
	if live == 0 {
		return "nobody has the version; it is canceled and cannot go to this target again"
	}
	return fmt.Sprintf("the version is canceled and cannot go to this target again; what the %v of users who have it will see is not documented", live)
}
