package alipaycntest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

func TestAnErrorHasCodeMessageAndLinks(t *testing.T) {
	w := newHarness(t)
	out := w.call(cnwire.VersionGet, v("9.9.9"))
	var body map[string]any
	require.NoError(t, json.Unmarshal(out.body, &body))
	require.Equal(t, "VERSION_IS_BLANK", body["code"])
	require.NotEmpty(t, body["message"])
	require.NotEmpty(t, body["links"].([]any)[0].(map[string]any)["link"])
	require.NotEmpty(t, out.header.Get("Alipay-Trace-Id"))
}

func TestCallsAreLogged(t *testing.T) {
	w := newHarness(t)
	r := w.prepare(cnwire.VersionGet, v("9.9.9"), nil)
	r.header.Set("Alipay-Request-Id", "request-1")
	out := w.mustSend(r.signed(t))
	calls := w.g.Calls()
	require.Len(t, calls, 1)
	require.WithinDuration(t, time.Now(), calls[0].At, time.Minute)
	calls[0].At = time.Time{}
	require.Equal(t, alipaycntest.Call{
		Operation: "versions.get", AppID: isv, MiniAppID: mini, RequestID: "request-1", TraceID: out.header.Get("Alipay-Trace-Id"),
		Status: http.StatusBadRequest, Code: alipaycn.CodeVersionIsBlank,
	}, calls[0])
	calls[0].AppID = "changed"
	require.Equal(t, isv, w.g.Calls()[0].AppID)
}

func TestAnswersCarryTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newHarness(t)
		out := w.ok(cnwire.VersionList, nil)
		require.Equal(t, strconv.FormatInt(time.Now().UnixMilli(), 10), out.header.Get(cnwire.HeaderTimestamp))
	})
}

func TestServedOverANetwork(t *testing.T) {
	w := newHarness(t)
	server := httptest.NewServer(w.g)
	defer server.Close()
	w.g.Inject(alipaycntest.Fault{CutBefore: true})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v3/x", nil)
	require.NoError(t, err)
	_, err = server.Client().Do(req)
	require.Error(t, err)
	resp, err := server.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}

func TestControlsSayWhatIsWrong(t *testing.T) {
	w := newHarness(t)
	for name, err := range map[string]error{
		"ID: must be":                    w.g.AddApp(alipaycntest.App{ID: "a b"}),
		"PublicKey: ":                    w.g.AddApp(alipaycntest.App{ID: "a", PublicKey: []byte("x")}),
		"Certificate: ":                  w.g.AddApp(alipaycntest.App{ID: "a", Certificate: []byte("x")}),
		"AESKey: ":                       w.g.AddApp(alipaycntest.App{ID: "a", AESKey: []byte("x")}),
		"it exists already":              w.g.AddApp(alipaycntest.App{ID: mini}),
		`no third-party app "none"`:      w.g.AddTemplate("none", "t", "1.0.0"),
		"at least one version":           w.g.AddTemplate(isv, "t"),
		"version number":                 w.g.AddTemplate(isv, "t", "x"),
		`no mini program "none"`:         w.g.AddVersion("none", "0.0.1"),
		`no mini program "` + isv + `"`:  w.g.AddVersion(isv, "0.0.1"),
		"three numbers":                  w.g.AddVersion(mini, "x"),
		`has no version "0.0.9"`:         w.g.Approve(mini, "0.0.9"),
		"revoke authorization: there is": w.g.RevokeAuthorization("none"),
	} {
		require.ErrorContains(t, err, name)
	}
	_, err := w.g.Authorize(mini, mini)
	require.ErrorContains(t, err, "no third-party app")
	_, err = w.g.AuthorizationCode(isv, isv)
	require.ErrorContains(t, err, "no mini program")
	require.Nil(t, w.g.Effects("none"))
}

// Whatever an app sends in its own name, signed: it is carried out, or refused
// with a code that AlipayCN documents for the operation, and then nothing has
// changed.
func FuzzSignedContent(f *testing.F) {
	if testing.Short() {
		f.Skip("takes long")
	}
	logo := picture(f, 9, 9)
	for i, op := range cnwire.Operations() {
		for status := range seedStatuses() {
			f.Add(byte(i), byte(status), seedContent(f, op, nil), "app_logo", logo)
		}
		for _, change := range seedChanges() {
			if !slices.ContainsFunc(slices.Collect(maps.Keys(change)), documentsOf(f, op).has) {
				continue
			}
			f.Add(byte(i), byte(0), seedContent(f, op, change), "app_logo", logo)
		}
		f.Add(byte(i), byte(0), []byte(strings.Repeat("[", 1000)), "sixth_screen_shot", []byte("x"))
		f.Add(byte(i), byte(0), []byte("{}}"), "test_file_name", []byte("x"))
	}
	f.Fuzz(func(t *testing.T, op, status byte, content []byte, part string, file []byte) {
		operations, statuses := cnwire.Operations(), seedStatuses()
		c := signedContent{operations[int(op)%len(operations)], statuses[int(status)%len(statuses)], content, part, file}
		if c.op.Kind == cnwire.Query && !isQuery(string(content)) {
			t.Skip("no client would send it")
		}
		synctest.Test(t, c.send)
	})
}

// signedContent is a call about a version in a status.
type signedContent struct {
	op      cnwire.Operation
	from    alipaycn.VersionStatus
	content []byte
	part    string
	file    []byte
}

