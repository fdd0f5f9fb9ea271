package rollouttest

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func readingCases() []contractCase[TargetHarness] {
	return []contractCase[TargetHarness]{
		{"the id is there and stays", theIDStays},
		{"a new version is no one's, applied for by no one", aNewVersionIsNew},
		{"reading changes nothing", readingChangesNothing},
		{"reading together is reading", readingTogetherIsReading},
	}
}

func reviewCases() []contractCase[TargetHarness] {
	return []contractCase[TargetHarness]{
		{"an application is under review and has a name", anApplicationIsUnderReview},
		{"an application is made once", anApplicationIsMadeOnce},
		{"when all have approved, a ratio can be set", approvalLeadsToPreparation},
		{"a rejection is reported with its reason", aRejectionIsReported},
		{"another application has another name and verdicts of its own", anotherApplicationHasAnotherName},
		{"an application can be withdrawn", anApplicationCanBeWithdrawn},
		{"nothing can be withdrawn but what is under review", nothingElseCanBeWithdrawn},
	}
}

func theIDStays(ctx context.Context, t require.TestingT, h TargetHarness) {
	id := h.Target.ID()
	require.NotEmpty(t, id)
	underReview(ctx, t, h)
	require.Equal(t, id, h.Target.ID())
}

func aNewVersionIsNew(ctx context.Context, t require.TestingT, h TargetHarness) {
	o := observe(ctx, t, h)
	require.Equal(t, alipayplus.ReleaseNewVersionCreated, o.Status)
	require.Zero(t, o.Ratio, "of a new version, no ratio may be live")
	require.Empty(t, o.Application)
	require.Empty(t, o.Reviews)
	require.Nil(t, o.Blocker)
}

func readingChangesNothing(ctx context.Context, t require.TestingT, h TargetHarness) {
	same := func() {
		first := observe(ctx, t, h)
		first.Reviews = append(first.Reviews, alipayplus.Review{Party: "READER"}) // the caller's own
		first = observe(ctx, t, h)
		require.Equal(t, first, observe(ctx, t, h))
	}
	same()
	underReview(ctx, t, h)
	same()
	h.Approve()
	same()
	raise(ctx, t, h, 0, ratios(ctx, t, h)[0])
	same()
}

func readingTogetherIsReading(ctx context.Context, t require.TestingT, h TargetHarness) {
	b, ok := h.Target.(rollout.Batched)
	if !ok {
		return
	}
	batch := b.Batch()
	require.Equal(t, batch, b.Batch(), "the batch of a target is equal to itself")
	together := func() {
		for _, n := range []int{0, 1, 5} {
			targets := make([]rollout.Target, n)
			for i := range targets {
				targets[i] = h.Target
			}
			all := batch.ObserveAll(ctx, targets, atOnce)
			require.Len(t, all, n)
			for _, one := range all {
				require.NoError(t, one.Err)
				require.Equal(t, observe(ctx, t, h), one.Observation)
			}
		}
	}
	together()
	underReview(ctx, t, h)
	together()
	h.Approve()
	together()
	raise(ctx, t, h, 0, ratios(ctx, t, h)[0])
	together()
	over, cancel := context.WithCancel(ctx)
	cancel()
	for _, one := range batch.ObserveAll(over, []rollout.Target{h.Target}, atOnce) {
		require.ErrorIs(t, one.Err, context.Canceled)
		require.Nil(t, one.Observation)
	}
}

// atOnce is the limiter of a call that nothing limits.
func atOnce(ctx context.Context) error { return ctx.Err() }

func anApplicationIsUnderReview(ctx context.Context, t require.TestingT, h TargetHarness) {
	o := underReview(ctx, t, h)
	require.NotEmpty(t, o.Application)
	require.Zero(t, o.Ratio, "under review, no ratio may be live")
	for _, r := range o.Reviews {
		require.NotEqual(t, alipayplus.ReviewApproved, r.Status)
		require.NotEqual(t, alipayplus.ReviewRejected, r.Status)
	}
}

