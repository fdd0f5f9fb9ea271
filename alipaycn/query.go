package alipaycn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
)

// queryValues returns an input as the parameters of a query string, under the
// names of its JSON.
func queryValues(in any) (url.Values, error) {
	data, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		return nil, fmt.Errorf("make a query string: %w", err)
	}
	values := make(url.Values, len(fields))
	for name, value := range fields {
		values.Set(name, fmt.Sprint(value))
	}
	return values, nil
}
