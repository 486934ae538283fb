package bucket

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"vertexmetadata/sandbox/storage"
)

// A snapshot of several parts begins with one whose name the snapshot before bears: before Commit it stays as it was.
func TestSpoolKeepsTheFirstPartOpen(t *testing.T) {
	const lines, perObject = 10, 3
	for _, ending := range []string{"committed", "aborted", "the last part fails"} {
		t.Run(ending, func(t *testing.T) {
			c := newCloud(t)
			b := openBucket(t, 10*time.Second)
			c.server.Write(bucketName, "metadata/part-0", []byte("of the snapshot before"))
			s := b.NewSpool(SpoolOptions{Name: func(part int) string { return fmt.Sprintf("metadata/part-%d", part) }, MaxObject: perObject * 7})
			defer s.Abort()
			for n := range lines {
				if err := s.Add(t.Context(), fmt.Appendf(nil, "line %d\n", n)); err != nil {
					t.Fatal(err)
				}
			}
			if got := content(t, c, "metadata/part-0"); got != "of the snapshot before" {
				t.Errorf("part 0 before Commit: %q", got)
			}
			if ending != "committed" {
				if ending == "aborted" {
					s.Abort()
				} else {
					c.server.Inject(storage.Fault{Op: storage.OpInsert, Object: "metadata/part-3", Status: 403})
					if _, err := s.Commit(); err == nil {
						t.Error("Commit says nothing of the part that failed")
					}
				}
				if got := content(t, c, "metadata/part-0"); got != "of the snapshot before" {
					t.Errorf("part 0 in the end: %q", got)
				}
				return
			}
			names, err := s.Commit()
			if want := []string{"metadata/part-0", "metadata/part-1", "metadata/part-2", "metadata/part-3"}; err != nil || !slices.Equal(names, want) {
				t.Fatalf("names %v, error %v, want %v", names, err, want)
			}
			var all string
			for _, name := range names {
				all += content(t, c, name)
			}
			for n := range lines {
				if want := fmt.Sprintf("line %d\n", n); all[n*7:n*7+7] != want {
					t.Errorf("line %d is %q", n, all[n*7:n*7+7])
				}
			}
			if len(all) != lines*7 {
				t.Errorf("%d bytes, want %d", len(all), lines*7)
			}
		})
	}
}

func content(t *testing.T, c *cloud, name string) string {
	t.Helper()
	data, err := c.server.Read(bucketName, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
