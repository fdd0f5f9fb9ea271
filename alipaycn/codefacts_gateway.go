package alipaycn

import "github.com/alipayplus-go/alipayplus"

func gatewaySignatureFacts() []codeFact {
	return []codeFact{
		{GatewayMissingSignature, alipayplus.ErrUnauthenticated, "the request has no signature; check that nothing between here and AlipayCN drops the authorization header"},
		{GatewayMissingSignatureType, alipayplus.ErrUnauthenticated, "the signature type is missing; check that nothing between here and AlipayCN changes the authorization header"},
		{GatewayMissingDefaultSignatureType, alipayplus.ErrUnauthenticated, "the app has no default signature type; configure the app's key (RSA2) in AlipayCN's console"},
		{GatewayMissingSignatureKey, alipayplus.ErrUnauthenticated, "the app has no public key at AlipayCN; upload the app's public key in AlipayCN's console"},
		{GatewayMissingSignatureConfig, alipayplus.ErrUnauthenticated, "the app's signature is not configured; configure the app's key (RSA2) in AlipayCN's console"},
		{GatewayInvalidSignatureType, alipayplus.ErrUnauthenticated, "the signature type is not allowed; configure the app's key as RSA2 in AlipayCN's console"},
		{GatewayInvalidSignatureTypeSaidInterface, alipayplus.ErrUnauthenticated, "this operation does not allow the signature type; configure the app's key as RSA2, or use certificate mode where the operation asks for it"},
		{GatewayInvalidSignature, alipayplus.ErrUnauthenticated, "the signature does not fit; check that the private key belongs to the app's public key in AlipayCN's console, and that the endpoint (sandbox or production) is the app's"},
		{GatewayUnsupportedExpiredAppKeySign, alipayplus.ErrUnauthenticated, "the request is signed with a key that was replaced; sign with the app's present key"},
		{GatewayAppKeySecurityRisk, alipayplus.ErrUnauthenticated, "AlipayCN considers the app's key unsafe; make a new key of at least 2048 bits and upload its public half"},
		{GatewayAppCertExpired, alipayplus.ErrUnauthenticated, "the app's certificate has expired; renew it in AlipayCN's console and load the new one"},
		{GatewayAppCertNotExist, alipayplus.ErrUnauthenticated, "AlipayCN does not know the app's certificate; load the certificate that AlipayCN's console shows for this app"},
		{GatewayAlipayCertNotExist, alipayplus.ErrUnauthenticated, "the Alipay certificate named by the request does not exist; download the present one from AlipayCN's console"},
		{GatewayMissingAppCertSN, alipayplus.ErrUnauthenticated, "the app is in certificate mode and the request has no app_cert_sn; use certificate mode"},
		{GatewayMissingAlipayCertSN, alipayplus.ErrUnauthenticated, "the request has no serial of the Alipay certificate; use certificate mode with the Alipay certificate"},
		{GatewayMissingAlipayRootCertSN, alipayplus.ErrUnauthenticated, "the request has no serial of the Alipay root certificate; use certificate mode with the root file"},
		{GatewayInvalidAlipayRootCertSN, alipayplus.ErrUnauthenticated, "the serial of the Alipay root certificate does not fit; load the present root file from AlipayCN's console"},
		{GatewayInvalidDigestType, alipayplus.ErrUnauthenticated, "the digest type is not allowed; sign with SHA-256"},
		{GatewayInvalidDigest, alipayplus.ErrUnauthenticated, "the digest of the content does not fit; check that nothing between here and AlipayCN changes the request"},
	}
}

