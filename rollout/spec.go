package rollout

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// SpecVersion is the version of the form of a [Spec] that this package reads.
const SpecVersion = 1

// Spec says how a version is to be released: which ratios, how long each is
// watched, and which gates it must pass. It is data, in Go, YAML or JSON (see [ParseSpec] and
// api/rollout-spec.schema.json). Nothing in it defaults to a full release: the last
// step must say 100.
type Spec struct {
	// Version is the version of this form: 1.
	Version int `json:"version" yaml:"version" validate:"required"`
	// Review says what to do when a review that the runner did not ask for is
	// running already; empty: fail.
	Review ReviewPolicy `json:"review,omitempty" yaml:"review,omitempty" validate:"omitempty,oneof=fail adopt replace"`
	// ReviewDeadline is how long the reviews may take; 0: until Deadline.
	ReviewDeadline Duration `json:"reviewDeadline,omitempty" yaml:"reviewDeadline,omitempty" validate:"omitempty,gt=0"`
	// Deadline is how long everything may take, from the first run or the last
	// resumption; 0: 30 days. What is live then stays live, and the rollout pauses;
	// but an abort that was requested or begun goes on.
	Deadline Duration `json:"deadline,omitempty" yaml:"deadline,omitempty" validate:"omitempty,gt=0"`
	// OnGateFailure says what to do when a gate fails; empty: pause.
	OnGateFailure FailurePolicy `json:"onGateFailure,omitempty" yaml:"onGateFailure,omitempty" validate:"omitempty,oneof=pause abort"`
	// ClockTolerance is how much the clocks of two machines may disagree: it is added to a
	// bake time that another machine goes on with; nil: 5 minutes.
	ClockTolerance *Duration `json:"clockTolerance,omitempty" yaml:"clockTolerance,omitempty" validate:"omitempty,min=0"`
	// Freeze are times in which no ratio is set.
	Freeze []FreezeWindow `json:"freeze,omitempty" yaml:"freeze,omitempty" validate:"max=100,dive"`
	// Gates are the gates that steps name. One that is nothing but a name is given
	// in Go, by [WithGate].
	Gates map[string]GateSpec `json:"gates,omitempty" yaml:"gates,omitempty" validate:"dive"`
	// ApprovalExpiry is how long an approval is valid: a ratio that is not set by then needs
	// another one. 0: without end.
	ApprovalExpiry Duration `json:"approvalExpiry,omitempty" yaml:"approvalExpiry,omitempty" validate:"omitempty,gt=0"`
	// Steps are the ratios, in rising order; the last is 100.
	Steps []StepSpec `json:"steps" yaml:"steps" validate:"min=1,max=100,dive"`
}

// StepSpec is one ratio and what has to hold before the next.
type StepSpec struct {
	// Ratio is the share of the users who get the version, in percent.
	Ratio alipayplus.Ratio `json:"ratio" yaml:"ratio" validate:"min=1,max=100"`
	// Approval says that a person must approve before the ratio is set; see
	// [Runner.Approve].
	Approval bool `json:"approval,omitempty" yaml:"approval,omitempty"`
	// Bake is how long the ratio is watched at least, pauses apart; 0: the next one
	// follows as soon as the gates pass. Time in which no runner ran counts: nobody else
	// may have watched then. The last step has none.
	Bake Duration `json:"bake,omitempty" yaml:"bake,omitempty" validate:"min=0"`
	// Gates name the gates that are evaluated while the ratio is live, at intervals
	// during the bake time, where a failure stops the rollout at once, and after
	// it, where all must pass. The last step has none.
	Gates []string `json:"gates,omitempty" yaml:"gates,omitempty" validate:"max=100,unique"`
	// Deadline is how long the step may take, from its ratio to the next one; 0:
	// until the deadline of the whole.
	Deadline Duration `json:"deadline,omitempty" yaml:"deadline,omitempty" validate:"omitempty,gt=0"`
}

// ReviewPolicy says what to do when a review is running that the runner did not
// ask for.
type ReviewPolicy string

// The review policies.
const (
	// ReviewFail stops with a [ConflictError]. It is the default.
	ReviewFail ReviewPolicy = "fail"
	// ReviewAdopt waits for the verdict when it is on this version, and stops with
	// a [ConflictError] when it is on another one.
	ReviewAdopt ReviewPolicy = "adopt"
	// ReviewReplace withdraws the application that is under review, and applies
	// for this version. It never takes back a version that users have.
	ReviewReplace ReviewPolicy = "replace"
)

