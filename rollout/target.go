package rollout

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// Target is one version on its way to one target app: what a runner observes and changes.
// [ForRelease] is one over the platform; package alipaycntarget has one over AlipayCN's own
// API; package rollouttest checks others.
//
// The methods that change something get a [Change] and must be safe to repeat: a change
// whose effect is there already has no further effect, and either succeeds or is refused
// with an error that matches [alipayplus.ErrConflict]. A change of a target on which
// Change.From is not live is refused in the same way, except for Abort, which acts on
// whatever is live. A failure after which the same call may succeed later must satisfy
// [alipayplus.IsRetryable] or be made by [Transient]; one of something else that answered in
// the target's place is made by [Outage]; any other error is final.
//
// A Target must be safe for concurrent use.
type Target interface {
	// ID names the target for good, for example "release rel_1".
	ID() string
	// Observe reads the state of the target. It changes nothing.
	Observe(ctx context.Context) (*Observation, error)
	// Apply sends the version to review.
	Apply(ctx context.Context, c Change) error
	// Raise takes the version from c.From to c.To percent of the users, 0 < c.To < 100.
	Raise(ctx context.Context, c Change) error
	// Publish takes the version from c.From percent to all users.
	Publish(ctx context.Context, c Change) error
	// Abort gives the version up, whatever its status, and says in one sentence what
	// that means for users who already have it. A version that has reached all users
	// cannot be aborted: [alipayplus.ErrConflict].
	Abort(ctx context.Context, c Change) (aftermath string, err error)
}

// Withdrawer is a [Target] that can withdraw an application that is under review: its own
// or, when c.Other is set, that of the version which blocks it. Without it, [ReviewReplace]
// is refused.
type Withdrawer interface {
	// Withdraw withdraws the application.
	Withdraw(ctx context.Context, c Change) error
}

// Batched is a [Target] that can be observed together with others: a [Fleet] observes
// targets with equal batches by one call.
type Batched interface {
	// Batch is what such targets have in common; it must be comparable.
	Batch() Batch
}

// Batch observes many targets at once.
type Batch interface {
	// ObserveAll returns one result for each target, in their order. It calls wait before
	// each of its calls of the platform: wait blocks until the fleet's limiter allows the
	// call, and fails when the context has ended.
	ObserveAll(ctx context.Context, targets []Target, wait func(context.Context) error) []BatchResult
}

// BatchResult is the result of observing one of many targets.
type BatchResult struct {
	// Observation is the state of the target; nil with an error.
	Observation *Observation
	// Err is why it could not be observed.
	Err error
}

// Change is one change of a target.
type Change struct {
	// RequestID is the same for every repetition of one change.
	RequestID string
	// From is the ratio that is believed live, in percent; 0 before the first.
	From alipayplus.Ratio
	// To is the ratio to set, in percent; 0 for changes that set none.
	To alipayplus.Ratio
	// Other is the version that blocks this one, from Observation.Blocker; see [Withdrawer].
	Other *Blocker
}

// Observation is the state of a target, in the platform's terms whatever the target is.
type Observation struct {
	// Subject is what is released; its fields are empty where they are unknown.
	Subject Subject `json:"subject,omitzero"`
	// Status is the state of the version. A status that the library does not
	// know is waited out.
	Status alipayplus.ReleaseStatus `json:"status"`
	// Detail is the target's own term for it, where that says more.
	Detail string `json:"detail,omitempty"`
	// Ratio is live, in percent; 0 before the first, 100 for all users.
	Ratio alipayplus.Ratio `json:"ratio"`
	// Raises are the ratios that were set so far, oldest first, those that were taken back since
	// among them; empty where the target does not say. By them a rollout knows of a raise of its
	// own, whose outcome it never learned, that somebody has taken back. They are in no plan.
	Raises []alipayplus.GrayscaleStep `json:"-"`
	// Ladder are the ratios that the target offers; zero when they are unknown.
	Ladder alipayplus.Ladder `json:"ladder"`
	// Application names the newest application for review; empty before the
	// first. A new application has a new name.
	Application string `json:"application,omitempty"`
	// Reviews are the verdicts on the newest application.
	Reviews []alipayplus.Review `json:"reviews,omitempty"`
	// Compatibility is the verdict of the newest compatibility test on the version as it is,
	// see [CompatibilityGate]; nil when there is none.
	Compatibility *Verdict `json:"compatibility,omitempty"`
	// Blocker is another version that keeps this one from being applied for; nil
	// when there is none, and when this one is applied for already.
	Blocker *Blocker `json:"blocker,omitempty"`
	// ChangedBy is who changed it last; empty when that is unknown.
	ChangedBy string `json:"changedBy,omitempty"`
	// ChangedAt is when, by the target's clock; zero when that is unknown.
	ChangedAt time.Time `json:"changedAt,omitzero"`
}

// Subject is what is released: a version of a mini program.
type Subject struct {
	// Program is the id of the mini program.
	Program string `json:"program,omitempty"`
	// Name is the mini program's name in its default language.
	Name string `json:"name,omitempty"`
	// Version is the number of the version.
	Version string `json:"version,omitempty"`
}

// String shows the name, or else the id, and the version: "Blue Lake Tea 1.2.0". It is
// empty for the zero Subject.
func (s Subject) String() string {
	return strings.TrimSpace(cmp.Or(s.Name, s.Program) + " " + s.Version)
}

// with is the subject as newly observed, with the name that was known where none was read.
func (s Subject) with(observed Subject) Subject {
	if observed.Program == "" && observed.Version == "" {
		return s
	}
	if observed.Name == "" && observed.Program == s.Program {
		observed.Name = s.Name
	}
	return observed
}

// Blocker is another version of the same mini program on its way to the same
// target app.
type Blocker struct {
	// ID names it for the target.
	ID string `json:"id"`
	// Version is its number.
	Version string `json:"version"`
	// Status is its present status.
	Status alipayplus.ReleaseStatus `json:"status"`
}
