package sample

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options change what Generate makes.
type Options struct {
	// Hostile fills every text with what encoders stumble over: quotes, backslashes, control characters,
	// U+2028, emoji, markup, and now and then 300 KB in one answer. It is meant for some 20,000 posts.
	Hostile bool
}

// phrases are what generated texts are put together from. No text has a quote: they become SQL constants.
var phrases = struct{ questions, labels, answers, asks, places []string }{
	questions: []string{
		"これは何という花ですか", "この虫の名前を教えて", "木の上にいた鳥はなに？", "川でひろった石です、何の石？", "この葉っぱは食べられますか",
		"庭で見つけたよ、これなに？", "どうしてこんな色をしているの？", "夜に光っていたのは何ですか", "公園の池で泳いでいました", "種をまいたら何が出る？",
	},
	labels: []string{
		"タンポポ", "カブトムシ", "シジュウカラ", "花崗岩", "コスモス", "アキアカネ", "ツクシ", "黒曜石", "カルガモ", "アジサイ", "アブラゼミ",
		"イチョウ", "モンシロチョウ", "ヒガンバナ", "オオカマキリ", "スズメ", "ドングリ", "ニホントカゲ", "サクラ", "アオサギ", "シロツメクサ", "メジロ",
	},
	answers: []string{
		"春の野原でよく見られる植物です。", "夏の夜に樹液へ集まる昆虫です。", "人の住む場所の近くで暮らす小さな鳥です。",
		"地下の深いところでゆっくり冷えて固まった岩石です。", "葉のふちの形と、茎の毛の有無が見分けるポイントです。",
		"オスとメスでは体の大きさと色がちがいます。", "日当たりの良い、少し湿った場所を好みます。", "卵から成虫になるまで、およそ一年かかります。",
		"よく似た種類があるので、裏側も観察すると確かめられます。", "昔から人々の暮らしに利用されてきました。", "さわったあとは、必ず手を洗ってください。",
		"秋になると実が熟し、鳥や動物に運ばれて広がります。",
	},
	asks: []string{
		"どんな場所で見つけたか教えてくれますか？", "においをかいでみると、どんな感じでしたか？", "ほかにも同じ仲間が近くにいましたか？",
		"大きさは手のひらと比べてどれくらいでしたか？", "次に見つけたときは、裏側の写真も撮ってみませんか？", "季節が変わると、どう変化すると思いますか？",
	},
	places: []string{
		"北海道札幌市", "宮城県仙台市", "東京都世田谷区", "神奈川県鎌倉市", "長野県松本市", "愛知県名古屋市", "京都府京都市", "大阪府吹田市",
		"広島県広島市", "高知県高知市", "福岡県福岡市", "沖縄県那覇市",
	},
}

// Generate makes the tables and n posts with an image each: equal for equal n and seed, on the server, and
// quickly (three million take about a minute). 54.7 % of them become documents of about 900 bytes.
func Generate(ctx context.Context, db DB, n int, seed int64, options Options) error {
	if options.Hostile {
		return generateHostile(ctx, db, n, seed)
	}
	for _, step := range []struct{ name, sql string }{
		{"create tables", tables},
		{"images", imagesSQL(n, seed)},
		{"posts", postsSQL(n, seed)},
		{"keys", keys},
		{"statistics", "ANALYZE images, posts"},
	} {
		if _, err := db.Exec(ctx, step.sql); err != nil {
			return fmt.Errorf("generate %d posts: %s: %w", n, step.name, err)
		}
	}
	return nil
}

// The probabilities, in thousandths: 0.800 stored × 0.800 public × 0.854 of a type that is exported = 0.547.
func imagesSQL(n int, seed int64) string {
	return fmt.Sprintf(`
INSERT INTO images
SELECT id, 'gs://%[3]s/' || id || CASE WHEN kind < 500 THEN '.jpg' WHEN kind < 700 THEN '.png' ELSE '.bin' END,
	CASE WHEN kind < 500 THEN 'image/jpeg' WHEN kind < 700 THEN 'image/png' WHEN kind < 854 THEN 'image/webp'
		WHEN kind < 914 THEN 'image/gif' WHEN kind < 944 THEN 'image/bmp' WHEN kind < 970 THEN 'image/heic' END,
	100000 + %[4]s, repeat(md5(id::text), 2),
	CASE WHEN fate < 800 THEN 'stored' WHEN fate < 900 THEN 'pending' ELSE 'failed' END, at, at
FROM generate_series(1, %[1]d) AS i,
	LATERAL (SELECT md5('image-%[2]d-' || i)::uuid AS id, %[5]s AS kind, %[6]s AS fate,
		timestamptz '%[7]s' + i * interval '7 seconds' AS at) AS r`,
		n, seed, ImageBucket, dice(seed, 1, 900_000), dice(seed, 2, 1000), dice(seed, 3, 1000), epoch.Format(time.RFC3339))
}

