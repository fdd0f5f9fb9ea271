package prometheus

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// carrier sends requests with the token, and limits the answers.
type carrier struct {
	next      http.RoundTripper
	tokenFrom string
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
	resp.Body = &limited{ReadCloser: resp.Body, left: maxAnswer}
	return resp, nil
}

// token reads the environment. The error never holds what stands there.
func (c *carrier) token() (string, error) {
	if c.tokenFrom == "" {
		return "", nil
	}
	token := os.Getenv(c.tokenFrom)
	switch {
	case token == "":
		return "", fmt.Errorf("the environment variable %s, for the bearer token, is not set", c.tokenFrom)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", fmt.Errorf("the environment variable %s, for the bearer token, holds a space, a line break or what else is no visible ASCII", c.tokenFrom)
	}
	return token, nil
}

// limited is an answer that fails when it is too long, rather than ending early.
type limited struct {
	io.ReadCloser
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	return n, err
}
