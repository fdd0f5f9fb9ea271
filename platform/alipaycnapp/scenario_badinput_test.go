package alipaycnapp_test

import (
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
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
	"github.com/alipayplus-go/alipayplus/rollout"
)

// badInput is something that a person did wrong, or that went wrong for one, and the one
// line that the person gets.
type badInput struct {
	does func(w *fixture) error
	gets string
	is   error
	// logged is what the platform's operator finds in the log.
	logged string
	// opts are those of the gateway.
	opts []alipaycntest.Option
}

func badInputs() map[string]badInput {
	return map[string]badInput{
		"the mini program is not authorized": {
			does: func(w *fixture) error {
				_, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: w.program, Version: w.upload("1.0.0"), TargetApp: alipayplus.TargetAlipayCN})
				return err
			},
			gets: "alipayplus: releases.create: AUTHORIZATION_REQUIRED: mini program PROGRAM is not authorized for ALIPAY_CN; call Authorizations.Begin and visit the page it returns (HTTP 409, request ID, trace ID)",
			is:   alipayplus.ErrAuthorizationRequired,
		},
		"another mini program was chosen": {
			does: func(w *fixture) error {
				w.authorize(w.program, mini)
				require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, w.program, alipayplus.TargetAlipayCN))
				return w.page(w.authorize(w.program, other))
			},
			gets: "This confirmation was not accepted: 2021000000000003 was chosen, and mini program PROGRAM is 2021000000000002 at AlipayCN; choose 2021000000000002. Begin the authorization again.",
		},
		"a method was not authorized": {
			does: func(w *fixture) error {
				var methods []string
				for _, op := range cnwire.Operations() {
					if op != cnwire.VersionGray {
						methods = append(methods, op.API)
					}
				}
				return w.page(w.authorize(w.program, mini, methods...))
			},
			gets: "This confirmation was not accepted: ALIPAY_CN did not authorize alipay.open.mini.version.gray.online, which a release needs; the platform's operator adds that to the platform's app there. Begin the authorization again.",
		},
		"the version is not at AlipayCN": {
			does: func(w *fixture) error {
				w.authorize(w.program, mini)
				_, err := w.apply(w.created("1.0.0", w.application()))
				return err
			},
			gets: "alipayplus: releases.apply: STATE_CONFLICT: target app: version 1.0.0 at AlipayCN is not there: upload it with AlipayCN's own tool, or name a template in the release's configuration, and apply again (HTTP 409, request ID, trace ID)",
			is:   alipayplus.ErrConflict,
		},
		"its build fails": {
			does: func(w *fixture) error {
				w.authorize(w.program, mini)
				application := w.application()
				application.Template = &alipayplus.AlipayCNTemplate{ID: template}
				time.AfterFunc(5*time.Second, func() { require.NoError(w, w.g.AdvanceBuild(mini, "1.0.0", alipaycn.BuildFailed)) })
				_, err := w.apply(w.created("1.0.0", application))
				return err
			},
			gets: "alipayplus: releases.apply: STATE_CONFLICT: target app: version 1.0.0 at AlipayCN could not be built from template 2021000000000004 (build status 3); correct the template or its ext, and apply again (HTTP 409, request ID, trace ID)",
			is:   alipayplus.ErrConflict,
			opts: []alipaycntest.Option{alipaycntest.WithBuildDelay(time.Hour)},
		},
		"it is still being built": {
			does: func(w *fixture) error {
				w.authorize(w.program, mini)
				application := w.application()
				application.Template = &alipayplus.AlipayCNTemplate{ID: template}
				_, err := w.apply(w.created("1.0.0", application))
				return err
			},
			gets: "alipayplus: releases.apply: STATE_CONFLICT: target app: version 1.0.0 at AlipayCN is being built; apply again in a moment (HTTP 409, request ID, trace ID)",
			is:   alipayplus.ErrConflict,
			opts: []alipaycntest.Option{alipaycntest.WithBuildDelay(time.Hour)},
		},
		"it did not pass the scan": {
			does: func(w *fixture) error {
				w.authorize(w.program, mini)
				require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
				require.NoError(w, w.g.SetScan(mini, "1.0.0", alipaycn.ScanFailed))
				_, err := w.apply(w.created("1.0.0", w.application()))
				return err
			},
			gets: "alipayplus: releases.apply: STATE_CONFLICT: target app: version 1.0.0 at AlipayCN did not pass the security scan; correct it in a new version (HTTP 409, request ID, trace ID)",
			is:   alipayplus.ErrConflict,
		},
		"it is still being scanned": {
			does: func(w *fixture) error {
				w.authorize(w.program, mini)
				require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
				require.NoError(w, w.g.SetScan(mini, "1.0.0", alipaycn.ScanRunning))
				_, err := w.apply(w.created("1.0.0", w.application()))
				return err
			},
			gets: "alipayplus: releases.apply: STATE_CONFLICT: target app: AlipayCN says CAN_NOT_SUBMIT_WITHOUT_SCAN_PASS (trace ID): the security scan of the version is not passed; wait while scan_result of versions.get is NAN; when it is False, correct the code and upload a new version (HTTP 409, request ID, trace ID)",
			is:   alipayplus.ErrConflict,
		},
		"there are 20 versions in development": {
			does: func(w *fixture) error {
				w.authorize(w.program, mini)
				for n := range 20 {
					require.NoError(w, w.g.AddVersion(mini, fmt.Sprintf("0.0.%d", n+1)))
				}
				application := w.application()
				application.Template = &alipayplus.AlipayCNTemplate{ID: template}
				_, err := w.apply(w.created("1.0.0", application))
				return err
			},
			gets: "alipayplus: releases.apply: LIMIT_EXCEEDED: target app: AlipayCN says DEV_VERSION_EXCEED_MAX_COUNT (trace ID): the mini program has the most development versions that are allowed, 20; delete versions in INIT that are not needed (versions.delete), then upload (HTTP 409, request ID, trace ID)",
			is:   alipayplus.ErrLimit,
		},
		"the template is not there": {
			does: func(w *fixture) error {
				w.authorize(w.program, mini)
				application := w.application()
				application.Template = &alipayplus.AlipayCNTemplate{ID: "2021000000000009"}
				_, err := w.apply(w.created("1.0.0", application))
				return err
			},
			gets: "alipayplus: releases.apply: PARAM_ILLEGAL: target app: template \"2021000000000009\" in the release's configuration, or the version of it, is not one of the platform's third-party app at AlipayCN; correct it and apply again (HTTP 400, request ID, trace ID)",
			is:   alipayplus.ErrInvalid,
		},
		"the name is taken": {
			does: func(w *fixture) error {
				require.NoError(w, w.g.AddApp(alipaycntest.App{ID: "2021000000000005", BaseInfo: alipaycn.BaseInfo{AppName: "蓝湖茶"}}))
				w.authorize(w.program, mini)
				require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
				_, err := w.apply(w.created("1.0.0", w.application()))
				return err
			},
			gets: "alipayplus: releases.apply: PARAM_ILLEGAL: target app: AlipayCN says MINI_APP_NAME_DUPLICATE (trace ID): another mini program has this app_name; choose another; baseInfo.checkName tells beforehand (HTTP 400, request ID, trace ID)",
			is:   alipayplus.ErrInvalid,
		},
		"AlipayCN rejects it, with pictures": {
			does: func(w *fixture) error {
				r := w.applied()
				require.NoError(w, w.g.Reject(mini, "1.0.0", alipaycntest.Verdict{
					Reason: "the logo is blurred", Images: []string{"https://cn.example/1.png"}, Memos: []alipaycn.AuditMemo{{Memo: "use 180 x 180", Images: []string{"https://cn.example/2.png"}}},
				}))
				_, err := w.owner.Releases.WaitReviewed(w.Context(), r.ID, alipayplus.ReleaseWait{})
				rejected, is := errors.AsType[*alipayplus.ReviewError](err)
				require.True(w, is)
				require.Equal(w, []string{"https://cn.example/1.png", "https://cn.example/2.png"}, rejected.Reviews[1].Pictures)
				return err
			},
			gets: "releases.waitReviewed: RELEASE: waiting ended after 1 poll, last state NEW_VERSION_CREATED ALIPAY_PLUS=APPROVED,ALIPAY_CN=REJECTED: release RELEASE was rejected (ALIPAY_CN: the logo is blurred; use 180 x 180); correct it and send it to review again",
		},
		"20 percent": {
			does: func(w *fixture) error {
				_, err := w.owner.Releases.StartGrayscale(w.Context(), w.prepared().GrayscaleTo(20))
				return err
			},
			gets: "alipayplus: releases.grayscale: ratio 20% is not allowed: it is not on the ladder; allowed now: 10%, 30%, 50%, 100%",
			is:   alipayplus.ErrInvalid,
		},
		"somebody published in the console": {
			does: func(w *fixture) error {
				r := w.live(30)
				require.NoError(w, w.console().Versions.Publish(w.Context(), alipaycn.PublishInput{Version: w.version().Version}))
				_, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(50))
				return err
			},
			gets: "alipayplus: releases.grayscale: STATE_CONFLICT: release RELEASE is complete at 100%; nothing is left to raise (HTTP 409, request ID, trace ID)",
			is:   alipayplus.ErrConflict,
		},
		"AlipayCN removed the version at 30 percent": {
			does: func(w *fixture) error {
				r := w.live(30)
				require.NoError(w, w.g.TakeDown(mini, "1.0.0"))
				_, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(50))
				return err
			},
			gets: "alipayplus: releases.grayscale: STATE_CONFLICT: release RELEASE is CANCELED and cannot be released by grayscale; release a higher version (Releases.History says who canceled it) (HTTP 409, request ID, trace ID)",
			is:   alipayplus.ErrConflict,
		},
		"AlipayCN is down": {
			does: func(w *fixture) error {
				r := w.live(30)
				w.down.Store(true)
				_, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(50))
				return err
			},
			gets:   "alipayplus: releases.grayscale: UNKNOWN_EXCEPTION: ALIPAY_CN could not be asked, or did not say what happened; the platform's log says why, by the trace id (HTTP 500, request ID, trace ID); it is not known whether the call took effect; repeat it with the same RequestID",
			is:     alipayplus.ErrOutcomeUnknown,
			logged: "something between this machine and AlipayCN has a problem; try later",
		},
		"the Alipay key is wrong": {
			does: func(w *fixture) error {
				r := w.live(30)
				w.again(key(1), testkey.FastOther().PublicPEM())
				_, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(50))
				return err
			},
			gets:   "alipayplus: releases.grayscale: UNKNOWN_EXCEPTION: ALIPAY_CN could not be asked, or did not say what happened; the platform's log says why, by the trace id (HTTP 500, request ID, trace ID); it is not known whether the call took effect; repeat it with the same RequestID",
			is:     alipayplus.ErrOutcomeUnknown,
			logged: "check Alipay's public key (WithAlipayPublicKey, ALIPAYCN_PUBLIC_KEY_FILE), which is not the app's own",
		},
		"the encryption key is lost": {
			does: func(w *fixture) error {
				r := w.live(30)
				w.again(key(2), w.g.AlipayPublicKey())
				_, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(50))
				return err
			},
			gets:   "alipayplus: releases.grayscale: UNKNOWN_EXCEPTION: ALIPAY_CN could not be asked, or did not say what happened; the platform's log says why, by the trace id (HTTP 500, request ID, trace ID); it is not known whether the call took effect; repeat it with the same RequestID",
			is:     alipayplus.ErrOutcomeUnknown,
			logged: "start with that one, or forget the tokens (ForgetTokens) and let the merchants authorize again",
		},
	}
}

