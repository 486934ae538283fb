package metadatasync

import (
	"context"
	"errors"
)

// changeKind is what a sync would do with a document.
type changeKind byte

const (
	changeNone   changeKind = 0
	changeAdd    changeKind = '+'
	changeUpdate changeKind = '~'
	changeRemove changeKind = '-'
)

// Plan is what a sync would change.
type Plan struct {
	Full      bool   // the sync would be a full one, which sends every document again
	Pending   string // an import that a sync would wait for first, empty if there is none
	Add       int64
	Update    int64
	Remove    int64
	Send      int64 // documents to import, unchanged ones of a full sync included
	Documents int64 // in the source
	Skipped   int64
	Refused   int64
	Bytes     int64
	Guard     error // why the sync would stop before any write, nil if it would not
}

// Plan returns what Sync would change, and tells change of every document that differs: kind is '+', '~' or '-'.
// It takes no lock and writes nothing.
func (s *Run) Plan(ctx context.Context, change func(kind byte, id []byte)) (Plan, error) {
	r := s.start()
	if err := r.loadState(ctx); err != nil {
		return Plan{}, err
	}
	table, err := r.loadTable(ctx)
	if damaged(err) {
		r.log.WarnContext(ctx, "manifest cannot be read, a sync would start over with a full sync", "cause", err.Error())
		r.setState(state{Purges: r.state.Purges}, r.generation)
		table, err = r.loadTable(ctx)
	}
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Full: r.fullDue()}
	if r.state.Pending != nil {
		p.Pending = r.state.Pending.Operation
	}
	c, err := r.compare(ctx, table, p.Full, func(kind changeKind, id []byte) {
		switch kind {
		case changeAdd:
			p.Add++
		case changeUpdate:
			p.Update++
		}
		change(byte(kind), id)
	})
	if err != nil {
		return Plan{}, err
	}
	o := c.offer
	p.Remove, p.Send, p.Documents = o.Gone, o.Upserts, o.Documents
	p.Skipped, p.Refused, p.Bytes = o.Skipped, o.Refused, o.Bytes
	p.Guard = r.guard(o, o.Before, true)
	return p, nil
}

// Stopped reports that an error is a guard's: nothing was written, and --allow-mass-delete would allow it.
func Stopped(err error) bool {
	var mass *massDeleteError
	return errors.Is(err, errNoRows) || errors.As(err, &mass)
}
