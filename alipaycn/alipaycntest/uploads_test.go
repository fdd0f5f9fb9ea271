package alipaycntest_test

import (
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

func TestTwentyDevelopmentVersions(t *testing.T) {
	w := newHarness(t)
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
	w := newHarness(t)
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
		w := newHarness(t, alipaycntest.WithBuildDelay(time.Minute), alipaycntest.WithScanDelay(time.Hour))
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
	w := newHarness(t, alipaycntest.WithBuildDelay(time.Hour))
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

	w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.3"})
	require.NoError(t, w.g.AdvanceBuild(mini, "0.0.3", alipaycn.BuildFailed))
	for n := range 18 { // it is none of the 20
		require.NoError(t, w.g.AddVersion(mini, fmt.Sprintf("0.1.%d", n)))
	}
	require.ErrorContains(t, w.g.AddVersion(mini, "0.2.0"), "DEV_VERSION_EXCEED_MAX_COUNT")
}

func TestTemplateUsages(t *testing.T) {
	w := newHarness(t)
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "other", ThirdParty: true}))
	require.NoError(t, w.g.AddTemplate("other", "foreign", "1.0.0"))
	w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.1", "template_version": "1.0.0"})
	w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.2"})
	ask := func(more fields) fields {
		in := fields{"template_id": template}
		maps.Copy(in, more)
		return in
	}
	all := as[alipaycn.TemplateUsages](t, w.ok(cnwire.TemplateUsages, ask(nil)))
	require.Equal(t, alipaycn.TemplateUsages{AppIDs: []string{mini}, Usages: []alipaycn.TemplateUsage{{AppID: mini, Version: "0.0.1"}, {AppID: mini, Version: "0.0.2"}}}, all)
	newest := as[alipaycn.TemplateUsages](t, w.ok(cnwire.TemplateUsages, ask(fields{"template_version": "1.1.0"})))
	require.Equal(t, []alipaycn.TemplateUsage{{AppID: mini, Version: "0.0.2"}}, newest.Usages)
	second := as[alipaycn.TemplateUsages](t, w.ok(cnwire.TemplateUsages, ask(fields{"page_num": "2", "page_size": "1"})))
	require.Equal(t, newest.Usages, second.Usages)
	for _, tt := range []struct {
		in   fields
		code alipaycn.Code
	}{
		{fields{"template_id": ""}, "TEMPLATE_ID_IS_BLANK"},
		{fields{"template_id": "none"}, "TEMPLATE_NO_RELATION_ERROR"},
		{fields{"template_id": "foreign"}, "TEMPLATE_ID_ISVAPPID_NOT_MATCH"},
		{fields{"page_num": "0"}, "INVALID_PAGE_NUM"},
		{fields{"page_size": "x"}, "INVALID_PAGE_SIZE"},
		{fields{"page_size": "51"}, "PAGE_SIZE_EXCEED_MAX_QUERY_SIZE"},
		{fields{"bundle_id": "x"}, alipaycn.CodeBundleIDNotExist},
	} {
		w.refused(tt.code, cnwire.TemplateUsages, ask(tt.in))
	}
}
