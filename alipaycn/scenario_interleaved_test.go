package alipaycn_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

// lostOnce loses the answer to the first call of an operation, which took effect
// unless it is also lost on its way. Then somebody else acts.
type lostOnce struct {
	http.RoundTripper

	path     string
	notSent  bool
	sent     int
	somebody func()
}

func (l *lostOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != l.path {
		return l.RoundTripper.RoundTrip(r)
	}
	if l.sent++; l.sent > 1 {
		return l.RoundTripper.RoundTrip(r)
	}
	if !l.notSent {
		resp, err := l.RoundTripper.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_ = resp.Body.Close()
	}
	l.somebody()
	return nil, io.ErrUnexpectedEOF
}

// losing returns a second client of the same app that loses the first answer of an operation.
func (w *gatewayFixture) losing(op cnwire.Operation, notSent bool, somebody func()) (*alipaycn.Client, *lostOnce) {
	w.t.Helper()
	lost := &lostOnce{RoundTripper: w.g.HTTPClient().Transport, path: op.Path(), notSent: notSent, somebody: somebody}
	return w.client(alipaycn.WithHTTPClient(&http.Client{Transport: lost})), lost
}

// A write took effect, its answer was lost, and somebody undid it before the state
// was read: an operator in the console, or another program. It is not done again.
func TestWhatSomebodyUndidIsNotDoneAgain(t *testing.T) {
	ok := func(t *testing.T, err error) { t.Helper(); require.NoError(t, err) }
	for _, tt := range []struct {
		name     string
		op       cnwire.Operation
		from     alipaycn.VersionStatus
		do       func(*testing.T, *alipaycn.Client) error
		somebody func(*testing.T, *gatewayFixture)
		ends     alipaycn.VersionStatus
	}{
		{
			"a grayscale release was raised, and stopped", cnwire.VersionGray, alipaycn.StatusGray,
			func(t *testing.T, c *alipaycn.Client) error {
				return c.Versions.RaiseGray(t.Context(), alipaycn.GrayInput{Version: number(1), Strategy: alipaycn.GrayP30})
			},
			func(t *testing.T, w *gatewayFixture) { ok(t, w.c.Versions.CancelGray(t.Context(), firstVersion())) },
			alipaycn.StatusWaitRelease,
		},
		{
			"a review was cancelled, and applied for anew", cnwire.VersionCancelAudit, alipaycn.StatusAuditing,
			func(t *testing.T, c *alipaycn.Client) error {
				return c.Versions.CancelAudit(t.Context(), alipaycn.CancelAuditInput{Version: number(1)})
			},
			func(t *testing.T, w *gatewayFixture) {
				_, err := w.c.Versions.Apply(t.Context(), firstApplication())
				ok(t, err)
			},
			alipaycn.StatusAuditing,
		},
		{
			"a version was returned to development, applied for anew, and passed", cnwire.VersionReturnToDevelopment, alipaycn.StatusWaitRelease,
			func(t *testing.T, c *alipaycn.Client) error {
				return c.Versions.ReturnToDevelopment(t.Context(), firstVersion())
			},
			func(t *testing.T, w *gatewayFixture) {
				_, err := w.c.Versions.Apply(t.Context(), firstApplication())
				ok(t, err)
				ok(t, w.g.Approve(miniID, "0.1.0"))
			},
			alipaycn.StatusWaitRelease,
		},
		{
			"a grayscale release was ended, and begun anew", cnwire.VersionCancelGray, alipaycn.StatusGray,
			func(t *testing.T, c *alipaycn.Client) error {
				ok(t, c.Versions.RaiseGray(t.Context(), alipaycn.GrayInput{Version: number(1), Strategy: alipaycn.GrayP30}))
				return c.Versions.CancelGray(t.Context(), firstVersion())
			},
			func(t *testing.T, w *gatewayFixture) {
				ok(t, w.c.Versions.StartGray(t.Context(), alipaycn.GrayInput{Version: number(1), Strategy: alipaycn.GrayP10}))
			},
			alipaycn.StatusGray,
		},
		{
			"a version was deleted, and its number used again", cnwire.VersionDelete, alipaycn.StatusInit,
			func(t *testing.T, c *alipaycn.Client) error { return c.Versions.Delete(t.Context(), firstVersion()) },
			func(t *testing.T, w *gatewayFixture) { ok(t, w.g.AddVersion(miniID, "0.1.0")) },
			alipaycn.StatusInit,
		},
	} {
		t.Run(tt.name, alipaycn.InVirtualTime(func(t *testing.T) {
			// Given a version, and a second client whose answer gets lost
			w := newGatewayFixture(t)
			w.bring(tt.from)
			later(t)
			c, lost := w.losing(tt.op, false, func() { later(t); tt.somebody(t, w) })

			// When the write took effect, and somebody undid it
			err := tt.do(t, c)

			// Then it was sent once, and nothing is claimed about it
			require.Equal(t, 1, lost.sent)
			require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
			require.Equal(t, tt.ends, w.g.Status(miniID, "0.1.0"))
		}))
	}
}

