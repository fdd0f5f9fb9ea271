package alipaycntarget_test

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/alipaycntarget"
)

// always is an AlipayCN that answers the same to every call, well signed.
type always string

func (body always) RoundTrip(r *http.Request) (*http.Response, error) {
	at := strconv.FormatInt(time.Now().UnixMilli(), 10)
	signature, err := cnwire.SignResponse(testkey.Key(), at, "nonce", []byte(body))
	if err != nil {
		return nil, err
	}
	h := http.Header{}
	h.Set(cnwire.HeaderSignature, signature)
	h.Set(cnwire.HeaderTimestamp, at)
	h.Set(cnwire.HeaderNonce, "nonce")
	return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(strings.NewReader(string(body))), Request: r}, nil
}

// What AlipayCN answers about a version that is not there is not documented: whatever is
// not about this version is not believed.
func TestAnAnswerAboutAnotherVersionIsNotBelieved(t *testing.T) {
	for _, body := range []always{`{}`, `{"status":"WAIT_RELEASE"}`, `{"app_version":"1.1.0","status":"WAIT_RELEASE"}`} {
		given(t, func(t *testing.T, w *world) {
			w.wire.to = body
			target := alipaycntarget.New(w.client, mini, parse(version))
			_, err := target.Observe(t.Context())
			require.EqualError(t, err, "AlipayCN app 2021000000000002 version 1.2.0: not found at AlipayCN: wait until it is built (versions.build)")
			require.ErrorIs(t, err, alipayplus.ErrNotFound)
			require.ErrorIs(t, target.Publish(t.Context(), change()), alipayplus.ErrNotFound)
		})
	}
}

func TestNothingIsChangedInAnUnknownStatus(t *testing.T) {
	given(t, func(t *testing.T, w *world) {
		w.wire.to = always(`{"app_version":"1.2.0","status":"HALF_RELEASED"}`)
		target := w.target()
		_, aborting := target.Abort(t.Context(), change())
		for _, err := range []error{
			target.Apply(t.Context(), change()), target.Publish(t.Context(), change()),
			target.Raise(t.Context(), rollout.Change{RequestID: "r", To: 10}), aborting,
		} {
			require.EqualError(t, err, `AlipayCN app 2021000000000002 version 1.2.0 is in status "HALF_RELEASED", which this library does not know; see in AlipayCN's console what it means`)
		}
		require.Equal(t, 4, w.wire.calls, "nothing but readings")
	})
}
