package platform_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// A partner app has a ladder, languages, limits, a reviewer and test devices of its own.
func TestAPartnerAppHasItsOwnRules(t *testing.T) {
	ladder, err := alipayplus.NewLadder(1, 25, 100)
	require.NoError(t, err)
	withFixture(t, func(w *fixture) {
		ws, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err)
		require.Equal(w, []alipayplus.TargetAppInfo{{
			App: partner, Ladder: ladder, Languages: []string{"en", "zh-HK"},
			TestDevices: phones(), Limits: alipayplus.Limits{Programs: 1, WaitingVersions: 2},
		}}, ws.Targets)

		program := w.program()
		version := w.upload(program.ID, "1.0.0")
		create := alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: partner}
		_, err = w.owner.Releases.Create(w.Context(), create)
		require.ErrorContains(w, err, "LAKE_WALLET needs the languages en, zh-HK")
		_, err = w.owner.Programs.AddLanguages(w.Context(), alipayplus.AddLanguagesInput{ProgramID: program.ID, Languages: []alipayplus.Localization{
			{Language: "en", Name: "Blue Lake Tea"}, {Language: "zh-HK", Name: "藍湖茶"},
		}})
		require.NoError(w, err)
		r, err := w.owner.Releases.Create(w.Context(), create)
		require.NoError(w, err, "no authorization is needed")
		require.Equal(w, ladder, r.Grayscale.Ladder)
		w.apply(r.ID)
		waiting, err := w.reviewer("LAKE_REVIEW").Reviews.List(w.Context(), alipayplus.ListReviewsInput{})
		require.NoError(w, err)
		require.Len(w, waiting.Items, 1)
		w.approve()
		_, err = w.owner.Releases.StartGrayscale(w.Context(), alipayplus.GrayscaleInput{ReleaseID: r.ID, Ratio: 10})
		require.ErrorContains(w, err, "allowed now: 1%, 25%, 100%")
		_, err = w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
		require.NoError(w, err)
		_, err = w.owner.Releases.TakeOffline(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.ErrorContains(w, err, "LAKE_WALLET can take nothing back")
	}, platform.WithTargetBackends(platform.NewPartnerApp(partner, platform.PartnerAppOptions{
		Ladder: ladder, Languages: []string{"en", "zh-hk"}, Limits: alipayplus.Limits{Programs: 1, WaitingVersions: 2},
		Party: "LAKE_REVIEW", TestDevices: phones(),
	})))
}
