package platform_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
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

// mishap is one thing that can go wrong with a call, and what a client that
// sends once makes of it.
type mishap struct {
	name  string
	fault platform.Fault
	// classes are what the error of a single attempt matches; none: it succeeds.
	classes []error
	// retryable is what alipayplus.IsRetryable says of that error.
	retryable bool
	// happened says whether the call took effect all the same.
	happened bool
	// givenUp: an answer that cannot be trusted is reported at once, because the
	// next one would hardly be better; all else is repeated.
	givenUp bool
}

func mishaps() []mishap {
	lost := []error{alipayplus.ErrOutcomeUnknown}
	return []mishap{
		{name: "cut before", fault: platform.Fault{CutBefore: true}, classes: lost, retryable: true},
		{name: "cut after", fault: platform.Fault{CutAfter: true}, classes: lost, retryable: true, happened: true},
		{name: "processed twice", fault: platform.Fault{Twice: true}, happened: true},
		{name: "processed twice, then cut", fault: platform.Fault{Twice: true, CutAfter: true}, classes: lost, retryable: true, happened: true},
		{name: "503 before", fault: platform.Fault{Status: http.StatusServiceUnavailable, RetryAfter: 20 * time.Second}, classes: lost, retryable: true},
		{name: "503 after", fault: platform.Fault{StatusAfter: http.StatusServiceUnavailable}, classes: lost, retryable: true, happened: true},
		{name: "corrupted", fault: platform.Fault{Corrupt: true}, classes: lost, happened: true, givenUp: true},
		{name: "wrong signature", fault: platform.Fault{WrongSignature: true}, classes: lost, happened: true, givenUp: true},
		{name: "unsigned", fault: platform.Fault{Unsigned: true}, classes: lost, happened: true, givenUp: true},
		{name: "slow", fault: platform.Fault{Delay: 2 * attemptLimit}, classes: []error{alipayplus.ErrOutcomeUnknown, os.ErrDeadlineExceeded}, retryable: true},
		{name: "429", fault: platform.Fault{Status: http.StatusTooManyRequests}, classes: []error{alipayplus.ErrRateLimited}, retryable: true},
		{name: "429 after", fault: platform.Fault{StatusAfter: http.StatusTooManyRequests}, classes: []error{alipayplus.ErrRateLimited}, retryable: true, happened: true},
	}
}

// attemptLimit is how long the clients of these tests wait for one answer.
const attemptLimit = 10 * time.Second

// write is one operation that changes something: who may call it, and what must be
// there before, which gives the input.
type write struct {
	op    contract.Operation
	as    func(*fixture, ...alipayplus.Option) *alipayplus.Client
	given func(*fixture) any
}

// invocation makes the call under an idempotency key.
type invocation func(ctx context.Context, c *alipayplus.Client, id string) (any, error)

