package platform

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// A person at the console has no password. A signed call, [alipayplus.SessionsClient.Begin],
// registers the hash of a secret; the browser brings the secret once, and gets another one,
// its cookie, whose hash is kept in its place. What the person does then are calls of the
// contract, in process, whose client id is that of the session: no rule knows of sessions.

// ConsolePath is where [WithConsole] serves the console, below the platform's prefix.
const ConsolePath = "/console/"

// SignInPath is the page of the console that signs in, below ConsolePath. Its parameter
// token is the secret of [alipayplus.SessionsClient.Begin].
const SignInPath = "sign-in"

// signInTime is how long an address can be used to sign in.
const signInTime = time.Minute

// WithConsole serves pages for people below [ConsolePath], and lets members and reviewers
// sign in to them by [alipayplus.SessionsClient.Begin]. open is called once by [New], with
// the platform, which it must not call yet. Package platform/console has such pages.
func WithConsole(open func(*Platform) (http.Handler, error)) Option {
	return func(cfg *config) error {
		if open == nil {
			return errors.New("console: must not be nil")
		}
		cfg.console = open
		return nil
	}
}

// WithSessionTimes sets when sessions of the console end: idle after the person has last
// done something, and longest after the sign-in, whatever happens. The defaults are 30
// minutes and 12 hours (not documented by Alipay+).
func WithSessionTimes(idle, longest time.Duration) Option {
	return func(cfg *config) error {
		if idle <= 0 || longest < idle {
			return errors.New("session times: must be above 0, and the longest not below the idle one")
		}
		cfg.sessionIdle, cfg.sessionLongest = idle, longest
		return nil
	}
}

// ConsoleURL is where the console is: below the address of [WithPublicURL], or else as a
// path.
func (p *Platform) ConsoleURL() string { return p.cfg.publicURL + ConsolePath }

// Session is a person's at the console: of a member, or of who decides for a reviewing
// party. It ends when its client id, its key or its member is removed, at once.
type Session struct {
	// ID is the session's; audit entries of what is done in it have it as their client id.
	ID string
	// WorkspaceID and Member are whose it is; empty for a reviewer.
	WorkspaceID, Member string
	// Company is the name of the member's company; empty for a reviewer.
	Company string
	// Role is what the member is now; empty for a reviewer.
	Role alipayplus.Role
	// Party is the reviewing party; empty for a member.
	Party alipayplus.Party
	// ClientID is the client id that began it.
	ClientID string
	// BegunAt is when it began, SeenAt when its person last did something, to a minute, and
	// ExpiresAt when it ends at the latest.
	BegunAt, SeenAt, ExpiresAt time.Time

	p *Platform
}

// sessionRecord is a session, or before somebody signs in, the address for it.
type sessionRecord struct {
	ID string `json:"id"`
	// TokenHash is that of the secret in the address, then that of the cookie.
	TokenHash string `json:"tokenHash"`
	Workspace string `json:"workspace,omitempty"`
	Member    string `json:"member,omitempty"`
	// Enrolled is the member's record's.
	Enrolled string           `json:"enrolled,omitempty"`
	Party    alipayplus.Party `json:"party,omitempty"`
	// ClientID and clientKey are the credential that began it.
	ClientID string `json:"clientId"`
	clientKey
	// Open says that somebody has signed in.
	Open      bool      `json:"open"`
	BegunAt   time.Time `json:"begunAt"`
	SeenAt    time.Time `json:"seenAt"`
	ExpiresAt time.Time `json:"expiresAt"`
}

const sessionPrefix = "ses_"

func sessionKey(id string) string    { return key("session", id) }
func (r *sessionRecord) key() string { return sessionKey(r.ID) }
func (r *sessionRecord) indexes() []string {
	return []string{sessionTokenKey(r.TokenHash), sessionsPrefix(r.Workspace, r.Member, r.Party) + r.ID}
}

func sessionTokenKey(hash string) string { return key("i/session-token", hash) }

