package alipaycn

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

const (
	stubAppID = "2021009900000101"
	stubToken = "202611BBsecretTokenOfTheMerchant"
)

func fullText(err error) string {
	text := err.Error()
	if auth, ok := errors.AsType[*AuthorizationError](err); ok {
		text += auth.Error()
	}
	return text
}

func TestForActsForAnotherMerchantOverTheSameConnections(t *testing.T) {
	s, c := newStub(t, always(200, `{}`))
	other := c.For("another-token")
	require.Same(t, c.settings, other.settings)
	s.token = "another-token"
	_, err := other.BaseInfo.Get(t.Context())
	require.NoError(t, err)
	s.token = stubToken
	_, err = c.BaseInfo.Get(t.Context())
	require.NoError(t, err)

	store := NewMemoryTokenStore()
	_, err = c.ForApp(t.Context(), store, "app")
	require.ErrorIs(t, err, ErrNoToken)
	require.NoError(t, store.Put(t.Context(), Token{AuthAppID: "app", AppAuthToken: "stored-token"}))
	stored, err := c.ForApp(t.Context(), store, "app")
	require.NoError(t, err)
	s.token = "stored-token"
	_, err = stored.BaseInfo.Get(t.Context())
	require.NoError(t, err)
}

func second[T any](_ T, err error) error { return err }

func TestSecretsAreInNoErrorLogAndAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		secrets := []string{stubToken, "secretCode", "secretRefresh", "secretPassword", "ALIPAY-SHA256withRSA", "sign="}
		for _, answer := range []stubAnswer{
			{status: 200, body: `{"app_auth_token":"` + stubToken + `"}`, bare: true},
			{status: 503, body: stubToken, bare: true},
			{status: 400, body: `{"code":"AUTH_CODE_NOT_VALID","message":"no ` + stubToken + `","details":[{"field":"code","value":"secretCode"}]}`},
			{err: errors.New("no route to")},
		} {
			s, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
				if answer.err != nil {
					return stubAnswer{err: fmt.Errorf("%w %s", answer.err, r.URL)}
				}
				return answer
			},
				WithLogger(logger), WithObserver(func(_ context.Context, a Attempt) { fmt.Fprintf(&out, "%+v\n", a) }))
			_, err := c.BaseInfo.Get(t.Context())
			_, err2 := c.Versions.Apply(t.Context(), ApplyInput{
				Version: versionOne(), Description: strings.Repeat("x", 40), TestAccount: "a", TestPassword: "secretPassword",
			})
			s.token = ""
			_, err3 := c.Authorization.Exchange(t.Context(), "secretCode")
			_, err4 := c.Authorization.Refresh(t.Context(), "secretRefresh")
			_, err5 := c.Authorization.Query(t.Context(), stubToken)
			for _, err := range []error{err, err2, err3, err4, err5} {
				require.Error(t, err)
				fmt.Fprintf(&out, "%v\n%+v\n", err, c)
				logger.Error("failed", "error", err, "client", c)
			}
			fmt.Fprintf(&out, "%#v\n", c)
		}
		require.Contains(t, out.String(), "AUTH_CODE_NOT_VALID")
		for _, secret := range secrets {
			require.NotContains(t, out.String(), secret)
		}
	})
}

// What an answer quotes of the input is as secret as the input.
func TestAnswersThatQuoteSecrets(t *testing.T) {
	quoting := func(secret string) (*stub, *Client) {
		s, c := newStub(t, always(400, `{"code":"ILLEGAL_PARAM","message":"no `+secret+`","details":[{"field":"f","issue":"`+secret+`","description":"is `+secret+`"}]}`))
		s.token = ""
		return s, c
	}
	_, c := quoting("secretCode")
	_, err := c.Authorization.Exchange(t.Context(), "secretCode")
	require.EqualError(t, withoutTrace(err), "alipaycn: authorization.token: ILLEGAL_PARAM: no …; f … is … (HTTP 400); a parameter is not allowed; check the token and the field that the message names")
	_, c = quoting("secretRefresh")
	_, err = c.Authorization.Refresh(t.Context(), "secretRefresh")
	require.NotContains(t, err.Error(), "secretRefresh")
	_, c = quoting("anotherMerchantsToken")
	_, err = c.Authorization.Query(t.Context(), "anotherMerchantsToken")
	require.NotContains(t, err.Error(), "anotherMerchantsToken")

	s, c := quoting("secretPassword")
	s.token = stubToken
	in := application()
	in.TestPassword = "secretPassword"
	_, err = c.Versions.Apply(t.Context(), in)
	require.NotContains(t, err.Error(), "secretPassword")
}

func withoutTrace(err error) error {
	e, _ := errors.AsType[*Error](err)
	copied := *e
	copied.TraceID = ""
	return &copied
}

// An answer about tokens that cannot be trusted or read is not kept: it may be tokens.
func TestTokensAreInNoBody(t *testing.T) {
	for _, answer := range []stubAnswer{
		{status: 200, body: `{"app_auth_token":"new"}`, bare: true},
		{status: 200, body: `["new"]`},
		{status: 502, body: `{"app_auth_token":"new"}`, bare: true},
	} {
		s, c := newStub(t, func(int, *http.Request, []byte) stubAnswer { return answer }, WithRetry(1, 0, 0))
		s.token = ""
		_, err := c.Authorization.Exchange(t.Context(), "code")
		require.Empty(t, failureOf(t, err).Body)
		_, err = c.Authorization.Query(t.Context(), "token")
		require.Empty(t, failureOf(t, err).Body)
	}
}

func TestAClientIsPrintedWithoutItsToken(t *testing.T) {
	_, c := newStub(t, always(200, `{}`))
	for _, value := range []any{c, *c, c.Versions, struct{ C Client }{*c}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			require.NotContains(t, fmt.Sprintf(format, value), stubToken, format)
		}
	}
	require.Equal(t, "alipaycn client of app "+stubAppID, fmt.Sprint(c))
}

func (brokenSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the HSM is locked")
}

func TestTheZeroClientSaysThatItWasNotMade(t *testing.T) {
	c := new(Client)
	version := VersionInput{Version: alipayplus.VersionNumber{Patch: 1}}
	_, get := c.Versions.Get(t.Context(), version)
	_, do := c.Do(t.Context(), Request{Method: http.MethodGet, Path: "alipay.open.mini.version.list.query"}, nil)
	_, token := c.For("token").Authorization.Exchange(t.Context(), "code")
	_, rules := c.QRCodes.List(t.Context(), ListQRCodesInput{Page: 1, PageSize: 10})
	for _, err := range []error{get, do, token, rules, c.Versions.TakeOffline(t.Context(), version), c.SafeDomains.Add(t.Context(), SafeDomainInput{Domain: "api.example.com"})} {
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.ErrorContains(t, err, "invalid input: the client was not made; make it with New or NewFromEnv")
	}
	require.Equal(t, "alipaycn client that was not made", c.String())
}
