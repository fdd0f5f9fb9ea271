package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// onGitHub says whether the program runs in a job of GitHub Actions.
func onGitHub() bool { return os.Getenv("GITHUB_ACTIONS") == "true" }

// publish writes what a CI system reads besides the result. What fails here is told
// and changes nothing: how the rollout stands is worth more.
func (j *job) publish() {
	if j.opts.junit != "" && j.isRun() {
		j.warn("-junit", j.writeJUnit(j.opts.junit))
	}
	if !onGitHub() {
		return
	}
	_, _ = fmt.Fprint(j.stderr, j.found.annotation())
	j.warn("GITHUB_OUTPUT", appendTo(os.Getenv("GITHUB_OUTPUT"), j.found.outputs(rand.Text())))
	j.warn("GITHUB_STEP_SUMMARY", appendTo(os.Getenv("GITHUB_STEP_SUMMARY"), j.found.markdown()))
}

// appendTo adds text to a file, if there is one.
func appendTo(name, text string) error {
	if name == "" {
		return nil
	}
	file, err := openToAppend(name)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// annotation is the workflow command that shows how it ended; empty when all is well.
func (r *result) annotation() string {
	kind := "error"
	switch r.ExitStatus {
	case exitDone:
		return ""
	case exitPending:
		kind = "notice"
	case exitInterrupted:
		kind = "warning"
	}
	return fmt.Sprintf("::%s title=%s::%s\n", kind, asProperty("rollout: "+strings.ReplaceAll(r.Outcome, "_", " ")), asData(r.Message))
}

// asData escapes the text of a workflow command.
func asData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// asProperty escapes a property of a workflow command.
func asProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(asData(text))
}

// outputs are the outputs of the step, each between two lines of a delimiter that
// nobody can guess, so that no text in one makes another.
func (r *result) outputs(delimiter string) string {
	var b strings.Builder
	for _, output := range []struct{ name, value string }{
		{"outcome", r.Outcome},
		{"exit-status", strconv.Itoa(r.ExitStatus)},
		{"status", string(r.Status)},
		{"ratio", strconv.Itoa(int(r.Ratio))},
		{"message", r.Message},
		{"waiting-for", r.WaitingFor},
		{"go-on", r.GoOn},
		{"result", string(encode(r))},
	} {
		fmt.Fprintf(&b, "%s<<%s\n%s\n%s\n", output.name, delimiter, output.value, delimiter)
	}
	return b.String()
}
