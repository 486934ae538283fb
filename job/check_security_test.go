package main

import (
	"slices"
	"strings"
	"testing"

	"vertexmetadata/job/internal/column"
	"vertexmetadata/job/internal/config"
)

// Who else can read or change what the job does stands together, and nothing is lost by that.
func TestSecurityFindingsStandTogether(t *testing.T) {
	var names []string
	for _, f := range securityLast([]finding{{name: "stand-ins"}, {name: "config"}, {name: "role"}, {name: "encryption"}, {name: "lock"}, {name: "writers"}, {name: "lock", text: "2"}, {name: "sources"}, {name: "row security"}}) {
		names = append(names, f.name+f.text)
	}
	if want := []string{"config", "lock", "lock2", "encryption", "role", "row security", "writers", "sources", "stand-ins"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestContentBuckets(t *testing.T) {
	content := contentMatch{columns: []column.Column{{Name: "id"}, {Name: "content_uri"}, {Name: "content_mime_type"}}}
	found := content.contentBuckets(config.Config{})
	if len(found) != 1 || found[0].status != statusWarning || !strings.Contains(found[0].text, "any bucket") {
		t.Errorf("any bucket: %+v", found)
	}
	found = content.contentBuckets(config.Config{ContentBuckets: []string{"a", "b"}})
	if len(found) != 1 || found[0].status != statusOK || found[0].text != "content may come from gs://a, gs://b" {
		t.Errorf("two buckets: %+v", found)
	}
	fields := contentMatch{columns: []column.Column{{Name: "id"}}}
	if found := fields.contentBuckets(config.Config{}); found != nil {
		t.Errorf("no content: %+v", found)
	}
}
