// Package docs keeps what users read true: Go snippets in Markdown compile, links lead somewhere, exported names have
// doc comments, and no file names the machine that it was written on.
//
// Its tests check this repository; no other package imports it.
package docs

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// Document is one Markdown file, taken apart.
type Document struct {
	// Path is slash-separated and relative to the root of the repository.
	Path string
	// Prose holds the lines outside of fences; a line inside one is empty here, so that an index is a line number less one.
	Prose []string
	// Fences are the code blocks, in order.
	Fences []Fence
}

// Fence is one fenced code block.
type Fence struct {
	// Language is the first word behind the opening fence, "" without one.
	Language string
	// Line is the line of the block's first line of text, counted from 1.
	Line int
	// Text is the block's text without its fences and without the indentation of a list item.
	Text string
}

// Documents reads every Markdown file of repo, leaving out testdata and what git keeps for itself.
func Documents(repo fs.FS) ([]Document, error) {
	var all []Document
	err := walk(repo, func(name string) error {
		if path.Ext(name) != ".md" {
			return nil
		}
		text, err := fs.ReadFile(repo, name)
		all = append(all, Parse(name, string(text)))
		return err
	})
	return all, err
}

// walk calls visit for each file of repo but those in testdata and .git, which is a file in a linked work tree.
func walk(repo fs.FS, visit func(name string) error) error {
	return fs.WalkDir(repo, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.Type().IsRegular() && name != ".git":
			return visit(name)
		}
		return nil
	})
}

// Parse takes the Markdown text of the file at name apart. A fence that is never closed ends with the text.
func Parse(name, text string) Document {
	doc := Document{Path: name}
	var open string // what closes the fence that is open
	var indent int
	var body []string
	closeFence := func() {
		last := &doc.Fences[len(doc.Fences)-1]
		last.Text = strings.Join(body, "\n")
		open, body = "", nil
	}
	number := 0
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		number++
		trimmed := strings.TrimLeft(line, " ")
		prose := ""
		switch marker := fenceMarker(trimmed); {
		case open == "" && marker != "":
			open, indent = marker, len(line)-len(trimmed)
			language, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(trimmed, marker)), " ")
			doc.Fences = append(doc.Fences, Fence{Language: language, Line: number + 1})
		case open == "":
			prose = line
		case strings.HasPrefix(marker, open) && strings.TrimSpace(trimmed) == marker:
			closeFence()
		default:
			body = append(body, line[min(indent, len(line)-len(trimmed)):])
		}
		doc.Prose = append(doc.Prose, prose)
	}
	if open != "" {
		closeFence()
	}
	return doc
}

// fenceMarker returns the run of three or more backquotes or tildes that line begins with, or "".
func fenceMarker(line string) string {
	for _, char := range []string{"`", "~"} {
		if n := len(line) - len(strings.TrimLeft(line, char)); n >= 3 {
			return line[:n]
		}
	}
	return ""
}

// Anchors returns what a link behind "#" may name in the document: its headings, spelled as GitHub spells them.
func (d Document) Anchors() map[string]bool {
	heading := regexp.MustCompile(`^#{1,6}\s+(.+?)\s*#*$`)
	dropped := regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
	anchors := make(map[string]bool)
	for _, line := range d.Prose {
		if match := heading.FindStringSubmatch(line); match != nil {
			anchors[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(match[1]), ""), " ", "-")] = true
		}
	}
	return anchors
}
