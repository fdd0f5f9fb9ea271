package main

import (
	"context"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// openTarget makes what is driven from the flags and the environment: a version at
// AlipayCN, or a release of the platform. To drive something else, make another
// rollout.Target here; nothing else in this program knows what it is.
func openTarget(ctx context.Context, opts *options) (rollout.Target, error) {
	if opts.alipayCNVersion != "" {
		return openVersion(ctx, opts)
	}
	return openRelease(ctx, opts)
}

// openRelease makes a release of the platform a target.
func openRelease(ctx context.Context, opts *options) (rollout.Target, error) {
	if opts.ship != nil {
		return opts.ship.target(), nil
	}
	client, err := opts.app.platformClient(opts.cmd)
	if err != nil {
		return nil, err
	}
	id := opts.release
	if id == "" {
		if id, err = findRelease(ctx, client, opts); err != nil {
			return nil, err
		}
	}
	return rollout.ForRelease(client, id), nil
}

// findRelease finds the release of a version. It makes none.
func findRelease(ctx context.Context, client *alipayplus.Client, opts *options) (id string, err error) {
	app := alipayplus.TargetApp(opts.targetApp)
	in := alipayplus.ListReleasesInput{ProgramID: opts.program, TargetApp: app}
	for release, err := range client.Releases.All(ctx, in) {
		if err != nil {
			return "", err
		}
		if release.Version == opts.number {
			return release.ID, nil
		}
	}
	return "", fmt.Errorf("mini program %s has no release of version %v to %s; create it first: %w",
		opts.program, opts.number, app, alipayplus.ErrNotFound)
}
