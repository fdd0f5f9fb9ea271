package platform_test

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
)

// things are the ids of what operations are about.
type things struct{ program, release, service, request, order string }

// everyOperation is a good input for each operation, about the given things.
// What is []byte is a file. The requestId is given by call.
func everyOperation(w *fixture, about things) map[contract.Operation]any {
	w.Helper()
	program, release, service, request, order := about.program, about.release, about.service, about.request, about.order
	names := []alipayplus.Localization{{Language: "en", Name: "Blue Lake"}}
	return map[contract.Operation]any{
		contract.WorkspaceQuery:      struct{}{},
		contract.ProgramCreate:       alipayplus.CreateProgramInput{Languages: names},
		contract.ProgramQuery:        alipayplus.ProgramInput{ProgramID: program},
		contract.ProgramList:         alipayplus.ListProgramsInput{},
		contract.ProgramAddLanguages: alipayplus.AddLanguagesInput{ProgramID: program, Languages: names},
		contract.ProgramConfigure:    alipayplus.UpdateProgramConfigurationInput{ProgramID: program},
		contract.VersionUpload: alipayplus.RegisterVersionInput{
			ProgramID: program, Version: alipayplus.VersionNumber{Major: 1}, FileID: strings.Repeat("0", 64),
		},
		contract.VersionList:        alipayplus.ListVersionsInput{ProgramID: program},
		contract.QRCodeCreate:       alipayplus.CreateQRCodeInput{AppID: program, Type: alipayplus.QRCodePromo},
		contract.ReleaseCreate:      alipayplus.CreateReleaseInput{ProgramID: program, Version: alipayplus.VersionNumber{Major: 1}, TargetApp: cn},
		contract.ReleaseQuery:       alipayplus.ReleaseInput{ReleaseID: release},
		contract.ReleaseList:        alipayplus.ListReleasesInput{ProgramID: program},
		contract.ReleaseHistory:     alipayplus.ListHistoryInput{ReleaseID: release},
		contract.ReleaseConfigure:   alipayplus.UpdateReleaseConfigurationInput{ReleaseID: release},
		contract.ReleaseTest:        alipayplus.TestCompatibilityInput{ReleaseID: release},
		contract.ReleaseApply:       alipayplus.ApplyInput{ReleaseID: release, BasicInfo: new(company())},
		contract.ReleaseWithdraw:    alipayplus.ReleaseInput{ReleaseID: release},
		contract.ReleaseRaise:       alipayplus.GrayscaleInput{ReleaseID: release, Ratio: 1},
		contract.ReleaseFinalize:    alipayplus.FinalizeInput{ReleaseID: release},
		contract.ReleaseCancel:      alipayplus.ReleaseInput{ReleaseID: release},
		contract.ReleaseTakeOffline: alipayplus.ReleaseInput{ReleaseID: release},
		contract.ReleaseRollBack:    alipayplus.ReleaseInput{ReleaseID: release},
		contract.ReleaseDelete:      alipayplus.ReleaseInput{ReleaseID: release},
		contract.AuthorizationBegin: alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: cn},
		contract.AuthorizationQuery: alipayplus.AuthorizationInput{ProgramID: program, TargetApp: cn},
		contract.ServiceCreate:      alipayplus.CreateServiceInput{ServiceDescription: w.offer()},
		contract.ServiceUpdate:      alipayplus.UpdateServiceInput{ServiceID: service, ServiceDescription: w.offer()},
		contract.ServiceSubmit:      alipayplus.ServiceInput{ServiceID: service},
		contract.ServiceWithdraw:    alipayplus.ServiceInput{ServiceID: service},
		contract.ServiceArchive:     alipayplus.ServiceInput{ServiceID: service},
		contract.ServiceQuery:       alipayplus.ServiceInput{ServiceID: service},
		contract.ServiceList:        alipayplus.ListServicesInput{},
		contract.MarketQuery:        alipayplus.ServiceInput{ServiceID: service},
		contract.MarketList:         alipayplus.ListMarketInput{},
		contract.MarketFile:         alipayplus.MarketFileInput{ServiceID: service, FileID: "f"},
		contract.OrderPlace:         alipayplus.PlaceOrderInput{ServiceID: service, ProgramID: program},
		contract.OrderAccept:        alipayplus.OrderInput{OrderID: order},
		contract.OrderReject:        alipayplus.RefuseOrderInput{OrderID: order},
		contract.OrderConfirm:       alipayplus.OrderInput{OrderID: order},
		contract.OrderSubmit:        alipayplus.OrderInput{OrderID: order},
		contract.OrderApprove:       alipayplus.OrderInput{OrderID: order},
		contract.OrderTurnDown:      alipayplus.RefuseOrderInput{OrderID: order},
		contract.OrderCancel:        alipayplus.RefuseOrderInput{OrderID: order},
		contract.OrderRevokeAccess:  alipayplus.OrderInput{OrderID: order},
		contract.OrderAssign:        alipayplus.AssignMembersInput{OrderID: order},
		contract.OrderQuery:         alipayplus.OrderInput{OrderID: order},
		contract.OrderList:          alipayplus.ListOrdersInput{},
		contract.RequestQuery:       alipayplus.RequestInput{ID: request},
		contract.RequestList:        alipayplus.ListRequestsInput{},
		contract.FileUpload:         pngImage(w),
		contract.ReviewList:         alipayplus.ListReviewsInput{},
		contract.ReviewQuery:        alipayplus.RequestInput{ID: request},
		contract.ReviewFile:         alipayplus.ReviewFileInput{ID: request, FileID: "f"},
		contract.ReviewDecide:       alipayplus.DecideInput{ID: request, Approve: true},
		contract.SessionBegin:       alipayplus.BeginSessionInput{TokenHash: fmt.Sprintf("%x", sha256.Sum256([]byte(rand.Text())))},
	}
}

