package main

import (
	"bytes"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/gateway"
)

// documented returns the files of the README's pipelines by their names, which their first line
// says.
func documented(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	files := make(map[string]string)
	for _, block := range regexp.MustCompile("(?ms)^```(?:yaml|groovy)\n(?:#|//) (\\S+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		files[block[1]] = block[2]
	}
	return files
}

// team is a company with a repository of its own: it has nothing of this one but what the
// documents say, a mini program, and credentials of a platform on which a merchant has
// authorized it.
type team struct {
	*testing.T
	origin string
	env    map[string]string
	g      *gateway.Gateway
}

func newTeam(t *testing.T) *team {
	t.Helper()
	for _, program := range []string{"git", "bash"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s here", program)
		}
	}
	g, err := gateway.Open(t.Context(), gateway.Options{AutoReview: 50 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	require.NoError(t, g.GrantAuthorization(t.Context(), g.Workspace(), g.Program(), alipayplus.TargetAlipayCN))
	home := t.TempDir()
	s := &team{T: t, g: g, origin: filepath.Join(home, "tea.git"), env: map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": home, "GIT_CONFIG_NOSYSTEM": "1", "ALIPAYPLUS_SHIP_INTERVAL": "50ms",
	}}
	c := g.Credentials(gateway.Developer)
	maps.Copy(s.env, map[string]string{
		"ALIPAYPLUS_BASE_URL": server.URL, "ALIPAYPLUS_CLIENT_ID": c.ClientID,
		"ALIPAYPLUS_PRIVATE_KEY": string(c.PrivateKey), "ALIPAYPLUS_PLATFORM_PUBLIC_KEY": string(c.PlatformKey),
	})
	s.begin()
	return s
}

// begin makes the repository: a mini program, and the files of the documents.
func (s *team) begin() {
	s.Helper()
	s.sh(s.env["HOME"], nil, "git init --quiet --bare --initial-branch=main tea.git && git clone --quiet tea.git work 2>/dev/null")
	work := filepath.Join(s.env["HOME"], "work")
	files := documented(s.T)
	files["miniprogram/app.json"] = `{"pages": ["pages/index/index"]}`
	for name, content := range files {
		require.NoError(s, os.MkdirAll(filepath.Join(work, filepath.Dir(name)), 0o700))
		require.NoError(s, os.WriteFile(filepath.Join(work, name), []byte(content), 0o600))
	}
	s.sh(work, nil, "git add . && git -c user.name=Mei -c user.email=mei@bluelake.example commit --quiet -m Begin && git push --quiet origin HEAD:main")
}

// checkout is a clone as a job has one.
func (s *team) checkout() (dir string) {
	s.Helper()
	dir = filepath.Join(s.TempDir(), "checkout")
	s.sh(s.env["HOME"], nil, "git clone --quiet --depth=1 'file://"+s.origin+"' '"+dir+"' && cd '"+dir+"' && git checkout --quiet --detach")
	return dir
}

// sh runs commands in a folder, as the shell of a job does, and returns what they print.
func (s *team) sh(dir string, env map[string]string, script string) string {
	s.Helper()
	status, out := s.exit(dir, env, script)
	require.Equal(s, 0, status, "%s\n%s", script, out)
	return out
}

func (s *team) exit(dir string, env map[string]string, script string) (status int, out string) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = dir, []string{}
	all := maps.Clone(s.env)
	maps.Copy(all, env)
	for name, value := range all {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		require.NoError(s, err)
	}
	return cmd.ProcessState.ExitCode(), both.String()
}

// shipped checks that the release is with all users, and that each ratio was set once.
func (s *team) shipped() {
	s.Helper()
	owner, err := s.g.Client(s.Context(), s.g.Workspace(), gateway.Owner)
	require.NoError(s, err)
	releases, err := owner.Releases.List(s.Context(), alipayplus.ListReleasesInput{})
	require.NoError(s, err)
	require.Len(s, releases.Items, 1)
	require.Equal(s, alipayplus.ReleaseFull, releases.Items[0].Status)
	var ratios []string
	for e, err := range s.g.Audit(s.Context(), s.g.Workspace()) {
		require.NoError(s, err)
		if e.Kind == "release" && e.From != "" {
			ratios = append(ratios, e.To)
		}
	}
	require.Equal(s, climbedToTheEnd(1, 10), ratios)
	require.Contains(s, s.sh(s.origin, nil, "git branch --list --format='%(refname:short)'"), "rollout-state")
}

