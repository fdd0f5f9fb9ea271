package rollouttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// TargetHarness is a target to check, and what its surroundings can do to it.
type TargetHarness struct {
	// Target is in NEW_VERSION_CREATED, was never applied for, and has nothing in
	// its way.
	Target rollout.Target
	// Approve makes every party approve the application that is under review.
	Approve func()
	// Reject makes one party reject it, with the reason.
	Reject func(reason string)
	// Raise sets a ratio below 100 as somebody else does, in a console; nil: that is
	// not possible.
	Raise func(to alipayplus.Ratio)
	// Lose makes the next change fail after it had its effect; nil: that is not
	// possible.
	Lose func()
	// Break makes the next call fail before it has an effect, as when the network is
	// down; nil: that is not possible.
	Break func()
	// Ratios are three ratios below 100 that may be set one after another; nil:
	// those of the ladder that Observe reports.
	Ratios []alipayplus.Ratio
}

// TestTarget checks that a target keeps the contract of [rollout.Target], and of
// [rollout.Withdrawer] and [rollout.Batched] where it is one. It calls newHarness once
// for each case; what is to be cleaned up newHarness registers on its t.
func TestTarget(t *testing.T, newHarness func(t *testing.T) TargetHarness, opts ...CheckOption) {
	t.Helper()
	runCases(t, newHarness, targetCases(), opts)
}

func targetCases() []contractCase[TargetHarness] {
	return slices.Concat(readingCases(), reviewCases(), ladderCases(), abortCases(), failureCases())
}

