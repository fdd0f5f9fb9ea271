package rollout

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"
	"unique"

	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
)

// observe reads the target and reconciles the state with what it finds. given is a reading
// that was made before, after which somebody may have acted already; nil for none.
func (s *session) observe(ctx context.Context, given *BatchResult) error {
	if err := s.readTarget(ctx, given); err != nil {
		return err
	}
	s.reconcile(given == nil)
	return nil
}

// readTarget reads the target. It ends with the context, because nothing is lost by that.
func (s *session) readTarget(ctx context.Context, given *BatchResult) error {
	if given == nil {
		if err := waitForLimiter(ctx, s.limiter); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, s.runner.callTimeout)
		defer cancel()
		given = new(BatchResult)
		given.Observation, given.Err = s.runner.target.Observe(ctx)
	}
	if given.Err != nil {
		return given.Err
	}
	if given.Observation == nil {
		return fmt.Errorf("rollout %s: %s returned neither an observation nor an error; correct the target", s.runner.name, s.runner.target.ID())
	}
	s.observation = given.Observation
	return nil
}

// waitForLimiter waits until the limiter, which may be nil, lets a call through, or the
// context ends.
func waitForLimiter(ctx context.Context, limiter *rate.Limiter) error {
	if limiter == nil || limiter.Wait(ctx) == nil {
		return nil
	}
	<-ctx.Done() // a limiter fails at once when the context will end before the call
	return ctx.Err()
}

// reconcile brings the state up to date with the observation: first the outcome of a change
// that was begun, then what others did, which is recorded and never reversed.
func (s *session) reconcile(fresh bool) {
	s.state.Subject = s.state.Subject.with(s.observation.Subject)
	s.resolveIntent()
	s.adoptApplication()
	s.adoptRatio()
	if s.state.Ratio > 0 && s.observation.Ratio == s.state.Ratio {
		if what := s.state.liveSince(s.observation.ChangedAt); what != "" {
			s.recordAudited(EventClock, Event{What: what})
		}
	}
	s.correctClock()
	changed := s.recordObserved()
	s.state.Observed = true
	if changed || s.audit != nil {
		s.markChanged()
	}
	now := time.Now()
	s.fresh, s.observeAt = fresh, now.Add(s.runner.observeIn(now.Sub(s.state.WaitingSince)))
}

// resolveIntent finds out what became of a change whose outcome is unknown.
func (s *session) resolveIntent() {
	in, o := s.state.Intent, s.observation
	if in == nil || in.Kind == ChangeAbort {
		return
	}
	switch {
	case in.visibleIn(o):
		s.recordChange(in, o.ChangedBy, "")
	case !in.stillPossible(o):
		s.state.Intent = nil
	}
}

// visibleIn says whether the observation shows the effect of the change.
func (in *Intent) visibleIn(o *Observation) bool {
	switch in.Kind {
	case ChangeApply:
		return o.Application != "" && o.Application != in.Application || o.Status == alipayplus.ReleaseUnderReview
	case ChangeWithdraw:
		if in.Other != nil {
			return o.Blocker == nil || o.Blocker.ID != in.Other.ID
		}
		return o.Status == alipayplus.ReleaseNewVersionCreated
	case ChangeRaise:
		// A higher one was set by somebody else. One that was set and taken back since is not set again, which
		// the request id alone would prevent only as long as the target remembers it.
		return o.Ratio == in.To || in.wasSet(o)
	case ChangePublish:
		// A version that somebody else published may be archived by now, too; its ratio is the one before.
		return o.Status == alipayplus.ReleaseFull || o.Status == alipayplus.ReleaseArchived && o.Ratio == in.To
	default:
		return false
	}
}

// wasSet says whether the target tells that the ratio was set since the change was decided.
func (in *Intent) wasSet(o *Observation) bool {
	return slices.ContainsFunc(o.Raises[min(in.Raises, len(o.Raises)):], func(step alipayplus.GrayscaleStep) bool { return step.Ratio == in.To })
}

// stillPossible says whether the change can still be made as it was intended.
func (in *Intent) stillPossible(o *Observation) bool {
	switch in.Kind {
	case ChangeApply:
		return o.Status == alipayplus.ReleaseNewVersionCreated
	case ChangeWithdraw:
		return in.Other != nil || o.Status == alipayplus.ReleaseUnderReview
	default:
		return o.Ratio == in.From && (o.Status == alipayplus.ReleasePreparation || o.Status == alipayplus.ReleaseGrayscale)
	}
}

