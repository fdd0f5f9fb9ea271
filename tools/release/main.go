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
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case *develop && (*check || flags.NArg() > 0), !*develop && flags.NArg() != 1:
		return errors.New("give a version, -check and a version, or -develop")
	}
	version := flags.Arg(0)
	if !*develop && (version == "" || semver.Canonical(version) != version || semver.Compare(version, "v2") >= 0) {
		return fmt.Errorf("%q is no version such as v0.2.0", version)
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
	if err := repo.tag(version, repo.published()); err != nil {
		return err
	}
	if *check {
		for _, line := range repo.changes() {
			fmt.Fprintln(out, line)
		}
		if len(repo.edited) > 0 {
			return fmt.Errorf("%d files are not as %s needs them", len(repo.edited), version)
		}
		return nil
	}
	fmt.Fprintf(out, "Commit what has changed, then:\n\n")
	for _, m := range repo.published() {
		fmt.Fprintf(out, "git tag %s\n", m.in(version))
	}
	return repo.write(root)
}
