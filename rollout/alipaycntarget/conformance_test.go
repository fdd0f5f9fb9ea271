package alipaycntarget_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestAVersionOfAlipayCNIsATarget(t *testing.T) {
	rollouttest.TestTarget(t, func(t *testing.T) rollouttest.TargetHarness {
		w := newWorld(t)
		return rollouttest.TargetHarness{
			Target:  w.target(),
			Approve: w.approve,
			Reject:  w.reject,
			Raise: func(to alipayplus.Ratio) {
				strategy, err := alipaycn.GrayStrategyOf(to)
				require.NoError(t, err)
				w.gray(version, strategy)
			},
			Lose: func() { w.g.Inject(alipaycntest.Fault{Operation: "versions.gray", CutAfter: true}) },
			// As often as the client asks before it gives up.
			Break: func() { w.g.Inject(alipaycntest.Fault{Status: http.StatusServiceUnavailable, Times: attempts}) },
		}
	}, rollouttest.InVirtualTime())
}
