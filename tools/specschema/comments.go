package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// comments are the doc comments of packages by "package.Type" and "package.Type.Field".
type comments map[string]string

// readComments reads the doc comments of the types in folders.
func readComments(folders ...string) (comments, error) {
	c := make(comments)
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			return nil, err
		}
		before := len(c)
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			for _, decl := range file.Decls {
				if types, ok := decl.(*ast.GenDecl); ok && types.Tok == token.TYPE {
					c.add(file.Name.Name, types)
				}
			}
		}
		if len(c) == before {
			return nil, fmt.Errorf("%s has no documented types", folder)
		}
	}
	return c, nil
}

// add takes the comments of a declaration of types in a package.
func (c comments) add(in string, types *ast.GenDecl) {
	for _, spec := range types.Specs {
		declared, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		name := in + "." + declared.Name.Name
		c[name] = plain(types.Doc)
		if declared.Doc != nil {
			c[name] = plain(declared.Doc)
		}
		fields, ok := declared.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, field := range fields.Fields.List {
			for _, of := range field.Names {
				c[name+"."+of.Name] = plain(field.Doc)
			}
		}
	}
}

// of is the comment of a type, or of a field of it.
func (c comments) of(t reflect.Type, field string) string {
	if field == "" {
		return c[t.String()]
	}
	return c[t.String()+"."+field]
}

// link is a link of a doc comment.
var link = regexp.MustCompile(`\[\*?([A-Za-z][\w.]*)\]`)

// plain is a comment in one line, without links. Paragraphs stay apart.
func plain(doc *ast.CommentGroup) string {
	paragraphs := strings.Split(strings.TrimSpace(doc.Text()), "\n\n")
	for i, p := range paragraphs {
		paragraphs[i] = link.ReplaceAllString(strings.Join(strings.Fields(p), " "), "$1")
	}
	return strings.Join(paragraphs, "\n\n")
}
