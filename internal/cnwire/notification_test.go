package cnwire_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

func TestNotifyVectors(t *testing.T) {
	v := load[notifyVectors](t, "notify.json")
	key := public(t, v.Keys.Public)
	require.Len(t, v.Cases, 12)
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			params, err := url.ParseQuery(c.FormBody)
			require.NoError(t, err)
			require.Equal(t, c.fields(), params)

			err = cnwire.VerifyNotification(key, params)

			require.Equal(t, c.Expected.Valid, err == nil, "%v", err)
			if err != nil {
				requireOneLine(t, err)
			}
		})
	}
}

// The official SDK for Node accepts SHA-1 as well. This package does not.
func TestNotifyVectorWithSHA1IsRefused(t *testing.T) {
	v := load[notifyVectors](t, "notify.json")
	require.Len(t, v.Informational, 1)

	err := cnwire.VerifyNotification(public(t, v.Keys.Public), v.Informational[0].fields())

	require.ErrorIs(t, err, signing.ErrAlgorithm)
}

func TestSignNotificationMakesTheVectors(t *testing.T) {
	v := load[notifyVectors](t, "notify.json")
	key := private(t, v.Keys.Private)
	made := 0
	for _, c := range v.Cases {
		if !c.Expected.Valid {
			continue
		}
		sign, err := cnwire.SignNotification(key, c.fields(), cnwire.NotificationForm{SignType: c.Sender.SignType, EmptyValues: true})
		require.NoError(t, err)
		require.Equal(t, c.Fields["sign"], sign, c.Name)
		made++
	}
	require.Equal(t, 7, made)
}

// Each form gives another text, and all of them are accepted.
func TestEveryFormIsAccepted(t *testing.T) {
	seen := map[string]bool{}
	for _, form := range []cnwire.NotificationForm{{}, {SignType: true}, {EmptyValues: true}, {SignType: true, EmptyValues: true}} {
		params := notification("name", "a b", "memo", "", "sign_type", "RSA2")
		sign, err := cnwire.SignNotification(testkey.Key(), params, form)
		require.NoError(t, err)
		seen[sign] = true
		params.Set("sign", sign)

		require.NoError(t, cnwire.VerifyNotification(&testkey.Key().PublicKey, params), "%+v", form)
	}
	require.Len(t, seen, 4)
}

func TestSignedTextIsSortedAndRaw(t *testing.T) {
	params := notification("b", "2&3", "a_c", "x", "a", "50%25 +", "B", "1", "sign", "old")
	sign, err := cnwire.SignNotification(testkey.Key(), params, cnwire.NotificationForm{})
	require.NoError(t, err)

	same, err := cnwire.SignNotification(testkey.Key(), notification("B", "1&a=50%25 +&a_c=x&b=2&3"), cnwire.NotificationForm{})
	require.NoError(t, err)
	require.Equal(t, same, sign, "B=1&a=50%25 +&a_c=x&b=2&3")
}

