package bucket

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"

	"vertexmetadata/job/internal/refusal"
)

// List yields the objects whose names begin with prefix, in the order of their
// names. It ends after an error.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return b.listFrom(ctx, prefix, "")
}

// listFrom is List without the names that come before from, which cost nothing.
func (b *Bucket) listFrom(ctx context.Context, prefix, from string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if err := b.inside(prefix); err != nil && prefix != b.root { // a prefix may be empty without a root
			yield(Object{}, fmt.Errorf("list gs://%s: %w", b.name, err))
			return
		}
		ctx, dog := watch(ctx, b.budget)
		defer dog.stop()
		query := &storage.Query{Prefix: prefix, StartOffset: from, Projection: storage.ProjectionNoACL}
		if err := query.SetAttrSelection([]string{"Name", "Size", "Updated"}); err != nil {
			yield(Object{}, fmt.Errorf("list %s: %w", b.URI(prefix), err))
			return
		}
		objects := b.handle.Objects(ctx, query)
		for pages := map[string]bool{}; ; {
			isNewPage := objects.PageInfo().Remaining() == 0
			dog.feed()
			attrs, err := objects.Next()
			dog.rest()
			if err == iterator.Done {
				return
			}
			if err != nil {
				yield(Object{}, b.explain(ctx, "list", prefix, err))
				return
			}
			if next := objects.PageInfo().Token; isNewPage && next != "" {
				if pages[next] { // it would come for ever
					err := &googleapi.Error{Code: http.StatusServiceUnavailable, Message: "the list has no end: a page came twice"}
					yield(Object{}, refusal.Explain("list", b.URI(prefix), err, b.target()))
					return
				}
				pages[next] = true
			}
			if !yield(Object{Name: attrs.Name, Size: attrs.Size, Updated: attrs.Updated}, nil) {
				return
			}
		}
	}
}

// Names yields the names of the objects in a folder that have content, and that a service or this program can have written.
func (b *Bucket) Names(ctx context.Context, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for o, err := range b.List(ctx, folder) {
			if (err != nil || o.Size > 0 && b.Owns(o.Name)) && !yield(o.Name, err) {
				return
			}
		}
	}
}

// CheckPermissions returns those of perms, such as storage.objects.create,
// that the job's account lacks on the bucket. It needs no permission itself,
// so it also reports whether the bucket exists: an absent one is an error.
func (b *Bucket) CheckPermissions(ctx context.Context, perms ...string) (missing []string, err error) {
	ctx, dog := watch(ctx, b.budget)
	defer dog.stop()
	held, err := b.handle.IAM().TestPermissions(ctx, perms)
	if err != nil {
		return nil, b.explain(ctx, "check permissions on", "", err)
	}
	for _, p := range perms {
		if !slices.Contains(held, p) {
			missing = append(missing, p)
		}
	}
	return missing, nil
}
