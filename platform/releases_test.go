package platform_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
)

// TestReleaseMiniPrograms is the document "Release mini programs", sentence by sentence.
func TestReleaseMiniPrograms(t *testing.T) {
	sentence(t, "In a workspace, the owner, masters, and developers have permission to proceed with the release process.", func(w *fixture) {
		program := w.program()
		for i, role := range []alipayplus.Role{alipayplus.RoleOwner, alipayplus.RoleMaster, alipayplus.RoleDeveloper} {
			member := w.member("m"+string(role), role)
			as := &fixture{T: w.T, p: w.p, workspace: w.workspace, owner: member}
			as.authorize(program.ID)
			released := as.full(program.ID, fmt.Sprintf("1.0.%d", i+1))
			require.Equal(w, alipayplus.ReleaseFull, released.Status)
			require.Equal(w, "m"+string(role), released.CreatedBy)
		}
	})
	sentence(t, "You can release your mini program to AlipayCN or other Alipay+ partner apps.", func(w *fixture) {
		program := w.authorizedProgram()
		version := w.full(program.ID, "1.0.0").Version

		elsewhere, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: partner})
		require.NoError(w, err, "the same version may go to another app, too")
		w.apply(elsewhere.ID)
		w.decide(alipayplus.PartyAlipayPlus, "")
		elsewhere, err = w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: elsewhere.ID})
		require.NoError(w, err)
		require.Equal(w, alipayplus.ReleaseFull, elsewhere.Status)
	}, platform.WithTargetBackends(platform.NewSimulatedAlipayCN(), newPartnerApp()))
	sentence(t, "Go to the Versions tab, choose a target version, and click Select App.", func(w *fixture) {
		program := w.authorizedProgram()
		w.upload(program.ID, "1.0.0")
		w.upload(program.ID, "1.1.0")
		versions, err := w.owner.Programs.ListVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: program.ID})
		require.NoError(w, err)
		require.Len(w, versions.Items, 2)
		chosen := versions.Items[1]

		r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: chosen.Number, TargetApp: cn})
		require.NoError(w, err)
		require.Equal(w, "1.0.0", r.Version.String(), "any uploaded version, not only the newest")
	})
	sentence(t, "Choose AlipayCN as the target app. You might see an indicator guiding you to add languages first.", func(w *fixture) {
		program, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{
			Languages: []alipayplus.Localization{{Language: "en", Name: "Blue Lake"}},
		})
		require.NoError(w, err)
		w.authorize(program.ID)
		in := alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: cn}
		_, err = w.owner.Releases.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		require.ErrorContains(w, err, "LANGUAGE_REQUIRED: ALIPAY_CN needs the languages zh-CN; add them with Programs.AddLanguages")

		w.Log("Click add languages to finish the language setting. Then select the app again and click Confirm.")
		_, err = w.owner.Programs.AddLanguages(w.Context(), alipayplus.AddLanguagesInput{
			ProgramID: program.ID, Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖"}},
		})
		require.NoError(w, err)
		_, err = w.owner.Releases.Create(w.Context(), in)
		require.NoError(w, err)
	})
	sentence(t, "A pop-up window might appear indicating that you need to authorize the platform to call AlipayCN's APIs.", func(w *fixture) {
		program := w.program()
		in := alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: cn}
		_, err := w.owner.Releases.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)

		begun, err := w.owner.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program.ID, TargetApp: cn})
		require.NoError(w, err)
		_, err = w.owner.Releases.Create(w.Context(), in)
		var required *alipayplus.AuthorizationRequiredError
		require.ErrorAs(w, err, &required)
		require.Equal(w, &alipayplus.AuthorizationRequiredError{ProgramID: program.ID, TargetApp: cn, URL: begun.URL, Status: alipayplus.AuthorizationPending}, required,
			"once begun, the error itself says where to go")
		require.NotContains(w, err.Error(), begun.State, "but not in its text: whoever has the page can authorize")
	})
	sentence(t, "Then go back to the platform and confirm whether the authorization is completed.", func(w *fixture) {
		program := w.authorizedProgram()
		a, err := w.owner.Authorizations.Get(w.Context(), alipayplus.AuthorizationInput{ProgramID: program.ID, TargetApp: cn})
		require.NoError(w, err)
		require.Equal(w, alipayplus.AuthorizationGranted, a.Status)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.release(program.ID, "1.0.0").Status)
	})
	sentence(t, "After selecting AlipayCN as the target app, a new version is created.", func(w *fixture) {
		r := w.release(w.authorizedProgram().ID, "1.0.0")
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, r.Status)
		require.Equal(w, new(company()), r.BasicInfo, "prefilled")
		require.Empty(w, r.ReleaseRequestID)
		require.Empty(w, r.Reviews)
		require.Zero(w, r.Grayscale.Ratio)
		require.Equal(w, r, w.read(r.ID), "and can be read")
	})
	sentence(t, "You can also click View Configuration to check and modify the configurations.", func(w *fixture) {
		program := w.authorizedProgram()
		_, err := w.owner.Programs.UpdateConfiguration(w.Context(), alipayplus.UpdateProgramConfigurationInput{
			ProgramID: program.ID, Configuration: alipayplus.Configuration{ServerDomains: []string{"api.bluelake.example"}},
		})
		require.NoError(w, err)
		r := w.release(program.ID, "1.0.0")
		require.Equal(w, []string{"api.bluelake.example"}, r.Configuration.ServerDomains, "it begins as the mini program's")

		changed := alipayplus.Configuration{ServerDomains: []string{"cn.bluelake.example"}, H5Domains: []string{"www.bluelake.example"}}
		r, err = w.owner.Releases.UpdateConfiguration(w.Context(), alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID, Configuration: changed})
		require.NoError(w, err)
		require.Equal(w, changed, r.Configuration)
		unchanged, err := w.owner.Programs.Get(w.Context(), program.ID)
		require.NoError(w, err)
		require.Equal(w, []string{"api.bluelake.example"}, unchanged.Configuration.ServerDomains, "the mini program's stays")
	})
	sentence(t, "The basic information is the business registration you submit during the merchant onboarding process.", func(w *fixture) {
		ws, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err)
		r := w.release(w.authorizedProgram().ID, "1.0.0")
		r, err = w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &ws.Company})
		require.NoError(w, err)
		require.Equal(w, &ws.Company, r.BasicInfo)
		require.False(w, w.request(r.ReleaseRequestID).BasicInfoChanged)
	})
	sentence(t, "Then click Apply to submit the release request to Alipay+ and AlipayCN for review.", func(w *fixture) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		require.Equal(w, alipayplus.ReleaseUnderReview, r.Status)
		asked := []alipayplus.Review{
			{Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewPending, StartedAt: time.Now().UTC()},
			{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewPending, StartedAt: time.Now().UTC()},
		}
		require.Equal(w, asked, r.Reviews)
		request := w.request(r.ReleaseRequestID)
		require.Equal(w, &alipayplus.Request{
			ID: r.ReleaseRequestID, Title: "Release 蓝湖茶 1.0.0 to ALIPAY_CN", Category: alipayplus.CategoryProgramRelease,
			Status: alipayplus.RequestUnderReview, Applicant: "olga", ReleaseID: r.ID, ProgramID: r.ProgramID,
			Version: r.Version, TargetApp: cn, Reviews: asked, CreatedAt: time.Now().UTC(),
		}, request)
	})
	sentence(t, "If you modify the basic information, Alipay + and AlipayCN will review the information during the release review process.", func(w *fixture) {
		moved := company()
		moved.Address = "2 Lake Road, Singapore"
		r := w.release(w.authorizedProgram().ID, "1.0.0")
		r, err := w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &moved})
		require.NoError(w, err)
		require.Equal(w, &moved, r.BasicInfo)
		require.True(w, w.request(r.ReleaseRequestID).BasicInfoChanged)
		for _, party := range []alipayplus.Party{alipayplus.PartyAlipayPlus, alipayplus.PartyAlipayCN} {
			seen := gather(w, w.reviewer(party).Reviews.All(w.Context(), alipayplus.ListReviewsInput{}))
			require.Len(w, seen, 1)
			require.True(w, seen[0].BasicInfoChanged, "%s sees that it changed", party)
		}
		ws, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err)
		require.Equal(w, company(), ws.Company, "what was registered at sign-up stays")
	})
	sentence(t, "After the approval of Alipay+ and AlipayCN, you can proceed to the release preparation.", func(w *fixture) {
		for i, order := range [][]alipayplus.Party{
			{alipayplus.PartyAlipayPlus, alipayplus.PartyAlipayCN}, {alipayplus.PartyAlipayCN, alipayplus.PartyAlipayPlus},
		} {
			r := w.underReview(w.authorizedProgram().ID, fmt.Sprintf("1.0.%d", i))
			w.decide(order[0], "")
			require.Equal(w, alipayplus.ReleaseUnderReview, w.read(r.ID).Status, "%s alone is not enough", order[0])
			require.Equal(w, alipayplus.RequestUnderReview, w.request(r.ReleaseRequestID).Status)
			w.decide(order[1], "")
			require.Equal(w, alipayplus.ReleasePreparation, w.read(r.ID).Status)
			require.Equal(w, alipayplus.RequestApproved, w.request(r.ReleaseRequestID).Status)
		}
	})
	sentence(t, "Grayscale Release: Gradually increase the release ratio, from 1% to 100% (full release).", func(w *fixture) {
		r := w.grayscale(w.authorizedProgram().ID, "1.0.0", 1)
		require.Equal(w, alipayplus.ReleaseGrayscale, r.Status)
		steps := 1
		for next, ok := r.Grayscale.Ladder.Next(r.Grayscale.Ratio); ok; next, ok = r.Grayscale.Ladder.Next(r.Grayscale.Ratio) {
			require.Equal(w, alipayplus.ReleaseGrayscale, r.Status)
			require.Zero(w, r.ReleasedAt)
			time.Sleep(24 * time.Hour)
			var err error
			r, err = w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(next))
			require.NoError(w, err)
			require.Equal(w, next, r.Grayscale.Ratio)
			steps++
			require.Len(w, r.Grayscale.Steps, steps)
			require.Equal(w, alipayplus.GrayscaleStep{Ratio: next, By: "olga", At: time.Now().UTC()}, r.Grayscale.Steps[steps-1])
		}
		require.Equal(w, alipayplus.ReleaseFull, r.Status)
		require.Equal(w, time.Now().UTC(), r.ReleasedAt)
	})
	sentence(t, "The grayscale ratio ranges from 1%-100%, with seven options to choose from.", func(w *fixture) {
		r := w.release(w.authorizedProgram().ID, "1.0.0")
		options := r.Grayscale.Ladder.Ratios()
		require.Len(w, options, 7)
		require.Equal(w, alipayplus.Ratio(1), options[0])
		require.Equal(w, alipayplus.Ratio(100), options[6])
	})
	sentence(t, "Choose any ratio within the range for grayscale release.", func(w *fixture) {
		for _, ratio := range alipayplus.DefaultLadder().Ratios() {
			r := w.grayscale(w.authorizedProgram().ID, "1.0.0", ratio)
			require.Equal(w, ratio, r.Grayscale.Ratio)
			if ratio == 100 {
				require.Equal(w, alipayplus.ReleaseFull, r.Status)
			} else {
				require.Equal(w, alipayplus.ReleaseGrayscale, r.Status)
			}
		}
	})
	sentence(t, "If everything goes well, you can gradually increase the ratio to 100% to fully release the mini program.", func(w *fixture) {
		r := w.grayscale(w.authorizedProgram().ID, "1.0.0", 1)
		r, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(30))
		require.NoError(w, err, "ratios may be left out")
		r, err = w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(100))
		require.NoError(w, err)
		require.Equal(w, alipayplus.ReleaseFull, r.Status)
	})
	sentence(t, "Final Release: Fully release the mini program directly.", func(w *fixture) {
		r := w.full(w.authorizedProgram().ID, "1.0.0")
		require.Equal(w, alipayplus.ReleaseFull, r.Status)
		require.Equal(w, alipayplus.FullRatio, r.Grayscale.Ratio)
		require.Len(w, r.Grayscale.Steps, 1)
		require.Equal(w, time.Now().UTC(), r.ReleasedAt)
	})
	sentence(t, "Next steps: Generate QR codes", func(w *fixture) {
		r := w.full(w.authorizedProgram().ID, "1.0.0")
		code, err := w.owner.QRCodes.Create(w.Context(), alipayplus.CreateQRCodeInput{AppID: r.ProgramID})
		require.NoError(w, err)
		_, err = code.PNG()
		require.NoError(w, err)
	})
}