func TestVerifyNotificationRefuses(t *testing.T) {
	key := &testkey.Key().PublicKey
	for name, c := range map[string]struct {
		change func(url.Values)
		is     error
		reason string
	}{
		"no sign":                {func(p url.Values) { p.Del("sign") }, signing.ErrNoSignature, "is empty"},
		"empty sign":             {func(p url.Values) { p.Set("sign", "") }, signing.ErrNoSignature, "is empty"},
		"sign not base64":        {func(p url.Values) { p.Set("sign", "*") }, signing.ErrEncoding, "not standard base64"},
		"plus signs lost":        {func(p url.Values) { p.Set("sign", "AA AA") }, signing.ErrEncoding, "decoded once too often"},
		"SHA-1":                  {func(p url.Values) { p.Set("sign_type", "RSA") }, signing.ErrAlgorithm, `sign_type is "RSA"`},
		"sign_type in lower":     {func(p url.Values) { p.Set("sign_type", "rsa2") }, signing.ErrAlgorithm, `sign_type is "rsa2"`},
		"another value":          {func(p url.Values) { p.Set("status", "other") }, signing.ErrMismatch, "app's own public key"},
		"a value more":           {func(p url.Values) { p.Set("more", "x") }, signing.ErrMismatch, "query of the callback address"},
		"a value less":           {func(p url.Values) { p.Del("status") }, signing.ErrMismatch, ""},
		"a value emptied":        {func(p url.Values) { p.Set("status", "") }, signing.ErrMismatch, ""},
		"names swapped":          {func(p url.Values) { p.Set("app_id", "execute_auth"); p.Set("status", "1") }, signing.ErrMismatch, ""},
		"only sign":              {func(p url.Values) { p.Del("app_id"); p.Del("status"); p.Del("sign_type") }, signing.ErrMismatch, ""},
		"value twice":            {func(p url.Values) { p.Add("status", "execute_auth") }, cnwire.ErrNotification, `"status" is given 2 times`},
		"sign twice":             {func(p url.Values) { p.Add("sign", p.Get("sign")) }, cnwire.ErrNotification, `"sign" is given 2 times`},
		"name without value":     {func(p url.Values) { p["x"] = nil }, cnwire.ErrNotification, `"x" is given 0 times`},
		"name with equals sign":  {func(p url.Values) { p.Set("status=x", "1") }, cnwire.ErrNotification, `"status=x" is no name`},
		"name with and sign":     {func(p url.Values) { p.Set("status&x", "1") }, cnwire.ErrNotification, "is no name"},
		"empty name":             {func(p url.Values) { p.Set("", "1") }, cnwire.ErrNotification, `"" is no name`},
		"name with line feed":    {func(p url.Values) { p.Add("x\n", "1"); p.Add("x\n", "2") }, cnwire.ErrNotification, "is given 2 times"},
		"very long name, twice":  {func(p url.Values) { p[strings.Repeat("n", 999)] = []string{"1", "2"} }, cnwire.ErrNotification, `"` + strings.Repeat("n", 64) + `" is given`},
		"very long sign_type":    {func(p url.Values) { p.Set("sign_type", strings.Repeat("R", 999)) }, signing.ErrAlgorithm, `"` + strings.Repeat("R", 32) + `", but`},
		"two parameters in one":  {func(p url.Values) { p.Del("status"); p.Set("app_id", "1&status") }, signing.ErrMismatch, ""},
		"sign_type that was cut": {func(p url.Values) { p.Del("sign_type") }, signing.ErrMismatch, ""},
	} {
		t.Run(name, func(t *testing.T) {
			params := notification("app_id", "1", "status", "execute_auth", "sign_type", "RSA2")
			sign, err := cnwire.SignNotification(testkey.Key(), params, cnwire.NotificationForm{SignType: true})
			require.NoError(t, err)
			params.Set("sign", sign)
			require.NoError(t, cnwire.VerifyNotification(key, params))
			c.change(params)

			err = cnwire.VerifyNotification(key, params)

			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.reason)
			requireOneLine(t, err)
		})
	}
}

// Two readings of one signed text: what was sent, and what somebody made of it.
func TestAmbiguousParametersAreRefused(t *testing.T) {
	key := testkey.FastKey()
	for name, c := range map[string]struct {
		params url.Values
		says   string // "" when accepted
	}{
		"plain":                               {notification("app_id", "1", "notify_id", "2", "title", "a&b=c"), ""},
		"a name that means nothing":           {notification("app_id", "1", "title", "a&zz=c"), ""},
		"JSON":                                {notification("app_id", "1", "biz_content", `{"url":"x?a=1&notify_id=2"}`), ""},
		"a JSON array":                        {notification("app_id", "1", "specifications", ` ["&app_id=2"]`), ""},
		"no separator before the name":        {notification("title", "notify_id=2"), ""},
		"no value behind the name":            {notification("title", "a&notify_id"), ""},
		"a token with a parameter":            {notification("app_id", "1&auth_app_id=2"), "the value of app_id holds another parameter"},
		"a token with a separator":            {notification("version", "1&"), "the value of version holds another parameter"},
		"a token with an equals sign":         {notification("notify_id", "1=2"), "the value of notify_id holds another parameter"},
		"an id in a text":                     {notification("name", "x&notify_id=2"), `the value of "name" holds the parameter notify_id`},
		"an id in a text, twice":              {notification("name", "notify_id=2&notify_id=2"), `holds the parameter notify_id`},
		"content in a text":                   {notification("address", "x&biz_content={}"), "holds the parameter biz_content"},
		"what is no JSON any more":            {notification("biz_content", `{"a":1}&charset=UTF-8`), "holds the parameter charset"},
		"two objects with a parameter within": {notification("biz_content", `{"a":1}&notify_id=1&z={}`), "holds the parameter notify_id"},
	} {
		t.Run(name, func(t *testing.T) {
			sign, err := cnwire.SignNotification(key, c.params, cnwire.NotificationForm{})
			require.NoError(t, err)
			c.params.Set("sign", sign)

			err = cnwire.VerifyNotification(&key.PublicKey, c.params)

			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, cnwire.ErrNotification)
			require.ErrorContains(t, err, c.says)
			requireOneLine(t, err)
		})
	}
}

