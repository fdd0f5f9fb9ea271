package platform_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

func TestAMemberMayHaveSeveralClients(t *testing.T) {
	inWorld(t, func(w *world) {
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
	inWorld(t, func(w *world) {
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
	inWorld(t, func(w *world) {
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
	inWorld(t, func(w *world) {
		mine, other := w.program(), w.program()
		dan := w.member("dan", alipayplus.RoleDeveloper)
		begin := func(program string) error {
			_, err := dan.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: cn})
			return err
		}
		require.ErrorContains(w, begin(mine.ID), "role DEVELOPER may not RELEASE here; ask OWNER or MASTER, or have the mini program assigned to you")
		require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: "dan", Role: alipayplus.RoleDeveloper, Programs: []string{mine.ID}}))
		require.NoError(w, begin(mine.ID))
		require.ErrorIs(w, begin(other.ID), alipayplus.ErrPermission)
	}, platform.WithPermissionPolicy(alipayplus.PolicyAssignedDevelopersRelease))
}

func TestWhatAMemberMustBe(t *testing.T) {
	inWorld(t, func(w *world) {
		for message, m := range map[string]platform.Member{
			"the name must not be empty or hold a slash": {WorkspaceID: w.workspace, Role: alipayplus.RoleOwner},
			"platform: member: the name":                 {WorkspaceID: w.workspace, Name: "a/b", Role: alipayplus.RoleOwner},
			`member dan: role "GUEST" is not known`:      {WorkspaceID: w.workspace, Name: "dan", Role: "GUEST"},
			`member dan: there is no workspace "ws_x"`:   {WorkspaceID: "ws_x", Name: "dan", Role: alipayplus.RoleOwner},
		} {
			require.ErrorContains(w, w.p.PutMember(w.Context(), m), message)
		}
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
	inWorld(t, func(w *world) {
		_, err := w.p.AddWorkspace(w.Context(), alipayplus.BusinessRegistration{CompanyName: "Tea", Country: "Singapore"})
		require.EqualError(w, err, "business registration: 5 fields not valid: registrationNumber is required; "+
			"country must be a country code of two letters such as CN; address is required; contactName is required; contactEmail is required")
	})
}
