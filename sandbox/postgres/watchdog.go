package postgres

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// watchdogScript waits for the end of its standard input, a pipe that only the owner holds open: it closes
// when the owner closes it or dies in any way, kill -9 included. If the server's folder is still there, the
// owner had no time to clean up, so the script does: it ends the postmaster named in postmaster.pid (which
// may be a moment away when the owner died during a start) and removes the folder.
//
// A parent-death signal would be less code, but exists on Linux only, and there fires when the thread that
// started the child ends, not the process.
const watchdogScript = `
cat >/dev/null
[ -d "$1" ] || exit 0
tries=0
while [ $tries -lt 20 ]; do
	if read -r pid <"$2/postmaster.pid" && [ -n "$pid" ]; then
		kill -QUIT "$pid"
		while kill -0 "$pid" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries+1)); done
		break
	fi
	sleep 0.1
	tries=$((tries+1))
done 2>/dev/null
rm -rf "$1"
`

// watchdog is the process that outlives the owner. A nil watchdog never started.
type watchdog struct {
	cmd   *exec.Cmd
	alive io.Closer // closing it lets the script end
}

func startWatchdog(dir, dataDir string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "vertex-metadata-watchdog", dir, dataDir)
	// Its own session: a signal to the owner's group or terminal must not end it first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Dir = "/"
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, alive: alive}, nil
}

// close lets the script find the folder gone and end; call it after the folder was removed.
func (w *watchdog) close() {
	if w == nil {
		return
	}
	_ = w.alive.Close()
	_ = w.cmd.Wait()
}