// FailurePolicy says what to do when a gate fails.
type FailurePolicy string

// The failure policies.
const (
	// FailurePause leaves the ratio as it is and waits for a person. It is the default.
	FailurePause FailurePolicy = "pause"
	// FailureAbort gives the version up; see [Target].
	FailureAbort FailurePolicy = "abort"
)

// GateSpec says what a gate evaluates. At most one of its kinds is set.
type GateSpec struct {
	// HTTP asks an HTTP address for a figure.
	HTTP *HTTPGate `json:"http,omitempty" yaml:"http,omitempty"`
	// Prometheus asks a Prometheus server for a figure. It needs a [GateMaker], see
	// the module rollout/prometheus.
	Prometheus *PrometheusGate `json:"prometheus,omitempty" yaml:"prometheus,omitempty"`
	// Command asks a program.
	Command *CommandGate `json:"command,omitempty" yaml:"command,omitempty"`
	// Compatibility asks for the report of a compatibility test, before the application too.
	Compatibility *CompatibilityGate `json:"compatibility,omitempty" yaml:"compatibility,omitempty"`
	// Every is the time between two evaluations; 0: 1 minute.
	Every Duration `json:"every,omitempty" yaml:"every,omitempty" validate:"omitempty,gt=0"`
	// Timeout is how long an answer may take; 0: 30 seconds.
	Timeout Duration `json:"timeout,omitempty" yaml:"timeout,omitempty" validate:"omitempty,gt=0"`
	// Tolerate is how many evaluations in a row may give no answer before that
	// counts as a failed gate; nil: 3. An answer that is missing never passes.
	Tolerate *int `json:"tolerate,omitempty" yaml:"tolerate,omitempty" validate:"omitempty,min=0,max=1000"`
	// FailAfter is how many verdicts to fail it takes: in a row, or among the last OfLast.
	// Those to wait and missing answers are not counted. 0: 1, the first one fails. Fewer
	// keep the ratio as it is.
	FailAfter int `json:"failAfter,omitempty" yaml:"failAfter,omitempty" validate:"omitempty,min=1,max=100"`
	// OfLast is among how many verdicts to pass or to fail FailAfter are counted; 0: as many,
	// which is in a row.
	OfLast int `json:"ofLast,omitempty" yaml:"ofLast,omitempty" validate:"omitempty,min=1,max=100"`
	// NoData says what an answer without a figure means; empty: an error, of which Tolerate
	// are tolerated. See [ErrNoData].
	NoData NoDataPolicy `json:"noData,omitempty" yaml:"noData,omitempty" validate:"omitempty,oneof=wait fail"`
}

// NoDataPolicy says what an answer without a figure means. It never passes.
type NoDataPolicy string

// The policies.
const (
	// NoDataWait waits for data, until a deadline.
	NoDataWait NoDataPolicy = "wait"
	// NoDataFail is a verdict to fail.
	NoDataFail NoDataPolicy = "fail"
)

const (
	defaultDeadline       = Duration(30 * 24 * time.Hour)
	defaultClockTolerance = Duration(5 * time.Minute)
	defaultGateEvery      = Duration(time.Minute)
	defaultGateTimeout    = Duration(30 * time.Second)
	defaultGateTolerate   = 3
)

// Validate checks the spec by itself: versions, ratios that rise to 100, gates
// that exist. The error is an [alipayplus.ValidationError] with all that is wrong.
func (s *Spec) Validate() error {
	var fields []alipayplus.FieldError
	add := func(path, message string, args ...any) {
		fields = append(fields, alipayplus.FieldError{Path: path, Message: fmt.Sprintf(message, args...)})
	}
	for _, p := range append(validation.Texts(s), validation.Struct(s)...) {
		add(p.Path, "%s", p.Message)
	}
	if s.Version != SpecVersion && s.Version != 0 {
		add("version", "must be %d; this library reads no other", SpecVersion)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Gates)) {
		s.Gates[name].check(name, add)
	}
	for i, w := range s.Freeze {
		w.check(fmt.Sprintf("freeze[%d]", i), add)
	}
	s.checkFreeze(add)
	s.checkSteps(add)
	if len(fields) == 0 { // a faulty step would make its gates look unused
		s.checkUnusedGates(add)
	}
	return notValid("rollout spec", fields)
}

