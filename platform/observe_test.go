package platform_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// observedApp is an AlipayCN that says itself what has become of a release.
type observedApp struct {
	*fakeApp

	mu       sync.Mutex
	state    platform.TargetState
	err      error
	observed int
	// of are the states of some releases, in place of the state of all.
	of map[string]alipayplus.ReleaseStatus
}

func newObservedApp() *observedApp { return &observedApp{fakeApp: newFakeApp()} }

func (a *observedApp) Observe(_ context.Context, c platform.TargetCall) (*platform.TargetState, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.observed++
	state := a.state
	if status, is := a.of[c.Release.ID]; is {
		state.Status = status
	}
	return &state, a.err
}

// says lets the app say that a release stands somewhere.
func (a *observedApp) says(status alipayplus.ReleaseStatus, ratio alipayplus.Ratio, review alipayplus.ReviewStatus) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state, a.err = platform.TargetState{Status: status, Ratio: ratio, Detail: "ITS_WORD"}, nil
	if review != "" {
		a.state.Review = &alipayplus.Review{Status: review, Reason: "the logo is blurred", Pictures: []string{"https://cn.example/logo.png"}}
	}
}

func (a *observedApp) fails(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

func (a *observedApp) observations() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.observed
}

// observedFixture is a fixture with such an app, where Alipay+ approves by itself, and the
// release is taken to a status.
func observedFixture(t *testing.T, test func(w *fixture, app *observedApp, r *alipayplus.Release), to alipayplus.ReleaseStatus, opts ...platform.Option) {
	t.Helper()
	app := newObservedApp()
	withFixture(t, func(w *fixture) {
		r := w.release(w.program().ID, "1.0.0")
		app.says(alipayplus.ReleaseUnderReview, 0, alipayplus.ReviewPending)
		r = w.apply(r.ID)
		if to != alipayplus.ReleaseUnderReview {
			app.says(alipayplus.ReleasePreparation, 0, alipayplus.ReviewApproved)
			r = w.after(time.Minute, r.ID)
			require.Equal(w, alipayplus.ReleasePreparation, r.Status)
		}
		var err error
		switch to {
		case alipayplus.ReleaseGrayscale:
			r, err = w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
			app.says(to, 10, alipayplus.ReviewApproved)
		case alipayplus.ReleaseFull:
			r, err = w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
			app.says(to, 100, alipayplus.ReviewApproved)
		}
		require.NoError(w, err)
		test(w, app, r)
	}, append([]platform.Option{platform.WithTargetBackends(app), platform.WithAutoReview(approveIn(0))}, opts...)...)
}

// after reads a release after some time.
func (w *fixture) after(d time.Duration, release string) *alipayplus.Release {
	w.Helper()
	time.Sleep(d)
	return w.read(release)
}

func TestTheVerdictOfAnObservedAppComesFromThere(t *testing.T) {
	observedFixture(t, func(w *fixture, app *observedApp, r *alipayplus.Release) {
		r = w.after(time.Minute, r.ID)
		require.Equal(w, alipayplus.ReleaseUnderReview, r.Status, "no automatic verdict stands in for the app's own")
		for _, pending := range gather(w, values(w.p.Reviews(w.Context()))) {
			require.ErrorIs(w, pending.Approve(w.Context(), alipayplus.PartyAlipayCN), alipayplus.ErrConflict)
		}
		_, err := w.reviewer(alipayplus.PartyAlipayCN).Reviews.Decide(w.Context(), alipayplus.DecideInput{ID: r.ReleaseRequestID, Approve: true})
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "comes from ALIPAY_CN itself")

		app.says(alipayplus.ReleaseNewVersionCreated, 0, alipayplus.ReviewRejected)
		r = w.after(time.Minute, r.ID)
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, r.Status)
		require.Equal(w, alipayplus.RequestRejected, w.request(r.ReleaseRequestID).Status)
		review := r.Reviews[1]
		require.Equal(w, alipayplus.ReviewRejected, review.Status)
		require.Equal(w, "the logo is blurred", review.Reason)
		require.Equal(w, []string{"https://cn.example/logo.png"}, review.Pictures)
	}, alipayplus.ReleaseUnderReview)
}

