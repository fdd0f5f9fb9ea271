package alipaycn

import "github.com/alipayplus-go/alipayplus"

func generalFacts() []codeFact {
	return []codeFact{
		{CodeSystemError, alipayplus.ErrOutcomeUnknown, "AlipayCN failed inside and does not say whether the call took effect; read the state first; repeat a write only when the state shows that it did not happen"},
		{CodeSystemException, alipayplus.ErrOutcomeUnknown, "AlipayCN failed inside and does not say whether the call took effect; read the state first; repeat a write only when the state shows that it did not happen"},
		{CodeSystemLimit, alipayplus.ErrRateLimited, "AlipayCN is limiting the load and did not accept the call; wait and repeat it, less often"},
		{CodeOpFrequencyLimit, alipayplus.ErrRateLimited, "the operation was called too often and was not accepted; wait and repeat it, less often"},
		{CodeAppStoreRPCInvokeError, alipayplus.ErrOutcomeUnknown, "a system behind AlipayCN's gateway did not answer, so the outcome is not known; read the version's status first; repeat the call only when the status has not changed"},
		{CodeInvalidParameter, alipayplus.ErrInvalid, "a parameter is not valid; the message or the details name it; correct it and call again"},
		{CodeInvalidParams, alipayplus.ErrInvalid, "the parameters are not valid together or one is malformed; the message or the details name it; correct it and call again"},
		{CodeInvalidParam, alipayplus.ErrInvalid, "a parameter is not valid; the message or the details name it; correct it and call again"},
		{CodeIllegalParam, alipayplus.ErrInvalid, "a parameter is not allowed; check the token and the field that the message names"},
		{CodeIllegalParams, alipayplus.ErrInvalid, "a parameter is not allowed; check the field that the message names"},
		{CodeParameterError, alipayplus.ErrInvalid, "a parameter is wrong; check the field that the message names"},
		{CodeAppIDIsBlank, alipayplus.ErrInvalid, "no mini program was named by the call; call with the app_auth_token of the merchant's mini program"},
		{CodeAppInfoNotExist, alipayplus.ErrNotFound, "AlipayCN does not know the app; check that the app_auth_token is that of the merchant's mini program and still valid, and in an upload that template_id is the app id of the template"},
		{CodeApplicationTypeNotMiniApp, alipayplus.ErrInvalid, "the app that the call is for is not a mini program; use the app_auth_token of the mini program, not that of another kind of app"},
		{CodeApplicationTypeIllegal, alipayplus.ErrInvalid, "the app is of a kind that this call does not serve; use the app_auth_token of a mini program that is built from a template"},
		{CodeApplicationTypeNotISVApp, alipayplus.ErrInvalid, "the calling app is not a third-party app; call with the app id of the third-party app that owns the template"},
		{CodeSubApplicationTypeError, alipayplus.ErrInvalid, "the mini program is of a kind that cannot be submitted by this call; submit it in AlipayCN's console, or check that the app_auth_token is that of an ordinary mini program"},
		{CodeAppTypeError, alipayplus.ErrInvalid, "only ordinary and store mini programs can be built from a template, and this app is neither; call with the third-party app's id and the app_auth_token of the merchant's mini program, not with the token of the template"},
		{CodeUserNotExist, alipayplus.ErrNotFound, "the account behind the call does not exist at AlipayCN; check the app_auth_token and that the merchant's account is still open"},
		{CodeDeveloperInfoNotExist, alipayplus.ErrNotFound, "AlipayCN has no developer information about the owner of the mini program; let the owner complete the developer registration on the open platform, then repeat the call"},
		{CodeMerchantNotExist, alipayplus.ErrNotFound, "AlipayCN does not know the merchant that owns the mini program; check the app_auth_token, and let the merchant complete the registration on the open platform"},
		{CodeISVAppIDIsBlank, alipayplus.ErrInvalid, "no third-party app was named by the call; call with the app id of the third-party app and the merchant's app_auth_token"},
		{CodeBundleIDNotExist, alipayplus.ErrInvalid, "AlipayCN does not know the bundle_id; leave bundle_id out for the Alipay wallet, or use one of the documented ones"},
		{CodeNoPermission, alipayplus.ErrPermission, "the app may not do this to that object; use the app_auth_token of the mini program that owns it"},
	}
}

