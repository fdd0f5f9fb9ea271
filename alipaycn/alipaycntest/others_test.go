package alipaycntest_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

func TestBaseInfo(t *testing.T) {
	w := newWorld(t)
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
	w := newWorld(t)
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

func TestMembers(t *testing.T) {
	w := newWorld(t)
	for role, tt := range map[alipaycn.MemberRole]struct {
		most   int
		exists alipaycn.Code
	}{
		alipaycn.RoleDeveloper:   {30, alipaycn.CodeDeveloperAlreadyExist},
		alipaycn.RoleExperiencer: {50, alipaycn.CodeExperiencerAlreadyExist},
	} {
		person := func(n int) fields {
			return fields{"logon_id": fmt.Sprintf("person%d@example.com", n), "role": string(role)}
		}
		for n := range tt.most {
			w.ok(cnwire.MemberAdd, person(n))
		}
		w.refused(tt.exists, cnwire.MemberAdd, person(0))
		w.refused(alipaycn.CodeRoleOverLimit, cnwire.MemberAdd, person(99))
		list := as[alipaycn.MemberList](t, w.ok(cnwire.MemberList, fields{"role": string(role)})).Members
		require.Len(t, list, tt.most)
		require.Equal(t, "per***", list[0].LogonID)
		w.ok(cnwire.MemberRemove, fields{"user_id": list[0].UserID, "role": string(role)})
		w.ok(cnwire.MemberRemove, fields{"open_id": list[1].OpenID, "role": string(role)})
		w.refused(alipaycn.CodeRoleNotExist, cnwire.MemberRemove, fields{"user_id": list[0].UserID, "role": string(role)})
	}
	require.Len(t, as[alipaycn.MemberList](t, w.ok(cnwire.MemberList, nil)).Members, 76)
	w.refused("INVALID_ROLE", cnwire.MemberList, fields{"role": "KING"})
	w.refused("INVALID_ROLE", cnwire.MemberAdd, fields{"logon_id": "a@example.com"})
	w.refused("INVALID_ROLE", cnwire.MemberRemove, fields{"user_id": "1"})
	w.refused("INVALID_LOGON_ID", cnwire.MemberAdd, fields{"role": "DEVELOPER"})
	w.refused("USER_ID_IS_BLANK", cnwire.MemberRemove, fields{"role": "DEVELOPER"})
}

func TestQRCodes(t *testing.T) {
	w := newWorld(t)
	w.refused("INVALID_PARAMETER", cnwire.QRCodeCreate, fields{})
	w.refused("INVALID_PARAMETER", cnwire.QRCodeCreate, fields{"url_param": fields{}})
	w.refused("HM_BG_COLOR_INVALID", cnwire.QRCodeCreate, fields{"url_param": "pages/index", "color": "blue"})
	first := as[alipaycn.QRCode](t, w.ok(cnwire.QRCodeCreate, fields{"url_param": "pages/index"}))
	second := as[alipaycn.QRCode](t, w.ok(cnwire.QRCodeCreate, fields{"url_param": "pages/index"}))
	require.NotEqual(t, first.URL, second.URL)

	bind := func(n int) fields {
		return fields{"route_url": fmt.Sprintf("https://example.com/%d", n), "page_redirection": "pages/index", "mode": "EXACT"}
	}
	w.refused("ROUTE_CREATE_NEED_VERSION", cnwire.QRCodeBind, bind(0))
	require.NoError(t, w.g.AddVersion(mini, "0.0.1"))
	var groups []string
	for n := range 20 {
		groups = append(groups, as[alipaycn.BoundQRCode](t, w.ok(cnwire.QRCodeBind, bind(n))).RouteGroup)
	}
	w.refused("ROUTE_OVER_LIMIT", cnwire.QRCodeBind, bind(20))
	w.refused(alipaycn.CodeRouteRuleConflict, cnwire.QRCodeBind, bind(0))
	w.refused("INVALID_PARAM", cnwire.QRCodeBind, fields{"route_url": "https://example.com/x"})
	w.refused("INVALID_PARAM", cnwire.QRCodeBind, fields{"route_url": fields{}})
	w.refused("QRCODE_ROUTE_URL_INVALID", cnwire.QRCodeBind, fields{"route_url": "x", "page_redirection": "p", "mode": "EXACT"})
	pattern := bind(30)
	pattern["route_pattern"] = "https://example.com/{0}"
	w.refused("QRCODE_ROUTE_PATTERN_NOT_PERMISSION", cnwire.QRCodeBind, pattern)

	page := func(no, size string) fields { return fields{"page_no": no, "page_size": size} }
	list := as[alipaycn.QRCodeList](t, w.ok(cnwire.QRCodeList, page("3", "9")))
	require.Len(t, list.Rules, 2)
	require.Equal(t, alipaycn.Int(20), list.Total)
	require.Empty(t, as[alipaycn.QRCodeList](t, w.ok(cnwire.QRCodeList, page("9223372036854775807", "10"))).Rules)
	w.refused("PAGE_PARAM_NULL_FAIL", cnwire.QRCodeList, nil)
	w.refused("PAGE_PARAM_MIN_LIMIT_FAIL", cnwire.QRCodeList, page("0", "1"))
	w.refused("PAGE_SIZE_OUT_LIMIT_FAIL", cnwire.QRCodeList, page("1", "11"))
	w.refused("INVALID_PARAMETER", cnwire.QRCodeList, page("one", "1"))

	w.ok(cnwire.QRCodeUnbind, fields{"route_group": groups[0]})
	w.refused(alipaycn.CodeRouteGroupNotExist, cnwire.QRCodeUnbind, fields{"route_group": groups[0]})
	w.refused("INVALID_PARAM", cnwire.QRCodeUnbind, nil)

	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "neighbour"}))
	require.NoError(t, w.g.AddVersion("neighbour", "0.0.1"))
	token, err := w.g.Authorize(isv, "neighbour")
	require.NoError(t, err)
	w.token = token.AppAuthToken
	w.refused("ROUTE_RULE_CONFLICT_OTHER", cnwire.QRCodeBind, bind(1))
}

