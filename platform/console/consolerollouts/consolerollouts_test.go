package consolerollouts_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/console"
	"github.com/alipayplus-go/alipayplus/platform/console/consolerollouts"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "1", Country: "SG", Address: "1 Lake Road", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

// prepared gives a release that both parties have approved, and the owner of its workspace.
func prepared(t *testing.T) (p *platform.Platform, owner *alipayplus.Client, release string) {
	t.Helper()
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithAutoReview(
		func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }))
	require.NoError(t, err)
	owner, err = p.AddOwner(t.Context(), company(), "olga")
	require.NoError(t, err)
	of, err := owner.Workspace.Get(t.Context())
	require.NoError(t, err)
	program, err := owner.Programs.Create(t.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "茶"}}})
	require.NoError(t, err)
	require.NoError(t, p.GrantAuthorization(t.Context(), of.ID, program.ID, alipayplus.TargetAlipayCN))
	var build bytes.Buffer
	z := zip.NewWriter(&build)
	_, err = z.Create("app.json")
	require.NoError(t, err)
	require.NoError(t, z.Close())
	one := alipayplus.VersionNumber{Major: 1}
	_, err = owner.Programs.UploadVersion(t.Context(), alipayplus.UploadVersionInput{
		ProgramID: program.ID, Version: one, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	require.NoError(t, err)
	r, err := owner.Releases.Create(t.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: one, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(t, err)
	_, err = owner.Releases.Apply(t.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())})
	require.NoError(t, err)
	return p, owner, r.ID
}

func TestARolloutIsShownAndCommanded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, owner, release := prepared(t)
		ctx := t.Context()
		gate := func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Passed("error rate 0.004"), nil
		}
		spec := rollout.Spec{
			Version: rollout.SpecVersion, Review: rollout.ReviewAdopt, Gates: map[string]rollout.GateSpec{"errors": {}},
			Steps: []rollout.StepSpec{{Ratio: 5, Gates: []string{"errors"}}, {Ratio: 100, Approval: true}},
		}
		store := rollout.NewMemoryStore()
		runner, err := rollout.New(rollout.ForRelease(owner, release), spec, store, rollout.WithGate("errors", gate), rollout.WithName("tea"))
		require.NoError(t, err)
		shown := consolerollouts.New(store)
		require.Empty(t, list(t, shown, owner), "it has not begun")

		for range 3 {
			_, err = runner.Step(ctx)
			require.NoError(t, err)
		}
		one := func() *console.Rollout {
			all := list(t, shown, owner)
			require.Len(t, all, 1)
			return all[0]
		}
		state := one()
		require.Equal(t, "tea", state.Name)
		require.Equal(t, release, state.ReleaseID)
		require.Equal(t, "RUNNING", state.Status)
		require.Equal(t, alipayplus.Ratio(5), state.Ratio)
		require.Equal(t, []console.RolloutApproval{{Ratio: 100}}, state.Approvals)
		require.Equal(t, "error rate 0.004", state.Gates[0].Reason)
		stranger, err := p.AddOwner(ctx, company(), "ravi")
		require.NoError(t, err)
		require.Empty(t, list(t, shown, stranger), "it is of another workspace")

		do := func(client *alipayplus.Client, action string) error {
			return shown.Command(ctx, client, console.RolloutCommand{Rollout: "tea", Action: action, By: "olga", Ratio: 100, Seq: one().Seq})
		}
		require.NoError(t, do(owner, console.RolloutPause))
		require.Equal(t, "PAUSED", one().Status)
		require.NotEmpty(t, one().Stopped)
		require.NoError(t, do(owner, console.RolloutResume))
		require.NoError(t, do(owner, console.RolloutApprove))
		require.Equal(t, "olga", one().Approvals[0].By)
		require.ErrorIs(t, do(owner, "explode"), alipayplus.ErrInvalid)
		require.ErrorIs(t, do(stranger, console.RolloutPause), alipayplus.ErrNotFound)
		require.ErrorIs(t, shown.Command(ctx, owner, console.RolloutCommand{Rollout: "coffee", Action: console.RolloutPause, By: "olga"}), alipayplus.ErrNotFound)
		require.NoError(t, do(owner, console.RolloutAbort))
		require.Equal(t, "ABORTED", one().Status)
		require.Empty(t, one().Approvals)
		canceled, err := owner.Releases.Get(ctx, release)
		require.NoError(t, err)
		require.Equal(t, alipayplus.ReleaseCanceled, canceled.Status)
	})
}

// TestACommandIsLeftToWhoeverDrivesTheRollout: and shown once it was executed.
func TestACommandIsLeftToWhoeverDrivesTheRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, owner, release := prepared(t)
		store := rollout.NewMemoryStore()
		spec := rollout.Spec{
			Version: rollout.SpecVersion, Review: rollout.ReviewAdopt, Steps: []rollout.StepSpec{{Ratio: 5}, {Ratio: 100, Approval: true}},
		}
		runner, err := rollout.New(rollout.ForRelease(owner, release), spec, store)
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() {
			_, err := runner.Run(t.Context())
			ended <- err
		}()
		time.Sleep(time.Hour)
		shown := consolerollouts.New(store)
		before := list(t, shown, owner)[0]
		require.NoError(t, shown.Command(t.Context(), owner, console.RolloutCommand{
			Rollout: before.Name, Action: console.RolloutPause, By: "olga", Seq: before.Seq,
		}))
		require.Equal(t, "PAUSED", list(t, shown, owner)[0].Status)
		require.ErrorAs(t, <-ended, new(*rollout.StoppedError))
	})
}

