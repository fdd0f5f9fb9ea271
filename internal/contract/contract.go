// Package contract lists the operations of the platform's HTTP contract, which
// api/openapi.yaml writes down. The client and the platform both work from this
// list, so that neither can know an operation that the other lacks.
package contract

// Prefix stands before the path of every operation: {base}/api/open/v2/...
// (Alipay+ "OpenAPI overview"; the host in front of it is not documented).
const Prefix = "/api/open/v2/"

// Operation is one call of the contract.
type Operation struct {
	// Name is what errors, logs and events call the operation: "releases.create".
	Name string
	// Path stands behind Prefix: "release/create".
	Path string
	// Write says that the call changes something and carries a requestId.
	Write bool
}

// The operations. QRCodeCreate is documented by Alipay+; all others are this
// project's own design.
var (
	WorkspaceQuery = Operation{"workspace.get", "workspace/query", false}

	ProgramCreate       = Operation{"programs.create", "miniprogram/create", true}
	ProgramQuery        = Operation{"programs.get", "miniprogram/query", false}
	ProgramList         = Operation{"programs.list", "miniprogram/list", false}
	ProgramAddLanguages = Operation{"programs.addLanguages", "miniprogram/language/add", true}
	ProgramConfigure    = Operation{"programs.updateConfiguration", "miniprogram/configuration/update", true}
	VersionUpload       = Operation{"programs.uploadVersion", "miniprogram/version/upload", true}
	VersionList         = Operation{"programs.listVersions", "miniprogram/version/list", false}
	// QRCodeCreate carries no requestId: Alipay+ documents its other fields as
	// the key under which a repetition gives the same QR code.
	QRCodeCreate = Operation{"qrcodes.create", "miniprogram/qrcode/create", true}

	ReleaseCreate    = Operation{"releases.create", "release/create", true}
	ReleaseQuery     = Operation{"releases.get", "release/query", false}
	ReleaseList      = Operation{"releases.list", "release/list", false}
	ReleaseHistory   = Operation{"releases.history", "release/history", false}
	ReleaseApply     = Operation{"releases.apply", "release/apply", true}
	ReleaseWithdraw  = Operation{"releases.withdraw", "release/withdraw", true}
	ReleaseRaise     = Operation{"releases.grayscale", "release/grayscale", true}
	ReleaseFinalize  = Operation{"releases.finalize", "release/finalize", true}
	ReleaseCancel    = Operation{"releases.cancel", "release/cancel", true}
	ReleaseDelete    = Operation{"releases.delete", "release/delete", true}
	ReleaseConfigure = Operation{"releases.updateConfiguration", "release/configuration/update", true}

	ReleaseTest = Operation{"releases.testCompatibility", "release/compatibility/test", true}

	ReleaseTakeOffline = Operation{"releases.takeOffline", "release/offline", true}
	ReleaseRollBack    = Operation{"releases.rollBack", "release/rollback", true}

	AuthorizationBegin = Operation{"authorizations.begin", "authorization/begin", true}
	AuthorizationQuery = Operation{"authorizations.get", "authorization/query", false}

	ServiceCreate   = Operation{"services.create", "service/create", true}
	ServiceUpdate   = Operation{"services.update", "service/update", true}
	ServiceSubmit   = Operation{"services.submit", "service/submit", true}
	ServiceWithdraw = Operation{"services.withdraw", "service/withdraw", true}
	ServiceArchive  = Operation{"services.archive", "service/archive", true}
	ServiceQuery    = Operation{"services.get", "service/query", false}
	ServiceList     = Operation{"services.list", "service/list", false}

	MarketQuery = Operation{"market.get", "market/query", false}
	MarketList  = Operation{"market.list", "market/list", false}
	MarketFile  = Operation{"market.file", "market/file", false}

	OrderPlace        = Operation{"orders.place", "order/place", true}
	OrderAccept       = Operation{"orders.accept", "order/accept", true}
	OrderReject       = Operation{"orders.reject", "order/reject", true}
	OrderConfirm      = Operation{"orders.confirm", "order/confirm", true}
	OrderSubmit       = Operation{"orders.submit", "order/submit", true}
	OrderApprove      = Operation{"orders.approve", "order/approve", true}
	OrderTurnDown     = Operation{"orders.turnDown", "order/turndown", true}
	OrderCancel       = Operation{"orders.cancel", "order/cancel", true}
	OrderRevokeAccess = Operation{"orders.revokeAccess", "order/access/revoke", true}
	OrderAssign       = Operation{"orders.assign", "order/assign", true}
	OrderQuery        = Operation{"orders.get", "order/query", false}
	OrderList         = Operation{"orders.list", "order/list", false}

	RequestQuery = Operation{"requests.get", "request/query", false}
	RequestList  = Operation{"requests.list", "request/list", false}

	// FileUpload carries no requestId either: the file is named by its SHA-256.
	FileUpload = Operation{"files.upload", "file/upload", true}

	ReviewList   = Operation{"reviews.list", "review/list", false}
	ReviewQuery  = Operation{"reviews.get", "review/query", false}
	ReviewFile   = Operation{"reviews.file", "review/file", false}
	ReviewDecide = Operation{"reviews.decide", "review/decide", true}

	SessionBegin = Operation{"sessions.begin", "session/begin", true}
)

// Operations returns every operation of the contract.
func Operations() []Operation {
	return []Operation{
		WorkspaceQuery,
		ProgramCreate, ProgramQuery, ProgramList, ProgramAddLanguages, ProgramConfigure,
		VersionUpload, VersionList, QRCodeCreate,
		ReleaseCreate, ReleaseQuery, ReleaseList, ReleaseHistory, ReleaseApply, ReleaseWithdraw,
		ReleaseRaise, ReleaseFinalize, ReleaseCancel, ReleaseDelete, ReleaseConfigure,
		ReleaseTest, ReleaseTakeOffline, ReleaseRollBack,
		AuthorizationBegin, AuthorizationQuery,
		ServiceCreate, ServiceUpdate, ServiceSubmit, ServiceWithdraw, ServiceArchive,
		ServiceQuery, ServiceList,
		MarketQuery, MarketList, MarketFile,
		OrderPlace, OrderAccept, OrderReject, OrderConfirm, OrderSubmit, OrderApprove, OrderTurnDown,
		OrderCancel, OrderRevokeAccess, OrderAssign, OrderQuery, OrderList,
		RequestQuery, RequestList,
		FileUpload,
		ReviewList, ReviewQuery, ReviewFile, ReviewDecide,
		SessionBegin,
	}
}