// try sends an input of everyOperation under the given idempotency key.
func (h rawClient) try(op contract.Operation, in any, requestID string) rawAnswer {
	h.Helper()
	if content, ok := in.([]byte); ok {
		return h.uploadFile("image/png", content)
	}
	if op.Write {
		in = withRequestID(in, requestID)
	}
	return h.call(op, in)
}

func TestEveryOperationIsTried(t *testing.T) {
	withFixture(t, func(w *fixture) {
		tried := everyOperation(w, things{"p", "r", "s", "q", "o"})
		require.Len(w, tried, len(contract.Operations()))
		for _, op := range contract.Operations() {
			require.Contains(w, tried, op)
			require.Contains(w, whoMay, op)
		}
	})
}

// whoMay says who may do what: O owner, M master, A developer to whom the mini
// program is assigned, D developer to whom it is not. It is written from the
// documents, not from the code.
var whoMay = map[contract.Operation]struct{ membersRelease, assignedRelease, uploadOnly string }{
	contract.WorkspaceQuery:      {"OMAD", "OMAD", "OMAD"},
	contract.ProgramCreate:       {"OM", "OM", "OM"},
	contract.ProgramQuery:        {"OMAD", "OMAD", "OMAD"},
	contract.ProgramList:         {"OMAD", "OMAD", "OMAD"},
	contract.ProgramAddLanguages: {"OMAD", "OMA", "OM"},
	contract.ProgramConfigure:    {"OM", "OM", "OM"},
	contract.VersionUpload:       {"OMAD", "OMA", "OMAD"},
	contract.VersionList:         {"OMAD", "OMAD", "OMAD"},
	contract.QRCodeCreate:        {"OMAD", "OMA", "OM"},
	contract.ReleaseCreate:       {"OMAD", "OMA", "OM"},
	contract.ReleaseQuery:        {"OMAD", "OMAD", "OMAD"},
	contract.ReleaseList:         {"OMAD", "OMAD", "OMAD"},
	contract.ReleaseHistory:      {"OMAD", "OMAD", "OMAD"},
	contract.ReleaseConfigure:    {"OMAD", "OMA", "OM"},
	contract.ReleaseTest:         {"OMAD", "OMA", "OM"},
	contract.ReleaseApply:        {"OMAD", "OMA", "OM"},
	contract.ReleaseWithdraw:     {"OMAD", "OMA", "OM"},
	contract.ReleaseRaise:        {"OMAD", "OMA", "OM"},
	contract.ReleaseFinalize:     {"OMAD", "OMA", "OM"},
	contract.ReleaseCancel:       {"OMAD", "OMA", "OM"},
	contract.ReleaseTakeOffline:  {"OMAD", "OMA", "OM"},
	contract.ReleaseRollBack:     {"OMAD", "OMA", "OM"},
	contract.ReleaseDelete:       {"OMAD", "OMA", "OM"},
	contract.AuthorizationBegin:  {"OMAD", "OMA", "OM"},
	contract.AuthorizationQuery:  {"OMAD", "OMAD", "OMAD"},
	contract.ServiceCreate:       {"OMAD", "OMAD", "OMAD"},
	contract.ServiceUpdate:       {"OMAD", "OMAD", "OMAD"},
	contract.ServiceSubmit:       {"OMAD", "OMAD", "OMAD"},
	contract.ServiceWithdraw:     {"OMAD", "OMAD", "OMAD"},
	contract.ServiceArchive:      {"OMAD", "OMAD", "OMAD"},
	contract.ServiceQuery:        {"OMAD", "OMAD", "OMAD"},
	contract.ServiceList:         {"OMAD", "OMAD", "OMAD"},
	contract.MarketQuery:         {"OMAD", "OMAD", "OMAD"},
	contract.MarketList:          {"OMAD", "OMAD", "OMAD"},
	contract.MarketFile:          {"OMAD", "OMAD", "OMAD"},
	contract.OrderPlace:          {"OMAD", "OM", "OM"},
	contract.OrderAccept:         {"OMAD", "OM", "OM"},
	contract.OrderReject:         {"OMAD", "OM", "OM"},
	contract.OrderConfirm:        {"OM", "OM", "OM"},
	contract.OrderSubmit:         {"OMAD", "OM", "OM"},
	contract.OrderApprove:        {"OMAD", "OM", "OM"},
	contract.OrderTurnDown:       {"OMAD", "OM", "OM"},
	contract.OrderCancel:         {"OMAD", "OM", "OM"},
	contract.OrderRevokeAccess:   {"OMAD", "OM", "OM"},
	contract.OrderAssign:         {"OM", "OM", "OM"},
	contract.OrderQuery:          {"OMAD", "OMAD", "OMAD"},
	contract.OrderList:           {"OMAD", "OMAD", "OMAD"},
	contract.RequestQuery:        {"OMAD", "OMAD", "OMAD"},
	contract.RequestList:         {"OMAD", "OMAD", "OMAD"},
	contract.FileUpload:          {"OMAD", "OMAD", "OMAD"},
	contract.ReviewList:          {"", "", ""},
	contract.ReviewQuery:         {"", "", ""},
	contract.ReviewFile:          {"", "", ""},
	contract.ReviewDecide:        {"", "", ""},
	contract.SessionBegin:        {"OMAD", "OMAD", "OMAD"},
}

