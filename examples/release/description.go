package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
)

// description is the file that says what to release. The names of files in it
// are relative to it.
type description struct {
	Program struct {
		Languages     []alipayplus.Localization `json:"languages"`
		Logo          string                    `json:"logo"`
		Configuration alipayplus.Configuration  `json:"configuration"`
	} `json:"program"`
	Version            alipayplus.VersionNumber `json:"version"`
	VersionDescription string                   `json:"versionDescription"`
	Package            string                   `json:"package"`
	TargetApp          alipayplus.TargetApp     `json:"targetApp"`
	QRCode             struct {
		Page        string `json:"page"`
		Params      string `json:"params"`
		Description string `json:"description"`
	} `json:"qrCode"`

	folder string
}

func readDescription(name string) (*description, error) {
	d := description{folder: filepath.Dir(name)}
	if err := setup.ReadDescription("release", name, &d); err != nil {
		return nil, err
	}
	switch {
	case len(d.Program.Languages) == 0:
		return nil, fmt.Errorf("release description %s: program.languages must have at least one entry", name)
	case d.Package == "":
		return nil, fmt.Errorf("release description %s: package must name a zip file", name)
	}
	return &d, nil
}

// file is an opened file and its size.
type file struct {
	*os.File
	size int64
}

func (d *description) open(name string) (*file, error) {
	f, err := os.Open(filepath.Join(d.folder, name))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return &file{File: f, size: info.Size()}, nil
}
