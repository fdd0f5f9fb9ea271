package rollout_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAnotherSpecIsRefusedUnlessAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		s.runUntil(90 * time.Minute)
		stored := s.spec.Hash()
		s.spec = plain()
		s.spec.Steps[1] = rollout.StepSpec{Ratio: 30, Bake: rollout.Duration(2 * time.Hour)}

		_, err := s.runner().Run(t.Context())
		require.EqualError(t, err, "rollout release 1: the spec is another than the stored one ("+s.spec.Hash()+", stored "+stored+"); take the stored one, or go on by the new one (WithNewSpec)")
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		receipt, err := s.runner().Pause(t.Context(), "lin", "")
		require.NoError(t, err, "an order needs no spec")
		require.True(t, receipt.Handled)
		require.Equal(t, stored, receipt.State.Spec.Hash())
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		_, err = s.store.Acquire(t.Context(), "release 1", "test")
		require.NoError(t, err, "the lease was given back")
		time.Sleep(time.Minute)
		_, err = s.runner(rollout.WithNewSpec()).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrPaused)
		_, err = s.runner().Resume(t.Context(), "lin", "")
		require.NoError(t, err)

		state, err := s.runner(rollout.WithNewSpec()).Run(t.Context())

		require.NoError(t, err)
		require.Equal(t, []alipayplus.Ratio{10, 30, 100}, s.fake.Ratios())
		require.Equal(t, s.spec.Hash(), state.Spec.Hash())
		require.GreaterOrEqual(t, liveFor(s.fake)[30], 2*time.Hour)
		require.Equal(t, []string{
			"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "PAUSED 10-10", "REPLANNED 10-10", "RESUMED 10-10", "RAISED 10-30", "RAISED 30-100", "DONE 100-100",
		}, s.audit())
	})
}

func TestANewSpecAsksTheLiveStepsGatesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spec := hourly()
		spec.Steps[1].Approval = true
		s := newStage(t, spec)
		s.runUntil(6 * time.Hour)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		s.spec = hourly()
		s.gate = failing(10, new(bool))
		_, err := s.runner(rollout.WithNewSpec()).Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrGateFailed)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

func TestTheSameSpecInAnotherFormIsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.runUntil(90 * time.Minute)
		parsed, err := rollout.ParseSpec([]byte("version: 1\nsteps: [{ratio: 10, bake: 1h}, {bake: 60m, ratio: 50}, {ratio: 100}]"))
		require.NoError(t, err)
		s.spec = *parsed
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestAPlanIsFollowedOnlyWhileItIsTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		plan, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		require.Empty(t, s.fake.Effects())

		// A plan that went through JSON is the same plan.
		data, err := json.Marshal(plan)
		require.NoError(t, err)
		read := new(rollout.Plan)
		require.NoError(t, json.Unmarshal(data, read))

		// Pat applies meanwhile.
		require.NoError(t, s.fake.ApplyAs("pat"))
		effects := len(s.fake.Effects())
		_, err = s.runner().RunPlan(t.Context(), read)
		require.ErrorIs(t, err, rollout.ErrStalePlan)
		require.EqualError(t, err, "rollout release 1: the plan is out of date: it was made when the target was NEW_VERSION_CREATED at 0%, which is now UNDER_REVIEW at 0%, or by another spec; make a new plan")
		require.Len(t, s.fake.Effects(), effects)
		status, err := s.runner().Status(t.Context())
		require.NoError(t, err)
		require.Nil(t, status, "nothing began")
		require.NoError(t, s.fake.WithdrawAs("pat"))

		plan, err = s.runner().Plan(t.Context())
		require.NoError(t, err)
		s.spec.Steps[0].Bake = rollout.Duration(time.Minute)
		_, err = s.runner().RunPlan(t.Context(), plan)
		require.ErrorIs(t, err, rollout.ErrStalePlan)
		s.spec = plain()
		s.requireDone(s.runner().RunPlan(t.Context(), plan))
	})
}

