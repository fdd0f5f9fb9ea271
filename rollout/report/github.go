package report

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Annotation returns the workflow command by which a job of GitHub Actions shows how it
// ended, for its log; empty when all is well.
func (r *Report) Annotation() string {
	kind := "error"
	switch r.ExitStatus {
	case ExitDone:
		return ""
	case ExitPending:
		kind = "notice"
	case ExitInterrupted:
		kind = "warning"
	}
	title := cmp.Or(strings.TrimSpace(r.Program+" "+r.Version), "rollout")
	return fmt.Sprintf("::%s title=%s::%s\n", kind, asProperty(title+": "+strings.ReplaceAll(r.Outcome, "_", " ")), asData(r.Message))
}

// asData escapes the text of a workflow command.
func asData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(text)
}

// asProperty escapes a property of a workflow command.
func asProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(asData(text))
}

// WriteGitHub adds the outputs of the step and the summary to the files that GitHub Actions
// names by the variables GITHUB_OUTPUT and GITHUB_STEP_SUMMARY; what is not set is left out.
// A file that was cut off is continued so that GitHub can read it. getenv is mostly
// [os.Getenv].
func (r *Report) WriteGitHub(getenv func(name string) string) error {
	var failures []error
	for _, file := range []struct {
		variable string
		mend     func(before string) string
		text     string
	}{
		{"GITHUB_OUTPUT", endOutput, r.outputs(rand.Text())},
		{"GITHUB_STEP_SUMMARY", endFence, r.Markdown()},
	} {
		path := getenv(file.variable)
		if path == "" {
			continue
		}
		if err := appendFile(path, file.mend, file.text); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", file.variable, err))
		}
	}
	return errors.Join(failures...)
}

// outputs are the outputs of the step, each between two lines of a delimiter that
// nobody can guess, so that no text in one makes another.
func (r *Report) outputs(delimiter string) string {
	var b strings.Builder
	for _, output := range []struct{ name, value string }{
		{"outcome", r.Outcome},
		{"exit-status", strconv.Itoa(int(r.ExitStatus))},
		{"status", string(r.Status)},
		{"ratio", strconv.Itoa(int(r.Ratio))},
		{"program", r.Program},
		{"version", r.Version},
		{"message", r.Message},
		{"waiting-for", r.WaitingFor},
		{"approve", r.Approve},
		{"go-on", r.GoOn},
		{"result", string(Encode(r))},
	} {
		fmt.Fprintf(&b, "%s<<%s\n%s\n%s\n", output.name, delimiter, output.value, delimiter)
	}
	return b.String()
}

// endOutput is what ends the output in which a file of GitHub Actions was cut off, and its
// last line; empty when it was not. GitHub refuses the whole file for one line that it cannot
// read: a name with neither "=" nor "<<" behind it, or "<<" without a delimiter.
func endOutput(before string) string {
	const missing = "cut-off" // a delimiter for an output that has none
	delimiter, rest := "", ""
	for line := range strings.Lines(before) {
		whole := strings.HasSuffix(line, "\n")
		line = strings.TrimRight(line, "\r\n")
		name, value, several := strings.Cut(line, "<<")
		several = several && !strings.Contains(name, "=")
		rest = ""
		switch {
		case delimiter != "" && line == delimiter:
			delimiter = ""
		case delimiter != "":
		case several && value == "" && !whole:
			delimiter, rest = missing, missing
		case several:
			delimiter = value
		case !whole && line != "" && !strings.Contains(line, "="):
			rest = "="
		}
		if !whole {
			rest += "\n"
		}
	}
	if delimiter == "" {
		return rest
	}
	return rest + delimiter + "\n"
}

// endFence is what ends the code in which a Markdown file was cut off, and its last line;
// empty when it was not.
func endFence(before string) (end string) {
	open := false
	for line := range strings.Lines(before) {
		if strings.HasPrefix(line, "```") {
			open = !open
		}
	}
	if before != "" && !strings.HasSuffix(before, "\n") {
		end = "\n"
	}
	if open {
		end += "```\n"
	}
	return end
}
