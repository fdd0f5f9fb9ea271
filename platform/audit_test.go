package platform_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// auditLine is the log with the minute since the beginning instead of the time.
type auditLine struct {
	minute                                       int
	who, kind, id, from, to, note, idempotencyID string
}

func (w *fixture) auditLines(since time.Time) []auditLine {
	w.Helper()
	var all []auditLine
	for _, e := range w.auditLog() {
		require.Equal(w, time.UTC, e.At.Location())
		all = append(all, auditLine{int(e.At.Sub(since) / time.Minute), e.Who, e.Kind, e.ID, e.From, e.To, e.Note, e.RequestID})
	}
	return all
}

// TestTheLogSaysWhoChangedWhatWhenFromWhatToWhatAndInWhichCall goes through the
// life of a mini program and a service, one step a minute.
func TestTheLogSaysWhoChangedWhatWhenFromWhatToWhatAndInWhichCall(t *testing.T) {
	withFixture(t, func(w *fixture) {
		began := time.Now()
		maxim := w.member("max", alipayplus.RoleMaster)
		plus := w.reviewer(alipayplus.PartyAlipayPlus)
		calls := 0
		call := func(c *alipayplus.Client, op contract.Operation, in any) any {
			out, err := do(w.Context(), c, op, withRequestID(in, fmt.Sprintf("call-%d", calls)))
			require.NoError(w, err)
			calls++
			time.Sleep(time.Minute)
			return out
		}
		byHand := func(got rawAnswer) rawAnswer {
			require.Equal(w, alipayplus.CodeSuccess, got.Result.Code)
			calls++
			time.Sleep(time.Minute)
			return got
		}
		apply := func(r *alipayplus.Release) *alipayplus.Release {
			return call(w.owner, contract.ReleaseApply, stepOf(contract.ReleaseApply, r, 0)).(*alipayplus.Release)
		}
		program := call(w.owner, contract.ProgramCreate, alipayplus.CreateProgramInput{Languages: chinese()}).(*alipayplus.Program)
		call(maxim, contract.ProgramConfigure, alipayplus.UpdateProgramConfigurationInput{ProgramID: program.ID})
		version := alipayplus.VersionNumber{Major: 1}
		fileID := string(byHand(w.rawClient("max").uploadFile("application/zip", zipPackage(w, "1"))).Data)[len(`{"id":"`):][:64]
		byHand(w.rawClient("max").call(contract.VersionUpload, alipayplus.RegisterVersionInput{ProgramID: program.ID, Version: version, FileID: fileID, RequestID: "call-3"}))
		a := call(w.owner, contract.AuthorizationBegin, alipayplus.BeginAuthorizationInput{ProgramID: program.ID, TargetApp: cn}).(*alipayplus.Authorization)
		visit(w.Context(), w, w.p.HTTPClient(), a.URL)
		calls++
		time.Sleep(time.Minute)
		r := call(w.owner, contract.ReleaseCreate, alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: cn}).(*alipayplus.Release)
		call(maxim, contract.ReleaseConfigure, alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID})
		first := apply(r)
		call(maxim, contract.ReleaseWithdraw, alipayplus.ReleaseInput{ReleaseID: r.ID})
		second := apply(r)
		call(plus, contract.ReviewDecide, alipayplus.DecideInput{ID: second.ReleaseRequestID, Reason: "no icon"})
		third := apply(r)
		w.decide(alipayplus.PartyAlipayCN, "")
		calls++
		time.Sleep(time.Minute)
		call(plus, contract.ReviewDecide, alipayplus.DecideInput{ID: third.ReleaseRequestID, Approve: true})
		call(maxim, contract.ReleaseRaise, alipayplus.GrayscaleInput{ReleaseID: r.ID, Ratio: 1})
		call(w.owner, contract.ReleaseRaise, alipayplus.GrayscaleInput{ReleaseID: r.ID, From: 1, Ratio: 30})
		call(w.owner, contract.ReleaseRaise, alipayplus.GrayscaleInput{ReleaseID: r.ID, From: 30, Ratio: 100})
		require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program.ID, cn))

		const created, review, preparation = "NEW_VERSION_CREATED", "UNDER_REVIEW", "RELEASE_PREPARATION"
		want := []auditLine{
			{0, "olga", "mini program", program.ID, "", "CREATED", "", "call-0"},
			{1, "max", "mini program", program.ID, "CREATED", "CREATED", "configuration changed", "call-1"},
			{2, "max", "file", fileID, "", "UPLOADED", "", ""},
			{3, "max", "mini program", program.ID, "CREATED", "CREATED", "version 1.0.0 uploaded", "call-3"},
			{4, "olga", "authorization", program.ID, "NOT_AUTHORIZED", "PENDING", "", "call-4"},
			{5, "ALIPAY_CN", "authorization", program.ID, "PENDING", "AUTHORIZED", "", ""},
			{6, "olga", "release", r.ID, "", created, "", "call-6"},
			{7, "max", "release", r.ID, created, created, "configuration changed", "call-7"},
			{8, "olga", "request", first.ReleaseRequestID, "", review, "", "call-8"},
			{8, "olga", "release", r.ID, created, review, "", "call-8"},
			{9, "max", "request", first.ReleaseRequestID, review, "WITHDRAWN", "", "call-9"},
			{9, "max", "release", r.ID, review, created, "withdrawn", "call-9"},
			{10, "olga", "request", second.ReleaseRequestID, "", review, "", "call-10"},
			{10, "olga", "release", r.ID, created, review, "", "call-10"},
			{11, "ALIPAY_PLUS", "request", second.ReleaseRequestID, review, "REJECTED", "ALIPAY_PLUS REJECTED", "call-11"},
			{11, "ALIPAY_PLUS", "release", r.ID, review, created, "", "call-11"},
			{12, "olga", "request", third.ReleaseRequestID, "", review, "", "call-12"},
			{12, "olga", "release", r.ID, created, review, "", "call-12"},
			{13, "ALIPAY_CN", "request", third.ReleaseRequestID, review, review, "ALIPAY_CN APPROVED", ""},
			{14, "ALIPAY_PLUS", "request", third.ReleaseRequestID, review, "APPROVED", "ALIPAY_PLUS APPROVED", "call-14"},
			{14, "ALIPAY_PLUS", "release", r.ID, review, preparation, "", "call-14"},
			{15, "max", "release", r.ID, preparation, "GRAYSCALE_RELEASE 1%", "", "call-15"},
			{16, "olga", "release", r.ID, "GRAYSCALE_RELEASE 1%", "GRAYSCALE_RELEASE 30%", "", "call-16"},
			{17, "olga", "release", r.ID, "GRAYSCALE_RELEASE 30%", "FULL_RELEASE", "", "call-17"},
			{18, "ALIPAY_CN", "authorization", program.ID, "AUTHORIZED", "REVOKED", "", ""},
		}
		require.Equal(w, want, w.auditLines(began))
		require.Empty(w, w.neighbour().auditLog())
	})
}

