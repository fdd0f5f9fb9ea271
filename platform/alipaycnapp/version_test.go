package alipaycnapp_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
)

// call is what the platform calls the app about: a version of the mini program.
func (w *fixture) call(number string) platform.TargetCall {
	w.Helper()
	version, err := alipayplus.ParseVersion(number)
	require.NoError(w, err)
	return platform.TargetCall{WorkspaceID: w.workspace, Program: &alipayplus.Program{ID: w.program}, Release: &alipayplus.Release{Version: version}}
}

// decided is a platform whose reviewers for Alipay+ decide so about one application after the other.
func (w *fixture) decided(decisions ...platform.Decision) {
	w.Helper()
	next := func(alipayplus.Party, *alipayplus.Request) platform.Decision {
		d := decisions[0]
		if len(decisions) > 1 {
			decisions = decisions[1:]
		}
		return d
	}
	w.start(key(1), platform.WithAutoReview(next))
	var err error
	w.owner, err = w.p.Client(w.Context(), w.workspace, "olga", alipayplus.WithRetry(1, 0, 0))
	require.NoError(w, err)
}

// TestAVersionThatWasGivenUpGivesWay: another one is applied for in its place.
func TestAVersionThatWasGivenUpGivesWay(t *testing.T) {
	for name, approved := range map[string]bool{"under review": false, "approved": true} {
		t.Run(name, func(t *testing.T) {
			given(t, func(w *fixture) {
				w.decided(platform.RejectAfter(time.Minute, "no"), platform.ApproveAfter(0))
				r := w.applied()
				if approved {
					require.NoError(w, w.g.Approve(mini, "1.0.0"))
				}
				w.later(r)
				require.NoError(w, w.g.AddVersion(mini, "1.0.1"))
				_, err := w.apply(w.created("1.0.1", w.application()))
				require.NoError(w, err)
				require.Equal(w, alipaycn.StatusInit, w.g.Status(mini, "1.0.0"))
				require.Equal(w, alipaycn.StatusAuditing, w.g.Status(mini, "1.0.1"))
			})
		})
	}
}

// TestWithdrawAfterItsReviewHasEnded at AlipayCN.
func TestWithdrawAfterItsReviewHasEnded(t *testing.T) {
	given(t, func(w *fixture) {
		w.decided(platform.LeaveOpen())
		r := w.applied()
		require.NoError(w, w.g.Approve(mini, "1.0.0"))
		_, err := w.owner.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.NoError(w, err)
		require.Equal(w, alipaycn.StatusInit, w.g.Status(mini, "1.0.0"))
		require.Equal(w, map[string]int{"versions.apply": 1, "versions.returnToDevelopment": 1}, w.g.Effects(mini))
	})
}

// TestWhatIsDoneAlreadyIsNotDoneAgain: each call comes to the same when it is repeated, and says what keeps it from that.
func TestWhatIsDoneAlreadyIsNotDoneAgain(t *testing.T) {
	given(t, func(w *fixture) {
		ctx, call := w.Context(), w.call("1.0.0")
		twice := func(do func() error) {
			w.Helper()
			require.NoError(w, do())
			require.NoError(w, do())
		}
		refused := func(do func() error, class error, says string) {
			w.Helper()
			err := do()
			require.ErrorIs(w, err, class)
			require.ErrorContains(w, err, says)
		}
		ratio := func(r alipayplus.Ratio) func() error {
			return func() error { return w.app.SetRatio(ctx, call, r) }
		}
		offline := func() error { return w.app.TakeOffline(ctx, call) }
		cancel := func() error { return w.app.Cancel(ctx, call) }

		w.applied()
		refused(ratio(10), alipayplus.ErrConflict, "is AUDITING, where its ratio cannot be changed")
		refused(offline, alipayplus.ErrConflict, "is AUDITING, and not live for all users")
		require.NoError(w, w.g.Approve(mini, "1.0.0"))
		refused(ratio(20), alipayplus.ErrInvalid, "20%")
		twice(ratio(30))
		refused(ratio(10), alipayplus.ErrConflict, "is live at 30% already, and 10% was asked for; read the release again")
		twice(cancel)
		require.Equal(w, alipaycn.StatusInit, w.g.Status(mini, "1.0.0"))

		require.Equal(w, map[string]int{"versions.apply": 1, "versions.gray": 1, "versions.cancelGray": 1, "versions.returnToDevelopment": 1}, w.g.Effects(mini))
	})
}