func baseInfoFacts() []codeFact {
	return []codeFact{
		{CodeCanNotModifyBaseInfo, alipayplus.ErrConflict, "base information can be changed by this call only before the first release; send the changes with the next application for review"},
		{CodeModifyParamsAreBlank, alipayplus.ErrInvalid, "nothing to change was sent; set at least one field"},
		{CodeBaseInfoCategoryNumIsInvalid, alipayplus.ErrInvalid, "there must be 1 to 4 categories (the code is misspelt on the wire); send 1 to 4 of them in mini_category_ids, joined by ;"},
		{CodeBaseInfoInvalidCategory, alipayplus.ErrInvalid, "a category does not exist or is in the wrong field (the code is misspelt on the wire); new categories (XS…) go into mini_category_ids, all levels joined by _, as categories.list gives them"},
		{CodeNotAllowBetaCategory, alipayplus.ErrPermission, "the category is in a trial phase that this mini program is not part of; choose another category"},
		{CodeCannotModifyCategoryWithRelationVersion, alipayplus.ErrConflict, "a version under way depends on the categories; finish that version, or return it to development, first"},
		{CodeInvalidMiniAppServiceEmail, alipayplus.ErrInvalid, "service_email is not an e-mail address; correct it, for example help@example.com"},
		{CodeInvalidMiniAppServicePhone, alipayplus.ErrInvalid, "service_phone is not valid; use 5 to 30 digits and hyphens"},
		{CodeMiniAppServiceEmailSensitive, alipayplus.ErrInvalid, "service_email has words that AlipayCN does not allow; use another address"},
	}
}

func categoryFacts() []codeFact {
	return []codeFact{
		{CodeCategoryError, alipayplus.ErrInvalid, "a category code does not exist; use codes as categories.list gives them, all levels joined by _"},
	}
}

func experienceFacts() []codeFact {
	return []codeFact{
		{CodeCanNotSetExpRepeat, ErrAlreadyDone, "the version is the trial version already; ask experience.get for its QR code"},
		{CodeCanNotSetExpInvalidStatus, alipayplus.ErrConflict, "the version is in a status in which it cannot become the trial version; read its status"},
		{CodeCanNotSetExpWithOnlinedStatus, alipayplus.ErrConflict, "the version is or was online and cannot become the trial version; use a version in development"},
		{CodeCanNotSetWithoutScanPass, ErrNotReady, "the security scan of the version is not passed; wait while scan_result of versions.get is NAN; when it is False, correct the code and upload a new version"},
		{CodeClientTypeRequired, alipayplus.ErrInvalid, "the client is not named; set bundle_id"},
		{CodeCanNotCancelExpWithInvalidStatus, alipayplus.ErrConflict, "the version is not in a status in which its trial could be ended; ask experience.get; it may not be the trial version"},
		{CodeCanNotCancelWithoutPackaged, ErrNotReady, "the trial version is not packaged yet; wait until experience.get gives its QR code, then cancel"},
	}
}

func safeDomainFacts() []codeFact {
	return []codeFact{
		{CodeSafeDomainIsBlank, alipayplus.ErrInvalid, "safe_domain is missing; set it, for example api.example.com"},
		{CodeInvalidSafeDomain, alipayplus.ErrInvalid, "safe_domain is not a domain; give a host name such as api.example.com"},
		{CodeSafeDomainForbid, alipayplus.ErrPermission, "this domain must not be used; use a domain of your own"},
		{CodeSafeDomainExceedLength, alipayplus.ErrInvalid, "safe_domain is too long; use a shorter one; the limit is not documented"},
		{CodeSafeDomainOverLimit, alipayplus.ErrLimit, "the mini program has the most server domains that are allowed, 30 (the code is misspelt on the wire); remove one that is not needed (safeDomains.remove)"},
		{CodeSafeDomainExist, ErrAlreadyDone, "the domain is on the list already (the code is misspelt on the wire); nothing to do"},
		{CodeAntiPhishingExist, alipayplus.ErrPermission, "the domain is known for phishing; use another domain"},
	}
}

