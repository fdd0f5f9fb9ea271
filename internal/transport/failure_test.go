package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestControlCharactersInAHeader(t *testing.T) {
	for value, ok := range map[string]bool{"a b\tc": true, "日本": true, "a\n": false, "\ra": false, "\x00": false, "\x7f": false} {
		err := checkHeader(http.Header{"Client-Id": {"fine", value}})
		require.Equal(t, ok, err == nil, "%q", value)
	}
}

func TestAWrongAddressFailsAtOnceAndKeepsItsCause(t *testing.T) {
	authority := &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}
	plain := tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}
	copy(plain.RecordHeader[:], "HTTP/")
	ssh := tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}
	tests := []struct {
		name  string
		cause error
		want  error
	}{
		{"unknown authority", authority, authority},
		{"no TLS", plain, http.ErrSchemeMismatch},
		{"neither TLS nor HTTP", ssh, ssh},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(patient(newPeer(t, fails(tt.cause)).client())).Do(t.Context(), repeatable())

			require.ErrorIs(t, err, tt.want)
			require.ErrorContains(t, err, "POST https://gateway.example.com/api/open/v2/things: ")
			require.Equal(t, 1, failure(t, err).Attempts)
		})
	}
}

func TestQueryNeverShows(t *testing.T) {
	inner := errors.New("socket fell over")
	tests := []error{
		&url.Error{Op: "Post", URL: address, Err: inner},
		fmt.Errorf("proxy: %w", &url.Error{Op: "Post", URL: address, Err: inner}),
		fmt.Errorf("%w\nwhile sending %s", inner, address),
	}
	for _, cause := range tests {
		var events []Attempt
		o := Options{HTTPClient: newPeer(t, fails(cause)).client(), Observe: func(_ context.Context, e Attempt) { events = append(events, e) }}

		_, err := New(o).Do(t.Context(), write())

		failure(t, err)
		require.ErrorIs(t, err, inner)
		require.NotContains(t, events[0].Err.Error(), "s3cret")
	}
}

func TestAnErrorIsOneLineOfWhatIsKnown(t *testing.T) {
	for _, tt := range []struct {
		name      string
		text      ErrorText
		line, log string
	}{
		{
			"little",
			ErrorText{Client: "client", Operation: "things.get", Message: "no answer", Attempts: 1},
			"client: things.get: no answer",
			"[operation=things.get message=no answer retryable=false outcome_unknown=false]",
		},
		{
			"everything",
			ErrorText{
				Client: "client", Operation: "things.create", Code: "NO", ResultStatus: "F", Message: "bad\r\nINFO fine", Details: []string{"name is short", "size is large"},
				Fields: "name size", HTTPStatus: 400, Attempts: 3, RequestID: "r1", TraceID: "t\n1", Retryable: true, OutcomeUnknown: true, Hint: "look",
			},
			"client: things.create: NO: bad INFO fine; name is short; size is large (HTTP 400, 3 attempts, request r1, trace t 1); it is not known whether the call took effect; look",
			"[operation=things.create message=bad INFO fine code=NO result_status=F request_id=r1 trace_id=t 1 fields=name size hint=look http_status=400 retryable=true outcome_unknown=true]",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.line, tt.text.Line())
			require.Equal(t, tt.log, tt.text.LogValue().String())
		})
	}
}

func TestAnExcerptIsShortAndReadable(t *testing.T) {
	require.Equal(t, "<html>?</html>", (&Answer{Body: []byte("<html>\xff</html>")}).Excerpt())
	require.Len(t, (&Answer{Body: make([]byte, 4096)}).Excerpt(), excerptBytes)
}

// What a proxy shows of the request stays out of errors, whole, cut short or wrapped.
func TestAnExcerptHoldsNoHeaderOfTheRequest(t *testing.T) {
	const signature = "c2lnbmF0dXJlIG9mIHRoZSByZXF1ZXN0/abc+defghijklmnop=="
	a := Answer{sent: http.Header{"Signature": {"algorithm=RSA256, signature=" + signature}, "Token": {"tok-1"}, "Content-Type": {"application/json"}}}
	for _, page := range []string{
		signature, "<pre>Signature: " + signature + "</pre>", strings.Repeat("x", 500) + signature, strings.ReplaceAll(signature, "+", "&#43;"),
		signature[:30], signature[:20] + "\n" + signature[20:], "token tok-1",
	} {
		a.Body = []byte("<html>" + page)
		text := a.Excerpt()
		require.NotContains(t, text, "c2lnbmF0dXJl")
		require.NotContains(t, text, "defghijklmnop")
		require.NotContains(t, text, "tok-1")
		require.Contains(t, text, "<html>")
	}
	a.Body = []byte("an ordinary page of type application/json")
	require.Equal(t, string(a.Body), a.Excerpt())
}
