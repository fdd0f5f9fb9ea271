package platform_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

func TestAMemberMayHaveSeveralClients(t *testing.T) {
	withFixture(t, func(w *fixture) {
		laptop, ci := w.rawClient("olga"), w.rawClient("olga")
		require.NotEqual(w, laptop.clientID, ci.clientID)
		require.Regexp(w, `^[0-9]{16}$`, ci.clientID)
		require.Equal(w, alipayplus.CodeSuccess, laptop.call(contract.WorkspaceQuery, "{}").Result.Code)
		require.Equal(w, alipayplus.CodeSuccess, ci.call(contract.WorkspaceQuery, "{}").Result.Code)

		w.Log("They are one member: a requestId of one is known to the other.")
		in := alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en", Name: "Tea"}}, RequestID: "once"}
		first, second := laptop.call(contract.ProgramCreate, in), ci.call(contract.ProgramCreate, in)
		require.Equal(w, first.Body, second.Body)
		require.Len(w, gather(w, w.owner.Programs.All(w.Context(), alipayplus.ListProgramsInput{})), 1)

		w.Log("To another member, and in another workspace, it says nothing.")
		w.member("max", alipayplus.RoleMaster)
		require.NotEqual(w, first.Body, w.rawClient("max").call(contract.ProgramCreate, in).Body)
		require.NotEqual(w, first.Body, w.neighbour().rawClient("ravi").call(contract.ProgramCreate, in).Body)
		require.Len(w, gather(w, w.owner.Programs.All(w.Context(), alipayplus.ListProgramsInput{})), 2)
	})
}

func TestARemovedClientIsUnknownAtOnceAndTheOthersStay(t *testing.T) {
	withFixture(t, func(w *fixture) {
		lost, kept := w.rawClient("olga"), w.rawClient("olga")
		require.NoError(w, w.p.RemoveClient(w.Context(), lost.clientID))
		got := lost.call(contract.WorkspaceQuery, "{}")
		require.Equal(w, http.StatusUnauthorized, got.HTTP)
		require.Equal(w, alipayplus.CodeUnknownClient, got.Result.Code)
		require.Equal(w, alipayplus.CodeSuccess, kept.call(contract.WorkspaceQuery, "{}").Result.Code)
		require.NoError(w, w.p.RemoveClient(w.Context(), lost.clientID), "removing again does no harm")
	})
}

func TestAChangedRoleHoldsFromTheNextCallOn(t *testing.T) {
	withFixture(t, func(w *fixture) {
		dan := w.member("dan", alipayplus.RoleDeveloper)
		in := alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en", Name: "Tea"}}}
		_, err := dan.Programs.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrPermission)

		require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: "dan", Role: alipayplus.RoleMaster}))
		p, err := dan.Programs.Create(w.Context(), in)
		require.NoError(w, err)
		require.Equal(w, "dan", p.CreatedBy)

		require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: "dan", Role: alipayplus.RoleDeveloper}))
		_, err = dan.Programs.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrPermission)
	})
}

func TestAnAssignedProgramHoldsFromTheNextCallOn(t *testing.T) {
	withFixture(t, func(w *fixture) {
		assigned, other := w.program(), w.program()
		dan := w.member("dan", alipayplus.RoleDeveloper)
		begin := func(program string) error {
			_, err := dan.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: cn})
			return err
		}
		require.ErrorContains(w, begin(assigned.ID), "role DEVELOPER may not RELEASE here; ask OWNER or MASTER, or have the mini program assigned to you")
		require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: "dan", Role: alipayplus.RoleDeveloper, Programs: []string{assigned.ID}}))
		require.NoError(w, begin(assigned.ID))
		require.ErrorIs(w, begin(other.ID), alipayplus.ErrPermission)
	}, platform.WithPermissionPolicy(alipayplus.PolicyAssignedDevelopersRelease))
}

