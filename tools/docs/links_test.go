package docs_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/tools/docs"
)

func TestBrokenLinks(t *testing.T) {
	repo := fstest.MapFS{
		"docs/guide.md": {Data: []byte("## The Ladder\n")},
		"docs/map.png":  {},
		"README.md":     {},
	}
	tests := []struct {
		name, line string
		want       []string
	}{
		{"a file", "[a](guide.md)", nil},
		{"a directory", "[a](../docs/)", nil},
		{"a file above", "[a](../README.md)", nil},
		{"a heading", "[a](guide.md#the-ladder)", nil},
		{"a heading here", "## Here\n[a](#here)", nil},
		{"a line of code", "[a](map.png#L3)", nil},
		{"another host", "[a](https://example.com/none.md#none) <mailto:a@example.com>", nil},
		{"in a code span", "`[a](none.md)`", nil},
		{"in a fence", "```md\n[a](none.md)\n```", nil},

		{"no file", "[a](none.md)", []string{"docs/x.md:1: link none.md: there is no such file"}},
		{"no file behind a title", `[a](none.md "title")`, []string{"docs/x.md:1: link none.md: there is no such file"}},
		{"an image", "\n![a](none.png)", []string{"docs/x.md:2: link none.png: there is no such file"}},
		{"an image in HTML", `<img width="3" src="none.png">`, []string{"docs/x.md:1: link none.png: there is no such file"}},
		{"a definition", "[a]: none.md", []string{"docs/x.md:1: link none.md: there is no such file"}},
		{"two on a line", "[a](n.md) [b](m.md)", []string{"docs/x.md:1: link n.md: there is no such file", "docs/x.md:1: link m.md: there is no such file"}},
		{"no heading", "[a](guide.md#none)", []string{"docs/x.md:1: link guide.md#none: there is no such heading"}},
		{"no heading here", "[a](#none)", []string{"docs/x.md:1: link #none: there is no such heading"}},
		{"above the repository", "[a](../../x.md)", []string{"docs/x.md:1: link ../../x.md: there is no such file"}},
		{"absolute", "[a](/docs/guide.md)", []string{"docs/x.md:1: link /docs/guide.md: it is absolute; name the file relative to the document"}},
		{"no URL", "[a](%zz)", []string{"docs/x.md:1: link %zz: it is no URL"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// given a document with this line beside one with a heading
			guide := docs.Parse("docs/guide.md", "## The Ladder\n")
			doc := docs.Parse("docs/x.md", tt.line)

			// when their links are followed, then exactly the broken ones are reported
			require.Equal(t, tt.want, docs.BrokenLinks(repo, []docs.Document{guide, doc}))
		})
	}
}
