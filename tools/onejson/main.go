// Command onejson reads standard input and fails unless it is one JSON object and nothing else.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := check(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "onejson:", err)
		os.Exit(1)
	}
}

// check reports why the text of r is not exactly one JSON object.
func check(r io.Reader) error {
	dec := json.NewDecoder(r)

	var object map[string]json.RawMessage
	if err := dec.Decode(&object); err != nil {
		return fmt.Errorf("standard input does not begin with a JSON object: %w", err)
	}
	if object == nil {
		return errors.New("standard input is null, not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("standard input goes on after its JSON object")
	}
	return nil
}
