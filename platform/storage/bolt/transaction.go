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

// transaction is a [storage.Tx]: a read transaction of its own, or one Update's part of a batch.
type transaction struct {
	store   *Store
	records *bbolt.Bucket
	batch   *batch // nil in a View
	done    bool
	changes []change
}

// change is what there was under a key before a write.
type change struct {
	key   []byte
	value []byte // encoded; nil if there was none
}

// begin makes in the transaction of bbolt that tx reads and writes in.
func (tx *transaction) begin(in *bbolt.Tx) error {
	return tx.guard(func() error {
		tx.records = in.Bucket(bucketName())
		if tx.records == nil {
			panic("it has no records any more")
		}
		return nil
	})
}

// guard runs what reads pages of the file, and returns why that failed when they are damaged: bbolt panics on a page that
// makes no sense, and the operating system raises a fault for one that it cannot read.
func guard(do func()) (damage any) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() { damage = recover() }()
	do()
	return nil
}

func (s *Store) damaged(why any) error {
	return fmt.Errorf("bolt: the file %s is damaged: %v", s.path, why)
}

// guard is guard for a transaction. A batch that met damage cannot be committed: nobody knows what is in it.
func (tx *transaction) guard(do func() error) (err error) {
	if damage := guard(func() { err = do() }); damage != nil {
		err = tx.store.damaged(damage)
		if tx.batch != nil {
			tx.batch.damage = err
		}
	}
	return err
}

// Get implements [storage.Tx].
func (tx *transaction) Get(key string) (value []byte, found bool, err error) {
	if tx.done {
		return nil, false, storage.ErrTxDone
	}
	err = tx.guard(func() (err error) {
		encoded := tx.records.Get([]byte(key))
		if found = encoded != nil; found {
			value, err = tx.decode([]byte(key), encoded)
		}
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return value, found, nil
}

// Put implements [storage.Tx].
func (tx *transaction) Put(key string, value []byte) error {
	if err := tx.writable(); err != nil {
		return err
	}
	if key == "" {
		return storage.ErrEmptyKey
	}
	return tx.guard(func() error {
		was := tx.records.Get([]byte(key))
		if err := tx.records.Put([]byte(key), encode([]byte(key), value)); err != nil {
			return fmt.Errorf("bolt: put a key of %d bytes: %w", len(key), err)
		}
		tx.changes = append(tx.changes, change{key: []byte(key), value: was})
		return nil
	})
}

// Delete implements [storage.Tx].
func (tx *transaction) Delete(key string) error {
	if err := tx.writable(); err != nil {
		return err
	}
	return tx.guard(func() error {
		was := tx.records.Get([]byte(key))
		if was == nil {
			return nil
		}
		if err := tx.records.Delete([]byte(key)); err != nil {
			return fmt.Errorf("bolt: delete: %w", err)
		}
		tx.batch.deletes++
		tx.changes = append(tx.changes, change{key: []byte(key), value: was})
		return nil
	})
}

func (tx *transaction) writable() error {
	switch {
	case tx.done:
		return storage.ErrTxDone
	case tx.batch == nil:
		return storage.ErrReadOnly
	}
	return nil
}

// undo takes back what was written. When that is not possible, the batch fails.
func (tx *transaction) undo() {
	for i := len(tx.changes) - 1; i >= 0; i-- {
		was := tx.changes[i]
		err := tx.guard(func() error {
			if was.value != nil {
				return tx.records.Put(was.key, was.value)
			}
			tx.batch.deletes++
			return tx.records.Delete(was.key)
		})
		if err != nil {
			tx.batch.damage = err
			return
		}
	}
}

// Scan implements [storage.Tx].
func (tx *transaction) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		c := &cursor{tx: tx, from: []byte(from), to: []byte(to), descending: descending}
		for {
			entry, found, err := c.next()
			if err != nil {
				yield(storage.Entry{}, err)
				return
			}
			if !found || !yield(entry, nil) {
				return
			}
		}
	}
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
		return nil, tx.store.damaged(fmt.Sprintf("the record %q does not fit its checksum", key[:min(len(key), most)]))
	}
	return bytes.Clone(encoded[checksumSize:]), nil
}

func checksum(key, value []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, table), table, value)
}
