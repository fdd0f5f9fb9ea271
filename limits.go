package alipayplus

import "fmt"

// Limits are how much a workspace may have. They are data that the platform
// announces, not constants: see [DefaultLimits].
type Limits struct {
	// Programs is how many mini programs of a workspace may go to one target app.
	Programs int `json:"programs"`
	// WaitingVersions is how many versions of one mini program may wait in
	// NEW_VERSION_CREATED for one target app.
	WaitingVersions int `json:"waitingVersions"`
}

// What the limits are about, as their errors begin.
const (
	scopePrograms = "mini programs"
	scopeVersions = "versions of this mini program"
)

// DefaultLimits returns what "Release mini programs" documents for AlipayCN:
// 10 mini programs, and 20 versions of the same mini program "when no version
// reaches Under Review".
func DefaultLimits() Limits { return Limits{Programs: 10, WaitingVersions: 20} }

// CheckProgramLimit says whether one more mini program may go to the target app
// when used already do. The error is a [LimitError].
func (l Limits) CheckProgramLimit(target TargetApp, used int) error {
	if used < l.Programs {
		return nil
	}
	return &LimitError{Scope: fmt.Sprintf("%s to %s in this workspace", scopePrograms, target), Limit: l.Programs, Used: used}
}

// CheckVersionLimit says whether one more version of a mini program may be
// created for the target app when waiting ones are in NEW_VERSION_CREATED.
// While one is under review none may be. The error is a [LimitError].
func (l Limits) CheckVersionLimit(target TargetApp, waiting int, underReview bool) error {
	if waiting < l.WaitingVersions && !underReview {
		return nil
	}
	return &LimitError{
		Scope: fmt.Sprintf("%s to %s", scopeVersions, target),
		Limit: l.WaitingVersions, Used: waiting, UnderReview: underReview,
	}
}
