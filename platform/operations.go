package platform

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// operation is one operation of the contract as the platform carries it out.
type operation struct {
	contract.Operation
	// parse decodes and validates the input of a call, without the records, and
	// binds the operation's handler to it. An error says that the requestId cannot be
	// used; what is wrong with the rest of the input the handler returns, because a
	// requestId that has an outcome comes before that.
	parse func(*Platform, *incoming) error
	// effect is what the operation does at the target app, with the release as the
	// handler has allowed it; nil for most. It runs between the handler and the staged
	// writes, may run again, and must be idempotent.
	effect func(TargetBackend, context.Context, TargetCall) error
}

// operations is what the platform answers: every operation of the contract, by
// path.
func operations() map[string]operation {
	byPath := map[string]operation{}
	for _, op := range []operation{
		operate(contract.WorkspaceQuery, queryWorkspace),

		operate(contract.ProgramCreate, createProgram),
		operate(contract.ProgramQuery, queryProgram),
		operate(contract.ProgramList, listPrograms),
		operate(contract.ProgramAddLanguages, addLanguages),
		operate(contract.ProgramConfigure, configureProgram),
		operate(contract.VersionUpload, uploadVersion),
		operate(contract.VersionList, listVersions),
		operate(contract.QRCodeCreate, createQRCode),

		operate(contract.ReleaseCreate, createRelease),
		operate(contract.ReleaseQuery, queryRelease),
		operate(contract.ReleaseList, listReleases),
		operate(contract.ReleaseHistory, releaseHistory),
		operate(contract.ReleaseConfigure, configureRelease),
		operate(contract.ReleaseTest, testCompatibility).withEffect(testAtTarget),
		operate(contract.ReleaseApply, applyRelease).withEffect(TargetBackend.Submit),
		operate(contract.ReleaseWithdraw, withdrawRelease).withEffect(TargetBackend.Withdraw),
		operate(contract.ReleaseRaise, raiseRelease).withEffect(raiseAtTarget),
		operate(contract.ReleaseFinalize, finalizeRelease).withEffect(raiseAtTarget),
		operate(contract.ReleaseCancel, cancelRelease).withEffect(TargetBackend.Cancel),
		operate(contract.ReleaseTakeOffline, takeOffline).withEffect(reverting(TargetReverter.TakeOffline)),
		operate(contract.ReleaseRollBack, rollBack).withEffect(reverting(TargetReverter.RollBack)),
		operate(contract.ReleaseDelete, deleteRelease),

		operate(contract.AuthorizationBegin, beginAuthorization),
		operate(contract.AuthorizationQuery, queryAuthorization),

		operateWith(contract.ServiceCreate, createPolicy, createService),
		operateWith(contract.ServiceUpdate, updatePolicy, updateService),
		operate(contract.ServiceSubmit, submitService),
		operate(contract.ServiceWithdraw, withdrawService),
		operate(contract.ServiceArchive, archiveService),
		operate(contract.ServiceQuery, queryService),
		operate(contract.ServiceList, listServices),

		operate(contract.MarketQuery, queryMarket),
		operate(contract.MarketList, listMarket),
		operate(contract.MarketFile, readMarketFile),

		operate(contract.OrderPlace, placeOrder),
		operate(contract.OrderAccept, acceptOrder),
		operate(contract.OrderReject, rejectOrder),
		operate(contract.OrderConfirm, confirmOrder),
		operate(contract.OrderSubmit, submitOrder),
		operate(contract.OrderApprove, approveOrder),
		operate(contract.OrderTurnDown, turnDownOrder),
		operate(contract.OrderCancel, cancelOrder),
		operate(contract.OrderRevokeAccess, revokeAccess),
		operate(contract.OrderAssign, assignMembers),
		operate(contract.OrderQuery, queryOrder),
		operate(contract.OrderList, listOrders),

		operate(contract.RequestQuery, queryRequest),
		operate(contract.RequestList, listRequests),

		{Operation: contract.FileUpload, parse: parseFile},

		operate(contract.ReviewList, listReviews),
		operate(contract.ReviewQuery, queryReview),
		operate(contract.ReviewFile, readReviewFile),
		operate(contract.ReviewDecide, decideReview),

		operate(contract.SessionBegin, beginSession),
	} {
		byPath[op.Path] = op
	}
	return byPath
}

