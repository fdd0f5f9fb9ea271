package platform_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// signedIn gives a session of somebody.
func (w *fixture) signedIn(who *alipayplus.Client) (session *platform.Session, secret string) {
	w.Helper()
	address, err := who.Sessions.Begin(w.Context(), alipayplus.BeginSessionInput{})
	require.NoError(w, err)
	session, secret, err = w.p.SignIn(w.Context(), tokenOf(w, address))
	require.NoError(w, err)
	return session, secret
}

func tokenOf(w *fixture, address *alipayplus.SignIn) string {
	w.Helper()
	_, token, found := strings.Cut(address.URL, "?token=")
	require.True(w, found, address.URL)
	return token
}

func TestASessionActsAsItsMember(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s, secret := w.signedIn(w.owner)
		require.Equal(w, "Blue Lake Tea", s.Company)
		require.Equal(w, alipayplus.RoleOwner, s.Role)
		again, err := w.p.Session(w.Context(), secret, true)
		require.NoError(w, err)
		require.Equal(w, s, again)

		c, err := s.Client()
		require.NoError(w, err)
		program, err := c.Programs.Create(w.Context(), alipayplus.CreateProgramInput{Languages: chinese()})
		require.NoError(w, err)
		require.Equal(w, "olga", program.CreatedBy)
		last := w.auditLog()[len(w.auditLog())-1]
		require.Equal(w, "olga", last.Who)
		require.Equal(w, s.ID, last.ClientID)
		_, err = c.Sessions.Begin(w.Context(), alipayplus.BeginSessionInput{})
		require.ErrorIs(w, err, alipayplus.ErrPermission, "a session begins no other one")

		file := w.image()
		content, err := s.File(w.Context(), file.ID)
		require.NoError(w, err)
		require.Equal(w, pngImage(w), content.Content)
		_, err = s.File(w.Context(), "none")
		require.ErrorIs(w, err, alipayplus.ErrNotFound)
	})
}

// The role counts that the member has now.
func TestASessionHasTheRoleOfNow(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s, secret := w.signedIn(w.member("max", alipayplus.RoleMaster))
		_, err := s.Audit(w.Context(), alipayplus.ListOptions{})
		require.NoError(w, err)
		w.member("max", alipayplus.RoleDeveloper)
		_, err = s.Audit(w.Context(), alipayplus.ListOptions{})
		require.ErrorIs(w, err, alipayplus.ErrPermission)
		s, err = w.p.Session(w.Context(), secret, true)
		require.NoError(w, err)
		require.Equal(w, alipayplus.RoleDeveloper, s.Role)
	})
}

func TestASessionEndsWithItsCredential(t *testing.T) {
	for name, remove := range map[string]func(w *fixture, clientID string) error{
		"client id": func(w *fixture, id string) error { return w.p.RemoveClient(w.Context(), id) },
		"key": func(w *fixture, id string) error {
			_, err := w.p.AddKey(w.Context(), id, testkey.FastOther().Public())
			require.NoError(w, err)
			return w.p.RemoveKey(w.Context(), id, "1")
		},
		"member": func(w *fixture, _ string) error { return w.p.RemoveMember(w.Context(), w.workspace, "max") },
	} {
		sentence(t, name, func(w *fixture) {
			w.member("max", alipayplus.RoleMaster)
			h := w.rawClient("max")
			token := "a secret of twenty-six letters"
			got := h.call(contract.SessionBegin, alipayplus.BeginSessionInput{TokenHash: fmt.Sprintf("%x", sha256.Sum256([]byte(token))), RequestID: "1"})
			require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, got.Result.Message)
			s, secret, err := w.p.SignIn(w.Context(), token)
			require.NoError(w, err)
			c, err := s.Client()
			require.NoError(w, err)
			_, err = c.Workspace.Get(w.Context())
			require.NoError(w, err)

			require.NoError(w, remove(w, h.clientID))
			_, err = c.Workspace.Get(w.Context())
			require.ErrorIs(w, err, alipayplus.ErrUnauthenticated)
			_, err = w.p.Session(w.Context(), secret, true)
			require.ErrorIs(w, err, alipayplus.ErrUnauthenticated)
			_, err = s.File(w.Context(), "f")
			require.ErrorIs(w, err, alipayplus.ErrUnauthenticated)
		})
	}
}

