package alipaycnapp_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

// TestAReleaseReachesEveryUserOfAlipayCN: from the authorization to 100 %, each effect once.
func TestAReleaseReachesEveryUserOfAlipayCN(t *testing.T) {
	given(t, func(w *fixture) {
		_, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{
			ProgramID: w.program, Version: w.upload("0.9.0"), TargetApp: alipayplus.TargetAlipayCN,
		})
		require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)
		r := w.prepared()
		require.Equal(w, mini, w.authorization(w.program).TargetProgramID)
		require.Equal(w, alipaycn.GrayLadder(), r.Grayscale.Ladder)
		for _, ratio := range []alipayplus.Ratio{10, 30, 50, 100} {
			if r.Status == alipayplus.ReleasePreparation {
				r, err = w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(ratio))
			} else {
				r, err = w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(ratio))
			}
			require.NoError(w, err)
		}
		require.Equal(w, alipayplus.ReleaseFull, r.Status)
		require.Equal(w, alipaycn.StatusRelease, w.g.Status(mini, "1.0.0"))
		require.Equal(w, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1}, w.g.Effects(mini))
		require.Equal(w, r, w.later(r), "nothing else was found there")
	})
}

func TestAVersionIsBuiltFromItsTemplate(t *testing.T) {
	given(t, func(w *fixture) {
		w.authorize(w.program, mini)
		application := w.application()
		r := w.created("1.0.0", application)
		_, err := w.apply(r)
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "upload it with AlipayCN's own tool")
		application.Template = &alipayplus.AlipayCNTemplate{ID: template}
		_, err = w.apply(w.configure(r, application))
		require.NoError(w, err)
		require.Equal(w, map[string]int{"versions.upload": 1, "versions.apply": 1}, w.g.Effects(mini))
	})
}

func TestARejectionByAlipayCNIsShownWithItsPictures(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.applied()
		require.NoError(w, w.g.Reject(mini, "1.0.0", alipaycntest.Verdict{
			Reason: "the logo is blurred", Images: []string{"https://cn.example/1.png"}, Memos: []alipaycn.AuditMemo{{Memo: "use 180 x 180", Images: []string{"https://cn.example/2.png"}}},
		}))
		r = w.later(r)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, r.Status)
		require.Equal(w, "the logo is blurred; use 180 x 180", r.Reviews[1].Reason)
		require.Equal(w, []string{"https://cn.example/1.png", "https://cn.example/2.png"}, r.Reviews[1].Pictures)
		_, err := w.apply(r)
		require.NoError(w, err, "a rejected version is returned to development first")
		require.Equal(w, map[string]int{"versions.apply": 2, "versions.returnToDevelopment": 1}, w.g.Effects(mini))
	})
}

// TestARejectionByAlipayPlusAlone: AlipayCN's review goes on, and holds for the same
// application; another one takes its place.
func TestARejectionByAlipayPlusAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		change  func(w *fixture, r *alipayplus.Release) *alipayplus.Release
		effects map[string]int
	}{
		"unchanged": {func(_ *fixture, r *alipayplus.Release) *alipayplus.Release { return r }, map[string]int{"versions.apply": 1}},
		"changed": {func(w *fixture, r *alipayplus.Release) *alipayplus.Release {
			application := *r.Configuration.AlipayCN
			application.Memo = "The first picture shows the new shop."
			return w.configure(r, &application)
		}, map[string]int{"versions.apply": 2, "versions.cancelAudit": 1}},
	} {
		for when, decided := range map[string]bool{"while AlipayCN reviews": false, "after AlipayCN's approval": true} {
			t.Run(name+", "+when, func(t *testing.T) {
				given(t, func(w *fixture) {
					w.start(key(1)) // where people review for Alipay+
					w.owner = w.as("olga")
					r := w.applied()
					w.rejectForAlipayPlus()
					r = w.later(r)
					require.Equal(w, alipayplus.ReleaseNewVersionCreated, r.Status)
					require.Equal(w, alipaycn.StatusAuditing, w.g.Status(mini, "1.0.0"), "nothing was asked of AlipayCN")
					want := maps.Clone(tt.effects)
					if decided {
						require.NoError(w, w.g.Approve(mini, "1.0.0"))
						if want["versions.cancelAudit"] > 0 {
							delete(want, "versions.cancelAudit")
							want["versions.returnToDevelopment"] = 1
						}
					}
					r, err := w.apply(tt.change(w, r))
					require.NoError(w, err)
					require.Equal(w, want, w.g.Effects(mini))
					if w.g.Status(mini, "1.0.0") == alipaycn.StatusAuditing {
						require.NoError(w, w.g.Approve(mini, "1.0.0"))
					}
					for _, review := range w.waiting() {
						require.NoError(w, review.Approve(w.Context(), alipayplus.PartyAlipayPlus))
					}
					require.Equal(w, alipayplus.ReleasePreparation, w.later(r).Status)
				})
			})
		}
	}
}

