package platform

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func beginAuthorization(c *call, in alipayplus.BeginAuthorizationInput) (*alipayplus.Authorization, error) {
	program, err := c.programFor(alipayplus.ActionRelease, in.ProgramID)
	if err != nil {
		return nil, err
	}
	target, err := c.p.target(in.TargetApp)
	if err != nil {
		return nil, err
	}
	before, err := c.authorization(in.ProgramID, in.TargetApp)
	if err != nil {
		return nil, err
	}
	if before.Status == alipayplus.AuthorizationGranted || !target.NeedsAuthorization() {
		return &before.Authorization, nil
	}
	if !before.Status.CanBecome(alipayplus.AuthorizationPending) {
		return nil, conflict("the authorization is %s", before.Status)
	}
	r := c.newAuthorization(in.ProgramID, in.TargetApp)
	r.Visits = before.Visits
	r.ended(visitOpen, visitReplaced)
	r.Status, r.State, r.ExpiresAt = alipayplus.AuthorizationPending, newState(), c.at.Add(c.p.cfg.authorizationExpiry)
	r.opened()
	out := c.withPage(r, program, target)
	if out.URL == "" {
		return nil, refuse(alipayplus.CodeProcessFail, "the page of %s must lead back to this platform, which was not told its public address; its operator sets WithPublicURL", r.TargetApp)
	}
	c.save(before, r)
	c.audit("authorization", r.ProgramID, string(before.Status), string(r.Status), "")
	return out, nil
}

// newState makes a state of 120 random bits. Its length makes it valid base64, which
// AlipayCN asks for.
func newState() string { return rand.Text()[:24] }

func (c *call) newAuthorization(program string, target alipayplus.TargetApp) *authorizationRecord {
	return &authorizationRecord{Workspace: c.workspace(), Authorization: alipayplus.Authorization{
		ProgramID: program, TargetApp: target, Status: alipayplus.AuthorizationNone,
	}}
}

// withPage is an authorization as the caller may see it. Whoever has the page can
// give the authorization, so only who may release sees it and its state. The address
// of a page that the platform serves begins with its public address, or else with
// nothing: the caller knows where it calls, and the Host of a call is nobody's word.
func (c *call) withPage(r *authorizationRecord, program *programRecord, target TargetBackend) *alipayplus.Authorization {
	out := r.Authorization
	if out.Status != alipayplus.AuthorizationPending || c.may(alipayplus.ActionRelease, program.ID) != nil {
		out.State = ""
		return &out
	}
	page := target.AuthorizationPage(c.in.base, out.State, &program.Program)
	switch {
	case strings.HasPrefix(page, "?"):
		out.URL = c.p.cfg.publicURL + pagePath(target) + page
	case c.in.base != "":
		out.URL = page
		if phone, has := target.(TargetPhonePage); has {
			out.PhoneURL = phone.PhoneAuthorizationPage(c.in.base, out.State, &program.Program)
		}
	}
	return &out
}

// authorization reads an authorization; one whose page has expired is as if it
// had never begun.
func (c *call) authorization(program string, target alipayplus.TargetApp) (*authorizationRecord, error) {
	r, err := load[authorizationRecord](c.tx, authorizationKey(c.workspace(), program, target))
	if err != nil {
		return nil, err
	}
	if r == nil {
		return c.newAuthorization(program, target), nil
	}
	if r.Status == alipayplus.AuthorizationPending && !c.at.Before(r.ExpiresAt) {
		r.Status, r.ExpiresAt = alipayplus.AuthorizationNone, time.Time{}
	}
	return r, nil
}

func queryAuthorization(c *call, in alipayplus.AuthorizationInput) (*alipayplus.Authorization, error) {
	program, err := c.programFor(alipayplus.ActionView, in.ProgramID)
	if err != nil {
		return nil, err
	}
	target, err := c.p.target(in.TargetApp)
	if err != nil {
		return nil, err
	}
	r, err := c.authorization(in.ProgramID, in.TargetApp)
	if err != nil {
		return nil, err
	}
	return c.withPage(r, program, target), nil
}

