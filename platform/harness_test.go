package platform_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

type fixture struct {
	*testing.T
	p         *platform.Platform
	workspace string
	owner     *alipayplus.Client
}

// newFixture gives a platform with one workspace and its owner.
func newFixture(t *testing.T, opts ...platform.Option) *fixture {
	t.Helper()
	p, err := platform.New(append([]platform.Option{platform.WithSigner(testkey.FastKey()), platform.WithConsole(noPages)}, opts...)...)
	require.NoError(t, err)
	w := &fixture{T: t, p: p}
	w.workspace, err = p.AddWorkspace(t.Context(), company())
	require.NoError(t, err)
	w.owner = w.member("olga", alipayplus.RoleOwner)
	return w
}

// noPages is a console without pages.
func noPages(*platform.Platform) (http.Handler, error) { return http.NotFoundHandler(), nil }

func (w *fixture) member(name string, role alipayplus.Role, programs ...string) *alipayplus.Client {
	w.Helper()
	m := platform.Member{WorkspaceID: w.workspace, Name: name, Role: role, Programs: programs}
	require.NoError(w, w.p.PutMember(w.Context(), m))
	return w.as(name)
}

// as gives a client of a member who is there.
func (w *fixture) as(name string, opts ...alipayplus.Option) *alipayplus.Client {
	w.Helper()
	c, err := w.p.Client(w.Context(), w.workspace, name, opts...)
	require.NoError(w, err)
	return c
}

func (w *fixture) reviewer(party alipayplus.Party, opts ...alipayplus.Option) *alipayplus.Client {
	w.Helper()
	c, err := w.p.ReviewerClient(w.Context(), party, opts...)
	require.NoError(w, err)
	return c
}

func zipPackage(t testing.TB, content string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	f, err := z.Create("app.json")
	require.NoError(t, err)
	_, err = f.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return buf.Bytes()
}

func pngImage(t testing.TB) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, png.Encode(&buf, image.NewGray(image.Rect(0, 0, 8, 8))))
	return buf.Bytes()
}

func (w *fixture) program() *alipayplus.Program {
	w.Helper()
	p, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}},
	})
	require.NoError(w, err)
	return p
}

func (w *fixture) upload(program, version string) alipayplus.VersionNumber {
	w.Helper()
	number, err := alipayplus.ParseVersion(version)
	require.NoError(w, err)
	build := zipPackage(w, version)
	_, err = w.owner.Programs.UploadVersion(w.Context(), alipayplus.UploadVersionInput{
		ProgramID: program, Version: number, Package: bytes.NewReader(build), Size: int64(len(build)),
	})
	require.NoError(w, err)
	return number
}

// authorize visits the page as a person would.
func (w *fixture) authorize(program string) {
	w.Helper()
	a, err := w.owner.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{
		ProgramID: program, TargetApp: alipayplus.TargetAlipayCN,
	})
	require.NoError(w, err)
	if a.Status == alipayplus.AuthorizationGranted {
		return
	}
	visit(w.Context(), w, w.p.HTTPClient(), a.URL)
}

func visit(ctx context.Context, t require.TestingT, browser *http.Client, page string) {
	u, err := url.Parse(page)
	require.NoError(t, err)
	form := u.Query()
	u.RawQuery = ""
	for _, step := range []string{"select", "confirm"} {
		form.Set("step", step)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader([]byte(form.Encode())))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := browser.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
}

// release creates a release of a new version.
func (w *fixture) release(program, version string) *alipayplus.Release {
	w.Helper()
	return w.releaseTo(cn, program, version)
}

func (w *fixture) releaseTo(app alipayplus.TargetApp, program, version string) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{
		ProgramID: program, Version: w.upload(program, version), TargetApp: app,
	})
	require.NoError(w, err)
	return r
}

func (w *fixture) apply(release string) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: release, BasicInfo: new(company())})
	require.NoError(w, err)
	return r
}

