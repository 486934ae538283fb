package source

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/job/internal/words"
)

// lockNumber maps a key to PostgreSQL's space of 64-bit advisory locks, in decimals: the first eight bytes, big endian, of the SHA-256
// of "vertex-metadata:" and the key. The prefix keeps us out of the way of other programs that hash the same words.
func lockNumber(key string) []byte {
	sum := sha256.Sum256([]byte("vertex-metadata:" + key))
	return strconv.AppendInt(nil, int64(binary.BigEndian.Uint64(sum[:])), 10)
}

// Holder is the session that holds a lock.
type Holder struct {
	PID         int // zero: it is a prepared transaction, which has no session
	Role        string
	Application string
	Since       time.Time // when the session began; zero: PostgreSQL does not say it to this role
	Ours        bool      // it is a run of this program: of the same role, and named so
}

func (h *Holder) String() string {
	if h.PID == 0 {
		return "a prepared transaction"
	}
	s := fmt.Sprintf("server process %d of role %q, application %q", h.PID, h.Role, h.Application)
	if !h.Since.IsZero() {
		s += ", connected since " + h.Since.UTC().Format(time.RFC3339)
	}
	return s
}

// Locked is the error of a run that a session of somebody else keeps from the lock of the key.
func (h *Holder) Locked(key string) error {
	remedy := fmt.Sprintf("end it with SELECT pg_terminate_backend(%d); if it is this job under another role, let all runs for a data store use one role", h.PID)
	if h.PID == 0 {
		remedy = "end it with COMMIT PREPARED or ROLLBACK PREPARED: SELECT gid FROM pg_prepared_xacts lists them"
	}
	text := fmt.Sprintf("take lock %s: a session that is not a run of this job holds it (%v)", key, h)
	return &refusal.Advice{Text: text, Remedy: remedy}
}

// lockTries is how often Lock looks for a holder that was gone when it was looked for.
const lockTries = 3

// Lock takes the advisory lock of the key if no other session has it, without waiting, and returns who has it: nil means that
// this session does, until it ends.
func (db *DB) Lock(ctx context.Context, key string) (*Holder, error) {
	for range lockTries {
		rows, err := db.own(ctx, "take lock "+key, "SELECT pg_try_advisory_lock($1::int8)", lockNumber(key))
		if err != nil || string(rows[0][0]) == "t" {
			return nil, err
		}
		if holder, err := db.LockHolder(ctx, key); err != nil || holder != nil {
			return holder, err
		}
	}
	return &Holder{Ours: true}, nil // it changes hands: somebody is at work
}

// holderQuery finds who holds a lock. pg_locks splits the lock's number in two. When a session of another role began is
// not shown to everybody; its role and its name are.
const holderQuery = `SELECT l.pid, coalesce(a.usename, ''), coalesce(a.application_name, ''), coalesce(extract(epoch FROM a.backend_start)::int8, 0), coalesce(a.usename = current_user, false)
FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid::int8 = $1::int8 >> 32 & 4294967295 AND l.objid::int8 = $1::int8 & 4294967295 AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) LIMIT 1`

// LockHolder returns the other session that holds the lock of the key, nil if there is none.
func (db *DB) LockHolder(ctx context.Context, key string) (*Holder, error) {
	rows, err := db.own(ctx, "look for the holder of lock "+key, holderQuery, lockNumber(key))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	row := rows[0]
	pid, _ := strconv.Atoi(string(row[0]))
	h := &Holder{PID: pid, Role: string(row[1]), Application: words.Line(string(row[2]))}
	if epoch, err := strconv.ParseInt(string(row[3]), 10, 64); err == nil && epoch > 0 {
		h.Since = time.Unix(epoch, 0)
	}
	h.Ours = string(row[4]) == "t" && strings.HasPrefix(h.Application, DefaultApplicationName)
	return h, nil
}
