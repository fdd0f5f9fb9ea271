package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// spec describes a command that makes one call of the library.
type spec struct {
	// use is the command and its arguments, in capitals: "withdraw RELEASE".
	use, short, long string
	// args are the fields of the input that the arguments give, in their order.
	args []string
	// file says what the file of -f holds; empty: there is no such flag.
	file string
	// hidden are the fields of the input that are no flags.
	hidden []string
	// defaults are the values of flags that are not given, by field.
	defaults map[string]string
	// last takes the last argument when that is no field of the input; may be nil.
	last *string
	// late says that the library alone checks the input, because it is not complete before
	// the call.
	late bool
	// show shows the result to people in place of one line a field; may be nil.
	show func(out any) (string, error)
	// flags adds flags of the command's own.
	flags func(cmd *cobra.Command)
	// columns are those of the table, see [app.result], and for a wait what is shown of a
	// change.
	columns []string
	// example are examples, a line each, without the program's name.
	example []string
	// warning says what cannot be taken back: somebody at a terminal is asked first.
	warning string
	// calls are the methods that the command calls besides the one that makes it.
	calls []any
}

// dialer returns the client of a resource.
type dialer[C any] func(cmd *cobra.Command) (C, error)

// atPlatform is the dialer of a resource of the platform.
func atPlatform[C any](a *app, of func(*alipayplus.Client) C) dialer[C] {
	return func(cmd *cobra.Command) (c C, err error) {
		client, err := a.platformClient(cmd)
		if err != nil {
			return c, err
		}
		return of(client), nil
	}
}

// returning is a command of a method that returns what it read or changed.
func returning[C, In, Out any](a *app, dial dialer[C], method func(C, context.Context, In) (Out, error), s spec) *cobra.Command {
	return calling(a, dial, method, s, func(cmd *cobra.Command, c C, in In) error {
		out, err := method(c, cmd.Context(), in)
		if err != nil {
			return failure{err}
		}
		return a.print(cmd, out)
	}, *new(Out))
}

// change is what is printed of a method that returns nothing.
type change struct {
	// Done is the command that was executed, without the program's name.
	Done string `json:"done"`
}

// changing is a command of a method that returns nothing.
func changing[C, In any](a *app, dial dialer[C], method func(C, context.Context, In) error, s spec) *cobra.Command {
	return calling(a, dial, method, s, func(cmd *cobra.Command, c C, in In) error {
		if err := method(c, cmd.Context(), in); err != nil {
			return failure{err}
		}
		_, name, _ := strings.Cut(cmd.CommandPath(), " ")
		return a.print(cmd, change{name})
	}, change{})
}

// listing is a command of a method that ranges over all entries.
func listing[C, In, T any](a *app, dial dialer[C], method func(C, context.Context, In) iter.Seq2[*T, error], s spec) *cobra.Command {
	most := 0
	s.hidden = append(s.hidden, "cursor", "limit")
	s.flags = withFlags(s.flags, limitFlag(&most))
	return calling(a, dial, method, s, func(cmd *cobra.Command, c C, in In) error {
		all := []*T{}
		for item, err := range method(c, cmd.Context(), in) {
			if err != nil {
				return failure{err}
			}
			if all = append(all, item); len(all) == most {
				break
			}
		}
		return a.print(cmd, all)
	}, []*T{})
}

func limitFlag(most *int) func(cmd *cobra.Command) {
	return func(cmd *cobra.Command) {
		cmd.Flags().IntVar(most, "limit", 0, "the most entries to print, `n`; 0: all")
	}
}

// withFlags adds several flags; each may be nil.
func withFlags(all ...func(cmd *cobra.Command)) func(cmd *cobra.Command) {
	return func(cmd *cobra.Command) {
		for _, add := range all {
			if add != nil {
				add(cmd)
			}
		}
	}
}

// waiting is a command of a method that waits for a state.
func waiting[C, In, T any](a *app, dial dialer[C], method func(C, context.Context, In, alipayplus.WaitOptions[T]) (*T, error), s spec) *cobra.Command {
	var w waitFlags
	s.flags = withFlags(s.flags, w.add)
	return calling(a, dial, method, s, func(cmd *cobra.Command, c C, in In) error {
		ctx, stop := w.context(cmd.Context())
		defer stop()
		out, err := method(c, ctx, in, waitOptions[T](a, w, s.columns))
		return a.printWith(cmd, out, err) // also where it did not come to what was waited for
	}, new(T))
}

// waitFlags are the flags of what waits.
type waitFlags struct{ timeout, interval rollout.Duration }

