package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// throttled is the bucket that takes one write a second to an object.
const throttled = "throttled"

// changes runs the job after each of many small changes, so that the folding of the manifest is in the figures.
func (b *bench) changes(ctx context.Context) error {
	if !b.only.MatchString("change") {
		return nil
	}
	conn, err := pgx.Connect(ctx, b.db.URL("posts"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for i := range b.change {
		_, err := conn.Exec(ctx, `UPDATE posts SET object_label = left(object_label, 2) || $1::text
			WHERE hashtextextended(post_id::text, $1) % 1000 = 0`, i)
		if err != nil {
			return fmt.Errorf("change posts: %w", err)
		}
		if err := b.ask("reset"); err != nil {
			return err
		}
		if err := b.measure("change", "imported", b.on("posts", "posts").sync); err != nil {
			return err
		}
		seen, err := b.services.do("look", "")
		if err != nil {
			return err
		}
		b.traffic = append(b.traffic, seen.Traffic)
		b.imports = append(b.imports, seen.Stores["posts"])
		if err := b.measure("change throttled", "imported", b.on("posts", throttled).sync); err != nil {
			return err
		}
		if b.compare == "" {
			continue
		}
		if err := b.measure("other change", "imported", b.other(other).sync); err != nil {
			return err
		}
	}
	return nil
}

// shortQuery makes a document of about 150 bytes of every post.
const shortQuery = "SELECT post_id AS id, object_label, location FROM posts"

// large measures memory, idle ticks and throughput at ten times the posts, all of which become documents here.
func (b *bench) large(ctx context.Context) error {
	if !b.options.large {
		return nil
	}
	if err := b.generate(ctx, "many", 10*b.posts); err != nil {
		return err
	}
	if err := b.firstFull("many full, posts", b.on("many", "first", "IMPORT_WAIT=0s", b.toSink())); err != nil {
		return err
	}
	if err := b.ask("new many", "drop first"); err != nil {
		return err
	}
	j := b.on("many", "many", "SYNC_QUERY="+shortQuery, "IMPORT_WAIT=10m")
	if err := b.fill("many", j); err != nil {
		return err
	}
	for range 2 {
		steps := []func() error{
			func() error { return b.copyOut("many copy", "many", shortQuery) },
			func() error { return b.scan("many scan", j) },
			func() error { return b.laterFull("many full again", j) },
			func() error { return b.tick(ctx, "tick many", "many", j) },
			func() error {
				return b.firstFull("many full", b.on("many", "first", "SYNC_QUERY="+shortQuery, "IMPORT_WAIT=0s"))
			},
		}
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
	}
	return nil
}
