package alipaycntest

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

func (*Gateway) baseInfo(c *call) (any, error) { return c.app.base, nil }

func (g *Gateway) modifyBaseInfo(c *call) (any, error) {
	if c.app.everOnline() {
		return nil, refuse(alipaycn.CodeCanNotModifyBaseInfo, "the mini program was online")
	}
	var in alipaycn.ModifyBaseInfoInput
	if err := json.Unmarshal(c.data, &in); err != nil {
		return nil, refuse("INVALID_PARAMETER", "a field cannot be read: %v", err)
	}
	in.AppLogo = c.files["app_logo"]
	if err := fieldRefusal(in.Validate(), modifyCodes()); err != nil {
		return nil, err
	}
	if err := g.checkNames(c.app, in.AppName, in.AppEnglishName); err != nil {
		return nil, err
	}
	for _, id := range slices.Concat(in.Categories, in.OldCategories) {
		if _, known := g.categoryPath(id); !known && g.cfg.closedList {
			return nil, refuse("INVALID_CATEGOTY", "there is no category %.64q", id)
		}
	}
	g.save(c.app, alipaycn.ApplyInput{
		AppName: in.AppName, AppEnglishName: in.AppEnglishName, AppSlogan: in.AppSlogan, AppDescription: in.AppDescription,
		ServicePhone: in.ServicePhone, ServiceEmail: in.ServiceEmail, AppLogo: in.AppLogo,
		OldCategories: in.OldCategories, Categories: in.Categories,
	})
	return nil, nil
}

// modifyCodes are the codes of an application but where the operation has its own.
func modifyCodes() map[string]fieldCodes {
	codes := applyCodes()
	codes[""] = fieldCodes{"MODIFY_PARAMS_ARE_BLANK", "MODIFY_PARAMS_ARE_BLANK", "MODIFY_PARAMS_ARE_BLANK"}
	codes["service_phone"] = fieldCodes{"INVALID_PARAMETER", "INVALID_MINI_APP_SERVICE_PHONE", "INVALID_MINI_APP_SERVICE_PHONE"}
	codes["service_email"] = fieldCodes{"INVALID_PARAMETER", "INVALID_MINI_APP_SERVICE_EMAIL", "INVALID_MINI_APP_SERVICE_EMAIL"}
	for _, name := range []string{"mini_category_ids", "app_category_ids"} {
		codes[name] = fieldCodes{"CATEGORY_IS_BLANK", "CATEGOTY_NUM_IS_INVALID", "INVALID_CATEGOTY"}
	}
	return codes
}

func (g *Gateway) checkName(c *call) (any, error) {
	in := alipaycn.CheckNameInput{AppName: c.text("app_name")}
	if in.AppName == "" {
		return nil, refuse("INVALID_PARAMETER", "app_name is missing")
	}
	if err := in.Validate(); err != nil {
		return alipaycn.NameCheck{Code: "INVALID", Memo: err.Error()}, nil //nolint:nilerr // the answer carries it
	}
	if err := g.checkNames(c.app, in.AppName, ""); err != nil {
		return alipaycn.NameCheck{Code: "DUPLICATE", Memo: err.Error()}, nil //nolint:nilerr // the answer carries it
	}
	return alipaycn.NameCheck{Code: alipaycn.NameFine}, nil
}

// maxDomains is the documented number of server domains.
const maxDomains = 30

func (*Gateway) addDomain(c *call) (any, error) {
	domain := c.text("safe_domain")
	const longest = 253 // of a host name; AlipayCN's own limit is not documented
	switch {
	case domain == "":
		return nil, refuse("SAFE_DOMAIN_IS_BLANK", "safe_domain is missing")
	case len(domain) > longest:
		return nil, refuse("SAFEDOMAIN_EXCEED_LENGTH", "safe_domain is longer than %d characters", longest)
	case alipaycn.SafeDomainInput{Domain: domain}.Validate() != nil || !strings.Contains(domain, "."):
		return nil, refuse("INVALID_SAFE_DOMAIN", "safe_domain is not a domain")
	case slices.Contains(c.app.base.SafeDomains, domain):
		return nil, refuse(alipaycn.CodeSafeDomainExist, "the domain is on the list")
	case len(c.app.base.SafeDomains) >= maxDomains:
		return nil, refuse("SAFEDOMAIN_VOER_LIMIT", "there are %d domains", maxDomains)
	}
	c.app.base.SafeDomains = append(slices.Clone(c.app.base.SafeDomains), domain)
	return nil, nil
}

