package transport

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// target is an address as errors may show it: without user and query.
func target(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return shown.String()
}

// withoutURL takes off the *url.Error that net/http puts around everything, because its text holds the whole address.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// withoutQuery covers the query where the text of an error from further inside (a RoundTripper of the caller's) quotes it.
func withoutQuery(err error, query string) error {
	text := err.Error()
	if query == "" || !strings.Contains(text, query) {
		return err
	}
	return &coveredError{err: err, text: strings.ReplaceAll(text, query, "…")}
}

type coveredError struct {
	err  error
	text string
}

func (e *coveredError) Error() string { return e.text }

func (e *coveredError) Unwrap() error { return e.err }

// checkHeader refuses what net/http would refuse attempt after attempt, as if the network were to blame: a value with a
// line break or another control character, typically an id read from a file or an environment variable.
func checkHeader(h http.Header) error {
	for name, values := range h {
		for _, value := range values {
			if strings.ContainsFunc(value, isControl) {
				return fmt.Errorf("the value of header %s holds a line break or another control character; trim it where it comes from", name)
			}
		}
	}
	return nil
}

func isControl(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }
