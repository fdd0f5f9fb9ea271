package platform_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

// TestInProcessIsAsOverTheNetwork: the same member, once in process and once
// through a socket, gets the same answer from the same platform.
func TestInProcessIsAsOverTheNetwork(t *testing.T) {
	w := newFixture(t)
	gateway := httptest.NewServer(w.p)
	defer gateway.Close()
	remote := w.remote(gateway.URL, alipayplus.WithRetry(1, 0, 0))
	local := w.as("olga", alipayplus.WithRetry(1, 0, 0))

	created, err := remote.Programs.Create(t.Context(), newProgram("key", "蓝湖茶"))
	require.NoError(t, err)
	again, err := local.Programs.Create(t.Context(), newProgram("key", "蓝湖茶"))
	require.NoError(t, err)
	require.Equal(t, created, again)

	_, far := remote.Programs.Get(t.Context(), "1")
	_, near := local.Programs.Get(t.Context(), "1")
	require.Equal(t, stable(far), stable(near))

	for _, fault := range []platform.Fault{
		{CutAfter: true}, {Status: http.StatusBadGateway}, {Unsigned: true}, {Corrupt: true}, {Status: http.StatusTooManyRequests},
	} {
		w.p.Inject(fault)
		_, far := remote.Programs.AddLanguages(t.Context(), alipayplus.AddLanguagesInput{ProgramID: created.ID, Languages: chinese(), RequestID: "add"})
		w.p.Inject(fault)
		_, near := local.Programs.AddLanguages(t.Context(), alipayplus.AddLanguagesInput{ProgramID: created.ID, Languages: chinese(), RequestID: "add"})
		for _, class := range []error{alipayplus.ErrOutcomeUnknown, alipayplus.ErrRateLimited} {
			require.Equal(t, errors.Is(far, class), errors.Is(near, class), "%+v: %v / %v", fault, far, near)
		}
		require.Equal(t, alipayplus.IsRetryable(far), alipayplus.IsRetryable(near), "%+v", fault)
	}
}

// TestTheInProcessRoundTripper: it keeps to the rules of http.RoundTripper.
func TestTheInProcessRoundTripper(t *testing.T) {
	w := newFixture(t)
	door := w.p.HTTPClient().Transport
	ask := func(ctx context.Context, body io.Reader) *http.Request {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://any.example/api/open/v2/nothing/here", body)
		require.NoError(t, err)
		return req
	}

	t.Run("it closes the body and leaves the request alone", func(t *testing.T) {
		body := &closing{Reader: strings.NewReader("{}")}
		req := ask(t.Context(), body)
		resp, err := door.RoundTrip(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.True(t, body.closed)
		require.Empty(t, req.RequestURI)
		require.Same(t, req, resp.Request)
	})
	t.Run("an answer is complete", func(t *testing.T) {
		resp, err := door.RoundTrip(ask(t.Context(), nil))
		require.NoError(t, err)
		defer resp.Body.Close()
		content, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
		require.Equal(t, "404 Not Found", resp.Status)
		require.EqualValues(t, len(content), resp.ContentLength)
		require.True(t, bytes.Contains(content, []byte("INVALID_API")))
	})
	t.Run("a cut connection is one", func(t *testing.T) {
		w.p.Inject(platform.Fault{CutBefore: true})
		resp, err := door.RoundTrip(ask(t.Context(), nil))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Nil(t, resp)
	})
	t.Run("who has given up sends nothing", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w.p.Inject(platform.Fault{Status: http.StatusTeapot})
		_, err := door.RoundTrip(ask(ctx, nil))
		require.ErrorIs(t, err, context.Canceled)
		resp, err := door.RoundTrip(ask(t.Context(), nil))
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusTeapot, resp.StatusCode, "the fault was not used up")
	})
}

// TestABugOfATargetAppIsSeen: in a test, a panic in the connector to a target app
// reaches the test, and the mini program is not locked for good.
func TestABugOfATargetAppIsSeen(t *testing.T) {
	app := newFakeApp()
	withFixture(t, func(w *fixture) {
		r := w.release(w.program().ID, "1.0.0")
		app.expect(panicsBefore)
		require.Panics(w, func() { w.apply(r.ID) })
		require.Equal(w, alipayplus.ReleaseUnderReview, w.apply(r.ID).Status)
	}, platform.WithTargetBackends(app))
}

// closing notes that it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

func TestAddOwnerNeedsWhatItsStepsNeed(t *testing.T) {
	p, err := platform.New(platform.WithSigner(testkey.FastKey()))
	require.NoError(t, err)
	_, err = p.AddOwner(t.Context(), alipayplus.BusinessRegistration{}, "mei")
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	_, err = p.AddOwner(t.Context(), company(), "")
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	owner, err := p.AddOwner(t.Context(), company(), "mei")
	require.NoError(t, err)
	w, err := owner.Workspace.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, alipayplus.RoleOwner, w.Role)
	require.Equal(t, "mei", w.Member)
}
