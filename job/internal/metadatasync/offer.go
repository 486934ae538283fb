package metadatasync

// offer is what one task found in its share: the documents to import, the ids to remove, and the manifest segments
// that become part of the state once that is done. Everything it names is in the bucket already, except Lines.
type offer struct {
	scanned
	Task     int   `json:"task"`
	Revision int64 `json:"revision"` // of the state that the share was compared with

	Rows      int64 `json:"rows"`      // read from the source
	Documents int64 `json:"documents"` // of them are documents that the data store should hold
	Skipped   int64 `json:"skipped"`   // rows whose MIME type is not accepted
	Refused   int64 `json:"refused"`   // rows that Vertex AI Search would refuse
	Held      int64 `json:"held"`      // documents that wait for a purge to end
	Upserts   int64 `json:"upserts"`   // documents to import
	New       int64 `json:"new"`       // of them are not in the data store
	Gone      int64 `json:"gone"`      // documents to remove
	Before    int64 `json:"before"`    // documents that the data store held of this share
	Bytes     int64 `json:"bytes"`     // of the documents to import

	Data  []string `json:"data,omitempty"` // JSONL objects with the documents to import
	Lines [][]byte `json:"-"`              // or, for a single task with a small change, the lines themselves

	GoneIDs    []string `json:"gone_ids,omitempty"`    // ids to remove, when they are few
	GoneObject string   `json:"gone_object,omitempty"` // or the object that lists them as a purge reads them

	Base     *segment `json:"base,omitempty"`     // the share as it was, in place of its many segments
	Upserted *segment `json:"upserted,omitempty"` // the documents to import
	Removed  *segment `json:"removed,omitempty"`  // the ids to remove
}

// segments returns the segments that the offer brings.
func (o *offer) segments() (all []segment) {
	for _, g := range []*segment{o.Base, o.Upserted, o.Removed} {
		if g != nil && g.Name != "" {
			all = append(all, *g)
		}
	}
	return all
}

// total adds up offers; its names of objects and segments are left empty.
func total(offers []offer) (t offer) {
	for _, o := range offers {
		t.Rows += o.Rows
		t.Documents += o.Documents
		t.Skipped += o.Skipped
		t.Refused += o.Refused
		t.Held += o.Held
		t.Upserts += o.Upserts
		t.New += o.New
		t.Gone += o.Gone
		t.Before += o.Before
		t.Bytes += o.Bytes
	}
	return t
}
