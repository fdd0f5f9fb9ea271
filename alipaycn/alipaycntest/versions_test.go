package alipaycntest_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// Every step from every status: where it leads, or the code that refuses it.
func TestTransitions(t *testing.T) {
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
				w := newWorld(t)
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
	w := newWorld(t)
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

func TestOneVersionAtATime(t *testing.T) {
	for _, status := range alipaycn.VersionStatuses() {
		if status == alipaycn.StatusPromoteAuditReject {
			continue
		}
		t.Run(string(status), func(t *testing.T) {
			w := newWorld(t)
			w.bring("0.0.1", status)
			require.NoError(t, w.g.AddVersion(mini, "0.0.2"))
			if status.BlocksApply() {
				w.refused(alipaycn.CodeCanNotSubmitWithAuditGray, cnwire.VersionApply, application("0.0.2"), logo(t))
				return
			}
			w.ok(cnwire.VersionApply, application("0.0.2"), logo(t))
		})
	}
}

func TestAVersionBelowOneThatWasOnlineIsNotReviewed(t *testing.T) {
	w := newWorld(t)
	w.bring("0.0.1", alipaycn.StatusInit)
	w.bring("0.0.2", alipaycn.StatusRelease)
	w.refused(alipaycn.CodeExistLargerOnlinedVersion, cnwire.VersionApply, application("0.0.1"))
}

func TestRollback(t *testing.T) {
	w := newWorld(t)
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
	w := newWorld(t)
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

func TestTwentyDevelopmentVersions(t *testing.T) {
	w := newWorld(t)
	w.bring("0.0.1", alipaycn.StatusRelease) // does not count
	for n := range 20 {
		w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": fmt.Sprintf("0.1.%d", n)})
	}
	upload := fields{"template_id": template, "app_version": "0.2.0"}
	w.refused(alipaycn.CodeDevVersionExceedMaxCount, cnwire.VersionUpload, upload)
	require.ErrorContains(t, w.g.AddVersion(mini, "0.2.0"), "DEV_VERSION_EXCEED_MAX_COUNT")
	w.ok(cnwire.VersionDelete, v("0.1.3"))
	w.ok(cnwire.VersionUpload, upload)
	require.Equal(t, 21, w.g.Effects(mini)["versions.upload"])

	list := as[alipaycn.VersionList](t, w.ok(cnwire.VersionList, fields{"version_status": "INIT,RELEASE"}))
	require.Len(t, list.Versions, 20) // of 21
	require.Equal(t, alipaycn.Version("0.2.0"), list.Versions[0].Version)
	require.Equal(t, []alipaycn.Version{"0.2.0", "0.0.1"}, list.AppVersions) // the highest of each status
	require.Empty(t, as[alipaycn.VersionList](t, w.ok(cnwire.VersionList, nil)).Versions)
}

func TestUploadIsChecked(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "other", ThirdParty: true}))
	require.NoError(t, w.g.AddTemplate("other", "foreign", "1.0.0"))
	w.bring("1.0.0", alipaycn.StatusInit)
	for _, tt := range []struct {
		change fields
		code   alipaycn.Code
	}{
		{fields{"app_version": ""}, "APP_VERSION_IS_BLANK"},
		{fields{"app_version": "1.x"}, "INVALID_VERSION"},
		{fields{"app_version": "0.0.0"}, "INVALID_VERSION"},
		{fields{"app_version": "1.0.2147483648"}, "VERSION_EXCEEDED_LENGTH"},
		{fields{"app_version": "1.0.0"}, alipaycn.CodeVersionHasExisted},
		{fields{"app_version": "0.9.9"}, alipaycn.CodeLargerVersionHasExisted},
		{fields{"template_id": ""}, "TEMPLATE_ID_IS_BLANK"},
		{fields{"template_id": "none"}, "CODE_TEMPLATE_NOT_EXIST"},
		{fields{"template_id": "foreign"}, "TEMPLATE_ID_ISVAPPID_NOT_MATCH"},
		{fields{"template_version": "9.9.9"}, "TEMPLATE_NOT_ONLINE_OR_OFFLINE"},
		{fields{"ext": "{"}, "INVALID_EXT_JSON"},
		{fields{"bundle_id": "com.example"}, alipaycn.CodeBundleIDNotExist},
	} {
		in := fields{"template_id": template, "app_version": "1.0.1"}
		maps.Copy(in, tt.change)
		w.refused(tt.code, cnwire.VersionUpload, in)
	}
	require.Zero(t, w.g.Effects(mini)["versions.upload"])
	w.ok(cnwire.VersionUpload, fields{"template_id": template, "template_version": "1.0.0", "app_version": "1.0.1", "ext": `{"extEnable":true}`})
}

func TestABuildAndAScanTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, alipaycntest.WithBuildDelay(time.Minute), alipaycntest.WithScanDelay(time.Hour))
		running := as[alipaycn.Build](t, w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.1"}))
		require.Equal(t, alipaycn.Build{BuildStatus: alipaycn.BuildRunning, CreateStatus: alipaycn.BuildQueued, NeedRotation: true}, running)
		w.refused(alipaycn.CodeVersionIsBlank, cnwire.VersionGet, v("0.0.1"))
		w.refused(alipaycn.CodeMiniAppPackageInfoNotExist, cnwire.VersionApply, application("0.0.1"))
		w.refused("CAN_NOT_DELETE_WITH_INSTANTIATE", cnwire.VersionDelete, v("0.0.1"))
		require.Empty(t, w.g.Status(mini, "0.0.1"))
		require.ErrorContains(t, w.g.TakeDown(mini, "0.0.1"), "is not built")
		require.ErrorContains(t, w.g.SetScan(mini, "0.0.1", alipaycn.ScanFailed), "is not built")
		require.ErrorContains(t, w.g.Approve(mini, "0.0.1"), "is not built, not under review")

		time.Sleep(time.Minute)
		require.True(t, as[alipaycn.Build](t, w.ok(cnwire.VersionBuild, v("0.0.1"))).Created())
		require.Equal(t, alipaycn.ScanRunning, as[alipaycn.VersionDetail](t, w.ok(cnwire.VersionGet, v("0.0.1"))).ScanResult)
		w.refused(alipaycn.CodeCanNotSubmitWithoutScanPass, cnwire.VersionApply, application("0.0.1"))
		w.refused("CAN_NOT_DELETE_WITH_SCANNING", cnwire.VersionDelete, v("0.0.1"))
		w.refused("CAN_NOT_SET_WITHOUT_SCAN_PASS", cnwire.ExperienceCreate, v("0.0.1"))

		time.Sleep(time.Hour)
		w.ok(cnwire.VersionApply, application("0.0.1"), logo(t))
	})
}

func TestABuildThatFails(t *testing.T) {
	w := newWorld(t, alipaycntest.WithBuildDelay(time.Hour))
	w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.1"})
	require.NoError(t, w.g.AdvanceBuild(mini, "0.0.1", alipaycn.BuildQueued))
	require.Equal(t, alipaycn.BuildQueued, as[alipaycn.Build](t, w.ok(cnwire.VersionBuild, v("0.0.1"))).BuildStatus)
	require.NoError(t, w.g.AdvanceBuild(mini, "0.0.1", alipaycn.BuildFailed))
	require.True(t, as[alipaycn.Build](t, w.ok(cnwire.VersionBuild, v("0.0.1"))).Failed())
	require.ErrorContains(t, w.g.AdvanceBuild(mini, "0.0.1", alipaycn.BuildCreated), "has ended")

	w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.1"}) // again
	require.ErrorContains(t, w.g.AdvanceBuild(mini, "0.0.1", alipaycn.BuildDone), "cannot be brought")
	require.NoError(t, w.g.AdvanceBuild(mini, "0.0.1", alipaycn.BuildCreated))
	require.Equal(t, alipaycn.StatusInit, w.g.Status(mini, "0.0.1"))
	w.refused(alipaycn.CodeBuildVersionNotExisted, cnwire.VersionBuild, v("0.0.9"))

	w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.2"})
	require.NoError(t, w.g.AdvanceBuild(mini, "0.0.2", alipaycn.BuildTimedOut))
	require.NoError(t, w.g.AddVersion(mini, "0.0.2")) // takes its place too
	require.Equal(t, alipaycn.StatusInit, w.g.Status(mini, "0.0.2"))
}

func TestAutoReviewApprovesAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, alipaycntest.WithAutoReview(2*time.Second))
		w.bring("0.0.1", alipaycn.StatusAuditing)
		time.Sleep(2*time.Second - time.Nanosecond)
		require.Equal(t, alipaycn.StatusAuditing, w.g.Status(mini, "0.0.1"))
		time.Sleep(time.Nanosecond)
		require.Equal(t, alipaycn.StatusWaitRelease, w.g.Status(mini, "0.0.1"))

		w.ok(cnwire.VersionReturnToDevelopment, v("0.0.1"))
		in := application("0.0.1")
		in["auto_online"] = "true"
		w.ok(cnwire.VersionApply, in)
		time.Sleep(2 * time.Second)
		d := as[alipaycn.VersionDetail](t, w.ok(cnwire.VersionGet, v("0.0.1")))
		require.Equal(t, alipaycn.StatusRelease, d.Status)
		require.Equal(t, 2*time.Second, d.OnlineAt.Sub(d.AppliedAt.Time))
	})
}

func TestARejectionTellsItsReasons(t *testing.T) {
	w := newWorld(t)
	w.bring("0.0.1", alipaycn.StatusInit)
	in := application("0.0.1")
	in["audit_rule"] = "BASE_PROMOTE"
	w.ok(cnwire.VersionApply, in, logo(t))
	verdict := alipaycntest.Verdict{
		Reason: "the menu is empty", Images: []string{"https://pictures.invalid/1.png"},
		Memos: []alipaycn.AuditMemo{{Memo: "show tea", Images: []string{"https://pictures.invalid/2.png"}}},
	}
	require.NoError(t, w.g.Reject(mini, "0.0.1", verdict))
	require.ErrorContains(t, w.g.Approve(mini, "0.0.1"), "not under review")

	d := as[alipaycn.VersionDetail](t, w.ok(cnwire.VersionGet, v("0.0.1")))
	require.Equal(t, alipaycn.StatusAuditReject, d.Status)
	require.Equal(t, verdict.Reason, d.RejectReason)
	require.Equal(t, alipaycn.AuditResultReject, d.BaseAudit)
	require.Equal(t, &alipaycn.AuditRecord{Images: verdict.Images, Memos: verdict.Memos}, d.BaseAuditRecord)

	w.ok(cnwire.VersionReturnToDevelopment, v("0.0.1"))
	w.ok(cnwire.VersionApply, in)
	require.NoError(t, w.g.ApproveAdmission(mini, "0.0.1", true, alipaycntest.Verdict{Reason: "dull"}))
	d = as[alipaycn.VersionDetail](t, w.ok(cnwire.VersionGet, v("0.0.1")))
	require.Equal(t, alipaycn.AuditResultReject, d.PromoteAudit)
	require.Equal(t, []alipaycn.AuditMemo{{Memo: "dull"}}, d.PromoteAuditRecord.Memos)
	w.ok(cnwire.VersionPublish, v("0.0.1")) // can_release
}

