package alipaycntest_test

import (
	"fmt"
	"testing"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

func TestMembers(t *testing.T) {
	w := newHarness(t)
	for role, tt := range map[alipaycn.MemberRole]struct {
		most   int
		exists alipaycn.Code
	}{
		alipaycn.RoleDeveloper:   {30, alipaycn.CodeDeveloperAlreadyExist},
		alipaycn.RoleExperiencer: {50, alipaycn.CodeExperiencerAlreadyExist},
	} {
		person := func(n int) fields {
			return fields{"logon_id": fmt.Sprintf("person%d@example.com", n), "role": string(role)}
		}
		for n := range tt.most {
			w.ok(cnwire.MemberAdd, person(n))
		}
		w.refused(tt.exists, cnwire.MemberAdd, person(0))
		w.refused(alipaycn.CodeRoleOverLimit, cnwire.MemberAdd, person(99))
		list := as[alipaycn.MemberList](t, w.ok(cnwire.MemberList, fields{"role": string(role)})).Members
		require.Len(t, list, tt.most)
		require.Equal(t, "per***", list[0].LogonID)
		w.ok(cnwire.MemberRemove, fields{"user_id": list[0].UserID, "role": string(role)})
		w.ok(cnwire.MemberRemove, fields{"open_id": list[1].OpenID, "role": string(role)})
		w.refused(alipaycn.CodeRoleNotExist, cnwire.MemberRemove, fields{"user_id": list[0].UserID, "role": string(role)})
	}
	require.Len(t, as[alipaycn.MemberList](t, w.ok(cnwire.MemberList, nil)).Members, 76)
	w.refused("INVALID_ROLE", cnwire.MemberList, fields{"role": "KING"})
	w.refused("INVALID_ROLE", cnwire.MemberAdd, fields{"logon_id": "a@example.com"})
	w.refused("INVALID_ROLE", cnwire.MemberRemove, fields{"user_id": "1"})
	w.refused("INVALID_LOGON_ID", cnwire.MemberAdd, fields{"role": "DEVELOPER"})
	w.refused("USER_ID_IS_BLANK", cnwire.MemberRemove, fields{"role": "DEVELOPER"})
}
