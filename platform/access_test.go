package platform_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
)

// "The ISV accepts the order. The merchant confirms it, which authorizes the ISV. The ISV adds
// its developers to the members of the mini program. It develops, configures and
// uploads. The ISV submits the release and releases on the merchant's behalf."
func TestAProviderReleasesOnTheMerchantsBehalf(t *testing.T) {
	withFixture(t, func(w *fixture) {
		provider := w.neighbour()
		program := w.authorizedProgram()
		o := w.orderIn(alipayplus.OrderInDevelopment, provider, program.ID)
		dev := provider.member("dev", alipayplus.RoleDeveloper, program.ID)
		before, there := len(w.auditLog()), len(provider.auditLog())

		require.Equal(w, program, succeeds(w, dev.Programs.Get, program.ID))
		succeeds(w, dev.Programs.UpdateConfiguration, alipayplus.UpdateProgramConfigurationInput{ProgramID: program.ID, Configuration: teaDomains()})
		build, one := zipPackage(w, "by the provider"), alipayplus.VersionNumber{Major: 1}
		version := succeeds(w, dev.Programs.UploadVersion, alipayplus.UploadVersionInput{
			ProgramID: program.ID, Version: one, Package: bytes.NewReader(build), Size: int64(len(build)),
		})
		require.Equal(w, "Red Hill Coffee/dev", version.UploadedBy)
		created := succeeds(w, dev.Releases.Create, alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: one, TargetApp: cn})
		require.Equal(w, "Blue Lake Tea", created.BasicInfo.CompanyName, "the mini program is the merchant's")
		applied := succeeds(w, dev.Releases.Apply, alipayplus.ApplyInput{ReleaseID: created.ID, BasicInfo: created.BasicInfo})
		require.Equal(w, "Red Hill Coffee/dev", succeeds(w, dev.Requests.Get, applied.ReleaseRequestID).Applicant)
		w.approve()
		_, err := dev.Releases.WaitReviewed(w.Context(), created.ID, alipayplus.ReleaseWait{})
		require.NoError(w, err)
		full := succeeds(w, dev.Releases.Finalize, alipayplus.FinalizeInput{ReleaseID: created.ID})
		require.Equal(w, full, w.read(full.ID), "the merchant sees the same release, as its own")
		require.Equal(w, []*alipayplus.Release{full}, gather(w, dev.Releases.All(w.Context(), alipayplus.ListReleasesInput{ProgramID: program.ID})))
		require.Empty(w, gather(w, dev.Releases.All(w.Context(), alipayplus.ListReleasesInput{})), "the own workspace has none")
		succeeds(w, dev.QRCodes.Create, alipayplus.CreateQRCodeInput{AppID: program.ID})

		history := gather(w, dev.Releases.AllHistory(w.Context(), alipayplus.ListHistoryInput{ReleaseID: full.ID}))
		require.Equal(w, history, gather(w, w.owner.Releases.AllHistory(w.Context(), alipayplus.ListHistoryInput{ReleaseID: full.ID})))
		require.Equal(w, "Red Hill Coffee/dev", history[0].By)
		require.Equal(w, o.ID, history[0].OrderID, "who acted for whom")
		log, theirs := w.auditLog()[before:], provider.auditLog()[there:]
		for _, e := range log {
			if e.Who != "ALIPAY_PLUS" && e.Who != "ALIPAY_CN" {
				require.Equal(w, "Red Hill Coffee/dev "+o.ID, e.Who+" "+e.OrderID)
			}
		}
		var done []platform.AuditEntry
		for _, e := range theirs {
			if e.OrderID != "" {
				require.Equal(w, "dev "+o.ID, e.Who+" "+e.OrderID)
				done = append(done, e)
			}
		}
		require.Len(w, done, len(log)-3, "the provider's log has all but the verdicts")
	})
}

