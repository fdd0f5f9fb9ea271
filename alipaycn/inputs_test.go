package alipaycn

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// broken are the fields that a validation found, as "path: message".
func broken(err error) []string {
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*alipayplus.ValidationError](err)
	if !ok {
		return []string{"no validation error: " + err.Error()}
	}
	texts := make([]string, len(invalid.Fields))
	for i, f := range invalid.Fields {
		texts[i] = f.Path + ": " + f.Message
	}
	return texts
}

func versionOne() alipayplus.VersionNumber { return alipayplus.VersionNumber{Patch: 1} }

// application is one that AlipayCN's own example would send for an app whose
// information is saved.
func application() ApplyInput {
	return ApplyInput{Version: versionOne(), Description: "该版本新增了签到功能，修复了支付的问题"}
}

func TestAnApplicationNeedsAVersionAndWhatChanged(t *testing.T) {
	require.Empty(t, broken(application().Validate()))
	require.Equal(t, []string{"app_version: is required", "version_desc: is required"}, broken(ApplyInput{}.Validate()))
	require.ErrorIs(t, ApplyInput{}.Validate(), alipayplus.ErrInvalid)
	require.ErrorContains(t, ApplyInput{}.Validate(), "application: 2 fields not valid")
}

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
			return TokenInput{GrantType: GrantAuthorizationCode, Code: s}.Validate()
		}, letters, false},
		{"refresh_token", 0, 40, func(s string) error {
			return TokenInput{GrantType: GrantRefreshToken, RefreshToken: s}.Validate()
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

func TestAnApplicationIsRefusedForWhatAlipayCNWouldRefuse(t *testing.T) {
	const inName = "must have Chinese characters, digits, letters, _, + and - only"
	const asCategory = `must be ids of letters and digits, two or three levels joined by "_", as in XS1001_XS2001_XS3002`
	for _, tt := range []struct {
		name   string
		change func(*ApplyInput)
		want   []string
	}{
		{"a version below 0", func(in *ApplyInput) { in.Version.Minor = -1 }, []string{"app_version: must not have a part below 0"}},
		{"a name of all that is allowed", func(in *ApplyInput) { in.AppName = "小店_azAZ09+-" }, nil},
		{"a name with a space", func(in *ApplyInput) { in.AppName = "my shop" }, []string{"app_name: " + inName}},
		{"a name with an emoji", func(in *ApplyInput) { in.AppName = "shop😀" }, []string{"app_name: " + inName}},
		{"an English name with a hyphen", func(in *ApplyInput) { in.AppEnglishName = "my-shop" }, []string{"app_english_name: must have letters and digits only"}},
		{"a phone number with hyphens", func(in *ApplyInput) { in.ServicePhone = "0571-12345678" }, nil},
		{"a phone number with a plus", func(in *ApplyInput) { in.ServicePhone = "+8657112345678" }, []string{"service_phone: must have digits and hyphens only"}},
		{"an e-mail address", func(in *ApplyInput) { in.ServiceEmail = "help@example.com" }, nil},
		{"an e-mail address with a name", func(in *ApplyInput) { in.ServiceEmail = "Help <help@example.com>" }, []string{"service_email: must be an e-mail address"}},
		{"no e-mail address", func(in *ApplyInput) { in.ServiceEmail = "example.com" }, []string{"service_email: must be an e-mail address"}},
		{"four categories", func(in *ApplyInput) {
			in.Categories = CategoryIDs{"XS1001_XS2001_XS3002", "XS1011_XS2089", "XS1_XS2", "XS3_XS4"}
		}, nil},
		{"five categories", func(in *ApplyInput) { in.Categories = CategoryIDs{"a_b", "a_c", "a_d", "a_e", "a_f"} }, []string{"mini_category_ids: must have at most 4 categories; has 5"}},
		{"a category of one level", func(in *ApplyInput) { in.Categories = CategoryIDs{"XS1001"} }, []string{"mini_category_ids: " + asCategory}},
		{"a category of four levels", func(in *ApplyInput) { in.Categories = CategoryIDs{"a_b_c_d"} }, []string{"mini_category_ids: " + asCategory}},
		{"a category with an empty level", func(in *ApplyInput) { in.Categories = CategoryIDs{"a__c"} }, []string{"mini_category_ids: " + asCategory}},
		{"two categories in one", func(in *ApplyInput) { in.Categories = CategoryIDs{"a_b;c_d"} }, []string{"mini_category_ids: " + asCategory}},
		{"an empty category", func(in *ApplyInput) { in.Categories = CategoryIDs{""} }, []string{"mini_category_ids: " + asCategory}},
		{"old categories", func(in *ApplyInput) { in.OldCategories = CategoryIDs{"11_12", "12_13"} }, nil},
		{"an old category of one level", func(in *ApplyInput) { in.OldCategories = CategoryIDs{"11"} }, []string{"app_category_ids: " + asCategory}},
		{"a region type", func(in *ApplyInput) { in.RegionType = RegionChina }, nil},
		{"a wrong region type", func(in *ApplyInput) { in.RegionType = "ASIA" }, []string{`region_type: must be one of [GLOBAL CHINA LOCATION]; got "ASIA"`}},
		{"LOCATION without regions", func(in *ApplyInput) { in.RegionType = RegionLocation }, []string{"service_region_info: is required when region_type is LOCATION"}},
		{"a province", func(in *ApplyInput) {
			in.RegionType, in.Regions = RegionLocation, []Region{{ProvinceCode: "330000"}}
		}, nil},
		{"an area", func(in *ApplyInput) {
			in.RegionType, in.Regions = RegionLocation, []Region{{ProvinceCode: "330000", CityCode: "330100", AreaCode: "330106"}}
		}, nil},
		{"a city without its province, and an area without both", func(in *ApplyInput) {
			in.RegionType, in.Regions = RegionLocation, []Region{{CityCode: "330100"}, {AreaCode: "330106"}}
		}, []string{
			"service_region_info[0].province_code: is required",
			"service_region_info[1].province_code: is required",
			"service_region_info[1].city_code: is required with area_code",
		}},
		{"a licence without end", func(in *ApplyInput) { in.LicenseValidDate = NoEnd }, nil},
		{"a licence with another date", func(in *ApplyInput) { in.LicenseValidDate = "31.12.2026" }, []string{"license_valid_date: must be a day of the form yyyy-MM-dd, 9999-12-31 for no end"}},
		{"a day that does not exist", func(in *ApplyInput) { in.LicenseValidDate = "2026-02-30" }, []string{"license_valid_date: must be a day of the form yyyy-MM-dd, 9999-12-31 for no end"}},
		{"a rule that is not known", func(in *ApplyInput) { in.AuditRule = "SOMETHING_NEW" }, nil},
		{"devices", func(in *ApplyInput) { in.BundleID = BundleIoT }, nil},
		{"a client that cannot be reviewed", func(in *ApplyInput) { in.BundleID = BundleAmap }, []string{`bundle_id: must be one of [com.alipay.alipaywallet com.alipay.iot.xpaas]; got "com.amap.app"`}},
		{"too many pictures", func(in *ApplyInput) {
			shot := *picture(t, "shot.png", 10, 10)
			in.ScreenShots = []File{shot, shot, shot, shot, shot, shot}
			in.LicensePics = in.ScreenShots
			in.SpecialLicensePics = in.ScreenShots[:4]
		}, []string{
			"screen_shots: must have at most 5 pictures; has 6",
			"license_pics: must have at most 5 pictures; has 6",
			"special_license_pics: must have at most 3 pictures; has 4",
		}},
		{"files, each named by its part", func(in *ApplyInput) {
			text := *textFile("notes.txt", "not a picture")
			in.AppLogo, in.OutDoorPic, in.TestFile = &text, &text, &text
			in.ScreenShots, in.LicensePics, in.SpecialLicensePics = []File{text, text}, []File{text}, []File{text}
		}, []string{
			"app_logo: must be png, jpg or jpeg by its content, whatever its name",
			"first_screen_shot: must be png or jpg by its content, whatever its name",
			"second_screen_shot: must be png or jpg by its content, whatever its name",
			"first_license_pic: must be png or jpg by its content, whatever its name",
			"first_special_license_pic: must be png or jpg by its content, whatever its name",
			"out_door_pic: must be png or jpg by its content, whatever its name",
			"test_file_name: must be zip or rar by its content, whatever its name",
		}},
		{"everything at once", func(in *ApplyInput) {
			in.Description, in.AppName, in.Memo, in.RegionType = "short", "a b", strings.Repeat("记", 251), RegionLocation
		}, []string{
			"version_desc: must have 30 to 500 characters, a Chinese one counting 2; has 5",
			"app_name: " + inName,
			"service_region_info: is required when region_type is LOCATION",
			"memo: must have at most 500 characters, a Chinese one counting 2; has 502",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := application()
			tt.change(&in)
			require.Equal(t, tt.want, broken(in.Validate()))
		})
	}
}

func TestAFirstApplicationNeedsWhatIsNotSaved(t *testing.T) {
	in := application()
	in.Saved = &BaseInfo{}
	require.Equal(t, []string{
		"app_name: is required: nothing is saved",
		"app_english_name: is required: nothing is saved",
		"app_slogan: is required: nothing is saved",
		"app_desc: is required: nothing is saved",
		"mini_category_ids: is required: nothing is saved",
		"app_logo: is required: nothing is saved",
		"service_phone: or service_email is required: nothing is saved",
	}, broken(in.Validate()))

	in.Saved = &BaseInfo{
		AppName: "shop", AppEnglishName: "shop", AppSlogan: "s", AppDescription: "d",
		CategoryNames: "生活_购物", AppLogo: "https://example.com/logo.png", ServiceEmail: "help@example.com",
	}
	require.Empty(t, broken(in.Validate()), "all is saved")

	in.Saved = &BaseInfo{}
	in.AppName, in.AppEnglishName, in.AppSlogan = "shop", "shop", "a slogan of ten"
	in.AppDescription, in.OldCategories, in.ServicePhone = "a description of 20 characters", CategoryIDs{"11_12"}, "95188"
	in.AppLogo = picture(t, "logo.png", 180, 180)
	require.Empty(t, broken(in.Validate()), "all is given")
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
		{"change the logo", ModifyBaseInfoInput{AppLogo: picture(t, "logo.png", 9, 9)}, nil},
		{"change the old categories", ModifyBaseInfoInput{OldCategories: CategoryIDs{"1_2"}}, nil},
		{"change nothing", ModifyBaseInfoInput{}, []string{": must have at least one field to change"}},
		{"change to what is not allowed", ModifyBaseInfoInput{AppEnglishName: "my shop", ServiceEmail: "x", AppLogo: picture(t, "logo.png", 9, 8)}, []string{
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

		{"code for token", TokenInput{GrantType: GrantAuthorizationCode, Code: "c"}, nil},
		{"refresh token", TokenInput{GrantType: GrantRefreshToken, RefreshToken: "r"}, nil},
		{"no grant", TokenInput{}, []string{"grant_type: is required"}},
		{"another grant", TokenInput{GrantType: "password", Code: "c"}, []string{`grant_type: must be one of [authorization_code refresh_token]; got "password"`}},
		{"the other's secret", TokenInput{GrantType: GrantAuthorizationCode, RefreshToken: "r"}, []string{"code: is required", "refresh_token: must be empty for authorization_code"}},
		{"both secrets", TokenInput{GrantType: GrantRefreshToken, RefreshToken: "r", Code: "c"}, []string{"code: must be empty for refresh_token"}},
		{"refresh without token", TokenInput{GrantType: GrantRefreshToken}, []string{"refresh_token: is required"}},
		{"token to ask about", TokenInfoInput{AppAuthToken: "t"}, nil},
		{"no token to ask about", TokenInfoInput{}, []string{"app_auth_token: is required"}},
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

func TestTokensAreInNoText(t *testing.T) {
	token := Token{AppAuthToken: "SECRET-1", AppRefreshToken: "SECRET-2", AuthAppID: "2021", UserID: "2088"}
	for _, value := range []any{
		token, &token,
		Tokens{Token: token, Tokens: []Token{token}},
		TokenInput{GrantType: GrantRefreshToken, Code: "SECRET-1", RefreshToken: "SECRET-2"},
		TokenInfoInput{AppAuthToken: "SECRET-1"},
	} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
			require.NotContains(t, fmt.Sprintf(format, value), "SECRET", format)
		}
	}
	require.Equal(t, "[auth_app_id=2021 user_id=2088]", token.LogValue().String())
	require.Equal(t, "[grant_type=refresh_token]", TokenInput{GrantType: GrantRefreshToken, RefreshToken: "SECRET"}.LogValue().String())
	require.Equal(t, "[]", TokenInfoInput{AppAuthToken: "SECRET"}.LogValue().String())
}
