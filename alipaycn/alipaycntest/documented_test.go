package alipaycntest_test

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnapi"
)

// documented holds the error codes of each operation, by method and path, as
// AlipayCN's specification lists them.
var documented = sync.OnceValues(func() (map[string]map[alipaycn.Code]bool, error) {
	text, err := os.ReadFile("../testdata/alipaycn-v3.json")
	if err != nil {
		return nil, err
	}
	var file struct {
		Operations map[string]struct {
			Codes []alipaycn.Code `json:"error_codes"`
		} `json:"operations"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, err
	}
	all := map[string]map[alipaycn.Code]bool{}
	for name, op := range file.Operations {
		all[name] = map[alipaycn.Code]bool{}
		for _, code := range op.Codes {
			all[name][code] = true
		}
	}
	return all, nil
})

// requireDocumented fails when AlipayCN does not document a code for an
// operation. The gateway's own codes are common to all.
func requireDocumented(t *testing.T, op cnapi.Operation, code alipaycn.Code) {
	t.Helper()
	require.True(t, code.Known(), code)
	if strings.ToUpper(string(code)) != string(code) {
		return
	}
	all, err := documented()
	require.NoError(t, err)
	codes := all[op.Method+" "+op.Path()]
	require.NotEmpty(t, codes, "the specification does not have %s", op.Path())
	require.True(t, codes[code], "%s is not documented for %s", code, op.Name)
}