// firstRelease is the release of the mini program.
func (w *fixture) firstRelease() *alipayplus.Release {
	w.Helper()
	page, err := w.owner.Releases.List(w.Context(), alipayplus.ListReleasesInput{ProgramID: w.program})
	require.NoError(w, err)
	return page.Items[0]
}

// TestAFullReleaseCannotBeTakenBack, only offline, and back to the one before it.
func TestAFullReleaseCannotBeTakenBack(t *testing.T) {
	given(t, func(w *fixture) {
		ctx, first, second := w.Context(), w.call("1.0.0"), w.call("1.1.0")
		w.full("1.0.0")
		require.NoError(w, w.app.Publish(ctx, first), "it is published already")
		err := w.app.SetRatio(ctx, first, 50)
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "is live at 100% already, and 50% was asked for")
		err = w.app.Cancel(ctx, first)
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "is RELEASE and cannot be taken back")

		w.full("1.1.0")
		second.GoesBackTo = first.Release.Version
		require.NoError(w, w.app.RollBack(ctx, second))
		require.NoError(w, w.app.RollBack(ctx, second))
		require.Equal(w, 1, w.g.Effects(mini)["versions.rollback"])
		second.GoesBackTo = alipayplus.VersionNumber{Major: 9}
		require.ErrorIs(w, w.app.RollBack(ctx, second), alipayplus.ErrNotFound)
		second.GoesBackTo = first.Release.Version
		require.NoError(w, w.app.TakeOffline(ctx, first))
		require.NoError(w, w.app.TakeOffline(ctx, first))
		require.Equal(w, 1, w.g.Effects(mini)["versions.takeOffline"])
		err = w.app.RollBack(ctx, second)
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "is not live any more, and version 1.0.0 is OFFLINE and not in its place")
	})
}

// TestWhatIsNotThereAnyMore: what is taken back is gone, and nothing else can be done with it.
func TestWhatIsNotThereAnyMore(t *testing.T) {
	given(t, func(w *fixture) {
		w.authorize(w.program, mini)
		ctx, call := w.Context(), w.call("1.0.0")
		require.NoError(w, w.app.Withdraw(ctx, call))
		for name, do := range map[string]func() error{
			"set ratio": func() error { return w.app.SetRatio(ctx, call, 10) }, "take offline": func() error { return w.app.TakeOffline(ctx, call) },
			"observe": func() error {
				_, err := w.app.Observe(ctx, call)
				return err
			},
		} {
			err := do()
			require.ErrorIs(w, err, alipayplus.ErrNotFound, name)
			require.ErrorContains(w, err, "version 1.0.0 is not at AlipayCN", name)
		}
	})
}

// TestWithoutAToken: every call says that the authorization is missing.
func TestWithoutAToken(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.applied()
		require.NoError(w, w.app.Tokens().Delete(w.Context(), mini))
		ctx, call := w.Context(), w.call("1.0.0")
		_, err := w.app.Observe(ctx, call)
		require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)
		for name, do := range map[string]func() error{
			"set ratio": func() error { return w.app.SetRatio(ctx, call, 10) }, "publish": func() error { return w.app.Publish(ctx, call) },
			"cancel": func() error { return w.app.Cancel(ctx, call) }, "take offline": func() error { return w.app.TakeOffline(ctx, call) },
			"roll back": func() error { return w.app.RollBack(ctx, call) },
		} {
			require.ErrorIs(w, do(), alipayplus.ErrAuthorizationRequired, name)
		}
		_, err = w.owner.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.NoError(w, err, "the platform takes its record back without AlipayCN")
	})
}

// rewritten is the way to AlipayCN, at whose end answers have other words in them, and are signed.
type rewritten struct {
	http.RoundTripper
	words *strings.Replacer
}

func (t rewritten) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = []byte(t.words.Replace(string(body)))
	at := strconv.FormatInt(time.Now().UnixMilli(), 10)
	signature, err := cnwire.SignResponse(testkey.FastKey(), at, "nonce", body)
	if err != nil {
		return nil, err
	}
	resp.Header.Set(cnwire.HeaderTimestamp, at)
	resp.Header.Set(cnwire.HeaderNonce, "nonce")
	resp.Header.Set(cnwire.HeaderSignature, signature)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// saying is an app whose AlipayCN says other words.
func (w *fixture) saying(oldnew ...string) *alipaycnapp.App {
	w.Helper()
	return w.over(rewritten{w.g.HTTPClient().Transport, strings.NewReplacer(oldnew...)})
}

