// Package gitstate keeps rollouts in a branch of a git repository: a pipeline that has the
// repository needs no cache, no folder and no database besides to continue a rollout in a
// later job.
//
//	store, err := gitstate.New(".", "rollout-state")
//	...
//	runner, err := rollout.New(target, spec, store)
//
// The branch has a history and a tree of its own: a folder for each rollout, with its
// checkpoint, its audit log, the commands that nobody has executed yet, and who has the lease.
//
// # Exactly once
//
// What is stored is a commit on top of the branch, which is pushed, never by force, before the
// change that it announces is made. Where somebody else has pushed meanwhile, the remote
// refuses it: the store fetches, and pushes again if the lease is still its own. If not, the
// lease is lost ([rollout.ErrLeaseLost]), and nothing was changed. When the answer to a push
// gets lost, the store fetches to see whether the commit is there.
//
// A lease ends by itself some minutes after it was renewed last ([WithLeaseTime]), by the
// clocks of the machines; where these disagree, it ends earlier or later, and the remote still
// accepts one of two holders only.
//
// # What it needs
//
// The git command, 2.32 or newer, and a clone whose remote may be pushed to. Who may is
// git's own business: credential helpers, SSH keys, or what a CI system has put into the
// clone. Shallow clones, a detached HEAD, and a machine where nobody has set user.name will
// do. Neither the work tree nor the index nor a branch of the clone is touched.
package gitstate

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// Store is a [rollout.Store] in a branch of a git repository. It is safe for concurrent use,
// by several processes on several machines too.
type Store struct {
	repo      repository
	leaseTime time.Duration
	now       func() time.Time
	// busy holds one entry while an operation runs.
	busy chan struct{}
	// head is the commit that the branch is known to be at, empty for none; records are what is
	// known of the rollouts in it.
	head    string
	records map[string]record
}

// Option configures a [Store].
type Option func(*Store) error

// DefaultRemote is the remote of [New].
const DefaultRemote = "origin"

// DefaultLeaseTime is how long the lease of a holder that was killed lives on.
const DefaultLeaseTime = 5 * time.Minute

// WithRemote sets the remote that has the branch: its name in the clone, or an address. The
// default is [DefaultRemote].
func WithRemote(remote string) Option {
	return func(s *Store) error {
		if remote == "" || strings.HasPrefix(remote, "-") {
			return errors.New("remote: must be the name of a remote or its address")
		}
		s.repo.remote = remote
		return nil
	}
}

// WithLeaseTime sets how long a lease lives without being renewed, at least 30 seconds; the
// default is [DefaultLeaseTime]. It is how long a job that follows a killed one is refused,
// and each third of it is a commit while a run waits.
func WithLeaseTime(d time.Duration) Option {
	return func(s *Store) error {
		if d < shortestLease {
			return fmt.Errorf("lease time: must be at least %v", shortestLease)
		}
		s.leaseTime = d
		return nil
	}
}

const shortestLease = 30 * time.Second

// New makes the store in a branch, which the first write creates, of the remote of the clone
// in a folder. The branch must be its own: one that has anything else in it is refused. New
// does no I/O; the error is about the name of the branch or an option.
func New(dir, branch string, opts ...Option) (*Store, error) {
	s := &Store{
		repo:      repository{program: "git", dir: dir, remote: DefaultRemote, branch: branch},
		leaseTime: DefaultLeaseTime, now: time.Now,
		busy: make(chan struct{}, 1), records: make(map[string]record),
	}
	if err := checkBranch(branch); err != nil {
		return nil, fmt.Errorf("gitstate: %w", err)
	}
	for _, set := range opts {
		if err := set(s); err != nil {
			return nil, fmt.Errorf("gitstate: %w", err)
		}
	}
	return s, nil
}

// String names the branch.
func (s *Store) String() string { return "branch " + s.repo.branch + " of " + hideUsers(s.repo.remote) }

