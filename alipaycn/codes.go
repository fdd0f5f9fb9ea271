package alipaycn

// General: the app, the merchant, the system.
const (
	// CodeSystemError: AlipayCN failed inside and does not say whether the call
	// took effect.
	CodeSystemError Code = "SYSTEM_ERROR"
	// CodeSystemException: AlipayCN failed inside and does not say whether the
	// call took effect.
	CodeSystemException Code = "SYSTEM_EXCEPTION"
	// CodeSystemLimit: AlipayCN is limiting the load and did not accept the call.
	CodeSystemLimit Code = "SYSTEM_LIMIT"
	// CodeOpFrequencyLimit: the operation was called too often and was not
	// accepted.
	CodeOpFrequencyLimit Code = "OP_FREQUENCY_LIMIT"
	// CodeAppStoreRPCInvokeError: a system behind AlipayCN's gateway did not
	// answer, so the outcome is not known.
	CodeAppStoreRPCInvokeError Code = "APPSTORE_RPC_INVOKE_ERROR"
	// CodeInvalidParameter: a parameter is not valid.
	CodeInvalidParameter Code = "INVALID_PARAMETER"
	// CodeInvalidParams: the parameters are not valid together or one is
	// malformed.
	CodeInvalidParams Code = "INVALID_PARAMS"
	// CodeInvalidParam: a parameter is not valid.
	CodeInvalidParam Code = "INVALID_PARAM"
	// CodeIllegalParam: a parameter is not allowed.
	CodeIllegalParam Code = "ILLEGAL_PARAM"
	// CodeIllegalParams: a parameter is not allowed.
	CodeIllegalParams Code = "ILLEGAL_PARAMS"
	// CodeParameterError: a parameter is wrong.
	CodeParameterError Code = "PARAMETER_ERROR"
	// CodeAppIDIsBlank: no mini program was named by the call.
	CodeAppIDIsBlank Code = "APPID_IS_BLANK"
	// CodeAppInfoNotExist: AlipayCN does not know the app.
	CodeAppInfoNotExist Code = "APP_INFO_NOT_EXIST"
	// CodeApplicationTypeNotMiniApp: the app that the call is for is not a mini
	// program.
	CodeApplicationTypeNotMiniApp Code = "APPLICATION_TYPE_NOT_MINIAPP"
	// CodeApplicationTypeIllegal: the app is of a kind that this call does not
	// serve.
	CodeApplicationTypeIllegal Code = "APPLICATION_TYPE_ILLEGAL"
	// CodeApplicationTypeNotISVApp: the calling app is not a third-party app.
	CodeApplicationTypeNotISVApp Code = "APPLICATION_TYPE_NOT_ISVAPP"
	// CodeSubApplicationTypeError: the mini program is of a kind that cannot be
	// submitted by this call.
	CodeSubApplicationTypeError Code = "SUB_APPLICATION_TYPE_ERROR"
	// CodeAppTypeError: only ordinary and store mini programs can be built from a
	// template, and this app is neither.
	CodeAppTypeError Code = "APP_TYPE_ERROR"
	// CodeUserNotExist: the account behind the call does not exist at AlipayCN.
	CodeUserNotExist Code = "USER_NOT_EXIST"
	// CodeDeveloperInfoNotExist: AlipayCN has no developer information about the
	// owner of the mini program.
	CodeDeveloperInfoNotExist Code = "DEVELOPER_INFO_NOT_EXIST"
	// CodeMerchantNotExist: AlipayCN does not know the merchant that owns the mini
	// program.
	CodeMerchantNotExist Code = "MERCHANT_NOT_EXESIT"
	// CodeISVAppIDIsBlank: no third-party app was named by the call.
	CodeISVAppIDIsBlank Code = "ISV_APP_ID_IS_BLANK"
	// CodeBundleIDNotExist: AlipayCN does not know the bundle_id.
	CodeBundleIDNotExist Code = "BUNDLE_ID_NOT_EXIST"
	// CodeNoPermission: the app may not do this to that object.
	CodeNoPermission Code = "NO_PERMISSION"
)

// Version numbers and the state of a version.
const (
	// CodeAppVersionIsBlank: app_version is missing or empty.
	CodeAppVersionIsBlank Code = "APP_VERSION_IS_BLANK"
	// CodeVersionIsBlank: no version was named, or none was found under that
	// number.
	CodeVersionIsBlank Code = "VERSION_IS_BLANK"
	// CodeInvalidVersion: app_version is not of the form x.y.z in digits.
	CodeInvalidVersion Code = "INVALID_VERSION"
	// CodeVersionExceededLength: a part of app_version is above 2147483647.
	CodeVersionExceededLength Code = "VERSION_EXCEEDED_LENGTH"
	// CodeVersionHasExisted: the version number is used already, or not above the
	// newest.
	CodeVersionHasExisted Code = "VERSION_HAS_EXISTED"
	// CodeLargerVersionHasExisted: the mini program has a version with a higher
	// number.
	CodeLargerVersionHasExisted Code = "LARGER_VERSION_HAS_EXISTED"
	// CodeBuildVersionCompareError: the version cannot be compared with the newest
	// version of the mini program.
	CodeBuildVersionCompareError Code = "BUILD_VERSION_COMPARE_ERROR"
	// CodeExistLargerOnlinedVersion: a version with a higher number is or was
	// online, so this one cannot be submitted.
	CodeExistLargerOnlinedVersion Code = "EXIST_LARGER_ONLINED_VERSION"
	// CodeMiniAppPackageInfoNotExist: there is no package for this app_version:
	// the number is wrong, the version was deleted, or it is not built yet.
	CodeMiniAppPackageInfoNotExist Code = "MINI_APP_PACKAGE_INFO_NOT_EXIST"
	// CodeMiniAppVersionNotExist: the mini program has no such version.
	CodeMiniAppVersionNotExist Code = "MINI_APP_VERSION_NOT_EXIST"
	// CodeMiniAppVersionMissing: the mini program has no such version (AlipayCN's
	// second code for this, misspelt on the wire).
	CodeMiniAppVersionMissing Code = "MINIAPP_VERSION_NOT_EXSIT"
	// CodeMiniAppNotOnline: the mini program is not online: it never was, or it
	// was taken down.
	CodeMiniAppNotOnline Code = "MINI_APP_NOT_ONLINE"
	// CodeInvalidVersionStatus: the version is in a status in which this is not
	// possible.
	CodeInvalidVersionStatus Code = "INVALID_VERSION_STATUS"
	// CodeMiniAppVersionStatusIllegal: the version is in a status in which this is
	// not possible.
	CodeMiniAppVersionStatusIllegal Code = "MINI_APP_VERSION_STATUS_ILLEGAL"
	// CodeTinyAppStatusInvalid: the mini program as a whole is in a status in
	// which this is not possible, for example frozen.
	CodeTinyAppStatusInvalid Code = "TINYAPP_STATUS_INVALID"
	// CodeMultiClientNotPackagedStatus: the version is not packaged for the client
	// that bundle_id names.
	CodeMultiClientNotPackagedStatus Code = "MULTI_CLIENT_NOT_PACKAGED_STATUS"
	// CodeMiniAppVersionIterationExist: another iteration of this mini program is
	// under way, so the version cannot be changed now (details are not
	// documented).
	CodeMiniAppVersionIterationExist Code = "MINI_APP_VERSION_ITERATION_EXIST"
)

