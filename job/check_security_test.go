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
	for _, f := range securityLast([]finding{{Name: "stand-ins"}, {Name: "config"}, {Name: "role"}, {Name: "encryption"}, {Name: "lock"}, {Name: "writers"}, {Name: "lock", Text: "2"}, {Name: "sources"}, {Name: "row security"}}) {
		names = append(names, f.Name+f.Text)
	}
	if want := []string{"config", "lock", "lock2", "encryption", "role", "row security", "writers", "sources", "stand-ins"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}

func TestContentBuckets(t *testing.T) {
	content := contentMatch{columns: []column.Column{{Name: "id"}, {Name: "content_uri"}, {Name: "content_mime_type"}}}
	found := content.contentBuckets(config.Config{})
	if len(found) != 1 || found[0].Status != statusWarning || !strings.Contains(found[0].Text, "any bucket") {
		t.Errorf("any bucket: %+v", found)
	}
	found = content.contentBuckets(config.Config{ContentBuckets: []string{"a", "b"}})
	if len(found) != 1 || found[0].Status != statusOK || found[0].Text != "content may come from gs://a, gs://b" {
		t.Errorf("two buckets: %+v", found)
	}
	fields := contentMatch{columns: []column.Column{{Name: "id"}}}
	if found := fields.contentBuckets(config.Config{}); found != nil {
		t.Errorf("no content: %+v", found)
	}
}