// TestWhatSomebodyDoesInTheConsole is found, recorded, and not undone.
func TestWhatSomebodyDoesInTheConsole(t *testing.T) {
	for name, tt := range map[string]struct {
		console func(w *fixture) error
		want    alipayplus.ReleaseStatus
		ratio   alipayplus.Ratio
		note    string
	}{
		"raises the share": {func(w *fixture) error {
			return w.console().Versions.RaiseGray(w.Context(), alipaycn.GrayInput{Version: w.version().Version, Strategy: alipaycn.GrayP50})
		}, alipayplus.ReleaseGrayscale, 50, "found at ALIPAY_CN: GRAY p50"},
		"publishes": {func(w *fixture) error {
			return w.console().Versions.Publish(w.Context(), alipaycn.PublishInput{Version: w.version().Version})
		}, alipayplus.ReleaseFull, 100, "found at ALIPAY_CN: RELEASE"},
		"ends the grayscale": {func(w *fixture) error { return w.console().Versions.CancelGray(w.Context(), w.version()) }, alipayplus.ReleasePreparation, 0, "found at ALIPAY_CN: WAIT_RELEASE"},
		"forced removal":     {func(w *fixture) error { return w.g.TakeDown(mini, "1.0.0") }, alipayplus.ReleaseCanceled, 30, "found at ALIPAY_CN: AUDIT_OFFLINE"},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(w *fixture) {
				r := w.prepared()
				r, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(30))
				require.NoError(w, err)
				require.NoError(w, tt.console(w))
				r = w.later(r)
				require.Equal(w, tt.want, r.Status)
				require.Equal(w, tt.ratio, r.Grayscale.Ratio)
				require.Equal(w, "outside", w.lastAudit().Who)
				require.Equal(w, tt.note, w.lastAudit().Note)
			})
		})
	}
}

// TestACallIsRepeatedAfterItsAnswerWasLost: its effect happens once, whatever went wrong.
func TestACallIsRepeatedAfterItsAnswerWasLost(t *testing.T) {
	for name, fault := range map[string]alipaycntest.Fault{
		"cut before": {CutBefore: true}, "cut after": {CutAfter: true}, "503": {Status: 503}, "503 after": {StatusAfter: 503},
		"wrong signature": {WrongSignature: true}, "unsigned": {Unsigned: true}, "system error after": {CodeAfter: "SYSTEM_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(w *fixture) {
				w.authorize(w.program, mini)
				require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
				r := w.created("1.0.0", w.application())
				faulty := func(operation string, do func() (*alipayplus.Release, error)) *alipayplus.Release {
					f := fault
					f.Operation = operation
					w.g.Inject(f)
					done, err := do()
					for range 3 {
						if err == nil {
							break
						}
						done, err = do()
					}
					require.NoError(w, err)
					return done
				}
				c := company()
				r = faulty("versions.apply", func() (*alipayplus.Release, error) {
					return w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &c, RequestID: "apply"})
				})
				require.NoError(w, w.g.Approve(mini, "1.0.0"))
				r = w.later(r)
				step := r.GrayscaleTo(10)
				step.RequestID = "gray"
				r = faulty("versions.gray", func() (*alipayplus.Release, error) { return w.owner.Releases.StartGrayscale(w.Context(), step) })
				last := r.GrayscaleTo(100)
				last.RequestID = "publish"
				r = faulty("versions.publish", func() (*alipayplus.Release, error) { return w.owner.Releases.Raise(w.Context(), last) })
				require.Equal(w, alipayplus.ReleaseFull, r.Status)
				require.Equal(w, map[string]int{"versions.apply": 1, "versions.gray": 1, "versions.publish": 1}, w.g.Effects(mini))
			})
		})
	}
}

