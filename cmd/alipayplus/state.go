package main

import (
	"strings"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/gitstate"
)

// stateUsage is the help of --state.
const stateUsage = "where the rollout is remembered from one call to the next: a `folder`, or git:BRANCH for a branch of the repository that this is run in, at its remote origin"

// gitState is what --state begins with for a branch.
const gitState = "git:"

// openState opens the store that --state names.
func openState(name string) (rollout.Store, error) {
	branch, inGit := strings.CutPrefix(name, gitState)
	switch {
	case inGit:
		store, err := gitstate.New(".", branch)
		if err != nil {
			return nil, misused("--state: %w", err)
		}
		return store, nil
	case strings.HasPrefix(name, "postgres://"), strings.HasPrefix(name, "postgresql://"):
		return nil, misused("--state: this version keeps no rollouts in PostgreSQL; give a folder or git:BRANCH")
	case isFile(name):
		return nil, misused("--state: %s is a file; give the folder in which the rollout is remembered", name)
	default:
		return rollout.NewFileStore(name), nil
	}
}
