package platform_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/png"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func TestEachPartySeesWhatWaitsForItOfAllWorkspacesOldestFirst(t *testing.T) {
	withFixture(t, func(w *fixture) {
		service := w.submitted().ReleaseRequestID
		other := w.neighbour()
		release := other.underReview(other.authorizedProgram().ID, "1.0.0").ReleaseRequestID
		plus, china := w.reviewer(alipayplus.PartyAlipayPlus), w.reviewer(alipayplus.PartyAlipayCN)
		waiting := func(c *alipayplus.Client, in alipayplus.ListReviewsInput) []string {
			return ids(gather(w, c.Reviews.All(w.Context(), in)), func(r *alipayplus.Request) string { return r.ID })
		}
		newest := alipayplus.ListReviewsInput{ListOptions: alipayplus.ListOptions{Order: alipayplus.NewestFirst}}
		require.Equal(w, []string{service, release}, waiting(plus, alipayplus.ListReviewsInput{}))
		require.Equal(w, []string{release, service}, waiting(plus, newest))
		require.Equal(w, []string{release}, waiting(china, alipayplus.ListReviewsInput{}))

		all, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		require.Len(w, all, 2, "once each, however many parties are waited for")
		byID := map[string]string{all[0].Request.ID: all[0].WorkspaceID, all[1].Request.ID: all[1].WorkspaceID}
		require.Equal(w, map[string]string{service: w.workspace, release: other.workspace}, byID)

		w.Log("What a party has decided waits for the other only.")
		_, err = plus.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: release, Approve: true})
		require.NoError(w, err)
		require.Equal(w, []string{service}, waiting(plus, alipayplus.ListReviewsInput{}))
		require.Equal(w, []string{release}, waiting(china, alipayplus.ListReviewsInput{}))
	})
}

func TestReviewsAreListedOldestFirst(t *testing.T) {
	withFixture(t, func(w *fixture) {
		first := w.submitted().ReleaseRequestID
		time.Sleep(time.Hour)
		second := w.submitted().ReleaseRequestID
		all, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		require.Equal(w, []string{first, second}, []string{all[0].Request.ID, all[1].Request.ID})
	})
}

func TestReviewersDecideWithTheirOwnCredentials(t *testing.T) {
	withFixture(t, func(w *fixture) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		plus, china := w.reviewer(alipayplus.PartyAlipayPlus), w.reviewer(alipayplus.PartyAlipayCN)
		time.Sleep(time.Hour)
		got, err := plus.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: r.ReleaseRequestID, Approve: true, Reason: "well done"})
		require.NoError(w, err)
		require.Equal(w, alipayplus.RequestUnderReview, got.Status)
		require.Equal(w, alipayplus.Review{
			Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewApproved, Reason: "well done",
			StartedAt: time.Now().Add(-time.Hour).UTC(), DecidedAt: time.Now().UTC(),
		}, got.Reviews[0])

		_, err = plus.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: r.ReleaseRequestID, Reason: "on second thought"})
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "the review of request "+r.ReleaseRequestID+" by ALIPAY_PLUS is APPROVED already")

		got, err = china.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: r.ReleaseRequestID, Reason: "no filing number"})
		require.NoError(w, err)
		require.Equal(w, alipayplus.RequestRejected, got.Status)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.read(r.ID).Status)
		_, err = china.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: r.ReleaseRequestID, Approve: true})
		require.ErrorIs(w, err, alipayplus.ErrConflict)
	})
}

func TestARejectionNeedsAReason(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		got := w.rawReviewer(alipayplus.PartyAlipayPlus).call(contract.ReviewDecide, alipayplus.DecideInput{ID: s.ReleaseRequestID, RequestID: "1"})
		require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code)
		require.Equal(w, []alipayplus.FieldError{{Path: "reason", Message: "is required to reject: the applicant must know what to mend"}}, got.Details.Fields)
		waiting, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		require.ErrorContains(w, waiting[0].Reject(w.Context(), alipayplus.PartyAlipayPlus, ""), "platform: reject: verdict: 1 field not valid: reason is required to reject")
		require.Equal(w, alipayplus.RequestUnderReview, w.request(s.ReleaseRequestID).Status)
	})
}

