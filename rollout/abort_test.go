package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// liveAtTen is a stage on which 10 % have been live for about a minute, and nobody runs.
func liveAtTen(t *testing.T, spec rollout.Spec) *stage {
	t.Helper()
	s := newStage(t, spec)
	s.fake.ApproveAfter(0)
	s.runUntil(time.Minute)
	require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios())
	return s
}

// aborting is hourly, where a gate that fails gives the version up.
func aborting() rollout.Spec {
	spec := hourly()
	spec.OnGateFailure = rollout.FailureAbort
	return spec
}

func TestAnAbortThatIsRefusedStaysStoppedWhereverTheProcessDies(t *testing.T) {
	for name, tt := range map[string]struct {
		abort func(context.Context, *rollout.Runner) error
		class error
		// heard says whether the wish is known when the process died at that access.
		heard func(death) bool
	}{
		"asked for by a person": {
			func(ctx context.Context, r *rollout.Runner) error {
				_, err := r.Abort(ctx, "lin", "a broken icon")
				return err
			},
			rollout.ErrPaused,
			func(d death) bool { return d.at > 3 || d.at == 3 && d.after }, // the third is to post it
		},
		"asked for by a gate": {
			func(ctx context.Context, r *rollout.Runner) error {
				_, err := r.Run(ctx)
				return err
			},
			rollout.ErrGateFailed,
			func(death) bool { return true }, // the gate says it again
		},
	} {
		t.Run(name, func(t *testing.T) {
			deaths := 0
			for _, after := range []bool{false, true} {
				for n, happened := 1, true; happened; n++ {
					synctest.Test(t, func(t *testing.T) {
						s := liveAtTen(t, aborting())
						if errors.Is(tt.class, rollout.ErrGateFailed) {
							s.gate = failing(10, new(bool))
						}
						s.fake.FailNext(rollouttest.OpAbort, 100, alipayplus.ErrPermission)
						p := &process{diesAt: n, after: after}
						err := tt.abort(t.Context(), s.runnerOf(mortalTarget{p, s.fake}, mortalStore(p, s.store)))
						if happened = p.dead; !happened {
							require.ErrorIs(t, err, tt.class)
						}
						time.Sleep(time.Minute)

						state, err := s.runner().Run(t.Context())

						if !tt.heard(death{n, after}) {
							s.requireDone(state, err)
							return
						}
						deaths++
						require.ErrorIs(t, err, tt.class)
						require.ErrorContains(t, err, "giving the version up was refused: permission denied")
						require.Equal(t, rollout.Paused, state.Status)
						require.Nil(t, state.Intent)
						require.Equal(t, []alipayplus.Ratio{10}, s.fake.Ratios(), "it does not climb on")
						require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "PAUSED 10-10"}, s.audit())
					})
					if t.Failed() {
						t.Fatalf("after a crash at access %d, after its effect: %v", n, after)
					}
				}
			}
			require.Greater(t, deaths, 10)
		})
	}
}

// The limiter lets a call through every ten seconds. What an abort needs of them is not
// there yet when the run is stopped.
func TestAnAbortThatIsInterruptedInTheQueueStaysAnAbort(t *testing.T) {
	for name, tt := range map[string]struct {
		given func(*harbor)
		// stopped is when the run ends: after the last look, before the abort.
		stopped time.Duration
		class   error
	}{
		"asked for by a person": {
			func(h *harbor) {
				require.NoError(h, h.store.Post(h.Context(), "release 0", rollout.Command{ID: "1", Kind: rollout.CommandAbort, By: "lin", Reason: "no", At: time.Now()}))
			},
			5 * time.Second, nil,
		},
		"asked for by a gate": {
			func(h *harbor) {
				h.opts = []rollout.Option{rollout.WithGate("errors", failing(10, new(bool)))}
			},
			15 * time.Second, rollout.ErrGateFailed, // it looks again after it asked the gate
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarbor(t, 1)
				h.spec = aborting()
				h.fakes[0].ApproveAfter(0)
				h.opts = []rollout.Option{rollout.WithGate("errors", failing(0, new(bool)))}
				_, err := h.fleet(rollout.FleetOptions{}).Run(deadline(t, 2*time.Minute))
				require.ErrorIs(t, err, rollout.ErrPending)
				require.Equal(t, []alipayplus.Ratio{10}, h.fakes[0].Ratios())
				tt.given(h)
				time.Sleep(time.Minute) // a question is due
				looked := h.fakes[0].Calls(rollouttest.OpObserve)

				limiter := rate.NewLimiter(rate.Every(10*time.Second), 1)
				_, err = h.fleet(rollout.FleetOptions{Limiter: limiter}).Run(deadline(t, tt.stopped))

				require.ErrorIs(t, err, rollout.ErrPending)
				require.Greater(t, h.fakes[0].Calls(rollouttest.OpObserve), looked)
				require.Zero(t, h.fakes[0].Calls(rollouttest.OpAbort))
				require.Equal(t, alipayplus.ReleaseGrayscale, h.fakes[0].Now().Status)

				summary, err := h.fleet(rollout.FleetOptions{}).Run(t.Context())
				require.ErrorIs(t, err, rollout.ErrAborted)
				if tt.class != nil {
					require.ErrorIs(t, err, tt.class)
				}
				require.Equal(t, "1 ABORTED", summary.String())
				require.Equal(t, alipayplus.ReleaseCanceled, h.fakes[0].Now().Status)
			})
		})
	}
}

