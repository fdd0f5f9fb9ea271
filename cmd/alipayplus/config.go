package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// configFile is read where it is and no other one is given.
const configFile = "alipayplus.yaml"

// sections are the sections of the configuration file, with the beginnings of the
// variables for which their keys stand: base-url in the section platform is for
// ALIPAYPLUS_BASE_URL.
func sections() map[string]string {
	all := flagSections()
	all["platform"], all["alipaycn"] = "ALIPAYPLUS_", "ALIPAYCN_"
	return all
}

// flagSections are the sections whose keys are the flags of the command, or of the group of
// commands, of that name.
func flagSections() map[string]string {
	return map[string]string{"rollout": "ALIPAYPLUS_ROLLOUT_", "serve": "ALIPAYPLUS_SERVE_", "ship": "ALIPAYPLUS_SHIP_"}
}

// keys are the keys of each section: what the library reads, and the flags of commands.
func keys(root *cobra.Command) map[string][]string {
	all := map[string][]string{
		"platform": {
			"base-url", "client-id", "private-key-file", "key-version", "platform-public-key-file", "platform-key-version", "attempt-timeout",
		},
		"alipaycn": {
			"endpoint", "app-id", "private-key-file", "public-key-file", "app-cert-file", "alipay-cert-file", "root-cert-file",
			"app-auth-token-file", "aes-key-file", "attempt-timeout",
		},
	}
	for _, cmd := range root.Commands() {
		if flagSections()[cmd.Name()] == "" {
			continue
		}
		var collect func(cmd *cobra.Command)
		collect = func(c *cobra.Command) {
			c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
				if f.Name != "help" && !slices.Contains(all[cmd.Name()], f.Name) {
					all[cmd.Name()] = append(all[cmd.Name()], f.Name)
				}
			})
			for _, sub := range c.Commands() {
				collect(sub)
			}
		}
		collect(cmd)
	}
	return all
}

// configure gives the flags of the command that are not given the values of their
// variables, which the configuration file may set.
func (a *app) configure(cmd *cobra.Command) (err error) {
	section := sectionOf(cmd)
	if section == "" { // its flags have no variables
		return nil
	}
	if err := a.settings(cmd); err != nil {
		return err
	}
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if err == nil && f.Name != "help" {
			variable := flagSections()[section] + variableName(f.Name)
			where := variable
			if a.fromFile[variable] {
				where = cmp.Or(cmd.Flag("config").Value.String(), configFile) + ": " + f.Name
			}
			err = fromVariable(f, variable, where)
		}
	})
	return err
}

// settings sets the variables that are not set to what the configuration file says, once.
func (a *app) settings(cmd *cobra.Command) error {
	if a.fromFile != nil {
		return nil
	}
	config := cmd.Flag("config")
	if err := fromVariable(config, "ALIPAYPLUS_CONFIG", "ALIPAYPLUS_CONFIG"); err != nil {
		return err
	}
	settings, err := readConfig(config.Value.String(), cmd.Root())
	if err != nil {
		return err
	}
	fromFile := make(map[string]bool)
	for _, variable := range slices.Sorted(maps.Keys(settings)) {
		// A key that is set in one form is not set in the other one besides.
		base, _ := strings.CutSuffix(variable, "_FILE")
		if os.Getenv(base) == "" && os.Getenv(base+"_FILE") == "" {
			if err := os.Setenv(variable, settings[variable]); err != nil {
				return err
			}
			fromFile[variable] = true
		}
	}
	a.fromFile = fromFile
	return nil
}

// sectionOf is the section of a command's flags: the name of the group that it is in.
func sectionOf(cmd *cobra.Command) string {
	for ; cmd.HasParent(); cmd = cmd.Parent() {
		if _, ok := flagSections()[cmd.Name()]; ok && cmd.Parent() == cmd.Root() {
			return cmd.Name()
		}
	}
	return ""
}

// fromVariable gives a flag that is not given the value of its variable; where is where a
// user finds that value.
func fromVariable(f *pflag.Flag, variable, where string) error {
	value := os.Getenv(variable)
	if f.Changed || value == "" {
		return nil
	}
	if err := f.Value.Set(value); err != nil {
		return misused("%s: %w", where, valueError(f, value, err))
	}
	return nil
}

// variableName is the end of the name of a variable.
func variableName(name string) string { return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) }

// readConfig reads the configuration file, and returns what it says by the names of
// variables. Without a name it reads alipayplus.yaml, if there is one.
func readConfig(name string, root *cobra.Command) (map[string]string, error) {
	given := name != ""
	if !given {
		name = configFile
	}
	content, err := os.ReadFile(name)
	if !given && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, misused("--config: %w", err)
	}
	settings, err := parseConfig(content, keys(root))
	if err != nil {
		return nil, misused("%s: %w", name, err)
	}
	return settings, nil
}

func parseConfig(content []byte, known map[string][]string) (map[string]string, error) {
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	settings := make(map[string]string)
	top := document.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: it must have the sections %s", top.Line, strings.Join(slices.Sorted(maps.Keys(sections())), ", "))
	}
	for i := 0; i < len(top.Content); i += 2 {
		name, values := top.Content[i], top.Content[i+1]
		prefix, ok := sections()[name.Value]
		if !ok {
			return nil, unknownKey(name, "section", slices.Sorted(maps.Keys(sections())))
		}
		if values.Kind != yaml.MappingNode {
			return nil, fmt.Errorf("line %d: %s must have keys and values", values.Line, name.Value)
		}
		for k := 0; k < len(values.Content); k += 2 {
			key, value := values.Content[k], values.Content[k+1]
			if err := checkKey(key, value, known[name.Value]); err != nil {
				return nil, err
			}
			variable := prefix + variableName(key.Value)
			if _, twice := settings[variable]; twice {
				return nil, fmt.Errorf("line %d: %s is given twice", key.Line, key.Value)
			}
			settings[variable] = value.Value
		}
	}
	return settings, nil
}

func checkKey(key, value *yaml.Node, known []string) error {
	if !slices.Contains(known, key.Value) {
		if slices.Contains(known, key.Value+"-file") { // not quoted: it is a secret in the wrong place
			return fmt.Errorf("line %d: a configuration holds no secrets: give %s-file, the name of a file with it", key.Line, key.Value)
		}
		return unknownKey(key, "key", known)
	}
	if value.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: %s must be one value", value.Line, key.Value)
	}
	return nil
}

func unknownKey(key *yaml.Node, what string, known []string) error {
	if meant := validation.Nearest(key.Value, known); meant != "" {
		return fmt.Errorf("line %d: there is no %s %q; did you mean %q?", key.Line, what, key.Value, meant)
	}
	return fmt.Errorf("line %d: there is no %s %q; there are: %s", key.Line, what, key.Value, strings.Join(known, ", "))
}
