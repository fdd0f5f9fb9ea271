package alipaycn

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// requireOwnerOnly requires that the file is there: its permissions are not
// looked at on Windows.
func requireOwnerOnly(t *testing.T, path string) {
	t.Helper()
	require.FileExists(t, path)
}
