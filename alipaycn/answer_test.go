package alipaycn

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/stretchr/testify/require"
)

// One field of another shape leaves the rest readable, and is reported with what came.
func TestAnOddFieldLeavesTheRestReadable(t *testing.T) {
	for name, tt := range map[string]struct {
		member string
		path   string
		says   string
		read   bool
		check  func(*VersionDetail) bool
	}{
		"a number for a text":         {`"memo":7`, "memo", "is a number, not a text", true, func(d *VersionDetail) bool { return d.Memo == "7" }},
		"a boolean for a text":        {`"memo":true`, "memo", "is a boolean, not a text", true, func(d *VersionDetail) bool { return d.Memo == "true" }},
		"a text in a list":            {`"memo":["m"]`, "memo", "is a list, not a text", true, func(d *VersionDetail) bool { return d.Memo == "m" }},
		"an object for a text":        {`"memo":{"zh":"m"}`, "memo", "is an object, not a text", false, func(d *VersionDetail) bool { return d.Memo == "" }},
		"a boolean for a text of one": {`"can_release":true`, "can_release", "is a boolean, not a text", true, func(d *VersionDetail) bool { return bool(d.CanRelease) }},
		"null for a text":             {`"memo":null`, "memo", "is null", true, func(d *VersionDetail) bool { return d.Memo == "" }},
		"null for a list":             {`"package_info_list":null`, "package_info_list", "is null", true, func(d *VersionDetail) bool { return d.Packages == nil }},
		"null for an object":          {`"base_audit_record":null`, "base_audit_record", "is null", true, func(d *VersionDetail) bool { return d.BaseAuditRecord == nil }},
		"an empty text for a list":    {`"package_info_list":""`, "package_info_list", "is empty, not a list", true, func(d *VersionDetail) bool { return d.Packages == nil }},
		"an object for a list":        {`"package_info_list":{"package_name":"p"}`, "package_info_list", "is an object, not a list", true, func(d *VersionDetail) bool { return d.Packages[0].Name == "p" }},
		"a text for a list of texts":  {`"screen_shot_list":"https://a"`, "screen_shot_list", "is a text, not a list", true, func(d *VersionDetail) bool { return d.ScreenShots[0] == "https://a" }},
		"JSON in a text for a list":   {`"package_info_list":"[{\"package_name\":\"p\"},{}]"`, "package_info_list", "is a text, not a list", true, func(d *VersionDetail) bool { return len(d.Packages) == 2 && d.Packages[0].Name == "p" }},
		"JSON in a text":              {`"base_audit_record":"{\"memos\":[{\"memo\":\"why\"}]}"`, "base_audit_record", "is a text, not an object", true, func(d *VersionDetail) bool { return d.BaseAuditRecord.Memos[0].Memo == "why" }},
		"a list of one for an object": {`"base_audit_record":[{"memos":[{"memo":"why"}]}]`, "base_audit_record", "is a list, not an object", true, func(d *VersionDetail) bool { return d.BaseAuditRecord.Memos[0].Memo == "why" }},
		"a text for a list of others": {`"package_info_list":"none"`, "package_info_list", "is a text, not a list", false, func(d *VersionDetail) bool { return d.Packages == nil }},
		"one odd entry of a list":     {`"package_info_list":[{"package_name":"p"},"x",{"package_name":"q"}]`, "package_info_list[1]", "is a text, not an object", false, func(d *VersionDetail) bool { return len(d.Packages) == 3 && d.Packages[2].Name == "q" }},
		"deep inside":                 {`"base_audit_record":{"memos":[{"memo":{},"memo_image_list":["i"]}]}`, "base_audit_record.memos[0].memo", "is an object, not a text", false, func(d *VersionDetail) bool { return d.BaseAuditRecord.Memos[0].Images[0] == "i" }},
		"a date of another form":      {`"gmt_online":"21.11.2026"`, "gmt_online", "must be a time of the form yyyy-MM-dd HH:mm:ss", false, func(d *VersionDetail) bool { return d.OnlineAt.IsZero() }},
		"a date as a number":          {`"gmt_online":1763683200000`, "gmt_online", "is a number, not a text", true, func(d *VersionDetail) bool { return d.OnlineAt.UnixMilli() == 1763683200000 }},
		"a date of ISO 8601":          {`"gmt_online":"2025-11-21T00:00:00Z"`, "gmt_online", "is a time of another form than yyyy-MM-dd HH:mm:ss", true, func(d *VersionDetail) bool { return d.OnlineAt.UnixMilli() == 1763683200000 }},
		"a date of zeros":             {`"gmt_online":"0000-00-00 00:00:00"`, "gmt_online", "is a time of another form than yyyy-MM-dd HH:mm:ss", true, func(d *VersionDetail) bool { return d.OnlineAt.IsZero() }},
		"an unknown value":            {`"scan_result":"PENDING"`, "scan_result", "is a value that this version of the library does not know", true, func(d *VersionDetail) bool { return d.ScanResult == "PENDING" }},
		"a number for an object":      {`"base_audit_record":5`, "base_audit_record", "is a number, not an object", false, func(d *VersionDetail) bool { return d.BaseAuditRecord == nil || len(d.BaseAuditRecord.Memos) == 0 }},
		"a name in other letters":     {`"Memo":{}`, "Memo", "is an object, not a text", false, func(d *VersionDetail) bool { return d.Memo == "" }},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"app_version":"0.0.1",` + tt.member + `,"new_field":[1,{"a":"b"}],"status":"GRAY"}`
			var seen []Attempt
			_, c := newStub(t, always(200, body), WithObserver(func(_ context.Context, a Attempt) { seen = append(seen, a) }))
			detail, err := c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})
			require.NoError(t, err)
			require.Equal(t, StatusGray, detail.Status)
			require.Equal(t, body, string(detail.Raw))
			require.True(t, tt.check(detail), "%+v", detail)

			require.Len(t, detail.Odd, 1)
			odd := detail.Odd[0]
			require.Equal(t, tt.path, odd.Path)
			require.Equal(t, tt.says, odd.Problem)
			require.Equal(t, tt.read, odd.Read)
			require.Contains(t, tt.member, string(odd.Value))
			require.Equal(t, tt.path+" "+tt.says, odd.String())

			odd.Value = nil // content is nothing for metrics
			require.Len(t, seen, 1)
			require.NoError(t, seen[0].Err)
			require.Equal(t, []OddField{odd}, seen[0].Odd)
		})
	}
}

func TestAnUsualAnswerHasNothingOdd(t *testing.T) {
	_, c := newStub(t, always(200, `{ "build_status" : "2", "create_status":"6" , "need_rotation":"false","version_created":"true" }`))
	build, err := c.Versions.QueryBuild(t.Context(), VersionInput{Version: versionOne()})
	require.NoError(t, err)
	require.Empty(t, build.Odd)
	require.True(t, build.Created())
}

// What is certainly done is not reported as a failure, because its answer is odd.
func TestAVerifiedWriteIsDoneWhateverItsAnswer(t *testing.T) {
	for _, body := range []string{`[]`, `"ok"`, `5`, `<html>`, `{"speed_up":{}}`} {
		s, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
			if r.Method == http.MethodGet {
				return stubAnswer{status: 400, body: `{"code":"INVALID_PARAMETER"}`}
			}
			return stubAnswer{status: 200, body: body}
		}, WithRetry(1, 0, 0))
		result, err := c.Versions.Apply(t.Context(), application())
		require.NoError(t, err, body)
		require.Len(t, result.Odd, 1, body)
		require.False(t, result.Odd[0].Read)
		require.NotEmpty(t, s.seen)
	}
}

// A state that could be read in part only proves nothing: least of all that a write
// may be sent again.
func TestAStateWithAFieldThatIsLostProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writes := 0
		_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
			if strings.HasSuffix(r.URL.Path, "/detail/query") {
				return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"WAIT_RELEASE","gray_strategy":{"now":"p10"}}`}
			}
			writes++
			return stubAnswer{status: 502, bare: true}
		})
		err := c.Versions.StartGray(t.Context(), GrayInput{Version: versionOne(), Strategy: GrayP10})
		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "gray_strategy is an object, not a text")
		require.Equal(t, 1, writes)
	})
}

