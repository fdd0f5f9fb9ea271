package console

import "github.com/alipayplus-go/alipayplus/platform"

// audit is the audit log of the workspace, newest first: for owners and masters.
func (v *visit) audit() error {
	found, err := v.session.Audit(v.ctx(), v.options())
	if err != nil {
		return err
	}
	return v.show("audit", "audit.title", struct {
		Entries []*platform.AuditEntry
		Next    string
	}{found.Items, v.next(found.NextCursor)})
}