// Upload and build.
const (
	// CodeTemplateIDIsBlank: template_id is missing.
	CodeTemplateIDIsBlank Code = "TEMPLATE_ID_IS_BLANK"
	// CodeCodeTemplateNotExist: there is no template with this template_id, or not
	// in this version.
	CodeCodeTemplateNotExist Code = "CODE_TEMPLATE_NOT_EXIST"
	// CodeCodeTemplateNotSafe: the security scan of the template is not finished
	// or not passed.
	CodeCodeTemplateNotSafe Code = "CODE_TEMPLATE_NOT_SAFE"
	// CodeCodeTemplateDeleted: the template was deleted.
	CodeCodeTemplateDeleted Code = "CODE_TEMPLATE_DELETED"
	// CodeTemplateNotOnlineOrOffline: the version of the template is neither
	// online nor offline, so nothing can be built from it.
	CodeTemplateNotOnlineOrOffline Code = "TEMPLATE_NOT_ONLINE_OR_OFFLINE"
	// CodeTemplateMiniAppNotAllowed: the app_auth_token is that of a template, and
	// a template is not built by this call.
	CodeTemplateMiniAppNotAllowed Code = "TEMPLATE_MINIAPP_NOT_ALLOWED"
	// CodeTemplateIDISVAppIDNotMatch: the template does not belong to the calling
	// third-party app.
	CodeTemplateIDISVAppIDNotMatch Code = "TEMPLATE_ID_ISVAPPID_NOT_MATCH"
	// CodeTemplateStatusPunished: the template is under a penalty and must not be
	// built from.
	CodeTemplateStatusPunished Code = "TEMPLATE_STATUS_PUNISHED"
	// CodeTemplateStatusCanNotBuild: the template is in a status in which nothing
	// can be built from it.
	CodeTemplateStatusCanNotBuild Code = "TEMPLATE_STATUS_CAN_NOT_BUILD"
	// CodeTemplateExtraInfoInvalid: ext does not fit the template.
	CodeTemplateExtraInfoInvalid Code = "TEMPLATE_EXTRA_INFO_INVALID"
	// CodeInvalidExtJSON: ext is not valid JSON.
	CodeInvalidExtJSON Code = "INVALID_EXT_JSON"
	// CodeDevVersionExceedMaxCount: the mini program has the most development
	// versions that are allowed, 20.
	CodeDevVersionExceedMaxCount Code = "DEV_VERSION_EXCEED_MAX_COUNT"
	// CodeNoAuthRelation: the merchant has not authorized this third-party app for
	// the mini program, or has withdrawn it.
	CodeNoAuthRelation Code = "NO_AUTH_RELATION"
	// CodeAppToAppAuthFail: the authorization of the mini program to this
	// third-party app did not hold.
	CodeAppToAppAuthFail Code = "APP_TO_APP_AUTH_FAIL"
	// CodeUpdatePluginServiceFail: the plugins of the version could not be
	// updated, and it is not said whether the version was created.
	CodeUpdatePluginServiceFail Code = "UPDATE_PLUGIN_SERVICE_FAIL"
	// CodeBuildVersionNotExisted: nothing is or was built under this app_version.
	CodeBuildVersionNotExisted Code = "BUILD_VERSION_NOT_EXISTED"
	// CodePollingBuildVersionNotExist: nothing is being built under this
	// app_version.
	CodePollingBuildVersionNotExist Code = "POLLING_BUILD_VERSION_NOT_EXIST"
	// CodePollingBuildingError: the state of the build could not be read.
	CodePollingBuildingError Code = "POLLING_BUILDING_ERROR"
	// CodeNoTemplateInstantiateRelation: the mini program was never built from a
	// template of this third-party app.
	CodeNoTemplateInstantiateRelation Code = "NO_TEMPLATE_INSTANTIATE_RELATION"
	// CodePackageIDIsBlank: the build has no package.
	CodePackageIDIsBlank Code = "PACKAGE_ID_IS_BLANK"
	// CodePageSizeLessZero: the page size is below zero.
	CodePageSizeLessZero Code = "PAGE_SIZE_LESS_ZERO"
)

