package alipaycn

// Gateway: signature, key, certificate.
const (
	// GatewayMissingSignature: the request has no signature.
	GatewayMissingSignature Code = "missing-signature"
	// GatewayMissingSignatureType: the signature type is missing.
	GatewayMissingSignatureType Code = "missing-signature-type"
	// GatewayMissingDefaultSignatureType: the app has no default signature type.
	GatewayMissingDefaultSignatureType Code = "missing-default-signature-type"
	// GatewayMissingSignatureKey: the app has no public key at AlipayCN.
	GatewayMissingSignatureKey Code = "missing-signature-key"
	// GatewayMissingSignatureConfig: the app's signature is not configured.
	GatewayMissingSignatureConfig Code = "missing-signature-config"
	// GatewayInvalidSignatureType: the signature type is not allowed.
	GatewayInvalidSignatureType Code = "invalid-signature-type"
	// GatewayInvalidSignatureTypeSaidInterface: this operation does not allow the
	// signature type.
	GatewayInvalidSignatureTypeSaidInterface Code = "invalid-signature-type-said-interface"
	// GatewayInvalidSignature: the signature does not fit.
	GatewayInvalidSignature Code = "invalid-signature"
	// GatewayUnsupportedExpiredAppKeySign: the request is signed with a key that
	// was replaced.
	GatewayUnsupportedExpiredAppKeySign Code = "unsupported-expired-app-key-sign"
	// GatewayAppKeySecurityRisk: AlipayCN considers the app's key unsafe.
	GatewayAppKeySecurityRisk Code = "app-key-security-risk"
	// GatewayAppCertExpired: the app's certificate has expired.
	GatewayAppCertExpired Code = "app-cert-expired"
	// GatewayAppCertNotExist: AlipayCN does not know the app's certificate.
	GatewayAppCertNotExist Code = "app-cert-not-exist"
	// GatewayAlipayCertNotExist: the Alipay certificate named by the request does
	// not exist.
	GatewayAlipayCertNotExist Code = "alipay-cert-not-exist"
	// GatewayMissingAppCertSN: the app is in certificate mode and the request has
	// no app_cert_sn.
	GatewayMissingAppCertSN Code = "missing-app-cert-sn"
	// GatewayMissingAlipayCertSN: the request has no serial of the Alipay
	// certificate.
	GatewayMissingAlipayCertSN Code = "missing-alipay-cert-sn"
	// GatewayMissingAlipayRootCertSN: the request has no serial of the Alipay root
	// certificate.
	GatewayMissingAlipayRootCertSN Code = "missing-alipay-root-cert-sn"
	// GatewayInvalidAlipayRootCertSN: the serial of the Alipay root certificate
	// does not fit.
	GatewayInvalidAlipayRootCertSN Code = "invalid-alipay-root-cert-sn"
	// GatewayInvalidDigestType: the digest type is not allowed.
	GatewayInvalidDigestType Code = "invalid-digest-type"
	// GatewayInvalidDigest: the digest of the content does not fit.
	GatewayInvalidDigest Code = "invalid-digest"
)

// Gateway: app, identity, time.
const (
	// GatewayMissingAppID: the request has no app id.
	GatewayMissingAppID Code = "missing-app-id"
	// GatewayInvalidAppID: AlipayCN does not know the app id.
	GatewayInvalidAppID Code = "invalid-app-id"
	// GatewayInvalidAppState: the app is not online or is frozen.
	GatewayInvalidAppState Code = "invalid-app-state"
	// GatewayMissingTimestamp: the request has no timestamp.
	GatewayMissingTimestamp Code = "missing-timestamp"
	// GatewayInvalidTimestamp: the timestamp is not valid.
	GatewayInvalidTimestamp Code = "invalid-timestamp"
	// GatewayIllegalTimestamp: the timestamp is too far from AlipayCN's clock.
	GatewayIllegalTimestamp Code = "illegal-timestamp"
	// GatewayMissingSession: the request has no session.
	GatewayMissingSession Code = "missing-session"
	// GatewayMissingAppAccessToken: the request has no access token of the app.
	GatewayMissingAppAccessToken Code = "missing-app-access-token"
	// GatewayMissingAppUID: the app has no owner at AlipayCN.
	GatewayMissingAppUID Code = "missing-app-uid"
	// GatewayInvalidAuthToken: the user's access token is not valid.
	GatewayInvalidAuthToken Code = "invalid-auth-token"
	// GatewayAuthTokenTimeOut: the user's access token has expired.
	GatewayAuthTokenTimeOut Code = "auth-token-time-out"
	// GatewayOpenIDError: the open_id does not belong to this app.
	GatewayOpenIDError Code = "openid-error"
	// GatewayAppInvalidOID: an object id does not belong to this app.
	GatewayAppInvalidOID Code = "app-invalid-oid"
	// GatewayIllegalClientIP: this machine's address is not on the app's list of
	// addresses.
	GatewayIllegalClientIP Code = "illegal-client-ip"
	// GatewayInvalidPartnerID: the partner id is not valid.
	GatewayInvalidPartnerID Code = "invalid-partnerid"
)

