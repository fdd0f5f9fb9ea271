package platform_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

func TestAWorkspaceShowsCompanyRoleLimitsAndPolicies(t *testing.T) {
	withFixture(t, func(w *fixture) {
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
	withFixture(t, func(w *fixture) {
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

// A limit of 0 is none; what is used is counted all the same.
func TestWhatIsUsedIsCountedWithoutALimit(t *testing.T) {
	app := newPartnerApp()
	app.limits = alipayplus.Limits{}
	withFixture(t, func(w *fixture) {
		for range 2 {
			program := w.program().ID
			_, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program, Version: w.upload(program, "1.0.0"), TargetApp: partner})
			require.NoError(w, err)
		}
		require.Equal(w, 2, must(w.owner.Workspace.Get(w.Context())).Target(partner).ProgramsUsed)
	}, platform.WithTargetBackends(app))
}

// Whatever keeps the announced limits is accepted, and can be read by its reviewers.
func TestAnnouncedLimitsAreCoherent(t *testing.T) {
	for name, tt := range map[string]struct {
		policy       alipayplus.ServicePolicy
		body, file   int64
		bytes, image int64
	}{
		"default":               {alipayplus.DefaultServicePolicy(), 1 << 20, 32 << 20, 1_000_000, 2 << 20},
		"none":                  {alipayplus.ServicePolicy{}, 1 << 20, 32 << 20, 1<<20 - 4096, 11 << 20},
		"larger than a call":    {alipayplus.ServicePolicy{MaxBytes: 1 << 30, MaxImageBytes: 1 << 30}, 8 << 10, 1000, 4096, 1000},
		"larger than an answer": {alipayplus.ServicePolicy{}, 64 << 20, 64 << 20, 4 << 20, 11 << 20},
	} {
		sentence(t, name, func(w *fixture) {
			got := must(w.owner.Workspace.Get(w.Context())).ServicePolicy
			require.Equal(w, tt.bytes, got.MaxBytes)
			require.Equal(w, tt.image, got.MaxImageBytes)
		}, platform.WithServicePolicy(tt.policy), platform.WithMaxBytes(tt.body, tt.file))
	}
}

// TestALowerLimitKeepsWhatIsThere: a mini program that goes to the target may go
// on, though the limit was lowered below what is used.
func TestALowerLimitKeepsWhatIsThere(t *testing.T) {
	app := newPartnerApp()
	withFixture(t, func(w *fixture) {
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
