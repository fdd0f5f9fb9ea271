package alipaycn

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

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
	_, err = c.Do(t.Context(), Request{Method: "GET", Path: "alipay.open.x", ForItself: true}, nil)
	require.NoError(t, err)
}
