package docs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/format"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Checker type-checks Go snippets against the packages of a module, as a user of the module would compile them.
// It needs the go command, and nothing from the network that the module's own tests do not need.
type Checker struct {
	module   string
	preamble string
	fset     *token.FileSet
	imports  types.Importer
	exports  map[string]string
}

// NewChecker returns a checker for the module in the directory module. The preamble is a Go file: its imports and its
// package-level variables are there for every snippet that does not begin with "package" or "import". The context
// ends the go commands that the checker runs.
func NewChecker(ctx context.Context, module, preamble string) *Checker {
	c := &Checker{module: module, preamble: preamble, fset: token.NewFileSet(), exports: make(map[string]string)}
	c.imports = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) { return c.exportData(ctx, path) })
	return c
}

// Check returns what is wrong with a snippet of the document at name: it does not compile, it imports
// what a user cannot import, or gofmt would change it. Positions are the document's. A variable or an import that
// is not used is no error, for a snippet shows a part of a program.
func (c *Checker) Check(name string, snippet Fence) error {
	file, err := c.parse(name, snippet)
	if err != nil {
		return err
	}
	var errs []error
	for _, spec := range file.Imports {
		if slices.Contains(strings.Split(strings.Trim(spec.Path.Value, `"`), "/"), "internal") {
			errs = append(errs, fmt.Errorf("%s: users cannot import %s", c.fset.Position(spec.Pos()), spec.Path.Value))
		}
	}
	config := types.Config{Importer: c.imports, Error: func(err error) {
		if typeErr, ok := errors.AsType[types.Error](err); !ok || !typeErr.Soft {
			errs = append(errs, err)
		}
	}}
	_, _ = config.Check("snippet", c.fset, []*ast.File{file}, nil) // the first of errs again
	if formatted, err := format.Source([]byte(snippet.Text)); err == nil && strings.TrimRight(string(formatted), "\n") != snippet.Text {
		errs = append(errs, fmt.Errorf("%s:%d: gofmt would change this snippet to\n%s", name, snippet.Line, formatted))
	}
	return errors.Join(errs...)
}

// parse makes a Go file of a snippet, which may be a whole file, a file without its package clause, declarations, or
// statements of a function that returns an error.
func (c *Checker) parse(name string, snippet Fence) (*ast.File, error) {
	at := fmt.Sprintf("\n//line %s:%d\n", name, snippet.Line)
	switch first := firstWord(snippet.Text); first {
	case "package":
		return c.parseFile(at + snippet.Text)
	case "import":
		return c.parseFile("package snippet" + at + snippet.Text)
	}
	if file, err := c.parseFile(c.preamble + at + snippet.Text); err == nil {
		return file, nil
	}
	return c.parseFile(c.preamble + "\nfunc _() error {" + at + snippet.Text + "\nreturn nil\n}\n")
}

func (c *Checker) parseFile(src string) (*ast.File, error) {
	return parser.ParseFile(c.fset, "preamble.go.txt", src, parser.SkipObjectResolution)
}

// firstWord returns the first word of src that is not in a line comment.
func firstWord(src string) string {
	for line := range strings.Lines(src) {
		if words := strings.Fields(line); len(words) > 0 && !strings.HasPrefix(words[0], "//") {
			return words[0]
		}
	}
	return ""
}

// exportData opens what the compiler wrote down about the package at path; go/importer asks for it.
func (c *Checker) exportData(ctx context.Context, path string) (io.ReadCloser, error) {
	if c.exports[path] == "" {
		if err := c.list(ctx, path); err != nil {
			return nil, err
		}
	}
	return os.Open(c.exports[path])
}

// list has the go command compile the package at path and notes its export data and that of all it imports.
func (c *Checker) list(ctx context.Context, path string) error {
	//nolint:gosec // the path is from a document of this repository
	cmd := exec.CommandContext(ctx, "go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "--", path)
	cmd.Dir = c.module
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list -export %s: %w\n%s", path, err, stderr.Bytes())
	}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		c.exports[name] = file
	}
	return nil
}
