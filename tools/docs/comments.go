package docs

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Finding is one exported name without a doc comment.
type Finding struct {
	// File is the slash-separated path of the source file, relative to the module's root.
	File string
	// Line is the line of the name, counted from 1.
	Line int
	// Name says what lacks a comment, as "field Release.ID".
	Name string
}

// String returns the finding in the form of a compiler's message.
func (f Finding) String() string {
	return fmt.Sprintf("%s:%d: %s has no doc comment", f.File, f.Line, f.Name)
}

// Undocumented returns the exported names in module that have no doc comment and that the linter (revive) does not
// report: fields, interface methods, constants and variables in a group, and methods such as Error and String. An
// editor shows these without the text around them. They are sorted by file and line.
//
// It reads every public package: not tests, programs, internal packages, testdata, hidden directories, or modules
// of their own. A name in a group, and a field, is covered by a comment above it or behind it; the group's comment
// covers none of them. Methods count where their receiver's type is exported. Embedded fields are covered by their
// type. An error means that the module could not be read or parsed.
func Undocumented(module fs.FS) ([]Finding, error) {
	var found []Finding
	err := fs.WalkDir(module, ".", func(dir string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case notPublic(module, dir):
			return fs.SkipDir
		}
		inDir, err := checkPackage(module, dir)
		found = append(found, inDir...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("check doc comments: %w", err)
	}
	slices.SortFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Name, b.Name))
	})
	return found, nil
}

// notPublic reports whether users cannot import what is in dir and below.
func notPublic(module fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if base == "internal" || base == "testdata" || base == "vendor" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(module, path.Join(dir, "go.mod"))
	return err == nil
}

func checkPackage(module fs.FS, dir string) ([]Finding, error) {
	c := checker{fset: token.NewFileSet()}
	files, err := c.parse(module, dir)
	if err != nil || len(files) == 0 || files[0].Name.Name == "main" {
		return nil, err
	}
	for _, file := range files {
		c.file(file)
	}
	return c.found, nil
}

// checker collects the findings of one package.
type checker struct {
	fset  *token.FileSet
	found []Finding
}

// parse reads the package's files, whatever their build constraints: a name for another system needs its comment too.
func (c *checker) parse(module fs.FS, dir string) ([]*ast.File, error) {
	entries, err := fs.ReadDir(module, dir)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := fs.ReadFile(module, path.Join(dir, name))
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(c.fset, path.Join(dir, name), src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func (c *checker) file(file *ast.File) {
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			c.method(d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				c.spec(d, spec)
			}
		}
	}
}

func (c *checker) method(d *ast.FuncDecl) {
	if d.Recv == nil || !d.Name.IsExported() || documented(d.Doc) {
		return
	}
	if receiver := receiverType(d.Recv.List[0].Type); ast.IsExported(receiver) {
		c.report(d.Name, "method", receiver+"."+d.Name.Name)
	}
}

func (c *checker) spec(d *ast.GenDecl, spec ast.Spec) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() {
			c.members(s.Name.Name, s.Type)
		}
	case *ast.ValueSpec:
		// The comment of a declaration without parentheses is the name's; one with them describes the group.
		if documented(s.Doc, s.Comment) || !d.Lparen.IsValid() && documented(d.Doc) {
			return
		}
		for _, name := range s.Names {
			if name.IsExported() {
				c.report(name, d.Tok.String(), name.Name)
			}
		}
	}
}

// members checks the fields and interface methods that typ, known to users as owner, lays open.
func (c *checker) members(owner string, typ ast.Expr) {
	switch t := typ.(type) {
	case *ast.StructType:
		for _, field := range t.Fields.List {
			c.member("field", owner, field)
		}
	case *ast.InterfaceType:
		for _, method := range t.Methods.List {
			c.member("method", owner, method)
		}
	case *ast.StarExpr:
		c.members(owner, t.X)
	case *ast.ArrayType:
		c.members(owner, t.Elt)
	case *ast.MapType:
		c.members(owner, t.Value)
	}
}

func (c *checker) member(kind, owner string, field *ast.Field) {
	for _, name := range field.Names {
		if !name.IsExported() {
			continue
		}
		if !documented(field.Doc, field.Comment) {
			c.report(name, kind, owner+"."+name.Name)
		}
		c.members(owner+"."+name.Name, field.Type)
	}
}

func (c *checker) report(at *ast.Ident, kind, name string) {
	pos := c.fset.Position(at.Pos())
	c.found = append(c.found, Finding{File: pos.Filename, Line: pos.Line, Name: kind + " " + name})
}

// documented reports whether one of the comments says something; a directive such as //nolint says nothing.
func documented(comments ...*ast.CommentGroup) bool {
	return slices.ContainsFunc(comments, func(g *ast.CommentGroup) bool {
		return strings.TrimSpace(g.Text()) != ""
	})
}

func receiverType(typ ast.Expr) string {
	switch t := typ.(type) {
	case *ast.StarExpr:
		return receiverType(t.X)
	case *ast.IndexExpr:
		return receiverType(t.X)
	case *ast.IndexListExpr:
		return receiverType(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}
