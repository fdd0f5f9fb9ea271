package main

import (
	"context"
	"fmt"
	"os"
	"strings"

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
	missing := missingVariables(
		[]string{"ALIPAYPLUS_BASE_URL", "ALIPAYPLUS_CLIENT_ID"},
		[]string{"ALIPAYPLUS_PRIVATE_KEY", "ALIPAYPLUS_PLATFORM_PUBLIC_KEY"},
	)
	if missing != "" {
		return nil, misused("the platform and who calls it are not known: set %s", missing)
	}
	client, err := alipayplus.NewFromEnv()
	if err != nil {
		return nil, wrongUse{err}
	}
	id := opts.release
	if id == "" {
		if id, err = findRelease(ctx, client, opts); err != nil {
			return nil, err
		}
	}
	return rollout.ForRelease(client, id), nil
}

// missingVariables names the variables without which there is no client. Of keys, a
// variable has the text, or another one the name of a file with it.
func missingVariables(texts, keys []string) string {
	var missing []string
	for _, name := range texts {
		if os.Getenv(name) == "" {
			missing = append(missing, name)
		}
	}
	for _, name := range keys {
		if os.Getenv(name) == "" && os.Getenv(name+"_FILE") == "" {
			missing = append(missing, fmt.Sprintf("%s_FILE (or %s)", name, name))
		}
	}
	return strings.Join(missing, ", ")
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
