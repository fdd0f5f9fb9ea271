package alipaycn

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
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

func TestAuthorizationURLOfAStandIn(t *testing.T) {
	in := authorizationInput()
	standard, err := AuthorizationURL(in)
	require.NoError(t, err)
	in.Endpoint = "http://127.0.0.1:8481/"
	links, err := AuthorizationURL(in)
	require.NoError(t, err)
	require.Equal(t, strings.Replace(standard.PC, "https://b.alipay.com/", "http://127.0.0.1:8481/", 1), links.PC)
	require.Equal(t, strings.Replace(standard.Phone, "alipays://", "http://127.0.0.1:8481/", 1), links.Phone)
	for _, wrong := range []string{"127.0.0.1:8481", "ftp://127.0.0.1", "http://127.0.0.1/?a=b", "http://user@127.0.0.1"} {
		in.Endpoint = wrong
		_, err := AuthorizationURL(in)
		require.ErrorContains(t, err, "endpoint", wrong)
	}
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
		var asked cnwire.AuthorizationRequest
		require.NoError(t, json.Unmarshal([]byte(askedFor(t, links.PC)), &asked))
		require.Equal(t, in.RedirectURL, asked.AgentOpParam.RedirectURI)
		require.Equal(t, in.State, asked.AgentOpParam.State)
		require.NotContains(t, links.PC, "+")
		_, onPC, _ := strings.Cut(links.PC, cnwire.AuthorizePC)
		_, onPhone, _ := strings.Cut(links.Phone, cnwire.AuthorizePhone)
		require.Equal(t, onPC, onPhone)
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
			requireOneInvalid(t, err, c.path, c.says)
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

// requireOneInvalid requires that one field alone is invalid.
func requireOneInvalid(t *testing.T, err error, path, says string) {
	t.Helper()
	fields := requireInvalid(t, err).Fields
	require.Len(t, fields, 1)
	require.Equal(t, path, fields[0].Path)
	require.Contains(t, fields[0].Message, says)
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
			requireOneInvalid(t, err, c.path, c.says)
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

// AlipayCN documents that the address must be the one that is configured, and not
// that it must be https: trials have http addresses.
func TestAnAddressForTrialsMayBeHTTP(t *testing.T) {
	links, err := AuthorizationURL(AuthorizationInput{ISVAppID: "2021009900000101", RedirectURL: "http://127.0.0.1:8080/authorized"})
	require.NoError(t, err)
	asked, err := url.Parse(links.PC)
	require.NoError(t, err)
	require.Contains(t, asked.Query().Get("bizData"), `"redirectUri":"http://127.0.0.1:8080/authorized"`)
}

func stateKey() []byte { return bytes.Repeat([]byte("k"), 32) }

func stateNow() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }

func stateSigner(t require.TestingT) *StateSigner {
	s, err := NewStateSigner(stateKey())
	require.NoError(t, err)
	return s
}

func signedState(t require.TestingT, value string) string {
	state, err := stateSigner(t).Sign(value, stateNow().Add(time.Hour))
	require.NoError(t, err)
	return state
}

func TestStateCarriesItsValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := string(rapid.SliceOfN(rapid.Byte(), 0, MaxStateValue).Draw(t, "value"))
		state := signedState(t, value)
		require.LessOrEqual(t, len(state), 100)
		_, err := base64.StdEncoding.Strict().DecodeString(state)
		require.NoError(t, err)

		got, err := stateSigner(t).Verify(state, stateNow())
		require.NoError(t, err)
		require.Equal(t, value, got)
	})
}

func TestStateFitsIntoAnAuthorizationURL(t *testing.T) {
	in := authorizationInput()
	in.State = signedState(t, strings.Repeat("w", MaxStateValue))
	require.Len(t, in.State, 100)
	_, err := AuthorizationURL(in)
	require.NoError(t, err)
}

