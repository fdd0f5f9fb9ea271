package rollout_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Whatever is given as a spec is refused as not valid, or is a spec that ends with all users, keeps its meaning when it is
// written as JSON, and can be planned by.
func FuzzParseSpec(f *testing.F) {
	sample, err := os.ReadFile("../examples/ci/release.yaml")
	require.NoError(f, err)
	f.Add(sample)
	f.Add([]byte(`{"version":1,"steps":[{"ratio":10,"bake":"1d12h","gates":["a"]},{"ratio":100,"approval":true}],"gates":{"a":{"every":"1m"}}}`))
	f.Add([]byte("version: 1\nsteps: &a\n  - {ratio: 100}\n<<: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := rollout.ParseSpec(data)
		if err != nil {
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.Equal(t, alipayplus.FullRatio, spec.Steps[len(spec.Steps)-1].Ratio)
		again, err := json.Marshal(spec)
		require.NoError(t, err)
		same, err := rollout.ParseSpec(again)
		require.NoError(t, err, "%s", again)
		require.Equal(t, spec.Hash(), same.Hash())
		plan, err := rollout.MakePlan("release 1", *spec, &rollout.Observation{Status: alipayplus.ReleaseNewVersionCreated})
		require.NoError(t, err)
		require.False(t, plan.Blocked())
	})
}

// A checkpoint that is not as it was stored is an error, never a fresh start.
func FuzzCheckpoint(f *testing.F) {
	store := rollout.NewMemoryStore()
	lease, err := store.Acquire(f.Context(), "release 1", "test")
	require.NoError(f, err)
	f.Add([]byte(`{"schema":1,"sha256":"","state":{}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return // nothing is stored
		}
		require.NoError(t, lease.Save(t.Context(), data, nil))
		runner, err := rollout.New(&untouched{}, plain(), store)
		require.NoError(t, err)
		state, err := runner.Status(t.Context())
		require.ErrorAs(t, err, new(*rollout.CheckpointError))
		require.Nil(t, state)
		require.NotContains(t, err.Error(), "\n")
	})
}

// untouched is a target of which nothing but the id is asked.
type untouched struct{ rollout.Target }

func (*untouched) ID() string { return "release 1" }
