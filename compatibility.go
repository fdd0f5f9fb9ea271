package alipayplus

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/polling"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Compatibility testing is a step of releases to partner apps, between the creation and
// the application ("Release to target app"): the version is tested on systems, networks
// and devices, the report is viewed, and one may adjust the configuration and test again,
// or apply without. What the report holds, how long a test takes and what a failed one
// means is not documented: it is this project's own.

// CompatibilityStatus is how a compatibility test stands. It is open to unknown values;
// the names are not documented.
type CompatibilityStatus string

// The compatibility statuses.
const (
	// CompatibilityTesting: no result on at least one device.
	CompatibilityTesting CompatibilityStatus = "TESTING"
	// CompatibilityPassed: no problem was found.
	CompatibilityPassed CompatibilityStatus = "PASSED"
	// CompatibilityFailed: a problem was found.
	CompatibilityFailed CompatibilityStatus = "FAILED"
)

// Known says whether this version of the library knows the status.
func (s CompatibilityStatus) Known() bool {
	return s == CompatibilityTesting || s == CompatibilityPassed || s == CompatibilityFailed
}

// TestDevice is what a version is tested on: a device, its system and its network. The
// names are the target app's.
type TestDevice struct {
	// System is the operating system: "Android 16".
	System string `json:"system"`
	// Network is the kind of network: "5G".
	Network string `json:"network"`
	// Device is the model of the device: "Pixel 9".
	Device string `json:"device"`
}

// String names device, system and network.
func (d TestDevice) String() string {
	return validation.OneLine(fmt.Sprintf("%s, %s, %s", d.Device, d.System, d.Network))
}

// CompatibilityResult is what was found on one device.
type CompatibilityResult struct {
	TestDevice
	// Status is the result; TESTING until there is one.
	Status CompatibilityStatus `json:"status"`
	// Problem says what was found; empty unless FAILED.
	Problem string `json:"problem,omitempty"`
}

// CompatibilityReport is the newest compatibility test of a release.
type CompatibilityReport struct {
	// Run counts the tests of the release, from 1.
	Run int `json:"run"`
	// Status is the outcome of all results, see [CompatibilityOutcome].
	Status CompatibilityStatus `json:"status"`
	// Results are those on all devices, in the order in which the target app offers them.
	Results []CompatibilityResult `json:"results"`
	// Outdated says that the configuration has changed since the test began.
	Outdated bool `json:"outdated,omitempty"`
	// StartedBy is the member who asked for the test.
	StartedBy string `json:"startedBy"`
	// StartedAt is when the test began.
	StartedAt time.Time `json:"startedAt"`
	// FinishedAt is when the last result came; zero while TESTING.
	FinishedAt time.Time `json:"finishedAt,omitzero"`
}

// CompatibilityOutcome is the rule for what the results on all devices come to together:
// TESTING while one is missing, then FAILED when there is a problem on any, else PASSED.
// Without any result the outcome is FAILED.
func CompatibilityOutcome(results []CompatibilityResult) CompatibilityStatus {
	outcome := CompatibilityPassed
	for _, r := range results {
		switch r.Status {
		case CompatibilityPassed:
		case CompatibilityFailed:
			outcome = CompatibilityFailed
		default:
			return CompatibilityTesting
		}
	}
	if len(results) == 0 {
		return CompatibilityFailed
	}
	return outcome
}

// progress is how many results there are, so that each is a change of state.
func (r *CompatibilityReport) progress() string {
	if r == nil {
		return "not tested"
	}
	done := 0
	for _, result := range r.Results {
		if result.Status != CompatibilityTesting {
			done++
		}
	}
	return fmt.Sprintf("test %d %s %d/%d", r.Run, r.Status, done, len(r.Results))
}

// CheckCompatibility says whether the release has passed a compatibility test as it is:
// with its present configuration. The error is a [CompatibilityError]. The platform lets a
// release be applied for without, as the document says; a caller may ask for it.
func (r *Release) CheckCompatibility() error {
	if c := r.Compatibility; c != nil && c.Status == CompatibilityPassed && !c.Outdated {
		return nil
	}
	return &CompatibilityError{ReleaseID: r.ID, Report: r.Compatibility}
}

// CompatibilityError says that a release has not passed a compatibility test as it is. It
// matches [ErrConflict].
type CompatibilityError struct {
	// ReleaseID is the release.
	ReleaseID string
	// Report is the newest report; nil: the release was never tested.
	Report *CompatibilityReport
}

// Error names the first problems, and the way out.
func (e *CompatibilityError) Error() string {
	const again = "test it (again) with Releases.TestCompatibility"
	subject := "release " + e.ReleaseID
	switch c := e.Report; {
	case c == nil:
		return validation.OneLine(subject + " has no compatibility report; " + again)
	case c.Status == CompatibilityTesting:
		return validation.OneLine(subject + " is being tested for compatibility; wait for the report with Releases.WaitTested")
	case c.Status == CompatibilityPassed:
		return validation.OneLine(subject + " has a compatibility report of another configuration; " + again)
	case !c.Status.Known():
		return validation.OneLine(fmt.Sprintf("%s has a compatibility report with status %s, which this library does not know; %s", subject, c.Status, again))
	default:
		return validation.OneLine(fmt.Sprintf("%s failed the compatibility test on %s; correct it and %s", subject, c.failures(), again))
	}
}

