package source

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/job/internal/refusal"
)

// TestHolder: the holder of a lock is named, and one that is not a run of ours is a failure.
func TestHolder(t *testing.T) {
	url := database(t)
	name := databaseOf(t, url)
	run(t, server.AdminURL(""), "CREATE ROLE stranger LOGIN PASSWORD 'x'")
	db := open(t, Config{URL: url, ApplicationName: "vertex-metadata-sync execution-1"})
	if holder, err := db.LockHolder(t.Context(), "k"); err != nil || holder != nil {
		t.Fatalf("LockHolder = %v, %v", holder, err)
	}
	for _, tt := range []struct {
		name, url, application string
		shared, ours           bool
	}{
		{"ours", url, "vertex-metadata-sync execution-0", false, true},
		{"another program of the role", url, "psql", false, false},
		{"another role under our name", server.URLAs("stranger", "x", name), "vertex-metadata-sync execution-0", false, false},
		{"a shared lock", server.URLAs("stranger", "x", name), "psql", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := pgx.Connect(t.Context(), tt.url+"&application_name="+strings.ReplaceAll(tt.application, " ", "%20"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close(context.Background()) }()
			call := "pg_advisory_lock"
			if tt.shared {
				call = "pg_advisory_lock_shared"
			}
			if _, err := conn.Exec(t.Context(), fmt.Sprintf("SELECT %s(%s)", call, lockNumber("k"))); err != nil {
				t.Fatal(err)
			}
			holder, err := db.Lock(t.Context(), "k")
			if err != nil || holder == nil || holder.PID != int(conn.PgConn().PID()) || holder.Application != tt.application || holder.Ours != tt.ours {
				t.Fatalf("Lock = %+v, %v", holder, err)
			}
			if seen := time.Since(holder.Since) < time.Minute; seen != (conn.Config().User == server.User()) {
				t.Errorf("since %v", holder.Since)
			}
			ok, err := tryLock(t.Context(), db, "k")
			var locked *refusal.Advice
			switch {
			case ok, tt.ours && err != nil, !tt.ours && !errors.As(err, &locked):
				t.Errorf("tryLock = %v, %v", ok, err)
			case !tt.ours:
				want := fmt.Sprintf("take lock k: a session that is not a run of this job holds it (%v) | end it with SELECT pg_terminate_backend(%d); if it is this job under another role, let all runs for a data store use one role", holder, holder.PID)
				if got := err.Error() + " | " + locked.Hint(); got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}
		})
	}
	waitForLock(t, db, "k", 5*time.Second)
	other := open(t, Config{URL: url})
	holder, err := other.LockHolder(t.Context(), "k")
	if err != nil || holder == nil || holder.Application != "vertex-metadata-sync execution-1" || !holder.Ours {
		t.Errorf("LockHolder = %+v, %v", holder, err)
	}
	if got, want := holder.String(), fmt.Sprintf(`server process %s of role "app", application "vertex-metadata-sync execution-1", connected since %s`, db.pid, holder.Since.UTC().Format(time.RFC3339)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestPreparedHolder: a prepared transaction keeps its lock without a process that could be ended.
func TestPreparedHolder(t *testing.T) {
	url := database(t)
	run(t, url, "BEGIN", fmt.Sprintf("SELECT pg_advisory_xact_lock(%s)", lockNumber("k")), "PREPARE TRANSACTION 'held'")
	defer run(t, url, "ROLLBACK PREPARED 'held'")
	holder, err := open(t, Config{URL: url}).Lock(t.Context(), "k")
	if err != nil || holder == nil {
		t.Fatal(holder, err)
	}
	text, hint := refusal.Split(holder.Locked("k"))
	if got, want := text+" | "+hint, "take lock k: a session that is not a run of this job holds it (a prepared transaction) | end it with COMMIT PREPARED or ROLLBACK PREPARED: SELECT gid FROM pg_prepared_xacts lists them"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
