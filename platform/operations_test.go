package platform_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
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

// versionUpload is the input of Programs.UploadVersion with its content at hand, so
// that it can be sent again and again.
type versionUpload struct {
	programID string
	version   alipayplus.VersionNumber
	content   []byte
	RequestID string
}

// do makes the client's call of an operation. The input of an upload is a
// versionUpload, or the bytes of a file.
func do(ctx context.Context, c *alipayplus.Client, op contract.Operation, in any) (any, error) {
	switch in := in.(type) {
	case alipayplus.CreateProgramInput:
		return outcome(c.Programs.Create(ctx, in))
	case alipayplus.AddLanguagesInput:
		return outcome(c.Programs.AddLanguages(ctx, in))
	case alipayplus.UpdateProgramConfigurationInput:
		return outcome(c.Programs.UpdateConfiguration(ctx, in))
	case versionUpload:
		return outcome(c.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
			ProgramID: in.programID, Version: in.version, RequestID: in.RequestID,
			Package: bytes.NewReader(in.content), Size: int64(len(in.content)),
		}))
	case []byte:
		return outcome(c.Files.Upload(ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(in), Size: int64(len(in))}))
	case alipayplus.CreateQRCodeInput:
		return outcome(c.QRCodes.Create(ctx, in))
	case alipayplus.BeginAuthorizationInput:
		return outcome(c.Authorizations.Begin(ctx, in))
	case alipayplus.CreateServiceInput:
		return outcome(c.Services.Create(ctx, in))
	case alipayplus.UpdateServiceInput:
		return outcome(c.Services.Update(ctx, in))
	case alipayplus.ServiceInput:
		return outcome(map[contract.Operation]func(context.Context, alipayplus.ServiceInput) (*alipayplus.Service, error){
			contract.ServiceSubmit: c.Services.Submit, contract.ServiceWithdraw: c.Services.Withdraw, contract.ServiceArchive: c.Services.Archive,
		}[op](ctx, in))
	case alipayplus.PlaceOrderInput:
		return outcome(c.Orders.Place(ctx, in))
	case alipayplus.OrderInput:
		return outcome(map[contract.Operation]func(context.Context, alipayplus.OrderInput) (*alipayplus.Order, error){
			contract.OrderAccept: c.Orders.Accept, contract.OrderConfirm: c.Orders.Confirm, contract.OrderSubmit: c.Orders.Submit,
			contract.OrderApprove: c.Orders.Approve, contract.OrderRevokeAccess: c.Orders.RevokeAccess,
		}[op](ctx, in))
	case alipayplus.AssignMembersInput:
		return outcome(c.Orders.Assign(ctx, in))
	case alipayplus.RefuseOrderInput:
		return outcome(map[contract.Operation]func(context.Context, alipayplus.RefuseOrderInput) (*alipayplus.Order, error){
			contract.OrderReject: c.Orders.Reject, contract.OrderTurnDown: c.Orders.TurnDown, contract.OrderCancel: c.Orders.Cancel,
		}[op](ctx, in))
	case alipayplus.DecideInput:
		return outcome(c.Reviews.Decide(ctx, in))
	case alipayplus.CreateReleaseInput:
		return outcome(c.Releases.Create(ctx, in))
	case alipayplus.ListReleasesInput:
		return outcome(c.Releases.List(ctx, in))
	case alipayplus.UpdateReleaseConfigurationInput:
		return outcome(c.Releases.UpdateConfiguration(ctx, in))
	case alipayplus.TestCompatibilityInput:
		return outcome(c.Releases.TestCompatibility(ctx, in))
	case alipayplus.ApplyInput:
		return outcome(c.Releases.Apply(ctx, in))
	case alipayplus.GrayscaleInput:
		if in.From == 0 {
			return outcome(c.Releases.StartGrayscale(ctx, in))
		}
		return outcome(c.Releases.Raise(ctx, in))
	case alipayplus.BeginSessionInput:
		return outcome(c.Sessions.Begin(ctx, in))
	case alipayplus.FinalizeInput:
		return outcome(c.Releases.Finalize(ctx, in))
	case alipayplus.ReleaseInput:
		return outcome(map[contract.Operation]func(context.Context, alipayplus.ReleaseInput) (*alipayplus.Release, error){
			contract.ReleaseWithdraw: c.Releases.Withdraw, contract.ReleaseCancel: c.Releases.Cancel, contract.ReleaseDelete: c.Releases.Delete,
			contract.ReleaseTakeOffline: c.Releases.TakeOffline, contract.ReleaseRollBack: c.Releases.RollBack,
		}[op](ctx, in))
	default:
		return nil, fmt.Errorf("no call of %s with a %T", op.Name, in)
	}
}