func TestTheLogTellsOfServicesArchivesAndCancellations(t *testing.T) {
	withFixture(t, func(w *fixture) {
		offer := w.offer()
		program := w.authorizedProgram()
		former, next := w.full(program.ID, "1.0.0"), w.prepared(program.ID, "2.0.0")
		canceled := w.prepared(w.authorizedProgram().ID, "1.0.0")
		before, began, calls := len(w.auditLog()), time.Now(), 0
		call := func(op contract.Operation, in any) any {
			out, err := do(w.Context(), w.owner, op, withRequestID(in, fmt.Sprintf("call-%d", calls)))
			require.NoError(w, err)
			calls++
			return out
		}
		call(contract.ReleaseFinalize, alipayplus.FinalizeInput{ReleaseID: next.ID})
		call(contract.ReleaseCancel, alipayplus.ReleaseInput{ReleaseID: canceled.ID})
		s := call(contract.ServiceCreate, alipayplus.CreateServiceInput{ServiceDescription: offer}).(*alipayplus.Service)
		call(contract.ServiceUpdate, alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: offer})
		first := call(contract.ServiceSubmit, alipayplus.ServiceInput{ServiceID: s.ID}).(*alipayplus.Service)
		call(contract.ServiceWithdraw, alipayplus.ServiceInput{ServiceID: s.ID})
		second := call(contract.ServiceSubmit, alipayplus.ServiceInput{ServiceID: s.ID}).(*alipayplus.Service)
		w.approve()
		call(contract.ServiceArchive, alipayplus.ServiceInput{ServiceID: s.ID})

		require.Equal(w, []auditLine{
			{0, "olga", "release", former.ID, "FULL_RELEASE", "ARCHIVED", "", "call-0"},
			{0, "olga", "release", next.ID, "RELEASE_PREPARATION", "FULL_RELEASE", "", "call-0"},
			{0, "olga", "release", canceled.ID, "RELEASE_PREPARATION", "CANCELED", "", "call-1"},
			{0, "olga", "service", s.ID, "", "DRAFT", "", "call-2"},
			{0, "olga", "service", s.ID, "DRAFT", "DRAFT", "changed", "call-3"},
			{0, "olga", "request", first.ReleaseRequestID, "", "UNDER_REVIEW", "", "call-4"},
			{0, "olga", "service", s.ID, "DRAFT", "PENDING_REVIEW", "", "call-4"},
			{0, "olga", "request", first.ReleaseRequestID, "UNDER_REVIEW", "WITHDRAWN", "", "call-5"},
			{0, "olga", "service", s.ID, "PENDING_REVIEW", "WITHDRAWN", "", "call-5"},
			{0, "olga", "request", second.ReleaseRequestID, "", "UNDER_REVIEW", "", "call-6"},
			{0, "olga", "service", s.ID, "WITHDRAWN", "PENDING_REVIEW", "", "call-6"},
			{0, "ALIPAY_PLUS", "request", second.ReleaseRequestID, "UNDER_REVIEW", "APPROVED", "ALIPAY_PLUS APPROVED", ""},
			{0, "ALIPAY_PLUS", "service", s.ID, "PENDING_REVIEW", "ONLINE", "", ""},
			{0, "olga", "service", s.ID, "ONLINE", "ARCHIVED", "", "call-7"},
		}, w.auditLines(began)[before:])
	})
}

