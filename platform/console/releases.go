package console

import (
	"context"
	"slices"
	"strconv"

	"github.com/alipayplus-go/alipayplus"
)

// releases are those of the workspace, by status.
func (v *visit) releases() error {
	in := alipayplus.ListReleasesInput{ListOptions: v.options(), Status: alipayplus.ReleaseStatus(v.r.URL.Query().Get("status"))}
	found, err := v.client.Releases.List(v.ctx(), in)
	if err != nil {
		return err
	}
	return v.show("releases", "releases.title", struct {
		In       alipayplus.ListReleasesInput
		Statuses []alipayplus.ReleaseStatus
		Releases []*alipayplus.Release
		Next     string
	}{
		in, slices.DeleteFunc(alipayplus.ReleaseStatuses(), func(s alipayplus.ReleaseStatus) bool { return s == alipayplus.ReleaseDeleted }),
		found.Items, v.next(found.NextCursor),
	})
}

// releasePage is a release, and what may be done with it in its status.
type releasePage struct {
	*alipayplus.Release
	Program *alipayplus.Program
	History []*alipayplus.ReleaseEvent
	Next    string
	Ladder  *ladder
	// Ratios are those that may be chosen now.
	Ratios []alipayplus.Ratio
	Can    map[string]bool
}

// release shows a release: both reviews, the ladder, the history.
func (v *visit) release() error {
	id := v.r.PathValue("id")
	release, err := v.client.Releases.Get(v.ctx(), id)
	if err != nil {
		return err
	}
	program, err := v.client.Programs.Get(v.ctx(), release.ProgramID)
	if err != nil {
		return err
	}
	history, err := v.client.Releases.History(v.ctx(), alipayplus.ListHistoryInput{ReleaseID: id, ListOptions: v.options()})
	if err != nil {
		return err
	}
	workspace, err := v.client.Workspace.Get(v.ctx())
	if err != nil {
		return err
	}
	target, status := workspace.Target(release.TargetApp), release.Status
	data := &releasePage{
		Release: release, Program: program, History: history.Items, Next: v.next(history.NextCursor), Ladder: drawLadder(release),
		Can: map[string]bool{
			"configure": status == alipayplus.ReleaseNewVersionCreated,
			"apply":     status == alipayplus.ReleaseNewVersionCreated,
			"test":      status == alipayplus.ReleaseNewVersionCreated && target != nil && len(target.TestDevices) > 0,
			"delete":    status == alipayplus.ReleaseNewVersionCreated,
			"withdraw":  status == alipayplus.ReleaseUnderReview,
			"finalize":  status == alipayplus.ReleasePreparation,
			"cancel":    status.CanBecome(alipayplus.ReleaseCanceled),
			"offline":   status == alipayplus.ReleaseFull,
			"rollback":  status == alipayplus.ReleaseFull,
		},
	}
	if status == alipayplus.ReleasePreparation || status == alipayplus.ReleaseGrayscale {
		data.Ratios = release.Grayscale.Ladder.From(release.Grayscale.Ratio)
	}
	return v.show("release", "release.title", data)
}

// step does what a release's page has a button for.
func (v *visit) step() error {
	id := v.r.PathValue("id")
	in := alipayplus.ReleaseInput{ReleaseID: id, RequestID: v.requestID()}
	releases := &v.client.Releases
	plain := map[string]func(context.Context, alipayplus.ReleaseInput) (*alipayplus.Release, error){
		"withdraw": releases.Withdraw, "cancel": releases.Cancel, "delete": releases.Delete, "offline": releases.TakeOffline, "rollback": releases.RollBack,
	}
	to, err := "releases/"+id, error(nil) //nolint:wastedassign // each step sets it
	switch step := v.r.PathValue("step"); step {
	case "apply":
		_, err = releases.Apply(v.ctx(), alipayplus.ApplyInput{ReleaseID: id, BasicInfo: v.basicInfo(), RequestID: in.RequestID})
	case "test":
		_, err = releases.TestCompatibility(v.ctx(), alipayplus.TestCompatibilityInput{ReleaseID: id, RequestID: in.RequestID})
	case "grayscale":
		err = v.setRatio(id)
	case "finalize":
		_, err = releases.Finalize(v.ctx(), alipayplus.FinalizeInput{ReleaseID: id, AllowDowngrade: v.posted("allowDowngrade") != "", RequestID: in.RequestID})
	default:
		do, has := plain[step]
		if !has {
			return v.nothing()
		}
		_, err = do(v.ctx(), in)
		if step == "delete" {
			to = "releases"
		}
	}
	return v.done(err, to, v.release)
}

func (v *visit) configureRelease() error {
	id := v.r.PathValue("id")
	release, err := v.client.Releases.Get(v.ctx(), id)
	if err != nil {
		return err
	}
	configuration, err := v.configured(release.Configuration)
	if err == nil {
		_, err = v.client.Releases.UpdateConfiguration(v.ctx(), alipayplus.UpdateReleaseConfigurationInput{
			ReleaseID: id, Configuration: configuration, RequestID: v.requestID(),
		})
	}
	return v.done(err, "releases/"+id, v.release)
}

// basicInfo is the business registration as it was confirmed or changed in the form.
func (v *visit) basicInfo() *alipayplus.BusinessRegistration {
	return &alipayplus.BusinessRegistration{
		CompanyName: v.posted("companyName"), RegistrationNumber: v.posted("registrationNumber"), Country: v.posted("country"),
		Address: v.posted("address"), ContactName: v.posted("contactName"), ContactEmail: v.posted("contactEmail"), ContactPhone: v.posted("contactPhone"),
	}
}

// setRatio goes from the ratio that the page showed to a higher one: when another one is
// live by now, nothing is changed.
func (v *visit) setRatio(id string) error {
	from, _ := strconv.Atoi(v.posted("from")) // what is no number is refused as a ratio
	to, _ := strconv.Atoi(v.posted("ratio"))
	in := alipayplus.GrayscaleInput{
		ReleaseID: id, From: alipayplus.Ratio(from), Ratio: alipayplus.Ratio(to), AllowDowngrade: v.posted("allowDowngrade") != "", RequestID: v.requestID(),
	}
	set := v.client.Releases.Raise
	if from == 0 {
		set = v.client.Releases.StartGrayscale
	}
	_, err := set(v.ctx(), in)
	return err
}
