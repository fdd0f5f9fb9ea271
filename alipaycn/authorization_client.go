package alipaycn

import (
	"context"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// AuthorizationClient gets tokens for merchants who authorized the third-party
// app. Its calls are the third-party app's own: whomever the client acts for,
// they carry no app_auth_token. Every error is an [Error].
type AuthorizationClient struct{ c *Client }

// Exchange turns the code of an authorization (see [ParseCallback]) into tokens,
// one for each app that the merchant chose (alipay.open.auth.token.app). A code
// works once, for 24 hours: keep the tokens ([Tokens.All]), in a [TokenStore]. An
// answer without a token is an error. After a lost
// answer the error matches [alipayplus.ErrOutcomeUnknown]; then the code may be
// used up, and the merchant must authorize again.
func (a *AuthorizationClient) Exchange(ctx context.Context, code string) (*Tokens, error) {
	return a.token(ctx, TokenInput{GrantType: GrantAuthorizationCode, Code: code})
}

// Refresh gets a new token for a refresh token (alipay.open.auth.token.app). It
// is seldom needed: AlipayCN documents that tokens are permanent. The old refresh
// token stays good for some time after, so that a lost answer can be asked for again.
func (a *AuthorizationClient) Refresh(ctx context.Context, refreshToken string) (*Tokens, error) {
	return a.token(ctx, TokenInput{GrantType: GrantRefreshToken, RefreshToken: refreshToken})
}

// Query tells what a token allows (alipay.open.auth.token.app.query); see
// [TokenInfo.MissingMethods].
func (a *AuthorizationClient) Query(ctx context.Context, appAuthToken string) (*TokenInfo, error) {
	return read[TokenInfo](ctx, a.c, cnwire.AuthorizationGet, TokenInfoInput{AppAuthToken: appAuthToken})
}

func (a *AuthorizationClient) token(ctx context.Context, in TokenInput) (*Tokens, error) {
	got := new(Tokens)
	if err := a.c.write(ctx, safeWrite{op: cnwire.AuthorizationToken, in: in, got: got}); err != nil {
		return nil, err
	}
	if !got.usable() {
		return nil, &Error{
			Operation: cnwire.AuthorizationToken.Name, Message: "AlipayCN accepted the call and sent no token",
			Hint: "let the merchant authorize again, because a code works once; if it happens again, check the version of this library",
		}
	}
	return got, nil
}

// MissingMethods returns the operations of a version's life, by AlipayCN's names,
// that the merchant has not authorized, in ascending order: those of
// alipay.open.mini.version. Without them a release stops half-way. All are
// missing when the token is not valid, none when the merchant authorized everything.
func (t TokenInfo) MissingMethods() []string {
	const family = "alipay.open.mini.version."
	var missing []string
	for _, op := range cnwire.Operations() {
		granted := t.Status == TokenValid && (bool(t.Full) || slices.Contains(t.Methods, op.API))
		if strings.HasPrefix(op.API, family) && !granted {
			missing = append(missing, op.API)
		}
	}
	slices.Sort(missing)
	return missing
}

func (in TokenInput) secrets() []string     { return []string{in.Code, in.RefreshToken} }
func (in TokenInfoInput) secrets() []string { return []string{in.AppAuthToken} }
