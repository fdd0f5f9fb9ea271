package alipaycntarget

import (
	"context"
	"errors"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Apply implements [rollout.Target] by what [WithApplication] returns. A rejected
// version is returned to development before. A version whose security scan found
// something cannot be applied for; while the scan runs, the error is transient.
func (t *Target) Apply(ctx context.Context, c rollout.Change) error {
	_, err := t.once(ctx, c, func(versions *alipaycn.VersionsClient) (string, error) {
		return "", t.apply(ctx, versions)
	})
	return err
}

func (t *Target) apply(ctx context.Context, versions *alipaycn.VersionsClient) error {
	detail, err := t.read(ctx, versions)
	if err != nil {
		return err
	}
	switch status, known := detail.Status.ReleaseStatus(bool(detail.CanRelease)); {
	case !known:
		return t.unknown(detail.Status)
	case status != alipayplus.ReleaseNewVersionCreated:
		return t.conflict("is %s and cannot be applied for", detail.Status)
	case detail.ScanResult == alipaycn.ScanFailed:
		return t.conflict("did not pass the security scan; correct it in a new version")
	}
	in, err := t.applyInput(ctx)
	if err != nil {
		return err
	}
	if detail.Status != alipaycn.StatusInit {
		if err := versions.ReturnToDevelopment(ctx, t.input(detail)); err != nil {
			return err
		}
	}
	_, err = versions.Apply(ctx, in) // which reads the version again: making the application may have taken long
	return err
}

// applyInput makes and checks the application, before anything is changed.
func (t *Target) applyInput(ctx context.Context) (alipaycn.ApplyInput, error) {
	if t.application == nil {
		return alipaycn.ApplyInput{}, fmt.Errorf("%w: %s cannot be applied for without what to apply with; give WithApplication", alipayplus.ErrInvalid, t.ID())
	}
	in, err := t.application(ctx)
	if err != nil {
		return in, fmt.Errorf("make the application of %s: %w", t.ID(), err)
	}
	in.Version, in.BundleID, in.Known = t.version, t.bundle, nil
	if in.AutoOnline {
		return in, &alipayplus.ValidationError{Subject: "application", Fields: []alipayplus.FieldError{
			{Path: "auto_online", Message: "must not be set: AlipayCN would release to all users as soon as the review passes, whatever the spec says"},
		}}
	}
	return in, in.Validate()
}

// Raise implements [rollout.Target]. c.From is checked against the state read right
// before; c.To must be 10, 30 or 50.
func (t *Target) Raise(ctx context.Context, c rollout.Change) error {
	if err := alipaycn.GrayLadder().CheckRaise(c.From, c.To); err != nil {
		return err
	}
	strategy, err := alipaycn.GrayStrategyOf(c.To)
	if err != nil {
		return err
	}
	_, err = t.once(ctx, c, func(versions *alipaycn.VersionsClient) (string, error) {
		detail, err := t.checkLive(ctx, versions, c.From)
		if err != nil {
			return "", err
		}
		return "", versions.RaiseGray(ctx, alipaycn.GrayInput{Version: t.version, Strategy: strategy, BundleID: t.bundle, Known: detail})
	})
	return err
}

// Publish implements [rollout.Target]. c.From is checked against the state read right
// before.
func (t *Target) Publish(ctx context.Context, c rollout.Change) error {
	_, err := t.once(ctx, c, func(versions *alipaycn.VersionsClient) (string, error) {
		detail, err := t.checkLive(ctx, versions, c.From)
		if err != nil {
			return "", err
		}
		in := t.publishing
		in.Version, in.BundleID, in.Known = t.version, t.bundle, detail
		return "", versions.Publish(ctx, in)
	})
	return err
}

// checkLive reads the version, and refuses a change when another ratio than the expected
// one is live. The client needs what was read to prove what became of the change, and
// does not read it again.
func (t *Target) checkLive(ctx context.Context, versions *alipaycn.VersionsClient, expected alipayplus.Ratio) (*alipaycn.VersionDetail, error) {
	detail, err := t.read(ctx, versions)
	if err != nil {
		return nil, err
	}
	o, err := t.observation(detail)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Status != alipayplus.ReleasePreparation && o.Status != alipayplus.ReleaseGrayscale:
		return nil, t.conflict("is %s, where its ratio cannot be changed", detail.Status)
	case o.Ratio != expected:
		return nil, t.conflict("is %s at %v, and not at %v as was believed", detail.Status, o.Ratio, expected)
	default:
		return detail, nil
	}
}

