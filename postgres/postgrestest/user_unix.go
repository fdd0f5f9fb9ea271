//go:build unix

package postgrestest

import (
	"fmt"
	"os"
	"os/exec"
	osuser "os/user"
	"strconv"
	"syscall"
)

// user is whom the server runs as; the zero user is the own one.
type user struct{ as *syscall.Credential }

// parent is where the folder of a server is made: for root, where the other user can enter, which need not be so for TMPDIR.
func parent() string {
	if os.Getuid() == 0 {
		return "/tmp"
	}
	return ""
}

// otherUser finds the user for root, as whom no server starts, and gives the folder to that user.
func otherUser(dir string) (user, error) {
	if os.Getuid() != 0 {
		return user{}, nil
	}
	account, err := osuser.Lookup("postgres")
	if err != nil {
		account, err = osuser.Lookup("nobody")
	}
	if err != nil {
		return user{}, fmt.Errorf("root may not run it, and there is no other user: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return user{}, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return user{}, err
	}
	return user{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, os.Chown(dir, int(uid), int(gid))
}

// runs has the user run the command, which no signal from the terminal reaches.
func (u user) runs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: u.as, Setpgid: true}
}
