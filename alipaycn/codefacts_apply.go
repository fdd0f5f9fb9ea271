package alipaycn

import "github.com/alipayplus-go/alipayplus"

func applyTextFacts() []codeFact {
	return []codeFact{
		{CodeAppNameIsBlank, alipayplus.ErrInvalid, "the mini program has no name, or its reserved name was released; send app_name with the application"},
		{CodeInvalidMiniAppName, alipayplus.ErrInvalid, "app_name has characters that are not allowed; use Chinese characters, digits, letters, _, + and - only"},
		{CodeInvalidMiniAppNameLength, alipayplus.ErrInvalid, "app_name is too short or too long; use 3 to 40 characters, a Chinese one counting 2; older pages of AlipayCN say 3 to 30 and 3 to 20"},
		{CodeInvalidMiniAppNamePrefix, alipayplus.ErrInvalid, "app_name begins with words that this mini program must not begin its name with; choose a name with another beginning"},
		{CodeMiniAppNameDuplicate, alipayplus.ErrInvalid, "another mini program has this app_name; choose another; baseInfo.checkName tells beforehand"},
		{CodeMiniVersionNameDuplicate, alipayplus.ErrInvalid, "the app_name is in use, perhaps by a version of another mini program; choose another; baseInfo.checkName tells beforehand"},
		{CodeMiniAppNameSensitive, alipayplus.ErrInvalid, "app_name has words that AlipayCN does not allow; remove them; AlipayCN's operation rules list what is not allowed"},
		{CodeCanNotModifyNameOnceOnline, alipayplus.ErrConflict, "the name cannot be changed by an application once the mini program was online; leave app_name out; change the name in AlipayCN's console"},
		{CodeEnglishNameIsBlank, alipayplus.ErrInvalid, "the mini program has no English name; send app_english_name with the application"},
		{CodeInvalidMiniAppEnName, alipayplus.ErrInvalid, "app_english_name has characters that are not allowed; use letters and digits only"},
		{CodeInvalidMiniAppEnNameLength, alipayplus.ErrInvalid, "app_english_name is too short or too long; use 3 to 30 characters"},
		{CodeMiniAppEnNameDuplicate, alipayplus.ErrInvalid, "another mini program has this app_english_name; choose another"},
		{CodeMiniAppEnNameSensitive, alipayplus.ErrInvalid, "app_english_name has words that AlipayCN does not allow; remove them"},
		{CodeCanNotModifyEnOnceOnline, alipayplus.ErrConflict, "the English name cannot be changed once the mini program was online; leave app_english_name out"},
		{CodeSloganIsBlank, alipayplus.ErrInvalid, "the mini program has no slogan; send app_slogan, 10 to 32 characters, with the application"},
		{CodeInvalidMiniAppSlogan, alipayplus.ErrInvalid, "app_slogan has characters that are not allowed; remove special characters, line breaks and emoji"},
		{CodeInvalidMiniAppSloganLength, alipayplus.ErrInvalid, "app_slogan is too short or too long; use 10 to 32 characters, a Chinese one counting 2"},
		{CodeMiniAppSloganSensitive, alipayplus.ErrInvalid, "app_slogan has words that AlipayCN does not allow; remove them"},
		{CodeModifySloganExceedCount, alipayplus.ErrLimit, "the slogan was changed as often as it may be this month, 5 times; leave app_slogan out, or wait for the next month"},
		{CodeAppDescIsBlank, alipayplus.ErrInvalid, "the mini program has no description; send app_desc, 20 to 400 characters"},
		{CodeInvalidMiniAppDesc, alipayplus.ErrInvalid, "app_desc has characters that are not allowed; remove special characters and emoji"},
		{CodeInvalidMiniAppDescLength, alipayplus.ErrInvalid, "app_desc is too short or too long; use 20 to 400 characters, a Chinese one counting 2"},
		{CodeMiniAppDescSensitive, alipayplus.ErrInvalid, "app_desc has words that AlipayCN does not allow; remove them"},
		{CodeModifyDescExceedCount, alipayplus.ErrLimit, "the description was changed as often as it may be; leave app_desc out, or wait for the next period"},
		{CodeVersionDescIsBlank, alipayplus.ErrInvalid, "version_desc is missing; each application needs its own; say in version_desc, 30 to 500 characters, what changed"},
		{CodeInvalidVersionDescLength, alipayplus.ErrInvalid, "version_desc is too short or too long; use 30 to 500 characters, a Chinese one counting 2"},
		{CodeInvalidMiniAppVersionDesc, alipayplus.ErrInvalid, "version_desc has characters that are not allowed; remove special characters and emoji"},
		{CodeMiniAppVersionDescSensitive, alipayplus.ErrInvalid, "version_desc has words that AlipayCN does not allow; remove them"},
		{CodeInvalidMiniAppMemoLength, alipayplus.ErrInvalid, "memo is too long; use at most 500 characters, a Chinese one counting 2"},
		{CodeMiniAppMemoSensitive, alipayplus.ErrInvalid, "memo has words that AlipayCN does not allow; remove them"},
		{CodeInvalidMemoTradeNo, alipayplus.ErrInvalid, "the trade number in memo is not one (the code is misspelt on the wire); correct or remove the trade number in memo"},
		{CodeMemoTradeNoCheckFail, alipayplus.ErrInvalid, "the trade number in memo was not found or belongs to another merchant; give a trade number of this merchant, or remove it from memo"},
		{CodeServiceTelAndMailBothBlank, alipayplus.ErrInvalid, "the mini program has neither a service phone nor a service e-mail address; send service_phone or service_email"},
		{CodeServiceTelIsBlank, alipayplus.ErrInvalid, "the mini program has no service phone; send service_phone"},
		{CodeInvalidMiniAppServiceTel, alipayplus.ErrInvalid, "service_phone is not valid; use 5 to 30 digits and hyphens"},
		{CodeInvalidMiniAppServiceMail, alipayplus.ErrInvalid, "service_email is not an e-mail address; correct it, for example help@example.com"},
		{CodeMiniAppServiceMailSensitive, alipayplus.ErrInvalid, "service_email has words that AlipayCN does not allow; use another address"},
		{CodeInvalidTestAccountLength, alipayplus.ErrInvalid, "the test account for the reviewers is too long; use a shorter test account; the limit is not documented"},
		{CodeInvalidTestPwdLength, alipayplus.ErrInvalid, "the password of the test account is too long; use a shorter password; the limit is not documented"},
		{CodeHasNoModifyCnt, alipayplus.ErrLimit, "some information was changed as often as it may be in this period; leave out the fields that are as they were; the console shows what is left for each"},
		{CodeMiniAppInfoAuditContains, ErrNotReady, "a change of the mini program's information is being reviewed; wait for the end of that review, then apply again"},
	}
}

