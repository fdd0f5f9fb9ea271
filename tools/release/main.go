// Command release makes the go.mod and go.sum files of the nested modules fit to be tagged, and fit for work again:
//
//	go run ./tools/release v0.2.0         # they require that version of this repository's modules, and replace nothing
//	go run ./tools/release -check v0.2.0  # prints what that would change, and fails if it is anything
//	go run ./tools/release -develop       # they require this checkout
//
// All modules are tagged with one version at one commit. That is possible because the archive of a module, whose hash is
// in go.sum, does not contain the modules below it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/mod/semver"
)

// developers is the folder whose modules are never tagged.
const developers = "tools"

func main() {
	if err := run(".", os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run works on the repository in the folder root.
func run(root string, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(out)
	check := flags.Bool("check", false, "print what would change, and fail if it is anything")
	develop := flags.Bool("develop", false, "require this checkout")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	if *develop && (*check || flags.NArg() > 0) || !*develop && flags.NArg() != 1 {
		return errors.New("give a version, -check and a version, or -develop")
	}
	repo, err := read(root)
	if err != nil {
		return err
	}
	if *develop {
		if err := repo.develop(); err != nil {
			return err
		}
		return repo.write(root)
	}
	return tag(root, repo, flags.Arg(0), *check, out)
}

func tag(root string, repo *repository, version string, check bool, out io.Writer) error {
	if semver.Canonical(version) != version || semver.Compare(version, "v0.0.0-0") < 0 || semver.Compare(version, "v2.0.0-0") >= 0 {
		return fmt.Errorf("%q is no version such as v0.2.0", version)
	}
	if err := repo.tag(version, repo.published()); err != nil {
		return err
	}
	if check {
		return printChanges(repo, version, out)
	}
	if _, err := fmt.Fprint(out, "Commit what has changed, then:\n\n"); err != nil {
		return err
	}
	for _, m := range repo.published() {
		if _, err := fmt.Fprintln(out, "git tag", m.in(version)); err != nil {
			return err
		}
	}
	return repo.write(root)
}

func printChanges(repo *repository, version string, out io.Writer) error {
	if len(repo.edited) == 0 {
		return nil
	}
	if _, err := io.WriteString(out, strings.Join(repo.changes(), "\n")+"\n"); err != nil {
		return err
	}
	return fmt.Errorf("%d files are not as %s needs them", len(repo.edited), version)
}