func TestAStoredStateThatCannotBeUsedIsNeverAFreshStart(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*testing.T, *stage)
		line string
	}{
		"a changed byte": {
			func(_ *testing.T, s *stage) {
				s.replace(func(b []byte) []byte { return bytes.Replace(b, []byte(`"ratio":10`), []byte(`"ratio":11`), 1) })
			},
			"it is damaged or was changed by hand: its checksum does not fit",
		},
		"cut off": {
			func(_ *testing.T, s *stage) { s.replace(func(b []byte) []byte { return b[:10] }) },
			"it is damaged: unexpected end of JSON input",
		},
		"empty": {
			func(_ *testing.T, s *stage) { s.replace(func([]byte) []byte { return []byte{} }) },
			"it is damaged: unexpected end of JSON input",
		},
		"another file": {
			func(_ *testing.T, s *stage) { s.replace(func([]byte) []byte { return []byte(`{"name":"x"}`) }) },
			"it is damaged: it has no form",
		},
		"newer": {
			func(_ *testing.T, s *stage) {
				s.replace(func(b []byte) []byte { return bytes.Replace(b, []byte(`"schema":1`), []byte(`"schema":2`), 1) })
			},
			"it is of form 2, made by a newer version of the library; this one reads up to 1; use the newer version",
		},
		"of another rollout": {
			func(_ *testing.T, s *stage) {
				s.rewrite(func(state map[string]any) { state["rollout"] = "release 7" })
			},
			"it is of the rollout release 7",
		},
		"not a state": {
			func(_ *testing.T, s *stage) { s.rewrite(func(state map[string]any) { state["ratio"] = "ten" }) },
			"it is damaged: json: cannot unmarshal string into Go struct field State.ratio of type alipayplus.Ratio",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, plain())
				s.runUntil(90 * time.Minute)
				tt.edit(t, s)
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
		})
	}
}

func TestTheStateOfAnotherTargetIsForeign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.runUntil(90*time.Minute, rollout.WithName("tea"))
		other := s.runnerOf(rollouttest.NewFake("release 2", alipayplus.DefaultLadder()), s.store, rollout.WithName("tea"))
		_, err := other.Run(t.Context())
		require.EqualError(t, err, "rollout tea: the stored state is of release 1, not of release 2; give the rollout another name (WithName)")
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.Equal(t, "tea", other.Name())
	})
}

func TestARunnerIsRefusedWhatItCannotDo(t *testing.T) {
	fake, store := rollouttest.NewFake("release 1", alipayplus.DefaultLadder()), rollout.NewMemoryStore()
	pass := func(context.Context, rollout.Step) (rollout.Verdict, error) { return rollout.Passed(""), nil }
	with := func(g rollout.GateSpec) rollout.Spec {
		spec := hourly()
		spec.Gates["errors"] = g
		return spec
	}
	for name, tt := range map[string]struct {
		make func() (*rollout.Runner, error)
		line string
	}{
		"no target": {
			func() (*rollout.Runner, error) { return rollout.New(nil, plain(), store) },
			"rollout: a target is needed: invalid input",
		},
		"no store": {
			func() (*rollout.Runner, error) { return rollout.New(fake, plain(), nil) },
			"rollout: a store is needed: invalid input",
		},
		"no interval": {
			func() (*rollout.Runner, error) { return rollout.New(fake, plain(), store, rollout.WithInterval(0)) },
			"rollout: the interval and the call timeout must be above 0: invalid input",
		},
		"no time for a call": {
			func() (*rollout.Runner, error) { return rollout.New(fake, plain(), store, rollout.WithCallTimeout(0)) },
			"rollout: the interval and the call timeout must be above 0: invalid input",
		},
		"no steps": {
			func() (*rollout.Runner, error) { return rollout.New(fake, rollout.Spec{Version: 1}, store) },
			"rollout spec: 1 field not valid: steps must have at least 1 entry",
		},
		"a gate that nobody makes": {
			func() (*rollout.Runner, error) { return rollout.New(fake, hourly(), store) },
			"rollout: gate errors says nothing but its name; give it by WithGate, or say http or command in the spec: invalid input",
		},
		"a gate that the spec does not have": {
			func() (*rollout.Runner, error) {
				return rollout.New(fake, plain(), store, rollout.WithGate("latency", pass))
			},
			"rollout: gate latency is given in Go, but the spec has none of that name: invalid input",
		},
		"a gate that is there twice": {
			func() (*rollout.Runner, error) {
				return rollout.New(fake, with(rollout.GateSpec{Command: &rollout.CommandGate{Args: []string{"./smoke-test"}}}), store, rollout.WithGate("errors", pass))
			},
			"rollout: gate errors is given in Go, and the spec says what it asks; take one of them away: invalid input",
		},
		"a gate that another module makes": {
			func() (*rollout.Runner, error) {
				return rollout.New(fake, with(rollout.GateSpec{Prometheus: &rollout.PrometheusGate{
					Address: "https://prometheus.example", Query: "up", Bound: rollout.Bound{Min: new(1.0)},
				}}), store)
			},
			"rollout: gate errors asks Prometheus; give WithGates the maker of the module rollout/prometheus: invalid input",
		},
		"a maker that fails": {
			func() (*rollout.Runner, error) {
				return rollout.New(fake, hourly(), store, rollout.WithGates(func(string, rollout.GateSpec) (rollout.Gate, error) {
					return nil, errors.New("no address")
				}))
			},
			"rollout: gate errors: no address",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := tt.make()
			require.Nil(t, r)
			require.EqualError(t, err, tt.line)
			if name != "a maker that fails" {
				require.ErrorIs(t, err, alipayplus.ErrInvalid)
			}
		})
	}
}

