package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// AuditEntry is one change in a workspace, or a call that its caller may not make:
// of kind "call", with the operation as its id, to DENIED.
type AuditEntry struct {
	// At is when.
	At time.Time `json:"at"`
	// Who is the member, the reviewing party or the target app; "operator" for
	// who runs the platform, "outside" for what somebody did at the target app. A member of
	// another workspace is company and member, "Acme/dev".
	Who string `json:"who"`
	// OrderID is the order by which a member of a provider did it for the merchant; the
	// logs of both have the entry. Empty for what members do for their own workspace.
	OrderID string `json:"orderId,omitempty"`
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
	// Verdict is what a reviewing party said, where that made the change.
	Verdict alipayplus.ReviewStatus `json:"verdict,omitempty"`
	// Reason is the party's reason; may be empty.
	Reason string `json:"reason,omitempty"`
	// Operation is the call, for example "releases.apply"; empty for what no call did.
	Operation string `json:"operation,omitempty"`
	// RequestID is the idempotency key of the call; empty for what no call did.
	RequestID string `json:"requestId,omitempty"`
	// ClientID is the client id that called, or that the operator changed.
	ClientID string `json:"clientId,omitempty"`
	// KeyVersion is the version of the key that signed the call, or that the operator
	// changed.
	KeyVersion string `json:"keyVersion,omitempty"`
}

// Audit ranges over all changes in a workspace and all denied calls, oldest first;
// those of reviewing parties that are about no workspace are under the empty id. It
// yields an error last, when reading fails: [alipayplus.ErrNotFound] for a workspace
// that is not there.
func (p *Platform) Audit(ctx context.Context, workspaceID string) iter.Seq2[AuditEntry, error] {
	const atOnce = 100
	prefix := key("audit", workspaceID) + "/"
	return func(yield func(AuditEntry, error) bool) {
		err := p.settle(ctx)
		if err == nil {
			err = p.cfg.store.View(ctx, func(tx storage.Tx) error { return mustHave(tx, workspaceID) })
		}
		if err != nil {
			yield(AuditEntry{}, fmt.Errorf("platform: audit: %w", err))
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

// source is the call that changes something; zero for what no call does.
type source struct {
	operation, requestID, clientID, keyVersion string
}

func (c *call) source() source {
	return source{c.in.op.Name, c.in.requestID, c.caller.ClientID, c.caller.key.Version}
}

// auditWriter adds entries for one who changes something.
type auditWriter struct {
	p              *Platform
	tx             storage.Tx
	workspace, who string
	// order is that of [AuditEntry].
	order  string
	at     time.Time
	source source
	// verdict is the one that makes the changes; zero for none.
	verdict dueVerdict
}

// add adds an entry; one about a release is part of its history.
func (w auditWriter) add(kind, id, from, to, note string) error {
	at, err := w.put(kind, id, from, to, note)
	if err != nil || kind != "release" {
		return err
	}
	return w.toHistory(id, at)
}

// put adds an entry to the log and returns where.
func (w auditWriter) put(kind, id, from, to, note string) (at string, err error) {
	value, err := json.Marshal(AuditEntry{
		At: w.at, Who: w.who, OrderID: w.order, Kind: kind, ID: id, From: from, To: to, Note: note,
		Verdict: w.verdict.Status, Reason: w.verdict.Reason, Operation: w.source.operation,
		RequestID: w.source.requestID, ClientID: w.source.clientID, KeyVersion: w.source.keyVersion,
	})
	if err != nil {
		return "", err
	}
	at = key("audit", w.workspace, w.p.sortKey(w.at))
	return at, w.tx.Put(at, value)
}

// toHistory makes an entry part of a release's history, which outlives the release.
func (w auditWriter) toHistory(release, at string) error {
	return w.tx.Put(historyPrefix(w.workspace, release)+at[strings.LastIndex(at, "/")+1:], []byte(at))
}

func historyPrefix(workspace, release string) string {
	return key("i/history", workspace, release) + "/"
}

// audit stages an entry about what the call does.
func (c *call) audit(kind, id, from, to, note string) {
	c.stage(func(c *call) error {
		if c.order != nil {
			if _, err := c.auditWriterAt(c.home(), c.caller.member.Name).put(kind, id, from, to, note); err != nil {
				return err
			}
		}
		return c.auditWriter().add(kind, id, from, to, note)
	})
}

func (c *call) auditWriter() auditWriter {
	return c.auditWriterAt(c.workspace(), c.who()+string(c.caller.Party))
}

// auditWriterAt writes to the log of a workspace, which knows the caller by a name.
func (c *call) auditWriterAt(workspace, who string) auditWriter {
	w := auditWriter{p: c.p, tx: c.tx, workspace: workspace, who: who, at: c.at, source: c.source()}
	if c.order != nil {
		w.order = c.order.ID
	}
	return w
}

func releaseHistory(c *call, in alipayplus.ListHistoryInput) (*page, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	known, err := count(c.tx, historyPrefix(c.home(), in.ReleaseID), 1)
	if err == nil && known == 0 { // a merchant's, or of a time before there was a history
		_, err = c.releaseFor(alipayplus.ActionView, in.ReleaseID)
	}
	if err != nil {
		return nil, err
	}
	return listing{prefix: historyPrefix(c.workspace(), in.ReleaseID), opts: in.ListOptions, order: alipayplus.OldestFirst, show: showReleaseEvent}.page(c.tx)
}

// showReleaseEvent shows an entry of the audit log as members see it.
func showReleaseEvent(to []byte, r stored) ([]byte, error) {
	var e AuditEntry
	if err := json.Unmarshal(r, &e); err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrDamaged, err)
	}
	out := alipayplus.ReleaseEvent{
		At: e.At, By: e.Who, OrderID: e.OrderID, Operation: e.Operation, Verdict: e.Verdict, Reason: e.Reason, Note: e.Note,
	}
	out.From, out.FromRatio = parseState(e.From)
	out.To, out.ToRatio = parseState(e.To)
	shown, err := json.Marshal(out)
	return append(to, shown...), err
}
