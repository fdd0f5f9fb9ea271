package rollouttest

import (
	"context"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func ladderPromises() []promise[TargetHarness] {
	return []promise[TargetHarness]{
		{"a ratio goes live, one after another", aRatioGoesLive},
		{"a repeated raise has no second effect", aRaiseIsMadeOnce},
		{"a ratio is not set before all have approved", noRatioBeforeApproval},
		{"who believes another ratio live raises nothing", noRaiseOnStaleKnowledge},
		{"a ratio never falls", aRatioNeverFalls},
		{"a ratio that is not offered is refused", noRatioOffTheLadder},
		{"from a ratio to all users", fromARatioToAll},
		{"to all users at once", toAllAtOnce},
		{"who believes another ratio live publishes nothing", noPublishOnStaleKnowledge},
		{"what others raised is seen, and guards against stale knowledge", whatOthersRaisedIsSeen},
		{"of many who raise at once, one does", oneRaisesOfMany},
	}
}

func aRatioGoesLive(ctx context.Context, t require.TestingT, h TargetHarness) {
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	application := observe(ctx, t, h).Application
	raise(ctx, t, h, 0, r[0])
	raise(ctx, t, h, r[0], r[1])
	raise(ctx, t, h, r[1], r[2])
	require.Equal(t, application, observe(ctx, t, h).Application)
}

func aRaiseIsMadeOnce(ctx context.Context, t require.TestingT, h TargetHarness) {
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	first := rollout.Change{RequestID: request("raise"), To: r[0]}
	require.NoError(t, h.Target.Raise(ctx, first))
	requireRepeated(t, h.Target.Raise(ctx, first), "a repeated Raise")
	requireLive(ctx, t, h, r[0], "after a repeated Raise")
	raise(ctx, t, h, r[0], r[1])
	requireRepeated(t, h.Target.Raise(ctx, first), "a repetition of a former Raise")
	requireLive(ctx, t, h, r[1], "after a repetition of a former Raise")
}

func noRatioBeforeApproval(ctx context.Context, t require.TestingT, h TargetHarness) {
	r := ratios(ctx, t, h)
	refused := func(status alipayplus.ReleaseStatus) {
		requireConflict(t, h.Target.Raise(ctx, rollout.Change{RequestID: request("raise " + string(status)), To: r[0]}), "in %s, Raise", status)
		requireConflict(t, h.Target.Publish(ctx, rollout.Change{RequestID: request("publish " + string(status)), To: alipayplus.FullRatio}), "in %s, Publish", status)
		o := observe(ctx, t, h)
		require.Equal(t, status, o.Status, "after a refused Raise and Publish")
		require.Zero(t, o.Ratio, "after a refused Raise and Publish, no ratio may be live")
	}
	refused(alipayplus.ReleaseNewVersionCreated)
	underReview(ctx, t, h)
	refused(alipayplus.ReleaseUnderReview)
}

func noRaiseOnStaleKnowledge(ctx context.Context, t require.TestingT, h TargetHarness) {
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	requireConflict(t, h.Target.Raise(ctx, rollout.Change{RequestID: request("too far"), From: r[0], To: r[1]}), "while no ratio is live, Raise from %v", r[0])
	require.Zero(t, observe(ctx, t, h).Ratio, "after a refused Raise, no ratio may be live")
	raise(ctx, t, h, 0, r[0])
	requireConflict(t, h.Target.Raise(ctx, rollout.Change{RequestID: request("not far enough"), From: 0, To: r[1]}), "while %v is live, Raise from 0%%", r[0])
	requireConflict(t, h.Target.Raise(ctx, rollout.Change{RequestID: request("too far still"), From: r[1], To: r[2]}), "while %v is live, Raise from %v", r[0], r[1])
	requireLive(ctx, t, h, r[0], "after a refused Raise")
}

func aRatioNeverFalls(ctx context.Context, t require.TestingT, h TargetHarness) {
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	raise(ctx, t, h, 0, r[1])
	for name, c := range map[string]rollout.Change{
		"lower":                {From: r[1], To: r[0]},
		"lower, and stale too": {From: 0, To: r[0]},
		"the same":             {From: r[1], To: r[1]},
		"nothing":              {From: r[1], To: 0},
	} {
		c.RequestID = request(name)
		requireFinal(t, h.Target.Raise(ctx, c), "while %v is live, Raise to %v (%s)", r[1], c.To, name)
		requireLive(ctx, t, h, r[1], "after a refused Raise to %v", c.To)
	}
}

func noRatioOffTheLadder(ctx context.Context, t require.TestingT, h TargetHarness) {
	prepared(ctx, t, h)
	ladder := observe(ctx, t, h).Ladder
	for _, ratio := range []alipayplus.Ratio{-1, 0, 2, 33, 99, 101} {
		if ladder.IsZero() && ratio > 0 && ratio <= alipayplus.FullRatio || ladder.Contains(ratio) {
			continue
		}
		requireFinal(t, h.Target.Raise(ctx, rollout.Change{RequestID: request(ratio), To: ratio}), "Raise to %v, which is not on the ladder,", ratio)
		o := observe(ctx, t, h)
		require.Equal(t, alipayplus.ReleasePreparation, o.Status, "after a refused Raise to %v", ratio)
		require.Zero(t, o.Ratio, "after a refused Raise to %v, no ratio may be live", ratio)
	}
}

func fromARatioToAll(ctx context.Context, t require.TestingT, h TargetHarness) {
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	raise(ctx, t, h, 0, r[0])
	publish(ctx, t, h, r[0])
}

func toAllAtOnce(ctx context.Context, t require.TestingT, h TargetHarness) {
	prepared(ctx, t, h)
	publish(ctx, t, h, 0)
}

// publish releases to all users, and checks that nothing leads further.
func publish(ctx context.Context, t require.TestingT, h TargetHarness, from alipayplus.Ratio) {
	c := rollout.Change{RequestID: request("publish"), From: from, To: alipayplus.FullRatio}
	full := func() {
		o := observe(ctx, t, h)
		require.Equal(t, alipayplus.ReleaseFull, o.Status, "after Publish, Observe must tell this status")
		require.Equal(t, alipayplus.FullRatio, o.Ratio, "after Publish, Observe must tell this ratio")
	}
	require.NoError(t, h.Target.Publish(ctx, c), "Publish from %v", from)
	full()
	requireRepeated(t, h.Target.Publish(ctx, c), "a repeated Publish")
	full()
	c.RequestID = request("publish again")
	requireConflict(t, h.Target.Publish(ctx, c), "when all users have the version, another Publish")
	requireFinal(t, h.Target.Raise(ctx, rollout.Change{RequestID: request("down"), From: alipayplus.FullRatio, To: 50}), "when all users have the version, Raise to 50%%")
	requireConflict(t, h.Target.Apply(ctx, rollout.Change{RequestID: request("apply after all")}), "when all users have the version, Apply")
	full()
}

func noPublishOnStaleKnowledge(ctx context.Context, t require.TestingT, h TargetHarness) {
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	requireConflict(t, h.Target.Publish(ctx, rollout.Change{RequestID: request("too far"), From: r[0], To: alipayplus.FullRatio}), "while no ratio is live, Publish from %v", r[0])
	require.Equal(t, alipayplus.ReleasePreparation, observe(ctx, t, h).Status, "after a refused Publish")
	raise(ctx, t, h, 0, r[0])
	requireConflict(t, h.Target.Publish(ctx, rollout.Change{RequestID: request("not far enough"), From: 0, To: alipayplus.FullRatio}), "while %v is live, Publish from 0%%", r[0])
	requireConflict(t, h.Target.Publish(ctx, rollout.Change{RequestID: request("too far still"), From: r[1], To: alipayplus.FullRatio}), "while %v is live, Publish from %v", r[0], r[1])
	requireLive(ctx, t, h, r[0], "after a refused Publish")
}

func whatOthersRaisedIsSeen(ctx context.Context, t require.TestingT, h TargetHarness) {
	if h.Raise == nil {
		return
	}
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	h.Raise(r[0])
	requireLive(ctx, t, h, r[0], "after somebody else raised it")
	requireConflict(t, h.Target.Raise(ctx, rollout.Change{RequestID: request("from nothing"), To: r[2]}), "after somebody else raised it to %v, Raise from 0%%", r[0])
	h.Raise(r[1])
	requireLive(ctx, t, h, r[1], "after somebody else raised it")
	requireConflict(t, h.Target.Raise(ctx, rollout.Change{RequestID: request("from the first"), From: r[0], To: r[2]}), "after somebody else raised it to %v, Raise from %v", r[1], r[0])
	requireConflict(t, h.Target.Raise(ctx, rollout.Change{RequestID: request("to the same"), From: r[0], To: r[1]}), "after somebody else raised it to %v, Raise from %v to that", r[1], r[0])
	requireConflict(t, h.Target.Publish(ctx, rollout.Change{RequestID: request("publish"), From: r[0], To: alipayplus.FullRatio}), "after somebody else raised it to %v, Publish from %v", r[1], r[0])
	requireLive(ctx, t, h, r[1], "after a refused Raise and Publish")
	raise(ctx, t, h, r[1], r[2])
}

func oneRaisesOfMany(ctx context.Context, t require.TestingT, h TargetHarness) {
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	errs := make([]error, crowd)
	var done sync.WaitGroup
	for i := range errs {
		done.Go(func() {
			errs[i] = h.Target.Raise(ctx, rollout.Change{RequestID: request(i), To: r[i%2]})
		})
	}
	done.Wait()
	raised := 0
	for i, err := range errs {
		if err != nil {
			requireConflict(t, err, "while another Raise goes ahead, a Raise that fails")
			continue
		}
		raised++
		requireLive(ctx, t, h, r[i%2], "after many who raised at once")
	}
	require.Equal(t, 1, raised, "of many who raise at once from the same ratio, one may succeed")
}