func gatewayIdentityFacts() []codeFact {
	return []codeFact{
		{GatewayMissingAppID, alipayplus.ErrUnauthenticated, "the request has no app id; set the app id"},
		{GatewayInvalidAppID, alipayplus.ErrUnauthenticated, "AlipayCN does not know the app id; check the app id and that the endpoint (sandbox or production) is the app's"},
		{GatewayInvalidAppState, alipayplus.ErrPermission, "the app is not online or is frozen; put the third-party app online in AlipayCN's console"},
		{GatewayMissingTimestamp, alipayplus.ErrUnauthenticated, "the request has no timestamp; check that nothing between here and AlipayCN changes the authorization header"},
		{GatewayInvalidTimestamp, alipayplus.ErrUnauthenticated, "the timestamp is not valid; set this machine's clock"},
		{GatewayIllegalTimestamp, alipayplus.ErrUnauthenticated, "the timestamp is too far from AlipayCN's clock; set this machine's clock"},
		{GatewayMissingSession, alipayplus.ErrUnauthenticated, "the request has no session; this operation needs a user's session"},
		{GatewayMissingAppAccessToken, alipayplus.ErrUnauthenticated, "the request has no access token of the app; this operation needs one"},
		{GatewayMissingAppUID, alipayplus.ErrUnauthenticated, "the app has no owner at AlipayCN; check the app in AlipayCN's console"},
		{GatewayInvalidAuthToken, alipayplus.ErrUnauthenticated, "the user's access token is not valid; ask the user to sign in again"},
		{GatewayAuthTokenTimeOut, alipayplus.ErrUnauthenticated, "the user's access token has expired; ask the user to sign in again"},
		{GatewayOpenIDError, alipayplus.ErrInvalid, "the open_id does not belong to this app; use the open_id that AlipayCN gave to this app"},
		{GatewayAppInvalidOID, alipayplus.ErrInvalid, "an object id does not belong to this app; use an id that AlipayCN gave to this app"},
		{GatewayIllegalClientIP, alipayplus.ErrPermission, "this machine's address is not on the app's list of addresses; add it in AlipayCN's console"},
		{GatewayInvalidPartnerID, alipayplus.ErrInvalid, "the partner id is not valid; check the account that owns the app"},
	}
}

func gatewayAuthorizationFacts() []codeFact {
	return []codeFact{
		{GatewayInvalidAppAuthToken, alipayplus.ErrAuthorizationRequired, "the app_auth_token is not valid: wrong, replaced by a newer authorization, or withdrawn; use the newest app_auth_token of this mini program, or let the merchant authorize again"},
		{GatewayAppAuthTokenTimeOut, alipayplus.ErrAuthorizationRequired, "the app_auth_token has expired; refresh it, or let the merchant authorize again"},
		{GatewayInvalidAppAuthTokenNoAPI, alipayplus.ErrAuthorizationRequired, "the merchant's authorization does not cover this operation; bind the product with this operation to the third-party app, then let the merchant authorize again"},
		{GatewayInvalidAuthRelations, alipayplus.ErrAuthorizationRequired, "there is no authorization between the merchant and the app; let the merchant authorize the app"},
		{GatewayInvalidAppAuthRelations, alipayplus.ErrAuthorizationRequired, "there is no authorization between the mini program and the app; let the merchant authorize the app for this mini program"},
		{GatewayAppUnbindPartner, alipayplus.ErrAuthorizationRequired, "the merchant is not bound to the app; let the merchant authorize the app"},
		{GatewayNotSupportAppAuth, alipayplus.ErrPermission, "this operation cannot be called for a merchant; call it without app_auth_token"},
		{GatewaySelfInvokeForbidden, alipayplus.ErrPermission, "a third-party app may not call this operation for itself; call it with the app_auth_token of the merchant's mini program"},
	}
}

