package platform_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// phones are what the partner app of these tests tests on.
func phones() []alipayplus.TestDevice {
	return []alipayplus.TestDevice{
		{System: "Android 16", Network: "5G", Device: "Pixel 9"},
		{System: "Android 16", Network: "WIFI", Device: "Pixel 9"},
		{System: "iOS 26", Network: "5G", Device: "iPhone 17"},
	}
}

// oldTea is a version that does not work on iOS.
const oldTea = "1.0.0"

// testedApp is a partner app that tests on phones, an hour on each.
func testedApp() *platform.PartnerApp {
	return platform.NewPartnerApp(partner, platform.PartnerAppOptions{
		TestDevices: phones(), TestTime: time.Hour,
		Test: func(release *alipayplus.Release, on alipayplus.TestDevice) string {
			if release.Version.String() == oldTea && on.System == "iOS 26" && len(release.Configuration.ServerDomains) == 0 {
				return "the first page stays white"
			}
			return ""
		},
	})
}

// bothApps lets the platform release to AlipayCN and to a partner app.
func bothApps() platform.Option {
	return platform.WithTargetBackends(platform.NewSimulatedAlipayCN(), testedApp())
}

func (w *fixture) test(release string, systems ...string) (*alipayplus.Release, error) {
	w.Helper()
	return w.owner.Releases.TestCompatibility(w.Context(), alipayplus.TestCompatibilityInput{ReleaseID: release, Systems: systems})
}

// TestCompatibilityTesting is the step of "Release to target app", sentence by sentence.
func TestCompatibilityTesting(t *testing.T) {
	sentence(t, "Test Compatibility (OS, network, devices), then View Report.", func(w *fixture) {
		r := w.releaseTo(partner, w.program().ID, oldTea)
		require.Nil(w, r.Compatibility)

		began := time.Now()
		r, err := w.test(r.ID)
		require.NoError(w, err)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, r.Status, "the configuration is still editable")
		require.Equal(w, alipayplus.CompatibilityTesting, r.Compatibility.Status)
		require.Len(w, r.Compatibility.Results, 3)
		require.Equal(w, r, w.read(r.ID))

		time.Sleep(61 * time.Minute)
		r = w.read(r.ID)
		require.Equal(w, alipayplus.CompatibilityPassed, r.Compatibility.Results[0].Status, "each result is there as soon as it is known")
		require.Equal(w, alipayplus.CompatibilityTesting, r.Compatibility.Status)

		r, err = w.owner.Releases.WaitTested(w.Context(), r.ID, alipayplus.ReleaseWait{})
		failed, is := errors.AsType[*alipayplus.CompatibilityError](err)
		require.True(w, is, err)
		require.ErrorContains(w, err, "failed the compatibility test on iPhone 17, iOS 26, 5G (the first page stays white); correct it and test it (again) with Releases.TestCompatibility")
		require.Equal(w, r.Compatibility, failed.Report)
		finished := r.Compatibility.FinishedAt
		require.WithinRange(w, finished, began.Add(3*time.Hour), began.Add(4*time.Hour))
		want := &alipayplus.CompatibilityReport{
			Run: 1, Status: alipayplus.CompatibilityFailed, StartedBy: "olga", StartedAt: began.UTC(), FinishedAt: finished,
			Results: []alipayplus.CompatibilityResult{
				{TestDevice: phones()[0], Status: alipayplus.CompatibilityPassed},
				{TestDevice: phones()[1], Status: alipayplus.CompatibilityPassed},
				{TestDevice: phones()[2], Status: alipayplus.CompatibilityFailed, Problem: "the first page stays white"},
			},
		}
		require.Equal(w, want, r.Compatibility)

		events := gather(w, w.owner.Releases.AllHistory(w.Context(), alipayplus.ListHistoryInput{ReleaseID: r.ID}))
		require.Len(w, events, 3)
		require.Equal(w, []string{"olga", "compatibility test 1 on 3 devices"}, []string{events[1].By, events[1].Note})
		require.Equal(w, []string{string(partner), "compatibility test 1 FAILED: problems on 1 of 3 devices"}, []string{events[2].By, events[2].Note})
	}, bothApps())

	sentence(t, "You may adjust and retest.", func(w *fixture) {
		r := w.releaseTo(partner, w.program().ID, oldTea)
		r, err := w.test(r.ID, "iOS 26")
		require.NoError(w, err)
		r, err = w.owner.Releases.WaitTested(w.Context(), r.ID, alipayplus.ReleaseWait{})
		require.Error(w, err)

		r, err = w.owner.Releases.UpdateConfiguration(w.Context(), alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID, Configuration: teaDomains()})
		require.NoError(w, err)
		require.True(w, r.Compatibility.Outdated, "the report is of another configuration")
		r, err = w.test(r.ID)
		require.NoError(w, err)
		require.Equal(w, 2, r.Compatibility.Run)
		require.False(w, r.Compatibility.Outdated)
		r, err = w.owner.Releases.WaitTested(w.Context(), r.ID, alipayplus.ReleaseWait{})
		require.NoError(w, err)
		require.NoError(w, r.CheckCompatibility())

		r, err = w.owner.Releases.UpdateConfiguration(w.Context(), alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID})
		require.NoError(w, err)
		require.ErrorContains(w, r.CheckCompatibility(), "another configuration")
		require.Equal(w, alipayplus.CompatibilityPassed, r.Compatibility.Status, "and can still be viewed")
	}, bothApps())

	sentence(t, "Or apply directly.", func(w *fixture) {
		program := w.program().ID
		r := w.apply(w.releaseTo(partner, program, oldTea).ID)
		require.Nil(w, r.Compatibility)
		require.ErrorContains(w, r.CheckCompatibility(), "has no compatibility report")
		_, err := w.owner.Releases.WaitTested(w.Context(), r.ID, alipayplus.ReleaseWait{})
		require.ErrorIs(w, err, alipayplus.ErrConflict, "nothing is waited for that nobody began")
		_, err = w.test(r.ID)
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "it can be tested only in NEW_VERSION_CREATED")
	}, bothApps())

	sentence(t, "The request goes to Alipay+ and the partner app.", func(w *fixture) {
		r := w.releaseTo(partner, w.program().ID, "1.1.0")
		r, err := w.test(r.ID)
		require.NoError(w, err)
		r = w.apply(r.ID)
		require.Equal(w, []alipayplus.Party{alipayplus.PartyAlipayPlus, alipayplus.Party(partner)}, []alipayplus.Party{r.Reviews[0].Party, r.Reviews[1].Party})
		r, err = w.owner.Releases.WaitTested(w.Context(), r.ID, alipayplus.ReleaseWait{})
		require.NoError(w, err, "a test that is under way goes on")
		require.Equal(w, alipayplus.ReleaseUnderReview, r.Status)
		w.approve()
		r, err = w.owner.Releases.StartGrayscale(w.Context(), w.read(r.ID).GrayscaleTo(1))
		require.NoError(w, err)
		require.Equal(w, alipayplus.ReleaseGrayscale, r.Status)
	}, bothApps())
}