// notValid is an [alipayplus.ValidationError], or nil when no field is wrong.
func notValid(subject string, fields []alipayplus.FieldError) error {
	if len(fields) == 0 {
		return nil
	}
	return &alipayplus.ValidationError{Subject: subject, Fields: fields}
}

type report = func(path, message string, args ...any)

// kinds is how many of its kinds are set.
func (g GateSpec) kinds() (n int) {
	for _, set := range []bool{g.HTTP != nil, g.Prometheus != nil, g.Command != nil, g.Compatibility != nil} {
		if set {
			n++
		}
	}
	return n
}

func (g GateSpec) check(name string, add report) {
	path := fmt.Sprintf("gates[%s]", name)
	if name == "" {
		add("gates", "must not have an entry without a name")
	}
	if g.HTTP != nil {
		g.HTTP.check(path+".http", add)
	}
	if g.Prometheus != nil {
		g.Prometheus.check(path+".prometheus", add)
	}
	if g.Command != nil {
		g.Command.check(path+".command", add)
	}
	if g.kinds() > 1 {
		add(path, "must be one of http, prometheus, command and compatibility")
	}
	if g.OfLast != 0 && g.OfLast < max(g.FailAfter, 1) {
		add(path+".ofLast", "must not be below failAfter")
	}
}

func (s *Spec) checkSteps(add report) {
	var before alipayplus.Ratio
	for i, step := range s.Steps {
		path := fmt.Sprintf("steps[%d]", i)
		if inRange := step.Ratio >= 1 && step.Ratio <= alipayplus.FullRatio; inRange { // otherwise that is said already
			if step.Ratio <= before {
				add(path+".ratio", "must be above %v, the ratio of the step before", before)
			}
			before = max(before, step.Ratio)
		}
		for _, name := range step.Gates {
			if _, ok := s.Gates[name]; !ok {
				add(path+".gates", "names %q, which is not among the gates", name)
			}
		}
	}
	if len(s.Steps) == 0 {
		return
	}
	last := len(s.Steps) - 1
	path := fmt.Sprintf("steps[%d]", last)
	if s.Steps[last].Ratio != alipayplus.FullRatio {
		add(path+".ratio", "must be 100: the last step is the full release, and nothing is released to all users unless the spec says so")
	}
	if s.Steps[last].Bake != 0 || len(s.Steps[last].Gates) > 0 || s.Steps[last].Deadline != 0 {
		add(path, "must have no bake time, gates or deadline: nothing comes after all users have the version")
	}
}

// checkUnusedGates finds gates that no step names.
func (s *Spec) checkUnusedGates(add report) {
	for _, name := range slices.Sorted(maps.Keys(s.Gates)) {
		if !slices.ContainsFunc(s.Steps, func(step StepSpec) bool { return slices.Contains(step.Gates, name) }) {
			add(fmt.Sprintf("gates[%s]", name), "is asked by no step; name it in the gates of one, or remove it")
		}
	}
}

// checkLadderAbove says whether the ladder offers every ratio of the steps that are still
// to come. The error is an [alipayplus.ValidationError]. The zero ladder is not checked.
func (s *Spec) checkLadderAbove(live alipayplus.Ratio, ladder alipayplus.Ladder) error {
	if ladder.IsZero() {
		return nil
	}
	var fields []alipayplus.FieldError
	for i, step := range s.Steps {
		if step.Ratio > live && !ladder.Contains(step.Ratio) {
			fields = append(fields, alipayplus.FieldError{
				Path:    fmt.Sprintf("steps[%d].ratio", i),
				Message: fmt.Sprintf("is %v, which the target does not offer; it offers %v", step.Ratio, ladder),
			})
		}
	}
	return notValid("rollout spec", fields)
}

// Hash names the content of the spec: two specs that say the same have the same
// hash, in whatever form they were written, and whether they say what is the default
// or leave it out.
func (s *Spec) Hash() string {
	full := *s
	full.Review, full.OnGateFailure = s.reviewPolicy(), s.failurePolicy()
	full.Deadline, full.ClockTolerance = Duration(s.deadline()), new(Duration(s.clockTolerance()))
	full.Gates = make(map[string]GateSpec, len(s.Gates))
	for name := range s.Gates {
		full.Gates[name] = s.gate(name)
	}
	data, err := json.Marshal(full)
	if err != nil { // no field of a Spec can fail
		return "unhashable: " + err.Error()
	}
	return digest(data)
}

