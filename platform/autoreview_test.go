package platform_test

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// TestAVerdictWaitsForAWithdrawalThatIsUnderWay: what the target app has taken
// back must not be recorded as approved, whoever gives the verdict.
func TestAVerdictWaitsForAWithdrawalThatIsUnderWay(t *testing.T) {
	for _, tt := range []struct {
		name    string
		auto    platform.AutoReview
		verdict func(w *world) error
	}{
		{
			"by time", approveIn(time.Minute),
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
				var decided []error
				for _, party := range []alipayplus.Party{alipayplus.PartyAlipayCN, alipayplus.PartyAlipayPlus} {
					reviewer, err := w.p.ReviewerClient(w.Context(), party, alipayplus.WithAttemptTimeout(2*time.Hour))
					require.NoError(w, err)
					page, err := reviewer.Reviews.List(w.Context(), alipayplus.ListReviewsInput{})
					require.NoError(w, err)
					for _, request := range page.Items {
						_, err = reviewer.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: request.ID, Approve: true})
						decided = append(decided, err)
					}
				}
				return errors.Join(decided...)
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := newFakeApp()
				w := newWorld(t, platform.WithTargetBackends(app), platform.WithAutoReview(tt.auto))
				r := w.underReview(w.program().ID, "1.0.0")
				app.will(func(asked) error { time.Sleep(time.Hour); return nil })

				withdrawn := make(chan error, 1)
				patient := w.as("olga", alipayplus.WithAttemptTimeout(2*time.Hour))
				go func() {
					_, err := patient.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
					withdrawn <- err
				}()
				time.Sleep(2 * time.Minute) // the target app is being asked, and a verdict comes
				verdict := make(chan error, 1)
				go func() { verdict <- tt.verdict(w) }()

				require.NoError(t, <-withdrawn)
				<-verdict // refused, or nothing to do any more
				after := w.read(r.ID)
				require.Equal(t, alipayplus.ReleaseNewVersionCreated, after.Status)
				require.Equal(t, alipayplus.RequestWithdrawn, w.request(after.ReleaseRequestID).Status)
			})
		})
	}
}