// over is an app with another way to AlipayCN.
func (w *fixture) over(way http.RoundTripper) *alipaycnapp.App {
	w.Helper()
	client, err := alipaycn.New(
		alipaycn.WithAppID(isv), alipaycn.WithSigner(testkey.FastClient()), alipaycn.WithAlipayPublicKey(w.g.AlipayPublicKey()),
		alipaycn.WithHTTPClient(&http.Client{Transport: way}),
		alipaycn.WithRetry(1, time.Millisecond, time.Millisecond),
	)
	require.NoError(w, err)
	app, err := alipaycnapp.New(w.store, client, alipaycnapp.WithEncryptionKey(key(1)))
	require.NoError(w, err)
	return app
}

// TestWhatAlipayCNDoesNotSayToday is no verdict and no ratio: nothing is done on it.
func TestWhatAlipayCNDoesNotSayToday(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.prepared()
		ctx, call := w.Context(), w.call("1.0.0")
		unknown := w.saying("WAIT_RELEASE", "FROZEN")
		_, err := unknown.Observe(ctx, call)
		require.ErrorContains(w, err, `version 1.0.0 at AlipayCN is in status "FROZEN", which this library does not know`)
		require.ErrorContains(w, unknown.SetRatio(ctx, call, 10), "is FROZEN, where its ratio cannot be changed")
		require.ErrorContains(w, unknown.Cancel(ctx, call), "is FROZEN and cannot be taken back")
		call.Release, call.File = r, w.file
		require.ErrorContains(w, unknown.Submit(ctx, call), `is in status "FROZEN", which this library does not know`)

		require.NoError(w, w.app.SetRatio(ctx, call, 30))
		_, err = w.saying("p30", "some").Observe(ctx, call)
		require.ErrorContains(w, err, `is in GRAY with gray_strategy "some", which this library cannot read`)
		require.Equal(w, map[string]int{"versions.apply": 1, "versions.gray": 1}, w.g.Effects(mini))
	})
}

// TestACodeThatTheLibraryDoesNotKnow: what AlipayCN says to it is the message.
func TestACodeThatTheLibraryDoesNotKnow(t *testing.T) {
	given(t, func(w *fixture) {
		require.NoError(w, w.g.AddApp(alipaycntest.App{ID: "2021000000000005", BaseInfo: alipaycn.BaseInfo{AppName: "蓝湖茶"}}))
		w.authorize(w.program, mini)
		require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
		call := w.call("1.0.0")
		call.Release, call.File = w.created("1.0.0", w.application()), w.file
		err := w.saying("MINI_APP_NAME_DUPLICATE", "A_NEW_CODE").Submit(w.Context(), call)
		require.ErrorContains(w, err, "AlipayCN says A_NEW_CODE")
		require.ErrorContains(w, err, "another mini program has this name")
	})
}

// TestOneMiniProgramIsChosen, and its token is looked at before it is kept.
func TestOneMiniProgramIsChosen(t *testing.T) {
	given(t, func(w *fixture) {
		exchange := func(app *alipaycnapp.App) error {
			code, err := w.g.AuthorizationCode(isv, mini)
			require.NoError(w, err)
			_, err = app.Exchange(w.Context(), platform.TargetVisit{
				WorkspaceID: w.workspace, ProgramID: w.program, Query: map[string][]string{"app_id": {isv}, "app_auth_code": {code}},
			})
			return err
		}
		err := exchange(w.saying(`"tokens":[`, `"tokens":[{"app_auth_token":"1","auth_app_id":"`+other+`"},`))
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "2 mini programs were chosen; choose the one that is released here")
		w.g.Inject(alipaycntest.Fault{Operation: "authorization.get", Code: "ILLEGAL_PARAM"})
		require.ErrorContains(w, exchange(w.app), "ILLEGAL_PARAM")
		listed, err := w.app.Tokens().List(w.Context())
		require.NoError(w, err)
		require.Empty(w, listed)
		require.NoError(w, exchange(w.app))
		require.Empty(w, w.app.AuthorizationPage("", "c3RhdGU+", nil), "the page could not lead back")
	})
}

// file reads an uploaded file, as the platform lets the app do.
func (w *fixture) file(_ context.Context, id string) (*alipayplus.File, []byte, error) {
	require.NotEmpty(w, id)
	return &alipayplus.File{ContentType: alipayplus.ContentPNG}, square(), nil
}