// clone copies the spec, so that a runner's spec does not change with its caller's.
func (s *Spec) clone() (c Spec, err error) {
	data, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err != nil {
		return c, fmt.Errorf("rollout: copy the spec: %w", err)
	}
	return c, nil
}

// digest is a hash of 16 hexadecimal digits.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// stepAt is the index of the step that the ratio belongs to: the last one whose ratio is
// not above it; -1 below the first.
func (s *Spec) stepAt(ratio alipayplus.Ratio) int {
	at := -1
	for i, step := range s.Steps {
		if step.Ratio <= ratio {
			at = i
		}
	}
	return at
}

// ratios are those of the steps.
func (s *Spec) ratios() []alipayplus.Ratio {
	all := make([]alipayplus.Ratio, len(s.Steps))
	for i, step := range s.Steps {
		all[i] = step.Ratio
	}
	return all
}

// approvals are the ratios that a person must approve.
func (s *Spec) approvals() []alipayplus.Ratio {
	var all []alipayplus.Ratio
	for _, step := range s.Steps {
		if step.Approval {
			all = append(all, step.Ratio)
		}
	}
	return all
}

// needsApproval says whether a person must approve a ratio.
func (s *Spec) needsApproval(ratio alipayplus.Ratio) bool {
	return slices.ContainsFunc(s.Steps, func(step StepSpec) bool { return step.Ratio == ratio && step.Approval })
}

func (s *Spec) reviewPolicy() ReviewPolicy { return cmp.Or(s.Review, ReviewFail) }

func (s *Spec) failurePolicy() FailurePolicy { return cmp.Or(s.OnGateFailure, FailurePause) }

func (s *Spec) deadline() time.Duration { return cmp.Or(s.Deadline, defaultDeadline).Std() }

func (s *Spec) clockTolerance() time.Duration {
	if s.ClockTolerance == nil {
		return defaultClockTolerance.Std()
	}
	return s.ClockTolerance.Std()
}

// gate is the named gate with its defaults filled in.
func (s *Spec) gate(name string) GateSpec {
	g := s.Gates[name]
	g.Every = cmp.Or(g.Every, defaultGateEvery)
	g.Timeout = cmp.Or(g.Timeout, defaultGateTimeout)
	if g.Tolerate == nil {
		g.Tolerate = new(defaultGateTolerate)
	}
	g.FailAfter = max(g.FailAfter, 1)
	g.OfLast = max(g.OfLast, g.FailAfter)
	if g.Command != nil {
		g.Command = &CommandGate{Args: g.Command.Args, WaitStatus: cmp.Or(g.Command.WaitStatus, defaultWaitStatus)}
	}
	return g
}

// maxSpec is far above what a spec needs, in bytes.
const maxSpec = 1 << 20