func writes() []write {
	release := func(op contract.Operation, from alipayplus.ReleaseStatus) write {
		return write{op: op, given: func(w *fixture) any { return stepOf(op, w.releaseIn(from, w.authorizedProgram().ID), 20) }}
	}
	service := func(op contract.Operation, given func(*fixture) *alipayplus.Service) write {
		return write{op: op, given: func(w *fixture) any { return alipayplus.ServiceInput{ServiceID: given(w).ID} }}
	}
	// What a merchant does with its order, and what a provider does with one of its services.
	asMerchant := func(op contract.Operation, from alipayplus.OrderStatus) write {
		return write{op: op, given: func(w *fixture) any { return orderStep(op, w.orderIn(from, w.neighbour(), w.program().ID)) }}
	}
	asProvider := func(op contract.Operation, from alipayplus.OrderStatus) write {
		return write{op: op, given: func(w *fixture) any {
			merchant := w.neighbour()
			return orderStep(op, merchant.orderIn(from, w, merchant.program().ID))
		}}
	}
	return []write{
		{op: contract.ProgramCreate, given: func(*fixture) any { return alipayplus.CreateProgramInput{Languages: chinese()} }},
		{op: contract.ProgramAddLanguages, given: func(w *fixture) any {
			return alipayplus.AddLanguagesInput{ProgramID: w.program().ID, Languages: []alipayplus.Localization{{Language: "en", Name: "Blue Lake Tea"}}}
		}},
		{op: contract.ProgramConfigure, given: func(w *fixture) any {
			return alipayplus.UpdateProgramConfigurationInput{ProgramID: w.program().ID, Configuration: teaDomains()}
		}},
		{op: contract.VersionUpload, given: func(w *fixture) any {
			return versionUpload{programID: w.program().ID, version: alipayplus.VersionNumber{Major: 1}, content: zipPackage(w, "1.0.0")}
		}},
		{op: contract.QRCodeCreate, given: func(w *fixture) any {
			return alipayplus.CreateQRCodeInput{AppID: w.full(w.authorizedProgram().ID, "1.0.0").ProgramID, Page: "pages/tea"}
		}},
		{op: contract.ReleaseCreate, given: func(w *fixture) any {
			program := w.authorizedProgram().ID
			return alipayplus.CreateReleaseInput{ProgramID: program, Version: w.upload(program, "1.0.0"), TargetApp: cn}
		}},
		{op: contract.ReleaseConfigure, given: func(w *fixture) any {
			return alipayplus.UpdateReleaseConfigurationInput{ReleaseID: w.created().ID, Configuration: teaDomains()}
		}},
		{op: contract.ReleaseTest, given: func(w *fixture) any {
			return alipayplus.TestCompatibilityInput{ReleaseID: w.releaseTo(partner, w.program().ID, "1.0.0").ID}
		}},
		release(contract.ReleaseApply, alipayplus.ReleaseNewVersionCreated),
		release(contract.ReleaseWithdraw, alipayplus.ReleaseUnderReview),
		release(contract.ReleaseRaise, alipayplus.ReleaseGrayscale),
		{op: contract.ReleaseFinalize, given: func(w *fixture) any {
			former := w.full(w.authorizedProgram().ID, "1.0.0")
			return alipayplus.FinalizeInput{ReleaseID: w.prepared(former.ProgramID, "1.1.0").ID}
		}},
		release(contract.ReleaseCancel, alipayplus.ReleasePreparation),
		release(contract.ReleaseTakeOffline, alipayplus.ReleaseFull),
		{op: contract.ReleaseRollBack, given: func(w *fixture) any {
			former := w.full(w.authorizedProgram().ID, "1.0.0")
			return alipayplus.ReleaseInput{ReleaseID: w.full(former.ProgramID, "1.1.0").ID}
		}},
		release(contract.ReleaseDelete, alipayplus.ReleaseNewVersionCreated),
		{op: contract.AuthorizationBegin, given: func(w *fixture) any {
			return alipayplus.BeginAuthorizationInput{ProgramID: w.program().ID, TargetApp: cn}
		}},
		{op: contract.ServiceCreate, given: func(w *fixture) any { return alipayplus.CreateServiceInput{ServiceDescription: w.offer()} }},
		{op: contract.ServiceUpdate, given: func(w *fixture) any {
			s := w.draft()
			s.Name = "Tea shops, better"
			return alipayplus.UpdateServiceInput{ServiceID: s.ID, ServiceDescription: s.ServiceDescription}
		}},
		service(contract.ServiceSubmit, (*fixture).draft),
		service(contract.ServiceWithdraw, (*fixture).submitted),
		service(contract.ServiceArchive, (*fixture).online),
		{op: contract.OrderPlace, given: func(w *fixture) any {
			return alipayplus.PlaceOrderInput{ServiceID: w.neighbour().online().ID, ProgramID: w.program().ID, Note: "in green, please"}
		}},
		asProvider(contract.OrderAccept, alipayplus.OrderNew),
		asProvider(contract.OrderReject, alipayplus.OrderNew),
		asMerchant(contract.OrderConfirm, alipayplus.OrderPendingConfirmation),
		asProvider(contract.OrderSubmit, alipayplus.OrderInDevelopment),
		asMerchant(contract.OrderApprove, alipayplus.OrderUnderApproval),
		asMerchant(contract.OrderTurnDown, alipayplus.OrderUnderApproval),
		asMerchant(contract.OrderCancel, alipayplus.OrderInDevelopment),
		asMerchant(contract.OrderRevokeAccess, alipayplus.OrderInDevelopment),
		{op: contract.OrderAssign, given: func(w *fixture) any {
			merchant := w.neighbour()
			w.member("ann", alipayplus.RoleDeveloper)
			o := merchant.orderIn(alipayplus.OrderInDevelopment, w, merchant.program().ID)
			return alipayplus.AssignMembersInput{OrderID: o.ID, Members: []string{"ann"}}
		}},
		{op: contract.FileUpload, given: func(w *fixture) any { return pngImage(w) }},
		{op: contract.ReviewDecide, as: func(w *fixture, opts ...alipayplus.Option) *alipayplus.Client {
			return w.reviewer(alipayplus.PartyAlipayPlus, opts...)
		}, given: func(w *fixture) any {
			return alipayplus.DecideInput{ID: w.submitted().ReleaseRequestID, Approve: true}
		}},
		{op: contract.SessionBegin, given: func(*fixture) any {
			return alipayplus.BeginSessionInput{TokenHash: fmt.Sprintf("%x", sha256.Sum256([]byte(signInToken)))}
		}},
	}
}

