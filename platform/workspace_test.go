package platform_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

func TestAWorkspaceShowsCompanyRoleLimitsAndPolicies(t *testing.T) {
	inWorld(t, func(w *world) {
		program := w.authorizedProgram()
		w.release(program.ID, "1.0.0")
		w.release(program.ID, "1.0.1")
		dan := w.member("dan", alipayplus.RoleDeveloper)
		got, err := dan.Workspace.Get(w.Context())
		require.NoError(w, err)
		require.Equal(w, &alipayplus.Workspace{
			ID: w.workspace, Name: "Blue Lake Tea", Company: company(), Member: "dan", Role: alipayplus.RoleDeveloper,
			PermissionPolicy: alipayplus.PolicyDevelopersUploadOnly, ServicePolicy: alipayplus.DefaultServicePolicy(),
			Storage: alipayplus.Storage{Used: int64(len(zipPackage(w, "1.0.0")) + len(zipPackage(w, "1.0.1"))), Limit: 4 << 30},
			Targets: []alipayplus.TargetAppInfo{
				{
					App: cn, Ladder: alipayplus.DefaultLadder(), Languages: []string{"zh-CN"}, NeedsAuthorization: true,
					Limits: alipayplus.Limits{Programs: 10, WaitingVersions: 20}, ProgramsUsed: 1,
				},
				{App: partner, Ladder: alipayplus.DefaultLadder(), Limits: alipayplus.Limits{Programs: 3, WaitingVersions: 2}},
			},
		}, got)
	}, platform.WithPermissionPolicy(alipayplus.PolicyDevelopersUploadOnly), platform.WithTargetBackends(platform.NewSimulatedAlipayCN(), newPartnerApp()))
}

func TestEachTargetHasItsOwnLimits(t *testing.T) {
	inWorld(t, func(w *world) {
		program := w.authorizedProgram()
		create := func(app alipayplus.TargetApp, version alipayplus.VersionNumber) error {
			_, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: app})
			return err
		}
		for i, version := range []string{"1.0.0", "1.0.1", "1.0.2"} {
			number := w.upload(program.ID, version)
			require.NoError(w, create(cn, number))
			if i < 2 {
				require.NoError(w, create(partner, number))
				continue
			}
			require.ErrorContains(w, create(partner, number), "versions of this mini program to LAKE_WALLET: 2 of 2 are used")
		}
	}, platform.WithTargetBackends(platform.NewSimulatedAlipayCN(), newPartnerApp()))
}

// TestALowerLimitKeepsWhatIsThere: a mini program that goes to the target may go
// on, though the limit was lowered below what is used.
func TestALowerLimitKeepsWhatIsThere(t *testing.T) {
	app := newPartnerApp()
	inWorld(t, func(w *world) {
		create := func(program, version string) error {
			_, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program, Version: w.upload(program, version), TargetApp: partner})
			return err
		}
		programs := []string{w.program().ID, w.program().ID, w.program().ID}
		for _, program := range programs {
			require.NoError(w, create(program, "1.0.0"))
		}
		app.limits.Programs = 1
		for _, program := range programs {
			require.NoError(w, create(program, "1.0.1"))
		}
		require.ErrorIs(w, create(w.program().ID, "1.0.0"), alipayplus.ErrLimit)
	}, platform.WithTargetBackends(app))
}