func TestCurrentlyYouCanReleaseUpTo10MiniProgramsToAlipayCN(t *testing.T) {
	withFixture(t, func(w *fixture) {
		for range 10 {
			w.release(w.authorizedProgram().ID, "1.0.0")
		}
		ws, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err)
		require.Equal(w, 10, ws.Target(cn).ProgramsUsed)

		eleventh := w.authorizedProgram()
		in := alipayplus.CreateReleaseInput{ProgramID: eleventh.ID, Version: w.upload(eleventh.ID, "1.0.0"), TargetApp: cn}
		_, err = w.owner.Releases.Create(w.Context(), in)
		var limit *alipayplus.LimitError
		require.ErrorAs(w, err, &limit)
		require.Equal(w, &alipayplus.LimitError{Scope: "mini programs to ALIPAY_CN in this workspace", Limit: 10, Used: 10}, limit)

		w.Log("The ten may go on with further versions, and another workspace has ten of its own.")
		first := gather(w, w.owner.Programs.All(w.Context(), alipayplus.ListProgramsInput{ListOptions: alipayplus.ListOptions{Order: alipayplus.OldestFirst}}))[0]
		second := w.release(first.ID, "1.0.1")
		other := w.neighbour()
		other.release(other.authorizedProgram().ID, "1.0.0")

		w.Log("A mini program whose every release is canceled does not count.")
		w.apply(second.ID)
		w.approve()
		_, err = w.owner.Releases.Cancel(w.Context(), alipayplus.ReleaseInput{ReleaseID: second.ID})
		require.NoError(w, err)
		_, err = w.owner.Releases.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrLimit, "its other release is still there")
		former := gather(w, w.owner.Releases.All(w.Context(), alipayplus.ListReleasesInput{ProgramID: first.ID, Status: alipayplus.ReleaseNewVersionCreated}))[0]
		w.apply(former.ID)
		w.approve()
		_, err = w.owner.Releases.Cancel(w.Context(), alipayplus.ReleaseInput{ReleaseID: former.ID})
		require.NoError(w, err)
		_, err = w.owner.Releases.Create(w.Context(), in)
		require.NoError(w, err)
	})
}