// orderStep is the input of an operation about an order.
func orderStep(op contract.Operation, o *alipayplus.Order) any {
	switch op {
	case contract.OrderReject, contract.OrderTurnDown, contract.OrderCancel:
		return alipayplus.RefuseOrderInput{OrderID: o.ID, Reason: "no time"}
	default:
		return alipayplus.OrderInput{OrderID: o.ID}
	}
}

// signInToken is the secret of an address that a test makes.
const signInToken = "of an address that signs in"

func (o write) caller(w *fixture, opts ...alipayplus.Option) *alipayplus.Client {
	w.Helper()
	if o.as != nil {
		return o.as(w, opts...)
	}
	return w.as("olga", opts...)
}

// The things that the calls need, made by the owner.

func chinese() []alipayplus.Localization {
	return []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}
}

func teaDomains() alipayplus.Configuration {
	return alipayplus.Configuration{ServerDomains: []string{"api.bluelake.example"}}
}

// created gives a release of a mini program of its own.
func (w *fixture) created() *alipayplus.Release {
	w.Helper()
	return w.release(w.authorizedProgram().ID, "1.0.0")
}

// saved is a fixture put aside, to be taken up again as often as needed.
type saved struct {
	workspace string
	records   []storage.Entry
}

// save puts aside what a store holds.
func (w *fixture) save(store storage.Store) saved {
	w.Helper()
	s := saved{workspace: w.workspace}
	require.NoError(w, store.View(w.Context(), func(tx storage.Tx) error {
		for record, err := range tx.Scan("", "", false) {
			if err != nil {
				return err
			}
			s.records = append(s.records, record)
		}
		return nil
	}))
	return s
}

// fixture takes the saved one up, as a platform that starts over its store, a
// minute after midnight.
func (s saved) fixture(t *testing.T, opts ...platform.Option) *fixture {
	t.Helper()
	time.Sleep(time.Minute)
	store := storage.NewMemory()
	require.NoError(t, store.Update(t.Context(), func(tx storage.Tx) error {
		for _, record := range s.records {
			if err := tx.Put(record.Key, record.Value); err != nil {
				return err
			}
		}
		return nil
	}))
	p, err := platform.New(append([]platform.Option{platform.WithSigner(testkey.FastKey()), platform.WithStore(store), platform.WithConsole(noPages)}, opts...)...)
	require.NoError(t, err)
	w := &fixture{T: t, p: p, workspace: s.workspace}
	w.owner = w.as("olga")
	return w
}

// effect is what an audit entry says happened, without what differs from run to
// run: ids and times.
type effect struct {
	Who, Kind, From, To, Note string
}

// effects lists what happened in the workspace after the first n entries. All of
// it must be the doing of the call with the given id, where it says whose it is.
func (w *fixture) effects(n int, id string) []effect {
	w.Helper()
	var found []effect
	for _, e := range w.auditLog()[n:] {
		require.Contains(w, []string{id, ""}, e.RequestID)
		next := effect{Who: e.Who, Kind: e.Kind, From: e.From, To: e.To, Note: e.Note}
		if e.Kind == "QR code" && slices.Contains(found, next) {
			continue // a repetition has no key to be known by, and gives the same code
		}
		found = append(found, next)
	}
	return found
}