// A signature binds an answer to no question: one that repeats another question is none.
func TestAnAnswerAboutSomethingElseIsNoAnswer(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		ask  func(context.Context, *Client) (any, error)
		says string // empty: it is an answer
	}{
		"another version":        {`{"app_version":"0.0.2","status":"WAIT_RELEASE"}`, getVersionOne, `app_version "0.0.2" came, not "0.0.1"`},
		"a version alike":        {`{"app_version":"0.0.10","status":"GRAY"}`, getVersionOne, `app_version "0.0.10" came, not "0.0.1"`},
		"the version":            {`{"app_version":" 0.0.1","status":"GRAY"}`, getVersionOne, ""},
		"another client":         {`{"app_version_infos":[{"app_version":"0.0.1","bundle_id":"com.amap.app"}]}`, list(BundleIoT), `bundle_id "com.amap.app" came, not "com.alipay.iot.xpaas"`},
		"no client was named":    {`{"app_version_infos":[{"app_version":"0.0.1","bundle_id":"com.amap.app"}]}`, list(""), ""},
		"no client is repeated":  {`{"app_version_infos":[{"app_version":"0.0.1"}]}`, list(BundleIoT), ""},
		"another role":           {`{"app_member_info_list":[{"role":"DEVELOPER"},{"role":"EXPERIENCER"}]}`, members(RoleDeveloper), `role "EXPERIENCER" came, not "DEVELOPER"`},
		"a role nobody knows":    {`{"app_member_info_list":[{"role":"ADMIN"}]}`, members(RoleDeveloper), ""},
		"no role was named":      {`{"app_member_info_list":[{"role":"EXPERIENCER"}]}`, members(""), ""},
		"another category":       {`{"category_require_info_list":[{"category_code":"XS1001_XS2001"},{"category_code":"XS1_XS2"}]}`, requirements("XS1001_XS2001", "XS3_XS4"), `category_code "XS1_XS2" came, not "XS1001_XS2001, XS3_XS4"`},
		"one of two categories":  {`{"category_require_info_list":[{"category_code":"XS3_XS4"}]}`, requirements("XS1001_XS2001", "XS3_XS4"), ""},
		"a refusal is no answer": {`{"app_version":"0.0.2","code":"SYSTEM_ERROR"}`, getVersionOne, "SYSTEM_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			var seen []Attempt
			_, c := newStub(t, always(200, tt.body), WithRetry(1, 0, 0), WithObserver(func(_ context.Context, a Attempt) { seen = append(seen, a) }))
			got, err := tt.ask(t.Context(), c)
			if tt.says == "" {
				require.NoError(t, err)
				return
			}
			require.Zero(t, got)
			require.ErrorContains(t, err, tt.says)
			require.Error(t, seen[0].Err)
			if strings.Contains(tt.says, "came") {
				_, untrusted := errors.AsType[*alipayplus.SignatureError](err)
				require.True(t, untrusted)
				require.ErrorContains(t, err, "cannot be trusted: it is about something else than was asked for")
				require.False(t, failureOf(t, err).Retryable)
			}
		})
	}
}