// ParseSpec reads a spec in YAML, of which JSON is a part, and checks it. A field
// that is not known, a second document, a malformed duration: each is an error that names
// the line. The error matches [alipayplus.ErrInvalid].
func ParseSpec(data []byte) (*Spec, error) {
	if len(data) > maxSpec {
		return nil, unreadableSpec(fmt.Errorf("it has %d bytes; at most %d are read", len(data), maxSpec))
	}
	text, err := readStrictly(data)
	if err != nil {
		return nil, unreadableSpec(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	spec := new(Spec)
	err = decoder.Decode(spec)
	several, isSeveral := errors.AsType[*yaml.TypeError](err)
	switch {
	case errors.Is(err, io.EOF):
		return nil, unreadableSpec(errors.New("it is empty"))
	case isSeveral:
		text.add(readableErrors(several)...)
	case err != nil:
		return nil, unreadableSpec(err)
	}
	if err := notValid("rollout spec", text.faults); err != nil {
		return nil, text.lines.addTo(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, unreadableSpec(errors.New("it must be one document"))
	}
	if err := spec.Validate(); err != nil {
		return nil, text.lines.addTo(err)
	}
	return spec, nil
}

// readableErrors are the errors of the decoder in terms of a spec rather than of Go. Those of
// numbers are left out: readStrictly has them.
func readableErrors(e *yaml.TypeError) []error {
	terms := strings.NewReplacer(
		"not found in type rollout.Spec", "is not known", "not found in type rollout.StepSpec", "is not known in a step",
		"not found in type rollout.GateSpec", "is not known in a gate", "not found in type rollout.FreezeWindow", "is not known in a freeze",
		"not found in type rollout.HTTPGate", "is not known in http", "not found in type rollout.PrometheusGate", "is not known in prometheus",
		"not found in type rollout.CommandGate", "is not known in command", "not found in type rollout.CompatibilityGate", "is not known in compatibility",
		"cannot unmarshal !!seq", "cannot read a list", "cannot unmarshal !!map", "cannot read fields", "cannot unmarshal !!str", "cannot read the text",
		"cannot unmarshal !!int", "cannot read the number", "cannot unmarshal !!float", "cannot read the number", "cannot unmarshal !!", "cannot read the ",
		"into rollout.Spec", "as a rollout spec", "into rollout.StepSpec", "as a step", "into []rollout.StepSpec", "as a list of steps",
		"into rollout.GateSpec", "as a gate", "into map[string]rollout.GateSpec", "as gates with their names",
		"into rollout.HTTPGate", "as the fields of http", "into rollout.PrometheusGate", "as the fields of prometheus", "into rollout.CommandGate", "as the fields of command", "into rollout.CompatibilityGate", "as the fields of compatibility, which has none: {}",
		"into rollout.FreezeWindow", "as a freeze", "into []rollout.FreezeWindow", "as a list of freezes", "into []rollout.Weekday", "as a list of days",
		"into map[string]string", "as texts with their names", "into []string", "as a list of texts", "into string", "as a text",
		"into alipayplus.Ratio", "as a ratio", "into int", "as a number", "into float64", "as a number", "into bool", "as true or false", "into rollout.", "as a ",
	)
	var all []error
	for _, text := range e.Errors {
		if !scalarError.MatchString(text) {
			all = append(all, errors.New(terms.Replace(text)+probablyMeant(text)))
		}
	}
	return all
}

// scalarError is an error of the decoder about a value that should be a number, true or false.
var scalarError = regexp.MustCompile("^line [0-9]+: cannot unmarshal !!(?:str|int|float|bool|timestamp) .* into (?:alipayplus.Ratio|int|float64|bool)$")

// probablyMeant names the field that is most like the unknown one of a decoder's error; empty
// when there is none.
func probablyMeant(text string) string {
	words := regexp.MustCompile(`field (\S+) not found in type rollout\.(\w+)`).FindStringSubmatch(text)
	if words == nil {
		return ""
	}
	if meant := validation.Nearest(words[1], fieldsOf(reflect.TypeFor[Spec](), words[2])); meant != "" {
		return fmt.Sprintf("; did you mean %s?", meant)
	}
	return ""
}

// fieldsOf are the names of the fields of a type that is, or is within, the given one.
func fieldsOf(t reflect.Type, name string) (fields []string) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return fieldsOf(t.Elem(), name)
	case reflect.Struct:
	default:
		return nil
	}
	for field := range t.Fields() {
		key, inline, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		switch {
		case t.Name() != name:
			fields = append(fields, fieldsOf(field.Type, name)...)
		case strings.Contains(inline, "inline"):
			fields = append(fields, fieldsOf(field.Type, field.Type.Name())...)
		case key != "":
			fields = append(fields, key)
		}
	}
	return fields
}

func unreadableSpec(faults ...error) error {
	var t strictText
	t.add(faults...)
	return notValid("rollout spec", t.faults)
}

// Duration is a span of time that is written as Go does, with days besides:
// "90s", "1h30m", "2d", "1d12h". A day is 24 hours.
type Duration time.Duration

var (
	_ encoding.TextMarshaler   = Duration(0)
	_ encoding.TextUnmarshaler = (*Duration)(nil)
)

// ParseDuration reads a duration: days, where they come first, and then what
// [time.ParseDuration] reads. Anything else, a bare number too, is an error.
func ParseDuration(text string) (Duration, error) {
	d, ok := parseDuration(text)
	if !ok {
		return 0, fmt.Errorf("%q is not a duration; write for example 90s, 30m, 12h, 2d or 1d12h", text)
	}
	return d, nil
}

func parseDuration(text string) (_ Duration, ok bool) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		d, err := time.ParseDuration(text)
		return Duration(d), err == nil && text != "0"
	}
	n, err := strconv.ParseFloat(days, 64)
	if err != nil || !isDecimal(days) {
		return 0, false
	}
	var more time.Duration
	if rest != "" {
		if more, err = time.ParseDuration(rest); err != nil || more < 0 || rest[0] == '+' || rest == "0" {
			return 0, false
		}
	}
	whole := math.Round(n * float64(24*time.Hour))
	if whole >= math.MaxInt64 {
		return 0, false
	}
	d := time.Duration(whole) + more
	return Duration(d), d >= 0 // otherwise it overflowed
}