func TestACompatibilityTestThatCannotBegin(t *testing.T) {
	for name, tt := range map[string]struct {
		to   alipayplus.TargetApp
		in   alipayplus.TestCompatibilityInput
		want []string
	}{
		"at an app without": {cn, alipayplus.TestCompatibilityInput{}, []string{"ALIPAY_CN has no compatibility test; apply for the release without"}},
		"on what is not offered": {partner, alipayplus.TestCompatibilityInput{Systems: []string{"iOS 26", "Symbian"}, Networks: []string{"2G"}}, []string{
			`systems[1] is "Symbian", which the target app does not offer`, `networks[0] is "2G"`,
		}},
		"on a device that there is not": {partner, alipayplus.TestCompatibilityInput{Systems: []string{"iOS 26"}, Devices: []string{"Pixel 9"}}, []string{"name no device"}},
	} {
		sentence(t, name, func(w *fixture) {
			r := w.releaseTo(tt.to, w.authorizedProgram().ID, "1.1.0")
			tt.in.ReleaseID = r.ID
			_, err := w.owner.Releases.TestCompatibility(w.Context(), tt.in)
			for _, want := range tt.want {
				require.ErrorContains(w, err, want)
			}
			require.Equal(w, r, w.read(r.ID))

			ws, err := w.owner.Workspace.Get(w.Context())
			require.NoError(w, err)
			if tt.in.Target = ws.Target(tt.to); len(tt.in.Target.TestDevices) > 0 {
				require.ErrorIs(w, tt.in.Validate(), alipayplus.ErrInvalid, "and it need not be sent")
			}
		}, bothApps())
	}
	sentence(t, "while another one is under way", func(w *fixture) {
		r := w.releaseTo(partner, w.program().ID, "1.1.0")
		first, err := w.test(r.ID)
		require.NoError(w, err)
		_, err = w.test(r.ID)
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "is being tested; wait for the report (Releases.WaitTested), or apply without")
		require.Equal(w, first, w.read(r.ID))
	}, bothApps())
}

// testingApp is a partner app that says what the test wants.
type testingApp struct {
	*platform.PartnerApp

	runs    []int
	begin   func() error
	results func() ([]alipayplus.CompatibilityResult, error)
}

func (a *testingApp) TestCompatibility(_ context.Context, call platform.TargetCall) error {
	a.runs = append(a.runs, call.Release.Compatibility.Run)
	if a.begin == nil {
		return nil
	}
	return a.begin()
}

func (a *testingApp) CompatibilityResults(context.Context, platform.TargetCall) ([]alipayplus.CompatibilityResult, error) {
	return a.results()
}

