package alipayplus

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Role is what a member is in a workspace. It is open to values unknown to this
// version of the library.
type Role string

// The roles that Alipay+ documents for a workspace.
const (
	// RoleOwner onboarded the company and has full permissions.
	RoleOwner Role = "OWNER"
	// RoleMaster may do what the owner may do with mini programs.
	RoleMaster Role = "MASTER"
	// RoleDeveloper works on mini programs.
	RoleDeveloper Role = "DEVELOPER"
)

// Known says whether the role is one that this version of the library knows.
func (r Role) Known() bool {
	return r == RoleOwner || r == RoleMaster || r == RoleDeveloper
}

// Action is a kind of thing that a member does.
type Action string

// The actions that permissions are about.
const (
	// ActionView reads anything of the workspace.
	ActionView Action = "VIEW"
	// ActionCreateProgram creates a mini program.
	ActionCreateProgram Action = "CREATE_PROGRAM"
	// ActionConfigureProgram changes a mini program's configuration.
	ActionConfigureProgram Action = "CONFIGURE_PROGRAM"
	// ActionUpload uploads files and versions.
	ActionUpload Action = "UPLOAD"
	// ActionRelease does any step of a release: languages, authorization,
	// selecting the app, applying, grayscale, QR codes.
	ActionRelease Action = "RELEASE"
	// ActionManageServices creates, changes and submits services.
	ActionManageServices Action = "MANAGE_SERVICES"
	// ActionManageOrders places orders, and does whatever leads on with them.
	ActionManageOrders Action = "MANAGE_ORDERS"
	// ActionAssignMembers says which developers work for a merchant by an order.
	ActionAssignMembers Action = "ASSIGN_MEMBERS"
)

// Actions returns every action.
func Actions() []Action {
	return []Action{
		ActionView, ActionCreateProgram, ActionConfigureProgram,
		ActionUpload, ActionRelease, ActionManageServices, ActionManageOrders, ActionAssignMembers,
	}
}

// PermissionPolicy says what developers may release. The documents disagree, so
// a platform chooses one.
type PermissionPolicy string

// The documented policies.
const (
	// PolicyMembersRelease lets owner, masters and developers release
	// ("Release mini programs"). It is the default.
	PolicyMembersRelease PermissionPolicy = "MEMBERS_RELEASE"
	// PolicyAssignedDevelopersRelease lets developers work on and release only
	// the mini programs assigned to them (newer "Release to target app").
	PolicyAssignedDevelopersRelease PermissionPolicy = "ASSIGNED_DEVELOPERS_RELEASE"
	// PolicyDevelopersUploadOnly lets developers upload but not release
	// (roles per mini program, "Add member").
	PolicyDevelopersUploadOnly PermissionPolicy = "DEVELOPERS_UPLOAD_ONLY"
)

// Known says whether the policy is one that this version of the library knows.
func (p PermissionPolicy) Known() bool {
	return p == PolicyMembersRelease || p == PolicyAssignedDevelopersRelease || p == PolicyDevelopersUploadOnly
}

// Can says whether a member of the given role may do the action; assigned says
// whether the mini program it is about is assigned to the member (only
// developers are assigned, and only [PolicyAssignedDevelopersRelease] asks).
// An unknown role, action or policy may do nothing.
//
// Creating and configuring mini programs, and adding members to them, is documented for
// owner and masters only. Permissions for services and orders are not documented: every member may manage
// services, as "Release services" names no role; orders, which let another company
// release, may be managed by whoever may release any mini program.
func (p PermissionPolicy) Can(role Role, action Action, assigned bool) bool {
	if !p.Known() || !role.Known() || !slices.Contains(Actions(), action) {
		return false
	}
	if role != RoleDeveloper {
		return true
	}
	switch action {
	case ActionView, ActionManageServices:
		return true
	case ActionUpload:
		return assigned || p != PolicyAssignedDevelopersRelease
	case ActionRelease:
		return p == PolicyMembersRelease || p == PolicyAssignedDevelopersRelease && assigned
	case ActionManageOrders:
		return p == PolicyMembersRelease
	default:
		return false
	}
}