// The credential of a session is worth nothing over a network, like that of every client
// in process.
func TestASessionIsNoClientIDOutside(t *testing.T) {
	withFixture(t, func(w *fixture) {
		s, _ := w.signedIn(w.owner)
		got := rawClient{fixture: w, clientID: s.ID}.call(contract.WorkspaceQuery, struct{}{})
		require.Equal(w, http.StatusUnauthorized, got.HTTP)
	})
}

func TestASessionEndsThoseOfItsMemberAlone(t *testing.T) {
	withFixture(t, func(w *fixture) {
		mine, _ := w.signedIn(w.owner)
		time.Sleep(time.Second)
		other, secret := w.signedIn(w.owner)
		theirs, _ := w.signedIn(w.member("max", alipayplus.RoleOwner))
		all, err := mine.Sessions(w.Context())
		require.NoError(w, err)
		require.Equal(w, []*platform.Session{other, mine}, all)

		require.ErrorIs(w, mine.End(w.Context(), theirs.ID), alipayplus.ErrNotFound)
		require.NoError(w, mine.End(w.Context(), other.ID))
		require.NoError(w, mine.End(w.Context(), other.ID), "once more does nothing")
		_, err = w.p.Session(w.Context(), secret, true)
		require.ErrorIs(w, err, alipayplus.ErrUnauthenticated)
		all, err = theirs.Sessions(w.Context())
		require.NoError(w, err)
		require.Len(w, all, 1)
	})
}

// The store has no secret that one could sign in by, and keeps nothing of sessions that
// are long over.
func TestTheStoreKeepsNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storage.NewMemory()
		w := newFixture(t, platform.WithStore(store))
		address, err := w.owner.Sessions.Begin(w.Context(), alipayplus.BeginSessionInput{})
		require.NoError(w, err)
		token := tokenOf(w, address)
		_, secret, err := w.p.SignIn(w.Context(), token)
		require.NoError(w, err)
		for _, record := range w.save(store).records {
			for _, text := range []string{token, secret} {
				require.NotContains(w, record.Key+string(record.Value), text)
			}
		}
		for range 30 {
			time.Sleep(time.Hour)
			w.signedIn(w.owner)
		}
		sessions := 0
		for _, record := range w.save(store).records {
			if strings.Contains(record.Key, "session") {
				sessions++
			}
		}
		require.Equal(w, 3, sessions, "one session and its two indexes")
	})
}

// A mark changes with what its session may show, and with nothing else.
func TestMarks(t *testing.T) {
	withFixture(t, func(w *fixture) {
		owner, _ := w.signedIn(w.owner)
		reviewer, _ := w.signedIn(w.reviewer(alipayplus.PartyAlipayPlus))
		elsewhere, _ := w.signedIn(w.neighbour().owner)
		marks := func() []string {
			all, err := w.p.Marks(w.Context(), []*platform.Session{owner, reviewer, elsewhere, owner})
			require.NoError(w, err)
			require.Equal(w, all[0], all[3])
			return all[:3]
		}
		changed := func(change func()) (which []bool) {
			before := marks()
			require.Equal(w, before, marks())
			change()
			for i, mark := range marks() {
				which = append(which, mark != before[i])
			}
			return which
		}
		require.Equal(w, []bool{true, true, false}, changed(func() { w.submitted() }))
		require.Equal(w, []bool{true, false, false}, changed(func() { w.program() }))
		require.Equal(w, []bool{true, true, false}, changed(w.approve))
		require.Equal(w, []bool{false, false, true}, changed(func() { w.signedIn(mustClient(w, elsewhere)) }))
	})
}

func mustClient(w *fixture, s *platform.Session) *alipayplus.Client {
	w.Helper()
	c, err := w.p.Client(w.Context(), s.WorkspaceID, s.Member)
	require.NoError(w, err)
	return c
}

