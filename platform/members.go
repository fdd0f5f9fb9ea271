package platform

import (
	"context"
	"crypto"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/validation"
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
	// [alipayplus.PolicyAssignedDevelopersRelease], and for those of merchants
	// [alipayplus.PermissionPolicy.CanForMerchant] and [alipayplus.OrdersClient.Assign].
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
		if err := beginIndexed(tx); err != nil {
			return err
		}
		if err := save(tx, nil, r); err != nil {
			return err
		}
		return p.operatorDid(tx, r.ID, "workspace", r.ID, "", "CREATED", "", source{})
	})
}

// PutMember adds a member to a workspace, or changes one of the same name. What
// changes holds from the next call on. The last owner stays one. Errors:
// [alipayplus.ErrInvalid], [alipayplus.ErrNotFound] for the workspace,
// [alipayplus.ErrConflict] for the last owner.
func (p *Platform) PutMember(ctx context.Context, m Member) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("platform: member %s: %w", quote(m.Name), err)
	}
	err := p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		before, err := memberOf(tx, m.WorkspaceID, m.Name)
		if err != nil {
			return err
		}
		after, from := &memberRecord{Member: m, Enrolled: newID("")}, ""
		if before != nil {
			after.Enrolled, from = before.Enrolled, string(before.Role)
			if m.Role != alipayplus.RoleOwner {
				if err := before.mayLeaveOwners(tx); err != nil {
					return err
				}
			}
		}
		if err := save(tx, nil, after); err != nil {
			return err
		}
		return p.operatorDid(tx, m.WorkspaceID, "member", m.Name, from, string(m.Role), assignedNote(m.Programs), source{})
	})
	if err != nil {
		return fmt.Errorf("platform: member %s: %w", quote(m.Name), err)
	}
	return nil
}

func (m Member) check() error {
	if err := checkName("name", m.Name, maxMemberName); err != nil {
		return err
	}
	for i, program := range m.Programs {
		if err := checkName(fmt.Sprintf("programs[%d]", i), program, maxName); err != nil {
			return err
		}
	}
	if !m.Role.Known() {
		return invalid("role", "%s is not known", quote(string(m.Role)))
	}
	return nil
}

// How long names may be, in characters: those that a call or a list can name.
const (
	maxMemberName = 256
	maxName       = 64
)

// checkName refuses a name that a person cannot read as it is meant, or that cannot be
// part of a record's key.
func checkName(path, name string, most int) error {
	switch wrong := validation.PlainTexts(name); {
	case name == "" || strings.Contains(name, "/"):
		return invalid(path, "must not be empty or hold a slash")
	case len(wrong) > 0:
		return invalid(path, "%s", wrong[0].Message)
	case utf8.RuneCountInString(name) > most:
		return invalid(path, "must have at most %d characters", most)
	}
	return nil
}

// quote shows foreign text in an error of a Go method, in one line.
func quote(s string) string { return strconv.Quote(shorten(s)) }

// assignedNote names the mini programs that are assigned to a member.
func assignedNote(programs []string) string {
	if len(programs) == 0 {
		return ""
	}
	return "assigned: " + strings.Join(programs, ", ")
}

// memberOf reads a member of a workspace that must be there; nil when the member is not.
func memberOf(tx storage.Tx, workspace, name string) (*memberRecord, error) {
	w, err := load[workspaceRecord](tx, workspaceKey(workspace))
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, refuse(alipayplus.CodeNotFound, "there is no workspace %q", shorten(workspace))
	}
	return load[memberRecord](tx, memberKey(workspace, name))
}

// mustHave refuses a workspace that is not there; the empty id is that of reviewers.
func mustHave(tx storage.Tx, workspace string) error {
	if workspace == "" {
		return nil
	}
	_, err := memberOf(tx, workspace, "")
	return err
}

// mayLeaveOwners refuses to make the last owner something else, or nothing.
func (r *memberRecord) mayLeaveOwners(tx storage.Tx) error {
	if r.Role != alipayplus.RoleOwner {
		return nil
	}
	all, err := members(tx, r.WorkspaceID)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(m Member) bool { return m.Role == alipayplus.RoleOwner && m.Name != r.Name }) {
		return nil
	}
	return conflict("this is the last owner of the workspace; make another member an owner first")
}

