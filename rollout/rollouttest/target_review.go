package rollouttest

import (
	"context"
	"fmt"
	"strings"

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
	c := rollout.Change{RequestID: request("apply")}
	require.NoError(t, h.Target.Apply(ctx, c))
	o := observe(ctx, t, h)
	require.Equal(t, alipayplus.ReleaseUnderReview, o.Status)
	requireRepeated(t, h.Target.Apply(ctx, c), "a repeated Apply")
	require.Equal(t, o.Application, observe(ctx, t, h).Application)
	requireConflict(t, h.Target.Apply(ctx, rollout.Change{RequestID: request("again")}), "under review, another Apply")
	require.Equal(t, o.Application, observe(ctx, t, h).Application)
	h.Approve()
	requireRepeated(t, h.Target.Apply(ctx, c), "an Apply that is repeated after the approval")
	requireConflict(t, h.Target.Apply(ctx, rollout.Change{RequestID: request("after all")}), "after the approval, another Apply")
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
	require.NoError(t, h.Target.Apply(ctx, rollout.Change{RequestID: request("second")}))
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
	c := rollout.Change{RequestID: request("withdraw")}
	require.NoError(t, w.Withdraw(ctx, c))
	require.Equal(t, alipayplus.ReleaseNewVersionCreated, observe(ctx, t, h).Status)
	requireRepeated(t, w.Withdraw(ctx, c), "a repeated Withdraw")
	require.NoError(t, h.Target.Apply(ctx, rollout.Change{RequestID: request("second")}))
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
		requireConflict(t, w.Withdraw(ctx, rollout.Change{RequestID: request(when)}), "of a version that is %s, Withdraw", when)
		require.Equal(t, before.Status, observe(ctx, t, h).Status)
	}
	refused("new")
	underReview(ctx, t, h)
	h.Approve()
	refused("prepared")
	raise(ctx, t, h, 0, ratios(ctx, t, h)[0])
	refused("live")
}

// What follows is said by the cases above and in the other files.

func observe(ctx context.Context, t require.TestingT, h TargetHarness) *rollout.Observation {
	o, err := h.Target.Observe(ctx)
	require.NoError(t, err)
	require.NotNil(t, o)
	return o
}

func underReview(ctx context.Context, t require.TestingT, h TargetHarness) *rollout.Observation {
	require.NoError(t, h.Target.Apply(ctx, rollout.Change{RequestID: request("first")}))
	o := observe(ctx, t, h)
	require.Equal(t, alipayplus.ReleaseUnderReview, o.Status)
	return o
}

func prepared(ctx context.Context, t require.TestingT, h TargetHarness) {
	underReview(ctx, t, h)
	h.Approve()
	require.Equal(t, alipayplus.ReleasePreparation, observe(ctx, t, h).Status)
}

func raise(ctx context.Context, t require.TestingT, h TargetHarness, from, to alipayplus.Ratio) {
	require.NoError(t, h.Target.Raise(ctx, rollout.Change{RequestID: request(to), From: from, To: to}), "Raise from %v to %v", from, to)
	requireLive(ctx, t, h, to, "after Raise from %v", from)
}

// requireLive checks which ratio is live; when says after what.
func requireLive(ctx context.Context, t require.TestingT, h TargetHarness, ratio alipayplus.Ratio, when string, args ...any) {
	o := observe(ctx, t, h)
	when = fmt.Sprintf(when, args...)
	require.Equal(t, ratio, o.Ratio, "%s, Observe must report that %v is live", when, ratio)
	require.Equal(t, alipayplus.ReleaseGrayscale, o.Status, "%s, Observe must report that %v is live", when, ratio)
}

// ratios are three that may be set one after another.
func ratios(ctx context.Context, t require.TestingT, h TargetHarness) []alipayplus.Ratio {
	all := h.Ratios
	if all == nil {
		all = observe(ctx, t, h).Ladder.Ratios()
	}
	require.GreaterOrEqual(t, len(all), 3, "three ratios are needed to check")
	require.Less(t, all[2], alipayplus.FullRatio)
	return all[:3]
}

// request names a change.
func request(what any) string { return fmt.Sprintf("rollouttest-%v", what) }

// requireConflict checks that a call was refused because the target is not as the caller
// believes; call says which, and when.
func requireConflict(t require.TestingT, err error, call string, args ...any) {
	call = fmt.Sprintf(call, args...)
	require.Error(t, err, "%s must be refused", call)
	require.ErrorIs(t, err, alipayplus.ErrConflict, "%s must be refused by an error that matches alipayplus.ErrConflict", call)
	require.False(t, alipayplus.IsRetryable(err), "%s must be refused for good, but alipayplus.IsRetryable(%v)", call, err)
	requireOneLine(t, err.Error())
}

// requireRepeated checks the outcome of a change that was made before.
func requireRepeated(t require.TestingT, err error, call string) {
	if err != nil {
		requireConflict(t, err, "%s may succeed, or", call)
	}
}

// requireFinal checks that a call was refused for good; call says which, and when.
func requireFinal(t require.TestingT, err error, call string, args ...any) {
	call = fmt.Sprintf(call, args...)
	require.Error(t, err, "%s must be refused", call)
	require.False(t, alipayplus.IsRetryable(err), "%s must be refused for good, but alipayplus.IsRetryable(%v)", call, err)
	require.NotErrorIs(t, err, alipayplus.ErrOutcomeUnknown, "%s must be refused, which has no effect: %v", call, err)
	requireOneLine(t, err.Error())
}

func requireOneLine(t require.TestingT, text string) {
	require.NotEmpty(t, text, "errors and aftermaths must say something")
	require.False(t, strings.ContainsAny(text, "\n\r"), "errors and aftermaths must be one line: %q", text)
}