func (c signedContent) send(t *testing.T) {
	w := newHarness(t)
	w.bring("0.0.1", c.from)
	require.NoError(t, w.g.AddVersion(mini, "0.0.2"))
	r := w.prepare(c.op, nil, nil)
	switch c.op.Kind {
	case cnwire.Query:
		r.sign.PathAndQuery += "?" + string(c.content)
	case cnwire.JSON:
		r.sign.Body, r.body = c.content, c.content
	case cnwire.Multipart:
		r.sign.Body = c.content
		r.body, r.contentType = form(t, c.content, map[string][]byte{c.part: c.file})
	}
	before := w.g.Effects(mini)

	out, err := w.send(r.signed(t))

	require.NoError(t, err)
	w.verify(out)
	require.NotContains(t, []alipaycn.Code{alipaycn.GatewayInvalidSignature, alipaycn.GatewayInvalidMethod}, out.code)
	first, second := w.g.Status(mini, "0.0.1"), w.g.Status(mini, "0.0.2")
	require.False(t, first.BlocksApply() && second.BlocksApply(), "two versions are under way")
	if out.status < http.StatusBadRequest && c.op.Write {
		return
	}
	require.Equal(t, before, w.g.Effects(mini))
	require.Equal(t, []alipaycn.VersionStatus{c.from, alipaycn.StatusInit}, []alipaycn.VersionStatus{first, second})
	if out.status >= http.StatusBadRequest {
		require.Less(t, out.status, http.StatusInternalServerError, "%s", out.body)
		requireDocumented(t, c.op, out.code)
	}
}

// isQuery says whether a client would send the text as a query string as it is.
func isQuery(text string) bool {
	u, err := url.Parse("https://gateway.invalid/?" + text)
	encoded := !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
	return err == nil && encoded && u.RequestURI() == "/?"+text
}

func seedStatuses() []alipaycn.VersionStatus {
	return []alipaycn.VersionStatus{
		alipaycn.StatusInit, alipaycn.StatusAuditing, alipaycn.StatusAuditReject, alipaycn.StatusBaseAuditPass,
		alipaycn.StatusWaitRelease, alipaycn.StatusGray, alipaycn.StatusRelease, alipaycn.StatusAuditOffline,
	}
}

// seedContent is a content that any operation can take, with a change.
func seedContent(f *testing.F, op cnwire.Operation, change fields) []byte {
	f.Helper()
	in := application("0.0.1")
	maps.Copy(in, fields{
		"template_id": template, "template_version": "1.0.0", "ext": "{}", "gray_strategy": "p50", "version_status": "INIT,RELEASE",
		"safe_domain": "example.com", "logon_id": "a@example.com", "role": "DEVELOPER", "user_id": "2088", "is_filter": "true",
		"url_param": "pages/index", "describe": "a table", "route_url": "https://example.com/", "page_redirection": "pages/index", "mode": "EXACT",
		"page_no": "1", "page_num": "1", "page_size": "10", "route_group": "RG1", "category_code_list": []string{"XS1011_XS2089"},
		"grant_type": "authorization_code", "code": "x", "refresh_token": "x", "app_auth_token": "x",
		"commodity_order_id": "1", "start_page": "1", "merchandise_id": "AM01", "merchant_pid": "2088", "mini_app_id": mini, "shop_id": "1",
	})
	maps.Copy(in, change)
	if op.Kind == cnwire.Query {
		query := url.Values{}
		for name, value := range in {
			query.Set(name, fmt.Sprint(value))
		}
		return []byte(query.Encode())
	}
	content, err := json.Marshal(in)
	require.NoError(f, err)
	return content
}

func seedChanges() []fields {
	changes := []fields{
		{"grant_type": "refresh_token"},
		{"mini_category_ids": "XS1001_XS2002_XS3008"},
		{"mini_category_ids": "1_2;3_4_5;;"},
		{"app_category_ids": "11_12"},
		{"region_type": "LOCATION", "service_region_info": []fields{{"city_code": "1"}}},
		{"service_region_info": "[]"},
		{"audit_rule": "NEW"},
		{"auto_online": true},
		{"speed_up": 7},
		{"page_no": "9223372036854775807", "page_num": "9223372036854775807"},
		{"app_version": "0.0.3"},
		{"app_version": "0.0.0"},
		{"app_version": "0.0.9999999999"},
		{"bundle_id": "com.amap.app"},
		{"bundle_id": "com.example"},
		{"color": "0x12"},
		{"size": "xl"},
		{"role": "EXPERIENCER"},
		{"page_size": "99"},
		{"route_pattern": "x"},
		{"license_valid_date": "9999-12-31", "license_no": "1"},
		{"mini_app_id": "", "merchandise_id": ""},
		{"mini_app_id": "", "merchant_pid": "1"},
		{"mini_app_id": ""},
		{"start_page": "0"},
	}
	for name := range application("") {
		changes = append(changes, fields{name: ""}, fields{name: "é"}, fields{name: strings.Repeat("茶", 600)}, fields{name: nil}, fields{name: []int{}})
	}
	for _, name := range []string{
		"template_id", "template_version", "ext", "gray_strategy", "version_status", "safe_domain", "logon_id", "user_id", "url_param",
		"describe", "route_url", "page_redirection", "mode", "route_group", "category_code_list", "grant_type", "code", "app_auth_token",
		"commodity_order_id", "start_page",
	} {
		changes = append(changes, fields{name: ""}, fields{name: "é "}, fields{name: fields{"x": 1.5}})
	}
	return changes
}
