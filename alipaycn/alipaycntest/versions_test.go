package alipaycntest_test

import (
	"fmt"
	"testing"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

// Every step from every status: where it leads, or the code that refuses it.
func TestTransitions(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const gone alipaycn.VersionStatus = ""
	type step struct {
		op   cnwire.Operation
		want map[alipaycn.VersionStatus]alipaycn.VersionStatus
		code map[alipaycn.VersionStatus]alipaycn.Code
		rest alipaycn.Code // from every other status
	}
	type status = alipaycn.VersionStatus
	steps := []step{
		{cnwire.VersionApply, map[status]status{alipaycn.StatusInit: alipaycn.StatusAuditing}, map[status]alipaycn.Code{alipaycn.StatusAuditing: alipaycn.CodeSubmitRepeat}, alipaycn.CodeCanNotSubmitWithoutInit},
		{cnwire.VersionCancelAudit, map[status]status{alipaycn.StatusAuditing: alipaycn.StatusInit}, nil, alipaycn.CodeAuditingVersionNotExist},
		{cnwire.VersionReturnToDevelopment, map[status]status{alipaycn.StatusAuditReject: alipaycn.StatusInit, alipaycn.StatusWaitRelease: alipaycn.StatusInit, alipaycn.StatusBaseAuditPass: alipaycn.StatusInit}, nil, alipaycn.CodeCanNotBackDevWithoutAudit},
		{cnwire.VersionGray, map[status]status{alipaycn.StatusWaitRelease: alipaycn.StatusGray, alipaycn.StatusGray: alipaycn.StatusGray}, nil, alipaycn.CodeCanNotGrayWithoutAuditPass},
		{cnwire.VersionCancelGray, map[status]status{alipaycn.StatusGray: alipaycn.StatusWaitRelease}, nil, alipaycn.CodeCanNotEndGrayWithoutGray},
		{cnwire.VersionPublish, map[status]status{alipaycn.StatusWaitRelease: alipaycn.StatusRelease, alipaycn.StatusGray: alipaycn.StatusRelease}, map[status]alipaycn.Code{
			alipaycn.StatusInit: alipaycn.CodeCanNotOnlineWithoutAudit, alipaycn.StatusAuditing: alipaycn.CodeCanNotOnlineWithoutAudit,
			alipaycn.StatusAuditReject: alipaycn.CodeCanNotOnlineWithoutAudit, alipaycn.StatusBaseAuditPass: alipaycn.CodeCanNotOnlineNoPromote,
		}, alipaycn.CodeCanNotOnlineNotGrayOrWaitRelease},
		{cnwire.VersionTakeOffline, map[status]status{alipaycn.StatusRelease: alipaycn.StatusOffline}, nil, alipaycn.CodeCanNotOfflineWithoutOnline},
		{cnwire.VersionRollback, nil, map[status]alipaycn.Code{alipaycn.StatusRelease: alipaycn.CodeCanNotRollbackWithoutOffline}, alipaycn.CodeCanNotRollbackWithoutOnline},
		{cnwire.VersionDelete, map[status]status{alipaycn.StatusInit: gone}, nil, alipaycn.CodeCanNotDeleteWithoutDev},
	}
	for _, from := range alipaycn.VersionStatuses() {
		if from == alipaycn.StatusPromoteAuditReject { // what leads there is not documented
			continue
		}
		for _, s := range steps {
			t.Run(fmt.Sprintf("%s/%s", from, s.op.Name), func(t *testing.T) {
				w := newHarness(t)
				w.bring("0.0.1", from)
				before := w.g.Effects(mini)[s.op.Name]
				in := v("0.0.1")
				if s.op == cnwire.VersionApply {
					in = application("0.0.1")
				}
				if s.op == cnwire.VersionGray {
					in["gray_strategy"] = "p50"
				}
				to, possible := s.want[from]
				if !possible {
					code, special := s.code[from]
					if !special {
						code = s.rest
					}
					w.refused(code, s.op, in)
					require.Equal(t, from, w.g.Status(mini, "0.0.1"))
					require.Equal(t, before, w.g.Effects(mini)[s.op.Name])
					return
				}
				require.True(t, to == gone || from.CanBecome(to), "the client's table has no such step")
				w.ok(s.op, in, logo(t))
				require.Equal(t, to, w.g.Status(mini, "0.0.1"))
				require.Equal(t, before+1, w.g.Effects(mini)[s.op.Name])
			})
		}
	}
}

func TestARatioOnlyGrows(t *testing.T) {
	w := newHarness(t)
	w.bring("0.0.1", alipaycn.StatusWaitRelease)
	gray := func(strategy string) fields { return fields{"app_version": "0.0.1", "gray_strategy": strategy} }
	w.refused("GRAY_STRATEGY_IS_BLANK", cnwire.VersionGray, v("0.0.1"))
	w.refused("GRAY_STRATEGY_IS_INVALID", cnwire.VersionGray, gray("p70"))
	for _, strategy := range []string{"p10", "p30", "p50"} {
		w.ok(cnwire.VersionGray, gray(strategy))
		require.Equal(t, alipaycn.GrayStrategy(strategy), as[alipaycn.VersionDetail](t, w.ok(cnwire.VersionGet, v("0.0.1"))).GrayStrategy)
		w.refused(alipaycn.CodeGrayStrategyNotAllowReduce, cnwire.VersionGray, gray(strategy))
	}
	w.refused(alipaycn.CodeGrayStrategyNotAllowReduce, cnwire.VersionGray, gray("p30"))
	// when it ended, it may begin small again
	w.ok(cnwire.VersionCancelGray, v("0.0.1"))
	w.ok(cnwire.VersionGray, gray("p10"))
	require.Equal(t, 4, w.g.Effects(mini)["versions.gray"])
}

func TestRollback(t *testing.T) {
	w := newHarness(t)
	w.bring("0.0.1", alipaycn.StatusRelease)
	w.bring("0.0.2", alipaycn.StatusRelease)
	require.Equal(t, alipaycn.StatusOffline, w.g.Status(mini, "0.0.1"))
	w.bring("0.0.3", alipaycn.StatusGray)
	w.refused(alipaycn.CodeCanNotRollbackWithGray, cnwire.VersionRollback, v("0.0.2"))
	w.refused(alipaycn.CodeCanNotOfflineWithGray, cnwire.VersionTakeOffline, v("0.0.2"))
	w.ok(cnwire.VersionPublish, v("0.0.3"))

	w.ok(cnwire.VersionRollback, v("0.0.3"))
	require.Equal(t, alipaycn.StatusOffline, w.g.Status(mini, "0.0.3"))
	require.Equal(t, alipaycn.StatusRelease, w.g.Status(mini, "0.0.2"))
	w.refused(alipaycn.CodeCanNotContinuousRollback, cnwire.VersionRollback, v("0.0.2"))

	require.True(t, as[alipaycn.VersionDetail](t, w.ok(cnwire.VersionGet, v("0.0.2"))).OfflineAt.IsZero(), "it is online")

	w.bring("0.0.4", alipaycn.StatusRelease)
	w.ok(cnwire.VersionRollback, v("0.0.4"))
	require.Equal(t, alipaycn.StatusRelease, w.g.Status(mini, "0.0.2"), "it was online before 0.0.4; 0.0.3 was not any more")
	require.Equal(t, alipaycn.StatusOffline, w.g.Status(mini, "0.0.3"))

	w.bring("0.0.5", alipaycn.StatusRelease)
	require.NoError(t, w.g.TakeDown(mini, "0.0.2"))
	w.refused("CAN_NOT_ROLLBACK_PUNISH", cnwire.VersionRollback, v("0.0.5"))
}

func TestEveryClientHasVersionsOfItsOwn(t *testing.T) {
	w := newHarness(t)
	iot := func(in fields) fields {
		in["bundle_id"] = string(alipaycn.BundleIoT)
		return in
	}
	w.bring("0.0.1", alipaycn.StatusRelease)
	w.ok(cnwire.VersionUpload, iot(fields{"template_id": template, "app_version": "0.0.1"}))
	w.refused(alipaycn.CodeCanNotRollbackWithoutOnline, cnwire.VersionRollback, iot(v("0.0.1")))
	short := fields{"app_version": "0.0.1", "version_desc": application("")["version_desc"]}
	w.ok(cnwire.VersionApply, iot(short))
	require.NoError(t, w.g.Approve(mini, "0.0.1"), "of the two it is the one under review")
	w.ok(cnwire.VersionPublish, iot(v("0.0.1")))
	require.Equal(t, alipaycn.StatusRelease, w.g.Status(mini, "0.0.1"), "that of the wallet stays online")
	for _, op := range []cnwire.Operation{cnwire.VersionPublish, cnwire.VersionList, cnwire.ExperienceCreate, cnwire.ExperienceGet} {
		w.refused("invalid-parameter", op, fields{"app_version": "0.0.1", "bundle_id": "com.example"})
	}
}

func TestWithoutAFilingAFirstReleaseIsRestricted(t *testing.T) {
	w := newHarness(t)
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "unfiled", NoFiling: true}))
	token, err := w.g.Authorize(isv, "unfiled")
	require.NoError(t, err)
	w.token = token.AppAuthToken
	require.NoError(t, w.g.AddVersion("unfiled", "0.0.1"))
	w.ok(cnwire.VersionApply, application("0.0.1"), logo(t))
	require.NoError(t, w.g.Approve("unfiled", "0.0.1"))
	w.refused(alipaycn.CodeCanNotOnlineWithoutRegistration, cnwire.VersionPublish, v("0.0.1"))
	w.ok(cnwire.VersionPublish, fields{"app_version": "0.0.1", "permit_registration_limit_release": true})
}

