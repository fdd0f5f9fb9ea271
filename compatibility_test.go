package alipayplus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

const (
	underTest = alipayplus.CompatibilityTesting
	passed    = alipayplus.CompatibilityPassed
	failed    = alipayplus.CompatibilityFailed
)

func TestWhatResultsComeToTogether(t *testing.T) {
	for want, all := range map[alipayplus.CompatibilityStatus][][]alipayplus.CompatibilityStatus{
		underTest: {{underTest}, {passed, underTest}, {failed, underTest}, {"", passed}, {"LATER", failed}},
		passed:    {{passed}, {passed, passed}},
		failed:    {{}, {failed}, {passed, failed}, {failed, passed}},
	} {
		require.True(t, want.Known())
		for _, statuses := range all {
			var results []alipayplus.CompatibilityResult
			for _, s := range statuses {
				results = append(results, alipayplus.CompatibilityResult{Status: s})
			}
			require.Equal(t, want, alipayplus.CompatibilityOutcome(results), "%v", statuses)
		}
	}
	require.False(t, alipayplus.CompatibilityStatus("LATER").Known())
}

func TestCheckCompatibility(t *testing.T) {
	result := func(device, problem string) alipayplus.CompatibilityResult {
		r := alipayplus.CompatibilityResult{TestDevice: alipayplus.TestDevice{System: "iOS 26", Network: "5G", Device: device}, Status: failed, Problem: problem}
		if problem == "" {
			r.Status = passed
		}
		return r
	}
	for name, tt := range map[string]struct {
		report *alipayplus.CompatibilityReport
		want   string
	}{
		"passed":          {&alipayplus.CompatibilityReport{Status: passed}, ""},
		"never tested":    {nil, "release rel_1 has no compatibility report; test it (again) with Releases.TestCompatibility"},
		"under way":       {&alipayplus.CompatibilityReport{Status: underTest}, "release rel_1 is being tested for compatibility; wait for the report with Releases.WaitTested"},
		"passed before":   {&alipayplus.CompatibilityReport{Status: passed, Outdated: true}, "release rel_1 has a compatibility report of another configuration; test it (again) with Releases.TestCompatibility"},
		"of a later kind": {&alipayplus.CompatibilityReport{Status: "SKIPPED"}, "release rel_1 has a compatibility report with status SKIPPED, which this library does not know; test it (again) with Releases.TestCompatibility"},
		"failed": {
			&alipayplus.CompatibilityReport{Status: failed, Outdated: true, Results: []alipayplus.CompatibilityResult{
				result("a", "white page"), result("b", ""), result("c", "slow"), result("d", "x"), result("e", "y"), result("f", "z"),
			}},
			"release rel_1 failed the compatibility test on a, iOS 26, 5G (white page), c, iOS 26, 5G (slow), d, iOS 26, 5G (x), and 2 more; " +
				"correct it and test it (again) with Releases.TestCompatibility",
		},
	} {
		r := &alipayplus.Release{ID: "rel_1", Compatibility: tt.report}
		if tt.want == "" {
			require.NoError(t, r.CheckCompatibility(), name)
			continue
		}
		require.EqualError(t, r.CheckCompatibility(), tt.want, name)
		require.ErrorIs(t, r.CheckCompatibility(), alipayplus.ErrConflict, name)
	}
}

func TestWhichDevicesAreChosen(t *testing.T) {
	pixel5G := alipayplus.TestDevice{System: "Android 16", Network: "5G", Device: "Pixel 9"}
	pixelWifi := alipayplus.TestDevice{System: "Android 16", Network: "WIFI", Device: "Pixel 9"}
	iPhone := alipayplus.TestDevice{System: "iOS 26", Network: "5G", Device: "iPhone 17"}
	offered := []alipayplus.TestDevice{pixel5G, pixelWifi, iPhone}
	for name, tt := range map[string]struct {
		in   alipayplus.TestCompatibilityInput
		want []alipayplus.TestDevice
		text string
	}{
		"all":                   {alipayplus.TestCompatibilityInput{}, offered, ""},
		"of a system":           {alipayplus.TestCompatibilityInput{Systems: []string{"Android 16"}}, offered[:2], ""},
		"in each list":          {alipayplus.TestCompatibilityInput{Systems: []string{"iOS 26", "Android 16"}, Networks: []string{"5G"}}, []alipayplus.TestDevice{pixel5G, iPhone}, ""},
		"that are not together": {alipayplus.TestCompatibilityInput{Devices: []string{"iPhone 17"}, Networks: []string{"WIFI"}}, nil, "devices name no device of the target app together with systems and networks"},
		"not offered": {
			alipayplus.TestCompatibilityInput{Devices: []string{"iPhone 17", "3310"}, Networks: []string{"GPRS"}},
			nil,
			`networks[0] is "GPRS", which the target app does not offer; see Workspace.Get; devices[1] is "3310"`,
		},
	} {
		got, err := tt.in.Choose(offered)
		if tt.text != "" {
			require.ErrorIs(t, err, alipayplus.ErrInvalid, name)
			require.ErrorContains(t, err, tt.text, name)
		} else {
			require.NoError(t, err, name)
			require.Equal(t, tt.want, got, name)
		}
		tt.in.ReleaseID, tt.in.Target = "rel_1", &alipayplus.TargetAppInfo{TestDevices: offered}
		require.Equal(t, tt.text == "", tt.in.Validate() == nil, name)
	}
	require.Len(t, offered, 3)
	require.Equal(t, []alipayplus.TestDevice{pixel5G, pixelWifi, iPhone}, offered, "which stay as they are")
}

func TestWaitTested(t *testing.T) {
	tested := func(status alipayplus.CompatibilityStatus, results string) reply {
		return has(fmt.Sprintf(`{"id":"rel_1","status":"NEW_VERSION_CREATED","compatibility":{"run":1,"status":%q,"results":[%s]}}`, status, results))
	}
	const one, two = `{"status":"PASSED"},{"status":"TESTING"}`, `{"status":"PASSED"},{"system":"iOS 26","network":"5G","device":"iPhone 17","status":"FAILED","problem":"white page"}`
	for _, c := range []waitCase{
		{name: "passed", replies: []reply{tested(underTest, one), tested(passed, "")}, state: "PASSED"},
		{name: "passed already", replies: []reply{tested(passed, "")}, state: "PASSED"},
		{name: "failed", replies: []reply{tested(underTest, one), tested(failed, two)}, state: "FAILED", is: alipayplus.ErrConflict, text: "failed the compatibility test on iPhone 17, iOS 26, 5G (white page)"},
		{name: "never tested", replies: []reply{has(`{"id":"rel_1"}`)}, is: alipayplus.ErrConflict, text: "has no compatibility report"},
		{name: "no such release", replies: []reply{refuses(200, alipayplus.CodeNotFound)}, is: alipayplus.ErrNotFound, text: "last state none"},
	} {
		c.check(t, func(ctx context.Context, client *alipayplus.Client) waited {
			r, err := client.Releases.WaitTested(ctx, "rel_1", alipayplus.ReleaseWait{Interval: time.Minute})
			if r == nil || r.Compatibility == nil {
				return waited{"", err}
			}
			return waited{string(r.Compatibility.Status), err}
		})
	}
}
