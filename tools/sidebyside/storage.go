package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// storage are writes that are on the disk when they return. The floor appends as many bytes to a file and syncs it. A
// file that is replaced by hand shows what of a save is its two syncs.
func (r *rows) storage(ctx context.Context) error {
	value := []byte(`{"text":"` + strings.Repeat("x", 1000) + `"}`)
	log, err := os.Create(filepath.Join(r.dir, "log"))
	if err != nil {
		return err
	}
	appended := func(context.Context) error {
		_, err := log.Write(value)
		return errors.Join(err, log.Sync())
	}
	path := filepath.Join(r.dir, "replaced", "file")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	store, err := bolt.Open(filepath.Join(r.dir, "storage"))
	if err != nil {
		return err
	}
	lease, err := rollout.NewFileStore(filepath.Join(r.dir, "rollouts")).Acquire(ctx, "tea", "me")
	if err != nil {
		return err
	}
	r.closers = append(r.closers, func() {
		_ = errors.Join(log.Close(), store.Close(), lease.Release(ctx))
	})
	r.add(&row{
		name: "storage/bolt: commit", times: 3, most: noLimit, floor: appended,
		subject: func(ctx context.Context) error {
			return store.Update(ctx, func(tx storage.Tx) error { return tx.Put("key", value) })
		},
	}, &row{
		name: "a file replaced by hand", times: 3, most: noLimit, floor: appended,
		subject: func(context.Context) error { return replaced(path, value) },
	}, &row{
		name: "rollout: FileStore save", times: 3, most: noLimit, floor: appended,
		subject: func(ctx context.Context) error { return lease.Save(ctx, value, nil) },
	})
	return nil
}

// replaced is the least that replaces a file so that a crash leaves the former one or the new one: two syncs.
func replaced(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close(), os.Rename(path+".new", path)); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
