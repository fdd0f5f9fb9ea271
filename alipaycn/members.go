package alipaycn

import (
	"context"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// MembersClient manages the people who may develop and try the mini program.
// Every error is an [Error].
type MembersClient struct{ c *Client }

// Add invites a person (alipay.open.app.members.create). After a lost answer
// nothing proves what became of it, because lists hide the account: the error
// matches [alipayplus.ErrOutcomeUnknown], and another call is refused when the
// person was invited.
func (m *MembersClient) Add(ctx context.Context, in AddMemberInput) error {
	return m.c.write(ctx, safeWrite{op: cnwire.MemberAdd, in: in})
}

// Remove takes a role away from a person (alipay.open.app.members.delete).
func (m *MembersClient) Remove(ctx context.Context, in RemoveMemberInput) error {
	list := func(ctx context.Context) (*MemberList, error) { return whole(m.List(ctx, ListMembersInput{in.Role})) }
	return m.c.write(ctx, safeWrite{op: cnwire.MemberRemove, in: in, prove: prover(list, func(after *MemberList) (evidence, string) {
		return evidenceOfMembers(in, *after), "members.list does not show that the member is gone"
	})})
}

// List lists the members with a role (alipay.open.app.members.query).
func (m *MembersClient) List(ctx context.Context, in ListMembersInput) (*MemberList, error) {
	return read[MemberList](ctx, m.c, cnwire.MemberList, in)
}

// MemberRole is what a member may do. It is open to unknown values.
type MemberRole string

// The roles that AlipayCN documents.
const (
	// RoleDeveloper may develop; at most 30.
	RoleDeveloper MemberRole = "DEVELOPER"
	// RoleExperiencer may try the trial version; at most 50.
	RoleExperiencer MemberRole = "EXPERIENCER"
)

// Known says whether AlipayCN documents the role.
func (r MemberRole) Known() bool { return r == RoleDeveloper || r == RoleExperiencer }

// AddMemberInput is the input of members.add (alipay.open.app.members.create),
// which invites a person. It answers nothing.
type AddMemberInput struct {
	// LogonID is the Alipay account of the person: an e-mail address or a phone
	// number. Required.
	LogonID string `json:"logon_id,omitempty"`
	// Role is what the person may do. Required.
	Role MemberRole `json:"role,omitempty"`
}

// Validate checks the fields.
func (in AddMemberInput) Validate() error {
	var p problems
	p.required("logon_id", in.LogonID)
	p.role(in.Role, true)
	return p.of(in, "member")
}

// RemoveMemberInput is the input of members.remove
// (alipay.open.app.members.delete). It answers nothing.
type RemoveMemberInput struct {
	// UserID is the person's Alipay user id; it begins with 2088. It or OpenID is required.
	UserID string `json:"user_id,omitempty"`
	// OpenID is the person's open id.
	OpenID string `json:"open_id,omitempty"`
	// Role is the role that the person has. Required.
	Role MemberRole `json:"role,omitempty"`
}

// Validate checks the fields.
func (in RemoveMemberInput) Validate() error {
	var p problems
	if in.UserID == "" && in.OpenID == "" {
		p.Add("user_id", "or open_id is required")
	}
	p.role(in.Role, true)
	return p.of(in, "member")
}

// ListMembersInput is the input of members.list (alipay.open.app.members.query).
type ListMembersInput struct {
	// Role keeps the members with one role. Whether it may be empty is not documented.
	Role MemberRole `json:"role,omitempty"`
}

// Validate checks the role where one is given.
func (in ListMembersInput) Validate() error {
	var p problems
	p.role(in.Role, false)
	return p.of(in, "member list")
}

func (p *problems) role(role MemberRole, required bool) {
	if required {
		p.required("role", string(role))
	}
	oneOf(p, "role", role, RoleDeveloper, RoleExperiencer)
}

// MemberList is the answer of members.list.
type MemberList struct {
	Answer

	// Members are the members.
	Members []Member `json:"app_member_info_list,omitempty"`
}

// differs: a role that was asked for is that of all members. One that this library does
// not know may be another name for it.
func (l *MemberList) differs(input any) string {
	in, _ := input.(ListMembersInput)
	for _, m := range l.Members {
		if in.Role != "" && m.Role.Known() && m.Role != in.Role {
			return notAsked("role", m.Role, in.Role)
		}
	}
	return ""
}

// Member is a person with a role.
type Member struct {
	// UserID is the person's Alipay user id.
	UserID string `json:"user_id,omitempty"`
	// OpenID is the person's open id.
	OpenID string `json:"open_id,omitempty"`
	// LogonID is the person's Alipay account, partly hidden.
	LogonID string `json:"logon_id,omitempty"`
	// NickName is the person's nickname.
	NickName string `json:"nick_name,omitempty"`
	// Portrait is the id of the person's picture, not a whole URL.
	Portrait string `json:"portrait,omitempty"`
	// Role is what the person may do.
	Role MemberRole `json:"role,omitempty"`
	// Status is the state of the membership, for example "VALID"; others are not documented.
	Status string `json:"status,omitempty"`
	// InvitedAt is when the person was invited.
	InvitedAt Time `json:"gmt_invite,omitzero"`
	// JoinedAt is the day on which the person joined.
	JoinedAt Time `json:"gmt_join,omitzero"`
}

// evidenceOfMembers decides members.remove by members.list with the same role. A
// member whose ids are all of the other kind may be the one, and one whose role is
// not known may have it.
func evidenceOfMembers(in RemoveMemberInput, after MemberList) evidence {
	gone := evidenceDone
	for _, m := range after.Members {
		switch {
		case m.Role != in.Role && m.Role.Known():
		case in.UserID != "" && m.UserID == in.UserID, in.OpenID != "" && m.OpenID == in.OpenID:
			if m.Role == in.Role {
				return evidenceNotDone
			}
			gone = evidenceNone
		case (in.UserID == "" || m.UserID == "") && (in.OpenID == "" || m.OpenID == ""):
			gone = evidenceNone
		}
	}
	return gone
}
