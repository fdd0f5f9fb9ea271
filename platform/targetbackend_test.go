package platform_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// partnerApp is another Alipay+ partner app: it needs no authorization and no
// language, and reviews nothing itself.
type partnerApp struct {
	*platform.SimulatedAlipayCN
	limits alipayplus.Limits
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

// asked is one thing that the target app was asked for.
type asked struct {
	what, release, request string
	ratio                  alipayplus.Ratio
}

var errDown = errors.New("no route to the target app at 10.0.0.7")

// fakeApp is an AlipayCN that notes what it is asked for and what it has done to each
// release, and that refuses or gets into trouble as the test says.
type fakeApp struct {
	*platform.SimulatedAlipayCN

	mu   sync.Mutex
	seen []asked
	// answer is what it says before it does anything; nil: yes to all.
	answer   func(asked) error
	next     []trouble
	ratios   map[string][]alipayplus.Ratio
	canceled map[string]bool
	// submitted are the configurations that were submitted for review and not
	// withdrawn.
	submitted map[string]alipayplus.Configuration
	// during is called when something has been done, and not answered yet; may be nil.
	during func()
}

func newFakeApp() *fakeApp {
	return &fakeApp{
		SimulatedAlipayCN: platform.NewSimulatedAlipayCN(),
		ratios:            map[string][]alipayplus.Ratio{}, canceled: map[string]bool{},
		submitted: map[string]alipayplus.Configuration{},
	}
}

// NeedsAuthorization spares the tests a visit.
func (*fakeApp) NeedsAuthorization() bool { return false }

func (s *fakeApp) Submit(ctx context.Context, c platform.TargetCall) error {
	r := c.Release
	return s.do(ctx, "submit", r, 0, func() { s.submitted[r.ID] = r.Configuration })
}

func (s *fakeApp) Withdraw(ctx context.Context, c platform.TargetCall) error {
	r := c.Release
	return s.do(ctx, "withdraw", r, 0, func() { delete(s.submitted, r.ID) })
}

func (s *fakeApp) SetRatio(ctx context.Context, c platform.TargetCall, ratio alipayplus.Ratio) error {
	return s.setRatio(ctx, "ratio", c.Release, ratio)
}

func (s *fakeApp) Publish(ctx context.Context, c platform.TargetCall) error {
	return s.setRatio(ctx, "publish", c.Release, alipayplus.FullRatio)
}

func (s *fakeApp) setRatio(ctx context.Context, what string, r *alipayplus.Release, ratio alipayplus.Ratio) error {
	if _, canceled := s.live(r.ID); canceled {
		return errors.New("it is canceled")
	}
	return s.do(ctx, what, r, ratio, func() { s.ratios[r.ID] = append(s.ratios[r.ID], ratio) })
}

func (s *fakeApp) Cancel(ctx context.Context, c platform.TargetCall) error {
	r := c.Release
	return s.do(ctx, "cancel", r, 0, func() { s.canceled[r.ID] = true })
}

func (s *fakeApp) TakeOffline(ctx context.Context, c platform.TargetCall) error {
	return s.do(ctx, "offline", c.Release, 0, func() {})
}

func (s *fakeApp) RollBack(ctx context.Context, c platform.TargetCall) error {
	return s.do(ctx, "back to "+c.GoesBackTo.String(), c.Release, 0, func() {})
}

// do notes what is asked and does it, or not, and gets into the trouble that comes next.
func (s *fakeApp) do(ctx context.Context, what string, r *alipayplus.Release, ratio alipayplus.Ratio, change func()) error {
	question := asked{what, r.ID, r.ReleaseRequestID, ratio}
	s.mu.Lock()
	s.seen = append(s.seen, question)
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		if err := answer(question); err != nil {
			return err
		}
	}
	t := s.begin(change)
	if s.during != nil {
		s.during()
	}
	switch t {
	case refuses:
		return fmt.Errorf("%w: it is being looked at", alipayplus.ErrConflict)
	case failsBefore, failsAfter:
		return errDown
	case panicsBefore, panicsAfter:
		panic("the target app's connector has a bug")
	case hangsBefore, hangsAfter:
		<-ctx.Done()
		return ctx.Err()
	default:
		return nil
	}
}

func (s *fakeApp) begin(change func()) trouble {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := none
	if len(s.next) > 0 {
		t, s.next = s.next[0], s.next[1:]
	}
	switch t {
	case refuses, failsBefore, panicsBefore, hangsBefore:
	default:
		change()
	}
	return t
}

// take returns what was asked since the last take.
func (s *fakeApp) take() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// will sets the answers.
func (s *fakeApp) will(answer func(asked) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// failing fails the next n calls with err.
func failing(n int, err error) func(asked) error {
	var calls atomic.Int32
	return func(asked) error {
		if calls.Add(1) <= int32(n) {
			return err
		}
		return nil
	}
}

func (s *fakeApp) expect(next ...trouble) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = next
}

