package rollout_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
)

const wallet alipayplus.TargetApp = "LAKE_WALLET"

// toWallet is a rollout to a partner app, by its own ladder, which asks for its compatibility report.
func toWallet() rollout.Spec {
	return rollout.Spec{
		Version: rollout.SpecVersion, Gates: map[string]rollout.GateSpec{"compatible": {Compatibility: &rollout.CompatibilityGate{}}},
		Steps: []rollout.StepSpec{{Ratio: 1, Bake: rollout.Duration(time.Minute), Gates: []string{"compatible"}}, {Ratio: 25}, {Ratio: 100}},
	}
}

// newWallet is a partner app that tests for an hour on one phone, and finds what problem says.
func newWallet(t *testing.T, problem *string) platform.Option {
	t.Helper()
	ladder, err := alipayplus.NewLadder(1, 25, 100)
	require.NoError(t, err)
	return platform.WithTargetBackends(platform.NewSimulatedAlipayCN(), platform.NewPartnerApp(wallet, platform.PartnerAppOptions{
		Ladder: ladder, TestTime: time.Hour,
		TestDevices: []alipayplus.TestDevice{{System: "Android 16", Network: "5G", Device: "Pixel 9"}},
		Test:        func(*alipayplus.Release, alipayplus.TestDevice) string { return *problem },
	}))
}

func TestARolloutToAPartnerAppWaitsForItsCompatibilityTest(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		problem := "the first page stays white"
		w := newFixture(t, approving(), newWallet(t, &problem))
		release := w.releaseTo(wallet, w.program(), "1.0.0")
		test := func() {
			_, err := w.owner.Releases.TestCompatibility(t.Context(), alipayplus.TestCompatibilityInput{ReleaseID: release.ID})
			require.NoError(t, err)
		}
		runner, err := rollout.New(rollout.ForRelease(w.owner, release.ID), toWallet(), rollout.NewMemoryStore())
		require.NoError(t, err)
		stopped := func(text string) {
			t.Helper()
			_, err := runner.Run(t.Context())
			require.ErrorIs(t, err, rollout.ErrGateFailed)
			require.ErrorContains(t, err, text)
			require.Equal(t, alipayplus.ReleaseNewVersionCreated, w.read(release.ID).Status, "nothing is applied for")
			_, err = runner.Resume(t.Context(), "lin", "looked into it")
			require.NoError(t, err)
		}

		planned := func(blocked bool, text string) {
			t.Helper()
			plan, err := runner.Plan(t.Context())
			require.NoError(t, err)
			require.Equal(t, blocked, plan.Blocked())
			require.Contains(t, plan.String(), text)
		}

		planned(true, "the target has no compatibility report")
		stopped("the target has no compatibility report; test the version first")
		test()
		planned(false, "is being tested for compatibility")
		stopped("the first page stays white")
		problem = ""
		test()
		state, err := runner.Run(t.Context())
		require.NoError(t, err, "it waits for the test")
		require.Equal(t, rollout.Done, state.Status)
		require.Equal(t, 2, w.read(release.ID).Compatibility.Run)
		require.Equal(t, []alipayplus.Ratio{1, 25, 100}, ratios(w.read(release.ID)))
	})
}

// A spec whose ratios the partner app does not offer stops before the application.
func TestARolloutToAPartnerAppTakesItsLadder(t *testing.T) {
	inVirtualTime(t, func(t *testing.T) {
		w := newFixture(t, approving(), newWallet(t, new(string)))
		release := w.releaseTo(wallet, w.program(), "1.0.0")
		spec := toWallet()
		spec.Gates, spec.Steps[0].Gates, spec.Steps[1].Ratio = nil, nil, 10
		runner, err := rollout.New(rollout.ForRelease(w.owner, release.ID), spec, rollout.NewMemoryStore())
		require.NoError(t, err)
		_, err = runner.Run(t.Context())
		require.ErrorContains(t, err, "steps[1].ratio is 10%, which the target does not offer; it offers 1%, 25%, 100%")
		require.Equal(t, alipayplus.ReleaseNewVersionCreated, w.read(release.ID).Status)
	})
}

// Whatever is no pass is none: a target that has no such test, and a version that was tested
// with another configuration.
func TestTheCompatibilityGateFailsClosed(t *testing.T) {
	for name, tt := range map[string]struct {
		observed *rollout.Verdict
		want     rollout.Decision
	}{
		"no report": {nil, rollout.Fail}, "passed": {new(rollout.Passed("3 devices")), rollout.Pass},
		"failed": {new(rollout.Failed("white page")), rollout.Fail}, "under way": {new(rollout.Waiting("1 of 3")), rollout.Wait},
	} {
		v, err := new(rollout.CompatibilityGate).Gate()(t.Context(), rollout.Step{Compatibility: tt.observed})
		require.NoError(t, err)
		require.Equal(t, tt.want, v.Decision, name)
	}
	inVirtualTime(t, func(t *testing.T) {
		w := newFixture(t, approving(), newWallet(t, new(string)))
		tested := w.releaseTo(wallet, w.program(), "1.0.0")
		_, err := w.owner.Releases.TestCompatibility(t.Context(), alipayplus.TestCompatibilityInput{ReleaseID: tested.ID})
		require.NoError(t, err)
		_, err = w.owner.Releases.UpdateConfiguration(t.Context(), alipayplus.UpdateReleaseConfigurationInput{
			ReleaseID: tested.ID, Configuration: alipayplus.Configuration{H5Domains: []string{"www.bluelake.example"}},
		})
		require.NoError(t, err)
		time.Sleep(2 * time.Hour)
		for release, want := range map[string]string{tested.ID: "another configuration", w.release(w.program(), "1.0.0").ID: "no compatibility report"} {
			runner, err := rollout.New(rollout.ForRelease(w.owner, release), toWallet(), rollout.NewMemoryStore())
			require.NoError(t, err)
			checks, err := runner.CheckGates(t.Context())
			require.NoError(t, err)
			require.Equal(t, rollout.Fail, checks[0].Verdict.Decision)
			require.Contains(t, checks[0].Verdict.Reason, want)
		}
	})
}