func TestExperience(t *testing.T) {
	w := newWorld(t)
	w.bring("0.0.1", alipaycn.StatusRelease)
	w.bring("0.0.2", alipaycn.StatusInit)
	w.bring("0.0.3", alipaycn.StatusInit)
	w.refused("CAN_NOT_SET_EXP_WITH_ONLINED_STATUS", cnwire.ExperienceCreate, v("0.0.1"))
	w.refused(alipaycn.CodeMiniAppPackageInfoNotExist, cnwire.ExperienceCreate, v("9.9.9"))
	status := func(number string) alipaycn.Experience {
		return as[alipaycn.Experience](t, w.ok(cnwire.ExperienceGet, v(number)))
	}
	require.Equal(t, alipaycn.Experience{Status: alipaycn.ExperienceNone}, status("0.0.2"))
	w.ok(cnwire.ExperienceCreate, v("0.0.2"))
	w.refused(alipaycn.CodeCanNotSetExpRepeat, cnwire.ExperienceCreate, v("0.0.2"))
	require.NotEmpty(t, status("0.0.2").QRCodeURL)
	w.refused(alipaycn.CodeCanNotDeleteWithExperience, cnwire.VersionDelete, v("0.0.2"))

	w.ok(cnwire.ExperienceCreate, v("0.0.3")) // takes the place of 0.0.2
	w.refused(alipaycn.CodeCanNotCancelExpWithInvalidStatus, cnwire.ExperienceCancel, v("0.0.2"))
	w.ok(cnwire.ExperienceCancel, v("0.0.3"))
	require.Equal(t, alipaycn.ExperienceNone, status("0.0.3").Status)

	require.NoError(t, w.g.TakeDown(mini, "0.0.3"))
	w.refused("CAN_NOT_SET_EXP_INVALID_STATUS", cnwire.ExperienceCreate, v("0.0.3"))
	require.NoError(t, w.g.SetScan(mini, "0.0.2", alipaycn.ScanFailed))
	w.refused("CAN_NOT_SET_WITHOUT_SCAN_PASS", cnwire.ExperienceCreate, v("0.0.2"))
}