// sessionsPrefix is that of the sessions of one member or party.
func sessionsPrefix(workspace, member string, party alipayplus.Party) string {
	return key("i/session", workspace, member, string(party)) + "/"
}

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func errNoSession() error {
	return refuse(alipayplus.CodeUnknownClient, "there is no such session, or it has ended; sign in again")
}

func errNoSignIn() error {
	return refuse(alipayplus.CodeUnknownClient, "this address was used already, has expired, or never was one; ask for another one")
}

// beginSession registers the hash of the secret by which a person may sign in.
func beginSession(c *call, in alipayplus.BeginSessionInput) (*alipayplus.SignIn, error) {
	if c.caller.Party == "" {
		if err := c.may(alipayplus.ActionView, ""); err != nil {
			return nil, err
		}
	}
	if c.p.cfg.console == nil {
		return nil, conflict("this platform serves no console; its operator adds one by WithConsole")
	}
	if strings.HasPrefix(c.caller.ClientID, sessionPrefix) {
		return nil, refuse(alipayplus.CodeAccessDenied, "a session cannot begin another one; sign the call with a key of your own")
	}
	_, taken, err := c.tx.Get(sessionTokenKey(in.TokenHash))
	if err == nil && taken {
		err = conflict("another session has this tokenHash; make another token")
	}
	if err != nil {
		return nil, err
	}
	r := &sessionRecord{
		ID: newID(sessionPrefix), TokenHash: in.TokenHash, Workspace: c.workspace(), Member: c.who(), Enrolled: c.caller.enrolled,
		Party: c.caller.Party, ClientID: c.caller.ClientID, clientKey: c.caller.key, BegunAt: c.at, SeenAt: c.at, ExpiresAt: c.at.Add(signInTime),
	}
	c.stage(func(c *call) error { return c.p.forgetSessions(c.tx, r) })
	c.save(nil, r)
	c.audit("session", r.ID, "", "ADDRESS GIVEN", "")
	return &alipayplus.SignIn{URL: c.p.ConsoleURL() + SignInPath, ExpiresAt: r.ExpiresAt}, nil
}

// forgetSessions removes the sessions of somebody that are over: a few, and more than are
// begun.
func (p *Platform) forgetSessions(tx storage.Tx, of *sessionRecord) error {
	all, err := sessionsOf(tx, sessionsPrefix(of.Workspace, of.Member, of.Party))
	for _, r := range all {
		if err == nil && !now().Before(p.sessionEnd(r)) {
			err = remove(tx, r)
		}
	}
	return err
}

