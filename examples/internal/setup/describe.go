package setup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// ReadDescription reads what to release from a JSON file. A field that is not known is
// an error: it is one that is misspelt, and would be left out of the release.
func ReadDescription(what, file string, into any) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("%s description: %w", what, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s description %s: %w", what, file, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s description %s: there is more behind the object", what, file)
	}
	return nil
}
