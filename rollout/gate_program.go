package rollout

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// programFault says in plain words why a program cannot be started; nil when nothing
// is seen. What the operating system says of it names the script where its interpreter is
// missing.
func programFault(name string) error {
	path, err := exec.LookPath(name)
	shown := validation.OneLine(name)
	switch {
	case errors.Is(err, exec.ErrDot):
		return fmt.Errorf("%s is in the working directory, and not named so; write ./%s", shown, shown)
	case errors.Is(err, syscall.EISDIR):
		return fmt.Errorf("%s is a folder, and no program", shown)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s is not executable; chmod +x makes it so", shown)
	case err != nil && filepath.Base(name) == name:
		if info, err := os.Stat(name); err == nil && !info.IsDir() {
			return fmt.Errorf("%s is no program in PATH; for the one in the working directory write ./%s", shown, shown)
		}
		return fmt.Errorf("%s is no program in PATH", shown)
	case err != nil && filepath.IsAbs(name):
		return fmt.Errorf("%s is not there", shown)
	case err != nil:
		return fmt.Errorf("%s is not there; it is looked for from the working directory %s", shown, workingDirectory())
	case runtime.GOOS == "windows":
		return nil
	}
	return scriptFault(shown, path)
}

func workingDirectory() string {
	dir, err := os.Getwd()
	if err != nil {
		return "of the runner"
	}
	return validation.OneLine(dir)
}

// scriptFault says what is wrong with the first line of a script; nil for another program.
func scriptFault(shown, path string) error {
	first, err := firstLine(path)
	if err != nil {
		return nil //nolint:nilerr // who may execute a program need not be allowed to read it
	}
	if bytes.HasPrefix(first, []byte("\xef\xbb\xbf#!")) {
		return fmt.Errorf("%s begins with a byte order mark, before #!; save it without", shown)
	}
	line, isScript := bytes.CutPrefix(first, []byte("#!"))
	if !isScript {
		return nil
	}
	if bytes.HasSuffix(line, []byte("\r")) {
		return fmt.Errorf("the first line of %s ends in a carriage return, so its interpreter is not found; save it with the line ends of Unix", shown)
	}
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return fmt.Errorf("the first line of %s names no interpreter", shown)
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return fmt.Errorf("the interpreter of %s, %s, is not there or not executable", shown, validation.OneLine(words[0]))
	}
	if filepath.Base(words[0]) == "env" && len(words) > 1 && !strings.HasPrefix(words[1], "-") && !strings.Contains(words[1], "=") {
		if _, err := exec.LookPath(words[1]); err != nil {
			return fmt.Errorf("the interpreter of %s, %s, is no program in PATH", shown, validation.OneLine(words[1]))
		}
	}
	return nil
}

// firstLine is the beginning of a file up to its first line feed.
func firstLine(path string) ([]byte, error) {
	const most = 256 // of it the kernel reads
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	line, err := bufio.NewReader(io.LimitReader(file, most)).ReadBytes('\n')
	return bytes.TrimSuffix(line, []byte("\n")), errIfNotEnd(err)
}

func errIfNotEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
