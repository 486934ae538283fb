package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"vertexmetadata/sandbox/sample"
)

// hostilePosts is how many posts the documents are compared over.
const hostilePosts = 20_000

// Every document of 20,000 posts with hostile texts is, but for white space, byte for byte what encoding/json makes of
// the same rows: rows that this test reads and filters itself, knowing nothing of the job's query.
func TestDocumentsEqualTheOracle(t *testing.T) {
	t.Parallel()
	w := newWorldFrom(t, database, database.NewDatabase)
	if err := sample.Generate(t.Context(), w.conn, hostilePosts, 7, sample.Options{Hostile: true}); err != nil {
		t.Fatal(err)
	}
	// What the generator does not make: fields that are NULL.
	w.exec(`ALTER TABLE posts ALTER user_question DROP NOT NULL, ALTER object_label DROP NOT NULL, ALTER ai_answer DROP NOT NULL,
		ALTER ai_question DROP NOT NULL, ALTER location DROP NOT NULL`)
	w.exec(`UPDATE posts SET user_question = NULL, ai_answer = NULL WHERE hashtext(post_id::text) % 50 = 0`)
	w.exec(`UPDATE posts SET object_label = NULL, ai_question = NULL, location = NULL WHERE hashtext(post_id::text) % 77 = 0`)

	last := w.sync("imported").last(t)
	want, skipped := w.oracle()
	if len(want) < hostilePosts/4 || skipped < hostilePosts/100 {
		t.Fatalf("the posts make only %d documents and %d skipped ones: a poor test", len(want), skipped)
	}
	for key, n := range map[string]int{"documents": len(want), "upserted": len(want), "skipped": skipped, "failed": 0} {
		if last[key] != float64(n) {
			t.Errorf("%s is %v, want %d", key, last[key], n)
		}
	}
	got := w.store.Documents()
	for id, line := range want {
		if normal := normalised(t, got[id]); normal != line && !t.Failed() {
			t.Errorf("document %s\ngot  %s\nwant %s", id, normal, line)
		}
		delete(got, id)
	}
	for id, line := range got {
		t.Fatalf("%d documents are too many, one is %s: %s", len(got), id, line)
	}

	// A second reading finds nothing to change: the same row makes the same document.
	if last := w.sync("unchanged").last(t); last["documents"] != float64(len(want)) {
		t.Errorf("documents is %v, want %d", last["documents"], len(want))
	}
}

// oracle reads all rows and returns what the documents should be, by id, and how many rows have the wrong MIME type.
func (w *world) oracle() (documents map[string]string, skipped int) {
	w.t.Helper()
	rows, err := w.conn.Query(context.Background(), `SELECT post_id::text, user_question, object_label, ai_answer, ai_question, location, is_public,
		status, mime_type, gcs_uri FROM posts LEFT JOIN images ON images.img_id = posts.img_id`)
	if err != nil {
		w.t.Fatal(err)
	}
	var id string
	var fields [5]*string
	var public bool
	var status, mime, uri *string
	documents = map[string]string{}
	_, err = pgx.ForEachRow(rows, []any{&id, &fields[0], &fields[1], &fields[2], &fields[3], &fields[4], &public, &status, &mime, &uri}, func() error {
		if !public || status == nil || *status != "stored" {
			return nil
		}
		if mime == nil || !accepted(*mime) {
			skipped++
			return nil
		}
		type structData struct {
			UserQuestion *string `json:"user_question"`
			ObjectLabel  *string `json:"object_label"`
			AIAnswer     *string `json:"ai_answer"`
			AIQuestion   *string `json:"ai_question"`
			Location     *string `json:"location"`
		}
		type content struct {
			MIMEType string  `json:"mimeType"`
			URI      *string `json:"uri"`
		}
		documents[id] = encoded(w.t, struct {
			ID         string     `json:"id"`
			StructData structData `json:"structData"`
			Content    content    `json:"content"`
		}{id, structData{fields[0], fields[1], fields[2], fields[3], fields[4]}, content{*mime, uri}})
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return documents, skipped
}

func accepted(mime string) bool {
	switch strings.ToLower(mime) {
	case "image/jpeg", "image/png", "image/webp":
		return true
	}
	return false
}

// encoded is v as JSON in one form: no white space, no escape that JSON does not need.
func encoded(t *testing.T, v any) string {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// normalised brings a document into the form of encoded: every token again, in the order in which it came.
func normalised(t *testing.T, line string) string {
	t.Helper()
	var out strings.Builder
	decoder := json.NewDecoder(strings.NewReader(line))
	for separator := ""; ; {
		token, err := decoder.Token()
		switch {
		case err != nil: // the end, or no JSON: then the comparison fails
			return out.String()
		case token == json.Delim('{'):
			out.WriteString(separator + "{")
			separator = ""
		case token == json.Delim('}'):
			out.WriteString("}")
			separator = ","
		case separator == ":": // a value
			out.WriteString(":" + encoded(t, token))
			separator = ","
		default: // a key
			out.WriteString(separator + encoded(t, token))
			separator = ":"
		}
	}
}
