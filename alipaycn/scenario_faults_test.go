package alipaycn_test

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

const (
	isvID      = "2021000000000001"
	miniID     = "2021000000000002"
	templateID = "2021000000000003"
)

// faultyWrite is a write where it is possible.
type faultyWrite struct {
	op cnwire.Operation
	// prepare brings the gateway to where the write is possible.
	prepare func(*gatewayFixture)
	do      func(context.Context, *gatewayFixture) error
	// silent: no state proves it.
	silent bool
	// app counts its effects.
	app string
}

// arrange makes a gateway on which the write is possible; effects says how often the
// write has taken effect since.
func (f faultyWrite) arrange(t *testing.T) (w *gatewayFixture, effects func() int) {
	t.Helper()
	w = newGatewayFixture(t)
	if f.prepare != nil {
		f.prepare(w)
	}
	app := cmp.Or(f.app, miniID)
	before := w.g.Effects(app)[f.op.Name]
	return w, func() int { return w.g.Effects(app)[f.op.Name] - before }
}

func inStatus(status alipaycn.VersionStatus) func(*gatewayFixture) {
	return func(w *gatewayFixture) { w.bring(status) }
}

func faultyWrites() []faultyWrite {
	version := func(op cnwire.Operation, status alipaycn.VersionStatus, do func(context.Context, *alipaycn.VersionsClient) error) faultyWrite {
		return faultyWrite{op: op, prepare: inStatus(status), do: func(ctx context.Context, w *gatewayFixture) error { return do(ctx, &w.c.Versions) }}
	}
	domain := alipaycn.SafeDomainInput{Domain: "api.bluelake.example"}
	rule := alipaycn.BindQRCodeInput{RouteURL: "https://bluelake.example/table", Page: "pages/index/index", Mode: alipaycn.RouteExact}
	var code string
	return append(faultyOrders(), []faultyWrite{
		{op: cnwire.VersionUpload, do: func(ctx context.Context, w *gatewayFixture) error {
			_, err := w.c.Versions.Upload(ctx, alipaycn.UploadInput{TemplateID: templateID, Version: number(1)})
			return err
		}},
		version(cnwire.VersionApply, alipaycn.StatusInit, func(ctx context.Context, v *alipaycn.VersionsClient) error {
			_, err := v.Apply(ctx, firstApplication())
			return err
		}),
		version(cnwire.VersionCancelAudit, alipaycn.StatusAuditing, func(ctx context.Context, v *alipaycn.VersionsClient) error {
			return v.CancelAudit(ctx, alipaycn.CancelAuditInput{Version: number(1)})
		}),
		version(cnwire.VersionReturnToDevelopment, alipaycn.StatusWaitRelease, func(ctx context.Context, v *alipaycn.VersionsClient) error {
			return v.ReturnToDevelopment(ctx, firstVersion())
		}),
		version(cnwire.VersionGray, alipaycn.StatusWaitRelease, func(ctx context.Context, v *alipaycn.VersionsClient) error {
			return v.StartGray(ctx, alipaycn.GrayInput{Version: number(1), Strategy: alipaycn.GrayP10})
		}),
		version(cnwire.VersionGray, alipaycn.StatusGray, func(ctx context.Context, v *alipaycn.VersionsClient) error {
			return v.RaiseGray(ctx, alipaycn.GrayInput{Version: number(1), Strategy: alipaycn.GrayP30})
		}),
		version(cnwire.VersionCancelGray, alipaycn.StatusGray, func(ctx context.Context, v *alipaycn.VersionsClient) error {
			return v.CancelGray(ctx, firstVersion())
		}),
		version(cnwire.VersionPublish, alipaycn.StatusWaitRelease, func(ctx context.Context, v *alipaycn.VersionsClient) error {
			return v.Publish(ctx, alipaycn.PublishInput{Version: number(1)})
		}),
		version(cnwire.VersionTakeOffline, alipaycn.StatusRelease, func(ctx context.Context, v *alipaycn.VersionsClient) error {
			return v.TakeOffline(ctx, firstVersion())
		}),
		{op: cnwire.VersionRollback, prepare: func(w *gatewayFixture) {
			w.bring(alipaycn.StatusRelease)
			require.NoError(w.t, w.g.AddVersion(miniID, "0.2.0"))
			next := firstApplication()
			next.Version = number(2)
			_, err := w.c.Versions.Apply(w.t.Context(), next)
			require.NoError(w.t, err)
			require.NoError(w.t, w.g.Approve(miniID, "0.2.0"))
			require.NoError(w.t, w.c.Versions.Publish(w.t.Context(), alipaycn.PublishInput{Version: number(2)}))
		}, do: func(ctx context.Context, w *gatewayFixture) error {
			return w.c.Versions.Rollback(ctx, alipaycn.VersionInput{Version: number(2)})
		}},
		version(cnwire.VersionDelete, alipaycn.StatusInit, func(ctx context.Context, v *alipaycn.VersionsClient) error {
			return v.Delete(ctx, firstVersion())
		}),
		{op: cnwire.BaseInfoModify, do: func(ctx context.Context, w *gatewayFixture) error {
			return w.c.BaseInfo.Modify(ctx, alipaycn.ModifyBaseInfoInput{AppSlogan: "Tea from the blue lake"})
		}},
		{op: cnwire.ExperienceCreate, prepare: inStatus(alipaycn.StatusInit), do: func(ctx context.Context, w *gatewayFixture) error {
			return w.c.Experience.Create(ctx, firstVersion())
		}},
		{op: cnwire.ExperienceCancel, prepare: func(w *gatewayFixture) {
			w.bring(alipaycn.StatusInit)
			require.NoError(w.t, w.c.Experience.Create(w.t.Context(), firstVersion()))
		}, do: func(ctx context.Context, w *gatewayFixture) error { return w.c.Experience.Cancel(ctx, firstVersion()) }},
		{op: cnwire.SafeDomainAdd, do: func(ctx context.Context, w *gatewayFixture) error { return w.c.SafeDomains.Add(ctx, domain) }},
		{op: cnwire.SafeDomainRemove, prepare: func(w *gatewayFixture) {
			require.NoError(w.t, w.c.SafeDomains.Add(w.t.Context(), domain))
		}, do: func(ctx context.Context, w *gatewayFixture) error { return w.c.SafeDomains.Remove(ctx, domain) }},
		{op: cnwire.MemberAdd, silent: true, do: func(ctx context.Context, w *gatewayFixture) error {
			return w.c.Members.Add(ctx, alipaycn.AddMemberInput{LogonID: "mei@bluelake.example", Role: alipaycn.RoleDeveloper})
		}},
		{op: cnwire.MemberRemove, prepare: func(w *gatewayFixture) {
			require.NoError(w.t, w.c.Members.Add(w.t.Context(), alipaycn.AddMemberInput{LogonID: "mei@bluelake.example", Role: alipaycn.RoleDeveloper}))
		}, do: func(ctx context.Context, w *gatewayFixture) error {
			list, err := w.c.Members.List(ctx, alipaycn.ListMembersInput{Role: alipaycn.RoleDeveloper})
			require.NoError(w.t, err)
			return w.c.Members.Remove(ctx, alipaycn.RemoveMemberInput{UserID: list.Members[0].UserID, Role: alipaycn.RoleDeveloper})
		}},
		{op: cnwire.QRCodeCreate, silent: true, do: func(ctx context.Context, w *gatewayFixture) error {
			_, err := w.c.QRCodes.Create(ctx, alipaycn.CreateQRCodeInput{Page: "pages/index/index", Description: "a table", Query: "a=b"})
			return err
		}},
		{op: cnwire.QRCodeBind, prepare: inStatus(alipaycn.StatusInit), do: func(ctx context.Context, w *gatewayFixture) error {
			bound, err := w.c.QRCodes.Bind(ctx, rule)
			if err == nil {
				require.NotEmpty(w.t, bound.RouteGroup)
			}
			return err
		}},
		{op: cnwire.QRCodeUnbind, prepare: func(w *gatewayFixture) {
			w.bring(alipaycn.StatusInit)
			_, err := w.c.QRCodes.Bind(w.t.Context(), rule)
			require.NoError(w.t, err)
		}, do: func(ctx context.Context, w *gatewayFixture) error {
			list, err := w.c.QRCodes.List(ctx, alipaycn.ListQRCodesInput{Page: 1, PageSize: 10})
			require.NoError(w.t, err)
			return w.c.QRCodes.Unbind(ctx, alipaycn.UnbindQRCodeInput{RouteGroup: list.Rules[0].RouteGroup})
		}},
		{op: cnwire.AuthorizationToken, silent: true, app: isvID, prepare: func(w *gatewayFixture) {
			made, err := w.g.AuthorizationCode(isvID, miniID)
			require.NoError(w.t, err)
			code = made
		}, do: func(ctx context.Context, w *gatewayFixture) error {
			_, err := w.c.Authorization.Exchange(ctx, code)
			return err
		}},
	}...)
}