func TestForTheSameMiniProgramYouCanReleaseUpTo20VersionsWhenNoVersionReachesUnderReview(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.authorizedProgram()
		var waiting []*alipayplus.Release
		for i := range 20 {
			waiting = append(waiting, w.release(program.ID, fmt.Sprintf("1.%d.0", i)))
		}
		in := alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "2.0.0"), TargetApp: cn}
		_, err := w.owner.Releases.Create(w.Context(), in)
		var limit *alipayplus.LimitError
		require.ErrorAs(w, err, &limit)
		require.Equal(w, &alipayplus.LimitError{Scope: "versions of this mini program to ALIPAY_CN", Limit: 20, Used: 20}, limit)

		w.Log("Another mini program has 20 of its own.")
		w.release(w.authorizedProgram().ID, "1.0.0")

		w.Log("While one is under review there is room for none, though 19 wait.")
		w.apply(waiting[0].ID)
		_, err = w.owner.Releases.Create(w.Context(), in)
		require.ErrorAs(w, err, &limit)
		require.Equal(w, &alipayplus.LimitError{Scope: "versions of this mini program to ALIPAY_CN", Limit: 20, Used: 19, UnderReview: true}, limit)

		w.Log("After the verdict there is room for one.")
		w.approve()
		_, err = w.owner.Releases.Create(w.Context(), in)
		require.NoError(w, err)
		in.Version = w.upload(program.ID, "2.0.1")
		_, err = w.owner.Releases.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrLimit)
	})
}

func TestApplyIsRefusedWhileAnotherVersionIsOnItsWay(t *testing.T) {
	for _, tt := range []struct {
		status alipayplus.ReleaseStatus
		finish func(w *fixture, r *alipayplus.Release)
	}{
		{alipayplus.ReleaseUnderReview, (*fixture).withdraw},
		{alipayplus.ReleasePreparation, (*fixture).cancel},
		{alipayplus.ReleaseGrayscale, (*fixture).cancel},
		{alipayplus.ReleaseGrayscale, func(w *fixture, r *alipayplus.Release) {
			_, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(100))
			require.NoError(w, err)
		}},
	} {
		sentence(t, string(tt.status), func(w *fixture) {
			program := w.authorizedProgram()
			next := w.release(program.ID, "0.9.0")
			first := w.releaseIn(tt.status, program.ID)
			require.Equal(w, tt.status, first.Status)

			_, err := w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: next.ID, BasicInfo: new(company())})
			require.ErrorIs(w, err, alipayplus.ErrConflict)
			require.ErrorContains(w, err, fmt.Sprintf(
				"release %s of version 1.0.0 is %s; finish, withdraw or cancel it before another version is applied for", first.ID, tt.status))
			require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.read(next.ID).Status)

			w.Log("Another mini program is not held up.")
			w.underReview(w.authorizedProgram().ID, "1.0.0")

			tt.finish(w, first)
			require.Equal(w, alipayplus.ReleaseUnderReview, w.apply(next.ID).Status)
		})
	}
}

