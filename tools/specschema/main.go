// Command specschema writes the JSON Schema of rollout.Spec, for editors and for
// checks before anything runs: api/rollout-spec.schema.json. It is made of the Go
// types, of the rules in their tags, and of their doc comments:
//
//	go generate -C tools/specschema
package main

import (
	"fmt"
	"os"
)

//go:generate go run .

const (
	// published is the schema, and source the package that it is made of, both as
	// seen from this folder.
	published = "../../api/rollout-spec.schema.json"
	source    = "../../rollout"
)

func main() {
	text, err := generate(source)
	if err == nil {
		err = os.WriteFile(published, text, 0o644) //nolint:gosec // everybody may read it
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
