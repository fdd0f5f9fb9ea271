package alipaycntest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// Whatever arrives, the gateway answers it, signs the answer, and carries out
// nothing but what was signed: only the seeds are, and nobody can sign another.
func FuzzRequests(f *testing.F) {
	signed := map[string]signedSeed{}
	for _, op := range cnwire.Operations() {
		seed := makeSeed(f, op)
		signed[seed.authorization] = seed
		f.Add(seed.head(), seed.body)
		f.Add(strings.Replace(seed.head(), "sign=", "sign=A", 1), seed.body)
		f.Add(strings.Replace(seed.head(), "Authorization", "X", 1), seed.body)
		f.Add(seed.head()+"\r\nAuthorization: "+seed.authorization, seed.body)
		f.Add(strings.Replace(seed.head(), " HTTP", "&app_version=0.0.2 HTTP", 1), seed.body)
		f.Add(seed.head()+"\r\nAlipay-App-Auth-Token: unknown", seed.body)
		f.Add(seed.head(), bytes.Replace(seed.body, []byte("0.0.1"), []byte("0.0.2"), 1))
		f.Add(seed.head(), append(bytes.Clone(seed.body), " "...))
	}
	f.Add("HEAD / HTTP/1.1", []byte(nil))
	f.Add("PATCH /v3/alipay/open/mini/version/online HTTP/1.1\r\nAuthorization: ALIPAY-SHA256withRSA ", []byte("{}"))
	f.Fuzz(func(t *testing.T, head string, body []byte) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\nHost: gateway.invalid\r\n\r\n")))
		if err != nil {
			t.Skip("no server would call its handler")
		}
		r.Body = http.NoBody
		if len(body) > 0 {
			r.Body = httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)).Body
		}
		synctest.Test(t, func(t *testing.T) { // the seeds were signed when the bubble's time begins
			w := newWorld(t)
			require.NoError(t, w.g.AddVersion(self, "0.0.1"))
			out := w.serve(r)
			w.verify(out)
			if out.status < http.StatusMultipleChoices {
				seed, found := signed[r.Header.Get("Authorization")]
				require.True(t, found, "nobody signed this")
				seed.covers(t, r, body)
				return
			}
			require.GreaterOrEqual(t, out.status, http.StatusBadRequest)
			require.Less(t, out.status, http.StatusInternalServerError, "%s", out.body)
			require.True(t, out.code.Known(), out.code)
			require.Empty(t, w.g.Effects(self))
			require.Equal(t, alipaycn.StatusInit, w.g.Status(self, "0.0.1"))
		})
	})
}

// serve is send for a request that came over a network.
func (w *world) serve(r *http.Request) reply {
	w.t.Helper()
	recorder := httptest.NewRecorder()
	w.g.ServeHTTP(recorder, r)
	return readReply(recorder.Code, recorder.Header(), recorder.Body.Bytes())
}

// signedSeed is a request that was signed when the time of a bubble begins.
type signedSeed struct {
	op                    cnwire.Operation
	target, authorization string
	signed, body          []byte
	contentType           string
}

func makeSeed(f *testing.F, op cnwire.Operation) signedSeed {
	f.Helper()
	content := fmt.Sprintf(`{"app_version":"0.0.1","gray_strategy":"p10","nonce":%q}`, op.Name)
	seed := signedSeed{op: op, target: op.Path()}
	switch op.Kind {
	case cnwire.Query:
		seed.target += "?app_version=0.0.1&version_status=INIT"
	case cnwire.JSON:
		seed.signed, seed.body, seed.contentType = []byte(content), []byte(content), "application/json"
	case cnwire.Multipart:
		seed.signed = []byte(content)
		seed.body, seed.contentType = form(f, seed.signed, nil)
	}
	authorization, err := cnwire.Request{
		AppID: self, Nonce: op.Name, Timestamp: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(),
		Method: op.Method, PathAndQuery: seed.target, Body: seed.signed,
	}.Authorization(testkey.Client())
	require.NoError(f, err)
	seed.authorization = authorization
	return seed
}

func (s signedSeed) head() string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nContent-Type: %s\r\nAuthorization: %s", s.op.Method, s.target, s.contentType, s.authorization)
}

// covers fails when the request is not the one that was signed.
func (s signedSeed) covers(t *testing.T, r *http.Request, body []byte) {
	t.Helper()
	require.Equal(t, s.op.Method, r.Method)
	require.Equal(t, s.target, r.RequestURI)
	require.Empty(t, r.Header.Values("Alipay-App-Auth-Token"))
	if s.op.Kind == cnwire.Multipart {
		require.Contains(t, string(body), string(s.signed)) // the part data; files are not signed
		return
	}
	require.Equal(t, string(s.signed), string(body))
}

// Whatever an app sends in its own name, signed: it is carried out, or refused
// with a code that AlipayCN documents for the operation, and then nothing has
// changed.
func FuzzSignedContent(f *testing.F) {
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
	w := newWorld(t)
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
	}
	for name := range application("") {
		changes = append(changes, fields{name: ""}, fields{name: "é"}, fields{name: strings.Repeat("茶", 600)}, fields{name: nil}, fields{name: []int{}})
	}
	for _, name := range []string{
		"template_id", "template_version", "ext", "gray_strategy", "version_status", "safe_domain", "logon_id", "user_id", "url_param",
		"describe", "route_url", "page_redirection", "mode", "route_group", "category_code_list", "grant_type", "code", "app_auth_token",
	} {
		changes = append(changes, fields{name: ""}, fields{name: "é "}, fields{name: fields{"x": 1.5}})
	}
	return changes
}
