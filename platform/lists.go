package platform

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

const (
	defaultPage = 20
	// maxExamined bounds how many records a filtered page reads, so that a
	// page costs the same however much there is. A page may thus hold fewer
	// entries than asked for; its cursor leads on.
	maxExamined = 500
	// maxPageBytes ends a page whose entries are large: an answer must stay
	// readable, and the cursor leads on.
	maxPageBytes = 4 << 20
)

// listing is one list: an index and what to keep of it.
type listing[R, T any] struct {
	// prefix of the index keys; what follows is the sort key.
	prefix string
	opts   alipayplus.ListOptions
	// filter names all that chooses entries, so that a cursor of another
	// listing is recognized.
	filter string
	order  alipayplus.SortOrder
	keep   func(*R) bool
	show   func(*R) *T
	// more adds to an entry what is not in its record, and says how many bytes that
	// has; nil: nothing.
	more func(*R, *T) (int, error)
}

// page reads one page.
func (l listing[R, T]) page(tx storage.Tx) (*alipayplus.Page[T], error) {
	from, to, err := l.bounds()
	if err != nil {
		return nil, err
	}
	limit := l.opts.Limit
	if limit == 0 {
		limit = defaultPage
	}
	out := &alipayplus.Page[T]{Items: []*T{}}
	examined, size, last := 0, 0, ""
	for entry, err := range tx.Scan(from, to, l.descending()) {
		if err != nil {
			return nil, err
		}
		if len(out.Items) == limit || examined == maxExamined || size > maxPageBytes {
			out.NextCursor = l.cursor(last)
			return out, nil
		}
		examined++
		last = strings.TrimPrefix(entry.Key, l.prefix)
		r, bytes, err := loadSized[R](tx, string(entry.Value))
		if err != nil {
			return nil, err
		}
		if r != nil && (l.keep == nil || l.keep(r)) {
			item := l.show(r)
			size += bytes
			if l.more != nil {
				added, err := l.more(r, item)
				if err != nil {
					return nil, err
				}
				size += added
			}
			out.Items = append(out.Items, item)
		}
	}
	return out, nil
}

func (l listing[R, T]) descending() bool {
	return cmp.Or(l.opts.Order, l.order) != alipayplus.OldestFirst
}

// bounds are the keys of the index that are left after the cursor.
func (l listing[R, T]) bounds() (from, to string, err error) {
	from, to = l.prefix, storage.PrefixEnd(l.prefix)
	if l.opts.Cursor == "" {
		return from, to, nil
	}
	after, ok := decodeCursor(l.opts.Cursor, l.identity())
	if !ok {
		return "", "", invalid("cursor", "does not belong to this list; begin without a cursor")
	}
	if l.descending() {
		return from, l.prefix + after, nil
	}
	return l.prefix + after + "\x00", to, nil
}

// identity distinguishes one listing from another.
func (l listing[R, T]) identity() string {
	direction := "up"
	if l.descending() {
		direction = "down"
	}
	sum := sha256.Sum256([]byte(l.prefix + "\x00" + l.filter + "\x00" + direction))
	return hex.EncodeToString(sum[:8])
}

type cursor struct {
	List  string `json:"l"`
	After string `json:"a"`
}

func (l listing[R, T]) cursor(after string) string {
	text, err := json.Marshal(cursor{List: l.identity(), After: after})
	if err != nil {
		return "" // two strings always marshal
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func decodeCursor(text, list string) (after string, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", false
	}
	var c cursor
	if err := json.Unmarshal(raw, &c); err != nil || c.List != list || c.After == "" {
		return "", false
	}
	return c.After, true
}
