package platform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// partnerApp is another Alipay+ partner app: it needs no authorization and no
// language, and reviews nothing itself.
type partnerApp struct {
	*platform.SimulatedAlipayCN
	limits alipayplus.Limits
	fail   error
}

const partner alipayplus.TargetApp = "LAKE_WALLET"

func newPartnerApp() *partnerApp {
	return &partnerApp{SimulatedAlipayCN: platform.NewSimulatedAlipayCN(), limits: alipayplus.Limits{Programs: 3, WaitingVersions: 2}}
}

func (*partnerApp) App() alipayplus.TargetApp { return partner }

func (*partnerApp) Languages() []string { return nil }

func (*partnerApp) Parties() []alipayplus.Party { return nil }

func (*partnerApp) NeedsAuthorization() bool { return false }

func (a *partnerApp) Limits() alipayplus.Limits { return a.limits }

func (a *partnerApp) Submit(context.Context, *alipayplus.Release) error { return a.fail }

func (a *partnerApp) SetRatio(context.Context, *alipayplus.Release, alipayplus.Ratio) error {
	return a.fail
}

func (a *partnerApp) Publish(context.Context, *alipayplus.Release) error { return a.fail }

func (a *partnerApp) Cancel(context.Context, *alipayplus.Release) error { return a.fail }

// trouble is how a target app fails.
type trouble string

const (
	none         trouble = ""
	failsBefore  trouble = "fails and does nothing"
	failsAfter   trouble = "does it and then fails"
	panicsBefore trouble = "panics and does nothing"
	panicsAfter  trouble = "does it and then panics"
	hangsBefore  trouble = "hangs and does nothing"
	hangsAfter   trouble = "does it and then hangs"
	refuses      trouble = "refuses"
)

func troubles() []trouble {
	return []trouble{failsBefore, failsAfter, panicsBefore, panicsAfter, hangsBefore, hangsAfter}
}

// unreliableApp is a target app that remembers what was done to each release, and is in
// trouble now and then.
type unreliableApp struct {
	*platform.SimulatedAlipayCN

	mu       sync.Mutex
	next     []trouble
	ratios   map[string][]alipayplus.Ratio
	canceled map[string]bool
	// submitted are the configurations that were submitted for review and not
	// withdrawn.
	submitted map[string]alipayplus.Configuration
	// during is called in the middle of a submit; may be nil.
	during func()
}

func newUnreliableApp() *unreliableApp {
	return &unreliableApp{
		SimulatedAlipayCN: platform.NewSimulatedAlipayCN(),
		ratios:            map[string][]alipayplus.Ratio{}, canceled: map[string]bool{},
		submitted: map[string]alipayplus.Configuration{},
	}
}

// NeedsAuthorization spares the tests a visit.
func (s *unreliableApp) NeedsAuthorization() bool { return false }

func (s *unreliableApp) Submit(ctx context.Context, r *alipayplus.Release) error {
	return s.do(ctx, func() error {
		s.submitted[r.ID] = r.Configuration
		return nil
	})
}

func (s *unreliableApp) Withdraw(ctx context.Context, r *alipayplus.Release) error {
	return s.do(ctx, func() error {
		delete(s.submitted, r.ID)
		return nil
	})
}

func (s *unreliableApp) SetRatio(ctx context.Context, r *alipayplus.Release, ratio alipayplus.Ratio) error {
	return s.do(ctx, func() error {
		if s.canceled[r.ID] {
			return errors.New("it is canceled")
		}
		s.ratios[r.ID] = append(s.ratios[r.ID], ratio)
		return nil
	})
}

func (s *unreliableApp) Publish(ctx context.Context, r *alipayplus.Release) error {
	return s.SetRatio(ctx, r, alipayplus.FullRatio)
}

func (s *unreliableApp) Cancel(ctx context.Context, r *alipayplus.Release) error {
	return s.do(ctx, func() error {
		s.canceled[r.ID] = true
		return nil
	})
}

// do does something, or not, and gets into the trouble that comes next.
func (s *unreliableApp) do(ctx context.Context, change func() error) error {
	t, err := s.begin(change)
	if s.during != nil {
		s.during()
	}
	switch t {
	case refuses:
		return fmt.Errorf("%w: it is being looked at", alipayplus.ErrConflict)
	case failsBefore, failsAfter:
		return errors.New("the target app has a problem")
	case panicsBefore, panicsAfter:
		panic("the target app's connector has a bug")
	case hangsBefore, hangsAfter:
		<-ctx.Done()
		return ctx.Err()
	default:
		return err
	}
}

