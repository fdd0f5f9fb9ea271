package platform

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/alipayplus-go/alipayplus"
)

// refusal is an answer that is no success, with its code.
type refusal struct {
	code    alipayplus.Code
	message string
	// class is what it matches for who calls in Go; nil: that of the code.
	class  error
	fields []alipayplus.FieldError
	// retryAfter is how long the caller is asked to wait; 0: not at all.
	retryAfter time.Duration
}

func (r *refusal) Error() string { return r.message }

// Unwrap returns the class.
func (r *refusal) Unwrap() error {
	if r.class != nil {
		return r.class
	}
	return r.code.Class()
}

func refuse(code alipayplus.Code, format string, args ...any) error {
	return &refusal{code: code, message: fmt.Sprintf(format, args...)}
}

// invalid refuses one field of the input.
func invalid(path, format string, args ...any) error {
	return &alipayplus.ValidationError{Subject: "input", Fields: []alipayplus.FieldError{
		{Path: path, Message: fmt.Sprintf(format, args...)},
	}}
}

// notFound is the same for what does not exist and for what belongs to another
// workspace.
func notFound(what, id string) error {
	return refuse(alipayplus.CodeNotFound, "there is no %s %q in this workspace", what, shorten(id))
}

func conflict(format string, args ...any) error {
	return refuse(alipayplus.CodeStateConflict, format, args...)
}

// errUnavailable is an outcome that is not known: the call may be repeated.
var errUnavailable = errors.New("the platform could not finish the call")

// codeOf says which code an error of the rules is answered with; UNKNOWN_EXCEPTION
// for what is no refusal but a failure of the platform, and for too many calls when a part
// is done: that code says that nothing happened.
func codeOf(err error) alipayplus.Code {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.code
	}
	if _, ok := errors.AsType[*alipayplus.RatioError](err); ok {
		return alipayplus.CodeRatioNotAllowed
	}
	for _, code := range []alipayplus.Code{
		alipayplus.CodeAuthorizationRequired, alipayplus.CodeLimitExceeded, alipayplus.CodeTrafficExceedLimit,
		alipayplus.CodeAccessDenied, alipayplus.CodeNotFound, alipayplus.CodeStateConflict, alipayplus.CodeParamIllegal,
	} {
		switch {
		case !errors.Is(err, code.Class()):
		case code == alipayplus.CodeTrafficExceedLimit && errors.Is(err, alipayplus.ErrOutcomeUnknown):
			return alipayplus.CodeUnknownException
		default:
			return code
		}
	}
	return alipayplus.CodeUnknownException
}

// isUnknown says whether what came of a call that failed is not known.
func isUnknown(err error) bool {
	return codeOf(err) == alipayplus.CodeUnknownException || errors.Is(err, alipayplus.ErrOutcomeUnknown)
}

// details are the machine-readable part of a refusal.
type details struct {
	Fields        []alipayplus.FieldError                `json:"fields,omitempty"`
	Limit         *alipayplus.LimitError                 `json:"limit,omitempty"`
	Ratio         *alipayplus.RatioError                 `json:"ratio,omitempty"`
	Authorization *alipayplus.AuthorizationRequiredError `json:"authorization,omitempty"`
	Permission    *alipayplus.PermissionError            `json:"permission,omitempty"`
	Downgrade     *alipayplus.DowngradeError             `json:"downgrade,omitempty"`
}

func detailsOf(err error) *details {
	var d details
	if r, ok := errors.AsType[*refusal](err); ok {
		d.Fields = r.fields
	}
	if e, ok := errors.AsType[*alipayplus.ValidationError](err); ok {
		d.Fields = e.Fields
	}
	d.Limit, _ = errors.AsType[*alipayplus.LimitError](err)
	d.Ratio, _ = errors.AsType[*alipayplus.RatioError](err)
	d.Authorization, _ = errors.AsType[*alipayplus.AuthorizationRequiredError](err)
	d.Permission, _ = errors.AsType[*alipayplus.PermissionError](err)
	d.Downgrade, _ = errors.AsType[*alipayplus.DowngradeError](err)
	if d.Fields == nil && d.Limit == nil && d.Ratio == nil && d.Authorization == nil && d.Permission == nil && d.Downgrade == nil {
		return nil
	}
	return &d
}

// httpStatus is the status that goes with a code. What statuses mean at Alipay+
// is not documented; these are HTTP's own.
func httpStatus(code alipayplus.Code) int {
	switch code {
	case alipayplus.CodeSuccess:
		return http.StatusOK
	case alipayplus.CodeInvalidSignature, alipayplus.CodeUnknownClient, alipayplus.CodeTimestampInvalid:
		return http.StatusUnauthorized
	case alipayplus.CodeAccessDenied:
		return http.StatusForbidden
	case alipayplus.CodeNotFound, alipayplus.CodeInvalidAPI:
		return http.StatusNotFound
	case alipayplus.CodeStateConflict, alipayplus.CodeLimitExceeded, alipayplus.CodeAuthorizationRequired,
		alipayplus.CodeRequestIDReused:
		return http.StatusConflict
	case alipayplus.CodePayloadTooLarge:
		return http.StatusRequestEntityTooLarge
	case alipayplus.CodeTrafficExceedLimit:
		return http.StatusTooManyRequests
	case alipayplus.CodeUnknownException:
		return http.StatusInternalServerError
	case alipayplus.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusBadRequest
	}
}

// shorten keeps foreign text in an error short.
func shorten(s string) string { return cut(s, 64) }

// cut shortens a text to some characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	if characters := []rune(s); len(characters) > most {
		return string(characters[:most-3]) + "..."
	}
	return s
}

// bounded is an error whose answer is no larger than it helps: what of an input is
// in it is cut, and of many broken fields the first are named.
func bounded(err error) error {
	const mostFields, mostCharacters = 100, 200
	e, ok := errors.AsType[*alipayplus.ValidationError](err)
	if !ok {
		return err
	}
	short := &alipayplus.ValidationError{Subject: e.Subject, Fields: slices.Clone(e.Fields)}
	if more := len(e.Fields) - mostFields; more > 0 {
		short.Fields = append(short.Fields[:mostFields:mostFields], alipayplus.FieldError{Message: fmt.Sprintf("and %d more", more)})
	}
	for i, f := range short.Fields {
		short.Fields[i] = alipayplus.FieldError{Path: cut(f.Path, mostCharacters), Message: cut(f.Message, mostCharacters)}
	}
	return short
}