// checked is an input that can check itself.
type checked interface {
	Validate() error
}

// operate makes an operation of a handler of a JSON input that can check itself.
func operate[In checked, Out any](op contract.Operation, handle func(*call, In) (Out, error)) operation {
	return operateWith(op, func(*Platform, *In) {}, handle)
}

// operateWith is operate for a check that depends on the platform: prepare puts
// what it depends on into the decoded input.
func operateWith[In checked, Out any](op contract.Operation, prepare func(*Platform, *In), handle func(*call, In) (Out, error)) operation {
	names := namesOf[In]()
	return operation{
		Operation: op,
		parse: func(p *Platform, in *incoming) (err error) {
			if err := names.check(in.body); err != nil {
				return err
			}
			var input In
			inputErr := decode(in.body, &input)
			if op.Write {
				if in.requestID, err = requestIDOf(&input, inputErr, in.body); err != nil {
					return err
				}
			}
			if inputErr == nil {
				prepare(p, &input)
				inputErr = input.Validate()
			}
			in.handle = func(c *call) (any, error) {
				if inputErr != nil {
					return nil, inputErr
				}
				return handle(c, input)
			}
			return nil
		},
	}
}

func (op operation) withEffect(effect func(TargetBackend, context.Context, TargetCall) error) operation {
	op.effect = effect
	return op
}

// incoming is one authenticated call.
type incoming struct {
	op     operation
	caller caller
	// body is what was sent, and contentType what it was sent as.
	body        []byte
	contentType string
	// base is the address of the platform; empty when it was not set.
	base string
	// inReplyTo names the call to whoever gets its answer.
	inReplyTo string
	// message is what was signed, hashed; empty for a call that nobody can capture.
	message string
	// observed is the key of the release that was observed for the call; empty for none.
	observed string

	// requestID is the idempotency key; empty for a call that needs none.
	requestID string
	// handle checks the input against the records, stages what the operation writes,
	// and returns the answer's data, which is complete once that is written.
	handle func(*call) (any, error)
	// contentHash is what a later call with the same requestId is compared with.
	contentHash string
}

// executed is what a call came to.
type executed struct {
	reply     reply
	requestID string
	err       error
}

// call is one run of an operation inside a transaction.
type call struct {
	p      *Platform
	tx     storage.Tx
	in     incoming
	caller caller
	at     time.Time
	// order is the one by which the caller acts for a merchant; nil: for its own workspace.
	order *orderRecord
	// session outlives the transaction; nil for a call that writes nothing.
	session *writeSession

	// staged is what the call writes once its handler and its effect have succeeded.
	// It may run in a later transaction, and more than once.
	staged []func(*call) error
	// data is the answer, which the staged writes complete.
	data any
	// before and after are the release that the call changes; nil for none.
	before, after *releaseRecord
	// checked are the permissions that the call needed.
	checked []permission
	// about is what the target app is called about; authorizationLost says that it refused for want of
	// an authorization.
	about             TargetCall
	authorizationLost bool
	// requestedRatio and unresolved are those of the release before the call reserved
	// anything.
	requestedRatio alipayplus.Ratio
	unresolved     string
	// goesBackTo is the version that a rollback brings back.
	goesBackTo alipayplus.VersionNumber
	// effectIsOptional says that the call may come to its end without its effect when
	// the platform is not authorized to call the target app.
	effectIsOptional bool
	// withoutEffect says that the platform is known not to be.
	withoutEffect bool
}

// execute carries out a call exactly once: a repeated requestId gets the first
// outcome, and what the operation writes is written with the outcome or not at all.
func (p *Platform) execute(ctx context.Context, in incoming) executed {
	if err := in.op.parse(p, &in); err != nil {
		return executed{err: err}
	}
	if err := p.reindex(ctx); err != nil {
		return executed{err: p.refused(ctx, in, err)}
	}
	if !in.op.Write {
		out, err := p.read(ctx, in)
		return executed{reply: out, err: p.refused(ctx, in, err)}
	}
	sum := sha256.Sum256(in.body)
	in.contentHash = hex.EncodeToString(sum[:])
	session := &writeSession{p: p, in: in}
	defer func() { session.giveBack(ctx) }()
	out, err := session.run(ctx)
	return executed{reply: out, requestID: in.requestID, err: p.refused(ctx, in, err)}
}

