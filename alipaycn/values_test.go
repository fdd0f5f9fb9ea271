package alipaycn

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestBooleansAreReadFromWhateverComes(t *testing.T) {
	for _, tt := range []struct {
		wire string
		want bool
	}{
		{`true`, true},
		{`"true"`, true},
		{`"TRUE"`, true},
		{`" true "`, true},
		{`"Y"`, true},
		{`"yes"`, true},
		{`1`, true},
		{`"1"`, true},
		{`false`, false},
		{`"false"`, false},
		{`"N"`, false},
		{`"no"`, false},
		{`0`, false},
		{`""`, false},
		{`null`, false},
	} {
		t.Run(tt.wire, func(t *testing.T) {
			b, text := Bool(!tt.want), TextBool(!tt.want)
			require.NoError(t, b.UnmarshalJSON([]byte(tt.wire)))
			require.NoError(t, text.UnmarshalJSON([]byte(tt.wire)))
			require.Equal(t, tt.want, bool(b))
			require.Equal(t, tt.want, bool(text))
		})
	}
	for _, wire := range []string{`"maybe"`, `2`, `"2"`, `{}`, `[true]`, `"`, ``} {
		var b Bool
		require.Error(t, b.UnmarshalJSON([]byte(wire)), wire)
	}
}

func TestWholeNumbersAreReadFromWhateverComes(t *testing.T) {
	for _, tt := range []struct {
		wire string
		want int64
	}{
		{`15`, 15},
		{`"15"`, 15},
		{`" 15 "`, 15},
		{`15.0`, 15},
		{`"15.00"`, 15},
		{`-3`, -3},
		{`"31536000"`, 31536000},
		{`9223372036854775807`, math.MaxInt64},
		{`""`, 0},
		{`null`, 0},
	} {
		t.Run(tt.wire, func(t *testing.T) {
			i, text := Int(99), TextInt(99)
			require.NoError(t, i.UnmarshalJSON([]byte(tt.wire)))
			require.NoError(t, text.UnmarshalJSON([]byte(tt.wire)))
			require.Equal(t, tt.want, int64(i))
			require.Equal(t, tt.want, int64(text))
		})
	}
	for _, wire := range []string{`15.5`, `"15s"`, `true`, `"x"`, `9223372036854775808`, `{}`, `[1]`, `".0"`, `"1.0.0"`} {
		i := Int(99)
		require.Error(t, i.UnmarshalJSON([]byte(wire)), wire)
		require.Equal(t, Int(99), i, "what cannot be read changes nothing")
	}
}

