package rollouttest

import (
	"context"
	"errors"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func failurePromises() []promise[TargetHarness] {
	return []promise[TargetHarness]{
		{"an ended context ends every method, without an effect", theContextIsHeeded},
		{"a failure that may pass is told as one", aPassingFailureIsTold},
		{"a change whose answer got lost can be repeated", aLostAnswerCanBeAskedAgain},
	}
}

func theContextIsHeeded(ctx context.Context, t require.TestingT, h TargetHarness) {
	over, cancel := context.WithCancel(ctx)
	cancel()
	r := ratios(ctx, t, h)
	unchanged := func(what string, call func(rollout.Change) error) {
		before := observe(ctx, t, h)
		require.ErrorIs(t, call(rollout.Change{RequestID: request(what + " too late"), From: before.Ratio, To: r[0]}), context.Canceled, what)
		after := observe(ctx, t, h)
		require.Equal(t, before.Status, after.Status, what)
		require.Equal(t, before.Application, after.Application, what)
		require.Equal(t, before.Ratio, after.Ratio, what)
	}
	unchanged("observe", func(rollout.Change) error {
		_, err := h.Target.Observe(over)
		return err
	})
	unchanged("apply", func(c rollout.Change) error { return h.Target.Apply(over, c) })
	underReview(ctx, t, h)
	if w, ok := h.Target.(rollout.Withdrawer); ok {
		unchanged("withdraw", func(c rollout.Change) error { return w.Withdraw(over, c) })
	}
	h.Approve()
	unchanged("raise", func(c rollout.Change) error { return h.Target.Raise(over, c) })
	unchanged("publish", func(c rollout.Change) error { return h.Target.Publish(over, c) })
	unchanged("abort", func(c rollout.Change) error {
		_, err := h.Target.Abort(over, c)
		return err
	})
}

// aPassingFailureIsTold asks a runner, whose judgment it is that counts.
func aPassingFailureIsTold(ctx context.Context, t require.TestingT, h TargetHarness) {
	if h.Break == nil {
		return
	}
	runner := finalRunner(t, h)
	h.Break()
	next, err := runner.Step(ctx)
	require.NoError(t, err, "a runner must try again later")
	require.False(t, next.Over)
	require.Equal(t, alipayplus.ReleaseNewVersionCreated, observe(ctx, t, h).Status)
	_, err = runner.Step(ctx)
	require.NoError(t, err)
	require.Equal(t, alipayplus.ReleaseUnderReview, observe(ctx, t, h).Status)
}

func aLostAnswerCanBeAskedAgain(ctx context.Context, t require.TestingT, h TargetHarness) {
	if h.Lose == nil {
		return
	}
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	c := rollout.Change{RequestID: request("lost"), To: r[0]}
	h.Lose()
	err := h.Target.Raise(ctx, c)
	if err != nil && !errors.Is(err, alipayplus.ErrConflict) {
		requireRepeated(t, h.Target.Raise(ctx, c), "Raise, repeated after its answer got lost,")
	}
	requireLive(ctx, t, h, r[0], "after a Raise whose answer got lost")

	c = rollout.Change{RequestID: request("lost too"), From: r[0], To: r[1]}
	h.Lose()
	_ = h.Target.Raise(ctx, c) // it may have asked again by itself
	requireLive(ctx, t, h, r[1], "after a Raise whose answer got lost")
	runner := finalRunner(t, h)
	_, err = runner.Step(ctx)
	require.NoError(t, err, "a runner must go on after a lost answer")
	requireFull(ctx, t, h)
}

func requireFull(ctx context.Context, t require.TestingT, h TargetHarness) {
	o := observe(ctx, t, h)
	require.Equal(t, alipayplus.ReleaseFull, o.Status, "after Publish, Observe must tell this status")
	require.Equal(t, alipayplus.FullRatio, o.Ratio, "after Publish, Observe must tell this ratio")
}

// finalRunner releases to all users as soon as it can.
func finalRunner(t require.TestingT, h TargetHarness) *rollout.Runner {
	spec := rollout.Spec{Version: rollout.SpecVersion, Steps: []rollout.StepSpec{{Ratio: alipayplus.FullRatio}}}
	runner, err := rollout.New(h.Target, spec, rollout.NewMemoryStore(), rollout.WithHost("here"))
	require.NoError(t, err)
	return runner
}
