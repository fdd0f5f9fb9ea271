package alipayplus_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

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

func TestCreateChecksTheLimitsItWasTold(t *testing.T) {
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