// Application for review: name, texts, contact.
const (
	// CodeAppNameIsBlank: the mini program has no name, or its reserved name was
	// released.
	CodeAppNameIsBlank Code = "APP_NAME_IS_BLANK"
	// CodeInvalidMiniAppName: app_name has characters that are not allowed.
	CodeInvalidMiniAppName Code = "INVALID_MINI_APP_NAME"
	// CodeInvalidMiniAppNameLength: app_name is too short or too long.
	CodeInvalidMiniAppNameLength Code = "INVALID_MINI_APP_NAME_LENGTH"
	// CodeInvalidMiniAppNamePrefix: app_name begins with words that this mini
	// program must not begin its name with.
	CodeInvalidMiniAppNamePrefix Code = "INVALID_MINI_APP_NAME_PREFIX"
	// CodeMiniAppNameDuplicate: another mini program has this app_name.
	CodeMiniAppNameDuplicate Code = "MINI_APP_NAME_DUPLICATE"
	// CodeMiniVersionNameDuplicate: the app_name is in use, perhaps by a version
	// of another mini program.
	CodeMiniVersionNameDuplicate Code = "MINI_VERSION_NAME_DUPLICATE"
	// CodeMiniAppNameSensitive: app_name has words that AlipayCN does not allow.
	CodeMiniAppNameSensitive Code = "MINI_APP_NAME_SENSITIVE"
	// CodeCanNotModifyNameOnceOnline: the name cannot be changed by an application
	// once the mini program was online.
	CodeCanNotModifyNameOnceOnline Code = "CAN_NOT_MODIFY_NAME_ONCE_ONLINE"
	// CodeEnglishNameIsBlank: the mini program has no English name.
	CodeEnglishNameIsBlank Code = "ENGLISH_NAME_IS_BLANK"
	// CodeInvalidMiniAppEnName: app_english_name has characters that are not
	// allowed.
	CodeInvalidMiniAppEnName Code = "INVALID_MINI_APP_EN_NAME"
	// CodeInvalidMiniAppEnNameLength: app_english_name is too short or too long.
	CodeInvalidMiniAppEnNameLength Code = "INVALID_MINI_APP_EN_NAME_LENGTH"
	// CodeMiniAppEnNameDuplicate: another mini program has this app_english_name.
	CodeMiniAppEnNameDuplicate Code = "MINI_APP_EN_NAME_DUPLICATE"
	// CodeMiniAppEnNameSensitive: app_english_name has words that AlipayCN does
	// not allow.
	CodeMiniAppEnNameSensitive Code = "MINI_APP_EN_NAME_SENSITIVE"
	// CodeCanNotModifyEnOnceOnline: the English name cannot be changed once the
	// mini program was online.
	CodeCanNotModifyEnOnceOnline Code = "CAN_NOT_MODIFY_EN_ONCE_ONLINE"
	// CodeSloganIsBlank: the mini program has no slogan.
	CodeSloganIsBlank Code = "SLOGAN_IS_BLANK"
	// CodeInvalidMiniAppSlogan: app_slogan has characters that are not allowed.
	CodeInvalidMiniAppSlogan Code = "INVALID_MINI_APP_SLOGAN"
	// CodeInvalidMiniAppSloganLength: app_slogan is too short or too long.
	CodeInvalidMiniAppSloganLength Code = "INVALID_MINI_APP_SLOGAN_LENGTH"
	// CodeMiniAppSloganSensitive: app_slogan has words that AlipayCN does not
	// allow.
	CodeMiniAppSloganSensitive Code = "MINI_APP_SLOGAN_SENSITIVE"
	// CodeModifySloganExceedCount: the slogan was changed as often as it may be
	// this month, 5 times.
	CodeModifySloganExceedCount Code = "MODIFY_SLOGAN_EXCEED_COUNT"
	// CodeAppDescIsBlank: the mini program has no description.
	CodeAppDescIsBlank Code = "APP_DESC_IS_BLANK"
	// CodeInvalidMiniAppDesc: app_desc has characters that are not allowed.
	CodeInvalidMiniAppDesc Code = "INVALID_MINI_APP_DESC"
	// CodeInvalidMiniAppDescLength: app_desc is too short or too long.
	CodeInvalidMiniAppDescLength Code = "INVALID_MINI_APP_DESC_LENGTH"
	// CodeMiniAppDescSensitive: app_desc has words that AlipayCN does not allow.
	CodeMiniAppDescSensitive Code = "MINI_APP_DESC_SENSITIVE"
	// CodeModifyDescExceedCount: the description was changed as often as it may
	// be.
	CodeModifyDescExceedCount Code = "MODIFY_DESC_EXCEED_COUNT"
	// CodeVersionDescIsBlank: version_desc is missing; each application needs its
	// own.
	CodeVersionDescIsBlank Code = "VERSION_DESC_IS_BLANK"
	// CodeInvalidVersionDescLength: version_desc is too short or too long.
	CodeInvalidVersionDescLength Code = "INVALID_VERSION_DESC_LENGTH"
	// CodeInvalidMiniAppVersionDesc: version_desc has characters that are not
	// allowed.
	CodeInvalidMiniAppVersionDesc Code = "INVALID_MINI_APP_VERSION_DESC"
	// CodeMiniAppVersionDescSensitive: version_desc has words that AlipayCN does
	// not allow.
	CodeMiniAppVersionDescSensitive Code = "MINI_APP_VERSION_DESC_SENSITIVE"
	// CodeInvalidMiniAppMemoLength: memo is too long.
	CodeInvalidMiniAppMemoLength Code = "INVALID_MINI_APP_MEMO_LENGTH"
	// CodeMiniAppMemoSensitive: memo has words that AlipayCN does not allow.
	CodeMiniAppMemoSensitive Code = "MINI_APP_MEMO_SENSITIVE"
	// CodeInvalidMemoTradeNo: the trade number in memo is not one (the code is
	// misspelt on the wire).
	CodeInvalidMemoTradeNo Code = "INVALIID_MEMO_TRADENO"
	// CodeMemoTradeNoCheckFail: the trade number in memo was not found or belongs
	// to another merchant.
	CodeMemoTradeNoCheckFail Code = "MEMO_TRADENO_CHECK_FAIL"
	// CodeServiceTelAndMailBothBlank: the mini program has neither a service phone
	// nor a service e-mail address.
	CodeServiceTelAndMailBothBlank Code = "SERVICE_TEL_AND_MAIL_BOTH_BLANK"
	// CodeServiceTelIsBlank: the mini program has no service phone.
	CodeServiceTelIsBlank Code = "SERVICE_TEL_IS_BLANK"
	// CodeInvalidMiniAppServiceTel: service_phone is not valid.
	CodeInvalidMiniAppServiceTel Code = "INVALID_MINI_APP_SERVICE_TEL"
	// CodeInvalidMiniAppServiceMail: service_email is not an e-mail address.
	CodeInvalidMiniAppServiceMail Code = "INVALID_MINI_APP_SERVICE_MAIL"
	// CodeMiniAppServiceMailSensitive: service_email has words that AlipayCN does
	// not allow.
	CodeMiniAppServiceMailSensitive Code = "MINI_APP_SERVICE_MAIL_SENSITIVE"
	// CodeInvalidTestAccountLength: the test account for the reviewers is too
	// long.
	CodeInvalidTestAccountLength Code = "INVALID_TEST_ACCOUNT_LENGTH"
	// CodeInvalidTestPwdLength: the password of the test account is too long.
	CodeInvalidTestPwdLength Code = "INVALID_TEST_PWD_LENGTH"
	// CodeHasNoModifyCnt: some information was changed as often as it may be in
	// this period.
	CodeHasNoModifyCnt Code = "HAS_NO_MODIFY_CNT"
	// CodeMiniAppInfoAuditContains: a change of the mini program's information is
	// being reviewed.
	CodeMiniAppInfoAuditContains Code = "MINI_APP_INFO_AUDIT_CONTAINS"
)