// namesNothing are the operations that are about nothing of a workspace, or
// about all of it.
var namesNothing = map[contract.Operation]bool{
	contract.WorkspaceQuery: true, contract.ProgramCreate: true, contract.ProgramList: true, contract.ReleaseList: true,
	contract.ServiceCreate: true, contract.ServiceList: true, contract.RequestList: true, contract.FileUpload: true,
	contract.MarketList: true, contract.OrderList: true, contract.SessionBegin: true,
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	for policy, column := range map[alipayplus.PermissionPolicy]func(contract.Operation) string{
		alipayplus.PolicyMembersRelease:            func(op contract.Operation) string { return whoMay[op].membersRelease },
		alipayplus.PolicyAssignedDevelopersRelease: func(op contract.Operation) string { return whoMay[op].assignedRelease },
		alipayplus.PolicyDevelopersUploadOnly:      func(op contract.Operation) string { return whoMay[op].uploadOnly },
	} {
		sentence(t, string(policy), func(w *fixture) {
			program := w.authorizedProgram()
			live := w.full(program.ID, "1.0.0")
			partner := w.neighbour()
			order := w.orderIn(alipayplus.OrderPendingConfirmation, partner, program.ID)
			own := everyOperation(w, things{program.ID, w.release(program.ID, "1.0.1").ID, w.draft().ID, live.ReleaseRequestID, order.ID})
			forSale := w.online()
			own[contract.MarketQuery] = alipayplus.ServiceInput{ServiceID: forSale.ID}
			own[contract.MarketFile] = alipayplus.MarketFileInput{ServiceID: forSale.ID, FileID: forSale.ImageFileID}
			own[contract.OrderPlace] = alipayplus.PlaceOrderInput{ServiceID: order.ServiceID, ProgramID: program.ID}
			taken := partner.place(forSale, partner.program().ID)
			own[contract.OrderAccept] = alipayplus.OrderInput{OrderID: taken.ID}
			own[contract.OrderSubmit] = alipayplus.OrderInput{OrderID: taken.ID}
			own[contract.OrderAssign] = alipayplus.AssignMembersInput{OrderID: taken.ID, Members: []string{"ann"}}
			own[contract.ReleaseDelete] = alipayplus.ReleaseInput{ReleaseID: live.ID} // which is not gone then
			other := w.neighbour()
			theirs := other.authorizedProgram()
			theirOrder := other.orderIn(alipayplus.OrderInDevelopment, partner, theirs.ID)
			foreign := everyOperation(w, things{
				theirs.ID, other.underReview(theirs.ID, "1.0.0").ID, other.submitted().ID, other.submitted().ReleaseRequestID, theirOrder.ID,
			})
			untouched := other.snapshot()

			w.member("max", alipayplus.RoleMaster)
			w.member("ann", alipayplus.RoleDeveloper, program.ID)
			w.member("dan", alipayplus.RoleDeveloper)
			hands := map[string]rawClient{"O": w.rawClient("olga"), "M": w.rawClient("max"), "A": w.rawClient("ann"), "D": w.rawClient("dan")}
			for who, h := range hands {
				for _, op := range contract.Operations() {
					what := fmt.Sprintf("%s %s", who, op.Name)
					got := h.try(op, own[op], "own "+what)
					if strings.Contains(column(op), who) {
						require.NotContains(w, []alipayplus.Code{
							alipayplus.CodeAccessDenied, alipayplus.CodeNotFound, alipayplus.CodeUnknownException,
						}, got.Result.Code, "%s: %s", what, got.Body)
					} else {
						require.Equal(w, alipayplus.CodeAccessDenied, got.Result.Code, "%s: %s", what, got.Body)
						require.Equal(w, http.StatusForbidden, got.HTTP)
					}
					got = h.try(op, foreign[op], "foreign "+what)
					switch {
					case strings.HasPrefix(op.Name, "reviews."):
						require.Equal(w, alipayplus.CodeAccessDenied, got.Result.Code, "%s: %s", what, got.Body)
					case !namesNothing[op]:
						require.Equal(w, alipayplus.CodeNotFound, got.Result.Code, "foreign: %s: %s", what, got.Body)
					}
				}
			}
			require.Equal(w, untouched, other.snapshot(), "nobody did anything in the other workspace")
		}, platform.WithPermissionPolicy(policy))
	}
}

