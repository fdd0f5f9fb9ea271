package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/validation"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// TargetTester is a [TargetBackend] with the step of compatibility testing, which Alipay+
// documents for partner apps and not for AlipayCN. Without it, or without a device,
// [alipayplus.ReleasesClient.TestCompatibility] is refused.
type TargetTester interface {
	TargetBackend
	// TestDevices are what it tests on: distinct, and at most 100. Which there are is not
	// documented.
	TestDevices() []alipayplus.TestDevice
	// TestCompatibility begins the test that call.Release.Compatibility describes: on the
	// devices of its Results, in the place of any test of another Run.
	TestCompatibility(ctx context.Context, call TargetCall) error
	// CompatibilityResults reads the results that this test has so far; it changes nothing.
	// An error that matches [alipayplus.ErrNotFound] says that there never will be others.
	CompatibilityResults(ctx context.Context, call TargetCall) ([]alipayplus.CompatibilityResult, error)
}

// maxTestDevices bounds a report, which is part of a release.
const maxTestDevices = 100

// testDevices are what a target app tests on; none for one that does not test.
func testDevices(target TargetBackend) []alipayplus.TestDevice {
	if tester, is := target.(TargetTester); is {
		return tester.TestDevices()
	}
	return nil
}

// checkTestDevices refuses devices that nobody can choose.
func checkTestDevices(devices []alipayplus.TestDevice) error {
	if len(devices) > maxTestDevices {
		return fmt.Errorf("test devices: must be at most %d", maxTestDevices)
	}
	for i, d := range devices {
		if slices.Contains(devices[:i], d) {
			return fmt.Errorf("test devices[%d]: %v is there already", i, d)
		}
		in := alipayplus.TestCompatibilityInput{ReleaseID: "id", Systems: []string{d.System}, Networks: []string{d.Network}, Devices: []string{d.Device}}
		if err := in.Validate(); err != nil {
			return fmt.Errorf("test devices[%d]: %w", i, err)
		}
	}
	return nil
}

func testCompatibility(c *call, in alipayplus.TestCompatibilityInput) (*alipayplus.Release, error) {
	r, err := c.releaseFor(alipayplus.ActionRelease, in.ReleaseID)
	if err != nil {
		return nil, err
	}
	if r.Status != alipayplus.ReleaseNewVersionCreated {
		return nil, conflict("release %s is %s; it can be tested only in %s, before it is applied for",
			r.ID, state(&r.Release), alipayplus.ReleaseNewVersionCreated)
	}
	target, err := c.p.target(r.TargetApp)
	if err != nil {
		return nil, err
	}
	offered := testDevices(target)
	if len(offered) == 0 {
		return nil, conflict("%s has no compatibility test; apply for the release without (Releases.Apply)", r.TargetApp)
	}
	if r.isTested() {
		return nil, conflict("release %s is being tested; wait for the report (Releases.WaitTested), or apply without", r.ID)
	}
	chosen, err := in.Choose(offered)
	if err != nil {
		return nil, err
	}
	if err := c.mayCallTarget(r); err != nil {
		return nil, err
	}
	before := new(*r)
	report := &alipayplus.CompatibilityReport{Run: 1, StartedBy: c.who(), StartedAt: c.at}
	if r.Compatibility != nil {
		report.Run += r.Compatibility.Run
	}
	for _, d := range chosen {
		report.Results = append(report.Results, alipayplus.CompatibilityResult{TestDevice: d, Status: alipayplus.CompatibilityTesting})
	}
	report.Status = alipayplus.CompatibilityOutcome(report.Results)
	r.Compatibility = report
	c.stage(func(c *call) error {
		report.StartedAt = c.at // when the app has begun
		return nil
	})
	return c.changeRelease(before, r, fmt.Sprintf("compatibility test %d on %s", report.Run, devices(len(chosen)))), nil
}

// devices counts them, for a note.
func devices(n int) string {
	if n == 1 {
		return "1 device"
	}
	return fmt.Sprintf("%d devices", n)
}

// isTested says whether a compatibility test is under way.
func (r *releaseRecord) isTested() bool {
	return r.Compatibility != nil && r.Compatibility.Status == alipayplus.CompatibilityTesting
}

// outdate notes that the configuration is no longer the one that was tested.
func (r *releaseRecord) outdate() {
	if r.Compatibility == nil {
		return
	}
	report := *r.Compatibility
	report.Outdated = true
	r.Compatibility = &report
}