func TestARejectedReleaseGoesBackAndTheReasonsStayReadable(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.authorizedProgram()
		r := w.underReview(program.ID, "1.0.0")
		began := time.Now().UTC()
		time.Sleep(time.Hour)
		w.decide(alipayplus.PartyAlipayPlus, "")
		time.Sleep(time.Hour)
		w.decide(alipayplus.PartyAlipayCN, "the icon is blurred")

		verdicts := []alipayplus.Review{
			{Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewApproved, StartedAt: began, DecidedAt: began.Add(time.Hour)},
			{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewRejected, Reason: "the icon is blurred", StartedAt: began, DecidedAt: began.Add(2 * time.Hour)},
		}
		rejected := w.read(r.ID)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, rejected.Status)
		require.Equal(w, verdicts, rejected.Reviews)
		request := w.request(r.ReleaseRequestID)
		require.Equal(w, alipayplus.RequestRejected, request.Status)
		require.Equal(w, verdicts, request.Reviews)
		require.Equal(w, began.Add(2*time.Hour), request.FinishedAt)
		_, err := w.owner.Releases.WaitReviewed(w.Context(), r.ID, alipayplus.ReleaseWait{})
		require.ErrorContains(w, err, "was rejected (ALIPAY_CN: the icon is blurred)")

		w.Log("It may be changed and applied for again; the former request keeps its reasons.")
		_, err = w.owner.Releases.UpdateConfiguration(w.Context(), alipayplus.UpdateReleaseConfigurationInput{
			ReleaseID: r.ID, Configuration: alipayplus.Configuration{ServerDomains: []string{"api.bluelake.example"}},
		})
		require.NoError(w, err)
		again := w.apply(r.ID)
		require.Equal(w, alipayplus.ReleaseUnderReview, again.Status)
		require.NotEqual(w, r.ReleaseRequestID, again.ReleaseRequestID)
		for _, review := range again.Reviews {
			require.Equal(w, alipayplus.ReviewPending, review.Status, "both decide anew")
			require.Empty(w, review.Reason)
		}
		require.Equal(w, verdicts, w.request(r.ReleaseRequestID).Reviews)
		w.approve()
		require.Equal(w, alipayplus.ReleasePreparation, w.read(r.ID).Status)
		require.Equal(w, alipayplus.RequestRejected, w.request(r.ReleaseRequestID).Status)
	})
}

func TestARejectionByOnePartyClosesTheOthersReview(t *testing.T) {
	withFixture(t, func(w *fixture) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		waiting, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		w.decide(alipayplus.PartyAlipayPlus, "no screenshots")

		request := w.request(r.ReleaseRequestID)
		require.Equal(w, alipayplus.ReviewRejected, request.Reviews[0].Status)
		require.Equal(w, alipayplus.ReviewClosed, request.Reviews[1].Status)
		require.Zero(w, request.Reviews[1].DecidedAt)
		require.ErrorContains(w, waiting[0].Approve(w.Context(), alipayplus.PartyAlipayCN), "is CLOSED already")
		none, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		require.Empty(w, none)
	})
}

func TestAnApplicantMayWithdrawUntilTheVerdict(t *testing.T) {
	withFixture(t, func(w *fixture) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		w.decide(alipayplus.PartyAlipayPlus, "")
		time.Sleep(time.Minute)
		w.withdraw(r)

		back := w.read(r.ID)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, back.Status)
		require.Equal(w, alipayplus.ReviewApproved, back.Reviews[0].Status, "what was said stays readable")
		require.Equal(w, alipayplus.ReviewClosed, back.Reviews[1].Status)
		request := w.request(r.ReleaseRequestID)
		require.Equal(w, alipayplus.RequestWithdrawn, request.Status)
		require.Equal(w, time.Now().UTC(), request.FinishedAt)
		waiting, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		require.Empty(w, waiting, "nobody is asked any more")

		w.apply(r.ID)
		w.approve()
		require.Equal(w, alipayplus.ReleasePreparation, w.read(r.ID).Status)
		_, err = w.owner.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.ErrorIs(w, err, alipayplus.ErrConflict)
	})
}

func TestACanceledVersionCannotGoToThisTargetAgain(t *testing.T) {
	for name, status := range map[string]alipayplus.ReleaseStatus{
		"in preparation": alipayplus.ReleasePreparation, "in grayscale": alipayplus.ReleaseGrayscale,
	} {
		sentence(t, name, func(w *fixture) {
			program := w.authorizedProgram()
			r := w.releaseIn(status, program.ID)
			ratio := r.Grayscale.Ratio
			w.cancel(r)
			r = w.read(r.ID)
			require.Equal(w, alipayplus.ReleaseCanceled, r.Status)
			require.Equal(w, ratio, r.Grayscale.Ratio, "how far it had come stays readable")
			require.True(w, r.Status.Terminal())

			_, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: r.Version, TargetApp: cn})
			require.ErrorIs(w, err, alipayplus.ErrConflict)
			require.ErrorContains(w, err, "version 1.0.0 already has release "+r.ID+" to ALIPAY_CN, which is CANCELED; a version goes to a target once")
			w.prepared(program.ID, "1.0.1")
		})
	}
}

