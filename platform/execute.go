package platform

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// incoming is one authenticated call.
type incoming struct {
	route       route
	caller      caller
	body        []byte
	contentType string
	base        string
}

// executed is what a call came to.
type executed struct {
	reply     reply
	requestID string
	err       error
}

// call is one run of an operation inside a transaction.
type call struct {
	ctx       context.Context
	p         *Platform
	tx        storage.Tx
	in        incoming
	at        time.Time
	requestID string
	// forgets says that it is this call's turn to remove what has expired.
	forgets bool
	// release is what the rules have allowed, for the effect at the target app.
	release *alipayplus.Release
}

// errDryRun discards what a run has written.
var errDryRun = errors.New("dry run")

const maxRequestID = 64

// execute carries out a call exactly once: a repeated requestId gets the first
// outcome, and what the operation writes is written with the outcome or not at all.
func (p *Platform) execute(ctx context.Context, in incoming) executed {
	if err := p.settle(ctx); err != nil {
		return executed{err: err}
	}
	if !in.route.op.Write {
		return p.read(ctx, in)
	}
	id, err := requestIDOf(in)
	if err != nil {
		return executed{err: err}
	}
	if in.route.effect == nil && !in.route.alone {
		return p.commit(ctx, in, id)
	}
	unlock, err := p.lockProgram(ctx, in)
	if err != nil {
		return executed{requestID: id, err: err}
	}
	defer unlock()
	if in.route.effect == nil {
		return p.commit(ctx, in, id)
	}
	if done, ok := p.effect(ctx, in, id); !ok {
		return done
	}
	// What was done at the target app is recorded, also when the caller has gone.
	return p.commit(context.WithoutCancel(ctx), in, id)
}

func (p *Platform) read(ctx context.Context, in incoming) executed {
	var out reply
	err := p.cfg.store.View(ctx, func(tx storage.Tx) error {
		data, err := in.route.handle(p.begin(ctx, tx, in, ""), in.body)
		if err != nil {
			return err
		}
		out, err = success("", data)
		return err
	})
	return executed{reply: out, err: err}
}

func (p *Platform) begin(ctx context.Context, tx storage.Tx, in incoming, requestID string) *call {
	return &call{ctx: ctx, p: p, tx: tx, in: in, at: now(), requestID: requestID}
}

// requestIDOf reads the idempotency key of a write.
func requestIDOf(in incoming) (string, error) {
	if in.route.op == contract.FileUpload || in.route.op == contract.QRCodeCreate {
		return "", nil
	}
	var carrier struct {
		RequestID string `json:"requestId"`
	}
	if err := decode(in.body, &carrier); err != nil {
		return "", err
	}
	if carrier.RequestID == "" {
		return "", invalid("requestId", "is required for a call that changes something")
	}
	if len(carrier.RequestID) > maxRequestID {
		return "", invalid("requestId", "must have at most %d characters", maxRequestID)
	}
	return carrier.RequestID, nil
}