func TestStatesOfOneValueDiffer(t *testing.T) {
	first := signedState(t, "ws_1")
	require.NotEqual(t, first, signedState(t, "ws_1"))
}

func TestStateSurvivesCarelessDecoding(t *testing.T) {
	for range 50 { // nearly each has a plus somewhere
		state := signedState(t, "ws_12") // a length with padding
		careless := strings.ReplaceAll(strings.TrimRight(state, "="), "+", " ")
		require.NotEqual(t, state, careless)
		got, err := stateSigner(t).Verify(careless, stateNow())
		require.NoError(t, err)
		require.Equal(t, "ws_12", got)
	}
}

func TestStateExpires(t *testing.T) {
	state := signedState(t, "ws_1")
	_, err := stateSigner(t).Verify(state, stateNow().Add(time.Hour-time.Nanosecond))
	require.NoError(t, err)
	_, err = stateSigner(t).Verify(state, stateNow().Add(time.Hour))
	require.ErrorIs(t, err, ErrStateExpired)
}

func TestChangedStateIsForged(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(signedState(t, "ws_1"))
	require.NoError(t, err)
	for i := range raw {
		for bit := range 8 {
			changed := bytes.Clone(raw)
			changed[i] ^= 1 << bit
			_, err := stateSigner(t).Verify(base64.StdEncoding.EncodeToString(changed), stateNow())
			want := ErrStateForged
			if i == 0 { // the version
				want = ErrStateMalformed
			}
			require.ErrorIs(t, err, want, "byte %d, bit %d", i, bit)
		}
	}
}

func TestStateOfAnotherKeyIsForged(t *testing.T) {
	other, err := NewStateSigner(bytes.Repeat([]byte("o"), 32))
	require.NoError(t, err)
	_, err = other.Verify(signedState(t, "ws_1"), stateNow())
	require.ErrorIs(t, err, ErrStateForged)
}

func TestForgedAndExpiredIsForged(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(signedState(t, "ws_1"))
	require.NoError(t, err)
	raw[len(raw)-1] ^= 1
	_, err = stateSigner(t).Verify(base64.StdEncoding.EncodeToString(raw), stateNow().Add(2*time.Hour))
	require.ErrorIs(t, err, ErrStateForged, "a forger must not learn what an expiry is")
}

func TestNoStateIsMalformed(t *testing.T) {
	state := signedState(t, "ws_1")
	for name, text := range map[string]string{
		"empty":         "",
		"cut":           state[:20],
		"cut to a byte": state[:2],
		"no base64":     "!" + state[1:],
		"a line break":  state[:20] + "\n" + state[20:],
		"much too long": strings.Repeat("AQAA", 26),
		"no value, cut": base64.StdEncoding.EncodeToString(make([]byte, stateHeaderSize+stateMACSize-1)),
		"other version": base64.StdEncoding.EncodeToString(make([]byte, 60)),
	} {
		_, err := stateSigner(t).Verify(text, stateNow())
		require.ErrorIs(t, err, ErrStateMalformed, name)
	}
}

func TestStateKeyIsLongEnough(t *testing.T) {
	_, err := NewStateSigner(stateKey()[:31])
	require.ErrorContains(t, err, "31 bytes, at least 32")
}

func TestSignerWithoutKeyRefuses(t *testing.T) {
	var s StateSigner
	state, err := s.Sign("ws_1", stateNow().Add(time.Hour))
	require.ErrorContains(t, err, "has no key; make it with NewStateSigner")
	require.Empty(t, state)

	raw := append(make([]byte, stateHeaderSize), "ws_1"...)
	raw[0], raw[1] = stateVersion, 0xff
	anybodys := base64.StdEncoding.EncodeToString(append(raw, s.mac(raw)...))
	_, err = s.Verify(anybodys, stateNow())
	require.ErrorContains(t, err, "has no key")
}

