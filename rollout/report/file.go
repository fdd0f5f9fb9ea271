package report

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/locks"
)

const (
	folderMode = 0o700
	fileMode   = 0o600
)

// OpenAppend opens a file to add lines to its end, as for [rollout.NDJSONSink]. It makes the
// file and its folders where they are missing, and ends a last line that was cut off, so
// that what is added begins on a line of its own.
func OpenAppend(path string) (*os.File, error) {
	file, err := openAppend(path)
	if err != nil {
		return nil, err
	}
	if err := endLine(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// openAppend is OpenAppend that does not check the last line.
func openAppend(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, fileMode)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid) { // a pipe, or a file that may only be added to
		return os.OpenFile(path, os.O_APPEND|os.O_WRONLY, fileMode)
	}
	return file, err
}

// endLine ends the last line of a regular file that does not end in a line feed.
func endLine(file *os.File) error {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := file.ReadAt(last, info.Size()-1); err != nil || last[0] == '\n' {
		return nil //nolint:nilerr // a file that may only be added to is added to
	}
	_, err = file.WriteString("\n")
	return err
}

// appendFile adds text to a file in one write, behind what mends the text before it.
func appendFile(path string, mend func(before string) string, text string) error {
	file, err := openAppend(path)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() {
		if before, unread := io.ReadAll(io.NewSectionReader(file, 0, info.Size())); unread == nil {
			text = mend(string(before)) + text
		}
	}
	if err == nil {
		_, err = io.Copy(file, strings.NewReader(text))
	}
	return errors.Join(err, file.Close())
}

// writeFile writes a file, whole or not at all, and makes its folders. What is no regular
// file, a pipe or a terminal, is written to.
func writeFile(path string, content []byte) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		file, err := os.OpenFile(path, os.O_WRONLY, fileMode)
		if err != nil {
			return err
		}
		_, err = io.Copy(file, bytes.NewReader(content))
		return errors.Join(err, file.Close())
	}
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return err
	}
	return locks.WriteFile(path, content)
}
