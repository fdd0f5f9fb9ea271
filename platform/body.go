package platform

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus"
)

// How a body has to arrive, and what bodies may hold at once. None of it is
// documented by Alipay+.
const (
	// bodyGrace is how long a body may take whatever its size.
	bodyGrace = 10 * time.Second
	// minBodyRate is how many bytes of it have to arrive a second beyond that.
	minBodyRate = 64 << 10
	// smallBody is what a call holds without asking the budget, in bytes.
	smallBody = 16 << 10
	// busyWait is what a caller is asked to wait when the budget is spent.
	busyWait = 2 * time.Second
)

// pacedBody ends a body that arrives too slowly, by the deadline of its
// connection. It begins to count when it is made, so that a body that nobody
// reads does not keep the connection either.
type pacedBody struct {
	io.ReadCloser
	connection *http.ResponseController
	begun      time.Time
	arrived    int64
}

// paceBody returns the request with a body that is read at its pace only. In process
// there is no connection, and nothing to pace. The server's own request stays as it
// is: by its body, net/http knows that one that was not asked for need not be sent.
func paceBody(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody || isInProcess(r.Context()) {
		return r
	}
	body := &pacedBody{ReadCloser: r.Body, connection: http.NewResponseController(w), begun: time.Now()}
	body.limit()
	paced := r.WithContext(r.Context())
	paced.Body = body
	return paced
}

// limit sets the time at which the next bytes must have arrived. A server that
// knows no deadlines has limits of its own.
func (b *pacedBody) limit() {
	pace := time.Duration(b.arrived/minBodyRate) * time.Second
	_ = b.connection.SetReadDeadline(b.begun.Add(bodyGrace + pace))
}

// Read reads on. The deadline ends with the body: net/http goes on to watch the
// connection.
func (b *pacedBody) Read(p []byte) (int, error) {
	b.limit()
	n, err := b.ReadCloser.Read(p)
	b.arrived += int64(n)
	if err == io.EOF {
		_ = b.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}

// receive reads a body of at most limit bytes, and writes it to signed on the
// way. What it holds comes out of the budget until done is called.
func receive(r *http.Request, limit int64, from *budget, client string, signed io.Writer) (body []byte, done func(), err error) {
	size := r.ContentLength
	switch {
	case size > limit:
		return nil, nil, tooLarge(limit)
	case size < 0:
		size = limit
	}
	done = func() {}
	if size > smallBody {
		if !from.take(client, size) {
			return nil, nil, &refusal{
				code:       alipayplus.CodeTrafficExceedLimit,
				message:    "too much is being sent to the platform at once; send it again later",
				retryAfter: busyWait,
			}
		}
		done = func() { from.giveBack(client, size) }
	}
	body, err = readBody(io.TeeReader(r.Body, signed), size)
	if err == nil && int64(len(body)) > size {
		err = tooLarge(size)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return body, done, nil
}

func tooLarge(limit int64) error {
	return refuse(alipayplus.CodePayloadTooLarge, "the body is larger than %d bytes", limit)
}

// readBody reads to the end, or one byte beyond size. Memory grows with what
// arrives, not with what was announced.
func readBody(from io.Reader, size int64) ([]byte, error) {
	body := make([]byte, 0, min(size+1, bytes.MinRead))
	for int64(len(body)) <= size {
		if len(body) == cap(body) {
			body = append(make([]byte, 0, min(size+1, int64(2*cap(body)))), body...)
		}
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, refuse(alipayplus.CodeUnavailable, "the body broke off, or came too slowly; send it again")
		}
	}
	return body, nil
}

// budget bounds how many bytes of bodies are held at once, in all and for one
// client id. An announced body counts whole, before its first byte is read.
type budget struct {
	total, perClient int64

	mu     sync.Mutex
	taken  int64
	client map[string]int64
}

func newBudget(total, perClient int64) *budget {
	return &budget{total: total, perClient: perClient, client: map[string]int64{}}
}

// take takes bytes out of the budget, if it has as many.
func (b *budget) take(client string, size int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.taken+size > b.total || b.client[client]+size > b.perClient {
		return false
	}
	b.taken += size
	b.client[client] += size
	return true
}

func (b *budget) giveBack(client string, size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken -= size
	if b.client[client] -= size; b.client[client] == 0 {
		delete(b.client, client)
	}
}

// decode reads the JSON of a call. The error leaves out the offset and Go's
// own text: they help nobody who does not see the code.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if err == nil {
		return nil
	}
	if invalidValue, ok := errors.AsType[*alipayplus.ValidationError](err); ok {
		return invalidValue
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && mismatch.Field != "" {
		return invalid(mismatch.Field, "has the wrong JSON type (%s)", mismatch.Value)
	}
	return notThisJSON()
}

