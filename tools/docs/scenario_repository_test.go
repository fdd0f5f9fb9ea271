package docs_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/tools/docs"
)

// repository is where this repository's files are, seen from the tests of this package.
const repository = "../.."

func TestGoSnippetsOfThisRepositoryCompile(t *testing.T) {
	general := checkerWith(t, "preamble.go.txt")
	// Names differ there: client, for example.
	ofFolder := map[string]*docs.Checker{
		"alipaycn": checkerWith(t, "alipaycn.go.txt"),
		"rollout":  checkerWith(t, "rollout.go.txt"),
	}

	for _, doc := range documents(t) {
		checker := general
		if folder, _, found := strings.Cut(doc.Path, "/"); found && ofFolder[folder] != nil {
			checker = ofFolder[folder]
		}
		for _, fence := range doc.Fences {
			if fence.Language == "go" {
				t.Run(doc.Path, func(t *testing.T) {
					require.NoError(t, checker.Check(doc.Path, fence))
				})
			}
		}
	}
}

// checkerWith returns a checker whose snippets may use what the file declares.
func checkerWith(t *testing.T, preamble string) *docs.Checker {
	t.Helper()
	text, err := os.ReadFile(preamble)
	require.NoError(t, err)
	checker := docs.NewChecker(t.Context(), repository, string(text))
	require.NoError(t, checker.Check(preamble, docs.Fence{Line: 1}), "the preamble has to compile without a snippet")
	return checker
}

func TestLinksOfThisRepositoryLeadSomewhere(t *testing.T) {
	require.Empty(t, docs.BrokenLinks(os.DirFS(repository), documents(t)))
}

func TestNothingInThisRepositoryNamesAMachine(t *testing.T) {
	found, err := docs.MachineNames(os.DirFS(repository))

	require.NoError(t, err)
	require.Empty(t, found)
}

func TestEveryExportedNameOfThisModuleIsDocumented(t *testing.T) {
	found, err := docs.Undocumented(os.DirFS(repository))

	require.NoError(t, err)
	for _, finding := range found {
		t.Error(finding)
	}
}

func documents(t *testing.T) []docs.Document {
	t.Helper()
	repo := os.DirFS(repository)
	_, err := fs.Stat(repo, "README.md")
	require.NoError(t, err, "the checks look at the wrong directory, or the repository has no README.md")

	all, err := docs.Documents(repo)
	require.NoError(t, err)
	return all
}
