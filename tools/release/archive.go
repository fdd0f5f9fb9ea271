package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing/fstest"

	xmodule "golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	xzip "golang.org/x/mod/zip"
)

// archive returns the zip file that a module proxy serves of a version of the module.
func (r *repository) archive(m *module, version string) ([]byte, error) {
	inside := fstest.MapFS{}
	if license, ok := r.files["LICENSE"]; ok { // as the go command does, where the module has none of its own
		inside["LICENSE"] = &fstest.MapFile{Data: license, Mode: 0o644}
	}
	for name, content := range r.files {
		if name, below := strings.CutPrefix(name, m.dir+"/"); below || m.dir == "" {
			inside[name] = &fstest.MapFile{Data: content, Mode: 0o644}
		}
	}
	var files []xzip.File
	for name := range inside {
		files = append(files, file{inside, name})
	}
	var archive bytes.Buffer
	err := xzip.Create(&archive, xmodule.Version{Path: m.path, Version: version}, files)
	return archive.Bytes(), err
}

// sum returns the lines of go.sum for a version of the module.
func (r *repository) sum(m *module, version string) ([]string, error) {
	archive, err := r.archive(m, version)
	if err != nil {
		return nil, err
	}
	contents, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range contents.File {
		names = append(names, f.Name)
	}
	all, err := dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return contents.Open(name) })
	if err != nil {
		return nil, err
	}
	mod, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(r.files[m.in("go.mod")])), nil
	})
	return []string{
		fmt.Sprintf("%s %s %s\n", m.path, version, all),
		fmt.Sprintf("%s %s/go.mod %s\n", m.path, version, mod),
	}, err
}

// file is a file of a module, for [xzip.Create].
type file struct {
	fsys fs.FS
	path string
}

func (f file) Path() string                 { return f.path }
func (f file) Lstat() (os.FileInfo, error)  { return fs.Stat(f.fsys, f.path) }
func (f file) Open() (io.ReadCloser, error) { return f.fsys.Open(f.path) }
