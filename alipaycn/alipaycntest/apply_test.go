package alipaycntest_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

func TestOneVersionAtATime(t *testing.T) {
	for _, status := range alipaycn.VersionStatuses() {
		if status == alipaycn.StatusPromoteAuditReject {
			continue
		}
		t.Run(string(status), func(t *testing.T) {
			w := newHarness(t)
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
	w := newHarness(t)
	w.bring("0.0.1", alipaycn.StatusInit)
	w.bring("0.0.2", alipaycn.StatusRelease)
	w.refused(alipaycn.CodeExistLargerOnlinedVersion, cnwire.VersionApply, application("0.0.1"))
}

func TestAutoReviewApprovesAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHarness(t, alipaycntest.WithAutoReview(2*time.Second))
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

func TestARejectionGivesItsReasons(t *testing.T) {
	w := newHarness(t)
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
		{"region_type", "", "REGION_TYPE_IS_BLANK"},
		{"app_version", "", "APP_VERSION_IS_BLANK"},
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
			w := newHarness(t)
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
	w := newHarness(t)
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
	w := newHarness(t)
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
	w := newHarness(t)
	w.bring("0.0.1", alipaycn.StatusRelease)
	w.bring("0.0.2", alipaycn.StatusAuditing)
	w.refused(alipaycn.CodeInvalidVersionStatus, cnwire.VersionCancelAudit, v("0.0.1"))
	w.refused(alipaycn.CodeMiniAppPackageInfoNotExist, cnwire.VersionCancelAudit, v("9.0.0"))
	w.ok(cnwire.VersionCancelAudit, nil)
	require.Equal(t, alipaycn.StatusInit, w.g.Status(mini, "0.0.2"))
}

func TestClosedCategories(t *testing.T) {
	w := newHarness(t, alipaycntest.WithCategories(alipaycn.Category{ID: "XS1", HasChild: true}, alipaycn.Category{ID: "XS2", ParentID: "XS1"}))
	w.bring("0.0.1", alipaycn.StatusInit)
	w.refused("INVALID_CATEGORY", cnwire.VersionApply, application("0.0.1"), logo(t))
	w.refused("INVALID_CATEGOTY", cnwire.BaseInfoModify, fields{"mini_category_ids": "XS2_XS1"})
	w.refused("INVALID_CATEGOTY", cnwire.BaseInfoModify, fields{"mini_category_ids": "XS2_XS2"})
	w.ok(cnwire.BaseInfoModify, fields{"mini_category_ids": "XS1_XS2"})
}

func TestLicences(t *testing.T) {
	w := newHarness(t)
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
