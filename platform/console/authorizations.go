package console

import "github.com/alipayplus-go/alipayplus"

// authorize begins an authorization, and shows the page to visit: a form must not lead to
// another site by itself.
func (v *visit) authorize() error {
	id := v.r.PathValue("id")
	_, err := v.client.Authorizations.Begin(v.ctx(), alipayplus.BeginAuthorizationInput{
		ProgramID: id, TargetApp: alipayplus.TargetApp(v.posted("targetApp")), RequestID: v.requestID(),
	})
	return v.done(err, "programs/"+id, v.program)
}
