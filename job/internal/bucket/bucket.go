// Package bucket keeps objects in one Google Cloud Storage bucket: small ones
// that are created once, large ones as streams of bounded memory.
//
// Every call is bounded in time and retried with jitter by the storage
// client's own policy, as long as a retry can help. All changes are retried,
// not only those the client counts as idempotent: a write carries a token in
// the object's metadata, so that a write whose reply was lost is recognised
// instead of being reported as a conflict.
package bucket

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"cloud.google.com/go/storage"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/api/option"

	"vertexmetadata/job/internal/refusal"
)

// maxPause is the longest pause before a retry.
const maxPause = 8 * time.Second

// Bucket is one bucket. Its methods may be used by many goroutines at a time.
type Bucket struct {
	name    string
	client  *storage.Client
	handle  *storage.BucketHandle
	project string // for remedies
	root    string // every object's name begins with it
	budget  time.Duration
	last    atomic.Pointer[transient] // for error texts
}

// Object describes one stored object.
type Object struct {
	Name    string
	Size    int64     // bytes
	Updated time.Time // last change
}

// Config names a bucket, by a name that package config has checked.
type Config struct {
	Name    string
	Project string        // whose settings errors advise to change
	Root    string        // such as metadata/: an object whose name does not begin with it is ErrOutside, whatever the name was read from
	Budget  time.Duration // default: refusal.Budget
}

// Open returns the bucket, without asking whether it exists: a call that needs it
// reports that. Where STORAGE_EMULATOR_HOST is set, the client
// talks to that address without credentials.
func Open(ctx context.Context, cfg Config) (*Bucket, error) {
	b := &Bucket{name: cfg.Name, project: cfg.Project, root: cfg.Root, budget: cmp.Or(cfg.Budget, refusal.Budget)}

	// The JSON API throughout: the other one, XML, reports fewer details of an
	// error and is a second protocol for an emulator to get right.
	client, err := storage.NewClient(ctx, storage.WithJSONReads(), option.WithTelemetryDisabled())
	if err != nil {
		return nil, refusal.Explain("open", "gs://"+b.name, err, b.target())
	}
	client.SetRetry(
		storage.WithPolicy(storage.RetryAlways),
		storage.WithErrorFunc(b.retryable),
		storage.WithBackoff(gax.Backoff{Initial: 200 * time.Millisecond, Max: maxPause, Multiplier: 2}),
	)
	b.client, b.handle = client, client.Bucket(b.name)
	return b, nil
}

// Close releases the connections.
func (b *Bucket) Close() error { return b.client.Close() }

// URI is the address of an object, gs://bucket/name.
func (b *Bucket) URI(name string) string { return "gs://" + b.name + "/" + name }

// URIs are the addresses of objects.
func (b *Bucket) URIs(names []string) []string {
	uris := make([]string, len(names))
	for i, name := range names {
		uris[i] = b.URI(name)
	}
	return uris
}

// retryable is the client's own judgement. It is named explicitly because an
// upload without it falls back to an older list, in which a connection that
// the server closed before its reply (io.EOF) is final.
func (b *Bucket) retryable(err error) bool {
	if errors.Is(err, context.Canceled) || !storage.ShouldRetry(err) {
		return false
	}
	if !errors.Is(err, context.DeadlineExceeded) { // which says nothing of the cause
		b.last.Store(&transient{err, time.Now()})
	}
	return true
}
