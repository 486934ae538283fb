package discoveryengine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	de "cloud.google.com/go/discoveryengine/apiv1"
	pb "cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"vertexmetadata/sandbox/discoveryengine"
)

func TestCallFaults(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a"))
	r := fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "in.jsonl")
	refused := w.Inject(discoveryengine.Fault{Method: "ImportDocuments", Skip: 1, Code: codes.ResourceExhausted, Message: "slow down"})
	if _, _, err := w.importDocuments(t.Context(), r); err != nil {
		t.Errorf("the skipped call failed: %v", err)
	}
	_, _, err := w.importDocuments(t.Context(), r)
	wantError(t, err, codes.ResourceExhausted, "slow down")
	if _, _, err := w.importDocuments(t.Context(), r); err != nil || refused.Hits() != 1 {
		t.Errorf("after the fault: %v, %d hits", err, refused.Hits())
	}
	if got := w.Calls()["ImportDocuments"]; got != 3 {
		t.Errorf("%d calls counted, want 3", got)
	}
}

func TestLostReplyOfAnImport(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a"))
	lost := w.Inject(discoveryengine.Fault{Method: "ImportDocuments", DropReply: true})
	// The plain stub: the client library would try again after UNAVAILABLE, as it may.
	_, err := w.stub.ImportDocuments(t.Context(), fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "in.jsonl"))
	wantError(t, err, codes.Unavailable, "EOF")
	if err := w.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantIDs(t, "a")
	if lost.Hits() != 1 || len(w.Operations()) != 1 {
		t.Errorf("%d hits, operations %v", lost.Hits(), w.Operations())
	}
}

func TestHeldOperation(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a"))
	w.Hold()
	op, err := w.client.ImportDocuments(t.Context(), fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "in.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := op.Poll(t.Context()); err != nil || op.Done() {
		t.Errorf("Poll = %v, done %v; want it to run", err, op.Done())
	}
	w.wantIDs(t)
	w.Release()
	if err := w.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Resumed by name, as the next run of the job does.
	resumed := w.client.ImportDocumentsOperation(op.Name())
	if _, err := resumed.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantIDs(t, "a")
}

