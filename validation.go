package alipayplus

import (
	"errors"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// validator is an input that can check itself.
type validator interface {
	Validate() error
}

// problems collects broken fields of one input.
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

// addError takes over the fields of a [ValidationError], or the whole text of
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