// GrantAuthorization gives an authorization as a merchant does at the target app, whether
// it was begun or not: it spares tests the visit of the page. There is no code, so
// [TargetBackend].Exchange is not called; a page that is open leads nowhere from then on. One
// that was given already stays as it is. The error matches [alipayplus.ErrNotFound] when
// the workspace has no such mini program, and [alipayplus.ErrInvalid] when the platform
// does not release to the target app, or that asks for no authorization.
func (p *Platform) GrantAuthorization(ctx context.Context, workspaceID, programID string, target alipayplus.TargetApp) error {
	app, err := p.target(target)
	if err == nil && !app.NeedsAuthorization() {
		err = invalid("targetApp", "asks for no authorization")
	}
	if err == nil {
		err = p.cfg.store.Update(ctx, func(tx storage.Tx) error { return p.grantUnasked(tx, workspaceID, programID, target) })
	}
	if err != nil {
		return fmt.Errorf("platform: grant: %w", err)
	}
	return nil
}

// grantUnasked gives an authorization that may not have been begun.
func (p *Platform) grantUnasked(tx storage.Tx, workspace, programID string, target alipayplus.TargetApp) error {
	c := &call{p: p, tx: tx, at: now(), caller: caller{member: Member{WorkspaceID: workspace}}}
	if err := mustHaveProgram(tx, workspace, programID); err != nil {
		return err
	}
	r, err := c.authorization(programID, target)
	if err != nil {
		return err
	}
	if r.Status == alipayplus.AuthorizationGranted {
		return nil
	}
	if r.Status != alipayplus.AuthorizationPending {
		if err := p.operatorDid(tx, workspace, "authorization", programID, string(r.Status), string(alipayplus.AuthorizationPending), "", source{}); err != nil {
			return err
		}
		r.Status = alipayplus.AuthorizationPending
	}
	return p.moveAuthorization(tx, r, alipayplus.AuthorizationGranted, string(target))
}

// RevokeAuthorization takes back an authorization, as a merchant may do at the
// target app. Errors: [alipayplus.ErrConflict] when the mini program is not authorized,
// [alipayplus.ErrNotFound] and [alipayplus.ErrInvalid] as for GrantAuthorization.
func (p *Platform) RevokeAuthorization(ctx context.Context, workspaceID, programID string, target alipayplus.TargetApp) error {
	_, err := p.target(target)
	if err == nil {
		err = p.cfg.store.Update(ctx, func(tx storage.Tx) error { return p.revoke(tx, workspaceID, programID, target) })
	}
	if err != nil {
		return fmt.Errorf("platform: revoke: %w", err)
	}
	return nil
}

func (p *Platform) revoke(tx storage.Tx, workspace, programID string, target alipayplus.TargetApp) error {
	if err := mustHaveProgram(tx, workspace, programID); err != nil {
		return err
	}
	r, err := load[authorizationRecord](tx, authorizationKey(workspace, programID, target))
	if err != nil {
		return err
	}
	if r == nil || !r.Status.CanBecome(alipayplus.AuthorizationRevoked) {
		return conflict("the mini program is not authorized")
	}
	return p.moveAuthorization(tx, r, alipayplus.AuthorizationRevoked, string(target))
}

func mustHaveProgram(tx storage.Tx, workspace, id string) error {
	program, err := load[programRecord](tx, programKey(workspace, id))
	if err == nil && program == nil {
		err = notFound("mini program", id)
	}
	return err
}

