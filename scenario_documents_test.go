package alipayplus_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/console"
)

// The two product documents, "Release services" and "Release mini programs", sentence by sentence: each is a
// subtest of its name, in the order of the document, on one platform that is served over HTTP. A sentence that
// tells people where to click is looked for on the page of the console. What nothing can show is listed with the
// reason, so that no sentence is left out.

// served is a platform on a port, with a company that is onboarded, and reviewers who are people.
type served struct {
	*testing.T
	p         *platform.Platform
	address   string
	workspace string
	owner     *alipayplus.Client
	reviewers map[alipayplus.Party]*alipayplus.Client
}

const lakeWallet = alipayplus.TargetApp("LAKE_WALLET")

func serveDocuments(t *testing.T) *served {
	t.Helper()
	wallet := platform.NewPartnerApp(lakeWallet, platform.PartnerAppOptions{})
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithConsole(console.New()),
		platform.WithTargetBackends(platform.NewSimulatedAlipayCN(), wallet))
	require.NoError(t, err)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	s := &served{T: t, p: p, address: server.URL, reviewers: map[alipayplus.Party]*alipayplus.Client{}}
	s.workspace, s.owner = s.onboarded(signedUp(), "olga")
	for _, party := range []alipayplus.Party{alipayplus.PartyAlipayPlus, alipayplus.PartyAlipayCN} {
		id, err := p.AddReviewer(t.Context(), party, clientKey().Public())
		require.NoError(t, err)
		s.reviewers[party] = s.client(id)
	}
	return s
}

// signedUp is what a company enters when it signs up.
func signedUp() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

// onboarded is a company with a workspace, and its owner.
func (s *served) onboarded(company alipayplus.BusinessRegistration, owner string) (workspace string, client *alipayplus.Client) {
	s.Helper()
	workspace, err := s.p.AddWorkspace(s.Context(), company)
	require.NoError(s, err)
	return workspace, s.member(workspace, owner, alipayplus.RoleOwner)
}

func (s *served) member(workspace, name string, role alipayplus.Role) *alipayplus.Client {
	s.Helper()
	require.NoError(s, s.p.PutMember(s.Context(), platform.Member{WorkspaceID: workspace, Name: name, Role: role}))
	id, err := s.p.AddClient(s.Context(), workspace, name, clientKey().Public())
	require.NoError(s, err)
	return s.client(id)
}

// client calls the platform over HTTP.
func (s *served) client(id string) *alipayplus.Client {
	s.Helper()
	c, err := alipayplus.New(alipayplus.WithBaseURL(s.address), alipayplus.WithClientID(id), alipayplus.WithSigner(clientKey()),
		alipayplus.WithPlatformKey("1", s.p.PublicKeyPEM()))
	require.NoError(s, err)
	return c
}

// sentence is one of a document.
func (s *served) sentence(text string, show func(s *served)) {
	s.Helper()
	s.Run(text, func(t *testing.T) {
		t.Helper()
		at := *s
		at.T = t
		show(&at)
	})
}

// page is what a person sees at an address of the console, without the tags.
func (s *served) page(who *alipayplus.Client, path string) string {
	s.Helper()
	signIn, err := who.Sessions.Begin(s.Context(), alipayplus.BeginSessionInput{})
	require.NoError(s, err)
	address, err := url.Parse(signIn.URL)
	require.NoError(s, err)
	jar, err := cookiejar.New(nil)
	require.NoError(s, err)
	browser := &http.Client{Jar: jar}
	resp, err := browser.PostForm(s.address+"/console/sign-in", address.Query())
	require.NoError(s, err)
	require.NoError(s, resp.Body.Close())
	resp, err = browser.Get(s.address + "/console/" + path)
	require.NoError(s, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(s, err)
	require.NoError(s, resp.Body.Close())
	require.Equal(s, http.StatusOK, resp.StatusCode)
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(string(body), " "))), " ")
}

var tags = regexp.MustCompile(`(?s)<[^>]*>`)

