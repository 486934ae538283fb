package postgres

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// account is the operating system user that the server runs as. Its zero value is the current user.
type account struct {
	switched bool // the server runs as another user, because this process is root
	uid, gid int
}

// serverAccount chooses the user: the current one, except that root, which PostgreSQL refuses to run as,
// becomes postgres or else nobody.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(found.Uid)
		gid, gidErr := strconv.Atoi(found.Gid)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return account{switched: true, uid: uid, gid: gid}, nil
		}
	}
	return account{}, fmt.Errorf("choose the user to run PostgreSQL as: it refuses root, and this machine has neither a user postgres nor nobody")
}

// own gives a file or folder to the server's user.
func (a account) own(path string) error {
	if !a.switched {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// prepare makes cmd run as the server's user, in its own process group so that Ctrl-C on the terminal reaches
// the owner only, and without this process's PG* variables, which would change what the server does.
func (a account) prepare(cmd *exec.Cmd) {
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.switched {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
}