func TestWithdrawAndCancelTakeTheVersionBackToDevelopment(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.applied()
		r, err := w.owner.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.NoError(w, err)
		require.Equal(w, alipaycn.StatusInit, w.g.Status(mini, "1.0.0"))
		r, err = w.apply(r)
		require.NoError(w, err)
		require.NoError(w, w.g.Approve(mini, "1.0.0"))
		r = w.later(r)
		r, err = w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
		require.NoError(w, err)
		_, err = w.owner.Releases.Cancel(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.NoError(w, err)
		require.Equal(w, alipaycn.StatusInit, w.g.Status(mini, "1.0.0"))
	})
}

// TestAFullReleaseIsTakenBack: offline, or back to the version before; the console may be
// faster.
func TestAFullReleaseIsTakenBack(t *testing.T) {
	two := alipaycn.VersionInput{Version: alipayplus.VersionNumber{Major: 2}}
	for name, tt := range map[string]struct {
		take          func(w *fixture, r *alipayplus.Release) error
		first, second alipayplus.ReleaseStatus
		effects       map[string]int
	}{
		"offline": {func(w *fixture, r *alipayplus.Release) error {
			_, err := w.owner.Releases.TakeOffline(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
			return err
		}, alipayplus.ReleaseArchived, alipayplus.ReleaseArchived, map[string]int{"versions.takeOffline": 1}},
		"back": {func(w *fixture, r *alipayplus.Release) error {
			_, err := w.owner.Releases.RollBack(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
			return err
		}, alipayplus.ReleaseFull, alipayplus.ReleaseArchived, map[string]int{"versions.rollback": 1}},
		"offline in the console": {func(w *fixture, _ *alipayplus.Release) error {
			return w.console().Versions.TakeOffline(w.Context(), two)
		}, alipayplus.ReleaseArchived, alipayplus.ReleaseArchived, map[string]int{"versions.takeOffline": 1}},
		"back in the console": {func(w *fixture, _ *alipayplus.Release) error { return w.console().Versions.Rollback(w.Context(), two) }, alipayplus.ReleaseFull, alipayplus.ReleaseArchived, map[string]int{"versions.rollback": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(w *fixture) {
				first, second := w.full("1.0.0"), w.full("2.0.0")
				require.NoError(w, tt.take(w, second))
				require.Equal(w, tt.second, w.later(second).Status)
				first = w.later(first)
				require.Equal(w, tt.first, first.Status)
				require.Equal(w, tt.first == alipayplus.ReleaseFull, w.g.Status(mini, "1.0.0") == alipaycn.StatusRelease)
				require.Equal(w, alipaycn.StatusOffline, w.g.Status(mini, "2.0.0"))
				for effect, count := range tt.effects {
					require.Equal(w, count, w.g.Effects(mini)[effect])
				}
				_, err := w.owner.Releases.RollBack(w.Context(), alipayplus.ReleaseInput{ReleaseID: first.ID})
				require.ErrorIs(w, err, alipayplus.ErrConflict, "nothing was before it")
			})
		})
	}
}

func TestARevokedAuthorizationStopsRaises(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.prepared()
		require.NoError(w, w.g.RevokeAuthorization(mini))
		_, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
		require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)
		require.Equal(w, alipayplus.AuthorizationRevoked, w.authorization(w.program).Status)
		require.Equal(w, alipaycn.StatusWaitRelease, w.g.Status(mini, "1.0.0"))
		status, page := w.authorize(w.program, mini)
		require.Equal(w, http.StatusOK, status, page)
		_, err = w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
		require.NoError(w, err)
	})
}

// TestARatioThatAlipayCNDoesNotHave is refused before AlipayCN is asked.
func TestARatioThatAlipayCNDoesNotHave(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.prepared()
		_, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(20))
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		require.Zero(w, w.g.Effects(mini)["versions.gray"])
	})
}

// TestAnApplicationIsCheckedByAlipayCNsRules: the answer names every broken field.
func TestAnApplicationIsCheckedByAlipayCNsRules(t *testing.T) {
	given(t, func(w *fixture) {
		w.authorize(w.program, mini)
		require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
		r := w.created("1.0.0", &alipayplus.AlipayCNApplication{Description: "short", ServicePhone: "call us", LogoFileID: ""})
		_, err := w.apply(r)
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		require.ErrorContains(w, err, "version_desc")
		require.ErrorContains(w, err, "service_phone")
		_, err = w.apply(w.configure(r, &alipayplus.AlipayCNApplication{LogoFileID: "nothing"}))
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		require.Empty(w, w.g.Effects(mini))
	})
}

