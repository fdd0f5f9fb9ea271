package alipaycn

import (
	"strings"
	"testing"

	"github.com/alipayplus-go/alipayplus"
	"github.com/stretchr/testify/require"
)

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
			shot := *aPicture(t, "shot.png", 10, 10)
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
	in.AppLogo = aPicture(t, "logo.png", 180, 180)
	require.Empty(t, broken(in.Validate()), "all is given")
}

func TestAnApplicationHasOnlyTheFilesThatAreGivenAndEachUnderItsName(t *testing.T) {
	shots := []File{{Name: "1.png"}, {Name: "2.png"}}
	in := ApplyInput{ScreenShots: shots, TestFile: &File{Name: "t.zip"}}

	require.Equal(t, []filePart{
		{"first_screen_shot", &shots[0]},
		{"second_screen_shot", &shots[1]},
		{"test_file_name", in.TestFile},
	}, in.files())
	require.Empty(t, ApplyInput{}.files())
	require.Empty(t, ModifyBaseInfoInput{}.files())
}