// outcome keeps a nil result from becoming an any that is not nil.
func outcome[T any](result *T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return result, nil
}

// withRequestID is an input with the idempotency key, where it takes one and has none.
func withRequestID(in any, id string) any {
	if reflect.TypeOf(in).Kind() != reflect.Struct {
		return in
	}
	copied := reflect.New(reflect.TypeOf(in)).Elem()
	copied.Set(reflect.ValueOf(in))
	if field := copied.FieldByName("RequestID"); field.IsValid() && field.String() == "" {
		field.SetString(id)
	}
	return copied.Interface()
}

// stepOf is the input of a step of a release; ratio is that of a grayscale step.
func stepOf(op contract.Operation, r *alipayplus.Release, ratio alipayplus.Ratio) any {
	switch op {
	case contract.ReleaseConfigure:
		return alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID}
	case contract.ReleaseApply:
		return alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())}
	case contract.ReleaseRaise:
		return alipayplus.GrayscaleInput{ReleaseID: r.ID, From: r.Grayscale.Ratio, Ratio: ratio}
	case contract.ReleaseFinalize:
		return alipayplus.FinalizeInput{ReleaseID: r.ID}
	default:
		return alipayplus.ReleaseInput{ReleaseID: r.ID}
	}
}

// countingStore counts the transactions that it is asked for.
type countingStore struct {
	storage.Store
	views, updates atomic.Int32
}

func (s *countingStore) View(ctx context.Context, fn func(storage.Tx) error) error {
	s.views.Add(1)
	return s.Store.View(ctx, fn)
}

func (s *countingStore) Update(ctx context.Context, fn func(storage.Tx) error) error {
	s.updates.Add(1)
	return s.Store.Update(ctx, fn)
}

// transactions are how many of each kind a call made.
type transactions struct{ Views, Updates int32 }

func (s *countingStore) of(call func()) transactions {
	s.views.Store(0)
	s.updates.Store(0)
	call()
	return transactions{s.views.Load(), s.updates.Load()}
}