// lockProgram lets one call at a time reach the target app for a mini program,
// and no verdict meanwhile, so that what happens there and what is recorded come
// in the same order.
func (p *Platform) lockProgram(ctx context.Context, in incoming) (unlock func(), err error) {
	var named struct {
		ReleaseID string `json:"releaseId"`
		RequestID string `json:"id"`
	}
	if err := decode(in.body, &named); err != nil {
		return nil, err
	}
	workspace := in.caller.member.WorkspaceID
	name := key(workspace, named.ReleaseID)
	err = p.cfg.store.View(ctx, func(tx storage.Tx) error {
		if in.route.op == contract.ReviewDecide {
			at, _, err := tx.Get(key("i/request-by-id", named.RequestID))
			if err != nil {
				return err
			}
			r, err := load[requestRecord](tx, string(at))
			if err == nil && r != nil {
				name = r.lock()
			}
			return err
		}
		r, err := load[releaseRecord](tx, releaseKey(workspace, named.ReleaseID))
		if err == nil && r != nil {
			name = key(workspace, r.ProgramID)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return p.busy.lock(ctx, name)
}

// effect tries the rules, and when they pass does what the operation does at the
// target app. It returns false with an outcome when the call ends here.
func (p *Platform) effect(ctx context.Context, in incoming, id string) (executed, bool) {
	var tried *call
	var replay *reply
	err := p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		tried, replay = p.begin(ctx, tx, in, id), nil
		first, err := tried.firstOutcome()
		if err != nil || first != nil {
			replay = first
			return err
		}
		if _, err := in.route.handle(tried, in.body); err != nil {
			return err
		}
		return errDryRun
	})
	switch {
	case replay != nil:
		return executed{reply: *replay, requestID: id}, false
	case !errors.Is(err, errDryRun):
		return executed{requestID: id, err: err}, false
	}
	before, err := p.announce(ctx, in, id, tried.release)
	if err != nil {
		return executed{requestID: id, err: err}, false
	}
	if err := in.route.effect(ctx, tried); err != nil {
		return executed{requestID: id, err: p.effectFailed(ctx, in, id, before, err)}, false
	}
	return executed{}, true
}

// announced is what the target app was last asked for.
type announced struct {
	release string
	ratio   alipayplus.Ratio
}

// announce records what the target app is about to be asked for: the requestId,
// so that it cannot be used for anything else meanwhile, and the ratio, because
// no lower one may follow when the platform never learns what came of it. It
// returns what was announced before.
func (p *Platform) announce(ctx context.Context, in incoming, id string, wanted *alipayplus.Release) (announced, error) {
	before := announced{release: wanted.ID}
	err := p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		c := p.begin(ctx, tx, in, id)
		first, err := c.firstOutcome()
		if err != nil {
			return err
		}
		if first != nil {
			return errUnavailable // the requestId got its outcome between two looks
		}
		r, err := load[releaseRecord](tx, releaseKey(c.workspace(), wanted.ID))
		if err != nil {
			return err
		}
		if r == nil {
			return notFound("release", wanted.ID)
		}
		before.ratio = r.Announced
		if err := r.announce(tx, max(r.Announced, wanted.Grayscale.Ratio)); err != nil {
			return err
		}
		return c.remember(reply{})
	})
	return before, err
}

func (r *releaseRecord) announce(tx storage.Tx, ratio alipayplus.Ratio) error {
	if ratio == r.Announced {
		return nil
	}
	before := r.copy()
	r.Announced = ratio
	return save(tx, before, r)
}

// effectFailed takes the announcement back when the target app has refused for
// certain; after an unknown outcome it stays.
func (p *Platform) effectFailed(ctx context.Context, in incoming, id string, before announced, cause error) error {
	cause = fmt.Errorf("target app: %w", cause)
	if codeOf(cause) == alipayplus.CodeUnknownException {
		return cause
	}
	ctx = context.WithoutCancel(ctx)
	err := p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		c := p.begin(ctx, tx, in, id)
		r, err := load[releaseRecord](tx, releaseKey(c.workspace(), before.release))
		if err != nil || r == nil {
			return err
		}
		if err := r.announce(tx, before.ratio); err != nil {
			return err
		}
		return c.forget()
	})
	if err != nil {
		return err
	}
	return cause
}

// commit carries out the operation and remembers the outcome. A refusal changes
// nothing, so it is no outcome: the same requestId may be tried again once what
// stood in the way is gone.
func (p *Platform) commit(ctx context.Context, in incoming, id string) executed {
	var out reply
	forgets := p.forgetting.TryLock()
	if forgets {
		defer p.forgetting.Unlock()
	}
	err := p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		c := p.begin(ctx, tx, in, id)
		c.forgets = forgets
		first, err := c.firstOutcome()
		if err != nil {
			return err
		}
		if first != nil {
			out = *first
			return nil
		}
		data, err := in.route.handle(c, in.body)
		if err != nil {
			return err
		}
		if out, err = success(id, data); err != nil {
			return err
		}
		return c.remember(out)
	})
	return executed{reply: out, requestID: id, err: err}
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
}

func (r *outcomeRecord) key() string { return r.At }
func (r *outcomeRecord) indexes() []string {
	return []string{key("i/expiry", fmt.Sprintf("%020d", r.Expires.UnixNano()), r.At)}
}

func (c *call) outcomeKey() string {
	who := c.in.caller
	return key("outcome", who.member.WorkspaceID, who.member.Name+string(who.party), c.requestID)
}

