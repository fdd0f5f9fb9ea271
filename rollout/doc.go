// Package rollout drives a staged release to its end without anybody watching:
// through its reviews, up the ladder of ratios, past gates, to all users. It stops
// when something is wrong, goes on after being killed at any moment, sets no ratio twice,
// lowers none, and releases to all users only where its [Spec] says so.
//
// A [Runner] drives one [Target], and a [Fleet] many. [ForRelease] makes a target of a
// release of the platform; others can be written. [Runner.Run] blocks to the end;
// [Runner.Step] does what is due and returns, for programs that are started at intervals.
// Between two of them the rollout is a [State] in a [Store].
//
// # How it goes on
//
// A runner observes the target before it acts, and reconciles: what somebody did in the
// console is recorded, adopted when it is further along the spec, and never reversed. Every
// change is stored as an [Intent] before it is made, under an idempotency key that is kept
// for its repetition, and names the ratio that the runner believes live, so that the target
// refuses it when another one is.
//
//	the target is              the runner
//	NEW_VERSION_CREATED        applies; after its own application ended, pauses: rejected or withdrawn
//	UNDER_REVIEW               waits; for a review it did not ask for, does as Spec.Review says
//	RELEASE_PREPARATION        sets the first ratio
//	GRAYSCALE_RELEASE          waits, evaluates the gates, and sets the next ratio; pauses when the ratio fell
//	FULL_RELEASE               is done
//	CANCELED, ARCHIVED         has ended: somebody else, or a later version, ended it
//	anything else              waits, until the deadline
//
// # What it guarantees
//
// Events are emitted at most once: after a crash the last ones may be missing. The audit
// log in the store is complete. A lease keeps two runners of one name apart; should one
// lose its lease in the middle of a call, the From and RequestID of a [Change] keep the
// target from being changed twice.
package rollout