// Application for review: categories, region, licences.
const (
	// CodeCategoryIsBlank: the mini program has no category.
	CodeCategoryIsBlank Code = "CATEGORY_IS_BLANK"
	// CodeCategoryNumIsInvalid: there must be 1 to 4 categories.
	CodeCategoryNumIsInvalid Code = "CATEGORY_NUM_IS_INVALID"
	// CodeInvalidCategory: a category does not exist, is not open to this kind of
	// developer, or is in the wrong field.
	CodeInvalidCategory Code = "INVALID_CATEGORY"
	// CodePrivateNotAllowCategory: the category is not open to mini programs of
	// individuals.
	CodePrivateNotAllowCategory Code = "PRIVATE_NOT_ALLOW_CATEGORY"
	// CodeModifyCategoryIDExceedCount: the categories were changed as often as
	// they may be this month, 5 times.
	CodeModifyCategoryIDExceedCount Code = "MODIFY_CATEGORY_ID_EXCEED_COUNT"
	// CodeRegionTypeIsBlank: region_type is missing.
	CodeRegionTypeIsBlank Code = "REGION_TYPE_IS_BLANK"
	// CodeRegionTypeIsInvalid: region_type is none of the known ones.
	CodeRegionTypeIsInvalid Code = "REGION_TYPE_IS_INVALID"
	// CodeRegionCodeIsBlank: region_type is LOCATION, or a city or area is given,
	// but the code above it is missing.
	CodeRegionCodeIsBlank Code = "REGION_CODE_IS_BLANK"
	// CodeRegionCodeIsInvalid: a region code does not exist or does not lie in the
	// region above it.
	CodeRegionCodeIsInvalid Code = "REGION_CODE_IS_INVALID"
	// CodeInvalidRegion: service_region_info is not valid.
	CodeInvalidRegion Code = "INVALID_REGION"
	// CodeLicenseNoIsBlank: the category needs a business licence and license_no
	// is missing.
	CodeLicenseNoIsBlank Code = "LICENSE_NO_IS_BLANK"
	// CodeLicenseNameIsBlank: the category needs a business licence and
	// license_name is missing.
	CodeLicenseNameIsBlank Code = "LICENSE_NAME_IS_BLANK"
	// CodeLicenseValidDateIsBlank: the category needs a business licence and
	// license_valid_date is missing.
	CodeLicenseValidDateIsBlank Code = "LICENSE_VALID_DATE_IS_BLANK"
	// CodeLicenseValidDateIsInvalid: license_valid_date is malformed or in the
	// past.
	CodeLicenseValidDateIsInvalid Code = "LICENSE_VALID_DATE_IS_INVALID"
	// CodeLicensePicsAreBlank: the category needs a picture of the business
	// licence.
	CodeLicensePicsAreBlank Code = "LICENSE_PICS_ARE_BLANK"
	// CodeLicensePicNumIsInvalid: there are too few or too many pictures of the
	// business licence.
	CodeLicensePicNumIsInvalid Code = "LICENSE_PIC_NUM_IS_INVALID"
	// CodeLicenseCheckFail: number, name and pictures of the licence do not fit
	// together or could not be confirmed.
	CodeLicenseCheckFail Code = "LICENSE_CHECK_FAIL"
	// CodeOutDoorPicIsBlank: the category needs a picture of the shop front.
	CodeOutDoorPicIsBlank Code = "OUT_DOOR_PIC_IS_BLANK"
	// CodeSpecialLicensePicsAreBlank: the category needs a special licence.
	CodeSpecialLicensePicsAreBlank Code = "SPECIAL_LICENSE_PICS_ARE_BLANK"
	// CodeInvalidSpecialLicenseNum: there are too few or too many pictures of
	// special licences.
	CodeInvalidSpecialLicenseNum Code = "INVALID_SPECIAL_LICENSE_NUM"
)

// Application for review: pictures and files.
const (
	// CodeLogoIsBlank: the mini program has no logo.
	CodeLogoIsBlank Code = "LOGO_IS_BLANK"
	// CodeDefaultLogo: the logo is still AlipayCN's default picture.
	CodeDefaultLogo Code = "DEFAULT_LOGO"
	// CodeInvalidLogo: app_logo cannot be read as an image; often it is CMYK.
	CodeInvalidLogo Code = "INVALID_LOGO"
	// CodeInvalidLogoExt: app_logo is of a type that is not allowed; often it is a
	// CMYK picture.
	CodeInvalidLogoExt Code = "INVALID_LOGO_EXT"
	// CodeLogoSizeExceed: app_logo has too many pixels or bytes.
	CodeLogoSizeExceed Code = "LOGO_SIZE_EXCEED"
	// CodeLogoExceedMaxSize: app_logo has too many bytes.
	CodeLogoExceedMaxSize Code = "LOGO_EXCEED_MAX_SIZE"
	// CodeLogoHeightNotEqualWidth: app_logo is not square.
	CodeLogoHeightNotEqualWidth Code = "LOGO_HEIGHT_NOT_EQUAL_WIDTH"
	// CodeScreenShotsAreBlank: the version needs screenshots.
	CodeScreenShotsAreBlank Code = "SCREEN_SHOTS_ARE_BLANK"
	// CodeScreenShotNumIsInvalid: there are too few or too many screenshots.
	CodeScreenShotNumIsInvalid Code = "SCREEN_SHOT_NUM_IS_INVALID"
	// CodeInvalidScreenShotExt: a screenshot is of a type that is not allowed.
	CodeInvalidScreenShotExt Code = "INVALID_SCREEN_SHOT_EXT"
	// CodeScreenShotExceedMaxSize: a screenshot is too large.
	CodeScreenShotExceedMaxSize Code = "SCREEN_SHOT_EXCEED_MAX_SIZE"
	// CodeFileIsBlank: a file of the application is empty or did not arrive.
	CodeFileIsBlank Code = "FILE_IS_BLANK"
	// CodeInvalidFileExt: a file is of a type that is not allowed.
	CodeInvalidFileExt Code = "INVALID_FILE_EXT"
	// CodeFileSizeExceed: a file is too large.
	CodeFileSizeExceed Code = "FILE_SIZE_EXCEED"
)

