package alipayplus

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// status is what all four status types can do.
type status[S any] interface {
	~string
	Known() bool
	Terminal() bool
	CanBecome(next S) bool
}

// moves is one type's transition table, written out once more: from each status to all it can become.
type moves[S status[S]] map[S][]S

// check compares all pairs, those of unknown statuses too.
func (m moves[S]) check(t *testing.T) {
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
		"NEW_VERSION_CREATED": {"UNDER_REVIEW"},
		"UNDER_REVIEW":        {"RELEASE_PREPARATION", "NEW_VERSION_CREATED"},
		"RELEASE_PREPARATION": {"GRAYSCALE_RELEASE", "FULL_RELEASE", "CANCELED"},
		"GRAYSCALE_RELEASE":   {"GRAYSCALE_RELEASE", "FULL_RELEASE", "CANCELED"},
		"FULL_RELEASE":        {"ARCHIVED"},
		"CANCELED":            {},
		"ARCHIVED":            {},
	}.check(t)
}

func TestHowAServiceMoves(t *testing.T) {
	moves[ServiceStatus]{
		"DRAFT":          {"PENDING_REVIEW"},
		"TURNED_DOWN":    {"PENDING_REVIEW"},
		"WITHDRAWN":      {"PENDING_REVIEW"},
		"PENDING_REVIEW": {"ONLINE", "TURNED_DOWN", "WITHDRAWN"},
		"ONLINE":         {"ARCHIVED"},
		"ARCHIVED":       {},
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
		"PENDING":        {"PENDING", "AUTHORIZED", "NOT_AUTHORIZED"},
		"AUTHORIZED":     {"REVOKED"},
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
		"# How a request moves":        lines(requestTransitions()),
		"# How an authorization moves": lines(authorizationTransitions()),
	}, documented)
}

// Every status that is declared is in its table, and so is Known.
func TestEveryDeclaredStatusIsKnown(t *testing.T) {
	declared := declaredConstants(t, "ReleaseStatus", "ServiceStatus", "RequestStatus", "AuthorizationStatus")
	require.Len(t, declared["ReleaseStatus"], 7)
	require.Len(t, declared["ServiceStatus"], 6)
	require.Len(t, declared["RequestStatus"], 4)
	require.Len(t, declared["AuthorizationStatus"], 4)
	listed := ReleaseStatuses()
	require.Len(t, listed, 7)
	for _, s := range declared["ReleaseStatus"] {
		require.True(t, ReleaseStatus(s).Known(), s)
		require.Contains(t, listed, ReleaseStatus(s))
	}
	for _, s := range declared["ServiceStatus"] {
		require.True(t, ServiceStatus(s).Known(), s)
	}
	for _, s := range declared["RequestStatus"] {
		require.True(t, RequestStatus(s).Known(), s)
	}
	for _, s := range declared["AuthorizationStatus"] {
		require.True(t, AuthorizationStatus(s).Known(), s)
	}
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

// declaredConstants returns the values of the package's string constants of the given types, by type.
func declaredConstants(t *testing.T, types ...string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if of, ok := spec.Type.(*ast.Ident); ok && slices.Contains(types, of.Name) {
				for _, value := range spec.Values {
					if text, ok := value.(*ast.BasicLit); ok {
						found[of.Name] = append(found[of.Name], strings.Trim(text.Value, `"`))
					}
				}
			}
			return true
		})
	}
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
