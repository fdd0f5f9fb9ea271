package rollout_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

const (
	anyPolicy = rollout.ReviewPolicy("any")
	applies   = "todo apply for review"
	waits     = "todo wait for all verdicts"
	approvals = "done apply for review (all parties have approved)"
	blocks    = "blocked apply for review (version 0.9.0 is %s and must be out of the way before this one can be applied for; %s)"
)

// inReview are the lines of a plan about the review.
func inReview(p *rollout.Plan) []string {
	var lines []string
	for _, item := range p.Items {
		if item.Ratio != 0 {
			break
		}
		line := strings.ToLower(string(item.State)) + " " + item.What
		if item.Why != "" {
			line += " (" + item.Why + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestAPlanOfEveryStatusUnderEveryPolicy(t *testing.T) {
	t.Parallel()
	policies := []rollout.ReviewPolicy{"", rollout.ReviewFail, rollout.ReviewAdopt, rollout.ReviewReplace}
	const appliedElsewhere = "blocked apply for review (the version is under review already, and this rollout did not apply for it; let the spec say review: adopt to wait for the verdict, or review: replace to apply again)"
	const (
		unblock = "finish, withdraw or cancel it first"
		patient = "wait for its end, or let the spec say review: replace"
	)
	for _, tt := range []struct {
		status  alipayplus.ReleaseStatus
		blocker alipayplus.ReleaseStatus
		policy  rollout.ReviewPolicy
		lines   []string
	}{
		{alipayplus.ReleaseNewVersionCreated, "", anyPolicy, []string{applies, waits}},
		{alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseUnderReview, "", []string{fmt.Sprintf(blocks, "UNDER_REVIEW", patient), waits}},
		{alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseUnderReview, rollout.ReviewFail, []string{fmt.Sprintf(blocks, "UNDER_REVIEW", patient), waits}},
		{alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseUnderReview, rollout.ReviewAdopt, []string{fmt.Sprintf(blocks, "UNDER_REVIEW", unblock), waits}},
		{
			alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseUnderReview, rollout.ReviewReplace,
			[]string{"todo withdraw the application of version 0.9.0, which is in the way", applies, waits},
		},
		{alipayplus.ReleaseNewVersionCreated, alipayplus.ReleasePreparation, anyPolicy, []string{fmt.Sprintf(blocks, "RELEASE_PREPARATION", unblock), waits}},
		{alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseGrayscale, anyPolicy, []string{fmt.Sprintf(blocks, "GRAYSCALE_RELEASE", unblock), waits}},
		{alipayplus.ReleaseUnderReview, "", "", []string{appliedElsewhere, waits}},
		{alipayplus.ReleaseUnderReview, "", rollout.ReviewFail, []string{appliedElsewhere, waits}},
		{alipayplus.ReleaseUnderReview, "", rollout.ReviewAdopt, []string{"done apply for review (the version is under review already, and is adopted)", waits}},
		{alipayplus.ReleaseUnderReview, "", rollout.ReviewReplace, []string{"todo withdraw the application that somebody else made", applies, waits}},
		{alipayplus.ReleasePreparation, "", anyPolicy, []string{approvals}},
		{alipayplus.ReleaseGrayscale, "", anyPolicy, []string{approvals}},
		{alipayplus.ReleaseFull, "", anyPolicy, []string{approvals}},
		{alipayplus.ReleaseCanceled, "", anyPolicy, []string{"blocked release the version (the release was canceled by pat)"}},
		{alipayplus.ReleaseArchived, "", anyPolicy, []string{"blocked release the version (the release is archived: a later version took its place by pat)"}},
		{"FROZEN", "", anyPolicy, []string{"blocked release the version (the target is in status FROZEN, which this library does not know)"}},
	} {
		for _, policy := range policies {
			if tt.policy != anyPolicy && tt.policy != policy {
				continue
			}
			t.Run(fmt.Sprintf("%s, behind %q, %q", tt.status, tt.blocker, policy), func(t *testing.T) {
				spec := plain()
				spec.Review = policy
				seen := &rollout.Observation{Status: tt.status, Ladder: alipayplus.DefaultLadder(), ChangedBy: "pat"}
				if tt.blocker != "" {
					seen.Blocker = &rollout.Blocker{ID: "release 0", Version: "0.9.0", Status: tt.blocker}
				}
				plan, err := rollout.MakePlan("release 1", spec, seen)
				require.NoError(t, err)
				require.Equal(t, tt.lines, inReview(plan))
				require.Equal(t, strings.HasPrefix(tt.lines[0], "blocked"), plan.Blocked())
			})
		}
	}
}

func TestAPlanOfEveryRatio(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		live    alipayplus.Ratio
		steps   []string
		atLeast time.Duration
	}{
		{0, []string{"TODO set 10%", "TODO watch 10%", "TODO set 50%", "TODO watch 50%", "TODO release to all users"}, 2 * time.Hour},
		{1, []string{"TODO set 10%", "TODO watch 10%", "TODO set 50%", "TODO watch 50%", "TODO release to all users"}, 2 * time.Hour},
		{10, []string{"DONE set 10% (it is live)", "TODO watch 10%", "TODO set 50%", "TODO watch 50%", "TODO release to all users"}, 2 * time.Hour},
		{20, []string{"SKIPPED set 10% (20% is live)", "TODO watch 10% (20% is live, which belongs to this step)", "TODO set 50%", "TODO watch 50%", "TODO release to all users"}, 2 * time.Hour},
		{50, []string{"SKIPPED set 10% (50% is live)", "SKIPPED watch 10% (50% is live)", "DONE set 50% (it is live)", "TODO watch 50%", "TODO release to all users"}, time.Hour},
		{100, []string{"SKIPPED set 10% (100% is live)", "SKIPPED watch 10% (100% is live)", "SKIPPED set 50% (100% is live)", "SKIPPED watch 50% (100% is live)", "DONE release to all users (it is live)"}, 0},
	} {
		t.Run(tt.live.String(), func(t *testing.T) {
			plan, err := rollout.MakePlan("release 1", plain(), &rollout.Observation{Status: alipayplus.ReleaseGrayscale, Ratio: tt.live})
			require.NoError(t, err)
			var steps []string
			for _, item := range plan.Items[1:] {
				line := string(item.State) + " " + item.What
				if item.Why != "" {
					line += " (" + item.Why + ")"
				}
				steps = append(steps, line)
			}
			require.Equal(t, tt.steps, steps)
			require.Equal(t, rollout.Duration(tt.atLeast), plan.AtLeast)
			require.False(t, plan.Blocked())
		})
	}
}

// rich is a plan with something of everything.
func rich(t *testing.T) *rollout.Plan {
	t.Helper()
	spec := hourly()
	spec.Gates["latency"] = rollout.GateSpec{}
	spec.Steps[1].Gates = []string{"errors", "latency"}
	spec.Steps[1].Bake = rollout.Duration(36 * time.Hour)
	spec.Steps[2].Approval = true
	spec.Steps = append([]rollout.StepSpec{{Ratio: 1}}, spec.Steps...)
	plan, err := rollout.MakePlan("tea|house <b>", spec, &rollout.Observation{
		Status: alipayplus.ReleaseGrayscale, Ratio: 20, Ladder: alipayplus.DefaultLadder(), Application: "application 1",
		ChangedBy: "pat", ChangedAt: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
		Reviews: []alipayplus.Review{{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewApproved, StartedAt: time.Date(2026, 5, 3, 0, 0, 0, 0, time.UTC)}},
	})
	require.NoError(t, err)
	return plan
}

func TestAPlanIsShownAsText(t *testing.T) {
	t.Parallel()
	plan := rich(t)
	require.Equal(t, `tea|house <b> is GRAYSCALE_RELEASE at 20%; plan `+plan.Hash+`
  done     apply for review (all parties have approved)
  skipped  set 1% (20% is live)
  skipped  set 10% (20% is live)
  todo     watch 10% for 1h, until these pass: errors (20% is live, which belongs to this step)
  todo     set 50%
  todo     watch 50% for 1d12h, until these pass: errors, latency
  todo     release to all users, after approval
bake times to come: 1d13h
`, plan.String())
	nothing, err := rollout.MakePlan("release 1", rollout.Spec{Version: 1, Steps: []rollout.StepSpec{{Ratio: 100}}}, &rollout.Observation{Status: alipayplus.ReleasePreparation})
	require.NoError(t, err)
	require.NotContains(t, nothing.String()+nothing.Markdown(), "to come")
}

func TestAPlanIsShownAsMarkdown(t *testing.T) {
	t.Parallel()
	plan := rich(t)
	require.Equal(t, strings.ReplaceAll(`"tea¦house <b>" is "GRAYSCALE_RELEASE" at 20%; plan "`+plan.Hash+`"

| | what | why |
|---|---|---|
| done | "apply for review" | "all parties have approved" |
| skipped | "set 1%" | "20% is live" |
| skipped | "set 10%" | "20% is live" |
| todo | "watch 10% for 1h, until these pass: errors" | "20% is live, which belongs to this step" |
| todo | "set 50%" |  |
| todo | "watch 50% for 1d12h, until these pass: errors, latency" |  |
| todo | "release to all users, after approval" |  |

Bake times to come: 1d13h
`, `"`, "`"), plan.Markdown())
}

func TestAPlanIsKeptAsJSON(t *testing.T) {
	t.Parallel()
	plan := rich(t)
	data, err := json.MarshalIndent(plan, "", "  ")
	require.NoError(t, err)
	require.JSONEq(t, `{
  "target": "tea|house <b>",
  "spec": "`+plan.Spec+`",
  "seen": {
    "status": "GRAYSCALE_RELEASE",
    "ratio": 20,
    "ladder": [1, 5, 10, 20, 30, 50, 100],
    "application": "application 1",
    "reviews": [{"party": "ALIPAY_CN", "status": "APPROVED", "startedAt": "2026-05-03T00:00:00Z"}],
    "changedBy": "pat",
    "changedAt": "2026-05-04T03:02:01Z"
  },
  "items": [
    {"state": "DONE", "what": "apply for review", "why": "all parties have approved"},
    {"state": "SKIPPED", "what": "set 1%", "why": "20% is live", "ratio": 1},
    {"state": "SKIPPED", "what": "set 10%", "why": "20% is live", "ratio": 10},
    {"state": "TODO", "what": "watch 10%", "why": "20% is live, which belongs to this step", "ratio": 10, "bake": "1h", "gates": ["errors"]},
    {"state": "TODO", "what": "set 50%", "ratio": 50},
    {"state": "TODO", "what": "watch 50%", "ratio": 50, "bake": "1d12h", "gates": ["errors", "latency"]},
    {"state": "TODO", "what": "release to all users, after approval", "ratio": 100}
  ],
  "atLeast": "1d13h",
  "hash": "`+plan.Hash+`"
}`, string(data))
	read := new(rollout.Plan)
	require.NoError(t, json.Unmarshal(data, read))
	require.Equal(t, plan, read)
}

func TestAPlansHashChangesWithWhatMattersAndNothingElse(t *testing.T) {
	t.Parallel()
	type facts struct {
		target string
		spec   rollout.Spec
		seen   rollout.Observation
	}
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	given := func() *facts {
		return &facts{"release 1", hourly(), rollout.Observation{
			Status: alipayplus.ReleaseGrayscale, Ratio: 10, Ladder: alipayplus.DefaultLadder(), Application: "application 1", ChangedBy: "pat", ChangedAt: at,
			Reviews: []alipayplus.Review{{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewApproved}},
		}}
	}
	hash := func(f *facts) string {
		plan, err := rollout.MakePlan(f.target, f.spec, &f.seen)
		require.NoError(t, err)
		require.Regexp(t, `^[0-9a-f]{16}$`, plan.Hash)
		return plan.Hash
	}
	hashes := map[string]string{hash(given()): "as given"}
	for name, change := range map[string]func(*facts){
		"another target":      func(f *facts) { f.target = "release 2" },
		"another bake time":   func(f *facts) { f.spec.Steps[0].Bake++ },
		"another policy":      func(f *facts) { f.spec.Review = rollout.ReviewAdopt },
		"another gate":        func(f *facts) { f.spec.Gates["errors"] = rollout.GateSpec{Tolerate: new(1)} },
		"an approval":         func(f *facts) { f.spec.Steps[2].Approval = true },
		"another status":      func(f *facts) { f.seen.Status = alipayplus.ReleasePreparation },
		"another ratio":       func(f *facts) { f.seen.Ratio = 20 },
		"another application": func(f *facts) { f.seen.Application = "application 2" },
		"another verdict":     func(f *facts) { f.seen.Reviews[0].Status = alipayplus.ReviewRejected },
		"another hand":        func(f *facts) { f.seen.ChangedBy = "lin" },
		"a later change":      func(f *facts) { f.seen.ChangedAt = at.Add(time.Second) },
		"another in the way":  func(f *facts) { f.seen.Blocker = &rollout.Blocker{ID: "release 0"} },
	} {
		f := given()
		change(f)
		got := hash(f)
		require.NotContains(t, hashes, got, name)
		hashes[got] = name
	}

	// The same, in other forms.
	again := given()
	data, err := json.Marshal(again.seen)
	require.NoError(t, err)
	again.seen = rollout.Observation{}
	require.NoError(t, json.Unmarshal(data, &again.seen))
	spec, err := rollout.ParseSpec([]byte("steps: [{gates: [errors], ratio: 10, bake: 60m}, {ratio: 50, bake: 1h, gates: [errors]}, {ratio: 100}]\ngates: {errors: {}}\nversion: 1"))
	require.NoError(t, err)
	again.spec = *spec
	require.Equal(t, "as given", hashes[hash(again)])
}

func TestAPlanLeavesWhatItIsMadeOfAlone(t *testing.T) {
	t.Parallel()
	spec, seen := hourly(), &rollout.Observation{Status: alipayplus.ReleaseNewVersionCreated, Blocker: &rollout.Blocker{ID: "release 0"}}
	was, hash := *seen, spec.Hash()
	_, err := rollout.MakePlan("release 1", spec, seen)
	require.NoError(t, err)
	require.Equal(t, was, *seen)
	require.Equal(t, hash, spec.Hash())
}

func TestAPlanOfWhatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	seen := &rollout.Observation{Status: alipayplus.ReleasePreparation, Ladder: alipayplus.DefaultLadder()}
	spec := plain()
	spec.Steps[1].Ratio = 40
	_, err := rollout.MakePlan("release 1", spec, seen)
	require.EqualError(t, err, "rollout spec: 1 field not valid: steps[1].ratio is 40%, which the target does not offer; it offers 1%, 5%, 10%, 20%, 30%, 50%, 100%")
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	seen.Ladder = alipayplus.Ladder{}
	_, err = rollout.MakePlan("release 1", spec, seen)
	require.NoError(t, err, "a target that reports no ladder is asked to try")
	_, err = rollout.MakePlan("release 1", rollout.Spec{Version: 1}, seen)
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
}

func TestAPlanOfARolloutThatBeganKnowsWhatItDid(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.runUntil(time.Minute)
		plan := s.plan()
		require.False(t, plan.Blocked())
		require.Equal(t, []string{"done apply for review (the application is under review)", waits}, inReview(plan))

		// A plan is read only, and followed by the run that goes on.
		require.Len(t, s.fake.Effects(), 1)
		s.requireDone(s.runner().RunPlan(t.Context(), plan))
	})
}