func sessionsOf(tx storage.Tx, prefix string) (all []*sessionRecord, err error) {
	for entry, err := range tx.Scan(prefix, storage.PrefixEnd(prefix), false) {
		if err != nil {
			return nil, err
		}
		r, err := resolve[sessionRecord](tx, string(entry.Value))
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// sessionEnd is when a session ends if nothing more is done in it.
func (p *Platform) sessionEnd(r *sessionRecord) time.Time {
	if idle := r.SeenAt.Add(p.cfg.sessionIdle); r.Open && idle.Before(r.ExpiresAt) {
		return idle
	}
	return r.ExpiresAt
}

// liveSession reads a session, or the address for one, that has not ended: the credential
// that began it and the member are still there.
func (p *Platform) liveSession(tx storage.Tx, at string) (*sessionRecord, error) {
	r, err := load[sessionRecord](tx, at)
	if err != nil {
		return nil, err
	}
	if r == nil || !now().Before(p.sessionEnd(r)) {
		return nil, errNoSession()
	}
	credential, err := load[clientRecord](tx, clientRecordKey(r.ClientID))
	if err != nil {
		return nil, err
	}
	if credential == nil || !slices.ContainsFunc(credential.keys(), func(k clientKey) bool {
		return k.Version == r.Version && slices.Equal(k.PublicKey, r.PublicKey)
	}) {
		return nil, errNoSession()
	}
	if r.Party != "" {
		return r, nil
	}
	m, err := load[memberRecord](tx, memberKey(r.Workspace, r.Member))
	if err == nil && (m == nil || m.Enrolled != r.Enrolled) {
		err = errNoSession()
	}
	return r, err
}

// bySecret reads what a secret leads to.
func (p *Platform) bySecret(tx storage.Tx, secret string, open bool) (*sessionRecord, error) {
	at, found, err := tx.Get(sessionTokenKey(hashOf(secret)))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNoSession()
	}
	r, err := p.liveSession(tx, string(at))
	if err == nil && r.Open != open {
		err = errNoSession()
	}
	return r, err
}

// sessionCredential is what the calls of a session are signed by: the platform's own key,
// which is good for nothing that comes over a network.
func (p *Platform) sessionCredential(tx storage.Tx, id string) (*clientRecord, error) {
	r, err := p.liveSession(tx, sessionKey(id))
	if err != nil {
		return nil, err
	}
	if !r.Open {
		return nil, errNoSession()
	}
	return &clientRecord{
		ClientID: r.ID, clientKey: clientKey{Version: "1", PublicKey: signing.PublicKeyPEM(p.public)},
		Workspace: r.Workspace, Member: r.Member, Party: r.Party, InProcess: true,
	}, nil
}

func (p *Platform) session(tx storage.Tx, r *sessionRecord) (*Session, error) {
	s := &Session{
		ID: r.ID, WorkspaceID: r.Workspace, Member: r.Member, Party: r.Party, ClientID: r.ClientID,
		BegunAt: r.BegunAt, SeenAt: r.SeenAt, ExpiresAt: p.sessionEnd(r), p: p,
	}
	if r.Party != "" {
		return s, nil
	}
	workspace, err := resolve[workspaceRecord](tx, workspaceKey(r.Workspace))
	if err != nil {
		return nil, err
	}
	member, err := resolve[memberRecord](tx, memberKey(r.Workspace, r.Member))
	if err != nil {
		return nil, err
	}
	s.Company, s.Role = workspace.Company.CompanyName, member.Role
	return s, nil
}

// SignInFor says who signs in by the secret of an address, which stays good. The error
// matches [alipayplus.ErrUnauthenticated] when it is good no more.
func (p *Platform) SignInFor(ctx context.Context, token string) (s *Session, err error) {
	err = p.cfg.store.View(ctx, func(tx storage.Tx) error {
		r, err := p.bySecret(tx, token, false)
		if err == nil {
			s, err = p.session(tx, r)
		}
		return err
	})
	if err != nil {
		return nil, signInError(err)
	}
	return s, nil
}

// SignIn begins the session that the secret of an address stands for, which is used up by
// it. It returns the secret of the session, for the cookie; the platform keeps its hash.
// Errors: those of [Platform.SignInFor].
func (p *Platform) SignIn(ctx context.Context, token string) (s *Session, secret string, err error) {
	secret = rand.Text()
	err = p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		r, err := p.bySecret(tx, token, false)
		if err != nil {
			return err
		}
		before := new(*r)
		r.Open, r.TokenHash, r.BegunAt, r.SeenAt, r.ExpiresAt = true, hashOf(secret), now(), now(), now().Add(p.cfg.sessionLongest)
		if err := save(tx, before, r); err != nil {
			return err
		}
		if s, err = p.session(tx, r); err != nil {
			return err
		}
		return s.changed(tx, "ADDRESS GIVEN", "OPEN")
	})
	if err != nil {
		return nil, "", signInError(err)
	}
	return s, secret, nil
}

func signInError(err error) error {
	if codeOf(err) == alipayplus.CodeUnknownClient {
		err = errNoSignIn()
	}
	return fmt.Errorf("platform: sign in: %w", err)
}

// Session returns the session that a secret of [Platform.SignIn] belongs to. active says
// that the person does something, which puts off the end of the session. The error matches
// [alipayplus.ErrUnauthenticated] when there is none, or it has ended.
func (p *Platform) Session(ctx context.Context, secret string, active bool) (s *Session, err error) {
	const often = time.Minute
	stale := false
	err = p.cfg.store.View(ctx, func(tx storage.Tx) error {
		r, err := p.bySecret(tx, secret, true)
		if err != nil {
			return err
		}
		stale = now().Sub(r.SeenAt) >= min(often, p.cfg.sessionIdle/4)
		s, err = p.session(tx, r)
		return err
	})
	if err == nil && active && stale {
		err = p.cfg.store.Update(ctx, func(tx storage.Tx) error {
			r, err := p.bySecret(tx, secret, true)
			if err != nil {
				return err
			}
			before := new(*r)
			r.SeenAt = now()
			if s, err = p.session(tx, r); err != nil {
				return err
			}
			return save(tx, before, r)
		})
	}
	if err != nil {
		return nil, fmt.Errorf("platform: session: %w", err)
	}
	return s, nil
}

