package cnwire_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

func TestGatewayCheckContentIsReadAgain(t *testing.T) {
	for name, c := range map[string]struct {
		content, appID string
		bad            bool
	}{
		"as it is made":          {cnwire.GatewayCheckContent("2021", 7), "2021", false},
		"with a declaration":     {`<?xml version="1.0" encoding="GBK"?>` + cnwire.GatewayCheckContent("2021", 7), "2021", false},
		"without CDATA":          {"<XML><AppId> 2021 </AppId><EventType>verifygw</EventType></XML>", "2021", false},
		"without an app":         {"<XML><EventType>verifygw</EventType></XML>", "", false},
		"another event":          {"<XML><AppId>2021</AppId><EventType>follow</EventType></XML>", "", true},
		"an event deeper inside": {"<XML><X><EventType>verifygw</EventType></X></XML>", "", true},
		"no XML":                 {"{}", "", true},
		"nothing":                {"", "", true},
		"cut off":                {"<XML><AppId>2021</AppId><EventType>verifygw</EventType>", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			appID, err := cnwire.ReadGatewayCheck(c.content)
			require.Equal(t, c.appID, appID)
			require.Equal(t, c.bad, err != nil)
		})
	}
}

func TestGatewayCheckAnswers(t *testing.T) {
	key := testkey.FastClient()
	good, err := cnwire.AnswerGatewayCheck(key, true)
	require.NoError(t, err)
	bad, err := cnwire.AnswerGatewayCheck(key, false)
	require.NoError(t, err)
	unsigned, err := cnwire.AnswerGatewayCheck(nil, true)
	require.NoError(t, err)
	_, err = cnwire.AnswerGatewayCheck(brokenSigner{testkey.Key()}, true)
	require.ErrorIs(t, err, errStore)

	require.NoError(t, cnwire.VerifyGatewayCheckAnswer(&key.PublicKey, good))
	require.NoError(t, cnwire.VerifyGatewayCheckAnswer(nil, unsigned))
	for name, c := range map[string]struct{ answer, says string }{
		"it failed":   {bad, "VERIFY_FAILED"},
		"unsigned":    {unsigned, signing.ErrNoSignature.Error()},
		"changed":     {strings.Replace(good, "<biz_content>", "<biz_content>A", 1), signing.ErrMismatch.Error()},
		"plain text":  {"success", "no <response>"},
		"no success":  {"<response></response>", "not success"},
		"not base64":  {"<response><success>true</success></response><sign>*</sign>", signing.ErrEncoding.Error()},
		"another key": {mustAnswer(t), signing.ErrMismatch.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			err := cnwire.VerifyGatewayCheckAnswer(&key.PublicKey, c.answer)
			require.ErrorContains(t, err, c.says)
			requireOneLine(t, err)
		})
	}
}

func mustAnswer(t *testing.T) string {
	t.Helper()
	answer, err := cnwire.AnswerGatewayCheck(testkey.FastOther(), true)
	require.NoError(t, err)
	return answer
}

func FuzzReadGatewayCheck(f *testing.F) {
	f.Add(cnwire.GatewayCheckContent("2021", 7))
	f.Add("<XML><EventType>verifygw</EventType></XML>")
	f.Add("<a/>")
	f.Fuzz(func(t *testing.T, content string) {
		if _, err := cnwire.ReadGatewayCheck(content); err != nil {
			requireOneLine(t, err)
		}
	})
}
