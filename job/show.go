package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/config"
	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/document"
	"vertexmetadata/job/internal/panics"
	"vertexmetadata/job/internal/refusal"
	"vertexmetadata/job/internal/words"
)

// showCommand is `job show`.
type showCommand struct {
	ID string `arg:"" name:"id" help:"The id of the document."`
	report
}

// sighting is one document in the three places where it may be.
type sighting struct {
	Sync   string            `json:"sync,omitempty"`
	ID     string            `json:"id"`
	Source sourceView        `json:"source"`
	Store  storeView         `json:"data_store"`
	Ledger ledgerView        `json:"ledger"`
	Fields []difference      `json:"differences"` // from the data store's document to the query's
	Errors map[string]string `json:"errors,omitempty"`

	err error // why a place could not be read
}

// sourceView is the document as the query makes it now.
type sourceView struct {
	Rows     int             `json:"rows"`               // with the id; 2 stands for more
	Document json.RawMessage `json:"document,omitempty"` // as it would be sent
	Reason   string          `json:"reason,omitempty"`   // why it would not be sent
	row      [][]byte
	columns  []column.Column
}

// storeView is what the data store holds.
type storeView struct {
	Found bool `json:"found"`
	datastore.Document
}

// places are those where a document may be, by their names in JSON.
var places = []struct {
	name, title string
	read        func(*sighting, context.Context, config.Config) error
	print       func(*sighting, *printer)
}{
	{"source", "Query:", (*sighting).readSource, (*sighting).printSource},
	{"data_store", "Data store:", (*sighting).readStore, (*sighting).printStore},
	{"ledger", "Ledger:", (*sighting).readLedger, (*sighting).printLedger},
}

// Run prints one document in all places. What cannot be reached does not hide the rest, and fails the command in the end; so
// does an id that is nowhere, in none of several syncs.
func (c *showCommand) Run(ctx context.Context, env environment) error {
	found := false
	err := c.each(ctx, env, "show", func(cfg config.Config, out *printer) error {
		s := lookEverywhere(ctx, cfg, c.ID)
		if c.JSON {
			out.json(s)
		} else {
			s.print(out)
		}
		found = found || s.Source.Rows > 0 || s.Store.Found || s.Ledger.Known
		if s.err != nil {
			return fmt.Errorf("not every place could be read: %w", s.err)
		}
		return nil
	})
	if err == nil && !found {
		return &refusal.Advice{
			Text:   fmt.Sprintf("there is no document %q in the query, in the data store or in the ledger", c.ID),
			Remedy: "check the id; job plan and job search show some",
		}
	}
	return err
}

// lookEverywhere looks in all places at once.
func lookEverywhere(ctx context.Context, cfg config.Config, id string) *sighting {
	s := &sighting{Sync: cfg.Sync.Name, ID: id, Errors: map[string]string{}}
	errs := make([]error, len(places))
	var reading sync.WaitGroup
	for i, place := range places {
		reading.Go(func() { errs[i] = panics.Guard(func() error { return place.read(s, ctx, cfg) })() })
	}
	reading.Wait()
	s.err = errors.Join(errs...)
	for i, err := range errs {
		if err != nil {
			s.Errors[places[i].name] = whatToDo(err)
		}
	}
	s.Source.make(cfg, s.Ledger.needsContent)
	if s.Source.Document == nil {
		return s
	}
	if s.Ledger.Status == "confirmed" || s.Ledger.Status == "rejected" { // the others have no hash
		isCurrent := document.Hash(s.Source.Document) == s.Ledger.hash
		s.Ledger.Current = &isCurrent
	}
	if s.Store.Found {
		s.Fields = differences(fieldsOf(s.Store.Document), fieldsOf(sent(s.Source.Document)))
	}
	return s
}

// readSource reads the row of the document.
func (s *sighting) readSource(ctx context.Context, cfg config.Config) error {
	db, err := openDatabase(ctx, cfg, "show")
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	columns, err := db.Columns(ctx)
	if err != nil {
		return err
	}
	rows, err := db.Rows(ctx, s.ID)
	if err != nil || len(rows) == 0 {
		return err
	}
	s.Source = sourceView{Rows: len(rows), row: rows[0], columns: columns}
	return nil
}

// make makes the document of the row.
func (v *sourceView) make(cfg config.Config, needsContent bool) {
	if v.row == nil {
		return
	}
	rules := documentRules(cfg)
	rules.NeedsContent = needsContent
	line, verdict := document.NewEncoder(v.columns, rules).Append(nil, v.row)
	switch verdict.Outcome {
	case document.Document:
		v.Document = line
	case document.Skipped:
		v.Reason = fmt.Sprintf("skipped: content_mime_type is %q, which is not one of SYNC_MIME_TYPES", verdict.MIMEType)
	case document.Refused:
		v.Reason = "refused: " + verdict.Reason
	}
}

func (s *sighting) readStore(ctx context.Context, cfg config.Config) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answerTime, errNoAnswer)
	defer cancel()
	store, err := openStore(ctx, cfg)
	if err != nil {
		return err
	}
	defer store.Close()
	found, err := store.Document(ctx, s.ID)
	if errors.Is(err, datastore.ErrNoDocument) {
		return nil
	}
	s.Store = storeView{Found: err == nil, Document: found}
	return err
}

// print shows a document for people.
func (s *sighting) print(out *printer) {
	for i, place := range places {
		if i > 0 {
			out.printf("\n")
		}
		out.printf("%s ", out.paint(bold, place.title))
		if why, failed := s.Errors[place.name]; failed {
			out.printf("%s\n", out.paint(red, "cannot be read: "+oneLine(why)))
			continue
		}
		place.print(s, out)
	}
}

func (s *sighting) printSource(out *printer) {
	switch v := s.Source; {
	case v.Rows == 0:
		out.printf("no row with this id\n")
	case v.Reason != "":
		out.printf("%s\n", out.paint(red, "the row is "+oneLine(v.Reason)))
	default:
		if v.Rows > 1 {
			out.printf("%s ", out.paint(yellow, "several rows have this id, of which only the first that is read is sent;"))
		}
		out.printf("the document as it would be sent\n%s\n", indentedJSON(v.Document, "  "))
	}
}

func (s *sighting) printStore(out *printer) {
	switch {
	case !s.Store.Found:
		out.printf("holds no document with this id\n")
	case s.Source.Document == nil:
		out.printf("holds this document\n")
		out.fields("  ", fieldsOf(s.Store.Document), 0)
	case len(s.Fields) == 0:
		out.printf("%s\n", out.paint(green, "holds the same"))
	default:
		out.printf("%s (- there, + as it would be sent)\n", out.paint(yellow, "differs in "+words.Plural(int64(len(s.Fields)), "field")))
		printDifferences(out, "  ", s.Fields, true)
	}
}
