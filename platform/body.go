package platform

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"

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
