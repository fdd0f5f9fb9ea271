package alipaycn

import (
	"cmp"
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

// Code is an error code of AlipayCN. It is open: a code unknown to this version
// of the library is kept as it is.
type Code string

// The codes on which programs branch. Any other is compared with its text:
// e.Code == "ANTI_PHISHING_EXIST".
const (
	// CodeSystemError: AlipayCN failed inside and does not say whether the call took effect.
	CodeSystemError Code = "SYSTEM_ERROR"
	// CodeSystemLimit: AlipayCN is limiting the load and did not accept the call.
	CodeSystemLimit Code = "SYSTEM_LIMIT"
	// CodeOpFrequencyLimit: the operation was called too often and was not accepted.
	CodeOpFrequencyLimit Code = "OP_FREQUENCY_LIMIT"
	// CodeBundleIDNotExist: AlipayCN does not know the bundle_id.
	CodeBundleIDNotExist Code = "BUNDLE_ID_NOT_EXIST"
	// CodeNoPermission: the app may not do this to that object.
	CodeNoPermission Code = "NO_PERMISSION"

	// CodeVersionIsBlank: no version was named, or none was found under that number.
	CodeVersionIsBlank Code = "VERSION_IS_BLANK"
	// CodeVersionHasExisted: the version number is used already, or not above the newest.
	CodeVersionHasExisted Code = "VERSION_HAS_EXISTED"
	// CodeLargerVersionHasExisted: the mini program has a version with a higher number.
	CodeLargerVersionHasExisted Code = "LARGER_VERSION_HAS_EXISTED"
	// CodeExistLargerOnlinedVersion: a version with a higher number is or was online, so this one cannot be submitted.
	CodeExistLargerOnlinedVersion Code = "EXIST_LARGER_ONLINED_VERSION"
	// CodeMiniAppPackageInfoNotExist: there is no package for this app_version: the number is wrong, the version was deleted, or it is not built yet.
	CodeMiniAppPackageInfoNotExist Code = "MINI_APP_PACKAGE_INFO_NOT_EXIST"
	// CodeMiniAppVersionNotExist: the mini program has no such version.
	CodeMiniAppVersionNotExist Code = "MINI_APP_VERSION_NOT_EXIST"
	// CodeMiniAppVersionMissing: the mini program has no such version (AlipayCN's second code for this, misspelt on the wire).
	CodeMiniAppVersionMissing Code = "MINIAPP_VERSION_NOT_EXSIT"
	// CodeMiniAppNotOnline: the mini program is not online: it never was, or it was taken down.
	CodeMiniAppNotOnline Code = "MINI_APP_NOT_ONLINE"
	// CodeInvalidVersionStatus: the version is in a status in which this is not possible.
	CodeInvalidVersionStatus Code = "INVALID_VERSION_STATUS"
	// CodeMiniAppVersionStatusIllegal: the version is in a status in which this is not possible.
	CodeMiniAppVersionStatusIllegal Code = "MINI_APP_VERSION_STATUS_ILLEGAL"
	// CodeMiniAppVersionIterationExist: another iteration of this mini program is under way, so the version cannot be changed now (details are not documented).
	CodeMiniAppVersionIterationExist Code = "MINI_APP_VERSION_ITERATION_EXIST"

	// CodeDevVersionExceedMaxCount: the mini program has the most development versions that are allowed, 20.
	CodeDevVersionExceedMaxCount Code = "DEV_VERSION_EXCEED_MAX_COUNT"
	// CodeBuildVersionNotExisted: nothing is or was built under this app_version.
	CodeBuildVersionNotExisted Code = "BUILD_VERSION_NOT_EXISTED"
	// CodePollingBuildVersionNotExist: nothing is being built under this app_version.
	CodePollingBuildVersionNotExist Code = "POLLING_BUILD_VERSION_NOT_EXIST"
	// CodeNoTemplateInstantiateRelation: the mini program was never built from a template of this third-party app.
	CodeNoTemplateInstantiateRelation Code = "NO_TEMPLATE_INSTANTIATE_RELATION"

	// CodeMiniAppNameDuplicate: another mini program has this app_name.
	CodeMiniAppNameDuplicate Code = "MINI_APP_NAME_DUPLICATE"
	// CodeMiniAppNameSensitive: app_name has words that AlipayCN does not allow.
	CodeMiniAppNameSensitive Code = "MINI_APP_NAME_SENSITIVE"
	// CodeCanNotModifyNameOnceOnline: the name cannot be changed by an application once the mini program was online.
	CodeCanNotModifyNameOnceOnline Code = "CAN_NOT_MODIFY_NAME_ONCE_ONLINE"
	// CodeMiniAppInfoAuditContains: a change of the mini program's information is being reviewed.
	CodeMiniAppInfoAuditContains Code = "MINI_APP_INFO_AUDIT_CONTAINS"

	// CodeSubmitRepeat: the version was submitted already.
	CodeSubmitRepeat Code = "SUBMIT_REPEAT"
	// CodeCanNotSubmitWithAudit: a version is under review already.
	CodeCanNotSubmitWithAudit Code = "CAN_NOT_SUBMIT_WITH_AUDIT"
	// CodeCanNotSubmitWithoutInit: only a version in INIT can be submitted.
	CodeCanNotSubmitWithoutInit Code = "CAN_NOT_SUBMIT_WITHOUT_INIT"
	// CodeCanNotSubmitWithoutScanPass: the security scan of the version is not passed.
	CodeCanNotSubmitWithoutScanPass Code = "CAN_NOT_SUBMIT_WITHOUT_SCAN_PASS"
	// CodeCanNotSubmitWithAuditGray: another version is under review, approved, rejected or in grayscale, and there may be only one.
	CodeCanNotSubmitWithAuditGray Code = "CAN_NOT_SUBMIT_WITH_AUDIT_GRAY"

	// CodeAuditingVersionNotExist: no version is under review.
	CodeAuditingVersionNotExist Code = "AUDITING_VERSION_NOT_EXIST"
	// CodeCanNotBackDevWithoutAudit: only a passed or rejected version can be returned to development.
	CodeCanNotBackDevWithoutAudit Code = "CAN_NOT_BACK_DEV_WITHOUT_AUDIT"

	// CodeGrayStrategyNotAllowReduce: the share of users can only grow.
	CodeGrayStrategyNotAllowReduce Code = "GRAY_STRATEGY_NOT_ALLOW_REDUCE"
	// CodeCanNotGrayWithoutAuditPass: only a version that passed its review can go into grayscale.
	CodeCanNotGrayWithoutAuditPass Code = "CAN_NOT_GRAY_WITHOUT_AUDIT_PASS"
	// CodeCanNotEndGrayWithoutGray: the version is not in grayscale.
	CodeCanNotEndGrayWithoutGray Code = "CAN_NOT_END_GRAY_WITHOUT_GRAY"
	// CodeCanNotCancelGrayWithDiffDW: the grayscale release differs from the online version in its downgrade setting and cannot be ended (the reading of DW is inferred).
	CodeCanNotCancelGrayWithDiffDW Code = "CAN_NOT_CANCEL_GRAY_WITH_DIFF_DW"

	// CodeCanNotOnlineWithoutGray: this version must go through a grayscale release first.
	CodeCanNotOnlineWithoutGray Code = "CAN_NOT_ONLINE_WITHOUT_GRAY"
	// CodeCanNotOnlineWithoutAudit: the version has not passed its review.
	CodeCanNotOnlineWithoutAudit Code = "CAN_NOT_ONLINE_WITHOUT_AUDIT"
	// CodeCanNotOnlineNotGrayOrWaitRelease: only a version in WAIT_RELEASE or GRAY can be published.
	CodeCanNotOnlineNotGrayOrWaitRelease Code = "CAN_NOT_ONLINE_NOT_GRAY_OR_WAITRELEASE"
	// CodeCanNotOnlineNoPromote: the version passed admission but not promotion and must not go online so.
	CodeCanNotOnlineNoPromote Code = "CAN_NOT_ONLINE_NO_PROMOTE"
	// CodeCanNotOnlineWithoutRegistration: the ICP filing of the mini program is not finished.
	CodeCanNotOnlineWithoutRegistration Code = "CAN_NOT_ONLINE_WITHOUT_REGISTRATION"

	// CodeCanNotOfflineWithoutOnline: the version is not online, so it cannot be taken offline.
	CodeCanNotOfflineWithoutOnline Code = "CAN_NOT_OFFLINE_WITHOUT_ONLINE"
	// CodeCanNotOfflineWithGray: a version is in grayscale, and nothing can be taken offline meanwhile.
	CodeCanNotOfflineWithGray Code = "CAN_NOT_OFFLINE_WITH_GRAY"
	// CodeCanNotRollbackWithoutOnline: the version is not online, so there is nothing to roll back.
	CodeCanNotRollbackWithoutOnline Code = "CAN_NOT_ROLLBACK_WITHOUT_ONLINE"
	// CodeCanNotContinuousRollback: the version came back by a rollback, and a second in a row is not allowed.
	CodeCanNotContinuousRollback Code = "CAN_NOT_CONTINUOUS_ROLLBACK"
	// CodeCanNotRollbackWithGray: a version is in grayscale, and nothing can be rolled back meanwhile.
	CodeCanNotRollbackWithGray Code = "CAN_NOT_ROLLBACK_WITH_GRAY"
	// CodeCanNotRollbackWithoutOffline: there is no earlier version in OFFLINE to go back to.
	CodeCanNotRollbackWithoutOffline Code = "CAN_NOT_ROLLBACK_WITHOUT_OFFLINE"
	// CodeCanNotDeleteWithoutDev: only a version in INIT can be deleted.
	CodeCanNotDeleteWithoutDev Code = "CAN_NOT_DELETE_WITHOUT_DEV"
	// CodeCanNotDeleteWithExperience: the version is the trial version.
	CodeCanNotDeleteWithExperience Code = "CAN_NOT_DELETE_WITH_EXPERIENCE"

	// CodeCanNotModifyBaseInfo: base information can be changed by this call only before the first release.
	CodeCanNotModifyBaseInfo Code = "CAN_NOT_MODIFY_BASE_INFO"

	// CodeCanNotSetExpRepeat: the version is the trial version already.
	CodeCanNotSetExpRepeat Code = "CAN_NOT_SET_EXP_REPEAT"
	// CodeCanNotCancelExpWithInvalidStatus: the version is not in a status in which its trial could be ended.
	CodeCanNotCancelExpWithInvalidStatus Code = "CAN_NOT_CANCEL_EXP_WITH_INVALID_STATUS"

	// CodeSafeDomainExist: the domain is on the list already (the code is misspelt on the wire).
	CodeSafeDomainExist Code = "SAFEDOMAIN_EXSIT"

	// CodeDeveloperAlreadyExist: the person is a developer or invited already (the code is misspelt on the wire).
	CodeDeveloperAlreadyExist Code = "DEVELOPER_ALREADY_EXSIT"
	// CodeExperiencerAlreadyExist: the person is an experience member or invited already.
	CodeExperiencerAlreadyExist Code = "EXPERIENCER_ALREADY_EXIST"
	// CodeRoleOverLimit: there are as many members with this role as are allowed: 30 developers, 50 experience members.
	CodeRoleOverLimit Code = "ROLE_OVER_LIMIT"
	// CodeRoleNotExist: the person does not have this role (the code is misspelt on the wire).
	CodeRoleNotExist Code = "ROLE_NOT_EXSIT"

	// CodeRouteRuleConflict: another rule of the mini program covers the same addresses.
	CodeRouteRuleConflict Code = "ROUTE_RULE_CONFLICT"
	// CodeRouteGroupNotExist: there is no rule with this route_group.
	CodeRouteGroupNotExist Code = "ROUTE_GROUP_NOT_EXIST"

	// CodeOrderNotExist: there is no such order.
	CodeOrderNotExist Code = "ORDER_NOT_EXIST"
	// CodeCommodityOrderStatusInvalid: the order is in a status in which it can be neither accepted nor rejected.
	CodeCommodityOrderStatusInvalid Code = "COMMODITY_ORDER_STATUS_INVALID"
	// CodeCommodityOrderItemNotExist: the order has no such item.
	CodeCommodityOrderItemNotExist Code = "COMMODITY_ORDER_ITEM_NOT_EXIST"
	// CodeItemStatusNotAllow: the item is in a status in which this is not possible.
	CodeItemStatusNotAllow Code = "ITEM_STATUS_NOT_ALLOW"

	// CodeAuthCodeNotExist: there is no such authorization code.
	CodeAuthCodeNotExist Code = "AUTH_CODE_NOT_EXIST"
	// CodeAuthCodeNotValid: the authorization code was used already or is older than 24 hours.
	CodeAuthCodeNotValid Code = "AUTH_CODE_NOT_VALID"
	// CodeRefreshTokenNotExist: there is no such refresh token.
	CodeRefreshTokenNotExist Code = "REFRESH_TOKEN_NOT_EXIST"
	// CodeRefreshTokenTimeOut: the refresh token has expired.
	CodeRefreshTokenTimeOut Code = "REFRESH_TOKEN_TIME_OUT"

	// GatewayInvalidSignature: the signature does not fit.
	GatewayInvalidSignature Code = "invalid-signature"

	// GatewayInvalidAppID: AlipayCN does not know the app id.
	GatewayInvalidAppID Code = "invalid-app-id"
	// GatewayInvalidTimestamp: the timestamp is not valid.
	GatewayInvalidTimestamp Code = "invalid-timestamp"
	// GatewayIllegalTimestamp: the timestamp is too far from AlipayCN's clock.
	GatewayIllegalTimestamp Code = "illegal-timestamp"

	// GatewayInvalidAppAuthToken: the app_auth_token is not valid: wrong, replaced by a newer authorization, or withdrawn.
	GatewayInvalidAppAuthToken Code = "invalid-app-auth-token"
	// GatewayAppAuthTokenTimeOut: the app_auth_token has expired.
	GatewayAppAuthTokenTimeOut Code = "app-auth-token-time-out"
	// GatewayInvalidAppAuthTokenNoAPI: the merchant's authorization does not cover this operation.
	GatewayInvalidAppAuthTokenNoAPI Code = "invalid-app-auth-token-no-api"

	// GatewayAppCallLimited: the app makes too many calls; this one was not accepted.
	GatewayAppCallLimited Code = "app-call-limited"
	// GatewayExceedAPIBalance: the calls that were bought for this operation are used up.
	GatewayExceedAPIBalance Code = "exceed-api-balance"
	// GatewayInsufficientISVPermissions: the third-party app lacks the product with this operation.
	GatewayInsufficientISVPermissions Code = "insufficient-isv-permissions"

	// GatewayInvalidMethod: AlipayCN does not know the operation, or not with this HTTP method.
	GatewayInvalidMethod Code = "invalid-method"

	// GatewayUnknownSubCode: the operation refused with a code that the gateway does not know; the message names it.
	GatewayUnknownSubCode Code = "unknown-sub-code"
)

// Known says whether this version of the library knows the code, in AlipayCN's spelling.
func (c Code) Known() bool {
	_, known := codes[c]
	return known
}

// Class returns what the code means for the caller: one of the Err variables of
// this package or of package alipayplus, or nil. AlipayCN documents no classes;
// they are inferred from names and descriptions, and for an unknown code from
// how codes of that form are used.
//
// [alipayplus.ErrOutcomeUnknown] is the class of codes that do not say whether a
// write took effect. An [Error] matches it only when the call was a write.
func (c Code) Class() error {
	if entry, known := codes[c.spelt()]; known {
		return entry.class
	}
	return c.classByForm()
}

// Hint says in plain words what happened and what to do; empty for an unknown
// code.
func (c Code) Hint() string { return codes[c.spelt()].hint }

// spelt returns the known code that is meant by another spelling: in other letters
// (invalid_logon_id), with other separators, with the prefix of the older protocol
// (isv.invalid-signature), or with EXIST where AlipayCN has EXSIT. Any other code stays
// as it is.
func (c Code) spelt() Code {
	if c.Known() {
		return c
	}
	text := string(c)
	for _, prefix := range []string{"isv.", "isp.", "aop."} {
		text = strings.TrimPrefix(text, prefix)
	}
	operation := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_", " ", "_").Replace(separated(text)))
	gateway := strings.ToLower(strings.ReplaceAll(operation, "_", "-"))
	for _, meant := range []Code{
		Code(text), Code(operation), Code(gateway),
		Code(strings.ReplaceAll(operation, "EXIST", "EXSIT")), Code(strings.ReplaceAll(operation, "EXSIT", "EXIST")),
	} {
		if strings.Contains(text, "-") && Code(gateway).Known() {
			return Code(gateway)
		}
		if meant.Known() {
			return meant
		}
	}
	return c
}

// separated has an underscore where a word of invalidLogonId begins.
func separated(text string) string {
	var b strings.Builder
	for i, r := range text {
		if i > 0 && r >= 'A' && r <= 'Z' && text[i-1] >= 'a' && text[i-1] <= 'z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// statedCode is the code of a refusal: the stated one or, where that says nothing,
// one that the message names. Without a code there must be one in the message.
func statedCode(stated, message string) (Code, bool) {
	code := Code(shortened(strings.TrimSpace(stated), longestQuote)).spelt()
	oneWord := !strings.ContainsFunc(string(code), notInCode)
	if code != "" && code != GatewayUnknownSubCode && (code.Known() || oneWord && code.classByForm() != nil) {
		return code, true
	}
	for _, text := range []string{stated, message} { // a code with more around it
		if named, found := findCode(text); found {
			return named, true
		}
	}
	return code, code != ""
}

// classByForm classes an unknown code by its form.
func (c Code) classByForm() error {
	code := string(c)
	hasSuffix := func(suffix string) bool { return strings.HasSuffix(code, suffix) }
	switch {
	case hasSuffix("SYSTEM_ERROR"):
		return alipayplus.ErrOutcomeUnknown
	case code == "20000": // this and the next: the older protocol, where sub_code says more
		return alipayplus.ErrOutcomeUnknown
	case code == "20001":
		return alipayplus.ErrAuthorizationRequired
	case code == "40001", code == "40002":
		return alipayplus.ErrInvalid
	case code == "40003":
		return alipayplus.ErrConflict
	case code == "40005":
		return alipayplus.ErrRateLimited
	case code == "40006":
		return alipayplus.ErrPermission
	case strings.HasPrefix(code, "CAN_NOT_") || strings.HasPrefix(code, "CANNOT_"):
		return alipayplus.ErrConflict
	case hasSuffix("_NOT_EXIST"):
		return alipayplus.ErrNotFound
	case strings.HasPrefix(code, "INVALID_"), strings.HasPrefix(code, "RISK_DECISION_"), strings.HasPrefix(code, "BRAND_"),
		hasSuffix("_IS_BLANK"), hasSuffix("_ARE_BLANK"), hasSuffix("_IS_INVALID"), hasSuffix("_LENGTH"), hasSuffix("_SENSITIVE"), hasSuffix("_DUPLICATE"):
		return alipayplus.ErrInvalid
	default:
		return nil
	}
}

func notInCode(r rune) bool { return !isDigit(r) && !isASCIILetter(r) && r != '_' && r != '-' }

// findCode returns the first known code of an operation within a text, or else the first
// of the gateway, or else the first that its form classes. AlipayCN's gateway says
// "unknown-sub-code" for codes that it does not know, and names them in the message
// only, often without a space around them.
func findCode(text string) (Code, bool) {
	var gateway, byForm Code
	for word := range strings.FieldsFuncSeq(text, notInCode) {
		code := Code(strings.Trim(word, "-")).spelt()
		switch {
		case code == GatewayUnknownSubCode:
		case code.Known() && strings.ToUpper(string(code)) == string(code):
			return code, true
		case code.Known():
			gateway = cmp.Or(gateway, code)
		case strings.ToUpper(word) == word && strings.Contains(word, "_") && code.classByForm() != nil:
			byForm = cmp.Or(byForm, code)
		}
	}
	code := cmp.Or(gateway, byForm)
	return code, code != ""
}

// codeEntry is what is known about a code.
type codeEntry struct {
	class error
	hint  string
}

// codes is what is known about each code.
//
//nolint:gochecknoglobals // a table that never changes
var codes = map[Code]codeEntry{
	// General: the app, the merchant, the system.
	"SYSTEM_ERROR":                 {alipayplus.ErrOutcomeUnknown, "AlipayCN failed inside and does not say whether the call took effect; read the state first; repeat a write only when the state shows that it did not happen"},
	"SYSTEM_EXCEPTION":             {alipayplus.ErrOutcomeUnknown, "AlipayCN failed inside and does not say whether the call took effect; read the state first; repeat a write only when the state shows that it did not happen"},
	"SYSTEM_LIMIT":                 {alipayplus.ErrRateLimited, "AlipayCN is limiting the load and did not accept the call; wait and repeat it, less often"},
	"OP_FREQUENCY_LIMIT":           {alipayplus.ErrRateLimited, "the operation was called too often and was not accepted; wait and repeat it, less often"},
	"APPSTORE_RPC_INVOKE_ERROR":    {alipayplus.ErrOutcomeUnknown, "a system behind AlipayCN's gateway did not answer, so the outcome is not known; read the version's status first; repeat the call only when the status has not changed"},
	"INVALID_PARAMETER":            {alipayplus.ErrInvalid, "a parameter is not valid; the message or the details name it; correct it and call again"},
	"INVALID_PARAMS":               {alipayplus.ErrInvalid, "the parameters are not valid together or one is malformed; the message or the details name it; correct it and call again"},
	"INVALID_PARAM":                {alipayplus.ErrInvalid, "a parameter is not valid; the message or the details name it; correct it and call again"},
	"ILLEGAL_PARAM":                {alipayplus.ErrInvalid, "a parameter is not allowed; check the token and the field that the message names"},
	"ILLEGAL_PARAMS":               {alipayplus.ErrInvalid, "a parameter is not allowed; check the field that the message names"},
	"PARAMETER_ERROR":              {alipayplus.ErrInvalid, "a parameter is wrong; check the field that the message names"},
	"APPID_IS_BLANK":               {alipayplus.ErrInvalid, "no mini program was named by the call; call with the app_auth_token of the merchant's mini program"},
	"APP_INFO_NOT_EXIST":           {alipayplus.ErrNotFound, "AlipayCN does not know the app; check that the app_auth_token is that of the merchant's mini program and still valid, and in an upload that template_id is the app id of the template"},
	"APPLICATION_TYPE_NOT_MINIAPP": {alipayplus.ErrInvalid, "the app that the call is for is not a mini program; use the app_auth_token of the mini program, not that of another kind of app"},
	"APPLICATION_TYPE_ILLEGAL":     {alipayplus.ErrInvalid, "the app is of a kind that this call does not serve; use the app_auth_token of a mini program that is built from a template"},
	"APPLICATION_TYPE_NOT_ISVAPP":  {alipayplus.ErrInvalid, "the calling app is not a third-party app; call with the app id of the third-party app that owns the template"},
	"SUB_APPLICATION_TYPE_ERROR":   {alipayplus.ErrInvalid, "the mini program is of a kind that cannot be submitted by this call; submit it in AlipayCN's console, or check that the app_auth_token is that of an ordinary mini program"},
	"APP_TYPE_ERROR":               {alipayplus.ErrInvalid, "only ordinary and store mini programs can be built from a template, and this app is neither; call with the third-party app's id and the app_auth_token of the merchant's mini program, not with the token of the template"},
	"USER_NOT_EXIST":               {alipayplus.ErrNotFound, "the account behind the call does not exist at AlipayCN; check the app_auth_token and that the merchant's account is still open"},
	"DEVELOPER_INFO_NOT_EXIST":     {alipayplus.ErrNotFound, "AlipayCN has no developer information about the owner of the mini program; let the owner complete the developer registration on the open platform, then repeat the call"},
	"MERCHANT_NOT_EXESIT":          {alipayplus.ErrNotFound, "AlipayCN does not know the merchant that owns the mini program; check the app_auth_token, and let the merchant complete the registration on the open platform"},
	"ISV_APP_ID_IS_BLANK":          {alipayplus.ErrInvalid, "no third-party app was named by the call; call with the app id of the third-party app and the merchant's app_auth_token"},
	"BUNDLE_ID_NOT_EXIST":          {alipayplus.ErrInvalid, "AlipayCN does not know the bundle_id; leave bundle_id out for the Alipay wallet, or use one of the documented ones"},
	"NO_PERMISSION":                {alipayplus.ErrPermission, "the app may not do this to that object; use the app_auth_token of the mini program that owns it"},

	// Version numbers and the state of a version.
	"APP_VERSION_IS_BLANK":             {alipayplus.ErrInvalid, "app_version is missing or empty; set app_version to a version of the mini program; after an upload wait until it is built"},
	"VERSION_IS_BLANK":                 {alipayplus.ErrInvalid, "no version was named, or none was found under that number; set app_version; versions.list shows the versions that exist"},
	"INVALID_VERSION":                  {alipayplus.ErrInvalid, "app_version is not of the form x.y.z in digits; use a number such as 1.2.0"},
	"VERSION_EXCEEDED_LENGTH":          {alipayplus.ErrInvalid, "a part of app_version is above 2147483647; use smaller numbers"},
	"VERSION_HAS_EXISTED":              {ErrAlreadyDone, "the version number is used already, or not above the newest; if this upload was repeated, read the version: it may be yours; otherwise choose a higher app_version"},
	"LARGER_VERSION_HAS_EXISTED":       {alipayplus.ErrConflict, "the mini program has a version with a higher number; choose an app_version above the newest of versions.list"},
	"BUILD_VERSION_COMPARE_ERROR":      {alipayplus.ErrConflict, "the version cannot be compared with the newest version of the mini program; choose an app_version above the newest of versions.list, in the form x.y.z"},
	"EXIST_LARGER_ONLINED_VERSION":     {alipayplus.ErrConflict, "a version with a higher number is or was online, so this one cannot be submitted; upload the content again under a higher app_version and submit that"},
	"MINI_APP_PACKAGE_INFO_NOT_EXIST":  {alipayplus.ErrNotFound, "there is no package for this app_version: the number is wrong, the version was deleted, or it is not built yet; check app_version with versions.get; after an upload wait until versions.build says that it is built"},
	"MINI_APP_VERSION_NOT_EXIST":       {alipayplus.ErrNotFound, "the mini program has no such version; check app_version and bundle_id with versions.list"},
	"MINIAPP_VERSION_NOT_EXSIT":        {alipayplus.ErrNotFound, "the mini program has no such version (AlipayCN's second code for this, misspelt on the wire); check app_version and bundle_id with versions.list"},
	"MINI_APP_NOT_ONLINE":              {alipayplus.ErrConflict, "the mini program is not online: it never was, or it was taken down; publish a version first; a grayscale release or a rollback needs one that is online"},
	"INVALID_VERSION_STATUS":           {alipayplus.ErrConflict, "the version is in a status in which this is not possible; read the version's status and choose the step that leads on from there"},
	"MINI_APP_VERSION_STATUS_ILLEGAL":  {alipayplus.ErrConflict, "the version is in a status in which this is not possible; read the version's status; only a version in GRAY can end its grayscale release"},
	"TINYAPP_STATUS_INVALID":           {alipayplus.ErrConflict, "the mini program as a whole is in a status in which this is not possible, for example frozen; look at the status of the mini program in AlipayCN's console"},
	"MULTI_CLIENT_NOT_PACKAGED_STATUS": {alipayplus.ErrConflict, "the version is not packaged for the client that bundle_id names; check bundle_id, and that the version was uploaded for it"},
	"MINI_APP_VERSION_ITERATION_EXIST": {alipayplus.ErrConflict, "another iteration of this mini program is under way, so the version cannot be changed now (details are not documented); finish or end the iteration in AlipayCN's console, then repeat the call"},

	// Upload and build.
	"TEMPLATE_ID_IS_BLANK":             {alipayplus.ErrInvalid, "template_id is missing; set template_id to the app id of the template"},
	"CODE_TEMPLATE_NOT_EXIST":          {alipayplus.ErrNotFound, "there is no template with this template_id, or not in this version; check template_id and template_version; template_id is the app id of the template, not that of the mini program"},
	"CODE_TEMPLATE_NOT_SAFE":           {ErrNotReady, "the security scan of the template is not finished or not passed; wait until the template has passed its scan, then upload"},
	"CODE_TEMPLATE_DELETED":            {alipayplus.ErrConflict, "the template was deleted; use a template whose review is passed and which is not deleted"},
	"TEMPLATE_NOT_ONLINE_OR_OFFLINE":   {alipayplus.ErrConflict, "the version of the template is neither online nor offline, so nothing can be built from it; publish the template version first, or leave template_version out to use the newest online one"},
	"TEMPLATE_MINIAPP_NOT_ALLOWED":     {alipayplus.ErrInvalid, "the app_auth_token is that of a template, and a template is not built by this call; use the app_auth_token of the merchant's mini program"},
	"TEMPLATE_ID_ISVAPPID_NOT_MATCH":   {alipayplus.ErrPermission, "the template does not belong to the calling third-party app; use a template of this third-party app, or call with the app that owns the template"},
	"TEMPLATE_STATUS_PUNISHED":         {alipayplus.ErrPermission, "the template is under a penalty and must not be built from; settle the penalty in AlipayCN's console, or use another template"},
	"TEMPLATE_STATUS_CAN_NOT_BUILD":    {alipayplus.ErrConflict, "the template is in a status in which nothing can be built from it; check the template's status in AlipayCN's console"},
	"TEMPLATE_EXTRA_INFO_INVALID":      {alipayplus.ErrInvalid, "ext does not fit the template; check ext against the extension configuration that the template expects"},
	"INVALID_EXT_JSON":                 {alipayplus.ErrInvalid, "ext is not valid JSON; send standard JSON, for example {\"extEnable\": true}"},
	"DEV_VERSION_EXCEED_MAX_COUNT":     {alipayplus.ErrLimit, "the mini program has the most development versions that are allowed, 20; delete versions in INIT that are not needed (versions.delete), then upload"},
	"NO_AUTH_RELATION":                 {alipayplus.ErrAuthorizationRequired, "the merchant has not authorized this third-party app for the mini program, or has withdrawn it; let the merchant authorize again and use the new app_auth_token"},
	"APP_TO_APP_AUTH_FAIL":             {alipayplus.ErrAuthorizationRequired, "the authorization of the mini program to this third-party app did not hold; let the merchant authorize again and use the new app_auth_token"},
	"UPDATE_PLUGIN_SERVICE_FAIL":       {alipayplus.ErrOutcomeUnknown, "the plugins of the version could not be updated, and it is not said whether the version was created; ask versions.build; upload again only when the version does not exist"},
	"BUILD_VERSION_NOT_EXISTED":        {alipayplus.ErrNotFound, "nothing is or was built under this app_version; check app_version; upload it first"},
	"POLLING_BUILD_VERSION_NOT_EXIST":  {alipayplus.ErrNotFound, "nothing is being built under this app_version; check app_version; upload it first"},
	"POLLING_BUILDING_ERROR":           {ErrNotReady, "the state of the build could not be read; ask again in a few seconds; when it stays so, upload under a higher app_version"},
	"NO_TEMPLATE_INSTANTIATE_RELATION": {alipayplus.ErrNotFound, "the mini program was never built from a template of this third-party app; upload a version from a template first, or check the app_auth_token"},
	"PACKAGE_ID_IS_BLANK":              {alipayplus.ErrInvalid, "the build has no package; check app_version and bundle_id, and upload the version again"},
	"PAGE_SIZE_LESS_ZERO":              {alipayplus.ErrInvalid, "the page size is below zero; the call has no page parameters; check that nothing adds them"},

	// Application for review: name, texts, contact.
	"APP_NAME_IS_BLANK":               {alipayplus.ErrInvalid, "the mini program has no name, or its reserved name was released; send app_name with the application"},
	"INVALID_MINI_APP_NAME":           {alipayplus.ErrInvalid, "app_name has characters that are not allowed; use Chinese characters, digits, letters, _, + and - only"},
	"INVALID_MINI_APP_NAME_LENGTH":    {alipayplus.ErrInvalid, "app_name is too short or too long; use 3 to 40 characters, a Chinese one counting 2; older pages of AlipayCN say 3 to 30 and 3 to 20"},
	"INVALID_MINI_APP_NAME_PREFIX":    {alipayplus.ErrInvalid, "app_name begins with words that this mini program must not begin its name with; choose a name with another beginning"},
	"MINI_APP_NAME_DUPLICATE":         {alipayplus.ErrInvalid, "another mini program has this app_name; choose another; baseInfo.checkName tells beforehand"},
	"MINI_VERSION_NAME_DUPLICATE":     {alipayplus.ErrInvalid, "the app_name is in use, perhaps by a version of another mini program; choose another; baseInfo.checkName tells beforehand"},
	"MINI_APP_NAME_SENSITIVE":         {alipayplus.ErrInvalid, "app_name has words that AlipayCN does not allow; remove them; AlipayCN's operation rules list what is not allowed"},
	"CAN_NOT_MODIFY_NAME_ONCE_ONLINE": {alipayplus.ErrConflict, "the name cannot be changed by an application once the mini program was online; leave app_name out; change the name in AlipayCN's console"},
	"ENGLISH_NAME_IS_BLANK":           {alipayplus.ErrInvalid, "the mini program has no English name; send app_english_name with the application"},
	"INVALID_MINI_APP_EN_NAME":        {alipayplus.ErrInvalid, "app_english_name has characters that are not allowed; use letters and digits only"},
	"INVALID_MINI_APP_EN_NAME_LENGTH": {alipayplus.ErrInvalid, "app_english_name is too short or too long; use 3 to 30 characters"},
	"MINI_APP_EN_NAME_DUPLICATE":      {alipayplus.ErrInvalid, "another mini program has this app_english_name; choose another"},
	"MINI_APP_EN_NAME_SENSITIVE":      {alipayplus.ErrInvalid, "app_english_name has words that AlipayCN does not allow; remove them"},
	"CAN_NOT_MODIFY_EN_ONCE_ONLINE":   {alipayplus.ErrConflict, "the English name cannot be changed once the mini program was online; leave app_english_name out"},
	"SLOGAN_IS_BLANK":                 {alipayplus.ErrInvalid, "the mini program has no slogan; send app_slogan, 10 to 32 characters, with the application"},
	"INVALID_MINI_APP_SLOGAN":         {alipayplus.ErrInvalid, "app_slogan has characters that are not allowed; remove special characters, line breaks and emoji"},
	"INVALID_MINI_APP_SLOGAN_LENGTH":  {alipayplus.ErrInvalid, "app_slogan is too short or too long; use 10 to 32 characters, a Chinese one counting 2"},
	"MINI_APP_SLOGAN_SENSITIVE":       {alipayplus.ErrInvalid, "app_slogan has words that AlipayCN does not allow; remove them"},
	"MODIFY_SLOGAN_EXCEED_COUNT":      {alipayplus.ErrLimit, "the slogan was changed as often as it may be this month, 5 times; leave app_slogan out, or wait for the next month"},
	"APP_DESC_IS_BLANK":               {alipayplus.ErrInvalid, "the mini program has no description; send app_desc, 20 to 400 characters"},
	"INVALID_MINI_APP_DESC":           {alipayplus.ErrInvalid, "app_desc has characters that are not allowed; remove special characters and emoji"},
	"INVALID_MINI_APP_DESC_LENGTH":    {alipayplus.ErrInvalid, "app_desc is too short or too long; use 20 to 400 characters, a Chinese one counting 2"},
	"MINI_APP_DESC_SENSITIVE":         {alipayplus.ErrInvalid, "app_desc has words that AlipayCN does not allow; remove them"},
	"MODIFY_DESC_EXCEED_COUNT":        {alipayplus.ErrLimit, "the description was changed as often as it may be; leave app_desc out, or wait for the next period"},
	"VERSION_DESC_IS_BLANK":           {alipayplus.ErrInvalid, "version_desc is missing; each application needs its own; say in version_desc, 30 to 500 characters, what changed"},
	"INVALID_VERSION_DESC_LENGTH":     {alipayplus.ErrInvalid, "version_desc is too short or too long; use 30 to 500 characters, a Chinese one counting 2"},
	"INVALID_MINI_APP_VERSION_DESC":   {alipayplus.ErrInvalid, "version_desc has characters that are not allowed; remove special characters and emoji"},
	"MINI_APP_VERSION_DESC_SENSITIVE": {alipayplus.ErrInvalid, "version_desc has words that AlipayCN does not allow; remove them"},
	"INVALID_MINI_APP_MEMO_LENGTH":    {alipayplus.ErrInvalid, "memo is too long; use at most 500 characters, a Chinese one counting 2"},
	"MINI_APP_MEMO_SENSITIVE":         {alipayplus.ErrInvalid, "memo has words that AlipayCN does not allow; remove them"},
	"INVALIID_MEMO_TRADENO":           {alipayplus.ErrInvalid, "the trade number in memo is not one (the code is misspelt on the wire); correct or remove the trade number in memo"},
	"MEMO_TRADENO_CHECK_FAIL":         {alipayplus.ErrInvalid, "the trade number in memo was not found or belongs to another merchant; give a trade number of this merchant, or remove it from memo"},
	"SERVICE_TEL_AND_MAIL_BOTH_BLANK": {alipayplus.ErrInvalid, "the mini program has neither a service phone nor a service e-mail address; send service_phone or service_email"},
	"SERVICE_TEL_IS_BLANK":            {alipayplus.ErrInvalid, "the mini program has no service phone; send service_phone"},
	"INVALID_MINI_APP_SERVICE_TEL":    {alipayplus.ErrInvalid, "service_phone is not valid; use 5 to 30 digits and hyphens"},
	"INVALID_MINI_APP_SERVICE_MAIL":   {alipayplus.ErrInvalid, "service_email is not an e-mail address; correct it, for example help@example.com"},
	"MINI_APP_SERVICE_MAIL_SENSITIVE": {alipayplus.ErrInvalid, "service_email has words that AlipayCN does not allow; use another address"},
	"INVALID_TEST_ACCOUNT_LENGTH":     {alipayplus.ErrInvalid, "the test account for the reviewers is too long; use a shorter test account; the limit is not documented"},
	"INVALID_TEST_PWD_LENGTH":         {alipayplus.ErrInvalid, "the password of the test account is too long; use a shorter password; the limit is not documented"},
	"HAS_NO_MODIFY_CNT":               {alipayplus.ErrLimit, "some information was changed as often as it may be in this period; leave out the fields that are as they were; the console shows what is left for each"},
	"MINI_APP_INFO_AUDIT_CONTAINS":    {ErrNotReady, "a change of the mini program's information is being reviewed; wait for the end of that review, then apply again"},

	// Application for review: categories, region, licences.
	"CATEGORY_IS_BLANK":               {alipayplus.ErrInvalid, "the mini program has no category; send mini_category_ids; categories.list shows what there is"},
	"CATEGORY_NUM_IS_INVALID":         {alipayplus.ErrInvalid, "there must be 1 to 4 categories; send 1 to 4 of them in mini_category_ids, joined by ;"},
	"INVALID_CATEGORY":                {alipayplus.ErrInvalid, "a category does not exist, is not open to this kind of developer, or is in the wrong field; new categories (XS…) go into mini_category_ids, all levels joined by _, as categories.list gives them"},
	"PRIVATE_NOT_ALLOW_CATEGORY":      {alipayplus.ErrPermission, "the category is not open to mini programs of individuals; choose a category that is open to individuals, or release under a company"},
	"MODIFY_CATEGORY_ID_EXCEED_COUNT": {alipayplus.ErrLimit, "the categories were changed as often as they may be this month, 5 times; leave the categories out, or wait for the next month"},
	"REGION_TYPE_IS_BLANK":            {alipayplus.ErrInvalid, "region_type is missing; send GLOBAL, CHINA, or LOCATION with service_region_info"},
	"REGION_TYPE_IS_INVALID":          {alipayplus.ErrInvalid, "region_type is none of the known ones; use GLOBAL, CHINA or LOCATION"},
	"REGION_CODE_IS_BLANK":            {alipayplus.ErrInvalid, "region_type is LOCATION, or a city or area is given, but the code above it is missing; give province_code with a city, and province_code and city_code with an area"},
	"REGION_CODE_IS_INVALID":          {alipayplus.ErrInvalid, "a region code does not exist or does not lie in the region above it; use the codes of AlipayCN's list of provinces, cities and areas"},
	"INVALID_REGION":                  {alipayplus.ErrInvalid, "service_region_info is not valid; use the codes of AlipayCN's list of provinces, cities and areas"},
	"LICENSE_NO_IS_BLANK":             {alipayplus.ErrInvalid, "the category needs a business licence and license_no is missing; send license_no; categories.requirements tells what a category needs"},
	"LICENSE_NAME_IS_BLANK":           {alipayplus.ErrInvalid, "the category needs a business licence and license_name is missing; send license_name as printed on the licence"},
	"LICENSE_VALID_DATE_IS_BLANK":     {alipayplus.ErrInvalid, "the category needs a business licence and license_valid_date is missing; send license_valid_date as yyyy-MM-dd, 9999-12-31 for no end"},
	"LICENSE_VALID_DATE_IS_INVALID":   {alipayplus.ErrInvalid, "license_valid_date is malformed or in the past; send yyyy-MM-dd, 9999-12-31 for no end; a licence that ended must be renewed"},
	"LICENSE_PICS_ARE_BLANK":          {alipayplus.ErrInvalid, "the category needs a picture of the business licence; send first_license_pic"},
	"LICENSE_PIC_NUM_IS_INVALID":      {alipayplus.ErrInvalid, "there are too few or too many pictures of the business licence; send 1 to 5"},
	"LICENSE_CHECK_FAIL":              {alipayplus.ErrInvalid, "number, name and pictures of the licence do not fit together or could not be confirmed; compare license_no, license_name and license_valid_date with the licence itself"},
	"OUT_DOOR_PIC_IS_BLANK":           {alipayplus.ErrInvalid, "the category needs a picture of the shop front; send out_door_pic"},
	"SPECIAL_LICENSE_PICS_ARE_BLANK":  {alipayplus.ErrInvalid, "the category needs a special licence; send first_special_license_pic; categories.requirements tells which licence"},
	"INVALID_SPECIAL_LICENSE_NUM":     {alipayplus.ErrInvalid, "there are too few or too many pictures of special licences; send 1 to 3"},

	// Application for review: pictures and files.
	"LOGO_IS_BLANK":               {alipayplus.ErrInvalid, "the mini program has no logo; send app_logo with the application"},
	"DEFAULT_LOGO":                {alipayplus.ErrInvalid, "the logo is still AlipayCN's default picture; send an app_logo of your own"},
	"INVALID_LOGO":                {alipayplus.ErrInvalid, "app_logo cannot be read as an image; often it is CMYK; save it as PNG or JPEG in RGB"},
	"INVALID_LOGO_EXT":            {alipayplus.ErrInvalid, "app_logo is of a type that is not allowed; often it is a CMYK picture; send png, jpg or jpeg in RGB, with that ending in the file name"},
	"LOGO_SIZE_EXCEED":            {alipayplus.ErrInvalid, "app_logo has too many pixels or bytes; send at most 2 MB; 180 x 180 pixels are advised"},
	"LOGO_EXCEED_MAX_SIZE":        {alipayplus.ErrInvalid, "app_logo has too many bytes; send at most 2 MB"},
	"LOGO_HEIGHT_NOT_EQUAL_WIDTH": {alipayplus.ErrInvalid, "app_logo is not square; send a square picture; 180 x 180 pixels are advised"},
	"SCREEN_SHOTS_ARE_BLANK":      {alipayplus.ErrInvalid, "the version needs screenshots; send first_screen_shot, second_screen_shot and so on"},
	"SCREEN_SHOT_NUM_IS_INVALID":  {alipayplus.ErrInvalid, "there are too few or too many screenshots; send 2 to 5; the least number is documented for a sister call only"},
	"INVALID_SCREEN_SHOT_EXT":     {alipayplus.ErrInvalid, "a screenshot is of a type that is not allowed; send png or jpg, with that ending in the file name"},
	"SCREEN_SHOT_EXCEED_MAX_SIZE": {alipayplus.ErrInvalid, "a screenshot is too large; send at most 4 MB, at most 2160 pixels wide and 3840 high"},
	"FILE_IS_BLANK":               {alipayplus.ErrInvalid, "a file of the application is empty or did not arrive; send the file again, with a name that has an ending"},
	"INVALID_FILE_EXT":            {alipayplus.ErrInvalid, "a file is of a type that is not allowed; pictures: png or jpg; the test file: zip or rar; with that ending in the file name"},
	"FILE_SIZE_EXCEED":            {alipayplus.ErrInvalid, "a file is too large; logo: at most 2 MB; other pictures: 4 MB; the test file: 10 MB"},

	// Application for review: state, risk, permission.
	"SUBMIT_REPEAT":                                    {ErrAlreadyDone, "the version was submitted already; read its status; if it is AUDITING the application has been made"},
	"CAN_NOT_SUBMIT_WITH_AUDIT":                        {ErrAlreadyDone, "a version is under review already; read which; if it is this one the application has been made, otherwise wait for the verdict or cancel that review (versions.cancelAudit)"},
	"CAN_NOT_SUBMIT_WITHOUT_INIT":                      {alipayplus.ErrConflict, "only a version in INIT can be submitted; read its status; return a passed or rejected version to development first (versions.returnToDevelopment)"},
	"CAN_NOT_SUBMIT_WITHOUT_SCAN_PASS":                 {ErrNotReady, "the security scan of the version is not passed; wait while scan_result of versions.get is NAN; when it is False, correct the code and upload a new version"},
	"CAN_NOT_SUBMIT_WITH_AUDIT_GRAY":                   {alipayplus.ErrConflict, "another version is under review, approved, rejected or in grayscale, and there may be only one; publish it, or cancel its review (versions.cancelAudit), or return it to development (versions.returnToDevelopment), or end its grayscale (versions.cancelGray)"},
	"CAN_NOT_SUBMIT_WITH_ALI_CLOUD":                    {alipayplus.ErrConflict, "the mini program is bound to Alibaba Cloud and cannot be submitted by this call; submit it there or in AlipayCN's console"},
	"INVALID_MINI_APP_SAFE_DOMAIN":                     {alipayplus.ErrInvalid, "a server domain of the mini program is not valid; correct the list of server domains (safeDomains.add, safeDomains.remove) and upload a new version"},
	"RISK_DECISION_CHECK_FAIL":                         {alipayplus.ErrInvalid, "name, description, slogan or another text has words that the risk control does not allow; reword the texts, then apply again"},
	"RISK_DECISION_HIT_BRAND":                          {alipayplus.ErrInvalid, "the name or logo touches a protected brand; use another, or prove the right to the brand in AlipayCN's console"},
	"RISK_DECISION_HIT_BROAD":                          {alipayplus.ErrInvalid, "the name is too general; choose a name that tells this mini program from others"},
	"BRAND_TORT_NOT_END":                               {alipayplus.ErrConflict, "a complaint about a brand is still open against the mini program; settle the complaint in AlipayCN's console, then apply again"},
	"TINY_APP_AUDIT_NOT_PERMIT":                        {alipayplus.ErrPermission, "this mini program is not allowed to be submitted for review; look for notices about the mini program in AlipayCN's console"},
	"MINI_APP_RESTRICTED_AUDIT_CONTROL":                {alipayplus.ErrPermission, "AlipayCN has restricted the submission of this mini program; look for notices about the mini program in AlipayCN's console"},
	"CAN_NOT_SUBMIT_WITH_ONLINE_MINI_APP_EXCEED_LIMIT": {alipayplus.ErrLimit, "the merchant has as many online mini programs as are allowed; take one offline, or ask AlipayCN for more"},
	"CAN_NOT_SUBMIT_WITH_PUNISH_ORDER_LIMIT":           {alipayplus.ErrPermission, "penalties against the mini program are open, and nothing may be submitted until they are settled; settle them in AlipayCN's console"},

	// Review: cancel and return to development.
	"AUDITING_VERSION_NOT_EXIST":     {ErrAlreadyDone, "no version is under review; read the version's status: the review may have been cancelled or have ended"},
	"CAN_NOT_BACK_DEV_WITHOUT_AUDIT": {alipayplus.ErrConflict, "only a passed or rejected version can be returned to development; read its status; cancel a running review with versions.cancelAudit"},

	// Grayscale release.
	"GRAY_STRATEGY_IS_BLANK":           {alipayplus.ErrInvalid, "gray_strategy is missing; send p10, p30 or p50"},
	"GRAY_STRATEGY_IS_INVALID":         {alipayplus.ErrInvalid, "gray_strategy is none of the allowed ones; send p10, p30 or p50; for all users publish the version"},
	"GRAY_STRATEGY_NOT_ALLOW_REDUCE":   {alipayplus.ErrConflict, "the share of users can only grow; choose a higher one, publish, or end the grayscale release (versions.cancelGray)"},
	"CAN_NOT_GRAY_WITHOUT_AUDIT_PASS":  {alipayplus.ErrConflict, "only a version that passed its review can go into grayscale; wait for the verdict; the status must be WAIT_RELEASE"},
	"CAN_NOT_GRAY_WITHOUT_INNER_PASS":  {alipayplus.ErrConflict, "an internal check of AlipayCN is not passed yet (which, is not documented); try later; when it stays so, ask AlipayCN's support with the trace id"},
	"CAN_NOT_GRAY_WITH_RISK_VERSION":   {alipayplus.ErrPermission, "AlipayCN sees a risk in the version and does not let it out; look for notices in AlipayCN's console; correct it in a new version"},
	"APP_OPERATOR_QUERY_ERROR":         {alipayplus.ErrOutcomeUnknown, "AlipayCN could not look up the operator of the mini program, and does not say whether the call took effect; read the version's status and gray_strategy; repeat the call only when they have not changed"},
	"CREATE_GRAY_RULE_ERROR":           {alipayplus.ErrOutcomeUnknown, "AlipayCN could not create the grayscale rule, and does not say whether part of it took effect; read the version's status and gray_strategy; repeat the call only when they have not changed"},
	"EXECUTE_GRAY_FAILED":              {alipayplus.ErrOutcomeUnknown, "AlipayCN could not carry out the grayscale release, and does not say whether part of it took effect; read the version's status and gray_strategy; repeat the call only when they have not changed"},
	"CAN_NOT_END_GRAY_WITHOUT_GRAY":    {ErrAlreadyDone, "the version is not in grayscale; read its status: the grayscale release may have been ended already, or the version published"},
	"CAN_NOT_CANCEL_GRAY_WITH_DIFF_DW": {alipayplus.ErrConflict, "the grayscale release differs from the online version in its downgrade setting and cannot be ended (the reading of DW is inferred); publish the version, or ask AlipayCN's support with the trace id"},

	// Publish.
	"CAN_NOT_ONLINE_WITHOUT_GRAY":            {alipayplus.ErrConflict, "this version must go through a grayscale release first; start one with p10, then publish"},
	"CAN_NOT_ONLINE_WITHOUT_AUDIT":           {alipayplus.ErrConflict, "the version has not passed its review; wait for the verdict; the status must be WAIT_RELEASE or GRAY"},
	"CAN_NOT_ONLINE_NOT_GRAY_OR_WAITRELEASE": {alipayplus.ErrConflict, "only a version in WAIT_RELEASE or GRAY can be published; read its status; it may be online already"},
	"CAN_NOT_ONLINE_NO_PROMOTE":              {alipayplus.ErrConflict, "the version passed admission but not promotion and must not go online so; read promote_audit_record of versions.get; correct what it names in a new version"},
	"CAN_NOT_ONLINE_WITHOUT_REGISTRATION":    {alipayplus.ErrConflict, "the ICP filing of the mini program is not finished; finish the filing; a first release may go up restricted before, with permit_registration_limit_release"},

	// Offline, rollback, delete.
	"CAN_NOT_OFFLINE_WITHOUT_ONLINE":   {alipayplus.ErrConflict, "the version is not online, so it cannot be taken offline; read its status; it may be offline already"},
	"CAN_NOT_OFFLINE_WITH_GRAY":        {alipayplus.ErrConflict, "a version is in grayscale, and nothing can be taken offline meanwhile; end the grayscale release (versions.cancelGray) or publish that version first"},
	"TEMPLATE_NOT_ALLOWED_OFFLINE":     {alipayplus.ErrPermission, "a template cannot be taken offline by this call; use the app_auth_token of the merchant's mini program"},
	"CAN_NOT_ROLLBACK_WITHOUT_ONLINE":  {alipayplus.ErrConflict, "the version is not online, so there is nothing to roll back; name the version that is online now; versions.list with RELEASE shows it"},
	"CAN_NOT_CONTINUOUS_ROLLBACK":      {alipayplus.ErrConflict, "the version came back by a rollback, and a second in a row is not allowed; publish a new version instead"},
	"CAN_NOT_ROLLBACK_WITH_GRAY":       {alipayplus.ErrConflict, "a version is in grayscale, and nothing can be rolled back meanwhile; end the grayscale release first (versions.cancelGray)"},
	"CAN_NOT_ROLLBACK_WITHOUT_OFFLINE": {alipayplus.ErrConflict, "there is no earlier version in OFFLINE to go back to; take the version offline instead, or publish a new one"},
	"CAN_NOT_ROLLBACK_PUNISH":          {alipayplus.ErrPermission, "the earlier version is under a penalty and must not come back; publish a new version instead"},
	"CAN_NOT_DELETE_WITHOUT_DEV":       {alipayplus.ErrConflict, "only a version in INIT can be deleted; read its status; return a passed or rejected version to development first"},
	"CAN_NOT_DELETE_WITH_SCANNING":     {ErrNotReady, "the security scan of the version is running; wait until scan_result is no longer NAN, then delete"},
	"CAN_NOT_DELETE_WITH_EXPERIENCE":   {alipayplus.ErrConflict, "the version is the trial version; end the trial first (experience.cancel), then delete"},
	"CAN_NOT_DELETE_WITH_INSTANTIATE":  {ErrNotReady, "the version is still being built from its template; wait until versions.build says that it is done, then delete"},

	// Base information.
	"CAN_NOT_MODIFY_BASE_INFO":                     {alipayplus.ErrConflict, "base information can be changed by this call only before the first release; send the changes with the next application for review"},
	"MODIFY_PARAMS_ARE_BLANK":                      {alipayplus.ErrInvalid, "nothing to change was sent; set at least one field"},
	"CATEGOTY_NUM_IS_INVALID":                      {alipayplus.ErrInvalid, "there must be 1 to 4 categories (the code is misspelt on the wire); send 1 to 4 of them in mini_category_ids, joined by ;"},
	"INVALID_CATEGOTY":                             {alipayplus.ErrInvalid, "a category does not exist or is in the wrong field (the code is misspelt on the wire); new categories (XS…) go into mini_category_ids, all levels joined by _, as categories.list gives them"},
	"NOT_ALLOW_BETA_CATEGORY":                      {alipayplus.ErrPermission, "the category is in a trial phase that this mini program is not part of; choose another category"},
	"CANNOT_MODIFY_CATEGORY_WITH_RELATION_VERSION": {alipayplus.ErrConflict, "a version under way depends on the categories; finish that version, or return it to development, first"},
	"INVALID_MINI_APP_SERVICE_EMAIL":               {alipayplus.ErrInvalid, "service_email is not an e-mail address; correct it, for example help@example.com"},
	"INVALID_MINI_APP_SERVICE_PHONE":               {alipayplus.ErrInvalid, "service_phone is not valid; use 5 to 30 digits and hyphens"},
	"MINI_APP_SERVICE_EMAIL_SENSITIVE":             {alipayplus.ErrInvalid, "service_email has words that AlipayCN does not allow; use another address"},

	// Categories.
	"CATEGORY_ERROR": {alipayplus.ErrInvalid, "a category code does not exist; use codes as categories.list gives them, all levels joined by _"},

	// Trial version.
	"CAN_NOT_SET_EXP_REPEAT":                 {ErrAlreadyDone, "the version is the trial version already; ask experience.get for its QR code"},
	"CAN_NOT_SET_EXP_INVALID_STATUS":         {alipayplus.ErrConflict, "the version is in a status in which it cannot become the trial version; read its status"},
	"CAN_NOT_SET_EXP_WITH_ONLINED_STATUS":    {alipayplus.ErrConflict, "the version is or was online and cannot become the trial version; use a version in development"},
	"CAN_NOT_SET_WITHOUT_SCAN_PASS":          {ErrNotReady, "the security scan of the version is not passed; wait while scan_result of versions.get is NAN; when it is False, correct the code and upload a new version"},
	"CLIENT_TYPE_REQUIRED":                   {alipayplus.ErrInvalid, "the client is not named; set bundle_id"},
	"CAN_NOT_CANCEL_EXP_WITH_INVALID_STATUS": {alipayplus.ErrConflict, "the version is not in a status in which its trial could be ended; ask experience.get; it may not be the trial version"},
	"CAN_NOT_CANCEL_WITHOUT_PACKAGED":        {ErrNotReady, "the trial version is not packaged yet; wait until experience.get gives its QR code, then cancel"},

	// Server domains.
	"SAFE_DOMAIN_IS_BLANK":     {alipayplus.ErrInvalid, "safe_domain is missing; set it, for example api.example.com"},
	"INVALID_SAFE_DOMAIN":      {alipayplus.ErrInvalid, "safe_domain is not a domain; give a host name such as api.example.com"},
	"SAFEDOMAIN_FORBID":        {alipayplus.ErrPermission, "this domain must not be used; use a domain of your own"},
	"SAFEDOMAIN_EXCEED_LENGTH": {alipayplus.ErrInvalid, "safe_domain is too long; use a shorter one; the limit is not documented"},
	"SAFEDOMAIN_VOER_LIMIT":    {alipayplus.ErrLimit, "the mini program has the most server domains that are allowed, 30 (the code is misspelt on the wire); remove one that is not needed (safeDomains.remove)"},
	"SAFEDOMAIN_EXSIT":         {ErrAlreadyDone, "the domain is on the list already (the code is misspelt on the wire); nothing to do"},
	"ANTI_PHISHING_EXIST":      {alipayplus.ErrPermission, "the domain is known for phishing; use another domain"},

	// Members.
	"INVALID_LOGON_ID":            {alipayplus.ErrInvalid, "logon_id is not an Alipay account; give the e-mail address or phone number with which the person signs in to Alipay"},
	"INVALID_ROLE":                {alipayplus.ErrInvalid, "role is none of the allowed ones; use DEVELOPER or EXPERIENCER"},
	"AE0311010110301":             {alipayplus.ErrNotFound, "AlipayCN finds no account with this logon_id; ask the person for the account shown in the Alipay app: it may be another phone number or e-mail address than the bound one"},
	"USER_INFO_NOT_EXIST":         {alipayplus.ErrNotFound, "there is no Alipay account with this logon_id; ask the person for the account shown in the Alipay app"},
	"USER_ID_IS_BLANK":            {alipayplus.ErrInvalid, "the member is not named; set user_id or open_id"},
	"CANNOT_INVITE_MANAGER":       {alipayplus.ErrConflict, "the person manages the mini program and needs no other role; nothing to do"},
	"DEV_MANAGER_ALREADY_EXIST":   {alipayplus.ErrConflict, "the person is a development manager and needs no other role; nothing to do"},
	"DEVELOPER_ALREADY_EXSIT":     {ErrAlreadyDone, "the person is a developer or invited already (the code is misspelt on the wire); an invitation must still be accepted in the Alipay app"},
	"DEVELOPER_ALREADY_REFUSED":   {alipayplus.ErrConflict, "the person declined an earlier invitation as a developer; remove the member (members.remove), then invite again"},
	"EXPERIENCER_ALREADY_EXIST":   {ErrAlreadyDone, "the person is an experience member or invited already; an invitation must still be accepted in the Alipay app"},
	"EXPERIENCER_ALREADY_REFUSED": {alipayplus.ErrConflict, "the person declined an earlier invitation as an experience member; remove the member (members.remove), then invite again"},
	"ROLE_OVER_LIMIT":             {alipayplus.ErrLimit, "there are as many members with this role as are allowed: 30 developers, 50 experience members; remove one that is not needed (members.remove)"},
	"ROLE_NOT_EXSIT":              {alipayplus.ErrNotFound, "the person does not have this role (the code is misspelt on the wire); members.list shows who has which"},

	// QR codes.
	"QRCODE_DESC_CHECK_INVALID":               {alipayplus.ErrInvalid, "describe has words that AlipayCN does not allow; reword it"},
	"HM_BG_COLOR_INVALID":                     {alipayplus.ErrInvalid, "color is not a colour; send hexadecimal digits, for example 0x00BFFF"},
	"APPQRCODE_NOT_TINYAPP":                   {alipayplus.ErrInvalid, "the app is not a mini program; use the app_auth_token of the mini program"},
	"APP_IS_NOT_EXIST":                        {alipayplus.ErrNotFound, "AlipayCN does not know the app; check the app_auth_token"},
	"APP_IS_NOT_ONLINE":                       {alipayplus.ErrConflict, "the mini program is not online; publish a version first"},
	"TINY_APP_NOT_EXIST":                      {alipayplus.ErrNotFound, "AlipayCN does not know the mini program; check the app_auth_token"},
	"ONLINE_VERSION_NOT_EXIST":                {alipayplus.ErrConflict, "the mini program has no version online; publish a version first"},
	"ROUTE_CREATE_NEED_VERSION":               {alipayplus.ErrConflict, "the mini program needs a version before a QR code can be bound; upload or publish a version first"},
	"BUILDED_NOT_BY_TEMPLATE":                 {alipayplus.ErrInvalid, "the mini program was not built from a template; bind the QR code in AlipayCN's console"},
	"TEMPLATE_MISMATCH_ISVAPPID":              {alipayplus.ErrPermission, "the template does not belong to the calling third-party app; call with the app that owns the template"},
	"TEMPLATE_NOT_HAVE_HOST":                  {alipayplus.ErrConflict, "the template has no host for QR codes; add the host to the template in AlipayCN's console"},
	"HOST_VERIFY_FAILD":                       {alipayplus.ErrPermission, "the ownership of the host is not proven (the code is misspelt on the wire); put AlipayCN's verification file on the host"},
	"SECUTIY_SSRF_URL_FAILD":                  {alipayplus.ErrInvalid, "AlipayCN could not check the address of the QR code (the code is misspelt on the wire); check that route_url can be reached from the internet"},
	"SECUTIY_SSRF_URL_ILLEGAL":                {alipayplus.ErrInvalid, "the address of the QR code is not allowed (the code is misspelt on the wire); use a public address"},
	"QRCODE_ROUTE_URL_INVALID":                {alipayplus.ErrInvalid, "route_url is not valid; begin it with http, https or ftp and use a domain with ICP filing"},
	"QRCODE_HOST_ROUTE_NUM_LIMIT":             {alipayplus.ErrLimit, "the host has as many rules as are allowed; unbind one that is not needed (qrcodes.unbind)"},
	"QRCODE_ROUTE_PATTERN_NOT_EXIST":          {alipayplus.ErrNotFound, "there is no such route_pattern; check route_pattern"},
	"QRCODE_ROUTE_PATTERN_NOT_MATCH":          {alipayplus.ErrInvalid, "route_url does not fit route_pattern; make them fit"},
	"QRCODE_ROUTE_PATTERN_NOT_PERMISSION":     {alipayplus.ErrPermission, "the app may not use route patterns; use EXACT or FUZZY without route_pattern"},
	"QRCODE_ROUTE_PATTERN_DELETE_NOT_SUPPORT": {alipayplus.ErrPermission, "a rule with a pattern cannot be unbound by this call; unbind it in AlipayCN's console"},
	"ROUTE_OVER_LIMIT":                        {alipayplus.ErrLimit, "the mini program has the most rules that are allowed, 20; unbind one that is not needed (qrcodes.unbind)"},
	"ROUTE_RULE_CONFLICT":                     {alipayplus.ErrConflict, "another rule of the mini program covers the same addresses; unbind that rule first, or use another route_url"},
	"ROUTE_RULE_CONFLICT_OTHER":               {alipayplus.ErrConflict, "a rule of another mini program covers the same addresses; use another route_url, or unbind it there"},
	"ROUTE_GROUP_NOT_EXIST":                   {alipayplus.ErrNotFound, "there is no rule with this route_group; qrcodes.list shows the rules that exist"},
	"NOT_CURRENTLY_AVALIALBE":                 {ErrRetryLater, "the service cannot be used at the moment and did not accept the call (the code is misspelt on the wire); repeat it later"},
	"PAGE_PARAM_MIN_LIMIT_FAIL":               {alipayplus.ErrInvalid, "page_no or page_size is below 1; count pages from 1"},
	"PAGE_PARAM_NULL_FAIL":                    {alipayplus.ErrInvalid, "page_no or page_size is missing; set both"},
	"PAGE_SIZE_OUT_LIMIT_FAIL":                {alipayplus.ErrInvalid, "page_size is above 10; use at most 10"},

	// Templates.
	"INVALID_PAGE_NUM":                {alipayplus.ErrInvalid, "page_num is not valid; count pages from 1"},
	"INVALID_PAGE_SIZE":               {alipayplus.ErrInvalid, "page_size is not valid; use 1 to 50"},
	"PAGE_SIZE_EXCEED_MAX_QUERY_SIZE": {alipayplus.ErrInvalid, "page_size is above 50; use at most 50"},
	"TEMPLATE_NO_RELATION_ERROR":      {alipayplus.ErrNotFound, "no mini program was built from this template; check template_id and template_version"},

	// Orders of the service market. What these codes mean is inferred from their names.
	"ORDER_NOT_EXIST":                  {alipayplus.ErrNotFound, "there is no such order; check commodity_order_id, which the order's message carries"},
	"COMMODITY_ORDER_STATUS_INVALID":   {alipayplus.ErrConflict, "the order is in a status in which it can be neither accepted nor rejected; read it with orders.get: only one in MERCHANT_ORDED can"},
	"COMMODITY_ORDER_ITEM_NOT_EXIST":   {alipayplus.ErrNotFound, "the order has no such item; check commodity_order_id, mini_app_id and shop_id with orders.get"},
	"ITEM_STATUS_NOT_ALLOW":            {alipayplus.ErrConflict, "the item is in a status in which this is not possible; read its order_status with orders.get"},
	"CONFIRM_CHARGE_ITEM_NOT_ALLOW":    {alipayplus.ErrPermission, "an item that is paid for cannot be confirmed for the merchant; let the merchant confirm it"},
	"NO_PERMISSION_ACCETP_ORDER":       {alipayplus.ErrPermission, "the app may not accept this order (the code is misspelt on the wire); call with the third-party app whose service was ordered"},
	"NO_PERMISSION_REJECT_ORDER":       {alipayplus.ErrPermission, "the app may not reject this order; call with the third-party app whose service was ordered"},
	"NO_PERMISSION_OPERATION":          {alipayplus.ErrPermission, "the app may not work on this item; call with the third-party app whose service was ordered"},
	"NO_PERMISSION_COMFIRM_ORDERITEM":  {alipayplus.ErrPermission, "the app may not confirm this item for the merchant (the code is misspelt on the wire); call with the app_auth_token of the merchant who ordered"},
	"NO_PERMISSION_CANCEL_ORDER_ITEM":  {alipayplus.ErrPermission, "the app may not cancel this item; call with the third-party app whose service was ordered"},
	"NOPERMISSION_QUERY":               {alipayplus.ErrPermission, "the app may not read this order; call with the third-party app whose service was ordered"},
	"QUERY_FAILD":                      {alipayplus.ErrInvalid, "the order could not be read (the code is misspelt on the wire); check commodity_order_id and start_page; with the right ones, try again later"},
	"PARAMS_ERROR":                     {alipayplus.ErrInvalid, "a parameter is missing or wrong; check commodity_order_id and, where a mini program was ordered, mini_app_id"},
	"NOT_SUPPORT_ORDER_BY_OPENAPI":     {alipayplus.ErrPermission, "this service cannot be ordered by a call; let the merchant order it in AlipayCN's service market"},
	"SIGN_AGREEMENT_FAILED":            {alipayplus.ErrConflict, "the agreement about the order could not be signed for the merchant; look at the merchant's account in AlipayCN's console, or let the merchant order the service in the market"},
	"AGENT_AUTH_FAIL":                  {alipayplus.ErrAuthorizationRequired, "AlipayCN could not put the mini program under the third-party app's care; let the merchant authorize the third-party app, and look whether the order's message came before you call again"},
	"APP_ID_ILLEGAL":                   {alipayplus.ErrInvalid, "mini_app_id is not a mini program that may be ordered for; leave it out: it is for callers of AlipayCN's own"},
	"APP_ID_EXIST":                     {alipayplus.ErrConflict, "the mini program is in an order already; look for its order, or leave mini_app_id out"},
	"CREATE_MINI_APP_EXCEED_MAX_COUNT": {alipayplus.ErrLimit, "the merchant has as many mini programs as are allowed; let the merchant delete one that is not needed"},
	"CREATE_MINI_APP_PID_PUNISH":       {alipayplus.ErrPermission, "the merchant is under a penalty and must not have new mini programs; let the merchant settle it in AlipayCN's console"},
	"BLACK_LIST_CHECK_FAIL":            {alipayplus.ErrPermission, "AlipayCN does not allow the merchant new mini programs; let the merchant ask AlipayCN's support"},
	"USER_INVALID_STATUS":              {alipayplus.ErrPermission, "the merchant's account is in a status in which nothing can be ordered, for example frozen or not verified; let the merchant look at the account in Alipay"},
	"BIZ_ERROR":                        {alipayplus.ErrConflict, "AlipayCN refused the order for a reason that the code does not say; the message may name it"},

	// Authorization.
	"APP_NOT_ISV":               {alipayplus.ErrInvalid, "the calling app is not a third-party app; call with the app id of the third-party app"},
	"APP_ID_NOT_CONSISTENT":     {alipayplus.ErrInvalid, "the code or token was given to another app; call with the app that the merchant authorized"},
	"GRANT_TYPE_INVALID":        {alipayplus.ErrInvalid, "grant_type is none of the allowed ones; use authorization_code or refresh_token"},
	"AUTH_CODE_NOT_EXIST":       {alipayplus.ErrAuthorizationRequired, "there is no such authorization code; let the merchant authorize again; a code works once and for 24 hours"},
	"AUTH_CODE_NOT_VALID":       {alipayplus.ErrAuthorizationRequired, "the authorization code was used already or is older than 24 hours; let the merchant authorize again"},
	"AUTH_TOKEN_NOT_FOUND":      {alipayplus.ErrAuthorizationRequired, "there is no such token; let the merchant authorize again"},
	"AUTH_TOKEN_NOT_EXISTED":    {alipayplus.ErrAuthorizationRequired, "there is no such app_auth_token; let the merchant authorize again"},
	"AUTH_TOKEN_NOT_CONSISTENT": {alipayplus.ErrInvalid, "the app_auth_token was given to another third-party app; call with the app that the merchant authorized"},
	"REFRESH_TOKEN_NOT_EXIST":   {alipayplus.ErrAuthorizationRequired, "there is no such refresh token; let the merchant authorize again"},
	"REFRESH_TOKEN_NOT_VALID":   {alipayplus.ErrAuthorizationRequired, "the refresh token is no longer valid; use the newest refresh token, or let the merchant authorize again"},
	"REFRESH_TOKEN_TIME_OUT":    {alipayplus.ErrAuthorizationRequired, "the refresh token has expired; let the merchant authorize again"},

	// Gateway: signature, key, certificate.
	"missing-signature":                     {alipayplus.ErrUnauthenticated, "the request has no signature; check that nothing between here and AlipayCN drops the authorization header"},
	"missing-signature-type":                {alipayplus.ErrUnauthenticated, "the signature type is missing; check that nothing between here and AlipayCN changes the authorization header"},
	"missing-default-signature-type":        {alipayplus.ErrUnauthenticated, "the app has no default signature type; configure the app's key (RSA2) in AlipayCN's console"},
	"missing-signature-key":                 {alipayplus.ErrUnauthenticated, "the app has no public key at AlipayCN; upload the app's public key in AlipayCN's console"},
	"missing-signature-config":              {alipayplus.ErrUnauthenticated, "the app's signature is not configured; configure the app's key (RSA2) in AlipayCN's console"},
	"invalid-signature-type":                {alipayplus.ErrUnauthenticated, "the signature type is not allowed; configure the app's key as RSA2 in AlipayCN's console"},
	"invalid-signature-type-said-interface": {alipayplus.ErrUnauthenticated, "this operation does not allow the signature type; configure the app's key as RSA2, or use certificate mode where the operation asks for it"},
	"invalid-signature":                     {alipayplus.ErrUnauthenticated, "the signature does not fit; check that the private key belongs to the app's public key in AlipayCN's console, and that the endpoint (sandbox or production) is the app's"},
	"unsupported-expired-app-key-sign":      {alipayplus.ErrUnauthenticated, "the request is signed with a key that was replaced; sign with the app's present key"},
	"app-key-security-risk":                 {alipayplus.ErrUnauthenticated, "AlipayCN considers the app's key unsafe; make a new key of at least 2048 bits and upload its public half"},
	"app-cert-expired":                      {alipayplus.ErrUnauthenticated, "the app's certificate has expired; renew it in AlipayCN's console and load the new one"},
	"app-cert-not-exist":                    {alipayplus.ErrUnauthenticated, "AlipayCN does not know the app's certificate; load the certificate that AlipayCN's console shows for this app"},
	"alipay-cert-not-exist":                 {alipayplus.ErrUnauthenticated, "the Alipay certificate named by the request does not exist; download the present one from AlipayCN's console"},
	"missing-app-cert-sn":                   {alipayplus.ErrUnauthenticated, "the app is in certificate mode and the request has no app_cert_sn; use certificate mode"},
	"missing-alipay-cert-sn":                {alipayplus.ErrUnauthenticated, "the request has no serial of the Alipay certificate; use certificate mode with the Alipay certificate"},
	"missing-alipay-root-cert-sn":           {alipayplus.ErrUnauthenticated, "the request has no serial of the Alipay root certificate; use certificate mode with the root file"},
	"invalid-alipay-root-cert-sn":           {alipayplus.ErrUnauthenticated, "the serial of the Alipay root certificate does not fit; load the present root file from AlipayCN's console"},
	"invalid-digest-type":                   {alipayplus.ErrUnauthenticated, "the digest type is not allowed; sign with SHA-256"},
	"invalid-digest":                        {alipayplus.ErrUnauthenticated, "the digest of the content does not fit; check that nothing between here and AlipayCN changes the request"},

	// Gateway: app, identity, time.
	"missing-app-id":           {alipayplus.ErrUnauthenticated, "the request has no app id; set the app id"},
	"invalid-app-id":           {alipayplus.ErrUnauthenticated, "AlipayCN does not know the app id; check the app id and that the endpoint (sandbox or production) is the app's"},
	"invalid-app-state":        {alipayplus.ErrPermission, "the app is not online or is frozen; put the third-party app online in AlipayCN's console"},
	"missing-timestamp":        {alipayplus.ErrUnauthenticated, "the request has no timestamp; check that nothing between here and AlipayCN changes the authorization header"},
	"invalid-timestamp":        {alipayplus.ErrUnauthenticated, "the timestamp is not valid; set this machine's clock"},
	"illegal-timestamp":        {alipayplus.ErrUnauthenticated, "the timestamp is too far from AlipayCN's clock; set this machine's clock"},
	"missing-session":          {alipayplus.ErrUnauthenticated, "the request has no session; this operation needs a user's session"},
	"missing-app-access-token": {alipayplus.ErrUnauthenticated, "the request has no access token of the app; this operation needs one"},
	"missing-app-uid":          {alipayplus.ErrUnauthenticated, "the app has no owner at AlipayCN; check the app in AlipayCN's console"},
	"invalid-auth-token":       {alipayplus.ErrUnauthenticated, "the user's access token is not valid; ask the user to sign in again"},
	"auth-token-time-out":      {alipayplus.ErrUnauthenticated, "the user's access token has expired; ask the user to sign in again"},
	"openid-error":             {alipayplus.ErrInvalid, "the open_id does not belong to this app; use the open_id that AlipayCN gave to this app"},
	"app-invalid-oid":          {alipayplus.ErrInvalid, "an object id does not belong to this app; use an id that AlipayCN gave to this app"},
	"illegal-client-ip":        {alipayplus.ErrPermission, "this machine's address is not on the app's list of addresses; add it in AlipayCN's console"},
	"invalid-partnerid":        {alipayplus.ErrInvalid, "the partner id is not valid; check the account that owns the app"},

	// Gateway: authorization of the merchant.
	"invalid-app-auth-token":        {alipayplus.ErrAuthorizationRequired, "the app_auth_token is not valid: wrong, replaced by a newer authorization, or withdrawn; use the newest app_auth_token of this mini program, or let the merchant authorize again"},
	"app-auth-token-time-out":       {alipayplus.ErrAuthorizationRequired, "the app_auth_token has expired; refresh it, or let the merchant authorize again"},
	"invalid-app-auth-token-no-api": {alipayplus.ErrAuthorizationRequired, "the merchant's authorization does not cover this operation; bind the product with this operation to the third-party app, then let the merchant authorize again"},
	"invalid-auth-relations":        {alipayplus.ErrAuthorizationRequired, "there is no authorization between the merchant and the app; let the merchant authorize the app"},
	"invalid-app-auth-relations":    {alipayplus.ErrAuthorizationRequired, "there is no authorization between the mini program and the app; let the merchant authorize the app for this mini program"},
	"app-unbind-partner":            {alipayplus.ErrAuthorizationRequired, "the merchant is not bound to the app; let the merchant authorize the app"},
	"not-support-app-auth":          {alipayplus.ErrPermission, "this operation cannot be called for a merchant; call it without app_auth_token"},
	"self-invoke-forbidden":         {alipayplus.ErrPermission, "a third-party app may not call this operation for itself; call it with the app_auth_token of the merchant's mini program"},

	// Gateway: permission, product, limits.
	"app-call-limited":              {alipayplus.ErrRateLimited, "the app makes too many calls; this one was not accepted; wait and repeat it, less often"},
	"method-call-limited":           {alipayplus.ErrRateLimited, "the operation gets too many calls; this one was not accepted; wait and repeat it, less often"},
	"app-auth-invoke-limit":         {alipayplus.ErrRateLimited, "too many calls are made with this authorization; this one was not accepted; wait and repeat it, less often"},
	"exceed-api-balance":            {alipayplus.ErrLimit, "the calls that were bought for this operation are used up; buy more in AlipayCN's console"},
	"insufficient-isv-permissions":  {alipayplus.ErrPermission, "the third-party app lacks the product with this operation; bind the product in AlipayCN's console, then let the merchant authorize again"},
	"insufficient-user-permissions": {alipayplus.ErrPermission, "the merchant lacks the permission for this operation; let the merchant sign the product in AlipayCN's console"},
	"app-api-punished":              {alipayplus.ErrPermission, "the app is barred from this operation by a penalty; settle it in AlipayCN's console"},
	"forbidden-api":                 {alipayplus.ErrPermission, "the app may not call this operation; add the product with this operation in AlipayCN's console"},
	"invalid-subscribe-relations":   {alipayplus.ErrPermission, "the product with this operation is not subscribed; subscribe it in AlipayCN's console"},
	"sevice-not-been-subscribed-to": {alipayplus.ErrPermission, "the product with this operation is not subscribed (the code is misspelt on the wire); subscribe it in AlipayCN's console"}, //nolint:misspell // AlipayCN's spelling
	"no-product-reg-by-partner":     {alipayplus.ErrPermission, "the merchant has not signed the product, or it was taken away as a penalty; let the merchant sign it in AlipayCN's console"},
	"invalid-product":               {alipayplus.ErrPermission, "the product with this operation is not in force; look at the product in AlipayCN's console"},
	"inner-app-no-access":           {alipayplus.ErrPermission, "the app may not call internal operations; use the public operation"},
	"invalid-inner-invoke-scene":    {alipayplus.ErrPermission, "the operation may not be called in this way; use the public operation"},
	"invalid-app-api-field-config":  {alipayplus.ErrPermission, "the app may not read some of the fields; apply for the fields in AlipayCN's console"},
	"access-data-time-out":          {alipayplus.ErrPermission, "the time for which the data may be read has passed; let the owner allow it again"},
	"suspected-attack":              {alipayplus.ErrPermission, "AlipayCN took the request for an attack; remove what looks like code from the texts; otherwise ask AlipayCN's support with the trace id"},

	// Gateway: form of the request.
	"invalid-parameter":             {alipayplus.ErrInvalid, "a parameter is missing or not valid; the message or the details name it; correct it and call again"},
	"invalid-request-data":          {alipayplus.ErrInvalid, "the request's content is not valid; the message names what is wrong"},
	"illegal-json":                  {alipayplus.ErrInvalid, "the request's content is not JSON; check that nothing between here and AlipayCN changes the request"},
	"illegal-card-no":               {alipayplus.ErrInvalid, "a card number is not valid; correct it"},
	"missing-method":                {alipayplus.ErrInvalid, "the request names no operation; check the endpoint"},
	"invalid-method":                {alipayplus.ErrInvalid, "AlipayCN does not know the operation, or not with this HTTP method; check the endpoint and the version of this library"},
	"invalid-app-method":            {alipayplus.ErrInvalid, "the operation is not one for this kind of app; check the app's kind in AlipayCN's console"},
	"missing-platform":              {alipayplus.ErrInvalid, "the request names no platform; check the endpoint"},
	"invalid-platform":              {alipayplus.ErrInvalid, "the platform is not valid; check the endpoint"},
	"missing-version":               {alipayplus.ErrInvalid, "the request names no version of the interface; check the endpoint"},
	"invalid-version":               {alipayplus.ErrInvalid, "the version of the interface is not valid; check the endpoint"},
	"unsupported-version":           {alipayplus.ErrInvalid, "the version of the interface is not supported; check the version of this library"},
	"invalid-format":                {alipayplus.ErrInvalid, "the format is not valid; check that nothing between here and AlipayCN changes the request"},
	"invalid-encoding":              {alipayplus.ErrInvalid, "the encoding is not valid; check that nothing between here and AlipayCN changes the request"},
	"invalid-charset":               {alipayplus.ErrInvalid, "the character set is not valid; check that nothing between here and AlipayCN changes the request"},
	"upload-fail":                   {ErrRetryLater, "the file did not arrive, and the call was not carried out; repeat it"},
	"invalid-file-extension":        {alipayplus.ErrInvalid, "a file's ending is not allowed; check the file's type and name"},
	"invalid-file-size":             {alipayplus.ErrInvalid, "a file is too large or empty; check the file's size"},
	"file-check-fail":               {alipayplus.ErrInvalid, "a file did not pass the check of its content; check that the file is what its ending says"},
	"unsupport-operation":           {alipayplus.ErrInvalid, "the operation is not supported (the code is misspelt on the wire); check the version of this library"},
	"method-forbidden-batch-invoke": {alipayplus.ErrInvalid, "the operation cannot be called in a batch; call it by itself"},
	"exist-blank-sub-request-id":    {alipayplus.ErrInvalid, "a call of the batch has no id; give each an id"},
	"exist-repeated-sub-request-id": {alipayplus.ErrInvalid, "two calls of the batch have the same id; give each an id of its own"},

	// Gateway: encryption.
	"missing-encrypt-type":                    {alipayplus.ErrInvalid, "the content is encrypted and the type of encryption is missing; check that nothing between here and AlipayCN drops headers"},
	"missing-encrypt-key":                     {alipayplus.ErrInvalid, "the app has no AES key at AlipayCN; set one in AlipayCN's console, or send without encryption"},
	"invalid-encrypt-type":                    {alipayplus.ErrInvalid, "the type of encryption is not allowed; use AES"},
	"invalid-encrypt":                         {alipayplus.ErrInvalid, "the content cannot be decrypted; check the app's AES key"},
	"decryption-error":                        {alipayplus.ErrInvalid, "the content cannot be decrypted; check the app's AES key"},
	"decryption-error-missing-encrypt-type":   {alipayplus.ErrInvalid, "the content cannot be decrypted: the type of encryption is missing; check that nothing between here and AlipayCN drops headers"},
	"decryption-error-not-valid-encrypt-type": {alipayplus.ErrInvalid, "the content cannot be decrypted: the type of encryption is not allowed; use AES"},
	"decryption-error-not-valid-encrypt-key":  {alipayplus.ErrInvalid, "the content cannot be decrypted: the key is not valid; check the app's AES key"},
	"decryption-error-unknown":                {alipayplus.ErrInvalid, "the content cannot be decrypted, for a reason that is not said; check the app's AES key"},

	// Gateway: failures of its own.
	"unknow-error":          {alipayplus.ErrOutcomeUnknown, "AlipayCN failed and does not say whether the call took effect (the code is misspelt on the wire); read the state first; repeat a write only when the state shows that it did not happen"},
	"invalid-response-data": {alipayplus.ErrOutcomeUnknown, "the operation answered with something that the gateway could not read, so the outcome is not known; read the state first; repeat a write only when the state shows that it did not happen"},
	"unknown-sub-code":      {nil, "the operation refused with a code that the gateway does not know; the message names it; look for the code in the message"},
}
