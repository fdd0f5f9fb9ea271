package alipaycntest_test

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// operationDocuments is what AlipayCN's specification says of an operation.
type operationDocuments struct {
	Codes   []alipaycn.Code           `json:"error_codes"`
	Query   map[string]any            `json:"query"`
	Request map[string]map[string]any `json:"request"`
}

// has says whether the operation has a field.
func (d operationDocuments) has(field string) bool {
	data, _ := d.Request["multipart/form-data"][cnwire.DataPart].(map[string]any)
	for _, fields := range []map[string]any{d.Query, d.Request["application/json"], data} {
		if _, found := fields[field]; found {
			return true
		}
	}
	return false
}

// documented holds every operation, by method and path.
var documented = sync.OnceValues(func() (map[string]operationDocuments, error) {
	text, err := os.ReadFile("../testdata/alipaycn-v3.json")
	if err != nil {
		return nil, err
	}
	var file struct {
		Operations map[string]operationDocuments `json:"operations"`
	}
	err = json.Unmarshal(text, &file)
	return file.Operations, err
})

func documentsOf(tb testing.TB, op cnwire.Operation) operationDocuments {
	tb.Helper()
	all, err := documented()
	require.NoError(tb, err)
	require.Contains(tb, all, op.Method+" "+op.Path())
	return all[op.Method+" "+op.Path()]
}

// requireDocumented fails when AlipayCN does not document a code for an
// operation. The gateway's own codes are common to all.
func requireDocumented(t *testing.T, op cnwire.Operation, code alipaycn.Code) {
	t.Helper()
	require.True(t, code.Known(), code)
	if strings.ToUpper(string(code)) != string(code) {
		return
	}
	require.Contains(t, documentsOf(t, op).Codes, code, "%s is not documented for %s", code, op.Name)
}
