package platform_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
)

func requestIDs(page *alipayplus.Page[alipayplus.Request]) []string {
	return ids(page.Items, func(r *alipayplus.Request) string { return r.ID })
}

// TestMyRequests is the tab of "Release services", Service released.
func TestMyRequests(t *testing.T) {
	sentence(t, "Under the My Requests tab, you can filter all requests by request title or status release.", func(w *fixture) {
		approved := w.submitted().ReleaseRequestID
		w.approve()
		rejected := w.submitted().ReleaseRequestID
		w.decide(alipayplus.PartyAlipayPlus, "too short")
		program := w.authorizedProgram()
		withdrawn := w.underReview(program.ID, "1.0.0")
		w.withdraw(withdrawn)
		waiting := w.underReview(program.ID, "1.0.1").ReleaseRequestID

		for name, tt := range map[string]struct {
			in   alipayplus.ListRequestsInput
			want []string
		}{
			"none":                           {alipayplus.ListRequestsInput{}, []string{waiting, withdrawn.ReleaseRequestID, rejected, approved}},
			"status UNDER_REVIEW":            {alipayplus.ListRequestsInput{Status: alipayplus.RequestUnderReview}, []string{waiting}},
			"status APPROVED":                {alipayplus.ListRequestsInput{Status: alipayplus.RequestApproved}, []string{approved}},
			"status REJECTED":                {alipayplus.ListRequestsInput{Status: alipayplus.RequestRejected}, []string{rejected}},
			"status WITHDRAWN":               {alipayplus.ListRequestsInput{Status: alipayplus.RequestWithdrawn}, []string{withdrawn.ReleaseRequestID}},
			"status not known":               {alipayplus.ListRequestsInput{Status: "ESCALATED"}, []string{}},
			"category service":               {alipayplus.ListRequestsInput{Category: alipayplus.CategoryServiceRelease}, []string{rejected, approved}},
			"category mini program":          {alipayplus.ListRequestsInput{Category: alipayplus.CategoryProgramRelease}, []string{waiting, withdrawn.ReleaseRequestID}},
			"title":                          {alipayplus.ListRequestsInput{Title: "Tea shop"}, []string{rejected, approved}},
			"title in other letters":         {alipayplus.ListRequestsInput{Title: "tEA SHOP"}, []string{rejected, approved}},
			"title in Chinese":               {alipayplus.ListRequestsInput{Title: "蓝湖"}, []string{waiting, withdrawn.ReleaseRequestID}},
			"title with signs of a pattern":  {alipayplus.ListRequestsInput{Title: "1.0.*"}, []string{}},
			"title, status":                  {alipayplus.ListRequestsInput{Title: "tea", Status: alipayplus.RequestApproved}, []string{approved}},
			"status, category":               {alipayplus.ListRequestsInput{Status: alipayplus.RequestApproved, Category: alipayplus.CategoryProgramRelease}, []string{}},
			"title, status, category":        {alipayplus.ListRequestsInput{Title: "1.0.1", Status: alipayplus.RequestUnderReview, Category: alipayplus.CategoryProgramRelease}, []string{waiting}},
			"title, oldest first":            {alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Order: alipayplus.OldestFirst}, Title: "tea"}, []string{approved, rejected}},
			"category, status, newest first": {alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Order: alipayplus.NewestFirst}, Category: alipayplus.CategoryServiceRelease, Status: alipayplus.RequestRejected}, []string{rejected}},
		} {
			page, err := w.owner.Requests.List(w.Context(), tt.in)
			require.NoError(w, err)
			require.Equal(w, tt.want, requestIDs(page), name)
			require.Empty(w, page.NextCursor, name)
		}
	})
	sentence(t, "You can also sort all requests by date.", func(w *fixture) {
		first := w.submitted().ReleaseRequestID
		time.Sleep(time.Hour)
		second := w.submitted().ReleaseRequestID
		sameInstant := w.submitted().ReleaseRequestID
		for order, want := range map[alipayplus.SortOrder][]string{
			"":                     {sameInstant, second, first},
			alipayplus.NewestFirst: {sameInstant, second, first},
			alipayplus.OldestFirst: {first, second, sameInstant},
		} {
			page, err := w.owner.Requests.List(w.Context(), alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Order: order}})
			require.NoError(w, err)
			require.Equal(w, want, requestIDs(page), "order %q", order)
		}
	})
	sentence(t, "Then click on a specific request to view more details.", func(w *fixture) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		w.decide(alipayplus.PartyAlipayCN, "no privacy policy")
		got := w.request(r.ReleaseRequestID)
		require.Equal(w, "Release 蓝湖茶 1.0.0 to ALIPAY_CN", got.Title)
		require.Equal(w, "no privacy policy", got.Reviews[1].Reason)
		require.Equal(w, r.ID, got.ReleaseID)
	})
}

