package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/validation"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// helpWidth is how wide help is, in columns.
const helpWidth = 80

// app is one call of the program.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	// status is the exit status of a command that has reported its end itself.
	status report.Exit
	// options are those of the rollout commands.
	options map[*cobra.Command]*options
	// fromFile are the variables that the configuration file has set; nil before it is read.
	fromFile map[string]bool
	// results are what the other commands print.
	results map[*cobra.Command]result
	// methods are those of the libraries that a command calls: "alipayplus.ReleasesClient.Apply".
	methods map[*cobra.Command][]string
	// inputs are what the input of such a call is made of.
	inputs map[*cobra.Command]*input
	// telemetry sends nothing unless a variable asks for it.
	telemetry telemetry
}

func newApp(stdout, stderr io.Writer) *app {
	return &app{
		stdin: os.Stdin, stdout: stdout, stderr: stderr,
		options: make(map[*cobra.Command]*options), results: make(map[*cobra.Command]result), methods: make(map[*cobra.Command][]string), inputs: make(map[*cobra.Command]*input),
	}
}

// errReported is the error of a command that has reported its end itself, see app.status.
var errReported = errors.New("reported")

// run runs the program and returns its exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (status int) {
	a := newApp(stdout, stderr)
	root := a.root() //nolint:contextcheck // cobra hands the context to each command
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil, errors.Is(err, errReported):
	case a.options[cmd] != nil: // what is wrong is a result too
		a.runJob(ctx, a.options[cmd], wrongUse{err})
	default:
		a.status = exitOf(ctx, err)
		if a.status == report.ExitInternal && !errors.As(err, new(failure)) { // cobra's own are of the command line
			a.status = report.ExitUsage
		}
		_, _ = io.WriteString(stderr, report.Wrap("error: ", report.OneLine(err.Error()), widthOf(stderr)))
	}
	a.telemetry.end(ctx, a.status)
	return int(a.status)
}

// exitOf is the exit status of what a call came to. The context is that of the program.
func exitOf(ctx context.Context, err error) report.Exit {
	_, rejected := errors.AsType[*alipaycn.RejectedError](err)
	switch {
	case errors.As(err, new(wrongUse)):
		return report.ExitUsage
	case rejected:
		return report.ExitRejected
	case cnNotFound(err):
		return report.ExitNotFound
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), errInterrupted):
		return report.ExitInterrupted
	default:
		return report.ExitOf(err)
	}
}

// failure is an error that is no wrong use of the program.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "alipayplus",
		Short: "Release to Alipay+ from a terminal or a pipeline",
		Long: `alipayplus releases to Alipay+ from a terminal or a pipeline.

Who calls which platform comes from the ALIPAYPLUS_* variables, and AlipayCN and
who calls it from the ALIPAYCN_* variables. Flags win over variables, and these
over the file alipayplus.yaml.

` + exitTable(),
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.configure(cmd); err != nil {
				return err
			}
			return a.observe(cmd)
		},
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.PersistentFlags().String("config", "", "the `file` with the configuration (default alipayplus.yaml, where there is one)")
	root.PersistentFlags().Bool("verbose", false, "log each call of the platform and of AlipayCN to standard error")
	root.SetFlagErrorFunc(wrongFlag)
	root.SetUsageTemplate(usageTemplate())
	root.SetHelpCommandGroupID("")
	root.AddCommand(
		a.ship(),
		a.rollout(), a.services(), a.market(), a.orders(), a.programs(), a.version(), a.releases(), a.authorizations(), a.requests(), a.reviews(),
		a.qrcodes(), a.files(), a.workspace(), a.console(), a.alipaycn(), a.initialize(), a.validate(), a.serve(), a.doctor(),
	)
	return root
}

// usageTemplate is cobra's own with flags that fit into the width of help.
func usageTemplate() string {
	template := new(cobra.Command).UsageTemplate()
	for _, flags := range []string{"LocalFlags", "InheritedFlags"} {
		template = strings.ReplaceAll(template, flags+".FlagUsages", fmt.Sprintf("%s.FlagUsagesWrapped %d", flags, helpWidth))
	}
	return strings.ReplaceAll(template, `Use "{{.CommandPath}} [command] --help" for more information about a command.`, `More about a command: {{.CommandPath}} [command] --help`)
}

