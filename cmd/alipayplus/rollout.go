package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// The rollout commands.
const (
	commandPlan       = "plan"
	commandRun        = "run"
	commandStep       = "step"
	commandStatus     = "status"
	commandHistory    = "history"
	commandPause      = "pause"
	commandResume     = "resume"
	commandApprove    = "approve"
	commandRevoke     = "revoke"
	commandAbort      = "abort"
	commandGatesCheck = "gates check"
)

const rolloutHelp = `Drive one release, or one version at AlipayCN, through its reviews and up the
ladder of ratios to all users, by a rollout spec.

A rollout takes days, and a job does not: any of these commands may be stopped
or killed at any moment and started again. What is known is in --state, a folder
or a branch of the repository, and what is done is not done twice.

Each flag can be given by a variable too, ALIPAYPLUS_ROLLOUT_ and its name in
capitals: ALIPAYPLUS_ROLLOUT_MAX_TIME for --max-time. It can also be given in
the section rollout of alipayplus.yaml: max-time: 5h50m. The flag wins.`

// The forms in which results are printed.
const (
	formatText     = "text"
	formatJSON     = "json"
	formatMarkdown = "markdown"
)

// toStderr is the file name that means standard error.
const toStderr = "-"

// rollout is the group of commands that drive rollouts.
func (a *app) rollout() *cobra.Command {
	gates := group("gates", "Try the gates of a spec", "Try the gates of a rollout spec.",
		a.rolloutCommand("check", commandGatesCheck, "Evaluate every gate once, before days of review are spent"))
	return group("rollout", "Drive a release to all users, step by step", rolloutHelp,
		a.rolloutCommand("plan", commandPlan, "Print what a run would do, and change nothing"),
		a.rolloutCommand("run", commandRun, "Drive the release to all users"),
		a.rolloutCommand("step", commandStep, "Do what is due and return, for jobs that are started at intervals"),
		a.rolloutCommand("status", commandStatus, "Print where the rollout stands"),
		a.rolloutCommand("history", commandHistory, "Print the audit log of the rollout"),
		a.rolloutCommand("pause", commandPause, "Stop it where it is; what is live stays live"),
		a.rolloutCommand("resume", commandResume, "Let the next run continue a paused rollout"),
		a.rolloutCommand("approve", commandApprove, "Approve the ratio of --ratio"),
		a.rolloutCommand("revoke", commandRevoke, "Take the approval of the ratio of --ratio back"),
		a.rolloutCommand("abort", commandAbort, "Give the version up"),
		gates,
	)
}

// rolloutCommand is one command of the group.
func (a *app) rolloutCommand(use, name, short string) *cobra.Command {
	o := &options{
		app: a, command: name, targetApp: string(alipayplus.TargetAlipayCN),
		interval: rollout.Duration(5 * time.Minute), callTimeout: rollout.Duration(2 * time.Minute),
	}
	cmd := &cobra.Command{Use: use, Short: short, Args: noArguments}
	o.register(cmd.Flags())
	o.cmd = cmd
	a.options[cmd] = o
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cmd.Flags().Visit(func(f *pflag.Flag) { o.given = append(o.given, given{f.Name, valueOf(f)}) })
		a.runJob(cmd.Context(), o, o.check())
		return errReported
	}
	return cmd
}

// valueOf is the value of a flag as it is given.
func valueOf(f *pflag.Flag) string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return strings.Join(list.GetSlice(), ",")
	}
	return f.Value.String()
}

// options are the flags of a rollout command. Those that a command does not have keep their
// defaults.
type options struct {
	app     *app
	command string
	// ship is what is shipped; nil for the rollout commands.
	ship *shipment
	cmd  *cobra.Command
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
	output            string
	wait, notify      []string
	junit, ndjson     string
}

// given is a flag of the command line.
type given struct{ name, value string }

func (o *options) register(set *pflag.FlagSet) {
	set.SortFlags = false
	if o.ship == nil {
		o.registerTarget(set)
	} else {
		set.StringVar(&o.state, "state", o.state, stateUsage)
		set.BoolVar(&o.newSpec, "new-spec", false, "continue by the spec of the file when the rollout began by another one")
	}
	o.registerRun(set)
	if o.namesRatio() {
		set.IntVar(&o.percent, "ratio", 0, "the ratio whose approval is meant, in `percent` (required)")
	}
	if o.sends() {
		set.StringVar(&o.by, "by", somebody(), "`who` sends the command")
		set.StringVar(&o.reason, "reason", "", "why the command is sent")
	}
	set.StringVarP(&o.output, "output", "o", "", "print the result as `text`, json or markdown; default: "+o.defaultOutput())
}

