package rollout_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAReleaseOfThePlatformIsATarget(t *testing.T) {
	t.Parallel() // one of the longest of the package
	rollouttest.TestTarget(t, func(t *testing.T) rollouttest.TargetHarness {
		given := newWorld(t)
		release := given.release(given.program(), "1.0.0").ID
		console := given.member("pat", alipayplus.RoleDeveloper)
		decide := func(party alipayplus.Party, approve bool, reason string) {
			t.Helper()
			reviewer, err := given.p.ReviewerClient(t.Context(), party)
			require.NoError(t, err)
			for request, err := range reviewer.Reviews.All(t.Context(), alipayplus.ListReviewsInput{}) {
				require.NoError(t, err)
				_, err = reviewer.Reviews.Decide(t.Context(), alipayplus.DecideInput{ID: request.ID, Approve: approve, Reason: reason})
				require.NoError(t, err)
			}
		}
		return rollouttest.TargetHarness{
			Target: rollout.ForRelease(given.owner, release),
			Approve: func() {
				decide(alipayplus.PartyAlipayPlus, true, "")
				decide(alipayplus.PartyAlipayCN, true, "")
			},
			Reject: func(reason string) { decide(alipayplus.PartyAlipayCN, false, reason) },
			Raise: func(to alipayplus.Ratio) {
				now := given.read(release)
				set := console.Releases.Raise
				if now.Grayscale.Ratio == 0 {
					set = console.Releases.StartGrayscale
				}
				_, err := set(t.Context(), now.GrayscaleTo(to))
				require.NoError(t, err)
			},
			Lose: func() { given.p.Inject(platform.Fault{CutAfter: true}) },
			// As often as the client asks before it gives up.
			Break: func() { given.p.Inject(platform.Fault{Status: http.StatusServiceUnavailable, Times: 4}) },
		}
	}, rollouttest.InVirtualTime())
}