func TestApplicationsAreChecked(t *testing.T) {
	long := string(slices.Repeat([]byte("a"), 501))
	for _, tt := range []struct {
		name, value string
		code        alipaycn.Code
	}{
		{"version_desc", "", "VERSION_DESC_IS_BLANK"},
		{"version_desc", "too short", "INVALID_VERSION_DESC_LENGTH"},
		{"app_name", "", "APP_NAME_IS_BLANK"},
		{"app_name", "ab", "INVALID_MINI_APP_NAME_LENGTH"},
		{"app_name", "Blue Lake!", "INVALID_MINI_APP_NAME"},
		{"app_name", "Taken", alipaycn.CodeMiniAppNameDuplicate},
		{"app_english_name", "", "ENGLISH_NAME_IS_BLANK"},
		{"app_english_name", "Blue Lake", "INVALID_MINI_APP_EN_NAME"},
		{"app_english_name", "TakenToo", "MINI_APP_EN_NAME_DUPLICATE"},
		{"app_slogan", "", "SLOGAN_IS_BLANK"},
		{"app_slogan", "short", "INVALID_MINI_APP_SLOGAN_LENGTH"},
		{"app_desc", "", "APP_DESC_IS_BLANK"},
		{"app_desc", "short", "INVALID_MINI_APP_DESC_LENGTH"},
		{"mini_category_ids", "", "CATEGORY_IS_BLANK"},
		{"mini_category_ids", "tea", "INVALID_CATEGORY"},
		{"mini_category_ids", "1_2;1_3;1_4;1_5;1_6", "CATEGORY_NUM_IS_INVALID"},
		{"mini_category_ids", "XS1001_XS2002_XS3008", "LICENSE_NO_IS_BLANK"},
		{"service_phone", "", "SERVICE_TEL_AND_MAIL_BOTH_BLANK"},
		{"service_phone", "call us", "INVALID_MINI_APP_SERVICE_TEL"},
		{"service_email", "nobody", "INVALID_MINI_APP_SERVICE_MAIL"},
		{"region_type", "MARS", "REGION_TYPE_IS_INVALID"},
		{"region_type", "LOCATION", "REGION_CODE_IS_BLANK"},
		{"license_valid_date", "soon", "LICENSE_VALID_DATE_IS_INVALID"},
		{"memo", long, "INVALID_MINI_APP_MEMO_LENGTH"},
		{"bundle_id", "com.example", alipaycn.CodeBundleIDNotExist},
		{"app_version", "", "APP_VERSION_IS_BLANK"},
		{"app_version", "9.9.9", alipaycn.CodeMiniAppPackageInfoNotExist},
		{"auto_online", "perhaps", "INVALID_PARAMETER"},
	} {
		t.Run(tt.name+"/"+string(tt.code), func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "taken", BaseInfo: alipaycn.BaseInfo{AppName: "Taken", AppEnglishName: "TakenToo"}}))
			w.bring("0.0.1", alipaycn.StatusInit)
			in := application("0.0.1")
			in[tt.name] = tt.value
			w.refused(tt.code, cnwire.VersionApply, in, logo(t))
			require.Equal(t, alipaycn.StatusInit, w.g.Status(mini, "0.0.1"))
		})
	}
}

func TestFilesAreChecked(t *testing.T) {
	w := newWorld(t)
	w.bring("0.0.1", alipaycn.StatusInit)
	for _, tt := range []struct {
		part    string
		content []byte
		code    alipaycn.Code
	}{
		{"app_logo", []byte("GIF89a"), "INVALID_LOGO_EXT"},
		{"app_logo", picture(t, 10, 20), "LOGO_HEIGHT_NOT_EQUAL_WIDTH"},
		{"app_logo", make([]byte, 2<<20+1), "LOGO_EXCEED_MAX_SIZE"},
		{"second_screen_shot", []byte("BM"), "INVALID_SCREEN_SHOT_EXT"},
		{"third_screen_shot", make([]byte, 4<<20+1), "SCREEN_SHOT_EXCEED_MAX_SIZE"},
		{"test_file_name", []byte("text"), "INVALID_FILE_EXT"},
		{"sixth_screen_shot", []byte("x"), "invalid-request-data"},
	} {
		files := logo(t)
		files[tt.part] = tt.content
		w.refused(tt.code, cnwire.VersionApply, application("0.0.1"), files)
	}
	w.refused("LOGO_IS_BLANK", cnwire.VersionApply, application("0.0.1"))
}

func TestWhatWasGivenOnceStays(t *testing.T) {
	w := newWorld(t)
	w.bring("0.0.1", alipaycn.StatusRelease)
	require.NoError(t, w.g.AddVersion(mini, "0.0.2"))
	short := fields{"app_version": "0.0.2", "version_desc": application("")["version_desc"]}

	renamed := application("0.0.2")
	renamed["app_name"] = "GreenLakeTea"
	w.refused(alipaycn.CodeCanNotModifyNameOnceOnline, cnwire.VersionApply, renamed)
	renamed = application("0.0.2")
	renamed["app_english_name"] = "GreenLakeTea"
	w.refused("CAN_NOT_MODIFY_EN_ONCE_ONLINE", cnwire.VersionApply, renamed)

	w.ok(cnwire.VersionApply, short)
	d := as[alipaycn.VersionDetail](t, w.ok(cnwire.VersionGet, v("0.0.2")))
	require.Equal(t, "BlueLakeTea", d.AppName)
	require.Equal(t, alipaycn.RegionChina, d.RegionType)
	require.Equal(t, []alipaycn.CategoryPath{{FirstID: "XS1001", FirstName: "Shopping", SecondID: "XS2001", SecondName: "Food", ThirdID: "XS3002", ThirdName: "Tea"}}, d.Categories)
	info := as[alipaycn.BaseInfo](t, w.ok(cnwire.BaseInfoGet, nil))
	require.Equal(t, "Shopping_Food_Tea", info.CategoryNames)
	require.NotEmpty(t, info.AppLogo)
	w.refused(alipaycn.CodeCanNotModifyBaseInfo, cnwire.BaseInfoModify, fields{"app_slogan": "Tea from the green lake"})
}

