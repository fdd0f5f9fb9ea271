package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// The commands.
const (
	commandRun     = "run"
	commandStep    = "step"
	commandPlan    = "plan"
	commandStatus  = "status"
	commandPause   = "pause"
	commandResume  = "resume"
	commandAbort   = "abort"
	commandApprove = "approve"
)

const usage = `ci drives one release, or one version at AlipayCN, by a rollout spec.

Usage: ci [command] -spec FILE -state FOLDER -release ID [flags]
       ci [command] -spec FILE -state FOLDER -alipaycn-version X.Y.Z [flags]

  run      drive the release to all users; what is meant without a command
  step     do what is due and return, for jobs that are started at intervals
  plan     print what a run would do, and change nothing
  status   print where the rollout stands
  pause    stop it where it is; what is live stays live
  resume   let a paused rollout go on at the next run
  abort    give the version up
  approve  approve the ratio of -ratio

Each flag can be given by the variable in brackets too; the flag wins. The platform
and who calls it come from the ALIPAYPLUS_* variables of the library, AlipayCN and who
calls it from the ALIPAYCN_* variables.

`

// The formats of a plan.
const (
	formatText     = "text"
	formatJSON     = "json"
	formatMarkdown = "markdown"
)

// toStderr is the file name that means standard error.
const toStderr = "-"

type options struct {
	command string
	// given are the flags of the command line.
	given []given

	spec, state       string
	release           string
	program, version  string
	number            alipayplus.VersionNumber
	targetApp         string
	alipayCNVersion   string
	application       string
	name              string
	maxTime, interval rollout.Duration
	callTimeout       rollout.Duration
	newSpec           bool
	by, reason        string
	percent           int
	format            string
	junit, ndjson     string
}

// given is a flag of the command line.
type given struct{ name, value string }

func (o *options) register(set *flag.FlagSet) {
	set.StringVar(&o.spec, "spec", "", "the rollout spec, YAML or JSON (required)")
	set.StringVar(&o.state, "state", "", "the `folder` in which the rollout is remembered from one call to the next (required)")
	set.StringVar(&o.release, "release", "", "the `id` of the release; or give -program and -version")
	set.StringVar(&o.program, "program", "", "the `id` of the mini program, with -version; with -alipaycn-version it can be left out")
	set.StringVar(&o.version, "version", "", "the version `x.y.z` whose release is meant, with -program")
	set.StringVar(&o.targetApp, "target-app", string(alipayplus.TargetAlipayCN), "the `app` that the release goes to, with -program")
	set.StringVar(&o.alipayCNVersion, "alipaycn-version", "", "the version `x.y.z` at AlipayCN that is driven by AlipayCN's own API, in place of a release")
	set.StringVar(&o.application, "application", "", "the `file` with what AlipayCN reviews, read anew for each application, with -alipaycn-version")
	set.StringVar(&o.name, "name", "", "the rollout's name in the folder (default: the release's)")
	set.TextVar(&o.maxTime, "max-time", rollout.Duration(0),
		"leave with status 8 after this `time`, such as 5h50m, before the job is killed; 0s: never")
	set.TextVar(&o.interval, "interval", rollout.Duration(5*time.Minute), "the longest `time` between two looks at the release")
	set.TextVar(&o.callTimeout, "call-timeout", rollout.Duration(2*time.Minute),
		"how long a change may take, with its repetitions: the longest `time` for which -max-time and SIGTERM are overrun")
	set.BoolVar(&o.newSpec, "new-spec", false, "go on by this spec when the rollout began by another one")
	set.StringVar(&o.by, "by", somebody(), "`who` gives the order")
	set.StringVar(&o.reason, "reason", "", "why the order is given")
	set.IntVar(&o.percent, "ratio", 0, "the ratio that is approved, in `percent`")
	set.StringVar(&o.format, "format", formatText, "how plan prints: text, json or markdown")
	set.StringVar(&o.junit, "junit", "", "write the steps and gates as test cases to this `file`")
	set.StringVar(&o.ndjson, "ndjson", "", "add each event as a line of JSON to this `file`; -: to standard error, instead of the view for people")
}

// somebody is who starts the program, as far as the environment or the system tells.
func somebody() string {
	name := cmp.Or(os.Getenv("GITHUB_ACTOR"), os.Getenv("GITLAB_USER_LOGIN"), os.Getenv("USER"), os.Getenv("USERNAME"))
	if name != "" {
		return name
	}
	account, err := user.Current()
	if err != nil {
		return ""
	}
	return account.Username
}

// parse reads the command and the flags, which may stand before and behind it. The
// options are never nil.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{command: guessed(args)}
	set := flag.NewFlagSet("ci", flag.ContinueOnError)
	set.SetOutput(io.Discard) // the result says what is wrong
	o.register(set)
	if err := fromEnvironment(set); err != nil {
		return o, err
	}
	words, err := readAll(set, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stderr, usage)
		set.SetOutput(stderr)
		set.PrintDefaults()
		return o, err
	case err != nil:
		return o, misused("%w; -h shows all flags", err)
	case len(words) > 1:
		return o, misused("one command is enough, not %q", strings.Join(words, " "))
	}
	o.command = append(words, commandRun)[0]
	set.Visit(func(f *flag.Flag) { o.given = append(o.given, given{f.Name, f.Value.String()}) })
	return o, o.check()
}

