package sim

import (
	"encoding/json"

	"github.com/alipayplus-go/alipayplus"
)

// companyRules: "If you modify the basic information, Alipay+ and AlipayCN will review the information during the release
// review process." Once approved, it is the company's.
type companyRules struct {
	*rules

	// of is the company's information as it is stored, by workspace.
	of map[string]alipayplus.BusinessRegistration
	// modified are the requests in which it is another one.
	modified map[string]bool
}

func newCompanyRules(r *rules) companyRules {
	return companyRules{r, map[string]alipayplus.BusinessRegistration{}, map[string]bool{}}
}

// stored learns of a record of a workspace, and says whether the company's information has changed.
func (r *companyRules) stored(workspace string, value []byte) (changed bool) {
	var now struct {
		Company alipayplus.BusinessRegistration `json:"company"`
	}
	err := json.Unmarshal(value, &now)
	r.must("a record can be read", err == nil, "workspace %s: %v", workspace, err)
	before, known := r.of[workspace]
	r.of[workspace] = now.Company
	return known && before != now.Company
}

// applied learns what was applied for with.
func (r *companyRules) applied(is *releaseLine) {
	r.modified[is.RequestID] = is.BasicInfo != r.of[is.Workspace]
}

// committed judges a transaction, after which releases are approved and companies are others.
func (r *companyRules) committed(approved []*releaseLine, changed []string) {
	for _, is := range approved {
		if r.modified[is.RequestID] {
			r.must("approved basic information is the company's", r.of[is.Workspace] == is.BasicInfo, "release %s is approved, and %s is as before", is.ID, is.Workspace)
		}
	}
	for _, workspace := range changed {
		by := false
		for _, is := range approved {
			by = by || is.Workspace == workspace && is.BasicInfo == r.of[workspace]
		}
		r.must("a company's information changes by what was approved", by, "that of %s has changed, and nothing was approved", workspace)
	}
}
