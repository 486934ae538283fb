package sample_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/postgres"
	"vertexmetadata/sandbox/sample"
)

var server *postgres.Server

func TestMain(m *testing.M) {
	started, err := postgres.Start(context.Background(), postgres.Options{})
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	server = started
	code := m.Run()
	_ = server.Close()
	os.Exit(code)
}

// qualifying is the part of the default query that decides which posts are exported.
const qualifying = `FROM posts JOIN images USING (img_id)
	WHERE images.status = 'stored' AND posts.is_public AND lower(images.mime_type) IN ('image/jpeg', 'image/png', 'image/webp')`

func database(t *testing.T) *pgx.Conn {
	t.Helper()
	url, err := server.NewDatabase(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func count(t *testing.T, conn *pgx.Conn, sql string) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLoad(t *testing.T) {
	conn := database(t)
	if err := sample.Load(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	if got := count(t, conn, "SELECT count(*) FROM posts"); got != sample.Len() {
		t.Errorf("%d posts, want %d", got, sample.Len())
	}
	if got := count(t, conn, "SELECT count(*) "+qualifying); got != sample.Documents() || got < 36 {
		t.Errorf("%d posts qualify, want %d and at least 36", got, sample.Documents())
	}
	if got := count(t, conn, "SELECT count(*) FROM posts WHERE post_id = '"+sample.PostID(0)+"' AND object_label = 'セイヨウタンポポ'"); got != 1 {
		t.Error("PostID does not name the first post")
	}
	for name, sql := range map[string]string{
		"pending image":  "posts JOIN images USING (img_id) WHERE status = 'pending' AND is_public",
		"failed image":   "posts JOIN images USING (img_id) WHERE status = 'failed' AND is_public",
		"private post":   "posts JOIN images USING (img_id) WHERE status = 'stored' AND NOT is_public",
		"gif":            "posts JOIN images USING (img_id) WHERE mime_type = 'image/gif'",
		"bmp":            "posts JOIN images USING (img_id) WHERE mime_type = 'image/bmp'",
		"no mime type":   "posts JOIN images USING (img_id) WHERE mime_type IS NULL",
		"other case":     "posts JOIN images USING (img_id) WHERE mime_type = 'IMAGE/JPEG' AND status = 'stored' AND is_public",
		"no image":       "posts WHERE img_id IS NULL",
		"absent image":   "posts LEFT JOIN images USING (img_id) WHERE img_id IS NOT NULL AND status IS NULL",
		"image alone":    "images LEFT JOIN posts USING (img_id) WHERE post_id IS NULL",
		"no reference":   "posts WHERE ai_reference IS NULL",
		"a reference":    "posts WHERE ai_reference IS NOT NULL",
		"a line break":   `posts WHERE user_question LIKE E'%\n%'`,
		"a webp":         "images WHERE mime_type = 'image/webp'",
		"an image's URI": "images WHERE gcs_uri = 'gs://" + sample.ImageBucket + "/" + sample.ImageID(0) + ".jpeg'",
	} {
		if count(t, conn, "SELECT count(*) FROM "+sql) == 0 {
			t.Errorf("no row with %s", name)
		}
	}
}

func TestGenerate(t *testing.T) {
	const n = 6000
	conn, again, other := database(t), database(t), database(t)
	for _, g := range []struct {
		conn *pgx.Conn
		seed int64
	}{{conn, 7}, {again, 7}, {other, 8}} {
		if err := sample.Generate(t.Context(), g.conn, n, g.seed, sample.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	const print = "SELECT md5(string_agg(posts::text || images::text, '' ORDER BY post_id)) FROM posts JOIN images USING (img_id)"
	if fingerprint(t, conn, print) != fingerprint(t, again, print) {
		t.Error("the same seed made other rows")
	}
	if fingerprint(t, conn, print) == fingerprint(t, other, print) {
		t.Error("another seed made the same rows")
	}
	if got := count(t, conn, "SELECT count(*) "+qualifying); got < n*53/100 || got > n*57/100 {
		t.Errorf("%d of %d posts qualify, want about 55 %%", got, n)
	}
	size := count(t, conn, `SELECT avg(octet_length(json_build_object('id', post_id, 'structData', json_build_object('user_question', user_question,
		'object_label', object_label, 'ai_answer', ai_answer, 'ai_question', ai_question, 'location', location),
		'content', json_build_object('mimeType', mime_type, 'uri', gcs_uri))::text))::int `+qualifying)
	if size < 800 || size > 1000 {
		t.Errorf("documents have %d bytes on average, want about 900", size)
	}
}

func TestGenerateHostile(t *testing.T) {
	const n = 3000
	conn := database(t)
	if err := sample.Generate(t.Context(), conn, n, 1, sample.Options{Hostile: true}); err != nil {
		t.Fatal(err)
	}
	if got := count(t, conn, "SELECT count(*) "+qualifying); got < n*4/10 || got > n*7/10 {
		t.Errorf("%d of %d posts qualify, want about half", got, n)
	}
	rows, err := conn.Query(t.Context(), "SELECT ai_answer FROM posts")
	if err != nil {
		t.Fatal(err)
	}
	answers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(answers, "")
	for _, want := range []string{`"`, `\`, "\x01", "\x7f", "\u2028", "🍀", "\ufeff", "\U0010ffff", "</script>"} {
		if !strings.Contains(all, want) {
			t.Errorf("no answer has %q", want)
		}
	}
	if !utf8.ValidString(all) {
		t.Error("an answer is not UTF-8")
	}
	if got := count(t, conn, "SELECT max(octet_length(ai_answer)) FROM posts"); got < 300<<10 {
		t.Errorf("the longest answer has %d bytes, want 300 KB", got)
	}
}

func fingerprint(t *testing.T, conn *pgx.Conn, sql string) (sum string) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), sql).Scan(&sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

func BenchmarkGenerate300000(b *testing.B) {
	for b.Loop() {
		url, err := server.NewDatabase(b.Context(), "")
		if err != nil {
			b.Fatal(err)
		}
		conn, err := pgx.Connect(b.Context(), url)
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		if err := sample.Generate(b.Context(), conn, 300_000, 1, sample.Options{}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(300_000/time.Since(start).Seconds(), "posts/s")
		_ = conn.Close(b.Context())
	}
}