func TestTheLogIsReadInPiecesAndFromTheBeginningAgain(t *testing.T) {
	withFixture(t, func(w *fixture) {
		const changes = 205 // more than two pieces
		h := w.rawClient("olga")
		in := alipayplus.CreateProgramInput{Languages: chinese()}
		for i := range changes {
			in.RequestID = time.Duration(i).String()
			require.Equal(w, alipayplus.CodeSuccess, h.call(contract.ProgramCreate, in).Result.Code)
		}
		seq := w.p.Audit(w.Context(), w.workspace)
		for range 2 {
			i := 0
			for e, err := range seq {
				require.NoError(w, err)
				if e.Who == "operator" {
					continue
				}
				require.Equal(w, time.Duration(i).String(), e.RequestID, "in the order in which it happened")
				i++
			}
			require.Equal(w, changes, i)
		}
		for e, err := range seq {
			require.NoError(w, err)
			require.Equal(w, "workspace", e.Kind)
			break // stopping early is fine
		}
	})
}

func TestAVerdictThatIsDueIsLoggedAtItsTime(t *testing.T) {
	withFixture(t, func(w *fixture) {
		began := time.Now()
		s := w.submitted()
		time.Sleep(3 * time.Hour)
		program := w.program()
		log := w.auditLines(began)
		require.Equal(w, []auditLine{
			{60, "ALIPAY_PLUS", "request", s.ReleaseRequestID, "UNDER_REVIEW", "APPROVED", "ALIPAY_PLUS APPROVED", ""},
			{60, "ALIPAY_PLUS", "service", s.ID, "PENDING_REVIEW", "ONLINE", "", ""},
		}, log[len(log)-3:len(log)-1])
		require.Equal(w, program.ID, log[len(log)-1].id)
	}, platform.WithAutoReview(approveIn(time.Hour)))
}

