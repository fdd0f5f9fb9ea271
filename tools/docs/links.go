package docs

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// BrokenLinks returns one line for each link of documents that leads nowhere: to a file that repo does not hold, or to a
// heading that the document linked to does not have. Links to other hosts are not followed.
func BrokenLinks(repo fs.FS, documents []Document) []string {
	anchors := make(map[string]map[string]bool)
	for _, doc := range documents {
		anchors[doc.Path] = doc.Anchors()
	}
	var broken []string
	for _, doc := range documents {
		for i, line := range doc.Prose {
			for _, link := range linksIn(line) {
				if why := brokenBecause(repo, anchors, doc.Path, link); why != "" {
					broken = append(broken, fmt.Sprintf("%s:%d: link %s: %s", doc.Path, i+1, link, why))
				}
			}
		}
	}
	return broken
}

// linksIn returns the targets of the links, images and link definitions of one line, leaving out code spans.
func linksIn(line string) []string {
	line = regexp.MustCompile("`[^`]*`").ReplaceAllString(line, "code")
	var links []string
	for _, form := range []*regexp.Regexp{
		regexp.MustCompile(`\]\(\s*<?([^)\s>]+)`),                     // [text](target "title")
		regexp.MustCompile(`^\s*\[[^\]^]+\]:\s*<?([^\s>]+)`),          // [name]: target
		regexp.MustCompile(`<(?:a|img)\s[^>]*(?:href|src)="([^"]+)"`), // <img src="target">
	} {
		for _, match := range form.FindAllStringSubmatch(line, -1) {
			links = append(links, match[1])
		}
	}
	return links
}

// brokenBecause says why link, found in the document at from, leads nowhere, or "".
func brokenBecause(repo fs.FS, anchors map[string]map[string]bool, from, link string) string {
	target, err := url.Parse(link)
	switch {
	case err != nil:
		return "it is no URL"
	case target.IsAbs():
		return ""
	case strings.HasPrefix(link, "/"):
		return "it is absolute; name the file relative to the document"
	}
	name := from
	if target.Path != "" {
		name = path.Join(path.Dir(from), target.Path)
		if _, err := fs.Stat(repo, name); err != nil {
			return "there is no such file"
		}
	}
	if target.Fragment != "" && path.Ext(name) == ".md" && !anchors[name][target.Fragment] {
		return "there is no such heading"
	}
	return ""
}
