// Package sample fills a database with the tables of the app whose posts the job exports: a few dozen posts
// written by hand for the demo, or millions of generated ones for measurements and hostile tests.
package sample

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB is what a connection, a pool and a transaction of pgx have in common.
type DB interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
}

var (
	_ DB = (*pgx.Conn)(nil)
	_ DB = (pgx.Tx)(nil)
)

// ImageBucket is the bucket that the sample images are said to be in. The job never reads it.
const ImageBucket = "demo-nature-images"

// tables are without keys, which are cheaper to add to a full table.
const tables = `
CREATE TABLE images (
	img_id     uuid NOT NULL,
	gcs_uri    text,
	mime_type  text,
	size_bytes bigint,
	sha256_hex char(64),
	status     text NOT NULL CHECK (status IN ('pending', 'stored', 'failed')),
	created_at timestamptz NOT NULL DEFAULT now(),
	updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE posts (
	post_id       uuid NOT NULL,
	user_id       text,
	img_id        uuid,
	user_question text,
	object_label  text,
	ai_answer     text,
	ai_question   text,
	ai_reference  text,
	location      text,
	latitude      double precision,
	longitude     double precision,
	is_public     boolean NOT NULL DEFAULT true,
	post_rarity   integer,
	date          timestamptz NOT NULL DEFAULT now(),
	updated_at    timestamptz NOT NULL DEFAULT now()
)`

const keys = `
ALTER TABLE images ADD PRIMARY KEY (img_id);
ALTER TABLE posts ADD PRIMARY KEY (post_id);
CREATE INDEX posts_img_id ON posts (img_id)`

var (
	imageColumns = []string{"img_id", "gcs_uri", "mime_type", "size_bytes", "sha256_hex", "status", "created_at", "updated_at"}
	postColumns  = []string{
		"post_id", "user_id", "img_id", "user_question", "object_label", "ai_answer", "ai_question", "ai_reference",
		"location", "latitude", "longitude", "is_public", "post_rarity", "date", "updated_at",
	}
)

// epoch is when the first sample post was made; the others follow at intervals, so that every load is equal.
var epoch = time.Date(2025, 9, 1, 6, 0, 0, 0, time.UTC)

// CreateTables makes the empty tables images and posts.
func CreateTables(ctx context.Context, db DB) error {
	if _, err := db.Exec(ctx, tables+";"+keys); err != nil {
		return fmt.Errorf("create sample tables: %w", err)
	}
	return nil
}

// Load makes the tables and fills them with the posts written by hand.
func Load(ctx context.Context, db DB) error {
	if err := CreateTables(ctx, db); err != nil {
		return err
	}
	var images, rows [][]any
	for i, p := range posts {
		at := epoch.Add(time.Duration(i) * 97 * time.Minute)
		if p.fate != withoutImage && p.fate != danglingLink {
			images = append(images, p.imageRow(i, at))
		}
		rows = append(rows, p.row(i, at))
	}
	// An image that no post shows yet, as between upload and post.
	lonely := posts[0]
	images = append(images, lonely.imageRow(len(posts), epoch))
	return copyRows(ctx, db, images, rows)
}

// Documents is how many of Load's posts become documents.
func Documents() int {
	n := 0
	for _, p := range posts {
		if p.fate == shown {
			n++
		}
	}
	return n
}

// Len is how many posts Load makes.
func Len() int { return len(posts) }

// PostID is the id of Load's i-th post, from 0; ImageID that of its image.
func PostID(i int) string { return uuidOf(fmt.Sprintf("sample-post-%d", i)) }

// ImageID is the id of the image of Load's i-th post.
func ImageID(i int) string { return uuidOf(fmt.Sprintf("sample-image-%d", i)) }

func (p post) imageRow(i int, at time.Time) []any {
	id := ImageID(i)
	status := "stored"
	switch p.fate {
	case pending:
		status = "pending"
	case failed:
		status = "failed"
	}
	_, kind, _ := strings.Cut(strings.ToLower(p.mime), "/")
	sum := sha256.Sum256([]byte(id))
	return []any{
		id, fmt.Sprintf("gs://%s/%s.%s", ImageBucket, id, kind), nullable(p.mime, "NULL"), int64(200_000 + 7919*i%900_000),
		hex.EncodeToString(sum[:]), status, at, at,
	}
}

func (p post) row(i int, at time.Time) []any {
	var image any = ImageID(i)
	if p.fate == withoutImage {
		image = nil
	}
	return []any{
		PostID(i), fmt.Sprintf("user-%02d", i%7), image, p.question, p.label, p.answer, p.askBack, nullable(p.reference, ""),
		p.place, p.latitude, p.longitude, p.fate != private, int32(p.rarity), at, at,
	}
}

// nullable turns the text that stands for NULL into it.
func nullable(text, null string) any {
	if text == null {
		return nil
	}
	return text
}

// uuidOf is the same value that PostgreSQL's md5(name)::uuid gives, with the bits of a version 3 UUID.
func uuidOf(name string) string {
	sum := md5.Sum([]byte(name))
	sum[6] = sum[6]&0x0f | 0x30
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func copyRows(ctx context.Context, db DB, images, posts [][]any) error {
	if _, err := db.CopyFrom(ctx, pgx.Identifier{"images"}, imageColumns, pgx.CopyFromRows(images)); err != nil {
		return fmt.Errorf("load sample images: %w", err)
	}
	if _, err := db.CopyFrom(ctx, pgx.Identifier{"posts"}, postColumns, pgx.CopyFromRows(posts)); err != nil {
		return fmt.Errorf("load sample posts: %w", err)
	}
	return nil
}
