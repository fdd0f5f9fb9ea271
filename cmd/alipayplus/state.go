package main

import (
	"context"
	"strings"

	"github.com/alipayplus-go/alipayplus/postgres"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/gitstate"
)

// stateUsage is the help of --state.
const stateUsage = "where the rollout is remembered from one call to the next: a `folder`, git:BRANCH for a branch of the repository that this is run in, at its remote origin, or postgres://USER@HOST/DATABASE"

// gitState is what --state begins with for a branch.
const gitState = "git:"

// openState opens the store that --state names. It must be closed.
func openState(ctx context.Context, name string) (store rollout.Lister, closeStore func(), err error) {
	closeStore = func() {}
	branch, inGit := strings.CutPrefix(name, gitState)
	switch {
	case inGit:
		if store, err = gitstate.New(".", branch); err != nil {
			err = misused("--state: %w", err)
		}
	case isPostgres(name):
		pool, failure := openPostgres(ctx, "--state", name)
		if failure != nil {
			return nil, nil, failure
		}
		store, closeStore = postgres.NewRolloutStore(pool), pool.Close
	case isFile(name):
		err = misused("--state: %s is a file; give the folder in which the rollout is remembered", name)
	default:
		store = rollout.NewFileStore(name)
	}
	return store, closeStore, err
}