// TestARequestIsKeptForGood: a requestId may be used again once it is forgotten;
// what it was about is not.
func TestARequestIsKeptForGood(t *testing.T) {
	withFixture(t, func(w *fixture) {
		r := w.release(w.authorizedProgram().ID, "1.0.0")
		apply := func() *alipayplus.Release {
			r, err := w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company()), RequestID: "apply"})
			require.NoError(w, err)
			return r
		}
		first := apply().ReleaseRequestID
		w.decide(alipayplus.PartyAlipayCN, "no privacy policy")
		time.Sleep(25 * time.Hour)
		second := apply().ReleaseRequestID
		require.NotEqual(w, first, second)
		require.Equal(w, "no privacy policy", w.request(first).Reviews[1].Reason)
		require.Len(w, gather(w, w.owner.Requests.All(w.Context(), alipayplus.ListRequestsInput{})), 2)
	})
}

func TestPagesLeadToEveryRequestOnceInBothOrders(t *testing.T) {
	withFixture(t, func(w *fixture) {
		var oldest []string
		for range 5 {
			oldest = append(oldest, w.submitted().ReleaseRequestID)
		}
		newest := make([]string, 5)
		for i, id := range oldest {
			newest[4-i] = id
		}
		for _, limit := range []int{1, 2, 3, 5, 100} {
			for order, want := range map[alipayplus.SortOrder][]string{alipayplus.NewestFirst: newest, alipayplus.OldestFirst: oldest} {
				in := alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Limit: limit, Order: order}}
				var got []string
				for pages := 1; ; pages++ {
					page, err := w.owner.Requests.List(w.Context(), in)
					require.NoError(w, err)
					require.LessOrEqual(w, len(page.Items), limit)
					got = append(got, requestIDs(page)...)
					if page.NextCursor == "" {
						require.Equal(w, (5+limit-1)/limit, pages, "no empty last page")
						break
					}
					in.Cursor = page.NextCursor
				}
				require.Equal(w, want, got, "limit %d, order %s", limit, order)
			}
		}
	})
}

func TestRequestsAreListedByApplicant(t *testing.T) {
	withFixture(t, func(w *fixture) {
		olgas := w.submitted().ReleaseRequestID
		r := w.release(w.authorizedProgram().ID, "1.0.0")
		maxims, err := w.member("max", alipayplus.RoleMaster).Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())})
		require.NoError(w, err)
		for applicant, want := range map[string][]string{
			"olga": {olgas}, "max": {maxims.ReleaseRequestID}, "Olga": {}, "dan": {}, "": {maxims.ReleaseRequestID, olgas},
		} {
			page, err := w.owner.Requests.List(w.Context(), alipayplus.ListRequestsInput{Applicant: applicant})
			require.NoError(w, err)
			require.Equal(w, want, requestIDs(page), applicant)
		}
		page, err := w.owner.Requests.List(w.Context(), alipayplus.ListRequestsInput{Applicant: "max", Category: alipayplus.CategoryServiceRelease})
		require.NoError(w, err)
		require.Empty(w, page.Items)
		page, err = w.owner.Requests.List(w.Context(), alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Limit: 1}})
		require.NoError(w, err)
		_, err = w.owner.Requests.List(w.Context(), alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Cursor: page.NextCursor}, Applicant: "max"})
		require.ErrorIs(w, err, alipayplus.ErrInvalid, "a cursor belongs to its filter")
	})
}

func TestWhatArrivesBetweenTwoPagesShiftsNothing(t *testing.T) {
	withFixture(t, func(w *fixture) {
		first, second, third := w.submitted(), w.submitted(), w.submitted()
		in := alipayplus.ListRequestsInput{ListOptions: alipayplus.ListOptions{Limit: 2}}
		page, err := w.owner.Requests.List(w.Context(), in)
		require.NoError(w, err)
		require.Equal(w, []string{third.ReleaseRequestID, second.ReleaseRequestID}, requestIDs(page))

		w.submitted()
		_, err = w.owner.Services.Withdraw(w.Context(), alipayplus.ServiceInput{ServiceID: second.ID})
		require.NoError(w, err)
		in.Cursor = page.NextCursor
		page, err = w.owner.Requests.List(w.Context(), in)
		require.NoError(w, err)
		require.Equal(w, []string{first.ReleaseRequestID}, requestIDs(page))
		require.Empty(w, page.NextCursor)
	})
}