// TestAVersionThatCannotBeAppliedFor: each refusal says what to do, and nothing is changed.
func TestAVersionThatCannotBeAppliedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		there func(w *fixture) error
		says  string
	}{
		"the scan found something": {func(w *fixture) error { return w.g.SetScan(mini, "1.0.0", alipaycn.ScanFailed) }, "security scan"},
		"taken down":               {func(w *fixture) error { return w.g.TakeDown(mini, "1.0.0") }, "AUDIT_OFFLINE"},
		"another version was applied for in the console": {func(w *fixture) error {
			if err := w.g.AddVersion(mini, "1.0.1"); err != nil {
				return err
			}
			in := alipaycn.ApplyInput{
				Version: alipayplus.VersionNumber{Major: 1, Patch: 1}, Description: "Somebody applies for another version in the console.",
				AppName: "蓝湖茶", AppEnglishName: "BlueLakeTea", AppSlogan: "湖畔好茶送到家门口", AppDescription: "蓝湖茶把湖畔的好茶送到你的家门口，随时下单。",
				Categories: alipaycn.CategoryIDs{"XS1001_XS2001_XS3002"}, ServicePhone: "13110101010", RegionType: alipaycn.RegionChina, AppLogo: logo(w.TB),
			}
			_, err := w.console().Versions.Apply(w.Context(), in)
			return err
		}, "version 1.0.1 is AUDITING there"},
	} {
		t.Run(name, func(t *testing.T) {
			given(t, func(w *fixture) {
				w.authorize(w.program, mini)
				require.NoError(w, w.g.AddVersion(mini, "1.0.0"))
				require.NoError(w, tt.there(w))
				before := w.g.Effects(mini)["versions.apply"]
				_, err := w.apply(w.created("1.0.0", w.application()))
				require.ErrorIs(w, err, alipayplus.ErrConflict)
				require.ErrorContains(w, err, tt.says)
				require.Equal(w, before, w.g.Effects(mini)["versions.apply"])
			})
		})
	}
}

// TestAdmissionPassesAndPromotionDoesNot: the version may be released, and why it is not promoted is
// shown with its pictures. AlipayCN has no grayscale for it.
func TestAdmissionPassesAndPromotionDoesNot(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.applied()
		require.NoError(w, w.g.ApproveAdmission(mini, "1.0.0", true, alipaycntest.Verdict{
			Images: []string{"https://cn.example/1.png"}, Memos: []alipaycn.AuditMemo{{Memo: "show more tea", Images: []string{"https://cn.example/2.png"}}},
		}))
		r = w.later(r)
		require.Equal(w, alipayplus.ReleasePreparation, r.Status)
		require.Equal(w, alipayplus.ReviewApproved, r.Reviews[1].Status)
		require.Equal(w, "show more tea", r.Reviews[1].Reason)
		require.Equal(w, []string{"https://cn.example/1.png", "https://cn.example/2.png"}, r.Reviews[1].Pictures)
		_, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		r, err = w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
		require.NoError(w, err)
		require.Equal(w, alipayplus.ReleaseFull, r.Status)
	})
}

// TestWhatTheProgramSaysHoldsForItsReleases: texts, pictures and the template, with its version and
// what the mini program reads from it.
func TestWhatTheProgramSaysHoldsForItsReleases(t *testing.T) {
	given(t, func(w *fixture) {
		w.authorize(w.program, mini)
		application := w.application()
		application.Template = &alipayplus.AlipayCNTemplate{ID: template, Version: alipayplus.VersionNumber{Major: 1}, Ext: `{"extEnable":true}`}
		_, err := w.owner.Programs.UpdateConfiguration(w.Context(), alipayplus.UpdateProgramConfigurationInput{
			ProgramID: w.program, Configuration: alipayplus.Configuration{AlipayCN: application},
		})
		require.NoError(w, err)
		r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: w.program, Version: w.upload("1.0.0"), TargetApp: alipayplus.TargetAlipayCN})
		require.NoError(w, err)
		require.Equal(w, application, r.Configuration.AlipayCN)
		_, err = w.apply(r)
		require.NoError(w, err)
		require.Equal(w, alipaycn.StatusAuditing, w.g.Status(mini, "1.0.0"))

		application.Template.Version.Major = 7
		_, err = w.owner.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.NoError(w, err)
		second := w.created("1.0.1", application)
		_, err = w.apply(second)
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "publish the template version first")
	})
}