func isDecimal(text string) bool {
	return text != "" && strings.Trim(text, "0123456789.") == ""
}

// Std returns the duration as the standard library's.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes the duration so that ParseDuration reads it: "2d12h0m0s" as
// "2d12h".
func (d Duration) String() string {
	const day = Duration(24 * time.Hour)
	if d < day {
		return shorten(time.Duration(d))
	}
	text := strconv.FormatInt(int64(d/day), 10) + "d"
	if rest := d % day; rest != 0 {
		text += shorten(time.Duration(rest))
	}
	return text
}

// shorten drops the zero units that [time.Duration.String] ends with.
func shorten(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText writes what String returns.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalYAML reads what [ParseDuration] reads. The error names the line.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: a duration must be one value, such as 90s", node.Line)}}
	}
	if err := d.UnmarshalText([]byte(node.Value)); err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %v", node.Line, err)}}
	}
	return nil
}

// UnmarshalText reads what [ParseDuration] reads.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// specLines are the lines on which the fields of a spec stand, by their paths.
type specLines map[string]int

// addTo adds to each field of an [alipayplus.ValidationError] its line, or that of what it
// is missing in.
func (l specLines) addTo(err error) error {
	invalid, ok := errors.AsType[*alipayplus.ValidationError](err)
	if !ok {
		return err
	}
	for i, field := range invalid.Fields {
		for path := field.Path; path != ""; path = parentPath(path) {
			if line := l[path]; line > 0 {
				invalid.Fields[i].Message += fmt.Sprintf(" (line %d)", line)
				break
			}
		}
	}
	return err
}

// parentPath is what a field is in: "steps[0]" of "steps[0].ratio"; empty for the whole.
func parentPath(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// readStrictly checks that each number of a spec is written as what it is read as. The YAML
// library reads 12.9 as 12 where a whole number belongs, 010 as 8, and 1_0 as 10. A field
// without a value is an error too: "bake:" is more likely a forgotten bake time than none.
func readStrictly(data []byte) (*strictText, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, err
	}
	t := &strictText{lines: make(specLines)}
	for _, root := range document.Content {
		t.checkNoEmptyValue(root)
		t.check(root, reflect.TypeFor[Spec](), "", "")
	}
	return t, nil
}

// strictText is what readStrictly found.
type strictText struct {
	lines  specLines
	faults []alipayplus.FieldError
}

// add adds faults of the whole.
func (t *strictText) add(faults ...error) {
	for _, err := range faults {
		t.fault("", "cannot be read: %v", err)
	}
}

func (t *strictText) fault(path, format string, args ...any) {
	t.faults = append(t.faults, alipayplus.FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
}

// checkNoEmptyValue reports the first field without a value.
func (t *strictText) checkNoEmptyValue(node *yaml.Node) {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" && t.faults == nil {
		t.fault("", "cannot be read: line %d: a value is missing; give one, or remove the field", node.Line)
	}
	for _, inner := range node.Content {
		t.checkNoEmptyValue(inner)
	}
}

// check goes through a node and the type that it will be read as. What does not fit the type
// is left to the YAML library. rules are those of the field.
func (t *strictText) check(node *yaml.Node, as reflect.Type, path, rules string) {
	t.lines[path] = node.Line
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if as.Kind() == reflect.Pointer {
		as = as.Elem()
	}
	switch {
	case node.Kind == yaml.ScalarNode:
		t.checkScalar(node, as, path, rules)
	case node.Kind == yaml.SequenceNode && as.Kind() == reflect.Slice:
		for i, entry := range node.Content {
			t.check(entry, as.Elem(), fmt.Sprintf("%s[%d]", path, i), "")
		}
	case node.Kind == yaml.MappingNode && as.Kind() == reflect.Map:
		for i := 0; i+1 < len(node.Content); i += 2 {
			t.check(node.Content[i+1], as.Elem(), fmt.Sprintf("%s[%s]", path, node.Content[i].Value), "")
		}
	case node.Kind == yaml.MappingNode && as.Kind() == reflect.Struct:
		t.checkStruct(node, as, path)
	}
}

