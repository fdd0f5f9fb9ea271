package platform_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// What somebody could do to the platform, or the platform to somebody, and must not.

// Who is who.

// through is a transport that is a function.
type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inProcessID is a client id of the owner that is good in process only.
func (w *world) inProcessID() string {
	w.Helper()
	var id string
	spy := through(func(r *http.Request) (*http.Response, error) {
		id = r.Header.Get("Client-Id")
		return w.p.HTTPClient().Transport.RoundTrip(r)
	})
	_, err := asOwner(w, alipayplus.WithHTTPClient(&http.Client{Transport: spy})).Workspace.Get(w.Context())
	require.NoError(w, err)
	return id
}

// message is a request as it goes over the wire.
type message struct {
	path   string
	header http.Header
	body   []byte
}

// signedMessage is one that is signed with any key.
func (w *world) signedMessage(op contract.Operation, id string, key *rsa.PrivateKey, body string) message {
	w.Helper()
	path, at := contract.Prefix+op.Path, time.Now().Format(time.RFC3339Nano)
	digest := signing.Digest(http.MethodPost, path, id, at, []byte(body))
	signature, err := signing.Sign(key, digest[:])
	require.NoError(w, err)
	return message{path, http.Header{
		"Content-Type": {"application/json; charset=UTF-8"}, "Client-Id": {id}, "Request-Time": {at},
		"Signature": {signing.Header{KeyVersion: "1", Signature: signature}.String()},
	}, []byte(body)}
}

// deliver sends a message to wherever the base and the HTTP client lead.
func (m message) deliver(t testing.TB, client *http.Client, base string) said {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+m.path, bytes.NewReader(m.body))
	require.NoError(t, err)
	req.Header = m.header.Clone()
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	got := said{HTTP: resp.StatusCode, Header: resp.Header, Body: string(raw)}
	require.NoError(t, json.Unmarshal(raw, &got), "%s", raw)
	return got
}

// sentBack makes a request of an answer: both are signed over the same five parts.
func sentBack(m message, answer said) message {
	return message{m.path, http.Header{
		"Content-Type": {"application/json; charset=UTF-8"},
		"Client-Id":    {answer.Header.Get("Client-Id")},
		"Request-Time": {answer.Header.Get("Response-Time")},
		"Signature":    {answer.Header.Get("Signature")},
	}, []byte(answer.Body)}
}

// An in-process client signs with the platform's own key. Whoever learns its id
// gains nothing by it over a network, not even with a signature that fits.
func TestAnInProcessIDIsUnknownToTheNetworkWhateverItSigns(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.p)
	defer server.Close()
	id := w.inProcessID()
	for op, body := range map[contract.Operation]string{
		contract.WorkspaceQuery: "{}",
		contract.ProgramCreate:  `{"requestId":"1","languages":[{"language":"zh-CN","name":"x"}]}`,
	} {
		m := w.signedMessage(op, id, testkey.Key(), body)
		got := m.deliver(t, server.Client(), server.URL)
		require.Equal(t, http.StatusUnauthorized, got.HTTP, op.Name)
		require.Equal(t, alipayplus.CodeUnknownClient, got.Result.Code, op.Name)
		require.Zero(t, w.programs())
	}
	m := w.signedMessage(contract.WorkspaceQuery, id, testkey.Key(), "{}")
	require.Equal(t, alipayplus.CodeSuccess, m.deliver(t, w.p.HTTPClient(), server.URL).Result.Code, "in process the very same is good")
}

// The platform signs every answer, also to somebody who only says who he is. What
// he gets is a message signed with the platform's key; it must open no door.
func TestARefusalSentBackAsARequestIsRefused(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.p)
	defer server.Close()
	for name, tt := range map[string]struct {
		victim string
		want   alipayplus.Code
	}{
		"of an in-process client": {w.inProcessID(), alipayplus.CodeUnknownClient},
		"of any other client":     {w.hand("olga").clientID, alipayplus.CodeInvalidSignature},
		"of nobody":               {"2021550000000009", alipayplus.CodeUnknownClient},
	} {
		forged := w.signedMessage(contract.WorkspaceQuery, tt.victim, testkey.Client(), "{}")
		forged.header.Set("Signature", "algorithm=RSA256, keyVersion=1, signature=AAAA")
		answer := forged.deliver(t, server.Client(), server.URL)
		require.Equal(t, http.StatusUnauthorized, answer.HTTP, name)

		back := sentBack(forged, answer)
		signed, err := signing.ParseHeader(back.header.Get("Signature"))
		require.NoError(t, err)
		digest := signing.Digest(http.MethodPost, back.path, back.header.Get("Client-Id"), back.header.Get("Request-Time"), back.body)
		require.NoError(t, signing.Verify(w.p.PublicKey(), digest[:], signed.Signature), "%s: as a request it is signed by the platform", name)

		got := back.deliver(t, server.Client(), server.URL)
		require.Equal(t, http.StatusUnauthorized, got.HTTP, name)
		require.Equal(t, tt.want, got.Result.Code, name)
	}
}

// A client with the platform's key could be played by its answers.
func TestThePlatformsOwnKeyIsNobodysKey(t *testing.T) {
	w := newWorld(t)
	own := w.p.PublicKey()
	before := w.kept(w.store(t), "client/")
	for name, key := range map[string]*rsa.PublicKey{
		"as it is given out": own, "another copy of it": {N: testkey.Key().N, E: testkey.Key().E},
	} {
		_, err := w.p.AddClient(t.Context(), w.workspace, "olga", key)
		require.ErrorContains(t, err, "the platform's own key cannot be a client's", name)
		_, err = w.p.AddReviewer(t.Context(), alipayplus.PartyAlipayPlus, key)
		require.ErrorContains(t, err, "the platform's own key cannot be a client's", name)
	}
	require.Equal(t, before, w.kept(w.store(t), "client/"))
}