func memberFacts() []codeFact {
	return []codeFact{
		{CodeInvalidLogonID, alipayplus.ErrInvalid, "logon_id is not an Alipay account; give the e-mail address or phone number with which the person signs in to Alipay"},
		{CodeInvalidRole, alipayplus.ErrInvalid, "role is none of the allowed ones; use DEVELOPER or EXPERIENCER"},
		{CodeUserInfoNotExist, alipayplus.ErrNotFound, "there is no Alipay account with this logon_id; ask the person for the account shown in the Alipay app"},
		{CodeUserIDIsBlank, alipayplus.ErrInvalid, "the member is not named; set user_id or open_id"},
		{CodeCannotInviteManager, alipayplus.ErrConflict, "the person manages the mini program and needs no other role; nothing to do"},
		{CodeDevManagerAlreadyExist, alipayplus.ErrConflict, "the person is a development manager and needs no other role; nothing to do"},
		{CodeDeveloperAlreadyExist, ErrAlreadyDone, "the person is a developer or invited already (the code is misspelt on the wire); an invitation must still be accepted in the Alipay app"},
		{CodeDeveloperAlreadyRefused, alipayplus.ErrConflict, "the person declined an earlier invitation as a developer; remove the member (members.remove), then invite again"},
		{CodeExperiencerAlreadyExist, ErrAlreadyDone, "the person is an experience member or invited already; an invitation must still be accepted in the Alipay app"},
		{CodeExperiencerAlreadyRefused, alipayplus.ErrConflict, "the person declined an earlier invitation as an experience member; remove the member (members.remove), then invite again"},
		{CodeRoleOverLimit, alipayplus.ErrLimit, "there are as many members with this role as are allowed: 30 developers, 50 experience members; remove one that is not needed (members.remove)"},
		{CodeRoleNotExist, alipayplus.ErrNotFound, "the person does not have this role (the code is misspelt on the wire); members.list shows who has which"},
	}
}

func qrCodeFacts() []codeFact {
	return []codeFact{
		{CodeQRCodeDescCheckInvalid, alipayplus.ErrInvalid, "describe has words that AlipayCN does not allow; reword it"},
		{CodeHMBGColorInvalid, alipayplus.ErrInvalid, "color is not a colour; send hexadecimal digits, for example 0x00BFFF"},
		{CodeAppQRCodeNotTinyApp, alipayplus.ErrInvalid, "the app is not a mini program; use the app_auth_token of the mini program"},
		{CodeAppIsNotExist, alipayplus.ErrNotFound, "AlipayCN does not know the app; check the app_auth_token"},
		{CodeAppIsNotOnline, alipayplus.ErrConflict, "the mini program is not online; publish a version first"},
		{CodeTinyAppNotExist, alipayplus.ErrNotFound, "AlipayCN does not know the mini program; check the app_auth_token"},
		{CodeOnlineVersionNotExist, alipayplus.ErrConflict, "the mini program has no version online; publish a version first"},
		{CodeRouteCreateNeedVersion, alipayplus.ErrConflict, "the mini program needs a version before a QR code can be bound; upload or publish a version first"},
		{CodeBuiltNotByTemplate, alipayplus.ErrInvalid, "the mini program was not built from a template; bind the QR code in AlipayCN's console"},
		{CodeTemplateMismatchISVAppID, alipayplus.ErrPermission, "the template does not belong to the calling third-party app; call with the app that owns the template"},
		{CodeTemplateNotHaveHost, alipayplus.ErrConflict, "the template has no host for QR codes; add the host to the template in AlipayCN's console"},
		{CodeHostVerifyFailed, alipayplus.ErrPermission, "the ownership of the host is not proven (the code is misspelt on the wire); put AlipayCN's verification file on the host"},
		{CodeSecuritySSRFURLFailed, alipayplus.ErrInvalid, "AlipayCN could not check the address of the QR code (the code is misspelt on the wire); check that route_url can be reached from the internet"},
		{CodeSecuritySSRFURLIllegal, alipayplus.ErrInvalid, "the address of the QR code is not allowed (the code is misspelt on the wire); use a public address"},
		{CodeQRCodeRouteURLInvalid, alipayplus.ErrInvalid, "route_url is not valid; begin it with http, https or ftp and use a domain with ICP filing"},
		{CodeQRCodeHostRouteNumLimit, alipayplus.ErrLimit, "the host has as many rules as are allowed; unbind one that is not needed (qrcodes.unbind)"},
		{CodeQRCodeRoutePatternNotExist, alipayplus.ErrNotFound, "there is no such route_pattern; check route_pattern"},
		{CodeQRCodeRoutePatternNotMatch, alipayplus.ErrInvalid, "route_url does not fit route_pattern; make them fit"},
		{CodeQRCodeRoutePatternNotPermission, alipayplus.ErrPermission, "the app may not use route patterns; use EXACT or FUZZY without route_pattern"},
		{CodeQRCodeRoutePatternDeleteNotSupport, alipayplus.ErrPermission, "a rule with a pattern cannot be unbound by this call; unbind it in AlipayCN's console"},
		{CodeRouteOverLimit, alipayplus.ErrLimit, "the mini program has the most rules that are allowed, 20; unbind one that is not needed (qrcodes.unbind)"},
		{CodeRouteRuleConflict, alipayplus.ErrConflict, "another rule of the mini program covers the same addresses; unbind that rule first, or use another route_url"},
		{CodeRouteRuleConflictOther, alipayplus.ErrConflict, "a rule of another mini program covers the same addresses; use another route_url, or unbind it there"},
		{CodeRouteGroupNotExist, alipayplus.ErrNotFound, "there is no rule with this route_group; qrcodes.list shows the rules that exist"},
		{CodeNotCurrentlyAvailable, ErrRetryLater, "the service cannot be used at the moment and did not accept the call (the code is misspelt on the wire); repeat it later"},
		{CodePageParamMinLimitFail, alipayplus.ErrInvalid, "page_no or page_size is below 1; count pages from 1"},
		{CodePageParamNullFail, alipayplus.ErrInvalid, "page_no or page_size is missing; set both"},
		{CodePageSizeOutLimitFail, alipayplus.ErrInvalid, "page_size is above 10; use at most 10"},
	}
}

