package alipaycn

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
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
				require.NoError(t, tt.do(t.Context(), c.Versions, with.known), with.name)
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
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
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
			})
		})
	}
}