// An application that was lost on its way, while somebody else applied for the
// same version with another description.
func TestTheApplicationOfSomebodyElseIsNotTakenForOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusInit)
		c, lost := w.losing(cnwire.VersionApply, true, func() {
			theirs := firstApplication()
			theirs.Description = "Somebody else's words about what is new in this version."
			_, err := w.c.Versions.Apply(t.Context(), theirs)
			require.NoError(t, err)
		})

		_, err := c.Versions.Apply(t.Context(), firstApplication())

		require.Equal(t, 1, lost.sent)
		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
	})
}

// An upload that was lost on its way, while an earlier one of the same number
// was still being built.
func TestTheUploadOfSomebodyElseIsNotTakenForOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t, alipaycntest.WithBuildDelay(never))
		in := alipaycn.UploadInput{TemplateID: templateID, Version: number(1)}
		_, err := w.c.Versions.Upload(t.Context(), in)
		require.NoError(t, err)
		c, lost := w.losing(cnwire.VersionUpload, true, func() {
			require.NoError(t, w.g.AdvanceBuild(miniID, "0.1.0", alipaycn.BuildCreated))
		})

		_, err = c.Versions.Upload(t.Context(), in)

		require.Equal(t, 1, lost.sent)
		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
	})
}

const never = 1000 * time.Hour

// A version that is being built shows nowhere, before its deletion was refused and after.
func TestAVersionThatIsBeingBuiltIsNotTakenForGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t, alipaycntest.WithBuildDelay(never))
		_, err := w.c.Versions.Upload(t.Context(), alipaycn.UploadInput{TemplateID: templateID, Version: number(1)})
		require.NoError(t, err)
		c, _ := w.losing(cnwire.VersionDelete, false, func() {})

		err = c.Versions.Delete(t.Context(), firstVersion())

		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.Empty(t, w.g.Effects(miniID)["versions.delete"])
	})
}

// The version that was to be taken offline went offline because another was
// published: the mini program is still there for its users.
func TestAVersionThatAnotherReplacedIsNotTakenForOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusRelease)
		c, lost := w.losing(cnwire.VersionTakeOffline, true, func() {
			require.NoError(t, w.g.AddVersion(miniID, "0.2.0"))
			next := firstApplication()
			next.Version, next.AutoOnline = number(2), true
			_, err := w.c.Versions.Apply(t.Context(), next)
			require.NoError(t, err)
			require.NoError(t, w.g.Approve(miniID, "0.2.0"))
		})

		err := c.Versions.TakeOffline(t.Context(), firstVersion())

		require.Equal(t, 1, lost.sent)
		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.Equal(t, alipaycn.StatusRelease, w.g.Status(miniID, "0.2.0"))
	})
}

// Ending a release that goes wrong does not wait for a state that cannot be read.
func TestTheStateBeforeIsNotWaitedForLong(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault alipaycntest.Fault
	}{
		{"no answer", alipaycntest.Fault{Delay: time.Hour}},
		{"no state", alipaycntest.Fault{Status: http.StatusBadGateway}},
		{"too many calls", alipaycntest.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Minute}},
	} {
		t.Run(tt.name, alipaycn.InVirtualTime(func(t *testing.T) {
			w := newGatewayFixture(t)
			w.bring(alipaycn.StatusGray)
			tt.fault.Operation, tt.fault.Times = "versions.get", 100
			w.g.Inject(tt.fault)
			start := time.Now()

			require.NoError(t, w.c.Versions.CancelGray(t.Context(), firstVersion()))

			require.LessOrEqual(t, time.Since(start), 5*time.Second)
			require.Equal(t, alipaycn.StatusWaitRelease, w.g.Status(miniID, "0.1.0"))
		}))
	}
}

// A caller with little time gets the change made, not only the state read.
func TestTheStateBeforeLeavesTimeForTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusGray)
		w.g.Inject(alipaycntest.Fault{Operation: "versions.get", Times: 100, Delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()

		require.NoError(t, w.c.Versions.CancelGray(ctx, firstVersion()))

		require.Equal(t, alipaycn.StatusWaitRelease, w.g.Status(miniID, "0.1.0"))
	})
}

// A gateway that has trouble holds up neither the state nor the stop for good.
func TestAGrayscaleReleaseIsEndedThoughTheStateBeforeIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newGatewayFixture(t)
		w.bring(alipaycn.StatusGray)
		w.g.Inject(alipaycntest.Fault{Operation: "versions.get", Times: 4, Status: http.StatusBadGateway})
		w.g.Inject(alipaycntest.Fault{Operation: "versions.cancelGray", Status: http.StatusBadGateway})

		require.NoError(t, w.c.Versions.CancelGray(t.Context(), firstVersion()))

		require.Equal(t, alipaycn.StatusWaitRelease, w.g.Status(miniID, "0.1.0"))
	})
}