func gatewayPermissionFacts() []codeFact {
	return []codeFact{
		{GatewayAppCallLimited, alipayplus.ErrRateLimited, "the app makes too many calls; this one was not accepted; wait and repeat it, less often"},
		{GatewayMethodCallLimited, alipayplus.ErrRateLimited, "the operation gets too many calls; this one was not accepted; wait and repeat it, less often"},
		{GatewayAppAuthInvokeLimit, alipayplus.ErrRateLimited, "too many calls are made with this authorization; this one was not accepted; wait and repeat it, less often"},
		{GatewayExceedAPIBalance, alipayplus.ErrLimit, "the calls that were bought for this operation are used up; buy more in AlipayCN's console"},
		{GatewayInsufficientISVPermissions, alipayplus.ErrPermission, "the third-party app lacks the product with this operation; bind the product in AlipayCN's console, then let the merchant authorize again"},
		{GatewayInsufficientUserPermissions, alipayplus.ErrPermission, "the merchant lacks the permission for this operation; let the merchant sign the product in AlipayCN's console"},
		{GatewayAppAPIPunished, alipayplus.ErrPermission, "the app is barred from this operation by a penalty; settle it in AlipayCN's console"},
		{GatewayForbiddenAPI, alipayplus.ErrPermission, "the app may not call this operation; add the product with this operation in AlipayCN's console"},
		{GatewayInvalidSubscribeRelations, alipayplus.ErrPermission, "the product with this operation is not subscribed; subscribe it in AlipayCN's console"},
		{GatewayServiceNotBeenSubscribedTo, alipayplus.ErrPermission, "the product with this operation is not subscribed (the code is misspelt on the wire); subscribe it in AlipayCN's console"},
		{GatewayNoProductRegByPartner, alipayplus.ErrPermission, "the merchant has not signed the product, or it was taken away as a penalty; let the merchant sign it in AlipayCN's console"},
		{GatewayInvalidProduct, alipayplus.ErrPermission, "the product with this operation is not in force; look at the product in AlipayCN's console"},
		{GatewayInnerAppNoAccess, alipayplus.ErrPermission, "the app may not call internal operations; use the public operation"},
		{GatewayInvalidInnerInvokeScene, alipayplus.ErrPermission, "the operation may not be called in this way; use the public operation"},
		{GatewayInvalidAppAPIFieldConfig, alipayplus.ErrPermission, "the app may not read some of the fields; apply for the fields in AlipayCN's console"},
		{GatewayAccessDataTimeOut, alipayplus.ErrPermission, "the time for which the data may be read has passed; let the owner allow it again"},
		{GatewaySuspectedAttack, alipayplus.ErrPermission, "AlipayCN took the request for an attack; remove what looks like code from the texts; otherwise ask AlipayCN's support with the trace id"},
	}
}

