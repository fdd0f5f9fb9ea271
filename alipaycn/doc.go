// Package alipaycn speaks AlipayCN's public OpenAPI V3 for the life of a mini
// program's version: upload from a template, build, review, grayscale, publish,
// take offline, roll back, with the QR codes, members, domains and
// authorizations around it, and for the orders of AlipayCN's service market. It is what puts
// a mini program in front of users, and it needs nothing else of this module running.
//
// # Client
//
// Make one [Client] with [New] or [NewFromEnv] and keep it; [Client.For] makes a
// cheap copy for each merchant. Every attempt is signed afresh, and an answer is
// verified before it is read: a success that is not signed, or wrongly, is
// refused. So is one that was signed half an hour away from this machine's time
// ([WithMaxClockSkew]), because AlipayCN's signatures do not name the request, and
// an old answer would fit any. What an answer repeats of its input must fit: the version
// of versions.get, the client of versions.list, the role of members.list, the categories of
// categories.requirements; the others repeat nothing. Refusals need no signature, because whether AlipayCN
// signs them all is not documented; one that is there must fit. Files are sent in
// pieces.
//
// # Inputs, values and statuses
//
// Inputs end in Input and have Validate, which finds every broken field before
// anything is sent, by its name on the wire, as one
// [alipayplus.ValidationError]. AlipayCN's description of its API marks no field
// as required; what is required here follows from its error codes. Lengths are
// as documented; in an application for review a Chinese character counts 2. Where
// the documents leave a length open, the text is left to AlipayCN. Fields that
// AlipayCN misspells are spelt right in Go and as AlipayCN has it on the wire.
//
// Enums are open: a value unknown to this version of the library is kept, and
// Known says so. Numbers and booleans are read from texts too, and the other way
// round. Times are Beijing time. A field that came in another shape leaves the rest of
// its answer readable: [Answer] names it, and holds all that came. A write is done when
// its verified answer says so, whatever else of it can be read.
//
// [Client.Do] calls the operations that this package does not wrap.
//
// The statuses of a version and the steps between them are [VersionStatus] and
// [VersionStatus.CanBecome]. Grayscale offers 10, 30 and 50 percent, see
// [GrayLadder]; 100 percent is publishing.
//
// # Errors
//
// A refusal is an [Error] with AlipayCN's [Code], what it means ([Code.Class],
// for errors.Is) and what to do ([Code.Hint]). When the merchant's authorization
// is missing or does not cover an operation there is an [AuthorizationError] in it.
// When AlipayCN refuses the time of a request, the hint says how far this machine's
// clock seems to be off.
//
// # Safe writes
//
// AlipayCN has no idempotency key. After a write whose outcome is unknown (no
// answer, a gateway's error, SYSTEM_ERROR) only the state shows whether it took
// effect. For each write about a version these are the statuses that prove that
// it did, and those that prove that it did not, so that it may be sent again.
// Any other status proves nothing. The client reads this state by itself: a write
// that took effect is a success, one that did not is sent again after a pause, as
// often as calls are sent at all ([WithRetry]), and otherwise the error matches
// [alipayplus.ErrOutcomeUnknown] and says what was seen and which operation to call.
// A refusal that a repetition would get is a success too, when the state before shows that
// the write had yet to be done, and the state afterwards that it was: something in between
// may have delivered it twice.
//
// The state is also read before a write about a version, but for versions.takeOffline
// and versions.rollback, and before qrcodes.bind, so that what somebody undid or
// stopped in the meantime is not done again. A program that has just
// read the version gives it as Known of the input, and it is not read a second time.
// When AlipayCN cannot be asked for it, which costs one attempt, the write is not sent, and
// the error says that nothing happened; cancelGray alone, which may end a release that goes
// wrong, is sent all the same. Where AlipayCN refuses to show it, the write is sent and less
// is proven: no upload, deletion and binding, an application only by AUDITING, and of the
// others but cancelGray nothing that would let them be sent again. Only upload, apply and bind
// wait for it longer than five seconds, or than half of the time that the context leaves.
// That a state leads to these conclusions is inferred from the descriptions of the
// operations; AlipayCN documents no such table.
//
// No state says who led to it. Of two programs that upload one number at the same
// time, one may take the other's version for its own; and a grayscale release that
// was begun, and ended by somebody before the state was read after its lost answer, is
// begun again. So it is with the other writes below.
//
//	versions.upload
//	    done      (any status), (no such version)
//	    not done  (no such version)
//	    only if   done: neither it nor a build of it existed before, and one does now; not done: versions.build knows no build of it
//	versions.apply
//	    done      AUDITING, WAIT_RELEASE, BASE_AUDIT_PASS, PROMOTE_AUDIT_REJECT, AUDIT_REJECT, GRAY, RELEASE
//	    not done  INIT
//	    only if   done: AUDITING is new, or gmt_apply_audit changed, and version_desc is the one sent; not done: gmt_apply_audit did not change
//	versions.cancelAudit
//	    done      INIT
//	    not done  AUDITING, WAIT_RELEASE, BASE_AUDIT_PASS, PROMOTE_AUDIT_REJECT, AUDIT_REJECT
//	    only if   not done: gmt_apply_audit did not change
//	versions.returnToDevelopment
//	    done      INIT
//	    not done  WAIT_RELEASE, BASE_AUDIT_PASS, PROMOTE_AUDIT_REJECT, AUDIT_REJECT
//	    only if   not done: gmt_apply_audit did not change
//	versions.gray
//	    done      GRAY
//	    not done  WAIT_RELEASE, GRAY
//	    only if   done: gray_strategy is the one asked for; not done: it is as before
//	versions.cancelGray
//	    done      WAIT_RELEASE
//	    not done  GRAY
//	    only if   not done: gray_strategy did not shrink
//	versions.publish
//	    done      RELEASE
//	    not done  WAIT_RELEASE, BASE_AUDIT_PASS, PROMOTE_AUDIT_REJECT, GRAY
//	    only if   not done: the status and gray_strategy are as before
//	versions.takeOffline
//	    done      OFFLINE
//	    not done  RELEASE
//	    only if   done: no version is in RELEASE
//	versions.rollback
//	    done      OFFLINE
//	    not done  RELEASE
//	    only if   done: an earlier version is in RELEASE
//	versions.delete
//	    done      (no such version)
//	    not done  INIT
//	    only if   done: it was there before; not done: gmt_create did not change
//
// The other writes:
//
//	baseInfo.modify
//	    done      baseInfo.get shows the texts that were sent, and nothing but texts was
//	    not done  baseInfo.get shows another text
//	experience.create
//	    done      experience.get shows a QR code
//	    not done  notExpVersion
//	experience.cancel
//	    done      notExpVersion
//	    not done  experience.get shows a QR code
//	safeDomains.add
//	    done      baseInfo.get lists the domain
//	    not done  it does not
//	safeDomains.remove
//	    done      baseInfo.get does not list the domain
//	    not done  it does
//	members.remove
//	    done      members.list shows nobody in the role who could be the member
//	    not done  it shows the member
//	qrcodes.bind
//	    done      qrcodes.list shows a rule with the address and mode, and did not before
//	    not done  it does not, and no pattern was asked for
//	qrcodes.unbind
//	    done      qrcodes.list does not show the rule
//	    not done  it does
//	orders.accept
//	    done      orders.get shows another status than MERCHANT_ORDED, and an item in
//	              TO_DO, DOING, TO_CONFIRM, CONFIRMED or DONE
//	    not done  it shows MERCHANT_ORDED
//	orders.reject
//	    done      orders.get shows all items in ISV_REJECTED
//	    not done  it shows the status MERCHANT_ORDED
//	orders.completeItem
//	    done      orders.get shows the item in TO_CONFIRM, CONFIRMED or DONE
//	    not done  it shows it in TO_DO or DOING
//	orders.confirmItem
//	    done      orders.get shows the item in CONFIRMED or DONE
//	    not done  it shows it in TO_CONFIRM
//	orders.cancelItem
//	    done      orders.get shows the item in ISV_CANCELLED
//	    not done  it shows it in TO_DO, DOING or TO_CONFIRM
//	members.add, qrcodes.create, orders.create, authorization.token
//	    nothing proves anything: lists hide the account, each call makes a
//	    picture or an order, a code works once
package alipaycn
