package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"cloud.google.com/go/iam"
)

// Probe writes, reads and deletes a small object under prefix, which ends in a slash:
// what permissions alone do not say, a key, billing, a policy, comes out here. An object
// that may not be deleted yet is ErrRetained; it stays, and does no harm.
func (b *Bucket) Probe(ctx context.Context, prefix string) error {
	name := prefix + "probe-" + rand.Text() + ".txt"
	content := []byte("Written by job check, which deletes it at once.\n")
	if err := b.Create(ctx, name, content); err != nil {
		return err
	}
	read, err := b.Read(ctx, name, int64(len(content)))
	if err == nil && !bytes.Equal(read, content) {
		err = fmt.Errorf("read %s: %w: other content came back", b.URI(name), ErrCorrupt)
	}
	return errors.Join(err, b.Delete(ctx, name))
}

// Protected reports whether a retention policy or a hold forbids to replace an object. One that
// does not exist is not protected.
func (b *Bucket) Protected(ctx context.Context, name string) (bool, error) {
	if err := b.inside(name); err != nil {
		return false, fmt.Errorf("stat gs://%s: %w", b.name, err)
	}
	ctx, dog := watch(ctx, b.budget)
	defer dog.stop()
	attrs, err := b.handle.Object(name).Attrs(ctx)
	switch {
	case isAbsent(err):
		return false, nil
	case err != nil:
		return false, b.explain(ctx, "stat", name, err)
	}
	until := attrs.RetentionExpirationTime
	if attrs.Retention != nil && attrs.Retention.RetainUntil.After(until) {
		until = attrs.Retention.RetainUntil
	}
	return attrs.EventBasedHold || attrs.TemporaryHold || until.After(time.Now()), nil
}

// Settings are those of a bucket that change what the job may do with its objects, or
// who else may.
type Settings struct {
	Location    string
	Retention   time.Duration // objects younger than that can be neither replaced nor deleted; 0: no policy
	DefaultHold bool          // new objects are under a hold
	KMSKey      string        // default key of new objects; "": Google's own
	SoftDelete  time.Duration // how long deleted objects are kept
}

// Settings reads the bucket's settings, which takes storage.buckets.get: a permission
// that the job does not need otherwise.
func (b *Bucket) Settings(ctx context.Context) (Settings, error) {
	ctx, dog := watch(ctx, b.budget)
	defer dog.stop()
	attrs, err := b.handle.Attrs(ctx)
	if err != nil {
		return Settings{}, b.explain(ctx, "read settings of", "", err)
	}
	s := Settings{Location: attrs.Location, DefaultHold: attrs.DefaultEventBasedHold}
	if attrs.RetentionPolicy != nil {
		s.Retention = attrs.RetentionPolicy.RetentionPeriod
	}
	if attrs.SoftDeletePolicy != nil {
		s.SoftDelete = attrs.SoftDeletePolicy.RetentionDuration
	}
	if attrs.Encryption != nil {
		s.KMSKey = attrs.Encryption.DefaultKMSKeyName
	}
	return s, nil
}

// writeRoles are the predefined roles that let their members write objects. Roles of
// the project, and custom ones, cannot be read from here.
var writeRoles = []string{
	"roles/storage.admin", "roles/storage.objectAdmin", "roles/storage.objectCreator", "roles/storage.objectUser",
	"roles/storage.legacyBucketOwner", "roles/storage.legacyBucketWriter",
}

// Writers are the members whom the bucket's own policy lets write objects, in order,
// conditions left aside. Reading it takes storage.buckets.getIamPolicy.
func (b *Bucket) Writers(ctx context.Context) ([]string, error) {
	ctx, dog := watch(ctx, b.budget)
	defer dog.stop()
	policy, err := b.handle.IAM().V3().Policy(ctx)
	if err != nil {
		return nil, b.explain(ctx, "read policy of", "", err)
	}
	var writers []string
	for _, binding := range policy.Bindings {
		if slices.Contains(writeRoles, binding.GetRole()) {
			writers = append(writers, binding.GetMembers()...)
		}
	}
	slices.Sort(writers)
	return slices.Compact(writers), nil
}

// Public reports whether a member of a policy is everybody.
func Public(member string) bool {
	return member == iam.AllUsers || member == iam.AllAuthenticatedUsers
}