// TestACallMakesFewTransactions: one to find the caller, and one for the call;
// with an effect at the target app, one more to record what came of it; after a refused
// write, one more to remember the message.
func TestACallMakesFewTransactions(t *testing.T) {
	store := &countingStore{Store: storage.NewMemory()}
	synctest.Test(t, func(t *testing.T) {
		app := newFakeApp()
		// Verdicts that are due much later are settled for free.
		w := newFixture(t, platform.WithStore(store), platform.WithTargetBackends(app), platform.WithAutoReview(approveIn(1<<40)))
		program := w.program().ID
		approved := w.prepared(w.program().ID, "1.0.0")
		live, created, waiting := w.grayscale(program, "1.0.0", 1), w.release(w.program().ID, "1.0.0"), w.underReview(w.program().ID, "1.0.0")
		member, reviewer := w.rawClient("olga"), w.rawReviewer(alipayplus.PartyAlipayPlus)

		for _, tc := range []struct {
			name string
			by   rawClient
			op   contract.Operation
			in   any
			code alipayplus.Code
			want transactions
		}{
			{"a read", member, contract.ReleaseQuery, map[string]any{"releaseId": live.ID}, alipayplus.CodeSuccess, transactions{2, 0}},
			{"a write", member, contract.ServiceCreate, alipayplus.CreateServiceInput{ServiceDescription: w.offer(), RequestID: "1"}, alipayplus.CodeSuccess, transactions{1, 1}},
			{"its repetition", member, contract.ServiceCreate, alipayplus.CreateServiceInput{ServiceDescription: w.offer(), RequestID: "1"}, alipayplus.CodeSuccess, transactions{1, 1}},
			{"a write to a release", member, contract.ReleaseConfigure, alipayplus.UpdateReleaseConfigurationInput{ReleaseID: created.ID, RequestID: "2"}, alipayplus.CodeSuccess, transactions{1, 1}},
			{"a verdict", reviewer, contract.ReviewDecide, alipayplus.DecideInput{ID: waiting.ReleaseRequestID, Approve: true, RequestID: "3"}, alipayplus.CodeSuccess, transactions{1, 1}},
			{"a QR code", member, contract.QRCodeCreate, alipayplus.CreateQRCodeInput{AppID: program, Type: alipayplus.QRCodePromo}, alipayplus.CodeSuccess, transactions{1, 1}},
			{"apply", member, contract.ReleaseApply, alipayplus.ApplyInput{ReleaseID: created.ID, BasicInfo: new(company()), RequestID: "4"}, alipayplus.CodeSuccess, transactions{1, 2}},
			{"withdraw", member, contract.ReleaseWithdraw, alipayplus.ReleaseInput{ReleaseID: created.ID, RequestID: "5"}, alipayplus.CodeSuccess, transactions{1, 2}},
			{"raise", member, contract.ReleaseRaise, alipayplus.GrayscaleInput{ReleaseID: live.ID, From: 1, Ratio: 5, RequestID: "6"}, alipayplus.CodeSuccess, transactions{1, 2}},
			{"its repetition", member, contract.ReleaseRaise, alipayplus.GrayscaleInput{ReleaseID: live.ID, From: 1, Ratio: 5, RequestID: "6"}, alipayplus.CodeSuccess, transactions{1, 1}},
			{"a raise that is refused", member, contract.ReleaseRaise, alipayplus.GrayscaleInput{ReleaseID: live.ID, From: 5, Ratio: 1, RequestID: "7"}, alipayplus.CodeRatioNotAllowed, transactions{1, 2}},
			{"finalize by raise", member, contract.ReleaseRaise, alipayplus.GrayscaleInput{ReleaseID: live.ID, From: 5, Ratio: 100, RequestID: "8"}, alipayplus.CodeSuccess, transactions{1, 2}},
			{"a call without a client id", rawClient{fixture: w}, contract.ReleaseQuery, "{}", alipayplus.CodeUnknownClient, transactions{0, 0}},
			{"a body that is not JSON", member, contract.ReleaseCancel, "{", alipayplus.CodeParamIllegal, transactions{1, 0}},
		} {
			var got rawAnswer
			count := store.of(func() { got = tc.by.call(tc.op, tc.in) })
			require.Equal(t, tc.code, got.Result.Code, "%s: %s", tc.name, got.Body)
			require.Equal(t, tc.want, count, tc.name)
		}
		app.expect(refuses)
		require.Equal(t, transactions{1, 3}, store.of(func() {
			member.call(contract.ReleaseFinalize, alipayplus.ReleaseInput{ReleaseID: approved.ID, RequestID: "9"})
		}), "what the target app refuses")
	})
}

