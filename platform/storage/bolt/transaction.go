package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"iter"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// transaction is a [storage.Tx].
type transaction struct {
	path    string        // of the file, for messages
	records *bbolt.Bucket // nil once the transaction is over
	damage  error         // what it met
	getter  *bbolt.Cursor // of Get, nil before the first
	key     []byte        // of Get, which is looked for again and again
}

// guard runs what reads pages of the file. Damage is what bbolt panics with on a page that makes no sense, or the fault
// that is raised for one that cannot be read.
func guard(read func()) (damage any) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { damage = recover() }()
	read()
	return nil
}

func (tx *transaction) damaged(why any) error {
	return damagedError(fmt.Sprintf("bolt: the file %s is damaged: %v", tx.path, why))
}

// damagedError matches [storage.ErrDamaged].
type damagedError string

func (e damagedError) Error() string { return string(e) }

func (damagedError) Is(target error) bool { return target == storage.ErrDamaged }

func (tx *transaction) guard(do func() error) (err error) {
	if tx.records == nil {
		return storage.ErrTxDone
	}
	if damage := guard(func() { err = do() }); damage != nil {
		tx.damage = tx.damaged(damage)
		return tx.damage
	}
	return err
}

// Get implements [storage.Tx].
func (tx *transaction) Get(key string) (value []byte, found bool, err error) {
	err = tx.guard(func() (err error) {
		if tx.getter == nil {
			tx.getter = tx.records.Cursor() // Bucket.Get makes one each time
		}
		tx.key = append(tx.key[:0], key...)
		if at, encoded := tx.getter.Seek(tx.key); bytes.Equal(at, tx.key) && encoded != nil {
			value, err = tx.decode(tx.key, encoded)
			found = err == nil
		}
		return err
	})
	return value, found, err
}

// Put implements [storage.Tx].
func (tx *transaction) Put(key string, value []byte) error {
	return tx.guard(func() error {
		if !tx.records.Writable() {
			return storage.ErrReadOnly
		}
		if key == "" {
			return storage.ErrEmptyKey
		}
		if err := tx.records.Put([]byte(key), encode([]byte(key), value)); err != nil {
			return fmt.Errorf("bolt: put a key of %d bytes: %w", len(key), err)
		}
		return nil
	})
}

// Delete implements [storage.Tx].
func (tx *transaction) Delete(key string) error {
	return tx.guard(func() error {
		if !tx.records.Writable() {
			return storage.ErrReadOnly
		}
		if err := tx.records.Delete([]byte(key)); err != nil {
			return fmt.Errorf("bolt: delete: %w", err)
		}
		return nil
	})
}

// Scan implements [storage.Tx]. In an Update, the loop meets what is written during it.
func (tx *transaction) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		rest := &scan{tx: tx, from: []byte(from), to: []byte(to), descending: descending}
		for {
			var entry storage.Entry
			err := tx.guard(func() (err error) {
				entry, err = rest.next()
				return err
			})
			if err != nil {
				yield(storage.Entry{}, err)
				return
			}
			if entry.Key == "" || !yield(entry, nil) {
				return
			}
		}
	}
}

// scan is what is left of a range.
type scan struct {
	tx         *transaction
	from, to   []byte // an empty to is no upper end
	descending bool
	cursor     *bbolt.Cursor // nil before the first record
}

// next returns the next record; without a key when there is none.
func (s *scan) next() (storage.Entry, error) {
	key, encoded := s.step()
	above := bytes.Compare(key, s.from) >= 0
	below := len(s.to) == 0 || bytes.Compare(key, s.to) < 0
	switch {
	case key == nil, !below && !s.descending, !above && s.descending:
		return storage.Entry{}, nil
	case !above, !below:
		return storage.Entry{}, s.tx.damaged("its keys are not in order")
	case s.descending:
		s.to = key
	default:
		s.from = append(bytes.Clone(key), 0)
	}
	value, err := s.tx.decode(key, encoded)
	return storage.Entry{Key: string(key), Value: value}, err
}

// step goes to the next record. A write makes a cursor's position invalid, so that an Update seeks each one anew.
func (s *scan) step() (key, value []byte) {
	seek := s.cursor == nil || s.tx.records.Writable()
	if s.cursor == nil {
		s.cursor = s.tx.records.Cursor()
	}
	switch {
	case seek && s.descending:
		return s.seekLast()
	case seek:
		return s.cursor.Seek(s.from)
	case s.descending:
		return s.cursor.Prev()
	default:
		return s.cursor.Next()
	}
}

// seekLast goes to the last record below the upper end. Deletes leave empty pages until the commit: on one, bbolt's Prev
// returns nil as if nothing was before it, and its Last never returns when there are no others.
func (s *scan) seekLast() (key, value []byte) {
	first, _ := s.cursor.First()
	if first == nil || len(s.to) > 0 && bytes.Compare(first, s.to) >= 0 {
		return nil, nil
	}
	if len(s.to) > 0 {
		key, _ = s.cursor.Seek(s.to)
	}
	if key == nil {
		key, value = s.cursor.Last()
	} else {
		key, value = s.cursor.Prev()
	}
	in := s.tx.records.Tx()
	for pages := in.Size() / int64(in.DB().Info().PageSize); key == nil && pages > 0; pages-- { // for ever in a damaged file
		key, value = s.cursor.Prev()
	}
	return key, value
}

// Each value has a checksum of it and its key before it.
const checksumSize = 4

func encode(key, value []byte) []byte {
	encoded := make([]byte, checksumSize, checksumSize+len(value))
	binary.LittleEndian.PutUint32(encoded, checksum(key, value))
	return append(encoded, value...)
}

// decode returns a copy of the value, which outlives the transaction.
func (tx *transaction) decode(key, encoded []byte) ([]byte, error) {
	if len(encoded) < checksumSize || binary.LittleEndian.Uint32(encoded) != checksum(key, encoded[checksumSize:]) {
		const most = 100 // Who knows where a damaged key ends.
		return nil, tx.damaged(fmt.Sprintf("the record %q does not fit its checksum", key[:min(len(key), most)]))
	}
	return bytes.Clone(encoded[checksumSize:]), nil
}

func checksum(key, value []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, table), table, value)
}