func (t *strictText) checkStruct(node *yaml.Node, as reflect.Type, path string) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Tag == "!!merge" {
			t.check(value, as, path, "")
			if value.Kind == yaml.SequenceNode {
				for _, part := range value.Content {
					t.check(part, as, path, "")
				}
			}
			continue
		}
		for _, field := range reflect.VisibleFields(as) {
			name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
			if name != "" && name == key.Value {
				t.check(value, field.Type, strings.TrimPrefix(path+"."+name, "."), field.Tag.Get("validate"))
			}
		}
	}
}

var (
	wholeNumber = regexp.MustCompile(`^(?:0|[1-9][0-9]*)$`)
	// decimalNumber has no leading zero, with which YAML's older form is octal.
	decimalNumber = regexp.MustCompile(`^[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$`)
)

func (t *strictText) checkScalar(node *yaml.Node, as reflect.Type, path, rules string) {
	if node.ShortTag() == "!!null" {
		return
	}
	shown := validation.OneLine(node.Value)
	if most := 40; len(shown) > most {
		shown = strings.ToValidUTF8(shown[:most], "") + "..."
	}
	zero, quoted := false, isQuoted(node)
	switch as.Kind() {
	case reflect.Bool:
		if node.ShortTag() != "!!bool" {
			t.fault(path, "must be true or false, not %q", shown)
		}
		return
	case reflect.Int:
		zero = t.checkWhole(node, path, shown, quoted)
	case reflect.Float64:
		t.checkDecimal(node, path, shown, quoted)
	case reflect.Int64: // a duration, which YAML reads by ParseDuration
		d, err := ParseDuration(node.Value)
		zero = err == nil && d == 0
	default:
		return
	}
	list := strings.Split(rules, ",")
	if zero && slices.Contains(list, "omitempty") && (slices.Contains(list, "gt=0") || slices.Contains(list, "min=1")) {
		t.fault(path, "must be above 0; without it, the default holds")
	}
}

// isQuoted says that a value is a text whatever it looks like.
func isQuoted(node *yaml.Node) bool {
	if tag := node.ShortTag(); node.Style&yaml.TaggedStyle != 0 && tag != "!!int" && tag != "!!float" {
		return true // !!str 10, which the YAML library would leave out
	}
	return node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// checkWhole checks a whole number, and says whether it is 0.
func (t *strictText) checkWhole(node *yaml.Node, path, shown string, quoted bool) (zero bool) {
	n, err := strconv.ParseInt(node.Value, 10, 32)
	switch {
	case quoted && wholeNumber.MatchString(node.Value):
		t.fault(path, "must be a number, and is a text; write %s without quotes", shown)
	case !wholeNumber.MatchString(node.Value):
		t.fault(path, "must be a whole number in plain digits, such as 10, and not %q", shown)
	case err != nil:
		t.fault(path, "is too large: %s", shown)
	}
	return err == nil && n == 0
}

// checkDecimal checks a number that need not be whole.
func (t *strictText) checkDecimal(node *yaml.Node, path, shown string, quoted bool) {
	x, err := strconv.ParseFloat(node.Value, 64)
	switch {
	case quoted && decimalNumber.MatchString(node.Value):
		t.fault(path, "must be a number, and is a text; write %s without quotes", shown)
	case !decimalNumber.MatchString(node.Value):
		t.fault(path, "must be a number in plain digits, such as 0.01, and not %q", shown)
	case err != nil, x == 0 && strings.ContainsAny(mantissa(node.Value), "123456789"):
		t.fault(path, "is further from or nearer to 0 than a number of 64 bits can be: %s", shown)
	}
}

// mantissa is a number without its exponent.
func mantissa(number string) string {
	before, _, _ := strings.Cut(strings.ToLower(number), "e")
	return before
}
