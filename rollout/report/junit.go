package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"
)

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`

	class   string
	seconds float64
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Skipped *junitProblem `xml:"skipped"`
}

// junitProblem says what is wrong twice: some readers show the attribute, others the body.
type junitProblem struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Body    string `xml:",chardata"`
}

// JUnit returns the review, each ratio, each gate and the rollout itself as test cases: what
// is behind has passed, what is to come is skipped. The names of cases are the same for
// each version of a mini program, so that readers show their history, and hold nothing that
// readers replace or take for a separator.
func (r *Report) JUnit() []byte {
	content, err := xml.MarshalIndent(r.junit(), "", "  ")
	if err != nil { // nothing that is written here can fail
		content = []byte(err.Error())
	}
	return append([]byte(xml.Header), append(content, '\n')...)
}

// WriteJUnit writes what [Report.JUnit] returns to a file, whole or not at all. It makes the
// folders.
func (r *Report) WriteJUnit(path string) error { return writeFile(path, r.JUnit()) }

func (r *Report) junit() *junitSuites {
	s := junitSuite{Name: "rollout " + r.title(), class: "rollout." + junitName(cmp.Or(r.Program, r.Rollout, "not begun"))}
	for _, property := range []junitProperty{
		{"rollout", r.Rollout}, {"target", r.Target}, {"program", r.Program}, {"version", r.Version}, {"outcome", r.Outcome}, {"goOn", r.GoOn},
	} {
		if property.Value != "" {
			s.Properties = append(s.Properties, property)
		}
	}
	for _, step := range r.Steps {
		name := step.Name
		if step.Ratio > 0 {
			name = fmt.Sprintf("ratio %d", int(step.Ratio))
		}
		s.add(name, step.Seconds, step.State, step.Why, r)
		for _, gate := range step.Gates {
			s.add(name+" gate "+junitName(gate.Name), 0, gate.State, gate.Why, r)
		}
	}
	s.whole(r)
	s.Time = fmt.Sprintf("%.3f", s.seconds)
	return &junitSuites{Suite: s}
}

// junitName is a name without what readers of JUnit files replace or take for a separator:
// Jenkins splits classes at dots, and it and others replace what cannot stand in an address
// or the name of a file.
func junitName(name string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`./\:?#%<>&"'*|`, r) {
			return '-'
		}
		return r
	}, OneLine(name))
}

func (s *junitSuite) add(name string, seconds float64, state StepState, why string, r *Report) {
	c := junitCase{Class: s.class, Name: name, Time: fmt.Sprintf("%.3f", seconds)}
	switch state {
	case StepFailed:
		s.Failures++
		c.Failure = r.problem(why)
	case StepTodo, StepSkipped:
		s.Skipped++
		c.Skipped = &junitProblem{Message: cmp.Or(why, string(state)), Body: cmp.Or(why, string(state))}
	case StepDone, StepLive:
	}
	s.Tests++
	s.seconds += seconds
	s.Cases = append(s.Cases, c)
}

// problem is what is wrong, with how to continue in its body.
func (r *Report) problem(message string) *junitProblem {
	lines := []string{message}
	if r.Message != message {
		lines = append(lines, r.Message)
	}
	if r.GoOn != "" {
		lines = append(lines, "to continue: "+r.GoOn)
	}
	return &junitProblem{Message: message, Type: r.Outcome, Body: strings.Join(lines, "\n")}
}

// whole adds the rollout itself, so that whatever ended it shows.
func (s *junitSuite) whole(r *Report) {
	c := junitCase{Class: s.class, Name: "all users", Time: "0.000"}
	problem := r.problem(r.Message)
	switch r.ExitStatus {
	case ExitDone:
	case ExitPending, ExitInterrupted:
		s.Skipped++
		c.Skipped = problem
	case ExitInternal, ExitUsage, ExitAuthentication, ExitNotFound:
		s.Errors++
		c.Error = problem
	default:
		s.Failures++
		c.Failure = problem
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}
