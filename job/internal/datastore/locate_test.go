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
	var f Failures
	f.Add(Failure{Place: Place{Line: 1}, Located: true, Reason: "bad"})
	suspects := map[string]string{}
	endless := io.LimitReader(letters{}, 300<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := f.Locate(io.MultiReader(strings.NewReader(`{"id": "a", "x": "`), endless), "gs://b/o", true, suspects); err != nil {
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
	if _, err := f.Locate(strings.NewReader(file), "gs://b/o", true, suspects); err != nil || !maps.Equal(suspects, map[string]string{"one": "bad"}) {
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
