package ledger

import (
	"errors"
	"testing"

	"vertexmetadata/job/internal/bucket"
	"vertexmetadata/job/internal/layout"
	"vertexmetadata/sandbox/storage"
)

// newStore returns the ledger of a bucket of its own, and the server that keeps it.
func newStore(t *testing.T) (*Store, *storage.Server) {
	t.Helper()
	objects, err := storage.Start(storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { objects.Close() })
	objects.CreateBucket("bucket")
	t.Setenv("STORAGE_EMULATOR_HOST", objects.Addr())
	b, err := bucket.Open(t.Context(), bucket.Config{Name: "bucket"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return NewStore(b, layout.New(""), "project/global/store"), objects
}

// Two that continue from the same revision: one is recorded, the other learns that it is late.
func TestAppendIsCompareAndSwap(t *testing.T) {
	store, _ := newStore(t)
	first, err := store.Append(t.Context(), State{}, State{Unnamed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Append(t.Context(), first, State{Unnamed: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Append(t.Context(), first, State{Unnamed: 3}); !errors.Is(err, ErrSuperseded) {
		t.Errorf("error %v, want ErrSuperseded", err)
	}
	state, doubt, err := store.Load(t.Context())
	if err != nil || doubt != nil || state.Revision != 2 || state.Unnamed != 2 {
		t.Errorf("loaded %+v, %v, %v", state, doubt, err)
	}
}