func (s *unreliableApp) begin(change func() error) (trouble, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := none
	if len(s.next) > 0 {
		t, s.next = s.next[0], s.next[1:]
	}
	switch t {
	case refuses, failsBefore, panicsBefore, hangsBefore:
		return t, nil
	default:
		return t, change()
	}
}

func (s *unreliableApp) expect(next ...trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = next
}

// live is the ratio that the target app has for a release, and whether it was
// taken back.
func (s *unreliableApp) live(release string) (alipayplus.Ratio, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := s.ratios[release]
	if len(steps) == 0 {
		return 0, s.canceled[release]
	}
	return steps[len(steps)-1], s.canceled[release]
}

func (s *unreliableApp) isSubmitted(release string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, submitted := s.submitted[release]
	return submitted
}

// requireRising checks that no ratio ever went down.
func (s *unreliableApp) requireRising(t require.TestingT) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for release, steps := range s.ratios {
		for i := 1; i < len(steps); i++ {
			require.GreaterOrEqual(t, steps[i], steps[i-1], "release %s went down at the target app: %v", release, steps)
		}
	}
}

// server answers as net/http's does: a panic cuts the connection and nothing else.
type server struct{ to http.RoundTripper }

func (s server) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() != nil {
			resp, err = nil, io.ErrUnexpectedEOF
		}
	}()
	return s.to.RoundTrip(r)
}

func behindServer(w *world, opts ...alipayplus.Option) *alipayplus.Client {
	w.Helper()
	wired := []alipayplus.Option{
		alipayplus.WithHTTPClient(&http.Client{Transport: server{w.p.HTTPClient().Transport}}),
		alipayplus.WithAttemptTimeout(attemptLimit),
	}
	return asOwner(w, append(wired, opts...)...)
}

// requireAgreement checks that the target app does with a release what the
// records say.
func (s *unreliableApp) requireAgreement(t require.TestingT, r *alipayplus.Release) {
	ratio, canceled := s.live(r.ID)
	require.Equal(t, r.Status != alipayplus.ReleaseNewVersionCreated, s.isSubmitted(r.ID), "the records say %s", r.Status)
	require.Equal(t, r.Status == alipayplus.ReleaseCanceled, canceled, "the records say %s", r.Status)
	if !canceled {
		require.Equal(t, r.Grayscale.Ratio, ratio, "the records say %s", r.Status)
	}
	s.requireRising(t)
}