// A test whose beginning has no known outcome is begun again as the same run, whose results
// count once.
func TestACompatibilityTestIsOneRunHoweverOftenItIsBegun(t *testing.T) {
	app := &testingApp{PartnerApp: testedApp()}
	withFixture(t, func(w *fixture) {
		r := w.releaseTo(partner, w.program().ID, "1.1.0")
		app.begin = func() error { return errDown }
		once := w.as("olga", alipayplus.WithRetry(1, 0, 0))
		_, err := once.Releases.TestCompatibility(w.Context(), alipayplus.TestCompatibilityInput{ReleaseID: r.ID})
		require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
		require.Nil(w, w.read(r.ID).Compatibility)
		app.begin = nil
		r, err = w.test(r.ID)
		require.NoError(w, err)
		require.Equal(w, []int{1, 1}, app.runs)
		require.Equal(w, 1, r.Compatibility.Run)
	}, platform.WithTargetBackends(app))
}

// What an app says about a test is taken over as far as it is about that test.
func TestWhatBecomesOfAReport(t *testing.T) {
	const passed, failed, running = alipayplus.CompatibilityPassed, alipayplus.CompatibilityFailed, alipayplus.CompatibilityTesting
	all := func(status alipayplus.CompatibilityStatus, problem string) []alipayplus.CompatibilityResult {
		var results []alipayplus.CompatibilityResult
		for _, d := range phones() {
			results = append(results, alipayplus.CompatibilityResult{TestDevice: d, Status: status, Problem: problem})
		}
		return results
	}
	for name, tt := range map[string]struct {
		results []alipayplus.CompatibilityResult
		err     error
		want    alipayplus.CompatibilityStatus
		problem string
	}{
		"all passed":                      {all(passed, ""), nil, passed, ""},
		"a problem of one that passed":    {all(passed, "none really"), nil, passed, ""},
		"a problem of several lines":      {all(failed, "white\npage \u202eno\xff"), nil, failed, "white page"},
		"a long problem":                  {all(failed, strings.Repeat("x", 5000)), nil, failed, "xxx..."},
		"a failure without a word":        {all(failed, ""), nil, failed, "does not say what it found"},
		"a status that there is not":      {all("MAYBE", ""), nil, running, ""},
		"nothing":                         {nil, nil, running, ""},
		"a device that was not asked for": {append(all(passed, "")[:2], alipayplus.CompatibilityResult{Status: passed}), nil, running, ""},
		"no answer":                       {nil, errDown, running, ""},
		"the test is lost":                {all(passed, "")[:1], fmt.Errorf("%w: restarted", alipayplus.ErrNotFound), failed, "LAKE_WALLET knows nothing of the test any more"},
	} {
		app := &testingApp{PartnerApp: testedApp()}
		sentence(t, name, func(w *fixture) {
			r := w.releaseTo(partner, w.program().ID, "1.1.0")
			r, err := w.test(r.ID)
			require.NoError(w, err)
			app.results = func() ([]alipayplus.CompatibilityResult, error) { return tt.results, tt.err }
			time.Sleep(time.Hour)
			got := w.read(r.ID)
			require.Equal(w, tt.want, got.Compatibility.Status)
			require.Len(w, got.Compatibility.Results, len(phones()))
			last := got.Compatibility.Results[2]
			require.Contains(w, last.Problem, tt.problem)
			require.NotContains(w, last.Problem, "\n")
			require.LessOrEqual(w, len(last.Problem), 500)
			require.Equal(w, tt.want == running, got.Compatibility.FinishedAt.IsZero())
			require.Equal(w, got, w.read(r.ID))

			app.results = func() ([]alipayplus.CompatibilityResult, error) { return all(failed, "late"), nil }
			time.Sleep(time.Hour)
			if later := w.read(r.ID); tt.want != running {
				require.Equal(w, got, later, "what is over is over")
			} else {
				require.Equal(w, failed, later.Compatibility.Status)
			}
		}, platform.WithTargetBackends(app))
	}
}

// Results that were read for one run are none of the next, and another process on the store
// reads them as well.
func TestResultsAreOfTheirRun(t *testing.T) {
	app := &testingApp{PartnerApp: testedApp()}
	withFixture(t, func(w *fixture) {
		r := w.releaseTo(partner, w.program().ID, "1.1.0")
		_, err := w.test(r.ID)
		require.NoError(w, err)
		results := []alipayplus.CompatibilityResult{
			{TestDevice: phones()[0], Status: alipayplus.CompatibilityFailed, Problem: "of run 1"},
			{TestDevice: phones()[1], Status: alipayplus.CompatibilityPassed},
			{TestDevice: phones()[2], Status: alipayplus.CompatibilityPassed},
		}
		slow := false
		app.results = func() ([]alipayplus.CompatibilityResult, error) {
			if slow {
				return results, nil
			}
			slow = true // while it answers, the run is over and the next one begins
			w.read(r.ID)
			_, err := w.test(r.ID)
			require.NoError(w, err)
			return results, nil
		}
		require.Equal(w, 2, w.read(r.ID).Compatibility.Run)
		require.Equal(w, alipayplus.CompatibilityTesting, w.read(r.ID).Compatibility.Status)
		time.Sleep(time.Hour)
		require.Equal(w, alipayplus.CompatibilityFailed, w.read(r.ID).Compatibility.Status)
	}, platform.WithTargetBackends(app))
}