// exitTable is the table of exit statuses in the help.
func exitTable() string {
	var b strings.Builder
	b.WriteString("Exit status, of all commands:\n")
	for _, exit := range report.Exits() {
		text := exit.Meaning()
		if exit.WayOut() != "" {
			text += ": " + exit.WayOut()
		}
		b.WriteString(report.Wrap(fmt.Sprintf("  %3d  %-14s  ", int(exit), exit), text, helpWidth))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// group is a command that only holds others.
func group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}

// unknownCommand refuses the arguments of a group: a command that is not there.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	if meant := validation.Nearest(args[0], names); meant != "" {
		return misused("there is no command %q; did you mean %q?", cmd.CommandPath()+" "+args[0], cmd.CommandPath()+" "+meant)
	}
	return misused("there is no command %q; there are: %s", cmd.CommandPath()+" "+args[0], strings.Join(names, ", "))
}

// noArguments refuses the arguments of a command that has flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return misused("%q takes flags only, not %q", cmd.CommandPath(), strings.Join(args, " "))
}

// wrongFlag says what is wrong with a flag, and what was probably meant.
func wrongFlag(cmd *cobra.Command, err error) error {
	name, dashes := "", "--"
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name = unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" { // "-spec" is read as five flags of a letter each
			name, dashes = short, "-"
		}
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return misused("--%s: %w", bad.GetFlag().Name, valueError(bad.GetFlag(), bad.GetValue(), bad.Unwrap()))
	}
	if name == "" {
		return misused("%w; --help shows all flags", err)
	}
	name, _, _ = strings.Cut(name, "=")
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if meant := validation.Nearest(name, names); meant != "" {
		return misused("there is no flag %s%s; did you mean --%s?", dashes, name, meant)
	}
	return misused("there is no flag %s%s; --help shows all flags", dashes, name)
}

// valueError is what is wrong with the value of a flag, without the terms of Go.
func valueError(f *pflag.Flag, value string, err error) error {
	switch f.Value.Type() {
	case "int":
		return fmt.Errorf("%q is not a whole number such as 50", value)
	case "bool":
		return fmt.Errorf("%q is neither true nor false", value)
	}
	return err
}

func (a *app) version() *cobra.Command {
	cmd := group("version", "Upload versions; alone, print the version of the tool",
		"Upload versions of mini programs. Alone, it prints the version of the tool, its\ncommit and Go.", a.versions()...)
	cmd.RunE = func(*cobra.Command, []string) error {
		if _, err := fmt.Fprintln(a.stdout, built()); err != nil {
			return failure{fmt.Errorf("print the version: %w", err)}
		}
		return nil
	}
	return cmd
}

// built says which version this is, from which commit, and by which Go.
func built() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "alipayplus (devel)"
	}
	var text strings.Builder
	text.WriteString("alipayplus " + builtVersion())
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			text.WriteString(", commit " + setting.Value)
		case setting.Key == "vcs.modified" && setting.Value == "true":
			text.WriteString(" with changes")
		}
	}
	return text.String() + ", " + info.GoVersion
}

// builtVersion is the version of the program.
func builtVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return cmp.Or(info.Main.Version, "(devel)")
	}
	return "(devel)"
}

// wrongUse is the error of somebody who calls the program.
type wrongUse struct{ error }

func (w wrongUse) Unwrap() error { return w.error }

func misused(format string, args ...any) error { return wrongUse{fmt.Errorf(format, args...)} }

// programName is how the program is called: by `go run` when that built it for this
// once.
func programName(path string) string {
	if strings.Contains(path, "go-build") {
		return "go run ./cmd/alipayplus"
	}
	return quoted(path)
}

// quoted writes a word so that a shell reads it as it is.
func quoted(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:@,+%"
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// thisProgram is how this program is called.
func thisProgram() string { return programName(os.Args[0]) }
