package platform

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// ownedPlatform is a platform with one workspace and its owner.
func ownedPlatform(t testing.TB, options ...Option) (p *Platform, owner Member) {
	t.Helper()
	p, err := New(append(options, WithSigner(testkey.FastKey()))...)
	require.NoError(t, err)
	owner.Name, owner.Role = "olga", alipayplus.RoleOwner
	owner.WorkspaceID, err = p.AddWorkspace(t.Context(), alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	})
	require.NoError(t, err)
	require.NoError(t, p.PutMember(t.Context(), owner))
	return p, owner
}

// memberCaller makes a member known to the platform, for calls past authentication.
func memberCaller(t require.TestingT, p *Platform, m Member) caller {
	return knownCaller(t, p, caller{
		clientRecord: clientRecord{ClientID: "client of " + m.Name, Workspace: m.WorkspaceID, Member: m.Name}, member: m,
	})
}

// reviewerCaller is memberCaller for a party that reviews.
func reviewerCaller(t require.TestingT, p *Platform, party alipayplus.Party) caller {
	return knownCaller(t, p, caller{clientRecord: clientRecord{ClientID: "client of " + string(party), Party: party}})
}

func knownCaller(t require.TestingT, p *Platform, who caller) caller {
	require.NoError(t, p.cfg.store.Update(context.Background(), func(tx storage.Tx) error {
		if who.Party == "" {
			if err := save(tx, nil, &memberRecord{Member: who.member}); err != nil {
				return err
			}
		}
		return save(tx, nil, &who.clientRecord)
	}))
	return who
}

// executeAs makes a call past authentication.
func executeAs(ctx context.Context, p *Platform, who caller, op contract.Operation, contentType string, body []byte) reply {
	out := p.execute(ctx, incoming{op: p.operations[op.Path], caller: who, body: body, contentType: contentType, base: inProcessURL})
	if out.err != nil {
		return errorReply(out.requestID, "", out.err)
	}
	return out.reply
}

var (
	pngOfFuzz = strings.Repeat("a", 64)
	zipOfFuzz = strings.Repeat("b", 64)
)