// live is the ratio that the target app has for a release, and whether it was
// taken back.
func (s *fakeApp) live(release string) (alipayplus.Ratio, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := s.ratios[release]
	if len(steps) == 0 {
		return 0, s.canceled[release]
	}
	return steps[len(steps)-1], s.canceled[release]
}

func (s *fakeApp) isSubmitted(release string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, submitted := s.submitted[release]
	return submitted
}

// requireRising checks that no ratio ever went down.
func (s *fakeApp) requireRising(t require.TestingT) {
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

func behindServer(w *fixture, opts ...alipayplus.Option) *alipayplus.Client {
	w.Helper()
	wired := []alipayplus.Option{
		alipayplus.WithHTTPClient(&http.Client{Transport: server{w.p.HTTPClient().Transport}}),
		alipayplus.WithAttemptTimeout(attemptLimit),
	}
	return w.as("olga", append(wired, opts...)...)
}

// requireAgreement checks that the target app does with a release what the
// records say.
func (s *fakeApp) requireAgreement(t require.TestingT, r *alipayplus.Release) {
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
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	for _, tc := range []struct {
		name  string
		given alipayplus.ReleaseStatus
		op    contract.Operation
		ratio alipayplus.Ratio
		want  alipayplus.ReleaseStatus
	}{
		{"apply", alipayplus.ReleaseNewVersionCreated, contract.ReleaseApply, 0, alipayplus.ReleaseUnderReview},
		{"withdraw", alipayplus.ReleaseUnderReview, contract.ReleaseWithdraw, 0, alipayplus.ReleaseNewVersionCreated},
		{"start", alipayplus.ReleasePreparation, contract.ReleaseRaise, 1, alipayplus.ReleaseGrayscale},
		{"raise", alipayplus.ReleaseGrayscale, contract.ReleaseRaise, 20, alipayplus.ReleaseGrayscale},
		{"raise to all", alipayplus.ReleaseGrayscale, contract.ReleaseRaise, 100, alipayplus.ReleaseFull},
		{"finalize", alipayplus.ReleasePreparation, contract.ReleaseFinalize, 0, alipayplus.ReleaseFull},
		{"cancel", alipayplus.ReleaseGrayscale, contract.ReleaseCancel, 0, alipayplus.ReleaseCanceled},
	} {
		for _, first := range troubles() {
			t.Run(fmt.Sprintf("%s %s", tc.name, first), func(t *testing.T) {
				app := newFakeApp()
				withFixture(t, func(w *fixture) {
					r := w.releaseIn(tc.given, w.program().ID)
					step := stepOf(tc.op, r, tc.ratio)
					before := len(w.auditLog())
					app.expect(first, failsAfter)
					once := behindServer(w, alipayplus.WithRetry(1, 0, 0))
					_, err := do(w.Context(), once, tc.op, withRequestID(step, "once"))
					require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
					require.True(w, alipayplus.IsRetryable(err))
					require.NotContains(w, err.Error(), "10.0.0.7", "the platform's inside is its own business")
					require.Equal(w, r, w.read(r.ID), "nothing is recorded that may not have happened")
					require.Len(w, w.auditLog(), before)

					done, err := do(w.Context(), behindServer(w), tc.op, step)
					require.NoError(w, err, "a client that repeats gets through")
					require.Equal(w, tc.want, done.(*alipayplus.Release).Status)
					require.Equal(w, done, w.read(r.ID))
					app.requireAgreement(w, w.read(r.ID))
				}, platform.WithTargetBackends(app))
			})
		}
		t.Run(tc.name+" under the same requestId", func(t *testing.T) {
			app := newFakeApp()
			withFixture(t, func(w *fixture) {
				r := w.releaseIn(tc.given, w.program().ID)
				step := withRequestID(stepOf(tc.op, r, tc.ratio), "once")
				before := w.snapshot()
				app.expect(failsBefore)
				once := w.as("olga", alipayplus.WithRetry(1, 0, 0))
				_, err := do(w.Context(), once, tc.op, step)
				require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
				require.Equal(w, before, w.snapshot())
				done, err := do(w.Context(), once, tc.op, step)
				require.NoError(w, err)
				require.Equal(w, tc.want, w.read(r.ID).Status)
				after := w.snapshot()
				again, err := do(w.Context(), once, tc.op, step)
				require.NoError(w, err)
				require.Equal(w, done, again, "it is done once")
				require.Equal(w, after, w.snapshot())
			}, platform.WithTargetBackends(app))
		})
	}
}

// TestAStepThatMayBeLiveIsNotUndercut: when it is not known whether a ratio was
// set, no lower one may follow, although the records know only the one before. A
// refusal takes back what was announced for it alone.
func TestAStepThatMayBeLiveIsNotUndercut(t *testing.T) {
	for name, tt := range map[string]struct {
		troubles []trouble
		ratios   []alipayplus.Ratio
	}{
		"since nothing was tried":           {[]trouble{failsAfter}, []alipayplus.Ratio{20}},
		"since its repetition is refused":   {[]trouble{failsAfter, refuses}, []alipayplus.Ratio{20, 20}},
		"since a higher one was refused":    {[]trouble{failsAfter, refuses}, []alipayplus.Ratio{20, 50}},
		"since two higher ones are refused": {[]trouble{failsAfter, refuses, refuses}, []alipayplus.Ratio{20, 50, 100}},
	} {
		t.Run(name, func(t *testing.T) {
			app := newFakeApp()
			withFixture(t, func(w *fixture) {
				r := w.grayscale(w.program().ID, "1.0.0", 1)
				app.expect(tt.troubles...)
				once := w.as("olga", alipayplus.WithRetry(1, 0, 0))
				for i, ratio := range tt.ratios {
					in := r.GrayscaleTo(ratio)
					in.RequestID = fmt.Sprintf("to %v", ratio)
					_, err := once.Releases.Raise(w.Context(), in)
					require.Equal(w, i == 0, errors.Is(err, alipayplus.ErrOutcomeUnknown), "%v", err)
					require.Equal(w, i > 0, errors.Is(err, alipayplus.ErrConflict), "%v", err)
				}
				app.take()

				_, err := w.owner.Releases.Raise(w.Context(), w.read(r.ID).GrayscaleTo(5))
				require.ErrorIs(w, err, alipayplus.ErrConflict)
				require.ErrorContains(w, err, "may be live at 20%")
				require.Empty(w, app.take(), "it is not even asked")
				app.requireRising(w)

				done, err := w.owner.Releases.Raise(w.Context(), w.read(r.ID).GrayscaleTo(20))
				require.NoError(w, err, "the same ratio, or a higher one, settles it")
				require.Equal(w, alipayplus.Ratio(20), done.Grayscale.Ratio)
				app.requireAgreement(w, w.read(r.ID))
			}, platform.WithTargetBackends(app))
		})
	}
}

// TestAKeyIsTakenWhileTheTargetAppIsAsked: what came of the first content is not
// known, so the key is not free for another.
func TestAKeyIsTakenWhileTheTargetAppIsAsked(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		r := w.grayscale(w.program().ID, "1.0.0", 1)
		app.expect(failsBefore)
		step := alipayplus.GrayscaleInput{ReleaseID: r.ID, From: 1, Ratio: 20, RequestID: "key"}
		_, err := w.as("olga", alipayplus.WithRetry(1, 0, 0)).Releases.Raise(w.Context(), step)
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

// TestACallerWhoHangsUp: what was done at the target app is recorded, although
// nobody waits for the answer any more.
func TestACallerWhoHangsUp(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
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
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
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
		first := newFixture(t, platform.WithStore(store), platform.WithTargetBackends(newFakeApp()))
		release := first.prepared(first.program().ID, "1.0.0").ID
		given := first.save(store)
		rapid.Check(inBubble{t}, func(rt *rapid.T) {
			app := newFakeApp()
			app.submitted[release] = alipayplus.Configuration{}
			w := given.fixture(t, platform.WithTargetBackends(app))
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
func anyStep(rt *rapid.T, w *fixture, c *alipayplus.Client, release string) {
	r := w.read(release)
	named := alipayplus.ReleaseInput{ReleaseID: release}
	switch rapid.SampledFrom([]string{"raise", "raise", "raise", "finalize", "cancel"}).Draw(rt, "what") {
	case "raise":
		ratio := rapid.SampledFrom(r.Grayscale.Ladder.Ratios()).Draw(rt, "ratio")
		_, _ = setRatio(w, c, r, ratio)
	case "finalize":
		_, _ = c.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: named.ReleaseID})
	case "cancel":
		_, _ = c.Releases.Cancel(w.Context(), named)
	}
}

// setRatio asks for a ratio with the call that fits, and leaves it to the
// platform to refuse it.
func setRatio(w *fixture, c *alipayplus.Client, r *alipayplus.Release, ratio alipayplus.Ratio) (*alipayplus.Release, error) {
	in := alipayplus.GrayscaleInput{ReleaseID: r.ID, From: r.Grayscale.Ratio, Ratio: ratio}
	if in.From == 0 {
		return c.Releases.StartGrayscale(w.Context(), in)
	}
	return c.Releases.Raise(w.Context(), in)
}
