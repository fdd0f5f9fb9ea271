package platform

import (
	"context"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// indexGeneration counts what has been added to the indexes of records that earlier versions
// wrote; see addIndexes.
const indexGeneration = 1

// indexesKey is where it is kept which indexes a store has.
const indexesKey = "indexes"

// indexesRecord says which index the records of a store have.
type indexesRecord struct {
	// Generation is the last one that all records have.
	Generation int `json:"generation"`
	// After is the last record that has the next one already; empty: none has.
	After string `json:"after,omitempty"`
}

func (r *indexesRecord) key() string       { return indexesKey }
func (r *indexesRecord) indexes() []string { return nil }

// reindexAtOnce is how many records get their indexes in one transaction.
const reindexAtOnce = 500

// reindexed are the kinds of records that get indexes, in the order of their keys.
func reindexed() []string { return []string{"release/", "service/"} }

// reindex gives the records of a store that an earlier version has written the indexes that
// this one reads, once per store. A call whose context ends meanwhile leaves the rest to
// the next one.
func (p *Platform) reindex(ctx context.Context) error {
	for !p.reindexed.Load() {
		done := false
		err := p.cfg.store.View(ctx, func(tx storage.Tx) (err error) {
			done, err = isIndexed(tx)
			return err
		})
		if err == nil && !done {
			err = p.cfg.store.Update(ctx, reindexSome)
		}
		if err != nil {
			return fmt.Errorf("index the records of an earlier version: %w", err)
		}
		if done {
			p.reindexed.Store(true)
		}
	}
	return nil
}

func isIndexed(tx storage.Tx) (bool, error) {
	r, err := load[indexesRecord](tx, indexesKey)
	return r != nil && r.Generation >= indexGeneration, err
}

// beginIndexed notes in a store without any workspace that its records have all indexes.
func beginIndexed(tx storage.Tx) error {
	if n, err := count(tx, workspaceKey(""), 1); err != nil || n > 0 {
		return err
	}
	return save(tx, nil, &indexesRecord{Generation: indexGeneration})
}

// reindexSome indexes some of the records that are left.
func reindexSome(tx storage.Tx) error {
	r, err := load[indexesRecord](tx, indexesKey)
	if err != nil || r != nil && r.Generation >= indexGeneration {
		return err
	}
	if r == nil {
		r = &indexesRecord{}
	}
	seen := 0
	for _, prefix := range reindexed() {
		for entry, err := range tx.Scan(max(prefix, r.After+"\x00"), storage.PrefixEnd(prefix), false) {
			if err != nil {
				return err
			}
			if seen == reindexAtOnce {
				return save(tx, nil, r)
			}
			if err := addIndexes(tx, entry); err != nil {
				return err
			}
			seen++
			r.After = entry.Key
		}
	}
	return save(tx, nil, &indexesRecord{Generation: indexGeneration})
}

// addIndexes writes the indexes that earlier versions did not: those of the Service Market, and
// that of a release by its id, by which a provider finds a merchant's.
func addIndexes(tx storage.Tx, entry storage.Entry) error {
	r := stored(entry.Value)
	var keys []string
	switch id := r.text("id"); {
	case entry.Key == releaseKey(r.text("workspace"), id):
		keys = []string{releaseIDKey(id)}
	case r.text("status") == string(alipayplus.ServiceOnline):
		keys = []string{marketIDKey(id), marketPrefix + r.text("sort")}
	}
	for _, at := range keys {
		if err := tx.Put(at, []byte(entry.Key)); err != nil {
			return err
		}
	}
	return nil
}
