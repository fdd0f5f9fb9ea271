package rollout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus"
)

// maxSpec is far above what a spec needs, in bytes.
const maxSpec = 1 << 20

// ParseSpec reads a spec in YAML, of which JSON is a part, and checks it. A field
// that is not known, a second document, a duration that is none: each is an error
// that tells the line. The error matches [alipayplus.ErrInvalid].
func ParseSpec(data []byte) (*Spec, error) {
	if len(data) > maxSpec {
		return nil, unreadableSpec(fmt.Errorf("it has %d bytes; at most %d are read", len(data), maxSpec))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	spec := new(Spec)
	if err := decoder.Decode(spec); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("it is empty")
		}
		if several, ok := errors.AsType[*yaml.TypeError](err); ok {
			return nil, unreadableSpec(readableErrors(several)...)
		}
		return nil, unreadableSpec(err)
	}
	if err := checkNoEmptyValue(data); err != nil {
		return nil, unreadableSpec(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, unreadableSpec(errors.New("it must be one document"))
	}
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	return spec, nil
}

// nothingEmpty refuses a field without a value: "bake:" is more likely a forgotten bake
// time than none.
func checkNoEmptyValue(data []byte) error {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return err
	}
	var empty error
	var visit func(node *yaml.Node)
	visit = func(node *yaml.Node) {
		if node.Kind == yaml.ScalarNode && node.Tag == "!!null" && empty == nil {
			empty = fmt.Errorf("line %d: a value is missing; give one, or remove the field", node.Line)
		}
		for _, inner := range node.Content {
			visit(inner)
		}
	}
	visit(&document)
	return empty
}

// readable are the faults that the decoder found, in words of a spec rather than of Go.
func readableErrors(e *yaml.TypeError) []error {
	words := strings.NewReplacer(
		"into alipayplus.Ratio", "as a ratio, which is a whole number of percent",
		"not found in type rollout.Spec", "is not known", "not found in type rollout.StepSpec", "is not known in a step",
		"not found in type rollout.GateSpec", "is not known in a gate", "not found in type rollout.", "is not known in ",
		"cannot unmarshal !!", "cannot read ", "into rollout.", "as ", "into []rollout.StepSpec", "as steps",
	)
	all := make([]error, len(e.Errors))
	for i, text := range e.Errors {
		all[i] = errors.New(words.Replace(text))
	}
	return all
}

func unreadableSpec(faults ...error) error {
	fields := make([]alipayplus.FieldError, len(faults))
	for i, err := range faults {
		fields[i].Message = fmt.Sprintf("cannot be read: %v", err)
	}
	return &alipayplus.ValidationError{Subject: "rollout spec", Fields: fields}
}
