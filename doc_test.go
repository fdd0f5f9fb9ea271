package alipayplus

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// status is what all status types can do.
type status[S any] interface {
	~string
	Known() bool
	Terminal() bool
	CanBecome(next S) bool
}

// moves is one type's transition table, written out once more: from each status to all it can become.
type moves[S status[S]] map[S][]S

// check compares all pairs, those of unknown statuses too. Every status that is declared is in the table.
func (m moves[S]) check(t *testing.T) {
	t.Helper()
	require.ElementsMatch(t, declaredConstants[S](t), slices.Collect(maps.Keys(m)))
	unknown := []S{"", "OTHER"}
	all := slices.Clone(unknown)
	for s := range m {
		all = append(all, s)
	}
	for _, from := range all {
		require.Equal(t, !slices.Contains(unknown, from), from.Known(), "%q", from)
		require.Equal(t, from.Known() && len(m[from]) == 0, from.Terminal(), "%q", from)
		for _, to := range all {
			require.Equal(t, slices.Contains(m[from], to), from.CanBecome(to), "%q to %q", from, to)
		}
	}
}

func TestHowAReleaseMoves(t *testing.T) {
	moves[ReleaseStatus]{
		"NEW_VERSION_CREATED": {"UNDER_REVIEW", "DELETED"},
		"UNDER_REVIEW":        {"RELEASE_PREPARATION", "NEW_VERSION_CREATED"},
		"RELEASE_PREPARATION": {"GRAYSCALE_RELEASE", "FULL_RELEASE", "CANCELED", "NEW_VERSION_CREATED"},
		"GRAYSCALE_RELEASE":   {"GRAYSCALE_RELEASE", "FULL_RELEASE", "CANCELED", "RELEASE_PREPARATION"},
		"FULL_RELEASE":        {"ARCHIVED"},
		"CANCELED":            {},
		"ARCHIVED":            {"FULL_RELEASE"},
		"DELETED":             {},
	}.check(t)
}

func TestHowAServiceMoves(t *testing.T) {
	moves[ServiceStatus]{
		"DRAFT":          {"PENDING_REVIEW"},
		"TURNED_DOWN":    {"PENDING_REVIEW"},
		"WITHDRAWN":      {"PENDING_REVIEW"},
		"PENDING_REVIEW": {"ONLINE", "TURNED_DOWN", "WITHDRAWN"},
		"ONLINE":         {"ONLINE", "ARCHIVED"},
		"ARCHIVED":       {},
	}.check(t)
}

func TestHowAnOrderMoves(t *testing.T) {
	moves[OrderStatus]{
		"NEW_ORDER":            {"PENDING_CONFIRMATION", "CANCELED"},
		"PENDING_CONFIRMATION": {"IN_DEVELOPMENT", "CANCELED", "NEW_ORDER"},
		"IN_DEVELOPMENT":       {"UNDER_APPROVAL", "CANCELED"},
		"UNDER_APPROVAL":       {"COMPLETED", "IN_DEVELOPMENT", "CANCELED"},
		"COMPLETED":            {},
		"CANCELED":             {},
	}.check(t)
}

func TestHowARequestMoves(t *testing.T) {
	moves[RequestStatus]{
		"UNDER_REVIEW": {"APPROVED", "REJECTED", "WITHDRAWN"},
		"APPROVED":     {},
		"REJECTED":     {},
		"WITHDRAWN":    {},
	}.check(t)
}

func TestHowAnAuthorizationMoves(t *testing.T) {
	moves[AuthorizationStatus]{
		"NOT_AUTHORIZED": {"PENDING"},
		"PENDING":        {"PENDING", "AUTHORIZED", "DECLINED", "NOT_AUTHORIZED"},
		"AUTHORIZED":     {"REVOKED"},
		"DECLINED":       {"PENDING"},
		"REVOKED":        {"PENDING"},
	}.check(t)
}

// lines writes a table as the package documentation shows it, with single spaces.
func lines[S ~string](table []transition[S]) []string {
	text := []string{"from by to"}
	for _, move := range table {
		text = append(text, strings.Join([]string{string(move.from), move.by, string(move.to)}, " "))
	}
	return text
}

// The tables in the package documentation are the rules, word for word.
func TestTheDocumentedTablesAreTheRules(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	require.NoError(t, err)
	documented := map[string][]string{}
	heading := ""
	for line := range strings.SplitSeq(file.Doc.Text(), "\n") {
		switch {
		case strings.HasPrefix(line, "# "):
			heading = line
		case strings.HasPrefix(line, "\t"):
			documented[heading] = append(documented[heading], strings.Join(strings.Fields(line), " "))
		}
	}
	require.Equal(t, map[string][]string{
		"# How a release moves":        lines(releaseTransitions()),
		"# How a service moves":        lines(serviceTransitions()),
		"# How an order moves":         lines(orderTransitions()),
		"# How a request moves":        lines(requestTransitions()),
		"# How an authorization moves": lines(authorizationTransitions()),
	}, documented)
}

func TestReleaseStatusesAreAllThatAreDeclared(t *testing.T) {
	require.ElementsMatch(t, declaredConstants[ReleaseStatus](t), ReleaseStatuses())
}

// sources parses the package's files, tests aside.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		files = append(files, file)
	}
	return files
}

// declaredConstants returns the values of the package's constants of a type.
func declaredConstants[S ~string](t *testing.T) (found []S) {
	t.Helper()
	name := reflect.TypeFor[S]().Name()
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if of, ok := spec.Type.(*ast.Ident); ok && of.Name == name {
				for _, value := range spec.Values {
					if text, ok := value.(*ast.BasicLit); ok {
						found = append(found, S(strings.Trim(text.Value, `"`)))
					}
				}
			}
			return true
		})
	}
	require.NotEmpty(t, found)
	return found
}

// methodReceivers returns the names of the exported types that have a method of the given name.
func methodReceivers(t *testing.T, method string) []string {
	t.Helper()
	var names []string
	for _, file := range sources(t) {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != method {
				continue
			}
			of := f.Recv.List[0].Type
			if pointer, ok := of.(*ast.StarExpr); ok {
				of = pointer.X
			}
			if name, ok := of.(*ast.Ident); ok && name.IsExported() {
				names = append(names, name.Name)
			}
		}
	}
	require.NotEmpty(t, names)
	return names
}
