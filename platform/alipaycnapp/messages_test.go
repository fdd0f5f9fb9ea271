package alipaycnapp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// send posts a message of AlipayCN to the platform.
func (w *fixture) send(message url.Values) (status int) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, address+alipaycnapp.NotifyPath, strings.NewReader(message.Encode()))
	require.NoError(w, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := w.p.HTTPClient().Do(req)
	require.NoError(w, err)
	require.NoError(w, resp.Body.Close())
	return resp.StatusCode
}

func (w *fixture) message(n alipaycn.Notification) url.Values {
	w.Helper()
	message, err := w.g.Notification(n)
	require.NoError(w, err)
	return message
}

func passed(app string) *alipaycn.AuditPassed {
	return &alipaycn.AuditPassed{
		NotificationInfo: alipaycn.NotificationInfo{AppID: isv},
		AuditedVersion:   alipaycn.AuditedVersion{MiniAppID: app, Version: "1.0.0", BundleID: alipaycn.BundleAlipay},
	}
}

func cancelled() *alipaycn.AuthorizationCancelled {
	return &alipaycn.AuthorizationCancelled{NotificationInfo: alipaycn.NotificationInfo{AppID: isv}, AuthAppID: mini}
}

// details is how often AlipayCN was asked for the version.
func (w *fixture) details() (n int) {
	for _, c := range w.g.Calls() {
		if c.Operation == "versions.get" {
			n++
		}
	}
	return n
}

// TestAVerdictIsAdoptedWhenItsMessageComes, and not when somebody reads the release next.
func TestAVerdictIsAdoptedWhenItsMessageComes(t *testing.T) {
	given(t, func(w *fixture) {
		w.applied()
		require.NoError(w, w.g.Reject(mini, "1.0.0", alipaycntest.Verdict{Reason: "the logo is blurred"}))
		message := w.message(passed(mini)) // it says something else: only a hint
		require.Equal(w, http.StatusOK, w.send(message))
		require.Equal(w, "REJECTED the logo is blurred", w.recorded())

		asked := w.details()
		require.Equal(w, http.StatusOK, w.send(message), "it came again")
		require.Equal(w, asked, w.details(), "and was not handled again")
	})
}

// recorded is AlipayCN's verdict as the platform has recorded it, without asking AlipayCN.
func (w *fixture) recorded() (verdict string) {
	w.Helper()
	for e, err := range w.p.Audit(w.Context(), w.workspace) {
		require.NoError(w, err)
		if e.Kind == "request" && e.Who == string(alipayplus.PartyAlipayCN) {
			verdict = strings.TrimSpace(string(e.Verdict) + " " + e.Reason)
		}
	}
	return verdict
}

// TestARevokedAuthorizationIsAdoptedWhenItsMessageComes, also while no release is open.
func TestARevokedAuthorizationIsAdoptedWhenItsMessageComes(t *testing.T) {
	given(t, func(w *fixture) {
		w.authorize(w.program, mini)
		require.Equal(w, http.StatusOK, w.send(w.message(cancelled())))
		require.Equal(w, alipayplus.AuthorizationGranted, w.authorization(w.program).Status, "AlipayCN says that it holds: an old message that was sent again")
		require.NoError(w, w.g.RevokeAuthorization(mini))
		require.Equal(w, http.StatusOK, w.send(w.message(cancelled())))
		require.Equal(w, alipayplus.AuthorizationRevoked, w.authorization(w.program).Status)
		require.Equal(w, http.StatusOK, w.send(w.message(cancelled())), "it is revoked already")
	})
}

func TestARevokedAuthorizationOfALiveReleaseIsAdopted(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.prepared()
		require.NoError(w, w.g.RevokeAuthorization(mini))
		require.Equal(w, http.StatusOK, w.send(w.message(cancelled())))
		_, err := w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(10))
		require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)
		require.Equal(w, alipaycn.StatusWaitRelease, w.g.Status(mini, "1.0.0"))
	})
}

