package alipaycn

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
)

func authorizationInput() AuthorizationInput {
	return AuthorizationInput{
		ISVAppID:    "2021009900000101",
		RedirectURL: "https://isv.example/callback?tenant=7&lang=zh",
		State:       "c3RhdGU+Pz8=",
	}
}

func TestAuthorizationURLIsAsDocumented(t *testing.T) {
	const asked = `%7B%22platformCode%22%3A%22O%22%2C%22taskType%22%3A%22INTERFACE_AUTH%22%2C%22agentOpParam%22%3A%7B` +
		`%22redirectUri%22%3A%22https%3A%2F%2Fisv.example%2Fcallback%3Ftenant%3D7%26lang%3Dzh%22%2C` +
		`%22appTypes%22%3A%5B%22TINYAPP%22%5D%2C%22isvAppId%22%3A%222021009900000101%22%2C%22state%22%3A%22c3RhdGU%2BPz8%3D%22%7D%7D`

	links, err := AuthorizationURL(authorizationInput())

	require.NoError(t, err)
	require.Equal(t, "https://b.alipay.com/page/message/tasksDetail?bizData="+asked, links.PC)
	require.Equal(t, "alipays://platformapi/startapp?appId=2021003130652097&page=pages%2Fauthorize%2Findex%3FbizData%3D"+asked, links.Phone)
}

func TestAuthorizationURLWithoutStateAndWithOtherTypes(t *testing.T) {
	in := authorizationInput()
	in.State = ""
	in.AppTypes = []AppType{AppTypeMiniProgram, AppTypeWeb, "NEWAPP"}

	links, err := AuthorizationURL(in)

	require.NoError(t, err)
	require.JSONEq(t, `{"platformCode":"O","taskType":"INTERFACE_AUTH","agentOpParam":{
		"redirectUri":"https://isv.example/callback?tenant=7&lang=zh","appTypes":["TINYAPP","WEBAPP","NEWAPP"],"isvAppId":"2021009900000101"}}`,
		askedFor(t, links.PC))
}

// askedFor is what the page behind the link reads.
func askedFor(t require.TestingT, link string) string {
	_, encoded, found := strings.Cut(link, "bizData=")
	require.True(t, found)
	asked, err := url.PathUnescape(encoded) // like JavaScript's decodeURIComponent: a plus stays a plus
	require.NoError(t, err)
	return asked
}

func TestAuthorizationURLCarriesEveryRedirectAndState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := authorizationInput()
		in.RedirectURL = "https://isv.example/" + url.PathEscape(rapid.String().Draw(t, "path")) + "?q=" + rapid.StringMatching(`[a-z0-9 +&=%2F"<>]{0,20}`).Draw(t, "query")
		in.State = base64.StdEncoding.EncodeToString(rapid.SliceOfN(rapid.Byte(), 0, 75).Draw(t, "state"))
		if _, err := url.Parse(in.RedirectURL); err != nil {
			return
		}
		links, err := AuthorizationURL(in)
		require.NoError(t, err)
		var asked bizData
		require.NoError(t, json.Unmarshal([]byte(askedFor(t, links.PC)), &asked))
		require.Equal(t, in.RedirectURL, asked.AgentOpParam.RedirectURI)
		require.Equal(t, in.State, asked.AgentOpParam.State)
		require.NotContains(t, links.PC, "+")
		require.Equal(t, strings.TrimPrefix(links.PC, authorizePC), strings.TrimPrefix(links.Phone, authorizePhone))
	})
}

