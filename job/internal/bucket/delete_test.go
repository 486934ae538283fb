package bucket

import (
	"testing"
	"time"

	"vertexmetadata/sandbox/storage"
)

// What was just written stays where the bucket throttles its deletion, and a later DeleteAll deletes it.
func TestDeleteAllThrottled(t *testing.T) {
	c := newCloud(t)
	now := time.Now()
	c.server.SetClock(func() time.Time { return now })
	c.server.SetPolicy(bucketName, storage.Policy{OneWriteASecond: true})
	b := openBucket(t, 10*time.Second)
	write := func(name string) {
		t.Helper()
		if err := write(t.Context(), b, name, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	all := func(Object) bool { return true }
	write("metadata/old")
	now = now.Add(2 * time.Second)
	write("metadata/new")
	c.server.ResetLog()

	if deleted, err := b.DeleteAll(t.Context(), "metadata/", all); deleted != 1 || err != nil {
		t.Errorf("deleted %d, error %v, want the old object alone", deleted, err)
	}
	throttled := 0
	for _, r := range c.server.Log() {
		if r.Status == 429 {
			throttled++
		}
	}
	if throttled != 1 {
		t.Errorf("%d deletions were throttled, want one that is not tried again", throttled)
	}
	c.server.Inject(storage.Fault{Op: storage.OpInsert, Status: 429})
	write("metadata/throttled once") // other calls are tried again, before and after
	now = now.Add(2 * time.Second)
	if deleted, err := b.DeleteAll(t.Context(), "metadata/", all); deleted != 2 || err != nil {
		t.Errorf("a second later: deleted %d, error %v, want the other objects", deleted, err)
	}
}
