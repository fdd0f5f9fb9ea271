package alipaycntest

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// Authorize lets a third-party app act for a mini program, as the merchant's
// confirmation does, and returns the token. methods are the operations that are
// granted, by AlipayCN's names; without any, all are. The tokens that the
// third-party app had for this mini program end.
func (g *Gateway) Authorize(thirdPartyID, appID string, methods ...string) (alipaycn.Token, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	isv, a, err := g.parties(thirdPartyID, appID)
	if err != nil {
		return alipaycn.Token{}, fmt.Errorf("alipaycntest: authorize: %w", err)
	}
	return g.authorize(isv, a, methods, time.Now()).token(), nil
}

// AuthorizationCode is [Gateway.Authorize] up to the point where the merchant's
// browser comes back: it returns the app_auth_code, which authorization.token
// exchanges once and within 24 hours.
func (g *Gateway) AuthorizationCode(thirdPartyID, appID string, methods ...string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	isv, a, err := g.parties(thirdPartyID, appID)
	if err != nil {
		return "", fmt.Errorf("alipaycntest: authorization code: %w", err)
	}
	code := rand.Text()
	g.codes[code] = &authCode{isv: isv, app: a, methods: methods, expires: time.Now().Add(codeLife)}
	return code, nil
}

// RevokeAuthorization ends all tokens for a mini program, as the merchant can.
func (g *Gateway) RevokeAuthorization(appID string) error {
	return g.withApp("revoke authorization", appID, func(a *app, _ time.Time) error {
		g.revokeAll(a)
		return nil
	})
}

func (g *Gateway) parties(thirdPartyID, appID string) (isv, a *app, err error) {
	isv, a = g.apps[thirdPartyID], g.apps[appID]
	switch {
	case isv == nil || !isv.thirdParty:
		return nil, nil, fmt.Errorf("there is no third-party app %.32q", thirdPartyID)
	case a == nil || a.thirdParty:
		return nil, nil, fmt.Errorf("there is no mini program %.32q", appID)
	}
	return isv, a, nil
}

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

// authCode is an app_auth_code.
type authCode struct {
	isv, app *app
	methods  []string
	expires  time.Time
	used     bool
}

// authorize grants a new token and ends those of the authorization before.
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
	switch c.text("grant_type") {
	case "authorization_code":
		granted, err = g.exchange(c)
	case "refresh_token":
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
// valid, as documented, so that a client whose answer was lost can refresh again.
func (g *Gateway) replace(before *grant, now time.Time) *grant {
	for _, granted := range g.tokens {
		if granted.app == before.app && granted.isv == before.isv {
			granted.replaced = true
		}
	}
	return g.grant(before.isv, before.app, before.methods, now)
}

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