func TestMakersMakeGates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		asked := false
		none := func(string, rollout.GateSpec) (rollout.Gate, error) { return nil, nil }
		one := func(name string, _ rollout.GateSpec) (rollout.Gate, error) {
			require.Equal(t, "errors", name)
			return func(context.Context, rollout.Step) (rollout.Verdict, error) {
				asked = true
				return rollout.Passed("made"), nil
			}, nil
		}
		r, err := rollout.New(s.fake, s.spec, s.store, rollout.WithGates(none), rollout.WithGates(one))
		require.NoError(t, err)
		_, err = r.Run(t.Context())
		require.NoError(t, err)
		require.True(t, asked)
	})
}

func TestASinkThatFailsChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		var log bytes.Buffer
		broken := func(context.Context, rollout.Event) error { return errors.New("pipe closed") }
		s.requireDone(s.runner(rollout.WithSink(broken), rollout.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))).Run(t.Context()))
		require.Contains(t, log.String(), `level=WARN msg="a sink of rollout events failed" rollout="release 1" event=RAISED error="pipe closed"`)
		s = newStage(t, plain())
		s.requireDone(s.runner(rollout.WithSink(broken)).Run(t.Context()))
	})
}

func TestEventsTellAllAndInOneLineEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		s.gate = func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Verdict{Decision: rollout.Pass, Reason: "fine\x1b[31m\nred"}, nil
		}
		s.requireDone(s.runner().Run(t.Context()))
		kinds := make(map[rollout.EventKind]int)
		for _, e := range s.events {
			kinds[e.Kind]++
			require.Equal(t, rollout.EventSchema, e.Schema)
			require.Equal(t, "release 1", e.Rollout)
			require.Equal(t, "release 1", e.Target)
			require.Equal(t, []alipayplus.Ratio{10, 50, 100}, e.Steps)
			require.False(t, e.At.IsZero())
			require.False(t, strings.ContainsAny(e.What+e.Error, "\n\x1b"), "%q", e.What)
			require.NotEmpty(t, e.What, e.Kind)
			if e.Kind == rollout.EventGate {
				require.Equal(t, "errors", e.Gate)
				require.Equal(t, rollout.Pass, e.Verdict.Decision)
			}
			if e.Kind == rollout.EventRaised {
				require.Equal(t, e.To, e.Ratio)
				require.Less(t, e.From, e.To)
			}
		}
		require.Equal(t, 1, kinds[rollout.EventStarted])
		require.Equal(t, 3, kinds[rollout.EventRaised])
		require.Equal(t, 4, kinds[rollout.EventChanging])
		require.Equal(t, 1, kinds[rollout.EventDone])
		require.Equal(t, []string{"raised from 0% to 10%", "raised from 10% to 50%", "raised from 50% to 100%"}, s.told(rollout.EventRaised))
	})
}

func TestARunThatGoesOnSaysFromWhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, plain())
		s.runUntil(90 * time.Minute)
		s.requireDone(s.runner().Run(t.Context()))
		require.Equal(t, []string{"the rollout begins", "going on: RUNNING at 10%"}, s.told(rollout.EventStarted))
	})
}
