package alipayplus_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

func TestWhatBlocksAnotherApplication(t *testing.T) {
	for status, want := range map[alipayplus.ReleaseStatus]bool{
		alipayplus.ReleaseUnderReview: true, alipayplus.ReleasePreparation: true, alipayplus.ReleaseGrayscale: true,
		alipayplus.ReleaseNewVersionCreated: false, alipayplus.ReleaseFull: false,
		alipayplus.ReleaseCanceled: false, alipayplus.ReleaseArchived: false,
		"": false, "PAUSED": false,
	} {
		require.Equal(t, want, status.BlocksApply(), "%q", status)
	}
}

func TestBlockedBy(t *testing.T) {
	release := func(id, program string, app alipayplus.TargetApp, status alipayplus.ReleaseStatus) *alipayplus.Release {
		return &alipayplus.Release{ID: id, ProgramID: program, TargetApp: app, Status: status}
	}
	const cn = alipayplus.TargetAlipayCN
	own := release("r1", "p1", cn, alipayplus.ReleaseNewVersionCreated)
	inReview := release("r2", "p1", cn, alipayplus.ReleaseUnderReview)
	inGrayscale := release("r3", "p1", cn, alipayplus.ReleaseGrayscale)
	for _, tt := range []struct {
		name   string
		others []*alipayplus.Release
		want   *alipayplus.Release
	}{
		{"nothing else", nil, nil},
		{"another version under review", []*alipayplus.Release{inReview}, inReview},
		{"the first that blocks", []*alipayplus.Release{own, release("r0", "p1", cn, alipayplus.ReleaseFull), inGrayscale, inReview}, inGrayscale},
		{"itself", []*alipayplus.Release{release("r1", "p1", cn, alipayplus.ReleaseUnderReview)}, nil},
		{"another program", []*alipayplus.Release{release("r4", "p2", cn, alipayplus.ReleaseUnderReview)}, nil},
		{"another target app", []*alipayplus.Release{release("r5", "p1", "WALLET", alipayplus.ReleaseUnderReview)}, nil},
		{"one that is finished", []*alipayplus.Release{release("r6", "p1", cn, alipayplus.ReleaseFull)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Same(t, tt.want, own.BlockedBy(tt.others))
		})
	}
}

func TestCreateReleaseChecksTheLanguagesThatWereRead(t *testing.T) {
	program := &alipayplus.Program{ID: "p1", Languages: []alipayplus.Localization{{Language: "en"}}}
	target := &alipayplus.TargetAppInfo{App: alipayplus.TargetAlipayCN, Languages: []string{"zh-CN", "en", "zh-HK"}}
	in := alipayplus.CreateReleaseInput{
		ProgramID: "p1", Version: alipayplus.VersionNumber{Major: 1}, TargetApp: alipayplus.TargetAlipayCN,
	}
	require.NoError(t, in.Validate(), "nothing was read")
	in.Program = program
	require.NoError(t, in.Validate(), "no target was read")
	in.Program, in.Target = nil, target
	require.NoError(t, in.Validate(), "no program was read")

	in.Program = program
	require.Equal(t, []string{"program.languages ALIPAY_CN needs [zh-CN zh-HK]; add them with Programs.AddLanguages"}, brokenFields(t, in.Validate()))
	in.ProgramID = ""
	require.Len(t, brokenFields(t, in.Validate()), 2, "all that is wrong is named at once")

	in.ProgramID, target.Languages = "p1", []string{"en"}
	require.NoError(t, in.Validate())
}

func TestAVersionMustNotBeBelowTheOneThatIsLive(t *testing.T) {
	one, two := alipayplus.VersionNumber{Major: 1, Patch: 9}, alipayplus.VersionNumber{Major: 2}
	require.NoError(t, one.CheckDowngrade(alipayplus.VersionNumber{}), "none is live")
	require.NoError(t, two.CheckDowngrade(one))
	require.NoError(t, two.CheckDowngrade(two))
	err := one.CheckDowngrade(two)
	require.Equal(t, &alipayplus.DowngradeError{Version: one, Live: two}, err)
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	require.EqualError(t, err, "version 1.0.9 is lower than 2.0.0, which is fully released: users would go back to it; set AllowDowngrade if that is meant")
}

func TestWorkspaceTarget(t *testing.T) {
	w := alipayplus.Workspace{Targets: []alipayplus.TargetAppInfo{{App: "WALLET"}, {App: alipayplus.TargetAlipayCN, ProgramsUsed: 3}}}
	require.Same(t, &w.Targets[1], w.Target(alipayplus.TargetAlipayCN))
	require.Same(t, &w.Targets[0], w.Target("WALLET"))
	require.Nil(t, w.Target("BANK"))
}

func known(statuses ...alipayplus.ReleaseStatus) []*alipayplus.Release {
	all := []*alipayplus.Release{}
	for i, status := range statuses {
		all = append(all, &alipayplus.Release{
			ID: string(rune('a' + i)), ProgramID: "p", TargetApp: alipayplus.TargetAlipayCN, Status: status,
			Version: alipayplus.VersionNumber{Major: int32(i + 1)},
		})
	}
	return all
}

func TestCreateChecksTheLimitsThatAreKnown(t *testing.T) {
	target := &alipayplus.TargetAppInfo{App: alipayplus.TargetAlipayCN, Limits: alipayplus.Limits{Programs: 2, WaitingVersions: 2}}
	in := alipayplus.CreateReleaseInput{
		ProgramID: "p", Version: alipayplus.VersionNumber{Major: 9}, TargetApp: alipayplus.TargetAlipayCN, Target: target,
	}
	for _, tt := range []struct {
		name  string
		used  int
		known []*alipayplus.Release
		want  string
	}{
		{"nothing is known", 2, nil, ""},
		{"room", 1, known(), ""},
		{"no room for another mini program", 2, known(), "mini programs to ALIPAY_CN in this workspace: 2 of 2 are used"},
		{"canceled ones do not count", 2, known(alipayplus.ReleaseCanceled), "mini programs to ALIPAY_CN"},
		{"it goes there already", 2, known(alipayplus.ReleaseFull), ""},
		{"one waits", 2, known(alipayplus.ReleaseNewVersionCreated), ""},
		{
			"two wait", 2, known(alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseNewVersionCreated),
			"versions of this mini program to ALIPAY_CN: 2 of 2 are used",
		},
		{"one is under review", 2, known(alipayplus.ReleaseUnderReview), "none may be added while a version is under review"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			target.ProgramsUsed, in.Known = tt.used, tt.known
			err := in.Validate()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, alipayplus.ErrLimit)
			require.ErrorContains(t, err, tt.want)
		})
	}
	in.ProgramID = "another"
	in.Known = known(alipayplus.ReleaseUnderReview)
	target.ProgramsUsed = 1
	require.NoError(t, in.Validate(), "releases of other mini programs do not count")
}

func TestApplyIsNotSentWhileAnotherReleaseIsKnownToBeOnItsWay(t *testing.T) {
	in := alipayplus.ApplyInput{ReleaseID: "a", BasicInfo: new(business())}
	for _, status := range alipayplus.ReleaseStatuses() {
		in.Known = known(alipayplus.ReleaseNewVersionCreated, status)
		err := in.Validate()
		if !status.BlocksApply() {
			require.NoError(t, err, status)
			continue
		}
		require.ErrorIs(t, err, alipayplus.ErrConflict)
		require.ErrorContains(t, err, "release b of version 2.0.0 is "+string(status))
	}
	in.ReleaseID = "not among them"
	require.NoError(t, in.Validate())
}

func business() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}
