// Command specschema writes the JSON Schemas of what people write for the library and the
// tool, for editors and for checks before anything runs: rollout specs, ship files and
// services, in the folder api. They are made of the Go types, of the rules in their tags, and
// of their doc comments:
//
//	go generate -C tools/specschema
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

//go:generate go run .

// published is the folder of the schemas, as seen from this one.
const published = "../../api"

// sources are the folders of the packages that they are made of.
func sources() []string {
	return []string{"../..", "../../rollout", "../../cmd/alipayplus/manifest"}
}

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write() error {
	docs, err := readComments(sources()...)
	if err != nil {
		return err
	}
	for _, s := range schemas() {
		text, err := s.generate(docs)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(published, s.file), text, 0o644); err != nil { //nolint:gosec // everybody may read it
			return err
		}
	}
	return nil
}
