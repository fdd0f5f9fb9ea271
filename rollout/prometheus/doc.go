// Package prometheus makes gates of a rollout that ask a Prometheus server, or
// whatever answers its HTTP API: give what [Maker] returns to rollout.WithGates. It
// is a module of its own, so that who does not use it does not download the client.
package prometheus
