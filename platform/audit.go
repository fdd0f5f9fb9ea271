package platform

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// AuditEntry is one change in a workspace.
type AuditEntry struct {
	// At is when.
	At time.Time `json:"at"`
	// Who is the member, the reviewing party or the target app; "operator" for
	// who runs the platform.
	Who string `json:"who"`
	// Kind is what changed, for example "release".
	Kind string `json:"kind"`
	// ID is the id of what changed.
	ID string `json:"id"`
	// From and To are the states before and after; From is empty for what is new,
	// and both are equal for a change within a state.
	From string `json:"from,omitempty"`
	// To is described with From.
	To string `json:"to,omitempty"`
	// Note says more, for people; may be empty.
	Note string `json:"note,omitempty"`
	// RequestID is the idempotency key of the call; empty for what no call did.
	RequestID string `json:"requestId,omitempty"`
}

// Audit ranges over all changes in a workspace, oldest first. It yields an error
// last, when reading fails.
func (p *Platform) Audit(ctx context.Context, workspaceID string) iter.Seq2[AuditEntry, error] {
	const atOnce = 100
	prefix := key("audit", workspaceID) + "/"
	return func(yield func(AuditEntry, error) bool) {
		if err := p.settle(ctx); err != nil {
			yield(AuditEntry{}, err)
			return
		}
		from := prefix
		for {
			entries, next, err := p.auditFrom(ctx, from, storage.PrefixEnd(prefix), atOnce)
			if err != nil {
				yield(AuditEntry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			from = next
		}
	}
}

func (p *Platform) auditFrom(ctx context.Context, from, to string, atOnce int) (entries []AuditEntry, next string, err error) {
	err = p.cfg.store.View(ctx, func(tx storage.Tx) error {
		entries, next = nil, ""
		for record, err := range tx.Scan(from, to, false) {
			if err != nil {
				return err
			}
			if len(entries) == atOnce {
				next = record.Key
				return nil
			}
			var e AuditEntry
			if err := json.Unmarshal(record.Value, &e); err != nil {
				return err
			}
			entries = append(entries, e)
		}
		return nil
	})
	return entries, next, err
}

// auditWriter adds entries for one who changes something.
type auditWriter struct {
	p              *Platform
	tx             storage.Tx
	workspace, who string
	at             time.Time
	requestID      string
}

func (w auditWriter) add(kind, id, from, to, note string) error {
	value, err := json.Marshal(AuditEntry{
		At: w.at, Who: w.who, Kind: kind, ID: id, From: from, To: to, Note: note, RequestID: w.requestID,
	})
	if err != nil {
		return err
	}
	return w.tx.Put(key("audit", w.workspace, w.p.sortKey(w.at)), value)
}

// audit stages an entry about what the call does.
func (c *call) audit(kind, id, from, to, note string) {
	c.stage(func(c *call) error {
		w := auditWriter{p: c.p, tx: c.tx, workspace: c.workspace(), who: c.who(), at: c.at, requestID: c.in.requestID}
		return w.add(kind, id, from, to, note)
	})
}
