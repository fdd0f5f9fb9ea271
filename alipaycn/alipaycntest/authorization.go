package alipaycntest

import (
	"cmp"
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// codeLife and refreshLife are documented.
const (
	codeLife    = 24 * time.Hour
	refreshLife = 372 * 24 * time.Hour
)

// grant is what a merchant authorized.
type grant struct {
	isv, app       *app
	access         string
	refresh        string
	methods        []string // nil: all
	at             time.Time
	refreshExpires time.Time
	replaced       bool // by a refresh: the token has ended, its refresh token has not
	revoked        bool // both have ended
}

// valid says whether the token may be used.
func (t *grant) valid() bool { return !t.replaced && !t.revoked }

// authCode is a code that has not been exchanged, or was.
type authCode struct {
	isv, app *app
	methods  []string
	expires  time.Time
	used     bool
}

// authorize is a new authorization by the merchant, with which the tokens of the
// one before end.
func (g *Gateway) authorize(isv, a *app, methods []string, now time.Time) *grant {
	g.revoke(isv, a)
	return g.grant(isv, a, methods, now)
}

// grant makes a new token.
func (g *Gateway) grant(isv, a *app, methods []string, now time.Time) *grant {
	granted := &grant{
		isv: isv, app: a, access: rand.Text(), refresh: rand.Text(), methods: methods, at: now, refreshExpires: now.Add(refreshLife),
	}
	g.tokens[granted.access] = granted
	return granted
}

// revoke ends the tokens of a third-party app for a mini program.
func (g *Gateway) revoke(isv, a *app) {
	for _, granted := range g.tokens {
		if granted.app == a && granted.isv == isv {
			granted.revoked = true
		}
	}
}

// revokeAll ends all tokens for a mini program, and the codes that are not exchanged.
func (g *Gateway) revokeAll(a *app) {
	for _, granted := range g.tokens {
		if granted.app == a {
			granted.revoked = true
		}
	}
	for _, code := range g.codes {
		if code.app == a {
			code.used = true
		}
	}
}

func (t *grant) token() alipaycn.Token {
	const year = 365 * 24 * time.Hour
	return alipaycn.Token{
		AppAuthToken: t.access, AppRefreshToken: t.refresh, AuthAppID: t.app.id, UserID: t.app.merchant,
		ExpiresIn: alipaycn.TextInt(year.Seconds()), RefreshExpiresIn: alipaycn.TextInt(refreshLife.Seconds()),
	}
}

func (g *Gateway) token(c *call) (any, error) {
	if !c.caller.thirdParty {
		return nil, refuse("APP_NOT_ISV", "the app is no third-party app")
	}
	var granted *grant
	var err error
	switch alipaycn.GrantType(c.text("grant_type")) {
	case alipaycn.GrantAuthorizationCode:
		granted, err = g.exchange(c)
	case alipaycn.GrantRefreshToken:
		granted, err = g.refresh(c)
	default:
		err = refuse("GRANT_TYPE_INVALID", "grant_type must be authorization_code or refresh_token")
	}
	if err != nil {
		return nil, err
	}
	token := granted.token()
	return alipaycn.Tokens{Token: token, Tokens: []alipaycn.Token{token}}, nil
}

func (g *Gateway) exchange(c *call) (*grant, error) {
	code := g.codes[c.text("code")]
	switch {
	case code == nil:
		return nil, refuse(alipaycn.CodeAuthCodeNotExist, "there is no such code")
	case code.isv != c.caller:
		return nil, refuse("APP_ID_NOT_CONSISTENT", "the code was given to another app")
	case code.used || !c.now.Before(code.expires):
		return nil, refuse(alipaycn.CodeAuthCodeNotValid, "the code was used, or is older than 24 hours")
	}
	code.used = true
	return g.authorize(code.isv, code.app, code.methods, c.now), nil
}

func (g *Gateway) refresh(c *call) (*grant, error) {
	for _, before := range g.tokens {
		switch {
		case before.refresh != c.text("refresh_token"):
			continue
		case before.isv != c.caller:
			return nil, refuse("APP_ID_NOT_CONSISTENT", "the token was given to another app")
		case before.revoked:
			return nil, refuse("REFRESH_TOKEN_NOT_VALID", "the authorization has ended")
		case !c.now.Before(before.refreshExpires):
			return nil, refuse(alipaycn.CodeRefreshTokenTimeOut, "the refresh token has expired")
		}
		return g.replace(before, c.now), nil
	}
	return nil, refuse(alipaycn.CodeRefreshTokenNotExist, "there is no such refresh token")
}

// replace makes a new token for an authorization. The refresh token before stays
// good, as documented, so that an answer which was lost can be asked for again.
func (g *Gateway) replace(before *grant, now time.Time) *grant {
	for _, granted := range g.tokens {
		if granted.app == before.app && granted.isv == before.isv {
			granted.replaced = true
		}
	}
	return g.grant(before.isv, before.app, before.methods, now)
}

// tokenInfo tells what a token allows.
func (g *Gateway) tokenInfo(c *call) (any, error) {
	token := c.text("app_auth_token")
	granted := g.tokens[token]
	switch {
	case !c.caller.thirdParty:
		return nil, refuse("APP_NOT_ISV", "the app is no third-party app")
	case token == "":
		return nil, refuse("ILLEGAL_PARAM", "app_auth_token is missing")
	case granted == nil:
		return nil, refuse("AUTH_TOKEN_NOT_EXISTED", "there is no such token")
	case granted.isv != c.caller:
		return nil, refuse("AUTH_TOKEN_NOT_CONSISTENT", "the token was given to another app")
	}
	info := alipaycn.TokenInfo{
		Status: alipaycn.TokenValid, AuthAppID: granted.app.id, UserID: granted.app.merchant, Methods: granted.methods,
		StartsAt: alipaycn.Time{Time: granted.at}, EndsAt: alipaycn.Time{Time: granted.refreshExpires},
		ExpiresIn: alipaycn.Int(refreshLife.Seconds()), Full: granted.methods == nil,
	}
	if !granted.valid() {
		info.Status = alipaycn.TokenInvalid
	}
	if info.Methods == nil {
		for _, op := range cnwire.Operations() {
			info.Methods = append(info.Methods, op.API)
		}
	}
	return info, nil
}

func (g *Gateway) templateUsages(c *call) (any, error) {
	page, size, err := pageNumbers(c)
	if err != nil {
		return nil, err
	}
	bundle, err := c.bundle()
	if err != nil {
		return nil, err
	}
	t := g.templates[c.text("template_id")]
	switch {
	case !c.caller.thirdParty:
		return nil, refuse("APPLICATION_TYPE_NOT_ISVAPP", "the app is no third-party app")
	case c.text("template_id") == "":
		return nil, refuse("TEMPLATE_ID_IS_BLANK", "template_id is missing")
	case t == nil:
		return nil, refuse("TEMPLATE_NO_RELATION_ERROR", "there is no such template")
	case t.owner != c.caller:
		return nil, refuse("TEMPLATE_ID_ISVAPPID_NOT_MATCH", "the template is another app's")
	}
	return usagesPage(g.usages(c, bundle), page, size), nil
}

func pageNumbers(c *call) (page, size int, err error) {
	const usual, largest = 10, 50
	page, size = 1, usual
	if text := c.text("page_num"); text != "" {
		if page, err = strconv.Atoi(text); err != nil || page < 1 {
			return 0, 0, refuse("INVALID_PAGE_NUM", "page_num begins at 1")
		}
	}
	if text := c.text("page_size"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 {
			return 0, 0, refuse("INVALID_PAGE_SIZE", "page_size begins at 1")
		}
	}
	if size > largest {
		return 0, 0, refuse("PAGE_SIZE_EXCEED_MAX_QUERY_SIZE", "page_size is at most %d", largest)
	}
	return page, size, nil
}

// usages lists the versions that were built from a template, in a fixed order.
func (g *Gateway) usages(c *call, bundle alipaycn.BundleID) (all []alipaycn.TemplateUsage) {
	asked, _ := alipayplus.ParseVersion(c.text("template_version")) // without a number: any
	for _, a := range g.apps {
		g.settle(a, c.now)
		for _, v := range a.versions {
			if v.template == c.text("template_id") && v.bundle == bundle && v.exists() && (asked.IsZero() || v.from == asked) {
				all = append(all, alipaycn.TemplateUsage{AppID: a.id, Version: alipaycn.Version(v.number.String())})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b alipaycn.TemplateUsage) int {
		return cmp.Or(strings.Compare(a.AppID, b.AppID), strings.Compare(string(a.Version), string(b.Version)))
	})
	return all
}

func usagesPage(all []alipaycn.TemplateUsage, page, size int) alipaycn.TemplateUsages {
	out := alipaycn.TemplateUsages{Usages: pageOf(all, page, size)}
	for _, usage := range out.Usages {
		if !slices.Contains(out.AppIDs, usage.AppID) {
			out.AppIDs = append(out.AppIDs, usage.AppID)
		}
	}
	return out
}
