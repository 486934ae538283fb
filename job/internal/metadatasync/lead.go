package metadatasync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"vertexmetadata/job/internal/datastore"
)

// lead does for all tasks what has to be done once: guard, remove, import, commit. The lock of the data store is held.
// whole says that the offers are those of all tasks.
func (r *run) lead(ctx context.Context, full, whole bool, offers []offer) (Outcome, error) {
	t := total(offers)
	before := t.Before
	if !whole {
		before = r.state.documents()
	}
	if err := r.guard(t, before, whole); err != nil {
		return Failed, err
	}
	if full && t.Upserts == 0 {
		return Failed, errNoDocument
	}
	next := r.state.clone()
	next.Shards = divide(next.Shards, r.set.Tasks)
	p := &pending{
		Round: r.round, Full: full, Started: r.now(), Upserts: t.Upserts,
		Tasks: r.set.Tasks, Offers: offers, Whole: whole, scanned: oldest(offers),
	}
	few := r.prepareRemovals(&next, p)
	if t.Upserts == 0 {
		return r.finish(ctx, next, p, few)
	}
	removeErr, err := r.begin(ctx, next, p, few)
	if err != nil {
		return Failed, joined(err, removeErr)
	}
	removeErr = joined(removeErr, r.startPurges(ctx))
	outcome, err := r.await(ctx)
	return outcome, joined(err, removeErr)
}

// finish commits a round that has nothing to import.
func (r *run) finish(ctx context.Context, next state, p *pending, few []removal) (Outcome, error) {
	gone := total(p.Offers).Gone
	var removeErr error
	if len(few) > 0 {
		next.Failed += gone // a run that finds this state has to look, whatever the table statistics say
		if err := r.saveState(ctx, next); err != nil {
			return Failed, err
		}
		var done map[string]bool
		done, removeErr = r.removeFew(ctx, few, p)
		next = r.state.clone()
		next.Failed -= gone
		next.confirmRemovals(done)
	}
	next.commit(p)
	if !r.worthSaving(&next) {
		return r.settled(), removeErr
	}
	if err := r.saveState(ctx, next); err != nil {
		return Failed, joined(err, removeErr)
	}
	if err := r.startPurges(ctx); err != nil {
		return Failed, joined(err, removeErr)
	}
	r.sweep(ctx)
	if removeErr == nil && len(r.state.Purges) == 0 && gone > 0 {
		return Imported, nil
	}
	return r.settled(), removeErr
}

// worthSaving spares the write of a state that says nothing new: when the scan of an unchanged source found the same
// statistics, and RESCAN_INTERVAL does not let a later run profit from the newer time.
func (r *run) worthSaving(next *state) bool {
	return r.set.RescanInterval > 0 || r.set.Tasks > 1 || !sameButTimes(&r.state, next)
}

// begin writes down what will be removed and imported, removes, starts the import, and writes down its operation. A run
// that dies in between leaves a pending import without an operation, which finishEarlier knows how to treat.
func (r *run) begin(ctx context.Context, next state, p *pending, few []removal) (removeErr, err error) {
	lines, objects, err := r.documents(ctx, p)
	if err != nil {
		return nil, err
	}
	p.Objects = objects
	if len(objects) > datastore.MaxObjects {
		return nil, fmt.Errorf("import %d documents: they are in %d objects, and one import takes %d: run fewer tasks", p.Upserts, len(objects), datastore.MaxObjects)
	}
	if lines == nil {
		p.Errors = roundPrefix(r.round) + "errors-" + r.token + "/"
		if err := r.bucket.CreateFolder(ctx, p.Errors); err != nil {
			return nil, err
		}
	}
	next.Pending = p
	if err := r.saveState(ctx, next); err != nil {
		return nil, err
	}
	done, removeErr := r.removeFew(ctx, few, p)
	operation, err := r.startImport(ctx, lines, p)
	if err != nil && ctx.Err() != nil {
		return removeErr, err
	}
	next = r.state.clone()
	next.confirmRemovals(done)
	begun := *p
	begun.Operation = operation
	if err != nil {
		// The attempt that Cloud Run makes next finds its round void. It must fail as this one does, or nobody learns of it.
		begun.Refused = err.Error()
	}
	next.Pending = &begun
	return removeErr, errors.Join(err, r.saveState(ctx, next))
}

// documents returns what has to be imported: the lines of a small change, or the objects of a larger one.
func (r *run) documents(ctx context.Context, p *pending) (lines [][]byte, objects []string, err error) {
	if p.Full {
		objects, err = r.publish(ctx, p.Offers)
		return nil, objects, err
	}
	t := total(p.Offers)
	inline := t.Upserts <= maxLines && t.Bytes <= maxLinesBytes
	for _, o := range p.Offers {
		lines = append(lines, o.Lines...)
		objects = append(objects, o.Data...)
	}
	if !inline || len(objects) == 0 {
		return lines, objects, nil
	}
	for _, name := range objects {
		data, _, err := r.bucket.Read(ctx, name, maxStateBytes)
		if err != nil {
			return nil, nil, err
		}
		for line := range bytes.Lines(data) {
			lines = append(lines, line)
		}
	}
	return lines, objects, nil
}

// publish gives the parts of a full snapshot their final names: metadata.jsonl, or metadata-00001-of-00003.jsonl and
// so on. It copies on the server what does not bear its name already.
func (r *run) publish(ctx context.Context, offers []offer) (names []string, err error) {
	var parts []string
	for _, o := range offers {
		parts = append(parts, o.Data...)
	}
	for i, part := range parts {
		name := snapshotName
		if len(parts) > 1 {
			name = fmt.Sprintf("%smetadata-%05d-of-%05d.jsonl", prefix, i+1, len(parts))
		}
		names = append(names, name)
		if part == name {
			continue
		}
		if err := r.bucket.Copy(ctx, part, name); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func (r *run) startImport(ctx context.Context, lines [][]byte, p *pending) (operation string, err error) {
	begin := time.Now()
	mode := datastore.Incremental
	if p.Full {
		mode = datastore.Full
	}
	if lines != nil {
		operation, err = r.store.ImportInline(ctx, lines)
	} else {
		uris := make([]string, len(p.Objects))
		for i, name := range p.Objects {
			uris[i] = r.bucket.URI(name)
		}
		operation, err = r.store.ImportObjects(ctx, uris, mode, r.bucket.URI(p.Errors))
	}
	if err != nil {
		return "", fmt.Errorf("start import of %d documents: %w", p.Upserts, err)
	}
	r.log.InfoContext(ctx, "import started", "operation", operation, "mode", mode.String(), "documents", p.Upserts,
		"objects", len(p.Objects), "duration_ms", time.Since(begin).Milliseconds())
	return operation, nil
}

// oldest returns what the scans of several tasks have in common: the time of the first, and the statistics if all saw
// the same.
func oldest(offers []offer) scanned {
	s := offers[0].scanned
	for _, o := range offers[1:] {
		if o.ScannedAt.Before(s.ScannedAt) {
			s.ScannedAt = o.ScannedAt
		}
		if o.Statistics != s.Statistics {
			s.Statistics = ""
		}
	}
	return s
}