// shows checks that texts follow each other on a page of the console.
func (s *served) shows(who *alipayplus.Client, path string, texts ...string) {
	s.Helper()
	page := s.page(who, path)
	for _, text := range texts {
		_, rest, found := strings.Cut(page, text)
		require.True(s, found, "%q is not on the page %s, or not in this place: %s", text, path, page)
		page = rest
	}
}

func (s *served) upload(of *alipayplus.Client, content []byte) string {
	s.Helper()
	f, err := of.Files.Upload(s.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(content), Size: int64(len(content))})
	require.NoError(s, err)
	return f.ID
}

// unproven are the sentences of a document that nothing can show, and why.
func unproven(t *testing.T, why map[string]string) {
	t.Helper()
	for sentence, reason := range why {
		require.NotEmpty(t, reason, sentence)
		t.Logf("nothing shows %q: %s", sentence, reason)
	}
}

func TestTheDocumentReleaseServices(t *testing.T) {
	unproven(t, map[string]string{
		"With this topic, ISVs can learn the detailed steps to release a service to Service Market.": "it is about the document",
		"These services help promote the positive development of mini program ecosystem.":            "it is a purpose",
		"Make sure you have completed the following steps:":                                          "it introduces the steps below",
		"To release a service, follow the steps below:":                                              "it introduces the steps below",
		"To learn more, refer to Mini program development.":                                          "it is a link to another document",
		"Check below for more details:":                                                              "it introduces the fields below",
	})
	s := serveDocuments(t)
	ctx := t.Context()
	var offer alipayplus.ServiceDescription
	var draft, service *alipayplus.Service
	merchantOf, merchant := s.onboarded(alipayplus.BusinessRegistration{
		CompanyName: "Red Hill Coffee", RegistrationNumber: "202100456B", Country: "SG",
		Address: "2 Hill Street, Singapore", ContactName: "Ravi", ContactEmail: "ravi@redhill.example",
	}, "ravi")

	s.sentence("Get boarded to Alipay+ Mini Program Platform.", func(s *served) {
		_, err := s.client("2021550000000001").Workspace.Get(ctx)
		require.ErrorIs(s, err, alipayplus.ErrUnauthenticated, "who is not")
		of, err := s.owner.Workspace.Get(ctx)
		require.NoError(s, err)
		require.Equal(s, signedUp(), of.Company)
	})
	s.sentence("Log in to Alipay+ Mini Program Platform.", func(s *served) {
		resp, err := http.Get(s.address + "/console/requests")
		require.NoError(s, err)
		require.NoError(s, resp.Body.Close())
		require.Equal(s, http.StatusUnauthorized, resp.StatusCode, "who has not")
	})
	s.sentence("Enter the console.", func(s *served) { s.shows(s.owner, "", "Alipay+ console", "olga") })
	s.sentence("Select a workspace.", func(s *served) {
		// Whose key one signs in with selects it: a member belongs to one workspace.
		s.shows(s.owner, "", "Blue Lake Tea")
		s.shows(merchant, "", "Red Hill Coffee")
	})
	s.sentence("On the left navigation bar, go to Service Management > Services. Then click + Create Service.", func(s *served) {
		s.shows(s.owner, "requests", "Service Management", "Services")
		s.shows(s.owner, "services", "+ Create Service")
	})
	s.sentence("On the Create Service page, fill in the following information: basic, payment and company information, and more.", func(s *served) {
		s.shows(s.owner, "services/new", "Create Service", "Basic information", "Payment information", "Company information", "Blue Lake Tea", "More information")
	})
	s.sentence("The basic information section contains name, industry, type, description, image, and applicable apps.", func(s *served) {
		s.shows(s.owner, "services/new", "Service Name", "Service Industry", "Service Type", "Service Description", "Service Image", "Applicable Apps")
		offer = alipayplus.ServiceDescription{
			Name: "Tea shop in a week", Industry: "Food and beverage", Type: alipayplus.ServiceMiniProgramDevelopment,
			Description: "We build your mini program, and your guests order ahead.", ImageFileID: s.upload(s.owner, picture(s.T)),
			ApplicableApps:     []alipayplus.TargetApp{alipayplus.TargetAlipayCN},
			PaymentInformation: alipayplus.Content{alipayplus.TextBlock("Half now, half at release.")},
		}
	})
	for _, field := range []struct {
		sentence, path string
		without        func(*alipayplus.ServiceDescription)
	}{
		{"Service Name: Enter a name for your service.", "name", func(d *alipayplus.ServiceDescription) { d.Name = "" }},
		{"Service Industry: Select a specific industry.", "industry", func(d *alipayplus.ServiceDescription) { d.Industry = "" }},
		{"Service Type: Select a service type.", "type", func(d *alipayplus.ServiceDescription) { d.Type = "" }},
		{"Currently, the mini program development service is supported.", "type", func(d *alipayplus.ServiceDescription) { d.Type = "TEMPLATE" }},
		{"Service Description: Enter a description of the main functions of the service and how it can benefit users.", "description", func(d *alipayplus.ServiceDescription) { d.Description = "" }},
		{"Service Image: Upload an image.", "imageFileId", func(d *alipayplus.ServiceDescription) { d.ImageFileID = "" }},
		{"Applicable Apps: Select one or more apps that your service supports.", "applicableApps", func(d *alipayplus.ServiceDescription) { d.ApplicableApps = nil }},
	} {
		s.sentence(field.sentence, func(s *served) {
			without := offer
			field.without(&without)
			_, err := s.owner.Services.Create(ctx, alipayplus.CreateServiceInput{ServiceDescription: without})
			var wrong *alipayplus.ValidationError
			require.ErrorAs(s, err, &wrong)
			require.Equal(s, field.path, wrong.Fields[0].Path)
		})
	}
	s.sentence("Select one or more apps: several.", func(s *served) {
		offer.ApplicableApps = append(offer.ApplicableApps, lakeWallet)
		s.shows(s.owner, "services/new", "Applicable Apps", "AlipayCN", "LAKE_WALLET")
	})
	s.sentence("In the payment information section, you need to add texts, images, or tables.", func(s *served) {
		without := offer
		without.PaymentInformation = nil
		_, err := s.owner.Services.Create(ctx, alipayplus.CreateServiceInput{ServiceDescription: without})
		require.ErrorIs(s, err, alipayplus.ErrInvalid)
		require.ErrorContains(s, err, "paymentInformation")
		offer.PaymentInformation = alipayplus.Content{
			alipayplus.TextBlock("Half now, half at release."), alipayplus.ImageBlock(offer.ImageFileID, "The schedule"),
			alipayplus.TableBlock([]string{"When", "How much"}, []string{"Now", "50 %"}, []string{"At release", "50 %"}),
		}
		s.shows(s.owner, "services/new", "Payment information", "Add text", "Add image", "Add table")
	})
	s.sentence("The more information section includes service details, tutorial, and success story.", func(s *served) {
		s.shows(s.owner, "services/new", "Service Details", "Tutorial", "Success Story")
	})
	for _, section := range []struct {
		sentence string
		set      func(*alipayplus.ServiceDescription, alipayplus.Content)
	}{
		{"Service Details: Provide applicable scenarios, purposes, benefits, or more about your service.", func(d *alipayplus.ServiceDescription, c alipayplus.Content) { d.Details = c }},
		{"Tutorial: Provide detailed steps to tell merchants how to use the service.", func(d *alipayplus.ServiceDescription, c alipayplus.Content) { d.Tutorial = c }},
		{"Success Story: Provide cases of how the service helped merchants grow their business.", func(d *alipayplus.ServiceDescription, c alipayplus.Content) { d.SuccessStory = c }},
	} {
		s.sentence(section.sentence, func(s *served) {
			section.set(&offer, alipayplus.Content{alipayplus.TextBlock(section.sentence)})
			require.NoError(s, offer.Validate())
		})
	}
	s.sentence("ISVs can create services.", func(s *served) {
		var err error
		draft, err = s.owner.Services.Create(ctx, alipayplus.CreateServiceInput{ServiceDescription: offer})
		require.NoError(s, err)
		require.Equal(s, alipayplus.ServiceDraft, draft.Status)
		require.Equal(s, offer, draft.ServiceDescription, "all that was filled in")
	})
	s.sentence("The company information comes from what you entered for your company when you signed up.", func(s *served) {
		require.Equal(s, signedUp(), draft.Company)
	})
	s.sentence("After filling in the information, click Submit to submit the service release request for approval.", func(s *served) {
		s.shows(s.owner, "services/"+draft.ID, "Submit")
		var err error
		service, err = s.owner.Services.Submit(ctx, alipayplus.ServiceInput{ServiceID: draft.ID})
		require.NoError(s, err)
		require.Equal(s, alipayplus.ServicePendingReview, service.Status)
	})
	s.sentence("To view your request and approval status, go to To-Do List > My Requests.", func(s *served) {
		s.shows(s.owner, "requests", "To-Do List", "My Requests", "Tea shop in a week", "Under review")
		request, err := s.owner.Requests.Get(ctx, service.ReleaseRequestID)
		require.NoError(s, err)
		require.Equal(s, alipayplus.RequestUnderReview, request.Status)
	})
	s.sentence("Under the My Requests tab, you can filter all requests by request title or release status.", func(s *served) {
		second := offer
		second.Name = "Bakery in a day"
		other, err := s.owner.Services.Create(ctx, alipayplus.CreateServiceInput{ServiceDescription: second})
		require.NoError(s, err)
		other, err = s.owner.Services.Submit(ctx, alipayplus.ServiceInput{ServiceID: other.ID})
		require.NoError(s, err)
		_, err = s.owner.Services.Withdraw(ctx, alipayplus.ServiceInput{ServiceID: other.ID})
		require.NoError(s, err)
		require.Equal(s, []string{service.ReleaseRequestID}, s.requests(alipayplus.ListRequestsInput{Title: "tea shop"}))
		require.Equal(s, []string{other.ReleaseRequestID}, s.requests(alipayplus.ListRequestsInput{Status: alipayplus.RequestWithdrawn}))
		s.shows(s.owner, "requests", "Request title", "Status")
	})
	s.sentence("You can also sort all requests by date.", func(s *served) {
		newest := s.requests(alipayplus.ListRequestsInput{})
		oldest := s.requests(alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Order: alipayplus.OldestFirst}})
		require.Len(s, newest, 2)
		require.Equal(s, []string{newest[1], newest[0]}, oldest)
		s.shows(s.owner, "requests", "Sort by date", "Newest first", "Oldest first")
	})
	s.sentence("Then click on a specific request to view more details.", func(s *served) {
		s.shows(s.owner, "requests/"+service.ReleaseRequestID, "Tea shop in a week", "Applicant", "olga", "Created time", "Reviewing party", "Alipay+")
	})
	s.sentence("Once approved, the status of your service release request changes from Under Review to Approved.", func(s *served) {
		_, err := s.reviewers[alipayplus.PartyAlipayPlus].Reviews.Decide(ctx, alipayplus.DecideInput{ID: service.ReleaseRequestID, Approve: true})
		require.NoError(s, err)
		request, err := s.owner.Requests.Get(ctx, service.ReleaseRequestID)
		require.NoError(s, err)
		require.Equal(s, alipayplus.RequestApproved, request.Status)
		s.shows(s.owner, "requests/"+service.ReleaseRequestID, "Approved")
	})
	s.sentence("Go back to Service Management > Services. Now your service is updated to Online.", func(s *served) {
		online, err := s.owner.Services.Get(ctx, service.ID)
		require.NoError(s, err)
		require.Equal(s, alipayplus.ServiceOnline, online.Status)
		s.shows(s.owner, "services", "Tea shop in a week", "Online")
	})
	s.sentence("Online means the service is released to Service Market: ISVs expand their business.", func(s *served) {
		offered, err := merchant.Market.Get(ctx, service.ID)
		require.NoError(s, err)
		require.Equal(s, offer, offered.ServiceDescription)
		require.Equal(s, signedUp(), offered.Company)
		s.shows(merchant, "market", "Tea shop in a week")
	})
	s.sentence("It is available for merchants to order.", func(s *served) {
		require.NotEqual(s, s.workspace, merchantOf)
		program, err := merchant.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en-US", Name: "Red Hill Coffee"}}})
		require.NoError(s, err)
		order, err := merchant.Orders.Place(ctx, alipayplus.PlaceOrderInput{ServiceID: service.ID, ProgramID: program.ID})
		require.NoError(s, err)
		require.Equal(s, alipayplus.OrderNew, order.Status)
		s.shows(s.owner, "orders", order.ID, "New Order")
	})
}