// What follows runs workflows of GitHub Actions, as far as those of the documents need it.

type workflow struct {
	Env  map[string]string `yaml:"env"`
	Jobs yaml.Node         `yaml:"jobs"`
}

type workflowJob struct {
	Needs   string            `yaml:"needs"`
	If      string            `yaml:"if"`
	Outputs map[string]string `yaml:"outputs"`
	Steps   []workflowStep    `yaml:"steps"`
}

type workflowStep struct {
	ID, Name, If, Uses, Run, Shell string
	With, Env                      map[string]string
}

type compositeAction struct {
	Inputs  map[string]struct{ Default string }
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []workflowStep
	}
}

// parsed reads YAML.
func parsed(t require.TestingT, text string, into any) {
	require.NoError(t, yaml.Unmarshal([]byte(text), into))
}

var expression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

// resolved replaces expressions by what they stand for. What stands for nothing is a mistake in the
// document.
func resolved(t require.TestingT, text string, known map[string]string) string {
	return expression.ReplaceAllStringFunc(text, func(whole string) string {
		name := expression.FindStringSubmatch(whole)[1]
		value, ok := known[name]
		if !ok && !strings.Contains(name, ".outputs.") {
			require.Fail(t, "nothing is called "+name)
		}
		return value
	})
}

// runs says whether a condition of a job holds: NAME != ”.
func runs(t require.TestingT, condition string, known map[string]string) bool {
	if condition == "" {
		return true
	}
	name, is := strings.CutSuffix(condition, " != ''")
	require.True(t, is, condition)
	return known[name] != ""
}

// workflow runs a workflow once, as a schedule does.
func (s *team) workflow(text string) {
	s.Helper()
	var w workflow
	parsed(s, text, &w)
	known := map[string]string{}
	for name, value := range s.env {
		known["vars."+name], known["secrets."+name] = value, value
	}
	for i := 0; i < len(w.Jobs.Content); i += 2 {
		name := w.Jobs.Content[i].Value
		var job workflowJob
		require.NoError(s, w.Jobs.Content[i+1].Decode(&job))
		if !runs(s, job.If, known) {
			continue
		}
		dir := s.checkout()
		env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "mei", "RUNNER_TEMP": s.TempDir()}
		for variable, value := range w.Env {
			env[variable] = resolved(s, value, known)
		}
		for _, step := range job.Steps {
			s.step(dir, env, known, step)
		}
		for output, value := range job.Outputs {
			known["needs."+name+".outputs."+output] = resolved(s, value, known)
		}
	}
}

// step runs one step, and notes its outputs.
func (s *team) step(dir string, env, known map[string]string, step workflowStep) {
	s.Helper()
	switch use, _, _ := strings.Cut(step.Uses, "@"); use {
	case "":
		s.script(dir, env, known, step)
	case "actions/checkout", "actions/setup-go": // the folder and Go are there
	case "alipayplus-go/alipayplus":
		s.action(dir, env, known, step)
	default:
		require.Fail(s, "no test knows the action "+step.Uses)
	}
}

// script runs a step that is commands.
func (s *team) script(dir string, env, known map[string]string, step workflowStep) {
	s.Helper()
	own := maps.Clone(env)
	files := s.TempDir()
	own["GITHUB_OUTPUT"], own["GITHUB_STEP_SUMMARY"], own["GITHUB_PATH"] = filepath.Join(files, "output"), filepath.Join(files, "summary"), filepath.Join(files, "path")
	for name, value := range step.Env {
		own[name] = resolved(s, value, known)
	}
	if path := env["PATH"]; path != "" {
		own["PATH"] = path
	}
	out := s.sh(dir, own, resolved(s, step.Run, known))
	s.Logf("%s\n%s", step.Run, out)
	if path, err := os.ReadFile(own["GITHUB_PATH"]); err == nil {
		env["PATH"] = strings.TrimSpace(string(path)) + string(os.PathListSeparator) + s.env["PATH"]
	}
	written, _ := os.ReadFile(own["GITHUB_OUTPUT"])
	for _, output := range regexp.MustCompile(`(?m)^([a-z-]+)<<(\S+)\n(?s:(.*?))\n(\S+)$`).FindAllStringSubmatch(string(written), -1) {
		require.Equal(s, output[2], output[4])
		known["steps."+step.ID+".outputs."+output[1]] = output[3]
	}
}