func values[T any](all []*T, err error) func(func(*T, error) bool) {
	return func(yield func(*T, error) bool) {
		for _, v := range all {
			if !yield(v, err) {
				return
			}
		}
	}
}

// TestWhatSomebodyDidAtTheTargetAppIsAdopted, by the table of TargetObserver.
func TestWhatSomebodyDidAtTheTargetAppIsAdopted(t *testing.T) {
	const (
		created, review, prepared = alipayplus.ReleaseNewVersionCreated, alipayplus.ReleaseUnderReview, alipayplus.ReleasePreparation
		gray, full                = alipayplus.ReleaseGrayscale, alipayplus.ReleaseFull
		canceled, archived        = alipayplus.ReleaseCanceled, alipayplus.ReleaseArchived
	)
	for _, tt := range []struct {
		from, there alipayplus.ReleaseStatus
		ratio       alipayplus.Ratio
		want        alipayplus.ReleaseStatus
		wantRatio   alipayplus.Ratio
		by          string
	}{
		{review, created, 0, created, 0, "ALIPAY_CN"},
		{review, canceled, 0, created, 0, "ALIPAY_CN"},
		{prepared, gray, 30, gray, 30, "outside"},
		{prepared, full, 100, full, 100, "outside"},
		{prepared, created, 0, created, 0, "outside"},
		{prepared, review, 0, created, 0, "outside"},
		{prepared, canceled, 0, canceled, 0, "outside"},
		{prepared, archived, 0, archived, 0, "outside"},
		{gray, gray, 50, gray, 50, "outside"},
		{gray, full, 100, full, 100, "outside"},
		{gray, prepared, 0, prepared, 0, "outside"},
		{gray, created, 0, created, 0, "outside"},
		{gray, canceled, 0, canceled, 10, "outside"},
		{full, archived, 0, archived, 100, "outside"},
		{full, canceled, 0, archived, 100, "outside"},
		{full, "A_NEW_STATUS", 0, full, 100, "olga"},
	} {
		t.Run(fmt.Sprintf("%s, there %s", tt.from, tt.there), func(t *testing.T) {
			observedFixture(t, func(w *fixture, app *observedApp, r *alipayplus.Release) {
				app.says(tt.there, tt.ratio, "")
				r = w.after(time.Minute, r.ID)
				require.Equal(w, tt.want, r.Status)
				require.Equal(w, tt.wantRatio, r.Grayscale.Ratio)
				require.Equal(w, tt.by, r.UpdatedBy)
				log := w.auditLog()
				require.Equal(w, tt.by, log[len(log)-1].Who)
				if tt.by == "outside" {
					require.Equal(w, "found at ALIPAY_CN: ITS_WORD", log[len(log)-1].Note)
				}
				require.Equal(w, r, w.after(time.Hour, r.ID), "it is adopted once")
			}, tt.from)
		})
	}
}

// TestAVersionThatAlipayPlusRejectedIsPublishedOutside: AlipayCN, which has approved it, lets its own console do that.
func TestAVersionThatAlipayPlusRejectedIsPublishedOutside(t *testing.T) {
	rejected := alipayplus.VersionNumber{Major: 1, Minor: 1}
	decide := platform.WithAutoReview(func(_ alipayplus.Party, r *alipayplus.Request) platform.Decision {
		if r.Version == rejected {
			return platform.RejectAfter(0, "no privacy policy")
		}
		return platform.ApproveAfter(0)
	})
	observedFixture(t, func(w *fixture, app *observedApp, former *alipayplus.Release) {
		r := w.release(former.ProgramID, rejected.String())
		app.says(alipayplus.ReleaseUnderReview, 0, alipayplus.ReviewPending)
		before := app.observations()
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.after(time.Minute, r.ID).Status)
		require.Equal(w, before, app.observations(), "the app does not know of it")
		r = w.apply(r.ID)
		for _, there := range []alipayplus.ReleaseStatus{alipayplus.ReleaseUnderReview, alipayplus.ReleasePreparation, alipayplus.ReleaseGrayscale, alipayplus.ReleaseCanceled} {
			app.says(there, 10, alipayplus.ReviewApproved)
			require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.after(time.Minute, r.ID).Status, there)
		}

		app.says(alipayplus.ReleaseFull, 100, alipayplus.ReviewApproved)
		r = w.after(time.Minute, r.ID)

		require.Equal(w, alipayplus.ReleaseFull, r.Status)
		require.Equal(w, alipayplus.FullRatio, r.Grayscale.Ratio)
		require.Equal(w, "outside", r.UpdatedBy)
		require.Equal(w, alipayplus.ReviewRejected, r.Reviews[0].Status, "that Alipay+ has rejected it stays readable")
		app.says(alipayplus.ReleaseArchived, 0, "")
		require.Equal(w, alipayplus.ReleaseArchived, w.read(former.ID).Status)
	}, alipayplus.ReleaseFull, decide)
}

