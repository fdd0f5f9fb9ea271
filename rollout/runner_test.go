package rollout_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestWhoIsStoppedBeforeTheFirstStepIsPendingToo(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		over, cancel := context.WithCancel(t.Context())
		cancel()
		_, run := s.runner().Run(over)
		_, step := s.runner().Step(over)
		for _, err := range []error{run, step} {
			require.ErrorIs(t, err, rollout.ErrPending)
			require.ErrorIs(t, err, context.Canceled)
			require.EqualError(t, err, "rollout release 1 is still pending: nothing was done yet; run it again to go on")
		}
		require.Zero(t, s.fake.Calls(rollouttest.OpAny))
		s.requireNotBegun()
	})
}

func TestAPendingErrorSaysWhatComesNext(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		state, err := s.runner().Run(deadline(t, 90*time.Minute))
		require.ErrorIs(t, err, rollout.ErrPending)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Regexp(t, `^rollout release 1 is still pending: watching 10% until 2000-01-01T02:\d\d:\d\dZ, next at 2000-01-01T01:3\d:\d\dZ; run it again to go on$`, err.Error())
		var pending *rollout.PendingError
		require.ErrorAs(t, err, &pending)
		require.False(t, pending.Next.Over)
		require.Equal(t, rollout.Running, state.Status)
		require.Equal(t, 90*time.Minute, time.Since(s.began))
		s.requireStored(state)

		over, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, errOf(s.runner().Step(over)), context.Canceled)
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestAPendingErrorDuringAnObservationSaysWhatWasWaitedFor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		given func(*stage)
		line  string
	}{
		"after a wait": {func(*stage) {}, `under review: ALIPAY_PLUS pending, ALIPAY_CN pending, next at 2000-01-01T00:\d\d:\d\dZ`},
		"after a failure": {
			func(s *stage) { s.fake.FailNext(rollouttest.OpObserve, 1, unavailable()) },
			`trying again after a failure: alipayplus: releases.get: .*, next at 2000-01-01T00:00:0\dZ`,
		},
	} {
		runOnStage(t, name, hourly(), func(t *testing.T, s *stage) {
			tt.given(s)
			ctx, cancel := context.WithCancel(t.Context())
			s.fake.Before(func(context.Context, rollouttest.Call) error {
				if len(s.emitted(rollout.EventWaiting, rollout.EventRetrying)) == 0 {
					return nil
				}
				cancel()
				return ctx.Err()
			})
			_, err := s.runner().Run(ctx)
			require.ErrorIs(t, err, rollout.ErrPending)
			require.Regexp(t, "^rollout release 1 is still pending: "+tt.line+"; run it again to go on$", err.Error())
			var pending *rollout.PendingError
			require.ErrorAs(t, err, &pending)
			require.NotNil(t, pending.Next.State)
		})
	}
}

// heedless is a target that answers though nobody waits for it any more.
type heedless struct{ rollout.Target }

func (h heedless) Observe(ctx context.Context) (*rollout.Observation, error) {
	return h.Target.Observe(context.WithoutCancel(ctx))
}

func TestNothingIsBegunAfterTheEndOfTheContext(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(context.Context, *rollout.Runner) error{
		"run":  func(ctx context.Context, r *rollout.Runner) error { _, err := r.Run(ctx); return err },
		"step": func(ctx context.Context, r *rollout.Runner) error { _, err := r.Step(ctx); return err },
	} {
		runOnStage(t, name, plain(), func(t *testing.T, s *stage) {
			for i := range s.spec.Steps {
				s.spec.Steps[i].Bake = 0
			}
			s.fake.ApproveAfter(0)
			ctx, cancel := context.WithCancel(t.Context())
			s.between(rollouttest.OpRaise, cancel)
			require.ErrorIs(t, run(ctx, s.runnerOf(heedless{s.fake}, s.store)), rollout.ErrPending)
			require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
			require.Equal(t, alipayplus.Ratio(10), s.state().Ratio)
		})
	}
}

func TestStepsAtIntervalsClimbAsARunDoes(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		var last *rollout.Next
		for steps := 0; ; steps++ {
			require.Less(t, steps, 500)
			before := time.Now()
			next := s.step()
			require.Equal(t, before, time.Now(), "a step does not wait")
			if last = next; next.Over {
				break
			}
			require.True(t, next.At.After(before))
			require.NotEmpty(t, next.What)
			time.Sleep(time.Until(next.At))
		}
		require.Equal(t, "all users have the version", last.What)
		s.requireDone(last.State, nil)
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "RAISED 10-50", "RAISED 50-100", "DONE 100-100"}, s.audit())
		require.True(t, s.step().Over)
	})
}