func TestAPlanOfAPausedRolloutSaysSo(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		s.at(time.Minute, func() { require.NoError(t, s.fake.Reject(alipayplus.PartyAlipayCN, "no")) })
		_, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrRejected)
		plan, planErr := s.runner().Plan(t.Context())
		require.NoError(t, planErr)
		require.True(t, plan.Blocked())
		require.Equal(t, []string{"blocked go on (" + err.Error() + ")", "blocked apply for review (ALIPAY_CN rejected it: no)", waits}, inReview(plan))
		s.resume()
		plan = s.plan()
		require.Equal(t, []string{applies, waits}, inReview(plan))
	})
}

func TestAPlanNeedsTheTargetAndTheStore(t *testing.T) {
	onStage(t, hourly(), func(t *testing.T, s *stage) {
		down := errors.New("down")
		s.fake.FailNext(rollouttest.OpObserve, 2, down)
		plan, err := s.runner().Plan(t.Context())
		require.ErrorIs(t, err, down)
		require.Nil(t, plan)
		require.ErrorIs(t, errOf(s.runner().RunPlan(t.Context(), new(rollout.Plan))), down)
		require.ErrorIs(t, errOf(s.runnerOf(s.fake, mortalStore(&process{dead: true}, s.store)).Plan(t.Context())), errDead)
	})
}