// TestAVersionWhoseApplicationWasRefusedIsPublishedOutside: there is no application on record, and the target app knows the
// version all the same.
func TestAVersionWhoseApplicationWasRefusedIsPublishedOutside(t *testing.T) {
	for name, former := range map[string]error{"somebody else applied": nil, "an application took effect unheard": errDown} {
		t.Run(name, func(t *testing.T) {
			app := newObservedApp()
			var log strings.Builder
			withFixture(t, func(w *fixture) {
				r := w.release(w.program().ID, "1.0.0")
				apply := alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())}
				hasty := w.as("olga", alipayplus.WithRetry(1, 0, 0))
				if former != nil {
					app.will(failing(1, former))
					_, err := hasty.Releases.Apply(w.Context(), apply)
					require.Error(w, err)
				}
				app.will(failing(1, alipayplus.ErrConflict))
				_, err := hasty.Releases.Apply(w.Context(), apply)
				require.ErrorIs(w, err, alipayplus.ErrConflict)
				log.Reset()
				app.fails(alipayplus.ErrNotFound)
				require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.after(time.Minute, r.ID).Status)
				require.Empty(w, log.String(), "nobody has brought it there")
				app.says(alipayplus.ReleaseFull, 100, alipayplus.ReviewApproved)

				r = w.after(time.Minute, r.ID)

				require.Equal(w, alipayplus.ReleaseFull, r.Status)
				require.Equal(w, "outside", r.UpdatedBy)
				require.Empty(w, r.ReleaseRequestID)
			}, platform.WithTargetBackends(app), platform.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		})
	}
}

func TestAVersionThatWasPublishedOutsideArchivesTheFormer(t *testing.T) {
	observedFixture(t, func(w *fixture, app *observedApp, former *alipayplus.Release) {
		w.upload(former.ProgramID, "1.1.0")
		r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{
			ProgramID: former.ProgramID, Version: alipayplus.VersionNumber{Major: 1, Minor: 1}, TargetApp: alipayplus.TargetAlipayCN,
		})
		require.NoError(w, err)
		app.says(alipayplus.ReleaseUnderReview, 0, alipayplus.ReviewPending)
		r = w.apply(r.ID)
		app.says(alipayplus.ReleasePreparation, 0, alipayplus.ReviewApproved)
		require.Equal(w, alipayplus.ReleasePreparation, w.after(time.Minute, r.ID).Status)
		app.says(alipayplus.ReleaseFull, 100, alipayplus.ReviewApproved)
		require.Equal(w, alipayplus.ReleaseFull, w.after(time.Minute, r.ID).Status)
		app.says(alipayplus.ReleaseArchived, 0, alipayplus.ReviewApproved)
		require.Equal(w, alipayplus.ReleaseArchived, w.read(former.ID).Status)
	}, alipayplus.ReleaseFull)
}

// TestAReleaseThatWasRolledBackOutside: the version that it replaced is live again.
func TestAReleaseThatWasRolledBackOutside(t *testing.T) {
	observedFixture(t, func(w *fixture, app *observedApp, former *alipayplus.Release) {
		app.says(alipayplus.ReleaseUnderReview, 0, alipayplus.ReviewPending)
		r := w.apply(w.release(former.ProgramID, "1.1.0").ID)
		app.says(alipayplus.ReleasePreparation, 0, alipayplus.ReviewApproved)
		w.after(time.Minute, r.ID)
		_, err := w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
		require.NoError(w, err)
		app.says(alipayplus.ReleaseArchived, 0, "")
		app.mu.Lock()
		app.of = map[string]alipayplus.ReleaseStatus{former.ID: alipayplus.ReleaseFull}
		app.mu.Unlock()
		require.Equal(w, alipayplus.ReleaseArchived, w.after(time.Minute, r.ID).Status)
		back := w.read(former.ID)
		require.Equal(w, alipayplus.ReleaseFull, back.Status)
		require.Equal(w, "outside", back.UpdatedBy)
		require.Equal(w, "found at ALIPAY_CN: version 1.1.0 was rolled back", w.lastEvent(former.ID).Note)
	}, alipayplus.ReleaseFull)
}

