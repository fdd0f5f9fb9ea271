package main

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// peer answers every request with what was signed beforehand, so that it costs next to nothing beside the client.
type peer map[string]signedReply

type signedReply struct {
	header http.Header
	body   string
}

func (p peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	answer := p[r.URL.Path]
	maps.Copy(w.Header(), answer.header)
	_, _ = io.WriteString(w, answer.body)
}

// RoundTrip answers without a network.
func (p peer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	answer := p[r.URL.Path]
	return &http.Response{
		StatusCode: http.StatusOK, Header: answer.header,
		Body: io.NopCloser(strings.NewReader(answer.body)), ContentLength: int64(len(answer.body)),
	}, nil
}

// network is how a peer is reached.
type network struct {
	name string
	base string
	via  *http.Client
	// most is how many more allocations than its floor a call may make on its way.
	most float64
}

// networks reach a peer in memory and over loopback.
func (r *rows) networks(p peer) []network {
	const patience = 30 * time.Second
	server := httptest.NewServer(p)
	loopback := network{"over loopback", server.URL, &http.Client{Transport: &http.Transport{}, Timeout: patience}, 11}
	r.closers = append(r.closers, loopback.via.CloseIdleConnections, server.Close)
	return []network{{"in memory", "https://gateway.example.com", &http.Client{Transport: p, Timeout: patience}, 0}, loopback}
}

// fetched sends a request of a floor and reads the whole answer.
func fetched(via *http.Client, req *http.Request) (http.Header, []byte, error) {
	resp, err := via.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return resp.Header, text, err
}

func signature(key *rsa.PrivateKey, content []byte) (string, error) {
	sum := sha256.Sum256(content)
	raw, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	return base64.StdEncoding.EncodeToString(raw), err
}

func verify(key *rsa.PublicKey, content []byte, signature string) error {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw)
}