func TestAPartyDecidesOnlyWhatItIsAskedAbout(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		china := w.reviewer(alipayplus.PartyAlipayCN)
		_, err := china.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: s.ReleaseRequestID, Approve: true})
		require.ErrorIs(w, err, alipayplus.ErrNotFound, "services are Alipay+'s business")
		_, err = china.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: "req_nothing", Approve: true})
		require.ErrorIs(w, err, alipayplus.ErrNotFound)
		require.Equal(w, alipayplus.ServicePendingReview, w.service(s.ID).Status)
	})
}

func TestAReviewerHasNoWorkspace(t *testing.T) {
	withFixture(t, func(w *fixture) {
		w.submitted()
		h := w.rawReviewer(alipayplus.PartyAlipayPlus)
		log := len(w.auditLog())
		for op, in := range everyOperation(w, things{"p", "r", "s", "q", "o"}) {
			if strings.HasPrefix(op.Name, "reviews.") || op == contract.SessionBegin { // reviewers have a console too
				continue
			}
			got := h.try(op, in, op.Name)
			require.Equal(w, alipayplus.CodeAccessDenied, got.Result.Code, "%s: %s", op.Name, got.Result.Message)
			require.Equal(w, "a reviewer has no workspace; use the credentials of a member", got.Result.Message)
		}
		require.Len(w, w.auditLog(), log)
		_, err := w.p.AddReviewer(w.Context(), "", testkey.FastClient().Public())
		require.ErrorContains(w, err, "must not be empty")
	})
}

func TestAMemberReviewsNothing(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		for _, op := range []contract.Operation{contract.ReviewList, contract.ReviewQuery, contract.ReviewDecide} {
			got := w.rawClient("olga").call(op, alipayplus.DecideInput{ID: s.ReleaseRequestID, Approve: true, RequestID: "1"})
			require.Equal(w, alipayplus.CodeAccessDenied, got.Result.Code)
			require.Equal(w, "only a reviewer may do this; members of a workspace see their requests with Requests", got.Result.Message)
		}
		require.Equal(w, alipayplus.ServicePendingReview, w.service(s.ID).Status)
	})
}

func TestAFunctionMayTurnDownOrLeaveOpen(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		time.Sleep(time.Minute)
		require.Equal(w, alipayplus.ServiceTurnedDown, w.service(s.ID).Status)
		require.Equal(w, "we know better", w.request(s.ReleaseRequestID).Reviews[0].Reason)

		require.Equal(w, alipayplus.ReleaseUnderReview, w.read(r.ID).Status)
		w.approve()
		require.Equal(w, alipayplus.ReleasePreparation, w.read(r.ID).Status)
	}, platform.WithAutoReview(func(_ alipayplus.Party, request *alipayplus.Request) platform.Decision {
		if request.Category == alipayplus.CategoryServiceRelease {
			return platform.RejectAfter(time.Minute, "we know better")
		}
		return platform.LeaveOpen()
	}))
}

func TestSeveralVerdictsThatAreDueComeInTheirOrder(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s, r := w.submitted(), w.underReview(w.authorizedProgram().ID, "1.0.0")
		time.Sleep(100 * time.Hour)
		waiting, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		require.Empty(w, waiting)
		var verdicts []string
		for _, e := range w.auditLog() {
			if e.Kind == "request" && e.From != "" {
				verdicts = append(verdicts, e.Note)
			}
		}
		require.Equal(w, []string{"ALIPAY_PLUS APPROVED", "ALIPAY_CN APPROVED", "ALIPAY_PLUS APPROVED"}, verdicts)
		require.Equal(w, alipayplus.ServiceOnline, w.service(s.ID).Status)
		require.Equal(w, alipayplus.ReleasePreparation, w.read(r.ID).Status)
	}, platform.WithAutoReview(func(party alipayplus.Party, request *alipayplus.Request) platform.Decision {
		switch {
		case party == alipayplus.PartyAlipayCN:
			return platform.ApproveAfter(2 * time.Hour)
		case request.Category == alipayplus.CategoryServiceRelease:
			return platform.ApproveAfter(-time.Hour) // no time at all
		default:
			return platform.ApproveAfter(3 * time.Hour)
		}
	}))
}

