package alipaycn

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

// TestLengths: at the limits and one beyond them, in ASCII and in Chinese, which counts 2.
func TestLengths(t *testing.T) {
	digits := func(n int) string { return strings.Repeat("7", n) }
	letters := func(n int) string { return strings.Repeat("a", n) }
	chinese := func(n int) string { return strings.Repeat("店", n) }
	for _, tt := range []struct {
		path  string
		least int
		most  int
		input func(text string) error
		text  func(n int) string
		open  bool // the documents leave open what a Chinese character counts
	}{
		{"version_desc", 30, 500, func(s string) error { in := application(); in.Description = s; return in.Validate() }, letters, false},
		{"app_name", 3, 40, func(s string) error { in := application(); in.AppName = s; return in.Validate() }, letters, false},
		{"app_english_name", 3, 30, func(s string) error { in := application(); in.AppEnglishName = s; return in.Validate() }, letters, false},
		{"app_slogan", 10, 32, func(s string) error { in := application(); in.AppSlogan = s; return in.Validate() }, letters, false},
		{"app_desc", 20, 400, func(s string) error { in := application(); in.AppDescription = s; return in.Validate() }, letters, false},
		{"service_phone", 5, 30, func(s string) error { in := application(); in.ServicePhone = s; return in.Validate() }, digits, false},
		{"memo", 0, 500, func(s string) error { in := application(); in.Memo = s; return in.Validate() }, letters, false},
		{"app_name", 3, 30, func(s string) error { return ModifyBaseInfoInput{AppName: s}.Validate() }, letters, true},
		{"app_english_name", 3, 30, func(s string) error { return ModifyBaseInfoInput{AppEnglishName: s}.Validate() }, letters, true},
		{"app_name", 3, 30, func(s string) error { return CheckNameInput{AppName: s}.Validate() }, letters, true},
		{"code", 0, 40, func(s string) error {
			return tokenInput{GrantType: grantAuthorizationCode, Code: s}.Validate()
		}, letters, false},
		{"refresh_token", 0, 40, func(s string) error {
			return tokenInput{GrantType: grantRefreshToken, RefreshToken: s}.Validate()
		}, letters, false},
	} {
		t.Run(fmt.Sprintf("%s %d to %d", tt.path, tt.least, tt.most), func(t *testing.T) {
			words := ", a Chinese one counting 2"
			if tt.open {
				words = ""
			}
			message := fmt.Sprintf("%s: must have %d to %d characters%s; has ", tt.path, tt.least, tt.most, words)
			if tt.least == 0 {
				message = fmt.Sprintf("%s: must have at most %d characters, a Chinese one counting 2; has ", tt.path, tt.most)
			} else {
				require.Empty(t, broken(tt.input(tt.text(tt.least))))
				require.Equal(t, []string{message + fmt.Sprint(tt.least-1)}, broken(tt.input(tt.text(tt.least-1))))
			}
			require.Empty(t, broken(tt.input(tt.text(tt.most))))
			require.Equal(t, []string{message + fmt.Sprint(tt.most+1)}, broken(tt.input(tt.text(tt.most+1))))
		})
	}

	named := application()
	named.AppName = chinese(20)
	require.Empty(t, broken(named.Validate()), "20 Chinese characters count 40")
	named.AppName = chinese(20) + "a"
	require.Equal(t, []string{"app_name: must have 3 to 40 characters, a Chinese one counting 2; has 41"}, broken(named.Validate()))
}