func gatewayRequestFacts() []codeFact {
	return []codeFact{
		{GatewayInvalidParameter, alipayplus.ErrInvalid, "a parameter is missing or not valid; the message or the details name it; correct it and call again"},
		{GatewayInvalidRequestData, alipayplus.ErrInvalid, "the request's content is not valid; the message names what is wrong"},
		{GatewayIllegalJSON, alipayplus.ErrInvalid, "the request's content is not JSON; check that nothing between here and AlipayCN changes the request"},
		{GatewayIllegalCardNo, alipayplus.ErrInvalid, "a card number is not valid; correct it"},
		{GatewayMissingMethod, alipayplus.ErrInvalid, "the request names no operation; check the endpoint"},
		{GatewayInvalidMethod, alipayplus.ErrInvalid, "AlipayCN does not know the operation, or not with this HTTP method; check the endpoint and the version of this library"},
		{GatewayInvalidAppMethod, alipayplus.ErrInvalid, "the operation is not one for this kind of app; check the app's kind in AlipayCN's console"},
		{GatewayMissingPlatform, alipayplus.ErrInvalid, "the request names no platform; check the endpoint"},
		{GatewayInvalidPlatform, alipayplus.ErrInvalid, "the platform is not valid; check the endpoint"},
		{GatewayMissingVersion, alipayplus.ErrInvalid, "the request names no version of the interface; check the endpoint"},
		{GatewayInvalidVersion, alipayplus.ErrInvalid, "the version of the interface is not valid; check the endpoint"},
		{GatewayUnsupportedVersion, alipayplus.ErrInvalid, "the version of the interface is not supported; check the version of this library"},
		{GatewayInvalidFormat, alipayplus.ErrInvalid, "the format is not valid; check that nothing between here and AlipayCN changes the request"},
		{GatewayInvalidEncoding, alipayplus.ErrInvalid, "the encoding is not valid; check that nothing between here and AlipayCN changes the request"},
		{GatewayInvalidCharset, alipayplus.ErrInvalid, "the character set is not valid; check that nothing between here and AlipayCN changes the request"},
		{GatewayUploadFail, ErrRetryLater, "the file did not arrive, and the call was not carried out; repeat it"},
		{GatewayInvalidFileExtension, alipayplus.ErrInvalid, "a file's ending is not allowed; check the file's type and name"},
		{GatewayInvalidFileSize, alipayplus.ErrInvalid, "a file is too large or empty; check the file's size"},
		{GatewayFileCheckFail, alipayplus.ErrInvalid, "a file did not pass the check of its content; check that the file is what its ending says"},
		{GatewayUnsupportedOperation, alipayplus.ErrInvalid, "the operation is not supported (the code is misspelt on the wire); check the version of this library"},
		{GatewayMethodForbiddenBatchInvoke, alipayplus.ErrInvalid, "the operation cannot be called in a batch; call it by itself"},
		{GatewayExistBlankSubRequestID, alipayplus.ErrInvalid, "a call of the batch has no id; give each an id"},
		{GatewayExistRepeatedSubRequestID, alipayplus.ErrInvalid, "two calls of the batch have the same id; give each an id of its own"},
	}
}

func gatewayEncryptionFacts() []codeFact {
	return []codeFact{
		{GatewayMissingEncryptType, alipayplus.ErrInvalid, "the content is encrypted and the type of encryption is missing; check that nothing between here and AlipayCN drops headers"},
		{GatewayMissingEncryptKey, alipayplus.ErrInvalid, "the app has no AES key at AlipayCN; set one in AlipayCN's console, or send without encryption"},
		{GatewayInvalidEncryptType, alipayplus.ErrInvalid, "the type of encryption is not allowed; use AES"},
		{GatewayInvalidEncrypt, alipayplus.ErrInvalid, "the content cannot be decrypted; check the app's AES key"},
		{GatewayDecryptionError, alipayplus.ErrInvalid, "the content cannot be decrypted; check the app's AES key"},
		{GatewayDecryptionErrorMissingEncryptType, alipayplus.ErrInvalid, "the content cannot be decrypted: the type of encryption is missing; check that nothing between here and AlipayCN drops headers"},
		{GatewayDecryptionErrorNotValidEncryptType, alipayplus.ErrInvalid, "the content cannot be decrypted: the type of encryption is not allowed; use AES"},
		{GatewayDecryptionErrorNotValidEncryptKey, alipayplus.ErrInvalid, "the content cannot be decrypted: the key is not valid; check the app's AES key"},
		{GatewayDecryptionErrorUnknown, alipayplus.ErrInvalid, "the content cannot be decrypted, for a reason that is not said; check the app's AES key"},
	}
}

func gatewayFailureFacts() []codeFact {
	return []codeFact{
		{GatewayUnknownError, alipayplus.ErrOutcomeUnknown, "AlipayCN failed and does not say whether the call took effect (the code is misspelt on the wire); read the state first; repeat a write only when the state shows that it did not happen"},
		{GatewayInvalidResponseData, alipayplus.ErrOutcomeUnknown, "the operation answered with something that the gateway could not read, so the outcome is not known; read the state first; repeat a write only when the state shows that it did not happen"},
		{GatewayUnknownSubCode, nil, "the operation refused with a code that the gateway does not know; the message names it; look for the code in the message"},
	}
}