func applyLicenceFacts() []codeFact {
	return []codeFact{
		{CodeCategoryIsBlank, alipayplus.ErrInvalid, "the mini program has no category; send mini_category_ids; categories.list shows what there is"},
		{CodeCategoryNumIsInvalid, alipayplus.ErrInvalid, "there must be 1 to 4 categories; send 1 to 4 of them in mini_category_ids, joined by ;"},
		{CodeInvalidCategory, alipayplus.ErrInvalid, "a category does not exist, is not open to this kind of developer, or is in the wrong field; new categories (XS…) go into mini_category_ids, all levels joined by _, as categories.list gives them"},
		{CodePrivateNotAllowCategory, alipayplus.ErrPermission, "the category is not open to mini programs of individuals; choose a category that is open to individuals, or release under a company"},
		{CodeModifyCategoryIDExceedCount, alipayplus.ErrLimit, "the categories were changed as often as they may be this month, 5 times; leave the categories out, or wait for the next month"},
		{CodeRegionTypeIsBlank, alipayplus.ErrInvalid, "region_type is missing; send GLOBAL, CHINA, or LOCATION with service_region_info"},
		{CodeRegionTypeIsInvalid, alipayplus.ErrInvalid, "region_type is none of the known ones; use GLOBAL, CHINA or LOCATION"},
		{CodeRegionCodeIsBlank, alipayplus.ErrInvalid, "region_type is LOCATION, or a city or area is given, but the code above it is missing; give province_code with a city, and province_code and city_code with an area"},
		{CodeRegionCodeIsInvalid, alipayplus.ErrInvalid, "a region code does not exist or does not lie in the region above it; use the codes of AlipayCN's list of provinces, cities and areas"},
		{CodeInvalidRegion, alipayplus.ErrInvalid, "service_region_info is not valid; use the codes of AlipayCN's list of provinces, cities and areas"},
		{CodeLicenseNoIsBlank, alipayplus.ErrInvalid, "the category needs a business licence and license_no is missing; send license_no; categories.requirements tells what a category needs"},
		{CodeLicenseNameIsBlank, alipayplus.ErrInvalid, "the category needs a business licence and license_name is missing; send license_name as printed on the licence"},
		{CodeLicenseValidDateIsBlank, alipayplus.ErrInvalid, "the category needs a business licence and license_valid_date is missing; send license_valid_date as yyyy-MM-dd, 9999-12-31 for no end"},
		{CodeLicenseValidDateIsInvalid, alipayplus.ErrInvalid, "license_valid_date is malformed or in the past; send yyyy-MM-dd, 9999-12-31 for no end; a licence that ended must be renewed"},
		{CodeLicensePicsAreBlank, alipayplus.ErrInvalid, "the category needs a picture of the business licence; send first_license_pic"},
		{CodeLicensePicNumIsInvalid, alipayplus.ErrInvalid, "there are too few or too many pictures of the business licence; send 1 to 5"},
		{CodeLicenseCheckFail, alipayplus.ErrInvalid, "number, name and pictures of the licence do not fit together or could not be confirmed; compare license_no, license_name and license_valid_date with the licence itself"},
		{CodeOutDoorPicIsBlank, alipayplus.ErrInvalid, "the category needs a picture of the shop front; send out_door_pic"},
		{CodeSpecialLicensePicsAreBlank, alipayplus.ErrInvalid, "the category needs a special licence; send first_special_license_pic; categories.requirements tells which licence"},
		{CodeInvalidSpecialLicenseNum, alipayplus.ErrInvalid, "there are too few or too many pictures of special licences; send 1 to 3"},
	}
}

