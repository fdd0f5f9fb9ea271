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
	"github.com/alipayplus-go/alipayplus/internal/cnapi"
)

// publishing plays publishing a version: answers to the attempts to publish, and
// the statuses that are read between them. The last of each is repeated.
func publishing(t *testing.T, attempts []stubAnswer, statuses []VersionStatus) (published int, err error) {
	t.Helper()
	read := 0
	_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
		if r.URL.Path == cnapi.VersionPublish.Path() {
			published++
			return attempts[min(published, len(attempts))-1]
		}
		read++
		return stubAnswer{status: 200, body: fmt.Sprintf(`{"app_version":"0.0.1","status":%q}`, statuses[min(read, len(statuses))-1])}
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
				_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
					switch r.URL.Path {
					case cnapi.VersionDelete.Path():
						return stubAnswer{err: io.ErrUnexpectedEOF}
					case cnapi.VersionGet.Path():
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

func TestFilesAreSentAsWhatTheyAre(t *testing.T) {
	for name, kind := range map[string]string{"a.PNG": "image/png", "a.jpeg": "image/jpeg", "a.jpg": "image/jpeg", "a.zip": "application/zip", "a.rar": "application/octet-stream"} {
		require.Equal(t, kind, contentType(name))
	}
}