func TestStateKeyIsCopied(t *testing.T) {
	key := stateKey()
	s, err := NewStateSigner(key)
	require.NoError(t, err)
	clear(key)
	_, err = s.Verify(signedState(t, "ws_1"), stateNow())
	require.NoError(t, err)
}

func TestStateSignerKeepsItsKey(t *testing.T) {
	for _, text := range written(stateSigner(t)) {
		require.NotContains(t, text, "kkkk")
		require.NotContains(t, text, "107 107")
		require.NotContains(t, text, "0x6b")
	}
}

func TestSignRefuses(t *testing.T) {
	s := stateSigner(t)
	_, err := s.Sign(strings.Repeat("w", MaxStateValue+1), stateNow())
	require.ErrorContains(t, err, "43 bytes, at most 42")
	for _, expires := range []time.Time{{}, time.Unix(0, 0), time.Unix(1<<32, 0)} {
		_, err = s.Sign("ws_1", expires)
		require.ErrorContains(t, err, "between 1970 and 2106")
	}
	_, err = s.Sign("ws_1", time.Unix(1<<32-1, 0))
	require.NoError(t, err)
}

func TestStateIsAcceptedOnce(t *testing.T) {
	state, err := stateSigner(t).Sign("ws_1", time.Now().Add(time.Hour))
	require.NoError(t, err)
	seen := NewMemorySeenStore(0)
	results := make(chan error, 10)
	var callers sync.WaitGroup
	for range cap(results) {
		callers.Go(func() {
			value, err := stateSigner(t).VerifyOnce(t.Context(), state, time.Now(), seen)
			if err == nil && value != "ws_1" {
				err = errors.New("wrong value: " + value)
			}
			results <- err
		})
	}
	callers.Wait()
	close(results)
	accepted := 0
	for err := range results {
		if err == nil {
			accepted++
			continue
		}
		require.ErrorIs(t, err, ErrStateUsed)
	}
	require.Equal(t, 1, accepted)
}

func TestStateIsRefusedWhenItsUseCannotBeRecorded(t *testing.T) {
	down := errors.New("the database is down")
	_, err := stateSigner(t).VerifyOnce(t.Context(), signedState(t, "ws_1"), stateNow(), brokenSeenStore{add: down})
	require.ErrorIs(t, err, down)
}

func TestForgedStateIsNotRecorded(t *testing.T) {
	_, err := stateSigner(t).VerifyOnce(t.Context(), signedState(t, "ws_1"), stateNow().Add(2*time.Hour), brokenSeenStore{add: errors.New("asked")})
	require.ErrorIs(t, err, ErrStateExpired)
}

// A program of the next version has to accept the states of this one.
func TestStateFormatIsStable(t *testing.T) {
	require.Equal(t, "Af8AAAAAAAAAAAAAAAAAAAB3c18xPaHeHE+RVgMfviFSQF5dsg==", fixedState(t))
	value, err := stateSigner(t).Verify(fixedState(t), stateNow())
	require.NoError(t, err)
	require.Equal(t, "ws_1", value)
}

// fixedState is a state with a nonce that is not random.
func fixedState(t require.TestingT) string {
	raw := append(make([]byte, stateHeaderSize), "ws_1"...)
	raw[0], raw[1] = stateVersion, 0xff
	return base64.StdEncoding.EncodeToString(append(raw, stateSigner(t).mac(raw)...))
}

func FuzzVerifyState(f *testing.F) {
	good := fixedState(f) // each fuzzing process needs the same one
	f.Add(good)
	f.Add("")
	f.Add(strings.TrimRight(good, "="))
	f.Add("AQAA" + good[4:])
	f.Fuzz(func(t *testing.T, state string) {
		value, err := stateSigner(t).Verify(state, stateNow())
		accepted := len(state) <= 100 && strings.TrimRight(plusRestored(state), "=") == strings.TrimRight(good, "=")
		require.Equal(t, accepted, err == nil)
		if accepted {
			require.Equal(t, "ws_1", value)
		}
	})
}

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
