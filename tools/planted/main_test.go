package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEachFaultHasItsPlace: the source changes, and the list with it. That the faults are found shows the program itself,
// which takes an hour.
func TestEachFaultHasItsPlace(t *testing.T) {
	names := map[string]bool{}
	for _, f := range faults() {
		source, err := os.ReadFile(filepath.Join("..", "..", f.file))
		require.NoError(t, err)
		planted, err := f.in(string(source))
		require.NoError(t, err)
		require.NotEqual(t, string(source), planted, f.name)
		_, err = parser.ParseFile(token.NewFileSet(), f.file, planted, parser.SkipObjectResolution)
		require.NoError(t, err, f.name)
		require.False(t, names[f.name], f.name)
		names[f.name] = true
	}
	require.GreaterOrEqual(t, len(faults()), 30)
}
