package alipaycn

import "github.com/alipayplus-go/alipayplus"

func versionFacts() []codeFact {
	return []codeFact{
		{CodeAppVersionIsBlank, alipayplus.ErrInvalid, "app_version is missing or empty; set app_version to a version of the mini program; after an upload wait until it is built"},
		{CodeVersionIsBlank, alipayplus.ErrInvalid, "no version was named, or none was found under that number; set app_version; versions.list shows the versions that exist"},
		{CodeInvalidVersion, alipayplus.ErrInvalid, "app_version is not of the form x.y.z in digits; use a number such as 1.2.0"},
		{CodeVersionExceededLength, alipayplus.ErrInvalid, "a part of app_version is above 2147483647; use smaller numbers"},
		{CodeVersionHasExisted, ErrAlreadyDone, "the version number is used already, or not above the newest; if this upload was repeated, read the version: it may be yours; otherwise choose a higher app_version"},
		{CodeLargerVersionHasExisted, alipayplus.ErrConflict, "the mini program has a version with a higher number; choose an app_version above the newest of versions.list"},
		{CodeBuildVersionCompareError, alipayplus.ErrConflict, "the version cannot be compared with the newest version of the mini program; choose an app_version above the newest of versions.list, in the form x.y.z"},
		{CodeExistLargerOnlinedVersion, alipayplus.ErrConflict, "a version with a higher number is or was online, so this one cannot be submitted; upload the content again under a higher app_version and submit that"},
		{CodeMiniAppPackageInfoNotExist, alipayplus.ErrNotFound, "there is no package for this app_version: the number is wrong, the version was deleted, or it is not built yet; check app_version with versions.get; after an upload wait until versions.build says that it is built"},
		{CodeMiniAppVersionNotExist, alipayplus.ErrNotFound, "the mini program has no such version; check app_version and bundle_id with versions.list"},
		{CodeMiniAppVersionMissing, alipayplus.ErrNotFound, "the mini program has no such version (AlipayCN's second code for this, misspelt on the wire); check app_version and bundle_id with versions.list"},
		{CodeMiniAppNotOnline, alipayplus.ErrConflict, "the mini program is not online: it never was, or it was taken down; publish a version first; a grayscale release or a rollback needs one that is online"},
		{CodeInvalidVersionStatus, alipayplus.ErrConflict, "the version is in a status in which this is not possible; read the version's status and choose the step that leads on from there"},
		{CodeMiniAppVersionStatusIllegal, alipayplus.ErrConflict, "the version is in a status in which this is not possible; read the version's status; only a version in GRAY can end its grayscale release"},
		{CodeTinyAppStatusInvalid, alipayplus.ErrConflict, "the mini program as a whole is in a status in which this is not possible, for example frozen; look at the status of the mini program in AlipayCN's console"},
		{CodeMultiClientNotPackagedStatus, alipayplus.ErrConflict, "the version is not packaged for the client that bundle_id names; check bundle_id, and that the version was uploaded for it"},
		{CodeMiniAppVersionIterationExist, alipayplus.ErrConflict, "another iteration of this mini program is under way, so the version cannot be changed now (details are not documented); finish or end the iteration in AlipayCN's console, then repeat the call"},
	}
}

