package platform_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// slowWithdraw is a target app that takes an hour to take a release back.
type slowWithdraw struct {
	*platform.SimulatedAlipayCN
}

func (slowWithdraw) Withdraw(ctx context.Context, _ *alipayplus.Release) error {
	select {
	case <-time.After(time.Hour):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestAVerdictWaitsForAWithdrawalThatIsUnderWay: what the target app has taken
// back must not be recorded as approved, whoever gives the verdict.
func TestAVerdictWaitsForAWithdrawalThatIsUnderWay(t *testing.T) {
	for _, tt := range []struct {
		name    string
		auto    platform.AutoReview
		verdict func(w *world) error
	}{
		{
			"by time", func(alipayplus.Party, *alipayplus.Request) platform.Decision {
				return platform.ApproveAfter(time.Minute)
			},
			func(w *world) error { _, err := w.owner.Workspace.Get(w.Context()); return err },
		},
		{
			"by a person", nil,
			func(w *world) error {
				all, err := w.p.Reviews(w.Context())
				require.NoError(w, err)
				for _, review := range all[0].Request.Reviews {
					err = all[0].Approve(w.Context(), review.Party)
				}
				return err
			},
		},
		{
			"through the contract", nil,
			func(w *world) error {
				reviewer, err := w.p.ReviewerClient(w.Context(), alipayplus.PartyAlipayCN)
				require.NoError(w, err)
				page, err := reviewer.Reviews.List(w.Context(), alipayplus.ListReviewsInput{})
				require.NoError(w, err)
				_, err = reviewer.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: page.Items[0].ID, Approve: true})
				return err
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts := []platform.Option{platform.WithTargetBackends(slowWithdraw{platform.NewSimulatedAlipayCN()})}
				if tt.auto != nil {
					opts = append(opts, platform.WithAutoReview(tt.auto))
				}
				w := newWorld(t, opts...)
				program := w.program()
				w.authorize(program.ID)
				r := w.apply(w.release(program.ID, "1.0.0").ID)

				withdrawn := make(chan error, 1)
				go func() {
					patient, err := w.p.Client(w.Context(), w.workspace, "olga", alipayplus.WithAttemptTimeout(2*time.Hour))
					if err == nil {
						_, err = patient.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
					}
					withdrawn <- err
				}()
				time.Sleep(2 * time.Minute) // the target app is being asked, and a verdict comes
				verdict := make(chan error, 1)
				go func() { verdict <- tt.verdict(w) }()

				require.NoError(t, <-withdrawn)
				<-verdict // refused, or nothing to do any more
				after, err := w.owner.Releases.Get(w.Context(), r.ID)
				require.NoError(t, err)
				require.Equal(t, alipayplus.ReleaseNewVersionCreated, after.Status)
				request, err := w.owner.Requests.Get(w.Context(), after.ReleaseRequestID)
				require.NoError(t, err)
				require.Equal(t, alipayplus.RequestWithdrawn, request.Status)
			})
		})
	}
}