func TestWhatAMemberMustBe(t *testing.T) {
	withFixture(t, func(w *fixture) {
		for message, m := range map[string]platform.Member{
			"name must not be empty or hold a slash":                            {WorkspaceID: w.workspace, Role: alipayplus.RoleOwner},
			`platform: member "a/b": input: 1 field not`:                        {WorkspaceID: w.workspace, Name: "a/b", Role: alipayplus.RoleOwner},
			`member "dan": input: 1 field not valid: role "GUEST" is not known`: {WorkspaceID: w.workspace, Name: "dan", Role: "GUEST"},
			`member "dan": there is no workspace "ws_x"`:                        {WorkspaceID: "ws_x", Name: "dan", Role: alipayplus.RoleOwner},
		} {
			require.ErrorContains(w, w.p.PutMember(w.Context(), m), message)
		}
		for _, unseen := range []string{" ", "\u200b", "max\n", "max\x00", "max\u202exam", "\xff", strings.Repeat("字", 257)} {
			member := platform.Member{WorkspaceID: w.workspace, Name: unseen, Role: alipayplus.RoleOwner}
			require.ErrorIs(w, w.p.PutMember(w.Context(), member), alipayplus.ErrInvalid, "%q", unseen)
			member.Name, member.Programs = "max", []string{"1", unseen}
			require.ErrorContains(w, w.p.PutMember(w.Context(), member), "programs[1] must ", "%q", unseen)
			_, err := w.p.AddReviewer(w.Context(), alipayplus.Party(unseen), testkey.FastClient().Public())
			require.ErrorContains(w, err, "party must ", "%q", unseen)
		}
		require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: strings.Repeat("字", 256), Role: alipayplus.RoleOwner}))
		requests := must(w.owner.Requests.List(w.Context(), alipayplus.ListRequestsInput{Applicant: strings.Repeat("字", 256)}))
		require.Empty(w, requests.Items, "whoever can be a member can be asked for")
		_, err := w.p.AddClient(w.Context(), w.workspace, "nobody", testkey.FastClient().Public())
		require.ErrorContains(w, err, `there is no member "nobody" in workspace "`+w.workspace+`"`)
		_, err = w.p.Client(w.Context(), w.workspace, "nobody")
		require.Error(w, err)
		elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(w, err)
		_, err = w.p.AddClient(w.Context(), w.workspace, "olga", elliptical.Public())
		require.ErrorContains(w, err, "platform: client: ")
		_, err = w.p.AddReviewer(w.Context(), alipayplus.PartyAlipayCN, nil)
		require.ErrorContains(w, err, "platform: client: ")
		_, err = w.p.ReviewerClient(w.Context(), "")
		require.Error(w, err)
	})
}

func TestAWorkspaceNeedsACompleteBusinessRegistration(t *testing.T) {
	withFixture(t, func(w *fixture) {
		_, err := w.p.AddWorkspace(w.Context(), alipayplus.BusinessRegistration{CompanyName: "Tea", Country: "Singapore"})
		require.EqualError(w, err, "business registration: 5 fields not valid: registrationNumber is required; "+
			"country must be a country code of two letters such as CN; address is required; contactName is required; contactEmail is required")
	})
}

func TestMembersAreListedAndRemoved(t *testing.T) {
	withFixture(t, func(w *fixture) {
		w.member("max", alipayplus.RoleMaster)
		w.member("ann", alipayplus.RoleDeveloper, "1")
		w.neighbour()
		all, err := w.p.Members(w.Context(), w.workspace)
		require.NoError(w, err)
		require.Equal(w, []platform.Member{
			{WorkspaceID: w.workspace, Name: "ann", Role: alipayplus.RoleDeveloper, Programs: []string{"1"}},
			{WorkspaceID: w.workspace, Name: "max", Role: alipayplus.RoleMaster},
			{WorkspaceID: w.workspace, Name: "olga", Role: alipayplus.RoleOwner},
		}, all)
		_, err = w.p.Members(w.Context(), "ws_x")
		require.ErrorIs(w, err, alipayplus.ErrNotFound)

		laptop, ci, program := w.rawClient("max"), w.rawClient("max"), newProgram("once", "蓝湖茶")
		require.Equal(w, alipayplus.CodeSuccess, laptop.call(contract.ProgramCreate, program).Result.Code)
		require.NoError(w, w.p.RemoveMember(w.Context(), w.workspace, "max"))
		for _, h := range []rawClient{laptop, ci} {
			require.Equal(w, alipayplus.CodeUnknownClient, h.call(contract.WorkspaceQuery, "{}").Result.Code)
			require.Equal(w, alipayplus.CodeUnknownClient, h.call(contract.ProgramCreate, program).Result.Code, "nor is a success repeated")
		}
		for _, name := range []string{"max", "nobody"} {
			require.ErrorIs(w, w.p.RemoveMember(w.Context(), w.workspace, name), alipayplus.ErrNotFound)
		}
		require.ErrorIs(w, w.p.RemoveMember(w.Context(), "ws_x", "olga"), alipayplus.ErrNotFound)

		w.Log("One of the same name is another member.")
		w.member("max", alipayplus.RoleMaster)
		require.Equal(w, alipayplus.CodeUnknownClient, laptop.call(contract.WorkspaceQuery, "{}").Result.Code, "a removed key does not come back")
		before := w.programs()
		again := w.rawClient("max").call(contract.ProgramCreate, program)
		require.Equal(w, alipayplus.CodeSuccess, again.Result.Code)
		require.Equal(w, before+1, w.programs(), "the answer is not that of the former member")
	})
}

