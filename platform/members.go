package platform

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// Member is a person, or a CI job, in a workspace.
type Member struct {
	// WorkspaceID is the workspace.
	WorkspaceID string `json:"workspaceId"`
	// Name names the member within the workspace.
	Name string `json:"name"`
	// Role is what the member is.
	Role alipayplus.Role `json:"role"`
	// Programs are the mini programs assigned to a developer; see
	// [alipayplus.PolicyAssignedDevelopersRelease].
	Programs []string `json:"programs,omitempty"`
}

func (m Member) assigned(program string) bool { return slices.Contains(m.Programs, program) }

// AddWorkspace onboards a company: it makes a workspace, named after the
// company, and returns its id. The error is a [alipayplus.ValidationError] when
// the business registration is not complete.
func (p *Platform) AddWorkspace(ctx context.Context, company alipayplus.BusinessRegistration) (string, error) {
	if err := company.Validate(); err != nil {
		return "", err
	}
	r := &workspaceRecord{ID: newID("ws_"), Company: company}
	return r.ID, p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		if err := save(tx, nil, r); err != nil {
			return err
		}
		return p.operatorDid(tx, r.ID, "workspace", r.ID, "", "CREATED")
	})
}

// PutMember adds a member to a workspace, or changes one of the same name. What
// changes holds from the next call on.
func (p *Platform) PutMember(ctx context.Context, m Member) error {
	if m.Name == "" || strings.Contains(m.Name, "/") {
		return errors.New("platform: member: the name must not be empty or hold a slash")
	}
	if !m.Role.Known() {
		return fmt.Errorf("platform: member %s: role %q is not known", m.Name, m.Role)
	}
	return p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		w, err := load[workspaceRecord](tx, workspaceKey(m.WorkspaceID))
		if err != nil {
			return err
		}
		if w == nil {
			return fmt.Errorf("platform: member %s: there is no workspace %q", m.Name, m.WorkspaceID)
		}
		before, err := load[memberRecord](tx, memberKey(m.WorkspaceID, m.Name))
		if err != nil {
			return err
		}
		if err := save(tx, nil, &memberRecord{m}); err != nil {
			return err
		}
		from := ""
		if before != nil {
			from = string(before.Role)
		}
		return p.operatorDid(tx, m.WorkspaceID, "member", m.Name, from, string(m.Role))
	})
}

// AddClient gives a member a client id for the given public key, of key version
// "1". A member may have several.
func (p *Platform) AddClient(ctx context.Context, workspaceID, member string, key crypto.PublicKey) (clientID string, err error) {
	return p.addClient(ctx, clientRecord{Workspace: workspaceID, Member: member}, key)
}

// AddReviewer gives a reviewing party a client id for the given public key, of
// key version "1". Its calls are review/list and review/decide.
func (p *Platform) AddReviewer(ctx context.Context, party alipayplus.Party, key crypto.PublicKey) (clientID string, err error) {
	return p.addClient(ctx, clientRecord{Party: party}, key)
}

func (p *Platform) addClient(ctx context.Context, r clientRecord, key crypto.PublicKey) (string, error) {
	if r.Member == "" && (r.Party == "" || strings.Contains(string(r.Party), "/")) {
		return "", errors.New("platform: client: the member or the party must not be empty, and a party holds no slash")
	}
	public, err := signing.CheckPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("platform: client: %w", err)
	}
	if public.Equal(p.public) && !r.InProcess {
		// An answer looks like a request of the same key, so it could be sent back as one.
		return "", errors.New("platform: client: the platform's own key cannot be a client's")
	}
	r.ClientID, r.KeyVersion, r.PublicKey = newClientID(), "1", signing.PublicKeyPEM(public)
	return r.ClientID, p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		if r.Party == "" {
			m, err := load[memberRecord](tx, memberKey(r.Workspace, r.Member))
			if err != nil {
				return err
			}
			if m == nil {
				return fmt.Errorf("platform: client: there is no member %q in workspace %q", r.Member, r.Workspace)
			}
		}
		if err := save(tx, nil, &r); err != nil || r.InProcess {
			return err
		}
		return p.operatorDid(tx, r.Workspace, "client", r.ClientID, "", "ADDED")
	})
}

// RemoveClient makes a client id useless, at once.
func (p *Platform) RemoveClient(ctx context.Context, clientID string) error {
	return p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		r, err := load[clientRecord](tx, clientKey(clientID))
		if err != nil || r == nil {
			return err
		}
		if err := tx.Delete(r.key()); err != nil {
			return err
		}
		return p.operatorDid(tx, r.Workspace, "client", r.ClientID, "ADDED", "REMOVED")
	})
}

// operatorDid records what whoever runs the platform did, through Go.
func (p *Platform) operatorDid(tx storage.Tx, workspace, kind, id, from, to string) error {
	w := auditWriter{p: p, tx: tx, workspace: workspace, who: "operator", at: now()}
	return w.add(kind, id, from, to, "")
}

// newClientID makes an id of 16 digits, as the documents' samples have.
func newClientID() string {
	digits := []byte(rand.Text()[:16])
	for i := range digits {
		digits[i] = '0' + digits[i]%10
	}
	return string(digits)
}

// caller is who calls: a member of a workspace, or a reviewer, by a credential.
type caller struct {
	clientRecord
	// member is empty for a reviewer.
	member Member
}

func errUnknownClient() error {
	return refuse(alipayplus.CodeUnknownClient, "the client id is not known here")
}

// findCaller finds whose a client id is, in a transaction of its own.
func (p *Platform) findCaller(ctx context.Context, clientID string) (who caller, err error) {
	if clientID == "" || len(clientID) > maxClientID {
		return caller{}, errUnknownClient()
	}
	err = p.cfg.store.View(ctx, func(tx storage.Tx) error {
		who, err = findCaller(ctx, tx, clientID)
		return err
	})
	return who, err
}

func findCaller(ctx context.Context, tx storage.Tx, clientID string) (caller, error) {
	credential, err := load[clientRecord](tx, clientKey(clientID))
	if err != nil {
		return caller{}, err
	}
	if credential == nil || credential.InProcess && !isInProcess(ctx) {
		return caller{}, errUnknownClient()
	}
	if credential.Party != "" {
		return caller{clientRecord: *credential}, nil
	}
	m, err := load[memberRecord](tx, memberKey(credential.Workspace, credential.Member))
	if err != nil {
		return caller{}, err
	}
	if m == nil {
		return caller{}, errUnknownClient()
	}
	return caller{clientRecord: *credential, member: m.Member}, nil
}

// may refuses what the caller's role does not allow. programID is the mini
// program that the action is about; empty where there is none.
func (c *call) may(action alipayplus.Action, programID string) error {
	if c.caller.Party != "" {
		return refuse(alipayplus.CodeAccessDenied, "a reviewer has no workspace; use the credentials of a member")
	}
	member := c.caller.member
	return c.p.cfg.policy.Check(member.Role, action, member.assigned(programID))
}

func (c *call) workspace() string { return c.caller.member.WorkspaceID }
func (c *call) who() string       { return c.caller.member.Name }
