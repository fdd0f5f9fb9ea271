// Package alipaycntarget makes a version of a mini program at AlipayCN a
// [rollout.Target], so that a [rollout.Runner] takes it through AlipayCN's review and
// up its ratios to all users, by AlipayCN's own API and nothing else.
//
// # Over AlipayCN
//
// The version must be there and built ([alipaycn.VersionsClient.WaitBuilt]); the rollout
// begins with the application for review. AlipayCN's statuses in the words of the
// platform, and what the target does there:
//
//	INIT                         NEW_VERSION_CREATED
//	AUDITING                     UNDER_REVIEW
//	AUDIT_REJECT                 NEW_VERSION_CREATED, rejected; an application returns it to development first
//	PROMOTE_AUDIT_REJECT         the same, or RELEASE_PREPARATION when can_release says so
//	WAIT_RELEASE                 RELEASE_PREPARATION
//	BASE_AUDIT_PASS              RELEASE_PREPARATION
//	GRAY                         GRAYSCALE_RELEASE with its ratio
//	RELEASE                      FULL_RELEASE
//	OFFLINE                      ARCHIVED
//	AUDIT_OFFLINE                CANCELED
//	anything else                an error that names it: a rollout does not go on by a guess
//
// The ratios are 10, 30 and 50 percent, and then 100, which is publishing
// ([alipaycn.GrayLadder]); a spec that asks for another is refused. Whether a version in
// BASE_AUDIT_PASS may go into grayscale is not documented: AlipayCN says so when it is asked.
//
// # One version at a time
//
// AlipayCN lets one version of a mini program be under review, passed, rejected or in
// grayscale. Another one that is, is told as a [rollout.Blocker]. For the same reason a
// Target is not [rollout.Batched]: of all versions that a list would show, one at most is
// on its way, and a list shows neither its ratio nor its application.
//
// # What keeps a change from being made twice
//
// AlipayCN has no idempotency key, and does not ask which ratio the caller believes
// live. A Target reads the version right before each change and refuses the change with
// [alipayplus.ErrConflict] when it is not as expected. Between that reading and the
// change somebody else may still be faster: a ratio that is live already, or a larger
// one, AlipayCN refuses, but a grayscale release that was ended in that moment begins
// anew at the ratio asked for. After an answer that got lost, package alipaycn reads
// what became of the change (see "Safe writes" there); where even that is not known, the
// error matches [alipayplus.ErrOutcomeUnknown], and the runner looks again before it goes on.
//
// An application is named by the second in which it was made (gmt_apply_audit).
package alipaycntarget
