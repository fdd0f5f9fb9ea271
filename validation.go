package alipayplus

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// validator is an input that can check itself.
type validator interface {
	Validate() error
}

// problems collects the broken fields of one input.
type problems struct {
	fields []FieldError
}

func (p *problems) add(path, message string) {
	p.fields = append(p.fields, FieldError{Path: path, Message: message})
}

func (p *problems) has(path string) bool {
	for _, f := range p.fields {
		if f.Path == path {
			return true
		}
	}
	return false
}

// addError adds the fields of a [ValidationError], or the whole text of
// another error.
func (p *problems) addError(err error) {
	if invalid, ok := errors.AsType[*ValidationError](err); ok {
		p.fields = append(p.fields, invalid.Fields...)
		return
	}
	p.add("", err.Error())
}

// err returns nil or one [ValidationError] with all that was collected.
func (p *problems) err(subject string) error {
	if len(p.fields) == 0 {
		return nil
	}
	return &ValidationError{Subject: subject, Fields: p.fields}
}

// validate runs the tag rules of v and then, where given, the rules that tags
// cannot say, and returns all broken fields as one error.
func validate(subject string, v any, more func(*problems)) error {
	var p problems
	for _, problem := range validation.Struct(v) {
		p.add(problem.Path, problem.Message)
	}
	if more != nil {
		more(&p)
	}
	return p.err(subject)
}

// FieldError is one broken field of an input.
type FieldError struct {
	// Path is the JSON path of the field, for example "paymentInformation[0].table.rows[1]".
	Path string `json:"path"`
	// Message says what is wrong with it, in plain words.
	Message string `json:"message"`
}

// ValidationError lists all broken fields of an input. It matches [ErrInvalid].
type ValidationError struct {
	// Subject is what was checked, for example "service".
	Subject string
	// Fields are all broken fields, one entry for each thing wrong.
	Fields []FieldError
}

// Error lists every broken field in one line.
func (e *ValidationError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = strings.TrimSpace(f.Path + " " + f.Message)
	}
	noun := "fields"
	if len(e.Fields) == 1 {
		noun = "field"
	}
	return validation.OneLine(fmt.Sprintf("%s: %d %s not valid: %s", e.Subject, len(e.Fields), noun, strings.Join(parts, "; ")))
}

// Unwrap returns [ErrInvalid].
func (e *ValidationError) Unwrap() error { return ErrInvalid }

// maxRequestID is the longest idempotency key that the contract takes.
const maxRequestID = 64

// checkInput finds what the platform would refuse, before anything is sent.
func checkInput(in any, requestID string) error {
	if len(requestID) > maxRequestID {
		return &ValidationError{Subject: "call", Fields: []FieldError{
			{Path: "requestId", Message: fmt.Sprintf("must have at most %d characters", maxRequestID)},
		}}
	}
	if v, ok := in.(validator); ok {
		return v.Validate()
	}
	return nil
}