func TestTheAuditPageIsTheLog(t *testing.T) {
	withFixture(t, func(w *fixture) {
		w.submitted()
		s, _ := w.signedIn(w.owner)
		var all []platform.AuditEntry
		in := alipayplus.ListOptions{Limit: 2}
		for {
			page, err := s.Audit(w.Context(), in)
			require.NoError(w, err)
			for _, e := range page.Items {
				all = append(all, *e)
			}
			if in.Cursor = page.NextCursor; in.Cursor == "" {
				break
			}
		}
		slices.Reverse(all)
		for e, err := range w.p.Audit(w.Context(), w.workspace) {
			require.NoError(w, err)
			require.NotEmpty(w, all)
			require.Equal(w, e, all[0])
			all = all[1:]
		}
		require.Empty(w, all)
		_, err := s.Audit(w.Context(), alipayplus.ListOptions{Limit: -1})
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
	})
}

// What a developer may do with a merchant's mini program, the order says.
func TestASessionMayForAMerchant(t *testing.T) {
	withFixture(t, func(w *fixture) {
		provider := w.neighbour()
		program := w.program()
		o := w.orderIn(alipayplus.OrderInDevelopment, provider, program.ID)
		ann, _ := provider.signedIn(provider.member("ann", alipayplus.RoleDeveloper))
		may := func() error { return ann.May(w.Context(), alipayplus.ActionRelease, program.ID) }
		require.ErrorIs(w, may(), alipayplus.ErrPermission)
		succeeds(w, provider.owner.Orders.Assign, alipayplus.AssignMembersInput{OrderID: o.ID, Members: []string{"ann"}})
		require.NoError(w, may())
		succeeds(w, w.owner.Orders.RevokeAccess, alipayplus.OrderInput{OrderID: o.ID})
		require.ErrorIs(w, may(), alipayplus.ErrPermission)
	}, platform.WithPermissionPolicy(alipayplus.PolicyAssignedDevelopersRelease))
}

func TestASessionThatNobodyGaveIsRefused(t *testing.T) {
	s, ctx := new(platform.Session), t.Context()
	second := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"sessions": second(s.Sessions(ctx)), "end": s.End(ctx, "ses_1"), "client": second(s.Client()), "file": second(s.File(ctx, "f")),
		"audit": second(s.Audit(ctx, alipayplus.ListOptions{})), "may": s.May(ctx, alipayplus.ActionView, ""),
	} {
		require.ErrorIs(t, err, alipayplus.ErrInvalid, name)
	}
}

func TestTheConsoleIsServedBelowItsPath(t *testing.T) {
	for address, paths := range map[string]map[string]int{
		"":                                    {"/console/": 418, "/console/requests": 418, "/console": 307, "/other": 404},
		"https://gateway.example.com/release": {"/release/console/": 418, "/console/x": 418, "/release/console/x/y": 418},
	} {
		opts := []platform.Option{platform.WithSigner(testkey.FastKey()), platform.WithConsole(func(*platform.Platform) (http.Handler, error) {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(r.URL.Path, platform.ConsolePath) {
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				w.WriteHeader(http.StatusTeapot)
			}), nil
		})}
		if address != "" {
			opts = append(opts, platform.WithPublicURL(address))
		}
		p, err := platform.New(opts...)
		require.NoError(t, err)
		require.Equal(t, address+"/console/", p.ConsoleURL())
		for _, path := range slices.Sorted(maps.Keys(paths)) {
			out := httptest.NewRecorder()
			p.ServeHTTP(out, httptest.NewRequest(http.MethodGet, path, nil))
			require.Equal(t, paths[path], out.Code, path)
		}
	}
	_, err := platform.New(platform.WithConsole(nil))
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	for _, times := range [][2]time.Duration{{0, time.Hour}, {-1, time.Hour}, {time.Hour, time.Minute}} {
		_, err := platform.New(platform.WithSessionTimes(times[0], times[1]))
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
	}
}
