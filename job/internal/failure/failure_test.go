package failure

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Documents are counted by reason, whichever of them the reason names, and an id stands for its reason once.
func TestReasons(t *testing.T) {
	var got Tally
	for _, d := range []Document{
		{ID: "a-1", Reason: `Invalid document "a-1": no.`},
		{ID: "a-2", Reason: `Invalid document "a-2": no.`},
		{ID: "a-2", Reason: `Invalid document "a-2": no.`},
		{ID: "b-1", Reason: "branches/0/documents/b-1 is too large"},
		{ID: "b-2", Reason: "branches/0/documents/b-2 is too large"},
		{ID: "", Reason: `the id "" is empty`},
		{ID: "is", Reason: `the id is no id`},
	} {
		got.Add(d)
	}
	got.AddUnnamed(2)
	want := []Group{
		{Reason: `Invalid document "…": no.`, Count: 3, Examples: []string{"a-1", "a-2"}},
		{Reason: "branches/0/documents/… is too large", Count: 2, Examples: []string{"b-1", "b-2"}},
		{Reason: "rejected by Vertex AI Search, which did not say which document", Count: 2},
		{Reason: `the id "" is empty`, Count: 1},
		{Reason: "the id is no id", Count: 1, Examples: []string{"is"}},
	}
	if diff := cmp.Diff(want, got.Sorted().Groups); diff != "" {
		t.Error(diff)
	}
}

// What is remembered of failed documents is bounded, whatever is in the object.
func FuzzRecall(f *testing.F) {
	f.Add([]byte(`{"id":"a","hash":"1","reason":"x"}`))
	f.Add([]byte(strings.Repeat("{}\n", maxRemembered+10)))
	f.Add([]byte(strings.Repeat("x", 2<<20) + "\n{\"id\":\"b\",\"hash\":\"2\"}\n"))
	f.Add([]byte(fmt.Sprintf(`{"id":%q,"hash":"1"}`, strings.Repeat("i", maxLine))))
	f.Fuzz(func(t *testing.T, data []byte) {
		all := Tally{}.Recall(data).Remembered()
		if len(all) > maxRemembered {
			t.Errorf("%d are remembered", len(all))
		}
		for _, one := range all {
			if len(one.ID)+len(one.Reason) > 3*maxLine {
				t.Errorf("one of %d bytes is remembered", len(one.ID)+len(one.Reason))
			}
		}
	})
}