func TestThePlatformChoosesTwentyForAPage(t *testing.T) {
	withFixture(t, func(w *fixture) {
		for range 21 {
			w.draft()
		}
		page, err := w.owner.Services.List(w.Context(), alipayplus.ListServicesInput{})
		require.NoError(w, err)
		require.Len(w, page.Items, 20)
		require.NotEmpty(w, page.NextCursor)
		page, err = w.owner.Services.List(w.Context(), alipayplus.ListServicesInput{ListOptions: alipayplus.ListOptions{Cursor: page.NextCursor}})
		require.NoError(w, err)
		require.Len(w, page.Items, 1)
		require.Empty(w, page.NextCursor)
	})
}

func TestACursorBelongsToOneList(t *testing.T) {
	withFixture(t, func(w *fixture) {
		for range 2 {
			w.submitted()
		}
		other := w.neighbour()
		for range 2 {
			other.submitted()
		}
		one := alipayplus.ListOptions{Limit: 1}
		page, err := w.owner.Requests.List(w.Context(), alipayplus.ListRequestsInput{ListOptions: one})
		require.NoError(w, err)
		good := page.NextCursor
		theirs, err := other.owner.Requests.List(w.Context(), alipayplus.ListRequestsInput{ListOptions: one})
		require.NoError(w, err)
		services, err := w.owner.Services.List(w.Context(), alipayplus.ListServicesInput{ListOptions: one})
		require.NoError(w, err)
		filtered, err := w.owner.Requests.List(w.Context(), alipayplus.ListRequestsInput{ListOptions: one, Title: "tea"})
		require.NoError(w, err)

		for name, in := range map[string]alipayplus.ListRequestsInput{
			"no base64":                   {ListOptions: alipayplus.ListOptions{Cursor: "%%%"}},
			"base64 of no JSON":           {ListOptions: alipayplus.ListOptions{Cursor: base64.RawURLEncoding.EncodeToString([]byte("nonsense"))}},
			"JSON of something else":      {ListOptions: alipayplus.ListOptions{Cursor: base64.RawURLEncoding.EncodeToString([]byte(`{"a":7}`))}},
			"cut off":                     {ListOptions: alipayplus.ListOptions{Cursor: good[:len(good)-4]}},
			"of the other order":          {ListOptions: alipayplus.ListOptions{Cursor: good, Order: alipayplus.OldestFirst}},
			"of the list without filter":  {ListOptions: alipayplus.ListOptions{Cursor: good}, Title: "tea"},
			"without the status":          {ListOptions: alipayplus.ListOptions{Cursor: good}, Status: alipayplus.RequestUnderReview},
			"of another title":            {ListOptions: alipayplus.ListOptions{Cursor: filtered.NextCursor}, Title: "coffee"},
			"of a filtered list":          {ListOptions: alipayplus.ListOptions{Cursor: filtered.NextCursor}},
			"of another workspace's list": {ListOptions: alipayplus.ListOptions{Cursor: theirs.NextCursor}},
			"of the list of services":     {ListOptions: alipayplus.ListOptions{Cursor: services.NextCursor}},
		} {
			_, err := w.owner.Requests.List(w.Context(), in)
			require.ErrorIs(w, err, alipayplus.ErrInvalid, name)
			require.ErrorContains(w, err, "cursor does not belong to this list; begin without a cursor", name)
		}
		for _, in := range []alipayplus.ListRequestsInput{
			{ListOptions: alipayplus.ListOptions{Cursor: good}},
			{ListOptions: alipayplus.ListOptions{Cursor: good, Order: alipayplus.NewestFirst, Limit: 50}},
			{ListOptions: alipayplus.ListOptions{Cursor: filtered.NextCursor}, Title: "TEA"},
		} {
			page, err := w.owner.Requests.List(w.Context(), in)
			require.NoError(w, err, "the same list in another size or writing")
			require.Len(w, page.Items, 1)
		}
	})
}

func TestTheOptionsOfAListAreChecked(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		for _, op := range []contract.Operation{contract.RequestList, contract.ServiceList, contract.ReleaseList, contract.ProgramList, contract.VersionList} {
			got := h.call(op, `{"limit":101,"order":"UP","cursor":"`+strings.Repeat("x", 1025)+`","programId":"1"}`)
			require.Equal(w, []alipayplus.FieldError{
				{Path: "limit", Message: "must be at most 100"},
				{Path: "cursor", Message: "must have at most 1024 characters"},
				{Path: "order", Message: "must be one of ASC, DESC"},
			}, got.Details.Fields, op.Name)
			got = h.call(op, `{"limit":-1,"programId":"1"}`)
			require.Equal(w, []alipayplus.FieldError{{Path: "limit", Message: "must be at least 0"}}, got.Details.Fields, op.Name)
		}
	})
}
