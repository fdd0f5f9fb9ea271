package alipaycn

import (
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

func TestAReviewEndsAsItsStatusSays(t *testing.T) {
	for _, tt := range []struct {
		detail VersionDetail
		done   bool
		fails  bool
	}{
		{VersionDetail{Status: StatusAuditing}, false, false},
		{VersionDetail{Status: "NEW"}, false, false},
		{VersionDetail{}, false, true},
		{VersionDetail{Status: StatusInit}, false, true},
		{VersionDetail{Status: StatusAuditOffline}, false, true},
		{VersionDetail{Status: StatusAuditReject, CanRelease: true}, false, true},
		{VersionDetail{Status: StatusPromoteAuditReject}, false, true},
		{VersionDetail{Status: StatusPromoteAuditReject, CanRelease: true}, true, false},
		{VersionDetail{Status: StatusBaseAuditPass}, true, false},
		{VersionDetail{Status: StatusWaitRelease}, true, false},
		{VersionDetail{Status: StatusGray}, true, false},
		{VersionDetail{Status: StatusRelease}, true, false},
	} {
		done, err := tt.detail.reviewed()
		require.Equal(t, tt.done, done, tt.detail.Status)
		require.Equal(t, tt.fails, err != nil, tt.detail.Status)
	}
}

func TestABuildEndsAsItsScanSays(t *testing.T) {
	built := Build{VersionCreated: true}
	for _, tt := range []struct {
		name     string
		progress BuildProgress
		done     bool
		fails    bool
	}{
		{"being built", BuildProgress{Build: Build{BuildStatus: BuildRunning}}, false, false},
		{"does not show yet", BuildProgress{Build: built}, false, false},
		{"being scanned", BuildProgress{built, &VersionDetail{ScanResult: ScanRunning}}, false, false},
		{"passed", BuildProgress{built, &VersionDetail{ScanResult: ScanPassed}}, true, false},
		{"without a result", BuildProgress{built, &VersionDetail{}}, true, false},
		{"a result that is not known", BuildProgress{built, &VersionDetail{ScanResult: "PENDING"}}, false, false},
		{"failed", BuildProgress{built, &VersionDetail{ScanResult: ScanFailed}}, false, true},
	} {
		done, err := tt.progress.done(VersionInput{Version: versionOne()})
		require.Equal(t, tt.done, done, tt.name)
		require.Equal(t, tt.fails, err != nil, tt.name)
	}
}

func TestABuildWaitsForAVersionThatDoesNotShowYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
			if r.URL.Path == cnwire.VersionBuild.Path() {
				return stubAnswer{status: 200, body: `{"create_status":"6"}`}
			}
			if reads++; reads < 3 {
				return stubAnswer{status: 200, body: `{}`}
			}
			return stubAnswer{status: 200, body: `{"app_version":"0.0.1","scan_result":"True"}`}
		})
		built, err := c.Versions.WaitBuilt(t.Context(), VersionInput{Version: versionOne()}, BuildWait{})
		require.NoError(t, err)
		require.Equal(t, Version("0.0.1"), built.Version.Version)
		require.Equal(t, 3, reads)
	})
}