// tester returns the target app that has results to come for the release; nil when none has,
// or when what was last asked for has no known outcome.
func (p *Platform) tester(r *releaseRecord) TargetTester {
	if !r.isTested() || r.Unresolved != "" {
		return nil
	}
	target, _ := p.target(r.TargetApp)
	tester, _ := target.(TargetTester)
	return tester
}

// adoptResults reads the results of a compatibility test that is under way, and records them.
func (p *Platform) adoptResults(ctx context.Context, at *unobservedError) (changed bool, err error) {
	before, about, err := p.toObserve(ctx, at, func(r *releaseRecord) bool { return p.tester(r) != nil })
	if err != nil || before == nil {
		return false, err
	}
	results, err := p.tester(before).CompatibilityResults(ctx, about)
	lost := errors.Is(err, alipayplus.ErrNotFound)
	if err != nil && !lost {
		return false, err
	}
	err = p.cfg.store.Update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		changed = false
		if err := checkLease(tx, leaseKey(at.workspace, at.program)); err != nil {
			return err
		}
		r, err := load[releaseRecord](tx, at.key())
		if err != nil || r == nil || !r.isTested() || r.Compatibility.Run != before.Compatibility.Run {
			return err // another test has begun, or another process was faster
		}
		former := new(*r)
		if changed = r.merge(results, lost, now()); !changed {
			return nil
		}
		return p.reported(tx, former, r)
	})
	return changed, err
}

// merge takes over results that are new, and says whether there are any. lost says that
// those that are missing will never come.
func (r *releaseRecord) merge(results []alipayplus.CompatibilityResult, lost bool, at time.Time) (changed bool) {
	report := *r.Compatibility
	report.Results = slices.Clone(report.Results)
	for i := range report.Results {
		into := &report.Results[i]
		if into.Status != alipayplus.CompatibilityTesting {
			continue
		}
		found := slices.IndexFunc(results, func(from alipayplus.CompatibilityResult) bool {
			return from.TestDevice == into.TestDevice && from.Status != alipayplus.CompatibilityTesting && from.Status.Known()
		})
		switch {
		case found >= 0:
			*into = plainResult(results[found])
		case lost:
			into.Status, into.Problem = alipayplus.CompatibilityFailed, fmt.Sprintf("%s knows nothing of the test any more", r.TargetApp)
		default:
			continue
		}
		changed = true
	}
	if report.Status = alipayplus.CompatibilityOutcome(report.Results); report.Status != alipayplus.CompatibilityTesting {
		report.FinishedAt = at
	}
	r.Compatibility = &report
	return changed
}

// plainResult is a result as the report shows it: what an app says is one line of text.
func plainResult(from alipayplus.CompatibilityResult) alipayplus.CompatibilityResult {
	const longest = 500
	from.Problem = cut(validation.OneLine(strings.ToValidUTF8(from.Problem, "?")), longest)
	switch {
	case from.Status == alipayplus.CompatibilityPassed:
		from.Problem = ""
	case from.Problem == "":
		from.Problem = "the app does not say what it found"
	}
	return from
}

// reported records results, and that a test is over.
func (p *Platform) reported(tx storage.Tx, before, r *releaseRecord) error {
	r.UpdatedBy, r.UpdatedAt = string(r.TargetApp), now()
	if err := save(tx, before, r); err != nil || r.isTested() {
		return err
	}
	failed := 0
	for _, result := range r.Compatibility.Results {
		if result.Status == alipayplus.CompatibilityFailed {
			failed++
		}
	}
	w := auditWriter{p: p, tx: tx, workspace: r.Workspace, who: r.UpdatedBy, at: r.UpdatedAt, source: source{operation: contract.ReleaseTest.Name}}
	return w.add("release", r.ID, state(&before.Release), state(&r.Release), fmt.Sprintf("compatibility test %d %s: problems on %d of %s",
		r.Compatibility.Run, r.Compatibility.Status, failed, devices(len(r.Compatibility.Results))))
}

// testAtTarget is an effect at a target app that the handler has found to be a [TargetTester].
func testAtTarget(target TargetBackend, ctx context.Context, about TargetCall) error { //nolint:revive // the other effects are method expressions
	return target.(TargetTester).TestCompatibility(ctx, about) //nolint:forcetypeassert,errcheck // the handler has asked
}