func TestLatency(t *testing.T) {
	w := newWorld(t)
	w.SetLatency(20 * time.Millisecond)
	w.write(t, "in.jsonl", lines("a"))
	start := time.Now()
	if _, err := w.client.ImportDocuments(t.Context(), fromStorage(pb.ImportDocumentsRequest_INCREMENTAL, "in.jsonl")); err != nil {
		t.Fatal(err)
	}
	if err := w.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took < 20*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

func TestOperationFails(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a", "b", "c", "d"))
	w.store.Put("old", line("old"))
	w.FailOperations(discoveryengine.OperationFault{Code: codes.Unavailable, Message: "try later"})
	_, _, err := w.importDocuments(t.Context(), fromStorage(pb.ImportDocumentsRequest_FULL, "in.jsonl"))
	wantError(t, err, codes.Unavailable, "try later")
	w.wantIDs(t, "old")
	w.FailOperations(discoveryengine.OperationFault{Applied: 0.5})
	_, _, err = w.importDocuments(t.Context(), fromStorage(pb.ImportDocumentsRequest_FULL, "in.jsonl"))
	wantError(t, err, codes.Internal, "Internal error encountered.")
	w.wantIDs(t, "a", "b", "old")
	var codesSeen []codes.Code
	for _, o := range w.Operations() {
		codesSeen = append(codesSeen, o.Code)
	}
	if diff := cmp.Diff([]codes.Code{codes.Unavailable, codes.Internal}, codesSeen); diff != "" {
		t.Error(diff)
	}
}

func TestSomeDocumentsFail(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a", "b")+strings.Replace(line("c"), "image/jpeg", "image/webp", 1))
	w.store.Put("b", `{"id": "b", "structData": {"old": true}}`)
	w.FailDocuments(func(id string) bool { return id == "b" })
	w.RejectWebP(true)
	w.AnonymousErrors(true)
	response, metadata, err := w.importDocuments(t.Context(), fromStorage(pb.ImportDocumentsRequest_FULL, "in.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	w.wantIDs(t, "a", "b")
	if metadata.GetFailureCount() != 2 || !strings.Contains(w.store.Documents()["b"], "old") {
		t.Errorf("metadata %v, documents %v", metadata, w.store.Documents())
	}
	var messages []string
	for _, sample := range response.GetErrorSamples() {
		messages = append(messages, sample.GetMessage())
	}
	want := []string{"Invalid document: failed by a fault switch.", `Invalid document: unsupported content.mime_type "image/webp".`}
	if diff := cmp.Diff(want, messages); diff != "" {
		t.Error(diff)
	}
}

func TestPercentIsSteady(t *testing.T) {
	choose, n := discoveryengine.Percent(5), 0
	for i := range 10_000 {
		id := "doc-" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26%40)
		chosen := choose(id)
		if chosen != discoveryengine.Percent(5)(id) {
			t.Fatal("not steady")
		}
		if chosen {
			n++
		}
	}
	if n < 200 || n > 1000 {
		t.Errorf("%d of 10,000 chosen, want about 500", n)
	}
}

func TestHooksAndAuthorize(t *testing.T) {
	w := newWorld(t)
	w.write(t, "in.jsonl", lines("a"))
	var seen []string
	w.SetHooks(
		func(c discoveryengine.Call) { seen = append(seen, "before "+c.Method+" "+c.Resource) },
		func(c discoveryengine.Call) { seen = append(seen, "after "+c.Method+" "+c.Resource) })
	w.SetAuthorize(func(token, permission, resource string) error {
		seen = append(seen, token+" "+permission)
		if token != "good" {
			return errors.New("Permission '" + permission + "' denied on resource '" + resource + "' (or it may not exist).")
		}
		return nil
	})
	as := func(token string) error {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
		_, err := w.stub.ImportDocuments(ctx, fromStorage(0, "in.jsonl"))
		return err
	}
	if err := as("good"); err != nil {
		t.Error(err)
	}
	wantError(t, as("bad"), codes.PermissionDenied, "Permission 'discoveryengine.documents.import' denied on resource '"+parent)
	wantError(t, as(""), codes.Unauthenticated, "Request is missing required authentication credential")
	want := []string{
		"before ImportDocuments " + parent, "good discoveryengine.documents.import", "after ImportDocuments " + parent,
		"before ImportDocuments " + parent, "bad discoveryengine.documents.import",
		"before ImportDocuments " + parent, " discoveryengine.documents.import",
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

func TestSearch(t *testing.T) {
	w := newWorld(t)
	for id, text := range map[string]string{
		"dandelion": "これは たんぽぽ です。春に黄色い花を咲かせるキク科の植物です。",
		"beetle":    "これは カブトムシ です。夏の夜に樹液に集まる甲虫です。",
		"stone":     "これは花崗岩です。マグマが地下でゆっくり冷えて固まった岩石です。",
		"cosmos":    "コスモスは秋に咲く花です。花の色は桃色や白です。",
	} {
		w.store.Put(id, `{"id": "`+id+`", "structData": {"ai_answer": "`+text+`", "nested": {"tags": ["Nature ABC"]}}}`)
	}
	client, err := de.NewSearchClient(t.Context(), w.options...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	config := "projects/demo/locations/global/collections/default_collection/dataStores/posts/servingConfigs/default_search"
	search := func(r *pb.SearchRequest) (ids []string, err error) {
		r.ServingConfig = config
		for result, err := range client.Search(t.Context(), r).All() {
			if err != nil {
				return ids, err
			}
			if result.GetDocument().GetStructData() == nil {
				t.Errorf("result %s has no data", result.GetId())
			}
			ids = append(ids, result.GetId())
		}
		return ids, nil
	}
	for _, test := range []struct {
		name, query string
		want        []string
	}{
		{"hiragana", "たんぽぽ", []string{"dandelion"}},
		{"katakana, half width", "ｶﾌﾞﾄﾑｼ", []string{"beetle"}},
		{"question", "秋に咲く花は何ですか", []string{"cosmos"}},
		{"latin, other case", "nature", []string{"beetle", "cosmos", "dandelion", "stone"}},
		{"nothing", "クジラ", nil},
		{"empty", "", []string{"beetle", "cosmos", "dandelion", "stone"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := search(&pb.SearchRequest{Query: test.query, PageSize: 1})
			if err != nil {
				t.Fatal(err)
			}
			if test.name == "question" {
				got = got[:1]
			}
			if test.name == "latin, other case" {
				slices.Sort(got) // equally good but for their length
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	_, err = search(&pb.SearchRequest{Query: "x", Filter: "a"})
	wantError(t, err, codes.Unimplemented, "filter")
	if got := w.store.Stats().Searches; got == 0 {
		t.Error("searches are not counted")
	}
}
