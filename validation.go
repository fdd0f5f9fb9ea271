package alipayplus

import (
	"fmt"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// validator is an input that can check itself.
type validator interface {
	Validate() error
}

// problems collects the broken fields of one input.
type problems = validation.Problems

// invalid returns nil or one [ValidationError] with all problems.
func invalid(subject string, found problems) error {
	if len(found) == 0 {
		return nil
	}
	fields := make([]FieldError, len(found))
	for i, problem := range found {
		fields[i] = FieldError(problem)
	}
	return &ValidationError{Subject: subject, Fields: fields}
}

// validate runs the tag rules of v and then, where given, the rules that tags
// cannot say, and returns all broken fields as one error.
func validate(subject string, v any, more func(*problems)) error {
	return invalid(subject, check(v, more))
}

func check(v any, more func(*problems)) problems {
	found := append(validation.PlainTexts(v), validation.Struct(v)...)
	if more != nil {
		more(&found)
	}
	return found
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

// checkInput finds what the platform would refuse, before anything is sent.
func checkInput(in any) error {
	if v, ok := in.(validator); ok {
		return v.Validate()
	}
	return invalid("call", validation.Texts(in))
}