// byOrder says who of a provider may do what with the mini program of an order that gives
// access: O owner, M master, A developer to whom it is assigned, D developer to whom it
// is not. What it leaves out cannot be done for a merchant.
var byOrder = map[contract.Operation]struct{ releases, uploadOnly string }{
	contract.ProgramQuery:        {"OMA", "OMA"},
	contract.ProgramAddLanguages: {"OMA", "OM"},
	contract.ProgramConfigure:    {"OMA", "OM"},
	contract.VersionUpload:       {"OMA", "OMA"},
	contract.VersionList:         {"OMA", "OMA"},
	contract.QRCodeCreate:        {"OMA", "OM"},
	contract.ReleaseCreate:       {"OMA", "OM"},
	contract.ReleaseQuery:        {"OMA", "OMA"},
	contract.ReleaseList:         {"OMA", "OMA"},
	contract.ReleaseHistory:      {"OMA", "OMA"},
	contract.ReleaseConfigure:    {"OMA", "OM"},
	contract.ReleaseApply:        {"OMA", "OM"},
	contract.ReleaseWithdraw:     {"OMA", "OM"},
	contract.ReleaseRaise:        {"OMA", "OM"},
	contract.ReleaseFinalize:     {"OMA", "OM"},
	contract.ReleaseCancel:       {"OMA", "OM"},
	contract.ReleaseTest:         {"OMA", "OM"},
	contract.ReleaseTakeOffline:  {"OMA", "OM"},
	contract.ReleaseRollBack:     {"OMA", "OM"},
	contract.ReleaseDelete:       {"OMA", "OM"},
	contract.AuthorizationBegin:  {"OMA", "OM"},
	contract.AuthorizationQuery:  {"OMA", "OMA"},
	contract.RequestQuery:        {"OMA", "OMA"},
}

// TestWhoMayDoWhatForAMerchant tries every operation about a merchant's mini program by every
// role of a provider, in every status of the order.
func TestWhoMayDoWhatForAMerchant(t *testing.T) {
	t.Parallel()
	for policy, column := range map[alipayplus.PermissionPolicy]func(contract.Operation) string{
		alipayplus.PolicyMembersRelease:            func(op contract.Operation) string { return byOrder[op].releases },
		alipayplus.PolicyAssignedDevelopersRelease: func(op contract.Operation) string { return byOrder[op].releases },
		alipayplus.PolicyDevelopersUploadOnly:      func(op contract.Operation) string { return byOrder[op].uploadOnly },
	} {
		for _, status := range []alipayplus.OrderStatus{
			alipayplus.OrderNew, alipayplus.OrderPendingConfirmation, alipayplus.OrderInDevelopment,
			alipayplus.OrderUnderApproval, alipayplus.OrderCompleted, alipayplus.OrderCanceled,
		} {
			if testing.Short() && policy != alipayplus.PolicyMembersRelease && status != alipayplus.OrderInDevelopment {
				continue
			}
			sentence(t, fmt.Sprintf("%s %s", policy, status), func(w *fixture) {
				w.forMerchant(status, false, column)
			}, platform.WithPermissionPolicy(policy))
		}
		sentence(t, fmt.Sprintf("%s taken back", policy), func(w *fixture) {
			w.forMerchant(alipayplus.OrderInDevelopment, true, column)
		}, platform.WithPermissionPolicy(policy))
	}
}

