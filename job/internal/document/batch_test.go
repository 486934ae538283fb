package document

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBatch: a batch has the documents of its rows in their order, says what became of the others, and can be used again.
func TestBatch(t *testing.T) {
	e := NewEncoder(columns("id", "t", "content_mime_type", "content_uri"), Options{})
	b := NewBatch(10)
	for range 2 {
		for _, r := range [][][]byte{
			row("1", "one", nil, nil), row("2", "two", "text/plain", "gs://bkt/o"), row("", "three", nil, nil), row("4", "", nil, nil),
		} {
			b.Add(e, r)
		}
		var got []string
		err := b.Each(func(id, line []byte) error {
			got = append(got, fmt.Sprintf("%s %s %s", id, b.ID(len(got)), line))
			return nil
		})
		want := []string{
			`1 1 {"id": "1", "structData": {"t": "one"}}` + "\n",
			`4 4 {"id": "4", "structData": {"t": ""}}` + "\n",
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v, documents (-want +got):\n%s", err, diff)
		}
		if b.Rows != 4 || b.Len() != 2 || b.Skipped.ByType["text/plain"] != 1 || len(b.Refused) != 1 || !strings.HasPrefix(b.Refused[0].Reason, "id is empty: ") {
			t.Errorf("got %+v", b)
		}
		if b.Reset(); b.Len() != 0 || b.Size() != 0 || b.Rows != 0 || len(b.Refused) != 0 {
			t.Errorf("not empty: %+v", b)
		}
	}
}