func TestCategories(t *testing.T) {
	w := newWorld(t)
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

func TestTemplateUsages(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "other", ThirdParty: true}))
	require.NoError(t, w.g.AddTemplate("other", "foreign", "1.0.0"))
	w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.1", "template_version": "1.0.0"})
	w.ok(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.2"})
	ask := func(more fields) fields {
		in := fields{"template_id": template}
		maps.Copy(in, more)
		return in
	}
	all := as[alipaycn.TemplateUsages](t, w.ok(cnwire.TemplateUsages, ask(nil)))
	require.Equal(t, alipaycn.TemplateUsages{AppIDs: []string{mini}, Usages: []alipaycn.TemplateUsage{{AppID: mini, Version: "0.0.1"}, {AppID: mini, Version: "0.0.2"}}}, all)
	newest := as[alipaycn.TemplateUsages](t, w.ok(cnwire.TemplateUsages, ask(fields{"template_version": "1.1.0"})))
	require.Equal(t, []alipaycn.TemplateUsage{{AppID: mini, Version: "0.0.2"}}, newest.Usages)
	second := as[alipaycn.TemplateUsages](t, w.ok(cnwire.TemplateUsages, ask(fields{"page_num": "2", "page_size": "1"})))
	require.Equal(t, newest.Usages, second.Usages)
	for _, tt := range []struct {
		in   fields
		code alipaycn.Code
	}{
		{fields{"template_id": ""}, "TEMPLATE_ID_IS_BLANK"},
		{fields{"template_id": "none"}, "TEMPLATE_NO_RELATION_ERROR"},
		{fields{"template_id": "foreign"}, "TEMPLATE_ID_ISVAPPID_NOT_MATCH"},
		{fields{"page_num": "0"}, "INVALID_PAGE_NUM"},
		{fields{"page_size": "x"}, "INVALID_PAGE_SIZE"},
		{fields{"page_size": "51"}, "PAGE_SIZE_EXCEED_MAX_QUERY_SIZE"},
		{fields{"bundle_id": "x"}, alipaycn.CodeBundleIDNotExist},
	} {
		w.refused(tt.code, cnwire.TemplateUsages, ask(tt.in))
	}
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "other", ThirdParty: true, PublicKey: clientPublicPEM(t)}))
		foreign, err := w.g.Authorize("other", mini)
		require.NoError(t, err)
		foreignCode, err := w.g.AuthorizationCode("other", mini)
		require.NoError(t, err)
		code, err := w.g.AuthorizationCode(isv, mini, cnwire.VersionGet.API)
		require.NoError(t, err)
		late, err := w.g.AuthorizationCode(isv, mini)
		require.NoError(t, err)
		inTime, err := w.g.AuthorizationCode(isv, mini)
		require.NoError(t, err)
		first := w.token
		w.token = ""
		byCode := func(code string) fields { return fields{"grant_type": "authorization_code", "code": code} }
		byRefresh := func(token string) fields { return fields{"grant_type": "refresh_token", "refresh_token": token} }
		info := func(token string) alipaycn.TokenInfo {
			return as[alipaycn.TokenInfo](t, w.ok(cnwire.AuthorizationGet, fields{"app_auth_token": token}))
		}
		require.True(t, bool(info(first).Full))
		require.Len(t, info(first).Methods, len(cnwire.Operations()))

		tokens := as[alipaycn.Tokens](t, w.ok(cnwire.AuthorizationToken, byCode(code)))
		require.Equal(t, []alipaycn.Token{tokens.Token}, tokens.Tokens)
		require.Equal(t, mini, tokens.AuthAppID)
		require.Equal(t, alipaycn.TokenInvalid, info(first).Status) // the new one took its place
		require.Equal(t, []string{cnwire.VersionGet.API}, info(tokens.AppAuthToken).Methods)
		w.refused(alipaycn.CodeAuthCodeNotValid, cnwire.AuthorizationToken, byCode(code))
		w.refused(alipaycn.CodeAuthCodeNotExist, cnwire.AuthorizationToken, byCode("none"))
		w.refused("APP_ID_NOT_CONSISTENT", cnwire.AuthorizationToken, byCode(foreignCode))
		w.refused("GRANT_TYPE_INVALID", cnwire.AuthorizationToken, fields{})

		second := as[alipaycn.Tokens](t, w.ok(cnwire.AuthorizationToken, byRefresh(tokens.AppRefreshToken)))
		require.Equal(t, alipaycn.TokenInvalid, info(tokens.AppAuthToken).Status)
		third := as[alipaycn.Tokens](t, w.ok(cnwire.AuthorizationToken, byRefresh(tokens.AppRefreshToken))) // the answer was lost: again
		require.Equal(t, alipaycn.TokenInvalid, info(second.AppAuthToken).Status)
		require.Equal(t, alipaycn.TokenValid, info(third.AppAuthToken).Status)
		require.Equal(t, []string{cnwire.VersionGet.API}, info(third.AppAuthToken).Methods)
		w.refused(alipaycn.CodeRefreshTokenNotExist, cnwire.AuthorizationToken, byRefresh("none"))
		w.refused("APP_ID_NOT_CONSISTENT", cnwire.AuthorizationToken, byRefresh(foreign.AppRefreshToken))
		require.Equal(t, map[string]int{"authorization.token": 3}, w.g.Effects(isv))

		w.refused("ILLEGAL_PARAM", cnwire.AuthorizationGet, nil)
		w.refused("AUTH_TOKEN_NOT_EXISTED", cnwire.AuthorizationGet, fields{"app_auth_token": "none"})
		w.refused("AUTH_TOKEN_NOT_CONSISTENT", cnwire.AuthorizationGet, fields{"app_auth_token": foreign.AppAuthToken})

		time.Sleep(24*time.Hour - 1)
		w.ok(cnwire.AuthorizationToken, byCode(inTime))
		w.refused("REFRESH_TOKEN_NOT_VALID", cnwire.AuthorizationToken, byRefresh(second.AppRefreshToken)) // authorized anew
		time.Sleep(time.Nanosecond)
		w.refused(alipaycn.CodeAuthCodeNotValid, cnwire.AuthorizationToken, byCode(late))
		fresh, err := w.g.Authorize(isv, mini)
		require.NoError(t, err)
		time.Sleep(372 * 24 * time.Hour)
		w.refused(alipaycn.CodeRefreshTokenTimeOut, cnwire.AuthorizationToken, byRefresh(fresh.AppRefreshToken))
	})
}

