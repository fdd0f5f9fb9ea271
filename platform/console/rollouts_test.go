package console_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/console"
)

// rollouts is one that a test shows, and what was asked of it.
type rollouts struct {
	shown console.Rollout
	asked []console.RolloutCommand
}

func (r *rollouts) List(context.Context, *alipayplus.Client) ([]*console.Rollout, error) {
	return []*console.Rollout{&r.shown}, nil
}

func (r *rollouts) Command(_ context.Context, _ *alipayplus.Client, c console.RolloutCommand) error {
	r.asked = append(r.asked, c)
	return nil
}

func TestARolloutIsCommandedByWhoMayRelease(t *testing.T) {
	given := &rollouts{}
	withFixture(t, func(w *fixture) {
		b, release := w.created()
		given.shown = console.Rollout{
			Name: "tea 1.0/a", ReleaseID: release, Status: "RUNNING", Ratio: 5, Seq: 7,
			Gates:     []console.RolloutGate{{Name: "errors", Decision: "wait", Reason: "error rate 0.004 is below 0.01"}},
			Approvals: []console.RolloutApproval{{Ratio: 30, Void: "a gate failed"}},
		}
		b.get("rollouts").shows("tea 1.0/a", "5%", "error rate 0.004 is below 0.01", "a gate failed", "Approve 30%")
		b.submit("rollouts/tea%201.0%2Fa/approve", nil)
		require.Equal(w, origin+"/release/console/rollouts", b.at)
		b.submit("rollouts/tea%201.0%2Fa/pause", nil)
		require.Equal(w, []console.RolloutCommand{
			{Rollout: "tea 1.0/a", Action: console.RolloutApprove, By: "olga", Ratio: 30, Seq: 7},
			{Rollout: "tea 1.0/a", Action: console.RolloutPause, By: "olga"},
		}, given.asked)

		dan := w.signedIn(w.member("dan", alipayplus.RoleDeveloper)).get("rollouts")
		dan.submit("rollouts/tea%201.0%2Fa/abort", nil).shows("You may not do this.", "ask OWNER or MASTER")
		require.Equal(w, http.StatusForbidden, dan.status)
		dan.post("rollouts/other/abort", url.Values{"csrf": {dan.form("sign-out").Get("csrf")}})
		require.Equal(w, http.StatusNotFound, dan.status)
		require.Len(w, given.asked, 2)
		require.Equal(w, http.StatusForbidden, w.signedIn(w.reviewer(alipayplus.PartyAlipayCN)).get("rollouts").status)
	}, platform.WithConsole(console.New(console.WithRollouts(given))), platform.WithPermissionPolicy(alipayplus.PolicyDevelopersUploadOnly))
	withFixture(t, func(w *fixture) {
		b := w.signedIn(w.owner).hides("Rollouts")
		require.Equal(w, http.StatusNotFound, b.get("rollouts").status)
	})
}
