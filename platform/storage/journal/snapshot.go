package journal

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

const (
	// chunk is about how much of a snapshot goes into one record.
	chunk = 1 << 20
	// A journal is written anew when it has growth times the bytes of its snapshot and least more.
	growth = 4
	least  = 4 << 20
)

// load reads the journal in the folder, if there is one, into an empty store.
func load(dir folder, into *storage.Memory) error {
	in, err := dir.open(journalName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return replay(in, info.Size(), into)
}

// replay reads a journal into an empty store. Its errors name the offset.
func replay(from io.ReaderAt, size int64, into *storage.Memory) error {
	r := newReader(from, size)
	err := r.magic()
	if err == nil {
		err = replaySnapshot(r, into)
	}
	if err == nil {
		err = replayCommits(r, into)
	}
	if err != nil {
		return fmt.Errorf("offset %d: %w", r.offset, err)
	}
	return nil
}

// replaySnapshot reads up to the end of the snapshot. The snapshot was complete before the file got its name, so nothing
// of it may be missing.
func replaySnapshot(r *reader, into *storage.Memory) error {
	var count uint64
	for {
		kind, payload, err := r.next()
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, errTorn):
			return damage("the file ends within its snapshot")
		case err != nil:
			return err
		case kind == kindSnapshotEnd:
			if want, n := binary.Uvarint(payload); n <= 0 || n < len(payload) || want != count {
				return damage("the snapshot has not as many records as its end says")
			}
			return nil
		case kind != kindSnapshot:
			return errWrites
		}
		n, err := apply(payload, into)
		if err != nil {
			return err
		}
		count += n
	}
}

// replayCommits reads the rest. A torn record at the end is one that nobody was told to be written.
func replayCommits(r *reader, into *storage.Memory) error {
	for {
		kind, payload, err := r.next()
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, errTorn):
			return nil
		case err != nil:
			return err
		case kind != kindCommit:
			return errWrites
		}
		if _, err := apply(payload, into); err != nil {
			return err
		}
	}
}

func apply(w writes, into *storage.Memory) (count uint64, err error) {
	err = into.Update(context.Background(), func(tx storage.Tx) (err error) {
		count, err = w.replay(tx)
		return err
	})
	return count, err
}

// writeSnapshot writes a journal that holds the records and no commits, which is going to be the next one. It returns
// its size. After an error nothing is left of it.
func writeSnapshot(dir folder, records *storage.Memory) (size int64, err error) {
	out, err := dir.create(nextName)
	if err != nil {
		return 0, err
	}
	w := &snapshotWriter{out: bufio.NewWriter(out)}
	err = w.write(records)
	if err = cmp.Or(err, w.out.Flush(), out.Sync(), out.Close()); err != nil {
		_ = dir.remove(nextName) // the next attempt replaces it
		return 0, err
	}
	return w.size, nil
}

// snapshotWriter writes a snapshot and counts its bytes. What goes wrong is the error of out.Flush.
type snapshotWriter struct {
	out  *bufio.Writer
	size int64
}

func (w *snapshotWriter) write(records *storage.Memory) error {
	w.add([]byte(magic))
	var part writes
	var count uint64
	err := records.View(context.Background(), func(tx storage.Tx) error {
		for entry, err := range tx.Scan("", "", false) {
			if err != nil {
				return err
			}
			part.put(entry.Key, entry.Value)
			if count++; len(part) >= chunk {
				w.add(appendRecord(nil, kindSnapshot, part))
				part = part[:0]
			}
		}
		return nil
	})
	if len(part) > 0 {
		w.add(appendRecord(nil, kindSnapshot, part))
	}
	w.add(appendRecord(nil, kindSnapshotEnd, binary.AppendUvarint(nil, count)))
	return err
}

func (w *snapshotWriter) add(data []byte) {
	_, _ = w.out.Write(data) // Flush repeats the error
	w.size += int64(len(data))
}

// compact writes the journal anew when it has grown enough. That it cannot be is no harm: every commit is in the file as
// it is. It is tried again when the file is twice as large.
func (s *Store) compact() {
	if s.size < s.compactAt {
		return
	}
	size, err := writeSnapshot(s.folder, s.durable.Load().records)
	if err != nil {
		s.compactAt = 2 * s.size
		return
	}
	if err := s.replace(size); err != nil {
		_ = s.fail(s.broken("put a new journal in its place", err)) // The commits so far are in either file.
	}
}

// replace puts the next journal, of that size, in the place of the journal, and opens it for the commits to come.
func (s *Store) replace(size int64) error {
	if s.file != nil {
		_ = s.file.Close() // It is synced; and Windows replaces no file that is open.
		s.file = nil
	}
	if err := s.folder.rename(nextName, journalName); err != nil {
		return err
	}
	if err := s.folder.sync(); err != nil {
		return err
	}
	var err error
	if s.file, err = s.folder.append(journalName); err != nil {
		return err
	}
	s.size, s.compactAt = size, growth*size+least
	s.info, err = s.file.Stat()
	return err
}