// fuzzPlatform has one thing in each state, under ids that seeds can name: the
// mini program, release, request and service number n are in the n-th status.
func fuzzPlatform(t testing.TB) *Platform {
	t.Helper()
	wallet := NewPartnerApp("LAKE_WALLET", PartnerAppOptions{TestDevices: []alipayplus.TestDevice{{System: "s", Network: "n", Device: "d"}}})
	p, err := New(WithSigner(testkey.FastKey()), WithTargetBackends(NewSimulatedAlipayCN(), wallet), WithConsole(noPages))
	require.NoError(t, err)
	one := alipayplus.VersionNumber{Major: 1}
	base := func(n int, prefix string) (id, sort string) {
		return fmt.Sprintf("%s%d", prefix, n), p.sortKey(time.Unix(int64(n), 0))
	}
	records := []record{
		&indexesRecord{Generation: indexGeneration},
		&workspaceRecord{ID: "ws", Company: alipayplus.BusinessRegistration{CompanyName: "Blue Lake Tea"}},
		&fileRecord{Workspace: "ws", File: alipayplus.File{ID: pngOfFuzz, ContentType: alipayplus.ContentPNG, Width: 240, Height: 240}},
		&fileRecord{Workspace: "ws", File: alipayplus.File{ID: zipOfFuzz, ContentType: alipayplus.ContentZip}},
		&releaseRecord{Workspace: "ws", Sort: p.sortKey(time.Unix(8, 0)), Release: alipayplus.Release{
			ID: "r8", ProgramID: "p1", Version: one, TargetApp: wallet.App(), Status: alipayplus.ReleaseNewVersionCreated,
		}},
		&submissionRecord{At: submissionKey("ws", "q2"), Submission: alipayplus.Submission{LogoFileID: pngOfFuzz}},
	}
	for n, status := range []alipayplus.ReleaseStatus{
		"", alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseUnderReview, alipayplus.ReleasePreparation,
		alipayplus.ReleaseGrayscale, alipayplus.ReleaseFull, alipayplus.ReleaseCanceled, alipayplus.ReleaseArchived,
	} {
		program, sort := base(n, "p")
		records = append(records,
			&programRecord{Workspace: "ws", Sort: sort, Program: alipayplus.Program{
				ID: program, DefaultLanguage: "zh-CN", Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "茶"}}, LatestVersion: one,
			}},
			&versionRecord{Workspace: "ws", Sort: sort, Version: alipayplus.Version{ProgramID: program, Number: one}},
			&authorizationRecord{Workspace: "ws", Authorization: alipayplus.Authorization{
				ProgramID: program, TargetApp: alipayplus.TargetAlipayCN, Status: alipayplus.AuthorizationGranted,
			}})
		if status == "" {
			continue
		}
		release := alipayplus.Release{ProgramID: program, Version: one, TargetApp: alipayplus.TargetAlipayCN, Status: status}
		release.ID, _ = base(n, "r")
		release.ReleaseRequestID, _ = base(n, "q")
		release.Grayscale = alipayplus.Grayscale{Ladder: alipayplus.DefaultLadder()}
		if status == alipayplus.ReleaseGrayscale {
			release.Grayscale.Ratio = 5
		}
		request := alipayplus.Request{ID: release.ReleaseRequestID, ReleaseID: release.ID, Status: alipayplus.RequestApproved}
		if status == alipayplus.ReleaseUnderReview {
			request.Status, request.Reviews = alipayplus.RequestUnderReview, []alipayplus.Review{{Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewPending}}
		}
		kept := &releaseRecord{Workspace: "ws", Sort: sort, Release: release}
		if status == alipayplus.ReleaseFull {
			kept.Replaced = releaseKey("ws", "r7")
		}
		records = append(records, kept, &requestRecord{Workspace: "ws", Sort: sort, Request: request})
	}
	for n, status := range []alipayplus.ServiceStatus{alipayplus.ServiceDraft, alipayplus.ServicePendingReview, alipayplus.ServiceOnline} {
		id, sort := base(n, "s")
		records = append(records, &serviceRecord{Workspace: "ws", Sort: sort, Service: alipayplus.Service{ID: id, Status: status, ReleaseRequestID: "q2", ServiceDescription: fuzzOffer()}})
	}
	// The workspace is the merchant of orders o, and the provider of orders x.
	records = append(records, &serviceRecord{Workspace: "other", Service: alipayplus.Service{ID: "s3", Status: alipayplus.ServiceOnline, ServiceDescription: fuzzOffer()}})
	for n, status := range []alipayplus.OrderStatus{
		alipayplus.OrderNew, alipayplus.OrderPendingConfirmation, alipayplus.OrderInDevelopment, alipayplus.OrderUnderApproval, alipayplus.OrderCompleted, alipayplus.OrderCanceled,
	} {
		placed, sort := base(n, "o")
		records = append(records, &orderRecord{Workspace: "ws", ProviderWorkspace: "other", Sort: sort, Order: alipayplus.Order{ID: placed, Status: status, ProgramID: "p1", ServiceID: "s3"}})
		taken, sort := base(n, "x")
		records = append(records, &orderRecord{Workspace: "other", ProviderWorkspace: "ws", Sort: sort + "x", Order: alipayplus.Order{ID: taken, Status: status, ProgramID: "p9", ServiceID: "s2"}})
	}
	require.NoError(t, p.cfg.store.Update(t.Context(), func(tx storage.Tx) error {
		for _, r := range records {
			if err := save(tx, nil, r); err != nil {
				return err
			}
		}
		return tx.Put(contentKey("ws", pngOfFuzz), []byte("png"))
	}))
	memberCaller(t, p, Member{WorkspaceID: "ws", Name: "olga", Role: alipayplus.RoleOwner})
	reviewerCaller(t, p, alipayplus.PartyAlipayPlus)
	return p
}

// noPages is a console without pages.
func noPages(*Platform) (http.Handler, error) { return http.NotFoundHandler(), nil }

func fuzzOffer() alipayplus.ServiceDescription {
	return alipayplus.ServiceDescription{
		Name: "n", Industry: "i", Type: alipayplus.ServiceMiniProgramDevelopment, Description: "d",
		ImageFileID: pngOfFuzz, ApplicableApps: []alipayplus.TargetApp{alipayplus.TargetAlipayCN},
		PaymentInformation: alipayplus.Content{
			alipayplus.TextBlock("t"), alipayplus.ImageBlock(pngOfFuzz, "i"), alipayplus.TableBlock([]string{"a", "b"}, []string{"c", "d"}),
		},
	}
}

