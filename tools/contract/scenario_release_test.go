//go:build generated

package contract

import (
	"archive/zip"
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/oapi-codegen/runtime" // what is generated imports it
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

// TestAGeneratedClientReleasesAMiniProgram through a platform that is served, from the upload to all users. What it signs and
// verifies it knows from the document alone: nothing of package alipayplus makes its calls.
func TestAGeneratedClientReleasesAMiniProgram(t *testing.T) {
	ctx := t.Context()
	w := serve(t)
	c := w.client

	zipped, err := c.FilesUploadWithBodyWithResponse(ctx, nil, "application/zip", bytes.NewReader(build(t)))
	require.NoError(t, err)
	file := answered(t, zipped.ApplicationjsonCharsetUTF8200, zipped.Body).Data
	created, err := c.ProgramsCreateWithApplicationJSONCharsetUTF8BodyWithResponse(ctx, nil, CreateProgramInput{
		Languages: []Localization{{Language: "zh-CN", Name: "蓝湖茶"}}, RequestId: rand.Text(),
	})
	require.NoError(t, err)
	program := answered(t, created.ApplicationjsonCharsetUTF8200, created.Body).Data
	uploaded, err := c.ProgramsUploadVersionWithApplicationJSONCharsetUTF8BodyWithResponse(ctx, nil, RegisterVersionInput{
		ProgramId: program.Id, FileId: file.Id, Version: "1.0.0", RequestId: rand.Text(),
	})
	require.NoError(t, err)
	answered(t, uploaded.ApplicationjsonCharsetUTF8200, uploaded.Body)

	// Without the authorization there is no release, and the refusal says where to give it.
	in := CreateReleaseInput{ProgramId: program.Id, TargetApp: "ALIPAY_CN", Version: "1.0.0", RequestId: rand.Text()}
	refused, err := c.ReleasesCreateWithApplicationJSONCharsetUTF8BodyWithResponse(ctx, nil, in)
	require.NoError(t, err)
	require.NotNil(t, refused.ApplicationjsonCharsetUTF84XX, "%s", refused.Body)
	require.Equal(t, "AUTHORIZATION_REQUIRED", refused.ApplicationjsonCharsetUTF84XX.Result.ResultCode)
	require.NoError(t, w.platform.GrantAuthorization(ctx, w.workspace, program.Id, alipayplus.TargetAlipayCN))
	selected, err := c.ReleasesCreateWithApplicationJSONCharsetUTF8BodyWithResponse(ctx, nil, in)
	require.NoError(t, err)
	release := answered(t, selected.ApplicationjsonCharsetUTF8200, selected.Body).Data
	require.Equal(t, "NEW_VERSION_CREATED", release.Status)

	applied, err := c.ReleasesApplyWithApplicationJSONCharsetUTF8BodyWithResponse(ctx, nil, ApplyInput{
		ReleaseId: release.Id, BasicInfo: *release.BasicInfo, RequestId: rand.Text(),
	})
	require.NoError(t, err)
	answered(t, applied.ApplicationjsonCharsetUTF8200, applied.Body)
	for i, ratio := range []Ratio{10, 50, 100} {
		raise := GrayscaleInput{ReleaseId: release.Id, From: new(release.Grayscale.Ratio), Ratio: ratio, RequestId: rand.Text()}
		for range 2 { // a repetition gets the first outcome
			raised, err := c.ReleasesGrayscaleWithApplicationJSONCharsetUTF8BodyWithResponse(ctx, nil, raise)
			require.NoError(t, err)
			release = answered(t, raised.ApplicationjsonCharsetUTF8200, raised.Body).Data
			require.Equal(t, ratio, release.Grayscale.Ratio)
			require.Len(t, *release.Grayscale.Steps, i+1)
		}
	}
	read, err := c.ReleasesGetWithApplicationJSONCharsetUTF8BodyWithResponse(ctx, nil, ReleaseReference{ReleaseId: release.Id})
	require.NoError(t, err)
	require.Equal(t, "FULL_RELEASE", answered(t, read.ApplicationjsonCharsetUTF8200, read.Body).Data.Status)

	// Package alipayplus reads the same.
	owner, err := w.platform.Client(ctx, w.workspace, "owner")
	require.NoError(t, err)
	same, err := owner.Releases.Get(ctx, release.Id)
	require.NoError(t, err)
	require.Equal(t, alipayplus.ReleaseFull, same.Status)
}

// The platform refuses another's signature, and the client one that does not fit.
func TestAGeneratedClientMeetsStrangers(t *testing.T) {
	w := serve(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)

	w.signing.key, other = other, w.signing.key
	answer, err := w.client.WorkspaceGetWithApplicationJSONCharsetUTF8BodyWithResponse(t.Context(), nil, Nothing{})
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode(), "%s", answer.Body)

	w.signing.platform, w.signing.key = &w.signing.key.PublicKey, other
	_, err = w.client.WorkspaceGetWithApplicationJSONCharsetUTF8BodyWithResponse(t.Context(), nil, Nothing{})
	require.ErrorContains(t, err, "the answer's signature does not fit")
}

