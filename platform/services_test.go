package platform_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
)

// TestReleaseServices is the document "Release services", sentence by sentence.
func TestReleaseServices(t *testing.T) {
	sentence(t, "ISVs can create and release services to Service Market on Alipay+ Mini Program Platform to expand their business.", func(w *fixture) {
		s := w.online()
		require.Equal(w, alipayplus.ServiceOnline, s.Status)
	})
	sentence(t, "Then click + Create Service.", func(w *fixture) {
		offer := w.offer()
		s, err := w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.NoError(w, err)
		require.Equal(w, &alipayplus.Service{
			ID: s.ID, ServiceDescription: offer, Company: company(), Status: alipayplus.ServiceDraft, ImageBytes: int64(len(pngImage(w))),
			CreatedBy: "olga", CreatedAt: time.Now().UTC(), UpdatedAt: time.Now().UTC(),
		}, s)
		require.Equal(w, s, w.service(s.ID))
	})
	sentence(t, "The basic information section contains basic information about your service, including name, industry, type, description, image, and applicable apps.", func(w *fixture) {
		want := map[string]string{
			"name": "is required", "industry": "is required", "type": "is required", "description": "is required",
			"imageFileId": "is required", "applicableApps": "must have at least 1 entry", "paymentInformation": "must have at least 1 entry",
		}
		got := w.rawClient("olga").call(contract.ServiceCreate, `{"requestId":"1"}`)
		require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code)
		found := map[string]string{}
		for _, f := range got.Details.Fields {
			found[f.Path] = f.Message
		}
		require.Equal(w, want, found)
	})
	sentence(t, "Service Type: Currently, the mini program development service is supported.", func(w *fixture) {
		offer := w.offer()
		offer.Type = "CONSULTING"
		_, err := w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		require.ErrorContains(w, err, `type must be one of [MINI_PROGRAM_DEVELOPMENT]; got "CONSULTING"`)
	})
	sentence(t, "Service Image: Upload an image.", func(w *fixture) {
		offer := w.offer()
		offer.ImageFileID = strings.Repeat("0", 64)
		_, err := w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.ErrorContains(w, err, "imageFileId names no uploaded image; upload it first")

		program := w.program()
		w.upload(program.ID, "1.0.0")
		versions, err := w.owner.Programs.ListVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: program.ID})
		require.NoError(w, err)
		offer.ImageFileID = versions.Items[0].FileID
		_, err = w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.ErrorContains(w, err, "imageFileId names no uploaded image", "a package is none")
	})
	sentence(t, "Applicable Apps: Select one or more apps that your service supports.", func(w *fixture) {
		offer := w.offer()
		offer.ApplicableApps = []alipayplus.TargetApp{cn, partner}
		s, err := w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.NoError(w, err)
		require.Equal(w, offer.ApplicableApps, s.ApplicableApps)
	})
	sentence(t, "In the payment information section, you need to add texts, images, or tables to tell merchants about your payment schedule.", func(w *fixture) {
		offer := w.offer()
		offer.PaymentInformation = alipayplus.Content{
			alipayplus.TextBlock("Three parts."),
			alipayplus.ImageBlock(offer.ImageFileID, "the schedule"),
			alipayplus.TableBlock([]string{"When", "How much"}, []string{"now", "1/3"}, []string{"later", "2/3"}),
		}
		s, err := w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.NoError(w, err)
		require.Equal(w, offer.PaymentInformation, w.service(s.ID).PaymentInformation, "in this order")

		offer.PaymentInformation = nil
		_, err = w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.ErrorContains(w, err, "paymentInformation must have at least 1 entry")
	})
	sentence(t, "The company information comes from the information you entered for your company when you sign up to Alipay+ Mini Program Platform.", func(w *fixture) {
		got := w.rawClient("olga").call(contract.ServiceCreate, struct {
			alipayplus.CreateServiceInput
			Company alipayplus.BusinessRegistration `json:"company"`
		}{alipayplus.CreateServiceInput{ServiceDescription: w.offer(), RequestID: "1"}, alipayplus.BusinessRegistration{CompanyName: "Somebody Else"}})
		require.Equal(w, alipayplus.CodeSuccess, got.Result.Code)
		list, err := w.owner.Services.List(w.Context(), alipayplus.ListServicesInput{})
		require.NoError(w, err)
		require.Equal(w, company(), list.Items[0].Company, "it cannot be entered")
	})
	sentence(t, "The more information section includes service details, tutorial, and success story.", func(w *fixture) {
		offer := w.offer()
		offer.Details = alipayplus.Content{alipayplus.TextBlock("For tea shops.")}
		offer.Tutorial = alipayplus.Content{alipayplus.ImageBlock(offer.ImageFileID, ""), alipayplus.TextBlock("Call us.")}
		offer.SuccessStory = alipayplus.Content{alipayplus.TextBlock("Green Hill sold twice as much.")}
		s, err := w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.NoError(w, err)
		require.Equal(w, offer, s.ServiceDescription)

		offer.Tutorial = alipayplus.Content{alipayplus.TextBlock("Look:"), alipayplus.ImageBlock(strings.Repeat("1", 64), "")}
		_, err = w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.ErrorContains(w, err, "tutorial[1].image.fileId names no uploaded image; upload it first")
	})
	sentence(t, "After filling in the information, click Submit to submit the service release request to Alipay+ Mini Program Platform for approval.", func(w *fixture) {
		s := w.submitted()
		require.Equal(w, alipayplus.ServicePendingReview, s.Status)
		require.Equal(w, &alipayplus.Request{
			ID: s.ReleaseRequestID, Title: "Release service Tea shop in a week", Category: alipayplus.CategoryServiceRelease,
			Status: alipayplus.RequestUnderReview, Applicant: "olga", ServiceID: s.ID, CreatedAt: time.Now().UTC(),
			Reviews: []alipayplus.Review{{Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewPending, StartedAt: time.Now().UTC()}},
		}, w.request(s.ReleaseRequestID))
	})
	sentence(t, "To view your request and approval status, go to To-Do List > My Requests.", func(w *fixture) {
		s := w.submitted()
		list, err := w.owner.Requests.List(w.Context(), alipayplus.ListRequestsInput{})
		require.NoError(w, err)
		require.Len(w, list.Items, 1)
		require.Equal(w, s.ReleaseRequestID, list.Items[0].ID)
		require.Equal(w, alipayplus.RequestUnderReview, list.Items[0].Status)
	})
	sentence(t, "Once approved, the status of your service release request changes from Under Review to Approved.", func(w *fixture) {
		s := w.submitted()
		require.Equal(w, alipayplus.RequestUnderReview, w.request(s.ReleaseRequestID).Status)
		time.Sleep(36 * time.Hour)
		w.approve()
		request := w.request(s.ReleaseRequestID)
		require.Equal(w, alipayplus.RequestApproved, request.Status)
		require.Equal(w, time.Now().UTC(), request.FinishedAt)
	})
	sentence(t, "Now your service is updated to Online, which means the service is released to Service Market and available for merchants to order.", func(w *fixture) {
		s := w.submitted()
		online, err := w.owner.Services.WaitOnline(w.Context(), s.ID, alipayplus.ServiceWait{MaxInterval: time.Hour})
		require.NoError(w, err)
		require.Equal(w, alipayplus.ServiceOnline, online.Status)
		require.Equal(w, s.CreatedAt.Add(36*time.Hour), online.UpdatedAt)
		list, err := w.owner.Services.List(w.Context(), alipayplus.ListServicesInput{Status: alipayplus.ServiceOnline})
		require.NoError(w, err)
		require.Len(w, list.Items, 1)
	}, platform.WithAutoReview(approveIn(36*time.Hour)))
}