// requireRight checks that a result is what the platform now says of the thing.
func (w *fixture) requireRight(result any) {
	w.Helper()
	read := func(now any, err error) {
		w.Helper()
		require.NoError(w, err)
		require.Equal(w, result, now, "the result is not what a read gives")
	}
	ctx := w.Context()
	switch r := result.(type) {
	case *alipayplus.Program:
		read(outcome(w.owner.Programs.Get(ctx, r.ID)))
	case *alipayplus.Version:
		page, err := w.owner.Programs.ListVersions(ctx, alipayplus.ListVersionsInput{ProgramID: r.ProgramID})
		require.NoError(w, err)
		require.Equal(w, []*alipayplus.Version{r}, page.Items)
	case *alipayplus.Release:
		if r.Status == alipayplus.ReleaseDeleted {
			_, err := w.owner.Releases.Get(ctx, r.ID)
			require.ErrorIs(w, err, alipayplus.ErrNotFound)
			return
		}
		read(outcome(w.owner.Releases.Get(ctx, r.ID)))
	case *alipayplus.Authorization:
		read(outcome(w.owner.Authorizations.Get(ctx, alipayplus.AuthorizationInput{ProgramID: r.ProgramID, TargetApp: r.TargetApp})))
	case *alipayplus.Service:
		read(outcome(w.owner.Services.Get(ctx, r.ID)))
	case *alipayplus.Order:
		read(outcome(w.owner.Orders.Get(ctx, r.ID)))
	case *alipayplus.Request:
		read(outcome(w.owner.Requests.Get(ctx, r.ID)))
	case *alipayplus.QRCode:
		_, err := r.PNG()
		require.NoError(w, err)
	case *alipayplus.File:
		described, err := alipayplus.DescribeFile(pngImage(w))
		require.NoError(w, err)
		require.Equal(w, described, r)
	case *alipayplus.SignIn:
		who, err := w.p.SignInFor(ctx, signInToken)
		if !time.Now().Before(r.ExpiresAt) { // the call took longer than the address is good for
			require.ErrorIs(w, err, alipayplus.ErrUnauthenticated)
			return
		}
		require.NoError(w, err)
		require.Equal(w, "olga", who.Member)
		require.Equal(w, r.ExpiresAt, who.ExpiresAt)
	default:
		require.Failf(w, "no way to read it back", "%T", result)
	}
}

// TestEveryWriteUnderEveryFault: whatever goes wrong with a call, its effect
// happens once, and who asks again under the same key gets the first outcome.
func TestEveryWriteUnderEveryFault(t *testing.T) {
	covered := map[contract.Operation]bool{}
	for i, op := range writes() {
		covered[op.op] = true
		t.Run(op.op.Name, func(t *testing.T) {
			t.Parallel()
			given, call, undisturbed := op.prepare(t)
			for j, m := range mishaps() {
				if testing.Short() && (i+j)%3 != 0 {
					continue // each write has four of them then, and each of them a third of the writes
				}
				t.Run(m.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						op.repeats(given.fixture(t, bothApps()), m, call, undisturbed)
						op.sendsOnce(given.fixture(t, bothApps()), m, call, undisturbed)
					})
				})
			}
		})
	}
	for _, op := range contract.Operations() {
		require.Equal(t, op.Write, covered[op], "%s: a write that this test leaves out", op.Name)
	}
}

// prepare sets the stage, and makes the call without any fault to see what it does.
func (o write) prepare(t *testing.T) (given saved, call invocation, undisturbed []effect) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := storage.NewMemory()
		first := newFixture(t, platform.WithStore(store), bothApps())
		in := o.given(first)
		call = func(ctx context.Context, c *alipayplus.Client, id string) (any, error) {
			return do(ctx, c, o.op, withRequestID(in, id))
		}
		given = first.save(store)

		w := given.fixture(t, bothApps())
		before := len(w.auditLog())
		result, err := call(t.Context(), o.caller(w), "key")
		require.NoError(t, err)
		w.requireRight(result)
		undisturbed = w.effects(before, "key")
		require.NotEmpty(t, undisturbed, "all leave a trace")
	})
	return given, call, undisturbed
}

