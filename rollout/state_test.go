package rollout_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

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

func TestAStoredStateThatCannotBeUsedIsNeverAFreshStart(t *testing.T) {
	t.Parallel()
	replaced := func(old, by string) func(*stage) {
		return func(s *stage) {
			s.replace(func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(by), 1) })
		}
	}
	for name, tt := range map[string]struct {
		edit func(*stage)
		line string
	}{
		"a changed byte": {replaced(`"ratio":10`, `"ratio":11`), "it is damaged or was changed by hand: its checksum does not fit"},
		"cut off":        {func(s *stage) { s.replace(func(b []byte) []byte { return b[:10] }) }, "it is damaged: unexpected end of JSON input"},
		"empty":          {func(s *stage) { s.replace(func([]byte) []byte { return []byte{} }) }, "it is damaged: unexpected end of JSON input"},
		"another file":   {func(s *stage) { s.replace(func([]byte) []byte { return []byte(`{"name":"x"}`) }) }, "it is damaged: it has no schema version"},
		"newer": {
			replaced(`"schema":1`, `"schema":2`),
			"it has schema version 2, made by a newer version of the library; this one reads up to 1; use the newer version",
		},
		"of another rollout": {func(s *stage) { s.rewrite(func(state map[string]any) { state["rollout"] = "release 7" }) }, "it is of the rollout release 7"},
		"not a state": {
			func(s *stage) { s.rewrite(func(state map[string]any) { state["ratio"] = "ten" }) },
			"it is damaged: json: cannot unmarshal string into Go struct field State.ratio of type alipayplus.Ratio",
		},
	} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			s.runUntil(90 * time.Minute)
			tt.edit(s)
			calls := s.fake.Calls(rollouttest.OpAny)

			_, run := s.runner().Run(t.Context())
			_, step := s.runner().Step(t.Context())
			_, status := s.runner().Status(t.Context())
			_, pause := s.runner().Pause(t.Context(), "lin", "")

			for _, err := range []error{run, step, status, pause} {
				line := tt.line
				if name != "newer" {
					line += "; restore it from a copy, or remove it to begin from what is live"
				}
				require.EqualError(t, err, "rollout release 1: the stored state cannot be used: "+line)
				var checkpoint *rollout.CheckpointError
				require.ErrorAs(t, err, &checkpoint)
			}
			require.Equal(t, calls, s.fake.Calls(rollouttest.OpAny))
		})
	}
}

// Of all states that cannot be used, the error says whose it is, as far as it can be read.
func TestAStateThatCannotBeUsedIsNamedAmongAll(t *testing.T) {
	for edit, line := range map[string]string{`"ratio":11`: "rollout release 1: ", `"ratio":`: "rollout of an unknown name: "} {
		runOnStage(t, edit, plain(), func(t *testing.T, s *stage) {
			s.runUntil(90 * time.Minute)
			s.replace(func(b []byte) []byte { return bytes.Replace(b, []byte(`"ratio":10`), []byte(edit), 1) })
			n := 0
			for state, err := range rollout.ReadStates(t.Context(), s.store.(rollout.Lister)) {
				require.Nil(t, state)
				require.ErrorAs(t, err, new(*rollout.CheckpointError))
				require.ErrorContains(t, err, line+"the stored state cannot be used: it is damaged")
				n++
			}
			require.Equal(t, 1, n)
		})
	}
}

func TestTheStateOfAnotherTargetIsRefused(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.runUntil(90*time.Minute, rollout.WithName("tea"))
		other := s.runnerOf(rollouttest.NewFake("release 2", alipayplus.DefaultLadder()), s.store, rollout.WithName("tea"))
		_, err := other.Run(t.Context())
		require.EqualError(t, err, "rollout tea: the stored state is of release 1, not of release 2; give the rollout another name (WithName)")
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.Equal(t, "tea", other.Name())
	})
}
