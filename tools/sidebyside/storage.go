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

// storage are writes that are on the disk when they return. The floor appends as many bytes to a file and syncs it.
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
		name: "rollout: FileStore save", times: 3, most: noLimit, floor: appended,
		subject: func(ctx context.Context) error { return lease.Save(ctx, value, nil) },
	})
	return nil
}