func (p *Platform) read(ctx context.Context, in incoming) (out reply, err error) {
	for {
		err = p.upToDate(ctx, p.cfg.store.View, func(tx storage.Tx) error {
			c, err := p.begin(ctx, tx, in)
			if err != nil {
				return err
			}
			data, err := in.handle(c)
			if err != nil {
				return err
			}
			out, err = successReply(in, data)
			return err
		})
		unobserved, isUnobserved := errors.AsType[*unobservedError](err)
		if !isUnobserved {
			return out, err
		}
		p.observe(ctx, unobserved)
		in.observed = unobserved.key()
	}
}

// begin starts a run of a call. It reads the credential and the member again: both
// may have changed while the body was read.
func (p *Platform) begin(ctx context.Context, tx storage.Tx, in incoming) (*call, error) {
	who, err := p.findCallerIn(ctx, tx, in.caller.ClientID)
	who.key = in.caller.key
	if signer, _ := who.keyOf(who.key.Version); err == nil && !bytes.Equal(signer.PublicKey, who.key.PublicKey) {
		err = errUnknownClient()
	}
	return &call{p: p, tx: tx, in: in, caller: who, at: now()}, err
}

// writeSession is one call that changes something: from the handler, over the effect
// at the target app, where there is one, to the commit of what it writes.
type writeSession struct {
	p  *Platform
	in incoming
	// lease is that of the mini program which the session has to itself; nil for none.
	lease *leaseRecord
	// forgets says that the transaction under way removes expired outcomes.
	forgets bool
}

// run carries out the call. A refusal changes nothing, so it is no outcome: the
// same requestId may be tried again once its cause is gone.
func (s *writeSession) run(ctx context.Context) (reply, error) {
	out, reserved, err := s.applyHandler(ctx)
	if err != nil || reserved == nil {
		return out, err
	}
	if err := s.askTarget(ctx, reserved); err != nil {
		return reply{}, err
	}
	// What was done at the target app is recorded, also when the caller has gone.
	return s.commit(context.WithoutCancel(ctx), reserved)
}

// update runs a write transaction. One call at a time removes expired outcomes in
// it: two that removed the same would conflict.
func (s *writeSession) update(ctx context.Context, fn func(storage.Tx) error) error {
	if s.forgets = s.p.forgetting.TryLock(); s.forgets {
		defer s.p.forgetting.Unlock()
	}
	return s.p.cfg.store.Update(ctx, fn)
}

// applyHandler runs the handler in the first transaction. An operation without an effect
// is committed in it; for one with an effect it returns the call that has been
// reserved.
func (s *writeSession) applyHandler(ctx context.Context) (out reply, reserved *call, err error) {
	err = whenFree(ctx, func() error {
		s.in.observed = "" // the call that had the mini program to itself may have changed it
		for {
			err := s.p.upToDate(ctx, s.update, func(tx storage.Tx) (err error) {
				out, reserved, err = s.applyHandlerIn(ctx, tx)
				return err
			})
			if unmade, is := errors.AsType[*unmadeQRCodeError](err); is {
				if err := s.p.makeQRCode(ctx, unmade); err != nil {
					return err
				}
				continue
			}
			unobserved, is := errors.AsType[*unobservedError](err)
			if !is {
				return err
			}
			s.p.observe(ctx, unobserved)
			s.in.observed = unobserved.key()
		}
	})
	if err != nil {
		return reply{}, nil, err
	}
	return out, reserved, nil
}

func (s *writeSession) applyHandlerIn(ctx context.Context, tx storage.Tx) (out reply, reserved *call, err error) {
	s.lease = nil // of a transaction that is run again
	c, err := s.p.begin(ctx, tx, s.in)
	if err != nil {
		return reply{}, nil, err
	}
	c.session = s
	first, err := c.firstOutcome()
	if err != nil {
		return reply{}, nil, err
	}
	if first != nil {
		return *first, nil, nil
	}
	if c.data, err = s.in.handle(c); err != nil {
		return reply{}, nil, err
	}
	if s.in.op.effect == nil || c.withoutEffect {
		out, err = c.commit()
		return out, nil, err
	}
	return reply{}, c, c.reserve()
}