// TestAColleagueWorksForTheMerchant: whoever is not assigned to an order sees nothing of the merchant's
// rollouts, and all of the others.
func TestAColleagueWorksForTheMerchant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, merchant, release := prepared(t)
		ctx := t.Context()
		store := rollout.NewMemoryStore()
		spec := rollout.Spec{Version: rollout.SpecVersion, Review: rollout.ReviewAdopt, Steps: []rollout.StepSpec{{Ratio: 5}, {Ratio: 100, Approval: true}}}
		runner, err := rollout.New(rollout.ForRelease(merchant, release), spec, store, rollout.WithName("tea"))
		require.NoError(t, err)
		_, err = runner.Step(ctx)
		require.NoError(t, err)

		provider, err := p.AddOwner(ctx, company(), "ravi")
		require.NoError(t, err)
		order := ordered(t, provider, merchant)
		of, err := provider.Workspace.Get(ctx)
		require.NoError(t, err)
		require.NoError(t, p.PutMember(ctx, platform.Member{WorkspaceID: of.ID, Name: "dan", Role: alipayplus.RoleDeveloper}))
		dan, err := p.Client(ctx, of.ID, "dan")
		require.NoError(t, err)
		shown := consolerollouts.New(store)
		require.Len(t, list(t, shown, provider), 1)
		require.Empty(t, list(t, shown, dan))
		pause := console.RolloutCommand{Rollout: "tea", Action: console.RolloutPause, By: "dan"}
		require.ErrorIs(t, shown.Command(ctx, dan, pause), alipayplus.ErrPermission)
		_, err = provider.Orders.Assign(ctx, alipayplus.AssignMembersInput{OrderID: order, Members: []string{"dan"}})
		require.NoError(t, err)
		require.Len(t, list(t, shown, dan), 1)
		require.NoError(t, shown.Command(ctx, dan, pause))
	})
}

// ordered is an order that gives a provider access to the merchant's mini program.
func ordered(t *testing.T, provider, merchant *alipayplus.Client) string {
	t.Helper()
	ctx := t.Context()
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 360, 240))))
	file, err := provider.Files.Upload(ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(picture.Bytes()), Size: int64(picture.Len())})
	require.NoError(t, err)
	some := alipayplus.Content{alipayplus.TextBlock("tea")}
	service, err := provider.Services.Create(ctx, alipayplus.CreateServiceInput{ServiceDescription: alipayplus.ServiceDescription{
		Name: "Tea shop", Industry: "Food", Type: alipayplus.ServiceMiniProgramDevelopment, Description: "tea", ImageFileID: file.ID,
		ApplicableApps: []alipayplus.TargetApp{alipayplus.TargetAlipayCN}, PaymentInformation: some, Details: some, Tutorial: some,
	}})
	require.NoError(t, err)
	_, err = provider.Services.Submit(ctx, alipayplus.ServiceInput{ServiceID: service.ID})
	require.NoError(t, err)
	programs, err := merchant.Programs.List(ctx, alipayplus.ListProgramsInput{})
	require.NoError(t, err)
	order, err := merchant.Orders.Place(ctx, alipayplus.PlaceOrderInput{ServiceID: service.ID, ProgramID: programs.Items[0].ID})
	require.NoError(t, err)
	_, err = provider.Orders.Accept(ctx, alipayplus.OrderInput{OrderID: order.ID})
	require.NoError(t, err)
	_, err = merchant.Orders.Confirm(ctx, alipayplus.OrderInput{OrderID: order.ID})
	require.NoError(t, err)
	return order.ID
}

// TestWhatIsOverComesLast: and only the newest of it is shown.
func TestWhatIsOverComesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, owner, release := prepared(t)
		store := rollout.NewMemoryStore()
		spec := rollout.Spec{Version: rollout.SpecVersion, Review: rollout.ReviewAdopt, Steps: []rollout.StepSpec{{Ratio: 5}, {Ratio: 100, Approval: true}}}
		begin := func(name string) *rollout.Runner {
			runner, err := rollout.New(rollout.ForRelease(owner, release), spec, store, rollout.WithName(name))
			require.NoError(t, err)
			_, err = runner.Step(t.Context())
			require.NoError(t, err)
			time.Sleep(time.Minute)
			return runner
		}
		begin("going on")
		aborted := begin("aborted 0")
		_, err := aborted.Abort(t.Context(), "olga", "")
		require.NoError(t, err)
		for i := 1; i < 25; i++ { // the release is canceled, which ends them
			runner, err := rollout.New(rollout.ForRelease(owner, release), spec, store, rollout.WithName(fmt.Sprintf("aborted %d", i)))
			require.NoError(t, err)
			_, _ = runner.Step(t.Context())
			time.Sleep(time.Minute)
		}
		lease, err := store.Acquire(t.Context(), "damaged", "test")
		require.NoError(t, err)
		require.NoError(t, lease.Save(t.Context(), []byte("{}"), nil))
		shown := list(t, consolerollouts.New(store), owner)
		require.Len(t, shown, 21)
		require.Equal(t, "going on", shown[0].Name)
		require.Equal(t, "aborted 24", shown[1].Name)
	})
}

func list(t *testing.T, of console.Rollouts, client *alipayplus.Client) []*console.Rollout {
	t.Helper()
	all, err := of.List(t.Context(), client)
	require.NoError(t, err)
	return all
}
