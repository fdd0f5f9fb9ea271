package platform

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
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
type listing struct {
	// prefix of the index keys; what follows is the sort key.
	prefix string
	// direct says that the keys are those of the records themselves.
	direct bool
	opts   alipayplus.ListOptions
	// filter names all that chooses entries, so that a cursor of another
	// listing is recognized.
	filter string
	order  alipayplus.SortOrder
	// keep chooses entries; nil: all.
	keep func(stored) bool
	// show appends an entry as it is answered; nil: as it is stored.
	show func(to []byte, r stored) ([]byte, error)
}

// page is one page of a list, see [alipayplus.Page].
type page struct {
	// items are the entries in JSON, with commas between them.
	items []byte
	// entries is how many they are.
	entries int
	next    string
}

// page reads one page.
func (l listing) page(tx storage.Tx) (*page, error) {
	from, to, err := l.bounds()
	if err != nil {
		return nil, err
	}
	limit := l.opts.Limit
	if limit == 0 {
		limit = defaultPage
	}
	out := &page{}
	examined, last := 0, ""
	for entry, err := range tx.Scan(from, to, l.descending()) {
		if err != nil {
			return nil, err
		}
		if out.entries == limit || examined == maxExamined || len(out.items) > maxPageBytes {
			out.next = l.cursor(last)
			return out, nil
		}
		examined++
		last = strings.TrimPrefix(entry.Key, l.prefix)
		at := string(entry.Value)
		if l.direct {
			at = entry.Key
		}
		value, found, err := tx.Get(at)
		if err != nil {
			return nil, err
		}
		if !found || l.keep != nil && !l.keep(value) {
			continue
		}
		if err := l.add(out, value); err != nil {
			return nil, fmt.Errorf("read record %s: %w", entry.Value, err)
		}
	}
	return out, nil
}

func (l listing) add(out *page, r stored) (err error) {
	if out.entries++; out.entries > 1 {
		out.items = append(out.items, ',')
	}
	if l.show == nil {
		out.items, err = r.appendShown(out.items, "workspace")
	} else {
		out.items, err = l.show(out.items, r)
	}
	return err
}

// appendTo appends the page in JSON.
func (p *page) appendTo(to []byte) []byte {
	to = append(append(append(to, `{"items":[`...), p.items...), ']')
	if p.next != "" {
		to = append(append(append(to, `,"nextCursor":"`...), p.next...), '"') // base64
	}
	return append(to, '}')
}

func (l listing) descending() bool {
	return cmp.Or(l.opts.Order, l.order) != alipayplus.OldestFirst
}

// bounds are the keys of the index that are left after the cursor.
func (l listing) bounds() (from, to string, err error) {
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
func (l listing) identity() string {
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

func (l listing) cursor(after string) string {
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
