// Package temporal drives rollouts on [Temporal], for those who have many: a release survives the
// loss of any machine, people see it on Temporal's page, and days of waiting cost nothing.
//
// A worker runs the rollouts: [Register] gives it the workflow and its activities. A [Client], in
// any other process, starts rollouts, gives them commands and reads where they stand.
//
// # How it works
//
// The workflow has no rule in it: it waits for commands, and calls one activity, which is
// [rollout.Runner.Advance] over the state that it is given. What that comes to is in the
// workflow's history before anything else is done; a change of the target is made by a call
// that found its intent there. So each ratio is set once, whichever process dies when, and a new
// version of a rule never meets the history of an old one.
//
// While a release waits, for a review or a bake time, the activity ends with an error that says
// what for and when to try again. Temporal keeps the time, and its history does not grow: verdicts
// of gates that let the release go on, or wait, are kept in the activity's heartbeat. A verdict to
// fail, or none, is in the history at once. A command ends the wait.
//
// # What is kept where
//
// The state and the audit log are the workflow's own, as long as the namespace retains it:
// [Client.Status] and [Client.Audit] read both, after its end too. Events are emitted to the
// sink of a worker once their state is stored, each at most once.
//
// [Temporal]: https://temporal.io
package temporal