// TestAMessageThatIsNotTaken is sent again by AlipayCN, or is nobody's.
func TestAMessageThatIsNotTaken(t *testing.T) {
	given(t, func(w *fixture) {
		w.applied()
		forged := w.message(passed(mini))
		forged.Set("biz_content", strings.Replace(forged.Get("biz_content"), "1.0.0", "1.0.1", 1))
		require.Equal(w, http.StatusForbidden, w.send(forged))
		require.NoError(w, w.g.Approve(mini, "1.0.0"))

		message := w.message(passed(mini))
		w.g.Inject(alipaycntest.Fault{Operation: "versions.get", Status: http.StatusServiceUnavailable})
		require.Equal(w, http.StatusInternalServerError, w.send(message), "AlipayCN could not be asked")
		require.Equal(w, http.StatusOK, w.send(message), "and is asked when the message comes again")
		require.Equal(w, "APPROVED", w.recorded())

		require.Equal(w, http.StatusOK, w.send(w.message(passed(other))), "a mini program that is not the platform's")
		require.Equal(w, http.StatusOK, w.send(w.message(&alipaycn.MerchantConfirmed{NotificationInfo: alipaycn.NotificationInfo{AppID: isv}, OrderNo: "1"})))
	})
}

// TestIdsOfMessagesAreForgotten when their time has come, and no earlier.
func TestIdsOfMessagesAreForgotten(t *testing.T) {
	given(t, func(w *fixture) {
		w.authorize(w.program, mini)
		ids := func() (n int) {
			require.NoError(w, w.store.View(w.Context(), func(tx storage.Tx) error {
				for _, err := range tx.Scan("alipaycn/seen", storage.PrefixEnd("alipaycn/seen"), false) {
					require.NoError(w, err)
					n++
				}
				return nil
			}))
			return n
		}
		for range 5 {
			require.Equal(w, http.StatusOK, w.send(w.message(passed(mini))))
		}
		require.Equal(w, 10, ids())
		time.Sleep(49 * time.Hour)
		require.Equal(w, http.StatusOK, w.send(w.message(passed(mini))))
		require.Equal(w, 2, ids())
	})
}

func TestAnAuthorizationCannotBeCheckedWithoutItsToken(t *testing.T) {
	given(t, func(w *fixture) {
		w.authorize(w.program, mini)
		require.NoError(w, w.app.CheckAuthorization(w.Context(), w.workspace, w.program))
		require.ErrorIs(w, w.app.CheckAuthorization(w.Context(), "nobody's", w.program), alipayplus.ErrAuthorizationRequired)
		require.ErrorIs(w, w.newApp(key(2)).CheckAuthorization(w.Context(), w.workspace, w.program), alipaycnapp.ErrEncryptionKey)
	})
}

// TestATokenThatWasReplacedElsewhereIsRefreshed: calls go on, and nobody has to authorize again.
func TestATokenThatWasReplacedElsewhereIsRefreshed(t *testing.T) {
	given(t, func(w *fixture) {
		r := w.prepared()
		for range 2 {
			token, err := w.app.Tokens().Get(w.Context(), mini)
			require.NoError(w, err)
			_, err = w.client(isv).Authorization.Refresh(w.Context(), token.AppRefreshToken)
			require.NoError(w, err)
			next, _ := r.Grayscale.Ladder.Next(r.Grayscale.Ratio)
			if r.Status == alipayplus.ReleasePreparation {
				r, err = w.owner.Releases.StartGrayscale(w.Context(), r.GrayscaleTo(next))
			} else {
				r, err = w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(next))
			}
			require.NoError(w, err)
			require.Equal(w, alipayplus.AuthorizationGranted, w.authorization(w.program).Status)
		}
		token, err := w.app.Tokens().Get(w.Context(), mini)
		require.NoError(w, err)
		_, err = w.client(isv).Authorization.Refresh(w.Context(), token.AppRefreshToken)
		require.NoError(w, err)
		require.NoError(w, w.app.CheckAuthorization(w.Context(), w.workspace, w.program))
		require.NoError(w, w.g.RevokeAuthorization(mini))
		require.ErrorIs(w, w.app.CheckAuthorization(w.Context(), w.workspace, w.program), alipayplus.ErrAuthorizationRequired)
	})
}
