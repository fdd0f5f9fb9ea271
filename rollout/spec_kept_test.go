package rollout_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// A runner carries out the spec that it was given, whatever its caller makes of it for the
// next one.
func TestARunnersSpecIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		most := 0.5
		s.spec.Gates["errors"] = rollout.GateSpec{HTTP: &rollout.HTTPGate{URL: "https://metrics.example", Field: "rate", Bound: rollout.Bound{Max: &most}}}
		hash := s.spec.Hash()
		r := s.runner()
		s.spec.Steps[0] = rollout.StepSpec{Ratio: 100}
		s.spec.Steps[1].Gates[0] = "latency"
		s.spec.Gates["latency"] = rollout.GateSpec{}
		s.spec.Gates["errors"].HTTP.URL = "https://elsewhere.example"
		most = 1

		state, err := r.Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, []alipayplus.Ratio{10, 50, 100}, s.fake.Ratios())
		require.Equal(t, hash, state.Spec.Hash())
	})
}

// What is not limited in Go is stored, and read by the next process.
func TestTheLongestDurationIsStoredAndRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.spec.Deadline, s.spec.ReviewDeadline = math.MaxInt64, math.MaxInt64-1
		s.runUntil(time.Minute)
		require.Equal(t, rollout.Duration(math.MaxInt64), s.state().Spec.Deadline)
		s.requireDone(s.runner().Run(t.Context()))
	})
	for _, text := range []string{"106751d23h47m16.854775808s", "106751d24h", "106752d", "106751.999d"} {
		_, err := rollout.ParseDuration(text)
		require.Error(t, err, text)
	}
}

func TestAWaitStatusThatIsTheDefaultIsTheSameSpec(t *testing.T) {
	spec, without := hourly(), hourly()
	args := []string{"./smoke-test"}
	without.Gates["errors"] = rollout.GateSpec{Command: &rollout.CommandGate{Args: args}}
	spec.Gates["errors"] = rollout.GateSpec{Command: &rollout.CommandGate{Args: args, WaitStatus: 75}}
	require.Equal(t, without.Hash(), spec.Hash())
	require.Zero(t, without.Gates["errors"].Command.WaitStatus, "asking for the hash fills nothing in")
	spec.Gates["errors"].Command.WaitStatus = 3
	require.NotEqual(t, without.Hash(), spec.Hash())
}