func TestTheReviewThatIsCancelledIsTheOneThatIsNamed(t *testing.T) {
	w := newWorld(t)
	w.bring("0.0.1", alipaycn.StatusRelease)
	w.bring("0.0.2", alipaycn.StatusAuditing)
	w.refused(alipaycn.CodeInvalidVersionStatus, cnwire.VersionCancelAudit, v("0.0.1"))
	w.refused(alipaycn.CodeMiniAppPackageInfoNotExist, cnwire.VersionCancelAudit, v("9.0.0"))
	w.ok(cnwire.VersionCancelAudit, nil)
	require.Equal(t, alipaycn.StatusInit, w.g.Status(mini, "0.0.2"))
}

func TestRulesThatAreUncertainCanBeSwitchedOn(t *testing.T) {
	w := newWorld(t, alipaycntest.WithGrayOnlyWhenOnline())
	w.bring("0.0.1", alipaycn.StatusWaitRelease)
	w.refused(alipaycn.CodeMiniAppNotOnline, cnwire.VersionGray, fields{"app_version": "0.0.1", "gray_strategy": "p10"})

	w = newWorld(t, alipaycntest.WithGrayRequired())
	w.bring("0.0.1", alipaycn.StatusWaitRelease)
	w.refused(alipaycn.CodeCanNotOnlineWithoutGray, cnwire.VersionPublish, v("0.0.1"))
	w.ok(cnwire.VersionGray, fields{"app_version": "0.0.1", "gray_strategy": "p10"})
	w.ok(cnwire.VersionPublish, v("0.0.1"))
}

func TestWithoutAFilingAFirstReleaseIsRestricted(t *testing.T) {
	w := newWorld(t)
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

func TestClosedCategories(t *testing.T) {
	w := newWorld(t, alipaycntest.WithCategories(alipaycn.Category{ID: "XS1", HasChild: true}, alipaycn.Category{ID: "XS2", ParentID: "XS1"}))
	w.bring("0.0.1", alipaycn.StatusInit)
	w.refused("INVALID_CATEGORY", cnwire.VersionApply, application("0.0.1"), logo(t))
	w.refused("INVALID_CATEGOTY", cnwire.BaseInfoModify, fields{"mini_category_ids": "XS2_XS1"})
	w.refused("INVALID_CATEGOTY", cnwire.BaseInfoModify, fields{"mini_category_ids": "XS2_XS2"})
	w.ok(cnwire.BaseInfoModify, fields{"mini_category_ids": "XS1_XS2"})
}

func TestLicences(t *testing.T) {
	w := newWorld(t)
	w.bring("0.0.1", alipaycn.StatusInit)
	in, files := application("0.0.1"), logo(t)
	in["mini_category_ids"] = "XS1001_XS2002_XS3008"
	for _, step := range []struct {
		code alipaycn.Code
		give func()
	}{
		{"LICENSE_NO_IS_BLANK", func() { in["license_no"] = "91330000" }},
		{"LICENSE_NAME_IS_BLANK", func() { in["license_name"] = "Blue Lake" }},
		{"LICENSE_VALID_DATE_IS_BLANK", func() { in["license_valid_date"] = "9999-12-31" }},
		{"LICENSE_PICS_ARE_BLANK", func() { files["first_license_pic"] = picture(t, 9, 9) }},
		{"OUT_DOOR_PIC_IS_BLANK", func() { files["out_door_pic"] = picture(t, 9, 9) }},
		{"SPECIAL_LICENSE_PICS_ARE_BLANK", func() { files["first_special_license_pic"] = picture(t, 9, 9) }},
	} {
		w.refused(step.code, cnwire.VersionApply, in, files)
		step.give()
	}
	w.ok(cnwire.VersionApply, in, files)
}
