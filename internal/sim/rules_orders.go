package sim

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// orderRules are those of the documents "ISV orders", "ISV manage orders" and "Merchant manage orders".
type orderRules struct {
	*rules

	of map[string]*orderLine // by id
	// online are the services that were in the market.
	online map[string]bool
	// access is since when a provider may work on a mini program, and left when that ended last.
	access, left map[[2]string]time.Time
}

// orderLine is what the rules read of a stored order.
type orderLine struct {
	ID        string    `json:"id"`
	Workspace string    `json:"workspace"`
	Provider  string    `json:"providerWorkspace"`
	ProgramID string    `json:"programId"`
	ServiceID string    `json:"serviceId"`
	Status    string    `json:"status"`
	Revoked   time.Time `json:"accessRevokedAt"`
}

func newOrderRules(r *rules) orderRules {
	return orderRules{r, map[string]*orderLine{}, map[string]bool{}, map[[2]string]time.Time{}, map[[2]string]time.Time{}}
}

// stored judges the record of an order, and says whether it has moved.
func (r *orderRules) stored(at time.Time, id string, value []byte) bool {
	now := &orderLine{}
	err := json.Unmarshal(value, now)
	r.must("a record can be read", err == nil, "order %s: %v", id, err)
	before := r.of[id]
	if before == nil {
		before = &orderLine{}
	}
	r.of[id] = now
	next := map[string][]string{
		"":                     {"NEW_ORDER"},
		"NEW_ORDER":            {"PENDING_CONFIRMATION", "CANCELED"},
		"PENDING_CONFIRMATION": {"IN_DEVELOPMENT", "CANCELED"},
		"IN_DEVELOPMENT":       {"UNDER_APPROVAL", "CANCELED"},
		"UNDER_APPROVAL":       {"COMPLETED", "IN_DEVELOPMENT"},
	}
	moved := before.Status != now.Status
	if moved {
		r.must("an order moves by the documented steps", slices.Contains(next[before.Status], now.Status), "order %s went from %s to %s", id, before.Status, now.Status)
	}
	r.settleAccess(at, [2]string{now.Provider, now.ProgramID})
	return moved || before.Revoked != now.Revoked
}

// settleAccess learns whether a provider may work on a mini program: the confirmation "authorizes the ISV", until the order
// ends or the merchant takes that back.
func (r *orderRules) settleAccess(at time.Time, of [2]string) {
	gives := false
	for _, o := range r.of {
		gives = gives || [2]string{o.Provider, o.ProgramID} == of && o.Revoked.IsZero() && (o.Status == "IN_DEVELOPMENT" || o.Status == "UNDER_APPROVAL")
	}
	_, gave := r.access[of]
	switch {
	case gives && !gave:
		r.access[of] = at
	case !gives && gave:
		delete(r.access, of)
		r.left[of] = at
	}
}

// gave says whether a workspace had access to another's mini program at any time since.
func (r *orderRules) gave(workspace, program string, since time.Time) bool {
	of := [2]string{workspace, program}
	_, gives := r.access[of]
	return gives || !r.left[of].Before(since) && !r.left[of].IsZero()
}

// told says whether a workspace is a side of an order, or sees what it is about: the provider the mini program, the merchant
// the service.
func (r *orderRules) told(workspace, id string) bool {
	if r.online[id] {
		return true
	}
	for _, o := range r.of {
		switch workspace {
		case o.Workspace:
			if id == o.ServiceID || id == o.ID {
				return true
			}
		case o.Provider:
			if id == o.ProgramID || id == o.ID {
				return true
			}
		}
	}
	return false
}

// acted judges who led on with an order.
func (r *orderRules) acted(m *member, operation, id string) {
	o := r.of[id]
	if o == nil {
		return
	}
	side := map[string]string{
		"order/accept": o.Provider, "order/submit": o.Provider,
		"order/confirm": o.Workspace, "order/approve": o.Workspace, "order/turndown": o.Workspace, "order/access/revoke": o.Workspace,
	}[operation]
	r.must("an order is led on by the side whose turn it is", side == "" || side == m.workspace, "%s of %s did %s of order %s", m.name, m.workspace, operation, id)
	r.must("an order is seen by its sides", m.workspace == o.Workspace || m.workspace == o.Provider, "%s of %s did %s of order %s", m.name, m.workspace, operation, id)
}

// open is an order that has not come to an end; empty when there is none.
func (r *orderRules) open() string {
	for id, o := range r.of {
		if o.Status != "COMPLETED" && o.Status != "CANCELED" {
			return id
		}
	}
	return ""
}

// mayForMerchant: an ISV "adds its developers to the members of the mini program"; what they may do is this project's own.
func (r *orderRules) mayForMerchant(m *member, operation, program string) bool {
	if m.role != "DEVELOPER" {
		return true
	}
	return slices.Contains(m.programs, program) &&
		(r.w.policy != "DEVELOPERS_UPLOAD_ONLY" || strings.HasSuffix(operation, "/query") || strings.HasSuffix(operation, "/list") || strings.HasSuffix(operation, "/history"))
}
