package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