// faultyOrders are the writes about an order, which for all but a confirmation count for the
// third-party app.
func faultyOrders() []faultyWrite {
	var order string
	placed := func(steps ...func(*gatewayFixture) error) func(*gatewayFixture) {
		return func(w *gatewayFixture) {
			var err error
			order, err = w.g.PlaceOrder(isvID, miniID)
			require.NoError(w.t, err)
			for _, step := range steps {
				require.NoError(w.t, step(w))
			}
		}
	}
	item := func() alipaycn.OrderItemInput { return alipaycn.OrderItemInput{OrderID: order, MiniAppID: miniID} }
	accept := func(w *gatewayFixture) error {
		return w.c.Orders.Accept(w.t.Context(), alipaycn.OrderInput{OrderID: order})
	}
	complete := func(w *gatewayFixture) error { return w.c.Orders.CompleteItem(w.t.Context(), item()) }
	return []faultyWrite{
		{op: cnwire.OrderCreate, silent: true, app: isvID, do: func(ctx context.Context, w *gatewayFixture) error {
			_, err := w.c.Orders.Create(ctx, alipaycn.CreateOrderInput{
				ServiceID: "AM01", MerchantPID: "2088000000000001", AppName: "GreenLakeTea", AppEnglishName: "GreenLakeTea", AppLogo: squarePNG(180),
			})
			return err
		}},
		{op: cnwire.OrderAccept, app: isvID, prepare: placed(), do: func(ctx context.Context, w *gatewayFixture) error {
			return w.c.Orders.Accept(ctx, alipaycn.OrderInput{OrderID: order})
		}},
		{op: cnwire.OrderReject, app: isvID, prepare: placed(), do: func(ctx context.Context, w *gatewayFixture) error {
			return w.c.Orders.Reject(ctx, alipaycn.RejectOrderInput{OrderID: order, Reason: "no time"})
		}},
		{op: cnwire.OrderCompleteItem, app: isvID, prepare: placed(accept), do: func(ctx context.Context, w *gatewayFixture) error {
			return w.c.Orders.CompleteItem(ctx, item())
		}},
		{op: cnwire.OrderConfirmItem, prepare: placed(accept, complete), do: func(ctx context.Context, w *gatewayFixture) error {
			return w.c.Orders.ConfirmItem(ctx, item())
		}},
		{op: cnwire.OrderCancelItem, app: isvID, prepare: placed(accept), do: func(ctx context.Context, w *gatewayFixture) error {
			return w.c.Orders.CancelItem(ctx, alipaycn.CancelOrderItemInput{OrderID: order, MiniAppID: miniID, Reason: "no time"})
		}},
	}
}