func getVersionOne(ctx context.Context, c *Client) (any, error) {
	return value(c.Versions.Get(ctx, VersionInput{Version: versionOne()}))
}

func list(of BundleID) func(context.Context, *Client) (any, error) {
	return func(ctx context.Context, c *Client) (any, error) {
		return value(c.Versions.List(ctx, ListVersionsInput{VersionStatuses(), of}))
	}
}

func members(role MemberRole) func(context.Context, *Client) (any, error) {
	return func(ctx context.Context, c *Client) (any, error) {
		return value(c.Members.List(ctx, ListMembersInput{role}))
	}
}

func requirements(codes ...string) func(context.Context, *Client) (any, error) {
	return func(ctx context.Context, c *Client) (any, error) {
		return value(c.Categories.Requirements(ctx, CategoryRequirementsInput{codes}))
	}
}

// value is nil for a nil pointer.
func value[T any](got *T, err error) (any, error) {
	if got == nil {
		return nil, err
	}
	return got, err
}

func TestWhatWasNotAskedForIsOdd(t *testing.T) {
	_, c := newStub(t, always(200, `{"app_version_infos":[{"app_version":"0.0.2","version_status":"INIT"},{"app_version":"0.0.1","version_status":"GRAY"}]}`))
	got, err := c.Versions.List(t.Context(), ListVersionsInput{Statuses: StatusList{StatusGray}})
	require.NoError(t, err)
	require.Len(t, got.Versions, 2)
	require.Equal(t, []OddField{{Path: "app_version_infos[0].version_status", Problem: "was not asked for", Read: true, Value: json.RawMessage(`"INIT"`)}}, got.Odd)

	_, c = newStub(t, always(200, `{"status":"GRAY"}`))
	detail, err := c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})
	require.NoError(t, err)
	require.Equal(t, []OddField{{Path: "app_version", Problem: "is missing"}}, detail.Odd)
}