// Application for review: state, risk, permission.
const (
	// CodeSubmitRepeat: the version was submitted already.
	CodeSubmitRepeat Code = "SUBMIT_REPEAT"
	// CodeCanNotSubmitWithAudit: a version is under review already.
	CodeCanNotSubmitWithAudit Code = "CAN_NOT_SUBMIT_WITH_AUDIT"
	// CodeCanNotSubmitWithoutInit: only a version in INIT can be submitted.
	CodeCanNotSubmitWithoutInit Code = "CAN_NOT_SUBMIT_WITHOUT_INIT"
	// CodeCanNotSubmitWithoutScanPass: the security scan of the version is not
	// passed.
	CodeCanNotSubmitWithoutScanPass Code = "CAN_NOT_SUBMIT_WITHOUT_SCAN_PASS"
	// CodeCanNotSubmitWithAuditGray: another version is under review, approved,
	// rejected or in grayscale, and there may be only one.
	CodeCanNotSubmitWithAuditGray Code = "CAN_NOT_SUBMIT_WITH_AUDIT_GRAY"
	// CodeCanNotSubmitWithAliCloud: the mini program is bound to Alibaba Cloud and
	// cannot be submitted by this call.
	CodeCanNotSubmitWithAliCloud Code = "CAN_NOT_SUBMIT_WITH_ALI_CLOUD"
	// CodeInvalidMiniAppSafeDomain: a server domain of the mini program is not
	// valid.
	CodeInvalidMiniAppSafeDomain Code = "INVALID_MINI_APP_SAFE_DOMAIN"
	// CodeRiskDecisionCheckFail: name, description, slogan or another text has
	// words that the risk control does not allow.
	CodeRiskDecisionCheckFail Code = "RISK_DECISION_CHECK_FAIL"
	// CodeRiskDecisionHitBrand: the name or logo touches a protected brand.
	CodeRiskDecisionHitBrand Code = "RISK_DECISION_HIT_BRAND"
	// CodeRiskDecisionHitBroad: the name is too general.
	CodeRiskDecisionHitBroad Code = "RISK_DECISION_HIT_BROAD"
	// CodeBrandTortNotEnd: a complaint about a brand is still open against the
	// mini program.
	CodeBrandTortNotEnd Code = "BRAND_TORT_NOT_END"
	// CodeTinyAppAuditNotPermit: this mini program is not allowed to be submitted
	// for review.
	CodeTinyAppAuditNotPermit Code = "TINY_APP_AUDIT_NOT_PERMIT"
	// CodeMiniAppRestrictedAuditControl: AlipayCN has restricted the submission of
	// this mini program.
	CodeMiniAppRestrictedAuditControl Code = "MINI_APP_RESTRICTED_AUDIT_CONTROL"
	// CodeCanNotSubmitWithOnlineMiniAppExceedLimit: the merchant has as many
	// online mini programs as are allowed.
	CodeCanNotSubmitWithOnlineMiniAppExceedLimit Code = "CAN_NOT_SUBMIT_WITH_ONLINE_MINI_APP_EXCEED_LIMIT"
	// CodeCanNotSubmitWithPunishOrderLimit: penalties against the mini program are
	// open, and nothing may be submitted until they are settled.
	CodeCanNotSubmitWithPunishOrderLimit Code = "CAN_NOT_SUBMIT_WITH_PUNISH_ORDER_LIMIT"
)

// Review: cancel and return to development.
const (
	// CodeAuditingVersionNotExist: no version is under review.
	CodeAuditingVersionNotExist Code = "AUDITING_VERSION_NOT_EXIST"
	// CodeCanNotBackDevWithoutAudit: only a passed or rejected version can be
	// returned to development.
	CodeCanNotBackDevWithoutAudit Code = "CAN_NOT_BACK_DEV_WITHOUT_AUDIT"
)

// Grayscale release.
const (
	// CodeGrayStrategyIsBlank: gray_strategy is missing.
	CodeGrayStrategyIsBlank Code = "GRAY_STRATEGY_IS_BLANK"
	// CodeGrayStrategyIsInvalid: gray_strategy is none of the allowed ones.
	CodeGrayStrategyIsInvalid Code = "GRAY_STRATEGY_IS_INVALID"
	// CodeGrayStrategyNotAllowReduce: the share of users can only grow.
	CodeGrayStrategyNotAllowReduce Code = "GRAY_STRATEGY_NOT_ALLOW_REDUCE"
	// CodeCanNotGrayWithoutAuditPass: only a version that passed its review can go
	// into grayscale.
	CodeCanNotGrayWithoutAuditPass Code = "CAN_NOT_GRAY_WITHOUT_AUDIT_PASS"
	// CodeCanNotGrayWithoutInnerPass: an internal check of AlipayCN is not passed
	// yet (which, is not documented).
	CodeCanNotGrayWithoutInnerPass Code = "CAN_NOT_GRAY_WITHOUT_INNER_PASS"
	// CodeCanNotGrayWithRiskVersion: AlipayCN sees a risk in the version and does
	// not let it out.
	CodeCanNotGrayWithRiskVersion Code = "CAN_NOT_GRAY_WITH_RISK_VERSION"
	// CodeAppOperatorQueryError: AlipayCN could not look up the operator of the
	// mini program, and does not say whether the call took effect.
	CodeAppOperatorQueryError Code = "APP_OPERATOR_QUERY_ERROR"
	// CodeCreateGrayRuleError: AlipayCN could not create the grayscale rule, and
	// does not say whether part of it took effect.
	CodeCreateGrayRuleError Code = "CREATE_GRAY_RULE_ERROR"
	// CodeExecuteGrayFailed: AlipayCN could not carry out the grayscale release,
	// and does not say whether part of it took effect.
	CodeExecuteGrayFailed Code = "EXECUTE_GRAY_FAILED"
	// CodeCanNotEndGrayWithoutGray: the version is not in grayscale.
	CodeCanNotEndGrayWithoutGray Code = "CAN_NOT_END_GRAY_WITHOUT_GRAY"
	// CodeCanNotCancelGrayWithDiffDW: the grayscale release differs from the
	// online version in its downgrade setting and cannot be ended (the reading of
	// DW is inferred).
	CodeCanNotCancelGrayWithDiffDW Code = "CAN_NOT_CANCEL_GRAY_WITH_DIFF_DW"
)