// TestATargetAppInTrouble: the call that reaches it is repeated until the target
// app and the records agree.
func TestATargetAppInTrouble(t *testing.T) {
	t.Parallel()
	type step func(ctx context.Context, c *alipayplus.Client, r *alipayplus.Release) (*alipayplus.Release, error)
	raiseTo := func(ratio alipayplus.Ratio) step {
		return func(ctx context.Context, c *alipayplus.Client, r *alipayplus.Release) (*alipayplus.Release, error) {
			return c.Releases.Raise(ctx, r.GrayscaleTo(ratio))
		}
	}
	cases := []struct {
		name  string
		given func(w *world, program string) *alipayplus.Release
		step  step
		want  alipayplus.ReleaseStatus
	}{
		{"apply", func(w *world, program string) *alipayplus.Release {
			return w.release(program, "1.0.0")
		}, func(ctx context.Context, c *alipayplus.Client, r *alipayplus.Release) (*alipayplus.Release, error) {
			return c.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())})
		}, alipayplus.ReleaseUnderReview},
		{"withdraw", func(w *world, program string) *alipayplus.Release {
			return w.underReview(program, "1.0.0")
		}, func(ctx context.Context, c *alipayplus.Client, r *alipayplus.Release) (*alipayplus.Release, error) {
			return c.Releases.Withdraw(ctx, alipayplus.ReleaseInput{ReleaseID: r.ID})
		}, alipayplus.ReleaseNewVersionCreated},
		{"start", func(w *world, program string) *alipayplus.Release {
			return w.prepared(program, "1.0.0")
		}, func(ctx context.Context, c *alipayplus.Client, r *alipayplus.Release) (*alipayplus.Release, error) {
			return c.Releases.StartGrayscale(ctx, r.GrayscaleTo(1))
		}, alipayplus.ReleaseGrayscale},
		{"raise", func(w *world, program string) *alipayplus.Release {
			return w.grayscale(program, "1.0.0", 1)
		}, raiseTo(20), alipayplus.ReleaseGrayscale},
		{"raise to all", func(w *world, program string) *alipayplus.Release {
			return w.grayscale(program, "1.0.0", 50)
		}, raiseTo(100), alipayplus.ReleaseFull},
		{"finalize", func(w *world, program string) *alipayplus.Release {
			return w.prepared(program, "1.0.0")
		}, func(ctx context.Context, c *alipayplus.Client, r *alipayplus.Release) (*alipayplus.Release, error) {
			return c.Releases.Finalize(ctx, alipayplus.ReleaseInput{ReleaseID: r.ID})
		}, alipayplus.ReleaseFull},
		{"cancel", func(w *world, program string) *alipayplus.Release {
			return w.grayscale(program, "1.0.0", 30)
		}, func(ctx context.Context, c *alipayplus.Client, r *alipayplus.Release) (*alipayplus.Release, error) {
			return c.Releases.Cancel(ctx, alipayplus.ReleaseInput{ReleaseID: r.ID})
		}, alipayplus.ReleaseCanceled},
	}
	for _, tc := range cases {
		for _, first := range troubles() {
			t.Run(fmt.Sprintf("%s %s", tc.name, first), func(t *testing.T) {
				app := newUnreliableApp()
				inWorld(t, func(w *world) {
					r := tc.given(w, w.program().ID)
					before := len(w.auditLog())
					app.expect(first, failsAfter)
					_, err := tc.step(w.Context(), behindServer(w, alipayplus.WithRetry(1, 0, 0)), r)
					require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
					require.True(w, alipayplus.IsRetryable(err))
					require.Equal(w, r, w.read(r.ID), "nothing is recorded that may not have happened")
					require.Len(w, w.auditLog(), before)

					done, err := tc.step(w.Context(), behindServer(w), r)
					require.NoError(w, err, "a client that repeats gets through")
					require.Equal(w, tc.want, done.Status)
					require.Equal(w, done, w.read(r.ID))
					app.requireAgreement(w, w.read(r.ID))
				}, platform.WithTargetBackends(app))
			})
		}
	}
}

// TestAStepThatMayBeLiveIsNotUndercut: when it is not known whether a ratio was
// set, no lower one may follow, although the records know only the one before.
func TestAStepThatMayBeLiveIsNotUndercut(t *testing.T) {
	app := newUnreliableApp()
	inWorld(t, func(w *world) {
		r := w.grayscale(w.program().ID, "1.0.0", 1)
		app.expect(failsAfter)
		_, err := asOwner(w, alipayplus.WithRetry(1, 0, 0)).Releases.Raise(w.Context(), r.GrayscaleTo(20))
		require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)

		_, err = w.owner.Releases.Raise(w.Context(), w.read(r.ID).GrayscaleTo(5))
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "20%")
		app.requireRising(w)

		done, err := w.owner.Releases.Raise(w.Context(), w.read(r.ID).GrayscaleTo(20))
		require.NoError(w, err, "the same ratio, or a higher one, settles it")
		require.Equal(w, alipayplus.Ratio(20), done.Grayscale.Ratio)
		app.requireAgreement(w, w.read(r.ID))
	}, platform.WithTargetBackends(app))
}

// TestAKeyIsTakenWhileTheTargetAppIsAsked: what came of the first content is not
// known, so the key is not free for another.
func TestAKeyIsTakenWhileTheTargetAppIsAsked(t *testing.T) {
	app := newUnreliableApp()
	inWorld(t, func(w *world) {
		r := w.grayscale(w.program().ID, "1.0.0", 1)
		app.expect(failsBefore)
		step := alipayplus.GrayscaleInput{ReleaseID: r.ID, From: 1, Ratio: 20, RequestID: "key"}
		_, err := asOwner(w, alipayplus.WithRetry(1, 0, 0)).Releases.Raise(w.Context(), step)
		require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
		step.Ratio = 30
		_, err = w.owner.Releases.Raise(w.Context(), step)
		requireReused(w, err)
		step.Ratio = 20
		_, err = w.owner.Releases.Raise(w.Context(), step)
		require.NoError(w, err)
		app.requireAgreement(w, w.read(r.ID))
	}, platform.WithTargetBackends(app))
}