func notThisJSON() error { return invalid("body", "is not the JSON of this operation") }

// fieldNames are the JSON names of an input's fields, however deep, by how
// encoding/json compares them: without regard to case.
type fieldNames map[string]string

func namesOf[T any]() fieldNames {
	names := fieldNames{}
	names.add(reflect.TypeFor[T](), map[reflect.Type]bool{})
	return names
}

func (f fieldNames) add(t reflect.Type, seen map[reflect.Type]bool) {
	if reads := reflect.PointerTo(t); reads.Implements(reflect.TypeFor[json.Unmarshaler]()) || reads.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return // its own form has none of its fields' names
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		f.add(t.Elem(), seen)
	case reflect.Struct:
		if seen[t] {
			return
		}
		seen[t] = true
		for field := range t.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "-" {
				continue
			}
			if name == "" {
				name = field.Name
			}
			f[folded(name)] = name
			f.add(field.Type, seen)
		}
	}
}

// folded is equal for names that encoding/json takes for each other.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		for next := unicode.SimpleFold(r); ; next = unicode.SimpleFold(next) {
			if next <= r {
				return next
			}
		}
	}, name)
}

// check refuses a body that another reader could read in another way: a name that
// is there twice or differs from a field's in case only, one with characters that
// are not seen, and text that is no UTF-8 or half a character. Names that the
// operation does not know are ignored all the same, as the contract says.
func (f fieldNames) check(body []byte) error {
	if !utf8.Valid(body) || hasLoneSurrogate(body) {
		return invalid("body", "must be valid UTF-8 without halves of surrogate pairs")
	}
	return f.checkNames(body)
}

func (f fieldNames) checkNames(body []byte) error {
	// open are the objects and arrays around a token; an array has no names.
	type object struct {
		names   map[string]bool
		atValue bool
	}
	var open []*object
	for tokens := json.NewDecoder(bytes.NewReader(body)); ; {
		token, err := tokens.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return notThisJSON()
		}
		var in *object
		if len(open) > 0 {
			in = open[len(open)-1]
		}
		switch name, isText := token.(string); {
		case token == json.Delim('}') || token == json.Delim(']'):
			open = open[:len(open)-1]
			continue
		case isText && in != nil && in.names != nil && !in.atValue:
			if err := f.checkName(name, in.names); err != nil {
				return err
			}
			in.names[name], in.atValue = true, true
			continue
		}
		if in != nil {
			in.atValue = false
		}
		switch token {
		case json.Delim('{'):
			open = append(open, &object{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, &object{})
		}
	}
}

func (f fieldNames) checkName(name string, before map[string]bool) error {
	switch exact, known := f[folded(name)]; {
	case strings.ContainsFunc(name, isUnseen):
		return invalid("body", "has a name with a control or bidirectional character: %s", strconv.QuoteToASCII(shorten(name)))
	case before[name]:
		return invalid("body", "has the name %q twice in one object", shorten(name))
	case known && exact != name:
		return invalid(exact, "is spelled %q in the body; names are exact in case", shorten(name))
	}
	return nil
}

// isUnseen is a character that can make a text look like another.
func isUnseen(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// hasLoneSurrogate finds an escape of half a character in valid UTF-8, which
// encoding/json reads as U+FFFD. What is no JSON is left to whoever decodes it.
func hasLoneSurrogate(body []byte) bool {
	escape := func(at int) (unit uint64, ok bool) {
		if at+6 > len(body) || body[at] != '\\' || body[at+1] != 'u' {
			return 0, false
		}
		unit, err := strconv.ParseUint(string(body[at+2:at+6]), 16, 16)
		return unit, err == nil
	}
	for at := 0; at < len(body); at++ {
		if body[at] != '\\' {
			continue
		}
		first, ok := escape(at)
		switch {
		case !ok:
			at++ // a short escape, such as \\ or \n
		case first < 0xd800 || first > 0xdfff:
			at += 5
		default:
			second, ok := escape(at + 6)
			if first > 0xdbff || !ok || second < 0xdc00 || second > 0xdfff {
				return true
			}
			at += 11
		}
	}
	return false
}
