package docs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/tools/docs"
)

const preamble = `package snippet

import (
	"context"
	"fmt"
)

var ctx context.Context
`

func TestSnippetsThatCompile(t *testing.T) {
	tests := []struct{ name, text string }{
		{"a file", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }"},
		{"a file behind a comment", "// Command x.\n//\n// It does.\npackage main\n\nfunc main() {}"},
		{"a file without its package clause", "import \"strings\"\n\nvar s = strings.ToLower(\"A\")"},
		{"declarations", "func work() error { return ctx.Err() }\n\ntype t struct{}"},
		{"statements", "err := ctx.Err()\nif err != nil {\n\treturn err\n}\nfmt.Println(err)"},
		{"a name of its own in place of the preamble's", "ctx := fmt.Sprint(1)\nfmt.Println(len(ctx))"},
		{"a variable that the reader will use", "release := ctx.Err()"},
		{"a return at its end", "return ctx.Err()"},
		{"nothing", ""},
	}
	checker := docs.NewChecker(t.Context(), repository, preamble)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.NoError(t, checker.Check("doc.md", docs.Fence{Line: 7, Text: tt.text}))
		})
	}
}

func TestSnippetsThatDoNot(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an unknown name", "fmt.Println()\nfmt.Prinln()", "doc.md:8: undefined: fmt.Prinln"},
		{"an unknown name in a declaration", "func f() {\n\tfmt.Prinln()\n}", "doc.md:8: undefined: fmt.Prinln"},
		{"an unknown name in a file", "package main\n\nfunc main() { f() }", "doc.md:9: undefined: f"},
		{"a wrong type", "var s string = ctx.Err()", "doc.md:7: cannot use"},
		{"a syntax error", "x := 1\ny := := 2", "doc.md:8: expected operand"},
		{"a return that lacks", "func f() int {\n}", "doc.md:8: missing return"},
		{"an import that does not exist", "package main\n\nimport _ \"example.com/none\"", "could not import example.com/none"},
		{"an import of internals", "import \"github.com/alipayplus-go/alipayplus/internal/signing\"\n\nvar _ = signing.Verify", "doc.md:7: users cannot import"},
		{"a stray indentation", "fmt.Println()\n  fmt.Println()", "doc.md:7: gofmt would change this snippet"},
	}
	checker := docs.NewChecker(t.Context(), repository, preamble)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.ErrorContains(t, checker.Check("doc.md", docs.Fence{Line: 7, Text: tt.text}), tt.want)
		})
	}
}
