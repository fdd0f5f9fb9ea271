// Planted shows that the simulation finds mistakes: each of a list is made in the source, one at a time and in no file, and
// worlds are tried until one breaks a rule.
//
//	go run ./tools/planted [-seeds 200] [-only "lease"]
//
// It prints after how many worlds each was found, and by which rule, and fails when one was not. Faults that are not found
// say what the simulated world lacks.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	p := plants{out: os.Stdout}
	flag.StringVar(&p.root, "root", ".", "the folder of the repository")
	flag.IntVar(&p.seeds, "seeds", 200, "how many worlds are tried for each fault, at most")
	only := flag.String("only", "", "only those whose names match this regular expression")
	flag.Parse()
	found, all, err := p.run(ctx, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "planted:", err)
		os.Exit(1)
	}
	fmt.Printf("%d of %d planted faults are found\n", found, all)
	if found < all {
		os.Exit(1)
	}
}

// plants tries planted faults.
type plants struct {
	root  string
	seeds int
	out   io.Writer
}

func (p plants) run(ctx context.Context, only string) (found, all int, err error) {
	match, err := regexp.Compile(only)
	if err != nil {
		return 0, 0, err
	}
	root, err := filepath.Abs(p.root)
	if err != nil {
		return 0, 0, err
	}
	dir, err := os.MkdirTemp("", "planted")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, f := range faults() {
		if !match.MatchString(f.name) {
			continue
		}
		all++
		began := time.Now()
		result, is, err := p.try(ctx, f, root, dir)
		if err != nil {
			return found, all, fmt.Errorf("%s: %w", f.name, err)
		}
		if is {
			found++
		}
		if _, err := fmt.Fprintf(p.out, "%-70s %-40s %s (%v)\n", f.name, f.file, result, time.Since(began).Round(time.Second)); err != nil {
			return found, all, err
		}
	}
	return found, all, nil
}

// overlay is the source with a fault, for the go command.
func (f fault) overlay(root, dir string) (file string, err error) {
	path := filepath.Join(root, f.file)
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	planted, err := f.in(string(source))
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "planted.go")
	if err := os.WriteFile(changed, []byte(planted), 0o600); err != nil { //nolint:gosec // in a folder of its own
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, text, 0o600)
}

// in is a source with the fault.
func (f fault) in(source string) (string, error) {
	if n := strings.Count(source, f.old); n != 1 || f.old == "" {
		return "", fmt.Errorf("%s has %d places for the fault %q, and must have one", f.file, n, f.name)
	}
	return strings.Replace(source, f.old, f.new, 1), nil
}

// brokenBy is the seed and the rule in the output of the simulation.
var brokenBy = regexp.MustCompile(`seed (\d+): event \d+: ([^:\n]+):`)

// try lets worlds go on with a fault until one breaks a rule.
func (p plants) try(ctx context.Context, f fault, root, dir string) (result string, found bool, err error) {
	overlay, err := f.overlay(root, dir)
	if err != nil {
		return "", false, err
	}
	simulation := filepath.Join(dir, "simulation.test")
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", simulation, "./internal/sim") //nolint:gosec // as above
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", false, fmt.Errorf("%w: %s", err, out)
	}
	test := exec.CommandContext(ctx, simulation, "-test.run", "^TestSeeds$", "-seeds", fmt.Sprint(p.seeds), "-explain=false") //nolint:gosec // as above
	test.Dir = filepath.Join(root, "internal", "sim")
	out, err := test.CombinedOutput()
	if err == nil {
		return fmt.Sprintf("NOT FOUND in %d worlds", p.seeds), false, nil
	}
	if m := brokenBy.FindSubmatch(out); m != nil {
		return fmt.Sprintf("world %s: %s", m[1], m[2]), true, nil
	}
	if ctx.Err() != nil {
		return "", false, ctx.Err()
	}
	const most = 200
	return "the test ends: " + firstLines(string(out), most), true, nil
}

// firstLines is the beginning of a text in one line.
func firstLines(text string, most int) string {
	text = strings.Join(strings.Fields(text), " ")
	return text[:min(len(text), most)]
}