func applyFileFacts() []codeFact {
	return []codeFact{
		{CodeLogoIsBlank, alipayplus.ErrInvalid, "the mini program has no logo; send app_logo with the application"},
		{CodeDefaultLogo, alipayplus.ErrInvalid, "the logo is still AlipayCN's default picture; send an app_logo of your own"},
		{CodeInvalidLogo, alipayplus.ErrInvalid, "app_logo cannot be read as an image; often it is CMYK; save it as PNG or JPEG in RGB"},
		{CodeInvalidLogoExt, alipayplus.ErrInvalid, "app_logo is of a type that is not allowed; often it is a CMYK picture; send png, jpg or jpeg in RGB, with that ending in the file name"},
		{CodeLogoSizeExceed, alipayplus.ErrInvalid, "app_logo has too many pixels or bytes; send at most 2 MB; 180 x 180 pixels are advised"},
		{CodeLogoExceedMaxSize, alipayplus.ErrInvalid, "app_logo has too many bytes; send at most 2 MB"},
		{CodeLogoHeightNotEqualWidth, alipayplus.ErrInvalid, "app_logo is not square; send a square picture; 180 x 180 pixels are advised"},
		{CodeScreenShotsAreBlank, alipayplus.ErrInvalid, "the version needs screenshots; send first_screen_shot, second_screen_shot and so on"},
		{CodeScreenShotNumIsInvalid, alipayplus.ErrInvalid, "there are too few or too many screenshots; send 2 to 5; the least number is documented for a sister call only"},
		{CodeInvalidScreenShotExt, alipayplus.ErrInvalid, "a screenshot is of a type that is not allowed; send png or jpg, with that ending in the file name"},
		{CodeScreenShotExceedMaxSize, alipayplus.ErrInvalid, "a screenshot is too large; send at most 4 MB, at most 2160 pixels wide and 3840 high"},
		{CodeFileIsBlank, alipayplus.ErrInvalid, "a file of the application is empty or did not arrive; send the file again, with a name that has an ending"},
		{CodeInvalidFileExt, alipayplus.ErrInvalid, "a file is of a type that is not allowed; pictures: png or jpg; the test file: zip or rar; with that ending in the file name"},
		{CodeFileSizeExceed, alipayplus.ErrInvalid, "a file is too large; logo: at most 2 MB; other pictures: 4 MB; the test file: 10 MB"},
	}
}