func TestAServiceThatWasTurnedDownIsMendedAndSubmittedAgain(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		w.decide(alipayplus.PartyAlipayPlus, "the image shows another company's logo")
		s = w.service(s.ID)
		require.Equal(w, alipayplus.ServiceTurnedDown, s.Status)
		first := w.request(s.ReleaseRequestID)
		require.Equal(w, alipayplus.RequestRejected, first.Status)
		require.Equal(w, "the image shows another company's logo", first.Reviews[0].Reason)
		_, err := w.owner.Services.WaitOnline(w.Context(), s.ID, alipayplus.ServiceWait{})
		require.ErrorContains(w, err, "was rejected (ALIPAY_PLUS: the image shows another company's logo)")

		mended := s.ServiceDescription
		mended.Name = "Tea shop in two weeks"
		s, err = w.owner.Services.Update(w.Context(), alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: mended})
		require.NoError(w, err)
		require.Equal(w, mended, s.ServiceDescription)
		require.Equal(w, alipayplus.ServiceTurnedDown, s.Status, "until it is submitted")

		s, err = w.owner.Services.Submit(w.Context(), alipayplus.ServiceInput{ServiceID: s.ID})
		require.NoError(w, err)
		require.NotEqual(w, first.ID, s.ReleaseRequestID)
		require.Equal(w, "Release service Tea shop in two weeks", w.request(s.ReleaseRequestID).Title)
		w.approve()
		require.Equal(w, alipayplus.ServiceOnline, w.service(s.ID).Status)
		require.Equal(w, first, w.request(first.ID), "the reasons stay readable")
	})
}

