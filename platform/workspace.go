package platform

import (
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// nothing is the input of an operation that needs none.
type nothing struct{}

// Validate accepts it.
func (nothing) Validate() error { return nil }

func queryWorkspace(c *call, _ nothing) (*alipayplus.Workspace, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	r, err := c.company()
	if err != nil {
		return nil, err
	}
	out := &alipayplus.Workspace{
		ID: r.ID, Name: r.Company.CompanyName, Company: r.Company,
		Member: c.who(), Role: c.caller.member.Role,
		PermissionPolicy: c.p.cfg.policy, ServicePolicy: c.p.cfg.services,
		OrderPolicy: c.p.cfg.orders,
	}
	if out.Storage, err = c.storage(); err != nil {
		return nil, err
	}
	for _, t := range c.p.targets {
		going, err := c.programsGoingTo(t.App(), t.Limits().Programs)
		if err != nil {
			return nil, err
		}
		out.Targets = append(out.Targets, alipayplus.TargetAppInfo{
			App: t.App(), Ladder: t.Ladder(), Languages: languagesOf(t), NeedsAuthorization: t.NeedsAuthorization(), TestDevices: testDevices(t), Limits: t.Limits(), ProgramsUsed: going,
		})
	}
	return out, nil
}

// languagesOf are the languages that a target app needs, as tags are kept.
func languagesOf(t TargetBackend) []string {
	var tags []string
	for _, tag := range t.Languages() {
		tags = append(tags, alipayplus.CanonicalLanguage(tag))
	}
	return tags
}

func (c *call) company() (*workspaceRecord, error) {
	return find[workspaceRecord](c, "workspace", c.workspace(), workspaceKey(c.workspace()))
}

// programsGoingTo counts the mini programs that have a release to the target app
// which is not canceled, up to most; 0: all.
func (c *call) programsGoingTo(target alipayplus.TargetApp, most int) (int, error) {
	prefix := key("i/going", c.workspace(), string(target)) + "/"
	n := 0
	for from := prefix; most == 0 || n < most; n++ {
		program, err := firstPart(c.tx, prefix, from)
		if err != nil || program == "" {
			return n, err
		}
		from = storage.PrefixEnd(prefix + program + "/")
	}
	return n, nil
}

// firstPart returns the part behind the prefix of the first key at or after
// from; empty when there is none.
func firstPart(tx storage.Tx, prefix, from string) (string, error) {
	for entry, err := range tx.Scan(from, storage.PrefixEnd(prefix), false) {
		if err != nil {
			return "", err
		}
		part, _, _ := strings.Cut(strings.TrimPrefix(entry.Key, prefix), "/")
		return part, nil
	}
	return "", nil
}