func buildFacts() []codeFact {
	return []codeFact{
		{CodeTemplateIDIsBlank, alipayplus.ErrInvalid, "template_id is missing; set template_id to the app id of the template"},
		{CodeCodeTemplateNotExist, alipayplus.ErrNotFound, "there is no template with this template_id, or not in this version; check template_id and template_version; template_id is the app id of the template, not that of the mini program"},
		{CodeCodeTemplateNotSafe, ErrNotReady, "the security scan of the template is not finished or not passed; wait until the template has passed its scan, then upload"},
		{CodeCodeTemplateDeleted, alipayplus.ErrConflict, "the template was deleted; use a template whose review is passed and which is not deleted"},
		{CodeTemplateNotOnlineOrOffline, alipayplus.ErrConflict, "the version of the template is neither online nor offline, so nothing can be built from it; publish the template version first, or leave template_version out to use the newest online one"},
		{CodeTemplateMiniAppNotAllowed, alipayplus.ErrInvalid, "the app_auth_token is that of a template, and a template is not built by this call; use the app_auth_token of the merchant's mini program"},
		{CodeTemplateIDISVAppIDNotMatch, alipayplus.ErrPermission, "the template does not belong to the calling third-party app; use a template of this third-party app, or call with the app that owns the template"},
		{CodeTemplateStatusPunished, alipayplus.ErrPermission, "the template is under a penalty and must not be built from; settle the penalty in AlipayCN's console, or use another template"},
		{CodeTemplateStatusCanNotBuild, alipayplus.ErrConflict, "the template is in a status in which nothing can be built from it; check the template's status in AlipayCN's console"},
		{CodeTemplateExtraInfoInvalid, alipayplus.ErrInvalid, "ext does not fit the template; check ext against the extension configuration that the template expects"},
		{CodeInvalidExtJSON, alipayplus.ErrInvalid, "ext is not valid JSON; send standard JSON, for example {\"extEnable\": true}"},
		{CodeDevVersionExceedMaxCount, alipayplus.ErrLimit, "the mini program has the most development versions that are allowed, 20; delete versions in INIT that are not needed (versions.delete), then upload"},
		{CodeNoAuthRelation, alipayplus.ErrAuthorizationRequired, "the merchant has not authorized this third-party app for the mini program, or has withdrawn it; let the merchant authorize again and use the new app_auth_token"},
		{CodeAppToAppAuthFail, alipayplus.ErrAuthorizationRequired, "the authorization of the mini program to this third-party app did not hold; let the merchant authorize again and use the new app_auth_token"},
		{CodeUpdatePluginServiceFail, alipayplus.ErrOutcomeUnknown, "the plugins of the version could not be updated, and it is not said whether the version was created; ask versions.build; upload again only when the version does not exist"},
		{CodeBuildVersionNotExisted, alipayplus.ErrNotFound, "nothing is or was built under this app_version; check app_version; upload it first"},
		{CodePollingBuildVersionNotExist, alipayplus.ErrNotFound, "nothing is being built under this app_version; check app_version; upload it first"},
		{CodePollingBuildingError, ErrNotReady, "the state of the build could not be read; ask again in a few seconds; when it stays so, upload under a higher app_version"},
		{CodeNoTemplateInstantiateRelation, alipayplus.ErrNotFound, "the mini program was never built from a template of this third-party app; upload a version from a template first, or check the app_auth_token"},
		{CodePackageIDIsBlank, alipayplus.ErrInvalid, "the build has no package; check app_version and bundle_id, and upload the version again"},
		{CodePageSizeLessZero, alipayplus.ErrInvalid, "the page size is below zero; the call has no page parameters; check that nothing adds them"},
	}
}

func reviewFacts() []codeFact {
	return []codeFact{
		{CodeAuditingVersionNotExist, ErrAlreadyDone, "no version is under review; read the version's status: the review may have been cancelled or have ended"},
		{CodeCanNotBackDevWithoutAudit, alipayplus.ErrConflict, "only a passed or rejected version can be returned to development; read its status; cancel a running review with versions.cancelAudit"},
	}
}

func grayFacts() []codeFact {
	return []codeFact{
		{CodeGrayStrategyIsBlank, alipayplus.ErrInvalid, "gray_strategy is missing; send p10, p30 or p50"},
		{CodeGrayStrategyIsInvalid, alipayplus.ErrInvalid, "gray_strategy is none of the allowed ones; send p10, p30 or p50; for all users publish the version"},
		{CodeGrayStrategyNotAllowReduce, alipayplus.ErrConflict, "the share of users can only grow; choose a higher one, publish, or end the grayscale release (versions.cancelGray)"},
		{CodeCanNotGrayWithoutAuditPass, alipayplus.ErrConflict, "only a version that passed its review can go into grayscale; wait for the verdict; the status must be WAIT_RELEASE"},
		{CodeCanNotGrayWithoutInnerPass, alipayplus.ErrConflict, "an internal check of AlipayCN is not passed yet (which, is not documented); try later; when it stays so, ask AlipayCN's support with the trace id"},
		{CodeCanNotGrayWithRiskVersion, alipayplus.ErrPermission, "AlipayCN sees a risk in the version and does not let it out; look for notices in AlipayCN's console; correct it in a new version"},
		{CodeAppOperatorQueryError, alipayplus.ErrOutcomeUnknown, "AlipayCN could not look up the operator of the mini program, and does not say whether the call took effect; read the version's status and gray_strategy; repeat the call only when they have not changed"},
		{CodeCreateGrayRuleError, alipayplus.ErrOutcomeUnknown, "AlipayCN could not create the grayscale rule, and does not say whether part of it took effect; read the version's status and gray_strategy; repeat the call only when they have not changed"},
		{CodeExecuteGrayFailed, alipayplus.ErrOutcomeUnknown, "AlipayCN could not carry out the grayscale release, and does not say whether part of it took effect; read the version's status and gray_strategy; repeat the call only when they have not changed"},
		{CodeCanNotEndGrayWithoutGray, ErrAlreadyDone, "the version is not in grayscale; read its status: the grayscale release may have been ended already, or the version published"},
		{CodeCanNotCancelGrayWithDiffDW, alipayplus.ErrConflict, "the grayscale release differs from the online version in its downgrade setting and cannot be ended (the reading of DW is inferred); publish the version, or ask AlipayCN's support with the trace id"},
	}
}

