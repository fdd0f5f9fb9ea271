package platform

import (
	_ "embed" // the pages
	"html/template"
)

//go:embed pages.html
var pagesHTML string

// pageTemplates are the pages "select", "confirm", "done" and "failed".
func pageTemplates() *template.Template {
	return template.Must(template.New("pages").Parse(pagesHTML))
}