// world is a platform that is served, and a generated client of its owner.
type world struct {
	t         *testing.T
	platform  *platform.Platform
	workspace string
	client    *ClientWithResponses
	signing   *signing
}

func serve(t *testing.T) *world {
	t.Helper()
	ctx := t.Context()
	approve := func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }
	p, err := platform.New(platform.WithAutoReview(approve))
	require.NoError(t, err)
	workspace, err := p.AddWorkspace(ctx, alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	})
	require.NoError(t, err)
	require.NoError(t, p.PutMember(ctx, platform.Member{WorkspaceID: workspace, Name: "owner", Role: alipayplus.RoleOwner}))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	id, err := p.AddClient(ctx, workspace, "owner", key.Public())
	require.NoError(t, err)
	block, _ := pem.Decode(p.PublicKeyPEM())
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(t, err)

	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	s := &signing{clientID: id, key: key, platform: public.(*rsa.PublicKey)}
	client, err := NewClientWithResponses(server.URL, WithHTTPClient(&http.Client{Transport: s}))
	require.NoError(t, err)
	return &world{t, p, workspace, client, s}
}

// answered returns the answer of a call, which must be a success.
func answered[A any](t *testing.T, answer *A, body []byte) *A {
	t.Helper()
	require.NotNil(t, answer, "%s", body)
	return answer
}

// build is a package: any zip will do.
func build(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	_, err := z.Create("app.json")
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

// signing is the transport of a generated client, as info.description of the document says: it signs what goes out, and
// verifies what comes back before anybody reads it.
type signing struct {
	clientID string
	key      *rsa.PrivateKey
	platform *rsa.PublicKey
}

// RoundTrip signs a copy of the request, and verifies the answer.
func (s *signing) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	out := r.Clone(r.Context())
	out.Body = io.NopCloser(bytes.NewReader(body))
	at := time.Now().UTC().Format(time.RFC3339Nano) // a refused write that is sent again within a second is another message
	digest := signed(r, s.clientID, at, body)
	signature, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, digest[:])
	if err != nil {
		return nil, err
	}
	header := "algorithm=RSA256, keyVersion=1, signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
	out.Header["Client-Id"], out.Header["Request-Time"], out.Header["Signature"] = []string{s.clientID}, []string{at}, []string{header}
	resp, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if err := s.verify(r, header, resp, answer); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	return resp, nil
}

func (s *signing) verify(r *http.Request, request string, resp *http.Response, answer []byte) error {
	_, escaped, _ := strings.Cut(resp.Header.Get("Signature"), "signature=")
	text, err1 := url.QueryUnescape(escaped)
	signature, err2 := base64.StdEncoding.DecodeString(text)
	digest := signed(r, resp.Header.Get("Client-Id"), resp.Header.Get("Response-Time"), answer)
	if err := errors.Join(err1, err2, rsa.VerifyPKCS1v15(s.platform, crypto.SHA256, digest[:], signature)); err != nil {
		return fmt.Errorf("the answer's signature does not fit: %w", err)
	}
	var envelope struct {
		InReplyTo string `json:"inReplyTo"`
	}
	if err := json.Unmarshal(answer, &envelope); err != nil {
		return err
	}
	asked := sha256.Sum256([]byte(request))
	if envelope.InReplyTo != "" && envelope.InReplyTo != hex.EncodeToString(asked[:]) {
		return errors.New("the answer is to another request")
	}
	return nil
}

// signed is the digest of what is signed.
func signed(r *http.Request, clientID, at string, body []byte) [32]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%s %s\n%s.%s.%s", r.Method, r.URL.RequestURI(), clientID, at, body))
}
