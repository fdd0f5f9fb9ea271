package alipaycn

import (
	"log/slog"
	"slices"
)

// GrantType says what a token is asked for with. It is open to unknown values.
type GrantType string

// The grant types that AlipayCN documents.
const (
	// GrantAuthorizationCode: with the code that came with the merchant's authorization.
	GrantAuthorizationCode GrantType = "authorization_code"
	// GrantRefreshToken: with the refresh token of an earlier token.
	GrantRefreshToken GrantType = "refresh_token"
)

// Known says whether AlipayCN documents the grant type.
func (g GrantType) Known() bool { return g == GrantAuthorizationCode || g == GrantRefreshToken }

// TokenInput is the input of authorization.token (alipay.open.auth.token.app),
// which is called by the third-party app for itself, without an app_auth_token.
// Code and RefreshToken are secrets.
type TokenInput struct {
	// GrantType says which of the two is given. Required.
	GrantType GrantType `json:"grant_type,omitempty"`
	// Code is the app_auth_code: at most 40 characters. It works once and for 24 hours.
	Code string `json:"code,omitempty"`
	// RefreshToken is the app_refresh_token: at most 40 characters.
	RefreshToken string `json:"refresh_token,omitempty"`
}

// Validate checks the fields.
func (in TokenInput) Validate() error {
	const most = 40
	var p problems
	if p.required("grant_type", string(in.GrantType)) {
		oneOf(&p, "grant_type", in.GrantType, GrantAuthorizationCode, GrantRefreshToken)
	}
	switch in.GrantType {
	case GrantAuthorizationCode:
		p.required("code", in.Code)
		p.mustBeEmpty("refresh_token", in.RefreshToken, in.GrantType)
	case GrantRefreshToken:
		p.required("refresh_token", in.RefreshToken)
		p.mustBeEmpty("code", in.Code, in.GrantType)
	}
	p.length("code", in.Code, 0, most)
	p.length("refresh_token", in.RefreshToken, 0, most)
	return p.err("token")
}

func (p *problems) mustBeEmpty(path, value string, grant GrantType) {
	if value != "" {
		p.add(path, "must be empty for "+string(grant))
	}
}

// LogValue implements [slog.LogValuer] without the secrets.
func (in TokenInput) LogValue() slog.Value {
	return slog.GroupValue(slog.String("grant_type", string(in.GrantType)))
}

// String describes the input without the secrets.
func (in TokenInput) String() string { return "token by " + string(in.GrantType) }

// GoString is String: %#v keeps the secrets too.
func (in TokenInput) GoString() string { return in.String() }

// Token lets a third-party app act for a merchant's app. AppAuthToken and
// AppRefreshToken are secrets; String and LogValue leave them out.
type Token struct {
	// AppAuthToken goes with each call.
	AppAuthToken string `json:"app_auth_token,omitempty"`
	// AppRefreshToken gets a new token.
	AppRefreshToken string `json:"app_refresh_token,omitempty"`
	// AuthAppID is the merchant's app.
	AuthAppID string `json:"auth_app_id,omitempty"`
	// UserID is the merchant's Alipay user id.
	UserID string `json:"user_id,omitempty"`
	// ExpiresIn is obsolete: AlipayCN documents that the token is permanent and
	// that this must not be used. It ends when the merchant withdraws or renews
	// the authorization.
	ExpiresIn TextInt `json:"expires_in,omitempty"`
	// RefreshExpiresIn is how long the refresh token lives, in seconds from the call.
	RefreshExpiresIn TextInt `json:"re_expires_in,omitempty"`
}

// LogValue implements [slog.LogValuer] without the secrets.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(slog.String("auth_app_id", t.AuthAppID), slog.String("user_id", t.UserID))
}

// String describes the token without the secrets.
func (t Token) String() string { return "token for app " + t.AuthAppID }

// GoString is String: %#v keeps the secrets too.
func (t Token) GoString() string { return t.String() }

// Tokens is the answer of authorization.token: the token, and one for each app
// where the merchant authorized several.
type Tokens struct {
	Token
	// Tokens are the tokens, one for each app.
	Tokens []Token `json:"tokens,omitempty"`
}

// All returns the tokens, one for each app: Tokens or, when AlipayCN sent no
// list, the token itself. Give each to [TokenStore.Put].
func (t Tokens) All() []Token {
	if len(t.Tokens) > 0 {
		return slices.Clone(t.Tokens)
	}
	return []Token{t.Token}
}

// usable says whether every token can be called with.
func (t Tokens) usable() bool {
	return !slices.ContainsFunc(t.All(), func(one Token) bool { return one.AppAuthToken == "" })
}

// TokenStatus is the state of a token. It is open to unknown values.
type TokenStatus string

// The states that AlipayCN documents.
const (
	// TokenValid: calls with it are accepted.
	TokenValid TokenStatus = "valid"
	// TokenInvalid: the merchant must authorize again.
	TokenInvalid TokenStatus = "invalid"
)

// Known says whether AlipayCN documents the state.
func (s TokenStatus) Known() bool { return s == TokenValid || s == TokenInvalid }

// TokenInfoInput is the input of authorization.get
// (alipay.open.auth.token.app.query). The token travels in the query string.
type TokenInfoInput struct {
	// AppAuthToken is the token to ask about, a secret. Required.
	AppAuthToken string `json:"app_auth_token,omitempty"`
}

// Validate checks that there is a token.
func (in TokenInfoInput) Validate() error {
	var p problems
	p.required("app_auth_token", in.AppAuthToken)
	return p.err("token")
}

// LogValue implements [slog.LogValuer] without the secret.
func (TokenInfoInput) LogValue() slog.Value { return slog.GroupValue() }

// String describes the input without the secret.
func (TokenInfoInput) String() string { return "a token to ask about" }

// GoString is String: %#v keeps the secret too.
func (in TokenInfoInput) GoString() string { return in.String() }

// TokenInfo is the answer of authorization.get: what a merchant has authorized.
type TokenInfo struct {
	// Status says whether the token is valid.
	Status TokenStatus `json:"status,omitempty"`
	// AuthAppID is the merchant's app.
	AuthAppID string `json:"auth_app_id,omitempty"`
	// UserID is the merchant's Alipay user id.
	UserID string `json:"user_id,omitempty"`
	// Methods are the operations that may be called, by AlipayCN's names:
	// "alipay.open.mini.version.online".
	Methods []string `json:"auth_methods,omitempty"`
	// StartsAt is when the authorization began.
	StartsAt Time `json:"auth_start,omitzero"`
	// EndsAt is when it ends.
	EndsAt Time `json:"auth_end,omitzero"`
	// ExpiresIn is the life of the token in seconds.
	ExpiresIn Int `json:"expires_in,omitempty"`
	// Full says that the merchant authorized everything.
	Full Bool `json:"is_by_app_auth,omitempty"`
}
