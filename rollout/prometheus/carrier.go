package prometheus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// carrier sends requests with the token, limits the answers, and refuses those that say in
// a way of their store that they are incomplete: warnings are all that the client reads.
type carrier struct {
	next  http.RoundTripper
	token func() (string, error)
}

// closing makes a transport that leaves no connection behind, nor the goroutines that
// serve it.
func closing() http.RoundTripper {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DisableKeepAlives:   true,
		TLSHandshakeTimeout: 10 * time.Second,
	}
}

// RoundTrip implements [http.RoundTripper].
func (c *carrier) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := c.token()
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	if token != "" {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	if err := complete(resp.Header, body); err != nil {
		return nil, err
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// complete is an error when VictoriaMetrics (isPartial) or M3 (a header) says that the answer
// is incomplete. What is no JSON is left to the client.
func complete(h http.Header, body []byte) error {
	if h.Get("M3-Results-Limited") != "" {
		return errors.New("the server says that the answer is incomplete, in the header M3-Results-Limited")
	}
	var answer struct {
		IsPartial json.RawMessage `json:"isPartial"`
	}
	_ = json.Unmarshal(body, &answer)
	switch string(answer.IsPartial) {
	case "", "false", "null":
		return nil
	default:
		return errors.New("the server says that the answer is incomplete (isPartial): a store did not answer")
	}
}