// reserve records what the target app is about to be asked for: the requestId,
// so that it cannot be used for anything else meanwhile, the operation, because no
// verdict may be applied until its outcome is known, and the ratio, because no lower
// one may follow when the platform never learns what came of it.
func (c *call) reserve() error {
	if _, err := c.p.target(c.after.TargetApp); err != nil {
		return err // nothing is announced to an app that cannot be asked
	}
	// The target app gets copies: what it does with them changes no record.
	about, err := c.p.targetCall(c.tx, c.after)
	if err != nil {
		return err
	}
	c.about = about
	c.about.From, c.about.GoesBackTo = c.before.Grayscale.Ratio, c.goesBackTo
	c.requestedRatio, c.unresolved = c.before.RequestedRatio, c.before.Unresolved
	if err := c.before.reserve(c.tx, max(c.requestedRatio, c.after.Grayscale.Ratio), c.in.op.Name); err != nil {
		return err
	}
	c.after.RequestedRatio, c.after.Unresolved = c.before.RequestedRatio, ""
	if err := c.session.takeLease(c.tx, leaseKey(c.workspace(), c.after.ProgramID)); err != nil {
		return err
	}
	return c.remember(reply{})
}

// endEffect ends what reserve began. It fails when the call took longer than its lease and
// another one has changed the release: the caller repeats the call, and the handler decides
// anew.
func (c *call) endEffect() error {
	holds, err := c.session.holdsLease(c.tx)
	if err != nil {
		return err
	}
	r, err := load[releaseRecord](c.tx, c.before.key())
	if err != nil {
		return err
	}
	if !holds || r == nil || r.Status != c.before.Status || !r.UpdatedAt.Equal(c.before.UpdatedAt) {
		return fmt.Errorf("release %s was changed while the target app was asked: %w", c.before.ID, errUnavailable)
	}
	return remove(c.tx, c.session.lease)
}

func (r *releaseRecord) reserve(tx storage.Tx, ratio alipayplus.Ratio, operation string) error {
	if ratio == r.RequestedRatio && operation == r.Unresolved {
		return nil
	}
	before := new(*r)
	r.RequestedRatio, r.Unresolved = ratio, operation
	return save(tx, before, r)
}

// checkResolved refuses a change of a release that the target app may have changed
// already in another way.
func (r *releaseRecord) checkResolved() error {
	if r.Unresolved == "" {
		return nil
	}
	return conflict("%s was asked for %s of release %s, and what came of it is not known (yet); repeat that call, which any member may who releases",
		r.TargetApp, r.Unresolved, r.ID)
}

// askTarget does what the operation does at the target app.
func (s *writeSession) askTarget(ctx context.Context, c *call) error {
	target, err := s.p.target(c.after.TargetApp)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, targetCallTimeout)
	defer cancel()
	if err := c.handleLostAuthorization(s.in.op.effect(target, asking, c.about)); err != nil {
		s.p.observed.forget(c.before.key()) // somebody may have changed it there
		return s.effectFailed(context.WithoutCancel(ctx), c, &targetFailure{c.after.TargetApp, err})
	}
	return nil
}

// targetFailure is what a target app did not do.
type targetFailure struct {
	app alipayplus.TargetApp
	err error
}

func (f *targetFailure) Error() string { return "target app: " + f.err.Error() }

func (f *targetFailure) Unwrap() error { return f.err }

// unavailable is what the caller is told when the outcome is not known.
func (f *targetFailure) unavailable() string {
	return fmt.Sprintf("%s could not be asked, or did not say what happened; the platform's log says why, by the trace id", f.app)
}

// handleLostAuthorization completes the app's own refusal for want of an authorization, which it may
// know before the platform does.
func (c *call) handleLostAuthorization(err error) error {
	if !errors.Is(err, alipayplus.ErrAuthorizationRequired) {
		return err
	}
	c.authorizationLost = true
	if c.effectIsOptional {
		return nil
	}
	return fmt.Errorf("%w (%w)", &alipayplus.AuthorizationRequiredError{
		ProgramID: c.after.ProgramID, TargetApp: c.after.TargetApp,
		Live: max(c.before.Grayscale.Ratio, c.requestedRatio),
	}, err)
}

