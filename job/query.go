package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/config"
)

// queryCommand is `job query`.
type queryCommand struct {
	report
}

// usedQuery is a query and what becomes of its columns.
type usedQuery struct {
	Sync    string       `json:"sync,omitempty"`
	Origin  string       `json:"origin"`
	Query   string       `json:"query"`
	Columns []usedColumn `json:"columns"`
}

type usedColumn struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Becomes string `json:"becomes"`
}

// Run prints the query in use, where it comes from, and what becomes of each of its columns.
func (c *queryCommand) Run(ctx context.Context, env environment) error {
	return c.each(ctx, env, "query", func(cfg config.Config, out *printer) error {
		q := usedQuery{Sync: cfg.Sync.Name, Origin: cfg.QueryOrigin, Query: cfg.Query}
		columns, err := columnsOf(ctx, cfg, answerTime)
		for _, c := range columns {
			q.Columns = append(q.Columns, usedColumn{Name: c.Name, Kind: jsonKinds[c.Kind], Becomes: cmp.Or(parts[c.Name], "structData."+c.Name)})
		}
		switch {
		case !c.JSON:
			printQuery(out, q)
		case err == nil:
			out.json(q)
		}
		return err
	})
}

// jsonKinds are what the kinds of columns are in JSON.
var jsonKinds = map[column.Kind]string{
	column.Text:      "string",
	column.Number:    "number",
	column.Bool:      "boolean",
	column.JSON:      "JSON (object, array, …)",
	column.Numbers:   "array of numbers",
	column.Timestamp: "string (date and time)",
}

// parts are the columns that become another part of a document than a field of structData.
var parts = map[string]string{"id": "id", "content_uri": "content.uri", "content_mime_type": "content.mimeType"}

// columnsOf asks the database for the columns of the query.
func columnsOf(ctx context.Context, cfg config.Config, limit time.Duration) ([]column.Column, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errNoAnswer)
	defer cancel()
	db, err := openDatabase(ctx, cfg, "query")
	if err != nil {
		return nil, err
	}
	defer db.Close(ctx)
	return db.Columns(ctx)
}

func printQuery(out *printer, q usedQuery) {
	out.printf("%s %s\n\n%s\n", out.paint(bold, "Query:"), oneLine(q.Origin), visibleLines(strings.ReplaceAll(q.Query, "\t", "    ")))
	if len(q.Columns) == 0 {
		return
	}
	rows := [][]string{{"column", "JSON", "becomes"}}
	for _, c := range q.Columns {
		rows = append(rows, []string{visible(c.Name), c.Kind, visible(c.Becomes)})
	}
	out.printf("\n")
	out.table(rows, nil)
}
