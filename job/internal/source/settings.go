package source

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// patience is how long the server waits for data that it sent to be taken. It cannot distinguish a client that vanished from one
// that is alive and does not read: Linux drops the connection in both cases. So it is also how long Scan's fn may take.
const patience = 12 * time.Second

// workMemKiB is the session's work_mem, in KiB, unless the server allows more or somebody set it for this role, database
// or URL. With PostgreSQL's own 4 MiB the join of 300,000 posts with their images writes 180 MB of temporary files and reads
// them again, in every run, on somebody's production disk, and PostgreSQL needs 0.6 s of processor time; with 16 MiB it
// writes nothing and needs 0.35 s. From PostgreSQL 15 a hash may take twice as much, so this is enough for half a million
// images. The server takes what the statement needs, for as long as it runs.
const workMemKiB = 32 << 10

// setting is one of the session's.
type setting struct {
	name, value string
	since       int // the first version of PostgreSQL that has it
}

// settings make every later statement a read of its own in one snapshot, whatever the role's or the database's defaults are.
func (db *DB) settings() []setting {
	milliseconds := func(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }
	all := []setting{
		{"default_transaction_read_only", "on", 0},
		// One statement is one transaction and one snapshot: no BEGIN, no COMMIT, nothing left open when it ends.
		{"default_transaction_isolation", "repeatable read", 0},
		{"TimeZone", "UTC", 0},
		{"DateStyle", "ISO", 0},
		{"IntervalStyle", "postgres", 0},
		{"extra_float_digits", "1", 0},
		{"bytea_output", "hex", 0},
		{"xmlbinary", "base64", 0},
		{"quote_all_identifiers", "off", 0},
		{"standard_conforming_strings", "on", 0},
		{"statement_timeout", milliseconds(db.config.StatementTimeout), 0},
		// Less than the statement may take, or the server would blame the statement and nobody would learn what was locked.
		{"lock_timeout", milliseconds(min(db.config.LockTimeout, db.config.StatementTimeout/2)), 0},
		{"idle_in_transaction_session_timeout", "60s", 0},
		{"idle_session_timeout", "0", 14}, // the lock is held by an idle session while an import is awaited
		{"transaction_timeout", "0", 17},  // statement_timeout is enough
		// Compiling expressions costs more than it saves when all that the statement does is stream rows.
		{"jit", "off", 0},
		// A run whose machine vanished without a word is noticed, and its locks are free, after some 12 seconds, whether
		// the session was idle or in the middle of a read (measured: 12.6 and 12.5 with the network taken down). A killed
		// process is noticed at once, because its kernel says so. No effect on Unix sockets: there it is the Cloud SQL
		// proxy that sees the client go.
		{"tcp_keepalives_idle", "5", 0},
		{"tcp_keepalives_interval", "3", 0},
		{"tcp_keepalives_count", "3", 0},
		{"tcp_user_timeout", milliseconds(patience), 12},
	}
	if db.conn.ParameterStatus("server_encoding") == "SQL_ASCII" {
		// Such a database holds any bytes. Asked for UTF-8 it would fail the whole read at the first that are none; taken as
		// they are, they cost one document.
		all = append(all, setting{"client_encoding", "SQL_ASCII", 0})
	}
	return all
}

// improvements are settings that a run does without where the server does not have or refuses them.
var improvements = []string{
	fmt.Sprintf(`SELECT set_config(name, '%[1]dkB', false) FROM pg_settings WHERE name = 'work_mem'
		AND pg_size_bytes(current_setting(name)) < %[1]d * 1024 AND source NOT IN ('client', 'user', 'database', 'database user')`, workMemKiB),
	// A killed run is noticed in the middle of a sort that sends nothing. Otherwise the server finds out when it next sends
	// something.
	"SELECT set_config(name, '5s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'",
}

// prepareSession applies the settings after the login because connection poolers refuse most of them in the startup message.
func (db *DB) prepareSession(ctx context.Context) error {
	op, version := "prepare session of "+db.where, db.version()
	if err := checkVersion(op, version); err != nil {
		return err
	}
	var statements strings.Builder
	for _, s := range db.settings() {
		if version >= s.since {
			fmt.Fprintf(&statements, "SET %s = '%s';", s.name, s.value)
		}
	}
	results, err := db.conn.Exec(ctx, statements.String()+"SELECT pg_catalog.pg_backend_pid()").ReadAll()
	if err != nil {
		return db.failure(ctx, op, "", opening, err)
	}
	db.pid = string(results[len(results)-1].Rows[0][0])
	for _, statement := range improvements {
		_, _ = db.own(ctx, "improve the session", statement)
	}
	return nil
}

// version is the server's major one, zero if it cannot be read.
func (db *DB) version() (major int) {
	_, _ = fmt.Sscan(db.conn.ParameterStatus("server_version"), &major) // 15.18 (Debian …), 17beta1
	return major
}

// oldestVersion is the first that has the settings and the hash function that we use.
const oldestVersion = 11

// checkVersion says in words what would come out as an unknown setting. A version that cannot be read is tried.
func checkVersion(op string, version int) error {
	if version == 0 || version >= oldestVersion {
		return nil
	}
	return &Error{
		Op: op, Reason: fmt.Sprintf("it is PostgreSQL %d, which is too old", version), Config: true,
		Remedy: fmt.Sprintf("use PostgreSQL %d or later", oldestVersion),
	}
}
