package alipaycn

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// A code works once: what comes with the token must not make it unreadable.
func TestTextsAreReadFromNumbersAndBooleansToo(t *testing.T) {
	s, c := newStub(t, always(200, `{"app_auth_token":"token","app_refresh_token":"again","auth_app_id":2021000000000007,"user_id":2088102150527498,"expires_in":3.1536E7,"re_expires_in":"32140800"}`))
	s.token = "" // it is the third-party app's own call
	tokens, err := c.Authorization.Exchange(t.Context(), "code")
	require.NoError(t, err)
	require.Equal(t, Token{AppAuthToken: "token", AppRefreshToken: "again", AuthAppID: "2021000000000007", UserID: "2088102150527498", ExpiresIn: 31536000, RefreshExpiresIn: 32140800}, tokens.Token)

	_, c = newStub(t, always(200, `{"category_list":[{"category_id":12,"parent_category_id":11,"category_name":"Services","has_child":1,"need_license":"true"}]}`))
	list, err := c.Categories.List(t.Context(), ListCategoriesInput{})
	require.NoError(t, err)
	require.Equal(t, []Category{{ID: "12", ParentID: "11", Name: "Services", HasChild: true, NeedLicense: true}}, list.Old)

	_, c = newStub(t, always(200, `{"app_version":"0.0.1","status":"GRAY","memo":true,"service_phone":95188,"screen_shot_list":[1]}`))
	detail, err := c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})
	require.NoError(t, err)
	require.Equal(t, &VersionDetail{Version: "0.0.1", Status: StatusGray, Memo: "true", ServicePhone: "95188", ScreenShots: []string{"1"}}, detail)

	// What is neither is no text.
	for _, body := range []string{`{"app_version":{},"status":"GRAY"}`, `{"app_version":["0.0.1"]}`, `[]`, `"GRAY"`, `5`} {
		_, c = newStub(t, always(200, body), WithRetry(1, 0, 0))
		_, err = c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})
		require.ErrorContains(t, err, "signed but cannot be read", body)
	}
}

func TestWholeNumbersAreReadWithAnExponent(t *testing.T) {
	for wire, want := range map[string]int64{`3.1536E7`: 31536000, `"3.21408e+7"`: 32140800, `15e0`: 15, `-2E3`: -2000} {
		i := Int(99)
		require.NoError(t, i.UnmarshalJSON([]byte(wire)), wire)
		require.Equal(t, want, int64(i))
	}
	for _, wire := range []string{`1E-1`, `1E400`, `9.3E18`, `"E7"`, `"0x1p4"`, `"Inf"`} {
		i := Int(99)
		require.Error(t, i.UnmarshalJSON([]byte(wire)), wire)
		require.Equal(t, Int(99), i)
	}
}

// AlipayCN documents that the address must be the one that is configured, and not
// that it must be https: trials have http addresses.
func TestAnAddressForTrialsMayBeHTTP(t *testing.T) {
	links, err := AuthorizationURL(AuthorizationInput{ISVAppID: "2021009900000101", RedirectURL: "http://127.0.0.1:8080/authorized"})
	require.NoError(t, err)
	asked, err := url.Parse(links.PC)
	require.NoError(t, err)
	require.Contains(t, asked.Query().Get("bizData"), `"redirectUri":"http://127.0.0.1:8080/authorized"`)
}