// Publish.
const (
	// CodeCanNotOnlineWithoutGray: this version must go through a grayscale
	// release first.
	CodeCanNotOnlineWithoutGray Code = "CAN_NOT_ONLINE_WITHOUT_GRAY"
	// CodeCanNotOnlineWithoutAudit: the version has not passed its review.
	CodeCanNotOnlineWithoutAudit Code = "CAN_NOT_ONLINE_WITHOUT_AUDIT"
	// CodeCanNotOnlineNotGrayOrWaitRelease: only a version in WAIT_RELEASE or GRAY
	// can be published.
	CodeCanNotOnlineNotGrayOrWaitRelease Code = "CAN_NOT_ONLINE_NOT_GRAY_OR_WAITRELEASE"
	// CodeCanNotOnlineNoPromote: the version passed admission but not promotion
	// and must not go online so.
	CodeCanNotOnlineNoPromote Code = "CAN_NOT_ONLINE_NO_PROMOTE"
	// CodeCanNotOnlineWithoutRegistration: the ICP filing of the mini program is
	// not finished.
	CodeCanNotOnlineWithoutRegistration Code = "CAN_NOT_ONLINE_WITHOUT_REGISTRATION"
)

// Offline, rollback, delete.
const (
	// CodeCanNotOfflineWithoutOnline: the version is not online, so it cannot be
	// taken offline.
	CodeCanNotOfflineWithoutOnline Code = "CAN_NOT_OFFLINE_WITHOUT_ONLINE"
	// CodeCanNotOfflineWithGray: a version is in grayscale, and nothing can be
	// taken offline meanwhile.
	CodeCanNotOfflineWithGray Code = "CAN_NOT_OFFLINE_WITH_GRAY"
	// CodeTemplateNotAllowedOffline: a template cannot be taken offline by this
	// call.
	CodeTemplateNotAllowedOffline Code = "TEMPLATE_NOT_ALLOWED_OFFLINE"
	// CodeCanNotRollbackWithoutOnline: the version is not online, so there is
	// nothing to roll back.
	CodeCanNotRollbackWithoutOnline Code = "CAN_NOT_ROLLBACK_WITHOUT_ONLINE"
	// CodeCanNotContinuousRollback: the version came back by a rollback, and a
	// second in a row is not allowed.
	CodeCanNotContinuousRollback Code = "CAN_NOT_CONTINUOUS_ROLLBACK"
	// CodeCanNotRollbackWithGray: a version is in grayscale, and nothing can be
	// rolled back meanwhile.
	CodeCanNotRollbackWithGray Code = "CAN_NOT_ROLLBACK_WITH_GRAY"
	// CodeCanNotRollbackWithoutOffline: there is no earlier version in OFFLINE to
	// go back to.
	CodeCanNotRollbackWithoutOffline Code = "CAN_NOT_ROLLBACK_WITHOUT_OFFLINE"
	// CodeCanNotRollbackPunish: the earlier version is under a penalty and must
	// not come back.
	CodeCanNotRollbackPunish Code = "CAN_NOT_ROLLBACK_PUNISH"
	// CodeCanNotDeleteWithoutDev: only a version in INIT can be deleted.
	CodeCanNotDeleteWithoutDev Code = "CAN_NOT_DELETE_WITHOUT_DEV"
	// CodeCanNotDeleteWithScanning: the security scan of the version is running.
	CodeCanNotDeleteWithScanning Code = "CAN_NOT_DELETE_WITH_SCANNING"
	// CodeCanNotDeleteWithExperience: the version is the trial version.
	CodeCanNotDeleteWithExperience Code = "CAN_NOT_DELETE_WITH_EXPERIENCE"
	// CodeCanNotDeleteWithInstantiate: the version is still being built from its
	// template.
	CodeCanNotDeleteWithInstantiate Code = "CAN_NOT_DELETE_WITH_INSTANTIATE"
)

// Base information.
const (
	// CodeCanNotModifyBaseInfo: base information can be changed by this call only
	// before the first release.
	CodeCanNotModifyBaseInfo Code = "CAN_NOT_MODIFY_BASE_INFO"
	// CodeModifyParamsAreBlank: nothing to change was sent.
	CodeModifyParamsAreBlank Code = "MODIFY_PARAMS_ARE_BLANK"
	// CodeBaseInfoCategoryNumIsInvalid: there must be 1 to 4 categories (the code
	// is misspelt on the wire).
	CodeBaseInfoCategoryNumIsInvalid Code = "CATEGOTY_NUM_IS_INVALID"
	// CodeBaseInfoInvalidCategory: a category does not exist or is in the wrong
	// field (the code is misspelt on the wire).
	CodeBaseInfoInvalidCategory Code = "INVALID_CATEGOTY"
	// CodeNotAllowBetaCategory: the category is in a trial phase that this mini
	// program is not part of.
	CodeNotAllowBetaCategory Code = "NOT_ALLOW_BETA_CATEGORY"
	// CodeCannotModifyCategoryWithRelationVersion: a version under way depends on
	// the categories.
	CodeCannotModifyCategoryWithRelationVersion Code = "CANNOT_MODIFY_CATEGORY_WITH_RELATION_VERSION"
	// CodeInvalidMiniAppServiceEmail: service_email is not an e-mail address.
	CodeInvalidMiniAppServiceEmail Code = "INVALID_MINI_APP_SERVICE_EMAIL"
	// CodeInvalidMiniAppServicePhone: service_phone is not valid.
	CodeInvalidMiniAppServicePhone Code = "INVALID_MINI_APP_SERVICE_PHONE"
	// CodeMiniAppServiceEmailSensitive: service_email has words that AlipayCN does
	// not allow.
	CodeMiniAppServiceEmailSensitive Code = "MINI_APP_SERVICE_EMAIL_SENSITIVE"
)

// Categories.
const (
	// CodeCategoryError: a category code does not exist.
	CodeCategoryError Code = "CATEGORY_ERROR"
)