func TestAPlanCountsWhatOfTheBakeTimeIsOver(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.runUntil(80 * time.Minute)
		live := time.Since(s.fake.Effects()[1].At)
		require.Greater(t, live, 5*time.Minute)
		atLeast := func(host string) time.Duration {
			return s.plan(rollout.WithHost(host)).AtLeast.Std()
		}
		require.Equal(t, 2*time.Hour-live, atLeast("a"))
		require.Equal(t, 2*time.Hour-live+5*time.Minute, atLeast("b"), "another clock is trusted less")
		require.NoError(t, s.fake.SetRatio("pat", 20))
		require.Equal(t, 2*time.Hour, atLeast("a"), "what somebody else set is watched from the beginning")
		time.Sleep(day)
		require.NoError(t, s.fake.SetRatio("pat", 50))
		require.Equal(t, time.Hour, atLeast("a"))
	})
}

func TestAPlanIsNeededToBeFollowed(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		state, err := s.runner().RunPlan(t.Context(), nil)
		require.EqualError(t, err, "rollout release 1: a plan is needed, make one by Plan; or call Run: invalid input")
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.Nil(t, state)
		require.Zero(t, s.fake.Calls(rollouttest.OpAny))
	})
}

func TestAPlanThatIsOutOfDateStoresNothing(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		stored, err := s.store.Read(t.Context(), "release 1")
		require.NoError(t, err)
		s.spec = hourly()
		plan := s.plan(rollout.WithNewSpec())
		require.NoError(t, s.fake.SetRatio("pat", 30))

		_, err = s.runner(rollout.WithNewSpec()).RunPlan(t.Context(), plan)

		require.ErrorIs(t, err, rollout.ErrStalePlan)
		now, err := s.store.Read(t.Context(), "release 1")
		require.NoError(t, err)
		require.Equal(t, string(stored), string(now), "neither the new spec nor what Pat did")
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10"}, s.audit())
	})
}

