package source

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestParallel: Scan itself, not only its plan, runs on several server processes.
func TestParallel(t *testing.T) {
	url := postsDatabase(t, 20_000)
	watch := open(t, Config{URL: server.AdminURL("")})
	db := open(t, Config{URL: url, Query: postsQuery})
	for _, s := range []string{"SET parallel_setup_cost = 0", "SET parallel_tuple_cost = 0", "SET min_parallel_table_scan_size = 0"} {
		if _, err := db.conn.Exec(t.Context(), s).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	workers := "0"
	wait := sync.OnceValue(func() error {
		// While this callback waits, the server's send buffer is full and no process of the plan can end. On a busy
		// machine a worker may take a while to appear.
		for begin := time.Now(); workers == "0" && time.Since(begin) < 5*time.Second; {
			row, err := watch.queryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE leader_pid = $1", []byte(db.pid))
			if err != nil {
				return err
			}
			workers = string(row[0])
		}
		return nil
	})
	rows := 0
	err := db.Scan(t.Context(), func([][]byte) error { rows++; return wait() })
	if err != nil {
		t.Fatal(err)
	}
	if workers == "0" {
		t.Error("no parallel worker")
	}
	if rows != 11_000 {
		t.Errorf("got %d rows", rows)
	}
}

// TestFlatMemory: the read allocates nothing per row, simple columns or not.
func TestFlatMemory(t *testing.T) {
	for _, query := range []string{
		"SELECT generate_series(1, 100000) AS id, 'text' AS a, 1.5::float8 AS b, NULL::text AS c",
		"SELECT generate_series(1, 100000) AS id, ARRAY[1, 2] AS a",
	} {
		db := open(t, Config{URL: server.URL(""), Query: query})
		scan := func() (bytes int) {
			if err := db.Scan(t.Context(), func(row [][]byte) error { bytes += len(row[1]); return nil }); err != nil {
				t.Fatal(err)
			}
			return bytes
		}
		scan()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		scan()
		runtime.ReadMemStats(&after)
		if n := after.Mallocs - before.Mallocs; n > 1000 {
			t.Errorf("%s: %d allocations for 100000 rows", query, n)
		}
	}
}

func TestWideAndLong(t *testing.T) {
	var list []string
	for i := range 1500 {
		list = append(list, fmt.Sprintf(`'v%d' AS "column %d"`, i, i))
	}
	rows := scan(t, open(t, Config{URL: server.URL(""), Query: "SELECT 'x' AS id, " + strings.Join(list, ", ")}))
	if len(rows) != 1 || len(rows[0]) != 1501 || rows[0][1500] != "v1499" {
		t.Errorf("got %d rows", len(rows))
	}
	db := open(t, Config{URL: server.URL(""), Query: "SELECT g AS id, repeat('桜', 3500000) AS t FROM generate_series(1, 5) g"})
	large := 0
	err := db.Scan(t.Context(), func(row [][]byte) error {
		large++
		if len(row[1]) != 10_500_000 {
			t.Errorf("got %d bytes", len(row[1]))
		}
		return nil
	})
	if err != nil || large != 5 {
		t.Error(large, err)
	}
}

func TestErrorWhileReading(t *testing.T) {
	db := open(t, Config{URL: server.URL(""), Query: "SELECT generate_series(3, -1, -1) AS id, 1 AS a"})
	if _, err := db.Columns(t.Context()); err != nil {
		t.Fatal(err)
	}
	db = open(t, Config{URL: server.URL(""), Query: "SELECT g AS id, 6 / (g - 3) AS a FROM generate_series(1, 5) g"})
	rows := 0
	err := db.Scan(t.Context(), func([][]byte) error { rows++; return nil })
	if want := "read rows (after 2, the last with id \"2\"): division by zero: a row holds what the query cannot work with: correct that row or the query (SYNC_QUERY or SYNC_QUERY_FILE), or leave the row out"; err == nil || err.Error() != want || rows != 2 {
		t.Errorf("got %v after %d rows, want %s", err, rows, want)
	}
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTableAlteredMeanwhile(t *testing.T) {
	url := database(t, "CREATE TABLE t (id int, a text)")
	db := open(t, Config{URL: url, Query: "SELECT * FROM t"})
	if _, err := db.Columns(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, url, "ALTER TABLE t ADD b text")
	err := db.Scan(t.Context(), func([][]byte) error { return nil })
	const want = "read rows: the query's columns changed while the run began: the next run reads again"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
