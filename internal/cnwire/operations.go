// Package cnwire is the wire protocol of AlipayCN's OpenAPI V3, for the client
// and the stand-in gateway alike: the list of operations, so that neither knows
// one that the other lacks, the signatures of requests, answers and
// notifications, the serials and chains of certificates, and AES. It does no I/O.
//
// RSA is done by package signing: a signer is one that signing.CheckSigner
// accepted, and a public key one that signing.ParsePublicKey,
// signing.CheckPublicKey or [ParseCertificate] returned.
//
// The protocol is checked against vectors made with the official SDK for Node,
// which lie in testdata.
package cnwire

import (
	"net/http"
	"strings"
)

// Kind says how the input of an operation travels.
type Kind uint8

// The kinds.
const (
	// JSON says that the input is the JSON body.
	JSON Kind = iota
	// Query says that the input is the query string; there is no body.
	Query
	// Multipart says that the input is multipart/form-data: a part "data" with JSON, and files.
	Multipart
)

// DataPart is the name of the part that carries the JSON of a [Multipart] operation.
const DataPart = "data"

// Operation is one call of the API.
type Operation struct {
	// Name is what errors, logs and events call the operation: "versions.apply".
	Name string
	// API is AlipayCN's own name: "alipay.open.mini.version.audit.apply".
	API string
	// Method is the HTTP method.
	Method string
	// Kind says how the input travels.
	Kind Kind
	// Write says that the call changes something.
	Write bool
}

// Path is where the operation is called: AlipayCN's name with slashes for dots,
// behind /v3/.
func (o Operation) Path() string { return "/v3/" + strings.ReplaceAll(o.API, ".", "/") }