// Gateway: authorization of the merchant.
const (
	// GatewayInvalidAppAuthToken: the app_auth_token is not valid: wrong, replaced
	// by a newer authorization, or withdrawn.
	GatewayInvalidAppAuthToken Code = "invalid-app-auth-token"
	// GatewayAppAuthTokenTimeOut: the app_auth_token has expired.
	GatewayAppAuthTokenTimeOut Code = "app-auth-token-time-out"
	// GatewayInvalidAppAuthTokenNoAPI: the merchant's authorization does not cover
	// this operation.
	GatewayInvalidAppAuthTokenNoAPI Code = "invalid-app-auth-token-no-api"
	// GatewayInvalidAuthRelations: there is no authorization between the merchant
	// and the app.
	GatewayInvalidAuthRelations Code = "invalid-auth-relations"
	// GatewayInvalidAppAuthRelations: there is no authorization between the mini
	// program and the app.
	GatewayInvalidAppAuthRelations Code = "invalid-app-auth-relations"
	// GatewayAppUnbindPartner: the merchant is not bound to the app.
	GatewayAppUnbindPartner Code = "app-unbind-partner"
	// GatewayNotSupportAppAuth: this operation cannot be called for a merchant.
	GatewayNotSupportAppAuth Code = "not-support-app-auth"
	// GatewaySelfInvokeForbidden: a third-party app may not call this operation
	// for itself.
	GatewaySelfInvokeForbidden Code = "self-invoke-forbidden"
)

// Gateway: permission, product, limits.
const (
	// GatewayAppCallLimited: the app makes too many calls; this one was not
	// accepted.
	GatewayAppCallLimited Code = "app-call-limited"
	// GatewayMethodCallLimited: the operation gets too many calls; this one was
	// not accepted.
	GatewayMethodCallLimited Code = "method-call-limited"
	// GatewayAppAuthInvokeLimit: too many calls are made with this authorization;
	// this one was not accepted.
	GatewayAppAuthInvokeLimit Code = "app-auth-invoke-limit"
	// GatewayExceedAPIBalance: the calls that were bought for this operation are
	// used up.
	GatewayExceedAPIBalance Code = "exceed-api-balance"
	// GatewayInsufficientISVPermissions: the third-party app lacks the product
	// with this operation.
	GatewayInsufficientISVPermissions Code = "insufficient-isv-permissions"
	// GatewayInsufficientUserPermissions: the merchant lacks the permission for
	// this operation.
	GatewayInsufficientUserPermissions Code = "insufficient-user-permissions"
	// GatewayAppAPIPunished: the app is barred from this operation by a penalty.
	GatewayAppAPIPunished Code = "app-api-punished"
	// GatewayForbiddenAPI: the app may not call this operation.
	GatewayForbiddenAPI Code = "forbidden-api"
	// GatewayInvalidSubscribeRelations: the product with this operation is not
	// subscribed.
	GatewayInvalidSubscribeRelations Code = "invalid-subscribe-relations"
	// GatewayServiceNotBeenSubscribedTo: the product with this operation is not
	// subscribed (the code is misspelt on the wire).
	GatewayServiceNotBeenSubscribedTo Code = "sevice-not-been-subscribed-to" //nolint:misspell // AlipayCN's spelling
	// GatewayNoProductRegByPartner: the merchant has not signed the product, or it
	// was taken away as a penalty.
	GatewayNoProductRegByPartner Code = "no-product-reg-by-partner"
	// GatewayInvalidProduct: the product with this operation is not in force.
	GatewayInvalidProduct Code = "invalid-product"
	// GatewayInnerAppNoAccess: the app may not call internal operations.
	GatewayInnerAppNoAccess Code = "inner-app-no-access"
	// GatewayInvalidInnerInvokeScene: the operation may not be called in this way.
	GatewayInvalidInnerInvokeScene Code = "invalid-inner-invoke-scene"
	// GatewayInvalidAppAPIFieldConfig: the app may not read some of the fields.
	GatewayInvalidAppAPIFieldConfig Code = "invalid-app-api-field-config"
	// GatewayAccessDataTimeOut: the time for which the data may be read has
	// passed.
	GatewayAccessDataTimeOut Code = "access-data-time-out"
	// GatewaySuspectedAttack: AlipayCN took the request for an attack.
	GatewaySuspectedAttack Code = "suspected-attack"
)