func publishFacts() []codeFact {
	return []codeFact{
		{CodeCanNotOnlineWithoutGray, alipayplus.ErrConflict, "this version must go through a grayscale release first; start one with p10, then publish"},
		{CodeCanNotOnlineWithoutAudit, alipayplus.ErrConflict, "the version has not passed its review; wait for the verdict; the status must be WAIT_RELEASE or GRAY"},
		{CodeCanNotOnlineNotGrayOrWaitRelease, alipayplus.ErrConflict, "only a version in WAIT_RELEASE or GRAY can be published; read its status; it may be online already"},
		{CodeCanNotOnlineNoPromote, alipayplus.ErrConflict, "the version passed admission but not promotion and must not go online so; read promote_audit_record of versions.get; correct what it names in a new version"},
		{CodeCanNotOnlineWithoutRegistration, alipayplus.ErrConflict, "the ICP filing of the mini program is not finished; finish the filing; a first release may go up restricted before, with permit_registration_limit_release"},
	}
}

func offlineFacts() []codeFact {
	return []codeFact{
		{CodeCanNotOfflineWithoutOnline, alipayplus.ErrConflict, "the version is not online, so it cannot be taken offline; read its status; it may be offline already"},
		{CodeCanNotOfflineWithGray, alipayplus.ErrConflict, "a version is in grayscale, and nothing can be taken offline meanwhile; end the grayscale release (versions.cancelGray) or publish that version first"},
		{CodeTemplateNotAllowedOffline, alipayplus.ErrPermission, "a template cannot be taken offline by this call; use the app_auth_token of the merchant's mini program"},
		{CodeCanNotRollbackWithoutOnline, alipayplus.ErrConflict, "the version is not online, so there is nothing to roll back; name the version that is online now; versions.list with RELEASE shows it"},
		{CodeCanNotContinuousRollback, alipayplus.ErrConflict, "the version came back by a rollback, and a second in a row is not allowed; publish a new version instead"},
		{CodeCanNotRollbackWithGray, alipayplus.ErrConflict, "a version is in grayscale, and nothing can be rolled back meanwhile; end the grayscale release first (versions.cancelGray)"},
		{CodeCanNotRollbackWithoutOffline, alipayplus.ErrConflict, "there is no earlier version in OFFLINE to go back to; take the version offline instead, or publish a new one"},
		{CodeCanNotRollbackPunish, alipayplus.ErrPermission, "the earlier version is under a penalty and must not come back; publish a new version instead"},
		{CodeCanNotDeleteWithoutDev, alipayplus.ErrConflict, "only a version in INIT can be deleted; read its status; return a passed or rejected version to development first"},
		{CodeCanNotDeleteWithScanning, ErrNotReady, "the security scan of the version is running; wait until scan_result is no longer NAN, then delete"},
		{CodeCanNotDeleteWithExperience, alipayplus.ErrConflict, "the version is the trial version; end the trial first (experience.cancel), then delete"},
		{CodeCanNotDeleteWithInstantiate, ErrNotReady, "the version is still being built from its template; wait until versions.build says that it is done, then delete"},
	}
}