func (c *call) contentHash() string {
	sum := sha256.Sum256(c.in.body)
	return hex.EncodeToString(sum[:])
}

// firstOutcome returns the outcome that the requestId already has, or nil; a
// requestId that has, or is reserved for, other content is refused.
func (c *call) firstOutcome() (*reply, error) {
	if c.requestID == "" {
		return nil, nil //nolint:nilnil // no outcome is no error
	}
	first, err := load[outcomeRecord](c.tx, c.outcomeKey())
	if err != nil || first == nil || !c.at.Before(first.Expires) {
		return nil, err
	}
	if first.Operation != c.in.route.op.Path || first.ContentHash != c.contentHash() {
		return nil, refuse(alipayplus.CodeRequestIDReused, "the requestId was used before, with other content")
	}
	if first.Status == 0 {
		return nil, nil //nolint:nilnil // reserved for this very call
	}
	return &reply{status: first.Status, body: first.Body}, nil
}

// remember keeps the outcome, and forgets a few that have expired.
func (c *call) remember(out reply) error {
	if c.requestID == "" {
		return nil
	}
	before, err := load[outcomeRecord](c.tx, c.outcomeKey())
	if err != nil {
		return err
	}
	after := &outcomeRecord{
		At: c.outcomeKey(), Operation: c.in.route.op.Path, ContentHash: c.contentHash(),
		Status: out.status, Body: out.body, Expires: c.at.Add(c.p.cfg.idempotencyRetention),
	}
	if c.forgets {
		if err := c.forgetExpired(); err != nil {
			return err
		}
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
	for _, at := range append(r.indexes(), r.key()) {
		if err := c.tx.Delete(at); err != nil {
			return err
		}
	}
	return nil
}

// derivedID makes an id that a repetition of the call makes again, and that
// nobody can guess who does not know the workspace's. What it is of tells it from
// that of a later call, after the requestId was forgotten and used again.
func (c *call) derivedID(prefix string, of ...string) string {
	sum := sha256.Sum256([]byte(key(append(of, prefix, c.outcomeKey(), c.in.route.op.Path)...)))
	return prefix + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])
}

// forgetExpired removes the oldest outcomes whose time is over. One call at a time
// does, because two that removed the same would stand in each other's way; it
// removes several, so that removal keeps ahead of the arrival from all calls.
func (c *call) forgetExpired() error {
	const atOnce = 16
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

// decode reads the JSON of a call. The position and Go's words for it are left
// out: they help nobody who does not see the code.
func decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if err == nil {
		return nil
	}
	if invalidValue, ok := errors.AsType[*alipayplus.ValidationError](err); ok {
		return invalidValue
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && mismatch.Field != "" {
		return invalid(mismatch.Field, "has the wrong JSON type (%s)", mismatch.Value)
	}
	return invalid("body", "is not the JSON of this operation")
}

// checked is an input that can check itself.
type checked interface {
	Validate() error
}

// input adapts a function on a decoded and checked input to a route.
func input[In checked, Out any](run func(*call, In) (Out, error)) func(*call, []byte) (any, error) {
	return inputFor(func(*call, *In) {}, run)
}

// inputFor is input for a check that depends on the platform: set puts what it
// depends on into the decoded input.
func inputFor[In checked, Out any](set func(*call, *In), run func(*call, In) (Out, error)) func(*call, []byte) (any, error) {
	return func(c *call, body []byte) (any, error) {
		var in In
		if err := decode(body, &in); err != nil {
			return nil, err
		}
		set(c, &in)
		if err := in.Validate(); err != nil {
			return nil, err
		}
		return run(c, in)
	}
}

// may refuses what the caller's role does not allow. programID is the mini
// program that the action is about; empty where there is none.
func (c *call) may(action alipayplus.Action, programID string) error {
	if c.in.caller.party != "" {
		return refuse(alipayplus.CodeAccessDenied, "a reviewer has no workspace; use the credentials of a member")
	}
	member := c.in.caller.member
	return c.p.cfg.policy.Check(member.Role, action, member.assigned(programID))
}

func (c *call) workspace() string { return c.in.caller.member.WorkspaceID }
func (c *call) who() string       { return c.in.caller.member.Name }
