package alipayplus_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"iter"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// A request has exactly the documented headers, once each, beside those of HTTP
// itself; net/http adds nothing that would not be known here.
func TestHeadersOnTheWire(t *testing.T) {
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer server.Close()
	c := newGateway(t).client(alipayplus.WithBaseURL(server.URL), alipayplus.WithHTTPClient(server.Client()))

	_, err := c.Releases.Get(t.Context(), "rel_1")

	require.ErrorContains(t, err, "not signed", "the server says nothing")
	signature, sentAt := got.Get("Signature"), got.Get("Request-Time")
	require.Regexp(t, `^algorithm=RSA256, keyVersion=1, signature=[0-9A-Za-z%]+$`, signature)
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$`, sentAt)
	require.Equal(t, http.Header{
		"Accept-Encoding": {"identity"}, // or net/http would decompress what was signed
		"Client-Id":       {myClientID},
		"Content-Length":  {"21"},
		"Content-Type":    {"application/json; charset=UTF-8"},
		"Request-Time":    {sentAt},
		"Signature":       {signature},
		"User-Agent":      {"alipayplus-go"},
	}, got)
}

// The path that is signed is the path that is sent, whatever stands before it.
// The gateway verifies every signature against the path it sees.
func TestPathIsTheOneSigned(t *testing.T) {
	for base, path := range map[string]string{
		"https://h.example":             "/api/open/v2/release/query",
		"https://h.example/":            "/api/open/v2/release/query",
		"https://h.example:8443/acl":    "/acl/api/open/v2/release/query",
		"http://h.example/a/b//":        "/a/b/api/open/v2/release/query",
		"https://h.example/a%2Fb":       "/a%2Fb/api/open/v2/release/query",
		"https://h.example/a b/é":       "/a%20b/%C3%A9/api/open/v2/release/query",
		"https://[::1]:80/x;y=1,2/~u":   "/x;y=1,2/~u/api/open/v2/release/query",
		"https://h.example/%e2%82%ac/%": "",
	} {
		given := newGateway(t, done())
		if path == "" {
			_, err := alipayplus.New(alipayplus.WithBaseURL(base))
			require.ErrorContains(t, err, "base URL must be an http or https address")
			continue
		}
		require.NoError(t, read(t.Context(), given.client(alipayplus.WithBaseURL(base))))
		require.Equal(t, path, given.attempts()[0].request.URL.RequestURI())
	}
}

func TestTimeFormats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newGateway(t, done())
		time.Sleep(1234567 * time.Microsecond)

		require.NoError(t, read(t.Context(), given.client()))
		require.NoError(t, read(t.Context(), given.client(alipayplus.WithTimeFormat(alipayplus.TimeUnixMilli))))

		iso, err := time.Parse("2006-01-02T15:04:05.000Z07:00", given.attempts()[0].header.Get("Request-Time"))
		require.NoError(t, err)
		require.Equal(t, time.Now().Truncate(time.Millisecond).UnixMilli(), iso.UnixMilli())
		require.Equal(t, unixMilli(time.Now()), given.attempts()[1].header.Get("Request-Time"))
	})
}

func TestKeyVersionIsNamed(t *testing.T) {
	given := newGateway(t, done())

	require.NoError(t, read(t.Context(), given.client(alipayplus.WithKeyVersion("2026-a"))))

	signed, err := signing.ParseHeader(given.attempts()[0].header.Get("Signature"))
	require.NoError(t, err)
	require.Equal(t, "2026-a", signed.KeyVersion)
}

func TestUserAgent(t *testing.T) {
	given := newGateway(t, done())

	require.NoError(t, read(t.Context(), given.client(alipayplus.WithUserAgent("release-bot/1.2"))))

	require.Equal(t, []string{"release-bot/1.2"}, given.attempts()[0].header["User-Agent"])
}

func picture(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, png.Encode(&buf, image.NewGray(image.Rect(0, 0, 2, 2))))
	return buf.Bytes()
}

// Every method calls the operation that it says, at its own path, with the body
// of the contract: input fields, and the idempotency key of a write.
func TestEveryOperation(t *testing.T) {
	type client = alipayplus.Client
	company := business()
	description := alipayplus.ServiceDescription{
		Name: "n", Industry: "i", Type: alipayplus.ServiceMiniProgramDevelopment, Description: "d", ImageFileID: fileID,
		ApplicableApps: []alipayplus.TargetApp{alipayplus.TargetAlipayCN}, PaymentInformation: alipayplus.Content{alipayplus.TextBlock("monthly")},
	}
	const descriptionJSON = `"name":"n","industry":"i","type":"MINI_PROGRAM_DEVELOPMENT","description":"d","imageFileId":"` + fileID + `",` +
		`"applicableApps":["ALIPAY_CN"],"paymentInformation":[{"type":"TEXT","text":"monthly"}]`
	languages := []alipayplus.Localization{{Language: "en", Name: "Tea"}}
	service := alipayplus.ServiceInput{ServiceID: "svc_1", RequestID: "k"}
	release := alipayplus.ReleaseInput{ReleaseID: "rel_1", RequestID: "k"}
	order := alipayplus.OrderInput{OrderID: "ord_1", RequestID: "k"}
	refuse := alipayplus.RefuseOrderInput{OrderID: "ord_1", Reason: "too soon", RequestID: "k"}
	const orderJSON, refuseJSON = `{"orderId":"ord_1","requestId":"k"}`, `{"orderId":"ord_1","reason":"too soon","requestId":"k"}`
	image := picture(t)

	tests := map[string]struct {
		call func(context.Context, *client) error
		body string
	}{
		"workspace.get": {func(ctx context.Context, c *client) error { return second(c.Workspace.Get(ctx)) }, `{}`},
		"programs.create": {func(ctx context.Context, c *client) error {
			return second(c.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: languages, RequestID: "k"}))
		}, `{"languages":[{"language":"en","name":"Tea"}],"requestId":"k"}`},
		"programs.get": {func(ctx context.Context, c *client) error { return second(c.Programs.Get(ctx, "mp_1")) }, `{"programId":"mp_1"}`},
		"programs.list": {func(ctx context.Context, c *client) error {
			return second(c.Programs.List(ctx, alipayplus.ListProgramsInput{ListOptions: alipayplus.ListOptions{Limit: 5, Cursor: "c", Order: alipayplus.OldestFirst}}))
		}, `{"limit":5,"cursor":"c","order":"ASC"}`},
		"programs.addLanguages": {func(ctx context.Context, c *client) error {
			return second(c.Programs.AddLanguages(ctx, alipayplus.AddLanguagesInput{ProgramID: "mp_1", Languages: languages, RequestID: "k"}))
		}, `{"programId":"mp_1","languages":[{"language":"en","name":"Tea"}],"requestId":"k"}`},
		"programs.updateConfiguration": {func(ctx context.Context, c *client) error {
			return second(c.Programs.UpdateConfiguration(ctx, alipayplus.UpdateProgramConfigurationInput{ProgramID: "mp_1", RequestID: "k"}))
		}, `{"programId":"mp_1","configuration":{},"requestId":"k"}`},
		"programs.listVersions": {func(ctx context.Context, c *client) error {
			return second(c.Programs.ListVersions(ctx, alipayplus.ListVersionsInput{ProgramID: "mp_1"}))
		}, `{"programId":"mp_1"}`},
		"qrcodes.create": {func(ctx context.Context, c *client) error {
			return second(c.QRCodes.Create(ctx, alipayplus.CreateQRCodeInput{AppID: "mp_1", Page: "p", Params: "a=1"}))
		}, `{"appId":"mp_1","appQrCodeType":"PROMO","appQrCodePage":"p","appQrCodeParams":"a=1"}`},
		"releases.create": {func(ctx context.Context, c *client) error {
			version, err := alipayplus.ParseVersion("1.2.3")
			must(err)
			return second(c.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: "mp_1", Version: version, TargetApp: "ALIPAY_CN", RequestID: "k"}))
		}, `{"programId":"mp_1","version":"1.2.3","targetApp":"ALIPAY_CN","requestId":"k"}`},
		"releases.get": {func(ctx context.Context, c *client) error { return second(c.Releases.Get(ctx, "rel_1")) }, `{"releaseId":"rel_1"}`},
		"releases.list": {func(ctx context.Context, c *client) error {
			return second(c.Releases.List(ctx, alipayplus.ListReleasesInput{}))
		}, `{}`},
		"releases.history": {func(ctx context.Context, c *client) error {
			return second(c.Releases.History(ctx, alipayplus.ListHistoryInput{ReleaseID: "rel_1"}))
		}, `{"releaseId":"rel_1"}`},
		"releases.apply": {func(ctx context.Context, c *client) error {
			return second(c.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: "rel_1", BasicInfo: &company, RequestID: "k"}))
		}, `{"releaseId":"rel_1","basicInfo":{"companyName":"Blue Lake Tea","registrationNumber":"201900123A","country":"SG","address":"1 Lake Road",` +
			`"contactName":"Lin Mei","contactEmail":"mei@bluelake.example"},"requestId":"k"}`},
		"releases.withdraw": {func(ctx context.Context, c *client) error { return second(c.Releases.Withdraw(ctx, release)) }, `{"releaseId":"rel_1","requestId":"k"}`},
		"releases.grayscale": {func(ctx context.Context, c *client) error {
			return second(c.Releases.Raise(ctx, alipayplus.GrayscaleInput{ReleaseID: "rel_1", From: 10, Ratio: 20, RequestID: "k"}))
		}, `{"releaseId":"rel_1","from":10,"ratio":20,"requestId":"k"}`},
		"releases.finalize": {func(ctx context.Context, c *client) error {
			return second(c.Releases.Finalize(ctx, alipayplus.FinalizeInput{ReleaseID: "rel_1", AllowDowngrade: true, RequestID: "k"}))
		}, `{"releaseId":"rel_1","allowDowngrade":true,"requestId":"k"}`},
		"releases.testCompatibility": {func(ctx context.Context, c *client) error {
			return second(c.Releases.TestCompatibility(ctx, alipayplus.TestCompatibilityInput{ReleaseID: "rel_1", Systems: []string{"Android 16"}, RequestID: "k"}))
		}, `{"releaseId":"rel_1","systems":["Android 16"],"requestId":"k"}`},
		"releases.delete":      {func(ctx context.Context, c *client) error { return second(c.Releases.Delete(ctx, release)) }, `{"releaseId":"rel_1","requestId":"k"}`},
		"releases.cancel":      {func(ctx context.Context, c *client) error { return second(c.Releases.Cancel(ctx, release)) }, `{"releaseId":"rel_1","requestId":"k"}`},
		"releases.takeOffline": {func(ctx context.Context, c *client) error { return second(c.Releases.TakeOffline(ctx, release)) }, `{"releaseId":"rel_1","requestId":"k"}`},
		"releases.rollBack":    {func(ctx context.Context, c *client) error { return second(c.Releases.RollBack(ctx, release)) }, `{"releaseId":"rel_1","requestId":"k"}`},
		"releases.updateConfiguration": {func(ctx context.Context, c *client) error {
			return second(c.Releases.UpdateConfiguration(ctx, alipayplus.UpdateReleaseConfigurationInput{ReleaseID: "rel_1", RequestID: "k"}))
		}, `{"releaseId":"rel_1","configuration":{},"requestId":"k"}`},
		"authorizations.begin": {func(ctx context.Context, c *client) error {
			return second(c.Authorizations.Begin(ctx, alipayplus.BeginAuthorizationInput{ProgramID: "mp_1", TargetApp: "ALIPAY_CN", RequestID: "k"}))
		}, `{"programId":"mp_1","targetApp":"ALIPAY_CN","requestId":"k"}`},
		"authorizations.get": {func(ctx context.Context, c *client) error {
			return second(c.Authorizations.Get(ctx, alipayplus.AuthorizationInput{ProgramID: "mp_1", TargetApp: "ALIPAY_CN"}))
		}, `{"programId":"mp_1","targetApp":"ALIPAY_CN"}`},
		"services.create": {func(ctx context.Context, c *client) error {
			return second(c.Services.Create(ctx, alipayplus.CreateServiceInput{ServiceDescription: description, RequestID: "k"}))
		}, `{` + descriptionJSON + `,"requestId":"k"}`},
		"services.update": {func(ctx context.Context, c *client) error {
			return second(c.Services.Update(ctx, alipayplus.UpdateServiceInput{ServiceID: "svc_1", ServiceDescription: description, RequestID: "k"}))
		}, `{"serviceId":"svc_1",` + descriptionJSON + `,"requestId":"k"}`},
		"services.submit":   {func(ctx context.Context, c *client) error { return second(c.Services.Submit(ctx, service)) }, `{"serviceId":"svc_1","requestId":"k"}`},
		"services.withdraw": {func(ctx context.Context, c *client) error { return second(c.Services.Withdraw(ctx, service)) }, `{"serviceId":"svc_1","requestId":"k"}`},
		"services.archive":  {func(ctx context.Context, c *client) error { return second(c.Services.Archive(ctx, service)) }, `{"serviceId":"svc_1","requestId":"k"}`},
		"services.get":      {func(ctx context.Context, c *client) error { return second(c.Services.Get(ctx, "svc_1")) }, `{"serviceId":"svc_1"}`},
		"services.list": {func(ctx context.Context, c *client) error {
			return second(c.Services.List(ctx, alipayplus.ListServicesInput{}))
		}, `{}`},
		"market.get": {func(ctx context.Context, c *client) error { return second(c.Market.Get(ctx, "svc_1")) }, `{"serviceId":"svc_1"}`},
		"market.list": {func(ctx context.Context, c *client) error {
			return second(c.Market.List(ctx, alipayplus.ListMarketInput{Name: "tea", App: alipayplus.TargetAlipayCN}))
		}, `{"name":"tea","app":"ALIPAY_CN"}`},
		"market.file": {func(ctx context.Context, c *client) error {
			return second(c.Market.File(ctx, alipayplus.MarketFileInput{ServiceID: "svc_1", FileID: "f"}))
		}, `{"serviceId":"svc_1","fileId":"f"}`},
		"orders.place": {func(ctx context.Context, c *client) error {
			return second(c.Orders.Place(ctx, alipayplus.PlaceOrderInput{ServiceID: "svc_1", ProgramID: "mp_1", Note: "soon", RequestID: "k"}))
		}, `{"serviceId":"svc_1","programId":"mp_1","note":"soon","requestId":"k"}`},
		"orders.accept":       {func(ctx context.Context, c *client) error { return second(c.Orders.Accept(ctx, order)) }, orderJSON},
		"orders.reject":       {func(ctx context.Context, c *client) error { return second(c.Orders.Reject(ctx, refuse)) }, refuseJSON},
		"orders.confirm":      {func(ctx context.Context, c *client) error { return second(c.Orders.Confirm(ctx, order)) }, orderJSON},
		"orders.submit":       {func(ctx context.Context, c *client) error { return second(c.Orders.Submit(ctx, order)) }, orderJSON},
		"orders.approve":      {func(ctx context.Context, c *client) error { return second(c.Orders.Approve(ctx, order)) }, orderJSON},
		"orders.turnDown":     {func(ctx context.Context, c *client) error { return second(c.Orders.TurnDown(ctx, refuse)) }, refuseJSON},
		"orders.cancel":       {func(ctx context.Context, c *client) error { return second(c.Orders.Cancel(ctx, refuse)) }, refuseJSON},
		"orders.revokeAccess": {func(ctx context.Context, c *client) error { return second(c.Orders.RevokeAccess(ctx, order)) }, orderJSON},
		"orders.assign": {func(ctx context.Context, c *client) error {
			return second(c.Orders.Assign(ctx, alipayplus.AssignMembersInput{OrderID: "ord_1", Members: []string{"ann", "ben"}, RequestID: "k"}))
		}, `{"orderId":"ord_1","members":["ann","ben"],"requestId":"k"}`},
		"orders.get": {func(ctx context.Context, c *client) error { return second(c.Orders.Get(ctx, "ord_1")) }, `{"orderId":"ord_1"}`},
		"orders.list": {func(ctx context.Context, c *client) error {
			return second(c.Orders.List(ctx, alipayplus.ListOrdersInput{Side: alipayplus.SideProvider, Status: alipayplus.OrderNew, Number: "ORD"}))
		}, `{"side":"PROVIDER","status":"NEW_ORDER","number":"ORD"}`},
		"requests.get": {func(ctx context.Context, c *client) error { return second(c.Requests.Get(ctx, "req_1")) }, `{"id":"req_1"}`},
		"requests.list": {func(ctx context.Context, c *client) error {
			return second(c.Requests.List(ctx, alipayplus.ListRequestsInput{Title: "tea", Status: alipayplus.RequestApproved}))
		}, `{"title":"tea","status":"APPROVED"}`},
		"files.upload": {func(ctx context.Context, c *client) error {
			return second(c.Files.Upload(ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(image), Size: int64(len(image))}))
		}, string(image)},
		"reviews.list": {func(ctx context.Context, c *client) error {
			return second(c.Reviews.List(ctx, alipayplus.ListReviewsInput{}))
		}, `{}`},
		"reviews.get": {func(ctx context.Context, c *client) error { return second(c.Reviews.Get(ctx, "req_1")) }, `{"id":"req_1"}`},
		"reviews.file": {func(ctx context.Context, c *client) error {
			return second(c.Reviews.File(ctx, alipayplus.ReviewFileInput{ID: "req_1", FileID: "f"}))
		}, `{"id":"req_1","fileId":"f"}`},
		"reviews.decide": {func(ctx context.Context, c *client) error {
			return second(c.Reviews.Decide(ctx, alipayplus.DecideInput{ID: "req_1", Reason: "no", RequestID: "k"}))
		}, `{"id":"req_1","approve":false,"reason":"no","requestId":"k"}`},
		"sessions.begin": {func(ctx context.Context, c *client) error {
			return second(c.Sessions.Begin(ctx, alipayplus.BeginSessionInput{TokenHash: fileID, RequestID: "k"}))
		}, `{"tokenHash":"` + fileID + `","requestId":"k"}`},
	}
	for _, op := range contract.Operations() {
		if op == contract.VersionUpload {
			continue // three requests: see TestVersionGoesUpInThreeRequests
		}
		t.Run(op.Name, func(t *testing.T) {
			given := newGateway(t, refuses(404, "NOT_FOUND"))
			tt, ok := tests[op.Name]
			require.True(t, ok)

			err := tt.call(t.Context(), given.client())

			require.ErrorIs(t, err, alipayplus.ErrNotFound)
			require.Equal(t, op.Name, failure(t, err).Operation)
			require.Len(t, given.attempts(), 1)
			got := given.attempts()[0]
			require.Equal(t, http.MethodPost, got.request.Method)
			require.Equal(t, gatewayURL+contract.Prefix+op.Path, got.request.URL.String())
			require.NotContains(t, got.request.URL.Path, "//")
			require.Equal(t, tt.body, string(got.body))
			keyed := op.Write && op != contract.QRCodeCreate && op != contract.FileUpload
			require.Equal(t, keyed, got.requestID() == "k")
		})
	}
	require.Len(t, tests, len(contract.Operations())-1)
}

func second[T any](_ T, err error) error { return err }

// The mini program is read, a package goes up as raw bytes under its SHA-256, and is
// then registered.
func TestVersionGoesUpInThreeRequests(t *testing.T) {
	build := []byte("PK\x03\x04, says a zip")
	id := fmt.Sprintf("%x", sha256.Sum256(build))
	given := newGateway(t,
		signed(200, result("S", "SUCCESS", `,"data":{"id":"mp_1"}`)),
		signed(200, result("S", "SUCCESS", `,"data":{"id":"`+id+`","contentType":"application/zip","size":19}`)),
		signed(200, result("S", "SUCCESS", `,"requestId":"$ID","data":{"version":"1.0.0","fileId":"`+id+`"}`)),
	)
	version, err := alipayplus.ParseVersion("1.0.0")
	require.NoError(t, err)

	_, err = given.client().Programs.UploadVersion(t.Context(), alipayplus.UploadVersionInput{
		ProgramID: "mp_1", Version: version, Package: bytes.NewReader(build), Size: int64(len(build)), RequestID: "k",
	})

	require.NoError(t, err)
	seen := given.attempts()
	require.Len(t, seen, 3)
	require.Equal(t, "/api/open/v2/miniprogram/query", seen[0].request.URL.Path)
	require.Equal(t, "/api/open/v2/file/upload", seen[1].request.URL.Path)
	require.Equal(t, "application/zip", seen[1].header.Get("Content-Type"))
	require.Equal(t, build, seen[1].body)
	require.Equal(t, "/api/open/v2/miniprogram/version/upload", seen[2].request.URL.Path)
	require.JSONEq(t, `{"programId":"mp_1","version":"1.0.0","fileId":"`+id+`","requestId":"k"}`, string(seen[2].body))
}

// A package is not uploaded for a version that cannot be made; the platform has the
// last word, because the call may be the repetition of one that it did.
func TestAVersionThatIsTooLowIsNotUploaded(t *testing.T) {
	read := signed(200, result("S", "SUCCESS", `,"data":{"id":"mp_1","latestVersion":"1.2.0"}`))
	build := []byte("PK\x03\x04, says a zip")
	upload := func(given *gateway, version alipayplus.VersionNumber) error {
		return second(given.client().Programs.UploadVersion(t.Context(), alipayplus.UploadVersionInput{
			ProgramID: "mp_1", Version: version, Package: bytes.NewReader(build), Size: int64(len(build)), RequestID: "k",
		}))
	}
	for _, version := range []alipayplus.VersionNumber{{Major: 1}, {Major: 1, Minor: 2}} {
		given := newGateway(t, read, refuses(http.StatusBadRequest, "PARAM_ILLEGAL"))
		err := upload(given, version)
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.ErrorContains(t, err, "programs.uploadVersion")
		require.Len(t, given.attempts(), 2)
		require.Equal(t, "/api/open/v2/miniprogram/version/upload", given.attempts()[1].request.URL.Path)
	}
	done := newGateway(t, read, signed(200, result("S", "SUCCESS", `,"requestId":"$ID","data":{"version":"1.2.0"}`)))
	require.NoError(t, upload(done, alipayplus.VersionNumber{Major: 1, Minor: 2}), "it was this call that made it")
	missing := newGateway(t, refuses(http.StatusNotFound, "NOT_FOUND"))
	err := upload(missing, alipayplus.VersionNumber{Major: 2})
	require.ErrorIs(t, err, alipayplus.ErrNotFound)
	require.ErrorContains(t, err, "programs.uploadVersion")
	require.Len(t, missing.attempts(), 1)
}

// The documented answer of qrcode/create has its fields beside the result.
func TestDocumentedAnswerOfAQRCode(t *testing.T) {
	create := func(body string) (*alipayplus.QRCode, error) {
		return newGateway(t, signed(200, body)).client().QRCodes.Create(t.Context(), alipayplus.CreateQRCodeInput{AppID: "mp_1"})
	}

	code, err := create(result("S", "SUCCESS", `,"appQrCode":"v","appQrCodePicValue":"cA==","appQrCodeResultPicType":"PNG"`))
	require.NoError(t, err)
	require.Equal(t, alipayplus.QRCode{Value: "v", Picture: "cA==", PictureType: "PNG"}, *code)

	_, err = create(result("S", "SUCCESS", ""))
	require.ErrorContains(t, err, "the answer has no data")
}

// The client keeps nothing of what it was given that its owner could change.
func TestClientCopiesWhatItGets(t *testing.T) {
	given := newGateway(t, done())
	given.clientKey = &testkey.Key().PublicKey
	own := &http.Client{Transport: given, Timeout: time.Minute}
	public, private := platformKeyPEM("1"), testkey.PEM()
	c := given.client(alipayplus.WithHTTPClient(own), alipayplus.WithPlatformKey("1", public), alipayplus.WithPrivateKey(private))

	own.Transport, own.Timeout = nil, 1
	clear(public)
	clear(private)

	require.NoError(t, read(t.Context(), c))
}

func TestCallersHTTPClientIsNotChanged(t *testing.T) {
	own := &http.Client{Timeout: time.Minute}
	given := newGateway(t, done())
	own.Transport = given

	require.NoError(t, read(t.Context(), given.client(alipayplus.WithHTTPClient(own))))

	require.Equal(t, http.Client{Transport: given, Timeout: time.Minute}, *own)
}

// An input is the caller's: no call changes it.
func TestInputsAreNotChanged(t *testing.T) {
	in := alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en", Name: "Tea"}}}
	before := fmt.Sprintf("%+v", in)

	_, err := newGateway(t, done()).client().Programs.Create(t.Context(), in)

	require.NoError(t, err)
	require.Equal(t, before, fmt.Sprintf("%+v", in))
}

// One client serves all goroutines, also while calls fail and are repeated.
func TestConcurrentCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newGateway(t, page(502), fails(errReset), page(429), done())
		var events sync.Map
		c := given.client(
			alipayplus.WithRetry(10, time.Millisecond, time.Second),
			alipayplus.WithRateLimit(1000, 3),
			alipayplus.WithObserver(func(_ context.Context, e alipayplus.Attempt) { events.Store(e.RequestID, e) }),
		)
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				id := fmt.Sprintf("call-%d", n)
				_, err := c.Releases.Cancel(t.Context(), alipayplus.ReleaseInput{ReleaseID: id, RequestID: id})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for n := range 20 {
			_, seen := events.Load(fmt.Sprintf("call-%d", n))
			require.True(t, seen)
		}
	})
}

// loopback is a server that answers as the gateway does, and counts connections.
func loopback(t *testing.T, given *gateway) (base string, connections func() int) {
	t.Helper()
	var mu sync.Mutex
	opened := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Scheme, r.URL.Host = "http", r.Host
		resp, err := given.RoundTrip(r)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		maps.Copy(w.Header(), resp.Header)
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateNew {
			opened++
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, func() int {
		mu.Lock()
		defer mu.Unlock()
		return opened
	}
}

// A client keeps its connection through success, refusal, a large page of a
// proxy, and failed calls: neither it nor its calls open more.
func TestConnectionIsKept(t *testing.T) {
	large := plain(502, "text/html", string(bytes.Repeat([]byte("x"), 300<<10)))
	given := newGateway(t, done(), refuses(409, "STATE_CONFLICT"), large, large, page(404), page(302), done())
	base, connections := loopback(t, given)
	c, err := alipayplus.New(
		alipayplus.WithBaseURL(base), alipayplus.WithClientID(myClientID), alipayplus.WithSigner(clientKey()),
		alipayplus.WithPlatformKey("1", platformKeyPEM("1")), alipayplus.WithRetry(2, 0, 0),
	)
	require.NoError(t, err)

	for range 20 {
		err := read(t.Context(), c)
		if err != nil {
			failure(t, err)
		}
	}

	require.Len(t, given.attempts(), 21)
	require.Equal(t, 1, connections())
}

// No goroutine outlives its call, whatever the call came to: the bubble would
// not end while one is left.
func TestNothingIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe() // a bubble has no sockets
			go serveOverPipe(there)
			return here, nil
		}}
		for path, attempts := range map[string]int{"/hang": 2, "/cut": 4, "/502": 4} {
			seen := 0
			c := newGateway(t).client(
				alipayplus.WithBaseURL("http://h.example"+path), alipayplus.WithHTTPClient(&http.Client{Transport: own}),
				alipayplus.WithAttemptTimeout(10*time.Second), alipayplus.WithRateLimit(10, 1),
				alipayplus.WithObserver(func(context.Context, alipayplus.Attempt) { seen++ }),
			)
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			require.Error(t, read(ctx, c))
			require.Equal(t, attempts, seen, path)
			cancel()
		}
		own.CloseIdleConnections()
		synctest.Wait()
	})
}

// serveOverPipe does with each call what its path says.
func serveOverPipe(conn net.Conn) {
	defer conn.Close()
	for requests := bufio.NewReader(conn); ; {
		r, err := http.ReadRequest(requests)
		if err != nil {
			return // the client has closed the connection
		}
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/hang" + contract.Prefix + "release/query":
			_, _ = conn.Read(make([]byte, 1)) // until the client gives up
		case "/502" + contract.Prefix + "release/query":
			_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		return
	}
}

// The caller's own transport errors stay visible.
func TestErrorOfTheCallersTransport(t *testing.T) {
	own := errors.New("not on a Friday")

	err := read(t.Context(), newGateway(t, fails(own)).client(alipayplus.WithRetry(1, 0, 0)))

	require.ErrorIs(t, err, own)
}

// ids collects a list to its end.
func ids[T any](list iter.Seq2[*T, error], id func(*T) string) (all []string, err error) {
	for item, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, id(item))
	}
	return all, nil
}

// Every list is read from the caller's cursor to its end, with the caller's choice on every page.
func TestEveryListIsReadToItsEnd(t *testing.T) {
	from := alipayplus.ListOptions{Limit: 2, Cursor: "c1", Order: alipayplus.OldestFirst}
	for _, tt := range []struct {
		path string
		// with is a choice besides the page.
		with string
		read func(*testing.T, *alipayplus.Client) ([]string, error)
	}{
		{"miniprogram/list", "", func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			return ids(c.Programs.All(t.Context(), alipayplus.ListProgramsInput{ListOptions: from}), func(p *alipayplus.Program) string { return p.ID })
		}},
		{"miniprogram/version/list", `"programId":"p_1"`, func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			in := alipayplus.ListVersionsInput{ListOptions: from, ProgramID: "p_1"}
			return ids(c.Programs.AllVersions(t.Context(), in), func(v *alipayplus.Version) string { return v.FileID })
		}},
		{"release/list", `"status":"FULL_RELEASE"`, func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			in := alipayplus.ListReleasesInput{ListOptions: from, Status: alipayplus.ReleaseFull}
			return ids(c.Releases.All(t.Context(), in), func(r *alipayplus.Release) string { return r.ID })
		}},
		{"service/list", `"status":"ONLINE"`, func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			in := alipayplus.ListServicesInput{ListOptions: from, Status: alipayplus.ServiceOnline}
			return ids(c.Services.All(t.Context(), in), func(s *alipayplus.Service) string { return s.ID })
		}},
		{"request/list", `"title":"tea"`, func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			in := alipayplus.ListRequestsInput{ListOptions: from, Title: "tea"}
			return ids(c.Requests.All(t.Context(), in), func(r *alipayplus.Request) string { return r.ID })
		}},
		{"review/list", "", func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			return ids(c.Reviews.All(t.Context(), alipayplus.ListReviewsInput{ListOptions: from}), func(r *alipayplus.Request) string { return r.ID })
		}},
	} {
		t.Run(tt.path, func(t *testing.T) {
			g := newGateway(t,
				has(`{"items":[{"id":"a","fileId":"a"},{"id":"b","fileId":"b"}],"nextCursor":"c2"}`),
				has(`{"items":[],"nextCursor":"c3"}`),
				has(`{"items":[{"id":"c","fileId":"c"}]}`),
				refuses(200, alipayplus.CodeNotFound),
			)
			all, err := tt.read(t, g.client())
			require.NoError(t, err)
			require.Equal(t, []string{"a", "b", "c"}, all)
			require.Len(t, g.attempts(), 3)
			for i, attempt := range g.attempts() {
				require.Equal(t, "/api/open/v2/"+tt.path, attempt.request.URL.Path)
				var page alipayplus.ListOptions
				require.NoError(t, json.Unmarshal(attempt.body, &page))
				require.Equal(t, alipayplus.ListOptions{Limit: 2, Cursor: fmt.Sprintf("c%d", i+1), Order: alipayplus.OldestFirst}, page)
				require.Contains(t, string(attempt.body), tt.with)
			}

			// the next call is refused
			_, err = tt.read(t, g.client())
			require.ErrorIs(t, err, alipayplus.ErrNotFound)
			require.Len(t, g.attempts(), 4)
		})
	}
}