// The request that the target app gets is the one that there is in the end,
// however often it was asked.
func TestTheTargetAppGetsTheRequestThatIsCommitted(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		created := w.release(w.program().ID, "1.0.0")
		once := w.as("olga", alipayplus.WithRetry(1, 0, 0))
		apply := alipayplus.ApplyInput{ReleaseID: created.ID, BasicInfo: new(company()), RequestID: "apply"}
		app.will(failing(2, errDown))
		for range 2 {
			_, err := once.Releases.Apply(w.Context(), apply)
			require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
			time.Sleep(time.Minute)
		}
		applied, err := once.Releases.Apply(w.Context(), apply)
		require.NoError(w, err)
		again, err := once.Releases.Apply(w.Context(), apply)
		require.NoError(w, err)
		require.Equal(w, applied, again)

		want := asked{"submit", created.ID, applied.ReleaseRequestID, 0}
		require.NotEmpty(w, want.request)
		require.Equal(w, []asked{want, want, want}, app.take(), "a repetition of what is done does not reach it again")
		require.Equal(w, applied.ReleaseRequestID, w.read(created.ID).ReleaseRequestID)
		require.Equal(w, alipayplus.RequestUnderReview, w.request(applied.ReleaseRequestID).Status)

		w.Log("Another application is another request, also under a requestId that was forgotten since.")
		w.withdraw(applied)
		time.Sleep(24 * time.Hour)
		app.take()
		second, err := once.Releases.Apply(w.Context(), apply)
		require.NoError(w, err)
		require.NotEqual(w, applied.ReleaseRequestID, second.ReleaseRequestID)
		require.Equal(w, []asked{{"submit", created.ID, second.ReleaseRequestID, 0}}, app.take())
		require.Equal(w, alipayplus.RequestWithdrawn, w.request(applied.ReleaseRequestID).Status)
	}, platform.WithTargetBackends(app))
}

// What the target app refuses is refused: the caller gets the reason and is asked nothing
// twice, and no ratio is taken for live that is not.
func TestARefusalOfTheTargetAppIsFinal(t *testing.T) {
	for _, tt := range []struct {
		class    error
		code     alipayplus.Code
		attempts int
	}{
		{alipayplus.ErrConflict, alipayplus.CodeStateConflict, 1},
		{alipayplus.ErrPermission, alipayplus.CodeAccessDenied, 1},
		{alipayplus.ErrNotFound, alipayplus.CodeNotFound, 1},
		{alipayplus.ErrInvalid, alipayplus.CodeParamIllegal, 1},
		{alipayplus.ErrLimit, alipayplus.CodeLimitExceeded, 1},
		{alipayplus.ErrAuthorizationRequired, alipayplus.CodeAuthorizationRequired, 1},
		// Too many calls are the one thing that passes by itself, so the client tries again.
		{alipayplus.ErrRateLimited, alipayplus.CodeTrafficExceedLimit, 4},
	} {
		t.Run(tt.class.Error(), func(t *testing.T) {
			app := newFakeApp()
			withFixture(t, func(w *fixture) {
				r := w.grayscale(w.program().ID, "1.0.0", 5)
				before := w.snapshot()
				app.take()
				app.will(failing(math.MaxInt32, fmt.Errorf("AlipayCN says no: %w", tt.class)))
				step := r.GrayscaleTo(50)
				step.RequestID = "step"
				_, err := w.owner.Releases.Raise(w.Context(), step)
				require.ErrorIs(w, err, tt.class)
				require.NotErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
				e, ok := errors.AsType[*alipayplus.Error](err)
				require.True(w, ok)
				require.Equal(w, tt.code, e.Code)
				require.Equal(w, alipayplus.ResultFailed, e.ResultStatus)
				require.Contains(w, e.Message, "AlipayCN says no")
				require.Equal(w, tt.attempts, e.Attempts)
				require.Equal(w, tt.attempts > 1, e.Retryable)
				require.Len(w, app.take(), tt.attempts)
				require.Equal(w, before, w.snapshot())

				app.will(nil)
				step.Ratio = 10
				live, err := w.owner.Releases.Raise(w.Context(), step)
				require.NoError(w, err, "50%% never was live, so a lower ratio may follow, under the same requestId as well")
				require.Equal(w, alipayplus.Ratio(10), live.Grayscale.Ratio)
				app.requireAgreement(w, live)
			}, platform.WithTargetBackends(app))
		})
	}
}