// Trial version.
const (
	// CodeCanNotSetExpRepeat: the version is the trial version already.
	CodeCanNotSetExpRepeat Code = "CAN_NOT_SET_EXP_REPEAT"
	// CodeCanNotSetExpInvalidStatus: the version is in a status in which it cannot
	// become the trial version.
	CodeCanNotSetExpInvalidStatus Code = "CAN_NOT_SET_EXP_INVALID_STATUS"
	// CodeCanNotSetExpWithOnlinedStatus: the version is or was online and cannot
	// become the trial version.
	CodeCanNotSetExpWithOnlinedStatus Code = "CAN_NOT_SET_EXP_WITH_ONLINED_STATUS"
	// CodeCanNotSetWithoutScanPass: the security scan of the version is not
	// passed.
	CodeCanNotSetWithoutScanPass Code = "CAN_NOT_SET_WITHOUT_SCAN_PASS"
	// CodeClientTypeRequired: the client is not named.
	CodeClientTypeRequired Code = "CLIENT_TYPE_REQUIRED"
	// CodeCanNotCancelExpWithInvalidStatus: the version is not in a status in
	// which its trial could be ended.
	CodeCanNotCancelExpWithInvalidStatus Code = "CAN_NOT_CANCEL_EXP_WITH_INVALID_STATUS"
	// CodeCanNotCancelWithoutPackaged: the trial version is not packaged yet.
	CodeCanNotCancelWithoutPackaged Code = "CAN_NOT_CANCEL_WITHOUT_PACKAGED"
)

// Server domains.
const (
	// CodeSafeDomainIsBlank: safe_domain is missing.
	CodeSafeDomainIsBlank Code = "SAFE_DOMAIN_IS_BLANK"
	// CodeInvalidSafeDomain: safe_domain is not a domain.
	CodeInvalidSafeDomain Code = "INVALID_SAFE_DOMAIN"
	// CodeSafeDomainForbid: this domain must not be used.
	CodeSafeDomainForbid Code = "SAFEDOMAIN_FORBID"
	// CodeSafeDomainExceedLength: safe_domain is too long.
	CodeSafeDomainExceedLength Code = "SAFEDOMAIN_EXCEED_LENGTH"
	// CodeSafeDomainOverLimit: the mini program has the most server domains that
	// are allowed, 30 (the code is misspelt on the wire).
	CodeSafeDomainOverLimit Code = "SAFEDOMAIN_VOER_LIMIT"
	// CodeSafeDomainExist: the domain is on the list already (the code is misspelt
	// on the wire).
	CodeSafeDomainExist Code = "SAFEDOMAIN_EXSIT"
	// CodeAntiPhishingExist: the domain is known for phishing.
	CodeAntiPhishingExist Code = "ANTI_PHISHING_EXIST"
)

// Members.
const (
	// CodeInvalidLogonID: logon_id is not an Alipay account.
	CodeInvalidLogonID Code = "INVALID_LOGON_ID"
	// CodeInvalidRole: role is none of the allowed ones.
	CodeInvalidRole Code = "INVALID_ROLE"
	// CodeUserInfoNotExist: there is no Alipay account with this logon_id.
	CodeUserInfoNotExist Code = "USER_INFO_NOT_EXIST"
	// CodeUserIDIsBlank: the member is not named.
	CodeUserIDIsBlank Code = "USER_ID_IS_BLANK"
	// CodeCannotInviteManager: the person manages the mini program and needs no
	// other role.
	CodeCannotInviteManager Code = "CANNOT_INVITE_MANAGER"
	// CodeDevManagerAlreadyExist: the person is a development manager and needs no
	// other role.
	CodeDevManagerAlreadyExist Code = "DEV_MANAGER_ALREADY_EXIST"
	// CodeDeveloperAlreadyExist: the person is a developer or invited already (the
	// code is misspelt on the wire).
	CodeDeveloperAlreadyExist Code = "DEVELOPER_ALREADY_EXSIT"
	// CodeDeveloperAlreadyRefused: the person declined an earlier invitation as a
	// developer.
	CodeDeveloperAlreadyRefused Code = "DEVELOPER_ALREADY_REFUSED"
	// CodeExperiencerAlreadyExist: the person is an experience member or invited
	// already.
	CodeExperiencerAlreadyExist Code = "EXPERIENCER_ALREADY_EXIST"
	// CodeExperiencerAlreadyRefused: the person declined an earlier invitation as
	// an experience member.
	CodeExperiencerAlreadyRefused Code = "EXPERIENCER_ALREADY_REFUSED"
	// CodeRoleOverLimit: there are as many members with this role as are allowed:
	// 30 developers, 50 experience members.
	CodeRoleOverLimit Code = "ROLE_OVER_LIMIT"
	// CodeRoleNotExist: the person does not have this role (the code is misspelt
	// on the wire).
	CodeRoleNotExist Code = "ROLE_NOT_EXSIT"
)

