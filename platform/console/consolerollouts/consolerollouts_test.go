package consolerollouts_test

import (
	"archive/zip"
	"bytes"
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/console"
	"github.com/alipayplus-go/alipayplus/platform/console/consolerollouts"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// prepared gives a release that both parties have approved, and its workspace.
func prepared(t *testing.T) (owner *alipayplus.Client, workspace, release string) {
	t.Helper()
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithAutoReview(
		func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }))
	require.NoError(t, err)
	company := alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "1", Country: "SG", Address: "1 Lake Road", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
	owner, err = p.AddOwner(t.Context(), company, "olga")
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
	_, err = owner.Releases.Apply(t.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &company})
	require.NoError(t, err)
	return owner, of.ID, r.ID
}

func TestARolloutIsShownAndCommanded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		owner, workspace, release := prepared(t)
		ctx := t.Context()
		gate := func(context.Context, rollout.Step) (rollout.Verdict, error) {
			return rollout.Passed("error rate 0.004"), nil
		}
		spec := rollout.Spec{
			Version: rollout.SpecVersion, Review: rollout.ReviewAdopt, Gates: map[string]rollout.GateSpec{"errors": {}},
			Steps: []rollout.StepSpec{{Ratio: 5, Gates: []string{"errors"}}, {Ratio: 100, Approval: true}},
		}
		runner, err := rollout.New(rollout.ForRelease(owner, release), spec, rollout.NewMemoryStore(), rollout.WithGate("errors", gate), rollout.WithName("tea"))
		require.NoError(t, err)
		shown := consolerollouts.New(func(_ context.Context, of string) ([]*rollout.Runner, error) {
			if of != workspace {
				return nil, nil
			}
			return []*rollout.Runner{runner}, nil
		})
		all, err := shown.List(ctx, workspace)
		require.NoError(t, err)
		require.Empty(t, all, "it has not begun")

		for range 3 {
			_, err = runner.Step(ctx)
			require.NoError(t, err)
		}
		one := func() *console.Rollout {
			all, err := shown.List(ctx, workspace)
			require.NoError(t, err)
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
		others, err := shown.List(ctx, "ws_other")
		require.NoError(t, err)
		require.Empty(t, others)

		do := func(action string) error {
			return shown.Command(ctx, workspace, console.RolloutCommand{Rollout: "tea", Action: action, By: "olga", Ratio: 100, Seq: one().Seq})
		}
		require.NoError(t, do(console.RolloutPause))
		require.Equal(t, "PAUSED", one().Status)
		require.NotEmpty(t, one().Stopped)
		require.NoError(t, do(console.RolloutResume))
		require.NoError(t, do(console.RolloutApprove))
		require.Equal(t, "olga", one().Approvals[0].By)
		require.ErrorIs(t, do("explode"), alipayplus.ErrInvalid)
		require.ErrorIs(t, shown.Command(ctx, "ws_other", console.RolloutCommand{Rollout: "tea", Action: console.RolloutPause, By: "ravi"}), alipayplus.ErrNotFound)
		require.NoError(t, do(console.RolloutAbort))
		require.Equal(t, "ABORTED", one().Status)
		require.Empty(t, one().Approvals)
	})
}