// A refusal is taken note of, although its caller has hung up.
func TestARefusalThatNobodyWaitsForIsTakenNoteOf(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		r := w.grayscale(w.program().ID, "1.0.0", 5)
		ctx, hangUp := context.WithCancel(w.Context())
		app.will(func(asked) error {
			hangUp()
			return alipayplus.ErrConflict
		})
		_, err := w.owner.Releases.Raise(ctx, r.GrayscaleTo(50))
		require.Error(w, err)
		app.will(nil)
		_, err = w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(10))
		require.NoError(w, err)
	}, platform.WithTargetBackends(app))
}

// The target app hears of a withdrawal, once, and of nothing that only the
// platform decides.
func TestTheTargetAppIsAskedForAWithdrawal(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		r := w.underReview(w.program().ID, "1.0.0")
		app.take()
		in := alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: "withdraw"}
		for range 2 {
			back, err := w.owner.Releases.Withdraw(w.Context(), in)
			require.NoError(w, err)
			require.Equal(w, alipayplus.ReleaseNewVersionCreated, back.Status)
		}
		require.Equal(w, []asked{{"withdraw", r.ID, r.ReleaseRequestID, 0}}, app.take())

		_, err := w.owner.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		w.apply(r.ID)
		app.take()
		w.decide(alipayplus.PartyAlipayPlus, "no filing number")
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.read(r.ID).Status)
		require.Empty(w, app.take(), "neither of one that is refused nor of a rejection")
	}, platform.WithTargetBackends(app))
}

func TestAWithdrawalThatFailsAtTheTargetAppIsNone(t *testing.T) {
	for name, cause := range map[string]error{
		"refused": fmt.Errorf("%w: AlipayCN has decided", alipayplus.ErrConflict), "unknown": errDown,
		"refused after a part":        fmt.Errorf("%w: AlipayCN has decided (%w)", alipayplus.ErrConflict, alipayplus.ErrOutcomeUnknown),
		"too many calls after a part": fmt.Errorf("%w (%w)", alipayplus.ErrRateLimited, alipayplus.ErrOutcomeUnknown),
	} {
		t.Run(name, func(t *testing.T) {
			app := newFakeApp()
			withFixture(t, func(w *fixture) {
				r := w.underReview(w.program().ID, "1.0.0")
				before := w.snapshot()
				app.will(failing(1, cause))
				in := alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: "withdraw"}
				_, err := w.as("olga", alipayplus.WithRetry(1, 0, 0)).Releases.Withdraw(w.Context(), in)
				require.Error(w, err)
				require.Equal(w, errors.Is(cause, alipayplus.ErrConflict), errors.Is(err, alipayplus.ErrConflict))
				require.Equal(w, name != "refused", errors.Is(err, alipayplus.ErrOutcomeUnknown))
				require.NotErrorIs(w, err, alipayplus.ErrRateLimited, "which says that nothing happened")
				require.Equal(w, errors.Is(cause, alipayplus.ErrConflict), strings.Contains(err.Error(), "AlipayCN has decided"), err)
				if name != "refused" {
					_, err = w.reviewer(alipayplus.PartyAlipayPlus).Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: r.ReleaseRequestID, Approve: true})
					require.ErrorContains(w, err, "what came of it is not known")
				}
				require.Equal(w, before, w.snapshot(), "it is under review as before")
				require.Equal(w, alipayplus.ReleaseUnderReview, w.read(r.ID).Status)
				require.Equal(w, alipayplus.RequestUnderReview, w.request(r.ReleaseRequestID).Status)

				back, err := w.owner.Releases.Withdraw(w.Context(), in)
				require.NoError(w, err)
				require.Equal(w, alipayplus.ReleaseNewVersionCreated, back.Status)
			}, platform.WithTargetBackends(app))
		})
	}
}

