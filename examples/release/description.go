package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alipayplus-go/alipayplus"
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
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("release description: %w", err)
	}
	d := description{folder: filepath.Dir(name)}
	if err := json.Unmarshal(content, &d); err != nil {
		return nil, fmt.Errorf("release description %s: %w", name, err)
	}
	if len(d.Program.Languages) == 0 {
		return nil, fmt.Errorf("release description %s: program.languages must have at least one entry", name)
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