// approve gives the approval of every party that is waited for.
func (w *fixture) approve() {
	w.Helper()
	reviews, err := w.p.Reviews(w.Context())
	require.NoError(w, err)
	for _, r := range reviews {
		for _, review := range r.Request.Reviews {
			require.NoError(w, r.Approve(w.Context(), review.Party))
		}
	}
}

const cn = alipayplus.TargetAlipayCN

// withFixture runs a check on a new platform, in virtual time.
func withFixture(t *testing.T, check func(w *fixture), opts ...platform.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		check(newFixture(t, opts...))
	})
}

// sentence is withFixture as a subtest, under a sentence of a document or what a case is.
func sentence(t *testing.T, text string, check func(w *fixture), opts ...platform.Option) {
	t.Helper()
	t.Run(text, func(t *testing.T) {
		t.Helper()
		withFixture(t, check, opts...)
	})
}

// neighbour gives another workspace on the same platform.
func (w *fixture) neighbour() *fixture {
	w.Helper()
	other := &fixture{T: w.T, p: w.p}
	theirs := company()
	theirs.CompanyName = "Red Hill Coffee"
	var err error
	other.workspace, err = w.p.AddWorkspace(w.Context(), theirs)
	require.NoError(w, err)
	other.owner = other.member("ravi", alipayplus.RoleOwner)
	return other
}

// authorizedProgram gives a mini program that may go to AlipayCN.
func (w *fixture) authorizedProgram() *alipayplus.Program {
	w.Helper()
	p := w.program()
	w.authorize(p.ID)
	return p
}

// underReview gives a release that waits for both verdicts.
func (w *fixture) underReview(program, version string) *alipayplus.Release {
	w.Helper()
	return w.apply(w.release(program, version).ID)
}

// prepared gives a release that both parties have approved.
func (w *fixture) prepared(program, version string) *alipayplus.Release {
	w.Helper()
	r := w.underReview(program, version)
	w.approve()
	return w.read(r.ID)
}

// grayscale gives a release that is live at a ratio.
func (w *fixture) grayscale(program, version string, ratio alipayplus.Ratio) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.StartGrayscale(w.Context(), w.prepared(program, version).GrayscaleTo(ratio))
	require.NoError(w, err)
	return r
}

// full gives a release that is live for all users.
func (w *fixture) full(program, version string) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: w.prepared(program, version).ID})
	require.NoError(w, err)
	return r
}

func (w *fixture) read(release string) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.Get(w.Context(), release)
	require.NoError(w, err)
	return r
}

func (w *fixture) request(id string) *alipayplus.Request {
	w.Helper()
	r, err := w.owner.Requests.Get(w.Context(), id)
	require.NoError(w, err)
	return r
}

// decide gives one party's verdict on the one request that waits; an empty
// reason approves.
func (w *fixture) decide(party alipayplus.Party, reason string) {
	w.Helper()
	waiting, err := w.p.Reviews(w.Context())
	require.NoError(w, err)
	require.Len(w, waiting, 1)
	if reason == "" {
		require.NoError(w, waiting[0].Approve(w.Context(), party))
		return
	}
	require.NoError(w, waiting[0].Reject(w.Context(), party, reason))
}

// releaseIn gives a release in a status, by the shortest way there.
func (w *fixture) releaseIn(status alipayplus.ReleaseStatus, program string) *alipayplus.Release {
	w.Helper()
	const version = "1.0.0"
	switch status {
	case alipayplus.ReleaseNewVersionCreated:
		return w.release(program, version)
	case alipayplus.ReleaseUnderReview:
		return w.underReview(program, version)
	case alipayplus.ReleasePreparation:
		return w.prepared(program, version)
	case alipayplus.ReleaseGrayscale:
		return w.grayscale(program, version, 5)
	case alipayplus.ReleaseFull:
		return w.full(program, version)
	case alipayplus.ReleaseCanceled:
		r := w.grayscale(program, version, 5)
		w.cancel(r)
		return w.read(r.ID)
	case alipayplus.ReleaseArchived:
		r := w.full(program, version)
		w.full(program, "2.0.0")
		return w.read(r.ID)
	default:
		require.Failf(w, "no way there", "%s", status)
		return nil
	}
}