// guessed is the command of arguments that perhaps cannot be read.
func guessed(args []string) string {
	for _, arg := range args {
		if slices.Contains(commands(), arg) {
			return arg
		}
	}
	return commandRun
}

// readAll reads the flags between and behind the words.
func readAll(set *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := set.Parse(args); err != nil {
			return nil, err
		}
		if set.NArg() == 0 {
			return words, nil
		}
		words = append(words, set.Arg(0))
		args = set.Args()[1:]
	}
}

// fromEnvironment sets the flags whose variables are set, and names the variable in
// the description of each flag.
func fromEnvironment(set *flag.FlagSet) (err error) {
	set.VisitAll(func(f *flag.Flag) {
		variable := "ALIPAYPLUS_CI_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		f.Usage += " [" + variable + "]"
		value := os.Getenv(variable)
		if value == "" || err != nil {
			return
		}
		if wrong := f.Value.Set(value); wrong != nil {
			err = misused("%s: %q cannot be used: %w", variable, value, wrong)
		}
	})
	return err
}

func commands() []string {
	return append([]string{commandRun, commandStep, commandPlan, commandStatus}, orders()...)
}

func orders() []string { return []string{commandPause, commandResume, commandAbort, commandApprove} }

func (o *options) check() error {
	formats := []string{formatText, formatJSON, formatMarkdown}
	switch {
	case !slices.Contains(commands(), o.command):
		return misused("there is no command %q; there are: %s", o.command, strings.Join(commands(), ", "))
	case o.spec == "" || o.state == "":
		return misused("give -spec and -state: the rollout spec, and the folder in which the rollout is remembered")
	case !slices.Contains(formats, o.format):
		return misused("-format must be text, json or markdown, not %q", o.format)
	case o.command == commandApprove && o.percent == 0:
		return misused("give -ratio: the ratio that is approved, in percent")
	case o.by == "" && slices.Contains(orders(), o.command):
		return misused("give -by: who gives the order; neither the environment nor the system tells")
	case o.maxTime < 0:
		return misused("-max-time must not be below 0s")
	case o.interval <= 0:
		return misused("-interval must be above 0s")
	case o.callTimeout <= 0:
		return misused("-call-timeout must be above 0s")
	case o.alipayCNVersion != "":
		return o.checkVersion()
	case o.application != "":
		return misused("-application is what AlipayCN reviews: give -alipaycn-version too")
	}
	return o.checkRelease()
}

// checkVersion says whether the flags name one version at AlipayCN, and nothing else.
func (o *options) checkVersion() (err error) {
	if o.release != "" || o.version != "" {
		return misused("give either -alipaycn-version, or a release by -release or -version, not both")
	}
	if o.number, err = alipayplus.ParseVersion(o.alipayCNVersion); err != nil {
		return misused("-alipaycn-version: %w", err)
	}
	return nil
}

// checkRelease says whether the flags name one release.
func (o *options) checkRelease() (err error) {
	if o.release != "" {
		if o.program != "" || o.version != "" {
			return misused("give either -release, or -program and -version, not both")
		}
		return nil
	}
	if o.program == "" || o.version == "" {
		return misused("give -release, or -program and -version, to say which release is meant; for AlipayCN's own API -alipaycn-version")
	}
	if o.number, err = alipayplus.ParseVersion(o.version); err != nil {
		return misused("-version: %w", err)
	}
	return nil
}

// asksTarget says whether the command looks at the target, and not only at what is stored.
func (o *options) asksTarget() bool {
	return o.command == commandRun || o.command == commandStep || o.command == commandPlan
}

func (o *options) ratio() alipayplus.Ratio { return alipayplus.Ratio(o.percent) }

func (o *options) runnerOptions() []rollout.Option {
	all := []rollout.Option{rollout.WithInterval(o.interval.Std()), rollout.WithCallTimeout(o.callTimeout.Std())}
	if o.name != "" {
		all = append(all, rollout.WithName(o.name))
	}
	if o.newSpec {
		all = append(all, rollout.WithNewSpec())
	}
	return all
}

// commandLine is the command line by which somebody goes on: with the flags of this call,
// but for those that were about this call alone.
func (o *options) commandLine(command string, newSpec bool) string {
	words := []string{programName(os.Args[0])}
	if command != commandRun {
		words = append(words, command)
	}
	for _, flag := range o.given {
		switch flag.name {
		case "new-spec", "by", "reason", "ratio":
		default:
			words = append(words, "-"+flag.name, quoted(flag.value))
		}
	}
	if newSpec {
		words = append(words, "-new-spec")
	}
	return strings.Join(words, " ")
}

// programName is how the program is called: by `go run` when that built it for this
// once.
func programName(path string) string {
	if strings.Contains(path, "go-build") {
		return "go run ./examples/ci"
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

// wrongUse is the error of somebody who calls the program.
type wrongUse struct{ error }

func (w wrongUse) Unwrap() error { return w.error }

func misused(format string, args ...any) error { return wrongUse{fmt.Errorf(format, args...)} }