// What is read to check the plan is what its first change goes by. A second reading would
// see what others did meanwhile, and go on by another plan.
func TestAPlanIsFollowedByWhatWasReadToCheckIt(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		require.NoError(t, s.fake.ApplyAs("pat"))
		require.NoError(t, s.fake.Approve())
		plan := s.plan()
		var ops []rollouttest.Op
		s.fake.Before(func(_ context.Context, c rollouttest.Call) error {
			ops = append(ops, c.Op)
			return nil
		})
		s.requireDone(s.runner().RunPlan(t.Context(), plan))
		require.Equal(t, []rollouttest.Op{rollouttest.OpObserve, rollouttest.OpRaise}, ops[:2])
	})
}

func TestAPlanAfterARatioFellIsBlocked(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		require.NoError(t, s.fake.SetRatio("pat", 5))
		plan := s.plan()
		require.True(t, plan.Blocked())
		require.Equal(t, []string{approvals, "blocked go on (5% is live where 10% was by pat, and a rollout never goes on from a ratio that fell by itself)"}, inReview(plan))
	})
}

func TestAPlanByAnotherSpecIsRefusedAsARunIs(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		s.spec = hourly()
		_, run := s.runner().Run(t.Context())
		plan, err := s.runner().Plan(t.Context())
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.EqualError(t, err, run.Error())
		require.Nil(t, plan)

		plan = s.plan(rollout.WithNewSpec())
		require.Equal(t, s.spec.Hash(), plan.Spec)
		require.Contains(t, plan.String(), "todo     watch 10% for 1h, until these pass: errors")
		s.requireDone(s.runner(rollout.WithNewSpec()).RunPlan(t.Context(), plan))
	})
}

