// Package bench holds the benchmarks that span packages. It has no code of its own.
package bench
