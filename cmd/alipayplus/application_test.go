package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

const describes = "version_desc: A first version, with a menu and a way to order tea.\n"

func first() alipayplus.VersionNumber { return alipayplus.VersionNumber{Patch: 1} }

// Every field of an application gets to AlipayCN, numbers as the texts that they are.
func TestAnApplicationIsReadWhole(t *testing.T) {
	picture, err := filepath.Abs("../../examples/alipaycn/sample/logo.png")
	require.NoError(t, err)
	s := &place{T: t, folder: t.TempDir()}
	s.write("report.zip", "PK\x03\x04 a report")
	s.write("application.yaml", describes+`
app_name: BlueLakeTea
app_english_name: BlueLake
app_slogan: Tea from the blue lake
app_desc: Order tea from the blue lake, and drink it there.
mini_category_ids: [XS1001_XS2001_XS3002, XS1001_XS2001_XS3003]
service_phone: 013110101010
service_email: mei@bluelake.example
region_type: LOCATION
service_region_info: [{province_code: 330000, province_name: Zhejiang, city_code: 330100, city_name: Hangzhou, area_code: 330106, area_name: Xihu}]
license_no: 0913300001
license_name: Blue Lake
license_valid_date: 2040-01-31
memo: Press the leaf.
test_account: mei
test_password_from: TEST_PASSWORD
audit_rule: BASE_PROMOTE
speed_up: false
app_logo: `+picture+`
screen_shots: [`+picture+`, `+picture+`]
license_pics: [`+picture+`]
special_license_pics: [`+picture+`]
out_door_pic: `+picture+`
test_file: report.zip
`)
	t.Setenv("TEST_PASSWORD", "leaf by leaf")
	in, err := readApplication(s.path("application.yaml"), first())
	require.NoError(t, err)
	names := func(files ...alipaycn.File) (all []string) {
		for _, file := range files {
			require.Positive(t, file.Size)
			all = append(all, file.Name)
		}
		return all
	}
	require.Equal(t, []string{"logo.png", "logo.png", "report.zip"}, names(*in.AppLogo, *in.OutDoorPic, *in.TestFile))
	require.Equal(t, []string{"logo.png", "logo.png"}, names(in.ScreenShots...))
	require.Equal(t, []string{"logo.png"}, names(in.LicensePics...))
	require.Equal(t, []string{"logo.png"}, names(in.SpecialLicensePics...))
	in.AppLogo, in.OutDoorPic, in.TestFile, in.ScreenShots, in.LicensePics, in.SpecialLicensePics = nil, nil, nil, nil, nil, nil
	require.Equal(t, alipaycn.ApplyInput{
		Version: first(), Description: "A first version, with a menu and a way to order tea.",
		AppName: "BlueLakeTea", AppEnglishName: "BlueLake", AppSlogan: "Tea from the blue lake",
		AppDescription: "Order tea from the blue lake, and drink it there.",
		Categories:     alipaycn.CategoryIDs{"XS1001_XS2001_XS3002", "XS1001_XS2001_XS3003"},
		ServicePhone:   "013110101010", ServiceEmail: "mei@bluelake.example", RegionType: alipaycn.RegionLocation,
		Regions: []alipaycn.Region{{
			ProvinceCode: "330000", ProvinceName: "Zhejiang", CityCode: "330100", CityName: "Hangzhou", AreaCode: "330106", AreaName: "Xihu",
		}},
		LicenseNo: "0913300001", LicenseName: "Blue Lake", LicenseValidDate: "2040-01-31", Memo: "Press the leaf.",
		TestAccount: "mei", TestPassword: "leaf by leaf", AuditRule: alipaycn.AuditRuleBasePromote, SpeedUp: new(alipaycn.TextBool(false)),
	}, in)
}

func TestWhatIsWrongWithAnApplicationIsNamed(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{"an unknown field", describes + "app_nam: Tea\n", "line 2: field app_nam is not known in application"},
		{"publishing past the spec", describes + "auto_online: true\n", "line 2: field auto_online is not known"},
		{"two of them", "app_nam: Tea\nlogo: x\n", "line 1: field app_nam is not known in application; line 2: field logo is not known in application"},
		{"an unknown field of a region", "service_region_info:\n  - province: 33\n", "line 2: field province is not known in region"},
		{"no YAML", describes + "app_name: [\n", "yaml: line "},
		{"another kind", describes + "speed_up: perhaps\n", "line 2: cannot read str `perhaps` into bool"},
		{"the same twice", describes + describes, `line 2: mapping key "version_desc" already defined at line 1`},
		{"nothing", "# later\n", "it is empty"},
		{"two documents", describes + "---\n" + describes, "it must be one document"},
		{"too short", "version_desc: tea\n", "version_desc must have 30 to 500 characters"},
		{"too many", describes + "screen_shots: [a.png, a.png, a.png, a.png, a.png, a.png]\n", "screen_shots must have at most 5 pictures; has 6"},
		{"no picture", describes + "app_logo: logo.png\n", "logo.png: "},
		{"a folder", describes + "out_door_pic: .\n", ": read "},
		{"a picture that is none", describes + "app_logo: a.png\n", "app_logo must be png, jpg or jpeg by its content"},
		{"a password", describes + "test_password_from: leaf by leaf\n", "test_password_from must be the name of a variable, which must be set"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &place{T: t, folder: t.TempDir()}
			s.write("a.png", "tea")
			s.write("application.yaml", tt.content)
			_, err := readApplication(s.path("application.yaml"), first())
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, s.path("application.yaml")+": ")
			require.ErrorAs(t, err, new(wrongUse))
			require.NotContains(t, err.Error(), "\n")
			require.NotContains(t, err.Error(), "leaf by leaf")
		})
	}
}

// The sample is what a first application takes.
func TestTheSampleIsComplete(t *testing.T) {
	in, err := readApplication("samples/application.yaml", first())
	require.NoError(t, err)
	in.Saved = new(alipaycn.BaseInfo)
	require.NoError(t, in.Validate())
	require.Len(t, in.ScreenShots, 2)
}