// TestTwoPlatformsOnOneStoreLoseNothing, not even in the same instant: so two
// processes may share a store, and one may start anew.
func TestTwoPlatformsOnOneStoreLoseNothing(t *testing.T) {
	store := storage.NewMemory()
	withFixture(t, func(w *fixture) {
		second, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithStore(store))
		require.NoError(w, err)
		for _, name := range []string{"a", "b", "c", "d"} {
			require.NoError(w, second.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: name, Role: alipayplus.RoleMaster}))
		}
		var changed []string
		for e, err := range w.p.Audit(w.Context(), w.workspace) {
			require.NoError(w, err)
			changed = append(changed, e.ID)
		}
		require.ElementsMatch(w, []string{w.workspace, "olga", "a", "b", "c", "d"}, changed)
	}, platform.WithStore(store))
}

// entries are those of the audit log that are about one kind of thing.
func (w *fixture) entries(kind string) []string {
	w.Helper()
	all := []string{}
	for e, err := range w.p.Audit(w.Context(), w.workspace) {
		require.NoError(w, err)
		if e.Kind == kind {
			if e.Who == "operator" {
				require.Empty(w, e.RequestID)
			}
			all = append(all, fmt.Sprintf("%s %s %s: %s to %s", e.At.Format(time.TimeOnly), e.Who, e.ID, e.From, e.To))
		}
	}
	return all
}

// Audit lists what the operator did, and all that time has brought, also when
// nobody has called since.
func TestTheLogIsComplete(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s := w.submitted()
		time.Sleep(10 * time.Minute)
		h := w.rawClient("olga")
		require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: "dan", Role: alipayplus.RoleDeveloper}))
		require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: "dan", Role: alipayplus.RoleMaster}))
		require.NoError(w, w.p.RemoveClient(w.Context(), h.clientID))
		require.NoError(w, w.p.RemoveClient(w.Context(), "never there"))
		time.Sleep(3 * time.Hour)

		require.Equal(w, []string{
			"00:00:00 olga " + s.ID + ":  to DRAFT",
			"00:00:00 olga " + s.ID + ": DRAFT to PENDING_REVIEW",
			"01:00:00 ALIPAY_PLUS " + s.ID + ": PENDING_REVIEW to ONLINE",
		}, w.entries("service"), "as the first thing after three hours")
		require.Equal(w, []string{
			"00:00:00 olga " + s.ReleaseRequestID + ":  to UNDER_REVIEW",
			"01:00:00 ALIPAY_PLUS " + s.ReleaseRequestID + ": UNDER_REVIEW to APPROVED",
		}, w.entries("request"))
		require.Equal(w, []string{"00:00:00 operator " + w.workspace + ":  to CREATED"}, w.entries("workspace"))
		require.Equal(w, []string{
			"00:00:00 operator olga:  to OWNER", "00:10:00 operator dan:  to DEVELOPER", "00:10:00 operator dan: DEVELOPER to MASTER",
		}, w.entries("member"))
		require.Equal(w, []string{
			"00:10:00 operator " + h.clientID + ":  to ADDED", "00:10:00 operator " + h.clientID + ": ADDED to REMOVED",
		}, w.entries("client"), "but not those in process, which nobody can use from outside")
	}, platform.WithAutoReview(approveIn(time.Hour)))
}