// changed records what became of the session.
func (s *Session) changed(tx storage.Tx, from, to string) error {
	w := auditWriter{p: s.p, tx: tx, workspace: s.WorkspaceID, who: s.Member + string(s.Party), at: now(), source: source{clientID: s.ClientID}}
	return w.add("session", s.ID, from, to, "")
}

// check refuses a session that the platform did not make.
func (s *Session) check() error {
	if s == nil || s.p == nil {
		return fmt.Errorf("platform: session: %w", refuse(alipayplus.CodeParamIllegal, "the session is not one that Platform.Session gave"))
	}
	return nil
}

// Sessions lists the open sessions of whose s is, the one that was seen last first.
func (s *Session) Sessions(ctx context.Context) (all []*Session, err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	err = s.p.cfg.store.View(ctx, func(tx storage.Tx) error {
		all = nil
		records, err := sessionsOf(tx, sessionsPrefix(s.WorkspaceID, s.Member, s.Party))
		if err != nil {
			return err
		}
		for _, r := range records {
			_, err := s.p.liveSession(tx, r.key())
			if codeOf(err) == alipayplus.CodeUnknownClient || err == nil && !r.Open {
				continue
			}
			if err != nil {
				return err
			}
			open, err := s.p.session(tx, r)
			if err != nil {
				return err
			}
			all = append(all, open)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("platform: sessions: %w", err)
	}
	slices.SortFunc(all, func(a, b *Session) int { return b.SeenAt.Compare(a.SeenAt) })
	return all, nil
}

// End ends a session of whose s is, at once; that of s itself signs out. It does nothing
// when the session has ended. The error matches [alipayplus.ErrNotFound] for the session of
// somebody else.
func (s *Session) End(ctx context.Context, id string) error {
	if err := s.check(); err != nil {
		return err
	}
	err := s.p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		r, err := load[sessionRecord](tx, sessionKey(id))
		if err != nil || r == nil {
			return err
		}
		if r.Workspace != s.WorkspaceID || r.Member != s.Member || r.Party != s.Party {
			return refuse(alipayplus.CodeNotFound, "there is no such session of yours")
		}
		if err := remove(tx, r); err != nil {
			return err
		}
		ended := *s
		ended.ID, ended.ClientID = r.ID, r.ClientID
		return ended.changed(tx, "OPEN", "ENDED")
	})
	if err != nil {
		return fmt.Errorf("platform: end session: %w", err)
	}
	return nil
}

// Client returns a client whose calls are made in the session, in process: by the rules,
// and under the name, of whose it is.
func (s *Session) Client(opts ...alipayplus.Option) (*alipayplus.Client, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return s.p.clientOf(s.ID, opts)
}

// begin starts what is no operation of the contract, in a transaction.
func (s *Session) begin(ctx context.Context, tx storage.Tx) (*call, error) {
	who, err := s.p.findCallerIn(context.WithValue(ctx, inProcessCall{}, true), tx, s.ID)
	c := &call{p: s.p, tx: tx, caller: who, at: now()}
	if err == nil {
		err = c.may(alipayplus.ActionView, "")
	}
	return c, err
}

// May refuses what the member may not do now, by the platform's policy, see
// [WithPermissionPolicy]: for what the console does beside the contract. programID is the mini
// program that it is about, of the workspace or of a merchant for whom it works by an order;
// empty where there is none. Errors: [alipayplus.ErrPermission],
// [alipayplus.ErrUnauthenticated] when the session has ended.
func (s *Session) May(ctx context.Context, action alipayplus.Action, programID string) error {
	if err := s.check(); err != nil {
		return err
	}
	err := s.p.cfg.store.View(ctx, func(tx storage.Tx) error {
		c, err := s.begin(ctx, tx)
		if err == nil && programID != "" {
			err = c.actFor(programID)
		}
		if err != nil {
			return err
		}
		return c.may(action, programID)
	})
	if err != nil {
		return fmt.Errorf("platform: permission: %w", err)
	}
	return nil
}

