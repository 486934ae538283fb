package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// A session that is no run of the job holds the run's lock: the run fails and says who it is, and check says so too. A run
// that is active is no failure.
func TestForeignLockHolder(t *testing.T) {
	w := newDocs(t, database, 5)
	w.sync("imported")
	sum := sha256.Sum256([]byte("vertex-metadata:vertex-metadata/" + project + "/global/" + w.name))
	w.exec(fmt.Sprintf("SELECT pg_advisory_lock(%d)", int64(binary.BigEndian.Uint64(sum[:]))))
	holder := fmt.Sprintf(`server process %d of role "app", application ""`, w.conn.PgConn().PID())
	end := fmt.Sprintf("end it with SELECT pg_terminate_backend(%d)", w.conn.PgConn().PID())

	r := w.sync("failed")
	if got := failures(r); len(got) != 1 || !strings.Contains(got[0], "a session that is not a run of this job holds it ("+holder) || !strings.Contains(got[0], end) {
		t.Errorf("got %q", got)
	}
	if r := w.run([]string{"check"}); r.code != 1 || !strings.Contains(r.stdout, "FAIL  lock         take lock of this data store: a session that is not a run of this job holds it ("+holder) {
		t.Errorf("check: exit %d\n%s", r.code, r.stdout)
	}

	w.exec("SET application_name = 'vertex-metadata-sync execution-1'")
	w.sync("skipped")
	if r := w.run([]string{"check"}); r.code != 0 || !strings.Contains(r.stdout, `ok    lock         a run is active: `) {
		t.Errorf("check: exit %d\n%s", r.code, r.stdout)
	}
}