func TestALaterFullReleaseArchivesTheFormer(t *testing.T) {
	for name, release := range map[string]func(*fixture, string) *alipayplus.Release{
		"by final release": func(w *fixture, program string) *alipayplus.Release { return w.full(program, "2.0.0") },
		"by grayscale to 100%": func(w *fixture, program string) *alipayplus.Release {
			return w.grayscale(program, "2.0.0", 100)
		},
	} {
		sentence(t, name, func(w *fixture) {
			program, untouched := w.authorizedProgram(), w.authorizedProgram()
			first := w.full(program.ID, "1.0.0")
			other := w.full(untouched.ID, "1.0.0")
			w.prepared(program.ID, "1.5.0")
			require.Equal(w, alipayplus.ReleaseFull, w.read(first.ID).Status, "not before the later one is fully released")
			w.cancel(gather(w, w.owner.Releases.All(w.Context(), alipayplus.ListReleasesInput{Status: alipayplus.ReleasePreparation}))[0])
			time.Sleep(time.Hour)
			second := release(w, program.ID)

			require.Equal(w, alipayplus.ReleaseFull, second.Status)
			archived := w.read(first.ID)
			require.Equal(w, alipayplus.ReleaseArchived, archived.Status)
			require.Equal(w, first.ReleasedAt, archived.ReleasedAt)
			require.Equal(w, time.Now().UTC(), archived.UpdatedAt)
			require.Equal(w, alipayplus.ReleaseFull, w.read(other.ID).Status, "another mini program's release stays")
		})
	}
}

// TestAFullReleaseIsTakenBack: it is taken offline, or the version that it replaced comes
// back. No document speaks of either.
func TestAFullReleaseIsTakenBack(t *testing.T) {
	named := func(r *alipayplus.Release) alipayplus.ReleaseInput {
		return alipayplus.ReleaseInput{ReleaseID: r.ID}
	}
	sentence(t, "offline", func(w *fixture) {
		program := w.authorizedProgram().ID
		w.full(program, "1.0.0")
		r := w.full(program, "2.0.0")
		time.Sleep(time.Hour)
		off, err := w.owner.Releases.TakeOffline(w.Context(), named(r))
		require.NoError(w, err)
		require.Equal(w, alipayplus.ReleaseArchived, off.Status)
		require.Equal(w, w.read(r.ID), off)
		require.Empty(w, gather(w, w.owner.Releases.All(w.Context(), alipayplus.ListReleasesInput{Status: alipayplus.ReleaseFull})), "none is in its place")
		for _, again := range []func(context.Context, alipayplus.ReleaseInput) (*alipayplus.Release, error){w.owner.Releases.TakeOffline, w.owner.Releases.RollBack} {
			_, err = again(w.Context(), named(r))
			require.ErrorIs(w, err, alipayplus.ErrConflict)
			require.ErrorContains(w, err, "is ARCHIVED; only one that is fully released can be")
		}
		third := w.full(program, "3.0.0")
		_, err = w.owner.Releases.RollBack(w.Context(), named(third))
		require.ErrorContains(w, err, "replaced none that was fully released", "nobody goes back to what was taken offline")
	})
	sentence(t, "back to the version before", func(w *fixture) {
		program := w.authorizedProgram().ID
		first := w.full(program, "1.0.0")
		_, err := w.owner.Releases.RollBack(w.Context(), named(first))
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "take it offline instead")
		second := w.full(program, "2.0.0")
		time.Sleep(time.Hour)
		back, err := w.owner.Releases.RollBack(w.Context(), named(second))
		require.NoError(w, err)
		require.Equal(w, first.ID, back.ID)
		require.Equal(w, alipayplus.ReleaseFull, back.Status)
		require.Equal(w, alipayplus.FullRatio, back.Grayscale.Ratio)
		require.Equal(w, time.Now().UTC(), back.ReleasedAt)
		require.Equal(w, back, w.read(first.ID))
		require.Equal(w, alipayplus.ReleaseArchived, w.read(second.ID).Status)
		require.Equal(w, "version 2.0.0 was rolled back", w.lastEvent(first.ID).Note)
		require.Equal(w, "rolled back to 1.0.0", w.lastEvent(second.ID).Note)
		third := w.full(program, "3.0.0")
		require.Equal(w, alipayplus.ReleaseArchived, w.read(first.ID).Status)
		back, err = w.owner.Releases.RollBack(w.Context(), named(third))
		require.NoError(w, err)
		require.Equal(w, first.ID, back.ID, "the one that it replaced, not the one that was rolled back")
	})
	sentence(t, "not where the target app cannot", func(w *fixture) {
		r := w.full(w.program().ID, "1.0.0")
		for _, take := range []func(context.Context, alipayplus.ReleaseInput) (*alipayplus.Release, error){w.owner.Releases.TakeOffline, w.owner.Releases.RollBack} {
			_, err := take(w.Context(), named(r))
			require.ErrorIs(w, err, alipayplus.ErrConflict)
			require.ErrorContains(w, err, "ALIPAY_CN can take nothing back that is fully released")
		}
	}, platform.WithTargetBackends(struct{ platform.TargetBackend }{newFakeApp()}))
	app := newFakeApp()
	sentence(t, "not while it is unknown whether it was already", func(w *fixture) {
		program := w.program().ID
		w.full(program, "1.0.0")
		r := w.full(program, "2.0.0")
		app.expect(failsAfter)
		_, err := w.as("olga", alipayplus.WithRetry(1, 0, 0)).Releases.RollBack(w.Context(), named(r))
		require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
		_, err = w.owner.Releases.TakeOffline(w.Context(), named(r))
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "repeat that call")
		_, err = w.owner.Releases.RollBack(w.Context(), named(r))
		require.NoError(w, err)
	}, platform.WithTargetBackends(app))
}

func (w *fixture) lastEvent(release string) *alipayplus.ReleaseEvent {
	w.Helper()
	events := gather(w, w.owner.Releases.AllHistory(w.Context(), alipayplus.ListHistoryInput{ReleaseID: release}))
	return events[len(events)-1]
}

