package main

import (
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// leafCommands are the commands that do something, by their paths without the program's name.
func leafCommands() (*app, map[string]*cobra.Command) {
	a := newApp(io.Discard, io.Discard)
	all := make(map[string]*cobra.Command)
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		if !cmd.HasSubCommands() {
			_, path, _ := strings.Cut(cmd.CommandPath(), " ")
			all[path] = cmd
		}
	}
	walk(a.root())
	return a, all
}

// clientMethods are the exported methods of the resources of a client, and its own.
func clientMethods(client reflect.Type) (all []string) {
	add := func(t reflect.Type) {
		for method := range t.Methods() {
			all = append(all, t.Elem().Name()+"."+method.Name)
		}
	}
	add(client)
	for _, f := range reflect.VisibleFields(client.Elem()) {
		if f.IsExported() {
			add(reflect.PointerTo(f.Type))
		}
	}
	return all
}

func TestEveryMethodOfTheClientsHasACommand(t *testing.T) {
	t.Parallel()
	a, commands := leafCommands()
	var called []string
	for _, cmd := range commands {
		called = append(called, a.methods[cmd]...)
	}

	for library, c := range map[string]struct {
		client  reflect.Type
		without map[string]string
	}{
		"alipayplus": {reflect.TypeFor[*alipayplus.Client](), map[string]string{
			"MarketClient.List":           "All reads the same pages",
			"OrdersClient.List":           "All reads the same pages",
			"ProgramsClient.List":         "All reads the same pages",
			"ProgramsClient.ListVersions": "AllVersions reads the same pages",
			"ReleasesClient.List":         "All reads the same pages",
			"ReleasesClient.History":      "AllHistory reads the same pages",
			"RequestsClient.List":         "All reads the same pages",
			"ReviewsClient.List":          "All reads the same pages",
			"ServicesClient.List":         "All reads the same pages",
		}},
		"alipaycn": {reflect.TypeFor[*alipaycn.Client](), map[string]string{
			"Client.AppID":    "it calls nobody",
			"Client.Endpoint": "it calls nobody",
			"Client.For":      "ALIPAYCN_APP_AUTH_TOKEN_FILE says for whom",
			"Client.ForApp":   "ALIPAYCN_APP_AUTH_TOKEN_FILE says for whom",
			"Client.GoString": "it is no call",
			"Client.String":   "it is no call",

			"Client.NewNotificationHandler": "notifications come to a server, not to a command",
		}},
	} {
		for _, method := range clientMethods(c.client) {
			if reason := c.without[method]; reason != "" {
				require.NotContains(t, called, library+"."+method, "it has a command, and is on the list of those that have none: %s", reason)
				continue
			}
			require.Contains(t, called, library+"."+method, "no command calls it")
		}
	}
}

func TestEveryFieldOfAnInputCanBeGiven(t *testing.T) {
	t.Parallel()
	a, commands := leafCommands()

	for path, cmd := range commands {
		in := a.inputs[cmd]
		if in == nil || cmd.Flags().Lookup("file") != nil { // a file has any field
			continue
		}
		for _, f := range fieldsOf(in.of) {
			given := in.names[f.name] != "" || slices.Contains(in.hidden, f.name)
			require.True(t, given, "%s: the field %s is neither an argument nor a flag", path, f.name)
		}
	}
}

func TestEveryCommandHasAnExampleThatIsUnderstood(t *testing.T) {
	t.Parallel()
	a, commands := leafCommands()

	for path, cmd := range commands {
		if _, prints := a.results[cmd]; !prints {
			continue
		}
		require.NotEmpty(t, cmd.Example, path)
		for example := range strings.Lines(cmd.Example) {
			require.True(t, strings.HasPrefix(strings.TrimSpace(example), "alipayplus "+path), "%s: the example is of another command", path)
			requireUnderstood(t, example)
		}
	}
}

func TestTheCommandsOfTheDocumentsAreUnderstood(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(document), "## Single calls\n")
	require.True(t, found)
	_, block, _ := strings.Cut(section, "```sh\n")
	block, _, _ = strings.Cut(block, "```")
	require.NotEmpty(t, block)

	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(line, " #")
		requireUnderstood(t, line)
	}
}

// requireUnderstood holds that a command line has a command, flags that it has, and its
// arguments.
func requireUnderstood(t *testing.T, line string) {
	t.Helper()
	words := shellWords(strings.TrimSpace(line))
	require.Equal(t, "alipayplus", words[0], line)
	cmd, rest, err := newApp(io.Discard, io.Discard).root().Find(words[1:])
	require.NoError(t, err, line)
	require.False(t, cmd.HasSubCommands(), line)
	require.NoError(t, cmd.ParseFlags(rest), line)
	require.NoError(t, cmd.Args(cmd, cmd.Flags().Args()), line)
}

// shellWords are the words of a command line, some in quotes.
func shellWords(line string) (words []string) {
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			words = append(words, part)
			continue
		}
		words = append(words, strings.Fields(part)...)
	}
	return words
}

func TestEnumsAreCompletedAndCorrected(t *testing.T) {
	t.Parallel()

	for _, test := range []struct{ flag, value, want, wrong string }{
		{flag: "status", value: "grayscale_release", want: "GRAYSCALE_RELEASE"},
		{flag: "status", value: "GRAYSCALE_RELEAS", wrong: `"GRAYSCALE_RELEAS" is not known; did you mean GRAYSCALE_RELEASE?`},
		{flag: "status", value: "ANOTHER", want: "ANOTHER"},
		{flag: "order", value: "oldest", want: "ASC"},
		{flag: "order", value: "random", wrong: "it must be one of newest, oldest"},
		{flag: "target-app", value: "PARTNER_APP", want: "PARTNER_APP"},
	} {
		_, commands := leafCommands()
		list := commands["release list"]

		err := list.Flags().Set(test.flag, test.value)

		if test.wrong != "" {
			require.ErrorContains(t, err, test.wrong)
			continue
		}
		require.NoError(t, err)
		flag, ok := list.Flag(test.flag).Value.(*fieldFlag)
		require.True(t, ok)
		require.Equal(t, test.want, flag.value.String())
	}
}

func TestAnEnumHasItsKnownWords(t *testing.T) {
	t.Parallel()
	a, commands := leafCommands()

	for path, cmd := range commands {
		if a.inputs[cmd] == nil {
			continue
		}
		for _, flag := range a.inputs[cmd].flags {
			known, isEnum := reflect.New(flag.of).Elem().Interface().(interface{ Known() bool })
			if !isEnum || flag.of.Kind() == reflect.Slice {
				continue
			}
			require.NotEmpty(t, wordsOf(flag.of), "%s: the words of --%s are not completed", path, flag.field)
			require.False(t, known.Known(), path)
		}
	}
}