func templateFacts() []codeFact {
	return []codeFact{
		{CodeInvalidPageNum, alipayplus.ErrInvalid, "page_num is not valid; count pages from 1"},
		{CodeInvalidPageSize, alipayplus.ErrInvalid, "page_size is not valid; use 1 to 50"},
		{CodePageSizeExceedMaxQuerySize, alipayplus.ErrInvalid, "page_size is above 50; use at most 50"},
		{CodeTemplateNoRelationError, alipayplus.ErrNotFound, "no mini program was built from this template; check template_id and template_version"},
	}
}

func authorizationFacts() []codeFact {
	return []codeFact{
		{CodeAppNotISV, alipayplus.ErrInvalid, "the calling app is not a third-party app; call with the app id of the third-party app"},
		{CodeAppIDNotConsistent, alipayplus.ErrInvalid, "the code or token was given to another app; call with the app that the merchant authorized"},
		{CodeGrantTypeInvalid, alipayplus.ErrInvalid, "grant_type is none of the allowed ones; use authorization_code or refresh_token"},
		{CodeAuthCodeNotExist, alipayplus.ErrAuthorizationRequired, "there is no such authorization code; let the merchant authorize again; a code works once and for 24 hours"},
		{CodeAuthCodeNotValid, alipayplus.ErrAuthorizationRequired, "the authorization code was used already or is older than 24 hours; let the merchant authorize again"},
		{CodeAuthTokenNotFound, alipayplus.ErrAuthorizationRequired, "there is no such token; let the merchant authorize again"},
		{CodeAuthTokenNotExisted, alipayplus.ErrAuthorizationRequired, "there is no such app_auth_token; let the merchant authorize again"},
		{CodeAuthTokenNotConsistent, alipayplus.ErrInvalid, "the app_auth_token was given to another third-party app; call with the app that the merchant authorized"},
		{CodeRefreshTokenNotExist, alipayplus.ErrAuthorizationRequired, "there is no such refresh token; let the merchant authorize again"},
		{CodeRefreshTokenNotValid, alipayplus.ErrAuthorizationRequired, "the refresh token is no longer valid; use the newest refresh token, or let the merchant authorize again"},
		{CodeRefreshTokenTimeOut, alipayplus.ErrAuthorizationRequired, "the refresh token has expired; let the merchant authorize again"},
	}
}