func TestInputs(t *testing.T) {
	good, negative := versionOne(), alipayplus.VersionNumber{Major: 1, Minor: -1}
	for _, tt := range []struct {
		name string
		in   interface{ Validate() error }
		want []string
	}{
		{"version", VersionInput{Version: good}, nil},
		{"no version", VersionInput{}, []string{"app_version: is required"}},
		{"version below 0", VersionInput{Version: negative}, []string{"app_version: must not have a part below 0"}},

		{"cancel any review", CancelAuditInput{}, nil},
		{"cancel a review", CancelAuditInput{Version: good}, nil},
		{"cancel a review below 0", CancelAuditInput{Version: negative}, []string{"app_version: must not have a part below 0"}},

		{"publish", PublishInput{Version: good}, nil},
		{"publish nothing", PublishInput{}, []string{"app_version: is required"}},

		{"gray", GrayInput{Version: good, Strategy: GrayP10}, nil},
		{"gray of nothing", GrayInput{}, []string{"app_version: is required", "gray_strategy: is required"}},
		{"gray at another share", GrayInput{Version: good, Strategy: "p70"}, []string{`gray_strategy: must be p10, p30 or p50; got "p70"`}},

		{"upload", UploadInput{TemplateID: "2018", Version: good, TemplateVersion: good, Ext: `{"extEnable":true}`}, nil},
		{"upload of nothing", UploadInput{}, []string{"template_id: is required", "app_version: is required"}},
		{"upload below 0, with broken JSON", UploadInput{TemplateID: "2018", Version: negative, TemplateVersion: negative, Ext: `{extEnable}`}, []string{
			"template_version: must not have a part below 0",
			"app_version: must not have a part below 0",
			`ext: must be JSON, for example {"extEnable": true}`,
		}},

		{"list", ListVersionsInput{Statuses: []VersionStatus{StatusInit, "FROZEN"}}, nil},
		{"list of nothing", ListVersionsInput{}, []string{"version_status: must name at least 1 status; without one AlipayCN returns no versions"}},
		{"list of joined statuses", ListVersionsInput{Statuses: []VersionStatus{"INIT,GRAY", ""}}, []string{"version_status: must not have an empty status or one with a comma"}},

		{"change base information", ModifyBaseInfoInput{AppEnglishName: "my-shop", Categories: CategoryIDs{"a_b"}}, nil},
		{"change the logo", ModifyBaseInfoInput{AppLogo: aPicture(t, "logo.png", 9, 9)}, nil},
		{"change the old categories", ModifyBaseInfoInput{OldCategories: CategoryIDs{"1_2"}}, nil},
		{"change nothing", ModifyBaseInfoInput{}, []string{": must have at least one field to change"}},
		{"change to what is not allowed", ModifyBaseInfoInput{AppEnglishName: "my shop", ServiceEmail: "x", AppLogo: aPicture(t, "logo.png", 9, 8)}, []string{
			"service_email: must be an e-mail address",
			"app_english_name: must have Chinese characters, digits, letters, _, + and - only",
			"app_logo: must be square; is 9 x 8 pixels",
		}},

		{"check a name", CheckNameInput{AppName: "吱声小铺"}, nil},
		{"check no name", CheckNameInput{}, []string{"app_name: is required"}},
		{"check a name with a space", CheckNameInput{AppName: "a b c"}, []string{"app_name: must have Chinese characters, digits, letters, _, + and - only"}},

		{"category requirements", CategoryRequirementsInput{Codes: []string{"1", "2", "3", "4", "5"}}, nil},
		{"category requirements of none", CategoryRequirementsInput{}, []string{"category_code_list: must have at least 1 category"}},
		{"category requirements of six", CategoryRequirementsInput{Codes: []string{"1", "2", "3", "4", "5", ""}}, []string{"category_code_list: must have at most 5 categories; has 6", "category_code_list: is required"}},

		{"domain", SafeDomainInput{Domain: "api.example.com"}, nil},
		{"no domain", SafeDomainInput{}, []string{"safe_domain: is required"}},
		{"two domains", SafeDomainInput{Domain: "a.example.com,b.example.com"}, []string{"safe_domain: must be one domain, without spaces, commas and control characters"}},
		{"a domain with a line break", SafeDomainInput{Domain: "a.example.com\n"}, []string{"safe_domain: must be one domain, without spaces, commas and control characters"}},

		{"member", AddMemberInput{LogonID: "dev@example.com", Role: RoleDeveloper}, nil},
		{"nobody", AddMemberInput{}, []string{"logon_id: is required", "role: is required"}},
		{"member with another role", AddMemberInput{LogonID: "dev@example.com", Role: "MANAGER"}, []string{`role: must be one of [DEVELOPER EXPERIENCER]; got "MANAGER"`}},
		{"remove by user id", RemoveMemberInput{UserID: "2088", Role: RoleExperiencer}, nil},
		{"remove by open id", RemoveMemberInput{OpenID: "074a", Role: RoleExperiencer}, nil},
		{"remove nobody", RemoveMemberInput{}, []string{"user_id: or open_id is required", "role: is required"}},
		{"list all members", ListMembersInput{}, nil},
		{"list members with another role", ListMembersInput{Role: "X"}, []string{`role: must be one of [DEVELOPER EXPERIENCER]; got "X"`}},

		{"QR code", CreateQRCodeInput{Page: "pages/index", Query: "a=1&b=", Color: "0x00BFFF", Size: QRCodeLarge}, nil},
		{"QR code without 0x", CreateQRCodeInput{Page: "pages/index", Color: "00bfff"}, nil},
		{"QR code of nothing", CreateQRCodeInput{}, []string{"url_param: is required"}},
		{"QR code with everything wrong", CreateQRCodeInput{Page: "p", Query: "a", Color: "blue!!", Size: "xl"}, []string{
			"query_param: must be of the form key=value&key=value",
			"color: must be six hexadecimal digits, as in 0x00BFFF",
			`size: must be one of [s m l]; got "xl"`,
		}},
		{"QR code with a parameter without a name", CreateQRCodeInput{Page: "p", Query: "a=1&=2"}, []string{"query_param: must be of the form key=value&key=value"}},
		{"QR code with a short colour", CreateQRCodeInput{Page: "p", Color: "0x00BFF"}, []string{"color: must be six hexadecimal digits, as in 0x00BFFF"}},

		{"bind", BindQRCodeInput{RouteURL: "https://www.example.com/", Page: "pages/index", Mode: RouteFuzzy}, nil},
		{"bind nothing", BindQRCodeInput{}, []string{"route_url: is required", "page_redirection: is required", "mode: is required"}},
		{"bind by pattern", BindQRCodeInput{RouteURL: "ftp://example.com", Page: "p", Mode: RoutePattern}, []string{`mode: must be one of [EXACT FUZZY]; got "PATTERN"`}},
		{"bind another scheme", BindQRCodeInput{RouteURL: "ws://example.com", Page: "p", Mode: RouteExact}, []string{"route_url: must be an http, https or ftp address"}},
		{"bind without a host", BindQRCodeInput{RouteURL: "https:///x", Page: "p", Mode: RouteExact}, []string{"route_url: must be an http, https or ftp address"}},
		{"bind no address", BindQRCodeInput{RouteURL: "https://exa mple.com", Page: "p", Mode: RouteExact}, []string{"route_url: must be an http, https or ftp address"}},
		{"list QR codes", ListQRCodesInput{Page: 1, PageSize: 10}, nil},
		{"list no QR codes", ListQRCodesInput{}, []string{"page_no: must be at least 1", "page_size: must be 1 to 10"}},
		{"list too many QR codes", ListQRCodesInput{Page: 1, PageSize: 11}, []string{"page_size: must be 1 to 10"}},
		{"unbind", UnbindQRCodeInput{RouteGroup: "78b5"}, nil},
		{"unbind nothing", UnbindQRCodeInput{}, []string{"route_group: is required"}},

		{"template", TemplateUsagesInput{TemplateID: "1", PageSize: 50}, nil},
		{"no template", TemplateUsagesInput{}, []string{"template_id: is required"}},
		{"template beyond its limits", TemplateUsagesInput{TemplateID: "1", TemplateVersion: negative, Page: -1, PageSize: 51}, []string{
			"template_version: must not have a part below 0",
			"page_num: must be at least 1, or 0 for the first page",
			"page_size: must be 1 to 50, or 0 for 10",
		}},
		{"template page below 0", TemplateUsagesInput{TemplateID: "1", PageSize: -1}, []string{"page_size: must be 1 to 50, or 0 for 10"}},

		{"order for a merchant", CreateOrderInput{AppName: "茶", AppEnglishName: "Tea", Categories: CategoryIDs{"XS1_XS2"}, ServiceEmail: "a@b.example"}, nil},
		{"order for a merchant, of nothing", CreateOrderInput{}, []string{"app_name: is required", "app_english_name: is required"}},
		{"order for a mini program that is there", CreateOrderInput{MiniAppID: "2021"}, nil},
		{"order with wrong fields", CreateOrderInput{
			MiniAppID: "2021", OldCategories: CategoryIDs{"1"}, Categories: CategoryIDs{"XS1"}, ServiceEmail: "help",
			AppLogo: &File{Name: "logo.png", Content: strings.NewReader("GIF89a"), Size: 6},
		}, []string{
			`app_category_ids: must be ids of letters and digits, two or three levels joined by "_", as in XS1001_XS2001_XS3002`,
			`mini_category_ids: must be ids of letters and digits, two or three levels joined by "_", as in XS1001_XS2001_XS3002`,
			"service_email: must be an e-mail address",
			"app_logo: must be png, jpg or jpeg by its content, whatever its name",
		}},
		{"order to read", GetOrderInput{OrderID: "1", Page: 2}, nil},
		{"no order to read", GetOrderInput{Page: -1}, []string{"commodity_order_id: is required", "start_page: must be at least 1"}},
		{"order to accept", OrderInput{OrderID: "1"}, nil},
		{"no order to accept", OrderInput{}, []string{"commodity_order_id: is required"}},
		{"no order to reject", RejectOrderInput{Reason: "no time"}, []string{"commodity_order_id: is required"}},
		{"item", OrderItemInput{OrderID: "1"}, nil},
		{"item of no order", OrderItemInput{MiniAppID: "2021"}, []string{"commodity_order_id: is required"}},
		{"item of no order to cancel", CancelOrderItemInput{MiniAppID: "2021"}, []string{"commodity_order_id: is required"}},

		{"code for token", tokenInput{GrantType: grantAuthorizationCode, Code: "c"}, nil},
		{"refresh token", tokenInput{GrantType: grantRefreshToken, RefreshToken: "r"}, nil},
		{"no code", tokenInput{GrantType: grantAuthorizationCode}, []string{"code: is required"}},
		{"refresh without token", tokenInput{GrantType: grantRefreshToken}, []string{"refresh_token: is required"}},
		{"token to ask about", tokenInfoInput{AppAuthToken: "t"}, nil},
		{"no token to ask about", tokenInfoInput{}, []string{"app_auth_token: is required"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, broken(tt.in.Validate()))
		})
	}
}