func TestExperience(t *testing.T) {
	w := newHarness(t)
	w.bring("0.0.1", alipaycn.StatusRelease)
	w.bring("0.0.2", alipaycn.StatusInit)
	w.bring("0.0.3", alipaycn.StatusInit)
	w.refused("CAN_NOT_SET_EXP_WITH_ONLINED_STATUS", cnwire.ExperienceCreate, v("0.0.1"))
	w.refused(alipaycn.CodeMiniAppPackageInfoNotExist, cnwire.ExperienceCreate, v("9.9.9"))
	status := func(number string) alipaycn.Experience {
		return as[alipaycn.Experience](t, w.ok(cnwire.ExperienceGet, v(number)))
	}
	require.Equal(t, alipaycn.Experience{Status: alipaycn.ExperienceNone}, status("0.0.2"))
	w.ok(cnwire.ExperienceCreate, v("0.0.2"))
	w.refused(alipaycn.CodeCanNotSetExpRepeat, cnwire.ExperienceCreate, v("0.0.2"))
	require.NotEmpty(t, status("0.0.2").QRCodeURL)
	w.refused(alipaycn.CodeCanNotDeleteWithExperience, cnwire.VersionDelete, v("0.0.2"))

	w.ok(cnwire.ExperienceCreate, v("0.0.3")) // takes the place of 0.0.2
	w.refused(alipaycn.CodeCanNotCancelExpWithInvalidStatus, cnwire.ExperienceCancel, v("0.0.2"))
	w.ok(cnwire.ExperienceCancel, v("0.0.3"))
	require.Equal(t, alipaycn.ExperienceNone, status("0.0.3").Status)

	require.NoError(t, w.g.TakeDown(mini, "0.0.3"))
	w.refused("CAN_NOT_SET_EXP_INVALID_STATUS", cnwire.ExperienceCreate, v("0.0.3"))
	require.NoError(t, w.g.SetScan(mini, "0.0.2", alipaycn.ScanFailed))
	w.refused("CAN_NOT_SET_WITHOUT_SCAN_PASS", cnwire.ExperienceCreate, v("0.0.2"))
}