func (w *fixture) withdraw(r *alipayplus.Release) {
	w.Helper()
	_, err := w.owner.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
	require.NoError(w, err)
}

func (w *fixture) cancel(r *alipayplus.Release) {
	w.Helper()
	_, err := w.owner.Releases.Cancel(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
	require.NoError(w, err)
}

// image uploads a service image.
func (w *fixture) image() *alipayplus.File {
	w.Helper()
	content := pngImage(w)
	f, err := w.owner.Files.Upload(w.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(content), Size: int64(len(content))})
	require.NoError(w, err)
	return f
}

// offer is a complete description of a service.
func (w *fixture) offer() alipayplus.ServiceDescription {
	w.Helper()
	return alipayplus.ServiceDescription{
		Name: "Tea shop in a week", Industry: "Food and beverage", Type: alipayplus.ServiceMiniProgramDevelopment,
		Description: "We build your mini program.", ImageFileID: w.image().ID,
		ApplicableApps:     []alipayplus.TargetApp{cn},
		PaymentInformation: alipayplus.Content{alipayplus.TextBlock("Half now, half at release.")},
	}
}

func (w *fixture) draft() *alipayplus.Service {
	w.Helper()
	s, err := w.owner.Services.Create(w.Context(), alipayplus.CreateServiceInput{ServiceDescription: w.offer()})
	require.NoError(w, err)
	return s
}

func (w *fixture) submitted() *alipayplus.Service {
	w.Helper()
	s, err := w.owner.Services.Submit(w.Context(), alipayplus.ServiceInput{ServiceID: w.draft().ID})
	require.NoError(w, err)
	return s
}

func (w *fixture) online() *alipayplus.Service {
	w.Helper()
	s := w.submitted()
	w.approve()
	return w.service(s.ID)
}

func (w *fixture) service(id string) *alipayplus.Service {
	w.Helper()
	s, err := w.owner.Services.Get(w.Context(), id)
	require.NoError(w, err)
	return s
}

// place orders a service of another workspace for a mini program.
func (w *fixture) place(service *alipayplus.Service, program string) *alipayplus.Order {
	w.Helper()
	o, err := w.owner.Orders.Place(w.Context(), alipayplus.PlaceOrderInput{ServiceID: service.ID, ProgramID: program})
	require.NoError(w, err)
	return o
}

// orderIn gives an order by the workspace for a mini program, of a service of the provider's, in
// a status, by the shortest way there.
func (w *fixture) orderIn(status alipayplus.OrderStatus, provider *fixture, program string) *alipayplus.Order {
	w.Helper()
	o := w.place(provider.online(), program)
	in := alipayplus.OrderInput{OrderID: o.ID}
	if status == alipayplus.OrderCanceled {
		return succeeds(w, w.owner.Orders.Cancel, alipayplus.RefuseOrderInput{OrderID: o.ID})
	}
	for _, step := range []func(context.Context, alipayplus.OrderInput) (*alipayplus.Order, error){
		provider.owner.Orders.Accept, w.owner.Orders.Confirm, provider.owner.Orders.Submit, w.owner.Orders.Approve,
	} {
		if o.Status == status {
			break
		}
		o = succeeds(w, step, in)
	}
	require.Equal(w, status, o.Status)
	return succeeds(w, w.owner.Orders.Get, o.ID)
}

// succeeds makes a call that succeeds.
func succeeds[In, Out any](t testing.TB, call func(context.Context, In) (Out, error), in In) Out {
	t.Helper()
	out, err := call(t.Context(), in)
	require.NoError(t, err)
	return out
}

