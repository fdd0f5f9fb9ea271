//go:build !unix

package postgrestest

import "os/exec"

// user is whom the server runs as: always the own one.
type user struct{}

func parent() string { return "" }

func otherUser(string) (user, error) { return user{}, nil }

func (user) runs(*exec.Cmd) {}
