package alipaycntest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHarness(t)
		require.NoError(t, w.g.AddApp(alipaycntest.App{ID: "other", ThirdParty: true, PublicKey: testkey.FastClient().PublicPEM()}))
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
	w := newHarness(t)
	require.NoError(t, w.g.AddVersion(self, "0.0.1"))
	as := func(op cnwire.Operation, in fields) reply {
		r := w.prepare(op, in, nil)
		r.sign.AppID, r.sign.AppAuthToken = self, ""
		out := w.mustSend(r.signed(t))
		return out
	}
	require.Equal(t, 200, as(cnwire.VersionGet, v("0.0.1")).status)
	require.Equal(t, alipaycn.Code("ISV_APP_ID_IS_BLANK"), as(cnwire.VersionUpload, fields{"template_id": template, "app_version": "0.0.2"}).code)
	require.Equal(t, alipaycn.Code("APP_NOT_ISV"), as(cnwire.AuthorizationToken, fields{"grant_type": "refresh_token"}).code)
	require.Equal(t, alipaycn.Code("APP_NOT_ISV"), as(cnwire.AuthorizationGet, fields{"app_auth_token": w.token}).code)
	require.Equal(t, alipaycn.Code("APPLICATION_TYPE_NOT_ISVAPP"), as(cnwire.TemplateUsages, fields{"template_id": template}).code)
}