func TestAReleaseIsObservedBeforeItIsChanged(t *testing.T) {
	observedFixture(t, func(w *fixture, app *observedApp, r *alipayplus.Release) {
		w.read(r.ID)
		app.says(alipayplus.ReleaseGrayscale, 50, alipayplus.ReviewApproved)
		app.take()
		_, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(20))
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.Empty(w, app.take(), "what was found there is known before anything is asked")
		r = w.read(r.ID)
		require.Equal(w, alipayplus.Ratio(50), r.Grayscale.Ratio)
		_, err = w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(100))
		require.NoError(w, err)
	}, alipayplus.ReleaseGrayscale)
}

func TestAReleaseIsObservedLessAndLessWhileNothingChanges(t *testing.T) {
	observedFixture(t, func(w *fixture, app *observedApp, r *alipayplus.Release) {
		before := app.observations()
		for range 600 {
			w.after(time.Second, r.ID)
		}
		require.InDelta(w, 14, app.observations()-before, 2, "in ten minutes: after 2, 4, 8, 16, 32 seconds, and then once a minute")
		app.says(alipayplus.ReleaseFull, 100, "")
		require.Equal(w, alipayplus.ReleaseFull, w.after(time.Minute, r.ID).Status)
	}, alipayplus.ReleaseGrayscale)
}

// TestAnAppThatCannotBeObserved: what is recorded is answered, and nothing is changed by a
// guess.
func TestAnAppThatCannotBeObserved(t *testing.T) {
	observedFixture(t, func(w *fixture, app *observedApp, r *alipayplus.Release) {
		app.fails(errors.New("no route to the target app"))
		require.Equal(w, r, w.after(time.Hour, r.ID))
		_, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(20))
		require.NoError(w, err, "the app itself decides what it does")
	}, alipayplus.ReleaseGrayscale)
}

// needingApp is an observed app that needs an authorization.
type needingApp struct{ *observedApp }

func (needingApp) NeedsAuthorization() bool { return true }

func TestAnAuthorizationThatTheAppRefusesIsRevoked(t *testing.T) {
	for name, refuse := range map[string]func(w *fixture, app *observedApp, r *alipayplus.Release){
		"when it is observed": func(w *fixture, app *observedApp, r *alipayplus.Release) {
			app.fails(alipayplus.ErrAuthorizationRequired)
			require.Equal(w, alipayplus.ReleaseUnderReview, w.after(time.Minute, r.ID).Status)
		},
		"when it is asked": func(w *fixture, app *observedApp, r *alipayplus.Release) {
			app.says(alipayplus.ReleasePreparation, 0, alipayplus.ReviewApproved)
			w.after(time.Minute, r.ID)
			app.will(failing(1, alipayplus.ErrAuthorizationRequired))
			_, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
			require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)
		},
		"when it is asked to take back what is not live": func(w *fixture, app *observedApp, r *alipayplus.Release) {
			app.will(failing(1, alipayplus.ErrAuthorizationRequired))
			w.withdraw(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			app := needingApp{newObservedApp()}
			withFixture(t, func(w *fixture) {
				program := w.program().ID
				w.authorize(program)
				app.says(alipayplus.ReleaseUnderReview, 0, alipayplus.ReviewPending)
				r := w.apply(w.release(program, "1.0.0").ID)
				refuse(w, app.observedApp, r)
				require.Equal(w, alipayplus.AuthorizationRevoked, w.authorization(program).Status)
			}, platform.WithTargetBackends(app), platform.WithAutoReview(approveIn(0)))
		})
	}
}

// renewedApp is an app that refuses a call once for want of an authorization, and is given another one before its answer comes.
type renewedApp struct {
	needingApp

	renew func()
}

