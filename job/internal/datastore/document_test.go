package datastore

import (
	"errors"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"vertexmetadata/job/internal/refusal"
)

func TestDocuments(t *testing.T) {
	srv := &service{documents: []string{"a", "b"}}
	s := start(t, srv, time.Second)
	want := map[string]Document{
		"a":   {ID: "a", StructData: []byte(`{"answer":"鳥 a"}`), URI: "gs://images/a", MIMEType: "image/png"},
		"raw": {ID: "raw", StructData: []byte(`{"answer":1}`)},
	}
	got, err := s.Get(t.Context(), "a", "absent", "raw", "not/an id")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Document(t.Context(), "absent"); !errors.Is(err, ErrNoDocument) || err.Error() != "get "+branchName+"/documents/absent: document is not in the data store" {
		t.Errorf("absent: %v", err)
	}
	srv.forever = map[string]error{"GetDocument": status.Error(codes.NotFound, "DataStore "+storeName+" not found.")}
	if _, err := s.Get(t.Context(), "a"); err == nil || errors.Is(err, ErrNoDocument) {
		t.Errorf("no data store: %v", err)
	}
}

// A data store with access control says so by an error of its own.
func TestNotReadable(t *testing.T) {
	for _, err := range []error{
		status.Error(codes.InvalidArgument, "Listing documents is not supported for a DataStore with ACL enabled."),
		status.Error(codes.FailedPrecondition, "acl_enabled data stores cannot be listed"),
		status.Error(codes.Unimplemented, "not supported"),
	} {
		s := start(t, &service{forever: map[string]error{"ListDocuments": err, "GetDocument": err}}, time.Second)
		if _, err := s.Document(t.Context(), "a"); !errors.Is(err, ErrNotReadable) {
			t.Errorf("%v is not ErrNotReadable", err)
		}
		for _, err := range s.IDs(t.Context()) {
			if !errors.Is(err, ErrNotReadable) {
				t.Errorf("%v is not ErrNotReadable", err)
			}
		}
	}
}

// What a data store says of itself, and of its fields.
func TestDescribe(t *testing.T) {
	srv := &service{
		store: &pb.DataStore{ContentConfig: pb.DataStore_NO_CONTENT, AclEnabled: true, CmekConfig: &pb.CmekConfig{KmsKey: "k"}},
		schema: &pb.Schema{Schema: &pb.Schema_JsonSchema{JsonSchema: `{"properties":{
			"price":{"type":"number","retrievable":true}, "tags":{"type":"array","items":{"type":"string"}}, "any":{"type":["string","null"]}, "odd":{}}}`}},
	}
	s := start(t, srv, time.Second)
	d, err := s.Describe(t.Context())
	if err != nil || d.Content != ContentNone || !d.ACL || d.KMSKey != "k" {
		t.Errorf("%+v, error %v", d, err)
	}
	fields, err := s.Schema(t.Context(), d)
	want := map[string]string{"price": "number", "tags": "array", "any": "", "odd": ""}
	if diff := cmp.Diff(want, fields); diff != "" || err != nil {
		t.Errorf("%s error %v", diff, err)
	}
	srv.schema = &pb.Schema{Schema: &pb.Schema_JsonSchema{JsonSchema: `[`}}
	if _, err := s.Schema(t.Context(), d); err == nil || !strings.HasPrefix(err.Error(), "read "+storeName+"/schemas/default_schema: ") {
		t.Errorf("damaged: %v", err)
	}
	for _, store := range []*pb.DataStore{{WorkspaceConfig: &pb.WorkspaceConfig{}}, {HealthcareFhirConfig: &pb.HealthcareFhirConfig{}}} {
		srv.store = store
		if _, err := s.Describe(t.Context()); err == nil || !strings.Contains(err.Error(), "takes no imported documents") {
			t.Errorf("%v: %v", store, err)
		}
	}
}

// Somebody waits for a search: it ends within ten seconds, whatever Budget is.
func TestSearchEnds(t *testing.T) {
	s := start(t, &service{hang: map[string]bool{"Search": true}}, time.Minute)
	if searchBudget > 10*time.Second {
		t.Errorf("a search may take %s", searchBudget)
	}
	s.api.Budget = 100 * time.Millisecond
	if _, err := s.Search(t.Context(), "x", 1); !errors.Is(err, ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	away, err := Open(t.Context(), Config{Project: "p1", DataStore: "posts", Endpoint: "127.0.0.1:1", Budget: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	if _, err := away.Search(t.Context(), "x", 1); refusal.HintOf(err) != "check DISCOVERYENGINE_ENDPOINT: nothing usable answers there" {
		t.Errorf("error %v, hint %s", err, refusal.HintOf(err))
	}
}