func TestAPlanOfAnotherTargetsRolloutIsRefused(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		other := rollouttest.NewFake("release 2", alipayplus.DefaultLadder())
		plan, err := s.runnerOf(other, s.store, rollout.WithName("release 1")).Plan(t.Context())
		require.EqualError(t, err, "rollout release 1: the stored state is of release 1, not of release 2; give the rollout another name (WithName)")
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.Nil(t, plan)
		require.Zero(t, other.Calls(rollouttest.OpAny))
	})
}

func TestAPlanKnowsTheTimeThatWasWatched(t *testing.T) {
	t.Parallel()
	const whole, tolerance = 2 * time.Hour, 5 * time.Minute
	for name, tt := range map[string]struct {
		watched time.Duration
		host    string
		left    time.Duration
	}{
		"a part":                         {20 * time.Minute, "a", whole - 20*time.Minute},
		"a part, on another machine":     {20 * time.Minute, "b", whole - 20*time.Minute + tolerance},
		"little, on another machine":     {2 * time.Minute, "b", whole},
		"all of the live step's":         {time.Hour, "a", whole - time.Hour},
		"more than the live step's":      {10 * time.Hour, "a", whole - time.Hour},
		"all, and it is another machine": {10 * time.Hour, "b", whole - time.Hour},
	} {
		runOnStageAtTen(t, name, plain(), func(t *testing.T, s *stage) {
			time.Sleep(time.Until(s.raisedAt().Add(tt.watched)))
			require.Equal(t, rollout.Duration(tt.left), s.plan(rollout.WithHost(tt.host)).AtLeast)
		})
	}
}