// A list that somebody exchanged must not prove that nothing is online any more.
func TestAListInAnotherStatusProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newStub(t, func(_ int, r *http.Request, _ []byte) stubAnswer {
			switch {
			case strings.HasSuffix(r.URL.Path, "/detail/query"):
				return stubAnswer{status: 200, body: `{"app_version":"0.0.1","status":"OFFLINE"}`}
			case strings.HasSuffix(r.URL.Path, "/list/query"):
				return stubAnswer{status: 200, body: `{"app_version_infos":[{"app_version":"0.0.2","version_status":"INIT"}]}`}
			}
			return stubAnswer{status: 502, bare: true}
		})
		err := c.Versions.TakeOffline(t.Context(), VersionInput{Version: versionOne()})
		require.ErrorIs(t, err, alipayplus.ErrOutcomeUnknown)
		require.ErrorContains(t, err, "a status that was not asked for")
	})
}

// FuzzReadJSON: what encoding/json reads into an answer is read alike, and whatever is
// JSON is read without a panic.
func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{
		`{"app_version":"0.0.1","status":"GRAY","memo":null,"package_info_list":[{"package_name":"p"},{}],"gmt_create":"2026-01-02 03:04:05"}`,
		`{"memo":"\"\\","base_audit_record":"{\"memos\":[]}","screen_shot_list":"a"}`, `[[[]]]`, ` { } `, `{"memo":["[",{"}":1}]}`, `null`, `"{}"`, `{"a":[1,2 ,3],"status":5e3}`, `{"pACkAge_info_list":[]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var got, want VersionDetail
		odd, err := readJSON([]byte(text), &got)
		if !json.Valid([]byte(text)) {
			require.Error(t, err)
			return
		}
		for _, o := range odd {
			require.True(t, json.Valid(o.Value), o.Path)
		}
		if err == nil && len(odd) == 0 && json.Unmarshal([]byte(text), &want) == nil {
			require.True(t, reflect.DeepEqual(want, got), "%s: %+v, not %+v", text, got, want)
		}
	})
}

func TestAnswersInOtherForms(t *testing.T) {
	const detail = `{"app_version":"0.0.1","status":"GRAY"}`
	for name, body := range map[string]string{
		"a byte order mark":              "\ufeff" + detail,
		"the older protocol's envelope":  `{"alipay_open_mini_version_detail_query_response":` + detail + `,"sign":"x"}`,
		"JSON in a text":                 `"{\"app_version\":\"0.0.1\",\"status\":\"GRAY\"}"`,
		"a list of one":                  `[` + detail + `]`,
		"a name that comes twice":        `{"status":"INIT","app_version":"0.0.1","status":"GRAY"}`,
		"spaces and line breaks between": "\r\n{ \"app_version\" :\t\"0.0.1\" , \"status\" : \"GRAY\" }\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, c := newStub(t, always(200, body))
			got, err := c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})
			require.NoError(t, err)
			require.Equal(t, StatusGray, got.Status)
			require.Equal(t, Version("0.0.1"), got.Version)
		})
	}
	other := []byte(`{"x_response":{}}`)
	require.Equal(t, other, withoutEnvelope(cnwire.VersionGet, other))
}