// Check is [PermissionPolicy.Can] as an error: a [PermissionError] that names
// who may.
func (p PermissionPolicy) Check(role Role, action Action, assigned bool) error {
	return checkRole(p.Can, role, action, assigned)
}

// CanForMerchant says whether a member of a provider, of the given role there, may do the
// action with the mini program of a merchant whose order gives access, see
// [Order.GivesAccess]; assigned says whether the order, see [OrdersClient.Assign], or that
// mini program is assigned to the member.
//
// An ISV "adds its developers to the members of the mini program" as documented; what they
// may do is not: to view, upload, configure and release it. Owner and masters need
// no assignment. Under [PolicyDevelopersUploadOnly] developers view and upload only.
func (p PermissionPolicy) CanForMerchant(role Role, action Action, assigned bool) bool {
	if !p.Known() || !role.Known() || role == RoleDeveloper && !assigned {
		return false
	}
	switch action {
	case ActionView, ActionUpload:
		return true
	case ActionConfigureProgram, ActionRelease:
		return role != RoleDeveloper || p != PolicyDevelopersUploadOnly
	default:
		return false
	}
}

// CheckForMerchant is [PermissionPolicy.CanForMerchant] as an error: a [PermissionError]
// that names who may.
func (p PermissionPolicy) CheckForMerchant(role Role, action Action, assigned bool) error {
	return checkRole(p.CanForMerchant, role, action, assigned)
}

// checkRole is a rule for who may do what as an error.
func checkRole(can func(role Role, action Action, assigned bool) bool, role Role, action Action, assigned bool) error {
	if can(role, action, assigned) {
		return nil
	}
	e := &PermissionError{Role: role, Action: action}
	for _, r := range []Role{RoleOwner, RoleMaster, RoleDeveloper} {
		if can(r, action, false) {
			e.Allowed = append(e.Allowed, r)
		}
	}
	e.AssignedOnly = !assigned && can(role, action, true)
	return e
}

// PermissionError says that a role may not do something, and who may. It
// matches [ErrPermission].
type PermissionError struct {
	// Role is the member's role.
	Role Role `json:"role"`
	// Action is what the role may not do.
	Action Action `json:"action"`
	// Allowed are the roles that may.
	Allowed []Role `json:"allowed,omitempty"`
	// AssignedOnly says that the member may, once the mini program is assigned.
	AssignedOnly bool `json:"assignedOnly,omitempty"`
}

// Error names the role, the action and who may do it.
func (e *PermissionError) Error() string {
	names := make([]string, len(e.Allowed))
	for i, r := range e.Allowed {
		names[i] = string(r)
	}
	text := fmt.Sprintf("role %s may not %s here", e.Role, e.Action)
	if len(names) > 0 {
		text += "; ask " + strings.Join(names, " or ")
	}
	if e.AssignedOnly {
		text += ", or have the mini program assigned to you"
	}
	return validation.OneLine(text)
}

// Unwrap returns [ErrPermission].
func (e *PermissionError) Unwrap() error { return ErrPermission }

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
	// OrderPolicy is what an order becomes where the documents leave it open.
	OrderPolicy OrderPolicy `json:"orderPolicy,omitzero"`
	// Storage is what the workspace's files take.
	Storage Storage `json:"storage"`
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
	// NeedsAuthorization says that a mini program goes there only after the platform
	// was authorized for it, see [AuthorizationsClient.Begin].
	NeedsAuthorization bool `json:"needsAuthorization"`
	// TestDevices are what versions can be tested on before they are applied for, see
	// [ReleasesClient.TestCompatibility]; empty: the app has no such test.
	TestDevices []TestDevice `json:"testDevices,omitempty"`
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
