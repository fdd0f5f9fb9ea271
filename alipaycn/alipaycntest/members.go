package alipaycntest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// role reads role; required says whether it must be there.
func (c *call) role(required bool) (alipaycn.MemberRole, error) {
	role := alipaycn.MemberRole(c.text("role"))
	if role == "" && !required || role.Known() {
		return role, nil
	}
	return "", refuse("INVALID_ROLE", "role must be DEVELOPER or EXPERIENCER")
}

// roleLimit returns the documented number of members with a role, and the code for
// one who is there already.
func roleLimit(role alipaycn.MemberRole) (int, alipaycn.Code) {
	if role == alipaycn.RoleDeveloper {
		return 30, alipaycn.CodeDeveloperAlreadyExist
	}
	return 50, alipaycn.CodeExperiencerAlreadyExist
}

func (g *Gateway) addMember(c *call) (any, error) {
	role, err := c.role(true)
	if err != nil {
		return nil, err
	}
	logon := c.text("logon_id")
	if logon == "" || strings.ContainsAny(logon, " ,") {
		return nil, refuse("INVALID_LOGON_ID", "logon_id must be an e-mail address or a phone number")
	}
	limit, exists := roleLimit(role)
	n := 0
	for _, m := range c.app.members {
		if m.Role != role {
			continue
		}
		if n++; c.app.logons[string(role)+" "+m.UserID] == logon {
			return nil, refuse(exists, "the person is there already")
		}
	}
	if n >= limit {
		return nil, refuse(alipaycn.CodeRoleOverLimit, "there are %d members with this role", n)
	}
	id := g.next()
	member := alipaycn.Member{
		UserID: fmt.Sprintf("2088%012d", id), OpenID: fmt.Sprintf("open-%d", id), LogonID: masked(logon),
		Role: role, Status: "VALID", InvitedAt: alipaycn.Time{Time: c.now}, JoinedAt: alipaycn.Time{Time: c.now},
	}
	c.app.members = append(c.app.members, member)
	c.app.logons[string(role)+" "+member.UserID] = logon
	return nil, nil
}

// masked hides most of an account, as lists do.
func masked(logon string) string {
	const shown = 3
	return logon[:min(len(logon), shown)] + "***"
}

func (*Gateway) removeMember(c *call) (any, error) {
	role, err := c.role(true)
	if err != nil {
		return nil, err
	}
	user, open := c.text("user_id"), c.text("open_id")
	if user == "" && open == "" {
		return nil, refuse("USER_ID_IS_BLANK", "user_id or open_id is needed")
	}
	i := slices.IndexFunc(c.app.members, func(m alipaycn.Member) bool {
		return m.Role == role && (user != "" && m.UserID == user || open != "" && m.OpenID == open)
	})
	if i < 0 {
		return nil, refuse(alipaycn.CodeRoleNotExist, "nobody of that id has this role")
	}
	c.app.members = slices.Delete(c.app.members, i, i+1)
	return nil, nil
}

func (*Gateway) listMembers(c *call) (any, error) {
	role, err := c.role(false)
	if err != nil {
		return nil, err
	}
	var out alipaycn.MemberList
	for _, m := range c.app.members {
		if role == "" || m.Role == role {
			out.Members = append(out.Members, m)
		}
	}
	return out, nil
}