// QR codes.
const (
	// CodeQRCodeDescCheckInvalid: describe has words that AlipayCN does not allow.
	CodeQRCodeDescCheckInvalid Code = "QRCODE_DESC_CHECK_INVALID"
	// CodeHMBGColorInvalid: color is not a colour.
	CodeHMBGColorInvalid Code = "HM_BG_COLOR_INVALID"
	// CodeAppQRCodeNotTinyApp: the app is not a mini program.
	CodeAppQRCodeNotTinyApp Code = "APPQRCODE_NOT_TINYAPP"
	// CodeAppIsNotExist: AlipayCN does not know the app.
	CodeAppIsNotExist Code = "APP_IS_NOT_EXIST"
	// CodeAppIsNotOnline: the mini program is not online.
	CodeAppIsNotOnline Code = "APP_IS_NOT_ONLINE"
	// CodeTinyAppNotExist: AlipayCN does not know the mini program.
	CodeTinyAppNotExist Code = "TINY_APP_NOT_EXIST"
	// CodeOnlineVersionNotExist: the mini program has no version online.
	CodeOnlineVersionNotExist Code = "ONLINE_VERSION_NOT_EXIST"
	// CodeRouteCreateNeedVersion: the mini program needs a version before a QR
	// code can be bound.
	CodeRouteCreateNeedVersion Code = "ROUTE_CREATE_NEED_VERSION"
	// CodeBuiltNotByTemplate: the mini program was not built from a template.
	CodeBuiltNotByTemplate Code = "BUILDED_NOT_BY_TEMPLATE"
	// CodeTemplateMismatchISVAppID: the template does not belong to the calling
	// third-party app.
	CodeTemplateMismatchISVAppID Code = "TEMPLATE_MISMATCH_ISVAPPID"
	// CodeTemplateNotHaveHost: the template has no host for QR codes.
	CodeTemplateNotHaveHost Code = "TEMPLATE_NOT_HAVE_HOST"
	// CodeHostVerifyFailed: the ownership of the host is not proven (the code is
	// misspelt on the wire).
	CodeHostVerifyFailed Code = "HOST_VERIFY_FAILD"
	// CodeSecuritySSRFURLFailed: AlipayCN could not check the address of the QR
	// code (the code is misspelt on the wire).
	CodeSecuritySSRFURLFailed Code = "SECUTIY_SSRF_URL_FAILD"
	// CodeSecuritySSRFURLIllegal: the address of the QR code is not allowed (the
	// code is misspelt on the wire).
	CodeSecuritySSRFURLIllegal Code = "SECUTIY_SSRF_URL_ILLEGAL"
	// CodeQRCodeRouteURLInvalid: route_url is not valid.
	CodeQRCodeRouteURLInvalid Code = "QRCODE_ROUTE_URL_INVALID"
	// CodeQRCodeHostRouteNumLimit: the host has as many rules as are allowed.
	CodeQRCodeHostRouteNumLimit Code = "QRCODE_HOST_ROUTE_NUM_LIMIT"
	// CodeQRCodeRoutePatternNotExist: there is no such route_pattern.
	CodeQRCodeRoutePatternNotExist Code = "QRCODE_ROUTE_PATTERN_NOT_EXIST"
	// CodeQRCodeRoutePatternNotMatch: route_url does not fit route_pattern.
	CodeQRCodeRoutePatternNotMatch Code = "QRCODE_ROUTE_PATTERN_NOT_MATCH"
	// CodeQRCodeRoutePatternNotPermission: the app may not use route patterns.
	CodeQRCodeRoutePatternNotPermission Code = "QRCODE_ROUTE_PATTERN_NOT_PERMISSION"
	// CodeQRCodeRoutePatternDeleteNotSupport: a rule with a pattern cannot be
	// unbound by this call.
	CodeQRCodeRoutePatternDeleteNotSupport Code = "QRCODE_ROUTE_PATTERN_DELETE_NOT_SUPPORT"
	// CodeRouteOverLimit: the mini program has the most rules that are allowed,
	// 20.
	CodeRouteOverLimit Code = "ROUTE_OVER_LIMIT"
	// CodeRouteRuleConflict: another rule of the mini program covers the same
	// addresses.
	CodeRouteRuleConflict Code = "ROUTE_RULE_CONFLICT"
	// CodeRouteRuleConflictOther: a rule of another mini program covers the same
	// addresses.
	CodeRouteRuleConflictOther Code = "ROUTE_RULE_CONFLICT_OTHER"
	// CodeRouteGroupNotExist: there is no rule with this route_group.
	CodeRouteGroupNotExist Code = "ROUTE_GROUP_NOT_EXIST"
	// CodeNotCurrentlyAvailable: the service cannot be used at the moment and did
	// not accept the call (the code is misspelt on the wire).
	CodeNotCurrentlyAvailable Code = "NOT_CURRENTLY_AVALIALBE"
	// CodePageParamMinLimitFail: page_no or page_size is below 1.
	CodePageParamMinLimitFail Code = "PAGE_PARAM_MIN_LIMIT_FAIL"
	// CodePageParamNullFail: page_no or page_size is missing.
	CodePageParamNullFail Code = "PAGE_PARAM_NULL_FAIL"
	// CodePageSizeOutLimitFail: page_size is above 10.
	CodePageSizeOutLimitFail Code = "PAGE_SIZE_OUT_LIMIT_FAIL"
)

// Templates.
const (
	// CodeInvalidPageNum: page_num is not valid.
	CodeInvalidPageNum Code = "INVALID_PAGE_NUM"
	// CodeInvalidPageSize: page_size is not valid.
	CodeInvalidPageSize Code = "INVALID_PAGE_SIZE"
	// CodePageSizeExceedMaxQuerySize: page_size is above 50.
	CodePageSizeExceedMaxQuerySize Code = "PAGE_SIZE_EXCEED_MAX_QUERY_SIZE"
	// CodeTemplateNoRelationError: no mini program was built from this template.
	CodeTemplateNoRelationError Code = "TEMPLATE_NO_RELATION_ERROR"
)

// Authorization.
const (
	// CodeAppNotISV: the calling app is not a third-party app.
	CodeAppNotISV Code = "APP_NOT_ISV"
	// CodeAppIDNotConsistent: the code or token was given to another app.
	CodeAppIDNotConsistent Code = "APP_ID_NOT_CONSISTENT"
	// CodeGrantTypeInvalid: grant_type is none of the allowed ones.
	CodeGrantTypeInvalid Code = "GRANT_TYPE_INVALID"
	// CodeAuthCodeNotExist: there is no such authorization code.
	CodeAuthCodeNotExist Code = "AUTH_CODE_NOT_EXIST"
	// CodeAuthCodeNotValid: the authorization code was used already or is older
	// than 24 hours.
	CodeAuthCodeNotValid Code = "AUTH_CODE_NOT_VALID"
	// CodeAuthTokenNotFound: there is no such token.
	CodeAuthTokenNotFound Code = "AUTH_TOKEN_NOT_FOUND"
	// CodeAuthTokenNotExisted: there is no such app_auth_token.
	CodeAuthTokenNotExisted Code = "AUTH_TOKEN_NOT_EXISTED"
	// CodeAuthTokenNotConsistent: the app_auth_token was given to another
	// third-party app.
	CodeAuthTokenNotConsistent Code = "AUTH_TOKEN_NOT_CONSISTENT"
	// CodeRefreshTokenNotExist: there is no such refresh token.
	CodeRefreshTokenNotExist Code = "REFRESH_TOKEN_NOT_EXIST"
	// CodeRefreshTokenNotValid: the refresh token is no longer valid.
	CodeRefreshTokenNotValid Code = "REFRESH_TOKEN_NOT_VALID"
	// CodeRefreshTokenTimeOut: the refresh token has expired.
	CodeRefreshTokenTimeOut Code = "REFRESH_TOKEN_TIME_OUT"
)
