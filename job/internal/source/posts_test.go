package source

import (
	"fmt"
	"testing"
)

// postsQuery is the contract's default query, in the shape that the job uses.
const postsQuery = `SELECT p.post_id AS id, p.user_question, p.object_label, p.ai_answer, p.ai_question, p.location,
  i.mime_type AS content_mime_type, i.gcs_uri AS content_uri
FROM posts p JOIN images i USING (img_id) WHERE i.status = 'stored' AND p.is_public`

// postsDatabase makes the contract's tables with n posts of some 900 bytes, of which 55 % qualify: 165,000 of 300,000.
func postsDatabase(t testing.TB, n int) string {
	t.Helper()
	return database(t,
		`CREATE TABLE images (img_id uuid PRIMARY KEY, gcs_uri text, mime_type text, size_bytes bigint, sha256_hex char(64), status text,
		  created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now())`,
		`CREATE TABLE posts (post_id uuid PRIMARY KEY, user_id text, img_id uuid, user_question text, object_label text, ai_answer text, ai_question text,
		  ai_reference text, location text, latitude double precision, longitude double precision, is_public boolean, post_rarity integer,
		  date timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now())`,
		fmt.Sprintf(`INSERT INTO images SELECT md5('i' || g)::uuid, 'gs://bucket/images/' || g || '.jpg', (ARRAY['image/jpeg', 'image/png', 'image/webp'])[1 + g %% 3], g,
		  repeat('ab', 32), CASE WHEN g %% 100 < 76 THEN 'stored' ELSE 'pending' END FROM generate_series(1, %d) g`, n),
		fmt.Sprintf(`INSERT INTO posts SELECT md5('p' || g)::uuid, 'user' || g %% 1000, md5('i' || g)::uuid, 'これは何の花ですか？公園で見つけました ' || g, 'ヤマザクラ ' || g %% 500,
		  repeat('この花は"ヤマザクラ"と呼ばれ、春に咲きます。葉と花が同時に開くのが特徴です。', 6) || E'\n' || g, 'どこで見つけましたか？', NULL, '東京都' || g %% 60,
		  35 + g %% 1000 / 1000.0, 139, g %% 25 < 18, g %% 5 FROM generate_series(1, %d) g`, n),
		"ANALYZE")
}