// TestWhatBadInputGets: one line, which says what to do.
func TestWhatBadInputGets(t *testing.T) {
	for name, tt := range badInputs() {
		t.Run(name, func(t *testing.T) {
			given(t, func(w *fixture) {
				w.again(key(1), w.g.AlipayPublicKey())
				err := tt.does(w)
				require.Equal(w, tt.gets, w.withoutIDs(err.Error()))
				if tt.is != nil {
					require.ErrorIs(w, err, tt.is)
				}
				require.Contains(w, w.log.String(), tt.logged)
			}, tt.opts...)
		})
	}
}

// withoutIDs leaves out of a text what differs each time.
func (w *fixture) withoutIDs(text string) string {
	text = strings.ReplaceAll(text, w.program, "PROGRAM")
	text = regexp.MustCompile(`rel_[A-Z2-7]+`).ReplaceAllString(text, "RELEASE")
	return regexp.MustCompile(`(request|trace) [0-9A-Za-z]{20,}`).ReplaceAllString(text, "$1 ID")
}

// TestAlipayCNIsDownForAnHour while a rollout runs: it goes on by itself, and sets each ratio once.
func TestAlipayCNIsDownForAnHour(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.prepared()
		w.again(key(1), w.g.AlipayPublicKey())
		spec := rollout.Spec{Version: rollout.SpecVersion}
		for _, ratio := range []alipayplus.Ratio{10, 30, 50} {
			spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: ratio, Bake: rollout.Duration(20 * time.Minute)})
		}
		spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: alipayplus.FullRatio})
		runner, err := rollout.New(rollout.ForRelease(w.owner, r.ID), spec, rollout.NewMemoryStore())
		require.NoError(w, err)
		time.AfterFunc(30*time.Minute, func() { w.down.Store(true) })
		time.AfterFunc(90*time.Minute, func() { w.down.Store(false) })
		begun := time.Now()
		state, err := runner.Run(w.Context())
		require.NoError(w, err)
		require.Equal(w, rollout.Done, state.Status)
		require.Greater(w, time.Since(begun), 90*time.Minute)
		require.Equal(w, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1}, w.g.Effects(mini))
		require.Equal(w, alipaycn.StatusRelease, w.g.Status(mini, "1.0.0"))
	})
}

