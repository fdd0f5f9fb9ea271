package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
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

const usage = `ci drives one release by a rollout spec.

Usage: ci [command] -spec FILE -state FOLDER -release ID [flags]

  run      drive the release to all users; what is meant without a command
  step     do what is due and return, for jobs that are started at intervals
  plan     print what a run would do, and change nothing
  status   print where the rollout stands
  pause    stop it where it is; what is live stays live
  resume   let a paused rollout go on at the next run
  abort    give the version up
  approve  approve the ratio of -ratio

Each flag has a variable, in brackets, which it goes before. The platform and who
calls it come from the ALIPAYPLUS_* variables of the library.

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
	// again are the arguments but the command: those of the next call.
	again []string

	spec, state       string
	release           string
	program, version  string
	number            alipayplus.VersionNumber
	targetApp         string
	name              string
	maxTime, interval rollout.Duration
	newSpec           bool
	by, reason        string
	percent           int
	format            string
	junit, ndjson     string
}

func (o *options) register(set *flag.FlagSet) {
	set.StringVar(&o.spec, "spec", "", "the rollout spec, YAML or JSON (required)")
	set.StringVar(&o.state, "state", "", "the `folder` in which the rollout is remembered from one call to the next (required)")
	set.StringVar(&o.release, "release", "", "the `id` of the release; or give -program and -version")
	set.StringVar(&o.program, "program", "", "the `id` of the mini program, with -version")
	set.StringVar(&o.version, "version", "", "the version `x.y.z` whose release is meant, with -program")
	set.StringVar(&o.targetApp, "target-app", string(alipayplus.TargetAlipayCN), "the `app` that the release goes to, with -program")
	set.StringVar(&o.name, "name", "", "the rollout's name in the folder (default: the release's)")
	set.TextVar(&o.maxTime, "max-time", rollout.Duration(0),
		"leave with status 8 after this `time`, such as 5h50m, before the job is killed; 0s: never")
	set.TextVar(&o.interval, "interval", rollout.Duration(5*time.Minute), "the longest `time` between two looks at the release")
	set.BoolVar(&o.newSpec, "new-spec", false, "go on by this spec when the rollout began by another one")
	set.StringVar(&o.by, "by", somebody(), "`who` gives the order")
	set.StringVar(&o.reason, "reason", "", "why the order is given")
	set.IntVar(&o.percent, "ratio", 0, "the ratio that is approved, in `percent`")
	set.StringVar(&o.format, "format", formatText, "how plan prints: text, json or markdown")
	set.StringVar(&o.junit, "junit", "", "write the steps and gates as test cases to this `file`")
	set.StringVar(&o.ndjson, "ndjson", "", "add each event as a line of JSON to this `file`; -: to standard error, instead of the view for people")
}

// somebody is who starts the program, as far as the environment tells.
func somebody() string {
	return cmp.Or(os.Getenv("GITHUB_ACTOR"), os.Getenv("GITLAB_USER_LOGIN"), os.Getenv("USER"), os.Getenv("USERNAME"))
}

// parse reads the command and the flags, which may stand before and behind it. The
// options are never nil.
func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{command: commandRun}
	set := flag.NewFlagSet("ci", flag.ContinueOnError)
	set.SetOutput(stderr)
	o.register(set)
	set.Usage = func() {
		_, _ = io.WriteString(stderr, usage)
		set.PrintDefaults()
	}
	if err := fromEnvironment(set); err != nil {
		return o, err
	}
	var words []string
	for rest := args; ; {
		if err := set.Parse(rest); err != nil {
			return o, wrongUse{err}
		}
		o.again = append(o.again, rest[:len(rest)-set.NArg()]...)
		if set.NArg() == 0 {
			break
		}
		words = append(words, set.Arg(0))
		rest = set.Args()[1:]
	}
	if len(words) > 1 {
		return o, misused("one command is enough, not %q", strings.Join(words, " "))
	}
	if len(words) == 1 {
		o.command = words[0]
	}
	return o, o.check()
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

func (o *options) check() error {
	commands := []string{commandRun, commandStep, commandPlan, commandStatus, commandPause, commandResume, commandAbort, commandApprove}
	formats := []string{formatText, formatJSON, formatMarkdown}
	switch {
	case !slices.Contains(commands, o.command):
		return misused("there is no command %q; there are: %s", o.command, strings.Join(commands, ", "))
	case o.spec == "" || o.state == "":
		return misused("give -spec and -state: the rollout spec, and the folder in which the rollout is remembered")
	case !slices.Contains(formats, o.format):
		return misused("-format must be text, json or markdown, not %q", o.format)
	case o.command == commandApprove && o.percent == 0:
		return misused("give -ratio: the ratio that is approved, in percent")
	case o.maxTime < 0:
		return misused("-max-time must not be below 0s")
	case o.interval <= 0:
		return misused("-interval must be above 0s")
	}
	return o.checkRelease()
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
		return misused("give -release, or -program and -version, to say which release is meant")
	}
	if o.number, err = alipayplus.ParseVersion(o.version); err != nil {
		return misused("-version: %w", err)
	}
	return nil
}

func (o *options) ratio() alipayplus.Ratio { return alipayplus.Ratio(o.percent) }

func (o *options) runnerOptions() []rollout.Option {
	all := []rollout.Option{rollout.WithInterval(o.interval.Std())}
	if o.name != "" {
		all = append(all, rollout.WithName(o.name))
	}
	if o.newSpec {
		all = append(all, rollout.WithNewSpec())
	}
	return all
}

// commandLine is the command line by which somebody goes on.
func (o *options) commandLine(command string) string {
	words := []string{programName(os.Args[0])}
	if command != commandRun {
		words = append(words, command)
	}
	for _, arg := range o.again {
		words = append(words, quoted(arg))
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