// strict refuses to be given up by somebody who believes that another ratio is live.
type strict struct{ *rollouttest.Fake }

func (s strict) Abort(ctx context.Context, c rollout.Change) (string, error) {
	if now := s.Now().Ratio; now != c.From {
		return "", fmt.Errorf("%v is live, not %v: %w", now, c.From, alipayplus.ErrConflict)
	}
	return s.Fake.Abort(ctx, c)
}

func TestAnAbortLooksFirstWhatOthersDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		require.NoError(t, s.fake.SetRatio("pat", 30))

		receipt, err := s.runnerOf(strict{s.fake}, s.store).Abort(t.Context(), "lin", "no")

		require.NoError(t, err)
		require.Equal(t, rollout.Aborted, receipt.State.Status)
		require.Equal(t, alipayplus.Ratio(30), receipt.State.Stop.Ratio)
		require.Equal(t, "the version is canceled; 30% of the users have it", receipt.State.Stop.Aftermath)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "ADOPTED 10-30", "ABORTED 30-30"}, s.audit())
	})
}

func TestATargetThatCannotBeReadIsGivenUpAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := liveAtTen(t, plain())
		s.fake.FailNext(rollouttest.OpObserve, 1, unavailable())
		receipt, err := s.runner().Abort(t.Context(), "lin", "no")
		require.NoError(t, err)
		require.Equal(t, rollout.Aborted, receipt.State.Status)
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
	})
}

// overheard is a way to the platform on which each request is heard before it is sent.
type overheard struct {
	http.RoundTripper
	hear func(path string)
}

func (o *overheard) RoundTrip(r *http.Request) (*http.Response, error) {
	o.hear(r.URL.Path)
	return o.RoundTripper.RoundTrip(r)
}

// overhearing gives a client of the owner whose requests are heard.
func (w *world) overhearing() (*alipayplus.Client, *overheard) {
	w.Helper()
	way := w.p.HTTPClient()
	heard := &overheard{way.Transport, func(string) {}}
	way.Transport = heard
	client, err := w.p.Client(w.Context(), w.workspace, "olga", alipayplus.WithHTTPClient(way))
	require.NoError(w, err)
	return client, heard
}

// approve lets both parties approve all that is under review.
func (w *world) approve() {
	w.Helper()
	for _, party := range []alipayplus.Party{alipayplus.PartyAlipayPlus, alipayplus.PartyAlipayCN} {
		reviewer, err := w.p.ReviewerClient(w.Context(), party)
		require.NoError(w, err)
		for request, err := range reviewer.Reviews.All(w.Context(), alipayplus.ListReviewsInput{}) {
			require.NoError(w, err)
			_, err = reviewer.Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: request.ID, Approve: true})
			require.NoError(w, err)
		}
	}
}

func TestAReleaseIsGivenUpThoughItsReviewEndsMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newWorld(t)
		release := given.release(given.program(), "1.0.0")
		client, way := given.overhearing()
		r, err := rollout.New(rollout.ForRelease(client, release.ID), plain(), rollout.NewMemoryStore(), rollout.WithHost("a"))
		require.NoError(t, err)
		_, err = r.Step(t.Context())
		require.NoError(t, err)
		require.Equal(t, alipayplus.ReleaseUnderReview, given.read(release.ID).Status)

		// The last approval comes right before the application is withdrawn.
		withdrawals := 0
		way.hear = func(path string) {
			if strings.HasSuffix(path, "withdraw") {
				if withdrawals++; withdrawals == 1 {
					given.approve()
				}
			}
		}
		receipt, err := r.Abort(t.Context(), "lin", "no")

		require.NoError(t, err)
		require.Equal(t, 1, withdrawals)
		require.Equal(t, rollout.Aborted, receipt.State.Status)
		require.Equal(t, "nobody has the version; it is canceled and cannot go to this target again", receipt.State.Stop.Aftermath)
		require.Equal(t, alipayplus.ReleaseCanceled, given.read(release.ID).Status)
	})
}

// While it is not known whether a raise took effect, that is found out first: the audit log would lack it otherwise.
func TestAnAbortOfAHalfDoneRaiseWaitsUntilTheTargetCanBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, hourly())
		s.fake.ApproveAfter(0)
		s.fake.LoseNext(rollouttest.OpRaise, 1, alipayplus.ErrOutcomeUnknown)
		s.fake.After(func(_ context.Context, c rollouttest.Call) error {
			if c.Op == rollouttest.OpRaise {
				s.fake.FailNext(rollouttest.OpObserve, 10, rollout.Transient(errors.New("out of order")))
			}
			return nil
		})
		s.runUntil(time.Minute)
		require.NotNil(t, s.state().Intent)

		_, err := s.runner().Abort(t.Context(), "lin", "no")

		require.EqualError(t, err, "out of order; the order is kept, and the next run carries it out")
		require.Zero(t, s.fake.Calls(rollouttest.OpAbort))

		state, err := s.runner().Run(t.Context())
		require.ErrorIs(t, err, rollout.ErrAborted)
		require.Equal(t, alipayplus.Ratio(10), state.Ratio)
		require.Equal(t, []string{"STARTED 0-0", "APPLIED 0-0", "RAISED 0-10", "ABORTED 10-10"}, s.audit())
	})
}
