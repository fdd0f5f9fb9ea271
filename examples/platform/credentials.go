package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alipayplus-go/alipayplus/internal/lockedfile"
)

// Files in a folder of credentials. No name is one of the records': they may be in the same folder.
const (
	lockFile = "credentials.lock"
	// recordsFile names the folder of the records that cannot be used without the credentials.
	recordsFile = "credentials.records"
)

// holdCredentials keeps other processes from writing credentials into a folder, where
// they would replace those of this one, until release is called.
func holdCredentials(folder string) (release func(), err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	lock, err := lockedfile.Acquire(filepath.Join(folder, lockFile))
	if errors.Is(err, lockedfile.ErrLocked) {
		return nil, fmt.Errorf("a platform runs already with the credentials in %s: give another folder by -credentials: %w", folder, err)
	}
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return func() { _ = lock.Release() }, nil // it ends with the process anyway
}

// mark writes down that the credentials in a folder belong to records that are kept.
func (r *records) mark(credentials string) error {
	if r.folder == "" {
		return nil
	}
	folder, err := filepath.Abs(r.folder)
	if err != nil {
		return err
	}
	return lockedfile.Write(filepath.Join(credentials, recordsFile), []byte(folder))
}

// checkUnused makes sure that the credentials in a folder, which are about to be made
// anew, belong to no other records that are still there.
func (r *records) checkUnused(credentials string) error {
	other, err := os.ReadFile(filepath.Join(credentials, recordsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	own, err := filepath.Abs(r.folder)
	if err != nil {
		return err
	}
	_, err = os.Stat(string(other)) //nolint:gosec // the name is what an earlier start wrote down
	if errors.Is(err, os.ErrNotExist) || r.folder != "" && own == string(other) {
		return os.Remove(filepath.Join(credentials, recordsFile)) // the records are gone, or made anew
	}
	return fmt.Errorf("the credentials in %s belong to the records in %s, which are lost without them: give another folder by -credentials, or go on with -data %s",
		credentials, other, other)
}