// adoptApplication records which application is under review.
func (s *session) adoptApplication() {
	state, o := s.state, s.observation
	switch {
	case state.Applied && state.Application == o.Application:
		return
	case state.Applied && state.Application == "":
		state.Application = o.Application // the one that was just made
		return
	case o.Status != alipayplus.ReleaseUnderReview:
		return
	case state.Applied:
		s.recordAdopted(state.Ratio, "somebody applied again"+by(o)+"; waiting for that verdict")
		state.voidApprovals("somebody applied again" + by(o))
	case state.Spec.reviewPolicy() == ReviewAdopt:
		s.recordAdopted(state.Ratio, "the version is under review already; waiting for the verdict")
	default:
		return
	}
	state.Applied, state.Application, state.WaitingSince = true, o.Application, time.Now()
}

// adoptRatio records which ratio is live. decide stops at a lower one.
func (s *session) adoptRatio() {
	state, o := s.state, s.observation
	from := state.Ratio
	if o.Ratio <= from {
		return
	}
	what := fmt.Sprintf("%v was live already%s", o.Ratio, by(o))
	if state.Observed {
		what = fmt.Sprintf("somebody else raised it from %v to %v%s; going on from there", from, o.Ratio, by(o))
	}
	s.recordRatio(o.Ratio, o.ChangedBy, true)
	s.recordAdopted(from, what)
}

// recordObserved records a new status or verdict, and says whether there was one.
func (s *session) recordObserved() bool {
	text := make([]byte, 0, 256) // not a string, which would be allocated at each observation
	text = append(append(text, s.observation.Status...), ", "...)
	text = appendVerdicts(text, s.observation.Reviews)
	if s.state.LastEmitted == string(text) {
		return false
	}
	s.state.LastEmitted = unique.Make(string(text)).Value() // that of many releases is the same
	s.record(EventObserved, Event{What: fmt.Sprintf("%s at %v: %s", s.observation.Status, s.observation.Ratio, verdicts(s.observation.Reviews))})
	return true
}

func (s *session) recordAdopted(from alipayplus.Ratio, what string) {
	s.recordAudited(EventAdopted, Event{What: what, By: s.observation.ChangedBy, From: from, To: s.observation.Ratio})
}

// maxConflicts is how many conflicts in a row are attributed to changes that others make at
// the same time; more are an error.
const maxConflicts = 3

// makeChange makes one change of the target when its intent, and the spec that it goes by, are
// stored. Where they are not, the session yields, so that they will be. The call does not end
// with the context: a change that was begun is finished.
func (s *session) makeChange(ctx context.Context, d decision, in *Intent) error {
	if before := s.state.Intent; before == nil || !before.same(in) {
		in.RequestID, in.From, in.At = rand.Text(), s.state.Ratio, time.Now()
		if s.observation != nil {
			in.Application, in.Raises = s.observation.Application, len(s.observation.Raises)
		}
		s.state.Intent = in
		s.record(EventChanging, Event{What: d.message, Change: in.Kind, From: in.From, To: in.To})
		s.markChanged()
		s.yielded = true
		return nil
	}
	if s.replanned { // the change goes by a spec that is not stored
		s.yielded = true
		return nil
	}
	in = s.state.Intent // the same change again, under the same key
	if err := waitForLimiter(ctx, s.limiter); err != nil {
		return err
	}
	if in.Kind != ChangeAbort { // commands that were posted since the observation come first
		if found, err := s.hasCommands(ctx); err != nil || found {
			return err
		}
	}
	if (in.Kind == ChangeRaise || in.Kind == ChangePublish) && !s.state.mayBeSet(in.To, time.Now()) { // since the decision
		return nil
	}
	s.observeAt = time.Time{} // the observation is out of date, whatever comes of the call
	aftermath, err := s.callTarget(context.WithoutCancel(ctx), in)
	if err != nil {
		return s.changeFailed(in, err)
	}
	s.conflicts = 0
	s.recordChange(in, "", aftermath)
	s.markChanged()
	return nil
}

func (in *Intent) same(other *Intent) bool {
	if in.Kind != other.Kind || in.To != other.To || (in.Other == nil) != (other.Other == nil) {
		return false
	}
	return in.Other == nil || in.Other.ID == other.Other.ID
}