// TestWhatMayBeDoneWithAReleaseInEachStatus tries every step in every status.
// The table is the design's, written anew.
func TestWhatMayBeDoneWithAReleaseInEachStatus(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	const (
		created, review, prepared      = alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseUnderReview, alipayplus.ReleasePreparation
		gray, full, canceled, archived = alipayplus.ReleaseGrayscale, alipayplus.ReleaseFull, alipayplus.ReleaseCanceled, alipayplus.ReleaseArchived
	)
	steps := map[string]contract.Operation{
		"configure": contract.ReleaseConfigure, "apply": contract.ReleaseApply, "withdraw": contract.ReleaseWithdraw,
		"grayscale": contract.ReleaseRaise, "finalize": contract.ReleaseFinalize, "cancel": contract.ReleaseCancel, "delete": contract.ReleaseDelete,
		"take offline": contract.ReleaseTakeOffline,
	}
	allowed := map[alipayplus.ReleaseStatus]map[string]alipayplus.ReleaseStatus{
		created:  {"configure": created, "apply": review, "delete": alipayplus.ReleaseDeleted},
		review:   {"withdraw": created},
		prepared: {"grayscale": gray, "finalize": full, "cancel": canceled},
		gray:     {"grayscale": gray, "cancel": canceled},
		full:     {"take offline": archived},
		canceled: {},
		archived: {},
	}
	for status, may := range allowed {
		t.Run(string(status), func(t *testing.T) {
			for step, op := range steps {
				to, ok := may[step]
				sentence(t, step, func(w *fixture) {
					r := w.releaseIn(status, w.authorizedProgram().ID)
					require.Equal(w, status, r.Status)
					log := len(w.auditLog())
					got := w.rawClient("olga").call(op, withRequestID(stepOf(op, r, 10), "step"))
					if ok {
						require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, got.Result.Message)
						var after alipayplus.Release
						require.NoError(w, json.Unmarshal(got.Data, &after))
						require.Equal(w, to, after.Status)
						if to != alipayplus.ReleaseDeleted {
							require.Equal(w, &after, w.read(r.ID))
						}
						return
					}
					require.Contains(w, []alipayplus.Code{alipayplus.CodeStateConflict, alipayplus.CodeRatioNotAllowed}, got.Result.Code, got.Result.Message)
					require.Equal(w, r, w.read(r.ID), "a refused step changes nothing")
					require.Len(w, w.auditLog(), log)
				})
			}
		})
	}
}

func TestAMistakenSelectionCanBeDeleted(t *testing.T) {
	remove := func(w *fixture, r *alipayplus.Release) *alipayplus.Release {
		w.Helper()
		gone, err := w.owner.Releases.Delete(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: "delete " + r.ID})
		require.NoError(w, err)
		return gone
	}
	again := func(w *fixture, r *alipayplus.Release) (*alipayplus.Release, error) {
		return w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: r.ProgramID, Version: r.Version, TargetApp: cn})
	}
	sentence(t, "it is gone, and the version can be selected again", func(w *fixture) {
		r := w.release(w.authorizedProgram().ID, "1.0.0")
		gone := remove(w, r)
		require.Equal(w, alipayplus.ReleaseDeleted, gone.Status)
		require.Equal(w, gone, remove(w, r), "the same call is answered the same")
		_, err := w.owner.Releases.Get(w.Context(), r.ID)
		require.ErrorIs(w, err, alipayplus.ErrNotFound)
		_, err = w.owner.Releases.Delete(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.ErrorIs(w, err, alipayplus.ErrNotFound)
		require.Empty(w, gather(w, w.owner.Releases.All(w.Context(), alipayplus.ListReleasesInput{})))
		next, err := again(w, r)
		require.NoError(w, err)
		require.NotEqual(w, r.ID, next.ID)
		w.apply(next.ID)
		w.approve()
		require.Equal(w, alipayplus.ReleasePreparation, w.read(next.ID).Status)
	})
	sentence(t, "also after a rejection and a withdrawal, and its requests stay readable", func(w *fixture) {
		program := w.authorizedProgram().ID
		rejected := w.underReview(program, "1.0.0")
		w.decide(alipayplus.PartyAlipayCN, "no icon")
		remove(w, rejected)
		withdrawn := w.underReview(program, "2.0.0")
		w.withdraw(withdrawn)
		remove(w, withdrawn)
		require.Equal(w, alipayplus.RequestRejected, w.request(rejected.ReleaseRequestID).Status)
		require.Equal(w, alipayplus.RequestWithdrawn, w.request(withdrawn.ReleaseRequestID).Status)
		next, err := again(w, rejected)
		require.NoError(w, err)
		require.NotEqual(w, rejected.ReleaseRequestID, w.apply(next.ID).ReleaseRequestID)
	})
	app := newPartnerApp()
	app.limits = alipayplus.Limits{Programs: 1, WaitingVersions: 2}
	sentence(t, "its places within the limits are free", func(w *fixture) {
		create := func(program, version string) (*alipayplus.Release, error) {
			return w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program, Version: w.upload(program, version), TargetApp: partner})
		}
		one, two := w.program().ID, w.program().ID
		first, err := create(one, "1.0.0")
		require.NoError(w, err)
		second, err := create(one, "1.1.0")
		require.NoError(w, err)
		_, err = create(one, "1.2.0")
		require.ErrorIs(w, err, alipayplus.ErrLimit)
		require.ErrorContains(w, err, "or delete one")
		_, err = create(two, "1.0.0")
		require.ErrorIs(w, err, alipayplus.ErrLimit)
		require.ErrorContains(w, err, "delete (in NEW_VERSION_CREATED)")

		remove(w, first)
		third, err := create(one, "1.3.0")
		require.NoError(w, err)
		remove(w, second)
		remove(w, third)
		workspace, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err)
		require.Zero(w, workspace.Target(partner).ProgramsUsed)
		_, err = create(two, "1.1.0")
		require.NoError(w, err)
	}, platform.WithTargetBackends(app))
	failing := newFakeApp()
	sentence(t, "but not while the target app may have it under review", func(w *fixture) {
		r := w.release(w.program().ID, "1.0.0")
		failing.expect(failsAfter)
		_, err := w.as("olga", alipayplus.WithRetry(1, 0, 0)).Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())})
		require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
		_, err = w.owner.Releases.Delete(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "releases.apply")
		w.withdraw(w.apply(r.ID))
		remove(w, r)
	}, platform.WithTargetBackends(failing))
}

