package gitstate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// repository is a clone, and the branch of its remote.
type repository struct {
	// program is the git command.
	program             string
	dir, remote, branch string
}

// ref is the branch at the remote, and tracking the reference in the clone that keeps git from
// removing what was fetched or made.
func (r repository) ref() string      { return "refs/heads/" + r.branch }
func (r repository) tracking() string { return "refs/alipayplus/" + r.branch }

// fetch returns the commit that the branch is at, empty when there is no branch, and has it in
// the clone. Where that is not the known one, it returns files of it as well, nil for one that
// is not there.
func (r repository) fetch(ctx context.Context, known string, paths []string) (head string, files [][]byte, err error) {
	out, err := r.git(ctx, nil, "ls-remote", r.remote, r.ref())
	if err != nil {
		return "", nil, err
	}
	for line := range strings.Lines(out) { // the pattern matches the end of longer names too
		if commit, name, _ := strings.Cut(strings.TrimSpace(line), "\t"); name == r.ref() {
			head = commit
		}
	}
	if head == "" || head == known {
		return head, nil, nil
	}
	_, err = r.git(ctx, nil, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-gc", r.remote, "+"+r.ref()+":"+r.tracking())
	if err != nil {
		return "", nil, err
	}
	names := []string{r.tracking() + "^{commit}", r.tracking() + ":" + aboutFile} // it may have moved on
	for _, path := range paths {
		names = append(names, r.tracking()+":"+path)
	}
	found, err := r.objects(ctx, names)
	if err != nil {
		return "", nil, err
	}
	if found[1].id == "" {
		return "", nil, errors.New("the branch has something else in it; give a branch of its own: it was not made by this package")
	}
	return found[0].id, contents(found[2:]), nil
}

// read reads files of a commit; nil for one that is not there.
func (r repository) read(ctx context.Context, commit string, paths []string) ([][]byte, error) {
	var names []string
	for _, path := range paths {
		names = append(names, commit+":"+path)
	}
	found, err := r.objects(ctx, names)
	return contents(found), err
}

// object is an object of the clone; zero for one that is not there.
type object struct {
	id      string
	content []byte
}

func contents(objects []object) (all [][]byte) {
	for _, o := range objects {
		all = append(all, o.content)
	}
	return all
}

// objects reads objects by their names.
func (r repository) objects(ctx context.Context, names []string) (found []object, err error) {
	out, err := r.git(ctx, strings.NewReader(strings.Join(names, "\n")+"\n"), "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	answers := bufio.NewReader(strings.NewReader(out))
	for range names {
		head, err := answers.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("git cat-file: %w", err)
		}
		if strings.HasSuffix(head, " missing\n") {
			found = append(found, object{})
			continue
		}
		size, err := strconv.Atoi(strings.TrimSpace(head[strings.LastIndexByte(head, ' ')+1:]))
		if err != nil {
			return nil, fmt.Errorf("git cat-file: %w", err)
		}
		content := make([]byte, size+1) // and a line break
		if _, err := io.ReadFull(answers, content); err != nil {
			return nil, fmt.Errorf("git cat-file: %w", err)
		}
		id, _, _ := strings.Cut(head, " ")
		found = append(found, object{id, content[:size]})
	}
	return found, nil
}

// folders names those of a commit.
func (r repository) folders(ctx context.Context, commit string) ([]string, error) {
	out, err := r.git(ctx, nil, "ls-tree", "-d", "-z", "--name-only", commit)
	return strings.FieldsFunc(out, func(c rune) bool { return c == 0 }), err
}

// Whose the commits are: a person need not be configured.
const committer = "alipayplus <alipayplus@localhost.invalid>"

// commit makes a commit on top of a parent, empty for none, and returns it. Nothing of the clone
// is changed but the tracking reference.
func (r repository) commit(ctx context.Context, parent, message string, at time.Time, files []file) (string, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "commit %s\nmark :1\ncommitter %s %d +0000\n", r.tracking(), committer, at.Unix())
	data(&b, []byte(strings.Join(strings.Fields(message), " ")+"\n\n[skip ci]\n"))
	if parent != "" {
		fmt.Fprintf(&b, "from %s\n", parent)
	} else {
		fmt.Fprintf(&b, "deleteall\n")
		files = append(files, file{aboutFile, []byte(about)})
	}
	for _, f := range files {
		if f.content == nil {
			fmt.Fprintf(&b, "D %s\n", f.path)
			continue
		}
		fmt.Fprintf(&b, "M 100644 inline %s\n", f.path)
		data(&b, f.content)
	}
	b.WriteString("get-mark :1\ndone\n")
	if parent == "" { // otherwise what the reference is at would be the parent
		if _, err := r.git(ctx, nil, "update-ref", "-d", r.tracking()); err != nil {
			return "", err
		}
	}
	out, err := r.git(ctx, &b, "fast-import", "--quiet", "--done", "--force")
	return strings.TrimSpace(out), err
}

