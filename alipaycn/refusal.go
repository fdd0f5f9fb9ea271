package alipaycn

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// successCode is that of a success in AlipayCN's older protocol. In this one a
// success has no code.
const successCode = "10000"

// refusal makes the error of an answer from its body: JSON with code and message,
// whatever the HTTP status. It returns false when the body is something else,
// such as a success or a proxy's page.
func parseRefusal(op cnwire.Operation, status int, body []byte) (*Error, bool) {
	var b errorBody
	if !bytes.Contains(body, []byte(`"code"`)) || json.Unmarshal(body, &b) != nil || b.Code == "" || b.Code == successCode {
		return nil, false //nolint:nilerr // another body is an answer too, and the caller's business
	}
	code := Code(b.Code)
	if code == GatewayUnknownSubCode {
		if named, found := findCode(string(b.Message)); found {
			code = named
		}
	}
	e := &Error{
		Operation: op.Name, Code: code, HTTPStatus: status, Message: string(b.Message),
		Details: b.Details, Links: b.Links, Hint: code.Hint(),
	}
	e.classify(op)
	return e, true
}

// judge says from code and status whether the call may be repeated, and whether
// a write may have taken effect.
func (e *Error) classify(op cnwire.Operation) {
	class := e.Code.Class()
	if class == nil {
		class = statusClass(e.HTTPStatus)
	}
	switch {
	case errors.Is(class, alipayplus.ErrRateLimited), errors.Is(class, ErrRetryLater), errors.Is(class, ErrNotReady):
		e.Retryable = true
	case errors.Is(class, alipayplus.ErrOutcomeUnknown):
		e.OutcomeUnknown, e.Retryable = op.Write, !op.Write
	case errors.Is(class, alipayplus.ErrAuthorizationRequired):
		e.cause = &AuthorizationError{API: op.API, Code: e.Code}
	}
}

// statusClass is the class of an answer whose code tells none, by the statuses
// that AlipayCN documents. 400 tells nothing: refusals of every kind come with it.
// 202 is "accepted, not processed: repeat with the same parameters"; as there is
// no idempotency key, that is an unknown outcome here.
func statusClass(status int) error {
	switch {
	case status == http.StatusUnauthorized:
		return alipayplus.ErrUnauthenticated
	case status == http.StatusForbidden:
		return alipayplus.ErrPermission
	case status == http.StatusNotFound:
		return alipayplus.ErrNotFound
	case status == http.StatusTooManyRequests:
		return alipayplus.ErrRateLimited
	case status == http.StatusAccepted || status >= http.StatusInternalServerError:
		return alipayplus.ErrOutcomeUnknown
	default:
		return nil
	}
}

// errorBody is the body of an error answer. What is unusual in it is kept as
// well as can be: an error that can be read in part is better than none.
type errorBody struct {
	Code    scalar  `json:"code"`
	Message scalar  `json:"message"`
	Links   links   `json:"links"`
	Details details `json:"details"`
}

// scalar is a text; anything else is kept as its JSON. It is cut where no text of
// AlipayCN's is that long.
type scalar string

const (
	longestScalar = 2000
	// mostEntries is how many links and details are kept.
	mostEntries = 50
)

func (s *scalar) UnmarshalJSON(data []byte) error {
	text, err := scalarText(data)
	if err != nil {
		text = string(data)
	}
	*s = scalar(strings.ToValidUTF8(text[:min(len(text), longestScalar)], ""))
	return nil
}

// links is a text by the documents, and an array of {link, desc} in real
// answers.
type links []Link

func (l *links) UnmarshalJSON(data []byte) error {
	*l = nil
	if url, err := scalarText(data); err == nil {
		if url != "" {
			*l = links{{URL: url}}
		}
		return nil
	}
	type entry struct {
		Link scalar `json:"link"`
		Desc scalar `json:"desc"`
	}
	for _, e := range readList[entry](data) {
		*l = append(*l, Link{URL: string(e.Link), Description: string(e.Desc)})
	}
	return nil
}

// details is an array of {field, value, location, issue, description}.
type details []Detail

func (d *details) UnmarshalJSON(data []byte) error {
	*d = nil
	type entry struct {
		Field       scalar `json:"field"`
		Value       scalar `json:"value"`
		Location    scalar `json:"location"`
		Issue       scalar `json:"issue"`
		Description scalar `json:"description"`
	}
	for _, e := range readList[entry](data) {
		*d = append(*d, Detail{string(e.Field), string(e.Value), string(e.Location), string(e.Issue), string(e.Description)})
	}
	return nil
}

// readList reads an array of objects, or one object, and nothing from anything else.
func readList[E any](data []byte) []E {
	var all []E
	if json.Unmarshal(data, &all) == nil {
		return all[:min(len(all), mostEntries)]
	}
	var one E
	if json.Unmarshal(data, &one) == nil {
		return []E{one}
	}
	return nil
}