// picture uploads an image of its own.
func (w *fixture) picture(side int) *alipayplus.File {
	w.Helper()
	var buf bytes.Buffer
	require.NoError(w, png.Encode(&buf, image.NewGray(image.Rect(0, 0, side, side))))
	f, err := w.owner.Files.Upload(w.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(buf.Bytes()), Size: int64(buf.Len())})
	require.NoError(w, err)
	return f
}

// Nobody decides blind: whoever gives a verdict sees what was submitted, in every way
// to give one.
// A picture that only a request shows that is over does not hold its place in the quota:
// the request stays, and says that the picture is gone.
func TestAPictureOfADecidedRequestIsKeptNoLongerThanItIsUsed(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		old := s.ImageFileID
		w.decide(alipayplus.PartyAlipayPlus, "the picture is too small")
		changed := s.ServiceDescription
		changed.ImageFileID = w.picture(9).ID
		_, err := w.owner.Services.Update(w.Context(), alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: changed})
		require.NoError(w, err)
		reviewer := w.reviewer(alipayplus.PartyAlipayPlus).Reviews
		in := alipayplus.ReviewFileInput{ID: s.ReleaseRequestID, FileID: old}
		require.Equal(w, old, must(reviewer.File(w.Context(), in)).ID)

		time.Sleep(8 * 24 * time.Hour)
		w.picture(10)
		_, err = reviewer.File(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrNotFound)
		require.ErrorContains(w, err, "is no longer kept")
		request := must(reviewer.Get(w.Context(), s.ReleaseRequestID))
		require.Equal(w, []string{old}, request.Submission.Pictures(), "what was decided stays readable")
		require.Nil(w, (*alipayplus.Submission)(nil).Pictures())
	})
}

// A reason has one rule, whoever gives it and how.
func TestAReasonIsOneThatTheApplicantCanRead(t *testing.T) {
	withFixture(t, func(w *fixture) {
		request := w.submitted().ReleaseRequestID
		waiting := must(w.p.Reviews(w.Context()))[0]
		raw := w.rawReviewer(alipayplus.PartyAlipayPlus)
		for _, reason := range []string{"", " ", "no\x00", "no\u202e", strings.Repeat("字", 2001)} {
			err := waiting.Reject(w.Context(), alipayplus.PartyAlipayPlus, reason)
			invalid, ok := errors.AsType[*alipayplus.ValidationError](err)
			require.True(w, ok, "%v", err)
			got := raw.call(contract.ReviewDecide, alipayplus.DecideInput{ID: request, Reason: reason, RequestID: "once"})
			require.Equal(w, invalid.Fields, got.Details.Fields)
		}
		require.NoError(w, waiting.Reject(w.Context(), alipayplus.PartyAlipayPlus, strings.Repeat("字", 1999)+"\n"))
	})
}

