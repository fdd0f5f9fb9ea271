package journal

import (
	"encoding/binary"
	"errors"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// writes is what a transaction wrote, in order and encoded: for each write its kind, the length of the key and the key,
// and for a put the length of the value and the value. Lengths are varints.
type writes []byte

const (
	writePut    = 'p'
	writeDelete = 'd'
)

var errWrites = errors.New("the record fits its checksum but makes no sense; a newer version of this library may have written it")

func (w *writes) put(key string, value []byte) {
	*w = append(*w, writePut)
	w.text(key)
	*w = binary.AppendUvarint(*w, uint64(len(value)))
	*w = append(*w, value...)
}

func (w *writes) delete(key string) {
	*w = append(*w, writeDelete)
	w.text(key)
}

func (w *writes) text(key string) {
	*w = binary.AppendUvarint(*w, uint64(len(key)))
	*w = append(*w, key...)
}

// replay does the writes again, and returns how many there were.
func (w writes) replay(tx storage.Tx) (count uint64, err error) {
	for rest := w; len(rest) > 0; count++ {
		kind := rest[0]
		key, rest2, ok := cut(rest[1:])
		if !ok {
			return count, errWrites
		}
		rest = rest2
		switch kind {
		case writePut:
			var value []byte
			if value, rest, ok = cut(rest); !ok {
				return count, errWrites
			}
			err = tx.Put(string(key), value)
		case writeDelete:
			err = tx.Delete(string(key))
		default:
			err = errWrites
		}
		if err != nil {
			return count, err
		}
	}
	return count, nil
}

// cut splits off a length and so many bytes.
func cut(from []byte) (text, rest []byte, ok bool) {
	length, n := binary.Uvarint(from)
	if n <= 0 || length > uint64(len(from)-n) {
		return nil, nil, false
	}
	end := n + int(length)
	return from[n:end], from[end:], true
}