func TestAWrongValueDoesNotFillTheError(t *testing.T) {
	err := ListMembersInput{Role: MemberRole(strings.Repeat("角", 500))}.Validate()
	require.ErrorContains(t, err, strings.Repeat("角", 32)+"...")
	require.Less(t, len(err.Error()), 300)
}

func TestANameIsFineWhenNothingWasFound(t *testing.T) {
	require.True(t, NameCheck{Code: "NONE"}.Fine())
	require.False(t, NameCheck{Code: "BRAND", Memo: "小程序名称涉及到品牌词"}.Fine())
	require.False(t, NameCheck{}.Fine())
}

// AlipayCN says of an application that a Chinese character counts 2. It does not
// say so of a change of base information and of a check of a name, and nothing of
// what is neither Chinese nor ASCII. What it may take is not refused here.
func TestALengthThatTheDocumentsLeaveOpenIsNotRefused(t *testing.T) {
	chinese := func(n int) string { return strings.Repeat("茶", n) }
	for _, tt := range []struct {
		name     string
		validate func(text string) error
		text     string
		want     []string
	}{
		{"a new name in Chinese", func(s string) error { return ModifyBaseInfoInput{AppName: s}.Validate() }, chinese(30), nil},
		{"one more", func(s string) error { return ModifyBaseInfoInput{AppName: s}.Validate() }, chinese(31), []string{"app_name: must have 3 to 30 characters; has 31"}},
		{"a new name of two Chinese characters", func(s string) error { return ModifyBaseInfoInput{AppName: s}.Validate() }, chinese(2), nil},
		{"a new name of one", func(s string) error { return ModifyBaseInfoInput{AppName: s}.Validate() }, chinese(1), []string{"app_name: must have 3 to 30 characters; has 1"}},
		{"a new slogan in Chinese", func(s string) error { return ModifyBaseInfoInput{AppSlogan: s}.Validate() }, chinese(32), nil},
		{"a new description in Chinese", func(s string) error { return ModifyBaseInfoInput{AppDescription: s}.Validate() }, chinese(400), nil},
		{"a name to check in Chinese", func(s string) error { return CheckNameInput{AppName: s}.Validate() }, chinese(30), nil},

		{"a slogan with Chinese commas", func(s string) error { in := application(); in.AppSlogan = s; return in.Validate() }, chinese(15) + "，，", nil},
		{"a slogan with too many", func(s string) error { in := application(); in.AppSlogan = s; return in.Validate() }, chinese(15) + "，，，", []string{"app_slogan: must have 10 to 32 characters, a Chinese one counting 2; has 33"}},
		{"a slogan of Chinese commas", func(s string) error { in := application(); in.AppSlogan = s; return in.Validate() }, strings.Repeat("，", 5), nil},
		{"a memo with accents", func(s string) error { in := application(); in.Memo = s; return in.Validate() }, strings.Repeat("é", 500), nil},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, broken(tt.validate(tt.text))) })
	}
}

