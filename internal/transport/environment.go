package transport

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Environment collects the options that variables of the environment set. What
// is wrong with one shows when it is applied, so that a client can name
// everything at once. A variable that is empty is not set. C is the client's
// configuration, O its type of options.
type Environment[C any, O ~func(*C) error] struct {
	// Wrong makes the client's own error of what is wrong with an option. It
	// names the variable that the option comes from.
	Wrong func(err error, variable string) error
	// Options are those of the variables that are set, in the order of asking.
	Options []O
}

// Text takes an option whose text is in a variable, and says whether it is set.
func (e *Environment[C, O]) Text(variable string, option func(text string) O) bool {
	text := os.Getenv(variable)
	if text == "" {
		return false
	}
	apply := option(text)
	e.Options = append(e.Options, func(cfg *C) error {
		if err := apply(cfg); err != nil {
			return e.Wrong(err, variable)
		}
		return nil
	})
	return true
}

// Secret takes an option whose content is in the file that variable_FILE names
// or, where that is not set, in the variable itself. name is that of the option.
func (e *Environment[C, O]) Secret(variable, name string, option func(content []byte) O) {
	fromFile := func(path string) O {
		return func(cfg *C) error {
			content, err := ReadFile(path, variable, name)
			if err != nil {
				return err
			}
			return option(content)(cfg)
		}
	}
	if !e.Text(variable+"_FILE", fromFile) {
		e.Text(variable, func(text string) O { return option([]byte(text)) })
	}
}

// Duration takes an option whose duration is in a variable. name is that of the
// option.
func (e *Environment[C, O]) Duration(variable, name string, option func(time.Duration) O) {
	e.Text(variable, func(text string) O {
		return func(cfg *C) error {
			d, err := time.ParseDuration(text)
			if err != nil {
				return &Problem{name, "is not a duration such as 45s"}
			}
			return option(d)(cfg)
		}
	})
}

// ReadFile reads the content of an option from a file that a variable of the
// environment names. variable is the one for the content itself, if there is one:
// a name of no file may be just that, a secret in the wrong place, so it is not
// quoted.
func ReadFile(path, variable, option string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err == nil {
		return content, nil
	}
	if why, ok := errors.AsType[*fs.PathError](err); ok {
		err = why.Err // without the path
	}
	if _, none := os.Lstat(path); none == nil {
		return nil, &Problem{option, fmt.Sprintf("cannot be read from the file %q: %v", path, err)}
	}
	way := "give the name of a file, not what is in it"
	if variable != "" {
		way = "give the name of a file; the content itself goes into " + variable
	}
	return nil, &Problem{option, fmt.Sprintf("cannot be read: %v; %s", err, way)}
}
