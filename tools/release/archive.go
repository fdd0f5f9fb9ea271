package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	xmodule "golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	xzip "golang.org/x/mod/zip"
)

// archive returns the zip file that a module proxy serves of a version of the module.
func (r *repository) archive(m *module, version string) ([]byte, error) {
	var files []xzip.File
	licensed := false
	for name, content := range r.files {
		name, inside := strings.CutPrefix(name, m.dir+"/")
		if m.dir != "" && !inside {
			continue
		}
		licensed = licensed || name == "LICENSE"
		files = append(files, file{name, content})
	}
	if license, ok := r.files["LICENSE"]; ok && !licensed { // as the go command does
		files = append(files, file{"LICENSE", license})
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
	path    string
	content []byte
}

func (f file) Path() string                 { return f.path }
func (f file) Lstat() (os.FileInfo, error)  { return info{f}, nil }
func (f file) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.content)), nil }

type info struct{ file }

func (i info) Name() string     { return path.Base(i.path) }
func (i info) Size() int64      { return int64(len(i.content)) }
func (info) Mode() fs.FileMode  { return 0o644 }
func (info) ModTime() time.Time { return time.Time{} }
func (info) IsDir() bool        { return false }
func (info) Sys() any           { return nil }
