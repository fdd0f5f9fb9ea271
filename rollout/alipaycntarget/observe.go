package alipaycntarget

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Observe implements [rollout.Target]. Detail is AlipayCN's own status. AlipayCN does
// not say who changed the version, and when. An application is named by the time when it
// was made. A status or a gray_strategy that this library does not know is an error.
func (t *Target) Observe(ctx context.Context) (*rollout.Observation, error) {
	o, err := t.observe(ctx)
	return o, classify(err)
}

func (t *Target) observe(ctx context.Context) (*rollout.Observation, error) {
	versions, err := t.versions(ctx)
	if err != nil {
		return nil, err
	}
	detail, err := t.read(ctx, versions)
	if err != nil {
		return nil, err
	}
	o, err := t.observation(detail)
	if err != nil {
		return nil, err
	}
	o.Subject = rollout.Subject{Program: t.app, Name: detail.AppName, Version: t.version.String()}
	if detail.Status != alipaycn.StatusInit { // in any other status no version can block this one
		return o, nil
	}
	o.Blocker, err = t.blocker(ctx, versions)
	if err != nil {
		return nil, err
	}
	return o, nil
}

// observation is what a version's detail says, without the blocker.
func (t *Target) observation(detail *alipaycn.VersionDetail) (*rollout.Observation, error) {
	status, known := detail.Status.ReleaseStatus(bool(detail.CanRelease))
	if !known {
		return nil, t.unknown(detail.Status)
	}
	o := &rollout.Observation{Status: status, Detail: string(detail.Status), Ladder: alipaycn.GrayLadder()}
	if review := detail.Review(); review != nil {
		o.Reviews = []alipayplus.Review{*review}
	}
	if !detail.AppliedAt.IsZero() {
		o.Application = detail.AppliedAt.UTC().Format(time.RFC3339)
	}
	switch status {
	case alipayplus.ReleaseGrayscale:
		ratio, ok := detail.GrayStrategy.Ratio()
		if !ok {
			return nil, fmt.Errorf("%s is in GRAY with gray_strategy %q, which this library cannot read; see what is live in AlipayCN's console", t.ID(), detail.GrayStrategy)
		}
		o.Ratio = ratio
	case alipayplus.ReleaseFull:
		o.Ratio = alipayplus.FullRatio
	}
	return o, nil
}

func (t *Target) unknown(status alipaycn.VersionStatus) error {
	return fmt.Errorf("%s is in status %q, which this library does not know; see in AlipayCN's console what it means", t.ID(), status)
}

// blocker finds the version that keeps this one from being applied for.
func (t *Target) blocker(ctx context.Context, versions *alipaycn.VersionsClient) (*rollout.Blocker, error) {
	in := alipaycn.ListVersionsInput{BundleID: t.bundle}
	for _, status := range alipaycn.VersionStatuses() {
		if status.BlocksApply() {
			in.Statuses = append(in.Statuses, status)
		}
	}
	list, err := versions.List(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, other := range list.Versions {
		if other.Status.BlocksApply() && !other.Version.Is(t.version) {
			return blockerOf(other), nil
		}
	}
	return nil, nil //nolint:nilnil // no blocker is an answer
}

// blockerOf translates a version that blocks. A rejected one keeps AlipayCN's status:
// NEW_VERSION_CREATED would not explain why it blocks.
func blockerOf(other alipaycn.VersionSummary) *rollout.Blocker {
	b := &rollout.Blocker{ID: string(other.Version), Version: string(other.Version)}
	b.Status, _ = other.Status.ReleaseStatus(bool(other.CanRelease)) // a status that blocks is known
	if b.Status == alipayplus.ReleaseNewVersionCreated {
		b.Status = alipayplus.ReleaseStatus(other.Status)
	}
	return b
}

// classify makes a failure of AlipayCN transient for the runner when it may pass. It keeps nil.
func classify(err error) error {
	e, ok := errors.AsType[*alipaycn.Error](err)
	if ok && e.Foreign && !e.Retryable && !e.OutcomeUnknown && e.HTTPStatus != http.StatusRequestEntityTooLarge {
		return rollout.Outage(err)
	}
	if !ok || !e.Retryable && !e.OutcomeUnknown {
		return err
	}
	return rollout.TransientAfter(&transientError{err}, e.RetryAfter)
}

// transientError is a failure that may pass. It never matches ErrConflict, even when
// AlipayCN's code does: the runner would conclude that somebody else was faster and that
// nothing happened, and observe again at once. But a review or scan may be unfinished,
// and an earlier attempt with an unknown outcome may have had its effect.
type transientError struct{ error }

// Is matches every class of the failure but the conflict.
func (p *transientError) Is(class error) bool {
	return class != alipayplus.ErrConflict && errors.Is(p.error, class)
}

// As finds every error in the chain of the failure.
func (p *transientError) As(target any) bool { return errors.As(p.error, target) }