// failures names the first devices on which there is a problem, and counts the others.
func (r *CompatibilityReport) failures() string {
	const most = 3
	var found []string
	for _, result := range r.Results {
		if result.Status == CompatibilityFailed {
			found = append(found, fmt.Sprintf("%v (%s)", result.TestDevice, result.Problem))
		}
	}
	if len(found) > most {
		found = append(found[:most], fmt.Sprintf("and %d more", len(found)-most))
	}
	return strings.Join(found, ", ")
}

// Unwrap returns [ErrConflict].
func (e *CompatibilityError) Unwrap() error { return ErrConflict }

// TestCompatibilityInput is what [ReleasesClient.TestCompatibility] takes. The devices are
// those that the target app offers and that are in each list; see [TargetAppInfo].
type TestCompatibilityInput struct {
	// ReleaseID is the release.
	ReleaseID string `json:"releaseId" validate:"required,max=64"`
	// Systems are the systems to test on; empty: all.
	Systems []string `json:"systems,omitempty" validate:"max=100,unique,dive,required,max=128"`
	// Networks are the networks to test on; empty: all.
	Networks []string `json:"networks,omitempty" validate:"max=100,unique,dive,required,max=128"`
	// Devices are the devices to test on; empty: all.
	Devices []string `json:"devices,omitempty" validate:"max=100,unique,dive,required,max=128"`
	// Target is the target app as last read, see [Workspace.Target]; may be nil. With it,
	// the lists are checked before anything is sent.
	Target *TargetAppInfo `json:"-" validate:"-"`
	// RequestID is the idempotency key; empty: the client makes one.
	RequestID string `json:"requestId,omitempty" validate:"max=64"`
}

// Validate checks the fields, and the lists as far as the target app is known.
func (in TestCompatibilityInput) Validate() error {
	err := validate("compatibility test", in, nil)
	if err != nil || in.Target == nil {
		return err
	}
	_, err = in.Choose(in.Target.TestDevices)
	return err
}

// Choose returns which of the devices that a target app offers the input names, in their
// order. The error is a [ValidationError] when a name is not offered, or when no offered
// device has all that is named.
func (in TestCompatibilityInput) Choose(offered []TestDevice) ([]TestDevice, error) {
	lists := []struct {
		path  string
		names []string
		of    func(TestDevice) string
	}{
		{"systems", in.Systems, func(d TestDevice) string { return d.System }},
		{"networks", in.Networks, func(d TestDevice) string { return d.Network }},
		{"devices", in.Devices, func(d TestDevice) string { return d.Device }},
	}
	var p problems
	chosen := slices.Clone(offered)
	for _, list := range lists {
		for i, name := range list.names {
			if !slices.ContainsFunc(offered, func(d TestDevice) bool { return list.of(d) == name }) {
				p.Add(fmt.Sprintf("%s[%d]", list.path, i), fmt.Sprintf("is %q, which the target app does not offer; see Workspace.Get", name))
			}
		}
		chosen = slices.DeleteFunc(chosen, func(d TestDevice) bool {
			return len(list.names) > 0 && !slices.Contains(list.names, list.of(d))
		})
	}
	if len(p) == 0 && len(chosen) == 0 {
		p.Add("devices", "name no device of the target app together with systems and networks; see Workspace.Get")
	}
	return chosen, invalid("compatibility test", p)
}

// TestCompatibility tests a release in NEW_VERSION_CREATED on systems, networks and devices
// of its target app. The report is part of the release, see [Release] Compatibility, and
// [ReleasesClient.WaitTested] waits for it. Another test replaces the report. Errors:
// [ValidationError], [ErrConflict] when the target app has no such test (apply without, as
// to AlipayCN), when a test is under way, or in any other status,
// [AuthorizationRequiredError], [ErrNotFound], [ErrPermission].
func (c *ReleasesClient) TestCompatibility(ctx context.Context, in TestCompatibilityInput) (*Release, error) {
	return sendWrite[Release](ctx, c.client, contract.ReleaseTest, &in, &in.RequestID)
}

// WaitTested waits until the newest compatibility test of a release is over and has found
// no problem, and returns the release. When a problem was found, or the release was never
// tested, the error is a [WaitError] with a [CompatibilityError] in it, and the release is
// returned all the same: it may be applied for nevertheless. The context is the deadline.
func (c *ReleasesClient) WaitTested(ctx context.Context, id string, opts ReleaseWait) (*Release, error) {
	return wait(ctx, "releases.waitTested", id, opts, polling.Condition[Release]{
		Poll:  func(ctx context.Context) (*Release, error) { return c.Get(ctx, id) },
		State: func(r *Release) string { return string(r.Status) + " " + r.Compatibility.progress() },
		Done: func(_ context.Context, r *Release) (bool, error) {
			if r.Compatibility != nil && r.Compatibility.Status == CompatibilityTesting {
				return false, nil
			}
			err := r.CheckCompatibility()
			return err == nil, err
		},
	})
}
