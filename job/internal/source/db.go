package source

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"vertexmetadata/job/internal/column"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgproto3"
)

// readBuffer is what one read from the connection may return. The server sends pieces of 8 KiB; taking several at once
// saved a sixth of the client's processor time on 164,000 rows (0.125 s with pgconn's own 8 KiB, 0.104 s with 64 KiB, no
// better with 256 KiB). In the same comparison COPY TO STDOUT, text or binary, and a hand-written reader of result rows
// were no faster than pgconn's rows, so there is neither.
const readBuffer = 64 << 10

// cancelGrace is how long a cancelled statement may take to end before the connection is dropped instead.
const cancelGrace = 700 * time.Millisecond

// workMemKiB is the session's work_mem, in KiB, unless the server allows more or somebody set it for this role, database
// or URL. With PostgreSQL's own 4 MiB the join of 300,000 posts with their images writes 180 MB of temporary files and reads
// them again, in every run, on somebody's production disk, and PostgreSQL needs 0.6 s of processor time; with 16 MiB it
// writes nothing and needs 0.35 s. From PostgreSQL 15 a hash may take twice as much, so this is enough for half a million
// images. The server takes what the statement needs, for as long as it runs.
const workMemKiB = 32 << 10

// patience is how long the server waits for data that it sent to be taken. It cannot distinguish a client that vanished from one
// that is alive and does not read: Linux drops the connection in both cases. So it is also how long Scan's fn may take.
const patience = 12 * time.Second

// DB is one connection to the source database.
type DB struct {
	config  Config
	query   string // Config.Query without what follows its end
	where   string // for errors: the peer that answered
	proof   string // see proof
	conn    *pgconn.PgConn
	release func() // closes the connector, if there is one
	pid     string // of the server process, which holds the locks
	version int    // major
	wire    *wire

	columns   []column.Column // once known
	statement string          // what Scan executes: the query itself unless something must be computed from it
	types     []uint32        // of the columns of what Scan executes
	queried   []uint32        // of the columns of the query itself
	plan      []byte          // of the query, as Columns found it; used once
}

// Open connects and prepares the session. It returns within half a minute, whatever the network does. Errors are of type
// *Error, but for those of ctx and of Config.Token.
func Open(ctx context.Context, config Config) (*DB, error) {
	pg, err := config.parse()
	if err != nil {
		return nil, err
	}
	db := &DB{config: config.withDefaults(), wire: newWire(), release: func() {}}
	pg.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		db.wire.attach(r) // of the latest attempt to connect
		return pgproto3.NewFrontend(db.wire, w)
	}
	// Ask the server to stop before the connection is given up: the session, and with it the locks, may survive.
	pg.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelGrace}
	}
	limited, cancel := context.WithTimeout(ctx, maxConnectTime)
	defer cancel()
	if config.connector() {
		if pg.DialFunc, db.release, err = config.dialer(limited); err != nil {
			return nil, err
		}
	}
	if config.Token != nil {
		if pg.Password, err = config.Token(limited); err != nil {
			db.release()
			return nil, err
		}
	}
	a := &attempt{config: config, pg: pg}
	a.watch()
	if db.conn, err = a.connect(limited); err != nil {
		db.release()
		return nil, a.failure(ctx, err)
	}
	db.where, db.proof = a.where(), proof(pg)
	if err := db.prepareSession(limited); err != nil {
		db.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return db, nil
}