func (w *fixture) forMerchant(status alipayplus.OrderStatus, takenBack bool, column func(contract.Operation) string) {
	w.Helper()
	provider := w.neighbour()
	program, others := w.authorizedProgram(), w.authorizedProgram()
	o := w.orderIn(status, provider, program.ID)
	if takenBack {
		o = succeeds(w, w.owner.Orders.RevokeAccess, alipayplus.OrderInput{OrderID: o.ID})
	}
	live, elsewhere := w.full(program.ID, "1.0.0"), w.full(others.ID, "1.0.0")
	draft := w.draft()
	named := everyOperation(provider, things{program.ID, w.release(program.ID, "1.0.1").ID, draft.ID, live.ReleaseRequestID, o.ID})
	named[contract.ReleaseDelete] = alipayplus.ReleaseInput{ReleaseID: live.ID} // which is not gone then
	unnamed := everyOperation(provider, things{others.ID, elsewhere.ID, draft.ID, elsewhere.ReleaseRequestID, o.ID})
	untouched := succeeds(w, w.owner.Programs.Get, others.ID)

	provider.member("max", alipayplus.RoleMaster)
	provider.member("ann", alipayplus.RoleDeveloper, program.ID, others.ID)
	provider.member("dan", alipayplus.RoleDeveloper)
	for who, h := range map[string]rawClient{
		"O": provider.rawClient("ravi"), "M": provider.rawClient("max"), "A": provider.rawClient("ann"), "D": provider.rawClient("dan"),
	} {
		for _, op := range contract.Operations() {
			if namesNothing[op] && op != contract.ReleaseList || strings.HasPrefix(op.Name, "reviews.") || strings.HasPrefix(op.Name, "orders.") {
				continue // the callers' own, or nobody's but reviewers', or of both sides: TestWhoMayDoWhat, TestOnlyTheTableMovesAnOrder
			}
			got := h.try(op, named[op], "named "+op.Name)
			what := fmt.Sprintf("%s %s: %s", who, op.Name, got.Body)
			_, forMerchants := byOrder[op]
			switch {
			case op == contract.ReleaseList && !o.GivesAccess():
				require.Contains(w, got.Body, `"items":[]`, what)
			case !forMerchants || !o.GivesAccess():
				require.Equal(w, alipayplus.CodeNotFound, got.Result.Code, what)
			case strings.Contains(column(op), who):
				require.NotContains(w, []alipayplus.Code{
					alipayplus.CodeAccessDenied, alipayplus.CodeNotFound, alipayplus.CodeUnknownException,
				}, got.Result.Code, what)
			default:
				require.Equal(w, alipayplus.CodeAccessDenied, got.Result.Code, what)
			}
			got = h.try(op, unnamed[op], "unnamed "+op.Name)
			if op == contract.ReleaseList {
				require.Contains(w, got.Body, `"items":[]`, got.Body)
				continue
			}
			require.Equal(w, alipayplus.CodeNotFound, got.Result.Code, "%s %s, which the order does not name: %s", who, op.Name, got.Body)
		}
	}
	require.Equal(w, untouched, succeeds(w, w.owner.Programs.Get, others.ID))
	if !o.GivesAccess() {
		require.Equal(w, live, w.read(live.ID))
	}
}

// "The ISV adds its developers to the members of the mini program": its owner and masters do, by
// the order, and they alone; what that gives ends with the order.
func TestAProviderAssignsItsDevelopers(t *testing.T) {
	withFixture(t, func(w *fixture) {
		provider := w.neighbour()
		program := w.program()
		o := w.orderIn(alipayplus.OrderInDevelopment, provider, program.ID)
		lead := provider.member("max", alipayplus.RoleMaster)
		ann, ben := provider.member("ann", alipayplus.RoleDeveloper), provider.member("ben", alipayplus.RoleDeveloper)
		reads := func(who *alipayplus.Client) error { _, err := who.Programs.Get(w.Context(), program.ID); return err }
		require.ErrorIs(w, reads(ann), alipayplus.ErrPermission)
		require.ErrorContains(w, reads(ann), "have the mini program assigned to you")

		assign := func(who *alipayplus.Client, members ...string) error {
			_, err := who.Orders.Assign(w.Context(), alipayplus.AssignMembersInput{OrderID: o.ID, Members: members})
			return err
		}
		require.ErrorIs(w, assign(ann, "ann"), alipayplus.ErrPermission, "nobody assigns themselves")
		require.ErrorIs(w, assign(w.owner, "ann"), alipayplus.ErrPermission, "the merchant does not")
		require.ErrorContains(w, assign(provider.owner, "ann", "zoe"), `members[1] "zoe" is no developer of this workspace`)
		require.ErrorContains(w, assign(provider.owner, "max"), "owner and masters need no assignment")
		require.ErrorIs(w, assign(provider.owner, "ann", "ann"), alipayplus.ErrInvalid)

		assigned := succeeds(w, lead.Orders.Assign, alipayplus.AssignMembersInput{OrderID: o.ID, Members: []string{"ann"}})
		require.Equal(w, []string{"ann"}, assigned.Members)
		require.Equal(w, []string{"ann"}, succeeds(w, w.owner.Orders.Get, o.ID).Members, "the merchant sees who works for it")
		require.NoError(w, reads(ann))
		succeeds(w, ann.Programs.UpdateConfiguration, alipayplus.UpdateProgramConfigurationInput{ProgramID: program.ID, Configuration: teaDomains()})
		require.ErrorIs(w, reads(ben), alipayplus.ErrPermission)
		last := provider.auditLog()[len(provider.auditLog())-2]
		require.Equal(w, "assigned: ann", last.Note)

		require.NoError(w, w.p.RemoveMember(w.Context(), provider.workspace, "ann"))
		ann = provider.member("ann", alipayplus.RoleDeveloper)
		require.ErrorIs(w, reads(ann), alipayplus.ErrPermission, "another person of the same name")
		require.NoError(w, assign(lead, "ann", "ben"))
		require.NoError(w, reads(ann))
		require.NoError(w, assign(lead, "ben"))
		require.ErrorIs(w, reads(ann), alipayplus.ErrPermission, "no longer")
		require.NoError(w, reads(ben))

		second := w.orderIn(alipayplus.OrderInDevelopment, provider, program.ID)
		succeeds(w, lead.Orders.Assign, alipayplus.AssignMembersInput{OrderID: second.ID, Members: []string{"ann"}})
		require.NoError(w, reads(ann), "of several orders, the one to which she is assigned")
		require.NoError(w, reads(ben))

		succeeds(w, w.owner.Orders.RevokeAccess, alipayplus.OrderInput{OrderID: o.ID})
		require.Error(w, reads(ben))
		succeeds(w, w.owner.Orders.Cancel, alipayplus.RefuseOrderInput{OrderID: o.ID})
		require.ErrorIs(w, assign(lead, "ann"), alipayplus.ErrConflict, "it is over")
	})
}