func TestAuthorizationURLRefusesWhatAlipayCNWould(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*AuthorizationInput)
		path   string
		says   string
	}{
		"no app":           {func(in *AuthorizationInput) { in.ISVAppID = "" }, "isvAppId", "is required"},
		"a long app id":    {func(in *AuthorizationInput) { in.ISVAppID = strings.Repeat("2", 33) }, "isvAppId", "at most 32"},
		"a strange app id": {func(in *AuthorizationInput) { in.ISVAppID = "2021 99" }, "isvAppId", "printable ASCII"},
		"no address":       {func(in *AuthorizationInput) { in.RedirectURL = "" }, "redirectUri", "is required"},
		"no real address":  {func(in *AuthorizationInput) { in.RedirectURL = "https://isv.example/%zz" }, "redirectUri", "not an address"},
		"ftp":              {func(in *AuthorizationInput) { in.RedirectURL = "ftp://isv.example/" }, "redirectUri", "https"},
		"no host":          {func(in *AuthorizationInput) { in.RedirectURL = "https:///callback" }, "redirectUri", "host"},
		"a password":       {func(in *AuthorizationInput) { in.RedirectURL = "https://me:secret@isv.example/" }, "redirectUri", "password"},
		"a fragment":       {func(in *AuthorizationInput) { in.RedirectURL = "https://isv.example/#top" }, "redirectUri", "fragment"},
		"an empty type":    {func(in *AuthorizationInput) { in.AppTypes = []AppType{AppTypeWeb, ""} }, "appTypes[1]", "is required"},
		"a long state":     {func(in *AuthorizationInput) { in.State = strings.Repeat("abcd", 26) }, "state", "at most 100"},
		"a plain state":    {func(in *AuthorizationInput) { in.State = "tenant-7" }, "state", "base64"},
		"URL base64":       {func(in *AuthorizationInput) { in.State = "c3RhdGU-Pz8=" }, "state", "base64"},
		"no padding":       {func(in *AuthorizationInput) { in.State = "c3RhdGU+Pz8" }, "state", "base64"},
		"a line break":     {func(in *AuthorizationInput) { in.State = "c3Rh\ndGU+Pz8=" }, "state", "base64"},
	} {
		t.Run(name, func(t *testing.T) {
			in := authorizationInput()
			c.change(&in)
			links, err := AuthorizationURL(in)
			require.Empty(t, links)
			invalid := requireInvalid(t, err)
			require.Len(t, invalid.Fields, 1)
			require.Equal(t, c.path, invalid.Fields[0].Path)
			require.Contains(t, invalid.Fields[0].Message, c.says)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestAuthorizationURLNamesEveryBrokenField(t *testing.T) {
	_, err := AuthorizationURL(AuthorizationInput{State: "?"})
	require.Len(t, requireInvalid(t, err).Fields, 3)
}

func requireInvalid(t *testing.T, err error) *alipayplus.ValidationError {
	t.Helper()
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	var invalid *alipayplus.ValidationError
	require.ErrorAs(t, err, &invalid)
	return invalid
}

func TestAppTypesAreOpen(t *testing.T) {
	for _, known := range []AppType{AppTypeMiniProgram, AppTypeMobile, AppTypeWeb, AppTypePublic, AppTypeBase} {
		require.True(t, known.Known(), known)
	}
	require.False(t, AppType("MINIAPP").Known())
}

func callback(t *testing.T, query string) (Callback, error) {
	t.Helper()
	return ParseCallback(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/callback?"+query, http.NoBody))
}

func TestParseCallback(t *testing.T) {
	for name, c := range map[string]struct {
		query string
		want  Callback
	}{
		"everything": {
			"tenant=7&app_id=2021009900000101&source=alipay_app_auth&app_auth_code=ca34ea491e7146cc&state=c3RhdGU%2BPz8%3D",
			Callback{AppID: "2021009900000101", AppAuthCode: "ca34ea491e7146cc", State: "c3RhdGU+Pz8=", Source: "alipay_app_auth"},
		},
		"only what is guaranteed": {
			"app_id=2021009900000101&app_auth_code=ca34ea491e7146cc",
			Callback{AppID: "2021009900000101", AppAuthCode: "ca34ea491e7146cc"},
		},
		"a plus that nobody encoded": {
			"app_id=2021009900000101&app_auth_code=ca34ea491e7146cc&state=c3RhdGU+Pz8=",
			Callback{AppID: "2021009900000101", AppAuthCode: "ca34ea491e7146cc", State: "c3RhdGU+Pz8="},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := callback(t, c.query)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestParseCallbackRefuses(t *testing.T) {
	const code = "ca34ea491e7146cc"
	for name, c := range map[string]struct {
		query string
		path  string
		says  string
	}{
		"no app":         {"app_auth_code=" + code, "app_id", "is required"},
		"a long app id":  {"app_id=" + strings.Repeat("2", 33) + "&app_auth_code=" + code, "app_id", "at most 32"},
		"a long code":    {"app_id=1&app_auth_code=" + strings.Repeat(code, 3), "app_auth_code", "at most 40"},
		"a long state":   {"app_id=1&app_auth_code=" + code + "&state=" + strings.Repeat(code, 7), "state", "at most 100"},
		"two codes":      {"app_id=1&app_auth_code=" + code + "&app_auth_code=" + code, "app_auth_code", "comes 2 times"},
		"two states":     {"app_id=1&app_auth_code=" + code + "&state=a&state=b", "state", "comes 2 times"},
		"a broken query": {"app_id=1&app_auth_code=" + code + "&x=%zz", "query", "not a query"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := callback(t, c.query)
			invalid := requireInvalid(t, err)
			require.Len(t, invalid.Fields, 1)
			require.Equal(t, c.path, invalid.Fields[0].Path)
			require.Contains(t, invalid.Fields[0].Message, c.says)
			require.NotContains(t, err.Error(), code)
		})
	}
}

func TestParseCallbackWithoutCode(t *testing.T) {
	_, err := callback(t, "app_id=2021009900000101&state=c3RhdGU%2BPz8%3D")
	require.ErrorIs(t, err, ErrNoAuthCode)
}

func TestParseCallbackTakesOnlyGET(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/callback?app_id=1&app_auth_code=c", http.NoBody)
	_, err := ParseCallback(r)
	require.Equal(t, "method", requireInvalid(t, err).Fields[0].Path)
}

func TestCallbackKeepsItsCode(t *testing.T) {
	got, err := callback(t, "app_id=2021009900000101&app_auth_code=ca34ea491e7146cc&state=c3RhdGU%2BPz8%3D")
	require.NoError(t, err)
	for _, text := range written(got) {
		require.Contains(t, text, "2021009900000101")
		require.NotContains(t, text, "ca34ea491e7146cc")
		require.NotContains(t, text, "c3RhdGU")
	}
}

// written is v in every way in which a program might write it by mistake.
func written(v any) []string {
	var text, object bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&object, nil)).Info("x", "v", v)
	return []string{fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%q", v), text.String(), object.String()}
}
