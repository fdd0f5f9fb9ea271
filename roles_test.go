package alipayplus_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

const (
	owner     = alipayplus.RoleOwner
	master    = alipayplus.RoleMaster
	developer = alipayplus.RoleDeveloper
)

// The three documents disagree about developers; about owner and masters they do not.
func TestWhatDevelopersMayDo(t *testing.T) {
	const never, assigned, always = "never", "assigned", "always"
	for _, tt := range []struct {
		policy alipayplus.PermissionPolicy
		may    map[alipayplus.Action]string
	}{
		{alipayplus.PolicyMembersRelease, map[alipayplus.Action]string{
			alipayplus.ActionView: always, alipayplus.ActionCreateProgram: never, alipayplus.ActionConfigureProgram: never,
			alipayplus.ActionUpload: always, alipayplus.ActionRelease: always, alipayplus.ActionManageServices: always, alipayplus.ActionManageOrders: always, alipayplus.ActionAssignMembers: never,
		}},
		{alipayplus.PolicyAssignedDevelopersRelease, map[alipayplus.Action]string{
			alipayplus.ActionView: always, alipayplus.ActionCreateProgram: never, alipayplus.ActionConfigureProgram: never,
			alipayplus.ActionUpload: assigned, alipayplus.ActionRelease: assigned, alipayplus.ActionManageServices: always, alipayplus.ActionManageOrders: never, alipayplus.ActionAssignMembers: never,
		}},
		{alipayplus.PolicyDevelopersUploadOnly, map[alipayplus.Action]string{
			alipayplus.ActionView: always, alipayplus.ActionCreateProgram: never, alipayplus.ActionConfigureProgram: never,
			alipayplus.ActionUpload: always, alipayplus.ActionRelease: never, alipayplus.ActionManageServices: always, alipayplus.ActionManageOrders: never, alipayplus.ActionAssignMembers: never,
		}},
	} {
		require.Len(t, tt.may, len(alipayplus.Actions()), "every action is in the table")
		for action, when := range tt.may {
			require.Equal(t, when == always, tt.policy.Can(developer, action, false), "%s: %s, not assigned", tt.policy, action)
			require.Equal(t, when != never, tt.policy.Can(developer, action, true), "%s: %s, assigned", tt.policy, action)
			for _, role := range []alipayplus.Role{owner, master} {
				require.True(t, tt.policy.Can(role, action, false), "%s: %s %s", tt.policy, role, action)
			}
		}
	}
}

// By an order, whatever a provider's members may do at home.
func TestWhatAProvidersMembersMayDo(t *testing.T) {
	for policy, developers := range map[alipayplus.PermissionPolicy][]alipayplus.Action{
		alipayplus.PolicyMembersRelease:            {alipayplus.ActionView, alipayplus.ActionUpload, alipayplus.ActionConfigureProgram, alipayplus.ActionRelease},
		alipayplus.PolicyAssignedDevelopersRelease: {alipayplus.ActionView, alipayplus.ActionUpload, alipayplus.ActionConfigureProgram, alipayplus.ActionRelease},
		alipayplus.PolicyDevelopersUploadOnly:      {alipayplus.ActionView, alipayplus.ActionUpload},
		"EVERYBODY":                                nil,
	} {
		for _, action := range append(alipayplus.Actions(), "", "DELETE_ALL") {
			given := slices.Contains([]alipayplus.Action{alipayplus.ActionView, alipayplus.ActionUpload, alipayplus.ActionConfigureProgram, alipayplus.ActionRelease}, action)
			for _, assigned := range []bool{true, false} {
				for _, role := range []alipayplus.Role{owner, master} {
					require.Equal(t, given && policy.Known(), policy.CanForMerchant(role, action, assigned), "%s: %s %s", policy, role, action)
				}
				require.Equal(t, assigned && slices.Contains(developers, action), policy.CanForMerchant(developer, action, assigned), "%s: %s, assigned %v", policy, action, assigned)
				require.False(t, policy.CanForMerchant("GUEST", action, assigned))
			}
		}
	}
	require.EqualError(t, alipayplus.PolicyMembersRelease.CheckForMerchant(developer, alipayplus.ActionRelease, false),
		"role DEVELOPER may not RELEASE here; ask OWNER or MASTER, or have the mini program assigned to you")
	require.NoError(t, alipayplus.PolicyMembersRelease.CheckForMerchant(developer, alipayplus.ActionRelease, true))
}