func TestAStepThatComesTooEarlyDoesNoHarm(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		for range 4 * 60 {
			s.step()
			time.Sleep(time.Minute)
		}
		s.requireDone(s.runner().Run(t.Context()))
		require.GreaterOrEqual(t, liveFor(s.fake)[10], time.Hour)
		require.GreaterOrEqual(t, liveFor(s.fake)[50], time.Hour)
	})
}

func TestAnotherSpecIsRefusedUnlessAskedFor(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
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
		require.ErrorIs(t, errOf(s.runner(rollout.WithNewSpec()).Run(t.Context())), rollout.ErrPaused)
		s.resume()

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
	inVirtualTime(t, func(t *testing.T) {
		spec := hourly()
		spec.Steps[1].Approval = true
		s := newStage(t, spec)
		s.runUntil(6 * time.Hour)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
		s.spec = hourly()
		s.gate = failing(10, new(bool))
		require.ErrorIs(t, errOf(s.runner(rollout.WithNewSpec()).Run(t.Context())), rollout.ErrGateFailed)
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

func TestTheSameSpecInAnotherFormIsTheSame(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.runUntil(90 * time.Minute)
		parsed, err := rollout.ParseSpec([]byte("version: 1\nsteps: [{ratio: 10, bake: 1h}, {bake: 60m, ratio: 50}, {ratio: 100}]"))
		require.NoError(t, err)
		s.spec = *parsed
		s.requireDone(s.runner().Run(t.Context()))
	})
}

func TestARunnerIsRefusedWhatItCannotDo(t *testing.T) {
	t.Parallel()
	fake, store := rollouttest.NewFake("release 1", alipayplus.DefaultLadder()), rollout.NewMemoryStore()
	pass := func(context.Context, rollout.Step) (rollout.Verdict, error) { return rollout.Passed(""), nil }
	with := func(g rollout.GateSpec) rollout.Spec {
		spec := hourly()
		spec.Gates["errors"] = g
		return spec
	}
	noAddress := func(string, rollout.GateSpec) (rollout.Gate, error) { return nil, errors.New("no address") }
	smokeTest := &rollout.CommandGate{Args: []string{"./smoke-test"}}
	metrics := &rollout.PrometheusGate{Address: "https://prometheus.example", Query: "up", Bound: rollout.Bound{Min: new(1.0)}}
	for name, tt := range map[string]struct {
		target rollout.Target
		spec   rollout.Spec
		store  rollout.Store
		opts   []rollout.Option
		line   string
	}{
		"no target":          {nil, plain(), store, nil, "rollout: a target is needed: invalid input"},
		"no store":           {fake, plain(), nil, nil, "rollout: a store is needed: invalid input"},
		"no interval":        {fake, plain(), store, []rollout.Option{rollout.WithInterval(0)}, "rollout: the interval and the call timeout must be above 0: invalid input"},
		"no time for a call": {fake, plain(), store, []rollout.Option{rollout.WithCallTimeout(0)}, "rollout: the interval and the call timeout must be above 0: invalid input"},
		"no steps":           {fake, rollout.Spec{Version: 1}, store, nil, "rollout spec: 1 field not valid: steps must have at least 1 entry"},
		"a gate that nobody makes": {
			fake, hourly(), store, nil,
			"rollout: gate errors says nothing but its name; give it by WithGate, or say http, command or compatibility in the spec: invalid input",
		},
		"a gate that the spec does not have": {
			fake, plain(), store,
			[]rollout.Option{rollout.WithGate("latency", pass)},
			"rollout: gate latency is given in Go, but the spec has none of that name: invalid input",
		},
		"a gate that is there twice": {
			fake, with(rollout.GateSpec{Command: smokeTest}), store,
			[]rollout.Option{rollout.WithGate("errors", pass)},
			"rollout: gate errors is given in Go, and the spec says what it asks; take one of them away: invalid input",
		},
		"a gate that another module makes": {
			fake, with(rollout.GateSpec{Prometheus: metrics}), store, nil,
			"rollout: gate errors asks Prometheus; give WithGates the maker of the module rollout/prometheus: invalid input",
		},
		"a maker that fails": {fake, hourly(), store, []rollout.Option{rollout.WithGates(noAddress)}, "rollout: gate errors: no address"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := rollout.New(tt.target, tt.spec, tt.store, tt.opts...)
			require.Nil(t, r)
			require.EqualError(t, err, tt.line)
			if name != "a maker that fails" {
				require.ErrorIs(t, err, alipayplus.ErrInvalid)
			}
		})
	}
}

func TestMakersMakeGates(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
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

// BenchmarkAStepOfARolloutThatWaits is what each reading of a release costs.
func BenchmarkAStepOfARolloutThatWaits(b *testing.B) {
	fake := rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
	r, err := rollout.New(fake, plain(), rollout.NewMemoryStore())
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, err := r.Step(b.Context())
		require.NoError(b, err)
	}
}