// action runs the action of this repository.
func (s *team) action(dir string, env, known map[string]string, step workflowStep) {
	s.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(s, err)
	text, err := os.ReadFile(filepath.Join(root, "action.yml"))
	require.NoError(s, err)
	var action compositeAction
	parsed(s, string(text), &action)
	require.Equal(s, "composite", action.Runs.Using)
	inside := make(map[string]string)
	for name, input := range action.Inputs {
		inside["inputs."+name] = input.Default
	}
	for name, value := range step.With {
		require.Contains(s, action.Inputs, name)
		inside["inputs."+name] = resolved(s, value, known)
	}
	env["GITHUB_ACTION_PATH"] = root
	for _, variable := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
		out, err := exec.CommandContext(s.Context(), "go", "env", variable).Output()
		require.NoError(s, err)
		env[variable] = strings.TrimSpace(string(out))
	}
	for _, one := range action.Runs.Steps {
		s.step(dir, env, inside, one)
	}
	for name, output := range action.Outputs {
		known["steps."+step.ID+".outputs."+name] = resolved(s, output.Value, inside)
	}
}

// The workflow of the documents: the first job climbs to where a person must approve, the second
// one runs when they have, and the schedule finds nothing left to do.
func TestTheWorkflowOfGitHubShips(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the tool")
	}
	s := newTeam(t)
	text := documented(t)[".github/workflows/ship.yml"]
	require.NotEmpty(t, text)
	s.workflow(text)
	s.shipped()
	s.workflow(text)
	s.shipped()
}

// gitlabJob is a job of GitLab, as far as those of the documents have it.
type gitlabJob struct {
	Extends string
	Before  []string `yaml:"before_script"`
	Script  []string
	Allow   struct {
		Codes []int `yaml:"exit_codes"`
	} `yaml:"allow_failure"`
}

func TestThePipelineOfGitLabShips(t *testing.T) {
	s := newTeam(t)
	var jobs map[string]yaml.Node
	parsed(t, documented(t)[".gitlab-ci.yml"], &jobs)
	env := map[string]string{"GITLAB_USER_LOGIN": "mei", "STATE_TOKEN": "secret", "CI_REPOSITORY_URL": "https://gitlab-ci-token:x@gitlab.example/tea.git"}
	s.sh(s.env["HOME"], nil, "git config --global 'url.file://"+s.origin+".insteadOf' https://state:secret@gitlab.example/tea.git")
	job := func(name string, statuses ...int) {
		var j, base gitlabJob
		node := jobs[name]
		require.NoError(t, node.Decode(&j))
		node = jobs[j.Extends]
		require.NoError(t, node.Decode(&base))
		status, out := s.exit(s.checkout(), env, strings.Join(append(base.Before, j.Script...), "\n"))
		t.Logf("%s\n%s", name, out)
		require.Contains(t, append(j.Allow.Codes, 0), status, out)
		require.Contains(t, statuses, status, out)
	}
	job("ship", 8)
	job("approve", 0)
	s.shipped()
	job("ship", 0)
	s.shipped()
}

// A Jenkinsfile is a program in Groovy: what runs here are its shell commands, in their order.
func TestThePipelineOfJenkinsShips(t *testing.T) {
	s := newTeam(t)
	text := documented(t)["Jenkinsfile"]
	require.Equal(t, strings.Count(text, "{"), strings.Count(text, "}"))
	commands := regexp.MustCompile(`sh(?:\(returnStatus: true, script:)? '((?:[^'\\]|\\.)*)'`).FindAllStringSubmatch(text, -1)
	require.Len(t, commands, 4)
	dir := s.checkout()
	for i, command := range commands {
		script := strings.NewReplacer(`\'`, `'`, `\\`, `\`).Replace(command[1])
		status, out := s.exit(dir, map[string]string{"USER": "mei"}, script)
		t.Logf("%s\n%s", script, out)
		require.Equal(t, map[int]int{1: 8}[i], status, fmt.Sprint(script, "\n", out))
	}
	s.shipped()
}
