package ledger

import (
	"slices"
)

// run is a run as docs/PROTOCOL.md describes it.
func (m *model) run() {
	defer func() {
		if end := recover(); end != nil {
			if _, ok := end.(killed); !ok {
				panic(end)
			}
		}
	}()
	m.tell("\nrun")
	for id := range modelIDs {
		if m.chance(3) {
			m.source[id] = m.r.IntN(4)
		}
	}
	m.step("loaded")
	s, running := m.resume(m.load())
	if running {
		return
	}
	full := !s.Complete || s.LastFull.IsZero() || m.chance(6)
	w, folded := m.compare(s, full)
	s = m.apply(s, w, folded)
	if s.Pending != nil && s.Pending.Operation != "" && !m.chance(3) {
		m.resume(s)
	}
}

func (m *model) resume(s State) (_ State, running bool) {
	p := s.Pending
	switch {
	case p == nil && s.Revision > 0:
		return s, false
	case p == nil || p.Operation == "":
		for _, op := range m.imports {
			if !op.ended {
				return s, true
			}
		}
		if p == nil {
			return s, false
		}
		return m.save(Dropped(s), "dropped, it was not started"), false
	}
	op := m.imports[slices.IndexFunc(m.imports, func(op *operation) bool { return op.name == p.Operation })]
	switch {
	case !op.ended:
		return s, true
	case op.failed:
		return m.save(Dropped(s), "dropped, it failed"), false
	}
	var rejected []entry
	for _, e := range op.upserts {
		if op.rejected[e.id] {
			rejected = append(rejected, entry{id: e.id, hash: e.hash, tried: true})
		}
	}
	return m.save(Confirmed(s, Rejections{Named: m.segment("rejected", rejected)}), "confirmed"), false
}

// compare returns the work that brings the data store in sync.
func (m *model) compare(s State, full bool) (w Import, folded *Segment) {
	held := m.manifest(s)
	if len(s.Segments) > 3 {
		var all []entry
		unknown := false
		for _, e := range held {
			if e.hash != 0 {
				all, unknown = append(all, e), unknown || e.hash == -1
			}
		}
		if !unknown { // the model's entries cannot say it
			if folded = m.segment("folded", all); folded == nil {
				folded = &Segment{}
			}
		}
	}
	var up, gone []entry
	for id, hash := range m.source {
		known := held[id]
		switch {
		case hash != 0 && (full || known.hash != hash || known.tried && m.calm):
			up = append(up, entry{id: id, hash: hash})
		case hash == 0 && known.hash != 0:
			gone = append(gone, entry{id: id})
		}
	}
	if full && len(up) == 0 { // a full import of nothing does not exist: what is there is listed
		gone = nil
		for id, hash := range m.store {
			if hash != 0 {
				gone = append(gone, entry{id: id})
			}
		}
		full = false
	}
	if full {
		gone = nil
	}
	w.Full, w.Documents = full, int64(len(up))
	w.Upserted, w.Removed = m.segment("up", up), m.segment("gone", gone)
	w.Scan.At = at
	return w, folded
}

func (m *model) apply(s State, w Import, folded *Segment) State {
	m.step("compared")
	if w.Upserted == nil && w.Removed == nil {
		return m.save(Scanned(s, w.Scan, folded), "scanned")
	}
	s = m.save(Begin(s, w, folded), map[bool]string{false: "begun", true: "begun a full sync"}[w.Full])
	undeleted := int64(0)
	if w.Removed != nil {
		for _, e := range m.segments[w.Removed.Name] {
			if m.chance(6) {
				undeleted++
				continue
			}
			m.store[e.id] = 0
			m.step("deleted a document")
		}
	}
	s = Started(s, "", undeleted)
	if w.Upserted == nil {
		return m.save(Confirmed(s, Rejections{}), "deletions confirmed")
	}
	op := &operation{name: m.name("operation"), full: w.Full, upserts: m.segments[w.Upserted.Name]}
	for _, e := range op.upserts {
		op.rejected[e.id] = m.chance(6)
	}
	m.imports = append(m.imports, op)
	m.step("asked for an import")
	return m.save(Started(s, op.name, undeleted), "started")
}
