package source

import (
	"context"
	"io"
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

// DB is one connection to the source database.
type DB struct {
	config  Config
	query   string // Config.Query without what follows its end
	where   string // for errors: the peer that answered
	proof   string // see proof
	conn    *pgconn.PgConn
	release func() // closes the connector, if there is one
	pid     string // of the server process, which holds the locks
	wire    *wire

	columns   []column.Column // once known
	statement string          // what Scan executes: the query itself unless something must be computed from it
	types     []uint32        // of the columns of what Scan executes
	queried   []uint32        // of the columns of the query itself
	plan      []byte          // of the query, as Columns found it; used once
	doubt     string          // why statistics say nothing of the result, for what its columns are
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