func TestAReviewerSeesWhatWasSubmitted(t *testing.T) {
	// seen is what a party sees of a request in each way.
	seen := func(w *fixture, id string) []*alipayplus.Submission {
		w.Helper()
		reviewer := w.reviewer(alipayplus.PartyAlipayPlus)
		one, err := reviewer.Reviews.Get(w.Context(), id)
		require.NoError(w, err)
		all := []*alipayplus.Submission{one.Submission}
		for r, err := range reviewer.Reviews.All(w.Context(), alipayplus.ListReviewsInput{}) {
			require.NoError(w, err)
			all = append(all, r.Submission)
		}
		waiting, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		return append(all, waiting[0].Request.Submission)
	}
	var asked []*alipayplus.Submission
	auto := platform.WithAutoReview(func(_ alipayplus.Party, request *alipayplus.Request) platform.Decision {
		asked = append(asked, request.Submission)
		return platform.LeaveOpen()
	})
	sentence(t, "a service with its pictures", func(w *fixture) {
		asked = nil
		offer := w.offer()
		offer.Tutorial = alipayplus.Content{alipayplus.ImageBlock(w.picture(9).ID, "")}
		s, err := w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.NoError(w, err)
		s, err = w.owner.Services.Submit(w.Context(), alipayplus.ServiceInput{ServiceID: s.ID})
		require.NoError(w, err)
		want := &alipayplus.Submission{Service: &offer, Company: new(company())}
		for _, got := range append(seen(w, s.ReleaseRequestID), asked...) {
			require.Equal(w, want, got)
		}
		require.Equal(w, []string{offer.ImageFileID, offer.Tutorial[0].Image.FileID}, want.Pictures())

		reviewer := w.reviewer(alipayplus.PartyAlipayPlus).Reviews
		waiting, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		for _, id := range want.Pictures() {
			got, err := reviewer.File(w.Context(), alipayplus.ReviewFileInput{ID: s.ReleaseRequestID, FileID: id})
			require.NoError(w, err)
			sum := sha256.Sum256(got.Content)
			require.Equal(w, id, hex.EncodeToString(sum[:]))
			require.Equal(w, alipayplus.ContentPNG, got.ContentType)
			again, err := waiting[0].File(w.Context(), id)
			require.NoError(w, err)
			require.Equal(w, got, again)
		}

		w.Log("No other file of the workspace, and nobody else.")
		other := w.picture(10).ID
		_, err = reviewer.File(w.Context(), alipayplus.ReviewFileInput{ID: s.ReleaseRequestID, FileID: other})
		require.ErrorIs(w, err, alipayplus.ErrNotFound)
		_, err = waiting[0].File(w.Context(), other)
		require.ErrorContains(w, err, "shows no picture")
		_, err = w.owner.Reviews.File(w.Context(), alipayplus.ReviewFileInput{ID: s.ReleaseRequestID, FileID: offer.ImageFileID})
		require.ErrorIs(w, err, alipayplus.ErrPermission)
		for _, get := range []func() error{
			func() error {
				_, err := w.reviewer(alipayplus.PartyAlipayCN).Reviews.Get(w.Context(), s.ReleaseRequestID)
				return err
			},
			func() error {
				_, err := w.reviewer(alipayplus.PartyAlipayCN).Reviews.File(w.Context(), alipayplus.ReviewFileInput{ID: s.ReleaseRequestID, FileID: offer.ImageFileID})
				return err
			},
		} {
			require.ErrorIs(w, get(), alipayplus.ErrNotFound, "a party that does not review it")
		}
		require.Nil(w, w.request(s.ReleaseRequestID).Submission)

		w.Log("What is decided stays readable.")
		w.decide(alipayplus.PartyAlipayPlus, "no")
		got, err := reviewer.Get(w.Context(), s.ReleaseRequestID)
		require.NoError(w, err)
		require.Equal(w, want, got.Submission)
	}, auto)
	sentence(t, "a release with its configuration and the changed registration beside the old one", func(w *fixture) {
		asked = nil
		program := w.authorizedProgram()
		r := w.release(program.ID, "1.0.0")
		configuration := alipayplus.Configuration{ServerDomains: []string{"api.bluelake.example"}}
		_, err := w.owner.Releases.UpdateConfiguration(w.Context(), alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID, Configuration: configuration})
		require.NoError(w, err)
		changed := company()
		changed.Address = "2 Lake Road, Singapore"
		r, err = w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &changed})
		require.NoError(w, err)
		for _, got := range append(seen(w, r.ReleaseRequestID), asked...) {
			require.Equal(w, new(company()), got.Company)
			require.Equal(w, &changed, got.BasicInfo)
			require.Equal(w, &configuration, got.Configuration)
			require.Equal(w, program.Languages, got.Languages)
			require.Len(w, got.PackageFileID, 64)
		}
		require.Len(w, asked, 2)

		w.Log("A name that is changed meanwhile is not what is reviewed.")
		_, err = w.owner.Programs.AddLanguages(w.Context(), alipayplus.AddLanguagesInput{ProgramID: program.ID, Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "别的"}}})
		require.NoError(w, err)
		require.Equal(w, program.Languages, seen(w, r.ReleaseRequestID)[0].Languages)
		w.approve()
		require.Equal(w, program.Languages, w.read(r.ID).Languages)
	}, auto)
}

