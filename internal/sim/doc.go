// Package sim simulates everything at once, from a seed: several platforms over one store, AlipayCN, people of all roles,
// reviewers, jobs and rollouts, with networks, disks, clocks and processes that fail together. A seed is a whole history:
// [Run] gives the same one each time, on any number of processors. What must always hold is written anew here, from the
// product documents, and shares no code with what it judges.
//
// It is run by go test ./internal/sim -args -seeds N -from M.
package sim
