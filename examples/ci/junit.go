package main

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"os"
)

type junitSuites struct {
	XMLName xml.Name   `xml:"testsuites"`
	Suite   junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Skipped *junitProblem `xml:"skipped"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
}

// writeJUnit writes the review, each ratio, each gate and the whole as test cases: what
// is behind has passed, what is to come is skipped.
func (j *job) writeJUnit(name string) error {
	content, err := xml.MarshalIndent(j.found.junit(), "", "  ")
	if err != nil {
		return err
	}
	const mode = 0o600
	return os.WriteFile(name, append([]byte(xml.Header), append(content, '\n')...), mode) //nolint:gosec // the caller says where
}

func (r *result) junit() *junitSuites {
	s := junitSuite{Name: "rollout " + cmp.Or(r.Rollout, "not begun")}
	for _, step := range r.Steps {
		s.add(step.Name, step.Seconds, step.State, step.Why)
		for _, gate := range step.Gates {
			s.add(fmt.Sprintf("%s gate %s", step.Name, gate.Name), 0, gate.State, gate.Why)
		}
	}
	s.whole(r)
	return &junitSuites{Suite: s}
}

func (s *junitSuite) add(name string, seconds float64, state stepState, why string) {
	c := junitCase{Class: s.Name, Name: name, Time: fmt.Sprintf("%.3f", seconds)}
	switch state {
	case stateFailed:
		s.Failures++
		c.Failure = &junitProblem{Message: why}
	case stateTodo, stateSkipped:
		s.Skipped++
		c.Skipped = &junitProblem{Message: cmp.Or(why, string(state))}
	case stateDone, stateLive:
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}

// whole adds the rollout itself, so that whatever ended it shows.
func (s *junitSuite) whole(r *result) {
	c := junitCase{Class: s.Name, Name: "all users", Time: "0.000"}
	problem := &junitProblem{Message: r.Message}
	switch r.ExitStatus {
	case exitDone:
	case exitPending, exitInterrupted:
		s.Skipped++
		c.Skipped = problem
	case exitInternal, exitUsage, exitAuthentication, exitNotFound:
		s.Errors++
		c.Error = problem
	default:
		s.Failures++
		c.Failure = problem
	}
	s.Tests++
	s.Cases = append(s.Cases, c)
}