// TestAVerdictWaitsForAWithdrawalThatIsUnderWay: what the target app has taken
// back must not be recorded as approved, whoever gives the verdict.
func TestAVerdictWaitsForAWithdrawalThatIsUnderWay(t *testing.T) {
	for _, tt := range []struct {
		name    string
		auto    platform.AutoReview
		verdict func(w *fixture) error
	}{
		{
			"by time", approveIn(time.Minute),
			func(w *fixture) error { _, err := w.owner.Workspace.Get(w.Context()); return err },
		},
		{
			"by a person", nil,
			func(w *fixture) error {
				all, err := w.p.Reviews(w.Context())
				require.NoError(w, err)
				for _, review := range all[0].Request.Reviews {
					err = all[0].Approve(w.Context(), review.Party)
				}
				return err
			},
		},
		{
			"through the contract", nil,
			func(w *fixture) error {
				var decided []error
				for _, party := range []alipayplus.Party{alipayplus.PartyAlipayCN, alipayplus.PartyAlipayPlus} {
					reviewer, err := w.p.ReviewerClient(w.Context(), party, alipayplus.WithAttemptTimeout(2*time.Hour))
					require.NoError(w, err)
					page, err := reviewer.Reviews.List(w.Context(), alipayplus.ListReviewsInput{})
					require.NoError(w, err)
					for _, request := range page.Items {
						_, err = reviewer.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: request.ID, Approve: true})
						decided = append(decided, err)
					}
				}
				return errors.Join(decided...)
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := newFakeApp()
				w := newFixture(t, platform.WithTargetBackends(app), platform.WithAutoReview(tt.auto))
				r := w.underReview(w.program().ID, "1.0.0")
				app.will(func(asked) error { time.Sleep(time.Hour); return nil })

				withdrawn := make(chan error, 1)
				patient := w.as("olga", alipayplus.WithAttemptTimeout(2*time.Hour))
				go func() {
					_, err := patient.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
					withdrawn <- err
				}()
				time.Sleep(2 * time.Minute) // the target app is being asked, and a verdict comes
				verdict := make(chan error, 1)
				go func() { verdict <- tt.verdict(w) }()

				require.NoError(t, <-withdrawn)
				<-verdict // refused, or nothing to do any more
				after := w.read(r.ID)
				require.Equal(t, alipayplus.ReleaseNewVersionCreated, after.Status)
				require.Equal(t, alipayplus.RequestWithdrawn, w.request(after.ReleaseRequestID).Status)
			})
		})
	}
}

