package gitstate

import (
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// SetClock sets the clock of a store.
func SetClock(s *Store, now func() time.Time) { s.now = now }

// Folder is the folder of a rollout in the branch.
func Folder(name string) string { return folder(name) }

// SetPath sets the git command of a lease's store.
func SetPath(l rollout.Lease, program string) { l.(*lease).store.repo.program = program }
