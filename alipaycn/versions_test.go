package alipaycn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

// knownVersion is version 0.0.1 as it was read before a write.
func knownVersion(status VersionStatus, strategy GrayStrategy) *VersionDetail {
	return &VersionDetail{Version: "0.0.1", Status: status, GrayStrategy: strategy}
}

func TestAKnownVersionIsNotReadAgain(t *testing.T) {
	v := versionOne()
	for _, tt := range []struct {
		op cnwire.Operation
		do func(context.Context, *VersionsClient, *VersionDetail) error
	}{
		{cnwire.VersionApply, func(ctx context.Context, c *VersionsClient, known *VersionDetail) error {
			_, err := c.Apply(ctx, ApplyInput{Version: v, Description: "What is new in this version, in a sentence.", Known: known})
			return err
		}},
		{cnwire.VersionCancelAudit, func(ctx context.Context, c *VersionsClient, known *VersionDetail) error {
			return c.CancelAudit(ctx, CancelAuditInput{Version: v, Known: known})
		}},
		{cnwire.VersionReturnToDevelopment, func(ctx context.Context, c *VersionsClient, known *VersionDetail) error {
			return c.ReturnToDevelopment(ctx, VersionInput{Version: v, Known: known})
		}},
		{cnwire.VersionGray, func(ctx context.Context, c *VersionsClient, known *VersionDetail) error {
			return c.RaiseGray(ctx, GrayInput{Version: v, Strategy: GrayP30, Known: known})
		}},
		{cnwire.VersionCancelGray, func(ctx context.Context, c *VersionsClient, known *VersionDetail) error {
			return c.CancelGray(ctx, VersionInput{Version: v, Known: known})
		}},
		{cnwire.VersionPublish, func(ctx context.Context, c *VersionsClient, known *VersionDetail) error {
			return c.Publish(ctx, PublishInput{Version: v, Known: known})
		}},
		{cnwire.VersionDelete, func(ctx context.Context, c *VersionsClient, known *VersionDetail) error {
			return c.Delete(ctx, VersionInput{Version: v, Known: known})
		}},
	} {
		t.Run(tt.op.Name, func(t *testing.T) {
			get, write := cnwire.VersionGet.Path(), tt.op.Path()
			for _, with := range []struct {
				name  string
				known *VersionDetail
				calls []string
			}{
				{"known", knownVersion(StatusGray, GrayP10), []string{write}},
				{"not known", nil, []string{get, write}},
				{"another version", &VersionDetail{Version: "0.0.2"}, []string{get, write}},
			} {
				s, c := newStub(t, always(200, `{"app_version":"0.0.1","status":"GRAY","gray_strategy":"p10"}`))
				require.NoError(t, tt.do(t.Context(), &c.Versions, with.known), with.name)
				var calls []string
				for _, r := range s.seen {
					calls = append(calls, r.URL.Path)
				}
				require.Equal(t, with.calls, calls, with.name)
			}
		})
	}
}

// After a lost answer the state is compared with the known version, as it would be
// with one that was read.
func TestALostAnswerIsComparedWithTheKnownVersion(t *testing.T) {
	for _, tt := range []struct {
		name  string
		known *VersionDetail
		after *VersionDetail
		sent  int
		err   error
	}{
		{"it took effect", knownVersion(StatusGray, GrayP10), knownVersion(StatusGray, GrayP30), 1, nil},
		{"it did not", knownVersion(StatusGray, GrayP10), knownVersion(StatusGray, GrayP10), 2, nil},
		{"the release was ended since", knownVersion(StatusGray, GrayP10), knownVersion(StatusWaitRelease, ""), 1, alipayplus.ErrOutcomeUnknown},
	} {
		t.Run(tt.name, InVirtualTime(func(t *testing.T) {
			sent := 0
			_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
				if r.URL.Path != cnwire.VersionGray.Path() {
					return stubAnswer{status: 200, body: fmt.Sprintf(`{"app_version":"0.0.1","status":%q,"gray_strategy":%q}`, tt.after.Status, tt.after.GrayStrategy)}
				}
				if sent++; sent == 1 {
					return stubAnswer{err: io.ErrUnexpectedEOF}
				}
				return stubAnswer{status: 200}
			})
			err := c.Versions.RaiseGray(t.Context(), GrayInput{Version: versionOne(), Strategy: GrayP30, Known: tt.known})
			require.ErrorIs(t, err, tt.err)
			require.Equal(t, tt.sent, sent)
		}))
	}
}

// The first upload ever: AlipayCN may know no list of versions before it.
func TestAnUploadThatWasLostIsAnsweredByTheAttemptThatArrived(t *testing.T) {
	for _, tt := range []struct {
		name    string
		arrives bool // the lost attempt
	}{{"the second", false}, {"the first", true}} {
		t.Run(tt.name, InVirtualTime(func(t *testing.T) {
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
			require.Equal(t, &Build{Answer: build.Answer, BuildStatus: BuildRunning, CreateStatus: BuildRunning, NeedRotation: true}, build)
			require.Equal(t, tt.arrives, uploads == 1)
		}))
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
		t.Run(tt.name, InVirtualTime(func(t *testing.T) {
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
		}))
	}
}

func TestABuildIsDoneFailedOrNeither(t *testing.T) {
	for _, tt := range []struct {
		name            string
		build           Build
		created, failed bool
	}{
		{"nothing known", Build{}, false, false},
		{"queued", Build{BuildStatus: BuildQueued, CreateStatus: BuildQueued, NeedRotation: true}, false, false},
		{"built, no version yet", Build{BuildStatus: BuildDone, CreateStatus: BuildDone, NeedRotation: true}, false, false},
		{"version created", Build{BuildStatus: BuildDone, CreateStatus: BuildCreated}, true, false},
		{"version created, by its own field", Build{VersionCreated: true}, true, false},
		{"build failed", Build{BuildStatus: BuildFailed}, false, true},
		{"build timed out", Build{BuildStatus: BuildTimedOut}, false, true},
		{"creation failed", Build{BuildStatus: BuildDone, CreateStatus: BuildFailed}, false, true},
		{"an earlier try failed", Build{BuildStatus: BuildFailed, VersionCreated: true}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.created, tt.build.Created())
			require.Equal(t, tt.failed, tt.build.Failed())
		})
	}
}