// TestWhatBelongsToAnotherWorkspaceAnswersLikeWhatDoesNotExist compares the
// whole answers, but for the ids in them.
func TestWhatBelongsToAnotherWorkspaceAnswersLikeWhatDoesNotExist(t *testing.T) {
	withFixture(t, func(w *fixture) {
		other := w.neighbour()
		theirs := other.authorizedProgram()
		order := other.orderIn(alipayplus.OrderInDevelopment, w.neighbour(), theirs.ID)
		release, service := other.underReview(theirs.ID, "1.0.0"), other.submitted()
		there := map[string]string{
			order.ID:  "ord_" + strings.Repeat("A", 26),
			theirs.ID: "1111111111111111", release.ID: "rel_" + strings.Repeat("A", 26),
			service.ID: "svc_" + strings.Repeat("A", 26), service.ReleaseRequestID: "req_" + strings.Repeat("A", 26),
		}
		foreign := everyOperation(w, things{theirs.ID, release.ID, service.ID, service.ReleaseRequestID, order.ID})
		missing := everyOperation(w, things{there[theirs.ID], there[release.ID], there[service.ID], there[service.ReleaseRequestID], there[order.ID]})
		hidden := strings.NewReplacer(
			theirs.ID, "ID", release.ID, "ID", service.ID, "ID", service.ReleaseRequestID, "ID", order.ID, "ID", "key-1", "key", "key-2", "key",
			there[theirs.ID], "ID", there[release.ID], "ID", there[service.ID], "ID", there[service.ReleaseRequestID], "ID", there[order.ID], "ID",
		)
		h, log := w.rawClient("olga"), len(w.auditLog())
		for _, op := range contract.Operations() {
			if namesNothing[op] && op != contract.ReleaseList {
				continue
			}
			a, b := h.try(op, foreign[op], "key-1 "+op.Name), h.try(op, missing[op], "key-2 "+op.Name)
			require.Equal(w, hidden.Replace(b.withoutQuestion()), hidden.Replace(a.withoutQuestion()), op.Name)
			require.Equal(w, b.HTTP, a.HTTP, op.Name)
			require.Equal(w, headerNames(b.Header), headerNames(a.Header), op.Name)
			require.NotContains(w, a.Body, "Red Hill", op.Name)
		}
		require.Len(w, w.auditLog(), log, "nothing of it is in this workspace's log, either")
	})
}

