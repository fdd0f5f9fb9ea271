package transport

import (
	"fmt"
	"io"
	"net/http"
)

// firstBuffer is the most that is allocated on the peer's word alone.
const firstBuffer = 64 << 10

// tooLargeError is an answer with more bytes than its value.
type tooLargeError int64

func (e tooLargeError) Error() string {
	return fmt.Sprintf("the answer is larger than the limit of %d bytes (MaxAnswerBytes)", int64(e))
}

// readBody reads an answer's body to its end and closes it. Reading all of it, whatever the status, is what lets the
// connection go back to the pool.
func readBody(resp *http.Response, limit int64) ([]byte, error) {
	body := resp.Body
	defer func() { _ = body.Close() }()
	resp.Body = http.NoBody // nothing is left for go-retryablehttp to drain
	if resp.ContentLength > limit {
		return nil, tooLargeError(limit)
	}
	// One byte more than announced, so that the end is seen without growing.
	b := make([]byte, 0, min(max(resp.ContentLength, 511), firstBuffer)+1)
	for {
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			return nil, tooLargeError(limit)
		case err == io.EOF:
			return b, nil
		case err != nil:
			return nil, fmt.Errorf("the answer broke off after %d bytes: %w", len(b), err)
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}