func anApplicationIsMadeOnce(ctx context.Context, t require.TestingT, h TargetHarness) {
	c := change("apply", 0, 0)
	require.NoError(t, h.Target.Apply(ctx, c))
	o := observe(ctx, t, h)
	require.Equal(t, alipayplus.ReleaseUnderReview, o.Status)
	requireRepeated(t, h.Target.Apply(ctx, c), "a repeated Apply")
	require.Equal(t, o.Application, observe(ctx, t, h).Application)
	requireConflict(t, h.Target.Apply(ctx, change("again", 0, 0)), "under review, another Apply")
	require.Equal(t, o.Application, observe(ctx, t, h).Application)
	h.Approve()
	requireRepeated(t, h.Target.Apply(ctx, c), "an Apply that is repeated after the approval")
	requireConflict(t, h.Target.Apply(ctx, change("after all", 0, 0)), "after the approval, another Apply")
	require.Equal(t, alipayplus.ReleasePreparation, observe(ctx, t, h).Status)
}

func approvalLeadsToPreparation(ctx context.Context, t require.TestingT, h TargetHarness) {
	application := underReview(ctx, t, h).Application
	h.Approve()
	o := observe(ctx, t, h)
	require.Equal(t, alipayplus.ReleasePreparation, o.Status)
	require.Zero(t, o.Ratio, "in preparation, no ratio may be live")
	require.Equal(t, application, o.Application, "the application keeps its name after the verdict")
	require.Nil(t, o.Blocker)
}

func aRejectionIsReported(ctx context.Context, t require.TestingT, h TargetHarness) {
	application := underReview(ctx, t, h).Application
	h.Reject("the icon is too small")
	o := observe(ctx, t, h)
	require.Equal(t, alipayplus.ReleaseNewVersionCreated, o.Status)
	require.Equal(t, application, o.Application, "the application keeps its name after the verdict")
	var reasons []string
	for _, r := range o.Reviews {
		if r.Status == alipayplus.ReviewRejected {
			reasons = append(reasons, r.Reason)
		}
	}
	require.Equal(t, []string{"the icon is too small"}, reasons)
	require.Equal(t, o, observe(ctx, t, h))
}

func anotherApplicationHasAnotherName(ctx context.Context, t require.TestingT, h TargetHarness) {
	first := underReview(ctx, t, h).Application
	h.Reject("the icon is too small")
	require.NoError(t, h.Target.Apply(ctx, change("second", 0, 0)))
	o := observe(ctx, t, h)
	require.Equal(t, alipayplus.ReleaseUnderReview, o.Status)
	require.NotEmpty(t, o.Application)
	require.NotEqual(t, first, o.Application)
	for _, r := range o.Reviews {
		require.NotEqual(t, alipayplus.ReviewRejected, r.Status)
		require.Empty(t, r.Reason)
	}
	h.Approve()
	require.Equal(t, alipayplus.ReleasePreparation, observe(ctx, t, h).Status)
}

func anApplicationCanBeWithdrawn(ctx context.Context, t require.TestingT, h TargetHarness) {
	w, ok := h.Target.(rollout.Withdrawer)
	if !ok {
		return
	}
	first := underReview(ctx, t, h).Application
	c := change("withdraw", 0, 0)
	require.NoError(t, w.Withdraw(ctx, c))
	require.Equal(t, alipayplus.ReleaseNewVersionCreated, observe(ctx, t, h).Status)
	requireRepeated(t, w.Withdraw(ctx, c), "a repeated Withdraw")
	require.NoError(t, h.Target.Apply(ctx, change("second", 0, 0)))
	requireRepeated(t, w.Withdraw(ctx, c), "a Withdraw that is repeated after another Apply")
	o := observe(ctx, t, h)
	require.Equal(t, alipayplus.ReleaseUnderReview, o.Status, "a repeated withdrawal takes back nothing else")
	require.NotEqual(t, first, o.Application)
}

func nothingElseCanBeWithdrawn(ctx context.Context, t require.TestingT, h TargetHarness) {
	w, ok := h.Target.(rollout.Withdrawer)
	if !ok {
		return
	}
	refused := func(when string) {
		before := observe(ctx, t, h)
		requireConflict(t, w.Withdraw(ctx, change(when, 0, 0)), "of a version that is %s, Withdraw", when)
		require.Equal(t, before.Status, observe(ctx, t, h).Status)
	}
	refused("new")
	underReview(ctx, t, h)
	h.Approve()
	refused("prepared")
	raise(ctx, t, h, 0, ratios(ctx, t, h)[0])
	refused("live")
}
