package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/manifest"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// checkedFile is a file that validate has read.
type checkedFile struct {
	// File is its name.
	File string `json:"file"`
	// Kind is what it was taken for: ship, service, rollout or config.
	Kind string `json:"kind"`
	// OK says that nothing is wrong in it.
	OK bool `json:"ok"`
	// Faults are what is wrong in it, in the order of the file.
	Faults []manifest.Fault `json:"faults"`
}

// The kinds of files.
const (
	kindShip    = "ship"
	kindService = "service"
	kindRollout = "rollout"
	kindConfig  = "config"
)

// validate is the command that checks files, without a call.
func (a *app) validate() *cobra.Command {
	kind := choice{of: []string{kindShip, kindService, kindRollout, kindConfig}}
	cmd := &cobra.Command{
		Use: "validate FILE...", Short: "Check ship files, services, rollout specs and configurations",
		Long: `Check ship files, services, rollout specs and configurations, and find all that is
wrong in them. Nobody is called, and files that they name need not be there, but for
that of rolloutFile.

Each fault is a line on standard error, file:line:column: what is wrong. With faults
the exit status is 2. What a file is, its fields tell; --kind says it.`,
		Example: "  alipayplus validate ship.yaml service.yaml\n  alipayplus validate --kind rollout release.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misused("give the files to check: alipayplus validate ship.yaml")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			var files []checkedFile
			faults := 0
			for _, name := range args {
				for _, file := range checkFile(name, kind.value, cmd.Root()) {
					files = append(files, file)
					for _, f := range file.Faults {
						faults++
						_, _ = fmt.Fprintf(a.stderr, "%s:%d:%d: %s\n", report.OneLine(file.File), f.Line, f.Column, report.OneLine(f.String()))
					}
				}
			}
			if err := a.print(cmd, files); err != nil {
				return err
			}
			if faults > 0 {
				return misused("%s; correct them", counted(faults, "fault"))
			}
			return nil
		},
	}
	a.result(cmd, []checkedFile{}, "file", "kind", "ok")
	cmd.Flags().Var(&kind, "kind", "what the files are, `ship|service|rollout|config`; without it, their fields tell")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(kind.of, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// checkFile checks a file, and the rollout spec that a ship file names.
func checkFile(name, kind string, root *cobra.Command) []checkedFile {
	content, err := os.ReadFile(name) //nolint:gosec // the caller says which
	if err != nil {
		return []checkedFile{checkedAs(name, kind, err)}
	}
	if kind == "" {
		if kind = kindOf(content); kind == "" {
			return []checkedFile{checkedAs(name, kind, errors.New("has the fields of none of ship, service, rollout and config; say by --kind what it is"))}
		}
	}
	switch kind {
	case kindShip:
		ship, err := manifest.ParseShip(content)
		files := []checkedFile{checkedAs(name, kind, err)}
		if err == nil && ship.RolloutFile != "" {
			files = append(files, checkFile(besides(name, ship.RolloutFile), kindRollout, root)...)
		}
		return files
	case kindService:
		_, err = manifest.ParseService(content)
	case kindRollout:
		_, err = manifest.ParseSpec(content)
	default:
		_, err = parseConfig(content, keys(root))
	}
	return []checkedFile{checkedAs(name, kind, err)}
}

// besides is a path that begins in the folder of a file.
func besides(file, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

var errorLine = regexp.MustCompile(`^(?:yaml: )?line ([0-9]+): `)

// checkedAs is a file with what an error says about it.
func checkedAs(name, kind string, err error) checkedFile {
	checked := checkedFile{File: name, Kind: kind, OK: err == nil, Faults: []manifest.Fault{}}
	if wrong, ok := errors.AsType[*manifest.Error](err); ok {
		checked.Faults = wrong.Faults
	} else if err != nil {
		fault := manifest.Fault{Line: 1, Column: 1, Message: err.Error()}
		if found := errorLine.FindStringSubmatch(fault.Message); found != nil {
			fault.Line, _ = strconv.Atoi(found[1])
			fault.Message = strings.TrimPrefix(fault.Message, found[0])
		}
		checked.Faults = []manifest.Fault{fault}
	}
	return checked
}

// kindOf is the kind of a file by the names of its fields; empty when they do not tell.
func kindOf(content []byte) string {
	var document yaml.Node
	if yaml.Unmarshal(content, &document) != nil || len(document.Content) == 0 || document.Content[0].Kind != yaml.MappingNode {
		return ""
	}
	var names []string
	for i := 0; i < len(document.Content[0].Content); i += 2 {
		names = append(names, document.Content[0].Content[i].Value)
	}
	for _, k := range []struct {
		kind   string
		fields []string
	}{
		{kindRollout, []string{"steps", "gates"}},
		{kindShip, []string{"program", "release", "rolloutFile", "qrCode"}},
		{kindService, []string{"industry", "paymentInformation", "applicableApps"}},
		{kindConfig, []string{"platform", "alipaycn", "rollout", "ship"}},
	} {
		if slices.ContainsFunc(k.fields, func(field string) bool { return slices.Contains(names, field) }) {
			return k.kind
		}
	}
	return ""
}

// counted is a number with its word: "1 fault", "2 faults".
func counted(n int, word string) string {
	if n != 1 {
		word += "s"
	}
	return fmt.Sprintf("%d %s", n, word)
}