// goodBodies are one body that succeeds for each operation that takes JSON.
func goodBodies() map[contract.Operation]any {
	company := &alipayplus.BusinessRegistration{
		CompanyName: "c", RegistrationNumber: "r", Country: "SG", Address: "a", ContactName: "n", ContactEmail: "e@example.com",
	}
	names := []alipayplus.Localization{{Language: "en", Name: "Tea"}}
	two := alipayplus.VersionNumber{Major: 2}
	return map[contract.Operation]any{
		contract.WorkspaceQuery:      struct{}{},
		contract.ProgramCreate:       alipayplus.CreateProgramInput{Languages: names, LogoFileID: pngOfFuzz, RequestID: "1"},
		contract.ProgramQuery:        alipayplus.ProgramInput{ProgramID: "p1"},
		contract.ProgramList:         alipayplus.ListProgramsInput{ListOptions: alipayplus.ListOptions{Limit: 3, Order: alipayplus.OldestFirst}},
		contract.ProgramAddLanguages: alipayplus.AddLanguagesInput{ProgramID: "p1", Languages: names, RequestID: "1"},
		contract.ProgramConfigure:    alipayplus.UpdateProgramConfigurationInput{ProgramID: "p1", Configuration: alipayplus.Configuration{H5Domains: []string{"a.example"}}, RequestID: "1"},
		contract.VersionUpload:       alipayplus.RegisterVersionInput{ProgramID: "p1", Version: two, FileID: zipOfFuzz, RequestID: "1"},
		contract.VersionList:         alipayplus.ListVersionsInput{ProgramID: "p1"},
		contract.QRCodeCreate:        alipayplus.CreateQRCodeInput{AppID: "p5", Type: alipayplus.QRCodePromo, Page: "pages/index"},
		contract.ReleaseCreate:       alipayplus.CreateReleaseInput{ProgramID: "p0", Version: alipayplus.VersionNumber{Major: 1}, TargetApp: alipayplus.TargetAlipayCN, RequestID: "1"},
		contract.ReleaseQuery:        alipayplus.ReleaseInput{ReleaseID: "r1"},
		contract.ReleaseList:         alipayplus.ListReleasesInput{ProgramID: "p1", Status: alipayplus.ReleaseNewVersionCreated},
		contract.ReleaseHistory:      alipayplus.ListHistoryInput{ReleaseID: "r1"},
		contract.ReleaseTest:         alipayplus.TestCompatibilityInput{ReleaseID: "r8", Systems: []string{"s"}, RequestID: "1"},
		contract.ReleaseApply:        alipayplus.ApplyInput{ReleaseID: "r1", BasicInfo: company, RequestID: "1"},
		contract.ReleaseWithdraw:     alipayplus.ReleaseInput{ReleaseID: "r2", RequestID: "1"},
		contract.ReleaseRaise:        alipayplus.GrayscaleInput{ReleaseID: "r4", From: 5, Ratio: 30, RequestID: "1"},
		contract.ReleaseFinalize:     alipayplus.ReleaseInput{ReleaseID: "r3", RequestID: "1"},
		contract.ReleaseCancel:       alipayplus.ReleaseInput{ReleaseID: "r4", RequestID: "1"},
		contract.ReleaseTakeOffline:  alipayplus.ReleaseInput{ReleaseID: "r5", RequestID: "1"},
		contract.ReleaseRollBack:     alipayplus.ReleaseInput{ReleaseID: "r5", RequestID: "1"},
		contract.ReleaseDelete:       alipayplus.ReleaseInput{ReleaseID: "r1", RequestID: "1"},
		contract.ReleaseConfigure:    alipayplus.UpdateReleaseConfigurationInput{ReleaseID: "r1", RequestID: "1"},
		contract.AuthorizationBegin:  alipayplus.BeginAuthorizationInput{ProgramID: "p1", TargetApp: alipayplus.TargetAlipayCN, RequestID: "1"},
		contract.AuthorizationQuery:  alipayplus.AuthorizationInput{ProgramID: "p1", TargetApp: alipayplus.TargetAlipayCN},
		contract.ServiceCreate:       alipayplus.CreateServiceInput{ServiceDescription: fuzzOffer(), RequestID: "1"},
		contract.ServiceUpdate:       alipayplus.UpdateServiceInput{ServiceID: "s0", ServiceDescription: fuzzOffer(), RequestID: "1"},
		contract.ServiceSubmit:       alipayplus.ServiceInput{ServiceID: "s0", RequestID: "1"},
		contract.ServiceWithdraw:     alipayplus.ServiceInput{ServiceID: "s1", RequestID: "1"},
		contract.ServiceArchive:      alipayplus.ServiceInput{ServiceID: "s2", RequestID: "1"},
		contract.ServiceQuery:        alipayplus.ServiceInput{ServiceID: "s0"},
		contract.ServiceList:         alipayplus.ListServicesInput{Status: alipayplus.ServiceDraft},
		contract.MarketQuery:         alipayplus.ServiceInput{ServiceID: "s2"},
		contract.MarketList:          alipayplus.ListMarketInput{Name: "n", Industry: "i", App: alipayplus.TargetAlipayCN},
		contract.MarketFile:          alipayplus.MarketFileInput{ServiceID: "s2", FileID: pngOfFuzz},
		contract.OrderPlace:          alipayplus.PlaceOrderInput{ServiceID: "s3", ProgramID: "p1", Note: "n", RequestID: "1"},
		contract.OrderAccept:         alipayplus.OrderInput{OrderID: "x0", RequestID: "1"},
		contract.OrderReject:         alipayplus.RefuseOrderInput{OrderID: "x0", Reason: "r", RequestID: "1"},
		contract.OrderConfirm:        alipayplus.OrderInput{OrderID: "o1", RequestID: "1"},
		contract.OrderSubmit:         alipayplus.OrderInput{OrderID: "x2", RequestID: "1"},
		contract.OrderApprove:        alipayplus.OrderInput{OrderID: "o3", RequestID: "1"},
		contract.OrderTurnDown:       alipayplus.RefuseOrderInput{OrderID: "o3", RequestID: "1"},
		contract.OrderCancel:         alipayplus.RefuseOrderInput{OrderID: "o2", RequestID: "1"},
		contract.OrderRevokeAccess:   alipayplus.OrderInput{OrderID: "o2", RequestID: "1"},
		contract.OrderAssign:         alipayplus.AssignMembersInput{OrderID: "x2", RequestID: "1"},
		contract.OrderQuery:          alipayplus.OrderInput{OrderID: "x1"},
		contract.OrderList:           alipayplus.ListOrdersInput{Side: alipayplus.SideProvider, Number: "x"},
		contract.RequestQuery:        alipayplus.RequestInput{ID: "q1"},
		contract.RequestList:         alipayplus.ListRequestsInput{Title: "x", Category: alipayplus.CategoryServiceRelease},
		contract.ReviewList:          alipayplus.ListReviewsInput{},
		contract.ReviewQuery:         alipayplus.RequestInput{ID: "q2"},
		contract.ReviewFile:          alipayplus.ReviewFileInput{ID: "q2", FileID: fuzzOffer().ImageFileID},
		contract.ReviewDecide:        alipayplus.DecideInput{ID: "q2", Reason: "r", RequestID: "1"},
		contract.SessionBegin:        alipayplus.BeginSessionInput{TokenHash: pngOfFuzz, RequestID: "1"},
	}
}