func TestSignNotificationRefuses(t *testing.T) {
	sign, err := cnwire.SignNotification(testkey.Key(), url.Values{"a": {"1", "2"}}, cnwire.NotificationForm{})
	require.ErrorIs(t, err, cnwire.ErrNotification)
	require.Empty(t, sign)

	_, err = cnwire.SignNotification(brokenSigner{testkey.Key()}, notification("a", "1"), cnwire.NotificationForm{})
	require.ErrorIs(t, err, errStore)
}

// Whatever is in a notification, it verifies as it was sent and not otherwise.
func TestNotificationProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab=&%+ 中\n")), 0, 6, -1)
		params := url.Values{}
		for name, value := range rapid.MapOf(rapid.StringMatching(`[a-d]{1,2}`), text).Draw(t, "params") {
			params.Set(name, value)
		}
		if rapid.Bool().Draw(t, "with sign_type") {
			params.Set("sign_type", "RSA2")
		}
		form := cnwire.NotificationForm{SignType: rapid.Bool().Draw(t, "SignType"), EmptyValues: rapid.Bool().Draw(t, "EmptyValues")}
		sign, err := cnwire.SignNotification(testkey.Key(), params, form)
		require.NoError(t, err)
		params.Set("sign", sign)
		require.NoError(t, cnwire.VerifyNotification(&testkey.Key().PublicKey, params))

		params.Set("zz", "added")
		require.ErrorIs(t, cnwire.VerifyNotification(&testkey.Key().PublicKey, params), signing.ErrMismatch)
	})
}

func FuzzVerifyNotification(f *testing.F) {
	v := load[notifyVectors](f, "notify.json")
	for _, c := range append(v.Cases, v.Informational...) {
		f.Add(c.FormBody, true, true)
	}
	key := testkey.Key()
	f.Fuzz(func(t *testing.T, body string, signType, emptyValues bool) {
		params, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		err = cnwire.VerifyNotification(&key.PublicKey, params)
		require.Error(t, err, "the key has signed nothing")
		requireOneLine(t, err)

		params.Del("sign")
		sign, err := cnwire.SignNotification(key, params, cnwire.NotificationForm{SignType: signType, EmptyValues: emptyValues})
		if err != nil {
			require.ErrorIs(t, err, cnwire.ErrNotification)
			return
		}
		params.Set("sign", sign)
		err = cnwire.VerifyNotification(&key.PublicKey, params)
		if kind := params.Get("sign_type"); kind != "" && kind != "RSA2" {
			require.ErrorIs(t, err, signing.ErrAlgorithm)
			return
		}
		if err != nil {
			require.ErrorIs(t, err, cnwire.ErrNotification)
		}
	})
}

func (c notifyCase) fields() url.Values {
	params := url.Values{}
	for name, value := range c.Fields {
		params.Set(name, value)
	}
	return params
}

// notification makes parameters of names and values, one after the other.
func notification(pairs ...string) url.Values {
	params := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		params.Set(pairs[i], pairs[i+1])
	}
	return params
}