// TestWhatMayBeDoneWithAServiceInEachStatus tries every step in every status.
// The table is the design's, written anew.
func TestWhatMayBeDoneWithAServiceInEachStatus(t *testing.T) {
	const (
		draft, pending, online          = alipayplus.ServiceDraft, alipayplus.ServicePendingReview, alipayplus.ServiceOnline
		turnedDown, withdrawn, archived = alipayplus.ServiceTurnedDown, alipayplus.ServiceWithdrawn, alipayplus.ServiceArchived
	)
	allowed := map[alipayplus.ServiceStatus]map[string]alipayplus.ServiceStatus{
		draft:      {"edit": draft, "submit": pending},
		pending:    {"withdraw": withdrawn},
		online:     {"edit": online, "archive": archived},
		turnedDown: {"edit": turnedDown, "submit": pending},
		withdrawn:  {"edit": withdrawn, "submit": pending},
		archived:   {},
	}
	steps := map[string]contract.Operation{
		"edit": contract.ServiceUpdate, "submit": contract.ServiceSubmit, "withdraw": contract.ServiceWithdraw, "archive": contract.ServiceArchive,
	}
	bring := map[alipayplus.ServiceStatus]func(w *fixture) *alipayplus.Service{
		draft:   (*fixture).draft,
		pending: (*fixture).submitted,
		online:  (*fixture).online,
		turnedDown: func(w *fixture) *alipayplus.Service {
			s := w.submitted()
			w.decide(alipayplus.PartyAlipayPlus, "too short")
			return w.service(s.ID)
		},
		withdrawn: func(w *fixture) *alipayplus.Service {
			s, err := w.owner.Services.Withdraw(w.Context(), alipayplus.ServiceInput{ServiceID: w.submitted().ID})
			require.NoError(w, err)
			require.Equal(w, alipayplus.RequestWithdrawn, w.request(s.ReleaseRequestID).Status)
			return s
		},
		archived: func(w *fixture) *alipayplus.Service {
			s, err := w.owner.Services.Archive(w.Context(), alipayplus.ServiceInput{ServiceID: w.online().ID})
			require.NoError(w, err)
			return s
		},
	}
	for status, may := range allowed {
		t.Run(string(status), func(t *testing.T) {
			for step, op := range steps {
				to, ok := may[step]
				sentence(t, step, func(w *fixture) {
					s := bring[status](w)
					require.Equal(w, status, s.Status)
					log := len(w.auditLog())
					got := w.rawClient("olga").call(op, alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: s.ServiceDescription, RequestID: "step"})
					if ok {
						require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, got.Result.Message)
						require.Equal(w, to, w.service(s.ID).Status)
						return
					}
					require.Equal(w, alipayplus.CodeStateConflict, got.Result.Code, got.Result.Message)
					require.Equal(w, s, w.service(s.ID), "a refused step changes nothing")
					require.Len(w, w.auditLog(), log)
				})
			}
		})
	}
}

