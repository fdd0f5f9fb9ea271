package platform

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
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
	return r.ID, p.cfg.store.Update(ctx, func(tx storage.Tx) error { return save(tx, nil, r) })
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
		return save(tx, nil, &memberRecord{m})
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
	if party == "" {
		return "", errors.New("platform: reviewer: the party must not be empty")
	}
	return p.addClient(ctx, clientRecord{Party: party}, key)
}

func (p *Platform) addClient(ctx context.Context, r clientRecord, key crypto.PublicKey) (string, error) {
	public, err := signing.CheckPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("platform: client: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("platform: client: %w", err)
	}
	r.ClientID, r.KeyVersion = newClientID(), "1"
	r.PublicKey = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
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
		return save(tx, nil, &r)
	})
}

// RemoveClient makes a client id useless, at once.
func (p *Platform) RemoveClient(ctx context.Context, clientID string) error {
	return p.cfg.store.Update(ctx, func(tx storage.Tx) error { return tx.Delete(clientKey(clientID)) })
}

// newClientID makes an id of 16 digits, as the documents' samples have.
func newClientID() string {
	digits := []byte(rand.Text()[:16])
	for i := range digits {
		digits[i] = '0' + digits[i]%10
	}
	return string(digits)
}

// credential finds whose a client id is.
func (p *Platform) credential(ctx context.Context, id string) (*clientRecord, Member, error) {
	var credential *clientRecord
	var member Member
	if id == "" || len(id) > maxClientID {
		return nil, member, nil
	}
	err := p.cfg.store.View(ctx, func(tx storage.Tx) error {
		var err error
		if credential, err = load[clientRecord](tx, clientKey(id)); err != nil || credential == nil || credential.Party != "" {
			return err
		}
		r, err := load[memberRecord](tx, memberKey(credential.Workspace, credential.Member))
		if err != nil {
			return err
		}
		if r == nil {
			credential = nil
			return nil
		}
		member = r.Member
		return nil
	})
	return credential, member, err
}