// faultCase is a fault, and what is known after it.
type faultCase struct {
	name  string
	fault alipaycntest.Fault
	// effect is how often the one faulty attempt takes effect.
	effect int
	// refused: the call was surely not processed, so that any write may be repeated.
	refused bool
}

func faultCases() []faultCase {
	return []faultCase{
		{"cut before", alipaycntest.Fault{CutBefore: true}, 0, false},
		{"cut after", alipaycntest.Fault{CutAfter: true}, 1, false},
		{"429", alipaycntest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second}, 0, true},
		{"limit", alipaycntest.Fault{Code: alipaycn.GatewayAppCallLimited}, 0, true},
		{"503 before", alipaycntest.Fault{Status: http.StatusServiceUnavailable}, 0, false},
		{"503 after", alipaycntest.Fault{StatusAfter: http.StatusServiceUnavailable}, 1, false},
		{"system error before", alipaycntest.Fault{Code: alipaycn.CodeSystemError}, 0, false},
		{"system error after", alipaycntest.Fault{CodeAfter: alipaycn.CodeSystemError}, 1, false},
		{"unsigned", alipaycntest.Fault{Unsigned: true}, 1, false},
		{"wrong signature", alipaycntest.Fault{WrongSignature: true}, 1, false},
		{"changed on the way", alipaycntest.Fault{Corrupt: true}, 1, false},
		{"slow", alipaycntest.Fault{Delay: time.Minute, CutAfter: true}, 0, false},
	}
}

