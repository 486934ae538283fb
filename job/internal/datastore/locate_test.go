package datastore

import (
	"io"
	"maps"
	"runtime"
	"strings"
	"testing"
)

// Somebody put a file of one endless line in the place of ours: no more of it is kept than an id.
func TestLocateInAFileOfOthers(t *testing.T) {
	reasons := map[int64]string{1: "bad"}
	suspects := map[string]string{}
	endless := io.LimitReader(letters{}, 300<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := suspectsIn(io.MultiReader(strings.NewReader(`{"id": "a", "x": "`), endless), reasons, suspects); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if want := map[string]string{"a": "bad"}; !maps.Equal(suspects, want) {
		t.Errorf("got %v, want %v", suspects, want)
	}
	if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 8<<20 {
		t.Errorf("%d bytes were allocated for a line of 300 MB", bytes)
	}
	clear(suspects)
	file := "{\"id\": \"one\"}\n{\"id\": \"../two\"}\nno JSON\n"
	if err := suspectsIn(strings.NewReader(file), reasons, suspects); err != nil || !maps.Equal(suspects, map[string]string{"one": "bad"}) {
		t.Errorf("got %v, %v", suspects, err)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