// members are those of a workspace, by name.
func members(tx storage.Tx, workspace string) (all []Member, err error) {
	err = scan(tx, memberKey(workspace, ""), func(r *memberRecord) { all = append(all, r.Member) })
	return all, err
}

// scan reads all records under a prefix.
func scan[T any](tx storage.Tx, prefix string, visit func(*T)) error {
	for entry, err := range tx.Scan(prefix, storage.PrefixEnd(prefix), false) {
		if err != nil {
			return err
		}
		r, err := resolve[T](tx, entry.Key)
		if err != nil {
			return err
		}
		visit(r)
	}
	return nil
}

// Members lists the members of a workspace, by name. Errors: [alipayplus.ErrNotFound].
func (p *Platform) Members(ctx context.Context, workspaceID string) (all []Member, err error) {
	err = p.cfg.store.View(ctx, func(tx storage.Tx) error {
		if _, err = memberOf(tx, workspaceID, ""); err == nil {
			all, err = members(tx, workspaceID)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("platform: members: %w", err)
	}
	return all, nil
}

// RemoveMember removes a member and all client ids of the member, at once. One of
// the same name who is added later is another member: neither the client ids nor the
// outcomes of calls come back. The last owner stays. Errors: [alipayplus.ErrNotFound],
// [alipayplus.ErrConflict] for the last owner.
func (p *Platform) RemoveMember(ctx context.Context, workspaceID, name string) error {
	err := p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		r, err := memberOf(tx, workspaceID, name)
		if err == nil && r == nil {
			err = notFound("member", name)
		}
		if err == nil {
			err = r.mayLeaveOwners(tx)
		}
		if err != nil {
			return err
		}
		clients, err := clientsOf(tx, func(c *clientRecord) bool { return c.Workspace == workspaceID && c.Member == name })
		if err != nil {
			return err
		}
		for _, c := range clients {
			if err := p.removeClient(tx, c); err != nil {
				return err
			}
		}
		sessions, err := sessionsOf(tx, sessionsPrefix(workspaceID, name, ""))
		if err != nil {
			return err
		}
		for _, s := range sessions {
			if err := remove(tx, s); err != nil {
				return err
			}
		}
		if err := tx.Delete(r.key()); err != nil {
			return err
		}
		return p.operatorDid(tx, workspaceID, "member", name, string(r.Role), "REMOVED", "", source{})
	})
	if err != nil {
		return fmt.Errorf("platform: remove member %s: %w", quote(name), err)
	}
	return nil
}

// clientsOf reads the client ids that are kept, by id.
func clientsOf(tx storage.Tx, keep func(*clientRecord) bool) (all []*clientRecord, err error) {
	err = scan(tx, clientRecordKey(""), func(r *clientRecord) {
		if keep(r) {
			all = append(all, r)
		}
	})
	return all, err
}

// Credential is a client id, whose it is, and its public keys.
type Credential struct {
	// ClientID is the client id.
	ClientID string
	// Member is the member whose it is; empty for a reviewer.
	Member string
	// Party is the reviewing party; empty for a member.
	Party alipayplus.Party
	// Keys are the keys that may sign its calls, newest first.
	Keys []CredentialKey
}

// CredentialKey is a public key of a client id.
type CredentialKey struct {
	// Version is what the Signature header calls it: keyVersion.
	Version string
	// PublicKey is the key, as a PEM block.
	PublicKey []byte
}