func TestAMiniProgramIsNoThirdParty(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.g.AddVersion(self, "0.0.1"))
	as := func(op cnwire.Operation, in fields) reply {
		r := w.prepare(op, in, nil)
		r.sign.AppID, r.sign.AppAuthToken = self, ""
		out, err := w.send(r.signed(t))
		require.NoError(t, err)
		return out
	}
	require.Equal(t, 200, as(cnwire.VersionGet, v("0.0.1")).status)
	require.Equal(t, alipaycn.Code("ISV_APP_ID_IS_BLANK"), as(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.2"}).code)
	require.Equal(t, alipaycn.Code("APP_NOT_ISV"), as(cnwire.AuthorizationToken, fields{"grant_type": "refresh_token"}).code)
	require.Equal(t, alipaycn.Code("APP_NOT_ISV"), as(cnwire.AuthorizationGet, fields{"app_auth_token": w.token}).code)
	require.Equal(t, alipaycn.Code("APPLICATION_TYPE_NOT_ISVAPP"), as(cnwire.TemplateUsages, fields{"template_id": template}).code)
}

func TestAnyTemplate(t *testing.T) {
	w := newWorld(t, alipaycntest.WithAnyTemplate())
	w.ok(cnwire.VersionUpload, fields{"template_id": "whatever", "template_version": "7.0.0", "app_version": "0.0.1"})
	require.Equal(t, alipaycn.StatusInit, w.g.Status(mini, "0.0.1"))
}

func TestControlsSayWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	for name, err := range map[string]error{
		"ID: must be":                    w.g.AddApp(alipaycntest.App{ID: "a b"}),
		"PublicKey: ":                    w.g.AddApp(alipaycntest.App{ID: "a", PublicKey: []byte("x")}),
		"Certificate: ":                  w.g.AddApp(alipaycntest.App{ID: "a", Certificate: []byte("x")}),
		"AESKey: ":                       w.g.AddApp(alipaycntest.App{ID: "a", AESKey: []byte("x")}),
		"it exists already":              w.g.AddApp(alipaycntest.App{ID: mini}),
		`no third-party app "none"`:      w.g.AddTemplate("none", "t", "1.0.0"),
		"at least one version":           w.g.AddTemplate(isv, "t"),
		"version number":                 w.g.AddTemplate(isv, "t", "x"),
		`no mini program "none"`:         w.g.AddVersion("none", "0.0.1"),
		`no mini program "` + isv + `"`:  w.g.AddVersion(isv, "0.0.1"),
		"three numbers":                  w.g.AddVersion(mini, "x"),
		`has no version "0.0.9"`:         w.g.Approve(mini, "0.0.9"),
		"revoke authorization: there is": w.g.RevokeAuthorization("none"),
	} {
		require.ErrorContains(t, err, name)
	}
	_, err := w.g.Authorize(mini, mini)
	require.ErrorContains(t, err, "no third-party app")
	_, err = w.g.AuthorizationCode(isv, isv)
	require.ErrorContains(t, err, "no mini program")
	require.Nil(t, w.g.Effects("none"))
}