// requests are the ids of those that a filter chooses, in order.
func (s *served) requests(in alipayplus.ListRequestsInput) (ids []string) {
	s.Helper()
	for r, err := range s.owner.Requests.All(s.Context(), in) {
		require.NoError(s, err)
		ids = append(ids, r.ID)
	}
	return ids
}

func TestTheDocumentReleaseMiniPrograms(t *testing.T) {
	unproven(t, map[string]string{
		"This topic guides you through releasing mini programs to AlipayCN (Alipay China).":                     "it is about the document",
		"To learn the overall process of releasing a mini program to AlipayCN, refer to the following diagram:": "it is about a picture of the document; the steps below are its content",
		"For the detailed steps, check below:":                                                                  "it introduces the steps below",
		"To release a mini program to AlipayCN, follow the steps below:":                                        "it introduces the steps below",
		"To complete authorization, follow the guidelines to log in to AlipayCN first.":                         "the login is AlipayCN's own; tools/browser goes through the stand-in's",
	})
	s := serveDocuments(t)
	ctx := t.Context()
	one := alipayplus.VersionNumber{Major: 1}
	var program *alipayplus.Program
	var release *alipayplus.Release
	var authorization *alipayplus.Authorization
	at := func() string { return "programs/" + program.ID }
	selectApp := func(s *served, version alipayplus.VersionNumber) (*alipayplus.Release, error) {
		return s.owner.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: alipayplus.TargetAlipayCN})
	}

	s.sentence("In a workspace, the owner, masters, and developers have permission to proceed with the release process.", func(s *served) {
		for _, role := range []alipayplus.Role{alipayplus.RoleOwner, alipayplus.RoleMaster, alipayplus.RoleDeveloper} {
			who := s.member(s.workspace, strings.ToLower(string(role)), role)
			of, err := who.Workspace.Get(ctx)
			require.NoError(s, err)
			require.True(s, of.PermissionPolicy.Can(of.Role, alipayplus.ActionRelease, false))
			_, err = who.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: "rel_none", BasicInfo: new(signedUp())})
			require.ErrorIs(s, err, alipayplus.ErrNotFound, "allowed, but there is none yet")
		}
		_, err := s.reviewers[alipayplus.PartyAlipayCN].Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: "rel_none", BasicInfo: new(signedUp())})
		require.ErrorIs(s, err, alipayplus.ErrPermission)
	})
	s.sentence("You can release your mini program to AlipayCN or other Alipay+ partner apps.", func(s *served) {
		of, err := s.owner.Workspace.Get(ctx)
		require.NoError(s, err)
		require.NotNil(s, of.Target(alipayplus.TargetAlipayCN))
		require.NotNil(s, of.Target(lakeWallet))
	})
	s.sentence("Go to the Versions tab, choose a target version, and click Select App.", func(s *served) {
		var err error
		program, err = s.owner.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en-US", Name: "Blue Lake Tea"}}})
		require.NoError(s, err)
		s.version(program.ID, one)
		s.shows(s.owner, at(), "Versions", "1.0.0", "Select App", "AlipayCN", "LAKE_WALLET")
	})
	s.sentence("Choose AlipayCN as the target app. You might see an indicator guiding you to add languages first.", func(s *served) {
		_, err := selectApp(s, one)
		require.ErrorIs(s, err, alipayplus.ErrInvalid)
		require.ErrorContains(s, err, "zh-CN")
		s.shows(s.owner, at(), "Languages that are missing", "AlipayCN", "zh-CN")
	})
	s.sentence("Click add languages to finish the language setting.", func(s *served) {
		s.shows(s.owner, at(), "Add a language")
		_, err := s.owner.Programs.AddLanguages(ctx, alipayplus.AddLanguagesInput{ProgramID: program.ID, Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}})
		require.NoError(s, err)
	})
	s.sentence("A pop-up window might appear indicating that you need to authorize the platform to call AlipayCN's APIs.", func(s *served) {
		_, err := selectApp(s, one)
		require.ErrorIs(s, err, alipayplus.ErrAuthorizationRequired)
	})
	s.sentence("To proceed, click Continue and you're navigated to the AlipayCN website.", func(s *served) {
		var err error
		authorization, err = s.owner.Authorizations.Begin(ctx, alipayplus.BeginAuthorizationInput{ProgramID: program.ID, TargetApp: alipayplus.TargetAlipayCN})
		require.NoError(s, err)
		require.Equal(s, alipayplus.AuthorizationPending, authorization.Status)
		require.Contains(s, authorization.URL, "ALIPAY_CN")
	})
	s.sentence("Navigate to the Development Configuration tab and go to the authorization page while keeping logged in to AlipayCN.", func(s *served) {
		s.shows(s.owner, at(), "Authorization", "AlipayCN", "Open the page that authorizes")
	})
	s.sentence("On the authorization page, select the mini program you want to authorize and click 确认选择.", func(s *served) {
		require.Contains(s, s.visit(authorization.URL, ""), "确认选择")
		require.Contains(s, s.visit(authorization.URL, "select"), "确认授权")
	})
	s.sentence("Click 确认授权 to finish the authorization.", func(s *served) {
		require.Contains(s, s.visit(authorization.URL, "confirm"), "The authorization is complete.")
	})
	s.sentence("Then go back to the platform and confirm whether the authorization is completed.", func(s *served) {
		s.shows(s.owner, at(), "AlipayCN", "Authorized")
		given, err := s.owner.Authorizations.Get(ctx, alipayplus.AuthorizationInput{ProgramID: program.ID, TargetApp: alipayplus.TargetAlipayCN})
		require.NoError(s, err)
		require.Equal(s, alipayplus.AuthorizationGranted, given.Status)
	})
	s.sentence("Then navigate back to the Versions tab to select the app again and click Confirm: a new version is created.", func(s *served) {
		var err error
		release, err = selectApp(s, one)
		require.NoError(s, err)
		require.Equal(s, alipayplus.ReleaseNewVersionCreated, release.Status)
		s.shows(s.owner, "releases/"+release.ID, "New version created")
	})
	s.sentence("For the same mini program, you can release up to 20 versions to AlipayCN when no version reaches Under Review.", func(s *served) {
		for patch := int32(1); patch < 20; patch++ {
			version := alipayplus.VersionNumber{Major: 1, Patch: patch}
			s.version(program.ID, version)
			_, err := selectApp(s, version)
			require.NoError(s, err, "version %d", patch+1)
		}
		last := alipayplus.VersionNumber{Major: 1, Patch: 20}
		s.version(program.ID, last)
		_, err := selectApp(s, last)
		var limit *alipayplus.LimitError
		require.ErrorAs(s, err, &limit)
		require.Equal(s, 20, limit.Limit)
	})
	s.sentence("Currently, you can release up to 10 mini programs to AlipayCN.", func(s *served) {
		for n := 2; n <= 11; n++ {
			another, err := s.owner.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: fmt.Sprintf("茶 %d", n)}}})
			require.NoError(s, err)
			require.NoError(s, s.p.GrantAuthorization(ctx, s.workspace, another.ID, alipayplus.TargetAlipayCN))
			s.version(another.ID, one)
			_, err = s.owner.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: another.ID, Version: one, TargetApp: alipayplus.TargetAlipayCN})
			if n <= 10 {
				require.NoError(s, err, "mini program %d", n)
				continue
			}
			var limit *alipayplus.LimitError
			require.ErrorAs(s, err, &limit)
			require.Equal(s, 10, limit.Limit)
		}
	})
	s.sentence("On the Release tab, click Apply to release.", func(s *served) {
		s.shows(s.owner, "releases/"+release.ID, "Apply to release")
	})
	s.sentence("You can also click View Configuration to check and modify the configurations.", func(s *served) {
		s.shows(s.owner, "releases/"+release.ID, "Configuration")
		changed, err := s.owner.Releases.UpdateConfiguration(ctx, alipayplus.UpdateReleaseConfigurationInput{
			ReleaseID: release.ID, Configuration: alipayplus.Configuration{ServerDomains: []string{"api.bluelake.example"}},
		})
		require.NoError(s, err)
		require.Equal(s, []string{"api.bluelake.example"}, changed.Configuration.ServerDomains)
	})
	s.sentence("Confirm your basic information: the business registration you submit during the merchant onboarding process.", func(s *served) {
		require.Equal(s, new(signedUp()), release.BasicInfo)
		s.shows(s.owner, "releases/"+release.ID, "Confirm or update the basic information", "Company name", "Registration number")
	})
	s.sentence("You can update the information. Then click Apply to submit the release request to Alipay+ and AlipayCN for review.", func(s *served) {
		newest := signedUp()
		newest.Address = "2 Lake Road, Singapore"
		applied, err := s.owner.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: release.ID, BasicInfo: &newest})
		require.NoError(s, err)
		require.Equal(s, alipayplus.ReleaseUnderReview, applied.Status)
		require.Equal(s, &newest, applied.BasicInfo)
		release = applied
		for _, reviewer := range s.reviewers {
			waiting, err := reviewer.Reviews.List(ctx, alipayplus.ListReviewsInput{})
			require.NoError(s, err)
			require.Len(s, waiting.Items, 1)
			require.Equal(s, release.ReleaseRequestID, waiting.Items[0].ID)
		}
	})
	s.sentence("Note: If you modify the basic information, Alipay+ and AlipayCN will review it during the release review process.", func(s *served) {
		for _, reviewer := range s.reviewers {
			shown, err := reviewer.Reviews.Get(ctx, release.ReleaseRequestID)
			require.NoError(s, err)
			require.True(s, shown.BasicInfoChanged)
			s.shows(reviewer, "reviews/"+release.ReleaseRequestID, "1 Lake Road", "2 Lake Road")
		}
	})
	s.sentence("After the approval of Alipay+ and AlipayCN, you can proceed to the release preparation.", func(s *served) {
		s.decide(alipayplus.PartyAlipayPlus, release)
		require.Equal(s, alipayplus.ReleaseUnderReview, s.read(release).Status, "one of them is not enough")
		s.decide(alipayplus.PartyAlipayCN, release)
		require.Equal(s, alipayplus.ReleasePreparation, s.read(release).Status)
	})
	s.sentence("After the request is approved, you can choose the release type based on your needs: Grayscale Release or Final Release.", func(s *served) {
		s.shows(s.owner, "releases/"+release.ID, "Grayscale release", "Final release")
	})
	s.sentence("The grayscale ratio ranges from 1%-100%, with seven options to choose from.", func(s *served) {
		ratios := s.read(release).Grayscale.Ladder.Ratios()
		require.Len(s, ratios, 7)
		require.Equal(s, alipayplus.Ratio(1), ratios[0])
		require.Equal(s, alipayplus.Ratio(100), ratios[6])
	})
	s.sentence("Choose any ratio within the range. For example, select 1% and click Submit.", func(s *served) {
		begun, err := s.owner.Releases.StartGrayscale(ctx, s.read(release).GrayscaleTo(1))
		require.NoError(s, err)
		require.Equal(s, alipayplus.ReleaseGrayscale, begun.Status)
		require.Equal(s, alipayplus.Ratio(1), begun.Grayscale.Ratio)
	})
	s.sentence("At the initial grayscale, you can detect problems and make adjustments.", func(s *served) {
		history, err := s.owner.Releases.History(ctx, alipayplus.ListHistoryInput{ReleaseID: release.ID})
		require.NoError(s, err)
		require.Equal(s, alipayplus.Ratio(1), history.Items[len(history.Items)-1].ToRatio, "it stays at 1% until somebody goes on")
		s.shows(s.owner, "releases/"+release.ID, "Cancel the release")
	})
	s.sentence("If everything goes well, you can gradually increase the ratio to 100% to fully release the mini program.", func(s *served) {
		for _, ratio := range s.read(release).Grayscale.Ladder.Ratios()[1:] {
			raised, err := s.owner.Releases.Raise(ctx, s.read(release).GrayscaleTo(ratio))
			require.NoError(s, err)
			require.Equal(s, ratio, raised.Grayscale.Ratio)
		}
	})
	s.sentence("Then the whole release process is completed.", func(s *served) {
		require.Equal(s, alipayplus.ReleaseFull, s.read(release).Status)
		s.shows(s.owner, "releases/"+release.ID, "Full release")
	})
	s.sentence("If the mini program is ready to run online, select the release type as Final Release to fully release it.", func(s *served) {
		next, err := s.owner.Releases.List(ctx, alipayplus.ListReleasesInput{ProgramID: program.ID, Status: alipayplus.ReleaseNewVersionCreated})
		require.NoError(s, err)
		applied, err := s.owner.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: next.Items[0].ID, BasicInfo: new(signedUp())})
		require.NoError(s, err)
		s.decide(alipayplus.PartyAlipayPlus, applied)
		s.decide(alipayplus.PartyAlipayCN, applied)
		full, err := s.owner.Releases.Finalize(ctx, alipayplus.FinalizeInput{ReleaseID: applied.ID})
		require.NoError(s, err)
		require.Equal(s, alipayplus.ReleaseFull, full.Status)
	})
	s.sentence("Next steps: Generate QR codes.", func(s *served) {
		s.shows(s.owner, at(), "Generate QR code")
		code, err := s.owner.QRCodes.Create(ctx, alipayplus.CreateQRCodeInput{AppID: program.ID})
		require.NoError(s, err)
		require.NotEmpty(s, code)
	})
	s.sentence("Next steps: Release services.", func(s *served) { s.shows(s.owner, at(), "Service Management", "Services") })
	s.sentence("You can release your mini program to other Alipay+ partner apps.", func(s *served) {
		released, err := s.owner.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: one, TargetApp: lakeWallet})
		require.NoError(s, err)
		require.Equal(s, alipayplus.ReleaseNewVersionCreated, released.Status)
	})
}