// Credentials lists the client ids of a workspace's members; those of reviewers for
// the empty id. Those of [Platform.Client], which nobody can use from outside, are left
// out. Errors: [alipayplus.ErrNotFound].
func (p *Platform) Credentials(ctx context.Context, workspaceID string) (all []Credential, err error) {
	err = p.cfg.store.View(ctx, func(tx storage.Tx) error {
		all = nil
		if err := mustHave(tx, workspaceID); err != nil {
			return err
		}
		clients, err := clientsOf(tx, func(c *clientRecord) bool { return c.Workspace == workspaceID && !c.InProcess })
		for _, c := range clients {
			credential := Credential{ClientID: c.ClientID, Member: c.Member, Party: c.Party}
			for _, k := range c.keys() {
				credential.Keys = append(credential.Keys, CredentialKey(k))
			}
			all = append(all, credential)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("platform: credentials: %w", err)
	}
	return all, nil
}

// AddClient gives a member a client id for the given public key, of key version
// "1". A member may have several. Errors: [alipayplus.ErrNotFound], [alipayplus.ErrInvalid].
func (p *Platform) AddClient(ctx context.Context, workspaceID, member string, key crypto.PublicKey) (clientID string, err error) {
	return p.addClient(ctx, clientRecord{Workspace: workspaceID, Member: member}, key)
}

// AddReviewer gives a reviewing party a client id for the given public key, of key
// version "1". Its calls are those of [alipayplus.ReviewsClient]. Errors:
// [alipayplus.ErrInvalid].
func (p *Platform) AddReviewer(ctx context.Context, party alipayplus.Party, key crypto.PublicKey) (clientID string, err error) {
	return p.addClient(ctx, clientRecord{Party: party}, key)
}

func (p *Platform) addClient(ctx context.Context, r clientRecord, key crypto.PublicKey) (string, error) {
	path, name, most := "member", r.Member, maxMemberName
	if r.Workspace == "" && r.Member == "" {
		path, name, most = "party", string(r.Party), maxName
	}
	if err := checkName(path, name, most); err != nil {
		return "", fmt.Errorf("platform: client: %w", err)
	}
	public, err := p.checkClientKey(key, r.InProcess)
	if err != nil {
		return "", err
	}
	r.ClientID, r.clientKey = newClientID(), clientKey{Version: "1", PublicKey: public}
	err = p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		if r.Party == "" {
			m, err := load[memberRecord](tx, memberKey(r.Workspace, r.Member))
			if err != nil {
				return err
			}
			if m == nil {
				return refuse(alipayplus.CodeNotFound, "there is no member %q in workspace %q", shorten(r.Member), shorten(r.Workspace))
			}
		}
		if err := save(tx, nil, &r); err != nil || r.InProcess {
			return err
		}
		return p.clientChanged(tx, &r, r.Version, "", "ADDED")
	})
	if err != nil {
		return "", fmt.Errorf("platform: client: %w", err)
	}
	return r.ClientID, nil
}

// checkClientKey checks a key that a client is to sign with, and returns its PEM.
func (p *Platform) checkClientKey(key crypto.PublicKey, inProcess bool) ([]byte, error) {
	public, err := signing.CheckPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("platform: client: %w: %w", alipayplus.ErrInvalid, err)
	}
	if public.Equal(p.public) && !inProcess {
		// An answer looks like a request of the same key, so it could be sent back as one.
		return nil, fmt.Errorf("platform: client: %w", refuse(alipayplus.CodeParamIllegal, "the platform's own key cannot be a client's"))
	}
	return signing.PublicKeyPEM(public), nil
}

// RemoveClient makes a client id useless, at once: also its repetitions of calls that
// succeeded get no answer. It does nothing when there is no such client id.
func (p *Platform) RemoveClient(ctx context.Context, clientID string) error {
	return p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		r, err := load[clientRecord](tx, clientRecordKey(clientID))
		if err != nil || r == nil {
			return err
		}
		return p.removeClient(tx, r)
	})
}

func (p *Platform) removeClient(tx storage.Tx, r *clientRecord) error {
	if err := tx.Delete(r.key()); err != nil || r.InProcess {
		return err
	}
	return p.clientChanged(tx, r, "", "ADDED", "REMOVED")
}

// AddKey gives a client id a further public key and returns its version: calls may be
// signed by any of its keys, until [Platform.RemoveKey] removes the former one. So a key
// is rotated without a stop. Errors: [alipayplus.ErrNotFound], [alipayplus.ErrInvalid].
func (p *Platform) AddKey(ctx context.Context, clientID string, key crypto.PublicKey) (version string, err error) {
	public, err := p.checkClientKey(key, false)
	if err != nil {
		return "", err
	}
	err = p.changeClient(ctx, clientID, func(tx storage.Tx, r *clientRecord) error {
		r.Former = r.keys()
		r.Versions++
		version = strconv.Itoa(r.Versions + 1)
		r.clientKey = clientKey{Version: version, PublicKey: public}
		return p.clientChanged(tx, r, version, "", "KEY ADDED")
	})
	return version, err
}

