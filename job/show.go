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

	sourceErr, storeErr, ledgerErr error
	stored                         datastore.Document
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
	Found    bool            `json:"found"`
	URI      string          `json:"uri,omitempty"`
	MIMEType string          `json:"mimeType,omitempty"`
	Data     json.RawMessage `json:"structData,omitempty"`
}

// Run prints one document in all places. What cannot be reached does not hide the rest, and fails the command in the end;
// so does an id that is nowhere.
func (c *showCommand) Run(ctx context.Context, env environment) error {
	return c.each(ctx, env, "show", func(cfg config.Config, out *printer) error {
		s := lookEverywhere(ctx, cfg, c.ID)
		var err error
		if c.JSON {
			err = out.json(s)
		} else {
			printShown(out, s)
		}
		return errors.Join(err, s.failure(cfg))
	})
}

// lookEverywhere looks in all three places at once.
func lookEverywhere(ctx context.Context, cfg config.Config, id string) *sighting {
	s := &sighting{Sync: cfg.Sync.Name, ID: id, Errors: map[string]string{}}
	var all sync.WaitGroup
	look := func(err *error, at func() error) { all.Go(func() { *err = panics.Guard(at)() }) }
	look(&s.sourceErr, func() error { return s.Source.read(ctx, cfg, id) })
	look(&s.storeErr, func() error { return s.readStore(ctx, cfg) })
	look(&s.ledgerErr, func() (err error) {
		s.Ledger, err = readLedger(ctx, cfg, id)
		return err
	})
	all.Wait()
	if s.sourceErr == nil {
		s.Source.make(cfg, s.Ledger.needsContent)
	}
	s.Ledger.compare(s.Source.Document)
	if s.Store.Found && s.Source.Document != nil {
		s.Fields = differences(fieldsOf(s.stored), fieldsOf(sent(s.Source.Document)))
	}
	for place, err := range map[string]error{"source": s.sourceErr, "data_store": s.storeErr, "ledger": s.ledgerErr} {
		if err != nil {
			s.Errors[place] = whatToDo(err)
		}
	}
	return s
}

// read reads the row of the document.
func (v *sourceView) read(ctx context.Context, cfg config.Config, id string) error {
	db, err := openDatabase(ctx, cfg, "show")
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	rows, err := db.Rows(ctx, id)
	if err != nil || len(rows) == 0 {
		return err
	}
	v.Rows, v.row = len(rows), rows[0]
	v.columns, err = db.Columns(ctx)
	return err
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
	s.stored, err = store.Document(ctx, s.ID)
	if errors.Is(err, datastore.ErrNoDocument) {
		return nil
	}
	if err == nil {
		s.Store = storeView{Found: true, URI: s.stored.URI, MIMEType: s.stored.MIMEType, Data: s.stored.StructData}
	}
	return err
}

// failure is why the command fails, nil if it does not.
func (s *sighting) failure(cfg config.Config) error {
	err := worst([]error{s.sourceErr, s.storeErr, s.ledgerErr})
	switch {
	case err != nil:
		text, hint := refusal.Split(err)
		return &refusal.Advice{Text: "not every place could be read: " + text, Remedy: hint, Causes: []error{err}, Config: exitCode(err) == exitConfiguration}
	case s.Source.Rows == 0 && !s.Store.Found && !s.Ledger.Known:
		return &refusal.Advice{
			Text:   fmt.Sprintf("there is no document %q in the query, in data store %s or in the ledger", s.ID, cfg.DataStore),
			Remedy: "check the id; job plan and job search show some",
		}
	}
	return nil
}

// printShown shows a document for people.
func printShown(out *printer, s *sighting) {
	for i, place := range []struct {
		title string
		err   error
		print func(*printer, *sighting)
	}{{"Query:", s.sourceErr, printSource}, {"Data store:", s.storeErr, printStored}, {"Ledger:", s.ledgerErr, printLedger}} {
		if i > 0 {
			out.printf("\n")
		}
		out.printf("%s ", out.paint(bold, place.title))
		if place.err != nil {
			out.printf("%s\n", out.paint(red, "cannot be read: "+oneLine(whatToDo(place.err))))
			continue
		}
		place.print(out, s)
	}
}

func printSource(out *printer, s *sighting) {
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

func printStored(out *printer, s *sighting) {
	switch {
	case !s.Store.Found:
		out.printf("holds no document with this id\n")
	case s.Source.Document == nil:
		out.printf("holds this document\n")
		for _, f := range fieldsOf(s.stored) {
			out.printf("  %s  %s\n", out.paint(faint, visible(f.Name)), brief(f.Value, 0))
		}
	case len(s.Fields) == 0:
		out.printf("%s\n", out.paint(green, "holds the same"))
	default:
		out.printf("%s (- there, + as it would be sent)\n", out.paint(yellow, "differs in "+words.Plural(int64(len(s.Fields)), "field")))
		printDifferences(out, "  ", s.Fields, true)
	}
}