func (s *session) callTarget(ctx context.Context, in *Intent) (aftermath string, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.runner.callTimeout)
	defer cancel()
	c := Change{RequestID: in.RequestID, From: in.From, To: in.To, Other: in.Other}
	switch in.Kind {
	case ChangeApply:
		return "", s.runner.target.Apply(ctx, c)
	case ChangeRaise:
		return "", s.runner.target.Raise(ctx, c)
	case ChangePublish:
		return "", s.runner.target.Publish(ctx, c)
	case ChangeAbort:
		return s.runner.target.Abort(ctx, c)
	case ChangeWithdraw:
		if w, ok := s.runner.target.(Withdrawer); ok {
			return "", w.Withdraw(ctx, c)
		}
	}
	return "", fmt.Errorf("%s cannot do %s: %w", s.runner.target.ID(), in.Kind, alipayplus.ErrInvalid)
}

// changeFailed handles a change that did not succeed. It returns nil when the next
// observation decides how to go on.
func (s *session) changeFailed(in *Intent, err error) error {
	switch {
	case s.mayPass(err):
		in.unknown = true
		return err
	case in.Kind == ChangeAbort && (isOutage(err) || errors.As(err, new(*alipayplus.SignatureError))):
		// The target has not refused it: the next run repeats the abort.
		return fmt.Errorf("rollout %s: %w", s.runner.name, err)
	case in.Kind == ChangeAbort:
		return &abortFailedError{err} // abort removes the intent when it stores the pause
	case errors.Is(err, alipayplus.ErrConflict) && s.conflicts < maxConflicts:
		s.conflicts++
		// Somebody was faster, or it is done already: the next observation shows it.
		// A change whose outcome is unknown keeps its intent until then.
		if !in.unknown {
			s.state.Intent = nil
			s.markChanged()
		}
		return nil
	case in.unknown: // this attempt had no effect; the next run finds out about the earlier one
		return fmt.Errorf("rollout %s: %w", s.runner.name, err)
	default:
		s.state.Intent = nil
		s.markChanged()
		return fmt.Errorf("rollout %s: %w", s.runner.name, err)
	}
}

// abortFailedError says that the target refused to give the version up.
type abortFailedError struct{ error }

func (e *abortFailedError) Unwrap() error { return e.error }

// recordChange records a change that was made. who is who made it, as far as the target
// reports that; empty for the runner.
func (s *session) recordChange(in *Intent, who, aftermath string) {
	state, now := s.state, time.Now()
	state.Intent = nil
	switch in.Kind {
	case ChangeApply:
		// The next observation says which application it is.
		state.Applied, state.Application, state.WaitingSince = true, "", now
		s.recordAudited(EventApplied, Event{What: "applied for review"})
	case ChangeWithdraw:
		state.Applied, state.Application, state.WaitingSince = false, "", now
		what := "withdrew the application that somebody else made"
		if in.Other != nil {
			what = "withdrew the application of version " + in.Other.Version
		}
		s.recordAudited(EventWithdrawn, Event{What: what})
	case ChangeRaise, ChangePublish:
		from := state.Ratio
		s.recordRatio(in.To, who, false)
		s.recordAudited(EventRaised, Event{What: fmt.Sprintf("raised from %v to %v", from, in.To), From: from, To: in.To})
	case ChangeAbort:
		state.Status, state.Stop = Aborted, in.Stop
		state.Stop.Aftermath = aftermath
		s.recordAudited(EventAborted, Event{What: state.Stop.Reason + "; " + aftermath, By: state.Stop.By})
	}
	if who != "" { // the event is the runner's all the same, who has intended the change
		s.audit[len(s.audit)-1].By = who
	}
}

// recordRatio records that a ratio is live from now on.
func (s *session) recordRatio(to alipayplus.Ratio, by string, outside bool) {
	state, now := s.state, time.Now()
	state.Changes = append(state.Changes, RatioChange{From: state.Ratio, To: to, Outside: outside, By: by, At: now})
	state.LiveAt = time.Time{}
	state.Ratio, state.Since, state.Clock, state.WaitingSince, state.Gates = to, now, s.runner.host, now, nil
}

// abort gives the version up for a reason. When the target refuses that, the rollout pauses
// rather than raising the ratio of a version that a person or a gate wanted to end. The
// intent is kept until the pause is stored, so that a crash in between repeats the abort.
func (s *session) abort(ctx context.Context, why *Stop) error {
	err := s.makeChange(ctx, decision{message: "give the version up: " + why.Reason}, &Intent{Kind: ChangeAbort, Stop: why})
	refused, ok := errors.AsType[*abortFailedError](err)
	if !ok {
		return err
	}
	s.state.voidApprovals(why.Reason)
	why.At, why.Baked = time.Now(), s.bakedSoFar() // whoever resumed it before did not know this
	why.Reason += fmt.Sprintf("; giving the version up was refused: %v", refused)
	s.state.Intent = nil
	s.stop(Paused, why)
	return nil
}