func TestEveryWriteTakesEffectOnceUnderEveryFault(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	covered := map[string]bool{}
	for _, write := range faultyWrites() {
		covered[write.op.Name] = true
		for _, fault := range faultCases() {
			t.Run(write.op.Name+"/"+fault.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { faultMeetsWrite(t, write, fault) })
			})
		}
	}
	for _, op := range cnwire.Operations() {
		require.Equal(t, op.Write, covered[op.Name], op.Name)
	}
}

// A fault that the stand-in learns is met by every write.
func TestEveryFaultOfTheStandInMeetsTheWrites(t *testing.T) {
	for field := range reflect.TypeFor[alipaycntest.Fault]().Fields() {
		if field.Name == "Operation" || field.Name == "Times" {
			continue
		}
		met := slices.ContainsFunc(faultCases(), func(c faultCase) bool { return !reflect.ValueOf(c.fault).FieldByIndex(field.Index).IsZero() })
		require.True(t, met, "no write meets a fault with %s", field.Name)
	}
}

func faultMeetsWrite(t *testing.T, write faultyWrite, fault faultCase) {
	w, effects := write.arrange(t)
	fault.fault.Operation = write.op.Name
	w.g.Inject(fault.fault)

	err := write.do(t.Context(), w)

	if write.silent && !fault.refused {
		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.Equal(t, fault.effect, effects())
		return
	}
	require.NoError(t, err)
	require.Equal(t, 1, effects())
}

// noReads fails all calls that read something.
func noReads(g *alipaycntest.Gateway) {
	for _, op := range cnwire.Operations() {
		if !op.Write {
			g.Inject(alipaycntest.Fault{Operation: op.Name, Status: http.StatusServiceUnavailable, Times: 1000})
		}
	}
}