// publicKey is the key that the platform's answers are verified with.
func publicKey(t testing.TB, p *platform.Platform) *rsa.PublicKey {
	t.Helper()
	key, err := signing.ParsePublicKey(p.PublicKeyPEM())
	require.NoError(t, err)
	return key
}

// auditLog reads all changes, but for those of the operator: tests add members
// and clients whenever they need them.
func (w *fixture) auditLog() []platform.AuditEntry {
	w.Helper()
	var all []platform.AuditEntry
	for e, err := range w.p.Audit(w.Context(), w.workspace) {
		require.NoError(w, err)
		if e.Who != "operator" && e.Kind != "call" {
			all = append(all, e)
		}
	}
	return all
}

// snapshot is all that the owner can see, and the length of the audit log. Two
// equal ones say that nothing was done in between, and nothing half.
func (w *fixture) snapshot() string {
	w.Helper()
	all := map[string]any{"audit": len(w.auditLog())}
	ctx := w.Context()
	workspace, err := w.owner.Workspace.Get(ctx)
	require.NoError(w, err)
	all["workspace"] = workspace
	all["releases"] = gather(w, w.owner.Releases.All(ctx, alipayplus.ListReleasesInput{}))
	all["services"] = gather(w, w.owner.Services.All(ctx, alipayplus.ListServicesInput{}))
	all["requests"] = gather(w, w.owner.Requests.All(ctx, alipayplus.ListRequestsInput{}))
	all["orders"] = gather(w, w.owner.Orders.All(ctx, alipayplus.ListOrdersInput{}))
	programs := gather(w, w.owner.Programs.All(ctx, alipayplus.ListProgramsInput{}))
	all["programs"] = programs
	for _, p := range programs[:min(len(programs), 2)] {
		all["versions of "+p.ID] = gather(w, w.owner.Programs.AllVersions(ctx, alipayplus.ListVersionsInput{ProgramID: p.ID}))
		all["authorization of "+p.ID], err = w.owner.Authorizations.Get(ctx, alipayplus.AuthorizationInput{ProgramID: p.ID, TargetApp: workspace.Targets[0].App})
		require.NoError(w, err)
	}
	text, err := json.MarshalIndent(all, "", " ")
	require.NoError(w, err)
	return string(text)
}

func gather[T any](t testing.TB, seq iter.Seq2[*T, error]) []*T {
	t.Helper()
	var all []*T
	for item, err := range seq {
		require.NoError(t, err)
		all = append(all, item)
	}
	return all
}

// ids of what a list holds.
func ids[T any](items []*T, id func(*T) string) []string {
	all := []string{}
	for _, item := range items {
		all = append(all, id(item))
	}
	return all
}

// rawClient signs calls by hand, as a program in another language would: nothing
// checks them before the platform does.
type rawClient struct {
	*fixture
	clientID string
	// off is how far its clock is from the platform's.
	off time.Duration
}

// rawClient gives a member a client id of its own.
func (w *fixture) rawClient(member string) rawClient {
	w.Helper()
	id, err := w.p.AddClient(w.Context(), w.workspace, member, testkey.FastClient().Public())
	require.NoError(w, err)
	return rawClient{fixture: w, clientID: id}
}

func (w *fixture) rawReviewer(party alipayplus.Party) rawClient {
	w.Helper()
	id, err := w.p.AddReviewer(w.Context(), party, testkey.FastClient().Public())
	require.NoError(w, err)
	return rawClient{fixture: w, clientID: id}
}

// rawAnswer is what the platform answered.
type rawAnswer struct {
	HTTP   int         `json:"-"`
	Header http.Header `json:"-"`
	Body   string      `json:"-"`
	Result struct {
		Status  alipayplus.ResultStatus `json:"resultStatus"`
		Code    alipayplus.Code         `json:"resultCode"`
		Message string                  `json:"resultMessage"`
	} `json:"result"`
	RequestID string          `json:"requestId"`
	InReplyTo string          `json:"inReplyTo"`
	Data      json.RawMessage `json:"data"`
	Details   struct {
		Fields []alipayplus.FieldError `json:"fields"`
	} `json:"details"`
}

