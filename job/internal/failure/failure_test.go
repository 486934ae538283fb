package failure

import (
	"fmt"
	"strings"
	"testing"
)

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
