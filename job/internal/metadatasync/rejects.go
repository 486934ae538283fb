package metadatasync

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"vertexmetadata/job/internal/datastore"
	"vertexmetadata/job/internal/manifest"
)

// rejects are the documents of an import that the service did not take.
type rejects struct {
	named    map[string]string // id -> reason
	located  int64             // documents of which the service told the line alone
	suspects map[string]string // ids that stand at or next to such a line -> reason
}

// readRejects finds out which documents the service rejected: from its error files, or from the few samples in the
// operation where there are none.
func (r *run) readRejects(ctx context.Context, p *pending, progress datastore.Progress) (rejects, error) {
	var failures datastore.Failures
	if p.Errors != "" {
		if err := r.readErrorFiles(ctx, p.Errors, &failures); err != nil {
			return rejects{}, err
		}
	}
	if len(failures.ByID)+len(failures.ByPlace) == 0 {
		failures.Add(progress.Samples...)
	}
	x := rejects{named: failures.ByID, suspects: map[string]string{}}
	if len(failures.ByPlace) > 0 {
		for _, name := range p.Objects {
			if err := r.locate(ctx, name, len(p.Objects) == 1, failures.ByPlace, &x); err != nil {
				return rejects{}, err
			}
		}
	}
	return x, nil
}

func (r *run) readErrorFiles(ctx context.Context, folder string, failures *datastore.Failures) error {
	for o, err := range r.bucket.List(ctx, folder) {
		if err != nil {
			return err
		}
		if o.Size == 0 {
			continue // the folder itself
		}
		in, err := r.bucket.Reader(ctx, o.Name)
		if err != nil {
			return err
		}
		if err := errors.Join(failures.Parse(in), in.Close()); err != nil {
			return fmt.Errorf("read import errors %s: %w", r.bucket.URI(o.Name), err)
		}
	}
	return nil
}

// locate looks up the documents at the places that lie in an object of the import. The service does not say whether it
// counts lines from 0 or from 1, so the neighbours of a line are suspects too: that they go again is harmless.
func (r *run) locate(ctx context.Context, name string, only bool, places map[datastore.Place]string, x *rejects) error {
	reasons := map[int64]string{}
	for place, reason := range places {
		if place.URI == r.bucket.URI(name) || place.URI == "" && only {
			reasons[place.Line] = reason
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	x.located += int64(len(reasons))
	in, err := r.bucket.Reader(ctx, name)
	if err != nil {
		return err
	}
	defer in.Close()
	lines := bufio.NewReaderSize(in, batchBytes)
	for n := int64(1); ; n++ {
		suspect := ""
		for _, line := range []int64{n - 1, n, n + 1} {
			if reason, ok := reasons[line]; ok {
				suspect = reason
			}
		}
		err := skipLine(lines, suspect != "", func(line []byte) {
			var document struct {
				ID string `json:"id"`
			}
			if json.Unmarshal(line, &document) == nil { // our own line, unless somebody changed the object
				x.suspects[document.ID] = suspect
			}
		})
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look up rejected documents in %s: %w", r.bucket.URI(name), err)
		}
	}
}

// skipLine reads a line, and passes it to fn if it is wanted.
func skipLine(in *bufio.Reader, wanted bool, fn func(line []byte)) error {
	var line []byte
	for {
		piece, err := in.ReadSlice('\n')
		if wanted {
			line = append(line, piece...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if wanted && len(line) > 0 {
			fn(line)
		}
		return err
	}
}

// commitPartly commits an import of which the service rejected some documents: these stay unknown, so that they go
// again. If the service does not tell which, all of the import do.
func (r *run) commitPartly(ctx context.Context, next *state, p *pending, x rejects, rejected int64) error {
	found := x.located
	marks := make(map[int]*segment)
	for _, o := range p.Offers {
		if o.Upserted == nil {
			continue
		}
		mark, named, err := r.markRejects(ctx, o, x)
		if err != nil {
			return err
		}
		found += named
		marks[o.Task] = mark
	}
	if found != rejected {
		attrs := []any{"operation", p.Operation, "rejected", rejected, "named", found}
		if p.Errors != "" { // an inline import has none
			attrs = append(attrs, "errors", r.bucket.URI(p.Errors))
		}
		r.log.ErrorContext(ctx, "the service did not tell which documents it rejected, all documents of the import go again", attrs...)
		next.disown(p)
		next.Failed = rejected
		return nil
	}
	next.commit(p)
	for task, mark := range marks {
		if mark != nil {
			next.Shards[task].Segments = append(next.Shards[task].Segments, *mark)
		}
	}
	next.Failed += rejected
	return nil
}

// markRejects writes a segment with the rejected and suspected documents of an offer as unknown, nil when there are
// none, and returns how many the service named.
func (r *run) markRejects(ctx context.Context, o offer, x rejects) (_ *segment, named int64, err error) {
	mark := r.newList(ctx, fmt.Sprintf("failed-of-%d", o.Task))
	defer mark.out.abort()
	told := 0
	tell := func(message string, id []byte, reason string) {
		if told++; told <= maxNamedRefusals {
			r.log.ErrorContext(ctx, message, "id", string(id), "reason", reason)
		}
	}
	err = r.eachEntryOf(ctx, *o.Upserted, func(e manifest.Entry) error {
		reason, isNamed := x.named[string(e.ID)]
		suspicion, isSuspect := x.suspects[string(e.ID)]
		switch {
		case isNamed:
			named++
			tell("document rejected by Vertex AI Search, it goes again on the next run", e.ID, reason)
		case isSuspect:
			tell("document at or next to a line that Vertex AI Search rejected, it goes again on the next run", e.ID, suspicion)
		default:
			return nil
		}
		return mark.segment.Put(e.ID, manifest.Unknown)
	})
	if err != nil {
		return nil, 0, err
	}
	g, err := mark.commit(ctx)
	return g, named, err
}