func TestTheLastOwnerStays(t *testing.T) {
	withFixture(t, func(w *fixture) {
		put := func(name string, role alipayplus.Role) error {
			return w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: name, Role: role})
		}
		refused := func(err error) {
			require.ErrorIs(w, err, alipayplus.ErrConflict)
			require.ErrorContains(w, err, "this is the last owner of the workspace; make another member an owner first")
		}
		require.NoError(w, put("max", alipayplus.RoleMaster))
		refused(put("olga", alipayplus.RoleMaster))
		refused(w.p.RemoveMember(w.Context(), w.workspace, "olga"))
		require.NoError(w, put("olga", alipayplus.RoleOwner), "as before")
		require.NoError(w, put("max", alipayplus.RoleOwner))
		require.NoError(w, put("olga", alipayplus.RoleDeveloper))
		refused(w.p.RemoveMember(w.Context(), w.workspace, "max"))
		require.NoError(w, w.p.RemoveMember(w.Context(), w.workspace, "olga"))
	})
}

func TestAKeyIsRotatedWithoutAStop(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		second := testkey.FastOther()
		call := func(key crypto.Signer, version string) alipayplus.Code {
			time.Sleep(time.Millisecond)
			body, err := json.Marshal(newProgram("once", "蓝湖茶"))
			require.NoError(w, err)
			header := signedHeader(w, key, http.MethodPost, contract.Prefix+contract.ProgramCreate.Path, h.clientID, time.Now().Format(time.RFC3339Nano), body)
			header.Set("Signature", strings.ReplaceAll(strings.ReplaceAll(header.Get("Signature"), "keyVersion=1, ", version), "keyVersion=1,", version))
			header.Set("Content-Type", "application/json; charset=UTF-8")
			return h.sendSigned(http.MethodPost, contract.Prefix+contract.ProgramCreate.Path, header, body).Result.Code
		}
		const ok, bad = alipayplus.CodeSuccess, alipayplus.CodeInvalidSignature
		require.Equal(w, ok, call(testkey.FastClient(), "keyVersion=1, "))

		version, err := w.p.AddKey(w.Context(), h.clientID, second.Public())
		require.NoError(w, err)
		require.Equal(w, "2", version)
		require.Equal(w, ok, call(testkey.FastClient(), "keyVersion=1, "), "the former key is good until it is removed")
		require.Equal(w, ok, call(second, "keyVersion=2, "))
		require.Equal(w, ok, call(second, ""), "without a version the newest is meant")
		require.Equal(w, bad, call(testkey.FastClient(), ""))
		require.Equal(w, bad, call(testkey.FastClient(), "keyVersion=2, "))

		all, err := w.p.Credentials(w.Context(), w.workspace)
		require.NoError(w, err)
		require.Len(w, all, 1, "but not those in process")
		require.Equal(w, "olga", all[0].Member)
		require.Equal(w, h.clientID, all[0].ClientID)
		require.Equal(w, []string{"2", "1"}, []string{all[0].Keys[0].Version, all[0].Keys[1].Version})

		require.NoError(w, w.p.RemoveKey(w.Context(), h.clientID, "1"))
		require.Equal(w, bad, call(testkey.FastClient(), "keyVersion=1, "), "also for what was answered before")
		require.Equal(w, ok, call(second, "keyVersion=2, "))
		require.ErrorIs(w, w.p.RemoveKey(w.Context(), h.clientID, "1"), alipayplus.ErrNotFound)
		require.ErrorIs(w, w.p.RemoveKey(w.Context(), h.clientID, "2"), alipayplus.ErrConflict)
		require.ErrorIs(w, w.p.RemoveKey(w.Context(), "nobody", "1"), alipayplus.ErrNotFound)
		_, err = w.p.AddKey(w.Context(), "nobody", second.Public())
		require.ErrorIs(w, err, alipayplus.ErrNotFound)
		_, err = w.p.AddKey(w.Context(), h.clientID, nil)
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		_, err = w.p.AddKey(w.Context(), h.clientID, testkey.FastKey().Public())
		require.ErrorContains(w, err, "the platform's own key cannot be a client's")

		version, err = w.p.AddKey(w.Context(), h.clientID, testkey.FastClient().Public())
		require.NoError(w, err)
		require.Equal(w, "3", version)
		require.NoError(w, w.p.RemoveKey(w.Context(), h.clientID, "3"))
		version, err = w.p.AddKey(w.Context(), h.clientID, testkey.FastClient().Public())
		require.NoError(w, err)
		require.Equal(w, "4", version, "a version is given once")

		reviewer := w.rawReviewer(alipayplus.PartyAlipayCN)
		all, err = w.p.Credentials(w.Context(), "")
		require.NoError(w, err)
		require.Equal(w, alipayplus.PartyAlipayCN, all[0].Party)
		require.Equal(w, reviewer.clientID, all[0].ClientID)
	})
}