// live is live for a share of the users.
func (w *fixture) live(ratio alipayplus.Ratio) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.StartGrayscale(w.Context(), w.prepared().GrayscaleTo(ratio))
	require.NoError(w, err)
	return r
}

// page is what the page says that did not authorize anything.
func (w *fixture) page(status int, text string) error {
	w.Helper()
	require.Equal(w, http.StatusForbidden, status, text)
	_, text, _ = strings.Cut(text, "<p>")
	text, _, _ = strings.Cut(text, "</p>")
	return errors.New(html.UnescapeString(text))
}

// again starts the platform again, with an encryption key, and Alipay's public key as it was configured.
func (w *fixture) again(key, alipay []byte) {
	w.Helper()
	client, err := alipaycn.New(
		alipaycn.WithAppID(isv), alipaycn.WithSigner(testkey.FastClient()), alipaycn.WithAlipayPublicKey(alipay),
		alipaycn.WithHTTPClient(&http.Client{Transport: mayBeDown{w.g.HTTPClient().Transport, &w.down}}), alipaycn.WithRetry(1, time.Millisecond, time.Millisecond),
	)
	require.NoError(w, err)
	w.app, err = alipaycnapp.New(w.store, client, alipaycnapp.WithEncryptionKey(key))
	require.NoError(w, err)
	w.p, err = platform.New(
		platform.WithSigner(testkey.FastKey()), platform.WithStore(w.store), platform.WithPublicURL(address), platform.WithTargetBackends(w.app),
		platform.WithLogger(slog.New(slog.NewTextHandler(&w.log, nil))),
		platform.WithAutoReview(approvedAtOnce),
	)
	require.NoError(w, err)
	w.owner, err = w.p.Client(w.Context(), w.workspace, "olga", alipayplus.WithRetry(1, 0, 0))
	require.NoError(w, err)
}

// mayBeDown is the way to AlipayCN, at whose end a proxy answers while it is down.
type mayBeDown struct {
	http.RoundTripper
	down *atomic.Bool
}

func (m mayBeDown) RoundTrip(r *http.Request) (*http.Response, error) {
	if !m.down.Load() {
		return m.RoundTripper.RoundTrip(r)
	}
	answer := httptest.NewRecorder()
	answer.Header().Set("Content-Type", "text/html")
	answer.WriteHeader(http.StatusServiceUnavailable)
	return answer.Result(), nil
}