// checkBranch says whether git takes the name for a branch.
func checkBranch(name string) error {
	bad := name == "" || strings.HasPrefix(name, "-") || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") ||
		strings.HasSuffix(name, ".") || name == "@" || strings.ContainsAny(name, " ~^:?*[\\\x7f") || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' })
	for _, part := range []string{"..", "@{", "//", "/."} {
		bad = bad || strings.Contains(name, part)
	}
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	if bad {
		return fmt.Errorf("branch: %q is no name of a branch; give one such as rollout-state", name)
	}
	return nil
}

// Acquire implements [rollout.Store].
func (s *Store) Acquire(ctx context.Context, name, holder string) (rollout.Lease, error) {
	l := &lease{store: s, rollout: name, token: rand.Text(), posted: make(chan struct{}, 1)}
	err := s.change(ctx, name, known, "lease "+holder, func(r *record) error {
		if r.Lease.Token != "" && r.Lease.Token != l.token && s.now().Before(r.Lease.Until) {
			return &rollout.LeasedError{Rollout: name, Holder: r.Lease.Holder}
		}
		r.Lease = leaseRecord{Holder: holder, Token: l.token, Until: s.now().Add(s.leaseTime)}
		l.noticed(r.Commands)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Read implements [rollout.Store].
func (s *Store) Read(ctx context.Context, name string) ([]byte, error) {
	r, err := s.read(ctx, name)
	return bytes.Clone(r.Checkpoint), err
}

// Post implements [rollout.Store].
func (s *Store) Post(ctx context.Context, name string, c rollout.Command) error {
	return s.change(ctx, name, known, string(c.Kind)+" by "+c.By, func(r *record) error {
		if !slices.ContainsFunc(r.Commands, func(other rollout.Command) bool { return other.ID == c.ID }) {
			r.Commands = append(slices.Clone(r.Commands), c)
		}
		return nil
	})
}

// Audit implements [rollout.Store].
func (s *Store) Audit(ctx context.Context, name string) iter.Seq2[rollout.AuditEntry, error] {
	return func(yield func(rollout.AuditEntry, error) bool) {
		r, err := s.read(ctx, name)
		if err != nil {
			yield(rollout.AuditEntry{}, err)
			return
		}
		for line := range bytes.Lines(r.Audit) {
			var entry rollout.AuditEntry
			if err := json.Unmarshal(line, &entry); err != nil {
				yield(rollout.AuditEntry{}, &rollout.CheckpointError{Rollout: name, Reason: fmt.Sprintf("read its audit log in %v: %v", s, err)})
				return
			}
			if !yield(entry, nil) {
				return
			}
		}
	}
}

// Checkpoints implements [rollout.Lister].
func (s *Store) Checkpoints(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		all, err := s.readCheckpoints(ctx)
		if err != nil {
			yield(nil, fmt.Errorf("rollouts: the store in %v failed: %w", s, err))
			return
		}
		for _, checkpoint := range all {
			if checkpoint != nil && !yield(checkpoint, nil) {
				return
			}
		}
	}
}

// readCheckpoints reads those of all rollouts as they are now.
func (s *Store) readCheckpoints(ctx context.Context) ([][]byte, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := s.fetch(ctx); err != nil || s.head == "" {
		return nil, err
	}
	folders, err := s.repo.folders(ctx, s.head)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, folder := range folders {
		paths = append(paths, folder+"/"+checkpointFile)
	}
	return s.repo.read(ctx, s.head, paths)
}

// enter waits until no other operation runs.
func (s *Store) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case s.busy <- struct{}{}:
		return func() { <-s.busy }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// read reads a rollout as it is now.
func (s *Store) read(ctx context.Context, name string) (record, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return record{}, err
	}
	defer leave()
	if err := s.fetch(ctx, name); err != nil {
		return record{}, s.failed(name, err)
	}
	r, err := s.record(ctx, name)
	return r, s.failed(name, err)
}

// Whether a change begins by fetching, or by what the store knows: a push finds out.
const (
	fresh = true
	known = false
)

// mostPushes is how often a change is tried while others push to the branch.
const mostPushes = 20

// change changes a rollout by fn, which is called again where somebody else has changed the
// branch meanwhile. What fn refuses, or does not change, is not stored.
func (s *Store) change(ctx context.Context, name string, fetch bool, message string, fn func(*record) error) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	fetch = fetch || s.head == ""
	for try := range mostPushes {
		if fetch {
			if err := s.fetch(ctx, name); err != nil {
				return s.failed(name, err)
			}
		}
		done, err := s.changeOnce(ctx, name, message, fn)
		refused := errors.Is(err, rollout.ErrLeased) || errors.Is(err, rollout.ErrLeaseLost)
		if done || err != nil && (fetch || !refused) {
			return err
		}
		fetch = true // what was known may not be so any more
		if !refused {
			if err := pause(ctx, try); err != nil {
				return err
			}
		}
	}
	return s.failed(name, fmt.Errorf("others push to it all the time; %d pushes were refused", mostPushes))
}