func ladderCases() []contractCase[TargetHarness] {
	return []contractCase[TargetHarness]{
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
	first := change("raise", 0, r[0])
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
		requireConflict(t, h.Target.Raise(ctx, change("raise "+string(status), 0, r[0])), "in %s, Raise", status)
		requireConflict(t, h.Target.Publish(ctx, change("publish "+string(status), 0, alipayplus.FullRatio)), "in %s, Publish", status)
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
	requireConflict(t, h.Target.Raise(ctx, change("too far", r[0], r[1])), "while no ratio is live, Raise from %v", r[0])
	require.Zero(t, observe(ctx, t, h).Ratio, "after a refused Raise, no ratio may be live")
	raise(ctx, t, h, 0, r[0])
	requireConflict(t, h.Target.Raise(ctx, change("not far enough", 0, r[1])), "while %v is live, Raise from 0%%", r[0])
	requireConflict(t, h.Target.Raise(ctx, change("too far still", r[1], r[2])), "while %v is live, Raise from %v", r[0], r[1])
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
		requireFinal(t, h.Target.Raise(ctx, change(ratio, 0, ratio)), "Raise to %v, which is not on the ladder,", ratio)
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
	c := change("publish", from, alipayplus.FullRatio)
	require.NoError(t, h.Target.Publish(ctx, c), "Publish from %v", from)
	requireFull(ctx, t, h)
	requireRepeated(t, h.Target.Publish(ctx, c), "a repeated Publish")
	requireFull(ctx, t, h)
	c.RequestID = request("publish again")
	requireConflict(t, h.Target.Publish(ctx, c), "when all users have the version, another Publish")
	requireFinal(t, h.Target.Raise(ctx, change("down", alipayplus.FullRatio, 50)), "when all users have the version, Raise to 50%%")
	requireConflict(t, h.Target.Apply(ctx, change("apply after all", 0, 0)), "when all users have the version, Apply")
	requireFull(ctx, t, h)
}

func noPublishOnStaleKnowledge(ctx context.Context, t require.TestingT, h TargetHarness) {
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	requireConflict(t, h.Target.Publish(ctx, change("too far", r[0], alipayplus.FullRatio)), "while no ratio is live, Publish from %v", r[0])
	require.Equal(t, alipayplus.ReleasePreparation, observe(ctx, t, h).Status, "after a refused Publish")
	raise(ctx, t, h, 0, r[0])
	requireConflict(t, h.Target.Publish(ctx, change("not far enough", 0, alipayplus.FullRatio)), "while %v is live, Publish from 0%%", r[0])
	requireConflict(t, h.Target.Publish(ctx, change("too far still", r[1], alipayplus.FullRatio)), "while %v is live, Publish from %v", r[0], r[1])
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
	requireConflict(t, h.Target.Raise(ctx, change("from nothing", 0, r[2])), "after somebody else raised it to %v, Raise from 0%%", r[0])
	h.Raise(r[1])
	requireLive(ctx, t, h, r[1], "after somebody else raised it")
	requireConflict(t, h.Target.Raise(ctx, change("from the first", r[0], r[2])), "after somebody else raised it to %v, Raise from %v", r[1], r[0])
	requireConflict(t, h.Target.Raise(ctx, change("to the same", r[0], r[1])), "after somebody else raised it to %v, Raise from %v to that", r[1], r[0])
	requireConflict(t, h.Target.Publish(ctx, change("publish", r[0], alipayplus.FullRatio)), "after somebody else raised it to %v, Publish from %v", r[1], r[0])
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
			errs[i] = h.Target.Raise(ctx, change(i, 0, r[i%2]))
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

func abortCases() []contractCase[TargetHarness] {
	return []contractCase[TargetHarness]{
		{"a new version is given up", abort},
		{"a version under review is given up", aVersionUnderReviewIsGivenUp},
		{"a version in preparation is given up", aPreparedVersionIsGivenUp},
		{"a version that some users have is given up", aLiveVersionIsGivenUp},
		{"a version that all users have cannot be given up", aFullReleaseIsNotGivenUp},
	}
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
	requireFinal(t, h.Target.Raise(ctx, change("after the end", r[0], r[1])), "after an abort, Raise")
	requireFinal(t, h.Target.Publish(ctx, change("publish", r[0], alipayplus.FullRatio)), "after an abort, Publish")
}

// abort gives the version up, and checks that it is on its way no more.
func abort(ctx context.Context, t require.TestingT, h TargetHarness) {
	from := observe(ctx, t, h).Ratio
	c := change("abort", from, 0)
	aftermath, err := h.Target.Abort(ctx, c)
	require.NoError(t, err, "a version that not all users have can be aborted")
	requireOneLine(t, aftermath)
	gone := func() {
		switch o := observe(ctx, t, h); o.Status {
		case alipayplus.ReleaseUnderReview, alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale, alipayplus.ReleaseFull:
			require.Fail(t, "after an abort, the version must be on its way no more", "Observe reports %s at %v", o.Status, o.Ratio)
		}
	}
	gone()
	_, err = h.Target.Abort(ctx, c)
	requireRepeated(t, err, "a repeated Abort")
	gone()
}

func aFullReleaseIsNotGivenUp(ctx context.Context, t require.TestingT, h TargetHarness) {
	prepared(ctx, t, h)
	require.NoError(t, h.Target.Publish(ctx, change("publish", 0, alipayplus.FullRatio)))
	_, err := h.Target.Abort(ctx, change("abort", alipayplus.FullRatio, 0))
	requireConflict(t, err, "when all users have the version, Abort")
	require.Equal(t, alipayplus.ReleaseFull, observe(ctx, t, h).Status, "after a refused Abort")
}

func failureCases() []contractCase[TargetHarness] {
	return []contractCase[TargetHarness]{
		{"an ended context ends every method, without an effect", anEndedContextEndsEveryMethod},
		{"a failure that may pass is reported as one", aTransientFailureIsReported},
		{"a change whose answer got lost can be repeated", aLostAnswerCanBeRepeated},
	}
}

func anEndedContextEndsEveryMethod(ctx context.Context, t require.TestingT, h TargetHarness) {
	over, cancel := context.WithCancel(ctx)
	cancel()
	r := ratios(ctx, t, h)
	unchanged := func(what string, call func(rollout.Change) error) {
		before := observe(ctx, t, h)
		require.ErrorIs(t, call(change(what+" too late", before.Ratio, r[0])), context.Canceled, what)
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

// aTransientFailureIsReported uses a runner, because its classification is what counts.
func aTransientFailureIsReported(ctx context.Context, t require.TestingT, h TargetHarness) {
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

func aLostAnswerCanBeRepeated(ctx context.Context, t require.TestingT, h TargetHarness) {
	if h.Lose == nil {
		return
	}
	r := ratios(ctx, t, h)
	prepared(ctx, t, h)
	c := change("lost", 0, r[0])
	h.Lose()
	err := h.Target.Raise(ctx, c)
	if err != nil && !errors.Is(err, alipayplus.ErrConflict) {
		requireRepeated(t, h.Target.Raise(ctx, c), "Raise, repeated after its answer got lost,")
	}
	requireLive(ctx, t, h, r[0], "after a Raise whose answer got lost")

	c = change("lost too", r[0], r[1])
	h.Lose()
	_ = h.Target.Raise(ctx, c) // it may have repeated the call by itself
	requireLive(ctx, t, h, r[1], "after a Raise whose answer got lost")
	runner := finalRunner(t, h)
	_, err = runner.Step(ctx)
	require.NoError(t, err, "a runner must go on after a lost answer")
	requireFull(ctx, t, h)
}

func requireFull(ctx context.Context, t require.TestingT, h TargetHarness) {
	o := observe(ctx, t, h)
	require.Equal(t, alipayplus.ReleaseFull, o.Status, "after Publish, Observe must report this status")
	require.Equal(t, alipayplus.FullRatio, o.Ratio, "after Publish, Observe must report this ratio")
}

// finalRunner releases to all users as soon as it can.
func finalRunner(t require.TestingT, h TargetHarness) *rollout.Runner {
	spec := rollout.Spec{Version: rollout.SpecVersion, Steps: []rollout.StepSpec{{Ratio: alipayplus.FullRatio}}}
	runner, err := rollout.New(h.Target, spec, rollout.NewMemoryStore(), rollout.WithHost("here"))
	require.NoError(t, err)
	return runner
}

func observe(ctx context.Context, t require.TestingT, h TargetHarness) *rollout.Observation {
	o, err := h.Target.Observe(ctx)
	require.NoError(t, err)
	require.NotNil(t, o)
	return o
}

func underReview(ctx context.Context, t require.TestingT, h TargetHarness) *rollout.Observation {
	require.NoError(t, h.Target.Apply(ctx, change("first", 0, 0)))
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
	require.NoError(t, h.Target.Raise(ctx, change(to, from, to)), "Raise from %v to %v", from, to)
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

// change is a change that is named after what it is for.
func change(what any, from, to alipayplus.Ratio) rollout.Change {
	return rollout.Change{RequestID: request(what), From: from, To: to}
}

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