// moveAuthorization ends a pending authorization one way or the other, or takes a
// given one back.
func (p *Platform) moveAuthorization(tx storage.Tx, r *authorizationRecord, to alipayplus.AuthorizationStatus, who string) error {
	before := *r
	at := now()
	switch to {
	case alipayplus.AuthorizationGranted:
		r.ended(visitOpen, visitGranted)
	case alipayplus.AuthorizationDeclined:
		r.ended(visitOpen, visitDeclined)
	case alipayplus.AuthorizationRevoked:
		r.ended(visitGranted, visitRevoked)
	}
	r.Status, r.State, r.ExpiresAt = to, "", time.Time{}
	r.MissingMethods = nil
	if to == alipayplus.AuthorizationGranted {
		r.GrantedAt = at
	}
	if err := save(tx, &before, r); err != nil {
		return err
	}
	w := auditWriter{p: p, tx: tx, workspace: r.Workspace, who: who, at: at}
	return w.add("authorization", r.ProgramID, string(before.Status), string(to), "")
}

// grant completes the authorization that the state belongs to, if it waits for it.
// refusal is why the target app, or what was authorized there, grants nothing.
func (p *Platform) grant(ctx context.Context, state string, query url.Values) (refusal, err error) {
	waiting, v, err := p.visit(ctx, state)
	if err != nil || v.End != visitOpen {
		return nil, err
	}
	target, err := p.target(waiting.TargetApp)
	if err != nil {
		return nil, err
	}
	given, err := target.Exchange(ctx, TargetVisit{WorkspaceID: waiting.Workspace, ProgramID: waiting.ProgramID, State: state, Query: query})
	if err != nil {
		if !isUnknown(err) {
			return err, nil
		}
		return nil, fmt.Errorf("exchange the code: %w", err)
	}
	missing := slices.Clone(given.MissingMethods)
	if len(missing) > 0 {
		refusal = conflict("%s did not authorize %s, which a release needs; the platform's operator adds that to the platform's app there", target.App(), strings.Join(missing, ", "))
	}
	_, err = p.changeVisit(ctx, state, func(tx storage.Tx, r *authorizationRecord, _ *visit) error {
		r.TargetProgramID, r.MissingMethods = given.TargetProgramID, missing
		if len(missing) > 0 {
			return save(tx, r, r)
		}
		return p.moveAuthorization(tx, r, alipayplus.AuthorizationGranted, string(r.TargetApp))
	})
	return refusal, err
}

// decline ends the authorization that the state belongs to without giving it; false
// when it belongs to none.
func (p *Platform) decline(ctx context.Context, state string) (declined bool, err error) {
	return p.changeVisit(ctx, state, func(tx storage.Tx, r *authorizationRecord, _ *visit) error {
		return p.moveAuthorization(tx, r, alipayplus.AuthorizationDeclined, string(r.TargetApp))
	})
}

// changeVisit changes an authorization by one of its pages; false when the page can no
// longer be used.
func (p *Platform) changeVisit(ctx context.Context, state string, change func(storage.Tx, *authorizationRecord, *visit) error) (changed bool, err error) {
	err = p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		changed = false
		r, v, err := findVisit(tx, state)
		if err != nil || v.End != visitOpen {
			return err
		}
		changed = true
		return change(tx, r, v)
	})
	return changed && err == nil, err
}

// visit finds the page that a state belongs to, and its authorization; visitUnknown
// when there is none.
func (p *Platform) visit(ctx context.Context, state string) (r *authorizationRecord, v *visit, err error) {
	err = p.cfg.store.View(ctx, func(tx storage.Tx) error {
		r, v, err = findVisit(tx, state)
		return err
	})
	return r, v, err
}

func findVisit(tx storage.Tx, state string) (*authorizationRecord, *visit, error) {
	none := &visit{End: visitUnknown}
	at, ok, err := tx.Get(stateKey(state))
	if err != nil || !ok {
		return nil, none, err
	}
	r, err := load[authorizationRecord](tx, string(at))
	if err != nil || r == nil {
		return nil, none, err
	}
	i := slices.IndexFunc(r.Visits, func(v visit) bool { return v.State == state })
	if i < 0 {
		return nil, none, nil
	}
	v := r.Visits[i]
	if v.End == visitOpen && !now().Before(v.ExpiresAt) {
		v.End = visitExpired
	}
	return r, &v, nil
}
