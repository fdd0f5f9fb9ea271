package platform

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

const maxRequestID = 64

// requestIDOf returns the idempotency key of a decoded input; empty for an input
// that has no such field. When the input could not be decoded, err says why, and
// the body is searched for the key alone.
func requestIDOf(input any, err error, body []byte) (string, error) {
	field := reflect.ValueOf(input).Elem().FieldByName("RequestID")
	if !field.IsValid() {
		return "", nil
	}
	id := field.String()
	if err != nil {
		var carrier struct {
			RequestID string `json:"requestId"`
		}
		if err := decode(body, &carrier); err != nil {
			return "", err
		}
		id = carrier.RequestID
	}
	if id == "" {
		return "", invalid("requestId", "is required for a call that changes something")
	}
	if utf8.RuneCountInString(id) > maxRequestID {
		return "", invalid("requestId", "must have at most %d characters", maxRequestID)
	}
	return id, nil
}

// outcomeRecord is the outcome under a requestId; without a status it is only
// reserved, for a call that is asking the target app.
type outcomeRecord struct {
	At          string    `json:"key"`
	Operation   string    `json:"operation"`
	ContentHash string    `json:"contentHash"`
	Status      int       `json:"status"`
	Body        []byte    `json:"body"`
	Expires     time.Time `json:"expires"`
	// Permissions are those that the call needed, and a repetition needs as well.
	Permissions []permission `json:"permissions,omitempty"`
	// Enrolled is the member's who called: one of the same name who was added later is
	// another member.
	Enrolled string `json:"enrolled,omitempty"`
}

func (r *outcomeRecord) key() string { return r.At }
func (r *outcomeRecord) indexes() []string {
	return []string{key("i/expiry", fmt.Sprintf("%020d", r.Expires.UnixNano()), r.At)}
}

func (c *call) outcomeKey() string {
	return key("outcome", c.home(), c.caller.member.Name+string(c.caller.Party), c.in.requestID)
}

// firstOutcome returns the outcome that the message or the requestId already has, or
// nil; a requestId that has, or is reserved for, other content is refused, and so is
// who may not do any more what the call did.
func (c *call) firstOutcome() (*reply, error) {
	if refused, err := c.refusedBefore(); err != nil || refused != nil {
		return refused, err
	}
	if c.in.requestID == "" {
		return nil, nil //nolint:nilnil // no outcome is no error
	}
	first, err := load[outcomeRecord](c.tx, c.outcomeKey())
	if err != nil || first == nil || !c.at.Before(first.Expires) || first.Enrolled != c.caller.enrolled {
		return nil, err
	}
	if first.Operation != c.in.op.Path || first.ContentHash != c.in.contentHash {
		return nil, refuse(alipayplus.CodeRequestIDReused, "the requestId was used before, with other content")
	}
	if first.Status == 0 {
		return nil, nil //nolint:nilnil // reserved for this very call
	}
	for _, needed := range first.Permissions {
		if err := c.mayStill(needed); err != nil {
			return nil, err
		}
	}
	return &reply{status: first.Status, body: first.Body}, nil
}

// remember keeps the outcome, and forgets a few that have expired.
func (c *call) remember(out reply) error {
	if c.in.requestID == "" {
		return nil
	}
	before, err := load[outcomeRecord](c.tx, c.outcomeKey())
	if err != nil {
		return err
	}
	after := &outcomeRecord{
		At: c.outcomeKey(), Operation: c.in.op.Path, ContentHash: c.in.contentHash,
		Status: out.status, Body: out.body, Expires: c.at.Add(c.p.cfg.idempotencyRetention),
		Permissions: c.checked, Enrolled: c.caller.enrolled,
	}
	if c.session.forgets {
		if err := c.forgetExpired(); err != nil {
			return err
		}
	}
	if before == nil {
		return save(c.tx, nil, after)
	}
	return save(c.tx, before, after)
}

func messageKey(message string) string { return key("message", message) }

// refusedBefore returns the answer to the very same message when that was refused:
// whoever captured it must not see it done once the cause is gone. The caller signs
// anew, at another time, to try again.
func (c *call) refusedBefore() (*reply, error) {
	if c.in.message == "" {
		return nil, nil //nolint:nilnil // no refusal is no error
	}
	r, err := load[outcomeRecord](c.tx, messageKey(c.in.message))
	if err != nil || r == nil || !c.at.Before(r.Expires) {
		return nil, err
	}
	return &reply{status: r.Status, body: r.Body}, nil
}

// refused keeps what must be known of a refusal after it: that the caller may not do
// it, in the audit log, and the answer to a write as long as the message can be sent
// again. It returns the refusal, or why it could not be kept.
func (p *Platform) refused(ctx context.Context, in incoming, refusal error) error {
	code := codeOf(refusal)
	denied, replayable := code == alipayplus.CodeAccessDenied, in.op.Write && in.message != ""
	if refusal == nil || isUnknown(refusal) || !denied && !replayable {
		return refusal
	}
	s := &writeSession{p: p, in: in}
	err := s.update(context.WithoutCancel(ctx), func(tx storage.Tx) error {
		c := &call{p: p, tx: tx, in: in, caller: in.caller, at: now(), session: s}
		if denied {
			if err := c.auditWriter().add("call", in.op.Name, "", "DENIED", refusal.Error()); err != nil {
				return err
			}
		}
		if !replayable {
			return nil
		}
		return c.rememberRefusal(errorReply(in.requestID, in.inReplyTo, refusal))
	})
	if err != nil {
		return err
	}
	return refusal
}

func (c *call) rememberRefusal(out reply) error {
	if c.session.forgets {
		if err := c.forgetExpired(); err != nil {
			return err
		}
	}
	// The message is good for the window on either side of its time.
	after := &outcomeRecord{At: messageKey(c.in.message), Status: out.status, Body: out.body, Expires: c.at.Add(2 * c.p.cfg.window)}
	before, err := load[outcomeRecord](c.tx, after.At)
	if err != nil || before != nil && c.at.Before(before.Expires) {
		return err
	}
	if before == nil {
		return save(c.tx, nil, after)
	}
	return save(c.tx, before, after)
}

// forget gives a reserved requestId free.
func (c *call) forget() error {
	r, err := load[outcomeRecord](c.tx, c.outcomeKey())
	if err != nil || r == nil {
		return err
	}
	return remove(c.tx, r)
}

// derivedID makes an id that a repetition of the call makes again, and that
// nobody can guess who does not know the workspace's. What it is of distinguishes it from
// that of a later call, after the requestId was forgotten and used again.
func (c *call) derivedID(prefix string, of ...string) string {
	sum := sha256.Sum256([]byte(key(append(of, prefix, c.outcomeKey(), c.in.op.Path)...)))
	return prefix + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])
}

// forgetExpired removes the oldest outcomes whose time is over: several, so that
// removal keeps ahead of arrival.
func (c *call) forgetExpired() error {
	const atOnce = 100
	until := key("i/expiry", fmt.Sprintf("%020d", c.at.UnixNano()))
	var expired []storage.Entry
	for entry, err := range c.tx.Scan("i/expiry/", until, false) {
		if err != nil {
			return err
		}
		if expired = append(expired, entry); len(expired) == atOnce {
			break
		}
	}
	for _, entry := range expired {
		if err := c.tx.Delete(entry.Key); err != nil {
			return err
		}
		if err := c.tx.Delete(string(entry.Value)); err != nil {
			return err
		}
	}
	return nil
}
