package alipaycn

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

func TestEveryAttemptIsSignedAfreshAndKeepsItsRequestID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []Attempt
		s, c := newStub(t, func(n int, _ *http.Request, _ []byte) stubAnswer {
			if n < 3 {
				return stubAnswer{status: 503, body: "<html>", bare: true}
			}
			return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"GRAY","gray_strategy":"p30"}`}
		}, WithObserver(func(_ context.Context, a Attempt) { events = append(events, a) }))

		detail, err := c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})

		require.NoError(t, err)
		require.Equal(t, StatusGray, detail.Status)
		require.Len(t, s.seen, 3)
		authorizations, ids := map[string]bool{}, map[string]bool{}
		for _, r := range s.seen {
			authorizations[r.Header.Get("Authorization")] = true
			ids[r.Header.Get("Alipay-Request-Id")] = true
			require.Equal(t, "application/json", r.Header.Get("Accept"))
			require.Equal(t, "https://openapi.alipay.com/v3/alipay/open/mini/version/detail/query?app_version=0.0.1", r.URL.String())
		}
		require.Len(t, authorizations, 3)
		require.Len(t, ids, 1)
		require.Len(t, events, 3)
		require.Equal(t, "trace-1", events[0].TraceID)
		require.Equal(t, 503, events[0].HTTPStatus)
		require.Positive(t, events[0].RetryIn)
		require.NoError(t, events[2].Err)
		require.Equal(t, 3, events[2].Number)
		require.Equal(t, "alipay.open.mini.version.detail.query", events[2].API)

		_, err = c.Do(t.Context(), Request{Method: http.MethodGet, Path: "alipay.open.mini.version.list.query"}, nil)
		require.NoError(t, err)
		require.Equal(t, "alipay.open.mini.version.list.query", events[3].API)
	})
}

func TestAWriteIsRepeatedOnlyWhenItWasNotAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := newStub(t, func(n int, _ *http.Request, _ []byte) stubAnswer {
			switch n {
			case 1:
				return stubAnswer{status: 429, body: `{"code":"app-call-limited","message":"slow down"}`, header: http.Header{"Retry-After": {"7"}}}
			case 2:
				return stubAnswer{status: 400, body: `{"code":"SYSTEM_LIMIT","message":"slow down"}`}
			default:
				return stubAnswer{status: 204}
			}
		})
		start := time.Now()
		require.NoError(t, c.Versions.TakeOffline(t.Context(), VersionInput{Version: versionOne()}))
		require.Len(t, s.seen, 3)
		require.GreaterOrEqual(t, time.Since(start), 7*time.Second)
	})
}

func TestContentIsEncryptedSignedVerifiedAndDecrypted(t *testing.T) {
	const key = "c2hhcmVkLWFlcy1rZXktMQ=="
	aes, err := cnwire.ParseAESKey([]byte(key))
	require.NoError(t, err)
	s, c := newStub(t, func(_ int, r *http.Request, body []byte) stubAnswer {
		require.Equal(t, "AES", r.Header.Get("Alipay-Encrypt-Type"))
		require.Equal(t, "text/plain", r.Header.Get("Content-Type"))
		plain, err := aes.Decrypt(body)
		require.NoError(t, err)
		require.JSONEq(t, `{"url_param":"pages/index"}`, string(plain))
		return stubAnswer{status: 200, body: string(aes.Encrypt([]byte(`{"qr_code_url":"https://q"}`)))}
	}, WithAESKey([]byte(key+"\n")))
	code, err := c.QRCodes.Create(t.Context(), CreateQRCodeInput{Page: "pages/index"})
	require.NoError(t, err)
	require.Equal(t, "https://q", code.URL)

	s.answer = always(200, "bm90IGEgY2lwaGVydGV4dA==")
	_, err = c.QRCodes.Create(t.Context(), CreateQRCodeInput{Page: "pages/index"})
	require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
	require.ErrorContains(t, err, "AES key")
}

func TestWhatIsNotValidIsNotSent(t *testing.T) {
	s, c := newStub(t, always(200, `{}`))
	for _, err := range []error{
		c.Versions.Publish(t.Context(), PublishInput{}),
		second(c.Versions.Upload(t.Context(), UploadInput{})),
		second(c.Versions.Apply(t.Context(), ApplyInput{})),
		second(c.Versions.Get(t.Context(), VersionInput{})),
		second(c.Versions.WaitBuilt(t.Context(), VersionInput{}, BuildWait{})),
	} {
		_, invalid := errors.AsType[*alipayplus.ValidationError](err)
		require.True(t, invalid, "%v", err)
		require.ErrorIs(t, err, alipayplus.ErrInvalid)
		require.ErrorContains(t, err, "app_version")
	}
	require.Empty(t, s.seen)
}

func TestTheThirdPartyAppAsksAboutTokensForItself(t *testing.T) {
	s, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
		if r.Method == http.MethodGet {
			require.Equal(t, "t1", r.URL.Query().Get("app_auth_token"))
			return stubAnswer{status: 200, body: `{"status":"valid","auth_methods":["alipay.open.mini.version.online"],"expires_in":1}`}
		}
		return stubAnswer{status: 200, body: `{"app_auth_token":"t1","auth_app_id":"a1","tokens":[{"app_auth_token":"t1","auth_app_id":"a1"}]}`}
	})
	s.token = ""
	tokens, err := c.Authorization.Exchange(t.Context(), "code1")
	require.NoError(t, err)
	require.Equal(t, "t1", tokens.AppAuthToken)
	_, err = c.Authorization.Refresh(t.Context(), "refresh1")
	require.NoError(t, err)
	info, err := c.Authorization.Query(t.Context(), "t1")
	require.NoError(t, err)
	require.Len(t, info.MissingMethods(), 12)
	require.NotContains(t, info.MissingMethods(), "alipay.open.mini.version.online")
	require.Empty(t, TokenInfo{Status: TokenValid, Full: true}.MissingMethods())
	require.Len(t, TokenInfo{Status: TokenInvalid, Full: true}.MissingMethods(), 13)
}

func TestABrokenSignerIsTheCallersFault(t *testing.T) {
	_, c := newStub(t, always(200, `{}`))
	c.signer = brokenSigner{testkey.FastClient()}
	_, err := c.BaseInfo.Get(t.Context())
	require.ErrorContains(t, err, "WithSigner")
	require.Zero(t, failureOf(t, err).HTTPStatus)
	require.True(t, failureOf(t, err).Retryable, "it may be a service that is away for a moment")

	c.signer, c.token = testkey.FastClient(), new("a token\nof two lines")
	_, err = c.BaseInfo.Get(t.Context())
	require.Error(t, err)
	require.False(t, failureOf(t, err).Retryable)
}

type brokenSigner struct{ crypto.Signer }

type requestVectors struct {
	Keys struct {
		Private string `json:"TEST_ONLY_app_private_key_pkcs8_pem"`
	} `json:"keys"`
	Cases []struct {
		Name     string         `json:"name"`
		Raw      map[string]any `json:"input"`
		Expected struct {
			Authorization string `json:"authorization"`
		} `json:"expected"`
	} `json:"cases"`
}

func TestRequestVectorsThroughTheClient(t *testing.T) {
	var vectors requestVectors
	readVectors(t, "v3-request.json", &vectors)
	key, err := signing.ParsePrivateKey([]byte(vectors.Keys.Private))
	require.NoError(t, err)
	for _, v := range vectors.Cases {
		t.Run(v.Name, func(t *testing.T) {
			in := func(name string) string { text, _ := v.Raw[name].(string); return text }
			var got *http.Request
			c, err := New(WithAppID(in("app_id")), WithSigner(key), WithAlipayPublicKey(testkey.FastKey().PublicPEM()), WithRetry(1, 0, 0),
				WithAppAuthToken(in("app_auth_token")), WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					got = r
					return nil, errors.New("seen")
				})}))
			require.NoError(t, err)
			at, err := strconv.ParseInt(in("timestamp_ms"), 10, 64)
			require.NoError(t, err)
			c.nonce, c.now = func() string { return in("nonce") }, func() time.Time { return time.UnixMilli(at) }
			c.trust.appCertSN, c.trust.rootSN = in("app_cert_sn"), in("alipay_root_cert_sn")
			c.expiredSeconds, _ = strconv.Atoi(in("expired_seconds"))
			out := outgoing{target: in("path_and_query"), contentType: jsonContent, body: []byte(in("signed_body")), encrypted: in("body_kind") == "aes"}
			if in("body_kind") == "multipart" {
				out = out.multipart([]filePart{{"first_screen_shot", aPicture(t, "shot-1.png", 1, 1)}})
			}

			_ = c.exchange(t.Context(), cnwire.Operation{Name: "vector", Method: in("method"), Write: true}, out, nil)

			require.Equal(t, v.Expected.Authorization, got.Header.Get("Authorization"))
			require.Equal(t, in("path_and_query"), got.URL.RequestURI())
			require.Equal(t, in("app_auth_token"), got.Header.Get("Alipay-App-Auth-Token"))
			require.Equal(t, in("alipay_root_cert_sn"), got.Header.Get("Alipay-Root-Cert-Sn"))
		})
	}
}

func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("../internal/cnwire/testdata/" + name)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, into))
}

// description is AlipayCN's own description of its API: names and types.
type description struct {
	CommonCodes []string                        `json:"common_error_codes"`
	Operations  map[string]operationDescription `json:"operations"`
}

type operationDescription struct {
	API     string                    `json:"operation"`
	Query   map[string]any            `json:"query"`
	Request map[string]map[string]any `json:"request"`
	Answer  map[string]any            `json:"response"`
	Codes   []string                  `json:"error_codes"`
}

func readDescription(t *testing.T) description {
	t.Helper()
	data, err := os.ReadFile("testdata/alipaycn-v3.json")
	require.NoError(t, err)
	var d description
	require.NoError(t, json.Unmarshal(data, &d))
	return d
}

func (d description) of(t *testing.T, op cnwire.Operation) operationDescription {
	t.Helper()
	described, found := d.Operations[op.Method+" "+op.Path()]
	require.True(t, found, "%s is not in the description", op.Name)
	return described
}

// input returns what the operation takes, files apart.
func (d operationDescription) input() (kind cnwire.Kind, fields map[string]any, files []string) {
	if body, ok := d.Request["multipart/form-data"]; ok {
		fields, _ = body[cnwire.DataPart].(map[string]any)
		for name, kind := range body {
			if kind == "string:binary" {
				files = append(files, name)
			}
		}
		slices.Sort(files)
		return cnwire.Multipart, fields, files
	}
	if body, ok := d.Request["application/json"]; ok {
		return cnwire.JSON, body, nil
	}
	return cnwire.Query, d.Query, nil
}

// addedSince are the fields that AlipayCN's newer SDKs have and the description does not.
func addedSince(op cnwire.Operation) map[string]any {
	if op == cnwire.VersionPublish {
		return map[string]any{"permit_registration_limit_release": "boolean"}
	}
	return nil
}

// noFields is the input or answer of an operation that has no fields.
type noFields struct{}

// model is what this package has for an operation.
type model struct {
	op     cnwire.Operation
	input  any
	answer any
}

func models() []model {
	return []model{
		{cnwire.VersionUpload, UploadInput{}, Build{}},
		{cnwire.VersionBuild, VersionInput{}, Build{}},
		{cnwire.VersionApply, ApplyInput{}, ApplyResult{}},
		{cnwire.VersionCancelAudit, CancelAuditInput{}, noFields{}},
		{cnwire.VersionReturnToDevelopment, VersionInput{}, noFields{}},
		{cnwire.VersionGray, GrayInput{}, noFields{}},
		{cnwire.VersionCancelGray, VersionInput{}, noFields{}},
		{cnwire.VersionPublish, PublishInput{}, noFields{}},
		{cnwire.VersionTakeOffline, VersionInput{}, noFields{}},
		{cnwire.VersionRollback, VersionInput{}, noFields{}},
		{cnwire.VersionDelete, VersionInput{}, noFields{}},
		{cnwire.VersionGet, VersionInput{}, VersionDetail{}},
		{cnwire.VersionList, ListVersionsInput{}, VersionList{}},
		{cnwire.BaseInfoGet, noFields{}, BaseInfo{}},
		{cnwire.BaseInfoModify, ModifyBaseInfoInput{}, noFields{}},
		{cnwire.BaseInfoCheckName, CheckNameInput{}, NameCheck{}},
		{cnwire.CategoryList, ListCategoriesInput{}, CategoryList{}},
		{cnwire.CategoryRequirements, CategoryRequirementsInput{}, CategoryRequirements{}},
		{cnwire.ExperienceCreate, VersionInput{}, noFields{}},
		{cnwire.ExperienceGet, VersionInput{}, Experience{}},
		{cnwire.ExperienceCancel, VersionInput{}, noFields{}},
		{cnwire.SafeDomainAdd, SafeDomainInput{}, noFields{}},
		{cnwire.SafeDomainRemove, SafeDomainInput{}, noFields{}},
		{cnwire.MemberAdd, AddMemberInput{}, noFields{}},
		{cnwire.MemberRemove, RemoveMemberInput{}, noFields{}},
		{cnwire.MemberList, ListMembersInput{}, MemberList{}},
		{cnwire.QRCodeCreate, CreateQRCodeInput{}, QRCode{}},
		{cnwire.QRCodeBind, BindQRCodeInput{}, BoundQRCode{}},
		{cnwire.QRCodeList, ListQRCodesInput{}, QRCodeList{}},
		{cnwire.QRCodeUnbind, UnbindQRCodeInput{}, noFields{}},
		{cnwire.TemplateUsages, TemplateUsagesInput{}, TemplateUsages{}},
		{cnwire.OrderCreate, CreateOrderInput{}, CreatedOrder{}},
		{cnwire.OrderGet, GetOrderInput{}, Order{}},
		{cnwire.OrderAccept, OrderInput{}, noFields{}},
		{cnwire.OrderReject, RejectOrderInput{}, noFields{}},
		{cnwire.OrderCompleteItem, OrderItemInput{}, noFields{}},
		{cnwire.OrderConfirmItem, OrderItemInput{}, noFields{}},
		{cnwire.OrderCancelItem, CancelOrderItemInput{}, noFields{}},
		{cnwire.AuthorizationToken, tokenInput{}, Tokens{}},
		{cnwire.AuthorizationGet, tokenInfoInput{}, TokenInfo{}},
	}
}

// shape is a type on the wire, in the notation of the description.
func shape(t *testing.T, typ reflect.Type) any {
	t.Helper()
	if typ.Kind() == reflect.Pointer {
		return shape(t, typ.Elem())
	}
	switch zero := reflect.Zero(typ).Interface().(type) {
	case json.Marshaler:
		data, err := zero.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, byte('"'), data[0], "%v writes itself as a text", typ)
		return "string"
	case alipayplus.VersionNumber:
		return "string"
	}
	switch typ.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Slice:
		return []any{shape(t, typ.Elem())}
	case reflect.Struct:
		return shapeOfStruct(t, typ)
	default:
		t.Fatalf("%v has no shape", typ)
		return nil
	}
}

func shapeOfStruct(t *testing.T, typ reflect.Type) map[string]any {
	t.Helper()
	fields := map[string]any{}
	for field := range typ.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case field.Anonymous:
			maps.Copy(fields, shapeOfStruct(t, field.Type))
		default:
			require.NotEmpty(t, name, "%v.%s has its name on the wire", typ, field.Name)
			fields[name] = shape(t, field.Type)
		}
	}
	return fields
}

func TestEveryOperationIsModelledAndNoneIsInvented(t *testing.T) {
	d := readDescription(t)
	described := map[string]string{}
	for key, op := range d.Operations {
		described[key] = op.API
	}
	listed := map[string]string{}
	for _, op := range cnwire.Operations() {
		listed[op.Method+" "+op.Path()] = op.API
	}
	require.Equal(t, described, listed)

	var modelled []cnwire.Operation
	for _, m := range models() {
		modelled = append(modelled, m.op)
	}
	require.Equal(t, cnwire.Operations(), modelled)
}

func TestEveryFieldIsModelledAndNoneIsInvented(t *testing.T) {
	d := readDescription(t)
	for _, m := range models() {
		t.Run(m.op.Name, func(t *testing.T) {
			described := d.of(t, m.op)
			kind, fields, _ := described.input()
			want := map[string]any{}
			maps.Copy(want, fields)
			maps.Copy(want, addedSince(m.op))

			require.Equal(t, kind, m.op.Kind)
			require.Equal(t, want, shape(t, reflect.TypeOf(m.input)))
			require.Equal(t, described.Answer, shape(t, reflect.TypeOf(m.answer)))
		})
	}
}

func TestEveryFileIsModelledAndNoneIsInvented(t *testing.T) {
	d := readDescription(t)
	for _, tt := range []struct {
		op    cnwire.Operation
		files []filePart
	}{
		{cnwire.VersionApply, ApplyInput{
			AppLogo: &File{}, OutDoorPic: &File{}, TestFile: &File{},
			ScreenShots: make([]File, 9), LicensePics: make([]File, 9), SpecialLicensePics: make([]File, 9),
		}.files()},
		{cnwire.BaseInfoModify, ModifyBaseInfoInput{AppLogo: &File{}}.files()},
		{cnwire.OrderCreate, CreateOrderInput{AppLogo: &File{}}.files()},
	} {
		t.Run(tt.op.Name, func(t *testing.T) {
			_, _, want := d.of(t, tt.op).input()
			var got []string
			for _, part := range tt.files {
				got = append(got, part.name)
			}
			slices.Sort(got)
			require.Equal(t, want, got)
		})
	}
}

func TestOnlyOperationsThatChangeSomethingAreWrites(t *testing.T) {
	for _, op := range cnwire.Operations() {
		reads := op.Method == http.MethodGet || op == cnwire.CategoryRequirements
		require.Equal(t, !reads, op.Write, op.Name)
	}
}

// filled returns a value of the type with something in every field that goes
// over the wire.
func filled(t *testing.T, typ reflect.Type) reflect.Value {
	t.Helper()
	v := reflect.New(typ).Elem()
	fill(t, v)
	return v
}

func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case alipayplus.VersionNumber:
		v.Set(reflect.ValueOf(alipayplus.VersionNumber{Major: 1, Minor: 2, Patch: 3}))
		return
	case Time:
		v.Set(reflect.ValueOf(Time{time.Date(2026, 5, 4, 3, 2, 1, 0, beijing())}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(15)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0))
		fill(t, v.Index(1))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				fill(t, v.Field(i))
			}
		}
	default:
		t.Fatalf("%v cannot be filled", v.Type())
	}
}

func TestEverythingSurvivesTheWire(t *testing.T) {
	d := readDescription(t)
	for _, m := range models() {
		t.Run(m.op.Name, func(t *testing.T) {
			_, inputFields, _ := d.of(t, m.op).input()
			wire := map[string]any{}
			maps.Copy(wire, inputFields)
			maps.Copy(wire, addedSince(m.op))
			surviveTheWire(t, m.input, wire)
			surviveTheWire(t, m.answer, d.of(t, m.op).Answer)
		})
	}
}

func surviveTheWire(t *testing.T, sample any, fields map[string]any) {
	t.Helper()
	given := filled(t, reflect.TypeOf(sample))
	data, err := json.Marshal(given.Interface())
	require.NoError(t, err)

	var onTheWire map[string]any
	require.NoError(t, json.Unmarshal(data, &onTheWire))
	require.ElementsMatch(t, slices.Collect(maps.Keys(fields)), slices.Collect(maps.Keys(onTheWire)))

	got := reflect.New(given.Type())
	require.NoError(t, json.Unmarshal(data, got.Interface()))
	require.Equal(t, given.Interface(), got.Elem().Interface())
}

func TestWhatIsLeftOutIsNotOnTheWire(t *testing.T) {
	for _, m := range models() {
		data, err := json.Marshal(m.input)
		require.NoError(t, err)
		want := `{}`
		if m.op == cnwire.CategoryList {
			want = `{"is_filter":false}`
		}
		require.JSONEq(t, want, string(data), m.op.Name)

		data, err = json.Marshal(m.answer)
		require.NoError(t, err)
		require.JSONEq(t, `{}`, string(data), m.op.Name)
	}
}

func TestAQueryHasTheNamesOfTheWire(t *testing.T) {
	d := readDescription(t)
	for _, m := range models() {
		if m.op.Kind != cnwire.Query {
			continue
		}
		t.Run(m.op.Name, func(t *testing.T) {
			values, err := queryValues(filled(t, reflect.TypeOf(m.input)).Interface())
			require.NoError(t, err)
			require.ElementsMatch(t, slices.Collect(maps.Keys(d.of(t, m.op).Query)), slices.Collect(maps.Keys(values)))
		})
	}
}

func TestAQueryIsEncodedAsAlipayCNExpectsIt(t *testing.T) {
	for _, tt := range []struct {
		in   any
		want string
	}{
		{ListVersionsInput{Statuses: []VersionStatus{StatusInit, StatusAuditing}, BundleID: BundleAlipay}, "bundle_id=com.alipay.alipaywallet&version_status=INIT%2CAUDITING"},
		{VersionInput{Version: alipayplus.VersionNumber{Minor: 2}}, "app_version=0.2.0"},
		{TemplateUsagesInput{TemplateID: "1", Page: 2147483648, PageSize: 50}, "page_num=2147483648&page_size=50&template_id=1"},
		{ListCategoriesInput{OnlyAvailable: true}, "is_filter=true"},
		{SafeDomainInput{Domain: "a&b=<c>"}, "safe_domain=a%26b%3D%3Cc%3E"},
		{SafeDomainInput{Domain: "as it is given \n"}, "safe_domain=as+it+is+given+%0A"},
		{noFields{}, ""},
	} {
		values, err := queryValues(tt.in)
		require.NoError(t, err)
		require.Equal(t, tt.want, values.Encode())
	}

	_, err := queryValues(func() {})
	require.Error(t, err)
	_, err = queryValues("text")
	require.ErrorContains(t, err, "make a query string")
}

// The stub verifies the signature of each request.
func TestDoCallsAnyOperation(t *testing.T) {
	type page struct {
		Size int    `json:"page_size"`
		Name string `json:"name,omitempty"`
	}
	for name, tt := range map[string]struct {
		request Request
		uri     string
		sent    string
	}{
		"by its path":           {Request{Method: "GET", Path: "/v3/alipay/open/new/thing/query"}, "/v3/alipay/open/new/thing/query", ""},
		"by its name":           {Request{Method: "GET", Path: "alipay.open.new.thing.query"}, "/v3/alipay/open/new/thing/query", ""},
		"a query from a struct": {Request{Method: "GET", Path: "alipay.open.new.thing.query", Input: page{Size: 5, Name: "a b&c"}}, "/v3/alipay/open/new/thing/query?name=a+b%26c&page_size=5", ""},
		"a query from values":   {Request{Method: "DELETE", Path: "alipay.open.new.thing.delete", Input: url.Values{"id": {"1", "2"}}}, "/v3/alipay/open/new/thing/delete?id=1&id=2", ""},
		"a query of its own":    {Request{Method: "GET", Path: "/v3/a/%E7%89%88?x=1", Input: map[string]any{"y": true}}, "/v3/a/%E7%89%88?x=1&y=true", ""},
		"a body":                {Request{Method: "POST", Path: "alipay.open.new.thing.create", Input: page{Size: 5}}, "/v3/alipay/open/new/thing/create", `{"page_size":5}`},
		"a body as it is":       {Request{Method: "PUT", Path: "alipay.open.new.thing.modify", Input: json.RawMessage(`{"a":1}`)}, "/v3/alipay/open/new/thing/modify", `{"a":1}`},
		"no body":               {Request{Method: "POST", Path: "alipay.open.new.thing.create"}, "/v3/alipay/open/new/thing/create", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := newStub(t, func(_ int, r *http.Request, body []byte) stubAnswer {
				require.Equal(t, tt.request.Method, r.Method)
				require.Equal(t, tt.uri, r.URL.RequestURI())
				require.Equal(t, tt.sent, string(body))
				return stubAnswer{status: 200, body: `{"id":7,"code":"A1","created":"2026-11-21 10:00:00"}`}
			})
			var out struct {
				ID      string `json:"id"`
				Code    string `json:"code"`
				Created Time   `json:"created"`
			}
			response, err := c.Do(t.Context(), tt.request, &out)
			require.NoError(t, err)
			require.Equal(t, "7", out.ID)
			require.Equal(t, "A1", out.Code, "another operation's success may have a code")
			require.False(t, out.Created.IsZero())
			require.Equal(t, `{"id":7,"code":"A1","created":"2026-11-21 10:00:00"}`, string(response.Body)) //nolint:testifylint // to the byte
			require.Equal(t, response.Body, []byte(response.Raw))
			require.Equal(t, "id is a number, not a text", response.Odd[0].String())
			require.Equal(t, 200, response.HTTPStatus)
			require.Equal(t, "trace-1", response.TraceID)
			require.Equal(t, 1, response.Attempts)
			require.NotEmpty(t, response.Header.Get(cnwire.HeaderSignature))
			require.Len(t, s.seen, 1)

			var raw json.RawMessage
			_, err = c.Do(t.Context(), tt.request, &raw)
			require.NoError(t, err)
			require.Equal(t, response.Body, []byte(raw))
			_, err = c.Do(t.Context(), tt.request, nil)
			require.NoError(t, err)
		})
	}
}

func TestDoSendsFilesAndEncrypts(t *testing.T) {
	key := []byte("aa4BtZ4tspm2wnXLb1ThQA==")
	aes, err := cnwire.ParseAESKey(key)
	require.NoError(t, err)
	_, c := newStub(t, func(_ int, r *http.Request, body []byte) stubAnswer {
		r.Body = io.NopCloser(bytes.NewReader(body))
		require.NoError(t, r.ParseMultipartForm(1<<20))
		plain, err := aes.Decrypt([]byte(r.PostForm.Get("data")))
		require.NoError(t, err)
		require.JSONEq(t, `{"name":"x"}`, string(plain))
		require.Equal(t, "any.bin", r.MultipartForm.File["report"][0].Filename)
		return stubAnswer{status: 200, body: string(aes.Encrypt([]byte(`{"id":"7"}`)))}
	}, WithAESKey(key))
	var out map[string]string
	response, err := c.Do(t.Context(), Request{
		Method: "POST", Path: "alipay.open.new.thing.create", Input: map[string]string{"name": "x"},
		Files: []FilePart{{Name: "report", File: &File{Name: "any.bin", Content: bytes.NewReader([]byte("abc")), Size: 3}}},
	}, &out)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"id": "7"}, out)
	require.Equal(t, `{"id":"7"}`, string(response.Raw)) //nolint:testifylint // to the byte
	require.NotEqual(t, response.Raw, response.Body, "the signature covers what is encrypted")
}

func TestDoRepeatsOnlyWhatMayBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, a := range []stubAnswer{{status: 502, bare: true}, {status: 400, body: `{"code":"SYSTEM_ERROR","message":"m"}`}, {err: io.ErrUnexpectedEOF}} {
			for _, tt := range []struct {
				request Request
				times   int
				unknown bool
			}{
				{Request{Method: "GET", Path: "alipay.open.x"}, 4, false},
				{Request{Method: "POST", Path: "alipay.open.x"}, 1, true},
				{Request{Method: "DELETE", Path: "alipay.open.x"}, 1, true},
				{Request{Method: "POST", Path: "alipay.open.x", Repeatable: true}, 4, true},
			} {
				s, c := newStub(t, func(int, *http.Request, []byte) stubAnswer { return a })
				response, err := c.Do(t.Context(), tt.request, nil)
				require.Len(t, s.seen, tt.times, "%v %v", tt.request, a)
				e := failureOf(t, err)
				require.Equal(t, "alipay.open.x", e.Operation)
				require.Equal(t, tt.unknown, e.OutcomeUnknown)
				require.Equal(t, a.err != nil, response == nil)
			}
		}
	})
}

func TestDoFailsAsAllCallsDo(t *testing.T) {
	_, c := newStub(t, always(400, `{"code":"invalid-app-auth-token","message":"no"}`))
	response, err := c.Do(t.Context(), Request{Method: "POST", Path: "alipay.open.new.thing.create"}, nil)
	require.ErrorIs(t, err, alipayplus.ErrAuthorizationRequired)
	require.ErrorContains(t, err, "alipay.open.new.thing.create")
	require.Equal(t, 400, response.HTTPStatus)
	require.Contains(t, string(response.Body), "invalid-app-auth-token")

	_, c = newStub(t, func(int, *http.Request, []byte) stubAnswer { return stubAnswer{status: 200, body: `{}`, bare: true} })
	_, err = c.Do(t.Context(), Request{Method: "GET", Path: "alipay.open.x"}, nil)
	require.ErrorContains(t, err, "cannot be trusted")

	s, c := newStub(t, always(200, `{}`))
	for name, r := range map[string]Request{
		"path is required":           {Method: "GET"},
		"method must be one of":      {Method: "get", Path: "alipay.open.x"},
		"path must be a path":        {Method: "GET", Path: "https://evil.example/v3/x"},
		"OpenAPI V3":                 {Method: "GET", Path: "/gateway.do"},
		"alipay/open":                {Method: "GET", Path: "//evil.example/v3/x"},
		"files cannot be sent":       {Method: "GET", Path: "alipay.open.x", Files: []FilePart{{Name: "f", File: &File{}}}},
		"files[0].file is required":  {Method: "POST", Path: "alipay.open.x", Files: []FilePart{{Name: "f"}}},
		"[name] must be valid UTF-8": {Method: "POST", Path: "alipay.open.x", Input: map[string]string{"name": "\xc4\xe3"}},
		"app_version is required":    {Method: "POST", Path: "alipay.open.x", Input: VersionInput{}},
		"must be a text":             {Method: "GET", Path: "alipay.open.x", Input: map[string]any{"a": []int{1}}},
		"unsupported type":           {Method: "POST", Path: "alipay.open.x", Input: func() {}},
	} {
		response, err := c.Do(t.Context(), r, nil)
		require.ErrorContains(t, err, name, "%v", r)
		require.Nil(t, response)
		require.Zero(t, failureOf(t, err).Attempts)
	}
	require.Empty(t, s.seen)

	s.token = ""
	_, err = c.Do(t.Context(), Request{Method: "GET", Path: "alipay.open.x", WithoutToken: true}, nil)
	require.NoError(t, err)
}