// A release is live from when the target app has done what it was asked, and so
// say the records, however long that took.
func TestTheTimesOfAReleaseAreThoseAfterTheTargetAppWasAsked(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		program := w.program().ID
		former := w.full(program, "1.0.0")
		r := w.prepared(program, "1.1.0")
		app.will(func(asked) error { time.Sleep(20 * time.Second); return nil })
		began := time.Now()

		live, err := w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
		require.NoError(w, err)
		done := began.Add(20 * time.Second).UTC()
		require.Equal(w, done, live.UpdatedAt)
		require.Equal(w, done, live.ReleasedAt)
		require.Equal(w, done, live.Grayscale.Steps[0].At)
		require.Equal(w, done, w.read(former.ID).UpdatedAt, "the former version was archived then")
		log := w.auditLog()
		require.Equal(w, done, log[len(log)-1].At)
	}, platform.WithTargetBackends(app))
}

// So are those of its request, and a verdict that is due at once comes after the application, also when the store runs
// transactions again.
func TestTheTimesOfARequestAreThoseAfterTheTargetAppWasAsked(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		r := w.release(w.program().ID, "1.0.0")
		app.will(func(asked) error { time.Sleep(20 * time.Second); return nil })
		began := time.Now()

		applied := w.apply(r.ID)
		done := began.Add(20 * time.Second).UTC()
		require.Equal(w, done, w.request(applied.ReleaseRequestID).CreatedAt)
		for _, review := range w.read(r.ID).Reviews {
			require.Equal(w, done, review.StartedAt)
			require.Equal(w, done, review.DecidedAt)
		}
		var states []string
		for _, e := range w.auditLog() {
			if e.Kind == "release" && e.ID == r.ID {
				states = append(states, e.To)
			}
		}
		require.Equal(w, []string{"NEW_VERSION_CREATED", "UNDER_REVIEW", "RELEASE_PREPARATION"}, states)
	}, platform.WithTargetBackends(app), platform.WithStore(rerunning{storage.NewMemory()}), platform.WithAutoReview(approveIn(0)))
}

// rerunning is a store that runs each function of an update twice, as one may where others get in the way.
type rerunning struct{ storage.Store }

func (s rerunning) Update(ctx context.Context, fn func(storage.Tx) error) error {
	again := errors.New("run it again")
	err := s.Store.Update(ctx, func(tx storage.Tx) error { return cmp.Or(fn(tx), again) })
	if !errors.Is(err, again) {
		return err
	}
	return s.Store.Update(ctx, fn)
}

// What is asked of the target app for one mini program comes one after another,
// however many callers there are, and does not hold up another mini program.
func TestOneCallAtATimeForAMiniProgram(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		first, second := w.prepared(w.program().ID, "1.0.0"), w.prepared(w.program().ID, "1.0.0")
		began := time.Now()
		var mu sync.Mutex
		inFlight, most := map[string]int{}, 0
		app.will(func(a asked) error {
			mu.Lock()
			inFlight[a.release]++
			most = max(most, len(inFlight))
			clash := inFlight[a.release] > 1
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			if inFlight[a.release]--; inFlight[a.release] == 0 {
				delete(inFlight, a.release)
			}
			require.False(w, clash)
			return nil
		})
		var all sync.WaitGroup
		for _, r := range []*alipayplus.Release{first, second} {
			for range 4 {
				client := w.as("olga")
				all.Go(func() {
					for _, ratio := range []alipayplus.Ratio{1, 5, 10, 20, 30} {
						_, err := setRatio(w, client, w.read(r.ID), ratio)
						require.False(w, alipayplus.IsRetryable(err), "%v", err)
					}
				})
			}
		}
		all.Wait()
		require.Equal(w, 2, most, "two mini programs at a time")
		require.Less(w, time.Since(began), 15*time.Second, "they do not wait for each other")
		for _, r := range []*alipayplus.Release{first, second} {
			require.Equal(w, alipayplus.Ratio(30), w.read(r.ID).Grayscale.Ratio)
		}
	}, platform.WithTargetBackends(app))
}

// lateStore returns from an update a millisecond after others can read it, as a store on a disk does.
type lateStore struct{ storage.Store }