// What somebody else set was not watched by this rollout.
func TestAPlanCountsNothingOfARatioThatSomebodyElseJustSet(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		time.Sleep(20 * time.Minute)
		require.NoError(t, s.fake.SetRatio("pat", 20))
		require.Equal(t, rollout.Duration(2*time.Hour), s.plan().AtLeast)
	})
}

func TestAPlanStaysTrueWhileOnlyTimePasses(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		first := s.plan()
		time.Sleep(20 * time.Minute)
		second := s.plan()
		require.Less(t, second.AtLeast, first.AtLeast)
		require.Equal(t, first.Hash, second.Hash)
		s.requireDone(s.runner().RunPlan(t.Context(), first))
	})
}

// A plan that was made without the store does not say what is stored.
func TestAPlanByAnotherSpecThanTheStoredOneIsNotApplied(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		stored := s.state()
		s.spec = hourly()
		plan := s.plan(rollout.WithNewSpec())

		_, err := s.runner().RunPlan(t.Context(), plan)

		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.NotErrorIs(t, err, rollout.ErrStalePlan)
		require.ErrorContains(t, err, "the spec is another than the stored one")
		require.Equal(t, stored, s.state())
		require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	})
}

// Somebody set a ratio below the first step: it belongs to none, and is watched for none.
func TestAPlanFromARatioBelowTheFirstStep(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		s.spec.Steps[0].Approval = true
		s.fake.ApproveAfter(0)
		s.runUntil(time.Minute)
		require.NoError(t, s.fake.SetRatio("pat", 5))
		s.runUntil(20 * time.Minute)
		require.Equal(t, alipayplus.Ratio(5), s.state().Ratio)
		plan := s.plan()
		require.Equal(t, rollout.Duration(2*time.Hour), plan.AtLeast)
		require.Equal(t, []string{approvals}, inReview(plan), "nothing is in the way")
	})
}

