package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus/rollout/report"
)

//go:embed samples/ship.yaml samples/service.yaml samples/alipayplus.yaml
var samples embed.FS

// initialize is the command that writes files to begin with.
func (a *app) initialize() *cobra.Command {
	return &cobra.Command{
		Use: "init [FOLDER]", Short: "Write ship.yaml, service.yaml and alipayplus.yaml to begin with",
		Long: `Write a sample of each file that the tool reads: ship.yaml, service.yaml and
alipayplus.yaml. Their comments say what each field is. A file that is there already
stays as it is.`,
		Example: "  alipayplus init",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return misused("give one folder, or none for the present one")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			folder := "."
			if len(args) > 0 {
				folder = args[0]
			}
			return a.writeSamples(folder)
		},
	}
}

func (a *app) writeSamples(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // of a repository
		return failure{err}
	}
	for _, name := range []string{"ship.yaml", "service.yaml", "alipayplus.yaml"} {
		path := filepath.Join(folder, name)
		word := "written"
		err := writeSample(name, path)
		if errors.Is(err, fs.ErrExist) {
			word, err = "kept   ", nil
		}
		if err != nil {
			return failure{err}
		}
		if _, err := fmt.Fprintf(a.stdout, "%s %s\n", word, report.OneLine(path)); err != nil {
			return failure{fmt.Errorf("print the result: %w", err)}
		}
	}
	return nil
}

// writeSample writes a sample to a path where nothing is.
func writeSample(name, path string) error {
	content, err := samples.ReadFile("samples/" + name)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // for everybody who works in the repository
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}