func applyStateFacts() []codeFact {
	return []codeFact{
		{CodeSubmitRepeat, ErrAlreadyDone, "the version was submitted already; read its status; if it is AUDITING the application has been made"},
		{CodeCanNotSubmitWithAudit, ErrAlreadyDone, "a version is under review already; read which; if it is this one the application has been made, otherwise wait for the verdict or cancel that review (versions.cancelAudit)"},
		{CodeCanNotSubmitWithoutInit, alipayplus.ErrConflict, "only a version in INIT can be submitted; read its status; return a passed or rejected version to development first (versions.returnToDevelopment)"},
		{CodeCanNotSubmitWithoutScanPass, ErrNotReady, "the security scan of the version is not passed; wait while scan_result of versions.get is NAN; when it is False, correct the code and upload a new version"},
		{CodeCanNotSubmitWithAuditGray, alipayplus.ErrConflict, "another version is under review, approved, rejected or in grayscale, and there may be only one; publish it, or cancel its review (versions.cancelAudit), or return it to development (versions.returnToDevelopment), or end its grayscale (versions.cancelGray)"},
		{CodeCanNotSubmitWithAliCloud, alipayplus.ErrConflict, "the mini program is bound to Alibaba Cloud and cannot be submitted by this call; submit it there or in AlipayCN's console"},
		{CodeInvalidMiniAppSafeDomain, alipayplus.ErrInvalid, "a server domain of the mini program is not valid; correct the list of server domains (safeDomains.add, safeDomains.remove) and upload a new version"},
		{CodeRiskDecisionCheckFail, alipayplus.ErrInvalid, "name, description, slogan or another text has words that the risk control does not allow; reword the texts, then apply again"},
		{CodeRiskDecisionHitBrand, alipayplus.ErrInvalid, "the name or logo touches a protected brand; use another, or prove the right to the brand in AlipayCN's console"},
		{CodeRiskDecisionHitBroad, alipayplus.ErrInvalid, "the name is too general; choose a name that tells this mini program from others"},
		{CodeBrandTortNotEnd, alipayplus.ErrConflict, "a complaint about a brand is still open against the mini program; settle the complaint in AlipayCN's console, then apply again"},
		{CodeTinyAppAuditNotPermit, alipayplus.ErrPermission, "this mini program is not allowed to be submitted for review; look for notices about the mini program in AlipayCN's console"},
		{CodeMiniAppRestrictedAuditControl, alipayplus.ErrPermission, "AlipayCN has restricted the submission of this mini program; look for notices about the mini program in AlipayCN's console"},
		{CodeCanNotSubmitWithOnlineMiniAppExceedLimit, alipayplus.ErrLimit, "the merchant has as many online mini programs as are allowed; take one offline, or ask AlipayCN for more"},
		{CodeCanNotSubmitWithPunishOrderLimit, alipayplus.ErrPermission, "penalties against the mini program are open, and nothing may be submitted until they are settled; settle them in AlipayCN's console"},
	}
}