func TestWhatIsUnknownMayDoNothing(t *testing.T) {
	for _, role := range []alipayplus.Role{owner, master, developer} {
		require.True(t, role.Known())
		require.False(t, alipayplus.PermissionPolicy("").Can(role, alipayplus.ActionView, true))
		require.False(t, alipayplus.PermissionPolicy("EVERYBODY").Can(role, alipayplus.ActionView, true))
		require.False(t, alipayplus.PolicyMembersRelease.Can(role, "DELETE_ALL", true))
		require.False(t, alipayplus.PolicyMembersRelease.Can(role, "", true))
	}
	for _, role := range []alipayplus.Role{"", "owner", "GUEST"} {
		require.False(t, role.Known())
		for _, action := range alipayplus.Actions() {
			require.False(t, alipayplus.PolicyMembersRelease.Can(role, action, true), "%q", role)
		}
	}
}

func TestPoliciesKnown(t *testing.T) {
	require.True(t, alipayplus.PolicyMembersRelease.Known())
	require.True(t, alipayplus.PolicyAssignedDevelopersRelease.Known())
	require.True(t, alipayplus.PolicyDevelopersUploadOnly.Known())
	require.False(t, alipayplus.PermissionPolicy("").Known())
	require.False(t, alipayplus.PermissionPolicy("MEMBERS").Known())
}

func TestARefusalNamesWhoMay(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy alipayplus.PermissionPolicy
		role   alipayplus.Role
		action alipayplus.Action
		want   string
	}{
		{
			"developers create nothing", alipayplus.PolicyMembersRelease, developer, alipayplus.ActionCreateProgram,
			"role DEVELOPER may not CREATE_PROGRAM here; ask OWNER or MASTER",
		},
		{
			"assigned developers may", alipayplus.PolicyAssignedDevelopersRelease, developer, alipayplus.ActionRelease,
			"role DEVELOPER may not RELEASE here; ask OWNER or MASTER, or have the mini program assigned to you",
		},
		{
			"an unknown role", alipayplus.PolicyMembersRelease, "GUEST", alipayplus.ActionRelease,
			"role GUEST may not RELEASE here; ask OWNER or MASTER or DEVELOPER",
		},
		{
			"an unknown action", alipayplus.PolicyMembersRelease, owner, "DELETE_ALL",
			"role OWNER may not DELETE_ALL here",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.policy.Check(tt.role, tt.action, false)
			require.EqualError(t, err, tt.want)
			require.ErrorIs(t, err, alipayplus.ErrPermission)
		})
	}
}

func TestAssignmentHelpsOnlyWhereItIsMissing(t *testing.T) {
	policy := alipayplus.PolicyDevelopersUploadOnly
	var refusal *alipayplus.PermissionError
	require.ErrorAs(t, policy.Check(developer, alipayplus.ActionRelease, true), &refusal)
	require.False(t, refusal.AssignedOnly)

	policy = alipayplus.PolicyAssignedDevelopersRelease
	require.NoError(t, policy.Check(developer, alipayplus.ActionRelease, true))
	require.ErrorAs(t, policy.Check(developer, alipayplus.ActionRelease, false), &refusal)
	require.True(t, refusal.AssignedOnly)
	require.Equal(t, []alipayplus.Role{owner, master}, refusal.Allowed)
	require.Equal(t, developer, refusal.Role)
	require.Equal(t, alipayplus.ActionRelease, refusal.Action)
}

func TestCheckAgreesWithCan(t *testing.T) {
	policies := []alipayplus.PermissionPolicy{
		alipayplus.PolicyMembersRelease, alipayplus.PolicyAssignedDevelopersRelease, alipayplus.PolicyDevelopersUploadOnly, "OTHER",
	}
	for _, policy := range policies {
		for _, role := range []alipayplus.Role{owner, master, developer, "OTHER"} {
			for _, action := range slices.Concat(alipayplus.Actions(), []alipayplus.Action{"OTHER"}) {
				for _, assigned := range []bool{false, true} {
					require.Equal(t, policy.Can(role, action, assigned), policy.Check(role, action, assigned) == nil)
				}
			}
		}
	}
}
