package alipaycn

import (
	"net/url"
	"testing"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
)

func newVerifier(t *testing.T) *NotificationVerifier {
	t.Helper()
	v, err := NewNotificationVerifier(NotificationOptions{AppID: isvAppID, AlipayPublicKey: testkey.FastKey().PublicPEM()})
	require.NoError(t, err)
	return v
}

func TestParsedValuesAreVerified(t *testing.T) {
	v := newVerifier(t)
	params := signed(t, message(KindAuditPassed, `{"mini_app_version":"0.0.1"}`), messageForm())
	n, err := v.Verify(params)
	require.NoError(t, err)
	passed, ok := n.(*AuditPassed)
	require.True(t, ok)
	require.Equal(t, Version("0.0.1"), passed.Version)

	for name, c := range map[string]struct {
		params url.Values
		says   string
	}{
		"nothing":     {nil, "signature is missing"},
		"changed":     {replaced(params, "version", "2"), "signature does not match"},
		"twice":       {url.Values{"app_id": {"a", "b"}}, `parameter "app_id" comes 2 times`},
		"without any": {url.Values{"app_id": {}}, `parameter "app_id" comes 0 times`},
		"another app": {signed(t, with(message(KindAuditPassed, `{}`), "app_id", "2"), messageForm()), `it is for app "2"`},
	} {
		t.Run(name, func(t *testing.T) {
			n, err := v.Verify(c.params)
			require.Nil(t, n)
			require.ErrorContains(t, err, "notification: ")
			require.ErrorContains(t, err, c.says)
		})
	}
}

// A framework may have decoded GBK, though the signature covers the bytes before.
func TestDecodedGBKIsVerifiedToo(t *testing.T) {
	const content = `{"mini_app_version":"0.0.1","audit_reason":"首页"}`
	encoded, err := simplifiedchinese.GBK.NewEncoder().String(content)
	require.NoError(t, err)
	raw := signed(t, with(message(KindAuditRejected, encoded), "charset", "GBK"), cnwire.NotificationForm{})
	for _, params := range []url.Values{raw, replaced(raw, "biz_content", content)} {
		n, err := newVerifier(t).Verify(params)
		require.NoError(t, err)
		rejected, ok := n.(*AuditRejected)
		require.True(t, ok)
		require.Equal(t, "首页", rejected.Reason)
	}
}

func TestVerifierOptionsAreChecked(t *testing.T) {
	_, err := NewNotificationVerifier(NotificationOptions{AESKey: []byte("x")})
	require.Len(t, requireInvalid(t, err).Fields, 3, "all at once")
}