func TestTheLimitsOfAServiceAreThePlatformsOwn(t *testing.T) {
	policy := alipayplus.ServicePolicy{
		MaxBytes: 100_000, MaxName: 200, MaxText: 8000, MaxBlocks: 2, MaxTableCells: 4, MaxImageBytes: 1 << 20,
		Industries: []string{"Tea"}, Types: []alipayplus.ServiceType{"CONSULTING"}, Apps: []alipayplus.TargetApp{partner},
	}
	withFixture(t, func(w *fixture) {
		ws, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err)
		require.Equal(w, policy, ws.ServicePolicy, "it announces them")

		w.Log("What it allows beyond the default, it accepts.")
		offer := w.offer()
		offer.Name, offer.Description = strings.Repeat("茶", 200), strings.Repeat("x", 8000)
		offer.Industry, offer.Type, offer.ApplicableApps = "Tea", "CONSULTING", []alipayplus.TargetApp{partner}
		s, err := w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: offer, Policy: &ws.ServicePolicy})
		require.NoError(w, err)
		s, err = w.owner.Services.Update(w.Context(), alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: offer, Policy: &ws.ServicePolicy})
		require.NoError(w, err)
		s, err = w.owner.Services.Submit(w.Context(), alipayplus.ServiceInput{ServiceID: s.ID})
		require.NoError(w, err)
		require.Equal(w, alipayplus.ServicePendingReview, s.Status)

		w.Log("What it forbids, it refuses, whatever the default allows.")
		got := w.rawClient("olga").call(contract.ServiceCreate, alipayplus.CreateServiceInput{ServiceDescription: w.offer(), RequestID: "1"})
		require.Equal(w, []alipayplus.FieldError{
			{Path: "industry", Message: `must be one of [Tea]; got "Food and beverage"`},
			{Path: "type", Message: `must be one of [CONSULTING]; got "MINI_PROGRAM_DEVELOPMENT"`},
			{Path: "applicableApps[0]", Message: `must be one of [LAKE_WALLET]; got "ALIPAY_CN"`},
		}, got.Details.Fields)
		offer.Tutorial = alipayplus.Content{alipayplus.TextBlock("1"), alipayplus.TextBlock("2"), alipayplus.TextBlock("3")}
		got = w.rawClient("olga").call(contract.ServiceUpdate, alipayplus.UpdateServiceInput{ServiceDescription: offer, RequestID: "2"})
		require.Equal(w, []alipayplus.FieldError{
			{Path: "serviceId", Message: "is required"},
			{Path: "tutorial", Message: "must have at most 2 blocks; has 3"},
		}, got.Details.Fields)
	}, platform.WithServicePolicy(policy))
}

func TestServicesAreListedByStatus(t *testing.T) {
	withFixture(t, func(w *fixture) {
		first := w.draft()
		second := w.submitted()
		third := w.draft()
		for name, tt := range map[string]struct {
			in   alipayplus.ListServicesInput
			want []string
		}{
			"all, newest first": {alipayplus.ListServicesInput{}, []string{third.ID, second.ID, first.ID}},
			"all, oldest first": {alipayplus.ListServicesInput{ListOptions: alipayplus.ListOptions{Order: alipayplus.OldestFirst}}, []string{first.ID, second.ID, third.ID}},
			"drafts":            {alipayplus.ListServicesInput{Status: alipayplus.ServiceDraft}, []string{third.ID, first.ID}},
			"under review":      {alipayplus.ListServicesInput{Status: alipayplus.ServicePendingReview}, []string{second.ID}},
			"online":            {alipayplus.ListServicesInput{Status: alipayplus.ServiceOnline}, []string{}},
		} {
			page, err := w.owner.Services.List(w.Context(), tt.in)
			require.NoError(w, err)
			require.Equal(w, tt.want, ids(page.Items, func(s *alipayplus.Service) string { return s.ID }), name)
		}
	})
}

