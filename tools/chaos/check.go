package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// records are what the platform and the rollout recorded of one release.
type records struct {
	// platform are the platform's own changes of the release, oldest first.
	platform []platform.AuditEntry
	// release is what the platform answers.
	release *alipayplus.Release
	// state is the rollout's checkpoint; nil when there is none.
	state *rollout.State
	// audit is the rollout's audit log.
	audit []rollout.AuditEntry
}

// check compares the records of a release that reached all users.
func (w *deployment) check(ctx context.Context, release string) error {
	r, err := w.read(ctx, release)
	if err != nil {
		return err
	}
	return r.check()
}

// checkDone compares the records of a job that the program says is done.
func (w *deployment) checkDone(ctx context.Context, j job) error {
	release, err := j.release(ctx)
	if err != nil {
		return err
	}
	if release == "" {
		return errors.New("the program says that it is done, and there is no release")
	}
	return w.check(ctx, release)
}

func (w *deployment) read(ctx context.Context, release string) (r records, err error) {
	for entry, err := range w.platform.Audit(ctx, w.workspace) {
		if err != nil {
			return r, err
		}
		if entry.Kind == "release" && entry.ID == release {
			r.platform = append(r.platform, entry)
		}
	}
	if r.release, err = w.owner.Releases.Get(ctx, release); err != nil {
		return r, err
	}
	if r.state, err = w.checkpoint(ctx, release); err != nil {
		return r, err
	}
	for entry, err := range w.rollouts().Audit(ctx, w.target(release).ID()) {
		if err != nil {
			return r, err
		}
		r.audit = append(r.audit, entry)
	}
	return r, nil
}

func (w *deployment) rollouts() *rollout.FileStore { return rollout.NewFileStore(w.path(stateFolder)) }

func (w *deployment) target(release string) rollout.Target {
	return rollout.ForRelease(w.owner, release)
}

// checkpoint reads the rollout's checkpoint, nil when there is none. It must be whole at
// any moment.
func (w *deployment) checkpoint(ctx context.Context, release string) (*rollout.State, error) {
	content, err := os.ReadFile(w.path(specFile))
	if err != nil {
		return nil, err
	}
	spec, err := rollout.ParseSpec(content)
	if err != nil {
		return nil, err
	}
	runner, err := rollout.New(w.target(release), *spec, w.rollouts())
	if err != nil {
		return nil, err
	}
	return runner.Status(ctx)
}

// checkKilled checks what a killed process left: a checkpoint that is whole and not ahead
// of the release, or none. It says whether the process was killed before its first
// checkpoint, and whether in the middle of a change.
func (w *deployment) checkKilled(ctx context.Context, j job) (early, changing bool, err error) {
	release, err := j.release(ctx)
	if err != nil || release == "" {
		return true, false, err
	}
	state, err := w.checkpoint(ctx, release)
	if err != nil || state == nil {
		return state == nil, false, err
	}
	there, err := w.owner.Releases.Get(ctx, release)
	if err != nil {
		return false, false, err
	}
	ratio := there.Grayscale.Ratio
	if there.Status == alipayplus.ReleaseFull {
		ratio = alipayplus.FullRatio
	}
	if state.Ratio > ratio {
		return false, false, fmt.Errorf("the checkpoint says that %v is live where %v is", state.Ratio, ratio)
	}
	return false, state.Intent != nil, nil
}

// check says what is wrong with the records of a release that reached all users.
func (r records) check() error {
	for _, check := range []func() error{r.checkPlatform, r.checkTimes, r.checkState, r.checkAudit} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkPlatform: the release went through each status and each ratio once, in order.
func (r records) checkPlatform() error {
	want := []string{string(alipayplus.ReleaseNewVersionCreated), string(alipayplus.ReleaseUnderReview), string(alipayplus.ReleasePreparation)}
	for _, ratio := range alipayplus.DefaultLadder().Ratios() {
		want = append(want, live(ratio))
	}
	got := make([]string, len(r.platform))
	for i, entry := range r.platform {
		got[i] = entry.To
	}
	if !slices.Equal(want, got) {
		return fmt.Errorf("the platform's record is %s; it should be %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
	if r.release.Status != alipayplus.ReleaseFull {
		return fmt.Errorf("the release is %s", r.release.Status)
	}
	return nil
}

// live is how the platform's audit log names a ratio that became live.
func live(ratio alipayplus.Ratio) string {
	if ratio == alipayplus.FullRatio {
		return string(alipayplus.ReleaseFull)
	}
	return fmt.Sprintf("%s %v", alipayplus.ReleaseGrayscale, ratio)
}

// checkTimes: no ratio was raised before it was watched long enough, by the platform's
// clock, which is this machine's.
func (r records) checkTimes() error {
	for i := 1; i < len(r.platform); i++ {
		before, after := r.platform[i-1], r.platform[i]
		watched := after.At.Sub(before.At)
		if strings.HasPrefix(before.To, string(alipayplus.ReleaseGrayscale)) && watched < bakeTime {
			return fmt.Errorf("%s was live for %v before %s; it should have been for %v at least", before.To, watched, after.To, bakeTime)
		}
	}
	return nil
}

// checkState: the checkpoint says the same as the platform.
func (r records) checkState() error {
	s := r.state
	if s == nil {
		return errors.New("there is no checkpoint")
	}
	if s.Status != rollout.Done || s.Ratio != alipayplus.FullRatio || s.Intent != nil || s.Stop != nil {
		return fmt.Errorf("the checkpoint does not fit a release that all users have: %s at %v, intent %v, stop %v", s.Status, s.Ratio, s.Intent, s.Stop)
	}
	ratios := alipayplus.DefaultLadder().Ratios()
	if len(s.Changes) != len(ratios) {
		return fmt.Errorf("the checkpoint has %d ratios that went live, not of %d: %v", len(s.Changes), len(ratios), s.Changes)
	}
	var before alipayplus.Ratio
	for i, change := range s.Changes {
		if change.From != before || change.To != ratios[i] || change.Outside {
			return fmt.Errorf("the checkpoint has %+v where it should be from %v to %v, by the rollout", change, before, ratios[i])
		}
		before = change.To
	}
	return nil
}

// checkAudit: the rollout's audit log has each step once, in order.
func (r records) checkAudit() error {
	want := []string{"STARTED 0%", "APPLIED 0%"}
	for _, ratio := range alipayplus.DefaultLadder().Ratios() {
		want = append(want, fmt.Sprintf("RAISED %v", ratio))
	}
	want = append(want, "DONE 100%")
	got := make([]string, len(r.audit))
	var seq uint64
	seen := make(map[string]bool)
	for i, entry := range r.audit {
		got[i] = fmt.Sprintf("%s %v", entry.Action, entry.To)
		if entry.Seq < seq {
			return fmt.Errorf("the audit log goes back from checkpoint %d to %d: %+v", seq, entry.Seq, entry)
		}
		seq = entry.Seq
		line, err := json.Marshal(entry)
		if err != nil {
			return err
		}
		if seen[string(line)] {
			return fmt.Errorf("the audit log has this twice: %s", line)
		}
		seen[string(line)] = true
	}
	if !slices.Equal(want, got) {
		return fmt.Errorf("the audit log is %s; it should be %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
	return nil
}