// removeDomain succeeds for a domain that is not on the list: no code is
// documented for that.
func (*Gateway) removeDomain(c *call) (any, error) {
	domain := c.text("safe_domain")
	if domain == "" {
		return nil, refuse("SAFE_DOMAIN_IS_BLANK", "safe_domain is missing")
	}
	c.app.base.SafeDomains = slices.DeleteFunc(slices.Clone(c.app.base.SafeDomains), func(d string) bool { return d == domain })
	return nil, nil
}

// sampleCategories hold the ids of the examples in AlipayCN's documents. The
// names and what they need are made up.
func sampleCategories() []alipaycn.Category {
	return []alipaycn.Category{
		{ID: "XS1001", Name: "Shopping", HasChild: true},
		{ID: "XS2001", Name: "Food", ParentID: "XS1001", HasChild: true},
		{ID: "XS3002", Name: "Tea", ParentID: "XS2001"},
		{ID: "XS2002", Name: "Medicine", ParentID: "XS1001", HasChild: true},
		{ID: "XS3008", Name: "Pharmacy", ParentID: "XS2002", NeedLicense: true, NeedOutDoorPic: true, NeedSpecialLicense: true},
		{ID: "XS1011", Name: "Tools", HasChild: true},
		{ID: "XS2089", Name: "Calculators", ParentID: "XS1011"},
		{ID: "11", Name: "Life", HasChild: true},
		{ID: "12", Name: "Services", ParentID: "11", HasChild: true},
		{ID: "13", Name: "Repairs", ParentID: "12"},
	}
}

// isNew says whether a category is of the new tree.
func isNew(id string) bool { return strings.HasPrefix(id, "XS") }

func (g *Gateway) listCategories(*call) (any, error) {
	var out alipaycn.CategoryList
	for _, category := range g.cfg.categories {
		if isNew(category.ID) {
			out.Categories = append(out.Categories, category)
		} else {
			out.Old = append(out.Old, category)
		}
	}
	return out, nil
}

func (g *Gateway) requirements(c *call) (any, error) {
	var in alipaycn.CategoryRequirementsInput
	if err := json.Unmarshal(c.data, &in); err != nil {
		return nil, refuse("INVALID_PARAMS", "category_code_list must be a list of texts")
	}
	if len(in.Codes) == 0 {
		return nil, refuse("CATEGORY_IS_BLANK", "category_code_list is missing")
	}
	if err := in.Validate(); err != nil {
		return nil, refuse("INVALID_PARAMS", "%v", err)
	}
	var out alipaycn.CategoryRequirements
	for _, id := range in.Codes {
		path, known := g.categoryPath(id)
		if !known {
			return nil, refuse("CATEGORY_ERROR", "there is no category %.64q", id)
		}
		needs := alipaycn.CategoryRequirement{Code: id}
		var names []string
		for _, category := range path {
			names = append(names, category.Name)
			needs.BusinessLicence = needs.BusinessLicence || category.NeedLicense
			needs.DoorPhoto = needs.DoorPhoto || category.NeedOutDoorPic
			needs.SpecialLicence = needs.SpecialLicence || category.NeedSpecialLicense
		}
		needs.Name = strings.Join(names, "_")
		out.Requirements = append(out.Requirements, needs)
	}
	return out, nil
}

// categoryPath returns the levels of a category, from the top; false when one is
// not there.
func (g *Gateway) categoryPath(id string) (path []alipaycn.Category, known bool) {
	parent := ""
	for level := range strings.SplitSeq(id, "_") {
		i := slices.IndexFunc(g.cfg.categories, func(c alipaycn.Category) bool { return c.ID == level && c.ParentID == parent })
		if i < 0 {
			return path, false
		}
		path, parent = append(path, g.cfg.categories[i]), level
	}
	return path, true
}

// categoryPaths returns categories as a version shows them. A level that is not
// on the list has its id for a name.
func (g *Gateway) categoryPaths(ids alipaycn.CategoryIDs) (paths []alipaycn.CategoryPath) {
	for _, id := range ids {
		levels := strings.Split(id, "_")
		known, _ := g.categoryPath(id)
		name := func(i int) string {
			if i < len(known) {
				return known[i].Name
			}
			return levels[i]
		}
		path := alipaycn.CategoryPath{FirstID: levels[0], FirstName: name(0), SecondID: levels[1], SecondName: name(1)}
		if len(levels) > 2 {
			path.ThirdID, path.ThirdName = levels[2], name(2)
		}
		paths = append(paths, path)
	}
	return paths
}