// TestNoVerdictIsAppliedUntilItIsKnownWhatTheTargetAppDid: the target app took the
// application back, and its answer was lost.
func TestNoVerdictIsAppliedUntilItIsKnownWhatTheTargetAppDid(t *testing.T) {
	withdraw := func(w *fixture, c *alipayplus.Client, r *alipayplus.Release, id string) error {
		_, err := c.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: id})
		return err
	}
	isWithdrawn := func(w *fixture, r *alipayplus.Release) {
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.read(r.ID).Status)
		require.Equal(w, alipayplus.RequestWithdrawn, w.request(r.ReleaseRequestID).Status)
		time.Sleep(24 * time.Hour)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.read(r.ID).Status)
	}
	isApproved := func(w *fixture, r *alipayplus.Release) {
		require.Equal(w, alipayplus.ReleasePreparation, w.read(r.ID).Status)
	}
	for name, after := range map[string]func(w *fixture, app *fakeApp, r *alipayplus.Release){
		"the same call completes it": func(w *fixture, _ *fakeApp, r *alipayplus.Release) {
			require.NoError(w, withdraw(w, w.owner, r, "first"))
			isWithdrawn(w, r)
		},
		"and so does another member's": func(w *fixture, _ *fakeApp, r *alipayplus.Release) {
			require.NoError(w, withdraw(w, w.member("max", alipayplus.RoleMaster), r, ""))
			isWithdrawn(w, r)
		},
		"a person's verdict is refused, and says what to do": func(w *fixture, _ *fakeApp, r *alipayplus.Release) {
			for party, approve := range map[alipayplus.Party]bool{alipayplus.PartyAlipayPlus: true, alipayplus.PartyAlipayCN: false} {
				_, err := w.reviewer(party).Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: r.ReleaseRequestID, Approve: approve, Reason: "r"})
				require.ErrorIs(w, err, alipayplus.ErrConflict)
				require.ErrorContains(w, err, "ALIPAY_CN was asked for releases.withdraw of release "+r.ID+", and what came of it is not known (yet); repeat that call")
			}
			waiting, err := w.p.Reviews(w.Context())
			require.NoError(w, err)
			require.Len(w, waiting, 1)
			require.ErrorIs(w, waiting[0].Approve(w.Context(), alipayplus.PartyAlipayPlus), alipayplus.ErrConflict)
			require.ErrorIs(w, waiting[0].Reject(w.Context(), alipayplus.PartyAlipayPlus, "r"), alipayplus.ErrConflict)
			require.NoError(w, withdraw(w, w.owner, r, ""))
			isWithdrawn(w, r)
		},
		"a refusal that is about the release settles it": func(w *fixture, app *fakeApp, r *alipayplus.Release) {
			app.will(failing(1, alipayplus.ErrConflict))
			require.ErrorIs(w, withdraw(w, w.owner, r, ""), alipayplus.ErrConflict)
			isApproved(w, r)
		},
		"one that is about the caller does not": func(w *fixture, app *fakeApp, r *alipayplus.Release) {
			for _, refusal := range []error{alipayplus.ErrPermission, alipayplus.ErrRateLimited, alipayplus.ErrLimit} {
				app.will(failing(1, refusal))
				require.ErrorIs(w, withdraw(w, w.as("olga", alipayplus.WithRetry(1, 0, 0)), r, ""), refusal)
				require.Equal(w, alipayplus.ReleaseUnderReview, w.read(r.ID).Status)
			}
			require.NoError(w, withdraw(w, w.owner, r, ""))
			isWithdrawn(w, r)
		},
		"the operator may look there": func(w *fixture, _ *fakeApp, r *alipayplus.Release) {
			require.ErrorIs(w, w.p.DiscardEffect(w.Context(), w.workspace, "rel_x"), alipayplus.ErrNotFound)
			require.ErrorIs(w, w.p.DiscardEffect(w.Context(), "ws_x", r.ID), alipayplus.ErrNotFound)
			require.NoError(w, w.p.DiscardEffect(w.Context(), w.workspace, r.ID))
			isApproved(w, r)
			before := w.entries("release")
			require.Contains(w, strings.Join(before, "\n"), "operator "+r.ID+": UNDER_REVIEW to UNDER_REVIEW")
			require.NoError(w, w.p.DiscardEffect(w.Context(), w.workspace, r.ID))
			require.Equal(w, before, w.entries("release"), "nothing is unknown any more")
		},
	} {
		t.Run(name, func(t *testing.T) {
			app := newFakeApp()
			withFixture(t, func(w *fixture) {
				r := w.underReview(w.program().ID, "1.0.0")
				other := w.underReview(w.program().ID, "1.0.0")
				app.expect(failsAfter)
				require.ErrorIs(w, withdraw(w, w.as("olga", alipayplus.WithRetry(1, 0, 0)), r, "first"), alipayplus.ErrOutcomeUnknown)
				time.Sleep(2 * time.Hour)
				require.Equal(w, alipayplus.ReleasePreparation, w.read(other.ID).Status, "nothing else waits")
				require.Equal(w, alipayplus.ReleaseUnderReview, w.read(r.ID).Status)
				after(w, app, r)
			}, platform.WithTargetBackends(app), platform.WithAutoReview(approveIn(time.Hour)))
		})
	}
}

func TestAVerdictThatCannotBeAppliedIsOneWorkspacesMatter(t *testing.T) {
	var lines bytes.Buffer
	store := storage.NewMemory()
	withFixture(t, func(w *fixture) {
		lost := w.submitted()
		other := w.neighbour()
		later := other.submitted()
		require.NoError(w, store.Update(w.Context(), func(tx storage.Tx) error {
			return tx.Delete("service/" + w.workspace + "/" + lost.ID)
		}))
		time.Sleep(2 * time.Hour)
		require.Equal(w, alipayplus.ServiceOnline, other.service(later.ID).Status)
		require.Equal(w, alipayplus.RequestUnderReview, w.request(lost.ReleaseRequestID).Status, "and not half applied")
		require.Equal(w, 1, strings.Count(lines.String(), "is dropped"), lines.String())
		require.Contains(w, lines.String(), lost.ReleaseRequestID)
		require.Zero(w, w.kept(store, "i/due/"))
	}, platform.WithStore(store), platform.WithAutoReview(approveIn(time.Hour)), platform.WithLogger(slog.New(slog.NewTextHandler(&lines, nil))))
}