// effectFailed takes the reservation back when the target app has refused for
// certain; after an unknown outcome it stays, and so does that of a call that has the
// lease by now.
func (s *writeSession) effectFailed(ctx context.Context, c *call, cause error) error {
	if isUnknown(cause) {
		return cause
	}
	err := s.p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		c := c.continued(tx)
		r, err := load[releaseRecord](tx, c.before.key())
		if err != nil || r == nil {
			return err
		}
		if c.authorizationLost {
			if err := c.p.lostAuthorization(tx, r, c.about); err != nil {
				return err
			}
		}
		holds, err := s.holdsLease(tx)
		if err != nil || !holds {
			return err
		}
		unresolved := c.unresolved
		if isAboutTheRelease(cause) {
			r.AppliedFor = r.AppliedFor || c.in.op.Name == contract.ReleaseApply.Name
			unresolved = ""
		}
		if err := r.reserve(tx, c.requestedRatio, unresolved); err != nil {
			return err
		}
		if err := remove(tx, s.lease); err != nil {
			return err
		}
		return c.forget()
	})
	if err != nil {
		return err
	}
	s.lease = nil
	return cause
}

// isAboutTheRelease says whether a refusal by the target app ends what is not known about
// the same effect, which was asked for before: it is either not done, or seen when the
// release is observed. One that is about the caller, such as a rate limit, does not.
func isAboutTheRelease(refusal error) bool {
	switch codeOf(refusal) {
	case alipayplus.CodeStateConflict, alipayplus.CodeNotFound, alipayplus.CodeParamIllegal:
		return true
	default:
		return false
	}
}

// DiscardEffect says that a person has looked at the target app: what it was last
// asked for about a release, with an outcome that the platform never learned, did not
// happen. Verdicts that waited for that outcome are applied from then on, and a lower
// ratio may be set. When it did happen, repeat the call instead: the target app comes
// to the same. Nothing changes when no outcome is unknown. Errors:
// [alipayplus.ErrNotFound].
func (p *Platform) DiscardEffect(ctx context.Context, workspaceID, releaseID string) error {
	err := whenFree(ctx, func() error {
		return p.cfg.store.Update(ctx, func(tx storage.Tx) error { return p.discardEffect(tx, workspaceID, releaseID) })
	})
	if err != nil {
		return fmt.Errorf("platform: discard effect: %w", err)
	}
	return nil
}

func (p *Platform) discardEffect(tx storage.Tx, workspace, id string) error {
	r, err := load[releaseRecord](tx, releaseKey(workspace, id))
	if err == nil && r == nil {
		err = notFound("release", id)
	}
	if err != nil || r.Unresolved == "" {
		return err
	}
	if err := checkLease(tx, leaseKey(workspace, r.ProgramID)); err != nil {
		return err
	}
	what := r.Unresolved
	if err := r.reserve(tx, r.Grayscale.Ratio, ""); err != nil {
		return err
	}
	return p.operatorDid(tx, workspace, "release", r.ID, state(&r.Release), state(&r.Release), what+" did not happen at "+string(r.TargetApp), source{})
}

// continued is the call in a later transaction.
func (c *call) continued(tx storage.Tx) *call {
	later := *c
	later.tx, later.at = tx, now()
	return &later
}

// commit writes in the second transaction what the handler has staged.
func (s *writeSession) commit(ctx context.Context, reserved *call) (out reply, err error) {
	err = s.update(ctx, func(tx storage.Tx) error {
		c := reserved.continued(tx)
		if err := c.endEffect(); err != nil {
			return err
		}
		if c.authorizationLost {
			if err := c.p.lostAuthorization(tx, c.before, c.about); err != nil {
				return err
			}
		}
		out, err = c.commit()
		return err
	})
	if err == nil {
		s.lease = nil
	}
	return out, err
}

// stage leaves a write to the commit.
func (c *call) stage(write func(*call) error) { c.staged = append(c.staged, write) }

// save stages a new record, or the change of one. before is what was loaded from
// the same key; nil for a new record.
func (c *call) save(before, after record) {
	c.stage(func(c *call) error { return save(c.tx, before, after) })
}

// commit writes what was staged, and the outcome.
func (c *call) commit() (reply, error) {
	for _, write := range c.staged {
		if err := write(c); err != nil {
			return reply{}, err
		}
	}
	out, err := successReply(c.in, c.data)
	if err != nil {
		return reply{}, err
	}
	return out, c.remember(out)
}
