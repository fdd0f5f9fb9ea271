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
		return alipaycn.NameCheck{Code: "INVALID", Memo: err.Error()}, nil //nolint:nilerr // the answer tells
	}
	if err := g.checkNames(c.app, in.AppName, ""); err != nil {
		return alipaycn.NameCheck{Code: "DUPLICATE", Memo: err.Error()}, nil //nolint:nilerr // the answer tells
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

// removeDomain has no code for a domain that is not on the list.
func (*Gateway) removeDomain(c *call) (any, error) {
	domain := c.text("safe_domain")
	if domain == "" {
		return nil, refuse("SAFE_DOMAIN_IS_BLANK", "safe_domain is missing")
	}
	c.app.base.SafeDomains = slices.DeleteFunc(slices.Clone(c.app.base.SafeDomains), func(d string) bool { return d == domain })
	return nil, nil
}
