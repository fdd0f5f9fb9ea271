package platform_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

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
// with an effect at the target app, one more to record what came of it.
func TestACallMakesFewTransactions(t *testing.T) {
	store := &countingStore{Store: storage.NewMemory()}
	synctest.Test(t, func(t *testing.T) {
		app := newShaky()
		// Verdicts that are due much later are settled for free.
		w := newWorld(t, platform.WithStore(store), platform.WithTargetBackends(app), platform.WithAutoReview(approveIn(1<<40)))
		program := w.program().ID
		approved := w.prepared(w.program().ID, "1.0.0")
		live, created, waiting := w.grayscale(program, "1.0.0", 1), w.release(w.program().ID, "1.0.0"), w.underReview(w.program().ID, "1.0.0")
		member, reviewer := w.hand("olga"), w.reviewerHand(alipayplus.PartyAlipayPlus)

		for _, tc := range []struct {
			name string
			by   hand
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
			{"a QR code, which nothing is kept of", member, contract.QRCodeCreate, alipayplus.CreateQRCodeInput{AppID: program, Type: alipayplus.QRCodePromo}, alipayplus.CodeSuccess, transactions{2, 0}},
			{"apply", member, contract.ReleaseApply, alipayplus.ApplyInput{ReleaseID: created.ID, BasicInfo: new(company()), RequestID: "4"}, alipayplus.CodeSuccess, transactions{1, 2}},
			{"withdraw", member, contract.ReleaseWithdraw, alipayplus.ReleaseInput{ReleaseID: created.ID, RequestID: "5"}, alipayplus.CodeSuccess, transactions{1, 2}},
			{"raise", member, contract.ReleaseGrayscale, alipayplus.GrayscaleInput{ReleaseID: live.ID, From: 1, Ratio: 5, RequestID: "6"}, alipayplus.CodeSuccess, transactions{1, 2}},
			{"its repetition", member, contract.ReleaseGrayscale, alipayplus.GrayscaleInput{ReleaseID: live.ID, From: 1, Ratio: 5, RequestID: "6"}, alipayplus.CodeSuccess, transactions{1, 1}},
			{"a raise that is refused", member, contract.ReleaseGrayscale, alipayplus.GrayscaleInput{ReleaseID: live.ID, From: 5, Ratio: 1, RequestID: "7"}, alipayplus.CodeRatioNotAllowed, transactions{1, 1}},
			{"finalize by raise", member, contract.ReleaseGrayscale, alipayplus.GrayscaleInput{ReleaseID: live.ID, From: 5, Ratio: 100, RequestID: "8"}, alipayplus.CodeSuccess, transactions{1, 2}},
			{"a call without a client id", hand{world: w}, contract.ReleaseQuery, "{}", alipayplus.CodeUnknownClient, transactions{0, 0}},
			{"a body that is not JSON", member, contract.ReleaseCancel, "{", alipayplus.CodeParamIllegal, transactions{1, 0}},
		} {
			var got said
			count := store.of(func() { got = tc.by.call(tc.op, tc.in) })
			require.Equal(t, tc.code, got.Result.Code, "%s: %s", tc.name, got.Body)
			require.Equal(t, tc.want, count, tc.name)
		}
		app.expect(refuses)
		require.Equal(t, transactions{1, 2}, store.of(func() {
			member.call(contract.ReleaseFinalize, alipayplus.ReleaseInput{ReleaseID: approved.ID, RequestID: "9"})
		}), "what the target app refuses")
	})
}
