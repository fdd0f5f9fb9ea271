package alipaycn

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// publishing plays publishing a version: answers to the attempts to publish, and
// the statuses that are read between them. The last of each is repeated. Before,
// the version is in WAIT_RELEASE.
func publishing(t *testing.T, attempts []stubAnswer, statuses []VersionStatus) (published int, err error) {
	t.Helper()
	read := 0
	_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
		if r.URL.Path == cnwire.VersionPublish.Path() {
			published++
			return attempts[min(published, len(attempts))-1]
		}
		status := StatusWaitRelease
		if published > 0 {
			read++
			status = statuses[min(read, len(statuses))-1]
		}
		return stubAnswer{status: 200, body: fmt.Sprintf(`{"app_version":"0.0.1","status":%q}`, status)}
	})
	err = c.Versions.Publish(t.Context(), PublishInput{Version: versionOne()})
	return published, err
}

func TestAnUnknownOutcomeIsLookedInto(t *testing.T) {
	lost := stubAnswer{err: io.ErrUnexpectedEOF}
	refused := func(code Code) stubAnswer { return stubAnswer{status: 400, body: fmt.Sprintf(`{"code":%q}`, code)} }
	for _, tt := range []struct {
		name      string
		attempts  []stubAnswer
		statuses  []VersionStatus
		published int
		succeeds  bool
		unknown   bool
	}{
		{"done at once", []stubAnswer{lost}, []VersionStatus{StatusRelease}, 1, true, false},
		{"not done, then done", []stubAnswer{lost, {status: 200}}, []VersionStatus{StatusWaitRelease}, 2, true, false},
		{"the first arrives late", []stubAnswer{lost, refused(CodeCanNotOnlineNotGrayOrWaitRelease)}, []VersionStatus{StatusWaitRelease, StatusRelease}, 2, true, false},
		{"refused as a repetition, the state lags", []stubAnswer{lost, refused(CodeCanNotOnlineNotGrayOrWaitRelease)}, []VersionStatus{StatusWaitRelease}, 2, false, true},
		{"refused for a reason of its own", []stubAnswer{lost, refused(CodeCanNotOnlineWithoutRegistration)}, []VersionStatus{StatusWaitRelease}, 2, false, false},
		{"somebody else was at work", []stubAnswer{lost}, []VersionStatus{StatusInit}, 1, false, true},
		{"a status that is not known", []stubAnswer{lost}, []VersionStatus{"NEW"}, 1, false, true},
		{"refused at once", []stubAnswer{refused(CodeCanNotOnlineWithoutRegistration)}, []VersionStatus{StatusRelease}, 1, false, false},
		{"never", []stubAnswer{lost}, []VersionStatus{StatusWaitRelease}, 4, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				published, err := publishing(t, tt.attempts, tt.statuses)
				require.Equal(t, tt.published, published)
				require.Equal(t, tt.succeeds, err == nil, "%v", err)
				require.Equal(t, tt.unknown, errors.Is(err, alipayplus.ErrOutcomeUnknown))
				if !tt.succeeds {
					require.Equal(t, tt.published, failureOf(t, err).Attempts)
					require.False(t, failureOf(t, err).Retryable)
				}
			})
		})
	}
}

// A write is sent as often as any call at most, however its attempts end.
func TestAllAttemptsOfAWriteCount(t *testing.T) {
	lost := stubAnswer{err: io.ErrUnexpectedEOF}
	busy := stubAnswer{status: 429, body: `{"code":"app-call-limited","message":"slow down"}`}
	for _, tt := range []struct {
		name     string
		attempts []stubAnswer
		sent     int
		unknown  bool
	}{
		{"refused, then lost", []stubAnswer{busy, busy, busy, lost, {status: 200}}, 4, true},
		{"lost between refusals", []stubAnswer{busy, lost, busy, busy, busy}, 4, true},
		{"lost, then refused", []stubAnswer{lost, busy}, 4, true},
		{"refused", []stubAnswer{busy}, 4, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent, err := publishing(t, tt.attempts, []VersionStatus{StatusWaitRelease})
				require.Error(t, err)
				require.Equal(t, tt.sent, sent)
				require.Equal(t, tt.sent, failureOf(t, err).Attempts)
				require.Equal(t, tt.unknown, errors.Is(err, alipayplus.ErrOutcomeUnknown), "what was too much says nothing about the attempt before")
				require.Equal(t, !tt.unknown, failureOf(t, err).Retryable)
				if tt.unknown {
					require.ErrorContains(t, err, "look at versions.get before you call again")
				}
			})
		})
	}
}

// A refusal that proves an earlier attempt had no effect is as any other.
func TestARefusalAfterALostAnswerMayPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, err := publishing(t, []stubAnswer{{err: io.ErrUnexpectedEOF}, {status: 400, body: `{"code":"CAN_NOT_DELETE_WITH_SCANNING"}`}}, []VersionStatus{StatusWaitRelease})
		require.Equal(t, 2, sent)
		require.NotErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.ErrorIs(t, err, ErrNotReady)
		require.True(t, failureOf(t, err).Retryable)
	})
}