func TestTheLogNamesMemberClientIdAndKeyOfEveryChange(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		require.Equal(w, alipayplus.CodeSuccess, h.call(contract.ProgramCreate, newProgram("key", "蓝湖茶")).Result.Code)
		s := w.submitted()
		reviewer := w.rawReviewer(alipayplus.PartyAlipayPlus)
		decided := reviewer.call(contract.ReviewDecide, alipayplus.DecideInput{ID: s.ReleaseRequestID, Reason: "too short", RequestID: "verdict"})
		require.Equal(w, alipayplus.CodeSuccess, decided.Result.Code)
		log := w.auditLog()
		created := log[0]
		require.Equal(w, []string{"olga", "programs.create", "key", h.clientID, "1"}, []string{created.Who, created.Operation, created.RequestID, created.ClientID, created.KeyVersion})
		for _, e := range log[len(log)-2:] { // of the request and of the service
			require.Equal(w, []string{"ALIPAY_PLUS", "reviews.decide", "verdict", reviewer.clientID, "1"}, []string{e.Who, e.Operation, e.RequestID, e.ClientID, e.KeyVersion})
			require.Equal(w, alipayplus.ReviewRejected, e.Verdict)
			require.Equal(w, "too short", e.Reason)
		}
		for _, e := range log {
			require.NotEmpty(w, e.ClientID)
		}

		_, err := w.p.AddKey(w.Context(), h.clientID, testkey.FastClient().Public())
		require.NoError(w, err)
		require.NoError(w, w.p.RemoveKey(w.Context(), h.clientID, "1"))
		w.member("max", alipayplus.RoleMaster, "1", "2")
		second := w.rawClient("max")
		require.NoError(w, w.p.RemoveMember(w.Context(), w.workspace, "max"))
		var changes []string
		for e, err := range w.p.Audit(w.Context(), w.workspace) {
			require.NoError(w, err)
			if e.Who == "operator" && e.Kind != "workspace" {
				changes = append(changes, fmt.Sprintf("%s %s: %s, %s; client %s key %q", e.Kind, e.ID, e.To, e.Note, e.ClientID, e.KeyVersion))
			}
		}
		client := func(h rawClient, what, of, key string) string {
			return fmt.Sprintf("client %s: %s, of %s; client %s key %q", h.clientID, what, of, h.clientID, key)
		}
		require.Equal(w, []string{
			"member olga: OWNER, ; client  key \"\"", client(h, "ADDED", "olga", "1"),
			client(h, "KEY ADDED", "olga", "2"), client(h, "KEY REMOVED", "olga", "1"),
			"member max: MASTER, assigned: 1, 2; client  key \"\"", client(second, "ADDED", "max", "1"),
			client(second, "REMOVED", "max", ""), "member max: REMOVED, ; client  key \"\"",
		}, changes)
	})
}

// TestTheLogRecordsCallsThatWereDenied, reads too, and only once each.
func TestTheLogRecordsCallsThatWereDenied(t *testing.T) {
	withFixture(t, func(w *fixture) {
		w.member("dan", alipayplus.RoleDeveloper)
		dan, reviewer := w.rawClient("dan"), w.rawReviewer(alipayplus.PartyAlipayCN)
		denied := func(workspace string) (all []string) {
			for e, err := range w.p.Audit(w.Context(), workspace) {
				require.NoError(w, err)
				if e.Kind == "call" {
					all = append(all, fmt.Sprintf("%s %s %s %s %s %s: %s", e.Who, e.ClientID, e.KeyVersion, e.ID, e.RequestID, e.To, e.Note))
				}
			}
			return all
		}
		for _, h := range []rawClient{dan, dan, w.rawClient("olga")} { // the second is the first again
			h.call(contract.ProgramCreate, newProgram("key", "蓝湖茶"))
		}
		dan.call(contract.ReviewList, "{}")
		dan.call(contract.ReleaseQuery, `{"releaseId":"rel_x"}`) // is not there, which is no denial
		require.Equal(w, []string{
			"dan " + dan.clientID + " 1 programs.create key DENIED: role DEVELOPER may not CREATE_PROGRAM here; ask OWNER or MASTER",
			"dan " + dan.clientID + " 1 reviews.list  DENIED: only a reviewer may do this; members of a workspace see their requests with Requests",
		}, denied(w.workspace))
		reviewer.call(contract.WorkspaceQuery, "{}")
		require.Equal(w, []string{
			"ALIPAY_CN " + reviewer.clientID + " 1 workspace.get  DENIED: a reviewer has no workspace; use the credentials of a member",
		}, denied(""))
	})
}

