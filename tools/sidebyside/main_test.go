package main

import (
	"errors"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a call allocates more than its floor is limited. Allocations are the same on every machine; times are for the command.
func TestACallCostsLittleMoreThanItsFloor(t *testing.T) {
	if info, ok := debug.ReadBuildInfo(); ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" || s.Key == "GOEXPERIMENT" }) {
		t.Skip("the race detector empties pools at random, and the floor decodes by encoding/json, which an experiment changes")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties the pools, which are filled again by allocations
	all := &rows{dir: t.TempDir()}
	defer all.close()
	require.NoError(t, errors.Join(all.callsOfPlatform(t.Context()), all.callsOfAlipayCN(t.Context())))
	for _, r := range all.each {
		t.Run(r.name, func(t *testing.T) {
			floor, subject, err := r.allocations(t.Context())
			require.NoError(t, err)
			t.Logf("%.0f allocations, floor %.0f", subject, floor)
			require.LessOrEqual(t, subject, floor+r.most)
		})
	}
}

// A row compares the subject with the floor of the same round, and the noise is the floor's own.
func TestRatios(t *testing.T) {
	r := &row{rounds: []round{
		{floor: cost{cpu: 10}, subject: cost{cpu: 15}, again: cost{cpu: 10}},
		{floor: cost{cpu: 20}, subject: cost{cpu: 40}, again: cost{cpu: 30}},
		{floor: cost{cpu: 10}, subject: cost{cpu: 30}, again: cost{cpu: 10}},
	}}
	require.Equal(t, ratios{min: 1.5, median: 1.6, noise: 0}, r.cpu())
}
