package alipaycntest_test

import (
	"crypto"
	"testing"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

func TestWrongOptions(t *testing.T) {
	foreign := certificate(t, "alipay", testkey.FastClient())
	for want, opt := range map[string]alipaycntest.Option{
		"key: ":                     alipaycntest.WithKey(weak{}),
		"key: it is nil":            alipaycntest.WithKey(nil),
		"it is not that of the key": alipaycntest.WithCertificates(foreign, foreign),
		"certificate text":          alipaycntest.WithCertificates(nil, nil),
		"root certificates":         alipaycntest.WithCertificates(foreign, nil),
		"time window":               alipaycntest.WithTimeWindow(0),
		"build delay":               alipaycntest.WithBuildDelay(-1),
		"scan delay":                alipaycntest.WithScanDelay(0),
		"auto review":               alipaycntest.WithAutoReview(-1),
		"notification client":       alipaycntest.WithNotificationClient(nil),
	} {
		_, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()), opt)
		require.ErrorContains(t, err, want)
	}
	g, err := alipaycntest.New() // makes a key
	require.NoError(t, err)
	require.Contains(t, string(g.AlipayPublicKey()), "PUBLIC KEY")
}

// weak is a signer without an RSA key.
type weak struct{ crypto.Signer }

func (weak) Public() crypto.PublicKey { return nil }

func TestUnsignedErrors(t *testing.T) {
	w := newHarness(t, alipaycntest.WithUnsignedErrors())
	out := w.mustSend(w.prepare(cnwire.VersionGet, v("9.9.9"), nil).signed(t))
	require.Equal(t, alipaycn.CodeVersionIsBlank, out.code)
	require.Empty(t, out.header.Get(cnwire.HeaderSignature))
	w.ok(cnwire.VersionList, nil)
}

func TestAnyTemplate(t *testing.T) {
	w := newHarness(t, alipaycntest.WithAnyTemplate())
	w.ok(cnwire.VersionUpload, fields{"template_id": "whatever", "template_version": "7.0.0", "app_version": "0.0.1"})
	require.Equal(t, alipaycn.StatusInit, w.g.Status(mini, "0.0.1"))
}

func TestRulesThatAreUncertainCanBeSwitchedOn(t *testing.T) {
	w := newHarness(t, alipaycntest.WithGrayOnlyWhenOnline())
	w.bring("0.0.1", alipaycn.StatusWaitRelease)
	w.refused(alipaycn.CodeMiniAppNotOnline, cnwire.VersionGray, fields{"app_version": "0.0.1", "gray_strategy": "p10"})

	w = newHarness(t, alipaycntest.WithGrayRequired())
	w.bring("0.0.1", alipaycn.StatusWaitRelease)
	w.refused(alipaycn.CodeCanNotOnlineWithoutGray, cnwire.VersionPublish, v("0.0.1"))
	w.ok(cnwire.VersionGray, fields{"app_version": "0.0.1", "gray_strategy": "p10"})
	w.ok(cnwire.VersionCancelGray, v("0.0.1"))
	w.ok(cnwire.VersionReturnToDevelopment, v("0.0.1"))
	w.ok(cnwire.VersionApply, application("0.0.1"))
	require.NoError(t, w.g.Approve(mini, "0.0.1"))
	w.refused(alipaycn.CodeCanNotOnlineWithoutGray, cnwire.VersionPublish, v("0.0.1")) // after another review
	w.ok(cnwire.VersionGray, fields{"app_version": "0.0.1", "gray_strategy": "p10"})
	w.ok(cnwire.VersionPublish, v("0.0.1"))
}