func TestAVerdictOfTheFarFutureIsNotDueNow(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		for _, d := range []time.Duration{0, 24 * time.Hour, 365 * 24 * time.Hour} {
			time.Sleep(d)
			require.Equal(w, alipayplus.ServicePendingReview, w.service(s.ID).Status, d)
		}
	}, platform.WithAutoReview(approveIn(math.MaxInt64)))
	withFixture(t, func(w *fixture) {
		s := w.service(w.submitted().ID)
		require.Equal(w, alipayplus.ServiceOnline, s.Status, "and one of the past is due now")
		request := w.request(s.ReleaseRequestID)
		require.Equal(w, request.CreatedAt, request.FinishedAt, "not before it was asked for")
	}, platform.WithAutoReview(approveIn(math.MinInt64)))
}

func TestARejectionByAFunctionHasAReason(t *testing.T) {
	for given, want := range map[string]string{
		"": "no reason was given", " ": "no reason was given", "too many ads": "too many ads", "ads:\n- one\n- two": "ads:\n- one\n- two",
		"too\x00 many \u202eads\xff": "too many ads?", strings.Repeat("字", 3000): strings.Repeat("字", 1997) + "...",
	} {
		withFixture(t, func(w *fixture) {
			s := w.submitted()
			require.Equal(w, alipayplus.ServiceTurnedDown, w.service(s.ID).Status)
			require.Equal(w, want, w.request(s.ReleaseRequestID).Reviews[0].Reason)
		}, platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
			return platform.RejectAfter(0, given)
		}))
	}
}

func TestAReviewCanBeDecidedByAFunctionAfterATime(t *testing.T) {
	var asked []string
	withFixture(t, func(w *fixture) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		require.Subset(w, asked, []string{"ALIPAY_PLUS " + r.ReleaseRequestID, "ALIPAY_CN " + r.ReleaseRequestID})
		applied := time.Now().UTC()

		time.Sleep(time.Hour - time.Second)
		require.Equal(w, alipayplus.ReviewPending, w.request(r.ReleaseRequestID).Reviews[1].Status)
		time.Sleep(time.Second)
		require.Equal(w, alipayplus.ReviewApproved, w.request(r.ReleaseRequestID).Reviews[1].Status)
		require.Equal(w, alipayplus.ReleaseUnderReview, w.read(r.ID).Status)

		time.Sleep(47 * time.Hour)
		reviewed, err := w.owner.Releases.WaitReviewed(w.Context(), r.ID, alipayplus.ReleaseWait{})
		require.NoError(w, err)
		require.Equal(w, applied.Add(24*time.Hour), reviewed.Reviews[0].DecidedAt, "when it was due, not when somebody looked")
		require.Equal(w, applied.Add(24*time.Hour), w.request(r.ReleaseRequestID).FinishedAt)
		require.Equal(w, alipayplus.ReleasePreparation, reviewed.Status)
	}, platform.WithAutoReview(func(party alipayplus.Party, request *alipayplus.Request) platform.Decision {
		asked = append(asked, string(party)+" "+request.ID)
		if party == alipayplus.PartyAlipayCN {
			return platform.ApproveAfter(time.Hour)
		}
		return platform.ApproveAfter(24 * time.Hour)
	}))
}

func TestAVerdictThatIsDueDoesNotOvertakeAWithdrawal(t *testing.T) {
	withFixture(t, func(w *fixture) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		w.withdraw(r)
		time.Sleep(48 * time.Hour)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.read(r.ID).Status)
		require.Equal(w, alipayplus.RequestWithdrawn, w.request(r.ReleaseRequestID).Status)
	}, platform.WithAutoReview(approveIn(time.Hour)))
}

func TestAVerdictThatIsDueComesBeforeOneThatIsGivenNow(t *testing.T) {
	withFixture(t, func(w *fixture) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		waiting, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		time.Sleep(2 * time.Hour)
		require.ErrorContains(w, waiting[0].Approve(w.Context(), alipayplus.PartyAlipayPlus), "is CLOSED already",
			"AlipayCN rejected an hour ago")
		request := w.request(r.ReleaseRequestID)
		require.Equal(w, alipayplus.RequestRejected, request.Status)
		require.Equal(w, "too many ads", request.Reviews[1].Reason)
	}, platform.WithAutoReview(func(party alipayplus.Party, _ *alipayplus.Request) platform.Decision {
		if party == alipayplus.PartyAlipayCN {
			return platform.RejectAfter(time.Hour, "too many ads")
		}
		return platform.LeaveOpen()
	}))
}