func TestAPlanIsFollowedOnlyWhileItIsTrue(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		plan := s.plan()
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
		s.requireNotBegun() // nothing began
		require.NoError(t, s.fake.WithdrawAs("pat"))

		plan = s.plan()
		s.spec.Steps[0].Bake = rollout.Duration(time.Minute)
		require.ErrorIs(t, errOf(s.runner().RunPlan(t.Context(), plan)), rollout.ErrStalePlan)
		s.spec = plain()
		s.requireDone(s.runner().RunPlan(t.Context(), plan))
	})
}

// What reviewers and people at a console write is text in every table.
func TestTextOfOthersIsInertInMarkdown(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a mention": "ask @team", "a link": "[here](https://evil.example)", "an address": "see https://evil.example or www.evil.example",
		"an image": "![x](https://evil.example/x.png)", "HTML": "<img src=x onerror=alert(1)>", "a table": "a | b |\n|---|---|\n| c | d",
		"the end of the code": "x` @team `y", "a line break": "fine\r\n# Approved", "a turned direction": "\u202eevil", "nothing to see": "a\u200bb\u2028c",
	} {
		for where, markdown := range map[string]string{
			"MarkdownCode": rollout.MarkdownCode(text),
			"a plan":       blockedPlan(t, text).Markdown(),
			"a fleet":      (&rollout.FleetSummary{Members: []rollout.FleetMember{{Target: text, Subject: rollout.Subject{Name: text}, What: text}}}).Markdown(),
		} {
			for line := range strings.Lines(strings.TrimSuffix(markdown, "\n")) {
				require.Zero(t, strings.Count(line, "`")%2, "%s in %s: %q", name, where, line)
				for i, part := range strings.Split(line, "`") {
					if i%2 == 0 { // outside of code
						for _, active := range []string{"@", "[", "<", "http", "www", "!", "#", "evil", "onerror"} {
							require.NotContains(t, part, active, "%s in %s: %q", name, where, line)
						}
					} else {
						require.NotContains(t, part, "|")
					}
				}
				require.NotContains(t, line, "\u202e")
				require.NotContains(t, line, "\u200b")
			}
			require.LessOrEqual(t, strings.Count(markdown, "\n"), 13, "%s makes no lines in %s", name, where)
		}
	}
}

// blockedPlan is a plan in which a text of others stands wherever one can.
func blockedPlan(t *testing.T, text string) *rollout.Plan {
	t.Helper()
	plan, err := rollout.MakePlan(text, hourly(), &rollout.Observation{
		Subject: rollout.Subject{Name: text, Version: text}, Status: alipayplus.ReleaseNewVersionCreated,
		Blocker: &rollout.Blocker{ID: text, Version: text, Status: alipayplus.ReleaseStatus(text)},
	})
	require.NoError(t, err)
	plan.Items[1].Approval = &rollout.Approval{By: text, Reason: text}
	return plan
}

func TestAPlanSaysDoneForWhatTheRolloutDid(t *testing.T) {
	onStageAtTen(t, approved(), func(t *testing.T, s *stage) {
		s.approve(50)
		s.runUntil(90 * time.Minute)
		plan, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		require.Regexp(t, `
  done     set 10% \(it was live from 2000-01-01T00:00:\d\dZ\)
  done     watch 10% for 1h, until these pass: errors
  done     set 50% \(it is live\)
  todo     watch 50% for 1h, until these pass: errors
  todo     release to all users
`, plan.String())
	})
}

func TestAPlanShowsWhoApprovedAndWhy(t *testing.T) {
	onStageAtTen(t, approved(), func(t *testing.T, s *stage) {
		before, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		_, err = s.runner().Approve(t.Context(), "lin", "support agrees", 50)
		require.NoError(t, err)
		plan, err := s.runner().Plan(t.Context())
		require.NoError(t, err)
		require.Contains(t, plan.String(), "set 50%, after approval, given by lin: support agrees\n")
		require.Equal(t, before.Hash, plan.Hash, "an approval makes no plan out of date")
	})
}