// What access an order gave ends with it, and when the merchant takes it back: from the next call
// on, also for a repetition of a call that succeeded.
func TestAccessEnds(t *testing.T) {
	for name, end := range map[string]func(w, provider *fixture, order string){
		"completed": func(w, provider *fixture, order string) {
			succeeds(w, provider.owner.Orders.Submit, alipayplus.OrderInput{OrderID: order})
			succeeds(w, w.owner.Orders.Approve, alipayplus.OrderInput{OrderID: order})
		},
		"canceled by the provider": func(w, provider *fixture, order string) {
			succeeds(w, provider.owner.Orders.Cancel, alipayplus.RefuseOrderInput{OrderID: order})
		},
		"canceled by the merchant": func(w, _ *fixture, order string) {
			succeeds(w, w.owner.Orders.Cancel, alipayplus.RefuseOrderInput{OrderID: order})
		},
		"taken back": func(w, provider *fixture, order string) {
			_, err := provider.owner.Orders.RevokeAccess(w.Context(), alipayplus.OrderInput{OrderID: order})
			require.ErrorIs(w, err, alipayplus.ErrPermission)
			o := succeeds(w, w.owner.Orders.RevokeAccess, alipayplus.OrderInput{OrderID: order})
			require.Equal(w, alipayplus.OrderInDevelopment, o.Status, "the order goes on")
			require.False(w, o.GivesAccess())
			_, err = w.owner.Orders.RevokeAccess(w.Context(), alipayplus.OrderInput{OrderID: order})
			require.ErrorIs(w, err, alipayplus.ErrConflict)
			require.ErrorContains(w, err, "gives no access; nothing is to be taken back")
		},
	} {
		sentence(t, name, func(w *fixture) {
			provider := w.neighbour()
			program := w.program()
			o := w.orderIn(alipayplus.OrderInDevelopment, provider, program.ID)
			configure := alipayplus.UpdateProgramConfigurationInput{ProgramID: program.ID, Configuration: teaDomains(), RequestID: "once"}
			first := succeeds(w, provider.owner.Programs.UpdateConfiguration, configure)
			require.Equal(w, first, succeeds(w, provider.owner.Programs.UpdateConfiguration, configure), "a repetition gets the first outcome")

			end(w, provider, o.ID)

			for _, again := range []func() error{
				func() error {
					_, err := provider.owner.Programs.UpdateConfiguration(w.Context(), configure)
					return err
				},
				func() error { _, err := provider.owner.Programs.Get(w.Context(), program.ID); return err },
			} {
				err := again()
				require.ErrorIs(w, err, alipayplus.ErrNotFound)
				require.ErrorContains(w, err, "there is no mini program")
			}
			require.Equal(w, first, succeeds(w, w.owner.Programs.Get, program.ID), "what was done stays")
		})
	}
}