// fuzzCaller is who may do the operation.
func fuzzCaller(op contract.Operation) caller {
	if strings.HasPrefix(op.Name, "reviews.") {
		return caller{clientRecord: clientRecord{ClientID: "client of " + string(alipayplus.PartyAlipayPlus)}}
	}
	return caller{clientRecord: clientRecord{ClientID: "client of olga"}}
}

// everythingKept is all records, but for the outcomes that are remembered and the
// leases that are held.
func everythingKept(t testing.TB, p *Platform) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, p.cfg.store.View(t.Context(), func(tx storage.Tx) error {
		for e, err := range tx.Scan("", "", false) {
			if err != nil {
				return err
			}
			if !strings.HasPrefix(e.Key, "outcome/") && !strings.HasPrefix(e.Key, "i/expiry/") && !strings.HasPrefix(e.Key, "lease/") {
				all[e.Key] = string(e.Value)
			}
		}
		return nil
	}))
	return all
}

var errStore = errors.New("the disk at /var/lib/records is full")

// failingStore fails at the n-th access, counted from 1; 0: never.
type failingStore struct {
	storage.Store
	failAt, accesses int
}

func (s *failingStore) access() error {
	s.accesses++
	if s.accesses == s.failAt {
		return errStore
	}
	return nil
}

func (s *failingStore) View(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.View(ctx, func(tx storage.Tx) error { return fn(failingTx{tx, s}) })
}

func (s *failingStore) Update(ctx context.Context, fn func(storage.Tx) error) error {
	return s.Store.Update(ctx, func(tx storage.Tx) error { return fn(failingTx{tx, s}) })
}

type failingTx struct {
	storage.Tx
	store *failingStore
}

func (t failingTx) Get(key string) ([]byte, bool, error) {
	if err := t.store.access(); err != nil {
		return nil, false, err
	}
	return t.Tx.Get(key)
}

func (t failingTx) Put(key string, value []byte) error {
	return errors.Join(t.store.access(), t.Tx.Put(key, value))
}

func (t failingTx) Delete(key string) error {
	return errors.Join(t.store.access(), t.Tx.Delete(key))
}

func (t failingTx) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		if err := t.store.access(); err != nil {
			yield(storage.Entry{}, err)
			return
		}
		t.Tx.Scan(from, to, descending)(yield)
	}
}
