package alipaycntest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

func TestBaseInfo(t *testing.T) {
	w := newHarness(t)
	w.refused("MODIFY_PARAMS_ARE_BLANK", cnwire.BaseInfoModify, fields{})
	w.refused("INVALID_MINI_APP_SERVICE_PHONE", cnwire.BaseInfoModify, fields{"service_phone": "x"})
	w.refused("INVALID_PARAMETER", cnwire.BaseInfoModify, fields{"app_name": fields{}})
	w.ok(cnwire.BaseInfoModify, fields{"app_name": "BlueLakeTea", "mini_category_ids": "XS1001_XS2001_XS3002"}, map[string][]byte{"app_logo": picture(t, 9, 9)})
	info := as[alipaycn.BaseInfo](t, w.ok(cnwire.BaseInfoGet, nil))
	require.Equal(t, "BlueLakeTea", info.AppName)
	require.NotEmpty(t, info.AppLogo)

	name := func(name string) alipaycn.NameCheck {
		return as[alipaycn.NameCheck](t, w.ok(cnwire.BaseInfoCheckName, fields{"app_name": name}))
	}
	require.True(t, name("BlueLakeTea").Fine()) // its own
	require.False(t, name("x").Fine())
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "taken", BaseInfo: alipaycn.BaseInfo{AppName: "Taken"}}))
	require.False(t, name("Taken").Fine())
	w.refused("INVALID_PARAMETER", cnwire.BaseInfoCheckName, nil)
	w.refused(alipaycn.CodeMiniAppNameDuplicate, cnwire.BaseInfoModify, fields{"app_name": "Taken"})
}

func TestSafeDomains(t *testing.T) {
	w := newHarness(t)
	add := func(domain string) fields { return fields{"safe_domain": domain} }
	for n := range 30 {
		w.ok(cnwire.SafeDomainAdd, add(fmt.Sprintf("a%d.example.com", n)))
	}
	w.refused(alipaycn.CodeSafeDomainExist, cnwire.SafeDomainAdd, add("a1.example.com"))
	w.refused("SAFEDOMAIN_VOER_LIMIT", cnwire.SafeDomainAdd, add("b.example.com"))
	w.refused("SAFE_DOMAIN_IS_BLANK", cnwire.SafeDomainAdd, add(""))
	w.refused("INVALID_SAFE_DOMAIN", cnwire.SafeDomainAdd, add("no domain"))
	w.refused("SAFEDOMAIN_EXCEED_LENGTH", cnwire.SafeDomainAdd, add(strings.Repeat("a", 254)))
	w.refused("SAFE_DOMAIN_IS_BLANK", cnwire.SafeDomainRemove, nil)
	w.ok(cnwire.SafeDomainRemove, add("a1.example.com"))
	domains := as[alipaycn.BaseInfo](t, w.ok(cnwire.BaseInfoGet, nil)).SafeDomains
	require.Len(t, domains, 29)
	require.NotContains(t, domains, "a1.example.com")
	require.Equal(t, map[string]int{"safeDomains.add": 30, "safeDomains.remove": 1}, w.g.Effects(mini))
}

func TestCategories(t *testing.T) {
	w := newHarness(t)
	list := as[alipaycn.CategoryList](t, w.ok(cnwire.CategoryList, fields{"is_filter": "false"}))
	require.Len(t, list.Old, 3)
	require.NotEmpty(t, list.Categories)
	ask := func(codes ...string) fields { return fields{"category_code_list": codes} }
	needs := as[alipaycn.CategoryRequirements](t, w.ok(cnwire.CategoryRequirements, ask("XS1001_XS2002_XS3008", "XS1011_XS2089"))).Requirements
	require.Equal(t, []alipaycn.CategoryRequirement{
		{Code: "XS1001_XS2002_XS3008", Name: "Shopping_Medicine_Pharmacy", BusinessLicence: true, DoorPhoto: true, SpecialLicence: true},
		{Code: "XS1011_XS2089", Name: "Tools_Calculators"},
	}, needs)
	w.refused("CATEGORY_ERROR", cnwire.CategoryRequirements, ask("XS1001_XS2089"))
	w.refused("CATEGORY_ERROR", cnwire.CategoryRequirements, ask("XS2001_XS3002")) // from the middle
	w.refused("CATEGORY_IS_BLANK", cnwire.CategoryRequirements, ask())
	w.refused("INVALID_PARAMS", cnwire.CategoryRequirements, ask("1", "2", "3", "4", "5", "6"))
	w.refused("INVALID_PARAMS", cnwire.CategoryRequirements, fields{"category_code_list": 7})
}