// TestUsersGoBackToALowerVersionOnlyWhenThatIsMeant, whichever way a version goes live.
func TestUsersGoBackToALowerVersionOnlyWhenThatIsMeant(t *testing.T) {
	lower := func(w *fixture) *alipayplus.Release {
		program := w.authorizedProgram().ID
		old := w.release(program, "1.0.0")
		w.full(program, "2.0.0")
		w.apply(old.ID)
		w.approve()
		return w.read(old.ID)
	}
	refused := func(w *fixture, r *alipayplus.Release, err error) {
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "version 1.0.0 is lower than 2.0.0, which is fully released: users would go back to it; set AllowDowngrade if that is meant")
		downgrade, ok := errors.AsType[*alipayplus.DowngradeError](err)
		require.True(w, ok)
		require.Equal(w, &alipayplus.DowngradeError{Version: r.Version, Live: alipayplus.VersionNumber{Major: 2}}, downgrade)
		require.Equal(w, r, w.read(r.ID))
	}
	sentence(t, "finalize", func(w *fixture) {
		r := lower(w)
		in := alipayplus.FinalizeInput{ReleaseID: r.ID}
		_, err := w.owner.Releases.Finalize(w.Context(), in)
		refused(w, r, err)
		in.AllowDowngrade = true
		done, err := w.owner.Releases.Finalize(w.Context(), in)
		require.NoError(w, err)
		require.Equal(w, alipayplus.ReleaseFull, done.Status)
		archived := gather(w, w.owner.Releases.All(w.Context(), alipayplus.ListReleasesInput{Status: alipayplus.ReleaseArchived}))
		require.Len(w, archived, 1)
		w.full(r.ProgramID, "3.0.0") // upwards again without a word
	})
	sentence(t, "grayscale", func(w *fixture) {
		r := lower(w)
		for _, ratio := range []alipayplus.Ratio{1, 10, 100} {
			in := r.GrayscaleTo(ratio)
			step := w.owner.Releases.Raise
			if ratio == 1 {
				step = w.owner.Releases.StartGrayscale
			}
			_, err := step(w.Context(), in)
			refused(w, r, err)
			in.AllowDowngrade = true
			r, err = step(w.Context(), in)
			require.NoError(w, err)
		}
		require.Equal(w, alipayplus.ReleaseFull, r.Status)
	})
}

func TestReleasesAreListedByProgramTargetAndStatus(t *testing.T) {
	withFixture(t, func(w *fixture) {
		one, two := w.authorizedProgram(), w.authorizedProgram()
		live := w.full(one.ID, "1.0.0")
		waiting := w.release(one.ID, "1.1.0")
		other := w.release(two.ID, "1.0.0")
		for name, tt := range map[string]struct {
			in   alipayplus.ListReleasesInput
			want []string
		}{
			"all, newest first":           {alipayplus.ListReleasesInput{}, []string{other.ID, waiting.ID, live.ID}},
			"all, oldest first":           {alipayplus.ListReleasesInput{ListOptions: alipayplus.ListOptions{Order: alipayplus.OldestFirst}}, []string{live.ID, waiting.ID, other.ID}},
			"of a mini program":           {alipayplus.ListReleasesInput{ProgramID: one.ID}, []string{waiting.ID, live.ID}},
			"in a status":                 {alipayplus.ListReleasesInput{Status: alipayplus.ReleaseNewVersionCreated}, []string{other.ID, waiting.ID}},
			"of a program and a status":   {alipayplus.ListReleasesInput{ProgramID: one.ID, Status: alipayplus.ReleaseFull}, []string{live.ID}},
			"to a target":                 {alipayplus.ListReleasesInput{TargetApp: cn}, []string{other.ID, waiting.ID, live.ID}},
			"to a target that has none":   {alipayplus.ListReleasesInput{TargetApp: partner}, []string{}},
			"in a status that has none":   {alipayplus.ListReleasesInput{Status: alipayplus.ReleaseCanceled}, []string{}},
			"in a status nobody knows":    {alipayplus.ListReleasesInput{Status: "SOMETHING_NEW"}, []string{}},
			"of a mini program not there": {alipayplus.ListReleasesInput{ProgramID: "1"}, []string{}},
		} {
			page, err := w.owner.Releases.List(w.Context(), tt.in)
			require.NoError(w, err)
			require.Equal(w, tt.want, ids(page.Items, func(r *alipayplus.Release) string { return r.ID }), name)
			require.Empty(w, page.NextCursor, name)
		}
	})
}

// What the authorization allowed it allows no more once it is revoked: this project's
// own rule, as AlipayCN would have it.
func TestARevokedAuthorizationStopsWhatCallsTheTargetApp(t *testing.T) {
	full := func(w *fixture, r *alipayplus.Release) error {
		_, err := w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
		return err
	}
	cancel := func(w *fixture, r *alipayplus.Release) error {
		_, err := w.owner.Releases.Cancel(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		return err
	}
	to := func(ratio alipayplus.Ratio) func(w *fixture, r *alipayplus.Release) error {
		return func(w *fixture, r *alipayplus.Release) error {
			step := w.owner.Releases.Raise
			if r.Grayscale.Ratio == 0 {
				step = w.owner.Releases.StartGrayscale
			}
			_, err := step(w.Context(), r.GrayscaleTo(ratio))
			return err
		}
	}
	const live = "; until then its release stays live for 5% of users"
	for name, tt := range map[string]struct {
		status alipayplus.ReleaseStatus
		do     func(w *fixture, r *alipayplus.Release) error
		live   alipayplus.Ratio
	}{
		"start":               {alipayplus.ReleasePreparation, to(5), 0},
		"start at 100 %":      {alipayplus.ReleasePreparation, to(100), 0},
		"finalize":            {alipayplus.ReleasePreparation, full, 0},
		"raise":               {alipayplus.ReleaseGrayscale, to(10), 5},
		"raise to 100 %":      {alipayplus.ReleaseGrayscale, to(100), 5},
		"cancel what is live": {alipayplus.ReleaseGrayscale, cancel, 5},
		"apply for the next": {alipayplus.ReleaseNewVersionCreated, func(w *fixture, r *alipayplus.Release) error {
			_, err := w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())})
			return err
		}, 0},
	} {
		sentence(t, name, func(w *fixture) {
			program := w.authorizedProgram().ID
			r := w.releaseIn(tt.status, program)
			require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program, cn))
			before := w.snapshot()

			err := tt.do(w, r)

			required, ok := errors.AsType[*alipayplus.AuthorizationRequiredError](err)
			require.True(w, ok, "%v", err)
			require.Equal(w, &alipayplus.AuthorizationRequiredError{ProgramID: program, TargetApp: cn, Status: alipayplus.AuthorizationRevoked, Live: tt.live}, required)
			require.Equal(w, tt.live > 0, strings.Contains(err.Error(), live), err.Error())
			require.Equal(w, before, w.snapshot())

			w.Log("Given again, it goes on.")
			w.authorize(program)
			require.NoError(w, tt.do(w, r))
		})
	}
}

