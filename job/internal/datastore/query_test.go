package datastore

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestIDs(t *testing.T) {
	srv := &service{refusals: map[string][]error{"ListDocuments": {status.Error(codes.Unavailable, "x")}}}
	for i := range 2500 {
		srv.documents = append(srv.documents, fmt.Sprint("d", i))
	}
	s := start(t, srv, 5*time.Second)
	var got []string
	for id, err := range s.IDs(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}
	if diff := cmp.Diff(srv.documents, got); diff != "" {
		t.Error(diff)
	}
	if n := srv.count("ListDocuments"); n != 4 || len(srv.masks) != 3 || srv.masks[0] != "documents.id,documents.name,next_page_token" {
		t.Errorf("%d calls with masks %v", n, srv.masks)
	}
	for range s.IDs(t.Context()) {
		break // no page beyond the first
	}
	if n := srv.count("ListDocuments"); n != 5 {
		t.Errorf("%d calls, want 5", n)
	}
	srv.forever = map[string]error{"ListDocuments": status.Error(codes.PermissionDenied, "no")}
	for _, err := range s.IDs(t.Context()) {
		if err == nil || !strings.HasPrefix(err.Error(), "list documents of "+storeName+": access denied: no") {
			t.Errorf("error %v", err)
		}
	}
}

// TestIDsWithoutEnd: a list that leads in circles, or from one empty page to the next, is an error and no hang.
func TestIDsWithoutEnd(t *testing.T) {
	const want = "list documents of " + storeName + ": the service is unavailable: the list has no end: a page came twice, or one after the other without a document"
	pages := 0
	for name, more := range map[string]func() string{
		"circle":      func() string { return "0" },
		"empty pages": func() string { pages++; return fmt.Sprintf("1 %d", pages) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, &service{documents: []string{"a"}, more: more}, 200*time.Millisecond)
			var failure error
			for _, err := range s.IDs(t.Context()) {
				failure = err
			}
			if failure == nil || failure.Error() != want {
				t.Errorf("got %v, want %s", failure, want)
			}
		})
	}
}

func TestDescribeContent(t *testing.T) {
	for _, tt := range []struct {
		name    string
		store   *pb.DataStore
		content Content
		want    string
	}{
		{"documents with content", &pb.DataStore{ContentConfig: pb.DataStore_CONTENT_REQUIRED}, ContentRequired, ""},
		{"fields alone", &pb.DataStore{ContentConfig: pb.DataStore_NO_CONTENT}, ContentNone, ""},
		{"not told", &pb.DataStore{}, ContentUnknown, ""},
		{"web site", &pb.DataStore{ContentConfig: pb.DataStore_PUBLIC_WEBSITE}, ContentUnknown, "check " + storeName + ": its content is PUBLIC_WEBSITE, and it takes no imported documents"},
		{"absent", nil, ContentUnknown, "check " + storeName + ": not found: DataStore " + storeName + " not found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, &service{store: tt.store}, time.Second)
			described, err := s.Describe(t.Context())
			if err == nil && tt.want != "" || err != nil && err.Error() != tt.want {
				t.Errorf("error\n%v, want\n%s", err, tt.want)
			}
			if described.Content != tt.content {
				t.Errorf("content %d, want %d", described.Content, tt.content)
			}
		})
	}
}

func TestSearch(t *testing.T) {
	srv := &service{documents: []string{"a", "b", "c"}}
	s := start(t, srv, time.Second)
	hits, err := s.Search(t.Context(), "鳥", 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []Document{
		{ID: "a", StructData: []byte(`{"answer":"鳥 a"}`), URI: "gs://images/a"},
		{ID: "b", StructData: []byte(`{"answer":"鳥 b"}`), URI: "gs://images/b"},
	}
	if diff := cmp.Diff(want, hits); diff != "" {
		t.Error(diff)
	}
	if req := srv.searches[0]; req.GetServingConfig() != storeName+"/servingConfigs/default_serving_config" || req.GetQuery() != "鳥" || req.GetPageSize() != 2 {
		t.Errorf("request %v", req)
	}
}
