package ledger

import (
	"errors"
	"fmt"
	"testing"

	"vertexmetadata/job/internal/bucket"
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
	b, err := bucket.Open(t.Context(), "bucket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return NewStore(b, NewLayout(""), "project/global/store"), objects
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

// A retention policy keeps every revision for years: the newest is still found by a few lists.
func TestNewestOfThousands(t *testing.T) {
	for _, tt := range []struct {
		oldest, newest int64
		lists          int
	}{
		{1, 0, 1},
		{1, 1, 1},
		{51, 100, 1},
		{1, listed - 1, 1},
		{1, listed, 7},
		{1, listed + 1, 7},
		{1, 2*listed - 1, 3},
		{1, 7300, 8},
		{3000, 7300, 10},
		{1, 1_000_000, 40},
		{999_000, 99_999_998, 60},
	} {
		t.Run(fmt.Sprintf("%d to %d", tt.oldest, tt.newest), func(t *testing.T) {
			lists := 0
			newest, err := leap(func(from int64) (int64, bool, error) {
				lists++
				from = max(from, tt.oldest)
				if from > tt.newest {
					return 0, false, nil
				}
				last := min(from+listed-1, tt.newest)
				return last, last-from+1 == listed, nil
			})
			if err != nil || newest != tt.newest || lists > tt.lists {
				t.Errorf("newest %d by %d lists, want %d by %d; %v", newest, lists, tt.newest, tt.lists, err)
			}
		})
	}
}