// What an e-mail address must look like, AlipayCN does not document.
func TestAnUnusualEMailAddressIsNotRefused(t *testing.T) {
	for text, taken := range map[string]bool{
		"help@example.com": true, "shop..tea@docomo.example": true, "茶.@例子.公司": true, `"tea"@example.com`: true,
		"help": false, "@example.com": false, "help@": false, "a@b@c": false, "tea shop@example.com": false,
		"Help <help@example.com>": false, "a@example.com,b@example.com": false, "help@example.com\n": false,
	} {
		in := application()
		in.ServiceEmail = text
		require.Equal(t, taken, in.Validate() == nil, "%q", text)
	}
}

// A text in another encoding than UTF-8 would be sent as U+FFFD.
func TestATextThatIsNoUTF8IsRefusedInEveryInput(t *testing.T) {
	for _, in := range []validator{
		VersionInput{},
		CancelAuditInput{},
		PublishInput{},
		GrayInput{},
		UploadInput{},
		ListVersionsInput{},
		ApplyInput{},
		ModifyBaseInfoInput{},
		CheckNameInput{},
		SafeDomainInput{},
		CategoryRequirementsInput{},
		TemplateUsagesInput{},
		AddMemberInput{},
		RemoveMemberInput{},
		ListMembersInput{},
		CreateQRCodeInput{},
		BindQRCodeInput{},
		ListQRCodesInput{},
		UnbindQRCodeInput{},
		CreateOrderInput{},
		GetOrderInput{},
		OrderInput{},
		RejectOrderInput{},
		OrderItemInput{},
		CancelOrderItemInput{},
		tokenInput{},
		tokenInfoInput{},
	} {
		for where, filled := range testkey.EachText(in, "\xc4\xe3\xba\xc3") {
			err := filled.(validator).Validate()
			require.ErrorContains(t, err, "must be valid UTF-8", "%s of %T", where, filled)
			require.True(t, utf8.ValidString(err.Error()))
		}
	}
	for where, filled := range testkey.EachText(AuthorizationInput{}, "\xc4\xe3\xba\xc3") {
		_, err := AuthorizationURL(filled.(AuthorizationInput))
		require.ErrorContains(t, err, "must be valid UTF-8", where)
	}

	_, c := newStub(t, func(int, *http.Request, []byte) stubAnswer { panic("it was sent") })
	_, err := c.Versions.Apply(t.Context(), ApplyInput{Version: versionOne(), Description: strings.Repeat("\xc4\xe3", 20)})
	require.ErrorContains(t, err, "version_desc must be valid UTF-8: convert a text of another encoding, such as GBK")
}
