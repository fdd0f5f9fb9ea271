package alipaycn

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExchangeWithoutATokenIsAnError(t *testing.T) {
	for _, body := range []string{
		``,
		`{}`,
		`{"auth_app_id":"2021009900000202","app_refresh_token":"r"}`,
		`{"app_auth_token":"t","tokens":[{"app_auth_token":"t","auth_app_id":"1"},{"auth_app_id":"2"}]}`,
	} {
		s, c := newStub(t, always(200, body))
		s.token = "" // these calls are the third-party app's own

		tokens, err := c.Authorization.Exchange(t.Context(), "code1")

		require.Nil(t, tokens, body)
		require.EqualError(t, err, "alipaycn: authorization.token: AlipayCN accepted the call and sent no token; "+
			"let the merchant authorize again, because a code works once; if it happens again, check the version of this library", body)
	}
}

func TestAllTokensAreThoseOfTheListOrTheOneOutsideIt(t *testing.T) {
	one, two := merchantToken("2021009900000202"), merchantToken("2021009900000303")
	require.Equal(t, []Token{one}, Tokens{Token: one}.All())
	require.Equal(t, []Token{one, two}, Tokens{Token: one, Tokens: []Token{one, two}}.All())

	tokens := Tokens{Token: one, Tokens: []Token{one, two}}
	tokens.All()[0].AppAuthToken = "changed"
	require.Equal(t, one, tokens.Tokens[0], "a copy")
}
