package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus"
)

// releases is the group of commands about releases.
func (a *app) releases() *cobra.Command {
	type client = *alipayplus.ReleasesClient
	dial := atPlatform(a, func(c *alipayplus.Client) client { return &c.Releases })
	one := []string{"releaseId"}
	return group("release", "Take versions of mini programs to a target app", `Take uploaded versions of mini programs to a target app, by single calls. "ship"
and "rollout" do the same by themselves.`,
		listing(a, dial, client.All, spec{
			use: "list", short: "List releases",
			columns: []string{"id", "version", "status", "grayscale.ratio", "targetApp", "updatedAt", "programId"},
			example: []string{"release list --status GRAYSCALE_RELEASE --order oldest -o json"},
		}),
		returning(a, dial, client.Get, spec{
			use: "get RELEASE", short: "Show a release, with its reviews and its ladder",
			example: []string{"release get rel_1 -o yaml"},
		}),
		returning(a, dial, client.Create, spec{
			use: "create PROGRAM VERSION", short: "Select the target app for an uploaded version",
			args: []string{"programId", "version"}, defaults: targetAlipayCN(),
			example: []string{"release create 2171000000000001 1.2.0"},
		}),
		returning(a, dial, client.UpdateConfiguration, spec{
			use: "configure RELEASE", short: "Replace the configuration of a release that is not applied for",
			args: one, file: "the configuration, in the field configuration",
			example: []string{"release configure rel_1 -f release.yaml"},
		}),
		returning(a, dial, client.TestCompatibility, spec{
			use: "test-compatibility RELEASE", short: "Test a release on systems, networks and devices of a partner app",
			long: `Test a release on systems, networks and devices of a partner app, before it is
applied for; "workspace get" lists those that there are. AlipayCN has no such test.`,
			args:    one,
			example: []string{"release test-compatibility rel_1", "release test-compatibility rel_1 --systems 'Android 16' --networks 5G,WIFI"},
		}),
		waiting(a, dial, client.WaitTested, spec{
			use: "wait-tested RELEASE", short: "Wait until a compatibility test has found no problem",
			columns: []string{"id", "compatibility.status", "compatibility.results.device", "compatibility.results.status"},
			example: []string{"release wait-tested rel_1 --timeout 1h"},
		}),
		a.releaseApply(dial),
		returning(a, dial, client.Withdraw, spec{
			use: "withdraw RELEASE", short: "Take an application back that is under review", args: one,
			example: []string{"release withdraw rel_1"},
		}),
		returning(a, dial, client.StartGrayscale, spec{
			use: "start-grayscale RELEASE RATIO", short: "Begin the grayscale release at a ratio of the ladder",
			args: []string{"releaseId", "ratio"}, hidden: []string{"from"},
			example: []string{"release start-grayscale rel_1 10"},
		}),
		a.releaseRaise(dial),
		returning(a, dial, client.Finalize, spec{
			use: "finalize RELEASE", short: "Release to all users at once", args: one,
			warning: "All users get the release.", example: []string{"release finalize rel_1"},
		}),
		returning(a, dial, client.Cancel, spec{
			use: "cancel RELEASE", short: "Give a release up that was approved", args: one,
			warning: "The version cannot go to this target app again.", example: []string{"release cancel rel_1"},
		}),
		returning(a, dial, client.TakeOffline, spec{
			use: "take-offline RELEASE", short: "Take a fully released version away from all users", args: one,
			warning: "No user has the mini program any more.", example: []string{"release take-offline rel_1"},
		}),
		returning(a, dial, client.RollBack, spec{
			use: "roll-back RELEASE", short: "Take this full release away for the version before it", args: one,
			warning: "All users get the version before this one.", example: []string{"release roll-back rel_1"},
		}),
		returning(a, dial, client.Delete, spec{
			use: "delete RELEASE", short: "Take a mistaken selection of the target app back", args: one,
			warning: "The release is deleted.", example: []string{"release delete rel_1"},
		}),
		listing(a, dial, client.AllHistory, spec{
			use: "history RELEASE", short: "List what happened to a release, oldest first", args: one,
			columns: []string{"at", "by", "operation", "from", "to", "toRatio", "verdict", "reason"},
			example: []string{"release history rel_1"},
		}),
		waiting(a, dial, client.WaitReviewed, spec{
			use: "wait RELEASE", short: "Wait until all parties have approved a release",
			columns: []string{"id", "status", "reviews.party", "reviews.status"},
			example: []string{"release wait rel_1 --timeout 5h50m"},
		}),
	)
}

// targetAlipayCN is the target app where none is given.
func targetAlipayCN() map[string]string {
	return map[string]string{"targetApp": string(alipayplus.TargetAlipayCN)}
}

// releaseApply applies for a release, by default with the basic information that it has.
func (a *app) releaseApply(dial dialer[*alipayplus.ReleasesClient]) *cobra.Command {
	return returning(a, dial, func(c *alipayplus.ReleasesClient, ctx context.Context, in alipayplus.ApplyInput) (*alipayplus.Release, error) {
		if in.BasicInfo == nil {
			release, err := c.Get(ctx, in.ReleaseID)
			if err != nil {
				return nil, err
			}
			in.BasicInfo = release.BasicInfo
		}
		return c.Apply(ctx, in)
	}, spec{
		use: "apply RELEASE", short: "Send a release to review",
		long: `Send a release to review by Alipay+ and the target app. Without a file the basic
information is confirmed as "release get" shows it.`,
		args: []string{"releaseId"}, file: "the business registration, in the field basicInfo", late: true,
		example: []string{"release apply rel_1", "release apply rel_1 -f registration.yaml"},
		calls:   []any{(*alipayplus.ReleasesClient).Apply},
	})
}

// releaseRaise raises the ratio. Without --from, the ratio that is live is read first.
func (a *app) releaseRaise(dial dialer[*alipayplus.ReleasesClient]) *cobra.Command {
	const unknown = -1
	from := unknown
	return returning(a, dial, func(c *alipayplus.ReleasesClient, ctx context.Context, in alipayplus.GrayscaleInput) (*alipayplus.Release, error) {
		if in.From = alipayplus.Ratio(from); from == unknown {
			release, err := c.Get(ctx, in.ReleaseID)
			if err != nil {
				return nil, err
			}
			in.From, in.Ladder = release.Grayscale.Ratio, release.Grayscale.Ladder
		}
		return c.Raise(ctx, in)
	}, spec{
		use: "raise RELEASE RATIO", short: "Take a release in grayscale to a higher ratio; 100: to all users",
		args: []string{"releaseId", "ratio"}, hidden: []string{"from"}, late: true,
		flags: func(cmd *cobra.Command) {
			cmd.Flags().IntVar(&from, "from", unknown, "refuse unless this ratio is live, in `percent`; default: whichever is")
			cmd.Flags().Lookup("from").DefValue = "0" // which the help leaves out
		},
		example: []string{"release raise rel_1 50", "release raise rel_1 50 --from 10"},
		calls:   []any{(*alipayplus.ReleasesClient).Raise},
	})
}