// TestNoVerdictIsAppliedUntilItIsKnownWhatTheTargetAppDid: the target app took the
// application back, and its answer was lost.
func TestNoVerdictIsAppliedUntilItIsKnownWhatTheTargetAppDid(t *testing.T) {
	withdraw := func(w *world, c *alipayplus.Client, r *alipayplus.Release, id string) error {
		_, err := c.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: id})
		return err
	}
	isWithdrawn := func(w *world, r *alipayplus.Release) {
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.read(r.ID).Status)
		require.Equal(w, alipayplus.RequestWithdrawn, w.request(r.ReleaseRequestID).Status)
		time.Sleep(24 * time.Hour)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.read(r.ID).Status)
	}
	isApproved := func(w *world, r *alipayplus.Release) {
		require.Equal(w, alipayplus.ReleasePreparation, w.read(r.ID).Status)
	}
	for name, after := range map[string]func(w *world, app *fakeApp, r *alipayplus.Release){
		"the same call completes it": func(w *world, _ *fakeApp, r *alipayplus.Release) {
			require.NoError(w, withdraw(w, w.owner, r, "first"))
			isWithdrawn(w, r)
		},
		"and so does another member's": func(w *world, _ *fakeApp, r *alipayplus.Release) {
			require.NoError(w, withdraw(w, w.member("max", alipayplus.RoleMaster), r, ""))
			isWithdrawn(w, r)
		},
		"a person's verdict is refused, and says what to do": func(w *world, _ *fakeApp, r *alipayplus.Release) {
			for party, approve := range map[alipayplus.Party]bool{alipayplus.PartyAlipayPlus: true, alipayplus.PartyAlipayCN: false} {
				_, err := w.reviewer(party).Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: r.ReleaseRequestID, Approve: approve, Reason: "r"})
				require.ErrorIs(w, err, alipayplus.ErrConflict)
				require.ErrorContains(w, err, "ALIPAY_CN was asked for releases.withdraw of release "+r.ID+", and what came of it is not known (yet); repeat that call")
			}
			waiting, err := w.p.Reviews(w.Context())
			require.NoError(w, err)
			require.Len(w, waiting, 1)
			require.ErrorIs(w, waiting[0].Approve(w.Context(), alipayplus.PartyAlipayPlus), alipayplus.ErrConflict)
			require.ErrorIs(w, waiting[0].Reject(w.Context(), alipayplus.PartyAlipayPlus, "r"), alipayplus.ErrConflict)
			require.NoError(w, withdraw(w, w.owner, r, ""))
			isWithdrawn(w, r)
		},
		"a refusal that is about the release settles it": func(w *world, app *fakeApp, r *alipayplus.Release) {
			app.will(failing(1, alipayplus.ErrConflict))
			require.ErrorIs(w, withdraw(w, w.owner, r, ""), alipayplus.ErrConflict)
			isApproved(w, r)
		},
		"one that is about the caller does not": func(w *world, app *fakeApp, r *alipayplus.Release) {
			for _, refusal := range []error{alipayplus.ErrPermission, alipayplus.ErrRateLimited, alipayplus.ErrLimit} {
				app.will(failing(1, refusal))
				require.ErrorIs(w, withdraw(w, w.as("olga", alipayplus.WithRetry(1, 0, 0)), r, ""), refusal)
				require.Equal(w, alipayplus.ReleaseUnderReview, w.read(r.ID).Status)
			}
			require.NoError(w, withdraw(w, w.owner, r, ""))
			isWithdrawn(w, r)
		},
		"the operator may look there": func(w *world, _ *fakeApp, r *alipayplus.Release) {
			require.ErrorIs(w, w.p.DiscardEffect(w.Context(), w.workspace, "rel_x"), alipayplus.ErrNotFound)
			require.ErrorIs(w, w.p.DiscardEffect(w.Context(), "ws_x", r.ID), alipayplus.ErrNotFound)
			require.NoError(w, w.p.DiscardEffect(w.Context(), w.workspace, r.ID))
			isApproved(w, r)
			before := w.entries("release")
			require.Contains(w, strings.Join(before, "\n"), "operator "+r.ID+": UNDER_REVIEW to UNDER_REVIEW")
			require.NoError(w, w.p.DiscardEffect(w.Context(), w.workspace, r.ID))
			require.Equal(w, before, w.entries("release"), "nothing is unknown any more")
		},
	} {
		t.Run(name, func(t *testing.T) {
			app := newFakeApp()
			inWorld(t, func(w *world) {
				r := w.underReview(w.program().ID, "1.0.0")
				other := w.underReview(w.program().ID, "1.0.0")
				app.expect(failsAfter)
				require.ErrorIs(w, withdraw(w, w.as("olga", alipayplus.WithRetry(1, 0, 0)), r, "first"), alipayplus.ErrOutcomeUnknown)
				time.Sleep(2 * time.Hour)
				require.Equal(w, alipayplus.ReleasePreparation, w.read(other.ID).Status, "nothing else waits")
				require.Equal(w, alipayplus.ReleaseUnderReview, w.read(r.ID).Status)
				after(w, app, r)
			}, platform.WithTargetBackends(app), platform.WithAutoReview(approveIn(time.Hour)))
		})
	}
}

func TestAVerdictThatCannotBeAppliedIsOneWorkspacesMatter(t *testing.T) {
	var lines bytes.Buffer
	store := storage.NewMemory()
	inWorld(t, func(w *world) {
		lost := w.submitted()
		other := w.neighbour()
		later := other.submitted()
		require.NoError(w, store.Update(w.Context(), func(tx storage.Tx) error {
			return tx.Delete("service/" + w.workspace + "/" + lost.ID)
		}))
		time.Sleep(2 * time.Hour)
		require.Equal(w, alipayplus.ServiceOnline, other.service(later.ID).Status)
		require.Equal(w, alipayplus.RequestUnderReview, w.request(lost.ReleaseRequestID).Status, "and not half applied")
		require.Equal(w, 1, strings.Count(lines.String(), "is dropped"), lines.String())
		require.Contains(w, lines.String(), lost.ReleaseRequestID)
		require.Zero(w, w.kept(store, "i/due/"))
	}, platform.WithStore(store), platform.WithAutoReview(approveIn(time.Hour)), platform.WithLogger(slog.New(slog.NewTextHandler(&lines, nil))))
}

