package datastore

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestDelete(t *testing.T) {
	srv := &service{refusals: map[string][]error{"DeleteDocument": {status.Error(codes.Unavailable, "x"), status.Error(codes.ResourceExhausted, "x")}}}
	var ids []string
	for i := range 300 {
		ids = append(ids, fmt.Sprint("d", i))
	}
	srv.documents = append(ids[:290:290], "stuck", "kept")
	s := start(t, srv, 5*time.Second)
	deleted, failed, err := s.Delete(t.Context(), append(ids, "stuck", "a/b"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(deleted)
	slices.Sort(ids)
	if diff := cmp.Diff(ids, deleted); diff != "" { // those that were not there included
		t.Error(diff)
	}
	got := map[string]string{}
	for id, err := range failed {
		got[id] = err.Error()
	}
	want := map[string]string{
		"stuck": "delete " + branchName + "/documents/stuck: FailedPrecondition: document has children",
		"a/b":   "delete " + branchName + `/documents/"a/b": not a document id`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"stuck", "kept"}, srv.documents); diff != "" {
		t.Error(diff)
	}
}

func TestDeleteStopsWhereItCannotSucceed(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"denied", status.Error(codes.PermissionDenied, "no"), ": access denied: no"},
		{"away", status.Error(codes.Unavailable, "down"), ": " + unavailable},
		{"no store", status.Error(codes.NotFound, "DataStore x not found."), ": not found: DataStore x not found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := &service{forever: map[string]error{"DeleteDocument": tt.err}}
			s := start(t, srv, 500*time.Millisecond)
			ids := make([]string, 200)
			for i := range ids {
				ids[i] = fmt.Sprint("d", i)
			}
			began := time.Now()
			deleted, failed, err := s.Delete(t.Context(), ids)
			if err == nil || !strings.HasSuffix(err.Error(), tt.want) {
				t.Errorf("error %v, want …%s", err, tt.want)
			}
			if len(deleted) != 0 || len(failed) != 0 {
				t.Errorf("deleted %v, failed %v", deleted, failed)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}