// TestPicturesAreThoseThatWereUploaded: with an ending that fits them.
func TestPicturesAreThoseThatWereUploaded(t *testing.T) {
	given(t, func(w *fixture) {
		w.authorize(w.program, mini)
		require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
		var shot bytes.Buffer
		require.NoError(w, jpeg.Encode(&shot, image.NewGray(image.Rect(0, 0, 108, 192)), nil))
		uploaded, err := w.owner.Files.Upload(w.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(shot.Bytes()), Size: int64(shot.Len())})
		require.NoError(w, err)
		application := w.application()
		application.ScreenshotFileIDs = []string{uploaded.ID, application.LogoFileID}
		application.LicenseFileIDs = []string{application.LogoFileID}
		_, err = w.apply(w.created("1.0.0", application))
		require.NoError(w, err)
		detail, err := w.console().Versions.Get(w.Context(), w.version())
		require.NoError(w, err)
		require.Len(w, detail.ScreenShots, 2)
	})
}

// TestWithoutAnApplication: every field that AlipayCN requires is named.
func TestWithoutAnApplication(t *testing.T) {
	given(t, func(w *fixture) {
		w.authorize(w.program, mini)
		require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
		_, err := w.apply(w.created("1.0.0", nil))
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		require.ErrorContains(w, err, "version_desc")
		for _, lost := range []func(*alipayplus.AlipayCNApplication){
			func(a *alipayplus.AlipayCNApplication) { a.ScreenshotFileIDs = []string{"lost"} },
			func(a *alipayplus.AlipayCNApplication) { a.LicenseFileIDs = []string{"lost"} },
		} {
			application := w.application()
			lost(application)
			_, err := w.owner.Releases.UpdateConfiguration(w.Context(), alipayplus.UpdateReleaseConfigurationInput{
				ReleaseID: w.firstRelease().ID, Configuration: alipayplus.Configuration{AlipayCN: application},
			})
			if err == nil {
				_, err = w.apply(w.firstRelease())
			}
			require.ErrorIs(w, err, alipayplus.ErrInvalid)
		}
		require.Empty(w, w.g.Effects(mini))
	})
}

// TestReviewersMayBeFaster than a withdrawal: the version is read again, until it is in development or does not stop moving.
func TestReviewersMayBeFaster(t *testing.T) {
	for name, tt := range map[string]struct {
		fault alipaycntest.Fault
		is    error
		says  string
	}{
		"once":         {alipaycntest.Fault{Code: alipaycn.CodeAuditingVersionNotExist, Times: 1}, nil, ""},
		"again":        {alipaycntest.Fault{Code: alipaycn.CodeAuditingVersionNotExist, Times: 100}, alipayplus.ErrConflict, "AUDITING_VERSION_NOT_EXIST"},
		"another code": {alipaycntest.Fault{Code: "app-call-limited", Times: 1}, alipayplus.ErrRateLimited, "app-call-limited"},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(w *fixture) {
				r := w.applied()
				tt.fault.Operation = "versions.cancelAudit"
				w.g.Inject(tt.fault)
				_, err := w.owner.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
				if tt.is == nil {
					require.NoError(w, err)
					require.Equal(w, alipaycn.StatusInit, w.g.Status(mini, "1.0.0"))
					return
				}
				require.ErrorIs(w, err, tt.is)
				require.ErrorContains(w, err, tt.says)
				require.Equal(w, alipaycn.StatusAuditing, w.g.Status(mini, "1.0.0"))
			})
		})
	}
}

// TestWhatKeepsAnotherVersionFromBeingAppliedFor is looked for before: what the list says is believed only when it can be read.
func TestWhatKeepsAnotherVersionFromBeingAppliedFor(t *testing.T) {
	given(t, func(w *fixture) {
		w.authorize(w.program, mini)
		require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
		r := w.created("1.0.0", w.application())
		w.g.Inject(alipaycntest.Fault{Operation: "versions.list", Code: "PAGE_SIZE_LESS_ZERO"})
		_, err := w.apply(r)
		require.ErrorContains(w, err, "PAGE_SIZE_LESS_ZERO")
		w.g.Inject(alipaycntest.Fault{Operation: "versions.list", Code: alipaycn.CodeNoTemplateInstantiateRelation})
		_, err = w.apply(r)
		require.NoError(w, err, "nothing was built from a template ever")

		require.NoError(w, w.g.AddVersion(mini, "1.0.1"))
		call := w.call("1.0.1")
		call.Release.Configuration.AlipayCN, call.File = r.Configuration.AlipayCN, w.file
		require.ErrorContains(w, w.saying(`"app_version":"1.0.0"`, `"app_version":"one"`).Submit(w.Context(), call), "one")
		require.Equal(w, map[string]int{"versions.apply": 1}, w.g.Effects(mini))
	})
}