// changeOnce tries a change on top of what is known. It is not done when somebody else has
// pushed meanwhile.
func (s *Store) changeOnce(ctx context.Context, name, message string, fn func(*record) error) (done bool, err error) {
	before, err := s.record(ctx, name)
	if err != nil {
		return false, s.failed(name, err)
	}
	after := before
	if err := fn(&after); err != nil {
		return false, err
	}
	files, err := after.changes(before, name)
	if err != nil {
		return false, s.failed(name, err)
	}
	if len(files) == 0 {
		return true, nil
	}
	made, err := s.repo.commit(ctx, s.head, name+": "+message, s.now(), files)
	if err != nil {
		return false, s.failed(name, err)
	}
	pushed, err := s.repo.push(ctx, made, s.head)
	if err != nil {
		return false, s.failed(name, err)
	}
	if pushed {
		s.head, s.records[name] = made, after
	}
	return pushed, nil
}

// pause waits a little before another try, longer each time, and not as long as others do.
func pause(ctx context.Context, try int) error {
	longest := min(2*time.Second, 20*time.Millisecond<<min(try, 10))
	n, err := rand.Int(rand.Reader, big.NewInt(int64(longest)))
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(n.Int64())):
		return nil
	}
}

// fetch learns where the branch is now, and what is there of rollouts that are about to be read.
func (s *Store) fetch(ctx context.Context, names ...string) error {
	var paths []string
	for _, name := range names {
		paths = append(paths, recordFiles(name)...)
	}
	head, files, err := s.repo.fetch(ctx, s.head, paths)
	if err != nil || head != s.head {
		clear(s.records)
		s.head = head
	}
	for _, name := range names {
		if len(files) == 0 {
			break
		}
		own := len(recordFiles(name))
		if r, err := decodeRecord(files[:own]); err == nil { // otherwise record reads and refuses it
			s.records[name] = r
		}
		files = files[own:]
	}
	return err
}

// record reads a rollout from the commit that is known.
func (s *Store) record(ctx context.Context, name string) (r record, err error) {
	if r, known := s.records[name]; known || s.head == "" {
		return r, nil
	}
	files, err := s.repo.read(ctx, s.head, recordFiles(name))
	if err != nil {
		return r, err
	}
	if r, err = decodeRecord(files); err != nil {
		return r, &rollout.CheckpointError{Rollout: name, Reason: fmt.Sprintf("read %s in %v: %v", folder(name), s, err)}
	}
	s.records[name] = r
	return r, nil
}

// failed says whose store failed.
func (s *Store) failed(name string, err error) error {
	if err == nil || errors.As(err, new(*rollout.CheckpointError)) {
		return err
	}
	return fmt.Errorf("rollout %s: the store in %v failed: %w", name, s, err)
}