// repeats makes the call with retries on, once through one fault and once
// through three in a row.
func (o write) repeats(w *fixture, m mishap, call invocation, undisturbed []effect) {
	w.Helper()
	client := o.caller(w, alipayplus.WithAttemptTimeout(attemptLimit))
	before := len(w.auditLog())
	m.fault.Operation, m.fault.Times = o.op.Name, 3
	w.p.Inject(m.fault)
	result, err := call(w.Context(), client, "key")
	if m.givenUp {
		m.requireError(w, err)
	} else {
		require.NoError(w, err)
		w.requireRight(result)
	}
	require.Equal(w, undisturbed, w.effects(before, "key"), "the effect happens exactly once")
}

// sendsOnce makes the call with retries off, checks the error, and then
// repeats it by hand under the same key.
func (o write) sendsOnce(w *fixture, m mishap, call invocation, undisturbed []effect) {
	w.Helper()
	client := o.caller(w, alipayplus.WithAttemptTimeout(attemptLimit), alipayplus.WithRetry(1, 0, 0))
	before := len(w.auditLog())
	m.fault.Operation = o.op.Name
	w.p.Inject(m.fault)
	_, err := call(w.Context(), client, "key")
	m.requireError(w, err)
	if m.happened {
		require.Equal(w, undisturbed, w.effects(before, "key"))
	} else if len(undisturbed) > 0 {
		require.NotEqual(w, undisturbed, w.effects(before, "key"), "nothing has happened yet")
	}

	time.Sleep(time.Minute)
	first, err := call(w.Context(), client, "key")
	require.NoError(w, err)
	w.requireRight(first)
	again, err := call(w.Context(), client, "key")
	require.NoError(w, err)
	require.Equal(w, first, again, "each repetition gets the first outcome")
	require.Equal(w, undisturbed, w.effects(before, "key"), "the effect happens exactly once")
}

// requireError checks the error of a call that was sent once.
func (m mishap) requireError(t require.TestingT, err error) {
	if len(m.classes) == 0 {
		require.NoError(t, err)
		return
	}
	for _, class := range m.classes {
		require.ErrorIs(t, err, class)
	}
	require.Equal(t, m.retryable, alipayplus.IsRetryable(err))
	_, untrusted := errors.AsType[*alipayplus.SignatureError](err)
	require.Equal(t, m.givenUp, untrusted, "%v", err)
	e, ok := errors.AsType[*alipayplus.Error](err)
	require.True(t, ok)
	require.Equal(t, 1, e.Attempts)
	limited := errors.Is(err, alipayplus.ErrRateLimited)
	require.Equal(t, !limited, errors.Is(err, alipayplus.ErrOutcomeUnknown), "429 turns a call away before it does anything")
}

// TestAFaultHoldsForItsTimes: and the page of a proxy says when to come back.
func TestAFaultHoldsForItsTimes(t *testing.T) {
	w := newFixture(t)
	client := w.as("olga", alipayplus.WithRetry(1, 0, 0))
	w.p.Inject(platform.Fault{
		Operation: contract.WorkspaceQuery.Name, Times: 2, Status: http.StatusServiceUnavailable, RetryAfter: 20 * time.Second,
	})
	for range 2 {
		_, err := client.Workspace.Get(t.Context())
		e, ok := errors.AsType[*alipayplus.Error](err)
		require.True(t, ok, err)
		require.Equal(t, http.StatusServiceUnavailable, e.HTTPStatus)
		require.Equal(t, 20*time.Second, e.RetryAfter)
		require.Contains(t, e.Body, "<h1>503 Service Unavailable</h1>")
	}
	_, err := client.Workspace.Get(t.Context())
	require.NoError(t, err)
}

// A fault that never happens would prove nothing.
func TestInjectKnowsItsOperations(t *testing.T) {
	w := newFixture(t)
	for _, wrong := range []string{"releases.aply", "release/apply", "RELEASES.APPLY", " "} {
		require.PanicsWithValue(t, fmt.Sprintf("platform: Inject: there is no operation %q", wrong), func() {
			w.p.Inject(platform.Fault{Operation: wrong, Times: 1000, CutBefore: true})
		})
	}
	_, err := w.owner.Workspace.Get(t.Context())
	require.NoError(t, err, "and nothing was injected")
	for _, op := range contract.Operations() {
		require.NotPanics(t, func() { w.p.Inject(platform.Fault{Operation: op.Name}) }, op.Name)
	}
	require.NotPanics(t, func() { w.p.Inject(platform.Fault{}) })
}
