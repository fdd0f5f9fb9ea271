package alipaycn

import (
	"context"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// ExperienceClient makes trial versions, which members can try before the
// review. Every error is an [Error].
type ExperienceClient struct{ c *Client }

// Create makes a version the trial version (alipay.open.mini.experience.create).
// It is packaged for a while; [ExperienceClient.Get] shows when it can be tried.
func (x *ExperienceClient) Create(ctx context.Context, in VersionInput) error {
	return x.change(ctx, cnwire.ExperienceCreate, in)
}

// Get reads the state of a trial version and its QR code
// (alipay.open.mini.experience.query).
func (x *ExperienceClient) Get(ctx context.Context, in VersionInput) (*Experience, error) {
	return read[Experience](ctx, x.c, cnwire.ExperienceGet, in)
}

// Cancel ends a trial version (alipay.open.mini.experience.cancel).
func (x *ExperienceClient) Cancel(ctx context.Context, in VersionInput) error {
	return x.change(ctx, cnwire.ExperienceCancel, in)
}

func (x *ExperienceClient) change(ctx context.Context, op cnwire.Operation, in VersionInput) error {
	return x.c.write(ctx, safeWrite{op, in, nil, func(ctx context.Context) (effect, string, error) {
		after, err := x.Get(ctx, in)
		if err != nil {
			return effectUnknown, "", err
		}
		return provenByExperience(op, *after), "experience.get shows " + string(after.Status), nil
	}})
}

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
	return m.c.write(ctx, safeWrite{cnwire.MemberRemove, in, nil, func(ctx context.Context) (effect, string, error) {
		after, err := m.List(ctx, ListMembersInput{in.Role})
		if err != nil {
			return effectUnknown, "", err
		}
		return provenByMembers(in, *after), "members.list does not show that the member is gone", nil
	}})
}

// List lists the members with a role (alipay.open.app.members.query).
func (m *MembersClient) List(ctx context.Context, in ListMembersInput) (*MemberList, error) {
	return read[MemberList](ctx, m.c, cnwire.MemberList, in)
}