func (a *renewedApp) Observe(ctx context.Context, c platform.TargetCall) (*platform.TargetState, error) {
	if renew := a.renew; renew != nil {
		a.renew = nil
		renew()
		return nil, alipayplus.ErrAuthorizationRequired
	}
	return a.needingApp.Observe(ctx, c)
}

// TestAnAuthorizationThatWasGivenAgainHolds: what was refused was the one before.
func TestAnAuthorizationThatWasGivenAgainHolds(t *testing.T) {
	for name, refuse := range map[string]func(w *fixture, app *renewedApp, r *alipayplus.Release, renew func()){
		"when it is observed": func(w *fixture, app *renewedApp, r *alipayplus.Release, renew func()) {
			app.renew = renew
			w.after(time.Minute, r.ID)
		},
		"when it is asked": func(w *fixture, app *renewedApp, r *alipayplus.Release, renew func()) {
			app.says(alipayplus.ReleasePreparation, 0, alipayplus.ReviewApproved)
			w.after(time.Minute, r.ID)
			app.will(func(asked) error {
				renew()
				return alipayplus.ErrAuthorizationRequired
			})
			_, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
			require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)
		},
		"when it is asked to take back what is not live": func(w *fixture, app *renewedApp, r *alipayplus.Release, renew func()) {
			app.will(func(asked) error {
				renew()
				return alipayplus.ErrAuthorizationRequired
			})
			w.withdraw(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			app := &renewedApp{needingApp: needingApp{newObservedApp()}}
			withFixture(t, func(w *fixture) {
				program := w.program().ID
				w.authorize(program)
				app.says(alipayplus.ReleaseUnderReview, 0, alipayplus.ReviewPending)
				r := w.apply(w.release(program, "1.0.0").ID)
				renewed := 0
				refuse(w, app, r, func() {
					renewed++
					time.Sleep(time.Second)
					require.NoError(w, w.p.RevokeAuthorization(w.Context(), w.workspace, program, alipayplus.TargetAlipayCN))
					w.authorize(program)
				})
				require.Equal(w, 1, renewed)
				require.Equal(w, alipayplus.AuthorizationGranted, w.authorization(program).Status)
			}, platform.WithTargetBackends(app), platform.WithAutoReview(approveIn(0)))
		})
	}
}

// pickyPage is an app whose page may come back with less than a release needs.
type pickyPage struct {
	*platform.SimulatedAlipayCN
	answers []platform.TargetAuthorization
	err     error
}

func (a *pickyPage) Exchange(context.Context, platform.TargetVisit) (*platform.TargetAuthorization, error) {
	if a.err != nil {
		err := a.err
		a.err = nil
		return nil, err
	}
	answer := a.answers[0]
	a.answers = a.answers[1:]
	return &answer, nil
}

func TestAnAuthorizationSaysWhatIsMissingAndWhatWasChosen(t *testing.T) {
	app := &pickyPage{
		SimulatedAlipayCN: platform.NewSimulatedAlipayCN(),
		err:               fmt.Errorf("%w: app 2021 is authorized for another mini program", alipayplus.ErrConflict),
		answers: []platform.TargetAuthorization{
			{TargetProgramID: "2021", MissingMethods: []string{"cn.gray", "cn.online"}}, {TargetProgramID: "2021"},
		},
	}
	withFixture(t, func(w *fixture) {
		program := w.program().ID
		a := w.begin(program)
		shown := w.callback(a.State, "1")
		require.Equal(w, 403, shown.status)
		require.Contains(w, shown.html, "app 2021 is authorized for another mini program")
		shown = w.callback(a.State, "2")
		require.Equal(w, 403, shown.status)
		require.Contains(w, shown.html, "cn.gray, cn.online")
		got := w.authorization(program)
		require.Equal(w, alipayplus.AuthorizationPending, got.Status)
		require.Equal(w, []string{"cn.gray", "cn.online"}, got.MissingMethods)
		require.Equal(w, 200, w.callback(a.State, "3").status)
		got = w.authorization(program)
		require.Equal(w, alipayplus.AuthorizationGranted, got.Status)
		require.Equal(w, "2021", got.TargetProgramID)
		require.Empty(w, got.MissingMethods)
	}, platform.WithTargetBackends(app))
}
