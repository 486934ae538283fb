package source

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestShareOfAgainstServer compares our hash with PostgreSQL's on ids of every length around its blocks of twelve bytes.
func TestShareOfAgainstServer(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	ids := []string{"", "a", "日本", "7d9c0a52-6f43-4c38-9f0a-1e6f3a9f1c11"}
	for range 4000 {
		id := make([]rune, r.IntN(60))
		for i := range id {
			id[i] = []rune("abcXYZ019_-桜é😀")[r.IntN(13)]
		}
		ids = append(ids, string(id))
	}
	conn := open(t, Config{URL: server.URL("")}).conn
	result := conn.ExecParams(t.Context(), `SELECT hashtextextended(id COLLATE "C", 0)::text FROM unnest($1::text[]) id`, [][]byte{textArray(ids)}, nil, nil, nil).Read()
	if result.Err != nil || len(result.Rows) != len(ids) {
		t.Fatal(len(result.Rows), result.Err)
	}
	for i, row := range result.Rows {
		if got := fmt.Sprint(int64(hashBytesExtended(ids[i]))); got != string(row[0]) {
			t.Fatalf("hash of %q: got %s, want %s", ids[i], got, row[0])
		}
	}
}

// TestSharesAreAPartition: for ids of several types, every row is in the one share that ShareOf names, a NULL id included.
func TestSharesAreAPartition(t *testing.T) {
	url := database(t, "CREATE DOMAIN slug AS text", "CREATE TYPE color AS ENUM ('red', 'green', 'blue')")
	for _, id := range []string{"g", "md5(g::text)::uuid", "nullif(g, 7)::text", "(g % 2 = 0)", "('x' || g)::char(12)", "('s' || g)::slug", "g::numeric / 4", `('x' || g)::text COLLATE "en-x-icu"`, "(enum_range(NULL::color))[1 + g % 3]"} {
		for _, count := range []int{1, 2, 3, 7, 64} {
			db := open(t, Config{URL: url, Query: "SELECT 'x' AS a, " + id + " AS id FROM generate_series(1, 300) g;"})
			var all []string
			for index := range count {
				for _, row := range scan(t, db, Share{index, count}) {
					if got := ShareOf(strings.TrimPrefix(row[1], "<null>"), count); got != index {
						t.Errorf("%s: id %q came with share %d of %d, ShareOf says %d", id, row[1], index, count, got)
					}
					all = append(all, row[1])
				}
			}
			var want []string
			for _, row := range scan(t, db, Share{}) {
				want = append(want, row[1])
			}
			slices.Sort(all)
			slices.Sort(want)
			if !slices.Equal(all, want) || len(all) != 300 {
				t.Errorf("%s: %d rows in %d shares, %d in all", id, len(all), count, len(want))
			}
			db.Close(t.Context())
		}
	}
}

func TestShareThatDoesNotExist(t *testing.T) {
	for _, share := range []Share{{2, 2}, {-1, 2}} {
		_, err := open(t, Config{URL: server.URL(""), Query: "SELECT 1 AS id"}).Scan(t.Context(), share, nil)
		if want := fmt.Sprintf("read rows: share %d of 2 does not exist", share.Index); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestPlanOfShare: the share's condition runs in the scan itself, in parallel, and does not lure the planner into fetching
// the other table row by row.
func TestPlanOfShare(t *testing.T) {
	db := open(t, Config{URL: postsDatabase(t, 20_000), Query: postsQuery})
	if _, err := db.Columns(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"SET parallel_setup_cost = 0", "SET parallel_tuple_cost = 0", "SET min_parallel_table_scan_size = 0"} {
		if _, err := db.conn.Exec(t.Context(), s).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	for _, share := range []Share{{}, {1, 4}} {
		result := db.conn.ExecParams(t.Context(), "EXPLAIN "+db.statement(share), nil, nil, nil, nil).Read()
		var plan strings.Builder
		for _, row := range result.Rows {
			fmt.Fprintf(&plan, "%s\n", row[0])
		}
		if text := plan.String(); result.Err != nil || !strings.Contains(text, "Gather") || !strings.Contains(text, "Parallel Hash Join") || strings.Contains(text, "Nested Loop") {
			t.Errorf("share %v: %v\n%s", share, result.Err, text)
		}
	}
}
