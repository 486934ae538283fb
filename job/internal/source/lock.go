package source

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

// lockNumber maps a key to PostgreSQL's space of 64-bit advisory locks: the first eight bytes, big endian, of the SHA-256
// of "vertex-metadata:" and the key. The prefix keeps us out of the way of other programs that hash the same words.
func lockNumber(key string) int64 {
	sum := sha256.Sum256([]byte("vertex-metadata:" + key))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// TryLock takes the advisory lock of the key if no other session has it, without waiting. The lock lives until Unlock or
// until the session ends. Taking a lock twice needs releasing it twice.
func (db *DB) TryLock(ctx context.Context, key string) (bool, error) {
	return db.lockCall(ctx, "take", "SELECT pg_try_advisory_lock($1)", key)
}

// Unlock gives the lock back. It is an error not to hold it.
func (db *DB) Unlock(ctx context.Context, key string) error {
	held, err := db.lockCall(ctx, "release", "SELECT pg_advisory_unlock($1)", key)
	if err == nil && !held {
		err = &Error{Op: "release lock " + key, Reason: "this session does not hold it"}
	}
	return err
}

func (db *DB) lockCall(ctx context.Context, verb, statement, key string) (bool, error) {
	row, err := db.queryRow(ctx, statement, strconv.AppendInt(nil, lockNumber(key), 10))
	if err != nil {
		return false, queryError(verb+" lock "+key, db.where, "", err)
	}
	return string(row[0]) == "t", nil
}