// prepareSession makes every later statement a read of its own in one snapshot, whatever the role's or the database's
// defaults are. Settings go in after the login because connection poolers refuse most of them in the startup message.
func (db *DB) prepareSession(ctx context.Context) error {
	_, _ = fmt.Sscan(db.conn.ParameterStatus("server_version"), &db.version) // 15.18 (Debian …), 17beta1
	if err := db.checkVersion(); err != nil {
		return err
	}
	statements := []string{
		"SET default_transaction_read_only = on",
		// One statement is one transaction and one snapshot: no BEGIN, no COMMIT, nothing left open when it ends.
		"SET default_transaction_isolation = 'repeatable read'",
		"SET TimeZone = 'UTC'",
		"SET DateStyle = 'ISO'",
		"SET IntervalStyle = 'postgres'",
		"SET extra_float_digits = 1",
		"SET bytea_output = 'hex'",
		"SET xmlbinary = 'base64'",
		"SET quote_all_identifiers = off",
		"SET standard_conforming_strings = on",
		fmt.Sprintf("SET statement_timeout = %d", db.config.StatementTimeout.Milliseconds()),
		// Less than the statement may take, or the server would blame the statement and nobody would learn what was locked.
		fmt.Sprintf("SET lock_timeout = %d", min(db.config.LockTimeout, db.config.StatementTimeout/2).Milliseconds()),
		"SET idle_in_transaction_session_timeout = '60s'",
		// Compiling expressions costs more than it saves when all that the statement does is stream rows.
		"SET jit = off",
		// A run whose machine vanished without a word is noticed, and its locks are free, after some 12 seconds, whether
		// the session was idle or in the middle of a read (measured: 12.6 and 12.5 with the network taken down). A killed
		// process is noticed at once, because its kernel says so. No effect on Unix sockets: there it is the Cloud SQL
		// proxy that sees the client go.
		"SET tcp_keepalives_idle = 5",
		"SET tcp_keepalives_interval = 3",
		"SET tcp_keepalives_count = 3",
	}
	if db.version >= 12 {
		statements = append(statements, fmt.Sprintf("SET tcp_user_timeout = %d", patience.Milliseconds()))
	}
	if db.version >= 14 {
		// The lock is held by an idle session while an import is awaited.
		statements = append(statements, "SET idle_session_timeout = 0")
	}
	if db.version >= 17 {
		statements = append(statements, "SET transaction_timeout = 0") // statement_timeout is enough
	}
	if db.conn.ParameterStatus("server_encoding") == "SQL_ASCII" {
		// Such a database holds any bytes. Asked for UTF-8 it would fail the whole read at the first that are none; taken as
		// they are, they cost one document.
		statements = append(statements, "SET client_encoding = 'SQL_ASCII'")
	}
	statements = append(statements, "SELECT pg_catalog.pg_backend_pid()")
	results, err := db.conn.Exec(ctx, strings.Join(statements, ";")).ReadAll()
	if err != nil {
		return db.failure(ctx, "prepare session of "+db.where, "", preparing, err)
	}
	db.pid = string(results[len(results)-1].Rows[0][0])
	improvements := []string{fmt.Sprintf(`SELECT set_config(name, '%[1]dkB', false) FROM pg_settings WHERE name = 'work_mem'
		AND pg_size_bytes(current_setting(name)) < %[1]d * 1024 AND source NOT IN ('client', 'user', 'database', 'database user')`, workMemKiB)}
	if db.version >= 14 {
		// A killed run is noticed in the middle of a sort that sends nothing. Some platforms refuse the setting: then the
		// server finds out when it next sends something.
		improvements = append(improvements, "SELECT set_config('client_connection_check_interval', '5s', false)")
	}
	for _, statement := range improvements {
		_, _ = db.own(ctx, "improve the session", statement) // a run does without what the server refuses
	}
	return nil
}

// oldestVersion is the first that has the settings and the hash function that we use.
const oldestVersion = 11

// checkVersion says in words what would come out as an unknown setting. A version that cannot be read is tried.
func (db *DB) checkVersion() error {
	if db.version == 0 || db.version >= oldestVersion {
		return nil
	}
	return &Error{
		Op: "prepare session of " + db.where, Reason: fmt.Sprintf("it is PostgreSQL %d, which is too old", db.version), Config: true,
		Remedy: fmt.Sprintf("use PostgreSQL %d or later", oldestVersion),
	}
}

// Check returns nil if the session, and so every lock in it, is still alive.
func (db *DB) Check(ctx context.Context) error {
	op := "check session of " + db.where
	rows, err := db.own(ctx, op, "SELECT pg_backend_pid()")
	if err != nil {
		return err
	}
	if string(rows[0][0]) != db.pid {
		return &Error{
			Op: op, Reason: "it moved to another server process, so its locks are lost", Config: true,
			Remedy: "connect past the connection pooler, or pool by session",
		}
	}
	return nil
}

// Close ends the session and frees its locks: when it returns, another session can take them. Left to the server, that
// would happen a moment after the goodbye, and a run that follows at once would be skipped.
func (db *DB) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, _ = db.own(ctx, "free the locks", "SELECT pg_advisory_unlock_all()")
	_ = db.conn.Close(ctx) // a connection that cannot say goodbye is closed all the same
	db.release()
}

// String says what the connection is to, without the password.
func (db *DB) String() string { return db.where }