// registerTarget adds the flags that say what is driven, and by which spec.
func (o *options) registerTarget(set *pflag.FlagSet) {
	set.StringVar(&o.state, "state", "", stateUsage+" (required)")
	set.StringVar(&o.release, "release", "", "the `id` of the release; or give --program and --version")
	set.StringVar(&o.program, "program", "", "the `id` of the mini program, with --version; with --alipaycn-version it can be left out")
	set.StringVar(&o.version, "version", "", "the version `x.y.z` whose release is meant, with --program")
	set.StringVar(&o.targetApp, "target-app", o.targetApp, "the `app` that the release goes to, with --program")
	set.StringVar(&o.alipayCNVersion, "alipaycn-version", "", "the version `x.y.z` at AlipayCN that is driven by AlipayCN's own API, in place of a release")
	set.StringVar(&o.name, "name", "", "the `name` of the rollout in --state (default: the release's)")
	if o.drives() || o.command == commandPlan || o.command == commandGatesCheck {
		set.StringVar(&o.spec, "spec", "", "the `file` with the rollout spec, YAML or JSON; a rollout that has begun continues by its own without it")
		set.BoolVar(&o.newSpec, "new-spec", false, "continue by this spec when the rollout began by another one")
	}
	if o.drives() || o.command == commandPlan {
		set.StringVar(&o.application, "application", "", "the `file` with what AlipayCN reviews, read anew for each application, with --alipaycn-version")
	}
}

// registerRun adds the flags of commands that make changes.
func (o *options) registerRun(set *pflag.FlagSet) {
	if o.drives() {
		set.TextVar(&o.maxTime, "max-time", o.maxTime, "leave with status 8 after this `time`, such as 5h50m, before the job is killed; 0s: never")
		set.StringSliceVar(&o.wait, "wait", nil, "wait for these alone, of "+strings.Join(o.waitable(), ", ")+", and leave with status 8 when anything else is to be waited for; none: only do what is due (default: all)")
		set.StringSliceVar(&o.notify, "notify", nil, notifyUsage())
		set.TextVar(&o.interval, "interval", o.interval, "the longest `time` between two observations of the release")
		set.StringVar(&o.junit, "junit", "", "write the steps and gates as test cases to this `file`")
		set.StringVar(&o.ndjson, "ndjson", "", "add each event as a line of JSON to this `file`; -: to standard error, in place of the view for people")
	}
	if o.drives() || o.sends() {
		set.TextVar(&o.callTimeout, "call-timeout", o.callTimeout,
			"how long a change may take, with its repetitions: the longest `time` for which --max-time and signals are overrun")
	}
}

func (o *options) defaultOutput() string {
	if o.prints() || o.ship != nil {
		return "text"
	}
	return "text on a terminal, else json"
}

// drives says whether the command makes changes by a spec.
func (o *options) drives() bool {
	return o.command == commandRun || o.command == commandStep || o.command == commandShip
}

// sends says whether the command sends a command to the rollout, of whoever drives it.
func (o *options) sends() bool {
	return slices.Contains([]string{commandPause, commandResume, commandAbort, commandApprove, commandRevoke}, o.command)
}

// namesRatio says whether the command is about the approval of one ratio.
func (o *options) namesRatio() bool {
	return o.command == commandApprove || o.command == commandRevoke
}

// prints says whether the command is there for what it prints.
func (o *options) prints() bool {
	return slices.Contains([]string{commandPlan, commandHistory, commandGatesCheck}, o.command)
}

// asksTarget says whether the command observes the target, and not only what is stored.
func (o *options) asksTarget() bool { return o.drives() || o.command == commandPlan }

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

// check says whether the flags can be used together.
func (o *options) check() error {
	if err := o.checkValues(); err != nil {
		return err
	}
	switch {
	case o.alipayCNVersion != "":
		return o.checkVersion()
	case o.application != "":
		return misused("--application is what AlipayCN reviews: give --alipaycn-version too")
	case !o.needsTarget() && o.release == "" && o.version == "":
		return nil
	}
	return o.checkRelease()
}

// checkValues says whether each flag can be used by itself, and none is missing.
func (o *options) checkValues() error {
	formats := []string{"", formatText, formatJSON, formatMarkdown}
	switch {
	case o.state == "" && o.command != commandGatesCheck:
		return misused("give --state: the folder, git:BRANCH or postgres://USER@HOST/DATABASE in which the rollout is remembered")
	case !slices.Contains(formats, o.output):
		return misused("--output must be text, json or markdown, not %q", o.output)
	case o.command == commandGatesCheck && o.spec == "":
		return misused("give --spec: the rollout spec whose gates are evaluated")
	case o.namesRatio() && o.percent == 0:
		return misused("give --ratio: the ratio whose approval is meant, in percent")
	case o.by == "" && o.sends():
		return misused("give --by: who sends the command; neither the environment nor the system tells")
	case len(o.unknownWaits()) > 0:
		return o.unknownWait(o.unknownWaits()[0])
	case o.maxTime < 0:
		return misused("--max-time must not be below 0s")
	case o.interval <= 0:
		return misused("--interval must be above 0s")
	case o.callTimeout <= 0:
		return misused("--call-timeout must be above 0s")
	}
	return nil
}