func TestWhatIsNotLiveIsTakenBackWithoutAnAuthorization(t *testing.T) {
	for _, status := range []alipayplus.ReleaseStatus{alipayplus.ReleaseUnderReview, alipayplus.ReleasePreparation} {
		for name, revoke := range map[string]func(w *fixture, app *fakeApp, program string){
			"the platform knows that it was revoked": func(w *fixture, app *fakeApp, program string) {
				app.will(failing(math.MaxInt32, errors.New("it must not be asked")))
				require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program, cn))
			},
			"only the target app knows": func(_ *fixture, app *fakeApp, _ string) {
				app.will(failing(math.MaxInt32, fmt.Errorf("the token is not valid: %w", alipayplus.ErrAuthorizationRequired)))
			},
		} {
			app := &authorizedApp{newFakeApp()}
			sentence(t, string(status)+", "+name, func(w *fixture) {
				program := w.authorizedProgram().ID
				r := w.releaseIn(status, program)
				revoke(w, app.fakeApp, program)
				if status == alipayplus.ReleaseUnderReview {
					w.withdraw(r)
					require.Equal(w, alipayplus.RequestWithdrawn, w.request(r.ReleaseRequestID).Status)
					return
				}
				w.cancel(r)
				require.Equal(w, alipayplus.ReleaseCanceled, w.read(r.ID).Status)
			}, platform.WithTargetBackends(app))
		}
	}
}

// authorizedApp is a fakeApp that needs an authorization.
type authorizedApp struct{ *fakeApp }

func (*authorizedApp) NeedsAuthorization() bool { return true }

// A share that may be live, because what came of a call is not known, is one that
// stays so.
func TestAShareThatMayBeLiveStaysSoWithoutAnAuthorization(t *testing.T) {
	app := &authorizedApp{newFakeApp()}
	withFixture(t, func(w *fixture) {
		program := w.authorizedProgram().ID
		r := w.prepared(program, "1.0.0")
		app.will(failing(math.MaxInt32, errDown))
		_, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
		require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
		for name, cause := range map[string]error{"only the target app knows": alipayplus.ErrAuthorizationRequired, "the platform knows": nil} {
			app.will(failing(math.MaxInt32, cause))
			if cause == nil {
				require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program, cn))
			}
			_, err = w.owner.Releases.Cancel(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
			required, ok := errors.AsType[*alipayplus.AuthorizationRequiredError](err)
			require.True(w, ok, "%s: %v", name, err)
			require.Equal(w, alipayplus.Ratio(10), required.Live, name)
			w.authorize(program)
		}
	}, platform.WithTargetBackends(app))
}

// The basic information comes prefilled, and an approved change becomes the company's:
// this project's own rules.
func TestTheBasicInformationIsTheCompanysUntilItIsChanged(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.authorizedProgram().ID
		first, second := w.release(program, "1.0.0"), w.release(program, "2.0.0")
		require.Equal(w, new(company()), first.BasicInfo)
		changed := *first.BasicInfo
		changed.Address = "2 Lake Road, Singapore"
		stands := func() alipayplus.BusinessRegistration {
			ws, err := w.owner.Workspace.Get(w.Context())
			require.NoError(w, err)
			return ws.Company
		}
		apply := func(reason string) {
			r, err := w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: first.ID, BasicInfo: &changed})
			require.NoError(w, err)
			require.True(w, w.request(r.ReleaseRequestID).BasicInfoChanged)
			require.Equal(w, company(), stands())
			w.decide(alipayplus.PartyAlipayPlus, "")
			require.Equal(w, company(), stands(), "until all have approved")
			w.decide(alipayplus.PartyAlipayCN, reason)
		}
		apply("who are you?")
		require.Equal(w, company(), stands(), "a rejected change changes nothing")
		require.Equal(w, &changed, w.read(first.ID).BasicInfo, "it is there to be mended")

		apply("")
		require.Equal(w, changed, stands())
		require.Equal(w, &changed, w.read(second.ID).BasicInfo, "one that was created before is not prefilled with what is old")
		list, err := w.owner.Releases.List(w.Context(), alipayplus.ListReleasesInput{Status: alipayplus.ReleaseNewVersionCreated})
		require.NoError(w, err)
		require.Equal(w, &changed, list.Items[0].BasicInfo)
		configured, err := w.owner.Releases.UpdateConfiguration(w.Context(), alipayplus.UpdateReleaseConfigurationInput{ReleaseID: second.ID})
		require.NoError(w, err)
		require.Equal(w, &changed, configured.BasicInfo)

		_, err = w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: first.ID})
		require.NoError(w, err)
		confirmed, err := w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: second.ID, BasicInfo: configured.BasicInfo})
		require.NoError(w, err)
		require.False(w, w.request(confirmed.ReleaseRequestID).BasicInfoChanged)
	})
}