// When the gateway is down before a write whose state before is read, one attempt is made, nothing is
// sent, and the error says that nothing happened. The end of a grayscale release is sent all the same.
func TestAWriteIsNotSentWhileTheStateBeforeCannotBeRead(t *testing.T) {
	for _, write := range faultyWrites() {
		if !slices.Contains([]cnwire.Operation{
			cnwire.VersionUpload, cnwire.VersionApply, cnwire.VersionCancelAudit, cnwire.VersionReturnToDevelopment,
			cnwire.VersionGray, cnwire.VersionCancelGray, cnwire.VersionPublish, cnwire.VersionDelete, cnwire.QRCodeBind,
		}, write.op) {
			continue
		}
		t.Run(write.op.Name, alipaycn.InVirtualTime(func(t *testing.T) {
			w, effects := write.arrange(t)
			attempts := map[string]int{}
			w.c = w.client(alipaycn.WithObserver(func(_ context.Context, a alipaycn.Attempt) { attempts[a.Operation]++ }))
			noReads(w.g)
			err := write.do(t.Context(), w)

			require.Len(t, attempts, 1+effects())
			if write.op == cnwire.VersionCancelGray {
				require.NoError(t, err)
				require.Equal(t, 1, effects())
				require.Equal(t, map[string]int{"versions.get": 1, "versions.cancelGray": 1}, attempts)
				return
			}
			for _, n := range attempts {
				require.Equal(t, 1, n)
			}
			require.Zero(t, effects())
			require.ErrorContains(t, err, "alipaycn: "+write.op.Name+": nothing happened: it was not sent")
			require.NotErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
			require.True(t, isRetryable(err))
		}))
	}
}

// AlipayCN that is busy is asked again, as by other calls.
func TestTheStateBeforeIsReadAgainFromABusyGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusWaitRelease)
		w.g.Inject(alipaycntest.Fault{Operation: "versions.get", Status: http.StatusTooManyRequests, Times: 2})
		require.NoError(t, publish(t.Context(), w.c))
	})
}

// When the gateway stays down, the write is not repeated and the error says so.
func TestAWriteIsNotRepeatedWhileItsStateCannotBeRead(t *testing.T) {
	for _, write := range faultyWrites() {
		if write.op == cnwire.MemberRemove || write.op == cnwire.QRCodeUnbind {
			continue // what they name comes from a list
		}
		t.Run(write.op.Name, alipaycn.InVirtualTime(func(t *testing.T) {
			w, effects := write.arrange(t)
			w.g.Inject(alipaycntest.Fault{Operation: write.op.Name, CutAfter: true})
			w.c = w.client(alipaycn.WithObserver(func(_ context.Context, a alipaycn.Attempt) {
				if a.Operation == write.op.Name {
					noReads(w.g)
				}
			}))
			err := write.do(t.Context(), w)

			require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
			require.False(t, isRetryable(err))
			require.Equal(t, 1, effects())
		}))
	}
}

func isRetryable(err error) bool {
	e, ok := errors.AsType[*alipaycn.Error](err)
	return ok && e.Retryable
}

// A write that never gets through is sent as often as any call, and no more.
func TestAWriteThatNeverGetsThroughIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusWaitRelease)
		sent := len(w.g.Calls())
		w.g.Inject(alipaycntest.Fault{Operation: "versions.publish", CutBefore: true, Times: 100})

		err := w.c.Versions.Publish(t.Context(), alipaycn.PublishInput{Version: number(1)})

		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "afterwards the version is in WAIT_RELEASE")
		failure, _ := errors.AsType[*alipaycn.Error](err)
		require.Equal(t, 4, failure.Attempts)
		publishes := 0
		for _, call := range w.g.Calls()[sent:] {
			if call.Operation == "versions.publish" {
				publishes++
			}
		}
		require.Equal(t, 4, publishes)
	})
}

// The deadline is kept, and the last of it goes into reading the state.
func TestTheDeadlineIsKeptWhileAWriteIsReconciled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusWaitRelease)
		w.g.Inject(alipaycntest.Fault{Operation: "versions.publish", CutBefore: true, Times: 100})
		ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond) // less than the first wait
		defer cancel()
		start := time.Now()

		err := w.c.Versions.Publish(ctx, alipaycn.PublishInput{Version: number(1)})

		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "WAIT_RELEASE")
		require.Zero(t, time.Since(start))
		require.Zero(t, w.g.Effects(miniID)["versions.publish"])
	})
}