// TestATargetAppThatRefuses: nothing happened there, so nothing is kept of it: the
// caller gets the reason, and may choose a lower ratio, under the same key as well.
func TestATargetAppThatRefuses(t *testing.T) {
	t.Run("for certain", func(t *testing.T) {
		app := newUnreliableApp()
		inWorld(t, func(w *world) {
			r := w.grayscale(w.program().ID, "1.0.0", 1)
			before := w.snapshot()
			app.expect(refuses)
			step := alipayplus.GrayscaleInput{ReleaseID: r.ID, From: 1, Ratio: 20, RequestID: "key"}
			_, err := w.owner.Releases.Raise(w.Context(), step)
			require.ErrorIs(w, err, alipayplus.ErrConflict)
			require.NotErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
			require.ErrorContains(w, err, "it is being looked at")
			require.Equal(w, before, w.snapshot())
			step.Ratio = 5
			_, err = w.owner.Releases.Raise(w.Context(), step)
			require.NoError(w, err)
			app.requireAgreement(w, w.read(r.ID))
		}, platform.WithTargetBackends(app))
	})
	t.Run("which says nothing of the attempt before", func(t *testing.T) {
		app := newUnreliableApp()
		inWorld(t, func(w *world) {
			r := w.grayscale(w.program().ID, "1.0.0", 1)
			app.expect(failsAfter, refuses)
			_, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(20))
			require.Error(w, err)
			_, err = w.owner.Releases.Raise(w.Context(), w.read(r.ID).GrayscaleTo(5))
			require.ErrorIs(w, err, alipayplus.ErrConflict)
			app.requireRising(w)
		}, platform.WithTargetBackends(app))
	})
}

// TestACallerWhoHangsUp: what was done at the target app is recorded, although
// nobody waits for the answer any more.
func TestACallerWhoHangsUp(t *testing.T) {
	app := newUnreliableApp()
	inWorld(t, func(w *world) {
		r := w.prepared(w.program().ID, "1.0.0")
		ctx, hangUp := context.WithCancel(w.Context())
		app.during = hangUp
		_, err := w.owner.Releases.StartGrayscale(ctx, r.GrayscaleTo(5))
		app.during = nil
		if err != nil {
			require.ErrorIs(w, err, context.Canceled)
		}
		app.requireAgreement(w, w.read(r.ID))
	}, platform.WithTargetBackends(app))
}

// TestWhatIsReviewedIsWhatWasSubmitted: a change of the configuration while the
// application is on its way to the target app comes before it or too late.
func TestWhatIsReviewedIsWhatWasSubmitted(t *testing.T) {
	app := newUnreliableApp()
	inWorld(t, func(w *world) {
		r := w.release(w.program().ID, "1.0.0")
		var late sync.WaitGroup
		app.during = func() {
			late.Go(func() {
				_, err := w.owner.Releases.UpdateConfiguration(w.Context(), alipayplus.UpdateReleaseConfigurationInput{
					ReleaseID: r.ID, Configuration: teaDomains(),
				})
				require.ErrorIs(w, err, alipayplus.ErrConflict)
			})
			time.Sleep(time.Second)
		}
		applied := w.apply(r.ID)
		late.Wait()
		require.Equal(w, app.submitted[r.ID], applied.Configuration)
		require.Equal(w, app.submitted[r.ID], w.read(r.ID).Configuration)
	}, platform.WithTargetBackends(app))
}

// TestTheTargetAppAndTheRecordsAgreeInTheEnd: members do whatever the records
// seem to allow, never look back at a call that failed, and the target app fails
// in every way.
func TestTheTargetAppAndTheRecordsAgreeInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := storage.NewMemory()
		first := newWorld(t, platform.WithStore(store), platform.WithTargetBackends(newUnreliableApp()))
		release := first.prepared(first.program().ID, "1.0.0").ID
		given := first.save(store)
		rapid.Check(inBubble{t}, func(rt *rapid.T) {
			app := newUnreliableApp()
			app.submitted[release] = alipayplus.Configuration{}
			w := given.world(t, platform.WithTargetBackends(app))
			once := behindServer(w, alipayplus.WithRetry(1, 0, 0))
			for range rapid.IntRange(1, 5).Draw(rt, "steps") {
				app.expect(rapid.SampledFrom(append(troubles(), refuses, none, none)).Draw(rt, "trouble"))
				anyStep(rt, w, once, release)
				app.requireRising(rt)
			}
			app.expect()
			if _, err := setRatio(w, w.owner, w.read(release), alipayplus.FullRatio); err != nil {
				_, _ = w.owner.Releases.Cancel(w.Context(), alipayplus.ReleaseInput{ReleaseID: release})
			}
			end := w.read(release)
			require.Contains(rt, []alipayplus.ReleaseStatus{alipayplus.ReleaseFull, alipayplus.ReleaseCanceled}, end.Status)
			app.requireAgreement(rt, end)
		})
	})
}

