package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	xmodule "golang.org/x/mod/module"
)

// repository is the repository in memory.
type repository struct {
	// files are those that git knows or would add, by slash-separated path.
	files map[string][]byte
	// edited are the former contents of files that differ now.
	edited map[string][]byte
	// modules are the modules, each behind those that it requires.
	modules []*module
}

// module is one Go module of the repository.
type module struct {
	// dir is its folder, "" for the root.
	dir string
	// path is its module path.
	path string
	// requires are the paths of the modules of this repository that it requires.
	requires []string
}

// in returns the path of a file in the module's folder.
func (m *module) in(name string) string { return path.Join(m.dir, name) }

// read reads the repository in the folder root.
func read(root string) (*repository, error) {
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard") //nolint:noctx // it ends at once
	cmd.Dir = root
	list, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", root, err)
	}
	r := &repository{files: make(map[string][]byte), edited: make(map[string][]byte)}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if errors.Is(err, os.ErrNotExist) { // deleted, but still in git's index
			continue
		}
		if err != nil {
			return nil, err
		}
		r.files[name] = content
	}
	return r, r.findModules()
}

func (r *repository) findModules() error {
	found := make(map[string]*module)
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		if path.Base(name) != "go.mod" || strings.Contains(name, "testdata/") {
			continue
		}
		file, err := modfile.Parse(name, r.files[name], nil)
		if err != nil {
			return err
		}
		m := &module{dir: strings.TrimSuffix(strings.TrimSuffix(name, "go.mod"), "/"), path: file.Module.Mod.Path}
		for _, required := range file.Require {
			m.requires = append(m.requires, required.Mod.Path)
		}
		found[m.path] = m
	}
	for _, m := range found {
		m.requires = slices.DeleteFunc(m.requires, func(path string) bool { return found[path] == nil })
	}
	var add func(m *module)
	add = func(m *module) {
		for _, required := range m.requires {
			add(found[required])
		}
		if !slices.Contains(r.modules, m) {
			r.modules = append(r.modules, m)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		add(found[path])
	}
	return nil
}

// published are the modules that are tagged.
func (r *repository) published() []*module {
	return slices.DeleteFunc(slices.Clone(r.modules), func(m *module) bool {
		return m.dir == developers || strings.HasPrefix(m.dir, developers+"/")
	})
}

// tag has the modules require version of each other.
func (r *repository) tag(version string, modules []*module) error {
	sums := make(map[string][]string) // lines of go.sum, by module path
	for _, m := range modules {
		err := r.editMod(m, func(file *modfile.File, required *module) error {
			if err := file.DropReplace(required.path, ""); err != nil {
				return err
			}
			return file.AddRequire(required.path, version)
		})
		if err != nil {
			return err
		}
		var lines []string
		for _, required := range m.requires {
			if sums[required] == nil {
				return fmt.Errorf("%s requires %s, which is not tagged", m.path, required)
			}
			lines = append(lines, sums[required]...)
		}
		if err := r.editSum(m, lines); err != nil {
			return err
		}
		if sums[m.path], err = r.sum(m, version); err != nil {
			return err
		}
	}
	return nil
}

// develop has all modules require this checkout.
func (r *repository) develop() error {
	for _, m := range r.modules {
		err := r.editMod(m, func(file *modfile.File, required *module) error {
			checkout, err := filepath.Rel(filepath.FromSlash(m.in(".")), filepath.FromSlash(required.in(".")))
			if err != nil {
				return err
			}
			if err := file.AddReplace(required.path, "", filepath.ToSlash(checkout), ""); err != nil {
				return err
			}
			return file.AddRequire(required.path, "v0.0.0")
		})
		if err != nil {
			return err
		}
		if err := r.editSum(m, nil); err != nil {
			return err
		}
	}
	return nil
}

// editMod has edit change what the go.mod file of a module says of each module of this repository that it requires.
func (r *repository) editMod(m *module, edit func(file *modfile.File, required *module) error) error {
	name := m.in("go.mod")
	file, err := modfile.Parse(name, r.files[name], nil)
	if err != nil {
		return err
	}
	for _, required := range r.modules {
		if slices.Contains(m.requires, required.path) {
			if err := edit(file, required); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	file.Cleanup()
	content, err := file.Format()
	if err != nil {
		return err
	}
	r.edit(name, content)
	return nil
}

// editSum puts the lines into the go.sum file of a module, in place of all others about modules of this repository.
func (r *repository) editSum(m *module, lines []string) error {
	name := m.in("go.sum")
	if len(m.requires) == 0 {
		return nil
	}
	for line := range strings.Lines(string(r.files[name])) {
		path, _, _ := strings.Cut(line, " ")
		if !slices.ContainsFunc(r.modules, func(m *module) bool { return m.path == path }) {
			lines = append(lines, line)
		}
	}
	hashes := make(map[xmodule.Version]string)
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) != 3 {
			return fmt.Errorf("%s: %q is no line of a go.sum file", name, line)
		}
		hashes[xmodule.Version{Path: words[0], Version: words[1]}] = words[2]
	}
	versions := slices.Collect(maps.Keys(hashes))
	xmodule.Sort(versions)
	var content bytes.Buffer
	for _, version := range versions {
		fmt.Fprintln(&content, version.Path, version.Version, hashes[version])
	}
	r.edit(name, content.Bytes())
	return nil
}

// edit sets the content of a file.
func (r *repository) edit(name string, content []byte) {
	before := r.files[name]
	if bytes.Equal(before, content) {
		return
	}
	if _, known := r.edited[name]; !known {
		r.edited[name] = before
	}
	r.files[name] = content
}

// changes are the lines that were removed from and added to the edited files.
func (r *repository) changes() []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(r.edited)) {
		before, after := strings.Split(string(r.edited[name]), "\n"), strings.Split(string(r.files[name]), "\n")
		for _, line := range before {
			if !slices.Contains(after, line) {
				all = append(all, name+": -"+line)
			}
		}
		for _, line := range after {
			if !slices.Contains(before, line) {
				all = append(all, name+": +"+line)
			}
		}
	}
	return all
}

// write writes the edited files to the folder root.
func (r *repository) write(root string) error {
	for name := range r.edited {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), r.files[name], 0o644); err != nil { //nolint:gosec // sources
			return err
		}
	}
	return nil
}