// File reads a picture of the member's workspace. Errors: [alipayplus.ErrNotFound],
// [alipayplus.ErrUnauthenticated] when the session has ended, [alipayplus.ErrPermission]
// for a reviewer, who has [alipayplus.ReviewsClient.File].
func (s *Session) File(ctx context.Context, id string) (file *alipayplus.FileContent, err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	err = s.p.cfg.store.View(ctx, func(tx storage.Tx) error {
		c, err := s.begin(ctx, tx)
		if err != nil {
			return err
		}
		r, err := find[fileRecord](c, "file", id, fileKey(c.workspace(), id))
		if err != nil {
			return err
		}
		content, found, err := tx.Get(contentKey(c.workspace(), id))
		if err == nil && !found {
			err = fmt.Errorf("%w: the content of file %s is missing", storage.ErrDamaged, id)
		}
		file = &alipayplus.FileContent{File: r.File, Content: content}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("platform: file: %w", err)
	}
	return file, nil
}

// Audit is a page of the audit log of the member's workspace, see [Platform.Audit], newest
// first unless asked otherwise. Owners and masters may read it (not documented). Errors:
// [alipayplus.ErrPermission], [alipayplus.ErrUnauthenticated].
func (s *Session) Audit(ctx context.Context, in alipayplus.ListOptions) (page *alipayplus.Page[AuditEntry], err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	err = s.p.upToDate(ctx, s.p.cfg.store.View, func(tx storage.Tx) error {
		c, err := s.begin(ctx, tx)
		if err != nil {
			return err
		}
		if role := c.caller.member.Role; role != alipayplus.RoleOwner && role != alipayplus.RoleMaster {
			return refuse(alipayplus.CodeAccessDenied, "role %s may not read the audit log; ask OWNER or MASTER", role)
		}
		read, err := listing{
			prefix: key("audit", c.workspace()) + "/", direct: true, opts: in, order: alipayplus.NewestFirst,
			show: func(to []byte, entry stored) ([]byte, error) { return append(to, entry...), nil },
		}.page(tx)
		if err != nil {
			return err
		}
		page = new(alipayplus.Page[AuditEntry])
		return json.Unmarshal(read.appendTo(nil), page)
	})
	if err != nil {
		return nil, fmt.Errorf("platform: audit: %w", err)
	}
	return page, nil
}

// Marks returns, for each session, a mark that changes whenever something changes that it
// may show: an entry of its workspace's audit log, or a request that waits for its party. It
// reads the store once. What time brings is settled first.
func (p *Platform) Marks(ctx context.Context, of []*Session) (marks []string, err error) {
	err = p.upToDate(ctx, p.cfg.store.View, func(tx storage.Tx) error {
		marks = make([]string, len(of))
		known := map[string]string{}
		for i, s := range of {
			prefix := key("audit", s.WorkspaceID) + "/"
			if s.Party != "" {
				prefix = key("i/waiting", string(s.Party), "all") + "/"
			}
			if _, has := known[prefix]; !has {
				if known[prefix], err = markOf(tx, prefix); err != nil {
					return err
				}
			}
			marks[i] = known[prefix]
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("platform: marks: %w", err)
	}
	return marks, nil
}

// markOf tells lists of keys apart by their last ones: clocks differ, so that a new key
// need not be the last one.
func markOf(tx storage.Tx, prefix string) (string, error) {
	const last = 64
	sum, n := sha256.New(), 0
	for entry, err := range tx.Scan(prefix, storage.PrefixEnd(prefix), true) {
		if err != nil {
			return "", err
		}
		_, _ = sum.Write([]byte(entry.Key + "\n")) // never fails
		if n++; n == last {
			break
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}
