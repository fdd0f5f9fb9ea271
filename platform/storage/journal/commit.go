package journal

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// run runs fn when its turn has come and commits what it wrote to the tip. It sets met to the number of commits that fn
// has seen, its own among them.
func (s *Store) run(ctx context.Context, fn func(storage.Tx) error, met *uint64) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return fmt.Errorf("journal: update: wait for its turn: %w", ctx.Err())
	}
	if s.closed.Load() {
		return errClosed
	}
	commits, err := s.committed()
	if err != nil {
		return err
	}
	*met = commits
	var written writes
	err = s.tip.Update(ctx, func(tx storage.Tx) error {
		return fn(&recordingTx{Tx: tx, writes: &written})
	})
	if err != nil || len(written) == 0 {
		return err
	}
	*met = s.enqueue(written)
	return nil
}

// committed returns how many commits there are, or why there can be no more.
func (s *Store) committed() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest.commits, s.failed
}

// enqueue adds a commit, which is in the tip already, to those that are to be written.
func (s *Store) enqueue(w writes) (commits uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = appendRecord(s.pending, kindCommit, w)
	s.latest = moment{commits: s.latest.commits + 1, records: s.tip.Clone()}
	return s.latest.commits
}

// flush returns when so many commits are on the disk. Whoever comes first writes what is there; the others find it done.
func (s *Store) flush(commits uint64) error {
	if s.durable.Load().commits >= commits {
		return nil
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.durable.Load().commits >= commits {
		return nil
	}
	s.mu.Lock()
	records, after, failed := s.pending, s.latest, s.failed
	s.pending = nil
	s.mu.Unlock()
	if failed != nil {
		return failed
	}
	if err := s.write(records); err != nil {
		return s.fail(s.broken(fmt.Sprintf("write at offset %d", s.size), err))
	}
	s.durable.Store(&after)
	s.compact()
	return nil
}

// write adds records to the file, and makes sure that it is the file which the next process will open.
func (s *Store) write(records []byte) error {
	_, err := s.file.Write(records)
	if err := cmp.Or(err, s.file.Sync()); err != nil {
		return err
	}
	if err := s.lock.Held(); err != nil {
		return err
	}
	now, err := s.folder.stat(journalName)
	if err != nil {
		return err
	}
	size := s.size + int64(len(records))
	if !os.SameFile(s.info, now) || now.Size() != size {
		return fmt.Errorf("somebody else has written or replaced the file, which has %d bytes and should have %d", now.Size(), size)
	}
	s.size = size
	return nil
}

// broken says why no Update is possible any more.
func (s *Store) broken(what string, err error) error {
	return fmt.Errorf("journal: %s: %s: %w; nothing more is written until the store is opened again", s.path, what, err)
}

// fail makes err the reason why there are no more Updates, and returns it. It happens once.
func (s *Store) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = err
	return err
}

// recordingTx notes down what is written.
type recordingTx struct {
	storage.Tx
	writes *writes
}

// Put implements [storage.Tx].
func (tx *recordingTx) Put(key string, value []byte) error {
	if err := tx.Tx.Put(key, value); err != nil {
		return err
	}
	tx.writes.put(key, value)
	return nil
}

// Delete implements [storage.Tx].
func (tx *recordingTx) Delete(key string) error {
	if err := tx.Tx.Delete(key); err != nil {
		return err
	}
	tx.writes.delete(key)
	return nil
}
