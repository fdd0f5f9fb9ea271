package bolt

import (
	"bytes"

	"go.etcd.io/bbolt"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// cursor goes through the records of a range, also while its transaction writes.
type cursor struct {
	tx         *transaction
	from, to   []byte // an empty to is no upper end
	descending bool

	at      *bbolt.Cursor // nil before the first record
	last    []byte        // the key of the last record
	changes int           // how many changes the transaction had when at was where it is
}

// next returns the next record, or found == false at the end of the range.
func (c *cursor) next() (entry storage.Entry, found bool, err error) {
	if c.tx.done {
		return storage.Entry{}, false, storage.ErrTxDone
	}
	err = c.tx.guard(func() error {
		key, encoded := c.move()
		if key == nil || !c.inRange(key) {
			return nil
		}
		if !c.follows(key) {
			return c.tx.store.damaged("its keys are not in order")
		}
		value, err := c.tx.decode(key, encoded)
		c.last = bytes.Clone(key)
		entry, found = storage.Entry{Key: string(key), Value: value}, true
		return err
	})
	return entry, found && err == nil, err
}

func (c *cursor) inRange(key []byte) bool {
	return bytes.Compare(key, c.from) >= 0 && (len(c.to) == 0 || bytes.Compare(key, c.to) < 0)
}

func (c *cursor) follows(key []byte) bool {
	switch {
	case c.last == nil:
		return true
	case c.descending:
		return bytes.Compare(key, c.last) < 0
	default:
		return bytes.Compare(key, c.last) > 0
	}
}

// move goes to the next record. A write makes the position of a cursor of bbolt invalid, so that it is looked up anew.
func (c *cursor) move() (key, value []byte) {
	stays := c.at != nil && c.changes == len(c.tx.changes)
	if !stays {
		c.at, c.changes = c.tx.records.Cursor(), len(c.tx.changes)
	}
	switch {
	case c.descending && stays:
		return c.back(c.at.Prev)
	case c.descending:
		return c.seekBefore()
	case stays:
		return c.at.Next()
	default:
		return c.seekAfter()
	}
}

// seekAfter goes to the first record of the range that is behind the last one.
func (c *cursor) seekAfter() (key, value []byte) {
	if c.last == nil {
		return c.at.Seek(c.from)
	}
	key, value = c.at.Seek(c.last)
	if bytes.Equal(key, c.last) {
		return c.at.Next()
	}
	return key, value
}

// seekBefore goes to the last record of the range that is before the last one.
func (c *cursor) seekBefore() (key, value []byte) {
	return c.back(func() (key, value []byte) {
		if end := c.end(); len(end) > 0 {
			if key, _ := c.at.Seek(end); key != nil {
				return c.at.Prev()
			}
		}
		return c.at.Last()
	})
}

// end is the key before which the rest of a descending range is.
func (c *cursor) end() []byte {
	if c.last != nil {
		return c.last
	}
	return c.to
}

// back takes a step back. Deleting leaves empty pages until the commit. On those, bbolt's Prev returns nil as if there
// was nothing before them, and its Last never returns when there are no others.
func (c *cursor) back(step func() (key, value []byte)) (key, value []byte) {
	if c.tx.batch == nil || c.tx.batch.deletes == 0 {
		return step()
	}
	first, _ := c.tx.records.Cursor().First()
	if first == nil || len(c.end()) > 0 && bytes.Compare(first, c.end()) >= 0 {
		return nil, nil
	}
	key, value = step()
	for pages := c.tx.batch.deletes; key == nil && pages > 0; pages-- {
		key, value = c.at.Prev()
	}
	return key, value
}