// Two orders for one mini program: the end of one does not end the other.
func TestTheEndOfOneOrderLeavesTheOther(t *testing.T) {
	withFixture(t, func(w *fixture) {
		provider, program := w.neighbour(), w.program().ID
		first := w.orderIn(alipayplus.OrderInDevelopment, provider, program)
		w.orderIn(alipayplus.OrderUnderApproval, provider, program)
		succeeds(w, w.owner.Orders.Cancel, alipayplus.RefuseOrderInput{OrderID: first.ID})
		succeeds(w, provider.owner.Programs.Get, program)
	})
}

// Access is no more than a mini program: neither an order in the merchant's name, nor its files.
func TestAccessIsToTheMiniProgramAlone(t *testing.T) {
	withFixture(t, func(w *fixture) {
		provider := w.neighbour()
		program := w.program()
		o := w.orderIn(alipayplus.OrderInDevelopment, provider, program.ID)
		_, err := provider.owner.Orders.Place(w.Context(), alipayplus.PlaceOrderInput{ServiceID: w.online().ID, ProgramID: program.ID})
		require.ErrorIs(w, err, alipayplus.ErrNotFound)

		w.upload(w.program().ID, "2.0.0") // another mini program of the merchant's
		file, err := alipayplus.DescribeFile(zipPackage(w, "2.0.0"))
		require.NoError(w, err)
		got := provider.rawClient("ravi").call(contract.VersionUpload, alipayplus.RegisterVersionInput{
			ProgramID: program.ID, Version: alipayplus.VersionNumber{Major: 1}, FileID: file.ID, RequestID: "1",
		})
		require.Equal(w, []alipayplus.FieldError{{Path: "fileId", Message: "names no uploaded file; upload it first"}}, got.Details.Fields)
		require.NotContains(w, fmt.Sprint(succeeds(w, provider.owner.Orders.Get, o.ID)), w.workspace)
	})
}

// A package that the provider uploaded counts in the merchant's workspace once a version names it.
func TestWhatAProviderUploadsIsTheMerchants(t *testing.T) {
	build := zipPackage(t, "by the provider")
	upload := func(w *fixture, program string) error {
		_, err := w.owner.Programs.UploadVersion(w.Context(), alipayplus.UploadVersionInput{
			ProgramID: program, Version: alipayplus.VersionNumber{Major: 1}, Package: bytes.NewReader(build), Size: int64(len(build)),
		})
		return err
	}
	withFixture(t, func(w *fixture) {
		provider, program := w.neighbour(), w.program().ID
		w.orderIn(alipayplus.OrderInDevelopment, provider, program)
		before, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err)
		require.NoError(w, upload(provider, program))
		after, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err)
		require.Equal(w, before.Storage.Used+int64(len(build)), after.Storage.Used)
	})
	withFixture(t, func(w *fixture) {
		provider, program := w.neighbour(), w.program().ID
		w.orderIn(alipayplus.OrderInDevelopment, provider, program)
		w.upload(w.program().ID, "1.0.0")
		require.ErrorIs(w, upload(provider, program), alipayplus.ErrLimit, "there is no room in the merchant's workspace")
	}, platform.WithStorageQuota(int64(len(build)+len(pngImage(t))+10)))
}

// Nobody gives others what he may not do.
func TestWhoConfirmsMustBeAllowedWhatConfirmingAllows(t *testing.T) {
	withFixture(t, func(w *fixture) {
		o := w.orderIn(alipayplus.OrderPendingConfirmation, w.neighbour(), w.program().ID)
		dev := w.member("dan", alipayplus.RoleDeveloper)
		_, err := dev.Orders.Confirm(w.Context(), alipayplus.OrderInput{OrderID: o.ID})
		require.ErrorIs(w, err, alipayplus.ErrPermission)
		require.ErrorContains(w, err, "ask OWNER or MASTER")
		succeeds(w, dev.Orders.Reject, alipayplus.RefuseOrderInput{OrderID: o.ID})
	})
}