// withoutQuestion is the body but for what names the request.
func (a rawAnswer) withoutQuestion() string {
	return strings.Replace(a.Body, `,"inReplyTo":"`+a.InReplyTo+`"`, "", 1)
}

// call sends a JSON body, given as text or as something to marshal.
func (h rawClient) call(op contract.Operation, in any) rawAnswer {
	h.Helper()
	body, isText := in.(string)
	if !isText {
		raw, err := json.Marshal(in)
		require.NoError(h, err)
		body = string(raw)
	}
	return h.send(http.MethodPost, contract.Prefix+op.Path, "application/json; charset=UTF-8", []byte(body))
}

// send signs and sends anything, and checks that the answer is signed.
func (h rawClient) send(method, path, contentType string, body []byte) rawAnswer {
	h.Helper()
	header := signedHeader(h, testkey.FastClient(), method, path, h.clientID, time.Now().Add(h.off).Format(time.RFC3339Nano), body)
	header.Set("Content-Type", contentType)
	return h.sendSigned(method, path, header, body)
}

// signedHeader signs a request with any key, as of key version "1".
func signedHeader(t testing.TB, key crypto.Signer, method, path, clientID, at string, body []byte) http.Header {
	t.Helper()
	digest := signing.Digest(method, path, clientID, at, body)
	signature, err := signing.Sign(key, digest[:])
	require.NoError(t, err)
	return http.Header{
		"Client-Id": {clientID}, "Request-Time": {at},
		"Signature": {signing.Header{KeyVersion: "1", Signature: signature}.String()},
	}
}

// sendSigned sends headers as they are, and checks that the answer is signed.
func (h rawClient) sendSigned(method, path string, header http.Header, body []byte) rawAnswer {
	h.Helper()
	got := message{method, path, header, body}.deliver(h, h.p.HTTPClient(), "http://platform.example")
	requireSigned(h, h.p, method, path, got.Header.Get("Client-Id"), got.Header.Get("Response-Time"), got.Header.Get("Signature"), []byte(got.Body))
	return got
}

// requireSigned checks the platform's signature under a message.
func requireSigned(t testing.TB, p *platform.Platform, method, path, clientID, at, signature string, body []byte) {
	t.Helper()
	signed, err := signing.ParseHeader(signature)
	require.NoError(t, err)
	digest := signing.Digest(method, path, clientID, at, body)
	require.NoError(t, signing.Verify(publicKey(t, p), digest[:], signed.Signature), "every answer is signed")
}

// message is a request as it goes over the wire.
type message struct {
	method, path string
	header       http.Header
	body         []byte
}

// deliver sends a message to wherever the base and the HTTP client lead.
func (m message) deliver(t testing.TB, client *http.Client, base string) rawAnswer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), m.method, base+m.path, bytes.NewReader(m.body))
	require.NoError(t, err)
	req.Header = m.header.Clone()
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	got := rawAnswer{HTTP: resp.StatusCode, Header: resp.Header, Body: string(raw)}
	require.NoError(t, json.Unmarshal(raw, &got), "%s", raw)
	return got
}

// remote is the owner's client over a socket.
func (w *fixture) remote(base string, opts ...alipayplus.Option) *alipayplus.Client {
	w.Helper()
	id, err := w.p.AddClient(w.Context(), w.workspace, "olga", testkey.FastClient().Public())
	require.NoError(w, err)
	c, err := alipayplus.New(append([]alipayplus.Option{
		alipayplus.WithBaseURL(base), alipayplus.WithClientID(id), alipayplus.WithSigner(testkey.FastClient()),
		alipayplus.WithPlatformKey("1", w.p.PublicKeyPEM()),
	}, opts...)...)
	require.NoError(w, err)
	return c
}
