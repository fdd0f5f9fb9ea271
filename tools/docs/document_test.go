package docs_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/tools/docs"
)

func TestParseFences(t *testing.T) {
	tests := []struct {
		name, text string
		want       []docs.Fence
	}{
		{"none", "# Title\n\n`go` and ``sh``\n", nil},
		{"one", "a\n```go\nx := 1\n\ny := 2\n```\nb\n", []docs.Fence{{Language: "go", Line: 3, Text: "x := 1\n\ny := 2"}}},
		{"two", "```go\na\n```\n\n```\nb\n```", []docs.Fence{{Language: "go", Line: 2, Text: "a"}, {Line: 6, Text: "b"}}},
		{"words behind the language", "``` go run it\na\n```", []docs.Fence{{Language: "go", Line: 2, Text: "a"}}},
		{"in a list", "1. do\n\n   ```go\n   if a {\n   \tb()\n   }\n   ```\n", []docs.Fence{{Language: "go", Line: 4, Text: "if a {\n\tb()\n}"}}},
		{"a shorter fence inside", "````md\n```go\na\n```\n````", []docs.Fence{{Language: "md", Line: 2, Text: "```go\na\n```"}}},
		{"tildes", "~~~go\n```\n~~~", []docs.Fence{{Language: "go", Line: 2, Text: "```"}}},
		{"Windows line ends", "```go\r\na\r\n```\r\n", []docs.Fence{{Language: "go", Line: 2, Text: "a"}}},
		{"never closed", "```go\na", []docs.Fence{{Language: "go", Line: 2, Text: "a"}}},
		{"empty", "```go\n```", []docs.Fence{{Language: "go", Line: 2}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, docs.Parse("a.md", tt.text).Fences)
		})
	}
}

func TestProseKeepsLineNumbersAndLeavesFencesOut(t *testing.T) {
	doc := docs.Parse("a.md", "a\n```go\nb\n```\nc")

	require.Equal(t, []string{"a", "", "", "", "c"}, doc.Prose)
}

func TestAnchors(t *testing.T) {
	doc := docs.Parse("a.md", "# Release a *mini program*\n## `Wait`, and what it returns\n### Done ##\n#no heading\n```sh\n# a comment\n```\n")

	require.Equal(t, map[string]bool{"release-a-mini-program": true, "wait-and-what-it-returns": true, "done": true}, doc.Anchors())
}

func TestDocumentsReadsMarkdownOnly(t *testing.T) {
	all, err := docs.Documents(fstest.MapFS{
		"README.md":             {Data: []byte("a")},
		"examples/x/README.md":  {Data: []byte("b")},
		"examples/x/main.go":    {Data: []byte("c")},
		"testdata/x.md":         {Data: []byte("d")},
		".git/description.md":   {Data: []byte("e")},
		".github/ISSUE_FORM.md": {Data: []byte("f")},
	})

	require.NoError(t, err)
	var paths []string
	for _, doc := range all {
		paths = append(paths, doc.Path)
	}
	require.Equal(t, []string{".github/ISSUE_FORM.md", "README.md", "examples/x/README.md"}, paths)
}

func FuzzParse(f *testing.F) {
	f.Add("a\n```go\nx\n```\n[a](b.md#c)\n")
	f.Add("   ~~~~ go\n ~~~\n  x\n~~~~")
	f.Fuzz(func(t *testing.T, text string) {
		doc := docs.Parse("a.md", text)

		for _, fence := range doc.Fences {
			require.Greater(t, fence.Line, 1)
			require.LessOrEqual(t, fence.Line, len(doc.Prose)+1)
		}
		doc.Anchors()
		docs.BrokenLinks(fstest.MapFS{}, []docs.Document{doc})
	})
}