func postsSQL(n int, seed int64) string {
	return fmt.Sprintf(`
INSERT INTO posts
SELECT md5('post-%[2]d-' || i)::uuid, 'user-' || %[3]s, md5('image-%[2]d-' || i)::uuid,
	%[4]s, label, label || 'です。' || %[5]s || %[6]s || %[7]s || %[17]s || %[18]s || %[19]s || 'くわしくは図鑑や博物館でも調べてみてね。(観察番号' || i || ')', %[8]s,
	CASE WHEN %[9]s = 0 THEN '自然観察図鑑 ' || i %% 300 || 'ページ' END,
	%[10]s, 24 + %[11]s / 1000.0, 124 + %[12]s / 1000.0, %[13]s < 800, 1 + %[14]s, at, at
FROM generate_series(1, %[1]d) AS i,
	LATERAL (SELECT %[15]s AS label, timestamptz '%[16]s' + i * interval '7 seconds' AS at) AS r`,
		n, seed, dice(seed, 10, 5000), pickOne(seed, 11, phrases.questions), pickOne(seed, 12, phrases.answers),
		pickOne(seed, 13, phrases.answers), pickOne(seed, 14, phrases.answers), pickOne(seed, 15, phrases.asks), dice(seed, 16, 4),
		pickOne(seed, 17, phrases.places), dice(seed, 18, 21_000), dice(seed, 19, 22_000), dice(seed, 20, 1000), dice(seed, 21, 5),
		pickOne(seed, 22, phrases.labels), epoch.Format(time.RFC3339),
		pickOne(seed, 23, phrases.answers), pickOne(seed, 24, phrases.answers), pickOne(seed, 25, phrases.answers))
}

// dice is an SQL expression for a number from 0 to sides-1 that depends on the row i, the seed and the use.
func dice(seed int64, use, sides int) string {
	return fmt.Sprintf("((hashint8extended(i, %d) & 9223372036854775807) %% %d)", seed*1000+int64(use), sides)
}

// pickOne is an SQL expression for one of the texts.
func pickOne(seed int64, use int, texts []string) string {
	return fmt.Sprintf("('{%s}'::text[])[1 + %s]", strings.Join(texts, ","), dice(seed, use, len(texts)))
}

// generateHostile makes its rows here, where every character is at hand.
func generateHostile(ctx context.Context, db DB, n int, seed int64) error {
	if err := CreateTables(ctx, db); err != nil {
		return err
	}
	text := newHostile(seed)
	// Two streams cannot be copied at once over one connection; the small one is kept.
	images := make([][]any, 0, n)
	rows := pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		at := epoch.Add(time.Duration(i) * time.Second)
		image := uuidOf(fmt.Sprintf("hostile-image-%d-%d", seed, i))
		images = append(images, []any{
			image, "gs://" + ImageBucket + "/" + image + text.objectName(), text.mime(), int64(i), strings.Repeat("0", 64), text.status(), at, at,
		})
		return []any{
			uuidOf(fmt.Sprintf("hostile-post-%d-%d", seed, i)), text.line(), image, text.line(), text.line(), text.answer(i), text.line(),
			nullable(text.line(), ""), text.line(), text.random.Float64()*180 - 90, text.random.Float64()*360 - 180,
			text.random.IntN(10) < 8, int32(text.random.IntN(6)), at, at,
		}, nil
	})
	if _, err := db.CopyFrom(ctx, pgx.Identifier{"posts"}, postColumns, rows); err != nil {
		return fmt.Errorf("generate %d hostile posts: %w", n, err)
	}
	if _, err := db.CopyFrom(ctx, pgx.Identifier{"images"}, imageColumns, pgx.CopyFromRows(images)); err != nil {
		return fmt.Errorf("generate %d hostile images: %w", n, err)
	}
	return nil
}
