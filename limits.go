package alipayplus

import (
	"fmt"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Limits are how much a workspace may have. They are data that the platform
// announces, not constants: see [DefaultLimits]. A limit of 0 is none.
type Limits struct {
	// Programs is how many mini programs of a workspace may go to one target app.
	Programs int `json:"programs"`
	// WaitingVersions is how many versions of one mini program may wait in
	// NEW_VERSION_CREATED for one target app.
	WaitingVersions int `json:"waitingVersions"`
}

// Storage is how many bytes the files of a workspace take: images and packages. Not
// documented by Alipay+.
type Storage struct {
	// Used is how many bytes they take. A file that nothing refers to counts until it
	// is removed.
	Used int64 `json:"used"`
	// Limit is how many they may take; 0: no limit.
	Limit int64 `json:"limit,omitempty"`
}

// CheckUpload says whether a file of that many bytes may be added. The error is a
// [LimitError].
func (s Storage) CheckUpload(size int64) error {
	if s.Limit == 0 || size <= s.Limit-s.Used {
		return nil
	}
	return &LimitError{Scope: scopeStorage, Limit: int(s.Limit), Used: int(s.Used)}
}

// What the limits are about, as their errors begin.
const (
	scopePrograms = "mini programs"
	scopeVersions = "versions of this mini program"
	scopeStorage  = "bytes of files in this workspace"
)

// DefaultLimits returns what "Release mini programs" documents for AlipayCN:
// 10 mini programs, and 20 versions of the same mini program "when no version
// reaches Under Review".
func DefaultLimits() Limits { return Limits{Programs: 10, WaitingVersions: 20} }

// CheckProgramLimit says whether one more mini program may go to the target app
// when used already do. The error is a [LimitError].
func (l Limits) CheckProgramLimit(target TargetApp, used int) error {
	if l.Programs == 0 || used < l.Programs {
		return nil
	}
	return &LimitError{Scope: fmt.Sprintf("%s to %s in this workspace", scopePrograms, target), Limit: l.Programs, Used: used}
}

// CheckVersionLimit says whether one more version of a mini program may be
// created for the target app when waiting ones are in NEW_VERSION_CREATED.
// While one is under review none may be. The error is a [LimitError].
func (l Limits) CheckVersionLimit(target TargetApp, waiting int, underReview bool) error {
	if (l.WaitingVersions == 0 || waiting < l.WaitingVersions) && !underReview {
		return nil
	}
	return &LimitError{
		Scope: fmt.Sprintf("%s to %s", scopeVersions, target),
		Limit: l.WaitingVersions, Used: waiting, UnderReview: underReview,
	}
}

// LimitError says that a limit of the platform is reached. It matches [ErrLimit].
type LimitError struct {
	// Scope is what is limited, in words.
	Scope string `json:"scope"`
	// Limit is how many there may be.
	Limit int `json:"limit"`
	// Used is how many there are.
	Used int `json:"used"`
	// UnderReview says that the limit allows nothing new because a version is
	// under review, whatever Used is.
	UnderReview bool `json:"underReview,omitempty"`
}

// Error names scope, limit and use, and the way out.
func (e *LimitError) Error() string {
	if e.UnderReview {
		return validation.OneLine(e.Scope + ": none may be added while a version is under review; wait for the verdict or withdraw it")
	}
	return validation.OneLine(fmt.Sprintf("%s: %d of %d are used; %s", e.Scope, e.Used, e.Limit, e.wayOut()))
}

// wayOut says how to get below the limit, as far as the library knows what it is.
func (e *LimitError) wayOut() string {
	switch {
	case strings.HasPrefix(e.Scope, scopeVersions):
		return "apply with one of them and take it through the review, or delete one"
	case strings.HasPrefix(e.Scope, scopePrograms):
		return "delete (in NEW_VERSION_CREATED) or cancel (in preparation and in grayscale) all releases of one of them"
	case e.Scope == scopeStorage:
		return "files that no service, version or mini program names are removed after a time; replace images that are no longer needed"
	default:
		return "make room first"
	}
}

// Unwrap returns [ErrLimit].
func (e *LimitError) Unwrap() error { return ErrLimit }