func data(b *bytes.Buffer, content []byte) {
	fmt.Fprintf(b, "data %d\n", len(content))
	b.Write(content)
	b.WriteByte('\n')
}

// push moves the branch from one commit on to the next, and says whether it did: not when
// somebody else has moved it meanwhile.
func (r repository) push(ctx context.Context, commit, from string) (pushed bool, err error) {
	_, failure := r.git(ctx, nil, "-c", "push.followTags=false", "push", "--quiet", "--no-verify", "--no-signed", "--recurse-submodules=no", r.remote, commit+":"+r.ref())
	if failure == nil {
		return true, nil
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	// Whatever git says, the branch tells: the answer may have got lost.
	head, _, err := r.fetch(ctx, from, nil)
	if err != nil {
		return false, failure
	}
	switch {
	case head == commit:
		return true, nil
	case head == from || head == "":
		if raced(failure) {
			return false, nil
		}
		return false, failure
	}
	_, err = r.git(ctx, nil, "merge-base", "--is-ancestor", commit, head)
	return err == nil, nil
}

// raced says whether the remote refused a push because another one came at the same time.
func raced(err error) bool {
	text := err.Error()
	for _, sign := range []string{"fetch first", "non-fast-forward", "cannot lock ref", "failed to update ref", "reference already exists", "stale info", "incorrect old value"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// waitForPipes is how long what git has started may keep its pipes open after git was killed.
const waitForPipes = 5 * time.Second

// git runs git in the clone, and returns what it printed. It asks nobody for a password.
func (r repository) git(ctx context.Context, in io.Reader, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, r.program, args...) //nolint:gosec // git, by its name
	cmd.Dir, cmd.Stdin, cmd.WaitDelay = r.dir, in, waitForPipes
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0")
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	err := cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("there is no git command; install git")
	}
	return "", &gitError{command: commandOf(args), text: hideUsers(messages.String()), err: err}
}

// commandOf is the command among the arguments of git.
func commandOf(args []string) string {
	for i := 0; i < len(args); i++ {
		if args[i] == "-c" {
			i++
			continue
		}
		return args[i]
	}
	return ""
}

// gitError is what git said.
type gitError struct {
	command, text string
	err           error
}

// Error is one line.
func (e *gitError) Error() string {
	text := strings.Join(strings.Fields(e.text), " ")
	if text == "" {
		text = e.err.Error()
	}
	const longest = 500
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	return "git " + e.command + ": " + strings.ToValidUTF8(text, "?") + wayOut(e.text)
}

func (e *gitError) Unwrap() error { return e.err }

// wayOut says what to do about the most frequent refusals. The texts looked for are git's words,
// never digits alone: hashes and paths have any digits.
func wayOut(text string) string {
	switch {
	case strings.Contains(text, "not a git repository"), strings.Contains(text, "does not appear to be a git repository"):
		return "; run it in a clone of the repository, whose remote is there"
	case strings.Contains(text, "could not read Username"), strings.Contains(text, "Authentication failed"), strings.Contains(text, "Permission denied"), strings.Contains(text, "error: 403"):
		return "; let the job push to the repository: in GitHub Actions permissions: contents: write, in GitLab a token with write_repository"
	case strings.Contains(text, "protected branch"), strings.Contains(text, "GH006"), strings.Contains(text, "GH013"):
		return "; give a branch that no rule protects"
	default:
		return ""
	}
}

// hideUsers removes what stands for user and password in the addresses of a text: a remote of
// the clone may have them.
func hideUsers(text string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "://")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("://")
		host := rest
		if end := strings.IndexAny(rest, "/ '\"\n"); end >= 0 {
			host = rest[:end]
		}
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			rest = rest[at+1:]
		}
		text = rest
	}
}
