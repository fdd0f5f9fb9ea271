// Package alipayplus releases services to the Alipay+ Service Market and mini
// programs to AlipayCN: from the description or the upload, through the reviews,
// to the last percent of users.
//
// A [Client] calls a platform: one that package platform embeds or serves, by
// the contract in api/openapi.yaml. Alipay+ itself publishes no management API;
// the contract is this project's own, on the message structure and signature
// that Alipay+ documents.
//
// The rules are in this package as pure functions, and can be used without any
// network: [Ladder], [ReleaseStatus.CanBecome], [Limits.CheckVersionLimit],
// [ServicePolicy.Check], [PermissionPolicy.Can]. The client asks them before it
// sends, as far as the inputs hold what they need (the Known and Target fields); the
// platform asks the same to enforce.
//
// # How a release moves
//
// "(own)" marks what the documents do not say, and this project has decided.
//
//	from                 by                                to
//	NEW_VERSION_CREATED  apply                             UNDER_REVIEW
//	NEW_VERSION_CREATED  delete (own)                      DELETED
//	UNDER_REVIEW         all parties approve               RELEASE_PREPARATION
//	UNDER_REVIEW         a party rejects                   NEW_VERSION_CREATED
//	UNDER_REVIEW         withdraw                          NEW_VERSION_CREATED
//	RELEASE_PREPARATION  grayscale release                 GRAYSCALE_RELEASE
//	RELEASE_PREPARATION  final release                     FULL_RELEASE
//	RELEASE_PREPARATION  cancel                            CANCELED
//	RELEASE_PREPARATION  target app returns it (own)       NEW_VERSION_CREATED
//	GRAYSCALE_RELEASE    a higher ratio                    GRAYSCALE_RELEASE
//	GRAYSCALE_RELEASE    ratio 100 %                       FULL_RELEASE
//	GRAYSCALE_RELEASE    cancel                            CANCELED
//	GRAYSCALE_RELEASE    target app ends it (own)          RELEASE_PREPARATION
//	FULL_RELEASE         another version is fully released ARCHIVED
//	FULL_RELEASE         take offline, roll back (own)     ARCHIVED
//	ARCHIVED             the next one rolls back (own)     FULL_RELEASE
//
// # How a service moves
//
//	from            by                            to
//	DRAFT           submit                        PENDING_REVIEW
//	TURNED_DOWN     submit                        PENDING_REVIEW
//	WITHDRAWN       submit                        PENDING_REVIEW
//	PENDING_REVIEW  approve                       ONLINE
//	PENDING_REVIEW  turn down                     TURNED_DOWN
//	PENDING_REVIEW  withdraw                      WITHDRAWN
//	ONLINE          a revision is approved (own)  ONLINE
//	ONLINE          archive                       ARCHIVED
//
// # How an order moves
//
//	from                  by                         to
//	NEW_ORDER             provider: accept           PENDING_CONFIRMATION
//	NEW_ORDER             provider: reject (own)     CANCELED
//	NEW_ORDER             merchant: cancel (own)     CANCELED
//	PENDING_CONFIRMATION  merchant: confirm          IN_DEVELOPMENT
//	PENDING_CONFIRMATION  merchant: reject (own)     CANCELED
//	PENDING_CONFIRMATION  merchant: reject (own)     NEW_ORDER
//	IN_DEVELOPMENT        provider: submit           UNDER_APPROVAL
//	IN_DEVELOPMENT        provider: cancel           CANCELED
//	IN_DEVELOPMENT        merchant: cancel (own)     CANCELED
//	UNDER_APPROVAL        merchant: approve          COMPLETED
//	UNDER_APPROVAL        merchant: turn down (own)  IN_DEVELOPMENT
//	UNDER_APPROVAL        merchant: turn down (own)  CANCELED
//
// # How a request moves
//
//	from          by                   to
//	UNDER_REVIEW  all parties approve  APPROVED
//	UNDER_REVIEW  a party rejects      REJECTED
//	UNDER_REVIEW  withdraw             WITHDRAWN
//
// # How an authorization moves
//
//	from            by                                to
//	NOT_AUTHORIZED  begin                             PENDING
//	PENDING         begin again                       PENDING
//	PENDING         confirm on the target app's page  AUTHORIZED
//	PENDING         decline on the target app's page  DECLINED
//	PENDING         let it expire                     NOT_AUTHORIZED
//	AUTHORIZED      revoke                            REVOKED
//	DECLINED        begin                             PENDING
//	REVOKED         begin                             PENDING
//
// # Rules of this project's own
//
// The documents do not say what follows; a platform of package platform has it so.
//
//   - An authorization that is revoked after the application stops whatever calls the
//     target app: going live, raising, and canceling what is live for some users
//     already, which stays so. What is not live yet is withdrawn and canceled without a
//     call.
//   - A mistaken selection of the target app can be deleted: its places within the limits
//     are free, and the version can be selected again.
//   - A version below the one that is fully released goes live only where AllowDowngrade
//     is set.
//   - A full release can be taken offline, and rolled back to the one that it replaced,
//     where the target app can do so.
//   - No verdict is applied to a release until it is known what its target app did when
//     it was last asked; the same call, repeated by any member, finds out.
//   - An authorization page is good for one mini program, shows what the platform has
//     stored, and can be declined on: a client that waits gets an
//     [*AuthorizationRequiredError] with the status DECLINED.
//   - Reviewers see what was submitted, see [Submission]. The basic information of a
//     release is the company's until it is applied for; an approved change of it
//     becomes the company's. So are the mini program's names reviewed with a release.
//   - Languages are compared as tags, see [CanonicalLanguage], and kept in that form.
//   - A service that is online is changed by a [ServiceRevision]; the former text
//     stays online until it is approved.
//   - What an order becomes by a rejection or by turning it down is an [OrderPolicy]'s. A
//     merchant can cancel an order, and take back the access that it gave by confirming
//     it; the access ends with the order. A workspace cannot order its own service.
//   - By an order that gives access, owner and masters of the provider, and its developers to
//     whom the mini program is assigned, view, upload, configure and release that mini
//     program, see [PermissionPolicy.CanForMerchant]. What they do is in the merchant's workspace, under their company's name.
//   - The last owner of a workspace can neither be removed nor get another role.
//   - A release has a history that all members can read, also when it was deleted.
//
// # Errors
//
// Every failure of a call is an [*Error] that names the operation, what is wrong
// and what to do. errors.Is finds its class ([ErrNotFound], [ErrConflict],
// [ErrLimit], ...); errors.AsType gives the details ([*ValidationError],
// [*LimitError], [*RatioError], [*PermissionError], [*DowngradeError],
// [*AuthorizationRequiredError], [*ReviewError]).
// A refusal is never a nil error.
//
// # Repeating
//
// Reads and writes are repeated after failures that may pass. A write carries an
// idempotency key, made once a call, under which the platform does it once; give
// the RequestID of an input yourself to make a call repeatable by another
// process. [ErrOutcomeUnknown] says that it is not known whether a write took
// effect, also where a later attempt of it was refused, because an earlier one may
// have led to that; repeat it with the same RequestID, or read the state.
package alipayplus
