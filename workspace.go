package alipayplus

import (
	"context"

	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// Workspace is a company's place on the platform, as the calling member sees it.
type Workspace struct {
	// ID is the platform's id of the workspace.
	ID string `json:"id"`
	// Name is the workspace's name: the company's.
	Name string `json:"name"`
	// Company comes from sign-up and is read-only here.
	Company BusinessRegistration `json:"company"`
	// Member is the calling member.
	Member string `json:"member"`
	// Role is the calling member's role.
	Role Role `json:"role"`
	// PermissionPolicy says what developers may release.
	PermissionPolicy PermissionPolicy `json:"permissionPolicy"`
	// ServicePolicy are the limits of a service's fields.
	ServicePolicy ServicePolicy `json:"servicePolicy"`
	// Targets are the apps that mini programs can be released to.
	Targets []TargetAppInfo `json:"targets"`
}

// TargetAppInfo is a target app as the platform announces it.
type TargetAppInfo struct {
	// App is the app.
	App TargetApp `json:"app"`
	// Ladder are the grayscale ratios that it offers.
	Ladder Ladder `json:"ladder"`
	// Languages are those that a mini program must have.
	Languages []string `json:"languages,omitempty"`
	// Limits are how much the workspace may have.
	Limits Limits `json:"limits"`
	// ProgramsUsed is how many mini programs of the workspace go there.
	ProgramsUsed int `json:"programsUsed"`
}

// Target returns the target app as announced, or nil when there is no such.
func (w *Workspace) Target(app TargetApp) *TargetAppInfo {
	for i := range w.Targets {
		if w.Targets[i].App == app {
			return &w.Targets[i]
		}
	}
	return nil
}

// WorkspaceClient reads the workspace. It is safe for concurrent use.
type WorkspaceClient struct{ client *Client }

// Get reads the caller's workspace: company, role, limits and their use, policies.
func (c *WorkspaceClient) Get(ctx context.Context) (*Workspace, error) {
	return send[Workspace](ctx, c.client, contract.WorkspaceQuery, "", struct{}{})
}