func (s lateStore) Update(ctx context.Context, fn func(storage.Tx) error) error {
	err := s.Store.Update(ctx, fn)
	if err == nil {
		time.Sleep(time.Millisecond)
	}
	return err
}

// A call that has waited for another one finds what became due meanwhile, before its own rule.
func TestVerdictsThatAreDueComeBeforeACallThatWaited(t *testing.T) {
	t.Run("for a reading that applies the first of them", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newFixture(t, platform.WithStore(lateStore{storage.NewMemory()}), platform.WithTargetBackends(newFakeApp()),
				platform.WithAutoReview(approveIn(time.Hour)))
			r := w.underReview(w.program().ID, "1.0.0")
			time.Sleep(2 * time.Hour)
			var reading, raise error
			var calls sync.WaitGroup
			calls.Go(func() { _, reading = w.owner.Releases.Get(w.Context(), r.ID) })
			time.Sleep(500 * time.Microsecond)
			calls.Go(func() { _, raise = w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(5)) })
			calls.Wait()
			require.NoError(t, reading)
			require.NoError(t, raise)
		})
	})
	t.Run("for a withdrawal that is refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			app := newFakeApp()
			w := newFixture(t, platform.WithTargetBackends(app), platform.WithAutoReview(approveIn(10*time.Second)))
			r := w.underReview(w.program().ID, "1.0.0")
			app.will(func(asked) error { time.Sleep(30 * time.Second); return alipayplus.ErrConflict })
			patient := w.as("olga", alipayplus.WithAttemptTimeout(time.Hour))
			var withdrawal error
			var calls sync.WaitGroup
			calls.Go(func() {
				_, withdrawal = patient.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
			})
			time.Sleep(20 * time.Second)
			app.will(nil)
			_, err := patient.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(5))
			require.NoError(t, err)
			calls.Wait()
			require.ErrorIs(t, withdrawal, alipayplus.ErrConflict)
		})
	})
}

// onSameStore is the member olga's client of another platform over the same records.
func (w *fixture) onSameStore(store storage.Store, app platform.TargetBackend) *alipayplus.Client {
	w.Helper()
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithStore(store), platform.WithTargetBackends(app))
	require.NoError(w, err)
	client, err := p.Client(w.Context(), w.workspace, "olga", alipayplus.WithRetry(1, time.Second, time.Second))
	require.NoError(w, err)
	return client
}

type renamedApp struct{ *fakeApp }

func (renamedApp) App() alipayplus.TargetApp { return "OTHER" }

func TestNothingIsReservedForATargetAppThatIsNotThere(t *testing.T) {
	store, app := storage.NewMemory(), newFakeApp()
	w := newFixture(t, platform.WithStore(store), platform.WithTargetBackends(app))
	r := w.prepared(w.program().ID, "1.0.0")
	_, err := w.onSameStore(store, renamedApp{app}).Releases.StartGrayscale(t.Context(), r.GrayscaleTo(50))
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	_, err = w.onSameStore(store, app).Releases.StartGrayscale(t.Context(), r.GrayscaleTo(5))
	require.NoError(t, err, "nobody was asked for 50")
}

func TestARefusalTakesBackItsOwnReservationOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, app := storage.NewMemory(), newFakeApp()
		w := newFixture(t, platform.WithStore(store), platform.WithTargetBackends(app))
		r := w.prepared(w.program().ID, "1.0.0")
		other := w.onSameStore(store, app)
		app.will(func(a asked) error {
			if a.ratio == 10 {
				time.Sleep(10 * time.Second)
				return alipayplus.ErrConflict
			}
			time.Sleep(2 * time.Second)
			return errDown
		})
		var calls sync.WaitGroup
		calls.Go(func() { _, _ = w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10)) })
		time.Sleep(time.Second)
		calls.Go(func() { _, _ = other.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(50)) })
		calls.Wait()
		app.will(nil)
		_, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(5))
		require.ErrorIs(t, err, alipayplus.ErrConflict, "50 was asked for, and what came of it is unknown")
	})
}