// isFile says whether there is something that is no folder.
func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir()
}

// none in --wait means that nothing is waited for.
const none = "none"

// waits are what --wait can name.
func waits() map[string]rollout.WaitKind {
	return map[string]rollout.WaitKind{
		"reviews": rollout.WaitReview, "bake": rollout.WaitBake, "gates": rollout.WaitGate, "approval": rollout.WaitApproval,
	}
}

// waitable are the names of what --wait can name.
func (o *options) waitable() []string {
	names := slices.Collect(maps.Keys(waits()))
	if o.ship != nil {
		names = append(names, authorization)
	}
	slices.Sort(names)
	return names
}

func (o *options) unknownWaits() []string {
	return slices.DeleteFunc(slices.Clone(o.wait), func(name string) bool {
		return name == none && len(o.wait) == 1 || slices.Contains(o.waitable(), name)
	})
}

func (o *options) unknownWait(name string) error {
	if meant := validation.Nearest(name, o.waitable()); meant != "" {
		return misused("--wait: there is nothing called %q; did you mean %q?", name, meant)
	}
	return misused("--wait: there is nothing called %q; give some of %s, or none", name, strings.Join(o.waitable(), ", "))
}

// waitsForAuthorization says whether a shipment waits for the page of an authorization.
func (o *options) waitsForAuthorization() bool {
	return len(o.wait) == 0 || slices.Contains(o.wait, authorization)
}

// leaves says whether a run ends where that would be waited for. Failures that pass are
// always waited for.
func (o *options) leaves(kind rollout.WaitKind) bool {
	if len(o.wait) == 0 {
		return false
	}
	for name, of := range waits() {
		if of == kind {
			return !slices.Contains(o.wait, name)
		}
	}
	return false
}

// needsTarget says whether the command needs to know what is driven, and not only the name
// of the rollout.
func (o *options) needsTarget() bool {
	return o.command != commandStatus && o.command != commandHistory || o.name == ""
}

// checkVersion says whether the flags name one version at AlipayCN, and nothing else.
func (o *options) checkVersion() (err error) {
	if o.release != "" || o.version != "" {
		return misused("give either --alipaycn-version, or a release by --release or --version, not both")
	}
	if o.number, err = alipayplus.ParseVersion(o.alipayCNVersion); err != nil {
		return misused("--alipaycn-version: %w", err)
	}
	return nil
}

// checkRelease says whether the flags name one release.
func (o *options) checkRelease() (err error) {
	if o.release != "" {
		if o.program != "" || o.version != "" {
			return misused("give either --release, or --program and --version, not both")
		}
		return nil
	}
	if o.program == "" || o.version == "" {
		return misused("give --release, or --program and --version, to say which release is meant; for AlipayCN's own API --alipaycn-version")
	}
	if o.number, err = alipayplus.ParseVersion(o.version); err != nil {
		return misused("--version: %w", err)
	}
	return nil
}

func (o *options) ratio() alipayplus.Ratio { return alipayplus.Ratio(o.percent) }

// commandLine is the command line of another rollout command for the same rollout: with the
// flags of this call that the other has, but for those that were about this call alone.
func (o *options) commandLine(command string, extra ...string) string {
	path := append([]string{"rollout"}, strings.Fields(command)...)
	if command == commandShip {
		path = []string{commandShip}
	}
	words := append([]string{thisProgram()}, path...)
	other := o.cmd.Root()
	if found, _, err := other.Find(path); err == nil {
		other = found
	}
	for _, flag := range o.given {
		switch flag.name {
		case "new-spec", "by", "reason", "ratio", "output":
			continue
		case "state", "version":
			if o.ship != nil && command != commandShip { // the release says more
				continue
			}
		}
		if other.Flag(flag.name) != nil {
			words = append(words, "--"+flag.name, quoted(withoutPassword(flag.value)))
		}
	}
	if o.ship != nil && command != commandShip {
		words = append(words, "--state", quoted(withoutPassword(o.state)), "--release", quoted(o.release))
	}
	return strings.Join(append(words, extra...), " ")
}

// runnerOptions are the library's options for the flags.
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

// flagNames says the flags of this program where the library says its options.
func flagNames(text string) string {
	return strings.NewReplacer("(WithNewSpec)", "(--new-spec)", "(WithName)", "(--name)").Replace(text)
}

// approveCommand is the command line by which a person approves a ratio.
func (o *options) approveCommand(ratio alipayplus.Ratio) string {
	return o.commandLine(commandApprove, fmt.Sprintf("--ratio %d", int(ratio)))
}

// pauseCommand is the command line by which a person pauses the rollout; empty for the demo,
// which no other process can reach.
func (o *options) pauseCommand() string {
	if o.ship != nil && o.ship.demo {
		return ""
	}
	return o.commandLine(commandPause)
}