func headerNames(h http.Header) []string {
	return slices.Sorted(maps.Keys(h))
}

func TestAFileOfAnotherWorkspaceIsNotThere(t *testing.T) {
	withFixture(t, func(w *fixture) {
		other := w.neighbour()
		offer := other.offer() // with an image that only they uploaded
		offer.PaymentInformation = alipayplus.Content{alipayplus.ImageBlock(offer.ImageFileID, "")}
		program, theirs := w.program(), other.program()
		other.upload(theirs.ID, "1.0.0")
		versions := gather(w, other.owner.Programs.AllVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: theirs.ID}))
		h := w.rawClient("olga")

		got := h.call(contract.ServiceCreate, alipayplus.CreateServiceInput{ServiceDescription: offer, RequestID: "1"})
		require.Equal(w, []alipayplus.FieldError{
			{Path: "imageFileId", Message: "names no uploaded image; upload it first"},
			{Path: "paymentInformation[0].image.fileId", Message: "names no uploaded image; upload it first"},
		}, got.Details.Fields)
		got = h.call(contract.VersionUpload, alipayplus.RegisterVersionInput{
			ProgramID: program.ID, Version: versions[0].Number, FileID: versions[0].FileID, RequestID: "2",
		})
		require.Equal(w, []alipayplus.FieldError{{Path: "fileId", Message: "names no uploaded file; upload it first"}}, got.Details.Fields)
		got = h.call(contract.ProgramCreate, alipayplus.CreateProgramInput{
			Languages: []alipayplus.Localization{{Language: "en", Name: "Tea"}}, LogoFileID: offer.ImageFileID, RequestID: "3",
		})
		require.Equal(w, []alipayplus.FieldError{{Path: "logoFileId", Message: "names no uploaded file; upload it first"}}, got.Details.Fields)
	})
}

func TestListsShowOnlyTheOwnWorkspace(t *testing.T) {
	withFixture(t, func(w *fixture) {
		w.underReview(w.authorizedProgram().ID, "1.0.0")
		w.submitted()
		empty := w.neighbour().snapshot()
		require.NotContains(w, empty, "olga")
		require.NotContains(w, empty, "蓝湖")
		require.Contains(w, empty, `"audit": 0`)
	})
}