// The first upload ever: AlipayCN may know no list of versions before it.
func TestAnUploadThatWasLostIsAnsweredByTheAttemptThatArrived(t *testing.T) {
	for _, tt := range []struct {
		name    string
		arrives bool // the lost attempt
	}{{"the second", false}, {"the first", true}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				uploads, exists := 0, false
				_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
					switch r.URL.Path {
					case cnwire.VersionUpload.Path():
						uploads++
						if exists = tt.arrives || uploads > 1; uploads == 1 {
							return stubAnswer{err: io.ErrUnexpectedEOF}
						}
						return stubAnswer{status: 200, body: `{"build_status":"1","create_status":"1","need_rotation":"true","version_created":"false"}`}
					case cnwire.VersionBuild.Path():
						if exists {
							return stubAnswer{status: 200, body: `{"build_status":"1","create_status":"1","need_rotation":"true"}`}
						}
						return stubAnswer{status: 400, body: `{"code":"NO_TEMPLATE_INSTANTIATE_RELATION"}`}
					default:
						if exists {
							return stubAnswer{status: 200, body: `{}`}
						}
						return stubAnswer{status: 400, body: `{"code":"NO_TEMPLATE_INSTANTIATE_RELATION"}`}
					}
				})
				build, err := c.Versions.Upload(t.Context(), UploadInput{TemplateID: "1", Version: versionOne()})
				require.NoError(t, err)
				require.Equal(t, &Build{BuildStatus: BuildRunning, CreateStatus: BuildRunning, NeedRotation: true}, build)
				require.Equal(t, tt.arrives, uploads == 1)
			})
		})
	}
}

// A rule that was there before may lead to another page.
func TestABindingIsNotProvenByARuleOfBefore(t *testing.T) {
	const rule = `{"qr_code_route_groups":[{"mode":"EXACT","route_group":"7","route_url":"https://a.example"}],"total_items":1}`
	for _, tt := range []struct {
		name          string
		before, after stubAnswer
		binds         int
		group         string // empty: the outcome is unknown
	}{
		{"new", stubAnswer{status: 200, body: `{}`}, stubAnswer{status: 200, body: rule}, 1, "7"},
		{"there before", stubAnswer{status: 200, body: rule}, stubAnswer{status: 200, body: rule}, 1, ""},
		{"not known", stubAnswer{status: 403, body: `{"code":"x"}`}, stubAnswer{status: 200, body: rule}, 1, ""},
		{"not there", stubAnswer{status: 200, body: `{}`}, stubAnswer{status: 200, body: `{}`}, 4, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				binds := 0
				_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
					switch {
					case r.Method == http.MethodPost:
						binds++
						return stubAnswer{err: io.ErrUnexpectedEOF}
					case binds == 0:
						return tt.before
					default:
						return tt.after
					}
				})
				bound, err := c.QRCodes.Bind(t.Context(), BindQRCodeInput{RouteURL: "https://a.example", Page: "p", Mode: RouteExact})
				require.Equal(t, tt.binds, binds)
				if tt.group == "" {
					require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
					return
				}
				require.NoError(t, err)
				require.Equal(t, tt.group, bound.RouteGroup)
			})
		})
	}
}

// A list shows at most 20 versions, so a low number may only be missing in it.
func TestAVersionIsGoneOnlyWhenTheListCouldShowIt(t *testing.T) {
	list := func(patches ...int) string {
		var items []string
		for _, patch := range patches {
			items = append(items, fmt.Sprintf(`{"app_version":"0.0.%d","version_status":"INIT"}`, patch))
		}
		return `{"app_version_infos":[` + strings.Join(items, ",") + `]}`
	}
	var twenty []int
	for patch := 21; patch > 1; patch-- {
		twenty = append(twenty, patch)
	}
	for _, tt := range []struct {
		name    string
		list    string
		deleted bool
	}{
		{"few others", list(3, 2), true},
		{"it is listed", list(3, 2, 1), false},
		{"a full list of higher numbers", list(twenty...), false},
		{"a full list with a lower number", list(append(twenty[:19:19], 0)...), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				before := true
				_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
					switch r.URL.Path {
					case cnwire.VersionDelete.Path():
						before = false
						return stubAnswer{err: io.ErrUnexpectedEOF}
					case cnwire.VersionGet.Path():
						if before {
							return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"INIT"}`}
						}
						return stubAnswer{status: 400, body: `{"code":"MINI_APP_PACKAGE_INFO_NOT_EXIST"}`}
					default:
						return stubAnswer{status: 200, body: tt.list}
					}
				})
				err := c.Versions.Delete(t.Context(), VersionInput{Version: versionOne()})
				require.Equal(t, tt.deleted, err == nil, "%v", err)
				require.Equal(t, !tt.deleted, errors.Is(err, alipayplus.ErrOutcomeUnknown))
			})
		})
	}
}

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

func TestFilesAreSentAsWhatTheyAre(t *testing.T) {
	for name, kind := range map[string]string{"a.PNG": "image/png", "a.jpeg": "image/jpeg", "a.jpg": "image/jpeg", "a.zip": "application/zip", "a.rar": "application/octet-stream"} {
		require.Equal(t, kind, contentType(name))
	}
}