func TestAVerdictOfTheFarFutureIsNotDueNow(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.submitted()
		for _, d := range []time.Duration{0, 24 * time.Hour, 365 * 24 * time.Hour} {
			time.Sleep(d)
			require.Equal(w, alipayplus.ServicePendingReview, w.service(s.ID).Status, d)
		}
	}, platform.WithAutoReview(approveIn(math.MaxInt64)))
	inWorld(t, func(w *world) {
		s := w.service(w.submitted().ID)
		require.Equal(w, alipayplus.ServiceOnline, s.Status, "and one of the past is due now")
		request := w.request(s.ReleaseRequestID)
		require.Equal(w, request.CreatedAt, request.FinishedAt, "not before it was asked for")
	}, platform.WithAutoReview(approveIn(math.MinInt64)))
}

func TestARejectionByAFunctionHasAReason(t *testing.T) {
	for given, want := range map[string]string{
		"": "no reason was given", " ": "no reason was given", "too many ads": "too many ads", "ads:\n- one\n- two": "ads:\n- one\n- two",
		"too\x00 many \u202eads\xff": "too many ads?", strings.Repeat("字", 3000): strings.Repeat("字", 1997) + "...",
	} {
		inWorld(t, func(w *world) {
			s := w.submitted()
			require.Equal(w, alipayplus.ServiceTurnedDown, w.service(s.ID).Status)
			require.Equal(w, want, w.request(s.ReleaseRequestID).Reviews[0].Reason)
		}, platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
			return platform.RejectAfter(0, given)
		}))
	}
}

func TestAReviewCanBeDecidedByAFunctionAfterATime(t *testing.T) {
	var asked []string
	inWorld(t, func(w *world) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		require.Subset(w, asked, []string{"ALIPAY_PLUS " + r.ReleaseRequestID, "ALIPAY_CN " + r.ReleaseRequestID})
		applied := time.Now().UTC()

		time.Sleep(time.Hour - time.Second)
		require.Equal(w, alipayplus.ReviewPending, w.request(r.ReleaseRequestID).Reviews[1].Status)
		time.Sleep(time.Second)
		require.Equal(w, alipayplus.ReviewApproved, w.request(r.ReleaseRequestID).Reviews[1].Status)
		require.Equal(w, alipayplus.ReleaseUnderReview, w.read(r.ID).Status)

		time.Sleep(47 * time.Hour)
		reviewed, err := w.owner.Releases.WaitReviewed(w.Context(), r.ID, alipayplus.ReleaseWait{})
		require.NoError(w, err)
		require.Equal(w, applied.Add(24*time.Hour), reviewed.Reviews[0].DecidedAt, "when it was due, not when somebody looked")
		require.Equal(w, applied.Add(24*time.Hour), w.request(r.ReleaseRequestID).FinishedAt)
		require.Equal(w, alipayplus.ReleasePreparation, reviewed.Status)
	}, platform.WithAutoReview(func(party alipayplus.Party, request *alipayplus.Request) platform.Decision {
		asked = append(asked, string(party)+" "+request.ID)
		if party == alipayplus.PartyAlipayCN {
			return platform.ApproveAfter(time.Hour)
		}
		return platform.ApproveAfter(24 * time.Hour)
	}))
}

func TestAVerdictThatIsDueDoesNotOvertakeAWithdrawal(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		w.withdraw(r)
		time.Sleep(48 * time.Hour)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.read(r.ID).Status)
		require.Equal(w, alipayplus.RequestWithdrawn, w.request(r.ReleaseRequestID).Status)
	}, platform.WithAutoReview(approveIn(time.Hour)))
}

func TestAVerdictThatIsDueComesBeforeOneThatIsGivenNow(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		waiting, err := w.p.Reviews(w.Context())
		require.NoError(w, err)
		time.Sleep(2 * time.Hour)
		require.ErrorContains(w, waiting[0].Approve(w.Context(), alipayplus.PartyAlipayPlus), "is CLOSED already",
			"AlipayCN rejected an hour ago")
		request := w.request(r.ReleaseRequestID)
		require.Equal(w, alipayplus.RequestRejected, request.Status)
		require.Equal(w, "too many ads", request.Reviews[1].Reason)
	}, platform.WithAutoReview(func(party alipayplus.Party, _ *alipayplus.Request) platform.Decision {
		if party == alipayplus.PartyAlipayCN {
			return platform.RejectAfter(time.Hour, "too many ads")
		}
		return platform.LeaveOpen()
	}))
}