// RemoveKey makes a key of a client id useless, at once. The last one stays: remove the
// client id instead. Errors: [alipayplus.ErrNotFound], [alipayplus.ErrConflict].
func (p *Platform) RemoveKey(ctx context.Context, clientID, version string) error {
	return p.changeClient(ctx, clientID, func(tx storage.Tx, r *clientRecord) error {
		keys := r.keys()
		i := slices.IndexFunc(keys, func(k clientKey) bool { return k.Version == version })
		if i < 0 {
			return refuse(alipayplus.CodeNotFound, "it has no key of version %q", shorten(version))
		}
		if len(keys) == 1 {
			return conflict("this is its last key; remove the client id instead")
		}
		keys = slices.Delete(keys, i, i+1)
		r.clientKey, r.Former = keys[0], keys[1:]
		return p.clientChanged(tx, r, version, "KEY ADDED", "KEY REMOVED")
	})
}

func (p *Platform) changeClient(ctx context.Context, clientID string, change func(storage.Tx, *clientRecord) error) error {
	err := p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		r, err := load[clientRecord](tx, clientRecordKey(clientID))
		if err != nil {
			return err
		}
		if r == nil || r.InProcess {
			return refuse(alipayplus.CodeNotFound, "there is no such client id")
		}
		before := new(*r)
		if err := change(tx, r); err != nil {
			return err
		}
		return save(tx, before, r)
	})
	if err != nil {
		return fmt.Errorf("platform: client %s: %w", quote(clientID), err)
	}
	return nil
}

// clientChanged records what the operator did with a client id; version is the key's
// that it is about, empty for all.
func (p *Platform) clientChanged(tx storage.Tx, r *clientRecord, version, from, to string) error {
	whose := "of " + r.Member + string(r.Party)
	return p.operatorDid(tx, r.Workspace, "client", r.ClientID, from, to, whose, source{clientID: r.ClientID, keyVersion: version})
}

// operatorDid records what whoever runs the platform did, through Go.
func (p *Platform) operatorDid(tx storage.Tx, workspace, kind, id, from, to, note string, about source) error {
	w := auditWriter{p: p, tx: tx, workspace: workspace, who: "operator", at: now(), source: about}
	return w.add(kind, id, from, to, note)
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
	// enrolled is the member's record's.
	enrolled string
	// key is the one that signed the call.
	key clientKey
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
		who, err = p.findCallerIn(ctx, tx, clientID)
		return err
	})
	return who, err
}

func (p *Platform) findCallerIn(ctx context.Context, tx storage.Tx, clientID string) (caller, error) {
	credential, err := p.credential(tx, clientID)
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
	return caller{clientRecord: *credential, member: m.Member, enrolled: m.Enrolled}, nil
}

// credential reads that of a client id, or of a session; nil when there is none.
func (p *Platform) credential(tx storage.Tx, clientID string) (*clientRecord, error) {
	if strings.HasPrefix(clientID, sessionPrefix) {
		return p.sessionCredential(tx, clientID)
	}
	return load[clientRecord](tx, clientRecordKey(clientID))
}

// may refuses what the caller's role does not allow. programID is the mini
// program that the action is about; empty where there is none.
func (c *call) may(action alipayplus.Action, programID string) error {
	if c.caller.Party != "" {
		return refuse(alipayplus.CodeAccessDenied, "a reviewer has no workspace; use the credentials of a member")
	}
	member, check := c.caller.member, c.p.cfg.policy.Check
	assigned := member.assigned(programID)
	if c.order != nil {
		check, assigned = c.p.cfg.policy.CheckForMerchant, assigned || c.order.assigns(c.caller)
	}
	err := check(member.Role, action, assigned)
	if err == nil && action != alipayplus.ActionView {
		c.checked = append(c.checked, permission{action, programID, c.order != nil})
	}
	return err
}

// permission is what a call needed.
type permission struct {
	Action    alipayplus.Action `json:"action"`
	ProgramID string            `json:"programId,omitempty"`
	// ByOrder says that the call was for a merchant.
	ByOrder bool `json:"byOrder,omitempty"`
}

// home is the caller's own workspace.
func (c *call) home() string { return c.caller.member.WorkspaceID }

// workspace is the one whose records the call is about: the caller's own, or the
// merchant's for whom it acts.
func (c *call) workspace() string {
	if c.order != nil {
		return c.order.Workspace
	}
	return c.home()
}

// who is the calling member, as the records of the workspace name it.
func (c *call) who() string {
	if c.order != nil {
		return foreignMember(c.order.Provider, c.caller.member.Name)
	}
	return c.caller.member.Name
}

// foreignMember names a member in the records of another workspace. No member's name
// holds a slash.
func foreignMember(company, name string) string { return company + "/" + name }