func (s *served) version(program string, number alipayplus.VersionNumber) {
	s.Helper()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	_, err := z.Create("app.json")
	require.NoError(s, err)
	require.NoError(s, z.Close())
	build := archive.Bytes()
	_, err = s.owner.Programs.UploadVersion(s.Context(), alipayplus.UploadVersionInput{
		ProgramID: program, Version: number, Package: bytes.NewReader(build), Size: int64(len(build)),
	})
	require.NoError(s, err)
}

func (s *served) decide(party alipayplus.Party, release *alipayplus.Release) {
	s.Helper()
	_, err := s.reviewers[party].Reviews.Decide(s.Context(), alipayplus.DecideInput{ID: release.ReleaseRequestID, Approve: true})
	require.NoError(s, err)
}

func (s *served) read(release *alipayplus.Release) *alipayplus.Release {
	s.Helper()
	r, err := s.owner.Releases.Get(s.Context(), release.ID)
	require.NoError(s, err)
	return r
}

// visit opens the page of an authorization or, with a step, presses the button of that step, and returns what
// is shown.
func (s *served) visit(page, step string) string {
	s.Helper()
	address, err := url.Parse(page)
	require.NoError(s, err)
	form := address.Query()
	method, body := http.MethodGet, io.Reader(nil)
	if step != "" {
		form.Set("step", step)
		address.RawQuery = ""
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(s.Context()), method, address.String(), body)
	require.NoError(s, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s, err)
	shown, err := io.ReadAll(resp.Body)
	require.NoError(s, err)
	require.NoError(s, resp.Body.Close())
	require.Equal(s, http.StatusOK, resp.StatusCode, "%s", shown)
	return string(shown)
}
