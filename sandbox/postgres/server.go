// Package postgres runs a real, throw-away PostgreSQL from the programs installed on this machine.
//
// Each server has its own data directory, socket folder and port-free Unix socket, so any number run side by
// side. Nothing survives it: Close removes everything, and so does a watchdog when the owning process is
// killed before it could.
package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// startTimeout bounds a start or restart whose context has no earlier deadline.
	startTimeout = 60 * time.Second
	// longestTempDir keeps the socket's path, connection name included, below the operating system's limit of
	// 104 (macOS) or 108 (Linux) bytes: a longer temporary folder is replaced by /tmp.
	longestTempDir = 24
	// sharedMemory is Linux's file system in memory.
	sharedMemory = "/dev/shm"
	// enoughMemory in bytes is several times what all the tests of a module take at once.
	enoughMemory = 6 << 30
)

// Options say what a server offers. The zero value is a server with role app, a random password, and
// database app.
type Options struct {
	// User is the role that owns the databases; default "app".
	User string
	// Password of User; default random. SCRAM authentication checks it on every connection.
	Password string
	// Database is created at the start, owned by User; default "app".
	Database string
	// TCP adds an address on 127.0.0.1 (see Server.Addr) that can also cut connections for fault tests.
	TCP bool
	// Settings are further server settings, for example {"max_connections": "20"}.
	Settings map[string]string
	// BinDir is the folder of postgres and initdb; default FindBinaries.
	BinDir string
	// InMemory keeps the data in memory, on a machine that has enough of it. Tests make and drop hundreds of
	// databases of some 300 files, and ext4 looks for long for inodes that were not freed a moment ago.
	InMemory bool
}

// Server is one running PostgreSQL. Its methods may be called from several goroutines.
type Server struct {
	options       Options
	adminPassword string
	as            account
	dir           string // everything of this server; removed by Close
	watchdog      *watchdog
	proxy         *Proxy // nil without Options.TCP
	databases     atomic.Int64

	mu      sync.Mutex // guards process; held through start and stop
	process *process
	closed  bool
}

// Start makes a server and returns once it accepts connections. ctx bounds the start only.
func Start(ctx context.Context, options Options) (_ *Server, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ClearEnvironment()
	s := &Server{options: withDefaults(options), adminPassword: rand.Text()}
	if s.options.BinDir == "" {
		if s.options.BinDir, err = FindBinaries(); err != nil {
			return nil, err
		}
	}
	if s.as, err = serverAccount(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if err := s.prepareFolders(ctx); err != nil {
		return nil, fmt.Errorf("prepare PostgreSQL: %w", err)
	}
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	if err := s.setUp(ctx); err != nil {
		return nil, fmt.Errorf("set up PostgreSQL: %w", err)
	}
	if s.options.TCP {
		if s.proxy, err = startProxy(s.socketPath()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func withDefaults(o Options) Options {
	if o.User == "" {
		o.User = "app"
	}
	if o.Password == "" {
		o.Password = rand.Text()
	}
	if o.Database == "" {
		o.Database = "app"
	}
	return o
}

func (s *Server) prepareFolders(ctx context.Context) error {
	dir, err := os.MkdirTemp(s.parent(), "vmpg-")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w: let TMPDIR name a folder in which you may write, or unset it", err)
	}
	s.dir = dir
	// Another user's server has to pass through; the random name and SCRAM keep everyone else out.
	if s.as.switched {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	if s.watchdog, err = startWatchdog(dir, s.dataDir()); err != nil {
		return err
	}
	if err := os.Mkdir(s.SocketDir(), 0o755); err != nil {
		return err
	}
	if err := s.as.own(s.SocketDir()); err != nil {
		return err
	}
	if err := makeCluster(ctx, s.options.BinDir, s.as, s.dataDir()); err != nil {
		return err
	}
	return s.writeConfig()
}

// parent is where the server's folder is made.
func (s *Server) parent() string {
	var free syscall.Statfs_t
	if s.options.InMemory && syscall.Statfs(sharedMemory, &free) == nil && free.Bavail*uint64(free.Bsize) >= enoughMemory {
		return sharedMemory
	}
	if dir := os.TempDir(); len(dir) <= longestTempDir {
		return dir
	}
	return "/tmp"
}

// Stop shuts the server down in order, as a restart for maintenance does: sessions end with an error, the
// statistics are kept. Stopping a stopped server does nothing.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.stop(fastShutdown)
}

// Kill makes the server crash: every session ends at once, nothing is flushed, the statistics are lost and
// the next start recovers from the log. Committed work is still there afterwards.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.stop(immediateShutdown)
}

// Restart stops the server in order if it runs, starts it on the same data, and returns once it accepts
// connections. It also brings a stopped or killed server back.
func (s *Server) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.Stop(); err != nil {
		return err
	}
	return s.launch(ctx)
}

// Close ends the server and removes all it kept. It may be called more than once.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.proxy != nil {
		s.proxy.close()
	}
	err := s.process.stop(immediateShutdown)
	if s.dir != "" {
		if removeErr := os.RemoveAll(s.dir); err == nil {
			err = removeErr
		}
	}
	s.watchdog.close()
	return err
}

func (s *Server) launch(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("start PostgreSQL: the server was closed")
	}
	p, err := startProcess(ctx, s)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	s.process = p
	return nil
}

func (s *Server) dataDir() string { return filepath.Join(s.dir, "data") }

// LogFile is the server's own log, which a failing test may want to show.
func (s *Server) LogFile() string { return filepath.Join(s.dir, "data", "server.log") }
