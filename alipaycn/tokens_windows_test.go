package alipaycn

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// requireOwnerOnly requires that the file is there: its permissions are not
// checked on Windows.
func requireOwnerOnly(t *testing.T, path string) {
	t.Helper()
	require.FileExists(t, path)
}