// A service that is online is changed by a revision with a request of its own: this
// project's own rule.
func TestAServiceThatIsOnlineIsRevised(t *testing.T) {
	revised := func(w *fixture) (*alipayplus.Service, alipayplus.ServiceDescription) {
		s := w.online()
		changed := s.ServiceDescription
		changed.Name, changed.ImageFileID = "Tea shop in a day", w.picture(9).ID
		after, err := w.owner.Services.Update(w.Context(), alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: changed})
		require.NoError(w, err)
		require.Equal(w, s.ServiceDescription, after.ServiceDescription, "what is online stays")
		require.Equal(w, alipayplus.ServiceOnline, after.Status)
		require.Equal(w, &alipayplus.ServiceRevision{ServiceDescription: changed, Status: alipayplus.ServiceDraft, UpdatedAt: time.Now().UTC()}, after.Revision)
		return after, changed
	}
	submit := func(w *fixture, s *alipayplus.Service) *alipayplus.Service {
		first := s.ReleaseRequestID
		s, err := w.owner.Services.Submit(w.Context(), alipayplus.ServiceInput{ServiceID: s.ID})
		require.NoError(w, err)
		require.Equal(w, alipayplus.ServicePendingReview, s.Revision.Status)
		require.Equal(w, first, s.ReleaseRequestID)
		request := w.request(s.Revision.ReleaseRequestID)
		require.NotEqual(w, first, request.ID)
		require.Equal(w, "Revise service Tea shop in a day", request.Title)
		require.Equal(w, alipayplus.RequestUnderReview, request.Status)
		return s
	}
	sentence(t, "approved", func(w *fixture) {
		s, changed := revised(w)
		s = submit(w, s)
		waiting, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		require.Equal(w, &changed, waiting[0].Request.Submission.Service)
		require.Equal(w, &s.ServiceDescription, waiting[0].Request.Submission.Online, "the text that is online is beside it")
		_, err = w.owner.Services.Update(w.Context(), alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: changed})
		require.ErrorIs(w, err, alipayplus.ErrConflict, "what is under review is not changed")

		w.decide(alipayplus.PartyAlipayPlus, "")
		s, err = w.owner.Services.WaitOnline(w.Context(), s.ID, alipayplus.ServiceWait{})
		require.NoError(w, err)
		require.Equal(w, changed, s.ServiceDescription)
		require.Nil(w, s.Revision)
	})
	for name, end := range map[string]func(w *fixture, s *alipayplus.Service) alipayplus.ServiceStatus{
		"rejected": func(w *fixture, _ *alipayplus.Service) alipayplus.ServiceStatus {
			w.decide(alipayplus.PartyAlipayPlus, "too good to be true")
			return alipayplus.ServiceTurnedDown
		},
		"withdrawn": func(w *fixture, s *alipayplus.Service) alipayplus.ServiceStatus {
			_, err := w.owner.Services.Withdraw(w.Context(), alipayplus.ServiceInput{ServiceID: s.ID})
			require.NoError(w, err)
			return alipayplus.ServiceWithdrawn
		},
	} {
		sentence(t, name, func(w *fixture) {
			s, changed := revised(w)
			s = submit(w, s)
			status := end(w, s)
			after, err := w.owner.Services.WaitOnline(w.Context(), s.ID, alipayplus.ServiceWait{})
			_, reviewed := errors.AsType[*alipayplus.ReviewError](err)
			require.True(w, reviewed, "%v", err)
			require.Equal(w, s.ServiceDescription, after.ServiceDescription, "the old text is untouched")
			require.Equal(w, alipayplus.ServiceOnline, after.Status)
			require.Equal(w, status, after.Revision.Status)

			w.Log("It is mended and submitted again, or taken away.")
			changed.Description = "mended"
			_, err = w.owner.Services.Update(w.Context(), alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: changed})
			require.NoError(w, err)
			again := submit(w, after)
			require.NotEqual(w, s.Revision.ReleaseRequestID, again.Revision.ReleaseRequestID)
			w.decide(alipayplus.PartyAlipayPlus, "no")
			after, err = w.owner.Services.Update(w.Context(), alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: s.ServiceDescription})
			require.NoError(w, err)
			require.Nil(w, after.Revision, "the text that is online is no revision")
		})
	}
	sentence(t, "offered by the company as it was reviewed", func(w *fixture) {
		s, _ := revised(w)
		changed := company()
		changed.CompanyName = "Green Lake Tea"
		r := w.release(w.authorizedProgram().ID, "1.0.0")
		_, err := w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: &changed})
		require.NoError(w, err)
		w.approve()
		require.Equal(w, company(), w.service(s.ID).Company, "what is online stays")
		submit(w, s)
		w.decide(alipayplus.PartyAlipayPlus, "")
		require.Equal(w, changed, w.service(s.ID).Company)
	})
	sentence(t, "archived meanwhile", func(w *fixture) {
		s, _ := revised(w)
		request := submit(w, s).Revision.ReleaseRequestID
		archived, err := w.owner.Services.Archive(w.Context(), alipayplus.ServiceInput{ServiceID: s.ID})
		require.NoError(w, err)
		require.Nil(w, archived.Revision)
		require.Equal(w, alipayplus.RequestWithdrawn, w.request(request).Status)
	})
}
