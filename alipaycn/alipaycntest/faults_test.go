package alipaycntest_test

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/stretchr/testify/require"
)

func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault     alipaycntest.Fault
		cut       bool
		status    int
		effects   int
		signature cnwire.SignatureStatus
		wrong     error
	}{
		"429":                  {alipaycntest.Fault{Status: 429, RetryAfter: 3 * time.Second}, false, 429, 0, cnwire.SignatureMissing, nil},
		"503":                  {alipaycntest.Fault{Status: 503}, false, 503, 0, cnwire.SignatureMissing, nil},
		"503 after processing": {alipaycntest.Fault{StatusAfter: 503}, false, 503, 1, cnwire.SignatureMissing, nil},
		"code":                 {alipaycntest.Fault{Code: alipaycn.CodeSystemError}, false, 500, 0, cnwire.SignatureValid, nil},
		"code after":           {alipaycntest.Fault{CodeAfter: alipaycn.CodeSystemError}, false, 500, 1, cnwire.SignatureValid, nil},
		"rate limit code":      {alipaycntest.Fault{Code: alipaycn.GatewayAppCallLimited}, false, 429, 0, cnwire.SignatureValid, nil},
		"cut before":           {alipaycntest.Fault{CutBefore: true}, true, 0, 0, "", nil},
		"cut after":            {alipaycntest.Fault{CutAfter: true}, true, 0, 1, "", nil},
		"wrong signature":      {alipaycntest.Fault{WrongSignature: true}, false, 200, 1, cnwire.SignatureInvalid, signing.ErrMismatch},
		"unsigned":             {alipaycntest.Fault{Unsigned: true}, false, 200, 1, cnwire.SignatureMissing, signing.ErrNoSignature},
		"corrupt":              {alipaycntest.Fault{Corrupt: true}, false, 200, 1, cnwire.SignatureInvalid, signing.ErrMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHarness(t)
			w.bring("0.0.1", alipaycn.StatusWaitRelease)
			tt.fault.Operation = cnwire.VersionPublish.Name
			w.g.Inject(tt.fault)
			w.ok(cnwire.VersionGet, v("0.0.1")) // another operation is not concerned

			out, err := w.send(w.prepare(cnwire.VersionPublish, v("0.0.1"), nil).signed(t))
			calls := w.g.Calls()
			require.Equal(t, tt.status, calls[len(calls)-1].Status)
			require.Equal(t, tt.effects, w.g.Effects(mini)["versions.publish"])
			if tt.cut {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.status, out.status)
			signature, err := cnwire.VerifyResponse(out.status, out.header, out.body, cnwire.Keys{Public: w.publicKey()})
			require.Equal(t, tt.signature, signature)
			require.ErrorIs(t, err, tt.wrong)
			if tt.fault.RetryAfter > 0 {
				require.Equal(t, "3", out.header.Get("Retry-After"))
				require.Contains(t, string(out.body), "<html>")
			}
		})
	}
}

func TestFaultsAreUsedUpInTheirOrder(t *testing.T) {
	w := newHarness(t)
	w.g.Inject(alipaycntest.Fault{Status: 503, Times: 2})
	w.g.Inject(alipaycntest.Fault{Status: 429})
	var got []int
	for range 4 {
		out := w.mustSend(w.prepare(cnwire.VersionList, nil, nil).signed(t))
		got = append(got, out.status)
	}
	require.Equal(t, []int{503, 503, 429, 200}, got)
	require.PanicsWithValue(t, `alipaycntest: Inject: there is no operation "versions.nothing"`, func() {
		w.g.Inject(alipaycntest.Fault{Operation: "versions.nothing"})
	})
}

func TestADelayEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHarness(t)
		w.g.Inject(alipaycntest.Fault{Delay: time.Minute, Times: 2})
		began := time.Now()
		w.ok(cnwire.VersionList, nil)
		require.Equal(t, time.Minute, time.Since(began))

		client := w.g.HTTPClient()
		client.Timeout = time.Second
		_, err := client.Get("https://gateway.invalid/")
		require.Error(t, err)
		require.Equal(t, time.Minute+time.Second, time.Since(began))
	})
}