// The operations: a list that nothing changes.
//
//nolint:gochecknoglobals // constants that Go cannot write as such
var (
	VersionUpload              = Operation{"versions.upload", "alipay.open.mini.version.upload", http.MethodPost, JSON, true}
	VersionBuild               = Operation{"versions.build", "alipay.open.mini.version.build.query", http.MethodGet, Query, false}
	VersionApply               = Operation{"versions.apply", "alipay.open.mini.version.audit.apply", http.MethodPost, Multipart, true}
	VersionCancelAudit         = Operation{"versions.cancelAudit", "alipay.open.mini.version.audit.cancel", http.MethodPost, JSON, true}
	VersionReturnToDevelopment = Operation{"versions.returnToDevelopment", "alipay.open.mini.version.audited.cancel", http.MethodPost, JSON, true}
	VersionGray                = Operation{"versions.gray", "alipay.open.mini.version.gray.online", http.MethodPost, JSON, true}
	VersionCancelGray          = Operation{"versions.cancelGray", "alipay.open.mini.version.gray.cancel", http.MethodPost, JSON, true}
	VersionPublish             = Operation{"versions.publish", "alipay.open.mini.version.online", http.MethodPost, JSON, true}
	VersionTakeOffline         = Operation{"versions.takeOffline", "alipay.open.mini.version.offline", http.MethodPost, JSON, true}
	VersionRollback            = Operation{"versions.rollback", "alipay.open.mini.version.rollback", http.MethodPost, JSON, true}
	VersionDelete              = Operation{"versions.delete", "alipay.open.mini.version.delete", http.MethodPost, JSON, true}
	VersionGet                 = Operation{"versions.get", "alipay.open.mini.version.detail.query", http.MethodGet, Query, false}
	VersionList                = Operation{"versions.list", "alipay.open.mini.version.list.query", http.MethodGet, Query, false}

	BaseInfoGet       = Operation{"baseInfo.get", "alipay.open.mini.baseinfo.query", http.MethodGet, Query, false}
	BaseInfoModify    = Operation{"baseInfo.modify", "alipay.open.mini.baseinfo.modify", http.MethodPost, Multipart, true}
	BaseInfoCheckName = Operation{"baseInfo.checkName", "alipay.open.mini.baseinfo.name.check", http.MethodGet, Query, false}

	CategoryList         = Operation{"categories.list", "alipay.open.mini.category.query", http.MethodGet, Query, false}
	CategoryRequirements = Operation{"categories.requirements", "alipay.open.mini.category.require.query", http.MethodPost, JSON, false}

	ExperienceCreate = Operation{"experience.create", "alipay.open.mini.experience.create", http.MethodPost, JSON, true}
	ExperienceGet    = Operation{"experience.get", "alipay.open.mini.experience.query", http.MethodGet, Query, false}
	ExperienceCancel = Operation{"experience.cancel", "alipay.open.mini.experience.cancel", http.MethodPost, JSON, true}

	SafeDomainAdd    = Operation{"safeDomains.add", "alipay.open.mini.safedomain.create", http.MethodPost, JSON, true}
	SafeDomainRemove = Operation{"safeDomains.remove", "alipay.open.mini.safedomain.delete", http.MethodDelete, Query, true}

	MemberAdd    = Operation{"members.add", "alipay.open.app.members.create", http.MethodPost, JSON, true}
	MemberRemove = Operation{"members.remove", "alipay.open.app.members.delete", http.MethodDelete, Query, true}
	MemberList   = Operation{"members.list", "alipay.open.app.members.query", http.MethodGet, Query, false}

	QRCodeCreate = Operation{"qrcodes.create", "alipay.open.app.qrcode.create", http.MethodPost, JSON, true}
	QRCodeBind   = Operation{"qrcodes.bind", "alipay.open.mini.qrcode.bind", http.MethodPost, JSON, true}
	QRCodeList   = Operation{"qrcodes.list", "alipay.open.mini.qrcode.query", http.MethodGet, Query, false}
	QRCodeUnbind = Operation{"qrcodes.unbind", "alipay.open.mini.qrcode.unbind", http.MethodPost, JSON, true}

	TemplateUsages = Operation{"templates.usages", "alipay.open.mini.template.usage.query", http.MethodGet, Query, false}

	// Orders are those of AlipayCN's own service market. The third-party app that offers the
	// service calls for itself, but confirms an item for the merchant.
	OrderCreate       = Operation{"orders.create", "alipay.open.servicemarket.order.create", http.MethodPost, Multipart, true}
	OrderGet          = Operation{"orders.get", "alipay.open.servicemarket.order.query", http.MethodGet, Query, false}
	OrderAccept       = Operation{"orders.accept", "alipay.open.servicemarket.order.accept", http.MethodPost, JSON, true}
	OrderReject       = Operation{"orders.reject", "alipay.open.servicemarket.order.reject", http.MethodPost, JSON, true}
	OrderCompleteItem = Operation{"orders.completeItem", "alipay.open.servicemarket.order.item.complete", http.MethodPost, JSON, true}
	OrderConfirmItem  = Operation{"orders.confirmItem", "alipay.open.servicemarket.order.item.confirm", http.MethodPost, JSON, true}
	OrderCancelItem   = Operation{"orders.cancelItem", "alipay.open.servicemarket.order.item.cancel", http.MethodPost, JSON, true}

	// AuthorizationToken exchanges a code and refreshes. It is called by the
	// third-party app for itself, without an app_auth_token.
	AuthorizationToken = Operation{"authorization.token", "alipay.open.auth.token.app", http.MethodPost, JSON, true}
	// AuthorizationGet carries a token in its query string: its URL must not be logged.
	AuthorizationGet = Operation{"authorization.get", "alipay.open.auth.token.app.query", http.MethodGet, Query, false}
)

// CertificateDownload brings Alipay's certificate of a serial. Its answer is not
// signed; see [Roots.VerifyDownloaded]. It is not in AlipayCN's description of V3, so
// the method is inferred.
//
//nolint:gochecknoglobals // as above
var CertificateDownload = Operation{"certificates.download", "alipay.open.app.alipaycert.download", http.MethodGet, Query, false}

// Operations returns every operation of the description.
func Operations() []Operation {
	return []Operation{
		VersionUpload, VersionBuild, VersionApply, VersionCancelAudit, VersionReturnToDevelopment,
		VersionGray, VersionCancelGray, VersionPublish, VersionTakeOffline, VersionRollback,
		VersionDelete, VersionGet, VersionList,
		BaseInfoGet, BaseInfoModify, BaseInfoCheckName,
		CategoryList, CategoryRequirements,
		ExperienceCreate, ExperienceGet, ExperienceCancel,
		SafeDomainAdd, SafeDomainRemove,
		MemberAdd, MemberRemove, MemberList,
		QRCodeCreate, QRCodeBind, QRCodeList, QRCodeUnbind,
		TemplateUsages,
		OrderCreate, OrderGet, OrderAccept, OrderReject, OrderCompleteItem, OrderConfirmItem, OrderCancelItem,
		AuthorizationToken, AuthorizationGet,
	}
}
