// Package rollouttest helps to test what is built on package rollout.
//
// [Fake] is a target in memory, for tests of programs that drive rollouts. Reviewers,
// people at the console, refusals, failures and lost answers are a call each, and it
// reads the time from package time, so that a climb of days takes milliseconds inside
// testing/synctest.
//
// [TestTarget] and [TestStore] check that a [rollout.Target] or a [rollout.Store] of
// your own keeps the promises of its interface.
package rollouttest
