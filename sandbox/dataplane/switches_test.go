package dataplane

import (
	"strings"
	"testing"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/secretmanager"
	"vertexmetadata/sandbox/storage"
	"vertexmetadata/sandbox/switches"
)

// TestSwitches sets every switch to every value that it names, and refuses another.
func TestSwitches(t *testing.T) {
	objects, err := storage.Start(storage.Options{Buckets: []string{Bucket}})
	if err != nil {
		t.Fatal(err)
	}
	defer objects.Close()
	search, err := discoveryengine.Start(discoveryengine.Options{Storage: objects})
	if err != nil {
		t.Fatal(err)
	}
	defer search.Close()
	secrets, err := secretmanager.Start(secretmanager.Options{Secrets: secretmanager.NewStore()})
	if err != nil {
		t.Fatal(err)
	}
	defer secrets.Close()
	examples := map[string][]string{"DURATION": {"1ms"}, "COUNT": {"0", "2"}}
	names := map[string]bool{}
	for _, s := range (&Plane{Storage: objects, Search: search, Secrets: secrets}).Switches() {
		if names[s.Name] || s.Help == "" || !strings.HasSuffix(s.Help, ".") {
			t.Errorf("%s is twice there, or its help %q is no sentence", s.Name, s.Help)
		}
		names[s.Name] = true
		values := examples[s.Values]
		if values == nil {
			values = strings.Split(s.Values, "|")
		}
		for _, value := range values {
			if err := switches.Apply([]switches.Switch{s}, []string{s.Name + "=" + value}); err != nil {
				t.Error(err)
			}
		}
		if s.Set("no such value") == nil {
			t.Errorf("%s takes any value", s.Name)
		}
	}
	if len(names) < 20 {
		t.Errorf("only %d switches", len(names))
	}
}