func TestTextsGoOutAsTexts(t *testing.T) {
	data, err := json.Marshal(struct {
		B  TextBool
		N  TextBool
		I  TextInt
		C  CategoryIDs
		S  StatusList
		T  Time
		No Time
	}{
		true, false, -5,
		CategoryIDs{"XS1001_XS2001", "XS1011_XS2089_XS3001"},
		StatusList{StatusInit, StatusGray},
		Time{time.Date(2026, 12, 31, 16, 0, 0, 999, time.UTC)},
		Time{},
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"B":"true","N":"false","I":"-5","C":"XS1001_XS2001;XS1011_XS2089_XS3001","S":"INIT,GRAY","T":"2027-01-01 00:00:00","No":""}`, string(data))
}

func TestTimesAreBeijingTime(t *testing.T) {
	for _, tt := range []struct {
		wire string
		want string
	}{
		{`"2017-12-12 12:00:00"`, "2017-12-12T04:00:00Z"},
		{`"2017-08-12"`, "2017-08-11T16:00:00Z"},
		{`" 2017-12-12 12:00:00 "`, "2017-12-12T04:00:00Z"},
	} {
		var got Time
		require.NoError(t, got.UnmarshalJSON([]byte(tt.wire)))
		require.Equal(t, tt.want, got.UTC().Format(time.RFC3339))
		_, offset := got.Zone()
		require.Equal(t, 8*60*60, offset)
	}
	for _, wire := range []string{`""`, `null`} {
		got := Time{time.Now()}
		require.NoError(t, got.UnmarshalJSON([]byte(wire)))
		require.True(t, got.IsZero())
	}
	for _, wire := range []string{`"12.12.2017"`, `"12/11/2017"`, `"2017-13-01 00:00:00"`, `"2017-12-12 12:00:00 CST"`, `"2017121212"`, `"1"`, `"soon"`, `{}`} {
		var got Time
		require.Error(t, got.UnmarshalJSON([]byte(wire)), wire)
		require.True(t, got.IsZero())
	}
}

func TestTimesInOtherFormsAreReadWhereOneCanBeMeant(t *testing.T) {
	for _, wire := range []string{
		`"2017-12-12T12:00:00+08:00"`, `"2017-12-12T04:00:00Z"`, `"2017-12-12T04:00:00.000+0000"`, `"2017-12-12T12:00:00"`, `"2017-12-12 12:00:00 +0800"`,
		`"2017-12-12 12:00:00.0"`, `"2017-12-12 12:00"`, `"2017/12/12 12:00:00"`, `"2017.12.12 12:00:00"`, `"2017年12月12日 12:00:00"`, `"2017年12月12日12时00分00秒"`, `"2017年12月12日12时"`,
		`"20171212120000"`, `"201712121200"`, `1513051200000`, `"1513051200000"`, `1513051200`, `"Tue, 12 Dec 2017 04:00:00 +0000"`, `"Dec 12, 2017 12:00:00 PM"`, `"Dec 12, 2017, 12:00:00 PM"`,
	} {
		var got Time
		usual, err := got.read([]byte(wire))
		require.NoError(t, err, wire)
		require.Equal(t, "2017-12-12T04:00:00Z", got.UTC().Format(time.RFC3339), wire)
		require.False(t, usual, wire)
	}
	for _, wire := range []string{`"2017-8-2"`, `"2017/08/02"`, `"2017年8月2日"`, `"20170802"`} {
		var got Time
		require.NoError(t, got.UnmarshalJSON([]byte(wire)), wire)
		require.Equal(t, "2017-08-01T16:00:00Z", got.UTC().Format(time.RFC3339), wire)
	}
	var none Time
	require.NoError(t, none.UnmarshalJSON([]byte(`"0000-00-00 00:00:00"`)))
	require.True(t, none.IsZero())
}

func TestDatesAreDaysInBeijing(t *testing.T) {
	require.Equal(t, Date("2027-01-01"), DateOf(time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC)))
	require.Equal(t, Date("2026-12-31"), DateOf(time.Date(2026, 12, 31, 15, 59, 59, 0, time.UTC)))
	require.True(t, NoEnd.valid())
}

func TestAVersionThatIsNoNumberIsKept(t *testing.T) {
	var list VersionList
	require.NoError(t, json.Unmarshal([]byte(`{"app_version_infos":[{"app_version":"0.2.1908191554.44"},{"app_version":"1.2.3"}]}`), &list))

	_, err := list.Versions[0].Version.Number()
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	require.Equal(t, Version("0.2.1908191554.44"), list.Versions[0].Version)

	number, err := list.Versions[1].Version.Number()
	require.NoError(t, err)
	require.True(t, list.Versions[1].Version.Is(number))
	require.False(t, list.Versions[0].Version.Is(number))
}

func TestJoinedListsAreReadBack(t *testing.T) {
	var c CategoryIDs
	require.NoError(t, c.UnmarshalJSON([]byte(`"11_12;12_13;"`)))
	require.Equal(t, CategoryIDs{"11_12", "12_13"}, c)
	require.NoError(t, c.UnmarshalJSON([]byte(`""`)))
	require.Empty(t, c)
	require.Error(t, c.UnmarshalJSON([]byte(`["11_12"]`)))

	var s StatusList
	require.NoError(t, s.UnmarshalJSON([]byte(`"INIT,,GRAY"`)))
	require.Equal(t, StatusList{StatusInit, StatusGray}, s)
	require.Error(t, s.UnmarshalJSON([]byte(`{}`)))
}

func TestABuildStatusMayBeANumber(t *testing.T) {
	var b Build
	require.NoError(t, json.Unmarshal([]byte(`{"build_status":2,"create_status":"6","need_rotation":false,"version_created":"true"}`), &b))
	require.Equal(t, Build{BuildStatus: BuildDone, CreateStatus: BuildCreated, VersionCreated: true}, b)
	require.Error(t, json.Unmarshal([]byte(`{"build_status":[]}`), &b))
}

func TestNumbersAndTimesSurviveTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type values struct {
			I  Int
			TI TextInt
			T  Time
		}
		given := values{
			I:  Int(rapid.Int64().Draw(t, "int")),
			TI: TextInt(rapid.Int64().Draw(t, "text int")),
			T:  Time{time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "second"), 0)},
		}
		data, err := json.Marshal(given)
		require.NoError(t, err)
		var got values
		require.NoError(t, json.Unmarshal(data, &got))
		require.Equal(t, given.I, got.I)
		require.Equal(t, given.TI, got.TI)
		require.True(t, given.T.Equal(got.T.Time))
	})
}

// FuzzAnswers: whatever comes, no answer makes the decoders panic, and what they
// accepted they read the same when it comes again.
func FuzzAnswers(f *testing.F) {
	f.Add(`{"total_items":"7","expires_in":7,"is_by_app_auth":"Y","gmt_online":"2026-01-02 03:04:05","build_status":3}`)
	f.Add(`{"total_items":7.0,"expires_in":"7","is_by_app_auth":1,"gmt_online":"2026-01-02","app_version":null}`)
	f.Add(`{"total_items":{},"expires_in":[],"gmt_online":true}`)
	f.Add(`{"gmt_online":"2026-01-02 03:04+00"}`) // another zone than Beijing's
	f.Fuzz(func(t *testing.T, text string) {
		type everything struct {
			Total    Int         `json:"total_items"`
			Expires  TextInt     `json:"expires_in"`
			Full     Bool        `json:"is_by_app_auth"`
			Rotation TextBool    `json:"need_rotation"`
			Online   Time        `json:"gmt_online"`
			Status   BuildStatus `json:"build_status"`
			IDs      CategoryIDs `json:"mini_category_ids"`
			Statuses StatusList  `json:"version_status"`
		}
		var first everything
		if json.Unmarshal([]byte(text), &first) != nil {
			return
		}
		data, err := json.Marshal(first)
		require.NoError(t, err)
		var second everything
		require.NoError(t, json.Unmarshal(data, &second))
		require.Equal(t, first, second)
	})
}

// A code works once: what comes with the token must not make it unreadable.
func TestTextsAreReadFromNumbersAndBooleansToo(t *testing.T) {
	s, c := newStub(t, always(200, `{"app_auth_token":"token","app_refresh_token":"again","auth_app_id":2021000000000007,"user_id":2088102150527498,"expires_in":3.1536E7,"re_expires_in":"32140800"}`))
	s.token = "" // it is the third-party app's own call
	tokens, err := c.Authorization.Exchange(t.Context(), "code")
	require.NoError(t, err)
	require.Equal(t, Token{AppAuthToken: "token", AppRefreshToken: "again", AuthAppID: "2021000000000007", UserID: "2088102150527498", ExpiresIn: 31536000, RefreshExpiresIn: 32140800}, tokens.Token)

	_, c = newStub(t, always(200, `{"category_list":[{"category_id":12,"parent_category_id":11,"category_name":"Services","has_child":1,"need_license":"true"}]}`))
	list, err := c.Categories.List(t.Context(), ListCategoriesInput{})
	require.NoError(t, err)
	require.Equal(t, []Category{{ID: "12", ParentID: "11", Name: "Services", HasChild: true, NeedLicense: true}}, list.Old)

	_, c = newStub(t, always(200, `{"app_version":"0.0.1","status":"GRAY","memo":true,"service_phone":95188,"screen_shot_list":[1]}`))
	detail, err := c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})
	require.NoError(t, err)
	require.Equal(t, &VersionDetail{Answer: detail.Answer, Version: "0.0.1", Status: StatusGray, Memo: "true", ServicePhone: "95188", ScreenShots: []string{"1"}}, detail)

	for _, body := range []string{`[]`, `"GRAY"`, `5`, `{"status":`, `[{},{}]`} {
		_, c = newStub(t, always(200, body), WithRetry(1, 0, 0))
		_, err = c.Versions.Get(t.Context(), VersionInput{Version: versionOne()})
		require.ErrorContains(t, err, "signed but cannot be read", body)
	}
}

func TestWholeNumbersAreReadWithAnExponent(t *testing.T) {
	for wire, want := range map[string]int64{`3.1536E7`: 31536000, `"3.21408e+7"`: 32140800, `15e0`: 15, `-2E3`: -2000} {
		i := Int(99)
		require.NoError(t, i.UnmarshalJSON([]byte(wire)), wire)
		require.Equal(t, want, int64(i))
	}
	for _, wire := range []string{`1E-1`, `1E400`, `9.3E18`, `"E7"`, `"0x1p4"`, `"Inf"`} {
		i := Int(99)
		require.Error(t, i.UnmarshalJSON([]byte(wire)), wire)
		require.Equal(t, Int(99), i)
	}
}