func (w *waitFlags) add(cmd *cobra.Command) {
	cmd.Flags().TextVar(&w.timeout, "timeout", w.timeout, "leave with status 8 after this `time`, such as 5h50m; 0s: never")
	cmd.Flags().TextVar(&w.interval, "interval", w.interval, "the shortest `time` between two polls; 0s: 2 seconds")
}

// context returns the context of the wait.
func (w *waitFlags) context(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, w.timeout.Std())
}

// waitOptions shows on standard error what a wait sees.
func waitOptions[T any](a *app, w waitFlags, columns []string) alipayplus.WaitOptions[T] {
	return alipayplus.WaitOptions[T]{
		Interval: w.interval.Std(),
		OnChange: func(now *T) { a.progress(stateLine(now, columns)) },
		OnError:  func(err error) { a.progress("still waiting: " + err.Error()) },
	}
}

// progress writes a line to standard error.
func (a *app) progress(line string) {
	_, _ = io.WriteString(a.stderr, report.Wrap("", report.OneLine(line), widthOf(a.stderr)))
}

// stateLine is what a value has in the columns, in one line.
func stateLine(value any, columns []string) string {
	content, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	var fields any
	if err := json.Unmarshal(content, &fields); err != nil {
		return err.Error()
	}
	var words []string
	for _, column := range columns {
		_, path := titled(column)
		if word := cell(at(fields, strings.Split(path, "."))); word != "" {
			words = append(words, word)
		}
	}
	return strings.Join(words, "  ")
}

// calling makes a command: its input from arguments, flags and file, is checked, then run
// is called with it.
func calling[C, In any](a *app, dial dialer[C], method any, s spec, run func(*cobra.Command, C, In) error, out any) *cobra.Command {
	cmd := &cobra.Command{
		Use: s.use, Short: s.short, Long: s.long, Args: arguments(s.use),
		Example: examples(s.example),
	}
	cmd.Flags().SortFlags = false
	in := newInput(cmd, reflect.TypeFor[In](), s)
	if s.flags != nil {
		s.flags(cmd)
	}
	if s.warning != "" {
		cmd.Flags().Bool("yes", false, "do it without asking")
	}
	a.result(cmd, out, s.columns...)
	a.shows(cmd, s.show)
	a.methods[cmd], a.inputs[cmd] = methodNames(append(s.calls, method)...), in
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if s.last != nil {
			*s.last, args = args[len(args)-1], args[:len(args)-1]
		}
		value, err := in.read(args, a.stdin)
		if err != nil {
			return err
		}
		client, err := dial(cmd)
		if err != nil {
			return err
		}
		if err := a.confirm(cmd, s.warning); err != nil {
			return err
		}
		return run(cmd, client, value.Interface().(In)) //nolint:errcheck // it was made of this type
	}
	return cmd
}

// examples are examples as the help shows them.
func examples(lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("  alipayplus " + line + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// methodNames are the names of methods, as "alipayplus.ReleasesClient.Apply". What is no
// method has none.
func methodNames(methods ...any) (names []string) {
	for _, method := range methods {
		name := path.Base(runtime.FuncForPC(reflect.ValueOf(method).Pointer()).Name())
		library, name, isMethod := strings.Cut(name, ".(*")
		if receiver, method, ok := strings.Cut(name, ")."); isMethod && ok && !strings.Contains(method, ".") {
			names = append(names, library+"."+receiver+"."+method)
		}
	}
	return names
}

// arguments has as many arguments as the use of a command names.
func arguments(use string) cobra.PositionalArgs {
	names := strings.Fields(use)[1:]
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return misused("%q needs %s", cmd.CommandPath(), strings.Join(names[len(args):], " and "))
		case len(args) > len(names) && len(names) == 0:
			return noArguments(cmd, args)
		case len(args) > len(names):
			return misused("%q takes %s and no more, not %q", cmd.CommandPath(), strings.Join(names, " and "), args[len(names)])
		}
		return nil
	}
}

// confirm asks somebody who sits at a terminal whether to do what cannot be taken back.
func (a *app) confirm(cmd *cobra.Command, warning string) error {
	if warning == "" || !isTerminal(a.stdin) || cmd.Flag("yes").Value.String() == "true" {
		return nil
	}
	return a.ask(warning)
}

// ask asks whether to do what cannot be taken back.
func (a *app) ask(warning string) error {
	_, _ = fmt.Fprintf(a.stderr, "%s Continue? [y/N] ", warning)
	answer, err := bufio.NewReader(a.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return failure{err}
	}
	if !slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer))) {
		return misused("nothing was changed; --yes does it without asking")
	}
	return nil
}
