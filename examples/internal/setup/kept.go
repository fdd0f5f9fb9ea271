package setup

import (
	"cmp"
	"context"

	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
)

// workspaceRecord is where the id of the one workspace is kept, beside what the
// platform itself keeps.
const workspaceRecord = "example/workspace"

// OpenKept gives a session on a platform embedded in this process whose records are
// kept in a folder, also when the process is killed: the next call goes on with them.
// Only one process can have the folder open; closing gives it back.
func OpenKept(ctx context.Context, folder string, options ...platform.Option) (s *Session, closing func() error, err error) {
	store, err := bolt.Open(folder)
	if err != nil {
		return nil, nil, err
	}
	closing = store.Close
	if s, err = enterKept(ctx, store, options); err != nil {
		return nil, nil, cmp.Or(err, closing())
	}
	return s, closing, nil
}

// enterKept enters the workspace of the records, or makes one. The platform's keys are
// made anew each time: only clients in this process know them.
func enterKept(ctx context.Context, store storage.Store, options []platform.Option) (*Session, error) {
	p, err := platform.New(append(options, platform.WithStore(store))...)
	if err != nil {
		return nil, err
	}
	var workspace []byte
	err = store.View(ctx, func(tx storage.Tx) (err error) {
		workspace, _, err = tx.Get(workspaceRecord)
		return err
	})
	if err != nil {
		return nil, err
	}
	if workspace == nil {
		// Killed before the id is kept, the next call makes another workspace, and
		// nobody ever enters this one.
		id, err := p.AddWorkspace(ctx, Company())
		if err != nil {
			return nil, err
		}
		workspace = []byte(id)
		if err := store.Update(ctx, func(tx storage.Tx) error { return tx.Put(workspaceRecord, workspace) }); err != nil {
			return nil, err
		}
	}
	return Enter(ctx, p, string(workspace))
}