// Withdraw implements [rollout.Withdrawer]: it takes a version out of review. Any other
// status is refused, so no version is taken back that users have or could get.
func (t *Target) Withdraw(ctx context.Context, c rollout.Change) error {
	in := alipaycn.CancelAuditInput{Version: t.version, BundleID: t.bundle}
	if c.Other != nil {
		other, err := alipayplus.ParseVersion(c.Other.ID)
		if err != nil {
			return err
		}
		in.Version = other
	}
	_, err := t.once(ctx, c, func(versions *alipaycn.VersionsClient) (string, error) {
		return "", versions.CancelAudit(ctx, in)
	})
	return err
}

// Abort implements [rollout.Target]: it takes the version back to development, from
// review, from preparation, and from grayscale by ending that. So it keeps no other
// version from being applied for. When all users have it, the error matches
// [alipayplus.ErrConflict]: to take it away is for a person to decide.
func (t *Target) Abort(ctx context.Context, c rollout.Change) (string, error) {
	return t.once(ctx, c, func(versions *alipaycn.VersionsClient) (string, error) {
		return t.abort(ctx, versions)
	})
}

// abort takes the version back to development.
func (t *Target) abort(ctx context.Context, versions *alipaycn.VersionsClient) (aftermath string, err error) {
	aftermath, ended, err := t.takeBack(ctx, versions)
	switch {
	case err != nil && ended:
		return "", fmt.Errorf("%w; its grayscale release is ended", err)
	case err != nil || aftermath != "":
		return aftermath, err
	case ended:
		return "the grayscale release is ended and nobody has the version any more; it is in development and can be applied for again", nil
	default:
		return "nobody has the version; it is in development and can be applied for again", nil
	}
}

// takeBack makes one step at a time and reads the version in between, because reviewers and
// people at the console may be faster. ended says that it has ended the grayscale release, and aftermath
// what is to be said besides.
func (t *Target) takeBack(ctx context.Context, versions *alipaycn.VersionsClient) (aftermath string, ended bool, err error) {
	const most = 5 // three are enough when nobody else changes the version
	lastConflict := t.conflict("moves while it is being given up; check it in AlipayCN's console")
	for range most {
		detail, err := t.read(ctx, versions)
		if err != nil {
			return "", ended, err
		}
		var stepErr error
		switch status := detail.Status; {
		case status == alipaycn.StatusInit:
			return "", ended, nil
		case status == alipaycn.StatusAuditOffline:
			return "AlipayCN had taken the version down already", ended, nil
		case status == alipaycn.StatusAuditing:
			stepErr = versions.CancelAudit(ctx, alipaycn.CancelAuditInput(t.input(detail)))
		case status == alipaycn.StatusGray:
			stepErr = versions.CancelGray(ctx, t.input(detail))
			ended = ended || stepErr == nil
		case status.Reviewed() && status.CanBecome(alipaycn.StatusInit):
			stepErr = versions.ReturnToDevelopment(ctx, t.input(detail))
		case status == alipaycn.StatusRelease:
			return "", ended, t.conflict("is RELEASE: all users have it; bring the version before it back (versions.rollback) or take it away from all (versions.takeOffline)")
		case status == alipaycn.StatusOffline:
			return "", ended, t.conflict("is OFFLINE: nobody has it, and nothing is left to give up")
		default:
			return "", ended, t.unknown(status)
		}
		switch err := classify(stepErr); {
		case err == nil:
		case errors.Is(err, alipayplus.ErrConflict):
			lastConflict = err
		default:
			return "", ended, err
		}
	}
	return "", ended, lastConflict
}

// once makes one change at a time, and none that this Target made before. Changes that
// another process made show in the state alone.
func (t *Target) once(ctx context.Context, c rollout.Change, do func(*alipaycn.VersionsClient) (string, error)) (string, error) {
	select {
	case t.changeLock <- struct{}{}:
		defer func() { <-t.changeLock }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if aftermath, done := t.completed[c.RequestID]; done {
		return aftermath, nil
	}
	versions, err := t.versions(ctx)
	if err != nil {
		return "", err
	}
	aftermath, err := do(versions)
	if err != nil {
		return "", classify(err)
	}
	if c.RequestID != "" {
		t.completed[c.RequestID] = aftermath
	}
	return aftermath, nil
}
