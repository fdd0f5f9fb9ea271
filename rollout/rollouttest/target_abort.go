package rollouttest

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func abortPromises() []promise[TargetHarness] {
	return []promise[TargetHarness]{
		{"a new version is given up", aNewVersionIsGivenUp},
		{"a version under review is given up", aVersionUnderReviewIsGivenUp},
		{"a version in preparation is given up", aPreparedVersionIsGivenUp},
		{"a version that some users have is given up", aLiveVersionIsGivenUp},
		{"a version that all users have cannot be given up", aFullReleaseIsNotGivenUp},
	}
}

func aNewVersionIsGivenUp(ctx context.Context, t require.TestingT, h TargetHarness) {
	abort(ctx, t, h)
}

func aVersionUnderReviewIsGivenUp(ctx context.Context, t require.TestingT, h TargetHarness) {
	underReview(ctx, t, h)
	abort(ctx, t, h)
}

func aPreparedVersionIsGivenUp(ctx context.Context, t require.TestingT, h TargetHarness) {
	prepared(ctx, t, h)
	abort(ctx, t, h)
}

func aLiveVersionIsGivenUp(ctx context.Context, t require.TestingT, h TargetHarness) {
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	raise(ctx, t, h, 0, r[0])
	abort(ctx, t, h)
	requireFinal(t, h.Target.Raise(ctx, rollout.Change{RequestID: request("after the end"), From: r[0], To: r[1]}), "after an abort, Raise")
	requireFinal(t, h.Target.Publish(ctx, rollout.Change{RequestID: request("publish"), From: r[0], To: alipayplus.FullRatio}), "after an abort, Publish")
}

// abort gives the version up, and checks that it is on its way no more.
func abort(ctx context.Context, t require.TestingT, h TargetHarness) {
	from := observe(ctx, t, h).Ratio
	c := rollout.Change{RequestID: request("abort"), From: from}
	aftermath, err := h.Target.Abort(ctx, c)
	require.NoError(t, err, "a version that not all users have can be aborted")
	requireOneLine(t, aftermath)
	gone := func() {
		switch o := observe(ctx, t, h); o.Status {
		case alipayplus.ReleaseUnderReview, alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale, alipayplus.ReleaseFull:
			require.Fail(t, "after an abort, the version must be on its way no more", "Observe tells %s at %v", o.Status, o.Ratio)
		}
	}
	gone()
	_, err = h.Target.Abort(ctx, c)
	requireRepeated(t, err, "a repeated Abort")
	gone()
}

func aFullReleaseIsNotGivenUp(ctx context.Context, t require.TestingT, h TargetHarness) {
	prepared(ctx, t, h)
	require.NoError(t, h.Target.Publish(ctx, rollout.Change{RequestID: request("publish"), To: alipayplus.FullRatio}))
	_, err := h.Target.Abort(ctx, rollout.Change{RequestID: request("abort"), From: alipayplus.FullRatio})
	requireConflict(t, err, "when all users have the version, Abort")
	require.Equal(t, alipayplus.ReleaseFull, observe(ctx, t, h).Status, "after a refused Abort")
}