// inBubble hides the test's deadline, which a bubble has none of.
type inBubble struct{ *testing.T }

// anyStep tries one thing that a member may do with a release, whatever comes of it.
func anyStep(rt *rapid.T, w *world, c *alipayplus.Client, release string) {
	r := w.read(release)
	named := alipayplus.ReleaseInput{ReleaseID: release}
	switch rapid.SampledFrom([]string{"raise", "raise", "raise", "finalize", "cancel"}).Draw(rt, "what") {
	case "raise":
		ratio := rapid.SampledFrom(r.Grayscale.Ladder.Ratios()).Draw(rt, "ratio")
		_, _ = setRatio(w, c, r, ratio)
	case "finalize":
		_, _ = c.Releases.Finalize(w.Context(), named)
	case "cancel":
		_, _ = c.Releases.Cancel(w.Context(), named)
	}
}

// setRatio asks for a ratio with the call that fits, and leaves it to the
// platform to refuse it.
func setRatio(w *world, c *alipayplus.Client, r *alipayplus.Release, ratio alipayplus.Ratio) (*alipayplus.Release, error) {
	in := alipayplus.GrayscaleInput{ReleaseID: r.ID, From: r.Grayscale.Ratio, Ratio: ratio}
	if in.From == 0 {
		return c.Releases.StartGrayscale(w.Context(), in)
	}
	return c.Releases.Raise(w.Context(), in)
}

// TestAFailureAtTheTargetAppLeavesTheReleaseAsItWas covers every step that
// reaches the target app.
func TestAFailureAtTheTargetAppLeavesTheReleaseAsItWas(t *testing.T) {
	steps := map[string]func(w *world, c *alipayplus.Client, r *alipayplus.Release) error{
		"apply": func(w *world, c *alipayplus.Client, r *alipayplus.Release) error {
			_, err := c.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company()), RequestID: "once"})
			return err
		},
		"grayscale": func(w *world, c *alipayplus.Client, r *alipayplus.Release) error {
			in := r.GrayscaleTo(10)
			in.RequestID = "once"
			_, err := c.Releases.StartGrayscale(w.Context(), in)
			return err
		},
		"finalize": func(w *world, c *alipayplus.Client, r *alipayplus.Release) error {
			_, err := c.Releases.Finalize(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: "once"})
			return err
		},
		"cancel": func(w *world, c *alipayplus.Client, r *alipayplus.Release) error {
			_, err := c.Releases.Cancel(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: "once"})
			return err
		},
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app := newPartnerApp()
				w := newWorld(t, platform.WithTargetBackends(app))
				impatient, err := w.p.Client(w.Context(), w.workspace, "olga", alipayplus.WithRetry(1, 0, 0))
				require.NoError(w, err)
				program := w.program()
				r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: partner})
				require.NoError(w, err)
				if name != "apply" {
					w.apply(r.ID)
					w.approve()
				}
				before, r := w.snapshot(), w.read(r.ID)

				app.fail = errors.New("the wallet's gateway is down at 10.0.0.7")
				err = step(w, impatient, r)
				require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
				require.True(w, alipayplus.IsRetryable(err))
				require.NotContains(w, err.Error(), "10.0.0.7", "the platform's inside is its own business")
				require.Equal(w, before, w.snapshot())

				w.Log("The same call with the same requestId succeeds once the app is back.")
				app.fail = nil
				require.NoError(w, step(w, impatient, r))
				require.NotEqual(w, r.Status, w.read(r.ID).Status)
				after := w.snapshot()
				require.NoError(w, step(w, impatient, r), "and is done once")
				require.Equal(w, after, w.snapshot())
			})
		})
	}
}