func TestAMemberReadsTheHistoryOfARelease(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.authorizedProgram().ID
		began := time.Now()
		minute := func() { time.Sleep(time.Minute) }
		r := w.release(program, "1.0.0")
		minute()
		_, err := w.member("max", alipayplus.RoleMaster).Releases.UpdateConfiguration(w.Context(), alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID})
		require.NoError(w, err)
		minute()
		w.apply(r.ID)
		minute()
		w.decide(alipayplus.PartyAlipayPlus, "")
		minute()
		w.decide(alipayplus.PartyAlipayCN, "no privacy policy")
		minute()
		w.withdraw(w.apply(r.ID))
		minute()
		w.apply(r.ID)
		w.approve()
		minute()
		live, err := w.owner.Releases.StartGrayscale(w.Context(), w.read(r.ID).GrayscaleTo(5))
		require.NoError(w, err)
		live, err = w.owner.Releases.Raise(w.Context(), live.GrayscaleTo(100))
		require.NoError(w, err)
		minute()
		w.full(program, "2.0.0")

		dan := w.member("dan", alipayplus.RoleDeveloper)
		summary := func(e *alipayplus.ReleaseEvent) string {
			return strings.Join(strings.Fields(fmt.Sprintf("%d %s %s: %s %d to %s %d %s %s %s", int(e.At.Sub(began)/time.Minute), e.By, e.Operation,
				e.From, e.FromRatio, e.To, e.ToRatio, e.Verdict, e.Reason, e.Note)), " ")
		}
		want := []string{
			"0 olga releases.create: 0 to NEW_VERSION_CREATED 0",
			"1 max releases.updateConfiguration: NEW_VERSION_CREATED 0 to NEW_VERSION_CREATED 0 configuration changed",
			"2 olga releases.apply: NEW_VERSION_CREATED 0 to UNDER_REVIEW 0",
			"3 ALIPAY_PLUS reviews.decide: UNDER_REVIEW 0 to UNDER_REVIEW 0 APPROVED ALIPAY_PLUS APPROVED",
			"4 ALIPAY_CN reviews.decide: UNDER_REVIEW 0 to NEW_VERSION_CREATED 0 REJECTED no privacy policy",
			"5 olga releases.apply: NEW_VERSION_CREATED 0 to UNDER_REVIEW 0",
			"5 olga releases.withdraw: UNDER_REVIEW 0 to NEW_VERSION_CREATED 0 withdrawn",
			"6 olga releases.apply: NEW_VERSION_CREATED 0 to UNDER_REVIEW 0",
			"6 ALIPAY_PLUS reviews.decide: UNDER_REVIEW 0 to UNDER_REVIEW 0 APPROVED ALIPAY_PLUS APPROVED",
			"6 ALIPAY_CN reviews.decide: UNDER_REVIEW 0 to RELEASE_PREPARATION 0 APPROVED",
			"7 olga releases.grayscale: RELEASE_PREPARATION 0 to GRAYSCALE_RELEASE 5",
			"7 olga releases.grayscale: GRAYSCALE_RELEASE 5 to FULL_RELEASE 100",
			"8 olga releases.finalize: FULL_RELEASE 100 to ARCHIVED 0",
		}
		read := func(in alipayplus.ListHistoryInput) []string {
			in.ReleaseID = live.ID
			return ids(gather(w, dan.Releases.AllHistory(w.Context(), in)), summary)
		}
		require.Equal(w, want, read(alipayplus.ListHistoryInput{}))
		require.Equal(w, want, read(alipayplus.ListHistoryInput{ListOptions: alipayplus.ListOptions{Limit: 2}}))
		slices.Reverse(want)
		require.Equal(w, want, read(alipayplus.ListHistoryInput{ListOptions: alipayplus.ListOptions{Order: alipayplus.NewestFirst, Limit: 5}}))

		for reader, id := range map[*alipayplus.Client]string{dan: "rel_x", w.neighbour().owner: r.ID} {
			_, err = reader.Releases.History(w.Context(), alipayplus.ListHistoryInput{ReleaseID: id})
			require.ErrorIs(w, err, alipayplus.ErrNotFound)
		}
		mistaken := w.release(program, "3.0.0")
		_, err = w.owner.Releases.Delete(w.Context(), alipayplus.ReleaseInput{ReleaseID: mistaken.ID})
		require.NoError(w, err)
		began = time.Now()
		events := gather(w, dan.Releases.AllHistory(w.Context(), alipayplus.ListHistoryInput{ReleaseID: mistaken.ID}))
		require.Equal(w, []string{
			"0 olga releases.create: 0 to NEW_VERSION_CREATED 0", "0 olga releases.delete: NEW_VERSION_CREATED 0 to DELETED 0",
		}, ids(events, summary), "also when the release is gone")
	})
}
