package docs_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/tools/docs"
)

func TestUndocumentedNames(t *testing.T) {
	tests := []struct {
		name string
		src  string
		want []string
	}{
		{"what the linter reports", "func F() {}\n\ntype T int", nil},
		{"an unexported function", "func f() {}", nil},

		{"a method", "// T is.\ntype T struct{}\nfunc (T) M() {}", []string{"method T.M"}},
		{"a method by pointer", "// T is.\ntype T struct{}\nfunc (t *T) M() {}", []string{"method T.M"}},
		{"a method of a generic type", "// T is.\ntype T[A any] struct{}\nfunc (t *T[A]) M() {}", []string{"method T.M"}},
		{"a method of a type with two parameters", "// T is.\ntype T[A, B any] struct{}\nfunc (t T[A, B]) M() {}", []string{"method T.M"}},
		{"a method with a comment", "// T is.\ntype T struct{}\n// M does.\nfunc (T) M() {}", nil},
		{"a comment that is only a directive", "// T is.\ntype T struct{}\n//nolint:unused\nfunc (T) M() {}", []string{"method T.M"}},
		{"a method of an unexported type", "type t struct{}\nfunc (t) M() {}", nil},

		{"a constant without a comment", "const A = 1", []string{"const A"}},
		{"a constant with a comment above", "// A is.\nconst A = 1", nil},
		{"constants in a group", "// All.\nconst (\n\tA = 1\n\tB = 2 // B is.\n\t// C is.\n\tC = 3\n\td = 4\n)", []string{"const A"}},
		{"two names on a line", "// V and W are.\nvar V, W int\nvar X, Y int", []string{"var X", "var Y"}},
		{"a comment before a group covers nothing", "// All.\nvar (\n\tA int\n)", []string{"var A"}},

		{"fields", "// T is.\ntype T struct {\n\tA int\n\tB int // B is.\n\t// C is.\n\tC int\n\td int\n}", []string{"field T.A"}},
		{"fields of an unexported type", "type t struct{ A int }", nil},
		{"an embedded field", "// T is.\ntype T struct{ U }\n// U is.\ntype U struct{}", nil},
		{"fields of a struct in a field", "// T is.\ntype T struct {\n\t// A is.\n\tA []struct{ B int }\n}", []string{"field T.A.B"}},
		{"fields of a struct behind map and pointer", "// T is.\ntype T struct {\n\t// A is.\n\tA map[string]*struct{ B int }\n}", []string{"field T.A.B"}},
		{"methods of an interface", "// I is.\ntype I interface {\n\tM()\n\t// N does.\n\tN()\n\to()\n\terror\n}", []string{"method I.M"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// given a documented package with these declarations
			module := fstest.MapFS{"p/p.go": {Data: []byte("// Package p is.\npackage p\n\n" + tt.src + "\n")}}

			// when its comments are checked
			found, err := docs.Undocumented(module)

			// then exactly the names without one are found
			require.NoError(t, err)
			require.Equal(t, tt.want, names(found))
		})
	}
}

func TestWhichPackagesAreChecked(t *testing.T) {
	const bare = "package p\n\nvar V int\n"
	module := fstest.MapFS{
		"root.go":               {Data: []byte(bare)},
		"deep/er/p.go":          {Data: []byte(bare)},
		"documented/a.go":       {Data: []byte("package p\n")},
		"documented/doc.go":     {Data: []byte("// Package p is.\npackage p\n")},
		"elsewhere/p_plan9.go":  {Data: []byte("// Package p is.\npackage p\n\nvar V int\n")},
		"tests/p_test.go":       {Data: []byte(bare)},
		"program/main.go":       {Data: []byte("package main\n\nvar V int\n")},
		"deep/internal/p/p.go":  {Data: []byte(bare)},
		"deep/testdata/p.go":    {Data: []byte("not Go")},
		"deep/.hidden/p.go":     {Data: []byte("not Go")},
		"deep/_hidden/p.go":     {Data: []byte("not Go")},
		"vendor/x/p.go":         {Data: []byte("not Go")},
		"othermodule/go.mod":    {Data: []byte("module other\n")},
		"othermodule/deep/p.go": {Data: []byte(bare)},
	}

	found, err := docs.Undocumented(module)

	require.NoError(t, err)
	require.Equal(t, []docs.Finding{
		{File: "deep/er/p.go", Line: 3, Name: "var V"},
		{File: "elsewhere/p_plan9.go", Line: 4, Name: "var V"},
		{File: "root.go", Line: 3, Name: "var V"},
	}, found)
	require.Equal(t, "deep/er/p.go:3: var V has no doc comment", found[0].String())
}

func TestAFileThatDoesNotParseIsAnError(t *testing.T) {
	_, err := docs.Undocumented(fstest.MapFS{"p/p.go": {Data: []byte("package")}})

	require.ErrorContains(t, err, "check doc comments: p/p.go:1")
}

func names(found []docs.Finding) []string {
	var all []string
	for _, finding := range found {
		all = append(all, finding.Name)
	}
	return all
}