// Gateway: form of the request.
const (
	// GatewayInvalidParameter: a parameter is missing or not valid.
	GatewayInvalidParameter Code = "invalid-parameter"
	// GatewayInvalidRequestData: the request's content is not valid.
	GatewayInvalidRequestData Code = "invalid-request-data"
	// GatewayIllegalJSON: the request's content is not JSON.
	GatewayIllegalJSON Code = "illegal-json"
	// GatewayIllegalCardNo: a card number is not valid.
	GatewayIllegalCardNo Code = "illegal-card-no"
	// GatewayMissingMethod: the request names no operation.
	GatewayMissingMethod Code = "missing-method"
	// GatewayInvalidMethod: AlipayCN does not know the operation, or not with this
	// HTTP method.
	GatewayInvalidMethod Code = "invalid-method"
	// GatewayInvalidAppMethod: the operation is not one for this kind of app.
	GatewayInvalidAppMethod Code = "invalid-app-method"
	// GatewayMissingPlatform: the request names no platform.
	GatewayMissingPlatform Code = "missing-platform"
	// GatewayInvalidPlatform: the platform is not valid.
	GatewayInvalidPlatform Code = "invalid-platform"
	// GatewayMissingVersion: the request names no version of the interface.
	GatewayMissingVersion Code = "missing-version"
	// GatewayInvalidVersion: the version of the interface is not valid.
	GatewayInvalidVersion Code = "invalid-version"
	// GatewayUnsupportedVersion: the version of the interface is not supported.
	GatewayUnsupportedVersion Code = "unsupported-version"
	// GatewayInvalidFormat: the format is not valid.
	GatewayInvalidFormat Code = "invalid-format"
	// GatewayInvalidEncoding: the encoding is not valid.
	GatewayInvalidEncoding Code = "invalid-encoding"
	// GatewayInvalidCharset: the character set is not valid.
	GatewayInvalidCharset Code = "invalid-charset"
	// GatewayUploadFail: the file did not arrive, and the call was not carried
	// out.
	GatewayUploadFail Code = "upload-fail"
	// GatewayInvalidFileExtension: a file's ending is not allowed.
	GatewayInvalidFileExtension Code = "invalid-file-extension"
	// GatewayInvalidFileSize: a file is too large or empty.
	GatewayInvalidFileSize Code = "invalid-file-size"
	// GatewayFileCheckFail: a file did not pass the check of its content.
	GatewayFileCheckFail Code = "file-check-fail"
	// GatewayUnsupportedOperation: the operation is not supported (the code is
	// misspelt on the wire).
	GatewayUnsupportedOperation Code = "unsupport-operation"
	// GatewayMethodForbiddenBatchInvoke: the operation cannot be called in a
	// batch.
	GatewayMethodForbiddenBatchInvoke Code = "method-forbidden-batch-invoke"
	// GatewayExistBlankSubRequestID: a call of the batch has no id.
	GatewayExistBlankSubRequestID Code = "exist-blank-sub-request-id"
	// GatewayExistRepeatedSubRequestID: two calls of the batch have the same id.
	GatewayExistRepeatedSubRequestID Code = "exist-repeated-sub-request-id"
)

// Gateway: encryption.
const (
	// GatewayMissingEncryptType: the content is encrypted and the type of
	// encryption is missing.
	GatewayMissingEncryptType Code = "missing-encrypt-type"
	// GatewayMissingEncryptKey: the app has no AES key at AlipayCN.
	GatewayMissingEncryptKey Code = "missing-encrypt-key"
	// GatewayInvalidEncryptType: the type of encryption is not allowed.
	GatewayInvalidEncryptType Code = "invalid-encrypt-type"
	// GatewayInvalidEncrypt: the content cannot be decrypted.
	GatewayInvalidEncrypt Code = "invalid-encrypt"
	// GatewayDecryptionError: the content cannot be decrypted.
	GatewayDecryptionError Code = "decryption-error"
	// GatewayDecryptionErrorMissingEncryptType: the content cannot be decrypted:
	// the type of encryption is missing.
	GatewayDecryptionErrorMissingEncryptType Code = "decryption-error-missing-encrypt-type"
	// GatewayDecryptionErrorNotValidEncryptType: the content cannot be decrypted:
	// the type of encryption is not allowed.
	GatewayDecryptionErrorNotValidEncryptType Code = "decryption-error-not-valid-encrypt-type"
	// GatewayDecryptionErrorNotValidEncryptKey: the content cannot be decrypted:
	// the key is not valid.
	GatewayDecryptionErrorNotValidEncryptKey Code = "decryption-error-not-valid-encrypt-key"
	// GatewayDecryptionErrorUnknown: the content cannot be decrypted, for a reason
	// that is not said.
	GatewayDecryptionErrorUnknown Code = "decryption-error-unknown"
)

// Gateway: failures of its own.
const (
	// GatewayUnknownError: AlipayCN failed and does not say whether the call took
	// effect (the code is misspelt on the wire).
	GatewayUnknownError Code = "unknow-error"
	// GatewayInvalidResponseData: the operation answered with something that the
	// gateway could not read, so the outcome is not known.
	GatewayInvalidResponseData Code = "invalid-response-data"
	// GatewayUnknownSubCode: the operation refused with a code that the gateway
	// does not know; the message names it.
	GatewayUnknownSubCode Code = "unknown-sub-code"
)
